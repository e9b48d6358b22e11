"""Nodes are cordoned, tainted, drained and lost, and are afterwards exactly what they were, unless somebody was there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from injectors.conformance import Conformance, Subject
from injectors.kubernetes_nodes import Cordon, Drain, NodeKill, Taint
from tests.injectors.clusters import IT, a_namespace, a_node, a_pod, address, pods_on, settled
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """No controllers: a node of which nobody reports would bear new taints every while."""
    with control_plane() as one:
        yield one


class OnANode(Conformance):
    """Each claim gets a node of its own."""

    shows_s = 0.05
    plane: ControlPlane

    @pytest.fixture(autouse=True)
    def _on(self, plane: ControlPlane) -> None:
        self.plane = plane

    def injector(self) -> Any:
        raise NotImplementedError

    def is_faulty(self, node: Any) -> bool:
        return bool(node["spec"].get("unschedulable"))

    mending: tuple[str, ...] = ("uncordon", "{node}")
    pods = 0

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane, name = self.plane, a_node(self.plane)
        namespace = a_namespace(plane, "everybody")
        for _ in range(self.pods):
            a_pod(plane, namespace, name)

        def node() -> Any:
            return plane.get(f"/api/v1/nodes/{name}")

        before = settled(node())
        yield Subject(
            injector=self.injector(),
            address=address(plane, nodes=f"rack={name}"),
            nowhere=address(plane, nodes="rack=none"),
            world=lambda: (settled(node()), pods_on(plane, name)),
            is_faulty=lambda: self.is_faulty(node()) and not pods_on(plane, name),
            is_well=lambda: settled(node()) == before,
            mend=lambda: plane.kubectl(*(word.format(node=name) for word in self.mending)) and None,
        )


class TestCordon(OnANode):
    def injector(self) -> Any:
        return Cordon(target=IT)


class TestTaint(OnANode):
    mending = ("taint", "node", "{node}", "example.com/broken-")

    def injector(self) -> Any:
        return Taint(target=IT, key="example.com/broken", value="yes", effect="NoExecute")

    def is_faulty(self, node: Any) -> bool:
        return {"key": "example.com/broken", "value": "yes", "effect": "NoExecute"} in node["spec"].get("taints", [])


class TestDrain(OnANode):
    pods = 1

    def injector(self) -> Any:
        return Drain(target=IT)


class TestNodeKill(OnANode):
    pods = 2

    def injector(self) -> Any:
        return NodeKill(target=IT)
