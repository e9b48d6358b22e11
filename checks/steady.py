"""Is the system as it should be, over a stretch of time? Before anything is injected, and again at the end."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from checks.check import DurationLimit, ProbeName, RatioLimit, Verdict, Window, unknown
from checks.evidence import Evidence
from checks.ground import need_time, why_ended
from checks.level import Limits, need_one
from checks.units import show_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The probe's looks keep these limits for as long as `hold`.

    Judged are the last `hold` before the moment at which the run found its steady state, or gave up waiting for it.
    Times are those of good looks. Without a limit on `success` a bad look counts as slower than any limit.
    """

    name: ClassVar[str] = "steady"

    probe: Annotated[ProbeName, "The probe whose looks are held against the limits"]
    success: Annotated[RatioLimit | None, "The share of looks that are good"] = None
    p50: Annotated[DurationLimit | None, "How long half of the good looks take at most"] = None
    p95: Annotated[DurationLimit | None, "How long 95 in 100 good looks take at most"] = None
    p99: Annotated[DurationLimit | None, "How long 99 in 100 good looks take at most"] = None
    hold: Annotated[timedelta, "How long the limits must hold"] = timedelta(seconds=5)
    at_least: Annotated[int, "Looks that must have seen something in that time"] = 20
    # Not for authors: each entry is judged in both phases.
    phase: Literal["before", "after"] = field(default="before", metadata={"setting": False})

    def __post_init__(self) -> None:
        need_one(success=self.success, p50=self.p50, p95=self.p95, p99=self.p99)
        need_time("hold", self.hold)

    def judge(self, evidence: Evidence) -> Verdict:
        """Judge the stretch that the journal names for this phase."""
        told = evidence.last("steady.confirmed", phase=self.phase) or evidence.last("steady.missed", phase=self.phase)
        if told is None:
            return self._never(evidence)
        hold_s, to_s = self.hold.total_seconds(), told.data["to_s"]
        watched_s = to_s - told.data["from_s"]
        if round(watched_s, 6) < hold_s:
            return unknown("watched for {watched} only; {hold} are needed", proof=(told.seq,),
                           watched=show_duration(watched_s, beside=hold_s), hold=show_duration(hold_s))  # fmt: skip
        verdict = self.holds_at(evidence, to_s - hold_s, to_s)
        return replace(verdict, proof=tuple(sorted({*verdict.proof, told.seq})))

    def holds_at(self, evidence: Evidence, from_s: float, to_s: float) -> Verdict:
        """Whether the limits hold over the looks sent in [from_s, to_s), whatever the journal names."""
        limits = Limits(success=self.success, p50=self.p50, p95=self.p95, p99=self.p99, at_least=self.at_least)
        window = Window(lane=f"probe:{self.probe}", label=f"steady {self.phase}", from_s=from_s, to_s=to_s)
        return replace(limits.judge(evidence, self.probe, from_s, to_s), windows=(window,))

    def _never(self, evidence: Evidence) -> Verdict:
        ended = why_ended(evidence)
        if ended is None:
            return unknown("the run ended before it was looked at")
        why = ended.data.get("why", "?")
        return unknown("the run ended before it was looked at: {why}", proof=(ended.seq,), why=why)
