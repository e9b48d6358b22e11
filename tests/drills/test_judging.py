"""A stored run is judged from its directory alone, again and again with the same result, and with other limits if told so."""

import errno
import os
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks import samples as samples_kept
from drills import registry
from drills.drill import digest
from drills.judging import REVIEW, judge_run
from drills.load import rubric_path
from drills.rundir import RunDir
from drills.running import render, write_or_say
from reports import CheckResult, Report, RunOutcome
from tests.drills.writing import Story, refusal, samples

DRILL = """
drill: lose-the-primary
title: {en: Lost, zh: 丢失}
severity: P1
probes:
  orders: {tcp: cache, every: 100ms}
steady: {probe: orders, success: ">= 90%", hold: 3s}
faults:
  - {id: dies, kill: cache-primary, note: the best of them}
checks:
  - failover: {probe: orders, after: dies, within: 5s}
"""
BEFORE, DOWN, BACK = "+" * 70, "-" * 20, "+" * 130
"""Looks every 0.1 s from second 1 on: good until 8, down for two seconds, good until 23."""
Tell = Callable[[Story], object]


def nothing(_: Story) -> None:
    """Tell nothing more."""


def run_of(folder: Path, tell: Tell, *, drill: str = DRILL, sop: str = "", suite: str = "",
           **opening: Any) -> RunDir:  # fmt: skip
    """A run's directory with the drill, its rubric, SOP and suite, and a journal in which this is told."""
    run = RunDir(folder / "2026-11-21T09-41-03Z-lose-the-primary-3f2a")
    run.path.mkdir(parents=True)
    run.drill.write_text(textwrap.dedent(drill), encoding="utf-8")
    run.rubric.write_bytes(rubric_path("ci", folder).read_bytes())
    digests = {"drill": digest(run.drill.read_bytes()), "rubric": digest(run.rubric.read_bytes())}
    for name, text in (("sop", sop), ("suite", suite)):
        if text:
            (run.path / f"{name}.yaml").write_text(text, encoding="utf-8")
            digests[name] = digest(text.encode())
    story = Story(
        run.journal, digests=digests, path="drills/lose it.yaml", versions={"chaos-drills": "0.1.0"}, **opening
    )
    tell(story)
    story.end()
    return run


def whole(seen: str = BEFORE + DOWN + BACK, *, looks: dict[str, Any] | None = None, skip: frozenset[str] = frozenset(),
          more: Tell = nothing, scan: tuple[str, ...] = (), closed: bool = True) -> Tell:  # fmt: skip
    """A run from beginning to end; `skip` leaves parts of it out."""

    def tell(story: Story) -> None:
        story.at(0, "fault.planned", fault="dies", does="kill (cache-primary)", target="cache-primary")
        story.at(0.5, "run.phase_entered", phase="preparing")
        story.at(0.9, "probe.opened", probe="orders", kind="tcp", target="cache", every_s=0.1, timeout_s=1.0)
        story.at(1, "run.phase_entered", phase="steady")
        if "steady" not in skip:
            story.at(5, "steady.confirmed", phase="before", from_s=2.0, to_s=5.0)
        story.at(5, "run.phase_entered", phase="faults")
        if "fault" not in skip:
            story.fault("dies", intended=7.9, effect=8.0, target="cache-primary", injector="kill")
        for start in range(0, len(seen), 50):
            story.at(
                1 + start / 10,
                "probe.sampled",
                **samples("orders", 1 + start / 10, seen[start : start + 50], n=start, **(looks or {})),
            )
        more(story)
        names = {"injection": "run-dies", "fault": "dies", "target": "cache-primary"}
        if "heal" not in skip and "fault" not in skip:
            story.at(18, "injection.healing", **names).at(18.5, "injection.gone", **names, why="it runs")
        story.at(18.5, "run.phase_entered", phase="recovery")
        if "steady" not in skip:
            story.at(22, "steady.confirmed", phase="after", from_s=19.0, to_s=22.0)
        story.at(23, "residue.scanned", when="after", found=[{"target": "", "what": one} for one in scan])
        if closed:
            story.at(24, "run.closed", by="conductor")

    return tell


