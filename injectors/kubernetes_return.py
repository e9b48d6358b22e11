"""Whether those who own pods have as many again as they had before some were taken from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from injectors.injector import InjectionFailed, Stage
from injectors.kubernetes_api import DAEMONSET, DEPLOYMENT, REPLICASET, STATEFULSET, Cluster, Kind, Object, Ref
from injectors.kubernetes_targets import is_running, owned_pods, owner_of

_KINDS: Mapping[str, Kind] = {
    "Deployment": DEPLOYMENT, "StatefulSet": STATEFULSET, "DaemonSet": DAEMONSET, "ReplicaSet": REPLICASET,
}  # fmt: skip
_PAUSE_S = 0.25
_SPARE_S = 2.0


async def owners_of(cluster: Cluster, pods: Sequence[Object]) -> list[dict[str, Any]]:
    """Who owns these pods, how many each has, and how many of them run; JSON. Others' kinds are passed over."""
    found: dict[str, dict[str, Any]] = {}
    for pod in pods:
        owner = await _owner(cluster, pod)
        if owner and owner[1]["metadata"]["uid"] not in found:
            found[owner[1]["metadata"]["uid"]] = await standing(cluster, *owner)
    return list(found.values())


async def standing(cluster: Cluster, kind: Kind, workload: Object) -> dict[str, Any]:
    """How many pods a workload has now, and how many of them run."""
    own = await owned_pods(cluster, workload)
    return {"ref": list(Ref.of(kind, workload)), "count": len(own), "running": sum(map(is_running, own))}


async def _owner(cluster: Cluster, one: Object) -> tuple[Kind, Object] | None:
    """The workload above a pod; of a replica set's its deployment, if that has one."""
    by = owner_of(one)
    kind = _KINDS.get(str(by.get("kind")))
    if kind is None:
        return None
    owner = await cluster.get(kind.path(one["metadata"]["namespace"], by["name"]))
    if owner is None or owner["metadata"]["uid"] != by["uid"]:
        return None
    return (await _owner(cluster, owner) if kind is REPLICASET else None) or (kind, owner)


async def missing(cluster: Cluster, owners: Sequence[Mapping[str, Any]]) -> str:
    """What one of them lacks, as a clause; empty when nothing. One that is gone, or wants fewer now, lacks less."""
    for one in owners:
        ref = Ref(*one["ref"])
        owner = await cluster.get(ref.path)
        if owner is None or owner["metadata"]["uid"] != ref.uid:
            continue
        told = owner.get("status", {}).get("desiredNumberScheduled", 0)
        wanted = told if ref.kind == "daemonset" else owner["spec"]["replicas"]
        own = await owned_pods(cluster, owner)
        run = sum(map(is_running, own))
        if len(own) < min(one["count"], wanted):
            return f"{ref} has {len(own)} of {min(one['count'], wanted)} pods"
        if run < min(one["running"], wanted):
            return f"{run} of {min(one['running'], wanted)} pods of {ref} run"
    return ""


async def wait(cluster: Cluster, owners: Sequence[Mapping[str, Any]], stage: Stage) -> None:
    """Until they lack nothing. Raises InjectionFailed when they still do at the end of the time."""
    while lacking := await missing(cluster, owners):
        if stage.remaining_s() < _SPARE_S:
            raise InjectionFailed(lacking)
        await stage.sleep(_PAUSE_S)
