"""The cast of a drill: each kind of act as it is taken down, when it comes in words, and every mistake where it stands."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from drills import cast
from drills import plan as plans
from drills.cast import LINES, Anchor, after_healing
from drills.drill import Drill
from drills.load import load
from drills.plan import comes
from drills.plan_text import show
from drills.responding import WORDS
from tests.drills.writing import bound, good, only, refusal, slugs, write

SECOND = timedelta(seconds=1)


def played(*entries: str) -> str:
    """A drill with these acts of a cast."""
    acts = "".join(f"  - {entry}\n" for entry in entries)
    return "drill: x\nprobes: {orders: {tcp: cache}}\nfaults:\n  - {id: dies, kill: a, at: 2s}\ncast:\n" + acts


def act_of(entry: str) -> dict[str, Any]:
    (cue,) = good(played(f"{{who: lin, {entry}}}")).cast
    return cue.line.act()


# what is done


@pytest.mark.parametrize(
    ("entry", "act"),
    [
        ("ack: ", {"act": "page.acked"}),
        ("ack: CacheDown", {"act": "page.acked", "page": "CacheDown"}),
        ("declare: Nobody can pay", {"act": "incident.declared", "text": "Nobody can pay"}),
        ("severity: P1", {"act": "incident.severity", "severity": "P1"}),
        ("role: IC", {"act": "role.taken", "role": "IC"}),
        ("role: {role: IC, to: mei}", {"act": "role.taken", "role": "IC", "holder": "mei"}),
        ("say: Hello", {"act": "chat", "text": "Hello", "channel": "war-room"}),
        ("say: /announce c2 We fail over",
         {"act": "chat", "text": "/announce c2 We fail over", "channel": "war-room", "tag": "announce", "change_id": "c2"}),
        ("say: {text: 批准, tag: approve, change: c3, channel: bridge}",
         {"act": "chat", "text": "批准", "channel": "bridge", "tag": "approve", "change_id": "c3"}),
        ("act: {text: restarted it, change: c2}", {"act": "cli", "text": "restarted it", "change_id": "c2"}),
        ("diagnose: It was killed", {"act": "submit.diagnosis", "text": "It was killed"}),
        ("resolve: ", {"act": "incident.resolved"}),
        ("note: For the review", {"act": "note", "text": "For the review"}),
        ("done: verify", {"act": "manual", "step": "verify"}),
    ],
)  # fmt: skip
def test_each_kind_is_taken_down_as_the_command_of_its_name_would(entry: str, act: dict[str, Any]) -> None:
    assert act_of(entry) == act


def test_it_can_do_all_that_responders_can_and_run_commands() -> None:
    assert {*LINES} == {word.name for word in WORDS} | {"run"}


# when it comes


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("ack: ", "at the steady state"),
        ("ack: , at: 10s", "10 s after the steady state"),
        ("ack: , after: dies", "after dies"),
        ("ack: , after: dies+3s", "3 s after dies"),
        ("ack: , when: {event: page.received}", "when page.received is seen, within 1 min of the steady state"),
        ("ack: , after: dies, when: {probe: orders, good_for: 5s}",
         "after dies, when orders is good for 5 s, within 1 min of the steady state"),
        ("say: When?, at: 10s, every: 2m", "10 s after the steady state, then every 2 min until the end"),
        ("say: When?, every: 2m, until: dies+5s", "at the steady state, then every 2 min until 5 s after dies"),
    ],
)  # fmt: skip
def test_when_it_comes_is_said_in_words(entry: str, words: str) -> None:
    (cue,) = good(played(f"{{who: lin, {entry}}}")).cast

    assert comes(cue) == words


def test_an_act_without_a_name_is_called_by_who_and_what() -> None:
    drill = good(
        played("{who: lin, ack: }", "{who: lin, say: a}", "{who: lin, say: b}", "{who: mei, id: over, resolve: }")
    )

    assert [cue.id for cue in drill.cast] == ["lin-ack", "lin-say", "lin-say-2", "over"]


def test_a_moment_is_a_name_and_how_much_later() -> None:
    assert cast.split("lin-ack") == Anchor("lin-ack", timedelta(0))
    assert cast.split("lin-ack+1m30s") == Anchor("lin-ack", 90 * SECOND)
    with pytest.raises(ValueError, match="a duration"):
        cast.split("lin-ack+5")


def test_who_waits_for_healing_does_not_keep_the_faults_there_nor_does_what_comes_after() -> None:
    drill = good(
        played(
            "{who: lin, ack: , when: {event: page.received}}",
            "{who: lin, note: gone, when: {event: injection.gone}}",
            "{who: lin, resolve: , after: lin-note+1s}",
        )
    )

    assert after_healing(drill.cast) == {"lin-note", "lin-resolve"}


# mistakes


@pytest.mark.parametrize(
    ("entry", "slug", "says"),
    [
        ("{who: lin, sevrity: P1}", "unknown-kind", "no such act `sevrity`"),
        ("{severity: P1}", "missing-setting", "act needs `who`"),
        ("{who: lin}", "unknown-kind", "this entry does not say which act it is"),
        ("{who: lin, severity: P9}", "bad-choice", "P9"),
        ("{who: lin, ack: , declare: }", "two-kinds", "`ack` and `declare`"),
        ("{who: lin, ack: , at: 1s, after: dies}", "setting-conflict", "`at` a time or `after` something, not both"),
        ("{who: lin, ack: , at: 1s, when: {fault: dies}}", "setting-conflict", "`at` a time or `when` something, not both"),
        ("{who: lin, ack: , until: dies}", "setting-conflict", "`until` means nothing without `every`"),
        ("{who: lin, ack: , every: 10ms}", "setting-conflict", "more often than once a second"),
        ("{who: lin, ack: , after: dies+5}", "setting-conflict", "does not say how much later"),
        ("{who: lin, ack: , after: lin-sevrity}", "unknown-act", "the drill has no act or fault `lin-sevrity`"),
        ("{who: lin, ack: , every: 2s, until: died}", "unknown-act", "the drill has no act or fault `died`"),
        ("{who: lin, ack: , after: lin-ack}", "waits-for-itself", "this act can never come: lin-ack waits for lin-ack"),
        ("{who: lin, ack: , id: dies}", "duplicate-id", "a fault has the id `dies` too"),
        ("{who: lin, ack: , when: {fault: died}}", "unknown-fault", "the drill has no fault `died`"),
        ("{who: lin, say: ''}", "setting-conflict", "this cannot be taken down: `chat` needs `text`"),
        ("{who: lin, run: []}", "setting-conflict", "`run` names no program"),
        ("{who: '', ack: }", "setting-conflict", "`who` is empty"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_where_it_stands(entry: str, slug: str, says: str) -> None:
    problem = only(played(entry))

    assert (problem.slug, problem.place.line) == (slug, 6)
    assert says in problem.what


def test_acts_that_wait_for_each_other_are_told_once() -> None:
    assert slugs(played("{who: a, ack: , after: b-ack}", "{who: b, ack: , after: a-ack}")) == ["waits-for-itself"]


def test_two_of_a_name_are_told() -> None:
    assert slugs(played("{who: a, id: x, ack: }", "{who: b, id: x, ack: }")) == ["duplicate-id"]


def test_an_act_with_a_mistake_is_not_missed_by_those_that_come_after_it() -> None:
    """What it would be called is not known, so it could be any."""
    assert slugs(played("{who: a, severity: P9}", "{who: b, ack: , after: a-severity}")) == ["bad-choice"]


def test_a_cast_that_is_no_list_is_one_mistake() -> None:
    drill, problems = bound("drill: x\ncast: {who: lin}")

    assert isinstance(drill, Drill)
    assert [one.slug for one in problems] == ["wrong-shape"]


# with an inventory and a lab

INVENTORY = """
environment: lab
people:
  lin: {team: sre, roles: [IC], token: known-to-lin}
  wang: {team: database}
