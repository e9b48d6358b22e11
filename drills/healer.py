"""Heals: takes every outstanding fault of a run away, newest first, and proves that it is gone.

The same code serves the conductor on its way out, the reaper after the conductor's death, and `drills heal`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.units import show_duration
from drills import journal as journals
from drills import lab, registry, rundir
from drills.clock import SystemClock
from drills.errors import DrillError
from drills.journal import Journal
from drills.rundir import RunDir
from drills.stage import Outstanding, RunStage, outstanding
from injectors import Effect, FindsResidue, InjectionFailed, Injector, Residue, addresses_of

HEAL_S = 30.0
"""For one attempt at one fault, the engine's own waiting included."""
GONE_S = 10.0
"""For a fault to be seen gone after it was healed."""
SCAN_S = 30.0
"""For one kind of fault to be looked for at all targets."""
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Between attempts at what could not be healed; the last one repeats."""


async def heal(faults: Iterable[Outstanding], journal: Journal, *, source: str, patience_s: float) -> list[Outstanding]:
    """Heal these, in their order, again and again until `patience_s` is over; pass what is still there.

    One that cannot be healed never keeps the others from being healed.
    """
    left = list(faults)
    until_s = journal.now_s + patience_s
    for attempt in range(1_000):
        left = [one for one in left if not await heal_one(one, journal, source=source)]
        pause_s = PAUSES_S[min(attempt, len(PAUSES_S) - 1)]
        if not left or journal.now_s + pause_s > until_s:
            break
        await asyncio.sleep(pause_s)
    return left


async def heal_one(fault: Outstanding, journal: Journal, *, source: str) -> bool:
    """Heal one injection and look whether it is gone; True when it is. What went wrong is in the journal."""
    stage = RunStage(journal, fault.remembered, within_s=HEAL_S, source=source, healing=True)
    if not fault.touched:
        stage.note("injection.gone", why="nothing had been done yet")
        return True
    try:
        injector = _injector(fault.injector)
        stage.note("injection.healing")
        async with asyncio.timeout(HEAL_S):
            await injector.heal(fault.remembered, stage)
        stage.note("injection.healed")
        effect = await settle(injector, stage, present=False, within_s=GONE_S)
    except (InjectionFailed, DrillError, OSError, TimeoutError) as error:
        why = str(error) or f"it was not done within {show_duration(HEAL_S)}"
        stage.note("injection.heal_failed", why=why, sync=True)
        return False
    except Exception as error:  # noqa: BLE001 - an injector's bug must not keep the other faults from being healed
        stage.note("injection.heal_failed", why=f"the injector broke: {type(error).__name__}: {error}", sync=True)
        return False
    if effect.present is False:
        stage.note("injection.gone", why=effect.why, sync=True)
        return True
    seen = "it is still there" if effect.present else "nobody could see whether it is gone"
    stage.note("injection.heal_failed", why=f"healed, but {seen}: {effect.why}", sync=True)
    return False


async def settle(injector: type[Injector], stage: RunStage, *, present: bool, within_s: float) -> Effect:
    """Look again and again, ever less often, until the fault is there (or gone), at most this long; pass the last look.

    One look may take as long again.
    """
    until_s = stage.journal.now_s + within_s
    pause_s = 0.001
    while True:
        effect = await _look(injector, stage, within_s)
        if effect.present is present or stage.journal.now_s + pause_s > until_s:
            return effect
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.25)


async def _look(injector: type[Injector], stage: RunStage, within_s: float) -> Effect:
    try:
        async with asyncio.timeout(within_s):
            return await injector.verify(stage.remembered, stage)
    except TimeoutError:
        return Effect(None, f"it could not be looked at within {show_duration(within_s)}")


async def residue(injectors: Sequence[type[Injector]],
                  targets: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Residue]]:  # fmt: skip
    """What is left at these targets (addresses by name, then by engine), with the injector that can heal it.

    Raises InjectionFailed when it could not be looked at.
    """
    found: list[tuple[str, Residue]] = []
    seen: set[tuple[str, str]] = set()
    for injector in injectors:
        if not issubclass(injector, FindsResidue):
            continue
        kinds: list[str] = [one.name for one in addresses_of(injector)]  # type: ignore[attr-defined]
        reached = [
            (name, addresses[kind]) for name, addresses in targets.items() for kind in kinds if kind in addresses
        ]
        for one in await _scan(injector, reached):
            if (one.target, one.what) not in seen:
                seen.add((one.target, one.what))
                found.append((injector.name, one))
    return found


async def _scan(injector: type[FindsResidue], targets: Sequence[tuple[str, Any]]) -> list[Residue]:
    try:
        async with asyncio.timeout(SCAN_S):
            return await injector.residue(targets)
    except TimeoutError:
        names = ", ".join(name for name, _ in targets)
        raise InjectionFailed(f"{names} could not be looked at within {show_duration(SCAN_S)}") from None


@dataclass(frozen=True, slots=True)
class Healed:
    """What healing a whole run came to."""

    run: RunDir
    healed: int
    left: tuple[str, ...]
    """What is still there, one clause each."""


async def heal_run(run: RunDir, *, why: str, source: str, patience_s: float) -> Healed:
    """Heal what a dead conductor left: its faults, then its lab; and take the run off the list when it is clean.

    Raises JournalBusy while the run is being conducted or healed by somebody else, and DrillError when its
    journal was edited.
    """
    journal, events = Journal.resume(run.journal, SystemClock())
    journal.may_fail = True
    why_not: dict[str, str] = {}
    journal.listen(lambda event: why_not.update({event.data["injection"]: f": {event.data['why']}"})
                   if event.kind == "injection.heal_failed" else None)  # fmt: skip
    try:
        if not events:
            return Healed(run, 0, ())  # it died before its first line, and so before anything could be done
        if not any(event.kind == "run.closed" for event in events):
            journal.append("run.aborted", {"by": source, "why": why}, source=source)
        found = outstanding(events)
        left = await heal(found, journal, source=source, patience_s=patience_s)
        words = await end_lab(run, journal, source)
        left = await without_lab(left, journal, source=source)
        words += [f"{one.remembered.target}: {one.injector} of {one.remembered.fault}{why_not.get(one.remembered.id, '')}"
                  for one in left]  # fmt: skip
        journal.append("residue.scanned", {"when": "after", "found": [{"target": "", "what": what} for what in words]},
                       source=source)  # fmt: skip
        journal.append("run.closed", {"by": source}, source=source, sync=True)
    finally:
        journal.close()
    if not words:
        rundir.list_closed(run)
    return Healed(run, len(found) - len(left), tuple(words))


async def end_lab(run: RunDir, journal: Journal, source: str) -> list[str]:
    """End the run's lab, if it has any; pass what is still there."""
    if not lab.running(run.lab):
        return []
    left = await asyncio.to_thread(lab.end, run.lab)
    journal.append("lab.ended", {"left": left}, source=source)
    return left


