"""Connecting to an upstream: one attempt at all of its addresses, with one deadline, waited for by nobody."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from injectors.proxy.hub import Hub, Watch, report
from injectors.proxy.listen import Endpoint, WrongAddress, ask, to_dial

_UNDER_WAY = (errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR)
_NON_BLOCKING: int = getattr(socket, "SOCK_NONBLOCK", 0)  # saves a call to the kernel where there is one


class Dial:
    """Calls `done` once, with a connected non-blocking socket, or with None and what was wrong with each address."""

    def __init__(
        self, hub: Hub, upstream: str, within_s: float, done: Callable[[socket.socket | None, str], None],
    ) -> None:  # fmt: skip
        self._hub = hub
        self._upstream = upstream
        self._deadline = hub.time() + within_s
        self._done = done
        self._left: list[Endpoint] = []
        self._problems: list[str] = []
        self._sock: socket.socket | None = None
        self._watch: Watch | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def begin(self) -> None:
        """Start; `done` may be called before this returns."""
        try:
            known = to_dial(self._upstream)
        except WrongAddress as wrong:
            self._finish(None, f"dial tcp: {wrong}")
            return
        if known is not None:
            self._left = known
            self._next()
            return
        self._timer = self._hub.loop.call_at(self._deadline, self._too_late)
        ask(self._hub.loop, self._upstream).add_done_callback(self._resolved)

    def cancel(self) -> None:
        """Give up; `done` is not called any more."""
        self._over = True
        self._clear()

    def _resolved(self, asking: asyncio.Future[list[Endpoint]]) -> None:
        problem = asking.exception()  # taken out in any case, else asyncio complains
        if self._over:
            return
        self._clear()
        if problem is not None:
            self._finish(None, f"dial tcp: {problem}")
        else:
            self._left = asking.result()
            self._go_on()

    def _next(self) -> None:
        """Try the next address; the time left is shared among those that are left."""
        while self._left and not self._over:
            share_s = (self._deadline - self._hub.time()) / len(self._left)
            family, address = self._left.pop(0)
            try:
                self._sock = sock = _socket(family)
                code = sock.connect_ex(address)
                if code == errno.EINPROGRESS:
                    # Within one host the handshake is over already; asking costs less than being told.
                    code = sock.connect_ex(address)
            except OSError as problem:
                code = problem.errno or errno.EIO
            if code in (0, errno.EISCONN):
                self._connected()
                return
            if code in _UNDER_WAY:
                self._wait(share_s)
                return
            self._failed(code)
        if not self._over:
            self._finish(None, "; ".join(self._problems) or f"dial tcp {self._upstream}: no address")

    def _wait(self, share_s: float) -> None:
        assert self._sock is not None
        self._watch = self._hub.watch(self._sock, self._answered, self._answered, self._broken)
        self._watch.writing(True)
        self._timer = self._hub.loop.call_at(self._hub.time() + max(0.0, share_s), self._too_late)

    def _answered(self) -> None:
        assert self._sock is not None
        if code := self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._failed(code)
            self._next()
        else:
            self._connected()

    def _too_late(self) -> None:
        self._failed(errno.ETIMEDOUT)
        self._go_on()

    def _go_on(self) -> None:
        """The next address, from a callback of the event loop."""
        try:
            self._next()
        except Exception as problem:  # noqa: BLE001 - a bug ends this connection only
            report(problem, self._broken)

    def _failed(self, code: int) -> None:
        self._problems.append(f"dial tcp {self._upstream}: connect: {os.strerror(code)}")
        self._clear()

    def _connected(self) -> None:
        sock, self._sock = self._sock, None
        self._clear()
        self._finish(sock, "")

    def _finish(self, sock: socket.socket | None, problem: str) -> None:
        self._over = True
        self._done(sock, problem)

    def _broken(self, problem: Exception) -> None:
        if not self._over:
            self._clear()
            self._finish(None, repr(problem))

    def _clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _socket(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | _NON_BLOCKING)
    if not _NON_BLOCKING:
        sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
