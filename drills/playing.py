"""Plays the cast: does what each act says when its time comes, and takes it down as scripted."""

import asyncio
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from checks import Evidence
from drills import lab as labs
from drills import live, plan
from drills.acts import Refused, checked
from drills.cast import Act, Anchor, Cue, Run, after_healing
from drills.inbox import believed, record, settled
from drills.journal import Journal
from drills.load import Loaded
from drills.people import Person, Who
from injectors import host

_TICK_S = 0.05
"""How often conditions are looked at, and whether a command has ended."""
_END_S = 1.0
"""How long a command may take to end when it is asked to, before it is killed."""
_SAID_MAX = 300
"""Characters of the last line that a command printed."""
# The shell stays, as leader of all that the command starts, and keeps how it ended.
_RUN = '"$@"; echo "$?" >"$0"'


class _LeftOut(Exception):
    """This act does not come; why."""


@dataclass(slots=True)
class _Part:
    """How it stands with one act."""

    cue: Cue
    number: int
    """Its place in the drill, from 1."""
    first_s: float | None = None
    """When it was done for the first time."""
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it was done, or will never be."""


class Playing:
    """The cast of one run. `coming` is where the next acts are told, with their times."""

    def __init__(self, loaded: Loaded, journal: Journal, evidence: Evidence,
                 coming: dict[str, tuple[float, str]]) -> None:  # fmt: skip
        self._loaded, self._journal, self._evidence, self._coming = loaded, journal, evidence, coming
        cues = loaded.drill.cast
        self._parts = {cue.id: _Part(cue, number) for number, cue in enumerate(cues, 1)}
        self._after_healing = after_healing(cues)

    async def play(self, zero_s: float) -> None:
        """Play everything; ends when nothing is left to play. Cancelled, it stops at once and ends what it has started."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts.values():
                group.create_task(self._play(part, zero_s))

    async def before_healing(self) -> None:
        """Wait until all is decided but what may come only with healing. What goes on and on is not waited for."""
        for name, part in self._parts.items():
            if name not in self._after_healing:
                await part.decided.wait()

    async def to_the_end(self) -> None:
        """Wait until all is decided."""
        for part in self._parts.values():
            await part.decided.wait()

    async def _play(self, part: _Part, zero_s: float) -> None:
        try:
            await self._its_time(part.cue, zero_s)
            await self._perform(part)
        except (_LeftOut, Refused) as why:
            self._journal.append("act.skipped", {"act": part.cue.id, "actor": part.cue.who, "why": str(why)})
        finally:
            self._coming.pop(_key(part.cue), None)
            part.decided.set()

    async def _its_time(self, cue: Cue, zero_s: float) -> None:
        """Wait until it is time. Raises _LeftOut when that will never be."""
        since_s = zero_s + cue.settings.at.total_seconds() if cue.settings.at else zero_s
        if cue.after:
            since_s = await self._moment(cue.after)
        await self._until(since_s, cue)
        when = cue.settings.when
        if when is None:
            return
        until_s = zero_s + when.deadline.total_seconds()
        words = plan.condition(when)
        self._coming[_key(cue)] = (until_s, f"{cue.who} acts when {words}, or not at all")
        while not live.met(when, self._evidence, zero_s=since_s, now_s=self._journal.now_s):
            if self._journal.now_s > until_s:
                raise _LeftOut(f"it waited until {words}, which did not come in time")
            await asyncio.sleep(_TICK_S)

    async def _until(self, at_s: float, cue: Cue) -> None:
        self._coming[_key(cue)] = (at_s, f"{cue.who} acts")
        await asyncio.sleep(max(0.0, at_s - self._journal.now_s))

    async def _moment(self, anchor: Anchor) -> float:
        """When it is so much after an act or a fault. Raises _LeftOut when that never comes."""
        base = self._parts.get(anchor.name)
        if base:
            await base.decided.wait()
        while (came_s := base.first_s if base else self._evidence.fault(anchor.name).effect_s) is None:
            if base or self._is_lost(anchor.name):
                raise _LeftOut(f"it comes after {anchor.name}, which never came")
            await asyncio.sleep(_TICK_S)
        return came_s + anchor.later.total_seconds()

    def _is_lost(self, fault: str) -> bool:
        """Whether a fault that is not in effect will not be any more."""
        seen = self._evidence.fault(fault)
        return bool(seen.trouble) or seen.healing_s is not None

    async def _perform(self, part: _Part) -> None:
        """Do it, once or again and again."""
        cue = part.cue
        next_s = self._journal.now_s
        while not self._is_over(cue.until):
            await self._do(part)
            part.first_s = self._journal.now_s if part.first_s is None else part.first_s
            part.decided.set()
            if cue.settings.every is None:
                return
            next_s += cue.settings.every.total_seconds()
            await self._until(next_s, cue)

    def _is_over(self, until: Anchor | None) -> bool:
        """Whether that was before now."""
        if until is None:
            return False
        part = self._parts.get(until.name)
        came_s = part.first_s if part else self._evidence.fault(until.name).effect_s
        return came_s is not None and self._journal.now_s >= came_s + until.later.total_seconds()

    async def _do(self, part: _Part) -> None:
        if isinstance(part.cue.line, Run):
            await self._run(part, part.cue.line)
        else:
            self._take_down(part.cue, part.cue.line.act())

    async def _run(self, part: _Part, line: Run) -> None:
        """Run a command, and end all that is left of it when its time is up or the run ends."""
        command = _Command(self._loaded, part)
        began_s = self._journal.now_s
        try:
            process = host.spawn(command.start)
        except OSError as error:
            raise _LeftOut(f"its command could not be started: {error}") from error
        try:
            async with asyncio.timeout(line.within.total_seconds()):
                while host.state(process) != "gone":  # noqa: ASYNC110 - a process sets no event
                    await asyncio.sleep(_TICK_S)
        except TimeoutError:
            pass  # it is told without how it ended
        finally:
            by_itself = host.state(process) == "gone"
            await asyncio.to_thread(host.end, process, _END_S)
            # What the end of the run interrupts was done in part, so it is taken down in any case.
            took_s = round(self._journal.now_s - began_s, 3)
            self._take_down(part.cue, {**line.act(), **command.told(by_itself=by_itself), "took_s": took_s})

    def _take_down(self, cue: Cue, act: Act) -> None:
        inventory = self._loaded.inventory
        team = cue.settings.team or inventory.people.get(cue.who, Person()).team
        who = Who(cue.who, team)
        act = {**settled(checked(act), who, inventory.people, inventory.looking), "scripted": True}
        record(self._journal, act, believed(who, act, "cast"), source="cast", via="cast", id_=cue.id)


