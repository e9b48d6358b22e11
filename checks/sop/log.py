"""A run as a SOP sees it: which of its events happened when, by whom, and what that is worth as evidence."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import NamedTuple

from checks.evidence import Event, Evidence, Trust
from checks.sop.acts import BY_PEOPLE, Act, acts_in, began_s, unheard
from checks.sop.book import SEARCHED, Book, Pattern, Unless, split_anchor
from checks.sop.impact import OF_PROBES, Impact
from checks.sop.roles import Roles

_BEST_FIRST = tuple(Trust)
_LOOK_BACK = 50
"""Of how many observations, newest first, one that contradicts a claim is looked for."""
_OF_THE_TELLING = frozenset({"act", "actor", "at_unix", "by", "id", "result", "team", "text", "via"})
"""Data that says who told something, and how, and not what it is about."""
_OF_THE_LOOK = _OF_THE_TELLING | {"before", "observer", "primary", "was", "why"}
"""Data of an observation that may be another one at the next look at the same thing."""
_SILENCE_GRAIN_S = 1.0
"""By how much a silence may last longer than allowed: its end is told by another clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """From when a time counts."""

    at_s: float | None
    """None when it has not come."""
    name: str
    """What it counts from, as written."""
    proof: tuple[int, ...] = ()
    unheard: str = ""
    """Why nobody can say whether it came; empty when it is known."""


class Until(NamedTuple):
    """Until when something goes on."""

    at_s: float | None
    """None when its end has not come."""
    known_s: float
    """Its end may yet turn out to have come, but not before this."""


