"""What became of pods after a fault, computed from what was told of a cluster."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.rescheduling import Rescheduling, rescheduling, unseen
from tests.checks.history import EPOCH_UNIX, History


class Cluster(History):
    """A deployment `shop` whose pods come and go, and nodes that do."""

    def listed(self, *names: str, t_s: float = 0.0, owner: str = "deployment/shop") -> "Cluster":
        """Pods that are there and ready when the observer begins."""
        objects = [{"object": f"pod/{name}", "namespace": "shop", "uid": name, "state": "ready",
                    "now": {"node": "a", "owner": owner}} for name in names]  # fmt: skip
        self.told(t_s, "cluster", "kubernetes.listed", resource="pods", namespace="shop", n=len(names), objects=objects)
        return self

    def node(self, t_s: float, name: str, state: str, was_state: str, **data: Any) -> "Cluster":
        self.told(t_s, "cluster", "kubernetes.changed", object=f"node/{name}", namespace="", uid=name, change="changed",
                  state=state, was_state=was_state, now={"zone": "z"}, was={}, **data)  # fmt: skip
        return self

    def lost(self, t_s: float, *, lost_s: float = 0.0) -> "Cluster":
        """The observer cannot hear any more, since so long."""
        self.told(t_s, "cluster", "observer.lost", kind="kubernetes", why="killed", lost_s=lost_s)
        return self

    def back(self, t_s: float, *, lost_s: float, caught_up: bool) -> "Cluster":
        self.told(t_s, "cluster", "observer.back", kind="kubernetes", lost_s=lost_s, caught_up=caught_up)
        return self

    def pod(self, t_s: float, name: str, change: str, state: str, was_state: str = "", *, node: str = "a",
            owner: str = "deployment/shop", **data: Any) -> "Cluster":  # fmt: skip
        about = {"node": node, "owner": owner} if node else {"owner": owner}
        now, was = ({}, about) if change == "gone" else (about, {})
        self.told(t_s, "cluster", "kubernetes.changed", object=f"pod/{name}", namespace="shop", uid=name, change=change,
                  state=state, was_state=was_state, now=now, was=was, **data)  # fmt: skip
        return self


def of(history: History) -> tuple[Rescheduling, ...]:
    return rescheduling(history.evidence, "kill")


def lost() -> Cluster:
    """A node dies at 10 s; its pod is not ready at 20 s, evicted at 25 s; another is born, placed, and ready at 31 s."""
    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.pod(20, "old", "changed", "not_ready", "ready").pod(25, "old", "changed", "leaving", "not_ready")
    one.pod(26, "new", "born", "not_ready", node="").pod(27, "new", "changed", "not_ready", "not_ready", node="b")
    return one.pod(31, "new", "changed", "ready", "not_ready", node="b")


def test_each_step_is_timed_from_the_first_act_of_the_fault() -> None:
    (shop,) = of(lost())

    assert (shop.object, shop.namespace, shop.fault) == ("deployment/shop", "shop", "kill")
    assert {step: took.value for step, took in shop.after.items()} == {
        "not_ready": 10, "evicted": 15, "rescheduled": 17, "ready": 21}  # fmt: skip
    assert [*shop.lines] == ["not_ready", "evicted", "rescheduled", "ready"]
    assert len({*shop.lines.values()}) == 4


def test_it_is_ready_again_when_as_many_are_as_before_and_not_sooner() -> None:
    one = Cluster().listed("a", "b", "c")
    one.fault("kill", acting=10, effect=10)
    one.pod(12, "a", "gone", "gone", "ready").pod(12, "b", "gone", "gone", "ready")
    one.pod(13, "d", "born", "not_ready", node="b").pod(15, "d", "changed", "ready", "not_ready")
    (waiting,) = of(one.ended(40))

    assert "ready" not in waiting.after, "one of two that were lost is not all"
    assert (waiting.unready_s, str(waiting.why_not)) == (30, "not ready again when the run ended")
    one.pod(41, "e", "born", "not_ready", node="b").pod(42, "e", "changed", "ready", "not_ready")
    (shop,) = of(one)
    assert shop.after["ready"].value == 32
    assert (shop.unready_s, shop.why_not) == (None, None)


def test_one_pod_too_many_that_is_not_ready_hurts_nobody() -> None:
    (shop,) = of(lost().pod(33, "third", "born", "not_ready", node="b"))
    assert shop.after["ready"].value == 21


def test_what_is_hurt_again_is_ready_when_it_is_for_good() -> None:
    one = lost().pod(33, "new", "changed", "not_ready", "ready", node="b")
    assert "ready" not in of(one)[0].after

    (shop,) = of(one.pod(37, "new", "changed", "ready", "not_ready", node="b"))
    assert (shop.after["not_ready"].value, shop.after["ready"].value) == (10, 27)


def test_pods_that_are_replaced_one_by_one_without_ever_lacking_one_are_not_hurt() -> None:
    one = Cluster().listed("a", "b")
    one.fault("kill", acting=10, effect=10)
    one.pod(12, "c", "born", "not_ready").pod(13, "c", "changed", "ready", "not_ready").pod(
        14, "a", "gone", "gone", "ready"
    )

    assert of(one) == ()


def test_all_are_ready_again_when_the_last_is() -> None:
    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.pod(12, "a", "changed", "not_ready", "ready").pod(13, "b", "changed", "not_ready", "ready")
    one.pod(20, "a", "changed", "ready", "not_ready").pod(26, "b", "changed", "ready", "not_ready")
    (shop,) = of(one)

    assert {step: took.value for step, took in shop.after.items()} == {"not_ready": 2, "ready": 16}


def test_what_was_told_late_has_its_bounds_and_none_before_the_fault() -> None:
    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.pod(18, "a", "changed", "not_ready", "ready", within_s=6.0).pod(
        19, "a", "changed", "ready", "not_ready", within_s=30.0
    )
    (shop,) = of(one)

    assert (shop.after["not_ready"].low, shop.after["not_ready"].high) == (2, 8)
    assert (shop.after["ready"].low, shop.after["ready"].high) == (0, 9)


@pytest.mark.parametrize("acting", [None, 10.0])
def test_a_fault_that_never_acted_or_hurt_nobody_rescheduled_nothing(acting: float | None) -> None:
    one = Cluster()
    one.fault("kill", acting=acting, effect=acting)
    one.pod(5, "a", "changed", "not_ready", "ready").pod(12, "b", "born", "ready")

    assert of(one) == ()


def test_workloads_are_apart_and_the_first_to_be_hurt_is_first() -> None:
    one = lost().pod(15, "cart-1", "changed", "not_ready", "ready", owner="statefulset/cart")

    assert [each.object for each in of(one)] == ["statefulset/cart", "deployment/shop"]
    assert [*of(one)[0].after] == ["not_ready"]


def test_a_node_is_not_ready_and_ready_again_and_nothing_else() -> None:
    one = Cluster()
    one.fault("kill", acting=10, effect=10)
    one.node(16, "a", "not_ready", "ready").node(16.5, "a", "not_ready", "not_ready").node(
        29, "a", "ready", "not_ready"
    )
    (node,) = of(one)

    assert (node.object, node.steps) == ("node/a", ("not_ready", "ready"))
    assert {step: took.value for step, took in node.after.items()} == {"not_ready": 6, "ready": 19}


@pytest.mark.parametrize(("healing", "ready"), [(30.0, 2.0), (31.0, 22.0), (None, 22.0)])
def test_what_hurts_it_once_it_was_ready_again_and_healing_began_is_not_the_fault(
    healing: float | None, ready: float
) -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10, healing=healing)
    one.pod(11, "a", "changed", "not_ready", "ready").pod(12, "a", "changed", "ready", "not_ready")
    one.pod(30.5, "a", "changed", "not_ready", "ready").pod(32, "a", "changed", "ready", "not_ready")

    assert of(one)[0].after["ready"].value == ready


def test_what_is_not_ready_when_healing_begins_is_followed_until_it_is() -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10, healing=20, gone=21)
    one.pod(11, "a", "changed", "not_ready", "ready").pod(25, "a", "changed", "ready", "not_ready")

    assert of(one)[0].after["ready"].value == 15


def two_faults(*, second: float, gone: float | None = None) -> Cluster:
    one = Cluster().listed("a", "b")
    one.fault("kill", acting=10, effect=10, gone=gone).fault("again", acting=second, effect=second)
    return one


def test_what_comes_after_a_recovery_and_another_fault_is_that_ones() -> None:
    one = two_faults(second=20)
    one.pod(12, "a", "changed", "not_ready", "ready").pod(14, "a", "changed", "ready", "not_ready")
    one.pod(21, "b", "changed", "not_ready", "ready").pod(26, "b", "changed", "ready", "not_ready")

    assert of(one)[0].after["ready"].value == 4
    assert rescheduling(one.evidence, "again")[0].after["ready"].value == 6


@pytest.mark.parametrize(("gone", "theirs"), [(19.0, True), (20.5, False)])
def test_a_fault_that_hurt_nobody_while_it_was_there_is_not_blamed_for_the_next(gone: float, theirs: bool) -> None:
    one = two_faults(second=20, gone=gone).pod(21, "b", "changed", "not_ready", "ready")

    assert (of(one) == ()) is theirs
    assert rescheduling(one.evidence, "again")[0].after["not_ready"].value == 1


def test_what_nobody_saw_makes_the_first_of_its_kind_as_early_as_that() -> None:
    """It listed anew what it found: something may have come and gone between 15 s and 19 s."""
    one = Cluster().listed("a", "b")
    one.fault("kill", acting=10, effect=10)
    one.lost(16, lost_s=1.0).back(19, lost_s=4.0, caught_up=False)
    one.pod(22, "a", "changed", "not_ready", "ready").pod(23, "a", "changed", "ready", "not_ready")
    (shop,) = of(one.ended(30))

    assert (shop.after["not_ready"].low, shop.after["not_ready"].high) == (5, 12)
    assert (shop.after["ready"].low, shop.after["ready"].high) == (13, 13)
    assert shop.unseen == ((15, 19),)


def test_what_was_caught_up_with_was_not_missed() -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10)
    one.lost(16, lost_s=1.0).back(19, lost_s=4.0, caught_up=True).pod(22, "a", "changed", "not_ready", "ready")
    (shop,) = of(one.ended(30))

    assert (shop.after["not_ready"].low, shop.unseen) == (12, ())


def noted(t_s: float) -> str:
    """As a cluster notes a time: in whole seconds."""
    return datetime.fromtimestamp(EPOCH_UNIX + int(t_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(("lost", "low"), [(False, 22.0), (True, 8.0)])
def test_what_nodes_told_the_cluster_late_since_it_was_dead_has_the_time_that_it_noted_as_bound(
    lost: bool, low: float
) -> None:
    """Where the cluster could be heard all the time, its clock is not asked: it may be wrong."""
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10)
    one.pod(11, "a", "changed", "not_ready", "ready")
    if lost:
        one.lost(14).back(30, lost_s=16.0, caught_up=True)
    now = {"node": "b", "owner": "deployment/shop", "since": noted(18.7)}
    one.told(32, "cluster", "kubernetes.changed", object="pod/a", namespace="shop", uid="a", change="changed", state="ready",
             was_state="not_ready", now=now, was={})  # fmt: skip
    (shop,) = of(one)

    assert (shop.after["ready"].low, shop.after["ready"].high) == (low, 22)


def test_what_the_cluster_notes_is_believed_only_from_when_it_was_lost_on() -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10)
    one.pod(11, "a", "changed", "not_ready", "ready").lost(14).back(30, lost_s=16.0, caught_up=True)
    now = {"owner": "deployment/shop", "since": noted(3)}
    one.told(32, "cluster", "kubernetes.changed", object="pod/a", namespace="shop", uid="a", change="changed", state="ready",
             was_state="not_ready", now=now, was={})  # fmt: skip

    assert of(one)[0].after["ready"].low == 4


def test_of_what_nobody_watches_any_more_nobody_says_that_it_never_came_back() -> None:
    one = Cluster().listed("a")
    one.fault("kill", acting=10, effect=10)
    (shop,) = of(one.pod(12, "a", "changed", "not_ready", "ready").lost(16, lost_s=1.0).ended(60))

    assert (shop.unready_s, str(shop.why_not)) == (5, "nobody watched the cluster any more")
    assert unseen(one.evidence, "cluster") == ((15, 60),)


def test_what_was_lost_before_the_fault_and_found_again_is_of_no_interest() -> None:
    one = Cluster().listed("a").lost(5).back(8, lost_s=3.0, caught_up=False)
    one.fault("kill", acting=10, effect=10)
    (shop,) = of(one.pod(12, "a", "changed", "not_ready", "ready"))

    assert shop.unseen == ()
    assert shop.after["not_ready"].low == 2


STATES = st.lists(st.tuples(st.floats(0.1, 5), st.sampled_from("abc"), st.booleans()), max_size=20)


@given(STATES)
def test_ready_again_is_told_exactly_when_as_many_are_ready_at_the_end(steps: list[tuple[float, str, bool]]) -> None:
    one = Cluster().listed("a", "b", "c")
    one.fault("kill", acting=10, effect=10)
    now_s, ready = 10.0, {"a": True, "b": True, "c": True}
    first_s: float | None = None
    for later_s, name, is_ready in steps:
        now_s = round(now_s + later_s, 6)
        one.pod(now_s, name, "changed", "ready" if is_ready else "not_ready", "ready" if ready[name] else "not_ready")
        ready[name] = is_ready
        if first_s is None and not all(ready.values()):
            first_s = now_s
    found = of(one.ended(now_s + 1))

    assert (first_s is None) == (not found)
    if found:
        assert first_s is not None
        assert found[0].after["not_ready"].value == pytest.approx(first_s - 10)
        assert ("ready" in found[0].after) == all(ready.values())
        assert (found[0].unready_s is None) == all(ready.values())
        assert [*found[0].after.values()] == sorted(found[0].after.values(), key=lambda took: took.value)
