"""When a probe saw an interruption begin and end, with the bounds within which that really was.

*Up at t* means that a request sent at t is answered. So an interruption began after the last good look before it was
sent, and at the latest when its first bad look was; it ended after its last bad look was sent, and at the latest when
the first good look after it was answered. Blind looks tell nothing, and widen the bounds by their absence. Somebody
who looks more often finds a figure inside these bounds.

It is over when looks are good for `hold` on end. Good looks for a shorter time are part of it: the service flaps.
"""

from dataclasses import dataclass
from itertools import count
from math import inf

from checks.check import Measured
from checks.evidence import Sample, Samples, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One interruption, by the looks that bound it."""

    since_s: float
    """It is not held against the service for longer than since then: when the fault began to act."""
    before: Sample | None
    """The last good look before it; None when there is none, and then it has no upper bound."""
    first_bad: Sample
    last_bad: Sample
    back: Sample | None
    """The first of the good looks that lasted; None when it did not come back as far as these looks go."""
    held: Sample | None
    """The look by which those had lasted long enough."""

    @property
    def low_s(self) -> float:
        """It lasted longer than this. A request that was under way when the fault began counts from that moment."""
        return round(max(0.0, self.last_bad.sent_s - max(self.first_bad.sent_s, self.since_s)), 6)

    @property
    def high_s(self) -> float:
        """It lasted at most this long; infinite when that cannot be said."""
        return inf if self.before is None or self.back is None else round(self.back.done_s - self.before.sent_s, 6)

    @property
    def lasted(self) -> Measured | None:
        """How long it lasted; None without an upper bound."""
        return None if self.high_s == inf else Measured.between(self.low_s, self.high_s)

    def ended_after(self, moment_s: float) -> Measured | None:
        """How long after this moment it ended, 0 if it had by then; None while it has not."""
        if self.back is None:
            return None
        return Measured.between(max(0.0, self.last_bad.sent_s - moment_s), max(0.0, self.back.done_s - moment_s))

    @property
    def lines(self) -> tuple[int, ...]:
        """The journal lines of the looks that decide."""
        looks = (self.before, self.first_bad, self.last_bad, self.back, self.held)
        return tuple(sorted({look.seq for look in looks if look}))


def outages(looks: Samples, since_s: float, hold_s: float, patience_s: float) -> list[Outage]:
    """The interruptions that these looks show and that ended, or were still seen, after `since_s`, oldest first."""
    found: list[Outage] = []
    done = looks.columns()[1]
    place = looks.first(Seen.BAD)
    while place is not None:
        if done[place] <= since_s:
            place = looks.first(Seen.BAD, place + 1)
            continue
        good = looks.last(Seen.GOOD, before=place)
        run = good_for(looks, place + 1, hold_s, patience_s)
        last_bad = looks.last(Seen.BAD, before=run[0] if run else None)
        assert last_bad is not None  # at the least it is the first one
        found.append(
            Outage(
                since_s=since_s,
                before=None if good is None else looks[good],
                first_bad=looks[place],
                last_bad=looks[last_bad],
                back=looks[run[0]] if run else None,
                held=looks[run[1]] if run else None,
            )
        )
        place = looks.first(Seen.BAD, run[1] + 1) if run else None
    return found


def good_for(looks: Samples, start: int, hold_s: float, patience_s: float) -> tuple[int, int] | None:
    """The first good looks, from the place `start` on, that go on for `hold_s` with no bad one among them.

    Passes the places of the first one and of the one by which they had lasted. Where no look saw anything for longer
    than `patience_s` it is not known what was, and counting begins anew.
    """
    sent, _, seen = looks.columns()
    good, bad = ord(Seen.GOOD), ord(Seen.BAD)
    first = None
    first_s = previous_s = 0.0
    for place, sent_s, one in zip(count(start), sent.since(start), seen.since(start)):
        if one == bad:
            first = None
        elif one == good:
            if first is None or sent_s - previous_s > patience_s + 1e-6:
                first, first_s = place, sent_s
            if sent_s - first_s >= hold_s - 1e-6:
                return first, place
            previous_s = sent_s
    return None


def until(looks: Samples, healing_s: float | None) -> Samples:
    """The looks that tell of the time before healing began; all of them when it never did.

    Those answered by then do. Of those still under way, a failed one does if it had been waiting for longer than any
    good look took: it was hanging. A later one may have been broken by the healing itself, and an answer that came
    only after the healing may have come because of it.
    """
    if healing_s is None:
        return looks
    sent, done, seen = looks.columns()
    good, bad = ord(Seen.GOOD), ord(Seen.BAD)
    answered = (to_s - from_s for from_s, to_s, one in zip(sent, done, seen, strict=True)
                if one == good and to_s <= healing_s)  # fmt: skip
    hung_s = healing_s - max(answered, default=0.0)
    return looks.where(
        to_s <= healing_s or (one == bad and from_s < hung_s) for from_s, to_s, one in zip(sent, done, seen, strict=True)
    )  # fmt: skip


NOT_RECOVERED = "not_recovered"
HARMS = (NOT_RECOVERED, "over_twice_rto", "over_rto")
"""What a rubric calls coming back too late, or not at all."""


def harm(took_s: float, within_s: float) -> str:
    """What a rubric calls coming back so late."""
    return "over_twice_rto" if took_s > 2 * within_s else "over_rto"