def check(report: Report, id_: str) -> CheckResult:
    return next(one for one in report.checks if one.id == id_)


def words(report: Report) -> list[str]:
    return [str(one) for one in report.findings]


def test_of_events_that_came_very_often_the_report_tells_those_at_either_end(tmp_path: Path) -> None:
    def more(story: Story) -> None:
        for number in range(1_300):
            story.at(19 + number / 1000, "alert.state", observer="metrics", alert=f"Other{number}", labels={},
                     series=str(number), state="firing", since_unix=None, active_unix=None)  # fmt: skip

    report = judge_run(run_of(tmp_path, whole(more=more)))
    told = [one.what for one in report.moments if one.what.startswith("alert.state")]

    assert len(told) == 1_000
    assert ["Other499" in told[499], "Other800" in told[500]] == [True, True]
    assert words(report) == ["300 events of kinds that came very often are in the journal alone"]


def test_reports_that_cannot_be_written_are_told_and_cost_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path, whole())
    (run.path / "report.txt").mkdir()
    write_or_say(judge_run(run), run, "en")

    assert capsys.readouterr().err == (
        "drills: the reports cannot be written: Is a directory; when there is room: drills report 3f2a\n"
    )


@pytest.mark.parametrize("writable", [True, False])
def test_a_long_run_is_judged_the_same_whether_or_not_its_looks_can_be_put_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, writable: bool
) -> None:
    """In a directory that can only be read, and with no other place either, memory serves, and that is told."""
    run = run_of(tmp_path, whole())
    before, names = judge_run(run), sorted(one.name for one in run.path.iterdir())

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(samples_kept, "_BLOCK", 16)
    if not writable:
        monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    again = judge_run(run)

    assert [render(again, name, "en") for name in ("json", "html")] == [
        render(before, name, "en") for name in ("json", "html")
    ]
    told = "drills: the looks of 3f2a are held in memory, since no file can take them: Read-only file system\n"
    assert capsys.readouterr().err == ("" if writable else told)
    assert sorted(one.name for one in run.path.iterdir()) == names


# a run that went as it should


def test_a_run_that_went_well_is_passed_with_all_its_figures(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole()))

    assert report.outcome is RunOutcome.PASSED
    assert report.exit_code == 0
    assert report.score.points == 100
    assert [one.id for one in report.checks] == ["steady-before", "in-effect-dies", "failover", "steady-after", "clean"]
    assert check(report, "failover").limits == "probe orders, after dies, within 5s"
    assert (report.run[-4:], report.drill, str(report.title), report.severity) == (
        "3f2a",
        "lose-the-primary",
        "Lost",
        "P1",
    )
    assert report.environment == "lab"
    assert report.duration_s == 24
    assert report.changed_limits == ()
    assert words(report) == []


def test_a_report_holds_the_whole_story_of_faults_probes_and_phases(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole()))
    (fault,), (probe,) = report.faults, report.probes

    assert (fault.id, fault.does, fault.targets, fault.note) == (
        "dies", "raise a flag (cache-primary)", ("cache-primary",), "the best of them"
    )  # fmt: skip
    assert (fault.acting_s, fault.effect_s, fault.healing_s, fault.gone_s) == (7.9, 8.0, 18, 18.5)
    assert (probe.name, probe.does) == ("orders", "tcp cache, every 100ms")
    assert probe.success == pytest.approx(200 / 220)
    assert (probe.p50_s, probe.max_s) == (pytest.approx(0.01), pytest.approx(0.01))
    assert [(one.name, one.from_s, one.to_s) for one in report.phases] == [
        ("preparing", 0.5, 1), ("steady", 1, 5), ("faults", 5, 18.5), ("recovery", 18.5, 24)
    ]  # fmt: skip


