"""Leases are renewed while a fault shall be there, and not any more once it is healed."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from checks import Event
from drills import conductor, healer, leases
from drills.journal import FORMAT, Journal, boot, read
from drills.leases import Leases
from drills.stage import RunStage
from injectors import Effect, InjectionFailed, Remembered, Stage, kubernetes_marks
from injectors.kubernetes_outage import takes_s
from tests.fakes import JumpingClock, jump


class Engine:
    """Counts how often a lease is renewed; answers as it is told."""

    def __init__(self, *answers: float | Exception | None, present: bool | None = True) -> None:
        self.answers, self.asked_s, self.present = list(answers), list[float](), present

    async def verify(self, remembered: Remembered, stage: Stage) -> Effect:
        return Effect(self.present, "seen")

    async def extend(self, remembered: Remembered, stage: Stage) -> float | None:
        self.asked_s.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def during(folder: Path, engine: Any, play: Callable[[Leases], Coroutine[Any, Any, None]]) -> list[Event]:
    """Keep a lease at this engine while `play` goes on; pass what was written."""

    async def whole(clock: JumpingClock) -> None:
        journal = Journal.create(folder / "journal.jsonl", clock)
        journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
        remembered = Remembered(id="3f2a-slow", fault="slow", target="link", version=1)
        stage = RunStage(journal, remembered, within_s=60, source="conductor")
        stage.remember({"toxic": "t"})
        held = Leases(journal)
        held.keep("slow", engine, stage)
        try:
            await play(held)
        finally:
            await held.release()
            journal.close()

    jump(whole)
    return read(folder / "journal.jsonl")


def lapsed(events: list[Event]) -> list[str]:
    return [event.data["why"] for event in events if event.kind == "injection.lapsed"]


async def a_minute(_: Leases) -> None:
    await asyncio.sleep(60)


def test_a_lease_is_renewed_at_once_and_after_each_third_of_it(tmp_path: Path) -> None:
    engine = Engine(30.0)
    events = during(tmp_path, engine, a_minute)

    assert [round(s) for s in engine.asked_s] == [0, 10, 20, 30, 40, 50]
    assert lapsed(events) == []


def test_a_fault_without_a_lease_is_looked_at_every_few_seconds(tmp_path: Path) -> None:
    engine = Engine(None)
    events = during(tmp_path, engine, a_minute)

    assert [round(s) for s in engine.asked_s] == list(range(0, 60, int(leases.LOOK_S)))
    assert lapsed(events) == []


def test_one_that_somebody_else_has_taken_away_has_lapsed(tmp_path: Path) -> None:
    events = during(tmp_path, Engine(None, InjectionFailed("the toxic is gone"), present=False), a_minute)

    assert lapsed(events) == ["the toxic is gone"]


@pytest.mark.parametrize("present", [True, None])
def test_a_fault_without_a_lease_has_not_lapsed_while_nobody_answers(tmp_path: Path, present: bool | None) -> None:
    """It stays without us, however long that is."""
    engine = Engine(None, InjectionFailed("nobody answers"), present=present)
    events = during(tmp_path, engine, a_minute)

    assert lapsed(events) == []
    assert engine.asked_s[-1] > 57


def test_a_released_lease_is_not_renewed_any_more(tmp_path: Path) -> None:
    engine = Engine(30.0)

    async def play(held: Leases) -> None:
        await asyncio.sleep(11)
        await held.release(["slow", "another"])
        await asyncio.sleep(60)

    during(tmp_path, engine, play)

    assert len(engine.asked_s) == 2


def test_a_renewal_that_fails_once_is_tried_again_and_is_no_news(tmp_path: Path) -> None:
    engine = Engine(30.0, InjectionFailed("busy"), 30.0)
    events = during(tmp_path, engine, a_minute)

    assert [round(s) for s in engine.asked_s][:4] == [0, 10, 11, 21]
    assert lapsed(events) == []


@pytest.mark.parametrize("error", [InjectionFailed("nobody answers"), OSError("nobody answers")])
def test_a_lease_that_cannot_be_renewed_until_it_is_over_has_lapsed_and_is_tried_on(
    tmp_path: Path, error: Exception
) -> None:
    engine = Engine(30.0, error)
    events = during(tmp_path, engine, a_minute)

    assert lapsed(events) == ["nobody answers"]
    assert engine.asked_s[-1] > 55, "what may still be there is not to be taken for left behind"


def test_a_fault_that_is_seen_to_be_gone_has_lapsed_at_once(tmp_path: Path) -> None:
    engine = Engine(30.0, InjectionFailed("the server has died"), present=False)
    events = during(tmp_path, engine, a_minute)

    assert lapsed(events) == ["the server has died"]
    assert [round(s) for s in engine.asked_s] == [0, 10]


def test_one_that_hangs_is_given_up(tmp_path: Path) -> None:
    class Hangs:
        async def extend(self, remembered: Remembered, stage: Stage) -> float | None:
            await asyncio.sleep(3600)
            return None

        async def verify(self, remembered: Remembered, stage: Stage) -> Effect:
            await asyncio.sleep(3600)
            return Effect(False, "never")

    assert lapsed(during(tmp_path, Hangs(), a_minute)) == ["nobody answered who could renew its lease"]


def test_an_engine_that_breaks_is_told_and_breaks_nothing_else(tmp_path: Path) -> None:
    events = during(tmp_path, Engine(TypeError("a bug")), a_minute)

    assert [event.data["why"] for event in events if event.kind == "run.broke"] == ["TypeError: a bug"]
    assert leases.RENEW_S < 30 / 3, "a renewal that hangs leaves time for the next"


def test_every_injection_of_a_fault_has_a_lease_and_all_end_with_it(tmp_path: Path) -> None:
    first, second = Engine(30.0), Engine(30.0)

    async def play(held: Leases) -> None:
        held.keep("slow", second, held_stage(held))
        await asyncio.sleep(15)
        await held.release(["slow"])
        await asyncio.sleep(60)

    def held_stage(held: Leases) -> RunStage:
        remembered = Remembered(id="3f2a-slow-2", fault="slow", target="other", version=1)
        return RunStage(held._journal, remembered, within_s=60, source="conductor")

    during(tmp_path, first, play)

    assert len(first.asked_s) == len(second.asked_s) == 2


def test_what_is_marked_in_a_cluster_outlives_the_longest_injection_and_the_longest_healing_of_a_run() -> None:
    """During both nobody renews it, and it must not be taken for left behind."""
    injecting_s = max(conductor.INJECT_S, takes_s(1_000_000)) + leases.RENEW_S
    healing_s = conductor.HEAL_PATIENCE_S + healer.HEAL_S + healer.GONE_S

    assert injecting_s < kubernetes_marks.LEASE_S
    assert healing_s < kubernetes_marks.LEASE_S / 2, "it is renewed when half of its time is over"
