"""One direction of a connection: read from one socket, through the stages of its toxics, write to the other.

All of it is plain calls in one thread. A link is both ends of its own chain: as the first node it reads (`after` is
the first stage, `room` makes it read on), as the last one it writes (`take`, `full`). Without stages the two meet, and
bytes go from the hub's buffer to the other socket without a copy.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Protocol

from injectors.proxy import kernel
from injectors.proxy.hub import Hub, Timer, Watch, report
from injectors.proxy.pacing import Bucket, SharedBandwidth
from injectors.proxy.stage import Chunk, Node, Stage
from injectors.proxy.stages import Lossy, fitting
from injectors.proxy.toxic import Stream, Toxic

_BITE_MAX = 256 * 1024
"""What is read at once; stages may want less."""
_SENT_AT_ONCE = 32
"""So many waiting chunks go to the kernel in one call."""


class Owner(Protocol):
    """What a link needs of the connection that it is half of."""

    hub: Hub

    def key(self, stream: Stream, toxic: Toxic) -> str:
        """What the random numbers of a toxic on this stream depend on."""
        ...

    def bucket(self, toxic: Toxic) -> Bucket:
        """The bandwidth that this toxic lets all connections share."""
        ...

    def link_over(self, link: Link) -> None:
        """The last byte has been written, or cannot be."""
        ...

    def reset(self) -> None:
        """End with RST when it ends."""
        ...

    def broken(self, problem: Exception) -> None:
        """Close because of a bug."""
        ...


class Link:
    """One direction of one connection."""

    __slots__ = (
        "_bite", "_buffer", "_ended", "_finishing", "_over", "_owner", "_pending", "_recv_into", "_send", "_sink", "_source",
        "_stages", "after", "before", "hub", "received", "sent", "sink_watch", "source_watch", "stream",
    )  # fmt: skip

    source_watch: Watch
    sink_watch: Watch

    def __init__(self, owner: Owner, stream: Stream, source: socket.socket, sink: socket.socket) -> None:
        self.hub = owner.hub
        self.stream: Stream = stream
        self.received = 0
        self.sent = 0
        self.before: Node = self
        self.after: Node = self
        self._owner = owner
        self._source = source
        self._sink = sink
        self._buffer = owner.hub.buffer
        self._bite = _BITE_MAX
        self._recv_into = source.recv_into
        self._send = sink.send
        self._stages: dict[Toxic, Stage] = {}
        self._pending: deque[Chunk] = deque()
        self._ended = False
        """Nothing more is read."""
        self._finishing = False
        """The end of the stream has come to the last node."""
        self._over = False

    # What the two sockets have to say.

    def read(self) -> None:
        """The source has something."""
        if self.after is not self or self._pending:
            self._read_chunk()
            return
        try:
            size = self._recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:  # a reset ends the stream as a FIN does
            size = 0
        if not size:
            self.source_gone()
            return
        self.received += size
        self._write(self._buffer[:size])
        if self._pending:
            # The buffer is everybody's.
            self._pending.append(bytes(self._pending.pop()))
            self.source_watch.reading(False)

    def drain(self) -> None:
        """The sink has room again."""
        while self._pending:
            chunks = list(islice(self._pending, _SENT_AT_ONCE))
            size = sum(map(len, chunks))
            try:
                sent = self._sink.sendmsg(chunks)
            except BlockingIOError:
                return
            except OSError:
                self._sink_failed()
                return
            self._sent(sent)
            if sent < size:
                return
        self.sink_watch.writing(False)
        if self._finishing:
            self._finish()
        else:
            self.before.room()

    def source_gone(self) -> None:
        """The stream ends here; what was read before it is still delivered."""
        if not self._ended:
            self._stop_reading()
            self.after.take(self.hub.time(), b"")

    def start(self) -> None:
        """Begin to relay."""
        self.room()

    def end(self) -> None:
        """Let go of everything at once. The sockets are the owner's to close."""
        self._over = self._ended = True
        self._pending.clear()
        for stage in self._stages.values():
            stage.drop()

    # The two ends of the chain.

    @property
    def full(self) -> bool:
        """Whether the sink has not taken all that it was given."""
        return bool(self._pending)

    def take(self, at: float, data: Chunk) -> None:
        """Write, now or when the sink has room."""
        if self._over or self._finishing:
            return
        if not data:
            self._finishing = True
            if not self._pending:
                self._finish()
        elif self._pending:
            self._pending.append(data)
        else:
            self._write(data)

    def room(self) -> None:
        """Read on."""
        if not self._ended and not self.after.full:
            self.source_watch.reading(True)

    # What stages ask for.

    def at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at this time; a bug in there ends this connection only."""
        return self.hub.at(when, partial(self._guarded, callback))

    def cut(self, stage: Stage) -> None:
        """End the stream at this stage; what the stages before it hold is lost."""
        if stage.done:
            return
        self._stop_reading()
        after = stage.after
        for one in self._chain():
            one.done = True
            one.drop()
            if one is stage:
                break
        self._wire()
        after.take(self.hub.time(), b"")

    def reset(self) -> None:
        """End with RST when the end has come."""
        self._owner.reset()

    def broken(self, problem: Exception) -> None:
        """Close the connection because of a bug."""
        self._owner.broken(problem)

    # Changes of the toxics.

    def add(self, toxic: Toxic) -> None:
        """Put a toxic at the end of the chain, if it means this connection."""
        stage = self._stages[toxic] = self._stage(toxic)
        if stage.is_hit():
            self._put_in(stage)

    def update(self, toxic: Toxic) -> None:
        """The toxic has new attributes, or another toxicity."""
        stage = self._stages[toxic]
        if type(stage) is not fitting(toxic):  # losses that the kernel can make, and now cannot; or the reverse
            if stage.affected:
                self._take_out(stage)
            stage = self._stages[toxic] = self._stage(toxic)
        hit = stage.is_hit()
        if hit and not stage.affected:
            self._put_in(stage)
        elif stage.affected and not hit:
            self._take_out(stage)
        elif hit and stage.in_chain:
            stage.retime()
        elif hit:
            self._lose_segments(stage)

    def remove(self, toxic: Toxic) -> None:
        """Take a toxic out; what it held goes on first."""
        stage = self._stages[toxic]
        if stage.affected:
            self._take_out(stage)
        del self._stages[toxic]

    def spoilers(self) -> list[str]:
        """The names of the toxics that spoil this direction."""
        return [toxic.name for toxic, stage in self._stages.items() if stage.affected]

    def _stage(self, toxic: Toxic) -> Stage:
        kind, key = fitting(toxic), self._owner.key(self.stream, toxic)
        if kind is SharedBandwidth:
            return SharedBandwidth(self, toxic, key, self._owner.bucket(toxic))
        return kind(self, toxic, key)

    def _put_in(self, stage: Stage) -> None:
        stage.affected = True
        if stage.in_chain:
            self._wire()
            stage.begin()
        else:
            self._lose_segments(stage)

    def _take_out(self, stage: Stage) -> None:
        if stage.in_chain and not stage.done and not self._over:
            stage.leave()
        stage.affected = False
        if not stage.in_chain:
            self._lose_segments(stage)
        elif not self._over and not stage.done:
            self._wire()
            stage.before.room()

    def _chain(self) -> list[Stage]:
        return [one for one in self._stages.values() if one.affected and one.in_chain and not one.done]

    def _wire(self) -> None:
        last: Node = self
        self._bite = _BITE_MAX
        for stage in self._chain():
            stage.before, last.after = last, stage
            last = stage
            self._bite = min(self._bite, stage.bite)
        last.after, self.before = self, last

    def _lose_segments(self, changed: Stage) -> None:
        """Have the kernel lose as much of what comes in as all toxics together want."""
        if not isinstance(changed, Lossy):
            return
        passing = 1.0
        for stage in self._stages.values():
            if isinstance(stage, Lossy) and stage.affected:
                passing *= 1.0 - stage.share
        if self._source.fileno() >= 0:
            kernel.lose(self._source, 1.0 - passing)

    # Reading and writing.

    def _read_chunk(self) -> None:
        if self.after.full:
            self.source_watch.reading(False)
            return
        try:
            data = self._source.recv(self._bite)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.source_gone()
            return
        self.received += len(data)
        self.after.take(self.hub.time(), data)

    def _write(self, data: Chunk) -> None:
        """Send what the sink takes; the rest becomes pending."""
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._sink_failed()
            return
        self.sent += sent
        if sent < len(data):
            self._pending.append(memoryview(data)[sent:])
            self.sink_watch.writing(True)

    def _sent(self, size: int) -> None:
        """Forget so many bytes of what is pending."""
        self.sent += size
        while size:
            first = self._pending.popleft()
            if size < len(first):
                self._pending.appendleft(memoryview(first)[size:])
                return
            size -= len(first)

    def _stop_reading(self) -> None:
        self._ended = True
        self.source_watch.reading(False)

    def _sink_failed(self) -> None:
        self._stop_reading()
        self._finish()

    def _finish(self) -> None:
        if not self._over:
            self.end()
            self._owner.link_over(self)

    def _guarded(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as problem:  # noqa: BLE001 - one connection's bug must not end the others
            report(problem, self._owner.broken)
