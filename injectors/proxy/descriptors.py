"""How many descriptors the process has left, and who may have the last ones: the API, so that something can be done."""

from __future__ import annotations

import os

RESERVED = 64
"""Kept for the API, of which a connection takes one; a quarter of all where there are few."""


def limit() -> int | None:
    """How many may be open at once; None where nobody says."""
    try:
        import resource
    except ImportError:  # not on this platform
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def is_reserved(number: int) -> bool:
    """Whether this newest descriptor is one of the last: the lowest free number is always given first."""
    most = limit()
    return most is not None and number >= most - min(RESERVED, most // 4)


def are_left(number: int) -> bool:
    """Whether another one could be opened now that is not reserved; any open one will do to try."""
    try:
        tried = os.dup(number)
    except OSError:
        return False
    os.close(tried)
    return not is_reserved(tried)
