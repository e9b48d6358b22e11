"""What a stranger may throw at the server: it stays up, answers its API at once, goes on serving the others, says what is
wrong in a line, and keeps nothing of it.

All of it is said to a process of its own from outside. What `survivor` asserts when it is left is half of every test here.
"""

import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache

import pytest

from tests.injectors.processes import eventually
from tests.injectors.proxy.asking import ask, upstream
from tests.injectors.proxy.survivor import (
    PATIENCE_S,
    PROMPT_S,
    Survivor,
    as_many_descriptors_as_may_be,
    black_hole,
    crowd,
    datagrams,
    echoes,
    ends,
    exchanged,
    how_it_ended,
    reset,
    room_for,
    said_to,
    survivor,
)
from tests.injectors.toxiproxies import ROOT, embedded_toxiproxy
from tests.ports import free_port
from tests.real import need

LOCAL = b"Host: localhost\r\n"
CHUNKED = b"POST /proxies HTTP/1.1\r\n" + LOCAL + b"Transfer-Encoding: chunked\r\n\r\n"


# Crowds.


def test_ten_thousand_who_say_nothing() -> None:
    """A toxic reaches all of them, its removal too, and so does the end of their proxy.

    A few hundred less, where no more than 20,000 descriptors may be had: each of them takes two, here and there.
    """
    most = as_many_descriptors_as_may_be()
    number = min(10_000, most // 2 - 100)
    need("RLIMIT_NOFILE of 20000", number > 9_800)
    with survivor("-proxy-metrics", grows_mib=100) as one, room_for(most), crowd() as many:
        one.allow_descriptors(most)
        port = one.proxy("crowd", many.upstream_port)
        many.join(port, number)
        one.serves()
        assert one.add("crowd", "latency", latency=600_000).status == 200
        for theirs in many.arrived:
            theirs.send(b"x")
        assert eventually(lambda: counted(one, "received", "downstream", "crowd") == number, PATIENCE_S)
        assert many.ready() == 0
        assert one.ask("DELETE", "/proxies/crowd/toxics/latency_downstream").status == 204
        assert eventually(lambda: many.ready() == number, PATIENCE_S), many.ready()
        assert all(client.recv(2) == b"x" for client in many.clients)
        assert len(one.ask("GET", "/proxies/crowd/connections").json) == number
        assert one.ask("DELETE", "/proxies/crowd").status == 204
        assert eventually(lambda: many.ready() == number, PATIENCE_S), many.ready()
        assert all(client.recv(2) == b"" for client in many.clients)


def test_what_a_crowd_took_serves_the_next_crowd() -> None:
    """Memory that a first crowd has used may stay with the process; a second one may not need more again."""
    with survivor() as one, room_for(4_000), crowd() as many:
        port = one.proxy("crowd", many.upstream_port)
        one.add("crowd", "latency", latency=1)
        before = one.descriptors()
        after = []
        for _ in range(10):
            many.join(port, 1_000)
            many.leave()
            assert eventually(lambda: one.descriptors() <= before, PATIENCE_S)
            after.append(one.memory_mib())
        assert after[-1] - after[0] < 25, after  # those of nine crowds would be twice as much


@pytest.mark.parametrize("odd", [0, 1])
def test_without_descriptors_it_says_so_and_goes_on(odd: int) -> None:
    """Whether the last one is missing for a client or for its upstream."""
    with survivor() as one, crowd() as many, ExitStack() as stack:
        port = one.proxy("crowd", many.upstream_port)
        beside = one.proxy("beside", one.echo_port)
        settled = stack.enter_context(closing(socket.create_connection(("127.0.0.1", beside))))
        assert exchanged(settled)
        for _ in range(odd):
            stack.enter_context(closing(socket.create_connection(("127.0.0.1", one.server.port))))
        one.allow_descriptors(200)
        many.join(port, 300, all_served=False)
        assert eventually(lambda: len(complaints(one)) > 0, PATIENCE_S)
        assert one.ask("GET", "/version").status == 200
        assert one.add("beside", "latency", latency=1).status == 200
        assert exchanged(settled)
        time.sleep(1)  # for as many complaints as there will be
        assert 1 <= len(complaints(one)) < 100
        many.leave()
        assert eventually(lambda: echoes(beside), PATIENCE_S)


def test_udp_clients_do_not_take_the_last_descriptors() -> None:
    with survivor() as one, datagrams(lambda data: [data]) as there, ExitStack() as stack:
        port = one.proxy("datagrams", there, protocol="udp")
        one.allow_descriptors(100)
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(200)]
        for client in clients:
            client.sendto(b"hello", ("127.0.0.1", port))
        assert eventually(lambda: len(complaints(one)) > 0, PATIENCE_S)
        assert len(complaints(one)) == 1
        assert one.ask("GET", "/version").status == 200
        assert one.ask("DELETE", "/proxies/datagrams").status == 204


