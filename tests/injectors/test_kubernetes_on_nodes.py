"""Faults of Kubernetes on three real nodes: what becomes of a web service, of its pods and of the machines themselves."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from injectors import Effect, InjectionFailed, Remembered
from injectors.conformance import RecordingStage, heal_elsewhere
from injectors.kubernetes_nodes import Drain, NodeKill
from injectors.kubernetes_pods import NO_IMAGE, PodFailure, PodKill
from injectors.kubernetes_targets import Take
from injectors.kubernetes_workloads import BadImage
from tests.injectors.clusters import IT, a_stage, address, eventually, injection
from tests.kubernetes_bed.api import is_ready
from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.control_plane import QUICK, Flags
from tests.kubernetes_bed.workloads import web

BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: {least}, selector: {{matchLabels: {{app: web}}}}}}
"""
CALL = "import sys, urllib.request as r; print(r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=60).read().decode())"


BELIEVING: Flags = {
    **QUICK, "kube-controller-manager": (*QUICK["kube-controller-manager"], "--node-monitor-grace-period=15s"),
}  # fmt: skip
"""A node that is silent is believed in for so long that there is time to see it, on a busy machine too."""


@pytest.fixture(scope="module")
def three() -> Iterator[Bed]:
    with bed(flags=BELIEVING) as one:
        one.apply(web())
        whole(one)
        yield one


@pytest.fixture
def shop(three: Bed) -> Iterator[Bed]:
    """The web service on all three nodes, before and after."""
    whole(three)
    yield three
    for name in three.nodes:
        assert "chaos-drills" not in str(three.node(name).object()["metadata"].get("annotations"))


def whole(one: Bed) -> None:
    """A web server on each node, called by everybody: those that fled come back."""
    one.wait_for_nodes()
    one.wait("three web servers", lambda: len(ready(one)) == 3)
    if nodes(one) != set(one.nodes):
        one.kubectl("scale", "deployment/web", "--replicas=0")
        one.wait("none", lambda: pods(one) == [])  # else those that go would count where the new ones are spread
        one.kubectl("scale", "deployment/web", "--replicas=3")
        one.wait("one on each node", lambda: len(pods(one)) == 3 and nodes(one) == set(one.nodes))
    one.wait("all are called", lambda: endpoints(one) == {pod["metadata"]["name"] for pod in ready(one)})


def pods(one: Bed) -> list[Any]:
    """All web servers that have not been told to go."""
    found = one.plane.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def ready(one: Bed) -> list[Any]:
    """Those of them that can be called."""
    return [pod for pod in pods(one) if is_ready(pod)]


def nodes(one: Bed) -> set[str]:
    """Where those are."""
    return {pod["spec"]["nodeName"] for pod in ready(one)}


def images(one: Bed) -> dict[str, str]:
    return {pod["metadata"]["uid"]: pod["spec"]["containers"][0]["image"] for pod in pods(one)}


def endpoints(one: Bed) -> set[str]:
    """The pods that are called."""
    found = one.plane.get(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb"
    )
    ends = [end for slice_ in found["items"] for end in slice_["endpoints"] or []]
    return {end["targetRef"]["name"] for end in ends if end["conditions"]["ready"]}


@contextmanager
def brought(injector: Any, where: Any) -> Iterator[RecordingStage]:
    """The fault in effect; healed in another process afterwards, and seen gone."""
    stage = a_stage()
    asyncio.run(injector.inject(injection(where), stage))
    try:
        seen = until(injector, stage, present=True)
        assert seen.present is True, seen.why
        yield stage
    finally:
        heal_elsewhere(type(injector), memory(injector, stage), 50.0)
    stage.data["healing"] = True
    seen = until(injector, stage, present=False)
    assert seen.present is False, seen.why


def memory(injector: Any, stage: RecordingStage) -> Remembered:
    return Remembered(id="7-fault", fault="fault", target=str(IT), version=1, data=stage.data)


def until(injector: Any, stage: RecordingStage, *, present: bool) -> Effect:
    """What is seen at last: at most 10 s of looking, as a run would."""
    seen = Effect(None, "nobody has looked")

    def looked() -> bool:
        nonlocal seen
        seen = asyncio.run(injector.verify(memory(injector, stage), a_stage(injecting=False)))
        return seen.present is present

    eventually(looked, 10.0)
    return seen


def extend(injector: Any, stage: RecordingStage) -> None:
    again = a_stage(injecting=False)
    asyncio.run(injector.extend(memory(injector, stage), again))
    stage.data.update(again.data)


def test_half_of_the_pods_are_killed_and_others_take_their_place(shop: Bed) -> None:
    before = {pod["metadata"]["name"] for pod in pods(shop)}
    with brought(PodKill(target=IT, take=Take("67%")), address(shop.plane, deployment="web")):
        assert len(before & {pod["metadata"]["name"] for pod in pods(shop)}) == 1

    shop.wait("all are ready", lambda: len(ready(shop)) == 3)


