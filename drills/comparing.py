"""What the commands that look at more than one run do; `drills.across` has their words."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checks.units import parse_duration, parse_ratio
from drills import drill as drills
from drills import remarks, rundir
from drills.clock import SystemClock
from drills.entering import enter, root_of, tell, the_history
from drills.errors import DrillError, Exit, choices, mistake
from drills.history import past_of
from drills.history_tables import HistoryTrouble
from drills.load import drills_in
from drills.rundir import RunDir
from drills.telling import terminal_width
from reports import RunOutcome
from reports import compare as comparison
from reports import fleet as ships
from reports import gate as gates
from reports import trend as trends
from reports.columns import folded
from reports.language import phrase
from reports.noise import Allowed
from reports.past import Accepted, NoReport, PastRun, keys, wanted
from reports.printable import printable


def _known(given: argparse.Namespace, drill: str = "") -> list[PastRun]:
    """The runs that are known, oldest first: of the history, or else as their directories tell."""
    history = the_history(given)
    try:
        found = history.runs(drill) if history else []
    except HistoryTrouble as trouble:
        tell(f"history: {trouble}; the runs below {root_of(given)} are read instead")
        found = []
    return found or [one for _, one in _kept(root_of(given)) if drill in ("", one.drill)]


def _kept(root: Path) -> Iterator[tuple[RunDir, PastRun]]:
    """The runs whose directories are here and hold a report, oldest first; of others it is told why they are left out."""
    for run in rundir.all_runs(root):
        if not (run.path / "report.json").exists():
            continue  # it is under way, or died; `drills runs` tells
        try:
            yield run, past_of(run)
        except (NoReport, DrillError) as trouble:
            tell(f"{run.id} is left out: {trouble.problems[0].what if isinstance(trouble, DrillError) else trouble}")


def _run(given: argparse.Namespace, name: str, known: Sequence[PastRun]) -> PastRun:
    """A run by its name, as its directory tells; where that is not here, as the history does. Raises DrillError."""
    try:
        run = rundir.find(root_of(given), name)
    except DrillError:
        found = [one for one in known if name in (one.run, one.short)]
        if len(found) == 1:
            return found[0]
        raise
    try:
        return past_of(run)
    except NoReport as trouble:
        raise mistake(run.id, str(trouble), f"make the report anew: drills report {run.short}", "no-report") from None


def history(given: argparse.Namespace) -> int:
    """Make the history anew, or keep a note on a run."""
    if given.what == "import":
        return _import(given)
    if len(given.words) < 2:
        raise mistake(
            "drills history note", "it takes a run and a text", 'as in drills history note last "with TLS"', "usage"
        )
    run = rundir.find(root_of(given), given.words[0])
    remarks.note(run, " ".join(given.words[1:]))
    enter(run, the_history(given))
    print(f"{run.short}: {' '.join(given.words[1:])}")
    return 0


def _import(given: argparse.Namespace) -> int:
    """Enter every run below these folders; each folder is one of runs, or one run's own."""
    roots = [Path(word) for word in given.words] or [root_of(given)]
    for root in roots:
        if not root.is_dir():
            raise mistake(str(root), "there is no such folder", "give the folder in which the runs are", "no-file")
    history = the_history(given)
    if history is None:
        raise mistake(
            "drills history", "it is said that no history shall be kept", "say where: --history FILE", "bad-history"
        )
    runs = {past.run: past for root in roots for _, past in _kept(root)}
    try:
        history.enter(list(runs.values()))
    except HistoryTrouble as trouble:
        raise mistake(
            "drills history import", str(trouble), "the runs' directories are as they were", "bad-history"
        ) from None
    print(f"{len(runs)} run{'' if len(runs) == 1 else 's'} in {history}")
    return 0


# --- looking back


def _keys(given: argparse.Namespace, runs: Sequence[PastRun]) -> list[str]:
    try:
        return wanted(given.metric, runs)
    except KeyError as word:
        raise mistake("--metric", f"no run has a figure `{word.args[0]}`", choices(word.args[0], keys(runs), "figures"),
                      "unknown-figure") from None  # fmt: skip


def _print(given: argparse.Namespace, lines: Iterator[str], others: dict[str, Callable[[], Any]]) -> None:
    """The form that is asked for: lines of a terminal, a text, or data as JSON."""
    if given.format == "terminal":
        for line in (part for whole in lines for part in folded(printable(whole), terminal_width())):
            print(line)
        return
    import json

    made = others[given.format]()
    text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())  # whatever the terminal's encoding is, JSON and Markdown are UTF-8


def trend(given: argparse.Namespace) -> int:
    """The runs of a drill over time."""
    name = _drill_name(given.drill)
    runs = _known(given, name)
    if not runs:
        names = sorted({one.drill for one in _known(given)})
        raise mistake("drills trend", f"there is no run of a drill `{name}`", choices(name, names, "drills with runs"),
                      "unknown-drill")  # fmt: skip
    if given.last < 1:
        raise mistake("--last", f"{given.last} runs cannot be shown", "give 1 or more", "usage")
    found = trends.trend(name, runs, _keys(given, runs), last=given.last)
    _print(given, trends.lines(found, given.language, terminal_width()), {
        "csv": lambda: trends.to_csv(found), "json": lambda: trends.to_data(found),
        "markdown": lambda: trends.to_markdown(found, given.language),
    })  # fmt: skip
    return 0


def _drill_name(text: str) -> str:
    """The name itself, or that of the drill in this file."""
    if not Path(text).is_file():
        return text
    return drills.read(Path(text)).name


