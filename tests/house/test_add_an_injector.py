"""The page on adding an injector, followed to the letter in a copy of the house, and what the house says on the way."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.pages import ROOT, Block, blocks
from tests.house.test_every_injector import lacking

PAGE = ROOT / "injectors" / "README.md"
COPIED = ("drills", "injectors", "checks", "reports", "tests", "examples", "README.md", "pyproject.toml")


def shown(language: str, file: str) -> Block:
    """What the page wants to be written into this file."""
    (found,) = [block for block in blocks(PAGE, language) if block.file == file]
    return found


def write(house: Path, language: str, file: str) -> None:
    """Write a new file as the page has it."""
    path = house / file
    assert not path.exists(), f"{file} is there already"
    path.parent.mkdir(exist_ok=True)
    path.write_text(shown(language, file).text, encoding="utf-8")


def add_row(house: Path, file: str, below: str) -> None:
    """Put the page's row at the end of the table that has this row."""
    path = house / file
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    last = next(number for number, line in enumerate(lines) if below in line)
    while lines[last].startswith("|"):
        last += 1
    path.write_text("".join([*lines[:last], shown("markdown", file).text, *lines[last:]]), encoding="utf-8")


def catalogue(house: Path) -> None:
    """Step 2: a line at the end of each list."""
    path = house / "injectors" / "catalog.py"
    lines = shown("text", "injectors/catalog.py").text.splitlines(keepends=True)
    for name, line in zip(("INJECTORS", "ADDRESSES"), lines, strict=True):
        text = path.read_text(encoding="utf-8")
        end = text.index("}\n", text.index(f"{name}: "))
        path.write_text(f"{text[:end]}{line}{text[end:]}", encoding="utf-8")


def call(house: Path, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A module of Python, with the copy's packages before ours."""
    environment = {**os.environ, "PYTHONPATH": str(house), "CHAOS_DRILLS_STATE": str(house / "state"),
                   "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}  # fmt: skip
    environment.pop("CHAOS_DRILLS_RUNS", None)
    return subprocess.run([sys.executable, "-m", *words], cwd=folder or house, env=environment, capture_output=True,
                          text=True, timeout=120, check=False)  # fmt: skip


def pytest_of(house: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return call(house, "pytest", "-q", "-p", "no:cacheprovider", *words)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Path]:
    """A copy of this checkout."""
    copy = tmp_path / "house"
    copy.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
        else:
            shutil.copyfile(source, copy / name)
    yield copy
    shutil.rmtree(copy)


def test_a_newcomer_follows_the_page_and_the_house_says_what_is_missing(house: Path, tmp_path: Path) -> None:
    assert lacking(house) == []

    write(house, "python", "injectors/litter.py")
    missing = lacking(house)
    assert missing == [
        "litter: Litter of injectors/litter.py is not in injectors/catalog.py",
        "litter: its address LitterAddress is not in injectors/catalog.py",
        "litter: no test in tests/injectors runs Litter through the conformance suite",
        "litter: README.md has no row for it in its table of faults",
        "litter: no example and no drill of the tests uses it",
        "litter: editors do not know it; drills schema > examples/drill.schema.json",
    ]
    said = pytest_of(house, "tests/house/test_every_injector.py")
    assert said.returncode == 1
    assert all(one in said.stdout for one in missing), said.stdout

    catalogue(house)
    assert lacking(house) == missing[2:]
    write(house, "python", "tests/injectors/test_litter.py")
    assert lacking(house) == missing[3:]
    add_row(house, "README.md", "| `kill` |")
    assert lacking(house) == missing[4:]
    write(house, "yaml", "examples/litter/drop-litter.yaml")
    write(house, "yaml", "examples/litter/inventory.yaml")
    assert lacking(house) == missing[5:]
    add_row(house, "examples/README.md", "(cache/lose-the-primary.yaml)")
    _refresh_schema(house)
    assert lacking(house) == []

    _check_house(house)
    _check_drill(house, tmp_path)


def _refresh_schema(house: Path) -> None:
    """As the page's command does, by the name that the command has without being installed."""
    (command,) = [block.text.split() for block in blocks(PAGE, "sh")]
    assert (command[0], command[2]) == ("drills", ">")
    (house / command[3]).write_text(call(house, *command[:2]).stdout, encoding="utf-8")


def _check_house(house: Path) -> None:
    """The conformance suite passes, and so do the tests of the pages, the examples, the schema and the style."""
    suite = pytest_of(house, "tests/injectors/test_litter.py", "-rA")
    assert suite.returncode == 0, suite.stdout
    assert "test_heals_from_disk_in_another_process" in suite.stdout
    assert suite.stdout.count("\nPASSED") > 20

    others = pytest_of(
        house,
        "tests/house/test_every_injector.py",
        "tests/house/test_catalogs.py",
        "tests/house/test_examples.py::test_it_has_no_mistakes_and_can_be_planned[litter/drop-litter.yaml]",
        "tests/house/test_examples.py::test_its_page_says_what_it_shows_and_how_it_ends[litter/drop-litter.yaml]",
        "tests/house/test_pages.py::test_the_tables_list_every_kind_and_no_other",
        "tests/house/test_pages.py::test_each_kind_is_written_as_its_row_says",
        "tests/drills/test_schemas.py::test_the_schema_beside_the_examples_is_current",
    )
    assert others.returncode == 0, others.stdout
    assert re.search(r"^\d+ passed in ", others.stdout, re.MULTILINE), others.stdout

    for tool in (("check",), ("format", "--check")):
        style = call(
            house, "ruff", *tool, "injectors/litter.py", "injectors/catalog.py", "tests/injectors/test_litter.py"
        )
        assert style.returncode == 0, style.stdout


def _check_drill(house: Path, folder: Path) -> None:
    """The example is found good, and run: the file is dropped, and gone afterwards."""
    here = folder / "yard"
    here.mkdir()
    drill = str(house / "examples" / "litter" / "drop-litter.yaml")
    lint = call(house, "drills", "lint", drill, folder=here)
    assert lint.returncode == 0, lint.stdout

    run = call(house, "drills", "run", drill, folder=here)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "in effect: the file is there" in run.stderr
    assert re.search(r"passed +recovered", run.stdout)
    assert [path.name for path in here.iterdir()] == ["runs"]


def test_the_page_is_followed_whole() -> None:
    """Every file that it shows is one that the test above writes or changes."""
    steps = [block.file for block in blocks(PAGE, "python", "text", "yaml", "markdown", "toml")]

    assert steps == [
        "injectors/litter.py",
        "injectors/catalog.py",
        "tests/injectors/test_litter.py",
        "README.md",
        "examples/litter/drop-litter.yaml",
        "examples/litter/inventory.yaml",
        "examples/README.md",
        "pyproject.toml",
    ]
