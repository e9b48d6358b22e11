"""An experiment of LitmusChaos: its operator does it, and what it says of it is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Annotated, Any, ClassVar

from injectors import kubernetes_memory as memories
from injectors import kubernetes_return as returning
from injectors import litmus_engine as litmus
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
    READS,
    Cluster,
    Need,
    Object,
    Ref,
    reach,
)
from injectors.kubernetes_marks import INJECTION, Held, Mark, Owner, exempt_namespaces, label_for, make, refuse
from injectors.kubernetes_memory import Memory, act, named
from injectors.kubernetes_targets import pods
from injectors.litmus_engine import ACCOUNT, ENGINE, EVENT, EXPERIMENT, JOB, RESULT, Seen, see

_LASTS = "TOTAL_CHAOS_DURATION"
"""By which every experiment of Litmus knows how long it is to last, in seconds."""
_LONGEST_S = 3600
"""Of one that a drill ends when it likes; should nobody do so, Litmus does."""
_NOTICED_S = 15.0
"""An operator that runs has taken an engine up by then."""
_OBEYED_S = 8.0
_VERDICT_S = 10.0
"""So long an experiment that ends by itself may take to say how it went."""
_PAUSE_S, _SPARE_S = 0.2, 4.0
_NAME_MAX = 40
_GONE = "nothing is left of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Litmus:
    """An experiment of LitmusChaos is run on a workload's pods; healed when nothing is left of it and the pods are back.

    In effect: Litmus has said that it acts, and not that it is done. What that does to traffic, only traffic shows. A verdict
    of Litmus's own is read and told, and decides nothing: Pass without probes means that nothing broke down while it acted.
    """

    name: ClassVar[str] = "litmus"
    version: ClassVar[int] = 1
    address: ClassVar[type] = KubernetesAddress
    needs: ClassVar[tuple[Need, ...]] = (
        *READS, *OWNERS, Need(POD, ("get", "list", "delete")), Need(JOB, ("list", "delete")), Need(EVENT, ("list",)),
        Need(ENGINE, ("get", "list", "create", "patch", "delete")), Need(RESULT, ("get", "list", "delete")),
        Need(EXPERIMENT, ("get", "list")), Need(ACCOUNT, ("get",)),
    )  # fmt: skip

    target: Annotated[TargetName, "Whose pods"]
    experiment: Annotated[str, "The ChaosExperiment, as pod-delete; it must be in the target's namespace"]
    account: Annotated[str, "The service account there by which Litmus does it"]
    env: Annotated[
        Mapping[str, str], "Settings of the experiment, by their names in Litmus: {PODS_AFFECTED_PERC: 50}"
    ] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("experiment", "account"):
            if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", getattr(self, key)):
                raise ValueError(
                    key, f"{getattr(self, key)!r} is no name of an object", "write it as `kubectl get` shows it"
                )
        if not self.env.get(_LASTS, "1").isdecimal():
            raise ValueError("env", f"{_LASTS} is told in whole seconds", "write it as 30, or leave it out")

    async def preview(self, address: KubernetesAddress) -> Preview:
        """The pods that it may choose among, and whether Litmus could work there."""
        async with reach(address) as cluster:
            found = await self._found(cluster, address)
            many = f"{len(found.pods)} pod{'' if len(found.pods) == 1 else 's'}"
            return Preview(
                touches=tuple(Touch(what=str(one), key=one.key(cluster.uid)) for one in map(_ref, found.pods)),
                does=f"Litmus runs {self.experiment} on {address.shown}, by the account {self.account}, and chooses among {many}",
                undo="its engine is stopped and deleted, with all that came of it; the pods are waited for",
                missing=f"no pod of {address.shown} is there",
            )

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Look, remember, make the engine, and wait until Litmus says that it acts."""
        async with reach(injection.address) as cluster:
            found = await self._found(cluster, injection.address)
            if not found.pods:
                raise InjectionFailed(f"no pod of {injection.address.shown} is there")
            owner = Owner(injection.id, self.name)
            engine = Ref(ENGINE.name, found.namespace, _engine_name(injection.id))
            memory = Memory.of(cluster, owner, [Held(engine, made=True)])
            lasts_s = int(self.env.get(_LASTS) or ceil(injection.for_s or injection.most_s or _LONGEST_S))
            owners = await returning.owners_of(cluster, found.pods)
            stage.remember({**memory.to_data(), "owners": owners})
            body = self._engine(engine, found, lasts_s)
            made = await act(stage, f"make {engine}", make, cluster, ENGINE, body, owner)
            stage.remember({"uid": made.uid})
            await _wait_until_it_acts(cluster, engine, stage)
            stage.remember({"until_s": _now_s() + lasts_s})

    def _engine(self, engine: Ref, found: "_Found", lasts_s: int) -> Mapping[str, Any]:
        env = {**self.env, _LASTS: str(lasts_s)}
        components = {"env": [{"name": key, "value": value} for key, value in env.items()]}
        spec = {
            "engineState": "active", "chaosServiceAccount": self.account, "jobCleanUpPolicy": "retain",
            "appinfo": {"appns": found.namespace, "applabel": found.label, "appkind": found.kind},
            "components": {"runner": {}},
            "experiments": [{"name": self.experiment, "spec": {"components": components}}],
        }  # fmt: skip
        return {"metadata": {"name": engine.name, "namespace": engine.namespace}, "spec": spec}

    async def _found(self, cluster: Cluster, address: KubernetesAddress) -> "_Found":
        """What Litmus would be told. Raises InjectionFailed for what it must not do, or could not."""
        if address.of_nodes or address.fields:
            raise InjectionFailed(f"Litmus cannot be told {address.shown}; give a workload, or pods by one label")
        namespace = address.namespace or cluster.namespace
        await litmus.need_litmus(cluster, namespace, self.experiment, self.account)
        own = await pods(cluster, address)
        refuse(POD, own, await exempt_namespaces(cluster, address))
        if not own:
            return _Found(namespace, (), "", "")
        label = await _label(cluster, namespace, own, address)
        return _Found(namespace, tuple(own), label, await _kind(cluster, own, address))

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Stop the engine, read the verdict, delete it and whatever came of it, and wait for the pods that it took."""
        data = remembered.data
        memory = Memory.from_data(data)
        ref = memory.held[0].ref
        async with reach(memory.cluster) as cluster:
            engine = await cluster.get(ref.path)
            is_ours = engine is not None and _is_ours(engine, memory.owner)
            uid = str(engine["metadata"]["uid"]) if engine and is_ours else str(data.get("uid", ""))
            stage.remember({"healing": True, "uid": uid})
            if is_ours:
                await _wait_for_the_verdict(cluster, ref, data.get("until_s"), stage)
                await _stop(cluster, ref, stage)
                stage.remember({"said": (await see(cluster, ref)).says})
            await memory.take_away(cluster, stage)
            await _let_go(cluster, ref, memory.owner, uid, stage)
            await _clear(cluster, ref.namespace, uid, stage)
            await returning.wait(cluster, data.get("owners") or (), stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """What Litmus says; when healing, whether anything is left of it."""
        memory = Memory.from_data(remembered.data)
        try:
            async with reach(memory.cluster) as cluster:
                if memory.healing:
                    return await _left(cluster, memory, remembered.data)
                return _effect(await see(cluster, memory.held[0].ref), remembered.data)
        except InjectionFailed as error:
            return Effect(None, str(error))

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        """Renew the engine's mark, and see that it is not done."""
        memory = Memory.from_data(remembered.data)
        if memory.healing:
            raise InjectionFailed("it is being healed")
        async with reach(memory.cluster) as cluster:
            await memory.renew(cluster, stage)
            seen = await see(cluster, memory.held[0].ref)
        if seen.standing in ("over", "failed", "gone"):
            raise InjectionFailed(_done(seen))
        return None

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, KubernetesAddress]]) -> list[Residue]:
        """Engines that bear a mark of this fault."""
        reached = [(name, address) for name, address in targets if not address.of_nodes]
        return await memories.residue(cls.name, [ENGINE], reached, cls.version)


