"""Looks come every 100 ms from 0 s on and take 2 ms; the fault acts at 10 s, heals at 20 s and is gone at 20.5 s.

In `100+ 120- 60+` the last bad look is sent at 21.9 s and the first good one answered at 22.002 s, so the service came
back between 1.4 s and 1.502 s after the fault was gone.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import FaultName, Outcome, ProbeName, Verdict, Waits, judge
from checks.recovered import Recovered
from tests.checks.history import History, said


def recovered(within_s: float = 3.0, hold_s: float = 5.0, after: str | None = None) -> Recovered:
    return Recovered(probe=ProbeName("orders"), within=timedelta(seconds=within_s), hold=timedelta(seconds=hold_s),
                     after=FaultName(after) if after else None)  # fmt: skip


def judged(looks: str, within_s: float = 3.0, hold_s: float = 5.0, gone: float | None = 20.5) -> Verdict:
    return judge(recovered(within_s, hold_s), History().fault(healing=20, gone=gone).looks(looks).evidence)


def test_coming_back_in_time_passes_with_its_bounds() -> None:
    verdict = judged("100+ 120- 60+")
    assert said(verdict) == "passed: orders back 1.45 s ± 51 ms after kill was gone; limit 3 s"
    assert (verdict.measured["recovered_after_s"].low, verdict.measured["recovered_after_s"].high) == (1.4, 1.502)


@pytest.mark.parametrize(
    ("within_s", "outcome", "harm"),
    [(1.502, "passed", ""), (1.501999, "unknown", ""), (1.4, "unknown", ""), (1.399999, "failed", "over_rto"),
     (0.7, "failed", "over_rto"), (0.699999, "failed", "over_twice_rto")],
)  # fmt: skip
def test_a_limit_inside_the_bounds_is_unknown_and_outside_it_is_not(within_s: float, outcome: str, harm: str) -> None:
    verdict = judged("100+ 120- 60+", within_s)
    assert (verdict.outcome, verdict.harm) == (outcome, harm)


def test_coming_back_late_says_so_and_by_how_much() -> None:
    verdict = judged("100+ 120- 60+", 1.0)
    assert said(verdict) == "failed: orders back 1.45 s ± 51 ms after kill was gone; limit 1 s"
    assert verdict.lateness == pytest.approx(1.451)


@pytest.mark.parametrize(
    ("looks", "answer"),
    [
        ("300+", "passed: orders was good when kill was gone, and stayed so for 5 s"),
        ("100+ 20- 180+", "passed: orders was good when kill was gone, and stayed so for 5 s"),
        ("100+ 105- 95+", "passed: orders back 1 ms ± 1 ms after kill was gone; limit 3 s"),
        ("205+ 51+", "passed: orders was good when kill was gone, and stayed so for 5 s"),
        ("205+ 50+", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("100+ 120- 51+", "passed: orders back 1.45 s ± 51 ms after kill was gone; limit 3 s"),
        ("100+ 120- 50+", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("100+ 105- 30+ 10- 60+", "failed: orders back 3.95 s ± 51 ms after kill was gone; limit 3 s"),
        ("100+ 105- 10+ 10- 60+", "passed: orders back 1.95 s ± 51 ms after kill was gone; limit 3 s"),
        ("205+ 10- 60+", "passed: orders back 951 ms ± 51 ms after kill was gone; limit 3 s"),
        ("100+ 136-", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("100+ 137-", "failed: orders still failed 3.1 s after kill was gone; limit 3 s"),
        ("100+ 137- 20+", "failed: orders still failed 3.1 s after kill was gone; limit 3 s"),
        ("100+ 105- 100?", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("100+ 105-", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("300?", "unknown: orders was not seen good for 5 s after kill was gone; limit 3 s"),
        ("", "unknown: orders never looked"),
    ],
)
def test_it_must_be_good_soon_and_stay_so(looks: str, answer: str) -> None:
    assert said(judged(looks)) == answer


def test_what_never_came_back_is_lost_and_what_came_back_late_is_late() -> None:
    assert (judged("100+ 200-").harm, judged("100+ 200-").points) == ("not_recovered", 0)
    assert judged("100+ 145- 60+").harm == "over_rto"


def test_good_looks_around_a_blind_gap_do_not_count_as_lasting() -> None:
    verdict = judged("100+ 120- + 30? 60+", within_s=10)
    assert verdict.measured["recovered_after_s"].high == 4.602


class TestWhichFault:
    def test_the_last_one_to_go_counts_when_none_is_named(self) -> None:
        history = History().fault(healing=20, gone=20.5).fault("later", acting=12, effect=12, healing=21, gone=21.5)
        history.looks("100+ 120- 60+")
        assert (
            said(judge(recovered(), history.evidence))
            == "passed: orders back 451 ms ± 51 ms after later was gone; limit 3 s"
        )
        assert said(judge(recovered(after="kill"), history.evidence)).startswith(
            "passed: orders back 1.45 s ± 51 ms after kill"
        )

    @pytest.mark.parametrize(
        ("history", "after", "reason"),
        [
            (History(), None, "no fault was ever there to recover from"),
            (History().event(0, "fault.planned", fault="kill"), None, "no fault was ever there to recover from"),
            (History(), "kill", "kill never took effect"),
            (History().fault(effect=None, healing=20, gone=21), None, "kill never took effect"),
            (History().fault(healing=20), None, "kill was never seen to be gone"),
            (History().fault(healing=20).event(21, "injection.heal_failed", injection="kill-primary", fault="kill", why="busy"),
             "kill", "kill was never seen to be gone: busy"),
        ],
    )  # fmt: skip
    def test_without_one_that_came_and_went_it_is_unknown(
        self, history: History, after: str | None, reason: str
    ) -> None:
        assert said(judge(recovered(after=after), history.looks("300+").evidence)) == f"unknown: {reason}"

    def test_one_that_is_still_there_spoils_it_when_none_is_named(self) -> None:
        history = History().fault(healing=20, gone=20.5).fault("stuck", healing=20).looks("300+")
        assert said(judge(recovered(), history.evidence)) == "unknown: stuck was never seen to be gone"
        assert judge(recovered(after="kill"), history.evidence).outcome is Outcome.PASSED

    def test_one_that_was_never_brought_about_does_not(self) -> None:
        history = History().fault(healing=20, gone=20.5).event(0, "fault.planned", fault="skipped").looks("300+")
        assert judge(recovered(), history.evidence).outcome is Outcome.PASSED


def test_a_run_goes_on_after_the_healing_until_it_can_be_judged() -> None:
    check = recovered(within_s=3, hold_s=5)
    assert isinstance(check, Waits)
    assert (check.horizon().after, check.horizon().for_s) == (None, 9)


def test_no_time_at_all_is_no_limit() -> None:
    with pytest.raises(ValueError, match="no time at all"):
        recovered(within_s=0)


@given(
    back_us=st.integers(18_000_000, 26_000_000), every_us=st.sampled_from([37_000, 100_000, 400_000]),
    phase=st.floats(0, 1), within_s=st.sampled_from([0.2, 1.0, 2.0, 4.0]),
)  # fmt: skip
def test_bounds_hold_the_truth_and_no_verdict_contradicts_it(
    back_us: int, every_us: int, phase: float, within_s: float
) -> None:
    """Requests sent from 10 s until `back_us` get no answer; the fault is gone at 20.5 s."""
    bad_from, first_us = 10_000_000, int(phase * every_us)
    seen = "".join("-" if bad_from <= at < back_us else "+" for at in range(first_us, 40_000_000, every_us))
    history = History().opened(every_s=every_us / 1e6).fault(healing=20, gone=20.5)
    verdict = judge(recovered(within_s), history.looks(seen, from_s=first_us / 1e6, every_s=every_us / 1e6).evidence)
    truth_s = max(0.0, back_us / 1e6 - 20.5)
    figure = verdict.measured["recovered_after_s"]
    assert figure.low - 1e-6 <= truth_s <= figure.high + 1e-6
    assert verdict.outcome is not Outcome.PASSED or truth_s <= within_s
    assert verdict.outcome is not Outcome.FAILED or truth_s > within_s
