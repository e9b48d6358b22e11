"""A run enters itself into the history; where that cannot be, it says so and is otherwise as it would have been."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drills.history import FILE, VARIABLE
from tests.end_to_end.desk import Desk

LAB = """
lab: page
ports: [web]
processes:
  web:
    run: ["${python}", -m, http.server, "${port.web}", --bind, 127.0.0.1]
    ready: {tcp: "127.0.0.1:${port.web}"}
"""
INVENTORY = """
environment: lab
targets:
  web:
    process: {lab: web}
    http: {url: "http://127.0.0.1:${port.web}"}
"""
DRILL = """
drill: page-hangs
every: 30d
lab: lab.yaml
probes:
  page: {http: web, every: 50ms, timeout: 500ms}
steady:
  - {probe: page, success: ">= 90%", hold: 1s}
faults:
  - {id: hangs, pause: web, for: 1s}
checks:
  - recovered: {probe: page, within: 10s, hold: 1s}
"""


@pytest.fixture(autouse=True)
def _no_history_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def desk(folder: Path) -> Desk:
    folder.mkdir()
    for name, text in (("lab", LAB), ("inventory", INVENTORY), ("drill", DRILL)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Desk(folder)


def test_a_run_enters_itself_and_one_that_cannot_ends_as_well_and_says_so(tmp_path: Path) -> None:
    """Two at once: one with a history beside its runs, the other with one in whose place a letter lies."""
    here, there = desk(tmp_path / "here"), desk(tmp_path / "there")
    (there.folder / "letter").write_text("dear all " * 1000, encoding="utf-8")
    with ThreadPoolExecutor() as pool:
        (kept, said), (lost, told) = pool.map(
            lambda one: one[0].call("run", "drill.yaml", *one[1:]),
            [(here,), (there, "--history", str(there.folder / "letter"))],
        )

    assert (kept, lost) == (0, 0), said + told
    assert "history" not in said.replace(str(here.folder), "")
    assert told.splitlines()[-1].startswith(
        f"history: {there.folder / 'letter'} cannot be written: file is not a database"
    )
    assert sum("cannot be written" in line for line in told.splitlines()) == 1
    assert (there.run().path / "report.html").is_file()
    connection = sqlite3.connect(here.runs / FILE)
    try:
        assert connection.execute("select run, drill, outcome, control, limits from drills_runs").fetchall() == [
            (here.run().id, "page-hangs", "passed", 0, "[]")
        ]
    finally:
        connection.close()
    _looked_back_upon(here)
    code, said = there.call("history", "import", str(there.runs))
    assert (code, said) == (0, f"1 run in {there.runs / FILE}\n")


def _looked_back_upon(here: Desk) -> None:
    """With what a real run measured."""
    code, said = here.call("trend", "drill.yaml")
    assert code == 0, said
    assert "availability:page" in said
    assert here.call("gate", "last")[0] == 3
    assert here.call("accept", "last", "--by", "mei", "--reason", "the first")[0] == 0
    code, said = here.call("fleet", ".", "--strict")
    assert code == 0, said
    assert "page-hangs" in said
    code, said = here.call("compare", "last", "last")
    assert code == 0, said
    assert "worse" not in said


def test_a_slip_in_the_histories_address_is_told_before_anything_is_broken(tmp_path: Path) -> None:
    here = desk(tmp_path / "here")
    code, said = here.call("run", "drill.yaml", "--history", "mysql://here/x")

    assert code == 2
    assert "[bad-history]" in said
    assert not here.runs.exists()
