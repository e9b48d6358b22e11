"""A server in a process of its own that has to survive what a test does to it, and the people who do it."""

import errno
import os
import resource
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.injectors.processes import eventually
from tests.injectors.proxy.asking import Reply, ask, echo, upstream
from tests.injectors.toxiproxies import Server, embedded_toxiproxy
from tests.real import need

PROMPT_S = 10.0
"""What a control call may take on a busy machine; a server that waits for somebody takes 15 s or more."""
PATIENCE_S = 20.0
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Survivor:
    """A server under test, and an echo behind it."""

    server: Server
    echo_port: int

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """A control call; it has to be prompt whatever else goes on."""
        begun = time.monotonic()
        reply = ask(self.server.port, method, path, body, headers)
        took_s = time.monotonic() - begun
        assert took_s < PROMPT_S, f"{method} {path} took {took_s:.1f} s"
        return reply

    def proxy(self, name: str, to: int, **more: object) -> int:
        """The port of a new proxy to this port."""
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{to}", **more}
        reply = self.ask("POST", "/proxies", body)
        assert reply.status == 201, reply.body
        return int(reply.json["listen"].rpartition(":")[2])

    def add(self, proxy: str, kind: str, name: str = "", **attributes: int) -> Reply:
        """A new toxic, downstream."""
        return self.ask("POST", f"/proxies/{proxy}/toxics", {"type": kind, "name": name, "attributes": attributes})

    def serves(self) -> None:
        """It answers and relays, as if nothing had happened."""
        assert self.is_alive(), self.log()
        assert self.ask("GET", "/version").status == 200
        port = self.proxy("is it up?", self.echo_port)
        assert echoes(port)
        assert self.ask("DELETE", "/proxies/is%20it%20up%3F").status == 204

    def is_alive(self) -> bool:
        """Whether it runs; a child that has ended and was not waited for does not."""
        try:
            return "State:\tZ" not in self._proc("status").read_text()
        except OSError:
            return False

    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(self._proc("fd").iterdir()))

    def memory_mib(self) -> float:
        """What it takes now."""
        return int(self._proc("status").read_text().partition("VmRSS:")[2].split()[0]) / 1024

    def log(self) -> str:
        """What it has said so far."""
        return self.server.log.read_text(errors="replace")

    def allow_descriptors(self, number: int) -> None:
        """So many and no more; a higher limit than the process has needs root."""
        try:
            resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (number, number))
        except PermissionError:
            need(f"RLIMIT_NOFILE of {number}", False)

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.server.pid}/{name}")


@contextmanager
def survivor(*flags: str, grows_mib: float = 40.0) -> Iterator[Survivor]:
    """A server that serves before and after, has had no bug, and keeps no descriptor and at most this memory."""
    with embedded_toxiproxy(*flags) as server, upstream(echo) as port:
        one = Survivor(server, port)
        one.serves()
        descriptors, memory = one.descriptors(), one.memory_mib()
        yield one
        one.serves()
        for name in one.ask("GET", "/proxies").json:
            assert one.ask("DELETE", f"/proxies/{quote(name, safe='')}").status == 204, name
        assert eventually(lambda: one.descriptors() <= descriptors, PATIENCE_S), one.descriptors() - descriptors
        assert one.memory_mib() - memory < grows_mib, f"{memory:.0f} MiB have become {one.memory_mib():.0f}"
        bugs = [line for line in one.log().splitlines() if "Traceback" in line or "ERROR" in line]
        assert not bugs, bugs


def echoes(port: int, said: bytes = b"hello") -> bool:
    """Whether somebody at this port gives back what he is told."""
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as client:
        return exchanged(client, said)


def exchanged(client: socket.socket, said: bytes = b"hello") -> bool:
    """Whether this comes back."""
    client.settimeout(PATIENCE_S)
    heard = b""
    with suppress(OSError):
        client.sendall(said)
        while len(heard) < len(said) and (piece := client.recv(65536)):
            heard += piece
    return heard == said


