"""The plan: every target, time and undo settled before anything is done, what speaks against it told, nothing secret kept."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from drills import plan as plans
from drills.errors import DrillError, Problem
from drills.load import load
from drills.plan import Plan
from drills.plan_text import show
from injectors import InjectionFailed, Preview, Touch
from tests.drills.writing import add_flags, write
from tests.fakes import Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Something that can be broken, and says itself what that would do."""

    name: ClassVar[str] = "thing"
    touches: Annotated[tuple[str, ...], "What would be touched"] = ("one",)
    undo: Annotated[str, "How it is put back"] = "put together again"
    missing: Annotated[str, "What is not there"] = ""
    fails: Annotated[str, "Why it cannot be done"] = ""
    hangs: Annotated[bool, "Whether nobody answers"] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Flag):
    """Breaks things, in plans only."""

    name: ClassVar[str] = "break"
    address: ClassVar[type] = Thing
    hard: Annotated[bool, "How"] = False

    async def preview(self, address: Thing) -> Preview:  # type: ignore[override]
        if address.hangs:
            await asyncio.sleep(600)
        if address.fails:
            raise InjectionFailed(address.fails)
        touches = tuple(Touch(what=f"thing {one}", key=f"thing:{one}") for one in address.touches)
        return Preview(touches=touches, does=f"break {len(touches)}", undo=address.undo, missing=address.missing)


@pytest.fixture(autouse=True)
def _break_things(monkeypatch: pytest.MonkeyPatch) -> None:
    add_flags(monkeypatch, Break)


DRILL = """
drill: broken
safety: {max_targets: 9}
faults:
  - {id: first, break: a}
"""
INVENTORY = "environment: lab\ntargets:\n  a: {thing: {}}\n"


def make(folder: Path, drill: str = DRILL, inventory: str = INVENTORY, *, lab: str = "",
         environment: Mapping[str, str] | None = None, limits: tuple[str, ...] = ()) -> Plan:  # fmt: skip
    path = write(folder, drill=drill, inventory=inventory, **({"lab": lab} if lab else {}))
    return asyncio.run(plans.make(load(path, environment=environment or {}, limits=limits)))


def refused(folder: Path, drill: str = DRILL, inventory: str = INVENTORY, **how: Any) -> list[Problem]:
    with pytest.raises(DrillError) as error:
        make(folder, drill, inventory, **how)
    return list(error.value.problems)


def slugs(folder: Path, drill: str = DRILL, inventory: str = INVENTORY, **how: Any) -> list[str]:
    return [one.slug for one in refused(folder, drill, inventory, **how)]


def thing(**settings: str) -> str:
    """An inventory whose only target is so."""
    return INVENTORY.replace("{}", "{" + ", ".join(f"{name}: {value}" for name, value in settings.items()) + "}")


# what speaks against a plan


def test_a_plan_says_what_will_be_done_to_what_and_how_it_is_undone(tmp_path: Path) -> None:
    (fault,) = make(tmp_path).faults

    assert fault.does == "break 1 (a)"
    assert [one.what for one in fault.preview.touches] == ["thing one"]
    assert fault.preview.undo == "put together again"


def test_a_fault_without_a_target_is_refused_where_it_stands(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, inventory=thing(touches="[]"))

    assert (problem.slug, problem.place.line) == ("no-target", 5)
    assert problem.what == "break of `a` has no target: nothing is there"


def test_what_was_looked_for_in_vain_is_told(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, inventory=thing(touches="[]", missing='"no thing called `one`"'))

    assert problem.what == "break of `a` has no target: no thing called `one`"


def test_a_fault_that_cannot_be_undone_is_refused(tmp_path: Path) -> None:
    assert slugs(tmp_path, inventory=thing(undo='""')) == ["no-undo"]


def test_a_fault_that_the_engine_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, inventory=thing(fails="not in one piece"))

    assert problem.slug == "cannot-inject"
    assert problem.what == "break of `a` cannot be done: not in one piece"


def test_an_engine_that_does_not_answer_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "PREVIEW_S", 0.05)
    (problem,) = refused(tmp_path, inventory=thing(hangs="true"))

    assert problem.slug == "cannot-inject"
    assert "could not be looked at within 50 ms" in problem.what


def test_more_targets_than_allowed_are_refused_and_listed(tmp_path: Path) -> None:
    drill = DRILL.replace("9", "2")
    (problem,) = refused(tmp_path, drill, thing(touches="[one, two, three]"))

    assert problem.slug == "too-many-targets"
    assert "thing one, thing two, thing three" in problem.fix
    assert len(make(tmp_path, drill, thing(touches="[one, two]")).touches) == 2


