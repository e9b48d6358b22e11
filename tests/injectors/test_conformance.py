"""The conformance suite passes who keeps the contract, and catches who does not by the claim that is broken."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import SkipTest

import pytest

from injectors import NothingRemembered, Remembered, TargetName
from injectors.conformance import Conformance, RecordingStage, Subject, heal_elsewhere
from tests.fakes import Flag, FlagAddress
from tests.injectors.switch import NAUGHTY, Dark, InTheHouse, turn


def broken_claims(suite: Conformance) -> dict[str, str]:
    """Run a suite as pytest would, and say which claims fail and how."""
    broken: dict[str, str] = {}
    for name in (name for name in dir(suite) if name.startswith("test_")):
        try:
            getattr(suite, name)()
        except SkipTest:
            continue
        except Exception as error:  # noqa: BLE001 - whatever a naughty injector makes of it, it has not passed
            broken[name] = f"{type(error).__name__}: {error}"
    return broken


class TestAWellBehavedOne(InTheHouse):
    """Passes, and skips nothing."""


@pytest.mark.parametrize("naughty", NAUGHTY, ids=lambda cls: cls.__name__)
def test_a_broken_rule_is_caught_by_the_claims_that_speak_of_it(naughty: Any) -> None:
    class OfThisOne(InTheHouse):
        kind = naughty

    broken = broken_claims(OfThisOne())
    assert set(broken) == NAUGHTY[naughty], broken


class TestTheSmallestOne(Conformance):
    """A fault that is one file, at a place that is always there."""

    settle_s = 0.02
    shows_s = 0.0

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        with TemporaryDirectory() as folder:
            flag = Path(folder, "flag")
            yield Subject(
                injector=Flag(target=TargetName("hill")),
                address=FlagAddress(path=str(flag)),
                world=flag.exists,
                is_faulty=flag.exists,
                is_well=Path(folder).exists,
                mend=flag.unlink,
            )


def test_a_claim_that_does_not_apply_is_skipped_and_not_passed() -> None:
    """Its target is always there, and it does not look for residue."""
    smallest = TestTheSmallestOne()
    for claim in (smallest.test_no_target_no_touches, smallest.test_residue_is_found_and_healed_without_any_memory):
        with pytest.raises(SkipTest):
            claim()


def test_a_subject_that_is_faulty_to_begin_with_proves_nothing() -> None:
    class Ill(InTheHouse):
        @contextmanager
        def subject(self) -> Iterator[Subject]:
            with super().subject() as subject:
                turn(subject.address.folder, "light", "off")
                yield subject

    with pytest.raises(AssertionError, match="not well to begin with"):
        Ill().test_verify_says_yes_while_it_is_there()


def test_healing_elsewhere_says_what_went_wrong_there(tmp_path: Path) -> None:
    lost = Remembered(id="1", fault="f", target="home", version=1, data={"folder": "", "was": {"light": 5}})
    with pytest.raises(AssertionError, match="data must be str"):
        heal_elsewhere(Dark, lost)
    newer = Remembered(id="1", fault="f", target="home", version=2, data={"folder": "", "was": {}})
    with pytest.raises(AssertionError, match="cannot read version 2"):
        heal_elsewhere(Dark, newer)


def test_healing_elsewhere_finds_a_class_that_is_in_no_package(tmp_path: Path) -> None:
    """A plugin's own test file, say."""
    (tmp_path / "alone.py").write_text(
        "from tests.injectors.switch import *\n"
        "@dataclass(frozen=True, slots=True, kw_only=True)\n"
        "class Alone(Dark): pass\n"
    )
    spec = spec_from_file_location("some_test_of_alone", tmp_path / "alone.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["some_test_of_alone"] = module
    try:
        spec.loader.exec_module(module)
        data = {"folder": str(tmp_path), "was": {"light": "on"}}
        heal_elsewhere(module.Alone, Remembered(id="1", fault="f", target="home", version=1, data=data))
    finally:
        del sys.modules["some_test_of_alone"]
    assert (tmp_path / "light").read_text() == "on"


# --- the stage that the suite brings


def test_the_stage_refuses_an_act_before_anything_is_remembered() -> None:
    stage, done = RecordingStage(), list[str]()

    async def early() -> None:
        with pytest.raises(NothingRemembered):
            await stage.act("do it", done.append, "early")
        stage.remember({"what": 1})
        await stage.act("do it", done.append, "in time")

    asyncio.run(early())
    assert done == ["in time"]
    assert stage.acts == ["do it"]


def test_later_memories_override_earlier_ones_key_by_key() -> None:
    stage = RecordingStage()
    stage.remember({"a": 1, "b": [1]})
    stage.remember({"b": [2]})
    assert (stage.data, stage.remembered, stage.not_json) == ({"a": 1, "b": [2]}, 2, [])


@pytest.mark.parametrize("value", [(1, 2), {1: 2}, Path("/x"), {"a"}, b"bytes"], ids=repr)
def test_what_would_not_come_back_from_disk_is_noted(value: object) -> None:
    stage = RecordingStage()
    stage.remember({"fine": 1, "odd": value})
    assert stage.not_json == [f"odd: {value!r}"]


def test_a_full_disk_keeps_nothing_and_stays_full() -> None:
    stage = RecordingStage()
    stage.fail_to_remember(2)
    stage.remember({"a": 1})
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            stage.remember({"a": 2})
    assert (stage.data, stage.acts_when_full) == ({"a": 1}, [])


def test_virtual_time_passes_at_once() -> None:
    stage = RecordingStage(budget_s=600, virtual=True)
    began_s = time.monotonic()
    asyncio.run(stage.sleep(590))
    assert time.monotonic() - began_s < 5
    assert 0 < stage.remaining_s() <= 10


def test_a_cancelled_act_is_waited_for() -> None:
    """Else it would go on behind the healing."""
    stage, begun, go, done = RecordingStage(injecting=False), threading.Event(), threading.Event(), list[int]()

    def slow() -> None:
        begun.set()
        assert go.wait(10)
        done.append(1)

    async def cancel() -> None:
        task = asyncio.create_task(stage.act("do it slowly", slow))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [1]

    asyncio.run(cancel())
