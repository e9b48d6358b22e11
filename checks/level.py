"""How good a stretch of looks was, held against limits on their success and on how long they took.

A blind look is no answer, so each figure is reckoned twice: as if all blind looks had been good and immediate, and as
if all had been bad and endless. A limit that holds both ways is kept, one that holds neither way is broken, and for
one in between nobody can say. So looking away can never turn anything into a pass.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from math import inf, isfinite

from checks.check import DurationLimit, Measured, RatioLimit, Sentence, Verdict, Window, failed, passed, unknown
from checks.evidence import Evidence, Samples, Seen, rank
from checks.ground import never_looked, not_in_effect, patience_s, why_blind
from checks.units import show_count, show_duration, show_ratio

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_PROOFS = 20
"""The most journal lines that a verdict names; a stretch of minutes has thousands of looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A limit, and what was measured of it: as seen, and as it would be with all blind looks for or against it."""

    name: str
    limit: RatioLimit | DurationLimit | None
    value: float
    low: float
    high: float

    @property
    def held(self) -> bool | None:
        """Whether the limit was kept; None when the blind looks decide."""
        if self.limit is None or self.limit.holds(self.low) is self.limit.holds(self.high):
            return self.limit is None or self.limit.holds(self.low)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a stretch of looks must keep. At least one of the limits is there; see `need_one`."""

    success: RatioLimit | None = None
    p50: DurationLimit | None = None
    p95: DurationLimit | None = None
    p99: DurationLimit | None = None
    at_least: int
    """Looks that must have seen something before any share of them means anything."""

    def judge(self, evidence: Evidence, probe: str, from_s: float, to_s: float) -> Verdict:
        """Hold the looks that a probe sent in [from_s, to_s) against the limits."""
        looks = evidence.samples(probe).between(from_s, to_s)
        if doubt := hardly_watched(evidence, looks, from_s, to_s, self.at_least):
            return doubt
        figures = list(self._figures(looks))
        measured = {name: figure for one in figures for name, figure in _measured(one)}
        measured |= counts(looks)
        for figure in figures:
            if figure.held is False:
                return self._broken(figure, looks, measured)
        for figure in figures:
            if figure.held is None:
                return too_blind(looks, f"{figure.name} {figure.limit}", measured)
        times = ", ".join(f"{one.name} {show_duration(one.value)}" for one in figures[1:] if isfinite(one.value))
        return passed("{success} of {looks} looks good" + (", {times}" if times else ""), proof=ends(looks),
                      measured=measured, success=show_ratio(figures[0].value), looks=show_count(saw(looks)),
                      times=times)  # fmt: skip

    def _figures(self, looks: Samples) -> Iterator[Figure]:
        """Success first, then the times that have a limit, or p99 when none has."""
        good, bad, blind = (looks.count(seen) for seen in (Seen.GOOD, Seen.BAD, Seen.BLIND))
        yield Figure(name="success", limit=self.success, value=good / (good + bad), low=good / len(looks),
                     high=(good + blind) / len(looks))  # fmt: skip
        times = looks.took_s()
        limits = {name: getattr(self, name) for name in _SHARES}
        for name, limit in limits.items():
            if limit or (name == "p99" and not any(limits.values())):
                # A refusal is quick, so the times of good looks alone would praise a system that answers nobody. Where
                # a limit on success minds the bad looks they are left out; else they count as the worst there is.
                lost = 0 if self.success or limit is None else bad
                slow = lost if limit is None or limit.sign.startswith("<") else 0
                fast = lost - slow
                yield Figure(name=name, limit=limit,
                             value=_quantile(times, _SHARES[name], fast, slow),
                             low=_quantile(times, _SHARES[name], fast + blind, slow),
                             high=_quantile(times, _SHARES[name], fast, slow + blind))  # fmt: skip

    def _broken(self, figure: Figure, looks: Samples, measured: dict[str, Measured]) -> Verdict:
        if isinstance(figure.limit, RatioLimit):
            return failed("{success} of {looks} looks good; limit {limit}", proof=ends(looks.only(Seen.BAD)),
                          measured=measured, success=show_ratio(figure.value, beside=figure.limit.value),
                          looks=show_count(saw(looks)), limit=figure.limit)  # fmt: skip
        assert figure.limit is not None  # without a limit nothing is broken
        proof = ends(looks.where(not figure.limit.holds(one) for one in _waits(looks)))
        if figure.value == inf:
            return failed("{bad} of {looks} looks failed, which counts against {limit}", proof=proof, measured=measured,
                          bad=show_count(looks.count(Seen.BAD)), looks=show_count(saw(looks)),
                          limit=f"{figure.name} {figure.limit}")  # fmt: skip
        return failed("{figure} {took} over {looks} looks; limit {limit}", proof=proof, measured=measured,
                      figure=figure.name, took=show_duration(figure.value, beside=figure.limit.value),
                      looks=show_count(saw(looks)), limit=figure.limit)  # fmt: skip


