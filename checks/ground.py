"""What checks stand on before they can say anything: the fault was there, the probe looked, the settings make sense."""

from datetime import timedelta

from checks.check import Verdict, unknown
from checks.evidence import Event, Evidence, FaultSeen, Samples, Seen


def not_in_effect(fault: FaultSeen) -> Verdict:
    """Unknown, because the fault that the check follows was never verified in effect."""
    if fault.trouble:
        return unknown("{fault} never took effect: {why}", proof=fault.lines, fault=fault.fault, why=fault.trouble)
    return unknown("{fault} never took effect", proof=fault.lines, fault=fault.fault)


def never_looked(probe: str) -> Verdict:
    """Unknown, because there is not one look of the probe."""
    return unknown("{probe} never looked", probe=probe)


def patience_s(evidence: Evidence, probe: str, least_s: float) -> float:
    """The longest that a probe may go without a look inside a stretch that it is said to have watched.

    A probe that by plan looks more rarely than every `least_s` may miss one look.
    """
    return max(least_s, 2 * (evidence.every_s(probe) or 0.0))


def why_ended(evidence: Evidence) -> Event | None:
    """What ended the run before its time; None when nothing did."""
    kinds = ("run.not_started", "run.aborted", "run.broke")
    return next((event for kind in kinds if (event := evidence.first(kind))), None)


def why_blind(looks: Samples) -> str:
    """What the first blind one of these looks says about itself."""
    place = looks.first(Seen.BLIND)
    return looks[place].why or "?" if place is not None else ""


def need_time(setting: str, duration: timedelta) -> None:
    """Raise ValueError for a limit that nothing can keep."""
    if duration <= timedelta(0):
        raise ValueError(setting, f"`{setting}` is no time at all", "give it some, as 5s")
