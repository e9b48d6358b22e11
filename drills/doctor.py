"""Looks over all that a run of a drill would need, as far as can be done without breaking anything.

It is for whoever runs the drill next, perhaps at three in the morning: what is fine, what is not, and how to mend it. It
does what a run does up to the steady state, with the same means: the lab is started and ended, the observers are heard,
and whatever ends the command, nothing is left behind. Its own directory goes too.
"""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from checks import Evidence
from drills import canary, plan, preflight, rundir
from drills.clock import SystemClock
from drills.conductor import Conductor, refuse_leftovers, refuse_overlap
from drills.errors import DrillError, Exit
from drills.inventory import process_environment
from drills.judging import stood_in
from drills.load import Loaded, load
from drills.plan import Plan
from drills.preflight import Finding
from drills.rundir import RunDir
from drills.running import drill_name, heed_signals, keep
from injectors import InjectionFailed

_RIPE_S = 12.0
"""For a lab that was just started to be scraped and evaluated, while something does not look fine."""

Say = Callable[[str], None]


def look(path: Path, *, inventory: Path | None, limits: tuple[str, ...], root: Path, canaries: bool, say: Say) -> Exit:
    """Look, and say what there is, line by line. Raises DrillError when the drill itself cannot be read."""
    made = not root.exists()
    directory = rundir.create(root, drill_name(path, inventory, limits), SystemClock().utc())
    try:
        loaded = load(path, inventory=inventory, lab_folder=directory.lab, limits=limits,
                      environment=process_environment())  # fmt: skip
        say(f"{loaded.drill.name}   {loaded.inventory.environment}\n")
        return _Doctor(loaded, directory, say).look(canaries=canaries)
    finally:
        if directory.path not in {run.path for run in rundir.open_runs()}:
            rundir.list_closed(directory)
            shutil.rmtree(directory.path)
            if made:
                with suppress(OSError):  # meanwhile others may be there
                    root.rmdir()


