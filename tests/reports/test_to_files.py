"""Markdown, JSON and JUnit, the golden files of all renderers, and what all of them promise."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from drills import registry
from reports.json_schema import json_schema
from reports.to_json import ToJson
from reports.to_junit import ToJunit
from reports.to_markdown import ToMarkdown
from tests.reports import golden, specimen

RENDERERS = registry.kinds("renderers")


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    return {path.name: text for path, text in golden.files()}


def test_reports_are_as_they_were_last_found_right(expected: dict[str, str]) -> None:
    """Refresh with `python -m tests.reports.golden`, and look at the difference."""
    kept = {
        path.name: path.read_text(encoding="utf-8")
        for path in golden.HERE.iterdir()
        if path.suffix != ".py" and path.is_file()
    }
    assert kept.keys() == expected.keys()
    assert [name for name in kept if kept[name] != expected[name]] == []


@pytest.mark.parametrize("kind", RENDERERS.values(), ids=[*RENDERERS])
@pytest.mark.parametrize("make", [specimen.failing, specimen.hostile, specimen.empty], ids=lambda make: make.__name__)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_same_report_gives_the_same_bytes(kind: type, make, language: str) -> None:
    first, second = kind().render(make(), language), kind().render(make(), language)
    assert first == second
    assert first.encode("utf-8")


def test_renderers_differ_in_file() -> None:
    files = [kind.file for kind in RENDERERS.values()]
    assert len(set(files)) == len(files) == 6
    assert files.count("") == 1, "that which is only ever printed"


def test_the_renderers_cost_nothing_heavy() -> None:
    names, modules = ("rich", "yaml", "asyncio", "hashlib"), ", ".join(kind.__module__ for kind in RENDERERS.values())
    code = f"import sys, {modules}, reports.score; print(*sorted(set({names}) & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == ""


# JSON

SCHEMA = Draft202012Validator(json_schema())


@pytest.mark.parametrize("make", specimen.ALL.values(), ids=[*specimen.ALL])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_json_is_as_its_schema_has_it(make, language: str) -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    assert [error.message for error in SCHEMA.iter_errors(json.loads(ToJson().render(make(), language)))] == []


@pytest.mark.parametrize("key", ["format", "outcome", "score", "checks", "exit_code", "metrics"])
def test_json_that_lacks_a_key_is_not(key: str) -> None:
    data = json.loads(ToJson().render(specimen.failing()))
    del data[key]

    assert [error.message for error in SCHEMA.iter_errors(data)] == [f"'{key}' is a required property"]


@pytest.mark.parametrize(
    ("key", "value"), [("format", 2), ("outcome", "fine"), ("exit_code", 2), ("duration_s", "31.4 s")]
)
def test_json_that_says_otherwise_is_not(key: str, value: object) -> None:
    data = json.loads(ToJson().render(specimen.failing())) | {key: value}

    assert [[*error.path] for error in SCHEMA.iter_errors(data)] == [[key]]


def test_every_key_of_the_schema_is_explained_or_speaks_for_itself() -> None:
    kinds = [SCHEMA.schema, *SCHEMA.schema["$defs"].values()]
    said = [one for kind in kinds for one in kind["properties"].values() if one.get("description")]

    assert all(kind["description"] for kind in kinds)
    assert len(said) > 60


def test_json_holds_everything_that_the_report_holds() -> None:
    read = json.loads(ToJson().render(specimen.failing()))
    assert read["format"] == 1
    assert read["exit_code"] == 1
    assert read["outcome"] == "failed"
    assert read["title"] == {"en": "The cache loses its primary", "zh": "缓存主库宕机"}
    failover = next(one for one in read["checks"] if one["id"] == "failover")["verdict"]
    assert failover["measured"]["outage_s"] == {"value": 2.03, "low": 2.01, "high": 2.05, "unit": "s"}
    assert failover["because"]["text"] == "orders down for 2.03 s ± 20 ms; limit 5 s"
    assert failover["because"]["pattern"] == "{probe} down for {outage}; limit {limit}"
    assert read["score"]["caps"][0]["harm"] == "data_lost"
    probe = read["probes"][0]
    assert probe["samples"]["bad"] == 102
    assert [one["seen"] for one in probe["stretches"]] == ["+", "-", "+"]
    assert read["faults"][0]["effect_s"] == 8.214


def test_json_says_where_the_time_of_a_page_went() -> None:
    read = json.loads(ToJson().render(specimen.paging()))
    (spent,) = next(one for one in read["checks"] if one["id"] == "alert-CachePrimaryDown")["verdict"]["spent"]
    assert spent["what"]["text"] == "CachePrimaryDown reached oncall"
    assert [(one["name"], one["took"]["value"], one["knobs"]) for one in spent["parts"]][2:4] == [
        ("for", 5, {"for": 5}), ("grouping", 3, {"group_wait": 3, "group_interval": 300}),
    ]  # fmt: skip


def test_json_keys_come_in_the_same_order_whatever_the_outcome() -> None:
    one, other = (list(json.loads(ToJson().render(make()))) for make in (specimen.passing, specimen.inconclusive))
    assert one == other


def test_json_has_no_number_that_json_does_not_know() -> None:
    text = ToJson().render(replace(specimen.hostile(), duration_s=float("inf")))
    assert "Infinity" not in text
    assert "NaN" not in text
    assert json.loads(text.encode())["duration_s"] is None


def test_json_gives_hostile_text_back_unharmed() -> None:
    assert json.loads(ToJson().render(specimen.hostile()).encode())["drill"] == specimen.HOSTILE


# JUnit


def suite(make) -> ET.Element:
    found = ET.fromstring(ToJunit().render(make()).encode()).find("testsuite")
    assert found is not None
    return found


def test_a_failure_is_a_failure_and_what_is_unknown_is_an_error() -> None:
    read = suite(specimen.inconclusive)
    cases = {case.get("name"): [child.tag for child in case] for case in read.iter("testcase")}
    assert cases == {
        "steady-before": [],
        "in-effect-primary-dies": ["error"],
        "failover": ["error"],
        "data_loss": [],
        "storefront-stays-up": ["error"],
        "clean": [],
    }
    failed = suite(specimen.failing).find("testcase/failure")
    assert failed is not None
    assert failed.get("type") == "data_lost"
    assert "3 of 1 397" in failed.get("message", "")


@pytest.mark.parametrize("name", [*specimen.ALL, "hostile", "empty"])
def test_junit_counts_what_it_holds(name: str) -> None:
    read = suite(specimen.ALL.get(name) or getattr(specimen, name))
    assert int(read.get("tests", "")) == len(read.findall("testcase"))
    assert int(read.get("failures", "")) == len(read.findall("testcase/failure"))
    assert int(read.get("errors", "")) == len(read.findall("testcase/error"))


@pytest.mark.parametrize("name", specimen.ALL)
def test_a_run_that_did_not_pass_is_never_all_green(name: str) -> None:
    read = suite(specimen.ALL[name])
    assert (read.get("failures") == read.get("errors") == "0") == (name == "passed")


def test_an_abort_without_a_red_check_gets_a_case_of_its_own() -> None:
    read = suite(lambda: specimen.report(specimen.passing().checks, aborted="Ctrl-C"))
    case = read.find("testcase[@name='run']")
    assert case is not None
    assert [(child.tag, child.get("message")) for child in case] == [("error", "Aborted, and healed: Ctrl-C")]


def test_junit_has_what_schemas_require() -> None:
    """Jenkins's and Ant's schemas want these attributes, these patterns and this order."""
    read = suite(specimen.chinese)
    assert {"name", "timestamp", "hostname", "tests", "failures", "errors", "time", "id", "package"} <= set(read.keys())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", read.get("timestamp", ""))
    assert [child.tag for child in read] == ["properties", *["testcase"] * 7, "system-out", "system-err"]
    assert all(re.fullmatch(r"\d+\.\d{3}", case.get("time", "")) for case in read.iter("testcase"))


# Markdown


def test_markdown_says_the_answer_first() -> None:
    lines = ToMarkdown().render(specimen.failing()).splitlines()
    assert lines[0] == "## ❌ FAILED · The cache loses its primary"
    assert lines[2].startswith("**Failed on data loss: 3 of 1 397")


@pytest.mark.parametrize("make", [specimen.failing, specimen.hostile, specimen.inconclusive])
def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head(make) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", ToMarkdown().render(make()), flags=re.MULTILINE)
    assert len(tables) == 4 + bool(make().rescheduled)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_markdown_shows_where_the_time_of_a_page_went() -> None:
    text = ToMarkdown().render(specimen.paging())
    assert (
        "**CachePrimaryDown reached oncall** after 11.2 s; limit 15 s. Of 11.2 s, 5 s is \\`for\\`, set to 5 s" in text
    )
    assert (
        "| Part | Took | Knob | Set to |\n| --- | --- | --- | --- |\n| scrape | 1 s ± 300 ms | scrape\\_interval | 2 s |"
        in text
    )
    assert text.count("| Part |") == 2
    chinese = ToMarkdown().render(specimen.paging(), "zh")
    assert "| 环节 | 用时 | 可调项 | 现值 |" in chinese
    assert "| 抓取 | 1 s ± 300 ms |" in chinese


def test_markdown_calls_nobody_and_runs_nothing() -> None:
    text = ToMarkdown().render(specimen.hostile())
    before, _, fenced = text.partition("```")
    assert "<script" not in before
    assert "@team" not in before
    assert "#12" not in before
    assert "\x1b" not in text
    assert re.findall(r"</?([a-z]+)", before) == ["details", "summary", "summary", "details"] * 2
    assert "`tick`" in fenced
