"""Healing a cluster from a machine that remembers nothing: what is past its time goes, what a run renews stays."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from drills import cluster_healing
from drills.errors import Exit
from injectors.conformance import RecordingStage
from injectors.injector import Injection, TargetName
from injectors.kubernetes_isolate import Isolate
from injectors.kubernetes_nodes import Cordon, NodeKill
from injectors.kubernetes_outage import ZoneOutage
from injectors.kubernetes_workloads import Scale
from tests.injectors.clusters import address, as_it_is, node, owner, pod, policy, space
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

HELD = "chaos-drills/held"
WATCHED = ("/api/v1/nodes", "/apis/networking.k8s.io/v1/networkpolicies", "/apis/apps/v1/deployments")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


@pytest.fixture(autouse=True)
def _clean(plane: ControlPlane) -> Iterator[None]:
    yield
    heal(plane, everything=True)
    plane.kubectl("delete", "nodes", "--all")


def inject(injector: Any, where: Any, id_: str = "3f2a-lost") -> None:
    asyncio.run(
        injector.inject(Injection(id=id_, fault="lost", target="it", address=where, for_s=None), RecordingStage())
    )


def heal(plane: ControlPlane, *, everything: bool = False, kubeconfig: str = "") -> tuple[Exit, list[str]]:
    said: list[str] = []
    code = cluster_healing.heal(kubeconfig or str(plane.kubeconfig), "", everything=everything, say=said.append)
    return code, said


def let_time_pass(plane: ControlPlane, *what: str) -> None:
    """Have a mark look as if nobody had renewed it for long."""
    found = json.loads(plane.kubectl("get", *what, "-o", "json"))
    mark = json.loads(found["metadata"]["annotations"][HELD])
    old = json.dumps({**mark, "until": "2026-01-01T00:00:00+00:00"})
    plane.kubectl("annotate", "--overwrite", *what, f"{HELD}={old}")


def deployment(plane: ControlPlane, namespace: str) -> None:
    labels = {"app": "shop"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nothing"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    plane.api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", {"metadata": {"name": "shop"}, "spec": spec})


def test_a_cluster_in_which_nothing_is_ours_is_said_to_be_so(plane: ControlPlane) -> None:
    code, said = heal(plane)

    assert code == Exit.PASSED
    assert said == [f"nothing of ours is in {plane.address}:6443"]


def test_what_is_past_its_time_goes_and_what_is_renewed_stays_and_both_are_named(plane: ControlPlane) -> None:
    for name in "ab":
        node(plane, name)
        inject(Cordon(target=TargetName("it")), address(plane, node=name), f"3f2a-{name}")
    let_time_pass(plane, "node", "a")

    code, said = heal(plane)

    assert code == Exit.PASSED
    assert sorted(said)[0] == "healed: node a of injection 3f2a-a (cordon)"
    assert sorted(said)[1].startswith("left: node b is held by injection 3f2a-b (cordon), which renews it until 20")
    there = {one["metadata"]["name"]: one["spec"].get("unschedulable") for one in plane.get("/api/v1/nodes")["items"]}
    assert there == {"a": None, "b": True}


def test_with_all_everything_is_as_it_was_whoever_did_it(plane: ControlPlane) -> None:
    namespace = space(plane)
    deployment(plane, namespace)
    node(plane, "a", labels={"zone": "one"})
    node(plane, "b")
    pod(plane, namespace, "bare", {"app": "bare"}, node="a")
    pod(plane, namespace, "shop-1", {"app": "shop"}, owner=owner())
    policy(plane, namespace, "everybody", ingress=[{}])
    before = as_it_is(plane, *WATCHED)
    engine = {"policy_engine": "the bed's"}
    inject(ZoneOutage(target=TargetName("it")), address(plane, nodes="zone=one", **engine), "1-zone")
    inject(Cordon(target=TargetName("it")), address(plane, node="b"), "2-cordon")
    inject(Scale(target=TargetName("it"), to=0), address(plane, namespace=namespace, deployment="shop"), "3-scale")
    assert as_it_is(plane, *WATCHED) != before

    code, said = heal(plane, everything=True)

    assert code == Exit.PASSED, said
    assert len([one for one in said if one.startswith("healed: ")]) == 3
    assert as_it_is(plane, *WATCHED) == before
    bare = plane.get(f"/api/v1/namespaces/{namespace}/pods/bare")["metadata"]
    assert HELD not in bare.get("annotations", {})
    assert heal(plane)[1][0].startswith("nothing of ours")


def test_pods_that_were_cut_off_after_the_beginning_are_joined_too(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", {"app": "shop"})
    where = address(plane, namespace=namespace, selector="app=shop", policy_engine="the bed's")
    inject(Isolate(target=TargetName("it")), where)

    code, _ = heal(plane, everything=True)

    assert code == Exit.PASSED
    assert plane.get(f"/api/v1/namespaces/{namespace}/pods/shop-1")["metadata"]["labels"] == {"app": "shop"}
    assert plane.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")["items"] == []


def test_what_nobody_here_knows_how_to_heal_is_not_called_healed(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_healing, "PATIENCE_S", 0.0)
    mark = json.dumps({"injection": "9-x", "by": "quake", "until": "", "kind": "node", "was": {}, "set": {}})
    node(plane, "a", annotations={HELD: mark})

    code, said = heal(plane)

    assert code == Exit.NOT_HEALED
    assert said == [
        "NOT healed: node a of injection 9-x (quake): no injector `quake` is installed here to heal it with"
    ]
    plane.kubectl("annotate", "node", "a", f"{HELD}-")


def test_what_could_not_be_looked_at_is_not_called_clean(plane: ControlPlane) -> None:
    namespace = space(plane)
    plane.kubectl("create", "clusterrole", f"only-{namespace}", "--verb=get,list", "--resource=nodes,namespaces")
    plane.kubectl("create", "serviceaccount", "healer", "--namespace", namespace)
    plane.kubectl("create", "clusterrolebinding", f"only-{namespace}", f"--clusterrole=only-{namespace}",
                  f"--serviceaccount={namespace}:healer")  # fmt: skip
    token = plane.kubectl("create", "token", "healer", "--namespace", namespace).strip()

    code, said = heal(plane, kubeconfig=str(plane.kubeconfig_for("healer", token)))

    assert code == Exit.INCONCLUSIVE
    assert any("the role lacks the verb `list` on `pods`" in one for one in said)
    assert said[-1].endswith("as far as could be seen")


def test_a_cluster_that_does_not_answer_is_not_healed(plane: ControlPlane) -> None:
    text = plane.kubeconfig.read_text(encoding="utf-8").replace(":6443", ":1")
    other = plane.ground.folder / "kubeconfig.nowhere"
    other.write_text(text, encoding="utf-8")

    code, said = heal(plane, kubeconfig=str(other))

    assert code == Exit.NOT_HEALED
    assert "cannot be reached" in said[0]


def test_a_machine_that_was_stopped_is_named_with_who_can_start_it_and_healed_once_somebody_has(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands may hold secrets, and everybody may read a mark."""
    monkeypatch.setattr(cluster_healing, "PATIENCE_S", 0.0)
    node(plane, "machine")
    before = as_it_is(plane, *WATCHED)
    commands = {"power_off": ("true", "s3cret"), "power_on": ("true", "s3cret")}
    inject(NodeKill(target=TargetName("it")), address(plane, node="machine", **commands))

    code, said = heal(plane, everything=True)

    assert code == Exit.NOT_HEALED
    (line,) = said
    assert line.startswith(
        "NOT healed: node machine of injection 3f2a-lost (node_kill): node machine: the machine was stopped"
    )
    assert "by `power_off` of the inventory of run 3f2a, and no mark tells that command" in line
    assert line.endswith("heal where that was run (drills heal 3f2a), or start it by hand and heal again")
    assert "s3cret" not in plane.kubectl("get", "node", "machine", "-o", "json")
    ready = json.dumps({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    plane.kubectl("patch", "node", "machine", "--subresource=status", "--patch", ready)
    code, said = heal(plane, everything=True)
    assert code == Exit.PASSED, said
    assert as_it_is(plane, *WATCHED) == before
