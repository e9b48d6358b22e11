"""Keeps words apart that hang below moments of one lane, each at the end of a line down from its moment.

No line crosses the words of another. Where there is no room for its words a moment has its number only, and where there is
none for that either, nothing but its dot.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ROWS_MAX = 4
NUMBER_PX = 26
_AIR_PX = 6
_WAYS = 12
"""How many ways to hang what stands further right are kept in mind."""
_WORTH: Mapping[str, int] = {"words": 30, "number": 10, "dot": 0}


@dataclass(frozen=True, slots=True)
class Hung:
    """Where something hangs."""

    row: int
    shown: Literal["words", "number", "dot"]
    late: bool
    """True when it stands to the left of its line."""
    at: float
    from_: float
    to: float

    @property
    def worth(self) -> int:
        """What it shows, less how far down it is, and a little for standing on the unusual side."""
        return _WORTH[self.shown] - self.row - 2 * self.late


def packed(moments: Sequence[tuple[float, float]], width: float) -> list[Hung]:
    """Of each, its place and the width of its words, in pixels; in the order in which they were given.

    They are hung from right to left, and the ways that show most so far are gone on with.
    """
    order = sorted(range(len(moments)), key=lambda index: -moments[index][0])
    ways: list[tuple[Hung, ...]] = [()]
    for index in order:
        grown = [(*way, place) for way in ways for place in _places(way, *moments[index], width)]
        ways = sorted(grown, key=lambda way: -sum(one.worth for one in way))[:_WAYS]
    found = dict(zip(order, ways[0], strict=True))
    return [found[index] for index in range(len(moments))]


def _places(taken: Sequence[Hung], at: float, wide: float, width: float) -> Iterator[Hung]:
    """Where it may hang: of its words every free place, of its number the first."""
    for row in range(ROWS_MAX):
        for late in (False, True):
            place = Hung(row, "words", late, at, at - wide if late else at, at if late else at + wide)
            if _free(place, taken, width):
                yield place
    numbers = (Hung(row, "number", late, at, at - NUMBER_PX if late else at, at if late else at + NUMBER_PX)
               for row in range(ROWS_MAX) for late in (False, True))  # fmt: skip
    yield next((place for place in numbers if _free(place, taken, width)), Hung(0, "dot", False, at, at, at))


def _free(place: Hung, taken: Sequence[Hung], width: float) -> bool:
    if place.from_ < 0 or place.to > width + 1:
        return False
    for one in taken:
        if one.shown == "dot":
            continue
        same = one.row == place.row and place.from_ < one.to + _AIR_PX and place.to > one.from_ - _AIR_PX
        crosses = one.row < place.row and one.from_ <= place.at - 1 < one.to - 1
        crossed = one.row > place.row and place.from_ < one.at < place.to
        if same or crosses or crossed:
            return False
    return True
