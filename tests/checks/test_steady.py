"""Limits over a stretch of looks: `Steady`, and with it `Limits`, which `Unaffected` shares.

Where nothing else is said looks come every 100 ms and take 2 ms, and the window is [0 s, 5 s): 50 looks.
"""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import DurationLimit, Outcome, ProbeName, RatioLimit, Verdict, Window
from checks.evidence import Sample, Seen
from checks.steady import Steady
from tests.checks.history import History, said


def steady(success: str | None = ">= 90%", *, hold_s: float = 5.0, at_least: int = 20, phase: Any = "before",
           **times: str) -> Steady:  # fmt: skip
    limits = {name: DurationLimit.parse(text) for name, text in times.items()}
    return Steady(probe=ProbeName("orders"), success=RatioLimit.parse(success) if success else None,
                  hold=timedelta(seconds=hold_s), at_least=at_least, phase=phase, **limits)  # fmt: skip


def holds(history: History, check: Steady, to_s: float = 5.0) -> Verdict:
    return check.holds_at(history.evidence, 0.0, to_s)


def timed(*took_ms: float, bad: int = 0) -> History:
    """Good looks that took so long, and some bad ones after them, spread over 5 s."""
    every_s = 5 / (len(took_ms) + bad)
    return History().samples(
        Sample(n=n, planned_s=n * every_s, sent_s=n * every_s, done_s=n * every_s + ms / 1000,
               seen=Seen.GOOD if n < len(took_ms) else Seen.BAD, seq=0)
        for n, ms in enumerate([*took_ms, *[1.0] * bad])
    )  # fmt: skip


@pytest.mark.parametrize(
    ("looks", "limit", "answer"),
    [
        ("50+", ">= 100%", "passed: 100 % of 50 looks good, p99 2 ms"),
        ("45+ 5-", ">= 90%", "passed: 90 % of 50 looks good, p99 2 ms"),
        ("44+ 6-", ">= 90%", "failed: 88 % of 50 looks good; limit >= 90%"),
        ("45+ 5-", "> 90%", "failed: 90 % of 50 looks good; limit > 90%"),
        ("50-", ">= 90%", "failed: 0 % of 50 looks good; limit >= 90%"),
        ("50-", "<= 20%", "passed: 0 % of 50 looks good"),
        ("11+ 39-", "<= 20%", "failed: 22 % of 50 looks good; limit <= 20%"),
    ],
)
def test_the_limit_on_success_holds_up_to_its_edge(looks: str, limit: str, answer: str) -> None:
    assert said(holds(History().looks(looks), steady(limit))) == answer


@pytest.mark.parametrize(("bad", "outcome"), [(1, "passed"), (2, "failed")])
def test_nines_are_counted_exactly(bad: int, outcome: str) -> None:
    """999 of 1000 keeps `>= 99.9%`; a binary fraction next to it would not."""
    history = History().looks(f"{1000 - bad}+ {bad}-", every_s=0.005)
    assert holds(history, steady(">= 99.9%")).outcome == outcome


def test_a_miss_by_a_hair_does_not_look_like_its_limit() -> None:
    history = History().looks("9989+ 11-", every_s=0.0005, took_s=0.0001)
    assert said(holds(history, steady(">= 99.9%"))) == "failed: 99.89 % of 10 000 looks good; limit >= 99.9%"
    close = History().looks("99899+ 101-", every_s=0.00005, took_s=0.00001)
    assert said(holds(close, steady(">= 99.9%"))) == "failed: 99.899 % of 100 000 looks good; limit >= 99.9%"


