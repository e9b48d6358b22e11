"""Many nodes and pods are lost and healed by few calls, by a server that is too busy too, and as exactly as one is."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from injectors import Injection, Remembered
from injectors.conformance import RecordingStage
from injectors.injector import Effect
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import Cluster
from injectors.kubernetes_many import listed
from injectors.kubernetes_marks import LEASE_S
from injectors.kubernetes_outage import ZoneOutage, takes_s
from injectors.kubernetes_turns import Turns
from injectors.region import ZONE
from tests.injectors.clusters import IT, as_it_is, names, node, owner, pod, space
from tests.kubernetes_bed.control_plane import ControlPlane, Flags, control_plane

EXEMPT = "chaos-drills/exempt"
NODES, PODS = 60, 300
LISTS = 12
"""More is not read, however many there are of them as long as they are on one page."""
FEW: Flags = {
    "kube-apiserver": (
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=4",
        "--max-mutating-requests-inflight=2",
    )
}
_zones = (f"zone-{number}" for number in count())


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """It lets few ask at a time; only its admin, of the group system:masters, is never asked to wait."""
    with control_plane(flags=FEW) as one:
        yield one


@dataclass
class Zone:
    """Nodes and pods that belong to somebody, and what is asked of the server about them."""

    plane: ControlPlane
    address: KubernetesAddress
    name: str
    namespace: str
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each method got each status, since it was emptied last."""

    @property
    def nodes(self) -> str:
        return f"/api/v1/nodes?labelSelector={ZONE}%3D{self.name}"

    @property
    def pods(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def by(self, method: str) -> int:
        return sum(many for (one, _), many in self.asked.items() if one == method)

    def inject(self) -> RecordingStage:
        stage = RecordingStage(budget_s=300)
        injection = Injection(id=f"trial-{self.name}", fault="trial", target=IT, address=self.address, for_s=None)
        self.asked.clear()
        asyncio.run(ZoneOutage(target=IT).inject(injection, stage))
        return stage

    def heal(self, stage: RecordingStage) -> RecordingStage:
        healing = RecordingStage(budget_s=300, injecting=False)
        self.asked.clear()
        asyncio.run(ZoneOutage.heal(self.remembered(stage), healing))
        return healing

    def extend(self, stage: RecordingStage) -> float | None:
        self.asked.clear()
        return asyncio.run(ZoneOutage.extend(self.remembered(stage), RecordingStage(injecting=False)))

    def look(self, *stages: RecordingStage) -> Effect:
        self.asked.clear()
        return asyncio.run(ZoneOutage.verify(self.remembered(*stages), RecordingStage(injecting=False)))

    def remembered(self, *stages: RecordingStage) -> Remembered:
        data = {key: value for stage in stages for key, value in stage.data.items()}
        return Remembered(id=f"trial-{self.name}", fault="trial", target=IT, version=1, data=data)


def zone(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch, nodes: int, pods: int) -> Zone:
    """A new one, with its pods spread over its nodes."""
    where = KubernetesAddress(kubeconfig=str(plane.kubeconfig), nodes=f"{ZONE}={(name := next(_zones))}")
    made = Zone(plane, where, name, space(plane))
    with ThreadPoolExecutor(8) as hands:
        list(hands.map(lambda n: node(plane, f"{name}-{n}", labels={ZONE: name}), range(nodes)))
        list(hands.map(lambda n: pod(plane, made.namespace, f"shop-{n}", node=f"{name}-{n % nodes}", owner=owner()),
                       range(pods)))  # fmt: skip
    once = Cluster._once

    async def counted(self: Cluster, method: str, *args: Any, **more: Any) -> Any:
        answer = await once(self, method, *args, **more)
        made.asked[method, answer[0]] += 1
        return answer

    monkeypatch.setattr(Cluster, "_once", counted)
    return made


def test_an_outage_costs_one_call_for_each_node_and_pod_and_a_few_lists(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = zone(plane, monkeypatch, NODES, PODS)
    guarded = space(plane, **{EXEMPT: "yes"})
    pod(plane, guarded, "guarded", node=f"{lost.name}-0", owner=owner())
    pod(plane, lost.namespace, "labelled", {EXEMPT: ""}, node=f"{lost.name}-1", owner=owner())
    pod(plane, lost.namespace, "annotated", annotations={EXEMPT: ""}, node=f"{lost.name}-2", owner=owner())
    pod(plane, lost.namespace, "bare", node=f"{lost.name}-3")
    pod(plane, lost.namespace, "elsewhere", owner=owner())
    before = as_it_is(plane, lost.nodes)

    planned = asyncio.run(ZoneOutage(target=IT).preview(lost.address))
    assert planned.takes_s == takes_s(NODES + PODS), "the more there are, the longer the run waits for it"
    assert takes_s(NODES) < takes_s(NODES + PODS) < takes_s(100 * PODS) <= LEASE_S / 2

    stage = lost.inject()
    assert (lost.by("PATCH"), lost.by("DELETE")) == (NODES, PODS)
    assert lost.by("GET") <= LISTS
    assert names(plane.get(lost.pods)["items"]) == ["annotated", "bare", "elsewhere", "labelled"]
    assert names(plane.get(f"/api/v1/namespaces/{guarded}/pods")["items"]) == ["guarded"]
    assert stage.remembered == 1
    assert len(json.dumps(stage.data)) < NODES * 400

    assert lost.look(stage).present is True
    assert set(lost.asked) == {("GET", 200)}
    assert lost.by("GET") <= LISTS
    pause_s = lost.extend(stage)
    assert pause_s
    assert set(lost.asked) == {("GET", 200)}
    assert lost.by("GET") <= LISTS

    healing = lost.heal(stage)
    assert lost.by("PATCH") == NODES
    assert lost.by("GET") <= LISTS
    assert as_it_is(plane, lost.nodes) == before
    assert lost.look(stage, healing).present is False
    assert lost.by("GET") <= LISTS


def test_of_many_nodes_that_change_meanwhile_none_is_missed_and_nobodys_change_is_lost(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = zone(plane, monkeypatch, 40, 0)
    busy = [f"{lost.name}-{n}" for n in range(5)]

    async def overtaken(cluster: Cluster, refs: Any) -> Any:
        """Between our look and our change somebody labels five of them."""
        found = await listed(cluster, refs)
        plane.kubectl("label", "nodes", *busy, f"moment={time.monotonic_ns()}", "--overwrite")
        return found

    monkeypatch.setattr("injectors.kubernetes_memory.listed", overtaken)
    stage = lost.inject()
    assert lost.asked["PATCH", 422] == len(busy)
    assert lost.asked["PATCH", 200] == 40
    monkeypatch.setattr("injectors.kubernetes_memory.listed", listed)
    assert lost.look(stage).present is True
    plane.kubectl("uncordon", busy[0])
    plane.kubectl("taint", "nodes", busy[1], "chaos-drills/lost:NoExecute-")
    plane.kubectl("taint", "nodes", busy[2], "chaos-drills/lost=others:NoExecute", "--overwrite")
    plane.kubectl("delete", "node", busy[3])
    assert lost.look(stage).present is False

    monkeypatch.setattr("injectors.kubernetes_memory.listed", overtaken)
    busy.remove(f"{lost.name}-3")
    healing = lost.heal(stage)

    (said,) = healing.data["left"]
    assert f"node {busy[2]}" in said
    assert '"others"' in said
    there = plane.get(lost.nodes)["items"]
    assert len(there) == 39
    for one in there:
        named = one["metadata"]["name"]
        assert not one["spec"].get("unschedulable")
        assert "chaos-drills/held" not in one["metadata"].get("annotations", {})
        ours = [it for it in one["spec"].get("taints", ()) if it["key"] == "chaos-drills/lost"]
        assert [it.get("value") for it in ours] == (["others"] if named == busy[2] else [])
        assert ("moment" in one["metadata"]["labels"]) == (named in busy)


def test_of_a_few_nodes_among_too_many_pods_each_is_asked_for(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = zone(plane, monkeypatch, 12, 24)
    other = zone(plane, monkeypatch, 1, 3)
    monkeypatch.setattr("injectors.kubernetes_many.A_CALL", 0)

    stage = lost.inject()
    assert plane.get(lost.pods)["items"] == []
    assert len(plane.get(other.pods)["items"]) == 3
    pod(plane, lost.namespace, "late", node=f"{lost.name}-11", owner=owner(), tolerates=True)
    assert lost.look(stage).present is False
    lost.extend(stage)
    assert lost.look(stage).present is True
    lost.heal(stage)


def test_a_server_that_is_too_busy_is_left_alone_for_as_long_as_it_wants_and_all_ends_clean(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = zone(plane, monkeypatch, 40, 120)
    lost.address = replace(lost.address, kubeconfig=str(somebody(plane)))
    before = as_it_is(plane, lost.nodes)
    once, moments = Cluster._once, list[tuple[float, str]]()

    async def timed(self: Cluster, *args: Any, **more: Any) -> Any:
        moments.append((time.monotonic(), "asked"))
        answer = await once(self, *args, **more)
        moments.append((time.monotonic(), "refused" if answer[0] == 429 else "answered"))
        return answer

    monkeypatch.setattr(Cluster, "_once", timed)
    stage = lost.inject()
    refused = sum(many for (_, status), many in lost.asked.items() if status == 429)
    healing = lost.heal(stage)

    assert refused
    for at_s, what in moments:
        if what == "refused":
            assert not [other_s for other_s, other in moments if other == "asked" and at_s < other_s < at_s + 0.99]
    assert plane.get(lost.pods)["items"] == []
    assert as_it_is(plane, lost.nodes) == before
    assert healing.data["left"] == []


def somebody(plane: ControlPlane) -> Any:
    """A kubeconfig of one who may do everything, and may be asked to wait."""
    plane.kubectl("create", "serviceaccount", "somebody")
    plane.kubectl(
        "create", "clusterrolebinding", "somebody", "--clusterrole=cluster-admin", "--serviceaccount=default:somebody"
    )
    return plane.kubeconfig_for("somebody", plane.kubectl("create", "token", "somebody").strip())


def test_many_that_are_refused_at_once_are_one_refusal_and_trust_grows_again() -> None:
    async def tried() -> tuple[int, int, int]:
        turns = Turns(16)
        for _ in range(16):
            turns.refused(0.5)
        after = await under_way(turns)
        turns.refused(0.0)
        later = await under_way(turns)
        for _ in range(16 * 16):
            turns.answered()
        return after, later, await under_way(turns)

    assert asyncio.run(tried()) == (8, 4, 16)


async def under_way(turns: Turns) -> int:
    """How many of thirty get a turn while nobody gives one back."""
    begun, leave = asyncio.Event(), asyncio.Event()
    taken = 0

    async def one() -> None:
        nonlocal taken
        async with turns:
            taken += 1
            begun.set()
            await leave.wait()

    tasks = [asyncio.create_task(one()) for _ in range(30)]
    await begun.wait()
    await asyncio.sleep(0.05)  # in which nobody else may come
    found = taken
    leave.set()
    await asyncio.gather(*tasks)
    return found
