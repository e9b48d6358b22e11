"""How long it takes to lose a region of a large cluster and to have it back: ours, kubectl, and the server's own limit.

    python -m tests.benchmarks.region [--nodes 1000] [--pods 10000] [--rounds 1] [--ways ours,kubectl,floor]

A real API server and etcd on this machine, and nodes that kwok plays. In each round every way loses the same nodes and pods
in turn and has the nodes back. Ours is what a drill does, with its journal on a disk, in a process of its own. kubectl is one
that cordons, taints and uncordons, and several at a time that delete. The floor is a small
Go program that knows every name and makes the calls that are needed, one for each node and pod, with nothing read,
remembered or looked at. Elsewhere is a tenth as much again, of which nobody may touch anything. Nobody makes the pods
again, so that each way has the same to do. A machine on which others are at work too makes all figures larger but the
calls; CPU, that of the server and of whoever asks it, least.
"""

import argparse
import asyncio
import json
import math
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from drills.clock import SystemClock
from drills.journal import Journal
from drills.stage import RunStage
from injectors import Injection, Remembered, TargetName
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import Cluster
from injectors.region import REGION, Region, RegionOutage
from tests.built import call
from tests.kubernetes_bed.control_plane import BASE, ControlPlane, control_plane
from tests.kubernetes_bed.programs import program
from tests.kubernetes_bed.simulated import STAGES, simulate

