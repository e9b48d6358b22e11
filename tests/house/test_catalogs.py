"""The catalogs tell the truth: what they name is there and is called so, and what is there is named."""

import pkgutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest

from checks.catalog import ADDRESSES as OF_PROBES
from checks.catalog import CHECKS, PROBES
from checks.clean import Clean
from checks.steady import Steady
from checks.took_effect import TookEffect
from drills import registry
from drills.registry import Group
from injectors import Bundle, addresses_of
from injectors.catalog import ADDRESSES as OF_INJECTORS
from injectors.catalog import BUNDLES, INJECTORS
from reports.catalog import RENDERERS
from tests.house.pages import ROOT

CATALOGS: Mapping[Group, Mapping[str, str]] = {
    "injectors": INJECTORS, "probes": PROBES, "checks": CHECKS, "renderers": RENDERERS,
}  # fmt: skip
ROOMS: Mapping[Group, str] = {"injectors": "injectors", "probes": "checks", "checks": "checks", "renderers": "reports"}
CONTRACTS: Mapping[Group, str] = {
    "injectors": "injectors.Injector", "probes": "checks.Probe", "checks": "checks.Check", "renderers": "reports.Renderer",
}  # fmt: skip
OF_EVERY_DRILL = {Steady, TookEffect, Clean}
"""Checks that nobody writes."""

each_group = pytest.mark.parametrize("group", CATALOGS)


@each_group
def test_every_kind_is_there_is_called_so_and_keeps_what_plugins_must_keep(group: Group) -> None:
    found = registry.kinds(group)

    assert [*found] == [*CATALOGS[group]]
    assert {name: registry._wrong(group, name, kind) for name, kind in found.items()} == dict.fromkeys(found, "")


@each_group
def test_no_kind_that_is_there_is_forgotten(group: Group) -> None:
    """Whatever is fit to be one is one: also what would be lost where a list has two of one name."""
    there = {cls for cls in classes(ROOMS[group]) if not registry._wrong(group, getattr(cls, "name", ""), cls)}

    assert there - OF_EVERY_DRILL == set(registry.kinds(group).values())


def test_the_addresses_are_those_of_the_kinds_and_each_is_called_so() -> None:
    """One name is one class, so that `process:` means the same to every injector; and none is for nobody."""
    kinds: tuple[Any, ...] = (*registry.faults().values(), *registry.kinds("probes").values())
    listed = registry.addresses()

    ways: list[tuple[Any, Any]] = [(kind, address) for kind in kinds for address in addresses_of(kind)]
    described = [(kind, address) for kind, address in ways if not is_protocol(address)]
    assert {(kind.name, listed[address.name]) for kind, address in described} == {
        (kind.name, address) for kind, address in described
    }
    assert {*listed} == {address.name for _, address in ways}


def test_what_a_probe_reads_of_the_address_of_an_engine_is_there() -> None:
    readers: list[Any] = [kind for kind in registry.kinds("probes").values() if is_protocol(kind.address)]

    assert [kind.name for kind in readers] == ["kubernetes"]
    for kind in readers:
        there = {one.name: one.type for one in fields(registry.addresses()[kind.address.name])}
        wanted = {name: type_ for name, type_ in kind.address.__annotations__.items() if name != "name"}
        assert wanted.items() <= {name: get_args(type_)[0] for name, type_ in there.items()}.items()


def is_protocol(kind: type) -> bool:
    """Whether it describes nothing of its own, and says what is read of another."""
    return bool(getattr(kind, "_is_protocol", False))


def test_every_bundle_is_there_is_called_so_and_consists_of_injectors() -> None:
    found = {name: kind for name, kind in registry.faults().items() if name not in INJECTORS}

    assert [*found] == [*BUNDLES]
    for name, kind in found.items():
        known: Any = kind
        assert known.name == name
        assert isinstance(known(target="x"), Bundle)


def test_an_engine_and_a_probe_never_share_the_name_of_an_address() -> None:
    assert OF_INJECTORS.keys() & OF_PROBES.keys() == set()


def test_each_kind_has_the_types_of_its_contract(tmp_path: Path) -> None:
    """The lists are texts, which no type checker reads; so it reads this."""
    lines = ["import checks, injectors, reports"]
    for group, catalog in CATALOGS.items():
        places = [where.replace(":", ".") for where in catalog.values()]
        lines += [f"import {place.rpartition('.')[0]}" for place in places]
        lines.append(f"of_{group}: tuple[type[{CONTRACTS[group]}], ...] = ({', '.join(places)},)")
    program = tmp_path / "program.py"
    program.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "mypy", str(program)], cwd=ROOT, capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip

    assert done.returncode == 0, done.stdout


def classes(package: str) -> Iterator[type]:
    """Every class of a package, by importing all of it but what is a program."""
    home = import_module(package)
    for module in pkgutil.walk_packages(home.__path__, f"{package}."):
        if not module.name.endswith("__main__"):
            found = import_module(module.name)
            yield from (one for one in vars(found).values() if isinstance(one, type) and one.__module__ == module.name)
