"""Two runs side by side: what differs, and whether that lies within the bounds or the noise."""

import json
from dataclasses import replace

import pytest

from checks import Measured
from reports.compare import FigurePair, compare, lines, refusal, to_data, to_markdown
from reports.past import PastCheck, PastDimension, PastRun
from tests.reports.runs import past, seconds, series, share


def pair(
    before: Measured | None, after: Measured | None, known: list[PastRun] | None = None, key: str = "RTO"
) -> FigurePair:
    """What is said of one figure."""
    runs = known or []
    (found,) = compare(
        past(100, figures={key: before}), past(101, figures={key: after}), runs).figures  # fmt: skip
    return found


def test_what_differs_by_less_than_its_bounds_is_no_change() -> None:
    assert (pair(seconds(2.0), seconds(2.04)).sort, pair(seconds(2.0), seconds(2.04)).inside) == ("same", "bounds")
    assert (pair(seconds(2.0), seconds(2.041)).sort, pair(seconds(2.0), seconds(2.041)).inside) == ("worse", "")
    assert pair(seconds(2.0), seconds(1.95)).sort == "better"


def test_what_differs_by_less_than_the_noise_is_no_change() -> None:
    """Ten runs with a range of 0.2 s around 2 s."""
    noise = series([2.0, 2.1, 1.9, 2.05, 1.95, 2.0, 2.1, 1.9, 2.0, 2.0])

    within, beyond = pair(seconds(2.0), seconds(2.2), noise), pair(seconds(2.0), seconds(2.23), noise)

    assert (within.sort, within.inside) == ("same", "band")
    assert (beyond.sort, beyond.inside) == ("worse", "")
    assert within.band is not None
    assert within.band.n == 10


def test_of_four_runs_no_noise_is_known() -> None:
    assert pair(seconds(2.0), seconds(2.2), series([2.0, 2.5, 1.5, 2.0])).band is None


def test_of_a_share_more_is_better() -> None:
    assert pair(share(0.9), share(0.95), key="availability:orders").sort == "better"
    assert pair(share(0.95), share(0.9), key="availability:orders").sort == "worse"


def test_what_says_nothing_of_how_well_it_went_has_a_difference_and_no_judgement() -> None:
    found = pair(Measured.count(150), Measured.count(149), key="steady.looks")

    assert (found.neutral, found.change, found.sort) == (True, -1, "unknown")


def test_what_only_one_of_them_measured_is_unknown_and_what_neither_did_is_left_out() -> None:
    found = compare(past(0, figures={"RTO": seconds(2.0), "TTA": None}), past(1, figures={"RTO": None, "TTA": None}))

    assert [(one.key, one.sort, one.change) for one in found.figures] == [("RTO", "unknown", None)]


def test_outcome_score_dimensions_and_checks_stand_side_by_side() -> None:
    before = past(0)
    after = past(1, outcome="failed", score=49.0, letter="F", checks=(
        replace(before.checks[0], outcome="failed"), PastCheck(id="new", kind="alert", title="", limits="", outcome="passed")),
        dimensions=(replace(before.dimensions[0], points=40.0, rating="U"),
                    PastDimension(name="data", title="Keep the data", points=None, rating="")))  # fmt: skip

    found = compare(before, after)

    assert [
        (one.what, one.before, one.after, one.changed) for one in (*found.sums, *found.dimensions, *found.checks)
    ] == [
        ("outcome", "passed", "failed", True),
        ("score", "100 A", "49 F", True),
        ("confidence", "100%", "100%", False),
        ("Take over and recover", "100 P", "40 U", True),
        ("Keep the data", "–", "–", False),
        ("failover", "passed", "failed", True),
        ("new", "–", "passed", True),
    ]


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"rubric_digest": "e" * 64}, ["rubric_digest"]),
        ({"drill": "other"}, ["drill"]),
        ({"drill_digest": "e" * 64, "limits": ("a.b=1",), "environment": "staging", "control": True}, []),
    ],
)
def test_two_rubrics_and_two_drills_are_not_compared_and_other_grounds_are_told(changed: dict[str, object],
                                                                               refused: list[str]) -> None:  # fmt: skip
    before, after = past(0), past(1, **changed)

    assert refusal(before, after) == refused
    assert list(compare(before, after).differ) == list(changed)


SUITE = f"standard/losing-a-primary@1 {'a' * 64}"


@pytest.mark.parametrize(
    ("ours", "theirs", "refused"),
    [
        (SUITE, SUITE, []),
        (SUITE, "", ["drill", "suite"]),
        ("", SUITE, ["drill", "suite"]),
        (SUITE, f"standard/losing-a-primary@1 {'b' * 64}", ["drill", "suite"]),
        (SUITE, f"standard/losing-a-primary@2 {'a' * 64}", ["drill", "suite"]),
        ("", "", ["drill"]),
    ],
)
def test_two_teams_are_compared_only_when_both_held_one_suite_as_it_is(
    ours: str, theirs: str, refused: list[str]
) -> None:
    assert refusal(past(0, suite=ours), past(1, drill="theirs", suite=theirs)) == refused


