"""A fault of a cluster as it is known from disk: holding what it changes, renewing, looking, and putting it back."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from injectors.injector import Effect, InjectionFailed, Remembered, Residue, Stage
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import Cluster, Kind, Object, Ref, each, reach
from injectors.kubernetes_many import listed
from injectors.kubernetes_marks import LEASE_S, Change, Found, Held, Mark, Owner, copies, find, hold, release, renew
from injectors.kubernetes_paths import value_at

_LOOKS_S, _LOOK_EACH_S = 6.0, 0.06
"""How long a look holds good: so long at least, and so long for each object. A third of it later the next one follows."""
State = Literal["ours", "other", "gone"]


@dataclass(frozen=True, slots=True)
class Memory:
    """What every fault of a cluster remembers; an injector may add keys of its own beside these."""

    cluster: Mapping[str, Any]
    owner: Owner
    held: tuple[Held, ...]
    healing: bool = False
    healed: frozenset[str] = frozenset()
    """Paths of what was put back, or found as it was: what is there from then on is not our doing."""
    left: tuple[str, ...] = ()
    """What was left alone since somebody else has changed it, one sentence each."""

    @classmethod
    def of(cls, cluster: Cluster, owner: Owner, held: Iterable[Held] = ()) -> Self:
        """Of what is about to be changed."""
        return cls(cluster.to_data(), owner, tuple(held))

    def to_data(self) -> dict[str, Any]:
        """As JSON. Healing adds `healing`, `healed` and `left`."""
        return {"cluster": dict(self.cluster), "owner": list(self.owner), "held": [one.to_data() for one in self.held]}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """From what `to_data` gave, and what was added."""
        return cls(data["cluster"], Owner(*data["owner"]), tuple(map(Held.from_data, data["held"])), "healing" in data,
                   frozenset(data.get("healed", ())), tuple(data.get("left", ())))  # fmt: skip

    async def bring_about(self, cluster: Cluster, stage: Stage, held: Iterable[Held] | None = None) -> None:
        """Change each object, and mark it as ours; those given, or all. They must be remembered already."""
        todo = self.held if held is None else list(held)
        seen = await listed(cluster, (item.ref for item in todo))

        async def one(item: Held) -> None:
            what = ", ".join(f"{change.at} = {change.set}" for change in item.changes) or "marked"
            await act(stage, f"hold {item.ref}: {what}", hold, cluster, item, self.owner, seen.get(item.ref.path))

        await each(todo, one, stop=True)

    async def take_away(self, cluster: Cluster, stage: Stage) -> None:
        """Put every object back; nobody's change is undone. Raises InjectionFailed when one could not be."""
        stage.remember({"healing": True})
        left: list[str] = list(self.left)
        done: set[str] = set(self.healed)
        todo = [item for item in self.held if item.ref.path not in self.healed]
        seen = await listed(cluster, (item.ref for item in todo if not item.made))

        async def one(item: Held) -> None:
            why = await act(stage, f"release {item.ref}", release, cluster, item, self.owner, seen.get(item.ref.path))
            if why:
                left.append(why)
            done.add(item.ref.path)

        try:
            await each(todo, one)
        finally:
            if todo:
                stage.remember({"healed": sorted(done), "left": left})

    async def renew(self, cluster: Cluster, stage: Stage) -> bool:
        """Give every mark more time; False when all objects are gone. Raises InjectionFailed when one is not as we set it."""
        there: list[Ref] = []
        seen = await listed(cluster, (item.ref for item in self.held))

        async def one(item: Held) -> None:
            if await act(stage, f"renew {item.ref}", renew, cluster, item, self.owner, seen.get(item.ref.path)):
                there.append(item.ref)

        await each(self.held, one)
        return bool(there)

    async def effect(self, cluster: Cluster, says: str) -> Effect:
        """Whether every object that is still there is as we set it; when healing, whether any of them still is.

        `says` is what is so while it is there: `unschedulable`.
        """
        ours: list[Ref] = []
        others: list[str] = []
        gone: list[str] = []
        whole: list[Ref] = []

        seen = await listed(cluster, (item.ref for item in self.held))

        async def look(item: Held) -> None:
            there = seen.get(item.ref.path) or await cluster.get(item.ref.path)
            state, why = await self._state(cluster, item, there)
            if state == "gone" and not (self.healing and item.made):
                gone.append(why)
            elif state == "ours":
                ours.append(item.ref)
            else:
                others.append(why)
                whole.append(item.ref)

        await each(self.held, look)
        if self.healing:
            if ours:
                return Effect(True, f"{named(ours)} still {says}")
            before = [f"{named(whole)}: as before"] if whole and not self.left else []
            return Effect(False, "; ".join([*self.left, *before, *shortened(gone)]) or "as before")
        if ours and not others:
            return Effect(True, f"{named(ours)} {says}")
        return Effect(False, others[0] if others else "; ".join(shortened(gone)))

    async def _state(self, cluster: Cluster, item: Held, there: Object | None) -> tuple[State, str]:
        if there is None:
            return "gone", f"{item.ref} is gone"
        if item.ref.uid and there["metadata"]["uid"] != item.ref.uid:
            return "gone", f"{item.ref} is gone, and another one that bears its name is left alone"
        mark = Mark.on(there)
        if mark and (mark.injection, mark.by) != self.owner:
            return "other", f"{item.ref} is held by injection {mark.injection}"
        wrong = [one.at for one in item.changes if value_at(there, one.at) != one.set]
        if self.healing:
            again = len(wrong) < len(item.changes) and item.ref.path not in self.healed
            left = mark or again or await copies(cluster, item.ref, self.owner)
            return ("ours", "") if left else ("other", f"{item.ref} is as before")
        if mark is None:
            return "other", f"{item.ref} is not held"
        return ("other", f"{wrong[0]} of {item.ref} is not as we set it") if wrong else ("ours", "")


