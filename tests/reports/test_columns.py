"""Tables and lines on narrow terminals: nothing is wider than it, and no word and no figure is cut."""

from collections.abc import Iterable

import pytest
from rich.cells import cell_len

from reports import compare, fleet, gate, trend
from reports.columns import folded, rows_of
from reports.past import Accepted
from tests.reports.runs import past, series
from tests.reports.test_fleet import DRILL, ship

ROWS = [["RTO", "2.03 s ± 20 ms", "3.1 s ± 20 ms", "worse, by more than the noise"], ["RPO", "0 s", "0 s", "no change"]]


def words(lines: Iterable[str]) -> list[str]:
    return sorted(" ".join(lines).split())


def test_where_there_is_room_cells_stand_under_each_other() -> None:
    assert list(rows_of([["a", "bb", "c"], ["aaa", "b", "c"]], 13)) == ["  a    bb  c", "  aaa  b   c"]
    assert list(rows_of(ROWS)) == list(rows_of(ROWS, 200))


def test_where_there_is_none_each_row_has_lines_of_its_own_with_the_names_of_its_cells() -> None:
    assert list(rows_of(ROWS, 40, head=["", "Before", "After", "Difference"])) == [
        "  RTO",
        "      Before 2.03 s ± 20 ms",
        "      After 3.1 s ± 20 ms",
        "      Difference worse, by more than the",
        "          noise",
        "  RPO",
        "      Before 0 s   After 0 s",
        "      Difference no change",
    ]


def test_a_line_that_fits_exactly_is_left_and_one_cell_more_folds_it() -> None:
    assert list(folded("  one two three", 15)) == ["  one two three"]
    assert list(folded("  one two three", 14)) == ["  one two", "      three"]
    assert list(folded("  one two three", None)) == ["  one two three"]


@pytest.mark.parametrize("text", ["down for 2.03 s ± 20 ms; limit 5 s", "停机 2.03 s ± 20 ms，限值 5 s，比噪声大得多"])
@pytest.mark.parametrize("width", range(16, 40))
def test_no_figure_is_parted_from_its_unit_or_its_bounds(text: str, width: int) -> None:
    lines = list(folded(text, width))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(map(cell_len, lines)) <= max(width, cell_len("    2.03 s ± 20 ms，"))
    assert sum("2.03 s ± 20 ms" in line for line in lines) == sum("5 s" in line for line in lines) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [60, 80])
def test_every_table_across_runs_fits(width: int, language: str) -> None:
    accepted = Accepted(by="li", at="2026-11-21T00:00:00Z", reason="it is so since the cache is shared")
    runs = [*series([2.0, 2.1, 2.2, 1.9, 2.0]), past(6, 3.0, accepted=accepted)]
    tables = {
        "trend": lambda wide: trend.lines(trend.trend("lose-the-primary", runs), language, wide),
        "compare": lambda wide: compare.lines(compare.compare(runs[0], runs[-1], runs), language, wide),
        "gate": lambda wide: gate.lines(gate.gate(runs[-1], runs, how="last-passed"), language, wide),
        "fleet": lambda wide: fleet.lines([ship(runs[0], written=DRILL)], language, wide),
    }
    for name, told in tables.items():
        lines = [part for line in told(width) for part in folded(line, width)]
        assert max(map(cell_len, lines)) <= width, name
        unnamed = {"Opened", "Drill"}  # the first cell of a row needs no name
        assert set(words(told(None))) - unnamed <= set(words(lines)) or language == "zh", name
