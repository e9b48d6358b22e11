"""Faults that only Chaos Mesh makes keep the contract of injectors: on a real API server, with controllers that are played.

Each claim is tried on another of these faults, in turn: all that they differ in is what they ask for. With the real
controllers and daemons they are tried in `test_chaos_mesh_pods` and `test_chaos_mesh_link`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar
from urllib.error import HTTPError

import pytest

from injectors.amounts import Size
from injectors.chaos_mesh import ChaosMeshAddress, Pods
from injectors.chaos_mesh_inside import ClockSkew, DnsError, IoFault, IoLatency, Stress
from injectors.chaos_mesh_pods import ContainerKill
from injectors.conformance import Conformance, Subject
from injectors.injector import Ratio
from injectors.link import Corrupt
from tests.injectors import definitions
from tests.injectors.clusters import IT, SPEC, a_namespace
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

GROUP = "/apis/chaos-mesh.org/v1alpha1"
KINDS = {kind: kind.lower() for kind in ("PodChaos", "IOChaos", "StressChaos", "TimeChaos", "DNSChaos", "NetworkChaos")}
_numbers = count(1)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """With somebody who plays Chaos Mesh's controllers."""
    with control_plane() as one:
        definitions.make(one, "chaos-mesh.org", KINDS)
        over = threading.Event()
        worker = threading.Thread(target=_work, args=(one, over))
        worker.start()
        try:
            yield one
        finally:
            over.set()
            worker.join()


def _work(plane: ControlPlane, over: threading.Event) -> None:
    while not over.wait(0.03):
        for kind in KINDS.values():
            with suppress(OSError):  # the server was not heard: the next round sees to that
                for found in plane.get(f"{GROUP}/{kind}")["items"]:
                    with suppress(HTTPError):  # somebody was quicker
                        _step(plane, kind, found)


def _step(plane: ControlPlane, kind: str, found: Any) -> None:
    meta = found["metadata"]
    if "deletionTimestamp" in meta:
        meta["finalizers"] = []
    elif "status" in found:
        return
    else:
        ends = {".": found["spec"], ".Target": found["spec"].get("target")}
        named = [(key, f"{space}/{pod}") for key, end in ends.items() if end
                 for space, those in end["selector"]["pods"].items() for pod in those]  # fmt: skip
        records = [{"id": one, "selectorKey": key, "phase": "Injected", "injectedCount": 1} for key, one in named]
        meta["finalizers"] = ["chaos-mesh/records"]
        found["status"] = {"conditions": [{"type": "Selected", "status": "True"}],
                           "experiment": {"desiredPhase": "Run", "containerRecords": records}}  # fmt: skip
        for _, one in named if found["spec"].get("action") == "container-kill" else ():
            _tell(plane, *one.split("/"))
    plane.api.put(f"{GROUP}/namespaces/{meta['namespace']}/{kind}/{meta['name']}", found)


def _pod(plane: ControlPlane, space: str, name: str) -> None:
    plane.api.post(f"/api/v1/namespaces/{space}/pods", {
        "metadata": {"name": name, "labels": {"app": name}}, "spec": SPEC,
    })  # fmt: skip
    _tell(plane, space, name)


def _tell(plane: ControlPlane, namespace: str, name: str) -> None:
    """As its node would: the pod's containers run, and are others than before."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"
    pod = plane.get(path)
    told = [{"name": one["name"], "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "ready": True,
             "restartCount": 0, "image": one["image"], "imageID": one["image"], "containerID": f"test://{next(_numbers)}"}
            for one in pod["spec"]["containers"]]  # fmt: skip
    ips = {"podIP": "198.19.0.1", "podIPs": [{"ip": "198.19.0.1"}]}
    plane.api.put(
        f"{path}/status", {**pod, "status": {**pod["status"], **ips, "phase": "Running", "containerStatuses": told}}
    )


class TestPodsFaults(Conformance):
    """Each claim gets a namespace of its own, with a pod in it."""

    faults: ClassVar[tuple[Any, ...]] = (
        ContainerKill(target=IT, containers=("web",)), IoLatency(target=IT, volume="/data", delay=timedelta(seconds=1)),
        IoFault(target=IT, volume="/data"), Stress(target=IT, cpu=1, memory=Size(1000)),
        ClockSkew(target=IT, by=timedelta(hours=1)), DnsError(target=IT),
    )  # fmt: skip

    @pytest.fixture(autouse=True)
    def _on(self, plane: ControlPlane, request: pytest.FixtureRequest) -> None:
        claims = sorted(one for one in dir(Conformance) if one.startswith("test_"))
        self.plane, self.fault = plane, self.faults[claims.index(request.node.name) % len(self.faults)]

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane, fault = self.plane, self.fault
        space = a_namespace(plane)
        kind = fault.kind.plural
        _pod(plane, space, "shop")

        def ours() -> list[Any]:
            return list(plane.get(f"{GROUP}/namespaces/{space}/{kind}")["items"])

        def containers() -> list[str]:
            pod = plane.get(f"/api/v1/namespaces/{space}/pods/shop")
            return [one["containerID"] for one in pod["status"]["containerStatuses"]]

        before = containers()

        def mend() -> None:
            for one in ours():
                plane.api.delete(f"{GROUP}/namespaces/{space}/{kind}/{one['metadata']['name']}")

        def address(label: str) -> ChaosMeshAddress:
            return ChaosMeshAddress(kubeconfig=str(plane.kubeconfig), namespace=space, selector=label)

        yield Subject(
            injector=fault, address=address("app=shop"), nowhere=address("app=none"), momentary=not fault.lasts,
            world=lambda: ([one["metadata"]["name"] for one in ours()], containers()),
            is_faulty=lambda: any("status" in one for one in ours()) if fault.lasts else containers() != before,
            is_well=lambda: not ours(), mend=mend if fault.lasts else None,
        )  # fmt: skip


class TestCorrupt(Conformance):
    """A link's fault, on the way of one pod to another."""

    @pytest.fixture(autouse=True)
    def _on(self, plane: ControlPlane) -> None:
        self.plane = plane

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane = self.plane
        space = a_namespace(plane)
        for name in ("shop", "cache"):
            _pod(plane, space, name)

        def ours() -> list[Any]:
            return list(plane.get(f"{GROUP}/namespaces/{space}/networkchaos")["items"])

        def mend() -> None:
            for one in ours():
                plane.api.delete(f"{GROUP}/namespaces/{space}/networkchaos/{one['metadata']['name']}")

        def address(label: str) -> ChaosMeshAddress:
            return ChaosMeshAddress(kubeconfig=str(plane.kubeconfig), namespace=space, from_=Pods(selector=label),
                                    to=Pods(selector="app=cache"))  # fmt: skip

        yield Subject(
            injector=Corrupt(link=IT, share=Ratio(0.05)), address=address("app=shop"), nowhere=address("app=none"),
            world=lambda: [one["metadata"]["name"] for one in ours()],
            is_faulty=lambda: any("status" in one for one in ours()), is_well=lambda: not ours(), mend=mend,
        )  # fmt: skip
