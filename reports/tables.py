"""The tables of the HTML report: the score's arithmetic, faults, probes, evidence, and where it all came from."""

from collections.abc import Iterable, Mapping, Sequence

from checks import Row
from reports.language import phrase, say
from reports.markup import Html, el, join
from reports.report import FaultResult, Report, Score, ScoreLine
from reports.wording import (
    ROW_COLUMNS,
    commands,
    confidence_words,
    judged_words,
    moment,
    proof_words,
    row_cells,
    score_words,
    seconds,
    share,
    show_part,
    utc,
    withheld_words,
)


def score_table(report: Report, language: str) -> Html:
    """The arithmetic: what each check could give and gave, their sum, and what the caps leave of it."""
    score = report.score
    titles = {one.id: say(one.title, language) for one in report.checks}
    rows = [
        [
            titles.get(line.check, line.check),
            say(line.dimension, language),
            *_figures(line.points, line.weight),
            _bar(line),
        ]
        for line in score.lines
    ]
    if score.uncapped is not None:
        judged = sum(line.weight for line in score.lines if line.points is not None)
        rows.append([el("b", say("Total", language)), "", *_figures(judged * score.uncapped / 100, judged), ""])
    for hit in score.caps:
        most = el("b", phrase("at most {cap}", language, cap=f"{hit.cap:g}"))
        because = el("span", f"{say(hit.because, language)} ({titles.get(hit.check, hit.check)})", class_="soft")
        rows.append([most, because, f"{hit.cap:g}", "", ""])
    columns = {"Check": "", "Dimension": "", "Points": "num", "Weight": "num", "": "bars"}
    scored = {line.check for line in score.lines}
    gates = [titles[one.id] for one in report.checks if one.id not in scored]
    notes = el("ul", *(el("li", one) for one in _score_notes(score, gates, language)), class_="plain")
    return join(_table("Score", language, columns, rows) if score.lines else Html(""), notes)


def verdict_tables(report: Report, language: str) -> Html:
    """For each verdict that is made of many things, a line for each of them."""
    kinds = ("", "", "num", "num", "wide", "num")
    columns: Mapping[str, str] = dict(zip([*ROW_COLUMNS, "journal lines"], kinds, strict=True))
    return join(
        *(
            join(
                el("h3", say(check.title, language)),
                _table(check.title, language, columns, [_verdict_row(one, language) for one in check.verdict.rows]),
            )
            for check in report.checks
            if check.verdict.rows
        )
    )


def _verdict_row(row: Row, language: str) -> list[str]:
    status, *others = row_cells(row, language)
    grave = "trouble" if row.status in ("violated", "unknown", "at risk") else ""
    return [el("span", status, class_=grave), *others, proof_words(row.proof, 3)]


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


def evidence_tables(report: Report, language: str) -> Html:
    """The journal lines that other parts of the page link to, and the phases of the run."""
    known: set[int] = set()
    rows = []
    for one in report.moments:
        line = el("span", str(one.seq), id=None if one.seq in known else f"line-{one.seq}")
        known.add(one.seq)
        rows.append([line, moment(one.t_s), one.at.partition("T")[2].removesuffix("Z") or one.at, one.source, one.what])
    phases = [
        [say(one.name, language), moment(one.from_s), moment(one.to_s), utc(report, one.from_s)]
        for one in report.phases
    ]
    return join(
        _table(
            "Evidence", language, {"Line": "num", "Time": "num", "UTC": "fixed", "Source": "", "What": "wide"}, rows
        ),
        el("h3", say("Phases", language)),
        _table("Phases", language, {"Phase": "", "From": "num", "To": "num", "UTC": "fixed"}, phases),
    )


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


def _score_notes(score: Score, gates: Sequence[str], language: str) -> Iterable[str]:
    sums = (confidence_words(score, language), judged_words(score, language))
    yield join(el("b", score_words(score, language)), *(f" · {one}" for one in sums))
    yield join(say("Rubric", language), " ", el("b", score.rubric), " ", el("code", score.rubric_digest))
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
    table = el("table", el("thead", el("tr", *head)), el("tbody", *body))
    return el("div", table, class_="scroll", role="region", aria_label=say(name, language), tabindex="0")
