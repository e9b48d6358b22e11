"""A TCP proxy: who connects, whom it dials for them, and the toxics in between."""

from __future__ import annotations

import errno
import logging
import random
import socket
import struct
import zlib
from contextlib import suppress
from typing import Any, ClassVar

from injectors.proxy import descriptors
from injectors.proxy.dial import Dial
from injectors.proxy.hub import Hub, Watch, report
from injectors.proxy.kernel import Silence, keep_alive
from injectors.proxy.link import Link
from injectors.proxy.listen import ListenFailed, Place, bound, listen
from injectors.proxy.pacing import Bucket
from injectors.proxy.toxic import Figure, Stream, Toxic

__all__ = ["ListenFailed", "TcpProxy"]

log = logging.getLogger(__name__)

_STREAMS: tuple[Stream, Stream] = ("upstream", "downstream")
_ACCEPTED_AT_ONCE = 32
_BREATH_S = 0.2
"""How long nobody is accepted when the process has no descriptor left."""
_QUIET_S = 10.0
"""How often the same reason is said at most."""
_NO_LINGER = struct.pack("ii", 1, 0)
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PROCESS_SEED = random.SystemRandom().getrandbits(63)
"""Stands in where no seed was given."""
_SILENCING = ("connect_timeout", "partition")
"""The toxics that keep clients from connecting."""


