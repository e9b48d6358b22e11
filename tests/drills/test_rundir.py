"""Where runs are kept: found by any of their names, listed while they may have left something, seen by their user only."""

import json
import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from drills import rundir
from drills.clock import SystemClock
from drills.journal import Journal
from drills.rundir import RunDir
from tests.drills.writing import refusal
from tests.fakes import EPOCH


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of open runs of the test's own."""
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def make(root: Path, drill: str = "x", seconds: float = 0) -> RunDir:
    """A run that has begun its journal."""
    run = rundir.create(root, drill, EPOCH + timedelta(seconds=seconds))
    run.journal.touch()
    return run


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# making one


def test_a_runs_name_says_when_and_what_and_ends_in_a_short_one(tmp_path: Path) -> None:
    run = rundir.create(tmp_path / "runs", "lose-the-primary", EPOCH)

    assert run.id == f"2026-11-21T09-41-03Z-lose-the-primary-{run.short}"
    assert len(run.short) == 4
    assert run.path.is_absolute()
    assert run.lab.is_dir()


@pytest.mark.parametrize(
    ("drill", "name"),
    [("a/../b", "a-..-b"), ("订单", "drill"), ("Lose it!", "Lose-it"), ("", "drill"), ("x" * 300, "x" * 60)],
)
def test_any_drill_can_be_the_name_of_a_directory(tmp_path: Path, drill: str, name: str) -> None:
    run = rundir.create(tmp_path, drill, EPOCH)

    assert run.path.parent == tmp_path
    assert run.id == f"2026-11-21T09-41-03Z-{name}-{run.short}"


def test_a_run_is_its_users_alone(tmp_path: Path) -> None:
    """Its journal may hold what heals: commands with their variables."""
    before = os.umask(0)
    try:
        run = rundir.create(tmp_path / "new" / "runs", "x", EPOCH)
        Journal.create(run.journal, SystemClock()).close()
        rundir.list_open(run)
    finally:
        os.umask(before)

    assert mode(run.path) == 0o700
    assert mode(run.journal) == 0o600
    assert mode(rundir.state_dir() / "open") == 0o700


def test_runs_of_one_second_are_different_runs(tmp_path: Path) -> None:
    runs = [make(tmp_path) for _ in range(20)]

    assert len({run.path for run in runs}) == 20
    assert len({run.short for run in runs}) == 20


