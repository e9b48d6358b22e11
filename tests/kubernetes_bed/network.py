"""The network of a bed: one bridge, a cable from it to each node, and the ranges that pods and nodes have.

All addresses are of 198.18.0.0/15, which is kept for tests of networks and used nowhere else (RFC 2544, RFC 6890).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kubernetes_bed import leftovers
from tests.kubernetes_bed.ground import Ground

NODES_MAX = 15
"""A bed has a sixteenth of 198.19.0.0/16 for its pods, and every node one /24 of that."""


@dataclass(frozen=True)
class Network:
    """The bridge of a bed; the machine itself is on it at `gateway`, where the API server listens."""

    ground: Ground
    nodes: int

    @property
    def bridge(self) -> str:
        return leftovers.name(self.ground.number)

    @property
    def gateway(self) -> str:
        return f"198.18.{self.ground.number}.1"

    @property
    def pods(self) -> str:
        """The range of all pods of the bed."""
        return f"198.19.{16 * self.ground.number}.0/20"

    def address(self, index: int) -> str:
        """Of a node; the first has index 1."""
        return f"198.18.{self.ground.number}.{10 + index}"

    def pods_of(self, index: int) -> str:
        """The range of a node's pods."""
        return f"198.19.{16 * self.ground.number + index}.0/24"

    def cable(self, index: int) -> str:
        """The end of a node's cable that is at the bridge."""
        return leftovers.name(self.ground.number, str(index))

    def lay(self) -> None:
        """Make the bridge, and tell this machine the way to the pods."""
        assert self.nodes <= NODES_MAX, f"a bed has at most {NODES_MAX} nodes"
        self._ip(
            f"link add {self.bridge} type bridge",
            f"address add {self.gateway}/24 dev {self.bridge}",
            f"link set {self.bridge} up",
            # Without these, what a pod asks of the API server is never answered.
            *[f"route add {self.pods_of(one)} via {self.address(one)}" for one in range(1, self.nodes + 1)],
        )

    def plug(self, index: int, pid: int) -> None:
        """Give the network namespace of this process its cable, its address and its way to everybody else."""
        others = [one for one in range(1, self.nodes + 1) if one != index]
        self._ip(
            f"link add {self.cable(index)} type veth peer name eth0 netns {pid}",
            f"link set {self.cable(index)} master {self.bridge} up",
        )
        self._ip(
            "link set lo up",
            f"address add {self.address(index)}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {self.gateway}",
            *[f"route add {self.pods_of(one)} via {self.address(one)}" for one in others],
            inside=["nsenter", "--target", str(pid), "--net", "--"],
        )

    def unplug(self, index: int) -> None:
        """Take the cable away, with the node's end of it, unless it went with the node."""
        if Path("/sys/class/net", self.cable(index)).exists():
            self._ip(f"link delete {self.cable(index)}")

    def switch(self, index: int, *, on: bool) -> None:
        """Let the bridge's end of the cable carry something, or nothing."""
        self._ip(f"link set {self.cable(index)} {'up' if on else 'down'}")

    def _ip(self, *commands: str, inside: Sequence[str] = ()) -> None:
        self.ground.call(*inside, "ip", "-batch", "-", said="\n".join(commands) + "\n")
