"""The house stands: layers, types, style, and names that can be found."""

import ast
import importlib
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("drills", "injectors", "checks", "reports")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment in the checkout."""
    bin_folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=environment, check=False)


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports",),
        ("mypy",),
        ("pyright",),
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_the_tool_has_nothing_to_say(command: tuple[str, ...]) -> None:
    done = run(*command)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_folder_of_tests_is_a_package() -> None:
    """Otherwise `import drills` in a test finds the folder `tests/drills`."""
    folders = {path.parent for path in TESTS}

    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_module_says_first_what_lives_in_it() -> None:
    silent = [str(path.relative_to(ROOT)) for path in [*SOURCES, *TESTS]
              if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]  # fmt: skip

    assert silent == []


def test_public_things_have_docstrings() -> None:
    assert [place for path in SOURCES for place in _undocumented(path)] == []


def _undocumented(path: Path) -> list[str]:
    """Public classes and functions without a docstring; a method may leave it to the contract that it keeps."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = _told_by_contracts(path.parent)
    lacking = [node for node in _public(tree.body) if not ast.get_docstring(node)]
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef) and not cls.name.startswith("_"):
            known = told.get(cls.name, set()) | _told_elsewhere(cls)
            lacking += [node for node in _public(cls.body) if not ast.get_docstring(node) and node.name not in known]
    return [f"{path.relative_to(ROOT)}:{node.lineno} {node.name}" for node in lacking]


def _public(body: list[ast.stmt]) -> "list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]":
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in body if isinstance(node, kinds) and not node.name.startswith("_")]


@cache
def _told_by_contracts(folder: Path) -> dict[str, set[str]]:
    """By class of this folder: the methods that a base class or a protocol of the same folder explains."""
    classes = {cls.name: cls for path in sorted(folder.glob("*.py"))
               for cls in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(cls, ast.ClassDef)}  # fmt: skip
    documented = {
        name: {one.name for one in _public(cls.body) if ast.get_docstring(one)} for name, cls in classes.items()
    }
    protocols = [name for name, cls in classes.items() if "Protocol" in {ast.unparse(base) for base in cls.bases}]

    def told(name: str) -> set[str]:
        own = {one.name for one in _public(classes[name].body)}
        bases = [base for one in classes[name].bases if (base := ast.unparse(one).partition("[")[0]) in classes]
        kept = [one for one in protocols if own >= {each.name for each in _public(classes[one].body)}]
        return documented[name].union(*(documented[one] for one in kept), *(told(one) for one in bases))

    return {name: told(name) for name in classes}


def _told_elsewhere(cls: ast.ClassDef) -> set[str]:
    """Methods that the contracts of our packages explain, or a base class of the standard library."""
    ours = {"judge", "render", "inject", "heal", "verify", "preview", "residue", "extend", "look", "read_back", "horizon",
            "open"}  # fmt: skip
    outside = [ast.unparse(base).rpartition(".") for base in cls.bases if isinstance(base, ast.Attribute)]
    return ours.union(*(dir(getattr(importlib.import_module(module), name)) for module, _, name in outside))


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "misc"])
def test_no_room_has_a_name_that_says_nothing(word: str) -> None:
    assert [str(path) for path in SOURCES if word in path.stem.split("_")] == []


_THEIR_WORD = ("chaos_mesh", "litmus")
"""Engines that call what they do an experiment: who speaks to them must."""


def test_one_idea_has_one_word() -> None:
    """`drill` is the word; its rivals would make a reader look for a difference."""
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in SOURCES
        for word in ("scenario", "experiment")
        if word in path.read_text(encoding="utf-8").lower() and not path.stem.startswith(_THEIR_WORD)
    ]

    assert found == []


def test_importing_a_contract_drags_no_implementation_in() -> None:
    code = ("import sys, checks, injectors, reports; "
            "print([m for m in sys.modules if m.split('.')[0] in ('yaml','rich','psutil','aiohttp','valkey','asyncio') "
            "or m in ('checks.steady','injectors.process','reports.to_html')])")  # fmt: skip
    done = run(sys.executable, "-c", code)

    assert done.stdout.strip() == "[]", done.stderr
