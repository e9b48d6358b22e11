"""Overruling: what two people say of an obligation after a run, over what was made of the evidence, and why.

It mends what rests on people's words, which may mean anything, or on what was done where nobody could see. What the
run itself sees is not for people to overrule. It is no better evidence than what somebody else saw, and counts as that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from checks.check import Sentence
from checks.evidence import Evidence, Trust
from checks.sop.acts import OF_MACHINES
from checks.sop.book import After, Book, Content, Do, EventSeen, Every, Hold, Never, Order, Rule
from checks.sop.obligation import Obligation, Status

REMARK = "overruled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overruling:
    """One obligation of one rule is to count as something else."""

    rule: str
    line: int | None = None
    """A journal line that shows which of the rule's obligations is meant; None where there is one alone."""
    status: Status
    by: str
    seconded_by: str
    reason: str


def meant(obligations: Sequence[Obligation], line: int | None) -> list[int]:
    """The places of the obligations that may be meant."""
    return [place for place, one in enumerate(obligations) if line is None or line in one.proof]


def overruled(
    rule: Rule, obligations: tuple[Obligation, ...], given: Iterable[Overruling], book: Book
) -> tuple[Obligation, ...]:
    """What becomes of a rule's obligations. Of two that overrule the same, the later counts."""
    listed, last = list(obligations), dict[int, Overruling]()
    for one in given:
        places = meant(obligations, one.line) if one.rule == rule.id else []
        last |= {place: one for place in places if len(places) == 1}
    for place, one in last.items():
        listed[place] = _as(one, obligations[place], rule, book)
    return tuple(listed)


def refusal(rule: Rule, one: Obligation, given: Overruling, book: Book, evidence: Evidence) -> str:
    """Why this obligation cannot be overruled by these people; empty when it can."""
    if one.status is given.status:
        return f"it is {one.status} already"
    if rule.settings.min_trust is Trust.OBSERVED or isinstance(rule.form, Hold) or _by_machines(rule, book.events):
        return "it rests on what the run itself sees, which is not for people to overrule"
    did = {str(event.data.get("actor")).casefold() for event in evidence.of("act.recorded") if event.seq in one.proof}
    if mine := [name for name in (given.by, given.seconded_by) if name.casefold() in did]:
        return f"it is about what {mine[0]} did, who cannot be one of the two"
    return ""


def _by_machines(rule: Rule, events: Mapping[str, EventSeen]) -> bool:
    """Whether what a rule asks for, or forbids, is told by machines alone."""
    form = rule.form
    match form:
        case Do() | Content():
            name = form.event
        case Order():
            name = form.first
        case After():
            name = form.then
        case Every() | Never():
            name = form.what
        case Hold():
            return True
    kinds = (
        [kind.strip() for pattern in events[name].any_of for kind in pattern.kind.split("|")]
        if name in events
        else [name]
    )
    return all(kind in OF_MACHINES for kind in kinds)


def _as(one: Overruling, was: Obligation, rule: Rule, book: Book) -> Obligation:
    kept = 1.0 if isinstance(rule.form, Never) else book.head.trust.of(Trust.ATTESTED)
    credit = {Status.SATISFIED: kept, Status.VIOLATED: 0.0}.get(one.status)
    told = {"over_by": one.by, "over_too": one.seconded_by, "over_why": one.reason, "over_was": str(was.status)}
    because = Sentence(f"overruled by {{over_by}} and {{over_too}}: {{over_why}}; it was {{over_was}}: {was.because.pattern}",
                       {**was.because.values, **told})  # fmt: skip
    return replace(was, status=one.status, credit=credit, because=because, trust=Trust.ATTESTED,
                   remarks=(*was.remarks, REMARK))  # fmt: skip
