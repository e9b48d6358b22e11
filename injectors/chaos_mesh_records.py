"""One custom resource of Chaos Mesh: what is written, and what its controllers say of it. Pure.

They say it in records, one for each pod. A record counts how often it was injected and recovered; that its phase is
`Not Injected` is also so before the first time. What they say of all together they may get wrong in both directions, so
nothing is believed that the records do not bear out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from injectors.kubernetes_api import Kind, Object
from injectors.kubernetes_marks import Owner

MARGIN_S = 120.0
"""So much longer than the drill wants it a fault may last when nobody of us is left to take it away."""
MOST_S = 3600.0
"""Where nobody has said how long it may last."""
_NAME_MAX = 40
_WHY_MAX = 300


class Whom(NamedTuple):
    """Whom it befalls, as found: of a link those who ask, and those who answer."""

    pods: tuple[Object, ...]
    others: tuple[Object, ...] = ()


class Wish(NamedTuple):
    """What Chaos Mesh is asked for: a spec without whom it befalls and how long it lasts."""

    kind: Kind
    spec: Mapping[str, Any]
    lasts: bool = True
    """False for what is done once and never recovers, as a container that is killed."""


def name_of(owner: Owner, number: int = 1) -> str:
    """Of the object that an injection makes, and of those that it makes later, for pods born meanwhile."""
    import zlib

    safe = re.sub(r"[^a-z0-9]+", "-", owner.injection.lower()).strip("-")
    if safe != owner.injection or len(safe) > _NAME_MAX:
        safe = f"{safe[:_NAME_MAX].strip('-')}-{zlib.crc32(owner.injection.encode()):08x}"
    return f"drill-{safe}" + (f"-{number}" if number > 1 else "")


def body(wish: Wish, whom: Whom, name: str, lasts_s: float) -> dict[str, Any]:
    """The object, in the namespace of the first pod. The very pods are named: whom the plan shows, and nobody else."""
    target = {"target": {"mode": "all", "selector": _selector(whom.others)}} if whom.others else {}
    spec = {**wish.spec, "mode": "all", "selector": _selector(whom.pods), "duration": f"{int(lasts_s)}s", **target}
    return {"metadata": {"name": name, "namespace": whom.pods[0]["metadata"]["namespace"]}, "spec": spec}


def lasts_s(for_s: float | None, most_s: float | None) -> float:
    """How long the controllers are to leave it there. It cannot be made longer later: webhooks forbid that."""
    return min(one for one in (for_s, most_s, MOST_S if for_s is None and most_s is None else None)
               if one is not None) + MARGIN_S  # fmt: skip


def duration(value: timedelta) -> str:
    """As Go reads it, to the millisecond."""
    return f"{value // timedelta(milliseconds=1)}ms"


def _selector(pods: Iterable[Object]) -> dict[str, Any]:
    named: dict[str, list[str]] = {}
    for one in pods:
        named.setdefault(str(one["metadata"]["namespace"]), []).append(str(one["metadata"]["name"]))
    return {"namespaces": sorted(named), "pods": named}


class State(NamedTuple):
    """What the controllers have said of an object."""

    seen: bool
    """Whether they have said anything at all."""
    selected: bool
    stopped: bool
    """Whether they mean to take it away: its time is over, or it is paused or deleted."""
    records: tuple[Mapping[str, Any], ...]
    lasts: bool = True

    @classmethod
    def of(cls, found: Object, *, lasts: bool = True) -> "State":
        """As it is written on the object."""
        status = found.get("status") or {}
        conditions = {str(one.get("type")): one.get("status") == "True" for one in status.get("conditions") or ()}
        experiment = status.get("experiment") or {}
        return cls(bool(conditions), conditions.get("Selected", False), experiment.get("desiredPhase") == "Stop",
                   tuple(experiment.get("containerRecords") or ()), lasts)  # fmt: skip

    @property
    def injected(self) -> bool:
        """Whether every record is."""
        return bool(self.records) and not self.waiting

    @property
    def waiting(self) -> list[str]:
        """Whose records say that it is not there: `shop/web-1`."""
        return [name(one) for one in self.records
                if not one.get("injectedCount") or (self.lasts and one.get("phase") != "Injected")]  # fmt: skip

    @property
    def failure(self) -> str:
        """What kept a record from being injected or recovered, as its last event says it; empty when nothing did."""
        return next((why for one in self.records if (why := _failure(one))), "")

    @property
    def stuck(self) -> Sequence[tuple[str, str]]:
        """Of which pods the fault is not gone, and why, where anybody has said so."""
        return [(name(one), _failure(one)) for one in self.records if one.get("phase") != "Not Injected"]


def name(record: Mapping[str, Any]) -> str:
    """The pod, as `shop/web-1`; of a container the same."""
    return "/".join(str(record.get("id", "")).split("/")[:2])


def _failure(record: Mapping[str, Any]) -> str:
    events = record.get("events") or ()
    last = events[-1] if events else {}
    text = " ".join(str(last.get("message", "")).split())
    return (text[: _WHY_MAX - 1] + "…" if len(text) > _WHY_MAX else text) if last.get("type") == "Failed" else ""
