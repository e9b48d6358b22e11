"""What observers tell for the sake of a drill that has not begun: groups that live, a dead man, what a rule could fire for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from checks.observer import CannotObserve, Observer, SendsAlerts
from checks.observers import alertmanager as observing
from checks.observers import could_fire, listening
from checks.observers.alertmanager import AlertmanagerObserver
from checks.observers.listening import stamp, unix
from checks.observers.prometheus import PrometheusObserver
from tests.checks.observers.hearing import PATIENCE_S, Told
from tests.checks.observers.monitoring import GENERATIONS, Generation, Server, alertmanager, ask, gauges, prometheus
from tests.checks.probes.servers import wait_for

CONFIG = {
    "route": {"receiver": "all", "group_by": ["alertname", "zone"], "group_wait": "1s", "group_interval": "1s"},
    "receivers": [{"name": "all", "webhook_configs": [{"url": "http://127.0.0.1:1/", "send_resolved": False}]},
                  {"name": "ends", "webhook_configs": [{"url": "http://127.0.0.1:1/"}]}, {"name": "nobody"}],
}  # fmt: skip
each_generation = pytest.mark.parametrize("generation", GENERATIONS)


@pytest.fixture(scope="module", params=GENERATIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with alertmanager(request.param, CONFIG) as server:
        yield server


@pytest.fixture(autouse=True)
def thorough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every poll looks at everything."""
    monkeypatch.setattr(listening, "_THOROUGH_S", 0.1)


def observer(server: Server, **settings: Any) -> AlertmanagerObserver:
    return AlertmanagerObserver(url=server.url, every=timedelta(milliseconds=100), **settings)


def heard(by: Observer, do: Callable[[Told], Awaitable[object]]) -> Told:
    """What an observer tells while something is done."""
    told = Told()

    async def main() -> None:
        async with by.open(told):
            await do(told)

    asyncio.run(main())
    return told


async def nothing(_: Told) -> None:
    """Only what is told on opening."""


