"""When a figure is worse than it was, and when it only looks so: the band in which repeated runs lie. Arithmetic alone.

The rule, for a figure of which less is better; of the others the same holds upside down:

- The **level** of a figure is told by the last 20 runs that count, from 5 on. They are told by their median and their
  range: means mislead where one run in ten takes twice as long.
- A run is **worse** when it lies above the median by more than the range of those that count: under 10 of them by more than one
  and a half times the range, since few runs have not shown all of it yet. A difference of less than a tenth of the median, or
  than 50 ms, is never called worse.
- It is worse for sure only when all of its measuring bounds lie above; where they reach across the edge nobody can tell.
- A run that is worse does not count, or the band would grow by what it shall catch. If the next one is not worse, it was noise
  after all, and counts. Accepted runs always count.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import Literal

from checks import Measured

LEAST, MOST = 5, 20
"""Runs without which there is no band, and the most that it is told by."""
_FEW, _FEW_TIMES, _TIMES = 10, 1.5, 1.0
SHARE = 0.10
"""Of the median: what is less is never called worse, unless one says otherwise."""
FLOORS = {"s": 0.05, "ratio": 0.001}
"""The same as a figure, by unit. Of what is counted, such as lost writes, one more is one more."""

Sort = Literal["same", "better", "worse", "unsure", "unknown"]
"""`unsure`: the edge lies within the measuring bounds. `unknown`: too few runs to know what is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a figure may become worse by without being called worse."""

    share: float | None = None
    """Of what it was."""
    amount: float | None = None

    def of(self, before: float, unit: str) -> float:
        """In the figure's unit. Without anything said, what SHARE and FLOORS say."""
        if self.share is None and self.amount is None:
            return max(SHARE * abs(before), FLOORS.get(unit, 0.0))
        return max((self.share or 0.0) * abs(before), self.amount or 0.0)

    @property
    def said(self) -> bool:
        """True when somebody said it."""
        return self.share is not None or self.amount is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How repeated runs lie."""

    n: int
    median: float
    low: float
    high: float
    """The range."""

    @property
    def reach(self) -> float:
        """How far from the median noise is taken to go."""
        return (self.high - self.low) * (_TIMES if self.n >= _FEW else _FEW_TIMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A figure of an earlier run, and what is known of that run."""

    value: Measured
    accepted: bool = False
    anew: bool = False


def band(values: Sequence[float]) -> Band | None:
    """The band of these; None of fewer than five."""
    if len(values) < LEAST:
        return None
    return Band(n=len(values), median=median(values), low=min(values), high=max(values))


def level(runs: Iterable[Past], *, higher: bool, allowed: Allowed, standing: bool) -> list[float]:
    """The figures of those runs that count, oldest first; `runs` are those that passed, oldest first.

    With `standing` it stands once a run was accepted and 20 count, until the next is accepted, so that a level which creeps up
    a little with each run is found out. Otherwise the last 20 count.
    """
    found: list[float] = []
    doubted: list[float] = []
    stands = False
    for one in runs:
        if one.anew:
            found, doubted, stands = [], [], False
        if one.accepted:
            found, stands = [*found, one.value.value][-MOST:], True
        elif not (standing and stands and len(found) == MOST):
            if sort(one.value, band(found), higher=higher, allowed=allowed) in ("worse", "unsure"):
                doubted.append(one.value.value)
                continue
            found = [*found, *(doubted if len(doubted) == 1 else ()), one.value.value][-MOST:]
        doubted = []
    return found


def edge(before: float, reach: float, unit: str, *, higher: bool, allowed: Allowed) -> float:
    """Beyond which a figure is worse."""
    return before + (-1 if higher else 1) * _room(before, reach, unit, higher=higher, allowed=allowed)


def _room(before: float, reach: float, unit: str, *, higher: bool, allowed: Allowed) -> float:
    """How far it may go. A share of which more is better is allowed a part of what it lacks."""
    lacking = higher and unit == "ratio"
    return max(reach, allowed.of(1 - before if lacking else before, unit))


def sort(now: Measured, of: Band | None, *, higher: bool, allowed: Allowed, around: float | None = None) -> Sort:
    """What a figure is beside a band; `around` puts that around another figure than its median. Without a band, `unknown`."""
    if of is None:
        return "unknown"
    before = of.median if around is None else around
    room = _room(before, of.reach, now.unit, higher=higher, allowed=allowed) * (-1 if higher else 1)
    return _beside(now, before + room, before - room, higher=higher)


def sort_single(now: Measured, before: Measured, *, higher: bool, allowed: Allowed) -> Sort:
    """What a figure is beside a single one, when nobody knows the noise.

    What lies within the measuring bounds is the same. Beyond them it is `unknown` whether it is worse, unless it was said
    how much is allowed.
    """
    if now.low <= before.high and before.low <= now.high:
        return "same"
    if allowed.said:
        worst, best = (before.low, before.high) if higher else (before.high, before.low)
        limit = edge(worst, 0.0, now.unit, higher=higher, allowed=allowed)
        return _beside(now, limit, best, higher=higher)
    return "better" if (now.value > before.value) == higher else "unknown"


def _beside(now: Measured, limit: float, best: float, *, higher: bool) -> Sort:
    """Beside the edges; within the journal's grain, a microsecond, figures are equal."""
    beyond: Callable[[float, float], bool] = (lambda a, b: round(a, 6) < round(b, 6)) if higher else (
        lambda a, b: round(a, 6) > round(b, 6))  # fmt: skip
    kindest, harshest = (now.high, now.low) if higher else (now.low, now.high)
    if isfinite(kindest) and beyond(kindest, limit):
        return "worse"
    if beyond(now.value, limit):
        return "unsure"
    return "better" if isfinite(harshest) and beyond(best, harshest) else "same"
