"""Workloads are scaled and rolled out badly, and are afterwards what they were, unless somebody else was there."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from injectors import InjectionFailed
from injectors.kubernetes_pods import NO_IMAGE
from injectors.kubernetes_workloads import BadImage, Scale
from tests.injectors.clusters import IT, a_workload, address
from tests.injectors.kubernetes_workload import OnAWorkload
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Controllers and no node: pods are made, and wait."""
    with control_plane("kube-controller-manager") as one:
        yield one


class TestScale(OnAWorkload):
    def injector(self) -> Any:
        return Scale(target=IT, to=0)

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        return found["spec"]["replicas"] == 0 and not own

    def is_whole(self, before: list[str], own: list[Any]) -> bool:
        return len(own) == len(before)

    def mend(self, namespace: str) -> None:
        self.plane.kubectl("--namespace", namespace, "scale", "deployment/shop", "--replicas=2")


class TestBadImage(OnAWorkload):
    def injector(self) -> Any:
        return BadImage(target=IT, containers=("web",))

    taken = 2
    """How many of its pods are replaced."""

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        return len(own) == 2 and bad(own) == self.taken

    def is_whole(self, before: list[str], own: list[Any]) -> bool:
        return len(own) == len(before) and not bad(own)

    def mend(self, namespace: str) -> None:
        self.plane.kubectl("--namespace", namespace, "set", "image", f"{self.kind.lower()}/shop", "web=shop:1")


class TestBadImageOfADaemonSet(TestBadImage):
    kind = "DaemonSet"


class TestBadImageOfAStatefulSet(TestBadImage):
    """Its controller waits for ever for a pod that cannot become ready."""

    kind = "StatefulSet"
    taken = 1
    can_mend = False


def bad(pods: list[Any]) -> int:
    """How many of these have an image that nobody can have."""
    return sum(any(container["image"] == NO_IMAGE for container in one["spec"]["containers"]) for one in pods)


def an_autoscaler(plane: ControlPlane, namespace: str, of: str = "shop", least: int = 2) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": of}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 5}
    path = f"/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers"
    plane.api.post(path, {"metadata": {"name": f"keeps-{of}"}, "spec": spec})


def test_a_number_that_an_autoscaler_would_undo_is_refused_and_none_at_all_it_leaves_alone(plane: ControlPlane) -> None:
    namespace = a_workload(plane)
    where = address(plane, namespace=namespace, deployment="shop")
    an_autoscaler(plane, namespace, of="another")
    assert asyncio.run(Scale(target=IT, to=1).preview(where)).does == "2 replicas become 1"
    an_autoscaler(plane, namespace)

    assert asyncio.run(Scale(target=IT, to=0).preview(where)).does == "2 replicas become 0"
    by = f"horizontalpodautoscaler {namespace}/keeps-shop scales deployment {namespace}/shop and would undo it"
    with pytest.raises(InjectionFailed, match=f"{by}; only `to: 0` it leaves alone"):
        asyncio.run(Scale(target=IT, to=1).preview(where))
