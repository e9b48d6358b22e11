"""The ground under a bed: what bears its number is found and removed, and nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kubernetes_bed.ground import ground
from tests.kubernetes_bed.leftovers import MARK, clear, folder, leftovers, name
from tests.real import need

OURS, ANOTHERS = 7001, 70010
"""Numbers that no bed has; the one is how the other begins."""


@contextmanager
def stray(number: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A folder and a process that say they are of this bed, as a keeper that was killed leaves them."""
    folder(number).mkdir()
    with subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: str(number)}) as process:
        try:
            while not any(str(one) == f"process {process.pid} (sleep)" for one in leftovers(number)):
                assert process.poll() is None
                time.sleep(0.005)  # it is still on its way to become its program
            yield process
        finally:
            process.kill()
            clear(number)


def test_what_bears_the_number_goes_and_what_bears_a_longer_one_stays() -> None:
    with stray(OURS) as ours, stray(ANOTHERS) as anothers:
        assert [str(one) for one in leftovers(OURS)] == [f"process {ours.pid} (sleep)", f"folder {folder(OURS)}"]

        assert clear(OURS) == []
        assert ours.wait(10) == -9
        assert anothers.poll() is None
        assert folder(ANOTHERS).exists()


def test_network_devices_and_what_is_mounted_in_the_folder_go_as_well() -> None:
    need("root, for a network device", os.geteuid() == 0)
    with stray(OURS):
        subprocess.run(["ip", "link", "add", name(OURS), "type", "bridge"], check=True, timeout=20)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder(OURS)], check=True, timeout=20)
        kinds = [str(one).split()[0] for one in leftovers(OURS)]

        assert (kinds, clear(OURS)) == (["process", "network", "mount", "folder"], [])


def test_two_grounds_have_two_numbers_and_a_number_is_free_again_afterwards() -> None:
    with ground() as one, ground() as other:
        assert one.number != other.number
        assert one.folder != other.folder
    assert not one.folder.exists()
    assert not other.folder.exists()


def test_a_program_that_ends_before_it_is_ready_says_what_it_said() -> None:
    with ground() as one:
        program = one.daemon("brief", sys.executable, "-c", "print('the port is taken')")
        with pytest.raises(AssertionError, match=r"brief ended: the port is taken"):
            program.start(ready=lambda: False)


def test_a_program_can_be_killed_and_started_again_and_its_log_goes_on() -> None:
    with ground() as one:
        program = one.daemon("twice", "sh", "-c", "echo started; exec sleep 600")
        for times in (1, 2):
            program.start(ready=lambda times=times: program.tail().count("started") == times)  # type: ignore[misc]
            program.kill()
            assert not program.running
        assert [str(piece) for piece in leftovers(one.number)] == [f"folder {one.folder}"]
