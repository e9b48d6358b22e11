"""The gate: whether a run is worse than those before it, what that stands on, and when nobody can say."""

import json
from dataclasses import replace

import pytest

from checks import Measured
from reports.gate import GATED, Gate, gate, lines, to_data
from reports.noise import Allowed
from reports.past import PastRun
from tests.reports.runs import ACCEPTED, figure, past, seconds, series, share

STEADY = [2.0, 2.1, 1.9, 2.05, 1.95, 2.0, 2.1, 1.9, 2.0, 2.0]
"""Ten runs: the median is 2 s, the range 0.2 s, and so the edge lies at 2.2 s."""


def held(rto: float | None, known: list[PastRun] | None = None, **asked: object) -> Gate:
    """A run with this outage, after ten that were alike."""
    runs = series(STEADY) if known is None else known
    return gate(past(len(runs), rto), runs, **asked)  # type: ignore[arg-type]


def why(found: Gate) -> str:
    return " | ".join(map(str, found.because))


# the answers


def test_a_run_within_the_band_is_no_regression() -> None:
    found = held(2.15)

    assert (found.answer, why(found), found.n) == ("no regression", "", 10)
    assert [(one.key, one.sort) for one in found.held] == [("RTO", "same")]


def test_a_run_beyond_the_band_is_one_and_says_from_what_to_what() -> None:
    found = held(3.0)

    assert found.answer == "regressed"
    assert why(found) == "RTO went from 2 s to 3 s ± 20 ms; 10 runs lay between 1.9 s and 2.1 s"


@pytest.mark.parametrize(("rto", "answer"), [(2.2, "no regression"), (2.21, "cannot say"), (2.23, "regressed")])
def test_the_edge_is_at_the_range_from_the_median_and_the_bounds_must_lie_beyond_it(rto: float, answer: str) -> None:
    assert held(rto).answer == answer


def test_a_faster_run_is_no_regression() -> None:
    assert [one.sort for one in held(1.0).held] == ["better"]


def test_the_gravest_answer_of_its_figures_is_that_of_the_gate() -> None:
    figures = {"RTO": seconds(2.0), "TTD": seconds(1.0), "availability": share(0.95)}
    runs = [past(number, figures=figures, accepted=ACCEPTED if number == 0 else None) for number in range(10)]
    worse = gate(past(10, figures={**figures, "TTD": seconds(5.0), "RTO": None}), runs)
    unsure = gate(past(10, figures={**figures, "RTO": None}), runs)

    assert worse.answer == "regressed"
    assert why(worse).startswith("TTD went from")
    assert unsure.answer == "cannot say"
    assert why(unsure) == "RTO was not measured: –"


def test_a_run_that_failed_where_the_accepted_one_passed_is_a_regression() -> None:
    runs = series(STEADY)
    found = gate(past(10, outcome="failed", checks=(replace(runs[0].checks[0], outcome="failed"),)), runs)

    assert found.answer == "regressed"
    assert why(found) == "0000 passed and this run failed: failover"


@pytest.mark.parametrize("outcome", ["inconclusive", "aborted", "not healed"])
def test_of_a_run_that_ended_otherwise_nobody_can_say(outcome: str) -> None:
    found = gate(past(10, 2.0, outcome=outcome), series(STEADY))

    assert found.answer == "cannot say"
    assert why(found) == f"000a ended {outcome}, so that its figures stand on nothing"


def test_a_control_is_held_against_nothing() -> None:
    assert gate(past(10, 2.0, control=True), series(STEADY)).answer == "cannot say"


# what it is held against


def test_without_an_accepted_run_nobody_can_say_and_against_the_last_that_passed_one_can() -> None:
    runs = series(STEADY, accepted=())

    assert why(held(2.0, runs)) == "no run of lose-the-primary was accepted before this one"
    assert held(2.0, runs).answer == "cannot say"
    assert held(2.0, runs, how="last-passed").answer == "no regression"
    assert held(3.0, runs, how="last-passed").answer == "regressed"


def test_the_very_first_run_has_nothing_before_it() -> None:
    assert why(gate(past(0), [], how="last-passed")) == "no run of lose-the-primary passed before this one"


def test_what_was_run_later_does_not_count() -> None:
    found = gate(past(4), series(STEADY, accepted=(0,)))

    assert found.n == 4


