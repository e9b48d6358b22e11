"""The machines of nodes, really stopped and started by commands of this host, and the signs of life of their nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from injectors.injector import Effect, InjectionFailed, Remembered, Residue, Stage
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import LEASE, NODE, Cluster, each, reach
from injectors.kubernetes_memory import Memory
from injectors.kubernetes_targets import is_ready

_COMMAND_S = 20.0
_LOOK_S = 0.25
_SPARE_S = 2.0
_TOLD_MAX = 200
Machine = Mapping[str, Any]
"""Of one node: its name, the commands, and the folder they run in; JSON."""


def machines(address: KubernetesAddress, nodes: Sequence[str]) -> list[dict[str, Any]]:
    """How each of these is stopped and started; none where the address does not say."""
    from pathlib import Path

    if not address.power_off:
        return []
    cwd = str(Path(address.cwd).absolute())
    return [{"node": node, "off": _named(address.power_off, node), "on": _named(address.power_on, node), "cwd": cwd}
            for node in nodes]  # fmt: skip


def _named(words: Sequence[str], node: str) -> list[str]:
    return [word.replace("{node}", node) for word in words]


def check(address: KubernetesAddress) -> None:
    """Raise InjectionFailed where a program of the two commands is not there, or all machines would be one."""
    import os
    import shutil
    from pathlib import Path

    for words in (address.power_off, address.power_on):
        program = str(Path(address.cwd, words[0]).absolute()) if os.sep in words[0] else words[0]
        if shutil.which(program) is None:
            raise InjectionFailed(f"there is no program `{words[0]}`")
        if address.nodes and not any("{node}" in word for word in words):
            raise InjectionFailed(
                f"`{' '.join(words)}` does not say which machine: write {{node}} where its name belongs"
            )


async def off(cluster: Cluster, stopped: Sequence[Machine], stage: Stage) -> None:
    """Stop each machine, and remember when its node was last heard of."""

    async def one(machine: Machine) -> None:
        await stage.act(f"stop the machine of node {machine['node']}", _run, machine, "off")

    await each(stopped, one, stop=True)
    await stage.sleep(_LOOK_S)  # what the server had taken in by then is stored
    await _listen(cluster, stopped, stage)


async def on(cluster: Cluster, data: Mapping[str, Any], stage: Stage) -> None:
    """Start each machine, and wait for its node. Raises InjectionFailed when one is not back yet."""
    started: Sequence[Machine] = data.get("machines") or ()

    async def one(machine: Machine) -> None:
        await stage.act(f"start the machine of node {machine['node']}", _run, machine, "on")

    await each(started, one)
    if data.get("heard"):  # a command may have ended before the machine did, and a dying one been heard of since
        data = {**data, **await _listen(cluster, started, stage)}
    names = [one["node"] for one in started]
    if not started:  # whoever found a mark alone cannot start a machine
        names = [ref["ref"][2] for ref in data["held"] if not ref["changes"]]
    while left := [name for name in names if not await _is_back(cluster, name, data)]:
        if not started:
            raise InjectionFailed(_by_hand(left, data["owner"][0]))
        if stage.remaining_s() < _SPARE_S:
            raise InjectionFailed(f"node {left[0]} is not back")
        await stage.sleep(_LOOK_S)


def _by_hand(nodes: Sequence[str], injection: str) -> str:
    """What is left to do where nobody knows the commands: they may hold secrets, so that no mark tells them."""
    run, many = injection.partition("-")[0], len(nodes) > 1
    return (f"node{'s' if many else ''} {', '.join(nodes)}: the machine{'s were' if many else ' was'} stopped by `power_off` of "
            f"the inventory of run {run}, and no mark tells that command; heal where that was run (drills heal {run}), or start "
            f"{'them' if many else 'it'} by hand and heal again")  # fmt: skip


async def verify(remembered: Remembered) -> Effect:
    """Whether the machines show no sign of life; when healing, whether one still shows none."""
    memory, data = Memory.from_data(remembered.data), remembered.data
    names = [one["node"] for one in data["machines"]]
    try:
        async with reach(memory.cluster) as cluster:
            dead = [name for name in names if not await _is_back(cluster, name, data)]
            marked = await memory.effect(cluster, "marked as stopped")
    except InjectionFailed as error:
        return Effect(None, str(error))
    if memory.healing:
        return Effect(True, f"node {dead[0]} is not back") if dead else marked
    if len(dead) < len(names):
        return Effect(False, f"node {next(one for one in names if one not in dead)} is alive")
    return Effect(True, f"no sign of life of node {', '.join(dead)}")


def startable(found: Residue, addresses: Sequence[KubernetesAddress]) -> Residue:
    """The same, with how the machine is started, where one of these says it; a node that was changed has lost no power."""
    data = found.remembered.data
    knows = next((one for one in addresses if one.power_on), None)
    if knows is None or data["held"][0]["changes"]:
        return found
    whole = {**data, "machines": machines(knows, [data["held"][0]["ref"][2]])}
    return replace(found, remembered=replace(found.remembered, data=whole))


async def _is_back(cluster: Cluster, node: str, data: Mapping[str, Any]) -> bool:
    """Whether a node is ready, and was heard of since its machine was stopped, or started again.

    For up to its grace period a cluster believes in a node that is long dead.
    """
    there = await cluster.get(NODE.path(name=node))
    if there is None or not is_ready(there):
        return False
    heard = (data.get("heard") or {}).get(node)
    return heard is None or await _heard(cluster, node) != heard


async def _listen(cluster: Cluster, those: Sequence[Machine], stage: Stage) -> Mapping[str, Any]:
    """Remember when the node of each was last heard of."""
    told = {"heard": {one["node"]: await _heard(cluster, one["node"]) for one in those}}
    stage.remember(told)
    return told


async def _heard(cluster: Cluster, node: str) -> str | None:
    """When its kubelet last renewed its lease; None where it has none."""
    lease = await cluster.get(LEASE.path("kube-node-lease", node))
    return str(lease["spec"].get("renewTime")) if lease else None


def _run(machine: Machine, which: str) -> None:
    """Run one of the commands. Raises InjectionFailed when it does not succeed; one that takes too long is killed whole."""
    import os
    import shlex
    import signal
    import subprocess
    from contextlib import suppress
    from tempfile import TemporaryFile

    shown = shlex.join(machine[which])
    with TemporaryFile() as output:
        try:
            process = subprocess.Popen(machine[which], cwd=machine["cwd"], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        except OSError as error:
            raise InjectionFailed(f"cannot run {shown}: {(error.strerror or str(error)).lower()}") from None
        try:
            code = process.wait(_COMMAND_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise InjectionFailed(f"{shown} was not done within {_COMMAND_S:g} s") from None
        output.seek(0)
        said = output.read().decode(errors="replace").strip().rpartition("\n")[2][-_TOLD_MAX:]
    if code:
        raise InjectionFailed(f"{shown}: {said or f'exit {code}'}")
