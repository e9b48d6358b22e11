"""The forms of rules that look at single acts: `do`, `order`, `after`, `never` and `content`."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from checks.check import Sentence
from checks.sop.acts import Act
from checks.sop.book import After, Content, Do, Never, Order
from checks.sop.log import Log
from checks.sop.obligation import Obligation, Status, Trial
from checks.sop.observed import Observed
from checks.units import show_duration

_VIOLATIONS_MAX = 50
"""Violations of one rule that are told one by one; two are enough to lose all that it weighs."""
_TAKEN_DOWN_S = 0.1
"""How long it may take until a command that is over is taken down, so that it began so much sooner than it seems."""


def do(form: Do, trial: Trial) -> Iterator[Obligation]:
    """Something must happen in time; late is worth less and less."""
    log, since = trial.log, trial.log.since(form.of)
    if since.at_s is None:
        yield trial.not_begun(since)
        return
    start_s, within_s = since.at_s, form.within.total_seconds()
    zero_s = 2 * within_s if form.zero_at is None else form.zero_at.total_seconds()
    due_s = round(start_s + within_s, 6)

    def merit(act: Act) -> tuple[float, float, float]:
        late_s = max(0.0, round(act.t_s - due_s, 6))
        timely = max(0.0, 1 - late_s / (zero_s - within_s)) if late_s and zero_s > within_s else float(not late_s)
        worth = trial.worth(form.event, act, form.by)
        return timely * worth, worth, -act.t_s

    best = max(log.of(form.event), key=merit, default=None)
    about = {"event": form.event, "anchor": since.name, "limit": show_duration(within_s)}
    times: dict[str, Any] = {"since_s": start_s, "due_s": due_s}
    known_s = log.known_s(form.event)
    if best and merit(best)[1] and (best.t_s <= due_s or known_s > due_s):
        took = show_duration(max(0.0, round(best.t_s - start_s, 6)), beside=within_s)
        pattern = "{event} by {who}, {took} after {anchor}; limit {limit}"
        yield Obligation(status=Status.SATISFIED if best.t_s <= due_s else Status.VIOLATED, credit=merit(best)[0],
                         because=Sentence.of(pattern, who=log.who(best), took=took, **about), done_s=best.t_s,
                         **times, **trial.shown(form.event, best, since.proof))  # fmt: skip
    elif known_s > due_s and (unheard := trial.unheard(form.event)):
        yield unheard
    elif known_s > due_s:
        because = Sentence.of("no {event} within {limit} of {anchor}", **about)
        early = None if best else log.too_early(form.event)
        if early:
            pattern = "{event} by {who} came too early, before any page; none came within {limit} of {anchor}"
            because = Sentence.of(pattern, who=log.who(early), **about)
        shown: dict[str, Any] = {"proof": tuple(sorted({*since.proof, *([early.seq] if early else [])}))}
        shown = trial.shown(form.event, best, since.proof) if best else shown
        yield Obligation(status=Status.VIOLATED, because=trial.unfit(form.event, best, form.by) if best else because,
                         credit=0.0, **times, **shown)  # fmt: skip
    elif log.ended:
        yield trial.ended_before(form.event, due_s, since_s=start_s, proof=since.proof)
    else:
        because = Sentence.of("{event} is due {limit} after {anchor}", **about)
        yield Obligation(status=trial.waiting(start_s, due_s), because=because, proof=since.proof, **times)


# --- one thing before or after another


@dataclass(frozen=True, slots=True)
class _Row:
    """Acts with the same in common that are worth the same, by time."""

    keys: list[tuple[float, int]]
    acts: list[Act]


class _Partners:
    """The acts that may match another one, to be found by what both have in common and by time."""

    def __init__(self, acts: Iterable[Act], same: Sequence[str], worth_of: Callable[[Act], float]) -> None:
        self._same = same
        self._rows: dict[tuple[str, ...], dict[float, _Row]] = {}
        for act in acts:
            key = self._key(act)
            if all(key):
                row = self._rows.setdefault(key, {}).setdefault(worth_of(act), _Row([], []))
                row.keys.append(act.order)
                row.acts.append(act)

    def before(self, act: Act, within_s: float) -> tuple[Act, float] | None:
        """The best that came before this act, no longer before than this: what is worth most, and of that the last."""
        for worth, row in sorted(self._rows.get(self._key(act), {}).items(), reverse=True):
            place = bisect_left(row.keys, (act.began_s, act.seq)) - 1
            if place >= 0 and round(act.began_s - row.acts[place].t_s, 6) <= within_s:
                return row.acts[place], worth
        return None

    def after(self, act: Act, within_s: float) -> tuple[Act, float] | None:
        """The best that came after this act began, no later than this: what is worth most, and of that the first."""
        since_s = act.began_s if act.began_s == act.t_s else round(act.began_s - _TAKEN_DOWN_S, 6)
        for worth, row in sorted(self._rows.get(self._key(act), {}).items(), reverse=True):
            place = bisect_left(row.keys, (since_s, act.seq))
            place += place < len(row.acts) and row.acts[place] is act
            if place < len(row.acts) and round(row.acts[place].t_s - act.began_s, 6) <= within_s:
                return row.acts[place], worth
        return None

    def _key(self, act: Act) -> tuple[str, ...]:
        return tuple(act.value(name) for name in self._same)


def order(form: Order, trial: Trial) -> Iterator[Obligation]:
    """Each of the one was preceded by the other."""
    log = trial.log
    done = (act for act in log.of(form.first) if act.kind != "observe")
    partners = _Partners(done, form.same, lambda act: trial.worth(form.first, act, form.first_by))
    within_s = inf if form.within is None else form.within.total_seconds()
    asked = [act for act in log.of(form.then) if not log.excused(act, form.unless)]
    observed = Observed(log, form.first, form.same)
    seen = {act: observed.at(act, within_s) for act in sorted(asked, key=lambda one: (one.began_s, one.seq))}
    for act in asked:
        first, credit = partners.before(act, within_s) or (None, 0.0)
        if (saw := seen[act].act) and (worth := trial.worth(form.first, saw, form.first_by)):
            first, credit = max((first, credit), (saw, worth), key=lambda one: (one[1], one[0].order if one[0] else ()))
        about = {"then": form.then, "doer": _doer(log, act, form.same), "first": form.first}
        shown = trial.shown(form.first, first, (act.seq,)) if first else {"trust": act.trust, "proof": (act.seq,)}
        because = Sentence.of("{then} by {doer} without {first}", **about)
        if not credit and (unheard := trial.deaf(form.first, seen[act].deaf) or trial.unheard(form.first)):
            yield unheard
            continue
        if not credit and not log.ended and log.known_s(form.first) <= act.began_s:
            yield Obligation(status=Status.PENDING, because=because, done_s=act.t_s, **shown)
            continue
        if first and credit:
            about |= {"took": show_duration(round(act.began_s - first.t_s, 6)), "who": log.who(first)}
            because = Sentence.of("{then} by {doer}, {took} after {first} by {who}", **about)
        elif first:
            why = trial.unfit(form.first, first, form.first_by)
            because = Sentence(f"{because.pattern}: {why.pattern}", {**because.values, **why.values})
        elif other := seen[act].otherwise:
            last = {"observer": other.value("probe"), "result": other.value("result")}
            because = Sentence(f"{because.pattern}: {{observer}} last saw {{result}}", {**because.values, **last})
            shown = {"trust": other.trust, "proof": tuple(sorted({act.seq, other.seq}))}
        yield Obligation(status=Status.SATISFIED if credit else Status.VIOLATED, because=because, credit=credit,
                         done_s=act.t_s, **shown)  # fmt: skip
    if not asked:
        yield trial.never_asked(form.then)


def after(form: After, trial: Trial) -> Iterator[Obligation]:
    """Each of the one is followed by the other."""
    log = trial.log
    partners = _Partners(log.of(form.then), form.same, lambda act: trial.worth(form.then, act, form.by))
    within_s = inf if form.within is None else form.within.total_seconds()
    asked = [act for act in log.of(form.when) if not log.excused(act, form.unless)]
    for act in asked:
        then, credit = partners.after(act, within_s) or (None, 0.0)
        due_s = None if form.within is None else round(act.began_s + within_s, 6)
        about = {"then": form.then, "when": form.when, "doer": _doer(log, act, form.same)}
        times: dict[str, Any] = {"since_s": act.began_s, "due_s": due_s}
        if then and credit:
            took = show_duration(max(0.0, round(then.t_s - act.began_s, 6)))
            yield Obligation(status=Status.SATISFIED, credit=credit, done_s=then.t_s,
                             because=Sentence.of("{then} {took} after {when} by {doer}", took=took, **about),
                             **times, **trial.shown(form.then, then, (act.seq,)))  # fmt: skip
        elif due_s is not None and log.ended and log.now_s <= due_s:
            yield trial.ended_before(form.then, due_s, since_s=act.began_s, proof=(act.seq,))
        elif log.ended or (due_s is not None and log.known_s(form.then) > due_s):
            because = Sentence.of("no {then} after {when} by {doer}", **about)
            missed = Obligation(status=Status.VIOLATED, credit=0.0, proof=(act.seq,), because=because, **times)
            yield trial.unheard(form.then) or missed
        else:
            yield Obligation(status=trial.waiting(act.began_s, due_s), proof=(act.seq,),
                             because=Sentence.of("{then} must follow {when} by {doer}", **about), **times)  # fmt: skip
    if not asked:
        yield trial.never_asked(form.when)


def _doer(log: Log, act: Act, same: Sequence[str]) -> str:
    """Who did it, and to what, where acts are told apart by that."""
    what = " ".join(filter(None, map(act.value, same)))
    return log.who(act) + (f" ({what})" if what else "")


# --- what must not be, and what must be said


def never(form: Never, trial: Trial) -> Iterator[Obligation]:
    """Nothing of the kind between two moments."""
    log, since = trial.log, trial.log.since((*form.from_, *form.after))
    if since.at_s is None:
        yield trial.not_begun(since)
        return
    until_s, known_s = log.until(form.until, since.at_s)
    found = [act for act in log.between(form.what, since.at_s, inf if until_s is None else until_s)
             if act.t_s != until_s and not log.excused(act, form.unless) and trial.worth(form.what, act, form.by)]  # fmt: skip
    pattern, about = "{event} by {who}", {"event": form.what, "limit": str(form.more_than)}
    if form.more_than:
        pattern += ", {n} times by then; limit {limit}"
    broken = found[form.more_than : form.more_than + _VIOLATIONS_MAX]
    for n, act in enumerate(broken, form.more_than + 1):
        because = Sentence.of(pattern, who=log.who(act), n=str(n), **about)
        settled = act.t_s < known_s
        yield Obligation(status=Status.VIOLATED if settled else Status.PENDING, credit=0.0 if settled else None,
                         because=because, done_s=act.t_s, **trial.shown(form.what, act))  # fmt: skip
    if not broken and (unheard := trial.unheard(form.what)):
        yield unheard
    elif not broken:
        over = log.ended or (until_s is not None and until_s <= known_s)
        none = Sentence.of("there was no {event}", event=form.what)
        yield Obligation(status=Status.SATISFIED if over else Status.PENDING, credit=1.0 if over else None,
                         because=Sentence.of("{n} times {event}; limit {limit}", n=str(len(found)), **about)
                         if form.more_than else none, since_s=since.at_s)  # fmt: skip


def content(form: Content, trial: Trial) -> Iterator[Obligation]:
    """Each text says what is required."""
    log = trial.log
    read = [act for act in log.of(form.event) if not form.by or log.worth(act, form.by)]
    for act in read:
        found = {name: expression.search(act.text) for name, expression in form.require.items()}
        lacking = [name for name, words in found.items() if not words]
        about = {"event": form.event, "who": log.who(act), "lacking": ", ".join(lacking)}
        pattern = "{event} by {who} lacks {lacking}" if lacking else "{event} by {who} says all that it must"
        worth = (1 - len(lacking) / len(found)) * trial.worth(form.event, act, form.by)
        yield Obligation(status=Status.VIOLATED if lacking else Status.SATISFIED, because=Sentence.of(pattern, **about),
                         credit=worth, done_s=act.t_s, trust=act.trust, proof=(act.seq,),
                         matched=" … ".join(filter(None, found.values())))  # fmt: skip
    if not read:
        yield trial.never_asked(form.event)
