"""A lab: the processes that a drill needs, started for it on free ports of this host and ended with it.

Each process is led by a pidfile in the run's directory, written before its program runs, so whoever comes after a
killed conductor finds all of them; ending the lab needs nothing but that directory.
"""

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import commands
from checks.units import show_duration
from drills import programs
from drills.binding import Binding
from drills.errors import Place, Problem, choices, mistake
from drills.lab_file import NAME, LabFile, LabProcess, Ready
from drills.programs import LeftOut
from drills.source import Items, Node, Scalar, Table, substitute, texts
from injectors import host

if TYPE_CHECKING:
    import socket

_PORTS = range(20_000, 32_000)
"""Below the range that systems give out by themselves, so that nobody is handed one between finding and using it."""
_TRIES = 1_000
_RESERVED_MAX = 256
_reserved: deque[int] = deque()
"""Descriptors that keep ports which we gave out from being given out again before they are used; the oldest first."""


class LabFailed(Exception):
    """A lab did not start; the message says which process, and what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab file with its ports found and its directory settled; not yet started."""

    file: LabFile
    here: Path
    folder: Path
    ports: Mapping[str, int]
    left_out: tuple[LeftOut, ...] = ()
    """Processes of which others run instead."""

    def running(self, name: str) -> str | None:
        """The process of this name, or the one that runs instead of it; None when there never was one."""
        if name in self.file.processes:
            return name
        return next((one.instead[0] for one in self.left_out if one.name == name), None)

    @property
    def names(self) -> list[str]:
        """Of all processes, those among them that are left out."""
        return [*self.file.processes, *(one.name for one in self.left_out)]

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
    wanted = _wanted(node)
    found = {name: next(iter(names), name) for name, names in wanted.items()} if only_check else programs.find(wanted)
    missing = {name: name for name in wanted if name not in found}  # whoever uses it is left out, or it is a mistake
    known = values(ports, here, folder) | {f"program.{name}": path for name, path in (found | missing).items()}
    file = binding.bind(LabFile, substitute(node, known, binding.problems), kind="lab", alone=False)
    if not isinstance(node, Table):
        return None
    if file is None:
        return Lab(file=_stand_in(node), here=here, folder=folder, ports=ports)
    filled = _filled(node, here, known, binding.problems)
    lab = Lab(file=replace(file, templates=(), files={**file.files, **filled}), here=here, folder=folder, ports=ports)
    _check_order(file, node, binding.problems)
    _check_stand_ins(file, node, binding.problems)
    return lab if binding.problems else _as_installed(lab, node, set(missing), binding.problems)


def _wanted(node: Node) -> dict[str, tuple[str, ...]]:
    """The programs that it names, each with the names that it may have on PATH."""
    listed = node.get("programs") if isinstance(node, Table) else None
    entries = listed.entries if isinstance(listed, Table) else ()
    return {name.text: tuple(one.text for one in texts(value)) for name, value in entries}


def _filled(node: Table, here: Path, known: Mapping[str, str], problems: list[Problem]) -> dict[str, str]:
    """The templates, filled in; a mistake in one is told at its own line."""
    found: dict[str, str] = {}
    for one in texts(node.get("templates")):
        path = here / one.text
        try:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            problems.append(Problem(one.place, f"the template `{one.text}` cannot be read: {why}",
                                    "its path counts from the lab file's folder", "no-file"))  # fmt: skip
            continue
        places = [Place(str(path), number, 1, len(line), line.rstrip()) for number, line in enumerate(lines, 1)]
        items = tuple(Scalar(line, place, True) for line, place in zip(lines, places, strict=True))
        settled = substitute(Items(items, Place(str(path))), known, problems)
        found[path.name] = "".join(one.text for one in texts(settled))
    return found


def _as_installed(lab: Lab, node: Table, missing: set[str], problems: list[Problem]) -> Lab:
    """The lab with the processes that can run here, and those that stand in for the others."""
    listed = node.get("processes")
    used = {name: programs.named_in(one.text for one in texts(listed.get(name))) & missing
            for name in lab.file.processes if isinstance(listed, Table)}  # fmt: skip
    stand_ins = {name: one.instead_of for name, one in lab.file.processes.items() if one.instead_of}
    left = {
        one.name: one for one in programs.left_out({name: sorted(which) for name, which in used.items()}, stand_ins)
    }
    for name, which in used.items():
        if which and name not in left:
            problems.append(_not_installed(name, lab.file, node, sorted(which)))
    kept = {name: replace(one, after=tuple(dict.fromkeys(_instead(one.after, left))))
            for name, one in lab.file.processes.items() if name not in left}  # fmt: skip
    if left and not problems:
        _check_order(file := replace(lab.file, processes=kept), node, problems)
        return replace(lab, file=file, left_out=tuple(left.values()))
    return lab


