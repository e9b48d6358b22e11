"""All drills in one table: when each was rehearsed last, and which are overdue."""

import json
from datetime import timedelta

import pytest

from reports.fleet import Ship, Written, fleet, lines, to_data, to_markdown, write_days
from reports.past import PastDimension, PastRun
from tests.reports.runs import START, past

DRILL = Written(drill="lose-the-primary", file="cache/drill.yaml", every=timedelta(days=30))
SECOND = timedelta(seconds=1)


def ship(*runs: PastRun, written: Written = DRILL, after: timedelta = timedelta(days=1)) -> Ship:
    """The drill, looked at so long after the first run."""
    (found,) = fleet([written], runs, START + after)
    return found


@pytest.mark.parametrize(("after", "overdue"), [(timedelta(days=30), False), (timedelta(days=30) + SECOND, True)])
def test_a_drill_is_overdue_once_its_last_run_is_older_than_it_may_be(after: timedelta, overdue: bool) -> None:
    assert ship(past(0), after=after).is_overdue is overdue
    assert ship(past(0), after=after).overdue == (SECOND if overdue else None)


def test_one_that_was_never_rehearsed_is_overdue_and_one_that_need_not_be_is_not() -> None:
    assert (ship().never, ship().is_overdue) == (True, True)
    free = Written(drill="x", file="x.yaml", every=None)
    assert (ship(written=free).never, ship(written=free).is_overdue) == (False, False)


@pytest.mark.parametrize(
    ("outcome", "counts"), [("passed", True), ("failed", True), ("inconclusive", False), ("aborted", False)]
)
def test_a_rehearsal_is_a_run_in_which_the_system_was_judged(outcome: str, counts: bool) -> None:
    assert ship(past(0, outcome=outcome)).never is not counts


def test_a_control_is_no_rehearsal() -> None:
    found = ship(past(0, control=True))

    assert (found.never, found.last) == (True, None)


def test_the_last_run_and_the_last_that_passed_may_be_two() -> None:
    found = ship(past(0), past(1, outcome="failed", score=49.0))

    assert found.last == past(1, outcome="failed", score=49.0)
    assert found.passed == past(0)


def test_the_weakest_ability_is_that_of_the_last_run_among_those_that_were_judged() -> None:
    dimensions = (PastDimension(name="a", title="Notice", points=80.0, rating="P"),
                  PastDimension(name="b", title="Recover", points=40.0, rating="U"),
                  PastDimension(name="c", title="Tell", points=None, rating=""))  # fmt: skip

    assert (ship(past(0, dimensions=dimensions)).weakest or _none()).name == "b"
    assert ship(past(0, dimensions=dimensions[2:])).weakest is None


def _none() -> PastDimension:
    raise AssertionError


def test_drills_of_which_only_runs_are_known_are_there_too() -> None:
    ships = fleet([DRILL], [past(0), past(1, drill="gone"), past(2, drill="only-a-control", control=True)], START)

    assert [(one.drill, one.file) for one in ships] == [("lose-the-primary", "cache/drill.yaml"), ("gone", "")]


def test_a_file_that_cannot_be_read_is_in_the_table_with_the_reason() -> None:
    broken = Written(drill="x/drill.yaml", file="x/drill.yaml", every=None, trouble="drill has no setting `fault`")
    said = "\n".join(lines([ship(written=broken)]))

    assert "unknown" in said
    assert "drill has no setting `fault`" in said


@pytest.mark.parametrize(
    ("every", "said"), [(timedelta(days=30), "30d"), (timedelta(hours=36), "1d12h"), (timedelta(hours=2), "2h")]
)
def test_a_span_is_written_as_it_is_in_a_drill(every: timedelta, said: str) -> None:
    assert write_days(every) == said


def test_on_a_terminal_it_says_how_long_ago_and_by_how_much() -> None:
    said = list(lines([ship(past(0), after=timedelta(days=42))]))

    assert said[1].split("  ")[1:3] == ["lose-the-primary", "2026-11-21 (42 d)"]
    assert "OVERDUE by 12 d" in said[1]
    assert said[-1] == "drills: 1, overdue: 1"
    assert "OVERDUE, never rehearsed" in "\n".join(lines([ship()]))
    assert "in time" in "\n".join(lines([ship(past(0))]))
    assert list(lines([])) == ["no drills and no runs"]


def test_it_is_told_in_chinese_in_markdown_and_as_json() -> None:
    late = [ship(past(0), after=timedelta(days=42))]
    data = json.loads(json.dumps(to_data(late), allow_nan=False))

    assert "逾期 12 天" in "\n".join(lines(late, "zh"))
    assert "| lose-the-primary | 2026-11-21 (42 d) | passed |" in to_markdown(late)
    assert data["overdue"] == 1
    assert data["drills"][0]["overdue_days"] == 12
    assert data["drills"][0]["last"]["run"] == past(0).run
    assert data["drills"][0]["weakest"] == {"name": "recover", "points": 100.0, "rating": "P"}
