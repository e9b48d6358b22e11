"""The plan: a drill with every target looked at, every time, undo and guard rail settled, before anything is done.

Printing it is the dry run; the conductor runs it and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from checks import Waits
from checks.units import show_duration
from drills.cast import Cue, Run, after_healing
from drills.drill import Fault, digest
from drills.errors import DrillError, Problem
from drills.inventory import Inventory
from drills.load import Loaded
from drills.when import When
from injectors import Bundle, InjectionFailed, Injector, Part, Preview, Side, Touch

PREVIEW_S = 30.0
"""For one fault's targets to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """One injection of a fault, with its target settled. Most faults have one; a bundle has several."""

    injector: Injector
    address: Any
    preview: Preview
    in_lab: bool
    """True when the target exists only while the lab runs, so that it is looked at again then."""

    @property
    def does(self) -> str:
        """`SIGKILL to 1 process (cache-primary)`."""
        return f"{self.preview.does} ({self.injector.target})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault with its targets settled."""

    fault: Fault
    parts: tuple[PlannedPart, ...]
    preview: Preview
    """Of all parts together."""

    @property
    def in_lab(self) -> bool:
        """True when a target exists only while the lab runs."""
        return any(one.in_lab for one in self.parts)

    @property
    def does(self) -> str:
        """`SIGKILL to 1 process (cache-primary)`; of a bundle what each part does."""
        return "; ".join(one.does for one in self.parts)

    @property
    def starts(self) -> str:
        """When it starts, in words."""
        at, when = self.fault.at, self.fault.when
        if when:
            return f"when {condition(when)}, within {_s(when.deadline.total_seconds())} of the steady state"
        return f"{_s(at.total_seconds())} after the steady state" if at else "at the steady state"

    @property
    def lasts(self) -> str:
        """How long, in words."""
        lasts = self.fault.for_
        return "until the checks are done" if lasts is None else f"for {_s(lasts.total_seconds())}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long the parts of a run take, in seconds, apart from starting the lab, healing and reading back."""

    steady_s: float
    faults_s: float
    recovery_s: float
    most_s: float
    """All of them at worst: every wait up to its end, every fault as late as it may be."""
    earliest: Mapping[str, float]
    """When each fault can begin and each act of the cast can be over at the earliest, counted from the steady state."""

    @property
    def about_s(self) -> float:
        """The whole, when all goes well."""
        return self.steady_s + self.faults_s + self.recovery_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will happen, and to what."""

    loaded: Loaded
    faults: tuple[PlannedFault, ...]
    times: Times

    @property
    def touches(self) -> tuple[Touch, ...]:
        """The blast radius: everything that any fault touches, each once."""
        return tuple({touch.key: touch for fault in self.faults for touch in fault.preview.touches}.values())


def comes(cue: Cue) -> str:
    """When an act of the cast comes, in words."""
    given, came = cue.settings, cue.after
    words = f"{_s(given.at.total_seconds())} after the steady state" if given.at else ""
    if came:
        words = f"{_s(came.later.total_seconds())} after {came.name}" if came.later else f"after {came.name}"
    if given.when:
        waits = f"when {condition(given.when)}, within {_s(given.when.deadline.total_seconds())} of the steady state"
        words = f"{words}, {waits}" if words else waits
    words = words or "at the steady state"
    if given.every:
        until = cue.until
        later = f"{_s(until.later.total_seconds())} after " if until and until.later else ""
        words += f", then every {_s(given.every.total_seconds())} until {later + until.name if until else 'the end'}"
    return words


def condition(when: When) -> str:
    """A condition in words."""
    if when.probe:
        good = when.good_for is not None
        span = when.good_for or when.bad_for
        return f"{when.probe} is {'good' if good else 'bad'} for {_s(span.total_seconds() if span else 0)}"
    if when.fault:
        since = when.verified_for.total_seconds()
        return f"{when.fault} is in effect" + (f" for {_s(since)}" if since else "")
    return f"alert {when.alert} is {when.state}" if when.alert else f"{when.event} is seen"


async def make(loaded: Loaded) -> Plan:
    """Settle a drill. Looks at the targets and touches nothing. Raises DrillError with all that speaks against it."""
    problems: list[Problem] = []
    planned = [one for fault in loaded.drill.faults if (one := await _settle(loaded, fault, problems)) is not None]
    plan = Plan(loaded=loaded, faults=tuple(planned), times=_times(loaded))
    problems += guard(plan)
    if problems:
        raise DrillError(problems)
    return plan


async def look_again(plan: Plan) -> Plan:
    """The same plan with every target looked at anew, now that the lab runs. Raises DrillError as `make` does."""
    problems: list[Problem] = []
    faults = [one for old in plan.faults if (one := await _settle(plan.loaded, old.fault, problems, running=True))]
    again = Plan(loaded=plan.loaded, faults=tuple(faults), times=plan.times)
    problems += guard(again)
    if problems:
        raise DrillError(problems)
    return again


def guard(plan: Plan) -> list[Problem]:
    """What the guard rails say against a plan: where it may run, how much it may touch, how long it may take."""
    drill, safety = plan.loaded.drill, plan.loaded.drill.head.safety
    place = drill.places.get(("head", "safety")) or drill.places["head", "drill"]
    problems: list[Problem] = []
    environment = plan.loaded.inventory.environment
    if environment not in safety.environments:
        problems.append(Problem(place, f"the drill may not run in `{environment}`",
                                f"it may run in: {', '.join(safety.environments)}; add `{environment}` to "
                                "`safety.environments` if it really may", "environment-not-allowed"))  # fmt: skip
    if len(plan.touches) > safety.max_targets:
        listed = ", ".join(touch.what for touch in plan.touches)
        problems.append(Problem(place, f"the drill would touch {len(plan.touches)} things, and {safety.max_targets} is "
                                "the most it may", f"it would touch: {listed}; raise `safety.max_targets` or touch less",
                                "too-many-targets"))  # fmt: skip
    longest = safety.max_duration.total_seconds()
    if plan.times.faults_s > longest:
        problems.append(Problem(place, f"the faults would last {_s(plan.times.faults_s)}, and {_s(longest)} is the most "
                                "they may", "raise `safety.max_duration`, or shorten `at`, `for` or the checks' `within`",
                                "too-long"))  # fmt: skip
    return problems + [_never(plan, fault) for fault in drill.faults if _comes_too_late(plan, fault)]


def _comes_too_late(plan: Plan, fault: Fault) -> bool:
    """True for a fault whose deadline is over before what it waits for can have come."""
    return fault.when is not None and plan.times.earliest[fault.id] > fault.when.deadline.total_seconds()


def _never(plan: Plan, fault: Fault) -> Problem:
    assert fault.when is not None
    earliest, deadline = plan.times.earliest[fault.id], fault.when.deadline.total_seconds()
    return Problem(plan.loaded.drill.places["fault", fault.id], f"fault `{fault.id}` would always be skipped: it waits "
                   f"for what comes after {_s(earliest)} at the earliest, and its deadline is {_s(deadline)}",
                   "a `deadline` counts from the steady state: make it longer", "never-in-time")  # fmt: skip


async def _settle(loaded: Loaded, fault: Fault, problems: list[Problem], *,
                  running: bool = False) -> PlannedFault | None:  # fmt: skip
    import asyncio

    parts = loaded.parts(fault)
    settled = await asyncio.gather(*(_settle_part(loaded, fault, part, problems, running=running) for part in parts))
    found = tuple(one for one in settled if one is not None)
    return _together(fault, found, parts) if len(found) == len(parts) else None


def _together(fault: Fault, found: tuple[PlannedPart, ...], parts: Sequence[Part]) -> PlannedFault:
    """A fault of its parts; where it is a bundle, with every side of what it stands for, done or not."""
    if not isinstance(fault.injector, Bundle):
        return PlannedFault(fault=fault, parts=found, preview=found[0].preview)
    sides = [side for part, one in zip(parts, found, strict=True) for side in _sides(part, one)]
    missing = [name for name in fault.injector.sides if name not in {one.name for one in sides}]
    sides += [Side(name=name, engine="", how="the inventory says nothing of it") for name in missing]
    order = {name: number for number, name in enumerate(fault.injector.sides)}
    preview = Preview(
        touches=tuple({touch.key: touch for one in found for touch in one.preview.touches}.values()),
        does="; ".join(one.preview.does for one in found),
        undo="; ".join(dict.fromkeys(one.preview.undo for one in found)),
        sides=tuple(sorted(sides, key=lambda one: order.get(one.name, len(order)))),
    )
    return PlannedFault(fault=fault, parts=found, preview=preview)


def _sides(part: Part, planned: PlannedPart) -> Sequence[Side]:
    if not part.side:
        return planned.preview.sides
    engine: str = planned.address.name
    return [Side(name=part.side, engine=engine, how=planned.does)]


async def _settle_part(loaded: Loaded, fault: Fault, part: Part, problems: list[Problem], *,
                       running: bool) -> PlannedPart | None:  # fmt: skip
    injector, target = part.injector, part.injector.target
    kind = type(injector)
    address = loaded.address_of(target, kind)
    in_lab = target in loaded.inventory.in_lab and not running
    place = loaded.drill.places["fault", fault.id]
    try:
        preview = await _look(injector, address)
    except InjectionFailed as error:
        if not in_lab:
            what = loaded.inventory.hidden(f"{kind.name} of `{target}` cannot be done: {error}")
            problems.append(Problem(place, what, "", "cannot-inject"))
            return None
        preview = Preview(touches=(), does=kind.name, undo="as it will be found once the lab runs")
    if not preview.touches and in_lab:
        touch = Touch(
            what=f"{target}, once the lab runs", key=f"lab:{loaded.lab.folder}:{target}" if loaded.lab else target
        )
        preview = replace(preview, touches=(touch,), does=kind.name)
    if not preview.touches:
        missing = loaded.inventory.hidden(preview.missing or "nothing is there")
        problems.append(Problem(place, f"{kind.name} of `{target}` has no target: {missing}",
                                "see that it runs, and that the inventory says rightly where", "no-target"))  # fmt: skip
        return None
    if not preview.undo:
        problems.append(Problem(place, f"{kind.name} of `{target}` could not be undone",
                                "say in the inventory how to take it back; for a process: `start: [...]` or "
                                "`supervised: true`", "no-undo"))  # fmt: skip
    return PlannedPart(injector=injector, address=address, preview=_hidden(preview, loaded.inventory), in_lab=in_lab)


async def _look(injector: Injector, address: Any) -> Preview:
    """What it would touch. Raises InjectionFailed, also when nobody answers."""
    import asyncio

    try:
        async with asyncio.timeout(PREVIEW_S):
            return await injector.preview(address)
    except TimeoutError:
        raise InjectionFailed(f"it could not be looked at within {_s(PREVIEW_S)}") from None


def _hidden(preview: Preview, inventory: Inventory) -> Preview:
    """Without what came from the environment, since a plan is printed and kept; keys must still tell things apart."""
    hidden = inventory.hidden
    touches = tuple(
        Touch(what=hidden(one.what), key=one.key if hidden(one.key) == one.key else digest(one.key.encode()))
        for one in preview.touches
    )
    return replace(
        preview, touches=touches, does=hidden(preview.does), undo=hidden(preview.undo), missing=hidden(preview.missing),
        sides=tuple(replace(one, how=hidden(one.how)) for one in preview.sides),
    )  # fmt: skip


def _times(loaded: Loaded) -> Times:
    """Reckon with every fault taking effect at once, and every check needing all its time.

    What passes must go on passing for as long as a look may hang, so that each wait for checks takes that longer.
    """
    drill = loaded.drill
    starts: dict[str, float] = {}
    latest: dict[str, float] = {}
    late = after_healing(drill.cast)
    for fault in _in_order(drill.faults):
        if fault.when is None:
            starts[fault.id] = latest[fault.id] = fault.at.total_seconds() if fault.at else 0.0
        else:
            starts[fault.id] = _earliest(fault.when, starts)
            latest[fault.id] = fault.when.deadline.total_seconds()
    _time_acts(drill.cast, starts, latest)
    horizons = [use.check.horizon() for use in drill.checks if isinstance(use.check, Waits)]
    hangs_s = max((use.timeout.total_seconds() for use in drill.probes.values() if horizons), default=0.0)

    def until(start: Mapping[str, float]) -> float:
        lasting = [start[one.id] + (one.for_.total_seconds() if one.for_ else 0.0) for one in drill.faults]
        waiting = [start[one.after] + one.for_s for one in horizons if one.after is not None]
        acting = [start[one.id] for one in drill.cast if one.id not in late]
        return max([0.0, *lasting, *waiting, *acting]) + hangs_s

    hold_s = max((entry.hold.total_seconds() for entry in drill.head.steady), default=0.0)
    within_s = drill.head.steady_within.total_seconds() if drill.head.steady else 0.0
    waiting_s = max((one.for_s if one.after is None else one.healed_s for one in horizons), default=0.0)
    most_s = min(until(latest), drill.head.safety.max_duration.total_seconds())
    return Times(
        steady_s=hold_s,
        faults_s=until(starts),
        recovery_s=max(hold_s, waiting_s) + hangs_s,
        earliest=starts,
        most_s=within_s + max(most_s + max(within_s, waiting_s), *(latest[one] for one in late), 0.0) + hangs_s,
    )


def _time_acts(cues: Iterable[Cue], starts: dict[str, float], latest: dict[str, float]) -> None:
    """Add when each act of the cast can be over at the earliest, and is at the latest."""
    left = list(cues)
    while ready := [one for one in left if one.after is None or one.after.name in starts]:
        left = [one for one in left if one not in ready]
        for cue in ready:
            came, since = cue.after, cue.settings.at.total_seconds() if cue.settings.at else 0.0
            later_s = came.later.total_seconds() if came else 0.0
            starts[cue.id] = starts[came.name] + later_s if came else since
            latest[cue.id] = latest[came.name] + later_s if came else since
            if when := cue.settings.when:
                starts[cue.id] = max(starts[cue.id], _earliest(when, starts))
                latest[cue.id] = when.deadline.total_seconds()
            if isinstance(cue.line, Run):
                latest[cue.id] += cue.line.within.total_seconds()


def _earliest(when: When, starts: Mapping[str, float]) -> float:
    """When a condition can be met at the earliest, counted from the steady state."""
    span = when.verified_for or when.good_for or when.bad_for
    return starts.get(when.fault or "", 0.0) + (span.total_seconds() if span else 0.0)


def _in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Faults with each one after the fault it waits for; a circle of them is left in the order written."""
    done: list[Fault] = []
    left = list(faults)
    while left:
        names = {one.id for one in done}
        ready = [one for one in left if one.when is None or one.when.fault is None or one.when.fault in names]
        done += ready or left
        left = [one for one in left if one not in done]
    return done


