"""The table behind a verdict that is made of many things, as that on a SOP is of its rules: what was asked, of whom, by when,
what was done, how far that can be trusted, and the journal lines that show it. Grouped by rule, the gravest first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from checks import Row
from checks.units import show_duration
from reports.evidence_table import known_lines
from reports.language import phrase, say, translate
from reports.markup import Html, el, join
from reports.pieces import Line, cards, parted, proof
from reports.report import CheckResult, Report
from reports.wording import kept_together, moment

_COLUMNS: Mapping[str, str] = {
    "Status": "",
    "Rule": "",
    "What": "wide",
    "Who": "",
    "Done": "num",
    "Due": "num",
    "Trust": "",
    "Line": "num",
}
_GRAVITY = ("violated", "unknown", "at risk", "pending", "satisfied", "n/a")
_MARKS = {"violated": "✕", "unknown": "?", "at risk": "!", "pending": "…", "satisfied": "✓", "n/a": "–"}
_KINDS = {"violated": "failed", "unknown": "unknown", "at risk": "unknown", "satisfied": "passed"}
_TRUST = frozenset({"observed", "attributed", "attested", "declared"})
"""Remarks that say how far an account of what was done can be trusted."""
_LEVELS = frozenset({"must", "should", "may"})


def obligations(report: Report, language: str) -> Html:
    """For each verdict that has rows, its table."""
    known = known_lines(report)
    return join(
        *(_of(place, check, known, language) for place, check in enumerate(report.checks) if check.verdict.rows)
    )


def _of(place: int, check: CheckResult, known: set[int], language: str) -> Html:
    rules: dict[str, list[Row]] = {}
    for row in check.verdict.rows:
        rules.setdefault(row.name, []).append(row)
    ordered = sorted(rules.items(), key=lambda one: min(map(_gravity, one[1])))
    groups = [_lines(rows, known, language) for _, rows in ordered]
    title = say(check.title, language)
    return el(
        "div",
        el("h3", title, id=f"check-{place}-rules"),
        el("p", kept_together(translate(check.verdict.because, language)), class_="soft"),
        _counts(check.verdict.rows, language),
        cards(f"{title} ({check.id})" if title != check.id else title, _COLUMNS, groups, language, named=1, class_="rules"),
    )  # fmt: skip


def _counts(rows: Sequence[Row], language: str) -> Html:
    """How many of each, so that the table need not be counted."""
    counts = Counter(row.status for row in rows)
    said = [
        el("span", f"{_MARKS.get(status, '·')} {say(status, language)} {counts[status]}", class_=_pill(status))
        for status in sorted(counts, key=_place)
    ]
    return el("p", *parted(" ", said), class_="counts")


def _lines(rows: Sequence[Row], known: set[int], language: str) -> list[Line]:
    return [_line(row, known, language) for row in sorted(rows, key=_gravity)]


def _line(row: Row, known: set[int], language: str) -> Line:
    said = join(
        el("p", kept_together(translate(row.because, language))),
        *([el("blockquote", row.quote)] if row.quote else []),
    )
    return Line(
        kind=_KINDS.get(row.status, ""),
        cells=[
            el("span", f"{_MARKS.get(row.status, '·')} {say(row.status, language)}", class_=_pill(row.status)),
            join(row.name, *(el("code", say(one, language)) for one in row.remarks if one in _LEVELS)),
            said,
            _who(row),
            moment(row.at_s) if row.at_s is not None else "",
            _due(row, language),
            ", ".join(say(one, language) for one in sorted(row.remarks, key=lambda one: one not in _TRUST)
                      if one not in _LEVELS),
            proof(row.proof, known, 3) if row.proof else "",
        ],
    )  # fmt: skip


def _who(row: Row) -> str:
    """Whoever did it, by role where that is known."""
    values = row.because.values
    return "" if row.at_s is None else values.get("doer") or values.get("who") or ""


def _due(row: Row, language: str) -> str:
    """By when, and how far off it was."""
    if row.due_s is None:
        return ""
    if row.at_s is None:
        return moment(row.due_s)
    off = show_duration(abs(row.due_s - row.at_s))
    said = phrase("{time} too late" if row.at_s > row.due_s else "{time} left", language, time=off)
    return join(moment(row.due_s), el("p", kept_together(said), class_="trouble" if row.at_s > row.due_s else "soft"))


def _pill(status: str) -> str:
    return f"pill {_KINDS.get(status, 'plain')}"


def _gravity(row: Row) -> int:
    return _place(row.status)


def _place(status: str) -> int:
    return _GRAVITY.index(status) if status in _GRAVITY else len(_GRAVITY)
