"""Blocks of looks, column by column, in memory or aside; and one column of many of them, read as if they were one."""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from typing import Any, TypeVar, overload

from checks.aside import Aside

V = TypeVar("V", int, float)
_KINDS = b"+-?"
"""What looks see, as `Seen` has it."""
COLUMNS: Mapping[str, str] = {"n": "i", "seq": "i", "planned": "d", "sent": "d", "done": "d", "seen": "B", "why": "i"}
"""Of a look, each with its type of `array`; `why` is a place in the list of all reasons."""


class Block:
    """Looks in their order, column by column; `size` of them."""

    __slots__ = ("_columns", "_counts", "size")

    def __init__(self, columns: Mapping[str, "array[Any]"]) -> None:
        self._columns = columns
        self._counts: dict[int, int] = {}
        self.size = len(columns["n"])

    def values(self, name: str) -> "array[Any]":
        """One column, never to be changed."""
        return self._columns[name]

    def count(self, seen: int) -> int:
        """How many saw this."""
        if seen not in self._counts:
            self._counts[seen] = self.values("seen").tobytes().count(seen)
        return self._counts[seen]


class BlockAside(Block):
    """The same put aside. What was read of it last stays in memory for a while, with that of others."""

    __slots__ = ("_at", "_store")

    def __init__(self, block: Block, store: "Store", at: int) -> None:
        self.size, self._counts = block.size, {seen: block.count(seen) for seen in _KINDS}
        self._store, self._at = store, at

    def values(self, name: str) -> "array[Any]":
        return self._store.read(self._at, self.size, name)


class Store:
    """Puts blocks aside."""

    def __init__(self, aside: Aside) -> None:
        self._aside = aside
        self.read: Callable[[int, int, str], array[Any]] = lru_cache(maxsize=8)(self._read)

    def kept(self, block: Block) -> Block:
        """The block, aside if there is room."""
        at = self._aside.put(b"".join(block.values(name).tobytes() for name in COLUMNS))
        return block if at is None else BlockAside(block, self, at)

    def _read(self, at: int, size: int, name: str) -> "array[Any]":
        for other, kind in COLUMNS.items():
            values = array(kind)
            if other == name:
                values.frombytes(self._aside.get(at, size * values.itemsize))
                return values
            at += size * values.itemsize
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Part:
    """Some looks of a block, from a place up to another."""

    block: Block
    first: int
    after: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.after - self.first

    def copied(self) -> "Part":
        """The same looks in a block of their own."""
        block = Block({name: self.values(name)[:] for name in COLUMNS})
        return Part(block, 0, block.size)

    def values(self, name: str) -> "array[Any]":
        """One column of them, never to be changed."""
        whole = self.block.values(name)
        return whole if self.size == self.block.size else whole[self.first : self.after]

    def count(self, seen: int) -> int:
        """How many saw this."""
        whole = self.block.count(seen)
        if self.size == self.block.size or not whole:
            return whole
        return self.values("seen").tobytes().count(seen)


class Column(Sequence[V]):
    """One figure of each look, in their order. Millions are read through in one go; a slice is a copy, so a short one."""

    __slots__ = ("_ends", "_first", "_name", "_parts", "_values")

    def __init__(self, parts: Sequence[Part], ends: Sequence[int], name: str) -> None:
        self._parts, self._ends, self._name = parts, ends, name
        self._first = 0
        self._values: Sequence[Any] = ()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[V]:
        return chain.from_iterable(part.values(self._name) for part in self._parts)

    def since(self, place: int) -> Iterator[V]:
        """Those from this place on."""
        part = bisect_right(self._ends, place)
        begun = place - (self._ends[part - 1] if part else 0)
        rest = chain.from_iterable(one.values(self._name) for one in self._parts[part:])
        return islice(rest, begun, None)

    @overload
    def __getitem__(self, index: int) -> V: ...
    @overload
    def __getitem__(self, index: slice) -> "array[Any]": ...

    def __getitem__(self, index: "int | slice") -> "V | array[Any]":
        if isinstance(index, slice):
            return self._copied(*index.indices(len(self)))
        place = index + len(self) if index < 0 else index
        if not 0 <= place - self._first < len(self._values):
            self._turn_to(place)
        found_: V = self._values[place - self._first]
        return found_

    def _copied(self, first: int, after: int, step: int) -> "array[Any]":
        found = array(COLUMNS[self._name])
        begin = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            if begin < after and first < end:
                found.extend(part.values(self._name)[max(0, first - begin) : after - begin])
            begin = end
        return found[::step]

    def _turn_to(self, place: int) -> None:
        """Have the part at hand that holds this place."""
        if not 0 <= place < len(self):
            raise IndexError(f"there is no look {place} among {len(self)}")
        part = bisect_right(self._ends, place)
        self._first = self._ends[part - 1] if part else 0
        self._values = self._parts[part].values(self._name)

    def count(self, value: Any) -> int:
        """How many are this."""
        return sum(part.values(self._name).count(value) for part in self._parts)
