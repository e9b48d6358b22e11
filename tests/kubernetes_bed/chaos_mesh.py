"""The real Chaos Mesh on a bed: its controllers beside the control plane, with their webhooks, and its daemon on every node.

The kernel may have no netem; then delays and losses of packets are asked for and never come. Partitions, bandwidth, and
what befalls pods and containers do.
"""

import base64
import json
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.kubernetes_bed.bed import Bed
from tests.kubernetes_bed.ground import Daemon, need_tools
from tests.kubernetes_bed.images import PAUSE
from tests.kubernetes_bed.node import Node
from tests.kubernetes_bed.programs import CHAOS_MESH, PROGRAMS, program, source_of

NAMESPACE = "chaos-mesh"
WEBHOOK_PORT, METRICS_PORT, DAEMON_PORT, DAEMON_HTTP_PORT = 9443, 10080, 31767, 31766
KINDS = (
    "podchaos", "iochaos", "timechaos", "networkchaos", "kernelchaos", "stresschaos", "awschaos", "azurechaos", "gcpchaos",
    "dnschaos", "jvmchaos", "schedule", "workflow", "httpchaos", "blockchaos", "physicalmachinechaos", "physicalmachine",
    "statuscheck", "remotecluster",
)  # fmt: skip
PLURALS = {one: f"{one}s" for one in ("schedule", "physicalmachine", "statuscheck")}
"""All others are called the same for one and for many."""

_NSEXEC = """#!/bin/sh
# In place of the program by which the daemon enters the namespaces of a container, whose options these are.
enter=
while [ "$1" != -- ]; do
  case $1 in
    -m) enter="$enter --mount=$2" ;;
    -n) enter="$enter --net=$2" ;;
    -p) enter="$enter --pid=$2" ;;
    -i) enter="$enter --ipc=$2" ;;
    *) echo "nsexec: $1 cannot be done here" >&2; exit 64 ;;
  esac
  shift 2
done
shift
exec nsenter $enter -- "$@"
"""
_START = """
mount --bind "$1" /usr/local/bin
mount -t sysfs sysfs /sys
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TZ=UTC
shift
exec "$@"
"""
"""In a mount namespace below the node's, as the daemon mounts /sys anew, and finds its tools by path."""


@dataclass(frozen=True)
class ChaosMesh:
    """A Chaos Mesh under way."""

    bed: Bed
    controllers: Daemon
    """To kill and to start; told to end nicely it stops working and stays."""

    def daemon(self, node: str) -> Daemon:
        """The daemon on this node. It comes back with the node's power."""
        return self.bed.node(node).daemon("chaos-daemon")

    def start_controllers(self) -> None:
        """Start them again; they answer when this returns."""
        self.controllers.start(ready=partial(_listens, self.bed.plane.address, WEBHOOK_PORT))


def need_chaos_mesh() -> None:
    """Build it if it is missing, which takes minutes; or skip by the name of what cannot be had."""
    for name in CHAOS_MESH:
        program(name)
    need_tools("Chaos Mesh", "iptables-legacy", "ipset", "tc")


def chaos_mesh(bed: Bed) -> ChaosMesh:
    """Install Chaos Mesh on this bed; it goes with the bed."""
    need_chaos_mesh()
    source = source_of(PROGRAMS["chaos-daemon"])
    folder = bed.ground.folder / "chaos-mesh"
    folder.mkdir()
    bed.kubectl("create", "namespace", NAMESPACE)
    # To check what it is told, kubectl has the server describe all kinds, which takes long while these are new.
    create = ("create", "--validate=false", "-f")
    bed.kubectl(*create, source / "manifests" / "crd.yaml")
    # The module of the definitions is some days younger than the controllers, which set this field and are refused it.
    field = {"op": "add", "value": {"type": "string"},
             "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/partitionBehavior"}  # fmt: skip
    bed.kubectl("patch", "crd", "networkchaos.chaos-mesh.org", "--type=json", "--patch", json.dumps([field]))
    mesh = ChaosMesh(bed, _controllers(bed, folder))
    mesh.start_controllers()
    bed.kubectl(*create, "-", said=json.dumps(_webhooks(bed, folder)))
    for node in bed.nodes.values():
        _install_daemon(node, folder)
    bed.kubectl(*create, "-", said=json.dumps(_slice(bed.nodes.values())))
    bed.wait("the daemons answer", lambda: all(_listens(node.address, DAEMON_PORT) for node in bed.nodes.values()))
    return mesh


