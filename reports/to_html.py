"""The report as one HTML file: no network, no fonts from elsewhere, readable without scripts, on a phone and on paper.

It opens with the answer in one sentence; then when what happened, why each verdict, what the score is made of, and at
the foot the evidence that they link to.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from reports.language import say, translate
from reports.markup import Html, el, join
from reports.picture import picture
from reports.report import CheckResult, Report, RunOutcome
from reports.tables import evidence_tables, fault_table, probe_table, provenance, score_table, verdict_tables
from reports.timeline import timeline
from reports.waterfall import waterfalls
from reports.wording import (
    kept_together,
    measured,
    notes,
    outcome_word,
    ranges,
    run_word,
    seconds,
    show_points,
    summary_words,
)

_HERE = Path(__file__).parent / "html"
_PROOF_MAX = 6
"""Runs of journal lines that are shown of one verdict's proof."""


class ToHtml:
    """One page that can be mailed, archived and opened from a disk."""

    name: ClassVar[str] = "html"
    file: ClassVar[str] = "report.html"

    def render(self, report: Report, language: str = "en") -> str:
        """The page."""
        style, script = (Html((_HERE / name).read_text(encoding="utf-8")) for name in ("style.css", "script.js"))
        title = report.title.in_(language) or report.drill
        page = el(
            "html",
            _head(f"{run_word(report, language)} · {title}", style, script),
            _body(report, title, language, script),
            lang="zh-Hans" if language == "zh" else "en",
        )
        return f"<!doctype html>\n{page}\n"


def _head(title: str, style: Html, script: Html) -> Html:
    """Nothing may be fetched, and no script runs but ours, whatever a text in the report holds."""
    from base64 import b64encode
    from hashlib import sha256

    ours = b64encode(sha256(script.encode()).digest()).decode()
    rules = ["default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{ours}'", "base-uri 'none'"]
    return el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content="; ".join(rules)),
        el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", href="data:,"),
        el("title", title),
        el("style", style),
    )


def _body(report: Report, title: str, language: str, script: Html) -> Html:
    drawn, went = timeline(report), waterfalls(report, language)
    return el(
        "body",
        _answer(report, title, language),
        el(
            "main",
            _notes(report, language),
            _section("timeline", "Timeline", language, picture(drawn, report, language)),
            _section("time", "Where the time went", language, went) if went else Html(""),
            _section("checks", "Checks", language, _checks(report, language), verdict_tables(report, language)),
            Html("") if report.control else _section("score", "Score", language, score_table(report, language)),
            _section("faults", "Faults", language, fault_table(report, language)),
            _section("probes", "Probes", language, probe_table(report, language)),
            _section("evidence", "Evidence", language, evidence_tables(report, language)),
            _section("provenance", "Provenance", language, provenance(report, language)),
        ),
        el("script", script),
    )


def _answer(report: Report, title: str, language: str) -> Html:
    neutral = report.control and report.outcome is RunOutcome.PASSED
    outcome = "control" if neutral else report.outcome.replace(" ", "-")
    about = report.about.in_(language)
    opened = report.opened_at.replace("T", " ").partition(".")[0].removesuffix("Z")
    facts = [
        (say("Drill", language), report.drill),
        (say("Environment", language), report.environment),
        (say("Severity", language), report.severity),
        (say("Opened", language), f"{opened} UTC"),
        (say("Lasted", language), seconds(report.duration_s)),
    ]
    return el(
        "header",
        el(
            "p",
            el("span", run_word(report, language), class_="stamp"),
            " ",
            el("span", say("Drill report", language)),
        ),
        el("h1", title),
        el("p", kept_together(translate(report.headline, language)), class_="answer"),
        _gauge(report, language),
        el("p", about, class_="about") if about else Html(""),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts if value), class_="facts"),
        class_=f"is-{outcome}",
    )


def _gauge(report: Report, language: str) -> Html:
    """The score as a figure and a bar: what was earned, and what a cap took of it."""
    score = report.score
    first, *others = summary_words(report, language)
    said = el("p", el("b", first), *(el("span", one) for one in others), class_="said")
    if score.points is None:
        return el("div", said, class_="gauge")
    earned = score.points if score.uncapped is None else max(score.points, score.uncapped)
    bar = el(
        "div",
        el("span", class_="taken", style=f"width:{earned:.2f}%"),
        el("span", class_="kept", style=f"width:{score.points:.2f}%"),
        class_="bar",
        aria_hidden="true",
    )
    figure = el("p", show_points(score.points), el("span", "/100"), class_="figure", aria_hidden="true")
    return el("div", figure, el("div", bar, said), class_="gauge")


def _notes(report: Report, language: str) -> Html:
    listed = [el("li", one) for one in notes(report, language)]
    title = el("h2", say("Read this first", language))
    return el("aside", title, el("ul", *listed), class_="notes") if listed else Html("")


def _checks(report: Report, language: str) -> Html:
    """The table of verdicts. Its roles are spelt out, since on a phone its rows are laid out as cards."""
    known = {one.seq for one in report.moments}
    names = [say(one, language) for one in ("Verdict", "Check", "Reason", "Evidence")]
    head = el("tr", *(el("th", name, role="columnheader", scope="col") for name in names), role="row")
    rows = [_check_row(place, one, names, known, language) for place, one in enumerate(report.checks)]
    return el(
        "table", el("thead", head, role="rowgroup"), el("tbody", *rows, role="rowgroup"), role="table", class_="checks"
    )


def _check_row(place: int, check: CheckResult, names: Sequence[str], known: set[int], language: str) -> Html:
    details = [*measured(check), *([check.limits] if check.limits else [])]
    reason = [el("p", kept_together(translate(check.verdict.because, language)))]
    reason += (
        [el("p", *_between(Html(" · "), [el("span", one) for one in details]), class_="details")] if details else []
    )
    return el(
        "tr",
        el(
            "td",
            el("span", outcome_word(check.outcome, language), class_=f"pill {check.outcome}"),
            role="cell",
            data_name=names[0],
        ),
        el("th", say(check.title, language), el("code", check.id), role="rowheader", scope="row"),
        el("td", *reason, role="cell", data_name=names[2], class_="because"),
        el("td", _proof(check.verdict.proof, known), role="cell", data_name=names[3], class_="proof"),
        role="row",
        id=f"check-{place}",
        class_=str(check.outcome),
    )


def _proof(lines: Iterable[int], known: set[int]) -> Html:
    """Journal lines; those that the table of evidence has are links to it."""
    found = ranges(lines)

    def ref(line: int) -> str:
        return el("a", str(line), href=f"#line-{line}") if line in known else str(line)

    shown = [ref(first) if first == last else join(ref(first), "–", ref(last)) for first, last in found[:_PROOF_MAX]]
    rest = sum(last - first + 1 for first, last in found[_PROOF_MAX:])
    return join(*_between(", ", [*shown, f"+{rest}"] if rest else shown)) if shown else join("–")


def _section(id_: str, title: str, language: str, *inside: Html) -> Html:
    return el(
        "section", el("h2", say(title, language), id=f"{id_}-title"), *inside, id=id_, aria_labelledby=f"{id_}-title"
    )


def _between(mark: str, parts: Sequence[str]) -> list[str]:
    """The parts with a mark between each two."""
    return [one for part in parts for one in (mark, part)][1:]
