"""Chinese of the HTML page: the causal chain, the rules, who sees to findings. Data only, as in `reports.chinese`."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "Skip to the timeline": "跳到时间线", "Contents": "目录", "Rules and obligations": "规则与义务", "Measures": "指标",
    "Verdicts": "结论", "Outage": "中断", "Service": "业务", "Alerts": "告警", "People": "人员", "Causal chain": "因果链",
    "The causal chain, step by step": "因果链，逐步列出", "No.": "序号", "Step": "步骤", "Since": "距上一步", "Due": "期限",
    "Who": "谁", "first failed look": "首次探测失败", "alert pending": "告警待触发", "alert firing": "告警触发",
    "page delivered": "通知送达", "acknowledged": "认领", "incident declared": "宣布故障", "severity set": "定级",
    "set to work": "着手处理", "scope said": "说明影响范围", "cause stated": "说明原因", "change begun": "开始变更",
    "contained": "止损", "page resolved": "通知解除", "all-clear said": "宣布解除", "faults gone": "故障消失",
    "nothing left": "无残留", "late": "超时", "on time": "按时", "bounds": "误差范围", "due": "期限", "never came": "从未发生",
    "earlier": "向前", "later": "向后", "closer": "放大", "wider": "缩小", "moment": "时刻", "lines": "行",
    "rule by rule": "逐条查看", "Done": "完成于", "Trust": "可信度", "Finding": "发现", "Owner": "负责人", "State": "状态",
    "Findings and who sees to them": "发现与负责人", "no owner yet": "尚无负责人", "open": "未关闭",
    "Workload": "工作负载", "Not ready": "未就绪", "Evicted": "已驱逐", "Rescheduled": "重新调度", "Ready again": "恢复就绪",
    "not ready": "未就绪", "evicted": "已驱逐", "rescheduled": "重新调度", "ready again": "恢复就绪",
    "Workloads and nodes after the fault": "故障后的工作负载与节点",
    "not judged": "未判定", "performed without challenges": "执行无困难", "performed with some challenges": "执行有一些困难",
    "performed with major challenges": "执行有重大困难", "unable to be performed": "无法执行",
}  # fmt: skip

PATTERNS: Mapping[str, str] = {
    "never: {what}": "从未：{what}",
    "{steps} after {fault}": "{fault} 之后：{steps}",
    "after {fault}": "{fault} 之后",
    "{why} (> {time})": "{why}（> {time}）",
    "not ready again when the run ended": "运行结束时仍未恢复就绪",
    "nobody watched the cluster any more": "此后无人监视集群",
    "observer {observer} missed what came and went in its cluster from {from_s} to {to_s}":
        "观察者 {observer} 在 {from_s} 至 {to_s} 之间没有看到集群中出现又消失的变化",
    "no observer told of {workload}": "没有观察者报告过 {workload}",
    "let an observer watch `{kind}` where it is": "请让观察者监视其所在之处的 `{kind}`",
    "{workload} was not ready before {fault}": "{fault} 之前 {workload} 就没有就绪",
    "{workload} was never seen unready, but nobody watched it from {from_s} to {to_s}":
        "没有看到 {workload} 未就绪，但 {from_s} 至 {to_s} 之间无人监视",
    "{workload} stayed ready, but was watched only {watched} after {fault}":
        "{workload} 一直就绪，但 {fault} 之后只监视了 {watched}",
    "{workload} stayed ready while {fault} was there": "{fault} 期间 {workload} 一直就绪",
    "{workload} ready again {took} after {fault}": "{workload} 在 {fault} 之后 {took} 恢复就绪",
    "{workload} ready again {took} after {fault}, once that was healed":
        "{workload} 在 {fault} 之后 {took}、其撤除之后才恢复就绪",
    "{workload} ready again {took} after {fault}, too coarse for limit {limit}":
        "{workload} 在 {fault} 之后 {took} 恢复就绪，相对于要求 {limit} 过于粗略",
    "{fault} was healed before {workload} was ready again": "{workload} 恢复就绪之前 {fault} 已被撤除",
    "{fault} was healed before {workload} was ready again, {took} after it came":
        "{workload} 恢复就绪之前 {fault} 已被撤除（在其发生之后 {took}）",
    "{workload} still not ready {low} after {fault}": "{fault} 之后 {low} {workload} 仍未就绪",
    "{workload} not ready {low} after {fault}": "{fault} 之后 {low} {workload} 未就绪",
    "{workload} not ready after {took}, without {fault}": "没有 {fault}，{workload} 在 {took} 后未就绪",
    "{took} after {n}": "第 {n} 步之后 {took}",
    "{time} left": "余 {time}",
    "{time} too late": "晚 {time}",
    "no owner yet: {command}": "尚无负责人：{command}",
    "closed {day}": "{day} 关闭",
    "{n} more lines are in the journal; nothing was judged by them.": "日志中另有 {n} 行，没有用于判定。",
    "{points} of 100, weight {weight}": "得 {points}（满分 100），权重 {weight}",
    "{judged} of {planned} judged": "已判定 {judged}/{planned}",
    "cut from {uncapped} to {points}: {because}": "由 {uncapped} 封顶至 {points}：{because}",
    "a fault was never seen to be gone": "没有看到故障消失",
    "no fault was ever there": "从未有过故障",
}  # fmt: skip