@pytest.mark.parametrize(
    ("limit", "took_ms", "answer"),
    [
        ({"p99": "<= 50ms"}, [50.0] * 100, "passed: 100 % of 100 looks good, p99 50 ms"),
        ({"p99": "<= 50ms"}, [1.0] * 99 + [900], "passed: 100 % of 100 looks good, p99 1 ms"),
        ({"p99": "<= 50ms"}, [1.0] * 98 + [50.001] * 2, "failed: p99 0.050001 s over 100 looks; limit <= 50ms"),
        ({"p99": "< 50ms"}, [50.0] * 100, "failed: p99 50 ms over 100 looks; limit < 50ms"),
        ({"p50": "<= 5ms"}, [5.0] * 50 + [900] * 50, "passed: 100 % of 100 looks good, p50 5 ms"),
        ({"p50": "<= 5ms"}, [5.0] * 49 + [900] * 51, "failed: p50 900 ms over 100 looks; limit <= 5ms"),
        ({"p95": "<= 5ms"}, [5.0] * 95 + [900] * 5, "passed: 100 % of 100 looks good, p95 5 ms"),
        ({"p95": "<= 5ms"}, [5.0] * 94 + [900] * 6, "failed: p95 900 ms over 100 looks; limit <= 5ms"),
        (
            {"p50": "<= 5ms", "p99": "<= 10ms"},
            [1.0] * 50 + [9.0] * 50,
            "passed: 100 % of 100 looks good, p50 1 ms, p99 9 ms",
        ),
        ({"p50": ">= 5ms"}, [5.0] * 100, "passed: 100 % of 100 looks good, p50 5 ms"),
        ({"p50": ">= 5ms"}, [4.0] * 100, "failed: p50 4 ms over 100 looks; limit >= 5ms"),
    ],
)
def test_the_limits_on_times_hold_up_to_their_edge(limit: dict[str, str], took_ms: list[float], answer: str) -> None:
    assert said(holds(timed(*took_ms), steady(">= 50%", **limit))) == answer


class TestBadLooksAndTimes:
    """A refusal is quick, and silence has no time at all."""

    def test_with_a_limit_on_success_times_are_those_of_good_looks(self) -> None:
        assert said(holds(timed(*[1.0] * 95, bad=5), steady(">= 95%", p99="<= 5ms"))).startswith("passed")

    @pytest.mark.parametrize(
        ("bad", "answer"),
        [
            (1, "passed: 99 % of 100 looks good, p99 1 ms"),
            (2, "failed: 2 of 100 looks failed, which counts against p99 <= 5ms"),
            (100, "failed: 100 of 100 looks failed, which counts against p99 <= 5ms"),
        ],
    )
    def test_without_one_a_bad_look_is_slower_than_any_limit(self, bad: int, answer: str) -> None:
        assert said(holds(timed(*[1.0] * (100 - bad), bad=bad), steady(None, p99="<= 5ms"))) == answer

    def test_without_one_a_bad_look_does_not_count_as_slow_where_slowness_is_asked_for(self) -> None:
        assert holds(timed(bad=100), steady(None, p50=">= 5ms")).outcome is Outcome.FAILED

    def test_the_limit_on_success_is_told_before_those_on_times(self) -> None:
        assert said(holds(timed(*[9.0] * 50, bad=50), steady(">= 90%", p99="<= 5ms"))) == (
            "failed: 50 % of 100 looks good; limit >= 90%"
        )