async def act(stage: Stage, what: str, do: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """`stage.act` of something asynchronous."""
    return await stage.act(what, do, *args)


def named(refs: Sequence[Ref], most: int = 3) -> str:
    """`node a and node b`, `pod shop/web-1, pod shop/web-2, pod shop/web-3 and 7 more`."""
    shown = [str(one) for one in refs[:most]]
    more = len(refs) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def shortened(sentences: Sequence[str], most: int = 3) -> list[str]:
    """The first of them, and how many more there are."""
    more = len(sentences) - most
    return [*sentences[:most], *([f"and {more} more"] if more > 0 else [])]


def changed(ref: Ref, found: Mapping[str, Any], values: Mapping[str, Any]) -> Held:
    """An object with these places changed, and with what they are now."""
    return Held(ref, tuple(Change(at, value_at(found, at), value) for at, value in values.items()))


def as_found(one: Found, cluster: Cluster) -> dict[str, Any]:
    """What heals an object that was found without any memory."""
    return Memory.of(cluster, one.owner, [one.held]).to_data()


async def residue(by: str, kinds: Iterable[Kind], targets: Sequence[tuple[str, KubernetesAddress]],
                  version: int = 1) -> list[Residue]:  # fmt: skip
    """What this injector has left of these kinds, in the clusters and namespaces of these targets."""
    found: list[Residue] = []
    seen: set[tuple[str, str]] = set()
    for target, address in targets:
        async with reach(address) as cluster:
            where = "" if address.of_nodes else address.namespace or cluster.namespace
            for one in await find(cluster, kinds, where):
                place = (cluster.uid, one.held.ref.path)
                if one.owner.by != by or place in seen:
                    continue
                seen.add(place)
                memory = Remembered(id=one.owner.injection or "found", fault="", target=target, version=version,
                                    data=as_found(one, cluster))  # fmt: skip
                found.append(Residue(target=target, what=str(one), remembered=memory, renewed=not one.is_over))
    return found


async def put_back(remembered: Remembered, stage: Stage) -> None:
    """Heal what only holds objects."""
    memory = Memory.from_data(remembered.data)
    async with reach(memory.cluster) as cluster:
        await memory.take_away(cluster, stage)


async def look(remembered: Remembered, says: str) -> Effect:
    """See what only holds objects; None when the cluster cannot be asked."""
    memory = Memory.from_data(remembered.data)
    try:
        async with reach(memory.cluster) as cluster:
            return await memory.effect(cluster, says)
    except InjectionFailed as error:
        return Effect(None, str(error))


async def keep(remembered: Remembered, stage: Stage, *, may_vanish: bool = False) -> float:
    """Extend what only holds objects; pass for how long nobody need look again.

    With all of them gone the fault is over, unless it takes those that are born meanwhile too.
    Kubernetes ends nothing by itself. Looking at thousands of objects every few seconds would be a fault of its own.
    """
    memory = Memory.from_data(remembered.data)
    if memory.healing:
        raise InjectionFailed("it is being healed")
    async with reach(memory.cluster) as cluster:
        if not await memory.renew(cluster, stage) and memory.held and not may_vanish:
            raise InjectionFailed(f"{named([one.ref for one in memory.held])} gone")
    return min(LEASE_S / 4, max(_LOOKS_S, len(memory.held) * _LOOK_EACH_S))
