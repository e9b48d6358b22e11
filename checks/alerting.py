"""What those who watch told of alerts, read into episodes and deliveries on the run's own clock. It judges nothing.

The sink is the truth of what was delivered, by our own clock. What Prometheus and Alertmanager say carries times of
their clocks, which `observer.clock` brings to ours within bounds. Who was lost or restarted did not see everything.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Any

from checks.clocks import TOLD_LATE_S, Clocks, Instant
from checks.evidence import Event, Evidence
from checks.page_delay import timed

_SAME_S = 0.0015
"""Two times of one clock that differ by no more were rounded to milliseconds in different ways."""
_ROLE_OF = {
    "alerting.rules": "prometheus", "alert.state": "prometheus", "alert.sensed": "prometheus",
    "alerting.routes": "alertmanager", "alert.held": "alertmanager", "silence.changed": "alertmanager",
    "alerting.groups": "alertmanager", "alerting.dead_man": "alertmanager",
    "page.received": "sink", "page.rejected": "sink",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One series of an alert, from when Prometheus first held it pending or firing until it no longer did."""

    alert: str
    labels: Mapping[str, str]
    """With those that Prometheus gives to every alert that it sends."""
    pending: Instant | None
    firing: Instant | None
    ended: Instant | None
    pending_unix: float | None
    """By Prometheus's clock, as is `firing_unix`: the time between both is exact whatever that clock is worth."""
    firing_unix: float | None
    sensed_unix: float | None
    """When the sample was taken that first showed it, by that clock too; None when nobody knows."""
    scrape_s: float | None
    """How often such samples are taken; None when nobody knows."""
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
    """When the first attempt began to come, whatever it was answered."""
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
        clocks = Clocks(evidence)
        self.episodes = tuple(_episodes(evidence, clocks))
        begun = _Begun(self.episodes, clocks, self.listeners)
        self.deliveries = tuple(_deliveries(evidence, begun))
        """Of firing and of resolved alerts, oldest first."""

    def has(self, role: str) -> bool:
        """Whether somebody of this role was to listen."""
        return any(role in one.roles for one in self.listeners)

    def trouble(self, from_s: float, to_s: float, *roles: str) -> Trouble | None:
        """The first of these, or of all, who may have missed something in this time."""
        for one in self.listeners:
            if not roles or one.roles & set(roles):
                for trouble in one.troubles:
                    if trouble.from_s <= to_s + TOLD_LATE_S and trouble.to_s >= from_s:
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
        for event in self._evidence.told("alert.held"):
            if event.t_s <= moment_s:
                last[event.data.get("observer", ""), event.data["fingerprint"]] = event
        return (event for event in last.values() if event.data["state"] != "gone")

    def ever_held(self) -> Iterator[Event]:
        """Each time Alertmanager said that it held an alert."""
        return (event for event in self._evidence.told("alert.held") if event.data["state"] != "gone")

    def suppressed(self, from_s: float, to_s: float) -> Iterator[Event]:
        """When Alertmanager said in this time that it held an alert back."""
        return (event for event in self._evidence.each("alert.held", state="suppressed") if from_s <= event.t_s <= to_s)

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

    @property
    def unheard(self) -> set[str]:
        """The receivers that post to no webhook, as a sink is one: no sink hears of their pages."""
        told = [event.data for event in self._told("alerting.routes", inf) if "send_resolved" in event.data]
        posting = {name for one in told for name in one["send_resolved"]}
        return {name for one in told for name in one.get("receivers") or ()} - posting

    def truncated(self, from_s: float, to_s: float, receiver: str | None = None) -> Event | None:
        """The first page that was delivered in this time and left some of its alerts out."""
        for event in self._evidence.told("page.received"):
            whole = not event.data.get("truncated") and len(event.data["alerts"]) < 500
            if not whole and from_s <= event.t_s <= to_s and _accepted(event) and receiver in (None, _receiver(event)):
                return event
        return None

    def refused(self, from_s: float, to_s: float) -> Trouble | None:
        """The first page in this time that a sink did not take, as for a wrong token: it may have been any."""
        for event in self._evidence.told("page.rejected"):
            if from_s <= event.t_s <= to_s:
                return Trouble(observer=event.data.get("observer", ""), why=str(event.data.get("why") or "?"),
                               from_s=event.t_s, to_s=event.t_s, seq=event.seq)  # fmt: skip
        return None

    def _told(self, kind: str, before_s: float) -> Iterable[Event]:
        """The last of these events of each observer until then, or its first when it said it only later."""
        found: dict[str, Event] = {}
        for event in self._evidence.told(kind):
            name = event.data.get("observer", "")
            if name not in found or event.t_s <= before_s:
                found[name] = event
        return found.values()


