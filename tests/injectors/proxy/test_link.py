"""What each toxic does to a connection, and that changing them while bytes flow loses none.

Times are only bounded from below, or so generously from above that the bound tells two behaviours apart.
"""

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from injectors.proxy import kernel
from tests.injectors.proxy.relay import Relay, Stream, change, echo, ignore, relay, run, toxic
from tests.real import need


@pytest.fixture(params=["asyncio's", "ours"])
def on(request: pytest.FixtureRequest) -> Any:
    """Runs a test on an event loop of the kind."""
    return partial(run, loop=request.param)


@pytest.fixture(autouse=True)
def _no_bugs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A connection that is closed because of a bug must not look like one that a toxic closed."""
    yield
    assert [
        record.message
        for record in caplog.get_records("call")
        if record.name.startswith("injectors") and record.levelno >= logging.ERROR
    ] == []


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that filters nothing for us."""
    monkeypatch.setattr(kernel, "can_filter", lambda: False)


async def ping(client: Stream, data: bytes = b"ping") -> float:
    """Seconds until an echo is back."""
    begun = time.monotonic()
    client[1].write(data)
    assert await client[0].readexactly(len(data)) == data
    return time.monotonic() - begun


async def is_silent(reader: asyncio.StreamReader, for_s: float = 0.2) -> bool:
    """Whether nothing comes, not even the end."""
    try:
        async with asyncio.timeout(for_s):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def swallowed(one: Relay, size: int, stream: str = "downstream") -> None:
    """Wait until the proxy has read so many bytes."""
    await one.until(lambda: one.proxy.counters()[stream][0] >= size)  # type: ignore[index]


# latency


def test_latency_delays_each_direction_and_two_add_up(on: Any) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            client = await one.connect()
            one.proxy.add(toxic("latency", latency=100))
            assert 0.1 <= await ping(client) < 5
            one.proxy.add(toxic("latency", name="more", latency=100))
            one.proxy.add(toxic("latency", "upstream", latency=100))
            assert 0.3 <= await ping(client) < 5

    on(main)


