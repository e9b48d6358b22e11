"""The schedule of looks, what becomes of them, and the live view.

Time is a jumping loop's, so that nothing but a test itself holds a sampler up; before a real server it is the system's.
"""

import asyncio
import errno
import re
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from checks import GOOD, Event, Look, Sample, Samples, Seen, TargetName, Watch, bad
from checks.evidence import unpack
from checks.probes.valkey import ValkeyProbe, ValkeyService
from drills.clock import Clock, SystemClock
from drills.sampling import Batcher, Recent, Sampler
from tests.checks.probes.servers import comes, valkey
from tests.fakes import JumpingClock, JumpingLoop, jump

CLOCK = SystemClock()


class Does:
    """A watch that does what a test says."""

    def __init__(self, do: Callable[[int], Awaitable[Look]]) -> None:
        self.do = do

    async def look(self, n: int) -> Look:
        return await self.do(n)


async def good(n: int) -> Look:
    return GOOD


async def silent(n: int) -> Look:
    await asyncio.sleep(60)
    return GOOD


def sampler(
    watch: Watch,
    samples: list[Sample],
    clock: Clock = CLOCK,
    *,
    every_s: float = 0.01,
    timeout_s: float = 1.0,
    **more: Any,
) -> Sampler:
    more = {"record": samples.append, "origin_s": clock.monotonic_s(), **more}
    return Sampler("p", watch, every_s=every_s, timeout_s=timeout_s, clock=clock, **more)


def run_for(seconds: float, do: Callable[[int], Awaitable[Look]], **settings: Any) -> list[Sample]:
    """All samples of a sampler that was stopped after a while."""
    samples: list[Sample] = []

    async def main(clock: JumpingClock) -> None:
        one = sampler(Does(do), samples, clock, **settings)
        running = asyncio.create_task(one.run())
        await asyncio.sleep(seconds)
        one.stop()
        await running

    jump(main)
    return sorted(samples, key=lambda sample: sample.n)


