"""Looks of a probe, as they are kept and read: in columns, and where there are millions of them, aside.

Looks end in another order than they were sent in. So they are appended as they come to those that are open, and the next
reading sorts these. Once there are many, the oldest are closed: a block of them changes no more, and can be put aside.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, compress, islice
from operator import le, lt, sub
from typing import Any, overload

from checks.aside import Aside
from checks.blocks import COLUMNS, Block, Column, Part, Store
from checks.ordered import in_order


class Seen(StrEnum):
    """What one look saw. `BLIND` means that we could not look, which says nothing about the system."""

    GOOD = "+"
    BAD = "-"
    BLIND = "?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the system."""

    n: int
    """Its number at its probe, from 0; a probe that writes writes this number."""
    planned_s: float
    sent_s: float
    """When the look really began; `sent_s - planned_s` is how late we were."""
    done_s: float
    seen: Seen
    why: str = ""
    """Why it was bad or blind, in a few words."""
    seq: int
    """The journal line that holds it."""

    @property
    def took_s(self) -> float:
        """From sending to the answer, or to giving up."""
        return self.done_s - self.sent_s


_BLOCK = 1 << 15
"""Looks of a block; twice as many may be open."""
_KINDS_OF_LOOK = frozenset(seen.value for seen in Seen)
_RUN = re.compile(b"|".join(re.escape(seen.value.encode()) + b"+" for seen in Seen))
"""Looks in a row that saw the same; a pattern that refers back to itself would remember each of thousands."""
_SEEN = {ord(seen): seen for seen in Seen}


