"""What observers saw of an event, as a state: it is so until they see otherwise, and what they saw last decides.

Those that tell only of changes are silent while nothing changes; so what such a one saw does not grow old while it listens.
"""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from checks.sop.acts import Act
from checks.sop.log import Log, thing


class InForce(NamedTuple):
    """What was so of an event when something was begun, as far as observers say."""

    act: Act | None = None
    """The last observation by which it was so; None when it was not."""
    otherwise: Act | None = None
    """The observation since which it is not so any more."""
    deaf: str = ""
    """The observer that saw it so before the fault and could not be heard when it counted."""


class Observed:
    """Who saw this event, and until when it was so. Asked about one act after another, in the order in which they began."""

    def __init__(self, log: Log, name: str, same: Sequence[str]) -> None:
        self._log, self._same = log, same
        self._rows: dict[tuple[str, ...], list[_Sweep]] = {}
        of_things: dict[tuple[object, ...], list[Act]] = {}
        for act in log.observed:
            key = self._key(act)
            about = (act.value("probe"),) if same else thing(act)
            if all(key):
                of_things.setdefault((key, about), []).append(act)
        spans = [(self._key(one.act), one) for acts in of_things.values() for one in _spans(log, name, acts)]
        for key, span in sorted(spans, key=lambda one: one[1].act.order):
            self._rows.setdefault(key, [_Sweep(), _Sweep()])[_told_once(span.act)].add(span)

    def at(self, act: Act, within_s: float) -> InForce:
        """What was so of the same things when this act was begun, and seen no longer ago than this."""
        found = [sweep.at((act.began_s, act.seq)) for sweep in self._rows.get(self._key(act), ())]
        known = [one for one, _ in found if one and self._fresh(one, act, within_s)]
        if known:
            return InForce(max(known, key=lambda one: one.order))
        deaf = [
            one.value("probe") for one, _ in found if one and one in self._log.carried and not self._heard(one, act)
        ]
        return InForce(None, max(filter(None, (other for _, other in found)), key=lambda one: one.order, default=None),
                       deaf[0] if deaf else "")  # fmt: skip

    def _fresh(self, seen: Act, act: Act, within_s: float) -> bool:
        if self._heard(seen, act):
            return _told_once(seen) or round(act.began_s - seen.t_s, 6) <= within_s
        return seen not in self._log.carried and round(act.began_s - seen.t_s, 6) <= within_s

    def _heard(self, seen: Act, act: Act) -> bool:
        return self._log.heard(str(seen.data.get("observer") or seen.value("probe")), act.began_s)

    def _key(self, act: Act) -> tuple[str, ...]:
        return tuple(act.value(name) for name in self._same)


class _Span(NamedTuple):
    """An observation by which it is so, and the one since which it is not; None while it still is."""

    act: Act
    otherwise: Act | None


class _Sweep:
    """Finds the newest span at each of several moments, one after the other."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []
        self._next = 0
        self._open: list[tuple[float, int, _Span]] = []
        self._otherwise: Act | None = None

    def add(self, span: _Span) -> None:
        """One more, which begins after those before it."""
        self._spans.append(span)

    def at(self, moment: tuple[float, int]) -> tuple[Act | None, Act | None]:
        """What was so before this moment; else since what it is not so any more."""
        while self._next < len(self._spans) and self._spans[self._next].act.order < moment:
            span = self._spans[self._next]
            heappush(self._open, (-span.act.t_s, -span.act.seq, span))
            self._next += 1
        while self._open:
            span = self._open[0][2]
            if span.otherwise is None or span.otherwise.order >= moment:
                return span.act, None
            heappop(self._open)
            if self._otherwise is None or self._otherwise.order < span.otherwise.order:
                self._otherwise = span.otherwise
        return None, self._otherwise


def _spans(log: Log, name: str, acts: Sequence[Act]) -> Iterator[_Span]:
    """Of the observations of one thing, oldest first, those that are this event."""
    otherwise: Act | None = None
    for act in reversed(acts):
        if log.is_one(name, act):
            yield _Span(act, otherwise)
        else:
            otherwise = act


def _told_once(act: Act) -> bool:
    """Whether it was told as the first of its kind, or as a change, so that it is not told again while it is so."""
    return "before" in act.data or "was" in act.data