def ends(client: socket.socket) -> bool:
    """Whether the other side ends this connection, with FIN or RST, whatever it says before."""
    client.settimeout(PATIENCE_S)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def reset(client: socket.socket) -> None:
    """Leave without a farewell: RST."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def said_to(port: int, data: bytes, *, close_half: bool = True) -> bytes:
    """All that comes back for these bytes, until the other side ends it."""
    heard = b""
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE_S)) as client:
        with suppress(ConnectionError):
            client.sendall(data)
            if close_half:
                client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while piece := client.recv(65536):
                heard += piece
    return heard


class Crowd:
    """Many clients of one proxy that say nothing, and their other ends at the upstream; counts on no order."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.clients: list[socket.socket] = []
        self.arrived: list[socket.socket] = []
        """At the upstream."""
        self._listener = stack.enter_context(closing(socket.create_server(("127.0.0.1", 0), backlog=4096)))
        self.upstream_port = int(self._listener.getsockname()[1])
        self._welcoming = threading.Thread(target=self._welcome)
        self._welcoming.start()

    def join(self, port: int, number: int, *, all_served: bool = True) -> None:
        """So many more connect to a proxy, in waves that it keeps up with."""
        for i in range(number):
            client = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
            client.setblocking(False)
            self.clients.append(client)
            if all_served and i % 500 == 499:
                self.wait_until_served()
        if all_served:
            self.wait_until_served()

    def wait_until_served(self) -> None:
        """Until all clients have got through."""
        assert eventually(lambda: len(self.arrived) >= len(self.clients), PATIENCE_S), len(self.arrived)

    def ready(self) -> int:
        """How many clients have something to read, or have been disconnected."""
        with closing(select.epoll(len(self.clients) or 1)) as selector:
            for client in self.clients:
                selector.register(client, select.EPOLLIN)
            return len(selector.poll(0, len(self.clients) or 1))

    def leave(self) -> None:
        """All go, without the minute that the kernel would remember each of them."""
        for one in (*self.clients, *self.arrived):
            reset(one)
        self.clients.clear()
        self.arrived.clear()

    def close(self) -> None:
        """Leave, and end the upstream."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._welcoming.join(PATIENCE_S)
        self.leave()

    def _welcome(self) -> None:
        with suppress(OSError):
            while True:
                self.arrived.append(self._listener.accept()[0])


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Nobody yet; gone afterwards."""
    with ExitStack() as stack:
        one = Crowd(stack)
        try:
            yield one
        finally:
            one.close()


def as_many_descriptors_as_may_be(wanted: int = 32_000) -> int:
    """For one process, here: those wanted, or fewer; root may have them even above the hard limit, unless it was told not."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < wanted:
        with suppress(PermissionError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    found = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    return found


@contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    """So many descriptors for this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, max(descriptors, before[1])))
    except (PermissionError, ValueError):
        need(f"RLIMIT_NOFILE of {descriptors}", False)
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def black_hole() -> Iterator[int]:
    """A port where connecting never ends: a listener whose queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            filler = stack.enter_context(closing(socket.socket()))
            filler.setblocking(False)
            assert filler.connect_ex(listener.getsockname()) in (0, errno.EINPROGRESS)
        yield int(listener.getsockname()[1])


@contextmanager
def datagrams(serve: Callable[[bytes], Sequence[bytes]]) -> Iterator[int]:
    """The port of a UDP server that answers each datagram with these."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        ended = threading.Event()
        sock.settimeout(0.1)

        def answer() -> None:
            while not ended.is_set():
                with suppress(OSError):
                    data, address = sock.recvfrom(65536)
                    for one in serve(data):
                        sock.sendto(one, address)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield int(sock.getsockname()[1])
        finally:
            ended.set()
            thread.join(PATIENCE_S)


def how_it_ended(pid: int) -> tuple[int, int] | None:
    """Of a child: (0, exit code) or (signal, 0); None while it runs. It is left for its parent to wait for."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    if found is None:
        return None
    return (0, found.si_status) if found.si_code == os.CLD_EXITED else (found.si_status, 0)