def test_what_two_faults_touch_counts_once(tmp_path: Path) -> None:
    plan = make(tmp_path, DRILL.replace("9", "1") + "  - {id: second, break: a, at: 5s}\n")

    assert [one.key for one in plan.touches] == ["thing:one"]


def test_a_drill_runs_in_the_environments_it_names_only(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, inventory=INVENTORY.replace("lab", "production"))

    assert problem.slug == "environment-not-allowed"
    assert problem.place.line == 3, "where `safety` stands"


def test_the_default_environment_is_told_at_the_drills_name(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, DRILL.replace("safety: {max_targets: 9}\n", ""), INVENTORY.replace("lab", "staging"))

    assert problem.place.line == 2


def test_all_that_speaks_against_a_plan_is_told_at_once(tmp_path: Path) -> None:
    drill = DRILL + "  - {id: second, break: b}\n  - {id: third, break: c, at: 11m}\n"
    inventory = INVENTORY.replace("lab", "staging") + "  b: {thing: {undo: ''}}\n  c: {thing: {fails: broken}}\n"

    assert sorted(slugs(tmp_path, drill, inventory)) == [
        "cannot-inject",
        "environment-not-allowed",
        "no-undo",
        "too-long",
    ]


# times


def times(folder: Path, rest: str, *faults: str) -> plans.Times:
    listed = "".join(f"  - {fault}\n" for fault in faults)
    text = (
        f"drill: x\nsafety: {{max_targets: 9, max_duration: 10m}}\nprobes: {{p: {{tcp: b}}}}\nfaults:\n{listed}{rest}"
    )
    return make(folder, text, INVENTORY + "  b: {tcp: {host: a, port: 1}}\n").times


def test_a_drill_of_nothing_takes_no_time(tmp_path: Path) -> None:
    found = times(tmp_path, "", "{break: a}")

    assert (found.steady_s, found.faults_s, found.recovery_s, found.most_s) == (0, 0, 0, 0)


def test_faults_last_until_the_last_of_them_is_over(tmp_path: Path) -> None:
    assert times(tmp_path, "", "{id: a, break: a, at: 5s, for: 10s}", "{id: b, break: a, at: 12s}").faults_s == 15
    assert times(tmp_path, "", "{id: a, break: a, at: 5s, for: 10s}", "{id: b, break: a, at: 16s}").faults_s == 16


def test_a_check_after_a_fault_is_waited_for(tmp_path: Path) -> None:
    """A failover within 5 s that must hold 2 s takes 8 s, with a second to see it in; and a look may hang for one more."""
    found = times(tmp_path, "checks: [{failover: {probe: p, after: a, within: 5s}}]\n", "{id: a, break: a, at: 4s}")

    assert found.faults_s == 4 + 8 + 1


def test_a_check_after_the_healing_is_waited_for_then(tmp_path: Path) -> None:
    found = times(tmp_path, "checks: [{recovered: {probe: p, within: 10s, hold: 3s}}]\n", "{id: a, break: a, for: 2s}")

    assert found.faults_s == 2 + 1
    assert found.recovery_s == 13 + 1 + 1


def test_the_steady_state_is_waited_for_twice(tmp_path: Path) -> None:
    found = times(
        tmp_path, "steady: {probe: p, success: '>= 99%', hold: 4s}\nsteady_within: 20s\n", "{id: a, break: a, for: 2s}"
    )

    assert (found.steady_s, found.recovery_s) == (4, 4)
    assert found.about_s == 4 + 2 + 4
    assert found.most_s == 20 + 2 + 20


def test_a_fault_that_follows_another_starts_with_it_at_the_earliest_and_at_its_deadline_at_the_latest(
    tmp_path: Path,
) -> None:
    found = times(tmp_path, "", "{id: b, break: a, for: 3s, when: {fault: a, verified_for: 5s, deadline: 30s}}",
                  "{id: a, break: a, at: 10s}")  # fmt: skip

    assert found.earliest == {"a": 10, "b": 15}
    assert found.faults_s == 15 + 3
    assert found.most_s == 30 + 3


def test_faults_that_follow_each_other_add_up(tmp_path: Path) -> None:
    found = times(tmp_path, "", "{id: c, break: a, when: {fault: b, verified_for: 2s}}",
                  "{id: b, break: a, when: {fault: a, verified_for: 5s}}", "{id: a, break: a, at: 10s}")  # fmt: skip

    assert found.earliest == {"a": 10, "b": 15, "c": 17}


def test_a_fault_that_waits_for_a_probe_starts_when_that_can_have_been_so(tmp_path: Path) -> None:
    found = times(tmp_path, "", "{id: a, break: a, for: 1s, when: {probe: p, bad_for: 5s, deadline: 40s}}")

    assert found.earliest == {"a": 5}
    assert found.faults_s == 6
    assert found.most_s == 41


