"""Looks at the servers of a Valkey (or Redis) service: which is the primary, and do the others have what it has?

So that it can be said what somebody found when they brought a replica in, and whether it was in step then. A replica
counts as in step when it has all that the primary had one look ago: under load it never has all at the very moment.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from checks.observer import Tell
from checks.observers.listening import need_period, polling
from checks.stalls import within
from checks.valkey_service import ValkeyService, call, exchange, hang_up

if TYPE_CHECKING:
    from valkey.asyncio.connection import Connection

_ANSWER_S = 1.0
"""How long one server may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """Asks each server for its part in the replication, again and again, and tells what changed."""

    name: ClassVar[str] = "replication"

    servers: Annotated[
        tuple[str, ...], "Each as host:port; the primary and its replicas, whichever they are at the time"
    ]
    username: Annotated[str, "The user to log in as"] = ""
    password: Annotated[str, "Its password"] = field(default="", repr=False)
    tls: Annotated[bool, "Whether to speak TLS"] = False
    ca: Annotated[str, "File with the certificates to trust; left out, the system's"] = ""
    every: Annotated[timedelta, "How often they are asked"] = timedelta(milliseconds=500)

    def __post_init__(self) -> None:
        for one in self.servers:
            if not one.rpartition(":")[2].isdecimal() and "$" not in one:
                raise ValueError("servers", f"`{one}` is no address of a server", "write it as host:port")
        need_period(self.every)

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; how every server stands is told before it is entered."""
        looking = _Looking(self)
        try:
            async with polling("the servers", tell, looking.poll, self.every):
                yield
        finally:
            await looking.close()


class _Server(NamedTuple):
    """What one server says of itself; `role` is empty where it says nothing."""

    role: str = ""
    offset: int = 0
    linked: bool = False
    primary: str = ""
    why: str = ""


class _Looking:
    """What was told last, so that only changes are told."""

    def __init__(self, settings: Replication) -> None:
        self._settings = settings
        self._lines: dict[str, Connection] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._had: int | None = None
        """The primary's offset one look ago."""
        self._opened = False

    async def poll(self, tell: Tell, thorough: bool) -> None:
        """See `listening.Poll`."""
        import asyncio

        asked = await asyncio.gather(*map(self._ask, self._settings.servers))
        found = dict(zip(self._settings.servers, asked, strict=True))
        if not self._opened:
            tell("observer.opened", what=f"replication of {', '.join(self._settings.servers)}")
        for address, server in found.items():
            self._tell(address, server, tell)
        self._had = max((server.offset for server in asked if server.role == "primary"), default=None)
        self._opened = True

    def _tell(self, address: str, server: _Server, tell: Tell) -> None:
        result = self._result(server)
        before, self._told[address] = self._told.get(address), (result, server.primary)
        if before == (result, server.primary):
            return
        behind = (
            {} if self._had is None or server.role != "replica" else {"behind_bytes": max(0, self._had - server.offset)}
        )
        more = {"primary": server.primary, "why": server.why, "was": before[0] if before else ""}
        known = {"offset": server.offset, **behind} if server.role else {}
        tell("act.recorded", act="observe", replica=address, result=result, **known,
             **{key: value for key, value in more.items() if value}, **({} if self._opened else {"before": True}))  # fmt: skip

    def _result(self, server: _Server) -> str:
        if server.role != "replica":
            return server.role or "unreachable"
        if not server.linked:
            return "unlinked"
        return "linked" if self._had is None else "in_sync" if server.offset >= self._had else "behind"

    async def _ask(self, address: str) -> _Server:
        """One server's word. One that does not answer has none, whatever the reason is."""
        from functools import partial

        from valkey.exceptions import ValkeyError

        try:
            return await within(_ANSWER_S, partial(self._info, address))
        except (ValkeyError, OSError) as error:
            return _Server(why=str(error)[:200] or f"it did not answer within {_ANSWER_S:g} s")

    async def _info(self, address: str) -> _Server:
        line = self._lines.pop(address, None)
        try:
            if line is None:
                line = await self._call(address)
            (reply,) = await exchange(line, [("INFO", "replication")])
        except BaseException:
            await hang_up(line)
            raise
        self._lines[address] = line
        return read(reply.decode("utf-8", "replace"))

    async def _call(self, address: str) -> "Connection":
        host, _, port = address.rpartition(":")
        service = ValkeyService(host=host.strip("[]"), port=int(port), tls=self._settings.tls, ca=self._settings.ca)
        login = {"username": self._settings.username or None, "password": self._settings.password or None}
        return await call(service, *service.single(), login)

    async def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            await hang_up(line)


def read(info: str) -> _Server:
    """What `INFO replication` says: <https://valkey.io/commands/info/>."""
    said = {key: value for key, colon, value in (line.partition(":") for line in info.splitlines()) if colon}
    if said.get("role") == "master":
        return _Server("primary", _number(said, "master_repl_offset"))
    linked = said.get("master_link_status") == "up" and said.get("master_sync_in_progress", "0") == "0"
    return _Server("replica", _number(said, "slave_repl_offset"), linked,
                   f"{said.get('master_host', '')}:{said.get('master_port', '')}")  # fmt: skip


def _number(said: Mapping[str, Any], key: str) -> int:
    text = str(said.get(key, "0")).strip()
    return int(text) if text.isdecimal() else 0
