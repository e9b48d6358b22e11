"""The command line: words in, one call, an exit code out. Nothing heavy is imported before it is known to be needed."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from drills import __version__, across, responding

if TYPE_CHECKING:
    from drills.load import Loaded
    from drills.rundir import RunDir
    from reports import Report

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; pass its exit code. A user's mistake is printed without a traceback and ends with 2."""
    _print_in_any_encoding()
    _end_when_asked_to()
    try:
        return _call(list(sys.argv[1:] if arguments is None else arguments))
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            _print_to_nobody()


def _print_in_any_encoding() -> None:
    """A sign that the terminal's encoding lacks is printed as its number; it is no reason to end, least of all in a run."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.encoding.lower().startswith("utf"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _end_when_asked_to() -> None:
    """Also as the first process of a container, which no signal ends unless it says so; a run says so by itself later."""
    if os.getpid() == 1:
        import signal

        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _print_to_nobody() -> None:
    """Whoever read what we print has gone: `| head`, a closed terminal. Exit code and files still tell."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _call(words: list[str]) -> int:
    if words in (["--version"], ["-V"]):
        print(f"drills {__version__}")
        return 0
    words, after = _apart(words)
    given, unknown = _parser().parse_known_args(words)
    if unknown:
        given.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    given.after = after
    from drills.errors import DrillError, Exit

    command: Command = given.command
    try:
        _see_that_we_are_whole()
        return command(given)
    except DrillError as error:
        count = len(error.problems)
        print(f"{error}\n\n{count} problem{'s' if count > 1 else ''}", file=sys.stderr)
        return Exit.USAGE
    except BrokenPipeError:
        _print_to_nobody()
        return Exit.USAGE
    except KeyboardInterrupt:
        print("ended before anything was done", file=sys.stderr)
        return Exit.ABORTED
    except Exception:  # noqa: BLE001 - a bug of ours; Python's own exit code for it would say that the drill failed
        import traceback

        traceback.print_exc()
        return Exit.OUR_BUG


