"""Evidence, and what judges it. Events live here because evidence belongs to those who must judge it.

Exports the contract only; `checks.catalog` alone names the implementations.
"""

from checks.check import (
    Check,
    DurationLimit,
    FaultName,
    Foreseen,
    Foresees,
    Horizon,
    Listens,
    Measured,
    Outcome,
    ProbeName,
    Ratio,
    RatioLimit,
    Reacts,
    Sentence,
    Verdict,
    Waits,
    Window,
    failed,
    judge,
    passed,
    unknown,
)  # fmt: skip
from checks.evidence import Event, Evidence, FaultSeen, Sample, Samples, Seen, Trust, quantile
from checks.observer import CannotObserve, Observer, Tell
from checks.probe import GOOD, CannotLook, LeftBehind, Look, Probe, ReadsBack, TargetName, Watch, bad, blind

__all__ = [
    "GOOD", "CannotLook", "CannotObserve", "Check", "DurationLimit", "Event", "Evidence", "FaultName", "FaultSeen",
    "Foreseen", "Foresees", "Horizon", "LeftBehind", "Listens", "Look", "Measured", "Observer", "Outcome", "Probe", "ProbeName", "Ratio",
    "RatioLimit", "Reacts", "ReadsBack", "Sample", "Samples", "Seen", "Sentence", "TargetName", "Tell", "Trust", "Verdict",
    "Waits", "Watch", "Window", "bad", "blind", "failed", "judge", "passed", "quantile", "unknown",
]  # fmt: skip