def hold_us_up(seconds: float) -> None:
    """Let time go by in which nothing of ours can be done."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    loop.now_s += seconds


def assert_whole(samples: list[Sample], every_s: float) -> None:
    """Every slot of the schedule has one sample, planned for its very moment."""
    assert [one.n for one in samples] == list(range(len(samples)))
    start_s = samples[0].planned_s
    assert [one.planned_s for one in samples] == pytest.approx(
        [start_s + n * every_s for n in range(len(samples))], abs=1e-9
    )


def test_looks_are_sent_at_their_times() -> None:
    samples = run_for(0.3, good)
    assert_whole(samples, 0.01)
    assert 30 <= len(samples) <= 31
    assert {one.seen for one in samples} == {Seen.GOOD}
    assert {one.seq for one in samples} == {-1}
    assert all(one.planned_s <= one.sent_s <= one.done_s for one in samples)
    assert Samples("p", samples).late_s()[-1] < 1e-6


def test_slow_answers_do_not_slow_the_schedule() -> None:
    """With one look at a time, only three could be sent."""

    async def slow(n: int) -> Look:
        await asyncio.sleep(0.1)
        return GOOD

    samples = run_for(0.3, slow)
    assert_whole(samples, 0.01)
    assert len(samples) >= 30
    assert {one.seen for one in samples} == {Seen.GOOD}
    assert all(one.took_s == pytest.approx(0.1) for one in samples)


def test_silence_is_bad_when_the_time_is_up() -> None:
    samples = run_for(0.1, silent, timeout_s=0.05)
    assert {(one.seen, one.why) for one in samples} == {(Seen.BAD, "no answer within 50 ms")}
    assert all(one.took_s == pytest.approx(0.05) for one in samples)


def test_an_answer_just_in_time_is_good() -> None:
    async def last_moment(n: int) -> Look:
        await asyncio.sleep(0.1)
        return GOOD

    assert {one.seen for one in run_for(0.05, last_moment, timeout_s=0.2)} == {Seen.GOOD}
    assert {one.seen for one in run_for(0.05, last_moment, timeout_s=0.08)} == {Seen.BAD}


def test_a_look_that_takes_its_time_to_be_cancelled_is_told_when_its_time_is_up() -> None:
    async def stubborn(n: int) -> Look:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.2)
        return GOOD

    samples = run_for(0.05, stubborn, timeout_s=0.05)
    assert {one.seen for one in samples} == {Seen.BAD}
    assert all(one.took_s == pytest.approx(0.05) for one in samples)
    assert_whole(samples, 0.01)


def test_more_unanswered_looks_than_allowed_are_blind_and_neither_late_nor_lost() -> None:
    samples = run_for(0.2, silent, in_flight_max=5, timeout_s=0.15)
    assert_whole(samples, 0.01)
    blind = [one for one in samples if one.seen is Seen.BLIND]
    assert blind[0].n == 5
    assert {one.why for one in blind if one.n < 15} == {"not sent: 5 looks are still unanswered"}
    assert all(one.sent_s - one.planned_s < 1e-6 for one in samples)


def test_a_silent_system_does_not_reach_the_bound_that_is_set_by_itself() -> None:
    samples = run_for(0.4, silent, timeout_s=0.1)
    assert {one.seen for one in samples} == {Seen.BAD}


@pytest.mark.parametrize(
    ("error", "seen", "why"),
    [
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"),
            Seen.BAD,
            "connection refused",
        ),
        (ConnectionResetError("connection closed by the server"), Seen.BAD, "connection closed by the server"),
        (OSError(errno.EHOSTUNREACH, "x"), Seen.BAD, "no route to host"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] …"),
            Seen.BAD,
            "connection refused",
        ),
        (TimeoutError(), Seen.BAD, "timed out"),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            Seen.BAD,
            "name not found: name or service not known",
        ),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), Seen.BAD, "TLS: "),
        (OSError(errno.EMFILE, "x"), Seen.BLIND, "we ran out of something: too many open files"),
        (OSError(errno.EADDRNOTAVAIL, "x"), Seen.BLIND, "we ran out of something: cannot assign requested address"),
        (KeyError("no such"), Seen.BLIND, "KeyError: 'no such'"),
        (asyncio.CancelledError(), Seen.BLIND, "the look was broken off"),
    ],
)
def test_what_a_look_raises_is_told_in_a_few_words(error: BaseException, seen: Seen, why: str) -> None:
    async def fail(n: int) -> Look:
        raise error

    samples = run_for(0.015, fail)
    assert samples[0].seen is seen
    assert samples[0].why.startswith(why)


def test_an_error_that_cannot_even_be_told_is_blind() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    async def fail(n: int) -> Look:
        raise Mute

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await sampler(Does(fail), samples, record=first).run()

    def first(sample: Sample) -> None:
        samples.append(sample)
        raise StopAsyncIteration

    samples: list[Sample] = []
    with pytest.raises(StopAsyncIteration):
        asyncio.run(main())
    assert (samples[0].seen, samples[0].why) == (Seen.BLIND, "the look was broken off")


def test_a_look_under_way_at_the_end_may_still_be_answered() -> None:
    async def slow(n: int) -> Look:
        await asyncio.sleep(0.1)
        return bad("late and bad")

    assert {one.why for one in run_for(0.03, slow)} == {"late and bad"}


@pytest.mark.parametrize("way", ["stop", "cancel"])
def test_a_look_unanswered_at_the_end_is_blind(way: str) -> None:
    samples: list[Sample] = []

    async def main(clock: JumpingClock) -> None:
        one = sampler(Does(silent), samples, clock, timeout_s=30)
        running = asyncio.create_task(one.run())
        await asyncio.sleep(0.05)
        began_s = clock.monotonic_s()
        if way == "stop":
            one.stop()
        else:
            running.cancel()
        await asyncio.wait([running])
        assert running.cancelled() is (way == "cancel")
        assert clock.monotonic_s() - began_s < 1.5
        assert len(asyncio.all_tasks()) == 1

    jump(main)
    assert {(one.seen, one.why) for one in samples} == {(Seen.BLIND, "the run ended before an answer")}
    assert len(samples) >= 5


def test_a_sampler_cancelled_twice_still_tells_every_look() -> None:
    samples: list[Sample] = []

    async def main(clock: JumpingClock) -> None:
        running = asyncio.create_task(sampler(Does(silent), samples, clock, timeout_s=30).run())
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait([running])

    jump(main)
    assert len(samples) >= 5


def test_stopping_wakes_a_sampler_that_sleeps_long() -> None:
    samples: list[Sample] = []

    async def main(clock: JumpingClock) -> None:
        one = sampler(Does(good), samples, clock, every_s=60)
        asyncio.get_running_loop().call_later(0.02, one.stop)
        await one.run()
        assert clock.monotonic_s() < 1

    jump(main)
    assert len(samples) == 1


def test_slots_missed_for_a_moment_are_sent_in_order_as_soon_as_possible() -> None:
    order: list[int] = []

    async def block(n: int) -> Look:
        order.append(n)
        if n == 5:
            hold_us_up(0.3)
        return GOOD

    samples = run_for(0.5, block)
    assert_whole(samples, 0.01)
    assert order == sorted(order)
    assert {one.seen for one in samples} == {Seen.GOOD}
    missed = [one for one in samples if one.n in range(8, 34)]
    assert max(one.sent_s - one.planned_s for one in missed) > 0.2
    assert max(one.sent_s for one in missed) - min(one.sent_s for one in missed) < 0.1


def test_slots_missed_for_longer_are_told_as_blind() -> None:
    async def block(n: int) -> Look:
        if n == 2:
            hold_us_up(1.5)
        return GOOD

    samples = run_for(1.7, block)
    assert_whole(samples, 0.01)
    blind = [one for one in samples if one.seen is Seen.BLIND]
    assert 40 < len(blind) < 60
    assert all(re.fullmatch(r"not sent: we were 1(\.\d+)? s behind", one.why) for one in blind)
    assert all(one.sent_s - one.planned_s <= 1.1 for one in samples if one.seen is Seen.GOOD)


def test_a_deadline_that_we_slept_through_says_nothing_about_the_system() -> None:
    async def block(n: int) -> Look:
        if n == 1:
            hold_us_up(0.5)
            return GOOD
        await asyncio.sleep(0.08)
        return GOOD

    first = run_for(0.05, block, every_s=0.02, timeout_s=0.1)[0]
    assert first.seen is Seen.BLIND
    assert first.why.startswith("we were held up ourselves for ")


def test_a_journal_that_fails_ends_the_sampler() -> None:
    def fail(sample: Sample) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    async def main(clock: JumpingClock) -> None:
        async with asyncio.timeout(2):
            await sampler(Does(good), [], clock, every_s=30, record=fail).run()

    with pytest.raises(OSError, match="no space left"):
        jump(main)


class Pulse:
    """Sees for how long our own loop was held up at most, as by other programs of this machine."""

    held_up_s = 0.0

    async def beat(self) -> None:
        while True:
            began_s = CLOCK.monotonic_s()
            await asyncio.sleep(0.005)
            self.held_up_s = max(self.held_up_s, CLOCK.monotonic_s() - began_s - 0.005)


@pytest.mark.real("Valkey")
def test_a_stopped_server_does_not_slow_the_schedule(tmp_path: Path) -> None:
    """A real server is stopped under 100 looks a second until 40 have failed: every slot is sent in time, and all is told.

    In time is as soon as our own loop has its turn. Each of two turns, that of the timer and that of the look, may wait.
    With one look at a time 40 of them would take 8 s.
    """
    samples: list[Sample] = []
    pulse = Pulse()
    times: list[float] = []

    async def main(server: Any) -> None:
        address = ValkeyService(host="127.0.0.1", port=server.port)
        async with ValkeyProbe(target=TargetName("c"), write="numbered").open(address, "m") as watch:
            one = sampler(watch, samples, timeout_s=0.2, origin_s=0.0)
            beating = asyncio.create_task(pulse.beat())
            running = asyncio.create_task(one.run())
            await asyncio.sleep(0.3)
            await comes(lambda: any(one.seen is Seen.GOOD for one in samples), "a good look", 20)
            times.append(CLOCK.monotonic_s())
            server.signal(signal.SIGSTOP)
            await comes(lambda: sum(one.seen is Seen.BAD for one in samples) >= 40, "the 40th bad look", 6)
            times.append(CLOCK.monotonic_s())
            server.signal(signal.SIGCONT)
            await asyncio.sleep(0.3)
            await comes(
                lambda: any(one.seen is Seen.GOOD and one.sent_s > times[1] for one in samples), "a good look", 20
            )
            times.append(CLOCK.monotonic_s())
            one.stop()
            await running
            beating.cancel()
            await asyncio.wait([beating])
            written = set(await watch.read_back())  # type: ignore[attr-defined]
            assert {one.n for one in samples if one.seen is Seen.GOOD} <= written

    with valkey(tmp_path) as server:
        asyncio.run(main(server))
    samples.sort(key=lambda sample: sample.n)
    stopped_s, went_on_s, ended_s = times
    waited_s = 2 * pulse.held_up_s
    assert_whole(samples, 0.01)
    assert len(samples) >= (ended_s - samples[0].planned_s - waited_s) / 0.01 - 2
    late = Samples("p", samples).late_s()
    assert late[len(late) * 9 // 10] < 0.01 + waited_s
    assert late[-1] < 0.1 + waited_s
    reasons = {one.why for one in samples if one.seen is not Seen.GOOD}
    assert reasons == {"no answer within 200 ms"} or waited_s > 0.05, "blind is only what we were held up in ourselves"
    assert Seen.GOOD not in {one.seen for one in samples if stopped_s < one.sent_s < went_on_s - 0.2}


def sample(
    n: int, seen: Seen = Seen.GOOD, *, sent_s: float | None = None, took_s: float = 0.001, why: str = ""
) -> Sample:
    sent_s = n * 0.1 if sent_s is None else sent_s
    return Sample(n=n, planned_s=sent_s, sent_s=sent_s, done_s=sent_s + took_s, seen=seen, why=why, seq=-1)


def test_a_batch_is_what_an_event_is_unpacked_from() -> None:
    written: list[dict[str, Any]] = []
    batcher = Batcher(written.append)
    batcher.add("orders", sample(0))
    batcher.add("shop", sample(0, Seen.BAD, why="answered 500"))
    batcher.add("orders", sample(1))
    assert written == []
    batcher.flush()
    assert [data["probe"] for data in written] == ["orders", "shop"]
    event = Event(seq=7, t_s=1, at="", kind="probe.sampled", source="probe:shop", data=written[1])
    (found,) = unpack(event)
    assert (found.n, found.seen, found.why, found.seq) == (0, Seen.BAD, "answered 500", 7)
    batcher.flush()
    assert len(written) == 2


def test_many_samples_are_written_at_once() -> None:
    written: list[dict[str, Any]] = []
    batcher = Batcher(written.append, most=10)
    for n in range(19):
        batcher.add("orders", sample(n))
    assert [data["n"] for data in written] == [list(range(10))]


def test_few_samples_are_written_every_so_often_and_the_rest_at_the_end() -> None:
    written: list[dict[str, Any]] = []

    async def main(_: JumpingClock) -> None:
        batcher = Batcher(written.append, every_s=0.02)
        running = asyncio.create_task(batcher.run())
        batcher.add("orders", sample(0))
        await asyncio.sleep(0.05)
        assert [data["n"] for data in written] == [[0]]
        batcher.add("orders", sample(1))
        running.cancel()
        await asyncio.wait([running])

    jump(main)
    assert [data["n"] for data in written] == [[0], [1]]


def test_a_failing_journal_is_raised_where_it_is_noticed() -> None:
    def fail(data: dict[str, Any]) -> None:
        raise OSError("no space left")

    async def main() -> None:
        batcher = Batcher(fail, every_s=0.01)
        batcher.add("orders", sample(0))
        await batcher.run()

    with pytest.raises(OSError, match="no space left"):
        asyncio.run(main())


def recent(*samples: Sample, **settings: float) -> Recent:
    view = Recent(**settings)
    for one in samples:
        view.add(one)
    return view


def test_success_is_that_of_the_last_seconds_only() -> None:
    view = recent(*(sample(n, Seen.BAD if n < 50 else Seen.GOOD) for n in range(100)))
    assert view.success(5.0, 10.0) == 1.0
    assert view.success(10.0, 10.0) == pytest.approx(0.5, abs=0.01)
    assert view.success(3.0, 20.0) is None
    assert view.count == 100


def test_blind_looks_do_not_count_as_success_nor_as_failure() -> None:
    assert recent(sample(0, Seen.BLIND)).success(1, 1) is None
    assert recent(sample(0, Seen.BLIND), sample(1)).success(1, 1) == 1.0


def test_history_is_told_in_parts_with_gaps_where_nothing_was_seen() -> None:
    view = recent(*(sample(n, Seen.GOOD if n <= 20 else Seen.BAD) for n in range(31)))
    assert view.history(4.0, 4.0, 4) == [1.0, 1.0, 0.0, None]


def test_how_long_good_looks_took() -> None:
    view = recent(*(sample(n, took_s=0.001 * n) for n in range(100)), sample(100, Seen.BAD, took_s=9))
    assert view.took_s(100, 12) == pytest.approx(0.098)
    assert view.took_s(100, 12, 0.5) == pytest.approx(0.049)
    assert view.took_s(1, 100) is None


def test_up_and_down_are_known_with_their_beginnings() -> None:
    view = recent(sample(0), sample(1))
    assert (view.seen, view.since_s, view.down) == (Seen.GOOD, 0.0, None)
    view.add(sample(2, Seen.BAD))
    view.add(sample(3, Seen.BAD))
    assert (view.seen, view.since_s, view.down) == (Seen.BAD, 0.2, None)
    view.add(sample(4, Seen.BLIND))
    assert (view.seen, view.since_s) == (Seen.BLIND, 0.4)
    view.add(sample(5))
    assert (view.seen, view.since_s, view.down) == (Seen.GOOD, 0.5, (0.2, 0.5))


def test_a_look_that_hung_does_not_put_a_system_down_that_answered_later_looks() -> None:
    view = recent(sample(0), sample(2), sample(1, Seen.BAD, took_s=1.0))
    assert view.seen is Seen.GOOD
    assert [one.n for one in view.failures] == [1]


def test_the_view_takes_no_more_memory_in_a_long_run() -> None:
    view = recent(*(sample(n, Seen.BAD if n % 3 else Seen.GOOD) for n in range(20_000)), span_s=10)
    assert len(view._slices) <= 101
    assert len(view._good) <= 1000
    assert [one.n for one in view.failures] == [19_993, 19_994, 19_996, 19_997, 19_999]
