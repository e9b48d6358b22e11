"""Events, samples and evidence: what a run left behind, in the form in which checks and reports read it.

Evidence belongs to those who must judge it; the journal merely writes it. Everything here is in memory and pure.
Times named `_s` are seconds since the run was opened, on the run's monotonic clock; `at` is UTC, for people.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import compress, islice
from math import ceil
from operator import le, lt
from typing import Any, TypeVar, overload

T = TypeVar("T")


class Trust(StrEnum):
    """How far an event can be believed, best first."""

    OBSERVED = "observed"
    """The runner or a system that it reads saw it happen."""
    ATTRIBUTED = "attributed"
    """A system recorded it and says who did it."""
    ATTESTED = "attested"
    """Somebody else confirms it."""
    DECLARED = "declared"
    """The person who did it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact, with a time and a source."""

    seq: int
    """Its line in the journal, from 0."""
    t_s: float
    at: str
    """UTC, ISO 8601 with microseconds and `Z`."""
    kind: str
    """Dotted and past tense: `injection.verified`."""
    source: str
    """Who says so: `conductor`, `healer`, `probe:orders`, `human:li`."""
    trust: Trust = Trust.OBSERVED
    data: Mapping[str, Any] = field(default_factory=dict)


class Seen(StrEnum):
    """What one look saw. `BLIND` means that we could not look, which says nothing about the system."""

    GOOD = "+"
    BAD = "-"
    BLIND = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the system."""

    n: int
    """Its number at its probe, from 0; a probe that writes writes this number."""
    planned_s: float
    sent_s: float
    """When the look really began; `sent_s - planned_s` is how late we were."""
    done_s: float
    seen: Seen
    why: str = ""
    """Why it was bad or blind, in a few words."""
    seq: int
    """The journal line that holds it."""

    @property
    def took_s(self) -> float:
        """From sending to the answer, or to giving up."""
        return self.done_s - self.sent_s


