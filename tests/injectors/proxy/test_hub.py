"""Timers and turns: the event loop, the data path and the clock leave each other room."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from injectors.proxy import selector as module
from injectors.proxy.hub import Hub, Loop
from tests.injectors.proxy.relay import run

BOTH = pytest.mark.parametrize("loop", ["asyncio's", "ours"])


@pytest.fixture(params=["epoll", "portable"])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What sockets are watched with: Linux's own, or what there is elsewhere."""
    if request.param == "portable":
        monkeypatch.setattr(module, "best", module._Portable)
    return str(request.param)


def with_hub(loop: str, main: Callable[[Hub], Awaitable[Any]]) -> None:
    async def inside() -> None:
        with closing(Hub()) as hub:
            await main(hub)

    run(inside, loop)


def with_hub_alone(loop: str, main: Callable[[Hub], Awaitable[Any]]) -> None:
    """Without the deadline that `run` has: it is a timer of asyncio's, and here the loop waits for nothing else."""

    async def inside() -> None:
        with closing(Hub()) as hub:
            await main(hub)

    with asyncio.Runner(loop_factory=Loop if loop == "ours" else None) as runner:
        runner.run(inside())


async def told_by_a_thread(after_s: float) -> None:
    loop = asyncio.get_running_loop()
    told: asyncio.Future[None] = loop.create_future()
    threading.Timer(after_s, lambda: loop.call_soon_threadsafe(told.set_result, None)).start()
    await told


@contextmanager
def ready_socket() -> Iterator[socket.socket]:
    """One that always has something to read."""
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.send(b"x")
        yield here


@BOTH
def test_timers_ring_while_asyncio_is_always_busy(loop: str, selector: str) -> None:
    async def main(hub: Hub) -> None:
        rang = asyncio.Event()
        with ready_socket() as busy:
            hub.loop.add_reader(busy, lambda: None)
            hub.at(hub.time() + 0.01, rang.set)
            async with asyncio.timeout(5):
                await rang.wait()
            hub.loop.remove_reader(busy)
        assert rang.is_set()

    with_hub(loop, main)


@BOTH
def test_asyncio_has_its_turn_while_hundreds_of_sockets_are_always_busy(loop: str, selector: str) -> None:
    """And each of the sockets has: no selector tells of the same few every time."""

    async def main(hub: Hub) -> None:
        calls = [0] * 200

        def count(number: int) -> Callable[[], None]:
            def called() -> None:
                calls[number] += 1

            return called

        with ExitStack() as sockets:
            watches = []
            for number in range(len(calls)):
                busy = sockets.enter_context(ready_socket())
                watches.append(hub.watch(busy, count(number), lambda: None, lambda _: None))
                watches[-1].reading(True)
            async with asyncio.timeout(5):
                while min(calls) < 3:  # noqa: ASYNC110 - sleeping is what is tested
                    await asyncio.sleep(0)
                for watch in watches:
                    watch.end()
            assert max(calls) - min(calls) <= 3

    with_hub(loop, main)


@BOTH
def test_a_timer_of_ages_is_no_trouble(loop: str, selector: str) -> None:
    async def main(hub: Hub) -> None:
        ages = hub.at(hub.time() + 2.0**63 / 1000, lambda: None)
        await told_by_a_thread(0.05)
        assert ages.is_set, "it is still to come, and everything else has gone on"

    with_hub_alone(loop, main)


@BOTH
def test_cancelled_timers_are_forgotten_before_they_are_due(loop: str) -> None:
    async def main(hub: Hub) -> None:
        rang: list[int] = []
        kept = [hub.at(hub.time() + 0.05, lambda: rang.append(1)) for _ in range(5)]
        for _ in range(50_000):
            hub.at(hub.time() + 3600, lambda: None).cancel()
        assert len(hub._timers) < 5_000
        assert all(one.is_set for one in kept)
        while len(rang) < len(kept):  # noqa: ASYNC110 - timers tell nobody else
            await asyncio.sleep(0.01)

    with_hub(loop, main)


@BOTH
def test_an_idle_hub_costs_nothing(loop: str, selector: str) -> None:
    """It waits in the kernel, and does not ask over and over."""

    async def main(hub: Hub) -> None:
        polls = 0
        real = hub._selector.poll

        def poll(wait_s: float) -> list[tuple[int, int]]:
            nonlocal polls
            polls += 1
            return real(wait_s)

        hub._selector.poll = poll  # type: ignore[method-assign]
        await told_by_a_thread(0.2)
        assert polls < 20

    with_hub_alone(loop, main)
