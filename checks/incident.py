"""An incident's times: when what happened, within which bounds, and how long each part of it took. Arithmetic alone.

What is not measured is absent, with the reason, and never 0. Who finds these moments in a run is `checks.moments`.

The outage, from the first bad look to the all-clear, falls into four parts: to see that it is an incident and who acts
(identify), to know enough to act (know), to mend it (fix), and to make sure (verify). Their borders are brought into this
order, each between its neighbours, so that the parts are never negative and make up the whole exactly, also where
somebody contained it before anybody knew the cause, or where it came back by itself before anybody looked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from checks.check import Measured, Sentence

MILESTONES: Mapping[str, str] = {
    "fault": "the fault was seen in effect",
    "impact": "the first look failed",
    "active": "the alert's condition was first met",
    "fired": "the alert fired",
    "paged": "the page was delivered",
    "acked": "the page was acknowledged",
    "engaged": "somebody set to work",
    "declared": "an incident was declared",
    "graded": "its severity was set",
    "scoped": "it was said who is affected",
    "mitigating": "the change that helped was begun",
    "mitigated": "it was contained",
    "known": "the cause was stated",
    "recovered": "the service was back",
    "verified": "it was said to be over",
    "cleared": "the page was resolved",
}
"""What each of them is, in the order in which they come when all goes by the book."""
SPANS: Mapping[str, tuple[str, str]] = {
    "TTD": ("impact", "fired"),
    "TTD from fault": ("fault", "fired"),
    "TTN": ("fired", "paged"),
    "TTA": ("paged", "acked"),
    "TTE": ("paged", "engaged"),
    "TTM": ("impact", "mitigated"),
    "TTR": ("impact", "recovered"),
}
"""To detect, notify, acknowledge, engage, mitigate and restore: from which milestone to which. One that came early, as an
alert before anybody was hurt, makes a span negative."""
PARTS = ("MTTI", "MTTK", "MTTF", "MTTV")
"""To identify, know, fix and verify: the whole outage, in four. MTTF is the time to *fix*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """One moment of an incident."""

    at_s: float | None
    """None when it is not known."""
    low_s: float = 0.0
    high_s: float = 0.0
    """Within which it really was."""
    actor: str = ""
    """Who did it, where somebody did."""
    seq: int | None = None
    """The journal line that shows it."""
    why_not: Sentence | None = None
    """Why it is not known, when it is not."""

    @classmethod
    def missing(cls, pattern: str, **values: object) -> "Milestone":
        """One that is not known, and why."""
        return cls(at_s=None, why_not=Sentence.of(pattern, **values))


class Span(NamedTuple):
    """How long something took, or why nobody can say."""

    name: str
    from_s: float | None
    to_s: float | None
    took: Measured | None
    why_not: Sentence | None = None


class _At(NamedTuple):
    """A moment with its bounds; taken together they are compared, shifted and bounded alike."""

    low_s: float
    at_s: float
    high_s: float

    def after(self, other: "_At") -> "_At":
        """The later of both."""
        return _At(*(max(pair) for pair in zip(self, other, strict=True)))

    def before(self, other: "_At") -> "_At":
        """The earlier of both."""
        return _At(*(min(pair) for pair in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident: its milestones, and the spans between them."""

    milestones: Mapping[str, Milestone]
    """By the names of MILESTONES, each of them."""

    def span(self, name: str) -> Span:
        """One of SPANS."""
        from_, to = SPANS[name]
        return self._span(name, self._at(from_), self._at(to), (from_, to), ordered=False)

    @property
    def total(self) -> Span:
        """From the first bad look to the all-clear."""
        return self._span("total", self._at("impact"), self._verified, ("impact", "recovered", "verified"))

    @property
    def parts(self) -> tuple[Span, ...]:
        """The four parts, in order. Those that are known add up to the whole when all are."""
        impact, back, verified = self._at("impact"), self._recovered, self._verified
        identified = self._between(impact, self._later("engaged", "graded"), back)
        knew = self._between(identified, self._earlier("mitigating", "known"), back)
        engage, know = ("engaged", "graded"), ("mitigating", "known")
        needs = (engage, (*engage, *know), (*engage, *know, "recovered"), ("recovered", "verified"))
        borders = ((impact, identified), (identified, knew), (knew, back), (back, verified))
        return tuple(
            self._span(name, from_, to, ("impact", *needed))
            for name, (from_, to), needed in zip(PARTS, borders, needs, strict=True)
        )

    @property
    def _recovered(self) -> _At | None:
        impact, back = self._at("impact"), self._at("recovered")
        return None if impact is None or back is None else back.after(impact)

    @property
    def _verified(self) -> _At | None:
        back, verified = self._recovered, self._at("verified")
        return None if back is None or verified is None else verified.after(back)

    def _at(self, name: str) -> _At | None:
        one = self.milestones[name]
        return None if one.at_s is None else _At(one.low_s, one.at_s, one.high_s)

    def _later(self, *names: str) -> _At | None:
        """The later of two, which takes both."""
        one, other = map(self._at, names)
        return None if one is None or other is None else one.after(other)

    def _earlier(self, *names: str) -> _At | None:
        """The earlier of two, or the only one."""
        one, other = map(self._at, names)
        return one.before(other) if one and other else one or other

    @staticmethod
    def _between(low: _At | None, at: _At | None, high: _At | None) -> _At | None:
        """A border brought between its neighbours; without an upper one it may be at any time after the lower."""
        if low is None or at is None:
            return None
        return at.after(low) if high is None else at.before(high).after(low)

    def _span(self, name: str, from_: _At | None, to: _At | None, needed: tuple[str, ...], *,
              ordered: bool = True) -> Span:  # fmt: skip
        if from_ is None or to is None:
            return Span(name, from_ and from_.at_s, to and to.at_s, None, self._lacking(needed))
        low_s, high_s = round(to.low_s - from_.high_s, 6), round(to.high_s - from_.low_s, 6)
        took = Measured(
            value=round(to.at_s - from_.at_s, 6), low=max(0.0, low_s) if ordered else low_s, high=high_s, unit="s"
        )
        return Span(name, from_.at_s, to.at_s, took)

    def _lacking(self, needed: tuple[str, ...]) -> Sentence | None:
        """Why the first of these that is not known is not. Of a cause and a change that helped, either would do."""
        either = {"mitigating", "known"}
        either_known = any(self.milestones[name].at_s is not None for name in either)
        for name in needed:
            if self.milestones[name].at_s is None and not (name in either and either_known):
                return self.milestones[name].why_not
        return None
