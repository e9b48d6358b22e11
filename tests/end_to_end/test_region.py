"""A region of a real cluster is lost, with a link and a process that belong to it: by one fault, seen by real clients."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checks import Seen
from checks.evidence import unpack
from drills.lab import free_ports
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.injectors.clusters import as_it_is
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.workloads import shell, web
from tests.signals import send

POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
WATCHED = ("/api/v1/nodes", POLICIES, "/apis/apps/v1/deployments", "/api/v1/services")
INVENTORY = """
environment: lab
engines:
  kubernetes: {kubeconfig: KUBECONFIG, policy_engine: that of the bed}
targets:
  shop: {http: {url: "http://NORTH:30080/"}}
  edge: {http: {url: "http://127.0.0.1:PORT/"}}
  teller: {process: {pidfile: teller.pid, start: [PYTHON, teller.py]}}
  shop-pods: {kubernetes: {deployment: web, namespace: default}}
links:
  users-to-south:
    toxiproxy:
      proxy: users-to-south
      listen: "127.0.0.1:PORT"
      upstream: "SOUTH:30080"
      ping: "GET / HTTP/1.0\\r\\n\\r\\n"
regions:
  south: {zones: [zone-c], kubernetes: {}, links: [users-to-south], processes: [teller]}
"""
DRILL = """
drill: lose-the-south
safety: {max_targets: 3}
probes:
  shop: {http: shop, every: 100ms}
  edge: {http: edge, every: 100ms, timeout: 500ms}
steady:
  - {probe: shop, success: ">= 99%", hold: 2s}
  - {probe: edge, success: ">= 99%", hold: 2s}
faults:
  - {id: south-lost, region_outage: south, for: FORs}
checks:
  - failover: {probe: shop, after: south-lost, within: 5s}
  - recovered: {probe: edge, within: 10s, hold: 2s}
"""
CUT = """
drill: cut-and-lose
safety: {max_targets: 9}
probes:
  shop: {http: shop, every: 100ms, timeout: 500ms}
steady:
  - {probe: shop, success: ">= 99%", hold: 2s}
faults:
  - {id: cut-off, isolate: shop-pods, for: 5s}
  - {id: zone-lost, zone_outage: zone-c, at: 10s, for: 3s}
checks:
  - recovered: {probe: shop, after: cut-off, within: 3s, hold: 1s}
"""
TELLER = """
import os, time
with open("teller.pid", "w") as file:
    file.write(str(os.getpid()))
time.sleep(600)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Bed]:
    """A web server on each of three nodes, two in the north; and in the south a pod that nobody would make again."""
    with bed() as one:
        one.enforce_policies()
        one.apply(web())
        one.apply(shell("caller", node="a"))
        one.apply(shell("bare", node="c"))
        one.apply(FRIENDLY)
        one.wait("a web server on each node", lambda: spread(one))
        one.kubectl("wait", "--for=condition=Ready", "pod/caller", "pod/bare", "--timeout=60s", within_s=70)
        yield one


FRIENDLY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friendly, namespace: default}
spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}
"""


@pytest.fixture
def desk(tmp_path: Path, cluster: Bed) -> Iterator[Desk]:
    here = Desk(tmp_path)
    (tmp_path / "teller.py").write_text(TELLER, encoding="utf-8")
    said = {"KUBECONFIG": str(cluster.kubeconfig), "NORTH": cluster.node("a").address, "SOUTH": cluster.node("c").address,
            "PORT": str(free_ports(("edge",))["edge"]), "PYTHON": sys.executable}  # fmt: skip
    lose(here, 10)
    (tmp_path / "cut.yaml").write_text(CUT, encoding="utf-8")
    inventory(here, said)
    inventory(here, {**said, "KUBECONFIG": str(allowed_no_more(cluster, here))})
    teller = subprocess.Popen([sys.executable, "teller.py"], cwd=tmp_path)
    wait_until((tmp_path / "teller.pid").exists, "the teller runs")
    try:
        yield here
    finally:
        teller.kill()
        teller.wait()
        for pid in (tmp_path / "teller.pid").read_text().split():  # another one, once it was started again
            subprocess.run(["kill", "-9", pid], check=False, capture_output=True)
        cluster.kubectl("rollout", "restart", "deployment/web")
        cluster.kubectl(
            "rollout", "status", "deployment/web", "--timeout=60s", within_s=70
        )  # else the old ones are counted
        cluster.wait("a web server on each node", lambda: spread(cluster))


def inventory(desk: Desk, said: dict[str, str]) -> None:
    text = INVENTORY
    for name, value in said.items():
        text = text.replace(name, value)
    (desk.folder / "inventory.yaml").write_text(text, encoding="utf-8")


def allowed_no_more(cluster: Bed, desk: Desk) -> Path:
    """A kubeconfig of somebody who may do what `drills rbac` prints for the two drills, and nothing else."""
    for name in ("drill", "cut"):
        code, role = desk.call("rbac", f"{name}.yaml")
        assert code == 0, role
        cluster.apply(role)
        cluster.apply(ACCOUNT.replace("ROLE", "lose-the-south" if name == "drill" else "cut-and-lose"))
    token = cluster.kubectl("create", "token", "driller", "--duration=1h").strip()
    return cluster.plane.kubeconfig_for("driller", token)


ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: driller, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: driller-ROLE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: chaos-drills-ROLE}
subjects: [{kind: ServiceAccount, name: driller, namespace: default}]
"""


