"""Looks whether a TCP service takes a connection, and if told so whether it says what it should."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from checks.probe import GOOD, Look, TargetName, Watch, bad

if TYPE_CHECKING:
    import asyncio

_ANSWER_MAX = 64 * 1024
"""Bytes of an answer in which the expected text must come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpService:
    """Where a TCP service is."""

    name: ClassVar[str] = "tcp"

    host: Annotated[str, "Name or address"]
    port: Annotated[int, "Port"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProbe:
    """Makes a connection, sends a text, waits for another, hangs up. A new connection for each look."""

    name: ClassVar[str] = "tcp"
    address: ClassVar[type] = TcpService

    target: Annotated[TargetName, "The service to look at"]
    send: Annotated[str, 'Text to send, as "PING\\r\\n"'] = ""
    expect: Annotated[str, "Text that the answer must hold"] = ""

    @asynccontextmanager
    async def open(self, address: TcpService, mark: str) -> AsyncIterator[Watch]:
        """Nothing is connected yet, and nothing of ours is ever left in the target."""
        yield _Calls(address, self)


class _Calls:
    """The probe at work."""

    def __init__(self, address: TcpService, settings: TcpProbe) -> None:
        self._address = address
        self._send, self._expect = settings.send.encode(), settings.expect.encode()

    async def look(self, n: int) -> Look:
        """See the contract."""
        import asyncio

        reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
        try:
            writer.write(self._send)
            seen = await self._listen(reader)
        except BaseException:
            writer.transport.abort()  # closing would wait for a peer that may never read
            raise
        writer.close()
        return seen

    async def _listen(self, reader: "asyncio.StreamReader") -> Look:
        heard = b""
        while self._expect not in heard:
            part = await reader.read(4096)
            heard += part
            if not part:
                return bad(f"the connection was closed before `{self._expect.decode()[:40]}` came")
            if len(heard) > _ANSWER_MAX:
                return bad(f"`{self._expect.decode()[:40]}` is not in the first {_ANSWER_MAX // 1024} kB of the answer")
        return GOOD