async def without_lab(faults: Iterable[Outstanding], journal: Journal, *, source: str) -> list[Outstanding]:
    """Those of these faults that are still there now that the lab is gone, and with it servers that may have carried them.

    Nothing is healed any more: what healing would bring back was ended on purpose.
    """
    left: list[Outstanding] = []
    for one in faults:
        stage = RunStage(journal, one.remembered, within_s=GONE_S, source=source, healing=True)
        try:
            effect = await _look(_injector(one.injector), stage, GONE_S)
        except Exception as error:  # noqa: BLE001 - not to have seen it is not to have seen it gone
            effect = Effect(None, f"{type(error).__name__}: {error}")
        if effect.present is False:
            stage.note("injection.gone", why=effect.why, sync=True)
        else:
            left.append(one)
    return left


def is_clean(run: RunDir) -> bool:
    """True when nothing of this run is outstanding, by its journal and its lab's processes."""
    return not outstanding(journals.read(run.journal)) and not lab.running(run.lab)


def _injector(name: str) -> type[Injector]:
    known = registry.kinds("injectors", [name])
    if name not in known:
        raise InjectionFailed(f"no injector `{name}` is installed here to heal it with")
    return known[name]


def as_outstanding(injector: str, residue: Residue) -> Outstanding:
    """Somebody's leftover, in the form in which it can be healed."""
    return Outstanding(injector=injector, remembered=residue.remembered, touched=True, seq=0)
