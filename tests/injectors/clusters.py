"""Small things in a cluster for tests of what is done to it, and how all that it has is compared before and after."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from injectors.kubernetes import KubernetesAddress
from tests.kubernetes_bed.control_plane import ControlPlane

_OF_THE_SERVER = ("resourceVersion", "managedFields", "generation", "uid", "creationTimestamp")
_numbers = count(1)


def address(plane: ControlPlane, **which: Any) -> KubernetesAddress:
    """Where objects of this plane are."""
    return KubernetesAddress(kubeconfig=str(plane.kubeconfig), **which)


def space(plane: ControlPlane, **labels: str) -> str:
    """A namespace of its own, with the account that pods need."""
    name = f"space-{next(_numbers)}"
    plane.api.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    plane.api.post(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    return name


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
