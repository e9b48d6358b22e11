"""Finds the scrape that showed what an alert tells of.

Prometheus says which evaluation first found an alert, and not which scrape gave it the data. So the rule's expression is
asked for again, at the very instants of the samples that it reads: the scrape is the one since which it holds, and a
millisecond before which it does not. Where there is none, as where time alone made it hold, nothing is told.

It costs some queries, one after the other, beside the polling that finds the alerts; of a storm a few are looked into.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from checks.observer import Tell
from checks.observers.bounds import bounded
from checks.observers.listening import Line
from checks.observers.rules import Rules
from checks.observers.selectors import counting, narrowed, selectors

_EACH, _ALL = 3, 20
"""Series of one alert, and of all, that wait for being looked into; what comes beyond is not."""
_LOOK_S = 10.0
"""For looking into one of them."""
_SELECTORS_MAX, _SERIES_MAX = 8, 1_000
"""Selectors of an expression, and series that they give, of which samples are read."""
_ONE_BY_ONE = 16
"""Instants that are asked for one after the other; of more, half are passed over again and again."""
_GRAIN_S = 0.001
"""Of Prometheus' time."""


class Begun(NamedTuple):
    """An alert that an evaluation was the first to find."""

    labels: Mapping[str, str]
    series: str
    active_unix: float

    @property
    def alert(self) -> str:
        """What it is called."""
        return self.labels.get("alertname", "")


class _Sample(NamedTuple):
    """One that was scraped, or recorded by a rule, which is of no job."""

    at_unix: float
    job: str


class Sensing:
    """Looks into alerts, one after the other."""

    def __init__(self, line: Line, rules: Rules) -> None:
        import asyncio

        self._line, self._rules = line, rules
        self._waiting: asyncio.Queue[Begun] = asyncio.Queue(_ALL)
        self._of_alert: Counter[str] = Counter()

    def saw(self, begun: Begun) -> None:
        """Look into it when its turn comes, if there are not too many before it."""
        if self._of_alert[begun.alert] < _EACH and not self._waiting.full():
            self._of_alert[begun.alert] += 1
            self._waiting.put_nowait(begun)

    @asynccontextmanager
    async def beside(self, tell: Tell) -> AsyncIterator[None]:
        """Go on until the context is left."""
        import asyncio

        task = asyncio.create_task(self._go_on(tell))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _go_on(self, tell: Tell) -> None:
        while True:
            begun = await self._waiting.get()
            sample = await self._within_time(begun)
            self._of_alert[begun.alert] -= 1
            if sample is not None:
                data = {"alert": begun.alert, "labels": dict(begun.labels), "series": begun.series,
                        "sample_unix": round(sample.at_unix, 3), "active_unix": round(begun.active_unix, 3),
                        "scrape_s": self._rules.scrape_s(sample.job)}  # fmt: skip
                tell("alert.sensed", **bounded(data))

    async def _within_time(self, begun: Begun) -> _Sample | None:
        import asyncio

        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._look_into(begun)
        except Exception:  # noqa: BLE001 - whatever an answer may hold: then nobody knows, and a lost line is told by the polls
            return None

    async def _look_into(self, begun: Begun) -> _Sample | None:
        """The sample that showed it. Raises Unheard."""
        rule = self._rules.rule(begun.labels)
        if rule is None:
            return None
        labels = _but(begun.labels, rule)
        # Of a scrape that hangs the sample is there only later, and has the time of its beginning.
        back_s = rule["interval_s"] + self._rules.rarest_scrape_s
        samples = await self._samples(rule["query"], labels, begun.active_unix, back_s)

        async def holds(at_unix: float) -> bool:
            found = (await self._ask(rule["query"], at_unix))["result"]
            return any(_but(row["metric"], rule) == labels for row in found)

        since = await _since(holds, sorted(samples))
        return None if since is None else _Sample(since, samples[since])

    async def _samples(
        self, query: str, labels: Mapping[str, str], until_unix: float, back_s: float
    ) -> Mapping[float, str]:
        """The samples that the expression can have read, by when they were taken, and of which job; none if too many."""
        read = [narrowed(one, labels) for one in selectors(query)][:_SELECTORS_MAX]
        if not read:
            return {}
        (count,) = (await self._ask(counting(read), until_unix))["result"]
        if float(count["value"][1]) > _SERIES_MAX:
            return {}
        found = [await self._ask(f"{one}[{back_s * 1000:.0f}ms]", until_unix) for one in read]
        rows = [row for one in found for row in one["result"]]
        return {at: row["metric"].get("job", "") for row in rows for at, _ in row.get("values", row.get("histograms"))}

    async def _ask(self, query: str, at_unix: float) -> Any:
        answer = await self._line.ask("/api/v1/query", [("query", query), ("time", f"{at_unix:.3f}")])
        return answer.data["data"]


async def _since(holds: Callable[[float], Awaitable[bool]], instants: Sequence[float]) -> float | None:
    """The instant since which it holds until the last; None where it began to hold between two of them."""
    while len(instants) > _ONE_BY_ONE:  # which takes it for granted that it does not come and go
        middle = len(instants) // 2
        instants = instants[: middle + 1] if await holds(instants[middle]) else instants[middle + 1 :]
    since = None
    for at in reversed(instants):
        if not await holds(at):
            break
        since = at
    return None if since is None or await holds(since - _GRAIN_S) else since


def _but(labels: Mapping[str, str], rule: Mapping[str, Any]) -> Mapping[str, str]:
    """Labels without those that a rule gives its alerts: what they have of their data."""
    return {name: value for name, value in labels.items()
            if name not in rule["labels"] and name not in ("alertname", "__name__")}  # fmt: skip
