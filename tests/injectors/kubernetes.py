"""A small cluster to try faults of Kubernetes on: objects that tests make, look at and take away without any injector."""

import json
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from injectors import Injection, TargetName
from injectors.conformance import RecordingStage
from injectors.kubernetes import KubernetesAddress
from tests.kubernetes_bed.control_plane import ControlPlane

IT = TargetName("it")
_numbers = count(1)

SPEC = {
    "terminationGracePeriodSeconds": 0,
    "containers": [{"name": "web", "image": "shop:1"}, {"name": "cache", "image": "cache:1"}],
}
"""Of a pod that nobody waits for."""


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Whether it comes true."""
    until_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


def address(plane: ControlPlane, **where: Any) -> KubernetesAddress:
    """Of this plane."""
    return KubernetesAddress(kubeconfig=str(plane.kubeconfig), **where)


def injection(where: KubernetesAddress, id_: str = "7-fault") -> Injection:
    """Of a fault to this address."""
    return Injection(id=id_, fault="fault", target=str(IT), address=where, for_s=None)


def there(plane: ControlPlane, path: str) -> Any:
    """An object, or None."""
    try:
        return plane.get(path)
    except OSError:
        return None


def a_name(what: str) -> str:
    """One that nobody had before."""
    return f"{what}-{next(_numbers)}"


def a_node(plane: ControlPlane, **labels: str) -> str:
    """A new node that nobody reports for; it bears the label `rack` with its own name."""
    name = a_name("node")
    meta = {"name": name, "labels": {"rack": name, **labels}}
    plane.api.post("/api/v1/nodes", {"kind": "Node", "apiVersion": "v1", "metadata": meta})
    return name


def a_namespace(plane: ControlPlane, name: str = "") -> str:
    """A new one, in which pods can be."""
    name = name or a_name("shop")
    if there(plane, f"/api/v1/namespaces/{name}") is None:
        plane.api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}/serviceaccounts"
    if not plane.daemon("kube-controller-manager").running and there(plane, f"{path}/default") is None:
        plane.api.post(path, {"metadata": {"name": "default"}})
    assert eventually(lambda: there(plane, f"{path}/default") is not None)
    return name


def a_pod(plane: ControlPlane, namespace: str, node: str = "", owner: str = "ReplicaSet", **meta: Any) -> str:
    """A new pod that is on this node and belongs to an owner of this kind whom nobody has ever seen, or to nobody."""
    name = a_name("pod")
    by = {"apiVersion": "apps/v1", "kind": owner, "name": "shop", "uid": "1234", "controller": True}
    body = {
        "metadata": {"name": name, **meta, "ownerReferences": [by] if owner else []},
        "spec": {**SPEC, "nodeName": node},
    }
    plane.api.post(f"/api/v1/namespaces/{namespace}/pods", body)
    return name


def pods_on(plane: ControlPlane, node: str) -> set[str]:
    """The names of those that are there and have not been told to go."""
    found = plane.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")["items"]
    return {one["metadata"]["name"] for one in found if not one["metadata"].get("deletionTimestamp")}


def taints(plane: ControlPlane, node: str) -> set[str]:
    """The keys of a node's taints."""
    return {one["key"] for one in plane.get(f"/api/v1/nodes/{node}")["spec"].get("taints", [])}


def a_workload(plane: ControlPlane, kind: str = "Deployment", replicas: int = 2) -> str:
    """`shop`, of two containers, in a namespace of its own, whose name is passed; its pods are there and wait for a node."""
    namespace = a_namespace(plane)
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "shop"}},
                            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": SPEC}}  # fmt: skip
    # No pod is ever ready where there is no node, and what goes step by step waits for that.
    hasty = {"Deployment": {"strategy": {"type": "Recreate"}}, "StatefulSet": {"podManagementPolicy": "Parallel"}}
    spec |= {} if kind == "DaemonSet" else {"replicas": replicas, **hasty[kind]}
    body = {"metadata": {"name": "shop"}, "spec": spec}
    plane.api.post(f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s", body)
    wanted = 0 if kind == "DaemonSet" else replicas
    assert eventually(lambda: len(pods(plane, namespace)) == wanted and is_seen(plane, namespace, kind))
    return namespace


def is_seen(plane: ControlPlane, namespace: str, kind: str = "Deployment") -> bool:
    """Whether the controller has said all it has to say of its workload."""
    found = workload(plane, namespace, kind)
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 0)
    counted = status.get("replicas", 0) if kind != "DaemonSet" else 0
    return bool(status.get("observedGeneration") == found["metadata"]["generation"] and counted == wanted)


def workload(plane: ControlPlane, namespace: str, kind: str = "Deployment") -> Any:
    """It, as the API has it."""
    return plane.get(f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s/shop")


def pods(plane: ControlPlane, namespace: str) -> list[Any]:
    """Those that are not on their way out."""
    found = plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    return [one for one in found if not one["metadata"].get("deletionTimestamp")]


def settled(one: Mapping[str, Any]) -> str:
    """What of an object is anybody's will, as one text: equal as long as nobody changes it."""
    meta = {key: one["metadata"].get(key) or None for key in ("name", "uid", "labels", "annotations")}
    return json.dumps([meta, {key: value for key, value in one["spec"].items() if value}], sort_keys=True)


def a_stage(*, injecting: bool = True) -> RecordingStage:
    """For one call."""
    return RecordingStage(budget_s=30.0, injecting=injecting)