targets:
  cache: {tcp: {host: 127.0.0.1, port: "${port.cache}"}}
  a: {process: {lab: primary}}
"""
LAB = 'lab: cache\nports: [cache]\nprocesses:\n  primary: {run: [sleep, "600"]}\n'


def written(folder: Path, *entries: str, lab: bool = True, inventory: str = INVENTORY) -> Path:
    drill = played(*entries) + ("lab: lab.yaml\n" if lab else "")
    return write(folder, drill=drill, inventory=inventory, **({"lab": LAB} if lab else {}))


def told(path: Path) -> list[tuple[str, int]]:
    return [(one.slug, one.place.line) for one in refusal(lambda: load(path))]


def test_a_command_has_the_variables_of_the_lab(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, '{who: wang, run: ["${python}", look.py, "${port.cache}"]}'))

    assert loaded.lab is not None
    python, script, port = loaded.commands["wang-run"]
    assert (script, port) == ("look.py", str(loaded.lab.ports["cache"]))
    assert Path(python).exists()


def test_a_variable_that_is_not_there_is_told_at_its_word(tmp_path: Path) -> None:
    (problem,) = refusal(lambda: load(written(tmp_path, "{who: wang, run: [look, '${port.cash}']}")))

    assert (problem.slug, problem.place.line, problem.place.column) == ("unknown-variable", 6, 30)


def test_no_command_is_run_without_a_lab_or_where_anything_is_outside_of_it(tmp_path: Path) -> None:
    outside = INVENTORY.replace('"${port.cache}"', "6379")
    without = outside.replace("{lab: primary}", '{match: "^no such process$"}')
    run = "{who: wang, run: [look]}"

    assert told(written(tmp_path / "a", run, lab=False, inventory=without)) == [("cast-outside-lab", 6)]
    assert told(written(tmp_path / "b", run, inventory=outside)) == [("cast-outside-lab", 6)]
    assert load(written(tmp_path / "c", "{who: wang, act: looked}", lab=False, inventory=without)).commands == {}


def test_nobody_who_takes_part_in_person_is_played(tmp_path: Path) -> None:
    assert told(written(tmp_path, "{who: lin, ack: }")) == [("cast-in-person", 6)]


def test_a_role_that_is_kept_for_others_is_not_taken(tmp_path: Path) -> None:
    assert told(written(tmp_path / "a", "{who: wang, role: IC}")) == [("role-not-theirs", 6)]
    load(written(tmp_path / "b", "{who: wang, role: {role: IC, to: lin}}"))


# the plan


def planned(folder: Path, *entries: str) -> plans.Plan:
    return asyncio.run(plans.make(load(written(folder, *entries), environment={}, lab_folder=folder)))


def test_the_plan_says_who_does_what_and_when(tmp_path: Path) -> None:
    plan = planned(tmp_path, "{who: wang, run: [look], at: 5s}", "{who: wang, role: CL, after: wang-run+2s}")
    lines = [line.strip() for line in show(plan).splitlines()]
    place = lines.index("cast     wang-run: wang, by script: run `look`, for at most 30s")

    assert lines[place + 1 : place + 4] == [
        "comes   5 s after the steady state",
        "wang-role: wang, by script: role CL is held by wang",
        "comes   2 s after wang-run",
    ]
    assert plans.to_data(plan)["cast"][0] == {
        "id": "wang-run", "who": "wang", "act": "run", "comes": "5 s after the steady state",
    }  # fmt: skip


def test_the_faults_last_as_long_as_the_cast_plays(tmp_path: Path) -> None:
    """A command may take all its time; what waits for healing is not reckoned among the faults."""
    plan = planned(tmp_path, "{who: wang, run: [look], at: 50s}", "{who: wang, ack: , after: wang-run+10s}",
                   "{who: wang, resolve: , when: {event: injection.gone, deadline: 5m}}")  # fmt: skip

    assert plan.times.faults_s == 60
    assert plan.times.most_s == 300


def test_a_cast_that_plays_for_longer_than_the_faults_may_last_is_refused(tmp_path: Path) -> None:
    assert [one.slug for one in refusal(lambda: planned(tmp_path, "{who: wang, ack: , at: 11m}"))] == ["too-long"]
