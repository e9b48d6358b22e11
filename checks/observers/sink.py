"""A webhook of our own, beside the pager's: what arrives here is the truth for "a page was delivered".

It takes what Alertmanager, Grafana and anything that can post JSON send (`checks.observers.payloads` has the formats),
tells each attempt, and answers at once. A page that was refused is told as well: a wrong token must not look as if
nobody had been paged.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from checks.observer import CannotObserve, Tell
from checks.observers.pages import Pages
from checks.observers.payloads import NotAPage, Page, read, told

if TYPE_CHECKING:
    from asyncio import BaseProtocol
    from logging import Logger

    from aiohttp.web import BaseRequest, Response, Server

ACCEPTED = 200
"""What a page is answered with."""
_BODY_MAX = 1 << 20
"""Bytes of a body that are read."""
_PATIENCE_S = 10.0
"""For a request's head to come, and then for its body."""
_LEAVING_S = 0.7
"""For requests under way to be answered at the end."""
_CONNECTIONS_MAX = 400
"""More at a time, and the oldest, which has had the longest to say something, is closed."""
_REJECTED_MAX = 1_000
"""Refused pages that are told; whoever has no token must not be able to fill the journal."""
_METHODS = ("POST", "PUT")
"""Grafana can be told to use either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """Listens for the pages themselves, as whoever delivers them would."""

    name: ClassVar[str] = "sink"

    listen: Annotated[str, "Where pages are posted to, host:port; a port alone is one of this machine only"] = (
        "127.0.0.1:9099"
    )
    token: Annotated[
        str | None, "What a sender must know, as ${env.SINK_TOKEN}; empty where only this machine can send and all may"
    ] = field(default=None, repr=False)
    path: Annotated[str, "The path of the address that pages are posted to"] = "/"

    def __post_init__(self) -> None:
        if not self.path.startswith(("/", "$")) or any(mark in self.path for mark in "?#"):
            raise ValueError("path", f"`{self.path}` is no path", "begin it with a slash, as /pages, without ? and #")
        if "$" in self.listen:
            return  # a variable that is not known yet
        try:
            host, _ = _split(self.listen)
        except ValueError:
            raise ValueError(
                "listen", f"nobody can listen on `{self.listen}`", "write host:port, as 127.0.0.1:9099"
            ) from None
        if self.token is None:
            raise ValueError("token", "anybody could say that a page was delivered",
                             'set it, as ${env.SINK_TOKEN}; `token: ""` lets anybody on this machine')  # fmt: skip
        if not self.token and not _only_here(host):
            raise ValueError("token", f"without a token the sink listens to this machine only, and not on `{host}`",
                             "set it, as ${env.SINK_TOKEN}, or listen on 127.0.0.1")  # fmt: skip

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract. Requests that are under way when it is left are given a second."""
        import asyncio

        from aiohttp import web

        webhook = _Webhook(self, tell)
        # Nobody keeps a connection: one that is closed for having been idle could be just about to bring a page. So
        # `keepalive_timeout` bounds what is left, the time until the head of the one request has come.
        server = web.Server(webhook.answer, access_log=None, logger=_ear(webhook), auto_decompress=False,
                            keepalive_timeout=_PATIENCE_S, lingering_time=1.0)  # fmt: skip
        host, port = _split(self.listen)
        try:
            listener = await asyncio.get_running_loop().create_server(lambda: _room(server), host, port, backlog=1024)
        except OSError as error:
            raise CannotObserve(_why_not(error, host, port)) from error
        try:
            tell("observer.opened", what=f"webhook sink at http://{_shown(host, port)}{self.path}")
            yield
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


