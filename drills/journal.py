"""The append-only file of a run's events, one JSON line each, hash-chained so that an edit shows.

A line ends with its `link`: SHA-256 over the link before it and the line's own text, cut to 32 hex digits. So a
changed line, a missing one and one put in between are each told by number. One process writes at a time: the
writer holds a lock on the file, which the system frees the moment the writer dies.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sys import intern
from typing import Any, Self

from checks import Event, Trust
from drills.clock import Clock, stamp
from drills.errors import DrillError, Place, Problem
from drills.events import EventKind

FORMAT = 1
"""Of a line and of the events' data; in the first line of every journal. 1: the first."""

_GENESIS = "0" * 32
_TAIL = ',"link":"'
_SCAN = json.JSONDecoder().raw_decode
"""Reads one JSON value; that nothing comes behind it, the link proves."""
_TAIL_BYTES = _TAIL.encode()
_TAIL_LENGTH = len(_TAIL) + 32 + len('"}')
_PIECE = 65_536
"""Bytes that are read at a time from the end."""


class JournalBusy(Exception):
    """Another process is writing this journal."""


class Journal:
    """The writer. Times are taken from the clock at the moment of writing unless given."""

    def __init__(self, path: Path, clock: Clock, *, origin_s: float, seq: int, link: str, handle: int) -> None:
        self.path = path
        self.clock = clock
        self.origin_s = origin_s
        """The clock's monotonic seconds at the run's zero."""
        self._seq, self.link, self._handle = seq, link, handle
        self._listeners: list[Callable[[Event], None]] = []
        self._size = os.fstat(handle).st_size
        self.may_fail = False
        """Set while healing: then a line that cannot be written is passed over, for no full disk may keep a fault alive."""
        self.hide: Callable[[str], str] = str
        """What every text goes through on its way to the file, to keep secrets out of it."""
        self.lost = 0
        """How many lines were passed over."""

    @classmethod
    def create(cls, path: Path, clock: Clock) -> Self:
        """Begin a journal; raises FileExistsError when there is one already."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _lock(handle, path)
        return cls(path, clock, origin_s=clock.monotonic_s(), seq=0, link=_GENESIS, handle=handle)

    @classmethod
    def resume(cls, path: Path, clock: Clock) -> tuple[Self, list[Event]]:
        """Go on with the journal of a writer that has died, and pass what it holds.

        A last line that was torn by the death is moved to a file beside it and noted. Raises JournalBusy while
        somebody else writes, and DrillError when the journal was edited.
        """
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            _lock(handle, path)
            return cls._resumed(path, clock, handle)
        except BaseException:
            os.close(handle)
            raise

    @classmethod
    def _resumed(cls, path: Path, clock: Clock, handle: int) -> tuple[Self, list[Event]]:
        reading = _Reading(path)
        events = list(reading)
        if reading.torn:
            with suppress(OSError):  # half a line is no evidence, and no full disk may keep us from healing
                path.with_suffix(".torn").write_bytes(reading.torn)
            os.ftruncate(handle, reading.size)
        torn, link = reading.torn, reading.link.decode()
        journal = cls(path, clock, origin_s=_origin(events, clock), seq=len(events), link=link, handle=handle)
        if torn:
            events.append(
                journal.append("journal.torn", {"bytes": len(torn), "kept_in": path.with_suffix(".torn").name})
            )
        return journal, events

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call this with every event after it was written."""
        self._listeners.append(listener)

    @property
    def now_s(self) -> float:
        """Seconds since the run was opened."""
        return self.clock.monotonic_s() - self.origin_s

    def append(self, kind: EventKind, data: Mapping[str, Any] | None = None, *, source: str = "conductor",
               trust: Trust = Trust.OBSERVED, sync: bool = False) -> Event:  # fmt: skip
        """Write one event; with `sync` it is on disk when this returns. Raises OSError when it could not be written."""
        shown = data or {} if kind in _AS_IT_IS else _through(self.hide, data or {})
        event = Event(seq=self._seq, t_s=round(self.now_s, 6), at=stamp(self.clock.utc()), kind=kind, source=source,
                      trust=trust, data=shown)  # fmt: skip
        body = _body(event)
        link = link_of(self.link, body)
        try:
            self._write(f'{body}{_TAIL}{link}"}}\n'.encode(), sync=sync)
        except OSError:
            if not self.may_fail:
                raise
            self.lost += 1
        else:
            self._seq, self.link = self._seq + 1, link
        for listener in self._listeners:
            listener(event)
        return event

    def _write(self, line: bytes, *, sync: bool) -> None:
        """Write a whole line, or none of it: half a line would break the chain for all that come after."""
        try:
            written = 0
            while written < len(line):
                written += os.write(self._handle, line[written:])
            if sync:
                os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        """Put everything on disk and let go of the lock."""
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)


def events(path: Path) -> Iterator[Event]:
    """The events of a journal one by one, checked link by link; a line torn off at the very end is left out.

    Raises DrillError that names the first line which does not follow from the one before.
    """
    return iter(_Reading(path))


