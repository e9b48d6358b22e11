"""The HTTP API: routes, statuses and headers. What a request does to proxies and toxics stands in `proxies`."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from secrets import token_hex
from urllib.parse import quote, unquote_to_bytes

from injectors.proxy import metrics, wire
from injectors.proxy.gojson import BadBody, text
from injectors.proxy.http1 import Answer, Request
from injectors.proxy.proxies import Proxies, Refused

log = logging.getLogger(__name__)

VERSION = "2.12.0-embedded.1"
"""Clients choose by what stands before the dash."""
ANSWER_S = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may ask, by the `Host` that he says he asks; a web page in a browser can only say the name of its own site."""

    loopback: bool
    """Whether the API can only be reached from this host."""
    own_names: Collection[str] = ()


def may_ask(host: str, access: Access) -> bool:
    """Whether a request to this `Host` is let in; none at all is, since every browser says one."""
    name = re.sub(r":[0-9]*$", "", host).strip("[]").rstrip(".").lower()
    if not host or name in access.own_names:
        return True
    if access.loopback:
        return (
            name in ("localhost", "::1")
            or name.endswith(".localhost")
            or bool(re.fullmatch(r"127(\.[0-9]{1,3}){3}", name))
        )
    return "." not in name or bool(re.fullmatch(r"[0-9.]+", name))


class Api:
    """Answers requests about some proxies."""

    def __init__(
        self, proxies: Proxies, access: Access, *, packet_loss: str = "stall", proxy_metrics: bool = False,
        runtime_metrics: bool = False,
    ) -> None:  # fmt: skip
        self._proxies = proxies
        self._may_ask = lru_cache(maxsize=256)(lambda host: may_ask(host, access))
        self._packet_loss = packet_loss
        self._metrics = [*["proxies"] * proxy_metrics, *["runtime"] * runtime_metrics]
        self._ids = map((token_hex(6) + "{:08x}").format, count())
        self._routes = self._all_routes()

    def _all_routes(self) -> Mapping[str, "Methods"]:
        routes: dict[str, Methods] = {
            "proxies": {"GET": self._index, "POST": self._create},
            "proxies/*": {
                "GET": self._show, "POST": self._update, "PATCH": self._update, "DELETE": self._delete,
            },
            "proxies/*/toxics": {"GET": self._toxics, "POST": self._add_toxic},
            "proxies/*/toxics/*": {
                "GET": self._toxic, "POST": self._update_toxic, "PATCH": self._update_toxic, "DELETE": self._remove_toxic,
            },
            "proxies/*/connections": {"GET": self._connections},
            "populate": {"POST": self._populate},
            "reset": {"POST": self._reset},
            "version": {"GET": self._version},
            "capabilities": {"GET": self._capabilities},
        }  # fmt: skip
        if self._metrics:
            routes["metrics"] = {"*": self._tell_metrics}
        return routes

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """The answer, or its coming. Never raises."""
        target, _, query = request.target.partition("?")
        path = _path(target)
        if path is None:
            return _without_a_path(request)
        _, *parts = path.split("/")
        if "" in parts[:-1] or "." in parts or ".." in parts:
            return _moved(parts, query)
        methods = self._routes.get(_shape(parts))
        if methods is None:
            return Answer(404, b"404 page not found\n", _PLAIN)
        handler = methods.get(request.method) or methods.get("*")
        if handler is None:
            return Answer(405)
        answer = self._let_in(request) or self._call(handler, request, parts[1:])
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s", request.method, request.target)
        number = f"X-Toxiproxy-Request-Id: {next(self._ids)}\r\n".encode()
        if isinstance(answer, Answer):
            answer.headers += number
            return answer
        return self._call_later(answer, number)

    def _let_in(self, request: Request) -> Answer | None:
        if request.headers.get("user-agent", "").startswith("Mozilla/"):
            return Answer(403, b"User agent not allowed\n", _PLAIN)
        if not self._may_ask(request.headers.get("host", "")):
            return Answer(403, b"Host not allowed\n", _PLAIN)
        return None

    def _call(self, handler: "Handler", request: Request, parts: list[str]) -> "Answer | Awaitable[Answer]":
        try:
            return handler(request, parts)
        except Exception as problem:  # noqa: BLE001 - our own bugs too must not end the server
            return _failure(problem)

    async def _call_later(self, coming: Awaitable[Answer], number: bytes) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await coming
        except Exception as problem:  # noqa: BLE001 - as above
            answer = _failure(problem)
        answer.headers += number
        return answer

    # Proxies.

    def _index(self, _: Request, __: list[str]) -> Answer:
        told = ",".join([f"{text(one.name)}:{self._proxies.told(one)}" for one in self._proxies.all()])
        return _json(f"{{{told}}}")

    async def _create(self, request: Request, _: list[str]) -> Answer:
        return _json(self._proxies.told(await self._proxies.create(wire.read_proxy(request.body))), 201)

    def _show(self, _: Request, parts: list[str]) -> Answer:
        return _json(self._proxies.told(self._proxies.get(parts[0])))

    async def _update(self, request: Request, parts: list[str]) -> Answer:
        self._proxies.get(parts[0])  # that it is not there comes before what is wrong with the body
        return _json(self._proxies.told(await self._proxies.update(parts[0], wire.read_proxy(request.body))))

    async def _delete(self, _: Request, parts: list[str]) -> Answer:
        await self._proxies.delete(parts[0])
        return Answer(204)

    def _connections(self, _: Request, parts: list[str]) -> Answer:
        return _json(json.dumps(self._proxies.get(parts[0]).connections(), separators=(",", ":")))

    async def _populate(self, request: Request, _: list[str]) -> Answer:
        try:
            made, refused = await self._proxies.populate(wire.read_proxies(request.body))
        except BadBody as bad:
            made, refused = [], _refused(bad)
        all_made = ",".join(map(self._proxies.told, made))
        told = '"proxies":' + (f"[{all_made}]" if made else "null")
        if refused is None:
            return _json(f"{{{told}}}", 201)
        return _json(f"{wire.error(str(refused), refused.status)[:-1]},{told}}}", refused.status)

    async def _reset(self, _: Request, __: list[str]) -> Answer:
        await self._proxies.reset()
        return Answer(204)

    # Toxics.

    def _toxics(self, _: Request, parts: list[str]) -> Answer:
        return _json(wire.toxics(self._proxies.get(parts[0]).toxics, _now_s()))

    def _add_toxic(self, request: Request, parts: list[str]) -> Answer:
        proxy = self._proxies.get(parts[0])
        return _json(wire.toxic(self._proxies.add_toxic(proxy, wire.read_toxic(request.body)), _now_s()))

    def _toxic(self, _: Request, parts: list[str]) -> Answer:
        return _json(wire.toxic(self._proxies.toxic(self._proxies.get(parts[0]), parts[2]), _now_s()))

    def _update_toxic(self, request: Request, parts: list[str]) -> Answer:
        proxy = self._proxies.get(parts[0])
        toxic = self._proxies.toxic(proxy, parts[2])
        self._proxies.update_toxic(proxy, toxic, wire.read_toxic_update(request.body, toxic.kind))
        return _json(wire.toxic(toxic, _now_s()))

    def _remove_toxic(self, _: Request, parts: list[str]) -> Answer:
        self._proxies.remove_toxic(self._proxies.get(parts[0]), parts[2])
        return Answer(204)

    # The server.

    def _version(self, _: Request, __: list[str]) -> Answer:
        body = f'{{"version": "{VERSION}"}}\n'.encode()
        return Answer(200, body, b"Content-Type: application/json;charset=utf-8\r\n")

    def _capabilities(self, _: Request, __: list[str]) -> Answer:
        return _json(wire.capabilities(self._packet_loss))

    def _tell_metrics(self, _: Request, __: list[str]) -> Answer:
        told = metrics.of_proxies(self._proxies.all()) if "proxies" in self._metrics else ""
        told += metrics.of_this_process() if "runtime" in self._metrics else ""
        body = told.encode("utf-8", "replace")
        return Answer(200, body, f"Content-Type: {metrics.CONTENT_TYPE}\r\n".encode())


