"""Events, samples and evidence: what a run left behind, in the form in which checks and reports read it.

Evidence belongs to those who must judge it; the journal merely writes it. Everything here is in memory and pure.
Times named `_s` are seconds since the run was opened, on the run's monotonic clock; `at` is UTC, for people.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


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
    """All looks of one probe in the order in which they were sent, kept in columns (about 35 bytes a look)."""

    __slots__ = ("_done", "_n", "_planned", "_seen", "_sent", "_seq", "_why", "probe")

    def __init__(self, probe: str, samples: Iterable[Sample] = ()) -> None:
        self.probe = probe
        self._n, self._seq = array("q"), array("q")
        self._planned, self._sent, self._done = array("d"), array("d"), array("d")
        self._seen = bytearray()
        self._why: dict[int, str] = {}
        for sample in sorted(samples, key=lambda one: one.sent_s):
            self.add(sample)

    def add(self, sample: Sample) -> None:
        """Take one look in; looks that arrive out of order are put where they belong."""
        place = len(self._sent)
        if place and sample.sent_s < self._sent[-1]:
            place = bisect_left(self._sent, sample.sent_s)
        self._n.insert(place, sample.n)
        self._seq.insert(place, sample.seq)
        self._planned.insert(place, sample.planned_s)
        self._sent.insert(place, sample.sent_s)
        self._done.insert(place, sample.done_s)
        self._seen.insert(place, ord(sample.seen))
        if sample.why:
            self._why[sample.n] = sample.why

    def __len__(self) -> int:
        return len(self._n)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            part = Samples(self.probe)
            part._n, part._seq = self._n[index], self._seq[index]
            part._planned, part._sent, part._done = self._planned[index], self._sent[index], self._done[index]
            part._seen = self._seen[index]
            part._why = self._why
            return part
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
        """The looks sent in [from_s, to_s)."""
        part: Samples = self[bisect_left(self._sent, from_s) : bisect_left(self._sent, to_s)]
        return part

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


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` (0 to 1) of the ordered values do not exceed; None of nothing."""
    if not ordered:
        return None
    rank = -(-len(ordered) * share // 1)  # ceiling: the nearest-rank definition, which never invents a value
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


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

    @property
    def until_s(self) -> float | None:
        """The last moment of which the fault can be said to have been in effect."""
        return self.healing_s if self.healing_s is not None else self.gone_s


class Evidence:
    """A run's events, with the looks of each probe taken out of their batches."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events: list[Event] = []
        self._samples: dict[str, Samples] = {}
        self._by_kind: dict[str, list[Event]] = {}
        self.ended_s = 0.0
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Take one more event in. Batches of looks are unpacked and do not stay among `events`."""
        self.ended_s = max(self.ended_s, event.t_s)
        if event.kind == "probe.sampled":
            samples = self._samples.setdefault(event.data["probe"], Samples(event.data["probe"]))
            for sample in unpack(event):
                samples.add(sample)
            return
        self.events.append(event)
        self._by_kind.setdefault(event.kind, []).append(event)

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
        return list(self._samples)

    def samples(self, probe: str) -> Samples:
        """All looks of one probe; empty when it never looked."""
        return self._samples.get(probe, Samples(probe))

    @property
    def faults(self) -> list[str]:
        """Names of the faults that were planned, in the drill's order."""
        return list(dict.fromkeys(event.data["fault"] for event in self.of("fault.planned")))

    def fault(self, name: str) -> FaultSeen:
        """What became of one fault. A fault with several targets is in effect only when each of them is."""
        ids = dict.fromkeys(event.data["injection"] for event in self.of("injection.intended", fault=name))
        lines: list[int] = []
        trouble = ""

        def times(kind: str, **matching: object) -> list[float | None]:
            found = [self.first(kind, injection=one, **matching) for one in ids]
            lines.extend(event.seq for event in found if event)
            return [event.t_s if event else None for event in found]

        acting = [t for t in times("injection.acting") if t is not None]
        effect = times("injection.verified", in_effect=True)
        healing = [t for t in times("injection.healing") if t is not None]
        gone = times("injection.gone")
        for kind in ("fault.skipped", "injection.failed", "injection.unverified", "injection.heal_failed"):
            for event in self.of(kind, fault=name):
                trouble = str(event.data.get("why", kind))
                lines.append(event.seq)
        return FaultSeen(
            fault=name,
            acting_s=min(acting, default=None),
            effect_s=max((t for t in effect if t is not None), default=None) if all_known(effect) else None,
            healing_s=min(healing, default=None),
            gone_s=max((t for t in gone if t is not None), default=None) if all_known(gone) else None,
            trouble=trouble,
            lines=tuple(sorted(lines)),
        )


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
    """The looks in one `probe.sampled` event, as `pack` put them there."""
    data = event.data
    why = data["why"]
    for n, planned_us, sent_us, took_us, seen in zip(
        data["n"], data["planned_us"], data["sent_us"], data["took_us"], data["seen"], strict=True
    ):
        yield Sample(
            n=n,
            planned_s=planned_us / 1e6,
            sent_s=sent_us / 1e6,
            done_s=(sent_us + took_us) / 1e6,
            seen=Seen(seen),
            why=why.get(str(n), ""),
            seq=event.seq,
        )