def _listeners(evidence: Evidence) -> tuple[Listener, ...]:
    """Of what an observer told that comes very often, the first of each kind is enough."""
    told: dict[str, list[Event]] = {}
    for kind in ("observer.opened", "observer.lost", "observer.back", "observer.restarted"):
        for event in evidence.told(kind):
            told.setdefault(event.data.get("observer", ""), []).append(event)
    for kind in _ROLE_OF:
        begun: dict[str, Event] = {}
        for event in evidence.told(kind):
            begun.setdefault(event.data.get("observer", ""), event)
        for name, event in begun.items():
            told.setdefault(name, []).append(event)
    found = [sorted(events, key=lambda one: one.seq) for events in told.values()]
    return tuple(_listener(events[0].data.get("observer", ""), events, roles)
                 for events in sorted(found, key=lambda one: one[0].seq) if (roles := _roles(events)))  # fmt: skip


def _roles(events: Sequence[Event]) -> frozenset[str]:
    """By what it told, and by its kind; none for one of another kind, as a chat, whose silence says nothing of alerts."""
    kinds = {str(event.data["kind"]) for event in events if "kind" in event.data}
    roles = {_ROLE_OF[event.kind] for event in events if event.kind in _ROLE_OF} | (kinds & {*_ROLE_OF.values()})
    return frozenset(roles if roles or kinds else _ROLE_OF.values())