class _Doctor:
    """One look."""

    def __init__(self, loaded: Loaded, directory: RunDir, say: Say) -> None:
        self._loaded, self._directory, self._say = loaded, directory, say
        self._grades: list[str] = []

    def look(self, *, canaries: bool) -> Exit:
        """All of it, as far as nothing stands in the way."""
        self._allowed()
        settled = self._settled()
        if settled is None:
            return self._end(Exit.FAILED)
        with rundir.alone():
            keep(self._loaded, settled, self._directory)
            conductor = Conductor(settled, self._directory, SystemClock())
            rundir.list_open(self._directory)
        heed_signals(conductor)
        asyncio.run(conductor.conduct(lambda: self._listen(conductor, canaries=canaries)))
        return self._end(self._ended(conductor.evidence))

    def _allowed(self) -> None:
        """Whether whoever runs this may do in Kubernetes what the drill needs; asked there before anything is touched."""
        from drills import rbac

        if not (needed := rbac.uses(self._loaded)):
            return
        try:
            lacking = asyncio.run(rbac.forbidden(self._loaded))
        except InjectionFailed as error:
            self._tell("unknown", "rights", f"what may be done in the cluster cannot be asked: {error}")
            return
        for who, rights in lacking.items():
            self._tell("wrong", "rights", f"{who} may not: {', '.join(rights)}",
                       f"bind the role that `drills rbac {self._loaded.paths['drill']}` prints")  # fmt: skip
        if not lacking:
            self._tell("fine", "rights", f"{', '.join(use.who for use in needed)}: all that is needed may be done")

    def _settled(self) -> Plan | None:
        """The plan, and whether another run is in its way; None when there can be none."""
        try:
            settled = asyncio.run(plan.make(self._loaded))
        except DrillError as error:
            self._mistakes(error)
            return None
        for one in settled.faults:
            self._tell("fine", "target", f"{one.fault.id}: {one.does}")
        for refuse in (refuse_leftovers, lambda: refuse_overlap(settled)):
            try:
                refuse()
            except DrillError as error:
                self._mistakes(error)
        return settled

    async def _listen(self, conductor: Conductor, *, canaries: bool) -> None:
        """What a run does before it looks whether the system is steady, and then what follows from what was told."""
        inventory, checks = self._loaded.inventory, self._loaded.drill.checks
        await conductor.prepare()
        self._prepared(conductor.evidence)
        found = await self._foreseen(conductor)
        self._heard(conductor.evidence, found)
        for one in found:
            self._finding(one)
        if canaries:
            self._say("\n  canaries go out, and page whoever their receivers page\n")
            for became in await canary.send([use.check for use in checks], inventory.observers, conductor.evidence):
                self._finding(Finding("canary", became.grade, became.what, became.cure))

    def _prepared(self, evidence: Evidence) -> None:
        self._tell("fine", "leftovers", "nothing is left at its targets from before")
        if evidence.first("lab.ready"):
            names = ", ".join(event.data["name"] for event in evidence.of("lab.process_started"))
            self._tell("fine", "lab", f"{names}: started, and ready")
        for one in stood_in(evidence):
            self._tell("fine", "lab", str(one))

    def _heard(self, evidence: Evidence, found: list[Finding]) -> None:
        """Who is listened to. One that cannot be heard may be among the findings already."""
        said = " ".join(str(one) for one in found)
        for event in evidence.of("observer.opened"):
            self._tell("fine", "observer", f"{event.data['observer']}: {event.data['what']}")
        for event in evidence.of("observer.lost"):
            if event.data["why"] not in said and not evidence.first("observer.back", observer=event.data["observer"]):
                self._tell("unknown", "observer", f"{event.data['observer']} cannot be heard: {event.data['why']}",
                           "see that it runs, and that the inventory says where")  # fmt: skip

    async def _foreseen(self, conductor: Conductor) -> list[Finding]:
        until_s = conductor.now_s + (_RIPE_S if self._loaded.lab else 0.0)
        while True:
            found = preflight.foresee(self._loaded.drill.checks, conductor.evidence)
            if conductor.now_s >= until_s or all(one.grade == "fine" for one in found):
                return found
            await asyncio.sleep(0.2)

    def _ended(self, evidence: Evidence) -> Exit:
        """What kept it from going on, and whether anything is left."""
        if stopped := evidence.first("run.not_started"):
            self._tell("wrong", "start", str(stopped.data["why"]))
        after = evidence.last("residue.scanned")
        left = [str(one["what"]) for one in after.data["found"]] if after and after.data["when"] == "after" else []
        if left:
            self._tell("wrong", "leftovers", f"of this look: {', '.join(left)}",
                       f"take it away: drills heal {self._directory.short}")  # fmt: skip
            return Exit.NOT_HEALED
        if evidence.first("run.aborted"):
            return Exit.ABORTED
        if {"wrong", "doubtful"} & {*self._grades}:
            return Exit.FAILED
        return Exit.INCONCLUSIVE if "unknown" in self._grades else Exit.PASSED

    def _end(self, code: Exit) -> Exit:
        counts = [
            f"{count} {grade}" for grade in ("wrong", "doubtful", "unknown") if (count := self._grades.count(grade))
        ]
        begun = "" if code is not Exit.ABORTED else "; ended before all was looked at"
        self._say(f"\n{', '.join(counts) or 'all is fine'}{begun}. Nothing was broken.")
        return code

    def _mistakes(self, error: DrillError) -> None:
        for problem in error.problems:
            self._tell("wrong", "plan", problem.what, problem.fix)

    def _finding(self, one: Finding) -> None:
        self._tell(one.grade, one.check, str(one.what), str(one.cure or ""))

    def _tell(self, grade: str, about: str, what: str, cure: str = "") -> None:
        self._grades.append(grade)
        hidden = self._loaded.inventory.hidden
        self._say(f"  {grade if grade == 'fine' else grade.upper():<10}{about:<12}{hidden(what)}")
        if cure:
            self._say(f"  {'':<22}{hidden(cure)}")
