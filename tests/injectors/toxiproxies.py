"""The real Toxiproxy and ours, each in a process of its own that the test ends whatever happens; and a client of npm."""

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.built import ROOT, call, made_once
from tests.ports import free_port
from tests.real import need

VERSION = "2.12.0"
OLDEST = "2.5.0"
"""The oldest that is supported."""
MODULE = "github.com/Shopify/toxiproxy/v2"
NODE_CLIENT = "4.1.0"
START_S = 20


@dataclass(frozen=True, slots=True)
class Server:
    """A Toxiproxy that answers on loopback."""

    port: int
    pid: int
    log: Path
    """What it has printed so far, standard output and error together."""

    @property
    def url(self) -> str:
        """Where its API is; no slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def real_toxiproxy(*flags: str, version: str = VERSION) -> Iterator[Server]:
    """Toxiproxy itself, started with these flags; the test is skipped by name where it cannot be built."""
    with _running([str(_real_binary(version))], flags) as server:
        yield server


@contextmanager
def embedded_toxiproxy(*flags: str) -> Iterator[Server]:
    """Ours, by the interpreter of the tests."""
    with _running([sys.executable, "-m", "injectors.proxy"], flags) as server:
        yield server


def node_client() -> Path:
    """The folder whose `node_modules` holds npm's `toxiproxy-node-client`; skipped by name where there is no npm."""
    npm = shutil.which("npm")
    need(f"toxiproxy-node-client {NODE_CLIENT} (needs node and npm)", bool(npm and shutil.which("node")))

    def install(folder: Path) -> None:
        (folder / "package.json").write_text("{}")  # else npm looks for one in the folders above
        words = ["install", "--silent", "--no-audit", "--no-fund", f"toxiproxy-node-client@{NODE_CLIENT}"]
        call([str(npm), *words], cwd=folder)

    return made_once(f"toxiproxy-node-client-{NODE_CLIENT}", "node_modules", install).parent


def _real_binary(version: str) -> Path:
    go = shutil.which("go")
    need(f"Toxiproxy {version} (needs Go to build)", go is not None)

    def build(folder: Path) -> None:
        stamp = f"-X {MODULE}.Version={version}"
        call([str(go), "install", "-ldflags", stamp, f"{MODULE}/cmd/server@v{version}"], GOBIN=str(folder))

    return made_once(f"toxiproxy-{version}", "server", build)


@contextmanager
def _running(command: Sequence[str], flags: Sequence[str]) -> Iterator[Server]:
    port = free_port()
    words = [*command, "-host", "127.0.0.1", "-port", str(port), *flags]
    with tempfile.TemporaryDirectory() as room:
        log = Path(room) / "log"
        with log.open("wb") as sink:
            popen = subprocess.Popen(words, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            _await_answer(popen, port, log)
            yield Server(port, popen.pid, log)
        finally:
            popen.kill()
            popen.wait(10)


def _await_answer(popen: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + START_S
    # Not through a proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until and popen.poll() is None:
        with suppress(OSError), opener.open(f"http://127.0.0.1:{port}/version", timeout=2):
            return
        time.sleep(0.005)
    raise AssertionError(f"no answer on port {port}; exit code {popen.poll()}:\n{log.read_text()}")
