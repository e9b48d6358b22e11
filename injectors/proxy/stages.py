"""What each toxic does to the bytes of one direction of one TCP connection.

A stage is handed chunks with the time at which they came (`take`), and hands them on to the next one (`after`), now or
later. An empty chunk is the end of the stream. A stage that has enough says so (`full`) and tells the one before it
when there is room again (`room`); nobody is refused, so that what a leaving stage holds can always be handed on. No
stage loses a byte, except those whose purpose it is.
"""

from __future__ import annotations

import random
from asyncio import TimerHandle
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import ClassVar, Protocol

from injectors.proxy import kernel
from injectors.proxy.hub import Hub, report
from injectors.proxy.loss import Loss, stall_s
from injectors.proxy.toxic import Toxic

Chunk = bytes | memoryview

_CHUNK_WEIGHT = 128
"""What a held chunk costs besides its bytes; else a stream of single bytes would fill the memory."""
_PIECE_MAX = 32 * 1024
_LATE_MAX_S = 0.05
"""So much lateness of timers is made up for. More was a wait for the reader, and no credit for a burst."""


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

    def at(self, when: float, callback: Callable[[], None]) -> TimerHandle:
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

    _timer: TimerHandle | None = None

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.when() == when:
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
        self._running = False

    @property
    def full(self) -> bool:
        return self._full

    def take(self, at: float, data: Chunk) -> None:
        self._keep(at, data)
        self.run()

    def room(self) -> None:
        self.run()

    def run(self) -> None:
        """Hand on what is due, as far as the next has room."""
        if self._running:  # called by somebody whom it is handing a chunk to
            return
        self._running = True
        was_full = self._full
        try:
            while self._held and not self.after.full:
                due = self.due()
                if due is None:
                    break
                if due > self.line.hub.time():
                    self._wake_at(due)
                    break
                self.pass_on()
        finally:
            self._running = False
        if was_full and not self._full:
            self.before.room()

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
            self._full = True
        elif self._weight <= self.limit // 8 * 7:
            self._full = False

    def _emit_head(self) -> None:
        """Hand on what is left of the chunk whose turn it is, as an update does."""
        super().drop()
        if self._held:
            self.after.take(*self._pop())


class Latency(Holding):
    """Each chunk goes on `latency` ± `jitter` after it came, and never before its predecessor."""

    limit = 32 * 1024 * 1024
    bite = 256 * 1024

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        super().__init__(line, toxic, key)
        self._dues: deque[float] = deque()
        self._last_due = 0.0

    def take(self, at: float, data: Chunk) -> None:
        self._schedule(at, data)
        super().take(at, data)

    def due(self) -> float:
        return self._dues[0]

    def retime(self) -> None:
        self._emit_head()
        self._dues.clear()
        self._last_due = 0.0
        for at, data in self._held:
            self._schedule(at, data)
        self.run()

    def _schedule(self, at: float, data: Chunk) -> None:
        # The end of the stream waits for what is before it, and for nothing else.
        due = at + self._delay_s() if data else at
        self._last_due = max(due, self._last_due)
        self._dues.append(self._last_due)

    def _delay_s(self) -> float:
        delay_ms = self.toxic.attributes["latency"]
        if (jitter := int(self.toxic.attributes["jitter"])) > 0:
            delay_ms += self.source.randrange(2 * jitter) - jitter
        return max(0.0, delay_ms / 1000)

    def _pop(self) -> tuple[float, Chunk]:
        at, data = super()._pop()
        due = self._dues.popleft()
        # The time moves on with the chunk, so that two latencies add up; unless it had to go early.
        return (due if due <= self.line.hub.time() else at), data

    def leave(self) -> None:
        super().leave()
        self._last_due = 0.0

    def drop(self) -> None:
        super().drop()
        self._dues.clear()


