"""Where somebody sits and calls the command line on the examples, or on drills of a folder of their own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from drills import journal, rundir
from drills.rundir import RunDir
from injectors import host
from tests.end_to_end.ground import ROOT, wait_until
from tests.signals import send


class Desk:
    """One, with runs kept in a folder. `programs` is the folder that is all of PATH; left out, PATH is as it is."""

    def __init__(self, folder: Path, programs: Path | None = None) -> None:
        self.folder = folder
        self.programs = programs
        self.runs = folder / "runs"

    def start(self, *words: str, module: str = "drills") -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHAOS_DRILLS_STATE": str(self.folder / "state"),
                       "CHAOS_DRILLS_RUNS": str(self.runs), "NO_COLOR": "1",
                       **({"PATH": str(self.programs)} if self.programs else {})}  # fmt: skip
        return subprocess.Popen([sys.executable, "-m", module, *words], cwd=self.folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip

    def call(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        try:
            said, _ = process.communicate(timeout=120)
        finally:
            process.kill()
        return process.returncode, said

    def killed(self, *words: str, with_reaper: bool = False) -> None:
        """A run that is killed once its fault is in effect."""
        process = self.start("run", *words)
        try:
            wait_until(
                lambda: process.poll() is not None or self.has("injection.verified"), "the fault is in effect", 60
            )
            if with_reaper:
                send(process.pid, signal.SIGSTOP)  # else it could heal in the moment in which its reaper is gone
                (reaper,) = host.find(f"drills.reaper.*{self.run().path}")
                host.send(reaper, signal.SIGKILL)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            said, _ = process.communicate()
        assert self.has("injection.verified"), said

    def run(self) -> RunDir:
        """The newest run."""
        return rundir.all_runs(self.runs)[-1]

    def report(self) -> Any:
        return json.loads((self.run().path / "report.json").read_text(encoding="utf-8"))

    def left(self) -> list[str]:
        """Processes that have anything to do with this folder."""
        return [" ".join(one.info["cmdline"]) for one in psutil.process_iter(["cmdline"])
                if any(str(self.folder) in word for word in one.info["cmdline"] or ())]  # fmt: skip

    def has(self, kind: str) -> bool:
        """Whether the newest run's journal has an event of this kind by now."""
        runs = rundir.all_runs(self.runs)
        return bool(runs) and f'"kind":"{kind}"' in runs[-1].journal.read_text(encoding="utf-8")

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of the newest run's events of this kind."""
        return [dict(event.data) for event in journal.read(self.run().journal) if event.kind == kind]