def while_there(evidence: Evidence, probe: str, fault: str, judge: Callable[[float, float], Verdict]) -> Verdict:
    """What `judge` says of the time from the fault's first act to the beginning of its healing, told of this probe."""
    seen = evidence.fault(fault)
    if seen.effect_s is None:
        return not_in_effect(seen)
    if not evidence.samples(probe):
        return never_looked(probe)
    from_s = seen.effect_s if seen.acting_s is None else seen.acting_s
    to_s = evidence.ended_s if seen.until_s is None else seen.until_s
    verdict = judge(from_s, to_s)
    return replace(
        verdict,
        because=Sentence("{probe}: " + verdict.because.pattern, {"probe": probe, **verdict.because.values}),
        proof=tuple(sorted({*verdict.proof, *seen.lines})),
        windows=(Window(lane=f"probe:{probe}", label=fault, from_s=from_s, to_s=to_s),),
    )


def hardly_watched(evidence: Evidence, looks: Samples, from_s: float, to_s: float, at_least: int) -> Verdict | None:
    """Unknown, when there are too few of these looks, or none for too long a part of [from_s, to_s)."""
    needed = max(1, at_least)
    if saw(looks) < needed:
        pattern = "only {saw} looks saw anything, {needed} are needed"
        if saw(looks) < len(looks):
            pattern = "only {saw} of {looks} looks saw anything ({why}), {needed} are needed"
        return unknown(pattern, proof=ends(looks), saw=show_count(saw(looks)), looks=show_count(len(looks)),
                       why=why_blind(looks), needed=show_count(needed))  # fmt: skip
    sent, _, _ = looks.columns()
    gap_s = max(later - earlier for earlier, later in pairwise(chain([from_s], sent, [to_s])))
    if gap_s > patience_s(evidence, looks.probe, max(1.0, (to_s - from_s) / 10)) + 1e-6:
        return unknown("nobody looked for {gap} of {span}", proof=ends(looks), gap=show_duration(gap_s),
                       span=show_duration(to_s - from_s))  # fmt: skip
    return None


def too_blind(looks: Samples, limit: str, measured: Mapping[str, Measured]) -> Verdict:
    """Unknown, because it depends on the blind ones of these looks whether this limit was kept."""
    return unknown("{blind} of {looks} looks were blind ({why}), so nobody can say whether {limit}",
                   proof=ends(looks.only(Seen.BLIND)), measured=measured, blind=show_count(looks.count(Seen.BLIND)),
                   looks=show_count(len(looks)), why=why_blind(looks), limit=limit)  # fmt: skip


def counts(looks: Samples) -> dict[str, Measured]:
    """How many looks there were, and how many of them were blind."""
    return {"looks": Measured.count(len(looks)), "blind": Measured.count(looks.count(Seen.BLIND))}


def saw(looks: Samples) -> int:
    """How many of these looks were not blind."""
    return len(looks) - looks.count(Seen.BLIND)


def ends(looks: Samples) -> tuple[int, ...]:
    """The journal lines of these looks, or the first and last of them when there are too many to read."""
    return looks.ends(_PROOFS)


def need_one(**limits: RatioLimit | DurationLimit | None) -> None:
    """Raise ValueError when none of these limits is set."""
    if not any(limits.values()):
        names = ", ".join(f"`{name}`" for name in limits)
        raise ValueError("", f"there is no limit: none of {names}", 'give at least one, as success: ">= 99.9%"')


def _quantile(times: Sequence[float], share: float, faster: int, slower: int) -> float:
    """The quantile of these times with so many more that took no time at all, and so many that never ended."""
    place = rank(faster + len(times) + slower, share) - faster
    if place < 0:
        return 0.0
    return times[place] if place < len(times) else inf


def _measured(figure: Figure) -> Iterator[tuple[str, Measured]]:
    """What can be said in numbers; a figure that has no upper bound is left out."""
    if figure.name == "success":
        yield "success", Measured(value=figure.value, low=figure.low, high=figure.high, unit="ratio")
    elif isfinite(figure.high):
        value, low, high = (round(one, 6) for one in (figure.value, figure.low, figure.high))
        yield f"{figure.name}_s", Measured(value=value, low=low, high=high, unit="s")


def _waits(looks: Samples) -> Iterator[float]:
    """How long each look waited for a good answer: for ever, when it was bad; nobody knows, when it was blind."""
    sent, done, seen = looks.columns()
    for from_s, to_s, one in zip(sent, done, seen, strict=True):
        yield to_s - from_s if one == ord(Seen.GOOD) else inf if one == ord(Seen.BAD) else 0.0