async def until(so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < end, f"it is never so that {what}"
        await asyncio.sleep(0.02)


async def fire(server: Server, alert: str, *, lasts_s: float = 600.0, **labels: str) -> None:
    now = time.time()
    body = {"labels": {"alertname": alert, **labels}, "startsAt": stamp(now - 60), "endsAt": stamp(now + lasts_s)}
    await asyncio.to_thread(ask, f"{server.url}/api/v2/alerts", [body])


def held(server: Server, alert: str) -> list[dict[str, Any]]:
    return [one for one in ask(f"{server.url}/api/v2/alerts") if one["labels"]["alertname"] == alert]


class TestGroups:
    def test_those_that_hold_alerts_are_told_and_when_that_changes(self, server: Server) -> None:
        async def do(told: Told) -> None:
            def groups() -> list[dict[str, Any]]:
                return told.all("alerting.groups")[-1]["groups"]

            assert groups() == []
            for shard in "12":
                await fire(server, "Slow", zone="a", shard=shard)
            await until(lambda: any(one["alerts"] == 2 for one in groups()), "both are in one group")
            (group,) = groups()
            assert (group["receiver"], group["labels"]) == ("all", {"alertname": "Slow", "zone": "a"})
            assert abs(time.time() - 60 - group["since_unix"]) < 30
            for shard in "12":
                await fire(server, "Slow", zone="a", shard=shard, lasts_s=-1)
            await until(lambda: groups() == [], "none holds any")

        told = heard(observer(server), do)

        kinds = told.kinds("alerting.groups")
        assert 3 <= len(kinds) <= 5  # empty, perhaps with one alert, with both, perhaps with one, empty

    def test_they_are_told_on_opening(self, server: Server) -> None:
        asyncio.run(fire(server, "Old", zone="b"))
        try:
            # It is taken in a moment before it is in a group.
            wait_for(lambda: any(one["alerts"] for one in ask(f"{server.url}/api/v2/alerts/groups")), "the group")
            (told,) = heard(observer(server), nothing).all("alerting.groups")
        finally:
            asyncio.run(fire(server, "Old", zone="b", lasts_s=-1))

        assert [(one["receiver"], one["labels"], one["alerts"]) for one in told["groups"]] == [
            ("all", {"alertname": "Old", "zone": "b"}, 1)
        ]

    def test_receivers_with_a_webhook_are_told_with_whether_they_hear_of_ends(self, server: Server) -> None:
        (routes,) = heard(observer(server), nothing).all("alerting.routes")

        assert routes["send_resolved"] == {"all": False, "ends": True}


class TestDeadMan:
    def test_it_lives_while_it_is_sent_and_is_dead_once_it_is_silent_for_too_long(self, server: Server) -> None:
        async def do(told: Told) -> None:
            assert told.all("alerting.dead_man")[-1]["alive"] is True
            await told.comes("alerting.dead_man", alive=False)
            assert await asyncio.to_thread(held, server, "Watchdog")  # it is dead before Alertmanager forgets it
            await fire(server, "Watchdog")
            await until(lambda: told.all("alerting.dead_man")[-1]["alive"] is True, "it lives again")

        asyncio.run(fire(server, "Watchdog", lasts_s=12))  # it is dead after 9 s, and forgotten 3 s later
        told = heard(observer(server, dead_man="Watchdog"), do)
        asyncio.run(fire(server, "Watchdog", lasts_s=-1))

        assert [one["alive"] for one in told.all("alerting.dead_man")] == [True, False, True]
        assert told.all("alerting.dead_man")[1]["why"].startswith("it was sent last ")

    def test_where_it_is_not_held_it_is_dead_unless_alertmanager_is_young(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (young,) = heard(observer(server, dead_man="Nobody"), nothing).all("alerting.dead_man")
        monkeypatch.setattr(observing, "_YOUNG_S", 0.0)
        (old,) = heard(observer(server, dead_man="Nobody"), nothing).all("alerting.dead_man")

        assert (young["alive"], old["alive"]) == (None, False)
        assert old["why"] == "Alertmanager does not hold it"

    def test_without_one_nothing_is_told(self, server: Server) -> None:
        assert heard(observer(server), nothing).all("alerting.dead_man") == []

    @each_generation
    def test_a_real_one_lives_for_as_long_as_prometheus_does(self, generation: Generation) -> None:
        """It is evaluated as often as it is sent again: then Prometheus lets every other time pass."""
        every_s = 2  # it is dead after 6 s without a word, and comes every 4 s
        rules = f"groups: [{{name: g, interval: {every_s}s, rules: [{{alert: Watchdog, expr: 'vector(1)'}}]}}]"
        times: set[float] = set()

        async def do(told: Told) -> None:
            await told.comes("alerting.dead_man", alive=True)

            def updates() -> int:
                times.update(unix(one["updatedAt"]) for one in held(routing, "Watchdog"))
                return len(times)

            await until(lambda: updates() >= 3, "it was sent three times")
            assert told.all("alerting.dead_man", alive=False) == []
            await asyncio.to_thread(metrics.stop)
            await told.comes("alerting.dead_man", alive=False)

        with (
            alertmanager(generation, CONFIG) as routing,
            prometheus(generation, rules, alertmanager=routing.url, resend=f"{every_s}s") as metrics,
        ):
            heard(observer(routing, dead_man="Watchdog"), do)

        ordered = sorted(times)
        assert max(two - one for one, two in pairwise(ordered)) > 1.5 * every_s


class TestSending:
    def test_an_alert_of_ours_fires_at_once_and_is_over_when_we_say_so(self, server: Server) -> None:
        sender = observer(server)
        assert isinstance(sender, SendsAlerts)
        asyncio.run(sender.send({"alertname": "Ours", "zone": "a"}, {"summary": "a test"}, lasts_s=60))
        (ours,) = held(server, "Ours")

        assert ours["annotations"] == {"summary": "a test"}
        assert time.time() - unix(ours["startsAt"]) > 3600
        assert 0 < unix(ours["endsAt"]) - time.time() <= 60
        asyncio.run(sender.send({"alertname": "Ours", "zone": "a"}, {"summary": "a test"}, lasts_s=0))
        assert held(server, "Ours") == []

    def test_what_it_does_not_take_is_said(self, server: Server) -> None:
        with pytest.raises(CannotObserve, match="answered 400"):
            asyncio.run(observer(server).send({}, {}, lasts_s=1))
        with pytest.raises(CannotObserve, match="cannot be reached"):
            asyncio.run(AlertmanagerObserver(url="http://127.0.0.1:1").send({"alertname": "x"}, {}, lasts_s=1))


RULES = """
groups:
  - name: g
    rules:
      - {alert: Each, expr: 'down{kind!="none"} > 0 and on (shard) down <= 1'}
      - {alert: Together, expr: "sum by (kind) (down) >= 5"}
      - {alert: All, expr: "sum(down) != 0"}
      - {alert: Absent, expr: "absent(down)"}
      - {alert: Late, expr: "late > 0"}
      - {alert: Always, expr: "vector(1)"}
"""


@each_generation
def test_a_rule_tells_all_that_it_could_fire_for_while_nothing_is_wrong(generation: Generation) -> None:
    values = {'down{shard="1",kind="a"}': 0.0, 'down{shard="2",kind="a"}': 0.0}

    async def do(told: Told) -> None:
        def last() -> dict[str, Any]:
            return {one["alert"]: one for one in told.all("alerting.rules")[-1]["rules"]}

        rules = last()
        each = rules["Each"]["could_fire"]
        assert (each["count"], [one["shard"] for one in each["labels"]]) == (2, ["1", "2"])
        assert rules["Together"]["could_fire"] == {"count": 1, "labels": [{"kind": "a"}]}
        assert rules["All"]["could_fire"] == rules["Always"]["could_fire"] == {"count": 1, "labels": [{}]}
        assert rules["Absent"]["could_fire"] == rules["Late"]["could_fire"] == {"count": 0, "labels": []}
        assert (rules["Late"]["series"], rules["Absent"]["series"]) == (0, 2)
        assert not {"Each", "Together", "All"} & {one["alert"] for one in told.all("alert.state")}
        target.values["late"] = 0.0  # what is found only a while after Prometheus was started
        await until(lambda: last()["Late"]["series"] == 1, "the new series is told")
        assert last()["Late"]["could_fire"]["count"] == 1

    with gauges() as target:
        target.values.update(values)
        with prometheus(generation, RULES, [target]) as metrics:
            told = heard(PrometheusObserver(url=metrics.url, every=timedelta(milliseconds=100)), do)

    assert told.all("alerting.rules")[0]["relabelled"] is False
    assert told.all("alerting.rules")[0]["external_labels"] == {}


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("up == 0", "up == bool  0"),
        ("a>b", "a> bool b"),
        ('a{x=~">=1",y!="="} <= 1', 'a{x=~">=1",y!="="} <= bool  1'),
        ("a > bool 1", "a > bool 1"),
        ("a[5m:1m] != 2", "a[5m:1m] != bool  2"),
        ("a # x > 1\n > 2", "a # x > 1\n > bool  2"),
        ("a{b='}'} < 1", "a{b='}'} < bool  1"),
        ("time() - a", "time() - a"),
    ],
)
def test_every_comparison_says_what_it_finds_instead_of_choosing(expression: str, asked: str) -> None:
    assert could_fire.query(expression) == f"count({asked}\n) or topk(20, {asked}\n)"


def test_of_many_label_sets_only_the_number_is_whole() -> None:
    rows: list[dict[str, Any]] = [{"metric": {}, "value": [0, "3"]}, {"metric": {"b": "2"}}, {"metric": {"b": "1"}}]

    assert could_fire.answer(rows) == {"count": 3, "labels": [{"b": "1"}, {"b": "2"}]}
    assert could_fire.answer([]) == {"count": 0, "labels": []}
