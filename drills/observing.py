"""Listening to those who are to notice: what the observers of a run tell becomes events of its journal."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast

from checks import CannotObserve, Observer
from drills.events import ObservedKind
from drills.journal import Journal

BEGIN_S = 15.0
"""For one observer to begin listening."""
END_S = 15.0
"""For all of them to end."""


class Observing:
    """The observers of one run."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._opened = AsyncExitStack()
        self._closed = False

    async def open(self, observers: Mapping[str, Observer]) -> None:
        """Begin to listen to all of them. One that cannot be heard is told, since its silence proves nothing."""
        for name, observer in observers.items():
            try:
                async with asyncio.timeout(BEGIN_S):
                    await self._opened.enter_async_context(observer.open(partial(self._tell, name, observer.name)))
            except (CannotObserve, OSError, TimeoutError) as error:
                why = str(error) or f"it did not begin within {BEGIN_S:g} s"
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
            self._journal.append(cast("ObservedKind", event), {**names, **data}, source=f"observer:{observer}")
