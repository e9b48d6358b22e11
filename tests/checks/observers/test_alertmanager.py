"""The observer of Alertmanager, against two generations of it: alerts, what keeps them back, and where they would go."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.observers import listening
from checks.observers.alertmanager import AlertmanagerObserver
from tests.checks.observers.hearing import Told
from tests.checks.observers.monitoring import GENERATIONS, Server, alertmanager, ask
from tests.checks.probes.servers import comes

CONFIG = {
    "route": {
        "receiver": "all",
        "group_by": ["alertname"],
        "group_wait": "1s",
        "routes": [
            {
                "receiver": "oncall",
                "matchers": ['severity="page"'],
                "repeat_interval": "1h30m",
                "routes": [{"match_re": {"team": "cart.*"}, "group_by": ["..."], "continue": True}],
            },
            {"receiver": "quiet", "match": {"severity": "info"}, "mute_time_intervals": ["night"]},
        ],
    },
    "receivers": [{"name": "all"}, {"name": "oncall"}, {"name": "quiet"}],
    "inhibit_rules": [
        {"source_matchers": ['alertname="RegionDown"'], "target_matchers": ['severity="page"'], "equal": ["region"]}
    ],
    "time_intervals": [
        {"name": "night", "time_intervals": [{"times": [{"start_time": "03:00", "end_time": "03:01"}]}]}
    ],
}


@dataclass(frozen=True)
class Bed:
    """An Alertmanager with alerts that are a test's own."""

    server: Server
    told: Told

    def observe(self, do: Callable[[Told], Coroutine[Any, Any, None]]) -> Told:
        """Listen while something is done."""

        async def main() -> None:
            async with AlertmanagerObserver(url=self.server.url, every=timedelta(milliseconds=100)).open(self.told):
                await do(self.told)

        asyncio.run(main())
        return self.told

    async def fire(self, alert: str, *, over: bool = False, **labels: str) -> None:
        """Send an alert, or its end."""
        now = time.time()
        body = {"labels": {"alertname": alert, **labels}, "startsAt": _go(now - 60)}
        body["endsAt"] = _go(now - 1 if over else now + 600)
        await asyncio.to_thread(ask, f"{self.server.url}/api/v2/alerts", [body])

    async def silence(self, **labels: str) -> str:
        """Silence alerts with these labels; its id."""
        now = time.time()
        matchers = [{"name": key, "value": value, "isRegex": False, "isEqual": True} for key, value in labels.items()]
        body = {
            "matchers": matchers,
            "startsAt": _go(now),
            "endsAt": _go(now + 600),
            "createdBy": "ann",
            "comment": "deploy",
        }
        return str((await asyncio.to_thread(ask, f"{self.server.url}/api/v2/silences", body))["silenceID"])

    async def end_silence(self, silence: str) -> None:
        """Expire a silence."""
        await asyncio.to_thread(ask, f"{self.server.url}/api/v2/silence/{silence}", None, "DELETE")


