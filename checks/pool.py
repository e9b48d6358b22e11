"""A bounded set of connections, each lent to one look at a time. For probes whose servers keep connections open.

One look is one try: nothing here asks again. A look that fails or is cancelled closes its connection, since an answer
may still be on its way, and all idle ones too, since they were opened before the trouble: whoever looks next
connects anew and so finds the server that has taken over.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from checks.probe import LeftBehind

C = TypeVar("C")


class AllBusy(Exception):
    """No connection is free and no more may be opened; the message says how many there are."""


class Pool(Generic[C]):
    """Opens a connection when none is idle, up to `most`; `usable` says whether an idle one can be used again."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[C]],
        usable: Callable[[C], Awaitable[bool]],
        close: Callable[[C], Awaitable[None]],
        most: int,
    ) -> None:
        self._connect, self._usable, self._close, self._most = connect, usable, close, most
        self._idle: list[C] = []
        self._lent = 0
        self._closed = False

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[C]:
        """One connection, taken back when the block ends well and closed when it does not. Raises AllBusy."""
        if self._lent >= self._most:
            raise AllBusy(f"all {self._most} connections are busy")
        self._lent += 1
        try:
            connection = await self._idle_one() or await self._connect()
            try:
                yield connection
            except BaseException:
                await self._close(connection)
                raise
        except BaseException:
            await self.drop_idle()
            raise
        finally:
            self._lent -= 1
        if self._closed:
            await self._close(connection)
        else:
            self._idle.append(connection)

    async def drop_idle(self) -> None:
        """Close all connections that nobody is using."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await self._close(connection)

    async def close(self) -> None:
        """Close the idle ones now, and those still lent as they come back."""
        self._closed = True
        await self.drop_idle()

    async def _idle_one(self) -> C | None:
        """The idle connection used last, so that those not needed stay idle and the newest is tried first."""
        while self._idle:
            connection = self._idle.pop()
            try:
                if await self._usable(connection):
                    return connection
            except BaseException:
                await self._close(connection)
                raise
            await self._close(connection)
        return None


class Closes(Protocol):
    """What can be closed and then says what it could not take away, or nothing."""

    async def close(self) -> str:
        """Remove what was left in the target and close what was opened."""
        ...


W = TypeVar("W", bound=Closes)


@asynccontextmanager
async def closing(watch: W) -> AsyncIterator[W]:
    """Close the watch at the end of the block. What stays behind is a note on the block's own error, if it has one."""
    try:
        yield watch
    except BaseException as error:
        left = await watch.close()
        if left:
            error.add_note(left)
        raise
    left = await watch.close()
    if left:
        raise LeftBehind(left)
