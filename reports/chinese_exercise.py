"""Chinese of the after-action report and of the annotations in CI. Data only, as in `reports.chinese`."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "Overview": "概况", "Can it be believed?": "结论是否可信", "Capabilities": "能力评定", "Critical tasks": "关键任务",
    "Observations": "观察", "Improvement plan": "改进计划", "Capability": "能力", "Target": "目标", "Critical task": "关键任务",
    "What was seen": "所见", "Rating": "评级", "Journal lines": "日志行", "Date": "日期", "Lasted": "历时", "Kind": "类型",
    "control: nothing was injected": "对照：未注入任何故障", "exercise on running systems": "在运行系统上的演练",
    "About": "说明", "Objectives": "目标项", "Outcome": "结果", "Strength": "优势", "Area for improvement": "待改进",
    "Corrective action": "纠正措施", "Done": "完成", "Figure": "数值",
    "performed without challenges": "顺利完成", "performed with some challenges": "完成，略有困难",
    "performed with major challenges": "完成，困难较大", "unable to be performed": "未能完成",
}  # fmt: skip

PATTERNS: Mapping[str, str] = {
    "After-action report: {title}": "演练总结报告：{title}",
    "no action yet: drills review {run}": "尚无措施：drills review {run}",
    "and {n} more: {names}": "另有 {n} 项：{names}",
}
