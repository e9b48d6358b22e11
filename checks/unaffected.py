"""Does a part of the system that a fault should not reach stay as good as ever while the fault is there?"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar

from checks.check import DurationLimit, FaultName, ProbeName, RatioLimit, Verdict
from checks.evidence import Evidence
from checks.level import Limits, need_one, while_there


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
        limits = Limits(success=self.success, p99=self.p99, at_least=self.at_least)
        return while_there(evidence, self.probe, self.during, partial(limits.judge, evidence, self.probe))
