"""What more than one renderer says of a report: the score in words, figures, lists of journal lines. Plain text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite

from checks import Outcome, Row, Sentence
from checks.units import show_duration, show_ratio
from reports.language import phrase, say, translate
from reports.ratings import CUT_OFFS
from reports.report import CheckResult, FaultResult, Report, RunOutcome, Score, SuiteHeld

MARKS: Mapping[Outcome, str] = {Outcome.PASSED: "✓", Outcome.FAILED: "✕", Outcome.UNKNOWN: "?"}
"""What tells outcomes apart where there is no colour."""
COMMANDS: Mapping[str, str] = {
    "heal": "heal what is left", "report": "report", "again": "again", "judge": "judge with other limits",
}  # fmt: skip
"""What each of a report's commands is for, in the order in which they are shown; others follow by their own name."""

_UNIT = re.compile(r"(?<=\d) (?=(?:%|µs|ms|s|min|h)(?![A-Za-z]))|(?<=[<>±=]) (?=\d)|(?<=\d) (?=\d)")


def kept_together(text: str) -> str:
    """The text with blanks that no line may break at between a figure and its sign, its unit or its thousands."""
    return _UNIT.sub("\u00a0", text)


def show_points(points: float) -> str:
    """Whole points, never rounding a miss up to 100 nor a trace down to 0, and never into a rating that was not reached."""
    whole = round(points)
    if whole == 0 and points > 0:
        return "1"
    return str(whole - 1 if points < whole and whole in {*CUT_OFFS, 100} else whole)


def show_part(points: float | None) -> str:
    """Points of a part of the score, to the tenth, so that they can be added up; a dash for those not given."""
    return "–" if points is None else f"{points:.1f}".removesuffix(".0")


def score_words(score: Score, language: str) -> str:
    """`score 59 of 100 (M, D), capped from 82: data may have been lost`."""
    if score.points is None:
        return phrase("no score", language)
    said = phrase("score {points} of 100", language, points=show_points(score.points))
    rated = f"（{score.rating}，{score.letter}）" if language == "zh" else f" ({score.rating}, {score.letter})"
    said += rated if score.rating else ""
    if not score.caps:
        return said
    comma, colon = ("，", "：") if language == "zh" else (", ", ": ")
    capped = phrase("capped", language)
    if score.uncapped is not None and score.uncapped > score.points:
        before = show_points(score.uncapped)
        before = show_part(score.uncapped) if before == show_points(score.points) else before
        capped = phrase("capped from {uncapped}", language, uncapped=before)
    return said + comma + capped + colon + say(score.caps[0].because, language)


def abilities_words(score: Score, language: str) -> str:
    """`Detect and alert 100 P · Contain and recover 62.5 M`; empty where nothing is known of any."""
    if all(one.points is None for one in score.dimensions):
        return ""
    said = ([say(one.title, language), show_part(one.points), one.rating] for one in score.dimensions)
    return " · ".join(" ".join(filter(None, words)) for words in said)


def summary_words(report: Report, language: str) -> list[str]:
    """Score and confidence; of a control, which has neither, that it is one."""
    score = report.score
    if not report.control:
        return [score_words(score, language), confidence_words(score, language)]
    judged = phrase("{judged} of {planned} checks gave an answer", language, judged=score.judged, planned=score.planned)
    return [phrase("nothing was injected", language), judged]


def confidence_words(score: Score, language: str) -> str:
    """`confidence high, coverage 6 of 6`."""
    level = say("high" if score.confident else "low", language)
    return phrase(
        "confidence {level}, coverage {judged} of {planned}",
        language,
        level=level,
        judged=score.judged,
        planned=score.planned,
    )


def judged_words(score: Score, language: str) -> str:
    """How much of the score's weight was judged, and how much it takes."""
    return phrase(
        "{share} of the score's weight was judged; {needed} is needed",
        language,
        share=show_ratio(score.confidence),
        needed=show_ratio(score.confidence_needed),
    )


def notes(report: Report, language: str) -> list[str]:
    """What a reader must know to believe the figures."""
    said = [translate(one, language) for one in report.findings]
    if report.changed_limits:
        said.append(f"{say('limits changed', language)}: {', '.join(report.changed_limits)}")
    if report.suite:
        said.append(suite_words(report.suite, language))
    if report.score.withheld:
        said.append(withheld_score(report.score.withheld, language))
    elif report.outcome is RunOutcome.INCONCLUSIVE and report.score.lines and not report.score.confident:
        said.append(judged_words(report.score, language))
    return said


