"""Each form of rule, from both sides of each of its edges."""

import pytest

from checks.evidence import Trust
from checks.sop.standing import Ruling
from tests.checks.sop.story import Story, one, standing

DO = "- {id: a, do: incident.severity, of: page.delivered, within: 5m, zero_at: 10m}"
PATTERN = """
update: {any_of: [{kind: chat, tag: update}]}
change: {any_of: [{kind: cli, mutating: true}]}
announce: {any_of: [{kind: chat, tag: announce}]}
"""


def paged() -> Story:
    """A fault after one minute, and a page after two."""
    return Story().fault(1).page(2)


def judged(rule: str, story: Story, **more: object) -> tuple[str, float | None]:
    found = one(rule, story, events=PATTERN, **more)
    return found.status, found.credit


# do


@pytest.mark.parametrize(
    ("minute", "status", "credit"),
    [
        (2, "satisfied", 1.0),
        (7, "satisfied", 1.0),  # the limit itself
        (7 + 1e-4, "violated", pytest.approx(1 - 1e-4 / 5)),
        (9.5, "violated", pytest.approx(0.5)),
        (12 - 1e-4, "violated", pytest.approx(1e-4 / 5)),
        (12, "violated", 0.0),
        (30, "violated", 0.0),
        (1.5, "satisfied", 1.0),  # before the page, since it was noticed otherwise
        (0.5, "violated", 0.0),  # before the fault it is no answer to it
    ],
)
def test_what_is_done_late_is_worth_less_until_it_is_worth_nothing(minute: float, status: str, credit: float) -> None:
    assert judged(DO, paged().act(minute, "incident.severity", "lin").ended(40)) == (status, credit)


def test_without_a_last_moment_it_is_twice_the_limit() -> None:
    rule = "- {id: a, do: incident.severity, of: page.delivered, within: 4m}"

    assert judged(rule, paged().act(8, "incident.severity", "lin").ended(40))[1] == pytest.approx(0.5)
    assert judged(rule, paged().act(10, "incident.severity", "lin").ended(40))[1] == 0.0


def test_where_the_last_moment_is_the_limit_there_is_nothing_in_between() -> None:
    rule = "- {id: a, do: incident.severity, of: page.delivered, within: 5m, zero_at: 5m}"

    assert judged(rule, paged().act(7, "incident.severity", "lin").ended(40)) == ("satisfied", 1.0)
    assert judged(rule, paged().act(7.01, "incident.severity", "lin").ended(40)) == ("violated", 0.0)


def test_the_best_of_several_counts_whichever_evidence_it_has() -> None:
    ticked = paged().act(3, "incident.severity", "lin", trust=Trust.DECLARED)

    assert judged(DO, ticked.ended(40)) == ("satisfied", 0.3)
    seen_late = paged().act(3, "incident.severity", "lin", trust=Trust.DECLARED).act(8, "incident.severity", "lin")
    assert judged(DO, seen_late.ended(40)) == ("violated", pytest.approx(0.8))


def test_while_it_is_to_be_done_it_is_pending_and_then_at_risk_and_then_violated() -> None:
    story = paged()
    at = {minute: one(DO, story, minute=minute).status for minute in (1.5, 2, 5.99, 6, 7, 7.01)}

    assert at == {1.5: "pending", 2: "pending", 5.99: "pending", 6: "at risk", 7: "at risk", 7.01: "violated"}


def test_a_drill_that_ends_before_it_was_due_says_nothing_of_it() -> None:
    assert judged(DO, paged().ended(6)) == ("unknown", None)
    assert judged(DO, paged().ended(7)) == ("unknown", None)
    assert judged(DO, paged().ended(7.01)) == ("violated", 0.0)


def test_only_holders_of_a_role_count_and_it_is_said_who_it_was() -> None:
    rule = DO.replace("}", ", by: [CL]}")
    story = paged().act(2.2, "role.taken", "chen", role="CL").act(3, "incident.severity", "lin").ended(40)
    found = one(rule, story)

    assert (found.status, found.credit) == ("violated", 0.0)
    assert str(found.obligations[0].because) == "incident.severity by lin, and it takes CL"
    assert judged(rule, paged().act(2.2, "role.taken", "chen", role="CL").act(3, "incident.severity", "chen").ended(40)) == (
        "satisfied", 1.0
    )  # fmt: skip


# from when


