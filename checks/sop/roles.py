"""Who holds which role at what time, and when one was handed over."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from checks.evidence import Trust
from checks.sop.acts import Act
from checks.sop.book import Head

HANDED_OVER = ".handoff"
"""The event of a role's being handed over is called so after the role: `ic.handoff`."""

_NOBODYS: Mapping[str, Sequence[str]] = {}


@dataclass(slots=True)
class _Tenure:
    """A stretch of time for which somebody holds a role."""

    actor: str
    from_s: float
    until_s: float
    trust: Trust


class Roles:
    """The roles of a run. Who holds one at the beginning is given, or is who first took the page."""

    def __init__(self, head: Head, acts: Sequence[Act], given: Mapping[str, str],
                 kept: Mapping[str, Sequence[str]] = _NOBODYS) -> None:  # fmt: skip
        """`kept` says whose a role is, by its name in small letters; what is not there may be anybody's."""
        self._named = {name.casefold(): name for name in head.roles}
        self._exclusive = {name for name, role in head.roles.items() if role.exclusive}
        self._now: dict[str, dict[str, _Tenure]] = {name: {} for name in head.roles}
        self._by: dict[tuple[str, str], list[_Tenure]] = {}
        self.handed_over: list[Act] = []
        for role, actor, trust in _at_the_beginning(head, acts, given, kept):
            self._begin(role, _Tenure(actor, -inf, inf, trust))
        for act in acts:
            if act.kind == "role.taken" and (role := self._named.get(act.value("role").casefold(), "")):
                self._take(role, act)

    def held(self, role: str, actor: str, t_s: float) -> Trust | None:
        """How far it can be believed that somebody held a role at this moment; None when nothing says so."""
        tenures = self._by.get((role, actor), []) if actor else []
        place = bisect_right(tenures, t_s, key=lambda one: one.from_s)
        return tenures[place - 1].trust if place and t_s < tenures[place - 1].until_s else None

    def of(self, actor: str, t_s: float) -> tuple[str, ...]:
        """The roles that somebody held at this moment."""
        return tuple(role for role in self._now if self.held(role, actor, t_s))

    def holders(self, t_s: float) -> dict[str, tuple[str, ...]]:
        """Who held each role at this moment, in the SOP's order; a role that nobody held has none."""
        return {role: tuple(actor for name, actor in self._by if name == role and self.held(role, actor, t_s))
                for role in self._now}  # fmt: skip

    def first_held_s(self, role: str) -> float | None:
        """When somebody first held it: negative infinity for from the beginning, None for never."""
        return min((one.from_s for (name, _), held in self._by.items() if name == role for one in held), default=None)

    def _begin(self, role: str, tenure: _Tenure) -> None:
        self._now[role][tenure.actor] = tenure
        self._by.setdefault((role, tenure.actor), []).append(tenure)

    def _take(self, role: str, act: Act) -> None:
        """Somebody takes a role, or with an empty holder gives it up."""
        now = self._now[role]
        holder = act.value("holder") if "holder" in act.data else act.actor
        if holder in now:
            return
        leaving = [*now] if role in self._exclusive else [act.value("from") if holder else act.actor]
        gone = [now.pop(actor) for actor in leaving if actor in now]
        for tenure in gone:
            tenure.until_s = act.t_s
        if holder:
            self._begin(role, _Tenure(holder, act.t_s, inf, act.trust))
        if holder and gone:
            data = {"role": role, "holder": holder, "from": gone[-1].actor}
            self.handed_over.append(Act(t_s=act.t_s, seq=act.seq, kind=role.lower() + HANDED_OVER, trust=act.trust,
                                        actor=act.actor, data=data))  # fmt: skip


def _at_the_beginning(head: Head, acts: Iterable[Act], given: Mapping[str, str],
                      kept: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, Trust]]:  # fmt: skip
    """Who holds what before anything happens: as given, or an initial role by whoever took the page, or declared it."""

    def may(role: str, actor: str) -> bool:
        return actor in kept.get(role.casefold(), (actor,))

    holders = {role: (actor, Trust.OBSERVED) for role, actor in given.items() if role in head.roles}
    took = [act for act in acts if act.actor and act.kind in ("page.acked", "incident.declared")]
    took.sort(key=lambda act: act.kind != "page.acked")
    for name, role in head.roles.items():
        found = next((act for act in took if may(name, act.actor)), None)
        if role.initial and name not in holders and found:
            holders[name] = (found.actor, found.trust)
    for name, (actor, trust) in holders.items():
        yield name, actor, trust
        for held in head.roles[name].holds:
            if held in head.roles and held not in holders and may(held, actor):
                yield held, actor, trust
