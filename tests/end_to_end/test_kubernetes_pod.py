"""Whole drills on a real cluster of three nodes: a web service loses a pod, and a run that dies leaves nothing behind."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.workloads import WEB_PORT, web

INVENTORY = """
environment: lab
targets:
  storefront: {{http: {{url: "http://{address}:{port}"}}}}
  web: {{kubernetes: {{kubeconfig: "{kubeconfig}", deployment: web, namespace: default}}}}
  zone-c: {{kubernetes: {{kubeconfig: "{kubeconfig}", nodes: topology.kubernetes.io/zone=zone-c}}}}
"""
DRILL = """
drill: lose-a-pod
title: A web service of three pods loses one
inventory: inventory.yaml
safety: {max_targets: 1, max_duration: 2m}
probes:
  storefront: {http: storefront, every: 50ms, timeout: 1s}
steady_within: 20s
steady:
  - {probe: storefront, success: ">= 99%", hold: 1s}
faults:
  - {id: pod-lost, FAULT, at: 500ms, for: 3s}
checks:
  - {id: back, recovered: {probe: storefront, within: 10s, hold: 1s}}
"""


@pytest.fixture(scope="module")
def three() -> Iterator[Bed]:
    with bed() as one:
        one.apply(web())
        yield one


@pytest.fixture
def desk(three: Bed, tmp_path: Path) -> Iterator[Desk]:
    three.wait("three web servers", lambda: ready(three) == 3)
    here = Desk(tmp_path)
    text = INVENTORY.format(address=three.node("a").address, port=WEB_PORT, kubeconfig=three.kubeconfig)
    (tmp_path / "inventory.yaml").write_text(text, encoding="utf-8")
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def ready(one: Bed) -> int:
    """How many web servers are, as their deployment says."""
    status = one.plane.get("/apis/apps/v1/namespaces/default/deployments/web")["status"]
    return int(status.get("readyReplicas", 0)) if status.get("unavailableReplicas", 0) == 0 else 0


def drill(desk: Desk, fault: str) -> str:
    path = desk.folder / "drill.yaml"
    path.write_text(DRILL.replace("FAULT", fault), encoding="utf-8")
    return str(path)


def will(one: Bed) -> str:
    """What people have said of nodes and the workload, and what we have added to it."""
    told = json.loads(one.kubectl("get", "nodes,deployments,pods", "-o", "json"))["items"]
    meant = [
        (item["kind"], item["metadata"].get("annotations", {}).get("chaos-drills/held"), item["spec"].get("unschedulable"),
         item["spec"].get("replicas"), [part["image"] for part in item["spec"].get("containers", [])])
        for item in told if not item["metadata"].get("deletionTimestamp")
    ]  # fmt: skip
    return json.dumps(sorted(map(str, meant)))


def as_it_was(one: Bed, before: str) -> None:
    """Wait until the controllers have made the pods anew that are wanted again."""
    one.wait("all is as people wanted it before", lambda: will(one) == before)


def test_a_web_service_of_three_loses_a_pod_and_its_clients_hardly_notice(three: Bed, desk: Desk) -> None:
    before = {one["metadata"]["uid"] for one in three.plane.get("/api/v1/namespaces/default/pods")["items"]}
    text = drill(desk, "pod_kill: web")
    planned, plan = desk.call("plan", text)
    ended, said = desk.call("run", text)

    assert planned == 0, plan
    assert "pod default/web-" in plan
    assert ended == 0, said
    assert "passed" in said
    after = {one["metadata"]["uid"] for one in three.plane.get("/api/v1/namespaces/default/pods")["items"]}
    assert len(before - after) == 1
    assert desk.told("injection.verified")[0]["why"].endswith(" gone")


FAULTS = """
pod_kill: web
pod_failure: web
scale: web
bad_image: web
cordon: zone-c
taint: zone-c
drain: zone-c
node_kill: zone-c
"""


@pytest.mark.parametrize("fault", FAULTS.split("\n")[1:-1])
def test_a_run_that_dies_in_the_middle_is_healed_by_its_reaper(three: Bed, desk: Desk, fault: str) -> None:
    before = will(three)
    desk.killed(drill(desk, fault))

    wait_until(lambda: desk.has("run.closed"), "the reaper has healed", 60)
    assert desk.told("injection.gone"), desk.told("injection.heal_failed")
    as_it_was(three, before)


def test_drills_heal_heals_when_even_the_reaper_is_dead(three: Bed, desk: Desk) -> None:
    before = will(three)
    desk.killed(drill(desk, "scale: {target: web, to: 1}"), with_reaper=True)
    assert will(three) != before
    ended, said = desk.call("heal", desk.run().short)

    assert ended == 0, said
    as_it_was(three, before)
