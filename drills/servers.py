"""Servers of engines that a run starts itself, because the inventory names none: a lab beside the drill's own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from drills import host_of_python, lab
from drills.errors import mistake
from drills.inventory import Inventory, lacks_server
from drills.lab import Lab
from drills.lab_file import LabFile, LabProcess, Ready
from injectors import Server


def serve(inventory: Inventory, folder: Path, taken: Iterable[str], *, where: str,
          only_check: bool = False) -> tuple[Inventory, Lab | None]:  # fmt: skip
    """The inventory with such addresses led to their server, and the lab of those servers; None when there is none.

    `taken` are names of other processes whose files lie in the same folder. With `only_check` nothing will be started,
    and all stays as it is. Raises DrillError, told of the inventory that was read from `where`, when no server can be
    that of all addresses.
    """
    lacking: dict[Any, list[Any]] = {}
    for facets in inventory.targets.values():
        for one in filter(lacks_server, facets.values()):
            lacking.setdefault(type(one), []).append(one)
    if only_check:
        for alike in lacking.values():
            if len(alike) > 1:  # one alone is in nobody's way
                _server(alike, 0, folder, inventory, where)
    if only_check or not lacking:
        return inventory, None
    ports = lab.free_ports(tuple(kind.name for kind in lacking))
    servers = Lab(file=LabFile(lab="servers", processes={}), here=folder, folder=folder, ports=ports)
    for kind, alike in lacking.items():
        server = _server(alike, ports[kind.name], folder, inventory, where)
        inventory, servers = _add(server, alike, inventory, servers, taken)
    return inventory, servers


def _server(alike: list[Any], port: int, folder: Path, inventory: Inventory, where: str) -> Server:
    """The one server for all of these addresses, which are of one kind."""
    try:
        server: Server = type(alike[0]).server(alike, port, str(folder))
    except ValueError as error:
        _, what, fix = error.args
        raise mistake(where, inventory.hidden(what), fix, "cannot-serve") from None
    return server


def _add(server: Server, alike: list[Any], inventory: Inventory, servers: Lab,
         taken: Iterable[str]) -> tuple[Inventory, Lab]:  # fmt: skip
    """One server more, and the addresses that it is for led to it."""
    name = server.name
    while name in {*taken, *servers.file.processes}:
        name += "_"
    process = LabProcess(run=(*host_of_python.argv(server.module), *server.arguments), ready=Ready(http=server.ready))
    file = replace(servers.file, files={**servers.file.files, **server.files},
                   processes={**servers.file.processes, name: process})  # fmt: skip
    port, pidfile = servers.ports[type(alike[0]).name], str(lab.pidfile(servers.folder, name))
    targets = {
        target: {key: one.served(port, pidfile) if one in alike else one for key, one in facets.items()}
        for target, facets in inventory.targets.items()
    }
    return replace(inventory, targets=targets), replace(servers, file=file)
