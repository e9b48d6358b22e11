"""Chinese: the words of reports, and the sentences that checks say. Data only; English is the key of every entry."""

from collections.abc import Mapping

from reports import chinese_across as across
from reports import chinese_exercise as exercise
from reports import chinese_measures as measures
from reports import chinese_page as page
from reports import chinese_review as review
from reports import chinese_score as score

WORDS: Mapping[str, str] = {
    **review.WORDS,
    **page.WORDS,
    **measures.WORDS,
    **across.WORDS,
    **score.WORDS,
    **exercise.WORDS,
    "passed": "通过", "failed": "未通过", "unknown": "未知", "inconclusive": "无结论", "aborted": "已中止",
    "not healed": "未恢复原状", "steady before": "注入前稳态", "steady after": "结束后稳态",
    "fault in effect": "故障生效", "failover": "故障切换", "data loss": "数据丢失", "unaffected": "不受影响", "media": "媒体质量",
    "appears": "应出现", "there": "出现",
    "recovered": "业务恢复", "clean": "清理干净", "preparing": "准备", "steady": "稳态", "faults": "故障",
    "healing": "撤除", "recovery": "恢复", "closing": "收尾", "acting": "注入中", "in effect": "生效",
    "gone": "已消失", "never in effect": "从未生效", "Drill report": "演练报告", "Timeline": "时间线",
    "Checks": "检查项", "Score": "评分", "Faults": "故障", "Probes": "探测", "Evidence": "证据",
    "Provenance": "来源与版本", "Next": "下一步", "Read this first": "阅读须知", "Phases": "阶段",
    "Verdict": "结论", "Check": "检查项", "Reason": "理由", "Limits": "要求", "Dimension": "维度",
    "Points": "得分", "Weight": "权重", "Fault": "故障", "Does": "动作", "Targets": "目标", "Acting": "开始注入",
    "In effect": "生效", "Healing": "开始撤除", "Gone": "已消失", "Trouble": "异常", "Probe": "探测",
    "Looks": "次数", "Success": "成功率", "Slowest": "最慢", "Blind": "盲", "Late p99": "发送延后 p99",
    "Line": "行", "Time": "时间", "UTC": "UTC", "Source": "来源", "What": "事件", "Phase": "阶段", "From": "从",
    "To": "到", "Name": "名称", "Digest": "摘要", "Version": "版本", "Measured": "测得", "Outcome": "结论",
    "Environment": "环境", "Severity": "级别", "Opened": "开始于", "Lasted": "历时", "Run": "运行",
    "Rubric": "评分标准", "Drill": "演练", "Note": "备注", "Total": "合计", "report": "报告", "again": "再来一次",
    "heal what is left": "撤除残留", "judge": "换要求重判", "judge with other limits": "换要求重判", "note": "注意",
    "limits changed": "要求已更改",
    "high": "高", "low": "低", "whole run": "全程", "zoom": "放大", "none": "无", "not looked": "未探测",
    "coarse": "偏粗", "journal line": "日志行", "journal lines": "日志行", "good": "正常", "bad": "异常",
    "blind": "盲", "other": "其他", "Take over and recover": "接管与恢复", "Keep the data": "保住数据",
    "Keep the damage in": "控制影响面",
    "Notice, and tell the right people": "发现并通知到人", "acknowledged data was lost": "已确认的数据丢失",
    "the service did not recover": "业务没有恢复",
    "something of ours is left in the system": "系统中留有本次注入的残余",
    "the outage lasted more than twice its limit": "中断超过要求的两倍",
    "nobody was paged who should have been": "该收到告警的人没有收到",
    "the outage lasted longer than its limit": "中断超过要求", "lost": "丢失", "outage": "中断",
    "Where the time went": "时间花在哪里", "Part": "环节", "Took": "用时", "Knob": "可调项", "Set to": "现值",
    "scrape": "抓取", "evaluation": "评估", "scrape and evaluation": "抓取与评估",
    "scrape, evaluation and for": "抓取、评估与 for", "grouping": "分组", "delivery": "投递",
    "grouping and delivery": "分组与投递", "firing": "触发", "delivered": "已送达", "resolved": "已解除", "limit": "时限",
    "noise": "噪声", "forbidden": "不该出现", "other pages": "其他通知",
    "alert": "告警", "alerts": "告警", "withheld": "未注入",
    "sop": "预案", "Follow the SOP": "按预案行事", "Status": "状态", "Rule": "规则", "When": "发生", "Limit": "期限",
    "satisfied": "已做到", "violated": "违反", "pending": "待定", "at risk": "将到期", "n/a": "不适用",
    "must": "必须", "should": "应当", "may": "可以", "observed": "实测", "attributed": "有据可查", "attested": "他人证实",
    "declared": "自述", "unsubstantiated": "无据", "overruled": "改判", "clock off": "时钟不准",
}  # fmt: skip
"""Fixed words, titles of checks, and the words of our rubrics."""

