"""A fault of a link as it is known from disk: bringing it about, renewing it, looking at it, and taking it away.

Every toxic of ours bears a name that nobody else's does. A proxy that is taken down gets one that does nothing, as a
mark of who did it: without it, whoever heals could not tell our work from somebody else's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from injectors import host
from injectors.injector import Effect, InjectionFailed, Stage
from injectors.toxiproxy_server import Proxy, Toxic, Toxiproxy

T = TypeVar("T")

PREFIX = "drill-"
"""Begins the name of every toxic of ours."""
LEASE_S = 30.0
"""How long a fault outlives its run at a server that has leases."""
_MARK_S = 5.0  # so much longer than its proxy is down a mark stays, lest anybody meet one that is down and unmarked
_MEASURING_S = 3.0  # a measurement takes less, unless a name has to be looked up


def name_for(injection: str, end: str) -> str:
    """What a toxic of this injection is called; safe in a URL, and another one for every injection."""
    import re
    import zlib

    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", injection)
    if safe != injection:
        safe += f"-{zlib.crc32(injection.encode()):08x}"
    return f"{PREFIX}{safe}-{end}"


async def ask(look: Callable[..., T], *args: Any) -> T:
    """Call what may block, in a thread."""
    import asyncio

    return await asyncio.to_thread(look, *args)


def has_ended(pidfile: str) -> bool:
    """True when this leads to no process any more: the server that the run had started is gone."""
    try:
        return bool(pidfile) and not host.leaders(pidfile)
    except (OSError, ValueError):  # it cannot be read who it was
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What there is to know of one injection."""

    url: str
    proxy: str
    toxics: tuple[Toxic, ...]
    down: bool
    """Whether the proxy is taken down; the toxic is then only the mark."""
    lease_s: float | None
    """None: this server has no leases."""
    pidfile: str
    """Of a server that the run itself has started; else empty."""
    seen: Mapping[str, Any]
    """What measuring needs; with an empty `sign` nothing can be measured, and `why_not` says why."""
    healing: bool = False

    def to_data(self) -> dict[str, Any]:
        """As JSON. Healing adds `healing` later."""
        return {
            "url": self.url,
            "proxy": self.proxy,
            "toxics": [one.to_data() for one in self.toxics],
            "down": self.down,
            "lease_s": self.lease_s,
            "pidfile": self.pidfile,
            "seen": dict(self.seen),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Memory":
        """From what `to_data` gave, and what was added."""
        return cls(
            url=data["url"],
            proxy=data["proxy"],
            toxics=tuple(map(Toxic.from_data, data["toxics"])),
            down=data["down"],
            lease_s=data["lease_s"],
            pidfile=data["pidfile"],
            seen=data["seen"],
            healing="healing" in data,
        )

    async def bring_about(self, stage: Stage) -> None:
        """Add the toxics, and take the proxy down if that is what is asked for."""
        server = Toxiproxy(self.url)
        for toxic in self.toxics:
            what = f"add toxic {toxic.name} to proxy {self.proxy}"
            await stage.act(what, server.add, self.proxy, toxic, self._lease_s)
        if self.down:
            await stage.act(f"disable proxy {self.proxy}", server.disable, self.proxy, self.lease_s)

    async def take_away(self, stage: Stage) -> None:
        """Undo as much of it as is there. Raises InjectionFailed when that cannot be seen or done."""
        server = Toxiproxy(self.url)
        proxy = await self._told(server)
        there = self._there(proxy)
        # The mark is the last to go: an attempt that fails in between leaves it for the next one.
        if self.down and there and proxy and not proxy.enabled:
            await stage.act(f"enable proxy {self.proxy}", server.enable, self.proxy)
        for toxic in there:
            await stage.act(f"remove toxic {toxic.name} of proxy {self.proxy}", server.remove, self.proxy, toxic.name)

    async def renew(self, stage: Stage) -> float | None:
        """Have every lease last as long again, if there are any. Raises InjectionFailed when the fault is not there."""
        server = Toxiproxy(self.url)
        proxy = await self._told(server)
        if proxy is None or len(self._there(proxy)) < len(self.toxics):
            raise InjectionFailed(f"a toxic of ours is no longer at proxy {self.proxy}")
        if self.down and proxy.enabled:
            raise InjectionFailed(f"proxy {self.proxy} is enabled again")
        if self.lease_s is None:
            return None
        for toxic in self.toxics:
            await stage.act(f"renew the lease of {toxic.name}", server.renew, self.proxy, toxic.name, self._lease_s)
        if self.down:
            await stage.act(f"renew the lease of {self.proxy} being down", server.disable, self.proxy, self.lease_s)
        return self.lease_s

    async def effect(self) -> Effect:
        """Whether it is there: by what the server tells, and by what traffic says to that."""
        server = Toxiproxy(self.url)
        try:
            proxy = await self._told(server)
        except InjectionFailed as error:
            return Effect(None, str(error))
        if proxy is None:
            gone = f"{server.at} has ended" if has_ended(self.pidfile) else f"{server.at} has no proxy {self.proxy} now"
            return Effect(False, f"{gone}, and the fault is gone with it")
        there = self._there(proxy)
        if self.healing and there:
            return Effect(True, f"toxic {there[0].name} is still there")
        if self.healing and self.down and not proxy.enabled:
            return Effect(None, f"proxy {self.proxy} of {server.at} is disabled, and our mark is gone, so that nobody can "
                                "say whose doing it is; enable it, and heal again")  # fmt: skip
        if wrong := self._wrong(proxy):
            return Effect(False, wrong)
        return await self._measured("the proxy is disabled" if self.down else "toxic is there" if len(there) == 1 else
                                    "toxics are there")  # fmt: skip

    def _there(self, proxy: Proxy | None) -> list[Toxic]:
        return [told for one in self.toxics if proxy and (told := proxy.toxic(one.name))]

    def _wrong(self, proxy: Proxy) -> str:
        """In what way the server is not in the state asked for; empty when it is."""
        for toxic in self.toxics:
            told = proxy.toxic(toxic.name)
            if told is None:
                return f"toxic {toxic.name} is not there"
            if unlike := toxic.unlike(told):
                return f"toxic {toxic.name} {unlike}"
        if proxy.enabled is self.down:
            return f"proxy {self.proxy} is {'enabled' if proxy.enabled else 'disabled, so nothing passes it'}"
        return ""

    async def _measured(self, said: str) -> Effect:
        import asyncio

        from injectors import link_effect

        if not self.seen["sign"]:
            return Effect(True, f"{said}; the effect was not measured: {self.seen['why_not']}")
        try:
            async with asyncio.timeout(_MEASURING_S):
                agrees, more = await ask(link_effect.measure, self.seen)
        except (TimeoutError, InjectionFailed) as error:
            return Effect(True, f"{said}; the effect was not measured: {str(error) or 'it took too long'}")
        return Effect(agrees is not False, f"{said}; {more}")

    async def _told(self, server: Toxiproxy) -> Proxy | None:
        """The proxy, or None when it is gone, if only with its server. Raises InjectionFailed when nobody can say."""
        try:
            return await ask(server.proxy, self.proxy)
        except InjectionFailed:
            if await ask(has_ended, self.pidfile):
                return None
            raise

    @property
    def _lease_s(self) -> float | None:
        """Of the toxics: a mark must outlast what it marks."""
        return self.lease_s + _MARK_S if self.lease_s is not None and self.down else self.lease_s
