"""Why a score is what it is: each line says what it gave of what it could, why, and which journal lines show it."""

import json
import re

import pytest

from reports.explaining import explain, to_data
from reports.to_html import ToHtml
from reports.to_markdown import ToMarkdown
from tests.reports import specimen


def lines(report, language: str = "en") -> list[str]:
    return [line.strip() for line in explain(report, language).splitlines()]


def test_a_sop_is_told_by_the_abilities_that_its_rules_show() -> None:
    said = lines(specimen.rehearsed())
    assert "Triage and mobilise   60 of 100 (M)   weight 0: shown and not counted" in said
    assert "SOP and change safety   0 of 100 (U)   weight 15, here 23.1" in said
    why = "0 of 100 over 2 rules; integrity-gate: replica_in by zhao (r1) without integrity_ok"
    assert f"0 / 23.1  sop · safety, 0 %: {why}  [85–86]" in said
    assert "at most 59: unverified replica served reads (sop)  [85–86, 88]" in said
    assert "Detect and alert 35: no check of the drill shows that; the 65 that are left count as 100" in said


def test_what_is_unknown_gives_a_dash_and_the_reason_for_no_score_is_told() -> None:
    said = lines(specimen.inconclusive())
    assert said[0] == "lose-the-primary   no score"
    assert "– / 42.9  failover, unknown: primary-dies never took effect: process 4711 outlived SIGKILL  [63]" in said


@pytest.mark.parametrize("name", specimen.ALL)
def test_every_line_of_every_score_is_told_once_in_both_forms_and_languages(name: str) -> None:
    report = specimen.ALL[name]()
    told = json.loads(to_data(report))
    listed = [(line["check"], line["part"]) for one in told["dimensions"] for line in one["lines"]]
    assert sorted(listed) == sorted((line.check, line.part) for line in report.score.lines)
    checks = {check for check, _ in listed} | {one["check"] for one in told["gates"]}
    assert checks == {one.id for one in report.checks}
    for language in ("en", "zh"):
        assert len(re.findall(r"^ +[\d.–]+ / [\d.]+ ", explain(report, language), re.MULTILINE)) == len(listed)


def test_the_page_links_each_line_of_the_score_to_its_evidence() -> None:
    page = ToHtml().render(specimen.failing())
    score = page[page.index('id="score"') :]
    score = score[: score.index("</section>")]
    assert '<a href="#line-96">96</a>' in score
    assert 'id="line-96"' in page


def test_a_check_that_counts_in_parts_has_the_sum_of_them_where_there_is_one_line_for_it() -> None:
    row = next(line for line in ToMarkdown().render(specimen.rehearsed()).splitlines() if "| sop |" in line)
    assert "| 0 / 23.1 |" in row
