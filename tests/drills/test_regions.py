"""Regions of an inventory, and outages of them: what they consist of, what the plan says of it, and what is refused."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest

from drills import inventory as inventories
from drills import plan as plans
from drills import registry
from drills.binding import Binding
from drills.errors import DrillError, Problem
from drills.inventory import Inventory
from drills.load import load
from drills.plan import Plan
from drills.plan_text import show
from drills.source import parse
from injectors import Bundle, Part, Preview, Side, TargetName
from injectors.kubernetes import KubernetesAddress
from injectors.region import Region, RegionOutage
from tests.drills.writing import add_flags, write
from tests.fakes import Flag


def bound(text: str) -> tuple[Inventory | None, list[Problem]]:
    binding = Binding()
    node = parse(f"environment: lab\n{text}", "inventory.yaml")
    return inventories.bind(node, registry.addresses(), None, binding), binding.problems


def good(text: str) -> Inventory:
    found, problems = bound(text)
    assert [str(one) for one in problems] == []
    assert found is not None
    return found


def nodes(inventory: Inventory, target: str) -> str:
    address = inventory.address(target, "kubernetes")
    assert isinstance(address, KubernetesAddress)
    return address.nodes


# what an inventory says of them


def test_a_region_is_a_target_with_one_address_more() -> None:
    found = good("regions: {sea: {links: [to-sea], processes: [edge], kubernetes: {context: staging}}}")

    assert found.address("sea", "region") == Region(links=("to-sea",), processes=("edge",))
    assert found.address("sea", "kubernetes").context == "staging"


def test_its_nodes_are_those_that_bear_its_name_or_the_names_of_its_zones_unless_it_is_said() -> None:
    found = good("""
regions:
  sea: {kubernetes: {}}
  hk: {zones: [hk-1, hk-2], kubernetes: {}}
  us: {zones: [us-1], kubernetes: {nodes: "place=us"}}
""")

    assert nodes(found, "sea") == "topology.kubernetes.io/region=sea"
    assert nodes(found, "hk") == "topology.kubernetes.io/zone in (hk-1, hk-2)"
    assert nodes(found, "us") == "place=us"


def test_each_zone_is_a_target_unless_something_else_has_that_name() -> None:
    found = good("""
targets: {hk-2: {tcp: {host: hk, port: 80}}}
regions:
  hk: {zones: [hk-1, hk-2], kubernetes: {context: staging}}
