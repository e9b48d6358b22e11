"""Faults of pods: killed, or there and unable to run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from injectors import kubernetes_memory as memories
from injectors import kubernetes_return as returning
from injectors.chaos_mesh import ChaosMeshAddress
from injectors.chaos_mesh_kinds import HEALS, POD_CHAOS
from injectors.chaos_mesh_kinds import needs as needs_of_mesh
from injectors.injector import (
    Effect,
    Injection,
    InjectionFailed,
    Preview,
    Remembered,
    Residue,
    Stage,
    TargetName,
    Touch,
)
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import (
    ENDPOINTS,
    OWNERS,
    POD,
    READS,
    Cluster,
    Need,
    Object,
    Ref,
    each,
    reach,
)
from injectors.kubernetes_marks import Held, Owner, exempt_namespaces, is_exempt, refuse
from injectors.kubernetes_memory import Memory, act, changed, named
from injectors.kubernetes_targets import ALL, ONE, Take, choose, owner_of, pods, running, workload

NO_IMAGE = "chaos-drills.invalid/no-such-image"
"""Names below `.invalid` are never given to anybody (RFC 2606), so that nobody can be made to deliver this."""
_THROUGH: Mapping[str, tuple[Need, ...]] = {"chaos_mesh": (*needs_of_mesh(POD_CHAOS), Need(ENDPOINTS, ("list",)))}
_PAUSE_S = 0.25
_SPARE_S = 3.0

TakeHelp = Annotated[Take, "How many of them: one, a number, a share such as 50%, or all"]
SeedHelp = Annotated[int, "Another number is another choice among them"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodKill:
    """Pods are deleted, at once or with a grace; whoever owns them makes new ones. Healed when as many run as before.

    In effect: the very pods are gone, and no endpoint is left of them; with a grace, when they are told to end.
    """

    name: ClassVar[str] = "pod_kill"
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    engines: ClassVar[tuple[type, ...]] = (ChaosMeshAddress,)
    needs_through: ClassVar[Mapping[str, tuple[Need, ...]]] = _THROUGH
    heals: ClassVar[tuple[Need, ...]] = HEALS
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, *OWNERS, Need(POD, ("get", "list", "delete")), Need(ENDPOINTS, ("list",)),
    )  # fmt: skip

    target: Annotated[TargetName, "Whose pods"]
    take: TakeHelp = ONE
    seed: SeedHelp = 0
    grace: Annotated[timedelta, "How long they may take to end; 0s: they are killed at once"] = timedelta(0)

    def __post_init__(self) -> None:
        if self.grace < timedelta(0) or self.grace % timedelta(seconds=1):
            raise ValueError("grace", "a grace is told in whole seconds", "write it as 0s or 10s")

    async def preview(self, address: KubernetesAddress | ChaosMeshAddress) -> Preview:
        """Look at which pods it would be now."""
        if isinstance(address, ChaosMeshAddress):
            from injectors import chaos_mesh_deaths as mesh

            return await mesh.preview(mesh.killed(self, address), address)
        async with reach(address) as cluster:
            chosen = await chosen_pods(cluster, address, self.take, self.seed)
            grace = f" with a grace of {self.grace.total_seconds():g} s" if self.grace else " at once"
            return _preview(cluster, address, chosen, f"killed{grace}", "its owner makes another one of each")

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, delete, or have Chaos Mesh do it."""
        if isinstance(injection.address, ChaosMeshAddress):
            from injectors import chaos_mesh_deaths as mesh

            return await mesh.taken(mesh.killed(self, injection.address), injection, stage)
        async with reach(injection.address) as cluster:
            chosen = _some(await chosen_pods(cluster, injection.address, self.take, self.seed), injection.address)
            victims = [Ref.of(POD, one) for one in chosen]
            memory = Memory.of(cluster, Owner(injection.id, self.name))
            owners = await returning.owners_of(cluster, chosen)
            stage.remember({**memory.to_data(), "pods": [list(one) for one in victims], "owners": owners,
                            "grace_s": int(self.grace.total_seconds())})  # fmt: skip

            async def kill(pod: Ref) -> None:
                await act(stage, f"delete {pod}", self._delete, cluster, pod)

            await each(victims, kill, stop=True)
        return None

    async def _delete(self, cluster: Cluster, pod: Ref) -> None:
        await cluster.delete(pod, grace_s=int(self.grace.total_seconds()))

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Wait until there are as many pods as there were, and as many of them run; or as many as are wanted now."""
        if _is_by_mesh(remembered):
            from injectors import chaos_mesh_healing

            await chaos_mesh_healing.take_away(remembered, stage)
        stage.remember({"healing": True})
        async with reach(remembered.data["cluster"]) as cluster:
            await returning.wait(cluster, remembered.data.get("owners") or (), stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look for the very pods and their endpoints; when healing, for those that take their place."""
        data = remembered.data
        if _is_by_mesh(remembered):
            from injectors import chaos_mesh_pods as mesh

            said = await mesh.said(remembered)
            if said.present is None or "pods" not in data or ("healing" in data and said.present):
                return said
        victims = [Ref(*one) for one in data["pods"]]
        try:
            async with reach(data["cluster"]) as cluster:
                if "healing" in data:
                    missing = await returning.missing(cluster, data["owners"])
                    return Effect(bool(missing), missing or "as many pods as before")
                alive = [one for one in victims if await _is_alive(cluster, one, graceful=data["grace_s"] > 0)]
                served = await _endpoints(cluster, victims)
        except InjectionFailed as error:
            return Effect(None, str(error))
        if alive:
            return Effect(False, f"{named(alive)} not gone")
        if served:
            return Effect(False, f"{named(served)} still among the endpoints")
        return Effect(True, f"{named(victims)} gone")


