"""A mistake is shown where it is, whatever the line around it looks like."""

import pytest

from drills.errors import DrillError, Place, Problem, choices, mistake


def shown(text: str, column: int, width: int = 1) -> list[str]:
    """The lines of a problem on line 7 of a file."""
    return str(Problem(Place("x.yaml", 7, column, width, text), "what", "fix", "a-slug")).splitlines()


def test_a_problem_has_four_parts() -> None:
    assert shown("a: [1, 2]", 4, 6) == [
        "x.yaml:7:4: what",
        "    7 | a: [1, 2]",
        "      |    ^^^^^^",
        f"{'  fix':<82} [a-slug]",
    ]


@pytest.mark.parametrize(
    ("text", "column", "caret"),
    [("\tx: 1", 2, " ^"), ("水: 1", 4, "    ^"), ("水", 1, "^^"), ("a", 2, " ^"), ("e\u0301: x", 5, "   ^")],
)
def test_the_caret_stands_under_its_character(text: str, column: int, caret: str) -> None:
    assert shown(text, column)[2].removeprefix("      | ") == caret


def test_of_an_overlong_line_the_part_around_the_mistake_is_shown() -> None:
    text = "a" * 5000 + "WRONG" + "b" * 5000
    _, line, caret, _ = shown(text, 5001, 5)

    assert "aWRONGb" in line
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("WRONG")
    assert caret.count("^") == 5


def test_an_overlong_mistake_is_shown_in_part() -> None:
    _, line, caret, _ = shown("a: " + "x" * 5000 + " # why", 4, 5000)

    assert len(line) < 200
    assert len(caret) < 200


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x07", "\u202e", "\ud800", "\x9b"])
def test_nothing_in_a_file_steers_the_terminal(bad: str) -> None:
    problem = Problem(Place(f"x{bad}.yaml", 1, 1, 1, f"a: {bad}"), f"what {bad}", f"fix {bad}", "a-slug")

    assert bad not in str(problem)
    str(problem).encode("utf-8")


def test_problems_are_told_in_the_order_of_the_file() -> None:
    later, sooner = (Problem(Place("x.yaml", line, 1, 1, "a"), "what", "fix", "a-slug") for line in (9, 2))

    assert DrillError([later, sooner]).problems == (sooner, later)


def test_a_mistake_without_a_line_names_what_it_is_in() -> None:
    assert str(mistake("--set x", "what", "fix", "a-slug")).splitlines()[0] == "--set x: what"


def test_a_choice_is_suggested_when_it_is_near() -> None:
    assert choices("jiter", ["delay", "jitter"], "settings") == "did you mean `jitter`?  settings: delay, jitter"
    assert choices("loss", ["delay"], "settings") == "settings: delay"
    assert choices("loss", [], "settings") == "there are no settings"
