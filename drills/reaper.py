"""The reaper: a process of its own that heals a run when the conductor dies or falls silent.

It leads its own session, so it outlives the terminal, and hears the conductor's heartbeat through a pipe that
nobody else holds: the system closes the pipe the moment the conductor dies. A conductor that is silent but alive is
ended first, so that never two of us act on one run.
"""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from drills import host_of_python
from drills.rundir import RunDir
from injectors import host

BEAT_S = 0.5
"""Between two heartbeats."""
SILENCE_S = 5.0
"""Without a heartbeat for this long the conductor is taken for dead. Ten beats, for machines that stall."""
PATIENCE_S = 600.0
"""How long the reaper goes on trying to heal what resists."""

_BEAT, _DISMISS, _ARMED = b".", b"!", b"armed\n"


class ReaperLost(Exception):
    """The reaper is gone or did not start: there is no safety net, so nothing may be done."""


class Reaper:
    """The conductor's end of it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @classmethod
    def launch(cls, run: RunDir) -> "Reaper":
        """Start it; it is armed only after `armed`."""
        ours = host.identify(os.getpid())
        assert ours is not None, "we are running, so we can be identified"
        with (run.path / "reaper.log").open("ab") as log:
            process = subprocess.Popen(
                [*host_of_python.argv("drills.reaper"), str(run.path), json.dumps(ours.to_data())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        return cls(process)

    @property
    def pid(self) -> int:
        """Its process number, for the journal."""
        return self._process.pid

    async def armed(self, within_s: float = 30.0) -> None:
        """Wait until it watches. Raises ReaperLost when it does not come up."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(asyncio.to_thread(self._process.stdout.readline), within_s)
        except TimeoutError:
            line = b""
        if line != _ARMED:
            raise ReaperLost("the reaper did not start; see reaper.log in the run's directory")

    def beat(self) -> None:
        """Tell it that we live. Raises ReaperLost when it does not."""
        self._send(_BEAT)

    def dismiss(self) -> None:
        """Tell it that all is done, and wait for its end; one that is gone already needs no telling."""
        with suppress(ReaperLost):
            self._send(_DISMISS)
        self.close()

    def close(self) -> None:
        """Let go of it without a word: it will take over."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)

    def _send(self, word: bytes) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), word)
        except (BrokenPipeError, ValueError) as error:
            raise ReaperLost("the reaper has died") from error


def watch(heartbeat: int, silence_s: float = SILENCE_S) -> str:
    """Listen until something happens; pass why we must heal, or nothing when we were dismissed."""
    while True:
        ready, _, _ = select.select([heartbeat], [], [], silence_s)
        if not ready:
            return f"the conductor was silent for {silence_s:g} s"
        heard = os.read(heartbeat, 4096)
        if not heard:
            return "the conductor died"
        if _DISMISS in heard:
            return ""


def reap(run: RunDir, conductor: host.Process, why: str) -> int:
    """Make sure that the conductor is dead, then heal its run; pass the exit code."""
    from drills import healer
    from drills.journal import JournalBusy

    with suppress(ProcessLookupError):
        host.send(conductor, signal.SIGKILL)
    until = time.monotonic() + 60
    while True:
        try:
            healed = asyncio.run(healer.heal_run(run, why=why, source="reaper", patience_s=PATIENCE_S))
        except JournalBusy:
            if time.monotonic() > until:
                raise  # somebody else has been healing it all this time, and says in the journal how that went
            time.sleep(0.02)
            continue
        return 1 if healed.left else 0


def main(arguments: list[str], said: int = 1) -> int:
    """`python -m drills.reaper RUN-DIRECTORY CONDUCTOR`; its standard input is the heartbeat."""
    run, conductor = RunDir(Path(arguments[0])), host.Process.from_data(json.loads(arguments[1]))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    from drills import healer, registry

    # Everything that healing needs is loaded now, so that an environment that is taken away meanwhile does not matter.
    assert healer, "it is imported, for later"
    assert list(registry.kinds("injectors").values()), "there are injectors to heal with"
    with suppress(BrokenPipeError):  # a conductor that has died by now is told by its heartbeat
        os.write(said, _ARMED)
    why = watch(sys.stdin.fileno())
    return reap(run, conductor, why) if why else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
