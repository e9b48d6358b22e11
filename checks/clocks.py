"""When something was by the run's clock that others told by theirs. Within bounds, and never more exactly than is known.

`observer.clock` says how far a clock is ahead of ours. It may be set while a run goes on, which is told some seconds
later, so for a while what it says can be read in two ways; then either may be the truth.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from checks.evidence import Event, Evidence

TOLD_LATE_S = 10.0
"""A restart, a loss, or that a clock was set, may be told this much after it happened: it is found by asking every few
seconds, and an answer may be waited for."""
_GRAIN_S = 1e-3
"""To which the times of others and the offsets of their clocks are told."""
_NEAR_S = 1.0
"""So far from ours a clock may be of which nothing is known, and which is taken for ours."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment on the run's clock, which lies between these two."""

    low_s: float
    high_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """How a clock was set for a while."""

    zero_unix: float
    """What it showed, or would have shown, when the run was opened."""
    error_s: float
    slack_s: float = _GRAIN_S
    from_s: float = -inf
    to_s: float = inf
    fresh_s: float = inf
    """Until when what it showed may be told as something new."""

    def read(self, unix: float, seen_s: float) -> Instant | None:
        """When it showed this; None when it was not set so then, or if that had been after it was seen."""
        at_s = unix - self.zero_unix
        low_s, high_s = round(at_s - self.error_s, 6), round(at_s + self.error_s, 6)
        if high_s < self.from_s or low_s > min(self.to_s, seen_s) + self.slack_s:
            return None
        return Instant(min(low_s, seen_s), min(high_s, seen_s))


class Clocks:
    """The clocks of all observers of a run."""

    def __init__(self, evidence: Evidence) -> None:
        told: dict[str, list[Event]] = {}
        for event in evidence.of("observer.clock"):
            told.setdefault(event.data.get("observer", ""), []).append(event)
        self._settings = {name: tuple(_settings(events)) for name, events in told.items()}

    def knows(self, observer: str) -> bool:
        """Whether this observer told of a clock."""
        return observer in self._settings

    def instant(self, unix: float, seen: Event, observer: str) -> Instant:
        """When this was that an observer tells as something new, by the clock that it listens to."""
        return _read(unix, seen, [one for one in self._settings.get(observer, ()) if seen.t_s <= one.fresh_s])

    def instant_by_any(self, unix: float, seen: Event, observers: Iterable[str]) -> Instant:
        """When this was that may have been told before, by the clock of any of these."""
        return _read(unix, seen, [one for name in observers for one in self._settings.get(name, ())])


def _read(unix: float, seen: Event, settings: Sequence[_Setting]) -> Instant:
    """Some time, when it is what no clock showed before it was seen.

    A clock of which nothing is known is taken for ours, since a watcher without Prometheus is most often on this very
    machine.
    """
    unknown = _Setting(zero_unix=_unix(seen) - seen.t_s, error_s=0.0, slack_s=_NEAR_S)
    found = [at for one in settings or [unknown] if (at := one.read(unix, seen.t_s))]
    return Instant(min((at.low_s for at in found), default=-inf), max((at.high_s for at in found), default=seen.t_s))


def _settings(told: Sequence[Event]) -> Iterator[_Setting]:
    """One for each time that the clock was set, by the best that is known of it then."""
    parts = _parts(told)
    best = [min(part, key=lambda one: float(one.data["error_s"])) for part in parts]
    zeros = [_unix(one) + float(one.data["offset_s"]) - one.t_s for one in best]
    for n, (part, clock, zero) in enumerate(zip(parts, best, zeros, strict=True)):
        later_s = parts[n + 1][0].t_s if n + 1 < len(parts) else inf
        # What a clock that was set back had shown before lies in its future, and is told once that has come.
        back_s = max(0.0, zero - zeros[n + 1]) if n + 1 < len(parts) else 0.0
        yield _Setting(zero_unix=zero, error_s=float(clock.data["error_s"]), to_s=later_s,
                       from_s=part[0].t_s - TOLD_LATE_S if n else -inf, fresh_s=later_s + back_s + TOLD_LATE_S)  # fmt: skip


def _parts(told: Sequence[Event]) -> list[list[Event]]:
    """What was told of a clock, parted where it must have been set in between."""
    parts: list[list[Event]] = []
    low_s, high_s = -inf, inf
    for event in told:
        at_s, error_s = float(event.data["offset_s"]), float(event.data["error_s"])
        low_s, high_s = max(low_s, at_s - error_s), min(high_s, at_s + error_s)
        if not parts or low_s > high_s + _GRAIN_S:
            parts.append([])
            low_s, high_s = at_s - error_s, at_s + error_s
        parts[-1].append(event)
    return parts


def _unix(event: Event) -> float:
    """When it was told, by our clock, in seconds since 1970."""
    from datetime import datetime

    return datetime.fromisoformat(event.at).timestamp()
