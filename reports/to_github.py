"""What a run says in GitHub Actions: a notice, warning or error for each thing that a reviewer must see, at its line.

Each is a line that the runner reads from what a step prints. A failed check is an error, an unknown one a warning, and
the run's own answer a notice or an error; GitHub shows ten of each kind and step, so what exceeds them is counted in the
last. The same run's Markdown is its step summary.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from checks import Outcome
from reports.language import phrase, say, translate
from reports.printable import printable
from reports.report import CheckResult, Report, RunOutcome
from reports.wording import run_word, summary_words

SHOWN_MAX = 10
"""Of each kind in one step, https://docs.github.com/en/actions (annotations)."""
_FINE = frozenset({RunOutcome.PASSED})


class ToGithub:
    """Workflow commands, a line each; printed, never kept."""

    name: ClassVar[str] = "github"
    file: ClassVar[str] = ""

    def render(self, report: Report, language: str = "en") -> str:
        """The lines."""
        wrong = [one for one in report.checks if one.outcome is Outcome.FAILED]
        unknown = [one for one in report.checks if one.outcome is Outcome.UNKNOWN]
        said = " · ".join((translate(report.headline, language), *summary_words(report, language)))
        title = f"{run_word(report, language)}: {report.title.in_(language) or report.drill}"
        own = _command("notice" if report.outcome in _FINE else "error", said, title=title, file=report.path)
        listed = [
            own,
            *_each("error", wrong, SHOWN_MAX - (report.outcome not in _FINE), report, language),
            *_each("warning", unknown, SHOWN_MAX, report, language),
        ]
        return "\n".join(listed) + "\n"


def _each(level: str, checks: Sequence[CheckResult], most: int, report: Report, language: str) -> Iterator[str]:
    shown = checks if len(checks) <= most else checks[: most - 1]
    for one in shown:
        because = translate(one.verdict.because, language)
        yield _command(level, because, title=say(one.title, language), file=report.path, line=one.line)
    if more := checks[len(shown) :]:
        names = ", ".join(say(one.title, language) for one in more)
        yield _command(level, phrase("and {n} more: {names}", language, n=len(more), names=names), file=report.path)


def _command(level: str, message: str, *, title: str = "", file: str = "", line: int | None = None) -> str:
    """`::error file=drill.yaml,line=27,title=failover::orders were down`, each part in the form that the runner reads."""
    told = {"file": file, "line": line if file else None, "title": title}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in told.items() if value)
    return f"::{level} {properties}".rstrip() + f"::{_data(message)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
