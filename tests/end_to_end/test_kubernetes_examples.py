"""The examples of Kubernetes on a real cluster of three nodes: a shop loses a pod, a node's power, a zone and a region.

Each is run by an account that may do what `drills rbac` prints for it, and nothing else.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until
from tests.injectors.clusters import as_it_is
from tests.kubernetes_bed.api import is_ready
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.images import BUSYBOX
from tests.kubernetes_bed.programs import program

SHOP = ROOT / "examples" / "kubernetes"
PUBLIC = "docker.io/library/busybox:1.37"
"""What the manifest names, and a node would pull where it has no such image."""
CONTEXT = "kind-shop"
KEPT = ("/api/v1/nodes", "/api/v1/services", "/api/v1/namespaces", "/apis/apps/v1/deployments",
        "/apis/policy/v1/poddisruptionbudgets", "/apis/networking.k8s.io/v1/networkpolicies")  # fmt: skip
BEGAN_AND_ENDED = ("firing", "resolved")
DOCKER = """#!{python}
import sys
from urllib.request import ProxyHandler, build_opener
build_opener(ProxyHandler({{}})).open("http://127.0.0.1:{port}/" + "/".join(sys.argv[1:]), timeout=60).read()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Bed]:
    """Three nodes that have the image, and the shop as its manifest says."""
    with bed() as one:
        for node in one.nodes.values():
            words = ("--address", "/run/containerd/containerd.sock", "--namespace", "k8s.io", "images", "tag")
            node.call(program("ctr"), *words, BUSYBOX, PUBLIC)
        one.apply((SHOP / "shop.yaml").read_text(encoding="utf-8"))
        yield one


