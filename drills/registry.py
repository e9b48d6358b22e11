"""Which injectors, probes, observers, checks and renderers there are: the catalogs, and what others plug in.

A plugin is an entry point in the group `chaos_drills.injectors`, `.probes`, `.observers`, `.checks` or `.renderers`, its name the
kind's and its value the class. Plugins are looked for only when a drill uses a kind that the catalogs lack, since
asking for entry points costs more than reading a drill. Of the catalogs' kinds those are loaded that are used, so that
a drill is checked as quickly when there are hundreds.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from drills.errors import DrillError, mistake
from injectors import addresses_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["injectors", "probes", "observers", "checks", "renderers"]

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "injectors": ("name", "version", "address", "target", "preview", "inject", "heal", "verify"),
    "probes": ("name", "address", "target", "open"),
    "observers": ("name", "open"),
    "checks": ("name", "judge"),
    "renderers": ("name", "file", "render"),
}
_CONTRACTS: Mapping[str, str] = {
    "injectors": "injectors/injector.py",
    "probes": "checks/probe.py",
    "observers": "checks/observer.py",
    "checks": "checks/check.py",
    "renderers": "reports/report.py",
}


class Kinds(Mapping[str, type]):
    """Classes by name. All names are known at once; one of ours is loaded when it is first asked for."""

    def __init__(self, ours: Mapping[str, str], plugins: Mapping[str, type]) -> None:
        self._ours, self.plugins = ours, plugins

    def __getitem__(self, name: str) -> type:
        return self.plugins[name] if name in self.plugins else _at(self._ours[name])

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self.plugins

    def __iter__(self) -> Iterator[str]:
        return iter((*self._ours, *self.plugins))

    def __len__(self) -> int:
        return len(self._ours) + len(self.plugins)


def kinds(group: Group, wanted: Iterable[str] = (), *, plugins: bool = False) -> Kinds:
    """Kinds by name; plugins join in when that is asked for, or when `wanted` holds a name that the catalog lacks.

    Raises DrillError when a plugin is broken or takes a name that is taken.
    """
    ours = _catalog(group)
    lacking = set(wanted) - ours.keys()
    if not (plugins or lacking):
        return Kinds(ours, {})
    entries = _entries(group, ours)
    # A broken one is in nobody's way who does not need it, such as somebody who heals.
    asked = entries.keys() if plugins or lacking - entries.keys() else lacking
    return Kinds(ours, {name: _load(group, entries[name]) for name in entries if name in asked})


def faults(wanted: Iterable[str] = (), *, plugins: bool = False) -> Kinds:
    """What a drill may name as a fault: every injector, and every bundle of them; plugins join in as in `kinds`."""
    from injectors.catalog import BUNDLES

    found = kinds("injectors", set(wanted) - BUNDLES.keys(), plugins=plugins)
    return Kinds({**_catalog("injectors"), **BUNDLES}, found.plugins)


def addresses(wanted: Iterable[str] = (), *, plugins: bool = False) -> Kinds:
    """What an inventory may say of a target: the address of each engine and probe, by name. Plugins join in as in `kinds`.

    Raises DrillError also when the address of a plugin has the name of another one.
    """
    from checks.catalog import ADDRESSES as OF_PROBES
    from injectors.catalog import ADDRESSES as OF_INJECTORS

    ours = {**OF_INJECTORS, **OF_PROBES}
    theirs: dict[str, type] = {}
    if plugins or not ours.keys() >= set(wanted):
        brought = [kinds(group, plugins=True).plugins for group in ("injectors", "probes")]
        for kind in (kind for plugged in brought for kind in plugged.values()):
            for address in addresses_of(kind):
                name: str = address.name  # type: ignore[attr-defined]
                known = _at(ours[name]) if name in ours else theirs.setdefault(name, address)
                if known is not address:
                    raise _clash(_origin(kind), f"address `{name}`", _origin(known))
    return Kinds(ours, theirs)


def _catalog(group: Group) -> Mapping[str, str]:
    match group:
        case "injectors":
            from injectors.catalog import INJECTORS

            return INJECTORS
        case "probes":
            from checks.catalog import PROBES

            return PROBES
        case "observers":
            from checks.catalog import OBSERVERS

            return OBSERVERS
        case "checks":
            from checks.catalog import CHECKS

            return CHECKS
        case "renderers":
            from reports.catalog import RENDERERS

            return RENDERERS


def _at(where: str) -> type:
    """What a catalog says is there, as `injectors.process:Kill`."""
    module, _, name = where.partition(":")
    found: type = getattr(import_module(module), name)
    return found


def _entries(group: Group, taken: Mapping[str, str]) -> "dict[str, EntryPoint]":
    """Where each plugin of this group is, none of them loaded yet."""
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"chaos_drills.{group}"):
        if entry.name in taken or entry.name in found:
            other = _from(found[entry.name]) if entry.name in found else taken[entry.name]
            raise _clash(_from(entry), f"{group[:-1]} `{entry.name}`", other)
        found[entry.name] = entry
    return found


def _load(group: Group, entry: "EntryPoint") -> type:
    try:
        plugin = entry.load()
    except Exception as error:
        raise mistake(_from(entry), f"the plugin cannot be loaded: {type(error).__name__}: {error}",
                      "mend or uninstall that distribution", "plugin-broken") from error  # fmt: skip
    if wrong := _wrong(group, entry.name, plugin):
        raise mistake(_from(entry), f"the plugin is not one of the {group}: {wrong}",
                      f"its contract is in {_CONTRACTS[group]}", "plugin-broken")  # fmt: skip
    found: type = plugin
    return found


def _wrong(group: Group, name: str, plugin: Any) -> str:
    """What keeps this from being a plugin of the group; empty when it is one."""
    if not isinstance(plugin, type):
        return "it is no class"
    if group != "renderers" and not is_dataclass(plugin):
        return "it is no dataclass, whose fields are its settings"
    has = {one.name for one in fields(plugin)} if is_dataclass(plugin) else set()
    lacking = [need for need in _NEEDS[group] if need not in has and not hasattr(plugin, need)]
    if lacking:
        return f"it lacks {', '.join(lacking)}"
    given: Any = plugin
    if given.name != name:
        return f"it calls itself `{given.name}`, and its entry point `{name}`"
    nameless = "address" in _NEEDS[group] and not all(hasattr(one, "name") for one in addresses_of(given))
    return "its address lacks name" if nameless else ""


def _from(entry: "EntryPoint") -> str:
    return f"{entry.dist.name if entry.dist else 'an unknown distribution'}: {entry.value}"


def _origin(kind: type) -> str:
    return f"{kind.__module__}:{kind.__name__}"


def _clash(where: str, what: str, other: str) -> DrillError:
    return mistake(where, f"the plugin's {what} has the name of that of {other}",
                   "give it another name, or uninstall one of the two", "plugin-clash")  # fmt: skip
