"""Does the right page reach a human in time, say what one must know, and end when it should?"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from checks.alert_control import silent
from checks.alert_fate import told
from checks.alert_preflight import foresee
from checks.alert_wish import Wish
from checks.alerting import Alerting
from checks.check import FaultName, Foreseen, Horizon, Verdict
from checks.evidence import Evidence
from checks.ground import not_in_effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Wish):
    """After the fault this alert is delivered to its receiver within this time, and says what one must know.

    The time counts from the fault's first act, and the page must have been taken by a sink of the inventory. An alert
    that was there before the fault, or had come and gone before it, proves nothing, and neither does a silence of those
    who could not listen.
    """

    name: ClassVar[str] = "alert"
    listens: ClassVar[bool] = True
    harms: ClassVar[tuple[str, ...]] = ("page_missed",)

    after: Annotated[FaultName, "The fault that it must tell of"]

    def horizon(self) -> Horizon:
        """Until the latest allowed page has had its time."""
        return Horizon(after=self.after, for_s=self.within.total_seconds() + 1, healed_s=self.healed_s,
                       first=replace(self, resolves_within=None))  # fmt: skip

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault = evidence.fault(self.after)
        if fault.effect_s is None:
            return not_in_effect(fault)
        return told(self, evidence, fault, evidence.derived(Alerting)).verdict

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        """Whether it can come, whom it would reach, and how late."""
        return foresee((self,), evidence)

    def control(self, evidence: Evidence) -> Verdict:
        """It must not come while the fault is withheld."""
        fault = evidence.fault(self.after)
        if fault.effect_s is None:
            return not_in_effect(fault)
        return silent(self, evidence, fault, evidence.derived(Alerting))
