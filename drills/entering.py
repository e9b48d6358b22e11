"""Puts a run into the history once its report is written, and says where that is."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drills.history import History
    from drills.rundir import RunDir


def enter(run: "RunDir", history: "History | None") -> None:
    """Put a run into the history. Whatever goes wrong is told in one line, and changes nothing of the run."""
    from drills.errors import DrillError
    from drills.history import past_of
    from drills.history_tables import HistoryTrouble
    from reports.past import NoReport

    if history is None:
        return
    try:
        history.enter([past_of(run)])
    except Exception as trouble:  # noqa: BLE001 - the exit code is for how the run ended, and not for a bug in here
        what = str(trouble) if isinstance(trouble, HistoryTrouble | NoReport) else repr(trouble)
        what = trouble.problems[0].what if isinstance(trouble, DrillError) else what
        tell(f"history: {what}; the report is whole, and the run can be entered later: drills history import")


def tell(line: str) -> None:
    """Say something beside the answer, in one line."""
    from reports.printable import printable

    print(printable(line), file=sys.stderr, flush=True)


def root_of(given: argparse.Namespace) -> Path:
    """Where runs are kept."""
    from drills import rundir

    root: Path = given.runs or rundir.default_root()
    return root


def the_history(given: argparse.Namespace) -> "History | None":
    """The one that is meant. Raises DrillError when what was said is no place of one."""
    from drills import history

    return history.at(root_of(given), given.history)
