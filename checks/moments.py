"""Finds the milestones of an incident in what a run left behind. Pure; `checks.incident` reckons with them.

Moments of the service are those that a SOP knows, `impact.start`, `contained` and `recovered`, with the bounds that
sampling leaves. What Prometheus and Alertmanager tell is brought to the run's clock, within its bounds too.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from math import isfinite

from checks.alerting import Alerting, Episode
from checks.clocks import Instant
from checks.evidence import Evidence, Samples, Seen
from checks.incident import Incident, Milestone
from checks.sop.acts import Act, acts_in, began_s, unheard
from checks.sop.impact import of_service

_WORK = frozenset({"chat", "cli", "flag.write", "k8s.write", "manual", "submit.diagnosis"})
"""By which somebody sets to work."""
_NO_WORK = frozenset({"ack", "question", "提问", "complaint", "投诉"})
"""Tags of what is said by those who have only heard of it, or who ask and complain while others work."""
_CHANGES = frozenset({"flag.write", "k8s.write"})
_SEVERITY_TAGS = frozenset({"severity", "sev", "定级"})
_SCOPE_TAGS = frozenset({"scope", "impact", "影响", "影响范围"})
_CAUSE_TAGS = frozenset({"cause", "根因"})
_OVER_TAGS = frozenset({"all-clear", "解除"})


def incident(evidence: Evidence) -> Incident:
    """The milestones of a run, each with its bounds or with why it is not known."""
    found = _Finder(evidence)
    return Incident(milestones={**found.of_machines(), **found.of_people()})


class _Finder:
    """Looks through one run."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.began_s = began_s(evidence)
        self.acts = [act for act in acts_in(evidence) if act.t_s >= self.began_s]
        self.by_people = [act for act in self.acts if act.actor and not act.data.get("bot")]

    # --- machines

    def of_machines(self) -> Mapping[str, Milestone]:
        """Of the fault, the service, alerts and pages."""
        active, fired = self._alert()
        paged = self._first("page.delivered", "no page was delivered")
        return {
            "fault": self._fault(),
            "impact": self._look("impact.start", "no look of any probe failed"),
            "active": active,
            "fired": fired,
            "paged": paged,
            "mitigated": self._look("contained", "the service did not come back before the run ended"),
            "recovered": self._look("recovered", "the service did not come back before the run ended"),
            "cleared": self._cleared(paged),
        }

    def _fault(self) -> Milestone:
        seen = next((act for act in self.acts if act.kind == "fault.injected"), None)
        if seen is None:
            return Milestone.missing("no fault was seen in effect")
        return Milestone(at_s=seen.t_s, low_s=min(self.began_s, seen.t_s), high_s=seen.t_s, seq=seen.seq)

    def _look(self, kind: str, why_not: str) -> Milestone:
        """When a probe went bad, or was good again: between a look before it and the one that showed it."""
        act = next((act for act in self.acts if act.kind == kind), None)
        if act is None:
            return self._never(kind, self._unhurt(kind) or why_not)
        name = act.value("probe")
        low_s, high_s = (
            _around(self.evidence.samples(name), kind, act.t_s) if name else (self._last_bad_s(act.t_s), act.t_s)
        )
        return Milestone(
            at_s=act.t_s, low_s=min(act.t_s, max(low_s, self.began_s)), high_s=max(act.t_s, high_s), seq=act.seq
        )

    def _unhurt(self, kind: str) -> str:
        """Why nothing can have been hurt, or have come back; empty when something was bad, or may have been."""
        if not self.evidence.first("injection.acting"):
            return "nothing was injected"
        hurt = kind == "impact.start" or any(act.kind == "impact.start" for act in self.acts)
        return "" if hurt else "no look of any probe failed"

    def _last_bad_s(self, before_s: float) -> float:
        """When the last bad look of any probe was sent until then."""
        all_looks = of_service(self.evidence, self.began_s)
        places = ((looks, looks.last(Seen.BAD, _place(looks, before_s))) for looks in all_looks)
        return max((looks[place].sent_s for looks, place in places if place is not None), default=self.began_s)

    def _alert(self) -> tuple[Milestone, Milestone]:
        """When the first alert after the fault became active, and when it fired."""
        alerting = self.evidence.derived(Alerting)
        told_before = {event.seq for event in self.evidence.told("alert.state") if event.data.get("before")}
        fresh = [one for one in alerting.episodes
                 if one.firing and one.firing.high_s >= self.began_s and not told_before & {*one.lines}]  # fmt: skip
        if fresh:
            first = min(fresh, key=lambda one: _middle(_firing(one)))
            known = first.pending is not None
            active = self._instant(first.pending, first.lines[0]) if known else _never_told()
            return active, self._instant(_firing(first), first.lines[-1 if len(first.lines) < 3 else 1])
        said = [(one.starts, one.seq) for one in alerting.deliveries
                if one.status == "firing" and one.t_s >= self.began_s and one.starts]  # fmt: skip
        if said:
            starts, seq = min(said, key=lambda one: _middle(one[0]))
            return _never_told(), self._instant(starts, seq)
        return _never_told(), self._first("alert.firing", "no alert fired")

    def _instant(self, at: Instant | None, seq: int) -> Milestone:
        """A time by another clock, on ours."""
        assert at is not None
        low_s = at.low_s if isfinite(at.low_s) else min(self.began_s, at.high_s)
        return Milestone(at_s=round(_middle(at), 6), low_s=low_s, high_s=at.high_s, seq=seq)

    def _cleared(self, paged: Milestone) -> Milestone:
        """The first page after that which was delivered that says that an alert is over."""
        since_s = paged.at_s if paged.at_s is not None else self.began_s
        for event in self.evidence.each("page.received", status="resolved"):
            if event.t_s >= since_s and 200 <= int(event.data.get("answered") or 200) < 300:
                return Milestone(at_s=event.t_s, low_s=event.t_s, high_s=event.t_s, seq=event.seq)
        return self._never("page.delivered", "no page said that it was over")

    def _first(self, kind: str, why_not: str) -> Milestone:
        act = next((act for act in self.acts if act.kind == kind), None)
        return _exactly(act) if act else self._never(kind, why_not)

    def _never(self, kind: str, why_not: str) -> Milestone:
        """It did not come, or nobody could have told that it did."""
        why = unheard(self.evidence, kind)
        return Milestone.missing("nobody can say: {why}", why=why) if why else Milestone.missing(why_not)

    # --- people

    def of_people(self) -> Mapping[str, Milestone]:
        """What they did, first of each."""
        return {
            "acked": self._done(_acknowledges, "nobody acknowledged a page"),
            "engaged": self._done(_works, "nobody ran a command or wrote to the others", begun=True),
            "declared": self._done(_is("incident.declared"), "nobody declared an incident"),
            "graded": self._done(_grades, "nobody said how grave it was"),
            "scoped": self._done(_tagged(_SCOPE_TAGS), "nobody said who was affected"),
            "known": self._done(_states_the_cause, "nobody said what the cause was"),
            "mitigating": self._mitigating(),
            "verified": self._verified(),
        }

    def _done(self, wanted: Callable[[Act], bool], why_not: str, *, begun: bool = False) -> Milestone:
        found = [act for act in self.by_people if wanted(act)]
        if not found:
            return Milestone.missing(why_not)
        first = min(found, key=lambda act: act.began_s if begun else act.t_s)
        return _exactly(first, max(first.began_s, self.began_s) if begun else first.t_s)

    def _mitigating(self) -> Milestone:
        """The last change that was begun before it was contained is taken for the one that helped."""
        contained = self._look("contained", "the service did not come back before the run ended")
        if contained.at_s is None:
            return contained
        changes = [act for act in self.by_people if _changes(act) and self.began_s <= act.began_s <= contained.at_s]
        if not changes:
            return Milestone.missing("nobody changed anything before it was contained")
        last = max(changes, key=lambda act: act.began_s)
        return _exactly(last, last.began_s)

    def _verified(self) -> Milestone:
        """That it is over is only believed once the service is back: said before that, it verifies nothing."""
        said = [act for act in self.by_people if _says_it_is_over(act)]
        if not said:
            return Milestone.missing("nobody said that it was over")
        back = self._look("recovered", "the service did not come back before the run ended")
        if back.at_s is None:
            return back
        after = [act for act in said if act.t_s >= back.at_s]
        return _exactly(after[0]) if after else Milestone.missing("it was said to be over before the service was back")


