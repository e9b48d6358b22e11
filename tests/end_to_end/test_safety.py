"""No fault is left behind and no guard rail is passed, whatever happens to the run and from wherever it is ended."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills import journal
from drills.reaper import SILENCE_S
from injectors import host
from tests.end_to_end.ground import Ground, ground, wait_until
from tests.signals import send

LONG_PAUSE = """
drill: long-pause
probes:
  greeting: {tcp: a, every: 50ms, timeout: 200ms}
faults:
  - {id: a-paused, pause: a, for: 60s}
"""


@pytest.fixture
def paused(tmp_path: Path) -> Iterator[Ground]:
    """Ground for a drill that would pause `a` for a minute."""
    with ground(tmp_path, LONG_PAUSE) as here:
        yield here


def events(here: Ground) -> list[tuple[str, dict[str, object]]]:
    (run,) = here.all_runs()
    return [(event.kind, dict(event.data)) for event in journal.read(run.journal)]


def test_a_killed_conductor_is_cleaned_up_after_at_once(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        drill.kill()
        took_s = wait_until(lambda: paused.state("a") == "running", "the reaper resumed it")
    finally:
        drill.kill()
        drill.communicate()

    assert took_s < SILENCE_S - 1, f"it took {took_s:.2f} s; its death is heard, and no silence is waited for"
    wait_until(paused.is_closed, "the run is closed")
    assert ("run.aborted", {"by": "reaper", "why": "the conductor died"}) in events(paused)


def test_a_silent_conductor_is_ended_and_cleaned_up_after(paused: Ground) -> None:
    """A conductor that hangs heals nothing; the reaper may not wait for it, nor act beside it."""
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        os.kill(drill.pid, signal.SIGSTOP)
        took_s = wait_until(lambda: paused.state("a") == "running", "the reaper resumed it", SILENCE_S + 10)
        code = drill.wait(10)
    finally:
        drill.kill()
        drill.communicate()

    assert code == -signal.SIGKILL
    assert took_s > SILENCE_S - 3, "a short stall is no silence"  # of which some may have been over before


def test_a_terminal_that_goes_away_takes_nothing_with_it(tmp_path: Path) -> None:
    """Both the conductor and the reaper get what a closing terminal sends; the fault is healed all the same."""
    with ground(tmp_path, LONG_PAUSE) as here:
        drill = here.start("run", "drill.yaml", start_new_session=True)
        try:
            wait_until(lambda: here.state("a") == "stopped", "the pause is there")
            os.killpg(drill.pid, signal.SIGHUP)
            assert drill.stdout
            drill.stdout.close()
            code = drill.wait(20)
        finally:
            drill.kill()

        assert code == 4
        assert here.state("a") == "running"
        assert here.is_closed()


def test_stopping_the_command_is_refused(paused: Ground) -> None:
    """Ctrl-Z would leave the fault in place for as long as nobody types `fg`."""
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        drill.send_signal(signal.SIGTSTP)
        wait_until(lambda: "stop.refused" in paused.kinds(), "the wish was heard")
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=20)
    finally:
        drill.kill()

    assert drill.returncode == 4
    assert "cannot be stopped half-way" in said


def test_hammering_ctrl_c_heals_all_the_same(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        for _ in range(20):
            drill.send_signal(signal.SIGINT)
            time.sleep(0.005)
            if drill.poll() is not None:
                break
        said, _ = drill.communicate(timeout=20)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert paused.state("a") == "running"
    assert paused.kinds().count("run.aborted") == 1


def test_abort_from_another_terminal(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        code, said = paused.call("abort")
        drill.communicate(timeout=20)
    finally:
        drill.kill()

    assert code == 0, said
    assert "nothing of it is left" in said
    assert drill.returncode == 4
    assert paused.state("a") == "running"


def test_heal_leaves_a_run_under_way_alone_and_says_what_to_do(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        code, said = paused.call("heal", "--all")
        assert paused.state("a") == "stopped"
    finally:
        drill.send_signal(signal.SIGINT)
        drill.communicate(timeout=20)

    assert code == 5
    assert "drills abort" in said


def kill_both(here: Ground) -> None:
    """End conductor and reaper at once, so that nobody is left to heal."""
    drill = here.start("run", "drill.yaml")
    wait_until(lambda: here.state("a") == "stopped", "the pause is there")
    (run,) = here.all_runs()
    send(drill.pid, signal.SIGSTOP)  # else it could heal in the moment in which its reaper is gone
    reapers = host.find(f"drills.reaper.*{run.path}")
    assert len(reapers) == 1
    host.send(reapers[0], signal.SIGKILL)
    drill.kill()
    drill.communicate()


def test_when_even_the_reaper_is_killed_heal_puts_it_right(paused: Ground) -> None:
    kill_both(paused)
    assert paused.state("a") == "stopped"
    listed = paused.call("runs")[1]
    code, said = paused.call("heal", "--all")

    assert "NOT HEALED" in listed
    assert code == 0, said
    assert "healed 1" in said
    assert paused.state("a") == "running"
    assert paused.is_closed()


def test_a_new_run_is_refused_on_leftovers_and_heals_them_when_told(paused: Ground) -> None:
    kill_both(paused)
    code, said = paused.call("run", "drill.yaml")
    assert code == 2
    assert "[leftovers]" in said
    assert paused.state("a") == "stopped"

    short = paused.folder / "short.yaml"
    short.write_text(paused.drill.read_text(encoding="utf-8").replace("60s", "100ms"), encoding="utf-8")
    code, said = paused.call("run", "short.yaml", "--heal-first")

    assert code == 3, said
    assert paused.state("a") == "running"


def test_leftovers_that_nobody_remembers_are_found_by_looking(paused: Ground) -> None:
    """Somebody stopped the process by hand, or the run's directory was deleted."""
    process = paused.process("a")
    assert process
    send(process.pid, signal.SIGSTOP)
    code, said = paused.call("run", "drill.yaml")

    assert code in (2, 3), said
    assert "stopped" in said
    assert paused.state("a") == "stopped", "what is not ours is not touched without being told"


