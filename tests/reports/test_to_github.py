"""What a run says in GitHub Actions: one line each, in the form that its runner reads."""

import re
from dataclasses import replace

import pytest

from checks import failed, unknown
from reports import CheckResult, Report, RunOutcome
from reports.to_github import SHOWN_MAX, ToGithub
from tests.reports import specimen

COMMAND = re.compile(r"::(notice|warning|error)(?: ([^:]*?))?::(.*)")


def commands(report: Report, language: str = "en") -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each line, taken apart as the runner does it."""
    found = []
    for line in ToGithub().render(report, language).splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        listed = [one.partition("=") for one in (match[2] or "").split(",") if one]
        undone = {name: _undo(value) for name, _, value in listed}
        found.append((match[1], undone, _undo(match[3])))
    return found


def _undo(text: str) -> str:
    for code, char in (("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def result(number: int, verdict=None) -> CheckResult:
    verdict = verdict or failed("orders were down for 9 s, 50% too long, which is: bad")
    return CheckResult(id=f"failover-{number}", kind="failover", title=f"failover, the {number}th: of many", limits="",
                       verdict=verdict, line=27)  # fmt: skip


def test_a_pass_is_one_notice() -> None:
    ((level, about, said),) = commands(specimen.passing())

    assert level == "notice"
    assert about["title"].startswith("passed: ")
    assert "score 100 of 100" in said


def test_a_failed_check_is_an_error_at_its_line_and_an_unknown_one_a_warning() -> None:
    checks = (result(1), result(2, unknown("nobody looked")))
    report = replace(specimen.failing(), checks=checks, path="drills/lose it.yaml", outcome=RunOutcome.FAILED)
    (own, *_), (level, about, said), (grade, _, why) = commands(report)

    assert own == "error"
    assert (level, about["file"], about["line"]) == ("error", "drills/lose it.yaml", "27")
    assert about["title"] == "failover, the 1th: of many", "a colon or a comma ends no property"
    assert said == "orders were down for 9 s, 50% too long, which is: bad"
    assert (grade, why) == ("warning", "nobody looked")


@pytest.mark.parametrize(
    ("failures", "shown"), [(SHOWN_MAX - 1, SHOWN_MAX - 1), (SHOWN_MAX, SHOWN_MAX - 2), (40, SHOWN_MAX - 2)]
)
def test_what_github_would_leave_out_is_counted_in_the_last(failures: int, shown: int) -> None:
    report = replace(specimen.failing(), checks=tuple(map(result, range(failures))), outcome=RunOutcome.FAILED)
    errors = [said for level, _, said in commands(report) if level == "error"]

    assert len(errors) <= SHOWN_MAX
    assert sum("were down" in said and "more" not in said for said in errors[1:]) == shown
    if failures > shown:
        assert errors[-1].startswith(f"and {failures - shown} more: failover, the {shown}th")


def test_no_text_can_begin_a_command_of_its_own() -> None:
    report = replace(specimen.hostile(), checks=(result(1, failed("line\n::error::forged %0A::warning::too")),))
    said = [message for _, _, message in commands(report)]

    assert len(said) == len(ToGithub().render(report).splitlines())
    assert said[-1] == "line ::error::forged %0A::warning::too"
    assert "%0A" not in ToGithub().render(report).replace("%250A", "")
