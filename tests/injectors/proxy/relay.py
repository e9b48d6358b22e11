"""A client, a TCP proxy and an upstream on loopback, for tests of the data path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from injectors.proxy.hub import Hub, Loop
from injectors.proxy.tcp import TcpProxy
from injectors.proxy.toxic import KINDS, Toxic, attributes

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATIENCE_S = 30


def run(main: Callable[[], Coroutine[Any, Any, None]], loop: str = "asyncio's") -> None:
    """Run a test on asyncio's own event loop or on ours, with a deadline."""

    async def in_time() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await main()

    with asyncio.Runner(loop_factory=Loop if loop == "ours" else None) as runner:
        runner.run(in_time())


def toxic(kind: str, stream: str = "downstream", *, name: str = "", toxicity: float = 1.0, **given: float) -> Toxic:
    """A toxic as the API would make it."""
    return Toxic(
        name=name or f"{kind}_{stream}", type=kind, stream=stream, toxicity=toxicity,
        attributes=attributes(KINDS[kind], given),
    )  # fmt: skip


def change(proxy: TcpProxy, one: Toxic, *, toxicity: float | None = None, **given: float) -> None:
    """Update a toxic as the API would."""
    proxy.update(one, attributes(one.kind, given, one.attributes), one.toxicity if toxicity is None else toxicity)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give back what comes."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all, say nothing."""
    while await reader.read(65536):
        pass


class Relay:
    """What a test has to do with."""

    def __init__(self, hub: Hub, proxy: TcpProxy) -> None:
        self.hub = hub
        self.proxy = proxy
        self.arrived: asyncio.Queue[Stream] = asyncio.Queue()
        """The upstream's connections, in order."""
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def address(self) -> tuple[str, int]:
        """Where the proxy listens."""
        host, _, port = self.proxy.listen.rpartition(":")
        return host, int(port)

    async def connect(self) -> Stream:
        """A client's connection."""
        reader, writer = await asyncio.open_connection(*self.address)
        self._writers.append(writer)
        return reader, writer

    async def pair(self) -> tuple[Stream, Stream]:
        """A client's connection and the same one at the upstream."""
        client = await self.connect()
        return client, await self.arrived.get()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to become so."""
        while not is_so():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.005)

    async def at_rest(self) -> int:
        """Wait until nothing more is read from the upstream; how many bytes have been."""
        before, now = -1, 0
        while before != now:
            await asyncio.sleep(0.2)
            before, now = now, self.proxy.counters()["downstream"][0]
        return now

    async def close(self) -> None:
        """Let everybody go."""
        self.proxy.stop()
        while not self.arrived.empty():
            self._writers.append(self.arrived.get_nowait()[1])
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def relay(
    serve: Serve | None = None, *, toxics: tuple[Toxic, ...] = (), seed: int | None = 7, upstream: str = "",
    listen: str = "127.0.0.1:0", dial_s: float = 30.0, name: str = "shop",
) -> AsyncIterator[Relay]:  # fmt: skip
    """A proxy in front of a server that does what `serve` says; without it, `pair` gives both ends to the test."""
    serving: set[asyncio.Task[Any]] = set()
    here: list[Relay] = []

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if serve is None:
            here[0]._writers.append(writer)
            here[0].arrived.put_nowait((reader, writer))
            return
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):  # 3.11 would log that it was cancelled
                await serve(reader, writer)
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(welcome, "127.0.0.1", 0, backlog=4096)
    hub = Hub()
    port = server.sockets[0].getsockname()[1]
    proxy = TcpProxy(hub, name=name, listen=listen, upstream=upstream or f"127.0.0.1:{port}", seed=seed, dial_s=dial_s)
    here.append(Relay(hub, proxy))
    try:
        for one in toxics:
            proxy.add(one)
        await proxy.start()
        yield here[0]
    finally:
        await here[0].close()
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        hub.close()
