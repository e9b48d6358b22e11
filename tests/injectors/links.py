"""A link for tests: an echo upstream, a proxy before it, and looks at both that use none of the injectors' code."""

import json
import socket
import socketserver
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from injectors.toxiproxy import ToxiproxyLink
from tests.ports import free_port

PING = "ping\n"
BYE = b"bye\n"
_numbers = count(1)
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what comes, until it is told goodbye."""

    def handle(self) -> None:
        with suppress(OSError):
            while data := self.request.recv(65536):
                self.request.sendall(data)
                if data.endswith(BYE):
                    return


class _EchoUdp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data, self.client_address)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None: ...


@contextmanager
def echo(protocol: str = "tcp") -> Iterator[str]:
    """An upstream; gives its host:port."""
    server = _Tcp(("127.0.0.1", 0), _Echo) if protocol == "tcp" else socketserver.UDPServer(("127.0.0.1", 0), _EchoUdp)
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def ask(url: str, path: str, method: str = "GET", body: object = None) -> Any:
    """One call of a server's API. Raises OSError for every answer that is no success."""
    data = None if body is None else json.dumps(body).encode()
    with _direct.open(urllib.request.Request(url + path, data, method=method), timeout=5) as response:
        text = response.read()
    return json.loads(text) if text else None


@dataclass
class Link:
    """A proxy of a server, made for one test."""

    url: str
    name: str
    listen: str
    upstream: str
    protocol: str
    pidfile: str = ""

    @property
    def path(self) -> str:
        """Of the proxy, at the API."""
        return f"/proxies/{urllib.parse.quote(self.name, safe='')}"

    def address(self, **other: Any) -> ToxiproxyLink:
        given: dict[str, Any] = {"proxy": self.name, "url": self.url, "listen": self.listen, "upstream": self.upstream,
                                 "protocol": self.protocol, "ping": PING, "pidfile": self.pidfile}  # fmt: skip
        return ToxiproxyLink(**{**given, **other})

    def told(self) -> dict[str, Any]:
        """What the server says of it; leases run on by themselves and are left out."""
        told: dict[str, Any] = ask(self.url, self.path)
        told.pop("lease_ms", None)
        for toxic in told["toxics"]:
            toxic.pop("lease_ms", None)
        return told

    def mend(self) -> None:
        """Take everything away that spoils it."""
        for toxic in self.told()["toxics"]:
            ask(self.url, f"{self.path}/toxics/{toxic['name']}", "DELETE")
        ask(self.url, self.path, "POST", {"enabled": True})

    def is_well(self) -> bool:
        """True when it is as it was made, and a word comes back."""
        told = self.told()
        return told["enabled"] and not told["toxics"] and self.exchange(b"well\n")[0] == b"well\n"

    def place(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)

    def connect(self, within_s: float = 2.0) -> socket.socket:
        if self.protocol == "tcp":
            return socket.create_connection(self.place(), within_s)
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.settimeout(within_s)
        one.connect(self.place())
        return one

    def exchange(self, data: bytes, within_s: float = 2.0) -> tuple[bytes, float, str]:
        """Send and receive as much: what came, how long it took, and how it ended."""
        began_s, found, end = time.monotonic(), b"", "whole"
        try:
            with self.connect(within_s) as one:
                one.sendall(data)
                while len(found) < len(data):
                    part = one.recv(65536)
                    found += part
                    if not part:
                        end = "closed"
                        break
        except TimeoutError:
            end = "silent"
        except OSError as error:
            end = type(error).__name__
        return found, time.monotonic() - began_s, end

    def pieces(self, data: bytes) -> int:
        """In how many parts it comes back."""
        found, parts = 0, 0
        with self.connect() as one:
            one.sendall(data)
            while found < len(data):
                found += len(one.recv(65536))
                parts += 1
        return parts

    def answers(self, within_s: float = 0.2) -> int:
        """How many datagrams come back for one."""
        found = 0
        with self.connect(within_s) as one, suppress(OSError):
            one.send(b"once\n")
            while one.recv(65536):
                found += 1
        return found

    def closing_s(self) -> float:
        """How long after goodbye was said the connection is closed."""
        with self.connect() as one:
            began_s = time.monotonic()
            one.sendall(BYE)
            while one.recv(65536):
                pass
            return time.monotonic() - began_s


@contextmanager
def link(url: str, upstream: str, protocol: str = "tcp", pidfile: str = "") -> Iterator[Link]:
    """A new proxy with a name that needs quoting, deleted on leaving."""
    made = Link(url, f"link {next(_numbers)}?", f"127.0.0.1:{free_port()}", upstream, protocol, pidfile)
    extra = {"protocol": "udp"} if protocol == "udp" else {}
    ask(url, "/proxies", "POST", {"name": made.name, "listen": made.listen, "upstream": upstream, **extra})
    try:
        yield made
    finally:
        with suppress(OSError):
            ask(url, made.path, "DELETE")
