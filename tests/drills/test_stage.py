"""The stage: no act before its undo is on disk, and a memory that can be read from the journal alone."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from drills import healer
from drills.clock import SystemClock
from drills.journal import FORMAT, Journal, boot, read
from drills.stage import RunStage, outstanding
from injectors import Injection, InjectionFailed, NothingRemembered, Remembered
from tests.fakes import Flag, FlagAddress


def open_journal(folder: Path) -> Journal:
    journal = Journal.create(folder / "journal.jsonl", SystemClock())
    journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": journal.origin_s})
    return journal


def stage_on(journal: Journal, *, within_s: float = 10.0, healing: bool = False) -> RunStage:
    remembered = Remembered(id="3f2a-flag", fault="flag", target="hill", version=1)
    stage = RunStage(journal, remembered, within_s=within_s, source="conductor", healing=healing)
    if not healing:
        stage.note("injection.intended", injector="flag", version=1)
    return stage


def on_stage(folder: Path, play: Callable[[RunStage], Coroutine[Any, Any, None]], **how: Any) -> list[str]:
    """Play on a fresh stage; pass the kinds of the events that came of it."""
    journal = open_journal(folder)
    try:
        asyncio.run(play(stage_on(journal, **how)))
    finally:
        journal.close()
    return [event.kind for event in read(journal.path)]


def test_an_act_before_anything_is_remembered_is_refused_and_does_not_happen(tmp_path: Path) -> None:
    done: list[str] = []

    async def play(stage: RunStage) -> None:
        with pytest.raises(NothingRemembered, match="raise the flag before it had remembered"):
            await stage.act("raise the flag", done.append, "raised")

    kinds = on_stage(tmp_path, play)

    assert done == []
    assert kinds == ["run.opened", "injection.intended"]


def test_when_remembering_fails_acting_stays_impossible(tmp_path: Path) -> None:
    """A full disk must not lead to a fault without an undo."""
    done: list[str] = []

    async def play(stage: RunStage) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        stage.journal.append = full  # type: ignore[method-assign]
        with pytest.raises(OSError, match="No space"):
            stage.remember({"path": "x"})
        with pytest.raises(NothingRemembered):
            await stage.act("raise the flag", done.append, "raised")

    on_stage(tmp_path, play)

    assert done == []


def test_what_is_remembered_is_on_disk_before_the_act(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    async def play(stage: RunStage) -> None:
        stage.remember({"path": "x"})
        await stage.act("look at the disk", lambda: seen.append([event.kind for event in read(stage.journal.path)]))

    on_stage(tmp_path, play)

    assert "injection.remembered" in seen[0]


def test_the_first_act_alone_is_noted(tmp_path: Path) -> None:
    async def play(stage: RunStage) -> None:
        stage.remember({})
        await stage.act("do one thing", int)
        await stage.act("do another", int)

    assert on_stage(tmp_path, play).count("injection.acting") == 1


def test_healing_may_act_at_once(tmp_path: Path) -> None:
    async def play(stage: RunStage) -> None:
        assert await stage.act("mend it", int, "7") == 7

    assert "injection.restoring" in on_stage(tmp_path, play, healing=True)


def test_no_act_after_the_deadline(tmp_path: Path) -> None:
    async def play(stage: RunStage) -> None:
        stage.remember({})
        with pytest.raises(InjectionFailed, match="no time was left"):
            await stage.act("raise the flag", int)

    kinds = on_stage(tmp_path, play, within_s=0.0)

    assert "injection.acting" not in kinds


def test_a_cancelled_act_in_a_thread_is_waited_for(tmp_path: Path) -> None:
    """Otherwise the act could come after the healing, and stay."""
    import threading

    began, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def act() -> None:
        began.set()
        may_end.wait(5)
        order.append("acted")

    async def play(stage: RunStage) -> None:
        stage.remember({})
        acting = asyncio.ensure_future(stage.act("act slowly", act))
        await asyncio.to_thread(began.wait, 5)
        acting.cancel()
        asyncio.get_running_loop().call_later(0.05, may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await acting
        order.append("cancelled")

    on_stage(tmp_path, play)

    assert order == ["acted", "cancelled"]


def test_later_memories_override_earlier_ones_key_by_key(tmp_path: Path) -> None:
    async def play(stage: RunStage) -> None:
        stage.remember({"path": "x", "kept": 1})
        stage.remember({"path": "y"})

    on_stage(tmp_path, play)
    (one,) = outstanding(read(tmp_path / "journal.jsonl"))

    assert one.remembered.data == {"path": "y", "kept": 1}
    assert one.touched


def test_what_was_meant_and_never_remembered_was_never_touched(tmp_path: Path) -> None:
    async def play(stage: RunStage) -> None:
        assert stage.remaining_s() > 0

    on_stage(tmp_path, play)
    (one,) = outstanding(read(tmp_path / "journal.jsonl"))

    assert not one.touched


def test_a_real_fault_is_outstanding_until_it_was_seen_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flag = tmp_path / "flag"
    monkeypatch.setattr("drills.registry.kinds", lambda *_: {"flag": Flag})
    journal = open_journal(tmp_path)

    async def play() -> None:
        stage = stage_on(journal)
        injection = Injection(
            id="3f2a-flag", fault="flag", target="hill", address=FlagAddress(path=str(flag)), for_s=None
        )
        await Flag(target="hill").inject(injection, stage)
        assert flag.exists()
        left = outstanding(read(journal.path))
        assert [one.remembered.data for one in left] == [{"path": str(flag)}]

        assert await healer.heal(left, journal, source="test", patience_s=0) == []

    asyncio.run(play())
    journal.close()

    assert not flag.exists()
    assert outstanding(read(journal.path)) == []


def test_newest_faults_are_healed_first(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for name in ("old", "new"):
        journal.append("injection.intended", {"injection": name, "fault": name, "target": "hill", "injector": "flag",
                                              "version": 1})  # fmt: skip
    journal.close()

    assert [one.remembered.id for one in outstanding(read(journal.path))] == ["new", "old"]


def test_another_call_about_the_same_injection_may_act_and_is_no_news(tmp_path: Path) -> None:
    """As when a lease is renewed every few seconds."""
    done: list[str] = []

    async def play(stage: RunStage) -> None:
        with pytest.raises(NothingRemembered):
            await stage.again(5).act("renew", done.append, "too early")
        stage.remember({"path": "x"})
        await stage.act("raise the flag", done.append, "raised")
        await stage.again(5).act("renew", done.append, "renewed")
        with pytest.raises(InjectionFailed, match="no time was left"):
            await stage.again(0).act("renew", done.append, "too late")

    kinds = on_stage(tmp_path, play)

    assert done == ["raised", "renewed"]
    assert kinds.count("injection.acting") == 1
