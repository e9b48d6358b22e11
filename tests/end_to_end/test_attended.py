"""A run with responders waits for their word, and leaves the fault to them until then."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills import journal
from tests.end_to_end.ground import Ground, ground, wait_until

DRILL = """
drill: attended
safety: {max_duration: 6s}
probes: {page: {tcp: a, every: 20ms}}
steady: [{probe: page, success: ">= 99%", hold: 500ms}]
faults: [{id: dies, kill: a}]
checks: [{sop: sop.yaml}]
"""
SOP = """
kind: SOP
id: be-there
trust: {attested: 1, declared: 1}
rules:
  - {id: acknowledge, level: must, do: page.acked, of: fault.injected, within: 4s, zero_at: 5s}
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, DRILL, "a") as found:
        (found.folder / "sop.yaml").write_text(SOP, encoding="utf-8")
        yield found


def at(here: Ground, kind: str) -> float:
    return next(event.t_s for event in journal.read(here.all_runs()[0].journal) if event.kind == kind)


def test_it_ends_when_somebody_says_that_it_is_over(here: Ground) -> None:
    here.drill.write_text(DRILL.replace("6s", "60s"), encoding="utf-8")
    (here.folder / "sop.yaml").write_text(SOP.replace("4s", "40s").replace("5s", "50s"), encoding="utf-8")
    run = here.start("run", "--attended", "drill.yaml")
    wait_until(
        lambda: bool(here.all_runs()) and "injection.verified" in here.all_runs()[0].journal.read_text(),
        "the fault is there",
    )
    code, stands = here.call("status")
    assert code == 0, stands
    assert re.search(r"acknowledge  (pending|at risk) +the page must be acknowledged within [1-4]?\d s", stands), stands
    watching = here.start("status", "--watch")
    assert here.call("ack", "--as", "lin")[0] == 0
    assert "injection.healing" not in here.all_runs()[0].journal.read_text()
    assert here.call("resolve", "--as", "lin")[0] == 0
    said, _ = run.communicate(timeout=60)

    assert run.returncode == 0, said
    seen, _ = watching.communicate(timeout=30)
    assert watching.returncode == 0, seen
    assert re.search(r"acknowledge  satisfied +page.acked by lin", seen), seen
    assert re.search(r"attended .* passed ", seen), "it ends with the run, and how that ended"
    assert "the faults stay until `drills resolve`, 1 min at most" in said
    assert "injection.healing" in here.all_runs()[0].journal.read_text()
    assert at(here, "injection.healing") > at(here, "act.recorded")


def test_nobody_who_does_anything_scores_nothing_and_is_waited_for_only_so_long(here: Ground) -> None:
    code, said = here.call("run", "--attended", "drill.yaml")

    assert code == 1, said
    assert "0 of 100, 80 are needed" in said
    assert 5.1 < at(here, "injection.healing") - at(here, "steady.confirmed") < 9
    assert "run.aborted" not in here.all_runs()[0].journal.read_text()


def test_without_anybody_there_the_run_does_not_wait(here: Ground) -> None:
    code, said = here.call("run", "drill.yaml")

    assert code == 3, said
    assert "unattended run: no responder was there to be judged" in said
