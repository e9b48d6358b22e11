"""The role of whoever heals, and the accounts that have a role: what is printed is all that is needed, and can be applied."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drills import cli, cluster_healing, rbac
from drills.errors import DrillError, Exit
from drills.load import load
from injectors.conformance import RecordingStage
from injectors.injector import Injection, TargetName
from injectors.kubernetes_isolate import Isolate
from injectors.kubernetes_nodes import Cordon, NodeKill, Taint
from injectors.kubernetes_outage import ZoneOutage
from injectors.kubernetes_pods import NO_IMAGE, PodFailure
from injectors.kubernetes_workloads import BadImage, Scale
from tests.drills.writing import write
from tests.end_to_end.ground import wait_until
from tests.injectors.clusters import address, node, owner, pod, policy, space
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

DRILL = "drill: cordon\nfaults: [{cordon: zone}]\n"
INVENTORY = """
environment: lab
targets: {zone: {kubernetes: {kubeconfig: "KUBECONFIG", nodes: zone=one}}}
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


# --- healing


def test_the_role_of_healing_makes_nothing_and_deletes_nothing_but_what_a_fault_may_have_made() -> None:
    role = rbac.healing_role()

    assert "create" not in role
    assert "eviction" not in role
    assert 'resources: ["nodes"]\n    verbs: [get, list, patch]' in role
    assert 'resources: ["networkpolicies"]\n    verbs: [delete, get, list, patch]' in role


def test_whoever_has_the_role_of_healing_takes_everything_away(plane: ControlPlane, tmp_path: Path) -> None:
    """Of each fault that leaves something; also the pods for which a stateful set would wait for ever."""
    namespace, account = space(plane), rbac.Account("default", "healer")
    plane.apply(account.bound_to(rbac.healing_role()))
    kubeconfig = str(plane.kubeconfig_for("healer", plane.kubectl("create", "token", "healer").strip()))
    for name in "abcd":
        node(plane, name, labels={"zone": name})
    policy(plane, namespace, "everybody", ingress=[{}])
    for name in ("cut", "failing"):
        pod(plane, namespace, name, {"app": name}, owner=owner())
    uid = workload(plane, namespace, "statefulsets", serviceName="db")
    workload(plane, namespace, "deployments")
    target = TargetName("it")
    faults: dict[Any, dict[str, str]] = {
        Cordon(target=target): {"node": "a"},
        Taint(target=target, key="broken"): {"node": "b"},
        NodeKill(target=target): {"node": "c"},
        ZoneOutage(target=target): {"nodes": "zone=d"},
        Isolate(target=target): {"namespace": namespace, "selector": "app=cut", "policy_engine": "some"},
        PodFailure(target=target): {"namespace": namespace, "selector": "app=failing"},
        Scale(target=target): {"namespace": namespace, "deployment": "db"},
        BadImage(target=target): {"namespace": namespace, "statefulset": "db"},
    }
    for injector, where in faults.items():
        id_ = f"3f2a-{injector.name}"
        injection = Injection(id=id_, fault="lost", target="it", address=address(plane, **where), for_s=None)
        asyncio.run(injector.inject(injection, RecordingStage()))
    bad = {"containers": [{"name": "main", "image": NO_IMAGE}]}
    pod(plane, namespace, "db-0", {"app": "db"}, owner={**owner("StatefulSet", "db"), "uid": uid}, **bad)
    said: list[str] = []

    code = cluster_healing.heal(kubeconfig, "", everything=True, say=said.append)

    assert code == Exit.PASSED, said
    assert len([one for one in said if one.startswith("healed: ")]) == len(faults)
    left = plane.kubectl(
        "get", "nodes,pods,networkpolicies,statefulsets,deployments", "--namespace", namespace, "-o", "json"
    )
    assert "chaos-drills" not in left
    assert "db-0" not in left


def workload(plane: ControlPlane, namespace: str, plural: str, **more: str) -> str:
    """One, called `db`, that nobody runs; its uid."""
    labels = {"app": "db"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "nothing"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, **more}
    path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
    plane.api.post(path, {"metadata": {"name": "db"}, "spec": spec})
    return str(plane.get(f"{path}/db")["metadata"]["uid"])


# --- accounts


def test_an_account_is_printed_with_all_that_gives_it_the_role(plane: ControlPlane, tmp_path: Path) -> None:
    plane.kubectl("create", "namespace", "games")
    plane.apply(
        rbac.Account.parse("games/day").bound_to(rbac.role(load(write(tmp_path, drill=DRILL, inventory=INVENTORY))))
    )
    kubeconfig = plane.kubeconfig_for("day", plane.kubectl("create", "token", "day", "--namespace", "games").strip())
    theirs = write(tmp_path, drill=DRILL, inventory=INVENTORY.replace("KUBECONFIG", str(kubeconfig)))

    # The server heeds a role a moment after it was given one.
    wait_until(lambda: asyncio.run(rbac.forbidden(load(theirs))) == {}, "whoever has the role lacks nothing")
    assert asyncio.run(rbac.forbidden(load(theirs))) == {}


def test_two_accounts_may_have_one_role() -> None:
    role = rbac.healing_role()
    bindings = {
        rbac.Account.parse(one).bound_to(role).partition("kind: ClusterRoleBinding\n")[2].partition("\nroleRef")[0]
        for one in ("a/b", "a/c", "d/b")
    }

    assert len(bindings) == 3


@pytest.mark.parametrize("text", ["", "name", "/name", "space/", "space/name/more", "space/Name", "a b/c", "a/b\n"])
def test_what_names_no_account_is_refused(text: str) -> None:
    with pytest.raises(DrillError, match="NAMESPACE/NAME"):
        rbac.Account.parse(text)


@pytest.mark.parametrize("words", [["rbac"], ["rbac", "--heal", "drill.yaml"]])
def test_it_must_be_said_whose_role_it_is(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == Exit.USAGE
    assert "whose role is to be printed is not said" in capsys.readouterr().err


def test_the_command_prints_what_kubectl_applies(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rbac", "--heal", "--service-account", "chaos-drills/healer"]) == Exit.PASSED
    kinds = [one["kind"] for one in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"]
