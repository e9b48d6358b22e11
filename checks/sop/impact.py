"""What probes saw of the service: hurt, answering again, back, and hurt once more; and what of that was the drill's own doing.

A probe that was never good before the fault looks at something that is not there in good times, as a safe mode: it shows
nothing of this, and neither does one of which the drill says so.

A service is known to be back once that has lasted, and it is dated back then. So at any time there is a moment from
which on it may turn out to have been back already, and until then nothing can be held against anybody.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from checks.evidence import Evidence, Samples, Seen
from checks.ground import patience_s
from checks.outage import good_for

RECOVERED_S, CONTAINED_S = 5.0, 1.0
"""For how long probes must be good to show it."""
_BACK = {"contained": CONTAINED_S, "recovered": RECOVERED_S}
OF_PROBES = frozenset({"impact.start", "impact.again", *_BACK})
"""The moments that probes show."""


class Moment(NamedTuple):
    """One of these moments, and what showed it."""

    kind: str
    t_s: float
    seq: int
    probe: str = ""
    """Empty where it was the steady state."""
    by_drill: bool = False
    """Whether it came only after the drill had begun to heal, so that it is nobody's act."""


@dataclass(frozen=True, slots=True)
class _Hurt:
    """A probe that went bad, and where among its looks."""

    looks: Samples
    bad: int
    run: tuple[int, int] | None
    """The first of the good looks by which it was back, and the one by which they had lasted."""

    @property
    def since_s(self) -> float:
        """When it went bad."""
        return self.looks[self.bad].sent_s

    @property
    def over_s(self) -> float:
        """When it was known to be back."""
        return inf if self.run is None else self.looks[self.run[1]].sent_s


