"""A UDP proxy: datagrams relayed between the clients of one address and one upstream, spoiled by toxics on the way.

Each client, told by its address, has an upstream socket of its own, so that replies find their way back and upstream can
tell clients apart. A client is forgotten after a minute without traffic. What cannot be relayed is dropped and counted in
`dropped`, as a router would; nothing is ever waited for.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from injectors.proxy import descriptors
from injectors.proxy import listen as addresses
from injectors.proxy.datagrams import PASSED, Link, Stage
from injectors.proxy.holding import Holding
from injectors.proxy.hub import Hub, Watch
from injectors.proxy.toxic import Figure, Stream, Toxic
from injectors.proxy.udp_upstream import Address, Arrivals, Upstream

log = logging.getLogger(__name__)

CLIENTS_MAX = 10_000
IDLE_S = 60.0
_BATCH = 64
"""Datagrams read from one socket before the others have their turn."""
_SOCKET_BUFFER_BYTES = 4 * 1024 * 1024
_TOLD_BYTES = 64
_PROCESS_SEED = random.SystemRandom().getrandbits(63)


Told = Sequence[tuple[int, int, bytes]]
"""At which of this host's addresses a datagram came, as control messages have it; empty where there is only one."""


@dataclass(slots=True, eq=False)
class Client:
    """Whoever sends from one address, as long as there is traffic."""

    number: int
    """Counted from 1 in order of appearance; what is drawn for it depends on this."""
    address: Address
    sock: socket.socket
    """Connected to the upstream."""
    opened_s: float
    active_s: float
    """When a datagram last came, from either end."""
    watch: Watch | None = None
    told: Told = ()
    held: int = 0
    came: dict[Stream, int] = field(default_factory=lambda: {"upstream": 0, "downstream": 0})
    """Bytes by stream."""
    went: dict[Stream, int] = field(default_factory=lambda: {"upstream": 0, "downstream": 0})
    stages: dict[Toxic, Stage] = field(default_factory=dict)
    chains: dict[Stream, list[Stage]] = field(default_factory=lambda: {"upstream": [], "downstream": []})
    """Those of the stages that spoil this client, in their order."""
    edition: int = -1
    """Of the toxics that the chains were made from."""


class Held(NamedTuple):
    """A datagram that goes on later, behind the stage that holds it."""

    client: Client
    stream: Stream
    stage: Stage
    data: bytes


