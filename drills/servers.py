"""Servers of engines that a run starts itself, because the inventory names none: a lab beside the drill's own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from drills import host_of_python, lab
from drills.inventory import Inventory, lacks_server
from drills.lab import Lab, LabFile, LabProcess, Ready
from injectors import Server


def serve(inventory: Inventory, folder: Path, taken: Iterable[str], *,
          only_check: bool = False) -> tuple[Inventory, Lab | None]:  # fmt: skip
    """The inventory with such addresses led to their server, and the lab of those servers; None when there is none.

    `taken` are names of other processes whose files lie in the same folder. With `only_check` nothing will be started,
    and all stays as it is.
    """
    addresses = [one for facets in inventory.targets.values() for one in facets.values()]
    kinds = list(dict.fromkeys(type(one) for one in addresses if lacks_server(one)))
    if not kinds or only_check:
        return inventory, None
    names = tuple(kind.__name__ for kind in kinds)
    servers = Lab(file=LabFile(lab="servers", processes={}), here=folder, folder=folder, ports=lab.free_ports(names))
    for kind in kinds:
        inventory, servers = _add(kind, inventory, servers, taken)
    return inventory, servers


def _add(kind: Any, inventory: Inventory, servers: Lab, taken: Iterable[str]) -> tuple[Inventory, Lab]:
    """One server more, for all addresses of this kind that lack one."""

    def ours(address: Any) -> bool:
        return type(address) is kind and lacks_server(address)

    port = servers.ports[kind.__name__]
    alike = [one for facets in inventory.targets.values() for one in facets.values() if ours(one)]
    server: Server = kind.server(alike, port, str(servers.folder))
    name = server.name
    while name in {*taken, *servers.file.processes}:
        name += "_"
    process = LabProcess(run=(*host_of_python.argv(server.module), *server.arguments), ready=Ready(http=server.ready))
    file = replace(servers.file, files={**servers.file.files, **server.files},
                   processes={**servers.file.processes, name: process})  # fmt: skip
    pidfile = str(lab.pidfile(servers.folder, name))
    targets = {
        target: {key: one.served(port, pidfile) if ours(one) else one for key, one in facets.items()}
        for target, facets in inventory.targets.items()
    }
    return replace(inventory, targets=targets), replace(servers, file=file)
