"""Processes of this host: who they are, how to signal them, how to start them so that none is ever lost.

A pid alone is never trusted: it is always held together with its start time, and a signal goes only to the process
that has both. A process is started behind a gate: it does not run its program before its identity is on disk, so a
`SIGKILL` of ours at any instant leaves either no process or one that a healer can find.
"""

import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["running", "stopped", "gone"]


@dataclass(frozen=True, slots=True)
class Process:
    """One process of this host, for as long as this boot lasts."""

    pid: int
    started: str
    """Opaque; equal only for the same process."""

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"pid": self.pid, "started": self.started}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Process":
        """From what `to_data` gave."""
        return cls(int(data["pid"]), str(data["started"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How to start a process again."""

    argv: tuple[str, ...]
    cwd: str
    log: str
    """A file that takes its output, appended."""
    pidfile: str
    """Where its identity is kept, as JSON."""
    env: Mapping[str, str] | None = None
    """Variables on top of ours."""

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"argv": list(self.argv), "cwd": self.cwd, "log": self.log, "pidfile": self.pidfile,
                "env": dict(self.env or {})}  # fmt: skip

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Start":
        """From what `to_data` gave."""
        return cls(argv=tuple(data["argv"]), cwd=data["cwd"], log=data["log"], pidfile=data["pidfile"],
                   env=dict(data["env"]))  # fmt: skip


def identify(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none, or only its zombie."""
    started = _started(pid)
    return None if started is None else Process(pid, started)


def state(process: Process) -> State:
    """What this very process is doing. A zombie is gone; one of ours is reaped on the way."""
    if _started(process.pid) != process.started:
        return "gone"
    import psutil

    try:
        status = psutil.Process(process.pid).status()
    except psutil.NoSuchProcess:
        return "gone"
    return "stopped" if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else "running"


def send(process: Process, number: int) -> None:
    """Send a signal to this very process. Raises ProcessLookupError when it is gone, PermissionError as the system does."""
    if hasattr(os, "pidfd_open"):
        handle = os.pidfd_open(process.pid)
        try:
            # The handle is bound to one process; only now is the start time compared, so no reuse can slip between.
            if _started(process.pid) != process.started:
                raise ProcessLookupError(f"process {process.pid} is another one by now")
            signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    else:
        if _started(process.pid) != process.started:
            raise ProcessLookupError(f"process {process.pid} is another one by now")
        os.kill(process.pid, number)


def describe(process: Process) -> str:
    """`4711 (valkey-server *:6379)`, for people."""
    import psutil

    try:
        words = psutil.Process(process.pid).cmdline()
    except psutil.Error:
        words = []
    line = " ".join([Path(words[0]).name, *words[1:]]) if words else ""
    return f"{process.pid}" + (f" ({line[:60]})" if line else "")


def find(pattern: str) -> list[Process]:
    """Processes whose command line, joined by blanks, has a match of this regular expression; never ourselves."""
    import psutil

    wanted = re.compile(pattern)
    ours = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    found: list[Process] = []
    for one in psutil.process_iter(["pid", "cmdline"]):
        if one.pid not in ours and wanted.search(" ".join(one.info["cmdline"] or ())):
            process = identify(one.pid)
            if process:
                found.append(process)
    return found


def children(process: Process) -> list[Process]:
    """Everything this process has started and that still runs, at any depth."""
    import psutil

    try:
        found = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [one for one in (identify(child.pid) for child in found) if one]


def session(leader: Process) -> list[Process]:
    """All processes of the session that this process leads or led, itself included. One that we started leads its own."""
    import psutil

    members: list[Process] = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader.pid:
                member = identify(pid)
                # The kernel does not reuse a pid as long as a session bears it, so a leader that is another
                # process now, leading this very session, means that the session we knew has ended.
                if member and member.pid == leader.pid and member != leader:
                    return []
                if member:
                    members.append(member)
    return members


def read_pidfile(path: str) -> Process | None:
    """The process a pidfile names; None when there is no file, or when that process is gone.

    Ours holds pid and start time. Anybody else's holds a bare pid, which is believed only when the process is
    older than the file. Raises ValueError when the file holds neither.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
        written_s = Path(path).stat().st_mtime
    except FileNotFoundError:
        return None
    if text.startswith("{"):
        process = Process.from_data(json.loads(text))
        return process if state(process) != "gone" else None
    if not text.split("\n")[0].strip().isdecimal():
        raise ValueError(f"{path} does not hold a process number")
    found = identify(int(text.split("\n")[0]))
    if found is None:
        return None
    import psutil

    # Two seconds for the coarse clock of start times and for servers that write their pid before they settle.
    return found if psutil.Process(found.pid).create_time() <= written_s + 2 else None


# Waits for a line before it becomes the program; when we die before sending it, it ends without having run.
_GATE = 'read -r go || exit 125; cd "$1" || exit 126; shift; exec "$@" </dev/null'


def spawn(start: Start) -> Process:
    """Start a process in a session of its own, with its identity on disk before its program runs.

    Raises OSError when it cannot be started. A program that is not there shows in the log, and the process ends.
    """
    log = os.open(start.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    gate_out, gate_in = os.pipe()
    try:
        pid = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _GATE, "sh", start.cwd, *start.argv],
            {**os.environ, **(start.env or {})},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, gate_out, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
        )
        process = identify(pid)
        if process is None:
            raise ChildProcessError(f"{start.argv[0]} ended before it began")
        write_whole(Path(start.pidfile), json.dumps(process.to_data()))
        os.write(gate_in, b"go\n")
    finally:
        for handle in (log, gate_out, gate_in):
            os.close(handle)
    return process


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that it is on disk, and either the old one or the new one whatever happens."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _started(pid: int) -> str | None:
    """A token of the process's start: boot and clock ticks on Linux, which no clock change moves; seconds elsewhere."""
    try:
        # The program's name stands in brackets and may hold anything; the fields are counted after the last one.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):
            _reap(pid)
            return None
        return f"{_boot()}:{int(fields[19])}"
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(pid)
            return None
        return f"at:{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]


def _reap(pid: int) -> None:
    """Take the exit status of a dead child of ours, so that it does not linger; others' children are not ours to take."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def end(leader: Process, patience_s: float = 5.0) -> Sequence[Process]:
    """End a process that we started and all of its session: asked first, killed after `patience_s`.

    Blocks. Returns those that are still there, which is none unless the system refuses.
    """
    import time

    for number, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 5.0)):
        members = session(leader)
        for member in members:
            with suppress(ProcessLookupError):
                send(member, number)
                send(member, signal.SIGCONT)  # one that is stopped would never see the request
        until = time.monotonic() + wait_s
        while members and time.monotonic() < until:
            members = [one for one in members if state(one) != "gone"]
            if members:
                time.sleep(0.01)
        if not session(leader):
            return ()
    return session(leader)
