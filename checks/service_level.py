"""How well a service was served, and what that costs: availability, error budget, and the area that was lost.

The service level at a moment, SLI(t), is 1 if a request sent then is answered well and 0 if it is not. Looks are such
requests, so SLI is known at the moments at which they were sent, and between two of them:

- two that saw the same, no further apart than 1.5 times the plan: it was so in between;
- two that saw different things: it changed in between, nobody knows when, and the figure takes the middle;
- two further apart, with looks missing or blind: anything may have been. The figure takes it as those two saw it.

The bounds take all that is not known for good, and for bad. What lasts for less than 1.5 times the plan may be missed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import chain, groupby, pairwise
from math import inf
from operator import sub
from typing import NamedTuple

from checks.check import Measured
from checks.evidence import Evidence, Samples, Seen
from checks.gauged import Gauged
from checks.ground import why_blind
from checks.incident import Incident
from checks.level import ends
from checks.units import show_count, show_duration, show_ratio

_APART = 1.5
"""Of the planned distance of looks. One that is missing or blind makes it 2; the jitter of sending does not make it this."""
_DAY_S = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a service is to keep over a long time: so much of what it is asked."""

    probe: str
    """By whose looks the service is known."""
    success: float
    """Above 0, to 1."""
    period_s: float
    rate_per_s: float | None = None
    """How much is asked of it where it is used; None when nobody said."""
    promised: bool = True
    """False where nobody promised it, and it is the limit of the steady state."""

    @property
    def over(self) -> str:
        """Its period, as people say it: `30 d`."""
        days, rest_s = divmod(self.period_s, _DAY_S)
        return f"{days:g} d" if days and not rest_s else show_duration(self.period_s)


# --- what was seen


def availability(evidence: Evidence, probe: str, from_s: float, to_s: float) -> Gauged:
    """The share of good looks among those that saw anything, sent in [from_s, to_s).

    Within the bounds lie the share with blind looks taken either way, and the share of the time between the first look
    and the last at which a request would have been answered well.
    """
    looks = evidence.samples(probe).between(from_s, to_s)
    good, bad, blind = (looks.count(seen) for seen in (Seen.GOOD, Seen.BAD, Seen.BLIND))
    if not good + bad:
        return _unseen(evidence, looks)
    first_s, last_s = looks[0].sent_s, looks[-1].sent_s
    low, high = good / len(looks), (good + blind) / len(looks)
    if last_s > first_s:
        down = _down(evidence, probe, first_s, last_s)
        # To nine digits, as times are known to six: what is left of 1 - 1 is noise of arithmetic, and would be shown.
        low = min(low, max(0.0, round(1 - down.high_s / (last_s - first_s), 9)))
        high = max(high, min(1.0, round(1 - down.low_s / (last_s - first_s), 9)))
    found = Gauged(
        value=Measured(value=good / (good + bad), low=low, high=high, unit="ratio"),
        from_s=first_s,
        to_s=last_s,
        proof=ends(looks.only(Seen.BAD)) if bad else tuple(sorted({looks[0].seq, looks[-1].seq})),
    ).noted("{good} of {looks} looks were good", good=show_count(good), looks=show_count(good + bad))
    if not blind:
        return found
    return found.noted("{blind} looks were blind ({why})", blind=show_count(blind), why=why_blind(looks))


def _unseen(evidence: Evidence, looks: Samples) -> Gauged:
    if looks:
        return Gauged.missing("all {looks} looks of {probe} were blind ({why})", looks=show_count(len(looks)),
                              probe=looks.probe, why=why_blind(looks))  # fmt: skip
    if evidence.samples(looks.probe):
        return Gauged.missing("{probe} did not look in that time", probe=looks.probe)
    return Gauged.missing("{probe} never looked", probe=looks.probe)


class _Down(NamedTuple):
    """For how long it was down: as seen, at least, at most."""

    value_s: float
    low_s: float
    high_s: float


def _down(evidence: Evidence, probe: str, from_s: float, to_s: float) -> _Down:
    """For how long in [from_s, to_s] a request would not have been answered well. At least one look saw something."""
    looks = evidence.samples(probe)
    if looks.count(Seen.BLIND):
        looks = looks.where(one != ord(Seen.BLIND) for one in looks.columns()[2])
    sent, _, _ = looks.columns()
    around = looks[max(0, bisect_right(sent, from_s) - 1) : bisect_left(sent, to_s) + 1]
    value_s = low_s = high_s = 0.0
    for one in _stretches(around, _APART * (evidence.every_s(probe) or 0.0)):
        begin_s, end_s = max(one.from_s, from_s), min(one.to_s, to_s)
        if end_s <= begin_s:
            continue
        if one.bad == (True, True):
            value_s += end_s - begin_s
            low_s += end_s - begin_s if one.known else 0.0
        elif any(one.bad):
            middle_s = (one.from_s + one.to_s) / 2
            bad_from_s, bad_to_s = (begin_s, middle_s) if one.bad[0] else (middle_s, end_s)
            value_s += max(0.0, min(bad_to_s, end_s) - max(bad_from_s, begin_s))
        high_s += end_s - begin_s if any(one.bad) or not one.known else 0.0
    return _Down(*(round(one, 6) for one in (value_s, low_s, high_s)))