def test_idle_control_connections_end_and_then_it_goes_on() -> None:
    """They are cut off after 15 s, or when they go; until then it may answer nobody new, and says so."""
    with survivor() as one, ExitStack() as stack:
        port = one.proxy("beside", one.echo_port)
        one.allow_descriptors(100)
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", one.server.port))) for _ in range(150)]
        assert eventually(lambda: len(complaints(one)) > 0, PATIENCE_S)
        time.sleep(1)  # for as many complaints as there will be
        assert len(complaints(one)) == 1
        for client in idle:
            reset(client)
        assert echoes(port)


def complaints(one: Survivor) -> list[str]:
    """The lines of the log about descriptors."""
    return [line for line in one.log().splitlines() if re.search("open files|descriptor", line)]


def counted(one: Survivor, what: str, stream: str, proxy: str) -> int:
    """Bytes, by the metrics."""
    told = one.ask("GET", "/metrics").body.decode()
    name = f'toxiproxy_proxy_{what}_bytes_total{{direction="{stream}",listener="[^"]*",proxy="{proxy}",'
    found = re.search(rf"^{name}[^}}]*}} (\d+)$", told, re.MULTILINE)
    assert found, told
    return int(found[1])


# Who reads nothing.

_FLOOD_BLOCKS = 192
_BLOCK = random.Random(1).randbytes(1024 * 1024)


def flood(client: socket.socket) -> None:
    """Send 192 MiB, no two of them alike."""
    for i in range(_FLOOD_BLOCKS):
        client.sendall(i.to_bytes(8) + _BLOCK)


@lru_cache
def flood_sum() -> int:
    """Of all that comes."""
    found = 0
    for i in range(_FLOOD_BLOCKS):
        found = zlib.crc32(_BLOCK, zlib.crc32(i.to_bytes(8), found))
    return found


def sum_of(client: socket.socket) -> tuple[int, int]:
    """How many bytes come until the end, and their checksum."""
    client.settimeout(PATIENCE_S)
    size, found, buffer = 0, 0, memoryview(bytearray(1024 * 1024))
    while got := client.recv_into(buffer):
        size, found = size + got, zlib.crc32(buffer[:got], found)
    return size, found


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("noop", {}, {}),
        ("latency", {"latency": 20}, {"latency": 5, "jitter": 5}),
        ("bandwidth", {"rate": 20_000}, {"rate": 30_000}),
        ("slicer", {"average_size": 4_000, "size_variation": 1_000}, {"average_size": 5_000}),
    ],
)
def test_a_stalled_reader_costs_nobody_anything_and_misses_no_byte(
    kind: str, first: dict[str, int], then: dict[str, int]
) -> None:
    with survivor(grows_mib=150) as one, upstream(flood) as there:
        port = one.proxy("flood", there)
        beside = one.proxy("beside", one.echo_port)
        before = one.memory_mib()
        with closing(socket.create_connection(("127.0.0.1", port))) as stalled:
            most = 0.0
            for _ in range(8):
                assert one.add("flood", kind, "it", **first).status == 200
                at_rest(one, "flood")
                assert one.ask("PATCH", "/proxies/flood/toxics/it", {"attributes": then}).status == 200
                assert echoes(beside)
                assert one.ask("DELETE", "/proxies/flood/toxics/it").status == 204
                most = max(most, one.memory_mib())
            assert most - before < 150, most - before
            assert sum_of(stalled) == (_FLOOD_BLOCKS * (len(_BLOCK) + 8), flood_sum())


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("latency", {"latency": 20}),
        ("bandwidth", {"rate": 100_000}),
        ("slicer", {"average_size": 4_000}),
        ("packet_loss", {"loss_rate": 0, "correlation": 1}),
    ],
)
def test_updates_while_a_reader_stalls_lose_nothing(kind: str, given: dict[str, int]) -> None:
    """Each hands on what was being delayed; that may neither pile up nor end in nothing being read any more."""
    with survivor(grows_mib=80) as one, upstream(flood) as there:
        port = one.proxy("flood", there)
        before = one.memory_mib()
        with closing(socket.create_connection(("127.0.0.1", port))) as stalled:
            assert one.add("flood", kind, "it", **given).status == 200
            at_rest(one, "flood")
            for _ in range(300):
                assert one.ask("PATCH", "/proxies/flood/toxics/it", {"attributes": given}).status == 200
            assert one.memory_mib() - before < 80
            assert sum_of(stalled) == (_FLOOD_BLOCKS * (len(_BLOCK) + 8), flood_sum())


def test_many_stalled_readers_together() -> None:
    """What waits for them waits in the kernel."""
    with survivor(grows_mib=150) as one, upstream(flood) as there, ExitStack() as stack:
        port = one.proxy("flood", there)
        before = one.memory_mib()
        stalled = [stack.enter_context(closing(socket.create_connection(("127.0.0.1", port)))) for _ in range(30)]
        at_rest(one, "flood")
        assert one.memory_mib() - before < 60
        one.serves()
        for client in stalled:
            reset(client)