def test_one_suite_does_not_make_up_for_two_rubrics() -> None:
    assert refusal(past(0, suite=SUITE), past(1, drill="theirs", suite=SUITE, rubric_digest="e" * 64)) == [
        "rubric_digest"
    ]


def test_of_two_teams_both_drills_and_the_suite_are_told() -> None:
    found = compare(past(0, suite=SUITE), past(1, 3.0, drill="theirs", suite=SUITE))
    said, data = list(lines(found)), to_data(found)

    assert said[0].startswith("lose-the-primary → theirs   ")
    assert said[1] == "  both held the suite standard/losing-a-primary@1 as it is, so that their scores compare"
    assert said[2] == "  the runs also differ in drill, and figures may differ because of that"
    assert to_markdown(found).startswith("## lose-the-primary → theirs: ")
    assert (data["drill"], data["other_drill"], data["suite"]) == ("lose-the-primary", "theirs", SUITE)


def test_of_one_drill_another_suite_is_told_and_not_refused() -> None:
    before, after = past(0, suite=SUITE), past(1)

    assert refusal(before, after) == []
    assert "the runs also differ in suite" in "\n".join(lines(compare(before, after)))
    assert to_data(compare(before, after))["suite"] == ""


def test_on_a_terminal_a_change_says_what_it_lies_within() -> None:
    noise = series([2.0, 2.1, 1.9, 2.05, 1.95, 2.0, 2.1, 1.9, 2.0, 2.0])
    said = list(lines(compare(past(10, 2.0), past(11, 2.2), noise)))
    worse = "\n".join(lines(compare(past(10, 2.0), past(11, 3.0), noise)))
    alone = "\n".join(lines(compare(past(10, 2.0), past(11, 3.0))))

    assert said[0] == f"lose-the-primary   {past(10).run} → {past(11).run}"
    assert said[-1] == "  RTO  2 s ± 20 ms  2.2 s ± 20 ms  no change (+200 ms, within the noise)"
    assert "❌ +1 s, worse" in worse
    assert "+1 s, worse or noise" in alone
    assert "too few runs to know what is noise" in alone


def test_in_markdown_what_changed_is_in_sight_and_the_rest_is_folded() -> None:
    text = to_markdown(compare(past(0, 2.0), past(1, 3.0, outcome="failed", drill_digest="e" * 64)))
    seen, _, folded = text.partition("<details>")

    assert "| outcome | passed | failed | changed |" in seen
    assert "| RTO | 2 s ± 20 ms | 3 s ± 20 ms | +1 s, worse or noise |" in seen
    assert "the runs also differ in drill file" in seen
    assert "confidence" not in seen
    assert "confidence" in folded
    assert to_markdown(compare(past(0), past(1))).count("no change") > 1


def test_texts_of_others_break_no_table() -> None:
    text = to_markdown(compare(past(0, drill="a | b <img>"), past(1, drill="a | b <img>")))

    assert "a \\| b &lt;img&gt;" in text


def test_it_is_told_in_chinese() -> None:
    said = "\n".join(lines(compare(past(0, 2.0), past(1, 2.03, environment="staging")), "zh"))

    assert "两次运行的环境也不同" in said
    assert "无变化（+30 ms，在测量误差之内）" in said


def test_as_data_it_is_json() -> None:
    endless = Measured(value=4.0, low=4.0, high=float("inf"), unit="s")
    data = json.loads(json.dumps(to_data(compare(past(0, 2.0), past(1, figures={"RTO": endless}))), allow_nan=False))

    assert data["figures"][0]["after"] == {"value": 4.0, "low": 4.0, "high": None, "unit": "s"}
    assert data["figures"][0]["change"] == 2.0
    assert data["score"] == {"before": 100.0, "after": 100.0}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_why_a_control_or_an_aborted_run_has_nothing_to_compare_is_said(language: str) -> None:
    control, aborted = past(0, control=True, score=None), past(1, outcome="aborted", score=None)
    said = list(lines(compare(control, aborted), language))[1:3]

    assert said == {
        "en": ["  0000 is a control, in which nothing was injected: it has neither score nor figures that compare",
               "  0001 ended aborted, so that its figures stand on nothing"],
        "zh": ["  0000 是对照，没有注入任何故障：没有可以比较的评分和数字", "  0001 的结果是已中止，其数字没有依据"],
    }[language]  # fmt: skip


def test_names_of_checks_stay_as_they_were_given_in_every_language() -> None:
    rows = [line.split() for line in lines(compare(past(0), past(1)), "zh")]

    assert ["failover", "通过", "通过", "无变化"] in rows


def test_a_difference_of_shares_is_in_points() -> None:
    before, after = past(0, figures={"availability": share(0.99)}), past(1, figures={"availability": share(0.975)})

    assert any(
        line.split()[:7] == ["availability", "99", "%", "97.5", "%", "-1.5", "pp,"]
        for line in lines(compare(before, after))
    )
