"""What faults of a workload and of its pods are tried on: a deployment or stateful set of which no pod is ever ready."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from injectors.conformance import Conformance, Subject
from tests.injectors.clusters import a_workload, address, is_seen, pods, settled, workload
from tests.kubernetes_bed.control_plane import ControlPlane


class OnAWorkload(Conformance):
    """Each claim gets a namespace of its own, with a workload in it."""

    shows_s = 0.05
    settle_s = 20.0
    """Controllers on a busy machine take their time."""
    kind = "Deployment"
    plane: ControlPlane

    @pytest.fixture(autouse=True)
    def _on(self, plane: ControlPlane) -> None:
        self.plane = plane

    def injector(self) -> Any:
        raise NotImplementedError

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        """Whether all has become of it that will: what its controller is still about would change the world."""
        raise NotImplementedError

    def is_whole(self, before: list[str], own: list[Any]) -> bool:
        """Whether the pods are what they should be."""
        return [settled(one) for one in own] == before

    def mend(self, namespace: str) -> None:
        raise NotImplementedError

    can_mend = True

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane, kind = self.plane, self.kind
        namespace = a_workload(plane, kind)
        before, first = settled(workload(plane, namespace, kind)), [settled(one) for one in pods(plane, namespace)]
        self.first = {one["metadata"]["uid"] for one in pods(plane, namespace)}

        def is_well() -> bool:
            found = workload(plane, namespace, kind)
            same = settled_without_revision(found) == settled_without_revision(before)
            return same and is_seen(plane, namespace, kind) and self.is_whole(first, pods(plane, namespace))

        yield Subject(
            injector=self.injector(),
            address=address(plane, namespace=namespace, **{kind.lower(): "shop"}),
            nowhere=address(plane, namespace=namespace, **{kind.lower(): "none"}),
            world=lambda: (settled_without_revision(workload(plane, namespace, kind)),
                           sorted(map(settled, pods(plane, namespace)))),
            is_faulty=lambda: self.is_faulty(workload(plane, namespace, kind), pods(plane, namespace)),
            is_well=is_well,
            mend=(lambda: self.mend(namespace)) if self.can_mend else None,
        )  # fmt: skip


def settled_without_revision(found: Any) -> str:
    """A rollout and the one that takes it back are two revisions more, which are counted a moment later."""
    text = found if isinstance(found, str) else settled(found)
    return re.sub(r'"(deployment.kubernetes.io/revision|deprecated.daemonset.template.generation)": "\d+"', "", text)
