"""Durations, shares and counts: read as people write them, printed as people say them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.units import (
    parse_duration,
    parse_ratio,
    show_count,
    show_duration,
    show_ratio,
    write_duration,
    write_ratio,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25), ("5s", 5), ("2m", 120), ("1h", 3600), ("1d", 86400), ("1us", 1e-6), ("1m30s", 90),
        ("1h 5m 2s 3ms 4us", 3902.003004), (" 5 s ", 5), ("1.5s", 1.5), ("0.1s", 0.1), ("0", 0), ("0s", 0), ("90m", 5400),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "5", "5.0", "s", "-5s", "+5s", "5S", "5sec", "5 minutes", "1 0s", "5s1m", "5s5s", "5,5s", ".5s", "5.s", "٥s",
     "1e3s", "nan s", "5s!", "0.1us", "9999999999d", "9" * 400 + "d", "5ms\n5s x"],
)  # fmt: skip
def test_a_duration_without_unit_or_sense_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a duration (such as|of at)"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "ratio"), [("99.9%", 0.999), ("5%", 0.05), ("0%", 0), ("100 %", 1), ("7%", 0.07)])
def test_shares_are_read_exactly(text: str, ratio: float) -> None:
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize("text", ["", "%", "99.9", "0.999", "101%", "100.01%", "-1%", "5%%", "five%", "٥%"])
def test_a_share_without_percent_sign_or_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a share such as"):
        parse_ratio(text)


@given(st.integers(0, 10_000))
def test_a_share_as_written_equals_the_same_share_as_counted(good: int) -> None:
    """`>= 99.9%` must hold for 999 of 1000, whatever binary fractions make of it."""
    assert parse_ratio(f"{good // 100}.{good % 100:02}%") == good / 10_000


@given(st.integers(0, 10**15))
def test_a_written_duration_is_read_back_the_same(microseconds: int) -> None:
    duration = timedelta(microseconds=microseconds)
    assert parse_duration(write_duration(duration)) == duration


@given(st.integers(0, 10**6))
def test_a_written_share_is_read_back_the_same(millionths: int) -> None:
    ratio = millionths / 10**6
    assert parse_ratio(write_ratio(ratio)) == ratio


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (4e-16, "0 s"), (0.00034, "340 µs"), (0.0009994, "999 µs"), (0.001, "1 ms"), (0.012, "12 ms"),
        (0.0123456, "12.3 ms"), (0.9994, "999 ms"), (0.9995, "1 s"), (2.03, "2.03 s"), (9.994, "9.99 s"), (9.995, "10 s"),
        (45, "45 s"), (59.94, "59.9 s"), (59.95, "1 min"), (125, "2 min 5 s"), (3599.4, "59 min 59 s"), (3599.5, "1 h"),
        (3840, "1 h 4 min"), (-2.5, "-2.5 s"),
    ],
)  # fmt: skip
def test_durations_are_printed_as_people_say_them(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "limit", "text"),
    [(5.004, 5, "5.004 s"), (5, 5, "5 s"), (5.0000004, 5, "5 s"), (4.999999, 5, "4.999999 s"), (5, 5.004, "5 s"),
     (0.05004, 0.05, "0.05004 s"), (7, 5, "7 s")],
)  # fmt: skip
def test_a_duration_does_not_look_equal_to_a_limit_that_it_misses(seconds: float, limit: float, text: str) -> None:
    assert show_duration(seconds, beside=limit) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(1, "100 %"), (0, "0 %"), (0.9998, "99.98 %"), (0.999999, "99.9999 %"), (0.5, "50 %"), (1 / 3, "33.33 %")],
)
def test_a_miss_is_never_rounded_up_to_all(ratio: float, text: str) -> None:
    assert show_ratio(ratio) == text


def test_a_share_does_not_look_equal_to_a_limit_that_it_misses() -> None:
    assert show_ratio(0.998996, beside=0.999) == "99.8996 %"
    assert show_ratio(0.999, beside=0.999) == "99.9 %"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_printed_share_is_that_share(ratio: float, beside: float) -> None:
    assert float(show_ratio(ratio, beside=beside).removesuffix(" %")) / 100 == pytest.approx(ratio, rel=1e-3)


def test_large_counts_are_grouped() -> None:
    assert [show_count(n) for n in (0, 999, 4812, 1_000_000)] == ["0", "999", "4 812", "1 000 000"]
