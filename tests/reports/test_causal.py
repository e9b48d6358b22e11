"""The causal chain: what followed from what, by when it was due, and what never came."""

from dataclasses import replace

import pytest

from checks import Measured, Outcome, Row, Sentence, Window
from checks.incident import MILESTONES, Incident, Milestone
from reports import Report
from reports.causal import LANES, STEPS, Chain, Step, chain
from reports.language import say
from tests.reports import specimen


def linked(report: Report) -> Chain:
    made = chain(report)
    assert made is not None
    return made


def step(report: Report, name: str) -> Step:
    found = linked(report).step(name)
    assert found is not None
    return found


def with_times(report: Report, **at_s: float | None) -> Report:
    assert report.incident is not None
    times = dict(report.incident.milestones)
    for name, at in at_s.items():
        times[name] = Milestone.missing("it never came") if at is None else Milestone(at_s=at, low_s=at, high_s=at)
    return replace(report, incident=Incident(milestones=times))


def test_every_milestone_is_a_step_and_may_come_after_some_that_are() -> None:
    assert set(MILESTONES) < set(STEPS)
    assert all(set(causes) < set(STEPS) for _, _, causes in STEPS.values())


def test_every_step_and_lane_has_a_name_in_chinese() -> None:
    titles = [*LANES.values(), *(title for _, title, _ in STEPS.values())]
    assert [one for one in titles if say(one, "zh") == one] == []


def test_steps_are_numbered_as_they_came_and_those_that_did_not_follow_by_the_book() -> None:
    steps = linked(specimen.handled()).steps
    assert [one.number for one in steps if one.at_s is not None] == list(range(1, 15))
    assert [one.name for one in steps if one.at_s is None] == ["declared", "scoped", "known", "cleared"]
    assert all(one.why_not for one in steps if one.at_s is None)


def test_a_step_came_after_the_latest_that_may_have_led_to_it() -> None:
    after = {one.name: one.after for one in linked(specimen.handled()).steps if one.at_s is not None}
    assert after == {
        "fault": None, "impact": "fault", "active": "impact", "fired": "active", "paged": "fired", "acked": "paged",
        "graded": "acked", "engaged": "graded", "mitigating": "engaged", "mitigated": "mitigating",
        "recovered": "mitigated", "verified": "recovered", "gone": "fault", "clean": "gone",
    }  # fmt: skip


def test_an_alert_before_anybody_was_hurt_came_after_the_fault() -> None:
    early = with_times(specimen.handled(), active=None, fired=8.22)
    assert step(early, "fired").after == "fault"


def test_a_page_before_the_fault_came_after_nothing() -> None:
    early = with_times(specimen.handled(), active=None, fired=None, paged=3.0)
    assert step(early, "paged").after is None
    assert step(early, "paged").took is None


def test_how_long_a_link_took_has_the_bounds_of_both_its_ends() -> None:
    assert step(specimen.handled(), "fired").took == Measured(value=5.0, low=4.4, high=5.6, unit="s")
    assert step(specimen.handled(), "acked").took == Measured(value=0.686, low=0.686, high=0.686, unit="s")


def test_what_one_look_showed_came_at_once() -> None:
    assert step(specimen.handled(), "recovered").took == Measured.between(0, 0)


def test_a_step_has_the_due_time_of_the_check_that_judged_it() -> None:
    report = specimen.handled()
    assert step(report, "acked").due_s == 24.414
    assert step(report, "paged").due_s == pytest.approx(specimen.EFFECT_S + 15)
    assert step(report, "recovered").due_s == pytest.approx(specimen.EFFECT_S + 20)
    assert step(report, "verified").due_s is None


def test_who_did_it_is_said_by_role_first() -> None:
    assert step(specimen.handled(), "acked").who == "L1/IC (lin)"
    assert step(specimen.handled(), "engaged").who == "wang"
    assert step(specimen.handled(), "paged").who == ""


def test_what_a_lane_waited_for_and_never_got_is_known_with_what_it_waited_after() -> None:
    unpaged = with_times(specimen.handled(), paged=None, acked=None)
    made = linked(unpaged)
    awaited = {lane: one.name for lane in ("faults", "service", "alerts", "people") if (one := made.awaited(lane))}
    assert awaited == {"alerts": "paged", "people": "acked"}
    waiting = made.cause_of("paged")
    assert waiting is not None
    assert waiting.name == "fired"


def test_what_people_should_have_done_by_then_is_missed() -> None:
    assert [(one.lane, one.what, one.due_s) for one in linked(specimen.handled()).missed] == [
        ("people", "updates", 24.414)
    ]


def test_an_alert_that_reached_nobody_is_missed_at_its_limit() -> None:
    times = {"firing": (9, 20), "limit": (13, 13)}
    windows = tuple(
        Window(lane="alert:Down", label=label, from_s=one, to_s=other) for label, (one, other) in times.items()
    )
    verdict = replace(specimen.sop().verdict, rows=(), cap=None, windows=windows)
    late = specimen.check("alert", "alert", "alert", "", verdict)
    report = specimen.handled()
    missed = linked(replace(report, checks=(*report.checks, late))).missed
    assert [(one.lane, one.what, one.due_s) for one in missed] == [
        ("people", "updates", 24.414),
        ("alerts", "Down", 13),
    ]
    well = replace(late, verdict=replace(late.verdict, outcome=Outcome.PASSED))
    assert len(linked(replace(report, checks=(*report.checks, well))).missed) == 1


def test_lines_that_rules_were_judged_by_are_acts_unless_they_are_steps() -> None:
    assert linked(specimen.handled()).acts == (90,)


def test_faults_are_gone_when_the_last_of_them_is_and_not_before() -> None:
    report = specimen.handled()
    assert step(report, "gone").at_s == specimen.GONE_S
    left = replace(report, faults=(*report.faults, specimen.kill(id="other", gone_s=None)))
    assert step(left, "gone").at_s is None


def test_nothing_is_left_only_where_that_was_seen() -> None:
    report = specimen.handled()
    assert step(report, "clean").at_s == 31.1
    dirty = replace(report, checks=(*report.checks[:-1], specimen.clean("a toxic")))
    assert step(dirty, "clean").at_s is None
    assert str(step(dirty, "clean").why_not) == "left behind: a toxic"


def test_without_an_incident_or_without_anything_that_came_there_is_no_chain() -> None:
    assert chain(specimen.passing()) is None
    nothing = Incident(milestones={name: Milestone.missing("no") for name in MILESTONES})
    assert chain(replace(specimen.empty(), incident=nothing)) is None


def test_a_row_without_times_is_neither_due_nor_missed() -> None:
    row = Row(status="violated", name="r", because=Sentence("no"), proof=(84,))
    report = specimen.handled()
    checks = tuple(
        replace(one, verdict=replace(one.verdict, rows=(row,))) if one.verdict.rows else one for one in report.checks
    )
    assert linked(replace(report, checks=checks)).missed == ()
    assert step(replace(report, checks=checks), "acked").due_s is None
