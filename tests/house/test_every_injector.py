"""Every injector is in the catalog, in the conformance suite, in the table of faults, in a drill, and in the schema."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.house.pages import ROOT, code, table


@dataclass(frozen=True)
class Found:
    """A class that is an injector, by its source."""

    cls: str
    kind: str
    file: str


def lacking(root: Path) -> list[str]:
    """What the injectors of a checkout still need; read from its files alone, so that any copy can be asked."""
    rows = {code(row[0]) for row in table(root / "README.md", "### Faults")}
    catalogued, tried = _catalogued(root), _tried(root)
    schema = json.loads((root / "examples" / "drill.schema.json").read_text(encoding="utf-8"))
    drills = "\n".join(
        path.read_text(encoding="utf-8")
        for pattern in ("examples/**/*.yaml", "tests/end_to_end/*.py", "tests/injectors/*.py")
        for path in sorted(root.glob(pattern))
    )
    found: list[str] = []
    for one in _injectors(root):
        if one.cls not in catalogued:
            found.append(f"{one.kind}: {one.cls} of {one.file} is not in injectors/catalog.py")
        if (one.file, one.cls) not in tried:
            found.append(f"{one.kind}: no test in tests/injectors runs {one.cls} through the conformance suite")
        if one.kind not in rows:
            found.append(f"{one.kind}: README.md has no row for it in its table of faults")
        if not re.search(rf"(?:^|[{{,-])\s*{one.kind}:\s*[\w{{\"'$]", drills, re.MULTILINE):
            found.append(f"{one.kind}: no example and no drill of the tests uses it")
        if one.kind not in schema["$defs"]["fault"]["properties"]:
            found.append(f"{one.kind}: editors do not know it; drills schema > examples/drill.schema.json")
    return found


def test_every_injector_is_listed_tried_explained_and_used() -> None:
    missing = lacking(ROOT)

    assert not missing, "\n".join(missing)


def test_the_search_finds_the_injectors_of_the_catalog() -> None:
    """Else it would find nothing lacking, and prove nothing."""
    from injectors.catalog import INJECTORS

    assert {cls.name for cls in INJECTORS} - {one.kind for one in _injectors(ROOT)} == set()


def _injectors(root: Path) -> list[Found]:
    """Every class that can inject and has a name; those of the catalog whatever they look like."""
    catalogued = _catalogued(root)
    found: list[Found] = []
    for path in sorted((root / "injectors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and (kind := _name_of(node)):
                can_inject = any(getattr(part, "name", "") == "inject" for part in node.body)
                if node.name in catalogued or can_inject:
                    found.append(Found(node.name, kind, str(path.relative_to(root))))
    return found


def _name_of(cls: ast.ClassDef) -> str:
    """The key it is written under: the constant that its `name` is."""
    for part in cls.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.target.id == "name":
            return str(part.value.value) if isinstance(part.value, ast.Constant) else ""
    return ""


def _catalogued(root: Path) -> set[str]:
    tree = ast.parse((root / "injectors" / "catalog.py").read_text(encoding="utf-8"))
    assigned = {ast.unparse(node.target): node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)}
    listed = assigned["INJECTORS"]
    assert listed, "injectors/catalog.py lists no INJECTORS"
    return {node.id for node in ast.walk(listed) if isinstance(node, ast.Name)}


def _tried(root: Path) -> set[tuple[str, str]]:
    """Classes, by file and name, that are used in a class which inherits, however far up, from the conformance suite."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((root / "tests/injectors").glob("*.py"))]
    classes = [(tree, node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    suites = {"Conformance"}
    for _ in classes:
        suites |= {cls.name for _, cls in classes if any(getattr(base, "id", "") in suites for base in cls.bases)}
    found: set[tuple[str, str]] = set()
    for tree, cls in classes:
        if cls.name in suites:
            used = {node.id for node in ast.walk(cls) if isinstance(node, ast.Name)}
            found |= {(file, name) for file, name in _imported(tree) if name in used}
    return found


def _imported(tree: ast.Module) -> set[tuple[str, str]]:
    """What a file takes from which file of ours."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {(f"{str(one.module).replace('.', '/')}.py", alias.name) for one in imports for alias in one.names}
