"""The real Chaos Mesh: what it does is seen in traffic and in containers, and is over when it is told so."""

from collections.abc import Iterator

import pytest

from tests.kubernetes_bed.bed import Bed, Plan, bed
from tests.kubernetes_bed.chaos_mesh import chaos_mesh, need_chaos_mesh
from tests.kubernetes_bed.workloads import shell, web

APART = """
apiVersion: chaos-mesh.org/v1alpha1
kind: NetworkChaos
metadata: {name: apart}
spec:
  action: partition
  mode: all
  selector: {labelSelectors: {app: shell}}
  direction: both
  target: {mode: all, selector: {labelSelectors: {app: web}}}
  duration: 60s
"""
KILLED = """
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: killed}
spec: {action: container-kill, mode: one, selector: {labelSelectors: {app: web}}, containerNames: [web]}
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Bed]:
    """A client on one node, a web server on each of two."""
    need_chaos_mesh()
    with bed(Plan("a", "zone-a", "north"), Plan("b", "zone-b", "south")) as one:
        one.apply(web(replicas=2))
        one.apply(shell(node="a"))
        chaos_mesh(one)
        one.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s", within_s=70)
        yield one


def served(one: Bed) -> bool:
    """Whether the client reaches a web server."""
    service = one.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
    script = f"timeout 1 wget -qO- http://{service}/ >/dev/null && echo yes || echo no"
    return one.kubectl("exec", "shell", "--", "sh", "-c", script).strip() == "yes"


def restarts(one: Bed) -> int:
    """Of all web servers together."""
    pods = one.plane.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    return sum(state["restartCount"] for pod in pods for state in pod["status"]["containerStatuses"])


def test_a_partition_stops_the_traffic_until_it_is_deleted(shop: Bed) -> None:
    shop.wait("the client is served", lambda: served(shop))

    shop.apply(APART)
    shop.wait("the client is cut off", lambda: not served(shop))

    shop.kubectl("delete", "networkchaos", "apart", "--timeout=30s")
    shop.wait("the client is served again", lambda: served(shop))


def test_a_killed_container_is_started_again(shop: Bed) -> None:
    before = restarts(shop)

    shop.apply(KILLED)
    shop.wait("one more restart", lambda: restarts(shop) == before + 1)

    shop.kubectl("delete", "podchaos", "killed", "--timeout=30s")
    assert restarts(shop) == before + 1, "once, and not again when it is taken away"
