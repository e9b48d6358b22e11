"""A lab: the processes that a drill needs, started for it on free ports of this host and ended with it.

Each process is led by a pidfile in the run's directory, written before its program runs, so whoever comes after a
killed conductor finds all of them; ending the lab needs nothing but that directory.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from checks.ground import need_time
from checks.units import show_duration
from drills.binding import Binding
from drills.errors import Place, Problem, choices, mistake
from drills.source import Items, Node, Scalar, Table, substitute
from injectors import host

if TYPE_CHECKING:
    import socket

_PORTS = range(20_000, 32_000)
"""Below the range that systems give out by themselves, so that nobody is handed one between finding and using it."""
_TRIES = 1_000
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""Of processes and files: each names a file in the lab's folder, and nothing outside of it."""


class LabFailed(Exception):
    """A lab did not start; the message says which process, and what it said last."""


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
    ready: Annotated[Ready | None, "How to tell that it can be used; left out, it is taken as ready at once"] = None
    env: Annotated[Mapping[str, str], "Environment variables on top of those of `drills`"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.run or not self.run[0]:
            raise ValueError("run", "`run` names no program", "write it and its arguments: [redis-server, --port, …]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """What a drill needs to have running. `${port.NAME}`, `${dir}`, `${here}` and `${python}` may stand in any text."""

    lab: Annotated[str, "The lab's name"]
    ports: Annotated[tuple[str, ...], "Names of the ports to find; each is a free one, `${port.NAME}`"] = ()
    files: Annotated[Mapping[str, str], "Files to write into `${dir}` before anything starts, by name"] = field(
        default_factory=dict
    )
    processes: Annotated[Mapping[str, LabProcess], "What to start, by name"]
    ready: Annotated[tuple[Ready, ...], "What must be true, besides, before the drill begins"] = ()

    def __post_init__(self) -> None:
        for setting in ("files", "processes"):
            for name in getattr(self, setting):
                if not re.fullmatch(_NAME, name):
                    raise ValueError(setting, f"`{name}` cannot be a file's name", "use letters, digits, `.`, `_`, `-`")
        ours = {f"{name}{end}" for name in self.processes for end in (".pid", ".log")}
        if taken := sorted(ours & set(self.files)):
            raise ValueError("files", f"`{taken[0]}` is a file that the lab itself writes", "give it another name")
        if any(one.output for one in self.ready):
            raise ValueError("ready", "`output` is that of a process, and this is the whole lab's `ready`",
                             "move it to the process that prints it")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab file with its ports found and its directory settled; not yet started."""

    file: LabFile
    here: Path
    folder: Path
    ports: Mapping[str, int]

    @property
    def values(self) -> dict[str, str]:
        """What an inventory may refer to."""
        return values(self.ports, self.here, self.folder)

    def start_of(self, name: str) -> host.Start:
        """How to start one of its processes, now or again."""
        process = self.file.processes[name]
        return host.Start(
            argv=process.run,
            cwd=str(self.here),
            log=str(self.folder / f"{name}.log"),
            pidfile=str(pidfile(self.folder, name)),
            env=dict(process.env),
        )


def values(ports: Mapping[str, int], here: Path, folder: Path) -> dict[str, str]:
    """The variables of a lab, which its file and the inventory may use."""
    fixed = {"dir": str(folder), "here": str(here), "python": sys.executable}
    return fixed | {f"port.{name}": str(port) for name, port in ports.items()}


def pidfile(folder: Path, name: str) -> Path:
    """Where the identity of a lab's process is kept."""
    return folder / f"{name}.pid"


def bind(node: Node, here: Path, folder: Path, binding: Binding, *, only_check: bool = False) -> Lab | None:
    """Read a lab file, finding its ports. When `binding` then holds problems, it is what could be made of it, or None.

    With `only_check` nothing will be started, so that any ports will do.
    """
    names = _port_names(node)
    ports = dict(zip(names, _PORTS, strict=False)) if only_check else free_ports(names)
    settled = substitute(node, values(ports, here, folder), binding.problems)
    file = binding.bind(LabFile, settled, kind="lab", alone=False)
    if not isinstance(node, Table):
        return None
    if file:
        _check_order(file, node, binding.problems)
    return Lab(file=file or _stand_in(node), here=here, folder=folder, ports=ports)


def _stand_in(node: Table) -> LabFile:
    """For a file with mistakes, so that an inventory that names its processes is looked through all the same."""
    listed = node.get("processes")
    names = listed.keys() if isinstance(listed, Table) else ()
    return LabFile(lab="", processes={one: LabProcess(run=("?",)) for one in names if re.fullmatch(_NAME, one)})


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free TCP and UDP port of the loopback address for each name, no two the same."""
    import random

    held: list[socket.socket] = []
    found: dict[str, int] = {}
    tries = (random.choice(_PORTS) for _ in range(_TRIES))  # spread out, so that labs started at once rarely meet
    try:
        for name in names:
            port = next((one for one in tries if _is_free(one, held)), None)
            if port is None:
                raise mistake("127.0.0.1", f"of {_TRIES} ports from {_PORTS[0]} to {_PORTS[-1]} none was free for `{name}`",
                              "see what holds them, as with `ss -ltnup`", "no-port")  # fmt: skip
            found[name] = port
    finally:
        for one in held:
            one.close()
    return found


def _is_free(port: int, held: "list[socket.socket]") -> bool:
    """Whether both protocols have it; the sockets that say so are kept open, among `held`, until all are found."""
    import socket

    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            held.append(socket.socket(socket.AF_INET, kind))
            held[-1].bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


async def start(lab: Lab, started: Callable[[str, host.Process], None]) -> None:
    """Start everything, each as soon as what it needs is ready; tell `started` of each process.

    Raises LabFailed. What was started by then stays, for `end` to take away.
    """
    import asyncio

    ready = {name: asyncio.Event() for name in lab.file.processes}

    async def bring_up(name: str, process: LabProcess) -> None:
        for other in process.after:
            await ready[other].wait()
        running = host.spawn(lab.start_of(name))
        started(name, running)
        if process.ready:
            await _wait(lab, process.ready, name, running)
        ready[name].set()

    try:
        for name, text in lab.file.files.items():
            (lab.folder / name).write_text(text, encoding="utf-8")
        async with asyncio.TaskGroup() as group:
            for name, process in lab.file.processes.items():
                group.create_task(bring_up(name, process))
        for condition in lab.file.ready:
            await _wait(lab, condition, "", None)
    except* (LabFailed, OSError) as failures:
        raise LabFailed("; ".join(str(one) for one in failures.exceptions)) from None


def end(folder: Path, patience_s: float = 5.0) -> list[str]:
    """End every process whose pidfile is in this folder, with all it started. Blocks. Says what is still there."""
    from concurrent.futures import ThreadPoolExecutor

    def end_one(file: Path) -> list[str]:
        left = [host.describe(one) for leader in host.leaders(str(file)) for one in host.end(leader, patience_s)]
        return [f"{file.stem}: process {one}" for one in left]

    if not (files := _pidfiles(folder)):
        return []
    with ThreadPoolExecutor(len(files)) as pool:
        return [one for left in pool.map(end_one, files) for one in left]


def running(folder: Path) -> list[str]:
    """Names of the lab's processes of which anything runs, from the directory alone."""
    return [file.stem for file in _pidfiles(folder) if host.leaders(str(file))]


def _pidfiles(folder: Path) -> list[Path]:
    """Those that we wrote; a program of the lab may keep one of its own in the same folder."""
    return [file for file in sorted(folder.glob("*.pid")) if host.wrote_pidfile(str(file))]


async def _wait(lab: Lab, ready: Ready, name: str, process: host.Process | None) -> None:
    import asyncio

    what = name or "the lab"
    try:
        async with asyncio.timeout(ready.within.total_seconds()):
            while not await _is_ready(lab, ready, name):
                if process and host.state(process) == "gone":
                    raise LabFailed(f"{what} ended before it was ready{_last_words(lab, name)}")
                await asyncio.sleep(0.05)
    except TimeoutError:
        within = show_duration(ready.within.total_seconds())
        raise LabFailed(f"{what} was not ready within {within}{_last_words(lab, name)}") from None


async def _is_ready(lab: Lab, ready: Ready, name: str) -> bool:
    import asyncio

    if ready.tcp:
        place, _, port = ready.tcp.rpartition(":")
        try:
            _, writer = await asyncio.open_connection(place.strip("[]"), int(port))
        except OSError:
            return False
        writer.close()
        return True
    if ready.http:
        return await asyncio.to_thread(_answers, ready.http)
    if ready.output:
        return re.search(ready.output, _said(lab, name)) is not None
    return await _succeeds(ready.command, lab.here)


async def _succeeds(command: tuple[str, ...], here: Path) -> bool:
    """Whether this command ends with 0. It leads a session, so that nothing of it outlives the time it has."""
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *command, cwd=here, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended, and we have not heard of it yet
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _answers(url: str) -> bool:
    import urllib.request
    from http.client import HTTPException

    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2):
            return True
    except (OSError, HTTPException):  # HTTPException: something answers, and not in HTTP
        return False


def _last_words(lab: Lab, name: str) -> str:
    return "".join(f"\n  {line}" for line in _said(lab, name).splitlines()[-5:])


def _said(lab: Lab, name: str) -> str:
    """The output of a process, all its lives after each other; empty for none."""
    log = lab.folder / f"{name}.log"
    return log.read_text(encoding="utf-8", errors="replace") if name and log.exists() else ""


def _port_names(node: Node) -> tuple[str, ...]:
    listed = node.get("ports") if isinstance(node, Table) else None
    items = listed.items if isinstance(listed, Items) else (listed,)
    return tuple(item.text for item in items if isinstance(item, Scalar))


def _check_order(file: LabFile, node: Node, problems: list[Problem]) -> None:
    """Every `after` names a process, and nobody waits for himself, however indirectly."""
    before = len(problems)
    names = list(file.processes)
    settled: set[str] = set()
    for name, process in file.processes.items():
        for other in process.after:
            if other not in names:
                problems.append(Problem(_after(node, name), f"process `{name}` comes after `{other}`, which the lab does "
                                        "not have", choices(other, names, "processes"), "unknown-process"))  # fmt: skip
    while len(problems) == before and len(settled) < len(names):
        free = [name for name in names if name not in settled and settled.issuperset(file.processes[name].after)]
        if not free:
            rest = [name for name in names if name not in settled]
            problems.append(Problem(_after(node, rest[0]), f"these processes wait for each other: {', '.join(rest)}",
                                    "take one `after` away", "waits-for-itself"))  # fmt: skip
        settled.update(free)


def _after(node: Node, name: str) -> Place:
    """Where a process says what it comes after."""
    for step in ("processes", name, "after"):
        node = (isinstance(node, Table) and node.get(step)) or node
    return node.place


def as_address(lab: Lab, name: str, address: Any) -> Any:
    """A process address that named a process of the lab, now leading to its pidfile and its start command."""
    start = lab.start_of(name)
    return replace(address, lab=None, pidfile=start.pidfile, start=start.argv, cwd=start.cwd, log=start.log,
                   env=start.env)  # fmt: skip
