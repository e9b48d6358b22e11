"""The report for a pull request or an issue: the answer and the checks in sight, the rest folded away."""

import re
from collections.abc import Iterable, Sequence
from typing import ClassVar

from checks import Outcome
from reports.language import say, translate
from reports.printable import printable
from reports.report import CheckResult, FaultResult, ProbeResult, Report
from reports.wording import (
    commands,
    confidence_words,
    moment,
    notes,
    outcome_word,
    proof_words,
    score_words,
    seconds,
    share,
    show_part,
)

_MARKS = {"passed": "✅", "failed": "❌", "unknown": "❔", "inconclusive": "❔", "aborted": "🛑", "not healed": "🚨"}
_SPECIAL = re.compile(r"[\\`*_\[\]|~]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "@&#8203;", "#": "#&#8203;"}
"""The last two would call people and other issues; a space of no width between takes that from them."""


class ToMarkdown:
    """GitHub's Markdown, which GitLab and Gitea read too."""

    name: ClassVar[str] = "markdown"
    file: ClassVar[str] = "report.md"

    def render(self, report: Report, language: str = "en") -> str:
        """The file."""
        title = report.title.in_(language) or report.drill
        word = outcome_word(report.outcome, language)
        parts = [
            f"## {_MARKS[report.outcome]} {_text(word)} · {_text(title)}",
            f"**{_text(translate(report.headline, language))}**",
            f"{_text(score_words(report.score, language))} · {_text(confidence_words(report.score, language))}",
            _table(
                [say(one, language) for one in ("Verdict", "Check", "Reason", "Points", "Evidence")],
                [_check_row(report, one, language) for one in report.checks],
            ),
            *(f"> {_text(note)}" for note in notes(report, language)),
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
    line = next((one for one in report.score.lines if one.check == check.id), None)
    points = ""
    if line is not None:
        points = f"{show_part(line.points)} / {show_part(line.weight)}"
    word = outcome_word(check.outcome, language)
    because = _text(translate(check.verdict.because, language))
    return [
        f"{_MARKS[check.outcome]} {_text(word)}",
        _text(say(check.title, language)),
        because if check.outcome is Outcome.PASSED else f"**{because}**",
        points,
        proof_words(check.verdict.proof, 3),
    ]


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
                _text(one.trouble),
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


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _folded(summary: str, *inside: str) -> str:
    kept = [one for one in inside if one]
    return "\n\n".join([f"<details><summary>{_text(summary)}</summary>", *kept, "</details>"]) if kept else ""


def _fenced(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}" if text else ""


def _text(text: str) -> str:
    """Text that reads in Markdown as it reads here, on one line."""
    escaped = _SPECIAL.sub(r"\\\g<0>", printable(text))
    return "".join(_ENTITIES.get(char, char) for char in escaped)
