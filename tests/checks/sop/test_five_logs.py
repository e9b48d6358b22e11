"""The five runs of the worked example keep their scores, and the one that went wrong is capped and fails."""

import pytest

from checks import Outcome
from checks.sop.standing import Standing
from tests.checks.history import said
from tests.checks.sop import five_logs
from tests.checks.sop.story import Story, by_id, flagship, standing, verdict


def stands(story: Story) -> Standing:
    return standing(flagship(), story)


@pytest.mark.parametrize(
    ("story", "score", "cap"),
    [
        (five_logs.disciplined, 100.0, None),
        (five_logs.nobody_reports, 22.1, 59),
        (five_logs.with_boilerplate, 22.2, 59),
        (five_logs.with_self_tick, 22.1, 59),
        (five_logs.nothing, 0.0, None),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_each_run_scores_what_it_did_when_the_rules_were_found(story, score: float, cap: float | None) -> None:
    found = stands(story())

    assert found.score is not None
    assert round(found.score, 1) == score
    assert (found.gate and found.gate.cap) == cap
    assert found.confidence == 1.0


def test_of_the_run_that_went_wrong_integrity_announcement_and_decision_are_nothing() -> None:
    rulings = by_id(stands(five_logs.nobody_reports()))

    assert [rulings[id_].credit for id_ in ("integrity-gate", "announce", "ic-decides", "update-15m")] == [0.0] * 4
    assert rulings["contain-10m"].credit == pytest.approx(1 - 6.8 / 10)


def test_sixty_reports_in_twenty_seconds_are_worth_less_than_a_point() -> None:
    plain, spammed = (stands(make()).score or 0 for make in (five_logs.nobody_reports, five_logs.with_boilerplate))

    assert 0 < spammed - plain < 1


def test_a_tick_changes_nothing_and_is_shown_to_be_unsubstantiated() -> None:
    plain, ticked = (stands(make()) for make in (five_logs.nobody_reports, five_logs.with_self_tick))

    assert plain.score == ticked.score
    (obligation,) = by_id(ticked)["integrity-gate"].obligations
    assert obligation.remarks == ("unsubstantiated",)


def test_the_verdicts_say_so() -> None:
    disciplined, wrong, nothing = (
        verdict(make()) for make in (five_logs.disciplined, five_logs.nobody_reports, five_logs.nothing)
    )

    assert said(disciplined) == "passed: 100 of 100 over 15 rules, 80 are needed"
    assert said(wrong) == (
        "failed: 22.1 of 100, 80 are needed; integrity-gate: replica_in by somebody (r1) without integrity_ok; "
        "also war-room-5m, announce, ic-decides, update-15m, contain-10m, scope-first, notice-biz"
    )
    assert wrong.cap is not None
    assert (wrong.cap.at_most, wrong.cap.because) == (59, "unverified replica served reads")
    assert (wrong.credit, wrong.outcome) == (pytest.approx(0.22074074), Outcome.FAILED)
    assert said(nothing).startswith(
        "failed: 0 of 100, 80 are needed; triage-5m: no sev_set within 5 min of page.delivered"
    )
    assert nothing.credit == 0.0
