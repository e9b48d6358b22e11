"""What a drill's objective comes to, and what is a mistake in it."""

from datetime import timedelta

import pytest

from checks import Sentence
from checks.service_level import Objective
from drills.binding import settings_of
from drills.slo import Rate
from tests.drills.writing import good, only, slugs

ONE = """
drill: x
probes:
  orders: {tcp: cache}
"""
TWO = ONE + "  shop: {tcp: web}\n"
STEADY = (
    "steady: [{probe: shop, p99: '<= 50ms'}, {probe: orders, success: '>= 99.5%'}, {probe: orders, success: '> 90%'}]\n"
)


def known(text: str) -> Objective:
    found = good(text).objective
    assert isinstance(found, Objective)
    return found


def why(text: str) -> str:
    found = good(text).objective
    assert isinstance(found, Sentence)
    return str(found)


def test_all_that_is_written_is_taken() -> None:
    found = known(TWO + STEADY + "slo: {probe: shop, success: 99.9%, period: 7d, rate: 1200/s}")
    assert found == Objective(probe="shop", success=0.999, period_s=7 * 86400, rate_per_s=1200)


def test_a_share_alone_is_the_objective() -> None:
    assert known(ONE + "slo: 99.9%") == Objective(probe="orders", success=0.999, period_s=30 * 86400)


def test_without_one_it_is_the_first_success_limit_of_the_steady_state_and_nobody_promised_it() -> None:
    expected = Objective(probe="orders", success=0.995, period_s=30 * 86400, promised=False)
    assert known(TWO + STEADY) == expected
    assert known(TWO + STEADY + "slo: {period: 30d}") == expected


def test_the_probe_is_the_one_with_a_success_limit_and_the_objective_the_one_of_the_probe() -> None:
    assert known(TWO + STEADY + "slo: 99.9%").probe == "orders"
    assert known(TWO + STEADY + "slo: {probe: orders}").success == 0.995


def test_a_limit_that_asks_for_failure_promises_nothing() -> None:
    assert why(ONE + "steady: [{probe: orders, success: '< 50%'}]").startswith("the drill says neither in `slo`")


def test_what_the_drill_does_not_say_is_no_mistake_while_it_has_no_slo() -> None:
    assert why(TWO) == "the drill does not say by which probe the service is known"
    assert why(ONE) == "the drill says neither in `slo` nor in `steady` what orders is to keep"
    assert why("drill: x") == "the drill does not say by which probe the service is known"


@pytest.mark.parametrize("slo", ["{success: 99.9%}", "{probe: shop}", "{probe: shop, rate: 5/s}"])
def test_an_slo_that_leaves_it_open_is_a_mistake(slo: str) -> None:
    problem = only(f"{TWO}slo: {slo}")
    assert problem.slug == "no-objective"
    assert "success: 99.9%" in problem.fix


@pytest.mark.parametrize(
    ("slo", "slug"),
    [
        ("{probe: chop, success: 99%}", "unknown-probe"),
        ("{success: 0%}", "setting-conflict"),
        ("{success: 99%, period: 0}", "setting-conflict"),
        ("{success: 99}", "bad-share"),
        ("{success: 99%, rate: 1200}", "bad-value"),
        ("{success: 99%, rates: 5/s}", "unknown-setting"),
    ],
)
def test_mistakes_in_an_slo_are_told(slo: str, slug: str) -> None:
    assert slug in slugs(f"{ONE}slo: {slo}")


@pytest.mark.parametrize(
    ("text", "per_s"), [("1200/s", 1200), (" 0.5 / s ", 0.5), ("60/m", 1), ("3600/h", 1), ("86400/d", 1)]
)
def test_rates_are_read_and_written_back(text: str, per_s: float) -> None:
    assert Rate.parse(text).per_s == per_s
    assert Rate.parse(str(Rate.parse(text))) == Rate.parse(text)


@pytest.mark.parametrize("text", ["0/s", "0.0/h", "5", "/s", "-1/s", "5/w", "1e3/s", "5/s/s", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="1200/s"):
        Rate.parse(text)


def test_an_slo_is_written_back_as_it_is_read() -> None:
    slo = good(ONE + "slo: {success: 99.95%, period: 7d, rate: 1200/s}").head.slo
    assert slo is not None
    assert slo.period == timedelta(days=7)
    assert settings_of(slo) == {"success": "99.95%", "period": "168h", "rate": "1200/s"}
