"""Routes and inhibitions, from configurations as people write them."""

import pytest

from checks.observers.routing import inhibitions, receivers, route_tree


def test_what_a_route_does_not_say_it_has_from_the_one_above() -> None:
    tree = route_tree({"route": {
        "receiver": "all", "group_by": ["job"], "group_wait": "10s",
        "routes": [{"receiver": "team", "matchers": ['team="cart"'], "group_interval": "1m", "continue": True,
                    "mute_time_intervals": ["night"],
                    "routes": [{"match": {"severity": "page"}, "group_by": ["..."], "group_wait": "0s"}]}],
    }})  # fmt: skip

    [team] = tree["routes"]
    [page] = team["routes"]
    assert tree["receiver"] == "all"
    assert (tree["group_wait_s"], tree["group_interval_s"], tree["repeat_interval_s"]) == (10, 300, 14400)
    assert (team["receiver"], team["group_by"], team["continue"], team["mute"]) == ("team", ["job"], True, ["night"])
    assert (team["group_wait_s"], team["group_interval_s"], team["repeat_interval_s"]) == (10, 60, 14400)
    assert (page["receiver"], page["group_by"], page["continue"], page["mute"]) == ("team", ["..."], False, [])
    assert (page["group_wait_s"], page["group_interval_s"]) == (0, 60)
    assert page["matchers"] == ['severity="page"']


def test_matchers_read_alike_however_they_are_written() -> None:
    both = {"match": {"a": "b"}, "match_re": {"c": "d.*"}, "matchers": ['e!="f"']}
    sides = {f"{side}_{key}": value for side in ("source", "target") for key, value in both.items()}
    expected = ['a="b"', 'c=~"d.*"', 'e!="f"']

    [rule] = inhibitions({"inhibit_rules": [{**sides, "equal": ["job"]}]})

    assert route_tree({"route": {"receiver": "x", **both}})["matchers"] == expected
    assert rule == {"source": expected, "target": expected, "equal": ["job"]}


def test_nothing_is_made_of_nothing() -> None:
    assert inhibitions({}) == []
    assert receivers({"receivers": [{"name": "a"}, {"name": "b"}]}) == ["a", "b"]
    assert receivers({}) == []


def test_routes_without_end_are_refused() -> None:
    route: dict[str, object] = {"receiver": "x"}
    route["routes"] = [route]  # as a YAML alias can have it

    with pytest.raises(ValueError, match="deep"):
        route_tree({"route": route})