@dataclass(frozen=True, slots=True)
class _Found:
    namespace: str
    pods: tuple[Object, ...]
    label: str
    kind: str


async def _label(cluster: Cluster, namespace: str, own: Sequence[Object], address: KubernetesAddress) -> str:
    """One label that means these pods and no others. Litmus takes several for as many ways to be meant."""
    uids = {one["metadata"]["uid"] for one in own}
    shared = set.intersection(*({*(one["metadata"].get("labels") or {}).items()} for one in own))
    wished = {tuple(one.split("=", 1)) for one in address.selector.replace("==", "=").split(",") if "=" in one}
    for key, value in sorted(shared, key=lambda one: (one not in wished, one)):
        meant = await cluster.list(POD.path(namespace), labels=f"{key}={value}", meta=True)
        if {one["metadata"]["uid"] for one in meant} == uids:
            return f"{key}={value}"
    raise InjectionFailed(
        f"no single label means the pods of {address.shown} and no others, and Litmus can be told no more"
    )


async def _kind(cluster: Cluster, own: Sequence[Object], address: KubernetesAddress) -> str:
    """Of which kind the workload is that all of these pods belong to."""
    if address.workload:
        return address.workload
    kinds = {str(one["ref"][0]) for one in await returning.owners_of(cluster, own)}
    if len(kinds) == 1 and kinds <= {"deployment", "statefulset", "daemonset"}:
        return kinds.pop()
    raise InjectionFailed(
        f"{address.shown} belong to no deployment, stateful set or daemon set, or to several kinds of them"
    )


