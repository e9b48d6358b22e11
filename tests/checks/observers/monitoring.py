"""Real Prometheus and Alertmanager of two generations, on free loopback ports, and a target whose gauges a test sets.

The old generation is Debian's; the new one is built once, by a small module of our own, and kept in the user's cache.
What is started is ended by its id whatever happens, and its data are in a temporary folder.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from tests.built import call, made_once
from tests.ports import free_port
from tests.real import need

Generation = Literal["old", "new"]
GENERATIONS: tuple[Generation, ...] = ("old", "new")
PROMETHEUS = "0.315.0"
"""The version as a Go module."""
ALERTMANAGER = "0.28.1"
BUILD_S = 1500
START_S = 30

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # not by a proxy that the environment may name


def ask(url: str, body: object = None, method: str | None = None) -> Any:
    """The JSON that a URL answers with; a body is sent as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with _opener.open(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text.strip() else None


@dataclass
class Server:
    """A program that answers on loopback; it can be stopped and started again on the same port with the same data."""

    words: Sequence[str]
    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where it is; no slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it has printed so far, standard output and error together."""
        return self.folder / "log"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(self.words, cwd=self.folder, stdout=sink, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL)  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(OSError), _opener.open(f"{self.url}/-/ready", timeout=2):
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.words[0]} is not ready; exit code {self.process.poll()}:\n{self.log.read_text()}")

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """End it, and wait until it has gone; as if asked to, or by SIGKILL as if its machine had died."""
        if self.process is None:
            return
        try:
            self.process.send_signal(with_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def reload(self) -> None:
        """Make it read its files again."""
        with _opener.open(urllib.request.Request(f"{self.url}/-/reload", b"", method="POST"), timeout=10):
            pass

    def write(self, name: str, text: str) -> None:
        """Put a file into its folder: `rules.yml`, or `config.yml`."""
        (self.folder / name).write_text(text)


@dataclass
class Gauges:
    """A target to scrape: the test sets what it says."""

    port: int = 0
    values: dict[str, float] = field(default_factory=dict)
    """By series as it is written: `down` or `down{shard="1"}`."""
    scrapes: list[float] = field(default_factory=list)
    """When it was asked, in seconds since 1970."""


@contextmanager
def gauges(**values: float) -> Iterator[Gauges]:
    """A target with these gauges, for the length of the context."""
    target = Gauges(values=dict(values))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Metrics, target)) as server:
        target.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield target
        finally:
            server.shutdown()
            thread.join(10)


@contextmanager
def prometheus(
    generation: Generation,
    rules: str,
    targets: Sequence[Gauges] = (),
    *,
    alertmanager: str = "",
    interval: str = "500ms",
    resend: str = "1s",
) -> Iterator[Server]:
    """Prometheus with this rule file; it scrapes and evaluates at `interval`, and sends to the Alertmanager of a URL.

    All targets were scraped and all rules evaluated on entering, but for those that are evaluated more rarely than every 5 s.
    """
    found = program(generation, "prometheus")
    with _folder() as folder:
        server = Server((), free_port(), folder)
        config: dict[str, Any] = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "gauges", "static_configs": [{"targets": _places(targets)}]}],
        }
        if alertmanager:
            place = alertmanager.removeprefix("http://")
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [place]}]}]}
        server.write("config.yml", json.dumps(config))  # which is YAML too
        server.write("rules.yml", rules)
        server.words = (str(found), "--config.file=config.yml", "--storage.tsdb.path=data", "--web.enable-lifecycle",
                        f"--web.listen-address=127.0.0.1:{server.port}", f"--rules.alert.resend-delay={resend}",
                        "--scrape.discovery-reload-interval=100ms")  # fmt: skip
        with _running(server):
            _await_first_looks(server, len(targets))
            yield server


@contextmanager
def alertmanager(generation: Generation, config: str | Mapping[str, object]) -> Iterator[Server]:
    """Alertmanager with these routes and receivers, as YAML or as what YAML would give; alone, with no cluster."""
    found = program(generation, "alertmanager")
    with _folder() as folder:
        server = Server((), free_port(), folder)
        server.write("config.yml", config if isinstance(config, str) else json.dumps(config))
        server.words = (str(found), "--config.file=config.yml", "--storage.path=data", "--cluster.listen-address=",
                        f"--web.listen-address=127.0.0.1:{server.port}")  # fmt: skip
        with _running(server):
            yield server


def promtool(generation: Generation) -> Path:
    """The program that checks rule files."""
    return program(generation, "promtool")


def amtool(generation: Generation) -> Path:
    """The program that tests routes."""
    return program(generation, "amtool")


class _Metrics(BaseHTTPRequestHandler):
    """Answers every GET with the gauges."""

    protocol_version = "HTTP/1.1"

    def __init__(self, target: Gauges, *rest: Any) -> None:
        self._target = target
        super().__init__(*rest)

    def do_GET(self) -> None:
        now_unix = time.time()
        self._target.scrapes.append(now_unix)
        # What has a time of its own is still there after a scrape that failed, since this machine had other things to do.
        ended = f" {int(now_unix * 1000)}\n"
        body = "".join(f"{series} {value}{ended}" for series, value in self._target.values.copy().items()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True  # so that nobody waits for the next request when the test is over

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def _places(targets: Sequence[Gauges]) -> list[str]:
    return [f"127.0.0.1:{target.port}" for target in targets]


def _await_first_looks(server: Server, targets: int) -> None:
    """The older ones take 5 s to find their targets. No alert has samples before the second evaluation is over."""
    until = time.monotonic() + START_S
    evaluated: dict[str, set[str]] = {}
    while time.monotonic() < until:
        up = ask(f"{server.url}/api/v1/query?query=up==1")["data"]["result"]
        for group in ask(f"{server.url}/api/v1/rules")["data"]["groups"]:
            if group["interval"] < START_S / 6:
                evaluated.setdefault(group["name"], set()).add(group["lastEvaluation"])
        if len(up) == targets and all(
            len(times) >= 4 for times in evaluated.values()
        ):  # the first of them being "never"
            return
        time.sleep(0.05)
    raise AssertionError(f"not all of the {targets} targets were scraped:\n{server.log.read_text()}")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def _running(server: Server) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop(signal.SIGKILL)  # its data go with it


def program(generation: Generation, name: str) -> Path:
    """prometheus, promtool, alertmanager or amtool of a generation; where it is not to be had, the test is skipped."""
    if generation == "old":
        debian = "prometheus-alertmanager" if name == "alertmanager" else name
        found = shutil.which(debian)
        need(f"{name} of Debian ({debian})", found is not None)
        return Path(str(found))
    if name in ("prometheus", "promtool"):
        return _built("prometheus", PROMETHEUS, ("prometheus", "promtool"), "-tags", "remove_all_sd") / name
    return _built("alertmanager", ALERTMANAGER, ("alertmanager", "amtool")) / name


def _built(project: str, version: str, commands: Sequence[str], *flags: str) -> Path:
    """The folder with these programs of a project, built by a small module of our own: minutes, the first time."""
    go = shutil.which("go")
    need(f"{project} {version} (needs Go to build)", go is not None)
    politely = ["nice", "-n", "19"] if shutil.which("nice") else []
    module = f"github.com/prometheus/{project}"

    def build(folder: Path) -> None:
        (folder / "go.mod").write_text("module built\n")
        (folder / "bin").mkdir()
        names = [f"{module}/cmd/{command}" for command in commands]
        call([str(go), "get", *[f"{name}@v{version}" for name in names]], folder, BUILD_S)
        stamp = ["-ldflags", f"-X github.com/prometheus/common/version.Version={version}"]
        call([*politely, str(go), "build", "-mod=mod", *flags, *stamp, "-o", f"bin{os.sep}", *names], folder, BUILD_S)

    return made_once(f"{project}-{version}", "bin", build)
