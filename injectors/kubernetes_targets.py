"""Which objects an address means now: its workload, its pods, its nodes; and which of several a fault takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from injectors.injector import InjectionFailed
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import KINDS, NODE, POD, REPLICASET, Cluster, Object

_WHICH = ("namespace", "deployment", "statefulset", "daemonset", "selector", "fields")


@dataclass(frozen=True, slots=True)
class Take:
    """How many of several: `one`, `3`, `50%`, `all`. A share is rounded down, and at least one."""

    example: ClassVar[str] = "one"

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        wanted = text.strip()
        figure = wanted.removesuffix("%")
        most = 100 if wanted.endswith("%") else 10**6
        if wanted in ("one", "all") or (figure.isdecimal() and figure.isascii() and 1 <= int(figure) <= most):
            return cls(wanted)
        raise ValueError("one, all, a number such as 3, or a share such as 50%")

    def of(self, many: int) -> int:
        """How many that is of so many. More than there are is what was asked for, and whoever asks must refuse."""
        if self.text == "all":
            return many
        if self.text.endswith("%"):
            return min(many, max(1, many * int(self.text[:-1]) // 100))
        return 1 if self.text == "one" else int(self.text)

    def __str__(self) -> str:
        return self.text


ALL, ONE = Take("all"), Take("one")


def choose(objects: Iterable[Object], take: Take, seed: int) -> list[Object]:
    """So many of these, by their names and the seed alone: what comes or goes changes the choice as little as can be.

    Raises InjectionFailed when there are not as many.
    """
    import hashlib

    def rank(one: Object) -> bytes:
        meta = one["metadata"]
        return hashlib.sha256(f"{seed}/{meta.get('namespace', '')}/{meta['name']}".encode()).digest()

    ranked = sorted(objects, key=rank)
    count = take.of(len(ranked))
    if ranked and count > len(ranked):
        raise InjectionFailed(f"{count} are to be taken, and there are {len(ranked)}")
    return sorted(ranked[:count], key=lambda one: str(one["metadata"]["name"]))


async def workload(cluster: Cluster, address: KubernetesAddress) -> Object | None:
    """The address's workload; None when it is not there. Raises InjectionFailed when the address names none."""
    if address.workload is None:
        raise InjectionFailed(f"{address.shown} is no workload; give deployment, statefulset or daemonset")
    name = getattr(address, address.workload)
    return await cluster.get(KINDS[address.workload].path(address.namespace or cluster.namespace, name))


async def nodes(cluster: Cluster, address: KubernetesAddress) -> list[Object]:
    """The address's nodes. Raises InjectionFailed when it names pods."""
    if not address.of_nodes:
        raise InjectionFailed(f"{address.shown} is no node; give node or nodes")
    if address.node:
        one = await cluster.get(NODE.path(name=address.node))
        return [one] if one else []
    return await cluster.list(NODE.path(), labels=address.nodes)


async def pods(cluster: Cluster, address: KubernetesAddress) -> list[Object]:
    """The address's pods that live: not on their way out, and not done. Of a workload, those that it owns."""
    if address.of_nodes:
        raise InjectionFailed(f"{address.shown} is no pod; give a workload, or selector or fields")
    path = POD.path(address.namespace or cluster.namespace)
    if address.workload is None:
        return [one for one in await cluster.list(path, labels=address.selector, fields=address.fields) if lives(one)]
    owner = await workload(cluster, address)
    return await owned_pods(cluster, owner) if owner else []


async def owned_pods(cluster: Cluster, owner: Object) -> list[Object]:
    """The pods of a workload that live, whoever else bears the same labels."""
    meta = owner["metadata"]
    uids, labels = {str(meta["uid"])}, labels_of(owner["spec"]["selector"])
    if is_deployment(owner):  # its pods belong to its replica sets
        sets = await cluster.list(REPLICASET.path(meta["namespace"]), labels=labels, meta=True)
        uids |= {str(one["metadata"]["uid"]) for one in sets if owner_of(one).get("uid") in uids}
    found = await cluster.list(POD.path(meta["namespace"]), labels=labels)
    return [one for one in found if owner_of(one).get("uid") in uids and lives(one)]


def is_deployment(owner: Object) -> bool:
    """Of a workload, by what only a deployment has; objects that are asked for by name do say their kind."""
    return owner.get("kind") == "Deployment"


def labels_of(selector: Mapping[str, Any]) -> str:
    """A label selector as a query says it."""
    words = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        values = ",".join(one.get("values") or ())
        words.append({"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})",
                      "Exists": one["key"], "DoesNotExist": f"!{one['key']}"}[one["operator"]])  # fmt: skip
    return ",".join(words)


def owner_of(one: Object) -> Mapping[str, Any]:
    """Who controls it; empty when nobody does."""
    owners = one["metadata"].get("ownerReferences") or ()
    return next((by for by in owners if by.get("controller")), {})


def which(address: KubernetesAddress, cluster: Cluster) -> dict[str, str]:
    """Which pods an address means, to be remembered: `KubernetesAddress(**which(...))` means the same in its cluster."""
    said = {key: getattr(address, key) for key in _WHICH if getattr(address, key)}
    return {**said, "namespace": address.namespace or cluster.namespace}


def lives(pod: Object) -> bool:
    """Whether a pod is neither done nor on its way out."""
    return not pod["metadata"].get("deletionTimestamp") and pod.get("status", {}).get("phase") not in (
        "Succeeded",
        "Failed",
    )


def is_ready(one: Object) -> bool:
    """Whether this pod or node has the condition Ready."""
    conditions = one.get("status", {}).get("conditions") or ()
    return any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)


def running(pod: Object, containers: Sequence[str] = ()) -> list[str]:
    """Those of a pod's containers that run, as its node has said; of these alone, when any are named."""
    told = pod.get("status", {}).get("containerStatuses") or ()
    return [str(one["name"]) for one in told
            if "running" in (one.get("state") or {}) and (not containers or one["name"] in containers)]  # fmt: skip


def is_running(pod: Object) -> bool:
    """Whether all of a pod's containers run. Whether they are ready is for those to say who call it."""
    return len(running(pod)) == len(pod["spec"]["containers"])
