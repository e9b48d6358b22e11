"""The toxics that cut streams in pieces, or off; and which stage carries out which toxic."""

from __future__ import annotations

from collections import deque

from injectors.proxy import kernel
from injectors.proxy.loss import Loss, stall_s
from injectors.proxy.pacing import LATE_MAX_S, Bandwidth, Latency, SharedBandwidth
from injectors.proxy.stage import Chunk, Holding, Line, Stage, Timed
from injectors.proxy.toxic import Toxic


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
        self._sizes: list[int] = []
        """What is left of the head, the next piece last; as far as it has been cut."""
        self._next_s = 0.0

    def due(self) -> float:
        return self._next_s

    def pass_on(self) -> None:
        size = self._next_size(len(self._held[0][1]))
        now = self.line.hub.time()
        # A late timer is made up for, so that a delay below its resolution does not become one of it.
        self._next_s = max(self._next_s, now - LATE_MAX_S if self._sizes else now)
        self._next_s += self.toxic.attributes["delay"] / 1e6
        self.after.take(*self._cut_off(size))

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

    def _next_size(self, whole: int) -> int:
        """Of the next piece of a chunk that was so large before the first one was cut off."""
        average, variation = int(self.toxic.attributes["average_size"]), int(self.toxic.attributes["size_variation"])
        size = self._sizes.pop() if self._sizes else whole
        while size - average > variation:
            middle = size // 2 + (self.source.randrange(2 * variation) - variation if variation else 0)
            middle = min(max(1, middle), size - 1)
            self._sizes.append(size - middle)
            size = middle
        return size


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
