"""The causal chain as a table: each step with its bounds, what it came after, by when it was due, and the line that shows it.

It says all that the drawing does, and why what never came did not.
"""

from collections.abc import Mapping

from reports.causal import Chain, Step
from reports.evidence_table import known_lines
from reports.language import phrase, say, translate
from reports.markup import Html, el, join
from reports.pieces import Line, cards
from reports.report import Report
from reports.spending import took_words
from reports.wording import kept_together, moment, utc

_COLUMNS: Mapping[str, str] = {
    "No.": "num", "Step": "", "Time": "num", "UTC": "fixed", "Since": "", "Due": "num", "Who": "", "Line": "num",
}  # fmt: skip


def steps_table(chain: Chain, report: Report, language: str) -> Html:
    """Those that came, in order, and then those that did not."""
    known = known_lines(report)
    lines = [
        Line(
            cells=_cells(one, chain, report, known, language),
            id=f"step-{one.name}",
            kind="" if one.number else "missing",
        )
        for one in chain.steps
    ]
    return cards("The causal chain, step by step", _COLUMNS, [lines], language, named=1, class_="steps")


def _cells(one: Step, chain: Chain, report: Report, known: set[int], language: str) -> list[str]:
    line: str = "" if one.seq is None else str(one.seq)
    if one.seq in known:
        line = el("a", line, href=f"#line-{line}")
    due = moment(one.due_s) if one.due_s is not None else ""
    title = say(one.title, language)
    if one.at_s is None:
        why = translate(one.why_not, language) if one.why_not else ""
        return ["–", join(title, el("p", why, class_="soft")), "", "", "", due, "", line]
    if one.due_s is not None:
        late = one.at_s > one.due_s
        due = join(
            due, " ", el("span", say("late" if late else "on time", language), class_="trouble" if late else "soft")
        )
    half = (one.high_s - one.low_s) / 2
    time: str = moment(one.at_s)
    if half >= 0.0005:
        time = join(time, el("p", f"{one.low_s:.3f} – {one.high_s:.3f} s", class_="soft"))
    cause = chain.step(one.after)
    since = (
        phrase("{took} after {n}", language, took=took_words(one.took), n=cause.number) if cause and one.took else ""
    )
    return [str(one.number), title, time, utc(report, one.at_s), kept_together(since), due, one.who, line]
