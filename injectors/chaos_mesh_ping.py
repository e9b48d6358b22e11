"""Pings of a link in a cluster: a command of the inventory, run in a pod that asks, which ends well once it was answered.

It is run before the fault too: a ping that failed already, or was slow already, proves nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from injectors.chaos_mesh import ChaosMeshAddress
from injectors.injector import Effect, InjectionFailed
from injectors.kubernetes_api import POD, Cluster, Object, Ref
from injectors.kubernetes_exec import Ended, run
from injectors.kubernetes_targets import running

Sign = Literal["", "cut", "slower"]
_WITHIN_S = 2.0
"""For an answer, beside what the fault itself takes."""
_NOISE_S = 0.005
_TRIES = 2


async def before(cluster: Cluster, address: ChaosMeshAddress, pods: Sequence[Object], sign: Sign,
                 at_least_s: float) -> dict[str, Any]:  # fmt: skip
    """What later looks need, JSON. With an empty `sign` nothing can be measured, and `why_not` says why."""
    if not address.ping:
        return {
            "sign": "",
            "why_not": "the inventory gives the link no `ping`" if address.is_link else "",
            "command": [],
        }
    one = next((pod for pod in pods if _container(pod)), None)
    if one is None:
        return {"sign": "", "why_not": "no container runs there that could ping", "command": []}
    seen: dict[str, Any] = {
        "sign": sign, "why_not": "" if sign else "it shows only over many looks", "at_least_s": at_least_s,
        "command": list(address.ping), "pod": list(Ref.of(POD, one)), "container": _container(one),
    }  # fmt: skip
    try:
        looks = [await _ping(cluster, seen, _WITHIN_S) for _ in range(_TRIES)]
    except InjectionFailed as error:
        return {**seen, "command": [], "sign": "", "why_not": str(error)}
    if any(one.code != 0 for one in looks):
        return {**seen, "command": [], "sign": "", "why_not": f"a ping {_how(looks[-1])} also without the fault"}
    return {**seen, "took_s": min(one.took_s for one in looks), "spread_s": max(one.took_s for one in looks)}


def _container(pod: Object) -> str:
    return next(iter(running(pod)), "")


async def during(cluster: Cluster, seen: Mapping[str, Any]) -> Effect:
    """What a ping says to the fault being there; None when it says nothing."""
    if not seen.get("sign"):
        return Effect(None, f"the effect was not measured: {seen['why_not']}" if seen.get("why_not") else "")
    try:
        look = await _ping(cluster, seen, _WITHIN_S + 2 * float(seen["at_least_s"]))
    except InjectionFailed as error:
        return Effect(None, f"the effect was not measured: {error}")
    said = f"a ping {_how(look)}, and took {_ms(seen['took_s'])} before"
    if seen["sign"] == "cut":
        return Effect(look.code != 0, said)
    if look.code != 0:
        return Effect(None, f"the effect was not measured: {said}")
    least_s = float(seen["took_s"]) + float(seen["at_least_s"])
    return Effect(look.took_s >= least_s - _NOISE_S, said)


async def after(cluster: Cluster, seen: Mapping[str, Any]) -> Effect:
    """Whether a ping shows that it is over: False when it does, None when a ping fails, as it may for other reasons."""
    if not seen.get("command"):
        return Effect(False, f"no look at traffic: {seen['why_not']}" if seen.get("why_not") else "")
    try:
        look = await _ping(cluster, seen, _WITHIN_S)
    except InjectionFailed as error:
        return Effect(False, f"no look at traffic: {error}")
    if look.code == 0:
        return Effect(False, f"a ping {_how(look)}")
    return Effect(None, f"a ping {_how(look)}, as it did not before the fault")


async def _ping(cluster: Cluster, seen: Mapping[str, Any], within_s: float) -> Ended:
    return await run(cluster, Ref(*seen["pod"]), seen["container"], seen["command"], within_s)


def _how(look: Ended) -> str:
    if look.code is None:
        return f"is not answered within {_ms(look.took_s)}"
    return (
        f"is answered in {_ms(look.took_s)}" if look.code == 0 else f"fails with {look.code} after {_ms(look.took_s)}"
    )


def _ms(seconds: float) -> str:
    return f"{float(seconds) * 1000:.0f} ms"
