"""The commands that look at more than one run: what they answer, what they end with, and what they do without a history."""

import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drills import cli, history, remarks
from drills.history import History, at, past_of
from drills.rundir import RunDir
from reports import RunOutcome
from reports.report import SuiteHeld
from tests.drills.kept import failed, kept, report
from tests.drills.test_judging import run_of, whole
from tests.reports.runs import ACCEPTED

Said = pytest.CaptureFixture[str]
ALIKE = [2.0, 2.1, 1.9, 2.05, 1.95, 2.0, 2.1, 1.9, 2.0, 2.0]
"""The median is 2 s and the range 0.2 s."""


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CHAOS_DRILLS_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv(history.VARIABLE, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the runs are."""
    return tmp_path / "runs"


def call(*words: str) -> int:
    try:
        return cli.main(words)
    except SystemExit as ended:  # the way of argparse
        return int(str(ended.code))


def answer(capsys: Said, *words: str) -> tuple[int, str, str]:
    """The exit code, what was answered, and what was said beside it."""
    capsys.readouterr()
    code = call(*words)
    said = capsys.readouterr()
    return code, said.out, said.err


def many(root: Path, rtos: list[float] = ALIKE) -> list[RunDir]:
    """Runs with these outages, the first of them accepted."""
    runs = [kept(root, number, rto) for number, rto in enumerate(rtos)]
    remarks.accept(runs[0], ACCEPTED)
    return runs


# history


def test_the_history_is_made_of_the_directories_and_is_the_same_when_made_again(root: Path, capsys: Said) -> None:
    runs = many(root)
    remarks.note(runs[1], "with TLS")

    assert answer(capsys, "history", "import") == (0, f"10 runs in {root / 'history.sqlite3'}\n", "")
    first = (at(root) or _none()).runs()
    assert first == [past_of(run) for run in runs]
    (root / "history.sqlite3").unlink()
    assert answer(capsys, "history", "import", str(root))[0] == 0
    assert (at(root) or _none()).runs() == first


def _none() -> History:
    raise AssertionError


def test_a_directory_whose_report_cannot_be_read_is_left_out_and_told(root: Path, capsys: Said) -> None:
    runs = many(root, [2.0, 2.0, 2.0])
    (runs[1].path / "report.json").write_text("{", encoding="utf-8")
    (runs[2].path / "report.json").unlink()

    code, said, beside = answer(capsys, "history", "import")

    assert (code, said) == (0, f"1 run in {root / 'history.sqlite3'}\n")
    assert beside.count("\n") == 1
    assert beside.startswith(f"{runs[1].id} is left out: its report cannot be read: ")


def test_a_note_is_kept_with_the_run_and_in_the_history(root: Path, capsys: Said) -> None:
    run = kept(root)

    assert answer(capsys, "history", "note", run.short, "with", "TLS") == (0, "0000: with TLS\n", "")
    assert remarks.read(run).note == "with TLS"
    assert [one.note for one in (at(root) or _none()).runs()] == ["with TLS"]


@pytest.mark.parametrize("words", [["note"], ["note", "0000"], ["import", "nowhere"], ["import", "--history", "none"]])
def test_what_history_cannot_do_is_a_mistake(words: list[str], root: Path) -> None:
    kept(root)

    assert call("history", *words) == 2


def test_a_report_that_is_written_anew_is_entered_anew(tmp_path: Path, root: Path) -> None:
    run = run_of(root, whole())
    assert call("report", str(run.path)) == 0
    place = at(root) or _none()
    before = place.runs()
    data = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    (run.path / "report.json").write_text(json.dumps({**data, "outcome": "failed"}), encoding="utf-8")
    place.enter([past_of(run)])
    assert place.runs() != before
    assert call("report", str(run.path)) == 0

    assert place.runs() == before
    assert len(before) == 1


@pytest.mark.parametrize(
    "words", [["judge"], ["judge", "--set", "failover.within=1s"], ["report", "--format", "json"], ["runs"]]
)
def test_what_only_looks_at_a_run_enters_nothing(words: list[str], tmp_path: Path, root: Path) -> None:
    """Least of all what it would be by other limits."""
    run = run_of(root, whole())
    call(*words, str(run.path))

    assert not (root / "history.sqlite3").exists()


def test_a_history_that_cannot_be_written_is_one_line_and_costs_the_report_nothing(root: Path, capsys: Said) -> None:
    run = run_of(root, whole())
    (root / "history.sqlite3").write_text("a letter " * 1000, encoding="utf-8")

    code, said, beside = answer(capsys, "report", str(run.path))

    assert code == 0
    assert "PASSED" in said
    assert beside.count("\n") == 1
    assert beside.startswith(f"history: {root / 'history.sqlite3'} cannot be written: file is not a database")
    assert "drills history import" in beside
    assert (run.path / "report.html").is_file()


def test_a_bug_in_the_history_is_one_line_too(root: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code of a run is for how the run ended."""
    run = run_of(root, whole())
    monkeypatch.setattr("drills.history.put", lambda *_, **__: 1 / 0)

    code, _, beside = answer(capsys, "report", str(run.path))

    assert code == 0
    assert beside.count("\n") == 1
    assert beside.startswith("history: ZeroDivisionError(")


def test_no_history_is_kept_where_none_is_wanted(root: Path, capsys: Said) -> None:
    run = run_of(root, whole())

    assert answer(capsys, "report", str(run.path), "--history", "none")[2] == ""
    assert not (root / "history.sqlite3").exists()


def test_where_the_history_cannot_be_read_the_directories_are(root: Path, capsys: Said) -> None:
    many(root)
    (root / "history.sqlite3").write_text("a letter " * 1000, encoding="utf-8")

    code, said, beside = answer(capsys, "trend", "lose-the-primary")

    assert (code, said.splitlines()[0]) == (0, "lose-the-primary, runs: 10")
    assert beside.count("\n") == 1
    assert "the runs below" in beside


# trend


@pytest.mark.parametrize("entered", [True, False], ids=["history", "directories"])
def test_trend_shows_the_last_runs_with_the_figures_that_are_asked_for(entered: bool, root: Path, capsys: Said) -> None:
    many(root)
    if entered:
        call("history", "import")

    code, said, _ = answer(capsys, "trend", "lose-the-primary", "--last", "3", "--metric", "rto", "--format", "json")
    data = json.loads(said)

    assert code == 0
    assert data["figures"] == ["RTO:orders"]
    assert [one["figures"]["RTO:orders"]["value"] for one in data["stretches"][0]["runs"]] == ALIKE[-3:]


def test_trend_takes_a_drills_file_for_its_name(root: Path, tmp_path: Path, capsys: Said) -> None:
    kept(root)
    (tmp_path / "my.yaml").write_text("drill: lose-the-primary\n", encoding="utf-8")

    assert answer(capsys, "trend", "my.yaml")[1].startswith("lose-the-primary, runs: 1\n")


@pytest.mark.parametrize("form", ["csv", "markdown", "json", "terminal"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_trend_has_every_form_in_both_languages(form: str, language: str, root: Path, capsys: Said) -> None:
    kept(root)
    code, said, beside = answer(capsys, "trend", "lose-the-primary", "--format", form, "--language", language)

    assert (code, beside) == (0, "")
    assert said.endswith("\n")
    assert not said.endswith("\n\n")


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (["trend", "lose-the-primry"], "unknown-drill"),
        (["trend", "lose-the-primary", "--metric", "RPT"], "unknown-figure"),
        (["trend", "lose-the-primary", "--last", "0"], "usage"),
        (["compare", "0000", "ffff"], "unknown-run"),
        (["gate", "0000", "--against", "ffff"], "unknown-run"),
        (["gate", "0000", "--allow", "much"], "usage"),
        (["gate", "0000", "--allow", "RPT=10%"], "unknown-figure"),
        (["gate", "0000", "--metric", "RPT"], "unknown-figure"),
        (["accept", "0000", "--by", " ", "--reason", "x"], "usage"),
        (["fleet", "--today", "tomorrow"], "usage"),
        (["trend", "x", "--history", "mysql://here"], "bad-history"),
        (["trend", "x", "--history", "postgresql://me:sesame@here/x"], "bad-history"),
    ],
)
def test_a_slip_is_told_by_its_name_and_ends_with_2(words: list[str], slug: str, root: Path, capsys: Said) -> None:
    kept(root)
    code, _, beside = answer(capsys, *words)

    assert code == 2
    assert f"[{slug}]" in beside
    assert "sesame" not in beside


def test_a_run_without_a_report_is_told_how_to_get_one(root: Path, capsys: Said) -> None:
    run = kept(root)
    (run.path / "report.json").unlink()

    assert "drills report 0000" in answer(capsys, "gate", "0000")[2]


# compare


def test_compare_works_from_two_directories_alone(tmp_path: Path, capsys: Said) -> None:
    one, other = kept(tmp_path / "a", 0, 2.0), kept(tmp_path / "b", 1, 3.0)

    code, said, beside = answer(capsys, "compare", str(one.path), str(other.path), "--format", "markdown")

    assert (code, beside) == (0, "")
    assert "| RTO:orders | 2 s ± 20 ms | 3 s ± 20 ms | +1 s, worse or noise |" in said
    assert not (tmp_path / "runs").exists()


def test_compare_refuses_two_rubrics_and_says_which(root: Path, capsys: Said) -> None:
    other = report(1)
    kept(root, 0)
    kept(root, 1, score=replace(other.score, rubric="game-day", rubric_digest="e" * 64))

    code, _, beside = answer(capsys, "compare", "0000", "0001")

    assert code == 2
    assert f"rubric (ci {other.score.rubric_digest[:12]} and game-day eeeeeeeeeeee)" in beside
    assert "[not-comparable]" in beside


def test_compare_refuses_two_teams_that_did_not_hold_one_suite_as_it_is_and_takes_those_that_did(
    root: Path, capsys: Said
) -> None:
    held = SuiteHeld(name="standard/losing-a-primary", version="1", digest="a" * 64)
    kept(root, 0, suite=held)
    kept(root, 1, drill="theirs", suite=replace(held, laxer=("failover.within=60s",)))
    kept(root, 2, drill="theirs", suite=held)

    code, _, beside = answer(capsys, "compare", "0000", "0001")
    assert code == 2
    assert "suite (standard/losing-a-primary@1 aaaaaaaaaaaa and none as it is)" in beside

    code, said, _ = answer(capsys, "compare", "0000", "0002")
    assert code == 0
    assert "both held the suite standard/losing-a-primary@1 as it is" in said


def test_compare_finds_a_run_whose_directory_is_elsewhere_in_the_history(
    root: Path, tmp_path: Path, capsys: Said
) -> None:
    kept(root, 0)
    (at(root) or _none()).enter([past_of(kept(tmp_path / "elsewhere", 1, 3.0))])

    code, said, _ = answer(capsys, "compare", "0000", "0001", "--format", "json")

    assert code == 0
    assert json.loads(said)["figures"][0]["change"] == pytest.approx(1.0)


# gate and accept


def test_the_gate_lets_pass_what_lies_in_the_band_and_blocks_what_does_not(root: Path, capsys: Said) -> None:
    many(root)
    kept(root, 10, 2.1)
    kept(root, 11, 3.0)
    call("history", "import")

    assert call("gate", "000a") == 0
    code, said, _ = answer(capsys, "gate", "000b")
    assert code == 1
    assert "RTO:orders went from 2 s to 3 s ± 20 ms; 11 runs lay between 1.9 s and 2.1 s" in said
    assert "drills accept 000b --by NAME --reason TEXT --anew" in said


def test_without_anything_accepted_the_gate_cannot_say_and_tells_how_to_begin(root: Path, capsys: Said) -> None:
    kept(root)
    code, said, _ = answer(capsys, "gate", "last")

    assert code == 3
    assert said.startswith("cannot say")
    assert "drills accept 0000 --by NAME --reason TEXT" in said


def test_the_gate_says_against_what_and_by_what(root: Path, capsys: Said) -> None:
    many(root, [2.0, 2.5])

    assert call("gate", "0001") == 3
    assert call("gate", "0001", "--allow", "30%") == 0
    assert call("gate", "0001", "--allow", "RTO=100ms") == 1
    assert call("gate", "0001", "--allow", "100ms", "--allow", "rto:orders=30%") == 0
    assert call("gate", "0001", "--against", "0000", "--allow", "100ms") == 1
    assert call("gate", "0001", "--against", "last-passed", "--metric", "failover.outage") == 0
    data = json.loads(answer(capsys, "gate", "0001", "--allow", "100ms", "--format", "json")[1])
    assert (data["answer"], data["exit_code"]) == ("regressed", 1)


def test_accepting_a_slower_run_anew_lets_the_next_pass(root: Path, capsys: Said) -> None:
    many(root)
    slow = kept(root, 10, 3.0)
    kept(root, 11, 3.0)
    assert [call("gate", one) for one in ("000a", "000b")] == [1, 1]

    code, said, _ = answer(capsys, "accept", "000a", "--by", "mei", "--reason", "TLS takes its time", "--anew")

    assert (code, said) == (0, "000a of lose-the-primary: accepted by mei; runs before it do not count any more\n")
    accepted = remarks.read(slow).accepted
    assert accepted is not None
    assert (accepted.by, accepted.reason, accepted.anew) == ("mei", "TLS takes its time", True)
    call("history", "import")
    assert call("gate", "000b") == 0


def test_what_was_accepted_stands_in_the_directory_when_the_history_cannot_be_written(root: Path, capsys: Said) -> None:
    run = kept(root)
    (root / "history.sqlite3").write_text("a letter " * 1000, encoding="utf-8")

    code, _, beside = answer(capsys, "accept", "0000", "--by", "mei", "--reason", "it is well")

    assert code == 0
    assert "file is not a database" in beside
    assert remarks.read(run).accepted is not None


@pytest.mark.parametrize("changed", [failed(), {"outcome": RunOutcome.INCONCLUSIVE}, {"control": True}],
                         ids=["failed", "inconclusive", "control"])  # fmt: skip
def test_only_a_run_that_passed_with_its_faults_is_accepted(
    changed: dict[str, object], root: Path, capsys: Said
) -> None:
    run = kept(root, 0, **changed)
    code, _, beside = answer(capsys, "accept", "0000", "--by", "mei", "--reason", "it is well")

    assert code == 2
    assert "[not-acceptable]" in beside
    assert remarks.read(run).accepted is None


# fleet


def test_the_fleet_tells_of_drills_with_and_without_runs(root: Path, tmp_path: Path, capsys: Said) -> None:
    kept(root)
    kept(root, 1, drill="forgotten")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.yaml").write_text("drill: lose-the-primary\nevery: 30d\n", encoding="utf-8")
    (tmp_path / "here" / "b.yaml").write_text("drill: never-run\nevery: 90d\n", encoding="utf-8")
    (tmp_path / "here" / "c.yaml").write_text("drill: broken\nevery: 30\n", encoding="utf-8")

    code, said, _ = answer(capsys, "fleet", "here", "--today", "2026-12-31", "--format", "json")
    found = {one["drill"]: one for one in json.loads(said)["drills"]}

    assert code == 0
    assert list(found) == ["lose-the-primary", "never-run", "here/c.yaml", "forgotten"]
    assert found["lose-the-primary"]["overdue"] is True
    assert found["lose-the-primary"]["days_since"] == pytest.approx(40.625)
    assert (found["never-run"]["never"], found["never-run"]["last"]) == (True, None)
    assert "needs a unit" in found["here/c.yaml"]["trouble"]
    assert found["forgotten"]["overdue"] is False


@pytest.mark.parametrize(("day", "code"), [("2026-12-20", 0), ("2026-12-21", 1)])
def test_strict_ends_with_1_once_a_drill_is_overdue(day: str, code: int, root: Path, tmp_path: Path) -> None:
    """The last run was at 9:00 on the 21st of November; a day is looked at as of its end."""
    kept(root)
    (tmp_path / "a.yaml").write_text("drill: lose-the-primary\nevery: 30d\n", encoding="utf-8")

    assert call("fleet", "--today", day) == 0
    assert call("fleet", "--strict", "--today", day) == code


def test_strict_cannot_say_of_a_file_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("drill: x\nevery: never\n", encoding="utf-8")

    assert call("fleet", "--strict") == 3


def test_without_a_day_the_fleet_is_looked_at_now(root: Path, tmp_path: Path) -> None:
    opened = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    kept(root, opened_at=opened)
    (tmp_path / "a.yaml").write_text("drill: lose-the-primary\nevery: 1d\n", encoding="utf-8")

    assert call("fleet", "--strict") == 0


# odds and ends


def test_what_others_wrote_moves_no_cursor(root: Path, capsys: Said) -> None:
    kept(root, drill="lose\x1b[2J")

    assert "\x1b" not in answer(capsys, "fleet")[1]
    assert "\x1b" not in answer(capsys, "trend", "lose\x1b[2J")[1]


def test_a_run_that_was_judged_by_other_limits_when_it_was_run_is_on_another_ground(root: Path, capsys: Said) -> None:
    many(root)
    kept(root, 10, 3.0, changed_limits=("failover.within=3s",))

    code, said, _ = answer(capsys, "gate", "000a")

    assert code == 3
    assert "differs in limits" in said


def test_the_history_of_a_reader_is_never_written(root: Path) -> None:
    """Else a command that looks would fail where one may only read."""
    many(root, [2.0, 2.0])
    call("history", "import")
    before = (root / "history.sqlite3").read_bytes()
    for words in (["trend", "lose-the-primary"], ["fleet"], ["gate", "0001"], ["compare", "0000", "0001"]):
        call(*words)

    assert (root / "history.sqlite3").read_bytes() == before
    connection = sqlite3.connect(root / "history.sqlite3")
    try:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
