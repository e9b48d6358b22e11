"""The custom resources of Chaos Mesh that we make or look at, and what one must be allowed to do to make them."""

from injectors.kubernetes_api import KINDS, NODE, OWNERS, POD, READS, Kind, Need

_GROUP, _VERSION = "chaos-mesh.org", "v1alpha1"


def _kind(proper: str) -> Kind:
    """One and many of these are called the same."""
    return Kind(proper.lower(), proper.lower(), _GROUP, version=_VERSION, proper=proper)


NETWORK_CHAOS = _kind("NetworkChaos")
POD_CHAOS = _kind("PodChaos")
IO_CHAOS = _kind("IOChaos")
STRESS_CHAOS = _kind("StressChaos")
TIME_CHAOS = _kind("TimeChaos")
DNS_CHAOS = _kind("DNSChaos")
POD_NETWORK_CHAOS = _kind("PodNetworkChaos")
"""What all network chaos together does to one pod, whose name it has; made by the controllers, never by us."""
POD_IO_CHAOS = _kind("PodIOChaos")
"""The same of all chaos of its files."""
KINDS.update({one.name: one for one in (NETWORK_CHAOS, POD_CHAOS, IO_CHAOS, STRESS_CHAOS, TIME_CHAOS, DNS_CHAOS,
                                        POD_NETWORK_CHAOS, POD_IO_CHAOS)})  # fmt: skip


def needs(kind: Kind) -> tuple[Need, ...]:
    """For faults that are made of this kind. Its webhook asks besides whether one may make it where the pods are."""
    ours = Need(kind, ("get", "list", "create", "patch", "delete"))
    gathered = {NETWORK_CHAOS: (POD_NETWORK_CHAOS,), IO_CHAOS: (POD_IO_CHAOS,)}.get(kind, ())
    pods = (Need(one, ("get", "list", "patch")) for one in gathered)
    return (*READS, Need(POD, ("get", "list")), *OWNERS, ours, *pods)


NEEDS_OF_LINKS = needs(NETWORK_CHAOS)
HEALS = (Need(NODE, ("get",)), Need(POD, ("get",)))
"""To say of a fault that stays where it does, and why."""
PING = (Need(POD, ("get", "create"), "exec"),)
"""To run a command in a pod, which is asked for by GET and counts as creating."""
