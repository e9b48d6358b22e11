"""The figures of a run, by which runs are compared: those of the incident, of each probe, and of the service's objective.

Each is there in every report, in this order; one that was not measured says why. What several probes saw is never averaged.
"""

from collections.abc import Iterator, Mapping

from checks import Evidence, Sentence
from checks.gauged import Gauged
from checks.incident import SPANS, Incident, Span
from checks.recovery import BY_DRILL, healed_in, loss, rto
from checks.service_level import availability, budget_burned, burn_rate, failed_requests, lost_area
from checks.sop.acts import began_s
from checks.sop.check import Sop
from checks.sop.mobilised import mobilised
from drills.drill import Drill
from reports import Metric

TITLES: Mapping[str, str] = {
    "TTD": "time to detect",
    "TTD from fault": "from the fault to the alert",
    "TTN": "time to notify",
    "TTA": "time to acknowledge",
    "TTE": "time to engage",
    "mobilise": "until all roles were held",
    "TTM": "time to mitigate",
    "TTR": "time to restore",
    "MTTI": "time to identify",
    "MTTK": "time to know",
    "MTTF": "time to fix",
    "MTTV": "time to verify",
    "total": "until the all-clear",
    "RTO": "service outage",
    "RPO": "data-loss window",
    "lost writes": "acknowledged, and missing",
    "availability": "share of good looks",
    "error budget": "share of it that was burned",
    "burn rate": "times as fast as it may",
    "failed requests": "in production, at its rate",
    "lost area": "service lost below its objective",
}
"""What each figure is, by its name, in the report's order."""
LOST_SERVICE = "lost area"
"""The figure that a score holds against a par."""
_LATE = frozenset({"TTM", "TTR", "MTTF", "total"})
"""They end once the service is back, or after that, and the drill may have healed by then."""
_OF_PART: Mapping[str, tuple[str, ...]] = {
    "MTTI": ("impact", "engaged", "graded"),
    "MTTK": ("engaged", "graded", "mitigating", "known"),
    "MTTF": ("mitigating", "known", "recovered"),
    "MTTV": ("recovered", "verified"),
    "total": ("impact", "verified"),
}
"""The milestones that each part of the outage is made of."""


def metrics(evidence: Evidence, drill: Drill, times: Incident) -> tuple[Metric, ...]:
    """All of them."""
    order = list(TITLES)
    served = dict(_served(evidence, drill))
    found = [
        *_of_incident(evidence, drill, times),
        *_of_probes(evidence, drill, served),
        *_of_objective(evidence, drill, times, served),
    ]
    return tuple(sorted(found, key=lambda one: order.index(one.name)))


def _metric(name: str, one: Gauged, *, of: str = "") -> Metric:
    return Metric(name=name, title=TITLES[name], of=of, value=one.value, why_not=one.why_not, from_s=one.from_s, to_s=one.to_s,
                  note=one.note, proof=one.proof)  # fmt: skip


# --- of the incident


def _of_incident(evidence: Evidence, drill: Drill, times: Incident) -> Iterator[Metric]:
    for name, milestones in SPANS.items():
        yield _metric(name, _spanned(evidence, times, times.span(name), milestones))
    for part in (*times.parts, times.total):
        yield _metric(part.name, _spanned(evidence, times, part, _OF_PART[part.name]))
    sops = [use.check for use in drill.checks if isinstance(use.check, Sop)]
    books = [(one.book, one.holds) for one in sops if one.book]
    for book, holds in books:
        found = mobilised(book, holds, evidence, times.milestones["declared"])
        yield _metric("mobilise", found, of=book.head.id if len(books) > 1 else "")
    if not books:
        yield _metric("mobilise", Gauged.missing("the drill has no SOP that says who must be there"))


def _spanned(evidence: Evidence, times: Incident, span: Span, milestones: tuple[str, ...]) -> Gauged:
    """A span as a figure; that it ended because the drill healed is said with it."""
    if span.took is None:
        return Gauged(why_not=span.why_not)
    lines = {times.milestones[name].seq for name in milestones}
    found = Gauged(value=span.took, from_s=span.from_s, to_s=span.to_s,
                   proof=tuple(sorted(one for one in lines if one is not None)))  # fmt: skip
    if span.name not in _LATE:
        return found
    name = "mitigated" if span.name == "TTM" else "recovered"
    impact, back = times.milestones["impact"], times.milestones[name]
    by_drill = impact.at_s is not None and back.at_s is not None and healed_in(evidence, impact.at_s, back.high_s)
    return found.noted(BY_DRILL) if by_drill else found


# --- of each probe


def _served(evidence: Evidence, drill: Drill) -> Iterator[tuple[str, Gauged]]:
    """How available each probe found it, from the fault on; first the one that the service is known by."""
    closing = evidence.first("run.phase_entered", phase="closing")
    span = began_s(evidence), evidence.ended_s if closing is None else closing.t_s
    known = drill.objective
    for name in sorted(drill.probes, key=lambda name: isinstance(known, Sentence) or name != known.probe):
        yield name, availability(evidence, name, *span)


def _of_probes(evidence: Evidence, drill: Drill, served: Mapping[str, Gauged]) -> Iterator[Metric]:
    """Of those at which the service shows, and of those that wrote numbers."""
    writers = [event.data["probe"] for event in evidence.of("probe.opened") if event.data.get("writes")]
    shows = [name for name in served if drill.probes[name].impact]
    for name in shows:
        yield _metric("availability", served[name], of=name)
        yield _metric("RTO", rto(evidence, name, began_s(evidence)), of=name)
    for name in (one for one in served if one in writers):
        lost = loss(evidence, name)
        yield _metric("RPO", lost.rpo, of=name)
        yield _metric("lost writes", lost.writes, of=name)
    if not shows:
        yield from (_metric(one, Gauged.missing("no probe shows the service")) for one in ("availability", "RTO"))
    if not writers:
        yield from (_metric(one, Gauged.missing("no probe wrote numbers")) for one in ("RPO", "lost writes"))


# --- of the objective


def _of_objective(evidence: Evidence, drill: Drill, times: Incident, served: Mapping[str, Gauged]) -> Iterator[Metric]:
    known = drill.objective
    if isinstance(known, Sentence):
        for name in ("error budget", "burn rate", "failed requests", "lost area"):
            yield _metric(name, Gauged(why_not=known))
        return
    seen = served[known.probe]
    yield _metric("error budget", budget_burned(known, seen), of=known.probe)
    yield _metric("burn rate", burn_rate(known, seen), of=known.probe)
    yield _metric("failed requests", failed_requests(known, seen), of=known.probe)
    yield _metric("lost area", lost_area(evidence, known, times), of=known.probe)
