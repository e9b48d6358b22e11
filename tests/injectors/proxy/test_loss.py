"""The seeded loss models: the share asked for, bursts as asked, the same fates for the same seed."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injectors.proxy.loss import RETRIES, Loss, stall_s

SHARES = st.floats(0, 1)


def fates(seed: object, share: float, correlation: float = 0.0, count: int = 200) -> list[bool]:
    loss = Loss(random.Random(str(seed)))
    return [loss.lost(share, correlation) for _ in range(count)]


def bursts(lost: list[bool]) -> list[int]:
    """The lengths of the runs of losses."""
    runs = "".join("x" if one else " " for one in lost).split()
    return [len(run) for run in runs]


@given(st.integers(), SHARES, SHARES)
def test_the_same_seed_loses_the_same_packets(seed: int, share: float, correlation: float) -> None:
    assert fates(seed, share, correlation) == fates(seed, share, correlation)


def test_another_seed_loses_others() -> None:
    assert fates(1, 0.5) != fates(2, 0.5)


@given(st.integers(), SHARES)
def test_a_share_of_nothing_never_loses_one(seed: int, correlation: float) -> None:
    assert not any(fates(seed, 0.0, correlation))


@given(st.integers(), SHARES)
def test_a_share_of_all_always_loses(seed: int, correlation: float) -> None:
    assert all(fates(seed, 1.0, correlation))


@pytest.mark.parametrize("correlation", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_lost_is_what_was_asked_at_any_correlation(share: float, correlation: float) -> None:
    """Five standard deviations of the mean of a correlated series; the seed is fixed, so this cannot be unlucky twice."""
    count = 200_000
    deviation = (share * (1 - share) / count * (1 + correlation) / (1 - correlation)) ** 0.5

    lost = sum(fates("share", share, correlation, count))

    assert abs(lost / count - share) < 5 * deviation


def test_bursts_are_as_long_as_the_correlation_makes_them() -> None:
    alone, together = bursts(fates(7, 0.1, 0.0, 200_000)), bursts(fates(7, 0.1, 0.5, 200_000))

    assert sum(alone) / len(alone) == pytest.approx(1 / 0.9, rel=0.03)
    assert sum(together) / len(together) == pytest.approx(1 / (0.5 * 0.9), rel=0.03)


def test_a_share_changed_under_way_leaves_the_later_fates_alone() -> None:
    loss = Loss(random.Random("1"))
    changed = [loss.lost(0.0 if number < 50 else 0.5) for number in range(200)]

    assert changed[50:] == fates(1, 0.5)[50:]


def test_losses_in_a_row_end_with_the_retries() -> None:
    loss = Loss(random.Random("1"))

    assert [loss.losses(share) for share in (0.0, 1.0, 1.0)] == [0, RETRIES, RETRIES]


def test_losses_in_a_row_are_geometric() -> None:
    loss = Loss(random.Random("1"))
    counts = [loss.losses(0.3) for _ in range(20_000)]

    assert sum(counts) / len(counts) == pytest.approx(0.3 / 0.7, rel=0.05)


@pytest.mark.parametrize(
    ("losses", "late_s"), [(0, 0), (1, 0.2), (2, 0.6), (3, 1.4), (10, 204.6), (11, 324.6), (16, 924.6)]
)
def test_a_stall_doubles_with_each_loss_up_to_two_minutes(losses: int, late_s: float) -> None:
    """924.6 s is how long the kernel's documentation says it holds on, with fifteen retries and so sixteen losses."""
    assert stall_s(losses) == pytest.approx(late_s)
