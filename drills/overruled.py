"""What was overruled of a stored run: a file beside its journal, which is never touched.

Each line of `overruled.jsonl` carries the link of the line before it, the first that of the journal's own first line, so
that one that was changed or taken out of the middle shows, and one of another run does too.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from checks import Sentence
from checks.sop.check import Sop
from checks.sop.obligation import Status
from checks.sop.overrule import Overruling
from drills import journal
from drills.drill import CheckUse, Drill
from drills.errors import DrillError, mistake
from drills.rundir import RunDir

NAME = "overruled.jsonl"
WITHDRAWN = "withdrawn"


def attached(drill: Drill, run: RunDir) -> Drill:
    """The drill with what was overruled of its SOPs. Raises DrillError when the file was edited."""
    told = lines(run)
    if not told:
        return drill
    return replace(drill, checks=tuple(_with(use, told) for use in drill.checks))


def lines(run: RunDir) -> list[dict[str, Any]]:
    """All that was written down, oldest first. Raises DrillError when it was edited."""
    return [one for one, _ in _read(run)]


def last_link(run: RunDir) -> str:
    """What stands for all of it; empty where nothing was overruled."""
    return next((link for _, link in reversed(list(_read(run)))), "")


def sentences(drill: Drill) -> Iterator[Sentence]:
    """What a reader of a report must know of it."""
    for use in drill.checks:
        for one in use.check.overruling if isinstance(use.check, Sop) else ():
            about = {"rule": f"{use.id}/{one.rule}", "status": one.status, "reason": one.reason}
            pattern = "{by} and {second} overruled {rule}, which counts as {status}: {reason}"
            yield Sentence.of(pattern, by=one.by, second=one.seconded_by, **about)


def _with(use: CheckUse, told: Sequence[dict[str, Any]]) -> CheckUse:
    if not isinstance(use.check, Sop):
        return use
    return replace(use, check=replace(use.check, overruling=tuple(in_force(told, use.id))))


def in_force(told: Sequence[dict[str, Any]], check: str) -> Iterator[Overruling]:
    """The last word on each obligation of a check; none where that took back what was said before."""
    last: dict[tuple[str, int | None], dict[str, Any]] = {}
    for one in told:
        if one["check"] != check:
            continue
        last.pop((one["rule"], one["line"]), None)
        if one["as"] != WITHDRAWN:
            last[one["rule"], one["line"]] = one
    for one in last.values():
        yield Overruling(rule=one["rule"], line=one["line"], status=Status(one["as"]), by=one["by"],
                         seconded_by=one["seconded_by"], reason=one["reason"])  # fmt: skip


def _read(run: RunDir) -> Iterator[tuple[dict[str, Any], str]]:
    path = run.path / NAME
    if not path.is_file():
        return
    link = _first_link(run)
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            one = json.loads(text)
            there = one.pop("link")
        except (ValueError, KeyError, AttributeError):
            raise _edited(run, number) from None
        link = journal.link_of(link, _body(one))
        if there != link:
            raise _edited(run, number)
        yield one, link


def append(run: RunDir, one: dict[str, Any]) -> None:
    """One more line, on disk when this returns. Raises DrillError when it cannot be written."""
    path = run.path / NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # held for a moment only, by whoever overrules at the same time
            link = journal.link_of(last_link(run) or _first_link(run), _body(one))
            os.write(handle, (json.dumps({**one, "link": link}, ensure_ascii=False) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise mistake(str(path), f"the file cannot be written: {error.strerror}", "check the folder and its permissions",
                      "no-file") from None  # fmt: skip


def _body(one: dict[str, Any]) -> str:
    return json.dumps(one, ensure_ascii=False, sort_keys=True)


def _first_link(run: RunDir) -> str:
    """Of the journal's first line, which no later one changes, as healing may add."""
    with run.journal.open("rb") as file:
        return file.readline().rstrip(b"\n")[-34:-2].decode("ascii", "replace")


def _edited(run: RunDir, number: int) -> DrillError:
    return mistake(f"{run.path / NAME}:{number}", "what was overruled was changed afterwards, or is another run's",
                   "put back the file as it was written; to take something back: --as withdrawn", "journal-edited")  # fmt: skip
