"""The contract of an observer: it listens to a system that watches, and tells what that says as it says it.

A probe asks the service; an observer asks those who are to notice when the service is ill: Prometheus, Alertmanager,
whoever delivers pages. It is there from before the first fault to after the last one, it never acts, and that it
could not listen for a while is told too, since silence proves nothing then.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Protocol, runtime_checkable


class CannotObserve(Exception):
    """An observer cannot begin, and trying again as things stand is no use; the message says why, and what to do."""


class Tell(Protocol):
    """Takes down one fact, as an event of the run with the present time and the observer's name."""

    def __call__(self, kind: str, /, **data: Any) -> None:
        """`kind` is one of `ObservedKind`; `data` are JSON values. Instants of another clock are named `…_unix`."""
        ...


class Observer(Protocol):
    """Whom to listen to. A frozen, keyword-only dataclass: its fields are its settings in the inventory."""

    name: ClassVar[str]
    """The key it is written under."""

    def open(self, tell: Tell) -> AbstractAsyncContextManager[None]:
        """Listen until the context is left. Entering it returns once nothing can be missed any more.

        Raises CannotObserve on entering. What goes wrong after that is told as `observer.lost`, and never raised.
        """
        ...


@runtime_checkable
class IsTold(Protocol):
    """An optional mark of an observer: it asks nobody, and holds a port at which others tell it.

    Who is to touch nothing, such as a plan, does not open it: the port may be another run's.
    """

    is_told: ClassVar[bool]


@runtime_checkable
class SendsAlerts(Protocol):
    """An optional power of an observer: it can have an alert of ours go the way that the real ones go."""

    async def send(self, labels: Mapping[str, str], annotations: Mapping[str, str], *, lasts_s: float) -> None:
        """Let it fire at once, and be over by itself after so many seconds; sent again with 0, it is over now.

        Whoever is paged by such an alert is paged by this one. Raises CannotObserve.
        """
        ...