def _is_by_mesh(remembered: Remembered) -> bool:
    """Whether it was Chaos Mesh that did it."""
    return any(one["ref"][0] == POD_CHAOS.name for one in remembered.data.get("held") or ())


async def _is_alive(cluster: Cluster, pod: Ref, *, graceful: bool) -> bool:
    there = await cluster.get(pod.path)
    if there is None or there["metadata"]["uid"] != pod.uid:
        return False
    return not (graceful and there["metadata"].get("deletionTimestamp"))


async def _endpoints(cluster: Cluster, of: Sequence[Ref]) -> list[Ref]:
    """Those of these pods that are still called."""
    uids: set[str] = set()
    for namespace in {one.namespace for one in of}:
        for slice_ in await cluster.list(ENDPOINTS.path(namespace)):
            uids |= {
                str((end.get("targetRef") or {}).get("uid"))
                for end in slice_.get("endpoints") or ()
                if (end.get("conditions") or {}).get("ready") is not False
            }
    return [one for one in of if one.uid in uids]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFailure:
    """Pods are there and cannot run: their containers end, and are to be started from an image that does not exist.

    Where all pods of a target are taken, those that are born meanwhile are taken too. In effect: none of the containers
    runs, and no endpoint is left of the pods. A container that ignores the request to end runs on for its grace period.
    """

    name: ClassVar[str] = "pod_failure"
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    engines: ClassVar[tuple[type, ...]] = (ChaosMeshAddress,)
    needs_through: ClassVar[Mapping[str, tuple[Need, ...]]] = _THROUGH
    heals: ClassVar[tuple[Need, ...]] = HEALS
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, *OWNERS, Need(POD, ("get", "list", "patch")), Need(ENDPOINTS, ("list",)),
    )  # fmt: skip

    target: Annotated[TargetName, "Whose pods"]
    take: TakeHelp = ONE
    seed: SeedHelp = 0
    containers: Annotated[tuple[str, ...], "Which of their containers; left out, all"] = ()

    async def preview(self, address: KubernetesAddress | ChaosMeshAddress) -> Preview:
        """Look at which pods it would be now."""
        if isinstance(address, ChaosMeshAddress):
            from injectors import chaos_mesh_deaths as mesh

            return await mesh.preview(mesh.failing(self, address), address)
        async with reach(address) as cluster:
            chosen = await chosen_pods(cluster, address, self.take, self.seed)
            for one in chosen:
                self._held(one)
            return _preview(cluster, address, chosen, "unable to run", "the images are put back")

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, change the images, and wait a while for the containers to end; or have Chaos Mesh do it."""
        if isinstance(injection.address, ChaosMeshAddress):
            from injectors import chaos_mesh_deaths as mesh

            return await mesh.taken(mesh.failing(self, injection.address), injection, stage)
        address: KubernetesAddress = injection.address
        async with reach(address) as cluster:
            chosen = _some(await chosen_pods(cluster, address, self.take, self.seed), address)
            memory = Memory.of(cluster, Owner(injection.id, self.name), [self._held(one) for one in chosen])
            ran = [Ref.of(POD, one).path for one in chosen if running(one, self.containers)]
            follow = {**asdict(address), "protected": list(address.protected), "power_off": [], "power_on": []}
            stage.remember({**memory.to_data(), "ran": ran, "containers": list(self.containers),
                            "follow": follow if self.take == ALL else None})  # fmt: skip
            await memory.bring_about(cluster, stage)
            while stage.remaining_s() > _SPARE_S and await _running(cluster, memory.held, self.containers, gone=False):
                await stage.sleep(_PAUSE_S)
        return None

    def _held(self, pod: Object) -> Held:
        """Its images changed. Raises InjectionFailed for one that could not be put back."""
        ref, spec = Ref.of(POD, pod), pod["spec"]
        names = [str(one["name"]) for one in spec["containers"]]
        if lacking := [one for one in self.containers if one not in names]:
            raise InjectionFailed(f"{ref} has no container {lacking[0]}; it has {', '.join(names)}")
        if spec.get("restartPolicy") == "Never":
            raise InjectionFailed(f"{ref} is never started again once it has ended")
        return changed(ref, pod, {f"/spec/containers/name={one}/image": NO_IMAGE for one in self.containers or names})

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Put the images back, and wait until the nodes have started the containers again.

        One that has ended several times within ten minutes is kept waiting by its node: 10 s, 20 s, up to five minutes.
        """
        if _is_by_mesh(remembered):
            from injectors import chaos_mesh_containers, chaos_mesh_healing

            await chaos_mesh_healing.take_away(remembered, stage)
            return await chaos_mesh_containers.wait(remembered.data, stage)
        memory, data = Memory.from_data(remembered.data), remembered.data
        async with reach(memory.cluster) as cluster:
            await memory.take_away(cluster, stage)
            ran: set[str] = set(data.get("ran") or ())
            while late := _late(
                memory, ran, await _running(cluster, memory.held, data.get("containers") or (), gone=True)
            ):
                if stage.remaining_s() < _SPARE_S:
                    raise InjectionFailed(f"{named(late)} not running again")
                await stage.sleep(_PAUSE_S)
        return None

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the pods, whether their containers run, and at their endpoints."""
        if _is_by_mesh(remembered):
            from injectors import chaos_mesh_containers
            from injectors import chaos_mesh_pods as mesh

            return await chaos_mesh_containers.judged(await mesh.said(remembered), remembered, by="image")
        memory, data = Memory.from_data(remembered.data), remembered.data
        try:
            async with reach(memory.cluster) as cluster:
                effect = await memory.effect(cluster, "unable to run")
                if effect.present is not memory.healing:
                    runs = await _running(cluster, memory.held, data.get("containers") or (), gone=memory.healing)
                    served = await _endpoints(cluster, [one.ref for one in memory.held])
                    return _judged(effect, memory, set(data.get("ran") or ()), runs, served)
        except InjectionFailed as error:
            return Effect(None, str(error))
        return effect

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the marks; of a target that is taken whole, take those that were born since."""
        if _is_by_mesh(remembered):
            from injectors import chaos_mesh_faults as mesh

            return await mesh.renewed(remembered, stage)
        lasts_s = await memories.keep(remembered, stage, may_vanish=bool(remembered.data.get("follow")))
        if remembered.data.get("follow"):
            memory = Memory.from_data(remembered.data)
            async with reach(memory.cluster) as cluster:
                await cls._follow(cluster, memory, remembered.data, stage)
        return lasts_s

    @classmethod
    async def _follow(cls, cluster: Cluster, memory: Memory, data: Mapping[str, Any], stage: Stage) -> None:
        told: dict[str, Any] = {
            key: tuple(one) if isinstance(one, list) else one for key, one in data["follow"].items()
        }
        address, known = KubernetesAddress(**told), {one.ref.uid for one in memory.held}
        fresh = [one for one in await pods(cluster, address) if one["metadata"]["uid"] not in known]
        exempt = await exempt_namespaces(cluster, address) if fresh else set()
        fresh = [one for one in fresh if not is_exempt(one) and one["metadata"]["namespace"] not in exempt]
        if not fresh:
            return
        injector = cls(target=TargetName(""), containers=tuple(data["containers"]))
        born = [injector._held(one) for one in fresh]
        stage.remember({"held": [one.to_data() for one in (*memory.held, *born)]})
        await memory.bring_about(cluster, stage, born)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress | ChaosMeshAddress]]) -> list[Residue]:
        """Pods that bear a mark of this fault, and resources of Chaos Mesh that do."""
        own = [(name, one) for name, one in targets if isinstance(one, KubernetesAddress) and not one.of_nodes]
        found = await memories.residue(cls.name, [POD], own, cls.version)
        meshed = [(name, one) for name, one in targets if isinstance(one, ChaosMeshAddress)]
        if meshed:
            from injectors import chaos_mesh_faults as mesh

            found += await mesh.residue(cls.name, [POD_CHAOS], meshed, cls.version)
        return found