def test_pods_that_cannot_run_are_not_called_and_run_again_as_the_very_same_pods(shop: Bed) -> None:
    before = images(shop)
    where = address(shop.plane, selector="app=web", namespace="default")
    with brought(PodFailure(target=IT, take=Take("2")), where):
        assert len(ready(shop)) == len(endpoints(shop)) == 1
        assert sorted(images(shop).values()).count(NO_IMAGE) == 2

    assert images(shop) == before
    shop.wait("all are ready", lambda: len(ready(shop)) == 3)


def test_of_a_target_that_fails_whole_pods_born_meanwhile_fail_too(shop: Bed) -> None:
    injector = PodFailure(target=IT, take=Take("all"))
    with brought(injector, address(shop.plane, deployment="web")) as stage:
        assert ready(shop) == []
        born = pods(shop)[0]["metadata"]["name"]
        shop.kubectl("delete", "pod", born, "--grace-period=0", "--force")
        shop.wait("another one is born", lambda: len(pods(shop)) == 3)
        extend(injector, stage)
        assert set(images(shop).values()) == {NO_IMAGE}

    assert NO_IMAGE not in images(shop).values()
    shop.wait("all run again", lambda: len(ready(shop)) == 3)


def test_a_rollout_of_a_bad_image_is_stuck_and_those_who_serve_go_on(shop: Bed) -> None:
    before = images(shop)
    with brought(BadImage(target=IT), address(shop.plane, deployment="web")):
        assert len(ready(shop)) == 3
        assert list(images(shop).values()).count(NO_IMAGE) == 1
        told = shop.kubectl("get", "deployment/web", "-o", "jsonpath={.metadata.annotations}")
        assert "chaos-drills/held" in told

    assert images(shop) == before
    assert "chaos-drills" not in shop.kubectl(
        "get", "deployments,replicasets", "-o", "jsonpath={.items[*].metadata.annotations}"
    )


def test_a_drain_empties_the_node_as_far_as_budgets_allow(shop: Bed) -> None:
    injector = Drain(target=IT, within=timedelta(seconds=4))
    where = address(shop.plane, node="c")
    shop.apply(BUDGET.format(least=3))
    try:
        stage = a_stage()
        with pytest.raises(InjectionFailed, match=r"could not be evicted within .* budget"):
            asyncio.run(injector.inject(injection(where), stage))
        heal_elsewhere(Drain, memory(injector, stage))
        assert not shop.node("c").object()["spec"].get("unschedulable")
        assert len(ready(shop)) == 3

        shop.apply(BUDGET.format(least=2))
        with brought(Drain(target=IT), where):
            assert {pod["spec"].get("nodeName") for pod in pods(shop)} <= {"a", "b", None}
    finally:
        shop.kubectl("delete", "poddisruptionbudget", "web")
    assert not shop.node("c").object()["spec"].get("unschedulable")


def test_a_lost_node_has_no_pods_and_nobody_comes_to_it(shop: Bed) -> None:
    with brought(NodeKill(target=IT), address(shop.plane, nodes="topology.kubernetes.io/zone=zone-b")):
        shop.wait("all serve elsewhere", lambda: len(ready(shop)) == 3)
        assert {pod["spec"]["nodeName"] for pod in pods(shop)} == {"a", "c"}

    # The control plane takes its own taint of what is unschedulable away a moment later.
    shop.wait("b bears no taint", lambda: not shop.node("b").object()["spec"].get("taints"))


class Switchboard:
    """Switches the nodes of a bed, for commands of other processes."""

    def __init__(self, one: Bed) -> None:
        board = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, what, name = self.path.split("/")
                board.turn(one, what, name)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.off: set[str] = set()
        self._thread = threading.Thread(target=self.server.serve_forever)

    def turn(self, one: Bed, what: str, name: str) -> None:
        if what == "off" and name not in self.off:
            one.node(name).power_off()
            self.off.add(name)
        if what == "on" and name in self.off:
            one.node(name).power_on()
            self.off.remove(name)

    def words(self, what: str) -> tuple[str, ...]:
        return (sys.executable, "-c", CALL, f"http://127.0.0.1:{self.server.server_port}/{what}/{{node}}")

    def __enter__(self) -> "Switchboard":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def test_a_machine_is_really_stopped_and_the_cluster_has_to_find_out(shop: Bed) -> None:
    with Switchboard(shop) as board:
        where = address(shop.plane, node="c", power_off=board.words("off"), power_on=board.words("on"))
        with brought(NodeKill(target=IT), where):
            assert board.off == {"c"}
            assert shop.node("c").is_ready()  # as the cluster believes for a while
            shop.wait("the cluster has found out", lambda: not shop.node("c").is_ready())
            shop.wait("c is out of the endpoints", lambda: len(endpoints(shop)) >= 2 and all(
                pod["spec"].get("nodeName") != "c" for pod in ready(shop)))  # fmt: skip

        assert board.off == set()
        assert shop.node("c").is_ready()
