"""Stand-ins for what a test cannot have on demand: a clock that jumps, and the smallest injector there can be."""

import asyncio
import selectors
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from injectors import Effect, Injection, Preview, Remembered, Stage, TargetName, Touch

T = TypeVar("T")
EPOCH = datetime(2026, 11, 21, 9, 41, 3, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: when nothing is ready, time jumps to when something will be."""

    def __init__(self, loop: "JumpingLoop") -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self._loop.now_s += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose waits take no time. Not for code that uses threads or sockets."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.now_s


class JumpingClock:
    """The clock of a jumping loop, for `drills.clock.Clock`."""

    def __init__(self, loop: JumpingLoop) -> None:
        self._loop = loop

    def monotonic_s(self) -> float:
        return self._loop.now_s

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.now_s)


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def monotonic_s(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return EPOCH + timedelta(seconds=self.now_s)


def jump(make: "Any") -> Any:
    """Run `make(clock)`, a coroutine, on a jumping loop."""
    loop = JumpingLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        work: Coroutine[Any, Any, Any] = make(JumpingClock(loop))
        return runner.run(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagAddress:
    """A file that is there while the fault is."""

    name: ClassVar[str] = "flag"
    path: Annotated[str, "The file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The smallest honest injector: its fault is a file that should not be there."""

    name: ClassVar[str] = "flag"
    version: ClassVar[int] = 1
    address: ClassVar[type] = FlagAddress
    target: Annotated[TargetName, "Whose flag"]

    async def preview(self, address: FlagAddress) -> Preview:
        touch = Touch(what=f"file {address.path}", key=f"flag:{address.path}")
        return Preview(touches=(touch,), does="raise a flag", undo="the file is deleted")

    async def inject(self, injection: Injection, stage: Stage) -> None:
        path = injection.address.path
        stage.remember({"path": path})
        await stage.act("write the file", _write, path)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        await stage.act("delete the file", _delete, remembered.data["path"])

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        there = Path(remembered.data["path"]).exists()
        return Effect(there, "the file is there" if there else "the file is not there")


async def _write(path: str) -> None:
    Path(path).touch()


async def _delete(path: str) -> None:
    Path(path).unlink(missing_ok=True)
