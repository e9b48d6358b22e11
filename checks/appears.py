"""Does something come with a fault, stay while it is there, and go with it: a safe mode, a fallback, an open breaker?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import Annotated, Any, ClassVar

from checks.check import (
    FaultName,
    Horizon,
    Measured,
    Outcome,
    ProbeName,
    RatioLimit,
    Sentence,
    Verdict,
    Window,
    failed,
    passed,
    unknown,
)
from checks.evidence import Evidence, FaultSeen, Samples, Seen
from checks.ground import need_time, never_looked, not_in_effect
from checks.level import Limits, hardly_watched
from checks.outage import until
from checks.units import show_duration

_MOST = RatioLimit(">=", 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appears:
    """The probe, which is good while the thing is there, is so soon after the fault's effect, and not before the fault.

    From then on it stays so until healing begins. What comes only because the fault is taken away has not come with it.
    """

    name: ClassVar[str] = "appears"

    probe: Annotated[ProbeName, "The probe that is good while it is there"]
    during: Annotated[FaultName, "The fault with which it must come"]
    within: Annotated[timedelta, "How long after the fault's effect it may take to come"]
    gone_within: Annotated[
        timedelta | None, "How long it may take to go, once the fault is gone; left out, it may stay"
    ] = None
    success: Annotated[RatioLimit, "The share of looks that find it, from when it came until healing begins"] = _MOST

    def __post_init__(self) -> None:
        need_time("within", self.within)
        if self.gone_within is not None:
            need_time("gone_within", self.gone_within)

    def horizon(self) -> Horizon:
        """Until it must have come; and once all is healed, until it must have gone."""
        left_s = 0.0 if self.gone_within is None else self.gone_within.total_seconds() + 1
        return Horizon(after=self.during, for_s=self.within.total_seconds() + 1, healed_s=left_s,
                       first=replace(self, gone_within=None))  # fmt: skip

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class. What was certainly not so decides over what nobody could see."""
        fault, looks = evidence.fault(self.during), evidence.samples(self.probe)
        if fault.effect_s is None:
            return not_in_effect(fault)
        if not looks:
            return never_looked(self.probe)
        found = list(self._judged(evidence, fault, looks))
        order = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED)
        verdict = min(found, key=lambda one: order.index(one.outcome))
        if verdict.outcome is Outcome.PASSED and len(found) > 1 and self.gone_within:
            verdict = _joined(verdict, found[-1])
        return replace(verdict, proof=tuple(sorted({*verdict.proof, *fault.lines})))

    def control(self, evidence: Evidence) -> Verdict:
        """It must not be there while the fault is withheld."""
        fault, looks = evidence.fault(self.during), evidence.samples(self.probe)
        if fault.effect_s is None:
            return not_in_effect(fault)
        to_s = evidence.ended_s if fault.until_s is None else fault.until_s
        during = looks.between(fault.effect_s, to_s)
        if (place := during.first(Seen.GOOD)) is not None:
            return failed("not discriminating: {probe} came without {fault}", harm="not_discriminating",
                          proof=(during[place].seq, *fault.lines), probe=self.probe, fault=self.during)  # fmt: skip
        doubt = hardly_watched(evidence, during, fault.effect_s, to_s, 1)
        return doubt or passed("{probe} did not come without {fault}", proof=fault.lines, probe=self.probe,
                               fault=self.during)  # fmt: skip

    def _judged(self, evidence: Evidence, fault: FaultSeen, looks: Samples) -> Iterator[Verdict]:
        """That it came, and when; whether it was there before; whether it stayed; and that it went."""
        assert fault.effect_s is not None  # asked before
        began_s = fault.effect_s if fault.acting_s is None else fault.acting_s
        during = until(looks.between(began_s, inf), fault.until_s)
        yield self._came(during, fault, evidence.ended_s)
        yield from self._before(evidence, looks, began_s)
        if (first := during.first(Seen.GOOD)) is not None:
            to_s = evidence.ended_s if fault.until_s is None else fault.until_s
            yield self._stayed(evidence, during[first].sent_s, to_s)
        if self.gone_within is not None:
            yield self._went(evidence, fault, looks, self.gone_within.total_seconds())

    def _before(self, evidence: Evidence, looks: Samples, began_s: float) -> Iterator[Verdict]:
        """That it was there without the fault; or that nobody can say so."""
        steady = evidence.first("steady.confirmed", phase="before")
        since_s = float(steady.data["from_s"]) if steady else 0.0
        early = looks.between(since_s, began_s)
        before = early.where(one <= began_s for one in early.columns()[1])
        if (place := before.last(Seen.GOOD)) is not None:
            yield failed("{probe} was there before {fault}", proof=(before[place].seq,), probe=self.probe,
                         fault=self.during)  # fmt: skip
        elif not before.count(Seen.BAD):
            yield unknown("no look of {probe} saw anything before {fault}", probe=self.probe, fault=self.during)

    def _came(self, during: Samples, fault: FaultSeen, ended_s: float) -> Verdict:
        assert fault.effect_s is not None  # asked before
        within_s, first = self.within.total_seconds(), during.first(Seen.GOOD)
        bad = during.last(Seen.BAD, before=first)
        low_s = 0.0 if bad is None else max(0.0, round(during[bad].sent_s - fault.effect_s, 6))
        about: dict[str, Any] = {"probe": self.probe, "fault": self.during, "limit": show_duration(within_s)}
        about["proof"] = () if bad is None else (during[bad].seq,)
        if first is None:
            about["low"] = show_duration(low_s, beside=within_s)
            if low_s > within_s:
                return failed("{probe} had not come {low} after {fault}; limit {limit}", credit=0.0, **about)
            if fault.until_s is not None:
                return unknown("{fault} was healed before {probe} came; limit {limit}", **about)
            return unknown("{probe} was not seen to come after {fault}; limit {limit}", **about)
        came = during[first]
        took = Measured.between(low_s, max(low_s, came.done_s - fault.effect_s))
        about["proof"] += (came.seq,)
        about |= {"took": took.beside(within_s), "measured": {"came_after_s": took}}
        to_s = ended_s if fault.until_s is None else fault.until_s
        about["windows"] = (Window(lane=f"probe:{self.probe}", label="there", from_s=came.sent_s, to_s=to_s),)
        if low_s > within_s:
            return failed("{probe} came {took} after {fault}; limit {limit}", lateness=took.value / within_s, **about)
        if took.high > within_s:
            return unknown("{probe} came {took} after {fault}, too coarse for limit {limit}; look more often", **about)
        return passed("{probe} came {took} after {fault}; limit {limit}", **about)

    def _stayed(self, evidence: Evidence, from_s: float, to_s: float) -> Verdict:
        verdict = Limits(success=self.success, at_least=1).judge(evidence, self.probe, from_s, to_s)
        said = Sentence("{probe}, once it had come: " + verdict.because.pattern,
                        {"probe": self.probe, **verdict.because.values})  # fmt: skip
        return replace(verdict, because=said)

    def _went(self, evidence: Evidence, fault: FaultSeen, looks: Samples, limit_s: float) -> Verdict:
        if fault.gone_s is None:
            why = ": {why}" if fault.trouble else ""
            return unknown("{fault} was never seen to be gone" + why, fault=self.during, why=fault.trouble)
        others = (evidence.fault(name).acting_s for name in evidence.faults if name != self.during)
        next_s = min((one for one in others if one is not None and one >= fault.gone_s), default=inf)
        # It may have gone while the fault was taken away, before that was seen to be done.
        after = looks.between(fault.gone_s if fault.until_s is None else fault.until_s, next_s)
        good = after.last(Seen.GOOD)
        bad = after.first(Seen.BAD, 0 if good is None else good + 1)
        low_s = 0.0 if good is None else max(0.0, round(after[good].sent_s - fault.gone_s, 6))
        about: dict[str, Any] = {"probe": self.probe, "fault": self.during, "limit": show_duration(limit_s),
                                 "proof": tuple(after[one].seq for one in (good, bad) if one is not None)}  # fmt: skip
        if bad is None:
            about["low"] = show_duration(low_s, beside=limit_s)
            if low_s > limit_s:
                return failed("{probe} was still there {low} after {fault} was gone; limit {limit}", **about)
            return unknown("{probe} was not seen to go after {fault} was gone; limit {limit}", **about)
        left = Measured.between(low_s, max(low_s, after[bad].done_s - fault.gone_s))
        about |= {"left": left.beside(limit_s), "measured": {"went_after_s": left}}
        if low_s > limit_s:
            return failed("{probe} went {left} after {fault} was gone; limit {limit}", **about)
        if left.high > limit_s:
            return unknown("{probe} went {left} after {fault} was gone, too coarse for limit {limit}; look more often",
                           **about)  # fmt: skip
        return passed("went {left} after {fault} was gone; limit {gone_limit}", gone_limit=about["limit"], **about)


def _joined(came: Verdict, went: Verdict) -> Verdict:
    """That it came and that it went, in one sentence."""
    said = Sentence(f"{came.because.pattern}; {went.because.pattern}", {**went.because.values, **came.because.values})
    return replace(came, because=said, proof=(*came.proof, *went.proof), measured={**came.measured, **went.measured})
