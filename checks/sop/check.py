"""Did people follow the SOP, as far as what happened shows it?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, get_args

from checks.check import Doubt, Foreseen, Measured, Outcome, Ratio, Row, ScoreCap, Sentence, Share, Verdict, unknown
from checks.evidence import Evidence
from checks.sop.book import Ability, Book
from checks.sop.foreseen import foresee
from checks.sop.obligation import Obligation, Status
from checks.sop.overrule import Overruling
from checks.sop.standing import SURE, Ruling, Standing, standing, worth

_AT_LEAST = Ratio(0.8)
_NOBODY = Sentence("unattended run: no responder was there to be judged")
_ROWS = 5
"""Obligations of one rule that are shown one by one, the gravest first."""
_PROOFS = 20
_OF_ONE = {
    "none of the {rules} rules came to bear": "the only rule did not come to bear",
    "too little can be said of {rules} rules": "too little can be said of one rule",
    "{score} of 100 over {rules} rules": "{score} of 100 over one rule",
    "{score} of 100 over {rules} rules, {least} are needed": "{score} of 100 over one rule, {least} are needed",
}
"""What is said of several rules, as it is said of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sop:
    """The SOP was followed well enough: its score is high enough, no gate bites and no `must` was passed over.

    Nobody there to be judged is unknown, and so is too much that nobody could see.
    """

    name: ClassVar[str] = "sop"

    file: Annotated[str, "The SOP's file, beside the drill"]
    at_least: Annotated[Ratio, "The least share of the score"] = _AT_LEAST
    holds: Annotated[
        Mapping[str, str], "Who holds a role from the beginning, as {L1: lin}; left out, who takes the page"
    ] = field(default_factory=dict)
    book: Book | None = field(default=None, metadata={"setting": False})
    """What the file says; None until it was read."""
    overruling: tuple[Overruling, ...] = field(default=(), metadata={"setting": False})
    """What two people say after the run over what was made of the evidence."""

    def standing(self, evidence: Evidence, *, now_s: float | None = None) -> Standing:
        """How it stands, while a run is under way as afterwards. Raises ValueError when the file was not read."""
        if self.book is None:
            raise ValueError(f"the SOP {self.file} was not read")
        return standing(self.book, evidence, now_s=now_s, holds=self.holds, overruling=self.overruling)

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        """Whether those can be heard who are to see what it speaks of."""
        return foresee(self.book, evidence) if self.book else ()

    def judge(self, evidence: Evidence) -> Verdict:
        """See the class."""
        if self.book is None:
            return unknown("the SOP {file} was not read", file=self.file)
        found = self.standing(evidence)
        if not found.attended:
            return Verdict(outcome=Outcome.UNKNOWN, because=_NOBODY, shares=_shares(found), doubt=_doubt(found))
        outcome, because = self._said(found)
        points, gate = found.points, found.gate
        return Verdict(
            outcome=outcome,
            because=_as_overruled(_as_scripted(because, evidence), self.overruling),
            proof=tuple(sorted({line for one in _gravest(found) for line in one.proof}))[:_PROOFS],
            credit=None if points is None else points / 100,
            cap=ScoreCap(at_most=gate.cap, because=gate.why) if gate and outcome is Outcome.FAILED else None,
            measured=dict(_figures(found)),
            rows=tuple(row for one in found.rulings for row in _rows(one)),
            shares=_shares(found),
            doubt=_doubt(found),
        )

    def _said(self, found: Standing) -> tuple[Outcome, Sentence]:
        least = 100 * self.at_least
        about = {"rules": len(found.rulings), "least": f"{least:g}"}
        broken = sorted((one for one in found.rulings if _broken(one)), key=_gravity)
        outright = any(one.rule.settings.level == "must" and one.credit == 0 for one in broken)
        if found.gate is None and found.confidence < SURE and (unseen := _unseen(found)):
            return Outcome.UNKNOWN, unseen
        if found.points is None and not broken:
            return Outcome.UNKNOWN, _with("none of the {rules} rules came to bear", about, [], [])
        if found.points is None:
            return Outcome.FAILED, _with("the SOP was broken", about, broken[:1], broken[1:])
        about["score"] = _figure(found.points, least)
        if found.gate is None and not outright and found.points >= least:
            return Outcome.PASSED, _with(
                "{score} of 100 over {rules} rules, {least} are needed", about, broken[:1], broken[1:]
            )
        return Outcome.FAILED, _with("{score} of 100, {least} are needed", about, broken[:1], broken[1:])


def _shares(found: Standing) -> dict[str, Share]:
    """What each ability is worth that its rules show; those of which none came to bear are left out."""
    shares: dict[str, Share] = {}
    for part in get_args(Ability):
        rulings = tuple(one for one in found.rulings if one.rule.settings.shows == part)
        if (made := worth(rulings)) is not None:
            shares[part] = _share(rulings, *made)
    return shares


