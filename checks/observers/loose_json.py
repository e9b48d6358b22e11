"""Somebody else's JSON, read so that what is missing, or of another type, is nothing and breaks nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

TEXT_MAX = 300
"""Characters of one text."""

Object = Mapping[str, Any]


def text(value: object) -> str:
    """As text, of a bounded length."""
    return "" if value is None else str(value)[:TEXT_MAX]


def count(value: object, default: int = 0) -> int:
    """A whole number."""
    return value if isinstance(value, int) else default


def table(value: object) -> Mapping[str, Any]:
    """A mapping."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Any]:
    """A list."""
    return value if isinstance(value, list) else ()
