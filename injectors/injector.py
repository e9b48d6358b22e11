"""The contract of an injector: it makes one kind of fault, says whether it is really there, and takes it away.

An injector is one frozen, keyword-only dataclass. Its fields are the fault's settings in a drill (durations are
`timedelta`, shares are `Ratio`, each field's `Annotated[…, "help"]` is its help text) and its methods are the
behaviour. Settings that are each right but do not fit together are refused in `__post_init__` with
`ValueError(setting, what_is_wrong, how_to_fix_it)`.

The one law: *no act before its undo is on disk*. `inject` looks, calls `stage.remember(...)` with all that
healing will need, and only then acts, through `stage.act(...)`, which refuses as long as nothing is remembered.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NewType, Protocol, Self, TypeVar, runtime_checkable

TargetName = NewType("TargetName", str)
"""A setting of this type must name a target of the inventory that has the address the injector needs."""
Ratio = NewType("Ratio", float)
"""A share from 0 to 1, written `5%`."""

T = TypeVar("T")


class NothingRemembered(Exception):
    """An injector tried to act before its undo was on disk. Always a bug of the injector."""


class InjectionFailed(Exception):
    """The fault could not be brought about, or not be taken away; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One thing that an injection will do something to."""

    what: str
    """For people: `process 4711 (valkey-server *:6379)`."""
    key: str
    """The same thing has the same key in every drill; two runs must not touch one thing at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of an outage, and how true to a real one it is here."""

    name: str
    """What is lost: `compute`, `network`, `capacity`, `control-plane view`."""
    engine: str
    """Who takes it away; empty when nobody does."""
    how: str
    """What is done of it, as a clause; or why it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an injection would touch, and how it is undone. No touches means that there is no target."""

    touches: tuple[Touch, ...]
    does: str
    """What will happen, as a clause: `SIGKILL to 1 process`."""
    undo: str
    """How it is taken back: `started again with valkey-server …`. Empty when it cannot be: the plan refuses that."""
    missing: str = ""
    """Without touches: what was looked for and is not there, as a clause."""
    sides: tuple[Side, ...] = ()
    """Of an outage: what is lost by it, and what a real one would take besides."""
    takes_s: float = 0.0
    """Bringing it about may take so long; where that is less than the frame allows anyway, it says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One use of an injector on one target, with an id chosen beforehand."""

    id: str
    """Unique over all runs; whatever is created for the injection carries it."""
    fault: str
    target: str
    address: Any
    """Where the target is: an instance of the injector's `address`."""
    for_s: float | None
    """How long it is meant to last; None until the drill heals it."""
    most_s: float | None = None
    """How long any fault of the drill may last at most; None where nobody has said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of an injection from disk alone, perhaps in another process on another day."""

    id: str
    fault: str
    target: str
    version: int
    """The injector's `version` when it remembered."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What it passed to `stage.remember`; later calls override earlier ones key by key. JSON values only."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Whether the fault is there now. None means that it could not be looked at, which is not the same as no."""

    present: bool | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Residue:
    """Something of ours, or that looks like ours, that is still there when nothing should be."""

    target: str
    what: str
    remembered: Remembered
    """Enough for `heal` to take it away."""
    renewed: bool = False
    """Whether whoever did it renews it still: as long as that is so, it is a leftover of its own run alone."""


class Stage(Protocol):
    """An injector's narrow window on the run."""

    def remaining_s(self) -> float:
        """Seconds until the frame gives up on this call."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, on the run's clock."""
        ...

    def remember(self, data: Mapping[str, Any]) -> None:
        """Write down what healing will need; it is on disk when this returns. Raises OSError when it is not."""
        ...

    async def act(self, what: str, do: Callable[..., Awaitable[T] | T], /, *args: Any) -> T:
        """Change the world: call `do(*args)` (in a worker thread unless it is a coroutine function) and pass its result.

        `what` is a clause for the journal. Raises NothingRemembered during an injection that has not remembered
        yet, and InjectionFailed when the run was taken over by a healer or the time is up.
        """
        ...


