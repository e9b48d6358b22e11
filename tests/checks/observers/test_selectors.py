"""Which series an expression reads."""

import pytest

from checks.observers.selectors import counting, narrowed, selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("down > 0", ["down"]),
        ("up == 0 and up", ["up"]),
        ('absent(up{job="cart"})', ['up{job="cart"}']),
        ('sum by (job) (rate(errors{path=~"a{2}\\\\d",x!="}"}[5m])) / on(job) group_left(team) sum(rate(all[5m:1m] offset 1h))',
         ['errors{path=~"a{2}\\\\d",x!="}"}', "all"]),
        ("sum without () (a:b:c) > bool 0.5e3 # up\n unless vector(1)", ["a:b:c"]),
        ('{__name__=~"a|b"} or {"with.dots"}', ['{__name__=~"a|b"}', '{"with.dots"}']),
        ("time() - last{} > Inf @ end()", ["last{}"]),
        ("SUM BY (x) (y) OR NaN", ["y"]),
        ("vector(1)", []),
        ("", []),
        ("broken{", ["broken{"]),
    ],
)  # fmt: skip
def test_selectors_are_found_as_they_are_written(expression: str, expected: list[str]) -> None:
    assert selectors(expression) == expected


@pytest.mark.parametrize(
    ("selector", "narrow"),
    [
        ("up", 'up{job=~"|shop"}'),
        ("up{}", 'up{job=~"|shop"}'),
        ('up{x="}"}', 'up{x="}",job=~"|shop"}'),
        ('up{x="1", }', 'up{x="1",job=~"|shop"}'),
        ('{__name__=~"a|b"}', '{__name__=~"a|b",job=~"|shop"}'),
    ],
)
def test_a_selector_is_narrowed_to_series_that_have_such_labels_or_lack_them(selector: str, narrow: str) -> None:
    assert narrowed(selector, {"job": "shop"}) == narrow
    assert narrowed(selector, {}) == selector


def test_what_a_label_holds_stays_what_it_is() -> None:
    assert narrowed("up", {"path": 'a.b"\\', "with.dots": "x"}) == 'up{path=~"|a\\\\.b\\"\\\\\\\\"}'


def test_series_are_counted_of_all_selectors() -> None:
    assert counting(["a", "b"]) == "(count(a) or vector(0)) + (count(b) or vector(0))"
    assert counting([]) == ""