class TcpProxy:
    """One listener and its connections. Everything but `start` is done when it returns, and waits for nobody."""

    protocol: ClassVar = "tcp"

    def __init__(
        self, hub: Hub, *, name: str, listen: str, upstream: str, seed: int | None, dial_s: float = 30.0
    ) -> None:
        self.hub = hub
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.toxics: list[Toxic] = []
        """In order of creation."""
        self.dial_s = dial_s
        self.seed = _PROCESS_SEED if seed is None else seed
        self._door: Door | None = None
        self._accepted = 0
        self._open: dict[int, Connection] = {}
        self._buckets: dict[Toxic, Bucket] = {}
        self._closed: dict[Stream, tuple[int, int]] = dict.fromkeys(_STREAMS, (0, 0))

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._door is not None

    async def start(self) -> None:
        """Listen, and let `listen` say where. Raises ListenFailed; then nothing has changed."""
        if self._door is not None:
            return
        listener = await listen(self.listen)
        if self._door is not None:  # somebody else was quicker while the name was looked up
            listener.close()
            return
        self.listen = bound(listener)
        self._door = Door(self, listener)
        self._door.answer()

    def stop(self) -> None:
        """Close the listener, then every connection. The toxics stay."""
        if self._door is not None:
            self._door.close()
            self._door = None
        for connection in list(self._open.values()):
            connection.close()

    def add(self, toxic: Toxic) -> None:
        """Append a toxic to its stream, on open connections too."""
        self.toxics.append(toxic)
        self._change(lambda link: link.add(toxic), toxic)

    def update(self, toxic: Toxic, attributes: dict[str, Figure], toxicity: float) -> None:
        """Let a toxic be another from now on."""
        toxic.attributes, toxic.toxicity = attributes, toxicity
        self._change(lambda link: link.update(toxic), toxic)

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic away. Who was behind a `timeout` has missed bytes and is disconnected."""
        self.toxics.remove(toxic)
        self._change(lambda link: link.remove(toxic), toxic)
        self._buckets.pop(toxic, None)

    def connections(self) -> list[dict[str, object]]:
        """The open connections, oldest first, as JSON."""
        return [one.told() for one in self._open.values()]

    def counters(self) -> dict[Stream, tuple[int, int]]:
        """Bytes received and sent on each stream since the beginning, up to this moment."""
        return {stream: self._sum(stream) for stream in _STREAMS}

    def welcome(self, client: socket.socket, address: Any) -> None:
        """Serve a client that has connected."""
        self._accepted += 1
        connection = Connection(self, self._accepted, client, address)
        self._open[self._accepted] = connection
        try:
            connection.dial()
        except Exception as problem:  # noqa: BLE001 - one connection's bug must not end the others
            report(problem, connection.broken)

    def forget(self, connection: Connection) -> None:
        """A connection has been closed; only its bytes count."""
        if self._open.pop(connection.number, None) is not None:
            for stream, link in connection.links.items():
                received, sent = self._closed[stream]
                self._closed[stream] = (received + link.received, sent + link.sent)

    def bucket(self, toxic: Toxic) -> Bucket:
        """The bandwidth that this toxic lets all connections share."""
        if toxic not in self._buckets:
            self._buckets[toxic] = Bucket(self.hub, toxic)
        return self._buckets[toxic]

    def _change(self, change: Any, toxic: Toxic) -> None:
        if self._door is not None:
            self._door.answer()
        for connection in list(self._open.values()):
            if link := connection.links.get(toxic.direction):
                try:
                    change(link)
                except Exception as problem:  # noqa: BLE001 - the others must be changed, too
                    report(problem, connection.broken)

    def _sum(self, stream: Stream) -> tuple[int, int]:
        received, sent = self._closed[stream]
        links = [one.links[stream] for one in self._open.values() if one.links]
        return received + sum(one.received for one in links), sent + sum(one.sent for one in links)


class Door:
    """A listener, and whether it answers."""

    def __init__(self, proxy: TcpProxy, listener: socket.socket) -> None:
        self._proxy = proxy
        self._hub = proxy.hub
        self._listener = listener
        # Accepted sockets take both over from the listener.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(listener)
        self._watch = self._hub.watch(listener, self._accept, self._accept, self._broken)
        self._silence = Silence(listener, backlog=4096)
        self._silent_share = 0.0
        self._said = ("", 0.0)  # why nobody was accepted, and when that was said
        self._watch.reading(True)

    def answer(self) -> None:
        """Answer those who connect, as far as the proxy's toxics allow."""
        share = max((one.toxicity for one in self._proxy.toxics if one.type in _SILENCING), default=0.0)
        share = min(1.0, max(0.0, share))
        if share == self._silent_share:
            return
        self._silent_share = share
        # A filter is replaced without a gap; a full queue has to be emptied first.
        waiting = self._silence.end() if share <= 0 or self._silence.how == "queue" else []
        how = self._silence.begin(share, salt=self._salt()) if share > 0 else "none"
        if share > 0 and how == "none":
            log.warning(
                "%s: this system cannot keep %.0f %% of the clients from connecting", self._proxy.name, share * 100
            )
        self._watch.reading(how != "queue")
        for client, address in waiting:
            self._proxy.welcome(client, address)

    def close(self) -> None:
        """Refuse everybody from now on."""
        self._watch.end()
        for client, _ in self._silence.end():
            client.close()
        self._listener.close()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                client, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as problem:
                if problem.errno in _EXHAUSTED:
                    self._pause(problem)
                    return
                continue  # that client has left already
            client.setblocking(False)
            is_reserved = descriptors.is_reserved(client.fileno())
            self._proxy.welcome(client, address)
            if self._listener.fileno() < 0:
                return
            if is_reserved:
                self._pause("the last descriptors are kept for the API")
                return

    def _pause(self, why: object) -> None:
        said, at = self._said
        if said != str(why) or self._hub.time() - at >= _QUIET_S:
            self._said = str(why), self._hub.time()
            log.warning("%s: nobody can be accepted for the moment: %s", self._proxy.name, why)
        self._watch.reading(False)
        self._hub.loop.call_later(_BREATH_S, self._go_on)

    def _go_on(self) -> None:
        if self._listener.fileno() < 0:
            return
        if not descriptors.are_left(self._listener.fileno()):
            self._hub.loop.call_later(_BREATH_S, self._go_on)
        elif self._silence.how != "queue":
            self._watch.reading(True)

    def _broken(self, problem: Exception) -> None:
        """A bug while accepting was logged; the listener stays."""

    def _salt(self) -> int:
        return zlib.crc32(f"{self._proxy.seed}|{self._proxy.name}".encode())


