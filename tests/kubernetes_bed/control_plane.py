"""A Kubernetes control plane of real programs: etcd and the API server, and on demand the controllers and the scheduler.

Needs neither root nor nodes. Every plane has a loopback address of its own, so ports are fixed and several live side by side.
"""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tests.kubernetes_bed.api import Api
from tests.kubernetes_bed.ground import Daemon, Ground, ground, need_tools
from tests.kubernetes_bed.programs import program

Component = Literal["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
BASE: Sequence[Component] = ("etcd", "kube-apiserver")
Flags = Mapping[Component, Sequence[str]]
"""More flags for the programs of a plane; of a flag given twice the last counts."""

QUICK: Flags = {
    "kube-apiserver": ("--default-not-ready-toleration-seconds=1", "--default-unreachable-toleration-seconds=1"),
    "kube-controller-manager": (
        "--node-monitor-grace-period=6s", "--node-monitor-period=500ms", "--node-eviction-rate=100",
    ),
}  # fmt: skip
"""A node that is silent is NotReady after 6 s and its pods are replaced 1 s later. Nodes speak every second.

Left to itself Kubernetes waits 50 s, then 300 s, and gives up but one node of a zone every 10 s.
"""
API_PORT, ETCD_PORT, PEER_PORT = 6443, 2379, 2380
SERVICES = "10.96.0.0/16"
ADMIN, PROXY = "admin-token", "proxy-token"


@dataclass(frozen=True)
class ControlPlane:
    """A control plane under way."""

    ground: Ground
    address: str
    flags: Flags
    server: Sequence[str] = ()
    """Flags of the API server that go with what is around the plane."""
    _daemons: dict[Component, Daemon] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The API server's; no slash at the end."""
        return f"https://{self.address}:{API_PORT}"

    @property
    def kubeconfig(self) -> Path:
        """For one who may do everything."""
        return self.ground.folder / "kubeconfig"

    @property
    def certificate(self) -> Path:
        """By which the API server is known; it signs for itself."""
        return self.ground.folder / "certificates" / "apiserver.crt"

    def kubeconfig_for(self, name: str, token: str) -> Path:
        """A kubeconfig with this bearer token, written under this name; the admin's stays as it is."""
        path = self.ground.folder / f"kubeconfig.{name}"
        path.write_text(_kubeconfig(self.url, self.certificate, token))
        path.chmod(0o600)
        return path

    def start(self, *components: Component) -> None:
        """Start what does not run; all of them are ready when this returns. The others need the API server's certificate."""
        for group in (BASE, tuple(_COMMANDS)):
            started = {one: self.daemon(one) for one in components if one in group and not self.daemon(one).running}
            for daemon in started.values():
                daemon.start()
            for one, daemon in started.items():
                daemon.wait(partial(self.is_ready, one))

    def kill(self, *components: Component) -> None:
        """SIGKILL; what they knew stays in etcd's folder."""
        for one in components:
            self.daemon(one).kill()

    def daemon(self, component: Component) -> Daemon:
        """The program itself, for its pid and its log."""
        if component not in self._daemons:
            words = [program(component), *_COMMANDS[component](self), *self.flags.get(component, ())]
            self._daemons[component] = self.ground.daemon(component, *words)
        return self._daemons[component]

    def is_ready(self, component: Component) -> bool:
        """Whether it would answer. Controllers and scheduler have no door here: they are ready once they run."""
        match component:
            case "etcd":
                return _listens(self.address, ETCD_PORT)
            case "kube-apiserver":
                return self.api.answers("/readyz")
            case _:
                return True

    def kubectl(self, *words: str | Path, said: str = "", within_s: float = 60.0) -> str:
        """What kubectl printed; it must succeed. What is `said` is its standard input."""
        command = [program("kubectl"), "--kubeconfig", self.kubeconfig, *words]
        return self.ground.call(*command, said=said, within_s=within_s)

    def apply(self, manifest: str) -> None:
        """Make the cluster have what this YAML says."""
        self.kubectl("apply", "-f", "-", said=manifest)

    def get(self, path: str) -> Any:
        """What the API says at this path to one who may see everything: `get("/api/v1/nodes")["items"]`."""
        return self.api.get(path)

    @property
    def api(self) -> Api:
        """The API server, asked by one who may do everything."""
        return self.api_for(ADMIN)

    def api_for(self, token: str) -> Api:
        """The API server, asked by whoever this token stands for."""
        return Api(self.url, self.certificate, token)


@contextmanager
def control_plane(*components: Component, flags: Flags | None = None) -> Iterator[ControlPlane]:
    """An API server that answers, with etcd behind it and these others beside it; nothing of it is left afterwards."""
    need_programs(*BASE, "kubectl", *components)
    with ground() as one:
        plane = plane_on(one, f"127.77.{one.number}.1", flags or {}, "--endpoint-reconciler-type=none")
        plane.start(*BASE, *components)
        yield plane


def need_programs(*names: str) -> None:
    """Build what is missing, before anything is started; or skip by the name of what cannot be had."""
    need_tools("keys", "openssl")
    for name in names:
        program(name)


def plane_on(one: Ground, address: str, flags: Flags, *server: str, nodes: Sequence[str] = ()) -> ControlPlane:
    """A plane of which nothing runs yet; each of these nodes is let in by its name as token."""
    plane = ControlPlane(one, address, flags, server)
    (one.folder / "tokens.csv").write_text(_tokens(nodes))
    one.call("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "accounts.key")
    plane.kubeconfig.write_text(_kubeconfig(plane.url, plane.certificate, ADMIN))
    return plane


def _etcd(plane: ControlPlane) -> Sequence[str]:
    client, peer = (f"http://{plane.address}:{port}" for port in (ETCD_PORT, PEER_PORT))
    return ("--data-dir=etcd", "--unsafe-no-fsync", f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}")  # fmt: skip


def _api_server(plane: ControlPlane) -> Sequence[str]:
    return ("--secure-port", str(API_PORT), "--bind-address", plane.address, "--advertise-address", plane.address,
            "--etcd-servers", f"http://{plane.address}:{ETCD_PORT}", "--cert-dir", str(plane.certificate.parent),
            "--service-cluster-ip-range", SERVICES, "--allow-privileged", "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--token-auth-file=tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=accounts.key",
            "--service-account-signing-key-file=accounts.key", *plane.server)  # fmt: skip


def _controllers(plane: ControlPlane) -> Sequence[str]:
    return (*_scheduler(plane), "--root-ca-file", str(plane.certificate),
            "--service-account-private-key-file=accounts.key")  # fmt: skip


def _scheduler(plane: ControlPlane) -> Sequence[str]:
    # With the limits that they set themselves, ten thousand pods take nine minutes.
    return ("--kubeconfig", str(plane.kubeconfig), "--leader-elect=false", "--secure-port=0",
            "--kube-api-qps=500", "--kube-api-burst=1000")  # fmt: skip


_COMMANDS: Mapping[Component, Callable[[ControlPlane], Sequence[str]]] = {
    "etcd": _etcd, "kube-apiserver": _api_server, "kube-controller-manager": _controllers, "kube-scheduler": _scheduler,
}  # fmt: skip


def _tokens(nodes: Sequence[str]) -> str:
    users = [(ADMIN, "admin", "system:masters"), (PROXY, "system:kube-proxy", "system:node-proxier")]
    users += [(node, f"system:node:{node}", "system:nodes") for node in nodes]
    return "".join(f"{token},{user},{user},{group}\n" for token, user, group in users)


def _kubeconfig(url: str, certificate: Path, token: str) -> str:
    return f"""apiVersion: v1
kind: Config
clusters: [{{name: bed, cluster: {{server: "{url}", certificate-authority: {certificate}}}}}]
users: [{{name: bed, user: {{token: {token}}}}}]
contexts: [{{name: bed, context: {{cluster: bed, user: bed}}}}]
current-context: bed
"""


def _listens(address: str, port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((address, port)) == 0
