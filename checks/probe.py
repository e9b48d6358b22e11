"""The contract of a probe: it looks at the system again and again, and says what one look saw.

When to look, how long to wait for an answer and how to record it is not the probe's business: the sampler sends
looks on an open-loop schedule, gives each its deadline and counts silence as bad.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, NewType, Protocol, runtime_checkable

from checks.evidence import Seen

TargetName = NewType("TargetName", str)
"""A setting of this type must name a target of the inventory that has the address the probe needs."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw."""

    seen: Seen
    why: str = ""


GOOD = Look(Seen.GOOD)


def bad(why: str) -> Look:
    """The system did not do what it should."""
    return Look(Seen.BAD, why)


def blind(why: str) -> Look:
    """We could not look: our own credentials, files or client failed, which says nothing about the system."""
    return Look(Seen.BLIND, why)


class CannotLook(Exception):
    """A probe cannot be opened, and trying again as things stand is no use; the message says why, and what to do."""


class LeftBehind(Exception):
    """A probe was closed and something of it is still in the target; the message says what, and until when."""


class Watch(Protocol):
    """A probe at work: opened on one target, with its connections."""

    async def look(self, n: int) -> Look:
        """Look once. May be called again before earlier looks have ended; cancelled when its time is up.

        Raises OSError for a system that cannot be reached (counted as bad); anything else it raises makes the
        look blind. `n` is the look's number, from 0; a probe that writes writes this number.
        """
        ...


@runtime_checkable
class ReadsBack(Protocol):
    """An optional power of a watch: it can say which of its numbered writes are there."""

    async def read_back(self) -> Iterable[int]:
        """The numbers found in the system now, in any order. Raises when it cannot be said."""
        ...


@runtime_checkable
class SecondHand(Protocol):
    """An optional mark of a probe: it asks somebody who watches the system, and not the system.

    What such a one knows is older than the look, so no time can be measured by it, and its silence is blind and not bad.
    """

    second_hand: ClassVar[bool]


class Probe(Protocol):
    """How to look at one target. A frozen, keyword-only dataclass: its fields are its settings in the drill."""

    name: ClassVar[str]
    """The key it is written under; the key's value is its target."""
    address: ClassVar[type]
    """The dataclass that describes, in the inventory and under its name, where such a target is.

    Or a protocol: what the probe reads of an address that is listed elsewhere under this name, as that of an engine.
    """

    @property
    def target(self) -> TargetName:
        """The target of the inventory; the setting that stands alone in a drill."""
        ...

    def open(self, address: Any, mark: str) -> AbstractAsyncContextManager[Watch]:
        """Open connections to `address`, an instance of the class attribute of that name.

        `mark` is unique to this run and probe, safe in keys and table names (`[a-z0-9_]`): whatever the probe leaves
        in the target carries it. Leaving the context removes what was left and closes what was opened.

        Raises CannotLook, here or on entering, when no look can succeed; LeftBehind on leaving when something stays.
        """
        ...
