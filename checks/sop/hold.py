"""The form `hold`, and states: whether something was so, on end, before somebody said that all was well.

What nobody could see is unknown, never broken. That nobody was served is no success: below the traffic floor a state is not so.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from checks.check import Sentence
from checks.cluster import Change, changes
from checks.evidence import Samples, Seen, quantile
from checks.sop.acts import Act
from checks.sop.book import Hold, State
from checks.sop.log import Log
from checks.sop.obligation import Obligation, Status, Trial
from checks.units import show_duration

_MAX = 200
"""How many times, from the first on, somebody may say that all is well and be held to it."""
_TOLD_FOR_S = 60.0
"""For how long something that was told of a state is believed at the least, until the next is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """For how long a state had held at a moment, as far back as was asked."""

    for_s: float
    unknown: str = ""
    """Why nobody can say whether it had held for longer; empty when that is known."""
    proof: tuple[int, ...] = ()


def hold(form: Hold, trial: Trial) -> Iterator[Obligation]:
    """Each of the one came after the state had held for long enough."""
    log = trial.log
    wanted_s, acts = form.for_.total_seconds(), log.of(form.before)
    state = log.book.head.states[form.state]
    for act in acts[:_MAX]:
        if _untold(log, state, act.t_s):
            because = Sentence.of("{event} has come, and what {state} was then is not told yet", event=form.before,
                                  state=form.state)  # fmt: skip
            yield Obligation(status=Status.PENDING, because=because, done_s=act.t_s, proof=(act.seq,))
            continue
        found = held(log, form.state, state, act.t_s, wanted_s)
        about = {"state": form.state, "held": show_duration(found.for_s, beside=wanted_s), "event": form.before,
                 "who": log.who(act), "limit": show_duration(wanted_s)}  # fmt: skip
        proof = tuple(sorted({act.seq, *found.proof}))
        if found.unknown and found.for_s < wanted_s:
            because = Sentence.of(
                "nobody can say whether {state} held before {event}: {why}", why=found.unknown, **about
            )
            yield Obligation(status=Status.UNKNOWN, because=because, done_s=act.t_s, proof=proof)
            continue
        because = Sentence.of("{state} had held for {held} before {event} by {who}; limit {limit}", **about)
        kept = found.for_s >= wanted_s
        yield Obligation(status=Status.SATISFIED if kept else Status.VIOLATED, because=because, proof=proof,
                         credit=min(1.0, found.for_s / wanted_s), done_s=act.t_s, trust=act.trust)  # fmt: skip
    if not acts:
        yield trial.never_asked(form.before)


def _untold(log: Log, state: State, t_s: float) -> bool:
    """Whether the looks that show the state at this moment may yet be told."""
    looks = log.evidence.samples(state.probe) if state.probe and not log.ended else None
    return looks is not None and bool(looks) and looks[-1].sent_s < t_s


def held(log: Log, name: str, state: State, until_s: float, most_s: float) -> Held:
    """For how long the state had held at `until_s`, at most `most_s`; never since before the fault."""
    most_s = round(min(most_s, until_s - log.began_s), 6)
    if state.probe:
        return _by_looks(log.evidence.samples(state.probe), log.evidence.every_s(state.probe), state, until_s, most_s)
    if state.observer:
        return _by_object(log, state, until_s, most_s)
    told = [act for act in log.of("state") if act.value("state") == name]
    return _by_told(told, state, until_s, most_s)


def _by_looks(looks: Samples, every_s: float | None, state: State, until_s: float, most_s: float) -> Held:
    """Stretch by stretch back from the moment, until one is not so, or nobody looked often enough to tell."""
    if not looks:
        return Held(for_s=0.0, unknown=f"{state.probe} never looked")
    assert state.success is not None  # the model sees to it
    step_s, for_s = state.over.total_seconds(), 0.0
    usual = step_s / (every_s or _distance_s(looks))
    while for_s < most_s:
        end_s = until_s - for_s
        part = looks.between(end_s - step_s, end_s)
        saw = part.count(Seen.GOOD) + part.count(Seen.BAD)
        if saw < max(1.0, state.traffic_floor * usual):
            return Held(for_s=for_s, unknown=f"{state.probe} hardly looked", proof=part.lines()[-1:])
        if not state.success.holds(part.success or 0.0):
            good = part.first(Seen.GOOD, (part.last(Seen.BAD) or 0) + 1)
            after_s = 0.0 if good is None else end_s - part[good].sent_s
            return Held(for_s=round(min(most_s, for_s + after_s), 6), proof=part.lines()[-1:])
        for_s = round(for_s + step_s, 6)
    return Held(for_s=most_s, proof=looks.between(until_s - most_s, until_s).lines()[-1:])


def _distance_s(looks: Samples) -> float:
    sent = looks.columns()[0]
    return (sent[-1] - sent[0]) / (len(sent) - 1) if len(sent) > 1 and sent[-1] > sent[0] else 1.0


def _by_told(told: Sequence[Act], state: State, until_s: float, most_s: float) -> Held:
    """Back from the last that was told before the moment, until one says that it was not so."""
    known = told[: bisect_right(told, until_s, key=lambda one: one.t_s)]
    apart_s = quantile(sorted(later.t_s - one.t_s for one, later in pairwise(known)), 0.5) or 0.0
    since_s, unknown = until_s, "nobody told of it"
    for act in reversed(known):
        if since_s - act.t_s > max(_TOLD_FOR_S, 3 * apart_s):
            break
        if not _so(act, state):
            unknown = ""
            break
        since_s = act.t_s
        if until_s - since_s >= most_s:
            break
    return Held(
        for_s=round(min(most_s, until_s - since_s), 6), unknown=unknown, proof=tuple(one.seq for one in known[-1:])
    )


def _by_object(log: Log, state: State, until_s: float, most_s: float) -> Held:
    """Back from how the object stood at the moment, as far as its observer could be heard."""
    told = [one for one in changes(log.evidence, state.observer)
            if one.object == state.object and state.namespace in ("", one.namespace) and one.t_s <= until_s]  # fmt: skip
    proof = (told[-1].seq,) if told else ()
    known_s = max(log.heard_since(state.observer, until_s), told[0].t_s) if told else until_s
    since_s = until_s
    for one in reversed(told):
        if since_s <= known_s or not _stands(one, state):
            break
        since_s = max(one.t_s, known_s)
    held_s = round(min(most_s, until_s - since_s), 6)
    unknown = "" if since_s > known_s or held_s >= most_s else f"{state.observer} did not tell of {state.object}"
    return Held(for_s=held_s, unknown=unknown, proof=proof)


def _stands(one: Change, state: State) -> bool:
    """Whether an object, as it was told of, is as the state wants it."""
    if state.ready is None:
        return one.state == "ready"
    count = one.now.get("ready")
    return one.change != "gone" and isinstance(count, int) and state.ready.holds(count)


def _so(act: Act, state: State) -> bool:
    """Whether this says that the state was so, with enough traffic to mean anything."""
    traffic = act.data.get("traffic")
    floored = isinstance(traffic, int | float) and not isinstance(traffic, bool) and traffic < state.traffic_floor
    return act.value("good") == "true" and not floored
