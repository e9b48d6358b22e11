"""What became of the workloads and nodes of a cluster after a fault: not ready, evicted, placed anew, ready again. Pure.

Times are those at which a change was told. Where it may have been earlier, or where nobody saw what came and went, the bounds
say by how much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from checks.check import Measured, Sentence
from checks.cluster import Change, changes
from checks.evidence import Evidence, FaultSeen

STEPS = ("not_ready", "evicted", "rescheduled", "ready")
"""In the order in which they are expected to come: fewer pods are ready than before the fault; the first is made to go; the
first that was born since has a node; as many are ready as before. Of a node there are only the first and the last."""
NODE_STEPS = ("not_ready", "ready")


class Key(NamedTuple):
    """Whose history it is."""

    observer: str
    namespace: str
    object: str
    """`deployment/shop`, or `node/a`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduling:
    """One workload, or one node, that a fault hurt."""

    object: str
    """`deployment/shop`, or `node/a`."""
    namespace: str
    """Empty for a node."""
    fault: str
    since_s: float
    """When the fault's first act was."""
    after: Mapping[str, Measured] = field(default_factory=dict)
    """How long after that each step came: `not_ready`, `evicted`, `rescheduled`, `ready`; one that did not come is absent."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """The journal line that shows each."""
    unready_s: float | None = None
    """How long after the fault's first act it was last known not to be ready, where it was never seen to be ready again."""
    why_not: Sentence | None = None
    """Why it was not."""
    unseen: tuple[tuple[float, float], ...] = ()
    """When, since the run was opened, nobody could see what came and went."""

    @property
    def steps(self) -> tuple[str, ...]:
        """Those that such a thing can go through."""
        return NODE_STEPS if self.object.startswith("node/") else STEPS


def rescheduling(evidence: Evidence, fault: str) -> tuple[Rescheduling, ...]:
    """What the fault hurt, the first to be hurt first; empty when it never acted, hurt nothing, or nobody watched."""
    seen = evidence.fault(fault)
    if seen.acting_s is None:
        return ()
    others = sorted(at_s for name in evidence.faults if name != fault
                    if (at_s := evidence.fault(name).acting_s) is not None and at_s > seen.acting_s)  # fmt: skip
    found = [_Story(evidence, key, told, seen, others).told() for key, told in evidence.derived(histories).items()]
    return tuple(sorted((one for one in found if one), key=lambda one: one.after["not_ready"].high))


def histories(evidence: Evidence) -> Mapping[Key, Sequence[Change]]:
    """What was told of each node, and of the pods of each workload, in order."""
    found: dict[Key, list[Change]] = {}
    for change in changes(evidence):
        whose = str(change.now.get("owner") or change.was.get("owner") or "") if change.kind == "pod" else ""
        whose = change.object if change.kind == "node" else whose
        if whose:
            found.setdefault(Key(change.observer, change.namespace, whose), []).append(change)
    return found


def unseen(evidence: Evidence, observer: str) -> tuple[tuple[float, float], ...]:
    """From when to when this observer missed what came and went; what it could catch up with is no such time."""
    return tuple((one.from_s, one.to_s) for one in losses(evidence, observer) if not one.caught_up)


class Loss(NamedTuple):
    """From when to when an observer heard nothing."""

    from_s: float
    to_s: float
    caught_up: bool
    """Whether it was told later all that it had not heard."""


def losses(evidence: Evidence, observer: str) -> list[Loss]:
    """All of them; one without an end lasts until the run has ended."""
    found: list[Loss] = []
    lost_s: float | None = None
    told = [*evidence.of("observer.lost", observer=observer), *evidence.of("observer.back", observer=observer)]
    for event in sorted(told, key=lambda one: one.seq):
        since_s = max(0.0, round(event.t_s - float(event.data.get("lost_s") or 0.0), 6))
        if event.kind == "observer.lost":
            lost_s = since_s if lost_s is None else lost_s
            continue
        if lost_s is not None:
            found.append(Loss(min(lost_s, since_s), event.t_s, event.data.get("caught_up") is True))
        lost_s = None
    if lost_s is not None:
        found.append(Loss(lost_s, max(lost_s, evidence.ended_s), caught_up=False))
    return found


def ready_before(told: Sequence[Change], at_s: float) -> set[str]:
    """Which of them, by uid, were ready at that time."""
    ready: dict[str, bool] = {}
    for change in told:
        if change.t_s < at_s or change.change == "there":
            ready[change.uid] = change.state == "ready"
        else:  # of one that is told of for the first time: as it was before that
            ready.setdefault(change.uid, change.change != "born" and change.was_state == "ready")
    return {uid for uid, one in ready.items() if one}


