"""Who connects, whom the proxy dials for them, and how they part; against real sockets on loopback."""

import asyncio
import errno
import logging
import resource
import socket
import threading
import time
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import Any

import pytest

from injectors.proxy import kernel, listen
from injectors.proxy.hub import Hub
from injectors.proxy.listen import ListenFailed
from injectors.proxy.tcp import TcpProxy
from tests.injectors.proxy.relay import change, echo, ignore, relay, run, toxic
from tests.ports import free_port
from tests.real import need


@pytest.fixture(params=["asyncio's", "ours"])
def on(request: pytest.FixtureRequest) -> Any:
    """Runs a test on an event loop of the kind."""
    return partial(run, loop=request.param)


def test_relays_both_ways_and_counts_live(on: Any) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            reader, writer = await one.connect()
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            assert one.proxy.counters() == {"upstream": (5, 5), "downstream": (5, 5)}
            (told,) = one.proxy.connections()
            assert told["client"] == "127.0.0.1:{}".format(writer.get_extra_info("sockname")[1])
            assert (told["upstream"], told["toxics"]) == (one.proxy.upstream, [])
            assert told["received"] == told["sent"] == {"upstream": 5, "downstream": 5}
            assert isinstance(told["opened_s"], float)
            writer.close()
            await one.until(lambda: not one.proxy.connections())
            assert one.proxy.counters() == {"upstream": (5, 5), "downstream": (5, 5)}

    on(main)


def test_relays_much_to_a_slow_reader_with_bounded_memory(on: Any) -> None:
    async def main() -> None:
        async with relay() as one:
            (reader, _), (_, server) = await one.pair()
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            blob = bytes(range(256)) * 4096 * 24
            server.write(blob)
            await one.at_rest()
            received, sent = one.proxy.counters()["downstream"]
            assert received - sent <= 256 * 1024
            assert received < len(blob)
            reader._transport.resume_reading()  # type: ignore[attr-defined]
            server.write_eof()
            assert await reader.read() == blob

    on(main)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", ""])
def test_dials_names_and_addresses(on: Any, host: str) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            one.proxy.upstream = f"{host}:{one.proxy.upstream.rpartition(':')[2]}"
            reader, writer = await one.connect()
            writer.write(b"x")
            assert await reader.read(1) == b"x"

    on(main)


@pytest.mark.parametrize(
    "upstream", ["127.0.0.1:{free}", "localhost:{free}", "zzz", "nobody.invalid:1", "127.0.0.1:99999", "*:5"]
)
def test_a_client_of_an_upstream_that_is_down_connects_and_sees_the_end(on: Any, upstream: str) -> None:
    async def main() -> None:
        async with relay(upstream=upstream.format(free=free_port())) as one:
            reader, _ = await one.connect()
            assert await reader.read() == b""
            assert one.proxy.connections() == []

    on(main)


@pytest.mark.parametrize("end", ["client", "server"])
def test_the_end_of_one_side_closes_the_other_after_all_bytes(on: Any, end: str) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("latency", "upstream", latency=60), toxic("latency", latency=60))) as one:
            sides = await one.pair()
            (_, writer), (reader, _) = sides if end == "client" else sides[::-1]
            writer.write(b"last words")
            writer.write_eof()
            assert await reader.read() == b"last words"
            await one.until(lambda: not one.proxy.connections())

    on(main)


def test_there_is_no_half_close(on: Any) -> None:
    """A reply after the client's shutdown is lost, as with the original; one that was on its way is not."""

    async def main() -> None:
        async with relay(toxics=(toxic("latency", latency=150),)) as one:
            (reader, writer), (far_reader, far_writer) = await one.pair()
            far_writer.write(b"on its way")
            await one.until(lambda: one.proxy.counters()["downstream"][0] == 10)
            writer.write_eof()
            assert await far_reader.read() == b""
            far_writer.write(b"too late")
            assert await reader.read() == b"on its way"

    on(main)


def test_stop_closes_everything_and_the_same_port_starts_again(on: Any) -> None:
    async def main() -> None:
        async with relay(echo, toxics=(toxic("noop"),)) as one:
            reader, _ = await one.connect()
            await one.until(lambda: bool(one.proxy.counters()))
            address, listen = one.address, one.proxy.listen
            one.proxy.stop()
            assert not one.proxy.enabled
            assert await reader.read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*address)
            await one.proxy.start()
            assert (one.proxy.listen, one.proxy.enabled, len(one.proxy.toxics)) == (listen, True, 1)
            reader, writer = await one.connect()
            writer.write(b"again")
            assert await reader.readexactly(5) == b"again"

    on(main)


def test_stop_also_ends_those_who_are_being_dialled(on: Any) -> None:
    async def main() -> None:
        with BlackHole() as hole:
            async with relay(upstream=hole.address) as one:
                reader, _ = await one.connect()
                await one.until(lambda: len(one.proxy.connections()) == 1)
                one.proxy.stop()
                assert await reader.read() == b""
                assert one.proxy.connections() == []

    on(main)


