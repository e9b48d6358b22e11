"""Workloads are scaled and rolled out badly, and are afterwards what they were, unless somebody else was there."""

from collections.abc import Iterator
from typing import Any

import pytest

from injectors.kubernetes_pods import NO_IMAGE
from injectors.kubernetes_workloads import BadImage, Scale
from tests.injectors.kubernetes import IT
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

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        return any(container["image"] == NO_IMAGE for one in own for container in one["spec"]["containers"])

    def is_whole(self, before: list[str], own: list[Any]) -> bool:
        return len(own) == len(before)

    def mend(self, namespace: str) -> None:
        self.plane.kubectl("--namespace", namespace, "set", "image", f"{self.kind.lower()}/shop", "web=shop:1")


class TestBadImageOfAStatefulSet(TestBadImage):
    """Its controller waits for ever for a pod that cannot become ready."""

    kind = "StatefulSet"
    can_mend = False
