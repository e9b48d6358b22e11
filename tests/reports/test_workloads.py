"""What became of workloads and nodes after a fault, as each form of the report tells it."""

import json
import re
from dataclasses import replace

import pytest

from reports import Report, workloads
from reports.timeline import timeline
from reports.to_html import ToHtml
from reports.to_json import ToJson
from reports.to_markdown import ToMarkdown
from reports.to_terminal import ToTerminal
from reports.workload_picture import workload_lanes, workload_table
from tests.reports import specimen
from tests.reports.test_to_html import Page


def alone(*names: str) -> Report:
    """A report that tells of these only."""
    whole = specimen.rescheduled()
    return replace(whole, rescheduled=tuple(one for one in whole.rescheduled if one.object in names))


def test_the_end_screen_has_one_line_each_the_gravest_first() -> None:
    after = "after primary-dies"
    said = [" ".join(line.split()) for line in ToTerminal().render(specimen.rescheduled()).splitlines()]

    assert [line for line in said if line.startswith(("deployment/", "statefulset/", "node/"))] == [
        f"deployment/worker not ready 400 ms · evicted 1.2 s {after} · not ready again when the run ended (> 23.2 s)",
        f"statefulset/cart not ready 2.5 s ± 2 s · evicted 3.35 s ± 1.25 s · rescheduled 4.7 s · ready again 9.2 s {after}",
        f"deployment/shop not ready 400 ms · evicted 1.2 s · rescheduled 1.3 s · ready again 3.9 s {after}",
        f"node/b not ready 6 s · ready again 14 s {after}",
    ]


def test_the_page_has_a_lane_and_a_row_each_whose_steps_lead_to_the_lines_that_show_them() -> None:
    page = ToHtml().render(specimen.rescheduled())
    read = Page(page)
    hrefs = read.all("href")

    assert [one for one in hrefs if one.startswith("#workload-")] == [f"#workload-{n}" for n in range(4)]
    assert {f"workload-{n}" for n in range(4)} <= set(read.all("id"))
    assert {"#line-64", "#line-66", "#line-78"} <= set(hrefs)
    assert "8.711 – 12.711 s" in " ".join(read.texts), "bounds stand as moments of the run"


@pytest.mark.parametrize(("name", "parts"), [
    ("deployment/shop", ["not-ready", "part-0", "part-1"]), ("deployment/worker", ["not-ready", "part-0"]),
    ("node/b", ["not-ready"]),
])  # fmt: skip
def test_a_lane_is_drawn_from_each_step_to_the_next(name: str, parts: list[str]) -> None:
    report = alone(name)
    (lane,) = workload_lanes(timeline(report), report, "en")

    assert re.findall(r'class="(not-ready|part-\d)"', lane) == parts
    spans = [(int(a), int(b)) for a, b in re.findall(r'data-from="(\d+)" data-to="(\d+)"', lane)]
    assert all(a <= b for a, b in spans)
    assert [b for _, b in spans[: len(parts) - 1]] == [a for a, _ in spans[1 : len(parts)]]


def test_what_was_evicted_only_after_all_was_ready_again_draws_nothing_backwards() -> None:
    late = specimen.hurt("deployment/shop", ("not_ready", 1, 1), ("ready", 3, 3), ("evicted", 9, 9))
    report = replace(specimen.rescheduled(), rescheduled=(late,))
    (lane,) = workload_lanes(timeline(report), report, "en")

    assert re.findall(r'class="(not-ready|part-\d)"', lane) == ["not-ready"]


def test_bounds_are_drawn_where_they_are_apart() -> None:
    for name, count in (("deployment/shop", 0), ("statefulset/cart", 2)):
        report = alone(name)
        assert "".join(workload_lanes(timeline(report), report, "en")).count('class="bounds"') == count


def test_markdown_and_json_have_them_too() -> None:
    report = specimen.rescheduled()
    markdown = ToMarkdown().render(report)
    (shop,) = (one for one in json.loads(ToJson().render(report))["rescheduled"] if one["object"] == "deployment/shop")

    assert "| deployment/shop | primary-dies | 400 ms | 1.2 s | 1.3 s | 3.9 s | 64, 66, 70, 78 |" in markdown
    assert shop["after"]["ready"] == {"value": 3.9, "low": 3.9, "high": 3.9, "unit": "s"}
    assert shop["lines"]["ready"] == 78


def test_in_chinese_all_of_it_is_chinese() -> None:
    report = specimen.rescheduled()
    assert "运行结束时仍未恢复就绪（> 23.2 s）" in ToTerminal().render(report, "zh")
    parts = [*workload_lanes(timeline(report), report, "zh"), workload_table(report, "zh")]
    for word in ("not ready", "evicted", "rescheduled", "ready again", "after", "Workload"):
        assert word not in " ".join(parts)
    assert "observer cluster" not in ToMarkdown().render(report, "zh")


@pytest.mark.parametrize("make", [specimen.passing, specimen.handled, specimen.empty])
def test_where_nobody_watched_a_cluster_nothing_is_shown(make) -> None:
    assert "workload" not in ToHtml().render(make()).lower().partition("<body")[2].partition("<script")[0]
    assert "orkload" not in ToMarkdown().render(make())
    assert workloads.lines(make(), "en") == []


def test_thousands_are_a_few_lines_and_a_bounded_table() -> None:
    many = tuple(specimen.hurt(f"deployment/d-{n}", ("not_ready", 1, 1), ("ready", 2 + n, 2 + n)) for n in range(1000))
    report = replace(specimen.rescheduled(), rescheduled=many)

    assert workloads.lines(report, "en")[-1] == ("", "and 994 more")
    assert workloads.lines(report, "en")[0][0] == "deployment/d-999"
    assert len(workload_lanes(timeline(report), report, "en")) == workloads.SAID_MAX + 1
    page = Page(ToHtml().render(report))
    assert sum(one.startswith("workload-") for one in page.all("id")) == workloads.SHOWN_MAX
    assert len(json.loads(ToJson().render(report))["rescheduled"]) == 1000


def test_namesakes_are_told_apart_by_their_namespace() -> None:
    one = specimen.hurt("deployment/shop", ("not_ready", 1, 1), ("ready", 2, 2))
    report = replace(specimen.rescheduled(), rescheduled=(one, replace(one, namespace="cart")))

    assert {name for name, _ in workloads.lines(report, "en")} == {"deployment/shop (shop)", "deployment/shop (cart)"}
