"""Processes of this host: who they are, how to signal them, how to start them so that none is ever lost.

A pid alone is never trusted: it is always held together with its start time, and a signal goes only to the process
that has both. A process is started behind a gate: it does not run its program before its identity is on disk, so a
`SIGKILL` of ours at any instant leaves either no process or one that a healer can find.

Everything here looks or acts at once and may block for a moment: call it from a worker thread.
"""

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

State = Literal["running", "stopped", "gone"]

_protected: "set[Process]" = set()
_spawned: set[int] = set()
"""Children that nobody but us waits for. A child of a library's or a user's is left to whoever started it."""


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
    """Empty: ours."""
    log: str
    """A file that takes its output, appended. Empty: nowhere."""
    pidfile: str
    """Where its identity is kept, as JSON. Empty: nowhere, for a program that keeps its own or is found otherwise."""
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
    """What this very process is doing; it is stopped when all of its threads are.

    A zombie is gone; one that `spawn` started is reaped on the way.
    """
    if _started(process.pid) != process.started:
        return "gone"
    doing = _threads(process.pid)
    # Looked at again, because the threads may be those of a process that took over the number in between.
    if not doing or _started(process.pid) != process.started:
        return "gone"
    return "stopped" if doing == {"stopped"} else "running"


def doomed(process: Process) -> bool:
    """True for a process that is still there but has been killed or is ending: it cannot come back from that.

    Only Linux can say so; elsewhere always False.
    """
    ending = [_ending(task) for task in _tasks(process.pid)]
    return _started(process.pid) == process.started and bool(ending) and all(ending)


def send(process: Process, number: int) -> None:
    """Send a signal to this very process; 0 sends none and only tries whether one may.

    Raises ProcessLookupError when it is gone, PermissionError as the system does.
    """
    handle = _open(process.pid)
    try:
        # The handle is bound to one process; only now is the start time compared, so no reuse can slip between.
        if _started(process.pid) != process.started:
            raise ProcessLookupError(f"process {process.pid} is gone")
        if sys.platform == "linux" and handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(process.pid, number)
    finally:
        if handle is not None:
            os.close(handle)


def describe(process: Process) -> str:
    """`4711 (valkey-server *:6379)`, for people."""
    words = _command(process.pid) if _started(process.pid) == process.started else []
    line = " ".join(" ".join([Path(words[0]).name, *words[1:]]).split()) if words else ""
    return f"{process.pid}" + (f" ({line[:60]})" if line else "")


def find(pattern: str) -> list[Process]:
    """Processes whose command line, joined by blanks, has a match of this regular expression, lowest pid first.

    Never ourselves, whose command line may well name the target: not this process, its ancestors or protected ones.
    """
    import psutil

    wanted = re.compile(pattern)
    ours = {os.getpid(), *_ancestors()}
    found: list[Process] = []
    for pid in sorted(psutil.pids()):
        # The identity first: if the number changes hands now, we name a dead process and not a wrong one.
        process = None if pid in ours else identify(pid)
        if process and process not in _protected and (words := _command(pid)) and wanted.search(" ".join(words)):
            found.append(process)
    return found


def protect(process: Process) -> None:
    """Never let this process be found or be a target, such as the one that heals when we die."""
    _protected.add(process)


def untouchable(process: Process) -> str:
    """What makes this process one that must never be a target; empty when it may be one."""
    if process.pid == 1:
        return "the first process of this system"
    if process.pid == os.getpid():
        return "this very program"
    if process.pid in _ancestors():
        return "an ancestor of this very program"
    return "what heals when this program dies" if process in _protected else ""


def children(process: Process) -> list[Process]:
    """Everything this process has started and that still runs, at any depth."""
    import psutil

    try:
        parent = psutil.Process(process.pid)  # which from here on notices when its number changes hands
        if _started(process.pid) != process.started:
            return []
        found = parent.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [one for one in (identify(child.pid) for child in found) if one]


def session(leader: Process) -> list[Process]:
    """All processes of the session that this process leads or led, itself included.

    One that `spawn` started leads its own.
    """
    import psutil

    members: list[Process] = []
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader.pid and (member := identify(pid)):
                # The kernel does not reuse a pid as long as a session bears it, so a leader that is another
                # process now, leading this very session, means that the session we knew has ended.
                if member.pid == leader.pid and member != leader:
                    return []
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
        process = _from_json(path, text)
        return process if state(process) != "gone" else None
    first = text.partition("\n")[0].strip()  # some servers write more lines than their pid
    if not first.isdecimal():
        raise ValueError(f"{path} does not hold a process number")
    found = identify(int(first))
    # Two seconds for the coarse clock of start times and for servers that write their pid before they settle.
    return found if found and _began_s(found) <= written_s + 2 else None


