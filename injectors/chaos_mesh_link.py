"""Faults of a link through Chaos Mesh: what each asks it for. What it cannot do of one is refused in one sentence.

The link leads from the pods that ask to those that answer; requests are what the former send, answers what the latter do.
"""

from collections.abc import Mapping
from typing import Any

from injectors.chaos_mesh import ChaosMeshAddress
from injectors.chaos_mesh_faults import Fault
from injectors.chaos_mesh_kinds import NETWORK_CHAOS
from injectors.chaos_mesh_ping import Sign
from injectors.chaos_mesh_records import Whom, Wish, duration
from injectors.injector import InjectionFailed
from injectors.kubernetes_api import Object
from injectors.link import Bandwidth, Corrupt, Duplicate, Latency, PacketLoss, Partition, Reorder
from injectors.link_fault import Direction, LinkFault

_DIRECTIONS: Mapping[Direction, str] = {"upstream": "to", "downstream": "from", "both": "both"}
_STREAMS: Mapping[Direction, str] = {"upstream": "requests", "downstream": "answers", "both": "requests and answers"}
_WAITING_S, _BUFFER, _LIMIT, _MOST = 0.25, 16_384, 65_536, 2**32 - 1
"""Of what is too much for a rate, so many seconds may wait; the rest is dropped. Bytes: at once, waiting, at most."""


def asked(fault: LinkFault, address: ChaosMeshAddress) -> Fault:
    """What Chaos Mesh is to do. Raises InjectionFailed for what it cannot."""
    if not address.is_link:
        raise InjectionFailed(f"{fault.name} is a fault of a link, and {address.shown} are pods; give `from` and `to`")
    if fault.spoiled < 1:
        raise InjectionFailed("Chaos Mesh spoils all connections alike; leave `toxicity` out")
    direction: Direction = getattr(fault, "direction", "both")
    spec, says, sign = _parts(fault)
    if direction != "upstream" and not isinstance(fault, Partition):
        _see_that_answers_can_be_spoiled(fault, address)
    external = {"externalTargets": list(address.external)} if address.external else {}

    def touches(whom: Whom) -> tuple[Object, ...]:
        ends = {"upstream": whom.pods, "downstream": whom.others, "both": (*whom.pods, *whom.others)}
        return ends["both" if isinstance(fault, Partition) else direction]

    return Fault(
        by=fault.name,
        wish=Wish(NETWORK_CHAOS, {**spec, "direction": _DIRECTIONS[direction], **external}),
        does=f"{says} on {_STREAMS[direction]}, from {address.shown}{_but(fault, address, direction)}",
        touches=touches,
        sign=sign,
        at_least_s=fault.slower_s,
    )


def _but(fault: LinkFault, address: ChaosMeshAddress, direction: Direction) -> str:
    """Requests are told by the address that they are sent to, which for who asks a Service is none of a pod."""
    passes = address.to is not None and direction != "downstream" and not isinstance(fault, Partition)
    return ", unless they are sent to the address of a Service" if passes else ""


def _see_that_answers_can_be_spoiled(fault: LinkFault, address: ChaosMeshAddress) -> None:
    """Packets are spoiled where they are sent."""
    if address.to is None or address.external:
        raise InjectionFailed("Chaos Mesh spoils packets where they are sent, so that answers of others than pods pass; give "
                              f"{fault.name} `direction: upstream`, or the link `to` alone")  # fmt: skip


def _parts(fault: LinkFault) -> tuple[dict[str, Any], str, Sign]:
    """The action with its figures, what it does as a clause, and how it shows to a ping."""
    figures: Mapping[str, Any] = {}
    sign: Sign = ""
    match fault:
        case Partition():
            action, says, sign = "partition", "a cut", "cut"
        case Latency():
            more = f" ± {duration(fault.jitter)}" if fault.jitter else ""
            action, says, sign = "delay", f"{duration(fault.delay)}{more}", "slower"
            figures = {"latency": duration(fault.delay), "jitter": duration(fault.jitter), "correlation": "0"}
        case Bandwidth():
            action, says = "bandwidth", f"at most {fault.rate} for all connections of each pod together"
            figures = _rate(fault.rate.bytes_s)
        case PacketLoss():
            action, says = "loss", f"{_percent(fault.loss)}% of packets lost"
            figures = {"loss": _percent(fault.loss), "correlation": _percent(fault.correlation)}
        case Duplicate():
            action, says = "duplicate", f"{_percent(fault.share)}% of packets twice"
            figures = {"duplicate": _percent(fault.share), "correlation": "0"}
        case Corrupt():
            action, says = "corrupt", f"a bit wrong in {_percent(fault.share)}% of packets"
            figures = {"corrupt": _percent(fault.share), "correlation": "0"}
        case Reorder():
            action, says = "delay", f"{_percent(fault.share)}% of packets held back for {duration(fault.delay)}"
            # The kernel counts those that are sent at once, ahead of all that are held back.
            ahead = {"reorder": _percent(1 - fault.share), "correlation": "0", "gap": 1}
            figures = {"latency": duration(fault.delay), "jitter": "0ms", "correlation": "0", "reorder": ahead}
        case _:
            raise InjectionFailed(f"Chaos Mesh has nothing like {fault.name}; a link through Toxiproxy has")
    return {"action": action, **({action: dict(figures)} if figures else {})}, says, sign


def _rate(bytes_s: int) -> dict[str, Any]:
    """`bps` are bytes there. A rate needs room for what comes at once, and for what waits."""
    buffer = min(_MOST, max(_BUFFER, bytes_s // 100))
    return {"rate": f"{bytes_s}bps", "buffer": buffer, "limit": min(_MOST, max(_LIMIT, int(bytes_s * _WAITING_S)))}


def _percent(share: float) -> str:
    return f"{share * 100:g}"
