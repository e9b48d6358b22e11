"""A node: namespaces of its own for network, mounts, processes, names and messages, with containerd, kubelet and kube-proxy.

Its disk is a folder and outlives a power cut; everything else goes with its first process.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.kubernetes_bed import images, leftovers
from tests.kubernetes_bed.api import is_ready
from tests.kubernetes_bed.control_plane import ControlPlane
from tests.kubernetes_bed.ground import Daemon, Ground
from tests.kubernetes_bed.network import Network
from tests.kubernetes_bed.node_files import FIRST_PROCESS, write_settings
from tests.kubernetes_bed.programs import program

AWAY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints of the control plane on nodes that were not ready."""
NAMESPACES = ("--mount", "--pid", "--net", "--uts", "--ipc")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node is to be."""

    name: str
    zone: str
    region: str


@dataclass(eq=False)
class Node:
    """A node of a bed."""

    plan: Plan
    index: int
    """Its place on the network; the first has 1."""
    plane: ControlPlane
    network: Network

    @property
    def name(self) -> str:
        return self.plan.name

    @property
    def address(self) -> str:
        return self.network.address(self.index)

    @property
    def folder(self) -> Path:
        """Its settings, logs and disk."""
        return self._ground.folder / "nodes" / self.name

    def power_on(self) -> None:
        """Switch it on; it reports to the API server when it is ready, which is not waited for."""
        self._lay_cgroups()
        write_settings(self)
        self._first.start(ready=lambda: self._comm() == "pause")
        self.network.plug(self.index, self._first.pid)
        self._pid_file.write_text(str(self._first.pid))
        self.daemon("containerd").start(ready=self._containerd_answers)
        self._load_images()
        for name, daemon in self._daemons.items():
            if name != "containerd":
                daemon.start()

    def power_off(self) -> None:
        """As when the current fails: nothing on it says goodbye, and nothing answers. Safe when it has none."""
        self._pid_file.unlink(missing_ok=True)
        self.network.unplug(self.index)  # first, else the kernel closes the connections of what is killed
        self._first.kill()
        for daemon in self._daemons.values():
            daemon.bury()
        for group in self._cgroups():
            leftovers.remove_cgroup(group)

    def cut(self) -> None:
        """Pull its cable; it runs on, and nobody reaches it."""
        self.network.switch(self.index, on=False)

    def join(self) -> None:
        """Put the cable back."""
        self.network.switch(self.index, on=True)

    def daemon(self, name: str) -> Daemon:
        """One of its programs, to kill and to start: `containerd`, `kubelet`, `kube-proxy`, or what was installed."""
        return self._daemons[name]

    def install(self, name: str, *words: str | Path) -> Daemon:
        """One more program, which runs from now on whenever the node has power."""
        self._daemons[name] = self._ground.daemon(f"nodes/{self.name}/{name}", *words, inside=self.inside)
        self._daemons[name].start()
        return self._daemons[name]

    def load(self, archive: Path) -> None:
        """Give it the images of an archive such as `docker save` writes; they are on its disk from then on."""
        self._ctr("--namespace", "k8s.io", "images", "import", str(archive))

    def call(self, *words: str | Path, said: str = "") -> str:
        """What a program prints that is run on the node."""
        return self._ground.call(*self.inside(), *words, said=said)

    def inside(self) -> Sequence[str]:
        """The words before a command that make it run on the node."""
        # The machine's own folder for what is temporary is read only here.
        return ("nsenter", "--target", str(self._first.pid), *NAMESPACES, "--", "env", "TMPDIR=/run")

    def object(self) -> Any:
        """The node as the API has it; None before it has reported for the first time."""
        nodes = self.plane.get("/api/v1/nodes")["items"]
        return next((one for one in nodes if one["metadata"]["name"] == self.name), None)

    def is_ready(self) -> bool:
        """As the control plane sees it."""
        return is_ready(self.object() or {})

    def is_back(self) -> bool:
        """Whether it is ready and taken for it, a moment later: pods come there, and its zone counts when they are spread."""
        seen = self.object() or {}
        return is_ready(seen) and not any(one["key"] in AWAY for one in seen["spec"].get("taints", ()))

    @property
    def _pid_file(self) -> Path:
        """There while the node has power; who enforces policies finds its network by it."""
        return self.folder / "pid"

    @property
    def _ground(self) -> Ground:
        return self.plane.ground

    @cached_property
    def _first(self) -> Daemon:
        own = ("unshare", *NAMESPACES, "--fork", "--kill-child", "--propagation=private")
        words = ("sh", "-c", FIRST_PROCESS, "sh", self.folder, self.name, f"{self.index:032x}", images.pause())
        return self._ground.daemon(f"nodes/{self.name}/first", *words, inside=lambda: own)

    @cached_property
    def _daemons(self) -> dict[str, Daemon]:
        zone, region = (f"topology.kubernetes.io/{key}" for key in ("zone", "region"))
        kubeconfig = self.plane.kubeconfig_for(self.name, self.name)
        commands: dict[str, Sequence[str | Path]] = {
            "containerd": ("--config", self.folder / "containerd.toml"),
            "kubelet": (
                "--config", self.folder / "kubelet.yaml", "--kubeconfig", kubeconfig, "--hostname-override", self.name,
                "--node-ip", self.address, "--root-dir=/var/lib/kubelet", "--cert-dir=/var/lib/kubelet/pki",
                "--node-labels", f"{zone}={self.plan.zone},{region}={self.plan.region}",
            ),
            "kube-proxy": ("--config", self.folder / "kube-proxy.yaml"),
        }  # fmt: skip
        return {
            name: self._ground.daemon(f"nodes/{self.name}/{name}", program(name), *words, inside=self.inside)
            for name, words in commands.items()
        }

    def _comm(self) -> str:
        with suppress(OSError):
            return Path(f"/proc/{self._first.find()}/comm").read_text(encoding="utf-8").strip()
        return ""

    def _containerd_answers(self) -> bool:
        try:
            self._ctr("version")
        except AssertionError:
            return False
        return True

    def _load_images(self) -> None:
        loaded = self.folder / "loaded"
        if not loaded.exists():
            self.load(images.archive())
            loaded.touch()

    def _ctr(self, *words: str) -> None:
        self.call(program("ctr"), "--address", "/run/containerd/containerd.sock", *words)

    def _cgroups(self) -> Sequence[Path]:
        return [root / self.cgroup for root in leftovers.cgroup_roots()]

    @property
    def cgroup(self) -> str:
        """What its control group is called, in every hierarchy."""
        return leftovers.name(self._ground.number, self.name)

    def _lay_cgroups(self) -> None:
        for group in self._cgroups():
            group.mkdir(exist_ok=True)
            # In the first version of control groups these are born empty, and a group without a processor holds nothing.
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if (group.parent / setting).exists():
                    (group / setting).write_text((group.parent / setting).read_text(encoding="utf-8"))
