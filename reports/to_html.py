"""The report as one HTML file: no network, no fonts from elsewhere, readable without scripts, on a phone and on paper.

It opens with the answer in one sentence; then when what happened, why each verdict, what the score is made of, and at
the foot the evidence that they link to.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from checks import Outcome
from reports.language import phrase, say, translate
from reports.markup import Html, el, join
from reports.picture import picture
from reports.printable import printable
from reports.report import CheckResult, Report, RunOutcome, Score, ScoreLine
from reports.timeline import timeline
from reports.wording import (
    commands, confidence_words, judged_words, kept_together, measured, moment, outcome_word, ranges, score_words, seconds, share,
    show_points, utc,
)  # fmt: skip

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
        page = el("html", _head(f"{outcome_word(report.outcome, language)} · {title}", style, script),
                  _body(report, title, language, script), lang="zh-Hans" if language == "zh" else "en")  # fmt: skip
        return f"<!doctype html>\n{page}\n"


def _head(title: str, style: Html, script: Html) -> Html:
    """Nothing may be fetched, and no script runs but ours, whatever a text in the report holds."""
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return el(
        "head", el("meta", charset="utf-8"), el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy), el("meta", name="color-scheme", content="light dark"),
        el("link", rel="icon", href="data:,"), el("title", title), el("style", style),
    )  # fmt: skip


def _body(report: Report, title: str, language: str, script: Html) -> Html:
    drawn = timeline(report)
    return el(
        "body",
        _answer(report, title, language),
        el("main", _notes(report, language),
           _section("timeline", "Timeline", language, picture(drawn, report, language)),
           _section("checks", "Checks", language, _checks(report, language)),
           _section("score", "Score", language, _score(report, language)),
           _section("faults", "Faults", language, _faults(report, language)),
           _section("probes", "Probes", language, _probes(report, language)),
           _section("evidence", "Evidence", language, _evidence(report, language)),
           _section("provenance", "Provenance", language, _provenance(report, language))),
        el("script", script),
    )  # fmt: skip


def _answer(report: Report, title: str, language: str) -> Html:
    outcome = report.outcome.replace(" ", "-")
    about = report.about.in_(language)
    opened = report.opened_at.replace("T", " ").partition(".")[0].removesuffix("Z")
    facts = [
        (say("Drill", language), report.drill), (say("Environment", language), report.environment),
        (say("Severity", language), report.severity), (say("Opened", language), f"{opened} UTC"),
        (say("Lasted", language), seconds(report.duration_s)),
    ]  # fmt: skip
    return el(
        "header",
        el("p", el("span", outcome_word(report.outcome, language), class_="stamp"), " ", el("span", say("Drill report", language))),
        el("h1", title),
        el("p", kept_together(translate(report.headline, language)), class_="answer"),
        _gauge(report.score, language),
        el("p", about, class_="about") if about else Html(""),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts if value), class_="facts"),
        class_=f"is-{outcome}",
    )  # fmt: skip


def _gauge(score: Score, language: str) -> Html:
    """The score as a figure and a bar: what was earned, and what a cap took of it."""
    said = el("p", el("b", score_words(score, language)), el("span", confidence_words(score, language)), class_="said")
    if score.points is None:
        return el("div", said, class_="gauge")
    earned = score.points if score.uncapped is None else max(score.points, score.uncapped)
    bar = el("div", el("span", class_="taken", style=f"width:{earned:.2f}%"),
             el("span", class_="kept", style=f"width:{score.points:.2f}%"), class_="bar", aria_hidden="true")  # fmt: skip
    figure = el("p", show_points(score.points), el("span", "/100"), class_="figure", aria_hidden="true")
    return el("div", figure, el("div", bar, said), class_="gauge")


def _notes(report: Report, language: str) -> Html:
    notes = [translate(one, language) for one in report.findings]
    notes += [f"{say('limits changed', language)}: {', '.join(report.changed_limits)}"] * bool(report.changed_limits)
    if report.outcome is RunOutcome.INCONCLUSIVE and report.score.lines and not report.score.confident:
        notes.append(judged_words(report.score, language))
    if not notes:
        return Html("")
    return el("aside", el("h2", say("Read this first", language)), el("ul", *(el("li", one) for one in notes)), class_="notes")


def _checks(report: Report, language: str) -> Html:
    """The table of verdicts. Its roles are spelt out, since on a phone its rows are laid out as cards."""
    known = {one.seq for one in report.moments}
    names = [say(one, language) for one in ("Verdict", "Check", "Reason", "Evidence")]
    head = el("tr", *(el("th", name, role="columnheader", scope="col") for name in names), role="row")
    rows = [_check_row(place, one, names, known, language) for place, one in enumerate(report.checks)]
    return el("table", el("thead", head, role="rowgroup"), el("tbody", *rows, role="rowgroup"), role="table", class_="checks")


def _check_row(place: int, check: CheckResult, names: Sequence[str], known: set[int], language: str) -> Html:
    details = [*measured(check), *([check.limits] if check.limits else [])]
    reason = [el("p", kept_together(translate(check.verdict.because, language)))]
    reason += [el("p", *_between(Html(" · "), [el("span", one) for one in details]), class_="details")] if details else []
    return el(
        "tr",
        el("td", el("span", outcome_word(check.outcome, language), class_=f"pill {check.outcome}"), role="cell", data_name=names[0]),
        el("th", say(check.title, language), el("code", check.id), role="rowheader", scope="row"),
        el("td", *reason, role="cell", data_name=names[2], class_="because"),
        el("td", _proof(check.verdict.proof, known), role="cell", data_name=names[3], class_="proof"),
        role="row", id=f"check-{place}", class_=str(check.outcome),
    )  # fmt: skip


def _proof(lines: Iterable[int], known: set[int]) -> Html:
    """Journal lines; those that the table of evidence has are links to it."""
    found = ranges(lines)

    def ref(line: int) -> str:
        return el("a", str(line), href=f"#line-{line}") if line in known else str(line)

    shown = [ref(first) if first == last else join(ref(first), "–", ref(last)) for first, last in found[:_PROOF_MAX]]
    rest = sum(last - first + 1 for first, last in found[_PROOF_MAX:])
    return join(*_between(", ", [*shown, f"+{rest}"] if rest else shown)) if shown else join("–")


def _score(report: Report, language: str) -> Html:
    """The arithmetic: what each check could give and gave, their sum, and what the caps left of it."""
    score = report.score
    titles = {one.id: say(one.title, language) for one in report.checks}
    head = [say("Check", language), say("Dimension", language), (say("Points", language), "num"), (say("Weight", language), "num"),
            ("", "wide")]  # fmt: skip
    rows = [
        [titles.get(line.check, line.check), say(line.dimension, language), *_figures(line.points, line.weight),
         (_bar(line), "wide")] for line in score.lines
    ]  # fmt: skip
    if score.uncapped is not None:
        judged = sum(line.weight for line in score.lines if line.points is not None)
        rows.append([el("b", say("Total", language)), "", *_figures(judged * score.uncapped / 100, judged), ""])
    for hit in score.caps:
        because = el("span", f"{say(hit.because, language)} ({titles.get(hit.check, hit.check)})", class_="soft")
        rows.append([el("b", phrase("at most {cap}", language, cap=f"{hit.cap:g}")), because, (f"{hit.cap:g}", "num"), "", ""])
    scored = {line.check for line in score.lines}
    gates = ", ".join(titles[one.id] for one in report.checks if one.id not in scored)
    said: list[str] = [
        join(el("b", score_words(score, language)), " · ", confidence_words(score, language), " · ", judged_words(score, language)),
        join(say("Rubric", language), " ", el("b", score.rubric), " ", el("code", score.rubric_digest)),
    ]  # fmt: skip
    if gates:
        said.append(phrase("{gates}: whether the drill itself can be believed, so no points", language, gates=gates))
    table = _table(head, rows, say("Score", language)) if rows else Html("")
    return join(table, el("ul", *(el("li", one) for one in said), class_="plain"))


def _figures(points: float | None, weight: float) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("–" if points is None else show_points(points), "num"), (show_points(weight), "num")


def _bar(line: ScoreLine) -> Html:
    """As long as the weight, filled as far as it was earned."""
    part = 100 * (line.points or 0) / line.weight if line.weight else 0
    return el("span", el("span", class_="kept", style=f"width:{part:.2f}%"), style=f"--most:{line.weight:.2f}%",
              class_="bar unknown" if line.points is None else "bar", aria_hidden="true")  # fmt: skip


def _faults(report: Report, language: str) -> Html:
    head = [say(one, language) for one in ("Fault", "Does", "Targets")]
    head_times = [(say(one, language), "num") for one in ("Acting", "In effect", "Healing", "Gone")]
    rows = [
        [el("b", one.id), join(el("p", one.does), *(el("p", text, class_=kind) for text, kind in
         ((one.trouble, "trouble"), (one.note, "soft")) if text)), ", ".join(one.targets),
         *((moment(at), "num") for at in (one.acting_s, one.effect_s, one.healing_s, one.gone_s))]
        for one in report.faults
    ]  # fmt: skip
    return _table([*head, *head_times], rows, say("Faults", language)) if rows else el("p", say("none", language))


def _probes(report: Report, language: str) -> Html:
    names = ["Looks", "Success", "p50", "p99", "Slowest", "Blind", "Late p99"]
    head = [say("Probe", language), say("Does", language), *((say(one, language), "num") for one in names)]
    rows = [
        [el("b", one.name), join(el("p", one.does), *([el("p", say("coarse", language), class_="trouble")] * one.fell_behind)),
         *((text, "num") for text in (f"{len(one.samples):,}".replace(",", " "), share(one.success), seconds(one.p50_s),
                                      seconds(one.p99_s), seconds(one.max_s), str(one.blind), seconds(one.late_p99_s)))]
        for one in report.probes
    ]  # fmt: skip
    return _table(head, rows, say("Probes", language)) if rows else el("p", say("none", language))


def _evidence(report: Report, language: str) -> Html:
    head = [(say("Line", language), "num"), (say("Time", language), "num"), say("UTC", language), say("Source", language),
            say("What", language)]  # fmt: skip
    ids: set[int] = set()
    rows = []
    for one in report.moments:
        number = el("span", str(one.seq), id=None if one.seq in ids else f"line-{one.seq}")
        ids.add(one.seq)
        at = one.at.partition("T")[2].removesuffix("Z") or one.at
        rows.append([(number, "num"), (moment(one.t_s), "num"), el("span", at, class_="num"), one.source, (one.what, "wide")])
    phases = [[say(one.name, language), (moment(one.from_s), "num"), (moment(one.to_s), "num"),
               el("span", utc(report, one.from_s), class_="num")] for one in report.phases]  # fmt: skip
    phase_head = [say("Phase", language), (say("From", language), "num"), (say("To", language), "num"), say("UTC", language)]
    return join(
        _table(head, rows, say("Evidence", language)) if rows else Html(""),
        join(el("h3", say("Phases", language)), _table(phase_head, phases, say("Phases", language))) if phases else Html(""),
    )


def _provenance(report: Report, language: str) -> Html:
    facts = [(say("Run", language), report.run), *((f"{say('Digest', language)}: {name}", one) for name, one in report.digests.items()),
             *((name, one) for name, one in report.versions.items())]  # fmt: skip
    listed = el("dl", *(el("div", el("dt", name), el("dd", el("code", value))) for name, value in facts), class_="facts long")
    next_ = el("dl", *(el("div", el("dt", purpose), el("dd", el("code", command))) for purpose, command in commands(report, language)),
               class_="facts long")  # fmt: skip
    return join(listed, el("h3", say("Next", language)), next_) if report.commands else listed


def _section(id_: str, title: str, language: str, *inside: Html) -> Html:
    return el("section", el("h2", say(title, language), id=f"{id_}-title"), *inside, id=id_, aria_labelledby=f"{id_}-title")


Cell = str | tuple[str, str]
"""A text or markup, alone or with its class."""


def _table(head: Sequence[Cell], rows: Sequence[Sequence[Cell]], name: str) -> Html:
    """A table that scrolls sideways on its own where it is too wide, and can then be reached by keyboard."""

    def cell(tag: str, given: Cell, **more: str) -> Html:
        text, kind = given if isinstance(given, tuple) else (given, "")
        return el(tag, text, class_=kind, **more)

    body = [el("tr", cell("th", row[0], scope="row"), *(cell("td", one) for one in row[1:])) for row in rows]
    table = el("table", el("thead", el("tr", *(cell("th", one, scope="col") for one in head))), el("tbody", *body))
    return el("div", table, class_="scroll", role="region", aria_label=name, tabindex="0")


def _between(mark: str, parts: Sequence[str]) -> list[str]:
    """The parts with a mark between each two."""
    return [one for part in parts for one in (mark, part)][1:]


__all__ = ["Outcome", "ToHtml", "printable"]
