"""Looks at a PostgreSQL database: does it answer a query, does it commit writes, and are they still there later?

One look is one try. A numbered write is one row, good only when its COMMIT came back. The rows are in a table of the
run's own, which is dropped at the end; one that a dead run left behind is dropped by the next run after a day.
"""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from checks.pool import AllBusy, Pool, closing
from checks.probe import GOOD, CannotLook, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Error

_PREFIX = "chaos_drills_"
_NAME_MAX = 63
"""Bytes that PostgreSQL keeps of a table's name; it cuts off the rest in silence."""
_LEASE_S = 86_400
"""After this long, a table counts as left behind by a run that died."""
_OPEN_S = 10.0
_CLOSE_S = 3.0
_READ_BACK_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDatabase:
    """Where a PostgreSQL database is. What is left out is taken as psql would, from the environment."""

    name: ClassVar[str] = "sql"

    url: Annotated[str, "As postgresql://user:password@host:5432/name; several hosts are tried in turn"] = field(
        default="", repr=False
    )
    host: Annotated[str, "Name, address or socket folder, when there is no `url`"] = ""
    port: Annotated[int, "Its port"] = 5432
    dbname: Annotated[str, "Name of the database"] = ""
    user: Annotated[str, "The user to log in as"] = ""
    password: Annotated[str, "Its password"] = field(default="", repr=False)

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.host):
            raise ValueError(
                "host" if self.url else "", "a database is found by `url` or by `host`", "give one of the two"
            )

    def settings(self) -> dict[str, Any]:
        """What libpq is told."""
        given = {"host": self.host, "dbname": self.dbname, "user": self.user, "password": self.password}
        return {name: value for name, value in given.items() if value} | ({"port": self.port} if self.host else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlProbe:
    """Sends a query, or writes a row and waits for its commit."""

    name: ClassVar[str] = "sql"
    address: ClassVar[type] = SqlDatabase

    target: Annotated[TargetName, "The database to look at"]
    write: Annotated[Literal["none", "numbered"], "Whether each look writes its number, to be read back at the end"] = (
        "none"
    )
    query: Annotated[str, "What is asked by a look that writes nothing"] = "select 1"
    role: Annotated[
        Literal["primary", "any"], "What a server must be to be looked at; a primary is not in recovery"
    ] = "primary"
    statement_timeout: Annotated[timedelta, "When the server gives up on a query that we have given up on"] = timedelta(
        seconds=10
    )
    connections: Annotated[int, "The most connections at a time; a look that finds none free is blind"] = 20

    def __post_init__(self) -> None:
        if self.write == "numbered" and self.query != "select 1":
            raise ValueError("query", "a look that writes its number asks nothing else", "take `query` or `write` away")
        if self.write == "numbered" and self.role == "any":
            raise ValueError("role", "only a primary takes writes", "take `role` away")

    @asynccontextmanager
    async def open(self, address: SqlDatabase, mark: str) -> AsyncIterator[Watch]:
        """Nothing is connected yet, but numbered writes have their table made here: then the database must be up."""
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise CannotLook('the probe `sql` needs its client: pip install "chaos-drills[sql]"') from None
        async with closing(_Database(address, self)) as database:
            if self.write == "none":
                yield _Queries(database, self.query)
                return
            async with closing(_Inserts(database, _table(mark))) as inserts:
                await inserts.begin()
                yield inserts


class _Queries:
    """Looks without writing anything."""

    def __init__(self, database: "_Database", query: str) -> None:
        self._database, self._query = database, query

    async def look(self, n: int) -> Look:
        """See the contract."""
        return await self._database.ask(self._query)


class _Inserts:
    """Writes the look's number as a row."""

    def __init__(self, database: "_Database", table: str) -> None:
        from psycopg.sql import SQL, Identifier

        self._database, self._table = database, table
        self._insert = SQL("insert into {} values (%s)").format(Identifier(table))
        self._begun = False

    async def begin(self) -> None:
        """Make the run's table and drop those of runs that died. Raises CannotLook when there can be no table."""
        import asyncio

        from psycopg import Error
        from psycopg.sql import SQL, Identifier, Literal

        try:
            async with asyncio.timeout(_OPEN_S), self._database.lend() as connection:
                now_s = await _drop_stale(connection)
                self._begun = True
                async with connection.transaction():  # no table is ever there without the time that its lease began
                    table = Identifier(self._table)
                    await connection.execute(SQL("create table {} (n bigint primary key)").format(table))
                    since = Literal(f"chaos-drills since {now_s}")
                    await connection.execute(SQL("comment on table {} is {}").format(table, since))
        except Error as error:
            raise CannotLook(f"cannot make a table for the numbers: {_judge(error).why}") from error
        except (OSError, AllBusy) as error:
            raise CannotLook(f"cannot make a table for the numbers: {error or 'no answer'}") from error

    async def look(self, n: int) -> Look:
        """See the contract."""
        return await self._database.ask(self._insert, n)

    async def read_back(self) -> Iterable[int]:
        """The numbers that are committed now. None is left when the table itself was lost."""
        import asyncio

        from psycopg.errors import UndefinedTable
        from psycopg.sql import SQL, Identifier

        async with asyncio.timeout(_READ_BACK_S), self._database.lend(anew=True) as connection:
            try:
                found = await connection.execute(SQL("select n from {}").format(Identifier(self._table)))
            except UndefinedTable:
                return []
            return [row[0] for row in await found.fetchall()]

    async def close(self) -> str:
        """Drop the table."""
        import asyncio

        from psycopg import Error
        from psycopg.sql import SQL, Identifier

        if not self._begun:
            return ""
        try:
            async with asyncio.timeout(_CLOSE_S), self._database.lend(anew=True) as connection:
                await connection.execute(SQL("drop table if exists {}").format(Identifier(self._table)))
        except (OSError, Error, AllBusy) as error:
            why = _judge(error).why if isinstance(error, Error) else error or "no answer"
            return f"the table {self._table} stays until a run after tomorrow's drops it: {why}"
        return ""


class _Database:
    """Connections to the database, each used by one look at a time."""

    def __init__(self, address: SqlDatabase, settings: SqlProbe) -> None:
        self._told = told_of(address, settings)
        self._pool: Pool[AsyncConnection[Any]] = Pool(
            connect=self._connect, usable=_usable, close=_hang_up, most=settings.connections
        )

    async def ask(self, query: Any, *values: Any) -> Look:
        """Send one query and have it committed; what goes wrong is told as the look it makes."""
        from psycopg import Error

        try:
            async with self._pool.lend() as connection:
                try:
                    await connection.execute(query, values or None)
                except Error as error:
                    if connection.closed or error.sqlstate in (None, _READ_ONLY):
                        raise
                    return _judge(error)
            return GOOD
        except AllBusy as error:
            return blind(str(error))
        except Error as error:
            return _judge(error)

    @asynccontextmanager
    async def lend(self, *, anew: bool = False) -> "AsyncIterator[AsyncConnection[Any]]":
        """A connection for something else than a look; with `anew`, one that is opened for it."""
        if anew:
            await self._pool.drop_idle()
        async with self._pool.lend() as connection:
            yield connection

    async def close(self) -> str:
        """Close all connections."""
        await self._pool.close()
        return ""

    async def _connect(self) -> "AsyncConnection[Any]":
        return await one_try().connect(**self._told, autocommit=True, prepare_threshold=None)


def told_of(address: SqlDatabase, settings: SqlProbe) -> dict[str, Any]:
    """What libpq is told of each connection. Raises CannotLook when the address cannot be read."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        told = conninfo_to_dict(address.url, **address.settings())
    except ProgrammingError:  # its message may hold the password
        raise CannotLook("`url` is not an address such as postgresql://user@host:5432/name") from None
    if settings.role == "primary":
        told.setdefault("target_session_attrs", "read-write")
    # The server does not notice that we hung up on a query, and would go on with it.
    limit_ms = max(1, round(settings.statement_timeout / timedelta(milliseconds=1)))
    told["options"] = f"{told.get('options') or ''} -c statement_timeout={limit_ms}".strip()
    told.setdefault("application_name", "chaos-drills")
    return told


@cache
def one_try() -> "type[AsyncConnection[Any]]":
    """A connection that is closed when what it waits for is cancelled.

    The library's own would then ask the server, over a second connection and for up to ten seconds, to stop.
    """
    from asyncio import CancelledError

    from psycopg import AsyncConnection
    from psycopg.waiting import wait_async

    class OneTry(AsyncConnection[Any]):
        async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109
            limits = {} if timeout is None else {"timeout": timeout}
            try:
                return await wait_async(gen, self.pgconn.socket, interval=interval, **limits)
            except CancelledError:
                self.pgconn.finish()
                raise

    return OneTry


async def _usable(connection: "AsyncConnection[Any]") -> bool:
    """False when the server has hung up, or said anything else, while nobody was asking."""
    import select

    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


async def _hang_up(connection: "AsyncConnection[Any]") -> None:
    await connection.close()


def _table(mark: str) -> str:
    """A name of the run's own, which the server will not cut short."""
    from hashlib import sha256

    name = _PREFIX + mark
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 9]}_{sha256(mark.encode()).hexdigest()[:8]}"


