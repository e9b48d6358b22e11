"""Listens to Alertmanager: which alerts it holds, what keeps them back, who sets a silence, and where they would go.

Its API knows the present alone: an alert that comes and goes between two polls is not seen here. Prometheus' samples
know of it, and a page that it caused is seen where pages are delivered.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from checks.observer import Tell
from checks.observers.bounds import bounded
from checks.observers.listening import (
    Line,
    TheirClock,
    by_header,
    need_address,
    need_period,
    open_line,
    polling,
    unix,
    yaml_of,
)
from checks.observers.routing import inhibitions, matcher, receivers, route_tree

_API = "/api/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerObserver:
    """Alertmanager from 0.25 on, or what speaks its API, version 2. Of a cluster, one member."""

    name: ClassVar[str] = "alertmanager"

    url: Annotated[str, "Where it is, as http://127.0.0.1:9093"] = field(repr=False)  # it may hold a password
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// address must be valid"] = True
    every: Annotated[timedelta, "How often it is asked"] = timedelta(milliseconds=500)

    def __post_init__(self) -> None:
        need_address(self.url, self.headers)
        need_period(self.every)

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; alerts and silences that are there are told before it is entered."""
        async with (
            open_line(self.url, self.headers, verify=self.verify) as line,
            polling(f"Alertmanager at {line.place}", tell, _Listener(line).poll, self.every),
        ):
            yield


class _Listener:
    """What was told last, so that only changes are told."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._clock = TheirClock()
        self._started = ""
        self._config = ""
        self._alerts: dict[str, dict[str, Any]] | None = None
        self._silences: dict[str, dict[str, Any]] = {}

    async def poll(self, tell: Tell, thorough: bool) -> None:
        """See `listening.Poll`."""
        if thorough:
            await self._look_at_itself(tell)
        answer = await self._line.ask(f"{_API}/alerts")
        held = {one["fingerprint"]: one for one in map(_held, answer.data)}
        silences = {one["id"]: one for one in map(_silence, (await self._line.ask(f"{_API}/silences")).data)}
        if not thorough and self._alerts and not self._alerts.keys() <= held.keys():
            await self._look_at_itself(tell)  # it forgets its alerts when it is started anew: that is to be told first
        self._clock.saw(*by_header(answer), tell)
        self._tell_silences(silences, tell)
        self._tell_alerts(held, tell)

    async def _look_at_itself(self, tell: Tell) -> None:
        status = (await self._line.ask(f"{_API}/status")).data
        version, started, text = status["versionInfo"]["version"], status["uptime"], status["config"]["original"]
        if not self._started:
            tell("observer.opened", what=f"Alertmanager {version} at {self._line.place}".replace("  ", " "))
        elif unix(started) != unix(self._started):
            tell("observer.restarted", why=f"it runs since {started}, and ran since {self._started} before")
        self._started = started
        if text != self._config:
            tell("alerting.routes", **bounded({"version": version, **_routes(text)}))
            self._config = text

    def _tell_silences(self, silences: dict[str, dict[str, Any]], tell: Tell) -> None:
        before = self._alerts is None
        for key, silence in silences.items():
            known = self._silences.get(key)
            if silence != known and not (before and silence["state"] == "expired"):
                tell("silence.changed", **bounded(silence), **_mark(before))
        self._silences = silences

    def _tell_alerts(self, held: dict[str, dict[str, Any]], tell: Tell) -> None:
        known, before = self._alerts or {}, self._alerts is None
        for key, alert in held.items():
            if alert != known.get(key):
                tell("alert.held", **bounded(alert), **_mark(before))
        for key in known.keys() - held.keys():
            gone = {"state": "gone", "silenced_by": [], "inhibited_by": [], "muted_by": []}
            tell("alert.held", **bounded({**known[key], **gone}))
        self._alerts = held


def _mark(before: bool) -> dict[str, bool]:
    return {"before": True} if before else {}


def _held(alert: Mapping[str, Any]) -> dict[str, Any]:
    status = alert["status"]
    return {
        "alert": alert["labels"].get("alertname", ""),
        "labels": dict(alert["labels"]),
        "fingerprint": alert["fingerprint"],
        "state": status["state"],
        "silenced_by": sorted(status.get("silencedBy") or ()),
        "inhibited_by": sorted(status.get("inhibitedBy") or ()),
        "muted_by": sorted(status.get("mutedBy") or ()),
        "receivers": sorted(receiver["name"] for receiver in alert["receivers"]),
        "starts_unix": round(unix(alert["startsAt"]), 3),
    }


def _silence(silence: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": silence["id"],
        "state": silence["status"]["state"],
        "matchers": [
            matcher(one["name"], one["value"], equal=one.get("isEqual", True), regex=one["isRegex"])
            for one in silence["matchers"]
        ],
        "by": silence["createdBy"],
        "comment": silence["comment"],
        "ends_unix": round(unix(silence["endsAt"]), 3),
    }


def _routes(text: str) -> dict[str, Any]:
    config = yaml_of(text)
    return {
        "receivers": receivers(config),
        "routes": route_tree(config),
        "inhibit": inhibitions(config),
    }
