"""A place in the chain of one direction of one TCP connection: the contract of a toxic at work, and two foundations.

A stage is handed chunks with the time at which they came (`take`), and hands them on to the next one (`after`), now or
later. An empty chunk is the end of the stream. A stage that has enough says so (`full`) and tells the one before it
when there is room again (`room`); nobody is refused, so that what a leaving stage holds can always be handed on. No
stage loses a byte, except those whose purpose it is.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import ClassVar, Protocol

from injectors.proxy.hub import Hub, Timer
from injectors.proxy.toxic import Toxic

Chunk = bytes | memoryview

_CHUNK_WEIGHT = 128
"""What a held chunk costs besides its bytes; else a stream of single bytes would fill the memory."""
_PASSED_AT_ONCE = 64
"""So many chunks are handed on before other connections have their turn: thousands of single bytes take a while."""


class Node(Protocol):
    """A place in a chain: a stage, or the link at its two ends."""

    before: Node
    after: Node

    @property
    def full(self) -> bool:
        """Whether it would rather not be handed anything."""
        ...

    def take(self, at: float, data: Chunk) -> None:
        """Be handed a chunk that came at this time."""
        ...

    def room(self) -> None:
        """Be told that `after` is no longer full."""
        ...


class Line(Protocol):
    """What a stage needs of the link it stands in."""

    hub: Hub

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at this time of the loop's clock; a bug in there ends this connection only."""
        ...

    def cut(self, stage: Stage) -> None:
        """End the stream at this stage: nothing is read any more, what the stages before it hold is lost."""
        ...

    def broken(self, problem: Exception) -> None:
        """Close the connection because of a bug."""
        ...

    def reset(self) -> None:
        """Let the connection end with RST instead of FIN."""
        ...


class Stage:
    """One toxic in one direction of one connection. This one lets everything pass."""

    before: Node
    after: Node
    affected = False
    done = False
    """The stream was ended here, or at a later stage."""
    bite: ClassVar[int] = 64 * 1024
    """The largest chunk that it wants to be handed."""
    in_chain: ClassVar[bool] = True
    """False for what works elsewhere than on bytes."""

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        self.line = line
        self.toxic = toxic
        self._key = key
        self._draw: float | None = None
        self._source: random.Random | None = None

    @property
    def source(self) -> random.Random:
        """Random numbers of its own, the same in each run with the same seed."""
        if self._source is None:
            self._source = random.Random(self._key)
            self._draw = self._source.random()
        return self._source

    def is_hit(self) -> bool:
        """Whether the toxic's present toxicity means this connection. Drawn once."""
        if self.toxic.toxicity >= 1:
            return True
        if self.toxic.toxicity <= 0:
            return False
        _ = self.source
        return self._draw is not None and self._draw < self.toxic.toxicity

    @property
    def full(self) -> bool:
        return self.after.full

    def take(self, at: float, data: Chunk) -> None:
        self.after.take(at, data)

    def room(self) -> None:
        self.before.room()

    def begin(self) -> None:
        """The stage stands in its place."""

    def retime(self) -> None:
        """The toxic's attributes are new; what is being held back this moment is handed on."""

    def leave(self) -> None:
        """Hand on everything that is held: the stage is about to be taken out."""

    def drop(self) -> None:
        """The stream has ended: cancel all timers, forget what is held."""


class Timed(Stage):
    """A stage with a timer."""

    _timer: Timer | None = None

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.when == when:
                return
            self._timer.cancel()
        self._timer = self.line.at(when, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._wake()

    def _wake(self) -> None:
        raise NotImplementedError

    def drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Holding(Timed):
    """A stage that keeps chunks, in order, until each is due."""

    limit: int = 64 * 1024
    """Bytes after which it is full, until an eighth of them has gone."""

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        super().__init__(line, toxic, key)
        self._held: deque[tuple[float, Chunk]] = deque()
        self._weight = 0
        self._full = False
        self._was_full = False
        """Since the one before it was last told of room."""
        self._running = False

    @property
    def full(self) -> bool:
        return self._full

    def take(self, at: float, data: Chunk) -> None:
        self._keep(at, data)
        self.run()

    def room(self) -> None:
        self.run()
        if not self._full:  # the one before may still wait for `after`, if this stage was put in between meanwhile
            self.before.room()

    def run(self) -> None:
        """Hand on what is due, as far as the next has room."""
        if self._running:  # called by somebody whom it is handing a chunk to
            return
        self._running = True
        try:
            for _ in range(_PASSED_AT_ONCE):
                if not self._held or self.after.full or (due := self.due()) is None:
                    break
                if due > self.line.hub.time():
                    self._wake_at(due)
                    break
                self.pass_on()
            else:
                self._wake_at(self.line.hub.time())
        finally:
            self._running = False
        self._tell_of_room()

    def due(self) -> float | None:
        """When the head may go on; None for not before something changes. Called only while something is held."""
        return None

    def pass_on(self) -> None:
        """Hand on the head, or a piece of it."""
        self.after.take(*self._pop())

    def leave(self) -> None:
        super().drop()
        while self._held:
            self.after.take(*self._pop())

    def drop(self) -> None:
        super().drop()
        self._held.clear()
        self._weight = 0

    def _wake(self) -> None:
        self.run()

    def _keep(self, at: float, data: Chunk) -> None:
        self._held.append((at, data))
        self._weigh(len(data) + _CHUNK_WEIGHT)

    def _pop(self) -> tuple[float, Chunk]:
        head = self._held.popleft()
        self._weigh(-len(head[1]) - _CHUNK_WEIGHT)
        return head

    def _cut_off(self, size: int) -> tuple[float, Chunk]:
        """The first `size` bytes of the head; the rest stays the head."""
        at, data = self._held[0]
        if size >= len(data):
            return self._pop()
        view = memoryview(data)
        self._held[0] = (at, view[size:])
        self._weigh(-size)
        return at, view[:size]

    def _weigh(self, more: int) -> None:
        self._weight += more
        if self._weight >= self.limit:
            self._full = self._was_full = True
        elif self._weight <= self.limit // 8 * 7:
            self._full = False

    def _tell_of_room(self) -> None:
        if self._was_full and not self._full:
            self._was_full = False
            self.before.room()

    def _emit_head(self) -> None:
        """Hand on what is left of the chunk whose turn it is, as an update does; unless it is the next that holds it up."""
        super().drop()
        if self._held and not self.after.full:
            self.after.take(*self._pop())
