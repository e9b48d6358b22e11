"""Which injectors, probes, checks and renderers there are: the catalogs, and what other distributions plug in.

A plugin is an entry point in the group `chaos_drills.injectors`, `.probes`, `.checks` or `.renderers`, its name the
kind's and its value the class. Plugins are looked for only when a drill uses a kind that the catalogs lack, since
asking for entry points costs more than reading a drill.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from drills.errors import mistake

Group = Literal["injectors", "probes", "checks", "renderers"]

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "injectors": ("name", "version", "address", "preview", "inject", "heal", "verify"),
    "probes": ("name", "address", "open"),
    "checks": ("name", "judge"),
    "renderers": ("name", "file", "render"),
}


def kinds(group: Group, wanted: Iterable[str] = (), *, plugins: bool = False) -> dict[str, type]:
    """Kinds by name; plugins join in when that is asked for, or when `wanted` holds a name that the catalog lacks.

    Raises DrillError when a plugin is broken or takes a name that is taken.
    """
    found = {kind.name: kind for kind in _catalog(group)}
    if plugins or any(name not in found for name in wanted):
        for name, plugin, origin in _plugins(group):
            if name in found:
                taken = found[name]
                raise mistake(origin, f"the plugin's {group[:-1]} `{name}` has the name of {taken.__module__}.{taken.__name__}",
                              "give it another name, or uninstall one of the two", "plugin-clash")  # fmt: skip
            found[name] = plugin
    return found


def addresses(injectors: Mapping[str, type], probes: Mapping[str, type]) -> dict[str, type]:
    """What an inventory may say of a target: each engine's and probe's address, by name."""
    return {kind.address.name: kind.address for kind in [*injectors.values(), *probes.values()]}  # type: ignore[attr-defined]


def _catalog(group: Group) -> tuple[type, ...]:
    match group:
        case "injectors":
            from injectors.catalog import INJECTORS

            return INJECTORS
        case "probes":
            from checks.catalog import PROBES

            return PROBES
        case "checks":
            from checks.catalog import CHECKS

            return CHECKS
        case "renderers":
            from reports.catalog import RENDERERS

            return RENDERERS


def _plugins(group: Group) -> list[tuple[str, type, str]]:
    from importlib.metadata import entry_points

    found: list[tuple[str, type, str]] = []
    for entry in entry_points(group=f"chaos_drills.{group}"):
        origin = f"{entry.dist.name if entry.dist else 'an unknown distribution'}: {entry.value}"
        try:
            plugin = entry.load()
        except Exception as error:
            raise mistake(origin, f"the plugin cannot be loaded: {type(error).__name__}: {error}",
                          "mend or uninstall that distribution", "plugin-broken") from error  # fmt: skip
        lacking = [need for need in _NEEDS[group] if not hasattr(plugin, need)]
        if not isinstance(plugin, type) or lacking or plugin.name != entry.name:  # type: ignore[attr-defined]
            what = f"it lacks {', '.join(lacking)}" if lacking else f"its name is not `{entry.name}`, or it is no class"
            raise mistake(origin, f"the plugin is not one of the {group}: {what}",
                          f"see the contract in {group}' package", "plugin-broken")  # fmt: skip
        found.append((entry.name, plugin, origin))
    return found
