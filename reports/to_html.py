"""The report as one HTML file: no network, no fonts from elsewhere, readable without scripts, on a phone and on paper.

It opens with the answer in one sentence; then when what happened, why each verdict, what the score is made of, and at
the foot the evidence that they link to.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from reports import tables
from reports.abilities import abilities
from reports.causal import chain
from reports.causal_picture import causal_picture, outage_lane, verdict_lane
from reports.evidence_table import evidence_table, known_lines
from reports.followed_up import followed_up
from reports.language import say, translate
from reports.markup import Html, el, join
from reports.obligations import obligations
from reports.picture import picture
from reports.pieces import Line, cards, parted, proof
from reports.report import CheckResult, Report, RunOutcome
from reports.steps import steps_table
from reports.tables import fault_table, probe_table, provenance, score_table
from reports.timeline import timeline
from reports.waterfall import waterfalls
from reports.wording import (
    MARKS,
    kept_together,
    measured,
    notes,
    outcome_word,
    run_word,
    seconds,
    show_points,
    summary_words,
)
from reports.workload_picture import workload_lanes, workload_table

_HERE = Path(__file__).parent / "html"


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
    rules = ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", f"script-src 'sha256-{ours}'",
             "base-uri 'none'"]  # fmt: skip
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
    parts = list(_parts(report, language))
    return el(
        "body",
        el("a", say("Skip to the timeline", language), href="#timeline", class_="skip"),
        _answer(report, title, language),
        _contents(parts, language),
        el("main", _notes(report, language), *(_section(*part, language) for part in parts)),
        el("script", script),
    )


def _parts(report: Report, language: str) -> Iterator[tuple[str, str, Html]]:
    """Each section that has anything in it: its id, its title and what stands in it."""
    sections = [
        ("timeline", "Timeline", _timeline(report, language)),
        ("time", "Where the time went", waterfalls(report, language)),
        ("checks", "Checks", _checks(report, language)),
        ("rules", "Rules and obligations", obligations(report, language)),
        ("findings", "Findings", followed_up(report, language)),
        ("score", "Score", _score(report, language)),
        ("measures", "Measures", _measures(report, language)),
        ("faults", "Faults", fault_table(report, language)),
        ("probes", "Probes", probe_table(report, language)),
        ("evidence", "Evidence", evidence_table(report, language)),
        ("provenance", "Provenance", provenance(report, language)),
    ]
    return (one for one in sections if one[2])


def _timeline(report: Report, language: str) -> Html:
    """The picture, and as tables its chain, and what became of workloads."""
    laid, linked = timeline(report), chain(report)
    verdicts = verdict_lane(laid, report, language)
    workloads = workload_lanes(laid, report, language)
    if linked is None:
        return join(picture(laid, [verdicts, *workloads], report, language), workload_table(report, language))
    lanes = [causal_picture(linked, laid, report, language), outage_lane(linked, laid, language), verdicts, *workloads]
    drawn = picture(laid, lanes, report, language)
    return join(drawn, steps_table(linked, report, language), workload_table(report, language))


def _score(report: Report, language: str) -> Html:
    """What each ability was worth, and the arithmetic; a control has none."""
    return Html("") if report.control else join(abilities(report, language), score_table(report, language))


def _measures(report: Report, language: str) -> Html:
    """The figures by which runs are compared, where there are any."""
    made = getattr(tables, "metric_table", None)
    return made(report, language) if made and report.metrics else Html("")


def _contents(parts: Sequence[tuple[str, str, Html]], language: str) -> Html:
    """Where to go from here."""
    links = (el("a", say(title, language), href=f"#{id_}") for id_, title, _ in parts)
    return el("nav", *links, aria_label=say("Contents", language))


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
    """The table of verdicts."""
    known = known_lines(report)
    lines = [_check_line(place, one, known, language) for place, one in enumerate(report.checks)]
    columns = {"Verdict": "", "Check": "", "Reason": "because", "Evidence": "proof"}
    return cards("Checks", columns, [lines], language, named=1, class_="checks")


def _check_line(place: int, check: CheckResult, known: set[int], language: str) -> Line:
    details = [*measured(check), *([check.limits] if check.limits else [])]
    reason = [el("p", kept_together(translate(check.verdict.because, language)))]
    reason += [el("p", *parted(Html(" · "), [el("span", one) for one in details]), class_="details")] if details else []
    if check.verdict.rows:
        reason.append(el("p", el("a", say("rule by rule", language), href=f"#check-{place}-rules"), class_="details"))
    mark = f"{MARKS[check.outcome]} {outcome_word(check.outcome, language)}"
    return Line(
        id=f"check-{place}",
        kind=str(check.outcome),
        cells=[
            el("span", mark, class_=f"pill {check.outcome}"),
            join(say(check.title, language), el("code", check.id)),
            join(*reason),
            proof(check.verdict.proof, known),
        ],
    )


def _section(id_: str, title: str, inside: Html, language: str) -> Html:
    return el(
        "section", el("h2", say(title, language), id=f"{id_}-title"), inside, id=id_, aria_labelledby=f"{id_}-title"
    )