def read(path: Path) -> list[Event]:
    """All events of a journal at once; raises as `events` does."""
    return list(events(path))


def now_s(events: Sequence[Event], clock: Clock) -> float:
    """What time it is in a run that another process writes down, by what its journal holds: seconds since its zero."""
    return clock.monotonic_s() - _origin(events, clock)


def last_link(path: Path) -> str:
    """The last link of a journal, which stands for all of it."""
    with path.open("rb") as file:
        place, end = file.seek(0, os.SEEK_END), b""
        while place and end.count(b"\n") < 2:
            step = min(place, _PIECE)
            place = file.seek(place - step)
            end = file.read(step) + end
    return end.rpartition(b"\n")[0].rpartition(b"\n")[2][-34:-2].decode("ascii", "replace")


def is_being_written(path: Path) -> bool:
    """True while some process holds this journal open for writing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def boot() -> str:
    """What tells this boot of this machine from others: monotonic times compare only within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        import psutil

        return f"boot-{psutil.boot_time():.0f}"


_AS_IT_IS = frozenset({"injection.remembered", "probe.sampled"})
"""Healing needs what was remembered to the letter; samples come by the thousand, and probes tell no passwords."""


def _through(hide: Callable[[str], str], value: Any) -> Any:
    """The same value with every text in it gone through `hide`."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: _through(hide, one) for key, one in value.items()}
    return [_through(hide, one) for one in value] if isinstance(value, list | tuple) else value


def _body(event: Event) -> str:
    text = json.dumps(
        {"seq": event.seq, "t_us": round(event.t_s * 1e6), "at": event.at, "kind": event.kind,
         "source": event.source, "trust": event.trust.value, "data": event.data},
        ensure_ascii=False, separators=(",", ":"), allow_nan=False,
    )  # fmt: skip
    return text[:-1]  # the closing brace comes after the link


def link_of(before: str, body: str) -> str:
    """The link of a line whose text without it is this, after one that has the link `before`."""
    return hashlib.sha256(f"{before}{body}".encode()).hexdigest()[:32]


def _lock(handle: int, path: Path) -> None:
    for pause_s in (
        0.01,
        0.05,
        0.1,
        0.1,
        None,
    ):  # whoever only asks whether it is being written holds it for an instant
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if pause_s is None:
                raise JournalBusy(f"{path} is being written by another process") from None
            time.sleep(pause_s)


_TRUST = {one.value: one for one in Trust}


class _Reading:
    """Reads a journal from its beginning, line by line, and checks that each follows from the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.link = _GENESIS.encode()
        self.size = 0
        """Bytes of whole lines that were read."""
        self.torn = b""
        """What was torn off at the end."""

    def __iter__(self) -> Iterator[Event]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    self.torn = line
                    return
                event = self._event(line, number)
                self.size += len(line)
                yield event

    def _event(self, line: bytes, number: int) -> Event:
        body, tail = line[: -_TAIL_LENGTH - 1], line[-_TAIL_LENGTH - 1 : -1]
        link = hashlib.sha256(self.link + body).hexdigest()[:32].encode()
        if tail != _TAIL_BYTES + link + b'"}':
            raise _damaged(self.path, number + 1)
        try:
            told, _ = _SCAN(line.decode(), 0)
            kind, data = intern(told["kind"]), told["data"]
            if not isinstance(data, dict):
                raise TypeError("an event's data have names")
            if kind != "probe.sampled":  # whose data nobody keeps
                # Names come by the hundred thousand and are few; each is kept once.
                data = {intern(name): value for name, value in data.items()}
            event = Event(seq=told["seq"], t_s=told["t_us"] / 1e6, at=told["at"], kind=kind,
                          source=intern(told["source"]), trust=_TRUST[told["trust"]], data=data)  # fmt: skip
        except (AttributeError, KeyError, ValueError, TypeError) as error:
            raise _damaged(self.path, number + 1) from error
        if event.seq != number:
            raise _damaged(self.path, number + 1)
        if not number and event.data.get("format") != FORMAT:
            raise DrillError([Problem(Place(str(self.path), 1, 1), f"journal has format {event.data.get('format')!r}",
                                      f"this version reads format {FORMAT}", "journal-format")])  # fmt: skip
        self.link = link
        return event


def _damaged(path: Path, number: int) -> DrillError:
    return DrillError([
        Problem(
            Place(str(path), number, 1),
            f"line {number} does not follow from the line before it: it was changed, or one was put in or taken out",
            "a run whose journal was edited is not judged; use an untouched copy",
            "journal-edited",
        )
    ])  # fmt: skip


def _origin(events: Sequence[Event], clock: Clock) -> float:
    """The run's zero on this process's monotonic clock; after a reboot it is reckoned from UTC."""
    opened = events[0] if events else None
    if opened and opened.data.get("boot") == boot():
        return float(opened.data["monotonic_s"])
    from datetime import datetime

    if opened is None:
        return clock.monotonic_s()
    return clock.monotonic_s() - (clock.utc() - datetime.fromisoformat(opened.at)).total_seconds()
