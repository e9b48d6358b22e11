"""How a SOP stands: every rule with its obligations, the score, and how sure it is. The same while a run goes on and after it.

    SOP = 100 · max(0, Σ w·s over positive rules − Σ w·(1 − s) over `never` rules) / Σ w over positive rules

over the rules of which something can be said, and then the caps of gates. To have left something be earns nothing, so that
doing nothing scores 0.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any

from checks.evidence import Evidence
from checks.sop import forms
from checks.sop.book import After, Book, Content, Do, Every, Gate, Hold, Never, Order, Rule
from checks.sop.every import every
from checks.sop.hold import hold
from checks.sop.log import Log
from checks.sop.obligation import Obligation, Status, Trial
from checks.sop.overrule import Overruling, overruled

_NOTHING: Mapping[str, str] = {}
SURE = 0.8
"""The share of the rules that apply, by weight, of which something must be known."""
_PER_VIOLATION = 0.5
"""What one violation of a `never` rule takes of its weight, and of one that asks the same each time, at the least."""


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


def worth(rulings: tuple[Ruling, ...]) -> tuple[float | None, float] | None:
    """What some of a SOP's rules are worth by themselves, by the same formula, 0 to 1; None where they did not come to bear.

    First of what is known, None when too little is; then at the least, whatever is still unknown. Where they only forbid,
    to have broken one is worth nothing, and to have kept them all has no say.
    """
    cap = min((one.gate.cap for one in rulings if one.gate), default=100.0)
    unknown = any(one.status is Status.UNKNOWN for one in rulings)
    score, least = _score(rulings), _score(tuple(map(_at_least, rulings)))
    if score is None:
        broken = any(one.status is Status.VIOLATED for one in rulings)
        return (0.0 if broken else None, 0.0) if broken or unknown else None
    sure = cap < 100 or _confidence(rulings) >= SURE
    return (min(score, cap) / 100 if sure else None, min(least or 0.0, cap) / 100)


def _at_least(one: Ruling) -> Ruling:
    """The same, as if what is unknown of it had gone as badly as it can."""
    unseen = sum(obligation.status is Status.UNKNOWN for obligation in one.obligations)
    if not unseen:
        return one
    if one.penal or isinstance(one.rule.form, Hold):
        return replace(one, credit=0.0)
    at_worst = (replace(obligation, status=Status.VIOLATED, credit=0.0) if obligation.status is Status.UNKNOWN else obligation
                for obligation in one.obligations)  # fmt: skip
    return replace(one, credit=_mean(one.rule, tuple(at_worst)))


def standing(book: Book, evidence: Evidence, *, now_s: float | None = None,
             holds: Mapping[str, str] = _NOTHING, overruling: Sequence[Overruling] = ()) -> Standing:  # fmt: skip
    """How a SOP stands by what is known.

    While a run is under way `now_s` is the time that it is: a moment passes though nothing happens. `holds` says who
    holds a role from the beginning, and `overruling` what two people say over what was made of the evidence.
    """
    log = Log(book, evidence, now_s=now_s, holds=holds)
    rulings = tuple(_ruling(rule, log, overruling) for rule in book.rules)
    return Standing(rulings=rulings, score=_score(rulings), confidence=_confidence(rulings), ended=log.ended,
                    attended=_attended(evidence))  # fmt: skip


def _ruling(rule: Rule, log: Log, overruling: Sequence[Overruling]) -> Ruling:
    obligations = overruled(rule, tuple(_obligations(Trial(rule, log))), overruling, log.book)
    known = [one.credit for one in obligations if one.credit is not None]
    credit = _mean(rule, obligations)
    if known and isinstance(rule.form, Hold):
        credit = min(known)  # that one all-clear came too early is not mended by saying it again
    broken = sum(one.status is Status.VIOLATED for one in obligations)
    if broken and isinstance(rule.form, Never):
        credit = max(0.0, 1 - _PER_VIOLATION * broken)
    return Ruling(rule=rule, obligations=obligations, credit=credit)


def _mean(rule: Rule, obligations: tuple[Obligation, ...]) -> float | None:
    """What is given on the average. Of what each time should be so, each time that it was not costs half of the rule at the
    least: else twenty changes that change nothing, each announced and approved, would thin out the one that was neither.
    """
    known = [(one.credit, one.status) for one in obligations if one.credit is not None]
    if not known:
        return None
    mean = fsum(credit for credit, _ in known) / len(known)
    if not isinstance(rule.form, Order | After | Content):
        return mean
    lacking = fsum(1 - credit for credit, status in known if status is Status.VIOLATED)
    return max(0.0, min(mean, 1 - _PER_VIOLATION * lacking))


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
    return any(event.data.get("actor") and not event.data.get("bot") for event in evidence.told("act.recorded"))