class Connection:
    """A client, its upstream, and a link each way."""

    __slots__ = ("_client", "_client_address", "_dial", "_opened_s", "_proxy", "_resetting", "_server", "_watches",
                 "hub", "links", "number")  # fmt: skip

    def __init__(self, proxy: TcpProxy, number: int, client: socket.socket, address: Any) -> None:
        self.hub = proxy.hub
        self.number = number
        self.links: dict[Stream, Link] = {}
        """Empty until the upstream has answered."""
        self._proxy = proxy
        self._client = client
        self._client_address = address
        self._server: socket.socket | None = None
        self._dial: Dial | None = None
        self._watches: dict[socket.socket, Watch] = {}
        self._opened_s = proxy.hub.time()
        self._resetting = False

    def dial(self) -> None:
        """Connect to the upstream; until then the client's bytes wait in the kernel."""
        self._dial = Dial(self.hub, self._proxy.upstream, self._proxy.dial_s, self._dialled)
        self._dial.begin()

    def key(self, stream: Stream, toxic: Toxic) -> str:
        """What the random numbers of a toxic depend on."""
        return f"{self._proxy.seed}|{self._proxy.name}|{self.number}|{stream}|{toxic.name}"

    def bucket(self, toxic: Toxic) -> Bucket:
        """The bandwidth that this toxic lets all connections share."""
        return self._proxy.bucket(toxic)

    def reset(self) -> None:
        """End with RST when it ends."""
        self._resetting = True

    def link_over(self, link: Link) -> None:
        """All that this direction will ever deliver is delivered: close its sink, which ends the other one, too."""
        sink = self._server if link.stream == "upstream" else self._client
        other = self.links["downstream" if link.stream == "upstream" else "upstream"]
        if self._resetting or sink is None or other.sink_watch not in self._watches.values():
            self.close()
            return
        self._watches.pop(sink).end()
        sink.close()
        other.source_gone()

    def close(self) -> None:
        """Close both sockets at once."""
        if self._dial is not None:
            self._dial.cancel()
        for link in self.links.values():
            link.end()
        for watch in self._watches.values():
            watch.end()
        self._watches.clear()
        for sock in (self._client, self._server):
            if sock is not None and sock.fileno() >= 0:
                if self._resetting:
                    with suppress(OSError):  # some systems refuse once the peer has gone
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                sock.close()
        self._proxy.forget(self)

    def broken(self, problem: Exception) -> None:
        """Close because of a bug."""
        self.close()

    def told(self) -> dict[str, object]:
        """As JSON."""
        links = self.links
        return {
            "client": _text(self._client_address),
            "upstream": self._proxy.upstream,
            "opened_s": round(self.hub.time() - self._opened_s, 3),
            "received": {stream: links[stream].received if links else 0 for stream in _STREAMS},
            "sent": {stream: links[stream].sent if links else 0 for stream in _STREAMS},
            "toxics": [name for link in links.values() for name in link.spoilers()],
        }

    def _dialled(self, server: socket.socket | None, why: str) -> None:
        self._dial = None
        if server is None:
            log.info("%s: %s", self._proxy.name, why)
            self.close()
            return
        self._server = server
        try:
            self._join(self._client, server)
        except Exception as problem:  # noqa: BLE001 - one connection's bug must not end the others
            report(problem, self.broken)

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        up = Link(self, "upstream", client, server)
        down = Link(self, "downstream", server, client)
        self.links = {"upstream": up, "downstream": down}
        up.source_watch = down.sink_watch = self._watched(client, up, down)
        down.source_watch = up.sink_watch = self._watched(server, down, up)
        for toxic in self._proxy.toxics:
            self.links[toxic.direction].add(toxic)
        up.start()
        down.start()

    def _watched(self, sock: socket.socket, source_of: Link, sink_of: Link) -> Watch:
        watch = self.hub.watch(sock, source_of.read, sink_of.drain, self.broken)
        self._watches[sock] = watch
        return watch


def _text(address: Any) -> str:
    host, port = address[:2]
    return str(Place(host.removeprefix("::ffff:"), port))