class Log:
    """The acts of one run, in the words of one SOP."""

    def __init__(self, book: Book, evidence: Evidence, *, now_s: float | None, holds: Mapping[str, str]) -> None:
        self.book, self.evidence = book, evidence
        everything, self._in_vain = _but_in_vain(acts_in(evidence))
        self.began_s = began_s(evidence)
        end = next((act for act in everything if act.kind == "drill.end"), None)
        self.ended = end is not None
        self.now_s = end.t_s if end else evidence.ended_s if now_s is None else now_s
        """The end of the drill, once it has come: what is done after it counts no more."""
        self._loosened = next((act for act in everything if act.kind in ("rules.changed", "routes.changed")), None)
        opened = evidence.first("run.opened")
        self.roles = Roles(book.head, everything, holds, (opened.data.get("kept") if opened else None) or {})
        counting = [act for act in (*everything, *self.roles.handed_over) if self.began_s <= act.t_s <= self.now_s]
        early = [act for act in everything if act.kind == "drill.start" and act.t_s < self.began_s]
        self.acts = sorted((*early, *counting), key=lambda one: one.order)
        self.carried = frozenset(_last_before(everything, self.began_s))
        """What observers saw before the fault and nothing took back before it: as seen when it began."""
        seen = (act for act in self.acts if act.kind == "observe")
        self.observed = sorted((*self.carried, *seen), key=lambda one: one.order)
        self._of: dict[str, list[Act]] = {}
        self._allowed: set[Act] = set()
        self._sort_out()
        self._times: dict[str, list[float]] = {}
        self._unheard: dict[tuple[str, Trust | None], str] = {}

    def _sort_out(self) -> None:
        """Put every act under its kind, and under each event of which it is one."""
        ways: dict[str, list[tuple[str, Pattern]]] = {}
        for name, event in self.book.events.items():
            for pattern in event.any_of:
                for kind in _either(pattern.kind):
                    ways.setdefault(kind, []).append((name, pattern))
        for act in self.acts:
            fits = dict.fromkeys(name for name, pattern in ways.get(act.kind, ()) if shows(pattern, act))
            for name in fits:
                self._of.setdefault(name, []).append(act)
                if self.book.events[name].pre_authorised:
                    self._allowed.add(act)
            if act.kind not in self.book.events:
                self._of.setdefault(act.kind, []).append(act)

    # --- what happened

    def of(self, name: str) -> Sequence[Act]:
        """When this event happened, oldest first."""
        return self._of.get(name, ())

    def between(self, name: str, from_s: float, to_s: float) -> Sequence[Act]:
        """When it happened in [from_s, to_s]."""
        times = self._times.setdefault(name, [act.t_s for act in self.of(name)])
        return self.of(name)[bisect_left(times, from_s) : bisect_right(times, to_s)]

    def first(self, name: str) -> Act | None:
        """When it first happened, or None."""
        return next(iter(self.of(name)), None)

    def is_one(self, name: str, act: Act) -> bool:
        """Whether an act is this event."""
        event = self.book.events.get(name)
        if event is None:
            return act.kind == name
        return any(act.kind in _either(pattern.kind) and shows(pattern, act) for pattern in event.any_of)

    def too_early(self, name: str) -> Act | None:
        """What would be this event, the newest, and came before any page, so that it counts for nothing; else None."""
        return next((act for act in reversed(self._in_vain) if self.is_one(name, act)), None)

    def heard(self, observer: str, t_s: float) -> bool:
        """Whether an observer could be heard at this moment."""
        told = self._hearing.get(observer, [])
        place = bisect_right(told, t_s, key=lambda one: one.t_s)
        return not place or told[place - 1].kind == "observer.back"

    def heard_since(self, observer: str, t_s: float) -> float:
        """Since when, up to this moment, nothing can have been missed that an observer listens for; this moment if it is deaf."""
        since_s, lost = -inf, False
        for event in self._hearing.get(observer, ()):
            if event.t_s > t_s:
                break
            lost = event.kind == "observer.lost"
            since_s = since_s if lost or event.data.get("caught_up") else event.t_s
        return t_s if lost else since_s

    @cached_property
    def _hearing(self) -> Mapping[str, list[Event]]:
        """Of each observer that was ever lost, when it was lost and when it was back."""
        found: dict[str, list[Event]] = {}
        both = (*self.evidence.of("observer.lost"), *self.evidence.of("observer.back"))
        for event in sorted(both, key=lambda one: one.seq):
            found.setdefault(str(event.data.get("observer")), []).append(event)
        return found

    def known_s(self, name: str) -> float:
        """Up to which moment it is known whether this event came. What came later may yet be told, and dated back."""
        return min(self.now_s, self._unsettled_s(name))

    def _unsettled_s(self, name: str) -> float:
        """From when on it may yet turn out that this event came; infinite when there is no such moment."""
        if self.ended or self._impact is None:
            return inf
        event = self.book.events.get(name)
        kinds = {kind for pattern in event.any_of for kind in _either(pattern.kind)} if event else {name}
        return min(map(self._impact.unsettled_s, kinds & OF_PROBES), default=inf)

    @cached_property
    def _impact(self) -> Impact | None:
        return Impact(self.evidence, self.began_s) if self.evidence.first("injection.acting") else None

    # --- from when, until when

    def since(self, anchors: Iterable[str]) -> Since:
        """The first of these to come; without any, the beginning of the fault."""
        listed = tuple(anchors)
        if not listed:
            return Since(at_s=self.began_s, name="the fault")
        came: list[tuple[float, str, Act]] = []
        for text in listed:
            name, later = split_anchor(text)
            for kind, act in self._stood_for(name):
                came.append((round(act.t_s + later.total_seconds(), 6), text.replace(name, kind, 1), act))
        if came:
            at_s, text, act = min(came, key=lambda one: one[0])
            return Since(at_s=at_s, name=text, proof=(act.seq,))
        names = [split_anchor(text)[0] for text in listed]
        return Since(at_s=None, name=" / ".join(listed), unheard=next(filter(None, map(self.unheard, names)), ""))

    def _stood_for(self, name: str) -> Iterator[tuple[str, Act]]:
        """This moment, and those that stand for it where somebody saw to it that it did not come, or came late.

        Who silences a page has got it. Who changes rules or routes before it came is held from when users were hurt.
        """
        first = self.first(name)
        if first:
            yield name, first
        if name not in ("page.delivered", "alert.firing"):
            return
        if withheld := self.first("page.withheld"):
            yield withheld.kind, withheld
        impact = self.first("impact.start")
        if impact and self._loosened and (first is None or self._loosened.order < first.order):
            yield impact.kind, impact

    def until(self, anchors: Iterable[str], from_s: float) -> Until:
        """The first of these to come after a moment.

        That it is over, as somebody says, is not believed before the probes show that the service has recovered.
        """
        found: list[float] = []
        known: list[float] = []
        for text in anchors:
            name, later = split_anchor(text)
            act = next(iter(self.between(name, from_s, inf)), None)
            at_s, known_s = self._believed_s(act) if act else (None, inf if self.ended else self.now_s)
            known.append(min(known_s, self._unsettled_s(name)) + later.total_seconds())
            if at_s is not None:
                found.append(at_s + later.total_seconds())
        return Until(min(found, default=None), min(known, default=inf))

    def _believed_s(self, act: Act) -> Until:
        impact, recovered = self.first("impact.start"), self.first("recovered")
        if act.trust is Trust.OBSERVED or impact is None or act.t_s < impact.t_s:
            return Until(act.t_s, inf)
        known_s = max(act.t_s, self._unsettled_s("recovered"))
        return Until(max(act.t_s, recovered.t_s) if recovered else None, known_s)

    @cached_property
    def given_up(self) -> bool:
        """Whether somebody said that it was over while the service was hurt, and only the drill healed it, if anybody did."""
        said, impact, recovered = map(self.first, ("incident.resolved", "impact.start", "recovered"))
        hurt = said is not None and impact is not None and impact.t_s <= said.t_s
        return self.ended and hurt and (recovered is None or recovered.by_drill)

    # --- what it is worth

    def worth(self, act: Act, by: Iterable[str] = (), least: Trust | None = None) -> float:
        """What an act is worth as evidence, 0 to 1: nothing when it is too weak, or was not done by such a role."""
        if least is not None and _BEST_FIRST.index(act.trust) > _BEST_FIRST.index(least):
            return 0.0
        caps, listed = self.book.head.trust, tuple(by)
        if not listed:
            return caps.of(act.trust)
        claims = [trust for role in listed if (trust := self.roles.held(role, act.actor, act.t_s))]
        return min(caps.of(act.trust), max(map(caps.of, claims), default=0.0))

    def excused(self, act: Act, unless: Unless | None) -> bool:
        """Whether a rule lets this act pass."""
        if unless is None or (unless.pre_authorised and act not in self._allowed):
            return False
        if unless.tag and act.value("tag") != unless.tag:
            return False
        if unless.max_duration is None:
            return True
        lasts_s = act.data.get("max_duration_s")
        return isinstance(lasts_s, int | float) and lasts_s <= unless.max_duration.total_seconds() + _SILENCE_GRAIN_S

    def contradicted(self, name: str, act: Act) -> bool:
        """Whether somebody only says so, and what was last observed of the same thing says otherwise."""
        event = self.book.events.get(name)
        if event is None or act.trust in (Trust.OBSERVED, Trust.ATTRIBUTED):
            return False
        for pattern in event.any_of:
            if pattern.kind == "observe" and "result" in pattern.texts:
                newest = (one for one in self.observed[: -_LOOK_BACK - 1 : -1] if _about_the_same(pattern, one, act))
                last = next(newest, None)
                if last and not shows(pattern, last):
                    return True
        return False

    def who(self, act: Act) -> str:
        """Who did it: a role where one is known, since it is roles that a SOP speaks of."""
        return "/".join(self.roles.of(act.actor, act.t_s)) or act.actor or "somebody"

    def words(self, name: str, act: Act) -> str:
        """The words by which an act is this event, so that they can be disputed; empty where no words decide."""
        event = self.book.events.get(name)
        found = (expression.search(act.text) for pattern in (event.any_of if event else ())
                 for key, expression in pattern.expressions.items() if key == f"text{SEARCHED}")  # fmt: skip
        return next(filter(None, found), "")

    def unheard(self, name: str, least: Trust | None = None) -> str:
        """Why nobody could have told of this event, and be believed, were it so; empty when somebody could."""
        if (name, least) not in self._unheard:
            self._unheard[name, least] = self._why_unheard(name, least)
        return self._unheard[name, least]

    def _why_unheard(self, name: str, least: Trust | None) -> str:
        event = self.book.events.get(name)
        reasons = [
            unheard(self.evidence, kind, tuple(_either(pattern.texts["probe"])) if "probe" in pattern.texts else ())
            for pattern in (event.any_of if event else (Pattern(kind=name),))
            for kind in _either(pattern.kind)
            if not (least is Trust.OBSERVED and kind in BY_PEOPLE)
        ]
        return reasons[0] if reasons and all(reasons) else ""


