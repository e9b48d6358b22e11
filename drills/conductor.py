"""Runs a plan: starts the lab, looks, injects, heals, and writes down everything. It never judges.

The order is always the same: the reaper is armed before the first fault; each intent is on disk before its act;
whatever happened, everything is healed on the way out, newest first, and then looked for once more.
"""

import asyncio
import json
import os
import platform
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from math import inf
from pathlib import Path
from typing import Any

import drills
from checks import Event, Evidence, ReadsBack, SecondHand, Waits, Watch
from checks.units import show_duration
from drills import healer, lab, live, preflight, registry, rundir
from drills import plan as plans
from drills.clock import Clock, stamp
from drills.drill import Fault, ProbeUse
from drills.errors import DrillError, mistake
from drills.inbox import Inbox
from drills.journal import FORMAT, Journal, boot
from drills.leases import Leases
from drills.observing import Observing
from drills.people import kept_for
from drills.plan import Plan, PlannedFault, PlannedPart
from drills.playing import Playing
from drills.reaper import BEAT_S, Reaper, ReaperLost
from drills.rundir import RunDir
from drills.sampling import Batcher, Recent, Sampler
from drills.sops import roles_of
from drills.stage import RunStage, outstanding
from injectors import Extends, Injection, InjectionFailed, NothingRemembered, Remembered, Residue, host

INJECT_S = 60.0
"""For one injection to be brought about."""
EFFECT_S = 10.0
"""For a fault to be seen in effect after it was injected."""
READ_BACK_S = 20.0
"""For all numbered writes of one probe to be read back."""
READ_BACK_TRIES = 3
HEAL_PATIENCE_S = 60.0
"""How long the conductor itself goes on trying to heal what resists; the run stays listed for `drills heal` after."""
ENDING: Mapping[int, str] = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "asked to end",
    signal.SIGHUP: "the terminal was closed",
    signal.SIGQUIT: "asked to quit",
    signal.SIGTSTP: "",
}
"""Signals that end a run, and how that is said; SIGTSTP is heeded too, and refused."""
_ROOM_S = 1.0
"""How much longer than planned the faults may be there, for the time that injecting and healing take themselves."""
_TICK_S = 0.1
"""How often guards, conditions and requests to abort are looked at."""


class _NotStarted(Exception):
    """The run cannot begin, or its steady state was not reached; why stands in the journal."""


