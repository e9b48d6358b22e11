"""Expressions are searched in bounded texts, and those that might never end are refused."""

import pytest

from checks.sop.expression import TEXT_MAX, Expression


@pytest.mark.parametrize(
    "text", [r"(?i)\b(SEV ?[1-4]|P[0-2])\b|定级", "a+b*", "(ab)+", r"(\d{2}:)+", r"(\(+)x", "[(a+)]+", "(a|b){2,3}"]
)
def test_what_ends_is_taken(text: str) -> None:
    assert str(Expression.parse(text)) == text


@pytest.mark.parametrize("text", ["(a+)+", "(a*)*b", "((ab+))+", "(?:x+y){2,}", "(a{1,})*", "(.*,){11}x", "(x+|y)+"])
def test_a_repetition_of_a_repetition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="repetition"):
        Expression.parse(text)


@pytest.mark.parametrize("text", ["(", "[", "a{2,1}", "*", r"\1", "(?P<a", "a" * 3 + "(?i)"])
def test_what_is_none_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match="a regular expression, which this is not"):
        Expression.parse(text)


def test_only_the_beginning_of_a_long_text_is_looked_through() -> None:
    expression = Expression.parse("end")

    assert expression.search("x" * (TEXT_MAX - 3) + "end") == "end"
    assert expression.search("x" * (TEXT_MAX - 2) + "end") == ""


def test_expressions_are_the_same_when_they_are_written_the_same() -> None:
    assert Expression.parse("a") == Expression.parse("a") != Expression.parse("b")