class Meter:
    """Says when so many bytes have been paid for, at a rate that may change."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._since: float | None = None
        self._late_s = 0.0

    def due(self, size: int, rate_kb: float) -> float:
        """When this many bytes may go, counted from the last ones or, after idling, from now."""
        if self._since is None:
            self._since = self._hub.time() - self._late_s
        return self._since + size / (rate_kb * 1000)

    def passed(self, due: float) -> None:
        """Those bytes have gone. A late timer is made up for; waiting earns no credit."""
        now = self._hub.time()
        self._late_s = min(max(0.0, now - due), _LATE_MAX_S)
        self._since = now - self._late_s

    def idle(self) -> None:
        """There is nothing more to send for the moment."""
        self._since = None


class Bandwidth(Holding):
    """At most `rate` KB a second, in pieces of at most 100 ms; 0 lets nothing pass."""

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        super().__init__(line, toxic, key)
        self._meter = Meter(line.hub)
        self.limit = _enough(toxic)

    def due(self) -> float | None:
        size = len(self._held[0][1])
        rate = self.toxic.attributes["rate"]
        if not size:
            return 0.0
        return self._meter.due(min(size, _piece(rate)), rate) if rate > 0 else None

    def pass_on(self) -> None:
        due = self.due()
        if due:
            self._meter.passed(due)
        head = self._cut_off(_piece(self.toxic.attributes["rate"]))
        if not self._held:
            self._meter.idle()
        self.after.take(*head)

    def retime(self) -> None:
        self._emit_head()
        self._meter.idle()
        self.limit = _enough(self.toxic)
        self._weigh(0)
        self.run()
        self.before.room()


class Bucket:
    """The bandwidth that all connections of a proxy share, in turn."""

    def __init__(self, hub: Hub, toxic: Toxic) -> None:
        self._hub = hub
        self._toxic = toxic
        self._meter = Meter(hub)
        self._waiting: OrderedDict[SharedBandwidth, None] = OrderedDict()
        self._timer: TimerHandle | None = None
        self._running = False

    def queue(self, stage: SharedBandwidth) -> None:
        """Have a turn as soon as those before have had theirs."""
        if stage not in self._waiting:
            self._waiting[stage] = None
            self.run()

    def forget(self, stage: SharedBandwidth) -> None:
        """It wants no turn any more."""
        self._waiting.pop(stage, None)
        if not self._waiting:
            self._rest()

    def run(self) -> None:
        """Give turns as long as they are paid for, and come back for the next."""
        if self._running:
            return
        self._running = True
        try:
            self._give_turns(self._toxic.attributes["rate"])
        finally:
            self._running = False

    def _give_turns(self, rate: float) -> None:
        while self._waiting and rate > 0:
            stage = next(iter(self._waiting))
            size = min(stage.wanted(), _share(rate))
            due = self._meter.due(size, rate)
            if due > self._hub.time():
                self._come_back(due)
                return
            del self._waiting[stage]
            self._meter.passed(due)
            try:
                stage.turn(size)
            except Exception as problem:  # noqa: BLE001 - the others' turns must go on
                report(problem, stage.line.broken)
        self._rest()

    def _come_back(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._hub.loop.call_at(when, self.run)

    def _rest(self) -> None:
        self._meter.idle()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class SharedBandwidth(Holding):
    """At most `rate` KB a second for all connections of the proxy together."""

    def __init__(self, line: Line, toxic: Toxic, key: str, bucket: Bucket) -> None:
        super().__init__(line, toxic, key)
        self._bucket = bucket

    def due(self) -> float | None:
        if not self._held[0][1]:
            return 0.0  # the end of the stream costs nothing
        self._bucket.queue(self)
        return None

    def room(self) -> None:
        self.run()

    def wanted(self) -> int:
        """How many bytes it would send in its turn."""
        return len(self._held[0][1])

    def turn(self, size: int) -> None:
        """Send so many bytes; what was paid for is sent although the next may have become full."""
        was_full = self._full
        self.after.take(*self._cut_off(size))
        self.run()
        if was_full and not self._full:
            self.before.room()

    def retime(self) -> None:
        self._bucket.run()

    def leave(self) -> None:
        self._bucket.forget(self)
        super().leave()

    def drop(self) -> None:
        self._bucket.forget(self)
        super().drop()


class SlowClose(Timed):
    """Holds back the end of the stream for `delay`."""

    _end: tuple[float, Chunk] | None = None

    def take(self, at: float, data: Chunk) -> None:
        if data:
            self.after.take(at, data)
        else:
            self._end = (at, data)
            self.retime()

    def retime(self) -> None:
        if self._end is not None:
            self._wake_at(self.line.hub.time() + _seconds(self.toxic, "delay"))

    def leave(self) -> None:
        super().drop()
        self._wake()

    def _wake(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            self.after.take(*end)

    def drop(self) -> None:
        super().drop()
        self._end = None


class Timeout(Timed):
    """Drops all data, and ends the connection after `timeout` of silence. So does taking it out: bytes are missing."""

    _heard_s = 0.0

    @property
    def full(self) -> bool:
        return False

    def begin(self) -> None:
        self.retime()

    def take(self, at: float, data: Chunk) -> None:
        self._heard_s = self.line.hub.time()
        if not data:
            self.drop()
            self.after.take(at, data)

    def retime(self) -> None:
        super().drop()
        self._heard_s = self.line.hub.time()
        if (timeout_s := _seconds(self.toxic, "timeout")) > 0:
            self._wake_at(self._heard_s + timeout_s)

    def leave(self) -> None:
        self.line.cut(self)

    def _wake(self) -> None:
        over = self._heard_s + _seconds(self.toxic, "timeout")
        if self.line.hub.time() < over:
            self._wake_at(over)
        else:
            self.line.cut(self)


class ResetPeer(Holding):
    """Ends the connection with RST, `timeout` after the first chunk or the end of the stream came by."""

    _first_s: float | None = None

    def take(self, at: float, data: Chunk) -> None:
        self._keep(at, data)
        if self._first_s is None:
            self._first_s = self.line.hub.time()
            self.retime()

    def run(self) -> None:
        """Nothing passes."""

    def retime(self) -> None:
        if self._first_s is not None:
            self._wake_at(self._first_s + _seconds(self.toxic, "timeout"))

    def leave(self) -> None:
        self._first_s = None
        super().leave()

    def _wake(self) -> None:
        self.line.reset()
        self.line.cut(self)


class Slicer(Holding):
    """Cuts chunks in pieces of about `average_size`, with `delay` after each."""

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        super().__init__(line, toxic, key)
        self._sizes: deque[int] = deque()
        self._next_s = 0.0

    def due(self) -> float:
        return self._next_s

    def pass_on(self) -> None:
        data = self._held[0][1]
        if not self._sizes:
            self._sizes.extend(self._pieces(len(data)))
        now = self.line.hub.time()
        # A late timer is made up for, so that a delay below its resolution does not become one of it.
        self._next_s = max(self._next_s, now - _LATE_MAX_S if len(self._sizes) > 1 else now)
        self._next_s += self.toxic.attributes["delay"] / 1e6
        self.after.take(*self._cut_off(self._sizes.popleft()))

    def retime(self) -> None:
        if self._sizes:  # some of the head has gone already
            self._sizes.clear()
            self._emit_head()
        self._next_s = 0.0
        self.run()

    def leave(self) -> None:
        self._sizes.clear()
        super().leave()

    def drop(self) -> None:
        self._sizes.clear()
        super().drop()

    def _pieces(self, size: int) -> list[int]:
        average, variation = int(self.toxic.attributes["average_size"]), int(self.toxic.attributes["size_variation"])
        done: list[int] = []
        left = [size]
        while left:
            size = left.pop()
            if size - average <= variation:
                done.append(size)
                continue
            middle = size // 2 + (self.source.randrange(2 * variation) - variation if variation else 0)
            middle = min(max(1, middle), size - 1)
            left += [size - middle, middle]
        return done


class LimitData(Stage):
    """Ends the connection once `bytes` have passed."""

    _passed = 0

    def take(self, at: float, data: Chunk) -> None:
        if not data:
            self.after.take(at, data)
            return
        limit = int(self.toxic.attributes["bytes"])
        allowed = data[: max(0, limit - self._passed)]
        self._passed += len(allowed)
        if allowed:
            self.after.take(at, allowed)
        if self._passed >= limit:
            self.line.cut(self)


class Stall(Holding):
    """Losses where the kernel makes none, or none in bursts: a chunk waits as long as sending it again would take."""

    def __init__(self, line: Line, toxic: Toxic, key: str) -> None:
        super().__init__(line, toxic, key)
        self._loss = Loss(self.source)
        self._dues: deque[float] = deque()

    def take(self, at: float, data: Chunk) -> None:
        self._dues.append(self._due(at))
        super().take(at, data)

    def due(self) -> float:
        return self._dues[0]

    def retime(self) -> None:
        self._emit_head()
        self._dues = deque(self._due(at) for at, _ in self._held)
        self.run()

    def _due(self, at: float) -> float:
        share, correlation = (self.toxic.attributes[name] for name in ("loss_rate", "correlation"))
        return at + stall_s(self._loss.losses(share, correlation))

    def _pop(self) -> tuple[float, Chunk]:
        self._dues.popleft()
        return self.line.hub.time(), super()._pop()[1]

    def drop(self) -> None:
        super().drop()
        self._dues.clear()


class Hold(Holding):
    """A partition where the kernel makes none: nothing passes, not even the end of the stream."""

    @property
    def full(self) -> bool:
        return True


class Elsewhere(Stage):
    """A toxic that does nothing to the bytes of a connection: `noop`, or what acts on the listener."""

    in_chain = False


class Lossy(Elsewhere):
    """Segments that the kernel loses."""

    @property
    def share(self) -> float:
        """The share of segments that is to be lost."""
        return 1.0 if self.toxic.type == "partition" else float(self.toxic.attributes["loss_rate"])


_STAGES: dict[str, type[Stage]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "timeout": Timeout,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "limit_data": LimitData,
    "noop": Elsewhere,
    "connect_timeout": Elsewhere,
    "shared_bandwidth": SharedBandwidth,
}


def fitting(toxic: Toxic) -> type[Stage]:
    """The stage that carries this toxic out; for losses that depends on its attributes and on the kernel."""
    if toxic.type == "partition":
        return Lossy if kernel.can_filter() else Hold
    if toxic.type == "packet_loss":  # a filter has no memory, hence no bursts
        return Lossy if kernel.can_filter() and not toxic.attributes["correlation"] else Stall
    return _STAGES[toxic.type]


def _seconds(toxic: Toxic, name: str) -> float:
    return max(0.0, toxic.attributes[name] / 1000)


def _piece(rate: float) -> int:
    """As much as goes at once: what the rate allows in 100 ms, as the original sends it."""
    return max(1, min(_PIECE_MAX, int(rate * 100)))


def _share(rate: float) -> int:
    """As much as one of many goes at once: small, so that each has its turn soon."""
    return max(1, min(_PIECE_MAX, int(rate * 10)))


def _enough(toxic: Toxic) -> int:
    """What a bandwidth must hold so that a timer's resolution does not starve it: 20 ms of its rate."""
    return max(Holding.limit, min(4 * 1024 * 1024, int(toxic.attributes["rate"]) * 20))
