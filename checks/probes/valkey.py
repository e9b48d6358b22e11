"""Looks at a Valkey (or Redis) service: is its primary there, does it take writes, and are they still there later?

One look is one try on one connection. The client library's own retries, health checks and sentinel pool are not
used: they would hide the outage that is to be measured. Numbered writes are bits of one bitmap, so a million of them
take 125 kB, each write is atomic and is replicated as it is, and all are read back by a single GET.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from checks.pool import AllBusy, Pool, closing
from checks.probe import GOOD, CannotLook, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    import asyncio

    from valkey.asyncio.connection import Connection

_LEASE_S = 86_400
"""After this long without a write, what a run that died left behind expires."""
_SENTINEL_S = 0.2
"""How long one sentinel may take before the next is asked: three silent ones cost less than a look's usual second."""
_ASK_AGAIN_S = 1.0
"""How old the sentinels' word may be before it is asked for again, beside the looks: a primary that was replaced but
can still be reached would otherwise be used for ever."""
_CLOSE_S = 3.0
_READ_BACK_S = 10.0

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyProbe:
    """Asks the primary for its role and a key, or writes a number to it."""

    name: ClassVar[str] = "valkey"
    address: ClassVar[type] = ValkeyService

    target: Annotated[TargetName, "The service to look at"]
    write: Annotated[Literal["none", "numbered"], "Whether each look writes its number, to be read back at the end"] = (
        "none"
    )
    role: Annotated[Literal["primary", "any"], "What a server must be for a look that writes nothing to be good"] = (
        "primary"
    )
    replicas: Annotated[int, "How many replicas must have each write too (WAIT)"] = 0
    replicas_within: Annotated[timedelta, "How long they may take"] = timedelta(milliseconds=500)
    connections: Annotated[int, "The most connections at a time; a look that finds none free is blind"] = 128

    def __post_init__(self) -> None:
        if self.write == "none" and self.replicas:
            raise ValueError("replicas", "replicas can be waited for only after a write", "add `write: numbered`")
        if self.write == "numbered" and self.role == "any":
            raise ValueError("role", "only a primary takes writes", "take `role` away")

    def open(self, address: ValkeyService, mark: str) -> AbstractAsyncContextManager[Watch]:
        """Nothing is connected yet: a service that is down is something to look at."""
        try:
            import valkey.asyncio  # noqa: F401
        except ImportError:
            raise CannotLook('the probe `valkey` needs its client: pip install "chaos-drills[valkey]"') from None
        try:
            servers = _Servers(address, self.connections)
        except ValueError:  # its message may hold the password
            raise CannotLook("`url` is not an address such as valkey://user@host:6379/0") from None
        key = f"chaos_drills:{mark}"
        return closing(_Asks(servers, key, self.role) if self.write == "none" else _Writes(servers, key, self))


class _Refused(Exception):
    """The server that answered is not the one to ask; its connections are dropped. Carries what the look saw."""

    def __init__(self, look: Look) -> None:
        super().__init__(look.why)
        self.look = look


class _Asks:
    """Looks without writing anything. `GET` is there because a server that is still loading tells its role too."""

    def __init__(self, servers: "_Servers", key: str, role: str) -> None:
        self._servers = servers
        self._commands: list[tuple[Any, ...]] = [("GET", key)]
        if role == "primary":
            self._commands.append(("ROLE",))

    async def look(self, n: int) -> Look:
        """See the contract."""
        return await self._servers.ask(self._commands, self._judge)

    def _judge(self, replies: list[Any]) -> Look:
        if len(replies) > 1 and replies[1][0] != b"master":
            raise _Refused(bad("this server is a replica"))
        return GOOD

    async def close(self) -> str:
        """Nothing was written, so nothing can stay."""
        await self._servers.close()
        return ""


