"""What observers of a Kubernetes cluster told, change by change, for whoever judges by it. Pure.

What an object was before the first change comes first, as if it had been told of each by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import Any

from checks.evidence import Event, Evidence

LISTED, CHANGED = "kubernetes.listed", "kubernetes.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One object, when it was told of."""

    t_s: float
    seq: int
    observer: str
    namespace: str
    object: str
    """Its kind and name: `deployment/shop`."""
    uid: str
    change: str
    """`there`: it was there when the observer began to listen; `born`, `changed` or `gone`."""
    state: str
    """How it stood from then on: `ready`, `not_ready`, `leaving`, `gone`, …."""
    was_state: str = ""
    """How it stood before; empty where that is not known."""
    now: Mapping[str, Any] = field(default_factory=dict)
    was: Mapping[str, Any] = field(default_factory=dict)
    """Of that, what was otherwise before."""
    wrote: Mapping[str, Any] = field(default_factory=dict)
    """Who changed what it should be, and how; empty when nobody did."""
    within_s: float = 0.0
    """It came about no longer before it was told than this; 0: it was told as it came."""
    noted_s: float | None = None
    """Since when it is ready, or is not, as the cluster noted it, by its own clock and in whole seconds."""

    @property
    def kind(self) -> str:
        """What it is: `deployment`."""
        return self.object.partition("/")[0]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.object.partition("/")[2]

    @property
    def earliest_s(self) -> float:
        """It came about no earlier than this."""
        return round(self.t_s - self.within_s, 6)


def changes(evidence: Evidence, observer: str = "") -> Iterator[Change]:
    """All that was told, in order; of one observer, or of all."""
    events = merge(evidence.told(LISTED), evidence.told(CHANGED), key=lambda one: one.seq)
    for event in events:
        if observer in ("", event.data.get("observer")):
            yield from _listed(event) if event.kind == LISTED else (_change(event, event.data, event.data["change"]),)


def _listed(event: Event) -> Iterator[Change]:
    return (_change(event, one, "there") for one in event.data.get("objects") or ())


def _change(event: Event, data: Mapping[str, Any], change: str) -> Change:
    return Change(
        t_s=event.t_s,
        seq=event.seq,
        observer=str(event.data.get("observer") or ""),
        namespace=str(data.get("namespace") or ""),
        object=str(data["object"]),
        uid=str(data.get("uid") or ""),
        change=change,
        state=str(data.get("state") or ""),
        was_state=str(data.get("was_state") or ""),
        now=data.get("now") or {},
        was=data.get("was") or {},
        wrote=data.get("wrote") or {},
        within_s=float(data.get("within_s") or 0.0),
        noted_s=_noted_s(event, str((data.get("now") or {}).get("since") or "")),
    )


def _noted_s(event: Event, since: str) -> float | None:
    """A time of the cluster's, in seconds since the run was opened; None of what is no time."""
    try:
        return round(event.t_s - (datetime.fromisoformat(event.at) - datetime.fromisoformat(since)).total_seconds(), 6)
    except (ValueError, TypeError, OverflowError):  # none is told; or one without its zone
        return None
