"""The TCP probe."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from checks import Look, Seen, TargetName, Watch
from checks.probes.tcp import TcpProbe, TcpService
from tests.checks.probes.servers import comes
from tests.ports import free_port

GATE = TargetName("gate")


class Line:
    """A server that answers what it hears with what a test told it to."""

    def __init__(self, *answers: bytes, hang_up: bool = False) -> None:
        self.answers, self.hang_up = answers, hang_up
        self.heard = b""
        self.open = self.calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.calls += 1
        try:
            for part in self.answers:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.01)
            while not self.hang_up and (part := await reader.read(100)):
                self.heard += part
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


def call(line: Line, probe: TcpProbe, do: Callable[[Watch], Awaitable[None]]) -> None:
    async def main() -> None:
        async with await asyncio.start_server(line.serve, "127.0.0.1", 0) as server:
            address = TcpService(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            async with probe.open(address, "m") as watch:
                await do(watch)
                await comes(lambda: line.calls > 0 and line.open == 0, "the end of all connections")

    asyncio.run(main())


def look_at(line: Line, **settings: str) -> Look:
    seen: list[Look] = []

    async def do(watch: Watch) -> None:
        seen.append(await watch.look(0))

    call(line, TcpProbe(target=GATE, **settings), do)
    return seen[0]


def test_a_connection_is_enough() -> None:
    line = Line()
    assert look_at(line).seen is Seen.GOOD
    assert line.calls == 1


def test_a_service_that_is_not_there_is_unreachable() -> None:
    async def main() -> None:
        async with TcpProbe(target=GATE).open(TcpService(host="127.0.0.1", port=free_port()), "m") as watch:
            with pytest.raises(ConnectionRefusedError):
                await watch.look(0)

    asyncio.run(main())


def test_the_expected_text_may_come_in_pieces() -> None:
    line = Line(b"220 we", b"lcome\r\n")
    assert look_at(line, send="HELO\r\n", expect="welcome").seen is Seen.GOOD
    assert line.heard == b"HELO\r\n"


def test_another_text_is_bad() -> None:
    assert look_at(Line(b"554 no", hang_up=True), expect="220") == Look(
        Seen.BAD, "the connection was closed before `220` came"
    )


def test_a_text_that_comes_too_late_is_bad() -> None:
    assert look_at(Line(b"x" * 100_000 + b"220"), expect="220") == Look(
        Seen.BAD, "`220` is not in the first 64 kB of the answer"
    )


def test_cancelled_looks_leak_no_connection() -> None:
    dice = random.Random(5)
    line = Line()

    async def do(watch: Watch) -> None:
        for n in range(100):
            going = asyncio.create_task(watch.look(n))
            for _ in range(dice.randrange(8)):
                await asyncio.sleep(0)
            going.cancel()
            await asyncio.wait([going])

    call(line, TcpProbe(target=GATE, expect="never"), do)
    assert line.calls > 0