def test_latency_counts_from_when_each_chunk_came(on: Any) -> None:
    """Ten chunks one after the other take one latency, not ten."""

    async def main() -> None:
        async with relay(toxics=(toxic("latency", latency=500),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            for size in range(10):
                server.write(b"x")
                await swallowed(one, size + 1)
            await reader.readexactly(10)
            assert 0.5 <= time.monotonic() - begun < 3

    on(main)


def test_latency_below_nothing_is_nothing(on: Any) -> None:
    async def main() -> None:
        async with relay(echo, toxics=(toxic("latency", latency=-5000), toxic("latency", name="j", jitter=1))) as one:
            assert await ping(await one.connect()) < 4  # not 5 s

    on(main)


def test_jitter_keeps_the_order_and_stays_within_its_bounds(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("latency", latency=60, jitter=50),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            for number in range(50):
                server.write(b"%04d" % number)
                await swallowed(one, (number + 1) * 4)
            assert await reader.readexactly(4) == b"0000"
            assert time.monotonic() - begun >= 0.01
            assert await reader.readexactly(196) == b"".join(b"%04d" % number for number in range(1, 50))

    on(main)


def test_latency_does_not_delay_an_end_without_data(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("latency", latency=20_000),)) as one:
            (reader, _), (_, server) = await one.pair()
            server.close()
            assert await reader.read() == b""

    on(main)


def test_removing_latency_hands_on_everything_at_once(on: Any) -> None:
    async def main() -> None:
        slow = toxic("latency", latency=60_000)
        async with relay(toxics=(slow,)) as one:
            (reader, _), (_, server) = await one.pair()
            for number in range(5):
                server.write(b"%d" % number)
                await swallowed(one, number + 1)
            server.close()
            assert await is_silent(reader)
            one.proxy.remove(slow)
            assert await reader.read() == b"01234"

    on(main)


def test_updating_latency_hands_on_the_head_and_times_the_rest_anew(on: Any) -> None:
    async def main() -> None:
        slow = toxic("latency", latency=60_000)
        async with relay(toxics=(slow,)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            for number in range(3):
                server.write(b"%d" % number)
                await swallowed(one, number + 1)
            change(one.proxy, slow)
            assert await reader.read(9) == b"0"
            assert await is_silent(reader)
            change(one.proxy, slow, latency=500)
            assert await reader.read(1) == b"1"
            assert await reader.read(9) == b"2"
            assert time.monotonic() - begun >= 0.5

    on(main)


def test_a_reader_who_stalls_makes_nobody_else_wait(on: Any) -> None:
    """The original's control hangs for ever when latency is removed under such a reader."""

    async def main() -> None:
        slow = toxic("latency", latency=30)
        async with relay(toxics=(slow,)) as one:
            (reader, _), (_, server) = await one.pair()
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            blob = random.Random(1).randbytes(64 * 1024 * 1024)
            server.write(blob)
            before = await one.at_rest()
            held = before - one.proxy.counters()["downstream"][1]
            assert held <= 49 * 1024 * 1024
            begun = time.monotonic()
            one.proxy.remove(slow)
            one.proxy.add(slow)
            one.proxy.remove(slow)
            assert time.monotonic() - begun < 5
            assert one.proxy.counters()["downstream"][0] - one.proxy.counters()["downstream"][1] <= 49 * 1024 * 1024
            reader._transport.resume_reading()  # type: ignore[attr-defined]
            server.write_eof()
            assert hashlib.sha256(await reader.read()).digest() == hashlib.sha256(blob).digest()

    on(main)


# bandwidth


def test_bandwidth_passes_pieces_of_100_ms(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("bandwidth", rate=100),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            server.write(bytes(60_000))
            first = await reader.read(65536)
            assert len(first) in range(10_000, 60_001, 10_000)  # one piece, or as many as a busy machine shows at once
            assert time.monotonic() - begun >= 0.1
            await reader.readexactly(60_000 - len(first))
            assert 0.6 <= time.monotonic() - begun < 6

    on(main)


def test_bandwidth_gives_no_credit_for_idling(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("bandwidth", rate=100),)) as one:
            (reader, _), (_, server) = await one.pair()
            await asyncio.sleep(0.3)
            begun = time.monotonic()
            server.write(bytes(20_000))
            await reader.readexactly(20_000)
            assert time.monotonic() - begun >= 0.2

    on(main)


def test_bandwidth_keeps_to_a_high_rate(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("bandwidth", rate=20_000),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            server.write(bytes(10_000_000))
            await reader.readexactly(10_000_000)
            # 0.5 s; a timer's lateness is made up for, up to 50 ms.
            assert 0.44 <= time.monotonic() - begun < 4

    on(main)


def test_bandwidth_of_nothing_passes_nothing_until_it_changes(on: Any) -> None:
    async def main() -> None:
        shut = toxic("bandwidth", rate=0)
        async with relay(toxics=(shut,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"x" * 1000)
            server.close()
            assert await is_silent(reader)
            change(one.proxy, shut, rate=1)
            assert await reader.read() == b"x" * 1000

    on(main)


@pytest.mark.parametrize("how", ["update", "remove"])
def test_a_change_of_bandwidth_completes_the_chunk_under_way(on: Any, how: str) -> None:
    async def main() -> None:
        slow = toxic("bandwidth", rate=1)
        async with relay(toxics=(slow,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(bytes(20_000))
            await swallowed(one, 20_000)
            begun = time.monotonic()
            await reader.readexactly(100)
            change(one.proxy, slow, rate=2) if how == "update" else one.proxy.remove(slow)
            await reader.readexactly(19_900)
            assert time.monotonic() - begun < 5  # not 20 s

    on(main)


def test_shared_bandwidth_is_one_for_all_connections_and_fair(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("shared_bandwidth", rate=200),)) as one:
            pairs = [await one.pair() for _ in range(4)]
            begun = time.monotonic()
            for _, (_, server) in pairs:
                server.write(bytes(40_000))
            readers = [reader for (reader, _), _ in pairs]
            await asyncio.gather(*(reader.readexactly(20_000) for reader in readers))
            halfway = time.monotonic() - begun
            sent = [link["sent"]["downstream"] for link in one.proxy.connections()]  # type: ignore[index]
            assert max(sent) - min(sent) <= 4000  # two turns of 10 ms
            await asyncio.gather(*(reader.readexactly(20_000) for reader in readers))
            assert halfway >= 0.3
            assert 0.7 <= time.monotonic() - begun < 8

    on(main)


def test_shared_bandwidth_is_free_again_when_others_leave(on: Any) -> None:
    async def main() -> None:
        shared = toxic("shared_bandwidth", rate=1)
        async with relay(toxics=(shared,)) as one:
            (_, leaver), (_, its_server) = await one.pair()
            (reader, _), (_, server) = await one.pair()
            its_server.write(bytes(50_000))
            server.write(bytes(50_000))
            await swallowed(one, 100_000)
            leaver.close()
            change(one.proxy, shared, rate=500)
            await reader.readexactly(50_000)
            server.write(b"rest")
            one.proxy.remove(shared)
            assert await reader.readexactly(4) == b"rest"

    on(main)


# slow_close, timeout, reset_peer


def test_slow_close_holds_back_the_end_alone(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("slow_close", delay=300),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            server.write(b"data")
            server.close()
            assert await reader.readexactly(4) == b"data"
            assert await reader.read() == b""
            assert time.monotonic() - begun >= 0.3

    on(main)


def test_removing_slow_close_closes_at_once(on: Any) -> None:
    async def main() -> None:
        slow = toxic("slow_close", delay=60_000)
        async with relay(toxics=(slow,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"data")
            server.close()
            assert await reader.readexactly(4) == b"data"
            assert await is_silent(reader)
            change(one.proxy, slow, delay=50_000)
            assert await is_silent(reader)
            one.proxy.remove(slow)
            assert await reader.read() == b""

    on(main)


def test_timeout_drops_data_and_closes_after_silence(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("timeout", timeout=2500),)) as one:
            (reader, _), (_, server) = await one.pair()
            for _ in range(4):  # each chunk begins the silence anew
                await asyncio.sleep(0.1)
                server.write(b"lost")
                last = time.monotonic()
            assert await reader.read() == b""
            assert time.monotonic() - last >= 2.49

    on(main)


def test_timeout_of_0_never_closes_but_for_the_end(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("timeout", timeout=0),)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"lost")
            assert await is_silent(reader, 0.4)
            server.close()
            assert await reader.read() == b""

    on(main)


def test_removing_timeout_closes_whom_it_hit_and_no_other(on: Any) -> None:
    async def main() -> None:
        some = toxic("timeout", toxicity=0.5, timeout=0)
        async with relay(echo, toxics=(some,)) as one:
            clients = [await one.connect() for _ in range(12)]
            await one.until(
                lambda: len(one.proxy.connections()) == 12 and all(c.links for c in one.proxy._open.values())
            )
            hit = [bool(told["toxics"]) for told in one.proxy.connections()]
            assert 0 < sum(hit) < 12
            one.proxy.remove(some)
            for client, was_hit in zip(clients, hit, strict=True):
                if was_hit:
                    assert await client[0].read() == b""
                else:
                    await ping(client)

    on(main)


@pytest.mark.parametrize("who", ["client", "server"])
def test_reset_peer_resets_open_connections_on_both_sides(on: Any, who: str) -> None:
    async def main() -> None:
        async with relay() as one:
            client, server = await one.pair()
            one.proxy.add(toxic("reset_peer", timeout=100))
            assert await is_silent(client[0])  # an idle connection is not reset
            begun = time.monotonic()
            server[1].write(b"trigger")
            with pytest.raises(ConnectionResetError):
                await (client if who == "client" else server)[0].read()
            assert time.monotonic() - begun >= 0.1

    on(main)


def test_reset_peer_resets_at_the_end_of_the_stream_too(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("reset_peer", timeout=0),)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write_eof()
            with pytest.raises(ConnectionResetError):
                await reader.read()

    on(main)


def test_reset_peer_that_means_nobody_resets_nobody(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("reset_peer", toxicity=0, timeout=0),)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"bye")
            server.close()
            assert await reader.read() == b"bye"

    on(main)


def test_removing_reset_peer_in_time_hands_on_what_it_held(on: Any) -> None:
    async def main() -> None:
        pending = toxic("reset_peer", timeout=60_000)
        async with relay(toxics=(pending,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"held")
            await swallowed(one, 4)
            assert await is_silent(reader)
            begun = time.monotonic()
            one.proxy.remove(pending)
            assert time.monotonic() - begun < 10
            assert await reader.readexactly(4) == b"held"
            server.close()
            assert await reader.read() == b""

    on(main)


# slicer, limit_data, noop


def test_slicer_cuts_to_about_the_size_asked_and_waits_after_each(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("slicer", average_size=64, size_variation=32, delay=10_000),)) as one:
            (reader, _), (_, server) = await one.pair()
            begun = time.monotonic()
            server.write(bytes(2048))
            pieces = []
            while sum(pieces) < 2048:
                pieces.append(len(await reader.read(65536)))
            assert 1 < len(pieces) <= 2048 / 16  # a busy machine may show several at once
            assert time.monotonic() - begun >= 0.2
            server.close()
            assert await reader.read() == b""

    on(main)


@pytest.mark.parametrize(("average", "variation"), [(1, 0), (1, 1), (7, 7), (64, 32), (100, 0), (5000, 1)])
def test_slices_are_whole_and_none_is_empty_or_too_large(average: int, variation: int) -> None:
    async def main() -> None:
        cut = toxic("slicer", average_size=average, size_variation=variation)
        async with relay(toxics=(cut,)) as one:
            (reader, _), (_, server) = await one.pair()
            blob = random.Random(average).randbytes(20_000)
            server.write(blob)
            assert await reader.readexactly(20_000) == blob
            (stage,) = one.proxy._open[1].links["downstream"]._stages.values()
            for size in (1, 2, 3, 999, 20_000):
                pieces: list[int] = []
                while sum(pieces) < size:
                    pieces.append(stage._next_size(size))  # type: ignore[attr-defined]
                assert sum(pieces) == size
                assert 0 < min(pieces) <= max(pieces) <= average + variation

    run(main)


def test_updating_the_slicer_sends_the_rest_unsliced(on: Any) -> None:
    async def main() -> None:
        cut = toxic("slicer", average_size=10, delay=60_000_000)
        async with relay(toxics=(cut,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(bytes(1000))
            assert 0 < len(await reader.read(1000)) <= 10
            change(one.proxy, cut)
            assert len(await reader.readexactly(990)) == 990

    on(main)


def test_limit_data_passes_the_limit_and_closes_on_reaching_it(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("limit_data", bytes=100),)) as one:
            for sizes in ((30, 70), (30, 500), (100,)):
                (reader, _), (_, server) = await one.pair()
                for size in sizes:
                    server.write(b"x" * size)
                    await server.drain()
                assert await reader.read() == b"x" * 100

    on(main)


def test_limit_data_of_0_closes_on_the_first_chunk_and_not_before(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("limit_data", bytes=0),)) as one:
            (reader, _), (_, server) = await one.pair()
            assert await is_silent(reader)
            server.write(b"x")
            assert await reader.read() == b""

    on(main)


def test_limit_data_goes_on_counting_through_updates(on: Any) -> None:
    async def main() -> None:
        limit = toxic("limit_data", bytes=1000)
        async with relay(toxics=(limit,)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"x" * 60)
            await reader.readexactly(60)
            change(one.proxy, limit, bytes=100)
            server.write(b"x" * 30)
            await reader.readexactly(30)
            change(one.proxy, limit, toxicity=0)
            server.write(b"free")
            await reader.readexactly(4)
            change(one.proxy, limit, toxicity=1, bytes=50)  # below what has passed
            assert await is_silent(reader)
            server.write(b"x")
            assert await reader.read() == b""

    on(main)


def test_what_passed_before_a_cut_is_delivered_through_later_toxics(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("limit_data", bytes=10), toxic("latency", latency=200))) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"0123456789abc")
            assert await reader.read() == b"0123456789"

    on(main)


# losses and partitions


def test_a_lossy_network_loses_no_byte(on: Any) -> None:
    need("a kernel that filters for us (CAP_NET_ADMIN)", kernel.can_filter())

    async def main() -> None:
        async with relay(echo, toxics=(toxic("packet_loss", "upstream", loss_rate=0.2),)) as one:
            client = await one.connect()
            for _ in range(5):
                await ping(client)
            (told,) = one.proxy.connections()
            assert told["sent"]["downstream"] == told["received"]["upstream"] > 0

    on(main)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("how", ["kernel", "stage"])
def test_a_partition_delivers_later_what_was_sent_meanwhile(
    on: Any, stream: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "kernel":
        need("a kernel that filters for us (CAP_NET_ADMIN)", kernel.can_filter())
    else:
        monkeypatch.setattr(kernel, "can_filter", lambda: False)

    async def main() -> None:
        async with relay() as one:
            client, server = await one.pair()
            cut = toxic("partition", stream)
            one.proxy.add(cut)
            (_, writer), (reader, _) = (client, server) if stream == "upstream" else (server, client)
            writer.write(b"meanwhile")
            assert await is_silent(reader, 0.3)
            assert one.proxy.connections()[0]["toxics"] == [cut.name]
            one.proxy.remove(cut)
            assert await reader.readexactly(9) == b"meanwhile"

    on(main)


def test_without_the_kernel_losses_are_stalls(on: Any, no_filter: None) -> None:
    async def main() -> None:
        async with relay(echo) as one:
            client = await one.connect()
            lossy = toxic("packet_loss", loss_rate=1)
            one.proxy.add(lossy)
            client[1].write(b"held")
            assert await is_silent(client[0], 0.4)
            change(one.proxy, lossy, loss_rate=0)
            assert await client[0].readexactly(4) == b"held"
            change(one.proxy, lossy, loss_rate=0.5)
            begun = time.monotonic()
            for _ in range(6):
                await ping(client)
            assert time.monotonic() - begun >= 0.2

    on(main)


def test_losses_in_bursts_and_without_change_places_live(on: Any) -> None:
    """A kernel's filter has no memory: with a correlation the model takes over, and gives back."""

    async def main() -> None:
        async with relay(echo) as one:
            client = await one.connect()
            lossy = toxic("packet_loss", loss_rate=0.0)
            one.proxy.add(lossy)
            for correlation in (0.5, 0.0, 0.9):
                change(one.proxy, lossy, correlation=correlation)
                assert await ping(client) < 5

    on(main)


# who is hit


async def hit(one: Relay, count: int) -> list[bool]:
    """Which of so many new connections the proxy's toxics mean."""
    for _ in range(count):
        await one.connect()
    await one.until(lambda: len(one.proxy._open) >= count and all(c.links for c in one.proxy._open.values()))
    return [bool(told["toxics"]) for told in one.proxy.connections()]


def test_one_seed_hits_the_same_connections_each_time(on: Any) -> None:
    async def main() -> None:
        runs = []
        for seed in (1, 1, 2):
            async with relay(ignore, seed=seed, toxics=(toxic("latency", toxicity=0.5),)) as one:
                runs.append(await hit(one, 40))
        assert runs[0] == runs[1] != runs[2]
        assert 5 < sum(runs[0]) < 35

    on(main)


def test_one_seed_jitters_the_same_each_time() -> None:
    async def main() -> None:
        delays = []
        for seed in (1, 1, 2):
            async with relay(ignore, seed=seed, toxics=(toxic("latency", latency=500, jitter=500),)) as one:
                await one.connect()
                await one.until(lambda: bool(one.proxy._open) and bool(one.proxy._open[1].links))
                (stage,) = one.proxy._open[1].links["downstream"]._stages.values()
                delays.append([stage._delay_s() for _ in range(100)])  # type: ignore[attr-defined]
        assert delays[0] == delays[1] != delays[2]
        assert all(0 <= delay < 1 for delay in delays[0])

    run(main)


def test_fate_is_drawn_once(on: Any) -> None:
    """The original draws again at every change of the toxic or of its neighbour."""

    async def main() -> None:
        some = toxic("latency", toxicity=0.5)
        async with relay(ignore, toxics=(some,)) as one:
            before = await hit(one, 30)
            change(one.proxy, some)
            neighbour = toxic("noop", toxicity=0)
            one.proxy.add(neighbour)
            one.proxy.remove(neighbour)
            change(one.proxy, some, toxicity=1)
            assert [bool(told["toxics"]) for told in one.proxy.connections()] == [True] * 30
            change(one.proxy, some, toxicity=0.0)
            assert [bool(told["toxics"]) for told in one.proxy.connections()] == [False] * 30
            change(one.proxy, some, toxicity=0.5)
            assert [bool(told["toxics"]) for told in one.proxy.connections()] == before

    on(main)


@pytest.mark.parametrize(("toxicity", "share"), [(-3, 0), (0, 0), (1, 10), (7, 10)])
def test_a_toxicity_beyond_0_and_1_is_never_or_always(on: Any, toxicity: float, share: int) -> None:
    async def main() -> None:
        async with relay(ignore, toxics=(toxic("noop", toxicity=toxicity),)) as one:
            assert sum(await hit(one, 10)) == share

    on(main)


def test_toxics_of_one_stream_leave_the_other_alone(on: Any) -> None:
    async def main() -> None:
        async with relay(toxics=(toxic("timeout", "UPSTREAM"),)) as one:
            (reader, _), (_, server) = await one.pair()
            server.write(b"free")
            assert await reader.readexactly(4) == b"free"

    on(main)


# live changes


HARMLESS: dict[str, list[dict[str, float]]] = {
    "latency": [{"latency": 0}, {"latency": 3, "jitter": 3}, {"latency": 40}],
    "bandwidth": [{"rate": 20_000}, {"rate": 200_000}, {"rate": 0}],
    "shared_bandwidth": [{"rate": 20_000}, {"rate": 0}],
    "slicer": [{"average_size": 3000, "size_variation": 1000, "delay": 10}, {"average_size": 50_000}],
    "slow_close": [{"delay": 1}],
    "reset_peer": [{"timeout": 60_000}],
    "limit_data": [{"bytes": 2**40}],
    "noop": [{}],
    "packet_loss": [{"loss_rate": 0.01, "correlation": 0.2}, {"loss_rate": 0.001}],
    "partition": [{}],
}
"""Toxics that delete no bytes, with attributes to choose from."""


def disturb(one: Relay, dice: random.Random, present: list[Any]) -> None:
    """One random change."""
    move = dice.random()
    if move < 0.45 and len(present) < 6:
        kind = dice.choice(list(HARMLESS))
        one.proxy.add(added := toxic(kind, dice.choice(["upstream", "downstream"]), name=str(dice.random()),
                                     toxicity=dice.choice([1, 0.5]), **dice.choice(HARMLESS[kind])))  # fmt: skip
        present.append(added)
    elif move < 0.7 and present:
        changed = dice.choice(present)
        change(one.proxy, changed, toxicity=dice.choice([None, 0.0, 0.5, 1.0]), **dice.choice(HARMLESS[changed.type]))
    elif present:
        one.proxy.remove(present.pop(dice.randrange(len(present))))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("lossy", ["kernel", "stage"])
def test_no_byte_is_lost_whatever_is_changed_meanwhile(seed: int, lossy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """5 MB each way through three connections while toxics come, change and go at random."""
    if lossy == "stage":
        monkeypatch.setattr(kernel, "can_filter", lambda: False)
    dice = random.Random(seed)
    blob = dice.randbytes(5_000_000)

    async def main() -> None:
        async with relay(seed=seed) as one:
            pairs = [await one.pair() for _ in range(3)]
            present: list[Any] = []
            ends = [(client, server) for client, server in pairs] + [(server, client) for client, server in pairs]

            async def carry(source: Stream, sink: Stream) -> bool:
                source[1].write(blob)
                return await sink[0].readexactly(len(blob)) == blob

            transfers = asyncio.gather(*(carry(*end) for end in ends))
            for _ in range(60):
                disturb(one, dice, present)
                await asyncio.sleep(dice.choice([0, 0.002, 0.01]))
            for left in present:
                one.proxy.remove(left)
            assert all(await transfers)
            for (_, writer), (reader, _) in pairs:
                writer.write_eof()
                assert await reader.read() == b""
            await one.until(lambda: not one.proxy.connections())

    run(main, "ours" if seed % 2 else "asyncio's")
