"""Regions of an inventory, read as targets: what is said of the region itself is one more address beside its engines'."""

from collections.abc import Mapping
from typing import Any

from drills.binding import Binding, settings
from drills.source import Node, Scalar, Table

_WHOLE = "region"
"""What the address is called that says what belongs to a region."""


def as_targets(listed: Node, addresses: Mapping[str, type], taken: set[str], binding: Binding) -> Node:
    """The same list with each region as a target, and with its zones as targets where nothing else has that name."""
    if not isinstance(listed, Table):
        return listed
    model: Any = addresses[_WHOLE]
    named = taken | {*listed.keys()}
    entries: list[tuple[Scalar, Node]] = []
    for name, value in listed.entries:
        if not isinstance(value, Table):
            entries.append((name, value))
            continue
        own = {one.name for one in settings(model)}
        whole = value._replace(entries=tuple(entry for entry in value.entries if entry[0].text in own))
        engines = value._replace(entries=tuple(entry for entry in value.entries if entry[0].text not in own))
        region = binding.bind(model, whole, kind=_WHOLE, alone=False, also=engines.keys())
        facets = _filled(engines, region.implied(name.text)) if region is not None else engines
        entries.append((name, facets._replace(entries=((name._replace(text=_WHOLE), whole), *facets.entries))))
        if region is not None:
            zones = [zone for zone in region.zones if zone not in named]
            named.update(zones)
            entries += [(name._replace(text=zone), _filled(engines, region.zone(zone))) for zone in zones]
    return listed._replace(entries=tuple(entries))


def engines_of(listed: Node | None, model: type) -> set[str]:
    """The names of engines and probes in such a list."""
    own = {one.name for one in settings(model)}
    tables = [one for _, one in listed.entries if isinstance(one, Table)] if isinstance(listed, Table) else []
    return {key for one in tables for key in one.keys()} - own  # noqa: SIM118


def _filled(engines: Table, implied: Mapping[str, Mapping[str, str]]) -> Table:
    """The addresses with what is implied of each and not said."""
    return engines._replace(
        entries=tuple((key, _with(value, implied.get(key.text, {}), key)) for key, value in engines.entries)
    )


def _with(value: Node, implied: Mapping[str, str], key: Scalar) -> Node:
    if isinstance(value, Scalar) and not (value.text or value.quoted):
        value = Table((), value.place)
    if not isinstance(value, Table):
        return value
    more = [(Scalar(name, key.place, False), Scalar(text, key.place, True)) for name, text in implied.items()
            if name not in value.keys()]  # noqa: SIM118 # fmt: skip
    return value._replace(entries=(*value.entries, *more))