def _judged(effect: Effect, memory: Memory, ran: set[str], runs: Sequence[Ref], served: Sequence[Ref]) -> Effect:
    """With the images as they should be, what the containers do and who is called decides."""
    if not memory.healing:
        wrong = f"{named(runs)} still running" if runs else f"{named(served)} still called" if served else ""
        return Effect(False, wrong) if wrong else effect
    late = _late(memory, ran, runs)
    return Effect(True, f"{named(late)} not running again") if late else effect


def _late(memory: Memory, ran: set[str], runs: Sequence[Ref]) -> list[Ref]:
    """Those that ran before and do not run now."""
    now = {one.path for one in runs}
    return [one.ref for one in memory.held if one.ref.path in ran - now]


async def _running(cluster: Cluster, held: Sequence[Held], containers: Sequence[str], *, gone: bool) -> list[Ref]:
    """Those of these very pods of which such a container runs; `gone` says whether those count that are not there."""
    found: list[Ref] = []

    async def look(one: Held) -> None:
        there = await cluster.get(one.ref.path)
        is_gone = there is None or there["metadata"]["uid"] != one.ref.uid
        if gone if is_gone else running(there or {}, containers):
            found.append(one.ref)

    await each(held, look)
    return found


# --- which pods


async def chosen_pods(cluster: Cluster, address: KubernetesAddress, take: Take, seed: int) -> list[Object]:
    """Those of the address's pods that a fault takes. Raises InjectionFailed for one that must not be touched."""
    if address.workload and (owner := await workload(cluster, address)) and is_exempt(owner):
        raise InjectionFailed(f"{address.shown} is exempt from drills")
    chosen = choose(await pods(cluster, address), take, seed)
    refuse(POD, chosen, await exempt_namespaces(cluster, address))
    for one in chosen:
        if not owner_of(one):
            raise InjectionFailed(f"{Ref.of(POD, one)} belongs to nobody who would make it again once it is gone")
    return chosen


def _some(chosen: list[Object], address: KubernetesAddress) -> list[Object]:
    if not chosen:
        raise InjectionFailed(_missing(address))
    return chosen


def _missing(address: KubernetesAddress) -> str:
    return f"no pod of {address.shown} is there"


def _preview(cluster: Cluster, address: KubernetesAddress, chosen: Sequence[Object], does: str, undo: str) -> Preview:
    found = [Ref.of(POD, one) for one in chosen]
    touches = tuple(Touch(what=str(one), key=one.key(cluster.uid)) for one in found)
    count = f"{len(found)} pod{'' if len(found) == 1 else 's'}"
    return Preview(touches=touches, does=f"{count} {does}", undo=undo, missing=_missing(address))
