"""The canary of an expected alert: which labels it has, by which route it goes, and whether anybody has to wait for it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from checks.alert_wish import Wish
from checks.canary import MARK, Canary, canary
from checks.check import Foreseen
from checks.page_routes import Labels
from tests.checks.history import History


def route(
    receiver: str, *below: Any, matchers: Sequence[str] = (), by: Sequence[str] = ("alertname",)
) -> dict[str, Any]:
    return {"receiver": receiver, "matchers": [*matchers], "group_by": [*by], "group_wait_s": 3.0, "group_interval_s": 300.0,
            "continue": False, "routes": list(below)}  # fmt: skip


def ground(tree: dict[str, Any], groups: Sequence[Any] = (), **rule: Any) -> History:
    history = History().listening("prometheus", "alertmanager", "sink").rules("Down", **rule)
    history.told(0, "alertmanager", "alerting.routes", receivers=["oncall"], routes=tree, inhibit=[])
    return history.told(0, "alertmanager", "alerting.groups", groups=[*groups])


def sent(history: History, mark: str = "1", **wish: Any) -> Canary:
    wished = Wish(**{"name_": "Down", "within": timedelta(seconds=30), "reaches": "oncall", **wish})
    found = canary(wished, history.evidence, mark)
    assert isinstance(found, Canary)
    return found


def test_it_has_the_labels_of_the_alert_a_mark_and_a_name_of_its_own() -> None:
    series = {"count": 1, "labels": [{"instance": "a"}]}
    found = sent(ground(route("oncall"), could_fire=series))

    assert found.labels == {"alertname": "ChaosDrillsCanary1", "severity": "page", "instance": "a", MARK: "1"}
    assert (found.observer, found.receiver, found.alone) == ("alertmanager", "oncall", True)


def test_labels_that_are_wished_for_are_its_own_but_expressions_are_not() -> None:
    labels = sent(ground(route("oncall"), labels={}), labels={"team": "cart", "zone": "/a|b/"}).labels

    assert labels["team"] == "cart"
    assert "zone" not in labels


def test_where_the_name_decides_it_has_the_true_one() -> None:
    tree = route("others", route("oncall", matchers=('alertname="Down"',)))

    assert sent(ground(tree)).name == "Down"
    assert not sent(ground(tree)).alone


def test_another_way_to_the_same_receiver_is_not_its_way() -> None:
    """The name of its own would go by the root, and say nothing of the route that the true one takes."""
    below = route("oncall", matchers=('alertname="Down"',), by=("severity",))

    assert sent(ground(route("oncall", below))).name == "Down"


def test_where_the_true_one_does_not_get_there_none_is_sent() -> None:
    tree = route("oncall", route("others", matchers=('alertname="Down"',)))
    wish = Wish(name_="Down", within=timedelta(seconds=30), reaches="oncall")

    assert isinstance(canary(wish, ground(tree).evidence, "1"), Foreseen)
    assert isinstance(canary(wish, History().evidence, "1"), Foreseen)


def test_in_a_group_of_its_own_nobody_waits_for_it_nor_it_for_anybody() -> None:
    own, shared = ground(route("oncall")), ground(route("oncall", by=("severity",)))
    living = ground(
        route("oncall", by=("severity",)), [{"receiver": "oncall", "labels": {"severity": "page"}, "alerts": 1}]
    )
    every = ground(route("oncall", by=("...",)))

    assert [sent(one).alone for one in (own, shared, living, every)] == [True, False, False, True]
    assert [sent(one).within_s for one in (own, shared, living, every)] == [13, 13, 313, 13]


def test_two_that_would_show_the_same_go_the_same_way() -> None:
    own, shared = ground(route("oncall")), ground(route("oncall", by=("severity",)))

    assert sent(own, "1").way == sent(own, "2").way
    assert sent(own, "1").way != sent(own, "2", labels={"team": "cart"}).way
    assert sent(shared, "1").way == sent(shared, "2", labels={"team": "cart"}).way


def test_its_labels_would_match_what_the_alert_matches() -> None:
    labels = Labels(sent(ground(route("oncall"))).labels, whole=True)
    assert labels.fits(['severity="page"', 'team=""'])
