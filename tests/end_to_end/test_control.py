"""The negative control: all is done but inject, and what comes all the same is reported as not discriminating."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills import journal
from drills.stage import outstanding
from injectors import host
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, Ground, ground, wait_until
from tests.end_to_end.test_killed_anywhere import LAB_DRILL, write_lab
from tests.end_to_end.watched import Watched, rule

QUIET = """
drill: quiet
safety: {max_targets: 3}
probes:
  greeting: {tcp: a, every: 50ms}
steady:
  - {probe: greeting, success: ">= 99%", hold: 1s}
steady_within: 8s
faults:
  - {id: a-killed, kill: a, for: 2s}
  - {id: b-paused, pause: b, when: {event: injection.gone}, for: 1s}
  - {id: c-restarted, restart: c, when: {probe: greeting, bad_for: 1s, deadline: 4s}}
checks:
  - failover: {probe: greeting, after: a-killed, within: 2s, hold: 500ms}
  - recovered: {probe: greeting, within: 1s, hold: 500ms}
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, QUIET) as one:
        yield one


def has(here: Ground, kind: str) -> bool:
    return any(f'"kind":"{kind}"' in run.journal.read_text(encoding="utf-8") for run in here.all_runs())


def test_nothing_is_touched_and_all_else_is_done(here: Ground) -> None:
    before = {name: here.process(name) for name in "abc"}
    code, said = here.call("run", "drill.yaml", "--control")
    (run,) = here.all_runs()
    events = journal.read(run.journal)

    assert code == 0, said
    assert "CONTROL PASSED  quiet   nothing was injected" in said
    assert {name: here.process(name) for name in "abc"} == before
    assert [event.kind for event in events if event.kind.startswith("injection.")] == []
    withheld = [event.data["fault"] for event in events if event.kind == "fault.withheld"]
    assert withheld == ["a-killed", "b-paused", "c-restarted"], (
        "also one whose condition never comes without the others"
    )
    assert {event.data["fault"] for event in events if event.kind == "fault.elapsed"} == {*withheld}
    assert re.search(r"quiet-[0-9a-f]{4} +control +passed, nothing was injected", here.call("runs")[1])
    assert here.is_closed()


def test_it_is_judged_and_told_as_a_control_ever_after(here: Ground) -> None:
    here.call("run", "drill.yaml", "--control")
    (run,) = here.all_runs()

    for words in (["judge", "last"], ["judge", "last", "--set", "failover.within=1s"], ["report", "last"]):
        assert here.call(*words)[0] == 0
    stored = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    assert (stored["control"], stored["score"]["points"]) == (True, None)
    assert "control passed" in (run.path / "report.html").read_text(encoding="utf-8")
    assert 'name="quiet (control)"' in (run.path / "junit.xml").read_text(encoding="utf-8")


def test_what_breaks_without_the_fault_is_not_discriminating(here: Ground) -> None:
    drill = here.start("run", "drill.yaml", "--control")
    try:
        wait_until(lambda: has(here, "fault.withheld"), "the fault's time has come")
        process = here.process("a")
        assert process
        os.kill(process.pid, signal.SIGKILL)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 1, said
    assert "CONTROL FAILED" in said
    assert re.search(r"FAILED +failover +not discriminating: greeting down for .* without a-killed", said)


def test_ctrl_c_ends_it_as_any_run(here: Ground) -> None:
    drill = here.start("run", "drill.yaml", "--control")
    try:
        wait_until(lambda: has(here, "fault.withheld"), "the fault's time has come")
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert "CONTROL ABORTED" in said
    assert here.is_closed()


def test_killed_in_the_middle_it_leaves_nothing_to_heal_and_its_lab_is_ended(tmp_path: Path) -> None:
    with ground(tmp_path, LAB_DRILL.replace("300ms", "30s")) as here:
        write_lab(here)
        drill = here.start("run", "drill.yaml", "--control")
        try:
            wait_until(lambda: has(here, "fault.withheld"), "the fault's time has come")
            (run,) = here.all_runs()
            listener = host.read_pidfile(str(run.lab / "d.pid"))
            assert listener
        finally:
            drill.kill()
            drill.communicate()
        wait_until(here.is_closed, "the reaper has ended the lab")

        assert host.state(listener) == "gone"
        assert outstanding(journal.read(run.journal)) == []
        assert here.call("judge", "last")[0] == 4


def test_the_cache_keeps_its_primary(tmp_path: Path) -> None:
    """The example's own drill: nobody is killed, nobody takes over, and nobody is paged."""
    desk = Desk(tmp_path)
    drill = desk.start("run", str(ROOT / "examples" / "cache" / "lose-the-primary.yaml"), "--control")
    try:
        wait_until(lambda: desk.has("fault.withheld"), "the fault's time has come", 60)
        primary = host.read_pidfile(str(desk.run().lab / "primary.pid"))
        assert primary
        wait_until(lambda: desk.has("fault.elapsed"), "its time is over", 60)
        state = host.state(primary)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 0, said
    assert state == "running"
    assert re.search(r"passed +failover +orders never failed", said)
    assert desk.left() == []


ALERTS = """
drill: nobody-answers
lab: lab.yaml
probes:
  page: {tcp: web, every: 100ms, timeout: 400ms}
steady:
  - {probe: page, success: ">= 99%", hold: 3s}
faults:
  - {id: hangs, pause: web, for: 8s}
checks:
  - alert: {name: PageDown, after: hangs, within: 8s, reaches: oncall}
  - alerts: {after: hangs, expect: [{name: PageDown, within: 8s}, {name: AnyDay, within: 8s}]}
"""


def test_an_alert_that_fires_on_any_day_is_not_discriminating(tmp_path: Path) -> None:
    """Real Prometheus and Alertmanager: one rule tells of the server, the other of nothing."""
    rules = [rule("PageDown", wait="1s"), rule("AnyDay", expr="vector(1)", wait="5s")]
    Watched(generation="old", rules=rules).write(tmp_path)
    (tmp_path / "drill.yaml").write_text(ALERTS, encoding="utf-8")
    desk = Desk(tmp_path)
    code, said = desk.call("run", "drill.yaml", "--control")
    assert code == 1, said
    verdicts = {one["kind"]: one["verdict"] for one in desk.report()["checks"]}

    assert verdicts["alert"]["because"]["text"] == "PageDown did not come without hangs"
    said = verdicts["alerts"]["because"]["text"]
    assert re.fullmatch("not discriminating: AnyDay (reached oncall|fired) without hangs", said)
    assert verdicts["alerts"]["harm"] == "not_discriminating"
    assert desk.told("injection.acting") == []
    wait_until(lambda: not desk.left(), "nothing is left that has to do with the run")
