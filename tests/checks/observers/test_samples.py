"""How samples are read, against a stand-in that evaluates every 15 s as a test says it did."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checks.observers import listening
from checks.observers.prometheus import PrometheusObserver
from tests.checks.observers.hearing import Fake, Told, fake
from tests.checks.probes.servers import comes

EVERY_S = 15


def history(
    change: Callable[[Fake, float], None], before: Callable[[Fake, float], None]
) -> list[tuple[str, float, Any]]:
    """State, time and beginning of what is told when an evaluation 15 s ago and earlier ones are as they are set.

    Times are in seconds before a round instant that is now.
    """
    told, now = Told(), float(int(time.time()))

    async def main() -> None:
        async with fake() as system:
            before(system, now)
            async with PrometheusObserver(url=system.url, every=timedelta(milliseconds=20)).open(told):
                change(system, now)
                asked = len(system.requests)
                await comes(lambda: len(system.requests) > asked + 10, "some polls")

    asyncio.run(main())
    assert told.all("observer.lost") == []
    return [
        (data["state"], data["since_unix"] - now, data.get("before") or data["active_unix"] - now)
        for data in told.all("alert.state")
    ]


def firing(*ago_s: float, active: float, live: bool = True) -> Callable[[Fake, float], None]:
    """Evaluations that found it firing, so long ago; whether it is still there."""

    def put(system: Fake, now: float) -> None:
        system.samples += [(now - ago, "firing", now - active) for ago in ago_s]
        system.live = live

    return put


@pytest.fixture(autouse=True)
def _no_thorough_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_THOROUGH_S", 1000.0)


def test_an_evaluation_that_was_left_out_is_no_end() -> None:
    assert history(firing(5, active=80), before=firing(65, 50, active=80)) == [("firing", -65, True)]


def test_one_that_is_active_since_later_was_away() -> None:
    assert history(firing(5, active=5), before=firing(65, 50, active=80)) == [
        ("firing", -65, True),
        ("inactive", -50 + EVERY_S, -80),
        ("firing", -5, -5),
    ]


def test_one_that_is_no_longer_there_ended_an_interval_after_its_last_sample() -> None:
    assert history(firing(active=80, live=False), before=firing(35, 20, active=80)) == [
        ("firing", -35, True),
        ("inactive", -20 + EVERY_S, -80),
    ]


def test_one_whose_next_evaluation_is_late_is_still_there() -> None:
    assert history(firing(active=80, live=True), before=firing(35, 20, active=80)) == [("firing", -35, True)]


def test_what_was_over_on_opening_is_not_told() -> None:
    assert history(firing(active=80), before=firing(35, 20, active=80, live=False)) == []


@pytest.mark.parametrize(
    ("evaluated", "told"),
    [
        ("", [("inactive", -10, -80)]),  # there is no such rule any more
        ("0001-01-01T00:00:00Z", []),
        ("-11", []),
        ("-4", [("inactive", -4, -80)]),
    ],
)
def test_after_a_restart_an_alert_is_over_once_its_rule_was_evaluated(
    evaluated: str, told: list[tuple[str, float, Any]]
) -> None:
    def restart(system: Fake, now: float) -> None:
        system.started = _go(now - 10)
        system.evaluated = _go(now + float(evaluated)) if evaluated.startswith("-") else evaluated
        system.live = False

    assert history(restart, before=firing(50, 35, active=80)) == [("firing", -50, True), *told]


def test_a_restart_between_two_samples_is_no_end() -> None:
    def restart(system: Fake, now: float) -> None:
        system.started = _go(now - 20)
        system.samples += [(now - 5, "pending", now - 5)]

    assert history(restart, before=firing(80, 65, active=80)) == [("firing", -80, True), ("pending", -5, -5)]


def _go(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat()


def test_what_fires_since_before_the_samples_that_are_read_does_so_since_its_wait_was_over() -> None:
    assert history(firing(active=4000), before=firing(35, 20, 5, active=4000)) == [("firing", -4000, True)]


def test_what_came_while_nobody_could_ask_is_told_in_order() -> None:
    def later(system: Fake, now: float) -> None:
        system.samples += [(now - 80, "pending", now - 80), (now - 65, "firing", now - 80)]
        system.samples += [(now - 20, "pending", now - 20)]

    assert history(later, before=firing(110, active=110, live=False)) == [
        ("pending", -80, -80),
        ("firing", -65, -80),
        ("inactive", -50, -80),
        ("pending", -20, -20),
        ("inactive", -5, -20),
    ]
