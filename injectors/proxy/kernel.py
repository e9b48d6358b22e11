"""What the kernel can be asked to spoil: segments lost on a socket of ours, and connecting that hangs.

A classic BPF filter on a socket decides over each segment that comes in, before TCP sees it. What it drops was never
acknowledged, so the peer's kernel sends it again: applications see true retransmission time-outs and no byte is ever
missing. The filter eats whatever comes in, the peer's acknowledgements, FIN and RST included, as a lossy wire does.
On the socket towards the client that is loss from the client to the proxy; on the one towards the server, loss from
the server to the proxy. What a socket sends is never filtered.

Linux only, and for TCP only with CAP_NET_ADMIN; `can_filter` tells. The kernel's random numbers cannot be seeded and
a filter has no memory, so a reproducible or a bursty loss needs the model in `loss.py`. On loopback one segment is up to
64 KiB, hence a bulk transfer meets fewer losses than on a wire of 1500 bytes.
"""

from __future__ import annotations

import array
import errno
import functools
import socket
import struct
import sys
from typing import Any, Literal

How = Literal["filter", "queue", "none"]
Instruction = tuple[int, int, int, int]
Accepted = tuple[socket.socket, Any]
"""A connection and its client's address, as `socket.accept` gives them."""

# From linux/filter.h and asm-generic/socket.h; the socket module does not name them.
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_ESTABLISHED = 1  # in TCP_INFO
_LOAD_WORD, _LOAD_HALF, _XOR, _MULTIPLY, _DROP_UNLESS_AT_LEAST, _RETURN = 0x20, 0x28, 0xA4, 0x24, 0x35, 0x06
_RANDOM = 0xFFFFF000 + 56
"""Where a filter finds a new random word (SKF_AD_OFF + SKF_AD_RANDOM)."""
_SOURCE_PORT = 0
"""Where a filter on a TCP or UDP socket finds the sender's port: the packet begins with that header."""
_GOLDEN = 0x9E3779B1
"""Spreads neighbouring ports over the whole word (2^32 divided by the golden ratio, odd)."""

_PASS: tuple[Instruction, ...] = ((_RETURN, 0, 0, 0xFFFFFFFF),)
_DROP: tuple[Instruction, ...] = ((_RETURN, 0, 0, 0),)

PATIENT_S = (300, 60, 10)
"""Keep-alive while segments are lost: idle, interval, number of tries.

A quarter of an hour in all, which is how long Linux retries unacknowledged data: a partition outlives what it would in a
real network, and a connection whose peer has died behind it still ends.
"""
BRISK_S = (15, 15, 9)
"""Keep-alive at all other times, as Go sets it on every connection: who has vanished is not waited for for ever.

After losses, the peer may have given up meanwhile, and its FIN and RST were eaten; the first probe is answered by an RST.
"""

_KEEP_ALIVE: tuple[int, ...] = tuple(getattr(socket, f"TCP_KEEP{name}", 0) for name in ("IDLE", "INTVL", "CNT"))
"""The options for these times; 0 where there is none."""
_FILLERS_MAX = 4
_ACCEPT_MAX = 4096
_NO_LINGER = struct.pack("ii", 1, 0)


@functools.cache
def can_filter() -> bool:
    """Whether the kernel lets this process filter its own TCP sockets; tried once, on a socket of no use."""
    try:
        with socket.socket() as trial:
            _attach(trial, _PASS)
    except OSError:
        return False
    return True


def lose(sock: socket.socket, share: float) -> None:
    """From now on lose this share (0 to 1) of what comes in, each segment on its own; 1 is a partition, 0 ends it.

    Replaces what was asked before without a gap. A TCP socket's keep-alive is set so that neither a dead peer nor a
    long partition goes wrong. Raises OSError when the kernel refuses; then nothing has changed.
    """
    if share > 0:
        _attach(sock, _lose_at_random(share))
    else:
        _detach(sock)
    if sock.type == socket.SOCK_STREAM:
        keep_alive(sock, PATIENT_S if share > 0 else BRISK_S)


