"""`drills explain` says why a run has its score, and what a message means; and what a run is judged by stays its own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from checks import unknown
from checks.outage import HARMS
from drills import cli
from drills.drill import read
from drills.judging import judge_run
from drills.load import rubric_of
from drills.messages import MESSAGES
from drills.rundir import RunDir
from reports.score import score
from tests.drills.test_judging import BACK, BEFORE, DRILL, check, run_of, whole
from tests.drills.writing import slugs

Said = pytest.CaptureFixture[str]
SLOW = DRILL.replace("within: 5s", "within: 1500ms")
OLD = """
rubric: ci
about: As it was before there were curves, parts and suites.
dimensions:
  recover:
    title: Take over and recover
    weight: 34
    checks: {failover: 3, recovered: 2, steady: 1}
  people:
    title: Follow the SOP
    weight: 15
    checks: {sop: 1}
caps:
  not_recovered: {at_most: 49, because: the service did not recover}
  over_rto: {at_most: 79, because: the outage lasted longer than its limit}
confidence: 80%
"""


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # what is said to a file is not wrapped
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CHAOS_DRILLS_RUNS", str(tmp_path / "runs"))


def slow(folder: Path) -> RunDir:
    """A run in which the failover took a third longer than it may."""
    return run_of(folder / "runs", whole(), drill=SLOW)


def call(*words: str) -> int:
    return cli.main(words)


def test_every_point_that_was_given_or_taken_is_told_with_its_reason_and_its_evidence(
    tmp_path: Path, capsys: Said
) -> None:
    run = slow(tmp_path)
    assert call("explain", "3f2a") == 0
    said = capsys.readouterr().out
    report = judge_run(run)
    assert (
        said.splitlines()[0]
        == "lose-the-primary   score 75 of 100 (S, C), capped: the outage lasted longer than its limit"
    )
    assert report.score.rubric_digest in said
    for line in report.score.lines:
        assert str(line.because) in said
        assert all(str(seq) in said for seq in line.proof[:2])
    assert "by the curve: 1.34 times its limit, and nothing is left at 2 times: " in said
    assert "Detect and alert 35, SOP and change safety 15: no check of the drill shows that" in said
    assert "at most 79: the outage lasted longer than its limit (failover)" in said
    assert "passed  steady before: " in said
    assert said.rstrip().endswith(str(run.journal))


def test_it_tells_programs_the_same(tmp_path: Path, capsys: Said) -> None:
    run = slow(tmp_path)
    assert call("explain", "last", "--format", "json") == 0
    told, score = json.loads(capsys.readouterr().out), judge_run(run).score
    lines = [line for one in told["dimensions"] for line in one["lines"]]
    assert [(one["check"], one["points"], one["credit"]) for one in lines] == [
        (one.check, one.points, one.credit) for one in score.lines
    ]
    assert (told["points"], told["rating"], told["letter"]) == (score.points, score.rating, score.letter)
    assert told["dropped"] == [{"title": title, "written": weight} for title, weight in score.dropped.items()]
    assert [one["check"] for one in told["gates"]] == ["steady-before", "in-effect-dies", "clean"]
    assert told["caps"][0]["proof"]


def test_it_speaks_chinese(tmp_path: Path, capsys: Said) -> None:
    slow(tmp_path)
    assert call("explain", "3f2a", "--language", "zh") == 0
    said = capsys.readouterr().out
    assert "止损与恢复" in said
    assert "达 2 倍时不得分" in said
    assert "发现与告警 35、预案与变更安全 15：本演练没有相应检查" in said


def test_a_message_goes_before_a_run_in_a_directory_of_its_name(tmp_path: Path, capsys: Said) -> None:
    run = slow(tmp_path)
    run.path.rename(tmp_path / "no-file")
    assert call("explain", "no-file") == 0
    assert "The file is not there" in capsys.readouterr().out
    assert call("explain", "./no-file") == 0
    assert capsys.readouterr().out.startswith("lose-the-primary ")


def test_no_run_is_ever_called_as_a_message() -> None:
    """A run goes by its id, which begins with a year, by the four hexadecimal digits at its end, or by `last`."""
    short = [name for name in MESSAGES if len(name) == 4 and set(name) <= set("0123456789abcdef")]
    assert short == []
    assert "last" not in MESSAGES
    assert not any(name[0].isdigit() for name in MESSAGES)


def test_what_is_neither_is_refused_with_the_nearest_name(capsys: Said) -> None:
    assert call("explain", "no-fiel") == 2
    said = capsys.readouterr().err
    assert "neither a message nor a run is called `no-fiel`" in said
    assert "did you mean `no-file`?" in said


# what a run is judged by


def test_a_run_with_a_rubric_of_old_is_judged_as_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "rubric.yaml"
    kept.write_text(OLD, encoding="utf-8")
    run = run_of(tmp_path / "run", whole(), drill=SLOW)
    checks = judge_run(run).checks
    old = score(rubric_of(read(run.drill), kept), checks, "digest")

    late = next(one for one in checks if one.id == "failover").verdict.lateness
    assert late
    assert old.points == pytest.approx(100 * (3 * (2 - late) + 1) / 4)
    assert [hit.cap for hit in old.caps] == [79]
    unseen = [replace(one, verdict=unknown("nobody looked")) if one.id == "failover" else one for one in checks]
    assert score(rubric_of(read(run.drill), kept), unseen, "digest").points == 100


def test_a_check_says_what_its_failures_may_be_called(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole()))
    assert {one.id: one.harms for one in report.checks if one.harms} == {"failover": HARMS, "clean": ("not_clean",)}


def test_a_failover_that_nobody_could_see_leaves_no_score(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole(BEFORE + "?" * 60 + BACK[:90])))
    assert check(report, "failover").outcome == "unknown"
    assert report.score.points is None
    assert report.score.withheld is not None


@pytest.mark.parametrize(("par", "slug"), [("0s", "setting-conflict"), ("5s", "no-objective")])
def test_a_par_that_nothing_can_be_held_against_is_refused(par: str, slug: str) -> None:
    drill = DRILL.replace("steady:", "# steady:") + f"par: {par}\n"
    assert slug in slugs(drill)


@pytest.mark.parametrize(("par", "points"), [("10s", 100), ("", 100)])
def test_a_run_that_loses_less_than_par_loses_no_points(tmp_path: Path, par: str, points: float) -> None:
    drill = DRILL + (f"par: {par}\n" if par else "")
    report = judge_run(run_of(tmp_path, whole(), drill=drill))
    assert report.score.points == points
    assert [line.curve is not None for line in report.score.lines if line.check == "failover"] == [bool(par)]


def test_a_run_that_loses_more_than_par_pays_for_it_though_it_was_in_time(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole(), drill=DRILL + "par: 500ms\n"))
    (line,) = (one for one in report.score.lines if one.check == "failover")
    assert line.credit == 0.5
    assert check(report, "failover").outcome == "passed"