def test_a_lost_reaper_ends_the_run(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        (run,) = paused.all_runs()
        (reaper,) = host.find(f"drills.reaper.*{run.path}")
        host.send(reaper, signal.SIGKILL)
        said, _ = drill.communicate(timeout=20)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert "the reaper has died" in said
    assert paused.state("a") == "running"


def test_two_runs_never_touch_one_thing(paused: Ground) -> None:
    drill = paused.start("run", "drill.yaml")
    try:
        wait_until(lambda: paused.state("a") == "stopped", "the pause is there")
        code, said = paused.call("run", "drill.yaml")
    finally:
        drill.send_signal(signal.SIGINT)
        drill.communicate(timeout=20)

    assert code == 2
    assert "[overlap]" in said or "[cannot-inject]" in said


def test_a_guard_rail_aborts_during_the_fault(tmp_path: Path) -> None:
    drill = LONG_PAUSE + "safety: {abort_when: {probe: greeting, success: '< 50%', for: 1s}}\n"
    with ground(tmp_path, drill.replace("pause: a", "kill: a")) as here:
        began = time.monotonic()
        code, said = here.call("run", "drill.yaml")

        assert code == 4, said
        assert "guard rail" in said
        assert time.monotonic() - began < 40  # not a minute
        assert here.state("a") == "running"


def test_a_guard_rail_that_sees_nothing_aborts_too(tmp_path: Path) -> None:
    drill = LONG_PAUSE.replace(
        "{tcp: a, every: 50ms, timeout: 200ms}", "{command: b, run: /nowhere/at/all, every: 50ms}"
    )
    drill += "safety: {abort_when: {probe: greeting, success: '< 50%', for: 1s}}\n"
    with ground(tmp_path, drill) as here:
        inventory = here.folder / "inventory.yaml"
        inventory.write_text(
            inventory.read_text(encoding="utf-8").replace("  b: {", "  b: {command: {}, "), encoding="utf-8"
        )
        code, said = here.call("run", "drill.yaml")

        assert code == 4, said
        assert "saw nothing" in said
        assert here.state("a") == "running"


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ("safety: {environments: [staging]}", "environment-not-allowed"),
        ("safety: {max_duration: 30s}", "too-long"),
        ("safety: {max_targets: 0}", "too-many-targets"),
    ],
)
def test_what_a_guard_rail_forbids_is_refused_before_anything_is_done(paused: Ground, change: str, slug: str) -> None:
    paused.drill.write_text(LONG_PAUSE + change + "\n", encoding="utf-8")
    for command in ("plan", "run"):
        code, said = paused.call(command, "drill.yaml")
        assert code == 2
        assert f"[{slug}]" in said
    assert paused.all_runs() == []