def test_a_fault_that_waits_for_an_event_may_start_at_once(tmp_path: Path) -> None:
    assert times(tmp_path, "", "{id: a, break: a, when: {event: injection.gone}}").earliest == {"a": 0}


def test_faults_at_worst_take_no_longer_than_they_may(tmp_path: Path) -> None:
    assert times(tmp_path, "", "{id: a, break: a, when: {event: injection.gone, deadline: 60m}}").most_s == 600


def test_faults_that_last_exactly_as_long_as_they_may_are_allowed(tmp_path: Path) -> None:
    drill = DRILL.replace("max_targets: 9", "max_duration: 30s")

    assert make(tmp_path, drill.replace("break: a", "break: a, at: 10s, for: 20s")).times.faults_s == 30
    assert slugs(tmp_path, drill.replace("break: a", "break: a, at: 10s, for: 20001ms")) == ["too-long"]


def test_a_limit_that_is_set_changes_how_long_a_drill_takes(tmp_path: Path) -> None:
    drill = DRILL + "probes: {p: {tcp: a}}\nchecks: [{failover: {probe: p, after: first, within: 5s}}]\n"
    inventory = "environment: lab\ntargets:\n  a: {thing: {}, tcp: {host: a, port: 1}}\n"

    assert make(tmp_path, drill, inventory).times.faults_s == 8 + 1
    assert slugs(tmp_path, drill, inventory, limits=("failover.within=11m",)) == ["too-long"]


def test_a_fault_whose_deadline_is_over_too_soon_is_refused(tmp_path: Path) -> None:
    """A deadline counts from the steady state; one that is forgotten would skip the fault in each and every run."""
    follows = DRILL.replace("break: a", "break: a, at: 61s") + "  - {id: second, break: a, when: {fault: first%s}}\n"

    assert slugs(tmp_path, follows % "") == ["never-in-time"]
    assert slugs(tmp_path, follows % ", verified_for: 1s, deadline: 61s") == ["never-in-time"]
    assert len(make(tmp_path, follows % ", verified_for: 1s, deadline: 62s").faults) == 2


# a lab that does not run yet

LAB = "lab: x\nports: [a]\nprocesses: {server: {run: [sleep, '600']}}\n"


def in_lab(folder: Path, **settings: str) -> Plan:
    return make(folder, DRILL + "lab: lab.yaml\n", thing(**settings), lab=LAB)


@pytest.mark.parametrize(
    ("settings", "slug"),
    [
        ({"fails": '"nobody on ${port.a}"'}, "cannot-inject"),
        ({"touches": "[]", "undo": '"kept in ${dir}"'}, "no-target"),
    ],
)
def test_what_the_lab_will_bring_is_missed_only_once_it_runs(
    tmp_path: Path, settings: dict[str, str], slug: str
) -> None:
    plan = in_lab(tmp_path, **settings)

    assert plan.faults[0].in_lab
    assert [one.what for one in plan.touches] == ["a, once the lab runs"]
    assert plan.faults[0].preview.undo
    with pytest.raises(DrillError) as error:
        asyncio.run(plans.look_again(plan))
    assert [one.slug for one in error.value.problems] == [slug]


def test_once_the_lab_runs_its_targets_are_looked_at_anew(tmp_path: Path) -> None:
    plan = in_lab(tmp_path, touches='["${port.a}"]')
    again = asyncio.run(plans.look_again(plan))

    assert not again.faults[0].in_lab
    assert plan.loaded.lab is not None
    assert [one.what for one in again.touches] == [f"thing {plan.loaded.lab.ports['a']}"]
    assert again.times == plan.times


def test_more_targets_than_allowed_are_refused_also_when_the_lab_brings_them(tmp_path: Path) -> None:
    inventory = "environment: lab\ntargets:\n  a: {thing: {touches: [one, two, '${port.a}']}}\n"
    with pytest.raises(DrillError, match="too-many-targets"):
        make(tmp_path, DRILL.replace("9", "2") + "lab: lab.yaml\n", inventory, lab=LAB)


# what is kept and printed


SECRET = {"PASSWORD": "hunter2-and-more"}


def test_a_plan_keeps_and_prints_no_secret(tmp_path: Path) -> None:
    inventory = thing(touches='["--pw ${env.PASSWORD}"]', undo='"start --pw ${env.PASSWORD}"')
    plan = make(tmp_path, inventory=inventory, environment=SECRET)

    assert plan.faults[0].parts[0].address.undo == "start --pw hunter2-and-more", "whoever heals needs it"
    for text in (json.dumps(plans.to_data(plan)), show(plan), repr(plan.touches)):
        assert "hunter2" not in text
    assert "start --pw ${env.PASSWORD}" in show(plan)


