"""Listens to Alertmanager: which alerts it holds, what keeps them back, who sets a silence, and where they would go.

Its API knows the present alone: an alert that comes and goes between two polls is not seen here. Prometheus' samples
know of it, and a page that it caused is seen where pages are delivered.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from checks.observer import CannotObserve, Tell
from checks.observers.bounds import bounded
from checks.observers.listening import (
    Line,
    TheirClock,
    Unheard,
    by_header,
    need_address,
    need_period,
    open_line,
    polling,
    stamp,
    unix,
    yaml_of,
)
from checks.observers.routing import inhibitions, matcher, receivers, route_tree, send_resolved

_API = "/api/v2"
_LONG_AGO_S = 86_400.0
"""Longer than any `group_wait`."""
_YOUNG_S = 150.0
"""An Alertmanager that runs for less than so long may not have been told of all that fires: see below."""
_STALE = 0.75
"""Of the time for which an alert was announced: after so much of it without another word its sender has fallen silent.

Prometheus announces an alert for four times its resend delay, or its evaluation interval where that is longer, and says
it again after one such time, or two where both are the same.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerObserver:
    """Alertmanager from 0.25 on, or what speaks its API, version 2. Of a cluster, one member."""

    name: ClassVar[str] = "alertmanager"

    url: Annotated[str, "Where it is, as http://127.0.0.1:9093"] = field(repr=False)  # it may hold a password
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// address must be valid"] = True
    every: Annotated[timedelta, "How often it is asked"] = timedelta(milliseconds=500)
    dead_man: Annotated[
        str | None, "An alert that fires at all times, as Watchdog: while it is held, Prometheus lives and gets through"
    ] = None

    def __post_init__(self) -> None:
        need_address(self.url, self.headers)
        need_period(self.every)

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; alerts and silences that are there are told before it is entered."""
        async with (
            open_line(self.url, self.headers, verify=self.verify) as line,
            polling(f"Alertmanager at {line.place}", tell, _Listener(line, self.dead_man).poll, self.every),
        ):
            yield

    async def send(self, labels: Mapping[str, str], annotations: Mapping[str, str], *, lasts_s: float) -> None:
        """See `SendsAlerts`. It began so long ago that no group waits for others to join it."""
        import time

        now_unix = time.time()
        body = {
            "labels": dict(labels),
            "annotations": dict(annotations),
            "startsAt": stamp(now_unix - _LONG_AGO_S),
            "endsAt": stamp(now_unix + lasts_s),
        }
        async with open_line(self.url, self.headers, verify=self.verify) as line:
            try:
                await line.send(f"{_API}/alerts", [body])
            except Unheard as error:
                raise CannotObserve(f"Alertmanager at {line.place}: {error}") from None


class _Listener:
    """What was told last, so that only changes are told."""

    def __init__(self, line: Line, dead_man: str | None) -> None:
        self._line, self._dead_man = line, dead_man
        self._told_alive: tuple[bool | None, ...] = ()
        """Whether the dead man lives, as it was told last: true, false, or None where nobody can say yet."""
        self._groups: list[dict[str, Any]] | None = None
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
        self._tell_dead_man(answer.data, tell)
        if thorough:
            await self._tell_groups(tell)

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

    def _tell_dead_man(self, alerts: list[Mapping[str, Any]], tell: Tell) -> None:
        if self._dead_man is None:
            return
        import time

        now_unix = time.time() + self._clock.offset_s
        sent = [one for one in alerts if one["labels"].get("alertname") == self._dead_man]
        runs_s = now_unix - unix(self._started)
        if not sent and runs_s < _YOUNG_S:
            alive, why = None, f"Alertmanager itself runs for {runs_s:.0f} s only"
        else:
            why = _why_dead(sent, now_unix)
            alive = not why
        if self._told_alive != (alive,):
            self._told_alive = (alive,)
            tell("alerting.dead_man", alert=self._dead_man, alive=alive, why=why)

    async def _tell_groups(self, tell: Tell) -> None:
        groups = [_group(one) for one in (await self._line.ask(f"{_API}/alerts/groups")).data]
        if groups != self._groups:
            tell("alerting.groups", **bounded({"groups": groups}))
            self._groups = groups


def _why_dead(alerts: list[Mapping[str, Any]], now_unix: float) -> str:
    """Why an alert that always fires does not seem to be sent any more; empty when it is."""
    if not alerts:
        return "Alertmanager does not hold it"
    latest = max(alerts, key=lambda one: unix(one["updatedAt"]))
    heard_unix, ends_unix = unix(latest["updatedAt"]), unix(latest["endsAt"])
    silent_s = now_unix - heard_unix
    return f"it was sent last {silent_s:.0f} s ago" if silent_s > _STALE * (ends_unix - heard_unix) else ""


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "receiver": group["receiver"]["name"],
        "labels": dict(group["labels"]),
        "alerts": len(group["alerts"]),
        "since_unix": round(min((unix(one["startsAt"]) for one in group["alerts"]), default=0.0), 3),
    }


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
        "send_resolved": send_resolved(config),
        "routes": route_tree(config),
        "inhibit": inhibitions(config),
    }
