"""What a test bed has put on this machine, found by the bed's number alone, and how each piece is removed.

Everything of a bed says so itself: processes by a variable of their environment, network devices and control groups by
their names, files by their folder. So nothing has to be written down while a bed grows, and nothing is missed after a crash.
Only the standard library is used here: the keeper must live through anything.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

MARK = "KUBERNETES_BED"
"""The variable that every process of a bed has in its environment; the bed's number is its value."""
CLEAR_S = 30


@dataclass(frozen=True, slots=True)
class Leftover:
    """A piece of a bed that is there."""

    what: str
    remove: Callable[[], None]
    """Safe to call twice; the piece may be there a little longer."""

    def __str__(self) -> str:
        return self.what


def folder(number: int) -> Path:
    """All files of a bed."""
    return Path(tempfile.gettempdir()) / f"chaos-drills-bed-{number}"


def name(number: int, part: str = "") -> str:
    """What a network device or control group of a bed is called; the bed's own without a part."""
    return f"cdbed{number}" + (f"-{part}" if part else "")


def cgroup_roots() -> list[Path]:
    """Where the machine's control groups begin: one folder for each hierarchy."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    return sorted({Path(where) for _, where, kind, *_ in mounts if kind in ("cgroup", "cgroup2")})


def leftovers(number: int) -> list[Leftover]:
    """All that is there of this bed now."""
    return [one for find in _FINDERS for one in find(number)]


def clear(number: int, within_s: float = CLEAR_S) -> list[Leftover]:
    """Remove all of a bed, one kind after the other; what is still there after this time is returned."""
    until = time.monotonic() + within_s
    for find in _FINDERS:
        while (left := list(find(number))) and time.monotonic() < until:
            for one in left:
                one.remove()
            time.sleep(0.01)
    return leftovers(number)


def _processes(number: int) -> Iterator[Leftover]:
    for pid in [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]:  # noqa: PTH208 - a path each is slow
        if _is_marked(pid, number):
            yield Leftover(f"process {pid} ({_command(pid)})", partial(_kill, pid, number))


def _is_marked(pid: int, number: int) -> bool:
    # Not ours, gone, or a zombie whose parent has yet to look: no environment, nothing to end.
    with suppress(OSError):
        return f"{MARK}={number}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        identity = os.pidfd_open(pid)
        try:
            if _is_marked(pid, number):  # the number may have passed to another before the descriptor held it
                signal.pidfd_send_signal(identity, signal.SIGKILL)
        finally:
            os.close(identity)


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return "gone"


def _cgroups(number: int) -> Iterator[Leftover]:
    for root in cgroup_roots():
        for top in _ours(root, number):
            yield Leftover(f"control group {top}", partial(remove_cgroup, top))


def remove_cgroup(top: Path) -> None:
    for group, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):  # not yet empty, or gone
            for pid in (Path(group) / "cgroup.procs").read_text(encoding="utf-8").split():
                os.kill(int(pid), signal.SIGKILL)  # a container's: it does not have our environment
        with suppress(OSError):
            Path(group).rmdir()


def _devices(number: int) -> Iterator[Leftover]:
    for device in _ours(Path("/sys/class/net"), number):
        words = ["ip", "link", "delete", device.name]
        yield Leftover(f"network device {device.name}", partial(_call, words))


def _files(number: int) -> Iterator[Leftover]:
    top = folder(number)
    if top.exists():
        yield Leftover(f"folder {top}", partial(shutil.rmtree, top, ignore_errors=True))


def _mounts(number: int) -> Iterator[Leftover]:
    top = folder(number)
    for line in reversed(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()):
        where = Path(line.split()[4])
        if where.is_relative_to(top):
            yield Leftover(f"mount {where}", partial(_call, ["umount", "--lazy", str(where)]))


def _ours(parent: Path, number: int) -> list[Path]:
    own = name(number)
    if not parent.is_dir():
        return []
    return sorted(child for child in parent.iterdir() if child.name == own or child.name.startswith(f"{own}-"))


def _call(words: list[str]) -> None:
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)


_FINDERS = (_processes, _cgroups, _devices, _mounts, _files)
"""In the order in which they can go: the files last."""
