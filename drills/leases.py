"""Leases: what is renewed while a fault shall be there, so that it ends by itself when nobody of us is left.

A fault that has no lease is at least looked at, so that a run knows when somebody else has taken it away.
"""

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any

from drills.journal import Journal
from drills.stage import RunStage
from injectors import InjectionFailed, Injector

RENEW_S = 5.0
"""For one lease to be renewed."""
AGAIN_S = 1.0
"""Between two attempts at a lease that could not be renewed."""
LOOK_S = 2.0
"""Between two looks whether a fault that has no lease is still there."""


class Leases:
    """The leases of one run, by the names of their faults."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._renewing: dict[str, list[asyncio.Task[None]]] = {}

    def keep(self, fault: str, kind: Any, injected: RunStage) -> None:
        """Renew the lease of an injection of a fault from now on, each time well before it ends.

        `kind` is an Injector that Extends.
        """
        self._renewing.setdefault(fault, []).append(asyncio.ensure_future(self._renew(kind, injected)))

    async def release(self, faults: Iterable[str] | None = None) -> None:
        """Renew those of these faults, or of all, no more; nobody is at it any more when this returns."""
        names = list(self._renewing) if faults is None else list(faults)
        ended = [task for one in names for task in self._renewing.pop(one, [])]
        for task in ended:
            task.cancel()
        for result in await asyncio.gather(*ended, return_exceptions=True):
            if isinstance(result, Exception):
                self._journal.append("run.broke", {"why": f"{type(result).__name__}: {result}"})

    async def _renew(self, kind: Any, injected: RunStage) -> None:
        ends_s = self._journal.now_s + 2 * RENEW_S  # injecting has just begun it; how long it lasts is not known yet
        lapsed = False
        while True:
            began_s = self._journal.now_s
            stage = injected.again(RENEW_S)
            try:
                async with asyncio.timeout(RENEW_S):
                    lasts_s = await kind.extend(injected.remembered, stage)
            except (InjectionFailed, OSError, TimeoutError) as error:
                injected.remembered = stage.remembered
                late = self._journal.now_s > ends_s
                gone = await _is_gone(kind, injected)
                if (late or gone) and not lapsed:
                    lapsed = True
                    injected.note("injection.lapsed", why=str(error) or "nobody answered who could renew its lease")
                if gone:
                    return
                await asyncio.sleep(AGAIN_S)  # as long as it may be there, nobody else is to take it for left behind
                continue
            injected.remembered = stage.remembered  # it may have taken what was born meanwhile
            ends_s = began_s + (inf if lasts_s is None else lasts_s)
            await asyncio.sleep(LOOK_S if lasts_s is None else lasts_s / 3)


async def _is_gone(kind: type[Injector], injected: RunStage) -> bool:
    """Whether the fault is seen to be no longer there, so that there is nothing to be renewed."""
    try:
        async with asyncio.timeout(RENEW_S):
            return (await kind.verify(injected.remembered, injected.again(RENEW_S))).present is False
    except (InjectionFailed, OSError, TimeoutError):
        return False