CALLS = Path(__file__).parent / "calls"
LOST, KEPT = "south", "north"
NAMESPACES = 20
AT_ONCE = 32
"""Calls of the floor under way at a time."""
HANDS = 4
"""Processes of kubectl that delete at a time."""
LEASE_S = 40
"""As kubelets have it."""
FILLED_S = 900.0
PLAYED = tuple(one for one in STAGES if "pod-delete" not in one)
"""Asked to end pods that have been told to, kwok would delete again each that is gone at once, as no kubelet does."""
DRILLER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: driller, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: driller}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: driller, namespace: default}]
"""
"""One whom the server may ask to wait, as it never asks its admin."""


@dataclass(frozen=True)
class Way:
    """One way to lose the region: what it did and how long each part of it took."""

    name: str
    go: Callable[["World", int], dict[str, float]]
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, figure: str) -> float:
        return median(one[figure] for one in self.rounds)


@dataclass(frozen=True)
class World:
    """The cluster, and what each way needs to know of it."""

    plane: ControlPlane
    kubeconfig: Path
    token: str
    calls: Path
    nodes: Mapping[str, Sequence[str]]
    """By region."""
    pods: int

    def names(self, region: str, generation: int) -> list[tuple[str, str, str]]:
        """Namespace, name and node of each pod of a region; a new one never bears an old one's name."""
        nodes, each = self.nodes[region], self.pods // len(self.nodes[LOST])
        return [(f"shop-{number % NAMESPACES}", f"{node}-{n}-{generation}", node)
                for number, (node, n) in enumerate(product(nodes, range(each)))]  # fmt: skip

    def cpu_s(self) -> float:
        """What API server and etcd have used, and whoever asked them and has ended."""
        used = [psutil.Process(self.plane.daemon(one).pid).cpu_times() for one in BASE]
        asking = resource.getrusage(resource.RUSAGE_CHILDREN)
        return float(sum(one.user + one.system for one in used) + asking.ru_utime + asking.ru_stime)

    def call(self, calls: Iterable[tuple[str, str, str, Any]], at_once: int = AT_ONCE) -> float:
        """Make these calls as fast as the server takes them; the seconds that took."""
        said = "".join(f"{method}\t{path}\t{sort}\t{json.dumps(body)}\n" for method, path, sort, body in calls)
        words = [str(self.calls), self.plane.url, str(self.plane.certificate), self.token, str(at_once)]
        done = subprocess.run(words, input=said, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        assert not [one for one in told["statuses"] if one[0] != "2" and one != "429"], told
        return float(told["seconds"])

    def kubectl(self, *words: str, said: str = "") -> str:
        """What it printed; an empty cache of its own is filled by the first call."""
        command = [str(program("kubectl")), "--kubeconfig", str(self.kubeconfig), *words]
        return self.plane.ground.call(*command, said=said, within_s=600)


def main() -> None:
    """Measure, print, done."""
    parser = argparse.ArgumentParser(description="lose a region of a large cluster")
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", default="ours,kubectl,floor")
    parser.add_argument("--do", metavar="KUBECONFIG", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.do:
        print(json.dumps(asyncio.run(outage(options.do))))
        return
    ways = [one for one in WAYS if one.name in options.ways.split(",")]
    with world(options) as one:
        fill(one, KEPT, 0)
        for number in range(options.rounds):
            for way in ways:
                generation = number * len(ways) + ways.index(way)
                fill(one, LOST, generation)
                before_s = one.cpu_s()
                took = way.go(one, generation)
                way.rounds.append({**took, "cpu": one.cpu_s() - before_s})
                untouched(one)
                print(f"  {way.name:<8}{shown(way.rounds[-1])}", flush=True)
    tell(ways, options)


# --- the cluster


@contextmanager
def world(options: argparse.Namespace) -> Iterator[World]:
    """A cluster of two regions, with no pods yet."""
    with tempfile.TemporaryDirectory() as folder, control_plane() as plane:
        calls = Path(folder, "calls")
        call(["go", "build", "-o", str(calls), "."], cwd=CALLS)
        plane.apply(DRILLER)
        token = plane.kubectl("create", "token", "driller", "--duration=24h").strip()
        nodes = {region: tuple(simulate(plane, {region: region}, count, LEASE_S, PLAYED)[region].nodes)
                 for region, count in ((LOST, options.nodes), (KEPT, max(1, options.nodes // 10)))}  # fmt: skip
        one = World(plane, plane.kubeconfig_for("driller", token), token, calls, nodes, options.pods)
        account = {"metadata": {"name": "default"}}
        one.call(("POST", "/api/v1/namespaces", JSON, {"metadata": {"name": f"shop-{n}"}}) for n in range(NAMESPACES))
        one.call(("POST", f"/api/v1/namespaces/shop-{n}/serviceaccounts", JSON, account) for n in range(NAMESPACES))
        yield one


JSON, PATCH = "application/json", "application/json-patch+json"
SPEC: Mapping[str, Any] = {
    "containers": [
        {"name": name, "image": f"registry.example/{name}:1", "ports": [{"containerPort": 8080}],
         "env": [{"name": f"SETTING_{n}", "value": "a value of usual length"} for n in range(10)],
         "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "32Mi"}},
         "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
         "volumeMounts": [{"name": "settings", "mountPath": "/etc/settings"}]}
        for name in ("web", "proxy")
    ],
    "volumes": [{"name": "settings", "configMap": {"name": "settings"}}],
    "automountServiceAccountToken": False,
}  # fmt: skip
"""Of a pod as large as usual: about 5 KiB as the API tells it."""


def fill(world: World, region: str, generation: int) -> None:
    """Have all pods of a region there and running."""
    names = world.names(region, generation)
    world.call(("POST", f"/api/v1/namespaces/{space}/pods", JSON, pod(name, node)) for space, name, node in names)
    until_s = time.monotonic() + FILLED_S
    while not all(one.get("status", {}).get("phase") == "Running" for one in listed(world)):
        if time.monotonic() > until_s:
            raise SystemExit(f"not all pods run within {FILLED_S:g} s")
        time.sleep(1)


def pod(name: str, node: str) -> dict[str, Any]:
    """One that is on its node from the first, and of which somebody says that he would make it again."""
    by = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop", "uid": "1", "controller": True}
    labels = {"app": "shop", "pod-template-hash": "5d8c7", "region": node.partition("-")[0]}
    return {"metadata": {"name": name, "labels": labels, "ownerReferences": [by]}, "spec": {**SPEC, "nodeName": node}}


def listed(world: World) -> list[Any]:
    found: list[Any] = world.plane.get("/api/v1/pods?resourceVersion=0")["items"]
    return found


def untouched(world: World) -> None:
    """Stop where a way has left anything lost, or touched what is elsewhere."""
    for one in world.plane.get("/api/v1/nodes")["items"]:
        taints = [it["key"] for it in one["spec"].get("taints", ())]
        assert not one["spec"].get("unschedulable"), one["metadata"]["name"]
        assert not [key for key in taints if "lost" in key], one["metadata"]["name"]
    assert len(listed(world)) == len(world.names(KEPT, 0))
    assert {one["spec"]["nodeName"] for one in listed(world)} == set(world.nodes[KEPT])


# --- ours


def ours(world: World, _: int) -> dict[str, float]:
    """What a drill does, in a process of its own."""
    words = [sys.executable, "-m", "tests.benchmarks.region", "--do", str(world.kubeconfig)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, float] = json.loads(done.stdout)
    return told


async def outage(kubeconfig: str) -> dict[str, float]:
    """Plan, inject, verify, extend, heal, verify: seconds, calls and megabytes of each."""
    address = KubernetesAddress(kubeconfig=kubeconfig, nodes=Region().implied(LOST)["kubernetes"]["nodes"])
    region: Any = {Region.name: Region(), KubernetesAddress.name: address}
    injector: Any = RegionOutage(target=TargetName(LOST)).expand(region)[0].injector
    took: dict[str, float] = {}
    asked = counting()

    async def timed(name: str, doing: Any) -> Any:
        began_s, asked_before = time.perf_counter(), asked.total()
        answer = await doing
        took[name] = time.perf_counter() - began_s
        took[f"{name} calls"] = asked.total() - asked_before
        took[f"{name} MB"] = peak_mb()
        return answer

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder, "journal.jsonl"), SystemClock())
        known = Remembered(id="benchmark-lost", fault="lost", target=LOST, version=injector.version)
        stage = RunStage(journal, known, within_s=1e9, source="benchmark")
        injection = Injection(id=known.id, fault="lost", target=LOST, address=address, for_s=None)
        assert (await timed("plan", injector.preview(address))).touches
        await timed("inject", injector.inject(injection, stage))
        took["remembered kB"] = journal.path.stat().st_size / 1000
        effect = await timed("verify", injector.verify(stage.remembered, stage.again(10)))
        assert effect.present, effect
        await timed("extend", injector.extend(stage.remembered, stage.again(1e9)))
        healing = RunStage(journal, stage.remembered, within_s=1e9, source="benchmark", healing=True)
        await timed("heal", injector.heal(stage.remembered, healing))
        effect = await timed("gone", injector.verify(healing.remembered, healing.again(10)))
        assert effect.present is False, effect
        took["journal kB"] = journal.path.stat().st_size / 1000
        journal.close()
    took["429"] = asked[429]
    return took


def peak_mb() -> float:
    """The most that this process ever held. What `getrusage` says of it would be of whoever started it, if that held more."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def counting() -> Counter[int]:
    """Calls by their status, counted from now on."""
    asked: Counter[int] = Counter()
    once = Cluster._once

    async def counted(self: Cluster, *args: Any, **more: Any) -> Any:
        answer = await once(self, *args, **more)
        asked[answer[0]] += 1
        return answer

    Cluster._once = counted  # type: ignore[method-assign]
    return asked


# --- kubectl


def by_kubectl(world: World, _: int) -> dict[str, float]:
    """By labels of nodes and pods; real pods bear none of their region, so that it is given more than it would have."""
    where, taint = f"--selector={REGION}={LOST}", "example.com/lost=:NoExecute"
    return timed_all({
        "inject": lambda: (world.kubectl("cordon", where), world.kubectl("taint", "nodes", where, taint), delete(world)),
        "heal": lambda: (world.kubectl("uncordon", where), world.kubectl("taint", "nodes", where, f"{taint}-")),
    })  # fmt: skip


def delete(world: World) -> str:
    """The pods, some namespaces at a time."""
    words = shlex.join([str(program("kubectl")), "--kubeconfig", str(world.kubeconfig), "delete", "pods",
                        f"--selector=region={LOST}", "--force", "--grace-period=0", "--wait=false", "--namespace"])  # fmt: skip
    spaces = "".join(f"shop-{n}\n" for n in range(NAMESPACES))
    return world.plane.ground.call("xargs", "-P", str(HANDS), "-n", "1", "sh", "-c", f'{words} "$0" >/dev/null 2>&1', said=spaces,
                            within_s=1200)  # fmt: skip


# --- the floor


def floor(world: World, generation: int) -> dict[str, float]:
    """The calls alone."""
    paths = [f"/api/v1/nodes/{one}" for one in world.nodes[LOST]]
    taint = {"key": "example.com/lost", "effect": "NoExecute"}
    losing = [added("/spec/unschedulable", True), added("/spec/taints", [taint])]
    having = [{"op": "remove", "path": one["path"]} for one in losing]
    pods = [f"/api/v1/namespaces/{space}/pods/{name}" for space, name, _ in world.names(LOST, generation)]
    return timed_all({
        "inject": lambda: (world.call(("PATCH", one, PATCH, losing) for one in paths),
                           world.call(("DELETE", one, JSON, {"gracePeriodSeconds": 0}) for one in pods)),
        "heal": lambda: world.call(("PATCH", one, PATCH, having) for one in paths),
    })  # fmt: skip


def added(place: str, value: object) -> dict[str, Any]:
    return {"op": "add", "path": place, "value": value}


def timed_all(parts: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    took = {}
    for name, do in parts.items():
        began_s = time.perf_counter()
        do()
        took[name] = time.perf_counter() - began_s
    return took


WAYS = (Way("ours", ours), Way("kubectl", by_kubectl), Way("floor", floor))


# --- telling


def shown(took: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in took.items())


def tell(ways: Sequence[Way], options: argparse.Namespace) -> None:
    """The medians, and how they stand to each other."""
    print(f"{options.nodes:,} nodes and {options.pods:,} pods, {os.cpu_count()} cores, median of {options.rounds}")
    by_name = {one.name: one for one in ways}
    if mine := by_name.get("ours"):
        for part in ("plan", "inject", "verify", "extend", "heal", "gone"):
            calls = mine.median(f"{part} calls")
            print(f"  {part:<8}{mine.median(part):6.1f} s  {calls:6.0f} calls, {calls / options.nodes:.2f} a node, "
                  f"{calls / options.pods:.3f} a pod; peak {mine.median(f'{part} MB'):.0f} MB")  # fmt: skip
        print(
            f"  remembered {mine.median('remembered kB'):.0f} kB at once; {mine.median('429'):.0f} times asked to wait (429)"
        )
    for part in ("inject", "heal", "cpu"):
        took = {name: one.median(part) for name, one in by_name.items()}
        line = ", ".join(f"{name} {value:.1f} s" for name, value in took.items())
        mine_s = took.get("ours", math.nan)
        ratios = ", ".join(f"{mine_s / value:.2f} of {name}" for name, value in took.items() if name != "ours")
        print(f"  {part:<8}{line}; ours is {ratios}")


if __name__ == "__main__":
    main()
