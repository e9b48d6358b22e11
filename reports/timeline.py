"""What the picture of a run shows, as plain data: phases, faults, what each probe saw, and what each verdict speaks of.

Whoever draws it reads no samples. A lane holds at most some thousand marks however long the run was: looks are thinned
so that the fastest, the slowest and the bad ones of every stretch stay. Times are seconds since the run was opened.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import compress, count, groupby, islice, pairwise
from math import isfinite
from operator import sub

from checks import Measured, Outcome, Samples, Seen, Spent, Window
from reports.report import CheckResult, FaultResult, Phase, ProbeResult, Report
from reports.spending import spendings

POINTS_MAX = 1500
"""Of one probe's looks."""
STRETCHES_MAX = 500
"""Of one probe's availability."""

_NEAR_S = 1e-3

_GOOD, _BAD, _BLIND = (ord(one) for one in Seen)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Looks in a row that saw the same; where there are too many of these, all looks of a while, named by the worst."""

    seen: Seen
    from_s: float
    to_s: float
    looks: int
    bad: int
    blind: int
    why: str = ""
    """Of the first look that was not good."""


@dataclass(frozen=True, slots=True)
class Point:
    """One look that saw something."""

    t_s: float
    took_s: float
    good: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One stage of a fault: `acting` until it is in effect, `in effect`, `healing` until it is gone; or `withheld`."""

    stage: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A stretch of time that a verdict speaks of."""

    check: int
    """Its place among the report's checks."""
    title: str
    outcome: Outcome
    label: str
    from_s: float
    to_s: float
    due_s: float | None = None
    """By when it had to be over, where the check has such a limit."""
    took: Measured | None = None
    """How long it was, within its bounds, where the check measured that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLane:
    """One fault over time."""

    fault: FaultResult
    spans: tuple[Span, ...]
    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLane:
    """What one probe saw over time. Where it did not look there is no stretch."""

    probe: ProbeResult
    stretches: tuple[Stretch, ...]
    points: tuple[Point, ...]
    thinned: bool
    """True when there were too many looks to keep each as a point."""
    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLane:
    """What verdicts say of something that is neither fault nor probe: `alert:PageDown`, `other pages`."""

    kind: str
    name: str
    """Empty where there is one of its kind."""
    states: tuple[Judged, ...]
    """Stretches, those of one label never at the same time."""
    moments: tuple[Judged, ...]
    spent: tuple[Spent, ...]
    """Where the time went of what happened to it."""
    judged: tuple[Judged, ...]
    """One of each verdict that speaks of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All lanes of a run, from 0 to `to_s`."""

    to_s: float
    phases: tuple[Phase, ...]
    faults: tuple[FaultLane, ...]
    states: tuple[StateLane, ...]
    probes: tuple[ProbeLane, ...]
    judged: tuple[Judged, ...]
    """Of the run as a whole, or of something that has no lane."""

    @property
    def in_effect(self) -> tuple[Span, ...]:
        """When there was a fault, for marking it behind every lane."""
        return tuple(span for lane in self.faults for span in lane.spans if span.stage == "in effect")


def timeline(report: Report) -> Timeline:
    """Lay a report out in time."""
    to_s = _end(report)
    judged: dict[str, list[Judged]] = {}
    lanes = {f"fault:{one.id}" for one in report.faults} | {f"probe:{one.name}" for one in report.probes}
    for place, check in enumerate(report.checks):
        for window in check.verdict.windows:
            if isfinite(window.from_s) and isfinite(window.to_s):
                kind = window.lane.partition(":")[0]
                lane = window.lane if window.lane in lanes or kind not in ("fault", "probe") else ""
                judged.setdefault(lane, []).append(_judged(place, check, window, to_s))
    return Timeline(
        to_s=to_s,
        phases=report.phases,
        faults=tuple(
            FaultLane(fault=one, spans=spans(one, to_s), judged=tuple(judged.get(f"fault:{one.id}", ())))
            for one in report.faults
        ),
        states=tuple(
            _state_lane(lane, windows, report) for lane, windows in judged.items() if lane not in {"", *lanes}
        ),
        probes=tuple(_probe_lane(one, tuple(judged.get(f"probe:{one.name}", ()))) for one in report.probes),
        judged=tuple(judged.get("", ())),
    )


def spans(fault: FaultResult, end_s: float) -> tuple[Span, ...]:
    """The stages that a fault went through; one that has not ended lasts until `end_s`."""
    if fault.withheld:
        return (Span("withheld", *fault.withheld),)
    stages = ("acting", fault.acting_s), ("in effect", fault.effect_s), ("healing", fault.healing_s), ("", fault.gone_s)
    known = [(stage, at) for stage, at in stages if at is not None]
    if known and known[-1][0]:
        known.append(("", max(end_s, known[-1][1])))
    return tuple(Span(stage, at, max(at, until)) for (stage, at), (_, until) in pairwise(known))


def stretches(samples: Samples, every_s: float, most: int = STRETCHES_MAX) -> tuple[Stretch, ...]:
    """Availability: looks in a row that saw the same. One that is followed by none for long ends with its last look."""
    sent = samples.columns()[0]
    if not sent:
        return ()
    alone_s = 3 * every_s if every_s > 0 else float("inf")
    alone: Iterable[int] = ()
    if max(map(sub, sent.since(1), sent), default=0.0) > alone_s:
        alone = (index for index, (before, at) in enumerate(pairwise(sent), 1) if at - before > alone_s)
    starts = [index for index, _ in islice(groupby(merge(samples.turns(), alone)), most + 1)]
    if len(starts) > most:
        starts = _evenly(sent, most)
    return tuple(_stretch(samples, first, after, every_s) for first, after in pairwise([*starts, len(sent)]))


def points(samples: Samples, most: int = POINTS_MAX) -> tuple[tuple[Point, ...], bool]:
    """The looks that saw something, oldest first, and whether they were thinned.

    Thinned, each small stretch of time keeps its fastest and its slowest good look, and its slowest bad one; bad ones
    all stay if they are few.
    """
    sent, done, seen = samples.columns()
    chosen: Iterable[int] = (index for index, one in enumerate(seen) if one != _BLIND)
    thinned = len(sent) - samples.count(Seen.BLIND) > most
    if thinned:
        chosen = _thin(sent, done, seen, most // 3)
    return tuple(Point(sent[index], done[index] - sent[index], seen[index] != _BAD) for index in chosen), thinned


def _end(report: Report) -> float:
    times = [report.duration_s, *(phase.to_s for phase in report.phases)]
    times += [
        at for one in report.faults for at in (one.acting_s, one.effect_s, one.healing_s, one.gone_s) if at is not None
    ]
    times += [one.samples[-1].sent_s for one in report.probes if len(one.samples)]
    return max((at for at in times if isfinite(at)), default=0.0) or 1.0


def _judged(place: int, check: CheckResult, window: Window, end_s: float) -> Judged:
    from_s = min(max(0.0, window.from_s), end_s)
    limited = window.lane.startswith("probe:") and check.within_s is not None
    return Judged(
        check=place,
        title=check.title,
        outcome=check.outcome,
        label=window.label,
        from_s=from_s,
        to_s=min(max(from_s, window.to_s), end_s),
        due_s=window.from_s + (check.within_s or 0.0) if limited else None,
        took=_measured(check, window) if limited else None,
    )


def _measured(check: CheckResult, window: Window) -> Measured | None:
    """The figure that this window is: the one that is as long."""
    long_s = window.to_s - window.from_s
    times = (one for one in check.verdict.measured.values() if one.unit == "s")
    return next((one for one in times if one.low - _NEAR_S <= long_s <= one.high + _NEAR_S), None)


def _state_lane(lane: str, windows: Sequence[Judged], report: Report) -> StateLane:
    kind, _, name = lane.partition(":")
    states = [one for one in windows if one.to_s > one.from_s]
    moments = {(one.label, one.from_s): one for one in windows if one.to_s == one.from_s}
    return StateLane(
        kind=kind,
        name=name,
        states=tuple(_joined(states)),
        moments=tuple(sorted(moments.values(), key=lambda one: one.from_s)),
        spent=tuple(one.spent for one in spendings(report) if one.spent.lane == lane),
        judged=tuple({one.check: one for one in windows}.values()),
    )


def _joined(states: Iterable[Judged]) -> list[Judged]:
    """Stretches of one label that touch are one; in the order in which they begin."""
    found: dict[str, list[Judged]] = {}
    for one in sorted(states, key=lambda state: state.from_s):
        same = found.setdefault(one.label, [])
        if same and one.from_s <= same[-1].to_s:
            same[-1] = replace(same[-1], to_s=max(one.to_s, same[-1].to_s))
        else:
            same.append(one)
    return sorted((one for same in found.values() for one in same), key=lambda one: one.from_s)


def _probe_lane(probe: ProbeResult, judged: tuple[Judged, ...]) -> ProbeLane:
    shown, thinned = points(probe.samples)
    return ProbeLane(
        probe=probe,
        stretches=stretches(probe.samples, probe.every_s),
        points=shown,
        thinned=thinned,
        judged=judged,
    )


def _evenly(sent: Sequence[float], parts: int) -> list[int]:
    """Where to cut so that each part is of equal length in time; parts without a look are left out."""
    step = (sent[-1] - sent[0]) / parts or 1.0
    cuts = [0]
    while (after := bisect_left(sent, sent[cuts[-1]] + step, cuts[-1] + 1)) < len(sent):
        cuts.append(after)
    return cuts


def _stretch(samples: Samples, first: int, after: int, every_s: float) -> Stretch:
    sent, _, seen = samples.columns()
    part = seen[first:after]
    bad, blind = part.count(_BAD), part.count(_BLIND)
    worst = Seen.BAD if bad else Seen.BLIND if blind else Seen.GOOD
    alone = after == len(sent) or sent[after] - sent[after - 1] > 3 * every_s > 0
    ends_s = sent[after - 1] + every_s if alone else sent[after]
    why = samples[first + part.index(ord(worst))].why if worst is not Seen.GOOD else ""
    return Stretch(worst, sent[first], ends_s, after - first, bad, blind, why)


def _thin(sent: Sequence[float], done: Sequence[float], seen: Sequence[int], bins: int) -> list[int]:
    """Indices to keep, at most three a bin; bad ones all, if they are few."""
    few = seen.count(_BAD) <= bins
    kept = set(compress(count(), map(_BAD.__eq__, seen))) if few else set()
    step, first = (sent[-1] - sent[0]) / bins or 1.0, 0
    for number in range(1, bins + 1):
        after = bisect_left(sent, sent[0] + number * step, first) if number < bins else len(sent)
        took = list(map(sub, done[first:after], sent[first:after]))
        part = seen[first:after]
        good = took if part.count(_GOOD) == len(part) else list(compress(took, (one == _GOOD for one in part)))
        bad = [] if few else list(compress(took, (one == _BAD for one in part)))
        wanted = [(time, _GOOD) for time in {min(good), max(good)}] if good else []
        wanted += [(max(bad), _BAD)] if bad else []
        kept.update(
            first + next(place for place, time in enumerate(took) if (time, part[place]) == one) for one in wanted
        )
        first = after
    return sorted(kept)