async def _drop_stale(connection: "AsyncConnection[Any]") -> int:
    """Drop the tables that dead runs of this role left behind; passes the server's time."""
    from psycopg.sql import SQL, Identifier

    (now_s,) = await (await connection.execute("select extract(epoch from now())::bigint")).fetchone() or (0,)
    found = await connection.execute(
        "select n.nspname, c.relname, obj_description(c.oid, 'pg_class') from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and starts_with(c.relname, %s) and pg_has_role(c.relowner, 'USAGE')",
        (_PREFIX,),
    )
    for schema, table, comment in await found.fetchall():
        since = re.fullmatch(r"chaos-drills since (\d+)", comment or "")
        if since and int(since[1]) < now_s - _LEASE_S:
            await connection.execute(SQL("drop table if exists {}").format(Identifier(schema, table)))
    return int(now_s)


_READ_ONLY = "25006"
_NOT_SERVING = ("08", "25", "40", "53", "55", "57", "58", "XX")
"""Classes of SQLSTATE that say something about the server: connections, transactions, resources, operators, the system
and bugs of the server itself. Any other is about what we asked or who we are."""
_OURS = (
    r"authentication failed|no password supplied|pg_hba\.conf|permission denied|not permitted to log in"
    r'|(role|database|user) ".*" does not exist|certificate|invalid connection option|server does not support SSL'
)
"""A refused connection has no SQLSTATE, only words; these are about our login."""


def _judge(error: "Error") -> Look:
    """What an error means: a server that does not serve is bad, a question that it will not answer to us is blind."""
    from psycopg import OperationalError

    code, why = error.sqlstate, _short(error)
    if code is None:
        return bad(why) if isinstance(error, OperationalError) and not re.search(_OURS, why) else blind(why)
    if code == "42P01" and _PREFIX in why:
        return bad("the table with the numbers is gone")
    return bad(why) if code[:2] in _NOT_SERVING else blind(why)


def _short(error: "Error") -> str:
    """The gist of an error's first line, without the library's `connection to server at … failed: FATAL:`."""
    line = (str(error).splitlines() or [""])[0]
    gist = re.sub(r"^(.* failed: |connection is bad: )?(\S+:\s\s)?", "", line) or type(error).__name__
    return gist[0].lower() + gist[1:]