def _go(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()


@pytest.fixture(scope="module", params=GENERATIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with alertmanager(request.param, CONFIG) as server:
        yield server


@pytest.fixture
def bed(server: Server) -> Bed:
    return Bed(server, Told())


def test_routes_are_told_with_what_they_inherit(bed: Bed) -> None:
    async def nothing(told: Told) -> None:
        pass

    told = bed.observe(nothing)

    [routes] = told.all("alerting.routes")
    oncall, quiet = routes["routes"]["routes"]
    [cart] = oncall["routes"]
    assert routes["version"] in ("0.25.0", "0.28.1")
    assert routes["receivers"] == ["all", "oncall", "quiet"]
    assert cart == {
        "receiver": "oncall", "matchers": ['team=~"cart.*"'], "group_by": ["..."], "continue": True, "mute": [],
        "group_wait_s": 1, "group_interval_s": 300, "repeat_interval_s": 5400, "active": [], "routes": [],
    }  # fmt: skip
    assert (oncall["matchers"], oncall["group_by"]) == (['severity="page"'], ["alertname"])
    assert (quiet["receiver"], quiet["mute"], quiet["repeat_interval_s"]) == ("quiet", ["night"], 14400)
    assert routes["inhibit"] == [
        {"source": ['alertname="RegionDown"'], "target": ['severity="page"'], "equal": ["region"]}
    ]
    assert told.kinds()[:2] == ["observer.opened", "alerting.routes"]
    assert told.all("observer.opened")[0]["what"] == f"Alertmanager {routes['version']} at 127.0.0.1:{bed.server.port}"
    [clock] = told.all("observer.clock")
    assert abs(clock["offset_s"]) <= clock["error_s"] + 0.05


def test_an_alert_is_held_silenced_held_again_and_gone(bed: Bed) -> None:
    silences: list[str] = []

    async def do(told: Told) -> None:
        await bed.fire("Slow", severity="page", team="cart-a")
        await told.comes("alert.held", alert="Slow", state="active")
        silences.append(await bed.silence(alertname="Slow"))
        await told.comes("alert.held", alert="Slow", state="suppressed")
        await bed.end_silence(silences[0])
        await told.comes("silence.changed", state="expired")
        # Alerts are asked for before silences, so the end of one may be told before the alert is seen without it.
        await comes(lambda: told.all("alert.held", alert="Slow")[-1]["silenced_by"] == [], "the alert as it was before")
        await bed.fire("Slow", over=True, severity="page", team="cart-a")
        await told.comes("alert.held", alert="Slow", state="gone")

    told = bed.observe(do)

    held = [data for data in told.all("alert.held", alert="Slow") if data["state"] != "unprocessed"]
    assert [(data["state"], data["silenced_by"]) for data in held] == [
        ("active", []), ("suppressed", silences), ("active", []), ("gone", []),
    ]  # fmt: skip
    assert {len(data["fingerprint"]) for data in held} == {16}
    assert {tuple(data["receivers"]) for data in held} == {("oncall",)}
    assert abs(held[0]["starts_unix"] - (time.time() - 60)) < 30
    assert [data["state"] for data in told.all("silence.changed")] == ["active", "expired"]
    silence = told.all("silence.changed")[0]
    assert (silence["id"], silence["matchers"]) == (silences[0], ['alertname="Slow"'])
    assert (silence["by"], silence["comment"]) == ("ann", "deploy")
    assert 0 < silence["ends_unix"] - time.time() <= 600


def test_an_inhibited_alert_names_what_inhibits_it(bed: Bed) -> None:
    async def do(told: Told) -> None:
        await bed.fire("RegionDown", region="sg")
        source = await told.comes("alert.held", alert="RegionDown")
        await bed.fire("CacheDown", region="sg", severity="page")
        await bed.fire("CacheDown", region="eu", severity="page")
        inhibited = await told.comes("alert.held", alert="CacheDown", state="suppressed")
        assert (inhibited["labels"]["region"], inhibited["inhibited_by"]) == ("sg", [source["fingerprint"]])
        for labels in ({"region": "sg"}, {"region": "eu"}):
            await bed.fire("CacheDown", over=True, severity="page", **labels)
        await bed.fire("RegionDown", over=True, region="sg")

    told = bed.observe(do)

    assert [data["labels"]["region"] for data in told.all("alert.held", state="suppressed")] == ["sg"]


def test_what_is_there_on_opening_was_there_before(bed: Bed) -> None:
    first = Told()
    silences: list[str] = []

    async def prepare(told: Told) -> None:
        ended = await bed.silence(alertname="Nobody")
        await bed.end_silence(ended)
        silences.append(await bed.silence(alertname="Old"))
        await bed.fire("Old")
        await told.comes("alert.held", alert="Old", state="suppressed")

    async def do(told: Told) -> None:
        await bed.fire("New")
        await told.comes("alert.held", alert="New")
        await bed.end_silence(silences[0])
        await told.comes("silence.changed", state="expired")
        for alert in ("Old", "New"):
            await bed.fire(alert, over=True)

    Bed(bed.server, first).observe(prepare)
    told = bed.observe(do)

    assert "before" not in first.all("alert.held", alert="Old")[-1]
    [old, *_] = told.all("alert.held", alert="Old")
    assert (old["before"], old["silenced_by"]) == (True, silences)
    assert all("before" not in data for data in told.all("alert.held", alert="New"))
    assert [(data["id"], data["state"], "before" in data) for data in told.all("silence.changed")] == [
        (silences[0], "active", True),
        (silences[0], "expired", False),
    ]


def test_a_restart_is_told_before_what_it_forgot(bed: Bed) -> None:
    async def do(told: Told) -> None:
        await bed.fire("Forgotten")
        await told.comes("alert.held", alert="Forgotten", state="active")
        bed.server.stop()  # not beside the observer: a question that is under way then would break, and not be refused
        await told.comes("observer.lost")
        await asyncio.to_thread(bed.server.start)
        await told.comes("alert.held", alert="Forgotten", state="gone")

    told = bed.observe(do)

    told.events = [event for event in told.events if event[0] != "observer.clock"]
    assert told.kinds()[-4:] == ["observer.lost", "observer.back", "observer.restarted", "alert.held"]
    assert "cannot be reached" in told.all("observer.lost")[0]["why"]
    assert told.all("observer.back")[0]["lost_s"] < 20


def test_other_routes_are_told_when_they_are_loaded(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_THOROUGH_S", 0.3)

    async def do(told: Told) -> None:
        bed.server.write("config.yml", '{"route": {"receiver": "new"}, "receivers": [{"name": "new"}]}')
        await asyncio.to_thread(bed.server.reload)
        await told.comes("alerting.routes", receivers=["new"])

    try:
        told = bed.observe(do)
    finally:  # once nobody listens any more
        bed.server.write("config.yml", json.dumps(CONFIG))
        bed.server.reload()

    assert len(told.all("alerting.routes")) == 2
    assert told.all("observer.restarted") == []
