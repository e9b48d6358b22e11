"""A fault of several parts on the real thing: whole or not at all, by several engines at once."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until

NETWORK = ROOT / "examples" / "network"
DRILL = """
drill: lose-the-sea
lab: lab.yaml
safety: {max_targets: 2}
probes:
  page: {http: page, every: 100ms, timeout: 300ms}
steady:
  - {probe: page, success: ">= 99%", hold: 2s}
faults:
  - {id: sea-lost, region_outage: sea, at: 2s, for: 2s}
checks:
  - recovered: {probe: page, within: 5s, hold: 1s}
"""
REGION = """
regions:
  sea: {links: [to-page], processes: [teller]}
"""
TELLER = "  teller: {process: {pidfile: teller.pid, supervised: true}}\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A page behind a link, and a teller that nobody has started yet."""
    here = Desk(tmp_path)
    (tmp_path / "lab.yaml").write_bytes((NETWORK / "lab.yaml").read_bytes())
    text = (NETWORK / "inventory.yaml").read_text(encoding="utf-8").replace("targets:\n", f"targets:\n{TELLER}")
    (tmp_path / "inventory.yaml").write_text(text + REGION, encoding="utf-8")
    (tmp_path / "drill.yaml").write_text(DRILL, encoding="utf-8")
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


@pytest.fixture
def teller(desk: Desk) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (desk.folder / "teller.pid").write_text(str(process.pid), encoding="utf-8")
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_links_and_processes_of_a_region_go_as_one_fault_and_come_back(
    desk: Desk, teller: "subprocess.Popen[bytes]"
) -> None:
    drill = desk.start("run", "drill.yaml")
    again = None
    try:
        wait_until(lambda: teller.poll() is not None or drill.poll() is not None, "the teller is gone", 60)
        again = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])  # as its supervisor would
        (desk.folder / "teller.pid").write_text(str(again.pid), encoding="utf-8")
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()
        if again:
            again.kill()
            again.wait()

    assert drill.returncode == 0, said
    assert [one["injector"] for one in desk.told("injection.intended")] == ["partition", "kill"]
    assert {one["fault"] for one in desk.told("injection.gone")} == {"sea-lost"}
    (result,) = desk.report()["faults"]
    assert result["trouble"] == ""
    assert not [one for one in desk.report()["checks"] if one["verdict"]["outcome"] != "passed"]


def test_when_one_part_cannot_be_brought_about_the_others_are_taken_back(
    desk: Desk, teller: "subprocess.Popen[bytes]"
) -> None:
    (desk.folder / "drill.yaml").write_text(DRILL.replace("at: 2s", "at: 5s"), encoding="utf-8")
    drill = desk.start("run", "drill.yaml")
    try:
        wait_until(lambda: desk.has("steady.confirmed"), "the system is steady", 60)
        teller.send_signal(signal.SIGKILL)
        teller.wait()
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 3, said
    assert [one["injection"].rpartition("-")[2] for one in desk.told("injection.failed")] == ["teller"]
    assert len(desk.told("injection.gone")) == 2
    (effect,) = [one for one in desk.report()["checks"] if one["kind"] == "fault_in_effect"]
    assert effect["verdict"]["outcome"] == "unknown"
