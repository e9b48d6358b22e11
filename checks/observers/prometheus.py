"""Listens to Prometheus: its alerting rules, and each alert's way through pending, firing and inactive.

Prometheus writes a sample of the series `ALERTS` for each evaluation that finds an alert pending or firing. Those samples
are read as they are, so that every change has the time of the evaluation that made it, and an alert that came and went
between two polls, or while nobody could ask, is told all the same. An evaluation that finds nothing writes nothing:
that an alert is over is known from the list of live alerts, and the time is that of the evaluation after its last sample.
Which scrape showed what the first evaluation found is looked into afterwards, by `sensing`.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar, NamedTuple

from checks.observer import Tell
from checks.observers.bounds import bounded
from checks.observers.listening import Line, TheirClock, need_address, need_period, open_line, polling, unix
from checks.observers.rules import Rules
from checks.observers.sensing import Begun, Sensing

_BEFORE_S = 600.0
"""How far back samples are read on opening, to find since when an alert fires."""
_BACK_MAX_S = 7200.0
"""How far back they are read after a silence; what came and went before is not known."""
_YOUNG_S = 60.0
"""A Prometheus that runs for less than so long may not have scraped everything."""
_GRACE_S = 0.2
"""An evaluation's samples may be there so much later than its time says."""
_STORM = 100
"""More series than so many are sorted beside everything else."""
_GAP = 1.5
"""Two samples of one alert that are more than so many intervals apart have an evaluation between them that wrote none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusObserver:
    """Prometheus from 2.42 on, the one that evaluates the alerting rules."""

    name: ClassVar[str] = "prometheus"

    url: Annotated[str, "Where it is, as http://127.0.0.1:9090"] = field(repr=False)  # it may hold a password
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// address must be valid"] = True
    every: Annotated[timedelta, "How often it is asked; what it says has true times however rarely"] = timedelta(
        milliseconds=500
    )

    def __post_init__(self) -> None:
        need_address(self.url, self.headers)
        need_period(self.every)

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; rules, and alerts that are there, are told before it is entered."""
        async with open_line(self.url, self.headers, verify=self.verify) as line:
            listener = _Listener(line)
            async with (
                listener.sensing.beside(tell),
                polling(f"Prometheus at {line.place}", tell, listener.poll, self.every),
            ):
                yield


class _Sample(NamedTuple):
    """What one evaluation found. Times are Prometheus' own, in seconds since 1970."""

    at: float
    state: str
    active: float
    """Since when the alert is active, its fraction of a second cut off."""


_Labels = tuple[tuple[str, str], ...]
_Samples = dict[_Labels, list[_Sample]]


@dataclass(slots=True)
class _Alert:
    """What is known of one alert."""

    labels: Mapping[str, str]
    state: str = "inactive"
    at: float = 0.0
    """The last evaluation that found it."""
    active: float = 0.0
    active_unix: float = 0.0

    @property
    def is_active(self) -> bool:
        return self.state != "inactive"


