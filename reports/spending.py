"""Where the time until something went, in words: what each part took, which knobs it has, and which would help most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from checks import Measured, Part, Spent
from checks.units import show_duration
from reports.language import phrase, say
from reports.report import CheckResult, Report

COLUMNS = ("Part", "Took", "Knob", "Set to")
_FINE = 0.01
"""Bounds that are closer to a figure than this share of it tell nobody anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Time that was spent, and the check that tells of it."""

    check: int
    """Its place among the report's checks."""
    result: CheckResult
    spent: Spent


def spendings(report: Report) -> tuple[Spending, ...]:
    """All that a report tells of and that can be drawn, each once, in the order of its checks."""
    found: dict[tuple[str, float], Spending] = {}
    for place, result in enumerate(report.checks):
        for one in filter(_can_be_drawn, result.verdict.spent):
            found.setdefault((str(one.what), one.from_s), Spending(check=place, result=result, spent=one))
    return tuple(found.values())


def _can_be_drawn(spent: Spent) -> bool:
    figures = [spent.from_s, spent.limit_s]
    figures += [value for one in spent.parts for value in (one.took.low, one.took.value, one.took.high)]
    return bool(spent.parts) and all(map(isfinite, figures))


def longest(parts: Sequence[Part]) -> Part:
    """The part that took longest; the first of equals."""
    return max(parts, key=lambda one: one.took.value)


def took_words(took: Measured, limit_s: float | None = None) -> str:
    """With its bounds, where these matter, and as it stands beside its limit."""
    matters = (took.high - took.low) / 2 >= _FINE * took.value
    return took.beside(limit_s) if matters else show_duration(took.value, beside=limit_s)


def advice(spent: Spent, language: str) -> str:
    """What took most of the time, and the knob for it."""
    part = longest(spent.parts)
    about = {"whole": show_duration(spent.took.value), "took": took_words(part.took), "part": say(part.name, language)}
    if not part.knobs:
        return phrase("Of {whole}, {took} is {part}, for which no knob is known", language, **about)
    knob, set_s = next(iter(part.knobs.items()))
    pattern = "Of {whole}, {took} is {part}: the knob that would help most is `{knob}`, set to {set}"
    if knob == part.name:
        pattern = "Of {whole}, {took} is `{knob}`, set to {set}: no other knob would help as much"
    return phrase(pattern, language, knob=knob, set=show_duration(set_s), **about)


def head(spent: Spent, language: str) -> str:
    """How long it took, and might have."""
    about = {"took": took_words(spent.took, spent.limit_s), "limit": show_duration(spent.limit_s)}
    return phrase("after {took}; limit {limit}", language, **about)


def rows(spent: Spent, language: str) -> Iterator[tuple[str, str, str, str]]:
    """A table's: part, took, knob, set to."""
    for one in spent.parts:
        yield (
            say(one.name, language),
            took_words(one.took),
            ", ".join(one.knobs) or "–",
            ", ".join(map(show_duration, one.knobs.values())) or "–",
        )
