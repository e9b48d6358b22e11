"""Matchers are read as Alertmanager reads them; `test_amtool` holds it against the real one."""

import pytest

from checks.matchers import Matcher, listed, read


@pytest.mark.parametrize(
    ("text", "single"),
    [
        ('a="b"', ['a="b"']),
        ('{a="b"}', ['a="b"']),
        (' a = b , c!="d" ', ["a = b", 'c!="d"']),
        ('a="b,c",d=~"e|f",', ['a="b,c"', 'd=~"e|f"']),
        (r'a="b\",c",d="e"', [r'a="b\",c"', 'd="e"']),
        ("a=", ["a="]),
        ("", []),
        ("{}", []),
        ('"a b"="c"', ['"a b"="c"']),
    ],
)
def test_a_text_may_hold_several(text: str, single: list[str]) -> None:
    assert listed(text) == single


@pytest.mark.parametrize(
    "text", ["severity", 'a="b', 'a=b"c', 'a="b" c', "a=b,,c=d", "9a=b", 'a="b",c', "=b", '""="b"']
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no matcher"):
        listed(text)


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ("a=b", ("a", "=", "b")),
        ('a != "b c"', ("a", "!=", "b c")),
        (r'a=~"\\d+\."', ("a", "=~", r"\d+\.")),
        (r"a=b\n", ("a", "=", "b\n")),
        (r'a="\t\""', ("a", "=", r'\t"')),
        (r'"a\"b"="c"', ('a"b', "=", "c")),
        ("a=\\", ("a", "=", "\\")),
    ],
)
def test_escapes_are_taken_away_once(text: str, matcher: tuple[str, str, str]) -> None:
    assert read(text) == Matcher(*matcher)


@pytest.mark.parametrize(("pattern", "text", "fits"), [(r"\d", "٣", False), (r"\d", "3", True), ("a.b", "a\nb", False)])
def test_expressions_are_those_of_go(pattern: str, text: str, fits: bool) -> None:
    assert Matcher("a", "=~", pattern).fits(text) is fits


@pytest.mark.parametrize("pattern", [r"\p{Greek}", "[[:alpha:]]+", r"\Qa.b\E", "(?U)a+"])
def test_what_only_go_can_read_is_not_guessed_at(pattern: str) -> None:
    with pytest.raises(ValueError, match="cannot be read here"):
        read(f"a=~{pattern}").fits("x")