async def _wait_until_it_acts(cluster: Cluster, engine: Ref, stage: Stage) -> None:
    """Raises InjectionFailed, with what hinders it, when it does not come to that."""
    begun_s = _now_s()
    while (seen := await see(cluster, engine)).standing != "acts":
        if seen.standing != "waits":
            raise InjectionFailed(_done(seen))
        unseen = not seen.status and _now_s() - begun_s > _NOTICED_S
        if unseen or stage.remaining_s() < _SPARE_S:
            raise InjectionFailed(seen.hindrance)
        await stage.sleep(_PAUSE_S)


async def _wait_for_the_verdict(cluster: Cluster, engine: Ref, until_s: float | None, stage: Stage) -> None:
    """Give an experiment whose time is over a while to come to its end."""
    if until_s is None or _now_s() < until_s:
        return
    ends_s = _now_s() + _VERDICT_S
    while _now_s() < ends_s and (await see(cluster, engine)).standing == "acts":
        await stage.sleep(_PAUSE_S)


async def _stop(cluster: Cluster, engine: Ref, stage: Stage) -> None:
    """Tell Litmus's operator to end it, and wait a while until it says that it has."""
    await act(stage, f"stop {engine}", litmus.stop, cluster, engine)
    until_s = _now_s() + _OBEYED_S
    while _now_s() < until_s and stage.remaining_s() > 2 * _SPARE_S:
        if Seen(await cluster.get(engine.path)).status in ("", "stopped", "completed"):
            return
        await stage.sleep(_PAUSE_S)


async def _let_go(cluster: Cluster, engine: Ref, owner: Owner, uid: str, stage: Stage) -> None:
    """Wait until the deleted engine is gone; where no operator lets it go, do in its stead what it would do."""
    until_s = _now_s() + _OBEYED_S
    while (found := await cluster.get(engine.path)) and _is_ours(found, owner):
        if _now_s() > until_s or stage.remaining_s() < _SPARE_S:
            await _clear(cluster, engine.namespace, uid, stage)
            await act(stage, f"take Litmus's finalizer from {engine}", litmus.let_go, cluster, found)
            return
        await stage.sleep(_PAUSE_S)


async def _clear(cluster: Cluster, namespace: str, uid: str, stage: Stage) -> None:
    """Delete jobs, pods and results that are left of the engine, and wait until they are gone."""
    told: set[str] = set()
    while left := await litmus.came_of(cluster, namespace, uid, (JOB, POD, RESULT)):
        for one in left:
            if one.uid not in told:
                told.add(one.uid)
                await act(stage, f"delete {one}", cluster.delete, one)
        if stage.remaining_s() < _SPARE_S / 2:
            raise InjectionFailed(f"{named(left)} not gone")
        await stage.sleep(_PAUSE_S)


async def _left(cluster: Cluster, memory: Memory, data: Mapping[str, Any]) -> Effect:
    ref = memory.held[0].ref
    engine = await cluster.get(ref.path)
    if engine is not None and _is_ours(engine, memory.owner):
        return Effect(True, f"{ref} is still there")
    if left := await litmus.came_of(cluster, ref.namespace, str(data.get("uid", "")), (JOB, POD, RESULT)):
        return Effect(True, f"{named(left)} still there")
    if lacking := await returning.missing(cluster, data.get("owners") or ()):
        return Effect(True, lacking)
    return Effect(False, f"{_GONE}; Litmus said: {data['said']}" if data.get("said") else _GONE)


def _effect(seen: Seen, data: Mapping[str, Any]) -> Effect:
    if seen.standing == "acts":
        return Effect(
            True, f"Litmus says that it acts ({seen.says or 'by an event'}); what that does, only traffic shows"
        )
    if seen.standing == "waits":
        # Events are forgotten after an hour; whoever has seen it act remembers that.
        if "until_s" in data and seen.phase == "Running":
            return Effect(True, f"Litmus goes on ({seen.says})")
        return Effect(False, seen.hindrance)
    return Effect(False, _done(seen))


def _done(seen: Seen) -> str:
    if seen.standing == "gone":
        return "the ChaosEngine is gone"
    how = "could not do it" if seen.standing == "failed" else "is done already"
    return f"Litmus {how}: {seen.says or 'it has not said why'}"


def _engine_name(injection: str) -> str:
    return "drill-" + re.sub(r"[^a-z0-9]+", "-", injection.lower())[-_NAME_MAX:].strip("-")


def _is_ours(engine: Object, owner: Owner) -> bool:
    mark = Mark.on(engine)
    label = (engine["metadata"].get("labels") or {}).get(INJECTION)
    return mark[:2] == owner if mark else label == label_for(owner.injection)


def _ref(pod: Object) -> Ref:
    return Ref.of(POD, pod)


def _now_s() -> float:
    import time

    return time.time()