class _Refused(Exception):
    """A request that is no page: the status it is answered with, None where nobody is there any more, and why."""

    def __init__(self, status: int | None, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Webhook:
    """The sink at work."""

    def __init__(self, settings: Sink, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._pages = Pages()
        self._rejected = 0

    async def answer(self, request: "BaseRequest") -> "Response":
        """Answer a request; each on a connection of its own."""
        import asyncio

        from aiohttp import web

        try:
            status, text, headers = await self._answer(request)
        except _Refused as refused:
            status, text, headers = refused.status or 400, refused.why, refused.headers
            self.rejected(refused.why, request.remote, refused.status)
        except asyncio.CancelledError:
            self.rejected("the sink was closed before it had come", request.remote, None)
            raise
        response = web.Response(status=status, text=f"{text}\n", headers=headers)
        response.force_close()
        return response

    async def _answer(self, request: "BaseRequest") -> tuple[int, str, dict[str, str]]:
        path, looks = self._settings.path, request.method in ("GET", "HEAD")
        if request.path != path:
            if looks:
                return 404, f"Pages are posted to {path}.", {}
            raise _Refused(404, "posted to a path that is not the sink's")
        if looks:
            return 200, "A sink of pages: post alerts here, as JSON, with the token.", {}
        if request.method not in _METHODS:
            raise _Refused(405, f"sent with a method that is not {' or '.join(_METHODS)}", Allow="GET, HEAD, POST, PUT")
        _check_token(request, self._settings.token)
        return self._received(_page(await _body(request)))

    def _received(self, page: Page) -> tuple[int, str, dict[str, str]]:
        counted = self._pages.count(page)
        self._tell("page.received", **told(page), attempt=counted.attempt, new=counted.new, answered=ACCEPTED)
        return ACCEPTED, "Taken down.", {}

    def rejected(self, why: str, from_: str | None, status: int | None) -> None:
        """Tell of a page that was not taken; without `status`, nobody was there to be answered any more."""
        self._rejected += 1
        if self._rejected == _REJECTED_MAX:
            why = "too many pages were refused; from here on they are not told"
        if self._rejected <= _REJECTED_MAX:
            self._tell("page.rejected", **{"why": why, "from": from_ or "", "answered": status})


def _check_token(request: "BaseRequest", token: str | None) -> None:
    from hmac import compare_digest

    if not token:
        return
    given = list(_tokens(request))
    if not any(compare_digest(one, token.encode("utf-8", "surrogateescape")) for one in given):
        why = "with a wrong token" if given else "without a token"
        raise _Refused(401, f"sent {why}", WWW_Authenticate="Bearer")


def _tokens(request: "BaseRequest") -> Iterator[bytes]:
    """What the sender gave as one: as a bearer, as the password of a user, or in the address."""
    import base64

    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        yield rest.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        with suppress(ValueError):  # then it gave none
            yield base64.b64decode(rest.strip(), validate=True).partition(b":")[2]
    for one in request.query.getall("token", []):
        yield one.encode("utf-8", "surrogateescape")


async def _body(request: "BaseRequest") -> bytes:
    """The body, of bounded size and within bounded time."""
    import asyncio

    from aiohttp import web

    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _Refused(415, "its body is compressed")
    body = bytearray()
    too_large = _Refused(413, f"its body is larger than {_BODY_MAX >> 20} MiB")
    if (request.content_length or 0) > _BODY_MAX:
        raise too_large
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async for part in request.content.iter_any():
                body += part
                if len(body) > _BODY_MAX:
                    raise too_large
    except TimeoutError:
        raise _Refused(408, f"its body did not come within {_PATIENCE_S:g} s") from None
    except web.RequestPayloadError:
        raise _Refused(400, "its body is not as HTTP wants it") from None
    except ConnectionError:
        raise _Refused(None, "the connection was closed within its body") from None
    return bytes(body)


def _page(body: bytes) -> Page:
    import json

    try:
        return read(json.loads(body, parse_constant=_no_number))
    except NotAPage as error:
        raise _Refused(400, f"not a page: {error}") from None
    except (ValueError, RecursionError):
        raise _Refused(400, "its body is not JSON") from None


def _no_number(text: str) -> None:
    """Python would take NaN and Infinity, which are not JSON."""
    raise ValueError(text)


def _ear(webhook: _Webhook) -> "Logger":
    """What aiohttp complains to: what came and is not even HTTP is told, and a bug of ours is logged as any other."""
    import logging

    from aiohttp.http import HttpProcessingError

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            if isinstance(error, HttpProcessingError):
                from_ = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
                webhook.rejected("what came is not HTTP; the sink's address begins with http://", from_, 400)
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


def _only_here(host: str) -> bool:
    """Whether nobody but this machine can reach it there."""
    import ipaddress

    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _why_not(error: OSError, host: str, port: int) -> str:
    import errno

    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; end what listens there, or give the sink's `listen` another port"
    if error.errno == errno.EACCES:
        return f"this user may not listen on port {port}; give the sink's `listen` one above 1023"
    return f"nobody can listen on {_shown(host, port)}: {error.strerror or error}; see the sink's `listen`"
