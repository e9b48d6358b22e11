"""Tables of the HTML report: the score's arithmetic, figures, faults, probes, and where it all came from."""

from collections.abc import Iterable, Mapping, Sequence

from reports import measures
from reports.evidence_table import known_lines
from reports.explaining import dropped, gates, grouped, title_of, why
from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.pieces import Line, cards, proof
from reports.report import CapHit, FaultResult, Report, Score, ScoreLine
from reports.wording import (
    commands,
    confidence_words,
    judged_words,
    kept_together,
    moment,
    score_words,
    seconds,
    share,
    show_part,
    withheld_score,
    withheld_words,
)


def score_table(report: Report, language: str) -> Html:
    """The arithmetic: what each check could give and gave and why, their sum, and what the caps leave of it."""
    score, known = report.score, known_lines(report)
    groups = [[_score_line(report, line, known, language) for line in lines] for _, lines in grouped(score)]
    groups.append([*_total(score, language), *(_cap_line(report, hit, known, language) for hit in score.caps)])
    columns = {
        "Check": "",
        "Dimension": "",
        "Why": "because",
        "Points": "num",
        "Weight": "num",
        "": "bars",
        "Evidence": "proof",
    }
    titles = [say(one.title, language) for one in gates(report)]
    notes = el("ul", *(el("li", one) for one in _score_notes(report, titles, language)), class_="plain")
    return join(
        cards("Score", columns, filter(None, groups), language, class_="score") if score.lines else Html(""), notes
    )


def _score_line(report: Report, line: ScoreLine, known: set[int], language: str) -> Line:
    reason, *curve = why(line, language)
    because = join(el("p", kept_together(reason)), *(el("p", kept_together(one), class_="details") for one in curve))
    return Line(
        cells=[
            title_of(report, line, language),
            say(line.dimension, language),
            because,
            *_figures(line.points, line.weight),
            _bar(line),
            proof(line.proof, known),
        ]
    )


def _total(score: Score, language: str) -> Iterable[Line]:
    """What was earned, of what it is a share of."""
    if score.uncapped is not None:
        given = sum(line.points or 0 for line in score.lines)
        figures = _figures(given, 100 * given / score.uncapped if score.uncapped else 100)
        yield Line(cells=[el("b", say("Total", language)), "", "", *figures, "", ""])


def _cap_line(report: Report, hit: CapHit, known: set[int], language: str) -> Line:
    most = el("b", phrase("at most {cap}", language, cap=f"{hit.cap:g}"))
    because = el("span", f"{say(hit.because, language)} ({title_of(report, hit, language)})", class_="soft")
    return Line(cells=[most, "", because, f"{hit.cap:g}", "", "", proof(hit.proof, known)])


def fault_table(report: Report, language: str) -> Html:
    """What each fault was, and when it came and went."""
    columns = {"Fault": "", "Does": "", "Targets": ""} | dict.fromkeys(
        ("Acting", "In effect", "Healing", "Gone"), "num"
    )
    rows = [
        [
            el("b", one.id),
            join(
                el("p", one.does),
                *(el("p", text, class_=kind) for text, kind in _told(one, language) if text),
            ),
            ", ".join(one.targets),
            *(moment(at) for at in (one.acting_s, one.effect_s, one.healing_s, one.gone_s)),
        ]
        for one in report.faults
    ]
    return _table("Faults", language, columns, rows)


def _told(fault: FaultResult, language: str) -> Iterable[tuple[str, str]]:
    """What there is to say of a fault besides, and of what class it is."""
    return (withheld_words(fault, language), "soft"), (fault.trouble, "trouble"), (fault.note, "soft")


def probe_table(report: Report, language: str) -> Html:
    """How each probe looked, and what it saw."""
    figures = ("Looks", "Success", "p50", "p99", "Slowest", "Blind", "Late p99")
    columns = {"Probe": "", "Does": ""} | dict.fromkeys(figures, "num")
    rows = [
        [
            el("b", one.name),
            join(el("p", one.does), *([el("p", say("coarse", language), class_="trouble")] * one.fell_behind)),
            f"{len(one.samples):,}".replace(",", " "),
            share(one.success),
            *(seconds(time) for time in (one.p50_s, one.p99_s, one.max_s)),
            str(one.blind),
            seconds(one.late_p99_s),
        ]
        for one in report.probes
    ]
    return _table("Probes", language, columns, rows)


def metric_table(report: Report, language: str) -> Html:
    """Each figure with its bounds, or why it was not measured; nothing at all where a report has none."""
    kinds = ("wide", "num", "num", "num", "num", "wide", "num")
    columns = dict(zip(measures.COLUMNS, kinds, strict=True))
    return _table("Measures", language, columns, measures.rows(report, language)) if report.metrics else Html("")


def provenance(report: Report, language: str) -> Html:
    """What the run was made of, and what to type next."""
    facts = [
        (say("Run", language), report.run),
        *((f"{say('Digest', language)}: {name}", one) for name, one in report.digests.items()),
        *report.versions.items(),
    ]
    if not report.commands:
        return _facts(facts)
    return join(_facts(facts), el("h3", say("Next", language)), _facts(commands(report, language)))


def _score_notes(report: Report, gates: Sequence[str], language: str) -> Iterable[str]:
    score = report.score
    sums = (confidence_words(score, language), judged_words(score, language))
    yield join(el("b", score_words(score, language)), *(f" · {one}" for one in sums))
    yield join(say("Rubric", language), " ", el("b", score.rubric), " ", el("code", score.rubric_digest))
    yield from ([withheld_score(score.withheld, language)] if score.withheld else [])
    yield from dropped(score, language)
    if gates:
        listed = ", ".join(gates)
        yield phrase("{gates}: whether the drill itself can be believed, so no points", language, gates=listed)


def _figures(points: float | None, weight: float) -> tuple[str, str]:
    return show_part(points), show_part(weight)


def _bar(line: ScoreLine) -> Html:
    """As long as the weight, filled as far as it was earned."""
    part = 100 * (line.points or 0) / line.weight if line.weight else 0
    return el(
        "span",
        el("span", class_="kept", style=f"width:{part:.2f}%"),
        style=f"--most:{line.weight:.2f}%",
        class_="bar unknown" if line.points is None else "bar",
        aria_hidden="true",
    )


def _facts(facts: Iterable[tuple[str, str]]) -> Html:
    listed = (el("div", el("dt", name), el("dd", el("code", value))) for name, value in facts)
    return el("dl", *listed, class_="facts long")


def _table(name: str, language: str, columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> Html:
    """A table of these columns, each with its class; the first names its row.

    Where it is too wide it scrolls sideways on its own, and can then be reached by keyboard.
    """
    if not rows:
        return el("p", say("none", language))
    kinds = list(columns.values())
    head = [el("th", say(one, language), scope="col", class_=kind) for one, kind in columns.items()]
    body = [
        el(
            "tr",
            el("th", row[0], scope="row", class_=kinds[0]),
            *(el("td", text, class_=kind) for text, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    table = el("table", el("caption", say(name, language)), el("thead", el("tr", *head)), el("tbody", *body))
    return el("div", table, class_="scroll", role="group", aria_label=say(name, language), tabindex="0")