def test_of_several_moments_the_first_to_come_counts() -> None:
    rule = "- {id: a, do: chat, of: [incident.declared, page.delivered+5m], within: 10m, zero_at: 20m}"

    def credit(declared: float | None) -> float | None:
        story = paged() if declared is None else paged().act(declared, "incident.declared", "lin")
        return judged(rule, story.chat(22, "lin").ended(60))[1]

    assert credit(None) == pytest.approx(0.5)  # 15 minutes after page.delivered+5m
    assert credit(4) == pytest.approx(0.2)
    assert credit(7) == credit(20) == credit(None)  # to declare it late does not put anything off


def test_a_moment_that_never_came_makes_a_rule_not_apply_and_one_that_nobody_could_see_makes_it_unknown() -> None:
    assert judged(DO, Story().fault(1).ended(40)) == ("n/a", None)
    assert judged(DO, Story(heard=False).fault(1).ended(40)) == ("unknown", None)
    assert judged(DO, Story(heard=False).fault(1), minute=30) == ("pending", None)
    impact = DO.replace("page.delivered", "impact.start")
    assert judged(impact, Story().fault(1).ended(40)) == ("unknown", None)
    assert judged(impact, Story().fault(1).bad(1, 1, 30).ended(40)) == ("n/a", None)


def test_an_event_of_the_sop_may_be_what_time_counts_from() -> None:
    rule = "- {id: a, do: incident.resolved, of: change+1m, within: 2m}"

    assert (
        judged(rule, paged().act(5, "cli", "wang", mutating=True).act(8, "incident.resolved", "lin").ended(40))[1]
        == 1.0
    )
    assert (
        judged(rule, paged().act(5, "cli", "wang", mutating=False).act(8, "incident.resolved", "lin").ended(40))[1]
        is None
    )


# order

ORDER = "- {id: a, order: {first: announce, then: change, same: [change_id], within: 15m}}"


def change(story: Story, minute: float, id_: str = "c1") -> Story:
    return story.act(minute, "cli", "wang", mutating=True, change_id=id_)


@pytest.mark.parametrize(
    ("minute", "status"),
    [(20, "satisfied"), (5, "satisfied"), (5 - 1e-4, "violated"), (20.1, "violated")],
)
def test_the_first_comes_before_the_other_and_not_too_long_before(minute: float, status: str) -> None:
    story = change(paged().chat(minute, "wang", tag="announce", change_id="c1"), 20)

    assert judged(ORDER, story.ended(40)) == (status, float(status == "satisfied"))


def test_at_the_same_moment_what_was_told_first_was_first() -> None:
    assert judged(ORDER, change(paged().chat(20, "w", tag="announce", change_id="c1"), 20).ended(40))[1] == 1.0
    assert judged(ORDER, change(paged(), 20).chat(20, "w", tag="announce", change_id="c1").ended(40))[1] == 0.0


def test_what_they_must_have_in_common_must_be_there_and_the_same() -> None:
    assert judged(ORDER, change(paged().chat(19, "w", tag="announce", change_id="c2"), 20).ended(40))[1] == 0.0
    assert judged(ORDER, change(paged().chat(19, "w", tag="announce"), 20, "").ended(40))[1] == 0.0


def test_each_of_several_counts_and_each_that_was_broken_costs_half() -> None:
    def found(*ids: str) -> Ruling:
        story = paged().chat(10, "w", tag="announce", change_id="c1")
        for place, id_ in enumerate(ids):
            change(story, 11 + place, id_)
        return one(ORDER, story.ended(40), events=PATTERN)

    several = found("c1", "c1", "c2")
    assert (several.status, several.credit) == ("violated", 0.5)
    assert [ob.status for ob in several.obligations] == ["satisfied", "satisfied", "violated"]
    assert [found(*ids).credit for ids in (("c1", "c1"), ("c1", "c2"), ("c1", "c1", "c2", "c3"), ("c2",))] == [
        1.0,
        0.5,
        0.0,
        0.0,
    ]


def test_what_never_happened_needs_nothing_before_it() -> None:
    assert judged(ORDER, paged().chat(10, "w", tag="announce", change_id="c1").ended(40)) == ("n/a", None)
    assert judged(ORDER, paged(), minute=10) == ("n/a", None)


def test_only_the_decision_of_a_role_counts() -> None:
    rule = "- {id: a, order: {first: announce, then: change, first_by: [CL]}}"
    story = paged().act(3, "role.taken", "chen", role="CL")
    assert judged(rule, change(story.chat(4, "wang", tag="announce"), 5).ended(40))[1] == 0.0
    story = paged().act(3, "role.taken", "chen", role="CL")
    assert judged(rule, change(story.chat(4, "chen", tag="announce"), 5).ended(40))[1] == 1.0


