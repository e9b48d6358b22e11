"""The runs of one drill over time: score, outcome and figures, run by run, and what can be said of them together. Pure.

Runs on different ground, by another rubric, another drill file, other limits or in another environment, are in different
stretches: nothing is summed up across.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks import Measured
from reports.cells import table_text
from reports.columns import rows_of
from reports.gate import GATED
from reports.language import phrase, say
from reports.markdown import plain as _text
from reports.markdown import table
from reports.noise import LEAST
from reports.past import BASIS, PastRun, differences, keys, plain, show, show_plain
from reports.report import RunOutcome

_BARS = "▁▂▃▄▅▆▇█"
_SCORE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the runs of a stretch say together of one figure."""

    key: str
    unit: str
    n: int
    """Runs that passed and measured it; figures of others stand on nothing."""
    median: float | None
    low: float | None
    high: float | None
    mean: float | None
    """None of fewer than five runs: it would mislead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Runs that can be compared, oldest first."""

    runs: tuple[PastRun, ...]
    changed: tuple[str, ...]
    """What is another than in the stretch before it, by the names of BASIS; empty for the first."""
    sums: tuple[Sums, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The runs of one drill over time."""

    drill: str
    figures: tuple[str, ...]
    """The keys that are shown."""
    stretches: tuple[Stretch, ...]
    controls: int
    """Runs in which nothing was injected; they are left out."""

    @property
    def runs(self) -> list[PastRun]:
        """All of them, oldest first."""
        return [run for stretch in self.stretches for run in stretch.runs]


def default_figures(runs: Sequence[PastRun]) -> list[str]:
    """Those that the gate looks at; where none of them was measured, the outage of each failover check."""
    known = [
        key
        for key in keys(runs)
        if key.partition(":")[0] in GATED and any(_value(run, key) is not None for run in runs)
    ]
    return known or [key for key in keys(runs) if key.endswith(".outage")]


def trend(drill: str, known: Sequence[PastRun], figures: Sequence[str] = (), *, last: int = 20) -> Trend:
    """The last runs of a drill. `figures` are keys; left out, `default_figures`."""
    mine = sorted((one for one in known if one.drill == drill), key=lambda one: (one.opened_at, one.run))
    runs = [one for one in mine if not one.control][-last:]
    shown = tuple(figures or default_figures(runs))
    return Trend(drill=drill, figures=shown, stretches=tuple(_stretches(runs, shown)),
                 controls=sum(one.control for one in mine))  # fmt: skip


def _stretches(runs: Sequence[PastRun], figures: Sequence[str]) -> Iterator[Stretch]:
    start = 0
    changed: list[str] = []
    for place in range(1, len(runs) + 1):
        differ = differences(runs[place - 1], runs[place]) if place < len(runs) else ["end"]
        if differ:
            mine = tuple(runs[start:place])
            sums = tuple(_sums(key, mine) for key in (_SCORE, *figures))
            yield Stretch(runs=mine, changed=tuple(changed), sums=sums)
            start, changed = place, differ


def _sums(key: str, runs: Sequence[PastRun]) -> Sums:
    passed = [one for one in runs if one.outcome == RunOutcome.PASSED or key == _SCORE]
    found = [value for one in passed if (value := _value(one, key)) is not None]
    unit = next((one.value.unit for run in runs if (one := run.figure(key)) and one.value), "")
    if not found:
        return Sums(key=key, unit=unit, n=0, median=None, low=None, high=None, mean=None)
    from statistics import fmean, median

    mean = fmean(found) if len(found) >= LEAST else None
    return Sums(key=key, unit=unit, n=len(found), median=median(found), low=min(found), high=max(found), mean=mean)


def _value(run: PastRun, key: str) -> float | None:
    if key == _SCORE:
        return run.score
    figure = run.figure(key)
    return figure.value.value if figure and figure.value else None


# --- told


def sparkline(values: Sequence[float | None]) -> str:
    """One character a run, from the lowest to the highest; a blank for what was not measured."""
    known = [one for one in values if one is not None]
    if not known:
        return " " * len(values)
    low, high = min(known), max(known)
    steps = len(_BARS) - 1
    middle = _BARS[steps // 2]
    return "".join(
        " " if one is None else middle if high == low else _BARS[round((one - low) / (high - low) * steps)]
        for one in values
    )


def lines(found: Trend, language: str = "en", width: int | None = None) -> Iterator[str]:
    """For a terminal so wide: what the runs say together, then each of them."""
    yield phrase("{drill}, runs: {n}", language, drill=found.drill, n=len(found.runs))
    if found.controls:
        yield "  " + phrase("controls that are left out: {n}", language, n=found.controls)
    for stretch in found.stretches:
        yield ""
        if stretch.changed:
            yield f"  {_changed(stretch, language)}"
        head = [say(cell, language) for cell in _head(found)]
        yield from rows_of([_row(one, found.figures, language) for one in stretch.runs], width, head=head)
        yield ""
        yield from rows_of([_sums_row(one, stretch.runs, language) for one in stretch.sums], width)


def to_markdown(found: Trend, language: str = "en") -> str:
    """For a wiki or a pull request."""
    parts = [f"## {_text(phrase('{drill}, runs: {n}', language, drill=found.drill, n=len(found.runs)))}"]
    for stretch in found.stretches:
        if stretch.changed:
            parts.append(f"> {_text(_changed(stretch, language))}")
        head = [say(one, language) for one in _head(found)]
        parts.append(
            table(head, [[_text(cell) for cell in _row(one, found.figures, language)] for one in stretch.runs])
        )
        rows = [[_text(cell) for cell in _sums_row(one, stretch.runs, language)] for one in stretch.sums]
        parts.append(table(["", "", *(say(one, language) for one in ("Runs", "Median", "Range", "Mean"))], rows))
    return "\n\n".join(parts) + "\n"


def _head(found: Trend) -> list[str]:
    return ["Opened", "Run", "Outcome", "Score", *found.figures, "Accepted"]


def _changed(stretch: Stretch, language: str) -> str:
    what = ", ".join(say(BASIS[name], language) for name in stretch.changed)
    return phrase("another {what} from here on: figures before and after are not compared", language, what=what)


def _row(run: PastRun, figures: Sequence[str], language: str) -> list[str]:
    score = "–" if run.score is None else f"{run.score:.1f}".removesuffix(".0")
    accepted = f"{run.accepted.by}: {run.accepted.reason}" if run.accepted else ""
    values = [show(one.value if one else None) for one in map(run.figure, figures)]
    return [run.opened_at[:16].replace("T", " "), run.short, say(run.outcome, language), score, *values, accepted]


def _sums_row(one: Sums, runs: Sequence[PastRun], language: str) -> list[str]:
    name = say(one.key, language)
    line = sparkline([_value(run, one.key) for run in runs])
    n = phrase("n = {n}", language, n=one.n)
    if one.median is None or one.low is None or one.high is None:
        return [name, line, n, say("not measured", language), "", ""]
    low, middle, high = (show_plain(value, one.unit) for value in (one.low, one.median, one.high))
    mean = phrase("mean {mean}", language, mean=show_plain(one.mean, one.unit)) if one.mean is not None else phrase(
        "no mean of fewer than {least}", language, least=LEAST)  # fmt: skip
    return [name, line, n, phrase("median {median}", language, median=middle),
            phrase("from {low} to {high}", language, low=low, high=high), mean]  # fmt: skip


def to_csv(found: Trend) -> str:
    """One line a run; each figure has its value and its bounds. `stretch` counts up where runs cannot be compared any more."""
    columns = ["opened_at", "run", "stretch", "changed", "outcome", "score", "confidence", "rubric", "environment", "limits",
               "accepted_by", "note"]  # fmt: skip
    columns += [f"{key}{end}" for key in found.figures for end in ("", " low", " high")]
    rows = []
    for number, stretch in enumerate(found.stretches, 1):
        for run in stretch.runs:
            changed = " ".join(stretch.changed) if run is stretch.runs[0] else ""
            row: list[object] = [run.opened_at, run.run, number, changed, run.outcome, run.score, run.confidence, run.rubric,
                                 run.environment, " ".join(run.limits), run.accepted and run.accepted.by, run.note]  # fmt: skip
            rows.append([*row, *(cell for key in found.figures for cell in _bounds(run, key))])
    return table_text(columns, rows)


def _bounds(run: PastRun, key: str) -> list[float | None]:
    figure = run.figure(key)
    value: Measured | None = figure.value if figure else None
    told: Mapping[str, Any] = plain(value) or {}
    return [told.get(name) for name in ("value", "low", "high")]


def to_data(found: Trend) -> dict[str, Any]:
    """As JSON."""
    return {
        "format": 1, "drill": found.drill, "figures": list(found.figures), "controls": found.controls,
        "stretches": [
            {
                "changed": list(stretch.changed), "rubric": stretch.runs[0].rubric,
                "rubric_digest": stretch.runs[0].rubric_digest, "drill_digest": stretch.runs[0].drill_digest,
                "limits": list(stretch.runs[0].limits), "environment": stretch.runs[0].environment,
                "runs": [_run_data(run, found.figures) for run in stretch.runs],
                "sums": [
                    {"figure": one.key, "unit": one.unit, "n": one.n, "median": one.median, "low": one.low,
                     "high": one.high, "mean": one.mean}
                    for one in stretch.sums
                ],
            }
            for stretch in found.stretches
        ],
    }  # fmt: skip


def _run_data(run: PastRun, figures: Sequence[str]) -> dict[str, Any]:
    values = {key: plain(figure.value) if (figure := run.figure(key)) else None for key in figures}
    accepted = run.accepted and {"by": run.accepted.by, "at": run.accepted.at, "reason": run.accepted.reason}
    return {"run": run.run, "opened_at": run.opened_at, "outcome": run.outcome, "score": run.score, "letter": run.letter,
            "confidence": run.confidence, "duration_s": run.duration_s, "figures": values, "note": run.note,
            "accepted": accepted}  # fmt: skip
