"""The worst case of a page, and the routes that an alert takes, without any run."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.matchers import read
from checks.page_delay import page_delay, timed
from checks.page_routes import Labels, ways


def rule(
    for_s: float = 300.0, scrape_s: float | None = 60.0, evaluation_s: float | None = 60.0, **more: Any
) -> Mapping[str, Any]:
    one = {"alert": "Down", "for_s": for_s, "interval_s": None, "labels": {"severity": "page"}, **more}
    return timed(one, {"scrape_s": scrape_s, "evaluation_s": evaluation_s})


def route(
    receiver: str, *routes: Any, matchers: tuple[Any, ...] = (), go_on: bool = False, wait_s: float = 30.0
) -> dict[str, Any]:
    return {"receiver": receiver, "matchers": list(matchers), "continue": go_on, "routes": list(routes),
            "group_wait_s": wait_s, "group_interval_s": 300.0, "mute": []}  # fmt: skip


def receivers(tree: dict[str, Any], **labels: str) -> list[str]:
    return [one.receiver for one in ways(tree, Labels(labels, whole=True))]


class TestDelay:
    def test_the_defaults_and_five_minutes_come_to_seven_and_a_half(self) -> None:
        delay = page_delay(rule(), route("oncall"))
        assert delay.worst_s == 450.0
        assert str(delay.arithmetic) == (
            "Down reaches oncall at worst after scrape 1 min + evaluation 1 min + for 5 min + grouping 30 s = 7 min 30 s"
        )

    @pytest.mark.parametrize(
        ("for_s", "evaluation_s", "waiting_s"),
        [
            (0, 15, 0),
            (15, 15, 15),
            (15.001, 15, 30),
            (1, 15, 15),
            (0.6, 0.2, 0.6),
            (0.7, 0.1, 0.7),
            (6, 2, 6),
            (7, 2, 8),
        ],
    )
    def test_for_is_over_only_at_an_evaluation(self, for_s: float, evaluation_s: float, waiting_s: float) -> None:
        delay = page_delay(rule(for_s=for_s, evaluation_s=evaluation_s), route("oncall"))
        assert delay.waiting_s == waiting_s

    def test_a_group_of_rules_may_have_an_interval_of_its_own(self) -> None:
        delay = page_delay(rule(interval_s=10.0), route("oncall"))
        assert (delay.evaluation_s, delay.worst_s) == (10, 60 + 10 + 300 + 30)

    def test_a_group_that_is_alive_waits_for_its_next_turn(self) -> None:
        delay = page_delay(rule(), route("oncall"))
        assert delay.worst_in_group_s == 60 + 60 + 300 + 300

    @pytest.mark.parametrize(
        ("more", "tree", "lacking"),
        [({"scrape_s": None}, route("oncall"), "scrape interval"),
         ({"evaluation_s": None}, route("oncall"), "evaluation interval"),
         ({}, {}, "group_wait")],
    )  # fmt: skip
    def test_what_is_not_known_makes_no_figure(self, more: dict[str, Any], tree: Any, lacking: str) -> None:
        delay = page_delay(rule(**more), tree)
        assert (delay.worst_s, delay.worst_in_group_s) == (None, None)
        assert str(delay.arithmetic).endswith(f": {lacking} not known")

    def test_each_route_has_its_own_wait(self) -> None:
        assert page_delay(rule(), route("chat", wait_s=5)).worst_s == 425.0


class TestRoutes:
    def test_the_first_child_that_matches_takes_it(self) -> None:
        tree = route("root", route("a", matchers=('x="1"',)), route("b", matchers=('x="1"',)))
        assert receivers(tree, x="1") == ["a"]
        assert receivers(tree, x="2") == ["root"]

    def test_with_continue_the_next_ones_may_too(self) -> None:
        tree = route(
            "root",
            route("a", matchers=('x="1"',), go_on=True),
            route("no", matchers=('x="2"',)),
            route("b"),
            route("c"),
        )
        assert receivers(tree, x="1") == ["a", "b"]

    def test_a_child_without_a_child_that_matches_keeps_it(self) -> None:
        tree = route("root", route("a", route("deep", matchers=('y="1"',)), matchers=('x="1"',)))
        assert receivers(tree, x="1") == ["a"]
        assert receivers(tree, x="1", y="1") == ["deep"]

    def test_the_root_takes_all_whatever_it_says(self) -> None:
        assert receivers(route("root", matchers=('x="1"',)), x="2") == ["root"]


@pytest.mark.parametrize(
    ("matcher", "labels", "answer"),
    [
        ('severity="page"', {"severity": "page"}, True),
        ("severity=page", {"severity": "page"}, True),
        (' severity = "page" ', {"severity": "pager"}, False),
        ('severity=""', {}, True),
        ('severity!="page"', {}, True),
        ('severity!="page"', {"severity": "page"}, False),
        ('region=~"sg|hk"', {"region": "hk"}, True),
        ('region=~"sg|hk"', {"region": "hk2"}, False),
        ('region!~"sg|hk"', {"region": "hk2"}, True),
        (r'path="a\"b\\c"', {"path": 'a"b\\c'}, True),
        (r'path=~"a\\.b"', {"path": "a.b"}, True),
        (r'path=~"a\\.b"', {"path": "axb"}, False),
        ({"name": "a", "value": "1", "isRegex": False, "isEqual": True}, {"a": "1"}, True),
        ({"name": "a", "value": "1|2", "isRegex": True}, {"a": "2"}, True),
        ({"name": "a", "value": "1|2", "isRegex": True, "isEqual": False}, {"a": "2"}, False),
        ({"name": "a", "value": "1", "isEqual": False}, {"a": "2"}, True),
    ],
)  # fmt: skip
def test_a_matcher_is_read_as_alertmanager_reads_it(matcher: Any, labels: dict[str, str], answer: bool) -> None:
    assert Labels(labels, whole=True).fits([matcher]) is answer


def test_what_is_no_matcher_is_refused() -> None:
    with pytest.raises(ValueError, match="no matcher"):
        read("severity")


@given(fault_s=st.floats(0, 10), scrape=st.integers(1, 50), evaluation=st.integers(1, 50), for_=st.integers(0, 200),
       wait=st.integers(0, 50), phases=st.tuples(st.floats(0, 1), st.floats(0, 1)))  # fmt: skip
def test_nothing_that_works_is_slower_than_the_worst_case(
    *, fault_s: float, scrape: int, evaluation: int, for_: int, wait: int, phases: tuple[float, float]
) -> None:
    """Scrapes and evaluations at fixed distances, each at a phase of its own, in tenths of a second."""
    scrape_s, evaluation_s, for_s, wait_s = scrape / 10, evaluation / 10, for_ / 10, wait / 10

    def next_at(at_s: float, every_s: float, phase: float) -> float:
        at = phase * every_s
        return at + every_s * max(0, -(-(at_s - at) // every_s))

    active_s = next_at(next_at(fault_s, scrape_s, phases[0]), evaluation_s, phases[1])
    firing_s = active_s
    while firing_s - active_s < for_s - 1e-6:
        firing_s += evaluation_s
    delay = page_delay(rule(for_s=for_s, scrape_s=scrape_s, evaluation_s=evaluation_s), route("r", wait_s=wait_s))
    assert delay.worst_s is not None
    assert firing_s + wait_s - fault_s <= delay.worst_s + 1e-6