def test_the_best_evidence_of_what_came_before_counts_not_the_last() -> None:
    story = paged().chat(10, "w", tag="announce", change_id="c1")
    story.chat(11, "w", tag="announce", change_id="c1", trust=Trust.DECLARED)

    assert judged(ORDER, change(story, 12).ended(40)) == ("satisfied", 1.0)


def test_what_is_pre_authorised_needs_no_decision() -> None:
    events = PATTERN + "limit: {any_of: [{kind: cli, cmd_re: ^limit}], pre_authorised: true}"
    rule = "- {id: a, order: {first: announce, then: change, unless: {pre_authorised: true}}}"
    limit = paged().act(5, "cli", "wang", mutating=True, cmd="limit orders")
    other = paged().act(5, "cli", "wang", mutating=True, cmd="rm all", pre_authorised=True)  # so says whoever did it

    assert one(rule, limit.ended(40), events=events).status == "n/a"
    assert one(rule, other.ended(40), events=events).status == "violated"


def test_what_comes_while_a_command_runs_does_not_come_before_it() -> None:
    def status(took_s: float) -> str:
        story = paged().chat(19, "w", tag="announce", change_id="c1")
        return judged(ORDER, story.act(20, "cli", "wang", mutating=True, change_id="c1", took_s=took_s).ended(40))[0]

    assert [status(took_s) for took_s in (0, 59.9, 60.1, 300)] == ["satisfied", "satisfied", "violated", "violated"]


def test_what_nobody_could_have_seen_before_is_unknown_and_not_missing() -> None:
    events = PATTERN + "whole: {any_of: [{kind: observe, probe: checksum, result: match}, {kind: manual, step: look}]}"
    rule = "- {id: a, order: {first: whole, then: change}, min_trust: observed}"

    def story(*, heard: bool) -> Story:
        return change(Story(heard=heard).fault(1).act(3, "manual", "w", trust=Trust.DECLARED, step="look"), 5).ended(40)

    assert one(rule, story(heard=True), events=events).status == "violated"
    assert one(rule, story(heard=False), events=events).status == "unknown"
    assert one(rule.replace(", min_trust: observed", ""), story(heard=False), events=events).credit == 0.3


def test_what_nobody_could_have_seen_done_is_unknown_and_not_missed() -> None:
    def status(form: str, *, heard: bool) -> str:
        return judged(f"- {{id: a, {form}}}", Story(heard=heard).fault(1).act(2, "cli", "w", mutating=True).ended(60))[
            0
        ]

    for form in (
        "do: am.silence, of: fault.injected, within: 5m",
        "after: {when: change, then: am.silence, within: 5m}",
        "every: {what: am.silence, period: 5m, from: fault.injected}",
    ):
        assert (status(form, heard=True), status(form, heard=False)) == ("violated", "unknown")


def test_an_observer_that_was_lost_proves_nothing_by_its_silence() -> None:
    lost = Story().fault(1)
    lost.history.told(120, "alertmanager", "observer.lost", kind="alertmanager", why="gone")

    assert judged(NEVER, lost.ended(40))[0] == "unknown"
    assert judged(NEVER, lost.silence(3, "wang"))[0] == "violated"


# after

AFTER = "- {id: a, after: {when: change, then: update, within: 10m, same: [change_id]}}"


@pytest.mark.parametrize(
    ("minute", "status"),
    [(5.1, "satisfied"), (15, "satisfied"), (15 + 1e-4, "violated"), (4.9, "violated")],
)
def test_the_other_follows_in_time(minute: float, status: str) -> None:
    story = change(paged(), 5).chat(minute, "w", tag="update", change_id="c1")

    assert judged(AFTER, story.ended(40)) == (status, float(status == "satisfied"))


def test_until_its_time_is_up_it_is_still_to_be_done() -> None:
    story = change(paged(), 5)
    at = {minute: judged(AFTER, story, minute=minute)[0] for minute in (6, 13, 15, 15.1)}

    assert at == {6: "pending", 13: "at risk", 15: "at risk", 15.1: "violated"}
    assert judged(AFTER, change(paged(), 5).ended(15)) == ("unknown", None)
    assert judged(AFTER, change(paged(), 5).ended(15.1)) == ("violated", 0.0)


def test_without_a_limit_it_has_until_the_end() -> None:
    rule = "- {id: a, after: {when: change, then: update}}"

    assert judged(rule, change(paged(), 5), minute=30) == ("pending", None)
    assert judged(rule, change(paged(), 5).chat(30, "w", tag="update").ended(40)) == ("satisfied", 1.0)
    assert judged(rule, change(paged(), 5).ended(40)) == ("violated", 0.0)