class UdpProxy:
    """One listening address in front of one upstream."""

    protocol: ClassVar = "udp"

    def __init__(
        self, hub: Hub, *, name: str, listen: str, upstream: str, seed: int | None = None, dial_s: float = 30.0,
        idle_s: float = IDLE_S, clients_max: int = CLIENTS_MAX,
    ) -> None:  # fmt: skip
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self.toxics: list[Toxic] = []
        self.dropped: Counter[str] = Counter()
        """Datagrams that no toxic asked to lose, by the reason in words."""
        self._hub = hub
        self._seed = _PROCESS_SEED if seed is None else seed
        self._dial_s = dial_s  # connecting takes no time here, but looking a name up does
        self._idle_s = idle_s
        self._clients_max = clients_max
        self._clients: dict[Address, Client] = {}
        self._numbers = itertools.count(1)
        self._came: dict[Stream, int] = {"upstream": 0, "downstream": 0}
        self._went: dict[Stream, int] = {"upstream": 0, "downstream": 0}
        self._sock: socket.socket | None = None
        self._is_wildcard = False
        self._watch: Watch | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._edition = 0
        self._shared: dict[Toxic, Link] = {}
        self._holding = Holding[Held](hub, self._go_on)
        self._to: Upstream | None = None

    # -- the contract with the collection of proxies

    async def start(self) -> None:
        """Bind; `listen` becomes the bound address. Raises ListenFailed; then nothing has changed."""
        if self.enabled:
            return
        sock = await addresses.listen(self.listen, "udp")
        if self.enabled:  # somebody else was quicker while the name was looked up
            sock.close()
            return
        _widen(sock)
        self._is_wildcard = _tell_where(sock)
        self._sock, self.listen, self.enabled = sock, addresses.bound(sock), True
        self._to = Upstream(self._hub, self.upstream, self._dial_s, self._resolved)
        self._watch = self._hub.watch(sock, self._from_clients, _nothing, self._broken)
        self._watch.reading(True)
        self._sweep = self._hub.loop.call_later(self._idle_s / 4, self._forget_idle)

    def stop(self) -> None:
        """Close all sockets at once; what is held is dropped, and a client then gets "connection refused". Toxics stay."""
        self.enabled = False
        if self._sweep:
            self._sweep.cancel()
        if self._to:
            self._to.cancel()
        if self._watch:
            self._watch.end()
        if self._sock:
            self._sock.close()
        self._sock = self._watch = self._to = self._sweep = None
        for client in list(self._clients.values()):
            self._forget(client)
        self._holding.clear()

    def add(self, toxic: Toxic) -> None:
        """Spoil with this one too, behind the others of its stream."""
        self.toxics.append(toxic)
        self._edition += 1

    def update(self, toxic: Toxic, attributes: dict[str, Figure], toxicity: float) -> None:
        """Change a toxic; what it holds goes on at once."""
        self._release(toxic)
        toxic.attributes, toxic.toxicity = attributes, toxicity
        self._edition += 1

    def remove(self, toxic: Toxic) -> None:
        """Spoil with this one no longer; what it holds goes on at once."""
        self._release(toxic)
        self.toxics.remove(toxic)
        self._shared.pop(toxic, None)
        self._edition += 1

    def connections(self) -> list[dict[str, object]]:
        """The clients of the last minute, the eldest first."""
        return [self._told(client) for client in self._clients.values()]

    def counters(self) -> dict[Stream, tuple[int, int]]:
        """Bytes received and sent, by stream."""
        return {stream: (self._came[stream], self._went[stream]) for stream in self._came}

    # -- what comes in

    def _from_clients(self) -> None:
        if self._sock is None:
            return
        receive = _receive_told if self._is_wildcard else _receive
        now_s = self._hub.time()
        for _ in range(_BATCH):
            try:
                data, address, told = receive(self._sock, self._hub.buffer)
            except BlockingIOError:
                return
            except OSError as problem:  # an ICMP error about an earlier reply; the next datagram may be well
                self._drop(f"listening: {problem.strerror}")
                continue
            client = self._clients.get(address) or self._welcome(address, data, now_s)
            if client:
                client.told = told
                self._take(client, "upstream", data, now_s)

    def _from_upstream(self, client: Client) -> None:
        buffer, now_s = self._hub.buffer, self._hub.time()
        for _ in range(_BATCH):
            try:
                size = client.sock.recv_into(buffer)
            except BlockingIOError:
                return
            except OSError as problem:  # ICMP says that nobody listens there; somebody may, soon
                self._drop(f"upstream: {problem.strerror}")
                continue
            self._take(client, "downstream", buffer[:size], now_s)

    def _take(self, client: Client, stream: Stream, data: memoryview, now_s: float) -> None:
        client.active_s = now_s
        client.came[stream] += len(data)
        self._came[stream] += len(data)
        if client.edition != self._edition:
            self._rebuild(client)
        if client.chains[stream]:
            self._pass(client, stream, 0, bytes(data), now_s)
        else:
            self._send(client, stream, data)

    # -- through the toxics, and out

    def _pass(self, client: Client, stream: Stream, position: int, data: bytes, now_s: float) -> None:
        """Let a datagram go through the stages from this position on; `now_s` is when it got there."""
        chain = client.chains[stream]
        while position < len(chain):
            stage = chain[position]
            position += 1
            waits = stage.wait(stage, len(data), now_s)
            if waits is PASSED:
                continue
            for wait_s in waits:
                if wait_s <= 0:
                    self._pass(client, stream, position, data, now_s)
                elif self._holding.hold(now_s + wait_s, len(data), stage.toxic, Held(client, stream, stage, data)):
                    client.held += 1
                else:
                    self._drop("too many are held back")
            return
        self._send(client, stream, data)

    def _go_on(self, held: Held, now_s: float) -> None:
        client, stream, stage, data = held
        client.held -= 1
        if client.edition != self._edition:
            self._rebuild(client)
        self._pass(client, stream, client.chains[stream].index(stage) + 1, data, now_s)

    def _release(self, toxic: Toxic) -> None:
        """Let everything go on that this toxic holds, and free its links."""
        self._holding.release(toxic)
        for client in self._clients.values():
            if stage := client.stages.get(toxic):
                stage.link.free_s = 0.0

    def _send(self, client: Client, stream: Stream, data: bytes | memoryview) -> None:
        try:
            if stream == "downstream":
                if self._sock is None:
                    return
                if client.told:
                    self._sock.sendmsg([data], client.told, 0, client.address)
                else:
                    self._sock.sendto(data, client.address)
            else:
                try:
                    client.sock.send(data)
                except ConnectionRefusedError:  # told of an earlier datagram, in place of sending this one
                    client.sock.send(data)
        except OSError as problem:  # no room, refused, too long for the way: all of them cost this datagram only
            self._drop(f"{stream}: {problem.strerror}")
            return
        client.went[stream] += len(data)
        self._went[stream] += len(data)

    # -- clients

    def _welcome(self, address: Address, data: memoryview, now_s: float) -> Client | None:
        """A new client; None when it cannot be served, or not yet, and then its datagram is taken care of."""
        if len(self._clients) >= self._clients_max:
            self._drop("too many clients")
            return None
        to = self._to
        if to is None:
            return None
        if (endpoint := to.endpoint()) is None:
            if not to.wait(address, bytes(data)):
                self._drop(f"upstream: {to.problem or 'too many wait for its address'}")
            return None
        try:
            sock = _connected(*endpoint)
        except OSError as problem:
            self._drop(f"upstream: {problem.strerror}")
            return None
        if descriptors.is_reserved(sock.fileno()):
            sock.close()
            self._drop("the last descriptors are kept for the API")
            return None
        client = Client(next(self._numbers), address, sock, opened_s=now_s, active_s=now_s)
        client.watch = self._hub.watch(sock, lambda: self._from_upstream(client), _nothing, self._broken)
        client.watch.reading(True)
        self._clients[address] = client
        return client

    def _resolved(self, waiting: Arrivals, problem: str) -> None:
        """The upstream's address is known, or not to be had: serve those who came meanwhile, or drop what they sent."""
        now_s = self._hub.time()
        for address, data in waiting:
            view = memoryview(data)
            if problem:
                self._drop(f"upstream: {problem}")
            elif client := self._clients.get(address) or self._welcome(address, view, now_s):
                self._take(client, "upstream", view, now_s)

    def _rebuild(self, client: Client) -> None:
        """Make a client's chains anew; a stage that goes on existing keeps what it has drawn."""
        before, client.stages, client.edition = client.stages, {}, self._edition
        for stream in client.chains:
            client.chains[stream] = []
        for toxic in self.toxics:
            stage = before.get(toxic) or self._stage(client, toxic)
            client.stages[toxic] = stage
            if stage.spoils():
                client.chains[toxic.direction].append(stage)

    def _stage(self, client: Client, toxic: Toxic) -> Stage:
        link = self._shared.setdefault(toxic, Link()) if toxic.type == "shared_bandwidth" else Link()
        # A source for each toxic: adding another one changes nothing of what this one draws.
        return Stage(toxic, link, f"{self._seed}|{self.name}|{client.number}|{toxic.direction}|{toxic.name}")

    def _forget_idle(self) -> None:
        limit_s = self._hub.time() - self._idle_s
        for client in list(self._clients.values()):
            if client.active_s <= limit_s and not client.held:
                self._forget(client)
        self._sweep = self._hub.loop.call_later(self._idle_s / 4, self._forget_idle)

    def _forget(self, client: Client) -> None:
        self._clients.pop(client.address, None)
        if client.watch:
            client.watch.end()
            client.watch = None
        client.sock.close()

    def _told(self, client: Client) -> dict[str, object]:
        if client.edition != self._edition:
            self._rebuild(client)
        streams = {
            stream: {
                "received": client.came[stream],
                "sent": client.went[stream],
                "toxics": [stage.toxic.name for stage in chain],
            }
            for stream, chain in client.chains.items()
        }
        return {
            "client": str(addresses.Place(client.address[0].removeprefix("::ffff:"), client.address[1])),
            "upstream": self.upstream,
            "opened_s": round(self._hub.time() - client.opened_s, 3),
            "streams": streams,
        }

    def _drop(self, why: str) -> None:
        if not self.dropped[why]:
            log.warning("%s: datagrams are dropped: %s", self.name, why)
        self.dropped[why] += 1

    def _broken(self, problem: Exception) -> None:
        self._drop(f"a bug of ours: {problem!r}")


def _connected(family: socket.AddressFamily, address: Address) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        _widen(sock)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _tell_where(sock: socket.socket) -> bool:
    """Have a socket of all addresses tell at which one a datagram came, so that the reply comes from there; True if so.

    A client that has connected its socket hears nobody else.
    """
    if sock.getsockname()[0] != "::" or not hasattr(socket, "IPV6_RECVPKTINFO"):
        return False
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        return True
    return False


def _receive(sock: socket.socket, buffer: memoryview) -> tuple[memoryview, Address, Told]:
    size, address = sock.recvfrom_into(buffer)
    return buffer[:size], address, ()


def _receive_told(sock: socket.socket, buffer: memoryview) -> tuple[memoryview, Address, Told]:
    size, told, _, address = sock.recvmsg_into([buffer], _TOLD_BYTES)
    return buffer[:size], address, told


def _widen(sock: socket.socket) -> None:
    """Room for bursts; the kernel gives less where it allows less."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        with suppress(OSError):  # some platforms refuse instead of giving what they have
            sock.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER_BYTES)


def _nothing() -> None:
    """Writing is never waited for: what does not fit is dropped."""
