"""The commands of those who are being drilled: each takes down one act in the run that is under way.

They work from any terminal of the user whose run it is, and need neither a chat system nor a pager.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from checks import Event
    from drills.rundir import RunDir

ACTOR, TOKEN, RUN = "CHAOS_DRILLS_ACTOR", "CHAOS_DRILLS_TOKEN", "CHAOS_DRILLS_RUN"
"""Variables that say who acts, prove it, and name the run, so that it need not be said each time."""
Act = dict[str, Any]


class Word(NamedTuple):
    """One command."""

    name: str
    help: str
    act: Callable[[argparse.Namespace], Act]
    arguments: Sequence[tuple[str, Mapping[str, Any]]] = ()


def _text(given: argparse.Namespace) -> str:
    return " ".join(given.text)


def _some(**data: str | None) -> Act:
    """What was given of these."""
    return {key: value for key, value in data.items() if value}


def _say(given: argparse.Namespace) -> Act:
    from checks.observers.sayings import read

    said = read(_text(given))
    return {"act": "chat", "text": said.text, "channel": given.channel,
            **_some(tag=given.tag or said.tag, change_id=given.change or said.change_id)}  # fmt: skip


def _role(given: argparse.Namespace) -> Act:
    """Taken by whoever says it, or handed over to somebody else."""
    return {"act": "role.taken", "role": given.role, **_some(holder=given.person)}


_TEXT: Mapping[str, Any] = {"nargs": "*", "metavar": "TEXT"}
_NEEDED: Mapping[str, Any] = {"nargs": "+", "metavar": "TEXT"}
_CHANGE = ("--change", {"metavar": "ID", "help": "the change that this is about, as c2"})

WORDS: Sequence[Word] = (
    Word("ack", "say that a page has reached you, and that you are at it",
         lambda given: {"act": "page.acked", **_some(page=given.page)}, [("page", {"nargs": "?", "metavar": "PAGE"})]),
    Word("declare", "declare an incident",
         lambda given: {"act": "incident.declared", "text": _text(given)}, [("text", _TEXT)]),
    Word("severity", "say how bad it is: P0 to P4, or SEV1 to SEV5",
         lambda given: {"act": "incident.severity", "severity": given.severity}, [("severity", {"metavar": "LEVEL"})]),
    Word("role", "take a role, or hand it over to a person", _role,
         [("role", {"metavar": "ROLE"}), ("person", {"nargs": "?", "metavar": "PERSON"})]),
    Word("say", "say something to the others, in the war room or another channel", _say,
         [("text", _NEEDED), ("--tag", {"help": "what it is: update, announce, approve, notice, or another word"}), _CHANGE,
          ("--channel", {"default": "war-room", "metavar": "NAME", "help": "where it is said; war-room"})]),
    Word("act", "say what you did, or do it: `drills act --change c2 -- COMMAND` runs the command and takes it down",
         lambda given: {"act": "cli", "text": _text(given), **_some(change_id=given.change)},
         [("text", _TEXT), _CHANGE]),
    Word("diagnose", "say what the cause is",
         lambda given: {"act": "submit.diagnosis", "text": _text(given)}, [("text", _NEEDED)]),
    Word("resolve", "declare that the incident is over",
         lambda given: {"act": "incident.resolved", "text": _text(given)}, [("text", _TEXT)]),
    Word("note", "write something down for the review",
         lambda given: {"act": "note", "text": _text(given)}, [("text", _NEEDED)]),
    Word("done", "say that a step of the SOP is done, where nothing else shows it",
         lambda given: {"act": "manual", "step": given.step, "text": _text(given)},
         [("step", {"metavar": "STEP"}), ("text", _TEXT)]),
)  # fmt: skip


def add_to(add: Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]) -> None:
    """Add every command to the command line."""
    for word in WORDS:
        parser = add(word.name, respond, word.help)
        parser.set_defaults(word=word)
        for name, how in word.arguments:
            parser.add_argument(name, **how)
        add_who(parser)


def add_who(parser: argparse.ArgumentParser) -> None:
    """Who acts, and in which run."""
    who = parser.add_argument_group("who, and where")
    who.add_argument("--as", dest="actor", metavar="NAME", help=f"who you are; ${ACTOR}, or this system's user")
    who.add_argument("--for", dest="for_", metavar="NAME", help="who did it, where a facilitator says so")
    who.add_argument("--token", metavar="TOKEN", help=f"proves who you are; better in ${TOKEN}, which nobody else sees")
    who.add_argument("--run", metavar="RUN", help=f"the run, where several are under way; ${RUN}")
    who.add_argument("--runs", type=Path, metavar="DIR", help="where runs are kept; ./runs, or $CHAOS_DRILLS_RUNS")


def respond(given: argparse.Namespace) -> int:
    """Take down one act, and print what was taken down. With a command to run, its exit code is passed."""
    run = the_run(given, f"drills {given.word.name}")
    act = given.word.act(given)
    if given.word.name == "act" and given.after:
        return _run_and_tell(run, given, act)
    if given.word.name == "act" and not act["text"]:
        from drills.errors import mistake

        raise mistake("drills act", "it does not say what was done", "say it in words, or run it: drills act -- COMMAND",
                      "usage")  # fmt: skip
    print(shown(tell(run, given, act)))
    return 0


def the_run(given: argparse.Namespace, command: str) -> "RunDir":
    """The run that is meant. Raises DrillError when there is none under way, or more than one and none is named."""
    from drills import rundir
    from drills.errors import mistake
    from drills.past_runs import only_live

    name = given.run or os.environ.get(RUN)
    if not name:
        return only_live(command, "begin one: drills run DRILL")
    run = rundir.find(given.runs or rundir.default_root(), name)
    if not run.is_live:
        raise mistake(command, f"run {run.short} is not under way", "acts are taken down while a drill runs",
                      "act-not-taken")  # fmt: skip
    return run


def tell(run: "RunDir", given: argparse.Namespace, act: Act, *, via: str = "command line") -> "Event":
    """Hand an act in, and wait until it is down. Raises DrillError when it is refused, or not taken."""
    from drills import inbox

    return inbox.wait(run, *inbox.send(run, act, via=via, **who(given)))


def who(given: argparse.Namespace) -> dict[str, str]:
    """Who acts, as the options and the environment say."""
    return {"as_": given.actor or os.environ.get(ACTOR, ""), "for_": given.for_ or "",
            "token": given.token or os.environ.get(TOKEN, "")}  # fmt: skip


def shown(event: "Event") -> str:
    """`taken down at 00:41: severity P1, by lin (attributed)`."""
    from drills.acts import said
    from reports.printable import printable

    at = f"{int(event.t_s) // 60:02d}:{int(event.t_s) % 60:02d}"
    by = f", says {event.data['by']}" if event.data.get("by") else ""
    return printable(f"taken down at {at}: {said(event.data)}, by {event.data['actor']}{by} ({event.trust})")


def _run_and_tell(run: "RunDir", given: argparse.Namespace, act: Act) -> int:
    """Run a command on this terminal and take it down; pass its exit code, whether or not it could be taken down."""
    import shlex
    import time

    from drills.errors import DrillError
    from drills.redaction import redacted, secrets_of

    began_s = time.monotonic()
    code = _run(given.after)
    took_s = round(time.monotonic() - began_s, 3)
    command = redacted(shlex.join(given.after), secrets_of(run))
    try:
        event = tell(run, given, {**act, "cmd": command, "exit": code, "took_s": took_s})
        print(shown(event), file=sys.stderr)
    except DrillError as error:
        print(error, file=sys.stderr)
    return code


def _run(words: Sequence[str]) -> int:
    """Run a command on this terminal; Ctrl-C is for it alone. As shells do: 127 when there is none, 128 + its signal."""
    import signal
    import subprocess

    before = signal.signal(signal.SIGINT, lambda *_: None)  # a handler does not outlive what the command begins with
    try:
        with subprocess.Popen(words) as process:
            code = process.wait()
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 126
    finally:
        signal.signal(signal.SIGINT, before)
    return code if code >= 0 else 128 - code
