"""The inventory: where the targets that a drill names are, and in what environment.

The same drill runs on a laptop, on staging and on a game-day by changing the inventory. `${env.NAME}` takes a value
from the environment, for secrets; with a lab, its variables can be used too.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from drills.binding import Binding
from drills.errors import Problem, choices
from drills.lab import Lab, as_address
from drills.source import Node, Scalar, Table, substitute


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Targets by name, each with its addresses by engine or probe."""

    environment: str
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    in_lab: frozenset[str] = frozenset()
    """Targets that exist only while the drill's lab runs."""

    def address(self, target: str, kind: str) -> Any | None:
        """Where this target is for this engine or probe; None when the inventory does not say."""
        return self.targets.get(target, {}).get(kind)

    def having(self, kind: str) -> list[str]:
        """Names of the targets that this engine or probe can reach."""
        return [name for name, facets in self.targets.items() if kind in facets]


def bind(node: Node, addresses: Mapping[str, type], lab: Lab | None, binding: Binding, *,
         environment: Mapping[str, str] | None = None) -> Inventory | None:  # fmt: skip
    """Read an inventory. Without `environment`, variables of the environment are not looked up (for linting)."""
    settled = substitute(node, _variables(node, lab, environment), binding.problems)
    if not isinstance(settled, Table):
        binding.bind(InventoryFile, settled, kind="inventory", alone=False)
        return None
    outer = binding.bind(InventoryFile, _without(settled, "targets"), kind="inventory", alone=False)
    listed = settled.get("targets")
    if not isinstance(listed, Table):
        binding.problems.append(Problem((listed or settled).place, "an inventory needs `targets`, a table of names",
                                        "targets:\n  cache: {valkey: {url: \"valkey://127.0.0.1:6379\"}}", "missing-setting"))  # fmt: skip
        return None
    targets = {name.text: _target(name, facets, addresses, lab, binding) for name, facets in listed.entries}
    if outer is None:
        return None
    return Inventory(environment=outer.environment, targets=targets, in_lab=_in_lab_only(node))


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFile:
    """Where the targets of a drill are. `targets` is read apart, since what may stand in it depends on what is installed."""

    environment: Annotated[str, "What it describes; a drill runs only in environments that its `safety` names"]


def _target(name: Scalar, node: Node, addresses: Mapping[str, type], lab: Lab | None, binding: Binding) -> dict[str, Any]:
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, f"target `{name.text}` needs to say where it is",
                                        f"one or more of: {', '.join(addresses)}", "wrong-shape"))  # fmt: skip
        return {}
    facets: dict[str, Any] = {}
    for key, value in node.entries:
        if key.text not in addresses:
            binding.problems.append(Problem(key.place, f"no engine or probe is called `{key.text}`",
                                            choices(key.text, list(addresses), "engines and probes"), "unknown-kind"))  # fmt: skip
            continue
        address = binding.bind(addresses[key.text], value, kind=key.text)
        facets[key.text] = None if address is None else _in_lab(address, value, lab, binding)
    return facets


def _in_lab(address: Any, node: Node, lab: Lab | None, binding: Binding) -> Any:
    """The address, led to the lab's process when it names one."""
    name = getattr(address, "lab", None)
    if not name:
        return address
    if lab is None:
        binding.problems.append(Problem(node.place, f"`lab: {name}` names a process of a lab, and the drill has none",
                                        "give the drill a `lab:`, or say `pidfile:` or `match:` here", "no-lab"))  # fmt: skip
        return address
    if name not in lab.file.processes:
        binding.problems.append(Problem(node.place, f"the lab has no process `{name}`",
                                        choices(name, list(lab.file.processes), "processes"), "unknown-process"))  # fmt: skip
        return address
    return as_address(lab, name, address)


def _variables(node: Node, lab: Lab | None, environment: Mapping[str, str] | None) -> dict[str, str]:
    known = dict(lab.values) if lab else {}
    if environment is None:
        return known | {f"env.{name}": f"${name}" for name in _env_names(node)}
    return known | {f"env.{name}": value for name, value in environment.items()}


def _env_names(node: Node) -> set[str]:
    """Names of the environment variables that an inventory mentions."""
    return {name for text in _texts(node) for name in re.findall(r"\$\{env\.([^}]+)\}", text)}


def _in_lab_only(node: Table) -> frozenset[str]:
    """Targets that name a process of the lab, or use one of its variables."""
    listed = node.get("targets")
    entries = listed.entries if isinstance(listed, Table) else ()
    return frozenset(
        name.text
        for name, facets in entries
        if any(re.search(r"\$\{(?!env\.)", text) for text in _texts(facets))
        or (isinstance(facets, Table) and any(isinstance(one, Table) and one.get("lab") for _, one in facets.entries))
    )


def _texts(node: Node) -> list[str]:
    """Every scalar below a node."""
    match node:
        case Scalar():
            return [node.text]
        case Table():
            return [text for _, value in node.entries for text in _texts(value)]
        case _:
            return [text for item in node.items for text in _texts(item)]


def _without(table: Table, name: str) -> Table:
    return replace(table, entries=tuple(entry for entry in table.entries if entry[0].text != name))


def process_environment() -> Mapping[str, str]:
    """The environment's variables, for `${env.NAME}`."""
    return dict(os.environ)