def sides(preview: Preview) -> list[dict[str, Any]]:
    """How true to life an outage is, as JSON; of what is no outage there are none."""
    return [asdict(one) for one in preview.sides]


def to_data(plan: Plan) -> dict[str, Any]:
    """As JSON, for the run's directory. Addresses stay out of it: they may hold secrets."""
    head = plan.loaded.drill.head
    return {
        "drill": head.drill,
        "environment": plan.loaded.inventory.environment,
        "faults": [
            {
                "id": one.fault.id,
                "kind": one.fault.kind,
                "does": one.does,
                "target": one.fault.injector.target,
                "starts": one.starts,
                "lasts": one.lasts,
                "touches": [{"what": touch.what, "key": touch.key} for touch in one.preview.touches],
                "undo": one.preview.undo,
                "sides": sides(one.preview),
            }
            for one in plan.faults
        ],
        "probes": [
            {"name": one.name, "kind": one.kind, "target": one.probe.target, "every_s": one.every.total_seconds(),
             "timeout_s": one.timeout.total_seconds()}
            for one in plan.loaded.drill.probes.values()
        ],
        "checks": [{"id": one.id, "kind": one.kind} for one in plan.loaded.drill.all_checks],
        "cast": [{"id": one.id, "who": one.who, "act": one.line.name, "comes": comes(one)} for one in plan.loaded.drill.cast],
        "safety": {
            "environments": list(head.safety.environments),
            "max_targets": head.safety.max_targets,
            "max_duration_s": head.safety.max_duration.total_seconds(),
        },
        "times": {"about_s": plan.times.about_s, "most_s": plan.times.most_s},
        "digests": plan.loaded.digests,
    }  # fmt: skip


def _s(seconds: float) -> str:
    return show_duration(seconds)
