"""Cutting pods off by NetworkPolicy: pods bear a label of ours, and a policy of ours closes what bears it.

Policies add up: what one of them lets through, no other closes. So every policy that already speaks of these pods is made
to leave out what bears our label. A pod is cut off by the one request that labels it, and joined again by the one that
takes the label away; what was open before is as open then, and what was closed as closed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from injectors.injector import InjectionFailed, Stage
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import DAEMONSET, POD, POLICY, Cluster, Need, Object, Ref, each
from injectors.kubernetes_marks import INJECTION, Held, Owner, hold, is_exempt, label_for, make
from injectors.kubernetes_memory import act, changed

ISOLATED = "chaos-drills/isolated"
NEEDS = (
    Need(POD, ("get", "list", "patch")),
    Need(POLICY, ("get", "list", "create", "patch", "delete")),
    Need(DAEMONSET, ("list",)),
)
ENGINES: Mapping[str, str] = {
    "anetd": "GKE Dataplane V2", "antrea-agent": "Antrea", "azure-npm": "Azure NPM", "calico-node": "Calico",
    "canal": "Canal", "cilium": "Cilium", "kube-ovn-cni": "Kube-OVN", "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes", "weave-net": "Weave Net",
}  # fmt: skip
"""Who makes policies bite, by the daemon set that shows it."""
_LABEL = "/metadata/labels/chaos-drills~1isolated"
_LEAVING_OUT = "/spec/podSelector/matchExpressions/key=chaos-drills~1isolated"
_NAME_MAX = 200


async def engine_of(cluster: Cluster, address: KubernetesAddress) -> str:
    """Who makes policies bite there, as far as can be seen; empty when nobody does."""
    if address.policy_engine:
        return address.policy_engine
    sets = await cluster.list(DAEMONSET.path(), meta=True)
    return next((ENGINES[name] for one in sets if (name := str(one["metadata"]["name"])) in ENGINES), "")


def can_be_cut_off(pod: Object) -> bool:
    """Whether policies speak of it: those on the host's own network are beyond them."""
    return not pod["spec"].get("hostNetwork")


def is_cut_off(pod: Object, owner: Owner) -> bool:
    """Whether it bears our label."""
    return (pod["metadata"].get("labels") or {}).get(ISOLATED) == label_for(owner.injection)