@pytest.fixture(scope="module")
def programs(cluster: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with kubectl, and with `docker kill NODE` and `docker start NODE`, which cut the power of the bed's nodes."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "kubectl").symlink_to(program("kubectl"))

    class Switch(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, verb, node = self.path.split("/")
            {"kill": cluster.node(node).power_off, "start": cluster.node(node).power_on}[verb]()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Switch) as server:
        docker = folder / "docker"
        docker.write_text(DOCKER.format(python=sys.executable, port=server.server_port), encoding="utf-8")
        docker.chmod(0o755)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


@pytest.fixture
def desk(cluster: Bed, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    cluster.wait_for_nodes()
    cluster.kubectl("--namespace=shop", "rollout", "restart", "deployment")  # else those that fled stay where they are
    for one in json.loads(cluster.kubectl("--namespace=shop", "get", "deployments", "-o", "json"))["items"]:
        cluster.kubectl(
            "--namespace=shop", "rollout", "status", f"deployment/{one['metadata']['name']}", "--timeout=60s"
        )
    cluster.wait("the shop has its pods, in every zone", lambda: where(cluster) == ["a", "a", "b", "b", "c", "c"])
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SHOP_CONTEXT", CONTEXT)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def where(cluster: Bed) -> list[str]:
    """The node of each pod of the shop that is ready; none while one is on its way out."""
    pods = cluster.plane.get("/api/v1/namespaces/shop/pods")["items"]
    if any("deletionTimestamp" in one["metadata"] for one in pods):
        return []
    return sorted(one["spec"]["nodeName"] for one in pods if is_ready(one))


def state(cluster: Bed) -> str:
    """All that anybody has wished of the cluster."""
    return re.sub(r'"deployment.kubernetes.io/revision": "\d+"', "", as_it_is(cluster.plane, *KEPT))


def drill(name: str) -> str:
    return str(SHOP / f"{name}.yaml")


def role_of(desk: Desk, name: str) -> str:
    """What is printed for whoever shall run this drill: an account of its name, and all that it needs."""
    code, said = desk.call("rbac", drill(name), "--service-account", f"default/{name}")
    assert code == 0, said
    return said


def allow(cluster: Bed, desk: Desk, name: str, role: str) -> None:
    """Whoever calls `drills` here is from now on this account, and may do what its role says and nothing else."""
    cluster.apply(role)
    token = cluster.kubectl("create", "token", name, "--duration=1h").strip()
    text = cluster.plane.kubeconfig_for(name, token).read_text(encoding="utf-8")
    mine = text.replace("[{name: bed, context", f"[{{name: {CONTEXT}, context")
    (desk.folder / "kubeconfig").write_text(mine, encoding="utf-8")


def passes(cluster: Bed, desk: Desk, name: str, *, programs: Path | None = None) -> str:
    """What is said of a run that passes and leaves the cluster as it was, after doctor has seen that it may be done.

    With `programs` the run, but not doctor, finds no others than those of this folder.
    """
    allow(cluster, desk, name, role_of(desk, name))
    before = state(cluster)
    code, said = desk.call("doctor", drill(name))
    assert code == 0, said
    assert re.search(r"fine +rights +fault .*, observer cluster, leftovers at .*: all that is needed may be done", said)
    assert state(cluster) == before

    code, said = Desk(desk.folder, programs).call("run", drill(name))
    assert code == 0, said
    assert state(cluster) == before
    assert {one["verdict"]["outcome"] for one in desk.report()["checks"]} == {"passed"}
    return said


def told(desk: Desk, receiver: str = "oncall") -> list[tuple[str, str]]:
    """What was told there: each alert, and whether it began or was over."""
    pages = [one for one in desk.told("page.received") if one["observer"] == receiver]
    return [(alert["alert"], page["status"]) for page in pages for alert in page["alerts"]]


def test_a_pod_is_lost_and_nobody_notices_and_nobody_is_woken(cluster: Bed, desk: Desk) -> None:
    before = pods(cluster)
    said = passes(cluster, desk, "lose-a-pod")

    assert re.search(r"passed +another-pod +whole down for ", said)
    assert len(before - pods(cluster)) == 1
    assert told(desk) == []


def test_a_node_loses_its_power_and_its_pods_start_elsewhere(cluster: Bed, desk: Desk) -> None:
    said = passes(cluster, desk, "lose-a-node")

    assert re.search(r"passed +pods-elsewhere +whole down for ", said)
    cluster.wait("all of the north is on a", lambda: where(cluster) == ["a", "a", "a", "a", "c", "c"])
    assert [one for one in told(desk) if one[0] == "NodeNotReady"] == [("NodeNotReady", how) for how in BEGAN_AND_ENDED]
    assert {alert for alert, _ in told(desk)} <= {"NodeNotReady", "ZoneLost"}
    assert cluster.node("b").is_ready()


def test_a_zone_is_lost_and_the_other_one_takes_over_also_where_no_prometheus_is_installed(
    cluster: Bed, desk: Desk, programs: Path
) -> None:
    said = passes(cluster, desk, "lose-a-zone", programs=programs)

    assert re.search(r"note +watcher stood in for prometheus, alertmanager", said)
    cluster.wait("all of the north is on b", lambda: where(cluster) == ["b", "b", "b", "b", "c", "c"])
    assert told(desk) == [("ZoneLost", how) for how in BEGAN_AND_ENDED]


def test_a_region_is_lost_and_its_users_are_served_by_the_other_one_until_it_is_back(cluster: Bed, desk: Desk) -> None:
    said = passes(cluster, desk, "lose-a-region")

    down = re.search(r"passed +its-users +south down for (\S+) s", said)
    assert down, said
    assert 0.5 < float(down[1]) < 10, "two looks that find nobody, before the front gives a region up"
    assert re.search(r"passed +at-home-again +south-at-home back ", said)
    assert {one["injector"] for one in desk.told("injection.intended")} == {"zone_outage", "partition", "kill"}
    assert len(desk.told("injection.verified")) == 3
    assert [one for one in told(desk) if one[0] == "RegionLost"] == [("RegionLost", how) for how in BEGAN_AND_ENDED]
    assert {alert for alert, _ in told(desk)} <= {"RegionLost", "ZoneLost"}


def test_without_a_verb_of_its_role_doctor_names_it_and_nothing_is_touched(cluster: Bed, desk: Desk) -> None:
    role = role_of(desk, "lose-a-region")
    whole = "verbs: [get, list, patch, watch]"
    assert role.count(whole) == 1
    allow(cluster, desk, "lose-a-region", role.replace(whole, "verbs: [get, list, watch]"))
    before, ran = state(cluster), pods(cluster)

    code, said = desk.call("doctor", drill("lose-a-region"))

    assert code == 1, said
    assert re.search(r"WRONG +rights +fault south-lost \(zone_outage\) may not: patch nodes\n", said)
    assert "drills rbac " in said
    assert "1 wrong" in said
    assert (state(cluster), pods(cluster)) == (before, ran)


def pods(cluster: Bed) -> set[str]:
    """Which they are."""
    return {one["metadata"]["uid"] for one in cluster.plane.get("/api/v1/namespaces/shop/pods")["items"]}
