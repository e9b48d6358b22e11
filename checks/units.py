"""Durations and ratios as people write them: `250ms`, `2m`, `99.9%`. Parsing and printing, nothing else.

They live with the checks because limits are written in them; whatever reads a drill borrows them from here.
"""

import re
from datetime import timedelta

_UNIT_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
# Each unit at most once and the largest first, so that `5s1m` is a slip and not a duration.
_DURATION = re.compile("".join(rf"(?:{_NUMBER}\s*{unit}\s*)?" for unit in _UNIT_S))
_RATIO = re.compile(rf"{_NUMBER}\s*%")


def parse_duration(text: str) -> timedelta:
    """Read `250ms`, `5s`, `1m30s`, `2h`. A bare number other than 0 has no unit and is refused with a ValueError."""
    written = text.strip()
    if written == "0":
        return timedelta(0)
    match = _DURATION.fullmatch(written)
    if match is None or not written:
        raise ValueError("a duration such as 250ms, 5s, 2m or 1m30s")
    numbers = (float(number or 0) for number in match.groups())
    seconds = sum(number * size_s for number, size_s in zip(numbers, _UNIT_S.values(), strict=True))
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError("a duration of at most some thousand years") from None
    if seconds and not duration:
        raise ValueError("a duration of at least 1us, or 0")
    return duration


def parse_ratio(text: str) -> float:
    """Read `99.9%` as 0.999. The percent sign is part of the value; 0 and 100 % are the ends."""
    match = _RATIO.fullmatch(text.strip())
    if match is None or float(match[1]) > 100:
        raise ValueError("a share such as 5% or 99.9%")
    return float(f"{match[1]}e-2")  # dividing by 100 would make 99.9% a little more than 0.999, and 999 of 1000 a miss


def show_duration(seconds: float, *, beside: float | None = None) -> str:
    """Print seconds as a person would say them: `0 s`, `340 µs`, `12 ms`, `2.03 s`, `45 s`, `2 min 5 s`, `1 h 4 min`.

    A figure that is printed `beside` another one, such as its limit, gets more digits where both would else look equal.
    """
    text = _rounded(seconds)
    if beside is None or text != _rounded(beside):
        return text
    return text if round(seconds, 6) == round(beside, 6) else f"{seconds:.6f}".rstrip("0").rstrip(".") + " s"


def _rounded(seconds: float) -> str:
    sign, size = ("-" if seconds < 0 else ""), abs(seconds)
    if size < 0.5e-6:  # below the journal's grain there is only noise of arithmetic
        return "0 s"
    if size < 0.0009995:
        text = f"{size * 1e6:.0f} µs"
    elif size < 0.9995:
        text = f"{size * 1e3:.3g} ms"
    elif size < 9.995:
        text = f"{size:.2f}".rstrip("0").rstrip(".") + " s"
    elif size < 59.95:
        text = f"{size:.1f}".removesuffix(".0") + " s"
    elif size < 3599.5:
        minutes, rest = divmod(round(size), 60)
        text = f"{minutes} min" + (f" {rest} s" if rest else "")
    else:
        hours, rest = divmod(round(size / 60), 60)
        text = f"{hours} h" + (f" {rest} min" if rest else "")
    return sign + text


def show_ratio(ratio: float, *, beside: float = 1.0) -> str:
    """Print 0.9998 as `99.98 %`, never rounding a miss up to `100 %`, nor to the figure it is printed `beside`."""
    for digits in (4, 5, 6, 8, 12):
        text = f"{ratio * 100:.{digits}g}"
        if ratio in (beside, 1.0) or float(text) not in (100.0, round(beside * 100, 10)):
            return text + " %"
    return f"{ratio * 100!r} %"


def show_count(count: int) -> str:
    """Print 4812 as `4 812`."""
    return f"{count:,}".replace(",", " ")


def write_ratio(ratio: float) -> str:
    """Print a share so that `parse_ratio` reads the same one back: `99.9%`, `12.345%`."""
    from decimal import Decimal

    figure = f"{Decimal(repr(ratio)) * 100:f}"
    return (figure.rstrip("0").rstrip(".") if "." in figure else figure) + "%"


def write_duration(duration: timedelta) -> str:
    """Print a duration so that `parse_duration` reads the same one back: `1m30s`, `250ms`."""
    rest_us = round(duration / timedelta(microseconds=1))
    if rest_us == 0:
        return "0s"
    parts: list[str] = []
    for unit, size_us in (("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)):
        count, rest_us = divmod(rest_us, size_us)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