def test_no_target_is_an_error(paused: Ground) -> None:
    process = paused.process("a")
    assert process
    host.end(process)
    code, said = paused.call("plan", "drill.yaml")

    assert code == 2
    assert "[no-target]" in said


def test_a_fault_that_cannot_be_undone_is_refused(paused: Ground) -> None:
    inventory = paused.folder / "inventory.yaml"
    inventory.write_text(
        re.sub(r", start: \[.*?log: [^}]*", "", inventory.read_text(encoding="utf-8")), encoding="utf-8"
    )
    paused.drill.write_text(LONG_PAUSE.replace("pause: a", "kill: a"), encoding="utf-8")
    code, said = paused.call("plan", "drill.yaml")

    assert code == 2
    assert "[no-undo]" in said


def test_faults_overlap_and_follow_one_another(tmp_path: Path) -> None:
    """On a timeline, on a condition of a fault, of a probe and of an event; and one whose condition never comes."""
    drill = """
drill: choreography
safety: {max_targets: 3}
probes:
  greeting: {tcp: a, every: 50ms, timeout: 200ms}
faults:
  - {id: first, pause: a, at: 200ms, for: 2500ms}
  - {id: second, kill: b, when: {fault: first, verified_for: 300ms}, for: 200ms}
  - {id: third, restart: c, when: {event: injection.gone, deadline: 5s}}
  - {id: fourth, pause: c, when: {probe: greeting, bad_for: 1900ms, deadline: 2s}}
"""
    with ground(tmp_path, drill) as here:
        code, said = here.call("run", "drill.yaml")
        (run,) = here.all_runs()
        found = journal.read(run.journal)
        report = json.loads((run.path / "report.json").read_text(encoding="utf-8"))

    def at(kind: str, fault: str) -> float:
        return next(event.t_s for event in found if event.kind == kind and event.data.get("fault") == fault)

    assert code == 3, said
    assert at("injection.verified", "second") - at("injection.verified", "first") >= 0.3
    assert at("injection.verified", "second") < at("injection.healing", "first"), "they overlap"
    assert at("injection.acting", "third") > at("injection.gone", "second")
    assert at("fault.skipped", "fourth") > 2
    assert "fourth" in said
    assert report["outcome"] == "inconclusive"


def test_limits_set_for_a_run_stay_with_it(tmp_path: Path) -> None:
    """Its report can be made anew from the run's directory, so what it was judged by must be in there."""
    drill = """
drill: short
probes:
  greeting: {tcp: b, every: 20ms}
faults:
  - {id: a-paused, pause: a, for: 1s}
checks:
  - unaffected: {probe: greeting, during: a-paused, success: ">= 99%"}
"""
    with ground(tmp_path, drill) as here:
        code, said = here.call("run", "drill.yaml", "--set", "unaffected.success=>= 50%")
        again, _ = here.call("report", "last")
        (run,) = here.all_runs()
        report = json.loads((run.path / "report.json").read_text(encoding="utf-8"))

    assert (code, again) == (0, 0), said
    assert report["changed_limits"] == ["unaffected.success=>= 50%"]


