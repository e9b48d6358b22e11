"""Which series an expression reads."""

import pytest

from checks.observers.selectors import selectors


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
