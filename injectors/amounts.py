"""Amounts of data as people write them: `10KB`, `1.5MB`, `100KB/s`. Decimal, as networks are measured: 1 KB is 1000 bytes.

A small `b` is refused: to many it means bits, and 10 Mb/s is not 10 MB/s.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

_UNITS = {"GB": 10**9, "MB": 10**6, "KB": 10**3, "B": 1}
_WRITTEN = r"([0-9]{1,15})(?:\.([0-9]{1,9}))?\s*(|B|[kKMG]B)(/s)?"
_MOST = 10**15


@dataclass(frozen=True, slots=True)
class Size:
    """A number of bytes: `10KB`, or a whole number."""

    example: ClassVar[str] = "10KB"

    bytes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        found = re.fullmatch(_WRITTEN, text.strip())
        size = _bytes(found) if found and not found[4] else None
        if size is None:
            raise ValueError("a size such as 10KB, 1.5MB or 512, in whole bytes")
        return cls(size)

    def __str__(self) -> str:
        return _shown(self.bytes)


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of bytes a second: `100KB/s`."""

    example: ClassVar[str] = "100KB/s"

    bytes_s: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        found = re.fullmatch(_WRITTEN, text.strip())
        rate = _bytes(found) if found and found[3] and found[4] else None
        if rate is None:
            raise ValueError("a rate such as 100KB/s or 1.5MB/s, in bytes")
        return cls(rate)

    def __str__(self) -> str:
        return f"{_shown(self.bytes_s)}/s"


def _bytes(found: re.Match[str]) -> int | None:
    """As a whole number; None when it is none, or beyond all measure."""
    unit = _UNITS[found[3].upper() or "B"]
    fraction = found[2] or ""
    size, rest = divmod(int(found[1] + fraction) * unit, 10 ** len(fraction))
    return None if rest or size > _MOST else size


def _shown(size: int) -> str:
    name, unit = next(((name, unit) for name, unit in _UNITS.items() if size and size % unit == 0), ("B", 1))
    return f"{size // unit}{name}"
