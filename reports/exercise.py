"""The run as exercises are evaluated: what was to be shown, by which tasks, what was seen, how it is rated, what follows. Pure.

The layout is that of HSEEP 2020: an evaluation guide has for each capability its targets and critical tasks, each with
its source, what was seen, and one of four ratings; the after-action report has an overview, the analysis and the
improvement plan. NIST SP 800-84 asks for the same under other names: background, scope, objectives, observations,
recommendations.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from checks import Outcome, Row, Sentence
from reports.cells import table_text
from reports.language import phrase, say, translate
from reports.markdown import plain, table
from reports.ratings import WORDS, rating
from reports.report import CheckResult, Metric, Report, ScoreLine
from reports.review import findings
from reports.score import gives_points
from reports.wording import moment, proof_words, run_word, show_points, summary_words

COLUMNS = ("Capability", "Target", "Critical task", "Source", "What was seen", "Rating", "Journal lines")
_OF_ROWS = {"satisfied": "P", "violated": "U"}
_NOT_RATED = "–"


class Task(NamedTuple):
    """One thing that had to be done, by machines or people."""

    capability: str
    target: str
    """The limit that it is held against."""
    task: str
    source: str
    """Which plan asks for it: `lose-the-primary.yaml:27`."""
    seen: Sentence
    rating: str
    """`P`, `S`, `M`, `U`, or empty where nobody could see."""
    proof: tuple[int, ...]


def tasks(report: Report) -> list[Task]:
    """All critical tasks, capability by capability in the rubric's order; each rule of a SOP is one."""
    lines: dict[str, list[ScoreLine]] = {}
    for line in report.score.lines:
        lines.setdefault(line.check, []).append(line)
    found = [task for one in report.checks if gives_points(one) for task in _tasks(report, one, lines.get(one.id, []))]
    order = {one.title: place for place, one in enumerate(report.score.dimensions)}
    return sorted(found, key=lambda task: order.get(task.capability, len(order)))


def evaluation(report: Report, language: str = "en") -> str:
    """The evaluation guide, filled in, as CSV: one row a task."""
    return table_text([say(one, language) for one in COLUMNS], [_cells(one, language) for one in tasks(report)])