def lose(desk: Desk, for_s: int) -> None:
    (desk.folder / "drill.yaml").write_text(DRILL.replace("FOR", str(for_s)), encoding="utf-8")


def spread(cluster: Bed) -> bool:
    """Whether each node has its web server; one that fled from a node that was slow to answer is sent back."""
    pods = serving(cluster)
    by_node = {node: pod for pod, node in pods.items()}
    if len(pods) == len(cluster.nodes) > len(by_node):
        cluster.kubectl("delete", "pod", *(pods.keys() - by_node.values()))
    return len(pods) == len(by_node) == len(cluster.nodes)


def serving(cluster: Bed) -> dict[str, str]:
    """The web servers that are ready and stay, and the node of each."""
    pods = cluster.plane.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    ready = [one for one in pods if any(it["type"] == "Ready" and it["status"] == "True"
                                        for it in one["status"].get("conditions", ()))]  # fmt: skip
    return {
        one["metadata"]["name"]: one["spec"]["nodeName"] for one in ready if "deletionTimestamp" not in one["metadata"]
    }


def state(cluster: Bed) -> str:
    """All that could be left changed; what the controllers themselves keep count of aside."""
    objects = json.loads(as_it_is(cluster.plane, *WATCHED))
    bare = cluster.plane.get("/api/v1/namespaces/default/pods/bare")["metadata"]
    return json.dumps([objects, bare["labels"], bare.get("annotations"), bare["uid"]], indent=1)


def reached(cluster: Bed) -> bool:
    """Whether the pod in the south that stays there answers the one in the north."""
    ip = cluster.plane.get("/api/v1/namespaces/default/pods/bare")["status"]["podIP"]
    said = cluster.kubectl("exec", "caller", "--", "sh", "-c", f"ping -c1 -W1 {ip} >/dev/null && echo yes || echo no")
    return said.strip() == "yes"


def test_the_plan_says_of_each_side_who_takes_it_away_and_what_is_not(cluster: Bed, desk: Desk) -> None:
    before = state(cluster)
    code, said = desk.call("plan", "drill.yaml")

    assert code == 0, said
    assert "1 node lost, 1 pod deleted at once (pod default/web-" in said
    for line in ("compute: 1 pod of 1 node deleted without a grace, by kubernetes",
                 "compute: SIGKILL to 1 process (teller), by process",
                 "network: 1 pod left there, cut off by NetworkPolicy, by kubernetes, that of the bed",
                 "(users-to-south), by toxiproxy",
                 "capacity: 1 node unschedulable and tainted NoExecute",
                 "control-plane view: the nodes stay Ready"):  # fmt: skip
        assert line in said
    assert state(cluster) == before


