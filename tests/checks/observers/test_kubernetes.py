"""The observer of a cluster against real control planes: kubectl, controllers, a server that is killed, namespaces that go."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from checks import CannotObserve, Observer
from checks.observers import api_server
from checks.observers.kubernetes import KubernetesObserver
from tests.checks.observers.hearing import Told
from tests.checks.probes.servers import wait_for
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

pytestmark = pytest.mark.real("Kubernetes")

Kubectl = Callable[..., Awaitable[str]]
Do = Callable[[Told, Kubectl], Awaitable[None]]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: SPACE, labels: {app: NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {containers: [{name: web, image: "web:1"}]}
"""
NODE = """
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {topology.kubernetes.io/zone: sea-1, topology.kubernetes.io/region: sea}}
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One with its controllers, so that what is wanted is carried out; there are no nodes, so that nothing runs."""
    with control_plane("kube-controller-manager") as one:
        yield one


@pytest.fixture
def space(plane: ControlPlane, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own, ready for pods."""
    name = request.node.name.replace("_", "-").partition("[")[0][-50:].strip("-")
    plane.kubectl("create", "namespace", name)
    for made in ("serviceaccount/default", "configmap/kube-root-ca.crt"):  # each by a controller of its own
        plane.kubectl("wait", "--for=create", made, "-n", name, "--timeout=60s")
    return name


def watched(plane: ControlPlane, do: Do, *, kubeconfig: Path | None = None, **settings: Any) -> Told:
    """Let an observer listen while something happens; pass what it told."""
    told = Told()

    async def main() -> None:
        observer: Observer = KubernetesObserver(kubeconfig=str(kubeconfig or plane.kubeconfig), **settings)
        async with observer.open(told):
            await do(told, partial(asyncio.to_thread, plane.kubectl))

    asyncio.run(main())
    return told


async def comes(told: Told, so: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
    """The first change like this, awaited if it has not come."""
    end = time.monotonic() + 60
    while not (found := [one for one in told.all("kubernetes.changed") if so(one)]):
        assert time.monotonic() < end, f"{what} did not come, but {told.events}"
        await asyncio.sleep(0.02)
    return found[0]


def web(name: str, space: str) -> str:
    return WEB.replace("NAME", name).replace("SPACE", space)


def test_a_deployment_that_kubectl_scales_is_told_with_who_did_it_and_when(plane: ControlPlane, space: str) -> None:
    plane.apply(web("shop", space))

    async def do(told: Told, kubectl: Kubectl) -> None:
        for replicas in (5, 4):  # twice by the same command: the API server notes nothing new of who did it
            sent = time.monotonic()
            await kubectl("scale", "deployment/shop", f"--replicas={replicas}", "-n", space)
            change = await comes(told, lambda one: one["now"].get("desired") == replicas, f"{replicas}")  # noqa: B023
            took.append(time.monotonic() - sent)
            writes.append(change["wrote"])
            assert "within_s" not in change, "it was told as it came"
        made = await comes(told, lambda one: one["object"].startswith("pod/") and one["change"] == "born", "a pod")
        pods.append(made)

    took: list[float] = []
    writes: list[dict[str, Any]] = []
    pods: list[dict[str, Any]] = []
    told = watched(plane, do, namespace=(space,), kinds=("deployments", "pods"))

    assert [(one["manager"], one["by"], one["verb"], one["subresource"]) for one in writes] == [
        ("kubectl", "somebody", "scale", "scale")] * 2  # fmt: skip
    assert [one["change"] for one in writes] == ["replicas 2→5", "replicas 5→4"]
    assert pods[0]["now"]["owner"] == "deployment/shop"
    assert "wrote" not in pods[0], "what a controller makes of a wish is nobody's write"
    assert max(took) < 30
    assert told.kinds("observer") == ["observer.opened"]


def test_every_way_of_changing_what_should_be_names_its_tool(plane: ControlPlane, space: str) -> None:
    plane.apply(web("shop", space) + "---" + NODE)

    async def do(told: Told, kubectl: Kubectl) -> None:
        for words in (
            ("set", "image", "deployment/shop", "web=web:2"), ("label", "deployment/shop", "tier=front"),
            ("rollout", "restart", "deployment/shop"), ("rollout", "pause", "deployment/shop"),
        ):  # fmt: skip
            await kubectl(*words, "-n", space)
        await kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=lin", "-f", "-",
                      said=web("shop", space).replace("replicas: 2", "replicas: 7"))  # fmt: skip
        await comes(told, lambda one: one["now"].get("desired") == 7, "7")

    told = watched(plane, do, namespace=(space,), kinds=("deployments",))
    by_people = [one["wrote"] for one in told.all("kubernetes.changed") if one.get("wrote", {}).get("by") == "somebody"]

    assert [(one["manager"].partition("-")[0], one["verb"], one["change"]) for one in by_people][:5] == [
        ("kubectl", "update", "images [web=web:1]→[web=web:2]"),
        ("kubectl", "update", "label tier none→front"),
        ("kubectl", "update", "spec"),
        ("kubectl", "update", "paused false→true"),
        ("lin", "apply", "replicas 2→7, images [web=web:2]→[web=web:1]"),
    ]
    assert {one["manager"] for one in by_people[4:]} == {"lin"}, "kubectl may apply in two steps"


def test_of_a_node_people_are_told_from_controllers_and_who_takes_away_leaves_no_trace(plane: ControlPlane) -> None:
    # A new one: a node that never spoke is given taints after a minute, and is born with one that is soon taken away.
    plane.kubectl("delete", "node", "node-a", "--ignore-not-found")
    plane.apply(NODE)
    wait_for(lambda: not plane.get("/api/v1/nodes/node-a")["spec"].get("taints"), "the end of its first taint")

    async def do(told: Told, kubectl: Kubectl) -> None:
        await kubectl("cordon", "node-a")
        await comes(told, lambda one: one["now"].get("taints"), "the controller's taint")
        await kubectl("uncordon", "node-a")
        await comes(told, lambda one: "unschedulable" in one.get("was", {}), "its end")
        await kubectl("taint", "node", "node-a", "fire=yes:NoSchedule")
        await comes(told, lambda one: "fire=yes:NoSchedule" in one["now"].get("taints", ()), "our taint")

    try:
        told = watched(plane, do, kinds=("nodes",))
    finally:
        plane.kubectl("delete", "node", "node-a")
    (listed,) = told.all("kubernetes.listed")
    writes = {one["wrote"]["change"]: one["wrote"]["by"] for one in told.all("kubernetes.changed") if "wrote" in one}

    assert listed["objects"][0]["now"]["zone"] == "sea-1"
    assert writes["unschedulable false→true"] == "somebody"
    assert writes["unschedulable true→false"] == "unknown"
    assert writes["taints none→[node.kubernetes.io/unschedulable=:NoSchedule]"] == "machinery"
    assert next(by for change, by in writes.items() if "fire=yes" in change) == "somebody"


def test_a_server_that_is_killed_and_comes_back_leaves_a_gap_and_nothing_is_lost(
    plane: ControlPlane, space: str
) -> None:
    plane.apply(web("shop", space))

    async def do(told: Told, kubectl: Kubectl) -> None:
        began = time.monotonic()
        plane.kill("kube-apiserver")
        await told.comes("observer.lost")
        await asyncio.to_thread(plane.start, "kube-apiserver")
        ready = time.monotonic()
        await kubectl("scale", "deployment/shop", "--replicas=9", "-n", space)
        await comes(told, lambda one: one["now"].get("desired") == 9, "9 after the gap")
        back = await told.comes("observer.back")
        assert back["lost_s"] <= time.monotonic() - began
        assert ready - began <= back["lost_s"] + 10

    told = watched(plane, do, namespace=(space,), kinds=("deployments", "configmaps"))

    assert told.kinds("observer") == ["observer.opened", "observer.lost", "observer.back"]
    assert [one["change"] for one in told.all("kubernetes.changed", object="configmap/kube-root-ca.crt")] == []


def test_what_was_compacted_away_is_found_by_listing_anew(space: str, plane: ControlPlane) -> None:
    """What changed while nobody could be asked: by the time of the answer its history is gone."""
    plane.kubectl("create", "configmap", "one", "--from-literal=a=1", "-n", space)

    async def do(told: Told, kubectl: Kubectl) -> None:
        plane.kill("kube-apiserver")
        await told.comes("observer.lost")
        await asyncio.to_thread(plane.start, "kube-apiserver")
        await told.comes("observer.back")
        await kubectl("create", "configmap", "two", "--from-literal=a=1", "-n", space)
        await comes(told, lambda one: one["object"] == "configmap/two", "two")
        await kubectl("delete", "configmap", "one", "-n", space)
        await comes(told, lambda one: one["change"] == "gone", "its end")

    told = watched(plane, do, namespace=(space,), kinds=("configmaps",))

    assert [(one["object"], one["change"]) for one in told.all("kubernetes.changed")] == [
        ("configmap/two", "born"), ("configmap/one", "gone")]  # fmt: skip


def test_a_role_that_lacks_a_right_is_told_which(plane: ControlPlane, space: str) -> None:
    plane.kubectl("create", "serviceaccount", "watcher", "-n", space)
    plane.kubectl("create", "role", "watcher", "--verb=list,watch", "--resource=deployments.apps", "-n", space)
    plane.kubectl(
        "create", "rolebinding", "watcher", "--role=watcher", f"--serviceaccount={space}:watcher", "-n", space
    )
    token = plane.kubectl("create", "token", "watcher", "-n", space).strip()
    kubeconfig = plane.kubeconfig_for(f"{space}.yaml", token)
    known = plane.api_for(token)  # a role counts a moment after it was made
    wait_for(lambda: known.answers(f"/apis/apps/v1/namespaces/{space}/deployments"), "the role")

    async def nothing(told: Told, kubectl: Kubectl) -> None:
        pass

    look = partial(watched, plane, nothing, kubeconfig=kubeconfig, namespace=(space,))
    assert look(kinds=("deployments",)).all("kubernetes.listed")[0]["n"] == 0
    with pytest.raises(CannotObserve, match=rf"\(403\): the role needs list and watch on pods in namespace {space}"):
        look(kinds=("deployments", "pods"))
    wrong = plane.kubeconfig_for(f"{space}-wrong.yaml", "no-such-token")
    with pytest.raises(CannotObserve, match=r"does not know who we are \(401\)"):
        watched(plane, nothing, kubeconfig=wrong, kinds=("deployments",))


def test_a_namespace_that_is_deleted_takes_all_with_it(plane: ControlPlane, space: str) -> None:
    plane.apply(web("shop", space))

    async def do(told: Told, kubectl: Kubectl) -> None:
        await kubectl("delete", "namespace", space)
        await comes(told, lambda one: one["object"] == "deployment/shop" and one["change"] == "gone", "the shop's end")
        await comes(told, lambda one: one["object"] == f"namespace/{space}" and one["change"] == "gone", "its end")

    told = watched(plane, do, namespace=(space,), kinds=("deployments", "v1/namespaces"))
    going = [one["state"] for one in told.all("kubernetes.changed", object=f"namespace/{space}")]

    assert going[0] == "leaving"
    assert going[-1] == "gone"
    assert told.kinds("observer") == ["observer.opened"]


def test_a_secret_is_told_of_and_never_what_it_holds(plane: ControlPlane, space: str) -> None:
    async def do(told: Told, kubectl: Kubectl) -> None:
        await kubectl("create", "secret", "generic", "key", "--from-literal=password=hunter2", "-n", space)
        await comes(told, lambda one: one["change"] == "born", "the secret")
        patch = json.dumps({"stringData": {"password": "correct horse"}})
        await kubectl("patch", "secret", "key", "-p", patch, "-n", space)
        await comes(told, lambda one: one["change"] == "changed", "its other content")

    told = watched(plane, do, namespace=(space,), kinds=("v1/secrets",))
    created, changed = told.all("kubernetes.changed", object="secret/key")

    assert (created["wrote"]["verb"], changed["wrote"]["manager"]) == ("create", "kubectl-patch")
    for word in ("hunter2", "correct horse", "aHVudGVyMg", "Y29ycmVjdC"):
        assert word not in json.dumps(told.events)


def test_what_is_in_more_pages_than_one_is_all_told(plane: ControlPlane, space: str) -> None:
    many = "\n---\n".join(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c-{n}, namespace: {space}}}}}"
                          for n in range(300))  # fmt: skip
    plane.kubectl("create", "-f", "-", said=many)

    async def nothing(told: Told, kubectl: Kubectl) -> None:
        pass

    told = watched(plane, nothing, namespace=(space,), kinds=("configmaps",))
    names = {one["object"] for event in told.all("kubernetes.listed") for one in event["objects"]}

    assert {f"configmap/c-{n}" for n in range(300)} <= names
    assert {one["n"] for one in told.all("kubernetes.listed")} == {len(names)}


def test_it_ends_promptly_and_a_plane_that_is_not_there_is_told(plane: ControlPlane) -> None:
    async def main() -> float:
        async with KubernetesObserver(kubeconfig=str(plane.kubeconfig), namespace=("*",)).open(Told()):
            began = time.monotonic()
        return time.monotonic() - began

    assert asyncio.run(main()) < api_server._ANSWER_S
    gone = plane.kubeconfig_for("gone.yaml", "x")
    gone.write_text(gone.read_text().replace("6443", "6444"))
    with pytest.raises(CannotObserve, match="cannot be reached: Connection refused"):
        watched(plane, lambda told, kubectl: asyncio.sleep(0), kubeconfig=gone)
