"""The role that a drill needs: nothing too much, nothing too little, and it is told before anything is touched what lacks."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills import healer, rbac, registry
from drills.errors import DrillError
from drills.load import Loaded, load
from tests.drills.writing import write
from tests.end_to_end.ground import wait_until
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

DRILL = """
drill: Lose the South!
safety: {max_targets: 9}
faults:
  - {id: cordoned, cordon: zone}
  - {id: lost, region_outage: south, at: 1s}
"""
ONE_POD = """
drill: Lose a pod
faults: [{id: pod-lost, pod_kill: shop}]
"""
INVENTORY = """
environment: lab
engines: {kubernetes: {kubeconfig: "KUBECONFIG"}}
targets:
  zone: {kubernetes: {nodes: zone=one}}
  shop: {kubernetes: {deployment: shop, namespace: shop}}
regions: {south: {kubernetes: {}}}
observers:
  cluster: {kubernetes: {namespace: [shop], kinds: [pods, nodes, batch/v1/jobs]}}
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


def loaded(folder: Path, drill: str = DRILL, inventory: str = INVENTORY, kubeconfig: str = "none") -> Loaded:
    path = write(folder, drill=drill, inventory=inventory.replace("KUBECONFIG", kubeconfig))
    return load(path, environment={})


def lacking(mine: Loaded) -> dict[str, list[str]]:
    """What is not allowed. The server heeds a role a moment after it was given one."""
    return asyncio.run(rbac.forbidden(mine))


def allowed(plane: ControlPlane, role: str) -> str:
    """The kubeconfig of somebody who may do what this role says."""
    plane.apply(role)
    plane.kubectl("create", "serviceaccount", "driller")
    plane.kubectl("create", "clusterrolebinding", "driller", "--clusterrole=chaos-drills-lose-the-south",
                  "--serviceaccount=default:driller")  # fmt: skip
    return str(plane.kubeconfig_for("driller", plane.kubectl("create", "token", "driller").strip()))


def test_a_role_says_of_each_kind_of_objects_once_what_all_of_the_drill_does_to_it(tmp_path: Path) -> None:
    drill = "drill: cordon\nfaults: [{cordon: zone}]\n"

    assert (
        rbac.role(loaded(tmp_path, drill))
        == """\
# fault cordon-zone (cordon)
# observer cluster
# leftovers at zone
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: chaos-drills-cordon
rules:
  - apiGroups: [""]
    resources: ["namespaces"]
    verbs: [get, list]
  - apiGroups: [""]
    resources: ["nodes"]
    verbs: [get, list, patch, watch]
  - apiGroups: [""]
    resources: ["pods"]
    verbs: [list, watch]
  - apiGroups: ["batch"]
    resources: ["jobs"]
    verbs: [list, watch]
  - apiGroups: ["networking.k8s.io"]
    resources: ["networkpolicies"]
    verbs: [list]
"""
    ), "what an outage would have left of the zone is looked for too"


def test_the_parts_of_a_bundle_are_among_it(tmp_path: Path) -> None:
    said = rbac.role(loaded(tmp_path))

    assert "# fault lost (zone_outage)" in said
    assert 'resources: ["networkpolicies"]\n    verbs: [create, delete, get, list, patch]' in said


def test_of_workloads_that_are_not_the_target_none_is_asked_for_by_its_name(tmp_path: Path) -> None:
    said = rbac.role(loaded(tmp_path, ONE_POD))

    assert 'resources: ["deployments"]\n    verbs: [get, list]' in said
    assert 'resources: ["replicasets"]\n    verbs: [get, list]' in said, "between a deployment and its pods stands one"
    assert 'resources: ["statefulsets"]\n    verbs: [list]' in said
    assert "patch" not in said
    assert "create" not in said


def test_whoever_stops_a_machine_deletes_no_pod_and_whoever_stops_none_looks_for_no_sign_of_life(
    tmp_path: Path,
) -> None:
    drill = "drill: kill\nfaults: [{node_kill: {target: zone, take: one}}]\n"
    emptied = rbac.role(loaded(tmp_path, drill))
    power = "{nodes: zone=one, power_off: [off, '{node}'], power_on: [on, '{node}']}"
    stopped = rbac.role(loaded(tmp_path, drill, INVENTORY.replace("{nodes: zone=one}", power)))

    assert 'resources: ["pods"]\n    verbs: [delete, get, list, watch]' in emptied
    assert "leases" not in emptied
    assert 'resources: ["pods"]\n    verbs: [list, watch]' in stopped
    assert 'resources: ["leases"]\n    verbs: [get]' in stopped


@pytest.mark.parametrize("drill", [ONE_POD, DRILL], ids=["of pods", "of nodes"])
def test_with_the_role_it_can_be_seen_whether_anything_of_any_drill_is_left(
    plane: ControlPlane, drill: str, tmp_path: Path
) -> None:
    name = "of-pods" if drill == ONE_POD else "of-nodes"
    plane.apply(rbac.Account("default", name).bound_to(rbac.role(loaded(tmp_path, drill))))
    token = plane.kubectl("create", "token", name).strip()
    mine = loaded(tmp_path, drill, kubeconfig=str(plane.kubeconfig_for(name, token)))
    wait_until(lambda: lacking(mine) == {}, "whoever has the role lacks nothing")
    targets = mine.inventory.targets
    wanted = {"shop"} if drill == ONE_POD else {"zone", "south"}
    injectors = list(registry.kinds("injectors").values())

    assert asyncio.run(healer.residue(injectors, {one: targets[one] for one in wanted})) == []


def test_of_a_drill_without_kubernetes_there_is_no_role(tmp_path: Path) -> None:
    inventory = "environment: lab\ntargets: {p: {process: {pidfile: p.pid, supervised: true}}}"
    with pytest.raises(DrillError, match="no-cluster"):
        rbac.role(loaded(tmp_path, "drill: x\nfaults: [{kill: p}]", inventory))


def test_whoever_has_the_role_lacks_nothing_and_without_a_verb_it_is_told_who_needs_it(
    plane: ControlPlane, tmp_path: Path
) -> None:
    role = rbac.role(loaded(tmp_path))
    kubeconfig = allowed(plane, role)
    mine = loaded(tmp_path, kubeconfig=kubeconfig)

    wait_until(lambda: lacking(mine) == {}, "whoever has the role lacks nothing")

    plane.apply(role.replace("get, list, patch, watch", "get, list, watch"))
    wait_until(lambda: lacking(mine) != {}, "a verb is lacking")
    assert lacking(mine) == {
        "fault cordoned (cordon)": ["patch nodes"], "fault lost (zone_outage)": ["patch nodes", "patch pods"],
    }  # fmt: skip
