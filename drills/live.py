"""What the conductor must know while a run is under way: is it steady, is a condition met, does a guard rail trip?

Pure functions over the evidence so far. They use the checks' own definitions, so that what starts a fault and what
is judged later can never mean two things.
"""

from collections.abc import Sequence
from datetime import timedelta
from math import inf

from checks import Evidence, Outcome, Samples, Seen, Waits, judge
from checks.steady import Steady
from checks.units import show_duration, show_ratio
from drills.drill import AbortWhen, CheckUse
from drills.when import When

_INSTEAD = {
    **dict.fromkeys(("injection.intended", "injection.acting", "injection.injected", "injection.verified"), "fault.withheld"),
    **dict.fromkeys(("injection.healing", "injection.restoring", "injection.healed", "injection.gone"), "fault.elapsed"),
}  # fmt: skip
"""What a control tells, which brings nothing about, in place of these."""
_SLACK_S = 1.0
"""How long after its time is up a look may take to reach us."""


def unsteady(entries: Sequence[Steady], evidence: Evidence, now_s: float) -> str:
    """Why the steady state does not hold over the last `hold` of each entry; empty when it does."""
    for entry in entries:
        verdict = entry.holds_at(evidence, now_s - entry.hold.total_seconds(), now_s)
        if verdict.outcome is not Outcome.PASSED:
            return f"{entry.probe}: {verdict.because}"
    return ""


def met(when: When, evidence: Evidence, *, zero_s: float, now_s: float) -> bool:
    """Whether a fault's condition is met now."""
    if when.probe:
        wanted, span = (Seen.GOOD, when.good_for) if when.good_for else (Seen.BAD, when.bad_for)
        from_s, looks = _told(evidence, when.probe, span or timedelta(0), now_s)
        return from_s >= zero_s and len(looks) > 0 and looks.count(wanted) == len(looks)
    if when.fault:
        effect_s = evidence.fault(when.fault).effect_s
        return effect_s is not None and now_s - effect_s >= when.verified_for.total_seconds()
    if when.alert:
        told = evidence.of("alert.state", alert=when.alert, state=when.state)
    else:
        kind = when.event or ""
        told = evidence.of(_INSTEAD.get(kind, kind) if evidence.control else kind)
    return any(event.t_s >= zero_s for event in told)


def tripped(guard: AbortWhen, evidence: Evidence, *, since_s: float, now_s: float) -> str:
    """Why this guard rail ends the run; empty when it does not. A guard that cannot see ends it too."""
    from_s, looks = _told(evidence, guard.probe, guard.for_, now_s)
    if from_s < since_s:
        return ""
    success, span = looks.success, show_duration(guard.for_.total_seconds())
    if success is None:
        return f"the guard rail on {guard.probe} saw nothing for {span}"
    if guard.success.holds(success):
        ratio = show_ratio(success, beside=guard.success.value)
        return f"{guard.probe} succeeded {ratio} of the time over {span}; the guard rail is {guard.success}"
    return ""


def _told(evidence: Evidence, probe: str, span: timedelta, now_s: float) -> tuple[float, Samples]:
    """The last such span of which we have been told: when it began, and its looks.

    It ends with the newest look of which it is known what it saw. Those of a system that hangs are known only when
    their time is up, so a span that ended now would hold none of them.
    """
    opened = evidence.last("probe.opened", probe=probe)
    hangs_s = float(opened.data["timeout_s"]) if opened else 0.0
    looks = evidence.samples(probe)
    newest_s = looks[-1].sent_s if looks else -inf
    from_s = max(newest_s, now_s - hangs_s - _SLACK_S) - span.total_seconds()
    return from_s, looks.between(from_s, inf)


def waiting(checks: Sequence[CheckUse], evidence: Evidence, *, healed_s: float | None) -> float:
    """The time until which the run must go on for its checks; earlier when they pass already.

    Before the faults are healed (`healed_s` None) this counts the checks that follow a fault, afterwards the others.
    """
    until_s = 0.0
    for use in checks:
        if not isinstance(use.check, Waits):
            continue
        horizon = use.check.horizon()
        start_s, for_s = healed_s, horizon.for_s if horizon.after is None else horizon.healed_s
        if healed_s is None and horizon.after is not None:
            start_s, for_s = evidence.fault(horizon.after).effect_s, horizon.for_s
        if start_s is not None and for_s:
            first = horizon.first if healed_s is None else None
            done = judge(first or use.check, evidence).outcome is Outcome.PASSED
            until_s = max(until_s, 0.0 if done else start_s + for_s)
    return until_s
