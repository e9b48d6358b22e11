"""Which scrape showed what an alert tells of: against two generations of Prometheus, and with answers as a test gives them."""

import asyncio
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.observers import sensing as module
from checks.observers.listening import Answer, Unheard
from checks.observers.prometheus import PrometheusObserver
from checks.observers.sensing import Begun, Sensing
from tests.checks.observers.hearing import Fake, Told, fake
from tests.checks.observers.monitoring import GENERATIONS, Gauges, Server, ask, gauges, prometheus
from tests.checks.probes.servers import comes

RULES = """
groups:
- name: slow
  interval: 2s
  rules:
  - {alert: One, expr: level > 0, for: 1s, labels: {severity: page, shard: "none"}}
  - {alert: Sum, expr: 'sum by (job) (level{shard=~"a|b"}) > 0', labels: {team: "{{ $labels.job }}"}}
  - {alert: Rate, expr: 'rate(errors_total[3s]) > 0'}
  - {alert: Sleeping, expr: time() - changed > 2}
  - {alert: Last, expr: last > 0}
"""


@pytest.fixture(scope="module", params=GENERATIONS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Gauges]]:
    series = {'level{shard="a"}': 0.0, 'level{shard="b"}': 0.0, "errors_total": 0.0, "changed": 1e12, "last": 0.0}
    with gauges(**series) as target, prometheus(request.param, RULES, [target]) as server:
        yield server, target


def test_it_is_the_first_scrape_that_made_the_rule_hold(running: tuple[Server, Gauges]) -> None:
    """Scraped every 500 ms and evaluated every 2 s: of the scrapes between two evaluations any may be the one.

    What begins to hold as time goes by was shown by none.
    """
    server, target = running
    told = Told()

    async def main() -> None:
        observer = PrometheusObserver(url=server.url, every=timedelta(milliseconds=200))
        async with observer.open(told):
            # It begins to sleep half way between two scrapes.
            target.values.update({'level{shard="b"}': 1, "errors_total": 5, "changed": target.scrapes[-1] + 0.25})
            await told.comes("alert.state", alert="Sleeping")
            target.values["last"] = 1
            for alert in ("One", "Sum", "Rate", "Last"):
                await told.comes("alert.sensed", alert=alert)

    asyncio.run(main())
    sensed = {one["alert"]: one for one in told.all("alert.sensed")}
    reads = {"One": 'level{shard="b"}', "Sum": 'level{shard="b"}', "Rate": "errors_total", "Last": "last"}

    assert {name: one["sample_unix"] for name, one in sensed.items()} == {
        name: _first_bad(server, series) for name, series in reads.items()
    }
    begun = {one["alert"]: one for one in told.all("alert.state") if one["since_unix"] == one["active_unix"]}
    for name, one in sensed.items():
        same = {key: begun[name][key] for key in ("alert", "labels", "series", "active_unix")}
        assert one == {**same, "sample_unix": one["sample_unix"], "scrape_s": 0.5}
        assert one["sample_unix"] <= one["active_unix"]


def _first_bad(server: Server, series: str) -> float:
    """When the first sample of a series was taken that is not 0."""
    (row,) = ask(f"{server.url}/api/v1/query?query={quote(series)}[5m]")["data"]["result"]
    return next(at for at, value in row["values"] if value != "0")


# --- with answers as a test gives them

LABELS = {"alertname": "Down", "job": "shop", "severity": "page"}
RULE = {"alert": "Down", "query": "down > 0", "interval_s": 15.0, "labels": {"severity": "page"}}


