"""The probe of a cluster: what counts as ready, and how its watch follows a real API server, also through its death."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks import CannotLook, SecondHand, Seen, TargetName, Watch
from checks.check import CountLimit
from checks.observers.kubernetes_objects import KNOWN
from checks.probe import Look
from checks.probes import kubernetes as probing
from checks.probes.kubernetes import KubernetesProbe, _Heard, _Reading, judged
from injectors.kubernetes import KubernetesAddress
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
"""
NODES = "\n---\n".join(
    f"{{apiVersion: v1, kind: Node, metadata: {{name: node-{name}, labels: {{topology.kubernetes.io/zone: sea}}}}}}"
    for name in "ab"
)
SLICE = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}, {addresses: [10.0.0.2], conditions: {ready: true}}]
ports: []
"""

# --- what counts, purely

Thing = tuple[str, Mapping[str, Any]]


def workload(ready: int, desired: int) -> list[Thing]:
    return [("ready" if ready >= desired else "not_ready", {"ready": ready, "desired": desired})]


def slices(*counts: tuple[int, int], family: str = "IPv4") -> list[Thing]:
    return [("ready", {"ready": ready, "not_ready": lost, "family": family}) for ready, lost in counts]


@pytest.mark.parametrize(("kind", "there", "limit", "why"), [
    ("deployment", workload(2, 2), None, ""),
    ("deployment", workload(1, 2), None, "1 of 2 ready"),
    ("deployment", workload(1, 2), ">= 1", ""),
    ("deployment", workload(1, 2), ">= 2", "1 of 2 ready, >= 2 needed"),
    ("deployment", workload(0, 0), None, "0 of 0 ready"),
    ("deployment", workload(0, 0), "<= 0", ""),
    ("deployment", [], None, "there is no such deployment"),
    ("statefulset", [("not_ready", {"desired": 1})], None, "0 of 1 ready"),
    ("pod", [("ready", {}), ("ended", {})], None, ""),
    ("pod", [("ready", {}), ("leaving", {})], None, "1 of 2 ready"),
    ("pod", [("ready", {}), ("not_ready", {})], ">= 1", ""),
    ("node", [("ready", {}), ("not_ready", {})], None, "1 of 2 ready"),
    ("node", [], ">= 1", "there is no such node"),
    ("endpointslice", slices((2, 0), (1, 0)), ">= 3", ""),
    ("endpointslice", slices((2, 1)), None, "2 of 3 ready"),
    ("endpointslice", slices((2, 0)) + slices((2, 0), family="IPv6"), ">= 3", "2 of 2 ready, >= 3 needed"),
    ("endpointslice", [], None, "there is no such endpointslice"),
])  # fmt: skip
def test_enough_is_ready_or_it_is_said_how_many_are(kind: str, there: list[Thing], limit: str | None, why: str) -> None:
    look = judged(kind, there, CountLimit.parse(limit) if limit else None)

    assert (look.seen, look.why) == (Seen.BAD if why else Seen.GOOD, why)


@pytest.mark.parametrize(("age_s", "why"), [(6.0, ""), (6.1, "nothing was heard of the cluster for 6 s"),
                                            (None, "the watch broke, and has not caught up yet")])  # fmt: skip
def test_what_is_known_may_be_no_older_than_the_watch_lasts(age_s: float | None, why: str) -> None:
    known = {("", "node/a"): SimpleNamespace(state="ready", now={})}
    watch: Any = SimpleNamespace(age_s=age_s, known=known, place=SimpleNamespace(resource=KNOWN["nodes"]))
    look = asyncio.run(_Reading(watch, _Heard(), probe()).look(0))

    assert (look.seen, look.why) == (Seen.BLIND if why else Seen.GOOD, why)


# --- against a real API server

real = pytest.mark.real("Kubernetes")
Do = Callable[[Watch, Callable[..., Awaitable[str]]], Awaitable[None]]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One without controllers: what is ready is what a test says."""
    with control_plane() as one:
        one.apply(SHOP + "---" + SLICE + "---\n" + NODES)
        yield one


def probe(ready: str | None = None, service: str = "") -> KubernetesProbe:
    return KubernetesProbe(target=TargetName("shop"), ready=CountLimit.parse(ready) if ready else None, service=service)


def looking(
    plane: ControlPlane, one: KubernetesProbe, do: Do, *, kubeconfig: Path | None = None, **address: str
) -> None:
    async def main() -> None:
        where = KubernetesAddress(kubeconfig=str(kubeconfig or plane.kubeconfig), **address)
        async with one.open(where, "mark") as watch:
            await do(watch, partial(asyncio.to_thread, plane.kubectl))

    asyncio.run(main())


async def sees(watch: Watch, seen: Seen, why: str = "") -> Look:
    """Looks until it sees this; looks cost nothing, since they ask nobody."""
    end = time.monotonic() + 60
    while (look := await watch.look(0)).seen is not seen or why not in look.why:
        assert time.monotonic() < end, f"it does not see {seen} {why}, but {look}"
        await asyncio.sleep(0.01)
    return look