def _around(looks: Samples, kind: str, sent_s: float) -> tuple[float, float]:
    """Between which moments it went bad, or was good again, that a look sent then was the first to show."""
    place = _place(looks, sent_s)
    if kind == "impact.start":
        before = looks.last(Seen.GOOD, place)
        return (looks[before].sent_s if before is not None else 0.0), sent_s
    before = looks.last(Seen.BAD, place)
    return (looks[before].sent_s if before is not None else sent_s), looks[place].done_s


def _place(looks: Samples, sent_s: float) -> int:
    return bisect_left(looks.columns()[0], round(sent_s, 6) - 5e-7)


def _firing(one: Episode) -> Instant:
    assert one.firing is not None
    return one.firing


def _middle(at: Instant | None) -> float:
    """The moment itself; where only the latest is known, that."""
    assert at is not None
    return (at.low_s + at.high_s) / 2 if isfinite(at.low_s) else at.high_s


def _never_told() -> Milestone:
    return Milestone.missing("nobody told when the alert's condition was first met")


def _exactly(act: Act, at_s: float | None = None) -> Milestone:
    t_s = act.t_s if at_s is None else round(at_s, 6)
    return Milestone(at_s=t_s, low_s=t_s, high_s=t_s, actor=act.actor, seq=act.seq)


# --- which acts


def _is(kind: str) -> Callable[[Act], bool]:
    return lambda act: act.kind == kind


def _tagged(tags: Iterable[str]) -> Callable[[Act], bool]:
    wanted = frozenset(tags)
    return lambda act: act.kind == "chat" and act.value("tag").casefold() in wanted


def _acknowledges(act: Act) -> bool:
    return act.kind == "page.acked" or _tagged(("ack",))(act)


def _works(act: Act) -> bool:
    return act.kind in _WORK and act.value("tag").casefold() not in _NO_WORK


def _states_the_cause(act: Act) -> bool:
    return act.kind == "submit.diagnosis" or _tagged(_CAUSE_TAGS)(act)


def _says_it_is_over(act: Act) -> bool:
    return act.kind == "incident.resolved" or _tagged(_OVER_TAGS)(act)


def _grades(act: Act) -> bool:
    return act.kind == "incident.severity" or _tagged(_SEVERITY_TAGS)(act)


def _changes(act: Act) -> bool:
    return act.kind in _CHANGES or (act.kind == "cli" and act.data.get("mutating") is True)