def test_moments_are_told_in_words_and_without_what_nobody_needs(tmp_path: Path) -> None:
    def more(story: Story) -> None:
        story.at(20, "probe.read_back", probe="orders", present=[[0, 217], [372, 679]])
        story.at(20, "residue.scanned", when="before", found=[{"target": "hill", "what": "a flag"}])
        story.at(20, "lab.ended", left=[])

    moments = {one.what for one in judge_run(run_of(tmp_path, whole(more=more))).moments}

    assert "probe.read back: probe orders, present 0-217 372-679" in moments
    assert "residue.scanned: when before, found hill: a flag" in moments
    assert "steady.confirmed: phase before, from 2 s, to 5 s" in moments
    assert "injection.verified: fault dies, target cache-primary, in effect yes, why it is there" in moments
    assert "lab.ended" in moments
    assert not any(what.startswith(("injection.remembered", "fault.planned", "probe.sampled")) for what in moments)


def test_a_moment_is_never_longer_than_can_be_read(tmp_path: Path) -> None:
    holes = [[n, n] for n in range(0, 10_000, 2)]
    report = judge_run(
        run_of(tmp_path, whole(more=lambda story: story.at(20, "probe.read_back", probe="orders", present=holes)))
    )

    assert max(len(one.what) for one in report.moments) == 400


def test_what_to_type_next_can_be_typed(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, whole()))

    assert report.commands == {
        "again": "drills run 'drills/lose it.yaml'", "judge": "drills judge 3f2a --set failover.within=2s500ms"
    }  # fmt: skip
    limit = report.commands["judge"].rpartition(" ")[2]
    assert judge_run(run_of(tmp_path / "again", whole()), limits=(limit,)).outcome is RunOutcome.PASSED


# again