def at_rest(one: Survivor, proxy: str) -> None:
    """Wait until nothing is read from the upstream of this proxy any more, or 20 ms of little at least."""
    now, until = -1, time.monotonic() + 1.0
    while time.monotonic() < until:
        told = one.ask("GET", f"/proxies/{proxy}/connections").json
        before, now = now, sum(each["received"]["downstream"] for each in told)
        if now - before <= 10_000:
            return
        time.sleep(0.02)


# Upstreams that are not there.


def test_a_black_holed_upstream_keeps_nobody_else_waiting() -> None:
    with survivor() as one, black_hole() as nowhere, ExitStack() as stack:
        port = one.proxy("hole", nowhere)
        beside = one.proxy("beside", one.echo_port)

        def stuck(number: int = 30) -> list[socket.socket]:
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(number)]
            assert eventually(lambda: len(one.ask("GET", "/proxies/hole/connections").json) >= number, PATIENCE_S)
            return clients

        waiting = stuck()
        assert echoes(beside)
        assert one.ask("PATCH", "/proxies/hole", {"upstream": f"127.0.0.1:{one.echo_port}"}).status == 200
        assert echoes(port)
        assert all(map(ends, waiting))
        assert one.ask("PATCH", "/proxies/hole", {"upstream": f"127.0.0.1:{nowhere}"}).status == 200
        waiting = stuck()
        assert one.ask("PATCH", "/proxies/hole", {"enabled": False}).status == 200
        assert all(map(ends, waiting))
        assert one.ask("POST", "/reset").status == 204
        waiting = stuck()
        assert one.ask("POST", "/reset").status == 204
        assert one.add("hole", "latency", latency=1).status == 200
        assert one.ask("DELETE", "/proxies/hole").status == 204
        assert all(map(ends, waiting))


def test_an_upstream_that_is_down_is_said_in_a_line() -> None:
    with survivor() as one:
        nobody = free_port()
        port = one.proxy("down", nobody)
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            assert ends(client)
        (said,) = [line for line in one.log().splitlines() if str(nobody) in line]
        assert said.endswith(f"down: dial tcp 127.0.0.1:{nobody}: connect: Connection refused")


@pytest.mark.parametrize(
    "upstream",
    ["[::1%\0]:1", "[::1%99999999999999999999]:1", "[::1%" + "9" * 5000 + "]:1", "\0", ":\0", "[", "127.0.0.1:-1"],
)
def test_an_address_that_is_none_is_no_bug_of_ours(upstream: str) -> None:
    """An upstream may be anything until somebody connects; where to listen may not."""
    with survivor() as one:
        body = {"name": "odd", "listen": "127.0.0.1:0", "upstream": upstream}
        reply = one.ask("POST", "/proxies", body)
        assert reply.status == 201
        with closing(socket.create_connection(("127.0.0.1", int(reply.json["listen"].rpartition(":")[2])))) as client:
            assert ends(client)
        there = one.ask("POST", "/proxies", {"name": "there", "listen": upstream, "upstream": "127.0.0.1:1"})
        assert there.status in (201, 500)


# The control port.

