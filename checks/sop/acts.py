"""What happened, in the words of a SOP: acts of people, and the moments that the run knows by itself.

An act of a person is an event `act.recorded`. What machines tell is already in the journal under other names; it is
read into the same form here, so that a rule need not know who told of something.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from checks.cluster import Change, changes
from checks.evidence import Event, Evidence, Trust
from checks.sop.expression import TEXT_MAX
from checks.sop.impact import OF_PROBES, Impact, of_service

MOMENTS = ("drill.start", "fault.injected", "impact.start", "alert.firing", "page.delivered", "page.withheld", "contained",
           "recovered", "impact.again", "drill.end")  # fmt: skip
"""What the run knows by itself. What happened before the fault counts for nothing but these."""
OF_MACHINES = frozenset({*MOMENTS, "fault.lapsed", "observe", "routes.changed", "rules.changed", "state"})
"""What only machines tell: of a person, or of a system that merely passes on what people say, it is not believed."""
KINDS = (*MOMENTS, "am.silence", "chat", "chat.channel_created", "cli", "fault.lapsed", "flag.write", "incident.declared",
         "incident.resolved", "incident.severity", "k8s.write", "manual", "note", "observe", "page.acked", "role.taken",
         "routes.changed", "rules.changed", "submit.diagnosis", "webhook")  # fmt: skip
"""Kinds of acts that there are anyhow. A SOP may use others."""
BY_PEOPLE = frozenset({"chat", "cli", "incident.declared", "incident.resolved", "incident.severity", "manual", "note",
                       "page.acked", "role.taken", "submit.diagnosis"})  # fmt: skip
"""What is never observed by the run itself, but told, by whoever did it or by the system in which it was done."""
CLOCK_S = 5.0
"""A time by another clock is believed if it is no further than this from the time at which we heard of it."""
_COMMAND_S = 1.0
"""So much earlier or later than a command ran, what it wrote may be told."""
_ACK = "ACK!"
"""A silence whose comment begins so stands for an acknowledgement, as in karma."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Act:
    """One thing that somebody did, or that was seen. Each is itself alone, whatever it holds."""

    t_s: float
    seq: int
    kind: str
    trust: Trust
    actor: str = ""
    """Empty where nobody knows, or nobody did it."""
    team: str = ""
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    clock_off: bool = False
    """Whether a clock that was said to have timed it was so far off that it was timed when we heard of it."""
    by_drill: bool = False
    """Whether the drill itself brought it about by healing, so that it is to nobody's credit."""

    @property
    def order(self) -> tuple[float, int]:
        """Where it stands among others."""
        return self.t_s, self.seq

    @property
    def began_s(self) -> float:
        """When it began: a command is told of when it is over, and what came while it ran did not come before it."""
        took_s = self.data.get("took_s")
        return self.t_s - took_s if isinstance(took_s, int | float) and took_s > 0 else self.t_s

    def value(self, key: str) -> str:
        """What it holds under this name, as a text; empty when nothing."""
        found = getattr(self, key) if key in ("actor", "team", "text") else self.data.get(key)
        match found:
            case None:
                return ""
            case bool():
                return "true" if found else "false"
            case str():
                return found
            case _:
                return str(found)


def acts_in(evidence: Evidence) -> list[Act]:
    """All acts and moments of a run, oldest first."""
    found = [act for event in evidence.told("act.recorded") if (act := _recorded(event))]
    found += _told_by_machines(evidence)
    return sorted(_linked(found), key=lambda one: one.order)


def _linked(acts: Sequence[Act]) -> Iterator[Act]:
    """A write to a cluster is part of the change by whose command it was made, where one command alone may have made it."""
    commands = [act for act in acts if act.kind == "cli" and act.value("mutating") == "true" and act.value("change_id")]
    for act in acts:
        by = [one for one in commands if act.kind == "k8s.write" and _made(act, one)]
        yield replace(act, data={**act.data, "change_id": by[0].value("change_id")}) if len(by) == 1 else act


def _made(write: Act, command: Act) -> bool:
    return (command.began_s - _COMMAND_S <= write.t_s <= command.t_s + _COMMAND_S
            and write.value("name") in command.value("cmd"))  # fmt: skip


def began_s(evidence: Evidence) -> float:
    """When the fault began to act, which is from when on acts are an answer to it; without one, when the drill began."""
    acting = [event.t_s for event in evidence.of("injection.acting")]
    started = _started(evidence)
    return min(acting, default=0.0 if started is None else started.t_s)


