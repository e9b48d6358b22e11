"""HTTP/1.1 for an API: requests in, answers out, over one connection in turn. It knows no routes and no JSON.

A general server makes a task, a dozen objects and a writer of every request; the calls of this API take less time than
that, and it must not be slower than the one it stands in for.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

log = logging.getLogger(__name__)

HEAD_MAX = 64 * 1024
BODY_MAX = 10 * 1024 * 1024
READ_S = 15.0
"""For the whole of a request, counted from its first byte, or from the beginning of the connection."""
WRITE_S = 30.0
IDLE_S = 60.0
LINGER_S = 0.5
"""So long a refused client may go on sending before it is cut off, so that it gets to read why."""


@dataclass(slots=True)
class Request:
    """A whole request."""

    method: str
    target: str
    """As it stands in the first line."""
    headers: dict[str, str]
    """By their names in lower case; of one that came twice, both, joined with a comma."""
    body: bytes
    keep_alive: bool


@dataclass(slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""
    headers: bytes = b""
    """Whole lines, each with its end; without those that HTTP itself asks for."""


Handler = Callable[[Request], Answer | Awaitable[Answer]]
"""Answers a request: at once, or later. Must not raise."""


class Malformed(Exception):
    """No HTTP that we speak; the connection ends with this status and text."""

    def __init__(self, status: int, why: str = "") -> None:
        super().__init__(f"{status} {HTTPStatus(status).phrase}" + (f": {why}" if why else ""))


def requests(arrived: bytearray, proceed: Callable[[], None]) -> Generator[Request | None, None, None]:
    """Every request of a connection as soon as it is whole; None whenever more has to arrive first.

    Takes its bytes from the front of `arrived`. Calls `proceed` for a client that waits to be told to send its body.
    Raises Malformed.
    """
    while True:
        request, length = _head((yield from _until(arrived, _BLANK_LINE, HEAD_MAX)))
        if length != 0 and not arrived and request.headers.get("expect", "").lower() == "100-continue":
            proceed()
        request.body = yield from (_chunks(arrived) if length is None else _exactly(arrived, length))
        yield request


_LINE_END = re.compile(rb"\r?\n")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
"""People who type a request leave the first half of a line's end out, and Go does not mind."""


def _until(arrived: bytearray, end: re.Pattern[bytes], most: int) -> Generator[None, None, bytes]:
    seen = 0
    while not (match := end.search(arrived, seen)):
        if len(arrived) > most:
            raise Malformed(431)
        seen = max(0, len(arrived) - 4)
        yield
    found = bytes(arrived[: match.start()])
    del arrived[: match.end()]
    return found


def _exactly(arrived: bytearray, length: int) -> Generator[None, None, bytes]:
    while len(arrived) < length:
        yield
    found = bytes(arrived[:length])
    del arrived[:length]
    return found


def _chunks(arrived: bytearray) -> Generator[None, None, bytes]:
    body = bytearray()
    while True:
        size = (yield from _until(arrived, _LINE_END, 4096)).split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", size):
            raise Malformed(400)
        length = int(size, 16)
        if len(body) + length > BODY_MAX:
            raise Malformed(413)
        if length == 0:
            break
        body += yield from _exactly(arrived, length)
        if (yield from _exactly(arrived, 2)) != b"\r\n":
            raise Malformed(400)
    while (yield from _until(arrived, _LINE_END, HEAD_MAX)):
        pass  # trailers
    return bytes(body)


_FIRST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([^\x00- \x7f]+) HTTP/([0-9])\.([0-9])")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]%_~!$&'()*+,;=-]*")


def _head(head: bytes) -> tuple[Request, int | None]:
    """The request without its body, and the length of that; None when it comes in chunks."""
    first, *rest = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    line = _FIRST_LINE.fullmatch(first)
    if not line:
        raise Malformed(400)
    method, target, major, minor = line.groups()
    if major != "1":
        raise Malformed(505, "unsupported protocol version")
    headers: dict[str, str] = {}
    for one in rest:
        name, colon, value = one.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise Malformed(400)
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if minor != "0" and "host" not in headers:
        raise Malformed(400, "missing required Host header")
    if not _HOST.fullmatch(headers.get("host", "")):
        raise Malformed(400, "malformed Host header")
    connection = headers.get("connection", "").lower()
    keep_alive = "keep-alive" in connection if minor == "0" else "close" not in connection
    return Request(method, target, headers, b"", keep_alive), _length(headers)