_MOST = b"[" + b"1," * 3_000_000


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(random.Random(5).randbytes(5_000) + b"\r\n\r\n", 400, id="random bytes"),
        pytest.param(bytes.fromhex("1603010200010001fc0303") + bytes(500), None, id="a TLS hello"),
        pytest.param(b"GET /version\r\n\r\n", 400, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, id="HTTP/2"),
        pytest.param(b"GET /version HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET /version HTTP/1.1\r\n" + LOCAL + b"X: " + b"x" * 1_000_000, 431, id="endless header"),
        pytest.param(b"GET /version HTTP/1.1\r\n" + b"X: y\r\n" * 300_000, 431, id="endless headers"),
        pytest.param(b"GET /version\0 HTTP/1.1\r\n" + LOCAL + b"\r\n", 400, id="NUL in the path"),
        pytest.param(b"GET /version HTTP/1.1\r\nX\0: y\r\n" + LOCAL + b"\r\n", 400, id="NUL in a header"),
        pytest.param(b"GET /proxies/%00 HTTP/1.1\r\n" + LOCAL + b"\r\n", 404, id="escaped NUL in the path"),
        pytest.param(b"GET /proxies/%zz HTTP/1.1\r\n" + LOCAL + b"\r\n", 400, id="broken escape"),
        pytest.param(b"GET /proxies/%ff HTTP/1.1\r\n" + LOCAL + b"\r\n", 404, id="no UTF-8 in the path"),
        pytest.param(b"GET /" + b"../" * 10_000 + b" HTTP/1.1\r\n" + LOCAL + b"\r\n", 301, id="far up"),
        pytest.param(b"HEAD /version HTTP/1.1\r\n" + LOCAL + b"\r\n", 405, id="HEAD"),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n" + LOCAL + b"\r\n", 200, id="OPTIONS *"),
        pytest.param(b"CONNECT shop.example:80 HTTP/1.1\r\n" + LOCAL + b"\r\n", 400, id="CONNECT"),
        pytest.param(b"GET http://localhost HTTP/1.1\r\n" + LOCAL + b"\r\n", 404, id="no path"),
        pytest.param(b"GET ?query HTTP/1.1\r\n" + LOCAL + b"\r\n", 400, id="a query only"),
        pytest.param(b"POST /reset HTTP/1.1\r\n" + LOCAL + b"Content-Length: -1\r\n\r\n", 400, id="less than no body"),
        pytest.param(b"POST /reset HTTP/1.1\r\n" + LOCAL + b"Content-Length: 1e3\r\n\r\n", 400, id="length of 1e3"),
        pytest.param(b"POST /reset HTTP/1.1\r\n" + LOCAL + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000), 413, id="long"),
        pytest.param(b"POST /reset HTTP/1.1\r\n" + LOCAL + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n", 400, id="lengths"),
        pytest.param(b"POST /proxies HTTP/1.1\r\n" + LOCAL + b"Content-Length: 9\r\n\r\n{}", None, id="short body"),
        pytest.param(b"POST /proxies HTTP/1.1\r\n" + LOCAL + b"Content-Length: 2\r\n\r\n{}{}{}", 400, id="long body"),
        pytest.param(CHUNKED + b"zz\r\n", 400, id="no chunk"),
        pytest.param(CHUNKED + b"-1\r\n\r\n", 400, id="less than no chunk"),
        pytest.param(CHUNKED + b"f" * 15 + b"\r\n", 413, id="endless chunk"),
        pytest.param(b"POST /proxies HTTP/1.1\r\n" + LOCAL + b"Transfer-Encoding: gzip\r\n\r\n", 400, id="another encoding"),
    ],
)  # fmt: skip
def test_garbage_on_the_control_port(stranger: Survivor, sent: bytes, status: int | None) -> None:
    """None: it is not whole, or HTTP leaves it open; then it may also be ended without a word."""
    answered = said_to(stranger.server.port, sent)
    assert not answered or answered.startswith(b"HTTP/1.1 ")
    if status is not None:
        assert answered[9:12] == b"%d" % status, answered[:200]
    assert stranger.ask("GET", "/version").status == 200


@pytest.fixture(scope="module")
def stranger() -> Iterator[Survivor]:
    """One server for all the garbage; what the largest bodies took may stay with the process."""
    with survivor(grows_mib=100) as one:
        yield one


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"[" * 100 + b"]" * 100, 400, id="100 deep"),
        pytest.param(b'{"name":' * 100 + b"1" + b"}" * 100, 400, id="100 deep in names"),
        pytest.param(b"[" * 200_000, 400, id="200,000 deep"),
        pytest.param(b'{"name":"\xff\xfe","upstream":"\xc0\x80","enabled":false}', 201, id="no UTF-8"),
        pytest.param(b'{"name":"\\ud800","upstream":"\\udfff","enabled":false}', 201, id="half characters"),
        pytest.param(b'{"name":"\\u0000","upstream":"\\u0000","enabled":false}', 201, id="NUL"),
        pytest.param(b'{"name":"a\\r\\n\\u001b[2J","upstream":"x","enabled":false}', 201, id="control characters"),
        pytest.param(b"\xef\xbb\xbf{}", 400, id="a byte order mark"),
        pytest.param(b'{"name":"n","upstream":"u","enabled":' + b"9" * 100_000 + b"}", 400, id="long number"),
        pytest.param(b'{"name":"n","upstream":"u","lease_ms":1e999999999}', 400, id="large number"),
        pytest.param(b"", 400, id="none"),
        pytest.param(b"null", 400, id="null"),
        pytest.param(b"NaN", 400, id="NaN"),
    ],
)
def test_json_that_is_none(stranger: Survivor, body: bytes, status: int) -> None:
    assert stranger.ask("POST", "/proxies", body).status == status
    stranger.serves()


def test_a_body_larger_than_any_is_refused_before_it_is_read(stranger: Survivor) -> None:
    head = b"POST /populate HTTP/1.1\r\n" + LOCAL + b"Content-Length: 20000000\r\n\r\n"
    answered = said_to(stranger.server.port, head + b"[" + b"{}," * 6_666_666 + b"]")
    assert answered == b"" or answered.startswith(b"HTTP/1.1 413 ")  # the reset may overtake what was said before it
    stranger.serves()


@pytest.mark.parametrize("end", [b"1]", b"x]", b""])
def test_the_largest_body_keeps_the_others_waiting_a_moment_only(stranger: Survivor, end: bytes) -> None:
    port = stranger.proxy("beside", stranger.echo_port)
    refused = []
    asking = threading.Thread(
        target=lambda: refused.append(ask(stranger.server.port, "POST", "/populate", _MOST + end))
    )
    with closing(socket.create_connection(("127.0.0.1", port))) as beside:
        assert exchanged(beside)
        asking.start()
        worst_s = 0.0
        while asking.is_alive():
            begun = time.monotonic()
            assert exchanged(beside)
            worst_s = max(worst_s, time.monotonic() - begun)
            time.sleep(0.01)
        asking.join()
    assert refused[0].status in (400, 413)
    assert worst_s < PROMPT_S, worst_s
    assert stranger.ask("DELETE", "/proxies/beside").status == 204


