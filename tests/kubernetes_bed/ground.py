"""The ground that a test bed stands on: a number, a folder, and the programs that run there, all cleared by a keeper."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.built import ROOT
from tests.kubernetes_bed import leftovers
from tests.real import need

KEEPER_S = 60
"""Time for the keeper to begin, and later to clear all away."""
READY_S = 60
"""Longer than anything takes here by itself: a test suite may be on the same cores."""


@dataclass(frozen=True)
class Ground:
    """A number that nobody else on this machine has while the bed lives, and a folder of its own."""

    number: int
    folder: Path
    daemons: list["Daemon"] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """What every program of the bed is given: nothing of the user's but where programs are."""
        return {"PATH": _path(), "HOME": str(self.folder), leftovers.MARK: str(self.number)}

    def call(self, *words: str | Path, said: str = "", within_s: float = 60.0) -> str:
        """What a program printed that must succeed."""
        done = subprocess.run(words, input=said, cwd=self.folder, env=self.environment(), capture_output=True, text=True,
                              timeout=within_s, check=False)  # fmt: skip
        asked = " ".join(map(str, words))
        assert done.returncode == 0, f"{asked} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def daemon(self, name: str, *words: str | Path, inside: Callable[[], Sequence[str]] | None = None) -> "Daemon":
        """A program that will run for long, not yet started; its log is called after it."""
        one = Daemon(self, name, words, inside)
        self.daemons.append(one)
        return one


def need_tools(why: str, *names: str) -> None:
    """Go on when a bed would find these programs of the machine."""
    for name in names:
        need(f"{name}, for {why}", shutil.which(name, path=_path()) is not None)


@contextmanager
def ground() -> Iterator[Ground]:
    """Ground for one bed; when the block is left, or this process has died, nothing is left of what stood on it."""
    words = [sys.executable, "-m", "tests.kubernetes_bed.keeper"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as keeper:  # fmt: skip
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        number = keeper.stdout.readline()
        assert number, f"no ground for a test bed: {keeper.communicate(timeout=KEEPER_S)[1]}"
        one = Ground(int(number), leftovers.folder(int(number)))
        try:
            yield one
        finally:
            keeper.stdin.close()
            keeper.wait(KEEPER_S)
            for daemon in one.daemons:
                daemon.bury()
            said = keeper.stderr.read() if keeper.stderr else ""
            assert keeper.returncode == 0, f"the keeper ended with {keeper.returncode}: {said}"


@dataclass(eq=False)
class Daemon:
    """A program that runs until it is killed, and can be started again as often as one likes."""

    ground: Ground
    name: str
    words: Sequence[str | Path]
    inside: Callable[[], Sequence[str]] | None = None
    """The command that runs it in other namespaces, asked for at every start; that command's only child is the program."""
    _popen: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        """All it has printed, over every start."""
        return self.ground.folder / f"{self.name}.log"

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """Of the program itself, as this process sees it."""
        found = self.find()
        assert found, f"{self.name} does not run: {self.tail()}"
        return found

    def find(self) -> int | None:
        """The program's pid; None before it was born in the other namespaces, and after its end."""
        if self._popen is None or self.inside is None:
            return self._popen.pid if self._popen and self.running else None
        born = Path(f"/proc/{self._popen.pid}/task/{self._popen.pid}/children")
        return next(map(int, born.read_text(encoding="utf-8").split()), None) if self.running else None

    def start(self, ready: Callable[[], bool] | None = None, within_s: float = READY_S) -> None:
        """Start it; when there is a way to see that it is ready, wait for that, as long as it runs."""
        assert not self.running, f"{self.name} runs already"
        entering = self.inside() if self.inside else []
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen([*entering, *self.words], cwd=self.ground.folder, env=self.ground.environment(),
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # fmt: skip
        self.wait(lambda: self.find() is not None, within_s)
        if ready:
            self.wait(ready, within_s)

    def wait(self, ready: Callable[[], bool], within_s: float = READY_S) -> None:
        """Until it is ready, as long as it runs; what it printed last stands in the failure."""
        until = time.monotonic() + within_s
        while not ready():
            assert self.running, f"{self.name} ended: {self.tail()}"
            assert time.monotonic() < until, f"{self.name} is not ready after {within_s} s: {self.tail()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, without a word to it; nothing when it does not run."""
        pid = self.find()
        with suppress(ProcessLookupError):
            if pid is not None:
                identity = os.pidfd_open(pid)
                if self.find() == pid:  # what is held is it, and not another that was given its number
                    signal.pidfd_send_signal(identity, signal.SIGKILL)
                os.close(identity)
        self.bury()

    def bury(self, within_s: float = 20.0) -> None:
        """Wait for the end of what was killed."""
        if self._popen:
            self._popen.wait(within_s)

    def tail(self) -> str:
        """The last it printed."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


def _path() -> str:
    # Tools for networks are often where only root looks.
    return ":".join(filter(None, [os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]))