def _share(rulings: tuple[Ruling, ...], credit: float | None, least: float) -> Share:
    broken = sorted((one for one in rulings if _broken(one)), key=_gravity)
    worst = broken or [one for one in rulings if one.status is Status.UNKNOWN]
    about: dict[str, object] = {"rules": len(rulings), "score": "?" if credit is None else _figure(100 * credit, 100)}
    lead = "too little can be said of {rules} rules" if credit is None else "{score} of 100 over {rules} rules"
    shown = {line for one in (worst or rulings) for line in _first(one).proof}
    return Share(credit=credit, least=least, because=_with(lead, about, worst[:1], worst[1:]),
                 proof=tuple(sorted(shown))[:_PROOFS])  # fmt: skip


def _doubt(found: Standing) -> Doubt | None:
    """The lowest gate of which nobody can say whether it bites; of a run without responders, that is of none."""
    unseen = [(gate.cap, one) for one in found.rulings if (gate := one.rule.settings.gate)
              and (one.status is Status.UNKNOWN or not found.attended)]  # fmt: skip
    if not unseen:
        return None
    cap, first = min(unseen, key=lambda one: one[0])
    why = _first(first).because if found.attended else _NOBODY
    return Doubt(at_most=cap, because=Sentence(f"{{rule}}: {why.pattern}", {**why.values, "rule": first.rule.id}))


def _with(lead: str, about: dict[str, object], worst: list[Ruling], others: list[Ruling]) -> Sentence:
    """A sentence that goes on with the worst rule in words, and names the others."""
    lead = _OF_ONE.get(lead, lead) if about["rules"] == 1 else lead
    said = Sentence.of(lead, **about)
    if not worst:
        return said
    why = _first(worst[0]).because
    pattern, values = f"{lead}; {{rule}}: {why.pattern}", {**said.values, **why.values, "rule": worst[0].rule.id}
    if others:
        pattern, values["others"] = pattern + "; also {others}", ", ".join(one.rule.id for one in others)
    return Sentence(pattern, values)


def _as_scripted(said: Sentence, evidence: Evidence) -> Sentence:
    """The same, with whoever was played by a script, since that says nothing of people."""
    names = sorted({str(one.data.get("actor")) for one in evidence.of("act.recorded") if one.data.get("scripted")})
    if not names:
        return said
    return Sentence(f"{said.pattern}; scripted: {{scripted}}", {**said.values, "scripted": ", ".join(names)})


def _as_overruled(said: Sentence, overruling: Sequence[Overruling]) -> Sentence:
    """The same, with what counts as something else than the evidence was taken for, and who says so."""
    if not overruling:
        return said
    told = ", ".join(f"{one.rule} by {one.by} and {one.seconded_by} ({one.reason})" for one in overruling)
    return Sentence(f"{said.pattern}; overruled: {{overruled}}", {**said.values, "overruled": told})


def _unseen(found: Standing) -> Sentence | None:
    """Too much is unknown, as the first thing that is says; None when nothing is."""
    first = next((one for one in found.rulings if one.status is Status.UNKNOWN), None)
    if first is None:
        return None
    why = _first(first).because
    return Sentence(
        f"too little can be said of the SOP; {{rule}}: {why.pattern}", {**why.values, "rule": first.rule.id}
    )


def _broken(one: Ruling) -> bool:
    return one.status is Status.VIOLATED


def _gravity(one: Ruling) -> tuple[bool, float]:
    """Gates first, then what cost most."""
    return one.gate is None, -one.rule.weight * (1 - (one.credit or 0.0))


def _gravest(found: Standing) -> Iterator[Obligation]:
    broken = [one for one in found.rulings if _broken(one)]
    return (_first(one) for one in sorted(broken, key=_gravity) or found.rulings)


def _first(one: Ruling) -> Obligation:
    """The obligation by which the rule stands as it does."""
    return next(obligation for obligation in one.obligations if obligation.status is one.status)


def _figure(points: float, limit: float) -> str:
    """To the tenth, and never rounded up to the limit."""
    text = f"{points:.1f}".removesuffix(".0")
    return text if points >= limit or float(text) < limit else f"{points:.3f}"


def _figures(found: Standing) -> Iterator[tuple[str, Measured]]:
    if found.score is not None:
        score = found.score / 100
        yield "sop_score", Measured(value=score, low=score, high=score, unit="ratio")
    yield "confidence", Measured(value=found.confidence, low=found.confidence, high=found.confidence, unit="ratio")
    for status in (Status.SATISFIED, Status.VIOLATED, Status.UNKNOWN, Status.NOT_APPLICABLE):
        count = sum(one.status is status for one in found.rulings)
        yield f"rules_{status.name.lower()}", Measured.count(count)


def _rows(one: Ruling) -> Iterator[Row]:
    """A line for each obligation, the gravest first, up to a bound."""
    order = list(Status)
    listed = sorted(one.obligations, key=lambda obligation: order.index(obligation.status))
    for obligation in listed[:_ROWS]:
        said = [one.rule.settings.level, *([obligation.trust] if obligation.trust else []), *obligation.remarks]
        yield Row(status=obligation.status, name=one.rule.id, because=obligation.because, at_s=obligation.done_s,
                  due_s=obligation.due_s, remarks=tuple(map(str, said)), quote=obligation.matched,
                  proof=obligation.proof[:_PROOFS])  # fmt: skip
    if len(listed) > _ROWS:
        because = Sentence.of("and {n} more", n=len(listed) - _ROWS)
        yield Row(status=listed[_ROWS].status, name=one.rule.id, because=because)
