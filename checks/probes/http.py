"""Looks at an HTTP service with one request: no redirect followed, no proxy used, nothing asked twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from checks.probe import GOOD, CannotLook, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

_BODY_MAX = 1 << 20
"""Bytes of a body that are read; what follows is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpService:
    """Where an HTTP service is."""

    name: ClassVar[str] = "http"

    url: Annotated[str, "Where it is, as http://127.0.0.1:8080"] = field(repr=False)  # it may hold a password
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// service must be valid"] = True

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://", "$")):
            raise ValueError(
                "url", "the address does not begin with http:// or https://", "as in http://127.0.0.1:8080"
            )
        for header in self.headers:
            if ":" not in header and "$" not in header:
                raise ValueError("headers", f"`{header}` is no header", "write it as `Name: value`")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProbe:
    """Sends a request and looks at the answer's status, and at its body if told what it must hold."""

    name: ClassVar[str] = "http"
    address: ClassVar[type] = HttpService

    target: Annotated[TargetName, "The service to look at"]
    path: Annotated[str, "What to ask for, appended to the service's address"] = "/"
    method: Annotated[Literal["GET", "HEAD", "POST"], "How to ask"] = "GET"
    send: Annotated[str, "Body of a POST"] = ""
    status: Annotated[tuple[int, ...], "Statuses that are good; left out, 200 to 299"] = ()
    contains: Annotated[str, "Text that the answer's body must hold"] = ""
    connection: Annotated[
        Literal["reuse", "new"], "Whether an open connection is used again, as browsers do, or each look makes its own"
    ] = "reuse"
    connections: Annotated[int, "The most connections at a time; a look that finds none free is blind"] = 512

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError("path", f"the path `{self.path}` does not begin with a slash", f"write /{self.path}")
        if self.send and self.method != "POST":
            raise ValueError("send", f"a {self.method} has no body", "add `method: POST`, or take `send` away")
        if self.contains and self.method == "HEAD":
            raise ValueError(
                "contains", "the answer to a HEAD has no body", "use `method: GET`, or take `contains` away"
            )

    @asynccontextmanager
    async def open(self, address: HttpService, mark: str) -> AsyncIterator[Watch]:
        """Nothing is connected yet. Nothing of ours is ever left in the target."""
        import aiohttp
        from yarl import URL

        try:
            url = URL(address.url.rstrip("/") + self.path)
        except ValueError:
            raise CannotLook("`url` is not an address such as http://127.0.0.1:8080") from None
        # No cache of names: when a name is made to point elsewhere, the next connection must go there.
        connector = aiohttp.TCPConnector(
            limit=0, force_close=self.connection == "new", use_dns_cache=False, ssl=address.verify
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            headers=[(one.partition(":")[0].strip(), one.partition(":")[2].strip()) for one in address.headers],
            trust_env=False,
        )
        # aiohttp asks again, once, when a kept connection breaks under a request. There is no public way to say no.
        session._retry_connection = False
        async with session:
            yield _Requests(session, url, self)


class _Requests:
    """The probe at work."""

    def __init__(self, session: "ClientSession", url: "URL", settings: HttpProbe) -> None:
        self._session, self._url, self._settings = session, url, settings
        self._body = settings.send.encode() if settings.method == "POST" else None
        self._busy = 0

    async def look(self, n: int) -> Look:
        """See the contract."""
        import aiohttp

        if self._busy >= self._settings.connections:
            return blind(f"all {self._busy} connections are busy")
        self._busy += 1
        try:
            request = self._session.request(self._settings.method, self._url, data=self._body, allow_redirects=False)
            async with request as answer:
                return await self._judge(answer)
        except aiohttp.ServerDisconnectedError:
            return bad("connection closed before the answer")
        except aiohttp.ClientPayloadError:
            return bad("connection closed within the answer")
        except aiohttp.ClientConnectorCertificateError as error:
            raise error.certificate_error from None
        except aiohttp.ClientConnectorError as error:
            raise error.os_error from None
        except aiohttp.ClientError as error:
            if isinstance(error, OSError):
                raise
            return bad(f"not an HTTP answer: {type(error).__name__}")
        finally:
            self._busy -= 1

    async def _judge(self, answer: "ClientResponse") -> Look:
        body, whole = await _read(answer)
        wanted = self._settings.status
        if (answer.status not in wanted) if wanted else not 200 <= answer.status < 300:
            return bad(f"answered {answer.status}")
        if self._settings.contains.encode() not in body:
            return bad(
                f"the body does not hold `{self._settings.contains[:40]}`" + ("" if whole else " in its first 1 MiB")
            )
        return GOOD


async def _read(answer: Any) -> tuple[bytes, bool]:
    """The body and True; or what fits and False, the connection then being closed."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _BODY_MAX:
            answer.close()
            return bytes(body), False
    return bytes(body), True
