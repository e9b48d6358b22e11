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
}
"""As a fault is called in a drill."""

ADDRESSES: Mapping[str, str] = {
    "process": "injectors.process:ProcessAddress",
    "toxiproxy": "injectors.toxiproxy:ToxiproxyLink",
}
"""As an inventory calls the engines by which injectors reach a target."""
