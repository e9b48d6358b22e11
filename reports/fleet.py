"""All drills in one table: when each was rehearsed last, how that ended, and which are overdue. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from checks.units import write_duration
from reports.columns import rows_of
from reports.language import phrase, say
from reports.markdown import plain as _text
from reports.markdown import table
from reports.past import PastDimension, PastRun
from reports.report import RunOutcome

_DAY = timedelta(days=1)
_COLUMNS = ("Drill", "Last run", "Ended", "Last passed", "Every", "Due", "Weakest ability", "File")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A drill as its file has it."""

    drill: str
    file: str
    every: timedelta | None
    """How often it must be rehearsed; None when that is not said."""
    trouble: str = ""
    """Why the file could not be read; then `drill` is its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ship:
    """One drill of the fleet."""

    drill: str
    file: str
    """Empty for one of which only runs are known."""
    every: timedelta | None
    trouble: str
    last: PastRun | None
    passed: PastRun | None
    """The last that passed."""
    age: timedelta | None
    """Since the last run."""
    overdue: timedelta | None
    """Since when it should have been rehearsed; None when it need not be, and not zero."""
    never: bool
    """True when it must be rehearsed, and never was."""
    weakest: PastDimension | None
    """The ability that was worth least in the last run."""

    @property
    def is_overdue(self) -> bool:
        """True when it should have been rehearsed by now."""
        return self.overdue is not None or self.never


def fleet(written: Sequence[Written], known: Sequence[PastRun], now: datetime) -> list[Ship]:
    """Each drill that there is a file of, then those of which only runs are known. Controls are no rehearsals.

    A rehearsal is a run in which the system was judged: it passed or failed. One that was aborted, or said nothing, is none.
    """
    names = [one.drill for one in written]
    others = sorted({one.drill for one in known if not one.control} - set(names))
    files = [*written, *(Written(drill=name, file="", every=None) for name in others)]
    return [_ship(one, [run for run in known if run.drill == one.drill and not run.control], now) for one in files]


def _ship(written: Written, runs: Sequence[PastRun], now: datetime) -> Ship:
    ordered = sorted(runs, key=lambda one: (one.opened_at, one.run))
    last = ordered[-1] if ordered else None
    judged = [one for one in ordered if one.outcome in (RunOutcome.PASSED, RunOutcome.FAILED)]
    passed = [one for one in ordered if one.outcome == RunOutcome.PASSED]
    late = _since(judged[-1], now) - written.every if judged and written.every else None
    known = [one for one in last.dimensions if one.points is not None] if last else []
    return Ship(
        drill=written.drill,
        file=written.file,
        every=written.every,
        trouble=written.trouble,
        last=last,
        passed=passed[-1] if passed else None,
        age=_since(last, now) if last else None,
        overdue=late if late is not None and late > timedelta(0) else None,
        never=written.every is not None and not judged,
        weakest=min(known, key=lambda one: one.points or 0.0) if known else None,
    )


def _since(run: PastRun, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(run.opened_at)


# --- told


def lines(ships: Sequence[Ship], language: str = "en", width: int | None = None) -> Iterator[str]:
    """For a terminal so wide."""
    if not ships:
        yield say("no drills and no runs", language)
        return
    head = [say(one, language) for one in _COLUMNS]
    yield from rows_of([_row(one, language) for one in ships], width, head=head)
    yield ""
    yield _answer(ships, language)


def to_markdown(ships: Sequence[Ship], language: str = "en") -> str:
    """For a wiki."""
    head = [say(one, language) for one in _COLUMNS]
    rows = [[_text(cell) for cell in _row(one, language)] for one in ships]
    return "\n\n".join(part for part in (table(head, rows), _text(_answer(ships, language))) if part) + "\n"


def _answer(ships: Sequence[Ship], language: str) -> str:
    late = sum(one.is_overdue for one in ships)
    return phrase("drills: {n}, overdue: {late}", language, n=len(ships), late=late)


def _row(ship: Ship, language: str) -> list[str]:
    last = f"{ship.last.opened_at[:10]} ({_days(ship.age, language)})" if ship.last and ship.age is not None else "–"
    ended = say(ship.last.outcome, language) if ship.last else say("never", language)
    passed = f"{ship.passed.opened_at[:10]} ({ship.passed.short})" if ship.passed else "–"
    every = write_days(ship.every) if ship.every else "–"
    weakest = "–"
    if ship.weakest and ship.weakest.points is not None:
        points = f"{ship.weakest.points:.1f}".removesuffix(".0")
        weakest = " ".join(word for word in (say(ship.weakest.title, language), points, ship.weakest.rating) if word)
    return [ship.drill, last, ended, passed, every, _due(ship, language), weakest, ship.trouble or ship.file or "–"]


def _due(ship: Ship, language: str) -> str:
    if ship.trouble:
        return say("unknown", language)
    if ship.never:
        return say("OVERDUE, never rehearsed", language)
    if ship.overdue is not None:
        return phrase("OVERDUE by {days}", language, days=_days(ship.overdue, language))
    return "–" if ship.every is None else say("in time", language)


def write_days(every: timedelta) -> str:
    """`30d`, `1d12h`; as it is written in a drill."""
    days, rest = divmod(every, _DAY)
    return (f"{days}d" if days else "") + (write_duration(rest) if rest else "")


def _days(age: timedelta | None, language: str) -> str:
    return "–" if age is None else phrase("{days} d", language, days=f"{age / _DAY:.0f}" if age >= _DAY else "< 1")


def to_data(ships: Sequence[Ship]) -> dict[str, Any]:
    """As JSON; times in days."""
    return {"format": 1, "overdue": sum(one.is_overdue for one in ships), "drills": [_data(one) for one in ships]}


def _data(ship: Ship) -> Mapping[str, Any]:
    def days(span: timedelta | None) -> float | None:
        return None if span is None else round(span / _DAY, 3)

    def run(one: PastRun | None) -> Mapping[str, Any] | None:
        return (
            None
            if one is None
            else {"run": one.run, "opened_at": one.opened_at, "outcome": one.outcome, "score": one.score}
        )

    weakest = ship.weakest and {"name": ship.weakest.name, "points": ship.weakest.points, "rating": ship.weakest.rating}
    return {"drill": ship.drill, "file": ship.file or None, "trouble": ship.trouble or None, "every_days": days(ship.every),
            "last": run(ship.last), "days_since": days(ship.age), "last_passed": run(ship.passed),
            "overdue": ship.is_overdue, "overdue_days": days(ship.overdue), "never": ship.never, "weakest": weakest}  # fmt: skip
