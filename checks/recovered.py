"""Does the service come back once the fault is gone, soon enough, and does it stay?"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from checks.check import FaultName, Horizon, Measured, ProbeName, Verdict, Window, failed, passed, unknown
from checks.evidence import Evidence, FaultSeen, Samples, Seen
from checks.ground import need_time, never_looked, not_in_effect, patience_s
from checks.outage import HARMS, good_for, harm
from checks.units import show_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Soon after the fault is gone the probe is good, and stays so for `hold`.

    The time counts from when the fault was verified to be gone. Where no fault is named it is the last one to go, and
    all that were there must be gone.
    """

    name: ClassVar[str] = "recovered"
    harms: ClassVar[tuple[str, ...]] = HARMS

    probe: Annotated[ProbeName, "The probe that must come back"]
    within: Annotated[timedelta, "How long it may take, once the fault is gone"]
    hold: Annotated[timedelta, "How long it must stay good to be back; at least twice the distance of its looks"] = (
        timedelta(seconds=5)
    )
    after: Annotated[FaultName | None, "The fault after which; left out, the last one"] = None

    def __post_init__(self) -> None:
        need_time("within", self.within)

    def horizon(self) -> Horizon:
        """Until the latest allowed recovery has been seen to last."""
        return Horizon(after=None, for_s=(self.within + self.hold).total_seconds() + 1)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault = self._fault(evidence)
        if isinstance(fault, Verdict):
            return fault
        looks, hold_s = evidence.samples(self.probe), self.hold.total_seconds()
        if not looks:
            return never_looked(self.probe)
        assert fault.gone_s is not None  # or there would be a verdict already
        verdict = self._since(looks, fault.fault, fault.gone_s, hold_s, patience_s(evidence, self.probe, hold_s / 2))
        return replace(verdict, proof=tuple(sorted({*verdict.proof, *fault.lines})))

    def _fault(self, evidence: Evidence) -> FaultSeen | Verdict:
        """The fault to count from, or what can be said when there is none, or one that never went."""
        names = evidence.faults if self.after is None else [self.after]
        faults = [fault for fault in map(evidence.fault, names) if self.after or fault.acting_s is not None]
        if not faults:
            return unknown("no fault was ever there to recover from")
        for fault in faults:
            if fault.effect_s is None:
                return not_in_effect(fault)
            if fault.gone_s is None:
                why = ": {why}" if fault.trouble else ""
                return unknown("{fault} was never seen to be gone" + why, proof=fault.lines, fault=fault.fault,
                               why=fault.trouble)  # fmt: skip
        return max(faults, key=lambda one: one.gone_s or 0.0)

    def _since(self, looks: Samples, fault: str, gone_s: float, hold_s: float, patient_s: float) -> Verdict:
        within_s = self.within.total_seconds()
        start = len(looks) - len(looks.between(gone_s, float("inf")))
        run = good_for(looks, start, hold_s, patient_s)
        bad = looks.last(Seen.BAD, before=run[0] if run else None)
        low_s = 0.0 if bad is None else max(0.0, round(looks[bad].sent_s - gone_s, 6))
        about: dict[str, Any] = {"probe": self.probe, "fault": fault, "limit": show_duration(within_s)}
        about["hold"] = show_duration(hold_s)
        about["proof"] = () if bad is None or looks[bad].done_s < gone_s else (looks[bad].seq,)
        if run is None:
            about["low"] = show_duration(low_s, beside=within_s)
            if low_s > within_s:
                return failed("{probe} still failed {low} after {fault} was gone; limit {limit}", harm="not_recovered",
                              credit=0.0, **about)  # fmt: skip
            return unknown("{probe} was not seen good for {hold} after {fault} was gone; limit {limit}", **about)
        back, held = looks[run[0]], looks[run[1]]
        high_s = round(back.done_s - gone_s, 6)
        took = Measured.between(low_s, high_s)
        about["proof"] += (back.seq, held.seq)
        about["measured"] = {"recovered_after_s": took}
        about["windows"] = (Window(lane=f"probe:{self.probe}", label="recovery", from_s=gone_s, to_s=back.done_s),)
        about["took"] = took.beside(within_s)
        if low_s > within_s:
            return failed("{probe} back {took} after {fault} was gone; limit {limit}", harm=harm(low_s, within_s),
                          lateness=took.value / within_s, **about)  # fmt: skip
        if high_s > within_s:
            return unknown("{probe} back {took} after {fault} was gone, too coarse for limit {limit}; look more often",
                           **about)  # fmt: skip
        if not low_s and _was_good(looks, start):
            return passed("{probe} was good when {fault} was gone, and stayed so for {hold}", **about)
        return passed("{probe} back {took} after {fault} was gone; limit {limit}", **about)


def _was_good(looks: Samples, place: int) -> bool:
    """Whether the last look before this place that saw anything was good."""
    good, bad = looks.last(Seen.GOOD, before=place), looks.last(Seen.BAD, before=place)
    return good is not None and (bad is None or good > bad)
