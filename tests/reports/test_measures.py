"""The figures of a run, as each renderer shows them."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks import Measured, Sentence
from drills.measuring import TITLES
from reports.chinese import PATTERNS, WORDS
from reports.measures import lines, rows
from reports.report import Metric
from reports.tables import metric_table
from reports.to_json import ToJson
from reports.to_markdown import ToMarkdown
from reports.to_terminal import ToTerminal
from tests.reports import specimen

ROOT = Path(__file__).resolve().parent.parent.parent


def one(value: Measured | None, name: str = "RTO", **more: object) -> list[tuple[str, str]]:
    metric = Metric(name=name, title="x", value=value, **more)  # type: ignore[arg-type]
    return lines(replace(specimen.passing(), metrics=(metric,)), "en")


# the end screen


def test_the_end_screen_has_what_was_measured_in_two_lines() -> None:
    said = ToTerminal().render(specimen.measured()).splitlines()
    place = said.index(next(line for line in said if line.startswith("  service")))
    assert said[place - 1] == ""
    assert said[place : place + 3] == [
        (
            "  service  RTO 2.1 s ± 220 ms · RPO ≤ 18 ms · availability 91.2 % · error budget 0.078 % (virtual)"
            " · lost area 2.08 s ± 220 ms"
        ),
        "  times    TTD 1.8 s ± 100 ms · MTTI 0 s",
        "",
    ]


def test_a_run_that_measured_nothing_has_no_line_for_it() -> None:
    assert lines(specimen.passing(), "en") == []
    assert one(None, why_not=Sentence("nobody looked")) == []
    assert "service" not in ToTerminal().render(specimen.passing())


def test_bounds_are_shown_where_they_matter() -> None:
    assert one(Measured.between(1.901, 2.099)) == [("service", "RTO 2 s")]  # by less than a twentieth
    assert one(Measured.between(1.899, 2.101)) == [("service", "RTO 2 s ± 101 ms")]
    assert one(Measured(value=2, low=1, high=2.5, unit="s")) == [("service", "RTO 2 s (1 s … 2.5 s)")]
    assert one(Measured(value=0, low=0, high=0.5, unit="s")) == [("service", "RTO ≤ 500 ms")]
    assert one(Measured(value=0, low=0, high=0, unit="s")) == [("service", "RTO 0 s")]


def test_that_no_write_was_lost_the_check_says_and_one_that_was_is_told() -> None:
    assert one(Measured.count(0), "lost writes") == []
    assert one(Measured.count(1), "lost writes") == [("service", "lost writes 1")]


def test_of_several_probes_the_first_that_was_measured_is_on_the_end_screen() -> None:
    first, second = (
        Metric(name="RTO", title="x", of=of, value=Measured.between(at, at)) for of, at in (("a", 1), ("b", 2))
    )
    unseen = replace(first, value=None, why_not=Sentence("nobody looked"))
    assert lines(replace(specimen.passing(), metrics=(first, second)), "en") == [("service", "RTO 1 s")]
    assert lines(replace(specimen.passing(), metrics=(unseen, second)), "en") == [("service", "RTO 2 s")]


# tables


def test_a_table_has_every_figure_and_why_one_was_not_measured() -> None:
    found = {row[0]: row[1:] for row in rows(specimen.measured(), "en")}
    assert len(found) == len(specimen.MEASURED)
    assert found["TTA: time to acknowledge"] == ("not measured", "", "", "", "nobody acknowledged a page", "")
    assert found["RTO (orders): service outage"] == (
        "2.1 s", "1.88 s … 2.32 s", "8.240 s", "10.240 s", "the drill had begun to heal by then", "66, 78"
    )  # fmt: skip
    assert found["burn rate (orders): times as fast as it may"][:2] == ("88 ×", "40 × … 1 250 ×")


def test_markdown_and_html_have_the_same_table() -> None:
    markdown, html = ToMarkdown().render(specimen.measured()), metric_table(specimen.measured(), "en")
    for text in ("RTO (storefront): service outage", "not measured", "1.88 s … 2.32 s"):
        assert text in markdown
        assert text in html
    assert metric_table(specimen.passing(), "en") == ""
    assert "Measures" not in ToMarkdown().render(specimen.passing())


def test_nothing_from_outside_breaks_a_table() -> None:
    metric = Metric(name=specimen.HOSTILE, title=specimen.HOSTILE, of=specimen.HOSTILE, value=None,
                    why_not=Sentence.of("{x}", x=specimen.HOSTILE))  # fmt: skip
    report = replace(specimen.passing(), metrics=(metric,))
    assert "<script>" not in metric_table(report, "en")
    row = next(line for line in ToMarkdown().render(report).splitlines() if "not measured" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


# for programs


def test_json_has_every_figure_under_its_name_and_null_for_what_was_not_measured() -> None:
    data = json.loads(ToJson().render(specimen.measured()))
    found = {(metric["name"], metric["of"]): metric for metric in data["metrics"]}
    assert found["RTO", "orders"]["value"] == {"value": 2.1, "low": 1.88, "high": 2.32, "unit": "s"}
    assert found["RTO", "storefront"]["value"] is None
    assert found["RTO", "storefront"]["why_not"]["text"] == "no look of storefront failed"
    times = data["incident"]["milestones"]
    assert times["impact"]["at_s"] == 8.24
    assert (times["verified"]["at_s"], times["verified"]["low_s"], times["verified"]["high_s"]) == (None, None, None)
    assert times["verified"]["why_not"]["text"] == "nobody said that it was over"


# in Chinese


def test_every_figure_is_called_something_in_chinese() -> None:
    acronyms = re.compile("[A-Z]{3,4}")
    said = [*TITLES.values(), *(name for name in TITLES if not acronyms.fullmatch(name))]
    assert [text for text in said if text not in WORDS] == []


def sentences() -> Iterator[str]:
    """The patterns that figures are said with: the first argument of what says them."""
    files = (
        "checks/service_level.py",
        "checks/recovery.py",
        "checks/sop/mobilised.py",
        "drills/measuring.py",
        "drills/slo.py",
    )
    for file in files:
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                (".missing", ".noted", "Sentence.of", "Sentence")
            ):
                yield from (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))


def test_every_sentence_about_a_figure_is_translated() -> None:
    said = set(sentences())
    assert len(said) > 20
    clauses = {clause for text in said if text not in PATTERNS for clause in re.split("; |: ", text)}
    assert sorted(clauses - PATTERNS.keys()) == []


@pytest.mark.parametrize(
    "said", ["RTO（orders）：业务中断", "未测得", "此时演练已开始撤除故障", "折算：以探测代表 30 d 内的全部请求"]
)
def test_the_table_is_in_chinese(said: str) -> None:
    assert any(said in cell for row in rows(specimen.measured(), "zh") for cell in row)
