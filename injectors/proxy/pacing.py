"""The toxics that let bytes pass later: latency, and bandwidth of one connection or of all together."""

from __future__ import annotations

from collections import OrderedDict, deque

from injectors.proxy.hub import Hub, Timer, report
from injectors.proxy.stage import Chunk, Holding, Line
from injectors.proxy.toxic import Toxic

LATE_MAX_S = 0.05
"""So much lateness of timers is made up for. More was a wait for the reader, and no credit for a burst."""
_PIECE_MAX = 32 * 1024


class Latency(Holding):
    """Each chunk goes on `latency` ± `jitter` after it came, and never before its predecessor."""

    limit = 48 * 1024 * 1024
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
        self._late_s = min(max(0.0, now - due), LATE_MAX_S)
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


class Bucket:
    """The bandwidth that all connections of a proxy share, in turn."""

    def __init__(self, hub: Hub, toxic: Toxic) -> None:
        self._hub = hub
        self._toxic = toxic
        self._meter = Meter(hub)
        self._waiting: OrderedDict[SharedBandwidth, None] = OrderedDict()
        self._timer: Timer | None = None
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
        self._timer = self._hub.at(when, self.run)

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

    def run(self) -> None:
        """Ask for a turn, as far as the next has room."""
        if self._held and not self.after.full:
            if self._held[0][1]:
                self._bucket.queue(self)
            else:
                self.pass_on()  # the end of the stream costs nothing
        self._tell_of_room()

    def wanted(self) -> int:
        """How many bytes it would send in its turn."""
        return len(self._held[0][1])

    def turn(self, size: int) -> None:
        """Send so many bytes; what was paid for is sent although the next may have become full."""
        self.after.take(*self._cut_off(size))
        self.run()

    def retime(self) -> None:
        self._bucket.run()

    def leave(self) -> None:
        self._bucket.forget(self)
        super().leave()

    def drop(self) -> None:
        self._bucket.forget(self)
        super().drop()


def _piece(rate: float) -> int:
    """As much as goes at once: what the rate allows in 100 ms, as the original sends it."""
    return max(1, min(_PIECE_MAX, int(rate * 100)))


def _share(rate: float) -> int:
    """As much as one of many goes at once: small, so that each has its turn soon."""
    return max(1, min(_PIECE_MAX, int(rate * 10)))


def _enough(toxic: Toxic) -> int:
    """What a bandwidth must hold so that a timer's resolution does not starve it: 20 ms of its rate."""
    return max(Holding.limit, min(4 * 1024 * 1024, int(toxic.attributes["rate"]) * 20))
