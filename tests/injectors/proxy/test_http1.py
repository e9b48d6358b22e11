"""HTTP itself: what is a request, what is none, and that nobody keeps a connection who has nothing to say."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from injectors.proxy import http1
from injectors.proxy.http1 import Answer, Malformed, Request, requests

ASKED = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


def read(*pieces: bytes) -> list[Request]:
    """Every whole request in these pieces."""
    arrived = bytearray()
    coming = requests(arrived, lambda: None)
    found: list[Request] = []
    for piece in pieces:
        arrived += piece
        found.extend(iter(coming.__next__, None))  # type: ignore[arg-type]
    return found


def refused(head: bytes) -> str:
    """The status line with which a request is turned down."""
    with pytest.raises(Malformed) as wrong:
        read(head)
    return str(wrong.value)


WHOLE = (
    b"POST /p?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nab\r\n1\r\nc\r\n0\r\nTrailer: t\r\n\r\n"
    b"GET /last HTTP/1.0\r\n\r\n"
)


@given(st.sets(st.integers(1, len(WHOLE) - 1)))
def test_requests_are_the_same_however_their_bytes_arrive(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(WHOLE)]
    found = read(*(WHOLE[a:b] for a, b in pairwise(edges)))
    assert [(one.method, one.target, one.body) for one in found] == [
        ("POST", "/p?x=1", b"abc"), ("POST", "/c", b"abc"), ("GET", "/last", b""),
    ]  # fmt: skip
    assert [one.keep_alive for one in found] == [True, True, False]


@given(st.sets(st.integers(1, 60)))
def test_a_line_may_end_as_people_type_it(cuts: set[int]) -> None:
    typed = b"POST /p HTTP/1.1\nHost: x\r\nContent-Length: 3\n\nabcGET /last HTTP/1.0\n\r\n"
    edges = [0, *sorted(cuts), len(typed)]
    found = read(*(typed[a:b] for a, b in pairwise(edges)))
    assert [(one.method, one.target, one.body) for one in found] == [("POST", "/p", b"abc"), ("GET", "/last", b"")]
    assert found[0].headers["host"] == "x"


@given(st.binary(max_size=80) | st.binary(max_size=30).map(lambda junk: ASKED[:-2] + junk + b"\r\n\r\n"))
def test_garbage_does_no_more_than_be_turned_down(garbage: bytes) -> None:
    said = "nothing"
    try:
        read(garbage)
    except Malformed as wrong:
        said = str(wrong)
    assert said == "nothing" or said[:3].isdigit()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"garbage\r\n\r\n", "400 Bad Request"),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported: unsupported protocol version"),
        (b"GET / HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 Bad Request: malformed Host header"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", "400 Bad Request"),
        (b"GET / HTTP/1.1\r\n" + b"a" * http1.HEAD_MAX, "431 Request Header Fields Too Large"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10485761\r\n\r\n", "413 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFF\r\n", "413 "),
    ],
)  # fmt: skip
def test_what_is_no_request_is_turned_down(head: bytes, status: str) -> None:
    assert refused(head).startswith(status)


@pytest.mark.parametrize("length", [10485760, 0])
def test_the_largest_body_is_not_turned_down_by_its_length(length: int) -> None:
    assert len(read(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)) == (length == 0)


# Over real sockets.


def talk(said: Callable[[socket.socket], bytes], handler: http1.Handler) -> bytes:
    """What a blocking client makes of a server in this process."""

    async def serve() -> bytes:
        open_ones: set[http1.Connection] = set()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: http1.Connection(handler, open_ones), "127.0.0.1", 0)
        watch = loop.create_task(http1.watch(open_ones))
        try:
            with closing(socket.create_connection(server.sockets[0].getsockname())) as client:
                client.settimeout(10)
                return await asyncio.to_thread(said, client)
        finally:
            watch.cancel()
            server.close()
            for one in list(open_ones):
                one.cut_off()

    return asyncio.run(serve())


def all_of(client: socket.socket) -> bytes:
    """What comes until the end."""
    found = b""
    while piece := client.recv(65536):
        found += piece
    return found


def told(request: Request) -> Answer:
    """The target and the length of the body."""
    return Answer(200, f"{request.target} {len(request.body)}\n".encode(), b"X-Ours: 1\r\n")


def told_later(request: Request) -> Awaitable[Answer]:
    """The same, after others had their turn."""

    async def later() -> Answer:
        await asyncio.sleep(0.01)
        return told(request)

    return later()


@pytest.mark.parametrize("handler", [told, told_later])
def test_requests_in_one_piece_are_answered_in_their_order(handler: http1.Handler) -> None:
    def said(client: socket.socket) -> bytes:
        asked = b"".join(ASKED.replace(b"/a", b"/%d" % number) for number in range(20))
        client.sendall(asked + b"GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return all_of(client)

    answers = talk(said, handler)
    bodies = [one for one in answers.split(b"\r\n") if one.startswith(b"/")]
    assert [one.split(b" ")[0] for one in bodies] == [*(b"/%d" % number for number in range(20)), b"/end"]
    assert b"X-Ours: 1\r\n" in answers
    assert answers.count(b"Connection: close\r\n") == 1


@pytest.mark.parametrize("handler", [told, told_later])
def test_who_closes_his_half_is_still_answered_all_he_asked(handler: http1.Handler) -> None:
    def said(client: socket.socket) -> bytes:
        client.sendall(ASKED * 3)
        client.shutdown(socket.SHUT_WR)
        return all_of(client)

    assert talk(said, handler).count(b"/a 0\n") == 3


def test_what_is_sent_ahead_of_slow_answers_is_taken_in_and_answered() -> None:
    posted = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)

    def said(client: socket.socket) -> bytes:
        client.sendall(posted * 5)
        client.shutdown(socket.SHUT_WR)
        return all_of(client)

    assert talk(said, told_later).count(b"/p 100000\n") == 5


def test_a_client_that_waits_to_be_told_is_told_to_send_its_body() -> None:
    def said(client: socket.socket) -> bytes:
        client.sendall(
            b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        proceed = client.recv(100)
        client.sendall(b"body")
        return proceed + all_of(client)

    answer = talk(said, told)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"/b 4\n")


def test_who_sends_garbage_reads_why_and_is_cut_off() -> None:
    def said(client: socket.socket) -> bytes:
        client.sendall(b"\x16\x03\x01garbage\r\n\r\n" + b"more" * 1000)
        return all_of(client)

    assert talk(said, told).endswith(b"Connection: close\r\n\r\n400 Bad Request")


@pytest.mark.parametrize(
    "begun", [b"", b"GET /a HT", b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", ASKED]
)
def test_who_does_not_go_on_is_cut_off(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(http1, "READ_S", 10 if begun == ASKED else 0.1)
    monkeypatch.setattr(http1, "IDLE_S", 0.1)

    def said(client: socket.socket) -> bytes:
        client.sendall(begun)
        try:
            return all_of(client)
        except ConnectionResetError:
            return b""

    assert talk(said, told).endswith(b"/a 0\n" if begun == ASKED else b"")


def test_who_sends_a_byte_now_and_then_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "READ_S", 0.3)
    sent = 0

    def said(client: socket.socket) -> bytes:
        nonlocal sent
        client.settimeout(0.1)
        for byte in ASKED * 10:
            try:
                client.sendall(bytes([byte | 0x60]))
                sent += 1
                client.recv(100)
            except TimeoutError:
                continue
            except OSError:
                break
        return b""

    talk(said, told)
    assert 1 < sent < 60


def test_who_does_not_read_is_given_no_more_and_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "WRITE_S", 0.2)
    answered = 0

    def large(request: Request) -> Answer:
        nonlocal answered
        answered += 1
        return Answer(200, bytes(1_000_000))

    def said(client: socket.socket) -> bytes:
        client.sendall(ASKED * 1000)
        try:
            for _ in range(100):
                client.sendall(b"")
                asyncio.run(asyncio.sleep(0.05))
                client.sendall(b"x")
        except OSError:
            return b"cut off"
        return b"kept"

    assert talk(said, large) == b"cut off"
    assert 1 <= answered < 100


def test_an_answer_to_head_has_no_body() -> None:
    def said(client: socket.socket) -> bytes:
        client.sendall(b"HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return all_of(client)

    answer = talk(said, told)
    assert b"Content-Length: 5\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