def test_no_two_runs_that_are_known_have_the_same_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run creates bears it, so it must not be that of another run here, nor of an open one elsewhere."""
    tokens = iter(["aaaa", "aaaa", "bbbb", "bbbb", "aaaa", "cccc"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(tokens))
    first = make(tmp_path / "runs")
    elsewhere = make(tmp_path / "elsewhere")
    second = make(tmp_path / "runs")
    rundir.list_open(elsewhere)

    assert (first.short, elsewhere.short, second.short) == ("aaaa", "aaaa", "bbbb")
    assert rundir.create(tmp_path / "runs", "x", EPOCH).short == "cccc"


# finding one


def test_a_run_goes_by_its_directory_its_id_and_its_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    run = make(runs)
    make(runs, seconds=1)
    monkeypatch.chdir(runs)

    for name in (run.id, run.short, str(run.path), f"{run.path}/", f"./{run.id}"):
        assert rundir.find(runs, name).path == run.path


def test_the_last_run_is_the_newest(tmp_path: Path) -> None:
    runs = [make(tmp_path, drill, seconds) for drill, seconds in (("b", 5), ("z", 0), ("a", 7))]

    assert rundir.find(tmp_path, "last") == runs[2]


def test_an_open_run_is_found_from_anywhere(tmp_path: Path) -> None:
    run = make(tmp_path / "there", seconds=9)
    rundir.list_open(run)
    make(tmp_path / "here")

    assert rundir.find(tmp_path / "here", run.short) == run
    assert rundir.find(tmp_path / "here", "last") == run
    assert rundir.find(tmp_path / "nowhere", "last") == run


def test_a_short_name_that_two_runs_have_is_refused_with_both(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}-aaaa").mkdir()
        (tmp_path / f"{name}-aaaa" / "journal.jsonl").touch()
    (problem,) = refusal(lambda: rundir.find(tmp_path, "aaaa"))

    assert problem.slug == "ambiguous-run"
    assert "one-aaaa, two-aaaa" in problem.fix


def test_a_run_that_is_not_there_is_told_with_the_newest(tmp_path: Path) -> None:
    runs = [make(tmp_path, seconds=n) for n in range(15)]
    (problem,) = refusal(lambda: rundir.find(tmp_path, "none"))

    assert problem.slug == "unknown-run"
    assert problem.fix.endswith(f"newest runs: {', '.join(run.short for run in reversed(runs[5:]))}")


@pytest.mark.parametrize("name", ["last", "", "x"])
def test_where_there_is_no_run_none_is_found(tmp_path: Path, name: str) -> None:
    (problem,) = refusal(lambda: rundir.find(tmp_path / "runs", name))

    assert problem.slug == "unknown-run"


def test_what_is_no_run_is_not_among_them(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    rundir.create(tmp_path, "died-before-its-journal", EPOCH)
    run = make(tmp_path)

    assert rundir.all_runs(tmp_path) == [run]
    assert rundir.all_runs(tmp_path / "notes.txt") == []


# the list of open runs


def test_a_run_is_listed_until_it_is_closed(tmp_path: Path) -> None:
    runs = [make(tmp_path, seconds=n) for n in (1, 0)]
    for run in runs:
        rundir.list_open(run)

    assert rundir.open_runs() == [runs[1], runs[0]], "oldest first"
    rundir.list_closed(runs[0])
    rundir.list_closed(runs[0])
    assert rundir.open_runs() == [runs[1]]


def test_without_a_list_no_run_is_open() -> None:
    assert rundir.open_runs() == []


def test_a_run_whose_directory_is_gone_is_not_open(tmp_path: Path) -> None:
    run = make(tmp_path)
    rundir.list_open(run)
    run.journal.unlink()

    assert rundir.open_runs() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"path"', b'{"run": "x"}', b'{"path": 7}', b"\xff\xfe"])
def test_an_entry_that_is_none_is_passed_over(tmp_path: Path, state: Path, content: bytes) -> None:
    run = make(tmp_path)
    rundir.list_open(run)
    (state / "open" / "damaged").write_bytes(content)
    (state / "open" / "folder").mkdir()
    (state / "open" / f".{run.id}.4711").write_text(json.dumps({"path": str(run.path)}), encoding="utf-8")

    assert rundir.open_runs() == [run], "once, though an entry half written names it too"


def test_an_entry_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may name a run that has left something behind: not to be able to look is never fine."""
    rundir.list_open(make(tmp_path))

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    (problem,) = refusal(rundir.open_runs)

    assert "cannot be read: Permission denied" in problem.what


# where all that is


def test_runs_are_kept_here_or_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAOS_DRILLS_RUNS", raising=False)
    assert rundir.default_root() == Path("runs")
    monkeypatch.setenv("CHAOS_DRILLS_RUNS", "/elsewhere")
    assert rundir.default_root() == Path("/elsewhere")


def test_the_list_is_kept_where_the_system_keeps_such_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAOS_DRILLS_STATE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert rundir.state_dir() == tmp_path / ".local" / "state" / "chaos-drills"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/x")
    assert rundir.state_dir() == Path("/var/x/chaos-drills")


def test_a_run_is_live_while_its_journal_is_being_written(tmp_path: Path) -> None:
    run = rundir.create(tmp_path, "x", EPOCH)
    assert not run.is_live
    journal = Journal.create(run.journal, SystemClock())
    assert run.is_live
    journal.close()
    assert not run.is_live
