"""Events, samples and evidence: what a run left behind, in the form in which checks and reports read it.

Evidence belongs to those who must judge it; the journal merely writes it. Everything here is pure.
Times named `_s` are seconds since the run was opened, on the run's monotonic clock; `at` is UTC, for people.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from checks.aside import Aside
from checks.ordered import quantile, rank
from checks.samples import Sample, Samples, Seen, pack
from checks.shelf import InOrder, Shelf

__all__ = ["Event", "Evidence", "FaultSeen", "Sample", "Samples", "Seen", "Trust", "pack", "quantile", "rank", "unpack"]

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

    def __init__(self, events: Iterable[Event] = (), *, aside: Aside | None = None) -> None:
        """With `aside`, what a long run has too much of is not held in memory."""
        self._aside = aside
        self._samples: dict[str, Samples] = {}
        self._told: dict[str, Shelf[Event]] = {}
        self.events: Sequence[Event] = InOrder(self._told.values(), key=_seq)
        """All but batches of looks, in the journal's order, which is oldest first."""
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
                self._samples[name] = Samples(name, aside=self._aside)
            self._samples[name].take(event.data, event.seq)
            return
        if event.kind not in self._told:
            self._told[event.kind] = Shelf(key=_seq, pack=_packed, unpack=_unpacked, aside=self._aside)
        self._told[event.kind].add(event)

    @property
    def control(self) -> bool:
        """Whether the run withheld its faults, to see what comes without them."""
        opened = self.first("run.opened")
        return opened is not None and opened.data.get("control") is True

    @property
    def kinds(self) -> Iterable[str]:
        """Kinds of which there are events."""
        return self._told.keys()

    def told(self, kind: str) -> Sequence[Event]:
        """Events of this kind, oldest first. Of a kind that comes very often they are not all in memory."""
        return self._told.get(kind, ())

    def each(self, kind: str, **matching: object) -> Iterator[Event]:
        """Those whose data has these values, one by one."""
        return (event for event in self.told(kind) if _has(event, matching))

    def of(self, kind: str, **matching: object) -> list[Event]:
        """The same at once: of kinds that do not come very often."""
        return list(self.each(kind, **matching))

    def first(self, kind: str, **matching: object) -> Event | None:
        """The oldest such event, or None."""
        return next(self.each(kind, **matching), None)

    def last(self, kind: str, **matching: object) -> Event | None:
        """The newest such event, or None."""
        return next((event for event in reversed(self.told(kind)) if _has(event, matching)), None)

    def line(self, seq: int) -> Event | None:
        """The event of this line of the journal; None for looks, which are taken out of theirs."""
        return next((event for told in self._told.values() if (event := told.find(seq))), None)

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


def _has(event: Event, matching: Mapping[str, object]) -> bool:
    return all(event.data.get(key) == value for key, value in matching.items())


_TRUST = {one.value: one for one in Trust}


def _packed(event: Event) -> tuple[Any, ...]:
    return event.seq, event.t_s, event.at, event.kind, event.source, event.trust.value, event.data


def _unpacked(row: tuple[Any, ...]) -> Event:
    seq, t_s, at, kind, source, trust, data = row
    return Event(seq=seq, t_s=t_s, at=at, kind=kind, source=source, trust=_TRUST[trust], data=data)


def all_known(times: Sequence[float | None]) -> bool:
    """True when there is at least one time and none is missing."""
    return bool(times) and all(t is not None for t in times)


def unpack(event: Event) -> Iterator[Sample]:
    """The looks in one `probe.sampled` event, as `pack` put them there, in the order in which they were sent."""
    looks = Samples(event.data["probe"])
    looks.take(event.data, event.seq)
    return iter(looks)
