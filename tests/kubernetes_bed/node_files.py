"""What is written for a node before it is switched on: its first process and the settings of its programs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kubernetes_bed.control_plane import PROXY
from tests.kubernetes_bed.images import PAUSE
from tests.kubernetes_bed.programs import CNI_PLUGINS, folder_of, program

if TYPE_CHECKING:
    from tests.kubernetes_bed.node import Node

DNS = "10.96.0.10"
"""Where pods look names up."""
MEMORY_MIB, CORES = 1536, 1
"""What of the machine a node has for its pods, as the scheduler sees it."""

FIRST_PROCESS = """
set -eu
mount --make-rshared /
# The machine's files are there to read; a node writes to its own folder alone.
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/containerd
mount --bind "$1/disk/lib" /var/lib
mount --bind "$1/disk/log" /var/log
echo "$3" > /run/machine-id
if [ -e /etc/machine-id ]; then mount --bind /run/machine-id /etc/machine-id; fi
cat /proc/sys/kernel/random/uuid > /run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
echo 1 > /proc/sys/net/ipv4/ip_forward
hostname "$2"
exec "$4"
"""
"""Given the node's folder, name and machine id, and the program that stays."""


def write_settings(node: "Node") -> None:
    """All of them; what is there already is written again, the disk is left alone."""
    for part in ("disk/lib/kubelet", "disk/lib/containerd", "disk/log/pods", "disk/log/containers", "cni"):
        (node.folder / part).mkdir(parents=True, exist_ok=True)
    plugins = node.folder.parent / "cni-plugins"
    if not plugins.exists():
        folder_of(CNI_PLUGINS, plugins)
    for name, text in _settings(node, plugins).items():
        (node.folder / name).write_text(text)


def _settings(node: "Node", plugins: Path) -> Mapping[str, str]:
    proxy = node.plane.kubeconfig_for("kube-proxy", PROXY)
    return {
        "containerd.toml": _containerd(node.folder / "cni", plugins),
        "cni/10-bed.conflist": _cni(node.network.pods_of(node.index)),
        "kubelet.yaml": _kubelet(node),
        "kube-proxy.yaml": _kube_proxy(node, proxy),
        "resolv.conf": f"nameserver {node.network.gateway}\n",
    }


def _containerd(settings: Path, plugins: Path) -> str:
    # restrict_oom_score_adj: where the tests themselves may not lower it, runc fails without saying so.
    return f"""version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = "{program("containerd-shim-runc-v2")}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{program("runc")}"
SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "{settings}"
"""


def _cni(pods: str) -> str:
    return f"""{{"cniVersion": "1.0.0", "name": "bed", "plugins": [
  {{"type": "ptp", "ipMasq": false, "mtu": 1500,
    "ipam": {{"type": "host-local", "dataDir": "/run/cni-addresses",
              "ranges": [[{{"subnet": "{pods}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
]}}
"""


def _kubelet(node: "Node") -> str:
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    reserved = {"memory": f"{max(memory_mib - MEMORY_MIB, 0)}Mi", "cpu": str(max((os.cpu_count() or 1) - CORES, 0))}
    return f"""apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
cgroupRoot: /{node.cgroup}
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: {node.folder / "resolv.conf"}
clusterDNS: [{DNS}]
clusterDomain: cluster.local
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
podLogsDir: /var/log/pods
volumePluginDir: /var/lib/kubelet/volume-plugins
nodeStatusUpdateFrequency: 2s
nodeLeaseDurationSeconds: 4
imageGCHighThresholdPercent: 100
evictionHard: {{memory.available: 50Mi}}
systemReserved: {{memory: {reserved["memory"]}, cpu: "{reserved["cpu"]}"}}
serializeImagePulls: false
runtimeRequestTimeout: 20s
syncFrequency: 10s
providerID: bed://{node.name}
"""


def _kube_proxy(node: "Node", kubeconfig: Path) -> str:
    return f"""apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {{kubeconfig: {kubeconfig}}}
clusterCIDR: {node.network.pods}
hostnameOverride: {node.name}
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
nftables: {{minSyncPeriod: 100ms}}
healthzBindAddress: 0.0.0.0:10256
metricsBindAddress: 127.0.0.1:10249
"""
