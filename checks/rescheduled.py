"""Do the pods of a workload come back by themselves while the fault is still there, and soon enough? Or a node?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import Annotated, Any, ClassVar

from checks.check import FaultName, Foreseen, Horizon, Measured, Sentence, Verdict, Window, failed, passed, unknown
from checks.cluster import LISTED, Change
from checks.evidence import Evidence, FaultSeen
from checks.ground import need_time, not_in_effect
from checks.rescheduling import Key, Rescheduling, histories, ready_before, rescheduling, unseen
from checks.units import show_duration

_NAMED = re.compile(r"[a-z]+/[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """So soon after the fault's first act as many pods of the workload are ready as before it; or the node is ready again.

    What comes back only because the fault is taken away was not rescheduled. It needs an observer of the cluster that watches
    pods; for a node, nodes.
    """

    name: ClassVar[str] = "rescheduled"
    listens: ClassVar[str] = "kubernetes"

    workload: Annotated[str, "Whose pods, as `deployment/shop`; or `node/a`, for the node itself"]
    after: Annotated[FaultName, "The fault that hurts it"]
    within: Annotated[timedelta, "How long it may take until all is ready again"]
    namespace: Annotated[str, "Where the workload is; left out, wherever one of this name is watched"] = ""

    def __post_init__(self) -> None:
        need_time("within", self.within)
        if not _NAMED.fullmatch(self.workload):
            raise ValueError("workload", f"`{self.workload}` does not say what kind it is of",
                             f"write it as deployment/{self.workload.rpartition('/')[2] or 'shop'}")  # fmt: skip
        if self.namespace and self.workload.startswith("node/"):
            raise ValueError("namespace", "a node is in no namespace", "leave namespace out")

    def horizon(self) -> Horizon:
        """Until it must be ready again; the fault counts from its first act, and this from its effect, which is later."""
        return Horizon(after=self.after, for_s=self.within.total_seconds() + 1)

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        fault = evidence.fault(self.after)
        if fault.effect_s is None:
            return not_in_effect(fault)
        verdict = self._doubt_before(evidence, fault)
        if verdict is None:
            hurt = self._hurt(evidence)
            verdict = self._of_all(hurt, fault) if hurt else self._unhurt(evidence, fault)
        return replace(verdict, proof=tuple(sorted({*verdict.proof, *fault.lines})))

    def control(self, evidence: Evidence) -> Verdict:
        """Nothing hurts it while the fault is withheld: whatever did would be taken for the fault's doing."""
        fault = evidence.fault(self.after)
        if fault.effect_s is None:
            return not_in_effect(fault)
        if doubt := self._doubt_before(evidence, fault):
            return doubt
        if hurt := self._hurt(evidence):
            first = hurt[0].after["not_ready"]
            return failed("not discriminating: {workload} not ready after {took}, without {fault}", took=first,
                          proof=tuple(hurt[0].lines.values()), harm="not_discriminating", **self._named)  # fmt: skip
        return self._unhurt(evidence, fault)

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        """Of what nobody tells anything, nothing can be said afterwards."""
        if self._told(evidence) or not evidence.first(LISTED):
            return ()
        kind = "nodes" if self.workload.startswith("node/") else "pods"
        return (Foreseen(grade="wrong", what=Sentence.of("no observer told of {workload}", **self._named),
                         cure=Sentence.of("let an observer watch `{kind}` where it is", kind=kind)),)  # fmt: skip

    @property
    def _named(self) -> dict[str, Any]:
        return {"workload": self.workload, "fault": self.after, "limit": show_duration(self.within.total_seconds())}

    def _told(self, evidence: Evidence) -> Mapping[Key, Sequence[Change]]:
        return {key: told for key, told in evidence.derived(histories).items()
                if key.object == self.workload and self.namespace in ("", key.namespace)}  # fmt: skip

    def _hurt(self, evidence: Evidence) -> list[Rescheduling]:
        return [one for one in rescheduling(evidence, self.after)
                if one.object == self.workload and self.namespace in ("", one.namespace)]  # fmt: skip

    def _doubt_before(self, evidence: Evidence, fault: FaultSeen) -> Verdict | None:
        """Unknown, when nobody can say how it was before the fault."""
        told = self._told(evidence)
        if not told:
            return unknown("no observer told of {workload}", **self._named)
        began_s = fault.acting_s or 0.0
        if not any(ready_before(one, began_s) for one in told.values()):
            return unknown("{workload} was not ready before {fault}", **self._named)
        return None

    def _unhurt(self, evidence: Evidence, fault: FaultSeen) -> Verdict:
        """It was seen to be ready all the time, if it was seen at all."""
        until_s = evidence.ended_s if fault.until_s is None else fault.until_s
        began_s = fault.acting_s or 0.0
        for key in self._told(evidence):
            for from_s, to_s in unseen(evidence, key.observer):
                if from_s < until_s and to_s > began_s:
                    return unknown("{workload} was never seen unready, but nobody watched it from {from_s} to {to_s}",
                                   from_s=f"{from_s:.3f} s", to_s=f"{to_s:.3f} s", **self._named)  # fmt: skip
        watched_s = round(until_s - began_s, 6)
        if fault.until_s is None and watched_s < self.within.total_seconds():
            return unknown("{workload} stayed ready, but was watched only {watched} after {fault}; limit {limit}",
                           watched=show_duration(watched_s), **self._named)  # fmt: skip
        return passed("{workload} stayed ready while {fault} was there", **self._named)

    def _of_all(self, hurt: Sequence[Rescheduling], fault: FaultSeen) -> Verdict:
        """Of several of one name the worst decides."""
        verdicts = [self._of(one, fault) for one in hurt]
        return max(verdicts, key=lambda one: ("passed", "unknown", "failed").index(one.outcome))

    def _of(self, one: Rescheduling, fault: FaultSeen) -> Verdict:
        took = one.after.get("ready")
        if took is None:
            return self._not_again(one, fault)
        within_s = self.within.total_seconds()
        about = self._about(one, one.since_s + took.high)
        about["took"] = took.beside(within_s)
        until_s = inf if fault.until_s is None else fault.until_s
        itself = one.since_s + took.high <= until_s  # and not because the fault was taken away
        if took.low > within_s:
            pattern = "{workload} ready again {took} after {fault}" + ("" if itself else ", once that was healed")
            return failed(pattern + "; limit {limit}", credit=None if itself else 0.0,
                          lateness=took.value / within_s if itself else None, **about)  # fmt: skip
        if not itself:
            return unknown("{fault} was healed before {workload} was ready again, {took} after it came; limit {limit}",
                           **about)  # fmt: skip
        if took.high > within_s:
            return unknown("{workload} ready again {took} after {fault}, too coarse for limit {limit}", **about)
        return passed("{workload} ready again {took} after {fault}; limit {limit}", **about)

    def _not_again(self, one: Rescheduling, fault: FaultSeen) -> Verdict:
        assert one.unready_s is not None
        within_s = self.within.total_seconds()
        about = self._about(one, one.since_s + one.unready_s)
        about["low"] = show_duration(one.unready_s, beside=within_s)
        if one.unready_s > within_s:
            return failed("{workload} still not ready {low} after {fault}; limit {limit}", credit=0.0, **about)
        if fault.until_s is not None:
            return unknown("{fault} was healed before {workload} was ready again; limit {limit}", **about)
        why = one.why_not.pattern if one.why_not else "?"  # a clause of its own, so that it can be translated
        return unknown("{workload} not ready {low} after {fault}; " + why + "; limit {limit}", **about)

    def _about(self, one: Rescheduling, until_s: float) -> dict[str, Any]:
        """What every verdict on it holds: proof, figures, a picture, and the values of its sentence."""
        measured: dict[str, Measured] = {f"{step}_after_s": took for step, took in one.after.items()}
        from_s = one.since_s + one.after["not_ready"].value
        window = Window(lane=f"fault:{self.after}", label="not ready", from_s=from_s, to_s=max(from_s, until_s))
        return {
            "proof": tuple(sorted({*one.lines.values()})),
            "measured": measured,
            "windows": (window,),
            **self._named,
        }
