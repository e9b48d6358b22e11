"""Gaming does not pay: each way of having a better score without doing better, and what comes of it.

What of this is others' to hold is tested there: the chain of the journal, tokens by person, that a page was really
delivered. That the end state is sound is for checks of data and recovery, beside the SOP.
"""

import pytest

from checks.evidence import Trust
from tests.checks.sop import five_logs
from tests.checks.sop.story import Story, book, by_id, flagship, one, standing

VERIFIED = """
verified: {any_of: [{kind: observe, probe: checksum, result: match}, {kind: manual, step: verify}]}
live: {any_of: [{kind: observe, probe: pool, result: added}]}
"""
INTEGRITY = "- {id: a, order: {first: verified, then: live, same: [replica]}}"


def rotated(*acts: tuple[float, str, dict[str, str]], trust: Trust | None = None) -> Story:
    """A replica that goes live in the tenth minute, after these acts."""
    story = Story().fault(1)
    for minute, actor, data in acts:
        story.act(minute, "manual" if actor else "observe", actor, trust=trust if actor else None, replica="r1", **data)
    return story.act(10, "observe", probe="pool", result="added", replica="r1").ended(20)


# 1: trust


def test_a_tick_is_worth_less_than_what_was_seen_and_below_the_least_trust_nothing() -> None:
    def credit(trust: Trust, rule: str = INTEGRITY) -> float | None:
        return one(rule, rotated((5, "zhao", {"step": "verify"}), trust=trust), events=VERIFIED).credit

    least = INTEGRITY.replace("]}}", "]}, min_trust: attested}")
    assert [credit(trust) for trust in (Trust.ATTRIBUTED, Trust.ATTESTED, Trust.DECLARED)] == [1.0, 0.8, 0.3]
    assert [credit(trust, least) for trust in (Trust.ATTRIBUTED, Trust.ATTESTED, Trust.DECLARED)] == [1.0, 0.8, 0.0]


def test_a_tick_that_observation_contradicts_is_worth_nothing_and_shown_as_unsubstantiated() -> None:
    tick, mismatch = (5, "zhao", {"step": "verify"}), (6, "", {"probe": "checksum", "result": "mismatch"})
    found = one(INTEGRITY, rotated(tick, mismatch, trust=Trust.DECLARED), events=VERIFIED)

    assert (found.credit, found.obligations[0].remarks) == (0.0, ("unsubstantiated",))
    other = (6, "", {"probe": "disk", "result": "mismatch"})
    assert one(INTEGRITY, rotated(tick, other, trust=Trust.DECLARED), events=VERIFIED).credit == 0.3
    match = (6, "", {"probe": "checksum", "result": "match"})
    assert one(INTEGRITY, rotated(tick, match, trust=Trust.DECLARED), events=VERIFIED).credit == 1.0


def test_nobody_can_say_that_they_observed_it() -> None:
    story = Story().fault(1).act(5, "observe", "zhao", probe="checksum", result="match", replica="r1")

    assert (
        one(
            INTEGRITY, story.act(10, "observe", probe="pool", result="added", replica="r1").ended(20), events=VERIFIED
        ).credit
        == 0
    )


# 3: the traffic floor is with the states, in test_hold


# 4: silencing is not fixing


def test_to_silence_or_to_loosen_alerting_can_be_forbidden() -> None:
    rules = (
        "- {id: hush, never: {what: am.silence, from: fault.injected}}\n- {id: loose, never: {what: rules.changed}}\n"
    )
    story = Story().fault(1).silence(3, "wang")
    story.history.rules("A", t_s=0.0).rules("A", t_s=200.0, for_s=3600.0)

    assert [ruling.status for ruling in standing(rules, story.ended(20)).rulings] == ["violated", "violated"]


def silenced(*, at: float, held: float = 1.8, page: float | None = None) -> Story:
    """The service is hurt from the first minute on, and its alert is silenced in some minute."""
    story = Story().fault(1).bad(1, 20, 60).silence(at, "wang")
    story.history.held(60 * held, "suppressed", silenced_by=["s1"])
    return (story if page is None else story.page(page)).ended(60)


