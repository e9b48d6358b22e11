"""How well a service was served: the share, the budget and the area, each within bounds in which the truth lies.

Looks come every 100 ms from 0 s on and take 2 ms; the fault acts at 10 s.
"""

import random
from dataclasses import dataclass
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Measured
from checks.evidence import Evidence, Sample, Seen
from checks.gauged import Gauged
from checks.incident import Incident
from checks.moments import incident
from checks.service_level import Objective, availability, budget_burned, burn_rate, failed_requests, lost_area
from tests.checks.history import History

NINES = Objective(probe="orders", success=0.999, period_s=30 * 86400)
DOWN = "100+ 20- 80+"
"""Down from the fault on, for two seconds."""


def told(looks: str = DOWN) -> History:
    return History().opened(every_s=0.1).fault(acting=10, effect=10).looks(looks)


def served(history: History, from_s: float = 10.0, to_s: float = 100.0) -> Gauged:
    return availability(history.evidence, "orders", from_s, to_s)


def value(found: Gauged) -> Measured:
    assert found.value is not None
    assert found.why_not is None
    return found.value


def why(found: Gauged) -> str:
    assert found.value is None
    return str(found.why_not)


# the share of good looks


def test_the_share_is_of_the_looks_that_were_sent_in_that_time() -> None:
    found = value(served(told()))
    assert found.value == 0.8
    assert found.unit == "ratio"
    assert value(served(told(), 10.1)).value == pytest.approx(80 / 99)
    assert value(served(told(), 10.0, 19.9)).value == pytest.approx(79 / 99)


def test_where_nothing_changed_the_share_is_exact() -> None:
    assert (value(served(told("200+"))).low, value(served(told("200+"))).high) == (1, 1)
    assert (value(served(told("100+ 100-"))).low, value(served(told("100+ 100-"))).high) == (0, 0)


def test_noise_of_arithmetic_is_no_bound() -> None:
    """Down all the time is 0 exactly: what floats leave of 1 - 1 would be printed as `6.2e-13 %`."""
    for looks in range(101, 160):
        found = value(served(told(f"100+ {looks - 100}-"), 10.0, 100.0))
        assert (found.low, found.high) == (0, 0)
        mostly = value(served(told(f"100+ {looks - 100}- 1+"), 10.0, 100.0))
        assert mostly.low == 0


def test_a_change_may_have_been_anywhere_between_two_looks() -> None:
    """Down from 10 s to between 11.9 s and 12 s, of the time from 10 s to 19.9 s."""
    found = value(served(told()))
    assert (found.low, found.high) == (pytest.approx(1 - 2.0 / 9.9), pytest.approx(1 - 1.9 / 9.9))


def test_blind_looks_are_no_part_of_the_share_and_widen_its_bounds_both_ways() -> None:
    history = told("150+ 10? 40+")
    found = value(served(history))
    assert found.value == 1
    assert found.high == 1
    assert found.low == pytest.approx(1 - 1.1 / 9.9)  # between the looks around them anything may have been
    assert str(served(history).note) == "90 of 90 looks were good; 10 looks were blind (refused)"


def test_who_saw_nothing_gives_no_share_and_says_why() -> None:
    assert why(served(told("100+ 100?"))) == "all 100 looks of orders were blind (refused)"
    assert why(served(told("90+"))) == "orders did not look in that time"
    assert why(availability(told().evidence, "else", 10, 20)) == "else never looked"


def test_the_proof_of_bad_looks_is_the_looks_and_of_good_ones_the_first_and_the_last() -> None:
    history = told()
    bad = {event.seq for event in history.events if "-" in str(event.data.get("seen", ""))}
    assert set(served(history).proof) == bad
    assert len(served(told("200+")).proof) == 2


# what it costs


def test_the_budget_is_burned_by_the_share_of_the_period_that_was_bad() -> None:
    """A fifth of 9.9 s, of the 2592 s that may be bad in 30 days."""
    found = budget_burned(NINES, served(told()))
    assert value(found).value == pytest.approx(0.2 * 9.9 / 2592)
    assert value(found).low == pytest.approx(1.9 / 2592)
    assert value(found).high == pytest.approx(2.0 / 2592)
    assert str(found.note) == (
        "virtual: the looks stand for all that is asked of it in 30 d; objective 99.9 % of orders"
    )


def test_an_hour_at_14_4_times_the_rate_burns_2_percent_of_30_days() -> None:
    """As the SRE Workbook reckons."""
    history = History().opened(every_s=10).looks("4+ 1-" * 72 + "+", every_s=10, from_s=0)
    share = Objective(probe="orders", success=1 - 0.2 / 14.4, period_s=30 * 86400)
    seen = served(history, 0, 3600)  # 72 of 360 looks are bad
    assert value(burn_rate(share, seen)).value == pytest.approx(14.4)
    assert value(budget_burned(share, seen)).value == pytest.approx(0.02, rel=0.01)


def test_burning_at_1_keeps_the_objective_exactly() -> None:
    history = History().opened(every_s=1).looks("999+ -", every_s=1)
    assert value(burn_rate(NINES, served(history, 0, 1000))).value == 1


