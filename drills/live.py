"""What the conductor must know while a run is under way: is it steady, is a condition met, does a guard rail trip?

Pure functions over the evidence so far. They use the checks' own definitions, so that what starts a fault and what
is judged later can never mean two things.
"""

from collections.abc import Sequence

from checks import Evidence, Outcome, Seen, Waits, judge
from checks.steady import Steady
from drills.drill import AbortWhen, CheckUse, When


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
        span = when.good_for or when.bad_for
        wanted = Seen.GOOD if when.good_for else Seen.BAD
        from_s = now_s - (span.total_seconds() if span else 0.0)
        looks = evidence.samples(when.probe).between(from_s, now_s)
        return from_s >= zero_s and len(looks) > 0 and looks.count(wanted) == len(looks)
    if when.fault:
        effect_s = evidence.fault(when.fault).effect_s
        return effect_s is not None and now_s - effect_s >= when.verified_for.total_seconds()
    return any(event.t_s >= zero_s for event in evidence.of(when.event or ""))


def tripped(guard: AbortWhen, evidence: Evidence, *, since_s: float, now_s: float) -> str:
    """Why this guard rail ends the run; empty when it does not. A guard that cannot see ends it too."""
    span_s = guard.for_.total_seconds()
    if now_s - since_s < span_s:
        return ""
    looks = evidence.samples(guard.probe).between(now_s - span_s, now_s)
    success = looks.success
    if success is None:
        return f"the guard rail on {guard.probe} saw nothing for {span_s:g} s"
    if guard.success.holds(success):
        return f"{guard.probe} succeeded {success:.1%} of the time over {span_s:g} s; the guard rail is {guard.success}"
    return ""


def waiting(checks: Sequence[CheckUse], evidence: Evidence, *, healed_s: float | None) -> float:
    """The time until which the run must go on for its checks; earlier when they pass already.

    Before the faults are healed (`healed_s` None) this counts the checks that follow a fault, afterwards the others.
    """
    until_s = 0.0
    for use in checks:
        if not isinstance(use.check, Waits):
            continue
        horizon = use.check.horizon()
        start_s = healed_s if horizon.after is None else evidence.fault(horizon.after).effect_s
        if (horizon.after is None) == (healed_s is not None) and start_s is not None:
            done = judge(use.check, evidence).outcome is Outcome.PASSED
            until_s = max(until_s, 0.0 if done else start_s + horizon.for_s)
    return until_s