def test_a_taken_port_is_told_as_the_original_does(on: Any) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            other = TcpProxy(one.hub, name="b", listen=one.proxy.listen, upstream="127.0.0.1:1", seed=1)
            with pytest.raises(ListenFailed) as failed:
                await other.start()
            assert str(failed.value) == f"listen tcp {one.proxy.listen}: bind: address already in use"
            assert not other.enabled

    on(main)


class BlackHole:
    """An address where connecting hangs: a listener whose queue is full."""

    def __enter__(self) -> "BlackHole":
        self._stack = ExitStack()
        listener = self._stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        for _ in range(3):
            filler = self._stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def test_a_black_holed_upstream_is_given_up_and_delays_nobody(on: Any) -> None:
    async def main() -> None:
        with BlackHole() as hole:
            async with relay(echo, dial_s=3.0) as one:
                good, one.proxy.upstream = one.proxy.upstream, hole.address
                begun = time.monotonic()
                stuck = [await one.connect() for _ in range(20)]
                await one.until(lambda: len(one.proxy.connections()) == 20)
                one.proxy.upstream = good
                reader, writer = await one.connect()
                writer.write(b"x")
                assert await reader.readexactly(1) == b"x"
                assert len(one.proxy.connections()) == 21  # those are still waiting
                assert [await theirs.read() for theirs, _ in stuck] == [b""] * 20
                assert time.monotonic() - begun >= 3.0

    on(main)


