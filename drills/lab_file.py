"""What a lab file says: the processes that a drill needs, and what is found and written for them. Settings only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from checks.ground import need_time

NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""Of processes and files: each names a file in the lab's folder, and nothing outside of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """How to tell that a process can be used. Exactly one of the ways."""

    tcp: Annotated[str | None, "Connecting to this `host:port` succeeds"] = None
    http: Annotated[str | None, "Getting this URL answers with a status below 400"] = None
    output: Annotated[str | None, "The process's output has a match of this regular expression"] = None
    command: Annotated[tuple[str, ...], "This command, run in the lab file's folder, ends with 0"] = ()
    within: Annotated[timedelta, "How long it may take"] = timedelta(seconds=15)

    def __post_init__(self) -> None:
        ways = [way for way in ("tcp", "http", "output", "command") if getattr(self, way)]
        if len(ways) != 1:
            raise ValueError(ways[-1] if ways else "", f"`ready` has {len(ways) or 'no'} ways to look",
                             "give exactly one of tcp, http, output, command")  # fmt: skip
        need_time("within", self.within)
        place, _, port = (self.tcp or "localhost:0").rpartition(":")
        if not place or not port.isdecimal() or int(port) > 65_535:
            raise ValueError("tcp", f"`tcp` cannot be `{self.tcp}`", "give host and port, as 127.0.0.1:6379")
        if self.http and not self.http.startswith(("http://", "https://")):
            raise ValueError("http", f"`http` cannot be `{self.http}`", "give a whole URL, as http://127.0.0.1:8080/up")
        try:
            re.compile(self.output or "")
        except re.error as error:
            raise ValueError("output", f"`output` is no regular expression: {error}", "mend it") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabProcess:
    """One process of a lab."""

    run: Annotated[tuple[str, ...], "The program and its arguments; no shell. It runs in the lab file's folder"]
    after: Annotated[tuple[str, ...], "Processes that must be ready before this one is started"] = ()
    instead_of: Annotated[tuple[str, ...], "Processes that it stands in for, all of them, when a program of any of them "
                          "is not installed; it runs only then"] = ()  # fmt: skip
    ready: Annotated[Ready | None, "How to tell that it can be used; left out, it is taken as ready at once"] = None
    env: Annotated[Mapping[str, str], "Environment variables on top of those of `drills`"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.run or not self.run[0]:
            raise ValueError("run", "`run` names no program", "write it and its arguments: [redis-server, --port, …]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """What a drill needs to have running.

    `${port.NAME}`, `${program.NAME}`, `${dir}`, `${here}` and `${python}` may stand in any text.
    """

    lab: Annotated[str, "The lab's name"]
    ports: Annotated[tuple[str, ...], "Names of the ports to find; each is a free one, `${port.NAME}`"] = ()
    files: Annotated[Mapping[str, str], "Files to write into `${dir}` before anything starts, by name"] = field(
        default_factory=dict
    )
    templates: Annotated[
        tuple[str, ...], "Files beside this one to write into `${dir}` too, filled in as its texts are"
    ] = ()
    programs: Annotated[
        Mapping[str, tuple[str, ...]],
        "Names that a program may have on PATH; the first that is there is `${program.NAME}`",
    ] = field(default_factory=dict)
    processes: Annotated[Mapping[str, LabProcess], "What to start, by name"]
    ready: Annotated[tuple[Ready, ...], "What must be true, besides, before the drill begins"] = ()

    def __post_init__(self) -> None:
        copied = [Path(one).name for one in self.templates]
        for setting, names in (("files", self.files), ("templates", copied), ("processes", self.processes)):
            for name in names:
                if not re.fullmatch(NAME, name):
                    raise ValueError(setting, f"`{name}` cannot be a file's name", "use letters, digits, `.`, `_`, `-`")
        ours = {f"{name}{end}" for name in self.processes for end in (".pid", ".log")}
        if taken := sorted(ours & {*self.files, *copied}):
            raise ValueError("files", f"`{taken[0]}` is a file that the lab itself writes", "give it another name")
        if twice := [name for name in copied if name in self.files or copied.count(name) > 1]:
            raise ValueError("templates", f"`{twice[0]}` would be written twice", "give one of them another name")
        if any(one.output for one in self.ready):
            raise ValueError("ready", "`output` is that of a process, and this is the whole lab's `ready`",
                             "move it to the process that prints it")  # fmt: skip
