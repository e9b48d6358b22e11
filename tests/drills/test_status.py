"""How a run stands while it is under way: what is broken, who was told, and what is asked of whom by when."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checks.sop.obligation import Status
from drills import cli, status
from drills.asked import asked
from drills.rundir import RunDir
from drills.status import picture, watch
from tests.checks.sop.story import Story, standing
from tests.checks.sop.story import book as book_of
from tests.drills import afterwards
from tests.drills.afterwards import DRILL, act, told
from tests.drills.test_judging import run_of
from tests.drills.writing import CACHE
from tests.fakes import StillClock

SOP = """
kind: SOP
id: cache
roles: {L1: {initial: true, holds: [IC]}, IC: {exclusive: true}, CL: {}}
events:
  severity_set: {any_of: [{kind: incident.severity}]}
rules:
  - {id: acknowledge, do: page.acked, of: page.delivered, within: 30s}
  - {id: triage-5m, level: must, do: severity_set, of: page.delivered, within: 1m, by: [L1, IC]}
"""


def at(
    folder: Path, t_s: float, *acts: afterwards.Told, drill: str = DRILL, sop: str = SOP, **opening: object
) -> RunDir:
    """A run as far as it is known at this second."""

    def tell(story: afterwards.Story) -> None:
        for when, one in sorted([*afterwards.machines(), *acts], key=lambda pair: pair[0]):
            if when <= t_s:
                one(story)

    return run_of(folder, tell, drill=drill, sop=sop, **opening)


@contextmanager
def live(run: RunDir) -> Iterator[RunDir]:
    """The same while somebody writes its journal."""
    handle = os.open(run.journal, os.O_WRONLY | os.O_APPEND)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield run
    finally:
        os.close(handle)


def seen(run: RunDir, t_s: float) -> list[str]:
    """The lines at this second of a run that is under way."""
    with live(run):
        return picture(run, StillClock(StillClock().now_s + t_s)).splitlines()


LIN = act(30, "page.acked", "lin")


def test_it_says_what_is_broken_who_was_told_who_leads_and_what_is_asked(tmp_path: Path) -> None:
    assert seen(at(tmp_path, 31, LIN), 31.4) == [
        "x   lab   3f2a   00:31   ▸ bringing faults about",
        "",
        "  dies    there since 00:08 (09:42:51 UTC), for 23 s: kill (cache-primary)",
        "  orders  DOWN for 23 s; 0 % of the last 10 s good",
        "  alert   CachePrimaryDown is firing for 12 s",
        "  page    00:22  CachePrimaryDown reached oncall (firing)",
        "",
        "SOP cache: 1 pending, 1 satisfied; 100 of 100 so far",
        "  roles        L1 lin   IC lin   CL nobody",
        "  triage-5m    pending    severity must be set within 50 s, by L1 or IC",
        "  acknowledge  satisfied  page.acked by L1/IC, 8 s after page.delivered; limit 30 s",
    ]


def test_time_goes_by_though_nothing_is_written(tmp_path: Path) -> None:
    run = at(tmp_path, 31, LIN)

    def triage(t_s: float) -> str:
        return next(line for line in seen(run, t_s) if "triage" in line)

    assert triage(70).endswith("at risk    severity must be set within 12 s, by L1 or IC")
    assert triage(82).endswith("at risk    severity must be set within 0 s, by L1 or IC")
    assert triage(92).endswith(
        "violated   no severity_set within 1 min of page.delivered; was due 10 s ago, by L1 or IC"
    )


def test_a_journal_in_the_middle_of_a_line_is_read_and_left_as_it_is(tmp_path: Path) -> None:
    run = at(tmp_path, 31, LIN)
    whole = seen(run, 31)
    torn = run.journal.read_bytes() + b'{"seq":99,"t_us":'
    run.journal.write_bytes(torn)
    before = sorted(path.name for path in run.path.iterdir())

    assert seen(run, 31) == whole
    assert run.journal.read_bytes() == torn
    assert sorted(path.name for path in run.path.iterdir()) == before


def test_before_the_first_line_there_is_nothing_to_say(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "2026-01-01T00-00-00Z-x-1234")
    run.path.mkdir()
    run.journal.write_bytes(b'{"seq":0')

    assert seen(run, 0) == ["1234   is about to begin"]
    assert picture(run, StillClock()) == "1234   died before it began"


def test_a_control_and_a_drill_without_a_sop_say_so(tmp_path: Path) -> None:
    control = seen(at(tmp_path / "control", 5, control=True), 5)
    bare = seen(at(tmp_path / "bare", 5, drill=CACHE, sop=""), 5)

    assert control[0].startswith("x   CONTROL   lab")
    assert control[-1] == "a control: nothing is broken, so no SOP asks anything of anybody"
    assert bare[-1] == "the drill has no SOP: nothing is asked of anybody"


def test_nobody_there_and_nobody_to_be_heard_are_said(tmp_path: Path) -> None:
    lost = told(30, "observer.lost", observer="pages", kind="sink", why="it is gone")
    lines = seen(at(tmp_path, 31, lost), 31)

    assert "  pages   cannot be heard since 00:30: it is gone" in lines
    assert any(line.endswith("nobody has acted yet, and what nobody attends is not judged") for line in lines)
    assert "  roles        L1 nobody   IC nobody   CL nobody" in lines


@pytest.mark.parametrize(
    ("t_s", "text"),
    [
        (6, "not yet; starts None"),
        (31, "there since 00:08 (09:42:51 UTC), for 23 s: kill (cache-primary)"),
        (160, "being healed since 02:40"),
        (170, "gone since 02:41"),
    ],
)
def test_what_became_of_the_fault(tmp_path: Path, t_s: float, text: str) -> None:
    assert f"  dies    {text}" in seen(at(tmp_path, t_s), t_s)


def test_what_people_wrote_moves_no_cursor(tmp_path: Path) -> None:
    lines = "\n".join(seen(at(tmp_path, 61, act(60, "role.taken", "\x1b[2J", role="CL")), 61))

    assert "\x1b" not in lines
    assert "CL \\x1b[2J" in lines


# what is asked, form by form


def duties(rules: str, story: Story, minute: float) -> list[tuple[str, str, str]]:
    book = book_of(rules)
    found = standing(book, story, minute=minute)
    return [(one.rule, str(one.status), one.what) for one in asked(book, found, minute * 60)]


@pytest.mark.parametrize(
    ("rule", "status_", "words"),
    [
        ("do: incident.severity, of: page.delivered, within: 5m, by: [IC]", "pending",
         "severity must be set within 4 min, by IC"),
        ("do: incident.declared, of: [recovered, drill.end], within: 1m", "pending",
         "an incident must be declared within 1 min of recovered or drill.end"),
        ("order: {first: note, then: flag.write, same: [change_id], first_by: [IC]}", "n/a",
         "note must come before flag.write of the same change_id, by IC; there was no flag.write"),
        ("after: {when: chat, then: note, within: 5m, by: [CL, IC]}", "pending",
         "note must follow chat within 4 min 30 s, by CL or IC"),
        ("after: {when: chat, then: note}", "pending", "note must follow chat before the end"),
        ("every: {what: note, period: 3m, from: page.delivered}", "pending", "note must come again within 2 min"),
        ("every: {what: note, period: 30s, from: page.delivered}", "violated",
         "no note by anybody that counts in 1 min; limit 30 s; was due 30 s ago"),
        ("never: {what: flag.write, more_than: 1, by: [IC]}", "pending", "flag.write must not come more than 1 times, by IC"),
        ("content: {event: note, require: {next: next}}", "n/a", "note must say next; there was no note"),
    ],
)  # fmt: skip
def test_what_a_rule_asks_of_whom_and_within_which_time(rule: str, status_: str, words: str) -> None:
    story = Story().fault(1).page(2).chat(2.5, "lin", "hello")

    assert duties(f"- {{id: r, {rule}}}", story, 3) == [("r", status_, words)]


def test_the_most_urgent_comes_first() -> None:
    rules = """
