"""The report as JUnit XML, which every CI system shows: one case a check.

A failed check is a `failure`. One that is unknown is an `error`, JUnit's word for a test that could not be carried out:
as `skipped` it would be green in most systems, and not having looked is never fine. A run that is neither passed nor
has a red case (it was aborted, or too little could be judged) gets one case more that says so.
"""

import re
from typing import ClassVar

from checks import Outcome
from reports.language import translate
from reports.printable import printable
from reports.report import CheckResult, Report, RunOutcome
from reports.wording import measured, proof_words, show_points, summary_words

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class ToJunit:
    """One `testsuite`, in the form that the common schemas of JUnit's output agree on."""

    name: ClassVar[str] = "junit"
    file: ClassVar[str] = "junit.xml"

    def render(self, report: Report, language: str = "en") -> str:
        """The file."""
        cases = [_case(report, one, language) for one in report.checks]
        outcomes = [one.outcome for one in report.checks]
        failures, errors = outcomes.count(Outcome.FAILED), outcomes.count(Outcome.UNKNOWN)
        if report.outcome is not RunOutcome.PASSED and not failures and not errors:
            errors = 1
            told = _tag("error", {"message": translate(report.headline, language), "type": report.outcome})
            cases.append(_opened("testcase", {"classname": _name(report), "name": "run", "time": "0.000"}, told))
        stamp = _STAMP.match(report.opened_at)
        suite = _opened(
            "testsuite",
            {
                "id": "0",
                "package": "drills",
                "name": _name(report),
                "timestamp": stamp[0] if stamp else "1970-01-01T00:00:00",
                "hostname": report.environment or "unknown",
                "tests": str(len(cases)),
                "failures": str(failures),
                "errors": str(errors),
                "skipped": "0",
                "time": f"{report.duration_s:.3f}",
            },
            _properties(report),
            *cases,
            f"<system-out>{_escaped(_summary(report, language))}</system-out>",
            _tag("system-err", {}),
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{_opened("testsuites", {}, suite)}\n'


def _summary(report: Report, language: str) -> str:
    return " · ".join((translate(report.headline, language), *summary_words(report, language)))


def _name(report: Report) -> str:
    """A control has a name of its own: under the drill's, whoever keeps the history of its cases would count it as a pass."""
    return f"{report.drill} (control)" if report.control else report.drill


def _properties(report: Report) -> str:
    score = report.score
    named = {
        "run": report.run,
        "outcome": report.outcome,
        **({"control": "true"} if report.control else {}),
        "score": "" if score.points is None else show_points(score.points),
        "coverage": f"{score.judged} of {score.planned}",
        "confidence": f"{score.confidence:.4g}",
        "rubric": score.rubric,
        "rubric_digest": score.rubric_digest,
        **{f"digest_{name}": one for name, one in report.digests.items()},
    }
    return _opened("properties", {}, *(_tag("property", {"name": name, "value": one}) for name, one in named.items()))


def _case(report: Report, check: CheckResult, language: str) -> str:
    windows = check.verdict.windows
    spoken_s = max((one.to_s for one in windows), default=0.0) - min((one.from_s for one in windows), default=0.0)
    spoken_s = min(max(0.0, spoken_s), report.duration_s)
    attributes = {"classname": f"{_name(report)}.{check.kind}", "name": check.id, "time": f"{spoken_s:.3f}"}
    if check.outcome is Outcome.PASSED:
        return _tag("testcase", attributes)
    because = translate(check.verdict.because, language)
    details = [
        because,
        f"limits: {check.limits}",
        *measured(check),
        f"journal lines: {proof_words(check.verdict.proof)}",
    ]
    text = "\n".join(_escaped(one) for one in details)
    word, kind = (
        ("failure", check.verdict.harm or "failed") if check.outcome is Outcome.FAILED else ("error", "unknown")
    )
    return _opened("testcase", attributes, f"<{word} {_attributes({'message': because, 'type': kind})}>{text}</{word}>")


def _opened(name: str, attributes: dict[str, str], *inside: str) -> str:
    head = f"{name} {_attributes(attributes)}".rstrip()
    indented = re.sub(r"\n(?= *<)", "\n  ", "\n".join(inside))
    return f"<{head}>\n  {indented}\n</{name}>" if inside else f"<{head}/>"


def _tag(name: str, attributes: dict[str, str]) -> str:
    return f"<{f'{name} {_attributes(attributes)}'.rstrip()}/>"


def _attributes(attributes: dict[str, str]) -> str:
    return " ".join(f'{name}="{_escaped(value)}"' for name, value in attributes.items())


def _escaped(text: str) -> str:
    """XML text or attribute. Control characters, which XML cannot hold in any form, are spelt out."""
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(char, entity)
    return printable(text)
