"""The run as an exercise is evaluated: capabilities, critical tasks, ratings, and what follows from them."""

import csv
import io
from dataclasses import replace

import pytest

from reports import Report
from reports.exercise import after_action, evaluation, tasks
from reports.report import Action
from reports.score import gives_points
from tests.reports import specimen


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in it, heads and rules left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if "---" not in line][1:]


def test_every_check_that_gives_points_is_a_task_with_its_evidence() -> None:
    report = specimen.failing()
    found = tasks(report)

    assert [one.task for one in found] == [one.title for one in report.checks if gives_points(one)]
    assert {one.task: one.rating for one in found} == {
        "failover": "P", "data loss": "U", "unaffected": "P", "steady after": "P"
    }  # fmt: skip
    assert all(one.proof and one.capability for one in found)


def test_each_rule_of_a_sop_that_came_to_bear_is_a_task() -> None:
    report = specimen.rehearsed()
    (sop,) = [one for one in report.checks if one.kind == "sop"]
    told = {row.name: row.status for row in sop.verdict.rows}
    found = {one.task: one.rating for one in tasks(report) if one.task in told}

    assert found == {name: {"satisfied": "P", "violated": "U"}.get(status, "") for name, status in told.items()
                     if status not in ("n/a", "pending")}  # fmt: skip
    assert {"P", "U"} <= {*found.values()}


def test_what_nobody_could_see_has_no_rating() -> None:
    found = {one.task: one.rating for one in tasks(specimen.inconclusive())}

    assert "" in found.values()
    assert "–" in evaluation(specimen.inconclusive())


@pytest.mark.parametrize("make", [specimen.failing, specimen.hostile, specimen.empty, specimen.rehearsed])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_guide_is_a_table_that_reads_back(make, language: str) -> None:
    head, *listed = csv.reader(io.StringIO(evaluation(make(), language)))

    assert len(listed) == len(tasks(make()))
    assert {len(row) for row in listed} <= {len(head)} == {7}


def test_what_the_run_stands_on_comes_before_what_is_rated() -> None:
    text = after_action(specimen.failing())
    ground = [row[0] for row in rows(section(text, "Can it be believed?"))]

    assert text.index("## Can it be believed?") < text.index("## Capabilities")
    assert ground == ["steady before", "fault in effect", "clean"]


def test_a_capability_has_one_mark_at_its_rating() -> None:
    report = specimen.failing()
    listed = rows(section(after_action(report), "Capabilities"))

    assert [row.count("x") for row in listed] == [1] * len(report.score.dimensions) != []
    assert ["PSMU"[row[1:5].index("x")] for row in listed] == [one.rating for one in report.score.dimensions]


def plan(report: Report) -> list[list[str]]:
    return rows(section(after_action(report), "Improvement plan"))


def test_a_finding_that_nobody_has_taken_stands_in_the_plan_as_such() -> None:
    assert plan(specimen.failing()) == [["data\\_loss", "no action yet: drills review 3f2a", "", "", ""]]


def test_actions_of_the_review_stand_in_the_plan_with_owner_and_day() -> None:
    action = Action(finding="data_loss", what="wait for a replica's word", owner="CL", due="2026-12-05")

    assert plan(replace(specimen.failing(), actions=(action,))) == [
        ["data\\_loss", "wait for a replica's word", "CL", "2026-12-05", ""]
    ]


def test_a_passed_run_has_strengths_and_no_plan() -> None:
    text = after_action(specimen.passing())

    assert "**Strength**: failover" in text
    assert "## Improvement plan" not in text


def test_a_control_never_looks_like_a_proof() -> None:
    text = after_action(specimen.control())

    assert "control: nothing was injected" in text
    assert "## Capabilities" not in text


def test_it_is_told_in_chinese() -> None:
    text = after_action(specimen.failing(), "zh")

    assert "# 演练总结报告：" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## 概况", "## 结论是否可信", "## 能力评定", "## 关键任务", "## 观察", "## 改进计划"
    ]  # fmt: skip
