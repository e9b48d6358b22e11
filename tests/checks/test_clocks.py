"""Times of others are brought to our clock, within bounds: also when their clock is set while a run goes on."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.clocks import Clocks, Instant
from checks.evidence import Event
from tests.checks.history import EPOCH_UNIX, History


def clocks(*told: tuple[float, float], error_s: float = 0.0, observer: str = "prometheus") -> History:
    """Who told at these times that its clock was so far ahead of ours."""
    history = History()
    for t_s, offset_s in told:
        history.told(t_s, observer, "observer.clock", offset_s=offset_s, error_s=error_s)
    return history


def read(history: History, at_s: float, seen_s: float, observer: str = "prometheus") -> Instant:
    """What it makes of a time, seconds after the run's beginning by that clock, that was told at `seen_s`."""
    seen = history.told(seen_s, observer, "alert.state").events[-1]
    return Clocks(history.evidence).instant(EPOCH_UNIX + at_s, seen, observer)


def exactly(at_s: float) -> Instant:
    return Instant(at_s, at_s)


class TestSet:
    @pytest.mark.parametrize("by_s", [7.0, -7.0, 180.0, -180.0])
    def test_before_it_was_set_it_showed_the_old_time_and_long_after_the_new(self, by_s: float) -> None:
        assert read(clocks((0, 0), (40, by_s)), 20, seen_s=20.5) == exactly(20)
        assert read(clocks((0, 0), (40, by_s)), 255 + by_s, seen_s=255.5) == exactly(255)

    def test_what_a_clock_that_was_set_back_had_shown_is_told_once_it_shows_it_again(self) -> None:
        """Prometheus answers for its present time alone, so that it hides what it has stored of its future."""
        assert read(clocks((0, 0), (40, -60)), 39, seen_s=99.5) == Instant(39, 99)
        assert read(clocks((0, 0), (40, -60)), 51, seen_s=111.5) == exactly(111)

    def test_what_it_showed_before_that_was_told_may_have_been_the_new_time(self) -> None:
        """It was set forward at 36 s, and an alert began at 37 s; the old time would lie ahead of us."""
        assert read(clocks((0, 0), (40, 180)), 217, seen_s=37.5) == exactly(37)

    def test_where_both_can_be_so_either_may_be_the_truth(self) -> None:
        """It was set back at 36 s. What it told of 157 s ago at 37 s may be new, or may have lasted."""
        assert read(clocks((0, 0), (40, -180)), -143, seen_s=37.5) == Instant(-143, 37)

    def test_a_time_that_lies_ahead_of_us_by_all_that_is_known_is_not_known(self) -> None:
        """Nobody has told yet that the clock was set."""
        assert read(clocks((0, 0)), 217, seen_s=37.5) == Instant(-inf, 37.5)

    def test_what_is_told_of_a_clock_twice_is_no_setting(self) -> None:
        assert read(clocks((0, 0.004), (40, 0.0), error_s=0.004), 30, seen_s=30.5) == Instant(29.992, 30.0)


class TestUnknown:
    @pytest.mark.parametrize(("at_s", "found"), [(15.0, exactly(15)), (20.9, exactly(20)), (21.1, Instant(-inf, 20))])
    def test_a_clock_that_nobody_told_of_is_ours_unless_it_is_well_ahead(self, at_s: float, found: Instant) -> None:
        assert read(History(), at_s, seen_s=20) == found


class TestAny:
    def any_of(self, history: History, at_s: float, seen_s: float) -> Instant:
        seen: Event = history.told(seen_s, "sink", "page.received").events[-1]
        return Clocks(history.evidence).instant_by_any(EPOCH_UNIX + at_s, seen, ["one", "other"])

    def test_who_told_is_not_known_so_it_may_be_the_clock_of_any(self) -> None:
        history = clocks((0, 0), observer="one").told(0, "other", "observer.clock", offset_s=60.0, error_s=0.0)
        assert self.any_of(history, 75, seen_s=80) == Instant(15, 75)

    def test_one_by_which_it_would_have_been_told_before_it_was_so_is_not_the_one(self) -> None:
        history = clocks((0, 0), observer="one").told(0, "other", "observer.clock", offset_s=60.0, error_s=0.0)
        assert self.any_of(history, 75, seen_s=20) == exactly(15)


TIMES = st.tuples(st.floats(-300, 300), st.floats(-300, 300), st.floats(10, 60), st.floats(0, 100))


@given(times=TIMES, late_s=st.floats(0.01, 9.9), seen_after_s=st.floats(0.01, 2))
def test_the_truth_lies_within_the_bounds_whenever_the_clock_is_set(
    times: tuple[float, float, float, float], late_s: float, seen_after_s: float
) -> None:
    """It is set once, from one offset to another, which is told later; and something happens, and is told too."""
    first_s, then_s, set_s, at_s = times
    history = clocks((0, round(first_s, 4)), (set_s + late_s, round(then_s, 4)), error_s=0.001)
    found = read(history, at_s + (first_s if at_s < set_s else then_s), at_s + seen_after_s)
    assert found.low_s - 1e-5 <= at_s <= found.high_s + 1e-5
