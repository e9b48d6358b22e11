"""The contract of a check: verdicts, limits and figures, and checks that break."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from checks.check import (
    DurationLimit,
    Measured,
    Outcome,
    RatioLimit,
    Sentence,
    Verdict,
    failed,
    judge,
    passed,
    unknown,
)  # fmt: skip
from checks.evidence import Evidence
from tests.checks.history import said


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A check that gives whatever it was given, or raises it."""

    name: ClassVar[str] = "answers"
    answer: Any

    def judge(self, evidence: Evidence) -> Verdict:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


def test_a_verdict_is_passed_on_as_it_is() -> None:
    verdict = failed("{n} missing", n=3, harm="data_lost", credit=0.5, proof=(1, 2))
    assert judge(Answers(answer=verdict), Evidence()) is verdict
    assert said(verdict) == "failed: 3 missing"


@pytest.mark.parametrize(
    "error", [KeyError("why"), ZeroDivisionError("division by zero"), AssertionError(), RecursionError()]
)
def test_a_check_that_raises_is_unknown_with_what_it_raised(error: Exception) -> None:
    verdict = judge(Answers(answer=error), Evidence())
    assert verdict.outcome is Outcome.UNKNOWN
    assert str(verdict.because) == f"the check itself broke: {type(error).__name__}: {error}"


@pytest.mark.parametrize("answer", [None, True, "passed", passed("all {n} are there")])
def test_a_check_that_gives_no_proper_verdict_is_unknown(answer: object) -> None:
    """A sentence that lacks one of its values would otherwise break the report and not the check."""
    verdict = judge(Answers(answer=answer), Evidence())
    assert verdict.outcome is Outcome.UNKNOWN
    assert str(verdict.because).startswith("the check itself broke: ")


@pytest.mark.parametrize(
    ("verdict", "points"),
    [(passed(""), 1), (failed(""), 0), (unknown(""), None), (failed("", credit=0.3), 0.3), (failed("", credit=0.0), 0)],
)
def test_points_follow_the_outcome_unless_credit_was_given(verdict: Verdict, points: float | None) -> None:
    assert verdict.points == points


def test_an_unknown_verdict_gives_no_points_whatever_credit_stands_there() -> None:
    assert Verdict(outcome=Outcome.UNKNOWN, because=Sentence(""), credit=1.0).points is None


def test_values_with_braces_stay_what_they_are() -> None:
    assert str(Sentence.of("said {why}", why="{oops}")) == "said {oops}"


@pytest.mark.parametrize(
    ("text", "keeps", "breaks"),
    [
        (">= 99.9%", 999 / 1000, 998 / 1000),
        ("> 99.9%", 0.9991, 999 / 1000),
        ("<= 20%", 0.2, 0.2001),
        ("<20%", 0.1999, 0.2),
    ],
)
def test_a_limit_on_a_share_holds_up_to_its_edge(text: str, keeps: float, breaks: float) -> None:
    limit = RatioLimit.parse(text)
    assert (limit.holds(keeps), limit.holds(breaks)) == (True, False)


@pytest.mark.parametrize(
    ("text", "keeps", "breaks"),
    [("<= 50ms", 0.05, 0.050001), ("< 50ms", 0.049999, 0.05), (">= 1s", 1, 0.999999), ("> 1s", 1.000001, 1)],
)
def test_a_limit_on_a_duration_holds_up_to_its_edge(text: str, keeps: float, breaks: float) -> None:
    limit = DurationLimit.parse(text)
    assert (limit.holds(keeps), limit.holds(breaks)) == (True, False)
    noise = 1e-12  # of arithmetic, far below a microsecond, decides nothing
    assert (limit.holds(keeps + noise), limit.holds(keeps - noise)) == (True, True)
    assert (limit.holds(breaks + noise), limit.holds(breaks - noise)) == (False, False)


@pytest.mark.parametrize("text", [">= 99.9%", "< 0.001%", "<= 100%", "> 99.985%"])
def test_a_limit_on_a_share_is_printed_as_it_was_written(text: str) -> None:
    assert str(RatioLimit.parse(text)) == text
    assert RatioLimit.parse(str(RatioLimit.parse(text))) == RatioLimit.parse(text)


@pytest.mark.parametrize(("text", "printed"), [("<=50ms", "<= 50ms"), ("> 90s", "> 1m30s")])
def test_a_limit_on_a_duration_is_printed_as_one_writes_it(text: str, printed: str) -> None:
    assert str(DurationLimit.parse(text)) == printed


@pytest.mark.parametrize("text", ["", "99.9%", "= 99%", ">= 99", ">=", ">> 5%", ">= 5ms", "=> 99%"])
def test_what_is_no_limit_on_a_share_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'^a limit such as ">= 99.9%"$'):
        RatioLimit.parse(text)


@pytest.mark.parametrize("text", ["", "50ms", "<= 50", "<= 50%", "<="])
def test_what_is_no_limit_on_a_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r'^a limit such as "<= 50ms"$'):
        DurationLimit.parse(text)


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (Measured.between(2.01, 2.05), "2.03 s ± 20 ms"),
        (Measured.between(2, 2), "2 s"),
        (Measured(value=0, low=0, high=0.04, unit="s"), "0 s to 40 ms"),
        (Measured(value=0.999, low=0.9, high=1, unit="ratio"), "99.9 %"),
        (Measured.count(4812), "4 812"),
        (Measured.count(1_234_567), "1 234 567"),
        (Measured(value=1.5, low=1.5, high=1.5, unit="widgets"), "1.5"),
    ],
)
def test_a_figure_is_printed_with_its_bounds(measured: Measured, text: str) -> None:
    assert str(measured) == text


def test_a_figure_does_not_look_equal_to_a_limit_that_it_misses() -> None:
    assert Measured.between(5.003, 5.005).beside(5.0) == "5.004 s ± 1 ms"
