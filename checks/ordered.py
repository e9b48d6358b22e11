"""Durations in order. Millions are counted and not listed."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, chain, compress
from math import ceil
from sys import byteorder

_FEW = 1 << 16
"""So many are simply sorted, and of more so many different ones are counted."""
_USUAL = (0.5, 0.95, 0.99, 1.0)
"""Shares that are nearly always asked for; their bins are looked into in one go."""

Pieces = Callable[[], Iterable["array[float]"]]
"""Passes all of them piece by piece, each time that it is called."""


def rank(count: int, share: float) -> int:
    """Which of `count` ordered values is the quantile of this share (0 to 1): its place, from 0, by nearest rank."""
    # Ceiling, less the noise of the multiplication: 7 % of 100 is the 7th value and not the 8th.
    return max(0, min(count, ceil(count * share - 1e-9)) - 1)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` (0 to 1) of the ordered values do not exceed; None of nothing."""
    return ordered[rank(len(ordered), share)] if ordered else None


def in_order(count: int, pieces: Pieces) -> Sequence[float]:
    """So many durations, shortest first."""
    if count <= _FEW:
        return sorted(chain.from_iterable(pieces()))
    counts: Counter[float] = Counter()
    for piece in pieces():
        counts.update(piece)
        if len(counts) > _FEW:
            return _InBins(pieces)
    return _Counted(counts)


class _Counted(Sequence[float]):
    """Each value with how often it is there: to the microsecond, millions of looks take few different times."""

    def __init__(self, counts: Mapping[float, int]) -> None:
        self._values = sorted(counts)
        self._ends = list(accumulate(counts[one] for one in self._values))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> float:  # type: ignore[override]  # nobody wants a slice of millions
        return self._values[bisect_right(self._ends, _place(index, len(self)))]


class _InBins(Sequence[float]):
    """Values that nearly all differ. Counted is in which bin each is, and a bin that is asked for is looked into."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        counts: Counter[int] = Counter()
        for piece in pieces():
            counts.update(_bins(piece))
        self._bins = sorted(counts, key=_order)
        self._ends = list(accumulate(counts[one] for one in self._bins))
        self._known: dict[int, _Counted] = {}

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> float:  # type: ignore[override]  # as above
        place = _place(index, len(self))
        number = bisect_right(self._ends, place)
        if number not in self._known:
            usual = {bisect_right(self._ends, rank(len(self), share)) for share in _USUAL}
            self._look_into({number} | usual - self._known.keys())
        return self._known[number][place - (self._ends[number - 1] if number else 0)]

    def _look_into(self, numbers: set[int]) -> None:
        wanted = {self._bins[number]: Counter[float]() for number in numbers}
        for piece in self._pieces():
            bins = _bins(piece)
            for one, inside in wanted.items():
                if one in bins:
                    inside.update(compress(piece, map(one.__eq__, bins)))
        self._known |= {number: _Counted(wanted[self._bins[number]]) for number in numbers}


def _place(index: int, count: int) -> int:
    place = index + count if index < 0 else index
    if not 0 <= place < count:
        raise IndexError(f"there is none at {index} among {count}")
    return place


def _bins(piece: "array[float]") -> "array[int]":
    """The upper 16 bits of each, which are its sign, its magnitude, and in which sixteenth of that it is."""
    return array("H", piece.tobytes())[_UPPER::4]


def _order(one: int) -> int:
    """Bins in the order of what is in them: those below 0 have the sign's bit, and grow away from it."""
    return one if one < _SIGN else _SIGN - 1 - one


_UPPER = 3 if byteorder == "little" else 0
_SIGN = 1 << 15
