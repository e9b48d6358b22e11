"""Two people may overrule what was made of people's words, for a reason, for all to see; and nothing that the run itself saw."""

from pathlib import Path
from typing import Any

import pytest

from checks import Outcome
from drills import overruled
from drills.cli import main
from drills.clock import SystemClock
from drills.journal import Journal
from drills.judging import judge_run
from drills.overruling import overrule
from drills.rundir import RunDir
from drills.running import render
from reports import Report
from tests.drills.test_judging import DRILL, check, run_of, whole, words
from tests.drills.writing import Story, refusal

SOP = """
kind: SOP
id: small
roles: {L1: {initial: true, holds: [IC]}, IC: {}}
events:
  announce: {any_of: [{kind: chat, tag: announce}]}
  change: {any_of: [{kind: cli, mutating: true}]}
  matches: {any_of: [{kind: observe, probe: checksum, result: match}]}
states: {fine: {probe: orders, success: ">= 99%"}}
rules:
  - {id: announced, level: must, order: {first: announce, then: change, same: [change_id]}}
  - {id: told, do: chat, of: fault.injected, within: 5s}
  - {id: quiet, never: {what: note}}
  - {id: verified, order: {first: matches, then: change}}
  - {id: seen, order: {first: announce, then: change}, min_trust: observed}
  - {id: sure, hold: {state: fine, for: 10s, before: incident.resolved}}
"""
WHY = "it was said on the bridge, where both were"


def acted(*changes: str, at_s: float = 10.0) -> Any:
    """Somebody changes these, one after the other, writes a note, and says that all is well too early."""

    def more(story: Story) -> None:
        def act(t_s: float, act: str, actor: str = "wang", **data: Any) -> None:
            given = {"act": act, "id": f"{t_s}", "actor": actor, "team": "", "text": "", "via": "shell", **data}
            story.at(t_s, "act.recorded", **given)

        for place, change in enumerate(changes):
            act(at_s + place / 10, "cli", mutating=True, change_id=change, cmd="failover")
        act(15, "note", "lin")
        act(16, "incident.resolved", "lin")

    return more


def stored(folder: Path, *changes: str, **opening: Any) -> RunDir:
    drill = DRILL + "  - sop: ../sops/small.yaml\n"
    return run_of(folder, whole(more=acted(*(changes or ("c1",)))), drill=drill, sop=SOP, attended=True, **opening)


def say(run: RunDir, rule: str = "announced", status: str = "satisfied", **how: Any) -> int:
    given = {"by": "mei", "seconded_by": "chen", "reason": WHY, "line": None, **how}
    return overrule(run, rule, status=status, **given)


def row(report: Report, rule: str) -> Any:
    return next(one for one in check(report, "sop").verdict.rows if one.name == rule)


def slugs(run: RunDir, *args: Any, **how: Any) -> list[str]:
    return [one.slug for one in refusal(lambda: say(run, *args, **how))]


def test_what_two_people_say_counts_as_what_somebody_saw_and_everybody_reads_it(tmp_path: Path) -> None:
    run = stored(tmp_path)
    before = judge_run(run)
    assert row(before, "announced").status == "violated"
    journal = run.journal.read_bytes()

    assert say(run) == 0
    after = judge_run(run)
    found = row(after, "announced")
    assert found.status == "satisfied"
    assert (
        str(found.because) == f"overruled by mei and chen: {WHY}; it was violated: change by wang (c1) without announce"
    )
    assert found.remarks == ("must", "attested", "overruled")
    assert words(after)[0] == f"mei and chen overruled sop/announced, which counts as satisfied: {WHY}"
    assert run.journal.read_bytes() == journal

    def points(report: Report) -> float:
        return check(report, "sop").verdict.measured["sop_score"].value

    assert points(before) < points(after)
    assert after.digests["overruled"] == overruled.last_link(run)
    assert "overruled" not in before.digests


@pytest.mark.parametrize("form", ["terminal", "html", "markdown", "json", "junit"])
def test_it_stands_in_every_form_of_the_report_with_names_and_reason(tmp_path: Path, form: str) -> None:
    run = stored(tmp_path)
    say(run)
    text = render(judge_run(run), form, "en").decode()

    assert [word for word in ("mei", "chen", WHY) if word not in " ".join(text.split())] == []


def test_in_chinese_it_is_said_in_chinese(tmp_path: Path) -> None:
    run = stored(tmp_path)
    say(run)
    text = render(judge_run(run), "markdown", "zh").decode()

    assert "由 mei 与 chen 改判" in text
    assert "mei 与 chen 改判了 sop/announced" in text


def test_it_counts_for_as_much_as_attested_evidence_and_what_is_forbidden_is_kept_or_not(tmp_path: Path) -> None:
    run = stored(tmp_path)
    say(run)
    say(run, "quiet", by="zhao")
    say(run, "told", "n/a")
    standing = next(use.check for use in _drill(run).checks if use.id == "sop").standing(_evidence(run))
    credits = {one.rule.id: one.credit for one in standing.rulings}

    assert (credits["announced"], credits["quiet"], credits["told"]) == (0.8, 1.0, None)


