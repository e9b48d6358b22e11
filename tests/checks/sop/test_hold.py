"""A state held on end before somebody said that all was well, by looks or as it was told; unseen is unknown."""

import pytest

from tests.checks.sop.story import Story, one

LOOKS = 'states: {fine: {probe: orders, success: ">= 99%", over: 10s}}'
TOLD = "states: {fine: {prom: up, traffic_floor: 0.5}}"
RULE = "- {id: a, hold: {state: fine, for: 5m, before: incident.resolved}}"


def judged(story: Story, minute: float, *, head: str = LOOKS) -> tuple[str, float | None]:
    found = one(RULE, story.act(minute, "incident.resolved", "lin").ended(30), head=head)
    return found.status, found.credit


def outage(to_minute: float = 4) -> Story:
    return Story().fault(1).bad(1, to_minute, 30)


def test_it_held_for_as_long_as_asked_or_for_a_share_of_it() -> None:
    assert judged(outage(), 9) == ("satisfied", 1.0)
    status, credit = judged(outage(), 6.5)
    assert status == "violated"
    assert credit == pytest.approx(0.5, abs=0.01)
    assert judged(outage(), 3)[1] == 0.0


def test_what_was_so_before_the_fault_does_not_count() -> None:
    """An all-clear at once, before anybody was hurt."""
    assert judged(Story().fault(20).bad(21, 22, 30), 20.5)[1] == pytest.approx(0.1)


def test_a_single_bad_look_counts_by_what_is_allowed() -> None:
    story = Story().fault(1)
    story.history.opened(every_s=0.1).looks("600+ 600- 1500+ 1- 9000+".replace(" ", ""), every_s=0.1, batch=100)
    strict = LOOKS.replace(">= 99%", ">= 100%")
    resolved = story.act(8, "incident.resolved", "lin").ended(20)

    assert one(RULE, resolved, head=LOOKS).credit == 1.0
    assert one(RULE, resolved, head=strict).credit == pytest.approx((480 - 270) / 300, abs=0.01)


def test_nobody_who_looked_is_unknown_and_not_broken() -> None:
    assert judged(Story().fault(1), 9) == ("unknown", None)
    blind = Story().fault(1)
    blind.history.opened(every_s=1.0).looks("60+60-240+900?", every_s=1.0, batch=60)
    assert judged(blind, 9) == ("unknown", None)


def test_what_is_told_of_a_state_holds_until_the_next_is_told() -> None:
    assert judged(Story().fault(1).state("fine", 1, 30), 9, head=TOLD) == ("satisfied", 1.0)
    mended = Story().fault(1).state("fine", 1, 6.4, good=False).state("fine", 6.5, 30)
    assert judged(mended, 9, head=TOLD) == ("violated", pytest.approx(0.5))


def test_a_source_that_the_run_lacks_makes_a_state_unknown() -> None:
    assert judged(Story().fault(1), 9, head=TOLD) == ("unknown", None)
    assert judged(Story().fault(1).state("other", 1, 30), 9, head=TOLD) == ("unknown", None)
    assert judged(Story().fault(1).state("fine", 1, 5), 9, head=TOLD) == ("unknown", None)
    assert judged(Story().fault(1).state("fine", 7, 30), 9, head=TOLD) == ("unknown", None)


def test_nobody_served_is_no_success() -> None:
    assert judged(Story().fault(1).state("fine", 1, 30, traffic=0.5), 9, head=TOLD) == ("satisfied", 1.0)
    assert judged(Story().fault(1).state("fine", 1, 30, traffic=0.49), 9, head=TOLD) == ("violated", 0.0)


def test_that_all_is_well_said_too_early_is_not_mended_by_saying_it_again() -> None:
    story = outage().act(3, "incident.resolved", "lin")
    for minute in range(10, 29):
        story.act(minute, "incident.resolved", "lin")

    assert one(RULE, story.ended(30), head=LOOKS).credit == 0.0


def test_nobody_who_said_so_makes_the_rule_not_apply() -> None:
    assert one(RULE, outage().ended(30), head=LOOKS).status == "n/a"
