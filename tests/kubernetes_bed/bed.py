"""A whole cluster: a control plane and nodes, each with a zone and a region. Needs root; several can live side by side."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.built import ROOT
from tests.kubernetes_bed import images
from tests.kubernetes_bed.control_plane import ADMIN, BASE, QUICK, ControlPlane, Flags, need_programs, plane_on
from tests.kubernetes_bed.ground import READY_S, Daemon, Ground, ground, need_tools
from tests.kubernetes_bed.network import Network
from tests.kubernetes_bed.node import Node, Plan
from tests.kubernetes_bed.programs import CONTROL_PLANE, NODE
from tests.real import need

NODES = (Plan("a", "zone-a", "north"), Plan("b", "zone-b", "north"), Plan("c", "zone-c", "south"))


@dataclass(frozen=True)
class Bed:
    """A cluster under way."""

    plane: ControlPlane
    nodes: Mapping[str, Node]

    @property
    def ground(self) -> Ground:
        return self.plane.ground

    @property
    def kubeconfig(self) -> Path:
        """For one who may do everything."""
        return self.plane.kubeconfig

    def node(self, name: str) -> Node:
        """The node of this name."""
        return self.nodes[name]

    def kubectl(self, *words: str | Path, said: str = "", within_s: float = 60.0) -> str:
        """What kubectl printed; it must succeed."""
        return self.plane.kubectl(*words, said=said, within_s=within_s)

    def apply(self, manifest: str) -> None:
        """Make the cluster have what this YAML says."""
        self.plane.apply(manifest)

    def enforce_policies(self) -> Daemon:
        """Give meaning to NetworkPolicies, which without an engine nobody heeds; the engine, which runs from now on."""
        words = (sys.executable, "-m", "tests.kubernetes_bed.policies", self.plane.url, self.plane.certificate, ADMIN)
        engine = self.ground.daemon("policies", "env", f"PYTHONPATH={ROOT}", *words, self.ground.folder / "nodes")
        engine.start()
        return engine

    def wait(self, what: str, come_true: Callable[[], bool], within_s: float = READY_S) -> None:
        """Until it has come true; all nodes and pods, and what happened last, stand in the failure."""
        until = time.monotonic() + within_s
        while not come_true():
            assert time.monotonic() < until, f"after {within_s} s not yet: {what}\n{self._seen()}"
            time.sleep(0.1)

    def wait_for_nodes(self, *names: str, within_s: float = READY_S) -> None:
        """Until these nodes are ready for pods; all of them when none is named."""
        wanted = [self.node(name) for name in names or self.nodes]
        called = ", ".join(node.name for node in wanted)
        self.wait(f"nodes {called} ready", lambda: all(node.is_back() for node in wanted), within_s)

    def _seen(self) -> str:
        parts = []
        for words in (("nodes",), ("pods", "-A", "-o", "wide"), ("events", "-A", "--sort-by=.lastTimestamp")):
            try:
                parts += self.kubectl("get", *words).splitlines()[-20:]
            except AssertionError as silent:
                parts.append(str(silent))
        return "\n".join(parts)


@contextmanager
def bed(*plans: Plan, flags: Flags = QUICK) -> Iterator[Bed]:
    """A cluster whose nodes are ready: three of them unless others are asked for. Nothing is left of it afterwards."""
    need("root, for the namespaces of nodes", os.geteuid() == 0)
    need_tools("the networks and mounts of nodes", "ip", "nsenter", "unshare", "mount", "nft", "iptables", "conntrack")
    need_programs(*CONTROL_PLANE, *NODE)
    images.archive()
    with ground() as one:
        made = _laid_out(one, plans or NODES, flags)
        for node in made.nodes.values():
            node.power_on()
        made.wait_for_nodes()
        yield made


def _laid_out(one: Ground, plans: Sequence[Plan], flags: Flags) -> Bed:
    network = Network(one, len(plans))
    network.lay()
    plane = plane_on(one, network.gateway, flags, nodes=[plan.name for plan in plans])
    plane.start(*BASE, "kube-controller-manager", "kube-scheduler")
    return Bed(plane, {plan.name: Node(plan, index, plane, network) for index, plan in enumerate(plans, 1)})