class Answers:
    """A line to a Prometheus in which `down` was sampled at these times, and is bad as a test says."""

    def __init__(self, samples: list[float], bad: Callable[[float], bool], series: int = 1) -> None:
        self.samples, self.bad, self.series = samples, bad, series
        self.asked: list[tuple[str, float]] = []

    async def ask(self, path: str, params: list[tuple[str, str]]) -> Answer:
        query, at = dict(params)["query"], float(dict(params)["time"])
        self.asked.append((query, at))
        return Answer({"data": {"resultType": "vector", "result": self._result(query, at)}}, "", 0.0, 0.0)

    def _result(self, query: str, at: float) -> list[dict[str, Any]]:
        if query.startswith("(count("):
            return [{"metric": {}, "value": [at, str(self.series)]}]
        if back := re.fullmatch(r"down.*\[(\d+)ms\]", query):
            seen = [[one, "1"] for one in self.samples if at - int(back[1]) / 1000 <= one <= at]
            return [{"metric": {"__name__": "down", "job": "shop"}, "values": seen}] if seen else []
        place = bisect_right(self.samples, at + 1e-6) - 1
        found = [{"metric": {"job": "another"}, "value": [at, "1"]}]
        if place >= 0 and self.bad(self.samples[place]):
            found.append({"metric": {"__name__": "down", "job": "shop"}, "value": [at, "1"]})
        return found


class OneRule:
    """Rules of which there is one."""

    rarest_scrape_s = 15.0

    def scrape_s(self, job: str) -> float | None:
        return 5.0 if job == "shop" else None

    def rule(self, labels: Mapping[str, str]) -> Mapping[str, Any]:
        return RULE


def sensed(answers: Any, *begun: Begun, wait: Callable[[Told], bool] | None = None) -> Told:
    """Look into what began, until the last of it was looked into."""
    told = Told()

    async def main() -> None:
        looking = Sensing(answers, OneRule())  # type: ignore[arg-type]
        async with looking.beside(told):
            for one in begun:
                looking.saw(one)
            await comes(lambda: not any(looking._of_alert.values()), "the last of them")

    asyncio.run(main())
    return told


def began(active: float = 100.0, series: str = "1", alert: str = "Down") -> Begun:
    return Begun({**LABELS, "alertname": alert}, series, active)


def instants(told: Told) -> list[float]:
    return [one["sample_unix"] for one in told.all("alert.sensed")]


def test_what_is_told_says_whose_it_is() -> None:
    told = sensed(Answers([80, 95], lambda at: at >= 95), began())
    assert told.events == [("alert.sensed", {"alert": "Down", "labels": LABELS, "series": "1", "sample_unix": 95,
                                             "active_unix": 100, "scrape_s": 5})]  # fmt: skip


@pytest.mark.parametrize(
    ("samples", "bad_from", "found"),
    [
        ([71.0, 86.0], 86, [86.0]),
        ([71.0, 86.0], 71, [71.0]),  # as of a scrape that hung: it has the time of its beginning
        ([69.9, 86.0], 69, []),  # it was there before the evaluation that did not find it
        ([70.0, 85.0, 100.0], 100, [100.0]),
        ([100.1], 100, []),
        ([], 0, []),
        ([71.0 + n / 20 for n in range(500)], 86, [86.0]),
    ],
)  # fmt: skip
def test_a_scrape_showed_it_if_it_holds_since_then_and_not_before(
    samples: list[float], bad_from: float, found: list[float]
) -> None:
    assert instants(sensed(Answers(samples, lambda at: at >= bad_from), began())) == found


def test_one_that_came_and_went_before_is_not_it() -> None:
    assert instants(sensed(Answers([72.0, 78, 84, 90, 96], lambda at: at in (78, 90, 96)), began())) == [90]


def test_what_began_to_hold_between_two_scrapes_was_shown_by_none() -> None:
    class Passing(Answers):
        """It holds since 90 s: 20 s after a sample that is the last."""

        def _result(self, query: str, at: float) -> list[dict[str, Any]]:
            found = super()._result(query, at)
            return found if "[" in query or "count" in query or at >= 90 else []

    assert instants(sensed(Passing([70.0, 85.0, 95.0], lambda at: True), began())) == []


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=60))
def test_it_never_names_a_scrape_that_changed_nothing(steps: list[tuple[int, bool]]) -> None:
    samples, bad, at = [], {}, 70_000
    for step, is_bad in steps:
        at += step
        samples.append(at / 1000)
        bad[at / 1000] = is_bad
    answers = Answers(samples, lambda one: bad[one])
    for found in instants(sensed(answers, began())):
        place = samples.index(found)
        assert bad[found]
        assert place == 0 or not bad[samples[place - 1]]


