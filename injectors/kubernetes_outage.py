"""A zone is lost: all of its nodes at once, with what runs on them, the ways to what stays, and the room for anything new."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from injectors import kubernetes_isolation as isolation
from injectors import kubernetes_memory as memories
from injectors import kubernetes_power as power
from injectors import kubernetes_residents as residents
from injectors import kubernetes_scan as scan
from injectors.injector import Effect, Injection, InjectionFailed, Preview, Remembered, Residue, Side, Stage, Touch
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import LEASE, NODE, POD, POLICY, READS, Cluster, Need, Object, Ref, reach
from injectors.kubernetes_marks import CONTROL_PLANE, LEASE_S, Held, Owner, exempt_namespaces, is_exempt, refuse
from injectors.kubernetes_memory import Memory, changed, named
from injectors.kubernetes_nodes import LOST, NodeFault, taint_at
from injectors.kubernetes_targets import choose, nodes, owner_of

_KINDS = (NODE, POD, POLICY)
_LOST = {"/spec/unschedulable": True, taint_at(LOST): LOST}
_EACH_S = 0.02
"""For a node or a pod, of a server that has much else to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneOutage(NodeFault):
    """A zone is lost: all of its nodes at once.

    Its nodes are made unschedulable and tainted, and their pods deleted without a grace. What nobody would make again, and
    pods of daemon sets that tolerate everything, stay and are cut off by NetworkPolicy. Pods that come to a lost node later
    follow. Where the inventory says how to stop the machines, they are stopped instead. Nodes of the control plane, pods of
    protected namespaces and what is exempt are spared.
    """

    name: ClassVar[str] = "zone_outage"
    says: ClassVar[str] = "lost"
    undo: ClassVar[str] = "nodes, labels and policies as before"
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, Need(NODE, ("get", "list", "patch")), Need(POD, ("get", "list", "delete")), Need(LEASE, ("get",)),
        *isolation.NEEDS,
    )  # fmt: skip

    @classmethod
    def needs_at(cls, address: KubernetesAddress) -> tuple[Need, ...]:
        """Signs of life are looked at only of machines that are stopped."""
        return cls.needs if address.power_off else tuple(need for need in cls.needs if need.kind != LEASE)

    def places(self, address: KubernetesAddress) -> Mapping[str, Any]:
        """A machine that is stopped needs no more than a mark."""
        return {} if address.power_off else _LOST

    def held(self, node: Object, address: KubernetesAddress) -> Held:
        """Of a node that is unschedulable already, that stays so."""
        one = changed(Ref.of(NODE, node), node, self.places(address))
        return Held(one.ref, tuple(change for change in one.changes if change.was is None))

    async def preview(self, address: KubernetesAddress) -> Preview:
        """Its nodes, who is lost with them, who stays and is cut off, and who is spared."""
        async with reach(address) as cluster:
            lost = await self._lost(cluster, address, Owner("preview", self.name))
            if address.power_off:
                power.check(address)
            refs = [Ref.of(NODE, one) for one in lost.nodes]
            return Preview(
                touches=tuple(Touch(what=str(one), key=one.key(cluster.uid)) for one in refs),
                does=f"{_count(len(refs), 'node')} lost, {lost.says(machines=bool(address.power_off))}",
                undo="the machines are started again" if address.power_off else self.undo,
                missing=f"the cluster has no {address.shown}" + (f" but {_told(lost.spared)}" if lost.spared else ""),
                sides=_sides(lost, machines=bool(address.power_off)),
                takes_s=takes_s(len(lost.nodes) + len(lost.pods)),
            )

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember; keep everybody from the nodes, cut off who stays, delete the others."""
        address: KubernetesAddress = injection.address
        async with reach(address) as cluster:
            owner = Owner(injection.id, self.name)
            lost = await self._lost(cluster, address, owner)
            if not lost.nodes:
                raise InjectionFailed(f"the cluster has no {address.shown} that is not spared")
            names = [str(one["metadata"]["name"]) for one in lost.nodes]
            machines = power.machines(address, names)
            held = [self.held(one, address) for one in lost.nodes]
            memory = Memory.of(cluster, owner, [*held, *([] if machines else lost.cut_off)])
            stage.remember({**memory.to_data(), "nodes": names, "exempt": sorted(lost.exempt), "machines": machines,
                            "engine": lost.engine})  # fmt: skip
            await memory.bring_about(cluster, stage, held)
            if machines:
                await power.off(cluster, machines, stage)
                return
            await isolation.cut_off(cluster, stage, lost.cut_off, owner)
            await residents.delete(cluster, lost.pods, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Start the machines again and wait for their nodes; put back what was changed, also of pods that came later."""
        memory, data = Memory.from_data(remembered.data), remembered.data
        stage.remember({"healing": True})
        async with reach(memory.cluster) as cluster:
            of_nodes = [one for one in data["held"] if one["ref"][0] == NODE.name]
            await power.on(cluster, {**data, "held": of_nodes}, stage)
        await scan.put_all_back(remembered, stage, _KINDS)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look at the nodes and who is on them; of a machine that was stopped, for any sign of life."""
        memory, data = Memory.from_data(remembered.data), remembered.data
        if data.get("machines"):
            return await power.verify(remembered)
        try:
            async with reach(memory.cluster) as cluster:
                if memory.healing:
                    return await scan.still_ours(cluster, memory, _KINDS, "lost")
                effect = await memory.effect(cluster, "lost")
                found = await residents.on(cluster, data["nodes"], data["exempt"], all_=True)
        except InjectionFailed as error:
            return Effect(None, str(error))
        there, staying, _ = _apart(found.leaving)
        if effect.present and there:
            return Effect(False, f"{named([Ref.of(POD, one) for one in there])} still there")
        reached = [one for one in staying if data["engine"] and not isolation.is_cut_off(one, memory.owner)]
        if effect.present and reached:
            return Effect(False, f"{Ref.of(POD, reached[0])} stays and is not cut off")
        return effect

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the marks; delete or cut off who has come to a lost node since."""
        lasts_s = await memories.keep(remembered, stage)
        memory, data = Memory.from_data(remembered.data), remembered.data
        if data.get("machines"):
            return lasts_s
        async with reach(memory.cluster) as cluster:
            found = await residents.on(cluster, data["nodes"], data["exempt"], all_=True)
            there, staying, _ = _apart(found.leaving)
            await residents.delete(cluster, there, stage)
            if data["engine"]:
                await isolation.follow(cluster, stage, staying, memory.owner, anew=True)
        return lasts_s

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """What bears our mark in the targets' clusters; with how machines are started, where an address says so."""
        reached = [(name, address) for name, address in targets if address.of_nodes]
        found = await memories.residue(cls.name, _KINDS, reached, cls.version)
        addresses = [address for _, address in reached]
        return [power.startable(one, addresses) if _is_node(one) else one for one in found]

    async def _lost(self, cluster: Cluster, address: KubernetesAddress, owner: Owner) -> "_Lost":
        """All that goes with the zone. Raises InjectionFailed for what is in another injection's hands."""
        listed = await nodes(cluster, address)
        spared = [(Ref.of(NODE, one), why) for one in listed if (why := _why_spared(one))]
        chosen = choose([one for one in listed if not _why_spared(one)], self.take, self.seed)
        refuse(NODE, chosen)
        names = [str(one["metadata"]["name"]) for one in chosen]
        found = await residents.on(cluster, names, await exempt_namespaces(cluster, address), all_=True)
        pods, staying, beyond = _apart(found.leaving)
        engine = await isolation.engine_of(cluster, address)
        theirs = await isolation.speaking_of(cluster, staying) if engine else []
        refuse(POD, staying)
        refuse(POLICY, theirs)
        cut_off = [*isolation.made_policies(staying, owner), *isolation.leaving_out(theirs, owner),
                   *isolation.labelled(staying, owner)] if engine else []  # fmt: skip
        spared += [(Ref.of(POD, one), "protected, or the node's own") for one in found.staying]
        spared += beyond
        return _Lost(tuple(chosen), tuple(pods), tuple(staying), tuple(cut_off), tuple(spared), found.exempt, engine)


