"""The report on a terminal and as plain lines."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from reports.to_terminal import ToTerminal, render_to
from tests.reports import specimen


def shown(make, width: int, language: str = "en", **options: object) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, legacy_windows=False, _environ={}, **options
    )
    render_to(make(), console, language)
    return console.file.getvalue()


def test_the_first_line_is_the_answer() -> None:
    first = ToTerminal().render(specimen.failing()).splitlines()[0]
    assert first == (
        "FAILED  lose-the-primary   score 49 of 100 (U, F), capped from 62: acknowledged data was lost"
        "      confidence high, coverage 7 of 7"
    )


def test_each_check_has_its_line_and_its_reason_when_nobody_watches() -> None:
    lines = ToTerminal().render(specimen.failing()).splitlines()
    assert "  passed   failover         orders down for 2.03 s ± 20 ms; limit 5 s" in lines
    assert any(line.startswith("  FAILED   data loss        3 of 1 397") and line.endswith("limit 0") for line in lines)


def test_an_abort_says_why_before_the_checks() -> None:
    lines = ToTerminal().render(specimen.aborting()).splitlines()
    assert lines[1] == "  Aborted, and healed: storefront below 20 % for 2 s"


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 140])
@pytest.mark.parametrize("name", ["failed", "chinese", "aborted", "rehearsed"])
def test_no_line_but_a_command_is_wider_than_the_terminal(name: str, width: int) -> None:
    text = shown(specimen.ALL[name], width, "zh" if name == "chinese" else "en", color_system=None)
    lines = [line for line in text.splitlines() if "drills " not in line]
    assert max(cell_len(line) for line in lines) <= width


def test_long_reasons_hang_under_themselves() -> None:
    lines = shown(specimen.failing, 90, color_system=None).splitlines()
    place = next(number for number, line in enumerate(lines) if "FAILED   data loss" in line)
    assert lines[place].index("3 of") == len(lines[place + 1]) - len(lines[place + 1].lstrip())


@pytest.mark.parametrize("width", [30, 60, 90])
def test_wrapping_loses_no_word(width: int) -> None:
    plain = ToTerminal().render(specimen.failing()).split()
    assert shown(specimen.failing, width, color_system=None).split() == plain


def test_a_command_is_never_broken() -> None:
    assert "drills judge 3f2a --set failover.within=3s" in shown(specimen.failing, 30, color_system=None)


def test_colour_where_there_is_colour_and_none_where_there_is_none() -> None:
    assert "\x1b[1;31mFAILED" in shown(specimen.failing, 120, color_system="truecolor")
    assert "\x1b" not in shown(specimen.failing, 120, color_system=None)
    assert "\x1b" not in ToTerminal().render(specimen.failing())


def test_no_color_is_respected() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, _environ={"NO_COLOR": "1", "TERM": "xterm"})
    render_to(specimen.failing(), console)
    assert "\x1b[31m" not in console.file.getvalue()
    assert "\x1b[1;31m" not in console.file.getvalue()


def test_nothing_from_outside_moves_the_cursor() -> None:
    for text in (ToTerminal().render(specimen.hostile()), shown(specimen.hostile, 80, color_system=None)):
        assert "\x1b" not in text
        assert "\x00" not in text
        text.encode("utf-8")


def test_a_run_that_broke_off_is_still_told() -> None:
    assert ToTerminal().render(specimen.empty()).startswith("INCONCLUSIVE  lose-the-primary   no score")
    assert shown(specimen.empty, 40)
