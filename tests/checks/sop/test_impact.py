"""Whose doing a recovery is, and what was broken again: only what came before the drill healed is anybody's act."""

import pytest

from tests.checks.sop.story import Story, by_id, one, standing

DO = "- {id: a, do: recovered, of: impact.start, within: 9m, zero_at: 18m}"


def healed(*, back: float, healing: float | None, end: float = 60) -> Story:
    """A fault from the first minute on, which the drill heals in some minute, and a service that is back in another."""
    story = Story().bad(1, back, end)
    story.history.fault(acting=60, effect=60, healing=healing and healing * 60, gone=healing and healing * 60 + 1)
    return story


@pytest.mark.parametrize(("back", "healing", "status", "credit"), [
    (8, None, "satisfied", 1.0), (8, 20, "satisfied", 1.0), (8, 8.01, "satisfied", 1.0),
    (8, 8, "violated", 0.0), (8, 7.99, "violated", 0.0), (12, 20, "violated", pytest.approx(1 - 2 / 9)),
    (12, 11, "violated", 0.0),
])  # fmt: skip
def test_a_recovery_that_the_drill_brought_is_nobodys_act(
    back: float, healing: float | None, status: str, credit: float
) -> None:
    for kind in ("recovered", "contained"):
        found = one(DO.replace("recovered", kind), healed(back=back, healing=healing).ended(60))
        assert (found.status, found.credit) == (status, credit)


def test_it_is_said_that_the_drill_brought_it() -> None:
    found = one(DO, healed(back=8, healing=7.9).ended(60))

    assert str(found.obligations[0].because) == "recovered came only after the drill had begun to heal"


def test_it_counts_for_nothing_in_any_rule_and_is_a_moment_all_the_same() -> None:
    rules = (
        "- {id: before, order: {first: contained, then: submit.diagnosis}}\n"
        "- {id: after, after: {when: flag.write, then: contained}}\n"
        "- {id: anchor, do: incident.resolved, of: recovered+5m, within: 10m}\n"
        "- {id: until, never: {what: am.silence, from: impact.start, until: recovered}}\n"
    )

    def judged(healing: float) -> dict[str, float | None]:
        story = healed(back=8, healing=healing).act(3, "flag.write", "w").act(10, "submit.diagnosis", "w")
        found = standing(rules, story.silence(9, "w").act(15, "incident.resolved", "l").ended(60))
        return {id_: ruling.credit for id_, ruling in by_id(found).items()}

    assert judged(20) == {"before": 1.0, "after": 1.0, "anchor": 1.0, "until": 1.0}
    assert judged(7) == {"before": 0.0, "after": 0.0, "anchor": 1.0, "until": 1.0}


def test_an_answer_that_came_only_after_the_healing_may_have_come_because_of_it() -> None:
    story = Story().fault(1)
    story.history.opened(every_s=1.0).looks("60+60-600+", every_s=1.0, took_s=0.5, batch=60)
    story.history.event(120.2, "injection.healing", injection="kill-primary", fault="kill")

    assert one(DO, story.ended(60)).credit == 0.0


def test_a_fault_that_was_healed_before_anybody_was_hurt_has_nothing_to_do_with_it() -> None:
    story = Story().bad(5, 8, 60)
    story.history.fault("other", acting=60, effect=60, healing=120, gone=121).fault(acting=300, effect=300)

    assert one(DO, story.ended(60)).credit == 1.0


def test_a_steady_state_after_the_drill_healed_is_nobodys_act() -> None:
    story = healed(back=20, healing=5, end=20)
    story.history.steady(300, 400, phase="after")

    assert one(DO, story.ended(60)).credit == 0.0


def test_who_does_nothing_scores_nothing_though_the_drill_heals() -> None:
    rules = DO + "\n- {id: b, level: must, order: {first: contained, then: drill.end}}"

    assert standing(rules, healed(back=8, healing=7).ended(60)).score == 0.0


# again


def again(looks: str, *, healing: float | None = None, probe: str = "orders") -> Story:
    story = Story()
    story.history.fault(acting=60, effect=60, healing=healing, gone=healing and healing + 1)
    story.history.opened(every_s=1.0).looks(looks, every_s=1.0, batch=60)
    return story


def status(story: Story) -> str:
    return one("- {id: a, never: {what: impact.again}}", story.ended(30)).status


def test_a_service_that_is_hurt_once_more_after_it_was_back_is_hurt_again() -> None:
    assert status(again("60+60-600+")) == "satisfied"
    assert status(again("60+60-600+1-600+")) == "violated"
    assert status(again("60+60-4+60-600+")) == "satisfied"  # it was not back yet
    other = again("60+60-600+")
    other.history.opened("carts", every_s=1.0).looks("300+9-600+", probe="carts", every_s=1.0, batch=60)
    assert status(other) == "violated"
    also = again("60+60-600+")
    also.history.opened("carts", every_s=1.0).looks("121+9-600+", probe="carts", every_s=1.0, batch=60)
    assert status(also) == "satisfied"  # part of the first


def test_what_the_drill_does_is_not_held_against_anybody() -> None:
    second = again("60+60-180+60-600+")
    second.history.fault("other", acting=300, effect=300, healing=340, gone=345)
    assert status(second) == "satisfied"
    assert status(again("60+60-180+3-600+", healing=300)) == "satisfied"  # the healing shook it
    assert status(again("60+60-180+3-600+", healing=200)) == "violated"
    assert status(again("60+60-180+3-600+", healing=400)) == "violated"


def test_what_is_hurt_again_after_a_second_fault_passed_is_found_too() -> None:
    story = again("60+60-180+60-300+5-300+")
    story.history.fault("other", acting=300, effect=300, healing=340, gone=345)

    assert status(story) == "violated"


def test_without_a_probe_nobody_can_say() -> None:
    assert status(Story().fault(1)) == "unknown"
    assert status(Story().fault(1).bad(1, 1, 30)) == "satisfied"


# so many times


@pytest.mark.parametrize(("times", "status", "credit"), [
    (0, "satisfied", 1.0), (2, "satisfied", 1.0), (3, "violated", 0.5), (4, "violated", 0.0),
])  # fmt: skip
def test_what_may_happen_twice_costs_from_the_third_time_on(times: int, status: str, credit: float) -> None:
    rule = "- {id: a, never: {what: incident.severity, more_than: 2, until: incident.resolved}}"
    story = Story().fault(1)
    for minute in range(2, 2 + times):
        story.act(minute, "incident.severity", "lin", severity="P1")
    found = one(rule, story.ended(30))

    assert (found.status, found.credit) == (status, credit)
    broken, kept = "incident.severity by lin, 3 times by then; limit 2", f"{times} times incident.severity; limit 2"
    assert str(found.obligations[0].because) == (broken if times > 2 else kept)


def test_it_may_not_happen_less_often_than_never() -> None:
    with pytest.raises(AssertionError, match="more_than"):
        one("- {id: a, never: {what: chat, more_than: -1}}", Story())
