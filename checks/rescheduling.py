"""What became of the pods of a workload after a fault: not ready, evicted, born again elsewhere, ready again. Pure.

Times are those at which a change was told; where it may have been earlier, the bounds say by how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from checks.check import Measured
from checks.cluster import Change, changes
from checks.evidence import Evidence

STEPS = ("not_ready", "evicted", "rescheduled", "ready")
"""In the order in which they are expected to come; each is the first of its kind after the fault's first act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduled:
    """One workload."""

    workload: str
    """`deployment/shop`."""
    namespace: str
    after: Mapping[str, Measured] = field(default_factory=dict)
    """How long after the fault's first act each of `STEPS` came; one that never came is absent. `ready` is the last of all."""
    proof: tuple[int, ...] = ()


def rescheduling(evidence: Evidence, fault: str) -> tuple[Rescheduled, ...]:
    """The workloads whose pods were hurt, the first to be hurt first; empty when the fault never acted, or hurt none."""
    acting_s = evidence.fault(fault).acting_s
    if acting_s is None:
        return ()
    of_workloads: dict[tuple[str, str], list[Change]] = {}
    for change in changes(evidence):
        owner = str(change.now.get("owner") or change.was.get("owner") or "")
        if change.kind == "pod" and owner and change.change != "there" and change.t_s >= acting_s:
            of_workloads.setdefault((change.namespace, owner), []).append(change)
    found = [_of(namespace, owner, told, acting_s) for (namespace, owner), told in of_workloads.items()]
    hurt = [one for one in found if "not_ready" in one.after]
    return tuple(sorted(hurt, key=lambda one: one.after["not_ready"].value))


def _of(namespace: str, workload: str, told: list[Change], acting_s: float) -> Rescheduled:
    steps: dict[str, Change] = {}
    born: set[str] = set()
    unwell: set[str] = set()
    for change in told:
        if change.change == "born":
            born.add(change.uid)
        for step in _steps(change, anew=change.uid in born):
            steps.setdefault(step, change)
        (unwell.add if change.state == "not_ready" else unwell.discard)(change.uid)
        if change.state == "ready" and "not_ready" in steps:
            steps["ready"] = change  # the last to become so made them all
    if unwell:
        steps.pop("ready", None)
    after = {step: _after(steps[step], acting_s) for step in STEPS if step in steps}
    return Rescheduled(workload=workload, namespace=namespace, after=after,
                       proof=tuple(sorted({one.seq for one in steps.values()})))  # fmt: skip


def _steps(change: Change, *, anew: bool) -> Iterator[str]:
    """Which of the steps a change of a pod is; the last but one only of a pod that was born since."""
    if change.was_state == "ready" and change.state != "ready":
        yield "not_ready"
    if change.state in ("leaving", "gone", "ended"):
        yield "evicted"
    if anew and change.now.get("node"):
        yield "rescheduled"


def _after(change: Change, acting_s: float) -> Measured:
    earliest_s = max(change.earliest_s, acting_s)
    return Measured.between(earliest_s - acting_s, change.t_s - acting_s)
