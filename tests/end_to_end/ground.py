"""A piece of ground to drill on: small servers with pidfiles, a drill beside them, and the command line called on it.

Everything is in one folder; leaving the context ends every process that was started on it, by identity.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drills import journal, lab, rundir
from drills.rundir import RunDir
from injectors import host

ROOT = Path(__file__).resolve().parent.parent.parent
LISTENER = Path(__file__).with_name("listener.py")


@dataclass(frozen=True)
class Ground:
    """A folder with servers `a`, `b`, … and a drill."""

    folder: Path
    ports: dict[str, int]

    @property
    def drill(self) -> Path:
        return self.folder / "drill.yaml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def environment(self) -> dict[str, str]:
        """Ours, with runs and their list kept in the folder."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "CHAOS_DRILLS_STATE": str(self.folder / "state"),
                "CHAOS_DRILLS_RUNS": str(self.runs), "NO_COLOR": "1"}  # fmt: skip

    def start(self, *words: str, module: str = "drills", **how: Any) -> "subprocess.Popen[str]":
        """The command line, under way."""
        return subprocess.Popen([sys.executable, "-m", module, *words], cwd=self.folder, env=self.environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)  # fmt: skip

    def call(self, *words: str, module: str = "drills", within_s: float = 60.0) -> tuple[int, str]:
        """The command line, to its end: exit code and all it printed."""
        process = self.start(*words, module=module)
        try:
            said, _ = process.communicate(timeout=within_s)
        finally:
            process.kill()
        return process.returncode, said

    def process(self, name: str) -> host.Process | None:
        """The server of this name that runs now."""
        return host.read_pidfile(str(self.folder / f"{name}.pid"))

    def state(self, name: str) -> str:
        """running, stopped or gone."""
        process = self.process(name)
        return "gone" if process is None else host.state(process)

    def all_runs(self) -> list[RunDir]:
        """Every run kept here."""
        return rundir.all_runs(self.runs)

    def is_closed(self) -> bool:
        """True when no run is under way or listed as open."""
        listed = self.folder / "state" / "open"
        return not any(run.is_live for run in self.all_runs()) and not (listed.is_dir() and any(listed.iterdir()))

    def kinds(self) -> list[str]:
        """Kinds of the events of the only run."""
        (run,) = self.all_runs()
        return [event.kind for event in journal.read(run.journal)]


@contextmanager
def ground(folder: Path, drill: str, names: str = "abc") -> Iterator[Ground]:
    """Servers with these names on free ports, and the drill's text in `drill.yaml`."""
    ports = lab.free_ports(tuple(names))
    starts = {
        name: host.Start(argv=(sys.executable, str(LISTENER), str(port)), cwd=str(folder), log=str(folder / f"{name}.log"),
                         pidfile=str(folder / f"{name}.pid"))
        for name, port in ports.items()
    }  # fmt: skip
    targets = "".join(
        f"  {name}: {{process: {{pidfile: {start.pidfile}, start: [{', '.join(start.argv)}], cwd: {folder}, log: {start.log}}}, "
        f"tcp: {{host: 127.0.0.1, port: {ports[name]}}}}}\n"
        for name, start in starts.items()
    )
    (folder / "inventory.yaml").write_text(f"environment: lab\ntargets:\n{targets}", encoding="utf-8")
    (folder / "drill.yaml").write_text(drill, encoding="utf-8")
    here = Ground(folder, ports)
    try:
        for name, start in starts.items():
            host.spawn(start)
            wait_until(lambda port=ports[name]: _answers(port), "the server listens")
        yield here
    finally:
        for run in here.all_runs():
            lab.end(run.lab)
        assert lab.end(folder) == []


def wait_until(true: Callable[[], bool], what: str, within_s: float = 20.0) -> float:
    """Wait for a condition, however soon it comes; pass how long it took. Fails with `what` when it does not come."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"after {within_s:g} s it is still not so that {what}")
        time.sleep(0.01)
    return time.monotonic() - began


def _answers(port: int) -> bool:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
