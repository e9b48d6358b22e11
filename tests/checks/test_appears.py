"""Looks come every 100 ms from 0 s on and take 2 ms; the fault is in effect from 10 s on, heals at 20 s and is gone at 21 s.

The probe is good while there is a safe mode, so a history in good order is `105- 95+ 15+ 100-`: it comes after half a
second, and goes half a second after the fault is gone.
"""

from datetime import timedelta
from typing import Any

import pytest

from checks.appears import Appears
from checks.check import FaultName, Outcome, ProbeName, RatioLimit, Reacts, Verdict, Waits, judge
from tests.checks.history import History, said


def appears(within: float = 2.0, gone: float | None = 2.0, **settings: Any) -> Appears:
    gone_within = None if gone is None else timedelta(seconds=gone)
    return Appears(probe=ProbeName("safe-mode"), during=FaultName("kill"), within=timedelta(seconds=within),
                   gone_within=gone_within, **settings)  # fmt: skip


def crashed(looks: str, *, healing: float | None = 20.0, gone: float | None = 21.0, **more: Any) -> History:
    return History().fault(acting=10, effect=10, healing=healing, gone=gone).looks(looks, probe="safe-mode", **more)


def judged(looks: str, check: Appears | None = None, **more: Any) -> Verdict:
    verdict = judge(check or appears(), crashed(looks, **more).evidence)
    assert "broke" not in str(verdict.because)
    return verdict


GOOD_ORDER = "105- 110+ 100-"
COARSE = "unknown: safe-mode came 2.95 s ± 2.55 s after kill, too coarse for limit 2 s; look more often"


def test_what_comes_with_the_fault_and_goes_with_it_passes_and_both_times_are_told() -> None:
    verdict = judged(GOOD_ORDER)

    assert said(verdict) == (
        "passed: safe-mode came 451 ms ± 51 ms after kill; limit 2 s; went 451 ms ± 51 ms after kill was gone; limit 2 s"
    )
    assert {name: (one.low, one.high) for name, one in verdict.measured.items()} == {
        "came_after_s": (0.4, 0.502), "went_after_s": (0.4, 0.502)}  # fmt: skip
    assert [one.label for one in verdict.windows] == ["there"]


@pytest.mark.parametrize(("looks", "outcome"), [
    ("120- 95+ 100-", "passed"), ("121- 94+ 100-", "unknown"), ("122- 93+ 100-", "failed"),
], ids=["in time", "the limit lies in the bounds", "late"])  # fmt: skip
def test_it_must_come_in_time(looks: str, outcome: str) -> None:
    within = timedelta(seconds=2.002)
    check = Appears(probe=ProbeName("safe-mode"), during=FaultName("kill"), within=within)
    assert judged(looks, check).outcome == outcome


@pytest.mark.parametrize(("looks", "outcome"), [
    ("105- 124+ 100-", "passed"), ("105- 125+ 100-", "unknown"), ("105- 127+ 100-", "failed"),
], ids=["in time", "the limit lies in the bounds", "late"])  # fmt: skip
def test_it_must_go_in_time(looks: str, outcome: str) -> None:
    assert judged(looks).outcome == outcome


@pytest.mark.parametrize(
    ("gone", "outcome"), [(2.002, "passed"), (2.001, "unknown"), (1.9, "unknown"), (1.899, "failed")]
)
def test_it_went_between_the_last_look_that_found_it_and_the_first_that_did_not(gone: float, outcome: str) -> None:
    """They were sent at 22.9 s, and answered at 23.002 s."""
    assert judged("105- 125+ 100-", appears(gone=gone)).outcome == outcome


@pytest.mark.parametrize(("looks", "reason"), [
    ("99- + 5- 110+ 100-", "failed: safe-mode was there before kill"),
    ("315-", "failed: safe-mode had not come 9.9 s after kill; limit 2 s"),
    ("105- 20+ 5- 85+ 100-", "failed: safe-mode, once it had come: 94.74 % of 95 looks good; limit >= 99%"),
    ("105- 300+", "failed: safe-mode was still there 19.4 s after kill was gone; limit 2 s"),
    ("105- 105+ 60- 40+ 20-", "failed: safe-mode went 9.95 s ± 51 ms after kill was gone; limit 2 s"),
])  # fmt: skip
def test_what_is_there_before_or_after_or_not_all_the_while_is_not_of_the_fault(looks: str, reason: str) -> None:
    assert said(judged(looks)) == reason


