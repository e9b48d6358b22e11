"""The pages tell the truth: what they link to is there, what they show can be run, what they list is all there is."""

import argparse
import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import yaml

from checks.catalog import CHECKS, OBSERVERS, PROBES
from checks.clean import Clean
from checks.evidence import pack
from checks.steady import Steady
from checks.took_effect import TookEffect
from drills import cli, conductor, load, model, rundir
from drills import drill as drills
from drills import journal as journals
from drills.binding import settings_of
from drills.errors import Exit
from drills.events import EventKind, ObservedKind
from drills.registry import Group, kinds
from injectors.catalog import ADDRESSES, BUNDLES, INJECTORS
from injectors.proxy.cli import read
from reports import EXIT_CODES
from tests.house.pages import FOLDERS, PAGES, ROOT, Block, anchors, blocks, code, commands, links, prose, table

README = ROOT / "README.md"
CHECKS_PAGE, REPORTS_PAGE, DRILLS_PAGE = (ROOT / folder / "README.md" for folder in ("checks", "reports", "drills"))
COMPANIONS = {"environment": "inventory.yaml", "lab": "lab.yaml", "rubric": "rubric.yaml"}
"""What a block's first word says it is, and the name a drill knows it by."""


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


each_page = pytest.mark.parametrize("page", PAGES, ids=page_name)


def first_word(block: Block) -> str:
    return re.sub(r"^#.*\n", "", block.text).partition(":")[0]


# --- the two commands


def test_the_first_two_commands_of_the_readme_set_everything_up_by_themselves() -> None:
    first, second = blocks(README, "sh")[:2]

    assert first.text.split() == ["python3", "examples/run.py"]
    assert second.text.split() == ["python3", "tests/run.py"]
    assert all((ROOT / block.text.split()[1]).is_file() for block in (first, second))


@pytest.mark.parametrize("script", ["examples/run.py", "tests/run.py"])
def test_they_need_nothing_but_the_standard_library(script: str) -> None:
    """They run before anything is installed: `-I -S` leaves them nothing else. `prepare` stands still on the way."""
    stop = "import sys, runpy; sys.path.insert(0, {folder!r}); import environment; environment.prepare = sys.exit; "
    program = stop.format(folder=str(ROOT / "examples")) + f"runpy.run_path({script!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=ROOT, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip

    assert done.stderr.strip() in ("examples", "test")


# --- what is linked, shown and named