def keep_alive(sock: socket.socket, times: tuple[int, int, int] = BRISK_S) -> None:
    """Let the kernel end a connection whose peer does not answer any more; accepted sockets have it from their listener."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in zip(_KEEP_ALIVE, times, strict=True):
        if option:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


class Silence:
    """Makes connecting to a listener of ours hang: no answer and no RST until the client's own deadline.

    A client that waits past the end connects with its next SYN, which Linux repeats after 1, 2, 3, 4 s and then ever
    more seldom (before 6.5: 1, 3, 7, 15 s). Open connections are not touched.

    Two ways. `filter` drops the SYNs. `queue`, which needs no privilege, fills the listener's accept queue with idle
    connections of ours, whereupon the kernel drops every further SYN; until `end` the owner must not accept.
    """

    def __init__(self, listener: socket.socket, *, backlog: int = 4096) -> None:
        self._listener = listener
        self._backlog = backlog
        self._fillers: list[socket.socket] = []
        self._narrowed = False
        """Whether the queue is of length 0 now."""
        self.how: How = "none"
        """The way it goes at present; `none` when it has not begun or cannot be had here."""

    def begin(self, share: float = 1.0, *, salt: int = 0) -> How:
        """Silence the listener, or this share of its clients; say which way it goes. May be called again.

        Which clients a share below 1 means is decided by their port and `salt`, so a client's repeated SYNs share one
        fate. Only a filter can tell clients apart: without one it is all or, up to one half, none, and `end` comes
        before another share.
        """
        if can_filter():
            _attach(self._listener, _DROP if share >= 1 else _lose_by_port(share, salt))
            self.how = "filter"
        elif self.how == "none" and share > 0.5 and _is_linux():  # elsewhere a full queue may answer with RST
            self.how = "queue" if self._fill() else "none"
            if self.how == "none":
                self._empty()
        return self.how

    def end(self) -> list[Accepted]:
        """Let clients connect again. Gives those found in the queue, non-blocking, who are the caller's to serve or close.

        Safe to call at any time, whatever `begin` said, and after the listener was closed.
        """
        how, self.how = self.how, "none"
        names = {one.getsockname()[:2] for one in self._fillers}
        self._empty()
        if self._listener.fileno() < 0 or how == "none":
            return []
        if how == "filter":
            _detach(self._listener)
            return []
        return self._take_out(names)

    def _fill(self) -> bool:
        """Occupy the accept queue; True once a further connection of ours hangs.

        A queue of 0 holds one connection, and it may hold clients already. Fillers keep their ports bound as long as
        they live, so that no client can be taken for one of them.
        """
        self._listener.listen(0)
        self._narrowed = True
        family, address = _reach(self._listener)
        try:
            for _ in range(_FILLERS_MAX):
                one = socket.socket(family)
                self._fillers.append(one)
                one.setblocking(False)
                one.bind((address[0], 0))
                if one.connect_ex(address) not in (0, errno.EINPROGRESS):
                    return False
                if not _connected(one):
                    return True
        except OSError:  # no descriptor or port left, for example: `how` says that it cannot be had
            return False
        return False

    def _empty(self) -> None:
        """Close our ends of the fillers and make the queue as long as before; theirs still stand in it."""
        for one in self._fillers:
            one.close()
        self._fillers.clear()
        if self._narrowed and self._listener.fileno() >= 0:
            self._listener.listen(self._backlog)
        self._narrowed = False

    def _take_out(self, names: set[Any]) -> list[Accepted]:
        """Accept until the queue is empty; drop the fillers among them and give the others."""
        clients: list[Accepted] = []
        for _ in range(_ACCEPT_MAX):
            try:
                sock, address = self._listener.accept()
            except ConnectionAbortedError:  # a client that has given up already
                continue
            except OSError:  # empty; or no descriptor is left, and then the owner's next accept says so
                break
            # A listener for both families tells an IPv4 client as ::ffff:127.0.0.1.
            if (address[0].removeprefix("::ffff:"), address[1]) in names:
                # An RST leaves neither end in TIME_WAIT on the listener's port.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                sock.close()
            else:
                sock.setblocking(False)
                clients.append((sock, address))
        return clients


def _is_linux() -> bool:
    return sys.platform == "linux"


def _lose_at_random(share: float) -> tuple[Instruction, ...]:
    if share >= 1:
        return _DROP
    return ((_LOAD_WORD, 0, 0, _RANDOM), *_drop_below(share))


def _lose_by_port(share: float, salt: int) -> tuple[Instruction, ...]:
    spread = ((_LOAD_HALF, 0, 0, _SOURCE_PORT), (_XOR, 0, 0, salt & 0xFFFFFFFF), (_MULTIPLY, 0, 0, _GOLDEN))
    return (*spread, *_drop_below(share))


def _drop_below(share: float) -> tuple[Instruction, ...]:
    """Drop when the accumulator, a word, is below this share of all words."""
    least = min(round(max(0.0, share) * 2**32), 2**32 - 1)
    return ((_DROP_UNLESS_AT_LEAST, 1, 0, least), *_DROP, *_PASS)


def _attach(sock: socket.socket, program: tuple[Instruction, ...]) -> None:
    if not _is_linux():  # the option's number means something else there
        raise OSError(errno.ENOTSUP, "no socket filters on this platform")
    code = array.array("B", b"".join(struct.pack("=HBBI", *one) for one in program))
    # struct sock_fprog: how many instructions, and where; the kernel copies them before it returns.
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program), code.buffer_info()[0]))


def _detach(sock: socket.socket) -> None:
    if not _is_linux():
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    except OSError as problem:
        if problem.errno != errno.ENOENT:  # it had none
            raise


def _reach(listener: socket.socket) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """How a connection of ours gets to this listener."""
    host, port = listener.getsockname()[:2]
    family = listener.family
    if host == "::" and not listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        # Both families share one queue, and IPv4 is there even where loopback has no IPv6 address.
        return socket.AF_INET, ("127.0.0.1", port)
    return family, ({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port)


def _connected(sock: socket.socket) -> bool:
    """Whether a connection begun within this host stands; there the handshake is over before `connect` returns."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED
