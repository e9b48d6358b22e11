"""Two runs side by side: outcome, score, abilities, checks and figures, and whether what differs is more than noise. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checks import Measured
from reports.columns import rows_of
from reports.gate import comparable
from reports.language import phrase, say
from reports.markdown import plain as _text
from reports.markdown import table
from reports.noise import Allowed, Band, Past, Sort, band, level, sort
from reports.past import BASIS, PastRun, better, differences, keys, plain, show, show_change
from reports.report import RunOutcome

NAMES: Mapping[str, str] = {**BASIS, "suite": "suite"}
"""In what two runs may differ here, and what each is called."""
_MARKS = {"better": "✅", "worse": "❌"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One thing of both runs, in words."""

    what: str
    before: str
    after: str
    changed: bool
    is_id: bool = False
    """True where `what` is a name that somebody gave, and no word to be translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigurePair:
    """One figure of both runs."""

    key: str
    title: str
    before: Measured | None
    after: Measured | None
    band: Band | None
    sort: Sort
    neutral: bool
    """True of a figure that says nothing of how well it went."""
    inside: str
    """What the difference lies within: `bounds`, `band`, or nothing."""

    @property
    def change(self) -> float | None:
        """How much more; None where one of the two was not measured."""
        return None if self.before is None or self.after is None else self.after.value - self.before.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs that can be compared."""

    before: PastRun
    after: PastRun
    differ: tuple[str, ...]
    """In what besides, by the keys of NAMES; then figures may differ because of that."""
    sums: tuple[Pair, ...]
    """Outcome, score, confidence, duration."""
    dimensions: tuple[Pair, ...]
    checks: tuple[Pair, ...]
    figures: tuple[FigurePair, ...]


def refusal(before: PastRun, after: PastRun) -> list[str]:
    """What keeps two runs from being compared at all, by the keys of NAMES; empty when nothing does.

    By two rubrics a point is worth two things. Two drills ask two things, as those of two teams do, unless both held the
    same published suite as it is.
    """
    two = before.drill != after.drill and not _one_suite(before, after)
    return [
        name for name in _differences(before, after) if name == "rubric_digest" or (two and name in ("drill", "suite"))
    ]


def _one_suite(before: PastRun, after: PastRun) -> bool:
    return bool(before.suite) and before.suite == after.suite


def _differences(before: PastRun, after: PastRun) -> list[str]:
    return [*differences(before, after), *(["suite"] if before.suite != after.suite else [])]


def compare(before: PastRun, after: PastRun, known: Sequence[PastRun] = ()) -> Comparison:
    """Put two runs side by side. `known` are runs by which the noise can be told, if there are enough."""
    past = comparable(after, known)
    return Comparison(
        before=before,
        after=after,
        differ=tuple(_differences(before, after)),
        sums=tuple(_sums(before, after)),
        dimensions=tuple(_dimensions(before, after)),
        checks=tuple(_checks(before, after)),
        figures=tuple(
            _figure(before, after, key, past)
            for key in keys([before, after])
            if any(figure and figure.value for figure in (before.figure(key), after.figure(key)))
        ),
    )


def _sums(before: PastRun, after: PastRun) -> Iterator[Pair]:
    yield _pair("outcome", before.outcome, after.outcome)
    yield _pair("score", _points(before.score, before.letter), _points(after.score, after.letter))
    yield _pair("confidence", f"{before.confidence:.0%}", f"{after.confidence:.0%}")


def _points(points: float | None, rating: str) -> str:
    return "–" if points is None else " ".join([f"{points:.1f}".removesuffix(".0"), *([rating] if rating else [])])


def _pair(what: str, before: str, after: str) -> Pair:
    return Pair(what=what, before=before, after=after, changed=before != after)


def _dimensions(before: PastRun, after: PastRun) -> Iterator[Pair]:
    sides = [{one.name: one for one in run.dimensions} for run in (before, after)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        one, other = (side.get(name) for side in sides)
        words = ["–" if each is None else _points(each.points, each.rating) for each in (one, other)]
        yield _pair((one or other).title, *words)  # type: ignore[union-attr]


def _checks(before: PastRun, after: PastRun) -> Iterator[Pair]:
    sides = [{one.id: one for one in run.checks} for run in (before, after)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        pair = _pair(name, *("–" if name not in side else side[name].outcome for side in sides))
        yield replace(pair, is_id=True)


def _figure(before: PastRun, after: PastRun, key: str, past: Sequence[PastRun]) -> FigurePair:
    figures = [run.figure(key) for run in (before, after)]
    one, other = (figure.value if figure else None for figure in figures)
    known = next(figure for figure in figures if figure)
    way = better(figures[1] or known) if one and other else None
    higher = way == "higher"
    values = [
        Past(value=figure.value, accepted=run.accepted is not None, anew=bool(run.accepted and run.accepted.anew))
        for run in past
        if (figure := run.figure(key)) and figure.value
    ]
    noise = band(level(values, higher=higher, allowed=Allowed(), standing=False)) if way else None
    found, inside = _sort(one, other, noise, way)
    return FigurePair(key=key, title=known.title, before=one, after=other, band=noise, sort=found,
                      neutral=way is None, inside=inside)  # fmt: skip


def _sort(before: Measured | None, after: Measured | None, noise: Band | None, way: str | None) -> tuple[Sort, str]:
    """Better or worse, or the same, and what the difference lies within then."""
    if before is None or after is None:
        return ("same", "") if before is after else ("unknown", "")
    if after.low <= before.high and before.low <= after.high:
        return "same", "bounds"
    if way is None:
        return "unknown", ""
    higher = way == "higher"
    if noise is None:
        return ("better" if (after.value > before.value) == higher else "worse"), ""
    found = sort(after, noise, higher=higher, allowed=Allowed(share=0.0), around=before.value)
    return found, "band" if found == "same" else ""


# --- told


_COLUMNS = ("", "Before", "After", "Difference")


def lines(found: Comparison, language: str = "en", width: int | None = None) -> Iterator[str]:
    """For a terminal so wide."""
    yield f"{_drills(found)}   {found.before.run} → {found.after.run}"
    for note in _notes(found, language):
        yield f"  {note}"
    for title, rows in _tables(found, language):
        yield ""
        yield say(title, language)
        yield from rows_of(rows, width)


def to_markdown(found: Comparison, language: str = "en") -> str:
    """For a pull request: what changed in sight, all of it folded away."""
    head = f"## {_text(_drills(found))}: {_text(found.before.short)} → {_text(found.after.short)}"
    changed = [one for one in (*found.sums, *found.dimensions, *found.checks) if one.changed]
    figures = [one for one in found.figures if one.sort in ("better", "worse", "unsure") and not one.neutral]
    columns = [say(one, language) if one else "" for one in _COLUMNS]
    short = [[_text(cell) for cell in row] for row in (*_pairs(changed, language), *_figure_rows(figures, language))]
    parts = [
        head,
        *(f"> {_text(note)}" for note in _notes(found, language)),
        table(columns, short) or _text(say("no change", language)),
        "<details><summary>" + _text(say("all figures", language)) + "</summary>",
        *(
            f"**{_text(say(title, language))}**\n\n{table(columns, [[_text(cell) for cell in row] for row in rows])}"
            for title, rows in _tables(found, language)
        ),
        "</details>",
    ]
    return "\n\n".join(parts) + "\n"


def _drills(found: Comparison) -> str:
    return " → ".join(dict.fromkeys([found.before.drill, found.after.drill]))


def _notes(found: Comparison, language: str) -> Iterator[str]:
    if _one_suite(found.before, found.after):
        suite = found.after.suite.partition(" ")[0]
        yield phrase("both held the suite {suite} as it is, so that their scores compare", language, suite=suite)
    for run in (found.before, found.after):
        if run.control:
            yield phrase("{run} is a control, in which nothing was injected: it has neither score nor figures that compare",
                         language, run=run.short)  # fmt: skip
        elif run.outcome not in (RunOutcome.PASSED, RunOutcome.FAILED):
            yield phrase("{run} ended {_others}, so that its figures stand on nothing", language, run=run.short,
                         _others=say(run.outcome, language))  # fmt: skip
    if found.differ:
        what = ", ".join(say(NAMES[name], language) for name in found.differ)
        yield phrase("the runs also differ in {what}, and figures may differ because of that", language, what=what)
    bands = [one.band.n for one in found.figures if one.band]
    if not bands:
        yield phrase("too few runs to know what is noise: what differs beyond its bounds may still be that", language)


def _tables(found: Comparison, language: str) -> Iterator[tuple[str, list[list[str]]]]:
    for title, pairs in (("Sums", found.sums), ("Dimensions", found.dimensions), ("Checks", found.checks)):
        if pairs:
            yield title, list(_pairs(pairs, language))
    if found.figures:
        yield "Figures", list(_figure_rows(found.figures, language))


def _pairs(pairs: Sequence[Pair], language: str) -> Iterator[list[str]]:
    for one in pairs:
        what = one.what if one.is_id else say(one.what, language)
        yield [
            what,
            say(one.before, language),
            say(one.after, language),
            say("changed" if one.changed else "no change", language),
        ]


def _figure_rows(figures: Sequence[FigurePair], language: str) -> Iterator[list[str]]:
    for one in figures:
        yield [one.key, show(one.before), show(one.after), _change(one, language)]


def _change(one: FigurePair, language: str) -> str:
    if one.change is None or one.after is None:
        return say("measured in one of them only", language) if one.sort == "unknown" else "–"
    if round(one.change, 6) == 0:
        return say("no change", language)
    amount = show_change(one.change, one.after.unit)
    if one.inside:
        within = {"bounds": "within the measuring bounds", "band": "within the noise"}[one.inside]
        return phrase("no change ({amount}, {within})", language, amount=amount, within=say(within, language))
    return amount if one.neutral else _judged(one, amount, language)


def _judged(one: FigurePair, amount: str, language: str) -> str:
    if one.sort not in _MARKS:
        return phrase("{amount}, unclear", language, amount=amount)
    if one.band is None:
        return phrase("{amount}, {sort} or noise", language, amount=amount, sort=say(one.sort, language))
    return f"{_MARKS[one.sort]} {amount}, {say(one.sort, language)}"


def to_data(found: Comparison) -> dict[str, Any]:
    """As JSON."""

    def pairs(listed: Sequence[Pair]) -> list[dict[str, Any]]:
        return [{"what": one.what, "before": one.before, "after": one.after, "changed": one.changed} for one in listed]

    return {
        "format": 1, "drill": found.before.drill, "other_drill": found.after.drill,
        "suite": found.after.suite if _one_suite(found.before, found.after) else "",
        "before": found.before.run, "after": found.after.run,
        "score": {"before": found.before.score, "after": found.after.score}, "differ": list(found.differ),
        "sums": pairs(found.sums), "dimensions": pairs(found.dimensions),
        "checks": pairs(found.checks),
        "figures": [
            {"figure": one.key, "title": one.title, "before": plain(one.before), "after": plain(one.after),
             "change": one.change, "sort": one.sort, "inside": one.inside,
             "band": one.band and {"n": one.band.n, "median": one.band.median, "low": one.band.low, "high": one.band.high}}
            for one in found.figures
        ],
    }  # fmt: skip