def test_every_room_has_a_page_and_the_readme_leads_there() -> None:
    assert [folder for folder in FOLDERS if f"{folder}/README.md" not in links(README)] == []


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if link.startswith("https://"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


@each_page
def test_every_command_is_one(page: Path) -> None:
    """Its name, and each of its options."""
    known = subcommands()
    wrong = []
    for text in commands(page):
        name, *rest = text.split()[1:]
        if name.isupper():  # `drills COMMAND --help`
            continue
        if name == "proxy":  # its flags are the server's own
            read(rest)
            continue
        rest = rest[: rest.index("--")] if "--" in rest else rest  # what follows is somebody else's command
        options = known[name]._option_string_actions if name in known else {}
        if name not in known or any(word.startswith("-") and word not in options for word in rest):
            wrong.append(text)

    assert wrong == []


def test_the_readme_shows_every_command() -> None:
    shown = {text.split()[1] for text in commands(README)}

    assert sorted(set(subcommands()) - shown) == []


def subcommands() -> dict[str, argparse.ArgumentParser]:
    (action,) = [one for one in cli._parser()._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(action.choices)


@each_page
def test_python_compiles(page: Path) -> None:
    for block in blocks(page, "python"):
        assert compile(block.text, str(block), "exec")


@each_page
def test_yaml_is_yaml(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block.text), block


# --- drills, and what they need


@dataclass
class Kept:
    """The files that a page shows, written side by side."""

    folder: Path
    known: set[str] = field(default_factory=set)

    def write(self, block: Block) -> None:
        name = COMPANIONS.get(first_word(block))
        if name:
            (self.folder / name).write_text(block.text, encoding="utf-8")
            self.known.add(name)


@each_page
def test_every_drill_of_a_page_has_no_mistakes(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the inventory, lab and rubric that stand above it, or else below it."""
    shown = blocks(page, "yaml")
    kept = Kept(tmp_path)
    for block in reversed(shown):
        kept.write(block)
    for block in shown:
        kept.write(block)
        if first_word(block) == "drill":
            _with_newcomers(monkeypatch, page)
            path = tmp_path / "drill.yaml"
            path.write_text(block.text, encoding="utf-8")
            assert load.load(path).drill.name in block.text


def _with_newcomers(monkeypatch: pytest.MonkeyPatch, page: Path) -> None:
    """The injectors' page shows a drill with the injector that it shows how to add."""
    shown = [block for block in blocks(page, "python") if "async def inject" in block.text]
    if page.parent.name == "injectors":
        assert shown
    for block in shown:
        newcomer = ModuleType("newcomer")
        exec(compile(block.text, str(block), "exec"), vars(newcomer))
        monkeypatch.setitem(sys.modules, "newcomer", newcomer)
        monkeypatch.setattr("injectors.catalog.INJECTORS", {**INJECTORS, "litter": "newcomer:Litter"})
        monkeypatch.setattr("injectors.catalog.ADDRESSES", {**ADDRESSES, "litter": "newcomer:LitterAddress"})


@each_page
def test_every_inventory_lab_and_rubric_of_a_page_has_no_mistakes(page: Path, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    _with_newcomers(monkeypatch, page)
    for block in blocks(page, "yaml"):
        kept = Kept(tmp_path)
        (tmp_path / "inventory.yaml").write_text(
            "environment: lab\ntargets: {a: {tcp: {host: x, port: 1}}}\n", encoding="utf-8"
        )
        kept.write(block)
        lab = "lab: lab.yaml\n" if "${port." in block.text or first_word(block) == "lab" else ""
        rubric = "rubric: rubric.yaml\n" if first_word(block) == "rubric" else ""
        if lab and first_word(block) != "lab":
            kept.write(next(one for one in blocks(page, "yaml") if first_word(one) == "lab"))
        # Engines and probes that the drill does not use may come from anywhere; those of ours are all known.
        (tmp_path / "drill.yaml").write_text(f"drill: page\n{lab}{rubric}", encoding="utf-8")
        assert load.load(tmp_path / "drill.yaml").drill.name == "page"


def test_faults_that_are_shown_alone_have_no_mistakes(tmp_path: Path) -> None:
    shown = [block for page in PAGES for block in blocks(page, "yaml") if first_word(block) == "faults"]
    assert shown
    for block in shown:
        path = tmp_path / "drill.yaml"
        path.write_text(f"drill: page\n{_probes()}{block.text}", encoding="utf-8")
        assert drills.read(path).faults


def test_a_cast_that_is_shown_alone_has_no_mistakes(tmp_path: Path) -> None:
    shown = [block for page in PAGES for block in blocks(page, "yaml") if first_word(block) == "cast"]
    assert shown
    for block in shown:
        path = tmp_path / "drill.yaml"
        faults = "faults: [{id: primary-dies, kill: cache-primary}]\n"
        path.write_text(f"drill: page\n{_probes()}{faults}{block.text}", encoding="utf-8")
        assert drills.read(path).cast


def test_the_first_drill_ends_as_the_readme_says(tmp_path: Path) -> None:
    """Written down and run, and run with the check that it is asked for next; both at once, each in a folder of its own."""
    files = [block for block in blocks(README, "yaml") if ".yaml`" in block.before]
    (drill,) = [block for block in files if first_word(block) == "drill"]
    (more,) = [block.text for block in blocks(README, "yaml") if block.text.lstrip().startswith("- failover")]
    desks = [Desk(tmp_path / name) for name in ("first", "then")]
    for desk in desks:
        for block in files:
            (desk.folder / block.file).write_text(block.text, encoding="utf-8")
    with (desks[1].folder / drill.file).open("a", encoding="utf-8") as file:
        file.write(more)
    assert desks[0].call("lint", ".") == (0, "1 drill, no problems\n")
    assert desks[0].call("plan", drill.file)[0] == 0
    with ThreadPoolExecutor() as pool:
        (passed, first), (failed, then) = pool.map(lambda desk: desk.call("run", drill.file), desks)

    assert passed == 0, first
    assert verdicts_in(first) == verdicts_shown("PASSED  lose-the-page")
    assert failed == 1, then
    assert verdicts_in(then) >= verdicts_shown("  FAILED   failover")
    (run,) = rundir.all_runs(desks[0].folder / "runs")
    _check_directory(run.path)
    _check_journal(run.journal)


class Desk:
    """A folder in which somebody follows the README."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def call(self, *words: str) -> tuple[int, str]:
        """The command line: its exit code, and what it printed."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CHAOS_DRILLS_STATE": f"{self.folder}-state",
            "NO_COLOR": "1",
        }
        environment.pop("CHAOS_DRILLS_RUNS", None)
        done = subprocess.run([sys.executable, "-m", "drills", *words], cwd=self.folder, env=environment,
                              capture_output=True, text=True, timeout=120, check=False)  # fmt: skip
        return done.returncode, done.stdout + (done.stderr if done.returncode > 1 else "")


def verdicts_shown(beginning: str) -> set[tuple[str, str]]:
    """Those of the output that the README shows. What each says depends on the moment, and is not compared."""
    (block,) = [block for block in blocks(README, "") if block.text.startswith(beginning)]
    found = verdicts_in(block.text)
    assert found
    return found


def verdicts_in(output: str) -> set[tuple[str, str]]:
    """Outcome and title of each check."""
    return set(re.findall(r"^  (passed|FAILED|unknown) +(\S.*?)  ", output, re.MULTILINE))


def _check_directory(run: Path) -> None:
    cells = [row[0] for row in table(DRILLS_PAGE, "## A run's directory")]
    named = {name.rstrip("/") for cell in cells for name in re.findall(r"`([^`]+)`", cell)}

    assert {path.name for path in run.iterdir()} <= named
    only_at_times = {
        "journal.torn",
        "abort.json",
        "remarks.json",
        "overruled.jsonl",
        "review.md",
        "sop.yaml",
        "suite.yaml",
    }
    assert named - {path.name for path in run.iterdir()} == only_at_times


def _check_journal(path: Path) -> None:
    """Against the table of kinds, and with the program that the page gives for its chain."""
    listed = listed_events()
    for event in journals.read(path):
        extra = {"injection", "fault", "target"} if event.kind.startswith("injection.") else set()
        assert set(event.data) == listed[event.kind] | extra, event.kind
    (chain,) = [block for block in blocks(DRILLS_PAGE, "python") if "sha256" in block.text]
    exec(compile(chain.text.replace('"journal.jsonl"', repr(str(path))), str(chain), "exec"), {})


# --- what is listed is all there is


def _probes() -> str:
    rows = table(README, "### Probes")
    return "probes:\n" + "".join(f"  {code(row[-1])}\n" for row in rows)


def test_the_tables_list_every_kind_and_no_other() -> None:
    for heading, catalog in (("### Faults", INJECTORS), ("### Probes", PROBES), ("### Checks", CHECKS),
                             ("### Observers", OBSERVERS)):  # fmt: skip
        rows = [code(row[0]) for row in table(README, heading)]
        assert [one for one in rows if one not in BUNDLES] == [*catalog], heading
    assert [one for one in (code(row[0]) for row in table(README, "### Faults")) if one in BUNDLES] == [*BUNDLES]


def test_each_kind_is_written_as_its_row_says(tmp_path: Path) -> None:
    faults = "".join(f"  - {{{code(row[-1])}}}\n" for row in table(README, "### Faults"))
    checks = "".join(f"  - {code(row[-1])}\n" for row in table(README, "### Checks"))
    text = f"drill: page\n{_probes()}faults:\n  - {{id: primary-dies, kill: x}}\n{faults}checks:\n{checks}"
    path = tmp_path / "drill.yaml"
    path.write_text(text, encoding="utf-8")
    drill = drills.read(path)

    assert [fault.kind for fault in drill.faults[1:]] == [code(row[0]) for row in table(README, "### Faults")]
    assert [probe.kind for probe in drill.probes.values()] == [code(row[0]) for row in table(README, "### Probes")]
    assert [check.kind for check in drill.checks] == [code(row[0]) for row in table(README, "### Checks")]


def test_the_probes_that_write_are_marked() -> None:
    marked = {code(row[0]) for row in table(README, "### Probes") if row[2]}

    assert marked == {name for name, probe in kinds("probes").items() if "write" in names_of(probe)}


def test_the_guard_rails_are_listed_with_their_defaults() -> None:
    listed = {code(row[0]): code(row[1]) for row in table(README, "### Guard rails")}
    defaults = settings_of(drills.Safety(), defaults=True)

    assert {name: yaml.safe_load(text) if text else [] for name, text in listed.items()} == defaults


def test_the_checks_page_lists_every_setting() -> None:
    listed = {code(row[0]): names_in(row[1]) for row in table(CHECKS_PAGE, "## The checks")}
    assert listed == {name: names_of(kind) for name, kind in kinds("checks").items()}

    steady = re.search(r"`steady` \(its settings are ([^)]*)\)", prose(CHECKS_PAGE))
    assert steady
    assert names_in(steady[1]) == names_of(Steady)
    assert all(f"`{kind.name}`" in prose(CHECKS_PAGE) for kind in (Steady, TookEffect, Clean))

    rows = {code(row[0]): (names_in(row[1]), names_in(row[2])) for row in table(CHECKS_PAGE, "## The probes")}
    probes: Mapping[str, Any] = kinds("probes")
    assert rows == {name: (names_of(kind, "target"), read_of(kind.address)) for name, kind in probes.items()}


def names_in(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def read_of(address: type) -> list[str]:
    """What a probe reads of an address: its own, or as much of another's as it says."""
    return names_of(address) if is_dataclass(address) else [name for name in address.__annotations__ if name != "name"]


def names_of(kind: type, *without: str) -> list[str]:
    return [one.name for one in model.settings(kind) if one.name not in without]


def test_every_renderer_is_listed_with_its_file() -> None:
    listed = [(code(row[0]), code(row[1])) for row in table(REPORTS_PAGE, "## The files")]

    renderers: Mapping[str, Any] = kinds("renderers")
    assert listed == [(name, kind.file) for name, kind in renderers.items()]


def test_every_rubric_of_ours_is_named() -> None:
    ours = sorted(path.stem for path in (ROOT / "reports" / "rubrics").glob("*.yaml"))

    assert [name for name in ours if f"`{name}`" not in prose(REPORTS_PAGE)] == []


def test_every_harm_that_a_rubric_caps_is_named() -> None:
    capped = {
        harm
        for path in (ROOT / "reports" / "rubrics").glob("*.yaml")
        for harm in yaml.safe_load(path.read_text())["caps"]
    }

    for page in (CHECKS_PAGE, REPORTS_PAGE):
        assert [harm for harm in sorted(capped) if f"`{harm}`" not in prose(page)] == []


def test_exit_codes_are_those_of_the_code() -> None:
    for page in (README, DRILLS_PAGE):
        assert [int(row[0]) for row in table(page, "## Exit codes")] == sorted(Exit), page
    said = {
        int(code_): text for code_, text in re.findall(r"^\| (\d+) \| ([^|]*) \|", README.read_text(), re.MULTILINE)
    }
    for outcome, number in EXIT_CODES.items():
        assert outcome.value in said[number].replace("**", ""), said[number]
    outcomes = {(code(row[0]), int(row[1])) for row in table(REPORTS_PAGE, "## The outcome")}
    assert outcomes == {(outcome.value, number) for outcome, number in EXIT_CODES.items()}


def test_signals_are_those_that_are_heeded() -> None:
    listed = {name for row in table(DRILLS_PAGE, "## Signals") for name in names_in(row[0])}
    import signal

    assert listed == {signal.Signals(number).name for number in conductor.ENDING} | {"SIGKILL", "SIGSTOP"}


def test_every_variable_of_the_environment_is_listed() -> None:
    listed = {name for row in table(DRILLS_PAGE, "## Environment") for name in names_in(row[0])}
    sources = [
        path
        for folder in ("drills", "injectors", "checks", "reports", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    read = {
        name for path in sources for name in re.findall(r"\"(CHAOS_DRILLS_[A-Z_]+)\"", path.read_text(encoding="utf-8"))
    }

    assert sorted(read) == sorted(name for name in listed if name.startswith("CHAOS_DRILLS_"))


def test_every_group_of_plugins_is_listed_and_told_where_it_belongs() -> None:
    groups = [f"chaos_drills.{group}" for group in Group.__args__]  # type: ignore[attr-defined]

    assert sorted(code(row[0]) for row in table(DRILLS_PAGE, "## Plugins")) == sorted(groups)
    for folder, mine in (("injectors", ["injectors"]), ("checks", ["checks", "probes"]), ("reports", ["renderers"])):
        assert all(f"`chaos_drills.{group}`" in prose(ROOT / folder / "README.md") for group in mine)
    assert all(kinds(group) for group in Group.__args__)  # type: ignore[attr-defined]


def test_every_change_note_says_what_kind_of_change_it_is() -> None:
    notes = sorted((ROOT / "drills" / "changes").glob("*.md"))

    assert notes
    assert [note.name for note in notes if not re.match(r"(Added|Changed|Fixed|Removed): \S", note.read_text())] == []


# --- the journal


def listed_events() -> dict[str, set[str]]:
    """Each kind on the page, and the keys of its data."""
    return {code(row[0]): set(names_in(row[1])) for row in table(DRILLS_PAGE, "### Kinds of events")}


def written_events() -> Iterator[tuple[str, set[str] | None]]:
    """Each kind that the code writes, and the keys of its data; None where they are not written out on the spot."""
    for path in sorted((ROOT / "drills").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("append", "note")
            ):
                for kind in _kinds(node):
                    yield kind, _keys(node)


def _kinds(call: ast.Call) -> list[str]:
    """The kind, or both of a kind that depends."""
    first = call.args[0] if call.args else None
    parts = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return [text for text in texts if re.fullmatch(r"[a-z]+\.[a-z_]+", text)]


def _keys(call: ast.Call) -> set[str] | None:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "note":
        return {str(keyword.arg) for keyword in call.keywords if keyword.arg != "sync"}
    data = call.args[1] if len(call.args) > 1 else ast.Dict([], [])
    return {ast.literal_eval(key) for key in data.keys if key} if isinstance(data, ast.Dict) else None


def test_every_kind_of_event_is_listed_and_no_other() -> None:
    told = get_args(ObservedKind)  # by observers, through a function that they are given
    assert sorted({*told, *(kind for kind, _ in written_events())}) == sorted(listed_events())
    assert sorted(get_args(EventKind)) == sorted(listed_events())


def test_every_event_has_the_data_that_is_listed() -> None:
    listed = listed_events()
    for kind, keys in written_events():
        assert (set(pack("p", [])) if kind == "probe.sampled" else keys) == listed[kind], kind


# --- programs that a page gives


@pytest.mark.parametrize("page", [CHECKS_PAGE, REPORTS_PAGE], ids=page_name)
def test_programs_of_a_page_run_and_their_claims_hold(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the page's order and in one space, beside the files that the page shows."""
    monkeypatch.chdir(tmp_path)
    for block in blocks(page, "yaml"):
        Kept(tmp_path).write(block)
    space: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block.text, str(block), "exec"), space)
    claims = [call for name, call in space.items() if name.startswith("test_")]
    for claim in claims:
        claim()

    assert claims or any("assert" in block.text for block in blocks(page, "python"))


def test_a_command_in_a_block_is_found() -> None:
    """Else the tests above would have gone blind."""
    found = [shlex.split(text) for text in commands(README)]

    assert ["drills", "judge", "last", "--set", "failover.within=3s"] in found
    assert ["drills", "schema"] in found
