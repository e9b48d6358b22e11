"""What happened in a stored run, one after the other: acts of people, pages, alerts, faults and what became of the service.

Made of the same acts and moments that SOPs are judged by. It goes into event logs, and into the timeline of a review.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checks import Event, Evidence, Sentence
from checks.sop.acts import Act, acts_in
from checks.sop.book import Head, Role
from checks.sop.check import Sop
from checks.sop.roles import Roles
from drills.drill import Drill
from reports.event_log import Happening

_TELLING = frozenset({"act", "actor", "at_unix", "id", "team", "text"})
"""Data of an act that stands elsewhere."""


def happenings(evidence: Evidence, drill: Drill) -> list[Happening]:
    """All of them, oldest first."""
    clock = _Clock(evidence)
    fired = {event.data.get("alert") for event in evidence.each("alert.state", state="firing")}
    acts = [act for act in acts_in(evidence)
            if not (act.kind == "state" or _was_there(act) or _said_twice(act, clock, fired))]  # fmt: skip
    opened = evidence.first("run.opened")
    held = _Held(drill, acts, (opened.data.get("kept") if opened else None) or {})
    found = [*(_of_act(act, clock, held) for act in acts), *_of_machines(evidence, clock)]
    lasting = [_begun(one) for one in found if _took_s(one) > 0]
    return sorted([*found, *lasting], key=lambda one: (one.t_s, one.seq, one.transition == "complete"))


def _was_there(act: Act) -> bool:
    """Whether it only says how one of the thousands of objects of a cluster stood when the run began."""
    return act.kind == "observe" and bool(act.data.get("before")) and bool(act.value("object"))


def _said_twice(act: Act, clock: "_Clock", fired: Container[object]) -> bool:
    """Whether Alertmanager says of an alert what Prometheus said already."""
    event = clock.event(act.seq)
    return (
        act.kind == "alert.firing"
        and event is not None
        and event.kind == "alert.held"
        and act.data.get("alert") in fired
    )


class _Clock:
    """Which event a line of the journal is, and UTC at any time of the run.

    All of it counts from when the run was opened, so that the order and the spans of a log hold also where UTC was set meanwhile.
    """

    def __init__(self, evidence: Evidence) -> None:
        first = next(iter(evidence.events), None)
        at = datetime.fromisoformat(first.at).astimezone(UTC) if first and first.at else datetime.fromtimestamp(0, UTC)
        self._zero = at - timedelta(seconds=first.t_s if first else 0.0)
        self._line = evidence.line

    def event(self, seq: int) -> Event | None:
        """The event of this line; None for looks of a probe, which are taken out of theirs."""
        return self._line(seq)

    def at(self, t_s: float) -> datetime:
        """This time of the run."""
        return self._zero + timedelta(seconds=t_s)


class _Held:
    """Who held which roles, by the SOPs of a drill; without one, by what people took."""

    def __init__(self, drill: Drill, acts: list[Act], kept: Mapping[str, Sequence[str]]) -> None:
        sops = [use.check for use in drill.checks if isinstance(use.check, Sop)]
        books = [(one.book.head, one.holds) for one in sops if one.book] or [(_made_up(acts), {})]
        self._roles = [Roles(head, acts, holds, kept) for head, holds in books]

    def by(self, act: Act) -> tuple[str, ...]:
        """The roles of whoever did it."""
        return tuple(dict.fromkeys(role for roles in self._roles for role in roles.of(act.actor, act.t_s)))


def _made_up(acts: Iterable[Act]) -> Head:
    names = dict.fromkeys(act.value("role") for act in acts if act.kind == "role.taken")
    return Head(kind="SOP", id="none", roles={name: Role() for name in names if name})


def _of_act(act: Act, clock: _Clock, held: _Held) -> Happening:
    event = clock.event(act.seq)
    source = event.source if event else f"probe:{act.value('probe')}"
    activity = f"chat.{act.value('tag')}" if act.kind == "chat" and act.value("tag") else act.kind
    data = {key: value for key, value in act.data.items() if key not in _TELLING}
    return Happening(t_s=act.t_s, at=clock.at(act.t_s), seq=act.seq, activity=activity, said=_said(act),
                     source=source, trust=act.trust, actor=act.actor, roles=held.by(act), team=act.team, text=act.text,
                     data=data, instance=str(act.seq) if act.began_s < act.t_s else "")  # fmt: skip


def _of_machines(evidence: Evidence, clock: _Clock) -> Iterator[Happening]:
    """What is no act of a SOP, and part of the story: when a fault began and went, an alert was pending or over."""
    for kind, (activity, transition, pattern) in _MACHINES.items():
        for event in evidence.of(kind):
            yield _told(event, clock, activity, pattern, event.data, transition=transition)
    for state, activity, pattern in _ALERTS:
        for event in evidence.each("alert.state", state=state):
            if not event.data.get("before"):
                yield _told(event, clock, activity, pattern, event.data)
    for event in evidence.of("page.received", status="resolved"):
        names = ", ".join(sorted({str(one.get("alert")) for one in event.data.get("alerts") or ()}))
        about = {"alert": names, "receiver": event.data.get("receiver") or event.data.get("observer")}
        yield _told(event, clock, "page.resolved", "the page about {alert} to {receiver} is resolved", about)


_ALERTS = (
    ("pending", "alert.pending", "{alert} is pending"),
    ("inactive", "alert.resolved", "{alert} is over"),
)
_MACHINES: Mapping[str, tuple[str, str, str]] = {
    "injection.acting": ("fault", "start", "{fault} begins to act on {target}"),
    "injection.gone": ("fault", "complete", "{fault} is gone from {target}"),
    "injection.healing": ("fault.healing", "complete", "{fault} is taken away from {target}"),
    "fault.withheld": ("fault.withheld", "complete", "{fault} would have begun, and is withheld"),
    "run.not_started": ("run.not_started", "complete", "the run does not start: {why}"),
    "run.aborted": ("run.aborted", "complete", "the run is ended: {why}"),
    "run.broke": ("run.broke", "complete", "the run breaks off: {why}"),
}


def _told(event: Event, clock: _Clock, activity: str, pattern: str, about: Mapping[str, Any], *,
          transition: str = "complete") -> Happening:  # fmt: skip
    known = {key: str(about[key]) for key in ("alert", "fault", "target", "receiver", "why") if about.get(key)}
    instance = str(event.data.get("injection") or "") if activity == "fault" else ""
    return Happening(t_s=event.t_s, at=clock.at(event.t_s), seq=event.seq, activity=activity, transition=transition,
                     said=Sentence(pattern, known), source=event.source, trust=event.trust, data=known,
                     instance=instance)  # fmt: skip


# --- times


def _took_s(one: Happening) -> float:
    took_s = one.data.get("took_s")
    return float(took_s) if isinstance(took_s, int | float) else 0.0


def _begun(one: Happening) -> Happening:
    """When something began of which we heard at its end."""
    took_s = min(_took_s(one), one.t_s)
    return replace(one, t_s=round(one.t_s - took_s, 6), at=one.at - timedelta(seconds=took_s), transition="start",
                   said=Sentence(""))  # fmt: skip


# --- in words


def _said(act: Act) -> Sentence:
    """What it is, for people. Who did it is filled in by whoever shows it: a review names roles."""
    pattern, keys = _SAY[act.kind](act) if act.kind in _SAY else _other(act)
    values = {key: act.value(key) for key in keys} | {"kind": act.kind}
    return Sentence(pattern, values | {"probe": _observer(act)} if act.kind == "observe" else values)


def _other(act: Act) -> tuple[str, tuple[str, ...]]:
    return ("{who}: {kind} {text}" if act.actor else "{kind} {text}"), ("text",)


def _role(act: Act) -> tuple[str, tuple[str, ...]]:
    holder = act.value("holder") if "holder" in act.data else act.actor
    if not holder:
        return "{who} gives up the role {role}", ("role",)
    return ("{who} takes the role {role}" if holder == act.actor else "{who} hands over the role {role}"), ("role",)


def _cli(act: Act) -> tuple[str, tuple[str, ...]]:
    match bool(act.data.get("mutating")), bool(act.value("cmd")):
        case True, True:
            return "{who} changes something: `{cmd}`", ("cmd",)
        case True, False:
            return "{who} changes something: {text}", ("text",)
        case False, True:
            return "{who} looks: `{cmd}`", ("cmd",)
        case _:
            return "{who} looks: {text}", ("text",)


def _observe(act: Act) -> tuple[str, tuple[str, ...]]:
    if act.value("replica"):
        return "{probe} sees {replica}: {result}", ("replica", "result")
    if act.value("object"):
        return "{probe} sees {object}: {result}", ("object", "result")
    return "{probe} sees: {result}", ("result",)


def _observer(act: Act) -> str:
    """What saw it. One that could not be asked any more is told of by its observer alone."""
    return act.value("probe") or act.value("observer")


def _chat(act: Act) -> tuple[str, tuple[str, ...]]:
    if act.value("tag"):
        return "{who} says in {channel} ({tag}): {text}", ("channel", "tag", "text")
    return "{who} says in {channel}: {text}", ("channel", "text")


def _plain(pattern: str, *keys: str) -> Callable[[Act], tuple[str, tuple[str, ...]]]:
    return lambda _: (pattern, keys)


_SAY: Mapping[str, Callable[[Act], tuple[str, tuple[str, ...]]]] = {
    "drill.start": _plain("the steady state is confirmed, the drill begins"),
    "fault.injected": _plain("the fault is seen in effect"),
    "fault.lapsed": _plain("{fault} went before it was healed", "fault"),
    "impact.start": _plain("{probe} fails for the first time", "probe"),
    "impact.again": _plain("{probe} fails again, after the service was back", "probe"),
    "contained": _plain("the service answers again"),
    "recovered": _plain("the service is back, and stays so"),
    "drill.end": _plain("the drill is over"),
    "alert.firing": _plain("{alert} fires", "alert"),
    "page.delivered": _plain("a page about {alert} reaches {receiver}", "alert", "receiver"),
    "am.silence": _plain("{who} silences alerts: {text}", "text"),
    "rules.changed": _plain("alerting rules were changed"),
    "routes.changed": _plain("the way of alerts was changed"),
    "page.acked": _plain("{who} acknowledges the page"),
    "incident.declared": _plain("{who} declares an incident: {text}", "text"),
    "incident.severity": _plain("{who} sets the severity to {severity}", "severity"),
    "incident.resolved": _plain("{who} says that it is over: {text}", "text"),
    "role.taken": _role,
    "chat": _chat,
    "cli": _cli,
    "flag.write": _plain("{who} sets the switch {flag}", "flag"),
    "k8s.write": _plain("{who} changes the cluster: {text}", "text"),
    "submit.diagnosis": _plain("{who} states the cause: {text}", "text"),
    "manual": _plain("{who} says that step {step} is done", "step"),
    "note": _plain("{who} notes: {text}", "text"),
    "observe": _observe,
    "webhook": _plain("a notice goes out: {text}", "text"),
}