def test_of_many_series_nothing_is_read() -> None:
    answers = Answers([80, 95], lambda at: at >= 95, series=module._SERIES_MAX + 1)
    assert sensed(answers, began()).events == []
    assert len(answers.asked) == 1  # how many they are
    assert instants(sensed(Answers([80, 95], lambda at: at >= 95, series=module._SERIES_MAX), began())) == [95]


def test_samples_are_read_of_the_series_that_can_be_its_own() -> None:
    answers = Answers([80, 95], lambda at: at >= 95)
    sensed(answers, began())
    assert answers.asked[1] == ('down{job=~"|shop"}[30000ms]', 100.0)


def test_hundreds_of_samples_cost_a_few_questions() -> None:
    answers = Answers([71.0 + n / 20 for n in range(580)], lambda at: at >= 90)
    assert instants(sensed(answers, began())) == [90.0]
    assert len(answers.asked) <= 2 + 6 + module._ONE_BY_ONE + 1


def test_of_a_storm_a_few_are_looked_into() -> None:
    answers = Answers([80, 95], lambda at: at >= 95)
    storm = [began(series=str(n)) for n in range(50)] + [began(alert=f"A{n}") for n in range(50)]
    told = sensed(answers, *storm)
    assert len(told.all("alert.sensed", alert="Down")) == module._EACH
    assert len(told.all("alert.sensed")) == module._ALL


def test_after_a_storm_others_have_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    told, answers = Told(), Answers([80, 95], lambda at: at >= 95)

    async def main() -> None:
        looking = Sensing(answers, OneRule())  # type: ignore[arg-type]
        async with looking.beside(told):
            for n in range(9):
                looking.saw(began(series=str(n)))
            await comes(lambda: len(told.events) == module._EACH, "the first")
            looking.saw(began(series="later"))
            await told.comes("alert.sensed", series="later")

    asyncio.run(main())
    assert len(told.all("alert.sensed")) == module._EACH + 1


@pytest.mark.parametrize("trouble", [Unheard("it is gone"), KeyError("data"), TimeoutError()])
def test_what_cannot_be_found_out_is_not_told_and_the_next_is(trouble: Exception) -> None:
    class Failing(Answers):
        async def ask(self, path: str, params: list[tuple[str, str]]) -> Answer:
            if len(self.asked) == 0:
                self.asked.append(("", 0.0))
                raise trouble
            return await super().ask(path, params)

    told = sensed(Failing([80, 95], lambda at: at >= 95), began(series="1"), began(series="2"))
    assert [one["series"] for one in told.all("alert.sensed")] == ["2"]


def test_a_prometheus_that_does_not_answer_such_questions_keeps_no_poll_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told, hung = Told(), []
    answer = Fake.answer

    async def hangs(system: Fake, request: Any) -> Any:
        if "time" in request.query:
            hung.append(request)
            await asyncio.sleep(60)
        return await answer(system, request)

    monkeypatch.setattr(Fake, "answer", hangs)

    async def main() -> None:
        async with fake() as system:
            now = int((await _now()) - 5)
            system.evaluated = "2026-01-01T00:00:00Z"
            async with PrometheusObserver(url=system.url, every=timedelta(milliseconds=20)).open(told):
                system.samples += [(float(now), "firing", float(now))]
                system.live = True
                await comes(lambda: bool(hung), "the question")
                asked = len(system.requests)
                await comes(lambda: len(system.requests) > asked + 10, "more polls")

    asyncio.run(main())
    assert told.all("observer.lost") == []
    assert told.all("alert.sensed") == []


async def _now() -> float:
    import time

    return time.time()
