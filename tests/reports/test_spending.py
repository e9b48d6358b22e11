"""Where the time went, in words."""

from dataclasses import replace

import pytest

from checks import Measured, Part, Spent
from reports.spending import advice, head, longest, rows, spendings, took_words
from reports.to_html import ToHtml
from tests.reports import specimen
from tests.reports.test_to_html import Page


def page(*parts: tuple[str, float, dict[str, float]], limit_s: float = 15) -> Spent:
    made = [Part(name=name, took=Measured.between(took_s, took_s), knobs=knobs) for name, took_s, knobs in parts]
    return specimen.page_of("CachePrimaryDown", made, limit_s)


@pytest.mark.parametrize(
    ("parts", "said", "chinese"),
    [
        ([("scrape", 2, {"scrape_interval": 2}), ("grouping", 3, {"group_wait": 3, "group_interval": 300})],
         "Of 5 s, 3 s is grouping: the knob that would help most is `group_wait`, set to 3 s",
         "5 s 中有 3 s 是分组：最值得调的是 `group_wait`，现值 3 s"),
        ([("for", 3, {"for": 3}), ("delivery", 3, {})],
         "Of 6 s, 3 s is `for`, set to 3 s: no other knob would help as much",
         "6 s 中有 3 s 是 `for`，现值 3 s：调它最有用"),
        ([("scrape", 2, {"scrape_interval": 2}), ("delivery", 3, {})],
         "Of 5 s, 3 s is delivery, for which no knob is known", "5 s 中有 3 s 是投递，没有已知的可调项"),
    ],
)  # fmt: skip
def test_it_is_said_what_took_longest_and_what_would_help(parts: list, said: str, chinese: str) -> None:
    assert advice(page(*parts), "en") == said
    assert advice(page(*parts), "zh") == chinese


def test_each_part_is_a_row_with_its_knobs() -> None:
    assert [*rows(page(("grouping", 3, {"group_wait": 3, "group_interval": 300}), ("delivery", 0.1, {})), "en")] == [
        ("grouping", "3 s", "group_wait, group_interval", "3 s, 5 min"),
        ("delivery", "100 ms", "–", "–"),
    ]


@pytest.mark.parametrize(("half_s", "said"), [(0.0, "2 s"), (0.019, "2 s"), (0.02, "2 s ± 20 ms"), (1, "2 s ± 1 s")])
def test_bounds_are_told_where_they_matter(half_s: float, said: str) -> None:
    assert took_words(Measured.between(2 - half_s, 2 + half_s)) == said


def test_what_took_hardly_longer_than_its_limit_does_not_look_as_if_it_had_not() -> None:
    assert head(page(("for", 15.001, {})), "en") == "after 15.001 s; limit 15 s"
    assert head(replace(page(("for", 3, {})), took=Measured.between(2, 4)), "en") == "after 3 s ± 1 s; limit 15 s"


def test_what_took_no_time_at_all_can_be_told() -> None:
    spent = page(("for", 0, {}), ("delivery", 0, {}))
    assert longest(spent.parts).name == "for"
    assert took_words(spent.parts[0].took) == "0 s"


@pytest.mark.parametrize(
    "odd",
    [
        page(),
        page(("for", float("inf"), {})),
        page(("for", 1, {}), limit_s=float("inf")),
        replace(page(("for", 1, {})), from_s=float("nan")),
    ],
)
def test_what_cannot_be_drawn_is_left_out(odd: Spent) -> None:
    last = specimen.clean()
    report = specimen.report([replace(last, verdict=replace(last.verdict, spent=(odd,)))])
    assert spendings(report) == ()
    assert "spent" not in [given.get("class") for _, given in Page(ToHtml().render(report)).tags]


def test_a_page_that_two_checks_tell_of_is_told_once() -> None:
    assert [(one.check, str(one.spent.what)) for one in spendings(specimen.paging())] == [
        (3, "CachePrimaryDown reached oncall"),
        (4, "ErrorBudgetBurn reached oncall"),
    ]
    assert spendings(specimen.failing()) == ()
