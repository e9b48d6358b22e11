"""Healing: newest first, again and again, one by one and each for itself, until every fault was seen to be gone."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks import Event
from drills import healer, lab, registry, rundir
from drills.clock import SystemClock
from drills.errors import DrillError
from drills.journal import Journal, JournalBusy, read
from drills.rundir import RunDir
from drills.stage import Outstanding, RunStage, outstanding
from injectors import Effect, InjectionFailed, Remembered, Residue, Stage, host
from tests.drills.writing import Story, add_flags, opening
from tests.fakes import EPOCH, Flag, JumpingClock, jump

ROOT = Path(__file__).resolve().parent.parent.parent
HEALED: list[str] = []
"""The targets of every call of `heal`, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Flag):
    """A flag whose healing is noted."""

    name: ClassVar[str] = "noted"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        HEALED.append(remembered.target)
        await super(Noted, cls).heal(remembered, stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stubborn(Noted):
    """Goes away at the attempt of its number in `data`, as after a server that is down for a while."""

    name: ClassVar[str] = "stubborn"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        HEALED.append(remembered.target)
        if HEALED.count(remembered.target) < remembered.data["attempt"]:
            raise InjectionFailed("its server is down")
        await Flag.heal(remembered, stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Liar(Noted):
    """Says that it is healed, and is still there."""

    name: ClassVar[str] = "liar"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        HEALED.append(remembered.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug(Noted):
    """Has one."""

    name: ClassVar[str] = "bug"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        raise ZeroDivisionError("division by zero")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging(Noted):
    """Never comes back from healing."""

    name: ClassVar[str] = "hanging"

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        await asyncio.sleep(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen(Noted):
    """Can be healed, and never be looked at."""

    name: ClassVar[str] = "unseen"

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        await asyncio.sleep(1_000_000)
        raise AssertionError("nobody waits for that long")


KINDS = (Noted, Stubborn, Liar, Bug, Hanging, Unseen)


@pytest.fixture(autouse=True)
def _injectors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    HEALED.clear()
    add_flags(monkeypatch, *KINDS)
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))


class Here:
    """A journal on a clock that jumps, with flags that are raised."""

    def __init__(self, folder: Path, clock: JumpingClock) -> None:
        self.folder = folder
        self.journal = Journal.create(folder / "journal.jsonl", clock)
        self.journal.append("run.opened", opening(monotonic_s=self.journal.origin_s))

    def raised(self, kind: type[Flag], target: str, **data: Any) -> Outstanding:
        """A fault that is there."""
        path = self.folder / target
        path.touch()
        remembered = Remembered(id=f"run-{target}", fault=f"fault-{target}", target=target, version=1,
                                data={"path": str(path), **data})  # fmt: skip
        return Outstanding(injector=kind.name, remembered=remembered, touched=True, seq=1)

    def told(self, kind: str) -> list[Event]:
        return [event for event in read(self.journal.path) if event.kind == kind]


def healing(folder: Path, play: Callable[[Here], Coroutine[Any, Any, None]]) -> None:
    """Play on a journal whose waits take no time."""

    async def playing(clock: JumpingClock) -> None:
        here = Here(folder, clock)
        try:
            await play(here)
        finally:
            here.journal.close()

    jump(playing)


# one


def test_a_fault_is_healed_and_seen_to_be_gone(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        assert await healer.heal_one(here.raised(Noted, "a"), here.journal, source="test")
        assert [one.data["why"] for one in here.told("injection.gone")] == ["the file is not there"]

    healing(tmp_path, play)

    assert not (tmp_path / "a").exists()


def test_healing_twice_is_nothing_special(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        fault = here.raised(Noted, "a")
        for _ in range(2):
            assert await healer.heal_one(fault, here.journal, source="test")

    healing(tmp_path, play)

    assert HEALED == ["a", "a"]


def test_what_was_meant_and_not_touched_is_gone_without_an_act(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        meant = Outstanding(injector="noted", remembered=here.raised(Noted, "a").remembered, touched=False, seq=1)
        assert await healer.heal_one(meant, here.journal, source="test")
        assert here.told("injection.gone")[0].data["why"] == "nothing had been done yet"

    healing(tmp_path, play)

    assert HEALED == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (Liar, "healed, but it is still there: the file is there"),
        (Bug, "the injector broke: ZeroDivisionError: division by zero"),
        (Hanging, "it was not done within 30 s"),
        (Unseen, "healed, but nobody could see whether it is gone: it could not be looked at within 10 s"),
    ],
)
def test_what_was_not_seen_to_be_gone_is_not_healed(tmp_path: Path, kind: type[Flag], why: str) -> None:
    """Also when nobody could look: then it may be there."""

    async def play(here: Here) -> None:
        assert not await healer.heal_one(here.raised(kind, "a"), here.journal, source="test")
        assert [one.data["why"] for one in here.told("injection.heal_failed")] == [why]
        assert here.told("injection.gone") == []

    healing(tmp_path, play)


def test_an_injector_that_is_not_installed_here_is_told(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        fault = here.raised(Noted, "a")
        stranger = Outstanding(injector="stranger", remembered=fault.remembered, touched=True, seq=1)
        assert not await healer.heal_one(stranger, here.journal, source="test")
        assert "no injector `stranger` is installed" in here.told("injection.heal_failed")[0].data["why"]

    healing(tmp_path, play)


def test_a_fault_that_needs_a_moment_to_go_is_waited_for(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        fault = here.raised(Liar, "a")
        asyncio.get_running_loop().call_later(9.5, (tmp_path / "a").unlink)
        assert await healer.heal_one(fault, here.journal, source="test")

    healing(tmp_path, play)


def test_the_last_look_is_passed_when_it_does_not_come(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        fault = here.raised(Liar, "a")
        stage = RunStage(here.journal, fault.remembered, within_s=60, source="test")
        began_s = here.journal.now_s
        effect = await healer.settle(Liar, stage, present=False, within_s=10)
        assert effect.present is True
        assert 9.7 <= here.journal.now_s - began_s <= 10

    healing(tmp_path, play)


# when the lab is gone


def test_what_went_with_the_lab_is_gone_and_what_nobody_can_see_is_not(tmp_path: Path) -> None:
    """Nothing is healed any more: what that would bring back was ended on purpose."""

    async def play(here: Here) -> None:
        faults = [here.raised(kind, name) for kind, name in ((Liar, "there"), (Liar, "went"), (Unseen, "unseen"))]
        faults.append(Outstanding(injector="stranger", remembered=faults[0].remembered, touched=True, seq=1))
        (tmp_path / "went").unlink()
        left = await healer.without_lab(faults, here.journal, source="test")
        assert left == [faults[0], faults[2], faults[3]]
        assert [one.data["target"] for one in here.told("injection.gone")] == ["went"]

    healing(tmp_path, play)

    assert HEALED == []


# many


def test_all_are_healed_in_their_order(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        faults = [here.raised(Noted, name) for name in "cab"]
        assert await healer.heal(faults, here.journal, source="test", patience_s=0) == []

    healing(tmp_path, play)

    assert HEALED == ["c", "a", "b"]


@pytest.mark.parametrize("kind", [Bug, Hanging, Liar, Unseen, Stubborn])
def test_one_that_cannot_be_healed_never_keeps_the_others_from_it(tmp_path: Path, kind: type[Flag]) -> None:
    async def play(here: Here) -> None:
        faults = [here.raised(Noted, "a"), here.raised(kind, "b", attempt=99), here.raised(Noted, "c")]
        left = await healer.heal(faults, here.journal, source="test", patience_s=0)
        assert [one.remembered.target for one in left] == ["b"]

    healing(tmp_path, play)

    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "c").exists()


def test_what_resists_is_tried_again_ever_more_rarely_and_the_others_are_not(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        faults = [here.raised(Stubborn, "a", attempt=4), here.raised(Noted, "b")]
        assert await healer.heal(faults, here.journal, source="test", patience_s=60) == []
        times = [round(event.t_s, 1) for event in here.told("injection.healing") if event.data["target"] == "a"]
        assert times == [0, 0.5, 1.5, 3.5]

    healing(tmp_path, play)

    assert HEALED == ["a", "b", "a", "a", "a"]


def test_trying_ends_when_patience_does(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        left = await healer.heal([here.raised(Stubborn, "a", attempt=99)], here.journal, source="test", patience_s=3.5)
        assert [one.remembered.target for one in left] == ["a"]
        assert here.journal.now_s <= 3.6

    healing(tmp_path, play)

    assert len(HEALED) == 4, "at 0, 0.5, 1.5 and 3.5 s"


def test_nothing_to_heal_takes_no_time(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        assert await healer.heal([], here.journal, source="test", patience_s=600) == []
        assert here.journal.now_s < 0.1

    healing(tmp_path, play)


# residue


class Finds(Noted):
    """Finds what is left at files."""

    name: ClassVar[str] = "finds"
    hangs: ClassVar[bool] = False

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, Any]]) -> list[Residue]:
        if cls.hangs:
            await asyncio.sleep(1_000_000)
        return [
            Residue(target=name, what=f"a flag at {address}", remembered=Remembered(
                id="found", fault="", target=name, version=1, data={"path": address}))
            for name, address in targets
        ]  # fmt: skip


class FindsToo(Finds):
    """Another fault of the same engine, which finds the same."""

    name: ClassVar[str] = "finds-too"


def test_leftovers_are_looked_for_at_the_targets_that_the_engine_reaches_and_told_once(tmp_path: Path) -> None:
    targets = {"hill": {"flag": "/a", "tcp": "x"}, "dale": {"tcp": "y"}}
    found = asyncio.run(healer.residue([Flag, Finds, FindsToo], targets))

    assert [(name, one.target, one.what) for name, one in found] == [("finds", "hill", "a flag at /a")]


def test_a_leftover_can_be_healed_as_a_fault_is(tmp_path: Path) -> None:
    async def play(here: Here) -> None:
        path = here.raised(Noted, "a").remembered.data["path"]
        ((_, left),) = await healer.residue([Finds], {"a": {"flag": path}})
        assert await healer.heal_one(healer.as_outstanding("noted", left), here.journal, source="test")

    healing(tmp_path, play)

    assert not (tmp_path / "a").exists()


def test_a_look_for_leftovers_that_hangs_is_one_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finds, "hangs", True)

    async def play(_: Here) -> None:
        with pytest.raises(InjectionFailed, match="hill could not be looked at within 30 s"):
            await healer.residue([Finds], {"hill": {"flag": "/a"}})

    healing(tmp_path, play)


# a whole run


def make_run(tmp_path: Path) -> RunDir:
    return rundir.create(tmp_path / "runs", "x", EPOCH)


def died(tmp_path: Path, *, raised: Sequence[str] = ("a", "b"), kind: str = "noted", **data: Any) -> RunDir:
    """A run whose conductor died while these flags were raised."""
    run = make_run(tmp_path)
    story = Story(run.journal)
    rundir.list_open(run)
    for n, name in enumerate(raised):
        path = tmp_path / name
        path.touch()
        story.fault(name, intended=n + 1, effect=n + 1.5, target=name, injector=kind,
                    remembered={"path": str(path), **data})  # fmt: skip
    story.end()
    return run


def heal_run(run: RunDir, patience_s: float = 0) -> healer.Healed:
    return asyncio.run(healer.heal_run(run, why="tested", source="heal", patience_s=patience_s))


def kinds(run: RunDir) -> list[str]:
    return [event.kind for event in read(run.journal)]


def test_a_dead_run_is_healed_newest_first_and_closed(tmp_path: Path) -> None:
    run = died(tmp_path)
    assert not healer.is_clean(run)
    healed = heal_run(run)

    assert (healed.healed, healed.left) == (2, ())
    assert HEALED == ["b", "a"]
    assert not (tmp_path / "a").exists()
    assert kinds(run)[-2:] == ["residue.scanned", "run.closed"]
    assert kinds(run).count("run.aborted") == 1
    assert healer.is_clean(run)
    assert rundir.open_runs() == []


def test_healing_a_run_again_finds_nothing_to_do(tmp_path: Path) -> None:
    run = died(tmp_path)
    heal_run(run)
    healed = heal_run(run)

    assert (healed.healed, healed.left) == (0, ())
    assert HEALED == ["b", "a"]
    assert kinds(run).count("run.aborted") == 1


def test_a_run_that_was_killed_is_healed_by_whoever_comes(tmp_path: Path) -> None:
    """The process that raised the flag got SIGKILL right after it did."""
    run, flag = make_run(tmp_path), tmp_path / "flag"
    code = f"""
import asyncio, os, signal
from pathlib import Path
from drills import rundir
from drills.clock import SystemClock
from drills.journal import Journal
from drills.rundir import RunDir
from drills.stage import RunStage
from injectors import Injection, Remembered
from tests.drills.writing import opening
from tests.fakes import Flag, FlagAddress

run = RunDir(Path({str(run.path)!r}))
journal = Journal.create(run.journal, SystemClock())
journal.append("run.opened", opening(monotonic_s=journal.origin_s), sync=True)
rundir.list_open(run)
stage = RunStage(journal, Remembered(id="x-flag", fault="flag", target="hill", version=1), within_s=10, source="conductor")
stage.note("injection.intended", injector="flag", version=1, does="raise a flag", sync=True)
injection = Injection(id="x-flag", fault="flag", target="hill", address=FlagAddress(path={str(flag)!r}), for_s=None)
asyncio.run(Flag(target="hill").inject(injection, stage))
os.kill(os.getpid(), signal.SIGKILL)
"""
    dead = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=30)
    assert dead.returncode == -9
    assert flag.exists()
    assert rundir.open_runs() == [run]

    assert heal_run(run).left == ()
    assert not flag.exists()
    assert rundir.open_runs() == []


def test_a_torn_last_line_keeps_nothing_from_being_healed(tmp_path: Path) -> None:
    run = died(tmp_path, raised=("a",))
    with run.journal.open("ab") as journal:
        journal.write(b'{"seq":99,"t_us":1')

    assert heal_run(run).left == ()
    assert "journal.torn" in kinds(run)
    assert not (tmp_path / "a").exists()


def test_a_run_that_cannot_be_healed_stays_listed(tmp_path: Path) -> None:
    run = died(tmp_path, kind="bug")
    healed = heal_run(run)

    assert healed.healed == 0
    why = "the injector broke: ZeroDivisionError: division by zero"
    assert healed.left == (f"b: bug of b: {why}", f"a: bug of a: {why}")
    assert rundir.open_runs() == [run]
    assert not healer.is_clean(run)
    assert read(run.journal)[-2].data["found"] == [
        {"target": "", "what": f"b: bug of b: {why}"},
        {"target": "", "what": f"a: bug of a: {why}"},
    ]


def test_a_run_that_is_under_way_is_not_healed_by_somebody_else(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    journal = Journal.create(run.journal, SystemClock())
    try:
        with pytest.raises(JournalBusy):
            heal_run(run)
    finally:
        journal.close()


def test_a_run_whose_journal_was_edited_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """What would be done then is what somebody else has written there."""
    run = died(tmp_path)
    edited = run.journal.read_bytes().replace(b"raise a flag", b"raise no flag")
    run.journal.write_bytes(edited)
    with pytest.raises(DrillError, match="journal-edited"):
        heal_run(run)

    assert HEALED == []
    assert run.journal.read_bytes() == edited
    assert rundir.open_runs() == [run]


def test_a_run_that_died_before_its_first_line_has_nothing_to_heal(tmp_path: Path) -> None:
    """And must not get a journal that begins with its end, which nobody could read."""
    run = make_run(tmp_path)
    run.journal.touch()

    assert heal_run(run).left == ()
    assert run.journal.read_bytes() == b""
    assert healer.is_clean(run)


def test_the_lab_of_a_dead_run_is_ended(tmp_path: Path) -> None:
    run = died(tmp_path, raised=())
    process = host.spawn(host.Start(argv=("sleep", "600"), cwd="", log="", pidfile=str(lab.pidfile(run.lab, "server"))))
    try:
        assert not healer.is_clean(run)
        assert heal_run(run).left == ()
        assert host.state(process) == "gone"
        assert "lab.ended" in kinds(run)
        assert healer.is_clean(run)
    finally:
        host.end(process)


def test_a_disk_that_is_full_keeps_no_fault_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = died(tmp_path, raised=("a",), kind="noted")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "_write", full)
    healed = heal_run(run)

    assert healed.left == ()
    assert not (tmp_path / "a").exists()


def test_the_reaper_and_heal_know_every_injector_of_ours() -> None:
    """What a journal of today names must be there tomorrow."""
    assert {"kill", "pause", "restart"} <= registry.kinds("injectors").keys()


def test_a_fault_is_outstanding_until_it_was_seen_to_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healer, "GONE_S", 0.05)
    run = died(tmp_path, raised=("a",), kind="liar")
    heal_run(run)

    assert [one.remembered.target for one in outstanding(read(run.journal))] == ["a"]
