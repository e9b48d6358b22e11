"""Was the fault really there? What never took effect proves nothing, so this is the ground of all that follows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from checks.check import FaultName, Measured, Verdict, Window, passed, unknown
from checks.evidence import Evidence
from checks.ground import not_in_effect, why_ended
from checks.units import show_count, show_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class TookEffect:
    """The fault was verified in effect on each of its targets, by its effect and not by what was asked for."""

    name: ClassVar[str] = "fault_in_effect"

    fault: Annotated[FaultName, "The fault"]

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault = evidence.fault(self.fault)
        meant = evidence.of("injection.intended", fault=self.fault)
        if fault.effect_s is None and not meant:
            return self._never_reached(evidence)
        seen = evidence.of("injection.verified", fault=self.fault, in_effect=True)
        there = {event.data["injection"] for event in seen}
        missing = [event.data["target"] for event in meant if event.data["injection"] not in there]
        if fault.effect_s is None and len(missing) < len(meant):
            why = ": {why}" if fault.trouble else ""
            return unknown("{fault} was not seen in effect on {missing}, {count} of {all} targets" + why,
                           proof=fault.lines, fault=self.fault, missing=_listed(missing), all=show_count(len(meant)),
                           count=show_count(len(missing)), why=fault.trouble)  # fmt: skip
        if fault.effect_s is None:
            return not_in_effect(fault)
        if lapsed := evidence.first("injection.lapsed", fault=self.fault):
            return unknown("{fault} was in effect, and may have ended before it was healed: {why}",
                           proof=(*fault.lines, lapsed.seq), fault=self.fault, why=lapsed.data["why"])  # fmt: skip
        from_s = fault.effect_s if fault.acting_s is None else fault.acting_s
        took_s = round(max(0.0, fault.effect_s - from_s), 6)
        lane = f"fault:{self.fault}"
        to_s = evidence.ended_s if fault.until_s is None else fault.until_s
        return passed("{fault} in effect {took} after the first act on {targets}", proof=fault.lines, fault=self.fault,
                      took=show_duration(took_s), targets=_listed([event.data["target"] for event in meant]),
                      measured={"effect_after_s": Measured(value=took_s, low=0.0, high=took_s, unit="s")},
                      windows=(Window(lane=lane, label="in effect", from_s=fault.effect_s, to_s=to_s),))  # fmt: skip

    def _never_reached(self, evidence: Evidence) -> Verdict:
        """Its time never came: it was skipped, or the run ended before."""
        told = evidence.first("fault.skipped", fault=self.fault) or why_ended(evidence)
        if told is None:
            return unknown("{fault} was never brought about", fault=self.fault)
        return unknown("{fault} was never brought about: {why}", proof=(told.seq,), fault=self.fault,
                       why=told.data.get("why", "?"))  # fmt: skip


def _listed(targets: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 4 more`, in signs rather than words."""
    names = list(dict.fromkeys(targets))
    rest = len(names) - most
    return ", ".join(names[:most]) + (f", +{rest}" if rest > 0 else "")
