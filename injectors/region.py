"""A region: what goes down together when it does, through whichever engines; and its outage, which is all of that at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from injectors.injector import Part, TargetName

ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """What belongs to a region, besides its machines in Kubernetes: those stand beside it, as `kubernetes`."""

    name: ClassVar[str] = "region"

    zones: Annotated[
        tuple[str, ...], "Its zones, by the label that their nodes bear; left out, its nodes bear its own name"
    ] = ()
    links: Annotated[tuple[str, ...], "Links of the inventory that lead into it or out of it"] = ()
    processes: Annotated[tuple[str, ...], "Targets of the inventory whose processes run in it"] = ()

    def __post_init__(self) -> None:
        for key in ("zones", "links", "processes"):
            names = getattr(self, key)
            if len(set(names)) < len(names):
                twice = next(one for one in names if names.count(one) > 1)
                raise ValueError(key, f"{twice} is named twice", "name each once")

    def implied(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """What is meant by an address of this region that does not say which part of its engine is the region's."""
        nodes = f"{ZONE} in ({', '.join(self.zones)})" if self.zones else f"{REGION}={name}"
        return {"kubernetes": {"nodes": nodes}}

    def zone(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """The same of one of its zones."""
        return {"kubernetes": {"nodes": f"{ZONE}={name}"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionOutage:
    """A whole region is lost at once: its nodes with all that runs on them, its links, and its processes elsewhere."""

    name: ClassVar[str] = "region_outage"
    address: ClassVar[type] = Region
    sides: ClassVar[tuple[str, ...]] = ("compute", "network", "capacity", "control-plane view")

    target: Annotated[TargetName, "Which region, by its name under `regions`"]

    def expand(self, addresses: Mapping[str, Any]) -> tuple[Part, ...]:
        """Its nodes first, since they take longest."""
        from injectors.kubernetes_outage import ZoneOutage
        from injectors.link import Partition
        from injectors.process import Kill

        region: Region = addresses[Region.name]
        nodes = [ZoneOutage(target=self.target)] if "kubernetes" in addresses else []
        return (
            *(Part(injector=one) for one in nodes),
            *(Part(injector=Partition(link=TargetName(one)), side="network") for one in region.links),
            *(
                Part(injector=Kill(target=TargetName(one), with_children=True), side="compute")
                for one in region.processes
            ),
        )
