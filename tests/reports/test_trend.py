"""The runs of one drill over time: stretches that can be compared, what they say together, and each form of it."""

import csv
import io
import json

import pytest

from reports.past import Accepted
from reports.trend import lines, sparkline, to_csv, to_data, to_markdown, trend
from tests.reports.runs import past, seconds, series

DRILL = "lose-the-primary"


def test_the_runs_of_the_drill_are_shown_oldest_first_and_only_the_last_of_them() -> None:
    runs = [*series([2.0] * 6), past(6, drill="other")]

    assert [one.run for one in trend(DRILL, runs[::-1], last=3).runs] == [past(number).run for number in (3, 4, 5)]


def test_controls_are_left_out_and_counted() -> None:
    found = trend(DRILL, [past(0), past(1, control=True, score=None)])

    assert len(found.runs) == 1
    assert found.controls == 1


@pytest.mark.parametrize("changed", ["rubric_digest", "drill_digest", "environment"])
def test_where_the_ground_changes_another_stretch_begins_and_nothing_is_summed_across(changed: str) -> None:
    runs = [past(0, 2.0), past(1, 2.0), past(2, 9.0, **{changed: "x"}), past(3, 9.0, **{changed: "x"})]
    found = trend(DRILL, runs)

    assert [(len(one.runs), one.changed) for one in found.stretches] == [(2, ()), (2, (changed,))]
    assert [one.sums[1].median for one in found.stretches] == [2.0, 9.0]


def test_other_limits_begin_another_stretch_and_their_end_one_more() -> None:
    runs = [past(0), past(1, limits=("failover.within=3s",)), past(2)]

    assert [one.changed for one in trend(DRILL, runs).stretches] == [(), ("limits",), ("limits",)]


def test_there_is_no_mean_of_four_runs_and_one_of_five() -> None:
    four, five = (trend(DRILL, series([1.0, 2.0, 3.0, 6.0, 8.0][:n])).stretches[0].sums[1] for n in (4, 5))

    assert (four.n, four.median, four.low, four.high, four.mean) == (4, 2.5, 1.0, 6.0, None)
    assert (five.n, five.median, five.low, five.high, five.mean) == (5, 3.0, 1.0, 8.0, 4.0)


def test_figures_of_runs_that_did_not_pass_are_shown_and_not_summed() -> None:
    found = trend(DRILL, [*series([2.0, 2.0]), past(2, 9.0, outcome="failed", score=49.0)])
    score, rto = found.stretches[0].sums

    assert (rto.n, rto.high) == (2, 2.0)
    assert (score.n, score.low) == (3, 49.0)
    assert "9 s" in "\n".join(lines(found))


def test_what_was_not_measured_is_a_dash_and_counts_for_nothing() -> None:
    found = trend(DRILL, [past(0, 2.0), past(1, None)])

    assert found.stretches[0].sums[1].n == 1
    assert any(" – " in f"{line} " for line in lines(found))


def test_figures_that_no_run_measured_are_shown_only_where_one_asks_for_them() -> None:
    runs = [past(0, figures={"RTO": seconds(2.0), "TTD": None, "TTA": seconds(4.0)})]

    assert trend(DRILL, runs).figures == ("RTO",)
    assert trend(DRILL, runs, ["TTD"]).figures == ("TTD",)
    older = [past(0, figures={"failover.outage": seconds(2.0), "steady.p99": seconds(0.1)})]
    assert trend(DRILL, older).figures == ("failover.outage",)


def test_a_sparkline_goes_from_the_lowest_to_the_highest_and_is_blank_where_nothing_is_known() -> None:
    assert sparkline([1.0, None, 3.0, 2.0]) == "▁ █▅"
    assert sparkline([2.0, 2.0]) == "▄▄"
    assert sparkline([None, None]) == "  "
    assert sparkline([]) == ""


def test_on_a_terminal_n_is_always_there() -> None:
    accepted = Accepted(by="mei", at="2026-11-21T12:00:00Z", reason="as it shall be")
    said = list(
        lines(trend(DRILL, [past(0, 2.0, accepted=accepted), past(1, 2.5), past(2, 2.5, environment="staging")]))
    )

    assert said == [
        "lose-the-primary, runs: 3",
        "",
        "  Opened            Run   Outcome  Score  RTO            Accepted",
        "  2026-11-21 09:00  0000  passed   100    2 s ± 20 ms    mei: as it shall be",
        "  2026-11-21 09:10  0001  passed   100    2.5 s ± 20 ms",
        "",
        "  score  ▄▄  n = 2  median 100     from 100 to 100    no mean of fewer than 5",
        "  RTO    ▁█  n = 2  median 2.25 s  from 2 s to 2.5 s  no mean of fewer than 5",
        "",
        "  another environment from here on: figures before and after are not compared",
        "  Opened            Run   Outcome  Score  RTO            Accepted",
        "  2026-11-21 09:20  0002  passed   100    2.5 s ± 20 ms",
        "",
        "  score  ▄  n = 1  median 100    from 100 to 100      no mean of fewer than 5",
        "  RTO    ▄  n = 1  median 2.5 s  from 2.5 s to 2.5 s  no mean of fewer than 5",
    ]


def test_as_csv_each_figure_has_its_bounds_and_runs_that_cannot_be_compared_another_stretch() -> None:
    runs = [past(0, 2.0, note="=1+1"), past(1, None, limits=("failover.within=3s",))]
    rows = list(csv.DictReader(io.StringIO(to_csv(trend(DRILL, runs)))))

    assert [
        (row["run"], row["stretch"], row["changed"], row["RTO"], row["RTO low"], row["RTO high"]) for row in rows
    ] == [
        (past(0).run, "1", "", "2.0", "1.98", "2.02"),
        (past(1).run, "2", "limits", "", "", ""),
    ]
    assert rows[0]["note"] == "'=1+1"


def test_as_json_and_markdown_it_says_the_same() -> None:
    found = trend(DRILL, [past(0, 2.0), past(1, 3.0), past(2, 3.0, rubric_digest="x")])
    data = json.loads(json.dumps(to_data(found), allow_nan=False))
    text = to_markdown(found)

    assert [len(one["runs"]) for one in data["stretches"]] == [2, 1]
    assert data["stretches"][0]["sums"][1] == {
        "figure": "RTO", "unit": "s", "n": 2, "median": 2.5, "low": 2.0, "high": 3.0, "mean": None,
    }  # fmt: skip
    assert "> another rubric from here on: figures before and after are not compared" in text
    assert "n = 2 | median 2.5 s" in text


def test_it_is_told_in_chinese() -> None:
    said = "\n".join(lines(trend(DRILL, [past(0), past(1, environment="staging")]), "zh"))

    assert "自此环境已更改" in said
    assert "中位数 2 s" in said
