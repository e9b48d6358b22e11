"""What webhooks of ours have in common: an address to listen on, who may send, and how a request is heard out.

What a request means is for each of them to say (`Hears`). Each is answered at once, on a connection of its own. One
that was refused is told too: a wrong token must not look as if nothing had been sent.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from checks.observer import CannotObserve

if TYPE_CHECKING:
    from asyncio import BaseProtocol
    from logging import Logger

    from aiohttp.web import BaseRequest, Response, Server
    from multidict import MultiMapping

ACCEPTED = 200
_BODY_MAX = 1 << 20
"""Bytes of a body that are read."""
_PATIENCE_S = 10.0
"""For a request's head to come, and then for its body."""
_LEAVING_S = 0.7
"""For requests under way to be answered at the end."""
_CONNECTIONS_MAX = 400
"""More at a time, and the oldest, which has had the longest to say something, is closed."""
_REJECTED_MAX = 1_000
"""Refused requests that are told; whoever has no token must not be able to fill the journal."""
_METHODS = ("POST", "PUT")
"""Grafana can be told to use either."""


class Refused(Exception):
    """A request that is not taken: the status it is answered with, None where nobody is there any more, and why."""

    def __init__(self, status: int | None, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Head(NamedTuple):
    """What a request says before its body."""

    headers: "MultiMapping[str]"
    query: "MultiMapping[str]"
    came_s: float
    """On our monotonic clock."""


class Answer(NamedTuple):
    """What a request is answered with."""

    text: str
    status: int = ACCEPTED
    type: str = "text/plain"


class Hears(Protocol):
    """What a webhook does with what comes."""

    whose: str
    """What it is: `sink`."""
    what: str
    """What it takes: `page`."""

    def admit(self, head: Head) -> None:
        """See who sends, before anything is read. Raises Refused."""
        ...

    def hear(self, head: Head, body: bytes) -> Answer:
        """Take a request in. Raises Refused."""
        ...

    def rejected(self, why: str, from_: str, status: int | None) -> None:
        """Tell of a request that was not taken; without a status, nobody was there to be answered any more."""
        ...


@asynccontextmanager
async def listening(listen: str, path: str, hears: Hears) -> AsyncIterator[str]:
    """Listen until the context is left; pass the address. Requests that are under way then are given a second.

    Raises CannotObserve when nobody can listen there.
    """
    import asyncio

    from aiohttp import web

    webhook = _Webhook(path, hears)
    # Nobody keeps a connection: one that is closed for having been idle could be just about to bring a page. So
    # `keepalive_timeout` bounds what is left, the time until the head of the one request has come.
    server = web.Server(webhook.answer, access_log=None, logger=_ear(webhook), auto_decompress=False,
                        keepalive_timeout=_PATIENCE_S, lingering_time=1.0)  # fmt: skip
    host, port = _split(listen)
    try:
        listener = await asyncio.get_running_loop().create_server(lambda: _room(server), host, port, backlog=1024)
    except OSError as error:
        raise CannotObserve(_why_not(error, host, port, hears.whose)) from error
    try:
        yield f"http://{_shown(host, port)}{path}"
    finally:
        listener.close()
        await _end(server)


async def _end(server: "Server") -> None:
    """Let requests under way be answered, and then close whatever is still open. Takes a second at most."""
    import asyncio

    try:
        for _ in range(round(_LEAVING_S / 0.01)):  # aiohttp's own shutdown would read no more of them
            if not server.connections:
                break
            await asyncio.sleep(0.01)
    finally:
        server.pre_shutdown()
        await server.shutdown(0.1)
        await asyncio.sleep(0)  # asyncio closes in its next round what was closed in this one


class _Webhook:
    """It at work."""

    def __init__(self, path: str, hears: Hears) -> None:
        self._path, self.hears = path, hears
        self._rejected = 0

    async def answer(self, request: "BaseRequest") -> "Response":
        """Answer a request; each on a connection of its own."""
        import asyncio
        import time

        from aiohttp import web

        came_s = time.monotonic()
        headers: dict[str, str] = {}
        try:
            answer = await self._answer(request, came_s)
        except Refused as refused:
            answer, headers = Answer(refused.why, refused.status or 400), refused.headers
            self.rejected(refused.why, request.remote, refused.status)
        except asyncio.CancelledError:
            self.rejected(f"the {self.hears.whose} was closed before it had come", request.remote, None)
            raise
        response = web.Response(status=answer.status, text=f"{answer.text}\n", headers=headers,
                                content_type=answer.type)  # fmt: skip
        response.force_close()
        return response

    async def _answer(self, request: "BaseRequest", came_s: float) -> Answer:
        looks, what = request.method in ("GET", "HEAD"), self.hears.what
        if request.path != self._path:
            if looks:
                return Answer(f"{what.capitalize()}s are posted to {self._path}.", 404)
            raise Refused(404, f"posted to a path that is not the {self.hears.whose}'s")
        if looks:
            return Answer(f"A {self.hears.whose} of {what}s: post them here, as JSON, with the token.")
        if request.method not in _METHODS:
            raise Refused(405, f"sent with a method that is not {' or '.join(_METHODS)}", Allow="GET, HEAD, POST, PUT")
        head = Head(request.headers, request.query, came_s)
        self.hears.admit(head)
        return self.hears.hear(head, await _body(request))

    def rejected(self, why: str, from_: str | None, status: int | None) -> None:
        """Tell of what was not taken, up to a bound."""
        self._rejected += 1
        if self._rejected == _REJECTED_MAX:
            why = f"too many {self.hears.what}s were refused; from here on they are not told"
        if self._rejected <= _REJECTED_MAX:
            self.hears.rejected(why, from_ or "", status)


def check_token(head: Head, token: str | None) -> None:
    """Raise Refused unless the token was given: as a bearer, as the password of a user, or in the address."""
    if token:
        given = list(_tokens(head))
        if not any(is_same(one, token) for one in given):
            why = "with a wrong token" if given else "without a token"
            raise Refused(401, f"sent {why}", WWW_Authenticate="Bearer")


def is_same(given: str | bytes, secret: str) -> bool:
    """Whether they are the same; how long it takes tells nothing of the secret."""
    from hmac import compare_digest

    one = given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given
    return compare_digest(one, secret.encode("utf-8", "surrogateescape"))


def _tokens(head: Head) -> Iterator[bytes]:
    import base64

    scheme, _, rest = head.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield rest.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        with suppress(ValueError):  # then it gave none
            yield base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
    for one in head.query.getall("token", []):
        yield one.encode("utf-8", "surrogateescape")


def json_of(body: bytes) -> object:
    """What a body holds. Raises Refused."""
    import json

    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "its body is not JSON") from None


