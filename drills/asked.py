"""What a SOP asks at this moment: a line a duty, the most urgent first, with how much time is left. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from checks.sop.book import After, Book, Content, Do, Every, Hold, Never, Order
from checks.sop.obligation import Obligation, Status
from checks.sop.standing import Ruling, Standing
from checks.units import show_duration

_LINES = 3
"""Of one rule."""
_OPEN = (Status.AT_RISK, Status.PENDING)
_MUST: Mapping[str, str] = {
    "incident.declared": "an incident must be declared",
    "incident.resolved": "somebody must say that it is over",
    "incident.severity": "severity must be set",
    "page.acked": "the page must be acknowledged",
    "submit.diagnosis": "the cause must be stated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One duty and how it stands."""

    rule: str
    status: Status
    what: str
    """What is asked, of whom and until when; of what is decided, why."""
    urgency: tuple[int, float]
    """The smaller the more urgent."""


def asked(book: Book, found: Standing, now_s: float) -> list[Asked]:
    """Every rule, and of one that asks for several things at a time those that are open."""
    duties = [one for ruling in found.rulings for one in _of_rule(book, ruling, now_s)]
    return sorted(duties, key=lambda one: one.urgency)


def _of_rule(book: Book, ruling: Ruling, now_s: float) -> Iterator[Asked]:
    due = sorted(ruling.obligations, key=lambda one: inf if one.due_s is None else one.due_s)
    first = next(one for one in due if one.status is ruling.status)
    also = [one for one in due if one is not first and one.status in _OPEN and one.due_s is not None]
    for one in (first, *also)[:_LINES]:
        gate = f"; the score is at most {ruling.gate.cap:g}" if ruling.gate and one is first else ""
        yield Asked(rule=ruling.rule.id, status=one.status, what=_words(book, ruling, one, now_s) + gate,
                    urgency=_urgency(one, now_s))  # fmt: skip


def _urgency(one: Obligation, now_s: float) -> tuple[int, float]:
    """What can still be done in time comes first, then what is late and not done, and last what is as it should be."""
    left_s = inf if one.due_s is None else one.due_s - now_s
    undone = one.due_s is not None and (one.done_s is None or left_s > 0)
    ranks = {Status.AT_RISK: 0, Status.VIOLATED: 1 if undone else 3, Status.PENDING: 4 if one.due_s is None else 2,
             Status.UNKNOWN: 5, Status.SATISFIED: 6, Status.NOT_APPLICABLE: 7}  # fmt: skip
    return ranks[one.status], left_s


def _words(book: Book, ruling: Ruling, one: Obligation, now_s: float) -> str:
    left_s = None if one.due_s is None else one.due_s - now_s
    if one.status in _OPEN and (one.done_s is None or isinstance(ruling.rule.form, Every)):
        return _asks(book, ruling, one, left_s)
    if one.status is Status.NOT_APPLICABLE:
        return f"{_asks(book, ruling, one, None)}; {one.because}"
    if one.status is Status.VIOLATED and left_s is not None and left_s > 0:
        return f"{one.because}; next {_within(left_s)}"
    if one.status is Status.VIOLATED and left_s is not None and one.done_s is None:
        return f"{one.because}; was due {show_duration(int(-left_s))} ago{_by(getattr(ruling.rule.form, 'by', ()))}"
    return str(one.because)


def _asks(book: Book, ruling: Ruling, one: Obligation, left_s: float | None) -> str:
    """What a rule asks, of whom, and within which time: what is left of it once it has begun."""
    time = None if left_s is None else _within(left_s)
    match ruling.rule.form:
        case Do() as form:
            whole = f"within {_show(form.within)} of {' or '.join(form.of)}"
            return f"{_must(book, form.event)} {time or whole}{_by(form.by)}"
        case After() as form:
            whole = f"within {_show(form.within)}" if form.within else "before the end"
            return f"{form.then} must follow {form.when} {time or whole}{_by(form.by)}"
        case Every() as form:
            team = one.because.values.get("team", "") if form.per == "team" else ""
            when = f"again {time}" if time else f"every {_show(form.period)}"
            return f"{form.what} must come {when}{_by(form.by)}{f', of the team {team}' if team else ''}"
        case form:
            return _asks_at_any_time(form)


def _asks_at_any_time(form: Order | Never | Hold | Content) -> str:
    match form:
        case Order():
            same = f" of the same {' and '.join(form.same)}" if form.same else ""
            return f"{form.first} must come before {form.then}{same}{_by(form.first_by)}"
        case Never():
            often = f" more than {form.more_than} times" if form.more_than else ""
            return f"{form.what} must not come{often}{_by(form.by)}"
        case Hold():
            return f"{form.state} must have held for {_show(form.for_)} before {form.before}"
        case Content():
            return f"{form.event} must say {', '.join(form.require)}{_by(form.by)}"


def _must(book: Book, name: str) -> str:
    """That an event must come; in words, where it is nothing else than a kind of act that has some."""
    event = book.events.get(name)
    plain = event.any_of if event and not any(one.texts or one.expressions for one in event.any_of) else ()
    kinds = {one.kind for one in plain} if event else {name}
    return _MUST.get(kinds.pop(), f"{name} must come") if len(kinds) == 1 else f"{name} must come"


def _show(time: timedelta) -> str:
    return show_duration(time.total_seconds())


def _within(left_s: float) -> str:
    return f"within {show_duration(max(0, int(left_s)))}"


def _by(roles: Sequence[str]) -> str:
    return f", by {' or '.join(roles)}" if roles else ""
