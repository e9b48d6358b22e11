"""Datagrams that go on later: one queue by time and one timer for a whole proxy."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

from injectors.proxy.hub import Hub, Timer
from injectors.proxy.toxic import Toxic

Item = TypeVar("Item")

_MAX = 100_000
_BYTES_MAX = 64 * 1024 * 1024


class Holding(Generic[Item]):
    """Holds items back and gives each to `go_on`, with the time it was due, or when its toxic lets go of it."""

    def __init__(self, hub: Hub, go_on: Callable[[Item, float], None]) -> None:
        self._hub = hub
        self._go_on = go_on
        self._queue: list[tuple[float, int, int, Toxic, Item]] = []
        """When due, order of arrival, size, who holds it, what; a heap."""
        self._bytes = 0
        self._orders = itertools.count()
        self._timer: Timer | None = None

    def hold(self, due_s: float, size: int, toxic: Toxic, item: Item) -> bool:
        """Keep an item until then; False, and it is not kept, when too much is being held."""
        if len(self._queue) >= _MAX or self._bytes + size > _BYTES_MAX:
            return False
        order = next(self._orders)
        self._bytes += size
        heapq.heappush(self._queue, (due_s, order, size, toxic, item))
        if self._queue[0][1] == order:
            self._set_timer()
        return True

    def release(self, toxic: Toxic) -> None:
        """Let everything go on that this toxic holds, in the order in which it came."""
        mine = sorted((one for one in self._queue if one[3] is toxic), key=lambda one: one[1])
        self._queue = [one for one in self._queue if one[3] is not toxic]
        heapq.heapify(self._queue)
        self._bytes -= sum(one[2] for one in mine)
        self._set_timer()
        now_s = self._hub.time()
        for *_, item in mine:
            self._go_on(item, now_s)

    def clear(self) -> None:
        """Forget all of them."""
        self._queue.clear()
        self._bytes = 0
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._hub.at(self._queue[0][0], self._let_go) if self._queue else None

    def _let_go(self) -> None:
        now_s = self._hub.time()
        try:
            while self._queue and self._queue[0][0] <= now_s:
                due_s, _, size, _, item = heapq.heappop(self._queue)
                self._bytes -= size
                # The time it was due, and not the time that the timer came: the errors of several toxics do not add up.
                self._go_on(item, due_s)
        finally:  # a bug in there costs one item, and not the timer
            self._set_timer()
