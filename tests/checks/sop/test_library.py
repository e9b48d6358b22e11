"""The SOPs that come as examples: who follows one has its whole score, and each rule is seen kept and broken."""

from collections.abc import Callable

import pytest

from checks import Outcome, Trust
from checks.sop.acts import Act
from checks.sop.log import shows
from checks.sop.obligation import Status
from checks.sop.standing import Standing
from drills import sops
from tests.checks.sop.desk import Desk
from tests.checks.sop.story import by_id, standing, verdict
from tests.house.pages import ROOT

FOLDER = ROOT / "examples" / "sops"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
END = 70.0
"""Minutes."""


def stands(name: str, desk: Desk) -> Standing:
    """How a SOP stands when the run is over."""
    return standing(sops.read(FOLDER / f"{name}.yaml"), desk.ended(END))


def down() -> Desk:
    """Down from the first minute to the twelfth; the page comes in the second, and lin takes it."""
    return Desk().outage(1, 12, END).does(2.5, "lin", "drills ack")


# --- those who follow


def triage() -> Desk:
    desk = down().does(3, "lin", "drills act -- kubectl get pods").does(4, "lin", "drills severity P1")
    desk.writes(5, "lin", "/影响 约 30% 用户无法下单,仅东南亚区域")
    desk.does(7, "wang", "drills act --change c1 -- flagctl off coupons")
    return desk.does(9, "mei", "drills say --tag complaint 'my order fails'")


def war_room() -> Desk:
    desk = down().does(3, "lin", 'drills declare "orders fail"').does(3.5, "lin", "drills severity P1")
    desk.does(4, "lin", "drills role OL wang").does(4.5, "lin", "drills role CL chen").does(5, "zhao", "drills role L2")
    desk.does(6, "zhao", 'drills say "I look at the database"').does(7, "lin", "drills role IC zhou")
    return desk.does(8, "zhou", "drills say /approve c1").does(9, "wang", "drills act --change c1 -- lbctl drain a")


def updates() -> Desk:
    desk = Desk().outage(1, 45, END).does(3, "lin", "drills declare").does(4, "lin", "drills role CL chen")
    for minute, text in (
        (10, "进展:查到慢查询;下一步:看索引"), (24, "进展:暂无;下一步:试第四条"), (38, "进展:已加索引;下一步:观察"),
    ):  # fmt: skip
        desk.writes(minute, "wang", f"/update {text}", team="database")
    for minute, text in (
        (11, "no progress, checkout waits for the database; next: show a page that says so"),
        (25, "done with the page; next: look at the carts that were left"),
        (39, "tried ten orders by hand, nine came through; next: the tenth"),
    ):
        desk.does(minute, "mei", f'drills say "/update {text}"', team="shop")
    for minute, text in (
        (15, "the database is at it"),
        (30, "half of all orders are back"),
        (43, "all are back, we wait"),
    ):
        desk.does(minute, "lin", f'drills say "/update progress: {text}; next: the same"')
    for minute in (30, 48):
        desk.does(
            minute, "chen", f"drills say --channel stakeholders '/summary orders come back, next word in {minute} min'"
        )
    desk.does(31, "boss", "drills say '/question when is it back?'").does(33, "chen", "drills say '/answer by 10:30'")
    return desk.does(50, "lin", "drills resolve")


def announce_decide_act() -> Desk:
    desk = down().does(5, "wang", 'drills say "/announce c1 new orders wait, load on the database falls"')
    desk.does(6, "lin", "drills say /approve c1").does(7, "wang", "drills act --change c1 -- lbctl drain a")
    desk.does(8, "wang", 'drills say "/done c1 load fell by half"')
    desk.writes(9, "wang", "/公告 c2 优惠券停用,用户按原价下单,系统负载下降")  # a standing order, which nobody approves
    desk.does(10, "wang", "drills act --change c2 -- flagctl off coupons").writes(11, "wang", "/结果 c2 有效")
    desk.does(12, "mei", "drills say '/announce c3 users see the new checkout, no load expected'")
    desk.does(13, "lin", "drills say /approve c3").does(14, "mei", "drills act --change c3 -- pytest tests/orders")
    desk.does(15, "mei", "drills act --change c3 -- helm upgrade shop .")
    return desk.does(16, "mei", "drills say '/done c3 out'")


