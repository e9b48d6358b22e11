"""The schemas of whole files: they take what `drills` takes, refuse what it refuses, and explain every setting."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from checks.catalog import CHECKS, PROBES
from drills import drill, inventory, lab, registry, sops
from drills.binding import Binding
from drills.errors import DrillError
from drills.load import load
from drills.schemas import FILES, schema
from drills.source import Node, parse
from injectors.catalog import INJECTORS
from reports.rubric import Rubric

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "examples" / "drill.schema.json"
REFRESH = "drills schema > examples/drill.schema.json"
SCHEMAS = {what: Draft202012Validator(json.loads(json.dumps(schema(what)))) for what in FILES}


def documents() -> Iterator[tuple[str, Path]]:
    """Every example, and every rubric and suite of ours, with the kind of file it is."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        first, *_ = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if first.get("kind", "SOP") == "SOP":  # else it is for others to read
            key = next(iter(first))
            yield {"environment": "inventory", "apiVersion": "sop", "kind": "sop"}.get(key, key), path
    for path in sorted((ROOT / "reports" / "rubrics").glob("*.yaml")):
        yield "rubric", path
    for path in sorted((ROOT / "reports" / "suites").rglob("*.yaml")):
        yield "suite", path


def binds(what: str, text: str) -> bool:
    """Whether `drills` itself finds nothing wrong with a file's own form."""
    binding = Binding()
    read: dict[str, Callable[[Node], object]] = {
        "drill": lambda node: drill.bind(node, binding),
        "inventory": lambda node: inventory.bind(node, _addresses(), _lab(), binding),
        "lab": lambda node: lab.bind(node, ROOT, ROOT, binding),
        "rubric": lambda node: binding.bind(Rubric, node, kind="rubric", alone=False),
        "sop": lambda node: sops.bind(node, binding),
    }
    try:
        read[what](parse(text, f"{what}.yaml"))
    except DrillError:
        return False
    return not binding.problems


def _addresses() -> Mapping[str, type]:
    return registry.addresses()


def _lab() -> lab.Lab:
    """A lab with two processes, for inventories that lead into one."""
    file = lab.LabFile(lab="x", processes={"one": lab.LabProcess(run=("true",)), "two": lab.LabProcess(run=("true",))})
    return lab.Lab(file=file, here=ROOT, folder=ROOT, ports={"one": 20001, "two": 20002})


def takes(what: str, text: str) -> bool:
    """Whether an editor finds nothing wrong."""
    return SCHEMAS[what].is_valid(yaml.safe_load(text))


# The file beside the examples


def test_the_schema_beside_the_examples_is_current() -> None:
    current = json.loads(KEPT.read_text(encoding="utf-8")) == schema("drill")

    assert current, f"models have changed since it was written; refresh it: {REFRESH}"


def test_the_command_prints_what_is_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "drills", "schema"], cwd=ROOT, capture_output=True, check=True, timeout=60
    )

    assert done.stdout == KEPT.read_bytes(), f"refresh it: {REFRESH}"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda path: path.name)