def test_what_is_not_due_yet_does_not_count_against_what_was_done() -> None:
    story = change(change(paged(), 5).chat(6, "w", tag="update", change_id="c1"), 39, "c2")

    assert judged(AFTER, story.ended(40)) == ("satisfied", 1.0)


# every

EVERY = "- {id: a, every: {what: update, period: 10m, from: page.delivered, until: incident.resolved}}"


def updates(*minutes: float, story: Story | None = None, **data: object) -> Story:
    story = story or paged()
    for minute in minutes:
        story.chat(minute, "wang", f"{minute}", tag="update", **data)
    return story


def test_no_gap_longer_than_the_period_is_all_and_a_longer_one_costs_what_is_over() -> None:
    assert judged(EVERY, updates(12, 22, 32).ended(42)) == ("satisfied", 1.0)
    status, credit = judged(EVERY, updates(12, 24, 32).ended(42))
    assert (status, credit) == ("violated", pytest.approx(1 - 2 / 30))


def test_who_never_reports_gets_nothing() -> None:
    assert judged(EVERY, paged().ended(42)) == ("violated", 0.0)
    assert judged(EVERY, updates(1.5).ended(42)) == ("violated", 0.0)  # before it was due to begin


def test_what_was_over_before_the_first_was_due_asks_nothing() -> None:
    assert judged(EVERY, paged().ended(12)) == ("n/a", None)
    assert judged(EVERY, paged().ended(12.1)) == ("violated", 0.0)


def test_grace_is_part_of_the_period() -> None:
    rule = EVERY.replace("10m,", "10m, grace: 1m,")

    assert judged(rule, updates(13, 24).ended(35)) == ("satisfied", 1.0)
    assert judged(rule, updates(13.1, 24).ended(35))[0] == "violated"


def test_it_is_over_when_it_is_resolved() -> None:
    assert judged(EVERY, updates(12).act(20, "incident.resolved", "lin").ended(60)) == ("satisfied", 1.0)


def test_a_team_that_says_nothing_scores_nothing_and_does_not_vanish() -> None:
    rule, head = EVERY.replace("}}", ", per: team}}"), "teams: [db, app]"
    loud = updates(12, 22, 32, team="db").ended(42)
    found = one(rule, loud, head=head, events=PATTERN)

    assert (found.status, found.credit) == ("violated", 0.5)
    assert [ob.credit for ob in found.obligations] == [1.0, 0.0]
    both = updates(12, 22, 32, story=updates(12, 22, 32, team="db"), team="App").ended(42)
    assert one(rule, both, head=head, events=PATTERN).credit == 1.0
    nobody_named = one(rule, updates(12, 22, 32, team="db").ended(42), events=PATTERN)
    assert (len(nobody_named.obligations), nobody_named.credit) == (1, 1.0)


def test_only_what_says_all_that_it_must_counts() -> None:
    rule = EVERY.replace("}}", ", require: {progress: 进展|progress, next: 下一步|next}}}")

    def credit(text: str) -> float | None:
        return judged(rule, paged().chat(12, "w", text, tag="update").ended(20))[1]

    assert credit("progress: none. next: look at the query") == 1.0  # no progress is progress
    assert credit("进展：无。下一步：查慢查询") == 1.0
    assert credit("progress: none") == 0.0


def test_what_was_said_already_does_not_count_again_however_it_is_numbered() -> None:
    rule = EVERY.replace("}}", ", dedupe: 0.9}}")
    story = paged()
    for minute in (10, 18, 26, 34):
        story.chat(minute, "w", f"Update {minute}: still looking at the price query!", tag="update")
    again = judged(rule, story.ended(42))
    other = paged().chat(10, "w", "still looking at the price query", tag="update")
    other.chat(18, "w", "an index is missing; building it now", tag="update")

    assert again == ("violated", pytest.approx(8 / 30))  # as one report after eight minutes
    assert judged(rule, other.ended(27)) == ("satisfied", 1.0)


@pytest.mark.parametrize(("dedupe", "count"), [("0.49", 1), ("0.5", 1), ("0.51", 2)])
def test_a_report_just_as_like_another_as_is_too_like_does_not_count(dedupe: str, count: int) -> None:
    """`abc` and `abd` have one of two pairs of characters in common."""
    rule = EVERY.replace("}}", f", dedupe: {dedupe}}}}}")
    story = paged().chat(10, "w", "abc", tag="update").chat(18, "w", "abd", tag="update").ended(26)
    (found,) = one(rule, story, events=PATTERN).obligations

    assert str(found.because).startswith(f"{count} times update")