class TestNotLooking:
    @pytest.mark.parametrize(
        ("looks", "answer"),
        [
            ("", "unknown: only 0 looks saw anything, 20 are needed"),
            ("19+", "unknown: only 19 looks saw anything, 20 are needed"),
            ("20+", "passed: 100 % of 20 looks good, p99 2 ms"),
            ("50?", "unknown: only 0 of 50 looks saw anything (refused), 20 are needed"),
            ("19+ 31?", "unknown: only 19 of 50 looks saw anything (refused), 20 are needed"),
            ("19-", "unknown: only 19 looks saw anything, 20 are needed"),
        ],
    )
    def test_too_few_looks_are_unknown(self, looks: str, answer: str) -> None:
        every_s = 5 / max(1, len(looks) and sum(int(part[:-1]) for part in looks.split()))
        assert said(holds(History().looks(looks, every_s=every_s), steady())) == answer

    def test_no_floor_still_asks_for_one_look(self) -> None:
        assert said(holds(History().looks("50?"), steady(at_least=0))) == (
            "unknown: only 0 of 50 looks saw anything (refused), 1 are needed"
        )

    @pytest.mark.parametrize(("blind", "answer"), [(5, "passed"), (6, "unknown")])
    def test_blind_looks_that_could_break_the_limit_make_it_unknown(self, blind: int, answer: str) -> None:
        """45 of 50 would be good even if all five blind looks had been bad."""
        verdict = holds(History().looks(f"{50 - blind}+ {blind}?"), steady(">= 90%"))
        assert verdict.outcome == answer

    def test_it_says_how_many_were_blind_and_why(self) -> None:
        history = History().looks("44+ 6?", why="NOAUTH")
        assert said(holds(history, steady())) == (
            "unknown: 6 of 50 looks were blind (NOAUTH), so nobody can say whether success >= 90%"
        )

    def test_blind_looks_that_could_not_mend_it_leave_it_failed(self) -> None:
        assert holds(History().looks("38+ 6- 6?"), steady(">= 90%")).outcome is Outcome.FAILED
        assert holds(History().looks("40+ 5- 5?"), steady(">= 90%")).outcome is Outcome.UNKNOWN

    def test_blind_looks_may_have_been_slow(self) -> None:
        history = History().looks("98+ 2?", every_s=0.05)
        assert holds(history, steady(">= 50%", p99="<= 5ms")).outcome is Outcome.UNKNOWN
        assert holds(history, steady(">= 50%", p95="<= 5ms")).outcome is Outcome.PASSED
        assert holds(history, steady(">= 50%", p50=">= 1s")).outcome is Outcome.FAILED

    @pytest.mark.parametrize(("good", "outcome"), [(51, "passed"), (50, "unknown")])
    def test_blind_looks_may_have_been_quick(self, good: int, outcome: str) -> None:
        history = History().looks(f"{good}+ {100 - good}?", every_s=0.05, took_s=0.01)
        assert holds(history, steady(">= 10%", p50=">= 5ms")).outcome == outcome

    @pytest.mark.parametrize(
        ("looks", "answer"),
        [
            ("30+ 10. 10+", "unknown: nobody looked for 1.1 s of 5 s"),
            ("30+ 9. 11+", "passed: 100 % of 41 looks good, p99 2 ms"),
            ("39+ 11.", "unknown: nobody looked for 1.2 s of 5 s"),
            ("11. 39+", "unknown: nobody looked for 1.1 s of 5 s"),
        ],
    )
    def test_a_stretch_without_a_look_is_unknown(self, looks: str, answer: str) -> None:
        """A second of 5 s may go unlooked, at the edges too; a machine that slept for longer has not watched."""
        assert said(holds(History().looks(looks), steady())) == answer

    def test_a_probe_that_looks_rarely_by_plan_has_watched(self) -> None:
        looks = History().looks("10+", every_s=2)
        assert holds(looks, steady(at_least=10), to_s=20).outcome is Outcome.PASSED
        assert holds(History().looks("5+", every_s=4), steady(at_least=5), to_s=20).outcome is Outcome.UNKNOWN
        opened = History().opened(every_s=4).looks("5+", every_s=4)
        assert holds(opened, steady(at_least=5), to_s=20).outcome is Outcome.PASSED
        missed = History().opened(every_s=4).looks("2+ . 2+", every_s=4)
        assert holds(missed, steady(at_least=4), to_s=20).outcome is Outcome.PASSED
        missed_two = History().opened(every_s=4).looks("2+ 2. +", every_s=4)
        assert holds(missed_two, steady(at_least=3), to_s=20).outcome is Outcome.UNKNOWN


class TestPhases:
    def test_the_stretch_is_the_last_hold_of_what_the_journal_names(self) -> None:
        """The bad looks from 0 to 1 s lie before it; one more look into them and it fails."""
        history = History().looks("10- 50+").steady(0.0, 6.0)
        check = steady(">= 100%")
        assert said(check.judge(history.evidence)) == "passed: 100 % of 50 looks good, p99 2 ms"
        assert replace(check, hold=timedelta(seconds=5.1)).judge(history.evidence).outcome is Outcome.FAILED

    def test_its_proof_names_the_event_and_its_picture_the_stretch(self) -> None:
        history = History().looks("60+").steady(0.0, 6.0)
        verdict = steady().judge(history.evidence)
        assert history.events[-1].seq in verdict.proof
        assert verdict.windows == (Window(lane="probe:orders", label="steady before", from_s=1.0, to_s=6.0),)

    @pytest.mark.parametrize(("from_s", "outcome"), [(1.0, "passed"), (1.000001, "unknown")])
    def test_a_stretch_shorter_than_hold_is_unknown(self, from_s: float, outcome: str) -> None:
        assert steady().judge(History().looks("60+").steady(from_s, 6.0).evidence).outcome == outcome

    def test_a_longer_hold_than_was_watched_says_so(self) -> None:
        history = History().looks("60+").steady(1.0, 6.0)
        assert said(steady(hold_s=10).judge(history.evidence)) == "unknown: watched for 5 s only; 10 s are needed"

    def test_each_phase_is_judged_by_itself(self) -> None:
        history = History().looks("50+ 50-").steady(0.0, 5.0).steady(5.0, 10.0, phase="after", reached=False)
        assert said(steady(phase="before").judge(history.evidence)) == "passed: 100 % of 50 looks good, p99 2 ms"
        assert said(steady(phase="after").judge(history.evidence)) == "failed: 0 % of 50 looks good; limit >= 90%"

    def test_an_entry_that_held_passes_though_another_one_kept_the_run_waiting(self) -> None:
        history = History().looks("50+").looks("50-", probe="shop").steady(0.0, 5.0, reached=False)
        assert steady().judge(history.evidence).outcome is Outcome.PASSED

    def test_a_run_that_ended_before_is_unknown_and_says_why(self) -> None:
        history = History().looks("50+")
        assert said(steady().judge(history.evidence)) == "unknown: the run ended before it was looked at"
        history.event(5, "run.aborted", by="human", why="Ctrl-C")
        assert said(steady().judge(history.evidence)) == "unknown: the run ended before it was looked at: Ctrl-C"


