"""Simulated nodes: they take pods, and a zone of them that has lost its power loses its pods to another."""

from collections import Counter

from tests.kubernetes_bed.api import is_ready
from tests.kubernetes_bed.control_plane import QUICK, ControlPlane, control_plane
from tests.kubernetes_bed.node import AWAY
from tests.kubernetes_bed.simulated import ZONE, simulate
from tests.kubernetes_bed.workloads import web

REPLICAS = 12


def pods(plane: ControlPlane) -> Counter[str]:
    """How many pods are ready and not to be deleted, by zone."""
    found = plane.get("/api/v1/namespaces/default/pods")["items"]
    stay = [pod for pod in found if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    return Counter(pod["spec"]["nodeName"].rpartition("-")[0] for pod in stay)


def nodes(plane: ControlPlane) -> Counter[str]:
    """How many nodes are ready and taken for it, so that their zone counts when pods are spread, by zone."""
    found = plane.get("/api/v1/nodes")["items"]
    away = {node["metadata"]["name"] for node in found for one in node["spec"].get("taints", ()) if one["key"] in AWAY}
    back = [node["metadata"] for node in found if is_ready(node) and node["metadata"]["name"] not in away]
    return Counter(one["labels"][ZONE] for one in back)


def test_a_zone_without_power_loses_its_nodes_and_pods_to_the_others_until_it_is_back() -> None:
    with control_plane("kube-controller-manager", "kube-scheduler", flags=QUICK) as plane:
        scheduler = plane.daemon("kube-scheduler")
        zones = simulate(plane, {"east-1": "east", "east-2": "east", "west-1": "west"}, nodes=4, lease_s=4)
        scheduler.wait(lambda: nodes(plane) == {"east-1": 4, "east-2": 4, "west-1": 4})
        plane.apply(web(REPLICAS))
        scheduler.wait(lambda: pods(plane) == {"east-1": 4, "east-2": 4, "west-1": 4})

        zones["west-1"].power_off()
        scheduler.wait(lambda: nodes(plane) == {"east-1": 4, "east-2": 4})
        scheduler.wait(lambda: pods(plane) == {"east-1": 6, "east-2": 6})

        zones["west-1"].power_on()
        scheduler.wait(lambda: nodes(plane) == {"east-1": 4, "east-2": 4, "west-1": 4})
        assert pods(plane) == {"east-1": 6, "east-2": 6}, "who has found a place stays there"