def test_runs_that_failed_do_not_count() -> None:
    runs = [*series(STEADY[:6]), *(past(number, 9.0, outcome="failed") for number in range(6, 12))]

    assert held(3.0, runs).answer == "regressed"


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"rubric_digest": "e" * 64}, "rubric"),
        ({"drill_digest": "e" * 64}, "drill file"),
        ({"limits": ("failover.within=3s",)}, "limits"),
        ({"environment": "staging"}, "environment"),
        ({"rubric_digest": "e" * 64, "environment": "staging"}, "rubric, environment"),
    ],
)
def test_on_another_ground_nobody_can_say_and_it_is_told_what_differs(changed: dict[str, object], what: str) -> None:
    found = gate(past(10, 2.0, **changed), series(STEADY))

    assert found.answer == "cannot say"
    assert why(found) == f"the last one that could stand for it, 0000, differs in {what}"


def test_against_one_run_the_others_tell_only_the_noise() -> None:
    """Twenty runs at 2 s, and one of 2.6 s that this one is held against: the edge lies at 2.6 s + 0.26 s."""
    runs = [*series(STEADY * 2), past(20, 2.6)]

    assert gate(past(21, 2.8), runs, how="x", other=runs[-1]).answer == "no regression"
    assert gate(past(21, 2.9), runs, how="x", other=runs[-1]).answer == "regressed"
    assert gate(past(21, 2.5), runs, how="x", other=runs[3]).answer == "regressed"


def test_against_one_run_that_failed_nobody_can_say() -> None:
    bad = past(3, 2.0, outcome="failed")

    assert why(gate(past(21), [bad], how="x", other=bad)) == "0003 ended failed, so that its figures stand on nothing"


# too few runs


def test_with_four_runs_the_band_is_unknown_and_with_five_it_is_not() -> None:
    four, five = held(3.0, series(STEADY[:4])), held(3.0, series(STEADY[:5]))

    assert four.answer == "cannot say"
    assert why(four) == "RTO is worse, and whether that is noise is not known: runs that count: 4, needed: 5"
    assert five.answer == "regressed"


def test_without_a_band_what_lies_within_the_bounds_is_no_regression() -> None:
    assert held(2.03, series(STEADY[:1])).answer == "no regression"
    assert held(2.05, series(STEADY[:1])).answer == "cannot say"


def test_without_a_band_what_is_allowed_decides_once_it_was_said() -> None:
    asked = {"allowed": {"": Allowed(share=0.1)}}

    assert held(2.15, series(STEADY[:1]), **asked).answer == "no regression"
    assert held(2.4, series(STEADY[:1]), **asked).answer == "regressed"
    assert (
        why(held(2.4, series(STEADY[:1]), **asked))
        == "RTO went from 2 s ± 20 ms to 2.4 s ± 20 ms, beyond what is allowed"
    )


def test_what_is_allowed_to_one_figure_is_not_allowed_to_the_others() -> None:
    figures = {"RTO": seconds(2.0), "TTD": seconds(2.0)}
    runs = [past(number, figures=figures, accepted=ACCEPTED) for number in range(10)]
    slow = past(10, figures={"RTO": seconds(2.5), "TTD": seconds(2.5)})

    found = gate(slow, runs, allowed={"RTO": Allowed(share=0.5)})

    assert [(one.key, one.sort) for one in found.held] == [("RTO", "same"), ("TTD", "worse")]


# which figures


def test_only_the_machines_figures_are_looked_at_unless_one_asks_for_others() -> None:
    figures = {"RTO": seconds(2.0), "TTA": seconds(5.0), "failover.outage": seconds(2.0)}
    runs = [past(number, figures=figures, accepted=ACCEPTED) for number in range(10)]
    lazy = past(10, figures={**figures, "TTA": seconds(500.0)})

    assert "TTA" not in GATED
    assert gate(lazy, runs).answer == "no regression"
    assert gate(lazy, runs, figures=["TTA"]).answer == "regressed"


def test_a_figure_that_is_new_is_not_held_against_what_did_not_know_it() -> None:
    runs = series(STEADY)
    richer = past(10, figures={"RTO": seconds(2.0), "TTD": seconds(9.0)})

    assert gate(richer, runs).answer == "no regression"
    asked = gate(richer, runs, figures=["TTD"])
    assert asked.answer == "cannot say"
    assert why(asked) == "TTD was not measured in the run that this one is held against"


def test_where_nothing_was_measured_nobody_can_say() -> None:
    runs = [past(number, figures={}, accepted=ACCEPTED) for number in range(10)]

    assert gate(past(10, figures={}), runs).answer == "cannot say"


