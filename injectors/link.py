"""Faults of the network between two services: late, slow, broken and missing traffic on a link.

What is said here of how is said of Toxiproxy; what else can bring a fault about is among its `engines`.

Downstream is the direction of answers, from the server to the client; upstream is that of requests.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from injectors.amounts import Rate, Size
from injectors.chaos_mesh import ChaosMeshAddress
from injectors.injector import InjectionFailed, Ratio
from injectors.link_fault import Direction, LinkFault, Sign, Wish
from injectors.toxiproxy import Transport

if TYPE_CHECKING:
    from injectors.toxiproxy_server import Abilities

_ANY: frozenset[Transport] = frozenset({"tcp", "udp"})
_UDP: frozenset[Transport] = frozenset({"udp"})
_MESH = (ChaosMeshAddress,)
_NONE = timedelta(0)
_ALL, _NO, _EVEN = Ratio(1.0), Ratio(0.0), Size(0)
_DAY = timedelta(days=1)
_MEASURED_RESET_S = 1.0  # the connection that measures one keeps the toxic from being removed for as long
_RESET_MAX = timedelta(seconds=5)
"""At a real Toxiproxy: until the reset comes, it neither removes the toxic nor answers anything else of that proxy."""

DirectionHelp = Annotated[Direction, "downstream: answers, from the server to the client; upstream: requests; or both"]
ToxicityHelp = Annotated[Ratio, "The share of the connections that it spoils"]


def _check_time(setting: str, value: timedelta, *, unit: timedelta = timedelta(milliseconds=1), least: int = 0) -> None:
    name = "ms" if unit == timedelta(milliseconds=1) else "us"
    if value % unit or value > _DAY:
        raise ValueError(setting, f"Toxiproxy counts in whole {name}, up to a day", f"write a whole number of {name}")
    if value < least * unit:
        raise ValueError(setting, f"below 1{name} there is no fault", f"give 1{name} or more")


def _check_share(setting: str, value: float) -> None:
    if value <= 0:
        raise ValueError(setting, "a share of 0% is no fault", "give more than 0%")


def _whole(value: timedelta, unit: timedelta = timedelta(milliseconds=1)) -> int:
    return value // unit


def _ms(value: timedelta) -> str:
    return f"{value / timedelta(milliseconds=1):g} ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(LinkFault):
    """Everything arrives late; connecting itself is not delayed."""

    name: ClassVar[str] = "latency"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _ANY
    types: ClassVar[frozenset[str]] = frozenset({"latency"})
    delay: Annotated[timedelta, "By how much"]
    jitter: Annotated[timedelta, "How much less or more it may be, at random"] = _NONE
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_time("delay", self.delay, least=1)
        _check_time("jitter", self.jitter)
        if self.jitter > self.delay:
            raise ValueError("jitter", "nothing can arrive before it was sent", f"give {_ms(self.delay)} or less")
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """Whole milliseconds."""
        return "latency", {"latency": _whole(self.delay), "jitter": _whole(self.jitter)}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`40 ms ± 10 ms`."""
        return _ms(self.delay) + (f" ± {_ms(self.jitter)}" if self.jitter else "")

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping takes longer."""
        return "slower"

    @property
    def slower_s(self) -> float:
        """When chance is kindest."""
        return (self.delay - self.jitter).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth(LinkFault):
    """No more passes than so many bytes a second."""

    name: ClassVar[str] = "bandwidth"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _ANY
    types: ClassVar[frozenset[str]] = frozenset({"bandwidth", "shared_bandwidth"})
    rate: Annotated[Rate, "How much may pass in a second"]
    shared: Annotated[bool, "One rate for all connections together; only the embedded server can"] = False
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        if self.rate.bytes_s % 1000 or not 0 < self.rate.bytes_s <= 10**12:
            raise ValueError("rate", "Toxiproxy counts in whole KB/s, up to 1000GB/s", "write it as in 100KB/s")
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """In thousands of bytes a second."""
        type_ = "shared_bandwidth" if self.shared else "bandwidth"
        return type_, {"rate": self.rate.bytes_s // 1000}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`at most 100KB/s for each connection`."""
        one = "client" if transport == "udp" else "connection"
        return f"at most {self.rate} for {f'all {one}s together' if self.shared else f'each {one}'}"

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping is too small."""
        return "a rate shows only in bulk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout(LinkFault):
    """Nothing arrives: bytes are taken and thrown away, and after a while of silence the connection is closed."""

    name: ClassVar[str] = "timeout"
    types: ClassVar[frozenset[str]] = frozenset({"timeout"})
    undo: ClassVar[str] = "the toxic is removed, which closes the connections"
    after: Annotated[timedelta, "How long the silence lasts until the connection is closed; 0: it never is"] = _NONE
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_time("after", self.after)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """0 is for ever."""
        return "timeout", {"timeout": _whole(self.after)}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`silence, and an end after 2000 ms of it,`."""
        return f"silence{f', and an end after {_ms(self.after)} of it,' if self.after else ''}"

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping is not answered."""
        return "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(LinkFault):
    """Connections are reset as soon as there is traffic in this direction, or a while after that."""

    name: ClassVar[str] = "reset"
    types: ClassVar[frozenset[str]] = frozenset({"reset_peer"})
    after: Annotated[timedelta, "How long after the first traffic"] = _NONE
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_time("after", self.after)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """Toxiproxy's `reset_peer`. Raises InjectionFailed where healing would have to wait for it too long."""
        if self.after > _RESET_MAX and not able.embedded:
            raise InjectionFailed(f"{able.server} hangs while a reset is to come, so that this one could not be healed "
                                  f"before {_ms(self.after)} are over; give `after` {_ms(_RESET_MAX)} or less")  # fmt: skip
        return "reset_peer", {"timeout": _whole(self.after)}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`a reset 100 ms after the first traffic`."""
        return f"a reset {f'{_ms(self.after)} after' if self.after else 'upon'} the first traffic"

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping is answered by a reset."""
        if self.after.total_seconds() > _MEASURED_RESET_S:
            return "the reset comes too late for that"
        return "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(LinkFault):
    """Connections are closed late."""

    name: ClassVar[str] = "slow_close"
    types: ClassVar[frozenset[str]] = frozenset({"slow_close"})
    delay: Annotated[timedelta, "By how much"]
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_time("delay", self.delay, least=1)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """Whole milliseconds."""
        return "slow_close", {"delay": _whole(self.delay)}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`connections close 500 ms late`."""
        return f"connections close {_ms(self.delay)} late"

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping closes nothing."""
        return "it shows only when the other side closes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(LinkFault):
    """Data arrives in small pieces, with pauses between them."""

    name: ClassVar[str] = "slice"
    types: ClassVar[frozenset[str]] = frozenset({"slicer"})
    size: Annotated[Size, "How large a piece is on average"]
    variation: Annotated[Size, "How much smaller or larger it may be; at most `size`"] = _EVEN
    delay: Annotated[timedelta, "How long the pause after each piece is"] = _NONE
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        if not 1 <= self.size.bytes <= 10**9:
            raise ValueError("size", "a piece is from 1 byte to 1GB", "write it as in 512 or 1KB")
        if self.variation.bytes > self.size.bytes:  # a real Toxiproxy would die of it
            raise ValueError("variation", f"pieces cannot vary by more than their size, {self.size}", "give less")
        _check_time("delay", self.delay, unit=timedelta(microseconds=1))
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """The pause in microseconds, the rest in bytes."""
        delay_us = _whole(self.delay, timedelta(microseconds=1))
        return "slicer", {"average_size": self.size.bytes, "size_variation": self.variation.bytes, "delay": delay_us}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`pieces of 512B ± 64B, 10 ms apart,`."""
        varied = f" ± {self.variation}" if self.variation.bytes else ""
        return f"pieces of {self.size}{varied}" + (f", {_ms(self.delay)} apart," if self.delay else "")

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping is one piece."""
        return "an answer to a ping may be one piece"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitData(LinkFault):
    """Connections are closed after so many bytes."""

    name: ClassVar[str] = "limit_data"
    types: ClassVar[frozenset[str]] = frozenset({"limit_data"})
    bytes: Annotated[Size, "How many pass on each connection; with 0 it ends at the first one"]
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """Counted from when the toxic is added."""
        return "limit_data", {"bytes": self.bytes.bytes}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`connections end after 10KB`."""
        return f"connections end after {self.bytes}"

    def sign(self, able: "Abilities") -> Sign | str:
        """A ping may be too small."""
        return "an answer to a ping may be below the limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Down(LinkFault):
    """The far end is not there: connections end, and new ones are refused."""

    name: ClassVar[str] = "down"
    carries: ClassVar[frozenset[Transport]] = _ANY
    types: ClassVar[frozenset[str]] = frozenset({"noop"})
    undo: ClassVar[str] = "the proxy is enabled again"
    takes_down: ClassVar[bool] = True

    def wish(self, able: "Abilities") -> Wish:
        """The mark."""
        return "noop", {}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """The same everywhere."""
        return "the proxy disabled: connections end, and new ones are refused"

    def sign(self, able: "Abilities") -> Sign | str:
        """Connecting is refused."""
        return "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketLoss(LinkFault):
    """Packets are lost; of TCP every byte arrives all the same, after it was sent again. Only the embedded server can."""

    name: ClassVar[str] = "packet_loss"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _ANY
    types: ClassVar[frozenset[str]] = frozenset({"packet_loss"})
    loss: Annotated[Ratio, "The share of packets that is lost"]
    correlation: Annotated[Ratio, "How much likelier a loss is right after another one, for bursts"] = _NO
    direction: DirectionHelp = "downstream"
    toxicity: ToxicityHelp = _ALL

    def __post_init__(self) -> None:
        _check_share("loss", self.loss)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """Fractions of 1."""
        return "packet_loss", {"loss_rate": self.loss, "correlation": self.correlation}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`3% of packets lost, by the kernel,`."""
        bursts = f"{self.correlation * 100:g}% correlated" if self.correlation else ""
        how = "" if transport == "udp" else "by the kernel" if able.by_kernel else "modelled by stalls"
        details = [one for one in (bursts, how) if one]
        return ", ".join([f"{self.loss * 100:g}% of packets lost", *details]) + ("," if details else "")

    def sign(self, able: "Abilities") -> Sign | str:
        """Chance, which one look does not show."""
        return "a loss shows only over many looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition(LinkFault):
    """Nothing gets through while it lasts, as when a wire is cut; afterwards connections go on where they were.

    The embedded server can do that. At a real Toxiproxy it is modelled: what is sent is taken and thrown away, and
    connections that were open are closed at the end.
    """

    name: ClassVar[str] = "partition"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _ANY
    types: ClassVar[frozenset[str]] = frozenset({"partition", "timeout"})
    direction: DirectionHelp = "both"

    def wish(self, able: "Abilities") -> Wish:
        """What the server has."""
        if able.embedded:
            return "partition", {}
        return "timeout", {"timeout": 0}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """How true it is to a cut wire."""
        if not able.embedded:
            model = "bytes are acknowledged and thrown away, and open connections close at its end"
            return f"a cut, modelled ({model}),"
        how = "by the kernel" if able.by_kernel else "modelled by stalls"
        return "a cut" if transport == "udp" else f"a cut, {how},"

    def sign(self, able: "Abilities") -> Sign | str:
        """Connecting hangs, or a ping is not answered."""
        return "cut" if able.embedded else "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectTimeout(LinkFault):
    """Connecting hangs, without an answer and without a refusal; open connections go on. Only the embedded server can."""

    name: ClassVar[str] = "connect_timeout"
    types: ClassVar[frozenset[str]] = frozenset({"connect_timeout"})

    def wish(self, able: "Abilities") -> Wish:
        """It has no figures."""
        return "connect_timeout", {}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """The same everywhere."""
        return "connecting hangs"

    def sign(self, able: "Abilities") -> Sign | str:
        """Connecting hangs."""
        return "hangs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate(LinkFault):
    """Some datagrams arrive twice. Only the embedded server can."""

    name: ClassVar[str] = "duplicate"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _UDP
    types: ClassVar[frozenset[str]] = frozenset({"duplicate"})
    share: Annotated[Ratio, "The share of datagrams that arrives twice"]
    direction: DirectionHelp = "downstream"
    toxicity: Annotated[Ratio, "The share of the clients that it spoils"] = _ALL

    def __post_init__(self) -> None:
        _check_share("share", self.share)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """A fraction of 1."""
        return "duplicate", {"rate": self.share}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`5% of datagrams twice`."""
        return f"{self.share * 100:g}% of datagrams twice"

    def sign(self, able: "Abilities") -> Sign | str:
        """Chance, which one look does not show."""
        return "it shows only over many looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder(LinkFault):
    """Some datagrams are overtaken by later ones. Only the embedded server can."""

    name: ClassVar[str] = "reorder"
    engines: ClassVar[tuple[type, ...]] = _MESH
    carries: ClassVar[frozenset[Transport]] = _UDP
    types: ClassVar[frozenset[str]] = frozenset({"reorder"})
    share: Annotated[Ratio, "The share of datagrams that is held back"]
    delay: Annotated[timedelta, "For how long, while later ones pass"] = timedelta(milliseconds=20)
    direction: DirectionHelp = "downstream"
    toxicity: Annotated[Ratio, "The share of the clients that it spoils"] = _ALL

    def __post_init__(self) -> None:
        _check_share("share", self.share)
        _check_time("delay", self.delay, least=1)
        _check_share("toxicity", self.toxicity)

    def wish(self, able: "Abilities") -> Wish:
        """A fraction of 1, and whole milliseconds."""
        return "reorder", {"rate": self.share, "delay": _whole(self.delay)}

    def says(self, able: "Abilities", transport: Transport) -> str:
        """`5% of datagrams held back for 20 ms`."""
        return f"{self.share * 100:g}% of datagrams held back for {_ms(self.delay)}"

    def sign(self, able: "Abilities") -> Sign | str:
        """Chance, which one look does not show."""
        return "it shows only over many looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt(LinkFault):
    """A bit is wrong in some packets; of TCP every byte arrives all the same, after it was sent again. Only Chaos Mesh can."""

    name: ClassVar[str] = "corrupt"
    address: ClassVar[type] = ChaosMeshAddress
    types: ClassVar[frozenset[str]] = frozenset()
    share: Annotated[Ratio, "The share of packets in which a bit is wrong"]
    direction: DirectionHelp = "downstream"

    def __post_init__(self) -> None:
        _check_share("share", self.share)
