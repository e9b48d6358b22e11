"""What an injection holds beyond its memory: each object says itself whose it is, so what was taken later is found too."""

from collections.abc import Iterable, Sequence

from injectors.injector import Effect, InjectionFailed, Remembered, Stage
from injectors.kubernetes_api import Cluster, Kind, each, reach
from injectors.kubernetes_marks import Found, find, release
from injectors.kubernetes_memory import Memory, act, named


async def of(cluster: Cluster, memory: Memory, kinds: Iterable[Kind]) -> list[Found]:
    """All objects of these kinds that are held by the injection."""
    return [one for one in await find(cluster, kinds) if one.owner == memory.owner]


async def put_all_back(remembered: Remembered, stage: Stage, kinds: Sequence[Kind]) -> None:
    """Heal what is remembered, and then what was taken since: pods that were born meanwhile."""
    memory = Memory.from_data(remembered.data)
    async with reach(memory.cluster) as cluster:
        await memory.take_away(cluster, stage)

        async def one(item: Found) -> None:
            if why := await act(stage, f"release {item.held.ref}", release, cluster, item.held, item.owner):
                raise InjectionFailed(why)

        await each(await of(cluster, memory, kinds), one)


async def still_ours(cluster: Cluster, memory: Memory, kinds: Sequence[Kind], says: str) -> Effect:
    """Whether anything is left of it, when healing."""
    if left := await of(cluster, memory, kinds):
        return Effect(True, f"{named([one.held.ref for one in left])} still {says}")
    return await memory.effect(cluster, says)