def _apart(words: list[str]) -> tuple[list[str], list[str]]:
    """The words, and after `drills act … --` a command of others, whose options are not ours to read."""
    if words[:1] == ["act"] and "--" in words:
        at = words.index("--")
        return words[:at], words[at + 1 :]
    return words, []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drills",
        description="Break things on purpose, and prove in one report whether the service coped.",
        epilog="Exit codes: 0 passed, 1 failed, 2 usage or invalid drill, 3 inconclusive, 4 aborted and healed, "
        "5 NOT healed.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"drills {__version__}")
    commands = parser.add_subparsers(prog="drills", title="commands", metavar="COMMAND", required=True)

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        one.set_defaults(command=command, parser=one)
        return one

    lint = add("lint", _lint, "find every mistake in drills and SOPs, and in all the files that they name")
    lint.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a drill, a SOP, or a folder of them")
    schema = add("schema", _schema, "print the JSON Schema of a drill, for an editor; or of a report, for programs")
    schema.add_argument("what", nargs="?", default="drill",
                        choices=["drill", "inventory", "lab", "rubric", "sop", "suite", "report"])  # fmt: skip
    plan = add("plan", _plan, "show what a drill would do and to what, and do nothing")
    doctor = add("doctor", _doctor, "look over all that a run of a drill needs, with its lab, and break nothing")
    doctor.add_argument("--canary", action="store_true",
                        help="send an alert of ours the way of each expected one; it pages whoever that would page")  # fmt: skip
    run = add("run", _run, "run a drill, judge it and write the report")
    for one in (plan, doctor, run):
        one.add_argument("drill", type=Path, metavar="DRILL", help="the drill's file")
        one.add_argument("--inventory", type=Path, metavar="FILE", help="where the targets are, not the drill's own")
        _add_limits(one)
    run.add_argument("--heal-first", action="store_true", help="heal what an earlier run left, do not refuse to start")
    run.add_argument("--control", action="store_true",
                     help="do all but inject: what is expected of the faults must not come without them")  # fmt: skip
    run.add_argument("--attended", action="store_true",
                     help="responders are there: the faults stay until `drills resolve`, or until no time is left")  # fmt: skip
    run.add_argument("--plain", action="store_true", help="plain lines instead of the live screen")
    judge = add("judge", _judge, "judge a stored run again, with other limits if given; its own report stays as it is")
    _add_limits(judge)
    report = add("report", _report, "write the reports of a stored run anew, or print one of them")
    report.add_argument(
        "--format", metavar="NAME", help="print this one: terminal, html, markdown, json, junit, github or pdf"
    )
    runs = add("runs", _runs, "list the runs that are kept, or show one")
    status = add("status", _status, "how a run stands: faults, probes, pages, roles, and what the SOP asks next")
    status.add_argument("--watch", action="store_true", help="again every second, until the run has ended")
    heal = add("heal", _heal, "take away what a run left behind")
    abort = add("abort", _abort, "ask a run that is under way to heal everything and end")
    for one in (judge, report):
        one.add_argument("run", metavar="RUN", help="a run's id, the end of it, its directory, or `last`")
    for one in (runs, status, heal, abort):
        one.add_argument("run", nargs="?", metavar="RUN", help="a run's id, the end of it, its directory, or `last`")
    heal.add_argument("--all", action="store_true",
                      help="every run of this user on this host that is not clean; with --cluster, what runs still renew "
                      "too")  # fmt: skip
    heal.add_argument("--cluster", nargs="?", const="", metavar="CONTEXT",
                      help="find and take away what is ours in a cluster, without any memory, once its time is over; by the "
                      "name of a kubeconfig's context, or the current one")  # fmt: skip
    heal.add_argument("--kubeconfig", default="", metavar="FILE",
                      help="where that context is, if not where kubectl looks; of a run, in place of the one it remembers"
                      )  # fmt: skip
    _add_rbac(add)
    for one in (run, judge, report):
        one.add_argument("--language", choices=["en", "zh"], default="en", help="of the report")
    for one in (doctor, run, judge, report, runs, status, heal, abort):
        one.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; ./runs, or $CHAOS_DRILLS_RUNS")
    _add_afterwards(add)
    across.add_to(add)
    for one in (run, report):
        across.add_history(one)
    responding.add_to(add)
    shell = add("shell", _shell, "your own shell, recorded: what you run in it becomes acts of the run")
    shell.add_argument("--shell", metavar="NAME", help="bash or zsh; $SHELL")
    responding.add_who(shell)
    _add_explain(add)
    text = "stand in for toxiproxy-server, with its flags"
    # They are the server's own to read, so nothing of them is a flag here; no word begins with this character.
    proxy = commands.add_parser("proxy", help=text, add_help=False, prefix_chars="\0")
    proxy.set_defaults(command=_proxy)
    proxy.add_argument("flags", nargs="*")
    return parser


