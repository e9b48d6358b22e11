"""What is changed says whose doing it is, is put back exactly, and what somebody else has changed since is left to them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from injectors import InjectionFailed, Preview, Remembered
from injectors.conformance import RecordingStage
from injectors.kubernetes_api import NODE, POD, POLICY, Cluster, Ref, reach
from injectors.kubernetes_marks import Held, Mark, Owner, find, hold, make, release, renew
from injectors.kubernetes_memory import Memory, changed
from injectors.kubernetes_nodes import Cordon, Drain, NodeKill, Taint
from injectors.kubernetes_paths import operations, value_at
from injectors.kubernetes_pods import PodFailure, PodKill
from injectors.kubernetes_targets import Take, choose
from tests.injectors.clusters import (
    IT,
    a_name,
    a_namespace,
    a_node,
    a_pod,
    a_stage,
    address,
    injection,
    pods_on,
    settled,
    taints,
)
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

T = TypeVar("T")
US, THEM = Owner("7-ours", "cordon"), Owner("8-theirs", "cordon")
LOST = {"key": "example.com/lost", "effect": "NoExecute"}
AT = "/spec/taints/key=example.com~1lost,effect=NoExecute"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Nobody but us changes anything."""
    with control_plane() as one:
        yield one


def on(plane: ControlPlane, do: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
    """What comes of something that is done to a cluster."""

    async def connected() -> T:
        async with reach(address(plane, nodes="any")) as cluster:
            return await do(cluster)

    return asyncio.run(connected())


def held(plane: ControlPlane, name: str, **values: Any) -> Held:
    """A node with what is to be changed of it."""
    found = plane.get(f"/api/v1/nodes/{name}")
    return changed(Ref.of(NODE, found), found, values or {"/spec/unschedulable": True, AT: LOST})


def node(plane: ControlPlane, name: str) -> Any:
    return plane.get(f"/api/v1/nodes/{name}")


def preview(injector: Any, where: Any) -> Preview:
    found: Preview = asyncio.run(injector.preview(where))
    return found


# --- holding and releasing


def test_what_is_held_says_whose_it_is_and_until_when_and_nothing_is_left_of_that_afterwards(
    plane: ControlPlane,
) -> None:
    name = a_node(plane)
    before, one = settled(node(plane, name)), held(plane, name)
    on(plane, lambda cluster: hold(cluster, one, US))
    marked = node(plane, name)
    mark = Mark.on(marked)

    assert mark is not None
    assert (mark.injection, mark.by, mark.is_over) == ("7-ours", "cordon", False)
    assert mark.was == {"/spec/unschedulable": None, AT: None}
    assert datetime.now(UTC) < datetime.fromisoformat(mark.until) < datetime.now(UTC) + timedelta(minutes=6)
    assert marked["spec"]["unschedulable"] is True
    assert LOST in marked["spec"]["taints"]
    assert {one["manager"] for one in marked["metadata"]["managedFields"]} >= {"chaos-drills"}
    assert on(plane, lambda cluster: release(cluster, one, US)) == ""
    assert settled(node(plane, name)) == before


def test_what_somebody_else_has_changed_since_is_left_and_said_and_the_rest_is_put_back(plane: ControlPlane) -> None:
    name = a_node(plane)
    one = held(plane, name)
    on(plane, lambda cluster: hold(cluster, one, US))
    plane.kubectl("taint", "node", name, "example.com/lost=really:NoExecute", "--overwrite")
    said = on(plane, lambda cluster: release(cluster, one, US))

    assert said.startswith(f"{AT} of node {name} is ")
    assert "somebody else" in said
    assert "unschedulable" not in node(plane, name)["spec"]
    assert "example.com/lost" in taints(plane, name)
    assert Mark.on(node(plane, name)) is None


def test_what_somebody_else_has_put_back_is_theirs_and_nothing_is_said(plane: ControlPlane) -> None:
    name = a_node(plane)
    before, one = settled(node(plane, name)), held(plane, name, **{"/spec/unschedulable": True})
    on(plane, lambda cluster: hold(cluster, one, US))
    plane.kubectl("uncordon", name)

    assert on(plane, lambda cluster: release(cluster, one, US)) == ""
    assert settled(node(plane, name)) == before


def test_a_mark_that_somebody_has_taken_away_keeps_nothing_from_being_put_back(plane: ControlPlane) -> None:
    name = a_node(plane)
    before, one = settled(node(plane, name)), held(plane, name)
    on(plane, lambda cluster: hold(cluster, one, US))
    plane.kubectl("annotate", "node", name, "chaos-drills/held-")

    assert on(plane, lambda cluster: release(cluster, one, US)) == ""
    assert settled(node(plane, name)) == before


def test_nobody_holds_what_another_injection_holds(plane: ControlPlane) -> None:
    name = a_node(plane)
    one = held(plane, name)
    on(plane, lambda cluster: hold(cluster, one, THEM))

    with pytest.raises(InjectionFailed, match=f"node {name} is held by injection 8-theirs already"):
        on(plane, lambda cluster: hold(cluster, one, US))
    with pytest.raises(InjectionFailed, match="our mark no longer"):
        on(plane, lambda cluster: renew(cluster, one, US))
    assert "is held by injection 8-theirs now" in on(plane, lambda cluster: release(cluster, one, US))
    assert node(plane, name)["spec"]["unschedulable"] is True


def test_what_has_changed_since_it_was_looked_at_is_not_touched(plane: ControlPlane) -> None:
    name = a_node(plane)
    one = held(plane, name)
    plane.kubectl("cordon", name)
    before = settled(node(plane, name))

    with pytest.raises(InjectionFailed, match=r"/spec/unschedulable of node .* was changed by somebody just now"):
        on(plane, lambda cluster: hold(cluster, one, US))
    assert settled(node(plane, name)) == before


def test_another_object_of_the_same_name_is_not_the_one_that_was_held(plane: ControlPlane) -> None:
    name = a_node(plane)
    one = held(plane, name, **{"/spec/unschedulable": True})
    on(plane, lambda cluster: hold(cluster, one, US))
    plane.kubectl("delete", "node", name)
    plane.api.post("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"unschedulable": True}})

    assert on(plane, lambda cluster: release(cluster, one, US)) == ""
    assert node(plane, name)["spec"]["unschedulable"] is True


def test_of_a_mark_half_of_its_time_is_over_before_it_is_written_again(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = a_node(plane)
    one = held(plane, name)
    on(plane, lambda cluster: hold(cluster, one, US))
    version = node(plane, name)["metadata"]["resourceVersion"]
    on(plane, lambda cluster: renew(cluster, one, US))
    assert node(plane, name)["metadata"]["resourceVersion"] == version

    monkeypatch.setattr("injectors.kubernetes_marks.LEASE_S", 3600.0)
    on(plane, lambda cluster: renew(cluster, one, US))
    mark = Mark.on(node(plane, name))
    assert mark is not None
    assert datetime.fromisoformat(mark.until) > datetime.now(UTC) + timedelta(minutes=50)


def test_many_who_change_one_object_at_once_all_come_through(plane: ControlPlane) -> None:
    name = a_node(plane)
    one = held(plane, name)

    async def all_at_once(cluster: Cluster) -> None:
        noise = [cluster.merge(one.ref.path, {"metadata": {"labels": {f"n{n}": "1"}}}) for n in range(10)]
        await asyncio.gather(hold(cluster, one, US), *noise)

    on(plane, all_at_once)
    assert node(plane, name)["spec"]["unschedulable"] is True
    assert {f"n{n}" for n in range(10)} <= node(plane, name)["metadata"]["labels"].keys()


# --- finding


def test_everything_of_ours_is_found_in_the_whole_cluster_without_any_memory(plane: ControlPlane) -> None:
    name, namespace = a_node(plane), a_namespace(plane)
    before = settled(node(plane, name))
    id_ = a_name("found")
    policy = {"metadata": {"name": "cut", "namespace": namespace}, "spec": {"podSelector": {}}}
    on(plane, lambda cluster: hold(cluster, held(plane, name), Owner(id_, "cordon")))
    on(plane, lambda cluster: make(cluster, POLICY, policy, Owner(id_, "isolate")))

    async def heal_all(cluster: Cluster) -> list[str]:
        ours = [one for one in await find(cluster, [NODE, POD, POLICY]) if one.owner.injection == id_]
        for one in ours:
            assert await release(cluster, one.held, one.owner) == ""
        return [str(one) for one in ours]

    assert on(plane, heal_all) == [
        f"node {name} is held by injection {id_} (cordon)",
        f"networkpolicy {namespace}/cut was made by injection {id_} (isolate)",
    ]
    assert on(plane, heal_all) == []
    assert settled(node(plane, name)) == before


def test_somebody_elses_object_is_neither_taken_for_ours_nor_removed(plane: ControlPlane) -> None:
    namespace = a_namespace(plane)
    policy = {"metadata": {"name": "cut", "namespace": namespace}, "spec": {"podSelector": {}}}
    plane.api.post(
        f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies",
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **policy},
    )

    with pytest.raises(InjectionFailed, match="not ours"):
        on(plane, lambda cluster: make(cluster, POLICY, policy, US))
    ref = Ref("networkpolicy", namespace, "cut")
    assert "is left" in on(plane, lambda cluster: release(cluster, Held(ref, made=True), US))
    assert plane.get(ref.path)["metadata"]["name"] == "cut"


def test_another_cluster_at_the_same_address_is_not_touched(plane: ControlPlane) -> None:
    async def elsewhere() -> None:
        async with reach({"kubeconfig": str(plane.kubeconfig), "context": "bed", "uid": "1234"}):
            raise AssertionError("it was entered")

    with pytest.raises(InjectionFailed, match="another cluster now"):
        asyncio.run(elsewhere())


# --- what may never be touched


def test_what_is_exempt_or_runs_the_control_plane_is_refused_by_name(plane: ControlPlane) -> None:
    exempt = a_node(plane, **{"chaos-drills/exempt": ""})
    master = a_node(plane, **{"node-role.kubernetes.io/control-plane": ""})
    noted = a_node(plane)
    plane.kubectl("annotate", "node", noted, "chaos-drills/exempt=since it is the only one")

    for name, why in ((exempt, "exempt"), (noted, "exempt"), (master, "control plane")):
        with pytest.raises(InjectionFailed, match=f"node {name} .*{why}"):
            preview(Cordon(target=IT), address(plane, node=name))
        with pytest.raises(InjectionFailed, match=why):
            asyncio.run(Cordon(target=IT).inject(injection(address(plane, node=name)), a_stage()))


@pytest.mark.parametrize("space", ["kube-system", "mine", "exempted"])
def test_pods_of_protected_namespaces_are_never_killed(plane: ControlPlane, space: str) -> None:
    a_namespace(plane, space)
    if space == "exempted":
        plane.kubectl("label", "namespace", space, "chaos-drills/exempt=yes")
    name = a_pod(plane, space, labels={"app": "shop"})
    where = address(plane, selector="app=shop", namespace=space, protected=("mine",))

    with pytest.raises(InjectionFailed, match=f"pod {space}/{name} is in a protected namespace"):
        preview(PodKill(target=IT), where)


def test_a_pod_that_nobody_would_make_again_is_refused(plane: ControlPlane) -> None:
    namespace = a_namespace(plane)
    a_pod(plane, namespace, by="", labels={"app": "alone"})

    for injector in (PodKill(target=IT), PodFailure(target=IT)):
        with pytest.raises(InjectionFailed, match="belongs to nobody who would make it again"):
            preview(injector, address(plane, selector="app=alone", namespace=namespace))


def test_of_pods_that_labels_and_fields_mean_nobody_else_is_killed(plane: ControlPlane) -> None:
    namespace, here, elsewhere = a_namespace(plane), a_node(plane), a_node(plane)
    shop, cache = {"app": "shop"}, {"app": "cache"}
    a_pod(plane, namespace, here, labels=shop)
    other, far = a_pod(plane, namespace, here, labels=cache), a_pod(plane, namespace, elsewhere, labels=shop)
    where = address(plane, namespace=namespace, selector="app=shop", fields=f"spec.nodeName={here}")

    asyncio.run(PodKill(target=IT, take=Take("all")).inject(injection(where), a_stage()))
    assert (pods_on(plane, here), pods_on(plane, elsewhere)) == ({other}, {far})


def test_a_machine_that_was_heard_of_while_it_was_still_stopping_is_not_back(plane: ControlPlane) -> None:
    """As where the command only asks a provider to stop it; the cluster takes it for ready all the while."""
    name, lease = a_node(plane), "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    plane.api.put(f"/api/v1/nodes/{name}/status", {**node(plane, name), "status": ready})
    a_namespace(plane, "kube-node-lease")
    plane.api.post(lease, {"metadata": {"name": name}, "spec": {"holderIdentity": name}})

    def beat(second: int) -> None:
        found = plane.get(f"{lease}/{name}")
        found["spec"]["renewTime"] = f"2026-01-01T00:00:{second:02}.000000Z"
        plane.api.put(f"{lease}/{name}", found)

    def heal(stage: RecordingStage) -> None:
        memory = Remembered(id="7-fault", fault="fault", target=str(IT), version=1, data=injected.data)
        asyncio.run(NodeKill.heal(memory, stage))

    injected = a_stage()
    where = address(plane, node=name, power_off=("true",), power_on=("true",))
    asyncio.run(NodeKill(target=IT).inject(injection(where), injected))
    beat(1)

    with pytest.raises(InjectionFailed, match=f"node {name} is not back"):
        heal(RecordingStage(budget_s=4.0, injecting=False))
    heal(RecordingStage(injecting=False, on=lambda moment, n: beat(2) if (moment, n) == ("sleep", 1) else None))


def test_who_stays_on_a_node_that_is_drained_and_who_when_it_is_lost(plane: ControlPlane) -> None:
    name, namespace = a_node(plane), a_namespace(plane)
    leaving, daemon = a_pod(plane, namespace, name), a_pod(plane, namespace, name, "DaemonSet")
    a_namespace(plane, "kube-system")
    system = a_pod(plane, "kube-system", name)
    where = address(plane, node=name)

    assert f"1 pod evicted (pod {namespace}/{leaving}); 2 that are protected" in preview(Drain(target=IT), where).does
    asyncio.run(Drain(target=IT).inject(injection(where), a_stage()))
    assert pods_on(plane, name) == {daemon, system}
    on(
        plane,
        lambda cluster: release(cluster, held(plane, name, **{"/spec/unschedulable": True}), Owner("7-fault", "drain")),
    )
    plane.kubectl("uncordon", name)
    assert "1 pod deleted at once" in preview(NodeKill(target=IT), where).does
    asyncio.run(NodeKill(target=IT).inject(injection(where), a_stage()))
    assert pods_on(plane, name) == {system}


def test_a_pod_that_comes_to_a_lost_node_is_taken_too(plane: ControlPlane) -> None:
    from injectors import Remembered

    name, namespace = a_node(plane), a_namespace(plane)
    stage = a_stage()
    asyncio.run(NodeKill(target=IT).inject(injection(address(plane, node=name)), stage))
    late = a_pod(plane, namespace, name)
    remembered = Remembered(id="7-fault", fault="fault", target="it", version=1, data=stage.data)
    assert asyncio.run(NodeKill.verify(remembered, a_stage())).present is False
    assert pods_on(plane, name) == {late}

    asyncio.run(NodeKill.extend(remembered, a_stage(injecting=False)))
    assert pods_on(plane, name) == set()
    assert asyncio.run(NodeKill.verify(remembered, a_stage())).present is True


def test_an_exempt_pod_keeps_its_node_from_being_drained_and_lost(plane: ControlPlane) -> None:
    name, namespace = a_node(plane), a_namespace(plane)
    pod = a_pod(plane, namespace, name, labels={"chaos-drills/exempt": "yes"})

    for injector in (Drain(target=IT), NodeKill(target=IT)):
        with pytest.raises(InjectionFailed, match=f"pod {namespace}/{pod} on node {name} is exempt"):
            preview(injector, address(plane, node=name))


def test_a_node_that_is_so_already_is_somebody_elses_doing(plane: ControlPlane) -> None:
    name = a_node(plane)
    plane.kubectl("cordon", name)
    plane.kubectl("taint", "node", name, "example.com/broken=:NoSchedule")

    with pytest.raises(InjectionFailed, match="unschedulable already"):
        preview(Cordon(target=IT), address(plane, node=name))
    with pytest.raises(InjectionFailed, match="tainted already"):
        preview(Taint(target=IT, key="example.com/broken"), address(plane, node=name))


def test_a_lost_node_that_was_unschedulable_before_is_so_afterwards(plane: ControlPlane) -> None:
    name = a_node(plane)
    plane.kubectl("cordon", name)
    before, stage = settled(node(plane, name)), a_stage()
    asyncio.run(NodeKill(target=IT).inject(injection(address(plane, node=name)), stage))
    assert settled(node(plane, name)) != before

    async def heal(cluster: Cluster) -> None:
        await Memory.from_data(stage.data).take_away(cluster, a_stage(injecting=False))

    on(plane, heal)
    assert settled(node(plane, name)) == before


# --- which of several, and where in an object


def test_a_choice_is_made_by_names_and_seed_alone_and_changes_little_when_one_leaves() -> None:
    many = [{"metadata": {"name": f"web-{n}", "namespace": "shop"}} for n in range(10)]
    chosen = choose(many, Take("30%"), 1)

    assert len(chosen) == 3
    assert choose(reversed(many), Take("30%"), 1) == chosen
    assert any(choose(many, Take("30%"), seed) != chosen for seed in range(2, 6))
    rest = [one for one in many if one is not chosen[0]]
    assert len([one for one in choose(rest, Take("3"), 1) if one in chosen]) == 2


@pytest.mark.parametrize(
    ("text", "many", "count"), [("one", 5, 1), ("all", 5, 5), ("2", 5, 2), ("50%", 5, 2), ("1%", 5, 1), ("100%", 5, 5)]
)
def test_how_many_that_is(text: str, many: int, count: int) -> None:
    assert Take.parse(text).of(many) == count


@pytest.mark.parametrize("text", ["0", "0%", "101%", "two", "-1", "1.5", "", "٣"])
def test_what_is_no_number_of_things_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one, all"):
        Take.parse(text)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(InjectionFailed, match="3 are to be taken, and there are 1"):
        choose([{"metadata": {"name": "web"}}], Take("3"), 0)
    assert choose([], Take("3"), 0) == []


def test_places_are_made_where_there_are_none_and_items_are_found_by_what_they_have() -> None:
    found = {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
    }
    image = "/spec/containers/name=b/image"

    assert value_at(found, image) == "2"
    assert value_at(found, "/spec/containers/name=c/image") is None
    assert value_at(found, "/spec/taints/key=k") is None
    assert operations(found, [(image, "3")]) == [{"op": "add", "path": "/spec/containers/1/image", "value": "3"}]
    assert operations(found, [("/spec/taints/key=k", {"key": "k"}), ("/metadata/annotations/a~1b", "c")]) == [
        {"op": "add", "path": "/spec/taints", "value": []},
        {"op": "add", "path": "/spec/taints/-", "value": {"key": "k"}},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"},
    ]
    assert operations(found, [("/spec/containers/name=a", None), ("/spec/containers/name=b", None)]) == [
        {"op": "remove", "path": "/spec/containers/0"}, {"op": "remove", "path": "/spec/containers/0"},
    ]  # fmt: skip
    assert operations(found, [("/spec/nothing", None)]) == []
