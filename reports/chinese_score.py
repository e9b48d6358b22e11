"""Chinese: what is said of a score and why it is what it is. Data only; English is the key of every entry."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "Detect and alert": "发现与告警", "Triage and mobilise": "定级与集结", "Contain and recover": "止损与恢复",
    "SOP and change safety": "预案与变更安全", "Command and communicate": "指挥与沟通", "Learn": "复盘改进",
    "detect": "发现", "triage": "定级", "contain": "止损", "safety": "变更安全", "command": "指挥", "learn": "复盘",
    "Dropped out": "未计入的维度", "Caps": "封顶", "No points": "不计分的检查", "Why": "原因", "Suite": "标准套件",
}  # fmt: skip
"""Titles of our rubrics, parts of a SOP, and headings."""

PATTERNS: Mapping[str, str] = {
    "the run was aborted, and what was not played to its end has no score": "运行已中止，未走完的演练不计分",
    "{score} of 100 over {rules} rules": "{rules} 条规则得 {score} 分（满分 100）",
    "{score} of 100 over one rule": "1 条规则得 {score} 分（满分 100）",
    "too little can be said of one rule": "对仅有的一条规则所知太少",
    "too little can be said of {rules} rules": "{rules} 条规则中能判断的太少",
    "no score: {share} of the score's weight was judged; {needed} is needed": "不评分：已判定权重 {share}，要求 {needed}",
    "nobody can say whether {_check} calls for a cap of {cap}": "无法判断{_check}是否应封顶 {cap}",
    "{times} times its limit, and nothing is left at {zero} times: {credit}":
        "为要求的 {times} 倍，达 {zero} 倍时不得分：{credit}",
    "{by_time} by time, of which {time}; {by_area} by service lost, {lost} and par {par}, of which {area}; together {both}":
        "时间占 {by_time}，得其 {time}；服务损失占 {by_area}，损失 {lost}，标准 {par}，得其 {area}；合计 {both}",
    "by the curve": "按曲线",
    "weight {written}: shown and not counted": "权重 {written}：展示但不计入总分",
    "weight {written}, here {weight}": "权重 {written}，本次 {weight}",
    "{names}: no check of the drill shows that; the {left} that are left count as 100":
        "{names}：本演练没有相应检查；余下的 {left} 按 100 计",
    "{points} of 100": "{points} 分（满分 100）",
    "suite {name} {version}: held as it is": "套件 {name} {version}：与之完全一致",
    "suite {name} {version}: held, and otherwise than others hold it, so that no other team's score compares: {what}":
        "套件 {name} {version}：满足，但要求与之不同，得分不能与其他团队比较：{what}",
    "suite {name} {version}: not held: {what}": "套件 {name} {version}：不满足：{what}",
}  # fmt: skip
"""Sentences, whole or as clauses between which `; ` or `: ` stands."""
