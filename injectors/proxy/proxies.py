"""All proxies of one server: what may be asked of them, in which order it happens, and when a lease is over.

Whatever changes a proxy and has to wait (for a name to be looked up, no more) holds that proxy's name meanwhile; nothing
here ever waits for a connection, a toxic or another proxy.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol
from weakref import WeakValueDictionary

from injectors.proxy import toxic as vocabulary
from injectors.proxy import wire
from injectors.proxy.listen import ListenFailed, WrongAddress, resolve
from injectors.proxy.toxic import KINDS, Figure, Stream, Toxic, WrongToxic
from injectors.proxy.wire import ProxyBody, ToxicBody

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""After a lease is over and its proxy cannot listen again yet."""


_DUPLICATES_MAX = 4
"""Each doubles what the one before it has made: twenty would make a million of one datagram."""


class Refused(Exception):
    """What was asked for is not done; the message and the status are what the client gets."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Proxy(Protocol):
    """One listening address in front of one upstream."""

    protocol: ClassVar[Any]
    name: str
    listen: str
    upstream: str
    toxics: list[Toxic]

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        ...

    async def start(self) -> None:
        """Listen; `listen` becomes the bound address. Raises ListenFailed."""

    def stop(self) -> None:
        """Close the listener and every connection, at once."""

    def add(self, toxic: Toxic) -> None:
        """Append it to its stream's chain, for open connections too."""

    def update(self, toxic: Toxic, attributes: dict[str, Figure], toxicity: float) -> None:
        """Let it spoil otherwise from now on."""

    def remove(self, toxic: Toxic) -> None:
        """Take it out of its chain."""

    def connections(self) -> list[dict[str, object]]:
        """Those that are open, for JSON."""
        ...

    def counters(self) -> dict[Stream, tuple[int, int]]:
        """Bytes received and sent, by stream."""
        ...


Make = Callable[[str, str, str, str], Proxy]
"""A new proxy of a protocol, a name, where to listen and its upstream."""