def test_requests_in_one_piece_are_all_answered(stranger: Survivor) -> None:
    piece = b"".join(b"GET /proxies/%d HTTP/1.1\r\n%s\r\n" % (i, LOCAL) for i in range(500))
    answered = said_to(stranger.server.port, piece)
    assert answered.count(b"HTTP/1.1 404 Not Found\r\n") == 500


def test_who_closes_his_half_is_answered(stranger: Survivor) -> None:
    for request in (b"GET /version", b"POST /reset"):
        assert said_to(stranger.server.port, request + b" HTTP/1.1\r\n" + LOCAL + b"\r\n").startswith(b"HTTP/1.1 20")


def test_slow_clients_take_nothing_from_the_others(stranger: Survivor) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", stranger.server.port))) for _ in range(300)]
        for piece in (b"POST /pro", b"xies HTTP/1.1\r\nHo", b"st: localhost\r\nContent-Length: 100\r\n\r\n", b"{"):
            for client in slow:
                client.sendall(piece)
            assert stranger.ask("GET", "/version").status == 200
        for client in slow[::2]:
            reset(client)
        stranger.serves()


def test_who_reads_no_answers_is_given_no_more(stranger: Survivor) -> None:
    for i in range(20):
        body = {"name": f"{i}" * 5000, "upstream": "x", "enabled": False}
        assert stranger.ask("POST", "/proxies", body).status == 201
    before = stranger.memory_mib()
    with ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", stranger.server.port)))
            client.settimeout(0.5)
            with suppress(TimeoutError):
                client.sendall((b"GET /proxies HTTP/1.1\r\n" + LOCAL + b"\r\n") * 50_000)
        assert stranger.ask("GET", "/version").status == 200
        assert stranger.memory_mib() - before < 40


_SEEDS: tuple[bytes, ...] = tuple(
    b"%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (line, len(body), body)
    for line, body in (
        (b"GET /proxies", b""),
        (b"GET /proxies/it/toxics/latency_downstream", b""),
        (b"GET /capabilities", b""),
        (b"POST /reset", b""),
        (b"DELETE /proxies/it/toxics/latency_downstream", b""),
        (b"PATCH /proxies/it", b'{"enabled":false,"lease_ms":50}'),
        (b"POST /proxies", b'{"name":"it","upstream":"x","enabled":false,"toxics":[{"type":"noop"}]}'),
        (b"POST /populate", b'[{"name":"a","upstream":"b","enabled":false,"protocol":"udp"}]'),
        (b"POST /proxies/it/toxics", b'{"type":"latency","toxicity":0.5,"attributes":{"latency":5,"jitter":2}}'),
        (b"POST /proxies/it/toxics", b'{"type":"slicer","stream":"upstream","attributes":{"average_size":9}}'),
        (b"POST /proxies/it/toxics", b'{"type":"packet_loss","lease_ms":9,"attributes":{"loss_rate":0.1}}'),
        (b"PATCH /proxies/it/toxics/latency_downstream", b'{"attributes":{"latency":1},"toxicity":0}'),
    )
)
"""None says where to listen: a name would be asked for beyond this host."""
_FRAGMENTS = (
    b"\0", b"\r\n", b"\n", b"\r\n\r\n", b" ", b"%", b"%00", b"/", b"//", b"..", b"{", b"}", b"[", b"]", b'"', b",", b":", b"-1",
    b"1e400", b"-0", b"9223372036854775807", b"-9223372036854775808", b"0.1", b"null", b"true", b"\\u0000", b"\\ud800", b"\xff",
    b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
)  # fmt: skip


def mutated(source: random.Random) -> bytes:
    """A request that is wrong in up to four places; now and then only a part of it, or two in one."""
    data = bytearray(source.choice(_SEEDS))
    for _ in range(source.randrange(5)):
        at = source.randrange(len(data) + 1)
        match source.randrange(4):
            case 0:
                data[at:at] = source.choice(_FRAGMENTS)
            case 1:
                del data[at : at + source.randrange(1, 12)]
            case 2:
                data[at : at + 1] = source.randbytes(1)
            case _:
                data[at:at] = data[at : at + source.randrange(40)]
    if source.random() < 0.1:
        del data[source.randrange(len(data) + 1) :]
    return bytes(data) + (source.choice(_SEEDS) if source.random() < 0.1 else b"")


