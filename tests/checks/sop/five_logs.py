"""Five runs under the worked example, from a team that does all of it to one that does nothing.

What happens in them is what is told of the runs on which the example was first tried. Of those only the scores were
kept (100.0, 22.1 under a cap of 59, 22.2, 22.1 and 0.0), so the times are ours: how late the limit came, and when the
burst, was chosen to meet them.
"""

from checks.evidence import Trust
from tests.checks.sop.story import Story

END = 60.0
REPORTS = (
    (12, "排查中：慢查询堆积在价格表. progress: order limit is on. 下一步: find the query"),
    (22, "进展：连接数回落. 下一步：在从库上校验数据"),
    (32, "found the price query without an index; next we add replica r1 once its checksum matches"),
    (42, "replica r1 serves reads, progress good. Next: watch for ten minutes, then all clear"),
)


def what_machines_tell(*, back: float) -> Story:
    """A fault after one minute, a page a minute later, and a service that is bad until somebody mends it."""
    return Story().fault(1).bad(1, back, END).page(2)


def disciplined() -> Story:
    """Everything in its time and order."""
    story = what_machines_tell(back=12).act(2.5, "page.acked", "lin").act(3, "incident.declared", "lin")
    story.chat(4, "lin", "SEV1").chat(5, "lin", "影响范围: all affected users are at checkout")
    story.act(5.5, "role.taken", "chen", role="CL", holder="chen")
    story.chat(7, "wang", "限流: 新 order 被拒绝, db load 会下降", tag="announce", change_id="c1")
    story.chat(7.5, "lin", "approve c1", tag="approve", change_id="c1")
    story.act(8, "flag.write", "wang", flag="order_admission", change_id="c1")
    story.chat(10, "chen", "结账变慢, 我们在处理, 15 分钟后再通报", channel="customer-service", tag="notice")
    for minute, text in REPORTS:
        story.chat(minute, "wang", text, tag="update")
    story.chat(33, "zhao", "加从库 r1: 业务读流量部分切走, 系统 latency 短时抖动", tag="announce", change_id="c2")
    story.chat(34, "lin", "approve c2", tag="approve", change_id="c2")
    story.act(35, "observe", probe="replica_checksum", result="match", replica="r1")
    story.act(36, "cli", "zhao", cmd="lbctl add r1", mutating=True, change_id="c2")
    story.act(37, "observe", probe="lb_pool", result="replica_added", replica="r1")
    story.act(45, "submit.diagnosis", "zhao", text="a price query without an index")
    story.state("sli_good", 12, END - 1)
    return story.act(50, "incident.resolved", "lin").ended(END)


def nobody_reports() -> Story:
    """The limit comes late, the DBA adds a replica alone, and nobody reports."""
    story = what_machines_tell(back=40).act(2.5, "page.acked", "lin").chat(5, "lin", "SEV1?")
    story.act(
        17.8, "flag.write", "wang", flag="order_admission", change_id="c1"
    )  # 16 min 48 s after the impact; limit 10 min
    story.act(25, "submit.diagnosis", "zhao", text="reads are blocked")
    story.act(30, "cli", "zhao", cmd="lbctl add r1", mutating=True, change_id="c2")
    return story.act(31, "observe", probe="lb_pool", result="replica_added", replica="r1").ended(END)


def with_boilerplate() -> Story:
    """The same, and sixty reports in twenty seconds that are one report."""
    story = nobody_reports()
    for n in range(60):
        story.chat(7 + (25 + n / 3) / 60, "zhao", f"update {n}: progress as before, next: same", tag="update")
    return story


def with_self_tick() -> Story:
    """The same, and a tick of the DBA's that the data of the replica was looked at."""
    return nobody_reports().act(29, "manual", "zhao", trust=Trust.DECLARED, step="verify-integrity", replica="r1")


def nothing() -> Story:
    """Nobody does anything."""
    return what_machines_tell(back=END - 1).ended(END)
