"""A small cluster to try faults of Kubernetes on: what tests make, look at, compare and take away without any injector."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from injectors import Injection, TargetName
from injectors.conformance import RecordingStage
from injectors.kubernetes import KubernetesAddress
from tests.kubernetes_bed.control_plane import ControlPlane

IT = TargetName("it")
_OF_THE_SERVER = ("resourceVersion", "managedFields", "generation", "uid", "creationTimestamp")
_numbers = count(1)

SPEC = {
    "terminationGracePeriodSeconds": 0,
    "containers": [{"name": "web", "image": "shop:1"}, {"name": "cache", "image": "cache:1"}],
}
"""Of a pod that nobody waits for."""


def address(plane: ControlPlane, **which: Any) -> KubernetesAddress:
    """Where objects of this plane are."""
    return KubernetesAddress(kubeconfig=str(plane.kubeconfig), **which)


def space(plane: ControlPlane, **labels: str) -> str:
    """A namespace of its own, with the account that pods need."""
    return a_namespace(plane, a_name("space"), **labels)


def pod(plane: ControlPlane, namespace: str, name: str, labels: Mapping[str, str] | None = None, *, node: str = "",
        tolerates: bool = False, annotations: Mapping[str, str] | None = None,
        owner: Mapping[str, Any] | None = None, **spec: Any) -> Any:  # fmt: skip
    """A pod that nobody runs, as this plane has no nodes."""
    body: dict[str, Any] = {
        "metadata": {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {}),
                     "ownerReferences": [owner] if owner else []},
        "spec": {"containers": [{"name": "main", "image": "nothing"}], **spec},
    }  # fmt: skip
    if node:
        body["spec"]["nodeName"] = node
    if tolerates:
        body["spec"]["tolerations"] = [{"operator": "Exists"}]
    return plane.api.post(f"/api/v1/namespaces/{namespace}/pods", body)


def owner(kind: str = "ReplicaSet", name: str = "shop") -> dict[str, Any]:
    """Who would bring a pod back; nobody looks for it where no controllers run."""
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"00000000-0000-0000-0000-{next(_numbers):012}",
            "controller": True}  # fmt: skip


def node(plane: ControlPlane, name: str, **more: Any) -> Any:
    """A node that nobody is."""
    labels = more.pop("labels", {})
    return plane.api.post("/api/v1/nodes", {"metadata": {"name": name, "labels": labels, **more}})


def policy(plane: ControlPlane, namespace: str, name: str, **spec: Any) -> Any:
    """A NetworkPolicy of somebody's."""
    body = {"metadata": {"name": name}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], **spec}}
    return plane.api.post(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies", body)


def as_it_is(plane: ControlPlane, *paths: str) -> str:
    """All objects at these paths as text, without what the server itself keeps count of."""
    listed = [_plain(one) for path in paths for one in plane.get(path)["items"]]
    return json.dumps(sorted(listed, key=lambda one: (one["metadata"].get("namespace", ""), one["metadata"]["name"])),
                      indent=1, sort_keys=True)  # fmt: skip


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in found["metadata"].items() if key not in _OF_THE_SERVER and value}
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": meta}


def names(found: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """In alphabetical order."""
    return sorted(str(one["metadata"]["name"]) for one in found)


def eventually(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Whether it comes true."""
    until_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until_s:
            return False
        time.sleep(0.02)
    return True


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
    node(plane, name, labels={"rack": name, **labels})
    return name


def a_namespace(plane: ControlPlane, name: str = "", **labels: str) -> str:
    """A new one, in which pods can be."""
    name = name or a_name("shop")
    if there(plane, f"/api/v1/namespaces/{name}") is None:
        plane.api.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    path = f"/api/v1/namespaces/{name}/serviceaccounts"
    if not plane.daemon("kube-controller-manager").running and there(plane, f"{path}/default") is None:
        plane.api.post(path, {"metadata": {"name": "default"}})
    assert eventually(lambda: there(plane, f"{path}/default") is not None)
    return name


def a_pod(plane: ControlPlane, namespace: str, on: str = "", by: str = "ReplicaSet",
          labels: Mapping[str, str] | None = None) -> str:  # fmt: skip
    """A new pod that is on this node and belongs to an owner of this kind whom nobody has ever seen, or to nobody."""
    name = a_name("pod")
    pod(plane, namespace, name, labels, node=on, owner=owner(by) if by else None, **SPEC)
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
    if kind == "DaemonSet":  # on nodes of its own, whatever is wrong with them
        pod = {**SPEC, "nodeSelector": {"set": namespace}, "tolerations": [{"operator": "Exists"}]}
        spec["template"]["spec"] = pod
        for _ in range(replicas):
            a_node(plane, set=namespace)
    else:
        spec |= {"replicas": replicas, **hasty[kind]}
    body = {"metadata": {"name": "shop"}, "spec": spec}
    plane.api.post(f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s", body)
    wanted = replicas
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
