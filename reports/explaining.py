"""Why a score is what it is: every point that was given or taken, by whom, and the journal lines that show it.

What the command prints, what programs read, and what the table of the HTML report has are made of the same lines.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from typing import Any

from checks import Sentence
from checks.units import show_ratio
from reports.language import phrase, say, translate
from reports.printable import printable
from reports.report import CapHit, CheckResult, DimensionScore, Report, Score, ScoreLine
from reports.wording import judged_words, outcome_word, proof_words, score_words, show_part, suite_words, withheld_score

FORMAT = 1
"""Of the explanation as JSON; raised when a key changes its meaning or goes away."""


def grouped(score: Score) -> list[tuple[DimensionScore, list[ScoreLine]]]:
    """The lines of the score below the ability that they show, each in its order."""
    return [(one, [line for line in score.lines if line.dimension == one.title]) for one in score.dimensions]


def gates(report: Report) -> list[CheckResult]:
    """The checks that give no points, whatever they say."""
    scored = {line.check for line in report.score.lines}
    return [one for one in report.checks if one.id not in scored]


def title_of(report: Report, line: ScoreLine | CapHit, language: str) -> str:
    """What the check is called, and the part of it that is meant: `sop · triage`."""
    titles = {one.id: one.title for one in report.checks}
    title = say(titles.get(line.check, line.check), language)
    part = line.part if isinstance(line, ScoreLine) else ""
    return f"{title} · {say(part, language)}" if part else title


def why(line: ScoreLine, language: str) -> list[str]:
    """Why a line gave so much: the verdict's reason, and the curve's arithmetic where there was one."""
    curve = (
        []
        if line.curve is None
        else [phrase("by the curve", language) + _colon(language) + translate(line.curve, language)]
    )
    return [translate(line.because, language), *curve]


def of_weight(one: DimensionScore, language: str) -> str:
    """What an ability weighs, as it is written and here: `weight 50, here 58.8`."""
    if not one.weight:
        return phrase("weight {written}: shown and not counted", language, written=show_part(one.written))
    return phrase(
        "weight {written}, here {weight}", language, written=show_part(one.written), weight=show_part(one.weight)
    )


def dropped(score: Score, language: str) -> list[str]:
    """The abilities that the drill has no check for, and what became of their weights."""
    if not score.dropped:
        return []
    left = show_part(sum(one.written for one in score.dimensions if one.weight))
    comma = "、" if language == "zh" else ", "
    names = comma.join(f"{say(title, language)} {show_part(weight)}" for title, weight in score.dropped.items())
    return [phrase("{names}: no check of the drill shows that; the {left} that are left count as 100", language,
                   names=names, left=left)]  # fmt: skip


def explain(report: Report, language: str = "en") -> str:
    """The lines for a terminal. Numbers in brackets are those of the journal's lines."""
    return "\n".join(printable(line) for line in _told(report, language))


def _told(report: Report, language: str) -> Iterator[str]:
    score = report.score
    yield f"{report.drill}   {score_words(score, language)}"
    if score.withheld:
        yield f"  {withheld_score(score.withheld, language)}"
    yield f"  {say('Rubric', language)} {score.rubric} {score.rubric_digest}"
    yield from ([f"  {suite_words(report.suite, language)}"] if report.suite else [])
    yield f"  {judged_words(score, language)}"
    for one, lines in grouped(score):
        points = phrase("{points} of 100", language, points=show_part(one.points))
        yield ""
        yield f"{say(one.title, language)}   {points}{f' ({one.rating})' if one.rating else ''}   {of_weight(one, language)}"
        for line in lines:
            yield from _line(report, line, language)
    for title, listed in (("Dropped out", dropped(score, language)), ("Caps", list(_caps(report, language))),
                          ("No points", list(_gates(report, language)))):  # fmt: skip
        if listed:
            yield from ("", say(title, language), *(f"  {one}" for one in listed))


def _line(report: Report, line: ScoreLine, language: str) -> Iterator[str]:
    credit = say("unknown", language) if line.credit is None else show_ratio(line.credit)
    given = f"{show_part(line.points)} / {show_part(line.weight)}"
    reason, *more = why(line, language)
    yield f"  {given:>11}  {title_of(report, line, language)}, {credit}: {reason}{_lines(line.proof)}"
    yield from (" " * 15 + one for one in more)


def _caps(report: Report, language: str) -> Iterator[str]:
    for hit in report.score.caps:
        most = phrase("at most {cap}", language, cap=f"{hit.cap:g}")
        yield f"{most}{_colon(language)}{say(hit.because, language)} ({title_of(report, hit, language)}){_lines(hit.proof)}"


def _gates(report: Report, language: str) -> Iterator[str]:
    for one in gates(report):
        said = f"{outcome_word(one.outcome, language)}  {say(one.title, language)}"
        yield f"{said}{_colon(language)}{translate(one.verdict.because, language)}{_lines(one.verdict.proof)}"


def _lines(proof: tuple[int, ...]) -> str:
    return f"  [{proof_words(proof)}]" if proof else ""


def _colon(language: str) -> str:
    return "：" if language == "zh" else ": "


def to_data(report: Report, language: str = "en") -> str:
    """The same for programs, as JSON."""
    score = report.score
    data: dict[str, Any] = {
        "format": FORMAT,
        "run": report.run,
        "drill": report.drill,
        "outcome": report.outcome,
        "rubric": {"name": score.rubric, "digest": score.rubric_digest},
        "suite": None if report.suite is None else {**asdict(report.suite), "as_it_is": report.suite.as_it_is},
        "points": score.points,
        "uncapped": score.uncapped,
        "rating": score.rating,
        "letter": score.letter,
        "withheld": _text(score.withheld, language),
        "confidence": {"judged": score.confidence, "needed": score.confidence_needed},
        "dimensions": [
            {"name": one.name, "title": one.title, "written": one.written, "weight": one.weight, "points": one.points,
             "rating": one.rating, "lines": [_line_data(line, language) for line in lines]}
            for one, lines in grouped(score)
        ],
        "dropped": [{"title": title, "written": weight} for title, weight in score.dropped.items()],
        "caps": [{"harm": hit.harm, "at_most": hit.cap, "because": hit.because, "check": hit.check, "proof": list(hit.proof)}
                 for hit in score.caps],
        "gates": [{"check": one.id, "outcome": one.outcome, "because": _text(one.verdict.because, language),
                   "proof": list(one.verdict.proof)} for one in gates(report)],
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)


def _line_data(line: ScoreLine, language: str) -> dict[str, Any]:
    figures = {"weight": line.weight, "credit": line.credit, "points": line.points}
    return {
        "check": line.check,
        "part": line.part,
        **{name: figure if figure is None or isfinite(figure) else None for name, figure in figures.items()},
        "because": _text(line.because, language),
        "curve": _text(line.curve, language),
        "proof": list(line.proof),
    }


def _text(sentence: Sentence | None, language: str) -> str | None:
    return None if sentence is None else translate(sentence, language)
