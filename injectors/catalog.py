"""The list of the injectors that come with the product: where each is. Nothing of it is loaded until it is used."""

from collections.abc import Mapping

INJECTORS: Mapping[str, str] = {
    "kill": "injectors.process:Kill",
    "pause": "injectors.process:Pause",
    "restart": "injectors.process:Restart",
    "latency": "injectors.link:Latency",
    "bandwidth": "injectors.link:Bandwidth",
    "timeout": "injectors.link:Timeout",
    "reset": "injectors.link:Reset",
    "slow_close": "injectors.link:SlowClose",
    "slice": "injectors.link:Slice",
    "limit_data": "injectors.link:LimitData",
    "down": "injectors.link:Down",
    "packet_loss": "injectors.link:PacketLoss",
    "partition": "injectors.link:Partition",
    "connect_timeout": "injectors.link:ConnectTimeout",
    "duplicate": "injectors.link:Duplicate",
    "reorder": "injectors.link:Reorder",
    "corrupt": "injectors.link:Corrupt",
    "throw": "injectors.switch:Throw",
    "pod_kill": "injectors.kubernetes_pods:PodKill",
    "pod_failure": "injectors.kubernetes_pods:PodFailure",
    "scale": "injectors.kubernetes_workloads:Scale",
    "bad_image": "injectors.kubernetes_workloads:BadImage",
    "cordon": "injectors.kubernetes_nodes:Cordon",
    "taint": "injectors.kubernetes_nodes:Taint",
    "drain": "injectors.kubernetes_nodes:Drain",
    "node_kill": "injectors.kubernetes_nodes:NodeKill",
    "isolate": "injectors.kubernetes_isolate:Isolate",
    "zone_outage": "injectors.kubernetes_outage:ZoneOutage",
    "container_kill": "injectors.chaos_mesh_pods:ContainerKill",
    "io_latency": "injectors.chaos_mesh_inside:IoLatency",
    "io_fault": "injectors.chaos_mesh_inside:IoFault",
    "stress": "injectors.chaos_mesh_inside:Stress",
    "clock_skew": "injectors.chaos_mesh_inside:ClockSkew",
    "dns_error": "injectors.chaos_mesh_inside:DnsError",
    "litmus": "injectors.litmus:Litmus",
}
"""As a fault is called in a drill."""

BUNDLES: Mapping[str, str] = {
    "region_outage": "injectors.region:RegionOutage",
}
"""Faults that are several injections at once."""

ADDRESSES: Mapping[str, str] = {
    "process": "injectors.process:ProcessAddress",
    "toxiproxy": "injectors.toxiproxy:ToxiproxyLink",
    "switch": "injectors.switch:SwitchAddress",
    "kubernetes": "injectors.kubernetes:KubernetesAddress",
    "region": "injectors.region:Region",
    "chaos_mesh": "injectors.chaos_mesh:ChaosMeshAddress",
}
"""As an inventory calls the engines by which injectors reach a target."""
