"""The observer of Prometheus, against two generations of it: the times it tells are those at which things happened."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from checks.observers import listening
from checks.observers import prometheus as prometheus_observer
from checks.observers.prometheus import PrometheusObserver
from tests.checks.observers.hearing import Told
from tests.checks.observers.monitoring import GENERATIONS, Gauges, Server, ask, gauges, prometheus
from tests.checks.probes.servers import comes, wait_for

INTERVAL_S = 0.5
BUSY_S = 2.0
"""How much later than planned a scrape or an evaluation may be on a machine that has other things to do."""
RULES = """
groups:
- name: shop
  rules:
  - {alert: Slow, expr: slow > 0, for: 2s, labels: {severity: page}, annotations: {summary: "It is slow"}}
  - {alert: Down, expr: down > 0, keep_firing_for: 0s}
  - {alert: Other, expr: 'nothing{x="y"} > 0 or down > 5'}
- {name: late, interval: 1m, rules: [{alert: Late, expr: "vector(0) > 0"}]}
"""


@dataclass(frozen=True)
class Bed:
    """A Prometheus, and the target that it scrapes."""

    server: Server
    target: Gauges
    told: Told

    def observe(self, do: Callable[[Told], Coroutine[Any, Any, None]], every_s: float = 0.2) -> Told:
        """Listen while something is done."""

        async def main() -> None:
            observer = PrometheusObserver(url=self.server.url, every=timedelta(seconds=every_s))
            async with observer.open(self.told):
                await do(self.told)

        asyncio.run(main())
        return self.told

    def set(self, name: str, value: float) -> float:
        """Set a gauge; since when it may be seen."""
        now_unix = time.time()
        self.target.values[name] = value
        return now_unix

    async def show(self, name: str, value: float) -> float:
        """Set a gauge, and wait until Prometheus has alerts or none; since when it may have been seen."""
        set_unix = self.set(name, value)
        wanted = value > 0
        await comes(
            lambda: bool(ask(f"{self.server.url}/api/v1/alerts")["data"]["alerts"]) is wanted, f"{name} as set", 20
        )
        return set_unix

    def samples(self, alert: str, state: str) -> list[float]:
        """When evaluations of late found an alert so, as Prometheus has it."""
        query = quote(f'ALERTS{{alertname="{alert}",alertstate="{state}"}}[5m]')
        (row,) = ask(f"{self.server.url}/api/v1/query?query={query}")["data"]["result"]
        return [at for at, _ in row["values"]]

    def next_scrape(self, after_unix: float) -> float:
        """When the target was asked first after this."""
        return next(at for at in self.target.scrapes if at > after_unix)


@pytest.fixture(scope="module", params=GENERATIONS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Gauges]]:
    with gauges(slow=0, down=0) as target, prometheus(request.param, RULES, [target]) as server:
        yield server, target


@pytest.fixture
def bed(running: tuple[Server, Gauges]) -> Bed:
    server, target = running
    left, now_unix = any(target.values.values()), time.time()
    target.values.update(slow=0, down=0)
    if left:  # what one test has left behind is no alert of the next
        wait_for(lambda: target.scrapes[-1] > now_unix, "a scrape")
        scraped_unix = target.scrapes[-1]
        wait_for(lambda: _is_calm(server, scraped_unix), "that nothing fires")
    return Bed(server, target, Told())


def _is_calm(server: Server, since_unix: float) -> bool:
    groups = ask(f"{server.url}/api/v1/rules")["data"]["groups"]
    rules = next(group["rules"] for group in groups if group["name"] == "shop")
    return all(listening.unix(rule["lastEvaluation"]) > since_unix and not rule["alerts"] for rule in rules)


def test_the_way_of_an_alert_has_true_times(bed: Bed) -> None:
    changed: list[float] = []
    before: list[dict[str, Any]] = []

    async def do(told: Told) -> None:
        changed.append(bed.set("slow", 1))
        await told.comes("alert.state", state="firing")
        # Who comes now finds it firing, and knows the same of it.
        later = Told()
        async with PrometheusObserver(url=bed.server.url).open(later):
            before.extend(later.all("alert.state"))
        changed.append(bed.set("slow", 0))
        await told.comes("alert.state", state="inactive")

    states = bed.observe(do).all("alert.state")

    assert [data["state"] for data in states] == ["pending", "firing", "inactive"]
    assert {(data["alert"], data["labels"]["severity"], "before" in data) for data in states} == {
        ("Slow", "page", False)
    }
    assert len({data["series"] for data in states}) == 1
    pending, firing, inactive = (data["since_unix"] for data in states)
    bad, good = (bed.next_scrape(at) for at in changed)
    found = bed.samples("Slow", "firing")
    assert (pending, firing) == (bed.samples("Slow", "pending")[0], found[0])
    assert inactive == pytest.approx(found[-1] + INTERVAL_S, abs=0.001)
    assert -0.1 <= pending - bad <= INTERVAL_S + BUSY_S
    assert 2 <= firing - pending <= 2 + INTERVAL_S + BUSY_S
    assert -BUSY_S <= inactive - good <= INTERVAL_S + BUSY_S  # earlier where evaluations were left out
    assert {data["active_unix"] for data in states} == {pending}
    assert before == [{**states[1], "before": True}]


def test_blips_that_are_over_when_it_looks_are_told_with_their_times(bed: Bed) -> None:
    raised: list[float] = []
    asked = 3.0

    async def do(told: Told) -> None:
        for value in (1, 0, 1, 0):
            raised.append(await bed.show("down", value))
        await told.comes("alert.state", state="inactive", alert="Down")
        await comes(lambda: len(told.all("alert.state")) >= 4, "the end of the second", 20)

    states = bed.observe(do, every_s=asked).all("alert.state")

    assert [data["state"] for data in states] == ["firing", "inactive"] * 2
    for at, data in zip(raised, states, strict=True):
        early_s = 0.1 if data["state"] == "firing" else BUSY_S  # where evaluations were left out
        assert -early_s <= data["since_unix"] - bed.next_scrape(at) <= INTERVAL_S + BUSY_S
    assert states[0]["active_unix"] == states[0]["since_unix"] == states[1]["active_unix"]
    assert states[2]["active_unix"] == states[2]["since_unix"]


def test_rules_are_told_on_opening_and_when_they_change(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_THOROUGH_S", 0.3)

    async def do(told: Told) -> None:
        await told.comes("alerting.rules")
        bed.server.write("rules.yml", RULES.replace("for: 2s", "for: 3m"))
        try:
            bed.server.reload()
            await comes(lambda: _rule(told.all("alerting.rules")[-1], "Slow")["for_s"] != 2, "the new rule", 20)
        finally:
            bed.server.write("rules.yml", RULES)
            bed.server.reload()

    told = bed.observe(do)

    first = told.all("alerting.rules")[0]
    slow = _rule(first, "Slow")
    assert (first["scrape_s"], first["evaluation_s"]) == (INTERVAL_S, INTERVAL_S)
    assert {(rule["alert"], rule["group"], rule["interval_s"]) for rule in first["rules"]} == {
        *((alert, "shop", INTERVAL_S) for alert in ("Slow", "Down", "Other")),
        ("Late", "late", 60),
    }
    assert (slow["for_s"], slow["keep_firing_for_s"], slow["query"], slow["error"]) == (2, 0, "slow > 0", "")
    assert (slow["labels"], slow["annotations"]) == ({"severity": "page"}, {"summary": "It is slow"})
    assert _rule(first, "Other")["series"] == 1  # of two selectors, one of which finds nothing
    assert _rule(first, "Late")["series"] is None
    assert _rule(told.all("alerting.rules")[-1], "Slow")["for_s"] == 180


def test_its_clock_is_ours(bed: Bed) -> None:
    async def nothing(told: Told) -> None:
        pass

    told = bed.observe(nothing)

    [clock] = told.all("observer.clock")
    assert abs(clock["offset_s"]) <= clock["error_s"] + 0.05
    assert clock["error_s"] < 0.5
    [opened] = told.all("observer.opened")
    assert f"at 127.0.0.1:{bed.server.port}" in opened["what"]
    assert opened["what"].startswith(("Prometheus 2.42.0", "Prometheus 0.315.0"))
    assert told.kinds()[:3] == ["observer.opened", "observer.clock", "alerting.rules"]


def test_a_restart_is_told_and_what_it_forgot_is_over_only_once_it_has_looked_again(bed: Bed) -> None:
    started: list[float] = []

    async def do(told: Told) -> None:
        bed.set("down", 1)
        await told.comes("alert.state", state="firing", alert="Down")
        # Not beside the observer: a question that is under way then would break, and not be refused.
        bed.server.stop(signal.SIGKILL)
        await told.comes("observer.lost")
        bed.server.write("rules.yml", RULES.replace("down > 0", "down > 100"))
        try:
            started.append(time.time())
            await asyncio.to_thread(bed.server.start)
            await told.comes("observer.back")
            await told.comes("alert.state", state="inactive", alert="Down")
        finally:
            bed.server.write("rules.yml", RULES)
            bed.server.reload()

    told = bed.observe(do)

    changes = [kind for kind in told.kinds("observer.") if kind != "observer.clock"]
    assert changes == ["observer.opened", "observer.lost", "observer.back", "observer.restarted"]
    assert "cannot be reached: Connection refused" in told.all("observer.lost")[0]["why"]
    states = told.all("alert.state", alert="Down")
    assert [data["state"] for data in states] == ["firing", "inactive"]
    assert states[1]["since_unix"] > started[0]


@pytest.mark.parametrize("late_s", [0, 2 * INTERVAL_S])
def test_an_alert_that_fires_before_and_after_a_restart_was_not_away(
    bed: Bed, late_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = prometheus_observer._Listener._live

    async def answered_late(listener: Any) -> Any:
        live = await asked(listener)
        if not live:
            await asyncio.sleep(late_s)  # so that it is started, and evaluates, between two questions
        return live

    monkeypatch.setattr(prometheus_observer._Listener, "_live", answered_late)

    async def do(told: Told) -> None:
        bed.set("down", 1)
        await told.comes("alert.state", state="firing", alert="Down")
        await asyncio.to_thread(bed.server.stop)
        await asyncio.sleep(3 * INTERVAL_S)
        await asyncio.to_thread(bed.server.start)
        await told.comes("observer.restarted")
        started = time.time()
        await comes(lambda: bed.target.scrapes[-1] > started, "a scrape", 20)
        bed.set("down", 0)
        await told.comes("alert.state", state="inactive", alert="Down")

    states = bed.observe(do).all("alert.state", alert="Down")

    assert [data["state"] for data in states] == ["firing", "inactive"]


def _rule(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(rule for rule in told["rules"] if rule["alert"] == name)
