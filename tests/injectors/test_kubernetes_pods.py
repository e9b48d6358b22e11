"""Pods are killed, or cannot run: what is done to them, whom it may never be done to, and how they are there again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from injectors.conformance import Subject
from injectors.kubernetes_pods import NO_IMAGE, PodFailure, PodKill
from injectors.kubernetes_targets import Take
from tests.injectors.clusters import IT, pods
from tests.injectors.kubernetes_workload import OnAWorkload
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Controllers and no node: pods are made, and wait."""
    with control_plane("kube-controller-manager") as one:
        yield one


class TestPodKill(OnAWorkload):
    can_mend = False
    budget_s = 20.0

    def injector(self) -> Any:
        return PodKill(target=IT)

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        return not self.first <= {one["metadata"]["uid"] for one in own}

    def is_whole(self, before: list[str], own: list[Any]) -> bool:
        return len(own) == len(before)

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        with super().subject() as one:
            yield replace(one, momentary=True)  # what was killed is gone for ever; another one is there at once


class TestPodFailure(OnAWorkload):
    def injector(self) -> Any:
        return PodFailure(target=IT, take=Take("all"))

    def is_faulty(self, found: Any, own: list[Any]) -> bool:
        return {container["image"] for one in own for container in one["spec"]["containers"]} == {NO_IMAGE}

    def mend(self, namespace: str) -> None:
        for one in pods(self.plane, namespace):
            self.plane.kubectl(
                "--namespace",
                namespace,
                "set",
                "image",
                f"pod/{one['metadata']['name']}",
                "web=shop:1",
                "cache=cache:1",
            )
