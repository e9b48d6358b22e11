"""A lab: the processes that a drill needs, started for it on free ports of this host and ended with it.

Each process is led by a pidfile in the run's directory, written before its program runs, so whoever comes after a
killed conductor finds all of them; ending the lab needs nothing but that directory.
"""

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from drills.binding import Binding
from drills.errors import Problem, choices
from drills.source import Node, Scalar, Table, substitute
from injectors import host

_PORTS = range(20_000, 32_000)
"""Below the range that systems give out by themselves, so that nobody is handed one between finding and using it."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LabProcess:
    """One process of a lab."""

    run: Annotated[tuple[str, ...], "The program and its arguments; no shell. It runs in the lab file's folder"]
    after: Annotated[tuple[str, ...], "Processes that must be ready before this one is started"] = ()
    ready: Annotated[Ready | None, "How to tell that it can be used; left out, it is taken as ready at once"] = None
    env: Annotated[Mapping[str, str], "Environment variables on top of those of `drills`"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """What a drill needs to have running. `${port.NAME}`, `${dir}`, `${here}` and `${python}` may stand in any text."""

    lab: Annotated[str, "The lab's name"]
    ports: Annotated[tuple[str, ...], "Names of the ports to find; each is a free one, `${port.NAME}`"] = ()
    files: Annotated[Mapping[str, str], "Files to write into `${dir}` before anything starts, by name"] = field(default_factory=dict)
    processes: Annotated[Mapping[str, LabProcess], "What to start, by name"]
    ready: Annotated[tuple[Ready, ...], "What must be true, besides, before the drill begins"] = ()


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


def bind(node: Node, here: Path, folder: Path, binding: Binding) -> Lab | None:
    """Read a lab file, finding its ports. None when there were problems, which `binding` then holds."""
    ports = free_ports(_port_names(node))
    settled = substitute(node, values(ports, here, folder), binding.problems)
    file = binding.bind(LabFile, settled, kind="lab", alone=False)
    if file is None or not _well_formed(file, node, binding.problems):
        return None
    return Lab(file=file, here=here, folder=folder, ports=ports)


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free TCP and UDP port of the loopback address for each name, no two the same."""
    import random

    held: list[socket.socket] = []
    found: dict[str, int] = {}
    try:
        for name in names:
            while name not in found:
                port = random.choice(_PORTS)  # spread out, so that labs started at once rarely meet
                if port in found.values():
                    continue
                try:
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        held.append(socket.socket(socket.AF_INET, kind))
                        held[-1].bind(("127.0.0.1", port))
                except OSError:
                    continue
                found[name] = port
    finally:
        for one in held:
            one.close()
    return found


async def start(lab: Lab, started: Callable[[str, host.Process], None]) -> None:
    """Start everything, each as soon as what it needs is ready; tell `started` of each process.

    Raises LabFailed. What was started by then stays, for `end` to take away.
    """
    for name, text in lab.file.files.items():
        (lab.folder / name).write_text(text, encoding="utf-8")
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
        async with asyncio.TaskGroup() as group:
            for name, process in lab.file.processes.items():
                group.create_task(bring_up(name, process))
        for condition in lab.file.ready:
            await _wait(lab, condition, "", None)
    except* LabFailed as failures:
        raise failures.exceptions[0] from None
    except* OSError as failures:
        raise LabFailed(str(failures.exceptions[0])) from None


def end(folder: Path, patience_s: float = 5.0) -> list[str]:
    """End every process whose pidfile is in this folder, with all it started. Blocks. Says what is still there."""
    from concurrent.futures import ThreadPoolExecutor

    files = sorted(folder.glob("*.pid"))
    if not files:
        return []

    def end_one(file: Path) -> list[str]:
        left = [host.describe(one) for leader in host.leaders(str(file)) for one in host.end(leader, patience_s)]
        return [f"{file.stem}: process {one}" for one in left]

    with ThreadPoolExecutor(len(files)) as pool:
        return [one for left in pool.map(end_one, files) for one in left]


def running(folder: Path) -> list[str]:
    """Names of the lab's processes that run, from the directory alone."""
    return [file.stem for file in sorted(folder.glob("*.pid")) if host.leaders(str(file))]


async def _wait(lab: Lab, ready: Ready, name: str, process: host.Process | None) -> None:
    what = name or "the lab"
    try:
        async with asyncio.timeout(ready.within.total_seconds()):
            while not await _is_ready(lab, ready, name):
                if process and host.state(process) == "gone":
                    raise LabFailed(f"{what} ended before it was ready{_last_words(lab, name)}")
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise LabFailed(f"{what} was not ready within {ready.within.total_seconds():g} s{_last_words(lab, name)}") from None


async def _is_ready(lab: Lab, ready: Ready, name: str) -> bool:
    if ready.tcp:
        place, _, port = ready.tcp.rpartition(":")
        try:
            _, writer = await asyncio.open_connection(place, int(port))
        except OSError:
            return False
        writer.close()
        return True
    if ready.http:
        return await asyncio.to_thread(_answers, ready.http)
    if ready.output:
        log = lab.folder / f"{name}.log"
        return log.exists() and re.search(ready.output, log.read_text(encoding="utf-8", errors="replace")) is not None
    process = await asyncio.create_subprocess_exec(
        *ready.command, cwd=lab.here, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _answers(url: str) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _last_words(lab: Lab, name: str) -> str:
    log = lab.folder / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:] if name and log.exists() else []
    return "".join(f"\n  {line}" for line in lines)


def _port_names(node: Node) -> tuple[str, ...]:
    listed = node.get("ports") if isinstance(node, Table) else None
    items = getattr(listed, "items", ())
    return tuple(item.text for item in items if isinstance(item, Scalar))


def _well_formed(file: LabFile, node: Node, problems: list[Problem]) -> bool:
    """True when every `after` names a process and nobody waits for himself, however indirectly."""
    before = len(problems)
    names = list(file.processes)
    settled: set[str] = set()
    for name, process in file.processes.items():
        for other in process.after:
            if other not in names:
                problems.append(Problem(node.place, f"process `{name}` comes after `{other}`, which the lab does not have",
                                        choices(other, names, "processes"), "unknown-process"))  # fmt: skip
    while len(problems) == before and len(settled) < len(names):
        free = [name for name in names if name not in settled and settled.issuperset(file.processes[name].after)]
        if not free:
            rest = ", ".join(name for name in names if name not in settled)
            problems.append(Problem(node.place, f"these processes wait for each other: {rest}",
                                    "take one `after` away", "waits-for-itself"))  # fmt: skip
        settled.update(free)
    return len(problems) == before


def as_address(lab: Lab, name: str, address: Any) -> Any:
    """A process address that named a process of the lab, now leading to its pidfile and its start command."""
    start = lab.start_of(name)
    return replace(address, lab=None, pidfile=start.pidfile, start=start.argv, cwd=start.cwd, log=start.log, env=start.env)
