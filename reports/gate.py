"""Whether a run is worse than those before it, figure by figure; the answer that blocks a release, or does not. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from checks import Measured, Sentence
from reports.columns import rows_of
from reports.language import phrase, say, translate
from reports.noise import LEAST, Allowed, Band, Past, Sort, band, level, sort, sort_single
from reports.past import BASIS, PastRun, better, differences, plain, show, show_plain
from reports.report import RunOutcome

GATED = ("RTO", "RPO", "lost writes", "TTD", "availability")
"""What is held against the past unless one says otherwise: few figures, each the machines' alone. Every further one is one more
that may be out of its band by chance."""
HOWS = ("accepted", "last-passed")
"""What a run may be held against, unless it is another one."""
Answer = Literal["no regression", "regressed", "cannot say"]
EXIT: dict[Answer, int] = {"no regression": 0, "regressed": 1, "cannot say": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One figure of the run, held against the past."""

    key: str
    now: Measured | None
    before: Measured | None
    """Of the run that it is held against; None when that has none."""
    band: Band | None
    around: bool = False
    """True when the band lies around the figure of that run, and not around its own median."""
    sort: Sort

    @property
    def level(self) -> str:
        """What it was: the median of those that count, or the figure of the run that it is held against."""
        known = self.band is not None and self.now is not None and not self.around
        return show_plain(self.band.median, self.now.unit) if known else show(self.before)  # type: ignore[union-attr]

    why: Sentence | None = None
    """What keeps anybody from telling."""


class _Rule(NamedTuple):
    """What one figure is held against, and how."""

    past: Sequence[PastRun]
    allowed: Allowed
    around: bool
    """True when the one run is the measure, and the others only tell the noise."""
    standing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The answer, and all that it stands on."""

    run: PastRun
    against: PastRun | None
    how: str
    """`accepted`, `last-passed`, or a run's id."""
    answer: Answer
    because: tuple[Sentence, ...]
    held: tuple[Held, ...]
    n: int
    """Runs that can be compared: of the same drill, rubric, limits and environment, passed, and before this one."""


def comparable(run: PastRun, known: Iterable[PastRun]) -> list[PastRun]:
    """Those that passed before this run on the same ground, oldest first."""
    found = [
        one
        for one in known
        if one.run != run.run
        and (one.opened_at, one.run) < (run.opened_at, run.run)
        and one.outcome == RunOutcome.PASSED
        and not differences(run, one)
    ]
    return sorted(found, key=lambda one: (one.opened_at, one.run))


def default_figures(against: PastRun) -> list[str]:
    """The keys of GATED that the earlier run measured, in that order; what is new has nothing to be worse than."""
    return [one.key for name in GATED for one in against.figures if one.name == name and one.value]


def gate(run: PastRun, known: Sequence[PastRun], *, how: str = "accepted", figures: Sequence[str] = (),
         allowed: "dict[str, Allowed] | None" = None, other: PastRun | None = None) -> Gate:  # fmt: skip
    """Hold a run against `accepted`, against the `last-passed`, or against another one.

    `figures` are keys; without any, those of GATED that were measured. `allowed` is by key, or by `""` for all.
    """
    past = comparable(run, known)
    against = other or _against(past, how)
    trouble = _trouble(run, against, known, how)
    if trouble:
        answer: Answer = "regressed" if run.outcome == RunOutcome.FAILED and against else "cannot say"
        return Gate(run=run, against=against, how=how, answer=answer, because=(trouble,), held=(), n=len(past))
    assert against is not None
    rules = allowed or {}
    around = other is not None
    held = tuple(
        _hold(run, against, key, _Rule(past, rules.get(key, rules.get("", Allowed())), around, how == "accepted"))
        for key in (figures or default_figures(against))
    )
    answer, because = _answer(held)
    return Gate(run=run, against=against, how=how, answer=answer, because=because, held=held, n=len(past))


def _against(past: Sequence[PastRun], how: str) -> PastRun | None:
    fit = [one for one in past if one.accepted] if how == "accepted" else past
    return fit[-1] if fit else None


def _trouble(run: PastRun, against: PastRun | None, known: Sequence[PastRun], how: str) -> Sentence | None:
    """What there is to say before any figure is looked at."""
    if run.control:
        return Sentence.of("the run is a control, in which nothing was injected")
    if against is None:
        return _nothing_before(run, known, how)
    differ = differences(run, against)
    if differ:
        return Sentence.of("the runs differ in {_others}", _others=", ".join(BASIS[name] for name in differ))
    if run.outcome == RunOutcome.FAILED and against.outcome == RunOutcome.PASSED:
        checks = [one.id for one in run.checks if one.outcome == "failed"]
        return Sentence.of(
            "{other} passed and this run failed: {checks}", other=against.short, checks=", ".join(checks) or "–"
        )
    for one in (run, against):
        if one.outcome != RunOutcome.PASSED:
            return Sentence.of(
                "{run} ended {_others}, so that its figures stand on nothing", run=one.short, _others=one.outcome
            )
    return None


def _nothing_before(run: PastRun, known: Sequence[PastRun], how: str) -> Sentence:
    """Why there is no run to hold it against: none at all, or on another ground."""
    fit = [one for one in known if one.run != run.run and one.drill == run.drill and not one.control
           and one.outcome == RunOutcome.PASSED and (how != "accepted" or one.accepted)]  # fmt: skip
    wanted = Sentence.of("no run of {drill} was accepted before this one", drill=run.drill) if how == "accepted" else Sentence.of(
        "no run of {drill} passed before this one", drill=run.drill)  # fmt: skip
    if not fit:
        return wanted
    newest = max(fit, key=lambda one: (one.opened_at, one.run))
    differ = differences(run, newest)
    if not differ:
        return wanted  # it came later than this one
    return Sentence.of("the last one that could stand for it, {other}, differs in {_others}", other=newest.short,
                       _others=", ".join(BASIS[name] for name in differ))  # fmt: skip