class Proxies:
    """The proxies by their names."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._proxies: dict[str, Proxy] = {}
        self._names: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._leases: dict[Toxic | Proxy, asyncio.TimerHandle] = {}
        self._told: dict[Proxy, tuple[object, str]] = {}
        """What was told of a proxy whose toxics have not changed since: a thousand of them are asked for at once."""
        self._coming_back: set[asyncio.Task[None]] = set()

    def all(self) -> list[Proxy]:
        """In the order of their names."""
        return [self._proxies[name] for name in sorted(self._proxies)]

    def get(self, name: str) -> Proxy:
        """The one of this name. Raises Refused."""
        if found := self._proxies.get(name):
            return found
        raise Refused("proxy not found", 404)

    def told(self, proxy: Proxy) -> str:
        """A proxy in JSON."""
        seen = (proxy.listen, proxy.upstream, proxy.enabled)
        known = self._told.get(proxy)
        if known is not None and known[0] == seen:
            return known[1]
        lease = self._leases.get(proxy)
        now = asyncio.get_running_loop().time()
        told = wire.proxy(
            proxy.name, *seen, wire.toxics(proxy.toxics, now), protocol=proxy.protocol,
            lease_ms=wire.remaining_ms(lease.when(), now) if lease else None,
        )  # fmt: skip
        # Of leases another figure is left every time; and who has been deleted meanwhile would never be forgotten.
        if not self._leases and self._proxies.get(proxy.name) is proxy:
            self._told[proxy] = seen, told
        return told

    # Proxies.

    async def create(self, body: ProxyBody) -> Proxy:
        """A new one, listening unless it is to be disabled; of one that cannot listen nothing stays. Raises Refused."""
        _see_what_is_missing(body)
        async with self._holding(body.name):
            if body.name in self._proxies:
                raise Refused("proxy already exists", 409)
            proxy = self._new(body)
            await self._put(proxy, body)
        return proxy

    async def update(self, name: str, body: ProxyBody) -> Proxy:
        """Listen elsewhere, lead elsewhere, be enabled or not; toxics stay. Raises Refused.

        A proxy that cannot listen where it now should is left disabled, with its new addresses.
        """
        async with self._holding(name):
            proxy = self.get(name)
            listen = proxy.listen if body.listen is None else body.listen
            upstream = proxy.upstream if body.upstream is None else body.upstream
            enabled = proxy.enabled if body.enabled is None else body.enabled
            _see_lease(body.lease_ms, enabled)
            if await _differs(proxy, listen, upstream):
                proxy.stop()
                proxy.listen, proxy.upstream = listen, upstream
            if enabled and not proxy.enabled:
                await _start(proxy)
            elif not enabled:
                proxy.stop()
            self._lease_absence(proxy, body.lease_ms)
            return proxy

    async def populate(self, bodies: Sequence[ProxyBody]) -> tuple[list[Proxy], Refused | None]:
        """See that all of these are there; the first one that cannot be ends it, and those before it stay.

        One that is there with the same addresses is left entirely as it is; with others, it is replaced.
        """
        made: list[Proxy] = []
        try:
            for number, body in enumerate(bodies, 1):
                _see_what_is_missing(body, f" at proxy {number}")
            for body in bodies:
                self._new(body)
            for body in bodies:
                async with self._holding(body.name):
                    made.append(await self._add_or_replace(body))
                await asyncio.sleep(0)  # the data path has its turn between two of a thousand
        except Refused as refused:
            return made, refused
        return made, None

    async def _add_or_replace(self, body: ProxyBody) -> Proxy:
        old = self._proxies.get(body.name)
        if old is not None:
            if not await _differs(old, body.listen or "", body.upstream or "", body.protocol or "tcp"):
                return old
            old.stop()
        proxy = self._new(body)
        await self._put(proxy, body)
        if old is not None:
            self._forget(old)
        return proxy

    async def reset(self) -> None:
        """Enable every proxy and take away every toxic, as far as that can be done. Raises the first Refused."""
        failed: Refused | None = None
        for proxy in self.all():
            async with self._holding(proxy.name):
                if self._proxies.get(proxy.name) is not proxy:
                    continue  # deleted or replaced meanwhile
                for toxic in _in_chain_order(proxy):
                    self._remove(proxy, toxic)
                try:
                    if not proxy.enabled:
                        await _start(proxy)
                    self._end_lease(proxy)
                except Refused as refused:
                    failed = failed or refused
        if failed:
            raise failed

    async def delete(self, name: str) -> None:
        """Stop it and forget it. Raises Refused."""
        async with self._holding(name):
            proxy = self.get(name)
            proxy.stop()
            self._forget(proxy)
            del self._proxies[name]

    def close(self) -> None:
        """Stop all of them."""
        for task in self._coming_back:
            task.cancel()
        for proxy in self.all():
            proxy.stop()
            self._forget(proxy)

    def _holding(self, name: str) -> asyncio.Lock:
        lock = self._names.get(name)
        if lock is None:
            lock = self._names[name] = asyncio.Lock()
        return lock

    def _new(self, body: ProxyBody) -> Proxy:
        """A proxy as asked for, with its toxics, which does nothing yet. Raises Refused."""
        protocol = "tcp" if body.protocol is None else body.protocol
        if protocol not in ("tcp", "udp"):
            raise Refused("bad request body: protocol must be tcp or udp", 400)
        _see_lease(body.lease_ms, body.enabled is not False)
        proxy = self._make(protocol, body.name, body.listen or "", body.upstream or "")
        for one in body.toxics:
            proxy.add(_toxic(proxy, one))
        return proxy

    async def _put(self, proxy: Proxy, body: ProxyBody) -> None:
        if body.enabled is not False:
            await _start(proxy)
        self._proxies[proxy.name] = proxy
        self._lease_absence(proxy, body.lease_ms)
        for toxic, one in zip(proxy.toxics, body.toxics, strict=True):
            self._lease_toxic(proxy, toxic, one.lease_ms)

    # Toxics.

    def toxic(self, proxy: Proxy, name: str) -> Toxic:
        """The one of this name. Raises Refused."""
        for toxic in proxy.toxics:
            if toxic.name == name:
                return toxic
        raise Refused("toxic not found", 404)

    def add_toxic(self, proxy: Proxy, body: ToxicBody) -> Toxic:
        """A new one at the end of its stream's chain. Raises Refused, and BadBody for attributes of a wrong type."""
        toxic = _toxic(proxy, body)
        self._told.pop(proxy, None)
        proxy.add(toxic)
        self._lease_toxic(proxy, toxic, body.lease_ms)
        return toxic

    def update_toxic(self, proxy: Proxy, toxic: Toxic, body: ToxicBody) -> None:
        """Change what is given of its attributes, toxicity and lease: all of it or nothing. Raises Refused, BadBody."""
        _see_lease(body.lease_ms)
        attributes = _attributes(toxic, body)
        self._told.pop(proxy, None)
        proxy.update(toxic, attributes, toxic.toxicity if body.toxicity is None else body.toxicity)
        self._lease_toxic(proxy, toxic, body.lease_ms)

    def remove_toxic(self, proxy: Proxy, name: str) -> None:
        """Take it away. Raises Refused."""
        self._remove(proxy, self.toxic(proxy, name))

    def _remove(self, proxy: Proxy, toxic: Toxic) -> None:
        self._end_lease(toxic)
        self._told.pop(proxy, None)
        proxy.remove(toxic)

    # Leases.

    def _lease_toxic(self, proxy: Proxy, toxic: Toxic, lease_ms: int | None) -> None:
        def over() -> None:
            log.info("the lease of toxic %s of proxy %s is over", toxic.name, proxy.name)
            self._remove(proxy, toxic)

        if lease_ms is not None:
            toxic.expires_s = self._lease(toxic, lease_ms, over)

    def _lease_absence(self, proxy: Proxy, lease_ms: int | None) -> None:
        def over() -> None:
            log.info("the lease on the absence of proxy %s is over", proxy.name)
            task = asyncio.get_running_loop().create_task(self._come_back(proxy))
            self._coming_back.add(task)
            task.add_done_callback(self._coming_back.discard)

        self._told.pop(proxy, None)
        if proxy.enabled:
            self._end_lease(proxy)
        elif lease_ms is not None:
            self._lease(proxy, lease_ms, over)

    def _lease(self, leased: Toxic | Proxy, lease_ms: int, over: Callable[[], None]) -> float | None:
        """When it will be over; None when there is none any more, which is what 0 asks for."""
        self._end_lease(leased)
        if lease_ms == 0:
            return None
        loop = asyncio.get_running_loop()
        self._leases[leased] = loop.call_at(loop.time() + lease_ms / 1000, over)
        return self._leases[leased].when()

    async def _come_back(self, proxy: Proxy) -> None:
        async with self._holding(proxy.name):
            if self._proxies.get(proxy.name) is not proxy or proxy.enabled or proxy not in self._leases:
                return
            try:
                await _start(proxy)
                self._end_lease(proxy)
            except Refused as refused:
                log.warning("proxy %s cannot listen again yet: %s", proxy.name, refused)
                self._lease_absence(proxy, int(RETRY_S * 1000))

    def _end_lease(self, leased: Toxic | Proxy) -> None:
        if timer := self._leases.pop(leased, None):
            timer.cancel()

    def _forget(self, proxy: Proxy) -> None:
        self._told.pop(proxy, None)
        self._end_lease(proxy)
        for toxic in proxy.toxics:
            self._end_lease(toxic)


