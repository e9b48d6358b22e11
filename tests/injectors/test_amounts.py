"""Amounts of data are read as people write them, decimally, and written so that they are read as the same."""

import pytest

from injectors.amounts import Rate, Size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("10KB", 10_000),
        ("10 kB", 10_000),
        ("1.5MB", 1_500_000),
        ("2GB", 2 * 10**9),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert Size.parse(text).bytes == size
    assert Size.parse(str(Size(size))) == Size(size)


@pytest.mark.parametrize(
    "text", ["", "KB", "-1", "1.5", "1.5B", "0.0001KB", "10KiB", "10Kb", "10kb", "10KB/s", "1e3", "1 0KB", "9999999GB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size such as"):
        Size.parse(text)


@pytest.mark.parametrize(("text", "rate"), [("100KB/s", 100_000), ("1.5MB/s", 1_500_000), ("500B/s", 500)])
def test_rates_are_read(text: str, rate: int) -> None:
    assert Rate.parse(text).bytes_s == rate
    assert Rate.parse(str(Rate(rate))) == Rate(rate)


@pytest.mark.parametrize("text", ["", "100", "100KB", "100/s", "100KB/m", "100Kbit/s", "10Mb/s", "10mb/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a rate such as"):
        Rate.parse(text)


def test_examples_can_be_read() -> None:
    assert Size.parse(Size.example)
    assert Rate.parse(Rate.example)