def compare(given: argparse.Namespace) -> int:
    """Two runs side by side."""
    known = _known(given)
    before, after = (_run(given, name, known) for name in (given.before, given.other))
    refused = comparison.refusal(before, after)
    if refused:
        what = ", ".join(f"{comparison.NAMES[name]} ({_of(before, name)} and {_of(after, name)})" for name in refused)
        raise mistake("drills compare", f"the two runs cannot be compared: they differ in {what}",
                      "judge both by one rubric, and choose runs of one drill, or of two that hold one suite as it is",
                      "not-comparable")  # fmt: skip
    found = comparison.compare(before, after, known)
    _print(given, comparison.lines(found, given.language, terminal_width()), {
        "json": lambda: comparison.to_data(found), "markdown": lambda: comparison.to_markdown(found, given.language),
    })  # fmt: skip
    return 0


def _of(run: "PastRun", name: str) -> str:
    if name == "suite":
        suite, _, digest = run.suite.partition(" ")
        return f"{suite} {digest[:12]}" if suite else "none as it is"
    return f"{run.rubric} {run.rubric_digest[:12]}" if name == "rubric_digest" else str(getattr(run, name))


# --- the gate


def gate(given: argparse.Namespace) -> int:
    """Whether a run is worse than those before it."""
    known = _known(given)
    run = _run(given, given.run, known)
    other = None if given.against in gates.HOWS else _run(given, given.against, known)
    keys = _keys(given, [run, *(one for one in known if one.drill == run.drill)])
    found = gates.gate(run, known, how=given.against, figures=keys, allowed=_allowed(given, [run, *known]), other=other)
    _print(given, _gate_lines(found, given.language), {"json": lambda: gates.to_data(found)})
    return gates.EXIT[found.answer]


def _gate_lines(found: gates.Gate, language: str) -> Iterator[str]:
    yield from gates.lines(found, language, terminal_width())
    command = f"drills accept {found.run.short} --by NAME --reason TEXT"
    if found.answer == "regressed" and found.held:
        yield ""
        yield phrase("if it shall be so from now on: {command}", language, command=f"{command} --anew")
        yield phrase("if it was chance, and may come again: {command}", language, command=command)
    elif found.answer == "cannot say" and found.against is None and found.how == "accepted" and not found.run.control:
        yield ""
        yield phrase("to hold later runs against this one: {command}", language, command=command)


def _allowed(given: argparse.Namespace, runs: Sequence[PastRun]) -> dict[str, Allowed]:
    """What each figure may become worse by; `""` stands for those that are not named."""
    found: dict[str, Allowed] = {}
    for word in given.allow:
        name, is_, amount = word.rpartition("=")
        try:
            allowed = _amount(amount)
            for key in wanted([name], runs) if is_ else [""]:
                found[key] = allowed
        except KeyError:
            raise mistake(
                "--allow", f"no run has a figure `{name}`", "name one that drills gate shows", "unknown-figure"
            ) from None
        except ValueError:
            raise mistake("--allow", f"`{word}` is no amount", "write a share or a duration: 10%, 200ms, or RTO=10%",
                          "usage") from None  # fmt: skip
    return found


def _amount(text: str) -> Allowed:
    if text.strip().endswith("%"):
        return Allowed(share=parse_ratio(text))
    return Allowed(amount=parse_duration(text).total_seconds())


def accept(given: argparse.Namespace) -> int:
    """Mark a run as how it shall be."""
    directory = rundir.find(root_of(given), given.run)
    run = _run(given, str(directory.path), [])
    if not given.by.strip() or not given.reason.strip():
        raise mistake("drills accept", "it is not said by whom or why", "who reads it later must know both", "usage")
    if run.control or run.outcome != RunOutcome.PASSED:
        what = "it is a control, in which nothing was injected" if run.control else f"it ended {run.outcome}"
        raise mistake(run.run, f"the run cannot be accepted: {what}", "accept one that passed", "not-acceptable")
    at = SystemClock().utc().strftime("%Y-%m-%dT%H:%M:%SZ")
    remarks.accept(directory, Accepted(by=given.by.strip(), at=at, reason=given.reason.strip(), anew=given.anew))
    enter(directory, the_history(given))
    print(f"{run.short} of {run.drill}: accepted by {given.by.strip()}"
          + ("; runs before it do not count any more" if given.anew else ""))  # fmt: skip
    return 0


# --- the fleet


def fleet(given: argparse.Namespace) -> int:
    """Every drill, and whether it is overdue."""
    found = ships.fleet(list(_written(given.folder)), _known(given), _now(given.today))
    _print(given, ships.lines(found, given.language, terminal_width()), {
        "json": lambda: ships.to_data(found), "markdown": lambda: ships.to_markdown(found, given.language),
    })  # fmt: skip
    if given.strict and any(one.is_overdue for one in found):
        return Exit.FAILED
    return Exit.INCONCLUSIVE if given.strict and any(one.trouble for one in found) else Exit.PASSED


def _written(folder: Path) -> Iterator[ships.Written]:
    """Each drill below the folder. One that cannot be read is in the table with the reason."""
    for path in drills_in(folder, may_lack=True):
        try:
            head = drills.read(path).head
            yield ships.Written(drill=head.drill, file=str(path), every=head.every)
        except DrillError as error:
            yield ships.Written(drill=str(path), file=str(path), every=None, trouble=str(error.problems[0].what))


def _now(day: str | None) -> datetime:
    """Now, or the end of the day that `--today` names, so that what was run on it was run by then."""
    if day is None:
        return SystemClock().utc()
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        raise mistake("--today", f"`{day}` is no day", "write it as 2026-12-05", "usage") from None
