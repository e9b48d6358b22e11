"""What every fault of pods by Chaos Mesh has in common, and the one that kills their containers.

Each is one custom resource; how it is made, followed and taken away is in `chaos_mesh_faults` and `chaos_mesh_healing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from injectors import chaos_mesh_containers as containers
from injectors import kubernetes_return as returning
from injectors.chaos_mesh import ChaosMeshAddress
from injectors.chaos_mesh_kinds import HEALS, POD_CHAOS, needs
from injectors.chaos_mesh_records import Whom, Wish
from injectors.injector import (
    Effect,
    Injection,
    InjectionFailed,
    Preview,
    Remembered,
    Residue,
    Stage,
    TargetName,
)
from injectors.kubernetes_api import POD, Cluster, Kind, Need, Object, Ref
from injectors.kubernetes_targets import ALL, ONE, Take, choose

_PAUSE_S, _SPARE_S = 0.25, 3.0
_UNSEEN = "; what that does to them, only what they do shows"
TakeHelp = Annotated[
    Take, "How many of them: one, a number, a share such as 50%, or all and those that are born meanwhile"
]
SeedHelp = Annotated[int, "Another number is another choice among them"]
ContainersHelp = Annotated[tuple[str, ...], "Which of their containers; left out, the first"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodsFault:
    """A fault of pods. Each says what Chaos Mesh is asked for, and in words what that does."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    address: ClassVar[type] = ChaosMeshAddress
    heals: ClassVar[tuple[Need, ...]] = HEALS
    kind: ClassVar[Kind]
    lasts: ClassVar[bool] = True

    target: Annotated[TargetName, "Whose pods"]
    take: TakeHelp = ALL
    seed: SeedHelp = 0
    containers: ContainersHelp = ()

    def spec(self) -> Mapping[str, Any]:
        """What is asked for; whom it befalls, and for how long, is said beside it."""
        raise NotImplementedError

    def does(self) -> str:
        """As a clause; of which pods is said after it."""
        raise NotImplementedError

    async def notes(self, cluster: Cluster, whom: Whom) -> Mapping[str, Any]:
        """Raise InjectionFailed for pods that have no such container."""
        for pod in whom.pods:
            names = [str(one["name"]) for one in pod["spec"]["containers"]]
            if lacking := [one for one in self.containers if one not in names]:
                raise InjectionFailed(f"{Ref.of(POD, pod)} has no container {lacking[0]}; it has {', '.join(names)}")
        return {}

    async def shown(self, cluster: Cluster, noted: Mapping[str, Any], stage: Stage) -> None:
        """Wait until it can be seen; nothing where nobody could."""

    async def preview(self, address: ChaosMeshAddress) -> Preview:
        """Look at which pods it would be now, and have the server try it out."""
        from injectors import chaos_mesh_faults as mesh

        return await mesh.preview(self._asked(address), address)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, make the resource, and wait for the controllers."""
        from injectors import chaos_mesh_faults as mesh

        await mesh.taken(self._asked(injection.address), injection, stage)

    def _asked(self, address: ChaosMeshAddress) -> Any:
        from injectors.chaos_mesh_faults import Fault

        if address.is_link:
            raise InjectionFailed(
                f"{self.name} is a fault of pods, and {address.shown} is a link; name the pods themselves"
            )
        named = {"containerNames": list(self.containers)} if self.containers else {}
        some = None if self.take == ALL and self.lasts else self._chosen
        return Fault(self.name, Wish(self.kind, {**self.spec(), **named}, self.lasts),
                     f"{self.does()} in {self._many} of {address.shown}",
                     choose=some, notes=self.notes, shown=self.shown)  # fmt: skip

    def _chosen(self, found: Sequence[Object]) -> Sequence[Object]:
        return choose(found, self.take, self.seed)

    @property
    def _many(self) -> str:
        return "one pod" if self.take == ONE else f"{self.take} pods"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Delete the resource, and wait until Chaos Mesh has taken it away."""
        from injectors import chaos_mesh_healing as healing

        await healing.take_away(remembered, stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """What the controllers say of each pod that is still there."""
        effect = await said(remembered)
        return Effect(effect.present, effect.why + _UNSEEN) if effect.present and not is_healing(remembered) else effect

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the mark, and have it befall pods that were born meanwhile, where it takes all."""
        from injectors import chaos_mesh_faults as mesh

        return await mesh.renewed(remembered, stage)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, ChaosMeshAddress]]) -> list[Residue]:
        """Resources that bear a mark of this fault."""
        from injectors import chaos_mesh_faults as mesh

        return await mesh.residue(cls.name, [cls.kind], targets, cls.version)


async def said(remembered: Remembered) -> Effect:
    """What the controllers say."""
    from injectors import chaos_mesh_faults as mesh
    from injectors import chaos_mesh_healing as healing

    return await mesh.look(remembered, healing.gone)


def is_healing(remembered: Remembered) -> bool:
    """Whether it is to be gone."""
    return "healing" in remembered.data


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerKill(PodsFault):
    """Containers are killed, and their node starts them again. Healed when they run again.

    In effect: the very containers run no more. Who is killed often is kept waiting by its node, longer each time.
    """

    name: ClassVar[str] = "container_kill"
    kind: ClassVar[Kind] = POD_CHAOS
    lasts: ClassVar[bool] = False
    needs: ClassVar[tuple[Need, ...]] = needs(POD_CHAOS)

    take: TakeHelp = ONE
    containers: Annotated[tuple[str, ...], "Which of their containers; Chaos Mesh wants them named"] = ()

    def __post_init__(self) -> None:
        if not self.containers:
            raise ValueError("containers", "nothing says which container is killed", "name one, as [web]")

    def spec(self) -> Mapping[str, Any]:
        """Done once."""
        return {"action": "container-kill"}

    def does(self) -> str:
        """By name."""
        return f"{' and '.join(self.containers)} killed"

    async def notes(self, cluster: Cluster, whom: Whom) -> Mapping[str, Any]:
        """Which containers they are."""
        await PodsFault.notes(self, cluster, whom)
        known = {}
        for pod in whom.pods:
            if pod["spec"].get("restartPolicy") == "Never":
                raise InjectionFailed(f"{Ref.of(POD, pod)} is never started again once it has ended")
            known[Ref.of(POD, pod).path] = containers.known(pod, self.containers)
        return {"known": known, "owners": await returning.owners_of(cluster, whom.pods)}

    async def shown(self, cluster: Cluster, noted: Mapping[str, Any], stage: Stage) -> None:
        """Until they have ended."""
        await containers.until_hurt(cluster, noted, stage, "id")

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Delete the resource, and wait until the containers run again."""
        from injectors import chaos_mesh_healing as healing

        await healing.take_away(remembered, stage)
        await containers.wait(remembered.data, stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the containers, whatever the controllers say."""
        return await containers.judged(await said(remembered), remembered, by="id")