class Impact:
    """The first outage after a moment, over all probes that went bad before all of those were back."""

    def __init__(self, evidence: Evidence, began_s: float) -> None:
        self._evidence, self._began_s = evidence, began_s
        self._all_looks = tuple(of_service(evidence, began_s))
        self._hurt = self._first_outage()
        self._back = {kind: [(one.looks, self._back_at(kind, one)) for one in self._hurt] for kind in _BACK}
        """Of each probe that was hurt, the place of the first of the good looks by which it was back."""
        self._healing = sorted(event.t_s for event in evidence.of("injection.healing"))

    def moments(self) -> Iterator[Moment]:
        """All that are known, each kind once at most."""
        if self._hurt:
            yield _shown("impact.start", self._hurt[0].looks, self._hurt[0].bad)
        for kind in _BACK:
            yield from self._came_back(kind)
        if again := self._again():
            yield again

    def unsettled_s(self, kind: str) -> float:
        """From when on there may have been this moment, for all that is told yet; infinite when it is known already."""
        if kind == "impact.start" and self._hurt:
            return inf
        if kind in _BACK and self._hurt:
            if all(place is not None for _, place in self._back[kind]):
                return inf
            return max(
                _earliest_s(looks) if place is None else looks[place].sent_s for looks, place in self._back[kind]
            )
        return min((looks[-1].sent_s for looks in self._all_looks), default=inf)

    def _first_outage(self) -> list[_Hurt]:
        """Who went bad, first of all first. Who does once all are back is no part of it."""
        went_bad = [(looks, bad) for looks in self._all_looks if (bad := _first_bad(looks, self._began_s)) is not None]
        hurt: list[_Hurt] = []
        for looks, bad in sorted(went_bad, key=lambda one: one[0][one[1]].sent_s):
            if hurt and looks[bad].sent_s > max(one.over_s for one in hurt):
                break
            hurt.append(_Hurt(looks, bad, self._good_for(looks, bad + 1, RECOVERED_S)))
        return hurt

    def _good_for(self, looks: Samples, start: int, for_s: float) -> tuple[int, int] | None:
        return good_for(looks, start, for_s, patience_s(self._evidence, looks.probe, for_s / 2))

    def _back_at(self, kind: str, one: _Hurt) -> int | None:
        run = one.run if kind == "recovered" else self._good_for(one.looks, one.bad + 1, _BACK[kind])
        return run[0] if run else None

    def _came_back(self, kind: str) -> Iterator[Moment]:
        known = [(looks, place) for looks, place in self._back[kind] if place is not None]
        steady = self._evidence.first("steady.confirmed", phase="after") if kind == "recovered" else None
        if known and len(known) == len(self._hurt):
            looks, place = max(known, key=lambda one: one[0][one[1]].sent_s)
            yield _shown(kind, looks, place, by_drill=self._healed_by(looks[place].done_s))
        elif steady:
            yield Moment(kind, steady.t_s, steady.seq, by_drill=self._healed_by(steady.t_s))

    def _healed_by(self, t_s: float) -> bool:
        """Whether the drill had begun to heal since the service was hurt. What is answered after that may be because of it."""
        hurt_s = self._hurt[0].since_s if self._hurt else self._began_s
        place = bisect_left(self._healing, hurt_s)
        return place < len(self._healing) and self._healing[place] <= t_s

    # --- again

    def _again(self) -> Moment | None:
        """The first bad look once the service was back, unless the drill did that as well."""
        over_s = max((one.over_s for one in self._hurt), default=inf)
        if over_s == inf:
            return None
        spans = sorted(self._at_work())
        found = [
            (looks, bad) for looks in self._all_looks if (bad := self._unexplained(looks, over_s, spans)) is not None
        ]
        return _shown("impact.again", *min(found, key=lambda one: one[0][one[1]].sent_s)) if found else None

    def _at_work(self) -> Iterator[tuple[float, float]]:
        """From when to when the drill may hurt the service by another fault, or by healing one."""
        began, gone = ({str(event.data.get("injection")): event.t_s for event in reversed(self._evidence.of(kind))}
                       for kind in ("injection.acting", "injection.gone"))  # fmt: skip
        for name, acting_s in began.items():
            if acting_s > self._hurt[0].since_s:
                yield acting_s, gone.get(name, inf) + RECOVERED_S
        for event in self._evidence.of("injection.healing"):
            yield event.t_s, gone.get(str(event.data.get("injection")), inf) + RECOVERED_S

    def _unexplained(self, looks: Samples, over_s: float, spans: list[tuple[float, float]]) -> int | None:
        """The place of its first bad look after that which belongs to no outage that began while the drill was at work."""
        sent, done, _ = looks.columns()
        bad = looks.first(Seen.BAD, bisect_right(sent, over_s))
        for from_s, to_s in spans:
            if bad is None or done[bad] < from_s:
                break
            if sent[bad] <= to_s:
                run = self._good_for(looks, bad + 1, RECOVERED_S)
                bad = looks.first(Seen.BAD, max(run[1] + 1, bisect_right(sent, to_s))) if run else None
        return bad


def of_service(evidence: Evidence, began_s: float) -> Iterator[Samples]:
    """The looks of each probe that shows whether somebody suffers."""
    for looks in map(evidence.samples, evidence.probes):
        opened = evidence.last("probe.opened", probe=looks.probe)
        if not _is_absent(looks, began_s) and (opened is None or opened.data.get("impact", True)):
            yield looks


def _is_absent(looks: Samples, began_s: float) -> bool:
    """Whether it was looked for before this moment, and never found; by looks that were over then."""
    _, done, _ = looks.columns()
    first = {seen: looks.first(seen) for seen in (Seen.GOOD, Seen.BAD)}
    there = {seen: place is not None and done[place] <= began_s for seen, place in first.items()}
    return there[Seen.BAD] and not there[Seen.GOOD]


def _first_bad(looks: Samples, since_s: float) -> int | None:
    """The place of the first bad look that was sent at or after this moment."""
    return looks.first(Seen.BAD, bisect_left(looks.columns()[0], round(since_s, 6)))


def _earliest_s(looks: Samples) -> float:
    """Before which a probe that is not back yet cannot have been: its first good look after the last bad one."""
    good = looks.first(Seen.GOOD, (looks.last(Seen.BAD) or 0) + 1)
    return looks[-1 if good is None else good].sent_s


def _shown(kind: str, looks: Samples, place: int, *, by_drill: bool = False) -> Moment:
    one = looks[place]
    return Moment(kind, one.sent_s, one.seq, looks.probe, by_drill)
