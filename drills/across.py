"""The commands that look at more than one run: history, trend, compare, gate, accept and fleet.

They read the history, and where there is none, or none that can be read, the directories of the runs themselves.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

Add = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
RUN = "a run's id, the end of it, its directory, or `last`"


def add_to(add: Add) -> None:
    """Add every command to the command line."""
    trend = add(
        "trend",
        _command("trend"),
        "the runs of a drill over time: score, outcome and figures, and what they say together",
    )
    trend.add_argument("drill", metavar="DRILL", help="the drill's name, or its file")
    trend.add_argument("--last", type=int, default=20, metavar="N", help="so many runs; 20")
    compare = add(
        "compare", _command("compare"), "two runs of a drill side by side, and whether what differs is more than noise"
    )
    compare.add_argument("before", metavar="RUN", help=RUN)
    compare.add_argument("other", metavar="OTHER", help="the same; what is said is how this one differs")
    gate = add(
        "gate", _command("gate"), "hold a run against those before it: 0 no regression, 1 regressed, 3 cannot say"
    )
    gate.add_argument("run", metavar="RUN", help=RUN)
    gate.add_argument("--against", default="accepted", metavar="WHAT",
                      help="accepted, which stands until another is accepted; last-passed; or a run")  # fmt: skip
    gate.add_argument("--allow", action="append", default=[], metavar="AMOUNT",
                      help="how much worse figures may become: 10%%, 200ms, or one of them, RTO=10%%")  # fmt: skip
    accept = add("accept", _command("accept"), "mark a run as how it shall be: the gate holds later ones against it")
    accept.add_argument("run", metavar="RUN", help=RUN)
    accept.add_argument("--by", required=True, metavar="NAME", help="who accepts it")
    accept.add_argument("--reason", required=True, metavar="TEXT", help="why it is well so")
    accept.add_argument(
        "--anew", action="store_true", help="it is another level: what was before does not count any more"
    )
    fleet = add(
        "fleet",
        _command("fleet"),
        "every drill below a folder: when it was rehearsed last, how it ended, whether it is overdue",
    )
    fleet.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where the drills are; here")
    fleet.add_argument("--strict", action="store_true", help="end with 1 when a drill is overdue")
    fleet.add_argument("--today", metavar="DAY", help="days are counted up to this one, as 2026-12-05; today")
    history = add("history", _command("history"), "make the history anew of runs' directories, or keep a note on a run")
    history.add_argument("what", choices=["import", "note"], help="import DIR …, or note RUN TEXT")
    history.add_argument(
        "words", nargs="*", metavar="WORD", help="folders with runs, where they are kept; or a run and a text"
    )
    _add_options(trend, gate, compare, fleet)
    for one in (trend, compare, gate, accept, fleet, history):
        one.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; ./runs, or $CHAOS_DRILLS_RUNS")
        add_history(one)


def _add_options(trend: argparse.ArgumentParser, gate: argparse.ArgumentParser, compare: argparse.ArgumentParser,
                 fleet: argparse.ArgumentParser) -> None:  # fmt: skip
    for one in (trend, gate):
        one.add_argument("--metric", action="append", default=[], metavar="NAME",
                         help="this figure, as RTO, availability:orders or failover.outage; may be repeated")  # fmt: skip
    forms = {
        trend: ["csv", "json", "markdown"],
        compare: ["json", "markdown"],
        gate: ["json"],
        fleet: ["json", "markdown"],
    }
    for one, known in forms.items():
        one.add_argument("--format", choices=["terminal", *known], default="terminal", help="what is printed")
        one.add_argument("--language", choices=["en", "zh"], default="en", help="of what is printed")


def add_history(parser: argparse.ArgumentParser) -> None:
    """Where the history is."""
    parser.add_argument("--history", metavar="URL", help="a file, postgresql://USER@HOST/NAME, or none; "
                        "$CHAOS_DRILLS_HISTORY, or history.sqlite3 where runs are kept")  # fmt: skip


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """One of `drills.comparing`, which is not loaded before it is called."""

    def call(given: argparse.Namespace) -> int:
        from drills import comparing

        code: int = getattr(comparing, name)(given)
        return code

    return call
