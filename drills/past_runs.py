"""Runs that are over, or should be: listing, healing and aborting them from another terminal."""

import asyncio
import getpass
import json
import os
import time
from collections.abc import Sequence

from checks import Event
from drills import healer, journal, lab, rundir
from drills.errors import DrillError, Exit, mistake
from drills.journal import JournalBusy
from drills.rundir import RunDir
from drills.stage import outstanding
from injectors.host import write_whole

NO_REPORT = "no report"
"""How a run stands that came to its end and was not judged, or not yet."""
ABORT_S = 120.0
"""How long `drills abort` waits for a run to heal and end before it says that it goes on without it."""


def listing(runs: list[RunDir]) -> str:
    """One line a run: its id, how it stands, and what it left."""
    if not runs:
        return "no runs are kept here"
    return "\n".join(f"{run.id:<60} {standing(run)}" for run in runs)


def standing(run: RunDir) -> str:
    """How a run stands, in a few words."""
    if run.is_live:
        return "under way"
    try:
        events = journal.read(run.journal)
        if outstanding(events) or lab.running(run.lab):
            return f"NOT HEALED   drills heal {run.short}"
    except (DrillError, OSError) as error:
        return f"unreadable   {_what(error)}"
    return _reported(run) or _unreported(run, events)


def _unreported(run: RunDir, events: Sequence[Event]) -> str:
    closed = [event.source for event in events if event.kind == "run.closed"]
    if closed[:1] == ["conductor"]:
        return f"{NO_REPORT}    drills report {run.short}"
    if closed:
        return "died, and was healed"
    return "died" if events else "died before it began"


def _reported(run: RunDir) -> str:
    """What its report says; empty when there is none that can be read."""
    try:
        stored = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
        outcome, points = str(stored["outcome"]), stored["score"]["points"]
        if stored.get("control"):
            return f"{'control':<13}{outcome}, nothing was injected"
        return f"{outcome:<13}" + (f"score {points:.0f}" if points is not None else "no score")
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def heal(run: RunDir) -> bool:
    """Heal one run and say how it went; True when it is clean."""
    try:
        healed = asyncio.run(healer.heal_run(run, why="healed by hand", source="heal", patience_s=60))
    except JournalBusy:
        print(f"{run.short}: under way, or being healed already; end it with: drills abort {run.short}")
        return False
    except (DrillError, OSError) as error:  # of this run nothing can be told; others may still be healed
        print(f"{run.short}: NOT healed: {_what(error)}")
        return False
    if healed.left:
        print(f"{run.short}: NOT healed: {'; '.join(healed.left)}")
        return False
    print(f"{run.short}: {f'healed {healed.healed}, ' if healed.healed else ''}nothing of it is left")
    return True


def abort(run: RunDir) -> int:
    """Ask a run to end, and wait until it has."""
    if not run.is_live:
        clean = healer.is_clean(run)
        print(f"{run.short}: not under way" + ("" if clean else f", and NOT healed; heal it: drills heal {run.short}"))
        return Exit.PASSED if clean else Exit.NOT_HEALED
    write_whole(run.abort, json.dumps({"by": _who(), "why": "drills abort"}))
    print(f"{run.short}: asked to heal and end", flush=True)
    until_s = time.monotonic() + ABORT_S
    while run.is_live:
        if time.monotonic() > until_s:
            print(f"{run.short}: still busy after {ABORT_S:g} s; see it with: drills runs {run.short}")
            return Exit.NOT_HEALED
        time.sleep(0.1)
    clean = healer.is_clean(run)
    print(f"{run.short}: ended, and nothing of it is left" if clean else f"{run.short}: ended and NOT healed")
    return Exit.PASSED if clean else Exit.NOT_HEALED


def _what(error: DrillError | OSError) -> str:
    """An error in one line."""
    return error.problems[0].what if isinstance(error, DrillError) else str(error)


def _who() -> str:
    """The user, for the journal; one without a name, as in a container, by number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the first until Python 3.12, the second from 3.13 on
        return f"user {os.getuid()}"


def only_live(command: str = "drills abort", idle: str = "there is nothing to end") -> RunDir:
    """The one run of this user that is under way. Raises DrillError when there is none, or more than one."""
    live = [run for run in rundir.open_runs() if run.is_live]
    if len(live) == 1:
        return live[0]
    listed = ", ".join(run.short for run in live)
    raise mistake(command, f"{len(live) or 'no'} runs are under way",
                  f"name one: {listed}" if live else idle,
                  "ambiguous-run" if live else "unknown-run")  # fmt: skip