def status(**data: Any) -> tuple[str, ...]:
    return ("--subresource=status", "-p", json.dumps({"status": data}))


@real
def test_the_watch_follows_how_many_are_ready(plane: ControlPlane) -> None:
    async def do(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        assert (await watch.look(0)).why == "0 of 3 ready, >= 2 needed"
        for ready, seen in ((1, Seen.BAD), (2, Seen.GOOD), (1, Seen.BAD)):
            await kubectl("patch", "deployment/shop", *status(replicas=3, readyReplicas=ready))
            await sees(watch, seen, "" if ready == 2 else f"{ready} of 3")

    looking(plane, probe(">= 2"), do, deployment="shop")


@real
def test_endpoints_of_a_service_and_nodes_by_their_labels_are_counted_too(plane: ControlPlane) -> None:
    async def endpoints(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        assert (await watch.look(0)).seen is Seen.GOOD
        one = {"addresses": ["10.0.0.2"], "conditions": {"ready": False}}
        await kubectl("patch", "endpointslice/shop-1", "--type=json",
                      "-p", json.dumps([{"op": "replace", "path": "/endpoints/1", "value": one}]))  # fmt: skip
        await sees(watch, Seen.BAD, "1 of 2 ready, >= 2 needed")

    async def nodes(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        assert (await watch.look(0)).why == "0 of 2 ready, >= 1 needed"
        well = [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]
        await kubectl("patch", "node/node-a", *status(conditions=well))
        await sees(watch, Seen.GOOD)

    looking(plane, probe(">= 2", "shop"), endpoints, deployment="shop")
    looking(plane, probe(">= 1"), nodes, nodes="topology.kubernetes.io/zone=sea")


@real
def test_a_server_that_is_dead_makes_looks_blind_and_never_bad_until_it_is_back(plane: ControlPlane) -> None:
    async def do(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        await sees(watch, Seen.GOOD)
        await asyncio.to_thread(plane.kill, "kube-apiserver")
        try:
            await sees(watch, Seen.BLIND, "it cannot be reached")
            assert {(await watch.look(n)).seen for n in range(20)} == {Seen.BLIND}
        finally:
            await asyncio.to_thread(plane.start, "kube-apiserver")
        await sees(watch, Seen.GOOD)
        await kubectl("patch", "deployment/shop", *status(replicas=3, readyReplicas=0))
        await sees(watch, Seen.BAD, "0 of 3")

    plane.kubectl("patch", "deployment/shop", *status(replicas=3, readyReplicas=3))
    looking(plane, probe(), do, deployment="shop")


@real
def test_a_watch_that_is_quiet_for_longer_than_it_lasts_goes_on_seeing(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing changes, that the server ends each watch and begins the next is what shows that it lives."""
    monkeypatch.setattr(probing, "_LASTS_S", 2)  # so that a server that takes its time is heard before 6 s are over

    async def do(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        end = time.monotonic() + probing._OLD_S + 2
        while time.monotonic() < end:
            assert (await watch.look(0)).seen is Seen.BAD, "it saw something all the time"
            await asyncio.sleep(0.05)

    looking(plane, probe(">= 9"), do, deployment="shop")


@real
def test_what_cannot_be_watched_is_said_before_anything_is_looked_at(plane: ControlPlane) -> None:
    async def nothing(watch: Watch, kubectl: Callable[..., Awaitable[str]]) -> None:
        pass

    wrong = plane.kubeconfig_for("wrong.yaml", "no-such-token")
    with pytest.raises(CannotLook, match=r"does not know who we are \(401\)"):
        looking(plane, probe(), nothing, kubeconfig=wrong, deployment="shop")
    with pytest.raises(CannotLook, match="a service has its endpoints in a namespace"):
        looking(plane, probe(service="shop"), nothing, nodes="zone=sea")
    gone = plane.kubeconfig_for("gone.yaml", "x")
    gone.write_text(gone.read_text().replace("6443", "6444"))
    with pytest.raises(CannotLook, match="cannot be reached: Connection refused"):
        looking(plane, probe(), nothing, kubeconfig=gone, deployment="shop")


def test_what_it_knows_is_second_hand_and_what_it_needs_is_one_kind() -> None:
    assert isinstance(probe(), SecondHand)
    assert probe().needs(KubernetesAddress(deployment="shop")) == (("apps", "deployments", ("list", "watch")),)
    assert probe(service="shop").needs(KubernetesAddress(deployment="shop"))[0][1] == "endpointslices"
    assert probe().needs(KubernetesAddress(node="a")) == (("", "nodes", ("list", "watch")),)
    assert probe().needs(KubernetesAddress(selector="app=shop"))[0][1] == "pods"