def takes_s(count: int) -> float:
    """How long it may take to lose so many nodes and pods: no longer than marks hold good that nobody renews meanwhile."""
    return min(_EACH_S * count, LEASE_S / 2)


@dataclass(frozen=True, slots=True)
class _Lost:
    """What goes with a zone."""

    nodes: tuple[Object, ...]
    pods: tuple[Object, ...]
    """Those that are deleted."""
    staying: tuple[Object, ...]
    """Those that cannot be, and are cut off where anybody heeds a policy."""
    cut_off: tuple[Held, ...]
    spared: tuple[tuple[Ref, str], ...]
    exempt: frozenset[str]
    engine: str

    def says(self, *, machines: bool) -> str:
        """`5 pods deleted at once (…), 1 pod cut off; spared: …`."""
        gone = [Ref.of(POD, one) for one in (*self.pods, *(self.staying if machines else ()))]
        text = f"{_count(len(gone), 'pod')} {'stopped with them' if machines else 'deleted at once'}"
        text += f" ({named(gone)})" if gone else ""
        if self.staying and not machines:
            stay = f"{_count(len(self.staying), 'pod')} ({named([Ref.of(POD, one) for one in self.staying])})"
            text += f", {stay} cut off" if self.engine else f"; {stay} run on, since nobody would make them again"
        return text + (f"; spared: {_told(self.spared)}" if self.spared else "")


