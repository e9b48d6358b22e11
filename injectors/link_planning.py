"""A fault of a link before it is brought about: whether it can be, what it would do, and what is left of earlier ones."""

from collections.abc import Mapping
from typing import Any, get_args

from injectors.injector import Injection, InjectionFailed, Preview, Remembered, Residue, Touch
from injectors.link_effect import within_reach
from injectors.link_fault import LinkFault, Sign
from injectors.link_memory import LEASE_S, PREFIX, Memory, ask, has_ended, name_for
from injectors.toxiproxy import ToxiproxyLink, Transport, normal, same_place
from injectors.toxiproxy_server import Abilities, Proxy, Stream, Toxic, Toxiproxy

_RELEASED = frozenset({"latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop"})
_WHO_CAN = "the embedded server can: leave `url` out, or lead it to one that `drills proxy` has started"
_STREAMS: Mapping[tuple[Stream, ...], str] = {
    ("downstream",): "answers", ("upstream",): "requests", ("upstream", "downstream"): "requests and answers",
}  # fmt: skip


async def preview(fault: LinkFault, address: ToxiproxyLink) -> Preview:
    """What it would touch; nothing where the server has no such proxy."""
    return await ask(_preview, fault, address)


def _preview(fault: LinkFault, address: ToxiproxyLink) -> Preview:
    # The run's own server has another port each time; what two runs could both want is the port of its proxy.
    own = address.lacks_server or bool(address.pidfile)
    key = f"toxiproxy:{normal(address.listen if own else address.url)}/{address.proxy}"
    if address.lacks_server or has_ended(address.pidfile):
        able = _of_our_own()
        what = f"proxy {address.proxy} of {able.server} ({address.listen} to {address.upstream})"
    else:
        able, proxy = _look(address)
        if proxy is None:
            missing = f"Toxiproxy at {normal(address.url)} has no proxy `{address.proxy}`"
            return Preview(touches=(), does=fault.name, undo="nothing was done", missing=missing)
        what = f"proxy {proxy.name} of Toxiproxy at {normal(address.url)} ({proxy.listen} to {proxy.upstream})"
    _refuse(fault, able, address)
    undo = fault.undo or f"the toxic{'s are' if len(fault.streams) > 1 else ' is'} removed"
    return Preview(touches=(Touch(what=what, key=key),), does=_does(fault, able, address.protocol), undo=undo)


def _refuse(fault: LinkFault, able: Abilities, address: ToxiproxyLink) -> None:
    """Raise InjectionFailed when this fault cannot be made there."""
    if address.protocol not in fault.carries:
        only = " and ".join(sorted(fault.carries)).upper()
        raise InjectionFailed(f"{fault.name} is a fault of {only}, and the link carries {address.protocol.upper()}")
    toxic, _ = fault.wish(able)
    if toxic not in (_RELEASED if able.toxics is None else able.toxics):
        raise InjectionFailed(f"{able.server} has no toxic {toxic}; {_WHO_CAN}")


def _does(fault: LinkFault, able: Abilities, transport: Transport) -> str:
    where = f" on {_STREAMS[fault.streams]}" if hasattr(fault, "direction") else ""
    share, whose = fault.spoiled, "clients" if transport == "udp" else "connections"
    return fault.says(able, transport) + where + (f", for {share * 100:g}% of {whose}" if share < 1 else "")


def _look(address: ToxiproxyLink) -> tuple[Abilities, Proxy | None]:
    """The server and the proxy. Raises InjectionFailed for one that is not what the inventory says, or is disabled."""
    server = Toxiproxy(address.url)
    able, proxy = server.abilities(), server.proxy(address.proxy)
    if address.protocol == "udp" and not able.embedded:
        raise InjectionFailed(f"{able.server} does not carry UDP; {_WHO_CAN}")
    if proxy is None:
        return able, None
    for key in ("listen", "upstream"):
        said, told = getattr(address, key), getattr(proxy, key)
        if said and not same_place(said, told):
            raise InjectionFailed(f"proxy {proxy.name} of {server.at}: `{key}` is {said} in the inventory, and {told} at "
                                  "the server; make them one")  # fmt: skip
    if address.protocol != proxy.protocol:
        raise InjectionFailed(f"proxy {proxy.name} of {server.at} carries {proxy.protocol}, and the inventory says "
                              f"{address.protocol}; mend `protocol`")  # fmt: skip
    if not proxy.enabled:
        raise InjectionFailed(f"proxy {proxy.name} of {server.at} is disabled already; enable it first")
    return able, proxy


