"""The sockets of a client, all closed when it hangs up: also those on which nobody waits any longer.

A request that is cancelled leaves its connection to be shut down politely, or, while TLS is being agreed on, to nobody
at all. Either outlives the client for as long as the server pleases.
"""

import asyncio
import socket
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

_CLOSED_S = 1.0
_LOOK_S = 0.005


class Sockets:
    """Makes sockets, as `TCPConnector(socket_factory=...)` asks for them, and remembers those that are open."""

    def __init__(self) -> None:
        self._made = WeakSet[socket.socket]()

    def __call__(self, address: tuple[Any, ...]) -> socket.socket:
        family, sort, protocol, *_ = address
        made = socket.socket(family, sort, protocol)
        self._made.add(made)
        return made

    async def hang_up(self) -> None:
        """Shut down what is open. Whose sockets they are finds them at an end then, and closes them."""
        until_s = time.monotonic() + _CLOSED_S
        while (there := [one for one in self._made if one.fileno() >= 0]) and time.monotonic() < until_s:
            for one in there:
                with suppress(OSError):  # the server was faster
                    one.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(_LOOK_S)
