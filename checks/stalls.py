"""Limits of time that say nothing of others when it was we who stood still: an answer could have been waiting for us."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

HELD_UP_S_MAX = 0.1
"""A limit whose end we notice this much later may have been kept."""


async def within(limit_s: float, do: Callable[[], Awaitable[T]]) -> T:
    """What comes of it in this time; it is done again when it was we who were held up. Raises TimeoutError."""
    import asyncio
    import time

    while True:
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                return await do()
        except TimeoutError:
            if time.monotonic() - began_s <= limit_s + HELD_UP_S_MAX:
                raise