def test_a_region_is_lost_as_one_fault_and_all_is_as_it_was_afterwards(cluster: Bed, desk: Desk) -> None:
    before, was = state(cluster), (desk.folder / "teller.pid").read_text()
    drill = desk.start("run", "drill.yaml")
    try:
        wait_until(lambda: len(told(desk, "injection.verified")) == 3, "all three parts are in effect", 60)
        assert {*serving(cluster).values()} <= {"a", "b"}
        cluster.wait("the pod that stays is cut off", lambda: not reached(cluster), 5)
        said, _ = drill.communicate(timeout=100)
    finally:
        drill.kill()

    assert drill.returncode == 0, said
    assert state(cluster) == before
    assert reached(cluster)
    assert (desk.folder / "teller.pid").read_text() != was
    intended = [one["injector"] for one in desk.told("injection.intended")]
    assert intended == ["zone_outage", "partition", "kill"]
    checks = {one["kind"]: one["verdict"]["outcome"] for one in desk.report()["checks"]}
    assert checks == dict.fromkeys(checks, "passed")
    (fault,) = desk.report()["faults"]
    verified = [event.t_s for event in events(desk) if event.kind == "injection.verified"]
    assert fault["effect_s"] == max(verified), "it is in effect when all of it is"
    findings = [one["text"] for one in desk.report()["findings"]]
    for one in ("outage south-lost, compute: 1 pod of 1 node deleted without a grace, by kubernetes",
                "outage south-lost, control-plane view: not as in a real one: the nodes stay Ready"):  # fmt: skip
        assert any(said.startswith(one) for said in findings), findings


def test_pods_are_cut_off_and_a_zone_is_lost_with_no_more_rights_than_are_printed(cluster: Bed, desk: Desk) -> None:
    before = state(cluster)

    code, said = desk.call("run", "cut.yaml")

    assert code == 0, said
    assert state(cluster) == before
    cut = next(event for event in events(desk) if event.kind == "injection.verified").t_s
    healing = next(event for event in events(desk) if event.kind == "injection.healing").t_s
    looks = [one for event in events(desk) if event.kind == "probe.sampled" for one in unpack(event)]
    seen = {one.seen for one in looks if cut + 1 < one.sent_s < healing - 1}
    assert seen == {Seen.BAD}, "nobody is served while the shop is cut off"


def test_doctor_says_before_anything_is_touched_what_may_not_be_done(cluster: Bed, desk: Desk) -> None:
    code, said = desk.call("doctor", "cut.yaml")
    assert code == 0, said
    assert "fine      rights" in said

    cluster.kubectl("delete", "clusterrolebinding", "driller-cut-and-lose", "driller-lose-the-south")
    code, said = desk.call("doctor", "cut.yaml")
    assert code == 1, said
    assert "fault cut-off (isolate) may not: " in said
    assert "drills rbac cut.yaml" in said


def test_a_conductor_that_is_killed_leaves_nothing_of_the_region_lost(cluster: Bed, desk: Desk) -> None:
    before = state(cluster)
    lose(desk, 60)
    drill = desk.start("run", "drill.yaml")
    try:
        wait_until(lambda: len(told(desk, "injection.verified")) == 3, "all three parts are in effect", 60)
        drill.send_signal(signal.SIGKILL)
        drill.communicate(timeout=60)
        wait_until(lambda: desk.has("run.closed"), "the reaper has healed it", 60)
    finally:
        drill.kill()

    assert state(cluster) == before
    assert len(desk.told("injection.gone")) == 3


def test_what_a_machine_left_that_is_gone_for_good_is_healed_from_another_one(cluster: Bed, desk: Desk) -> None:
    """Conductor and reaper are gone, and with them everything that they remembered."""
    before = state(cluster)
    lose(desk, 60)
    drill = desk.start("run", "drill.yaml")
    try:
        wait_until(lambda: len(told(desk, "injection.verified")) == 3, "all three parts are in effect", 60)
        reaper = told(desk, "reaper.launched")[0]["pid"]
        send(drill.pid, signal.SIGSTOP)  # else it could heal in the moment in which its reaper is gone
        os.kill(reaper, signal.SIGKILL)
        drill.kill()
        drill.communicate(timeout=60)
        kubeconfig = str(cluster.kubeconfig)

        code, said = desk.call("heal", "--cluster", "--kubeconfig", kubeconfig)
        assert code == 0
        assert "left: node c" in said
        assert "--all takes it away too" in said
        assert state(cluster) != before

        code, said = desk.call("heal", "--cluster", "bed", "--kubeconfig", kubeconfig, "--all")
        assert code == 0, said
        assert "healed: " in said
        assert state(cluster) == before
        assert "nothing of ours" in desk.call("heal", "--cluster", "--kubeconfig", kubeconfig)[1]
    finally:
        drill.kill()
        desk.call("heal", "last")


def told(desk: Desk, kind: str) -> list[dict[str, Any]]:
    return desk.told(kind) if desk.has(kind) else []


def events(desk: Desk) -> Any:
    from drills import journal

    return journal.read(desk.run().journal)
