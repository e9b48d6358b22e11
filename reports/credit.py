"""What one verdict, or a part of one, is worth: its own credit, or what a rubric's curves make of how late it was. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from checks import Outcome, Sentence, Share, Verdict
from checks.units import show_duration, show_ratio
from reports.rubric import Curves


class Worth(NamedTuple):
    """What it is worth."""

    credit: float | None
    """0 to 1, of what is known; None when nothing is."""
    least: float
    """0 to 1, whatever is still unknown."""
    curve: Sentence | None = None
    """The arithmetic, where a curve decided."""


class Lost(NamedTuple):
    """How much service was lost while something recovered."""

    area_s: float | None
    """In seconds of full outage; None when it could not be measured."""
    par_s: float


NOTHING_LOST: Mapping[str, Lost] = {}


def worth(verdict: Verdict, curves: Curves, *, share: Share | None = None, lost: Lost | None = None,
          strict: bool = False) -> Worth:  # fmt: skip
    """What a verdict is worth, or this share of it. `lost` is given where a recovery is held against a par."""
    if verdict.outcome is Outcome.UNKNOWN:
        return Worth(None, 0.0)
    if share is not None:
        least = _within_1(share.least)
        return Worth(None if share.credit is None else max(least, _within_1(share.credit)), least)
    credit, curve = _in_time(verdict, curves)
    if lost is not None and (lost.area_s is not None or strict):
        credit, curve = _recovered(credit, lost, curves, curve)
    return Worth(credit, credit, curve)


def _in_time(verdict: Verdict, curves: Curves) -> tuple[float, Sentence | None]:
    """All of it up to the limit, and from there on less and less. What was not late says itself what it is worth."""
    late = verdict.lateness
    if late is None or verdict.outcome is Outcome.PASSED:
        return _within_1(verdict.points or 0.0), None
    credit = _falling(late - 1, curves.zero_at - 1)
    return credit, Sentence.of("{times} times its limit, and nothing is left at {zero} times: {credit}",
                               times=f"{late:.3g}", zero=f"{curves.zero_at:g}", credit=show_ratio(credit))  # fmt: skip


def _recovered(in_time: float, lost: Lost, curves: Curves, curve: Sentence | None) -> tuple[float, Sentence]:
    """Part by when it was back, and part by how much was lost until then: who contains the damage early is paid for it."""
    area = 0.0 if lost.area_s is None else _falling(lost.area_s - lost.par_s, lost.par_s)
    credit = _within_1((1 - curves.area) * in_time + curves.area * area)
    about: dict[str, object] = {
        "by_time": show_ratio(1 - curves.area), "time": show_ratio(in_time), "by_area": show_ratio(curves.area),
        "area": show_ratio(area), "par": show_duration(lost.par_s), "both": show_ratio(credit),
        "lost": "?" if lost.area_s is None else show_duration(lost.area_s, beside=lost.par_s),
    }  # fmt: skip
    said = Sentence.of("{by_time} by time, of which {time}; {by_area} by service lost, {lost} and par {par}, of which {area}; "
                       "together {both}", **about)  # fmt: skip
    return credit, said if curve is None else Sentence(
        f"{curve.pattern}; {said.pattern}", {**curve.values, **said.values}
    )


def _falling(over: float, until: float) -> float:
    """1 up to 0, and from there in a straight line to nothing at `until`."""
    if over <= 0:
        return 1.0
    return _within_1(1 - over / until) if until > 0 else 0.0


def _within_1(credit: float) -> float:
    return min(1.0, max(0.0, credit))