def test_no_bad_look_burns_nothing_and_that_is_measured() -> None:
    found = value(budget_burned(NINES, served(told("200+"))))
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_an_objective_of_100_percent_has_no_budget_and_one_just_below_has() -> None:
    seen = served(told())
    for costs in (budget_burned, burn_rate):
        found = costs(Objective(probe="orders", success=1.0, period_s=86400), seen)
        assert why(found) == "an objective of 100 % leaves no error budget"
        assert value(costs(Objective(probe="orders", success=0.99999, period_s=86400), seen)).value > 0


def test_one_look_lasts_for_no_time_and_two_do() -> None:
    assert why(budget_burned(NINES, served(told(), 19.85))) == "orders looked only once"
    assert value(budget_burned(NINES, served(told(), 19.75))).value == 0


def test_requests_are_reckoned_only_where_it_is_said_how_many_there_are() -> None:
    seen = served(told())
    assert why(failed_requests(NINES, seen)).startswith("the drill does not say how much is asked of the service")
    busy = Objective(probe="orders", success=0.999, period_s=86400, rate_per_s=1200)
    found = failed_requests(busy, seen)
    assert value(found).value == pytest.approx(0.2 * 9.9 * 1200)
    assert str(found.note) == "virtual: at 1200 a second, where 103 680 may fail in 1 d"


def test_a_rate_does_not_change_the_share_of_the_budget() -> None:
    seen = served(told())
    busy = Objective(probe="orders", success=0.999, period_s=30 * 86400, rate_per_s=1200)
    assert budget_burned(busy, seen).value == budget_burned(NINES, seen).value


def test_that_nobody_promised_the_objective_is_said() -> None:
    limit = Objective(probe="orders", success=0.999, period_s=86400, promised=False)
    assert str(burn_rate(limit, served(told())).note) == (
        "objective 99.9 % of orders; which is the limit of its steady state"
    )


def test_what_was_not_seen_costs_nothing_that_can_be_said() -> None:
    unseen = served(told("90+"))
    for found in (budget_burned(NINES, unseen), burn_rate(NINES, unseen)):
        assert why(found) == "orders did not look in that time"


# the area


def times(history: History) -> Incident:
    return incident(history.evidence)


def area(history: History, objective: Objective = NINES) -> Gauged:
    return lost_area(history.evidence, objective, times(history))


def test_the_area_of_a_full_outage_is_its_length_below_the_objective() -> None:
    """Down from 10 s on, and up again between 11.9 s and 12 s."""
    found = area(told())
    assert value(found).value == pytest.approx(0.999 * 1.95, abs=1e-6)
    assert (value(found).low, value(found).high) == (
        pytest.approx(0.999 * 1.9, abs=1e-6),
        pytest.approx(0.999 * 2.0, abs=1e-6),
    )
    assert "there was no all-clear" in str(found.note)


def test_what_was_between_two_bad_looks_far_apart_is_taken_for_bad_and_may_have_been_good() -> None:
    """Down from 10 s to between 12.9 s and 13 s; nobody saw anything from 10.9 s to 12 s."""
    found = value(area(told("100+ 10- 10? 10- 70+")))
    assert found.value == pytest.approx(0.999 * 2.95, abs=1e-6)
    assert (found.low, found.high) == (pytest.approx(0.999 * 1.8, abs=1e-6), pytest.approx(0.999 * 3.0, abs=1e-6))


def test_half_the_requests_lost_is_half_the_area_of_all_of_them_lost() -> None:
    half, whole = (value(area(told(f"100+ {looks} 80+"))).value for looks in ("- +" * 20, "40-"))
    assert half / whole == pytest.approx(0.5, abs=0.02)


def test_the_all_clear_ends_the_area_and_not_the_recovery() -> None:
    """Once more down before anybody said that it was over."""
    history = told("100+ 20- 60+ 10- 80+").event(26.0, "act.recorded", act="incident.resolved", actor="lin")
    found = area(history)
    assert value(found).value == pytest.approx(0.999 * (1.95 + 1.0), abs=1e-6)
    assert found.to_s == 26.0
    assert "all-clear" not in str(found.note)


def test_another_probe_that_stayed_up_lost_nothing() -> None:
    history = told().opened("storefront", every_s=0.1).looks("200+", probe="storefront")
    other = Objective(probe="storefront", success=0.999, period_s=86400)
    assert (value(area(history, other)).low, value(area(history, other)).high) == (0, 0)


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (told("200+"), "no look of any probe failed"),
        (told("100+ 20-"), "the service did not come back before the run ended"),
        (History().opened().looks(DOWN), "nothing was injected"),
        (History().fault(), "nobody can say: no probe looked"),
    ],
)
def test_without_a_beginning_or_an_end_there_is_no_area(history: History, reason: str) -> None:
    assert why(area(history)) == reason


# whatever the truth was, it lies within the bounds


