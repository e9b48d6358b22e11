"""Plays one side of a call: numbered datagrams at an even pace, each of which a reflector sends back.

A look is one datagram, so a stream of 50 packets a second is `every: 20ms`. The look's time is the way there and back.
What comes back twice counts once, and in what order answers come does not matter; one that comes after `timeout` was lost.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from checks.probe import GOOD, CannotLook, Look, TargetName, Watch

if TYPE_CHECKING:
    import asyncio

_MARK, _NUMBER = 16, 8
"""Bytes of the run's mark and of the number, with which a datagram begins."""
_SIZE_MAX = 1400
"""More may not fit into one frame on the way, and would be cut in two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpReflector:
    """Where datagrams are sent back to whoever sent them, unchanged."""

    name: ClassVar[str] = "udp_stream"

    host: Annotated[str, "Name or address; of a name with several addresses the first is meant"]
    port: Annotated[int, "Port"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpStreamProbe:
    """Sends a numbered datagram, and waits until it is back. All looks share one socket."""

    name: ClassVar[str] = "udp_stream"
    address: ClassVar[type] = UdpReflector

    target: Annotated[TargetName, "The reflector"]
    size: Annotated[int, "Bytes of a datagram; 160 are 20 ms of telephone sound (G.711)"] = 160

    def __post_init__(self) -> None:
        if not _MARK + _NUMBER <= self.size <= _SIZE_MAX:
            raise ValueError("size", f"a datagram cannot have {self.size} bytes",
                             f"give it {_MARK + _NUMBER} to {_SIZE_MAX}")  # fmt: skip

    @asynccontextmanager
    async def open(self, address: UdpReflector, mark: str) -> AsyncIterator[Watch]:
        """Nothing is sent yet, and nothing of ours is ever left in the target."""
        import asyncio

        loop = asyncio.get_running_loop()
        stream = _Stream(mark, self.size, loop.create_future())
        try:
            # A connected socket hears of refusals, and of nobody but the reflector.
            stream.transport, _ = await loop.create_datagram_endpoint(
                lambda: _ears(stream), remote_addr=(address.host, address.port)
            )
        except OSError as error:
            raise CannotLook(f"no way to {address.host}:{address.port}: {error.strerror or error}") from error
        try:
            yield stream
        finally:
            stream.transport.abort()
            await stream.closed


class _Stream:
    """The probe at work."""

    transport: "asyncio.DatagramTransport"

    def __init__(self, mark: str, size: int, closed: "asyncio.Future[None]") -> None:
        self._mark, self._size = mark.encode()[:_MARK].ljust(_MARK, b"\0"), size
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        """Datagrams that are not back yet, in the order of sending."""
        self._sending: asyncio.Future[None] | None = None
        self.closed = closed

    async def look(self, n: int) -> Look:
        """See the contract."""
        import asyncio

        datagram = (self._mark + n.to_bytes(_NUMBER, "big")).ljust(self._size, b"\0")
        self._waiting[datagram] = self._sending = back = asyncio.get_running_loop().create_future()
        try:
            self.transport.sendto(datagram)
            self._sending = None
            await back
        finally:
            del self._waiting[datagram]
        return GOOD

    def came(self, datagram: bytes) -> None:
        """Something came. What nobody waits for is foreign, late, or back for the second time."""
        back = self._waiting.get(datagram)
        if back and not back.done():
            back.set_result(None)

    def refused(self, error: Exception) -> None:
        """A datagram could not be sent, or did not arrive.

        Of which one it did not arrive is not said. Refusals come in the order of sending, so it is the one that has
        waited longest; were it all of them, one refusal would take those with it that do come back.
        """
        back = self._sending or next((one for one in self._waiting.values() if not one.done()), None)
        if back and not back.done():
            back.set_exception(error)


def _ears(stream: _Stream) -> "asyncio.DatagramProtocol":
    """What asyncio tells of the socket. A class in a function, since asyncio is not there before."""
    import asyncio

    class Ears(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            stream.came(data)

        def error_received(self, exc: Exception) -> None:
            stream.refused(exc)

        def connection_lost(self, exc: Exception | None) -> None:
            stream.closed.set_result(None)

    return Ears()
