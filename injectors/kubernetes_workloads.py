"""Faults of workloads: fewer replicas than were wanted, or a rollout of an image that does not exist."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from injectors import kubernetes_memory as memories
from injectors import kubernetes_return as returning
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
    DAEMONSET,
    DEPLOYMENT,
    KINDS,
    POD,
    READS,
    REPLICASET,
    STATEFULSET,
    Cluster,
    Kind,
    Need,
    Object,
    Ref,
    each,
    reach,
)
from injectors.kubernetes_marks import Held, Owner, exempt_namespaces, refuse
from injectors.kubernetes_memory import Memory, act, changed, named
from injectors.kubernetes_pods import NO_IMAGE
from injectors.kubernetes_targets import is_ready, owned_pods, workload

_PAUSE_S = 0.25
_SPARE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadFault:
    """What every fault of a workload has in common: it is held by a mark, with what is changed of it."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    kinds: ClassVar[tuple[Kind, ...]]
    """Which workloads it can be brought to."""
    undo: ClassVar[str]

    target: Annotated[TargetName, "The workload"]

    # --- what each fault says of itself

    def places(self, found: Object, ref: Ref) -> Mapping[str, Any]:
        """What is changed of it. Raises InjectionFailed where that cannot be, or is so already."""
        raise NotImplementedError

    def says(self, held: Held) -> str:
        """What it does, as a clause."""
        raise NotImplementedError

    async def see_that_it_lasts(self, cluster: Cluster, ref: Ref) -> None:
        """Raise InjectionFailed where somebody would undo it at once."""

    # --- what they all do

    async def preview(self, address: KubernetesAddress) -> Preview:
        """Look at the workload."""
        async with reach(address) as cluster:
            held = await self._look(cluster, address)
            if held is None:
                return Preview(touches=(), does="", undo="", missing=_missing(address))
            touch = Touch(what=str(held.ref), key=held.ref.key(cluster.uid))
            return Preview(touches=(touch,), does=self.says(held), undo=self.undo)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, change it."""
        async with reach(injection.address) as cluster:
            held = await self._look(cluster, injection.address)
            found = await workload(cluster, injection.address)
            if held is None or found is None:
                raise InjectionFailed(_missing(injection.address))
            memory = Memory.of(cluster, Owner(injection.id, self.name), [held])
            owners = [await returning.standing(cluster, KINDS[held.ref.kind], found)]
            stage.remember({**memory.to_data(), "owners": owners})
            await memory.bring_about(cluster, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Put back what it was, unless somebody else has changed it since, and wait for its pods."""
        memory = Memory.from_data(remembered.data)
        async with reach(memory.cluster) as cluster:
            await memory.take_away(cluster, stage)
            await returning.wait(cluster, remembered.data.get("owners") or (), stage)

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the mark, and see that nobody else has taken the fault away."""
        return await memories.keep(remembered, stage)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """Workloads that bear a mark of this fault, and replica sets to which one was copied."""
        reached = [(name, address) for name, address in targets if not address.of_nodes]
        return await memories.residue(cls.name, [*cls.kinds, REPLICASET], reached, cls.version)

    async def _look(self, cluster: Cluster, address: KubernetesAddress) -> Held | None:
        found = await workload(cluster, address)
        kind = KINDS[address.workload or ""]
        if kind not in self.kinds:
            raise InjectionFailed(f"there is no {self.name} of a {kind.name}")
        if found is None:
            return None
        refuse(kind, [found], await exempt_namespaces(cluster, address))
        ref = Ref.of(kind, found)
        await self.see_that_it_lasts(cluster, ref)
        return changed(ref, found, self.places(found, ref))


def _missing(address: KubernetesAddress) -> str:
    return f"there is no {address.shown}"


_COPIES = Need(REPLICASET, ("get", "list", "patch"))
AUTOSCALER = Kind("horizontalpodautoscaler", "horizontalpodautoscalers", "autoscaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(WorkloadFault):
    """The workload has another number of replicas than was wanted.

    In effect: it has no more pods than that, or as many where it is to have more. Who scales by themselves may have their
    own will, and then the fault is over.
    """

    name: ClassVar[str] = "scale"
    kinds: ClassVar[tuple[Kind, ...]] = (DEPLOYMENT, STATEFULSET)
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, *(Need(kind, ("get", "list", "patch")) for kind in (DEPLOYMENT, STATEFULSET)), _COPIES,
        Need(AUTOSCALER, ("list",)),
    )  # fmt: skip
    undo: ClassVar[str] = "as many replicas as before"

    to: Annotated[int, "How many replicas it is to have"] = 0

    def __post_init__(self) -> None:
        if self.to < 0:
            raise ValueError("to", "there is no less than no replica", "give 0 or more")

    def places(self, found: Object, ref: Ref) -> Mapping[str, Any]:
        """The replicas."""
        if found["spec"]["replicas"] == self.to:
            raise InjectionFailed(f"{ref} has {self.to} replicas already")
        return {"/spec/replicas": self.to}

    def says(self, held: Held) -> str:
        """`3 replicas become 0`."""
        return f"{held.changes[0].was} replicas become {self.to}"

    async def see_that_it_lasts(self, cluster: Cluster, ref: Ref) -> None:
        """An autoscaler undoes every number but 0, at which it stands still."""
        for one in await cluster.list(AUTOSCALER.path(ref.namespace)):
            of, least = one["spec"]["scaleTargetRef"], one["spec"].get("minReplicas", 1)
            if (str(of.get("kind")).lower(), of.get("name")) == (ref.kind, ref.name) and (self.to or not least):
                by = Ref.of(AUTOSCALER, one)
                only = "only `to: 0` it leaves alone" if least else "it may go down to 0 by itself"
                raise InjectionFailed(f"{by} scales {ref} and would undo it; {only}")

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at how many it has, and not only at how many it is to have."""
        memory = Memory.from_data(remembered.data)
        try:
            async with reach(memory.cluster) as cluster:
                effect = await memory.effect(cluster, "scaled")
                if memory.healing and not effect.present:
                    return await _returned(cluster, remembered, effect)
                if memory.healing or not effect.present:
                    return effect
                found = await cluster.get(memory.held[0].ref.path)
        except InjectionFailed as error:
            return Effect(None, str(error))
        _, was, to = memory.held[0].changes[0]
        status = (found or {}).get("status", {})
        has = status.get("replicas", 0)
        seen = found is not None and status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        if seen and (has <= to if to < was else has >= to):
            return Effect(True, f"{memory.held[0].ref} has {has} pods")
        return Effect(False, f"{memory.held[0].ref} still has {has} pods")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadImage(WorkloadFault):
    """A rollout of an image that does not exist, as when somebody has mistyped its tag.

    How many pods it takes from those who serve is the workload's own strategy to say. In effect: a pod of the new image is
    there, and none is ready. Healing puts the images back, and removes pods that a stateful set would wait for for ever.
    """

    name: ClassVar[str] = "bad_image"
    kinds: ClassVar[tuple[Kind, ...]] = (DEPLOYMENT, STATEFULSET, DAEMONSET)
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, *(Need(kind, ("get", "list", "patch")) for kind in (DEPLOYMENT, STATEFULSET, DAEMONSET)), _COPIES,
        Need(POD, ("get", "list", "delete")),
    )  # fmt: skip
    heals: ClassVar[tuple[Need, ...]] = (Need(POD, ("delete",)),)
    """What healing needs beside looking, and putting back what bears a mark."""
    undo: ClassVar[str] = "the images are put back by another rollout; its history keeps both"

    image: Annotated[str, "What is rolled out; left out, one that nobody can have"] = NO_IMAGE
    containers: Annotated[tuple[str, ...], "In which containers; left out, all"] = ()

    def __post_init__(self) -> None:
        if not self.image or any(one.isspace() for one in self.image):
            raise ValueError("image", f"{self.image!r} is no name of an image", "write it as shop:no-such-tag")

    def places(self, found: Object, ref: Ref) -> Mapping[str, Any]:
        """The images in its template."""
        if found["spec"].get("paused"):
            raise InjectionFailed(f"the rollout of {ref} is paused, so that nothing would come of it")
        if (found["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
            raise InjectionFailed(f"{ref} is rolled out only as somebody deletes its pods")
        images = {str(one["name"]): one["image"] for one in found["spec"]["template"]["spec"]["containers"]}
        if lacking := [one for one in self.containers if one not in images]:
            raise InjectionFailed(f"{ref} has no container {lacking[0]}; it has {', '.join(images)}")
        chosen = self.containers or tuple(images)
        if same := [one for one in chosen if images[one] == self.image]:
            raise InjectionFailed(f"container {same[0]} of {ref} has the image {self.image} already")
        return {f"/spec/template/spec/containers/name={one}/image": self.image for one in chosen}

    def says(self, held: Held) -> str:
        """`a rollout of shop:no-such-tag`."""
        return f"a rollout of {self.image}"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Put the images back; pods that a stateful set waits for would keep it from going back."""
        memory = Memory.from_data(remembered.data)
        async with reach(memory.cluster) as cluster:
            await memory.take_away(cluster, stage)
            while (left := await _pods_of(cluster, memory)) and not await _is_theirs(cluster, memory):
                stuck = [Ref.of(POD, one) for one in left] if memory.held[0].ref.kind == "statefulset" else []

                async def remove(pod: Ref) -> None:
                    await act(stage, f"delete {pod}", cluster.delete, pod)

                await each(stuck, remove)
                if stage.remaining_s() < _SPARE_S:
                    raise InjectionFailed(f"{named([Ref.of(POD, one) for one in left])} still of the bad image")
                await stage.sleep(_PAUSE_S)
            await returning.wait(cluster, remembered.data.get("owners") or (), stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the workload and its pods of that image."""
        memory = Memory.from_data(remembered.data)
        try:
            async with reach(memory.cluster) as cluster:
                effect = await memory.effect(cluster, "rolled out with a bad image")
                left = await _pods_of(cluster, memory)
                theirs = memory.healing and await _is_theirs(cluster, memory)
        except InjectionFailed as error:
            return Effect(None, str(error))
        shown = named([Ref.of(POD, one) for one in left]) if left else ""
        if memory.healing:
            return (
                Effect(True, f"{shown} still of the bad image")
                if left and not effect.present and not theirs
                else effect
            )
        if not effect.present:
            return effect
        if not left:
            return Effect(False, "no pod of the new image is there yet")
        ready = any(map(is_ready, left))
        return Effect(not ready, f"{shown} of the new image {'ready' if ready else 'not ready'}")


async def _returned(cluster: Cluster, remembered: Remembered, effect: Effect) -> Effect:
    """With everything put back, whether its pods are there again, too."""
    missing = await returning.missing(cluster, remembered.data.get("owners") or ())
    return Effect(True, missing) if missing else effect


async def _pods_of(cluster: Cluster, memory: Memory) -> list[Object]:
    """Its pods that live and have an image that we set."""
    held = memory.held[0]
    owner = await cluster.get(held.ref.path)
    if owner is None or owner["metadata"]["uid"] != held.ref.uid:
        return []
    images = {one.set for one in held.changes}
    return [one for one in await owned_pods(cluster, owner)
            if any(container["image"] in images for container in one["spec"]["containers"])]  # fmt: skip


async def _is_theirs(cluster: Cluster, memory: Memory) -> bool:
    """Whether somebody else wants one of these images now, so that its pods are not ours to be waited for."""
    from injectors.kubernetes_paths import value_at

    found = await cluster.get(memory.held[0].ref.path)
    return found is not None and any(value_at(found, one.at) == one.set for one in memory.held[0].changes)
