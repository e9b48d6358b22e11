"""How a SOP stands: every rule with its obligations, the score, and how sure it is. The same while a run goes on and after it.

    SOP = 100 · max(0, Σ w·s over positive rules − Σ w·(1 − s) over `never` rules) / Σ w over positive rules

over the rules of which something can be said, and then the caps of gates. To have left something be earns nothing, so that
doing nothing scores 0.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from checks.evidence import Evidence
from checks.sop import forms
from checks.sop.book import After, Book, Content, Do, Every, Gate, Hold, Never, Order, Rule
from checks.sop.every import every
from checks.sop.hold import hold
from checks.sop.log import Log
from checks.sop.obligation import Obligation, Status, Trial

_NOTHING: Mapping[str, str] = {}
_PER_VIOLATION = 0.5
"""What one violation of a `never` rule takes of its weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """How one rule stands."""

    rule: Rule
    obligations: tuple[Obligation, ...]
    """At least one."""
    credit: float | None
    """0 to 1; None when nothing can be said of it, or not yet."""

    @property
    def status(self) -> Status:
        """The gravest of its obligations'."""
        order = list(Status)
        return min((one.status for one in self.obligations), key=order.index)

    @property
    def penal(self) -> bool:
        """Whether it can only cost."""
        return isinstance(self.rule.form, Never)

    @property
    def gate(self) -> Gate | None:
        """Its gate, if it bites."""
        return self.rule.settings.gate if self.status is Status.VIOLATED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a SOP stands."""

    rulings: tuple[Ruling, ...]
    """One a rule, in the SOP's order."""
    score: float | None
    """0 to 100 before gates; None when no rule that could earn anything has come to bear."""
    confidence: float
    """The share of the weight of the rules that apply of which something can be said, 0 to 1."""
    ended: bool
    """Whether the drill is over, so that nothing of this will change."""
    attended: bool
    """Whether somebody was there whom one could judge."""

    @property
    def gate(self) -> Gate | None:
        """Of the gates that bite, the one with the lowest cap."""
        return min((one.gate for one in self.rulings if one.gate), key=lambda one: one.cap, default=None)

    @property
    def points(self) -> float | None:
        """The score after gates."""
        return self.score if self.score is None or self.gate is None else min(self.score, self.gate.cap)


def standing(book: Book, evidence: Evidence, *, now_s: float | None = None,
             holds: Mapping[str, str] = _NOTHING) -> Standing:  # fmt: skip
    """How a SOP stands by what is known.

    While a run is under way `now_s` is the time that it is: a moment passes though nothing happens. `holds` says who
    holds a role from the beginning.
    """
    log = Log(book, evidence, now_s=now_s, holds=holds)
    rulings = tuple(_ruling(rule, log) for rule in book.rules)
    return Standing(rulings=rulings, score=_score(rulings), confidence=_confidence(rulings), ended=log.ended,
                    attended=_attended(evidence))  # fmt: skip


def _ruling(rule: Rule, log: Log) -> Ruling:
    obligations = tuple(_obligations(Trial(rule, log)))
    known = [one.credit for one in obligations if one.credit is not None]
    credit = fsum(known) / len(known) if known else None
    if known and isinstance(rule.form, Hold):
        credit = min(known)  # that one all-clear came too early is not mended by saying it again
    broken = sum(one.status is Status.VIOLATED for one in obligations)
    if broken and isinstance(rule.form, Never):
        credit = max(0.0, 1 - _PER_VIOLATION * broken)
    return Ruling(rule=rule, obligations=obligations, credit=credit)


def _obligations(trial: Trial) -> Iterator[Obligation]:
    form = trial.rule.form
    judge = _JUDGES[type(form)]
    return judge(form, trial)


_JUDGES: Mapping[type, Callable[[Any, Trial], Iterator[Obligation]]] = {
    Do: forms.do, Order: forms.order, After: forms.after, Every: every, Never: forms.never, Hold: hold,
    Content: forms.content,
}  # fmt: skip


def _score(rulings: tuple[Ruling, ...]) -> float | None:
    decided = [(one, one.credit) for one in rulings if one.credit is not None]
    positive = fsum(one.rule.weight for one, _ in decided if not one.penal)
    if not positive:
        return None
    earned = fsum(one.rule.weight * credit for one, credit in decided if not one.penal)
    lost = fsum(one.rule.weight * (1 - credit) for one, credit in decided if one.penal)
    return round(100 * max(0.0, earned - lost) / positive, 9)


def _confidence(rulings: tuple[Ruling, ...]) -> float:
    decided = fsum(one.rule.weight for one in rulings if one.credit is not None)
    unknown = fsum(one.rule.weight for one in rulings if one.credit is None and one.status is Status.UNKNOWN)
    return decided / (decided + unknown) if decided + unknown else 0.0


def _attended(evidence: Evidence) -> bool:
    """True when the run was said to be attended, or when anybody did anything in it; a bot is nobody."""
    opened = evidence.first("run.opened")
    if opened and opened.data.get("attended"):
        return True
    return any(event.data.get("actor") and not event.data.get("bot") for event in evidence.of("act.recorded"))
