"""The words that reports are made of, in English and Chinese, and the translation of sentences that checks say.

English is the key of every entry and what stands where an entry is missing; so a check, ours or a plugin's, can be
written without knowing of this table. Texts of a drill's author are never translated.
"""

from collections.abc import Mapping
from string import Formatter

from checks import Sentence
from reports.printable import printable

LANGUAGES = ("en", "zh")

_ZH: Mapping[str, str] = {
    # Outcomes of runs and of checks.
    "passed": "通过", "failed": "未通过", "unknown": "未知", "inconclusive": "无结论", "aborted": "已中止", "not healed": "未恢复原状",
    # Titles of the checks that every drill has, and of ours.
    "steady before": "注入前稳态", "steady after": "结束后稳态", "fault in effect": "故障生效", "failover": "故障切换",
    "data loss": "数据丢失", "unaffected": "不受影响", "recovered": "业务恢复", "clean": "清理干净",
    # Phases, and stages of a fault.
    "preparing": "准备", "steady": "稳态", "faults": "故障", "healing": "撤除", "recovery": "恢复", "closing": "收尾",
    "acting": "注入中", "in effect": "生效", "gone": "已消失", "never in effect": "从未生效",
    # Sections and columns.
    "Drill report": "演练报告", "Timeline": "时间线", "Checks": "检查项", "Score": "评分", "Faults": "故障", "Probes": "探测",
    "Evidence": "证据", "Provenance": "来源与版本", "Next": "下一步", "Read this first": "阅读须知", "Phases": "阶段",
    "Verdict": "结论", "Check": "检查项", "Reason": "理由", "Limits": "要求", "Dimension": "维度", "Points": "得分", "Weight": "权重",
    "Fault": "故障", "Does": "动作", "Targets": "目标", "Acting": "开始注入", "In effect": "生效", "Healing": "开始撤除", "Gone": "已消失",
    "Trouble": "异常", "Probe": "探测", "Looks": "次数", "Success": "成功率", "Slowest": "最慢", "Blind": "盲", "Late p99": "发送延后 p99",
    "Line": "行", "Time": "时间", "UTC": "UTC", "Source": "来源", "What": "事件", "Phase": "阶段", "From": "从", "To": "到",
    "Name": "名称", "Digest": "摘要", "Version": "版本", "Measured": "测得", "Outcome": "结论", "Environment": "环境", "Severity": "级别",
    "Opened": "开始于", "Lasted": "历时", "Run": "运行", "Rubric": "评分标准", "Drill": "演练", "Note": "备注", "Total": "合计",
    # Commands, and what stands beside a score.
    "report": "报告", "again": "再来一次", "judge": "换要求重判", "judge with other limits": "换要求重判", "note": "注意", "limits changed": "要求已更改",
    "high": "高", "low": "低", "whole run": "全程", "zoom": "放大", "none": "无", "not looked": "未探测", "coarse": "偏粗",
    "journal line": "日志行", "journal lines": "日志行", "good": "正常", "bad": "异常", "blind": "盲", "other": "其他",
    # Dimensions and caps of our rubrics.
    "Take over and recover": "接管与恢复", "Keep the data": "保住数据", "Keep the damage in": "控制影响面",
    "acknowledged data was lost": "已确认的数据丢失", "the service did not recover": "业务没有恢复",
    "something of ours is left in the system": "系统中留有本次注入的残余",
    "the outage lasted more than twice its limit": "中断超过要求的两倍", "the outage lasted longer than its limit": "中断超过要求",
}  # fmt: skip

PATTERNS: Mapping[str, str] = {
    # Headlines. One that ends in a check's own reason is translated up to its first ": ".
    "Passed: all {n} checks.": "通过：全部 {n} 项检查。",
    "Aborted, and healed.": "已中止，故障已撤除。",
    "Aborted, and healed: {why}": "已中止，故障已撤除：{why}",
    "Failed on {_check}": "未通过：{_check}",
    "Failed on {_check} and {_more} more ({_others})": "未通过：{_check}等，另有 {_more} 项（{_others}）",
    "Not healed, something of ours is left": "未恢复原状，系统中留有本次注入的残余",
    "No verdict without {_check}": "无结论，缺少前提：{_check}",
    "No verdict without {_check} and {_more} more ({_others})": "无结论，缺少前提：{_check}，另有 {_more} 项（{_others}）",
    "No verdict on {_check}": "无法判定：{_check}",
    "No verdict on {_check} and {_more} more ({_others})": "无法判定：{_check}，另有 {_more} 项（{_others}）",
    "No verdict: the drill asks nothing of the system.": "无结论：演练没有对系统提出任何要求。",
    "No verdict: the rubric gives no weight to any of these checks.": "无结论：评分标准没有给这些检查项任何权重。",
    # What renderers say of a score.
    "score {points} of 100": "得分 {points}（满分 100）",
    "no score": "不评分",
    "capped from {uncapped}": "封顶前 {uncapped}",
    "capped": "已封顶",
    "confidence {level}, coverage {judged} of {planned}": "可信度{level}，覆盖 {judged}/{planned}",
    "at most {cap}": "最高 {cap}",
    "{judged} of {planned} checks gave an answer": "{planned} 项检查中 {judged} 项有答案",
    "{share} of the score's weight was judged; {needed} is needed": "已判定权重 {share}，要求 {needed}",
    "{seconds} in effect": "生效 {seconds}",
    "{success} good": "成功 {success}",
    "{gates}: whether the drill itself can be believed, so no points": "{gates}：说明演练本身是否可信，不计分",
    "no look saw anything": "没有任何有效探测",
}
"""Sentence patterns. Both sides hold the same fields."""

FIELDS = frozenset({"_check", "_others"})
"""Values of our headlines that are names of checks, and so words of the table above."""


def say(text: str, language: str) -> str:
    """A fixed word in this language. `steady before (orders)` is said word by word; what is not known stays."""
    if language != "zh" or not text:
        return text
    if text in _ZH:
        return _ZH[text]
    word, bracket, rest = text.partition(" (")
    return f"{_ZH[word]}（{rest.removesuffix(')')}）" if bracket and word in _ZH else text


def phrase(pattern: str, language: str, /, **values: object) -> str:
    """A pattern of the table with its values in it."""
    return translate(Sentence.of(pattern, **values), language)


def translate(sentence: Sentence, language: str) -> str:
    """A sentence in this language, on one line and safe to print; in English as far as there is no translation."""
    values = {key: printable(value) for key, value in sentence.values.items()}
    if language != "zh":
        return _fill(sentence.pattern, values)
    for key in FIELDS & values.keys():
        values[key] = "、".join(say(word, language) for word in values[key].split(", "))
    return _fill(_translated(sentence.pattern), values)


def _translated(pattern: str) -> str:
    if pattern in PATTERNS:
        return PATTERNS[pattern]
    lead, colon, rest = pattern.partition(": ")
    return f"{PATTERNS[lead]}：{_translated(rest)}" if colon and lead in PATTERNS else pattern


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with its values. A field without one stays as it is: a plugin's slip must not cost the whole report."""
    try:
        return printable(pattern.format_map(values))
    except (KeyError, IndexError, ValueError, AttributeError):
        return printable(pattern + "".join(f" ({key}: {value})" for key, value in values.items()))


def fields(pattern: str) -> set[str]:
    """The fields of a pattern, for holding the two sides of the table against each other."""
    return {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
