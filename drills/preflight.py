"""Sees coming, before anything is broken, what would make a drill a waste: by its checks, and by what observers tell."""

import asyncio
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from checks import Event, Evidence, Foreseen, Foresees, IsTold, Observer, Sentence, Trust
from drills.clock import Clock, SystemClock, stamp
from drills.drill import CheckUse
from drills.events import EventKind
from drills.observing import Observing
from drills.plan import Plan

LOOK_S = 5.0
"""For all observers to be looked at, where nothing is to be run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check foresees."""

    check: str
    """Its title."""
    grade: str
    what: Sentence
    cure: Sentence | None

    def __str__(self) -> str:
        return f"{self.what}; {self.cure}" if self.cure else str(self.what)

    @property
    def sentences(self) -> list[dict[str, Any]]:
        """What it says, and its cure, for a translator."""
        said = [self.what, *([self.cure] if self.cure else [])]
        return [{"pattern": one.pattern, "values": dict(one.values)} for one in said]


def foresee(checks: Iterable[CheckUse], evidence: Evidence) -> list[Finding]:
    """What these checks foresee. What several of them say is told once, of the first."""
    found: dict[str, Finding] = {}
    for use in checks:
        for one in _foresee(use, evidence):
            finding = Finding(use.title, one.grade, one.what, one.cure)
            found.setdefault(str(finding), finding)
    return list(found.values())


def _foresee(use: CheckUse, evidence: Evidence) -> tuple[Foreseen, ...]:
    """A check that raises is unknown, with what it raised as the reason."""
    try:
        return use.check.foresee(evidence) if isinstance(use.check, Foresees) else ()
    except Exception as error:  # noqa: BLE001 - a bug of a check, ours or a plugin's, must not cost the run
        broke = Sentence.of("the check itself broke: {kind}: {error}", kind=type(error).__name__, error=error)
        return (Foreseen(grade="unknown", what=broke),)


async def of_plan(plan: Plan) -> list[str]:
    """What can be said for a plan: those observers are looked at that are there now, which those of a lab are not."""
    inventory = plan.loaded.inventory
    if not inventory.observers:
        return []
    if waiting := sorted(inventory.observers_in_lab & inventory.observers.keys()):
        drill = shlex.quote(str(plan.loaded.paths["drill"]))
        return [f"{', '.join(waiting)}: looked at once the lab runs; to do it now: drills doctor {drill}"]
    evidence = await look(inventory.observers)
    heard = [f"{event.data['observer']}: {event.data['what']}" for event in evidence.of("observer.opened")]
    return [*heard, *(f"{one.grade}: {one}" for one in foresee(plan.loaded.drill.checks, evidence))]


async def look(observers: Mapping[str, Observer]) -> Evidence:
    """What observers tell at once, all asked at the same time. One that cannot be heard is lost, and breaks nothing.

    Those that wait to be told are taken as they are, since their ports may be in use by a run.
    """
    notes = Notes(SystemClock())
    await asyncio.gather(*(_look(name, observer, notes) for name, observer in observers.items()))
    return notes.evidence


async def _look(name: str, observer: Observer, notes: "Notes") -> None:
    if isinstance(observer, IsTold):
        notes.append("observer.opened", {"observer": name, "kind": observer.name, "what": "waits to be told"})
        return
    observing = Observing(notes, begin_s=LOOK_S)
    try:
        await observing.open({name: observer})
    except Exception as error:  # noqa: BLE001 - nobody's trouble may keep a plan from being shown
        why = f"it broke: {type(error).__name__}: {error}"
        notes.append("observer.lost", {"observer": name, "kind": observer.name, "why": why})
    finally:
        await observing.close()


class Notes:
    """Takes events down in memory, as a journal does on disk, for looks that are no run."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began_s = clock, clock.monotonic_s()
        self.evidence = Evidence()
        self._seq = 0

    def append(self, kind: EventKind, data: Mapping[str, Any] | None = None, *, source: str = "",
               trust: Trust = Trust.OBSERVED) -> Event:  # fmt: skip
        """One more event."""
        event = Event(seq=self._seq, t_s=round(self._clock.monotonic_s() - self._began_s, 6), kind=kind, source=source,
                      at=stamp(self._clock.utc()), trust=trust, data=data or {})  # fmt: skip
        self._seq += 1
        self.evidence.add(event)
        return event
