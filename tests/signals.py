"""Signals that have been obeyed: to have sent SIGSTOP is not yet to have stopped anybody."""

import signal

from injectors import host
from tests.injectors.processes import eventually


def send(pid: int, number: int) -> None:
    """Send a signal; of SIGSTOP come back when all threads stand still, which on a busy machine may take a while.

    Raises ProcessLookupError when the process is gone.
    """
    process = host.identify(pid)
    if process is None:
        raise ProcessLookupError(f"process {pid} is gone")
    host.send(process, number)
    if number == signal.SIGSTOP:
        assert eventually(lambda: host.state(process) != "running", 20), f"process {pid} goes on after SIGSTOP"
