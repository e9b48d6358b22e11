"""What became of pods after a fault, computed from what was told of a cluster."""

from typing import Any

import pytest

from checks.rescheduling import Rescheduled, rescheduling
from tests.checks.history import History


class Cluster(History):
    """A deployment `shop` whose pods come and go."""

    def pod(self, t_s: float, name: str, change: str, state: str, was_state: str = "", *, node: str = "a",
            owner: str = "deployment/shop", **data: Any) -> "Cluster":  # fmt: skip
        about = {"node": node, "owner": owner} if node else {"owner": owner}
        now, was = ({}, about) if change == "gone" else (about, {})
        self.told(t_s, "cluster", "kubernetes.changed", object=f"pod/{name}", namespace="shop", uid=name, change=change,
                  state=state, was_state=was_state, now=now, was=was, **data)  # fmt: skip
        return self


def of(history: History) -> tuple[Rescheduled, ...]:
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

    assert (shop.workload, shop.namespace) == ("deployment/shop", "shop")
    assert {step: took.value for step, took in shop.after.items()} == {
        "not_ready": 10, "evicted": 15, "rescheduled": 17, "ready": 21}  # fmt: skip
    assert len(shop.proof) == 4


def test_a_pod_that_never_becomes_ready_leaves_the_workload_hurt() -> None:
    (shop,) = of(lost().pod(33, "third", "born", "not_ready", node="b"))

    assert "ready" not in shop.after
    (again,) = of(lost().pod(33, "third", "born", "not_ready").pod(40, "third", "gone", "gone", "not_ready"))
    assert again.after["ready"].value == 21


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

    assert [each.workload for each in of(one)] == ["statefulset/cart", "deployment/shop"]
    assert [*of(one)[0].after] == ["not_ready"]
