"""What a fault of a link does to traffic, measured with connections of our own: through the proxy, and beside it.

A measurement takes at most three seconds, and can only contradict: what could not be measured is said, and proves nothing.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from injectors.toxiproxy import host_port, is_loopback

End = Literal["answered", "silent", "reset", "closed", "refused", "hangs", "unreachable"]

_BESIDE_S = 0.3
_THROUGH_S = 1.0
_CONNECT_S = 0.5
_SILENCE_S = 0.2  # at least; and fifty times what an answer takes beside the link
_TRIES = 3
_NOISE_S = 0.002
_NO_PING = "the effect was not measured: the inventory gives the link no `ping`"


@dataclass(frozen=True, slots=True)
class Look:
    """How one attempt to be served ended, and when."""

    end: End
    took_s: float


def measure(seen: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether what is measured agrees; None when it could not be measured. And a clause that says what was seen.

    `seen` has `sign` (as in `link_fault.Sign`), `listen` (null when it is out of reach), `upstream`, `protocol`, `ping`
    (empty when there is none), and for what is slower `at_least_s`. Raises InjectionFailed when a place is no host:port.
    """
    if seen["listen"] is None:
        return None, "the effect was not measured: the proxy listens where it cannot be reached from here"
    if seen["sign"] in {"refused", "hangs"}:
        return _by_connecting(seen)
    if not seen["ping"]:
        return (_by_connecting(seen) if seen["sign"] == "cut" else
                (None, _NO_PING))  # fmt: skip
    beside = _beside(seen)
    if any(one.end != "answered" for one in beside):
        return None, f"the effect was not measured: {seen['upstream']} itself does not answer a ping from here"
    return _by_ping(seen, [one.took_s for one in beside])


def _by_connecting(seen: Mapping[str, Any]) -> tuple[bool | None, str]:
    datagrams = seen["protocol"] == "udp"
    if datagrams and not seen["ping"]:
        return None, _NO_PING
    if seen["sign"] == "refused":
        # What forwards a port of this host to a container accepts first, and closes when nobody is there.
        wanted = {"refused", "reset", "closed", *(["silent"] if datagrams else [])}
        look = _look(seen["listen"], {**seen, "ping": seen["ping"] if datagrams else ""}, _CONNECT_S)
    else:
        wanted = {"hangs"}
        look = _look(seen["listen"], {**seen, "ping": None}, _CONNECT_S)
    if look.end in wanted:
        return True, f"connecting {_ENDS[look.end]}"
    if look.end == "unreachable":
        return None, f"the effect was not measured: {seen['listen']} cannot be reached from here"
    if seen["sign"] == "cut":  # the connection stands, and nothing was asked that could be answered
        return None, _NO_PING
    return False, "yet clients can connect" if look.end == "answered" else f"yet connecting {_ENDS[look.end]}"


def _beside(seen: Mapping[str, Any]) -> list[Look]:
    return [_look(seen["upstream"], seen, _BESIDE_S) for _ in range(_TRIES)]


def _by_ping(seen: Mapping[str, Any], beside_s: list[float]) -> tuple[bool | None, str]:
    within_s = min(_THROUGH_S, 2 * seen["at_least_s"] + max(_SILENCE_S, 50 * max(beside_s)))
    through = _look(seen["listen"], seen, within_s)
    slower = seen["sign"] == "slower" and through.end == "answered"
    if slower and not _took_longer(through, seen, beside_s):  # perhaps a moment's load made the way beside it slow
        beside_s = [*beside_s, *(one.took_s for one in _beside(seen) if one.end == "answered")]
    least = _ms(min(beside_s))
    if through.end == "answered":
        said = f"a ping takes {_ms(through.took_s)} through the link and {least} beside it"
    else:
        waited = f" within {_ms(within_s)}" if through.end == "silent" else ""
        said = f"a ping {_ENDS[through.end]}{waited} through the link, and takes {least} beside it"
    if slower:
        agrees = _took_longer(through, seen, beside_s)
        return agrees, said if agrees else f"yet {said}, where at least {_ms(seen['at_least_s'])} more were asked for"
    ends = {"slower": {"silent"}, "silent": {"silent", "closed", "reset"}, "cut": {"silent", "hangs"},
            "reset": {"reset", "closed"}}[seen["sign"]]  # fmt: skip
    if seen["sign"] == "reset" and through.end == "silent":
        return None, f"the effect was not measured: {said}"
    return (True, said) if through.end in ends else (False, f"yet {said}")


def _took_longer(through: Look, seen: Mapping[str, Any], beside_s: list[float]) -> bool:
    least_s = min(beside_s)
    noise_s = max(_NOISE_S, max(beside_s) - least_s)
    return through.took_s - least_s >= float(seen["at_least_s"]) - noise_s


_ENDS: Mapping[End, str] = {
    "answered": "is answered", "silent": "is not answered", "reset": "is answered by a reset",
    "closed": "ends at once", "refused": "is refused", "hangs": "hangs", "unreachable": "finds no way",
}  # fmt: skip


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def within_reach(listen: str, url: str) -> str | None:
    """Where a proxy is reached from here, given where its server says that it listens; None when it is not."""
    host, port = host_port(listen)
    server = host_port(url)[0]
    if host in {"", "0.0.0.0", "::"}:
        return f"[{server}]:{port}" if ":" in server else f"{server}:{port}"
    return None if is_loopback(host) and not is_loopback(server) else listen


def _look(place: str, seen: Mapping[str, Any], within_s: float) -> Look:
    """Connect, send the ping if there is one, and wait for the first byte, or for whatever else comes.

    With an empty ping the wait is for what follows on a connection that nobody serves: that it is closed. With none
    there is no wait, and to be connected is to be answered.
    """
    began_s = time.monotonic()

    def look(end: End) -> Look:
        return Look(end, time.monotonic() - began_s)

    try:
        one = _connected(place, seen["protocol"], within_s)
    except OSError as error:
        return look(_end_of(error, "hangs"))
    with one:
        if seen["ping"] is None:
            return look("answered")
        try:
            one.settimeout(max(0.01, within_s - (time.monotonic() - began_s)))
            began_s = time.monotonic()
            if seen["ping"]:
                one.send(seen["ping"].encode())
            return look("answered" if one.recv(65536) else "closed")
        except OSError as error:
            return look(_end_of(error, "silent" if seen["ping"] or seen["protocol"] == "udp" else "answered"))


def _connected(place: str, protocol: str, within_s: float) -> socket.socket:
    host, port = host_port(place)
    if protocol == "tcp":
        one = socket.create_connection((host or "127.0.0.1", port), within_s)
        with suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return one
    family, kind, _, _, address = socket.getaddrinfo(host or "127.0.0.1", port, type=socket.SOCK_DGRAM)[0]
    one = socket.socket(family, kind)
    try:
        one.connect(address)
    except OSError:
        one.close()
        raise
    return one


def _end_of(error: OSError, late: End) -> End:
    match error:
        case TimeoutError():
            return late
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case _:
            return "unreachable"