class Samples(Sequence[Sample]):
    """All looks of one probe in the order in which they were sent, kept in columns (about 33 bytes a look).

    Looks end in another order than they were sent in. So they are appended as they come, and the next reading sorts
    the end of the columns, which is all that they can have touched: inserting each would cost a run of an hour minutes.
    """

    __slots__ = ("_done", "_n", "_planned", "_seen", "_sent", "_seq", "_settled", "_why", "probe")

    def __init__(self, probe: str, samples: Iterable[Sample] = ()) -> None:
        self.probe = probe
        self._n, self._seq = array("i"), array("i")
        self._planned, self._sent, self._done = array("d"), array("d"), array("d")
        self._seen = bytearray()
        self._why: dict[int, str] = {}
        self._settled = 0
        for sample in samples:
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Take one look in; looks may come in any order."""
        self._n.append(sample.n)
        self._seq.append(sample.seq)
        self._planned.append(sample.planned_s)
        self._sent.append(sample.sent_s)
        self._done.append(sample.done_s)
        self._seen.append(ord(sample.seen))
        if sample.why:
            self._why[sample.n] = sample.why

    def take(self, batch: Mapping[str, Any], seq: int) -> None:
        """Take in all looks of a journal line, as `pack` put them there. Raises ValueError when they do not fit."""
        n, planned, sent, took, seen = (batch[key] for key in ("n", "planned_us", "sent_us", "took_us", "seen"))
        if not len(n) == len(planned) == len(sent) == len(took) == len(seen) or not _KINDS_OF_LOOK.issuperset(seen):
            raise ValueError(f"journal line {seq} holds looks that do not fit together")
        self._n.extend(n)
        self._seq.extend([seq] * len(n))
        self._planned.extend([us / 1e6 for us in planned])
        self._sent.extend([us / 1e6 for us in sent])
        self._done.extend([(us + took_us) / 1e6 for us, took_us in zip(sent, took, strict=True)])
        self._seen.extend(seen.encode("ascii"))
        self._why.update({int(key): why for key, why in batch["why"].items()})

    def _settle(self) -> None:
        """Put the looks taken in since the last reading where they belong."""
        if self._settled == len(self._sent):
            return
        start = bisect_left(self._sent, min(self._sent[self._settled :]), 0, self._settled)
        self._settled = len(self._sent)
        if self._ascends(start):
            return
        # Who ended late ended a little late, so sorting block by overlapping block nearly always does; and millions of
        # looks are never keyed all at once.
        for first in range(start, len(self._sent), _BLOCK // 2):
            self._sort(first, first + _BLOCK)
        if not self._ascends(start):
            self._sort(start, len(self._sent))

    def _ascends(self, start: int) -> bool:
        """Whether they stand in their order from there on: as they were sent, and at one moment by number."""
        sent, n = self._sent[start:], self._n[start:]
        if all(map(lt, sent, islice(sent, 1, None))):
            return True
        return all(map(le, zip(sent, n, strict=True), islice(zip(sent, n, strict=True), 1, None)))

    def _sort(self, first: int, last: int) -> None:
        keys = list(zip(self._sent[first:last], self._n[first:last], strict=True))
        if all(map(le, keys, islice(keys, 1, None))):
            return
        order = sorted(range(len(keys)), key=keys.__getitem__)
        columns: list[Any] = [self._n, self._seq, self._planned, self._sent, self._done, self._seen]
        for column in columns:
            part = column[first:last]
            for place, old in enumerate(order, first):
                column[place] = part[old]

    def __len__(self) -> int:
        return len(self._n)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Samples": ...

    def __getitem__(self, index: int | slice) -> "Sample | Samples":
        self._settle()
        if isinstance(index, slice):
            return self._part(lambda column: column[index])
        n = self._n[index]
        return Sample(
            n=n,
            planned_s=self._planned[index],
            sent_s=self._sent[index],
            done_s=self._done[index],
            seen=Seen(chr(self._seen[index])),
            why=self._why.get(n, ""),
            seq=self._seq[index],
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def between(self, from_s: float, to_s: float) -> "Samples":
        """The looks sent in [from_s, to_s), both taken to the journal's grain of 1 µs."""
        self._settle()
        return self[bisect_left(self._sent, round(from_s, 6)) : bisect_left(self._sent, round(to_s, 6))]

    def where(self, keep: Sequence[int]) -> "Samples":
        """Those looks for which `keep`, one answer a look in their order, is true; `bytes` of a million answers are small."""
        self._settle()
        return self._part(lambda column: type(column)(*_kind(column), compress(column, keep)))

    def only(self, seen: Seen) -> "Samples":
        """Those looks that saw this."""
        self._settle()
        wanted = ord(seen)
        return self.where(bytes(one == wanted for one in self._seen))

    def _part(self, cut: Callable[[Any], Any]) -> "Samples":
        part = Samples(self.probe)
        part._n, part._seq, part._seen = cut(self._n), cut(self._seq), cut(self._seen)
        part._planned, part._sent, part._done = cut(self._planned), cut(self._sent), cut(self._done)
        part._why, part._settled = self._why, len(part._n)
        return part

    def columns(self) -> tuple[Sequence[float], Sequence[float], bytearray]:
        """When each look was sent and done, and what it saw (`ord` of Seen): to read millions, never to be changed."""
        self._settle()
        return self._sent, self._done, self._seen

    def numbers(self) -> Sequence[int]:
        """The number of each look, in their order: never to be changed."""
        self._settle()
        return self._n

    def first(self, seen: Seen, start: int = 0) -> int | None:
        """The place of the first look from `start` on that saw this, or None."""
        self._settle()
        place = self._seen.find(ord(seen), start)
        return None if place < 0 else place

    def last(self, seen: Seen, before: int | None = None) -> int | None:
        """The place of the last look, before this place if one is given, that saw this, or None."""
        self._settle()
        place = self._seen.rfind(ord(seen), 0, len(self) if before is None else before)
        return None if place < 0 else place

    def count(self, seen: Any) -> int:
        """How many looks saw this."""
        return self._seen.count(ord(seen))

    @property
    def success(self) -> float | None:
        """Good looks among those that saw anything, 0 to 1; None when none did."""
        good, bad = self.count(Seen.GOOD), self.count(Seen.BAD)
        return good / (good + bad) if good + bad else None

    def took_s(self, seen: Seen = Seen.GOOD) -> list[float]:
        """How long each look of this kind took, shortest first."""
        wanted = ord(seen)
        return sorted(
            done - sent for done, sent, one in zip(self._done, self._sent, self._seen, strict=True) if one == wanted
        )

    def late_s(self) -> list[float]:
        """How far behind its plan each look was sent, least first."""
        return sorted(sent - planned for sent, planned in zip(self._sent, self._planned, strict=True))

    def lines(self) -> tuple[int, ...]:
        """The journal lines that hold these looks, in order, each once."""
        return tuple(sorted(set(self._seq)))


