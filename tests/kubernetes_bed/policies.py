"""NetworkPolicy on a bed: what the API server says is allowed becomes nftables rules in every node's network namespace.

A small engine of our own, as no other can be built here. It covers pod and namespace selectors, IP blocks with exceptions,
ports by number, range and name, both directions, and default deny. As in other engines, what is connected already stays
connected, and what a node itself sends to its own pods is always let through.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal

from tests.kubernetes_bed.api import Api

LOOK_S = 0.2
TABLE = "bed_policies"
Object = Mapping[str, Any]
Direction = Literal["Ingress", "Egress"]


@dataclass(frozen=True, slots=True)
class Pod:
    """What policies know pods by."""

    namespace: str
    labels: Mapping[str, str]
    address: str
    ports: Mapping[str, int]
    """Those that have a name."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """All that the rules follow from."""

    pods: Sequence[Pod]
    namespaces: Mapping[str, Mapping[str, str]]
    """The labels of each."""
    policies: Sequence[Object]


def read(pods: Iterable[Object], namespaces: Iterable[Object], policies: Iterable[Object]) -> Cluster:
    """The cluster as these objects of the API tell it; pods without an address of their own are not part of it."""
    labels = {one["metadata"]["name"]: one["metadata"].get("labels", {}) for one in namespaces}
    return Cluster([_pod(one) for one in pods if _has_address(one)], labels, list(policies))


def ruleset(cluster: Cluster) -> str:
    """The whole table for `nft -f`, in place of the one before: for each pod and direction that is limited, one chain."""
    chains, jumps = [], []
    for direction, prefix, mine in (("Egress", "out", "saddr"), ("Ingress", "in", "daddr")):
        for pod in cluster.pods:
            allowed = _allowed(cluster, pod, direction)  # type: ignore[arg-type]
            if allowed is not None:
                chain = f"{prefix}_{pod.address.replace('.', '_')}"
                lines = "".join(f"    {one}return\n" for one in sorted(allowed))
                chains.append(f"  chain {chain} {{\n{lines}    counter drop\n  }}\n")
                jumps.append(f"    ip {mine} {pod.address} jump {chain}\n")
    forward = "    type filter hook forward priority 10; policy accept;\n    ct state established,related accept\n"
    # Naming the table before deleting it: there may be none yet.
    return (
        f"table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{''.join(chains)}"
        f"  chain forward {{\n{forward}{''.join(jumps)}  }}\n}}\n"
    )


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector means what has these labels; an empty one means everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(one, labels) for one in selector.get("matchExpressions") or [])


def _meets(wanted: Object, labels: Mapping[str, str]) -> bool:
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


def _allowed(cluster: Cluster, pod: Pod, direction: Direction) -> set[str] | None:
    """What may pass, each as the beginning of a rule; None when no policy limits this pod in this direction."""
    limiting = [one for one in cluster.policies if _limits(one, pod, direction)]
    if not limiting:
        return None
    passing: set[str] = set()
    for policy in limiting:
        for rule in policy["spec"].get(direction.lower()) or []:
            passing.update(_rule(cluster, policy["metadata"]["namespace"], rule, pod, direction))
    return passing


def _limits(policy: Object, pod: Pod, direction: Direction) -> bool:
    spec = policy["spec"]
    concerned = policy["metadata"]["namespace"] == pod.namespace and selects(spec.get("podSelector") or {}, pod.labels)
    return concerned and direction in spec.get("policyTypes", ["Ingress"])


def _rule(cluster: Cluster, namespace: str, rule: Object, pod: Pod, direction: Direction) -> Iterator[str]:
    key, side = ("from", "saddr") if direction == "Ingress" else ("to", "daddr")
    listed = rule.get(key)
    blocks = [_block(one["ipBlock"], side) for one in listed or [] if "ipBlock" in one]
    peers = [other for other in cluster.pods if any(_is_peer(cluster, namespace, one, other) for one in listed or [])]
    if peers:
        blocks.append(f"ip {side} {{ {', '.join(sorted({peer.address for peer in peers}))} }} ")
    servers = [pod] if direction == "Ingress" else (peers if listed else cluster.pods)
    for source in blocks if listed else [""]:
        for port in _ports(rule.get("ports"), servers):
            yield source + port


def _is_peer(cluster: Cluster, namespace: str, peer: Object, pod: Pod) -> bool:
    if "ipBlock" in peer:
        return False
    near = pod.namespace == namespace
    if "namespaceSelector" in peer:
        near = selects(peer["namespaceSelector"], cluster.namespaces.get(pod.namespace, {}))
    return near and selects(peer.get("podSelector") or {}, pod.labels)


def _block(block: Object, side: str) -> str:
    without = block.get("except") or []
    return f"ip {side} {block['cidr']} " + (f"ip {side} != {{ {', '.join(without)} }} " if without else "")


def _ports(ports: Sequence[Object] | None, servers: Sequence[Pod]) -> Iterator[str]:
    if not ports:
        yield ""
    for one in ports or []:
        protocol, port = one.get("protocol", "TCP").lower(), one.get("port")
        if port is None:
            yield f"meta l4proto {protocol} "
        elif isinstance(port, int):
            yield f"{protocol} dport {port}" + (f"-{one['endPort']} " if "endPort" in one else " ")
        else:
            yield from (
                f"{protocol} dport {number} " for number in {pod.ports[port] for pod in servers if port in pod.ports}
            )


def _has_address(pod: Object) -> bool:
    lives = pod["status"].get("phase") in ("Pending", "Running")
    return lives and "podIP" in pod["status"] and not pod["spec"].get("hostNetwork")


def _pod(pod: Object) -> Pod:
    named = [port for one in pod["spec"]["containers"] for port in one.get("ports", []) if "name" in port]
    metadata = pod["metadata"]
    ports = {port["name"]: port["containerPort"] for port in named}
    return Pod(metadata["namespace"], metadata.get("labels", {}), pod["status"]["podIP"], ports)


def serve(api: Api, nodes: Path) -> None:
    """Keep the rules of all nodes as the API server wants them, until killed; while it is silent they stay as they are."""
    last: dict[Path, tuple[str, str]] = {}
    while True:
        try:
            paths = ("/api/v1/pods", "/api/v1/namespaces", "/apis/networking.k8s.io/v1/networkpolicies")
            rules = ruleset(read(*[api.get(path)["items"] for path in paths]))
        except (OSError, HTTPException) as silent:
            sys.stderr.write(f"{silent}\n")
        else:
            for file in nodes.glob("*/pid"):
                pid = file.read_text(encoding="utf-8")  # another one after a power cut, and with it no rules
                if last.get(file) != (pid, rules) and _load(pid, rules):
                    last[file] = pid, rules
        time.sleep(LOOK_S)


def _load(pid: str, rules: str) -> bool:
    words = ["nsenter", "--target", pid, "--net", "--", "nft", "-f", "-"]
    done = subprocess.run(words, input=rules, capture_output=True, text=True, timeout=20, check=False)
    sys.stderr.write(done.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    serve(Api(sys.argv[1], Path(sys.argv[2]), sys.argv[3]), Path(sys.argv[4]))
