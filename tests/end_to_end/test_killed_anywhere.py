"""The conductor dies by SIGKILL after every single line of its journal, and everything is as it was before.

The goal: there is no instant at which the death of the conductor leaves a process paused, dead, or a lab running.
The method: a run is done once to count its lines, then once more for each line, dying right after it. The reaper
alone, which nobody told anything, puts things right.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drills import journal
from drills.stage import outstanding
from injectors import host
from tests.end_to_end.ground import Ground, ground, wait_until

DRILL = """
drill: three-faults
safety: {max_targets: 3}
probes:
  greeting: {tcp: a, every: 50ms}
faults:
  - {id: a-paused, pause: a, for: 300ms}
  - {id: b-killed, kill: b, at: 100ms, for: 200ms}
  - {id: c-restarted, restart: c, at: 200ms}
"""
LAB_DRILL = """
drill: in-a-lab
lab: lab.yaml
probes:
  greeting: {tcp: d, every: 50ms}
faults:
  - {id: d-killed, kill: d, for: 300ms}
"""


def lines_of(here: Ground) -> int:
    """How many lines a run that nobody disturbs has."""
    code, said = here.call("run", "drill.yaml")
    assert code == 3, said  # nothing is asked of the system, so nothing can pass
    (run,) = here.all_runs()
    return len(journal.read(run.journal))


def die_after(folder: Path, drill: str, line: int) -> None:
    """One run that dies after this line; the ground must be as it was."""
    folder.mkdir()
    with ground(folder, drill) as here:
        if "lab:" in drill:
            write_lab(here)
        code, said = here.call(str(line), "run", "drill.yaml", module="tests.end_to_end.dies_after")
        if line == 0:
            return  # it died before it could be listed, armed or able to touch anything
        if code == 3:  # looks come in batches, and this time there were fewer: the run ended before that line
            (run,) = here.all_runs()
            assert len(journal.read(run.journal)) <= line
        else:
            assert code == -9, said
        if "reaper.launched" not in here.kinds():  # nothing could be touched yet; the next run takes it off the list
            assert {name: here.state(name) for name in "abc"} == dict.fromkeys("abc", "running")
            return
        wait_until(here.is_closed, f"the reaper has cleaned up after a death at line {line}")

        assert {name: here.state(name) for name in "abc"} == dict.fromkeys("abc", "running"), f"died after line {line}"
        (run,) = here.all_runs()
        assert outstanding(journal.read(run.journal)) == []
        wait_until(lambda: host.find(f"drills.reaper.*{run.path}") == [], "the reaper has ended")
        assert all(host.read_pidfile(str(file)) is None for file in run.lab.glob("*.pid"))


def write_lab(here: Ground) -> None:
    """A lab of one server, `d`."""
    listener = Path(__file__).with_name("listener.py")
    (here.folder / "lab.yaml").write_text(
        f'lab: one\nports: [d]\nprocesses:\n  d: {{run: ["${{python}}", {listener}, "${{port.d}}"], '
        'ready: {tcp: "127.0.0.1:${port.d}"}}\n', encoding="utf-8")  # fmt: skip
    inventory = here.folder / "inventory.yaml"
    inventory.write_text(
        inventory.read_text(encoding="utf-8") + '  d: {process: {lab: d}, tcp: {host: 127.0.0.1, port: "${port.d}"}}\n',
        encoding="utf-8",
    )


def die_everywhere(tmp_path: Path, drill: str, lines: int) -> None:
    """Die once after each line, a few at a time."""
    with ThreadPoolExecutor(3) as pool:
        for death in [pool.submit(die_after, tmp_path / str(line), drill, line) for line in range(lines)]:
            death.result()


def test_a_death_after_any_line_leaves_every_process_running(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    with ground(tmp_path / "whole", DRILL) as here:
        lines = lines_of(here)
    assert lines > 30

    die_everywhere(tmp_path, DRILL, lines)


def test_a_death_after_any_line_ends_the_lab(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    with ground(tmp_path / "whole", LAB_DRILL) as here:
        write_lab(here)
        lines = lines_of(here)
    assert lines > 20

    die_everywhere(tmp_path, LAB_DRILL, lines)