@pytest.mark.parametrize("renderer", sorted(registry.kinds("renderers")))
def test_judging_is_pure(tmp_path: Path, renderer: str) -> None:
    """Every report of it is the same to the byte, and nothing in the directory is changed."""
    run = run_of(tmp_path, whole())
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    kind: Any = registry.kinds("renderers")[renderer]
    first, second = (kind().render(judge_run(run), "en") for _ in range(2))

    assert first == second
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_a_directory_that_was_moved_is_judged_alike(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    first = judge_run(run)
    (tmp_path / "moved").mkdir()
    moved = RunDir(run.path.rename(tmp_path / "moved" / run.id))

    assert judge_run(moved).checks == first.checks


def test_a_report_has_the_limit_of_each_check_and_the_action_items_of_the_review_beside_the_run(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    assert check(judge_run(run), "failover").within_s == 5
    assert check(judge_run(run), "clean").within_s is None
    assert judge_run(run).actions == ()
    item = "- finding: failover\n  what: two replicas\n  owner: L3\n  due: 2026-12-05\n- what: a test\n"
    (run.path / REVIEW).write_text(
        f"---\nrun: {run.id}\n---\n\n## Action items\n\n```yaml\n{item}```\n", encoding="utf-8"
    )
    first, other = judge_run(run).actions
    assert (first.finding, first.what, first.owner, first.due, first.closed) == (
        "failover", "two replicas", "L3", "2026-12-05", "",
    )  # fmt: skip
    assert (other.finding, other.what, other.owner) == ("", "a test", "")


def test_a_review_that_does_not_read_costs_no_report(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    (run.path / REVIEW).write_text("no settings in front", encoding="utf-8")
    assert judge_run(run).actions == ()


def test_other_limits_give_another_verdict_and_are_told(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    report = judge_run(run, limits=("failover.within=1s",))

    assert report.outcome is RunOutcome.FAILED
    assert report.changed_limits == ("failover.within=1s",)
    assert check(report, "failover").limits == "probe orders, after dies, within 1s"
    assert judge_run(run).outcome is RunOutcome.PASSED, "nothing of it is kept"


def test_limits_that_a_run_was_run_with_stay_with_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole(), limits=["failover.within=1s"])

    assert judge_run(run).outcome is RunOutcome.FAILED
    assert judge_run(run).changed_limits == ("failover.within=1s",)
    assert judge_run(run, limits=("failover.within=4s",)).outcome is RunOutcome.PASSED, "the last word counts"


@pytest.mark.parametrize("limit", ["failover.wihtin=1s", "nope.x=1", "failover.within=1", "failover"])
def test_a_limit_with_a_mistake_is_refused(tmp_path: Path, limit: str) -> None:
    run = run_of(tmp_path, whole())
    (problem,) = refusal(lambda: judge_run(run, limits=(limit,)))

    assert str(problem.place) == f"--set {limit}"


# what cannot be judged


def test_an_edited_journal_is_refused(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    run.journal.write_bytes(run.journal.read_bytes().replace(b'"phase":"after"', b'"phase":"aftre"'))

    assert [one.slug for one in refusal(lambda: judge_run(run))] == ["journal-edited"]


@pytest.mark.parametrize("name", ["drill", "rubric"])
def test_a_drill_or_rubric_that_was_changed_after_the_run_is_refused(tmp_path: Path, name: str) -> None:
    """Loosening a limit in the copy would else turn a failure into a pass, and nobody could see it."""
    run = run_of(tmp_path, whole())
    path = run.path / f"{name}.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# loosened\n", encoding="utf-8")
    (problem,) = refusal(lambda: judge_run(run))

    assert f"the {name} kept with the run was changed" in problem.what
    assert "--set" in problem.fix


@pytest.mark.parametrize("name", ["drill", "rubric"])
def test_a_directory_without_its_copies_is_told(tmp_path: Path, name: str) -> None:
    run = run_of(tmp_path, whole())
    (run.path / f"{name}.yaml").unlink()

    assert [one.slug for one in refusal(lambda: judge_run(run))] == ["no-file"]


def test_a_run_that_died_before_its_first_line_is_told(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    run.journal.write_bytes(b"")
    (problem,) = refusal(lambda: judge_run(run))

    assert "died before it began" in problem.what


# how a run ended, the gravest first


def aborted(story: Story) -> None:
    story.at(12, "run.aborted", by="SIGINT", why="Ctrl-C")


FAILING = BEFORE + "-" * 70 + "+" * 80


@pytest.mark.parametrize(
    ("tell", "outcome", "code"),
    [
        (whole(), RunOutcome.PASSED, 0),
        (whole(FAILING), RunOutcome.FAILED, 1),
        (whole(skip=frozenset({"fault"})), RunOutcome.INCONCLUSIVE, 3),
        (whole(skip=frozenset({"steady"})), RunOutcome.INCONCLUSIVE, 3),
        (whole(closed=False), RunOutcome.INCONCLUSIVE, 3),
        (whole(more=aborted), RunOutcome.ABORTED, 4),
        (whole(FAILING, more=aborted), RunOutcome.ABORTED, 4),
        (whole(more=lambda story: story.at(12, "run.broke", why="KeyError: x")), RunOutcome.ABORTED, 4),
        (whole(more=lambda story: story.at(12, "run.not_started", why="not steady")), RunOutcome.INCONCLUSIVE, 3),
        (whole(skip=frozenset({"heal"})), RunOutcome.NOT_HEALED, 5),
        (whole(scan=("a: process 7 is stopped",)), RunOutcome.NOT_HEALED, 5),
        (whole(FAILING, more=aborted, scan=("a: process 7 is stopped",)), RunOutcome.NOT_HEALED, 5),
    ],
    ids=["passed", "failed", "no-fault", "never-steady", "no-end", "aborted", "aborted-and-failed", "broke", "not-started",
         "not-healed", "left-behind", "all-at-once"],
)  # fmt: skip
def test_the_gravest_thing_says_how_a_run_ended(tmp_path: Path, tell: Tell, outcome: RunOutcome, code: int) -> None:
    report = judge_run(run_of(tmp_path, tell))

    assert (report.outcome, report.exit_code) == (outcome, code)
    assert str(report.headline)


def test_the_headline_says_why(tmp_path: Path) -> None:
    def said(name: str, tell: Tell) -> str:
        return str(judge_run(run_of(tmp_path / name, tell)).headline)

    assert said("a", whole(more=aborted)) == "Aborted, and healed: Ctrl-C"
    assert "KeyError: x" in said("b", whole(more=lambda story: story.at(12, "run.broke", why="KeyError: x")))
    assert "not steady" in said("c", whole(more=lambda story: story.at(12, "run.not_started", why="not steady")))
    assert "the journal has no end" in said("d", whole(closed=False))


def test_a_run_that_died_at_its_first_line_can_be_judged(tmp_path: Path) -> None:
    report = judge_run(run_of(tmp_path, nothing))

    assert report.outcome is RunOutcome.INCONCLUSIVE
    assert report.phases == ()
    assert report.faults[0].targets == ()
    assert report.probes[0].success is None


# controls


def control_of(folder: Path, seen: str = "+" * 220, *, more: Tell = nothing, **opening: Any) -> RunDir:
    """A run that did all but inject."""

    def withheld(story: Story) -> None:
        story.at(8, "fault.withheld", fault="dies", does="SIGKILL (cache-primary)", target="cache-primary")
        story.at(18, "fault.elapsed", fault="dies")
        more(story)

    return run_of(folder, whole(seen, skip=frozenset({"fault"}), more=withheld), control=True, **opening)


def test_a_control_in_which_nothing_came_passes_and_has_no_score(tmp_path: Path) -> None:
    report = judge_run(control_of(tmp_path))

    assert (report.outcome, report.exit_code, report.control) == (RunOutcome.PASSED, 0, True)
    assert [one.id for one in report.checks] == ["steady-before", "failover", "steady-after", "clean"]
    assert str(report.headline) == "Control, nothing was injected: all 4 checks hold without the faults."
    assert (report.score.points, report.score.uncapped, report.score.lines) == (None, None, ())
    assert (report.score.judged, report.score.planned) == (4, 4)
    assert report.commands["again"] == "drills run 'drills/lose it.yaml' --control"


def test_a_control_in_which_it_came_all_the_same_fails(tmp_path: Path) -> None:
    report = judge_run(control_of(tmp_path, BEFORE + "+" * 20 + DOWN + "+" * 110))

    assert report.exit_code == 1
    assert str(report.headline).startswith(
        "Control, nothing was injected: Failed on failover: not discriminating: orders"
    )
    assert report.score.points is None
    assert report.score.caps == ()


@pytest.mark.parametrize("limits", [(), ("failover.within=1s",)])
def test_a_control_that_saw_too_little_has_no_verdict(tmp_path: Path, limits: tuple[str, ...]) -> None:
    report = judge_run(control_of(tmp_path, BEFORE + "+" * 20 + "?" * 60 + "+" * 70), limits=limits)

    assert report.exit_code == 3
    assert str(report.headline).startswith("Control, nothing was injected: No verdict on failover: ")


def test_an_aborted_run_has_no_score_and_says_why(tmp_path: Path) -> None:
    score = judge_run(run_of(tmp_path, whole(more=aborted))).score

    assert (score.points, score.rating, score.letter) == (None, "", "")
    assert str(score.withheld) == "the run was aborted, and what was not played to its end has no score"
    assert sum(line.points or 0 for line in score.lines) == 100


def test_a_control_that_was_stopped_is_aborted(tmp_path: Path) -> None:
    report = judge_run(control_of(tmp_path, more=aborted))

    assert report.exit_code == 4
    assert str(report.headline) == "Control, nothing was injected: Aborted, and healed: Ctrl-C"


def test_a_fault_that_was_withheld_has_no_times_but_when_it_would_have_been_there(tmp_path: Path) -> None:
    (fault,) = judge_run(control_of(tmp_path)).faults

    assert (fault.acting_s, fault.effect_s, fault.healing_s, fault.gone_s) == (None, None, None, None)
    assert fault.withheld == (8, 18)
    assert (fault.does, fault.targets, fault.trouble) == ("SIGKILL (cache-primary)", ("cache-primary",), "")


def test_other_runs_are_no_controls(tmp_path: Path) -> None:
    assert not judge_run(run_of(tmp_path / "a", whole())).control
    assert not judge_run(run_of(tmp_path / "b", whole(), control=False)).control


# what a reader must know


@pytest.mark.parametrize(("late_s", "found"), [(0.1, []), (0.101, ["probe orders fell behind"])])
def test_a_probe_that_fell_behind_is_told(tmp_path: Path, late_s: float, found: list[str]) -> None:
    """A look that is late by more than the distance of two of them is coarser than planned."""
    report = judge_run(run_of(tmp_path, whole(looks={"late_s": late_s})))

    assert [one[:24] for one in words(report)] == found
    assert report.probes[0].fell_behind == bool(found)


def test_a_torn_journal_a_skipped_fault_and_what_a_probe_left_are_told(tmp_path: Path) -> None:
    def more(story: Story) -> None:
        story.at(20, "journal.torn", bytes=17, kept_in="journal.torn")
        story.at(20, "fault.skipped", fault="other", why="it never came")
        story.at(20, "probe.left_behind", probe="orders", why="7 keys")

    assert words(judge_run(run_of(tmp_path, whole(more=more)))) == [
        "the journal's last line was torn off by a sudden death; 17 bytes are kept beside it",
        "fault other never came: it never came",
        "probe orders could not clean up after itself: 7 keys",
    ]


def test_the_digests_of_everything_stand_in_the_report(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole())
    report = judge_run(run)

    assert set(report.digests) == {"drill", "rubric", "journal"}
    assert report.digests["journal"] == run.journal.read_bytes()[-35:-3].decode()


# who watched, and who stood in for whom


def test_who_ran_instead_of_whom_is_a_finding(tmp_path: Path) -> None:
    def more(story: Story) -> None:
        for name in ("eyes", "voice"):
            story.at(0.4, "lab.process_left_out", name=name, missing=["eyes"], instead=["watcher"])
        story.at(0.4, "lab.process_left_out", name="spare", missing=[], instead=["ears"])

    assert words(judge_run(run_of(tmp_path, lambda story: (more(story), whole()(story))))) == [
        "watcher stood in for eyes, voice; not installed here: eyes"
    ]


def test_whom_a_run_listened_to_stands_among_its_versions(tmp_path: Path) -> None:
    def tell(story: Story) -> None:
        story.at(0.4, "observer.opened", observer="metrics", kind="prometheus", what="Prometheus 3.1 at a:9090")
        story.at(0.4, "observer.lost", observer="routing", kind="alertmanager", why="nobody is there")
        whole()(story)

    assert judge_run(run_of(tmp_path, tell)).versions == {
        "chaos-drills": "0.1.0", "observer metrics": "Prometheus 3.1 at a:9090",
    }  # fmt: skip


# who was played by a script


def test_a_cast_is_a_finding_with_what_it_left_out_and_what_did_not_succeed(tmp_path: Path) -> None:
    def tell(story: Story) -> None:
        told = {"team": "", "via": "cast", "scripted": True}
        whole()(story)
        story.at(
            25, "act.recorded", act="incident.severity", id="lin-severity", actor="lin", text="", severity="P1", **told
        )
        story.at(26, "act.recorded", act="cli", id="repair", actor="wang", cmd="false", exit=1, text="", **told)
        story.at(27, "act.recorded", act="cli", id="look", actor="wang", cmd="true", exit=0, text="", **told)
        story.at(28, "act.skipped", act="over", actor="lin", why="it comes after repaired, which never came")

    report = judge_run(run_of(tmp_path, tell))

    assert words(report) == [
        "what lin, wang did was scripted",
        "act over of the cast never came: it comes after repaired, which never came",
        "the command of repair of the cast did not succeed: exit 1",
    ]
    assert "lin (scripted): severity P1" in [moment.what for moment in report.moments]


def test_the_command_that_does_it_again_does_the_same(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole(), attended=True, inventory="staging.yaml", limits=["failover.within=3s"])

    assert judge_run(run).commands["again"] == (
        "drills run 'drills/lose it.yaml' --attended --inventory staging.yaml --set failover.within=3s"
    )