def test_every_figure_is_measured_with_what_blindness_could_make_of_it() -> None:
    measured = holds(History().looks("45+ 3- 2?"), steady(">= 50%", p50="<= 5ms")).measured
    assert set(measured) == {"success", "p50_s", "looks", "blind"}
    success = measured["success"]
    assert (success.low, success.value, success.high) == pytest.approx((0.9, 45 / 48, 0.94))
    assert (measured["looks"].value, measured["blind"].value) == (50, 2)


def test_a_figure_without_an_upper_bound_is_left_out() -> None:
    assert "p99_s" not in holds(History().looks("48+ 2?"), steady(">= 50%", p99="<= 5ms")).measured


def test_the_proof_of_a_failure_is_the_looks_that_failed_and_never_thousands() -> None:
    history = History().looks("40+ 5- 5+", batch=1)
    assert holds(history, steady(">= 95%")).proof == (40, 41, 42, 43, 44)
    slow = History().looks("40+", batch=1).looks("10+", from_s=4.0, took_s=0.9, batch=1)
    assert holds(slow, steady(">= 95%", p99="<= 5ms")).proof == tuple(range(40, 50))
    assert len(holds(History().looks("5000-", every_s=0.001, batch=1), steady()).proof) == 20


@pytest.mark.parametrize("settings", [{"success": None}, {"hold_s": 0}])
def test_no_limit_or_no_time_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no limit|no time"):
        steady(**settings)


PATTERNS = st.text("+-?", min_size=30, max_size=60)
CHECKS = st.sampled_from([steady(">= 90%"), steady("<= 60%"), steady(None, p50="<= 5ms"), steady(None, p99="<= 1ms"),
                          steady(">= 20%", p95=">= 1ms")])  # fmt: skip


@given(PATTERNS, CHECKS, st.integers(0, 10**9))
def test_looking_away_never_turns_an_answer_into_its_opposite(pattern: str, check: Steady, seed: int) -> None:
    rng = random.Random(seed)
    blinded = "".join("?" if rng.random() < 0.3 else one for one in pattern)
    before, after = (holds(History().looks(one, every_s=5 / len(one)), check).outcome for one in (pattern, blinded))
    assert after in (before, Outcome.UNKNOWN) or before is Outcome.UNKNOWN
    assert (before, after) != (Outcome.UNKNOWN, Outcome.PASSED)


@given(PATTERNS, CHECKS, st.integers(1, 30))
def test_more_blind_looks_never_make_a_pass(pattern: str, check: Steady, more: int) -> None:
    plain = History().looks(pattern, every_s=5 / len(pattern))
    before = holds(plain, check).outcome
    after = holds(plain.looks(f"{more}?", from_s=0.01, every_s=4.9 / more), check).outcome
    assert after is before or after is Outcome.UNKNOWN


@given(PATTERNS, CHECKS, st.integers(0, 10**9))
def test_the_order_of_the_journal_s_lines_does_not_matter(pattern: str, check: Steady, seed: int) -> None:
    history, mixed = History().looks(pattern), History()
    mixed.events = random.Random(seed).sample(history.events, len(history.events))
    assert holds(mixed, check) == holds(history, check)