def _recorded(event: Event) -> Act | None:
    """An act as somebody told it; None for what is not theirs to tell."""
    data = event.data
    kind = str(data.get("act") or "")
    if not kind or (kind in OF_MACHINES and event.trust is not Trust.OBSERVED):
        return None
    t_s, off = _timed(event, data.get("at_unix"))
    return Act(t_s=t_s, seq=event.seq, kind=kind, trust=event.trust, actor=str(data.get("actor") or ""),
               team=str(data.get("team") or ""), text=str(data.get("text") or "")[:TEXT_MAX], data=data,
               clock_off=off)  # fmt: skip


def _timed(event: Event, at_unix: object) -> tuple[float, bool]:
    """When it was, and whether the clock that says so is not believed."""
    if not isinstance(at_unix, int | float):
        return event.t_s, False
    there_s = event.t_s + float(at_unix) - _unix(event)
    if abs(there_s - event.t_s) <= CLOCK_S + 1e-6:
        return round(there_s, 6), False
    return event.t_s, True


def _unix(event: Event) -> float:
    from datetime import datetime

    return datetime.fromisoformat(event.at).timestamp()


def _told_by_machines(evidence: Evidence) -> Iterator[Act]:
    began = began_s(evidence)
    yield from _of_the_run(evidence)
    yield from _of_alerts(evidence, began)
    yield from _of_silences(evidence)
    for change in changes(evidence):
        yield from _of_the_cluster(change)
    for kind, told in (("rules.changed", "alerting.rules"), ("routes.changed", "alerting.routes")):
        for event in _changes(evidence.told(told)):
            yield _seen(kind, event)
    if evidence.first("injection.acting"):
        for one in Impact(evidence, began).moments():
            yield Act(t_s=one.t_s, seq=one.seq, kind=one.kind, trust=Trust.OBSERVED, by_drill=one.by_drill,
                      data={"probe": one.probe} if one.probe else {})  # fmt: skip


def _seen(kind: str, event: Event, **data: object) -> Act:
    return Act(t_s=event.t_s, seq=event.seq, kind=kind, trust=Trust.OBSERVED, data=data)


def _started(evidence: Evidence) -> Event | None:
    entered = evidence.first("run.phase_entered", phase="faults")
    return evidence.first("steady.confirmed", phase="before") or entered


def _of_the_run(evidence: Evidence) -> Iterator[Act]:
    ended = evidence.first("run.phase_entered", phase="closing") or evidence.first("run.closed")
    fixed = (
        ("drill.start", _started(evidence)),
        ("fault.injected", evidence.first("injection.verified", in_effect=True)),
        ("drill.end", ended),
    )
    for kind, event in fixed:
        if event:
            yield _seen(kind, event)
    for event in evidence.of("injection.lapsed"):
        yield _seen("fault.lapsed", event, fault=event.data.get("fault"))


def _of_alerts(evidence: Evidence, began: float) -> Iterator[Act]:
    for kind, state in (("alert.state", "firing"), ("alert.held", "active")):
        for event in evidence.each(kind, state=state):
            if event.t_s >= began and not event.data.get("before"):
                yield _seen("alert.firing", event, alert=event.data.get("alert"))
    for event in evidence.each("alert.held", state="suppressed"):
        if event.t_s >= began and event.data.get("silenced_by") and not event.data.get("before"):
            yield _seen("page.withheld", event, alert=event.data.get("alert"))
    for event in evidence.each("page.received", status="firing"):
        if event.t_s >= began and 200 <= int(event.data.get("answered") or 200) < 300:
            names = sorted({str(one.get("alert")) for one in event.data.get("alerts") or ()})
            yield _seen("page.delivered", event, receiver=event.data.get("receiver"), alert=" ".join(names))


def _of_silences(evidence: Evidence) -> Iterator[Act]:
    """Each silence once, and once more when it is made to last longer."""
    told: set[tuple[object, object]] = set()
    for event in evidence.each("silence.changed", state="active"):
        key = (event.data.get("id"), event.data.get("ends_unix"))
        if key in told:
            continue
        told.add(key)
        comment, ends_unix = str(event.data.get("comment") or ""), event.data.get("ends_unix")
        data: dict[str, object] = {"id": event.data.get("id")}
        if isinstance(ends_unix, int | float) and event.at:
            data["max_duration_s"] = float(ends_unix) - _unix(event)
        if comment.startswith(_ACK):
            data["tag"] = "ack"
        for kind in ("am.silence", "page.acked")[: 1 + ("tag" in data)]:
            yield Act(t_s=event.t_s, seq=event.seq, kind=kind, trust=Trust.ATTRIBUTED, actor=str(event.data.get("by") or ""),
                      text=comment[:TEXT_MAX], data=data)  # fmt: skip


