"""Takes away what Chaos Mesh was asked for, and frees a deletion that hangs by the mildest means that works."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from injectors import chaos_mesh_ping as ping
from injectors.chaos_mesh_faults import until_injected
from injectors.chaos_mesh_kinds import IO_CHAOS, NETWORK_CHAOS, POD_IO_CHAOS, POD_NETWORK_CHAOS
from injectors.chaos_mesh_records import State, Whom, Wish, body
from injectors.injector import Effect, InjectionFailed, Remembered, Stage
from injectors.kubernetes_api import NODE, POD, Cluster, Object, Ref, each, reach
from injectors.kubernetes_marks import Held, change, make, release
from injectors.kubernetes_memory import Memory, act, named
from injectors.kubernetes_targets import is_ready

_RECOVERS_S, _FREED_S = 6.0, 6.0
_PAUSE_S = 0.1
_SPARE_S = 4.0
_SILENT = "the controllers of Chaos Mesh do not answer, or wait for a node that does not"
_PARTS = ("tcs", "iptables")
_GATHERED = {NETWORK_CHAOS.proper: (POD_NETWORK_CHAOS, "tcs", "traffic rules"),
             IO_CHAOS.proper: (POD_IO_CHAOS, "actions", "rules for files")}  # fmt: skip
"""Where the controllers gather what a pod is asked for by all resources, and the part of it that may fail for ever."""


async def take_away(remembered: Remembered, stage: Stage) -> None:
    """Delete our resources and wait until they are gone, which they are once every pod is as before.

    Raises InjectionFailed when one stays. Its finalizer is never removed: without it the fault would stay, unseen.
    """
    memory = Memory.from_data(remembered.data)
    stage.remember({"healing": True})
    async with reach(memory.cluster) as cluster:
        mesh: Mapping[str, Any] = remembered.data.get("mesh") or {}
        if await _is_leaked(cluster, memory, mesh):
            await _once_more(cluster, stage, memory, mesh)

        async def one(item: Held) -> None:
            if why := await act(stage, f"delete {item.ref}", release, cluster, item, memory.owner):
                raise InjectionFailed(why)

        await each(memory.held, one)
        refs = [item.ref for item in memory.held]
        if not (left := await _gone(cluster, stage, refs, _RECOVERS_S)):
            return
        await _free(cluster, stage, left)
        if left := await _gone(cluster, stage, refs, _FREED_S):
            raise InjectionFailed(await _why(cluster, left))


async def _gone(cluster: Cluster, stage: Stage, refs: Sequence[Ref], within_s: float) -> list[Object]:
    """Wait until they are; pass those that are still there."""
    until_s = max(_SPARE_S, stage.remaining_s() - within_s)
    while True:
        found = [one for ref in refs if (one := await cluster.get(ref.path)) is not None]
        if not found or stage.remaining_s() < until_s:
            return found
        await stage.sleep(_PAUSE_S)


async def _free(cluster: Cluster, stage: Stage, left: Sequence[Object]) -> None:
    """Take our rules from what a pod is asked for. A rule that cannot be set is tried again for ever, and nothing
    of that pod is taken away until it could be; the controllers themselves would do the same as a next step.
    """
    for one in left:
        if one["kind"] not in _GATHERED:
            continue
        kind, part, called = _GATHERED[one["kind"]]
        source = f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for pod, _ in State.of(one).stuck:
            there = await cluster.get(kind.path(*pod.split("/")))
            if there is not None and _fails(there) and _ours(there, source, (part,)):
                await act(stage, f"take our {called} from {pod}", _loosen, cluster, Ref.of(kind, there), source, part)


def _fails(rules: Object) -> bool:
    return bool((rules.get("status") or {}).get("failedMessage"))


def _ours(rules: Object, source: str, parts: Sequence[str] = ("tcs",)) -> bool:
    return any(one.get("source") == source for part in parts for one in rules["spec"].get(part) or ())


async def _loosen(cluster: Cluster, rules: Ref, source: str, part: str) -> None:
    def decide(found: Object) -> Sequence[tuple[str, object]]:
        kept = [one for one in found["spec"].get(part) or () if one.get("source") != source]
        return [(f"/spec/{part}", kept)]

    await change(cluster, rules, decide)


async def _why(cluster: Cluster, left: Sequence[Object]) -> str:
    """Which objects stay, of which pods, on which nodes, and what the controllers say."""
    words: list[str] = []
    for one in left:
        ref = f"{one['kind'].lower()} {one['metadata']['namespace']}/{one['metadata']['name']}"
        stuck = State.of(one).stuck
        told = [await _pod(cluster, *pair) for pair in stuck[:3]]
        words.append(f"{ref} is still there: " + ("; ".join(told) or _SILENT))
    return "; ".join(words)


async def _pod(cluster: Cluster, pod: str, failure: str) -> str:
    found = await cluster.get(POD.path(*pod.split("/")))
    name = str(found["spec"].get("nodeName", "")) if found else ""
    on = f" on node {name}" if name else ""
    node = await cluster.get(NODE.path(name=name)) if name else None
    if node is not None and not is_ready(node):
        return (
            f"pod {pod}{on}, which is not Ready; it is taken away once the node is back, or the pod is deleted by force"
        )
    return f"pod {pod}{on}: {failure or _SILENT}"


# --- looking whether it is gone


async def gone(cluster: Cluster, memory: Memory, remembered: Remembered) -> Effect:
    """Whether anything of it is left: a resource, a rule that a pod is asked for, or, where there is a ping, its effect."""
    refs = [item.ref for item in memory.held]
    if left := [ref for ref in refs if await cluster.get(ref.path) is not None]:
        return Effect(True, f"{named(left)} still there")
    mesh: Mapping[str, Any] = remembered.data.get("mesh") or {}
    sources = [f"{ref.namespace}/{ref.name}" for ref in refs]
    for pod in _pods(mesh):
        rules = await cluster.get(POD_NETWORK_CHAOS.path(*pod.split("/")))
        if rules and any(_ours(rules, source, _PARTS) for source in sources):
            return Effect(True, f"pod {pod} is still asked for it")
    seen = await ping.after(cluster, mesh["seen"]) if mesh else Effect(False, "")
    return Effect(seen.present, f"{named(refs)} gone" + (f"; {seen.why}" if seen.why else ""))


def _pods(mesh: Mapping[str, Any]) -> list[str]:
    """Those of network chaos, which it is asked for by pod."""
    return [*mesh["pods"], *mesh["others"]] if mesh and mesh["kind"] == NETWORK_CHAOS.name else []


async def _is_leaked(cluster: Cluster, memory: Memory, mesh: Mapping[str, Any]) -> bool:
    """Whether what asked for it is gone and the effect is not: its rules stay where a daemon was dead meanwhile."""
    if not _pods(mesh) or any([await cluster.get(item.ref.path) is not None for item in memory.held]):
        return False
    return (await ping.after(cluster, mesh["seen"])).present is None


async def _once_more(cluster: Cluster, stage: Stage, memory: Memory, mesh: Mapping[str, Any]) -> None:
    """Ask for it again. When that is taken back, the rules of before go with it."""

    def named_as(known: Iterable[str]) -> tuple[Object, ...]:
        return tuple({"metadata": dict(zip(("namespace", "name"), one.split("/"), strict=True))} for one in known)

    wish, ref = Wish(NETWORK_CHAOS, mesh["spec"]), memory.held[0].ref
    whom = Whom(named_as(mesh["pods"]), named_as(mesh["others"]))
    what = f"make {ref} once more, since its effect has outlived it"
    await act(stage, what, make, cluster, wish.kind, body(wish, whom, ref.name, mesh["lasts_s"]), memory.owner)
    await until_injected(cluster, stage, ref)
