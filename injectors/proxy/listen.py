"""Where to listen and whom to dial: addresses as Go's `net` package reads, resolves and words them.

Scripts and clients see these texts (`listen tcp: address nope: missing port in address`), so they are Go's to the
letter, except that a failed look-up does not name the name server.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Network = Literal["tcp", "udp"]
Endpoint = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family, and an address as `connect` and `bind` take it."""

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_BACKLOG = 4096


class WrongAddress(Exception):
    """A text that is no address, or a name that nobody knows. The message is Go's."""


class ListenFailed(Exception):
    """Listening did not come about. The message is Go's: `listen tcp 127.0.0.1:80: bind: permission denied`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A resolved address."""

    host: str
    """An IP address; empty when the text named none."""
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_wildcard(self) -> bool:
        """Whether it means every address of this host."""
        return self.host in ("", "0.0.0.0", "::")

    @property
    def endpoint(self) -> Endpoint:
        """As sockets take it."""
        return _endpoint(self.host, self.port)


def split(text: str) -> tuple[str, str]:
    """Host and port of `host:port`, `[host]:port` or `:port`. Raises WrongAddress."""
    colon = text.rfind(":")
    if colon < 0:
        raise _wrong(text, "missing port in address")
    rest = text
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            raise _wrong(text, "missing ']' in address")
        if end + 1 != colon:
            many = text[end + 1 : end + 2] == ":"
            raise _wrong(text, "too many colons in address" if many else "missing port in address")
        host, rest = text[1:end], text[1:end] + text[end + 1 :]
    else:
        host = text[:colon]
        if ":" in host:
            raise _wrong(text, "too many colons in address")
    for bracket in "[]":
        if bracket in rest:
            raise _wrong(text, f"unexpected '{bracket}' in address")
    return host, text[colon + 1 :]


def literal(text: str, network: Network = "tcp") -> Place | None:
    """The place that a text means without asking anybody; None for a host name. Raises WrongAddress."""
    host, port_text = split(text)
    port = _port(port_text, network)
    if not host:
        return Place("", port)
    bare, percent, zone = host.partition("%")
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        # The C library takes 127.1 and 0x7f.1 for addresses, and asks for anything; Go does neither.
        if re.fullmatch(r"[0-9.]+|0[xX][0-9a-fA-F.]+", host) or not re.fullmatch(r"[\w.-]+", host, re.ASCII):
            raise _nobody(host) from None
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return Place(f"{found}{percent}{zone}", port)


async def resolve(text: str, network: Network = "tcp") -> Place:
    """The place that a text means to somebody who listens; IPv4 is preferred. Raises WrongAddress.

    Its text is what a proxy's `listen` is compared with when it is updated.
    """
    if not text:
        return Place("", 0)
    if (place := literal(text, network)) is not None:
        return place
    found = await ask(asyncio.get_running_loop(), text, network)
    best = next((one for one in found if one[0] == socket.AF_INET), found[0])
    return Place(str(best[1][0]), best[1][1])


def ask(loop: asyncio.AbstractEventLoop, text: str, network: Network = "tcp") -> asyncio.Future[list[Endpoint]]:
    """All endpoints behind `name:port`, in time; who asks meanwhile gets the same answer. It raises WrongAddress.

    In a thread of its own, and not in the executor: that has few, all of which could be waiting for a dead name server
    with a control call behind them, and a process does not end before them.
    """
    key = loop, text, network
    answer = _asked.get(key)
    if answer is None:
        answer = _asked[key] = loop.create_future()
        threading.Thread(target=_answer, args=(key, answer), name=f"look up {text}", daemon=True).start()
    return asyncio.shield(answer)


_asked: dict[tuple[asyncio.AbstractEventLoop, str, Network], asyncio.Future[list[Endpoint]]] = {}


def _answer(key: tuple[asyncio.AbstractEventLoop, str, Network], answer: asyncio.Future[list[Endpoint]]) -> None:
    loop, text, network = key
    tell: Callable[[], None]
    try:
        tell = partial(answer.set_result, look_up(text, network))
    except Exception as problem:  # noqa: BLE001 - whoever asked is told, whatever it is
        tell = partial(answer.set_exception, problem)

    def done() -> None:
        del _asked[key]
        tell()

    try:
        loop.call_soon_threadsafe(done)
    except RuntimeError:  # the loop has ended, and nobody waits
        _asked.pop(key, None)


def look_up(text: str, network: Network = "tcp") -> list[Endpoint]:
    """All endpoints behind `name:port`, best first. May block as long as the resolver does. Raises WrongAddress."""
    host, port_text = split(text)
    port = _port(port_text, network)
    try:
        found = socket.getaddrinfo(host, port, type=_KINDS[network])
    except (OSError, UnicodeError):
        raise _nobody(host) from None
    return [(socket.AddressFamily(family), address) for family, _, _, _, address in found]


def to_dial(text: str, network: Network = "tcp") -> list[Endpoint] | None:
    """The endpoints to connect to, as far as nobody need be asked; None for a name. Raises WrongAddress."""
    place = literal(text, network)
    if place is None:
        return None
    if place.host:
        return [place.endpoint]
    return [_endpoint("127.0.0.1", place.port), _endpoint("::1", place.port)]  # no host is this one


async def listen(text: str, network: Network = "tcp") -> socket.socket:
    """A bound, non-blocking socket, for TCP one that listens. Raises ListenFailed."""
    try:
        place = await resolve(text, network)
    except WrongAddress as wrong:
        raise ListenFailed(f"listen {network}: {wrong}") from None
    try:
        return _bind(place, network)
    except OSError as problem:
        said = os.strerror(problem.errno or 0)
        raise ListenFailed(f"listen {network} {place}: bind: {said[:1].lower()}{said[1:]}") from None


def bound(sock: socket.socket) -> str:
    """The address a socket is bound to, as text."""
    host, port = sock.getsockname()[:2]
    return str(Place(host, port))


def _bind(place: Place, network: Network) -> socket.socket:
    dual = place.is_wildcard and socket.has_dualstack_ipv6()
    family, address = _endpoint("::", place.port) if dual else Place(place.host or "0.0.0.0", place.port).endpoint
    sock = socket.socket(family, _KINDS[network])
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        if network == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        if network == "tcp":
            sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _endpoint(host: str, port: int) -> Endpoint:
    if ":" not in host:
        return socket.AF_INET, (host, port)
    bare, _, zone = host.partition("%")
    try:
        scope = int(zone) if zone.isdigit() else socket.if_nametoindex(zone) if zone else 0
    except (OSError, ValueError):  # nobody's, or no name at all
        scope = 0
    return socket.AF_INET6, (bare, port, 0, scope)


def _port(text: str, network: Network) -> int:
    if re.fullmatch(r"[+-]?[0-9]*", text, re.ASCII):
        digits = text.lstrip("+-").lstrip("0") or "0"
        if len(digits) > 5 or int(digits) > 65535 or (text.startswith("-") and digits != "0"):
            raise WrongAddress(f"address {text}: invalid port")
        return int(digits)
    try:
        return socket.getservbyname(text.lower(), network)
    except (OSError, UnicodeError, ValueError):
        raise WrongAddress(f"lookup {network}/{text}: unknown port") from None


def _wrong(text: str, why: str) -> WrongAddress:
    return WrongAddress(f"address {text}: {why}")


def _nobody(host: str) -> WrongAddress:
    return WrongAddress(f"lookup {host}: no such host")