def _of_the_cluster(one: Change) -> Iterator[Act]:
    """How an object stands, whenever that is another; and what somebody other than the drill and machines wrote to it."""
    about = {"observer": one.observer, "object": one.object, "namespace": one.namespace}
    for result in () if one.kind == "event" else _results(one):
        counts = {key: one.now[key] for key in ("ready", "desired") if isinstance(one.now.get(key), int)}
        told = {"before": True} if one.change == "there" else {"was": one.was_state or "nothing"}
        yield Act(t_s=one.t_s, seq=one.seq, kind="observe", trust=Trust.OBSERVED,
                  data={"probe": one.observer, "result": result, **about, **counts, **told})  # fmt: skip
    if one.wrote.get("by") == "somebody":
        verb, what = str(one.wrote.get("verb") or ""), str(one.wrote.get("change") or "")
        text = f"{verb} {one.object}" + (f": {what}" if what else "")
        yield Act(t_s=one.t_s, seq=one.seq, kind="k8s.write", trust=Trust.OBSERVED, text=text[:TEXT_MAX],
                  data={**about, "resource": one.kind, "name": one.name, "manager": one.wrote.get("manager"), "verb": verb,
                        "change": what})  # fmt: skip


def _results(one: Change) -> Iterator[str]:
    """What there is to see: that it came or has another size, and then how it stands, unless it stands as before."""
    if one.change == "born":
        yield "added"
    if one.change == "changed" and "desired" in one.was:
        yield "scaled"
    if one.state != one.was_state or (one.change == "changed" and "desired" in one.was):
        yield one.state


def _changes(told: Iterable[Event]) -> Iterator[Event]:
    """Those that say something else than the last of the same observer."""
    last: dict[object, object] = {}
    for event in told:
        observer, said = event.data.get("observer"), _set_up(event)
        if observer in last and last[observer] != said:
            yield event
        last[observer] = said


def _set_up(event: Event) -> object:
    """What somebody set of rules and routes, without what merely became of them."""
    if event.kind == "alerting.routes":
        return [event.data.get("routes"), event.data.get("inhibit")]
    keys = ("alert", "group", "query", "for_s", "keep_firing_for_s", "labels")
    return [[rule.get(key) for key in keys] for rule in event.data.get("rules") or ()]


# --- who could have told


def unheard(evidence: Evidence, kind: str, probes: Sequence[str] = ()) -> str:
    """Why nobody could have told of this kind, were there any; empty when somebody could.

    `probes` are the observers that would have made an observation.
    """
    if kind in OF_PROBES:
        return "" if any(of_service(evidence, began_s(evidence))) else "no probe looked"
    if kind == "observe":
        told = any(event.data.get("probe") in probes for event in evidence.each("act.recorded", act="observe"))
        return "" if told or not probes else _not_listening(evidence, "observer", probes)
    if kind == "k8s.write" and _named(evidence, "kubernetes"):
        return _not_listening(evidence, "kind", ("kubernetes",))
    if kind not in _TOLD_BY:
        return ""
    roles, events = _TOLD_BY[kind]
    opened = evidence.first("observer.opened")
    return "" if not opened and any(map(evidence.first, events)) else _not_listening(evidence, "kind", roles)


def _not_listening(evidence: Evidence, key: str, wanted: Sequence[str]) -> str:
    """Why none of these observers can be said to have listened all the time; empty when one did."""
    opened = {event.data.get("observer") for event in evidence.of("observer.opened") if event.data.get(key) in wanted}
    lost = {event.data.get("observer") for event in evidence.of("observer.lost")}
    if opened - (lost - _caught_up(evidence)):
        return ""
    if opened:
        return f"{' and '.join(sorted(map(str, opened)))} could not be heard all the time"
    return f"no {' or '.join(wanted)} was listened to"


def _named(evidence: Evidence, kind: str) -> bool:
    """Whether the run had an observer of this kind, heard or not."""
    return any(
        event.data.get("kind") == kind for event in (*evidence.of("observer.opened"), *evidence.of("observer.lost"))
    )


def _caught_up(evidence: Evidence) -> set[object]:
    """Observers that could not be heard at times, and missed nothing: they told of it all once they were back."""
    back = [event for event in evidence.of("observer.back") if event.data.get("caught_up")]
    counted = [event.data.get("observer") for event in evidence.of("observer.lost")]
    return {name for name in counted if counted.count(name) == sum(one.data.get("observer") == name for one in back)}


_TOLD_BY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "page.delivered": (("sink",), ("page.received",)),
    "alert.firing": (("prometheus", "alertmanager"), ("alert.state", "alert.held")),
    "page.withheld": (("alertmanager",), ("alert.held",)),
    "am.silence": (("alertmanager",), ("silence.changed",)),
    "rules.changed": (("prometheus",), ("alerting.rules",)),
    "routes.changed": (("alertmanager",), ("alerting.routes",)),
}
"""By which observers, and in which events."""