def _no_number(text: str) -> None:
    """Python would take NaN and Infinity, which are not JSON."""
    raise ValueError(text)


def need_listening(listen: str, path: str) -> str:
    """The host of settings that fit; empty for one that is not known yet. Raises ValueError."""
    if not path.startswith(("/", "$")) or any(mark in path for mark in "?#"):
        raise ValueError("path", f"`{path}` is no path", "begin it with a slash, as /pages, without ? and #")
    if "$" in listen:
        return ""
    try:
        return _split(listen)[0]
    except ValueError:
        raise ValueError("listen", f"nobody can listen on `{listen}`", "write host:port, as 127.0.0.1:9099") from None


def is_here(host: str) -> bool:
    """Whether nobody but this machine can reach it there."""
    import ipaddress

    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


async def _body(request: "BaseRequest") -> bytes:
    """The body, of bounded size and within bounded time."""
    import asyncio

    from aiohttp import web

    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "its body is compressed")
    body = bytearray()
    too_large = Refused(413, f"its body is larger than {_BODY_MAX >> 20} MiB")
    if (request.content_length or 0) > _BODY_MAX:
        raise too_large
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for part in request.content.iter_any():
                body += part
                if len(body) > _BODY_MAX:
                    raise too_large
    except TimeoutError:
        raise Refused(408, f"its body did not come within {_PATIENCE_S:g} s") from None
    except web.RequestPayloadError:
        raise Refused(400, "its body is not as HTTP wants it") from None
    except ConnectionError:
        raise Refused(None, "the connection was closed within its body") from None
    return bytes(body)


def _ear(webhook: _Webhook) -> "Logger":
    """What aiohttp complains to: what came and is not even HTTP is told, and a bug of ours is logged as any other."""
    import logging

    from aiohttp.http import HttpProcessingError

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            if isinstance(error, HttpProcessingError):
                from_ = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
                webhook.rejected(
                    f"what came is not HTTP; the {webhook.hears.whose}'s address begins with http://", from_, 400
                )
            elif error:
                logging.getLogger(__name__).handle(record)

    logger = logging.Logger(__name__)
    logger.addHandler(Ear())
    return logger


def _room(server: "Server") -> "BaseProtocol":
    """Serve one more connection, at the cost of the oldest where there are too many."""
    if len(server.connections) >= _CONNECTIONS_MAX:
        oldest = next((one for one in server.connections if one.transport is not None), None)
        if oldest:
            oldest.force_close()
    return server()


def _split(listen: str) -> tuple[str, int]:
    """Host and port. Raises ValueError."""
    host, _, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(listen)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16) or "/" in host:
        raise ValueError(listen)
    return host or "127.0.0.1", int(port)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why_not(error: OSError, host: str, port: int, whose: str) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; end what listens there, or give the {whose}'s `listen` another port"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}; give the {whose}'s `listen` one above 1023"
    return f"nobody can listen on {_shown(host, port)}: {error.strerror or error}; see the {whose}'s `listen`"
