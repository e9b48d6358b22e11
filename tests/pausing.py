"""A process that stands still: to have sent SIGSTOP is not yet to have stopped it."""

import os
import signal
import time
from pathlib import Path

_PATIENCE_S = 20.0


def pause(pid: int) -> None:
    """Stop a process, and come back when none of its threads runs any more; on a busy machine one may go on for long.

    Raises ProcessLookupError when it is gone, AssertionError when it runs on.
    """
    os.kill(pid, signal.SIGSTOP)
    until_s = time.monotonic() + _PATIENCE_S
    while running := [state for state in _states(pid) if state not in "TtZX"]:
        assert time.monotonic() < until_s, f"process {pid} was sent SIGSTOP, and {len(running)} of its threads run"
        time.sleep(0.005)


def _states(pid: int) -> list[str]:
    """The state of each thread: a letter of Linux' `/proc/PID/task/TID/stat`, see proc(5)."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found.append(thread.read_text().rpartition(")")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
            continue
    return found
