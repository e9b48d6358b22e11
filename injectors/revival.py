"""Acting on processes through a stage: signalling, waiting, and bringing back a target that was ended.

What that takes is remembered before the end, so that a healer needs neither the inventory nor who injected.
"""

import shlex
import signal as signals
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from injectors import host
from injectors.host import Process, Start
from injectors.injector import Effect, InjectionFailed, Stage

T = TypeVar("T")

_STEADY_S = 0.1  # a program that cannot start ends sooner
_DAEMON_S = 5.0  # for a program that starts another, and ends before that has written its pidfile
_MARGIN_S = 0.25  # left of the frame's time, to say what was waited for in vain


@dataclass(frozen=True, slots=True, kw_only=True)
class Revival:
    """What is known from disk of a target that was ended: who was meant, how it is found, how it is started again."""

    processes: tuple[Process, ...]
    children: tuple[Process, ...]
    pidfile: str | None
    match: str | None
    start: Start | None
    """None: somebody else starts it."""
    grace_s: float
    """How long a process that was signalled may still be ending."""
    by_death: bool
    """The death alone is the effect: the target is meant to run again at once."""
    again: tuple[Process, ...] = ()
    """What we started again."""
    healing: bool = False

    def to_data(self) -> dict[str, Any]:
        """As JSON. Healing adds `again` and `healing` later."""
        return {
            "processes": [one.to_data() for one in self.processes],
            "children": [one.to_data() for one in self.children],
            "pidfile": self.pidfile,
            "match": self.match,
            "start": self.start.to_data() if self.start else None,
            "grace_s": self.grace_s,
            "by_death": self.by_death,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Revival":
        """From what `to_data` gave, and what was added."""
        return cls(
            processes=tuple(Process.from_data(one) for one in data["processes"]),
            children=tuple(Process.from_data(one) for one in data["children"]),
            pidfile=data["pidfile"],
            match=data["match"],
            start=Start.from_data(data["start"]) if data["start"] else None,
            grace_s=data["grace_s"],
            by_death=data["by_death"],
            again=tuple(Process.from_data(one) for one in data.get("again", ())),
            healing="healing" in data,
        )

    def alive(self) -> list[Process]:
        """Those that were meant to end and are still there."""
        return there((*self.processes, *self.children))

    def running(self) -> set[Process]:
        """The target's processes now, old and new. Raises InjectionFailed when it cannot be read who they are."""
        return {*found_now(self.pidfile, self.match), *there((*self.processes, *self.again))}

    def named(self) -> bool:
        """Whether a program that keeps a pidfile itself has written it; of others, whether they were started."""
        if not self.pidfile or not self.start or self.start.pidfile:
            return True
        try:
            return bool(found_now(self.pidfile, None))
        except InjectionFailed:  # it is being written
            return False

    def back(self) -> bool:
        """True when as many run as before."""
        return len(self.running()) >= len(self.processes)


def found_now(pidfile: str | None, pattern: str | None) -> list[Process]:
    """The processes that a pidfile or a pattern means now. Raises InjectionFailed when that cannot be read."""
    try:
        if pidfile is None:
            return host.find(pattern or "")
        named = host.read_pidfile(pidfile)
    except (OSError, ValueError) as error:
        raise InjectionFailed(f"it cannot be read which process it is: {error}") from None
    return [named] if named else []


def there(processes: Iterable[Process]) -> list[Process]:
    """Those that are not gone."""
    return [one for one in processes if host.state(one) != "gone"]


def those(processes: Iterable[Process], are: str) -> str:
    """`process 4711 is gone`, `processes 4711, 4712 are gone`."""
    pids = sorted(one.pid for one in processes)
    which = ", ".join(map(str, pids))
    return f"process {which} is {are}" if len(pids) == 1 else f"processes {which} are {are}"


async def ask(look: Callable[..., T], *args: Any) -> T:
    """Call what may block for a moment, in a thread."""
    import asyncio

    return await asyncio.to_thread(look, *args)


async def until(stage: Stage, holds: Callable[[], bool], within_s: float = float("inf")) -> bool:
    """Look until it holds, ever more rarely; False after `within_s`, or shortly before the frame gives up on us."""
    waited_s, pause_s = 0.0, 0.001
    while not await ask(holds):
        if waited_s >= within_s or stage.remaining_s() <= _MARGIN_S:
            return False
        await stage.sleep(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * 1.5, 0.02)
    return True


async def send(name: str, processes: Sequence[Process], stage: Stage) -> None:
    """Send `SIGKILL` or another signal to those that are there, in this order. Raises InjectionFailed when refused."""
    who = ", ".join(f"process {host.describe(one)}" for one in processes)
    await stage.act(f"send {name} to {who}", signal_all, tuple(processes), signals.Signals[name])


def signal_all(processes: Iterable[Process], number: int) -> None:
    """The act itself; the signal 0 only tries."""
    for process in processes:
        try:
            host.send(process, number)
        except ProcessLookupError:
            continue  # it ended by itself
        except PermissionError:
            who = host.describe(process)
            raise InjectionFailed(f"not allowed to signal process {who}: run as its user or root") from None


async def start_again(start: Start, stage: Stage) -> Process:
    """Start the target; who it is, is remembered before its program runs: its own pidfile may be long in coming."""
    command = f"`{shlex.join(start.argv)}`"
    try:
        held = host.hold(start)  # no act yet: it vanishes with us
    except OSError as error:
        raise InjectionFailed(f"{command} cannot be started: {error}") from None
    try:
        stage.remember({"again": [held.process.to_data()]})
        return await stage.act(f"start again with {command}", held.release)
    finally:
        held.drop()


async def revive(revival: Revival, stage: Stage) -> None:
    """See to it that the target runs, whatever has become of it and whoever has started it again by now."""
    # A signal may be on its way: one that dies a moment after we saw it alive would stay dead.
    if not await until(stage, lambda: not there(revival.processes), min(revival.grace_s, stage.remaining_s() / 2)):
        await until(stage, lambda: not any(map(host.doomed, revival.processes)))
    if revival.again:  # a healer who was interrupted started a daemon that may be about to say who it is
        await until(stage, revival.named, _patience_s(stage))
    if not await ask(revival.back):
        revival = await _replace(revival, stage)
    # What we started may only be about to start it, and end well or not.
    await until(stage, lambda: revival.named() or not there(revival.again), _patience_s(stage))
    stage.remember({"healing": True})
    if not await _steady(revival, stage):
        if revival.start is None:
            count = f"{len(await ask(revival.running))} of {len(revival.processes)} processes run"
            raise InjectionFailed(f"its supervisor has not started the target again: {count}")
        log = f"; its output is in {revival.start.log}" if revival.start.log else ""
        raise InjectionFailed(f"the target does not run after `{shlex.join(revival.start.argv)}`{log}")


def _patience_s(stage: Stage) -> float:
    """How long to wait for a pidfile that a program writes itself."""
    return min(_DAEMON_S, stage.remaining_s() / 2)


async def _replace(revival: Revival, stage: Stage) -> Revival:
    """Start a target that does not run, if that is for us to do."""
    orphans = there(revival.children)
    if orphans:  # they were to end with their parent, and would stand in the way of its successor
        await send("SIGKILL", orphans, stage)
    return replace(revival, again=(await start_again(revival.start, stage),)) if revival.start else revival


async def _steady(revival: Revival, stage: Stage) -> bool:
    """Wait until the target runs, and still does after a moment as the same processes."""

    def running() -> set[Process]:
        try:
            return revival.running()
        except InjectionFailed:  # a pidfile that is being written
            return set()

    for _ in range(20):
        within_s = _DAEMON_S if revival.start else float("inf")
        if not await until(stage, lambda: len(running()) >= len(revival.processes), within_s):
            return False
        before = await ask(running)
        await stage.sleep(_STEADY_S)
        if len(before) >= len(revival.processes) and before <= await ask(running):
            return True
    return False


async def look_back(revival: Revival) -> Effect:
    """Whether the target is ended now; what that means, `kill` and `restart` say."""
    try:
        return await ask(_effect, revival)
    except InjectionFailed as error:
        return Effect(None, str(error))


def _effect(revival: Revival) -> Effect:
    alive = revival.alive()
    if alive and not revival.healing:
        return Effect(False, those(alive, "still there"))
    if revival.by_death and not revival.healing:
        return Effect(True, those(revival.processes, "gone"))
    if revival.back():
        return Effect(False, those(revival.running(), "there and running"))
    return Effect(True, f"{those(revival.processes, 'gone')}, and the target does not run")