def contain_first() -> Desk:
    desk = down().does(3, "lin", "drills declare").does(6, "lin", "drills say '/approve c1 coupons off'")
    desk.does(6.5, "wang", "drills act --change c1 -- flagctl off coupons")
    desk.does(9, "wang", "drills say '/no-effect c1 orders still fail; next: roll back'")
    desk.does(10, "lin", "drills say '/approve c2 roll back'")
    desk.does(11, "wang", "drills act --change c2 -- deployctl rollback shop")
    desk.does(15, "zhao", "drills diagnose 'the release of this morning'")
    return desk.silence(5, "lin", minutes=10, comment="ACK! looking")


def replica_integrity() -> Desk:
    desk = down().does(8, "lin", "drills say '/approve c2 add r1'").sees(9, "replica_checksum", "match", replica="r1")
    desk.does(10, "wang", "drills act --change c2 -- lbctl add r1").sees(10.1, "lb_pool", "replica_added", replica="r1")
    return desk.does(12, "wang", "drills say '/done c2 r1 serves, prices agree'")


def failover_by_hand() -> Desk:
    desk = down().does(4, "lin", "drills say '/failover-failed two of three sentinels do not answer'")
    desk.does(5, "wang", "drills act -- valkey-cli -p 6380 info replication")
    desk.sees(1.2, "replication", "unreachable", replica="r0")
    desk.does(6, "wang", "drills say '/announce c1 orders stop for seconds, r2 becomes primary'")
    desk.writes(7, "lin", "/批准 c1").does(8, "wang", "drills act --change c1 -- valkey-cli -p 6380 replicaof no one")
    desk.sees(8.2, "replication", "primary", replica="r2")
    return desk.does(14, "wang", "drills say '/data the last 12 ms before the kill, 3 orders'")


def customer_notice(severity: str = "P1") -> Desk:
    desk = down().does(3, "lin", "drills declare").does(4, "lin", f"drills severity {severity}")
    desk.does(5, "lin", "drills role CL chen").notice(8, "Ordering fails for some. We write again in 15 minutes.")
    desk.does(
        9, "chen", "drills say --channel customer-service '/notice ordering fails for some; next word in 15 minutes'"
    )
    where = "management" if severity == "P0" else "business-leads"
    desk.writes(10, "chen", f"/通知 {severity},无法下单", channel=where)
    if severity == "P0":
        desk.notice(11, "Ordering fails. We write again at 10:00.", target="in-app")
    return desk.notice(20, "Ordering is restored. Next update tomorrow.", status="resolved")


def customer_notice_of_p0() -> Desk:
    return customer_notice("P0")


def all_clear() -> Desk:
    desk = down().does(17.5, "lin", "drills resolve 'since 10:12; left: the order limit still stands'")
    desk.does(18, "lin", "drills say '/all-clear well since 10:12'")
    return desk.notice(19, "All is well.", status="resolved")


def review() -> Desk:
    desk = down().does(20, "lin", "drills resolve").writes(25, "zhao", "/复盘 下单故障")
    desk.does(26, "zhao", "drills role RL")
    desk.does(30, "wang", "drills say '/cause reads piled up because an index was missing; class: code'")
    desk.writes(35, "wang", "/预防 新查询上线前检查执行计划").writes(36, "mei", "/发现 对等待连接数告警")
    return desk.writes(40, "zhao", "/行动 对等待连接数告警;负责人:wang;截止 2027-01-15")


FOLLOWED: dict[str, list[Callable[[], Desk]]] = {
    "triage": [triage], "war-room": [war_room], "updates": [updates], "announce-decide-act": [announce_decide_act],
    "contain-first": [contain_first], "replica-integrity": [replica_integrity], "failover-by-hand": [failover_by_hand],
    "customer-notice": [customer_notice, customer_notice_of_p0], "all-clear": [all_clear], "review": [review],
}  # fmt: skip


# --- those who do not, in the way that is usual


def acted_first_and_looked_later() -> Desk:
    """The page is taken late, somebody restarts at once, and it is called a P3 to keep the peace."""
    desk = Desk().outage(1, 40, END).does(1.5, "mei", "drills say --tag complaint 'my order fails'")
    desk.does(3, "wang", "drills act -- systemctl restart shop").does(9, "lin", "drills ack")
    desk.does(13, "lin", "drills severity P3").does(20, "lin", "drills severity P2").does(
        22, "lin", "drills severity P3"
    )
    return desk.does(25, "lin", "drills say '/scope something is slow'")


