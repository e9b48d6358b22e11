"""How long the command line takes from nothing to its answer, beside the Chaos Toolkit's. Run as a script:

    python -m tests.benchmarks.cold_start [--rounds 20] [--cache FOLDER]

Whole processes are measured, wall and CPU time, all commands in turn in each round, so that a slow moment of the machine
meets all of them alike. Bytecode caches are warm, as a user has them after the first call; they are kept in the cache
folder, as is the environment with the Chaos Toolkit from PyPI. Without --cache both are made anew and deleted. Where it
cannot be installed, our own times are told alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent.parent
DRILL = ROOT / "examples" / "cache" / "lose-the-primary.yaml"
EXPERIMENT = "title: nothing\ndescription: as small as one can be\nmethod: []\n"
PAIRS = [("drills --version", "chaos --version"), ("drills lint", "chaos validate")]
GOAL = 0.3
"""Of the other's time, at most."""
LIBRARIES = "argparse, dataclasses, pathlib, re, yaml"
"""What a lint cannot do without; the rest of its time is ours."""

Times = dict[str, list[tuple[float, float]]]
"""Of each command, the wall and CPU seconds of each round."""


def main() -> None:
    """Measure, print, done."""
    parser = argparse.ArgumentParser(description="measure how long commands take to start and end")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--cache", type=Path, help="a folder that keeps the other tool and the bytecode")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = (options.cache or Path(folder) / "cache").absolute()
        cache.mkdir(parents=True, exist_ok=True)
        commands = ours() | theirs(cache, Path(folder))
        tell(measure(commands, options.rounds, environment(cache), folder))


def ours() -> dict[str, list[str]]:
    """Our commands, as the command that was installed beside this Python."""
    drills = shutil.which("drills", path=str(Path(sys.executable).parent))
    if drills is None:
        raise SystemExit(f"no `drills` is installed beside {sys.executable}; `python3 tests/run.py` sets one up")
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "libraries of lint": [sys.executable, "-c", f"import {LIBRARIES}"],
        "drills --version": [drills, "--version"],
        "drills --help": [drills, "--help"],
        "drills lint": [drills, "lint", str(DRILL)],
    }


def theirs(cache: Path, folder: Path) -> dict[str, list[str]]:
    """The other tool's commands that do the like, or nothing where it cannot be had."""
    chaos = cache / "chaostoolkit" / "bin" / "chaos"
    if not chaos.exists():
        try:
            install(chaos.parent.parent)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"the Chaos Toolkit cannot be installed here, so there are no ratios: {said(error)}")
            return {}
    (folder / "experiment.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return {"chaos --version": [str(chaos), "--version"], "chaos validate": [str(chaos), "validate", "experiment.yaml"]}


def install(folder: Path) -> None:
    """The Chaos Toolkit, in an environment of its own with this Python."""
    print("installing the Chaos Toolkit …", file=sys.stderr)
    for command in ([sys.executable, "-m", "venv", str(folder)],
                    [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "chaostoolkit"]):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def said(error: Exception) -> str:
    """The last line of what a command said, or what became of it."""
    lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def environment(cache: Path) -> Mapping[str, str]:
    """As a user has it: Python's own settings are left alone, but for where bytecode is kept."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**found, "PYTHONPYCACHEPREFIX": str(cache / "bytecode"), "NO_COLOR": "1"}


def measure(commands: dict[str, list[str]], rounds: int, environment: Mapping[str, str], folder: str) -> Times:
    """All commands in turn, again and again; the first round warms the caches and does not count."""
    times: Times = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            found = once(command, environment, folder)
            if number:
                times[name].append(found)
    return times


def once(command: list[str], environment: Mapping[str, str], folder: str) -> tuple[float, float]:
    """The wall and CPU seconds of one process, from starting it until it is gone. It must succeed."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`{' '.join(command)}` ended with {process.returncode}")
    return wall, used.ru_utime + used.ru_stime


def tell(times: Times) -> None:
    """A line a command, then a line a pair."""
    print(f"{'':<20}{'wall ms':>9}{'best':>9}{'CPU ms':>9}{'best':>9}")
    for name, found in times.items():
        walls, cpus = ([one[kind] * 1e3 for one in found] for kind in (0, 1))
        print(f"{name:<20}{median(walls):9.1f}{min(walls):9.1f}{median(cpus):9.1f}{min(cpus):9.1f}")
    for one, other in PAIRS:
        if other in times:
            wall, cpu = (ratio(times, one, other, kind) for kind in (0, 1))
            print(f"{one} / {other}: wall {wall:.2f}, CPU {cpu:.2f}; the goal is {GOAL:g} at most")


def ratio(times: Times, one: str, other: str, kind: int) -> float:
    """Of the medians of all rounds."""
    return median(time[kind] for time in times[one]) / median(time[kind] for time in times[other])


if __name__ == "__main__":
    main()
