"""A run as it is kept: which way its figures are better, by which names they are asked for, and how they are shown."""

from math import inf

import pytest

from checks import Measured
from reports.past import better, differences, keys, plain, show, show_change, wanted
from tests.reports.runs import figure, past, seconds, share

COUNT = Measured.count(3)


@pytest.mark.parametrize(
    ("key", "value", "way"),
    [
        ("RTO:orders", seconds(2.0), "lower"),
        ("failover.outage", seconds(2.0), "lower"),
        ("availability:orders", share(0.9), "higher"),
        ("steady-before.success", share(0.9), "higher"),
        ("error budget:orders", share(0.9), "lower"),
        ("lost writes:orders", COUNT, "lower"),
        ("data_loss.missing", COUNT, "lower"),
        ("sop.sop score", share(0.9), "higher"),
        ("sop.confidence", share(0.9), None),
        ("steady-before.looks", COUNT, None),
        ("in-effect-kill.effect after", seconds(2.0), None),
        ("RTO:orders", None, None),
    ],
)
def test_which_way_is_better_depends_on_what_it_is(key: str, value: Measured | None, way: str | None) -> None:
    assert better(figure(key, value)) == way


def test_a_figure_is_asked_for_by_its_key_or_all_of_a_name() -> None:
    runs = [past(figures={"RTO:orders": seconds(2.0), "RTO:storefront": None, "failover.outage": seconds(2.0)})]

    assert keys(runs) == ["RTO:orders", "RTO:storefront", "failover.outage"]
    assert wanted(["rto"], runs) == ["RTO:orders", "RTO:storefront"]
    assert wanted(["RTO:storefront", "rto"], runs) == ["RTO:storefront", "RTO:orders"]
    assert wanted(["failover.outage"], runs) == ["failover.outage"]
    with pytest.raises(KeyError):
        wanted(["RT"], runs)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        (seconds(2.0), "2 s ± 20 ms"),
        (share(0.9986), "99.86 %"),
        (COUNT, "3"),
        (Measured(value=4.0, low=4.0, high=inf, unit="s"), "≥ 4 s"),
        (Measured(value=4.0, low=-inf, high=4.0, unit="s"), "≤ 4 s"),
        (Measured(value=297.4, low=200.0, high=300.0, unit="times"), "297 ×"),
        (Measured(value=0.5, low=0.5, high=0.5, unit="bananas"), "0.5"),
    ],
)
def test_a_figure_is_shown_with_the_bounds_that_it_has(value: Measured | None, said: str) -> None:
    assert show(value) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1.0, "s", "+1 s"),
        (-0.06, "s", "-60 ms"),
        (-0.012, "ratio", "-1.2 pp"),
        (0.0, "count", "+0"),
        (-17.0, "count", "-17"),
        (0.755748, "count", "+0.756"),
    ],
)
def test_a_change_has_its_sign(value: float, unit: str, said: str) -> None:
    assert show_change(value, unit) == said


def test_what_is_not_finite_is_null_in_json() -> None:
    assert plain(Measured(value=4.0, low=4.0, high=inf, unit="s")) == {
        "value": 4.0,
        "low": 4.0,
        "high": None,
        "unit": "s",
    }
    assert plain(None) is None


def test_what_keeps_runs_from_being_compared_is_what_was_asked_of_them_and_not_when_or_by_whom() -> None:
    assert differences(past(0), past(7, 9.0, host="there", versions={}, note="x", duration_s=1.0)) == []
    assert differences(past(0), past(1, limits=("failover.within=3s",), control=True)) == ["limits", "control"]
