"""Commands that are run beside everything else, each leading a session of its own, so that nothing of it outlives its time."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio.subprocess import Process


async def start(*words: str, **how: Any) -> "Process":
    """Start it with no input, and `how` as asyncio has it; of one cancelled meanwhile nothing is left. Raises OSError."""
    import asyncio

    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, **how)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:  # broken off in there, asyncio would end the leader alone
        with suppress(OSError):
            await end(await starting)
        raise


async def end(process: "Process") -> None:
    """Kill it with all of its group, unless it has ended."""
    if process.returncode is None:
        kill(process)
        await process.wait()


def kill(process: "Process") -> None:
    """Kill all of its group, while any of them is there."""
    import os
    import signal

    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
