"""The journal lines that other parts of the page link to, as a table, and the phases of the run."""

from collections.abc import Iterable, Sequence

from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.report import Moment, Report
from reports.wording import moment, utc

_FIGURES = frozenset({"Line", "Time", "From", "To"})
ROWS_MAX = 1500
"""Beyond these only lines that something was judged by are shown; the journal has all."""


def evidence_table(report: Report, language: str) -> Html:
    """Both tables."""
    shown = shown_moments(report)
    left_out = len(report.moments) - len(shown)
    more = phrase("{n} more lines are in the journal; nothing was judged by them.", language, n=left_out)
    return join(
        _table("Evidence", ("Line", "Time", "UTC", "Source", "What"), _rows(shown), language, "evidence"),
        *([el("p", more, class_="soft")] if left_out else []),
        el("h3", say("Phases", language)),
        _table("Phases", ("Phase", "From", "To", "UTC"), _phases(report, language), language, "times"),
    )


def shown_moments(report: Report) -> Sequence[Moment]:
    """All of them, or those that count and the first of the others."""
    if len(report.moments) <= ROWS_MAX:
        return report.moments
    counts = {seq for check in report.checks for seq in check.verdict.proof}
    counts |= {seq for check in report.checks for row in check.verdict.rows for seq in row.proof}
    counts |= {one.seq or 0 for one in report.incident.milestones.values()} if report.incident else set()
    counts |= {seq for one in report.rescheduled for seq in one.lines.values()}
    free = ROWS_MAX - sum(one.seq in counts for one in report.moments)
    others = [one.seq for one in report.moments if one.seq not in counts][: max(0, free)]
    kept = counts | set(others)
    return [one for one in report.moments if one.seq in kept]


def known_lines(report: Report) -> set[int]:
    """The journal lines that the table has, so that one may link to them."""
    return {one.seq for one in shown_moments(report)}


def _rows(moments: Sequence[Moment]) -> Iterable[Html]:
    known: set[int] = set()
    for one in moments:
        utc_time = one.at.partition("T")[2].removesuffix("Z") or one.at
        yield el(
            "tr",
            el("th", str(one.seq), scope="row", class_="num"),
            el("td", moment(one.t_s), class_="num"),
            el("td", utc_time, class_="fixed"),
            el("td", one.source),
            el("td", one.what, class_="wide"),
            id=None if one.seq in known else f"line-{one.seq}",
            data_at=round(one.t_s * 1000),
        )
        known.add(one.seq)


def _phases(report: Report, language: str) -> Iterable[Html]:
    for one in report.phases:
        times = (moment(one.from_s), moment(one.to_s), utc(report, one.from_s))
        yield el(
            "tr", el("th", say(one.name, language), scope="row"), *(el("td", time, class_="num") for time in times)
        )


def _table(name: str, columns: Sequence[str], rows: Iterable[Html], language: str, class_: str) -> Html:
    body = list(rows)
    if not body:
        return el("p", say("none", language))
    head = (el("th", say(one, language), scope="col", class_="num" if one in _FIGURES else "") for one in columns)
    inside = el("caption", say(name, language)), el("thead", el("tr", *head)), el("tbody", *body)
    return el("table", *inside, class_=class_)
