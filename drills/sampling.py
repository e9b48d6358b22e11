"""When to look, how long to wait, and what becomes of the looks: on their way to the journal, and on the screen.

The schedule is open: look number n is due at start + n * every and is sent then, whether or not earlier ones were
answered. A sampler that waited for answers would look least while the system is slowest, and would miss the outage.
"""

import errno
import math
import os
import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from checks import Look, Sample, Seen, Watch, bad, blind, quantile
from checks.evidence import pack
from checks.stalls import HELD_UP_S_MAX
from checks.units import show_duration
from drills.clock import Clock

if TYPE_CHECKING:
    import asyncio

_BEHIND_S_MAX = 1.0
"""A look that is due for longer than this is not sent: it would say nothing about the time it was meant for."""
_SETTLE_S_MAX = 1.0
"""How long the looks under way may take when the sampler ends."""
_IN_FLIGHT_MAX = 1000
_TURN = 256
_SLICE_S = 0.1
_OUR_LIMITS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)
"""Errors of the system that say that we have run out of something, not the target."""


class _Flight:
    """A look under way."""

    __slots__ = ("n", "planned_s", "sent_s", "task", "timer", "told")

    def __init__(self, n: int, planned_s: float) -> None:
        self.n, self.planned_s = n, planned_s
        self.sent_s: float | None = None
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.told = False
        """Whether its sample was recorded; what its task does afterwards is of no interest."""


class Sampler:
    """Sends the looks of one probe. Times are the clock's; samples are told in seconds since `origin_s`.

    What could not be sent is recorded too, as blind, so that no slot of the schedule is ever without a sample.
    """

    def __init__(
        self,
        name: str,
        watch: Watch,
        *,
        every_s: float,
        timeout_s: float,
        clock: Clock,
        origin_s: float,
        record: Callable[[Sample], None],
        in_flight_max: int | None = None,
        second_hand: bool = False,
    ) -> None:
        """`second_hand` is whoever the watch asks when that is not the system itself: then no answer is blind."""
        self.name = name
        self._watch, self._clock, self._record = watch, clock, record
        self._every_s, self._timeout_s, self._origin_s = every_s, timeout_s, origin_s
        # As many as a silent system holds, and some for looks that take their time to notice that they are over.
        self._in_flight_max = in_flight_max or min(_IN_FLIGHT_MAX, math.ceil(timeout_s / every_s) + 10)
        self._flights: set[_Flight] = set()
        self._sleep: asyncio.Future[None] | None = None
        self._silent = blind if second_hand else bad
        self._stopped = False
        self._broken: Exception | None = None

    async def run(self) -> None:
        """Look until stopped or cancelled, then wait briefly for the looks under way.

        One that is still unanswered then is recorded as blind: the run ended before it could be seen to be bad.
        Raises what `record` raised.
        """
        import asyncio

        start_s, n = self._clock.monotonic_s(), 0
        try:
            while not self._stopped:
                planned_s = start_s + n * self._every_s
                if planned_s > self._clock.monotonic_s():
                    await self._sleep_until(planned_s)
                else:
                    self._begin(n, planned_s)
                    n += 1
                    if n % _TURN == 0:  # far behind, with many slots to tell: let the looks have their turn
                        await asyncio.sleep(0)
        finally:
            await self._settle()
        if self._broken:
            raise self._broken

    def stop(self) -> None:
        """Send no more looks; `run` then ends by itself."""
        self._stopped = True
        if self._sleep and not self._sleep.done():
            self._sleep.set_result(None)

    async def _sleep_until(self, due_s: float) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        self._sleep = loop.create_future()
        timer = loop.call_later(due_s - self._clock.monotonic_s(), _wake, self._sleep)
        try:
            await self._sleep
        finally:
            timer.cancel()

    def _begin(self, n: int, planned_s: float) -> None:
        """Send a look, or say why it is not sent."""
        import asyncio

        flight = _Flight(n, planned_s)
        behind_s = self._clock.monotonic_s() - planned_s
        if behind_s > _BEHIND_S_MAX:
            self._tell(flight, blind(f"not sent: we were {show_duration(behind_s)} behind"))
        elif len(self._flights) >= self._in_flight_max:
            self._tell(flight, blind(f"not sent: {len(self._flights)} looks are still unanswered"))
        else:
            self._flights.add(flight)
            flight.task = asyncio.create_task(self._look(flight))

    async def _look(self, flight: _Flight) -> None:
        import asyncio

        flight.timer = asyncio.get_running_loop().call_later(self._timeout_s, self._expire, flight)
        flight.sent_s = self._clock.monotonic_s()
        look = blind("the look was broken off")
        try:
            look = await self._watch.look(flight.n)
        except asyncio.CancelledError:
            pass  # ours, and told already; or the watch's own doing, and told as such
        except Exception as error:  # noqa: BLE001 - whatever a probe raises, a plugin's too, is told as its look
            look = _meant(error)
        finally:
            flight.timer.cancel()
            self._flights.discard(flight)
            self._tell(flight, look)

    def _expire(self, flight: _Flight) -> None:
        """The look's time is up. It is told now, however long its task may take to end."""
        assert flight.sent_s is not None
        late_s = self._clock.monotonic_s() - flight.sent_s - self._timeout_s
        if late_s > HELD_UP_S_MAX:
            self._give_up(flight, blind(f"we were held up ourselves for {show_duration(late_s)}"))
        else:
            self._give_up(flight, self._silent(f"no answer within {show_duration(self._timeout_s)}"))

    def _give_up(self, flight: _Flight, look: Look) -> None:
        self._tell(flight, look)
        if flight.task:
            flight.task.cancel()

    def _tell(self, flight: _Flight, look: Look) -> None:
        """Record a look, once."""
        if flight.told:
            return
        flight.told = True
        done_s = self._clock.monotonic_s()
        sent_s = done_s if flight.sent_s is None else flight.sent_s
        origin_s = self._origin_s
        sample = Sample(
            n=flight.n,
            planned_s=flight.planned_s - origin_s,
            sent_s=sent_s - origin_s,
            done_s=done_s - origin_s,
            seen=look.seen,
            why=look.why,
            seq=-1,
        )
        try:
            self._record(sample)
        except Exception as error:  # noqa: BLE001 - kept for `run` to raise; here it would be lost in a callback
            self._broken = error
            self.stop()

    async def _settle(self) -> None:
        try:
            await _ends(self._flights, min(self._timeout_s, _SETTLE_S_MAX))
        finally:
            for flight in list(self._flights):
                self._give_up(flight, blind("the run ended before an answer"))
            await _ends(self._flights, _SETTLE_S_MAX)


