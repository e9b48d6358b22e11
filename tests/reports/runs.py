"""Runs as they are kept to be held against others, made by hand: ten minutes apart, and alike but for what a test says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from checks import Measured
from reports.past import Accepted, Figure, PastCheck, PastDimension, PastRun

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ACCEPTED = Accepted(by="mei", at="2026-11-21T12:00:00Z", reason="as it shall be")


def seconds(value: float, half: float = 0.02) -> Measured:
    """A duration, give or take so much."""
    return Measured(value=value, low=value - half, high=value + half, unit="s")


def share(value: float) -> Measured:
    """A share that is known exactly."""
    return Measured(value=value, low=value, high=value, unit="ratio")


def past(number: int = 0, rto: float | None = 2.0, **changed: Any) -> PastRun:
    """The run of this number; `figures` are by key, as values or None."""
    at = START + timedelta(minutes=10 * number)
    figures: Mapping[str, Measured | None] = changed.pop("figures", {"RTO": None if rto is None else seconds(rto)})
    made = PastRun(
        run=f"{at:%Y-%m-%dT%H-%M-%SZ}-lose-the-primary-{number:04x}",
        drill="lose-the-primary",
        drill_digest="d" * 64,
        rubric="ci",
        rubric_digest="c" * 64,
        environment="lab",
        opened_at=f"{at:%Y-%m-%dT%H:%M:%S}.000000Z",
        duration_s=31.4,
        outcome="passed",
        score=100.0,
        rating="P",
        letter="A",
        confidence=1.0,
        dimensions=(PastDimension(name="recover", title="Take over and recover", points=100.0, rating="P"),),
        checks=(PastCheck(id="failover", kind="failover", title="failover", limits="within 5s", outcome="passed"),),
        figures=tuple(figure(key, value) for key, value in figures.items()),
        versions={"chaos-drills": "0.1.0"},
        host="here",
    )
    return replace(made, **changed)


def figure(key: str, value: Measured | None, why_not: str = "") -> Figure:
    """A figure by its key."""
    name, _, of = key.partition(":")
    return Figure(name=name, of=of, title=name, value=value, why_not=why_not)


def series(rtos: Iterable[float], *, accepted: Sequence[int] = (0,), **changed: Any) -> list[PastRun]:
    """Runs with these outages, one after the other, of which some were accepted."""
    return [
        past(number, rto, accepted=ACCEPTED if number in accepted else None, **changed)
        for number, rto in enumerate(rtos)
    ]