class _Writes:
    """Writes the look's number: good only when the server, and as many replicas as asked for, acknowledged it."""

    def __init__(self, servers: "_Servers", key: str, settings: ValkeyProbe) -> None:
        self._servers, self._key, self._replicas = servers, key, settings.replicas
        self._wait = ("WAIT", settings.replicas, max(1, round(settings.replicas_within / timedelta(milliseconds=1))))
        self._wrote = False

    async def look(self, n: int) -> Look:
        """See the contract."""
        # One transaction, so that no server or replica ever has the key without its lease.
        commands: list[tuple[Any, ...]] = [
            ("MULTI",),
            ("SETBIT", self._key, n, 1),
            ("EXPIRE", self._key, _LEASE_S),
            ("EXEC",),
        ]
        if self._replicas:
            commands.append(self._wait)
        self._wrote = True
        return await self._servers.ask(commands, self._judge)

    def _judge(self, replies: list[Any]) -> Look:
        if not isinstance(replies[3], list) or any(isinstance(one, Exception) for one in replies[3]):
            return bad("the write was not acknowledged")
        if self._replicas and replies[4] < self._replicas:
            return bad(f"acknowledged by {replies[4]} of {self._replicas} replicas")
        return GOOD

    async def read_back(self) -> Iterable[int]:
        """The numbers that the present primary has; sentinels are asked anew who that is."""
        import asyncio

        async with asyncio.timeout(_READ_BACK_S):
            await self._servers.forget()
            role, bits = await self._servers.exchange([("ROLE",), ("GET", self._key)])
        if role[0] != b"master":
            raise ConnectionError("this server is a replica")
        return _numbers(bits or b"")

    async def close(self) -> str:
        """Delete the key, on the present primary."""
        import asyncio

        from valkey.exceptions import ValkeyError

        trouble = ""
        try:
            if self._wrote:
                async with asyncio.timeout(_CLOSE_S):
                    await self._servers.forget()
                    await self._servers.exchange([("DEL", self._key)])
        except (OSError, ValkeyError, CannotLook, AllBusy) as error:
            trouble = f"the key {self._key} stays for a day after its last write: {error or 'no answer'}"
        finally:
            await self._servers.close()
        return trouble


