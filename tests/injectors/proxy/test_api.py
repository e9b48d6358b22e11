"""The API of ours: what it has beyond Toxiproxy, whom it lets in, and that nothing ends it.

That it otherwise answers as Toxiproxy does is held against the real one in test_conformance.
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from injectors.proxy.api import Access, Api, may_ask
from injectors.proxy.http1 import Answer, Request
from injectors.proxy.proxies import Proxies
from tests.injectors.processes import eventually
from tests.injectors.proxy.asking import Reply, ask, echo, upstream
from tests.injectors.toxiproxies import Server, embedded_toxiproxy
from tests.ports import free_port


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with embedded_toxiproxy("-proxy-metrics", "-runtime-metrics") as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """One without proxies."""
    for name in ask(running.port, "GET", "/proxies").json:
        ask(running.port, "DELETE", "/proxies/" + quote(name))
    yield running
    assert ask(running.port, "GET", "/version").status == 200


def a_proxy(server: Server, name: str = "a", **more: object) -> Reply:
    """A new one."""
    body = {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", **more}
    return ask(server.port, "POST", "/proxies", body)


def port_of(reply: Reply) -> int:
    """Where a proxy listens."""
    return int(reply.json["listen"].rpartition(":")[2])


# What Toxiproxy does not have.


def test_the_version_is_understood_by_clients_that_read_versions(server: Server) -> None:
    version = ask(server.port, "GET", "/version").json["version"]
    assert version == "2.12.0-embedded.1"
    assert tuple(map(int, version.split("-")[0].split("."))) >= (2, 6, 0)


def test_it_says_what_it_can_do(server: Server) -> None:
    told = ask(server.port, "GET", "/capabilities").json
    assert (told["server"], told["lease"], told["protocols"]) == ("chaos-drills", True, ["tcp", "udp"])
    assert told["packet_loss"] in ("kernel", "stall")
    assert told["toxics"]["latency"] == {"protocols": ["tcp", "udp"], "attributes": ["latency", "jitter"]}
    assert told["toxics"]["duplicate"] == {"protocols": ["udp"], "attributes": ["rate"]}
    assert ask(server.port, "POST", "/capabilities").status == 405


def test_a_new_proxy_comes_with_its_toxics(server: Server) -> None:
    toxics = [
        {"type": "latency", "attributes": {"latency": 5}},
        {"type": "noop", "stream": "upstream", "lease_ms": 60_000},
    ]
    told = a_proxy(server, toxics=toxics).json["toxics"]
    assert [one["name"] for one in told] == ["noop_upstream", "latency_downstream"]
    assert 0 < told[0]["lease_ms"] <= 60_000
    assert "lease_ms" not in told[1]


def test_what_a_server_tells_of_its_proxies_populates_another(server: Server) -> None:
    a_proxy(server, "a", toxics=[{"type": "bandwidth", "toxicity": 0.25, "attributes": {"rate": 7}}])
    a_proxy(server, "b", enabled=False)
    a_proxy(server, "c", protocol="udp")
    before = ask(server.port, "GET", "/proxies").json
    for name in before:
        ask(server.port, "DELETE", f"/proxies/{name}")
    assert ask(server.port, "POST", "/populate", list(before.values())).status == 201
    assert ask(server.port, "GET", "/proxies").json == before


def test_a_toxic_removes_itself_when_its_lease_is_over(server: Server) -> None:
    a_proxy(server)
    reply = ask(server.port, "POST", "/proxies/a/toxics", {"type": "noop", "lease_ms": 500})
    assert 0 < reply.json["lease_ms"] <= 500
    assert eventually(lambda: ask(server.port, "GET", "/proxies/a/toxics").json == [])


def test_a_disabled_proxy_comes_back_by_itself(server: Server) -> None:
    a_proxy(server)
    reply = ask(server.port, "PATCH", "/proxies/a", {"enabled": False, "lease_ms": 500})
    assert (reply.json["enabled"], 0 < reply.json["lease_ms"] <= 500) == (False, True)
    assert eventually(lambda: ask(server.port, "GET", "/proxies/a").json["enabled"])


def test_udp_is_told_and_relayed(server: Server) -> None:
    with (
        closing(socket.socket(type=socket.SOCK_DGRAM)) as behind,
        closing(socket.socket(type=socket.SOCK_DGRAM)) as client,
    ):
        behind.bind(("127.0.0.1", 0))
        reply = a_proxy(server, protocol="udp", upstream=f"127.0.0.1:{behind.getsockname()[1]}")
        assert reply.json["protocol"] == "udp"
        for one in (behind, client):
            one.settimeout(5)
        client.sendto(b"datagram", ("127.0.0.1", port_of(reply)))
        assert behind.recv(100) == b"datagram"


def test_open_connections_and_live_counts_are_told(server: Server) -> None:
    with upstream(echo) as port:
        proxy = a_proxy(server, upstream=f"127.0.0.1:{port}")
        with closing(socket.create_connection(("127.0.0.1", port_of(proxy)), 5)) as client:
            client.sendall(b"seven b")
            assert client.recv(100) == b"seven b"
            (told,) = ask(server.port, "GET", "/proxies/a/connections").json
            assert str(client.getsockname()[1]) in json.dumps(told)
            said = ask(server.port, "GET", "/metrics").body.decode()
            labels = f'listener="{proxy.json["listen"]}",proxy="a",upstream="127.0.0.1:{port}"'
            for what in ("received", "sent"):
                for stream in ("upstream", "downstream"):
                    assert f'toxiproxy_proxy_{what}_bytes_total{{direction="{stream}",{labels}}} 7\n' in said
        assert eventually(lambda: ask(server.port, "GET", "/proxies/a/connections").json == [])
    assert ask(server.port, "GET", "/proxies/b/connections").status == 404


def test_metrics_are_well_formed(server: Server) -> None:
    a_proxy(server, 'we"ird\\\n')
    reply = ask(server.port, "GET", "/metrics")
    lines = reply.body.decode().splitlines()
    assert 'proxy="we\\"ird\\\\\\n"' in reply.body.decode()
    assert all(line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0 for line in lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


# Whom it lets in.

LOOPBACK = Access(loopback=True)
ANYWHERE = Access(loopback=False, own_names=["box.example.org"])


@pytest.mark.parametrize(
    ("host", "on_loopback", "anywhere"),
    [
        ("127.0.0.1:8474", True, True), ("127.9.9.9", True, True), ("localhost:1", True, True), ("LOCALHOST", True, True),
        ("[::1]:8474", True, True), ("app.localhost", True, False), ("", True, True), ("localhost.", True, True),
        ("10.0.0.1:8474", False, True), ("toxiproxy:8474", False, True), ("box.example.org", False, True),
        ("evil.example.org", False, False), ("127.0.0.1.evil.org", False, False), ("localhost.evil.org", False, False),
        ("[fe80::1]:80", False, True), ("1270.0.0.1.x", False, False),
    ],
)  # fmt: skip
def test_a_web_page_cannot_ask(host: str, on_loopback: bool, anywhere: bool) -> None:
    assert may_ask(host, LOOPBACK) is on_loopback
    assert may_ask(host, ANYWHERE) is anywhere


@pytest.mark.parametrize("path", ["/proxies", "/capabilities", "/metrics", "/reset"])
def test_a_foreign_host_is_turned_away(server: Server, path: str) -> None:
    method = "POST" if path == "/reset" else "GET"
    reply = ask(server.port, method, path, headers={"host": "evil.example.org:8474"})
    assert (reply.status, reply.body) == (403, b"Host not allowed\n")
    assert "x-toxiproxy-request-id" in reply.headers


# Bad days.


class Broken(Proxies):
    """One with a bug."""

    def __init__(self) -> None:
        super().__init__(lambda *_: 1 / 0)  # type: ignore[arg-type, return-value]

    def all(self) -> list[object]:  # type: ignore[override]
        raise RuntimeError('a "bug"')


@pytest.mark.parametrize(
    ("method", "path", "why"),
    [("GET", "/proxies", 'RuntimeError: a "bug"'), ("POST", "/proxies", "ZeroDivisionError: division by zero")],
)
def test_a_bug_of_ours_is_answered_and_logged(
    method: str, path: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer() -> Answer:
        api = Api(Broken(), LOOPBACK)
        found = api.answer(Request(method, path, {"host": "localhost"}, b'{"name":"a","upstream":"b"}', True))
        return found if isinstance(found, Answer) else await found

    found = asyncio.run(answer())
    assert (found.status, json.loads(found.body)) == (500, {"error": f"a bug of the server: {why}", "status": 500})
    assert "a request failed because of a bug" in caplog.text


def test_requests_that_take_too_long_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("injectors.proxy.api.ANSWER_S", 0.01)

    class Slow(Proxies):
        async def reset(self) -> None:
            await asyncio.sleep(60)

    async def answer() -> Answer:
        coming = Api(Slow(lambda *_: None), LOOPBACK).answer(Request("POST", "/reset", {}, b"", True))  # type: ignore[arg-type, return-value]
        assert not isinstance(coming, Answer)
        return await coming

    found = asyncio.run(answer())
    assert (found.status, json.loads(found.body)["error"]) == (503, "not done within 0.01 s")


def test_bodies_without_end_and_without_sense_leave_it_standing(server: Server) -> None:
    assert ask(server.port, "POST", "/proxies", b'{"name":"' + b"a" * (10 << 20)).status == 413
    assert ask(server.port, "POST", "/proxies", b"[" * (9 << 20)).status == 400
    assert ask(server.port, "POST", "/populate", b'{"a":' * 1_000_000).status == 400
    for junk in (
        b"\x00" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ):
        with closing(socket.create_connection(("127.0.0.1", server.port), 5)) as client:
            client.sendall(junk)


def test_a_client_that_stops_reading_keeps_no_control_call_waiting(server: Server) -> None:
    """It locks the original up for good."""

    def floods(client: socket.socket) -> None:
        while True:
            client.sendall(bytes(1 << 20))

    with upstream(floods) as port:
        proxy = a_proxy(server, upstream=f"127.0.0.1:{port}")
        ask(server.port, "POST", "/proxies/a/toxics", {"type": "latency", "name": "t", "attributes": {"latency": 10}})
        with closing(socket.create_connection(("127.0.0.1", port_of(proxy)))) as client:
            assert client.recv(1)
            time.sleep(0.2)
            began = time.monotonic()
            for method, path, body in (
                ("PATCH", "/proxies/a/toxics/t", {"toxicity": 1}), ("DELETE", "/proxies/a/toxics/t", None),
                ("POST", "/reset", None), ("GET", "/proxies", None), ("PATCH", "/proxies/a", {"enabled": False}),
            ):  # fmt: skip
                assert ask(server.port, method, path, body).status in (200, 204)
            assert time.monotonic() - began < 10


def test_an_address_in_use_is_said_and_the_proxy_is_not_there(server: Server) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        reply = a_proxy(server, listen=address)
    assert (reply.status, reply.json["error"]) == (500, f"listen tcp {address}: bind: address already in use")
    assert ask(server.port, "GET", "/proxies").body == b"{}"


def test_many_clients_at_once_leave_a_state_that_fits_together(server: Server) -> None:
    """Eight threads create, move, disable and delete four names; afterwards what is told is what listens."""
    ports = [free_port() for _ in range(4)]

    def work(number: int) -> None:
        for turn in range(25):
            name = f"p{(number + turn) % 4}"
            listen = f"127.0.0.1:{ports[(number + turn) % 4]}"
            ask(server.port, "POST", "/proxies", {"name": name, "listen": listen, "upstream": "127.0.0.1:1"})
            ask(server.port, "PATCH", f"/proxies/{name}", {"enabled": turn % 2 == 0})
            ask(server.port, "POST", f"/proxies/{name}/toxics", {"type": "latency", "name": f"t{number}"})
            if turn % 3 == 0:
                ask(server.port, "DELETE", f"/proxies/{name}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = ask(server.port, "GET", "/proxies").json
    for number, port in enumerate(ports):
        with closing(socket.socket()) as client:
            listens = client.connect_ex(("127.0.0.1", port)) == 0
        assert listens == told.get(f"p{number}", {"enabled": False})["enabled"]
