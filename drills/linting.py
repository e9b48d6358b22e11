"""`drills lint`: every mistake that can be found in drills and in what they name, without anything being done."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from checks import Foreseen, Foresees
from drills.drill import Drill
from drills.errors import DrillError, Problem
from drills.load import drills_in, load, sops_in

if TYPE_CHECKING:
    from drills.alert_files import Setup


class Linted(NamedTuple):
    """What was found."""

    drills: int
    sops: int
    problems: tuple[Problem, ...]
    unseen: tuple[str, ...]
    """What could not be looked at, and why."""
    lacking: tuple[str, ...]
    """Tools that are not installed, and what each would have done."""


def lint(paths: Sequence[Path]) -> Linted:
    """Look through these drills, and all below these folders. Raises DrillError for a path at which there is none."""
    sops = {path: sops_in(path) for path in paths}
    drills = [drill for path, mine in sops.items() if mine != [path] for drill in drills_in(path, may_lack=bool(mine))]
    setups: list[Setup] = []
    problems: list[Problem] = []
    for path in drills:
        try:
            load(path, also=partial(_alerting, path.parent, setups))
        except DrillError as error:
            problems += error.problems
    listed = [sop for mine in sops.values() for sop in mine]
    problems += [problem for sop in listed for problem in _of_sop(sop)]
    if not setups:
        return Linted(len(drills), len(listed), tuple(dict.fromkeys(problems)), (), ())
    from drills.alert_tools import ask

    found = ask(setups)
    problems += DrillError(found.problems).problems
    return Linted(len(drills), len(listed), tuple(dict.fromkeys(problems)), tuple(found.unseen), tuple(found.lacking))


def _of_sop(path: Path) -> Sequence[Problem]:
    """What is wrong with a SOP by itself, whatever drill may use it."""
    from drills.sops import read

    try:
        read(path, written=True)
    except DrillError as error:
        return error.problems
    return ()


def _alerting(here: Path, setups: "list[Setup]", drill: Drill, values: Mapping[str, str]) -> Sequence[Problem]:
    """What is wrong with the files of `alerting`, or with what the drill expects of them."""
    if drill.head.alerting is None:
        return ()
    from drills.alert_files import read

    setup = read(drill, here, values)
    setups.append(setup)
    return setup.problems or list(_foreseen(setup))


def _foreseen(setup: "Setup") -> Iterator[Problem]:
    """What a drill would find out in vain. What only a live system can tell is left to `drills doctor`."""
    assert setup.evidence is not None  # nothing was wrong with the files
    for use in setup.drill.checks:
        for one in use.check.foresee(setup.evidence) if isinstance(use.check, Foresees) else ():
            if one.grade in {"wrong", "doubtful"}:
                place = setup.drill.places["check", use.id]
                yield Problem(place, str(one.what), "\n".join(_cure(one, setup)), "alert-foreseen")


def _cure(one: Foreseen, setup: "Setup") -> Iterator[str]:
    """What to do, where the rule is that it speaks of, and what was taken for granted."""
    assert setup.drill.head.alerting is not None
    if one.cure:
        yield str(one.cure)
    if rules := [str(at.place) for at in setup.rules_at() if at.alert == one.what.values.get("alert")]:
        yield f"the rule: {', '.join(rules)}"
    if "scrape" in one.what.values and not setup.drill.head.alerting.prometheus:
        yield "intervals that no file gives are a minute, Prometheus' own; `prometheus` under `alerting` would give them"