class _Servers:
    """Connections to whichever server is the primary."""

    def __init__(self, address: ValkeyService, most: int) -> None:
        self._address = address
        self._sentinels = _Sentinels(address) if address.sentinels else None
        self._server, self._login = address.single(), address.login()
        self._pool: Pool[Connection] = Pool(connect=self._connect, usable=self._usable, close=_hang_up, most=most)

    async def ask(self, commands: list[tuple[Any, ...]], judge: Any) -> Look:
        """Send commands in one packet and judge their replies; what goes wrong is told as the look it makes."""
        from valkey.exceptions import ReadOnlyError, ResponseError, ValkeyError

        if self._sentinels:
            self._sentinels.ask_again()
        try:
            async with self._pool.lend() as connection:
                try:
                    look: Look = judge(await _exchange(connection, commands))
                except ReadOnlyError:
                    raise _Refused(bad("READONLY: this server is a replica")) from None
                except ResponseError as error:
                    look = _answer(str(error), error)
            return look
        except _Refused as refused:
            return refused.look
        except (AllBusy, CannotLook) as error:
            return blind(str(error))
        except ValkeyError as error:
            return _failure(error)

    async def exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands in one packet. Raises OSError, ValkeyError, CannotLook and AllBusy."""
        async with self._pool.lend() as connection:
            return await _exchange(connection, commands)

    async def forget(self) -> None:
        """Use no connection that is open now for what comes next."""
        await self._pool.drop_idle()

    async def close(self) -> None:
        """Close all connections."""
        if self._sentinels:
            await self._sentinels.close()
        await self._pool.close()

    async def _connect(self) -> "Connection":
        host, port = await self._sentinels.primary() if self._sentinels else self._server
        return await _call(self._address, host, port, self._login)

    async def _usable(self, connection: "Connection") -> bool:
        """False when the server has hung up meanwhile, or when another is the primary by now."""
        from valkey.exceptions import ValkeyError

        if self._sentinels and self._sentinels.known not in (None, (connection.host, connection.port)):
            return False
        try:
            return not await connection.can_read_destructive()  # type: ignore[no-untyped-call]
        except (OSError, ValkeyError):
            return False


class _Sentinels:
    """Asks the sentinels who the primary is. Looks that want to know at the same time share one question."""

    def __init__(self, address: ValkeyService) -> None:
        self._address = address
        self._order = [(one.rpartition(":")[0].strip("[]"), int(one.rpartition(":")[2])) for one in address.sentinels]
        self._lines: dict[tuple[str, int], Connection] = {}
        self._asking: asyncio.Task[tuple[str, int]] | None = None
        self._asked_s = 0.0
        self.known: tuple[str, int] | None = None
        """The primary, as last heard."""

    async def primary(self) -> tuple[str, int]:
        """Host and port. Raises OSError when no sentinel answers and CannotLook when none knows the service."""
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
            await _hang_up(line)

    def _question(self) -> "asyncio.Task[tuple[str, int]]":
        import asyncio
        import time

        if self._asking is None or self._asking.done():
            self._asked_s = time.monotonic()
            self._asking = asyncio.create_task(self._ask())
            # Whoever asked may have been cancelled since; then nobody else takes note of the error.
            self._asking.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._asking

    async def _ask(self) -> tuple[str, int]:
        """The first answer that names a primary; the sentinel that gave the last one is asked first."""
        from valkey.exceptions import AuthenticationError, ValkeyError

        trouble: Exception = ConnectionError("no sentinel answers")
        for sentinel in list(self._order):
            try:
                found = await self._ask_one(sentinel)
            except AuthenticationError as error:
                trouble = error
            except (OSError, ValkeyError):
                pass  # as good as silent: `trouble` says so if the others are no better
            else:
                if found:
                    self.known = found
                    return found
                trouble = CannotLook(f"the sentinels know no service `{self._address.service}`")
            self._order.remove(sentinel)
            self._order.append(sentinel)
        raise trouble

    async def _ask_one(self, sentinel: tuple[str, int]) -> tuple[str, int] | None:
        import asyncio

        line = self._lines.pop(sentinel, None)
        try:
            async with asyncio.timeout(_SENTINEL_S):
                if line is None or await line.can_read_destructive():  # type: ignore[no-untyped-call]
                    await _hang_up(line)
                    line = await _call(self._address, *sentinel, {"password": self._address.sentinel_password or None})
                (found,) = await _exchange(line, [("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._address.service)])
        except BaseException:
            await _hang_up(line)
            raise
        self._lines[sentinel] = line
        return (found[0].decode(), int(found[1])) if found else None


async def _call(address: ValkeyService, host: str, port: int, login: dict[str, Any]) -> "Connection":
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
        await _hang_up(connection)
        raise
    return connection


async def _hang_up(connection: "Connection | None") -> None:
    """Close a connection. Does not wait for the server, so it can be called while being cancelled."""
    if connection is not None:
        await connection.disconnect(nowait=True)


async def _exchange(connection: "Connection", commands: list[tuple[Any, ...]]) -> list[Any]:
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


_NOT_SERVING = {
    "MASTERDOWN": "MASTERDOWN: this replica has lost its primary",
    "CLUSTERDOWN": "CLUSTERDOWN: the cluster is down",
    "NOREPLICAS": "NOREPLICAS: too few replicas to take writes",
    "MISCONF": "MISCONF: the server cannot save its data",
    "OOM": "OOM: the server has no memory left",
    "BUSY": "BUSY: a script is running",
    "UNBLOCKED": "UNBLOCKED: the server became a replica",
    "TRYAGAIN": "TRYAGAIN: slots are being moved",
    "READONLY": "READONLY: this server is a replica",
    "LOADING": "LOADING: the server is loading its data",
}
"""Refusals that say something about the system. Any other is about what we sent or who we are."""


def _answer(text: str, error: Exception) -> Look:
    """What a server's refusal means. The library takes the code off some of them and keeps it as the error's type."""
    from valkey.exceptions import NoPermissionError, OutOfMemoryError

    if isinstance(error, OutOfMemoryError):
        return bad(_NOT_SERVING["OOM"])
    if isinstance(error, NoPermissionError):
        return blind(f"our user may not look: {text}")
    code = text.split(" ", 1)[0]
    return bad(_NOT_SERVING[code]) if code in _NOT_SERVING else blind(f"the server refuses: {text}")


def _failure(error: Exception) -> Look:
    """What a broken connection means. Raises the system's own error where there is one."""
    from valkey.exceptions import AuthenticationError, BusyLoadingError, InvalidResponse

    cause = error.__cause__ or error.__context__
    if isinstance(error, AuthenticationError):
        return blind(f"the server refuses our login: {error}")
    if isinstance(error, BusyLoadingError):
        return bad(_NOT_SERVING["LOADING"])
    if isinstance(error, InvalidResponse):
        return bad("the answer is not one of a Valkey server")
    if isinstance(cause, OSError):
        raise cause
    if "closed by server" in str(error) or isinstance(cause, EOFError):
        return bad("connection closed by the server")
    return bad(str(error))


def _numbers(bits: bytes) -> list[int]:
    """The numbers of the bits that are set; the first byte's highest bit is 0."""
    in_byte = [[bit for bit in range(8) if byte & (0x80 >> bit)] for byte in range(256)]
    return [place * 8 + bit for place, byte in enumerate(bits) if byte for bit in in_byte[byte]]