def _length(headers: dict[str, str]) -> int | None:
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
            raise Malformed(400)
        return None
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise Malformed(400)
    if len(text) > 18 or int(text) > BODY_MAX:
        raise Malformed(413)
    return int(text)


class Connection(asyncio.Protocol):
    """One client. Its requests are answered in their order, and none is begun before the one before it is answered."""

    def __init__(self, handler: Handler, open_ones: "set[Connection]") -> None:
        self._handler = handler
        self._open = open_ones
        self._arrived = bytearray()
        self._requests = requests(self._arrived, self._proceed)
        self._loop = asyncio.get_running_loop()
        self._midway = False  # some of a request has arrived
        self._answering: asyncio.Task[None] | None = None
        self._full = False  # the client does not read its answers
        self._ended = False
        self._said_all = False  # the client has closed its half
        self.until_s = self._loop.time() + READ_S
        """When it is cut off, unless something happens before."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it among the open ones."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it no longer."""
        self._ended = True
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole by now, unless an answer is still under way; then it waits."""
        if self._ended:
            return
        self._arrived += data
        if self._answering is None and not self._full:
            self._go_on()
        elif len(self._arrived) > HEAD_MAX:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The client has said all; whether the connection stays open for what is still to be answered."""
        self._said_all = True
        return self._answering is not None or self._full

    def pause_writing(self) -> None:
        """The client does not read: answer no more, and give it so long to begin."""
        self._full = True
        self.until_s = self._loop.time() + WRITE_S
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again: go on."""
        self._full = False
        self.until_s = self._loop.time() + IDLE_S
        if self._answering is None and not self._ended:
            self._go_on_reading()

    def cut_off(self) -> None:
        """End it at once."""
        self._transport.abort()

    def _go_on(self) -> None:
        try:
            for request in self._requests:
                if request is None:
                    break
                self._midway = False
                self._answer(request)
                if self._answering is not None or self._full or self._ended:
                    return
        except Malformed as wrong:
            self._refuse(str(wrong))
            return
        if not self._midway and self._arrived:
            self._midway = True
            self.until_s = self._loop.time() + READ_S

    def _answer(self, request: Request) -> None:
        answer = self._handler(request)
        if isinstance(answer, Answer):
            self._send(request, answer)
            return
        self.until_s = float("inf")  # whoever answers has a deadline of his own
        self._answering = self._loop.create_task(self._answer_later(request, answer))

    async def _answer_later(self, request: Request, coming: Awaitable[Answer]) -> None:
        answer = await coming
        self._answering = None
        if self._ended:
            return
        self._send(request, answer)
        if not self._full and not self._ended:
            self._go_on_reading()

    def _go_on_reading(self) -> None:
        self._transport.resume_reading()
        self._go_on()
        if self._said_all and self._answering is None and not self._full:
            self._transport.close()

    def _send(self, request: Request, answer: Answer) -> None:
        self.until_s = self._loop.time() + IDLE_S
        bodiless = answer.status == 204
        length = b"" if bodiless else b"Content-Length: %d\r\n" % len(answer.body)
        close = b"" if request.keep_alive else b"Connection: close\r\n"
        self._transport.write(
            b"".join(
                (
                    _STATUS[answer.status],
                    answer.headers,
                    _date(),
                    length,
                    close,
                    b"\r\n",
                    b"" if bodiless or request.method == "HEAD" else answer.body,
                )
            )
        )
        if not request.keep_alive:
            self._ended = True
            self._transport.close()

    def _proceed(self) -> None:
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse(self, status: str) -> None:
        self._ended = True
        self._arrived.clear()
        text = status.encode("latin-1")
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n%s" % (text, text)
        )
        self._transport.write_eof()
        self.until_s = self._loop.time() + LINGER_S


_STATUS = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
_date_line = (0, b"")


def _date() -> bytes:
    """Of this second."""
    global _date_line  # noqa: PLW0603 - made once a second, not once an answer
    now = int(time.time())
    if _date_line[0] != now:
        _date_line = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
    return _date_line[1]


async def watch(open_ones: set[Connection]) -> None:
    """Cut off every connection whose time is over, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(LINGER_S)
        now = loop.time()
        for one in [one for one in open_ones if one.until_s <= now]:
            one.cut_off()
