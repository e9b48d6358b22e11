"""The band in which repeated runs lie, and when a figure is worse: both sides of each edge, and how often the rule errs."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.noise import FLOORS, LEAST, MOST, SHARE, Allowed, Band, Past, band, edge, level, sort, sort_single
from tests.reports.runs import seconds, share

ANY = Allowed()
Draw = Callable[[random.Random], float]
NOISES: dict[str, Draw] = {
    "5 % to either side": lambda chance: chance.gauss(2.0, 0.1),
    "20 % to either side": lambda chance: max(0.05, chance.gauss(2.0, 0.4)),
    "anything from 1 s to 3 s": lambda chance: chance.uniform(1.0, 3.0),
    "a second more in one run of ten": lambda chance: chance.gauss(3.0 if chance.random() < 0.1 else 2.0, 0.05),
}


def levels(
    values: list[float], *, standing: bool = False, accepted: tuple[int, ...] = (), anew: tuple[int, ...] = ()
) -> list[float]:
    runs = [
        Past(value=seconds(value, 0), accepted=at in (*accepted, *anew), anew=at in anew)
        for at, value in enumerate(values)
    ]
    return level(runs, higher=False, allowed=ANY, standing=standing)


# the band


def test_there_is_no_band_of_four_runs_and_one_of_five() -> None:
    assert band([2.0] * (LEAST - 1)) is None
    assert band([2.0, 2.1, 1.9, 2.0, 2.3]) == Band(n=LEAST, median=2.0, low=1.9, high=2.3)


def test_the_range_of_fewer_than_ten_is_taken_half_as_wide_again() -> None:
    nine, ten = ([1.0, 2.0] * 5)[:9], [1.0, 2.0] * 5

    assert (band(nine) or _none()).reach == 1.5
    assert (band(ten) or _none()).reach == 1.0


def _none() -> Band:
    raise AssertionError


@pytest.mark.parametrize(
    ("value", "said"), [(3.0, "same"), (3.001, "worse"), (2.0, "same"), (1.0, "same"), (0.999, "better")]
)
def test_a_run_beyond_the_range_from_the_median_is_worse(value: float, said: str) -> None:
    """Ten runs between 1.5 s and 2.5 s around 2 s: the edges lie at 1 s and 3 s."""
    known = Band(n=10, median=2.0, low=1.5, high=2.5)

    assert sort(seconds(value, 0), known, higher=False, allowed=ANY) == said


def test_where_the_bounds_reach_across_the_edge_nobody_can_tell() -> None:
    known = Band(n=10, median=2.0, low=1.5, high=2.5)

    assert sort(seconds(3.1, 0.05), known, higher=False, allowed=ANY) == "worse"
    assert sort(seconds(3.1, 0.15), known, higher=False, allowed=ANY) == "unsure"
    assert sort(seconds(2.95, 0.15), known, higher=False, allowed=ANY) == "same"


def test_without_a_band_it_is_not_known() -> None:
    assert sort(seconds(9.0), None, higher=False, allowed=ANY) == "unknown"


def test_a_difference_of_a_tenth_is_never_worse_however_alike_the_runs_were() -> None:
    alike = Band(n=20, median=2.0, low=2.0, high=2.0)

    assert sort(seconds(2.0 * (1 + SHARE), 0), alike, higher=False, allowed=ANY) == "same"
    assert sort(seconds(2.0 * (1 + SHARE) + 0.001, 0), alike, higher=False, allowed=ANY) == "worse"


def test_fifty_milliseconds_are_never_worse() -> None:
    alike = Band(n=20, median=0.01, low=0.01, high=0.01)

    assert sort(seconds(0.01 + FLOORS["s"], 0), alike, higher=False, allowed=ANY) == "same"
    assert sort(seconds(0.011 + FLOORS["s"], 0), alike, higher=False, allowed=ANY) == "worse"


def test_what_is_allowed_widens_the_band_and_never_narrows_it() -> None:
    known = Band(n=20, median=2.0, low=1.9, high=2.1)

    assert sort(seconds(2.9, 0), known, higher=False, allowed=Allowed(share=0.5)) == "same"
    assert sort(seconds(3.1, 0), known, higher=False, allowed=Allowed(share=0.5)) == "worse"
    assert sort(seconds(2.15, 0), known, higher=False, allowed=Allowed(amount=0.01)) == "same"
    assert sort(seconds(2.25, 0), known, higher=False, allowed=Allowed(amount=0.01)) == "worse"


def test_of_a_share_of_which_more_is_better_a_part_of_what_it_lacks_is_allowed() -> None:
    """A tenth of 99 % would let a service lose ten times as many requests."""
    alike = Band(n=20, median=0.95, low=0.95, high=0.95)

    assert edge(0.95, 0.0, "ratio", higher=True, allowed=ANY) == pytest.approx(0.945)
    assert sort(share(0.9451), alike, higher=True, allowed=ANY) == "same"
    assert sort(share(0.9449), alike, higher=True, allowed=ANY) == "worse"
    assert sort(share(0.96), alike, higher=True, allowed=ANY) == "better"


def test_of_what_is_counted_one_more_is_worse() -> None:
    from checks import Measured

    none = Band(n=20, median=0.0, low=0.0, high=0.0)

    assert sort(Measured.count(0), none, higher=False, allowed=ANY) == "same"
    assert sort(Measured.count(1), none, higher=False, allowed=ANY) == "worse"


# one run beside another


@pytest.mark.parametrize(
    ("now", "allowed", "said"),
    [
        (2.04, ANY, "same"),  # 2.02 to 2.06 and 1.98 to 2.02 touch
        (2.05, ANY, "unknown"),
        (1.95, ANY, "better"),
        (2.05, Allowed(share=0.1), "same"),
        (2.23, Allowed(share=0.1), "unsure"),  # the edge is a tenth above 2.02, at 2.222
        (2.243, Allowed(share=0.1), "worse"),
        (2.30, Allowed(amount=0.3), "same"),
    ],
)
def test_one_run_beside_one_is_told_by_its_bounds_and_by_what_is_allowed(
    now: float, allowed: Allowed, said: str
) -> None:
    assert sort_single(seconds(now), seconds(2.0), higher=False, allowed=allowed) == said


def test_a_share_that_fell_beyond_what_is_allowed_is_worse() -> None:
    assert sort_single(share(0.90), share(0.95), higher=True, allowed=ANY) == "unknown"
    assert sort_single(share(0.946), share(0.95), higher=True, allowed=Allowed(share=0.1)) == "same"
    assert sort_single(share(0.90), share(0.95), higher=True, allowed=Allowed(share=0.1)) == "worse"
    assert sort_single(share(0.96), share(0.95), higher=True, allowed=ANY) == "better"


# which runs count


def test_the_last_twenty_count() -> None:
    assert levels([2.0 + 0.001 * number for number in range(30)]) == [
        2.0 + 0.001 * number for number in range(30 - MOST, 30)
    ]


def test_a_run_that_is_worse_does_not_widen_the_band_that_it_left() -> None:
    assert levels([2.0] * 5 + [9.0, 9.0, 9.0]) == [2.0] * 5


def test_a_single_one_that_nothing_followed_up_was_noise_and_counts() -> None:
    assert levels([2.0] * 5 + [3.0, 2.0]) == [2.0] * 5 + [3.0, 2.0]
    assert levels([2.0] * 5 + [3.0, 3.0, 2.0]) == [2.0] * 6


def test_an_accepted_run_counts_however_slow_it_is() -> None:
    assert levels([2.0] * 5 + [9.0, 9.0], accepted=(6,)) == [2.0] * 5 + [9.0]


def test_from_a_run_that_was_accepted_anew_the_others_are_forgotten() -> None:
    assert levels([2.0] * 8 + [9.0, 9.1], anew=(8,)) == [9.0, 9.1]


def test_a_level_that_creeps_up_is_found_out_where_it_stands_and_is_not_where_it_rolls() -> None:
    """Each run is a hundredth slower than the one before; none of them is out of a band that goes along."""
    creeping = [2.0 * 1.01**number for number in range(60)]
    stood, rolled = levels(creeping, accepted=(0,), standing=True), levels(creeping, accepted=(0,))

    assert stood == creeping[:MOST]
    assert rolled == creeping[-MOST:]
    last = seconds(creeping[-1], 0)
    assert sort(last, band(stood), higher=False, allowed=ANY) == "worse"
    assert sort(last, band(rolled), higher=False, allowed=ANY) == "same"


def test_a_standing_level_moves_when_another_run_is_accepted() -> None:
    runs = [2.0] * 25 + [2.15] * 3

    assert levels(runs, accepted=(0, 27), standing=True) == [*[2.0] * 19, 2.15]


@given(st.lists(st.floats(min_value=0.001, max_value=1000), max_size=60), st.booleans())
def test_no_more_than_twenty_count_and_only_such_as_were_measured(values: list[float], standing: bool) -> None:
    found = levels(values, standing=standing, accepted=(3,))

    assert len(found) <= MOST
    assert set(found) <= set(values)


@given(
    st.lists(st.floats(min_value=0.001, max_value=1000), min_size=5, max_size=20),
    st.floats(0.001, 1000),
    st.floats(0, 100),
)
def test_a_slower_run_is_never_called_less_bad(values: list[float], now: float, more: float) -> None:
    grades = ["better", "same", "unsure", "worse"]
    known = band(values)
    one, other = (sort(seconds(value, 0), known, higher=False, allowed=ANY) for value in (now, now + more))

    assert grades.index(one) <= grades.index(other)


# how often it errs


def gates(draw: Draw, *, standing: bool, runs: int, seed: int) -> Iterator[tuple[int, str]]:
    """Runs of an unchanged system, each held against those before it: how many counted, and what was said."""
    chance = random.Random(seed)
    past: list[Past] = []
    for number in range(runs):
        value = seconds(draw(chance), 0.02)
        counted = level(past, higher=False, allowed=ANY, standing=standing)
        if len(counted) >= LEAST:
            yield len(counted), sort(value, band(counted), higher=False, allowed=ANY)
        past.append(Past(value=value, accepted=number == 0))


def alarms(draw: Draw, *, standing: bool) -> dict[str, float]:
    """The share of runs of an unchanged system that are called worse, by how many runs counted then."""
    seen: dict[str, list[bool]] = {"5 to 9": [], "10 to 19": [], "20": []}
    for seed in range(150):
        for counted, said in gates(draw, standing=standing, runs=45, seed=seed):
            seen["5 to 9" if counted < 10 else "10 to 19" if counted < MOST else "20"].append(said == "worse")
    return {name: sum(worse) / len(worse) for name, worse in seen.items()}


@pytest.mark.parametrize("standing", [True, False], ids=["accepted", "last-passed"])
@pytest.mark.parametrize("noise", [name for name in NOISES if "one run of ten" not in name])
def test_of_an_unchanged_system_hardly_any_run_is_called_worse(noise: str, standing: bool) -> None:
    """As the page says: at most 2 in 100 while fewer than ten runs count, 1 in 100 up to twenty, and 1 in 200 from then on."""
    found = alarms(NOISES[noise], standing=standing)

    assert found["5 to 9"] <= 0.02
    assert found["10 to 19"] <= 0.01
    assert found["20"] <= 0.005


@pytest.mark.parametrize("standing", [True, False], ids=["accepted", "last-passed"])
def test_where_now_and_then_it_takes_longer_the_band_learns_it(standing: bool) -> None:
    """The first such run is an alarm in any case: nothing was known of it. It must not stay one for ever after."""
    found = alarms(NOISES["a second more in one run of ten"], standing=standing)

    assert found["5 to 9"] <= 0.09
    assert found["20"] <= 0.035


@pytest.mark.parametrize("standing", [True, False], ids=["accepted", "last-passed"])
def test_a_failover_that_takes_half_as_long_again_is_found_at_once(standing: bool) -> None:
    """With noise of 5 %: in 95 of 100 histories by the first slow run."""
    found = 0
    for seed in range(200):
        chance = random.Random(seed)
        past = [Past(value=seconds(chance.gauss(2.0, 0.1)), accepted=number == 0) for number in range(15)]
        counted = level(past, higher=False, allowed=ANY, standing=standing)
        slow = seconds(1.5 * chance.gauss(2.0, 0.1))
        found += sort(slow, band(counted), higher=False, allowed=ANY) == "worse"

    assert found >= 190