@pytest.mark.parametrize("at", [0.5, 1.2])
def test_who_silences_the_page_before_the_fault_or_before_it_came_has_got_it(at: float) -> None:
    """Else nothing that counts from a page would ever be asked of anybody."""
    rulings = by_id(standing(flagship(), silenced(at=at)))

    assert {id_: one.credit for id_, one in rulings.items() if "page.delivered" in str(one.rule.form)} == {
        "triage-5m": 0.0, "war-room-5m": 0.0, "update-15m": 0.0, "notice-biz": 0.0}  # fmt: skip
    assert str(rulings["triage-5m"].obligations[0].because) == "no sev_set within 5 min of page.withheld"


def test_an_alert_that_only_alertmanager_tells_of_fires_though_it_is_silenced() -> None:
    found = one("- {id: a, do: chat, of: alert.firing, within: 5m}", silenced(at=1.2))

    assert str(found.obligations[0].because) == "no chat within 5 min of page.withheld"


def test_a_silence_that_ends_late_puts_nothing_off() -> None:
    rule = "- {id: a, do: incident.severity, of: page.delivered, within: 5m, zero_at: 10m}"
    late = silenced(at=1.2, page=30).act(31, "incident.severity", "lin")
    soon = silenced(at=1.2, page=30).act(6, "incident.severity", "lin")

    assert [one(rule, story).credit for story in (late, soon)] == [0.0, 1.0]


def test_a_silence_of_another_alert_or_after_the_page_changes_nothing() -> None:
    rule = "- {id: a, do: incident.severity, of: page.delivered, within: 5m}"
    for held in ("active", "gone"):
        story = Story().fault(1).bad(1, 20, 60).silence(0.5, "wang").page(4).act(8.9, "incident.severity", "lin")
        story.history.held(110, held)
        assert one(rule, story.ended(60)).credit == 1.0
    assert one(rule, silenced(at=5, held=5.1, page=4).act(8.9, "incident.severity", "lin")).credit == 1.0
    inhibited = Story().fault(1).bad(1, 20, 60)
    inhibited.history.held(110, "suppressed", inhibited_by=["other"])
    assert one(rule, inhibited.ended(60)).status == "n/a", "that is how alerting was set up"


@pytest.mark.parametrize("kind", ["rules", "routes"])
@pytest.mark.parametrize("changed", [0.5, 1.2])
def test_who_changes_rules_or_routes_before_the_page_is_held_from_when_users_were_hurt(
    kind: str, changed: float
) -> None:
    rule = "- {id: a, do: incident.severity, of: page.delivered, within: 5m, zero_at: 10m}"

    def told(*, page: float | None = None, told_at: float = changed) -> Story:
        story = Story().fault(1).bad(1, 20, 60)
        if kind == "rules":
            story.history.rules("A", t_s=0.0).rules("A", t_s=60 * told_at, for_s=3600.0)
        else:
            story.history.routes("oncall", t_s=0.0).routes("nobody", t_s=60 * told_at)
        return story if page is None else story.page(page)

    never = one(rule, told().ended(60))
    assert str(never.obligations[0].because) == "no incident.severity within 5 min of impact.start"
    assert one(rule, told(page=30).act(31, "incident.severity", "lin").ended(60)).credit == 0.0
    assert one(rule, told(page=3, told_at=4).act(7.9, "incident.severity", "lin").ended(60)).credit == 1.0, (
        "after the page"
    )


def test_a_silence_is_no_acknowledgement_when_it_is_long() -> None:
    rules = by_id(
        standing(flagship(), Story().fault(1).page(2).silence(3, "lin", minutes=600, comment="ACK!").ended(30))
    )

    assert rules["no-silencing"].status == "violated"


# 5: hold windows


