"""Throws a switch of operations, such as a rate limit or a degraded mode, by the commands by which people throw it.

So that a switch is known to work before it is needed; and so that what no engine brings about may be a fault all the same.
Whether it is thrown is for a command of its own to say, never for the one that throws it.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from injectors.injector import (
    Effect,
    Injection,
    InjectionFailed,
    Preview,
    Remembered,
    Residue,
    Stage,
    TargetName,
    Touch,
)

_TOLD_MAX = 200
"""Characters of what a command printed last that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchAddress:
    """A switch, and the commands of this host that throw it, throw it back and look; no shell."""

    name: ClassVar[str] = "switch"

    throw: Annotated[tuple[str, ...], "The command that throws it, one word an entry"]
    undo: Annotated[tuple[str, ...], "The command that throws it back; nothing happens when it is back already"]
    is_thrown: Annotated[
        tuple[str, ...], "The command that looks, and changes nothing: exit 0 when it is thrown, 1 when not"
    ]
    cwd: Annotated[str, "The folder they are run in; left out, the one the drill was started in"] = ""
    within: Annotated[timedelta, "After this time a command is ended"] = timedelta(seconds=5)

    def __post_init__(self) -> None:
        for key in ("throw", "undo", "is_thrown"):
            if not getattr(self, key) or not getattr(self, key)[0]:
                raise ValueError(key, f"`{key}` names no program", "write it and its arguments: [flagctl, set, limit]")
        if self.within <= timedelta(0):
            raise ValueError("within", "no command can be run in no time", "give it some, as 5s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw:
    """Throws the switch; healed when it is thrown back.

    One that is thrown already is somebody's, and is left alone.
    """

    name: ClassVar[str] = "throw"
    version: ClassVar[int] = 1
    address: ClassVar[type] = SwitchAddress
    target: Annotated[TargetName, "Which switch to throw"]

    async def preview(self, address: SwitchAddress) -> Preview:
        """See that the programs are there, and that it is not thrown."""
        switch = _remembered(address)
        if lacking := await _in_thread(_lacking, switch):
            return Preview(touches=(), does="", undo="", missing=f"there is no program `{lacking}`")
        await _refuse_thrown(switch)
        back = shlex.join(address.undo)
        touch = Touch(what=f"switch {self.target} ({shlex.join(address.throw)})", key=f"switch:{switch['cwd']}:{back}")
        return Preview(touches=(touch,), does=shlex.join(address.throw), undo=back)

    async def inject(self, injection: Injection, stage: Stage) -> None:
        """Throw it, unless it is thrown."""
        switch = _remembered(injection.address)
        if lacking := await _in_thread(_lacking, switch):
            raise InjectionFailed(f"there is no program `{lacking}`")
        await _refuse_thrown(switch)
        stage.remember(switch)
        await _do("throw", switch, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        """Throw it back, whether it is seen thrown or not: what throws it may still be on its way."""
        await _do("undo", remembered.data, stage)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        """Look."""
        return await _look(remembered.data)

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, SwitchAddress]]) -> list[Residue]:
        """Switches that are thrown, whoever did it."""
        found: list[Residue] = []
        for target, address in targets:
            switch = _remembered(address)
            effect = await _look(switch)
            if effect.present is None:
                raise InjectionFailed(f"{target}: {effect.why}")
            if effect.present:
                memory = Remembered(id=f"found-{target}", fault="", target=target, version=cls.version, data=switch)
                found.append(Residue(target=target, what=f"switch {target} is thrown", remembered=memory))
        return found


def _remembered(address: SwitchAddress) -> dict[str, Any]:
    """All that is needed to throw it back from anywhere."""
    from pathlib import Path

    return {"throw": list(address.throw), "undo": list(address.undo), "is_thrown": list(address.is_thrown),
            "cwd": str(Path(address.cwd).absolute()), "within_s": address.within.total_seconds()}  # fmt: skip


async def _refuse_thrown(switch: Mapping[str, Any]) -> None:
    effect = await _look(switch)
    if effect.present is None:
        raise InjectionFailed(f"nobody can say whether it is thrown: {effect.why}")
    if effect.present:
        raise InjectionFailed(f"it is thrown already; to throw it back: {shlex.join(switch['undo'])}")


async def _look(switch: Mapping[str, Any]) -> Effect:
    code, said = await _in_thread(_run, switch, "is_thrown")
    shown = shlex.join(switch["is_thrown"])
    present = {0: True, 1: False}.get(code)
    if present is None:
        return Effect(None, f"{shown}: {said or f'exit {code}'}")
    return Effect(present, said or f"{shown} ended with {code}")


async def _do(which: str, switch: Mapping[str, Any], stage: Stage) -> None:
    shown = shlex.join(switch[which])
    code, said = await stage.act(shown, _run, switch, which)
    if code != 0:
        raise InjectionFailed(f"{shown}: {said or f'exit {code}'}")


async def _in_thread(do: Any, *args: Any) -> Any:
    import asyncio

    return await asyncio.to_thread(do, *args)


def _lacking(switch: Mapping[str, Any]) -> str:
    """The first program that is not there; empty when all are."""
    import os
    import shutil
    from pathlib import Path

    for which in ("throw", "undo", "is_thrown"):
        program = switch[which][0]
        path = Path(switch["cwd"], program) if os.sep in program else program
        if shutil.which(path) is None:
            return str(program)
    return ""


def _run(switch: Mapping[str, Any], which: str) -> tuple[int, str]:
    """Run one of the commands: its exit code, and the last line that it printed. One that takes too long is killed whole."""
    import os
    import signal
    import subprocess
    from contextlib import suppress
    from tempfile import TemporaryFile

    with TemporaryFile() as output:
        try:
            process = subprocess.Popen(switch[which], cwd=switch["cwd"], stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        except OSError as error:
            return 127, f"cannot run {error.filename or switch[which][0]}: {(error.strerror or str(error)).lower()}"
        try:
            code = process.wait(switch["within_s"])
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return 124, f"it was not done within {switch['within_s']:g} s"
        return code, _last_line(output)


def _last_line(output: Any) -> str:
    import os

    output.seek(max(0, output.seek(0, os.SEEK_END) - 4 * _TOLD_MAX))
    text: str = output.read().decode(errors="replace")
    return text.strip().rpartition("\n")[2].strip()[-_TOLD_MAX:]
