"""Runs that are over, or should be: how each stands, and healing and ending them from another terminal."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from drills import past_runs, rundir
from drills.clock import SystemClock
from drills.journal import Journal, read
from drills.rundir import RunDir
from injectors import host
from tests.drills.writing import Story, add_flags, opening, refusal
from tests.fakes import EPOCH

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    add_flags(monkeypatch)


def make(
    tmp_path: Path, tell: Callable[[Story], object] = lambda _: None, *, listed: bool = True, seconds: float = 0
) -> RunDir:
    """A run in whose journal this is told."""
    run = rundir.create(tmp_path / "runs", "x", EPOCH + timedelta(seconds=seconds))
    story = Story(run.journal)
    tell(story)
    story.end()
    if listed:
        rundir.list_open(run)
    return run


def raised(tmp_path: Path) -> Callable[[Story], object]:
    """A flag was raised, and nobody took it down."""
    path = tmp_path / "flag"
    path.touch()
    return lambda story: story.fault("dies", intended=1, effect=2, remembered={"path": str(path)})


def closed(by: str = "conductor") -> Callable[[Story], object]:
    def tell(story: Story) -> None:
        story._journal.append("run.closed", {"by": by}, source=by)

    return tell


def report(run: RunDir, text: str) -> RunDir:
    (run.path / "report.json").write_text(text, encoding="utf-8")
    return run


@contextmanager
def live(run: RunDir, until: Callable[[], bool] | None = None) -> Iterator[Journal]:
    """A journal that is being written, and closed as soon as this is so."""
    run.journal.unlink()
    journal = Journal.create(run.journal, SystemClock())
    journal.append("run.opened", opening(monotonic_s=journal.origin_s))
    over = threading.Event()

    def close() -> None:
        while until and not until() and not over.wait(0.01):
            pass
        if until is None:
            over.wait()
        journal.close()

    closing = threading.Thread(target=close)
    closing.start()
    try:
        yield journal
    finally:
        over.set()
        closing.join()


# how a run stands


def test_a_run_that_is_under_way_says_so(tmp_path: Path) -> None:
    run = make(tmp_path)
    with live(run):
        assert past_runs.standing(run) == "under way"


def test_a_run_that_left_a_fault_says_how_to_heal_it(tmp_path: Path) -> None:
    run = make(tmp_path, raised(tmp_path))
    report(run, '{"outcome": "passed", "score": {"points": 100}}')

    assert past_runs.standing(run) == f"NOT HEALED   drills heal {run.short}", "whatever its report said"


def test_a_run_whose_lab_still_runs_says_how_to_heal_it(tmp_path: Path) -> None:
    run = make(tmp_path, closed())
    process = host.spawn(host.Start(argv=("sleep", "600"), cwd="", log="", pidfile=str(run.lab / "server.pid")))
    try:
        assert past_runs.standing(run).startswith("NOT HEALED")
    finally:
        host.end(process)
    assert not past_runs.standing(run).startswith("NOT HEALED")


def test_a_run_with_a_report_says_how_it_ended(tmp_path: Path) -> None:
    run = make(tmp_path, closed())

    assert (
        past_runs.standing(report(run, '{"outcome": "failed", "score": {"points": 49.2}}')) == "failed       score 49"
    )
    assert (
        past_runs.standing(report(run, '{"outcome": "aborted", "score": {"points": null}}')) == "aborted      no score"
    )


def test_a_control_does_not_look_like_a_run_that_passed(tmp_path: Path) -> None:
    run = report(make(tmp_path, closed()), '{"outcome": "passed", "control": true, "score": {"points": null}}')

    assert past_runs.standing(run) == "control      passed, nothing was injected"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"outcome": "passed"}', '{"outcome": "passed", "score": 7}'])
def test_a_report_that_does_not_read_keeps_no_list_from_being_shown(tmp_path: Path, text: str) -> None:
    run = report(make(tmp_path, closed()), text)

    assert past_runs.standing(run) == f"no report    drills report {run.short}"


def test_a_run_that_died_says_whether_it_was_healed(tmp_path: Path) -> None:
    assert past_runs.standing(make(tmp_path)) == "died"
    assert past_runs.standing(make(tmp_path, closed("reaper"))) == "died, and was healed"


def test_a_run_that_died_before_its_first_line_says_so(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.journal.write_bytes(b"")

    assert past_runs.standing(run) == "died before it began"


def test_a_run_whose_journal_was_edited_says_so(tmp_path: Path) -> None:
    run = make(tmp_path, closed())
    run.journal.write_bytes(run.journal.read_bytes().replace(b"conductor", b"CONDUCTOR"))

    assert past_runs.standing(run).startswith("unreadable   line 1 does not follow")


def test_the_list_has_a_line_for_each_run(tmp_path: Path) -> None:
    runs = [make(tmp_path, closed("reaper"), seconds=n) for n in range(2)]
    lines = past_runs.listing(runs).splitlines()

    assert [line.split(maxsplit=1) for line in lines] == [[run.id, "died, and was healed"] for run in runs]
    assert past_runs.listing([]) == "no runs are kept here"


# healing


def test_healing_says_what_it_did(tmp_path: Path, capsys: Said) -> None:
    run = make(tmp_path, raised(tmp_path))

    assert past_runs.heal(run)
    assert past_runs.heal(run)
    assert capsys.readouterr().out.splitlines() == [
        f"{run.short}: healed 1, nothing of it is left", f"{run.short}: nothing of it is left"
    ]  # fmt: skip
    assert not (tmp_path / "flag").exists()


def test_healing_a_run_that_is_under_way_says_what_to_do_instead(tmp_path: Path, capsys: Said) -> None:
    run = make(tmp_path)
    with live(run):
        assert not past_runs.heal(run)
    assert f"drills abort {run.short}" in capsys.readouterr().out


def test_a_run_that_cannot_be_healed_is_told_and_raises_nothing(tmp_path: Path, capsys: Said) -> None:
    """Or the runs after it would not be healed either."""
    run = make(tmp_path, raised(tmp_path))
    run.journal.write_bytes(run.journal.read_bytes().replace(b"hill", b"dale"))

    assert not past_runs.heal(run)
    assert f"{run.short}: NOT healed: line 2 does not follow" in capsys.readouterr().out
    run.journal.unlink()
    assert not past_runs.heal(run)
    assert "No such file" in capsys.readouterr().out


def test_a_fault_that_stays_is_told(tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    async def heal_run(run: RunDir, **_: object) -> object:
        from drills.healer import Healed

        return Healed(run, 1, ("hill: flag of dies",))

    monkeypatch.setattr("drills.healer.heal_run", heal_run)
    run = make(tmp_path)

    assert not past_runs.heal(run)
    assert capsys.readouterr().out == f"{run.short}: NOT healed: hill: flag of dies\n"


# aborting


def test_a_run_that_is_asked_to_end_is_waited_for(tmp_path: Path, capsys: Said) -> None:
    run = make(tmp_path)
    with live(run, until=run.abort.exists):
        assert past_runs.abort(run) == 0

    asked = json.loads(run.abort.read_text(encoding="utf-8"))
    assert asked["why"] == "drills abort"
    assert asked["by"]
    assert capsys.readouterr().out.splitlines() == [
        f"{run.short}: asked to heal and end", f"{run.short}: ended, and nothing of it is left"
    ]  # fmt: skip


def test_a_run_that_ended_and_left_something_is_not_said_to_be_clean(tmp_path: Path, capsys: Said) -> None:
    run = make(tmp_path)
    names = {"injection": "x", "fault": "dies", "target": "hill"}
    with live(run, until=run.abort.exists) as journal:
        journal.append("injection.intended", {**names, "injector": "flag", "version": 1})
        assert past_runs.abort(run) == 5

    assert "ended and NOT healed" in capsys.readouterr().out


def test_a_run_that_does_not_end_is_not_waited_for_for_ever(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_runs, "ABORT_S", 0.2)
    run = make(tmp_path)
    began = time.monotonic()
    with live(run):
        assert past_runs.abort(run) == 5

    assert 0.2 <= time.monotonic() - began < 5
    assert "still busy after 0.2 s" in capsys.readouterr().out


def test_a_run_that_is_over_cannot_be_aborted_and_what_it_left_is_told(tmp_path: Path, capsys: Said) -> None:
    clean, dirty = make(tmp_path), make(tmp_path, raised(tmp_path))

    assert past_runs.abort(clean) == 0
    assert past_runs.abort(dirty) == 5
    assert capsys.readouterr().out.splitlines() == [
        f"{clean.short}: not under way",
        f"{dirty.short}: not under way, and NOT healed; heal it: drills heal {dirty.short}",
    ]
    assert not clean.abort.exists()
    assert (tmp_path / "flag").exists(), "aborting heals nothing by itself"


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 1234"), OSError("No username set")])
def test_a_user_without_a_name_can_abort_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """As in a container that runs under a number of its own."""

    def nobody() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    run = make(tmp_path)
    with live(run, until=run.abort.exists):
        assert past_runs.abort(run) == 0

    assert json.loads(run.abort.read_text(encoding="utf-8"))["by"].startswith("user ")


def test_the_only_run_under_way_need_not_be_named(tmp_path: Path) -> None:
    dead, run = make(tmp_path), make(tmp_path)
    assert [one.slug for one in refusal(past_runs.only_live)] == ["unknown-run"]
    with live(run):
        assert past_runs.only_live() == run
        with live(dead):
            (problem,) = refusal(past_runs.only_live)
            assert problem.slug == "ambiguous-run"
            assert {run.short, dead.short} <= set(problem.fix.replace(",", "").split())


def test_the_journal_of_a_healed_run_says_who_healed_it(tmp_path: Path) -> None:
    run = make(tmp_path, raised(tmp_path))
    past_runs.heal(run)

    assert {event.source for event in read(run.journal) if event.kind == "injection.gone"} == {"heal"}