def _see_what_is_missing(body: ProxyBody, where: str = "") -> None:
    for name, value in (("name", body.name), ("upstream", body.upstream)):
        if not value:
            raise Refused(f"missing required field: {name}{where}", 400)


def _see_lease(lease_ms: int | None, enabled: bool = False) -> None:
    if lease_ms is None:
        return
    if lease_ms < 0:
        raise Refused("bad request body: lease_ms must not be negative", 400)
    if enabled and lease_ms:
        raise Refused("bad request body: lease_ms of a proxy needs enabled: false, which it ends", 400)


async def _differs(proxy: Proxy, listen: str, upstream: str, protocol: str = "") -> bool:
    try:
        place = await resolve(listen, proxy.protocol)
    except WrongAddress as wrong:
        raise Refused(str(wrong), 500) from None
    return str(place) != proxy.listen or upstream != proxy.upstream or protocol not in ("", proxy.protocol)


async def _start(proxy: Proxy) -> None:
    try:
        await proxy.start()
    except ListenFailed as failed:
        raise Refused(str(failed), 500) from None


def _in_chain_order(proxy: Proxy) -> list[Toxic]:
    return sorted(proxy.toxics, key=lambda one: one.direction == "downstream")


def _toxic(proxy: Proxy, body: ToxicBody) -> Toxic:
    """What a body asks for, in the original's order of complaints. Raises Refused, BadBody."""
    if body.stream.lower() not in ("upstream", "downstream"):
        raise Refused("stream was invalid, can be either upstream or downstream", 400)
    if body.type not in KINDS:
        raise Refused("invalid toxic type", 400)
    name = body.name or f"{body.type}_{body.stream}"
    if any(one.name == name for one in proxy.toxics):
        raise Refused("toxic already exists", 409)
    if proxy.protocol not in KINDS[body.type].carries:
        raise Refused(f"bad request body: {body.type} cannot spoil {proxy.protocol}", 400)
    if body.type == "duplicate" and sum(one.type == "duplicate" for one in proxy.toxics) >= _DUPLICATES_MAX:
        raise Refused(f"bad request body: a proxy can have {_DUPLICATES_MAX} toxics that duplicate", 400)
    _see_lease(body.lease_ms)
    toxic = Toxic(name=name, type=body.type, stream=body.stream)
    toxic.attributes = _attributes(toxic, body)
    toxic.toxicity = 1.0 if body.toxicity is None else body.toxicity
    return toxic


def _attributes(toxic: Toxic, body: ToxicBody) -> dict[str, Figure]:
    given = wire.read_attributes(toxic.kind, body.attributes)
    try:
        return vocabulary.attributes(toxic.kind, given, toxic.attributes)
    except WrongToxic as wrong:
        raise Refused(f"bad request body: {wrong}", 400) from None