def test_weak_reports_cover_for_what_they_are_worth_and_never_take_from_better_ones() -> None:
    weak = updates(12, 22, 32, trust=Trust.DECLARED).ended(42)
    mixed = updates(12, 32, story=updates(22, trust=Trust.DECLARED)).ended(42)
    strong_alone = updates(12, 32).ended(42)

    assert judged(EVERY, weak)[1] == pytest.approx(0.3)
    alone = judged(EVERY, strong_alone)[1]
    assert alone == pytest.approx(1 - 10 / 30)
    assert judged(EVERY, mixed)[1] == pytest.approx(0.7 * alone + 0.3)


def test_the_next_report_is_pending_then_at_risk_then_missed() -> None:
    story = updates(8)
    at = {minute: judged(EVERY, story, minute=minute)[0] for minute in (9, 15.9, 16, 18, 18.1)}

    assert at == {9: "pending", 15.9: "pending", 16: "at risk", 18: "at risk", 18.1: "violated"}


# never

NEVER = "- {id: a, never: {what: am.silence, from: fault.injected, until: recovered}}"


def test_what_must_not_be_costs_half_the_weight_each_time() -> None:
    def credit(*minutes: float) -> float | None:
        story = Story().fault(1)
        for minute in minutes:
            story.silence(minute, "wang")
        return judged(NEVER, story.ended(40))[1]

    assert [credit(), credit(5), credit(5, 6), credit(5, 6, 7)] == [1.0, 0.5, 0.0, 0.0]


def test_it_holds_from_one_moment_until_another() -> None:
    rule = "- {id: a, never: {what: cli, from: page.delivered, until: incident.resolved}}"

    def status(minute: float) -> str:
        return judged(rule, paged().act(minute, "cli", "w").act(20, "incident.resolved", "l").ended(40))[0]

    assert [status(minute) for minute in (1.9, 2, 19.9, 20, 25)] == [
        "satisfied", "violated", "violated", "satisfied", "satisfied"
    ]  # fmt: skip


def test_while_it_can_still_be_broken_it_is_pending() -> None:
    assert judged(NEVER, Story().fault(1), minute=5) == ("pending", None)
    assert judged(NEVER, Story().fault(1).silence(4, "w"), minute=5) == ("violated", 0.5)


def test_only_holders_of_a_role_are_forbidden() -> None:
    rule = "- {id: a, never: {what: change, by: [IC], after: ic.handoff}}"
    story = paged().act(2, "page.acked", "lin").act(5, "role.taken", "wang", role="IC")
    assert judged(rule, change(story, 4).ended(40)) == ("satisfied", 1.0)
    assert judged(rule, change(story, 6).ended(40)) == ("violated", 0.5)
    assert judged(rule, change(paged().act(2, "page.acked", "wang"), 6).ended(40)) == ("n/a", None)  # never handed over


def test_a_short_silence_that_stands_for_an_acknowledgement_is_none() -> None:
    rule = NEVER.replace("}}", ", unless: {tag: ack, max_duration: 15m}}}")

    def status(minutes: float, comment: str = "ACK! looking") -> str:
        return judged(rule, Story().fault(1).silence(3, "lin", minutes=minutes, comment=comment).ended(40))[0]

    assert [status(15), status(16), status(15, "hush")] == ["satisfied", "violated", "violated"]


def test_nobody_who_could_have_told_of_it_makes_it_unknown() -> None:
    assert judged(NEVER, Story(heard=False).fault(1).ended(40)) == ("unknown", None)


def test_rules_that_only_forbid_give_no_score() -> None:
    assert standing(NEVER, Story().fault(1).ended(40)).score is None


# content

CONTENT = "- {id: a, content: announce, require: {business: '(?i)业务|order', system: '(?i)系统|load'}}"


def test_the_share_of_what_must_be_said_counts_over_all_that_was_said() -> None:
    def said(*texts: str) -> tuple[str, float | None]:
        story = paged()
        for number, text in enumerate(texts):
            story.chat(5 + number, "w", text, tag="announce")
        return judged(CONTENT, story.ended(40))

    assert said("Orders wait, load falls") == ("satisfied", 1.0)
    assert said("业务无影响，系统重启") == ("satisfied", 1.0)
    assert said("orders wait") == ("violated", 0.5)
    assert said("orders wait", "orders and load") == ("violated", 0.75)
    assert said("hello") == ("violated", 0.0)
    assert said() == ("n/a", None)


def test_the_words_that_decided_are_shown() -> None:
    found = one(CONTENT, paged().chat(5, "w", "Orders wait, load falls", tag="announce").ended(40), events=PATTERN)

    assert found.obligations[0].matched == "Order … load"