def after_action(report: Report, language: str = "en") -> str:
    """The after-action report and improvement plan, as Markdown."""
    title = report.title.in_(language) or report.drill
    parts = [
        f"# {plain(phrase('After-action report: {title}', language, title=title))}",
        *_section("Overview", _overview(report, language), language),
        *_section("Can it be believed?", _ground(report, language), language),
        *_section("Capabilities", _capabilities(report, language), language),
        *_section("Critical tasks", _listed(tasks(report), language), language),
        *_section("Measures", _measures(report.metrics, language), language),
        *_section("Observations", _observations(report, language), language),
        *_section("Improvement plan", _plan(report, language), language),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _tasks(report: Report, check: CheckResult, lines: Sequence[ScoreLine]) -> Iterator[Task]:
    source = f"{report.path}:{check.line}" if check.line else report.path
    dimension = lines[0].dimension if lines else ""
    for row in check.verdict.rows:
        if row.status not in ("n/a", "pending"):
            yield Task(dimension, check.limits, row.name, f"{source} ({check.id})", row.because, _rated(row), row.proof)
    if not check.verdict.rows:
        points = check.verdict.points
        if lines and lines[0].credit is not None:
            points = lines[0].credit
        rated = rating(None if points is None else 100 * points)
        yield Task(dimension, check.limits, check.title, source, check.verdict.because, rated, check.verdict.proof)


def _rated(row: Row) -> str:
    return _OF_ROWS.get(row.status, "")


def _cells(task: Task, language: str) -> list[str]:
    seen = translate(task.seen, language)
    return [say(task.capability, language), task.target, say(task.task, language), task.source, seen,
            task.rating or _NOT_RATED, proof_words(task.proof)]  # fmt: skip


def _section(heading: str, body: str, language: str) -> tuple[str, ...]:
    return (f"## {say(heading, language)}", body) if body else ()


def _overview(report: Report, language: str) -> str:
    kind = "control: nothing was injected" if report.control else "exercise on running systems"
    does = [f"{one.id}: {one.does}" for one in report.faults]
    asked = [f"{say(one.title, language)} ({one.limits})" for one in report.checks if gives_points(one)]
    rows = [
        ("Name", report.drill),
        ("Date", report.opened_at),
        ("Lasted", moment(report.duration_s)),
        ("Kind", say(kind, language)),
        ("Environment", report.environment),
        ("Severity", report.severity),
        ("About", " ".join(report.about.in_(language).split())),
        ("Faults", "; ".join(does)),
        ("Objectives", "; ".join(asked)),
        ("Outcome", f"{run_word(report, language)}. {translate(report.headline, language)}"),
        ("Score", ", ".join(summary_words(report, language))),
        ("Rubric", f"{report.score.rubric} {report.score.rubric_digest}"),
        ("Run", report.run),
    ]
    return table(["", ""], [[f"**{say(name, language)}**", plain(value)] for name, value in rows if value])


def _ground(report: Report, language: str) -> str:
    """What must be so before anything is rated: gates give no rating, but without them there is none."""
    rows = [_told(one, language) for one in report.checks if not gives_points(one)]
    return table([say(one, language) for one in ("Check", "Verdict", "Reason", "Journal lines")], rows)


def _told(check: CheckResult, language: str) -> list[str]:
    because = translate(check.verdict.because, language)
    return [
        *map(plain, (say(check.title, language), say(check.outcome, language), because)),
        proof_words(check.verdict.proof),
    ]


def _capabilities(report: Report, language: str) -> str:
    columns = [say("Capability", language), *(f"{name}: {say(word, language)}" for name, word in WORDS.items()),
               say("Points", language)]  # fmt: skip
    rows = [
        [
            plain(say(one.title, language)),
            *("x" if one.rating == name else "" for name in WORDS),
            _NOT_RATED if one.points is None else show_points(one.points),
        ]
        for one in report.score.dimensions
    ]
    return table(columns, rows)


def _listed(found: Iterable[Task], language: str) -> str:
    rows = [[plain(cell) for cell in _cells(one, language)] for one in found]
    return table([say(one, language) for one in COLUMNS], rows)


def _measures(metrics: Iterable[Metric], language: str) -> str:
    rows = [[plain(f"{one.name} {one.of}".strip()), plain(say(one.title, language)), plain(_figure(one, language))]
            for one in metrics]  # fmt: skip
    return table([say(one, language) for one in ("Name", "What it is", "Figure")], rows)


def _figure(metric: Metric, language: str) -> str:
    if metric.value is not None:
        return str(metric.value)
    why = translate(metric.why_not, language) if metric.why_not else ""
    return say("not measured", language) + (f": {why}" if why else "")


def _observations(report: Report, language: str) -> str:
    """Strengths before what is to be improved, and what one must know to believe either."""
    well = [one for one in report.checks if gives_points(one) and one.outcome is Outcome.PASSED]
    lines = [_point("Strength", one.title, one.verdict.because, language) for one in well]
    lines += [_point("Area for improvement", one.title, one.because, language) for one in findings(report)]
    lines += [f"- {plain(translate(one, language))}" for one in report.findings]
    return "\n".join(lines)


def _point(what: str, title: str, because: Sentence, language: str) -> str:
    return f"- **{say(what, language)}**: {plain(say(title, language))}: {plain(translate(because, language))}"


def _plan(report: Report, language: str) -> str:
    """What will be done, by whom and until when; a finding that nobody has taken stands there as such."""
    answered = {one.finding for one in report.actions}
    rows = [[one.finding, one.what, one.owner, one.due, one.closed] for one in report.actions]
    nobody = phrase("no action yet: drills review {run}", language, run=report.run.rpartition("-")[2])
    rows += [[one.id, nobody, "", "", ""] for one in findings(report) if one.id not in answered]
    columns = [say(one, language) for one in ("Finding", "Corrective action", "Owner", "Due", "Done")]
    return table(columns, [[plain(cell) for cell in row] for row in rows])