async def _ends(flights: set[_Flight], patience_s: float) -> None:
    """Wait until all have ended, for a while."""
    import asyncio

    tasks = [flight.task for flight in flights if flight.task]
    if tasks:
        await asyncio.wait(tasks, timeout=patience_s)


def _wake(sleep: "asyncio.Future[None]") -> None:
    if not sleep.done():
        sleep.set_result(None)


def _meant(error: Exception) -> Look:
    """What it means that a look raised this: a system that cannot be reached is bad, all else is a fault of ours."""
    import socket
    import ssl

    if not isinstance(error, OSError):
        return blind(f"{type(error).__name__}: {error}")
    number = error.errno
    if number is None and (several := re.search(r"\[Errno (\d+)\]", str(error))):
        number = int(several[1])  # several addresses were tried, and asyncio puts all their errors in one text
    if isinstance(error, ssl.SSLError):
        return bad(f"TLS: {getattr(error, 'verify_message', '') or getattr(error, 'reason', '') or error}")
    if isinstance(error, socket.gaierror):
        return bad(f"name not found: {(error.strerror or str(error)).lower()}")
    if number in _OUR_LIMITS:
        return blind(f"we ran out of something: {os.strerror(number).lower()}")
    if number is not None and number > 0:
        return bad(os.strerror(number).lower())
    return bad(str(error) or ("timed out" if isinstance(error, TimeoutError) else type(error).__name__))


