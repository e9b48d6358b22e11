"""Where a Valkey (or Redis) service is, and how to reach it: one try at a time, at whichever server is its primary.

The client library's own retries, health checks and sentinel pool are not used: they would hide the outage that is to
be measured.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from checks.probe import CannotLook
from checks.stalls import within

if TYPE_CHECKING:
    import asyncio
    from collections import Counter

    from valkey.asyncio.connection import Connection

_SENTINEL_S = 0.2
"""How long a sentinel may take. One that is silent costs every look this much, so for a while it is not asked again."""
_SILENT_S = 1.0
_ASK_AGAIN_S = 1.0
"""How old the sentinels' word may be before it is asked for again, beside the looks: a primary that was replaced but
can still be reached would otherwise be used for ever."""
Server = tuple[str, int]
"""Host and port."""
_PLAIN, _SECURE = ("valkey://", "redis://"), ("valkeys://", "rediss://")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyService:
    """Where a Valkey service is: one server, or the sentinels that know its primary."""

    name: ClassVar[str] = "valkey"

    url: Annotated[str, "One server, as valkey://user:password@host:6379/0; valkeys:// for TLS"] = field(
        default="", repr=False
    )
    host: Annotated[str, "One server, when there is no `url`"] = ""
    port: Annotated[int, "Its port"] = 6379
    sentinels: Annotated[tuple[str, ...], "Sentinels, each as host:port, to be asked for the primary"] = ()
    service: Annotated[str, "The name under which the sentinels know the service"] = ""
    username: Annotated[str, "The user to log in as"] = ""
    password: Annotated[str, "Its password"] = field(default="", repr=False)
    sentinel_password: Annotated[str, "The sentinels' password, if they have one"] = field(default="", repr=False)
    db: Annotated[int, "Number of the database"] = 0
    tls: Annotated[bool, "Whether to speak TLS, to sentinels too"] = False
    ca: Annotated[str, "File with the certificates to trust; left out, the system's"] = ""

    def __post_init__(self) -> None:
        given = [name for name in ("url", "host", "sentinels") if getattr(self, name)]
        if len(given) != 1:
            what = f"a service is found by {' and '.join(given) or 'nothing'} here"
            raise ValueError(given[-1] if given else "", what, "give one of `url`, `host` and `sentinels`")
        if bool(self.sentinels) != bool(self.service):
            raise ValueError("service" if self.service else "sentinels", "`sentinels` and `service` go together",
                             'as in {sentinels: ["127.0.0.1:26379"], service: shop}')  # fmt: skip
        if self.url and not self.url.startswith((*_PLAIN, *_SECURE, "$")):
            raise ValueError("url", "the address does not begin with valkey:// or redis://",
                             "as in valkey://127.0.0.1:6379, or valkeys:// for TLS")  # fmt: skip
        for one in self.sentinels:
            if not one.rpartition(":")[2].isdecimal() and "$" not in one:
                raise ValueError("sentinels", f"`{one}` is no address of a sentinel", "write it as host:port")

    def single(self) -> tuple[str, int]:
        """Host and port of the one server."""
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        return (parts.hostname or "127.0.0.1", parts.port or 6379) if self.url else (self.host, self.port)

    def login(self) -> dict[str, Any]:
        """What a connection to a server needs to know beside where it is."""
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(self.url)
        return {
            "username": unquote(parts.username or "") or self.username or None,
            "password": unquote(parts.password or "") or self.password or None,
            "db": int(parts.path.strip("/") or self.db),
        }

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls or self.url.startswith(_SECURE)


class Sentinels:
    """Asks all sentinels at once who the primary is. Looks that want to know at the same time share one question.

    While a failover spreads among them they disagree, and which server a client finds depends on whom it asks.
    """

    def __init__(self, address: ValkeyService) -> None:
        self._address = address
        self._all = [(one.rpartition(":")[0].strip("[]"), int(one.rpartition(":")[2])) for one in address.sentinels]
        self._lines: dict[Server, Connection] = {}
        self._silent: dict[Server, float] = {}
        self._asking: asyncio.Task[Counter[Server]] | None = None
        self._asked_s = 0.0
        self.known: Server | None = None
        """The primary, as all that answered last agreed."""

    async def primaries(self) -> "Counter[Server]":
        """Every server that is called the primary, with how many sentinels call it so; the most named comes first.

        Raises OSError when no sentinel answers and CannotLook when none knows the service.
        """
        import asyncio

        return await asyncio.shield(self._question())

    def ask_again(self) -> None:
        """Have what is known brought up to date, unless it is fresh; does not wait for it."""
        import time

        if self.known and time.monotonic() - self._asked_s > _ASK_AGAIN_S:
            self._question()

    async def close(self) -> None:
        """Stop asking and hang up."""
        import asyncio

        if self._asking and not self._asking.done():
            self._asking.cancel()
            await asyncio.wait([self._asking])
        for line in self._lines.values():
            await hang_up(line)

    def _question(self) -> "asyncio.Task[Counter[Server]]":
        import asyncio
        import time

        if self._asking is None or self._asking.done():
            self._asked_s = time.monotonic()
            self._asking = asyncio.create_task(self._ask())
            # Whoever asked may have been cancelled since; then nobody else takes note of the error.
            self._asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._asking

    async def _ask(self) -> "Counter[Server]":
        """All answers. One that was silent a moment ago is passed over, unless all were."""
        import asyncio
        import time
        from collections import Counter
        from functools import partial

        from valkey.exceptions import AuthenticationError

        now_s = time.monotonic()
        asked = [one for one in self._all if now_s - self._silent.get(one, -_SILENT_S) >= _SILENT_S] or self._all
        asking = (within(_SENTINEL_S, partial(self._ask_one, one)) for one in asked)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        for sentinel, answer in zip(asked, answers, strict=True):
            if isinstance(answer, TimeoutError):
                self._silent[sentinel] = now_s
        named = Counter([answer for answer in answers if isinstance(answer, tuple)])
        if named:
            self.known = next(iter(named)) if len(named) == 1 else self.known
            return Counter(dict(named.most_common()))
        if any(answer is None for answer in answers):
            raise CannotLook(f"the sentinels know no service `{self._address.service}`")
        refused = [answer for answer in answers if isinstance(answer, AuthenticationError)]
        raise refused[0] if refused else ConnectionError("no sentinel answers")

    async def _ask_one(self, sentinel: Server) -> Server | None:
        line = self._lines.pop(sentinel, None)
        try:
            if line is None or await line.can_read_destructive():  # type: ignore[no-untyped-call]
                await hang_up(line)
                line = await call(self._address, *sentinel, {"password": self._address.sentinel_password or None})
            (found,) = await exchange(line, [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)])
        except BaseException:
            await hang_up(line)
            raise
        self._lines[sentinel] = line
        return (found[0].decode(), int(found[1])) if found else None


async def call(address: ValkeyService, host: str, port: int, login: dict[str, Any]) -> "Connection":
    """Connect once, with everything switched off that would try, wait or ask behind our back."""
    from valkey.asyncio.connection import Connection, SSLConnection

    settings: dict[str, Any] = {
        "host": host, "port": port, **login, "lib_name": None, "lib_version": None, "health_check_interval": 0,
        "retry": None, "retry_on_timeout": False, "retry_on_error": [], "socket_timeout": None,
    }  # fmt: skip
    if address.secure:
        connection: Connection = SSLConnection(**settings, ssl_ca_certs=address.ca or None, ssl_check_hostname=True)
    else:
        connection = Connection(**settings)
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        await hang_up(connection)
        raise
    return connection


async def hang_up(connection: "Connection | None") -> None:
    """Close a connection. Does not wait for the server, so it can be called while being cancelled."""
    if connection is not None:
        if connection._writer is not None:  # over TLS, closing would wait for a silent server's goodbye
            connection._writer.transport.abort()
        await connection.disconnect(nowait=True)


async def exchange(connection: "Connection", commands: list[tuple[Any, ...]]) -> list[Any]:
    """Send commands in one packet and read all replies, then raise the first that is an error."""
    from valkey.exceptions import ResponseError

    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    replies: list[Any] = []
    refusal: ResponseError | None = None
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            refusal = refusal or error
    if refusal:
        raise refusal
    return replies
