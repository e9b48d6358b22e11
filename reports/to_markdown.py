"""The report for a pull request or an issue: the answer and the checks in sight, the rest folded away."""

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from checks import Outcome
from reports import measures, workloads
from reports.language import say, translate
from reports.markdown import plain as _text
from reports.markdown import table as _table
from reports.printable import printable
from reports.report import CheckResult, FaultResult, ProbeResult, Report
from reports.spending import COLUMNS, Spending, advice, head, rows, spendings
from reports.wording import (
    ROW_COLUMNS,
    abilities_words,
    commands,
    moment,
    notes,
    outcome_word,
    proof_words,
    row_cells,
    run_word,
    seconds,
    share,
    show_part,
    summary_words,
    withheld_words,
)

_MARKS = {"passed": "✅", "failed": "❌", "unknown": "❔", "inconclusive": "❔", "aborted": "🛑", "not healed": "🚨"}


class ToMarkdown:
    """GitHub's Markdown, which GitLab and Gitea read too."""

    name: ClassVar[str] = "markdown"
    file: ClassVar[str] = "report.md"

    def render(self, report: Report, language: str = "en") -> str:
        """The file."""
        title = report.title.in_(language) or report.drill
        word = run_word(report, language)
        parts = [
            f"## {_MARKS[report.outcome]} {_text(word)} · {_text(title)}",
            f"**{_text(translate(report.headline, language))}**",
            _text(" · ".join(summary_words(report, language))),
            _text(abilities_words(report.score, language)),
            _table(
                [say(one, language) for one in ("Verdict", "Check", "Reason", "Points", "Evidence")],
                [_check_row(report, one, language) for one in report.checks],
            ),
            *(_rows(one, language) for one in report.checks if one.verdict.rows),
            *(f"> {_text(note)}" for note in notes(report, language)),
            *(_spent(one, language) for one in spendings(report)),
            _workloads(report, language),
            _folded(say("Measures", language), _measures(report, language)),
            _folded(
                f"{say('Faults', language)} · {say('Probes', language)}",
                _faults(report.faults, language),
                _probes(report.probes, language),
            ),
            _folded(say("Provenance", language), _provenance(report, language)),
            _fenced(f"{printable(command)}" for _, command in commands(report, language)),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def _check_row(report: Report, check: CheckResult, language: str) -> list[str]:
    lines = [one for one in report.score.lines if one.check == check.id]
    known = [one.points for one in lines if one.points is not None]
    given, most = (sum(known) if known else None), sum(one.weight for one in lines)
    points = f"{show_part(given)} / {show_part(most)}" if lines else ""
    word = outcome_word(check.outcome, language)
    because = _text(translate(check.verdict.because, language))
    return [
        f"{_MARKS[check.outcome]} {_text(word)}",
        _text(say(check.title, language)),
        because if check.outcome is Outcome.PASSED else f"**{because}**",
        points,
        proof_words(check.verdict.proof, 3),
    ]


def _rows(check: CheckResult, language: str) -> str:
    """The table behind a verdict that is made of many things."""
    columns = [*(say(one, language) for one in ROW_COLUMNS), say("journal lines", language)]
    listed = [[*map(_text, row_cells(one, language)), proof_words(one.proof, 3)] for one in check.verdict.rows]
    return f"**{_text(say(check.title, language))}**\n\n{_table(columns, listed)}"


def _spent(one: Spending, language: str) -> str:
    spent = one.spent
    said = f"**{_text(translate(spent.what, language))}** {_text(head(spent, language))}. {_text(advice(spent, language))}."
    columns = [say(column, language) for column in COLUMNS]
    return f"{said}\n\n{_table(columns, [[_text(cell) for cell in row] for row in rows(spent, language)])}"


def _workloads(report: Report, language: str) -> str:
    """What became of workloads and nodes of a cluster."""
    columns = [say(one, language) for one in workloads.COLUMNS]
    listed = [[_text(cell) for cell in row] for row in workloads.rows(report, language)]
    title = _text(say("Workloads and nodes after the fault", language))
    return f"**{title}**\n\n{_table(columns, listed)}" if listed else ""


def _measures(report: Report, language: str) -> str:
    columns = [say(one, language) for one in measures.COLUMNS]
    return _table(columns, [[_text(cell) for cell in row] for row in measures.rows(report, language)])


def _faults(faults: Sequence[FaultResult], language: str) -> str:
    return _table(
        [say(one, language) for one in ("Fault", "Does", "In effect", "Healing", "Gone", "Trouble")],
        [
            [
                _text(one.id),
                _text(one.does),
                moment(one.effect_s),
                moment(one.healing_s),
                moment(one.gone_s),
                _text(withheld_words(one, language) or one.trouble),
            ]
            for one in faults
        ],
    )


def _probes(probes: Sequence[ProbeResult], language: str) -> str:
    return _table(
        [
            *(say(one, language) for one in ("Probe", "Does", "Looks", "Success")),
            "p50",
            "p99",
            say("Slowest", language),
            say("Blind", language),
        ],
        [
            [
                _text(one.name),
                _text(one.does),
                str(len(one.samples)),
                share(one.success),
                seconds(one.p50_s),
                seconds(one.p99_s),
                seconds(one.max_s),
                str(one.blind),
            ]
            for one in probes
        ],
    )


def _provenance(report: Report, language: str) -> str:
    rows = [
        (say("Run", language), report.run),
        (say("Environment", language), report.environment),
        (say("Opened", language), report.opened_at),
        (say("Rubric", language), report.score.rubric),
        (f"{say('Rubric', language)} SHA-256", report.score.rubric_digest),
        *((f"{name} SHA-256", one) for name, one in report.digests.items()),
        *report.versions.items(),
    ]
    return _table([say("Name", language), ""], [[_text(name), _text(value)] for name, value in rows])


def _folded(summary: str, *inside: str) -> str:
    kept = [one for one in inside if one]
    return "\n\n".join([f"<details><summary>{_text(summary)}</summary>", *kept, "</details>"]) if kept else ""


def _fenced(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}" if text else ""