def _of_our_own() -> Abilities:
    """Of a server that will be started from here, before it is."""
    from injectors.proxy.kernel import can_filter
    from injectors.proxy.toxic import KINDS

    return Abilities(server="the run's own Toxiproxy", embedded=True, by_kernel=can_filter(), toxics=frozenset(KINDS))


async def intend(fault: LinkFault, injection: Injection) -> Memory:
    """All that healing will need, nothing being done yet. Raises InjectionFailed when it cannot be."""
    address: ToxiproxyLink = injection.address
    able, proxy = await ask(_ready, fault, address)
    toxics = _toxics(fault, injection.id, able)
    if taken := [one.name for one in toxics if proxy.toxic(one.name)]:
        raise InjectionFailed(f"proxy {proxy.name} has a toxic {taken[0]} already")
    return Memory(
        url=address.url,
        proxy=proxy.name,
        toxics=toxics,
        down=fault.takes_down,
        lease_s=LEASE_S if able.embedded else None,
        pidfile=address.pidfile,
        seen=_seen(fault, able, address, proxy),
    )


def _ready(fault: LinkFault, address: ToxiproxyLink) -> tuple[Abilities, Proxy]:
    if address.lacks_server:
        raise InjectionFailed("the link has no server: the run was to start one")
    able, proxy = _look(address)
    _refuse(fault, able, address)
    server = Toxiproxy(address.url)
    server.prepare()
    return able, proxy or server.the_proxy(address.proxy)


def _toxics(fault: LinkFault, injection: str, able: Abilities) -> tuple[Toxic, ...]:
    type_, attributes = fault.wish(able)
    return tuple(
        Toxic(name=name_for(injection, "down" if fault.takes_down else stream), type=type_, stream=stream,
              attributes=attributes, toxicity=fault.spoiled)
        for stream in fault.streams
    )  # fmt: skip


def _seen(fault: LinkFault, able: Abilities, address: ToxiproxyLink, proxy: Proxy) -> dict[str, Any]:
    """What measuring will need; see `link_effect.measure`."""
    sign = fault.sign(able)
    why_not = "" if sign in get_args(Sign) else sign
    if fault.spoiled < 1:
        why_not = why_not or "some connections are spared"
    return {
        "sign": "" if why_not else sign,
        "why_not": why_not,
        "listen": within_reach(proxy.listen, address.url),
        "upstream": proxy.upstream,
        "protocol": address.protocol,
        "ping": address.ping,
        "at_least_s": fault.slower_s * len(fault.streams),
    }


async def left(fault: type[LinkFault], target: str, address: ToxiproxyLink) -> list[Residue]:
    """What faults of this kind have left at a link. Raises InjectionFailed when that cannot be seen."""
    return await ask(_left, fault, target, address)


def _left(fault: type[LinkFault], target: str, address: ToxiproxyLink) -> list[Residue]:
    if address.lacks_server or has_ended(address.pidfile):
        return []
    proxy = Toxiproxy(address.url).proxy(address.proxy)
    return [_as_residue(fault, target, address, one) for one in (proxy.toxics if proxy else ())
            if one.type in fault.types and one.name.startswith(PREFIX)]  # fmt: skip


def _as_residue(fault: type[LinkFault], target: str, address: ToxiproxyLink, toxic: Toxic) -> Residue:
    memory = Memory(url=address.url, proxy=address.proxy, toxics=(toxic,), down=fault.takes_down, lease_s=None,
                    pidfile=address.pidfile, seen={"sign": "", "why_not": "it was left by an earlier run"})  # fmt: skip
    remembered = Remembered(id=f"found-{toxic.name}", fault="", target=target, version=fault.version,
                            data=memory.to_data())  # fmt: skip
    return Residue(
        target=target, what=f"toxic {toxic.name} ({toxic.type}) at proxy {address.proxy}", remembered=remembered
    )