def wrote_pidfile(path: str) -> bool:
    """True when `spawn` wrote this pidfile and may again; False when it is the program's own, or not there."""
    try:
        return Path(path).read_bytes().lstrip().startswith(b"{")
    except FileNotFoundError:
        return False


def leaders(path: str) -> list[Process]:
    """All that `spawn` started under this pidfile and of which something still runs, if only children; newest first.

    A server that was killed and started again may have left some of its first life. Raises ValueError when the file
    is not ours; none when it is not there.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    import json

    newest = _from_json(path, text)
    known = [newest, *(Process.from_data(one) for one in json.loads(text).get("before", ()))]
    return [one for one in known if _belonging(one)]


# Waits for a line before it becomes the program; when we die before sending it, it ends without having run.
_GATE = 'read -r chaos_drills_gate || exit 125; cd -- "$1" || exit 126; shift; exec "$@" </dev/null'


class Held:
    """A process that waits to become its program, and ends instead when it is dropped or when we die."""

    def __init__(self, process: Process, start: Start, gate_in: int) -> None:
        self.process = process
        self._start = start
        self._gate_in = gate_in

    def release(self) -> Process:
        """Let it run its program, once its pidfile is on disk. Raises OSError when that cannot be."""
        import json

        path = self._start.pidfile
        if path:
            before = [one.to_data() for one in leaders(path)] if wrote_pidfile(path) else []
            write_whole(Path(path), json.dumps({**self.process.to_data(), "before": before}))
        os.write(self._gate_in, b"go\n")
        self._close()
        return self.process

    def drop(self) -> None:
        """End it, unless it was released."""
        if self._gate_in >= 0:
            self._close()
            _forget(self.process.pid)

    def _close(self) -> None:
        os.close(self._gate_in)
        self._gate_in = -1


def hold(start: Start) -> Held:
    """Start a process in a session of its own, up to the point where it would run its program.

    It inherits no handle, no terminal and no signal setting of ours, and once released outlives us. Raises OSError
    when it cannot be started.
    """
    gate_out, gate_in = os.pipe()
    try:
        pid = _spawn_gate(start, gate_out)
    except BaseException:
        os.close(gate_in)
        raise
    finally:
        os.close(gate_out)
    process = identify(pid)
    if process is None:
        os.close(gate_in)
        raise ChildProcessError(f"{start.argv[0]} ended before it began")
    return Held(process, start, gate_in)


def spawn(start: Start) -> Process:
    """Start a process in a session of its own, with its identity on disk before its program runs.

    Raises OSError when it cannot be started. A program that is not there shows in the log, and the process ends.
    """
    held = hold(start)
    try:
        return held.release()
    finally:
        held.drop()


def _forget(pid: int) -> None:
    """Kill a child of ours and take its exit status."""
    if pid in _spawned:  # not waited for yet, so the number is still its own
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        _spawned.discard(pid)


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that it is on disk, and either the old one or the new one whatever happens."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def end(leader: Process, patience_s: float = 5.0) -> Sequence[Process]:
    """End a process that we started, with all its session and descendants: asked first, killed after `patience_s`.

    Blocks. Returns those that are still there, which is none unless the system refuses.
    """
    left = _ended(leader, [], signal.SIGTERM, patience_s)
    for _ in range(5):  # again, for those that were started while the others were being killed
        if not left:
            break
        left = _ended(leader, left, signal.SIGKILL, 1.0)
    return left


def _ended(leader: Process, known: Sequence[Process], number: int, wait_s: float) -> Sequence[Process]:
    """Signal everything that belongs to the leader, wait for its end, and return what is left, newcomers included."""
    import time

    members = {*known, *_belonging(leader)}
    for member in members:
        with suppress(ProcessLookupError, PermissionError):  # one that may not be signalled is among those returned
            send(member, number)
            send(member, signal.SIGCONT)  # one that is stopped would never see the request
    until_s = time.monotonic() + wait_s
    while (left := {one for one in members if state(one) != "gone"}) and time.monotonic() < until_s:
        time.sleep(0.005)
    return sorted(left | set(_belonging(leader)), key=lambda one: one.pid)


def _belonging(leader: Process) -> list[Process]:
    return [*session(leader), *children(leader)]


def _spawn_gate(start: Start, gate_out: int) -> int:
    """Start the shell that waits at the gate; returns its pid."""
    log = os.open(start.log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        pid = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _GATE, "sh", str(Path(start.cwd).absolute()), *start.argv],
            {**os.environ, **(start.env or {})},
            file_actions=[
                *((os.POSIX_SPAWN_CLOSE, one) for one in _inheritable()),
                # In this order even a program of ours without standard handles overwrites none that is still needed.
                (os.POSIX_SPAWN_DUP2, gate_out, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            # Python ignores SIGPIPE, and whoever started us may ignore or block more.
            setsigmask=[],
            setsigdef=sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}),
        )
    finally:
        os.close(log)
    _spawned.add(pid)
    return pid


def _inheritable() -> list[int]:
    """Our handles that a program would be handed, apart from its standard three."""
    found: list[int] = []
    for entry in Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd").iterdir():
        with suppress(OSError):  # the handle through which the folder itself was read
            if int(entry.name) > 2 and os.get_inheritable(int(entry.name)):
                found.append(int(entry.name))
    return found


def _reap(pid: int) -> None:
    """Take the exit status of a dead child that we started, so that it does not linger."""
    if pid in _spawned:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        _spawned.discard(pid)


def _from_json(path: str, text: str) -> Process:
    import json

    try:
        return Process.from_data(json.loads(text))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} does not hold a process's identity") from None


def _open(pid: int) -> int | None:
    """A handle bound to the process that has this number now; None where the system has no such thing."""
    if sys.platform == "linux":
        try:
            return os.pidfd_open(pid)
        except ProcessLookupError:
            raise
        except OSError:  # a kernel before 5.3, or a sandbox that does not know the call
            return None
    return None


def _started(pid: int) -> str | None:
    """A token of the process's start: boot and clock ticks on Linux, which no clock change moves; seconds elsewhere."""
    if sys.platform == "linux":
        stat = _stat(Path(f"/proc/{pid}"))
        if not stat:
            return None
        # A process whose first thread has ended looks like a zombie, and lives on in its other threads.
        if stat[0] in _DEAD and int(stat[17]) <= 1:
            _reap(pid)
            return None
        return f"{_boot()}:{int(stat[19])}"
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            _reap(pid)
            return None
        return f"at:{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