@pytest.mark.parametrize("seed", range(4))
def test_requests_that_are_nearly_right(stranger: Survivor, seed: int) -> None:
    source = random.Random(seed)
    stranger.proxy("it", stranger.echo_port)
    for _ in range(200):
        sent = mutated(source)
        answered = said_to(stranger.server.port, sent)
        assert not answered or re.match(rb"HTTP/1\.1 [1-5]\d\d ", answered), sent
        assert b" 500 " not in answered.partition(b"\r\n")[0], (sent, answered)
    stranger.serves()
    for name in stranger.ask("GET", "/proxies").json:
        with suppress(UnicodeEncodeError):
            stranger.ask("DELETE", "/proxies/" + "".join(f"%{byte:02x}" for byte in name.encode()))


# Addresses in use.


def test_an_api_port_in_use_is_said_in_a_sentence() -> None:
    with survivor() as one:
        words = [sys.executable, "-m", "injectors.proxy", "-host", "127.0.0.1", "-port", str(one.server.port)]
        second = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == (
            f"the API cannot be served: listen tcp 127.0.0.1:{one.server.port}: bind: address already in use; "
            "another -port can be named\n"
        )


def test_a_proxys_port_in_use_is_said_and_the_proxy_is_not_there() -> None:
    with survivor() as one, socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        said = f"listen tcp {listen}: bind: address already in use"
        good = {"name": "good", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{one.echo_port}"}
        bad = {**good, "name": "bad", "listen": listen}
        refused = one.ask("POST", "/proxies", bad)
        assert (refused.status, refused.json) == (500, {"error": said, "status": 500})
        assert one.ask("GET", "/proxies").json == {}
        refused = one.ask("POST", "/populate", [good, bad, {**good, "name": "third"}])
        assert (refused.status, refused.json["error"]) == (500, said)
        assert [proxy["name"] for proxy in refused.json["proxies"]] == ["good"]
        (only,) = one.ask("GET", "/proxies").json.values()
        assert echoes(int(only["listen"].rpartition(":")[2]))
        taken.close()
        assert one.ask("POST", "/proxies", bad).status == 201


# Toxics that were the end of the original.

_DEADLY = [
    ("slicer", {}, {"average_size": 0}),
    ("slicer", {"average_size": 10, "size_variation": 11}, {"size_variation": 1_001}),
    ("slicer", {"average_size": -1}, {"average_size": -1}),
    ("slicer", {"average_size": 10, "size_variation": -1}, {"size_variation": -1}),
    ("bandwidth", {"rate": -1}, {"rate": -1}),
    ("latency", {"latency": 1, "jitter": 2**62}, {"jitter": 2**62}),
    ("latency", {"latency": 2**63}, {"latency": 2**63}),
]
_HARMLESS = {
    "slicer": {"average_size": 1_000, "size_variation": 10, "delay": 0},
    "bandwidth": {"rate": 10_000},
    "latency": {"latency": 1, "jitter": 0},
}


@pytest.mark.parametrize(("kind", "given", "change"), _DEADLY)
def test_a_deadly_toxic_is_refused_and_nothing_of_it_applied(
    kind: str, given: dict[str, int], change: dict[str, int]
) -> None:
    with survivor() as one:
        port = one.proxy("it", one.echo_port)
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            refused = one.ask("POST", "/proxies/it/toxics", {"type": kind, "attributes": given})
            assert refused.status == 400
            assert refused.json["error"].startswith("bad request body: ")
            assert one.ask("GET", "/proxies/it/toxics").json == []

            assert one.add("it", kind, "toxic", **_HARMLESS[kind]).status == 200
            before = one.ask("GET", "/proxies/it/toxics").json
            body = {
                "attributes": {**change, **dict.fromkeys(_HARMLESS[kind].keys() - change.keys(), 7)},
                "toxicity": 0.5,
            }
            assert one.ask("PATCH", "/proxies/it/toxics/toxic", body).status == 400
            assert one.ask("GET", "/proxies/it/toxics").json == before

            toxics = [{"type": "noop"}, {"type": kind, "attributes": given}]
            good = {"name": "good", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
            refused = one.ask("POST", "/populate", [good, {**good, "name": "bad", "toxics": toxics}])
            assert (refused.status, refused.json["proxies"]) == (400, None)
            assert list(one.ask("GET", "/proxies").json) == ["it"]
            assert exchanged(client, b"x" * 100_000)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("latency", {"latency": -(2**63), "jitter": -(2**63)}),
        ("latency", {"latency": 2**63 - 1, "jitter": 2**62 - 1}),
        ("bandwidth", {"rate": 2**63 - 1}),
        ("bandwidth", {"rate": 0}),
        ("slicer", {"average_size": 2**63 - 1, "size_variation": 2**63 - 1, "delay": 2**63 - 1}),
        ("slicer", {"average_size": 1, "size_variation": 1, "delay": -(2**63)}),
        ("slow_close", {"delay": 2**63 - 1}),
        ("slow_close", {"delay": -(2**63)}),
        ("timeout", {"timeout": 2**63 - 1}),
        ("timeout", {"timeout": -(2**63)}),
        ("reset_peer", {"timeout": 2**63 - 1}),
        ("reset_peer", {"timeout": -(2**63)}),
        ("limit_data", {"bytes": 2**63 - 1}),
        ("limit_data", {"bytes": -(2**63)}),
        ("shared_bandwidth", {"rate": 2**63 - 1}),
    ],
)
def test_the_largest_figures_that_are_taken_do_no_harm(kind: str, given: dict[str, int]) -> None:
    """With data under way in both directions and an end while it is."""
    with survivor() as one:
        port = one.proxy("it", one.echo_port)
        for stream in ("upstream", "downstream"):
            toxic = {"type": kind, "stream": stream, "attributes": given}
            assert one.ask("POST", "/proxies/it/toxics", toxic).status == 200
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            with suppress(OSError):
                client.sendall(b"x" * 100_000)
            time.sleep(0.05)  # for what would happen to happen
            for stream in ("upstream", "downstream"):
                changed = {"attributes": given, "toxicity": 1}
                assert one.ask("PATCH", f"/proxies/it/toxics/{kind}_{stream}", changed).status == 200
        one.serves()
        assert one.ask("POST", "/reset").status == 204
        assert eventually(lambda: one.ask("GET", "/proxies/it/connections").json == [], PATIENCE_S)


