"""Where the upstream of a UDP proxy is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from injectors.proxy import listen
from injectors.proxy.hub import Hub

Address = tuple[Any, ...]
Arrivals = list[tuple[Address, bytes]]
"""Datagrams with their senders."""

_WAITING_MAX = 1_000
_GOOD_S = 10.0
"""How long a looked-up address is good for."""
_RETRY_S = 1.0
"""How long a failed look-up is not tried again."""


class Upstream:
    """Where the upstream is: its name is looked up without keeping anybody waiting, and again every few seconds."""

    def __init__(self, hub: Hub, text: str, look_up_s: float, then: Callable[[Arrivals, str], None]) -> None:
        self.problem = ""
        """Why there is no address; empty when it is not known yet."""
        self._hub = hub
        self._text = text
        self._look_up_s = look_up_s
        self._then = then
        self._endpoint: listen.Endpoint | None = None
        self._good_until_s = 0.0
        self._waiting: Arrivals = []
        self._task: asyncio.Task[None] | None = None
        try:
            if known := listen.to_dial(text, "udp"):
                self._endpoint, self._good_until_s = known[0], math.inf
        except listen.WrongAddress as wrong:
            self.problem, self._good_until_s = str(wrong), math.inf

    def endpoint(self) -> listen.Endpoint | None:
        """The address as far as it is known; an old one serves until the new one is there."""
        if self._hub.time() >= self._good_until_s and self._task is None:
            self._task = self._hub.loop.create_task(self._look_up())
        return self._endpoint

    def wait(self, address: Address, data: bytes) -> bool:
        """Keep a datagram until the address is known; False when that is not to be expected, or too many wait."""
        if self._task is None or len(self._waiting) >= _WAITING_MAX:
            return False
        self._waiting.append((address, data))
        return True

    def cancel(self) -> None:
        """Forget who waits."""
        if self._task:
            self._task.cancel()
        self._waiting.clear()

    async def _look_up(self) -> None:
        try:
            place = await asyncio.wait_for(listen.resolve(self._text, "udp"), self._look_up_s)
        except listen.WrongAddress as wrong:
            self.problem = str(wrong)
        except TimeoutError:
            self.problem = f"lookup {self._text}: i/o timeout"
        else:
            self._endpoint, self.problem = place.endpoint, ""
        self._good_until_s = self._hub.time() + (_RETRY_S if self.problem else _GOOD_S)
        self._task = None
        waiting, self._waiting = self._waiting, []
        self._then(waiting, self.problem)