def test_all_addresses_of_a_name_are_tried(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            port = int(one.proxy.upstream.rpartition(":")[2])
            known = [(socket.AF_INET, ("127.0.0.1", free_port())), (socket.AF_INET, ("127.0.0.1", port))]
            monkeypatch.setattr("injectors.proxy.listen.look_up", lambda *_: known)
            one.proxy.upstream = "shop.example:80"
            reader, writer = await one.connect()
            writer.write(b"x")
            assert await reader.read(1) == b"x"

    on(main)


def test_a_dead_name_server_is_asked_once_and_keeps_no_control_call_waiting(
    on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    asked: list[str] = []
    real = listen.look_up

    def look_up(text: str, network: Any = "tcp") -> Any:
        if text == "shop.example:80":
            asked.append(text)
            answered.wait(20)
        return real("localhost:80" if text == "shop.example:80" else text, network)

    monkeypatch.setattr(listen, "look_up", look_up)

    async def main() -> None:
        async with relay(upstream="shop.example:80") as one:
            clients = [await one.connect() for _ in range(40)]
            await one.until(lambda: len(one.proxy.connections()) == 40)
            async with asyncio.timeout(5):
                assert (await listen.resolve("localhost:7")).port == 7
            assert asked == ["shop.example:80"]
            answered.set()
            # Nobody listens there, or whoever does has heard nothing.
            one.proxy.stop()
            assert [await reader.read() for reader, _ in clients] == [b""] * 40

    on(main)


def test_those_who_vanish_are_not_waited_for_for_ever(on: Any) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            await one.connect()
            await one.until(lambda: bool(one.proxy._open))
            client = one.proxy._open[1]._client
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            if hasattr(socket, "TCP_KEEPIDLE"):
                assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15

    on(main)


def test_without_descriptors_it_waits_says_so_and_goes_on(
    on: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            real = socket.socket.accept
            refusals = [errno.EMFILE, errno.ENFILE]

            def accept(listener: socket.socket) -> Any:
                if listener.getsockname()[1] == one.address[1] and refusals:
                    raise OSError(refusals.pop(), "no descriptor left")
                return real(listener)

            monkeypatch.setattr(socket.socket, "accept", accept)
            reader, writer = await one.connect()
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            assert refusals == []

    with caplog.at_level(logging.WARNING):
        on(main)
    assert [record.message for record in caplog.records].count("shop: nobody can be accepted for the moment: "
                                                               "[Errno 24] no descriptor left") == 1  # fmt: skip


def test_really_without_descriptors_it_serves_those_who_waited() -> None:
    async def main() -> None:
        async with relay(echo) as one:
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            waiting = []
            for _ in range(3):
                client = socket.socket()
                client.setblocking(False)
                waiting.append(client)
            with ExitStack() as stack:
                for client in waiting:
                    stack.enter_context(client)
                highest = max(client.fileno() for client in waiting)
                resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
                try:
                    for client in waiting:
                        client.connect_ex(one.address)
                    await asyncio.sleep(0.3)
                finally:
                    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                loop = asyncio.get_running_loop()
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                await loop.sock_connect(client, one.address)
                await loop.sock_sendall(client, b"x")
                assert await loop.sock_recv(client, 1) == b"x"

    run(main)


def test_small_writes_are_not_held_back_on_either_side(on: Any) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            await one.connect()
            await one.until(lambda: bool(one.proxy._open) and bool(one.proxy._open[1].links))
            connection = one.proxy._open[1]
            for sock in (connection._client, connection._server):
                assert sock is not None
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    on(main)


def test_a_bug_in_one_connection_ends_that_one_alone(
    on: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            unlucky, lucky = await one.connect(), await one.connect()
            await one.until(lambda: len(one.proxy._open) == 2 and all(c.links for c in one.proxy._open.values()))
            link = one.proxy._open[1].links["upstream"]

            def broken() -> None:
                raise ZeroDivisionError

            link.source_watch.on_read = broken
            unlucky[1].write(b"x")
            with suppress(ConnectionResetError):  # its byte was never read
                assert await unlucky[0].read() == b""
            lucky[1].write(b"x")
            assert await lucky[0].read(1) == b"x"

    on(main)
    assert "ZeroDivisionError" in caplog.text


def test_a_bug_in_a_timer_ends_that_connection_alone(on: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            unlucky, lucky = await one.connect(), await one.connect()
            await one.until(lambda: len(one.proxy._open) == 2 and all(c.links for c in one.proxy._open.values()))
            one.proxy._open[1].links["downstream"].at(one.hub.time(), lambda: {}[0])
            assert await unlucky[0].read() == b""
            lucky[1].write(b"x")
            assert await lucky[0].read(1) == b"x"

    on(main)
    assert "KeyError" in caplog.text


def test_closing_each_other_within_one_batch_is_safe() -> None:
    """Two sockets are ready at once and each callback closes both; the number of a closed one is taken over at once."""

    async def main() -> None:
        hub = Hub()
        calls: list[str] = []
        pairs = [socket.socketpair() for _ in range(3)]
        for pair in pairs:
            for sock in pair:
                sock.setblocking(False)
        watches = []
        heirs: list[socket.socket] = []

        def closing_both(name: str) -> None:
            calls.append(name)
            for (mine, _), watch in zip(pairs[:2], watches, strict=False):
                watch.end()
                mine.close()
            heir, other = socket.socketpair()  # takes the numbers over
            heirs.extend((heir, other))
            heir.setblocking(False)
            hub.watch(heir, lambda: calls.append("heir"), lambda: None, print).reading(True)

        for name, (mine, _) in zip("ab", pairs[:2], strict=True):
            watches.append(hub.watch(mine, partial(closing_both, name), lambda: None, print))
            watches[-1].reading(True)
        for _, other in pairs:
            other.send(b"x")
        await asyncio.sleep(0.05)
        assert calls in (["a"], ["b"])
        hub.close()
        for sock in (*heirs, *(sock for pair in pairs for sock in pair)):
            sock.close()

    run(main)


def test_two_thousand_connections_at_once(on: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 12_000:
        pytest.skip("needs 12,000 file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 12_000), hard))

    async def main() -> None:
        async with relay(echo) as one:
            clients = [await one.connect() for _ in range(2000)]
            for number, (_, writer) in enumerate(clients):
                writer.write(b"%05d" % number)
            for number, (reader, _) in enumerate(clients):
                assert await reader.readexactly(5) == b"%05d" % number
            assert len(one.proxy.connections()) == 2000
            one.proxy.add(toxic("latency", latency=1))
            one.proxy.stop()
            assert one.proxy.connections() == []

    try:
        on(main)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["connect_timeout", "partition"])
def test_connecting_hangs_until_the_last_such_toxic_is_gone(on: Any, kind: str) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            first, second = toxic(kind, name="first"), toxic("connect_timeout", "upstream", name="second")
            one.proxy.add(first)
            one.proxy.add(second)
            one.proxy.remove(first)
            hanging = asyncio.create_task(one.connect())
            done, _ = await asyncio.wait([hanging], timeout=0.3)
            assert not done
            one.proxy.remove(second)
            reader, writer = await hanging
            writer.write(b"x")
            assert await reader.read(1) == b"x"

    on(main)


def test_another_share_of_silence_leaves_no_gap_in_which_everybody_gets_in(
    on: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("CAP_NET_ADMIN, to filter TCP sockets", kernel.can_filter())
    ended: list[object] = []
    monkeypatch.setattr(kernel, "_detach", ended.append)
    silent = toxic("connect_timeout")

    async def main() -> None:
        async with relay(ignore, toxics=(silent,)) as one:
            change(one.proxy, silent, toxicity=0.7)
            assert ended == []
            one.proxy.remove(silent)
            assert len(ended) == 1

    on(main)


def test_a_new_start_keeps_silent_while_the_toxic_stays(on: Any) -> None:
    async def main() -> None:
        async with relay(ignore, toxics=(toxic("connect_timeout"),)) as one:
            one.proxy.stop()
            await one.proxy.start()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await one.connect()

    on(main)
