"""The house stands: layers, types, style, and names that can be found."""

import ast
import os
import subprocess
import sys
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
    lacking: list[str] = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            public = isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ) and not node.name.startswith("_")
            if public and not ast.get_docstring(node) and not _is_inner(tree, node) and not _is_known_method(node):
                lacking.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")

    assert lacking == []


def _is_inner(tree: ast.Module, node: ast.AST) -> bool:
    """True for a function within a function: its owner's docstring speaks for it."""
    return any(
        isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) and node is not outer and node in ast.walk(outer)
        for outer in ast.walk(tree)
    )


def _is_known_method(node: ast.AST) -> bool:
    """True for a method whose contract says what it does."""
    return getattr(node, "name", "") in {"judge", "render", "inject", "heal", "verify", "preview", "residue", "look",
                                         "read_back", "horizon", "open"}  # fmt: skip


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "misc"])
def test_no_room_has_a_name_that_says_nothing(word: str) -> None:
    assert [str(path) for path in SOURCES if word in path.stem] == []


def test_one_idea_has_one_word() -> None:
    """`drill` is the word; its rivals would make a reader look for a difference."""
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in SOURCES
        for word in ("scenario", "experiment")
        if word in path.read_text(encoding="utf-8").lower()
    ]

    assert found == []


def test_importing_a_contract_drags_no_implementation_in() -> None:
    code = ("import sys, checks, injectors, reports; "
            "print([m for m in sys.modules if m.split('.')[0] in ('yaml','rich','psutil','aiohttp','valkey','asyncio') "
            "or m in ('checks.steady','injectors.process','reports.to_html')])")  # fmt: skip
    done = run(sys.executable, "-c", code)

    assert done.stdout.strip() == "[]", done.stderr