class Conductor:
    """One run of one plan."""

    def __init__(self, plan: Plan, run: RunDir, clock: Clock, *, heal_first: bool = False,
                 control: bool = False, attended: bool = False) -> None:  # fmt: skip
        self.plan, self.run, self.clock = plan, run, clock
        # A run's short name is its own on this host alone; what bears ours may be met by a run of another one.
        self._token = f"{run.short}-{secrets.token_hex(4)}"
        self.attended = attended
        """True when responders are there, for whose word the run waits."""
        self.control = control
        """True when all is done but inject, to see what comes without the faults."""
        self.drill = plan.loaded.drill
        self.evidence = Evidence()
        self.recent: dict[str, Recent] = {}
        """The last looks of each probe, for the screen."""
        self.phase = "preparing"
        self.zero_s: float | None = None
        """When the steady state was confirmed; `at` counts from here."""
        self._coming: dict[str, tuple[float, str]] = {}
        """What is to come, with the time when it does; for what has no set time, infinity."""
        self._heal_first = heal_first
        self._journal = Journal.create(run.journal, clock)
        self._journal.hide = plan.loaded.inventory.hidden
        self._journal.listen(self.evidence.add)
        self._heard: list[int] = []
        self._reaper: Reaper | None = None
        self._beating: asyncio.Task[None] | None = None
        self._over = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = asyncio.Event()
        self._watches: dict[str, Watch] = {}
        self._opened: dict[str, AsyncExitStack] = {}
        self._samplers: list[asyncio.Task[None]] = []
        self._batching: asyncio.Task[None] | None = None
        self._healed_s: float | None = None
        self._leases = Leases(self._journal)
        self._observing = Observing(self._journal, plan.loaded.inventory.people)
        self._inbox = Inbox(run, self._journal, plan.loaded.inventory, roles_of(self.drill))
        self._playing = Playing(plan.loaded, self._journal, self.evidence, self._coming)

    @property
    def next(self) -> str:
        """What happens next, in a few words, for the screen."""
        at_s, what = min(self._coming.values(), default=(inf, ""))
        return what if at_s == inf else f"{what} in {show_duration(max(0.0, round(at_s - self.now_s, 1)))}"

    @property
    def opened(self) -> bool:
        """True once the journal is there, and with it the run's time."""
        return bool(self.evidence.events)

    @property
    def now_s(self) -> float:
        """Seconds since the run was opened."""
        return self._journal.now_s

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call this with every event of the run, from the first one on."""
        self._journal.listen(listener)

    def stop(self, by: str, why: str) -> None:
        """Ask for the end: what has not begun is cancelled, everything is healed. Further calls change nothing."""
        if not self._over and not self._stopped.is_set():
            self._journal.append("run.aborted", {"by": by, "why": why})
            self._stopped.set()

    def hear(self, number: int) -> None:
        """A signal came; safe to call from a signal handler, at any time. The run itself does what it asks for."""
        if self._loop is None:
            self._heard.append(number)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._heed, number)

    def _heed(self, number: int) -> None:
        if number == signal.SIGTSTP and not self._over:
            # Standing still in the middle of a fault would be worse than either going on or ending.
            self._journal.append("stop.refused")
        else:
            self.stop(signal.Signals(number).name, ENDING[number])

    async def conduct(self, work: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run the plan to its end, or do other work in its place.

        However it goes, everything is healed; a bug of ours is raised after that.
        """
        broken: list[Exception] = []
        try:
            self._loop = asyncio.get_running_loop()
            self._open()
            for number in self._heard:
                self._heed(number)
            self._beating = beating = asyncio.ensure_future(self._beside())
            broken += await self._guarded((work or self._work)(), beating)
            self._over = True  # from here on everything is healed and closed anyway
            await self._wind_down()
            await self._close()
        finally:
            self._journal.close()
        if broken:
            raise ExceptionGroup("the drill was healed and ended because something of ours broke", broken)

    async def _guarded(self, work: Awaitable[None], beating: "asyncio.Future[None]") -> list[Exception]:
        """Do the work until it ends or the run is stopped, under the guard rails; pass what broke."""
        awaited: list[Awaitable[Any]] = [work, self._stopped.wait(), self._guard()]
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in awaited]
        await asyncio.wait([*tasks, beating], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self._journal.may_fail = True
        if beating.done() and not beating.cancelled():
            results.append(beating.exception())
        broken: list[Exception] = []
        for result in results:
            if isinstance(result, _NotStarted):
                self._journal.append("run.not_started", {"why": str(result)})
            elif isinstance(result, Exception):
                self._journal.append("run.broke", {"why": f"{type(result).__name__}: {result}"})
                broken.append(result)
        return broken

    def _open(self) -> None:
        head = self.drill.head
        self._journal.append("run.opened", {
            "format": FORMAT, "run": self.run.id, "drill": head.drill, "boot": boot(),
            "path": os.path.relpath(self.plan.loaded.paths["drill"]), "inventory": self._other_inventory(),
            "monotonic_s": self._journal.origin_s, "environment": self.plan.loaded.inventory.environment,
            "host": platform.node(), "pid": os.getpid(), "opened_at": stamp(self.clock.utc()),
            "digests": self.plan.loaded.digests,
            "limits": list(self.plan.loaded.limits), "control": self.control,
            "attended": self.attended, "kept": kept_for(self.plan.loaded.inventory.people),
            "versions": {"chaos-drills": drills.__version__, "python": platform.python_version(),
                         "system": f"{platform.system()} {platform.release()}"},
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        }, sync=True)  # fmt: skip
        for one in self.plan.faults:
            self._journal.append("fault.planned", {"fault": one.fault.id, "kind": one.fault.kind, "does": one.does,
                                                   "target": one.fault.injector.target, "starts": one.starts,
                                                   "lasts": one.lasts, "sides": plans.sides(one.preview)})  # fmt: skip
        self._reaper = Reaper.launch(self.run)
        if reaper := host.identify(self._reaper.pid):
            host.protect(reaper)  # no pattern that matches its command line may make it a target
        self._journal.append("reaper.launched", {"pid": self._reaper.pid})

    def _other_inventory(self) -> str:
        """The path of the inventory, where it is not the one that the drill names; else empty."""
        paths = self.plan.loaded.paths
        own = paths["inventory"] == paths["drill"].parent / self.drill.head.inventory
        return "" if own else os.path.relpath(paths["inventory"])

    async def prepare(self) -> None:
        """See that nothing is left over, start what is needed, and begin to listen."""
        await self._clear_the_ground()
        await self._start_lab()
        await self._observing.open(self.plan.loaded.inventory.observers)

    async def _work(self) -> None:
        await self.prepare()
        await self._open_probes()
        await self._arm()
        self._enter("steady")
        self.zero_s = await self._become_steady("before")
        self._look_ahead()
        self._enter("faults")
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(self._playing.play(self.zero_s))
            await self._break_and_heal()
            playing.cancel()  # what colleagues of the cast do again and again, they do until here

    async def _break_and_heal(self) -> None:
        async with asyncio.TaskGroup() as group:
            for planned in self.plan.faults:
                group.create_task(self._bring(planned))
        await self._playing.before_healing()
        await self._wait_for_checks()
        await self._wait_for_people()
        await self._heal()
        self._enter("recovery")
        await self._become_steady("after")
        await self._playing.to_the_end()
        await self._wait_for_checks()

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._coming.clear()
        self._journal.append("run.phase_entered", {"phase": phase})

    async def _clear_the_ground(self) -> None:
        """Refuse to start on somebody's leftovers, or heal them first when we were told to."""
        self._enter("preparing")
        try:
            found = await self._residue()
        except InjectionFailed as error:
            self._journal.append("residue.unknown", {"when": "before", "why": str(error)})
            raise _NotStarted(f"it could not be seen whether something was left over: {error}") from error
        listed = [{"target": one.target, "what": one.what} for _, one in found]
        self._journal.append("residue.scanned", {"when": "before", "found": listed})
        if not found:
            return
        if not self._heal_first:
            words = ", ".join(f"{one.target}: {one.what}" for _, one in found)
            raise _NotStarted(f"something is left over from before: {words}; heal it with --heal-first")
        left = await healer.heal([healer.as_outstanding(name, one) for name, one in found], self._journal,
                                 source="conductor", patience_s=HEAL_PATIENCE_S)  # fmt: skip
        if left:
            raise _NotStarted("what was left over from before could not be healed")

    async def _start_lab(self) -> None:
        """Start the servers of engines, and the lab after them, since its processes may talk through those."""
        parts = [one for one in (self.plan.loaded.servers, self.plan.loaded.lab) if one is not None]
        if not parts:
            return
        self._coming["lab"] = (inf, "the lab starts")
        for one in self.plan.loaded.lab.left_out if self.plan.loaded.lab else ():
            self._journal.append("lab.process_left_out", {"name": one.name, "missing": list(one.missing),
                                                          "instead": list(one.instead)})  # fmt: skip
        try:
            for part in parts:
                await lab.start(part, self._note_process)
        except lab.LabFailed as error:
            self._journal.append("lab.failed", {"why": str(error)})
            raise _NotStarted(f"the lab did not start: {error}") from error
        self._journal.append("lab.ready")
        try:
            self.plan = await plans.look_again(self.plan)
        except DrillError as error:
            raise _NotStarted("; ".join(one.what for one in error.problems)) from error

    def _note_process(self, name: str, process: host.Process) -> None:
        self._journal.append("lab.process_started", {"name": name, "pid": process.pid})

    def _note_samples(self, data: dict[str, Any]) -> None:
        self._journal.append("probe.sampled", data, source=f"probe:{data['probe']}")

    async def _open_probes(self) -> None:
        batcher = Batcher(self._note_samples)
        self._batching = asyncio.ensure_future(batcher.run())
        for use in self.drill.probes.values():
            watch = await self._open_probe(use)
            self._watches[use.name] = watch
            recent = self.recent[use.name] = Recent()
            self._journal.append("probe.opened", {
                "probe": use.name, "kind": use.kind, "target": use.probe.target, "every_s": use.every.total_seconds(),
                "timeout_s": use.timeout.total_seconds(), "writes": isinstance(watch, ReadsBack), "impact": use.impact,
            })  # fmt: skip

            def record(sample: Any, recent: Recent = recent, name: str = use.name) -> None:
                recent.add(sample)
                batcher.add(name, sample)

            sampler = Sampler(use.name, watch, every_s=use.every.total_seconds(), timeout_s=use.timeout.total_seconds(),
                              clock=self.clock, origin_s=self._journal.origin_s, record=record,
                              second_hand=isinstance(use.probe, SecondHand))  # fmt: skip
            self._samplers.append(asyncio.ensure_future(sampler.run()))

    async def _open_probe(self, use: ProbeUse) -> Watch:
        address = self.plan.loaded.address(use.probe.target, type(use.probe).address.name)  # type: ignore[attr-defined]
        clean_name = "".join(char if char.isalnum() and char.isascii() else "_" for char in use.name.lower())
        opened = AsyncExitStack()
        try:
            watch = await opened.enter_async_context(use.probe.open(address, f"{self.run.short}_{clean_name}"))
            self._opened[use.name] = opened
            return watch
        except Exception as error:
            raise _NotStarted(f"probe {use.name} could not be opened: {error}") from error

    async def _arm(self) -> None:
        assert self._reaper is not None
        try:
            await self._reaper.armed()
        except ReaperLost as error:
            raise _NotStarted(str(error)) from error
        self._journal.append("reaper.armed")

    async def _become_steady(self, phase: str) -> float:
        """Wait until the steady state holds; pass when that was. Before the faults, not to reach it ends the run."""
        entries = self.drill.head.steady
        if not entries:
            return self.now_s
        began_s = self.now_s
        until_s = began_s + self.drill.head.steady_within.total_seconds()
        longest_s = max(entry.hold.total_seconds() for entry in entries)
        self._coming["steady"] = (until_s, "the steady state must hold")
        while True:
            to_s = self._seen_until_s
            why = "it has not been looked at for long enough"
            if to_s - longest_s >= began_s:
                why = live.unsteady(entries, self.evidence, to_s)
            if not why:
                from_s = round(to_s - longest_s, 6)
                return self._journal.append("steady.confirmed", {"phase": phase, "from_s": from_s, "to_s": to_s}).t_s
            if self.now_s > until_s:
                break
            await asyncio.sleep(_TICK_S)
        from_s, to_s = round(began_s, 6), round(self.now_s, 6)
        self._journal.append("steady.missed", {"phase": phase, "why": why, "from_s": from_s, "to_s": to_s})
        if phase == "before":
            raise _NotStarted(f"the system was not steady: {why}")
        return self.now_s

    def _look_ahead(self) -> None:
        """Tell what is foreseen; what is sure to be in vain is not begun, unless the drill says so, or breaks nothing."""
        found = [one for one in preflight.foresee(self.drill.checks, self.evidence) if one.grade != "fine"]
        for one in found:
            self._journal.append("preflight.found", {"check": one.check, "grade": one.grade, "what": str(one.what),
                                                     "cure": str(one.cure or ""), "sentences": one.sentences})  # fmt: skip
        wrong = [str(one.what) for one in found if one.grade == "wrong"]
        if wrong and self.drill.head.safety.preflight == "stop" and not self.control:
            more = f", and {len(wrong) - 1} more" if wrong[1:] else ""
            raise _NotStarted(f"it would be in vain: {wrong[0]}{more}")

    @property
    def _seen_until_s(self) -> float:
        """The latest moment of which every probe of the steady state has told something."""
        looked = [self.evidence.samples(entry.probe) for entry in self.drill.head.steady]
        return min((samples[-1].sent_s if len(samples) else 0.0) for samples in looked)

    async def _bring(self, planned: PlannedFault) -> None:
        """Bring one fault about when its time comes, and heal it when its time is over."""
        fault = planned.fault
        its_time = await self._its_time(fault)
        del self._coming[fault.id]
        bring = self._withhold if self.control else self._inject
        if its_time and await bring(planned) and fault.for_ is not None:
            until_s = (self.evidence.fault(fault.id).effect_s or self.now_s) + fault.for_.total_seconds()
            self._coming[fault.id] = (until_s, f"{fault.id} {'would be' if self.control else 'is'} healed")
            await asyncio.sleep(max(0.0, until_s - self.now_s))
            del self._coming[fault.id]
            await self._heal_fault(fault.id)

    async def _withhold(self, planned: PlannedFault) -> bool:
        """In a control its time comes, and nothing else."""
        fault = planned.fault
        self._journal.append("fault.withheld", {"fault": fault.id, "does": planned.does,
                                                "target": fault.injector.target})  # fmt: skip
        return True

    def _let_elapse(self, *faults: str) -> None:
        """The time of these is over, if they were withheld."""
        for seen in map(self.evidence.fault, faults):
            if seen.withheld and seen.gone_s is None:
                self._journal.append("fault.elapsed", {"fault": seen.fault})

    async def _its_time(self, fault: Fault) -> bool:
        assert self.zero_s is not None
        if fault.when is None:
            at_s = fault.at.total_seconds() if fault.at else 0.0
            self._coming[fault.id] = (self.zero_s + at_s, f"{fault.id} {'would begin' if self.control else 'begins'}")
            await asyncio.sleep(max(0.0, self.zero_s + at_s - self.now_s))
            return True
        until_s = self.zero_s + fault.when.deadline.total_seconds()
        else_ = "it counts as begun" if self.control else "it is skipped"
        self._coming[fault.id] = (until_s, f"{fault.id} begins when {plans.condition(fault.when)}; {else_}")
        while not live.met(fault.when, self.evidence, zero_s=self.zero_s, now_s=self.now_s):
            if self.now_s > until_s and self.control:
                return True  # what it waits for is what other faults bring about, and without them may well not come
            if self.now_s > until_s:
                why = f"it waited until {plans.condition(fault.when)}, which did not come in time"
                self._journal.append("fault.skipped", {"fault": fault.id, "why": why})
                return False
            await asyncio.sleep(_TICK_S / 2)
        self._journal.append("condition.met", {"fault": fault.id, "what": plans.condition(fault.when)})
        return True

    async def _inject(self, planned: PlannedFault) -> bool:
        """Inject and look, all parts at once; True when each is there. What failed half way is healed at once, as a whole."""
        # Every intent is on disk before the first act, so that the fault is never taken for whole when only a part is there.
        intended = [(part, self._intend(planned, part)) for part in planned.parts]
        bringing = [self._bring_about(planned.fault, part, *one) for part, one in intended]
        results = await asyncio.gather(*bringing, return_exceptions=True)  # so that none goes on alone when one breaks
        for one in results:
            if isinstance(one, BaseException):
                raise one
        if not all(results):
            await self._heal_fault(planned.fault.id)
        return all(results)

    def _intend(self, planned: PlannedFault, part: PlannedPart) -> tuple[Injection, RunStage]:
        """An injection, and its stage, with the intent written down."""
        fault, target, kind = planned.fault, part.injector.target, type(part.injector)
        id_ = f"{self._token}-{fault.id}" + (f"-{kind.name}-{target}" if len(planned.parts) > 1 else "")
        injection = Injection(id=id_, fault=fault.id, target=target, address=part.address,
                              for_s=fault.for_.total_seconds() if fault.for_ else None,
                              most_s=self.drill.head.safety.max_duration.total_seconds())  # fmt: skip
        remembered = Remembered(id=id_, fault=fault.id, target=target, version=kind.version)
        within_s = max(INJECT_S, part.preview.takes_s)
        stage = RunStage(self._journal, remembered, within_s=within_s, source="conductor")
        stage.note("injection.intended", injector=kind.name, version=kind.version, does=part.does, sync=True)
        return injection, stage

    async def _bring_about(self, fault: Fault, part: PlannedPart, injection: Injection, stage: RunStage) -> bool:
        """One injection; False when it failed."""
        kind = type(part.injector)
        try:
            async with asyncio.timeout(stage.remaining_s()):
                await part.injector.inject(injection, stage)
            stage.note("injection.injected")
            if issubclass(kind, Extends):
                self._leases.keep(fault.id, kind, stage)
            effect = await healer.settle(kind, stage, present=True, within_s=EFFECT_S)
        except (InjectionFailed, NothingRemembered, OSError, TimeoutError) as error:
            stage.note("injection.failed", why=str(error) or "it was not done in the time that it may take")
            return False
        if effect.present is True:
            stage.note("injection.verified", in_effect=True, why=effect.why)
        else:
            stage.note("injection.unverified", why=effect.why)
        return True

    async def _heal_fault(self, fault: str) -> None:
        self._let_elapse(fault)
        await self._leases.release([fault])
        mine = [one for one in outstanding(self.evidence.events) if one.remembered.fault == fault]
        for one in mine:
            await healer.heal_one(one, self._journal, source="conductor")

    async def _heal(self) -> None:
        """Heal all that is left, newest first."""
        if self._healed_s is None:
            self._enter("healing")
        self._let_elapse(*(one.id for one in self.drill.faults))
        await self._leases.release()
        patience_s = HEAL_PATIENCE_S if self._healed_s is None else 0.0  # spent once, however often we come by
        await healer.heal(outstanding(self.evidence.events), self._journal, source="conductor", patience_s=patience_s)
        self._healed_s = self.now_s

    async def _wait_for_checks(self) -> None:
        """Go on looking until every check that waits has seen enough."""
        enough_s = self.now_s + self._slowest_s
        while True:
            began_s = self.now_s
            until_s = live.waiting(self.drill.checks, self.evidence, healed_s=self._healed_s)
            cost_s = self.now_s - began_s
            if until_s > began_s:
                # A look that hangs now may still turn out bad, so what passes must pass for as long as one may hang.
                enough_s = self.now_s + self._slowest_s
            elif self.now_s >= enough_s:
                return
            self._coming["checks"] = (max(until_s, enough_s), "the checks have seen enough, at the latest")
            # Judging takes time that looks need too; it may have a twentieth of it.
            await asyncio.sleep(max(2 * _TICK_S, 20 * cost_s))

    async def _wait_for_people(self) -> None:
        """Leave the faults to those who respond until one of them says that it is over, or no time is left."""
        if not self.attended:
            return
        until_s = (self.zero_s or 0.0) + self.drill.head.safety.max_duration.total_seconds()
        self._coming["people"] = (until_s, "everything is healed, unless `drills resolve` says before that it is over")
        while not self.evidence.first("act.recorded", act="incident.resolved"):
            if self.now_s > until_s:
                break
            await asyncio.sleep(_TICK_S)
        del self._coming["people"]

    @property
    def _slowest_s(self) -> float:
        """How long a look may hang, when there are checks to wait for."""
        waits = any(isinstance(use.check, Waits) for use in self.drill.checks)
        return max((use.timeout.total_seconds() for use in self.drill.probes.values()), default=0.0) if waits else 0.0

    async def _wind_down(self) -> None:
        """Heal whatever is left, then stop looking and read back what was written."""
        await self._heal()
        self._enter("closing")
        for task in self._samplers:
            task.cancel()
        await asyncio.gather(*self._samplers, return_exceptions=True)
        if self._batching:  # after the samplers, which tell their last looks on the way out
            self._batching.cancel()
            await asyncio.gather(self._batching, return_exceptions=True)
        for name, watch in self._watches.items():
            if isinstance(watch, ReadsBack):
                await self._read_back(name, watch)
        for name, opened in self._opened.items():
            await self._close_probe(name, opened)
        await self._observing.close()

    async def _close_probe(self, name: str, opened: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(READ_BACK_S):
                await opened.aclose()
        except Exception as error:  # noqa: BLE001 - no probe's trouble may keep the run from being closed
            target = self.drill.probes[name].probe.target
            if target not in self.plan.loaded.inventory.in_lab:  # else it goes with the lab
                self._journal.append("probe.left_behind", {"probe": name, "why": str(error) or "closing took too long"})

    async def _read_back(self, name: str, watch: ReadsBack) -> None:
        self._coming["read back"] = (inf, f"the writes of {name} are read back")
        why = ""
        for attempt in range(READ_BACK_TRIES):  # a system that has just been healed may need a moment
            await asyncio.sleep(attempt)
            try:
                async with asyncio.timeout(READ_BACK_S):
                    present = ranges(sorted(await watch.read_back()))
                break
            except Exception as error:  # noqa: BLE001 - whatever kept us from reading, the writes are unknown, not lost
                why = str(error) or f"they were not read within {READ_BACK_S:g} s"
        else:
            self._journal.append("probe.read_back_failed", {"probe": name, "why": why})
            return
        self._journal.append("probe.read_back", {"probe": name, "present": present})

    async def _close(self) -> None:
        """End the lab, look once more whether anything of ours is left, and say so."""
        left = await healer.end_lab(self.run, self._journal, "conductor")
        resisting = await healer.without_lab(outstanding(self.evidence.events), self._journal, source="conductor")
        left += [f"{one.remembered.target}: {one.injector} ({one.remembered.fault})" for one in resisting]
        try:
            left += [f"{one.target}: {one.what}" for _, one in await self._residue() if not left]
            unseen = ""
        except InjectionFailed as error:
            unseen = str(error)
        if unseen and not left:
            self._journal.append("residue.unknown", {"when": "after", "why": unseen})
        else:
            self._journal.append("residue.scanned", {"when": "after",
                                                     "found": [{"target": "", "what": what} for what in left]})  # fmt: skip
        self._inbox.close()
        self._journal.append("run.closed", {"by": "conductor"}, sync=True)
        if self._beating and self._reaper:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
            await asyncio.to_thread(self._reaper.dismiss)
        if not left and not self._journal.lost:  # what is not written down cannot be known to be clean
            rundir.list_closed(self.run)

    async def _residue(self) -> list[tuple[str, Residue]]:
        """What is left at our faults' targets, as far as they live on when the lab is gone.

        At others another run may be at work, whose faults are no leftovers; nor are those that somebody renews still.
        """
        inventory = self.plan.loaded.inventory
        parts = [part.injector for one in self.plan.faults for part in one.parts]
        ours = {one.target for one in parts} - inventory.in_lab
        targets = {name: addresses for name, addresses in inventory.targets.items() if name in ours}
        used = [type(one).name for one in parts]
        found = await healer.residue(list(registry.kinds("injectors", used).values()), targets)
        return [(name, one) for name, one in found if not one.renewed or one.remembered.id.startswith(self._token)]

    async def _beside(self) -> None:
        """What goes on beside everything else, from the beginning to the end."""
        await asyncio.gather(self._beat(), self._take_acts())

    async def _beat(self) -> None:
        """Keep the reaper quiet, and look whether somebody else wants the run to end."""
        assert self._reaper is not None
        while True:
            try:
                self._reaper.beat()
            except ReaperLost as error:
                self.stop("conductor", str(error))
            if self.run.abort.exists():
                asked = json.loads(self.run.abort.read_text(encoding="utf-8"))
                self.stop(asked["by"], asked["why"])
            await asyncio.sleep(BEAT_S / 2)

    async def _take_acts(self) -> None:
        """Take down what people do."""
        while True:
            self._inbox.take()
            await asyncio.sleep(_TICK_S)

    async def _guard(self) -> None:
        """Watch the guard rails for as long as any fault is there."""
        safety = self.drill.head.safety
        while True:
            await asyncio.sleep(_TICK_S)
            for looking in (*self._samplers, *filter(None, [self._batching])):
                if looking.done():
                    looking.result()  # raises what stopped it: without looks the run is worth nothing
            acting = self.evidence.first("injection.acting")
            if acting is None or self._healed_s is not None:
                continue
            now_s = self.now_s
            for guard in safety.abort_when:
                why = live.tripped(guard, self.evidence, since_s=acting.t_s, now_s=now_s)
                if why:
                    self.stop("guard", why)
            overdue_s = safety.max_duration.total_seconds() + _ROOM_S
            if self.zero_s is not None and now_s - self.zero_s > overdue_s and not self._all_healing:
                most = show_duration(safety.max_duration.total_seconds())
                self.stop("guard", f"the faults have lasted {most}, the most they may")

    @property
    def _all_healing(self) -> bool:
        """Whether whatever was brought about is being taken away already, or is gone."""
        faults = map(self.evidence.fault, (one.id for one in self.drill.faults))
        return self.phase == "healing" or all(one.acting_s is None or one.healing_s is not None for one in faults)


def ranges(numbers: list[int]) -> list[list[int]]:
    """Sorted numbers as inclusive ranges: [1, 2, 3, 7] as [[1, 3], [7, 7]]."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def refuse_leftovers() -> None:
    """Raise DrillError when a run on this host died and has left something behind; one that left nothing is forgotten."""
    for run in rundir.open_runs():
        if not run.is_live and healer.is_clean(run):
            rundir.list_closed(run)
        elif not run.is_live:
            raise mistake(run.id, f"run {run.short} has left something behind", f"heal it first: drills heal {run.short}, "
                          "or run this one with --heal-first", "leftovers")  # fmt: skip


def refuse_overlap(plan: Plan) -> None:
    """Raise DrillError when a run under way touches what this plan would touch."""
    keys = {touch.key: touch.what for touch in plan.touches}
    for run in rundir.open_runs():
        if not (run.is_live and run.plan.exists()):
            continue
        faults = json.loads(run.plan.read_text(encoding="utf-8"))["faults"]
        common = [keys[touch["key"]] for fault in faults for touch in fault["touches"] if touch["key"] in keys]
        if common:
            raise mistake(run.id, f"run {run.short} is under way and touches {common[0]} too",
                          f"wait for its end, or end it: drills abort {run.short}", "overlap")  # fmt: skip
