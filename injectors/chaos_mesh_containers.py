"""Which containers ran before a fault, and whether these, or others from the same images, run now."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from injectors import kubernetes_return as returning
from injectors.injector import Effect, InjectionFailed, Remembered, Stage
from injectors.kubernetes_api import Cluster, Object, reach

By = Literal["id", "image"]
_FIELDS: Mapping[By, str] = {"id": "containerID", "image": "imageID"}
_PAUSE_S, _SPARE_S, _TOLD_S = 0.1, 3.0, 15.0


def known(pod: Object, names: Sequence[str] = ()) -> dict[str, Any]:
    """Those of a pod that run, all or those named; JSON."""
    told = [one for one in _told(pod) if _runs(one) and (not names or one["name"] in names)]
    own = {str(one["name"]): {by: str(one.get(field)) for by, field in _FIELDS.items()} for one in told}
    return {"uid": str(pod["metadata"]["uid"]), "ran": own}


async def judged(said: Effect, remembered: Remembered, by: By) -> Effect:
    """What the controllers of Chaos Mesh have said, and what the containers show, which is believed.

    In effect when none of those that ran does: the very ones, or any from their images. Gone when all run from their images.
    """
    data = remembered.data
    is_healing = "healing" in data
    if said.present is None or "known" not in data or (is_healing and said.present):
        return said
    try:
        async with reach(data["cluster"]) as cluster:
            if is_healing:
                late = await _lacking(cluster, data)
                return Effect(bool(late), late or said.why)
            unhurt = await _first(cluster, data["known"], by, running=True)
    except InjectionFailed as error:
        return Effect(None, str(error))
    return Effect(
        not unhurt, f"{unhurt} goes on running" if unhurt else f"none of the containers runs that did; {said.why}"
    )


async def until_hurt(cluster: Cluster, data: Mapping[str, Any], stage: Stage, by: By) -> None:
    """Wait a while until none of those that ran does, so that nobody heals what has not shown yet."""
    until_s = max(_SPARE_S, stage.remaining_s() - _TOLD_S)
    while stage.remaining_s() > until_s and await _first(cluster, data["known"], by, running=True):
        await stage.sleep(_PAUSE_S)


async def wait(data: Mapping[str, Any], stage: Stage) -> None:
    """Until all run again. Raises InjectionFailed when they do not at the end of the time."""
    async with reach(data["cluster"]) as cluster:
        while late := await _lacking(cluster, data):
            if stage.remaining_s() < _SPARE_S:
                raise InjectionFailed(late)
            await stage.sleep(_PAUSE_S)


async def _lacking(cluster: Cluster, data: Mapping[str, Any]) -> str:
    late = await _first(cluster, data.get("known") or {}, "image", running=False)
    return f"{late} does not run again yet" if late else await returning.missing(cluster, data.get("owners") or ())


async def _first(cluster: Cluster, pods: Mapping[str, Any], by: By, *, running: bool) -> str:
    """One of the containers that does, or does not run, of pods that are still there; empty when there is none."""
    for path, before in pods.items():
        pod = await cluster.get(path)
        if pod is None or pod["metadata"]["uid"] != before["uid"] or pod["metadata"].get("deletionTimestamp"):
            continue
        now = {str(one["name"]): str(one.get(_FIELDS[by])) for one in _told(pod) if _runs(one)}
        for name, ran in before["ran"].items():
            if (now.get(name) == ran[by]) is running:
                return f"container {name} of pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return ""


def _told(pod: Object) -> Sequence[Mapping[str, Any]]:
    return pod.get("status", {}).get("containerStatuses") or ()


def _runs(container: Mapping[str, Any]) -> bool:
    return "running" in (container.get("state") or {})