def peer(text: str) -> dict[str, Any]:
    """Who is meant by `app=db`, `kube-system/k8s-app=kube-dns`, `NAMESPACE/*` or `10.0.0.0/8`, as policies say it.

    Raises ValueError with what was expected.
    """
    import ipaddress

    try:
        return {"ipBlock": {"cidr": str(ipaddress.ip_network(text.strip()))}}
    except ValueError:
        pass
    namespace, slash, labels = text.strip().rpartition("/")
    if not _is_labels(labels) or (slash and not re.fullmatch(r"[a-z0-9-]+", namespace)):
        raise ValueError("labels such as app=db, NAMESPACE/app=db, NAMESPACE/*, or addresses such as 10.0.0.0/8")
    found: dict[str, Any] = {"podSelector": {} if labels == "*" else {"matchLabels": dict(_pairs(labels))}}
    if slash:
        found["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return found


def _pairs(labels: str) -> list[tuple[str, str]]:
    return [(key.strip(), value.strip()) for key, _, value in (one.partition("=") for one in labels.split(","))]


def _is_labels(text: str) -> bool:
    one = r"\s*[A-Za-z0-9][A-Za-z0-9._/-]*\s*=\s*[A-Za-z0-9._-]*\s*"
    return text == "*" or re.fullmatch(rf"{one}(,{one})*", text) is not None


def policy(namespace: str, owner: Owner, peers: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Closes both directions of what bears our label, but for these."""
    rules = {"ingress": [{"from": list(peers)}], "egress": [{"to": list(peers)}]} if peers else {}
    return {
        "metadata": {"name": policy_name(owner), "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": {ISOLATED: label_for(owner.injection)}},
                 "policyTypes": ["Ingress", "Egress"], **rules},
    }  # fmt: skip


def policy_name(owner: Owner) -> str:
    """Of ours, in each namespace that has pods to be cut off."""
    return "drill-" + re.sub(r"[^a-z0-9]+", "-", owner.injection.lower())[:_NAME_MAX].strip("-")


def made_policies(pods: Iterable[Object], owner: Owner) -> list[Held]:
    """Ours, one for each namespace of these pods, not there yet."""
    spaces = sorted({str(one["metadata"]["namespace"]) for one in pods})
    return [Held(Ref(POLICY.name, space, policy_name(owner)), made=True) for space in spaces]


def labelled(pods: Iterable[Object], owner: Owner) -> list[Held]:
    """These pods, bearing our label."""
    return [changed(Ref.of(POD, one), one, {_LABEL: label_for(owner.injection)}) for one in pods]


async def speaking_of(cluster: Cluster, pods: Sequence[Object]) -> list[Object]:
    """The policies of others that select any of these pods."""
    found: list[Object] = []
    for space in sorted({str(one["metadata"]["namespace"]) for one in pods}):
        labels = [one["metadata"].get("labels") or {} for one in pods if one["metadata"]["namespace"] == space]
        for one in await cluster.list(POLICY.path(space)):
            ours = INJECTION in (one["metadata"].get("labels") or {})
            if not ours and any(selects(one["spec"].get("podSelector") or {}, each_) for each_ in labels):
                found.append(one)
    return found


def leaving_out(policies: Iterable[Object], owner: Owner) -> list[Held]:
    """These policies, leaving out what bears our label. Raises InjectionFailed for one that no drill may touch."""
    found: list[Held] = []
    for one in policies:
        if is_exempt(one):
            raise InjectionFailed(f"{Ref.of(POLICY, one)} lets through what it says, and is exempt from drills")
        value = {"key": ISOLATED, "operator": "NotIn", "values": [label_for(owner.injection)]}
        found.append(changed(Ref.of(POLICY, one), one, {_LEAVING_OUT: value}))
    return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector means what has these labels; an empty one means everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or ())


def _meets(wanted: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(wanted["key"])
    match wanted["operator"]:
        case "In":
            return value in wanted["values"]
        case "NotIn":
            return value not in wanted["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


async def cut_off(cluster: Cluster, stage: Stage, held: Iterable[Held], owner: Owner,
                  peers: Sequence[Mapping[str, Any]] = ()) -> None:  # fmt: skip
    """Make our policies, have those of others leave our pods out, and only then label the pods, which does it."""
    items = list(held)
    for one in items:
        if one.made:
            body = policy(one.ref.namespace, owner, peers)
            await act(stage, f"make {one.ref}", make, cluster, POLICY, body, owner)
    for kind in (POLICY.name, POD.name):
        await each([one for one in items if not one.made and one.ref.kind == kind], _holder(cluster, stage, owner))


async def follow(cluster: Cluster, stage: Stage, pods: Sequence[Object], owner: Owner, *, anew: bool = False) -> None:
    """Cut off those of these pods, born meanwhile, that are not. Every one says itself whose doing it is, so that it is
    found again without any memory. Raises InjectionFailed when our policy is no longer there, unless it is to be made anew.
    """
    born = [one for one in pods if not is_cut_off(one, owner)]
    for item in made_policies(born if anew else pods, owner):
        if await cluster.get(item.ref.path) is None:
            if not anew:
                raise InjectionFailed(f"{item.ref} is no longer there")
            await cut_off(cluster, stage, [item], owner)
    theirs = [item for item in leaving_out(await speaking_of(cluster, pods), owner)
              if item.changes[0].was != item.changes[0].set]  # fmt: skip
    await cut_off(cluster, stage, [*theirs, *labelled(born, owner)], owner)


def _holder(cluster: Cluster, stage: Stage, owner: Owner) -> Any:
    async def one(item: Held) -> None:
        await act(stage, f"hold {item.ref}", hold, cluster, item, owner)

    return one
