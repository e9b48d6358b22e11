"""Does a part of the system that a fault should not reach stay as good as ever while the fault is there?"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from checks.check import DurationLimit, FaultName, ProbeName, RatioLimit, Sentence, Verdict, Window
from checks.evidence import Evidence
from checks.ground import never_looked, not_in_effect
from checks.level import Limits, need_one


@dataclass(frozen=True, slots=True, kw_only=True)
class Unaffected:
    """The probe's looks keep these limits from the fault's first act to the beginning of its healing.

    Times are those of good looks. Without a limit on `success` a bad look counts as slower than any limit.
    """

    name: ClassVar[str] = "unaffected"

    probe: Annotated[ProbeName, "The probe that must not suffer"]
    during: Annotated[FaultName, "The fault that must not reach it"]
    success: Annotated[RatioLimit | None, "The share of looks that are good"] = None
    p99: Annotated[DurationLimit | None, "How long 99 in 100 good looks take at most"] = None
    at_least: Annotated[int, "Looks that must have seen something in that time"] = 20

    def __post_init__(self) -> None:
        need_one(success=self.success, p99=self.p99)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault = evidence.fault(self.during)
        if fault.effect_s is None:
            return not_in_effect(fault)
        if not evidence.samples(self.probe):
            return never_looked(self.probe)
        from_s = fault.effect_s if fault.acting_s is None else fault.acting_s
        to_s = evidence.ended_s if fault.until_s is None else fault.until_s
        limits = Limits(success=self.success, p99=self.p99, at_least=self.at_least)
        verdict = limits.judge(evidence, self.probe, from_s, to_s)
        return replace(
            verdict,
            because=Sentence("{probe}: " + verdict.because.pattern, {"probe": self.probe, **verdict.because.values}),
            proof=tuple(sorted({*verdict.proof, *fault.lines})),
            windows=(Window(lane=f"probe:{self.probe}", label=self.during, from_s=from_s, to_s=to_s),),
        )
