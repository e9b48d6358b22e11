"""The stage: what an injector may do to the world, made so that its undo is on disk before its first act.

And the memory that this leaves: from a journal alone, which injections are outstanding and what heals them.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from checks import Event
from drills.events import EventKind
from drills.journal import Journal
from injectors import InjectionFailed, NothingRemembered, Remembered

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """An injection that was meant and is not known to be gone."""

    injector: str
    """The injector's name in the registry."""
    remembered: Remembered
    touched: bool
    """True once anything was remembered: only then can anything have been done."""
    seq: int
    """The journal line that meant it; the higher, the newer."""


def outstanding(events: Iterable[Event]) -> list[Outstanding]:
    """What a journal leaves to be healed, newest first."""
    open_: dict[str, Outstanding] = {}
    for event in events:
        data = event.data
        match event.kind:
            case "injection.intended":
                empty = Remembered(id=data["injection"], fault=data["fault"], target=data["target"],
                                   version=data["version"])  # fmt: skip
                open_[data["injection"]] = Outstanding(injector=data["injector"], remembered=empty, touched=False,
                                                       seq=event.seq)  # fmt: skip
            case "injection.remembered" if data["injection"] in open_:
                before = open_[data["injection"]]
                merged = replace(before.remembered, data={**before.remembered.data, **data["data"]})
                open_[data["injection"]] = replace(before, remembered=merged, touched=True)
            case "injection.gone":
                open_.pop(data["injection"], None)
    return sorted(open_.values(), key=lambda one: one.seq, reverse=True)


class RunStage:
    """One call of an injector: a deadline, a journal, and what is remembered so far."""

    def __init__(self, journal: Journal, remembered: Remembered, *, within_s: float, source: str,
                 healing: bool = False) -> None:  # fmt: skip
        self.journal = journal
        self.remembered = remembered
        self._until_s = journal.now_s + within_s
        self._source = source
        self._healing = healing
        self._may_act = healing
        self._acted = False

    def again(self, within_s: float) -> "RunStage":
        """Another call about the same injection, which may act as this one may; what it does is no news."""
        stage = RunStage(self.journal, self.remembered, within_s=within_s, source=self._source)
        stage._may_act, stage._acted = self._may_act, True
        return stage

    @property
    def names(self) -> dict[str, str]:
        """What every event of this injection carries."""
        return {"injection": self.remembered.id, "fault": self.remembered.fault, "target": self.remembered.target}

    def note(self, kind: EventKind, *, sync: bool = False, **data: Any) -> Event:
        """Write an event of this injection."""
        return self.journal.append(kind, {**self.names, **data}, source=self._source, sync=sync)

    def remaining_s(self) -> float:
        """Seconds until this call is given up."""
        return max(0.0, self._until_s - self.journal.now_s)

    async def sleep(self, seconds: float) -> None:
        """Wait on the run's clock."""
        await asyncio.sleep(seconds)

    def remember(self, data: Mapping[str, Any]) -> None:
        """Write down what healing will need; it is on disk when this returns, and only then may anything be done."""
        self.note("injection.remembered", data=dict(data), sync=True)
        self.remembered = replace(self.remembered, data={**self.remembered.data, **data})
        self._may_act = True

    async def act(self, what: str, do: Callable[..., Awaitable[T] | T], /, *args: Any) -> T:
        """Change the world, once its undo is on disk."""
        if not self._may_act:
            raise NothingRemembered(f"the injection wanted to {what} before it had remembered how to undo that")
        if self.remaining_s() <= 0:
            raise InjectionFailed(f"no time was left to {what}")
        if not self._acted:
            self._acted = True
            self.note("injection.restoring" if self._healing else "injection.acting", what=what)
        if inspect.iscoroutinefunction(do):
            return cast("T", await do(*args))
        return await self._in_thread(cast("Callable[..., T]", do), args)

    async def _in_thread(self, do: Callable[..., T], args: tuple[Any, ...]) -> T:
        """A thread cannot be cancelled: when we are, wait for it, so that no act comes after the healing."""
        acting = asyncio.ensure_future(asyncio.to_thread(do, *args))
        try:
            return await asyncio.shield(acting)
        except asyncio.CancelledError:
            await asyncio.wait([acting], timeout=max(1.0, self.remaining_s()))
            raise
