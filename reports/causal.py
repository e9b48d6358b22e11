"""What followed from what in a run, as plain data: its steps from the fault to the all-clear, each with its bounds, what it
came after and by when it was due; and what never came, with the reason.

Whoever draws it reads no incident and no verdict. Times are seconds since the run was opened.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from checks import Measured, Outcome, Row, Sentence, Window
from checks.incident import MILESTONES, Milestone, Span
from reports.report import CheckResult, Report

LANES: Mapping[str, str] = {"faults": "Faults", "service": "Service", "alerts": "Alerts", "people": "People"}
"""From above; each with its title."""
STEPS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "fault": ("faults", "fault in effect", ()),
    "impact": ("service", "first failed look", ("fault",)),
    "active": ("alerts", "alert pending", ("fault", "impact")),
    "fired": ("alerts", "alert firing", ("fault", "impact", "active")),
    "paged": ("alerts", "page delivered", ("fault", "impact", "active", "fired")),
    "acked": ("people", "acknowledged", ("fired", "paged")),
    "declared": ("people", "incident declared", ("impact", "paged", "acked", "graded", "engaged", "scoped")),
    "graded": ("people", "severity set", ("impact", "paged", "acked", "declared", "engaged", "scoped")),
    "engaged": ("people", "set to work", ("impact", "paged", "acked", "declared", "graded")),
    "scoped": ("people", "scope said", ("impact", "paged", "acked", "declared", "graded", "engaged")),
    "known": ("people", "cause stated", ("impact", "paged", "acked", "declared", "graded", "engaged", "scoped")),
    "mitigating": ("people", "change begun", ("impact", "paged", "acked", "declared", "graded", "engaged", "scoped", "known")),
    "mitigated": ("service", "contained", ("impact", "mitigating")),
    "recovered": ("service", "recovered", ("impact", "mitigating", "mitigated")),
    "cleared": ("alerts", "page resolved", ("paged", "recovered")),
    "verified": ("people", "all-clear said", ("recovered",)),
    "gone": ("faults", "faults gone", ("fault",)),
    "clean": ("faults", "nothing left", ("gone",)),
}  # fmt: skip
"""By the book, in order: its lane, what it is called, and after which of them it may come. The latest of these that did come
before it is what it came after."""
_AWAITED = ("recovered", "mitigated", "paged", "acked", "verified")
"""Of which it is drawn that they never came; the table has all."""
_NEAR_S = 0.05
"""How far apart two accounts of one moment may lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One moment of the chain, or that it never came."""

    name: str
    lane: str
    title: str
    told: str
    """In a clause."""
    at_s: float | None
    low_s: float
    high_s: float
    number: int | None = None
    """From 1 on, in the order in which they came; None when it did not."""
    after: str | None = None
    """The step that it came after."""
    took: Measured | None = None
    """Since that."""
    due_s: float | None = None
    """By when it had to come, where a check says so."""
    who: str = ""
    """By the roles held then, where a rule was judged by it, and else by name."""
    seq: int | None = None
    why_not: Sentence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Something that was asked for by then, of people by a rule or of alerts, and that did not come, or not in time."""

    lane: str
    check: int
    """Its place among the report's checks."""
    what: str
    due_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The whole of it."""

    steps: tuple[Step, ...]
    """Those that came, in order, and then those that did not, by the book."""
    missed: tuple[Missed, ...]
    acts: tuple[int, ...]
    """Journal lines besides those of steps that rules were judged by."""
    parts: tuple[Span, ...]
    """The outage in four, those that are known."""
    ruled: bool
    """Whether anything was asked of people."""

    def step(self, name: str | None) -> Step | None:
        """One by its name."""
        return next((one for one in self.steps if one.name == name), None)

    def of_lane(self, lane: str) -> list[Step]:
        """Those of one lane that came."""
        return [one for one in self.steps if one.lane == lane and one.at_s is not None]

    def awaited(self, lane: str) -> Step | None:
        """What this lane still waited for when the run ended."""
        missing = {one.name: one for one in self.steps if one.at_s is None and one.lane == lane}
        return next((missing[name] for name in _AWAITED if name in missing), None)

    def cause_of(self, name: str) -> Step | None:
        """The latest that came of those after which this one may come."""
        came = [one for one in self.steps if one.name in STEPS[name][2] and one.at_s is not None]
        return max(came, key=lambda one: (one.at_s or 0.0, one.number or 0), default=None)


def chain(report: Report) -> Chain | None:
    """Of a report; None when it has no incident, or nothing of it came."""
    if report.incident is None:
        return None
    found = {**report.incident.milestones, **_ends(report)}
    order = list(STEPS)
    came = sorted((name for name in order if found[name].at_s is not None),
                  key=lambda name: (found[name].at_s, order.index(name)))  # fmt: skip
    if not came:
        return None
    numbers = {name: number for number, name in enumerate(came, 1)}
    steps = tuple(
        _step(report, name, found, numbers) for name in (*came, *(name for name in order if name not in numbers))
    )
    lines = {one.seq for one in steps}
    rows = [row for check in report.checks for row in check.verdict.rows]
    return Chain(
        steps=steps,
        missed=tuple(_missed(report)),
        acts=tuple(sorted({seq for row in rows for seq in row.proof} - lines)),
        parts=tuple(one for one in report.incident.parts if one.took is not None),
        ruled=bool(rows),
    )


def _ends(report: Report) -> dict[str, Milestone]:
    """What no incident tells of: that all faults were gone, and that nothing of ours was left."""
    real = [one for one in report.faults if one.acting_s is not None]
    gone = [one.gone_s for one in real if one.gone_s is not None]
    never = Milestone.missing("a fault was never seen to be gone" if real else "no fault was ever there")
    return {"gone": _exactly(max(gone)) if gone and len(gone) == len(real) else never, "clean": _clean(report)}


def _clean(report: Report) -> Milestone:
    result = next((one for one in report.checks if one.kind == "clean"), None)
    if result is None:
        return Milestone.missing("nobody looked whether anything is left")
    seen = next((one for one in reversed(report.moments) if one.seq in result.verdict.proof), None)
    if result.outcome is not Outcome.PASSED or seen is None:
        return Milestone(at_s=None, why_not=result.verdict.because)
    return _exactly(seen.t_s, seen.seq)


def _exactly(at_s: float, seq: int | None = None) -> Milestone:
    return Milestone(at_s=at_s, low_s=at_s, high_s=at_s, seq=seq)


def _step(report: Report, name: str, found: Mapping[str, Milestone], numbers: Mapping[str, int]) -> Step:
    lane, title, causes = STEPS[name]
    one = found[name]
    before = [cause for cause in causes if numbers.get(cause, len(STEPS)) < numbers.get(name, 0)]
    after = max(before, key=numbers.__getitem__, default=None)
    return Step(
        name=name, lane=lane, title=title, told=MILESTONES.get(name, title), at_s=one.at_s, low_s=one.low_s,
        high_s=one.high_s, number=numbers.get(name), after=after, took=_took(found[after], one) if after else None,
        due_s=_due_s(report, name, one), who=_who(report, one), seq=one.seq, why_not=one.why_not,
    )  # fmt: skip


def _took(cause: Milestone, effect: Milestone) -> Measured:
    assert cause.at_s is not None
    assert effect.at_s is not None
    if cause.seq is not None and (cause.seq, cause.at_s) == (effect.seq, effect.at_s):  # one look showed both
        return Measured.between(0, 0)
    low_s, high_s = max(0.0, effect.low_s - cause.high_s), max(0.0, effect.high_s - cause.low_s)
    value_s = min(max(effect.at_s - cause.at_s, low_s), high_s)
    return Measured(value=round(value_s, 6), low=round(low_s, 6), high=round(high_s, 6), unit="s")


def _due_s(report: Report, name: str, one: Milestone) -> float | None:
    """By when it had to come: the earliest that any check says."""
    checks = report.checks
    match STEPS[name][0]:
        case "people":
            rows = (row for check in checks for row in check.verdict.rows)
            return min((row.due_s for row in rows if row.due_s is not None and _shows(row, one)), default=None)
        case "service" if name == "recovered":
            return min((due_s for check in checks for due_s in _recovery_due(check, one)), default=None)
        case "alerts" if name == "paged":
            return min((due_s for check in checks for due_s in _page_due(check, one)), default=None)
    return None


def _who(report: Report, one: Milestone) -> str:
    if not one.actor:
        return ""
    rows = (row for check in report.checks for row in check.verdict.rows if _shows(row, one))
    roles = next((role for row in rows if (role := row.because.values.get("who", ""))), "")
    return f"{roles} ({one.actor})" if roles and one.actor not in roles else one.actor


def _shows(row: Row, one: Milestone) -> bool:
    at_s = row.at_s
    return one.seq in row.proof and at_s is not None and one.at_s is not None and abs(at_s - one.at_s) < _NEAR_S


def _recovery_due(check: CheckResult, one: Milestone) -> Iterator[float]:
    """Of an interruption that ended with it, or of any where it never came."""
    for window in check.verdict.windows if check.within_s else ():
        if window.lane.startswith("probe:") and (one.at_s is None or _is_at(window.to_s, one)):
            yield window.from_s + (check.within_s or 0.0)


def _page_due(check: CheckResult, one: Milestone) -> Iterator[float]:
    """Of the alert that was delivered then, or of any that was not where none was."""
    for windows in _alerts(check).values():
        delivered = [window.from_s for window in windows if window.label == "delivered"]
        if any(_is_at(at_s, one) for at_s in delivered) or (one.at_s is None and not delivered):
            yield from (window.from_s for window in windows if window.label == "limit")


def _alerts(check: CheckResult) -> dict[str, list[Window]]:
    """What its verdict says of each alert."""
    lanes: dict[str, list[Window]] = {}
    for window in check.verdict.windows:
        if window.lane.startswith("alert:"):
            lanes.setdefault(window.lane, []).append(window)
    return lanes


def _is_at(at_s: float, one: Milestone) -> bool:
    return one.low_s - _NEAR_S <= at_s <= one.high_s + _NEAR_S


def _missed(report: Report) -> Iterable[Missed]:
    for place, check in enumerate(report.checks):
        for row in check.verdict.rows:
            if row.status == "violated" and row.due_s is not None:
                yield Missed(lane="people", check=place, what=row.name, due_s=row.due_s)
        for lane, windows in _alerts(check).items() if check.outcome is Outcome.FAILED else ():
            limit_s = next((window.from_s for window in windows if window.label == "limit"), None)
            if limit_s is not None and all(window.label != "delivered" for window in windows):
                yield Missed(lane="alerts", check=place, what=lane.removeprefix("alert:"), due_s=limit_s)