def _hold(run: PastRun, against: PastRun, key: str, rule: _Rule) -> Held:
    mine, theirs = run.figure(key), against.figure(key)
    now, before = (mine.value if mine else None), (theirs.value if theirs else None)
    way = better(mine) if mine else None
    if mine and before and run.had_no_outage(mine):
        return Held(key=key, now=None, before=before, band=None, sort="better")
    if now is None or before is None or way is None:
        return _not_held(key, now, before, why_not=mine.why_not if mine else "")
    higher, allowed = way == "higher", rule.allowed
    counted = level(_pasts(rule.past, key), higher=higher, allowed=allowed, standing=rule.standing and not rule.around)
    known = band(counted)
    if known is None:
        found = sort_single(now, before, higher=higher, allowed=allowed)
    else:
        found = sort(now, known, higher=higher, allowed=allowed, around=before.value if rule.around else None)
    why = _unsure(key, found, len(counted))
    return Held(key=key, now=now, before=before, band=known, around=rule.around, sort=found, why=why)


def _pasts(past: Sequence[PastRun], key: str) -> Iterator[Past]:
    for one in past:
        figure = one.figure(key)
        if figure and figure.value:
            yield Past(value=figure.value, accepted=one.accepted is not None,
                       anew=one.accepted is not None and one.accepted.anew)  # fmt: skip


def _not_held(key: str, now: Measured | None, before: Measured | None, *, why_not: str) -> Held:
    """A figure that one of the two lacks. One that is new has nothing to be worse than."""
    if now is None and before is not None:
        why = Sentence.of("{figure} was not measured: {why}", figure=key, why=why_not or "–")
    elif now is not None and before is None:
        why = Sentence.of("{figure} was not measured in the run that this one is held against", figure=key)
    elif now is None:
        why = Sentence.of("{figure} was measured in neither run", figure=key)
    else:
        why = Sentence.of("of {figure} nobody can say which way is better", figure=key)
    return Held(key=key, now=now, before=before, band=None, sort="unknown", why=why)


def _unsure(key: str, found: Sort, n: int) -> Sentence | None:
    if found == "unsure":
        return Sentence.of("{figure}: the edge lies within what could be measured", figure=key)
    if found == "unknown":
        return Sentence.of("{figure} is worse, and whether that is noise is not known: runs that count: {n}, needed: {least}",
                           figure=key, n=n, least=LEAST)  # fmt: skip
    return None


def _answer(held: Sequence[Held]) -> tuple[Answer, tuple[Sentence, ...]]:
    worse = tuple(_worse(one) for one in held if one.sort == "worse")
    if worse:
        return "regressed", worse
    doubts = tuple(one.why for one in held if one.why is not None)
    if doubts:
        return "cannot say", doubts
    if not held:
        return "cannot say", (Sentence.of("none of the figures was measured: {figures}", figures=", ".join(GATED)),)
    return "no regression", ()


def _worse(one: Held) -> Sentence:
    if one.band is None or one.now is None:
        return Sentence.of("{figure} went from {before} to {now}, beyond what is allowed", figure=one.key,
                           before=show(one.before), now=show(one.now))  # fmt: skip
    unit = one.now.unit
    return Sentence.of("{figure} went from {before} to {now}; {n} runs lay between {low} and {high}", figure=one.key,
                       before=one.level, now=show(one.now), n=one.band.n,
                       low=show_plain(one.band.low, unit), high=show_plain(one.band.high, unit))  # fmt: skip


# --- the answer, told


def lines(found: Gate, language: str = "en", width: int | None = None) -> Iterator[str]:
    """For a terminal so wide, and a pipeline's log: the answer, why, and a line a figure."""
    yield (
        f"{say(found.answer, language).upper() if found.answer == 'regressed' else say(found.answer, language)}  "
        + phrase(
            "{drill} {run} against {against}",
            language,
            drill=found.run.drill,
            run=found.run.short,
            against=_name(found, language),
        )
    )
    for one in found.because:
        yield f"  {translate(one, language)}"
    rows = [cells(one, language) for one in found.held]
    if rows:
        yield ""
    yield from rows_of(rows, width)


def _name(found: Gate, language: str) -> str:
    if found.against is None:
        return say(found.how, language)
    return (
        f"{say(found.how, language)} {found.against.short}" if found.how != found.against.run else found.against.short
    )


def cells(one: Held, language: str) -> list[str]:
    """One figure: what it is, from what to what, and the band."""
    of = _band_words(one, language)
    return [say(one.sort, language), one.key, f"{one.level} → {show(one.now)}", of]


def _band_words(one: Held, language: str) -> str:
    if one.band is None or one.now is None:
        return say("band unknown", language)
    low, high = (show_plain(value, one.now.unit) for value in (one.band.low, one.band.high))
    return phrase("median of {n} runs, which lay between {low} and {high}", language, n=one.band.n, low=low, high=high)


def to_data(found: Gate) -> dict[str, Any]:
    """As JSON."""
    return {
        "format": 1, "answer": found.answer, "exit_code": EXIT[found.answer], "run": found.run.run, "drill": found.run.drill,
        "against": found.against and found.against.run, "how": found.how, "comparable": found.n,
        "because": [str(one) for one in found.because],
        "figures": [
            {"figure": one.key, "sort": one.sort, "now": plain(one.now), "before": plain(one.before),
             "band": one.band and {"n": one.band.n, "median": one.band.median, "low": one.band.low, "high": one.band.high},
             "why": one.why and str(one.why)}
            for one in found.held
        ],
    }  # fmt: skip
