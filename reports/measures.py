"""The figures of a run in words: what each is called, how it came out within which bounds, and why it was not measured."""

from collections.abc import Mapping, Sequence
from math import isfinite

from checks import Measured
from checks.units import show_count, show_duration, show_ratio
from reports.language import phrase, say, translate
from reports.report import Metric, Report
from reports.wording import moment, proof_words

COLUMNS: Sequence[str] = ("Measure", "Value", "Within", "From", "To", "Remarks", "journal lines")
_LINES: Mapping[str, Sequence[str]] = {
    "service": ("RTO", "RPO", "lost writes", "availability", "error budget", "lost area"),
    "times": ("TTD", "TTN", "TTA", "TTE", "MTTI", "MTTK", "MTTF", "MTTV"),
}
"""What is said on the end screen, in a line each."""
_FINE = 0.05
"""Bounds that are closer to a figure than this share of it are for the table."""


def measured(report: Report) -> tuple[Metric, ...]:
    """Those that were."""
    return tuple(one for one in report.metrics if one.value is not None)


def rows(report: Report, language: str) -> list[tuple[str, ...]]:
    """A table's, in these columns: a line for each figure, also for one that was not measured."""
    return [_row(one, language) for one in report.metrics]


def lines(report: Report, language: str) -> list[tuple[str, str]]:
    """The end screen's: a word, and the figures that were measured. Of several probes it is the first that counts."""
    found: dict[str, Metric] = {}
    for one in measured(report):
        found.setdefault(one.name, one)
    said = {
        word: " · ".join(_short(found[name], language) for name in names if name in found and _matters(found[name]))
        for word, names in _LINES.items()
    }
    return [(say(word, language), text) for word, text in said.items() if text]


def _matters(metric: Metric) -> bool:
    """That nothing was lost, the check says already."""
    return metric.name != "lost writes" or bool(metric.value and metric.value.value)


def _short(metric: Metric, language: str) -> str:
    """`RTO 2.03 s ± 20 ms`."""
    assert metric.value is not None  # only those that were measured are said
    pattern = "{figure} (virtual)" if metric.name == "error budget" else "{figure}"
    return phrase(pattern, language, figure=f"{say(metric.name, language)} {_with_bounds(metric.value)}")


def _with_bounds(value: Measured) -> str:
    """With its bounds, where these matter: by half of their distance if it lies in their middle, else by both."""
    if not value.value and value.low == value.value < value.high:
        return f"≤ {figure(value.high, value.unit)}"
    half = (value.high - value.low) / 2
    if half <= _FINE * abs(value.value) or not isfinite(half):
        return figure(value.value, value.unit)
    if abs(value.value - (value.low + value.high) / 2) <= 1e-6 + 1e-9 * half:
        return f"{figure(value.value, value.unit)} ± {figure(half, value.unit)}"
    return f"{figure(value.value, value.unit)} ({bounds(value)})"


def figure(value: float, unit: str) -> str:
    """In its unit: `2.03 s`, `99.9 %`, `4 812`, `14.4 ×`."""
    match unit:
        case "s":
            return show_duration(value)
        case "ratio":
            return show_ratio(value)
        case "count":
            return show_count(round(value))
        case "times":
            return f"{value:.3g} ×" if value < 1000 else f"{show_count(round(value))} ×"
        case _:
            return f"{value:g}"


def bounds(value: Measured) -> str:
    """`1.9 s … 2.1 s`; empty where it is exact, or cannot be told apart."""
    low, high = (figure(one, value.unit) for one in (value.low, value.high))
    return f"{low} … {high}" if low != high else ""


def _row(metric: Metric, language: str) -> tuple[str, ...]:
    pattern = "{name} ({of}): {title}" if metric.of else "{name}: {title}"
    about = {"name": say(metric.name, language), "of": metric.of, "title": say(metric.title, language)}
    called = phrase(pattern, language, **about)
    if metric.value is None:
        why = translate(metric.why_not, language) if metric.why_not else ""
        return called, phrase("not measured", language), "", "", "", why, ""
    span = ("" if at_s is None else moment(at_s) for at_s in (metric.from_s, metric.to_s))
    remarks = translate(metric.note, language) if metric.note else ""
    value = figure(metric.value.value, metric.value.unit)
    return called, value, bounds(metric.value), *span, remarks, proof_words(metric.proof, 3)
