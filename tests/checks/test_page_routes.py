"""Whom an alert would reach of which not everything is known: who surely, who perhaps, and on which labels that depends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.matchers import read
from checks.page_routes import Labels, candidates, labels_before, ways


def route(receiver: str, *routes: Any, matchers: tuple[str, ...] = (), go_on: bool = False) -> dict[str, Any]:
    return {"receiver": receiver, "matchers": list(matchers), "continue": go_on, "routes": list(routes)}


def taken(tree: dict[str, Any], labels: Labels) -> dict[str, str]:
    """Each receiver, with the labels that decide whether it is one."""
    return {way.receiver: ",".join(sorted(way.asks)) for way in ways(tree, labels)}


TEAMS = route("all", route("cart", matchers=('team="cart"',)), route("page", matchers=('severity="page"',)))


@pytest.mark.parametrize(
    ("labels", "reached"),
    [
        (Labels({"team": "cart"}), {"cart": ""}),
        (Labels({"team": "shop", "severity": "page"}), {"page": ""}),
        (Labels({"severity": "page"}), {"cart": "team", "page": "team"}),
        (Labels({"team": "shop"}), {"page": "severity", "all": "severity"}),
        (Labels({}), {"cart": "team", "page": "severity,team", "all": "severity,team"}),
        (Labels({}, whole=True), {"all": ""}),
        (Labels({"severity": "page"}, whole=True), {"page": ""}),
        (Labels({"severity": "page"}, frozenset({"team"}), whole=True), {"cart": "team", "page": "team"}),
    ],
)
def test_what_is_not_known_leaves_open_whom_it_reaches(labels: Labels, reached: dict[str, str]) -> None:
    assert taken(TEAMS, labels) == reached


def test_a_route_that_goes_on_takes_nothing_from_those_after_it() -> None:
    tree = route(
        "all", route("log", matchers=('team="cart"',), go_on=True), route("page", matchers=('severity="page"',))
    )

    assert taken(tree, Labels({"severity": "page"})) == {"log": "team", "page": ""}


def test_below_a_route_it_is_one_that_matches_or_the_route_itself() -> None:
    tree = route("all", route("page", route("night", matchers=('shift="night"',)), matchers=('severity="page"',)))

    assert taken(tree, Labels({"severity": "page"})) == {"night": "shift", "page": "shift"}
    assert taken(tree, Labels({"severity": "info"})) == {"all": ""}


def test_a_matcher_that_only_go_can_read_leaves_it_open() -> None:
    tree = route("all", route("page", matchers=('severity=~"[[:alpha:]]+"',)))

    assert taken(tree, Labels({"severity": "page"})) == {"page": "severity", "all": "severity"}


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["1", "2"])
MATCHERS = st.lists(st.builds('{}="{}"'.format, NAMES, VALUES), max_size=2).map(tuple)
TREES = st.recursive(
    st.builds(route, st.text("xyz", min_size=1), matchers=MATCHERS, go_on=st.booleans()),
    lambda below: st.builds(
        lambda receiver, routes, matchers, go_on: route(receiver, *routes, matchers=matchers, go_on=go_on),
        st.text("xyz", min_size=1), st.lists(below, max_size=3), MATCHERS, st.booleans(),
    ),
)  # fmt: skip
LABELS = st.dictionaries(NAMES, VALUES)


def chosen(tree: dict[str, Any], labels: dict[str, str]) -> list[dict[str, Any]]:
    """The routes that Alertmanager takes, as its manual tells it."""
    found: list[dict[str, Any]] = []
    for child in tree["routes"]:
        if all(labels.get(name, "") == value for name, _, value in map(read, child["matchers"])):
            found += chosen(child, labels)
            if not child["continue"]:
                break
    return found or [tree]


@given(TREES, LABELS)
def test_of_whole_labels_the_routes_are_those_that_alertmanager_takes(
    tree: dict[str, Any], labels: dict[str, str]
) -> None:
    found = list(ways(tree, Labels(labels, whole=True)))

    assert [way.route for way in found] == chosen(tree, labels)
    assert not any(way.asks for way in found)


@given(TREES, LABELS, st.sets(NAMES))
def test_what_is_sure_is_so_and_what_is_so_was_possible(
    tree: dict[str, Any], labels: dict[str, str], hidden: set[str]
) -> None:
    known = {name: value for name, value in labels.items() if name not in hidden}
    found = list(ways(tree, Labels(known, frozenset(hidden), whole=True)))
    really = [id(one) for one in chosen(tree, labels)]

    assert {id(way.route) for way in found if not way.asks} <= {*really} <= {id(way.route) for way in found}


class TestLabels:
    def rule(self, *series: dict[str, str], **more: Any) -> dict[str, Any]:
        labels = {"severity": "page", "tier": "{{ $labels.t }}"}
        return {"alert": "Down", "labels": labels, "could_fire": {"count": len(series), "labels": list(series)}, **more}

    def test_of_a_rule_alone_its_own_labels_are_known_and_those_wished_for(self) -> None:
        labels = labels_before("Down", {"team": "cart", "zone": "/a|b/"}, {**self.rule(), "could_fire": None})

        assert [labels.get(name) for name in ("alertname", "severity", "team")] == ["Down", "page", "cart"]
        assert [labels.get(name) for name in ("tier", "zone", "job")] == [None, None, None]

    def test_the_series_that_it_watches_tell_the_others(self) -> None:
        rule = self.rule(
            {"job": "web", "i": "1"}, {"job": "web", "i": "2"}, external_labels={"cluster": "eu", "job": "x"}
        )
        labels = labels_before("Down", {}, rule)

        assert [labels.get(name) for name in ("job", "cluster", "nothing")] == ["web", "eu", ""]
        assert [labels.get(name) for name in ("i", "tier")] == [None, None]
        assert labels_before("Down", {"i": "2"}, rule).get("i") == "2"

    def test_one_that_is_relabelled_on_its_way_may_have_others(self) -> None:
        assert labels_before("Down", {}, self.rule({"job": "web"}, relabelled=True)).get("team") is None
        assert labels_before("Down", {}, self.rule({"job": "web"})).get("team") == ""

    def test_of_more_series_than_are_told_nothing_follows(self) -> None:
        rule = {**self.rule(), "could_fire": {"count": 3, "labels": [{"job": "web"}, {"job": "web"}]}}

        assert candidates(rule, {}) == []
        assert labels_before("Down", {}, rule).get("job") is None

    def test_without_a_rule_there_is_what_was_wished_for(self) -> None:
        assert labels_before("Down", {"severity": "page"}, None).known == {"alertname": "Down", "severity": "page"}
        assert labels_before("/D.*/", {}, None).get("alertname") is None

    @pytest.mark.parametrize(
        ("group", "by", "same"),
        [
            ({"severity": "page"}, ("severity",), True),
            ({"severity": "info"}, ("severity",), False),
            ({"tier": "1"}, ("tier",), None),
            ({"tier": "1", "severity": "info"}, ("tier", "severity"), False),
            ({}, (), True),
            ({}, ("nothing",), True),
            ({"alertname": "Down", "severity": "page", "job": "web"}, ("...",), None),
            ({"alertname": "Up"}, ("...",), False),
        ],
    )
    def test_whether_a_group_is_its_own(self, group: dict[str, str], by: tuple[str, ...], same: bool | None) -> None:
        labels = labels_before("Down", {}, self.rule({"job": "web"}))

        assert labels.same(group, by) is same
