"""The toxics: what each one is called, what it may be told, and which traffic it can spoil. Pure.

Names, attributes, units and defaults are those of Toxiproxy 2.12; what that does not have is marked as ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stream = Literal["upstream", "downstream"]
Protocol = Literal["tcp", "udp"]
Figure = int | float

_INT64 = 2**63
_ANY: frozenset[Protocol] = frozenset({"tcp", "udp"})
_TCP: frozenset[Protocol] = frozenset({"tcp"})
_UDP: frozenset[Protocol] = frozenset({"udp"})


class WrongToxic(Exception):
    """A toxic that cannot be; the message says why. Nothing of it was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type of toxic."""

    name: str
    whole: tuple[str, ...] = ()
    """Attributes that are whole numbers of 64 bits, in the order in which they are told."""
    shares: tuple[str, ...] = ()
    """Attributes that are fractions from 0 to 1; what lies outside is taken for the nearer end."""
    carries: frozenset[Protocol] = _TCP
    ours: bool = False
    """True when no released Toxiproxy knows it."""
    check: Callable[[Mapping[str, Figure]], str] = lambda _: ""
    """What is wrong with attributes that are each well-formed; empty when nothing is."""


def _slicer(given: Mapping[str, Figure]) -> str:
    # Without the first the original recurses until it dies; with the second it is killed by its own random numbers.
    if given["average_size"] < 1:
        return "average_size must be at least 1"
    if not 0 <= given["size_variation"] <= given["average_size"]:
        return "size_variation must be from 0 to average_size"
    return ""


def _not_negative(name: str) -> Callable[[Mapping[str, Figure]], str]:
    return lambda given: f"{name} must not be negative" if given[name] < 0 else ""


def _latency(given: Mapping[str, Figure]) -> str:
    return "jitter must be below 2^62" if given["jitter"] >= 2**62 else ""


KINDS: Mapping[str, Kind] = {
    one.name: one
    for one in (
        Kind(name="latency", whole=("latency", "jitter"), carries=_ANY, check=_latency),  # ms
        Kind(name="bandwidth", whole=("rate",), carries=_ANY, check=_not_negative("rate")),  # KB/s, of 1000 bytes
        Kind(name="slow_close", whole=("delay",)),  # ms
        Kind(name="timeout", whole=("timeout",)),  # ms of silence; 0 is for ever
        Kind(name="reset_peer", whole=("timeout",)),  # ms
        Kind(name="slicer", whole=("average_size", "size_variation", "delay"), check=_slicer),  # bytes, bytes, µs
        Kind(name="limit_data", whole=("bytes",)),
        Kind(name="noop", carries=_ANY),
        # Unreleased there, and it deletes bytes from the middle of a stream; here segments are lost and sent again.
        Kind(name="packet_loss", shares=("loss_rate", "correlation"), carries=_ANY, ours=True),
        Kind(name="partition", carries=_ANY, ours=True),
        Kind(name="connect_timeout", ours=True),
        Kind(name="shared_bandwidth", whole=("rate",), ours=True, carries=_ANY, check=_not_negative("rate")),  # KB/s
        Kind(name="duplicate", shares=("rate",), carries=_UDP, ours=True),
        Kind(name="reorder", whole=("delay",), shares=("rate",), carries=_UDP, ours=True,
             check=_not_negative("delay")),  # ms that a datagram is held back while later ones pass
    )
}  # fmt: skip


@dataclass(slots=True, kw_only=True, eq=False)
class Toxic:
    """One toxic of one proxy."""

    name: str
    type: str
    stream: str
    """As it was given; `UPSTREAM` is told as it came."""
    toxicity: float = 1.0
    """The share of connections that it spoils; for UDP, the share of the clients."""
    attributes: dict[str, Figure] = field(default_factory=dict)
    """All of its kind's, in their order."""
    expires_s: float | None = None
    """When its lease ends, on the event loop's clock; None for one that stays until it is removed."""

    @property
    def kind(self) -> Kind:
        """What it is."""
        return KINDS[self.type]

    @property
    def direction(self) -> Stream:
        """Which stream it spoils."""
        return "upstream" if self.stream.lower() == "upstream" else "downstream"


def attributes(
    kind: Kind, given: Mapping[str, object], before: Mapping[str, Figure] | None = None
) -> dict[str, Figure]:
    """All attributes of a toxic of this kind: those given, else as they were before, else 0.

    Unknown ones are passed over, as the original does. Raises WrongToxic; the caller has decoded JSON to
    int, float, str, bool, None, list or dict, with 1.0 and 1e3 as floats.
    """
    found: dict[str, Figure] = {}
    for name in (*kind.whole, *kind.shares):
        value = given.get(name)
        old = before[name] if before else 0
        found[name] = old if value is None else _whole(name, value) if name in kind.whole else _share(name, value)
    if wrong := kind.check(found):
        raise WrongToxic(f"{kind.name}: {wrong}")
    return found


def _whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise WrongToxic(f"{name} must be a whole number")
    return value


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongToxic(f"{name} must be a number from 0 to 1")
    return min(1.0, max(0.0, float(value)))
