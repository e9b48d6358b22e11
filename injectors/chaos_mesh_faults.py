"""What every fault by Chaos Mesh does: it names pods, makes one custom resource, waits for the controllers, and follows churn.

How it is taken away again is in `chaos_mesh_healing`. The controllers choose once; pods that are born later get a resource
more, whenever the lease is renewed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from injectors import chaos_mesh_ping as ping
from injectors.chaos_mesh import ChaosMeshAddress
from injectors.chaos_mesh_records import MOST_S, State, Whom, Wish, body, lasts_s, name, name_of
from injectors.injector import Effect, Injection, InjectionFailed, Preview, Remembered, Residue, Stage, Touch
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import BAD_REQUEST, KINDS, NOT_FOUND, POD, Cluster, Kind, Object, Ref, Refused, reach
from injectors.kubernetes_marks import Held, Owner, exempt_namespaces, make, refuse, renew
from injectors.kubernetes_memory import Memory, act
from injectors.kubernetes_memory import residue as marked
from injectors.kubernetes_targets import pods, which

_SELECTED_S, _HEARD_S, _FAILING_S = 3.0, 15.0, 6.0
"""Since it was made, or since the first failure: the controllers try again and again, and we do not wait for ever."""
_SPARE_S = 5.0
_PAUSE_S = 0.1
_TIMES_MAX = 50
"""Of pods that are born while it lasts, so often a resource is made."""
Choose = Callable[[Sequence[Object]], Sequence[Object]]
Notes = Callable[[Cluster, Whom], Awaitable[Mapping[str, Any]]]
Shown = Callable[[Cluster, Mapping[str, Any], Stage], Awaitable[None]]


class Fault(NamedTuple):
    """What a fault says of itself."""

    by: str
    """Its name, by which whoever finds it knows how to heal."""
    wish: Wish
    does: str
    """As a clause; how many pods it befalls is said after it."""
    undo: str = "its resource is deleted, and Chaos Mesh takes it away"
    choose: Choose | None = None
    """Those of the pods that it befalls. Without it, all of them, and those that are born while it lasts."""
    touches: Callable[[Whom], Iterable[Object]] = lambda whom: (*whom.pods, *whom.others)
    """Who of them is changed, which may be one end of a link."""
    sign: ping.Sign = ""
    """How it shows to a ping, as `chaos_mesh_ping` says; empty when it does not."""
    at_least_s: float = 0.0
    """By how much a ping is slower, when that is the sign."""
    notes: Notes | None = None
    """Looks at whom it would befall: refuses what cannot be, and tells what more is to be remembered."""
    shown: Shown | None = None
    """Waits, with what was noted, until the effect shows: nodes tell it later than the controllers do."""


# --- whom it befalls


async def whom(cluster: Cluster, address: ChaosMeshAddress, choose: Choose | None = None) -> Whom:
    """Pods that can be reached now. Raises InjectionFailed for those that may not be touched."""
    exempt = await exempt_namespaces(cluster, address.pods)
    found = await _at(cluster, address.pods, exempt)
    chosen = tuple(choose(found)) if choose and found else found
    return Whom(chosen, await _at(cluster, address.others, exempt) if address.others else ())


async def _at(cluster: Cluster, which: KubernetesAddress, exempt: Iterable[str]) -> tuple[Object, ...]:
    listed = await pods(cluster, which)
    refuse(POD, listed, exempt)
    for one in listed:
        if one["spec"].get("hostNetwork"):
            raise InjectionFailed(
                f"{Ref.of(POD, one)} is on its host's network: what befell it would befall the whole node"
            )
    return tuple(one for one in listed if one["status"].get("podIP"))


def _lacking(address: ChaosMeshAddress, found: Whom) -> str:
    """What of the address is not there, as a clause; empty when all is."""
    if not found.pods:
        return f"no pod of {address.pods.shown} runs"
    return f"no pod of {address.others.shown} runs" if address.others and not found.others else ""


# --- planning


async def preview(fault: Fault, address: ChaosMeshAddress) -> Preview:
    """Look at whom it would befall, and have the server try the resource out without making it."""
    async with reach(address) as cluster:
        found = await whom(cluster, address, fault.choose)
        if missing := _lacking(address, found):
            return Preview(touches=(), does=fault.does, undo=fault.undo, missing=missing)
        if fault.notes:
            await fault.notes(cluster, found)
        await _try_out(cluster, fault.wish, found)
        refs = [Ref.of(POD, one) for one in fault.touches(found)]
        return Preview(
            touches=tuple(Touch(what=str(one), key=one.key(cluster.uid)) for one in refs),
            does=f"{fault.does}, by Chaos Mesh",
            undo=fault.undo,
        )


async def _try_out(cluster: Cluster, wish: Wish, found: Whom) -> None:
    """Raise InjectionFailed when Chaos Mesh is not there, does not answer, or refuses it."""
    made = body(wish, found, "", MOST_S)
    where = made["metadata"]["namespace"]
    whole = {"apiVersion": wish.kind.api, "kind": wish.kind.proper, **made,
             "metadata": {"generateName": "drill-", "namespace": where}}  # fmt: skip
    try:
        await cluster.try_out(wish.kind.path(where), whole)
    except Refused as error:
        if error.status == NOT_FOUND:
            raise InjectionFailed(f"Chaos Mesh is not installed: {cluster.place} knows no {wish.kind.proper}") from None
        if "failed calling webhook" in str(error):
            raise InjectionFailed(f"the controllers of Chaos Mesh do not answer: {error}") from None
        if not (error.status == BAD_REQUEST and "dry run" in str(error)):  # a webhook that cannot be tried says nothing
            raise


# --- bringing about


async def taken(fault: Fault, injection: Injection, stage: Stage) -> None:
    """Look, remember, make the resource, and wait until the controllers say that it is injected."""
    address: ChaosMeshAddress = injection.address
    async with reach(address) as cluster:
        found = await whom(cluster, address, fault.choose)
        if missing := _lacking(address, found):
            raise InjectionFailed(missing)
        owner = Owner(injection.id, fault.by)
        duration_s = lasts_s(injection.for_s, injection.most_s)
        made = body(fault.wish, found, name_of(owner), duration_s)
        held = _held(fault.wish, made)
        seen = await ping.before(cluster, address, found.pods, fault.sign, fault.at_least_s)
        told = {
            "kind": fault.wish.kind.name, "spec": dict(fault.wish.spec), "lasts": fault.wish.lasts, "lasts_s": duration_s,
            "pods": _who(found.pods), "others": _who(found.others), "seen": seen,
            "which": None if fault.choose else which(address.pods, cluster),
            "those": which(address.others, cluster) if address.others else None,
            "protected": list(address.protected),
        }  # fmt: skip
        noted = await fault.notes(cluster, found) if fault.notes else {}
        stage.remember({**Memory.of(cluster, owner, [held]).to_data(), "mesh": told, **noted})
        ref = await act(stage, f"make {held.ref}", make, cluster, fault.wish.kind, made, owner)
        await until_injected(cluster, stage, ref, lasts=fault.wish.lasts)
        if fault.shown:
            await fault.shown(cluster, noted, stage)


async def until_injected(cluster: Cluster, stage: Stage, ref: Ref, *, lasts: bool = True) -> None:
    """Wait until every record is. Raises InjectionFailed when it will not be, with what the controllers say of it."""
    began_s, failing_s = stage.remaining_s(), 0.0
    while True:
        found = await cluster.get(ref.path)
        if found is None:
            raise InjectionFailed(f"{ref} was deleted by somebody before it was injected")
        state, waited_s = State.of(found, lasts=lasts), began_s - stage.remaining_s()
        if state.injected:
            return
        failing_s = failing_s or (waited_s if state.failure else 0.0)
        if state.failure and waited_s - failing_s > _FAILING_S:
            raise InjectionFailed(f"Chaos Mesh could not inject it: {state.failure}")
        if not state.seen and waited_s > _HEARD_S:
            raise InjectionFailed(f"the controllers of Chaos Mesh have not looked at {ref} within {_HEARD_S:g} s")
        if state.seen and not state.selected and waited_s > _SELECTED_S:
            raise InjectionFailed("Chaos Mesh has selected no target; it may be told to leave this namespace alone")
        if stage.remaining_s() < _SPARE_S:
            raise InjectionFailed(
                f"Chaos Mesh has not injected it into {', '.join(state.waiting[:3])} within {waited_s:.0f} s"
            )
        await stage.sleep(_PAUSE_S)


def _held(wish: Wish, made: Mapping[str, Any]) -> Held:
    return Held(Ref(wish.kind.name, made["metadata"]["namespace"], made["metadata"]["name"]), made=True)


def _who(found: Iterable[Object]) -> dict[str, list[str]]:
    """By name the uid and the address: when either is another one, the fault is not with it any more."""
    return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": _self(one) for one in found}


def _self(pod: Object) -> list[str]:
    return [str(pod["metadata"]["uid"]), str(pod["status"].get("podIP", ""))]


# --- looking


async def look(remembered: Remembered, gone: Callable[[Cluster, Memory, Remembered], Awaitable[Effect]]) -> Effect:
    """By what the controllers say of each pod, and by a ping, which is believed when the two contradict each other.

    `gone` looks at it once it is being healed.
    """
    memory = Memory.from_data(remembered.data)
    try:
        async with reach(memory.cluster) as cluster:
            if memory.healing or "mesh" not in remembered.data:
                return await gone(cluster, memory, remembered)
            said = await _said(cluster, memory, remembered.data["mesh"])
            seen = await ping.during(cluster, remembered.data["mesh"]["seen"])
    except InjectionFailed as error:
        return Effect(None, str(error))
    why = "; ".join(one for one in (said.why, seen.why) if one)
    return Effect(said.present if seen.present is None else seen.present, why)


async def _said(cluster: Cluster, memory: Memory, mesh: Mapping[str, Any]) -> Effect:
    """What the controllers say, as far as the pods are still those of whom they say it."""
    recorded: set[str] = set()
    for item in memory.held:
        there = await cluster.get(item.ref.path)
        if there is None:
            return Effect(False, f"{item.ref} is gone")
        state = State.of(there, lasts=mesh["lasts"])
        if state.stopped:
            return Effect(False, f"{item.ref} is over: Chaos Mesh takes it away, or has done so")
        if not state.injected:
            waiting = ", ".join(state.waiting[:3]) or "any pod"
            return Effect(
                False, f"{item.ref} is not injected into {waiting}" + (f": {state.failure}" if state.failure else "")
            )
        recorded.update(map(name, state.records))
    if not mesh["lasts"]:
        return Effect(True, f"Chaos Mesh says that it has done it to {len(recorded)} pods")
    there_are = await _living(cluster, mesh, memory)
    known = {pod: who for pod, who in {**mesh["pods"], **mesh["others"]}.items() if pod in recorded}
    reached = [one for one in there_are if _is_reached(one, known)]
    if not reached:
        return Effect(False, "none of the pods that it was injected into is there any more")
    covers = (
        "" if len(reached) == len(there_are) else f" ({len(there_are) - len(reached)} born since, and not reached yet)"
    )
    return Effect(True, f"Chaos Mesh says that it is injected into {len(reached)} of {len(there_are)} pods{covers}")


def _is_reached(pod: Object, known: Mapping[str, Sequence[str]]) -> bool:
    meta = pod["metadata"]
    return list(known.get(f"{meta['namespace']}/{meta['name']}", ())) == _self(pod)


async def _living(cluster: Cluster, mesh: Mapping[str, Any], memory: Memory) -> list[Object]:
    """Whom it should befall now. Where some were chosen of many, those alone, as far as they are there."""
    found = await _now(cluster, mesh)
    if mesh["which"]:
        return [*found.pods, *found.others]
    paths = [POD.path(*name.split("/")) for name in mesh["pods"]]
    chosen = [one for path in paths if (one := await cluster.get(path)) is not None]
    return [*(one for one in chosen if one.get("status", {}).get("podIP")), *found.others]


async def _now(cluster: Cluster, mesh: Mapping[str, Any]) -> Whom:
    async def at(which: Mapping[str, Any] | None) -> tuple[Object, ...]:
        if not which:
            return ()
        listed = await pods(cluster, KubernetesAddress(**which))
        return tuple(one for one in listed if one["status"].get("podIP") and not one["spec"].get("hostNetwork"))

    return Whom(await at(mesh["which"]), await at(mesh["those"]))


# --- renewing


async def renewed(remembered: Remembered, stage: Stage) -> float | None:
    """Renew the marks, and have those who were born since befallen too. Raises InjectionFailed when it is not there."""
    memory, mesh = Memory.from_data(remembered.data), remembered.data["mesh"]
    if memory.healing:
        raise InjectionFailed("it is being healed")
    async with reach(memory.cluster) as cluster:
        for item in memory.held:
            if not await act(stage, f"renew {item.ref}", renew, cluster, item, memory.owner):
                raise InjectionFailed(f"{item.ref} is gone")
        if mesh["which"] and mesh["lasts"]:
            await _follow(cluster, stage, memory, mesh)
    return None


async def _follow(cluster: Cluster, stage: Stage, memory: Memory, mesh: Mapping[str, Any]) -> None:
    """Make a resource more for pods that it has not been injected into yet, and another for their peers."""
    now = await _now(cluster, mesh)
    pairs = following(now, mesh["pods"], mesh["others"])
    if not pairs:
        return
    if len(memory.held) + len(pairs) > _TIMES_MAX:
        raise InjectionFailed(f"pods come and go so often that {_TIMES_MAX} resources were made for them")
    wish, held = Wish(KINDS[mesh["kind"]], mesh["spec"], mesh["lasts"]), list(memory.held)
    made = [body(wish, one, name_of(memory.owner, len(held) + number), mesh["lasts_s"])
            for number, one in enumerate(pairs, 1)]  # fmt: skip
    held += [_held(wish, one) for one in made]
    known = {"pods": {**mesh["pods"], **_who(now.pods)}, "others": {**mesh["others"], **_who(now.others)}}
    stage.remember({"held": [one.to_data() for one in held], "mesh": {**mesh, **known}})
    for one in made:
        what = f"make {_held(wish, one).ref}, for pods born since"
        await act(stage, what, make, cluster, wish.kind, one, memory.owner)


def following(now: Whom, known: Mapping[str, Any], others: Mapping[str, Any]) -> list[Whom]:
    """Between whom there is no fault yet: the born and everybody, and the old and those of the others who were born."""
    born = tuple(one for one in now.pods if not _is_reached(one, known))
    old = tuple(one for one in now.pods if _is_reached(one, known))
    late = tuple(one for one in now.others if not _is_reached(one, others))
    pairs = [Whom(born, now.others)] if born else []
    return [*pairs, Whom(old, late)] if old and late else pairs


# --- without any memory


async def residue(by: str, kinds: Sequence[Kind], targets: Sequence[tuple[str, ChaosMeshAddress]],
                  version: int = 1) -> list[Residue]:  # fmt: skip
    """What this fault has left where the pods of these targets are."""
    return await marked(by, kinds, [(name, address.pods) for name, address in targets], version)