def test_an_outage_that_did_not_come_at_all_is_better_and_not_unknown() -> None:
    """Then there is none to measure; that not one look failed says so."""
    before = {"RTO:orders": seconds(2.0), "availability:orders": share(0.95)}
    runs = [past(number, figures=before, accepted=ACCEPTED) for number in range(10)]
    seamless = gate(past(10, figures={"RTO:orders": None, "availability:orders": share(1.0)}), runs)
    unseen = gate(past(10, figures={"RTO:orders": None, "availability:orders": share(0.95)}), runs)

    assert [(one.key, one.sort) for one in seamless.held] == [
        ("RTO:orders", "better"),
        ("availability:orders", "better"),
    ]
    assert seamless.answer == "no regression"
    assert unseen.answer == "cannot say"


def test_of_what_is_neither_good_nor_bad_nobody_can_say() -> None:
    runs = [past(number, figures={"steady.looks": Measured.count(100)}, accepted=ACCEPTED) for number in range(10)]

    assert (
        gate(past(10, figures={"steady.looks": Measured.count(99)}), runs, figures=["steady.looks"]).answer
        == "cannot say"
    )


def test_one_lost_write_is_a_regression() -> None:
    runs = [past(number, figures={"lost writes": Measured.count(0)}, accepted=ACCEPTED) for number in range(10)]

    assert gate(past(10, figures={"lost writes": Measured.count(0)}), runs).answer == "no regression"
    assert gate(past(10, figures={"lost writes": Measured.count(1)}), runs).answer == "regressed"


# acceptance


def test_after_a_slower_run_was_accepted_anew_its_like_is_no_regression() -> None:
    anew = replace(ACCEPTED, anew=True)
    runs = [*series(STEADY), past(10, 3.0, accepted=anew)]

    assert held(3.0, runs).answer == "no regression"
    assert held(3.5, runs).answer == "cannot say"  # of one run nobody knows the noise
    more = [*runs, *(past(number, 3.0) for number in range(11, 16))]
    assert held(3.5, more).answer == "regressed"


def test_after_a_slower_run_was_accepted_as_chance_its_like_may_come_again() -> None:
    runs = [*series(STEADY), past(10, 3.0, accepted=ACCEPTED)]

    assert held(3.0, runs).answer == "no regression"
    assert held(3.2, runs).answer == "regressed"


def test_running_it_again_and_again_does_not_make_a_regression_pass() -> None:
    runs = series(STEADY)
    for number in range(10, 30):
        slow = past(number, 3.0)
        assert gate(slow, runs).answer == "regressed"
        runs.append(slow)


# told


def test_it_is_told_on_few_lines() -> None:
    assert list(lines(held(3.0))) == [
        "REGRESSED  lose-the-primary 000a against accepted 0000",
        "  RTO went from 2 s to 3 s ± 20 ms; 10 runs lay between 1.9 s and 2.1 s",
        "",
        "  worse  RTO  2 s → 3 s ± 20 ms  median of 10 runs, which lay between 1.9 s and 2.1 s",
    ]
    assert list(lines(held(2.0, series(STEADY[:2])))) == [
        "no regression  lose-the-primary 0002 against accepted 0000",
        "",
        "  same  RTO  2 s ± 20 ms → 2 s ± 20 ms  band unknown",
    ]


def test_it_is_told_in_chinese() -> None:
    said = "\n".join(lines(held(3.0), "zh"))

    assert said.startswith("退化  lose-the-primary 000a，对照 已认可 0000\n  RTO 由 2 s 变为 3 s ± 20 ms；")
    assert "变差  RTO" in said
    other = gate(past(10, 2.0, environment="staging"), series(STEADY))
    assert "其环境不同" in "\n".join(lines(other, "zh"))


def test_as_data_it_has_the_same_and_is_json() -> None:
    data = json.loads(json.dumps(to_data(held(3.0)), allow_nan=False))

    assert (data["answer"], data["exit_code"], data["comparable"]) == ("regressed", 1, 10)
    assert data["figures"][0]["band"] == {"n": 10, "median": 2.0, "low": 1.9, "high": 2.1}
    endless = Measured(value=4.0, low=4.0, high=float("inf"), unit="s")
    open_ended = gate(past(10, figures={"RTO": endless}), series(STEADY))
    assert json.loads(json.dumps(to_data(open_ended), allow_nan=False))["figures"][0]["now"]["high"] is None
    assert open_ended.answer == "regressed"
    assert figure("RTO:orders", endless).key == "RTO:orders"