def test_things_are_still_told_apart_when_their_names_are_secret(tmp_path: Path) -> None:
    """Two runs must not touch one thing at once, and must be able to touch two."""
    inventory = thing(touches='["${env.PASSWORD}"]')
    keys = [make(tmp_path, inventory=inventory, environment={"PASSWORD": word}).touches[0].key
            for word in ("first-word", "first-word", "second-word")]  # fmt: skip

    assert keys[0] == keys[1] != keys[2]


def test_an_engines_refusal_holds_no_secret(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, inventory=thing(fails='"no ${env.PASSWORD} here"'), environment=SECRET)

    assert "no ${env.PASSWORD} here" in problem.what


def test_the_plan_as_json_says_all_that_the_run_will_do(tmp_path: Path) -> None:
    data = json.loads(json.dumps(plans.to_data(make(tmp_path))))

    assert data["drill"] == "broken"
    assert data["faults"] == [{
        "id": "first", "kind": "break", "does": "break 1 (a)", "target": "a", "starts": "at the steady state",
        "lasts": "until the checks are done", "touches": [{"what": "thing one", "key": "thing:one"}],
        "undo": "put together again", "sides": [],
    }]  # fmt: skip
    assert data["safety"] == {"environments": ["lab"], "max_targets": 9, "max_duration_s": 600.0}
    assert set(data["digests"]) == {"drill", "inventory", "rubric"}


WHOLE = """
drill: whole
title: {en: Everything, zh: 全部}
severity: P1
safety: {max_targets: 4, abort_when: {probe: p, success: "< 20%"}}
probes: {p: {tcp: b}}
steady: {probe: p, success: ">= 99%"}
faults:
  - {id: first, break: a, at: 2s, for: 0s}
  - {id: second, break: a, when: {probe: p, bad_for: 3s}, for: 90s}
  - {id: third, break: a, when: {fault: first, verified_for: 1s, deadline: 2m}}
  - {id: fourth, break: a, when: {event: injection.gone}}
  - {id: fifth, break: a, when: {alert: RegionDown, deadline: 30s}}
checks:
  - failover: {probe: p, after: first, within: 5s}
"""


def test_the_plan_in_words_shows_every_default_and_every_guard(tmp_path: Path) -> None:
    heard = 'observers: {metrics: {prometheus: {url: "http://127.0.0.1:1"}}}\n'
    path = write(tmp_path, drill=WHOLE, inventory=INVENTORY + "  b: {tcp: {host: a, port: 1}}\n" + heard)
    said = show(asyncio.run(plans.make(load(path, environment={}))))
    lines = [" ".join(line.split()) for line in said.splitlines()]

    assert lines[0] == "whole lab P1 Everything"
    for expected in (
        "first p: success >= 99%, hold 5s, at least 20",
        "within 1m, or the drill is not begun; and once more when all is healed",
        "fault first: break 1 (a), hard no",
        "starts 2 s after the steady state, for 0 s",
        "starts when p is bad for 3 s, within 1 min of the steady state, for 1 min 30 s",
        "starts when first is in effect for 1 s, within 2 min of the steady state, until the checks are done",
        "starts when injection.gone is seen, within 1 min of the steady state, until the checks are done",
        "starts when alert RegionDown is firing, within 30 s of the steady state, until the checks are done",
        "touches thing one",
        "undone put together again",
        "looks p: tcp b, every 100ms, bad without an answer for 1s",
        "judged failover: probe p, after first, within 5s, hold 2s",
        "in every drill: steady before and after, each fault in effect, clean",
        "touches 1 of at most 4: thing one",
        "guarded may run in lab; this is lab",
        "aborted when p succeeds < 20% over 10s",
        "measured by p: 99% over 30 d, the success limit of its steady state",
    ):
        assert expected in lines, said
    assert any(line.startswith("ends by itself after 10m of faults; Ctrl-C") for line in lines)
    assert lines[-1] == f"Nothing was done. To do it: drills run {path}"


def test_a_plan_steers_no_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, drill=DRILL + 'title: "\\e[31mred"\n', inventory=thing(touches='["\\e]0;x\\a"]'))
    said = show(asyncio.run(plans.make(load(path, environment={}))))

    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_drill_without_a_fault_or_a_steady_state_says_so(tmp_path: Path) -> None:
    said = show(make(tmp_path, "drill: nothing\n"))

    assert "no steady state is asked for" in said
    assert "0 of at most 1: nothing" in said
