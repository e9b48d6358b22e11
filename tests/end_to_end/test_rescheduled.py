"""Whole drills on a real cluster: how long a workload lacks what a pod or a machine took with it, as a report tells it.

What is told agrees with what the cluster itself noted, also where its API server was dead for a while.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.injectors.test_kubernetes_on_nodes import Switchboard
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.workloads import web

INVENTORY = """
environment: lab
engines:
  kubernetes: {{kubeconfig: "{kubeconfig}"}}
targets:
  web: {{kubernetes: {{deployment: web, namespace: default}}}}
  machine: {{kubernetes: {{node: c, power_off: {off}, power_on: {on}}}}}
observers:
  cluster: {{kubernetes: {{namespace: default, kinds: [deployments, pods, nodes, endpointslices]}}}}
"""
DRILL = """
drill: lose-something
inventory: inventory.yaml
safety: {max_targets: 1, max_duration: 3m}
probes:
  web-ready: {kubernetes: web, ready: ">= 3", every: 50ms}
  endpoints: {kubernetes: web, service: web, ready: ">= 3", every: 50ms}
steady_within: 40s
steady:
  - {probe: web-ready, success: ">= 100%", hold: 1s}
  - {probe: endpoints, success: ">= 100%", hold: 1s}
faults:
  - {id: lost, FAULT, at: 500ms}
checks:
  - {id: back, rescheduled: {workload: deployment/web, after: lost, within: 90s}}
  - {id: endpoints-back, recovered: {probe: endpoints, within: 60s, hold: 1s}}
"""
STEPS = ["not_ready", "evicted", "rescheduled", "ready"]
_NOTED_S = 1.0
"""The cluster notes times in whole seconds."""
_SLOW_S = 20.0
"""How much later than it was noted something may be told on a machine that has much else to do."""


@pytest.fixture(scope="module")
def three() -> Iterator[Bed]:
    """A web service of three pods on three nodes, each ready some seconds after it was born."""
    with bed() as one:
        one.apply(web().replace("periodSeconds: 1", "periodSeconds: 1, initialDelaySeconds: 6"))
        yield one


@pytest.fixture
def desk(three: Bed, tmp_path: Path) -> Iterator[Desk]:
    three.wait("three web servers", lambda: len(ready(three)) == 3)
    here = Desk(tmp_path)
    with Switchboard(three) as board:
        off, on = ([*map(str, board.words(what))] for what in ("off", "on"))
        text = INVENTORY.format(kubeconfig=three.kubeconfig, off=off, on=on)
        (tmp_path / "inventory.yaml").write_text(text, encoding="utf-8")
        yield here
        wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def ready(one: Bed) -> dict[str, float]:
    """The pods that are ready, and since when, as the cluster noted it."""
    found: dict[str, float] = {}
    for pod in one.plane.get("/api/v1/namespaces/default/pods")["items"]:
        for condition in pod.get("status", {}).get("conditions", []):
            if (condition["type"], condition["status"]) == ("Ready", "True") and "deletionTimestamp" not in pod[
                "metadata"
            ]:
                found[pod["metadata"]["name"]] = datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
    return found


def running(one: Bed) -> set[str]:
    """The pods that run, ready or not; to start, a pod needs the API server."""
    pods = one.plane.get("/api/v1/namespaces/default/pods")["items"]
    return {pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"}


def drill(desk: Desk, fault: str) -> str:
    path = desk.folder / "drill.yaml"
    path.write_text(DRILL.replace("FAULT", fault), encoding="utf-8")
    return str(path)


def story(desk: Desk, name: str = "deployment/web") -> dict[str, Any]:
    """What the newest report tells of it."""
    (found,) = (one for one in desk.report()["rescheduled"] if one["object"] == name)
    return dict(found)


def said_unix(desk: Desk, one: dict[str, Any], step: str) -> tuple[float, float]:
    """Between when and when it came, by the clock on the wall."""
    opened = datetime.fromisoformat(desk.report()["opened_at"]).timestamp() + one["since_s"]
    return opened + one["after"][step]["low"], opened + one["after"][step]["high"]


def test_a_pod_that_is_killed_is_replaced_and_the_report_says_when(three: Bed, desk: Desk) -> None:
    before = ready(three)
    ended, said = desk.call("run", drill(desk, "pod_kill: web"))

    assert ended == 0, said
    one = story(desk)
    assert [*one["after"]] == STEPS
    assert one["unready_s"] is None
    (noted,) = (since for name, since in ready(three).items() if name not in before)
    assert noted <= said_unix(desk, one, "ready")[1] <= noted + _SLOW_S
    assert "deployment/web  not ready " in said
    page = (desk.run().path / "report.html").read_text(encoding="utf-8")
    assert f'href="#line-{one["lines"]["ready"]}"' in page
    seen = {row["name"]: row["samples"] for row in desk.report()["probes"]}
    assert seen["web-ready"]["bad"] > 0, "the watch has told the probe as well"
    assert seen["web-ready"]["blind"] == 0


def test_a_machine_that_loses_its_power_is_missed_and_its_pod_starts_elsewhere(three: Bed, desk: Desk) -> None:
    ended, said = desk.call("run", drill(desk, "node_kill: machine"))

    assert ended == 0, said
    pod, node = story(desk), story(desk, "node/c")
    assert [*pod["after"]] == STEPS
    assert next(iter(node["after"])) == "not_ready"
    missed = node["after"]["not_ready"]["value"]
    assert missed > 1, "a node that says nothing is missed only after a while"
    assert pod["after"]["evicted"]["value"] >= missed
    assert pod["after"]["ready"]["value"] > pod["after"]["rescheduled"]["value"]
    assert "node/c" in said


def test_what_came_while_the_api_server_was_dead_has_bounds_that_hold_and_may_decide_nothing(
    three: Bed, desk: Desk
) -> None:
    before = ready(three)
    process = desk.start("run", drill(desk, "pod_kill: web"))
    try:
        wait_until(lambda: process.poll() is not None or desk.has("injection.verified"), "the pod is gone", 60)
        wait_until(lambda: running(three) - before.keys(), "the new one runs", 30)
        # Else it would take all nodes for lost, since they cannot speak to the server.
        three.plane.kill("kube-controller-manager")
        three.plane.kill("kube-apiserver")
        try:
            wait_until(lambda: desk.has("observer.lost"), "the observer cannot hear", 30)
            time.sleep(6)  # meanwhile the new pod becomes ready, and nobody can be told
        finally:
            three.plane.start("kube-apiserver")
            three.plane.start("kube-controller-manager")
        said, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 0, said
    one = story(desk)
    (noted,) = (since for name, since in ready(three).items() if name not in before)
    low, high = said_unix(desk, one, "ready")
    assert low <= noted + _NOTED_S
    assert noted <= high
    took = one["after"]["ready"]
    assert took["high"] - took["low"] > 3
    limit_ms = round(500 * (took["low"] + took["high"]))
    _, judged = desk.call("judge", desk.run().short, "--set", f"back.within={limit_ms}ms")
    assert "too coarse for limit" in judged
    assert {row["name"]: row["samples"]["blind"] > 0 for row in desk.report()["probes"]}["web-ready"]