def _sides(lost: _Lost, *, machines: bool) -> tuple[Side, ...]:
    """How true to a real outage it is."""
    by = KubernetesAddress.name
    count, stay = _count(len(lost.nodes), "node"), _count(len(lost.staying), "pod")
    if machines:
        return (
            Side(name="compute", engine="power_off", how=f"the machines of {count} are stopped"),
            Side(name="network", engine="power_off", how="nobody answers there"),
            Side(name="capacity", engine="power_off", how="nothing new starts there once the cluster has noticed"),
            Side(name="control-plane view", engine="power_off", how="the nodes are NotReady once they are missed"),
        )
    if not lost.staying:
        network = Side(
            name="network", engine="", how="nothing stays there that could be cut off; the nodes themselves answer"
        )
    elif lost.engine:
        network = Side(
            name="network", engine=f"{by}, {lost.engine}", how=f"{stay} left there, cut off by NetworkPolicy"
        )
    else:
        network = Side(name="network", engine="", how=f"{stay} left there, and within reach: no policy engine shows")
    return (
        Side(name="compute", engine=by, how=f"{_count(len(lost.pods), 'pod')} of {count} deleted without a grace"),
        network,
        Side(
            name="capacity",
            engine=by,
            how=f"{count} unschedulable and tainted NoExecute, so that nothing new starts there",
        ),
        Side(name="control-plane view", engine="", how="the nodes stay Ready, since their kubelets go on reporting"),
    )


def _apart(leaving: Iterable[Object]) -> tuple[list[Object], list[Object], list[tuple[Ref, str]]]:
    """Pods to be deleted; those that would not come back, or at once to the same node, and can be cut off; the spared."""
    gone: list[Object] = []
    staying: list[Object] = []
    spared: list[tuple[Ref, str]] = []
    for one in leaving:
        if is_exempt(one):
            spared.append((Ref.of(POD, one), "exempt"))
        elif not _stays(one):
            gone.append(one)
        elif one["metadata"].get("deletionTimestamp"):
            continue
        elif isolation.can_be_cut_off(one):
            staying.append(one)
        else:
            spared.append((Ref.of(POD, one), "on its host's network"))
    return gone, staying, spared


def _stays(pod: Object) -> bool:
    owner = owner_of(pod)
    return not owner or (owner.get("kind") == "DaemonSet" and _tolerates(pod))


def _tolerates(pod: Object) -> bool:
    return any(
        one.get("key", LOST["key"]) == LOST["key"]
        and one.get("effect", LOST["effect"]) in (LOST["effect"], "")
        and (one.get("operator") == "Exists" or not one.get("value"))
        and "tolerationSeconds" not in one
        for one in pod["spec"].get("tolerations") or ()
    )


def _why_spared(node: Object) -> str:
    if any(role in (node["metadata"].get("labels") or {}) for role in CONTROL_PLANE):
        return "control plane"
    return "exempt" if is_exempt(node) else ""


def _told(spared: Sequence[tuple[Ref, str]]) -> str:
    """`node m (control plane), pod shop/guard (exempt) and 3 more`."""
    shown = [f"{ref} ({why})" for ref, why in spared[:5]]
    return ", ".join(shown) + (f" and {len(spared) - 5} more" if len(spared) > 5 else "")


def _is_node(found: Residue) -> bool:
    kind: str = found.remembered.data["held"][0]["ref"][0]
    return kind == NODE.name


def _count(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"