@pytest.mark.parametrize(("how", "why"), [
    ({"seconded_by": "mei"}, "two people"), ({"seconded_by": " Mei "}, "two people"), ({"by": ""}, "two people"),
    ({"reason": ""}, "weigh"), ({"reason": " because  "}, "weigh"), ({"reason": "x" * 1_001}, "too long"),
    ({"by": "wang"}, "what wang did"), ({"seconded_by": "WANG"}, "what WANG did"),
    ({"status": "violated"}, "violated already"),
    ({"rule": "verified"}, "what the run itself sees"), ({"rule": "seen"}, "what the run itself sees"),
    ({"rule": "sure"}, "what the run itself sees"),
    ({"status": "withdrawn"}, "nothing of `announced`"), ({"line": 1}, "0 are meant"),
])  # fmt: skip
def test_not_by_one_alone_not_for_no_reason_not_of_ones_own_and_not_what_was_observed(
    tmp_path: Path, how: dict[str, Any], why: str
) -> None:
    run = stored(tmp_path)
    (problem,) = refusal(lambda: say(run, **how))

    assert problem.slug == "cannot-overrule"
    assert why in problem.what
    assert not (run.path / "overruled.jsonl").exists()


def test_a_rule_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    run = stored(tmp_path)
    (problem,) = refusal(lambda: say(run, "anounced"))

    assert (problem.slug, "sop/announced" in problem.fix) == ("unknown-rule", True)


def test_of_several_obligations_a_journal_line_says_which(tmp_path: Path) -> None:
    run = stored(tmp_path, "c1", "c2")
    (problem,) = refusal(lambda: say(run))
    assert "2 obligations, and 2 are meant" in problem.what
    lines = [int(part.split(":")[0]) for part in problem.fix.split("--line ")[1:]]

    assert say(run, line=lines[1]) == 0
    rows = [one.status for one in check(judge_run(run), "sop").verdict.rows if one.name == "announced"]
    assert sorted(rows) == ["satisfied", "violated"]


def test_the_later_word_counts_and_what_is_withdrawn_counts_no_more(tmp_path: Path) -> None:
    run = stored(tmp_path)
    say(run)
    say(run, status="n/a", by="zhao", seconded_by="zhou", reason="there was nothing to announce at all")
    assert row(judge_run(run), "announced").status == "n/a"
    assert "overruled by zhao and zhou" in str(row(judge_run(run), "announced").because)
    say(run, status="withdrawn")
    report = judge_run(run)

    assert row(report, "announced").status == "violated"
    assert not any("overruled" in one for one in words(report))
    assert len(overruled.lines(run)) == 3, "what was said stays said"
    assert report.digests["overruled"]


@pytest.mark.parametrize("edit", ["by", "order", "first", "torn", "foreign"])
def test_a_file_that_was_edited_is_not_judged_by(tmp_path: Path, edit: str) -> None:
    run = stored(tmp_path)
    say(run)
    say(run, "told")
    path = run.path / "overruled.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    other = stored(tmp_path / "other", host="another")
    say(other)
    edited = {
        "by": [lines[0].replace("mei", "somebody"), lines[1]], "order": lines[::-1], "first": lines[1:], "torn": [lines[0][:-9]],
        "foreign": (other.path / "overruled.jsonl").read_text(encoding="utf-8").splitlines(),
    }  # fmt: skip
    path.write_text("\n".join(edited[edit]) + "\n", encoding="utf-8")

    assert [one.slug for one in refusal(lambda: judge_run(run))] == ["journal-edited"]


def test_a_journal_that_healing_made_longer_is_the_same_runs(tmp_path: Path) -> None:
    run = stored(tmp_path)
    say(run)
    journal, _ = Journal.resume(run.journal, SystemClock())
    journal.append("run.closed", {"by": "drills heal"})
    journal.close()

    assert row(judge_run(run), "announced").status == "satisfied"
    assert say(run, "told") == 0


def test_a_check_that_passes_only_so_says_so(tmp_path: Path) -> None:
    run = run_of(tmp_path, whole(more=acted("c1")), drill=DRILL + "  - sop: ../sops/small.yaml\n", attended=True,
                 sop=SOP.split("  - {id: told", maxsplit=1)[0])  # fmt: skip
    assert check(judge_run(run), "sop").outcome is Outcome.FAILED
    say(run)
    verdict = check(judge_run(run), "sop").verdict

    assert verdict.outcome is Outcome.PASSED
    assert (
        str(verdict.because) == f"80 of 100 over one rule, 80 are needed; overruled: announced by mei and chen ({WHY})"
    )


def test_the_command_is_said_as_it_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored(tmp_path)
    words_ = ["overrule", str(run.path), "sop/announced", "--as", "satisfied", "--by", "mei", "--reason", WHY]

    assert main([*words_, "--seconded-by", "chen"]) == 0
    assert "sop/announced counts as satisfied" in capsys.readouterr().out
    assert main([*words_, "--seconded-by", "mei"]) == 2
    with pytest.raises(SystemExit):
        main(words_)


def _drill(run: RunDir) -> Any:
    from drills.judging import stored as read

    return read(run).drill


def _evidence(run: RunDir) -> Any:
    from drills.judging import stored as read

    return read(run).evidence