class Batcher:
    """Gathers samples and writes those of a probe together, as the data of one event.

    `write` is called with the data; what it raises is raised by whoever gave the last sample, or by `run`.
    """

    def __init__(self, write: Callable[[dict[str, Any]], None], *, every_s: float = 0.25, most: int = 500) -> None:
        self._write, self._every_s, self._most = write, every_s, most
        self._waiting: dict[str, list[Sample]] = {}
        self._count = 0

    def add(self, probe: str, sample: Sample) -> None:
        """Take a sample; when there are many, all are written at once."""
        self._waiting.setdefault(probe, []).append(sample)
        self._count += 1
        if self._count >= self._most:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        self._count = 0
        while self._waiting:
            probe = next(iter(self._waiting))
            self._write(pack(probe, self._waiting.pop(probe)))

    async def run(self) -> None:
        """Write every so often until cancelled, then the rest. End the samplers first: they tell their last looks."""
        import asyncio

        try:
            while True:
                await asyncio.sleep(self._every_s)
                self.flush()
        finally:
            self.flush()


class _Slice:
    """What was seen within a tenth of a second."""

    __slots__ = ("counts", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.counts = {Seen.GOOD: 0, Seen.BAD: 0, Seen.BLIND: 0}


class Recent:
    """What a probe saw of late, for the screen and the guard rails. Takes the same memory however long a run lasts.

    Looks count at the moment when they were answered or given up, in seconds since the run was opened.
    """

    def __init__(self, *, span_s: float = 120.0) -> None:
        self._slices: deque[_Slice] = deque(maxlen=math.ceil(span_s / _SLICE_S) + 1)
        self._good: deque[tuple[float, float]] = deque(maxlen=1000)
        self._newest_s = -math.inf
        self.count = 0
        """Looks of the whole run."""
        self.failures: deque[Sample] = deque(maxlen=5)
        """The last looks that were bad or blind."""
        self.seen: Seen | None = None
        """What the look that was sent last saw, of those that are over."""
        self.since_s = 0.0
        """When the first look of this unbroken row was sent."""
        self.down: tuple[float, float] | None = None
        """The last outage that is over: from the first bad look to the first good one after it."""
        self._down_since_s: float | None = None

    def add(self, sample: Sample) -> None:
        """Take a look in."""
        self.count += 1
        number = int(sample.done_s / _SLICE_S)
        if not self._slices or number > self._slices[-1].number:
            self._slices.append(_Slice(number))
        self._slices[-1].counts[sample.seen] += 1
        if sample.seen is Seen.GOOD:
            self._good.append((sample.done_s, sample.took_s))
        else:
            self.failures.append(sample)
        # A look that hung for a second says nothing new when one sent after it has long been answered.
        if sample.sent_s >= self._newest_s:
            self._newest_s = sample.sent_s
            self._turn(sample)

    def success(self, last_s: float, now_s: float) -> float | None:
        """Good looks among those of the last seconds that saw anything; None when none did."""
        return _share(self._within(now_s - last_s, now_s))

    def history(self, last_s: float, now_s: float, parts: int) -> list[float | None]:
        """The success of the last seconds in equal parts, oldest first."""
        each_s = last_s / parts
        begin_s = now_s - last_s
        return [_share(self._within(begin_s + part * each_s, begin_s + (part + 1) * each_s)) for part in range(parts)]

    def took_s(self, last_s: float, now_s: float, share: float = 0.99) -> float | None:
        """How long all but the slowest good looks of the last seconds took, of the newest thousand at most."""
        return quantile(sorted(took_s for done_s, took_s in self._good if done_s > now_s - last_s), share)

    def _within(self, from_s: float, to_s: float) -> list[_Slice]:
        """The slices that begin in (from_s, to_s], so that the one of this very moment counts."""
        first, last = int(from_s / _SLICE_S), int(to_s / _SLICE_S)
        return [one for one in self._slices if first < one.number <= last]

    def _turn(self, sample: Sample) -> None:
        if sample.seen is not self.seen:
            self.seen, self.since_s = sample.seen, sample.sent_s
        if sample.seen is Seen.BAD and self._down_since_s is None:
            self._down_since_s = sample.sent_s
        elif sample.seen is Seen.GOOD and self._down_since_s is not None:
            self.down, self._down_since_s = (self._down_since_s, sample.sent_s), None


def _share(slices: list[_Slice]) -> float | None:
    good, bad_ = (sum(one.counts[seen] for one in slices) for seen in (Seen.GOOD, Seen.BAD))
    return good / (good + bad_) if good + bad_ else None
