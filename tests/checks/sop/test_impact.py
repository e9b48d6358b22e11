"""Whose doing a recovery is, and what was broken again: only what came before the drill healed is anybody's act."""

import pytest

from checks.evidence import Sample, Seen
from checks.sop.acts import acts_in
from checks.sop.impact import OF_PROBES
from tests.checks.sop.story import Story, by_id, one, standing


def sample(n: int, sent_s: float, seen: str, *, took_s: float) -> Sample:
    return Sample(n=n, planned_s=sent_s, sent_s=sent_s, done_s=sent_s + took_s, seen=Seen(seen), why="", seq=0)


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


# who shows it


def moments(story: Story) -> dict[str, float]:
    found = {act.kind: act.t_s / 60 for act in acts_in(story.evidence) if act.kind in OF_PROBES}
    return {kind: round(minute, 2) for kind, minute in found.items()}


def watching(looks: str, *, probe: str = "safe-mode", impact: bool = True) -> Story:
    """A service that is hurt from the third to the eighth minute, by a fault of the second; and another probe."""
    story = Story().fault(2).bad(3, 8, 20)
    story.history.event(0.0, "probe.opened", probe=probe, every_s=1.0, timeout_s=1.0, writes=False, impact=impact)
    story.history.looks(looks, probe=probe, every_s=1.0, batch=60)
    return story.ended(20)


HURT = {"impact.start": 3.0, "contained": 8.0, "recovered": 8.0}


def test_what_is_not_there_in_good_times_hurts_nobody_by_being_absent() -> None:
    """A safe mode comes in the fourth minute and goes in the tenth: none of that is an outage."""
    assert moments(watching("240- 360+ 600-")) == HURT
    assert moments(watching("119? - 120- 360+ 600-")) == HURT


def test_a_probe_that_was_ever_good_before_the_fault_shows_that_somebody_is_hurt() -> None:
    assert moments(watching("+ 119- 180- 900+")) == {**HURT, "impact.start": 2.0}
    assert moments(watching("120. 180- 900+")) == {**HURT, "impact.start": 2.0}, "nobody looked before"


def test_a_look_that_hung_when_the_fault_began_was_hurt_by_it() -> None:
    story = Story().fault(2)
    story.history.opened(every_s=1.0).samples([sample(n, n, "-", took_s=1.5) for n in (119, 120, 121)])

    assert moments(story.ended(5)) == {"impact.start": 2.0}


def test_a_probe_that_only_watches_is_left_out_where_the_drill_says_so() -> None:
    looks = "120+ 180- 900+"
    assert moments(watching(looks)) == {**HURT, "impact.start": 2.0}
    assert moments(watching(looks, impact=False)) == HURT
    assert moments(watching("120+ 600+ 20- 460+", impact=False)) == HURT, "nor is anything hurt again"


def test_probes_that_only_watch_leave_it_unknown_whether_anybody_was_hurt() -> None:
    story = Story().fault(2)
    story.history.event(0.0, "probe.opened", probe="a", every_s=1.0, timeout_s=1.0, writes=False, impact=False)
    story.history.looks("1200+", probe="a", every_s=1.0, batch=60)

    found = one("- {id: a, do: chat, of: impact.start, within: 5m}", story.ended(20))
    assert str(found.obligations[0].because) == "nobody can say whether there was impact.start: no probe looked"


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
