"""A test that is killed in mid-test, and what is seen of its bed from outside."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tests.built import ROOT
from tests.kubernetes_bed.leftovers import leftovers

_TEST = """
from {module} import {make}
with {make}() as one:
    print(one.ground.number, flush=True)
    input()
"""


def pieces_before_and_after_a_kill(
    make: Callable[..., AbstractContextManager[Any]], within_s: float = 40.0
) -> tuple[Sequence[str], Sequence[str]]:
    """What there is of the bed that another process makes in this way, and what of it outlives that process."""
    program = _TEST.format(module=make.__module__, make=make.__name__)
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as test:
        assert test.stdout is not None
        try:
            number = int(test.stdout.readline())
            before = leftovers(number)
        finally:
            test.kill()
    until = time.monotonic() + within_s
    while (after := leftovers(number)) and time.monotonic() < until:
        time.sleep(0.05)
    return [str(one) for one in before], [str(one) for one in after]