class Samples(Sequence[Sample]):
    """All looks of one probe in the order in which they were sent, 37 bytes each; with `aside` the oldest are there."""

    __slots__ = ("_closed", "_closed_s", "_open", "_places", "_settled", "_shown", "_store", "_whys", "probe")

    def __init__(self, probe: str, samples: Iterable[Sample] = (), *, aside: Aside | None = None) -> None:
        self.probe = probe
        self._store = Store(aside) if aside else None
        self._closed: list[Part] = []
        self._closed_s = 0.0
        """When the last of those that are closed was sent."""
        self._open: dict[str, array[Any]] = {name: array(kind) for name, kind in COLUMNS.items()}
        self._settled = 0
        """So many of the open ones are in order."""
        self._whys = [""]
        self._places = {"": 0}
        """Of each reason, where it is in the list."""
        self._shown: tuple[list[Part], list[int]] | None = None
        """All parts, and how many looks there are up to the end of each; None when that must be found out anew."""
        for sample in samples:
            self.add(sample)

    # --- taking in

    def add(self, sample: Sample) -> None:
        """Take one look in; looks may come in any order."""
        row = (
            sample.n,
            sample.seq,
            sample.planned_s,
            sample.sent_s,
            sample.done_s,
            ord(sample.seen),
            self._why(sample.why),
        )
        for column, value in zip(self._open.values(), row, strict=True):
            column.append(value)
        self._shown = None
        if len(self._open["n"]) >= 2 * _BLOCK:
            self._settle()

    def take(self, batch: Mapping[str, Any], seq: int) -> None:
        """Take in all looks of a journal line, as `pack` put them there. Raises ValueError when they do not fit."""
        n, planned, sent, took, seen = (batch[key] for key in ("n", "planned_us", "sent_us", "took_us", "seen"))
        count = len(n)
        if not count == len(planned) == len(sent) == len(took) == len(seen) or not _KINDS_OF_LOOK.issuperset(seen):
            raise ValueError(f"journal line {seq} holds looks that do not fit together")
        columns, whys = self._open, batch["why"]
        columns["n"].extend(n)
        columns["seq"].extend(array("i", (seq,)) * count)
        columns["planned"].extend([us / 1e6 for us in planned])
        columns["sent"].extend([us / 1e6 for us in sent])
        columns["done"].extend([(us + took_us) / 1e6 for us, took_us in zip(sent, took, strict=True)])
        columns["seen"].frombytes(seen.encode("ascii"))
        if whys:
            columns["why"].extend([self._why(whys.get(str(one), "")) for one in n])
        else:
            columns["why"].frombytes(bytes(columns["why"].itemsize * count))
        self._shown = None
        if len(columns["n"]) >= 2 * _BLOCK:
            self._settle()

    def _why(self, text: str) -> int:
        """The place of a reason in the list; there are few, and each is kept once."""
        place = self._places.setdefault(text, len(self._whys))
        if place == len(self._whys):
            self._whys.append(text)
        return place

    def _settle(self) -> None:
        """Put the looks taken in since the last reading where they belong, and close the oldest if there are many."""
        if self._settled == len(self._open["n"]):
            return
        new = self._open["sent"][max(0, self._settled - 1) :]
        if (self._settled or not self._closed) and all(map(lt, new, islice(new, 1, None))):
            self._settled = len(self._open["n"])
        else:
            self._sort_in()
        while len(self._open["n"]) >= 2 * _BLOCK:
            self._close()

    def _sort_in(self) -> None:
        new_s = min(self._open["sent"][self._settled :])
        while self._closed and new_s <= self._closed_s:
            self._reopen()
        self._sort(bisect_left(self._open["sent"], new_s, 0, self._settled))
        self._settled = len(self._open["n"])

    def _sort(self, first: int) -> None:
        """Those from there on: as they were sent, and at one moment by number."""
        sent, n = self._open["sent"][first:], self._open["n"][first:]
        if all(map(le, zip(sent, n, strict=True), islice(zip(sent, n, strict=True), 1, None))):
            return
        keys = list(zip(sent, n, strict=True))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        for column in self._open.values():
            part = column[first:]
            column[first:] = array(part.typecode, map(part.__getitem__, order))

    def _close(self) -> None:
        block = Block({name: column[:_BLOCK] for name, column in self._open.items()})
        self._closed_s = block.values("sent")[-1]
        self._closed.append(Part(self._store.kept(block) if self._store else block, 0, _BLOCK))
        self._settled -= _BLOCK
        for column in self._open.values():
            del column[:_BLOCK]

    def _reopen(self) -> None:
        """One came that was sent before those that were thought to be complete."""
        part = self._closed.pop()
        self._closed_s = self._closed[-1].values("sent")[-1] if self._closed else 0.0
        self._open = {name: part.values(name) + column for name, column in self._open.items()}
        self._settled += part.size

    # --- reading

    def _parts(self) -> list[Part]:
        return self._all()[0]

    def _all(self) -> tuple[list[Part], list[int]]:
        self._settle()
        if self._shown is None:
            newest = Block(self._open)
            parts = [*self._closed, *([Part(newest, 0, newest.size)] if newest.size else [])]
            self._shown = parts, list(accumulate(part.size for part in parts))
        return self._shown

    def __len__(self) -> int:
        return self._all()[1][-1] if self._all()[1] else 0

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Samples": ...

    def __getitem__(self, index: int | slice) -> "Sample | Samples":
        if isinstance(index, slice):
            first, after, step = index.indices(len(self))
            if step != 1:
                raise ValueError("looks are cut out on end")
            return self._of(self._cut(first, after))
        parts, ends = self._all()
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"there is no look {index} among {len(self)}")
        number = bisect_right(ends, place)
        place -= ends[number - 1] if number else 0
        return self._sample(tuple(parts[number].values(name)[place] for name in COLUMNS))

    def _sample(self, row: tuple[Any, ...]) -> Sample:
        n, seq, planned, sent, done, seen, why = row
        return Sample(n=n, planned_s=planned, sent_s=sent, done_s=done, seen=_SEEN[seen], why=self._whys[why], seq=seq)

    def __iter__(self) -> Iterator[Sample]:
        for part in self._parts():
            yield from map(self._sample, zip(*(part.values(name) for name in COLUMNS), strict=True))

    def _cut(self, first: int, after: int) -> Iterator[Part]:
        """The parts of those from one place up to another."""
        begin = 0
        for part in self._parts():
            if (from_ := max(first - begin, 0)) < (to := min(after - begin, part.size)):
                yield Part(part.block, part.first + from_, part.first + to)
            begin += part.size

    def _of(self, parts: Iterable[Part]) -> "Samples":
        """These looks alone. Of those that are open a copy: they may yet find another place."""
        found = Samples(self.probe)
        found._store, found._whys, found._places = self._store, self._whys, self._places
        newest = self._parts()[-1].block if self._open["n"] else None
        found._closed = [part.copied() if part.block is newest else part for part in parts]
        return found

    def between(self, from_s: float, to_s: float) -> "Samples":
        """The looks sent in [from_s, to_s), both taken to the journal's grain of 1 µs."""
        sent = self.columns()[0]
        return self[bisect_left(sent, round(from_s, 6)) : bisect_left(sent, round(to_s, 6))]

    def where(self, keep: Iterable[int]) -> "Samples":
        """Those looks for which `keep`, one answer a look in their order, is true. It is read once, as far as needed."""
        answers = iter(keep)
        return self._of(self._kept((part, bytes(map(bool, islice(answers, part.size)))) for part in self._parts()))

    def only(self, seen: Seen) -> "Samples":
        """Those looks that saw this."""
        table = bytes(one == ord(seen) for one in range(256))
        return self._of(self._kept((part, part.values("seen").tobytes().translate(table)) for part in self._parts()
                                   if part.count(ord(seen))))  # fmt: skip

    def _kept(self, wanted: Iterable[tuple[Part, bytes]]) -> Iterator[Part]:
        """Of each part those that are wanted; where that is all of it, the part itself."""
        for part, mask in wanted:
            count = mask.count(1)
            if count == part.size:
                yield part
            elif count:
                yield self._new(Block({name: array(kind, compress(part.values(name), mask))
                                        for name, kind in COLUMNS.items()}))  # fmt: skip

    def _new(self, block: Block) -> Part:
        aside = self._store is not None and block.size >= _BLOCK // 8
        return Part(self._store.kept(block) if aside and self._store else block, 0, block.size)

    def columns(self) -> tuple[Column[float], Column[float], Column[int]]:
        """When each look was sent and done, and what it saw (`ord` of Seen)."""
        parts, ends = self._all()
        return Column(parts, ends, "sent"), Column(parts, ends, "done"), Column(parts, ends, "seen")

    def numbers(self) -> Column[int]:
        """The number of each look, in their order."""
        return Column(*self._all(), "n")

    def turns(self) -> Iterator[int]:
        """The places of looks that saw otherwise than the one before them, and of the first."""
        begin, before = 0, b""
        for part in self._parts():
            seen = part.values("seen").tobytes()
            for run in _RUN.finditer(seen):
                if run.start() or seen[:1] != before:
                    yield begin + run.start()
            begin, before = begin + part.size, seen[-1:]

    def first(self, seen: Seen, start: int = 0) -> int | None:
        """The place of the first look from `start` on that saw this, or None."""
        begin = 0
        for part in self._parts():
            if begin + part.size > start and part.count(ord(seen)):
                place = part.values("seen").tobytes().find(ord(seen), max(0, start - begin))
                if place >= 0:
                    return begin + place
            begin += part.size
        return None

    def last(self, seen: Seen, before: int | None = None) -> int | None:
        """The place of the last look, before this place if one is given, that saw this, or None."""
        begin = len(self)
        for part in reversed(self._parts()):
            begin -= part.size
            after = part.size if before is None else min(part.size, before - begin)
            if after > 0 and part.count(ord(seen)):
                place = part.values("seen").tobytes().rfind(ord(seen), 0, after)
                if place >= 0:
                    return begin + place
        return None

    def count(self, seen: Any) -> int:
        """How many looks saw this."""
        return sum(part.count(ord(seen)) for part in self._parts())

    @property
    def success(self) -> float | None:
        """Good looks among those that saw anything, 0 to 1; None when none did."""
        good, bad = self.count(Seen.GOOD), self.count(Seen.BAD)
        return good / (good + bad) if good + bad else None

    def took_s(self, seen: Seen = Seen.GOOD) -> Sequence[float]:
        """How long each look of this kind took, shortest first."""
        table = bytes(one == ord(seen) for one in range(256))
        return in_order(self.count(seen), lambda: (
            array("d", compress(map(sub, part.values("done"), part.values("sent")),
                                part.values("seen").tobytes().translate(table)))
            for part in self._parts()
        ))  # fmt: skip

    def late_s(self) -> Sequence[float]:
        """How far behind its plan each look was sent, least first."""
        return in_order(len(self), lambda: (array("d", map(sub, part.values("sent"), part.values("planned")))
                                            for part in self._parts()))  # fmt: skip

    def lines(self) -> tuple[int, ...]:
        """The journal lines that hold these looks, in order, each once."""
        return tuple(sorted({line for part in self._parts() for line in part.values("seq")}))

    def ends(self, most: int) -> tuple[int, ...]:
        """The same; where there are more, so many of them: the first and the last."""
        first: list[int] = []
        last: list[int] = []
        for part in self._parts():
            lines = set(part.values("seq"))
            first = sorted(lines.union(first))[: most + 1]
            last = sorted(lines.union(last))[-(most // 2) :]
        return tuple(first) if len(first) <= most else (*first[: most // 2], *last)


def pack(probe: str, samples: Sequence[Sample]) -> dict[str, Any]:
    """Put looks into the data of one `probe.sampled` event: whole microseconds, one column a field."""
    return {
        "probe": probe,
        "n": [one.n for one in samples],
        "planned_us": [round(one.planned_s * 1e6) for one in samples],
        "sent_us": [round(one.sent_s * 1e6) for one in samples],
        "took_us": [round(one.took_s * 1e6) for one in samples],
        "seen": "".join(one.seen for one in samples),
        "why": {str(one.n): one.why for one in samples if one.why},
    }
