"""Looks through a whole cluster for what is ours, whoever left it and from wherever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from injectors.injector import InjectionFailed, Remembered
from injectors.kubernetes_api import Kind, reach
from injectors.kubernetes_marks import Found, Owner, find
from injectors.kubernetes_memory import Memory, named


@dataclass(frozen=True, slots=True)
class Swept:
    """What was found in a cluster."""

    place: str
    held: tuple[Found, ...]
    unseen: tuple[str, ...]
    """Why some kinds of objects could not be looked at."""
    cluster: dict[str, str]

    def by_injection(self, some: Sequence[Found]) -> list[tuple[Remembered, str, str]]:
        """Some of what was found, as what heals it: one injection each, its injector's name, and what it holds in words."""
        whole: dict[Owner, list[Found]] = {}
        for one in some:
            whole.setdefault(one.owner, []).append(one)
        return [
            (
                Remembered(id=owner.injection or "found", fault="", target=self.place, version=1,
                           data=Memory(self.cluster, owner, tuple(one.held for one in found)).to_data()),
                owner.by,
                f"{named([one.held.ref for one in found])} of injection {owner.injection or '?'} ({owner.by or '?'})",
            )
            for owner, found in whole.items()
        ]  # fmt: skip


async def sweep(kubeconfig: str, context: str, kinds: Iterable[Kind]) -> Swept:
    """Find all of these kinds that bear a mark or label of ours. Raises InjectionFailed when the cluster cannot be asked."""
    held: list[Found] = []
    unseen: list[str] = []
    async with reach({"kubeconfig": kubeconfig, "context": context, "uid": ""}) as cluster:
        for kind in kinds:
            try:
                held += await find(cluster, [kind])
            except InjectionFailed as error:
                unseen.append(str(error))
        return Swept(cluster.place, tuple(held), tuple(unseen), cluster.to_data())