def everybody_by_themselves() -> Desk:
    """No roles, decisions in private, experts woken, and the one who leads types."""
    desk = Desk().outage(1, 40, END).does(2.5, "lin", "drills ack").does(3, "lin", "drills severity P1")
    desk.history.page(250.0, receiver="oncall-l3")
    desk.does(18, "lin", "drills declare").does(19, "lin", "drills role IC zhou")
    desk.writes(20, "zhou", "/approve c1", channel="friends")
    return desk.does(21, "zhou", "drills act --change c1 -- lbctl drain a")


def silence() -> Desk:
    """One team says something once, and the boss is answered by nobody."""
    desk = Desk().outage(1, 45, END).does(3, "lin", "drills declare").does(4, "lin", "drills role CL chen")
    desk.does(10, "wang", "drills say '/update looking'", team="database")
    desk.does(12, "chen", "drills say --channel stakeholders '/summary we are at it'")
    return desk.does(20, "boss", "drills say '/question when is it back?'").does(60, "lin", "drills resolve")


def just_done() -> Desk:
    """Changes that nobody knew of; one was announced in a word, one deployed untested."""
    desk = down().does(5, "wang", "drills say '/announce c1 restarting'")
    desk.does(5.5, "wang", "drills act -- systemctl restart db")
    return desk.does(8, "mei", "drills act --change c2 -- helm upgrade shop .")


def cause_before_all() -> Desk:
    """The search goes on for long, a rollback comes first and undecided, the alert is silenced, and it breaks again."""
    desk = Desk().outage(1, 60, END).does(3, "lin", "drills declare").silence(5, "wang", minutes=600)
    desk.does(18, "wang", "drills act -- deployctl rollback shop").does(25, "zhao", "drills diagnose 'the release'")
    desk.history.opened("carts", every_s=1.0).looks(f"{62 * 60}+9-400+", probe="carts", every_s=1.0, batch=60)
    desk.does(40, "lin", "drills say /approve c1").does(46, "wang", "drills act --change c1 -- flagctl off coupons")
    return desk.does(52.5, "lin", "drills say '/无效 c1 下单仍失败'")


def the_administrator_who_meant_well() -> Desk:
    """A replica is added alone and unverified, says a tick that it was not, and users see old prices."""
    desk = down().does(8, "zhao", "drills done verify-replica r1").sees(10, "lb_pool", "replica_added", replica="r1")
    return desk.sees(11, "served_data", "mismatch")


def it_was_taken_out_again() -> Desk:
    """The same, and what was wrong was taken out at once."""
    desk = the_administrator_who_meant_well().sees(13, "lb_pool", "replica_removed", replica="r1")
    return desk.does(14, "zhao", "drills say '/done r1 is out'")


def promoted_blindly() -> Desk:
    """Late, without a look, a fence or a word; and it did not take."""
    desk = down().does(4, "lin", "drills say '/failover-failed the sentinels hang'")
    return desk.does(17, "wang", "drills act --change c1 -- valkey-cli -p 6380 replicaof no one")


def kept_from_customers(severity: str = "P1") -> Desk:
    """Told to the wrong ones, late, in words that say nothing; and that it was over before it was."""
    desk = Desk().outage(1, 40, END).does(2.5, "lin", "drills ack").does(3, "lin", "drills declare")
    desk.does(4, "lin", f"drills severity {severity}").notice(20, "All is operational.", status="resolved")
    return desk.writes(6, "lin", "/通知 出事了", channel="management") if severity == "P1" else desk


def kept_from_all() -> Desk:
    return kept_from_customers("P0")


def too_early() -> Desk:
    """Over at the first good look, before which it was said already; and nobody else is told."""
    desk = Desk().outage(1, 12, END).does(2.5, "lin", "drills ack").does(10, "lin", "drills resolve")
    return desk.does(13, "mei", "drills resolve")


def over_but_not_out() -> Desk:
    """It is well again and nobody ends it."""
    return down()


def whose_fault() -> Desk:
    """A talk, late, about somebody."""
    desk = down().does(20, "lin", "drills resolve").does(65, "boss", "drills say '/review whose fault was it?'")
    return desk.does(66, "boss", "drills say '/cause wang'").does(67, "boss", "drills say '/action be careful'")


def no_review() -> Desk:
    return Desk().outage(1, 3, 90).does(2.5, "lin", "drills ack").does(4, "lin", "drills resolve")


