"""The times of an incident: what is found in a run, and how its parts make up the whole."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Sentence
from checks.evidence import Trust
from checks.incident import MILESTONES, PARTS, SPANS, Incident, Milestone
from checks.moments import incident
from tests.checks.history import EPOCH_UNIX, History
from tests.checks.sop import five_logs
from tests.checks.sop.story import Story

UNKNOWN = Sentence("nobody looked")


def at(t_s: float | None, before_s: float = 0.0, after_s: float = 0.0) -> Milestone:
    if t_s is None:
        return Milestone(at_s=None, why_not=UNKNOWN)
    return Milestone(at_s=t_s, low_s=t_s - before_s, high_s=t_s + after_s)


def of(**times: float | None) -> Incident:
    """An incident at these times; the others are not known."""
    return Incident(milestones={name: at(times.get(name)) for name in MILESTONES})


def parts(found: Incident) -> list[float | None]:
    return [one.took.value if one.took else None for one in found.parts]


def whys(found: Incident) -> dict[str, str]:
    """Why each part that is not measured is not."""
    return {one.name: str(one.why_not) for one in (*found.parts, found.total) if one.took is None}


BOOK = {
    "impact": 10,
    "engaged": 20,
    "graded": 30,
    "known": 50,
    "mitigating": 40,
    "mitigated": 60,
    "recovered": 70,
    "verified": 100,
}
"""All goes by the book."""


# how they are reckoned


def test_the_four_parts_are_those_between_the_five_borders() -> None:
    found = of(**BOOK)

    assert parts(found) == [20, 10, 30, 30]  # until 30, 40, 70, 100
    assert found.total.took
    assert found.total.took.value == 90


def test_who_contained_it_before_knowing_the_cause_knew_enough_to_act() -> None:
    assert parts(of(**{**BOOK, "known": 500})) == [20, 10, 30, 30]
    assert parts(of(**{**BOOK, "known": None})) == [20, 10, 30, 30]
    assert parts(of(**{**BOOK, "mitigating": None})) == [20, 20, 20, 30]


def test_what_came_back_before_anybody_looked_was_identified_by_then_and_never_later() -> None:
    assert parts(of(**{**BOOK, "engaged": 80})) == [60, 0, 0, 30]
    assert parts(of(**{**BOOK, "graded": 90})) == [60, 0, 0, 30]


def test_what_was_done_before_the_first_bad_look_takes_no_time() -> None:
    assert parts(of(**{**BOOK, "engaged": 1, "graded": 2, "mitigating": 3})) == [0, 0, 60, 30]


@pytest.mark.parametrize(
    ("missing", "known"),
    [
        ("impact", [None] * 4),
        ("engaged", [None, None, None, 30]),
        ("graded", [None, None, None, 30]),
        ("recovered", [20, 10, None, None]),
        ("verified", [20, 10, 30, None]),
    ],
)
def test_what_is_not_measured_is_none_with_the_reason_and_never_0(missing: str, known: list[float | None]) -> None:
    found = of(**{**BOOK, missing: None})

    assert parts(found) == known
    assert set(whys(found).values()) <= {"nobody looked"}
    assert ("total" in whys(found)) is (missing in ("impact", "recovered", "verified"))


def test_without_a_cause_or_a_change_that_helped_nobody_knew() -> None:
    assert parts(of(**{**BOOK, "known": None, "mitigating": None})) == [20, None, None, 30]


def test_bounds_are_carried_along_and_never_below_0() -> None:
    made = {name: at(None) for name in MILESTONES} | {name: at(t_s) for name, t_s in BOOK.items()}
    made |= {"impact": at(10, 4), "recovered": at(70, 1, 2), "engaged": at(29.5), "graded": at(30)}
    mtti, _, mttf, mttv = (one.took for one in Incident(milestones=made).parts)
    assert mtti
    assert mttf
    assert mttv

    assert (mtti.low, mtti.value, mtti.high) == (20, 20, 24)
    assert (mttf.low, mttf.value, mttf.high) == (29, 30, 32)
    assert (mttv.low, mttv.value, mttv.high) == (28, 30, 31)


def test_an_alert_before_anybody_was_hurt_makes_a_span_negative() -> None:
    found = of(impact=10, fired=8, paged=9, acked=12).span("TTD").took
    assert found
    assert found.value == -2


TIMES = st.one_of(st.none(), st.integers(0, 10**9).map(lambda us: us / 1e6))


@given(st.fixed_dictionaries(dict.fromkeys(MILESTONES, TIMES)), st.integers(0, 10**6), st.integers(0, 10**6))
def test_parts_are_never_negative_lie_in_their_bounds_and_add_up_exactly(times: dict[str, float | None], before: int,
                                                                         after: int) -> None:  # fmt: skip
    found = Incident(milestones={name: at(t_s, before / 1e6, after / 1e6) for name, t_s in times.items()})
    took = [one.took for one in found.parts]

    for one in (*took, found.total.took):
        assert one is None or (0 <= one.low <= one.value <= one.high)
    known = [one.value for one in took if one]
    if found.total.took and len(known) == len(PARTS):
        assert round(sum(known), 6) == found.total.took.value
    for span in (*found.parts, found.total, *map(found.span, SPANS)):
        assert (span.took is None) is (span.why_not is not None)


MICROS = st.integers(0, 10**9)


@given(st.fixed_dictionaries(dict.fromkeys(BOOK, st.tuples(MICROS, MICROS, MICROS, MICROS).map(sorted))))
def test_whenever_it_really_was_the_parts_really_took_what_their_bounds_allow(of_each: dict[str, list[int]]) -> None:
    """Of each milestone: its lower bound, two times in between, and its upper bound. One of them is measured, one is true."""

    def seen(at: int) -> Incident:
        made = {
            name: Milestone(at_s=us[at] / 1e6, low_s=us[0] / 1e6, high_s=us[3] / 1e6) for name, us in of_each.items()
        }
        return Incident(milestones={name: made.get(name, Milestone(at_s=None, why_not=UNKNOWN)) for name in MILESTONES})

    for measured, true in zip((*seen(1).parts, seen(1).total), (*seen(2).parts, seen(2).total), strict=True):
        assert measured.took
        assert true.took
        assert measured.took.low <= true.took.value <= measured.took.high


@given(st.fixed_dictionaries(dict.fromkeys(MILESTONES, TIMES)))
def test_the_borders_are_those_of_the_definition(times: dict[str, float | None]) -> None:
    """Identified when the later of two has come, known when the earlier of two has; each brought between its neighbours."""
    if None in [times[name] for name in BOOK if name != "mitigated"]:
        return
    known = {name: t_s for name, t_s in times.items() if t_s is not None}
    impact, back = known["impact"], max(known["impact"], known["recovered"])
    identified = min(max(known["engaged"], known["graded"], impact), back)
    knew = max(identified, min(known["mitigating"], known["known"], back))
    borders = [impact, identified, knew, back, max(back, known["verified"])]

    assert parts(of(**times)) == [round(to - from_, 6) for from_, to in itertools.pairwise(borders)]


@given(st.fixed_dictionaries(dict.fromkeys(MILESTONES, TIMES)), st.integers(1, 10**9))
def test_to_be_later_with_anything_never_makes_the_outage_shorter(times: dict[str, float | None], later: int) -> None:
    total = of(**times).total.took
    for name in ("recovered", "verified"):
        late = of(**{**times, name: None if (then := times[name]) is None else then + later / 1e6}).total.took
        assert (total is None) is (late is None)
        assert total is None or (late is not None and late.value >= total.value)


# how they are found


def minutes(found: Incident, *names: str) -> list[float | None]:
    times = [found.milestones[name].at_s for name in names]
    return [None if t_s is None else round(t_s / 60, 3) for t_s in times]


def test_the_disciplined_team_has_every_milestone() -> None:
    story = five_logs.disciplined().act(4, "incident.severity", "lin", severity="SEV1")
    found = incident(story.evidence)

    assert minutes(found, "fault", "impact", "paged", "acked", "declared", "engaged") == [1, 1, 2, 2.5, 3, 4]
    assert minutes(found, "graded", "mitigating", "mitigated", "known", "recovered", "verified") == [
        4,
        8,
        12,
        45,
        12,
        50,
    ]
    assert [None if one is None else one / 60 for one in parts(found)] == [3, 4, 4, 38]


def test_nobody_there_leaves_what_machines_tell() -> None:
    found = incident(five_logs.nothing().evidence)

    assert minutes(found, "impact", "paged", "acked", "graded", "verified") == [1, 2, None, None, None]
    assert whys(found)["MTTI"] == "nobody ran a command or wrote to the others"
    assert whys(found)["MTTV"] == "nobody said that it was over"


def test_nobody_hurt_is_said() -> None:
    found = incident(Story().fault(1).bad(5, 5, 10).ended(10).evidence)

    assert found.milestones["impact"].at_s is None
    assert set(whys(found).values()) == {"no look of any probe failed"}


def test_of_what_nobody_listened_to_it_is_said_that_nobody_can_say() -> None:
    found = incident(Story(heard=False).fault(1).ended(10).evidence)

    assert str(found.milestones["paged"].why_not) == "nobody can say: no sink was listened to"
    assert str(found.milestones["impact"].why_not) == "nobody can say: no probe looked"


def test_an_all_clear_before_the_service_was_back_verifies_nothing() -> None:
    story = five_logs.what_machines_tell(back=10).act(9, "incident.resolved", "lin")
    assert whys(incident(story.ended(60).evidence))["MTTV"] == "it was said to be over before the service was back"

    again = five_logs.what_machines_tell(back=10).act(9, "incident.resolved", "lin").act(11, "incident.resolved", "lin")
    assert minutes(incident(again.ended(60).evidence), "verified") == [11]


def test_a_service_that_never_came_back_was_neither_fixed_nor_verified() -> None:
    found = incident(Story().fault(1).bad(1, 20, 20).act(9, "incident.resolved", "lin").ended(20).evidence)

    assert whys(found)["MTTV"] == "the service did not come back before the run ended"
    assert str(found.milestones["mitigating"].why_not) == "the service did not come back before the run ended"


def test_the_bounds_are_the_looks_around() -> None:
    found = incident(five_logs.what_machines_tell(back=10).ended(60).evidence)
    impact, back = found.milestones["impact"], found.milestones["recovered"]

    assert (impact.low_s, impact.at_s, impact.high_s) == (60, 60, 60)  # not before the fault began to act
    assert (back.low_s, back.at_s, back.high_s) == (599, 600, 600.002)


def test_only_changes_that_were_begun_before_it_was_contained_can_have_helped() -> None:
    def begun(*acts: tuple[float, str, dict[str, Any]]) -> list[float | None]:
        story = five_logs.what_machines_tell(back=10)
        for minute, act, data in acts:
            story.act(minute, act, "lin", **data)
        return minutes(incident(story.ended(60).evidence), "mitigating")

    looked, changed = {"cmd": "ls", "mutating": False}, {"cmd": "rm", "mutating": True}
    assert begun((5, "cli", looked)) == [None]
    assert begun((5, "cli", changed), (7, "flag.write", {}), (11, "cli", changed)) == [7]
    assert begun((5, "flag.write", {}), (11, "cli", {**changed, "took_s": 180.0})) == [8]  # told when it was over


def test_to_acknowledge_is_not_to_set_to_work_and_bots_are_nobody() -> None:
    story = five_logs.what_machines_tell(back=10).chat(3, "lin", "收到", tag="ack").chat(4, "hal", "graph", bot=True)
    found = incident(story.chat(5, "lin", "looking").chat(6, "lin", "EU only", tag="scope").ended(60).evidence)

    assert minutes(found, "acked", "engaged", "scoped") == [3, 5, 6]


@pytest.mark.parametrize("tag", ["question", "提问", "complaint", "ACK"])
def test_who_asks_or_complains_has_not_set_to_work(tag: str) -> None:
    story = five_logs.what_machines_tell(back=10).chat(3, "vp", "When is it back?", tag=tag)
    found = incident(story.chat(5, "lin", "looking", tag="update").ended(60).evidence)

    assert minutes(found, "engaged") == [5]


@pytest.mark.parametrize(("cause", "over"), [("cause", "all-clear"), ("根因", "解除")])
def test_what_is_only_said_in_the_chat_is_said(cause: str, over: str) -> None:
    story = five_logs.what_machines_tell(back=10).chat(5, "lin", "the replica slept", tag=cause)
    found = incident(story.chat(20, "lin", "orders are good", tag=over).ended(60).evidence)

    assert minutes(found, "known", "verified") == [5, 20]


def test_what_people_did_before_the_fault_is_no_answer_to_it() -> None:
    story = Story().chat(0.5, "lin", "good morning").fault(1).bad(1, 10, 20).ended(20)

    assert minutes(incident(story.evidence), "engaged") == [None]


def test_a_step_that_is_only_declared_counts_as_a_time() -> None:
    """A time is a time; what it is worth, the SOP judges."""
    story = Story().fault(1).bad(1, 10, 20).act(3, "manual", "lin", trust=Trust.DECLARED, step="x").ended(20)

    assert minutes(incident(story.evidence), "engaged") == [3]


def test_the_alerts_times_are_those_of_its_evaluation_within_the_bounds_of_the_clock() -> None:
    history = (
        History().listening("prometheus", "alertmanager", "sink", offset_s=2.0, error_s=0.1).fault(acting=10, effect=10)
    )
    history.state(13.0, "pending", since=12.0, skew_s=2.0).state(18.5, "firing", since=18.0, skew_s=2.0)
    found = incident(history.page(21.0).page(60.0, "resolved").ended(70).evidence)
    active, fired = found.milestones["active"], found.milestones["fired"]

    assert (active.at_s, fired.at_s) == (pytest.approx(12.0), pytest.approx(18.0))
    assert (fired.low_s, fired.high_s) == (pytest.approx(17.9), pytest.approx(18.1))
    assert found.milestones["cleared"].at_s == 60
    ttn = found.span("TTN").took
    assert ttn
    assert (ttn.low, ttn.value, ttn.high) == (pytest.approx(2.9), pytest.approx(3.0), pytest.approx(3.1))


def test_without_prometheus_the_page_says_when_its_alert_fired() -> None:
    history = History().listening("alertmanager", "sink").fault(acting=10, effect=10).page(21.0, starts=18.0)

    assert incident(history.ended(70).evidence).milestones["fired"].at_s == pytest.approx(18.0)
    assert EPOCH_UNIX > 0


def test_an_alert_that_fired_before_the_fault_is_not_its_alert() -> None:
    history = History().listening("prometheus", "sink").fault(acting=10, effect=10)
    history.state(2.0, "firing", since=1.0, before=True)

    assert incident(history.ended(70).evidence).milestones["fired"].at_s is None
