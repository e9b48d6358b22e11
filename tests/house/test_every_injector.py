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
    address: str
    """The class that it says its address is; empty when it inherits that."""


def lacking(root: Path) -> list[str]:
    """What the injectors of a checkout still need; read from its files alone, so that any copy can be asked."""
    rows = {code(row[0]) for row in table(root / "README.md", "### Faults")}
    listed, tried = _listed(root, "INJECTORS"), _tried(root)
    addresses = {cls for _, cls in _listed(root, "ADDRESSES")}
    schema = json.loads((root / "examples" / "drill.schema.json").read_text(encoding="utf-8"))
    drills = "\n".join(
        path.read_text(encoding="utf-8")
        for pattern in ("examples/**/*.yaml", "tests/end_to_end/*.py", "tests/injectors/*.py")
        for path in sorted(root.glob(pattern))
    )
    found: list[str] = []
    for one in _injectors(root):
        if (one.file, one.cls) not in listed:
            found.append(f"{one.kind}: {one.cls} of {one.file} is not in injectors/catalog.py")
        if one.address and one.address not in addresses:
            found.append(f"{one.kind}: its address {one.address} is not in injectors/catalog.py")
        if (one.file, one.cls) not in tried:
            found.append(f"{one.kind}: no test in tests/injectors runs {one.cls} through the conformance suite")
        if one.kind not in rows:
            found.append(f"{one.kind}: README.md has no row for it in its table of faults")
        if not re.search(rf"(?:^|[{{,\"-])\s*{one.kind}:\s*[\w{{\"'$]", drills, re.MULTILINE):
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

    assert INJECTORS.keys() - {one.kind for one in _injectors(ROOT)} == set()


def _injectors(root: Path) -> list[Found]:
    """Every class that can inject and has a name; those of the catalog whatever they look like."""
    listed = _listed(root, "INJECTORS")
    found: list[Found] = []
    for path in sorted((root / "injectors").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and (kind := _value_of(node, "name")):
                can_inject = any(getattr(part, "name", "") == "inject" for part in node.body)
                file = str(path.relative_to(root))
                if (file, node.name) in listed or can_inject:
                    found.append(Found(node.name, kind, file, _value_of(node, "address")))
    return found


def _value_of(cls: ast.ClassDef, field: str) -> str:
    """The text, or the name of the class, that a field of a class is given at once; empty when it is given none."""
    for part in cls.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.target.id == field:
            return getattr(part.value, "value", "") or getattr(part.value, "id", "")
    return ""


def _listed(root: Path, name: str) -> set[tuple[str, str]]:
    """The classes of a list of the catalog, each with its file."""
    tree = ast.parse((root / "injectors" / "catalog.py").read_text(encoding="utf-8"))
    assigned = {ast.unparse(node.target): node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)}
    listed: dict[str, str] = ast.literal_eval(assigned[name] or "{}")
    assert listed, f"injectors/catalog.py lists no {name}"
    places = [where.partition(":") for where in listed.values()]
    return {(f"{module.replace('.', '/')}.py", cls) for module, _, cls in places}


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