# Signals.


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_while_a_thousand_are_connected(number: signal.Signals) -> None:
    with embedded_toxiproxy() as server, room_for(4_000), crowd() as many:
        one = Survivor(server, 0)
        port = one.proxy("crowd", many.upstream_port)
        one.add("crowd", "latency", latency=60_000)
        many.join(port, 1_000)
        for theirs in many.arrived:
            theirs.send(b"held")
        os.kill(server.pid, number)
        assert eventually(lambda: how_it_ended(server.pid) is not None, PROMPT_S)
        assert how_it_ended(server.pid) == (0, 0)
        assert eventually(lambda: many.ready() == 1_000, PATIENCE_S)
        assert [line for line in one.log().splitlines() if "ERROR" in line or "Traceback" in line] == []


def test_a_hangup_ends_it_as_it_ends_the_original() -> None:
    """Go's programs die of it unless they ask not to, and the original does not ask; nor does `nohup` miss anything here."""
    with embedded_toxiproxy() as server:
        os.kill(server.pid, signal.SIGHUP)
        assert eventually(lambda: how_it_ended(server.pid) is not None, PROMPT_S)
        assert how_it_ended(server.pid) == (signal.SIGHUP, 0)


# People who vanish.


@pytest.mark.parametrize("toxic", [None, ("latency", {"latency": 20}), ("bandwidth", {"rate": 5_000})])
@pytest.mark.parametrize("who", ["client", "upstream", "both"])
def test_ends_that_vanish_in_mid_transfer(toxic: tuple[str, dict[str, int]] | None, who: str) -> None:
    with survivor() as one, crowd() as many:
        port = one.proxy("it", many.upstream_port)
        if toxic:
            one.add("it", toxic[0], **toxic[1])
        many.join(port, 60)
        for sock in (*many.clients, *many.arrived):
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.send(b"x" * 1_000_000)
        leaving = {"client": many.clients, "upstream": many.arrived, "both": [*many.clients, *many.arrived]}[who]
        staying = {"client": many.arrived, "upstream": many.clients, "both": []}[who]
        for sock in leaving:
            reset(sock)
        one.serves()
        assert all(map(ends, staying))
        assert eventually(lambda: one.ask("GET", "/proxies/it/connections").json == [], PATIENCE_S)


def test_five_hundred_who_connect_and_reset_at_once() -> None:
    with survivor() as one:
        port = one.proxy("it", one.echo_port)
        for _ in range(500):
            reset(socket.create_connection(("127.0.0.1", port)))
        assert echoes(port)
        assert eventually(lambda: one.ask("GET", "/proxies/it/connections").json == [], PATIENCE_S)


def test_resets_while_the_toxics_change() -> None:
    """Those who come, go and are spoiled in the same moment."""
    with survivor() as one, upstream(rude) as there:
        port = one.proxy("it", there)
        ended = threading.Event()

        def come_and_go() -> None:
            while not ended.wait(0.001):
                client = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
                with suppress(OSError):
                    client.sendall(b"x" * 10_000)
                reset(client)

        thread = threading.Thread(target=come_and_go)
        thread.start()
        try:
            for round_ in range(12):
                for kind, given in (
                    ("latency", {"latency": 5}), ("slicer", {"average_size": 100}), ("bandwidth", {"rate": 50}),
                    ("limit_data", {"bytes": 1_000}), ("reset_peer", {"timeout": 1}), ("timeout", {"timeout": 1}),
                    ("slow_close", {"delay": 2}), ("shared_bandwidth", {"rate": 100}),
                ):  # fmt: skip
                    stream = ("upstream", "downstream")[round_ % 2]
                    toxic = {"name": kind, "type": kind, "stream": stream, "attributes": given}
                    assert one.ask("POST", "/proxies/it/toxics", toxic).status == 200
                if round_ % 3 == 0:
                    assert one.ask("POST", "/reset").status == 204
                else:
                    for told in one.ask("GET", "/proxies/it/toxics").json:
                        assert one.ask("DELETE", f"/proxies/it/toxics/{told['name']}").status == 204
        finally:
            ended.set()
            thread.join(PATIENCE_S)
        assert eventually(lambda: one.ask("GET", "/proxies/it/connections").json == [], PATIENCE_S)


