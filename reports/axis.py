"""Where a moment stands on the picture's axis of time, and what is written there."""

from reports.markup import Html, el
from reports.report import Report
from reports.wording import utc

_STEPS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400),
)


def ticks(to_s: float, most: int = 10) -> list[float]:
    """Round times from 0, at most so many."""
    step = next(
        (one for one in _STEPS_S if to_s / one < most), _STEPS_S[-1] * max(1, round(to_s / _STEPS_S[-1] / most))
    )
    return [round(n * step, 6) for n in range(int(to_s / step) + 1)]


def clock(t_s: float) -> str:
    """`45 s`, and past five minutes `7:30` or `1:07:30`."""
    if t_s < 300:
        return f"{t_s:g} s"
    minutes, rest = divmod(round(t_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def grid(to_s: float, height: int) -> Html:
    """Lines down a drawing at the ticks."""
    return el("path", class_="grid", d="".join(f"M{ms(at)} 0v{height}" for at in ticks(to_s)))


def place(from_s: float, to_s: float, end_s: float) -> dict[str, str | int]:
    """The attributes that put an element there, and keep it there when the axis is zoomed."""
    style = f"left:{across(from_s, end_s)};width:{across(max(0.0, to_s - from_s), end_s)}"
    return {"style": style, "data_from": ms(from_s), "data_to": ms(to_s)}


def across(at_s: float, end_s: float) -> str:
    """Of the width, as `12.5%`."""
    return f"{min(100.0, max(0.0, 100 * at_s / end_s)):.3f}".rstrip("0").rstrip(".") + "%"


def ms(at_s: float) -> int:
    """Milliseconds: the drawings' own coordinates."""
    return round(at_s * 1000)


def between(from_s: float, to_s: float, report: Report) -> str:
    """From when to when, in the run's time and in UTC."""
    return f"{from_s:.3f} – {to_s:.3f} s ({utc(report, from_s)} – {utc(report, to_s)} UTC)"