""")

    assert nodes(found, "hk-1") == "topology.kubernetes.io/zone=hk-1"
    assert found.address("hk-1", "kubernetes").context == "staging"
    assert found.address("hk-2", "kubernetes") is None


def test_what_holds_for_an_engine_holds_in_regions_too() -> None:
    found = good("engines: {kubernetes: {context: staging}}\nregions: {sea: {kubernetes: {}}}")

    assert found.address("sea", "kubernetes").context == "staging"


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("targets: {sea: {tcp: {host: a, port: 1}}}\nregions: {sea: {links: [a]}}", "two-of-a-name"),
        ("regions: {sea: {linsk: [a]}}", "unknown-kind"),
        ("regions: {sea: {links: [a, a]}}", "setting-conflict"),
        ("regions: [sea]", "missing-setting"),
        ("regions: {sea: all}", "wrong-shape"),
    ],
)
def test_a_mistake_in_a_region_is_told_once_and_where_it_stands(text: str, slug: str) -> None:
    (problem,) = bound(text)[1]

    assert problem.slug == slug


# what its outage consists of


def test_an_outage_of_a_region_is_its_nodes_its_links_and_its_processes() -> None:
    region = Region(links=("to-sea",), processes=("edge",))
    parts = RegionOutage(target=TargetName("sea")).expand(
        {"region": region, "kubernetes": KubernetesAddress(nodes="a=b")}
    )

    assert [(type(one.injector).name, one.injector.target, one.side) for one in parts] == [
        ("zone_outage", "sea", ""), ("partition", "to-sea", "network"), ("kill", "edge", "compute"),
    ]  # fmt: skip
    assert RegionOutage(target=TargetName("sea")).expand({"region": Region()}) == ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What burns down together."""

    name: ClassVar[str] = "house"
    rooms: Annotated[tuple[str, ...], "Targets"] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn(Flag):
    """A fault that says how true to life it is."""

    name: ClassVar[str] = "burn"

    async def preview(self, address: Any) -> Preview:
        plain = await Flag.preview(self, address)
        said = (Side(name="smoke", engine="", how="there is no fire"),)
        return Preview(touches=plain.touches, does="burn", undo="built again", sides=said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """Every room of a house."""

    name: ClassVar[str] = "fire"
    address: ClassVar[type] = House
    sides: ClassVar[tuple[str, ...]] = ("walls", "smoke", "neighbours")
    target: Annotated[TargetName, "Which house"]

    def expand(self, addresses: Mapping[str, Any]) -> tuple[Part, ...]:
        first, *others = addresses["house"].rooms or [None]
        if first is None:
            return ()
        return (Part(injector=Burn(target=TargetName(first))),
                *(Part(injector=Flag(target=TargetName(one)), side="walls") for one in others))  # fmt: skip


DRILL = """
drill: fire
safety: {max_targets: 9}
faults:
  - {id: lost, fire: home}
"""


@pytest.fixture(autouse=True)
def _fires(monkeypatch: pytest.MonkeyPatch) -> None:
    add_flags(monkeypatch, Burn)
    from injectors import catalog

    here = Fire.__module__
    monkeypatch.setattr("injectors.catalog.BUNDLES", {**catalog.BUNDLES, "fire": f"{here}:Fire"})
    monkeypatch.setattr("injectors.catalog.ADDRESSES", {**catalog.ADDRESSES, "house": f"{here}:House"})


def inventory(folder: Path, rooms: str = "[hall, attic]") -> str:
    return f"""
environment: lab
targets:
  home: {{house: {{rooms: {rooms}}}}}
  hall: {{flag: {{path: {folder}/hall}}}}
  attic: {{flag: {{path: {folder}/attic}}}}
"""


def make(folder: Path, rooms: str = "[hall, attic]") -> Plan:
    path = write(folder, drill=DRILL, inventory=inventory(folder, rooms))
    return asyncio.run(plans.make(load(path, environment={})))


def refused(folder: Path, rooms: str) -> list[Problem]:
    with pytest.raises(DrillError) as error:
        make(folder, rooms)
    return list(error.value.problems)


def test_a_bundle_is_no_injector_and_an_injector_is_no_bundle() -> None:
    assert isinstance(RegionOutage(target=TargetName("sea")), Bundle)
    assert not isinstance(Flag(target=TargetName("sea")), Bundle)
    assert "region_outage" not in registry.kinds("injectors")
    assert {"region_outage", "kill"} <= {*registry.faults()}


def test_a_bundle_is_one_fault_of_several_parts_each_with_its_own_target(tmp_path: Path) -> None:
    (fault,) = make(tmp_path).faults

    assert [one.injector.target for one in fault.parts] == ["hall", "attic"]
    assert [one.what for one in fault.preview.touches] == [f"file {tmp_path}/hall", f"file {tmp_path}/attic"]
    assert fault.does == "burn (hall); raise a flag (attic)"
    assert fault.preview.undo == "built again; the file is deleted"


def test_every_side_is_told_also_that_of_which_nothing_is_done(tmp_path: Path) -> None:
    plan = make(tmp_path)
    (fault,) = plan.faults

    assert fault.preview.sides == (
        Side(name="walls", engine="flag", how="raise a flag (attic)"),
        Side(name="smoke", engine="", how="there is no fire"),
        Side(name="neighbours", engine="", how="the inventory says nothing of it"),
    )
    assert "    walls: raise a flag (attic), by flag\n" in show(plan)
    (kept,) = json.loads(json.dumps(plans.to_data(plan)))["faults"]
    assert [one["name"] for one in kept["sides"]] == ["walls", "smoke", "neighbours"]


def test_what_two_parts_touch_counts_once(tmp_path: Path) -> None:
    assert len(make(tmp_path, "[hall, hall]").touches) == 1


def test_a_part_that_the_inventory_does_not_have_is_told_where_the_fault_stands(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "[hall, cellar]")

    assert problem.slug == "unknown-target"
    assert problem.place.line == 5
    assert "cellar" in problem.what


def test_a_bundle_of_nothing_is_no_fault(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "[]")

    assert problem.slug == "no-parts"
    assert "home" in problem.what