@dataclass(frozen=True)
class Truth:
    """A service that is up and down in turns, and how it was looked at."""

    changes: list[float]
    """When it went down, came up, …"""
    looks: list[Sample]
    seen: list[bool]
    """What each look would have seen, had none been blind."""

    def down_s(self, from_s: float, to_s: float) -> float:
        """For how long it was down in that time."""
        spans = zip(self.changes[::2], [*self.changes[1::2], 1e9], strict=False)
        return sum(max(0.0, min(to, to_s) - max(begin, from_s)) for begin, to in spans)


EVERY_S = 0.1


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """No stretch is shorter than what may be missed; looks come in any rhythm, some of them blind or left out."""
    lasting = st.integers(160, 4000).map(lambda ms: ms / 1000)
    changes = list(accumulate(draw(st.lists(lasting, max_size=8)), initial=10.0 + draw(lasting)))
    dice = random.Random(draw(st.integers(0, 2**32)))
    blind, lost = draw(st.sampled_from([0, 0.05, 0.5, 0.9])), draw(st.sampled_from([0, 0.05, 0.3]))
    looks: list[Sample] = []
    seen: list[bool] = []
    at_s, n = dice.uniform(0, EVERY_S), 0
    while at_s < changes[-1] + 12:
        up = sum(one <= at_s for one in changes) % 2 == 0
        if dice.random() >= lost:
            kind = Seen.BLIND if dice.random() < blind else Seen.GOOD if up else Seen.BAD
            sent_s = round(at_s, 6)
            looks.append(
                Sample(n=n, planned_s=sent_s, sent_s=sent_s, done_s=round(sent_s + 0.002, 6), seen=kind, seq=0)
            )
            seen.append(up)
        at_s, n = at_s + dice.uniform(0.3, 1.5) * EVERY_S, n + 1
    return Truth(changes=changes, looks=looks, seen=seen)


def evidence(truth: Truth) -> Evidence:
    history = History().opened(every_s=EVERY_S).fault(acting=10, effect=10)
    return history.samples(truth.looks, batch=50).evidence


@given(truths())
def test_the_share_of_the_looks_and_that_of_the_time_lie_within_the_bounds(truth: Truth) -> None:
    found = availability(evidence(truth), "orders", 10, 1000).value
    looks = [(one, up) for one, up in zip(truth.looks, truth.seen, strict=True) if one.sent_s >= 10]
    if found is None:
        assert all(one.seen is Seen.BLIND for one, _ in looks)
        return
    first_s, last_s = looks[0][0].sent_s, looks[-1][0].sent_s
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low - 1e-9 <= sum(up for _, up in looks) / len(looks) <= found.high + 1e-9
    if last_s > first_s:
        up_share = 1 - truth.down_s(first_s, last_s) / (last_s - first_s)
        assert found.low - 1e-5 <= up_share <= found.high + 1e-5


@given(truths(), st.sampled_from([0.9, 0.999, 1.0]))
def test_the_area_that_was_really_lost_lies_within_the_bounds(truth: Truth, slo: float) -> None:
    stored = evidence(truth)
    found_times = incident(stored)
    found = lost_area(stored, Objective(probe="orders", success=slo, period_s=86400), found_times)
    if found.value is None:
        assert found.why_not
        return
    assert found.value.low <= found.value.value <= found.value.high
    impact, back = (found_times.milestones[name] for name in ("impact", "recovered"))
    assert back.at_s is not None
    assert found.value.low - 1e-5 <= slo * truth.down_s(impact.low_s, back.at_s) <= found.value.high + 1e-5


@given(truths(), st.sampled_from([0.9, 0.999]))
def test_the_budget_that_was_really_burned_lies_within_the_bounds(truth: Truth, slo: float) -> None:
    seen = availability(evidence(truth), "orders", 10, 1000)
    found = budget_burned(Objective(probe="orders", success=slo, period_s=3600), seen)
    if found.value is None or seen.from_s is None or seen.to_s is None:
        return
    burned = truth.down_s(seen.from_s, seen.to_s) / ((1 - slo) * 3600)
    assert found.value.low - 1e-5 <= burned <= found.value.high + 1e-5


@given(truths())
def test_to_look_away_never_narrows_the_bounds(truth: Truth) -> None:
    whole = availability(evidence(truth), "orders", 10, 1000).value
    blinded = [
        one if n % 3 or n in (0, len(truth.looks) - 1) else Sample(n=one.n, planned_s=one.planned_s, sent_s=one.sent_s,
                                                                   done_s=one.done_s, seen=Seen.BLIND, seq=0)
        for n, one in enumerate(truth.looks)
    ]  # fmt: skip
    less = availability(evidence(Truth(truth.changes, blinded, truth.seen)), "orders", 10, 1000).value
    if whole and less:
        assert less.low <= whole.low + 1e-9
        assert less.high >= whole.high - 1e-9


def test_what_is_shorter_than_the_distance_of_two_looks_may_be_missed_and_what_is_longer_is_not() -> None:
    """That is why no stretch of these truths is shorter than 1.5 times the plan."""
    missed = Truth([10.51, 10.59], [], [])
    assert missed.down_s(10, 20) == pytest.approx(0.08)
    assert value(served(told("106+ 94+"))).low == 1
    assert value(served(told("106+ 1. 93+"))).low < 1  # one look left out is enough
