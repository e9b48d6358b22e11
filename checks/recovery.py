"""What an outage came to, in the words of recovery plans: how long the service was out (RTO), how far back data was lost (RPO).

The actual figures, whatever limits a drill sets them: `failover` and `data_loss` hold them against those.
"""

from bisect import bisect_left
from itertools import pairwise
from math import inf
from typing import NamedTuple

from checks.check import Measured, Outcome, ProbeName, Verdict, judge
from checks.data_loss import DataLoss
from checks.evidence import Evidence, Samples, Seen
from checks.gauged import Gauged
from checks.ground import never_looked, patience_s
from checks.outage import Outage, outages
from checks.sop.impact import RECOVERED_S
from checks.units import show_count


def rto(evidence: Evidence, probe: str, began_s: float) -> Gauged:
    """How long the service was out, as this probe saw it, from `began_s` on, when the first fault began to act.

    It is back once looks are good for five seconds. Of several outages it is the longest.
    """
    if not evidence.first("injection.acting"):
        return Gauged.missing("nothing was injected")
    looks = evidence.samples(probe)
    if not looks:
        return Gauged(why_not=never_looked(probe).because)
    if _bad_before(looks, began_s):
        return Gauged.missing("{probe} failed already before the fault", probe=probe)
    found = outages(looks, began_s, RECOVERED_S, patience_s(evidence, probe, RECOVERED_S / 2))
    if not found:
        return Gauged.missing("no look of {probe} failed", probe=probe)
    if found[-1].back is None:
        return Gauged.missing("{probe} did not come back before the run ended", probe=probe)
    return _of_outage(evidence, max(found, key=lambda one: (one.high_s, one.low_s)), len(found))


def _of_outage(evidence: Evidence, worst: Outage, count: int) -> Gauged:
    if worst.lasted is None or worst.back is None:
        return Gauged.missing("no good look tells when it began")
    found = Gauged(value=worst.lasted, from_s=worst.first_bad.sent_s, to_s=worst.back.sent_s, proof=worst.lines)
    if count > 1:
        found = found.noted("the longest of {count} interruptions", count=count)
    return found.noted(BY_DRILL) if healed_in(evidence, worst.first_bad.sent_s, worst.back.done_s) else found


BY_DRILL = "the drill had begun to heal by then"
"""Of what came to an end only after that, so that it is nobody's doing."""


def healed_in(evidence: Evidence, from_s: float, to_s: float) -> bool:
    """Whether the drill began to heal in that time."""
    return any(from_s <= event.t_s <= to_s for event in evidence.of("injection.healing"))


def _bad_before(looks: Samples, began_s: float) -> bool:
    """Whether the last look that was over when it began, and saw anything, was bad."""
    sent, done, _ = looks.columns()
    place = bisect_left(sent, began_s)
    before = looks[:place].where(one <= began_s for one in done)
    good, bad = before.last(Seen.GOOD), before.last(Seen.BAD)
    return bad is not None and (good is None or bad > good)


# --- data


class Loss(NamedTuple):
    """What became of the writes of a probe that were acknowledged."""

    rpo: Gauged
    """How far back from the fault they are missing.

    From the last write before the first missing one to the fault, or to the last missing one where writes were lost
    while it was there. Where none is missing it is 0, and no more than the time between a write and the fault after it.
    """
    writes: Gauged
    """How many are missing."""


def loss(evidence: Evidence, probe: str) -> Loss:
    """By what was there when the numbers of this probe were read back.

    Any write at risk is enough to tell what was lost; whether it is enough to pass, the drill's own check says.
    """
    verdict = judge(DataLoss(probe=ProbeName(probe), at_least=1), evidence)
    return Loss(_rpo(evidence, probe, verdict), _missing(verdict))


def _rpo(evidence: Evidence, probe: str, verdict: Verdict) -> Gauged:
    if not _brought_about(evidence):
        acted = evidence.first("injection.acting")
        return Gauged.missing("no fault was seen in effect" if acted else "nothing was injected")
    if window := verdict.measured.get("rpo_s"):
        return Gauged(value=window, proof=verdict.proof)
    if verdict.outcome is not Outcome.PASSED:
        return Gauged(why_not=verdict.because)
    unseen_s = _unseen_s(evidence, probe)
    if unseen_s is None:
        return Gauged.missing("nothing of {probe} was acknowledged before the fault", probe=probe)
    return Gauged(value=Measured(value=0.0, low=0.0, high=unseen_s, unit="s"), proof=verdict.proof)


def _missing(verdict: Verdict) -> Gauged:
    missing, acknowledged = (verdict.measured.get(name) for name in ("missing", "acknowledged"))
    if missing is None or acknowledged is None:
        return Gauged(why_not=verdict.because)
    return Gauged(value=missing, proof=verdict.proof).noted("of {acknowledged} acknowledged ones",
                                                            acknowledged=show_count(round(acknowledged.value)))  # fmt: skip


def _brought_about(evidence: Evidence) -> list[float]:
    """When each fault that was really brought about was seen in effect, in order."""
    faults = map(evidence.fault, evidence.faults)
    return sorted(one.effect_s for one in faults if one.effect_s is not None and not one.withheld)


def _unseen_s(evidence: Evidence, probe: str) -> float | None:
    """The longest time between the last write acknowledged before a fault and that fault, since the one before it."""
    _, done, seen = evidence.samples(probe).columns()
    gaps: list[float] = []
    for before_s, effect_s in pairwise([-inf, *_brought_about(evidence)]):
        written = (
            at_s for at_s, one in zip(done, seen, strict=True) if one == ord(Seen.GOOD) and before_s < at_s <= effect_s
        )
        gaps += [effect_s - last_s for last_s in [max(written, default=None)] if last_s is not None]
    return round(max(gaps), 6) if gaps else None
