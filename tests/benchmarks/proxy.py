"""Our proxy beside the real Toxiproxy, with a direct connection as the floor. Run as a script:

    python -m tests.benchmarks.proxy [--seconds 2] [--rounds 5] [--rows bulk,echo-64]

Load and server are a small Go program of their own, so that what is measured is the proxy and not its clients. Each
round asks all in turn, so that a machine that is slow for a moment is slow for all. Printed are medians of the rounds
and, as `ratio`, ours by the real one's: of a figure where more is better and of a cost, each said. Goal: at least twice
the throughput at half the CPU, and no row worse.
"""

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.injectors.toxiproxies import Server, embedded_toxiproxy, real_toxiproxy

LOAD = Path(__file__).parent / "load"
PROXIES = 1000
"""Proxies that exist while control calls are timed."""
ASKED_MS = 40


@dataclass(frozen=True)
class Row:
    """One thing to measure."""

    name: str
    words: tuple[str, ...]
    """Of the load program, without the seconds that it lasts."""
    figure: str
    better: str
    """`more` or `less`."""


ROWS = (
    Row("bulk", ("bulk",), "GB/s", "more"),
    Row("echo-1", ("echo", "1"), "p50 us", "less"),
    Row("echo-64", ("echo", "64"), "req/s", "more"),
    Row("echo-1000", ("echo", "1000"), "req/s", "more"),
    Row("dial-1", ("dial", "1"), "conn/s", "more"),
    Row("dial-8", ("dial", "8"), "conn/s", "more"),
)


@dataclass
class Way:
    """One of the ways to the server: direct, through the real proxy, through ours."""

    name: str
    server: Server | None
    echo: str
    sink: str
    shown: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def note(self, row: str, figures: dict[str, float]) -> None:
        self.shown.setdefault(row, []).append(figures)

    def median(self, row: str, figure: str) -> float:
        return statistics.median(one[figure] for one in self.shown[row] if figure in one)


def main() -> None:
    """Measure, print, done."""
    parser = argparse.ArgumentParser(description="our proxy beside the real Toxiproxy")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="", help="names of rows, by comma; left out, all")
    options = parser.parse_args()
    wanted = [row for row in ROWS if not options.rows or row.name in options.rows.split(",")]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        load = build(Path(folder))
        ports = stack.enter_context(serving(load))
        servers = {"real": stack.enter_context(real_toxiproxy()), "ours": stack.enter_context(embedded_toxiproxy())}
        ways = [Way("direct", None, f"127.0.0.1:{ports['echo']}", f"127.0.0.1:{ports['sink']}")]
        ways += [way_through(name, server, ports) for name, server in servers.items()]
        traffic(load, ways, wanted, options, "")
        for one in ways[1:]:
            for proxy in ("echo", "sink"):
                call(one, "POST", f"/proxies/{proxy}/toxics", {"type": "latency", "attributes": {"latency": 5}})
        traffic(load, ways[1:], wanted, options, "+latency")
        for one in ways[1:]:
            call(one, "POST", "/proxies/echo/toxics/latency_downstream", {"attributes": {"latency": ASKED_MS}})
        precision(load, ways[1:], options)
        control(ways[1:], options)
        tell(ways, wanted)


def build(folder: Path) -> Path:
    """The load program; Go is there, since the rival needs it too."""
    go = shutil.which("go")
    if not go:
        raise SystemExit("this benchmark needs Go, for the real Toxiproxy and for the load")
    subprocess.run([go, "build", "-o", str(folder / "load"), "."], cwd=LOAD, check=True)
    return folder / "load"


