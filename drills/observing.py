"""Listening to those who are to notice: what the observers of a run tell becomes events of its journal."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Protocol, cast

from checks import CannotObserve, Observer, Trust
from drills.events import EventKind, ObservedKind
from drills.people import Person

BEGIN_S = 15.0
"""For one observer to begin listening."""
END_S = 15.0
"""For all of them to end."""


class Writes(Protocol):
    """Whoever takes events down."""

    def append(self, kind: EventKind, data: Mapping[str, Any] | None = None, *, source: str = ...,
               trust: Trust = ...) -> object:  # fmt: skip
        """One more event."""
        ...


class Observing:
    """The observers of one run."""

    def __init__(
        self, journal: Writes, people: Mapping[str, Person] | None = None, *, begin_s: float = BEGIN_S
    ) -> None:
        self._journal, self._people, self._begin_s = journal, people or {}, begin_s
        self._opened = AsyncExitStack()
        self._closed = False

    async def open(self, observers: Mapping[str, Observer]) -> None:
        """Begin to listen to all of them. One that cannot be heard is told, since its silence proves nothing."""
        for name, observer in observers.items():
            try:
                async with asyncio.timeout(self._begin_s):
                    await self._opened.enter_async_context(observer.open(partial(self._tell, name, observer.name)))
            except (CannotObserve, OSError, TimeoutError) as error:
                why = str(error) or f"it did not begin within {self._begin_s:g} s"
                self._tell(name, observer.name, "observer.lost", why=why)

    async def close(self) -> None:
        """Listen no more. What an observer breaks by is told, and keeps nobody from ending."""
        try:
            async with asyncio.timeout(END_S):
                await self._opened.aclose()
        except Exception as error:  # noqa: BLE001 - no observer's trouble may keep the run from being closed
            self._journal.append("run.broke", {"why": f"{type(error).__name__}: {error}"})
        self._closed = True

    def _tell(self, observer: str, kind: str, event: str, /, **data: Any) -> None:
        if not self._closed:
            names = {"observer": observer, "kind": kind} if event.startswith("observer.") else {"observer": observer}
            trust = Trust(data.pop("trust", Trust.OBSERVED))
            if event in ("act.recorded", "act.refused"):
                data = self._act(observer, data, refused=event == "act.refused")
            self._journal.append(cast("ObservedKind", event), {**names, **data}, source=f"observer:{observer}",
                                 trust=trust)  # fmt: skip

    def _act(self, observer: str, data: Mapping[str, Any], *, refused: bool) -> dict[str, Any]:
        """With what every act has, and what the observer cannot know: the actor's team, and its own name as a probe."""
        actor = str(data.get("actor", ""))
        common = {"act": "", "id": "", "actor": actor, "via": "observer"}
        if refused:
            return {**common, **data}
        team = self._people[actor].team if actor in self._people else ""
        probe = {"probe": observer} if data.get("act") == "observe" else {}
        return {**common, "team": team, "text": "", **probe, **data}
