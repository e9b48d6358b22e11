"""Chinese of what is said of many runs: trend, compare, gate and fleet. Data only, as in `reports.chinese`."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "no regression": "没有退化", "regressed": "退化", "cannot say": "无法判断", "accepted": "已认可", "last-passed": "上次通过",
    "same": "不变", "better": "变好", "worse": "变差", "unsure": "不确定", "band unknown": "波动范围未知",
    "drill file": "演练文件", "limits": "要求", "environment": "环境", "control": "对照", "drill": "演练", "rubric": "评分标准",
    "suite": "套件",
    "outcome": "结论", "score": "评分", "confidence": "可信度", "no change": "无变化", "changed": "有变化",
    "Before": "之前", "After": "之后", "Difference": "差异", "Sums": "总体", "Dimensions": "维度", "Figures": "数字",
    "within the measuring bounds": "在测量误差之内", "within the noise": "在正常波动之内", "all figures": "全部数字",
    "measured in one of them only": "只有其中一次测得", "Accepted": "认可", "Runs": "次数", "Median": "中位数", "Range": "范围",
    "Mean": "平均", "not measured": "未测得", "no drills and no runs": "没有演练，也没有运行", "never": "从未",
    "Last run": "上次运行",
    "Ended": "结果", "Last passed": "上次通过", "Every": "周期", "Due": "到期", "Weakest ability": "最弱能力", "File": "文件",
    "in time": "未到期", "OVERDUE, never rehearsed": "逾期，从未演练",
}  # fmt: skip

PATTERNS: Mapping[str, str] = {
    "{drill} {run} against {against}": "{drill} {run}，对照 {against}",
    "median of {n} runs, which lay between {low} and {high}": "{n} 次运行的中位数，范围 {low} 至 {high}",
    "the run is a control, in which nothing was injected": "该运行是对照，没有注入任何故障",
    "the runs differ in {_others}": "两次运行的{_others}不同",
    "{other} passed and this run failed: {checks}": "{other} 通过而本次未通过：{checks}",
    "{run} ended {_others}, so that its figures stand on nothing": "{run} 的结果是{_others}，其数字没有依据",
    "no run of {drill} was accepted before this one": "在此之前没有认可过 {drill} 的运行",
    "no run of {drill} passed before this one": "在此之前 {drill} 没有通过的运行",
    "the last one that could stand for it, {other}, differs in {_others}": "最近一次可作对照的 {other}，其{_others}不同",
    "{figure} was not measured: {why}": "{figure} 没有测得：{why}",
    "{figure} was not measured in the run that this one is held against": "作对照的运行没有测得 {figure}",
    "{figure} was measured in neither run": "两次运行都没有测得 {figure}",
    "of {figure} nobody can say which way is better": "{figure} 的大小无所谓好坏",
    "{figure}: the edge lies within what could be measured": "{figure}：界限落在测量误差之内",
    "{figure} is worse, and whether that is noise is not known: runs that count: {n}, needed: {least}":
        "{figure} 变差，但不知是否只是波动：有效运行 {n} 次，需要 {least} 次",
    "none of the figures was measured: {figures}": "以下数字均未测得：{figures}",
    "{figure} went from {before} to {now}, beyond what is allowed": "{figure} 由 {before} 变为 {now}，超出允许的范围",
    "{figure} went from {before} to {now}; {n} runs lay between {low} and {high}":
        "{figure} 由 {before} 变为 {now}；此前 {n} 次运行在 {low} 至 {high} 之间",
    "if it shall be so from now on: {command}": "若今后即以此为准：{command}",
    "if it was chance, and may come again: {command}": "若只是偶然、以后也可能出现：{command}",
    "to hold later runs against this one: {command}": "以本次作为今后的对照：{command}",
    "the runs also differ in {what}, and figures may differ because of that": "两次运行的{what}也不同，数字的差异可能由此而来",
    "{run} is a control, in which nothing was injected: it has neither score nor figures that compare":
        "{run} 是对照，没有注入任何故障：没有可以比较的评分和数字",
    "both held the suite {suite} as it is, so that their scores compare": "两次运行都与套件 {suite} 完全一致，评分可以比较",
    "too few runs to know what is noise: what differs beyond its bounds may still be that":
        "运行次数太少，不知波动有多大：超出误差的差异仍可能只是波动",
    "no change ({amount}, {within})": "无变化（{amount}，{within}）",
    "{amount}, unclear": "{amount}，不明",
    "{amount}, {sort} or noise": "{amount}，{sort}或只是波动",
    "{drill}, runs: {n}": "{drill}：{n} 次运行",
    "controls that are left out: {n}": "另有 {n} 次对照未列入",
    "another {what} from here on: figures before and after are not compared": "自此{what}已更改：前后的数字不作比较",
    "n = {n}": "n = {n}",
    "mean {mean}": "平均 {mean}",
    "no mean of fewer than {least}": "不足 {least} 次，不取平均",
    "median {median}": "中位数 {median}",
    "from {low} to {high}": "{low} 至 {high}",
    "drills: {n}, overdue: {late}": "{n} 个演练，{late} 个逾期",
    "OVERDUE by {days}": "逾期 {days}",
    "{days} d": "{days} 天",
}  # fmt: skip
