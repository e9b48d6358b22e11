"""A service is known to be back once that has lasted, and dated back then: until it is known nothing is held against anybody."""

import pytest

from checks.evidence import Trust
from tests.checks.sop.story import Story, one

EVENTS = """
change: {any_of: [{kind: cli, mutating: true}]}
effect: {any_of: [{kind: contained}, {kind: chat, tag: update}]}
"""


def outage(to_minute: float = 10, end_minute: float = 30, *, every_s: float = 1.0) -> Story:
    """Bad from the first minute; looks are told once a minute."""
    return Story().fault(1).bad(1, to_minute, end_minute, every_s=every_s)


def status(rule: str, story: Story, minute: float) -> str:
    return one(rule, story, minute=minute, events=EVENTS).status


def over_time(rule: str, story: Story, *minutes: float) -> list[str]:
    found = [status(rule, story, minute) for minute in minutes]
    return [*found, one(rule, story.ended(60), events=EVENTS).status]


def test_what_is_forbidden_until_the_service_is_back_is_held_against_nobody_who_may_have_waited() -> None:
    rule = "- {id: a, never: {what: am.silence, from: fault.injected, until: recovered}}"

    assert over_time(rule, outage().silence(10, "w"), 10, 10.5, 11) == ["pending", "pending", "satisfied", "satisfied"]
    assert over_time(rule, outage().silence(10.9, "w"), 10.95, 11) == ["pending", "satisfied", "satisfied"]
    assert over_time(rule, outage().silence(9.5, "w"), 9.5, 10) == [
        "pending",
        "violated",
        "violated",
    ]  # once the looks are told
    assert over_time(rule, outage(to_minute=30).silence(10, "w"), 10.5, 11) == ["pending", "violated", "violated"]


def test_that_it_is_over_as_somebody_says_may_turn_out_to_be_true() -> None:
    rule = "- {id: a, never: {what: change, from: fault.injected, until: incident.resolved}}"

    def story(to_minute: float) -> Story:
        said = outage(to_minute).act(9.5, "incident.resolved", "lin")
        return said.act(10.5, "cli", "w", mutating=True)

    assert over_time(rule, story(10), 10.6, 11) == ["pending", "satisfied", "satisfied"]
    assert over_time(rule, story(20), 10.6, 11) == ["pending", "violated", "violated"]


def test_that_the_service_must_be_back_in_time_is_not_missed_before_it_is_known() -> None:
    rule = "- {id: a, do: recovered, of: fault.injected, within: 9m, zero_at: 9m}"

    assert over_time(rule, outage(), 9.9, 10.01, 10.9, 11) == [
        "at risk",
        "at risk",
        "at risk",
        "satisfied",
        "satisfied",
    ]
    assert over_time(rule, outage(10.02), 10.5, 11) == ["at risk", "violated", "violated"]


def test_what_came_late_by_one_way_may_have_come_in_time_by_the_other() -> None:
    rule = "- {id: a, do: effect, of: fault.injected, within: 9m}"

    assert over_time(rule, outage().chat(10.1, "w", tag="update"), 10.5, 11) == ["at risk", "satisfied", "satisfied"]


def test_what_must_follow_or_come_before_may_turn_out_to_have_come() -> None:
    after = "- {id: a, after: {when: change, then: contained, within: 1m}}"
    order = "- {id: a, order: {first: contained, then: submit.diagnosis}}"

    assert over_time(after, outage().act(9, "cli", "w", mutating=True), 10.5, 11)[0] == "at risk"
    assert over_time(after, outage().act(9, "cli", "w", mutating=True), 11) == ["satisfied", "satisfied"]
    assert over_time(after, outage(20).act(9, "cli", "w", mutating=True), 10.5, 11) == [
        "at risk",
        "violated",
        "violated",
    ]
    assert over_time(order, outage().act(10.2, "submit.diagnosis", "w"), 10.5, 11) == [
        "pending",
        "satisfied",
        "satisfied",
    ]
    assert over_time(order, outage(20).act(10.2, "submit.diagnosis", "w"), 10.5, 11) == [
        "pending",
        "violated",
        "violated",
    ]


def test_a_duty_that_may_be_over_is_not_missed() -> None:
    rule = "- {id: a, every: {what: change, period: 4m, from: fault.injected, until: recovered}}"
    story = outage().act(3, "cli", "w", mutating=True).act(6, "cli", "w", mutating=True)

    assert over_time(rule, story, 10.01, 10.9, 11) == ["at risk", "at risk", "satisfied", "satisfied"]
    longer = outage(20).act(3, "cli", "w", mutating=True).act(6, "cli", "w", mutating=True)
    assert over_time(rule, longer, 10.9, 11) == ["at risk", "violated", "violated"]


def test_that_a_state_held_is_judged_when_its_looks_are_told() -> None:
    rule = "- {id: a, hold: {state: fine, for: 1m, before: incident.resolved}}"
    story = outage().act(11.5, "incident.resolved", "lin")
    head = 'states: {fine: {probe: orders, success: ">= 99%"}}'

    assert one(rule, story, minute=11.6, head=head).status == "pending"
    assert one(rule, story, minute=12, head=head).status == "satisfied"


def test_a_probe_that_comes_back_and_goes_bad_again_is_not_back() -> None:
    rule = "- {id: a, never: {what: am.silence, until: recovered}}"
    story = Story().fault(1)
    story.history.opened(every_s=1.0).looks("60+60-3+60-90+", every_s=1.0, batch=1)

    assert over_time(rule, story.silence(2.03, "w"), 2.04, 2.1) == ["pending", "violated", "violated"]


def test_a_second_probe_that_goes_bad_once_the_service_was_back_does_not_take_that_back() -> None:
    rule = "- {id: a, never: {what: am.silence, until: recovered}}"
    story = outage(4)
    story.history.opened("carts", every_s=1.0).looks("600+60-600+", probe="carts", every_s=1.0, batch=60)

    assert one(rule, story.silence(8, "w").ended(30)).status == "satisfied"
    first = outage(4)
    first.history.opened("carts", every_s=1.0).looks("240+60-900+", probe="carts", every_s=1.0, batch=60)
    assert one(rule, first.silence(4.5, "w").ended(30)).status == "violated"


@pytest.mark.parametrize("trust", [Trust.ATTRIBUTED, Trust.DECLARED])
def test_at_the_end_of_the_drill_nothing_is_pending(trust: Trust) -> None:
    rules = ("never: {what: chat, until: recovered}", "do: recovered, of: fault.injected, within: 9m",
             "order: {first: contained, then: chat}", "after: {when: chat, then: contained, within: 5m}")  # fmt: skip
    for rule in rules:
        story = outage(30).chat(10, "lin", trust=trust).ended(20)
        assert one(f"- {{id: a, {rule}}}", story).status == "violated", rule
