"""How well the samplers keep a schedule of 1,000 looks a second, and what that costs. Run as a script:

    python -m tests.benchmarks.probe_rate [--seconds 10] [--rate 1000] [--rounds 3]

Several probes look at a real Valkey server and at a small HTTP server, each in a process of its own. The floor is the
same number of the same looks, sent by a bare loop, one after the other, in turn with the samplers in the same run:
the ratio to it says what schedule, deadlines, records and batches cost, on whatever machine this is.
"""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks import Sample, TargetName, Watch, quantile
from checks.probes.http import HttpProbe, HttpService
from checks.probes.valkey import ValkeyProbe, ValkeyService
from drills.clock import SystemClock
from drills.sampling import Batcher, Recent, Sampler
from tests.checks.probes.servers import valkey
from tests.ports import free_port

ON_TIME_S = 0.005
SHARES = {"orders": 0.4, "sessions": 0.2, "carts": 0.2, "storefront": 0.2}
"""How the rate is split; the last one is HTTP, the others write to Valkey or read from it."""

SITE = """
import asyncio
async def serve(reader, writer):
    while await reader.readuntil(b"\\r\\n\\r\\n"):
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello")
async def main():
    await (await asyncio.start_server(serve, "127.0.0.1", {port})).serve_forever()
asyncio.run(main())
"""


@dataclass
class Round:
    """What one round with the samplers showed."""

    cpu_s: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    written: int = 0


def main() -> None:
    """Measure, print, done."""
    parser = argparse.ArgumentParser(description="keep a schedule of looks")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=int, default=1000, help="looks a second, over all probes")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, valkey(Path(folder)) as server:
        site = subprocess.Popen([sys.executable, "-c", SITE.format(port=port)], stderr=subprocess.DEVNULL)
        try:
            asyncio.run(measure(options, server.port, port, Path(folder) / "journal"))
        finally:
            site.kill()
            site.wait()


@asynccontextmanager
async def watches(valkey_port: int, http_port: int) -> AsyncIterator[dict[str, Watch]]:
    """One watch for each probe."""
    cache = ValkeyService(host="127.0.0.1", port=valkey_port)
    async with AsyncExitStack() as stack:
        target = TargetName("t")
        probes: dict[str, tuple[Any, Any]] = {
            "orders": (ValkeyProbe(target=target, write="numbered"), cache),
            "sessions": (ValkeyProbe(target=target), cache),
            "carts": (ValkeyProbe(target=target, write="numbered"), cache),
            "storefront": (HttpProbe(target=target), HttpService(url=f"http://127.0.0.1:{http_port}")),
        }
        yield {name: await stack.enter_async_context(one.open(at, name)) for name, (one, at) in probes.items()}


async def measure(options: argparse.Namespace, valkey_port: int, http_port: int, journal: Path) -> None:
    """Rounds of floor and samplers in turn."""
    async with watches(valkey_port, http_port) as opened:
        for name, watch in opened.items():
            await answered(name, watch)
        floors, timers, rounds = [], [], []
        for _ in range(options.rounds):
            floors.append(await floor(opened, round(options.rate * options.seconds)))
            timers.append(await bare_timer(options.rate, options.seconds / 2))
            rounds.append(await sampled(opened, options.rate, options.seconds, journal))
    tell(options, floors, timers, rounds)


async def answered(name: str, watch: Watch) -> None:
    """Wait until the first look is good."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if (await watch.look(0)).seen == "+":
                return
        except OSError:
            pass
        await asyncio.sleep(0.02)
    raise SystemExit(f"{name} does not answer")


async def floor(opened: dict[str, Watch], count: int) -> float:
    """CPU seconds that a thousand looks cost at the least."""
    gc.collect()
    began = time.process_time()
    for name, watch in opened.items():
        for n in range(round(count * SHARES[name])):
            await watch.look(n)
    return (time.process_time() - began) / count * 1000


async def bare_timer(rate: int, seconds: float) -> list[float]:
    """How late this machine wakes a loop that does nothing else, at the rate of the busiest probe; least first."""
    every_s, began_s = 1 / (rate * max(SHARES.values())), time.monotonic()
    late = []
    for n in range(round(seconds / every_s)):
        due_s = began_s + n * every_s
        await asyncio.sleep(max(0, due_s - time.monotonic()))
        late.append(time.monotonic() - due_s)
    return sorted(late)


async def sampled(opened: dict[str, Watch], rate: int, seconds: float, journal: Path) -> Round:
    """A round as a run does it: samplers, batches written to a file, and a live view of each probe."""
    clock, found = SystemClock(), Round()
    gc.collect()
    with journal.open("w") as file:

        def write(data: dict[str, Any]) -> None:
            found.written += file.write(json.dumps(data) + "\n")

        batcher = Batcher(write)
        samplers = []
        for name, watch in opened.items():
            view = Recent()

            def record(sample: Sample, name: str = name, view: Recent = view) -> None:
                batcher.add(name, sample)
                view.add(sample)
                found.samples.append(sample)

            every_s = 1 / (rate * SHARES[name])
            samplers.append(Sampler(name, watch, every_s=every_s, timeout_s=1, clock=clock,
                                    origin_s=clock.monotonic_s(), record=record))  # fmt: skip
        began = time.process_time()
        writing = asyncio.create_task(batcher.run())
        running = [asyncio.create_task(one.run()) for one in samplers]
        await asyncio.sleep(seconds)
        for one in samplers:
            one.stop()
        await asyncio.gather(*running)
        writing.cancel()
        await asyncio.wait([writing])
        found.cpu_s = time.process_time() - began
    return found


def tell(options: argparse.Namespace, floors: list[float], timers: list[list[float]], rounds: list[Round]) -> None:
    """Print figures, a few lines a round and one for all."""
    print(f"{options.rate} looks a second over {len(SHARES)} probes, {options.seconds:g} s a round")
    ratios = []
    for least, timer, one in zip(floors, timers, rounds, strict=True):
        late = sorted(sample.sent_s - sample.planned_s for sample in one.samples)
        good = sum(sample.seen == "+" for sample in one.samples)
        cost = one.cpu_s / len(late) * 1000
        ratios.append(cost / least)
        print(f"  {len(late)} looks, {good} good, {one.cpu_s / options.seconds:.0%} of a core")
        print(f"    sent:                   {lateness(late)}")
        print(f"    a bare timer fires:     {lateness(timer)}")
        print(f"    CPU per 1,000 looks:    {cost:.3f} s, floor {least:.3f} s, ratio {ratios[-1]:.2f}")
    print(f"ratio to the floor: {min(ratios):.2f} at best, {sorted(ratios)[len(ratios) // 2]:.2f} in the middle")


def lateness(late: list[float]) -> str:
    """How late, as a line of figures."""
    shares = ", ".join(f"p{share:g} {(quantile(late, share / 100) or 0) * 1e3:.2f} ms" for share in (50, 99))
    on_time = sum(one <= ON_TIME_S for one in late) / len(late)
    return f"{on_time:.2%} within {ON_TIME_S * 1e3:g} ms, {shares}, most {late[-1] * 1e3:.1f} ms"


if __name__ == "__main__":
    main()
