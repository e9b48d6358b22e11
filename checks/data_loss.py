"""Is everything that was acknowledged still there at the end?"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from typing import Annotated, Any, ClassVar, NamedTuple

from checks.check import Measured, ProbeName, Verdict, Window, failed, passed, unknown
from checks.evidence import Event, Evidence, FaultSeen, Samples, Seen
from checks.units import show_count, show_duration

_AROUND_S = 5.0
"""Writes acknowledged this long before a fault are at risk: replication that lags by more is another disease."""


_GOOD = ord(Seen.GOOD)


class Write(NamedTuple):
    """One write that the system acknowledged."""

    acknowledged_s: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLoss:
    """Of the numbered writes that were acknowledged, no more than this are missing when they are read back.

    A write that was never acknowledged may be there or not. The loss window (RPO) reaches from the last write before
    the first missing one to the fault, or to the last missing one where writes were lost during the fault.
    """

    name: ClassVar[str] = "data_loss"
    harms: ClassVar[tuple[str, ...]] = ("data_lost",)

    probe: Annotated[ProbeName, "The probe that writes numbers"]
    at_most: Annotated[int | None, "How many acknowledged ones may be missing; left out, 0, or any within `rpo`"] = None
    rpo: Annotated[timedelta | None, "How far back from the fault a loss may reach; left out, no matter how far"] = None
    at_least: Annotated[int, "Writes that must have been acknowledged around the faults, to be at risk at all"] = 20

    def __post_init__(self) -> None:
        if self.at_most is not None and self.at_most < 0:
            raise ValueError("at_most", f"{self.at_most} writes cannot be missing", "give 0 or more")

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        back = evidence.last("probe.read_back", probe=self.probe)
        if back is None:
            return self._not_read_back(evidence)
        looks = evidence.samples(self.probe)
        present = _Present(back.data["present"])
        doubt = self._doubt(evidence, looks, present, back)
        if doubt:
            return doubt
        writes = _Writes(looks, back.t_s)
        missing = [one for one in writes if one.n not in present]
        faults = [fault for fault in map(evidence.fault, evidence.faults) if fault.effect_s is not None]
        if missing:
            return self._missing(missing, writes, looks, faults, back)
        return self._all_there(writes, looks, present, faults, back)

    def _not_read_back(self, evidence: Evidence) -> Verdict:
        opened, tried = (evidence.last(kind, probe=self.probe) for kind in ("probe.opened", "probe.read_back_failed"))
        if tried:
            return unknown("{probe} could not be read back: {why}", proof=(tried.seq,), probe=self.probe,
                           why=tried.data["why"])  # fmt: skip
        if opened and not opened.data["writes"]:
            return unknown("{probe} writes nothing that could be lost", proof=(opened.seq,), probe=self.probe)
        return unknown("{probe} was not read back", probe=self.probe)

    def _doubt(self, evidence: Evidence, looks: Samples, present: "_Present", back: Event) -> Verdict | None:
        """Unknown, when the reading itself cannot be believed: it tells of numbers that were never written.

        A few may be: writes under way when the probe was closed, of which there is no look any more.
        """
        strange = len(present) - sum(n in present for n in looks.numbers())
        opened = evidence.last("probe.opened", probe=self.probe)
        under_way = opened.data["timeout_s"] / opened.data["every_s"] + 1 if opened else 0
        if strange <= under_way:
            return None
        return unknown("{count} writes of {probe} are there that were never sent, so the reading cannot be believed",
                       proof=(back.seq,), count=show_count(strange), probe=self.probe)  # fmt: skip

    def _all_there(self, writes: "_Writes", looks: Samples, present: "_Present", faults: list[FaultSeen],
                   back: Event) -> Verdict:  # fmt: skip
        about: dict[str, Any] = {"probe": self.probe, "acknowledged": show_count(len(writes)), "proof": (back.seq,)}
        unacknowledged = sum(n in present for n in looks.only(Seen.BAD).numbers())
        about["measured"] = {"missing": Measured.count(0), "acknowledged": Measured.count(len(writes)),
                             "unacknowledged_present": Measured.count(unacknowledged)}  # fmt: skip
        if not faults:
            return unknown("all {acknowledged} acknowledged {probe} are there, but no fault put them at risk", **about)
        at_risk = sum(any(_at_risk(one, fault) for fault in faults) for one in writes)
        if at_risk < max(1, self.at_least):
            return unknown("only {at_risk} {probe} were acknowledged around the faults, {needed} are needed",
                           at_risk=show_count(at_risk), needed=show_count(max(1, self.at_least)), **about)  # fmt: skip
        return passed("all {acknowledged} acknowledged {probe} are there", **about)

    def _missing(self, missing: list[Write], writes: "_Writes", looks: Samples, faults: list[FaultSeen],
                 back: Event) -> Verdict:  # fmt: skip
        first, last = min(missing), max(missing)
        fault = min(faults, key=lambda one: abs(_began_s(one) - first.acknowledged_s), default=None)
        kept_s = max((one.acknowledged_s for one in writes if one < first), default=looks[0].sent_s)
        window = _window(first, last, kept_s, fault)
        about: dict[str, Any] = {
            "proof": tuple(sorted({back.seq, *_lines(looks, {first.n, last.n}), *(fault.lines if fault else ())})),
            "measured": {"missing": Measured.count(len(missing)), "acknowledged": Measured.count(len(writes)),
                         "rpo_s": window},
            "windows": (Window(lane=f"probe:{self.probe}", label="lost", from_s=first.acknowledged_s,
                               to_s=last.acknowledged_s),),
            "missing": show_count(len(missing)),
            "acknowledged": show_count(len(writes)),
            "probe": self.probe,
            "numbers": _listed(sorted(one.n for one in missing)),
        }  # fmt: skip
        where = ""
        if fault:
            distance_s = last.acknowledged_s - _began_s(fault)
            where = ", last {apart} before {fault}" if distance_s < 0 else ", last {apart} into {fault}"
            about |= {"apart": show_duration(abs(distance_s)), "fault": fault.fault}
        pattern = "{missing} of {acknowledged} acknowledged {probe} missing (numbers {numbers}" + where + ")"
        return self._held(pattern, len(missing), window, about)

    def _held(self, pattern: str, missing: int, window: Measured, about: dict[str, Any]) -> Verdict:
        """Hold the loss against both limits. The count is exact; the limit on the window may lie within its bounds."""
        at_most = 0 if self.at_most is None and self.rpo is None else self.at_most
        if at_most is not None and missing > at_most:
            return failed(pattern + "; limit {limit}", harm="data_lost", limit=show_count(at_most), **about)
        if self.rpo is None:
            return passed(pattern + "; limit {limit}", limit=show_count(at_most or 0), **about)
        rpo_s = self.rpo.total_seconds()
        about |= {"reach": window.beside(rpo_s), "limit": show_duration(rpo_s)}
        pattern += ", which reaches back {reach}"
        if window.low > rpo_s:
            return failed(pattern + "; limit {limit}", harm="data_lost", **about)
        if window.high > rpo_s:
            return unknown(pattern + ", too coarse for limit {limit}", **about)
        return passed(pattern + "; limit {limit}", **about)


class _Writes:
    """Those that were acknowledged until a moment; one by one, since there may be millions."""

    def __init__(self, looks: Samples, until_s: float) -> None:
        self._looks, self._until_s = looks, until_s
        self._count = sum(1 for _ in self)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Write]:
        _, done, seen = self._looks.columns()
        for done_s, n, one in zip(done, self._looks.numbers(), seen, strict=True):
            if one == _GOOD and done_s <= self._until_s:
                yield Write(done_s, n)


class _Present:
    """The numbers that were read back, as inclusive ranges: in order, none touching another."""

    def __init__(self, ranges: Iterable[Sequence[int]]) -> None:
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        for first, last in sorted((first, last) for first, last in ranges):
            if self.lasts and first <= self.lasts[-1] + 1:
                self.lasts[-1] = max(last, self.lasts[-1])
            else:
                self.firsts.append(first)
                self.lasts.append(last)

    def __contains__(self, n: int) -> bool:
        place = bisect_right(self.firsts, n) - 1
        return place >= 0 and n <= self.lasts[place]

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self.firsts, self.lasts, strict=True))


def _began_s(fault: FaultSeen) -> float:
    began_s = fault.effect_s if fault.acting_s is None else fault.acting_s
    assert began_s is not None  # only faults that took effect are asked
    return began_s


def _at_risk(write: Write, fault: FaultSeen) -> bool:
    """Whether the write was acknowledged just before the fault, or while it was there."""
    until_s = inf if fault.until_s is None else fault.until_s
    return _began_s(fault) - _AROUND_S <= write.acknowledged_s <= until_s


def _window(first: Write, last: Write, kept_s: float, fault: FaultSeen | None) -> Measured:
    """How far the loss reaches back: what is safe ends somewhere between the last write kept and the first one lost."""
    began_s = effect_s = last.acknowledged_s
    if fault and fault.effect_s is not None:
        began_s, effect_s = max(began_s, _began_s(fault)), max(effect_s, fault.effect_s)
    return Measured.between(began_s - first.acknowledged_s, effect_s - kept_s)


def _lines(looks: Samples, numbers: set[int]) -> tuple[int, ...]:
    return looks.where(n in numbers for n in looks.numbers()).lines()


def _listed(numbers: Sequence[int], most: int = 3) -> str:
    """`1041-1043, 1050`, with an ellipsis after the third stretch."""
    listed = _Present((n, n) for n in numbers)
    both = zip(listed.firsts, listed.lasts, strict=True)
    ranges = [str(first) if first == last else f"{first}-{last}" for first, last in both]
    return ", ".join(ranges[:most] + ["…"] * (len(ranges) > most))
