"""Pods that nobody reaches and that reach nobody, though they run: a partition by NetworkPolicy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from injectors import kubernetes_isolation as isolation
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
    OWNERS,
    POD,
    POLICY,
    READS,
    Cluster,
    Need,
    Object,
    Ref,
    reach,
)
from injectors.kubernetes_marks import Held, Owner, exempt_namespaces, refuse
from injectors.kubernetes_memory import Memory, residue
from injectors.kubernetes_scan import put_all_back, still_ours
from injectors.kubernetes_targets import pods, which


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolate:
    """Cuts pods off from everybody but those named; healed when policies and labels are as they were.

    In effect: our policy is there, every pod of the target bears the label that it closes, and no other policy speaks of
    them. Whether traffic stops is known from traffic alone: connections that are open already may stay so, and the node
    always reaches its own pods, so that they go on being Ready.
    """

    name: ClassVar[str] = "isolate"
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    needs: ClassVar[tuple[Need, ...]] = (*READS, *OWNERS, *isolation.NEEDS)

    target: Annotated[TargetName, "Whose pods to cut off"]
    except_: Annotated[
        tuple[str, ...], "Who may still talk with them: labels as app=db or kube-system/k8s-app=kube-dns, or addresses"
    ] = ()

    def __post_init__(self) -> None:
        for one in self.except_:
            try:
                isolation.peer(one)
            except ValueError as expected:
                raise ValueError("except", f"{one!r} says of nobody who it is", f"give {expected}") from None

    async def preview(self, address: KubernetesAddress) -> Preview:
        """The pods, and the policies that speak of them already."""
        async with reach(address) as cluster:
            engine = await _engine(cluster, address)
            found = await self._found(cluster, address)
            return Preview(
                touches=tuple(
                    Touch(what=str(one.ref), key=one.ref.key(cluster.uid)) for one in found.held if not one.made
                ),
                does=f"{found.says}{self._but} by NetworkPolicy, for {engine} to heed; that traffic stops, only traffic shows",
                undo="labels and policies as before",
                missing=f"no pod of {address.shown} is there",
            )

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, make the policy, label the pods."""
        address: KubernetesAddress = injection.address
        async with reach(address) as cluster:
            await _engine(cluster, address)
            owner = Owner(injection.id, self.name)
            found = await self._found(cluster, address, owner)
            if not found.pods:
                raise InjectionFailed(f"no pod of {address.shown} is there")
            memory = Memory.of(cluster, owner, found.held)
            stage.remember({**memory.to_data(), "which": which(address, cluster), "protected": list(address.protected)})
            await isolation.cut_off(cluster, stage, found.held, owner, [isolation.peer(one) for one in self.except_])

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Take the labels and our policies away, and have those of others speak of these pods again."""
        await put_all_back(remembered, stage, (POD, POLICY))

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the policy, at the labels of the pods that there are now, and at other policies."""
        memory = Memory.from_data(remembered.data)
        try:
            async with reach(memory.cluster) as cluster:
                if memory.healing:
                    return await still_ours(cluster, memory, (POD, POLICY), "cut off")
                return await _cut_off(cluster, memory, remembered)
        except InjectionFailed as error:
            return Effect(None, str(error))

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the marks, and cut off what was born meanwhile."""
        memory = Memory.from_data(remembered.data)
        if memory.healing:
            raise InjectionFailed("it is being healed")
        async with reach(memory.cluster) as cluster:
            await memory.renew(cluster, stage)
            await isolation.follow(cluster, stage, await _living(cluster, _address(remembered)), memory.owner)
        return None

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """What bears our mark in the targets' namespaces."""
        reached = [(name, address) for name, address in targets if not address.of_nodes]
        return await residue(cls.name, (POD, POLICY), reached, cls.version)

    @property
    def _but(self) -> str:
        return f" but {' and '.join(self.except_)}" if self.except_ else ""

    async def _found(self, cluster: Cluster, address: KubernetesAddress, owner: Owner | None = None) -> "_Found":
        """What is to be changed. Raises InjectionFailed for what may not be."""
        owner = owner or Owner("preview", self.name)
        listed = await pods(cluster, address)
        refuse(POD, listed, await exempt_namespaces(cluster, address))
        open_ = [one for one in listed if isolation.can_be_cut_off(one)]
        if listed and not open_:
            raise InjectionFailed(f"every pod of {address.shown} is on its host's network, of which no policy speaks")
        theirs = await isolation.speaking_of(cluster, open_)
        refuse(POLICY, theirs)
        if theirs and self.except_:
            raise InjectionFailed(f"{Ref.of(POLICY, theirs[0])} limits these pods, and `except` could let through what it "
                                  "forbids; leave `except` out")  # fmt: skip
        held = (
            *isolation.made_policies(open_, owner),
            *isolation.leaving_out(theirs, owner),
            *isolation.labelled(open_, owner),
        )
        return _Found(tuple(open_), held, len(listed) - len(open_))


@dataclass(frozen=True, slots=True)
class _Found:
    pods: tuple[Object, ...]
    held: tuple[Held, ...]
    beyond: int
    """Pods on their host's network."""

    @property
    def says(self) -> str:
        count = f"{len(self.pods)} pod{'' if len(self.pods) == 1 else 's'} cut off from all"
        return count + (f" ({self.beyond} on the host's network are not)" if self.beyond else "")


async def _engine(cluster: Cluster, address: KubernetesAddress) -> str:
    if found := await isolation.engine_of(cluster, address):
        return found
    raise InjectionFailed("no policy engine shows in the cluster, so that nobody would heed a NetworkPolicy; if there is one, "
                          "say `policy_engine: ITS NAME` in the inventory")  # fmt: skip


def _address(remembered: Remembered) -> KubernetesAddress:
    return KubernetesAddress(**remembered.data["which"], protected=tuple(remembered.data["protected"]))


async def _living(cluster: Cluster, address: KubernetesAddress) -> list[Object]:
    return [one for one in await pods(cluster, address) if isolation.can_be_cut_off(one)]


async def _cut_off(cluster: Cluster, memory: Memory, remembered: Remembered) -> Effect:
    for item in (one for one in memory.held if one.made):
        if await cluster.get(item.ref.path) is None:
            return Effect(False, f"{item.ref} is not there")
    living = await _living(cluster, _address(remembered))
    reached = [one for one in living if not isolation.is_cut_off(one, memory.owner)]
    if reached:
        return Effect(False, f"{Ref.of(POD, reached[0])} is not cut off")
    if theirs := await isolation.speaking_of(cluster, living):
        return Effect(False, f"{Ref.of(POLICY, theirs[0])} speaks of these pods too")
    return Effect(True, f"{len(living)} pods bear what our policy closes; that traffic stops, only traffic shows")
