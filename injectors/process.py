"""Kill, pause and restart processes of this host, which drills of one machine and the examples live on.

A process is remembered by number and start time before it is touched, together with how its target is found and
started again.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from injectors import host, revival
from injectors.host import Process, Start
from injectors.injector import (
    Effect,
    Injection,
    InjectionFailed,
    Preview,
    Remembered,
    Residue,
    Stage,
    TargetName,
    Touch,
)
from injectors.revival import Revival, ask, those, until

Ending = Literal["KILL", "TERM", "INT", "QUIT", "ABRT", "HUP", "USR1", "USR2", "ALRM", "BUS", "FPE", "ILL", "PIPE",
                 "PROF", "SEGV", "SYS", "TRAP", "VTALRM", "XCPU", "XFSZ"]  # fmt: skip
"""The signals that end a process which does nothing about them. Those that stop one are the business of `pause`."""

_SHOWS_S = 2.0  # how long to wait for a signal to work; whether it did, `verify` says
_FATAL_S = 0.1  # how long a SIGKILL may be on its way; a process that has taken it and is still there is seen as doomed
_POLITE_S = 5.0  # how long one that was asked to end may take, before it counts as one that ignores the request


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAddress:
    """A process of this host, and how it comes back. Relative paths count from where `drills` is run."""

    name: ClassVar[str] = "process"
    pidfile: Annotated[str | None, "The file that holds its process number"] = None
    match: Annotated[str | None, "A regular expression that its command line, joined by blanks, must match"] = None
    lab: Annotated[str | None, "Its name in the drill's lab file"] = None
    start: Annotated[tuple[str, ...], "The command that starts it again, one word an entry"] = ()
    cwd: Annotated[str, "The folder that `start` is run in"] = ""
    log: Annotated[str, "The file that takes the output of `start`"] = ""
    env: Annotated[Mapping[str, str], "Variables for `start`; they are written down in the run's folder"] = field(
        default_factory=dict
    )
    supervised: Annotated[bool, "Somebody else starts it again: systemd, a supervisor"] = False

    def __post_init__(self) -> None:
        _check_one_way(self)
        if self.match is not None:
            _check_pattern(self.match)
        if self.lab is not None and (self.start or self.supervised):
            key = "start" if self.start else "supervised"
            raise ValueError(key, "the lab starts its own processes again", f"leave {key} out, or give a pidfile")
        if self.start and self.supervised:
            raise ValueError("supervised", "both we and somebody else would start it again", "keep one of the two")
        if self.start and not self.start[0]:
            raise ValueError("start", "the first word names no program", "write the program's name or path first")
        for key in ("cwd", "log", "env"):
            if getattr(self, key) and not self.start:
                raise ValueError(key, f"{key} means nothing without start", f"give start, or leave {key} out")


def _check_one_way(address: ProcessAddress) -> None:
    given = [key for key in ("pidfile", "match", "lab") if getattr(address, key) is not None]
    if not given:
        raise ValueError("pidfile", "nothing says which process it is", "give one of pidfile, match, lab")
    if len(given) > 1:
        raise ValueError(given[-1], f"{' and '.join(given)} each say which process it is", "keep one of them")
    if not getattr(address, given[0]):
        raise ValueError(given[0], "is empty", "say which process it is")


def _check_pattern(pattern: str) -> None:
    try:
        matches_all = re.compile(pattern).search("") is not None
    except re.error as error:
        raise ValueError("match", f"{pattern!r} is no regular expression: {error}", "mend it") from None
    if matches_all:
        raise ValueError("match", f"{pattern!r} matches every process of this host", "name the program in it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Ends a process with a signal; healed when the target runs again.

    In effect: the very processes that were signalled are gone, and the target does not run. A supervised target may
    be back within milliseconds, so there the death alone is the effect; once healing has begun, the fault lasts for
    as long as the target does not run. A process that ignores the signal is left alone: it is the target, running.
    """

    name: ClassVar[str] = "kill"
    version: ClassVar[int] = 1
    address: ClassVar[type] = ProcessAddress
    target: Annotated[TargetName, "Whose process to end"]
    signal: Annotated[Ending, "The signal, without SIG"] = "KILL"
    with_children: Annotated[bool, "Also end everything that it has started"] = False

    async def preview(self, address: ProcessAddress) -> Preview:
        """Look at which processes would be signalled."""
        found = await ask(_look, address, self.with_children)
        _start_of(address, found)
        return Preview(
            touches=found.touches,
            does=f"SIG{self.signal} to {found.count}",
            undo=_undo(address),
            missing=_missing(address),
        )

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Send the signal, the parents first, and wait a moment for the end."""
        grace_s = _FATAL_S if self.signal == "KILL" else _POLITE_S
        memory = await _remember(injection, self.with_children, stage, grace_s=grace_s, by_death=False)
        await revival.send(f"SIG{self.signal}", [*memory.processes, *memory.children], stage)
        await until(stage, lambda: not memory.alive(), _SHOWS_S)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """See to it that the target runs: start it again, or wait until its supervisor has."""
        await revival.revive(Revival.from_data(remembered.data), stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look for the processes that were meant, and for any that took their place."""
        return await revival.look_back(Revival.from_data(remembered.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Ends a process and starts it again at once; healed when the target runs.

    In effect: the very process that was there is gone. Once healing has begun, the fault lasts for as long as the
    target does not run.
    """

    name: ClassVar[str] = "restart"
    version: ClassVar[int] = 1
    address: ClassVar[type] = ProcessAddress
    target: Annotated[TargetName, "Whose process to restart"]
    patience: Annotated[timedelta, "How long it may take to end when asked, and is killed then"] = timedelta(seconds=10)

    def __post_init__(self) -> None:
        if self.patience < timedelta(0):
            raise ValueError("patience", "a process cannot end before it is asked to", "give 0s or more")

    async def preview(self, address: ProcessAddress) -> Preview:
        """Look at which processes would be restarted."""
        found = await ask(_look, address, False)
        _start_of(address, found)
        does = f"SIGTERM to {found.count}, SIGKILL after {self.patience / timedelta(seconds=1):g} s, and a new start"
        return Preview(touches=found.touches, does=does, undo=_undo(address), missing=_missing(address))

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Ask it to end, insist, and start it again; a supervised one is left to its supervisor."""
        patience_s = min(self.patience / timedelta(seconds=1), stage.remaining_s() / 2)
        memory = await _remember(injection, False, stage, grace_s=patience_s + _FATAL_S, by_death=True)
        await revival.send("SIGTERM", memory.processes, stage)
        if not await until(stage, lambda: not memory.alive(), patience_s):
            await revival.send("SIGKILL", memory.alive(), stage)
            if not await until(stage, lambda: not memory.alive()):
                raise InjectionFailed(f"{those(memory.alive(), 'still there')} after SIGKILL")
        if memory.start:
            await revival.start_again(memory.start, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """See to it that the target runs."""
        await revival.revive(Revival.from_data(remembered.data), stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look for the processes that were meant, and for those that took their place."""
        return await revival.look_back(Revival.from_data(remembered.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stops a process where it stands, connections open and nobody answering; healed when it goes on.

    In effect: every one of the processes that is still there is stopped, in all its threads. One that is gone is
    not paused; when all are, the fault is not there, and there is nothing to heal.
    """

    name: ClassVar[str] = "pause"
    version: ClassVar[int] = 1
    address: ClassVar[type] = ProcessAddress
    target: Annotated[TargetName, "Whose process to stop"]
    with_children: Annotated[bool, "Also stop everything that it has started"] = False

    async def preview(self, address: ProcessAddress) -> Preview:
        """Look at which processes would be stopped."""
        found = await ask(_look, address, self.with_children)
        _refuse_stopped([*found.processes, *found.children])
        return Preview(
            touches=found.touches, does=f"SIGSTOP to {found.count}", undo="SIGCONT", missing=_missing(address)
        )

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Stop the parents first, and then whatever they had started until they stood still."""
        found = await ask(_look_for_some, injection.address, self.with_children)
        known: tuple[Process, ...] = ()
        fresh = (*found.processes, *found.children)
        for _ in range(5):  # a parent that has stopped starts nothing, so the second look is all but always the last
            _refuse_stopped(fresh)
            known += fresh
            stage.remember({"processes": [one.to_data() for one in known]})
            await revival.send("SIGSTOP", fresh, stage)
            await until(stage, lambda: not _doing("running", fresh), _SHOWS_S)  # noqa: B023 - called at once
            newest = await ask(_children, found.processes) if self.with_children else ()
            fresh = tuple(one for one in newest if one not in known)
            if not fresh:
                break

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Let every one of them go on, stopped or not: a SIGSTOP may still be on its way, and this takes it back."""
        known = [Process.from_data(one) for one in remembered.data["processes"]]
        if left := revival.there(known):
            await revival.send("SIGCONT", left, stage)
        stage.remember({"healing": True})
        if not await until(stage, lambda: not _doing("stopped", known), _SHOWS_S):
            raise InjectionFailed(f"{those(_doing('stopped', known), 'still stopped')} after SIGCONT")

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at what they are doing. Before healing one that runs is too many, and after it one that is stopped."""
        known = [Process.from_data(one) for one in remembered.data["processes"]]
        running, stopped = _doing("running", known), _doing("stopped", known)
        if stopped and (not running or "healing" in remembered.data):
            return Effect(True, those(stopped, "stopped"))
        return Effect(False, those(running, "running") if running else those(known, "gone"))

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, ProcessAddress]]) -> list[Residue]:
        """Processes of these targets, or started by them, that are stopped, whoever did it."""
        found: list[Residue] = []
        for target, address in targets:
            here = await ask(_look, address, True)
            found += [_stopped(target, one) for one in _doing("stopped", [*here.processes, *here.children])]
        return found


def _stopped(target: str, process: Process) -> Residue:
    data = {"processes": [process.to_data()]}
    remembered = Remembered(id=f"found-{process.pid}", fault="", target=target, version=Pause.version, data=data)
    return Residue(target=target, what=f"process {host.describe(process)} is stopped", remembered=remembered)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a target consists of now."""

    processes: tuple[Process, ...]
    children: tuple[Process, ...]
    touches: tuple[Touch, ...]

    @property
    def count(self) -> str:
        """`1 process and 3 children`."""
        mains, others = len(self.processes), len(self.children)
        text = f"{mains} process{'' if mains == 1 else 'es'}"
        return text + (f" and {others} child{'' if others == 1 else 'ren'}" if others else "")


def _look(address: ProcessAddress, with_children: bool) -> _Found:
    """Find the target's processes. Raises InjectionFailed for one that must not or may not be touched."""
    if address.lab is not None:
        raise InjectionFailed(f"the lab is not running, so there is no process of its {address.lab}")
    path = _absolute(address.pidfile)
    found = tuple(revival.found_now(path, address.match))
    extra = tuple(one for one in _children(found) if one not in found) if with_children else ()
    for process in (*found, *extra):
        if why := host.untouchable(process):
            raise InjectionFailed(f"process {host.describe(process)} is {why}, which is never a target")
    revival.signal_all((*found, *extra), 0)
    # The target has one key over all of its lives: no other run must take it up while this one has it restarted.
    keys = [f"process:{path or address.match}" + (f"#{n}" if n else "") for n in range(len(found))]
    keys += [f"process:{one.pid}:{one.started}" for one in extra]
    touches = [
        Touch(what=f"process {host.describe(one)}", key=key)
        for one, key in zip((*found, *extra), keys, strict=True)
    ]  # fmt: skip
    return _Found(processes=found, children=extra, touches=tuple(touches))


def _look_for_some(address: ProcessAddress, with_children: bool) -> _Found:
    found = _look(address, with_children)
    if not found.processes:
        raise InjectionFailed(_missing(address))
    return found


def _missing(address: ProcessAddress) -> str:
    how = f"{address.pidfile} names" if address.pidfile else f"{address.match!r} matches"
    return f"{how} no process that runs"


def _children(parents: Iterable[Process]) -> tuple[Process, ...]:
    return tuple(dict.fromkeys(child for parent in parents for child in host.children(parent)))


def _doing(state: host.State, processes: Iterable[Process]) -> list[Process]:
    return [one for one in processes if host.state(one) == state]


def _refuse_stopped(processes: Iterable[Process]) -> None:
    if stopped := _doing("stopped", processes):
        raise InjectionFailed(f"{those(stopped, 'stopped')} already, and healing would undo what somebody else did")


def _undo(address: ProcessAddress) -> str:
    if address.start:
        return f"started again with `{shlex.join(address.start)}`"
    return "its supervisor starts it again" if address.supervised else ""


def _start_of(address: ProcessAddress, found: _Found) -> Start | None:
    """How the target is started again; None when that is not for us to do. Raises InjectionFailed when it cannot be."""
    if not address.start:
        return None
    if len(found.processes) > 1:
        many = f"{address.match!r} matches {len(found.processes)} processes"
        raise InjectionFailed(f"{many}, and one command cannot start them all again")
    import shutil

    # A healer may be another program with another PATH.
    env = {"PATH": os.environ.get("PATH", os.defpath), **address.env}
    cwd = str(Path(address.cwd).absolute())
    program = address.start[0]
    if not shutil.which(str(Path(cwd, program)) if "/" in program else program, path=env["PATH"]):
        raise InjectionFailed(f"there is no program {program} to start it again with")
    # A pidfile that the program keeps itself is left to it: some refuse to start when they cannot read their own.
    path = _absolute(address.pidfile)
    pidfile = path if path and host.wrote_pidfile(path) else ""
    return Start(argv=address.start, cwd=cwd, log=_absolute(address.log) or "", pidfile=pidfile, env=env)


def _absolute(path: str | None) -> str | None:
    return str(Path(path).absolute()) if path else None


async def _remember(
    injection: Injection, with_children: bool, stage: Stage, *, grace_s: float, by_death: bool
) -> Revival:
    """Look at what will be ended, and write down how it comes back."""
    address: ProcessAddress = injection.address
    found = await ask(_look_for_some, address, with_children)
    memory = Revival(
        processes=found.processes,
        children=found.children,
        pidfile=_absolute(address.pidfile),
        match=address.match,
        start=_start_of(address, found),
        grace_s=grace_s,
        by_death=by_death or address.supervised,
    )
    stage.remember(memory.to_data())
    return memory