def _controllers(bed: Bed, folder: Path) -> Daemon:
    address = bed.plane.address
    owner = ("-subj", "/CN=chaos-webhook", "-addext", f"subjectAltName=IP:{address}", "-days", "2")
    files = ("-keyout", folder / "tls.key", "-out", folder / "tls.crt")
    bed.ground.call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *owner, *files)
    settings = {
        "KUBECONFIG": bed.kubeconfig, "TZ": "UTC", "NAMESPACE": NAMESPACE, "TARGET_NAMESPACE": NAMESPACE,
        "CLUSTER_SCOPED": "true", "CERTS_DIR": folder, "WEBHOOK_HOST": address, "WEBHOOK_PORT": WEBHOOK_PORT,
        "METRICS_HOST": address, "METRICS_PORT": METRICS_PORT, "ENABLE_LEADER_ELECTION": "false",
        "SECURITY_MODE": "false", "CHAOSD_SECURITY_MODE": "false", "CHAOS_DNS_SERVICE_PORT": 0,
        "CHAOS_DAEMON_SERVICE_PORT": DAEMON_PORT, "RPC_TIMEOUT": "5s", "QPS": 200, "BURST": 300,
        "POD_FAILURE_PAUSE_IMAGE": PAUSE,
    }  # fmt: skip
    words = [f"{name}={value}" for name, value in settings.items()]
    return bed.ground.daemon("chaos-controller-manager", "env", *words, program("chaos-controller-manager"))


def _install_daemon(node: Node, folder: Path) -> None:
    tools = folder / node.name
    tools.mkdir()
    (tools / "nsexec").write_text(_NSEXEC)
    (tools / "nsexec").chmod(0o755)
    shutil.copy(program("chaos-daemon"), tools)
    for tool in ("iptables", "iptables-save"):  # as in the image that Chaos Mesh comes in
        (tools / tool).symlink_to(f"/usr/sbin/{tool.replace('iptables', 'iptables-legacy')}")
    node.install(
        "chaos-daemon", "unshare", "--mount", "--propagation=slave", "sh", "-euc", _START, "sh", tools,
        "chaos-daemon", "--runtime=containerd", "--runtime-socket-path=/run/containerd/containerd.sock",
        "--grpc-port", str(DAEMON_PORT), "--http-port", str(DAEMON_HTTP_PORT),
    )  # fmt: skip


def _slice(nodes: Any) -> Mapping[str, Any]:
    """Where the controllers find the daemons: the first slice of this name that has an endpoint on the node they mean."""
    ends = [{"addresses": [one.address], "nodeName": one.name, "conditions": {"ready": True}} for one in nodes]
    labels = {"kubernetes.io/service-name": "chaos-daemon"}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "endpoints": ends,
            "ports": [{"name": "grpc", "port": DAEMON_PORT, "protocol": "TCP"}],
            "metadata": {"name": "chaos-daemon-bed", "namespace": NAMESPACE, "labels": labels}}  # fmt: skip


def _webhooks(bed: Bed, folder: Path) -> Mapping[str, Any]:
    def hook(name: str, path: str, resource: str) -> Mapping[str, Any]:
        rule = {"apiGroups": ["chaos-mesh.org"], "apiVersions": ["v1alpha1"], "operations": ["CREATE", "UPDATE"],
                "resources": [resource]}  # fmt: skip
        client = {"url": f"https://{bed.plane.address}:{WEBHOOK_PORT}{path}", "caBundle": bundle}
        return {"name": name, "clientConfig": client, "rules": [rule], "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 5}  # fmt: skip

    def hooks(verb: str) -> Sequence[Mapping[str, Any]]:
        path = f"/{verb}-chaos-mesh-org-v1alpha1-"
        return [hook(f"{verb}.{kind}.kb.io", path + kind, PLURALS.get(kind, kind)) for kind in KINDS]

    def configuration(kind: str, name: str, of: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": name}, "webhooks": of}  # fmt: skip

    bundle = base64.b64encode((folder / "tls.crt").read_bytes()).decode()
    return {"apiVersion": "v1", "kind": "List", "items": [
        configuration("Mutating", "chaos-mesh-mutation", hooks("mutate")),
        configuration("Validating", "chaos-mesh-validation", hooks("validate")),
        configuration("Validating", "chaos-mesh-validation-auth", [hook("auth.kb.io", "/validate-auth", "*")]),
    ]}  # fmt: skip


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