def test_to_say_early_that_all_is_well_neither_ends_a_duty_nor_earns_the_hold() -> None:
    """The duty would else be over, and vanish from the score, as soon as somebody says so."""
    quick = (
        five_logs.what_machines_tell(back=40).act(3, "incident.declared", "lin").act(3.5, "incident.resolved", "lin")
    )
    rulings = by_id(standing(flagship(), quick.state("sli_good", 1, 40, good=False).ended(60)))

    assert rulings["update-15m"].credit == 0.0
    assert rulings["verify-hold"].credit == 0.0


def test_once_the_service_is_back_it_is_believed_that_it_is_over() -> None:
    story = five_logs.what_machines_tell(back=10).act(3, "incident.declared", "lin").act(12, "incident.resolved", "lin")

    assert by_id(standing(flagship(), story.ended(60)))["update-15m"].status == "n/a"


# 6: a fault that went by itself


def test_a_fault_that_was_taken_away_can_be_forbidden() -> None:
    story = Story().fault(1)
    story.history.event(300, "injection.lapsed", fault="kill", why="it is gone")

    assert one("- {id: a, never: {what: fault.lapsed}}", story.ended(20)).status == "violated"


# 7: time is ours


def test_a_clock_set_back_makes_nothing_timely() -> None:
    rule = "- {id: a, do: chat, of: page.delivered, within: 5m, zero_at: 5m}"
    from tests.checks.history import EPOCH_UNIX

    story = Story().fault(1).page(2).chat(20, "lin", at_unix=EPOCH_UNIX + 180)
    found = one(rule, story.ended(30))
    assert (found.credit, found.obligations[0].remarks) == (0.0, ("clock off",))


def test_who_is_there_is_said_by_the_sop_and_not_by_who_speaks() -> None:
    rule = "- {id: a, every: {what: chat, period: 5m, from: page.delivered, per: team}}"
    story = Story().fault(1).page(2)
    for minute in range(3, 20):
        story.chat(minute, "wang", f"{minute}", team="db").chat(minute, "wang", f"{minute}", team="invented")

    assert one(rule, story.ended(20), head="teams: [db, app, net, web]").credit == 0.25


# 8: nothing injected


def test_in_a_drill_without_a_fault_a_calm_team_loses_nothing_and_a_needless_change_costs() -> None:
    rules = (
        "- {id: triage, level: must, do: incident.severity, of: page.delivered, within: 5m}\n"
        "- {id: contain, level: must, do: flag.write, of: impact.start, within: 10m}\n"
        "- {id: calm, level: must, never: {what: flag.write, from: drill.start, until: fault.injected}}\n"
        "- {id: note, level: may, do: note, of: drill.start, within: 30m}\n"
    )

    def calm() -> Story:
        return Story().bad(1, 1, 40).act(5, "note", "lin")

    assert standing(rules, calm().ended(40)).score == 100.0
    assert standing(rules, calm().act(6, "flag.write", "lin").ended(40)).score == 0.0


# 9: texts advise


def test_the_words_that_gave_credit_are_shown_for_everybody_to_dispute() -> None:
    story = Story().fault(1).page(2).chat(3, "lin", "I guess sev 2, nobody knows")
    rulings = by_id(standing(flagship(), story.ended(30), holds={"L1": "lin"}))

    assert rulings["triage-5m"].obligations[0].matched == "sev 2"


def test_keywords_in_another_room_are_not_evidence() -> None:
    story = Story().fault(1).page(2).chat(3, "lin", "SEV1", channel="random")

    assert by_id(standing(flagship(), story.ended(30), holds={"L1": "lin"}))["triage-5m"].credit == 0.0


# what else was tried


def test_sixty_reports_are_worth_what_one_of_them_is() -> None:
    def with_reports(count: int) -> float:
        story = five_logs.nobody_reports()
        for n in range(count):
            story.chat(30 + n / 180, "zhao", f"update {n}: progress as before, next: same", tag="update")
        return standing(flagship(), story).score or 0.0

    assert with_reports(60) == with_reports(1)


