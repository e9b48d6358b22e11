"""One run from beginning to end: read, plan, conduct, judge, report."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from drills import drill as drills
from drills import healer, plan, registry, rundir, screen
from drills.clock import SystemClock
from drills.conductor import ENDING, Conductor, refuse_leftovers, refuse_overlap
from drills.errors import DrillError, choices, mistake
from drills.inventory import process_environment
from drills.journal import JournalBusy
from drills.judging import judge_run
from drills.load import Loaded, load
from drills.rundir import RunDir
from drills.stage import outstanding

if TYPE_CHECKING:
    from reports import Report

PDF = "pdf"
"""The one form that a program of others makes, of the page."""


class RunLost(Exception):
    """The run could not be written down, on a full disk for one; it was ended for that, and has no report."""

    def __init__(self, directory: RunDir, why: BaseException, *, healed: bool) -> None:
        first = why
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        state = "everything was healed" if healed else f"NOT everything was healed: drills heal {directory.short}"
        super().__init__(f"the run was ended, for it could not be written down: {first}\n{state}")
        self.healed = healed


def run(path: Path, *, inventory: Path | None, limits: tuple[str, ...], root: Path, heal_first: bool, plain: bool,
        language: str, control: bool = False, attended: bool = False) -> "tuple[Report, RunDir]":  # fmt: skip
    """Run a drill and write its reports; as a control, do all but inject.

    Attended, the faults stay until a responder says that it is over. Raises DrillError when the run may not begin; then
    none is kept.
    """
    if heal_first:
        heal_leftovers()
    refuse_leftovers()
    name = drill_name(path, inventory, limits)
    directory = rundir.create(root, name, SystemClock().utc())
    try:
        loaded = load(
            path, inventory=inventory, lab_folder=directory.lab, limits=limits, environment=process_environment()
        )
        settled = asyncio.run(plan.make(loaded))
        with rundir.alone():
            refuse_overlap(settled)
            keep(loaded, settled, directory)
            conductor = Conductor(settled, directory, SystemClock(), heal_first=heal_first, control=control,
                                  attended=attended)  # fmt: skip
            rundir.list_open(directory)
    except BaseException:
        rundir.list_closed(directory)
        shutil.rmtree(directory.path)
        raise
    heed_signals(conductor)
    try:
        asyncio.run(screen.conduct(conductor, plain=plain or not sys.stdout.isatty()))
    except* OSError as errors:
        raise RunLost(directory, errors.exceptions[0], healed=not outstanding(conductor.evidence.events)) from errors
    report = judge_run(directory)
    write_or_say(report, directory, language)
    return report, directory


def drill_name(path: Path, inventory: Path | None, limits: tuple[str, ...]) -> str:
    """What the drill is called. Raises DrillError with the mistakes of all its files, not of the drill alone."""
    try:
        return drills.read(path, limits=limits).name
    except DrillError:
        load(path, inventory=inventory, limits=limits)
        raise


def heed_signals(conductor: Conductor) -> None:
    """From now on no signal ends this process: each asks the run to heal and end, and the report is still written."""
    for number in ENDING:
        signal.signal(number, lambda heard, _: conductor.hear(heard))


def turn_deaf() -> None:
    """All is done and told: no signal may change the exit code any more, not even while the interpreter ends."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def heal_leftovers() -> None:
    """Heal every run on this host that died and is not clean."""
    for one in rundir.open_runs():
        with suppress(
            JournalBusy, DrillError
        ):  # under way, or edited: what it has left is refused next, with its reason
            asyncio.run(healer.heal_run(one, why="healed before another run", source="heal", patience_s=60))


def keep(loaded: Loaded, settled: plan.Plan, directory: RunDir) -> None:
    """Copy what the run is made from into its directory, so that it can be judged anywhere."""
    for name, path in loaded.paths.items():
        shutil.copyfile(path, directory.path / f"{name}.yaml")
    directory.plan.write_text(json.dumps(plan.to_data(settled), indent=2, ensure_ascii=False), encoding="utf-8")


def write_reports(report: "Report", directory: RunDir, language: str) -> None:
    """Write every report that is a file into the run's directory."""
    for name, content in files(report, language):
        (directory.path / name).write_bytes(content)


def write_or_say(report: "Report", directory: RunDir, language: str) -> None:
    """The same at the end of a run: its verdict stands in the journal, and a disk that is full changes nothing of it."""
    try:
        write_reports(report, directory, language)
    except OSError as error:
        told = f"the reports cannot be written: {error.strerror}; when there is room: drills report {directory.short}"
        sys.stderr.write(f"drills: {told}\n")


def files(report: "Report", language: str) -> Iterator[tuple[str, bytes]]:
    """Every report that is a file: its name and its content."""
    for renderer in registry.kinds("renderers").values():
        if renderer.file:  # type: ignore[attr-defined]
            yield renderer.file, render(report, renderer.name, language)  # type: ignore[attr-defined]


def render(report: "Report", name: str, language: str) -> bytes:
    """One report as a file's content. Raises DrillError when there is no such renderer, or nothing to print a PDF with."""
    if name == PDF:
        from drills.pdf import to_pdf

        return to_pdf(render(report, "html", language).decode())
    known = registry.kinds("renderers", [name])
    if name not in known:
        raise mistake(f"--format {name}", f"there is no report `{name}`", choices(name, [*known, PDF], "reports"),
                      "unknown-report")  # fmt: skip
    content: str | bytes = known[name]().render(report, language)
    return content.encode() if isinstance(content, str) else content


def show(report: "Report", directory: RunDir | None, language: str) -> None:
    """Print the report to the terminal, and where the others are."""
    from rich.console import Console

    from reports.to_terminal import render_to

    if directory:
        where = os.path.relpath(directory.path / "report.html")
        report = replace(report, commands={"report": where, **report.commands})
    render_to(report, Console(highlight=False), language)
