"""Every example can be run here and now: it has no mistakes, it can be planned, and its page says how it ends."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from drills.load import drills_in
from reports import RunOutcome
from tests.house.pages import ROOT, links, table

EXAMPLES = ROOT / "examples"
PAGE = EXAMPLES / "README.md"
DRILLS = [str(path.relative_to(EXAMPLES)) for path in drills_in(EXAMPLES)]
IN_CLUSTER = [one for one in DRILLS if one.startswith("kubernetes/")]
"""They are planned and run in `tests/end_to_end/test_kubernetes_examples.py`, on a cluster of its own."""


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, from another folder than the examples' own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CHAOS_DRILLS_STATE": str(folder / "state"),
                   "CHAOS_DRILLS_RUNS": str(folder / "runs")}  # fmt: skip
    return subprocess.run([sys.executable, "-m", "drills", *words], cwd=folder, env=environment, capture_output=True,
                          text=True, timeout=60, check=False)  # fmt: skip


def test_there_are_examples() -> None:
    """Else the tests below would pass by saying nothing."""
    assert "cache/lose-the-primary.yaml" in DRILLS


@pytest.mark.parametrize("drill", IN_CLUSTER)
def test_in_a_cluster_it_has_no_mistakes_and_nothing_is_done_until_it_is_said_which_one(
    drill: str, tmp_path: Path
) -> None:
    lint = call(tmp_path, "lint", str(EXAMPLES / drill))
    plan = call(tmp_path, "plan", str(EXAMPLES / drill))

    assert lint.returncode == 0, lint.stdout
    assert plan.returncode == 2, plan.stdout + plan.stderr
    assert "SHOP_CONTEXT" in plan.stdout + plan.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("drill", [one for one in DRILLS if one not in IN_CLUSTER])
def test_it_has_no_mistakes_and_can_be_planned(drill: str, tmp_path: Path) -> None:
    lint = call(tmp_path, "lint", str(EXAMPLES / drill))
    plan = call(tmp_path, "plan", str(EXAMPLES / drill))

    assert lint.returncode == 0, lint.stdout
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert "Nothing was done" in plan.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("drill", DRILLS)
def test_its_page_says_what_it_shows_and_how_it_ends(drill: str) -> None:
    rows = [row for row in table(PAGE, "# Examples") if f"]({drill})" in row[0]]

    assert len(rows) == 1, f"examples/README.md needs one row for {drill}"
    _, shows, ends = rows[0]
    assert shows
    assert set(re.findall(r"`([^`]+)`", ends)) & {outcome.value for outcome in RunOutcome}


def test_the_page_explains_every_program_of_an_example() -> None:
    programs = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.py")}

    assert sorted(programs - set(links(PAGE))) == []


def test_examples_are_as_they_came() -> None:
    """A run leaves nothing among them: whatever its servers write belongs into the run's directory."""
    known = {".py", ".yaml", ".yml", ".json", ".md", ".conf", ".html"}
    files = [path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]

    assert [str(path.relative_to(EXAMPLES)) for path in files if path.suffix not in known] == []
