"""Scripted colleagues play in real runs: they say, and really do; what they do ends with the run, however that ends."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drills import journal
from injectors import host
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, Ground, ground, wait_until
from tests.end_to_end.test_killed_anywhere import write_lab
from tests.injectors.processes import a_name

DRILL = """
drill: in-a-lab
lab: lab.yaml
probes: {greeting: {tcp: d, every: 50ms}}
steady: [{probe: greeting, success: ">= 99%", hold: 1s}]
faults: [{id: d-killed, kill: d}]
cast:
"""
LONG, LONGER = a_name(), a_name()
"""Seconds that nobody else on this host sleeps."""
SLEEPS = f'  - {{who: wang, run: [sh, -c, "sleep {LONG} & sleep {LONGER}"]}}\n'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, DRILL, "a") as one:
        write_lab(one)
        yield one


def cast(here: Ground, *entries: str) -> None:
    here.drill.write_text(DRILL + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")


def acts(here: Ground) -> list[dict[str, Any]]:
    (run,) = here.all_runs()
    return [dict(event.data) for event in journal.read(run.journal) if event.kind == "act.recorded"]


def findings(here: Ground) -> str:
    (run,) = here.all_runs()
    return json.dumps(json.loads((run.path / "report.json").read_text(encoding="utf-8"))["findings"])


def asleep() -> list[host.Process]:
    """The processes of the cast's command."""
    return host.find(f"^sleep ({LONG}|{LONGER})$")


@contextmanager
def sleeping(here: Ground) -> "Iterator[subprocess.Popen[str]]":
    """A run under way whose cast runs a command that would last for ten minutes."""
    here.drill.write_text(DRILL + SLEEPS, encoding="utf-8")
    with here.start("run", "drill.yaml") as drill:
        try:
            wait_until(lambda: len(asleep()) == 2, "the command runs")
            yield drill
        finally:
            drill.kill()


# what a command does


def test_a_command_is_run_in_the_labs_folder_and_its_exit_code_is_taken_down(here: Ground) -> None:
    (here.folder / "touch.py").write_text("import sys; open(sys.argv[1], 'w').close()", encoding="utf-8")
    cast(here, '{who: wang, run: {command: ["${python}", touch.py, "made-${port.d}"], change: c1}}',
         '{who: lin, run: [sh, -c, "echo not today; exit 3"], after: wang-run}',
         '{who: mei, run: [ls], after: lin-run}', '{who: max, run: [no-such-program], after: mei-run}')  # fmt: skip
    here.call("run", "drill.yaml")
    made, failed, looked, missing = acts(here)

    assert len(list(here.folder.glob("made-*"))) == 1
    assert (made["exit"], made["mutating"], made["change_id"], made["scripted"]) == (0, True, "c1", True)
    assert (failed["exit"], failed["text"], failed["cmd"]) == (3, "not today", "sh -c 'echo not today; exit 3'")
    assert (looked["exit"], looked["mutating"]) == (0, False)
    assert missing["exit"] == 127
    assert "what lin, max, mei, wang did was scripted" in findings(here)
    assert "the command of lin-run of the cast did not succeed: not today" in findings(here)
    assert "mei-run" not in findings(here)


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(here: Ground) -> None:
    cast(
        here,
        f'{{who: wang, run: {{command: [sh, -c, "sleep {LONG} & sleep {LONGER}"], within: 500ms}}}}',
        "{who: lin, ack: , after: wang-run}",
    )
    _, said = here.call("run", "drill.yaml")
    ended, ack = acts(here)

    assert ("exit" in ended, ended["text"], ack["act"]) == (False, "it was ended before it was done", "page.acked")
    assert "the command of wang-run of the cast did not succeed" in said
    assert asleep() == []


def test_what_a_command_leaves_in_the_background_goes_with_it(here: Ground) -> None:
    cast(here, f'{{who: wang, run: [sh, -c, "sleep {LONG} & true"]}}')
    here.call("run", "drill.yaml")

    assert acts(here)[0]["exit"] == 0
    assert asleep() == []


# how it ends


def test_when_the_run_is_ended_the_cast_stops_at_once(here: Ground) -> None:
    with sleeping(here) as drill:
        drill.send_signal(signal.SIGTERM)
        said, _ = drill.communicate(timeout=60)

    assert drill.returncode == 4, said
    assert asleep() == []
    assert [one["text"] for one in acts(here)] == ["it was ended before it was done"]
    assert here.is_closed()


def test_when_the_conductor_is_killed_the_reaper_ends_the_command(here: Ground) -> None:
    with sleeping(here) as drill:
        drill.kill()
        drill.communicate(timeout=60)

    wait_until(lambda: asleep() == [], "the command has ended")
    wait_until(here.is_closed, "the run is clean")
    assert drill.returncode == -signal.SIGKILL
    assert here.kinds()[-1] == "run.closed"


def test_in_a_control_the_cast_plays_as_well(here: Ground) -> None:
    cast(here, "{who: lin, ack: , after: d-killed}", "{who: lin, note: gone, when: {event: injection.gone}}")
    here.call("run", "drill.yaml", "--control")

    assert [one["act"] for one in acts(here)] == ["page.acked", "note"]


def test_a_command_outside_of_the_lab_is_refused_and_nothing_is_kept(here: Ground) -> None:
    here.drill.write_text(DRILL.replace("tcp: d", "tcp: a") + SLEEPS, encoding="utf-8")
    code, said = here.call("run", "drill.yaml")

    assert code == 2
    assert "the cast would run a command, and `a` is not in the drill's lab" in said
    assert here.all_runs() == []


# the examples


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Where nothing is installed but Python, so that the watcher pages."""
    (tmp_path / "bin").mkdir()
    one = Desk(tmp_path, programs=tmp_path / "bin")
    yield one
    wait_until(lambda: not one.left(), "nothing is left that has to do with the run")


def test_a_followed_sop_passes_with_nobody_there(desk: Desk) -> None:
    code, said = desk.call("run", str(ROOT / "examples" / "cache" / "sop-followed.yaml"))

    assert code == 0, said
    assert re.search(r"passed +sop +100 of 100 over 10 rules, 80 are needed; scripted: lin, mei, vp, wang", said)
    assert re.search(r"passed +data loss +all \d+ acknowledged orders are there", said)
    assert "note     " in said
    assert "what lin, mei, vp, wang did was scripted" in said
    assert not re.search(r"violated +\w", said)


def test_a_broken_sop_fails_by_its_gate_though_orders_are_taken_sooner(desk: Desk) -> None:
    code, said = desk.call("run", str(ROOT / "examples" / "cache" / "sop-broken.yaml"))
    (sop,) = [one for one in desk.report()["checks"] if one["id"] == "sop"]

    assert code == 1, said
    assert re.search(
        r"FAILED +sop +[\d.]+ of 100, 80 are needed; compared-first: promoted by somebody without compared", said
    )
    assert re.search(r"passed +failover", said)
    assert re.search(r"FAILED +data loss +\d+ of \d+ acknowledged orders missing", said)
    assert "a replica took over that nobody had looked at" in json.dumps(sop)
