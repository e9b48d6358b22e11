"""Looks come every 100 ms from 0 s on and take 2 ms; the fault acts at 10 s, is in effect at 10.5 s and heals at 20 s."""

from typing import Any

import pytest

from checks.check import DurationLimit, FaultName, Outcome, ProbeName, RatioLimit, Window, judge
from checks.unaffected import Unaffected
from tests.checks.history import History, said


def unaffected(success: str | None = ">= 90%", p99: str | None = None, **settings: Any) -> Unaffected:
    return Unaffected(probe=ProbeName("shop"), during=FaultName("kill"), success=RatioLimit.parse(success) if success else None,
                      p99=DurationLimit.parse(p99) if p99 else None, **settings)  # fmt: skip


def answer(history: History, check: Unaffected | None = None) -> str:
    return said(judge(check or unaffected(), history.evidence))


def during(looks: str, *, healing: float | None = 20.0, effect: float | None = 10.5, **more: Any) -> History:
    return History().fault(effect=effect, healing=healing).looks(looks, probe="shop", **more)


@pytest.mark.parametrize(
    ("looks", "said_"),
    [
        ("300+", "passed: shop: 100 % of 100 looks good, p99 2 ms"),
        ("100+ 10- 200+", "passed: shop: 90 % of 100 looks good, p99 2 ms"),
        ("100+ 11- 200+", "failed: shop: 89 % of 100 looks good; limit >= 90%"),
        ("80+ 20- 100+ 100-", "passed: shop: 100 % of 100 looks good, p99 2 ms"),
    ],
)
def test_what_counts_lies_between_the_first_act_and_the_healing(looks: str, said_: str) -> None:
    assert answer(during(looks)) == said_


def test_a_look_at_the_edge_counts_where_the_window_begins_and_not_where_it_ends() -> None:
    """The looks at 10.0 s and at 20.0 s are bad; only the first is the fault's."""
    assert answer(during("100+ - 99+ - 50+"), unaffected(">= 99%")) == "passed: shop: 99 % of 100 looks good, p99 2 ms"


def test_the_limit_on_times_counts_too() -> None:
    slow = during("300+", took_s=0.06)
    assert answer(slow, unaffected(None, "<= 50ms")) == "failed: shop: p99 60 ms over 100 looks; limit <= 50ms"


def test_a_fault_that_was_never_healed_counts_to_the_end() -> None:
    assert answer(during("300+", healing=None)) == "passed: shop: 100 % of 200 looks good, p99 2 ms"


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (during("300+", effect=None), "kill never took effect"),
        (History().looks("300+", probe="shop"), "kill never took effect"),
        (History().fault(healing=20), "shop never looked"),
        (during("100+ 100. 100+"), "shop: only 0 looks saw anything, 20 are needed"),
        (during("100+ 19+ 81? 100+"), "shop: only 19 of 100 looks saw anything (refused), 20 are needed"),
        (
            during("100+ 89+ 11? 50+"),
            "shop: 11 of 100 looks were blind (refused), so nobody can say whether success >= 90%",
        ),
        (during("130+ 40. 130+"), "shop: nobody looked for 4.1 s of 10 s"),
    ],
)
def test_what_was_not_looked_at_is_unknown(history: History, reason: str) -> None:
    assert answer(history) == f"unknown: {reason}"


def test_the_proof_names_the_fault_and_the_picture_its_time() -> None:
    history = during("300+")
    verdict = judge(unaffected(), history.evidence)
    assert set(history.evidence.fault("kill").lines) < set(verdict.proof)
    assert verdict.windows == (Window(lane="probe:shop", label="kill", from_s=10.0, to_s=20.0),)


def test_no_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="no limit"):
        unaffected(None)


def test_the_floor_on_looks_can_be_lowered() -> None:
    unopened = during("15+", every_s=2)  # nobody said that it looks so rarely, so 2 s are a gap
    assert judge(unaffected(at_least=5), unopened.evidence).outcome is Outcome.UNKNOWN
    opened = during("15+", every_s=2).opened("shop", every_s=2)
    assert judge(unaffected(at_least=5), opened.evidence).outcome is Outcome.PASSED
    assert judge(unaffected(at_least=6), opened.evidence).outcome is Outcome.UNKNOWN
