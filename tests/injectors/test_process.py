"""Kill, pause and restart do to real processes what they say, and healing brings each target back whoever heals."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from injectors import Effect, Injection, InjectionFailed, Remembered, TargetName, host
from injectors.catalog import INJECTORS
from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.host import Process, Start
from injectors.process import Kill, Pause, ProcessAddress, Restart
from tests.injectors.processes import a_name, child, eventually, identity, named, python, swept

IT = TargetName("it")
SUPERVISOR = """
import os, subprocess, sys, time
pidfile, command = sys.argv[1], sys.argv[2:]
while True:
    one = subprocess.Popen(command)
    with open(pidfile + ".new", "w") as file:
        file.write(str(one.pid))
    os.rename(pidfile + ".new", pidfile)
    one.wait()
    time.sleep(0.02)
"""
"""Starts a command again whenever it ends."""
FAMILY = "sleep {name} & sleep {name} & wait"
"""A shell with two children."""


def seen(name: str) -> list[tuple[int, float, bool]]:
    """The processes with this name: pid, start and whether it is stopped, looked at without any code of ours."""
    return [(one.pid, one.create_time(), one.status() == psutil.STATUS_STOPPED) for one in named(name)]


class OnAProcess(Conformance):
    """A `sleep` that `spawn` started, known by its pidfile or its command line."""

    def injector(self) -> Any:
        raise NotImplementedError

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"), start=self.command(name))

    def command(self, name: str) -> tuple[str, ...]:
        return ("sleep", name)

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=str(folder / "pid")))

    count = 1
    """How many processes there are in good health."""
    momentary = False
    can_mend = True

    def subject(self) -> Any:
        return self._subject()

    @contextmanager
    def _subject(self) -> Iterator[Subject]:
        name = a_name()
        with TemporaryDirectory() as made, swept(name):
            folder = Path(made)
            self.start(folder, name)
            assert eventually(lambda: self.is_well(name))
            first = seen(name)
            yield Subject(
                injector=self.injector(),
                address=self.address(folder, name),
                world=lambda: seen(name),
                is_faulty=lambda: self.is_faulty(name, first),
                is_well=lambda: self.is_well(name),
                nowhere=self.nowhere(folder, name),
                mend=(lambda: self.mend(folder, name)) if self.can_mend else None,
                momentary=self.momentary,
            )

    def nowhere(self, folder: Path, name: str) -> ProcessAddress:
        address = self.address(folder, name)
        if address.match:
            return replace(address, match=f"no such thing as {a_name()}")
        return replace(address, pidfile=str(folder / "none"))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not seen(name)

    def is_well(self, name: str) -> bool:
        now = seen(name)
        return len(now) == self.count and not any(stopped for _, _, stopped in now)

    def mend(self, folder: Path, name: str) -> None:
        self.start(folder, name)


class TestKill(OnAProcess):
    """Known by its pidfile, started again by its command."""

    def injector(self) -> Any:
        return Kill(target=IT)


class TestKillAskingPolitely(OnAProcess):
    """The default action of SIGTERM ends a `sleep` as well."""

    @pytest.fixture(autouse=True)
    def _hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("injectors.process._POLITE_S", 0.2)

    def injector(self) -> Any:
        return Kill(target=IT, signal="TERM")


class TestKillByCommandLine(OnAProcess):
    """Without any pidfile: what runs is found by its command line, before and after."""

    def injector(self) -> Any:
        return Kill(target=IT)

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(match=rf"^sleep {name}$", start=self.command(name))

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=""))


class TestKillWithAPidfileOfItsOwn(OnAProcess):
    """The program writes a bare number, and would refuse to start if we had written anything else there."""

    def injector(self) -> Any:
        return Kill(target=IT)

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", f"if grep -q started pid; then exit 3; fi; echo $$ >pid; exec sleep {name}")

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return replace(super().address(folder, name), cwd=str(folder))

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=""))

    def is_well(self, name: str) -> bool:
        return super().is_well(name) and named(name)[0].name() == "sleep"


class TestKillOfADaemon(TestKillWithAPidfileOfItsOwn):
    """The command that starts it ends at once, and the daemon writes its pidfile a moment later."""

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", f"(sleep 0.2; echo $$; exec sleep {name}) & sleep 0.1; pgrep -f 'sleep {name}$' >&2; exit")

    def command_of_daemon(self, name: str) -> str:
        return f"import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(0.05); name = '{name}'; " \
               "open('pid', 'w').write(str(os.getpid())); time.sleep(300)"  # fmt: skip

    def command(self, name: str) -> tuple[str, ...]:  # noqa: F811
        return python(self.command_of_daemon(name))

    def is_well(self, name: str) -> bool:
        return OnAProcess.is_well(self, name)


class TestKillOfASupervisedProcess(OnAProcess):
    """It is back within milliseconds, so its death is the effect."""

    momentary = True
    can_mend = False
    count = 2

    def injector(self) -> Any:
        return Kill(target=IT)

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=(*python(SUPERVISOR), str(folder / "pid"), "sleep", name), cwd="", log="", pidfile=""))

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"), supervised=True)

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not set(first) <= set(seen(name))

    def is_well(self, name: str) -> bool:
        return super().is_well(name) and any(one.name() == "sleep" for one in named(name))


class TestKillWithChildren(OnAProcess):
    """The parent and two children end together, and are there again together."""

    count = 3

    def injector(self) -> Any:
        return Kill(target=IT, with_children=True)

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", FAMILY.format(name=name))


class TestPause(OnAProcess):
    """Needs no command to start it again."""

    def injector(self) -> Any:
        return Pause(target=IT)

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return any(stopped for _, _, stopped in seen(name))

    def mend(self, folder: Path, name: str) -> None:
        for one in named(name):
            one.resume()


class TestPauseOfAFamily(TestPause):
    """The children do not go on serving behind their parent's back."""

    count = 3

    def injector(self) -> Any:
        return Pause(target=IT, with_children=True)

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", FAMILY.format(name=name))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        now = seen(name)
        return len(now) == 3 and all(stopped for _, _, stopped in now)


class TestPauseOfSeveral(TestPause):
    """All that match are paused; no command could start them all again, and none is needed."""

    count = 2

    def start(self, folder: Path, name: str) -> None:
        for _ in range(2):
            host.spawn(Start(argv=("sleep", name), cwd="", log="", pidfile=""))

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(match=rf"^sleep {name}$", start=("sleep", name))


class TestRestart(OnAProcess):
    """Gone and back in one act."""

    momentary = True
    can_mend = False

    def injector(self) -> Any:
        return Restart(target=IT, patience=timedelta(milliseconds=200))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not set(first) & set(seen(name))


class TestRestartOfAStubbornProcess(TestRestart):
    """It ignores the request, so it is killed when patience ends."""

    def command(self, name: str) -> tuple[str, ...]:
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
        return (*python(code), name)

    def is_well(self, name: str) -> bool:
        ignored = [host._stat(Path(f"/proc/{one.pid}")) for one in named(name)] if sys.platform == "linux" else [[b""]]
        return super().is_well(name) and all(ignored) and self._ignores(name)

    def _ignores(self, name: str) -> bool:
        status = Path(f"/proc/{named(name)[0].pid}/status")
        if not status.exists():
            return True
        mask = next(line for line in status.read_text().splitlines() if line.startswith("SigIgn"))
        return bool(int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


class TestRestartOfASupervisedProcess(TestKillOfASupervisedProcess):
    """We end it, and its supervisor starts it."""

    def injector(self) -> Any:
        return Restart(target=IT, patience=timedelta(milliseconds=200))
