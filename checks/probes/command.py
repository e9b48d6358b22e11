"""Looks by running a command: for whatever no other probe can look at."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from checks import commands
from checks.probe import GOOD, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_OUTPUT_MAX = 64 * 1024
"""Bytes of output that are kept, the last ones."""
_READS_MAX = 64
"""Reads of what is left at the end; somebody in the background may print for ever."""
_REASON_MAX = 200
"""Characters of the last line that become the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPlace:
    """Where commands that look at a target are run: on this host. Everything may be left out, as `command: {}`."""

    name: ClassVar[str] = "command"

    cwd: Annotated[str, "Folder to run in; left out, the one the drill was started in"] = ""
    env: Annotated[tuple[str, ...], "Variables on top of ours, each as NAME=value"] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for one in self.env:
            if "=" not in one:
                raise ValueError("env", f"`{one}` sets no variable", "write it as NAME=value")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandProbe:
    """Runs a program, without a shell. Exit 0 is good; otherwise the last line of its output says why not.

    It finds the number of the look in `CHAOS_DRILLS_LOOK`, and in `CHAOS_DRILLS_MARK` a word of this run's own. When
    its time is up it is killed, with whatever it started.
    """

    name: ClassVar[str] = "command"
    address: ClassVar[type] = CommandPlace

    target: Annotated[TargetName, "The target to look at, whose `command` says where to run"]
    run: Annotated[tuple[str, ...], "The program and its arguments"]
    blind: Annotated[tuple[int, ...], "Exit codes that mean: it could not look"] = (126, 127)

    def __post_init__(self) -> None:
        if not self.run:
            raise ValueError("run", "there is nothing to run", 'as in run: ["./look.sh", "orders"]')
        if 0 in self.blind:
            raise ValueError("blind", "exit code 0 means that all is well", "take 0 away")

    @asynccontextmanager
    async def open(self, address: CommandPlace, mark: str) -> AsyncIterator[Watch]:
        """Nothing is run yet. What a command leaves in the target is its own business."""
        yield _Runs(address, self, mark)


class _Runs:
    """The probe at work."""

    def __init__(self, address: CommandPlace, settings: CommandProbe, mark: str) -> None:
        import os

        self._run, self._blind, self._cwd = settings.run, settings.blind, address.cwd or None
        self._env = {**os.environ, **dict(one.split("=", 1) for one in address.env), "CHAOS_DRILLS_MARK": mark}

    async def look(self, n: int) -> Look:
        """See the contract."""
        import os

        ours, theirs = os.pipe()
        output = _Output(ours)
        try:
            process = await self._start(n, theirs)
            code = await _ended(process, output)
        except _CannotRun as error:
            return blind(f"cannot run {error}")
        finally:
            output.close()
        return self._judge(code, output.last_line())

    async def _start(self, n: int, pipe: int) -> "Process":
        """Run the command with the pipe for its output; our copy of that end is closed then."""
        import os

        env = {**self._env, "CHAOS_DRILLS_LOOK": str(n)}
        try:
            return await commands.start(*self._run, stdout=pipe, stderr=pipe, cwd=self._cwd, env=env)
        except OSError as error:
            raise _CannotRun(f"{error.filename or self._run[0]}: {(error.strerror or str(error)).lower()}") from None
        finally:
            os.close(pipe)

    def _judge(self, code: int, last_line: str) -> Look:
        if code == 0:
            return GOOD
        why = last_line or (f"exit {code}" if code > 0 else f"killed by signal {-code}")
        return blind(why) if code in self._blind else bad(why)


class _CannotRun(Exception):
    """The command could not be started; the message names the file and what is the matter with it."""


class _Output:
    """What a command prints: read at once, so that it never waits for us, and only the end of it kept."""

    def __init__(self, pipe: int) -> None:
        import asyncio
        import os

        os.set_blocking(pipe, False)
        self._pipe, self._kept, self._loop = pipe, bytearray(), asyncio.get_running_loop()
        self._loop.add_reader(pipe, self._take)

    def last_line(self) -> str:
        """The last line that was printed, cut to a reason's length; empty when there was none."""
        return bytes(self._kept).decode(errors="replace").strip().rpartition("\n")[2].strip()[:_REASON_MAX]

    def is_held(self) -> bool:
        """Take what is there; True when somebody could still print."""
        for _ in range(_READS_MAX):
            try:
                if not self._take():
                    return False
            except BlockingIOError:
                return True
        return True

    def close(self) -> None:
        """Stop reading."""
        import os

        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)

    def _take(self) -> int:
        import os

        part = os.read(self._pipe, _OUTPUT_MAX)
        self._kept += part
        del self._kept[:-_OUTPUT_MAX]
        if not part:
            self._loop.remove_reader(self._pipe)
        return len(part)


async def _ended(process: "Process", output: _Output) -> int:
    """The exit code. Its whole group is killed when we are cancelled, and when it ends with somebody still printing."""
    try:
        code = await process.wait()
    except BaseException:
        await commands.end(process)
        raise
    # Whoever still holds the output is of its group, so the group's number cannot be anybody else's yet.
    if output.is_held():
        commands.kill(process)
    return code
