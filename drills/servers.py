"""Servers of engines that a run starts itself, because the inventory names none: a lab beside the drill's own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from drills import host_of_python, lab
from drills.errors import mistake
from drills.inventory import Inventory, lacks_server
from drills.lab import Lab, LabFile, LabProcess, Ready
from injectors import Server


def serve(inventory: Inventory, folder: Path, taken: Iterable[str], *, where: str,
          only_check: bool = False) -> tuple[Inventory, Lab | None]:  # fmt: skip
    """The inventory with such addresses led to their server, and the lab of those servers; None when there is none.

    `taken` are names of other processes whose files lie in the same folder. With `only_check` nothing will be started,
    and all stays as it is. Raises DrillError, told of the inventory that was read from `where`, when no server can be
    that of all addresses.
    """
    addresses = [one for facets in inventory.targets.values() for one in facets.values()]
    kinds = list(dict.fromkeys(type(one) for one in addresses if lacks_server(one)))
    if only_check:
        for kind in kinds:
            _server(kind, inventory, folder, 0, where)
    if only_check or not kinds:
        return inventory, None
    names = tuple(kind.name for kind in kinds)
    servers = Lab(file=LabFile(lab="servers", processes={}), here=folder, folder=folder, ports=lab.free_ports(names))
    for kind in kinds:
        inventory, servers = _add(kind, inventory, servers, taken, where)
    return inventory, servers


def _add(kind: Any, inventory: Inventory, servers: Lab, taken: Iterable[str], where: str) -> tuple[Inventory, Lab]:
    """One server more, for all addresses of this kind that lack one."""
    port = servers.ports[kind.name]
    server = _server(kind, inventory, servers.folder, port, where)
    name = server.name
    while name in {*taken, *servers.file.processes}:
        name += "_"
    process = LabProcess(run=(*host_of_python.argv(server.module), *server.arguments), ready=Ready(http=server.ready))
    file = replace(servers.file, files={**servers.file.files, **server.files},
                   processes={**servers.file.processes, name: process})  # fmt: skip
    pidfile = str(lab.pidfile(servers.folder, name))
    targets = {
        target: {key: one.served(port, pidfile) if _lacks(one, kind) else one for key, one in facets.items()}
        for target, facets in inventory.targets.items()
    }
    return replace(inventory, targets=targets), replace(servers, file=file)


def _server(kind: Any, inventory: Inventory, folder: Path, port: int, where: str) -> Server:
    """The server of all addresses of this kind that lack one."""
    alike = [one for facets in inventory.targets.values() for one in facets.values() if _lacks(one, kind)]
    try:
        server: Server = kind.server(alike, port, str(folder))
    except ValueError as error:
        _, what, fix = error.args
        raise mistake(where, inventory.hidden(what), fix, "cannot-serve") from None
    return server


def _lacks(address: Any, kind: type) -> bool:
    return type(address) is kind and lacks_server(address)