class _Stretch(NamedTuple):
    """From one look to another, what both saw, and whether what they saw is known to have been so in between."""

    from_s: float
    to_s: float
    bad: tuple[bool, bool]
    known: bool


def _stretches(looks: Samples, apart_s: float) -> Iterator[_Stretch]:
    """All of time, cut where looks saw otherwise than the one before, or came too long after it."""
    sent, _, seen = looks.columns()
    late: Iterable[int] = ()
    if max(map(sub, sent.since(1), sent), default=0.0) > apart_s:
        late = (place for place, (one, other) in enumerate(pairwise(sent), 1) if other - one > apart_s)
    joints = (place for place, _ in groupby(merge(looks.turns(), late)))
    was_bad: bool | None = None
    for start, end in pairwise(chain(joints, [len(sent)])):
        is_bad = seen[start] == ord(Seen.BAD)
        if was_bad is None:
            yield _Stretch(-inf, sent[start], (is_bad, is_bad), known=False)
        else:
            yield _Stretch(sent[start - 1], sent[start], (was_bad, is_bad), known=False)
        yield _Stretch(sent[start], sent[end - 1], (is_bad, is_bad), known=True)
        was_bad = is_bad
    yield _Stretch(sent[-1], inf, (bool(was_bad), bool(was_bad)), known=False)


# --- what it costs


def lost_area(evidence: Evidence, objective: Objective, times: Incident) -> Gauged:
    """The integral of max(0, SLO - SLI(t)) from the first bad look to the all-clear, in seconds of a full outage.

    Where nobody gave one it goes on until the service was back. How long before the first bad look it began is not
    known, and is within the bounds.
    """
    impact, back, over = (times.milestones[name] for name in ("impact", "recovered", "verified"))
    end = back if over.at_s is None else over
    if impact.at_s is None or end.at_s is None:
        return Gauged(why_not=impact.why_not or back.why_not)
    looks = evidence.samples(objective.probe)
    if not looks.count(Seen.GOOD) + looks.count(Seen.BAD):
        return _unseen(evidence, looks)
    down = _down(evidence, objective.probe, impact.low_s, end.at_s)
    value, low, high = (round(objective.success * one, 6) for one in down)
    found = Gauged(value=Measured(value=value, low=low, high=high, unit="s"), from_s=impact.at_s, to_s=end.at_s,
                   proof=_lines(impact.seq, end.seq)).noted("in seconds of a full outage")  # fmt: skip
    if over.at_s is None:
        found = found.noted("until the service was back, since there was no all-clear")
    return _by(objective, found)


def budget_burned(objective: Objective, seen: Gauged) -> Gauged:
    """Bad requests as a share of those that may be bad in the period, of the availability that was seen."""
    found = _of_errors(objective, seen, "ratio", lambda span_s: span_s / objective.period_s / _may_fail(objective))
    found = found.noted("virtual: the looks stand for all that is asked of it in {period}", period=objective.over)
    return _by(objective, found)


def burn_rate(objective: Objective, seen: Gauged) -> Gauged:
    """How many times as fast as it may the budget was burned over that time; at 1 it lasts for the period exactly."""
    return _by(objective, _of_errors(objective, seen, "times", lambda _: 1 / _may_fail(objective)))


def failed_requests(objective: Objective, seen: Gauged) -> Gauged:
    """How many would have failed at the rate at which the service is asked where it is used."""
    rate_per_s = objective.rate_per_s
    if rate_per_s is None:
        return Gauged.missing("the drill does not say how much is asked of the service: `rate` under `slo`")
    allowed = _may_fail(objective) * rate_per_s * objective.period_s
    found = _of_errors(objective, seen, "count", lambda span_s: rate_per_s * span_s, needs_budget=False)
    return found.noted("virtual: at {rate} a second, where {allowed} may fail in {period}", rate=f"{rate_per_s:g}",
                       allowed=show_count(round(allowed)), period=objective.over)  # fmt: skip


def _of_errors(objective: Objective, seen: Gauged, unit: str, factor: Callable[[float], float], *,
               needs_budget: bool = True) -> Gauged:  # fmt: skip
    """The share of bad looks times something that depends on how long was looked."""
    if seen.value is None or seen.from_s is None or seen.to_s is None:
        return seen
    if needs_budget and objective.success >= 1:
        return Gauged.missing("an objective of {slo} leaves no error budget", slo=show_ratio(objective.success))
    if seen.to_s <= seen.from_s:
        return Gauged.missing("{probe} looked only once", probe=objective.probe)
    times = factor(seen.to_s - seen.from_s)
    value, low, high = (round((1 - one) * times, 12) for one in (seen.value.value, seen.value.high, seen.value.low))
    bad = Measured(value=value, low=low, high=high, unit=unit)
    return Gauged(value=bad, from_s=seen.from_s, to_s=seen.to_s, proof=seen.proof)


def _may_fail(objective: Objective) -> float:
    """The share of requests that may; without the noise that the subtraction leaves."""
    return round(1 - objective.success, 12)


def _by(objective: Objective, found: Gauged) -> Gauged:
    """With the objective that it is held against, and where that comes from."""
    about = {"slo": show_ratio(objective.success), "probe": objective.probe}
    found = found.noted("objective {slo} of {probe}", **about)
    return found if objective.promised else found.noted("which is the limit of its steady state")


def _lines(*lines: int | None) -> tuple[int, ...]:
    return tuple(sorted({one for one in lines if one is not None}))