- {id: kept, do: page.acked, of: page.delivered, within: 5m}
- {id: never-asked, order: {first: note, then: flag.write}}
- {id: lost, order: {first: note, then: cli}}
- {id: later, do: incident.declared, of: page.delivered, within: 20m}
- {id: soon, do: incident.severity, of: page.delivered, within: 10m}
- {id: late, do: submit.diagnosis, of: page.delivered, within: 3m}
- {id: sooner, do: incident.resolved, of: page.delivered, within: 5m}
"""
    story = Story().fault(1).page(2).act(3, "page.acked", "lin").act(3, "cli", "lin", cmd="x", mutating=True)

    assert [rule for rule, *_ in duties(rules, story, 6.5)] == [
        "sooner", "late", "soon", "later", "lost", "kept", "never-asked",
    ]  # fmt: skip


def test_each_of_several_that_are_open_has_a_line_and_what_is_lost_another() -> None:
    story = Story().fault(1).page(2).chat(2.5, "lin", "one").chat(5, "lin", "two").chat(6, "lin", "three")

    assert duties("- {id: r, after: {when: chat, then: note, within: 2m}}", story, 6.5) == [
        ("r", "violated", "no note after chat by lin; was due 2 min ago"),
        ("r", "pending", "note must follow chat within 30 s"),
        ("r", "pending", "note must follow chat within 1 min 30 s"),
    ]


def test_a_gate_that_bites_is_said() -> None:
    story = Story().fault(1).page(2).act(3, "flag.write", "lin")
    ((_, status_, words),) = duties(
        "- {id: r, order: {first: note, then: flag.write}, gate: {cap: 59, why: x}}", story, 4
    )

    assert (status_, words) == (Status.VIOLATED, "flag.write by lin without note; the score is at most 59")


# the command


def test_it_is_shown_again_until_the_run_has_ended_and_rests_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, rests = at(tmp_path, 31, LIN), list[float]()
    monkeypatch.setattr(status.time, "sleep", rests.append)
    shown = watch(run, clear=True)
    with live(run):
        first, second = next(shown), next(shown)
    (last,) = shown

    assert all(one.startswith("\x1b[H\x1b[2Jx   lab   3f2a") for one in (first, second, last))
    assert "▸ bringing faults about" in second
    assert "▸" not in last
    assert len(rests) == 2
    assert min(rests) >= 1


def test_without_a_run_it_ends_with_2_and_one_that_is_over_stands_as_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("CHAOS_DRILLS_RUN", raising=False)
    assert cli.main(["status"]) == 2
    assert "no runs are under way" in capsys.readouterr().err
    at(tmp_path / "runs", 1000, LIN)
    assert cli.main(["status", "3f2a", "--runs", str(tmp_path / "runs")]) == 0
    assert "triage-5m    violated   no severity_set within 1 min of page.delivered" in capsys.readouterr().out
    monkeypatch.setenv("CHAOS_DRILLS_RUN", "3f2a")
    assert cli.main(["status", "--watch", "--runs", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out.count("SOP cache") == 1
