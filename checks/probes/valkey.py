"""Looks at a Valkey (or Redis) service: is its primary there, does it take writes, and are they still there later?

One look is one try on one connection. Numbered writes are bits of one bitmap, so a million of them take 125 kB, each
write is atomic and is replicated as it is, and all are read back by a single GET.
"""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from checks.pool import AllBusy, Pool, closing
from checks.probe import GOOD, CannotLook, Look, TargetName, Watch, bad, blind
from checks.stalls import within
from checks.valkey_service import Sentinels, Server, ValkeyService, call, exchange, hang_up

if TYPE_CHECKING:
    from collections import Counter

    from valkey.asyncio.connection import Connection

_LEASE_S = 86_400
"""After this long without a write, what a run that died left behind expires."""
_CLOSE_S = 3.0
_READ_BACK_S = 10.0
_SPLIT_S = 0.2
"""How long a server may take to be connected to that only some of the sentinels call the primary."""


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


class _Refused(CannotLook):
    """No server here is the one to ask; its connections are dropped. Carries what the look saw."""

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
        self._sentinels = Sentinels(address) if address.sentinels else None
        self._server, self._login = address.single(), address.login()
        self._pool: Pool[Connection] = Pool(connect=self._connect, usable=self._usable, close=hang_up, most=most)

    async def ask(self, commands: list[tuple[Any, ...]], judge: Any) -> Look:
        """Send commands in one packet and judge their replies; what goes wrong is told as the look it makes."""
        from valkey.exceptions import ReadOnlyError, ResponseError, ValkeyError

        if self._sentinels:
            self._sentinels.ask_again()
        try:
            async with self._pool.lend() as connection:
                try:
                    look: Look = judge(await exchange(connection, commands))
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
            return await exchange(connection, commands)

    async def forget(self) -> None:
        """Use no connection that is open now for what comes next."""
        await self._pool.drop_idle()

    async def close(self) -> None:
        """Close all connections."""
        if self._sentinels:
            await self._sentinels.close()
        await self._pool.close()

    async def _connect(self) -> "Connection":
        if self._sentinels is None:
            return await call(self._address, *self._server, self._login)
        named = await self._sentinels.primaries()
        if len(named) > 1:
            await self._tell_split(named)
        return await call(self._address, *next(iter(named)), self._login)

    async def _tell_split(self, named: "Counter[Server]") -> None:
        """Whether a client is served now depends on the sentinel it asks: no look can say that the service is up.

        Unless nobody is served: then none of those named can be reached, and the connection that follows says so.
        """
        from functools import partial

        from valkey.exceptions import ValkeyError

        async def reach(host: str, port: int) -> None:
            await hang_up(await call(self._address, host, port, self._login))

        for place in named:
            try:
                await within(_SPLIT_S, partial(reach, *place))
            except (OSError, ValkeyError):
                continue
            said = " and ".join(f"{count} say {one[0]}:{one[1]}" for one, count in named.items())
            raise _Refused(blind(f"the sentinels disagree: {said}"))

    async def _usable(self, connection: "Connection") -> bool:
        """False when the server has hung up meanwhile, or when another is the primary by now."""
        from valkey.exceptions import ValkeyError

        if self._sentinels and self._sentinels.known not in (None, (connection.host, connection.port)):
            return False
        try:
            return not await connection.can_read_destructive()  # type: ignore[no-untyped-call]
        except (OSError, ValkeyError):
            return False


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
