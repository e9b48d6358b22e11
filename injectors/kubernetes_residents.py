"""Who is on a node: those who would have to leave it, and those who stay whatever is done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from injectors.injector import Effect, InjectionFailed, Preview, Remembered, Stage
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import POD, Cluster, Object, Ref, each, reach
from injectors.kubernetes_many import is_list_less
from injectors.kubernetes_marks import exempt_namespaces, is_exempt
from injectors.kubernetes_memory import Memory, act, named
from injectors.kubernetes_targets import owner_of

_FEW = 8
"""Of so many nodes each is asked for; for more all pods are read, where those are not too many."""
_PAUSE_S = 0.5
"""Between two attempts at who is held back by a budget, and between two looks whether the others are gone."""
_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True)
class Residents:
    """Who is on some nodes."""

    leaving: tuple[Object, ...]
    staying: tuple[Object, ...]
    exempt: frozenset[str]
    """Namespaces of which everybody stays."""


async def of(cluster: Cluster, nodes: Sequence[str], address: KubernetesAddress, *, all_: bool = False) -> Residents:
    """Who is on these nodes. With `all_` the pods of daemon sets leave too. Raises InjectionFailed for an exempt pod."""
    found = await on(cluster, nodes, await exempt_namespaces(cluster, address), all_=all_)
    for one in found.leaving:
        if is_exempt(one):
            raise InjectionFailed(f"{Ref.of(POD, one)} on node {one['spec']['nodeName']} is exempt from drills")
    return found


async def on(cluster: Cluster, nodes: Sequence[str], exempt: Iterable[str], *, all_: bool = False) -> Residents:
    """The same, with nobody asked whether one is exempt by itself."""
    names, spaces = set(nodes), frozenset(exempt)

    def there(pod: Object) -> Object | None:
        is_done = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        return _outline(pod) if pod["spec"].get("nodeName") in names and not is_done else None

    found: list[Object] = []

    async def some(fields: str) -> None:
        found.extend(await cluster.list(POD.path(), fields=fields, keep=there))

    of_all = len(nodes) > _FEW and await is_list_less(cluster, POD.path(), len(nodes))
    await each([""] if of_all else [f"spec.nodeName={one}" for one in nodes], some)
    leaving, staying = list[Object](), list[Object]()
    for one in sorted(found, key=lambda pod: (pod["metadata"]["namespace"], pod["metadata"]["name"])):
        (leaving if _leaves(one, spaces, all_=all_) else staying).append(one)
    return Residents(tuple(leaving), tuple(staying), spaces)


def _outline(pod: Object) -> Object:
    """What of a pod decides on what becomes of it; that is little, and there may be ten thousand of them."""
    spec = pod["spec"]
    kept = {key: spec[key] for key in ("nodeName", "tolerations", "hostNetwork") if key in spec}
    volumes = [one for one in spec.get("volumes") or () if "emptyDir" in one]
    return {"metadata": pod["metadata"], "spec": {**kept, "volumes": volumes}}


def _leaves(pod: Object, exempt: frozenset[str], *, all_: bool) -> bool:
    meta = pod["metadata"]
    if meta["namespace"] in exempt or _MIRROR in (meta.get("annotations") or {}):
        return False
    return all_ or owner_of(pod).get("kind") != "DaemonSet"


def is_stray(pod: Object) -> bool:
    """Whether nobody would make it again."""
    return not owner_of(pod) and not pod["metadata"].get("deletionTimestamp")


def refuse_strays(pods: Iterable[Object]) -> None:
    """Raise InjectionFailed for the first that nobody would make again."""
    for one in pods:
        if is_stray(one):
            raise InjectionFailed(
                f"{Ref.of(POD, one)} belongs to nobody who would make it again once it is gone; label it "
                "`chaos-drills/exempt`, or give it an owner"
            )


def described(plain: Preview, found: Residents, how: str, undo: str) -> Preview:
    """A preview that also says who is on the nodes, and what nobody brings back."""
    if not plain.touches:
        return plain
    names = [Ref.of(POD, one) for one in found.leaving]
    who = f"{len(names)} pod{'' if len(names) == 1 else 's'} {how}"
    if names:
        who += f" ({named(names)})"
    keeping = sum(_has_scratch(one) for one in found.leaving)
    lost = f"; what {keeping} of them keep in emptyDir volumes is lost" if keeping else ""
    stays = f"; {len(found.staying)} that are protected or belong to the node stay" if found.staying else ""
    return replace(plain, does=f"{plain.does}, {who}{lost}{stays}", undo=undo)


def _has_scratch(pod: Object) -> bool:
    return any("emptyDir" in one for one in pod["spec"].get("volumes") or ())


async def evict(cluster: Cluster, pods: Sequence[Object], stage: Stage, within_s: float) -> None:
    """Ask them to go, again and again while budgets hold them back, and wait until they are gone.

    Raises InjectionFailed when a budget has held one back to the end. Who has been told to go and takes long is not waited
    for any longer than that.
    """
    import time

    until_s = time.monotonic() + within_s
    left = [Ref.of(POD, one) for one in pods]
    while left:
        held: dict[Ref, str] = {}

        async def one(pod: Ref) -> None:
            if why := await act(stage, f"evict {pod}", cluster.evict, pod):
                held[pod] = why  # noqa: B023 - awaited in this turn

        await each(left, one, stop=True)
        left = list(held)
        if left and time.monotonic() + _PAUSE_S > until_s:
            raise InjectionFailed(f"{named(left)} could not be evicted within {within_s:g} s: {held[left[0]]}")
        if left:
            await stage.sleep(_PAUSE_S)
    await _until_gone(cluster, [Ref.of(POD, one) for one in pods], stage, until_s - time.monotonic())


async def delete(cluster: Cluster, pods: Sequence[Object], stage: Stage) -> None:
    """Delete them at once, as of a node that is gone: nobody waits for them to end.

    Each by its own uid: a selector would be fewer calls, and take who has come there or been exempted meanwhile.
    """

    async def one(pod: Ref) -> None:
        await act(stage, f"delete {pod} at once", _delete_at_once, cluster, pod)

    await each([Ref.of(POD, one) for one in pods], one, stop=True)


async def _delete_at_once(cluster: Cluster, pod: Ref) -> None:
    await cluster.delete(pod, grace_s=0)


async def _until_gone(cluster: Cluster, pods: Sequence[Ref], stage: Stage, within_s: float) -> None:
    import time

    until_s, left = time.monotonic() + within_s, list(pods)
    while left:
        there: list[Ref] = []

        async def one(pod: Ref) -> None:
            now = await cluster.get(pod.path)
            if now and now["metadata"]["uid"] == pod.uid:
                there.append(pod)  # noqa: B023 - awaited in this turn

        await each(left, one)
        left = there
        if not left or time.monotonic() + _PAUSE_S > until_s:
            return
        await stage.sleep(_PAUSE_S)


async def verify(says: str, remembered: Remembered, *, all_: bool = False) -> Effect:
    """Whether the nodes are held as we set them, and nobody is left on them; None when they cannot be looked at."""
    memory, data = Memory.from_data(remembered.data), remembered.data
    try:
        async with reach(memory.cluster) as cluster:
            effect = await memory.effect(cluster, says)
            if not effect.present or memory.healing:
                return effect
            found = await on(cluster, data["nodes"], data["exempt"], all_=all_)
    except InjectionFailed as error:
        return Effect(None, str(error))
    if left := _refs(found.leaving):
        return Effect(False, f"{named(left)} {'is' if len(left) == 1 else 'are'} still there")
    return effect


def _refs(pods: Iterable[Object]) -> list[Ref]:
    return [Ref.of(POD, one) for one in pods if not is_stray(one)]
