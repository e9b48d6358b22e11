"""Things in the order of a number that each has, of which a long run has very many: the newest in memory, the others aside."""

import marshal
from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from itertools import chain, islice
from typing import Any, TypeVar, overload

from checks.aside import Aside

T = TypeVar("T")
_BLOCK = 256
_NEWEST = 1024
"""So many are in memory; those of kinds that do not come often all are."""


class Shelf(Sequence[T]):
    """Takes them in whatever order they come. What is put aside is packed, as nothing but what JSON has, and tuples."""

    def __init__(self, *, key: Callable[[T], int], pack: Callable[[T], Any], unpack: Callable[[Any], T],
                 aside: Aside | None) -> None:  # fmt: skip
        self._key, self._pack, self._unpack, self._aside = key, pack, unpack, aside
        self._newest: list[T] = []
        self._blocks: list[tuple[int, int]] = []
        """Where each is aside, and its bytes."""
        self._firsts: list[int] = []
        """The number of the first of each block."""
        self._read = lru_cache(maxsize=2)(self._block)

    def add(self, one: T) -> None:
        """Take one more."""
        if self._newest and self._key(one) < self._key(self._newest[-1]):
            if self._blocks and self._key(one) < self._key(self._newest[0]):  # so late nothing of a journal comes
                self._newest = list(self)
                self._blocks.clear()
                self._firsts.clear()
            insort(self._newest, one, key=self._key)
            return
        self._newest.append(one)
        if self._aside and self._aside.has_room and len(self._newest) >= _NEWEST + _BLOCK:
            self._put_aside(self._aside)

    def _put_aside(self, aside: Aside) -> None:
        content = marshal.dumps([self._pack(one) for one in self._newest[:_BLOCK]])
        at = aside.put(content)
        if at is None:
            return
        self._blocks.append((at, len(content)))
        self._firsts.append(self._key(self._newest[0]))
        del self._newest[:_BLOCK]

    def _block(self, at: int, size: int) -> list[T]:
        assert self._aside is not None  # there is where it was put
        return [self._unpack(row) for row in marshal.loads(self._aside.get(at, size))]

    def find(self, number: int) -> T | None:
        """The one that has this number, or None."""
        block = bisect_right(self._firsts, number) - 1
        among = self._newest
        if block >= 0 and (not among or number < self._key(among[0])):
            among = self._read(*self._blocks[block])
        place = bisect_right(among, number, key=self._key) - 1
        return among[place] if place >= 0 and self._key(among[place]) == number else None

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._newest)

    def __iter__(self) -> Iterator[T]:
        blocks = (self._read(*block) for block in self._blocks)
        return chain(chain.from_iterable(blocks), self._newest)

    def __reversed__(self) -> Iterator[T]:
        blocks = (reversed(self._read(*block)) for block in reversed(self._blocks))
        return chain(reversed(self._newest), chain.from_iterable(blocks))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"there is none at {index} among {len(self)}")
        block, rest = divmod(place, _BLOCK)
        if block < len(self._blocks):
            return self._read(*self._blocks[block])[rest]
        return self._newest[place - len(self._blocks) * _BLOCK]


class InOrder(Sequence[T]):
    """What is on several shelves, in one order. It changes as they do."""

    def __init__(self, shelves: Collection[Shelf[T]], *, key: Callable[[T], int]) -> None:
        self._shelves, self._key = shelves, key

    def __len__(self) -> int:
        return sum(map(len, self._shelves))

    def __iter__(self) -> Iterator[T]:
        return merge(*self._shelves, key=self._key)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...

    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return list(self)[index]
        if index == -1 and len(self):
            return max((shelf[-1] for shelf in self._shelves), key=self._key)
        for one in islice(self, index if index >= 0 else index + len(self), None):
            return one
        raise IndexError(f"there is none at {index} among {len(self)}")
