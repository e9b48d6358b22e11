"""Asks a PostgreSQL database one thing again and again, and tells when the answer is another one.

So that it can be said by somebody who is not being drilled: are the prices of the replica those of the primary?
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from checks.observer import CannotObserve, Tell
from checks.observers.listening import Unheard, need_period, polling
from checks.probe import CannotLook, TargetName
from checks.probes.sql import SqlDatabase, SqlProbe, one_try, told_of

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_ANSWER_S = 5.0
"""How long one answer may take."""
_TEXT_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Runs a query; the first column of its first row is the answer."""

    name: ClassVar[str] = "query"

    query: Annotated[str, "What is asked: select case when … then 'match' else 'mismatch' end"]
    url: Annotated[str, "The database, as postgresql://user:password@host:5432/name"] = field(repr=False)
    about: Annotated[Mapping[str, str], "What the answer is about, told beside it: {replica: shop-replica-2}"] = field(
        default_factory=dict
    )
    every: Annotated[timedelta, "How often it is asked"] = timedelta(seconds=1)

    def __post_init__(self) -> None:
        need_period(self.every)
        for key in self.about:
            if not key.isidentifier() or key in ("act", "result", "was", "before", "trust"):
                raise ValueError("about", f"the answer cannot be about `{key}`", "as in {replica: shop-replica-2}")

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; the first answer is told before it is entered."""
        try:
            limit = timedelta(seconds=_ANSWER_S)
            told = told_of(
                SqlDatabase(url=self.url), SqlProbe(target=TargetName("-"), role="any", statement_timeout=limit)
            )
        except CannotLook as error:
            raise CannotObserve(str(error)) from None
        looking = _Looking(self, told)
        try:
            async with polling("the database", tell, looking.poll, self.every):
                yield
        finally:
            await looking.close()


class _Looking:
    """What was answered last."""

    def __init__(self, settings: Query, told: Mapping[str, Any]) -> None:
        self._settings, self._connect = settings, told
        self._connection: AsyncConnection[Any] | None = None
        self._answer: str | None = None

    async def poll(self, tell: Tell, thorough: bool) -> None:
        """See `listening.Poll`."""
        import asyncio

        from psycopg import Error

        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await self._ask()
        except TimeoutError:
            await self.close()
            raise Unheard(f"no answer within {_ANSWER_S:g} s") from None
        except Error as error:
            await self.close()
            raise Unheard(str(error.diag.message_primary or type(error).__name__)) from None
        if self._answer is None:
            tell("observer.opened", what=f"answers of a database at {self._connect.get('host', 'its socket')}")
        if answer != self._answer:
            was = {"before": True} if self._answer is None else {"was": self._answer}
            tell("act.recorded", act="observe", result=answer, **self._settings.about, **was)
            self._answer = answer

    async def _ask(self) -> str:
        if self._connection is None or self._connection.closed:
            self._connection = await one_try().connect(**self._connect, autocommit=True, prepare_threshold=None)
        row = await (await self._connection.execute(self._settings.query.encode())).fetchone()
        return str(row[0])[:_TEXT_MAX] if row else ""

    async def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
