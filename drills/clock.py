"""The run's clock: monotonic for measuring, UTC for people. Everything that needs the time is handed one."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from. Waiting is asyncio's business, whose loop runs on the same monotonic clock."""

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back; shared by all processes of one boot."""
        ...

    def utc(self) -> datetime:
        """Now, with its time zone."""
        ...


class SystemClock:
    """The machine's."""

    def monotonic_s(self) -> float:
        """`time.monotonic`, which asyncio's loop uses too."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-11-21T09:41:03.123456Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