class _Command:
    """A command of the cast. Its pidfile lies in the lab's folder, so that whoever ends the lab ends it too."""

    def __init__(self, loaded: Loaded, part: _Part) -> None:
        lab = loaded.lab
        assert lab is not None, "a drill without a lab has no commands"
        name = f"cast@{part.number}"  # no process of a lab can be called so
        self._words = loaded.commands[part.cue.id]
        self._exit, self._log = lab.folder / f"{name}.exit", lab.folder / f"{name}.log"
        self._exit.unlink(missing_ok=True)
        self.start = host.Start(argv=("/bin/sh", "-c", _RUN, str(self._exit), *self._words), cwd=str(lab.here),
                                log=str(self._log), pidfile=str(labs.pidfile(lab.folder, name)))  # fmt: skip

    def told(self, *, by_itself: bool) -> Act:
        """What was run and how it ended; why, where it did not end well, or `by_itself`."""
        command = shlex.join(self._words)
        code = _read(self._exit).strip()
        if not (by_itself and code.isdecimal()):  # the shell may outlive what is ended, and write down how that ended
            return {"cmd": command, "text": "it was ended before it was done"}
        last = next(reversed(_read(self._log).split("\n")[:-1]), "")[:_SAID_MAX]
        return {"cmd": command, "exit": int(code), **({"text": last} if code != "0" else {})}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _key(cue: Cue) -> str:
    """What tells the act among what is to come."""
    return f"act {cue.id}"