PATTERNS: Mapping[str, str] = {
    **review.PATTERNS,
    **page.PATTERNS,
    **exercise.PATTERNS,
    **measures.PATTERNS,
    **across.PATTERNS,
    **score.PATTERNS,
    "Passed: all {n} checks.": "通过：全部 {n} 项检查。",
    "Aborted, and healed.": "已中止，故障已撤除。",
    "Aborted, and healed: {why}": "已中止，故障已撤除：{why}",
    "Failed on {_check}": "未通过：{_check}",
    "Failed on {_check} and {_more} more ({_others})": "未通过：{_check}等，另有 {_more} 项（{_others}）",
    "Not healed": "未恢复原状",
    "Not healed and {_more} more ({_others})": "未恢复原状，另有 {_more} 项（{_others}）",
    "control {outcome}": "对照{outcome}",
    "nothing was injected": "没有注入任何故障",
    "withheld from {from_s} to {to_s}": "{from_s} 至 {to_s} 未注入",
    "Control, nothing was injected": "对照，没有注入任何故障",
    "all {n} checks hold without the faults.": "没有故障时全部 {n} 项检查都成立。",
    "not discriminating": "没有区分力",
    "{probe} down for {outage} without {fault}": "没有 {fault}，{probe} 也中断了 {outage}",
    "{alert} reached {receivers} without {fault}": "没有 {fault}，{alert} 也送达了 {receivers}",
    "{alert} fired without {fault}": "没有 {fault}，{alert} 也触发了",
    "{alert} did not come without {fault}": "没有 {fault}，{alert} 没有出现",
    "{alert} was pending for a while without {fault}, and never fired":
        "没有 {fault}，{alert} 曾处于 pending，但从未触发",
    "{alert} was still pending at the end, so nobody can say whether it fires without {fault}":
        "{alert} 到最后仍处于 pending，无法判断没有 {fault} 时是否会触发",
    "{met} of {all} expected alerts kept silent without {fault}, and {noise} others came":
        "没有 {fault}，{all} 条预期告警中 {met} 条没有出现，另有 {noise} 条其他告警",
    "No verdict without {_check}": "无结论，缺少前提：{_check}",
    "No verdict without {_check} and {_more} more ({_others})":
        "无结论，缺少前提：{_check}，另有 {_more} 项（{_others}）",
    "No verdict on {_check}": "无法判定：{_check}",
    "No verdict on {_check} and {_more} more ({_others})": "无法判定：{_check}，另有 {_more} 项（{_others}）",
    "No verdict: the drill asks nothing of the system.": "无结论：演练没有对系统提出任何要求。",
    "No verdict: the rubric gives no weight to any of these checks.": "无结论：评分标准没有给这些检查项任何权重。",
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
    "No verdict": "无结论",
    "{fault} never took effect": "{fault} 从未生效",
    "{fault} was in effect, and may have ended before it was healed: {why}":
        "{fault} 曾经生效，但可能在撤除之前就已结束：{why}",
    "{fault} was not seen in effect on {missing}, {count} of {all} targets":
        "{all} 个目标中有 {count} 个没有看到 {fault} 生效（{missing}）",
    "{fault} was never brought about": "{fault} 从未注入",
    "{fault} in effect {took} after the first act on {targets}": "{fault} 在首次动作 {took} 后生效（{targets}）",
    "{probe} never looked": "{probe} 从未探测",
    "nobody looked for {gap} of {span}": "{span} 中有 {gap} 无人探测",
    "only {saw} looks saw anything, {needed} are needed": "只有 {saw} 次有效探测，至少需要 {needed} 次",
    "only {saw} of {looks} looks saw anything ({why}), {needed} are needed":
        "{looks} 次探测中只有 {saw} 次有效（{why}），至少需要 {needed} 次",
    "{blind} of {looks} looks were blind ({why}), so nobody can say whether {limit}":
        "{looks} 次探测中有 {blind} 次看不到（{why}），无法判断是否满足 {limit}",
    "{success} of {looks} looks good": "{looks} 次探测中 {success} 正常",
    "{success} of {looks} looks good, {times}": "{looks} 次探测中 {success} 正常，{times}",
    "{bad} of {looks} looks failed, which counts against {limit}": "{looks} 次探测中有 {bad} 次失败，不满足 {limit}",
    "{figure} {took} over {looks} looks": "{looks} 次探测的 {figure} 为 {took}",
    "limit {limit}": "要求 {limit}",
    "look more often": "请缩短探测间隔",
    "look more often than every {every}": "探测间隔须短于 {every}",
    "{blind} looks were blind ({why})": "其中 {blind} 次看不到（{why}）",
    "watched for {watched} only": "只观察了 {watched}",
    "{hold} are needed": "需要 {hold}",
    "the run ended before it was looked at": "还没有看，运行就结束了",
    "no look of {probe} saw anything before {fault}": "{fault} 之前 {probe} 没有任何有效探测",
    "{probe} failed already before {fault}": "{fault} 之前 {probe} 已经失败",
    "no look of {probe} failed, but it was not watched for {hold} while {fault} was in effect":
        "{probe} 没有失败，但 {fault} 生效期间没有连续观察 {hold}",
    "no look of {probe} failed, but it was watched only {watched} after {fault}":
        "{probe} 没有失败，但 {fault} 之后只观察了 {watched}",
    "no look of {probe} failed, but nobody looked for {gap}": "{probe} 没有失败，但有 {gap} 无人探测",
    "{probe} never failed": "{probe} 从未失败",
    "an interruption of less than {gap} would not have been seen": "短于 {gap} 的中断看不到",
    "{probe} down for {outage}": "{probe} 中断 {outage}",
    "{probe} down for {outage}, the longest of {count} interruptions":
        "{probe} 中断 {outage}（{count} 次中断中最长的一次）",
    "{probe} did not come back, down for {outage}": "{probe} 没有恢复，已中断 {outage}",
    "{probe} came back only once {fault} was healed, down for {outage}":
        "{probe} 直到 {fault} 撤除后才恢复，中断 {outage}",
    "{probe} was not seen good for {hold} again, down for {outage}":
        "没有看到 {probe} 再次连续正常 {hold}，已中断 {outage}",
    "{fault} was healed before {probe} was good for {hold} again, down for {outage}":
        "{probe} 再次连续正常 {hold} 之前 {fault} 已撤除，已中断 {outage}",
    "{probe} down for {outage}, and no good look tells when that began":
        "{probe} 中断 {outage}，没有正常的探测能说明从何时开始",
    "{probe} down for {outage}, too coarse for limit {limit}": "{probe} 中断 {outage}，精度不足以判断要求 {limit}",
    "{probe} was there before {fault}": "{fault} 之前 {probe} 已经出现",
    "{probe} had not come {low} after {fault}": "{fault} 之后 {low} {probe} 仍未出现",
    "{fault} was healed before {probe} came": "{probe} 出现之前 {fault} 已撤除",
    "{probe} was not seen to come after {fault}": "{fault} 之后没有看到 {probe} 出现",
    "{probe} came {took} after {fault}": "{fault} 之后 {took} {probe} 出现",
    "{probe} came {took} after {fault}, too coarse for limit {limit}":
        "{fault} 之后 {took} {probe} 出现，精度不足以判断要求 {limit}",
    "{probe}, once it had come": "{probe} 出现之后",
    "{probe} was still there {low} after {fault} was gone": "{fault} 消失 {low} 后 {probe} 仍在",
    "{probe} was not seen to go after {fault} was gone": "{fault} 消失后没有看到 {probe} 消失",
    "{probe} went {left} after {fault} was gone": "{fault} 消失 {left} 后 {probe} 消失",
    "{probe} went {left} after {fault} was gone, too coarse for limit {limit}":
        "{fault} 消失 {left} 后 {probe} 消失，精度不足以判断要求 {limit}",
    "went {left} after {fault} was gone": "{fault} 消失 {left} 后消失",
    "limit {gone_limit}": "要求 {gone_limit}",
    "{probe} came without {fault}": "没有 {fault}，{probe} 也出现了",
    "{probe} did not come without {fault}": "没有 {fault}，{probe} 没有出现",
    "{lost} of {packets} packets lost": "{packets} 个数据包丢失 {lost}",
    "{lost} of {packets} packets lost, {late}": "{packets} 个数据包丢失 {lost}，{late}",
    "{share} of {packets} packets lost": "{packets} 个数据包丢失 {share}",
    "{share} of {packets} packets took longer than {over} or never came":
        "{packets} 个数据包中 {share} 超过 {over} 或丢失",
    "it waits {waits} for an answer, so nobody can say how many packets took longer than {over}":
        "每个数据包只等 {waits}，无法判断有多少超过 {over}",
    "give it a longer `timeout`": "请加大 `timeout`",
    "{probe} could not be read back": "{probe} 无法回读",
    "{probe} writes nothing that could be lost": "{probe} 没有写入可能丢失的数据",
    "{probe} was not read back": "{probe} 没有回读",
    "{count} writes of {probe} are there that were never sent, so the reading cannot be believed":
        "{probe} 有 {count} 条从未发送过的写入，回读结果不可信",
    "all {acknowledged} acknowledged {probe} are there": "已确认的 {acknowledged} 条 {probe} 全部都在",
    "all {acknowledged} acknowledged {probe} are there, but no fault put them at risk":
        "已确认的 {acknowledged} 条 {probe} 全部都在，但没有故障危及它们",
    "only {at_risk} {probe} were acknowledged around the faults, {needed} are needed":
        "故障前后只确认了 {at_risk} 条 {probe}，至少需要 {needed} 条",
    "no fault was ever there to recover from": "从未有过需要恢复的故障",
    "{fault} was never seen to be gone": "没有看到 {fault} 消失",
    "{probe} still failed {low} after {fault} was gone": "{fault} 消失 {low} 后 {probe} 仍然失败",
    "{probe} was not seen good for {hold} after {fault} was gone": "{fault} 消失后没有看到 {probe} 连续正常 {hold}",
    "{probe} back {took} after {fault} was gone": "{fault} 消失 {took} 后 {probe} 恢复",
    "{probe} back {took} after {fault} was gone, too coarse for limit {limit}":
        "{fault} 消失 {took} 后 {probe} 恢复，精度不足以判断要求 {limit}",
    "{probe} was good when {fault} was gone, and stayed so for {hold}":
        "{fault} 消失时 {probe} 正常，并保持了 {hold}",
    "left behind: {what}": "残留：{what}",
    "left behind: {what} and {count} more": "残留：{what}，另有 {count} 处",
    "{fault} on {target} was not healed": "{target} 上的 {fault} 没有撤除",
    "{fault} was meant for {target}, and nobody saw whether it is there":
        "{fault} 本要注入 {target}，没有人看到它是否还在",
    "it could not be seen whether anything is left": "无法查看是否有残留",
    "nobody looked whether anything is left": "没有人查看是否有残留",
    "nothing of ours is left": "没有残留",
    "the check itself broke: {kind}: {error}": "检查项自身出错：{kind}: {error}",
    "the journal's last line was torn off by a sudden death": "日志最后一行因进程突然终止而残缺",
    "{bytes} bytes are kept beside it": "残缺的 {bytes} 字节已另存",
    "fault {fault} never came": "故障 {fault} 从未注入",
    "{n} events of kinds that came very often are in the journal alone": "另有 {n} 个频繁重复的事件只保存在日志中",
    "probe {probe} fell behind its plan": "探测 {probe} 跟不上计划",
    "outage {fault}, {side}": "中断 {fault} 的 {side} 方面",
    "{how}, by {engine}": "{how}，由 {engine} 实施",
    "not as in a real one": "与真实中断不同",
    "{instead} stood in for {names}": "由 {instead} 代替 {names}",
    "not installed here": "本机未安装",
    "1 look in 100 was sent more than {late} late": "每 100 次探测有 1 次延后超过 {late}",
    "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers})":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}）",
    "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers}), which reaches back {reach}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}），回溯 {reach}",
    "{missing} of {acknowledged} acknowledged {probe} missing"
    " (numbers {numbers}), which reaches back {reach}, too coarse for limit {limit}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}），"
        "回溯 {reach}，精度不足以判断要求 {limit}",
    "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers}, last {apart} before {fault})":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，最后一条在 {fault} 之前 {apart}）",
    "{missing} of {acknowledged} acknowledged {probe} missing"
    " (numbers {numbers}, last {apart} before {fault}), which reaches back {reach}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，"
        "最后一条在 {fault} 之前 {apart}），回溯 {reach}",
    "{missing} of {acknowledged} acknowledged {probe} missing"
    " (numbers {numbers}, last {apart} before {fault}), which reaches back {reach}, too coarse for limit {limit}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，"
        "最后一条在 {fault} 之前 {apart}），回溯 {reach}，精度不足以判断要求 {limit}",
    "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers}, last {apart} into {fault})":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，最后一条在 {fault} 之后 {apart}）",
    "{missing} of {acknowledged} acknowledged {probe} missing"
    " (numbers {numbers}, last {apart} into {fault}), which reaches back {reach}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，"
        "最后一条在 {fault} 之后 {apart}），回溯 {reach}",
    "{missing} of {acknowledged} acknowledged {probe} missing"
    " (numbers {numbers}, last {apart} into {fault}), which reaches back {reach}, too coarse for limit {limit}":
        "已确认的 {acknowledged} 条 {probe} 中丢失 {missing} 条（编号 {numbers}，"
        "最后一条在 {fault} 之后 {apart}），回溯 {reach}，精度不足以判断要求 {limit}",
    "nobody listened to alerts": "没有人监听告警",
    "{observer} was not listening all the time": "{observer} 没有全程监听",
    "{observer} was not listening all the time before {fault}, so nobody can say whether {alert} was there already":
        "{fault} 之前 {observer} 没有全程监听，无法判断 {alert} 是否早已存在",
    "{alert} was there already before {fault}, so it proves nothing": "{fault} 之前 {alert} 已经存在，不能证明什么",
    "{alert} had come and gone already before {fault}, so it proves nothing":
        "{fault} 之前 {alert} 已经出现又消失过，不能证明什么",
    "{alert} began within {error} of {fault}, so nobody can say which came first":
        "{alert} 与 {fault} 的开始相差在 {error} 之内，无法判断先后",
    "{alert} reached {receiver} after {took}": "{alert} 在 {took} 后送达 {receiver}",
    "{alert} reached {receiver} only after {took}": "{alert} 过了 {took} 才送达 {receiver}",
    "{alert} reached {receiver} after {took}, too coarse for limit {limit}":
        "{alert} 在 {took} 后送达 {receiver}，精度不足以判断要求 {limit}",
    "limit {limit}  (scrape {scrape}, evaluation {evaluation}, for {waiting}, grouping and delivery {sending})":
        "要求 {limit}（抓取 {scrape}，评估 {evaluation}，for {waiting}，分组与投递 {sending}）",
    "limit {limit}  (scrape {scrape}, evaluation {evaluation}, for {waiting}, grouping {grouping}, delivery {delivery})":
        "要求 {limit}（抓取 {scrape}，评估 {evaluation}，for {waiting}，分组 {grouping}，投递 {delivery}）",
    "limit {limit}  (scrape and evaluation {sensing}, for {waiting}, grouping and delivery {sending})":
        "要求 {limit}（抓取与评估 {sensing}，for {waiting}，分组与投递 {sending}）",
    "limit {limit}  (scrape and evaluation {sensing}, for {waiting}, grouping {grouping}, delivery {delivery})":
        "要求 {limit}（抓取与评估 {sensing}，for {waiting}，分组 {grouping}，投递 {delivery}）",
    "limit {limit}  (scrape, evaluation and for {noticing}, grouping and delivery {sending})":
        "要求 {limit}（抓取、评估与 for {noticing}，分组与投递 {sending}）",
    "limit {limit}  (scrape, evaluation and for {noticing}, grouping {grouping}, delivery {delivery})":
        "要求 {limit}（抓取、评估与 for {noticing}，分组 {grouping}，投递 {delivery}）",
    "it fired {count} times": "共触发 {count} 次",
    "{alert} reached {receiver}": "{alert} 送达 {receiver}",
    "after {took}": "用时 {took}",
    "Of {whole}, {took} is {part}: the knob that would help most is `{knob}`, set to {set}":
        "{whole} 中有 {took} 是{part}：最值得调的是 `{knob}`，现值 {set}",
    "Of {whole}, {took} is `{knob}`, set to {set}: no other knob would help as much":
        "{whole} 中有 {took} 是 `{knob}`，现值 {set}：调它最有用",
    "Of {whole}, {took} is {part}, for which no knob is known": "{whole} 中有 {took} 是{part}，没有已知的可调项",
    "{alert} reached {receiver} in time, but has no {annotation}": "{alert} 及时送达 {receiver}，但没有 {annotation}",
    "{alert} reached {receiver} in time, but its {annotation} does not say {expression}":
        "{alert} 及时送达 {receiver}，但 {annotation} 中没有 {expression}",
    "{alert} reached {receiver} in time, but its {annotation} is a template that failed":
        "{alert} 及时送达 {receiver}，但 {annotation} 的模板渲染失败",
    "{alert} reached {receiver} in time, but its {annotation} was too long to be kept":
        "{alert} 及时送达 {receiver}，但 {annotation} 太长，没有完整保存",
    "{alert} reached {receiver} in time, but was resolved only {ended} after {fault} was gone":
        "{alert} 及时送达 {receiver}，但 {fault} 消失 {ended} 后才解除",
    "{alert} reached {receiver} in time, but was never resolved after {fault} was gone":
        "{alert} 及时送达 {receiver}，但 {fault} 消失后一直没有解除",
    "{alert} reached {receiver} in time, but the run ended before it had to be resolved":
        "{alert} 及时送达 {receiver}，但还没到应解除的时限，运行就结束了",
    "limit {until}": "要求 {until}",
    "{alert} was not seen to be resolved, but {observer} was not listening all the time":
        "没有看到 {alert} 解除，但 {observer} 没有全程监听",
    "{alert} was resolved, but the run ended before it could have come again":
        "{alert} 已解除，但运行结束得太早，它还来不及再次出现",
    "that takes {again}": "这需要 {again}",
    "{alert} reached {receiver} in time, and was then suppressed by {by}, so that nobody was told of its end":
        "{alert} 及时送达 {receiver}，随后被 {by} 压制，因此它的解除没有通知任何人",
    "{alert} may have come again unseen, as {observer} was not listening all the time":
        "{observer} 没有全程监听，{alert} 可能再次出现而没有被看到",
    "{alert} was not seen to be delivered in time, but {observer} was not listening all the time":
        "没有看到 {alert} 及时送达，但 {observer} 没有全程监听",
    "{alert} was not seen to be delivered in time, but {observer} refused a page":
        "没有看到 {alert} 及时送达，但 {observer} 拒收过一条通知",
    "{observer} refused a page": "{observer} 拒收过一条通知",
    "{alert} reached {receivers} and never {receiver}": "{alert} 送达了 {receivers}，从未送达 {receiver}",
    "{alert} fired after {took} and reached nobody": "{alert} 在 {took} 后触发，没有送达任何人",
    "{alert} fired after {took} and never reached {receiver}": "{alert} 在 {took} 后触发，从未送达 {receiver}",
    "{alert} fired after {took} and is not in the page to {receiver}, which left {count} alerts out":
        "{alert} 在 {took} 后触发，但发给 {receiver} 的通知略去了 {count} 条告警，其中没有它",
    "{alert} fired after {took}, but without a sink nobody can say whom it reached":
        "{alert} 在 {took} 后触发，但没有接收端，无法判断送达了谁",
    "{alert} fired only after {took}": "{alert} 过了 {took} 才触发",
    "{alert} fired and was silenced by {by}": "{alert} 已触发，但被静默 {by} 压制",
    "{alert} fired and was inhibited by {by}": "{alert} 已触发，但被 {by} 抑制",
    "{alert} fired and was muted by {by}": "{alert} 已触发，但处于免打扰时段 {by}",
    "{alert} was pending and never fired": "{alert} 一直处于 pending，从未触发",
    "{alert} never fired": "{alert} 从未触发",
    "{alert} never fired, since there is no such rule": "{alert} 从未触发，因为没有这条规则",
    "{alert} never fired, since its rule fails": "{alert} 从未触发，因为规则出错",
    "{alert} came only with {labels}, and not with {wanted}": "{alert} 到达时带有 {labels}，而不是 {wanted}",
    "no page of {alert} came": "没有收到 {alert} 的通知",
    "the run ended before {alert} had to be there": "还没到 {alert} 应送达的时限，运行就结束了",
    "without a sink nobody can say whether {alert} reached anybody": "没有接收端，无法判断 {alert} 是否送达",
    "{met} of {all} expected alerts came as they should, and {noise} others":
        "{all} 条预期告警中 {met} 条符合要求，另有 {noise} 条其他告警",
    "noise after {fault} ({names}): {noise}": "{fault} 之后的噪声告警（{names}）：{noise}",
    "noise after {fault}: {noise}": "{fault} 之后的噪声告警：{noise}",
    "{names} came after {fault}, which must not be": "{fault} 之后出现了不该出现的 {names}",
    "without a sink nobody can say which other pages came after {fault}": "没有接收端，无法判断 {fault} 之后还有哪些通知",
    "nobody can say which other pages came after {fault}": "无法判断 {fault} 之后还有哪些通知",
    "a page left some of its alerts out": "有通知略去了部分告警",
    "watched for only {watched} after {fault}": "{fault} 之后只观察了 {watched}",
    "and {more} more ({others})": "另有 {more} 项（{others}）",
    "{alert} reaches {receiver} at worst after scrape {scrape} + evaluation {evaluation} + for {waiting}"
    " + grouping {grouping} = {worst}":
        "{alert} 最迟送达 {receiver}：抓取 {scrape} + 评估 {evaluation} + for {waiting} + 分组 {grouping} = {worst}",
    "nobody can say when {alert} reaches {receiver}": "无法判断 {alert} 何时送达 {receiver}",
    "{lacking} not known": "不知道 {lacking}",
    "foreseen": "演练前检查",
    "{observer} cannot be heard": "无法监听 {observer}",
    "see that it runs, and that the inventory says where": "请确认它在运行，且清单中的地址正确",
    "no sink listens, so nobody will know whom a page reached": "没有接收端监听，无法得知通知送达了谁",
    "name a `sink` among the inventory's observers, and lead the receiver there too":
        "请在清单的 observers 中写一个 `sink`，并让接收者也发到那里",
    "{dead_man} is alive": "{dead_man} 存活",
    "{dead_man} is not alive": "{dead_man} 已失联",
    "see that Prometheus runs, evaluates a rule that always fires, and sends to this Alertmanager":
        "请确认 Prometheus 在运行、评估一条始终触发的规则，并发送到这个 Alertmanager",
    "{dead_man} was not heard of yet": "还没有收到 {dead_man}",
    "wait a minute or two": "请等一两分钟",
    "{alert} fires already, so it would prove nothing": "{alert} 已在触发，不能证明什么",
    "{alert} is pending already, so it would prove nothing": "{alert} 已是 pending，不能证明什么",
    "Alertmanager holds {alert} already, so it would prove nothing": "Alertmanager 已持有 {alert}，不能证明什么",
    "see to what it tells of, or wait until it is over": "请先处理它所指的问题，或等它结束",
    "{alert} has come and gone already, so it may prove nothing": "{alert} 已经出现又消失过，可能不能证明什么",
    "find out why it fires without the fault": "请查明它为何在没有故障时触发",
    "`for` makes it wait": "可用 `for` 让它等待",
    "{alert} has {labels}, and not {wanted}": "{alert} 的标签是 {labels}，而不是 {wanted}",
    "change the labels of the rule, or of the check": "请修改规则或检查项的标签",
    "no rule is called {alert}": "没有名为 {alert} 的规则",
    "no observer is called {observer}": "没有名为 {observer} 的观察者",
    "no rule is called {alert} among those that are known": "已知的规则中没有 {alert}",
    "see that all of them can be read": "请确认所有规则都能读到",
    "nobody tells of rules, so nobody can say whether {alert} can fire": "没有人告知规则，无法判断 {alert} 能否触发",
    "name a `prometheus` among the inventory's observers": "请在清单的 observers 中写一个 `prometheus`",
    "did you mean {near}?": "是否想写 {near}？",
    "there are {names}": "现有：{names}",
    "there is none at all": "一个也没有",
    "the rule of {alert} fails": "{alert} 的规则出错",
    "mend its expression": "请修正它的表达式",
    "the rule of {alert} was not evaluated yet": "{alert} 的规则还没有评估过",
    "wait for its first evaluation": "请等它第一次评估",
    "the rule of {alert} works": "{alert} 的规则正常",
    "it finds {count} series": "找到 {count} 条时间序列",
    "the rule of {alert} finds no series now, so it may never fire": "{alert} 的规则目前找不到时间序列，可能永远不会触发",
    "see that what it watches is scraped and is called so": "请确认它所看的指标已被抓取，且名称无误",
    "nothing that {alert} watches now has {wanted}": "{alert} 目前所看的时间序列都没有 {wanted}",
    "change the labels of the check": "请修改检查项的标签",
    "{alert} can fire for {count} series, so its page may be about another one":
        "{alert} 可能因 {count} 条时间序列触发，通知所指的也许是另一条",
    "say by `labels` which one is meant, or that any is, as {example}": "请用 `labels` 说明是哪一条，或写 {example} 表示任意",
    "the rule of {alert} has no annotation {annotation}": "{alert} 的规则没有注解 {annotation}",
    "write it into the rule": "请写进规则",
    "the annotation {annotation} of {alert} does not say {expression}": "{alert} 的注解 {annotation} 中没有 {expression}",
    "{alert} is silenced until {until}": "{alert} 被静默到 {until}",
    "{alert} may be silenced until {until}, depending on its labels": "{alert} 可能被静默到 {until}，取决于它的标签",
    "end that silence, or make it narrower": "请结束该静默，或缩小其范围",
    "{alert} would be inhibited by {other}, which fires now": "{alert} 会被正在触发的 {other} 抑制",
    "wait until that one is over": "请等它结束",
    "no receiver is called {receiver}": "没有名为 {receiver} 的接收者",
    "{alert} goes to {receivers} and not to {receiver}": "{alert} 会发给 {receivers}，而不是 {receiver}",
    "give {receiver} a route that its labels match, or expect it elsewhere":
        "请给 {receiver} 一条与其标签匹配的路由，或改写预期的接收者",
    "{alert} reaches {receiver} or others, depending on {labels}": "{alert} 发给 {receiver} 还是别人，取决于 {labels}",
    "let the rule set these labels, or say by `labels` which ones are meant":
        "请让规则设定这些标签，或用 `labels` 说明",
    "{alert} cannot reach {receiver} before for {waiting} + grouping {grouping} = {least}":
        "{alert} 送达 {receiver} 不会早于：for {waiting} + 分组 {grouping} = {least}",
    "shorten `for` or `group_wait`, or allow more than {least}": "请缩短 `for` 或 `group_wait`，或把要求放宽到 {least} 以上",
    "shorten `for`, `group_wait` or the intervals, or allow {worst}":
        "请缩短 `for`、`group_wait` 或各间隔，或把要求放宽到 {worst}",
    "let Prometheus and Alertmanager be observed": "请让 Prometheus 与 Alertmanager 都被监听",
    "{receiver} has no webhook, so no sink hears of its pages": "{receiver} 没有 webhook，接收端收不到它的通知",
    "{receiver} has no webhook, so no sink could hear whether {alert} reached it": (
        "{receiver} 没有 webhook，接收端无法得知 {alert} 是否送达"
    ),
    "give it one that leads to the sink": "请给它加一个通向接收端的 webhook",
    "{receiver} was told of the group of {alert} already ({group}), whose next turn may be {interval} away,"
    " so it may take {worst}":
        "{alert} 所在的组（{group}）已通知过 {receiver}，下一轮最多要等 {interval}，因此可能需要 {worst}",
    "wait {interval} after that group is over, or group by a label that tells the two apart":
        "请在该组结束后再等 {interval}，或按能区分两者的标签分组",
    "{receiver} is never told that {alert} is over": "{receiver} 不会收到 {alert} 的解除通知",
    "let its webhook have `send_resolved: true`, or expect no end":
        "请给它的 webhook 写上 `send_resolved: true`，或不要求解除",
    "{alert} cannot be over before keep_firing_for {keeping}": "{alert} 的解除不会早于 keep_firing_for {keeping}",
    "shorten `keep_firing_for`, or allow more": "请缩短 `keep_firing_for`，或放宽要求",
    "{receiver} is told that {alert} is over at worst after scrape {scrape} + evaluation {evaluation}"
    " + keep_firing_for {keeping} + group_interval {interval} = {worst}":
        "{receiver} 最迟收到 {alert} 的解除：抓取 {scrape} + 评估 {evaluation}"
        " + keep_firing_for {keeping} + group_interval {interval} = {worst}",
    "shorten these, or allow {worst}": "请缩短这些，或把要求放宽到 {worst}",
    "{receiver} is told nothing at some times ({times})": "{receiver} 在某些时段收不到通知（{times}）",
    "see that the drill is run at another time": "请在其他时间进行演练",
    "what {names} did was scripted": "{names} 的行为由脚本扮演",
    "act {act} of the cast never came": "脚本角色的 {act} 没有发生",
    "the command of {act} of the cast did not succeed": "脚本角色的 {act} 所运行的命令没有成功",
    "scripted": "由脚本扮演",
    "overruled by {over_by} and {over_too}": "由 {over_by} 与 {over_too} 改判",
    "it was {over_was}": "原为 {over_was}",
    "overruled": "改判",
    "{by} and {second} overruled {rule}, which counts as {status}": "{by} 与 {second} 改判了 {rule}，现计为 {status}",
    "unattended run": "无人参与的运行",
    "no responder was there to be judged": "没有可评判的人员",
    "{score} of 100 over {rules} rules, {least} are needed": "{rules} 条规则得 {score}（满分 100），要求 {least}",
    "{score} of 100 over one rule, {least} are needed": "1 条规则得 {score}（满分 100），要求 {least}",
    "{score} of 100, {least} are needed": "得 {score}（满分 100），要求 {least}",
    "the SOP {file} was not read": "没有读到预案 {file}",
    "the SOP was broken": "预案被违反",
    "also {others}": "另有 {others}",
    "too little can be said of the SOP": "对预案执行情况所知太少",
    "the only rule did not come to bear": "仅有的一条规则没有用到",
    "none of the {rules} rules came to bear": "{rules} 条规则都没有用到",
    "and {n} more": "另有 {n} 项",
    "{event} has not come yet": "{event} 尚未发生",
    "there was no {event}": "没有发生 {event}",
    "nobody can say whether there was {event}": "无法得知是否发生过 {event}",
    "the drill ended {left} before {event} was due": "{event} 到期前 {left} 演练已结束",
    "it was said to be over, and was not": "已有人宣布结束，而事实并非如此",
    "{event} by {who}, {took} after {anchor}": "{who} 在 {anchor} 之后 {took} 完成 {event}",
    "no {event} within {limit} of {anchor}": "{anchor} 之后 {limit} 内没有 {event}",
    "{event} by {who} came too early, before any page": "{who} 的 {event} 过早，当时尚无任何告警通知",
    "none came within {limit} of {anchor}": "{anchor} 之后 {limit} 内没有再发生",
    "{event} is due {limit} after {anchor}": "{event} 须在 {anchor} 之后 {limit} 内完成",
    "{event} is {trust} only, by {who}, and nothing better shows it": "{event} 只有 {who} 的说法（{trust}），没有更可信的证据",
    "{event} by {who}, and it takes {roles}": "{event} 由 {who} 完成，而应由 {roles} 完成",
    "{event} by {who}": "{who} 做了 {event}",
    "{event} by {who}, {n} times by then": "{who} 做了 {event}，至此 {n} 次",
    "{n} times {event}": "{event} 共 {n} 次",
    "{event} came only after the drill had begun to heal": "演练开始恢复故障之后才有 {event}",
    "{observer} last saw {result}": "{observer} 最后看到的是 {result}",
    "{event} has come, and what {state} was then is not told yet": "已有 {event}，当时的 {state} 尚未得知",
    "{then} by {doer}, {took} after {first} by {who}": "{doer} 做 {then}，此前 {took} {who} 已有 {first}",
    "{then} by {doer} without {first}": "{doer} 做了 {then}，此前没有 {first}",
    "{then} {took} after {when} by {doer}": "{doer} 的 {when} 之后 {took} 有 {then}",
    "no {then} after {when} by {doer}": "{doer} 的 {when} 之后没有 {then}",
    "{then} must follow {when} by {doer}": "{doer} 的 {when} 之后须有 {then}",
    "{event} by {who} lacks {lacking}": "{who} 的 {event} 缺少 {lacking}",
    "{event} by {who} says all that it must": "{who} 的 {event} 内容齐全",
    "{event} by {team} is due": "{team} 须给出 {event}",
    "it was over after {span}, before any {event} was due": "{span} 后已结束，还没到给出 {event} 的时候",
    "no {event} by {team} that counts in {span}": "{span} 内 {team} 没有算数的 {event}",
    "{n} times {event} by {team}, at most {gap} apart": "{team} 给出 {event} {n} 次，最长间隔 {gap}",
    "{state} had held for {held} before {event} by {who}": "{who} 的 {event} 之前 {state} 已持续 {held}",
    "nobody can say whether {state} held before {event}": "无法得知 {event} 之前 {state} 是否持续",
}  # fmt: skip
"""Sentences, or clauses of sentences. Both sides of an entry hold the same fields."""