BROKEN: dict[str, list[Callable[[], Desk]]] = {
    "triage": [acted_first_and_looked_later], "war-room": [everybody_by_themselves], "updates": [silence],
    "announce-decide-act": [just_done], "contain-first": [cause_before_all],
    "replica-integrity": [the_administrator_who_meant_well], "failover-by-hand": [promoted_blindly],
    "customer-notice": [kept_from_customers, kept_from_all], "all-clear": [too_early, over_but_not_out],
    "review": [whose_fault, no_review],
}  # fmt: skip
MORE: dict[str, list[Callable[[], Desk]]] = {"replica-integrity": [it_was_taken_out_again]}


# --- the tests


@pytest.mark.parametrize("name", NAMES)
def test_who_follows_it_has_its_whole_score(name: str) -> None:
    for make in FOLLOWED[name]:
        found = stands(name, make())
        broken = {one.rule.id: str(one.obligations) for one in found.rulings if one.status is Status.VIOLATED}

        assert broken == {}
        assert (found.points, found.confidence) == (100.0, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_who_breaks_it_in_the_usual_way_fails(name: str) -> None:
    for make in BROKEN[name]:
        found = stands(name, make())

        assert found.points is not None
        assert found.points < 50, make.__name__


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_seen_kept_and_broken(name: str) -> None:
    """Else a rule could be written that nothing ever fits."""
    seen: dict[str, set[Status]] = {}
    for make in (*FOLLOWED[name], *BROKEN[name], *MORE.get(name, ())):
        for id_, ruling in by_id(stands(name, make())).items():
            seen.setdefault(id_, set()).add(ruling.status)

    wanted = {Status.SATISFIED, Status.VIOLATED}
    assert {id_: wanted - statuses for id_, statuses in seen.items() if not wanted <= statuses} == {}


@pytest.mark.parametrize("name", NAMES)
def test_who_does_nothing_has_nothing(name: str) -> None:
    """Whatever machines do meanwhile, and though the drill heals in the end."""
    for back in (60, 10):
        desk = Desk().outage(1, back, END)
        desk.history.event(back * 60 - 5, "injection.healing", injection="kill-primary", fault="kill")

        assert not stands(name, desk).points


def test_what_was_capped_is_capped_however_well_the_rest_was_done() -> None:
    wrong = replica_integrity().sees(20, "served_data", "mismatch").sees(21, "lb_pool", "replica_removed", replica="r1")
    unverified = replica_integrity().sees(30, "lb_pool", "replica_added", replica="r2")
    untrue = customer_notice().notice(11, "Orders are restored; next word at 12:00.", status="resolved")

    assert [stands(name, desk).points for name, desk in (
        ("replica-integrity", wrong), ("replica-integrity", unverified), ("customer-notice", untrue)
    )] == [49, 59, 79]  # fmt: skip


def test_the_check_says_so() -> None:
    book = sops.read(FOLDER / "triage.yaml")

    assert verdict(triage().ended(END), book).outcome is Outcome.PASSED
    assert verdict(acted_first_and_looked_later().ended(END), book).outcome is Outcome.FAILED


# --- whose words are the command's


def fits(path: str, event: str, command: str) -> bool:
    """Whether a command that went well is this event of an example."""
    (pattern,) = sops.read(ROOT / "examples" / path).events[event].any_of
    return shows(pattern, Act(t_s=0, seq=0, kind="cli", trust=Trust.ATTRIBUTED,
                              data={"cmd": command, "mutating": False, "exit": 0}))  # fmt: skip


COMMANDS = [
    ("cache/practice-sop.yaml", "compared", "/opt/v/bin/python3.11 operate.py compare 6380 6381"),
    ("sops/announce-decide-act.yaml", "tested", "pytest tests/orders"),
    ("sops/announce-decide-act.yaml", "tested", ".venv/bin/python -m pytest -q"),
    ("sops/announce-decide-act.yaml", "tested", "uv run pytest"),
    ("sops/announce-decide-act.yaml", "tested", "make check"),
    ("sops/failover-by-hand.yaml", "looked", "valkey-cli -p 6380 info replication"),
    ("sops/failover-by-hand.yaml", "looked", "ssh r1 /usr/bin/redis-cli SENTINEL replicas shop"),
    ("sops/failover-by-hand.yaml", "looked", "psql -c 'select * from pg_stat_replication'"),
    ("sops/failover-by-hand.yaml", "looked", "patronictl -c p.yml list"),
]


@pytest.mark.parametrize(("path", "event", "command"), COMMANDS)
def test_to_print_a_command_is_not_to_run_it(path: str, event: str, command: str) -> None:
    assert fits(path, event, command)
    assert not fits(path, event, f"echo {command}")
    assert not fits(path, event, f"true # {command}")
