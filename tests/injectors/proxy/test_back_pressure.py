"""Toxics that come, change and go while somebody does not read: nothing stands still for ever, and nothing is missing."""

import asyncio
import random
import time
from typing import Any

import pytest

from injectors.proxy import kernel
from tests.injectors.proxy.relay import Relay, Stream, change, echo, relay, run, toxic

PASSABLE: dict[str, list[dict[str, float]]] = {
    "latency": [{"latency": 0}, {"latency": 3, "jitter": 3}, {"latency": 20}],
    "bandwidth": [{"rate": 0}, {"rate": 50_000}, {"rate": 1_000_000}],
    "shared_bandwidth": [{"rate": 0}, {"rate": 50_000}, {"rate": 1_000_000}],
    "slicer": [{"average_size": 3000, "size_variation": 1000, "delay": 5}, {"average_size": 50_000}],
    "limit_data": [{"bytes": 2**40}],
    "slow_close": [{"delay": 1}],
    "packet_loss": [{"loss_rate": 0.0}, {"loss_rate": 0.001, "correlation": 0.2}],
    "noop": [{}],
}
"""Toxics through which everything passes in the end, with attributes to choose from; with the last ones, soon."""
HOLDING = ["latency", "bandwidth", "shared_bandwidth", "slicer"]


async def when_all_is_full(one: Relay, size: int) -> tuple[asyncio.StreamReader, "asyncio.Task[None]"]:
    """A client that has not read, behind a server that cannot send any more."""
    (reader, writer), (_, server) = await one.pair()
    writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def send() -> None:
        server.write(bytes(size))
        await server.drain()

    sending = asyncio.create_task(send())
    await one.at_rest()
    writer.transport.resume_reading()  # type: ignore[attr-defined]
    return reader, sending


@pytest.mark.parametrize("kind", HOLDING)
@pytest.mark.parametrize("before", [None, *HOLDING])
def test_a_toxic_that_comes_while_all_is_full_lets_the_rest_through(before: str | None, kind: str) -> None:
    """Whoever was waiting for room behind it is told of it, although the newcomer had room all the time."""
    size = 12_000_000

    async def main() -> None:
        first = [toxic(before, name="first", **PASSABLE[before][-1])] if before else []
        async with relay(toxics=tuple(first)) as one:
            reader, sending = await when_all_is_full(one, size)
            one.proxy.add(toxic(kind, **PASSABLE[kind][-1]))
            assert len(await reader.readexactly(size)) == size
            await sending

    run(main, "ours")


def test_changing_a_toxic_over_and_over_pushes_nothing_into_memory() -> None:
    """An update lets go of what the toxic holds back, and not of what the reader does."""

    async def main() -> None:
        slow = toxic("latency", latency=1)
        async with relay(toxics=(slow,)) as one:
            _, sending = await when_all_is_full(one, 80_000_000)
            one.proxy._open[1].links["downstream"].sink_watch.writing(False)  # as if the client never read again
            link = one.proxy._open[1].links["downstream"]
            waiting = len(link._pending)
            for _ in range(100):
                change(one.proxy, slow, latency=1)
            assert len(link._pending) == waiting
            sending.cancel()

    run(main, "ours")


def test_single_bytes_keep_nobody_waiting() -> None:
    """Two million pieces are sent in turn with everything else."""

    async def main() -> None:
        async with relay(echo, toxics=(toxic("slicer", "upstream", average_size=1),)) as one:
            _, writer = await one.connect()
            writer.write(bytes(2_000_000))
            await one.until(lambda: one.proxy.counters()["upstream"][1] > 0)
            most_s = 0.0
            for _ in range(20):
                begun = time.thread_time()  # what others have this machine do meanwhile does not count
                await asyncio.sleep(0.005)
                most_s = max(most_s, time.thread_time() - begun)
            assert one.proxy.counters()["upstream"][1] < 2_000_000
            assert most_s < 0.2

    run(main, "ours")


def disturb(one: Relay, dice: random.Random, present: list[Any]) -> None:
    """One random change."""
    move = dice.random()
    if move < 0.5 and len(present) < 6:
        kind = dice.choice([*PASSABLE, "partition", "reset_peer"])
        given = dice.choice(PASSABLE.get(kind, [{"timeout": 60_000} if kind == "reset_peer" else {}]))
        added = toxic(kind, dice.choice(["upstream", "downstream"]), name=str(dice.random()),
                      toxicity=dice.choice([1, 1, 0.5, 0]), **given)  # fmt: skip
        one.proxy.add(added)
        present.append(added)
    elif move < 0.75 and present:
        changed = dice.choice(present)
        given = dice.choice(PASSABLE.get(changed.type, [{}]))
        change(one.proxy, changed, toxicity=dice.choice([None, 0.0, 0.5, 1.0]), **given)
    elif present:
        one.proxy.remove(present.pop(dice.randrange(len(present))))


def let_pass(one: Relay, present: list[Any]) -> None:
    """Leave every toxic that can be passed where it is, so that whatever stands still behind it goes on standing."""
    for left in present:
        if left.type in PASSABLE:
            change(one.proxy, left, toxicity=1.0, **PASSABLE[left.type][-1])
        else:
            one.proxy.remove(left)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lossy", ["kernel", "stage"])
def test_readers_that_pause_get_all_through_toxics_that_stay(
    seed: int, lossy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6 MB each way through three connections, whose readers pause at random, while toxics come, change and go."""
    if lossy == "stage":
        monkeypatch.setattr(kernel, "can_filter", lambda: False)
    dice = random.Random(seed)
    blob = dice.randbytes(1_000_000) * 6

    async def main() -> None:
        async with relay(seed=seed) as one:
            pairs = [await one.pair() for _ in range(3)]
            disturbed = True

            async def carry(source: Stream, sink: Stream) -> bool:
                source[1].write(blob)
                got = bytearray()
                while len(got) < len(blob):
                    if disturbed and dice.random() < 0.05:
                        sink[1].transport.pause_reading()  # type: ignore[attr-defined]
                        await asyncio.sleep(dice.choice([0, 0.01, 0.1]))
                        sink[1].transport.resume_reading()  # type: ignore[attr-defined]
                    piece = await sink[0].read(300_000)
                    assert piece
                    got += piece
                return got == blob

            ends = [(client, server) for client, server in pairs] + [(server, client) for client, server in pairs]
            transfers = asyncio.gather(*(carry(*end) for end in ends))
            present: list[Any] = []
            for _ in range(60):
                disturb(one, dice, present)
                await asyncio.sleep(dice.choice([0, 0.002, 0.02]))
            disturbed = False
            let_pass(one, present)
            assert all(await transfers)
            for (_, writer), (reader, _) in pairs:
                writer.write_eof()
                assert await reader.read() == b""
            await one.until(lambda: not one.proxy.connections())
            assert len(one.hub._watches) == 1  # the listener's

    run(main, "ours" if seed % 2 else "asyncio's")