def _add_rbac(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    rbac = add("rbac", _rbac, "print the ClusterRole that a drill needs, or healing, and no more than it needs")
    rbac.add_argument("drill", nargs="?", type=Path, metavar="DRILL", help="the drill's file")
    rbac.add_argument("--heal", action="store_true", help="not of a drill, but of `drills heal --cluster`")
    rbac.add_argument("--service-account", metavar="NAMESPACE/NAME",
                      help="print this account too, and what gives it the role: for `kubectl apply -f -`")  # fmt: skip
    rbac.add_argument("--inventory", type=Path, metavar="FILE", help="where the targets are, not the drill's own")
    rbac.set_defaults(limits=[])


def _add_afterwards(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    """What is done once a run is over, and people come together."""
    review = add("review", _review, "draft the review of a run, or see what is still open in it: 1 while anything is")
    review.add_argument("run", metavar="RUN", help="a run's id, the end of it, its directory, or `last`")
    review.add_argument("--file", type=Path, metavar="FILE", help="where it is kept; review.md in the run's directory")
    review.add_argument("--today", metavar="DAY", help="what is due is held against this day, as 2026-12-05; today")
    review.add_argument("--export", choices=["csv", "json"], help="print its action items, for an issue tracker")
    review.add_argument("--language", choices=["en", "zh"], default="en", help="of a draft")
    export = add(
        "export", _export, "the event log of runs, each a case, for process-mining tools; or every look of their probes"
    )
    export.add_argument("run", nargs="+", metavar="RUN", help="as of `drills review`; may be repeated")
    export.add_argument("--format", choices=["csv", "xes", "looks"], default="csv",
                        help="csv, or xes as IEEE 1849 has it; looks: a CSV line for each look of a probe")  # fmt: skip
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there, do not print it")
    pack = add("pack", _pack, "an evidence pack of a run for an auditor: one zip, each file with its hash")
    pack.add_argument("run", metavar="RUN", help="as of `drills review`")
    pack.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; the run's id with .zip")
    pack.add_argument("--language", choices=["en", "zh"], default="en", help="of what is in it")
    verify = add("verify", _verify, "see that an evidence pack is as it was made, and judge its run again")
    verify.add_argument("pack", type=Path, metavar="PACK", help="the zip")
    for one in (review, export, pack, _add_overrule(add)):
        one.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; ./runs, or $CHAOS_DRILLS_RUNS")


def _add_overrule(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> argparse.ArgumentParser:
    one = add("overrule", _overrule, "have an obligation of a SOP count as something else: two people, and a reason")
    one.add_argument("run", metavar="RUN", help="as of `drills review`")
    one.add_argument("rule", metavar="RULE", help="the rule, as announced, or sop/announced")
    one.add_argument("--as", dest="status", required=True, choices=["satisfied", "violated", "n/a", "withdrawn"],
                     help="what it counts as from now on; withdrawn takes back what was said before")  # fmt: skip
    one.add_argument("--by", required=True, metavar="NAME", help="who says so")
    one.add_argument("--seconded-by", required=True, metavar="NAME", help="somebody else who says so too")
    one.add_argument("--reason", required=True, metavar="TEXT", help="what was so, and how it is known")
    one.add_argument("--line", type=int, metavar="NUMBER", help="a journal line of it, where the rule has several")
    return one


def _add_explain(add: Callable[[str, Command, str], argparse.ArgumentParser]) -> None:
    explain = add("explain", _explain, "say why a run has the score that it has, or what a message means")
    explain.add_argument("name", nargs="?", metavar="NAME",
                         help="a run's id, the end of it, its directory, or `last`; or the name of a message as in "
                         "[unknown-setting]; left out, all messages are listed")  # fmt: skip
    explain.add_argument("--format", choices=["text", "json"], default="text", help="of the reasons for a score")
    explain.add_argument("--language", choices=["en", "zh"], default="en", help="of the reasons for a score")
    explain.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; ./runs, or $CHAOS_DRILLS_RUNS")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="CHECK.SETTING=VALUE", dest="limits",
                        help="another limit for this time, as failover.within=3s; may be repeated")  # fmt: skip


@contextmanager
def _leaving_garbage() -> Iterator[None]:
    """For a command that is over at once: to look for garbage, meanwhile and at the end, is a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@_leaving_garbage()
def _lint(given: argparse.Namespace) -> int:
    from drills.errors import Exit
    from drills.linting import lint

    found = lint(given.paths)
    for problem in found.problems:
        print(f"{problem}\n")
    for unseen in found.unseen:
        print(f"could not look: {unseen}\n")
    if found.problems:
        files = len({problem.place.file for problem in found.problems})
        print(f"{_count(len(found.problems), 'problem')} in {_count(files, 'file')}")
    else:
        sops = f" and {_count(found.sops, 'SOP')}" if found.sops else ""
        partly = " in what could be looked at" if found.unseen else ""
        print(f"{_count(found.drills, 'drill')}{sops}, no problems{partly}")
    if found.lacking:
        print(f"not installed: {'; '.join(found.lacking)}")
    return Exit.USAGE if found.problems else Exit.INCONCLUSIVE if found.unseen else Exit.PASSED


def _schema(given: argparse.Namespace) -> int:
    import json

    if given.what == "report":
        from reports.json_schema import json_schema as made
    else:
        from functools import partial

        from drills.schemas import schema

        made = partial(schema, given.what)
    print(json.dumps(made(), indent=2, ensure_ascii=False))
    return 0


def _loaded(given: argparse.Namespace, lab_folder: "Path | None" = None) -> "Loaded":
    from drills.inventory import process_environment
    from drills.load import load

    return load(given.drill, inventory=given.inventory, lab_folder=lab_folder, limits=tuple(given.limits),
                environment=process_environment())  # fmt: skip


def _plan(given: argparse.Namespace) -> int:
    import asyncio

    from drills import plan, preflight
    from drills.plan_text import show

    settled = asyncio.run(plan.make(_loaded(given)))
    print(show(settled, asyncio.run(preflight.of_plan(settled))))
    return 0


def _rbac(given: argparse.Namespace) -> int:
    from drills import rbac
    from drills.errors import mistake

    if bool(given.drill) == given.heal:
        raise mistake("drills rbac", "whose role is to be printed is not said", "name a drill, or say --heal", "usage")
    account = rbac.Account.parse(given.service_account) if given.service_account is not None else None
    role = rbac.healing_role() if given.heal else rbac.role(_loaded(given))
    print(account.bound_to(role) if account else role, end="")
    return 0


def _doctor(given: argparse.Namespace) -> int:
    from functools import partial

    from drills.doctor import look

    return look(given.drill, inventory=given.inventory, limits=tuple(given.limits), root=_root(given),
                canaries=given.canary, say=partial(print, flush=True))  # fmt: skip


def _run(given: argparse.Namespace) -> int:
    from drills import github
    from drills.entering import enter, the_history
    from drills.errors import Exit
    from drills.running import RunLost, run, turn_deaf

    history = the_history(given)  # a slip in its address is told before anything is broken
    try:
        report, directory = run(
            given.drill,
            inventory=given.inventory,
            limits=tuple(given.limits),
            root=_root(given),
            heal_first=given.heal_first,
            plain=given.plain,
            language=given.language,
            control=given.control,
            attended=given.attended,
        )
    except RunLost as lost:
        print(lost, file=sys.stderr)
        return Exit.ABORTED if lost.healed else Exit.NOT_HEALED
    code = _show(report, directory, given.language)
    github.tell(report, given.language)
    turn_deaf()
    enter(directory, history)
    return code


def _judge(given: argparse.Namespace) -> int:
    from drills.judging import judge_run

    directory = _find(given)
    return _show(judge_run(directory, limits=tuple(given.limits)), None, given.language)


def _report(given: argparse.Namespace) -> int:
    from drills.entering import enter, the_history
    from drills.errors import mistake
    from drills.judging import judge_run
    from drills.running import render, write_reports

    directory = _find(given)
    report = judge_run(directory)
    if given.format == "terminal":
        return _show(report, None, given.language)
    if given.format is None:
        try:
            write_reports(report, directory, given.language)
        except OSError as error:
            raise mistake(str(directory.path), f"the reports cannot be written: {error.strerror}",
                          "print one of them, which writes nothing: --format NAME", "no-file") from None  # fmt: skip
        enter(directory, the_history(given))
        return _show(report, directory, given.language)
    content = render(report, given.format, given.language)
    sys.stdout.buffer.write(content)
    return report.exit_code


def _runs(given: argparse.Namespace) -> int:
    from drills import rundir
    from drills.judging import judge_run
    from drills.past_runs import listing

    if given.run:
        directory = _find(given)
        written = (directory.path / "report.html").exists()
        return _show(judge_run(directory), directory if written else None, "en")
    print(listing(rundir.known_runs(_root(given))))
    return 0


def _status(given: argparse.Namespace) -> int:
    from drills import rundir
    from drills.clock import SystemClock
    from drills.past_runs import only_live
    from drills.status import picture, watch

    name = given.run or os.environ.get(responding.RUN)
    run = rundir.find(_root(given), name) if name else only_live("drills status", "begin one: drills run DRILL")
    try:
        for text in watch(run, clear=sys.stdout.isatty()) if given.watch else [picture(run, SystemClock())]:
            print(text, flush=True)
    except KeyboardInterrupt:
        print()  # who has seen enough has done nothing wrong
    return 0


def _heal(given: argparse.Namespace) -> int:
    from drills.errors import Exit, mistake
    from drills.past_runs import heal

    if given.cluster is not None and not given.run:
        from drills import cluster_healing

        return cluster_healing.heal(given.kubeconfig, given.cluster, everything=given.all, say=print)
    if given.cluster is not None or bool(given.run) == given.all:
        raise mistake("drills heal", "which run is to be healed is not said", "name one run, or say --all", "usage")
    from drills import rundir
    from injectors import kubernetes_found

    kubernetes_found.instead.set(given.kubeconfig)
    runs = rundir.open_runs() if given.all else [_find(given)]
    if not runs:
        print("no run of this user on this host has left anything")
    return Exit.PASSED if sum(not heal(run) for run in runs) == 0 else Exit.NOT_HEALED


def _abort(given: argparse.Namespace) -> int:
    from drills.past_runs import abort, only_live

    return abort(_find(given) if given.run else only_live())


def _review(given: argparse.Namespace) -> int:
    from drills.reviewing import day, items, review

    run = _find(given)
    if given.export:
        return items(run, path=given.file, form=given.export)
    return review(run, path=given.file, today=day(given.today), language=given.language)


def _overrule(given: argparse.Namespace) -> int:
    from drills.overruling import overrule

    return overrule(_find(given), given.rule, status=given.status, by=given.by, seconded_by=given.seconded_by,
                    reason=given.reason, line=given.line)  # fmt: skip


def _export(given: argparse.Namespace) -> int:
    from drills import rundir
    from drills.reviewing import export

    runs = {run.id: run for name in given.run for run in [rundir.find(_root(given), name)]}
    return export(list(runs.values()), form=given.format, path=given.output)


def _pack(given: argparse.Namespace) -> int:
    from drills.pack import pack

    print(pack(_find(given), path=given.output, language=given.language))
    return 0


def _verify(given: argparse.Namespace) -> int:
    from drills.pack import verify

    return verify(given.pack)


def _shell(given: argparse.Namespace) -> int:
    from drills.shell import shell

    return shell(given)


def _explain(given: argparse.Namespace) -> int:
    """A message where one has that name, which no run's has; else a run."""
    from drills.messages import explain, is_message

    if given.name is None or is_message(given.name):
        print(explain(given.name))
        return 0
    from drills import rundir
    from drills.errors import DrillError

    try:
        run = rundir.find(_root(given), given.name)
    except DrillError as error:
        if error.problems[0].slug == "unknown-run":
            explain(given.name)  # says that it is no message either, and names those that there are
        raise
    from drills.judging import judge_run
    from drills.telling import terminal_width
    from reports import explaining
    from reports.columns import folded

    report = judge_run(run)
    if given.format == "json":
        print(explaining.to_data(report, given.language))
        return 0
    for line in explaining.explain(report, given.language).splitlines():
        print(*folded(line, terminal_width()), sep="\n")
    print(f"\n{run.journal}")
    return 0


def _proxy(given: argparse.Namespace) -> int:
    from injectors.proxy.cli import main as serve

    return serve(given.flags)


def _find(given: argparse.Namespace) -> "RunDir":
    from drills import rundir

    return rundir.find(_root(given), given.run)


def _root(given: argparse.Namespace) -> Path:
    from drills import rundir

    return given.runs or rundir.default_root()


def _show(report: "Report", directory: "RunDir | None", language: str) -> int:
    from drills.running import show

    try:
        show(report, directory, language)
        sys.stdout.flush()
    except (OSError, SystemExit):  # rich makes an exit of its own, with code 1, of a reader who has gone
        _print_to_nobody()
    return report.exit_code


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _see_that_we_are_whole() -> None:
    """Other distributions have packages called `checks` or `reports`; say so when one of them stands in for ours."""
    from importlib.util import find_spec

    from drills.errors import mistake

    home = Path(__file__).resolve().parent.parent
    for name in ("checks", "injectors", "reports"):
        spec = find_spec(name)
        where = Path(spec.origin).resolve() if spec and spec.origin else None
        if where is None or where.parent.parent != home:
            raise mistake(
                str(where or name),
                f"the package `{name}` found there is not the one of chaos-drills",
                "install chaos-drills in an environment of its own (pipx, `uv tool`, a new venv)",
                "shadowed-package",
            )


if __name__ == "__main__":
    sys.exit(main())