@contextmanager
def serving(load: Path) -> Iterator[dict[str, int]]:
    """The server behind the proxies."""
    server = subprocess.Popen([load, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield {name: int(port) for name, port in json.loads(server.stdout.readline()).items()}
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()


def way_through(name: str, server: Server, ports: dict[str, int]) -> Way:
    """Through this proxy."""
    made = Way(name, server, "", "")
    for proxy, port in ports.items():
        told = call(made, "POST", "/proxies", {"name": proxy, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{port}"})
        setattr(made, proxy, told["listen"])
    return made


def call(one: Way, method: str, path: str, body: Any = None) -> Any:
    """One call to its API."""
    assert one.server is not None
    connection = http.client.HTTPConnection("127.0.0.1", one.server.port, timeout=30)
    try:
        return ask(connection, method, path, body)
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
    """One call on a connection that stays."""
    connection.request(method, path, None if body is None else json.dumps(body))
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {text!r}")
    return json.loads(text) if text else None


def traffic(load: Path, ways: list[Way], rows: list[Row], options: argparse.Namespace, mark: str) -> None:
    """Each row over each way, in turn, round by round."""
    for row in rows:
        for _ in range(options.rounds):
            for one in ways:
                one.note(row.name + mark, loaded(load, one, row, options.seconds))


def loaded(load: Path, one: Way, row: Row, seconds: float) -> dict[str, float]:
    """What the load saw, and what that cost the proxy."""
    kind, *more = row.words
    before_s = cpu_s(one)
    words = [str(load), kind, one.sink if kind == "bulk" else one.echo, str(seconds), *more]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    spent_s = cpu_s(one) - before_s
    if kind == "bulk":
        gigabytes = told["bytes"] / 1e9
        return {"GB/s": gigabytes / told["seconds"], "cpu": spent_s / gigabytes}
    rate = told["count"] / told["seconds"]
    return {"req/s": rate, "conn/s": rate, "p50 us": told["p50_us"], "p99 us": told["p99_us"],
            "cpu": spent_s / told["count"] * 1e6}  # fmt: skip


def cpu_s(one: Way) -> float:
    """CPU time that the proxy has used."""
    if one.server is None:
        return 0.0
    times = psutil.Process(one.server.pid).cpu_times()
    return float(times.user + times.system)


def precision(load: Path, ways: list[Way], options: argparse.Namespace) -> None:
    """How much more, or less, than what was asked for a round trip takes."""
    for _ in range(options.rounds):
        for one in ways:
            told = loaded(load, one, Row("precision", ("echo", "1"), "", ""), options.seconds)
            one.note("precision", {key: abs(told[key] - ASKED_MS * 1000) for key in ("p50 us", "p99 us")})


def control(ways: list[Way], options: argparse.Namespace) -> None:
    """Calls a second on one connection, while there are a thousand proxies."""
    listed = [{"name": f"p{n}", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"} for n in range(PROXIES)]
    for one in ways:
        call(one, "POST", "/populate", listed)
    toxic = {"name": "t", "type": "latency", "attributes": {"latency": 1}}
    jobs: dict[str, list[tuple[str, str, Any]]] = {
        "control: get one": [("GET", "/proxies/p500", None)],
        "control: add and remove a toxic": [("POST", "/proxies/p500/toxics", toxic), ("DELETE", "/proxies/p500/toxics/t", None)],
        "control: list all": [("GET", "/proxies", None)],
    }  # fmt: skip
    for name, job in jobs.items():
        for _ in range(options.rounds):
            for one in ways:
                one.note(name, called(one, job, options.seconds / 2))


def called(one: Way, calls: list[tuple[str, str, Any]], seconds: float) -> dict[str, float]:
    """How many such calls are answered in a second, one after the other."""
    assert one.server is not None
    to = http.client.HTTPConnection("127.0.0.1", one.server.port, timeout=30)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for call_ in calls:
            ask(to, *call_)
        count += len(calls)
    to.close()
    return {"calls/s": count / (time.perf_counter() - began)}


def tell(ways: list[Way], rows: list[Row]) -> None:
    """The table."""
    _, real, ours = ways
    print(f"{'row':<34}{'figure':<9}{'direct':>10}{'real':>12}{'ours':>12}{'ratio':>8}  better")
    for mark in ("", "+latency"):
        for row in rows:
            for figure, better in figures(row):
                told = {one.name: one.median(row.name + mark, figure) for one in ways if row.name + mark in one.shown}
                line(row.name + mark, figure, told, better)
    for figure in ("p50 us", "p99 us"):
        line(
            f"off an asked {ASKED_MS} ms",
            figure,
            {one.name: one.median("precision", figure) for one in (real, ours)},
            "less",
        )
    for name in [one for one in real.shown if one.startswith("control")]:
        line(name, "calls/s", {one.name: one.median(name, "calls/s") for one in (real, ours)}, "more")


def figures(row: Row) -> list[tuple[str, str]]:
    """What is told of a row."""
    cost = ("cpu", "less")
    if row.name == "bulk":
        return [("GB/s", "more"), cost]
    rate = ("conn/s" if row.name.startswith("dial") else "req/s", "more")
    return [rate, ("p50 us", "less"), ("p99 us", "less"), cost]


def line(name: str, figure: str, told: dict[str, float], better: str) -> None:
    """One line of it."""
    shown = [f"{told[one]:.4g}" if told.get(one) else "" for one in ("direct", "real", "ours")]
    ratio = told["ours"] / told["real"] if told["real"] else float("nan")
    print(f"{name:<34}{figure:<9}{shown[0]:>10}{shown[1]:>12}{shown[2]:>12}{ratio:>8.2f}  {better}")


if __name__ == "__main__":
    main()