class _Listener:
    """Follows the samples, evaluation by evaluation."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._clock = TheirClock()
        self._rules = Rules(line)
        self.sensing = Sensing(line, self._rules)
        self._alerts: dict[_Labels, _Alert] = {}
        self._started = self._loaded = ""
        self._young = False
        self._read_s: float | None = None
        """Our monotonic time of the last reading of samples."""

    async def poll(self, tell: Tell, thorough: bool) -> None:
        """See `listening.Poll`."""
        import time

        if thorough:
            await self._look_at_itself(tell)
        if thorough or (self._young and not self._rules.ripe):
            await self._rules.look(tell, self._loaded, young=self._young)
        now_s = time.monotonic()
        samples = await self._read(now_s)
        if self._read_s is None:
            await self._begin(samples, tell)
        else:
            if not thorough and self._has_gaps(samples):
                await self._look_at_itself(tell)
            for labels, found in samples.items():
                self._follow(self._alert(labels), found, tell)
            await self._end_overdue(tell)
            self._forget()
        self._read_s = now_s

    async def _look_at_itself(self, tell: Tell) -> None:
        """Its version, its clock, and whether it was started anew."""
        info = (await self._line.ask("/api/v1/status/runtimeinfo")).data["data"]
        started, self._loaded = info["startTime"], f"{info['startTime']} {info['lastConfigTime']}"
        if not self._started:
            version = (await self._line.ask("/api/v1/status/buildinfo")).data["data"]["version"]
            tell("observer.opened", what=f"Prometheus {version} at {self._line.place}".replace("  ", " "))
        elif unix(started) != unix(self._started):
            tell("observer.restarted", why=f"it runs since {started}, and ran since {self._started} before")
        self._started = started
        # Not from the header `Date`, which has whole seconds: this is the very clock that samples are stamped by.
        answer = await self._line.ask("/api/v1/query", [("query", "time()")])
        their_unix = float(answer.data["data"]["result"][1])
        self._young = their_unix - unix(started) < _YOUNG_S
        # It has whole milliseconds, the rest being cut off.
        self._clock.saw(their_unix - answer.came_unix, their_unix + 0.001 - answer.sent_unix, tell)

    async def _read(self, now_s: float) -> _Samples:
        """The samples since the last reading and of some time before, since the last ones then may have come late."""
        import asyncio
        import math

        margin_s = max(5.0, 2 * self._rules.longest_s)
        back_s = _BEFORE_S if self._read_s is None else min(now_s - self._read_s + margin_s, _BACK_MAX_S)
        query = f'{{__name__=~"ALERTS|ALERTS_FOR_STATE"}}[{math.ceil(back_s)}s]'
        matrix = (await self._line.ask("/api/v1/query", [("query", query)])).data["data"]["result"]
        # A storm of alerts is not to make the looks of probes late.
        return await asyncio.to_thread(_samples, matrix) if len(matrix) > _STORM else _samples(matrix)

    async def _begin(self, samples: _Samples, tell: Tell) -> None:
        """Tell of the alerts that are there; those whose last sample is old are over, and are not told."""
        live = await self._live()
        for labels, found in samples.items():
            alert = self._alert(labels)
            alert.at, alert.active = found[-1].at, found[-1].active
        for labels, (state, active_unix) in live.items():
            if state not in ("pending", "firing"):
                continue
            alert = self._alert(labels)
            alert.state, alert.active_unix = state, active_unix
            alert.at, alert.active = alert.at or active_unix, alert.active or float(int(active_unix))
            since_unix = self._since(alert, samples.get(labels, []))
            self._tell(alert, since_unix, tell, before=True)

    def _since(self, alert: _Alert, found: list[_Sample]) -> float:
        """The first evaluation that found an alert as it is now; the earliest it can be where samples begin too late."""
        import time

        if alert.state == "pending":
            return alert.active_unix
        run = [sample for sample in found if sample.active == float(int(alert.active_unix))]
        changed = next((n for n in range(len(run), 0, -1) if run[n - 1].state != alert.state), 0)
        same = run[changed:]
        begins_unix = time.time() + self._clock.offset_s - _BEFORE_S
        if changed or not same or alert.active_unix > begins_unix:
            return same[0].at if same else alert.at
        return min(same[0].at, alert.active_unix + self._rules.for_s(alert.labels))

    def _follow(self, alert: _Alert, found: list[_Sample], tell: Tell) -> None:
        """Tell of what newer samples change."""
        for sample in found[bisect_right(found, alert.at, key=lambda sample: sample.at) :]:
            if alert.is_active and self._was_away(alert, sample):
                self._tell_over(alert, alert.at + self._interval_s(alert), tell)
            if sample.active != alert.active or not alert.is_active:
                # The evaluation that found it first is the very instant since when it is active.
                first = int(sample.at) == sample.active
                alert.active_unix = sample.at if first else sample.active
            alert.at, alert.active = sample.at, sample.active
            if sample.state != alert.state:
                alert.state = sample.state
                self._tell(alert, sample.at, tell)
                if sample.at == alert.active_unix:
                    self.sensing.saw(Begun(alert.labels, _series(alert.labels), sample.at))

    def _was_away(self, alert: _Alert, sample: _Sample) -> bool:
        """Whether an evaluation between found nothing: rather than being left out, or being no more after a restart."""
        if sample.at - alert.at <= _GAP * self._interval_s(alert) or alert.at < unix(self._started) <= sample.at:
            return False
        return sample.active != alert.active or int(sample.at) == sample.active

    def _has_gaps(self, samples: _Samples) -> bool:
        return any(
            alert.is_active and newer and newer[0] - alert.at > _GAP * self._interval_s(alert)
            for labels, found in samples.items()
            if (alert := self._alerts.get(labels))
            for newer in [[sample.at for sample in found if sample.at > alert.at][:1]]
        )

    async def _end_overdue(self, tell: Tell) -> None:
        """Tell of alerts that are over, once the live ones are known not to hold them."""
        import time

        now_unix = time.time() + self._clock.offset_s
        overdue = [
            (labels, alert)
            for labels, alert in self._alerts.items()
            if alert.is_active and now_unix - alert.at > self._interval_s(alert) + _GRACE_S
        ]
        if not overdue:
            return
        live = await self._live()
        if any(labels not in live for labels, _ in overdue):
            await self._look_at_itself(tell)
        started_unix = unix(self._started)
        if any(alert.at < started_unix for labels, alert in overdue if labels not in live):
            await self._rules.look(tell)  # for when they were evaluated
            live = await self._live()  # the ones from before may be of before that
        gone = [alert for labels, alert in overdue if labels not in live]
        for alert in gone:
            since_unix = alert.at + self._interval_s(alert)
            if alert.at < started_unix:
                # A Prometheus that was started anew knows of no alert until it has evaluated the rule.
                evaluated_unix = self._rules.evaluated_unix(alert.labels)
                since_unix = started_unix if evaluated_unix is None else evaluated_unix
                if since_unix < started_unix:
                    continue
            self._tell_over(alert, since_unix, tell)

    async def _live(self) -> dict[_Labels, tuple[str, float]]:
        """State and beginning of the alerts that are there."""
        alerts = (await self._line.ask("/api/v1/alerts")).data["data"]["alerts"]
        return {_key(one["labels"]): (one["state"], unix(one["activeAt"])) for one in alerts}

    def _alert(self, labels: _Labels) -> _Alert:
        return self._alerts.setdefault(labels, _Alert(dict(labels)))

    def _interval_s(self, alert: _Alert) -> float:
        return self._rules.interval_s(alert.labels)

    def _tell_over(self, alert: _Alert, since_unix: float, tell: Tell) -> None:
        alert.state = "inactive"
        self._tell(alert, since_unix, tell)

    def _tell(self, alert: _Alert, since_unix: float, tell: Tell, *, before: bool = False) -> None:
        data = {
            "alert": alert.labels.get("alertname", ""),
            "labels": dict(alert.labels),
            "series": _series(alert.labels),
            "state": alert.state,
            "since_unix": round(since_unix, 3),
            "active_unix": round(alert.active_unix, 3),
        }
        tell("alert.state", **bounded(data), **({"before": True} if before else {}))

    def _forget(self) -> None:
        """Of alerts that are over, only those are kept whose samples may be read again."""
        if not self._alerts:
            return
        oldest = max(alert.at for alert in self._alerts.values()) - _BACK_MAX_S
        self._alerts = {key: alert for key, alert in self._alerts.items() if alert.is_active or alert.at > oldest}


def _samples(matrix: list[Mapping[str, Any]]) -> _Samples:
    """By labels, in the order of time."""
    states: dict[_Labels, dict[float, str]] = {}
    actives: dict[_Labels, dict[float, float]] = {}
    for row in matrix:
        labels = _key(row["metric"])
        if row["metric"]["__name__"] == "ALERTS":
            states.setdefault(labels, {}).update((at, row["metric"]["alertstate"]) for at, _ in row["values"])
        else:
            actives.setdefault(labels, {}).update((at, float(value)) for at, value in row["values"])
    return {
        labels: [_Sample(at, found[at], actives.get(labels, {}).get(at, float(int(at)))) for at in sorted(found)]
        for labels, found in states.items()
    }


def _key(labels: Mapping[str, str]) -> _Labels:
    return tuple(sorted((name, value) for name, value in labels.items() if name not in ("__name__", "alertstate")))


def _series(labels: Mapping[str, str]) -> str:
    import hashlib
    import json

    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]
