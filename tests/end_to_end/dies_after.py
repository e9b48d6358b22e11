"""`python -m tests.end_to_end.dies_after LINE ...`: the command line, ended by SIGKILL right after that journal line."""

import os
import signal
import sys
from typing import Any

from checks import Event
from drills.cli import main
from drills.journal import Journal


def die_after(line: int) -> None:
    """From now on the process does not outlive its journal's line of this number."""
    write = Journal.append

    def append(self: Journal, *how: Any, **more: Any) -> Event:
        event = write(self, *how, **more)
        if event.seq == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return event

    Journal.append = append  # type: ignore[method-assign]


if __name__ == "__main__":
    die_after(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
