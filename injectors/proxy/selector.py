"""What sockets are watched with: Linux's epoll, or the best that another platform has, spoken to in the same way."""

from __future__ import annotations

import select
import selectors
import sys
from typing import Protocol

READ, WRITE = 1, 4
"""As epoll has them."""

_AT_ONCE = 64
_WAIT_MAX_S = 3600.0
"""The kernel cannot count to some of the times that a toxic may name."""
_SELECT_MAX = 1024
"""`select` cannot look at descriptors from here on."""


class Selector(Protocol):
    """Watches descriptors."""

    def register(self, fd: int, events: int, /) -> object:
        """Begin to watch one."""
        ...

    def modify(self, fd: int, events: int, /) -> object:
        """Watch it for something else."""
        ...

    def unregister(self, fd: int, /) -> object:
        """Watch it no longer; to be called before it is closed."""
        ...

    def fileno(self) -> int:
        """The descriptor that is ready when one of those watched is."""
        ...

    def close(self) -> None:
        """Watch none any more."""

    def poll(self, wait_s: float) -> list[tuple[int, int]]:
        """What is ready now or within this time, or some of it; below 0, wait for ever. May return early with nothing."""
        ...


class _Epoll:
    """Tells of so many at once that serving them, at one full buffer each, takes a few milliseconds."""

    def __init__(self) -> None:
        real = select.epoll()
        self.register = real.register
        self.modify = real.modify
        self.unregister = real.unregister
        self.fileno = real.fileno
        self.close = real.close
        self._poll = real.poll

    def poll(self, wait_s: float) -> list[tuple[int, int]]:
        # The kernel counts in whole milliseconds, and Python rounds up; what is left is waited for more finely.
        if wait_s <= 0:
            return self._poll(wait_s, _AT_ONCE)
        if wait_s >= 0.001:
            return self._poll((int(min(wait_s, _WAIT_MAX_S) * 1000) - 0.5) / 1000, _AT_ONCE)
        if self.fileno() >= _SELECT_MAX:
            return self._poll(wait_s, _AT_ONCE)
        if ready := self._poll(0, _AT_ONCE):
            return ready
        select.select([self.fileno()], [], [], wait_s)
        return self._poll(0, _AT_ONCE)


class _Portable:
    """Tells of all that are ready: of a part, some platforms would tell of the same one each time."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.unregister = self._real.unregister
        self.close = self._real.close

    def register(self, fd: int, events: int) -> None:
        self._real.register(fd, _translated(events))

    def modify(self, fd: int, events: int) -> None:
        self._real.modify(fd, _translated(events))

    def fileno(self) -> int:
        return int(self._real.fileno())  # epoll, kqueue and devpoll have one

    def poll(self, wait_s: float) -> list[tuple[int, int]]:
        ready = self._real.select(None if wait_s < 0 else min(wait_s, _WAIT_MAX_S))
        return [(key.fd, (events & 1 and READ) | (events & 2 and WRITE)) for key, events in ready]


def _translated(events: int) -> int:
    return (selectors.EVENT_READ if events & READ else 0) | (selectors.EVENT_WRITE if events & WRITE else 0)


def best() -> Selector:
    """The best one of this platform."""
    return _Epoll() if sys.platform == "linux" else _Portable()
