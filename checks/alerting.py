"""What those who watch told of alerts, read into episodes and deliveries on the run's own clock. It judges nothing.

The sink is the truth of what was delivered, by our own clock. What Prometheus and Alertmanager say carries times of
their clocks, which `observer.clock` brings to ours within bounds. Who was lost or restarted did not see everything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from checks.evidence import Event, Evidence
from checks.page_delay import timed

_TOLD_LATE_S = 10.0
"""A restart or a loss may be told this much after it happened: it is found by asking every few seconds, and an answer may
be waited for."""
_CLOCK_GRAIN_S = 1e-3
"""To which the times of others and the offsets of their clocks are told."""
_ROLE_OF = {
    "alerting.rules": "prometheus", "alert.state": "prometheus", "alerting.routes": "alertmanager",
    "alert.held": "alertmanager", "silence.changed": "alertmanager", "page.received": "sink", "page.rejected": "sink",
}  # fmt: skip
"""Who tells what."""


def matching(wanted: str, text: str) -> bool:
    """Whether a text is the wanted one, or for `/…/` matches this regular expression as a whole, as in Prometheus."""
    expression = expression_in(wanted)
    return text == wanted if expression is None else re.fullmatch(expression, text) is not None


def expression_in(wanted: str) -> str | None:
    """The regular expression in `/…/`; None for a text that is meant as it is."""
    return wanted[1:-1] if len(wanted) > 1 and wanted[0] == wanted[-1] == "/" else None


def fits(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether labels are as wanted. A label that is not there is empty."""
    return all(matching(value, labels.get(name, "")) for name, value in wanted.items())


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on the run's clock, which lies between these two."""

    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One series of an alert, from when Prometheus first held it pending or firing until it no longer did."""

    alert: str
    labels: Mapping[str, str]
    pending: Instant | None
    firing: Instant | None
    ended: Instant | None
    pending_unix: float | None
    """By Prometheus's clock, as is `firing_unix`: the time between both is exact whatever that clock is worth."""
    firing_unix: float | None
    lines: tuple[int, ...]

    @property
    def since(self) -> Instant:
        """When it began."""
        return self.pending or self.firing or Instant(-inf, inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert that reached one receiver: the first attempt that was answered 2xx, of all with this content."""

    alert: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    receiver: str
    fingerprint: str
    status: str
    starts: Instant | None
    """When it began to fire; None when the sender does not say."""
    t_s: float
    first_s: float
    """When the first attempt came, whatever it was answered."""
    cut: bool
    """Whether something of the page is too long to be here."""
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A stretch in which an observer did not listen, or a moment at which what it listens to began anew."""

    observer: str
    why: str
    from_s: float
    to_s: float
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One observer of the run."""

    name: str
    roles: frozenset[str]
    """What it is: `prometheus`, `alertmanager`, `sink`; all of them while nobody knows."""
    opened_s: float
    """Infinite when it never began."""
    line: int
    """The journal line that says so, or the first that it told."""
    troubles: tuple[Trouble, ...]


class Alerting:
    """All that a run knows of alerts."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self.listeners = _listeners(evidence)
        self._clocks = _Clocks(evidence, self.listeners)
        self.episodes = tuple(_episodes(evidence, self._clocks))
        self.deliveries = tuple(_deliveries(evidence, self._clocks))
        """Of firing and of resolved alerts, oldest first."""

    def has(self, role: str) -> bool:
        """Whether somebody of this role was to listen."""
        return any(role in one.roles for one in self.listeners)

    def trouble(self, from_s: float, to_s: float, *roles: str) -> Trouble | None:
        """The first of these, or of all, who may have missed something in this time."""
        for one in self.listeners:
            if not roles or one.roles & set(roles):
                for trouble in one.troubles:
                    if trouble.from_s <= to_s + _TOLD_LATE_S and trouble.to_s >= from_s:
                        return trouble
        return None

    def deaf_before(self, moment_s: float) -> Trouble | None:
        """The first observer that was not there, or not always, from its beginning to this moment."""
        for one in self.listeners:
            if one.opened_s > moment_s:
                return next(iter(one.troubles), Trouble(observer=one.name, why="it began later", from_s=0.0,
                                                        to_s=one.opened_s, seq=one.line))  # fmt: skip
            for trouble in one.troubles:
                if trouble.from_s <= moment_s and trouble.to_s >= one.opened_s:
                    return trouble
        return None

    def held(self, moment_s: float = inf) -> Iterator[Event]:
        """What Alertmanager last said of each alert until this moment, if it held it then."""
        last: dict[tuple[str, str], Event] = {}
        for event in self._evidence.of("alert.held"):
            if event.t_s <= moment_s:
                last[event.data.get("observer", ""), event.data["fingerprint"]] = event
        return (event for event in last.values() if event.data["state"] != "gone")

    def suppressed(self, from_s: float, to_s: float) -> Iterator[Event]:
        """When Alertmanager said in this time that it held an alert back."""
        return (event for event in self._evidence.of("alert.held", state="suppressed") if from_s <= event.t_s <= to_s)

    def name_of(self, fingerprint: str) -> str:
        """What the alert with this fingerprint is called; empty when Alertmanager never told of it."""
        event = self._evidence.first("alert.held", fingerprint=fingerprint)
        return str(event.data["alert"]) if event else ""

    def silence(self, id_: str) -> str:
        """A silence as one would tell it: whose it is and why."""
        event = self._evidence.last("silence.changed", id=id_)
        by, comment = (str(event.data.get(key) or "") for key in ("by", "comment")) if event else ("", "")
        return id_[:8] + (f" of {by}" if by else "") + (f" ({comment})" if comment else "")

    def rule(self, alert: str, labels: Mapping[str, str], before_s: float = inf) -> Mapping[str, Any] | None:
        """The rule of this alert as it was at that time, with `scrape_s` and `evaluation_s`; None when none is known."""
        for told in self._told("alerting.rules", before_s):
            for rule in told.data["rules"]:
                known = rule.get("labels") or {}
                if rule["alert"] == alert and all("{{" in known[name] or labels.get(name, known[name]) == known[name]
                                                  for name in known):  # fmt: skip
                    return timed(rule, told.data)
        return None

    @property
    def rules_known(self) -> bool:
        """Whether some Prometheus told all of its rules."""
        told = list(self._told("alerting.rules", inf))
        return bool(told) and not any(event.data.get("cut") for event in told)

    def routes(self, before_s: float = inf) -> Sequence[Mapping[str, Any]]:
        """The route trees as they were at that time."""
        return [told.data["routes"] for told in self._told("alerting.routes", before_s)]

    def truncated(self, from_s: float, to_s: float, receiver: str | None = None) -> Event | None:
        """The first page that was delivered in this time and left some of its alerts out."""
        for event in self._evidence.of("page.received"):
            whole = not event.data.get("truncated") and len(event.data["alerts"]) < 500
            if not whole and from_s <= event.t_s <= to_s and _accepted(event) and receiver in (None, _receiver(event)):
                return event
        return None

    def refused(self, from_s: float, to_s: float) -> Trouble | None:
        """The first page in this time that a sink did not take, as for a wrong token: it may have been any."""
        for event in self._evidence.of("page.rejected"):
            if from_s <= event.t_s <= to_s:
                return Trouble(observer=event.data.get("observer", ""), why=str(event.data.get("why") or "?"),
                               from_s=event.t_s, to_s=event.t_s, seq=event.seq)  # fmt: skip
        return None

    def _told(self, kind: str, before_s: float) -> Iterable[Event]:
        """The last of these events of each observer until then, or its first when it said it only later."""
        found: dict[str, Event] = {}
        for event in self._evidence.of(kind):
            name = event.data.get("observer", "")
            if name not in found or event.t_s <= before_s:
                found[name] = event
        return found.values()


def _listeners(evidence: Evidence) -> tuple[Listener, ...]:
    told: dict[str, list[Event]] = {}
    kinds = ("observer.opened", "observer.lost", "observer.back", "observer.restarted", *_ROLE_OF)
    for event in sorted((event for kind in kinds for event in evidence.of(kind)), key=lambda one: one.seq):
        told.setdefault(event.data.get("observer", ""), []).append(event)
    return tuple(_listener(name, events) for name, events in told.items())


def _listener(name: str, events: Sequence[Event]) -> Listener:
    opened = next((event for event in events if event.kind == "observer.opened"), None)
    roles = {_ROLE_OF[event.kind] for event in events if event.kind in _ROLE_OF}
    roles |= {str(event.data.get("kind")) for event in events} & set(_ROLE_OF.values())
    return Listener(name=name, roles=frozenset(roles or _ROLE_OF.values()), troubles=tuple(_troubles(name, events)),
                    opened_s=opened.t_s if opened else inf, line=(opened or events[0]).seq)  # fmt: skip


def _troubles(name: str, events: Sequence[Event]) -> Iterator[Trouble]:
    lost: Event | None = None
    for event in events:
        why = str(event.data.get("why") or "?")
        if event.kind == "observer.restarted":
            yield Trouble(observer=name, why=why, from_s=event.t_s, to_s=event.t_s, seq=event.seq)
        elif event.kind == "observer.lost":
            lost = lost or event
        elif event.kind == "observer.back":
            since_s = min(event.t_s - float(event.data.get("lost_s") or 0.0), lost.t_s if lost else inf)
            yield Trouble(observer=name, why=str(lost.data.get("why") or "?") if lost else "it was lost", from_s=since_s,
                          to_s=event.t_s, seq=(lost or event).seq)  # fmt: skip
            lost = None
    if lost:
        why = str(lost.data.get("why") or "?")
        yield Trouble(observer=name, why=why, from_s=lost.t_s, to_s=inf, seq=lost.seq)


class _Clocks:
    """Brings the times of others to the run's clock."""

    def __init__(self, evidence: Evidence, listeners: Sequence[Listener]) -> None:
        self._told: dict[str, list[Event]] = {}
        for event in evidence.of("observer.clock"):
            self._told.setdefault(event.data.get("observer", ""), []).append(event)
        self._told = {name: _one_if_never_set(told) for name, told in self._told.items()}
        ranked = sorted(listeners, key=lambda one: "prometheus" not in one.roles)
        self._of_pages = next((one.name for one in ranked if one.name in self._told and "sink" not in one.roles), "")

    def instant(self, unix: float | None, seen: Event, observer: str | None = None) -> Instant | None:
        """When that was by our clock; without an observer, by the clock that the beginnings of alerts are told in.

        Nothing was seen before it happened. A clock of which nothing is known is taken for ours, since a watcher
        without Prometheus is most often on this very machine.
        """
        if unix is None:
            return None
        known = self._told.get(self._of_pages if observer is None else observer, [])
        best = self._by(known[0] if known else seen, unix)
        for clock in known[1:]:
            later = self._by(clock, unix)
            if clock.t_s <= seen.t_s and later.high_s >= clock.t_s:
                best = later
        high_s = min(best.high_s, seen.t_s)
        return Instant(min(best.low_s, high_s), high_s)

    def _by(self, clock: Event, unix: float) -> Instant:
        from datetime import datetime

        here_unix = datetime.fromisoformat(clock.at).timestamp()
        at_s = unix - float(clock.data.get("offset_s", 0.0)) - here_unix + clock.t_s
        error_s = float(clock.data.get("error_s", 0.0))
        return Instant(round(at_s - error_s, 6), round(at_s + error_s, 6))


def _one_if_never_set(told: list[Event]) -> list[Event]:
    """The best that is known of a clock, when nothing that was told of it says that it was ever set; else all of it."""
    offsets = [(float(one.data["offset_s"]), float(one.data["error_s"])) for one in told]
    low_s, high_s = max(at - error for at, error in offsets), min(at + error for at, error in offsets)
    if low_s > high_s + _CLOCK_GRAIN_S:
        return told
    return [min(told, key=lambda one: float(one.data["error_s"]))]


def _episodes(evidence: Evidence, clocks: _Clocks) -> Iterator[Episode]:
    """Oldest first within a series."""
    told: dict[tuple[str, str], list[Event]] = {}
    for event in evidence.of("alert.state"):
        told.setdefault((event.data.get("observer", ""), str(event.data["series"])), []).append(event)
    for (observer, _), events in told.items():
        part: list[Event] = []
        for event in events:
            state = event.data["state"]
            if part and state == "pending":  # that it had ended in between was not seen
                yield _episode(part, None, clocks, observer)
                part = []
            if state != "inactive":
                part.append(event)
            elif part:
                yield _episode(part, event, clocks, observer)
                part = []
        if part:
            yield _episode(part, None, clocks, observer)


def _episode(part: Sequence[Event], end: Event | None, clocks: _Clocks, observer: str) -> Episode:
    pending = next((event for event in part if event.data["state"] == "pending"), None)
    firing = next((event for event in part if event.data["state"] == "firing"), None)

    def at(event: Event | None) -> Instant | None:
        if event is None:
            return None
        return clocks.instant(event.data.get("since_unix"), event, observer) or Instant(-inf, event.t_s)

    pending_unix = pending.data.get("since_unix") if pending else None
    begun = at(pending)
    if firing and not pending and (pending_unix := _active_unix(firing)) is not None:
        begun = clocks.instant(pending_unix, firing, observer)
    return Episode(
        alert=part[0].data["alert"], labels=part[0].data["labels"], pending=begun, firing=at(firing), ended=at(end),
        pending_unix=pending_unix, firing_unix=firing.data.get("since_unix") if firing else None,
        lines=tuple(event.seq for event in (pending, firing, end) if event),
    )  # fmt: skip


def _active_unix(firing: Event) -> float | None:
    """Since when Prometheus itself says that a firing alert was active; None when that is no news.

    `ALERTS_FOR_STATE` has whole seconds, cut off, so less than one tells nothing.
    """
    active, since = firing.data.get("active_unix"), firing.data.get("since_unix")
    if active is None or since is None:
        return None
    return float(active) if since - active >= (1.0 if float(active).is_integer() else 1e-3) else None


def _deliveries(evidence: Evidence, clocks: _Clocks) -> Iterator[Delivery]:
    """Each alert once for each receiver, state and beginning."""
    first: dict[tuple[object, ...], float] = {}
    done: set[tuple[object, ...]] = set()
    last: dict[tuple[str, str], tuple[str, int]] = {}
    for event in evidence.of("page.received"):
        receiver = _receiver(event)
        for alert in event.data["alerts"]:
            whose, status, starts = (receiver, alert["fingerprint"]), alert["status"], alert.get("starts_unix")
            before, times = last.get(whose, ("", 0))
            times += before == "resolved" and status == "firing"
            last[whose] = status, times
            # One that does not say since when it fires begins anew when it fires after it was resolved.
            key = (*whose, status, f"time {times}" if starts is None else starts)
            first_s = first.setdefault(key, event.t_s)
            if not _accepted(event) or key in done:
                continue
            done.add(key)
            yield Delivery(
                alert=alert["alert"], labels=alert["labels"], annotations=alert.get("annotations") or {},
                receiver=receiver, fingerprint=alert["fingerprint"], status=status,
                starts=clocks.instant(starts, event), t_s=event.t_s, first_s=first_s,
                cut=bool(event.data.get("cut")), seq=event.seq,
            )  # fmt: skip


def _accepted(event: Event) -> bool:
    return 200 <= int(event.data["answered"]) < 300


def _receiver(event: Event) -> str:
    """Whom a page reached: as its sender says, or else whose sink it came to."""
    return str(event.data.get("receiver") or event.data.get("observer") or "")
