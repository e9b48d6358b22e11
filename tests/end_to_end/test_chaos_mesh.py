"""A whole drill on a real cluster with the real Chaos Mesh: a link is cut, its clients see that, and nothing stays behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import Seen
from checks.evidence import unpack
from drills import journal
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.kubernetes_bed.bed import Bed, Plan, bed
from tests.kubernetes_bed.chaos_mesh import chaos_mesh, need_chaos_mesh
from tests.kubernetes_bed.programs import program
from tests.kubernetes_bed.workloads import shell, web

CHAOS = "/apis/chaos-mesh.org/v1alpha1/networkchaos"
INVENTORY = """
environment: lab
engines:
  chaos_mesh: {{kubeconfig: "{kubeconfig}", namespace: default}}
targets:
  shop: {{command: {{}}}}
links:
  shop-to-web:
    chaos_mesh:
      from: {{selector: app=shell}}
      to: {{deployment: web}}
      ping: [timeout, "1", wget, -qO-, "http://{service}/"]
"""
DRILL = """
drill: cut-the-shop-off
title: The shop no longer reaches its web servers
safety: {{max_targets: 2, max_duration: 2m}}
probes:
  orders:
    command: shop
    run: ["{kubectl}", --kubeconfig, "{kubeconfig}", exec, shell, --, timeout, "1", wget, -qO-, "http://{service}/"]
    every: 500ms
    timeout: 5s
steady_within: 30s
steady:
  - {{probe: orders, success: ">= 99%", hold: 2s, at_least: 4}}
faults:
  - {{id: cut-off, partition: shop-to-web, at: 500ms, for: 4s}}
checks:
  - {{id: back, recovered: {{probe: orders, within: 20s, hold: 2s}}}}
"""


@pytest.fixture(scope="module")
def meshed() -> Iterator[Bed]:
    need_chaos_mesh()
    with bed(Plan("a", "zone-a", "north")) as one:
        one.apply(web(replicas=1))
        one.apply(shell(node="a"))
        chaos_mesh(one)
        one.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s", within_s=70)
        yield one


@pytest.fixture
def desk(meshed: Bed, tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    service = meshed.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
    known = {"kubeconfig": meshed.kubeconfig, "service": service, "kubectl": program("kubectl")}
    for name, text in (("inventory.yaml", INVENTORY), ("drill.yaml", DRILL)):
        (tmp_path / name).write_text(text.format(**known), encoding="utf-8")
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")
    assert chaos(meshed) == 0


def chaos(one: Bed) -> int:
    """How many resources of Chaos Mesh there are."""
    return len(one.plane.get(CHAOS)["items"])


def drill(desk: Desk) -> str:
    return str(desk.folder / "drill.yaml")


def test_a_link_of_pods_is_cut_and_its_clients_see_it(meshed: Bed, desk: Desk) -> None:
    planned, plan = desk.call("plan", drill(desk))
    ended, said = desk.call("run", drill(desk))

    assert planned == 0, plan
    assert "a cut on requests and answers, from pods app=shell to deployment web, by Chaos Mesh" in plan
    assert "pod default/shell" in plan
    assert "pod default/web-" in plan
    assert ended == 0, said
    assert "a ping " in desk.told("injection.verified")[0]["why"]
    assert "a ping is answered" in desk.told("injection.gone")[0]["why"]
    assert Seen.BAD in looks(desk), "the clients saw it"


@pytest.mark.parametrize(
    ("fault", "said", "code"),
    [
        ("corrupt: {link: shop-to-web, share: 5%}", "a bit wrong in 5% of packets on answers", 0),
        ("latency: {link: shop-to-web, delay: 40ms, toxicity: 10%}", "Chaos Mesh spoils all connections alike", 2),
        ("slow_close: {link: shop-to-web, delay: 1s}", "the inventory gives it no such address", 2),
    ],
)
def test_the_plan_says_what_this_engine_can_do_and_what_not(desk: Desk, fault: str, said: str, code: int) -> None:
    path = Path(drill(desk))
    path.write_text(path.read_text(encoding="utf-8").replace("partition: shop-to-web", fault), encoding="utf-8")
    ended, plan = desk.call("plan", drill(desk))

    assert ended == code, plan
    assert said in plan


def looks(desk: Desk) -> set[Seen]:
    """What the probe has seen."""
    told = [event for event in journal.read(desk.run().journal) if event.kind == "probe.sampled"]
    return {one.seen for event in told for one in unpack(event)}


def test_a_run_that_dies_in_the_middle_is_healed_by_its_reaper(meshed: Bed, desk: Desk) -> None:
    desk.killed(drill(desk))

    wait_until(lambda: desk.has("run.closed"), "the reaper has healed", 60)
    assert desk.told("injection.gone"), desk.told("injection.heal_failed")
    assert chaos(meshed) == 0


def test_a_cluster_is_healed_without_any_memory_of_the_run(meshed: Bed, desk: Desk) -> None:
    desk.killed(drill(desk), with_reaper=True)
    assert chaos(meshed) == 1
    left, kept = desk.call("heal", "--cluster", "--kubeconfig", str(meshed.kubeconfig))
    ended, said = desk.call("heal", "--cluster", "--all", "--kubeconfig", str(meshed.kubeconfig))

    assert left == 0, kept
    assert "left: networkchaos default/drill-" in kept
    assert ended == 0, said
    assert "healed: networkchaos default/drill-" in said
    assert chaos(meshed) == 0
    assert desk.call("heal", desk.run().short)[0] == 0