def test_many_templates_in_a_burst_are_worth_hardly_more() -> None:
    words = [
        "queries",
        "replicas",
        "latency",
        "checkout",
        "indexes",
        "locks",
        "pools",
        "failover",
        "rollback",
        "caches",
    ]
    plain = five_logs.nobody_reports()
    spammed = five_logs.nobody_reports()
    for n in range(60):
        text = f"{words[n % 10]} progress {words[n // 10]} next {words[(n * 7) % 10]} {words[(n * 3) % 10]}"
        spammed.chat(7 + (n / 3) / 60, "zhao", text, tag="update")

    assert (standing(flagship(), spammed).score or 0) - (standing(flagship(), plain).score or 0) < 1


@pytest.mark.parametrize("count", [1, 20])
def test_changes_that_change_nothing_thin_out_none_that_was_made_alone(count: int) -> None:
    """Each announced and approved in good form, long after the deed."""
    story = five_logs.nobody_reports()
    for n in range(count):
        story.chat(40 + n / 2, "wang", "业务无影响, 系统 latency 无变化", tag="announce", change_id=f"n{n}")
        story.chat(40.1 + n / 2, "lin", "go", tag="approve", change_id=f"n{n}")
        story.act(40.2 + n / 2, "cli", "wang", cmd="flagctl touch", mutating=True, change_id=f"n{n}")
    rulings = by_id(standing(flagship(), story))

    assert [rulings[id_].credit for id_ in ("announce", "ic-decides", "scope-first")] == [0.0, 0.0, 0.0]
    assert rulings["announce-has-impact"].credit == 1.0, "that much was really said"


@pytest.mark.parametrize(("rule", "broken", "kept"), [
    ("order: {first: webhook, then: flag.write, same: [change_id]}", "flag.write", ("webhook", "flag.write")),
    ("after: {when: flag.write, then: webhook, same: [change_id]}", "flag.write", ("flag.write", "webhook")),
    ("content: {event: webhook, require: {next: next}}", "webhook", ("webhook",)),
])  # fmt: skip
def test_whatever_was_kept_besides_each_that_was_broken_costs_half_at_the_least(
    rule: str, broken: str, kept: tuple[str, ...]
) -> None:
    def credit(times: int, others: int) -> float | None:
        story = Story().fault(1)
        for n in range(times):
            story.act(2 + n / 100, broken, "wang", change_id=f"alone-{n}")
        for n in range(others):
            for place, kind in enumerate(kept):
                story.act(5 + n / 100 + place / 1000, kind, "wang", change_id=f"c{n}", text="next")
        return one(f"- {{id: a, {rule}}}", story.ended(60)).credit

    assert [credit(1, others) for others in (0, 1, 50)] == [0.0, 0.5, 0.5]
    assert [credit(2, others) for others in (0, 1, 50)] == [0.0, 0.0, 0.0]
    assert credit(0, 50) == 1.0


def test_to_forbid_alone_pays_nobody_for_silence() -> None:
    assert standing(flagship(), five_logs.nothing()).score == 0.0


@pytest.mark.parametrize("count", [1, 10])
def test_all_clear_again_and_again_does_not_thin_out_the_one_that_came_too_early(count: int) -> None:
    story = five_logs.disciplined().state("sli_good", 5, 11.75, good=False).act(11, "incident.resolved", "lin")
    for n in range(count):
        story.act(51 + n / 10, "incident.resolved", "lin")

    assert by_id(standing(flagship(), story))["verify-hold"].credit == 0.0


def test_a_standing_order_is_the_sops_to_give() -> None:
    rules = book("- {id: a, never: {what: flag.write, unless: {pre_authorised: true}}}")
    story = Story().fault(1).act(5, "flag.write", "wang", pre_authorised=True)

    assert standing(rules, story.ended(20)).rulings[0].status == "violated"