def rude(client: socket.socket) -> None:
    """Say something and leave without having listened, which is a reset."""
    client.sendall(b"y" * 10_000)


# Datagrams.


@contextmanager
def datagram_client(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(0.2)
        yield client


def comes_back(client: socket.socket, said: bytes) -> bool:
    """Whether it does, said again as long as it does not."""

    def once() -> bool:
        with suppress(OSError):
            client.send(said)
            while client.recv(65_536) != said:
                pass
            return True
        return False

    return eventually(once, PATIENCE_S)


@pytest.mark.parametrize("size", [0, 1, 65_507])
def test_datagrams_of_any_size(size: int) -> None:
    with survivor() as one, datagrams(lambda data: [data]) as there:
        port = one.proxy("it", there, protocol="udp")
        with datagram_client(port) as client:
            assert comes_back(client, b"x" * size)
            one.add("it", "latency", latency=1)
            assert comes_back(client, b"y" * size)


def test_a_flood_of_datagrams() -> None:
    """What does not fit is dropped, as on any road; the others and the API have their turn."""
    with survivor(grows_mib=100) as one, datagrams(lambda data: [data] * 3 if len(data) > 1_000 else [data]) as there:
        port = one.proxy("it", there, protocol="udp")
        one.add("it", "latency", latency=1_000_000)
        with datagram_client(port) as client:
            for i in range(20_000):
                with suppress(OSError):
                    client.send(struct.pack("!I", i) * (1 if i % 2 else 2_000))
            one.serves()
            assert one.ask("POST", "/reset").status == 204
            assert comes_back(client, b"well?")
        assert len([line for line in one.log().splitlines() if "dropped" in line]) < 10


def test_datagrams_for_nobody_are_said_in_a_line() -> None:
    with survivor() as one:
        port = one.proxy("it", free_port(), protocol="udp")
        with datagram_client(port) as client:

            def said() -> list[str]:
                with suppress(OSError):
                    client.send(b"anybody?")
                return [line for line in one.log().splitlines() if "datagrams are dropped" in line]

            assert eventually(lambda: len(said()) > 0, PATIENCE_S)
            for _ in range(100):
                said()
            assert len(said()) == 1
            assert "Connection refused" in said()[0]


def test_many_clients_of_datagrams() -> None:
    """Each of them has a socket at the server until a minute has passed, or its proxy is gone."""
    with survivor() as one, room_for(4_000), ExitStack() as stack:
        here = stack.enter_context(datagrams(lambda data: [data]))
        port = one.proxy("it", here, protocol="udp")
        for _ in range(1_000):
            client = stack.enter_context(datagram_client(port))
            client.send(random.Random(7).randbytes(100))
        one.serves()
        assert comes_back(client, b"well?")
        assert one.ask("DELETE", "/proxies/it").status == 204


# Who may ask.


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:8474", 200), ("127.0.0.1:1", 200), ("127.9.9.9", 200), ("[::1]:8474", 200),
        ("shop.localhost", 200), ("localhost.", 200),
        ("evil.example", 403), ("evil.example:8474", 403), ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403),
        ("169.254.169.254", 403), ("localhostx", 403), ("toxiproxy", 403), ("[::2]", 403), ("xn--localhost-9za", 403),
    ],
)  # fmt: skip
def test_only_those_who_ask_for_this_host_are_answered(stranger: Survivor, host: str, status: int) -> None:
    """Else any web page could have its own name lead here."""
    reply = stranger.ask("GET", "/proxies", headers={"host": host})
    assert reply.status == status
    if status == 403:
        assert reply.body == b"Host not allowed\n"


@pytest.mark.parametrize("path", ["/proxies", "/version", "/capabilities", "/proxies/nobody/toxics"])
def test_browsers_are_refused(stranger: Survivor, path: str) -> None:
    reply = stranger.ask("GET", path, headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"})
    assert (reply.status, reply.body) == (403, b"User agent not allowed\n")


def test_nothing_of_a_refused_request_is_done(stranger: Survivor) -> None:
    body = json.dumps({"name": "evil", "upstream": "127.0.0.1:1", "enabled": False})
    assert stranger.ask("POST", "/proxies", body, headers={"host": "evil.example"}).status == 403
    assert stranger.ask("POST", "/proxies", body, headers={"User-Agent": "Mozilla/5.0"}).status == 403
    assert "evil" not in stranger.ask("GET", "/proxies").json
