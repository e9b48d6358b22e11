"""Nodes that only the control plane believes in, for clusters of thousands: kwok reports for them, one process a zone.

Pods that are scheduled to them run at once and never do anything. A zone whose process is killed has lost its power.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kubernetes_bed.control_plane import ControlPlane
from tests.kubernetes_bed.ground import Daemon
from tests.kubernetes_bed.programs import PROGRAMS, program, source_of

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
HANDS = 8
"""How many nodes are made at a time."""
LEASE_S = 10
"""For how long a node is believed to live; it is said again four times in this."""
STAGES = (
    "node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready", "pod/fast/pod-complete", "pod/fast/pod-delete",
)  # fmt: skip


@dataclass(frozen=True)
class Zone:
    """A zone of simulated nodes."""

    name: str
    region: str
    nodes: Sequence[str]
    _kwok: Daemon

    def power_on(self) -> None:
        """Let its nodes report; that they are ready is not waited for."""
        self._kwok.start()

    def power_off(self) -> None:
        """All its nodes fall silent at once."""
        self._kwok.kill()


def simulate(plane: ControlPlane, regions: Mapping[str, str], nodes: int, lease_s: int = LEASE_S,
             played: Sequence[str] = STAGES) -> Mapping[str, Zone]:  # fmt: skip
    """Zones by their names, each with so many nodes and with power; `regions` says in which region each zone is."""
    kwok, stages = program("kwok"), _stages(plane.ground.folder, played)
    zones = {}
    for zone, region in regions.items():
        words = ("--kubeconfig", plane.kubeconfig, "--config", stages, "--v=ERROR", "--node-lease-duration-seconds", str(lease_s),
                 "--manage-nodes-with-label-selector", f"{ZONE}={zone}")  # fmt: skip
        daemon = plane.ground.daemon(f"kwok-{zone}", kwok, *words)
        zones[zone] = Zone(zone, region, [f"{zone}-{number}" for number in range(nodes)], daemon)
    _make(plane, [_node(name, zone) for zone in zones.values() for name in zone.nodes])
    for one in zones.values():
        one.power_on()
    return zones


def _stages(folder: Path, played: Sequence[str]) -> Path:
    source = source_of(PROGRAMS["kwok"]) / "kustomize" / "stage"
    path = folder / "stages.yaml"
    path.write_text("\n---\n".join((source / f"{stage}.yaml").read_text(encoding="utf-8") for stage in played))
    return path


def _make(plane: ControlPlane, nodes: Iterable[Mapping[str, Any]]) -> None:
    api = plane.api
    with ThreadPoolExecutor(HANDS) as hands:
        for _ in hands.map(lambda node: api.post("/api/v1/nodes", node), nodes):
            pass


def _node(name: str, zone: Zone) -> Mapping[str, Any]:
    labels = {ZONE: zone.name, REGION: zone.region, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "status": {"capacity": room, "allocatable": room}}  # fmt: skip
