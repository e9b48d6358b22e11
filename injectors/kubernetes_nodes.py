"""Faults of nodes: nothing may be scheduled there, what runs there must leave, or all of it is gone at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from injectors import kubernetes_memory as memories
from injectors import kubernetes_power as power
from injectors import kubernetes_residents as residents
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
from injectors.kubernetes_api import LEASE, NODE, POD, READS, Cluster, Need, Object, Ref, reach
from injectors.kubernetes_marks import Held, Owner, refuse
from injectors.kubernetes_memory import Memory, changed
from injectors.kubernetes_paths import escaped
from injectors.kubernetes_targets import ALL, Take, choose, nodes

LOST = {"key": "chaos-drills/lost", "effect": "NoExecute"}
"""The taint of a node that counts as lost: whoever does not tolerate everything is kept from it."""
_UNSCHEDULABLE = {"/spec/unschedulable": True}
_HOLDS = Need(NODE, ("get", "list", "patch"))
_SPARE_S = 5.0


def taint_at(taint: Mapping[str, str]) -> str:
    """The place of a taint in a node."""
    return f"/spec/taints/key={escaped(taint['key'])},effect={taint['effect']}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFault:
    """What every fault of nodes has in common: each node is held by a mark, with what is changed of it."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    needs: ClassVar[tuple[Need, ...]] = (*READS, _HOLDS)
    says: ClassVar[str] = "unschedulable"
    undo: ClassVar[str] = "schedulable again"

    target: Annotated[TargetName, "The nodes"]
    take: Annotated[Take, "How many of them: one, a number, a share such as 50%, or all"] = ALL
    seed: Annotated[int, "Another number is another choice among them"] = 0

    # --- what each fault says of itself

    def places(self, address: KubernetesAddress) -> Mapping[str, Any]:
        """What is changed of a node."""
        return _UNSCHEDULABLE

    def held(self, node: Object, address: KubernetesAddress) -> Held:
        """What is changed of this node. Raises InjectionFailed where that is so already: it is somebody else's doing."""
        one = changed(Ref.of(NODE, node), node, self.places(address))
        for change in one.changes:
            if change.was is not None:
                raise InjectionFailed(
                    f"{one.ref} is {self.says} already, and healing would undo what somebody else did"
                )
        return one

    # --- what they all do

    async def preview(self, address: KubernetesAddress) -> Preview:
        """Look at which nodes it would be."""
        async with reach(address) as cluster:
            chosen = await self._chosen(cluster, address)
            for one in chosen:
                self.held(one, address)
            refs = [Ref.of(NODE, one) for one in chosen]
            touches = tuple(Touch(what=str(one), key=one.key(cluster.uid)) for one in refs)
            return Preview(touches=touches, does=self._does(len(refs)), undo=self.undo, missing=_missing(address))

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, hold each node."""
        async with reach(injection.address) as cluster:
            chosen = await self._some(cluster, injection.address)
            held = [self.held(one, injection.address) for one in chosen]
            memory = Memory.of(cluster, Owner(injection.id, self.name), held)
            stage.remember(memory.to_data())
            await memory.bring_about(cluster, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Put each node back to what it was."""
        await memories.put_back(remembered, stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the nodes."""
        return await memories.look(remembered, cls.says)

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the marks, and see that nobody else has taken the fault away."""
        return await memories.keep(remembered, stage)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """Nodes of these targets' clusters that bear a mark of this fault."""
        reached = [(name, address) for name, address in targets if address.of_nodes]
        return await memories.residue(cls.name, [NODE], reached, cls.version)

    def _does(self, count: int) -> str:
        return f"{_count(count, 'node')} {self.says}"

    async def _chosen(self, cluster: Cluster, address: KubernetesAddress) -> list[Object]:
        chosen = choose(await nodes(cluster, address), self.take, self.seed)
        refuse(NODE, chosen)
        return chosen

    async def _some(self, cluster: Cluster, address: KubernetesAddress) -> list[Object]:
        if not (chosen := await self._chosen(cluster, address)):
            raise InjectionFailed(_missing(address))
        return chosen


def _count(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def _missing(address: KubernetesAddress) -> str:
    return f"the cluster has no {address.shown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cordon(NodeFault):
    """Nothing new is scheduled to the nodes; what runs there stays."""

    name: ClassVar[str] = "cordon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint(NodeFault):
    """The nodes bear a taint: who does not tolerate it is not scheduled there, or has to go."""

    name: ClassVar[str] = "taint"
    says: ClassVar[str] = "tainted"
    undo: ClassVar[str] = "the taint is taken away"

    key: Annotated[str, "The taint's key, as `example.com/broken`"] = "chaos-drills/taint"
    value: Annotated[str, "Its value"] = ""
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"], "NoExecute also evicts what runs there"
    ] = "NoSchedule"

    def __post_init__(self) -> None:
        import re

        if not re.fullmatch(r"([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", self.key):
            raise ValueError("key", f"{self.key!r} is no key of a taint", "write it as example.com/broken")

    def places(self, address: KubernetesAddress) -> Mapping[str, Any]:
        """The taint, in the form in which the cluster keeps it."""
        given = {"key": self.key, "effect": self.effect}
        return {taint_at(given): {**given, "value": self.value} if self.value else given}

    def _does(self, count: int) -> str:
        value = f"={self.value}" if self.value else ""
        return f"{_count(count, 'node')} tainted {self.key}{value}:{self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain(NodeFault):
    """The nodes are unschedulable and their pods are evicted, as before maintenance; disruption budgets are honoured.

    Pods of daemon sets, static pods and those of protected namespaces stay. In effect: unschedulable, and no other
    pod is left there. Healing makes the nodes schedulable again; where pods are then is for the scheduler to say.
    """

    name: ClassVar[str] = "drain"
    says: ClassVar[str] = "drained"
    needs: ClassVar[tuple[Need, ...]] = (*READS, _HOLDS, Need(POD, ("get", "list")), Need(POD, ("create",), "eviction"))

    within: Annotated[timedelta, "How long budgets may hold pods back, and pods take to go"] = timedelta(seconds=45)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.within <= timedelta(seconds=50):
            raise ValueError("within", "an injection has a minute in all", "give 50s or less")

    async def preview(self, address: KubernetesAddress) -> Preview:
        """Look at the nodes, and at who would be evicted."""
        plain = await NodeFault.preview(self, address)
        async with reach(address) as cluster:
            chosen = await self._chosen(cluster, address)
            found = await residents.of(cluster, [one["metadata"]["name"] for one in chosen], address)
        residents.refuse_strays(found.leaving)
        return residents.described(plain, found, "evicted", self.undo)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Make the nodes unschedulable, and evict their pods for as long as it may take."""
        async with reach(injection.address) as cluster:
            chosen = await self._some(cluster, injection.address)
            names = [str(one["metadata"]["name"]) for one in chosen]
            found = await residents.of(cluster, names, injection.address)
            residents.refuse_strays(found.leaving)
            held = [self.held(one, injection.address) for one in chosen]
            memory = Memory.of(cluster, Owner(injection.id, self.name), held)
            stage.remember({**memory.to_data(), "nodes": names, "exempt": sorted(found.exempt)})
            await memory.bring_about(cluster, stage)
            left_s = min(self.within.total_seconds(), stage.remaining_s() - _SPARE_S)
            await residents.evict(cluster, found.leaving, stage, left_s)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the nodes, and whether anybody is left on them."""
        return await residents.verify(cls.says, remembered)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKill(NodeFault):
    """The nodes are lost at once.

    Where the inventory says how to stop the machine, that is all that is done: the cluster has to find out by itself, as
    with any power cut, and the machine is started again. Else the nodes are made unschedulable and tainted, and their
    pods deleted without a grace, those of daemon sets too; pods that come to a lost node later follow them. Pods of
    protected namespaces stay then.
    """

    name: ClassVar[str] = "node_kill"
    says: ClassVar[str] = "lost"
    undo: ClassVar[str] = "schedulable again, and no longer tainted"
    needs: ClassVar[tuple[Need, ...]] = (*READS, _HOLDS, Need(POD, ("get", "list", "delete")), Need(LEASE, ("get",)))

    @classmethod
    def needs_at(cls, address: KubernetesAddress) -> tuple[Need, ...]:
        """Of a machine that is stopped the signs of life are looked at, and no pod is deleted."""
        if address.power_off:
            return (*READS, _HOLDS, Need(POD, ("list",)), Need(LEASE, ("get",)))
        return tuple(need for need in cls.needs if need.kind != LEASE)

    def places(self, address: KubernetesAddress) -> Mapping[str, Any]:
        """A machine that is stopped needs no more than a mark."""
        return {} if address.power_off else {**_UNSCHEDULABLE, taint_at(LOST): LOST}

    def held(self, node: Object, address: KubernetesAddress) -> Held:
        """Of a node that is unschedulable already, that stays so."""
        one = changed(Ref.of(NODE, node), node, self.places(address))
        return Held(one.ref, tuple(change for change in one.changes if change.was is None))

    async def preview(self, address: KubernetesAddress) -> Preview:
        """Look at the nodes, and at who would be lost with them."""
        plain = await NodeFault.preview(self, address)
        async with reach(address) as cluster:
            chosen = await self._chosen(cluster, address)
            found = await residents.of(cluster, [one["metadata"]["name"] for one in chosen], address, all_=True)
        residents.refuse_strays(found.leaving)
        if address.power_off:
            power.check(address)
            return residents.described(plain, found, "lost with the machine", "the machine is started again")
        return residents.described(plain, found, "deleted at once", self.undo)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Stop the machines, or keep everybody from the nodes and delete who is there."""
        address: KubernetesAddress = injection.address
        async with reach(address) as cluster:
            chosen = await self._some(cluster, address)
            names = [str(one["metadata"]["name"]) for one in chosen]
            found = await residents.of(cluster, names, address, all_=True)
            residents.refuse_strays(found.leaving)
            held = [self.held(one, address) for one in chosen]
            memory = Memory.of(cluster, Owner(injection.id, self.name), held)
            machines = power.machines(address, names)
            stage.remember({**memory.to_data(), "nodes": names, "exempt": sorted(found.exempt), "machines": machines})
            await memory.bring_about(cluster, stage)
            if machines:
                await power.off(cluster, machines, stage)
            else:
                await residents.delete(cluster, found.leaving, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Start the machines again and wait for their nodes; put back what was changed of them."""
        memory = Memory.from_data(remembered.data)
        stage.remember({"healing": True})
        async with reach(memory.cluster) as cluster:
            await power.on(cluster, remembered.data, stage)
            await memory.take_away(cluster, stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the nodes and who is on them; of a machine that was stopped, for any sign of life."""
        if remembered.data.get("machines"):
            return await power.verify(remembered)
        return await residents.verify(cls.says, remembered, all_=True)

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the marks, and delete who has come since."""
        lasts_s = await memories.keep(remembered, stage)
        if not remembered.data.get("machines"):
            memory = Memory.from_data(remembered.data)
            async with reach(memory.cluster) as cluster:
                found = await residents.on(cluster, remembered.data["nodes"], set(remembered.data["exempt"]), all_=True)
                await residents.delete(cluster, [one for one in found.leaving if not residents.is_stray(one)], stage)
        return lasts_s

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """Marked nodes; with how their machines are started, where the target's address says so."""
        reached = [(name, address) for name, address in targets if address.of_nodes]
        found = await memories.residue(cls.name, [NODE], reached, cls.version)
        return [power.startable(one, [address for _, address in reached]) for one in found]