def _but_in_vain(acts: Sequence[Act]) -> tuple[list[Act], list[Act]]:
    """All but acknowledgements that came before any page, and those: whoever gives them all the time has taken none."""
    page = next((act for act in acts if act.kind == "page.delivered"), None)
    early = {act for act in acts if page and act.kind == "page.acked" and act.order < page.order}
    return [act for act in acts if act not in early], [act for act in acts if act in early]


def thing(act: Act) -> tuple[object, ...]:
    """What an observation is of, as the observer names it, whatever it saw."""
    return tuple(
        sorted((key, value) for key, value in act.data.items() if isinstance(value, str) and key not in _OF_THE_LOOK)
    )


def _last_before(acts: Iterable[Act], began_s: float) -> Iterator[Act]:
    """What was last observed of each thing before the fault, as if it had been seen when that began."""
    last = {thing(act): act for act in acts if act.kind == "observe" and act.t_s < began_s}
    return (replace(act, t_s=began_s) for act in last.values())


def shows(pattern: Pattern, act: Act) -> bool:
    """Whether an act of the right kind is what a pattern says."""
    return all(act.value(key) in _either(wanted) for key, wanted in pattern.texts.items()) and all(
        expression.search(act.value(key.removesuffix(SEARCHED))) for key, expression in pattern.expressions.items()
    )


def _either(wanted: str) -> Iterator[str]:
    return (one.strip() for one in wanted.split("|"))


def _about_the_same(pattern: Pattern, seen: Act, said: Act) -> bool:
    """Whether an observation is of what somebody said, whatever its result."""
    watched = all(seen.value(key) in _either(wanted) for key, wanted in pattern.texts.items() if key != "result")
    shared = (said.data.keys() & seen.data.keys()) - _OF_THE_TELLING
    return watched and all(said.value(key) == seen.value(key) for key in shared)
