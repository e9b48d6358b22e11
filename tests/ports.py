"""Ports for tests that run beside others: no two processes are given the same one."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle, islice

_EACH = 240


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, from a range that only this process takes ports from."""
    for port in islice(_own_ports(), _EACH):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@cache
def _own_ports() -> Iterator[int]:
    """Each port of the first range that no living process has claimed, over and over.

    They are below those that the system gives out by itself, and not among those that labs take.
    """
    claim = socket.socket(socket.AF_UNIX)
    for first in range(12_032, 20_000 - _EACH, _EACH):
        with suppress(OSError):
            claim.bind(f"\0chaos-drills-ports-{first}")  # in no file system; it goes with the process
            claim.detach()
            return cycle(range(first, first + _EACH))
    raise AssertionError("all ports for tests are claimed")
