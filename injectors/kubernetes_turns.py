"""How many requests may be under way at a time: as many as a server bears, which is found out by what it refuses."""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Future

_MORE = 1 / 16
"""So much more is dared with each answer, and half as much after a refusal."""


class Turns:
    """Turns to ask, as `async with turns:`; fewer after a refusal, and slowly more again."""

    def __init__(self, most: int) -> None:
        self._most, self._limit = most, float(most)
        self._taken, self._waiting = 0, deque["Future[None]"]()
        self._not_before_s = 0.0

    async def __aenter__(self) -> None:
        import asyncio
        import time

        if self._taken < int(self._limit) and not self._waiting:
            self._taken += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give()
                raise
        try:
            while (pause_s := self._not_before_s - time.monotonic()) > 0:  # noqa: ASYNC110 - others may be refused meanwhile
                await asyncio.sleep(pause_s)
        except asyncio.CancelledError:
            self._give()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._give()

    def answered(self) -> None:
        """The server has borne one more."""
        self._limit = min(float(self._most), self._limit + _MORE)

    def refused(self, pause_s: float) -> None:
        """The server wants to be left alone for so long, by all of us: it has told one, and meant everyone.

        Others that were asking at the same time are refused for the same reason, which counts once.
        """
        import time

        now_s = time.monotonic()
        if now_s >= self._not_before_s:
            self._limit = max(1.0, self._limit / 2)
        self._not_before_s = max(self._not_before_s, now_s + pause_s)

    def _give(self) -> None:
        self._taken -= 1
        while self._waiting and self._taken < int(self._limit):
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