class Injector(Protocol):
    """Makes one kind of fault and heals it."""

    name: ClassVar[str]
    """The key it is written under in a drill, and its name on disk."""
    version: ClassVar[int]
    """Raised whenever what it remembers changes its meaning; `heal` must go on reading older ones."""
    address: ClassVar[type]
    """The dataclass that describes, in the inventory, where a target of this engine is.
    Its own `name` (a ClassVar) is the key it is written under. Who can do the same through other engines names their
    addresses as `engines`; see `addresses_of`."""

    @property
    def target(self) -> TargetName:
        """The target of the inventory; the setting that may stand alone in a drill."""
        ...

    async def preview(self, address: Any) -> Preview:
        """Look, without touching anything, at what it would do to a target at this address.

        Raises InjectionFailed when it cannot be done there at all.
        """
        ...

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Bring the fault about: look, remember, act. Raises InjectionFailed when it cannot be."""
        ...

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Take the fault away. Safe to call twice, after an inject that got half way, and from another process.

        Raises InjectionFailed when it is still there; the frame calls again later.
        """
        ...

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look whether the fault is there now, by its effect and not by what was asked for."""
        ...


def addresses_of(kind: type) -> tuple[type, ...]:
    """The addresses of all engines through which this kind of fault can be brought about, the preferred one first.

    The others are its `engines: ClassVar[tuple[type, ...]]`, which may be left out; all its methods take any of them.
    """
    return (kind.address, *getattr(kind, "engines", ()))  # type: ignore[attr-defined]


def address_for(kind: type, known: Mapping[str, Any]) -> Any | None:
    """The address by which this kind of fault reaches a target, of those that the inventory gives it by name."""
    names: list[str] = [one.name for one in addresses_of(kind)]  # type: ignore[attr-defined]
    return next((known[name] for name in names if name in known), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One injection of a bundle."""

    injector: Injector
    """Its `target` is one of the inventory, too."""
    side: str = ""
    """Which side of the outage it is; empty when its preview says that itself."""


@runtime_checkable
class Bundle(Protocol):
    """A fault that is several at once, perhaps by several engines: it has no act of its own.

    Its settings are a dataclass as an injector's are. It is in effect when all of its parts are, and gone when all are.
    """

    name: ClassVar[str]
    address: ClassVar[type]
    sides: ClassVar[tuple[str, ...]]
    """All that a real one would take away; the plan says of which of them nothing is done."""

    @property
    def target(self) -> TargetName:
        """The target of the inventory that has the bundle's `address`."""
        ...

    def expand(self, addresses: Mapping[str, Any]) -> tuple[Part, ...]:
        """What it consists of, by all that the inventory says of its target: an address by each engine's name."""
        ...


@runtime_checkable
class FindsResidue(Protocol):
    """An optional power of an injector: it can find what it left at targets of its kind, without any memory."""

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, Any]]) -> list[Residue]:
        """What is left at these (name, address) pairs. Raises InjectionFailed when it could not look."""
        ...


@runtime_checkable
class Extends(Protocol):
    """An optional power of an injector: its faults have a lease at their engine, after which they end by themselves."""

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the lease; pass how many seconds it lasts from now on, or None where this engine has no leases.

        Called soon after `inject` and again after each third of that time, or every few seconds where it is None.
        Raises InjectionFailed when it cannot be renewed, or when the fault is no longer there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of an engine that is started for a run, and ended with it."""

    name: str
    module: str
    """Run as `python -m module arguments…`."""
    arguments: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """Written into the folder before it is started, by name."""
    ready: str
    """The URL that answers once it can be used."""


@runtime_checkable
class CanBeServed(Protocol):
    """An optional power of an address: where the inventory names no server of its engine, one is started for the run."""

    @property
    def lacks_server(self) -> bool:
        """True when the inventory names none."""
        ...

    def served(self, port: int, pidfile: str) -> Self:
        """The same address, reached through the server that listens at this port of the loopback address.

        What `pidfile` says of the server's process tells whether it still runs, also to whoever heals.
        """
        ...

    @classmethod
    def server(cls, addresses: Sequence[Self], port: int, folder: str) -> Server:
        """The one server for all of these addresses; its files will lie in `folder`.

        Raises ValueError(setting, what_is_wrong, how_to_fix_it) when it cannot be the server of two of them.
        """
        ...