class _Story:
    """What happened to one of them because of one fault."""

    def __init__(self, evidence: Evidence, key: Key, told: Sequence[Change], fault: FaultSeen,
                 others: Sequence[float]) -> None:  # fmt: skip
        assert fault.acting_s is not None
        self._key, self._fault, self._since_s, self._ended_s = key, fault, fault.acting_s, evidence.ended_s
        self._losses = [one for one in losses(evidence, key.observer) if one.to_s > self._since_s]
        self._unseen = tuple((one.from_s, one.to_s) for one in self._losses if not one.caught_up)
        self._others = others
        self._steps: dict[str, Change] = {}
        self._ready = ready_before(told, self._since_s)
        self._need = len(self._ready)
        self._hurt = False
        """Whether fewer are ready than before."""
        self._follow([one for one in told if one.t_s >= self._since_s and one.change != "there"])

    def told(self) -> Rescheduling | None:
        """None where it was not hurt."""
        if "not_ready" not in self._steps:
            return None
        steps = [step for step in STEPS if step in self._steps]
        unready_s, why_not = self._not_again() if self._hurt else (None, None)
        return Rescheduling(
            object=self._key.object, namespace=self._key.namespace, fault=self._fault.fault, since_s=self._since_s,
            after={step: self._after(step) for step in steps}, lines={step: self._steps[step].seq for step in steps},
            unready_s=unready_s, why_not=why_not, unseen=self._unseen,
        )  # fmt: skip

    def _follow(self, told: Sequence[Change]) -> None:
        born: set[str] = set()
        for change in told:
            if not self._hurt and change.t_s >= self._over_s():
                return
            born |= {change.uid} if change.change == "born" else set()
            if change.kind == "pod":
                for step in _steps(change, anew=change.uid in born):
                    self._steps.setdefault(step, change)
            (self._ready.add if change.state == "ready" else self._ready.discard)(change.uid)
            self._weigh(change)

    def _weigh(self, change: Change) -> None:
        was_hurt, self._hurt = self._hurt, len(self._ready) < self._need
        if self._hurt and not was_hurt:
            self._steps.setdefault("not_ready", change)
            self._steps.pop("ready", None)
        elif was_hurt and not self._hurt:
            self._steps["ready"] = change  # the last to become so made them all

    def _over_s(self) -> float:
        """From when on it is not this fault that hurts: once all was ready again, as soon as it is healed or another one comes;
        and where nothing was hurt, when another one comes after it is gone."""
        if "not_ready" in self._steps:
            healing_s = inf if self._fault.healing_s is None else self._fault.healing_s
            return min([healing_s, *self._others])
        gone_s = inf if self._fault.gone_s is None else self._fault.gone_s
        return next((at_s for at_s in self._others if at_s >= gone_s), inf)

    def _after(self, step: str) -> Measured:
        change = self._steps[step]
        lows = [change.earliest_s]
        lost_s = min((one.from_s for one in self._losses if one.from_s < change.t_s), default=inf)
        if (
            change.noted_s is not None
        ):  # whom we could not hear, its own nodes may not have reached either, and told it later
            lows.append(max(lost_s, change.noted_s))
        if step != "ready":  # the first of its kind may have come while nobody saw it
            lows += [from_s for from_s, _ in self._unseen if from_s < change.t_s]
        low_s = max(min(lows), self._since_s)
        return Measured.between(low_s - self._since_s, max(low_s, change.t_s) - self._since_s)

    def _not_again(self) -> tuple[float, Sentence]:
        """Until when it was known not to be ready, and what is known of it then."""
        last_s = self._unseen[-1][0] if self._unseen else inf
        if self._unseen and self._unseen[-1][1] >= self._ended_s:
            return self._long(last_s), Sentence.of("nobody watched the cluster any more")
        return self._long(self._ended_s), Sentence.of("not ready again when the run ended")

    def _long(self, until_s: float) -> float:
        last_s = max(until_s, self._steps["not_ready"].t_s)
        return round(last_s - self._since_s, 6)


def _steps(change: Change, *, anew: bool) -> Iterator[str]:
    """Which of the steps a change of a pod is by itself; the last only of a pod that was born since."""
    if change.state in ("leaving", "gone", "ended"):
        yield "evicted"
    if anew and change.now.get("node"):
        yield "rescheduled"
