"""A command run in a container of a pod, as `kubectl exec` does it, within a time and without a shell."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from injectors.injector import InjectionFailed
from injectors.kubernetes_api import Cluster, Ref

_PROTOCOL = "v4.channel.k8s.io"
_ERROR = 3
"""The channel that says at the end how it ended; the others are what it prints."""
_MESSAGE_MAX = 1 << 20


class Ended(NamedTuple):
    """How a command ended."""

    code: int | None
    """None: it had not ended when the time was over."""
    took_s: float
    """From when it was begun until it had ended."""


async def run(cluster: Cluster, pod: Ref, container: str, command: Sequence[str], within_s: float) -> Ended:
    """Run it and wait for its end. Raises InjectionFailed when it could not be begun."""
    import asyncio
    import time

    import aiohttp

    said: Any = {}
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(within_s), cluster.channel(_path(pod, container, command), _PROTOCOL) as channel:
            began_s = time.monotonic()
            async for message in channel:
                if message.type == aiohttp.WSMsgType.BINARY and message.data[:1] == bytes([_ERROR]):
                    said = message.json(loads=_read)
                    break
    except TimeoutError:
        return Ended(None, time.monotonic() - began_s)
    except aiohttp.WSServerHandshakeError as error:
        raise InjectionFailed(f"no command can be run in {pod}: the server answered {error.status}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise InjectionFailed(f"no command can be run in {pod}: {type(error).__name__}") from None
    return Ended(_code(said, pod), time.monotonic() - began_s)


def _read(message: Any) -> Any:
    import json

    return json.loads(message[1:])


def _path(pod: Ref, container: str, command: Sequence[str]) -> str:
    from urllib.parse import urlencode

    asked = [("stdout", "true"), ("stderr", "true"), ("container", container), *(("command", word) for word in command)]
    return f"{pod.path}/exec?{urlencode(asked)}"


def _code(said: Any, pod: Ref) -> int:
    if said.get("status") == "Success":
        return 0
    causes = (said.get("details") or {}).get("causes") or []
    code = next((str(one.get("message")) for one in causes if one.get("reason") == "ExitCode"), "")
    if not code.isdecimal():
        raise InjectionFailed(f"the command could not be run in {pod}: {said.get('message') or 'nothing was said'}")
    return int(code)
