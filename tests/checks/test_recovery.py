"""How long a service was really out, and how far back data was really lost, each within bounds in which the truth lies.

Looks come every 100 ms from 0 s on and take 2 ms; the fault acts at 10 s and is in effect at 10.01 s.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.check import Measured
from checks.evidence import Sample, Seen
from checks.gauged import Gauged
from checks.recovery import BY_DRILL, loss, rto
from tests.checks.history import History

DOWN = "100+ 20- 80+"


def told(looks: str = DOWN, **fault: float | None) -> History:
    return History().opened().fault(effect=10.01, **fault).looks(looks)


def out(history: History) -> Gauged:
    return rto(history.evidence, "orders", 10.0)


def value(found: Gauged) -> Measured:
    assert found.value is not None
    assert found.why_not is None
    return found.value


def why(found: Gauged) -> str:
    assert found.value is None
    return str(found.why_not)


# the outage


def test_the_outage_is_from_the_first_bad_look_to_the_first_of_the_good_ones_that_lasted() -> None:
    found = out(told())
    assert (value(found).low, value(found).high) == (1.9, 2.102)
    assert (found.from_s, found.to_s) == (10.0, 12.0)
    assert found.note is None


def test_good_looks_that_do_not_last_for_5_seconds_are_part_of_it_and_those_that_do_are_not() -> None:
    assert value(out(told("100+ 20- 50+ 20- 80+"))).low == pytest.approx(8.9)
    found = out(told("100+ 20- 51+ 30- 80+"))
    assert value(found).low == pytest.approx(2.9)
    assert str(found.note) == "the longest of 2 interruptions"


def test_a_service_that_came_back_once_the_drill_had_begun_to_heal_says_so() -> None:
    assert out(told(healing=12.01)).note is None
    assert str(out(told(healing=12.0)).note) == BY_DRILL
    assert str(out(told(healing=10.5)).note) == BY_DRILL


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        (told("200+"), "no look of orders failed"),
        (told("100+ 100-"), "orders did not come back before the run ended"),
        (told("100+ 20- 49+"), "orders did not come back before the run ended"),
        (told("50+ 70- 80+"), "orders failed already before the fault"),
        (told("20? 80? 20- 80+"), "no good look tells when it began"),
        (History().opened().fault(), "orders never looked"),
        (History().opened().looks(DOWN), "nothing was injected"),
        (History().opened().withheld().looks(DOWN), "nothing was injected"),
    ],
)
def test_an_outage_that_was_not_measured_says_why(history: History, reason: str) -> None:
    assert why(out(history)) == reason


@given(st.integers(10_000, 14_000), st.integers(300, 6_000), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.4]))
def test_the_outage_that_there_really_was_lies_within_the_bounds(begin_ms: int, for_ms: int, seed: int,
                                                                 blind: float) -> None:  # fmt: skip
    dice = random.Random(seed)
    looks: list[Sample] = []
    at_s = dice.uniform(0, 0.1)
    while at_s < (begin_ms + for_ms) / 1000 + 8:
        seen = Seen.BAD if begin_ms <= at_s * 1000 < begin_ms + for_ms else Seen.GOOD
        seen = Seen.BLIND if dice.random() < blind else seen
        looks.append(Sample(n=len(looks), planned_s=at_s, sent_s=at_s, done_s=at_s + 0.002, seen=seen, seq=0))
        at_s += dice.uniform(0.01, 0.2)
    found = out(History().opened().fault(effect=10.01).samples(looks, batch=50)).value
    if found is not None:
        assert found.low - 1e-5 <= for_ms / 1000 <= found.high + 1e-5
        assert found.low <= found.value <= found.high


# data


def back(looks: str = DOWN, *present: tuple[int, int]) -> History:
    return told(looks).read_back(*(present or ((0, 1000),)))


def window(history: History) -> Gauged:
    return loss(history.evidence, "orders").rpo


def lost(history: History) -> Gauged:
    return loss(history.evidence, "orders").writes


def test_the_window_is_from_the_last_write_before_the_first_missing_one_to_the_fault() -> None:
    """The writes 97 to 99 are missing: 96 was acknowledged at 9.602 s, 97 at 9.702 s; the fault came from 10 s to 10.01 s."""
    found = window(back(DOWN, (0, 96), (120, 199)))
    assert (value(found).low, value(found).high) == (0.298, 0.408)
    missing = lost(back(DOWN, (0, 96), (120, 199)))
    assert value(missing).value == 3
    assert str(missing.note) == "of 180 acknowledged ones"


def test_where_nothing_is_missing_the_window_is_0_and_no_longer_than_since_the_last_write() -> None:
    found = value(window(back(DOWN, (0, 99), (120, 199))))
    assert (found.value, found.low, found.high) == (0, 0, 0.108)  # acknowledged at 9.902 s, in effect at 10.01 s
    assert value(lost(back(DOWN, (0, 99), (120, 199)))).value == 0


def test_one_missing_write_more_reaches_further_back() -> None:
    one, two = (value(window(back(DOWN, (0, last), (120, 199)))) for last in (98, 97))
    assert two.low - one.low == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("history", "reason", "count"),
    [
        (told(), "orders was not read back", None),
        (History().opened().looks("200+").read_back((0, 199)), "nothing was injected", 0),
        (History().opened().withheld().looks("200+").read_back((0, 199)), "nothing was injected", 0),
        (History().opened().fault(effect=None).looks("200+").read_back((0, 199)),
         "no fault was seen in effect", 0),
        (told("99- 101-").read_back(), "only 0 orders were acknowledged around the faults, 1 are needed", 0),
        (told("101- 99+").read_back((101, 199)), "nothing of orders was acknowledged before the fault", 0),
        (back(DOWN, (0, 5000)), "4 801 writes of orders are there that were never sent, so the reading cannot be believed", None),
    ],
)  # fmt: skip
def test_a_loss_that_was_not_measured_says_why(history: History, reason: str, count: int | None) -> None:
    assert why(window(history)) == reason
    assert (lost(history).value is None) is (count is None)
    assert count is None or value(lost(history)).value == count


def test_a_write_that_was_lost_without_a_fault_is_counted_and_has_no_window() -> None:
    history = History().opened().looks("200+").read_back((0, 99), (120, 199))
    assert value(lost(history)).value == 20
    assert why(window(history)) == "nothing was injected"


@given(st.integers(0, 3_000_000), st.integers(0, 2**32))
def test_the_moment_up_to_which_data_was_really_kept_lies_within_the_bounds(back_us: int, seed: int) -> None:
    """All that was acknowledged in the last so many microseconds before the fault is gone."""
    dice = random.Random(seed)
    kept_s, effect_s = 10.0 - back_us / 1e6, 10.0
    looks: list[Sample] = []
    at_s = 0.0
    while at_s < 20:
        done_s = round(at_s + dice.uniform(0.001, 0.005), 6)
        seen = Seen.BAD if 10.0 <= done_s < 12.0 else Seen.GOOD
        looks.append(Sample(n=len(looks), planned_s=at_s, sent_s=at_s, done_s=done_s, seen=seen, seq=0))
        at_s = round(at_s + dice.uniform(0.005, 0.4), 6)
    present = [one.n for one in looks if one.seen is Seen.GOOD and not kept_s < one.done_s <= effect_s]
    history = History().opened().fault(acting=effect_s, effect=effect_s).samples(looks, batch=50)
    found = window(history.read_back(*((n, n) for n in present))).value
    assert found is not None
    assert found.low - 1e-5 <= effect_s - kept_s <= found.high + 1e-5
    assert found.low <= found.value <= found.high