def test_an_example_that_names_a_schema_names_the_one_that_is_there(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    mark = "# yaml-language-server: $schema="
    named = path.parent / first.removeprefix(mark) if first.startswith(mark) else None

    assert named is None or named.resolve() == KEPT
    assert (named is None) == ("\ndrill:" not in "\n" + path.read_text(encoding="utf-8"))


# What right files are


@pytest.mark.parametrize("what", FILES)
def test_a_schema_is_valid_itself_and_refers_to_nothing_outside(what: str) -> None:
    Draft202012Validator.check_schema(schema(what))
    names = {node["$ref"] for _, node in nodes(schema(what)) if "$ref" in node}

    assert names <= {f"#/$defs/{name}" for name in schema(what)["$defs"]}


@pytest.mark.parametrize(("what", "path"), list(documents()), ids=lambda one: getattr(one, "stem", one))
def test_every_document_of_ours_passes(what: str, path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert [error.message for error in SCHEMAS[what].iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("path", [path for what, path in documents() if what == "drill"], ids=lambda path: path.stem)
def test_drills_itself_accepts_every_example_with_its_inventory_lab_and_rubric(path: Path) -> None:
    """So that the schema takes what it takes: the examples' other files are all named by a drill."""
    loaded = load(path)

    assert {what for what, one in documents() if one in loaded.paths.values()} == set(loaded.paths)


@pytest.mark.parametrize("kind", [*INJECTORS, *PROBES, *CHECKS])
def test_every_kind_can_be_written_in_a_drill(kind: str) -> None:
    written = [name for _, node in nodes(schema("drill")) for name in node.get("properties", {})]

    assert kind in written


@pytest.mark.parametrize("name", sorted(_addresses()))
def test_every_address_can_be_written_in_an_inventory(name: str) -> None:
    assert name in schema("inventory")["$defs"]["target"]["properties"]


# What is right and what is wrong, by schema and by `drills`

DRILL = """
drill: x
probes: {orders: {valkey: cache, write: numbered}}
faults: [{id: dies, kill: db}]
checks: [{failover: {probe: orders, after: dies, within: 5s}}]
"""
INVENTORY = "environment: lab\ntargets:\n  db: "
LAB = "lab: x\nprocesses: {one: {run: [true]}}\n"
SOP = "kind: SOP\nid: x\nroles: {IC: {}}\nevents: {up: {any_of: [{kind: chat, tag: up}]}}\nrules:\n- "
RUBRIC = "rubric: x\ndimensions: {a: {title: A, weight: 1, checks: {failover: 1}}}\n"

GOOD = [
    ("drill", DRILL),
    ("drill", "drill: 5"),
    ("drill", "{drill: x, title: {en: a, zh: b}, severity: P0}"),
    ("drill", "{drill: x, probes: {}, faults: [], checks: []}"),
    ("drill", "{drill: x, safety: {max_duration: 1m30s, environments: lab}}"),
    ("drill", "{drill: x, probes: {a: {http: shop, every: 50ms}}, steady: {probe: a, success: '>= 99%'}}"),
    ("drill", "{drill: x, faults: [{kill: {target: db, signal: TERM}, at: 0, for: 5s, note: why}]}"),
    ("drill", "{drill: x, faults: [{kill: db, when: {event: steady.confirmed, deadline: 10s}}]}"),
    ("inventory", INVENTORY + "{process: {lab: one}}"),
    ("inventory", INVENTORY + '{tcp: {host: 127.0.0.1, port: "${port.one}"}}'),
    ("inventory", INVENTORY + "{tcp: {host: 127.0.0.1, port: 5432}, process: {pidfile: db.pid}}"),
    ("inventory", INVENTORY + "{}"),
    ("inventory", "environment: lab\ntargets: {}"),
    ("lab", LAB),
    ("lab", LAB + "ports: [a, b]\nready: {tcp: '127.0.0.1:${port.a}', within: 3s}"),
    ("lab", "lab: x\nprocesses: {one: {run: true}, two: {run: [a, 5], after: one, env: {A: 1}}}"),
    ("rubric", RUBRIC),
    ("rubric", RUBRIC + "caps: {data_lost: {at_most: 49, because: x}}\nconfidence: 80%"),
    ("sop", SOP + "{id: a, do: up, of: page.delivered+5m, within: 5m, by: IC}"),
    ("sop", SOP + "{id: a, level: must, order: {first: up, then: cli, same: change_id}, gate: {cap: 59, why: x}}"),
    (
        "sop",
        SOP
        + "{id: a, every: {what: up, period: 15m, from: [page.delivered], require: {next: 'a|b'}}, note: {en: a, b}}",
    ),
    ("sop", SOP + "{id: a, content: up, require: {next: x}, min_trust: observed}"),
    (
        "sop",
        SOP.replace("up: {any_of: [{kind: chat, tag: up}]}", "up: {kind: chat, text_re: x}")
        + "{id: a, never: {what: up}}",
    ),
]

BAD = [
    ("drill", "unknown key", DRILL + "notes: x"),
    ("drill", "no name", "title: x"),
    ("drill", "wrong choice", "{drill: x, severity: P9}"),
    ("drill", "unknown key, one level down", "{drill: x, safety: {max_target: 1}}"),
    ("drill", "no unit", "{drill: x, safety: {max_duration: 90}}"),
    ("drill", "wrong unit", "{drill: x, safety: {max_duration: 2 parsecs}}"),
    ("drill", "probes as a list", "{drill: x, probes: [{http: shop}]}"),
    ("drill", "probe without a kind", "{drill: x, probes: {a: {every: 5s}}}"),
    ("drill", "unknown kind of probe", "{drill: x, probes: {a: {htp: shop}}}"),
    ("drill", "two kinds of probe", "{drill: x, probes: {a: {http: shop, tcp: shop}}}"),
    ("drill", "setting of another kind", "{drill: x, probes: {a: {tcp: shop, path: /health}}}"),
    ("drill", "probe without a target", "{drill: x, probes: {a: {http: }}}"),
    ("drill", "faults as a table", "{drill: x, faults: {kill: db}}"),
    ("drill", "faults empty", "drill: x\nfaults:"),
    ("drill", "fault as a text", "{drill: x, faults: [kill]}"),
    ("drill", "fault without a target", "{drill: x, faults: [{kill: }]}"),
    ("drill", "fault without a target, with settings", "{drill: x, faults: [{kill: {signal: TERM}}]}"),
    ("drill", "two kinds of fault", "{drill: x, faults: [{kill: a, pause: b}]}"),
    ("drill", "no kind of fault", "{drill: x, faults: [{at: 5s}]}"),
    ("drill", "unknown kind of fault", "{drill: x, faults: [{kil: a}]}"),
    ("drill", "a kind's setting beside it", "{drill: x, faults: [{kill: a, signal: TERM}]}"),
    ("drill", "a time without its unit", "{drill: x, faults: [{kill: a, at: 5}]}"),
    ("drill", "a condition misspelt", "{drill: x, faults: [{kill: a, when: {fautl: b}}]}"),
    ("drill", "a check's needed setting missing", DRILL.replace(", within: 5s", "")),
    ("drill", "a check's limit without its unit", DRILL.replace("5s", "5")),
    ("drill", "two kinds of check", DRILL.replace("{failover:", "{data_loss: {probe: orders}, failover:")),
    ("drill", "a limit without its sign", "{drill: x, probes: {a: {tcp: s}}, steady: {probe: a, success: 99%}}"),
    ("drill", "a share without its sign", "{drill: x, probes: {a: {tcp: s}}, steady: {probe: a, success: '>= 99'}}"),
    ("drill", "no table", "[drill]"),
    ("inventory", "no environment", "targets: {}"),
    ("inventory", "no targets", "environment: lab"),
    ("inventory", "a list", "[environment]"),
    ("inventory", "unknown key", "environment: lab\ntargets: {}\ntarget: {}"),
    ("inventory", "target as a text", INVENTORY + "here"),
    ("inventory", "unknown engine", INVENTORY + "{proces: {lab: one}}"),
    ("inventory", "unknown setting of an address", INVENTORY + "{process: {labb: one}}"),
    ("inventory", "needed setting missing", INVENTORY + "{tcp: {host: 127.0.0.1}}"),
    ("inventory", "port that is no number", INVENTORY + "{tcp: {host: 127.0.0.1, port: high}}"),
    ("lab", "no processes", "lab: x"),
    ("lab", "nothing to run", "{lab: x, processes: {one: {after: two}}}"),
    ("lab", "unknown key", LAB + "port: [a]"),
    ("lab", "no unit", LAB + "ready: {tcp: 'a:1', within: 3}"),
    ("rubric", "no dimensions", "rubric: x"),
    ("rubric", "no weight", RUBRIC.replace("weight: 1, ", "")),
    ("rubric", "weight that is no number", RUBRIC.replace("weight: 1", "weight: high")),
    ("rubric", "share without its sign", RUBRIC + "confidence: 0.8"),
    ("rubric", "unknown key", RUBRIC + "cap: {}"),
    ("sop", "another kind of file", SOP.replace("SOP", "POS") + "{id: a, never: {what: up}}"),
    ("sop", "a rule without an id", SOP + "{never: {what: up}}"),
    ("sop", "a rule without a form", SOP + "{id: a, level: must}"),
    ("sop", "a rule of two forms", SOP + "{id: a, never: {what: up}, content: up, require: {a: b}}"),
    ("sop", "a rule with a setting of another", SOP + "{id: a, never: {what: up, same: [a]}}"),
    ("sop", "wrong level", SOP + "{id: a, level: shall, never: {what: up}}"),
    ("sop", "no unit", SOP + "{id: a, do: up, of: page.delivered, within: 5}"),
    ("sop", "a form without what it needs", SOP + "{id: a, hold: {state: s, before: up}}"),
    ("sop", "a pattern without a kind", SOP.replace("kind: chat, ", "") + "{id: a, never: {what: up}}"),
    ("sop", "rules as a table", SOP.removesuffix("- ") + "  {id: a, never: {what: up}}"),
]


@pytest.mark.parametrize(("what", "text"), GOOD)
def test_what_is_right_passes_both(what: str, text: str) -> None:
    assert takes(what, text)
    assert binds(what, text)


@pytest.mark.parametrize(("what", "mistake", "text"), BAD, ids=[f"{what}: {mistake}" for what, mistake, _ in BAD])
def test_what_is_wrong_passes_neither(what: str, mistake: str, text: str) -> None:
    assert not takes(what, text)
    assert not binds(what, text)


# What an editor explains


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table in a schema, with its path."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes(value, f"{path}/{number}")


@pytest.mark.parametrize("what", FILES)
def test_every_setting_is_explained_on_hovering(what: str) -> None:
    silent = [
        f"{path}/{name}"
        for path, node in nodes(schema(what))
        if isinstance(node.get("properties"), dict) and node.get("type") == "object"
        for name, setting in node["properties"].items()
        if not setting.get("description")
    ]

    assert silent == []


def test_a_name_of_a_setting_is_not_taken_for_a_part_of_the_schema() -> None:
    """The test above rests on this: `properties` that are a table of settings stand beside `type: object`."""
    found = [path for path, node in nodes(schema("drill")) if "properties" in node and node.get("type") != "object"]

    assert found == []


@pytest.mark.parametrize("what", FILES)
def test_every_file_has_a_title_and_says_what_it_is(what: str) -> None:
    made = schema(what)

    assert made["title"]
    assert made["description"].endswith(".")
    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# Kinds that are plugged in


def test_kinds_of_installed_plugins_are_in_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = tmp_path / "flag-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: flag\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text("[chaos_drills.injectors]\nflag = tests.fakes:Flag\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    with_flag = Draft202012Validator(schema("drill"))

    assert with_flag.is_valid({"drill": "x", "faults": [{"flag": "db"}]})
    assert not takes("drill", "{drill: x, faults: [{flag: db}]}")
    assert "flag" in schema("inventory")["$defs"]["target"]["properties"]


def test_there_is_no_schema_of_anything_else() -> None:
    with pytest.raises(KeyError):
        schema("report")
