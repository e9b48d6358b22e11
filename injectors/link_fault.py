"""What every fault of a link has in common. How it is planned and brought about is in `link_planning` and `link_memory`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from injectors.chaos_mesh import ChaosMeshAddress
from injectors.injector import Effect, Injection, Preview, Remembered, Residue, Stage, TargetName
from injectors.toxiproxy import ToxiproxyLink, Transport

if TYPE_CHECKING:
    from injectors.kubernetes_api import Need
    from injectors.toxiproxy_server import Abilities, Stream

Direction = Literal["downstream", "upstream", "both"]
Sign = Literal["slower", "silent", "reset", "refused", "hangs", "cut"]
"""How an effect shows: late answers, none, a reset, nobody listening, connecting that hangs, either that or no answer."""
Wish = tuple[str, Mapping[str, int | float]]
"""The type and the attributes of a toxic."""


class _InCluster:
    """What must be allowed in a cluster, found when it is asked for: a link through a proxy is to know nothing of clusters."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, fault: object, kind: type) -> "tuple[Need, ...]":
        from injectors import chaos_mesh_kinds

        found: tuple[Need, ...] = getattr(chaos_mesh_kinds, self._name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFault:
    """A fault of a link that goes through Toxiproxy. Each fault says what toxic it is made of, and how its effect shows.

    Those that Chaos Mesh can bring about too have it among their `engines`; what it is asked for is in `chaos_mesh_link`.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    address: ClassVar[type] = ToxiproxyLink
    engines: ClassVar[tuple[type, ...]] = ()
    needs = _InCluster("NEEDS_OF_LINKS")  # without a type, else `dataclass` would ask for them at once
    heals = _InCluster("HEALS")
    carries: ClassVar[frozenset[Transport]] = frozenset({"tcp"})
    """What links must carry to have this fault."""
    types: ClassVar[frozenset[str]]
    """Toxics that are looked for as what this fault has left."""
    undo: ClassVar[str] = ""
    """What healing does, where there is more to say than that toxics are removed."""
    takes_down: ClassVar[bool] = False
    """Whether the proxy is disabled; the toxic is then a mark that it was us."""

    link: Annotated[TargetName, "The link to spoil"]

    @property
    def target(self) -> TargetName:
        """The link."""
        return self.link

    # --- what each fault says of itself

    def wish(self, able: "Abilities") -> Wish:
        """What it is made of at a server of these abilities; one for each direction."""
        raise NotImplementedError

    def says(self, able: "Abilities", transport: Transport) -> str:
        """What it does, as a clause; the direction and the share are said after it."""
        raise NotImplementedError

    def sign(self, able: "Abilities") -> Sign | str:
        """How its effect shows; or why it cannot be measured, as a clause."""
        raise NotImplementedError

    @property
    def slower_s(self) -> float:
        """By how much each direction is slower at least, where that is the effect."""
        return 0.0

    @property
    def streams(self) -> tuple["Stream", ...]:
        """The directions that are spoiled."""
        direction: Direction = getattr(self, "direction", "upstream")
        return ("upstream", "downstream") if direction == "both" else (direction,)

    @property
    def spoiled(self) -> float:
        """The share of the connections that are."""
        return float(getattr(self, "toxicity", 1.0))

    # --- what they all do

    async def preview(self, address: ToxiproxyLink | ChaosMeshAddress) -> Preview:
        """Look at the server and its proxy, or at the pods; of the run's own server, before it runs, there is nothing to be
        seen.
        """
        if isinstance(address, ChaosMeshAddress):
            from injectors import chaos_mesh_faults, chaos_mesh_link

            return await chaos_mesh_faults.preview(chaos_mesh_link.asked(self, address), address)
        from injectors import link_planning

        return await link_planning.preview(self, address)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, add each toxic, or have Chaos Mesh do it."""
        if isinstance(address := injection.address, ChaosMeshAddress):
            from injectors import chaos_mesh_faults, chaos_mesh_link

            return await chaos_mesh_faults.taken(chaos_mesh_link.asked(self, address), injection, stage)
        from injectors import link_planning

        memory = await link_planning.intend(self, injection)
        stage.remember(memory.to_data())
        return await memory.bring_about(stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Remove our toxics, and enable the proxy if our mark says that we took it down; as far as they are there."""
        if _in_cluster(remembered):
            from injectors import chaos_mesh_healing

            return await chaos_mesh_healing.take_away(remembered, stage)
        from injectors.link_memory import Memory

        stage.remember({"healing": True})
        return await Memory.from_data(remembered.data).take_away(stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look for what was asked for, and measure what can be measured."""
        if _in_cluster(remembered):
            from injectors import chaos_mesh_faults, chaos_mesh_healing

            return await chaos_mesh_faults.look(remembered, chaos_mesh_healing.gone)
        from injectors.link_memory import Memory

        return await Memory.from_data(remembered.data).effect()

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the leases of our toxics, and of a proxy that is down; in a cluster, follow the pods."""
        if _in_cluster(remembered):
            from injectors import chaos_mesh_faults

            return await chaos_mesh_faults.renewed(remembered, stage)
        from injectors.link_memory import Memory

        return await Memory.from_data(remembered.data).renew(stage)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, ToxiproxyLink | ChaosMeshAddress]]) -> list[Residue]:
        """Toxics of this fault's types that bear a name of ours, and resources that bear our mark, whenever they were left."""
        from injectors import link_planning

        by_proxy = [(name, one) for name, one in targets if isinstance(one, ToxiproxyLink)]
        found = [one for name, address in by_proxy for one in await link_planning.left(cls, name, address)]
        in_cluster = [(name, one) for name, one in targets if isinstance(one, ChaosMeshAddress)]
        if in_cluster:
            from injectors import chaos_mesh_faults
            from injectors.chaos_mesh_kinds import NETWORK_CHAOS

            found += await chaos_mesh_faults.residue(cls.name, [NETWORK_CHAOS], in_cluster, cls.version)
        return found


def _in_cluster(remembered: Remembered) -> bool:
    """Whether it was brought about there, and not by Toxiproxy."""
    return "cluster" in remembered.data
