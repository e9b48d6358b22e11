"""The pool of connections, with connections that only say whether they are open."""

import asyncio
from dataclasses import dataclass

import pytest

from checks import LeftBehind
from checks.pool import AllBusy, Pool, closing


@dataclass(eq=False)
class Wire:
    number: int
    open: bool = True
    usable: bool = True


class Exchange:
    """Makes wires, and remembers them all."""

    def __init__(self, most: int = 3) -> None:
        self.wires: list[Wire] = []
        self.pool: Pool[Wire] = Pool(connect=self.connect, usable=self.usable, close=self.close, most=most)
        self.refuses = False

    async def connect(self) -> Wire:
        await asyncio.sleep(0)
        if self.refuses:
            raise ConnectionRefusedError
        self.wires.append(Wire(len(self.wires)))
        return self.wires[-1]

    async def usable(self, wire: Wire) -> bool:
        return wire.usable

    async def close(self, wire: Wire) -> None:
        wire.open = False

    @property
    def open(self) -> list[int]:
        return [one.number for one in self.wires if one.open]


async def use(one: Exchange, until: asyncio.Event | None = None, error: Exception | None = None) -> int:
    async with one.pool.lend() as wire:
        if until:
            await until.wait()
        if error:
            raise error
        return wire.number


async def three_at_once(one: Exchange) -> asyncio.Event:
    """Leaves three idle wires."""
    until = asyncio.Event()
    busy = [asyncio.create_task(use(one, until)) for _ in range(3)]
    await asyncio.sleep(0.01)
    until.set()
    await asyncio.gather(*busy)
    return until


def test_a_connection_is_used_again() -> None:
    async def main() -> None:
        one = Exchange()
        assert [await use(one) for _ in range(3)] == [0, 0, 0]

    asyncio.run(main())


def test_one_that_cannot_be_used_again_is_closed_and_replaced() -> None:
    async def main() -> None:
        one = Exchange()
        await use(one)
        one.wires[0].usable = False
        assert await use(one) == 1
        assert one.open == [1]

    asyncio.run(main())


def test_no_more_are_opened_than_allowed_and_given_back_ones_count_no_more() -> None:
    async def main() -> None:
        one = Exchange(most=1)
        until = asyncio.Event()
        busy = asyncio.create_task(use(one, until))
        await asyncio.sleep(0.01)
        with pytest.raises(AllBusy, match="all 1 connections are busy"):
            await use(one)
        until.set()
        await busy
        assert await use(one) == 0

    asyncio.run(main())


def test_a_failure_closes_its_connection_and_all_idle_ones() -> None:
    async def main() -> None:
        one = Exchange()
        await three_at_once(one)
        assert one.open == [0, 1, 2]
        with pytest.raises(ValueError, match="no"):
            await use(one, error=ValueError("no"))
        assert one.open == []
        assert await use(one) == 3

    asyncio.run(main())


def test_a_cancelled_look_closes_its_connection() -> None:
    async def main() -> None:
        one = Exchange()
        busy = asyncio.create_task(use(one, asyncio.Event()))
        await asyncio.sleep(0.01)
        busy.cancel()
        await asyncio.wait([busy])
        assert busy.cancelled()
        assert one.open == []

    asyncio.run(main())


def test_connections_in_use_by_others_outlive_a_failure() -> None:
    async def main() -> None:
        one = Exchange()
        until = asyncio.Event()
        busy = asyncio.create_task(use(one, until))
        await asyncio.sleep(0.01)
        with pytest.raises(ValueError, match="no"):
            await use(one, error=ValueError("no"))
        assert one.open == [0]
        until.set()
        assert await busy == 0

    asyncio.run(main())


def test_failing_to_connect_takes_no_place() -> None:
    async def main() -> None:
        one = Exchange(most=1)
        one.refuses = True
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await use(one)
        one.refuses = False
        assert await use(one) == 0

    asyncio.run(main())


def test_closing_closes_idle_ones_now_and_lent_ones_as_they_come_back() -> None:
    async def main() -> None:
        one = Exchange()
        until = asyncio.Event()
        await use(one)
        busy = [asyncio.create_task(use(one, until)) for _ in range(2)]
        await asyncio.sleep(0.01)
        await one.pool.close()
        assert one.open == [0, 1]
        until.set()
        await asyncio.gather(*busy)
        assert one.open == []

    asyncio.run(main())


class Leaver:
    def __init__(self, left: str) -> None:
        self.left = left

    async def close(self) -> str:
        return self.left


def test_what_stays_is_raised_at_the_end() -> None:
    async def main(left: str) -> str:
        async with closing(Leaver(left)):
            pass
        return "clean"

    assert asyncio.run(main("")) == "clean"
    with pytest.raises(LeftBehind, match="a table"):
        asyncio.run(main("a table"))


def test_what_stays_is_a_note_on_an_error_that_is_there_already() -> None:
    async def main() -> None:
        async with closing(Leaver("a table")):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError) as caught:
        asyncio.run(main())
    assert caught.value.__notes__ == ["a table"]