@pytest.mark.parametrize(("looks", "more", "reason"), [
    ("300.", {}, "unknown: safe-mode never looked"),
    ("100? 5- 110+ 100-", {}, "unknown: no look of safe-mode saw anything before kill"),
    ("105-", {"healing": None, "gone": None}, "unknown: safe-mode was not seen to come after kill; limit 2 s"),
    ("115- 100-", {"healing": 11.5, "gone": 11.6}, "unknown: kill was healed before safe-mode came; limit 2 s"),
    ("105- 110+", {}, "unknown: safe-mode was not seen to go after kill was gone; limit 2 s"),
    ("105- 110+ 50-", {"gone": None}, "unknown: kill was never seen to be gone"),
    ("105- 50? 45+ 15+ 100-", {}, COARSE),
    ("105- 20+ 60. 15+ 15+ 100-", {}, "unknown: safe-mode, once it had come: nobody looked for 6.1 s of 9.5 s"),
], ids=["never looked", "blind before", "cut short", "healed at once", "cut short after", "never gone", "blind",
        "away"])  # fmt: skip
def test_what_nobody_saw_is_unknown(looks: str, more: dict[str, Any], reason: str) -> None:
    assert said(judged(looks, **more)) == reason


def test_without_its_fault_nothing_can_be_said() -> None:
    never = History().fault(effect=None).looks(GOOD_ORDER, probe="safe-mode")
    assert said(judge(appears(), never.evidence)) == "unknown: kill never took effect"


def test_it_may_stay_where_nothing_says_that_it_must_go() -> None:
    assert judged("105- 300+", appears(gone=None)).outcome is Outcome.PASSED


def test_what_was_certainly_not_so_decides_over_what_nobody_saw() -> None:
    assert said(judged("105- 110+", appears(within=0.2))).startswith("failed: safe-mode came 451 ms")


def test_what_comes_only_because_the_fault_is_taken_away_has_not_come_with_it() -> None:
    assert judged("200- 5+ 100-").outcome is Outcome.FAILED


def test_a_lost_look_among_hundreds_is_borne_and_the_share_can_be_set() -> None:
    assert judged("105- 50+ - 59+ 100-", appears(success=RatioLimit.parse(">= 98%"))).outcome is Outcome.PASSED
    assert judged("105- 50+ - 59+ 100-", appears(success=RatioLimit.parse(">= 99%"))).outcome is Outcome.FAILED


def test_what_was_there_before_the_steady_state_was_of_the_start() -> None:
    history = crashed("50+ 55- 110+ 100-")
    history.steady(5.1, 9.0)

    assert judge(appears(), history.evidence).outcome is Outcome.PASSED


def test_what_another_fault_brings_afterwards_is_that_ones() -> None:
    history = crashed("105- 110+ 35- 50+ 50-").fault("other", acting=25, effect=25)

    assert judge(appears(), history.evidence).outcome is Outcome.PASSED


@pytest.mark.parametrize(("looks", "outcome"), [("105- 97+ 150-", "passed"), ("105- 105+ 100-", "unknown")])
def test_it_may_go_while_the_fault_is_taken_away_and_the_next_one_is_brought_at_once(looks: str, outcome: str) -> None:
    """Healing begins at 20 s and is seen to be done at 21 s, as the other fault begins."""
    history = crashed(looks).fault("other", acting=21, effect=21)

    assert judge(appears(), history.evidence).outcome == outcome


def test_coming_late_says_how_many_times_its_limit_it_took() -> None:
    def lateness(looks: str) -> float | None:
        return judged(looks).lateness

    assert [round(one or 0, 2) for one in map(lateness, ("125- 75+ 100-", "135- 65+ 100-"))] == [1.23, 1.73]


class TestControl:
    """The fault is withheld at 10 s, and would have gone at 20 s."""

    def judged(self, looks: str) -> Verdict:
        return judge(appears(), History().withheld(elapsed=20.0).looks(looks, probe="safe-mode").evidence)

    def test_it_reacts_and_it_waits(self) -> None:
        assert isinstance(appears(), Reacts)
        assert isinstance(appears(), Waits)
        assert (appears().horizon().for_s, appears().horizon().healed_s) == (3.0, 3.0)
        assert appears(gone=None).horizon().healed_s == 0.0

    def test_one_that_does_not_come_passes(self) -> None:
        assert said(self.judged("300-")) == "passed: safe-mode did not come without kill"

    def test_one_that_comes_anyhow_is_not_discriminating(self) -> None:
        verdict = self.judged("150- 1+ 149-")
        assert said(verdict) == "failed: not discriminating: safe-mode came without kill"
        assert verdict.harm == "not_discriminating"

    def test_nobody_looking_is_unknown(self) -> None:
        assert self.judged("100- 100? 100-").outcome is Outcome.UNKNOWN