def _instead(names: tuple[str, ...], left: Mapping[str, LeftOut]) -> list[str]:
    return [other for name in names for other in (left[name].instead if name in left else (name,))]


def _not_installed(name: str, file: LabFile, node: Table, programs_: list[str]) -> Problem:
    names = [one for program in programs_ for one in file.programs[program]]
    which = f"`{names[0]}` is not" if len(names) == 1 else f"none of {', '.join(f'`{one}`' for one in names)} is"
    return Problem(_place(node, name, "run"), f"process `{name}` cannot run here: {which} on PATH",
                   f"install {' or '.join(names)}, or give the lab a process that stands in for it: "
                   f"`instead_of: {name}`", "not-installed")  # fmt: skip


def _stand_in(node: Table) -> LabFile:
    """For a file with mistakes, so that an inventory that names its processes is looked through all the same."""
    listed = node.get("processes")
    names = listed.keys() if isinstance(listed, Table) else ()
    return LabFile(lab="", processes={one: LabProcess(run=("?",)) for one in names if re.fullmatch(NAME, one)})


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A free TCP and UDP port of the loopback address for each name, no two the same.

    Whoever else asks on this host is not given any of them while we live.
    """
    import random

    held: list[socket.socket] = []
    found: dict[str, int] = {}
    tries = (random.choice(_PORTS) for _ in range(_TRIES))
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
        _reserve(port)
    except OSError:
        return False
    return True


def _reserve(port: int) -> None:
    """Claim a port that may not be bound for a while yet. Raises OSError when it is claimed."""
    import socket

    if sys.platform != "linux":
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as claim:
        # A name in no file system: it is of this network alone, and goes with this process.
        claim.bind(f"\0chaos-drills-port-{port}")
        _reserved.append(claim.detach())
    if len(_reserved) > _RESERVED_MAX:
        os.close(_reserved.popleft())


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
    """Whether this command ends with 0. Nothing of it outlives the time it has."""
    from subprocess import DEVNULL

    process = await commands.start(*command, cwd=here, stdout=DEVNULL, stderr=DEVNULL)
    try:
        return await process.wait() == 0
    finally:
        await commands.end(process)


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
                problems.append(Problem(_place(node, name, "after"), f"process `{name}` comes after `{other}`, which the "
                                        "lab does not have", choices(other, names, "processes"),
                                        "unknown-process"))  # fmt: skip
    while len(problems) == before and len(settled) < len(names):
        free = [name for name in names if name not in settled and settled.issuperset(file.processes[name].after)]
        if not free:
            rest = [name for name in names if name not in settled]
            problems.append(Problem(_place(node, rest[0], "after"), f"these processes wait for each other: {', '.join(rest)}",
                                    "take one `after` away", "waits-for-itself"))  # fmt: skip
        settled.update(free)


def _check_stand_ins(file: LabFile, node: Node, problems: list[Problem]) -> None:
    """Every `instead_of` names a process that is no stand-in itself, and that nobody else stands in for."""
    taken: dict[str, str] = {}
    for name, process in file.processes.items():
        for other in process.instead_of:
            place = _place(node, name, "instead_of")
            if other not in file.processes:
                problems.append(Problem(place, f"process `{name}` stands in for `{other}`, which the lab does not have",
                                        choices(other, list(file.processes), "processes"), "unknown-process"))  # fmt: skip
            elif file.processes[other].instead_of or other in taken:
                why = f"`{taken[other]}` does too" if other in taken else "that one stands in for others itself"
                problems.append(Problem(place, f"process `{name}` stands in for `{other}`, and {why}",
                                        "let each process have one that stands in for it", "setting-conflict"))  # fmt: skip
            taken[other] = name


def _place(node: Node, name: str, setting: str) -> Place:
    """Where a process says this of itself."""
    for step in ("processes", name, setting):
        node = (isinstance(node, Table) and node.get(step)) or node
    return node.place


def as_address(lab: Lab, name: str, address: Any) -> Any:
    """A process address that named a process of the lab, now leading to its pidfile and its start command."""
    start = lab.start_of(name)
    return replace(address, lab=None, pidfile=start.pidfile, start=start.argv, cwd=start.cwd, log=start.log,
                   env=start.env)  # fmt: skip
