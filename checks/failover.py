"""Does the service come back by itself while the fault is still there, and soon enough?"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from operator import sub
from typing import Annotated, Any, ClassVar

from checks.check import FaultName, Horizon, Measured, ProbeName, Verdict, Window, failed, passed, unknown
from checks.evidence import Evidence, FaultSeen, Samples, Seen
from checks.ground import need_time, never_looked, not_in_effect, patience_s, why_blind
from checks.outage import HARMS, Outage, good_for, harm, outages, until
from checks.units import show_count, show_duration

_POOR = 0.9
"""With fewer good looks than this just before the fault, what comes after is not the fault's doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """After the fault the service is interrupted for no longer than this.

    What counts is the time from the fault's first act to the beginning of its healing: a service that comes back
    because the fault was taken away has not failed over. An interruption that this time does not suffice to judge is
    unknown. Each of several interruptions counts, and the longest decides; one that follows a recovery and another
    fault is that one's.
    """

    name: ClassVar[str] = "failover"
    first_hand: ClassVar[bool] = True
    harms: ClassVar[tuple[str, ...]] = HARMS

    probe: Annotated[ProbeName, "The probe that must come back"]
    after: Annotated[FaultName, "The fault that interrupts it"]
    within: Annotated[timedelta, "How long it may be down"]
    hold: Annotated[timedelta, "How long it must stay good to be back; at least twice the distance of its looks"] = (
        timedelta(seconds=2)
    )

    def __post_init__(self) -> None:
        need_time("within", self.within)

    def horizon(self) -> Horizon:
        """Until the latest allowed recovery has been seen to last."""
        return Horizon(after=self.after, for_s=(self.within + self.hold).total_seconds() + 1)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault, looks = evidence.fault(self.after), evidence.samples(self.probe)
        if fault.effect_s is None:
            return not_in_effect(fault)
        began_s = fault.effect_s if fault.acting_s is None else fault.acting_s
        verdict = self._doubt_before(looks, began_s)
        if verdict is None:
            hold_s = self.hold.total_seconds()
            patient_s = patience_s(evidence, self.probe, hold_s / 2)
            during = until(looks, fault.until_s)
            found = _attributed(outages(during, began_s, hold_s, patient_s), evidence, fault)
            if found:
                later = outages(looks, began_s, hold_s, patient_s)
                verdict = self._interrupted(found, later, fault, evidence)
            else:
                verdict = self._uninterrupted(during, fault, began_s, patient_s)
        return replace(verdict, proof=tuple(sorted({*verdict.proof, *fault.lines})))

    def control(self, evidence: Evidence) -> Verdict:
        """Nothing interrupts the service while the fault is withheld: whatever did would be taken for the fault's doing."""
        fault, looks = evidence.fault(self.after), evidence.samples(self.probe)
        if fault.effect_s is None:
            return not_in_effect(fault)
        if doubt := self._doubt_before(looks, fault.effect_s):
            return doubt
        hold_s = self.hold.total_seconds()
        patient_s = patience_s(evidence, self.probe, hold_s / 2)
        during = until(looks, fault.until_s)
        found = outages(during, fault.effect_s, hold_s, patient_s)
        if found:
            worst = max(found, key=lambda one: (one.high_s, one.low_s))
            verdict = failed("not discriminating: {probe} down for {outage} without {fault}", harm="not_discriminating",
                             **self._about(worst, fault))  # fmt: skip
        else:
            verdict = self._uninterrupted(during, fault, fault.effect_s, patient_s)
        return replace(verdict, proof=tuple(sorted({*verdict.proof, *fault.lines})))

    def _doubt_before(self, looks: Samples, began_s: float) -> Verdict | None:
        """Unknown, when the probe does not show that all was well just before the fault."""
        if not looks:
            return never_looked(self.probe)
        _, done, _ = looks.columns()
        before = looks.where(one <= began_s for one in done)
        good, bad = before.last(Seen.GOOD), before.last(Seen.BAD)
        if good is None and bad is None:
            return unknown("no look of {probe} saw anything before {fault}", probe=self.probe, fault=self.after)
        recent = before.between(began_s - self.hold.total_seconds(), began_s).success
        if good is None or (bad is not None and bad > good) or (recent is not None and recent < _POOR):
            last = before[bad] if bad is not None else None
            return unknown("{probe} failed already before {fault}: {why}", proof=(last.seq,) if last else (),
                           probe=self.probe, fault=self.after, why=last.why or "?" if last else "?")  # fmt: skip
        return None

    def _uninterrupted(self, during: Samples, fault: FaultSeen, began_s: float, patient_s: float) -> Verdict:
        """No look failed. What was not seen must then have been shorter than the longest gap between good looks."""
        assert fault.effect_s is not None  # asked before
        within_s, hold_s = self.within.total_seconds(), self.hold.total_seconds()
        good = during.only(Seen.GOOD)
        sent, done, _ = good.columns()
        first = max((place for place, one in enumerate(done) if one <= began_s), default=0)
        gap_s = max(map(sub, done.since(first + 1), sent.since(first)), default=-inf)
        if fault.until_s is not None:
            gap_s = max(gap_s, fault.until_s - sent[-1])
        gap_s = inf if gap_s == -inf else round(gap_s, 6)
        after = bisect_left(sent, fault.effect_s)
        run = good_for(good, after, hold_s, patient_s)
        proof = (good[first].seq, good[-1].seq)
        if run is None:
            return unknown("no look of {probe} failed, but it was not watched for {hold} while {fault} was in effect",
                           proof=proof, probe=self.probe, hold=show_duration(hold_s), fault=self.after)  # fmt: skip
        if fault.until_s is None and sent[-1] < fault.effect_s + within_s - 1e-6:
            return unknown("no look of {probe} failed, but it was watched only {watched} after {fault}; limit {limit}",
                           proof=proof, probe=self.probe, watched=show_duration(sent[-1] - fault.effect_s),
                           fault=self.after, limit=show_duration(within_s))  # fmt: skip
        if gap_s > within_s:
            return unknown("no look of {probe} failed, but nobody looked for {gap}; limit {limit}", proof=proof,
                           probe=self.probe, gap=show_duration(gap_s, beside=within_s),
                           limit=show_duration(within_s))  # fmt: skip
        return passed("{probe} never failed; an interruption of less than {gap} would not have been seen", proof=proof,
                      measured={"outage_s": Measured(value=0.0, low=0.0, high=gap_s, unit="s")},
                      probe=self.probe, gap=show_duration(gap_s))  # fmt: skip

    def _interrupted(self, found: list[Outage], later: list[Outage], fault: FaultSeen, evidence: Evidence) -> Verdict:
        """The longest decides, or one that was certainly too long."""
        within_s = self.within.total_seconds()
        worst = max(found, key=lambda one: (one.low_s > within_s, one.high_s))
        if worst.low_s > within_s:
            return self._too_long(worst, later, fault)
        if worst.back is None:
            return self._not_seen_to_end(worst, fault)
        if worst.high_s > within_s:
            return self._too_coarse(worst, fault, evidence)
        several = ", the longest of {count} interruptions" if len(found) > 1 else ""
        about = self._about(worst, fault)
        return passed("{probe} down for {outage}" + several + "; limit {limit}", count=len(found), **about)

    def _too_long(self, outage: Outage, later: list[Outage], fault: FaultSeen) -> Verdict:
        """The limit is broken already; looks from after the healing only tell the rest of the story."""
        within_s, until_s = self.within.total_seconds(), inf if fault.until_s is None else fault.until_s
        whole = outage
        if outage.back is None:
            whole = next((one for one in later if one.last_bad.sent_s >= outage.last_bad.sent_s), outage)
        about = self._about(whole, fault)
        if whole.back is None:
            return failed("{probe} did not come back, down for {outage}; limit {limit}", harm="not_recovered",
                          credit=0.0, **about)  # fmt: skip
        if whole.back.done_s > until_s:
            return failed("{probe} came back only once {fault} was healed, down for {outage}; limit {limit}",
                          harm="not_recovered", credit=0.0, **about)  # fmt: skip
        took_s = whole.low_s if whole.lasted is None else whole.lasted.value
        return failed("{probe} down for {outage}; limit {limit}", harm=harm(whole.low_s, within_s),
                      lateness=took_s / within_s, **about)  # fmt: skip

    def _not_seen_to_end(self, outage: Outage, fault: FaultSeen) -> Verdict:
        if fault.until_s is None:
            pattern = "{probe} was not seen good for {hold} again, down for {outage}; limit {limit}"
        else:
            pattern = "{fault} was healed before {probe} was good for {hold} again, down for {outage}; limit {limit}"
        return unknown(pattern, hold=show_duration(self.hold.total_seconds()), **self._about(outage, fault))

    def _too_coarse(self, outage: Outage, fault: FaultSeen, evidence: Evidence) -> Verdict:
        """The limit lies inside the bounds. Say what would narrow them."""
        assert outage.back is not None  # else it was not seen to its end
        about = self._about(outage, fault)
        if outage.before is None:
            return unknown("{probe} down for {outage}, and no good look tells when that began; limit {limit}", **about)
        about["outage"] = str(outage.lasted)
        around = evidence.samples(self.probe).between(outage.before.sent_s, outage.back.sent_s)
        if around.count(Seen.BLIND):
            return unknown("{probe} down for {outage}, too coarse for limit {limit}; {blind} looks were blind ({why})",
                           blind=show_count(around.count(Seen.BLIND)), why=why_blind(around), **about)  # fmt: skip
        every_s = evidence.every_s(self.probe)
        if every_s is None:
            return unknown("{probe} down for {outage}, too coarse for limit {limit}; look more often", **about)
        return unknown("{probe} down for {outage}, too coarse for limit {limit}; look more often than every {every}",
                       every=show_duration(every_s), **about)  # fmt: skip

    def _about(self, outage: Outage, fault: FaultSeen) -> dict[str, Any]:
        """What every verdict on an interruption holds: proof, figures, a picture, and the values of its sentence."""
        within_s, lasted = self.within.total_seconds(), outage.lasted
        measured = {} if lasted is None else {"outage_s": lasted}
        if fault.effect_s is not None and (recovered := outage.ended_after(fault.effect_s)):
            measured["recovered_after_s"] = recovered
        from_s = outage.first_bad.sent_s
        end_s = outage.last_bad.done_s if outage.back is None else outage.back.done_s
        return {
            "proof": outage.lines,
            "measured": measured,
            "windows": (Window(lane=f"probe:{self.probe}", label="outage", from_s=from_s, to_s=end_s),),
            "probe": self.probe,
            "fault": self.after,
            "outage": lasted.beside(within_s) if lasted else f"> {show_duration(outage.low_s, beside=within_s)}",
            "limit": show_duration(within_s),
        }


def _attributed(found: list[Outage], evidence: Evidence, fault: FaultSeen) -> list[Outage]:
    """The first interruption, and those after it that no other fault brought, begun after that recovery."""
    if not found or found[0].back is None:
        return found
    recovered_s = found[0].back.sent_s
    others = [evidence.fault(name).acting_s for name in evidence.faults if name != fault.fault]
    next_s = min((one for one in others if one is not None and one >= recovered_s), default=inf)
    return [one for one in found if one is found[0] or one.first_bad.done_s < next_s]