def test_a_drill_with_ten_mistakes_shows_all_ten(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("environment: lab\ntargets:\n  a: {process: {pidfile: a.pid, strat: [x]}}\n",
                                             encoding="utf-8")  # fmt: skip
    (tmp_path / "drill.yaml").write_text(
        """drill: ten
severty: P1
severity: P9
steady_within: 5
probes:
  orders: {valky: cache}
  front: {http: nowhere, path: 7, evry: 5s}
faults:
  - {id: one, kill: {target: a, singal: KILL}}
  - {id: one, pause: a, for: 5 parsecs}
checks:
  - failover: {probe: ordres, after: one, within: 5}
""",
        encoding="utf-8",
    )
    here = Ground(tmp_path, {})
    code, said = here.call("lint", "drill.yaml")
    slugs = re.findall(r"\[([a-z-]+)\]$", said, re.MULTILINE)

    assert code == 2
    assert len(slugs) >= 10, said
    assert re.search(rf"^{len(slugs)} problems in 2 files$", said, re.MULTILINE), said
    assert "did you mean `signal`?" in said
    assert "drill.yaml:12:51: `within` needs a unit" in said
    assert "write 5s, 5ms or 5m" in said


def test_a_disk_that_fills_up_after_any_line_leaves_no_fault(tmp_path: Path) -> None:
    """What cannot be written down is not done, and what was done is undone even where that cannot be written down."""
    for line in range(4, 16):
        folder = tmp_path / str(line)
        folder.mkdir()
        with ground(folder, LONG_PAUSE.replace("60s", "200ms")) as here:
            code, said = here.call(str(line), "run", "drill.yaml", module="tests.end_to_end.full_disk")
            assert code not in (0, 1), said
            assert here.state("a") == "running", f"full after line {line}"
            assert "No space left" in said


def test_of_two_runs_that_begin_at_once_one_is_refused(paused: Ground) -> None:
    """Looking for others and being listed is one step: else both would look before either is there to be seen."""
    for _ in range(3):
        both = [paused.start("run", "drill.yaml") for _ in range(2)]
        try:
            wait_until(lambda: paused.state("a") == "stopped", "one of them paused the target")
            wait_until(lambda both=both: any(one.poll() is not None for one in both), "the other was refused")
        finally:
            for one in both:
                one.send_signal(signal.SIGINT)
            said = [one.communicate(timeout=30)[0] for one in both]

        assert sorted(one.returncode for one in both) == [2, 4], said
        assert paused.state("a") == "running"


def test_a_fault_can_wait_for_the_steady_state_itself(tmp_path: Path) -> None:
    drill = """
drill: at-once
probes:
  greeting: {tcp: a, every: 20ms}
steady:
  - {probe: greeting, success: ">= 90%", hold: 500ms}
faults:
  - {id: a-paused, pause: b, when: {event: steady.confirmed, deadline: 5s}, for: 100ms}
"""
    with ground(tmp_path, drill) as here:
        here.call("run", "drill.yaml")
        kinds = here.kinds()

    assert "injection.verified" in kinds
    assert "fault.skipped" not in kinds


def test_a_secret_of_the_environment_is_not_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-0f-th3-sh0p")
    with ground(tmp_path, LONG_PAUSE.replace("tcp: a", "http: shop").replace("60s", "100ms")) as here:
        inventory = here.folder / "inventory.yaml"
        shop = '  shop: {http: {url: "http://127.0.0.1:1/${env.SHOP_TOKEN}"}}\n'
        inventory.write_text(inventory.read_text(encoding="utf-8") + shop, encoding="utf-8")
        _, said = here.call("run", "drill.yaml")
        (run,) = here.all_runs()
        written = [path for path in run.path.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()]

    assert written == []
    assert "s3cr3t" not in said