_BLOCK = 1 << 16
"""Looks that are sorted at a time."""
_KINDS_OF_LOOK = frozenset(seen.value for seen in Seen)


def _kind(column: Any) -> tuple[str, ...]:
    """What a column's type is called with before its values."""
    return (column.typecode,) if isinstance(column, array) else ()


def rank(count: int, share: float) -> int:
    """Which of `count` ordered values is the quantile of this share (0 to 1): its place, from 0, by nearest rank."""
    # Ceiling, less the noise of the multiplication: 7 % of 100 is the 7th value and not the 8th.
    return max(0, min(count, ceil(count * share - 1e-9)) - 1)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` (0 to 1) of the ordered values do not exceed; None of nothing."""
    return ordered[rank(len(ordered), share)] if ordered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSeen:
    """What is known of one fault of the drill, over all targets it was brought to."""

    fault: str
    acting_s: float | None
    """Just before the first act; None when it was never reached."""
    effect_s: float | None
    """When the last of its targets was verified in effect: T0. None when that was never so."""
    healing_s: float | None
    """When healing began."""
    gone_s: float | None
    """When the last target was verified to be free of it."""
    trouble: str
    """Why it is not in effect or not gone, in a few words; empty when there is none."""
    lines: tuple[int, ...]
    """The journal lines that say so."""
    withheld: bool = False
    """True in a control, which brings nothing about: the times are those at which it would have come and gone."""

    @property
    def until_s(self) -> float | None:
        """The last moment of which the fault can be said to have been in effect."""
        return self.healing_s if self.healing_s is not None else self.gone_s


class Evidence:
    """A run's events, with the looks of each probe taken out of their batches. The order of adding does not matter."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: list[Event] = []
        """All but batches of looks, in the journal's order, which is oldest first."""
        self._samples: dict[str, Samples] = {}
        self._by_kind: dict[str, list[Event]] = {}
        self._derived: dict[Any, Any] = {}
        self.ended_s = 0.0
        for event in events:
            self.add(event)

    def derived(self, make: "Callable[[Evidence], T]") -> T:
        """What this makes of the evidence, made once until more comes in: several judges ask for the same."""
        if make not in self._derived:
            self._derived[make] = make(self)
        found: T = self._derived[make]
        return found

    def add(self, event: Event) -> None:
        """Take one more event in. Batches of looks are unpacked and do not stay among `events`."""
        self._derived.clear()
        self.ended_s = max(self.ended_s, event.t_s)
        if event.kind == "probe.sampled":
            name = event.data["probe"]
            if name not in self._samples:
                self._samples[name] = Samples(name)
            self._samples[name].take(event.data, event.seq)
            return
        for listed in (self.events, self._by_kind.setdefault(event.kind, [])):
            if listed and event.seq < listed[-1].seq:
                insort(listed, event, key=_seq)
            else:
                listed.append(event)

    @property
    def control(self) -> bool:
        """Whether the run withheld its faults, to see what comes without them."""
        opened = self.first("run.opened")
        return opened is not None and opened.data.get("control") is True

    def of(self, kind: str, **matching: object) -> list[Event]:
        """Events of this kind whose data has these values, oldest first."""
        return [
            event
            for event in self._by_kind.get(kind, ())
            if all(event.data.get(key) == value for key, value in matching.items())
        ]

    def first(self, kind: str, **matching: object) -> Event | None:
        """The oldest such event, or None."""
        return next(iter(self.of(kind, **matching)), None)

    def last(self, kind: str, **matching: object) -> Event | None:
        """The newest such event, or None."""
        return next(reversed(self.of(kind, **matching)), None)

    @property
    def probes(self) -> list[str]:
        """Names of the probes that have looked, in the order of their first look."""
        begun = {name: looks[0].sent_s for name, looks in self._samples.items() if looks}
        return sorted(begun, key=lambda name: (begun[name], name))

    def samples(self, probe: str) -> Samples:
        """All looks of one probe; empty when it never looked."""
        return self._samples.get(probe, Samples(probe))

    def every_s(self, probe: str) -> float | None:
        """The planned distance of a probe's looks; None when it is not known."""
        opened = self.last("probe.opened", probe=probe)
        return None if opened is None else float(opened.data["every_s"])

    @property
    def faults(self) -> list[str]:
        """Names of the faults that were planned, in the drill's order."""
        return list(dict.fromkeys(event.data["fault"] for event in self.of("fault.planned")))

    def fault(self, name: str) -> FaultSeen:
        """What became of one fault. A fault with several targets is in effect only when each of them is."""
        if withheld := self.first("fault.withheld", fault=name):
            return _withheld(withheld, self.first("fault.elapsed", fault=name))
        ids = dict.fromkeys(event.data["injection"] for event in self.of("injection.intended", fault=name))
        lines: list[int] = []

        def times(kind: str, **matching: object) -> list[float | None]:
            found = [self.first(kind, injection=one, **matching) for one in ids]
            lines.extend(event.seq for event in found if event)
            return [event.t_s if event else None for event in found]

        acting = [t for t in times("injection.acting") if t is not None]
        effect = times("injection.verified", in_effect=True)
        healing = [t for t in times("injection.healing") if t is not None]
        gone = times("injection.gone")
        kinds = [] if all_known(effect) else ["fault.skipped", "injection.failed", "injection.unverified"]
        kinds += [] if all_known(gone) else ["injection.heal_failed"]
        troubles = sorted((event for kind in kinds for event in self.of(kind, fault=name)), key=_seq)
        lines.extend(event.seq for event in troubles)
        return FaultSeen(
            fault=name,
            acting_s=min(acting, default=None),
            effect_s=max((t for t in effect if t is not None), default=None) if all_known(effect) else None,
            healing_s=min(healing, default=None),
            gone_s=max((t for t in gone if t is not None), default=None) if all_known(gone) else None,
            trouble=str(troubles[-1].data.get("why") or troubles[-1].kind) if troubles else "",
            lines=tuple(sorted(lines)),
        )


def _withheld(began: Event, ended: Event | None) -> FaultSeen:
    """A fault that a control withheld, as if it had been in effect at once and gone at once."""
    ended_s = None if ended is None else ended.t_s
    return FaultSeen(fault=began.data["fault"], acting_s=began.t_s, effect_s=began.t_s, healing_s=ended_s, gone_s=ended_s,
                     trouble="", lines=tuple(event.seq for event in (began, ended) if event), withheld=True)  # fmt: skip


def _seq(event: Event) -> int:
    return event.seq


def all_known(times: Sequence[float | None]) -> bool:
    """True when there is at least one time and none is missing."""
    return bool(times) and all(t is not None for t in times)


def pack(probe: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Put looks into the data of one `probe.sampled` event: whole microseconds, one column a field."""
    return {
        "probe": probe,
        "n": [one.n for one in samples],
        "planned_us": [round(one.planned_s * 1e6) for one in samples],
        "sent_us": [round(one.sent_s * 1e6) for one in samples],
        "took_us": [round(one.took_s * 1e6) for one in samples],
        "seen": "".join(one.seen for one in samples),
        "why": {str(one.n): one.why for one in samples if one.why},
    }


def unpack(event: Event) -> Iterator[Sample]:
    """The looks in one `probe.sampled` event, as `pack` put them there, in the order in which they were sent."""
    looks = Samples(event.data["probe"])
    looks.take(event.data, event.seq)
    return iter(looks)