def _listener(name: str, events: Sequence[Event], roles: frozenset[str]) -> Listener:
    opened = next((event for event in events if event.kind == "observer.opened"), None)
    return Listener(name=name, roles=roles, troubles=tuple(_troubles(name, events)),
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


def _episodes(evidence: Evidence, clocks: Clocks) -> Iterator[Episode]:
    """Oldest first within a series."""
    sensed = {_begun(event): (event.data.get("sample_unix"), event.data.get("scrape_s"))
              for event in evidence.told("alert.sensed")}  # fmt: skip
    outside = {event.data.get("observer", ""): event.data.get("external_labels") or {}
               for event in evidence.of("alerting.rules")}  # fmt: skip

    found: dict[tuple[str, str], list[Episode]] = {}
    parts: dict[tuple[str, str], list[Event]] = {}

    def over(series: tuple[str, str], end: Event | None) -> None:
        part, before = parts[series], found[series]
        labels: Mapping[str, str] = {**outside.get(series[0], {}), **part[0].data["labels"]}
        if before and before[-1].labels == labels:
            labels = before[-1].labels  # one for all: there may be thousands
        before.append(_episode(part, end, labels, clocks, sensed.get(_begun(part[0]), (None, None))))
        parts[series] = []

    for event in evidence.told("alert.state"):
        series, state = (event.data.get("observer", ""), str(event.data["series"])), event.data["state"]
        found.setdefault(series, [])
        if parts.setdefault(series, []) and state == "pending":  # that it had ended in between was not seen
            over(series, None)
        if state != "inactive":
            parts[series].append(event)
        elif parts[series]:
            over(series, event)
    for series in [series for series, part in parts.items() if part]:
        over(series, None)
    yield from chain.from_iterable(found.values())


def _begun(event: Event) -> tuple[object, ...]:
    """What an episode is known by: whose series, and since when it is active."""
    return event.data.get("observer", ""), event.data["series"], event.data.get("active_unix")


def _episode(part: Sequence[Event], end: Event | None, labels: Mapping[str, str], clocks: Clocks,
             sensed: tuple[float | None, float | None]) -> Episode:  # fmt: skip
    observer = part[0].data.get("observer", "")
    pending = next((event for event in part if event.data["state"] == "pending"), None)
    firing = next((event for event in part if event.data["state"] == "firing"), None)

    def at(event: Event | None) -> Instant | None:
        if event is None:
            return None
        since_unix = event.data.get("since_unix")
        return Instant(-inf, event.t_s) if since_unix is None else clocks.instant(since_unix, event, observer)

    pending_unix = pending.data.get("since_unix") if pending else None
    begun = at(pending)
    if firing and not pending and (pending_unix := _active_unix(firing)) is not None:
        begun = clocks.instant(pending_unix, firing, observer)
    return Episode(
        alert=part[0].data["alert"], labels=labels, pending=begun, firing=at(firing), ended=at(end),
        pending_unix=pending_unix, firing_unix=firing.data.get("since_unix") if firing else None,
        sensed_unix=sensed[0], scrape_s=sensed[1],
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


class _Begun:
    """Finds when an alert began of which a page says since when it fires. By whose clock, the page does not say."""

    def __init__(self, episodes: Sequence[Episode], clocks: Clocks, listeners: Sequence[Listener]) -> None:
        self._clocks = clocks
        self._episodes: dict[str, list[Episode]] = {}
        for one in episodes:
            self._episodes.setdefault(one.alert, []).append(one)
        known = [one for one in listeners if clocks.knows(one.name)]
        evaluate = [one.name for one in known if "prometheus" in one.roles]
        self._any = evaluate or [one.name for one in known if "sink" not in one.roles][:1]

    def when(self, alert: Mapping[str, Any], page: Event) -> Instant | None:
        """It was when Prometheus told so of the same alert, or else by the clock of any; None when it does not say."""
        starts_unix = alert.get("starts_unix")
        if starts_unix is None:
            return None
        seen = [one.firing for one in self._episodes.get(alert["alert"], ())
                if one.firing and one.firing_unix is not None and abs(one.firing_unix - starts_unix) <= _SAME_S
                and one.firing.low_s <= page.t_s and same(alert["labels"], one.labels)]  # fmt: skip
        if seen:
            return Instant(min(one.low_s for one in seen), min(page.t_s, max(one.high_s for one in seen)))
        return self._clocks.instant_by_any(starts_unix, page, self._any)


def same(page: Mapping[str, str], series: Mapping[str, str]) -> bool:
    """Whether an alert with these labels may be this series: on the way labels are added and dropped, seldom changed."""
    return all(page.get(name, value) == value for name, value in series.items())


def _deliveries(evidence: Evidence, begun: _Begun) -> Iterator[Delivery]:
    """Each alert once for each receiver, state and beginning."""
    first: dict[tuple[object, ...], float] = {}
    done: set[tuple[object, ...]] = set()
    last: dict[tuple[str, str], tuple[str, int]] = {}
    for event in evidence.told("page.received"):
        receiver = _receiver(event)
        for alert in event.data["alerts"]:
            whose, status, starts = (receiver, alert["fingerprint"]), alert["status"], alert.get("starts_unix")
            before, times = last.get(whose, ("", 0))
            times += before == "resolved" and status == "firing"
            last[whose] = status, times
            # One that does not say since when it fires begins anew when it fires after it was resolved.
            key = (*whose, status, f"time {times}" if starts is None else starts)
            first_s = first.setdefault(key, event.t_s - float(event.data.get("took_s") or 0.0))
            if not _accepted(event) or key in done:
                continue
            done.add(key)
            yield Delivery(
                alert=alert["alert"], labels=alert["labels"], annotations=alert.get("annotations") or {},
                receiver=receiver, fingerprint=alert["fingerprint"], status=status,
                starts=begun.when(alert, event), t_s=event.t_s, first_s=first_s,
                cut=bool(event.data.get("cut")), seq=event.seq,
            )  # fmt: skip


def _accepted(event: Event) -> bool:
    return 200 <= int(event.data["answered"]) < 300


def _receiver(event: Event) -> str:
    """Whom a page reached: as its sender says, or else whose sink it came to."""
    return str(event.data.get("receiver") or event.data.get("observer") or "")
