"""What there is to use: the catalogs, and what other distributions plug in by real entry points."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from drills import registry
from drills.registry import Group
from tests.drills.writing import good, refusal, write

ROOT = Path(__file__).resolve().parent.parent.parent
FIRE = '''
from dataclasses import dataclass
from typing import Annotated, ClassVar
from injectors import Effect, Injection, Preview, Remembered, Stage, TargetName, Touch

@dataclass(frozen=True, kw_only=True)
class Place:
    name: ClassVar[str] = "place"
    where: Annotated[str, "Where it burns"]

@dataclass(frozen=True, kw_only=True)
class Fire:
    """Sets something on fire."""
    name: ClassVar[str] = "fire"
    version: ClassVar[int] = 1
    address: ClassVar[type] = Place
    target: Annotated[TargetName, "What burns"]
    async def preview(self, address):
        return Preview(touches=(Touch(what=address.where, key=address.where),), does="set on fire", undo="put out")
    async def inject(self, injection, stage): ...
    @classmethod
    async def heal(cls, remembered, stage): ...
    @classmethod
    async def verify(cls, remembered, stage): ...
'''


NAMELESS = """
from dataclasses import dataclass
@dataclass
class Bad:
    name = "bad"
    address = str
    target: str = ""
    def open(self, address, mark): ...
"""


def install(folder: Path, name: str, code: str, **entries: str) -> Path:
    """A distribution in this folder: a module with this code, and its entry points by group."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(textwrap.dedent(code), encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [
        f"[chaos_drills.{group}]\n" + "".join(f"{one}\n" for one in listed.split("; "))
        for group, listed in entries.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which distributions are found, and whose modules are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


def problem(group: Group, *wanted: str) -> tuple[str, str]:
    """Where and how asking for these is refused."""
    (one,) = refusal(lambda: registry.kinds(group, wanted))
    return str(one.place), f"{one.what}; {one.fix} [{one.slug}]"


# the catalogs


@pytest.mark.parametrize("group", ["injectors", "probes", "checks", "renderers"])
def test_a_kind_is_the_class_that_its_catalog_names(group: Group) -> None:
    """And its names can be asked for, and be counted, without it."""
    found = registry.kinds(group)

    assert [f"{found[name].__module__}:{found[name].__name__}" for name in found] == [
        *registry._catalog(group).values()
    ]
    assert len(found) == len([*found])
    assert "nothing" not in found
    with pytest.raises(KeyError, match="nothing"):
        found["nothing"]


def test_only_what_is_asked_for_is_loaded() -> None:
    code = """
import sys
from drills import registry
faults, addresses = registry.kinds("injectors", ["kill", "latency"]), registry.addresses(["process", "toxiproxy"])
assert {"kill", "latency"} <= faults.keys() and {"process", "toxiproxy"} <= addresses.keys()
faults["kill"], addresses["toxiproxy"]
print(*sorted({"injectors.process", "injectors.toxiproxy", "injectors.link"} & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.split() == ["injectors.process", "injectors.toxiproxy"]


# plugins


def test_a_plugin_is_found_by_its_name(here: Path) -> None:
    install(here, "arson", FIRE, injectors="fire = arson:Fire")
    found = registry.kinds("injectors", ["fire"])

    assert found["fire"].__module__ == "arson"
    assert set(found) == {*registry.kinds("injectors"), "fire"}


def test_plugins_are_not_looked_for_when_none_is_needed(here: Path) -> None:
    """Asking for entry points costs more than reading a drill, and a broken one is nobody's business then."""
    install(here, "broken_one", "raise RuntimeError('looked at')", injectors="bad = broken_one:Bad")

    assert "bad" not in registry.kinds("injectors", ["kill", "pause"])
    assert "bad" not in registry.kinds("injectors")


def test_all_plugins_join_in_when_that_is_asked_for(here: Path) -> None:
    install(here, "arson", FIRE, injectors="fire = arson:Fire")

    assert "fire" in registry.kinds("injectors", plugins=True)


def test_a_broken_plugin_is_in_nobodys_way_who_does_not_need_it(here: Path) -> None:
    """Whoever heals needs one, and not the others that somebody has installed since."""
    install(here, "arson", FIRE, injectors="fire = arson:Fire")
    install(here, "broken_two", "raise RuntimeError('no')", injectors="bad = broken_two:Bad")

    assert "fire" in registry.kinds("injectors", ["fire", "kill"])
    assert problem("injectors", "bad")[0] == "broken_two: broken_two:Bad"


def test_for_a_name_that_nobody_knows_all_there_is_is_listed(here: Path) -> None:
    install(here, "arson", FIRE, injectors="fire = arson:Fire")

    assert {"fire", "kill"} <= registry.kinds("injectors", ["fier"]).keys()


def test_a_plugin_that_cannot_be_imported_is_told_with_its_distribution(here: Path) -> None:
    install(here, "broken_three", "import no_such_module_anywhere", checks="bad = broken_three:Bad")
    where, what = problem("checks", "bad")

    assert where == "broken_three: broken_three:Bad"
    assert "cannot be loaded: ModuleNotFoundError" in what
    assert "[plugin-broken]" in what


