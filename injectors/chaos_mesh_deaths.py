"""How pods are killed, or made to fail, where Chaos Mesh is to do it: what `pod_kill` and `pod_failure` ask it for there."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from injectors import chaos_mesh_containers as containers
from injectors import kubernetes_return as returning
from injectors.chaos_mesh import ChaosMeshAddress
from injectors.chaos_mesh_faults import Fault, preview, taken
from injectors.chaos_mesh_kinds import POD_CHAOS
from injectors.chaos_mesh_records import Whom, Wish
from injectors.injector import InjectionFailed
from injectors.kubernetes_api import POD, Cluster, Object, Ref
from injectors.kubernetes_targets import ALL, choose, owner_of

if TYPE_CHECKING:
    from injectors.kubernetes_pods import PodFailure, PodKill


__all__ = ["failing", "killed", "preview", "taken"]


def killed(fault: "PodKill", address: ChaosMeshAddress) -> Fault:
    """Deleted, as we would do it ourselves, by another hand."""
    grace_s = int(fault.grace.total_seconds())

    def some(found: Sequence[Object]) -> Sequence[Object]:
        chosen = choose(found, fault.take, fault.seed)
        for one in chosen:
            if not owner_of(one):
                raise InjectionFailed(f"{Ref.of(POD, one)} belongs to nobody who would make it again once it is gone")
        return chosen

    async def notes(cluster: Cluster, whom: Whom) -> Mapping[str, Any]:
        return {"pods": [list(Ref.of(POD, one)) for one in whom.pods], "grace_s": grace_s,
                "owners": await returning.owners_of(cluster, whom.pods)}  # fmt: skip

    with_grace = f" with a grace of {grace_s} s" if grace_s else " at once"
    wish = Wish(POD_CHAOS, {"action": "pod-kill", "gracePeriod": grace_s}, lasts=False)
    return Fault(fault.name, wish, f"pods of {_of_pods(fault, address)} killed{with_grace}",
                 undo="its owner makes another one of each", choose=some, notes=notes)  # fmt: skip


def failing(fault: "PodFailure", address: ChaosMeshAddress) -> Fault:
    """Given an image that does nothing, which is all that Chaos Mesh does to them."""
    if fault.containers:
        raise InjectionFailed("Chaos Mesh makes all containers of a pod fail; leave `containers` out")

    def some(found: Sequence[Object]) -> Sequence[Object]:
        return choose(found, fault.take, fault.seed)

    async def notes(cluster: Cluster, whom: Whom) -> Mapping[str, Any]:
        for one in whom.pods:
            if one["spec"].get("restartPolicy") == "Never":
                raise InjectionFailed(f"{Ref.of(POD, one)} is never started again once it has ended")
        return {"known": {Ref.of(POD, one).path: containers.known(one) for one in whom.pods},
                "owners": await returning.owners_of(cluster, whom.pods)}  # fmt: skip

    return Fault(fault.name, Wish(POD_CHAOS, {"action": "pod-failure"}), f"pods of {_of_pods(fault, address)} unable to run",
                 undo="its resource is deleted, and Chaos Mesh puts the images back",
                 choose=None if fault.take == ALL else some, notes=notes,
                 shown=partial(containers.until_hurt, by="image"))  # fmt: skip


def _of_pods(fault: "PodKill | PodFailure", address: ChaosMeshAddress) -> str:
    if address.is_link:
        raise InjectionFailed(
            f"{fault.name} is a fault of pods, and {address.shown} is a link; name the pods themselves"
        )
    return f"{address.shown} ({fault.take})"
