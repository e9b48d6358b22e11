"""Small real processes for tests, each ended by the test that started it whatever happens."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from injectors import host
from injectors.host import Process, Start

ROOT = Path(__file__).parents[2]


def a_name() -> str:
    """A word that no other command line of this host has: the seconds that a `sleep` sleeps."""
    return f"{random.randint(1000, 9999)}.{random.randint(10**8, 10**9 - 1)}"


def eventually(holds: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Wait until it holds."""
    until = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def named(name: str) -> list[psutil.Process]:
    """The living processes with this word in their command line, looked at without any code of ours."""
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if any(name in word for word in one.cmdline()) and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    return sorted(found, key=lambda one: one.pid)


def runs_its_program(pid: int) -> bool:
    """Whether a process that was just started shows its program's words; true of one that has ended, which will not.

    Before the system's call it shows those of who started it, or of the gate of `spawn`, and for a moment then none.
    """
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return True
    return bool(words) and not any("chaos_drills_gate" in word for word in words)


def heard_late(monkeypatch: pytest.MonkeyPatch, wait: Callable[[], object]) -> None:
    """Let whoever starts a child hear of it after this only, as on a machine that is busy."""
    whole = subprocess.Popen.__init__

    def late(self: "subprocess.Popen[bytes]", *words: object, **how: object) -> None:
        whole(self, *words, **how)  # type: ignore[call-overload]
        wait()

    monkeypatch.setattr(subprocess.Popen, "__init__", late)


@contextmanager
def swept(*names: str) -> Iterator[None]:
    """On leaving, end whatever bears one of these names: nobody but the test can have started it."""
    try:
        yield
    finally:
        for name in names:
            while left := named(name):
                for one in left:
                    with suppress(psutil.Error):
                        one.kill()
                time.sleep(0.005)


@contextmanager
def spawned(*argv: str, folder: Path, pidfile: bool = True, log: str = "log") -> Iterator[Process]:
    """A process that `host.spawn` started, ended with its session on leaving."""
    path = str(folder / "pid") if pidfile else ""
    process = host.spawn(Start(argv=argv, cwd=str(folder), log=str(folder / log), pidfile=path))
    try:
        yield process
    finally:
        assert not host.end(process, patience_s=0.0)


@contextmanager
def child(*argv: str) -> Iterator["subprocess.Popen[str]"]:
    """A child that `subprocess` started and that has become its program, in a session of its own; ended on leaving."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, start_new_session=True,
                          cwd=ROOT) as popen:  # fmt: skip
        try:
            assert eventually(lambda: runs_its_program(popen.pid))
            yield popen
        finally:
            with suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGKILL)


def python(code: str) -> tuple[str, ...]:
    """The command line that runs this code."""
    return (sys.executable, "-c", code)


def identity(popen: "subprocess.Popen[str]") -> Process:
    """Of a child that runs."""
    process = host.identify(popen.pid)
    assert process is not None
    return process