Handler = Callable[[Request, list[str]], Answer | Awaitable[Answer]]
"""Answers a request to a path of which these parts follow the first."""
Methods = Mapping[str, Handler]
"""By method; the star is for any other."""

_JSON = b"Content-Type: application/json\r\n"
_PLAIN = b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*(.*)")
"""A target with the host in it, as those who speak to a proxy of HTTP send it."""
_BROKEN_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


def _without_a_path(request: Request) -> Answer:
    if (request.method, request.target) == ("OPTIONS", "*"):  # the server as a whole
        return Answer(200)
    return Answer(400, b"400 Bad Request", b"Content-Type: text/plain; charset=utf-8\r\n")


def _path(target: str) -> str | None:
    """The path that a target without its query means, which begins with a slash; None when it means none."""
    if not target.startswith("/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if not absolute:
            return None
        target = absolute[1] or "/"
    if "%" in target or not target.isascii():
        if _BROKEN_ESCAPE.search(target):
            return None
        target = unquote_to_bytes(target.encode("latin-1")).decode("utf-8", "surrogateescape")
    return target


def _shape(parts: list[str]) -> str:
    """The path with a star for every name; none of ours when nothing is there to be named."""
    if len(parts) == 1:
        return parts[0] if parts[0] != "*" else ""
    if parts[0] != "proxies" or not parts[-1]:
        return ""
    if len(parts) == 2:
        return "proxies/*"
    return f"proxies/*/{parts[2]}" if len(parts) == 3 else f"proxies/*/{parts[2]}/*" if len(parts) == 4 else ""


def _moved(parts: list[str], query: str) -> Answer:
    """To the same place by its shortest path."""
    way: list[str] = []
    for part in parts:
        if part == "..":
            del way[-1:]
        elif part not in ("", "."):
            way.append(part)
    end = "/" if way and not parts[-1] else ""
    path = quote(f"/{'/'.join(way)}{end}".encode("utf-8", "surrogateescape"), safe="/$&+,:;=@~")
    location = path + (f"?{query}" if query else "")
    return Answer(301, b"", f"Location: {location}\r\n".encode("latin-1"))


def _json(told: str, status: int = 200) -> Answer:
    return Answer(status, told.encode(), _JSON)


def _failure(problem: Exception) -> Answer:
    refused = _refused(problem)
    return Answer(refused.status, (wire.error(str(refused), refused.status) + "\n").encode(), _PLAIN)


def _refused(problem: Exception) -> Refused:
    """What the client is told of a problem; ours are logged."""
    if isinstance(problem, Refused):
        return problem
    if isinstance(problem, BadBody):
        return Refused(f"bad request body: {problem}", 400)
    if isinstance(problem, TimeoutError):
        return Refused(f"not done within {ANSWER_S:g} s", 503)
    log.error("a request failed because of a bug", exc_info=problem)
    return Refused(f"a bug of the server: {type(problem).__name__}: {problem}", 500)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
