"""Many objects at once: they are read by lists, where asking for each of them would be a thousand calls."""

from collections.abc import Iterable, Mapping

from injectors.kubernetes_api import KINDS, Cluster, Object, Ref

A_CALL = 16
"""So many objects of a list cost about as much as one call for a single one."""
_FEW = 32
"""For so many nobody asks how many others there are."""


async def is_list_less(cluster: Cluster, path: str, calls: int) -> bool:
    """Whether to read all objects at this path costs less than so many calls."""
    return await cluster.count(path) <= calls * A_CALL


async def listed(cluster: Cluster, refs: Iterable[Ref]) -> Mapping[str, Object]:
    """As they are now, by their paths: those of which there are many of a kind in a namespace, and few others.

    Who is not among them may be gone, or one of a few, and is to be asked for by name.
    """
    places: dict[tuple[str, str], set[str]] = {}
    for ref in refs:
        places.setdefault((ref.kind, ref.namespace), set()).add(ref.name)
    found: dict[str, Object] = {}
    for (kind, namespace), names in places.items():
        path = KINDS[kind].path(namespace)
        if len(names) > _FEW and await is_list_less(cluster, path, len(names)):
            for one in await cluster.list(path, keep=lambda one: _among(one, names)):  # noqa: B023
                found[f"{path}/{one['metadata']['name']}"] = one
    return found


def _among(one: Object, names: set[str]) -> Object | None:
    return one if one["metadata"]["name"] in names else None