def suite_words(suite: SuiteHeld, language: str) -> str:
    """Whether the score can be compared with that of other teams, and why not."""
    about = {"name": suite.name, "version": suite.version}
    if suite.laxer:
        return phrase("suite {name} {version}: not held: {what}", language, what="; ".join(suite.laxer), **about)
    if suite.otherwise:
        return phrase("suite {name} {version}: held, and otherwise than others hold it, so that no other team's score compares: "
                      "{what}", language, what="; ".join(suite.otherwise), **about)  # fmt: skip
    return phrase("suite {name} {version}: held as it is", language, **about)


def withheld_score(why: Sentence, language: str) -> str:
    """`no score: 60 % of the score's weight was judged; 80 % is needed`."""
    return translate(Sentence(f"no score: {why.pattern}", why.values), language)


def run_word(report: Report, language: str) -> str:
    """How the run ended. A control is called one, so that it never looks like a proof."""
    word = outcome_word(report.outcome, language)
    return phrase("control {outcome}", language, outcome=word) if report.control else word


def withheld_words(fault: FaultResult, language: str) -> str:
    """`withheld from 6.1 s to 9.1 s`; empty for a fault that was not."""
    if fault.withheld is None:
        return ""
    from_s, to_s = map(moment, fault.withheld)
    return phrase("withheld from {from_s} to {to_s}", language, from_s=from_s, to_s=to_s)


ROW_COLUMNS: Sequence[str] = ("Status", "Rule", "When", "Limit", "Evidence")
"""Of the table behind a verdict that is made of many things."""


def row_cells(row: Row, language: str) -> list[str]:
    """One line of that table, in these columns."""
    said = [say(word, language) for word in row.remarks] + ([f"“{row.quote}”"] if row.quote else [])
    evidence = translate(row.because, language) + (f" ({', '.join(said)})" if said else "")
    times = ["" if at is None else moment(at) for at in (row.at_s, row.due_s)]
    return [say(row.status, language), row.name, *times, evidence]


def outcome_word(outcome: Outcome | RunOutcome, language: str) -> str:
    """What went wrong is in capitals, where there are any: `passed`, `FAILED`, `unknown`."""
    word = say(outcome, language)
    return word.upper() if outcome in (Outcome.FAILED, RunOutcome.FAILED, RunOutcome.NOT_HEALED) else word


def seconds(value: float | None) -> str:
    """A duration, or a dash for one that was not measured."""
    return "–" if value is None else show_duration(value)


def moment(value: float | None) -> str:
    """A time since the run was opened, to the millisecond, or a dash."""
    return "–" if value is None else f"{value:.3f} s"


def share(value: float | None) -> str:
    """A ratio, or a dash for one that was not measured."""
    return "–" if value is None else show_ratio(value)


def measured(result: CheckResult) -> Iterator[str]:
    """Each figure of a verdict with its bounds: `outage 2.03 s ± 20 ms`; those without an upper bound are left out."""
    for name, figure in result.verdict.measured.items():
        if isfinite(figure.value) and isfinite(figure.low) and isfinite(figure.high):
            yield f"{name.removesuffix('_s').replace('_', ' ')} {figure}"


def ranges(lines: Iterable[int]) -> list[tuple[int, int]]:
    """Journal lines in order, those in a row as one: 3, 5, 6, 7 gives (3, 3), (5, 7)."""
    found: list[tuple[int, int]] = []
    for line in sorted(set(lines)):
        if found and found[-1][1] == line - 1:
            found[-1] = found[-1][0], line
        else:
            found.append((line, line))
    return found


def proof_words(lines: Iterable[int], most: int = 8) -> str:
    """`3, 5–7 and 12 more`; empty without any."""
    found = ranges(lines)
    shown = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in found[:most])
    rest = sum(last - first + 1 for first, last in found[most:])
    return f"{shown} +{rest}" if rest else shown


def commands(report: Report, language: str) -> list[tuple[str, str]]:
    """What to type next: what it is for, and the command."""
    names = [name for name in COMMANDS if name in report.commands]
    names += [name for name in report.commands if name not in COMMANDS]
    return [(say(COMMANDS.get(name, name), language), report.commands[name]) for name in names]


def utc(report: Report, t_s: float) -> str:
    """When that was, for people: `09:41:11.214`. Empty when the report does not say when it was opened."""
    try:
        opened = datetime.fromisoformat(report.opened_at)
        return (opened + timedelta(seconds=t_s)).strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError):
        return ""
