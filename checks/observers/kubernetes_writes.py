"""Who wrote to a Kubernetes object, as the API server noted it, and whose will that was. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.observers.loose_json import Object, items, table, text

OURS = "chaos-drills"
"""The name under which the drill itself writes."""
MACHINERY = frozenset({
    "chaos-controller-manager", "chaos-daemon", "cloud-controller-manager", "cluster-autoscaler", "deployment-controller",
    "horizontal-pod-autoscaler", "hpa", "karpenter", "keda", "kube-apiserver", "kube-controller-manager", "kube-proxy",
    "kube-scheduler", "kubelet", "kwok", "node-controller", "replicaset-controller", "statefulset-controller", "vpa-updater",
})  # fmt: skip
"""Managers that carry out what somebody else wanted."""


class Wrote(NamedTuple):
    """Who wrote to an object last, as the API server noted it."""

    manager: str
    operation: str
    subresource: str
    at: str
    """By the server's clock, in whole seconds; some writes have none."""
    owns: frozenset[str]
    """What of the will it was that wrote last."""

    @property
    def told(self) -> dict[str, str]:
        """What is told of it."""
        said = {"manager": self.manager, "operation": self.operation, "subresource": self.subresource, "at": self.at}
        return {key: value for key, value in said.items() if value}


def writes_to(meta: Object) -> tuple[Wrote, ...]:
    """Every write that is noted of an object's will, of those to its status none."""
    entries = [table(one) for one in items(meta.get("managedFields"))]
    return tuple(
        Wrote(text(one.get("manager")), text(one.get("operation")), text(one.get("subresource")), text(one.get("time")),
              _owned(table(one.get("fieldsV1"))))
        for one in entries if one.get("subresource") != "status"
    )  # fmt: skip


def _owned(fields: Object) -> frozenset[str]:
    """Of the will, what these fields are: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>."""
    spec, meta = table(fields.get("f:spec")), table(fields.get("f:metadata"))
    containers = table(table(table(spec.get("f:template")).get("f:spec")).get("f:containers"))
    containers = {**containers, **table(spec.get("f:containers"))}
    found = {name for name in ("replicas", "paused", "unschedulable", "taints") if f"f:{name}" in spec}
    if any("f:image" in table(one) for one in containers.values()):
        found.add("images")
    return frozenset(found | {f"label {name.removeprefix('f:')}" for name in table(meta.get("f:labels"))})


def writer(writes: Sequence[Wrote], before: Sequence[Wrote], changed: Iterable[str]) -> Wrote | None:
    """Who owns what changed, as whoever changes a value does from then on; else whose entry is new.

    Who merely takes something away may leave no trace.
    """
    owners = [one for one in writes if one.owns & {*changed}]
    fresh = [one for one in writes if one not in before]
    newest = [one for one in fresh if one.at == max(one.at for one in fresh)]
    for among in (owners, [one for one in owners if one in fresh], newest):
        if len({one.manager for one in among}) == 1:
            return among[-1]
    return None


def by_whom(who: Wrote | None, machinery: Iterable[str]) -> str:
    """`drill`, `machinery`, `somebody`, or `unknown`."""
    if who is None or not who.manager:
        return "unknown"
    if who.manager == OURS:
        return "drill"
    return "machinery" if who.manager in MACHINERY or who.manager in machinery else "somebody"