def test_an_entry_point_to_nothing_is_told(here: Path) -> None:
    install(here, "empty_one", "", checks="bad = empty_one:Bad")

    assert "AttributeError" in problem("checks", "bad")[1]


@pytest.mark.parametrize(
    ("code", "group", "said"),
    [
        ("def Bad(): ...", "checks", "it is no class"),
        ("class Bad:\n    name = 'bad'\n    def judge(self, evidence): ...", "checks", "it is no dataclass"),
        ("from dataclasses import dataclass\n@dataclass\nclass Bad:\n    name = 'bad'", "checks", "it lacks judge"),
        ("from dataclasses import dataclass\n@dataclass\nclass Bad:\n    name = 'worse'\n    def judge(self, e): ...", "checks",
         "it calls itself `worse`, and its entry point `bad`"),
        (NAMELESS, "probes", "its address lacks name"),
        ("from dataclasses import dataclass\n@dataclass\nclass Bad:\n    name = 'bad'\n    address = str\n", "probes",
         "it lacks target, open"),
        ("class Bad:\n    name = 'bad'\n    file = 'bad.txt'", "renderers", "it lacks render"),
        (FIRE.replace("async def verify", "async def verfiy").replace("Fire", "Bad").replace('"fire"', '"bad"'), "injectors",
         "it lacks verify"),
    ],
)  # fmt: skip
def test_a_plugin_that_does_not_keep_its_contract_is_told_what_it_lacks(
    here: Path, code: str, group: Group, said: str
) -> None:
    install(here, "loose", code, **{group: "bad = loose:Bad"})
    what = problem(group, "bad")[1]

    assert f"the plugin is not one of the {group}: {said}" in what
    assert ".py" in what, "where the contract is"


def test_a_plugin_with_the_name_of_one_of_ours_is_told_with_both(here: Path) -> None:
    install(here, "arson", FIRE, injectors="fire = arson:Fire; kill = arson:Fire")
    where, what = problem("injectors", "fire")

    assert where == "arson: arson:Fire"
    assert "has the name of that of injectors.process:Kill" in what
    assert "[plugin-clash]" in what


def test_two_plugins_of_one_name_are_told_with_both(here: Path) -> None:
    install(here, "arson", FIRE, injectors="fire = arson:Fire")
    install(here, "bonfire", FIRE, injectors="fire = bonfire:Fire")
    where, what = problem("injectors", "fire")

    assert {where[:5], what.partition("of that of ")[2][:5]} == {"arson", "bonfi"}


def test_a_plugins_address_with_the_name_of_one_of_ours_is_told_with_both(here: Path) -> None:
    """Or an inventory's `process:` would mean something else in one drill than in another."""
    install(here, "arson", FIRE.replace('"place"', '"process"'), injectors="fire = arson:Fire")
    (one,) = refusal(lambda: registry.addresses(plugins=True))

    assert one.slug == "plugin-clash"
    assert "address `process`" in one.what
    assert str(one.place) == "arson:Fire"


def test_a_kind_need_not_stand_first_to_be_found(here: Path) -> None:
    probe = """
    from dataclasses import dataclass
    from typing import ClassVar
    from checks import TargetName
    from checks.probes.tcp import TcpService
    @dataclass(frozen=True, kw_only=True)
    class Sniff:
        name: ClassVar[str] = "sniff"
        address: ClassVar[type] = TcpService
        target: TargetName
        tcp: str = ""
        def open(self, address, mark): ...
    """
    install(here, "nose", probe, probes="sniff = nose:Sniff")
    drill = good("drill: x\nprobes:\n  a: {every: 1s, sniff: shop, tcp: x}\n")

    assert drill.probes["a"].kind == "sniff"


def test_a_drill_with_plugins_is_checked_and_planned_like_any_other(tmp_path: Path) -> None:
    """In a process of its own, as somebody who has installed them would; an inventory may serve several drills."""
    site = install(tmp_path / "site", "arson", FIRE, injectors="fire = arson:Fire")
    drill = write(
        tmp_path,
        drill="drill: x\nfaults: [fire: barn]\n",
        inventory="environment: lab\ntargets: {barn: {place: {where: hill}}}\n",
    )
    without = tmp_path / "other.yaml"
    without.write_text("drill: y\n", encoding="utf-8")

    def call(*words: str, path: str = "") -> tuple[int, str]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), path]),
            "CHAOS_DRILLS_STATE": str(tmp_path),
        }
        done = subprocess.run([sys.executable, "-m", "drills", *words], capture_output=True, text=True, timeout=60,
                              env=environment, check=False)  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert call("lint", str(drill), str(without), path=str(site)) == (0, "2 drills, no problems\n")
    code, said = call("plan", str(drill), path=str(site))
    assert code == 0, said
    assert "set on fire (barn)" in said
    code, said = call("schema", path=str(site))
    assert "Sets something on fire." in json.dumps(json.loads(said))
    code, said = call("lint", str(drill))
    assert code == 2
    assert "no such fault `fire`" in said
