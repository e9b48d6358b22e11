"""Durations and ratios as people write them: `250ms`, `2m`, `99.9%`. Parsing and printing, nothing else.

They live with the checks because limits are written in them; whatever reads a drill borrows them from here.
"""

import re
from datetime import timedelta

_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")
_RATIO = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def parse_duration(text: str) -> timedelta:
    """Read `250ms`, `5s`, `1m30s`, `2h`. A bare number other than 0 has no unit and is refused with a ValueError."""
    compact = text.strip().replace(" ", "")
    if compact == "0":
        return timedelta(0)
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError("a duration such as 250ms, 5s, 2m or 1m30s")
    try:
        return timedelta(seconds=sum(float(number) * _UNIT_S[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("a duration of at most some thousand years") from None


def parse_ratio(text: str) -> float:
    """Read `99.9%` as 0.999. The percent sign is part of the value; 0 and 100 % are the ends."""
    match = _RATIO.fullmatch(text.strip())
    if match is None or float(match[1]) > 100:
        raise ValueError("a share such as 5% or 99.9%")
    return float(match[1]) / 100


def show_duration(seconds: float) -> str:
    """Print seconds as a person would say them: `0`, `340 µs`, `12 ms`, `2.03 s`, `45 s`, `2 min 5 s`, `1 h 4 min`."""
    sign, size = ("-" if seconds < 0 else ""), abs(seconds)
    if size == 0:
        text = "0 s"
    elif size < 0.0009995:
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


def show_ratio(ratio: float) -> str:
    """Print 0.9998 as `99.98 %`, never rounding a miss up to `100 %` nor a trace down to `0 %`."""
    for digits in (4, 5, 6, 8, 12):
        text = f"{ratio * 100:.{digits}g}"
        if float(text) in (0.0, 100.0) and ratio not in (0.0, 1.0):
            continue
        return text + " %"
    return f"{ratio * 100!r} %"


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