def _threads(pid: int) -> set[State]:
    """What the living threads of a process are doing; empty when there are none."""
    if sys.platform == "linux":
        letters = {stat[0] for task in _tasks(pid) if (stat := _stat(task))} - _DEAD
        return {"stopped" if one in _STOPPED else "running" for one in letters}
    import psutil

    try:
        return {"stopped" if psutil.Process(pid).status() == psutil.STATUS_STOPPED else "running"}
    except psutil.NoSuchProcess:
        return set()


_DEAD, _STOPPED = {b"Z", b"X"}, {b"T", b"t"}
_EXITING = 0x4  # PF_EXITING in the kernel's sched.h


def _tasks(pid: int) -> list[Path]:
    """The folders of a process's threads."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []


def _stat(folder: Path) -> list[bytes]:
    """The fields of a process or thread from its state on (the manual's number less 3); empty when it is gone."""
    try:
        # The program's name stands in brackets and may hold anything; the fields are counted after the last one.
        return (folder / "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _ending(task: Path) -> bool:
    """True for a thread that is gone, exiting, or about to take a SIGKILL."""
    stat = _stat(task)
    if not stat or stat[0] in _DEAD or int(stat[6]) & _EXITING:
        return True
    try:
        status = (task / "status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)", status, re.MULTILINE)
    return any(int(mask, 16) >> (signal.SIGKILL - 1) & 1 for mask in pending)


def _command(pid: int) -> list[str]:
    """The words of its command line; none for the kernel's own, or when we may not see them."""
    import psutil

    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def _ancestors() -> set[int]:
    import psutil

    return {one.pid for one in psutil.Process().parents()}


def _began_s(process: Process) -> float:
    """When it was started, in seconds of UTC; never, for one that is gone by now."""
    import psutil

    try:
        return psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        return float("inf")


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except FileNotFoundError:  # some sandboxes; ticks since boot alone are then the token
        return "boot"
