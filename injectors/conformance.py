"""A suite that any injector can be run through, ours or a plugin's, to prove that it keeps the contract.

A test file inherits from `Conformance` and says what to try the injector on; pytest finds the claims by inheritance:

    class TestPause(Conformance):
        @contextmanager
        def subject(self) -> Iterator[Subject]:
            with a_process() as process:
                yield Subject(injector=Pause(target=TargetName("it")), address=..., world=..., ...)

Every claim gets subjects of its own, and most of them several: an injection is tried once undisturbed, and then
interrupted at each of its acts. The world is looked at by the subject's own functions and never by the injector's.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, cast, get_args, get_origin, get_type_hints
from unittest import SkipTest

from injectors.injector import (
    Effect,
    Extends,
    FindsResidue,
    Injection,
    InjectionFailed,
    Injector,
    NothingRemembered,
    Remembered,
    TargetName,
    addresses_of,
)

T = TypeVar("T")


class RecordingStage:
    """A stage without a run: it keeps what is remembered, counts the acts, and can be made to fail at any point.

    It refuses an act before anything is remembered, as a run's stage does; with `injecting=False` it does not, for
    healing and verifying. `virtual` time passes at once, for injectors whose engine is a fake. `on` is told of every
    moment and its number (`remember`, `act` before it is done, `acted` after it, `sleep`) and may raise or cancel there.
    """

    def __init__(
        self,
        *,
        budget_s: float = 30.0,
        virtual: bool = False,
        injecting: bool = True,
        on: Callable[[str, int], None] | None = None,
    ) -> None:
        self.data: dict[str, Any] = {}
        """All that was remembered, as it comes back from disk."""
        self.acts: list[str] = []
        """What was done, in order."""
        self.remembered = 0
        self.not_json: list[str] = []
        """What was remembered and would not come back from disk as it was."""
        self.acts_when_full: list[str] | None = None
        """What had been done when the disk was full for the first time."""
        self._injecting, self._on, self._virtual = injecting, on, virtual
        self._slept_s, self._sleeps = 0.0, 0
        self._until_s = time.monotonic() + budget_s

    def fail_to_remember(self, n: int) -> None:
        """Have the disk full from the n-th time on."""

        def fail(moment: str, count: int) -> None:
            if moment == "remember" and count == n:  # a failed attempt does not count, so all later ones are the n-th
                self.acts_when_full = list(self.acts) if self.acts_when_full is None else self.acts_when_full
                raise OSError(28, "No space left on device")

        self._on = fail

    def remaining_s(self) -> float:
        """Seconds until the budget is used up."""
        return self._until_s - time.monotonic() - (self._slept_s if self._virtual else 0.0)

    async def sleep(self, seconds: float) -> None:
        """Wait, or let the time pass at once when it is virtual."""
        self._sleeps += 1
        self._slept_s += seconds
        self._say("sleep", self._sleeps)
        await asyncio.sleep(0 if self._virtual else seconds)

    def remember(self, data: Mapping[str, Any]) -> None:
        """Keep it as JSON. What is none is noted, and kept as text."""
        self._say("remember", self.remembered + 1)
        kept: dict[str, Any] = json.loads(json.dumps(dict(data), default=str))
        self.not_json += [f"{key}: {value!r}" for key, value in data.items() if kept.get(key, ...) != value]
        self.remembered += 1
        self.data.update(kept)

    async def act(self, what: str, do: Callable[..., Awaitable[T] | T], /, *args: Any) -> T:
        """Do it. A thread that has begun is waited for even when we are cancelled, as a run does."""
        if self._injecting and not self.remembered:
            raise NothingRemembered(what)
        self._say("act", len(self.acts) + 1)
        await asyncio.sleep(0)  # where a cancellation arrives
        self.acts.append(what)
        result = await _finished(do, args)
        self._say("acted", len(self.acts))
        await asyncio.sleep(0)
        return result

    def _say(self, moment: str, n: int) -> None:
        if self._on:
            self._on(moment, n)


async def _finished(do: Callable[..., Awaitable[T] | T], args: tuple[Any, ...]) -> T:
    if inspect.iscoroutinefunction(do):
        return cast("T", await do(*args))
    work = asyncio.ensure_future(asyncio.to_thread(cast("Callable[..., T]", do), *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What to try an injector on, and how to look at it without the injector."""

    injector: Injector
    address: Any
    world: Callable[[], object]
    """Everything that the injector could change, as one value: equal as long as nothing happens."""
    is_faulty: Callable[[], bool]
    """True while the fault is there; of a momentary one, when it has been."""
    is_well: Callable[[], bool]
    """True while the target does what it should: whole, undamaged, and there only once."""
    nowhere: Any = None
    """An address at which there is no target; None where there can be no such thing."""
    mend: Callable[[], None] | None = None
    """Takes the fault away behind the injector's back; None where that cannot be."""
    momentary: bool = False
    """True for a fault that is over when it is done, as a restart is."""


class Conformance:
    """What every injector must keep. Inherit, say what `subject` is, and name the class `Test…`."""

    budget_s: ClassVar[float] = 30.0
    """What one call of the injector may take."""
    settle_s: ClassVar[float] = 5.0
    """How long the world may take to show what was done to it."""
    shows_s: ClassVar[float] = 0.05
    """How long it may take to show what should not have been done to it; waited for in vain by every good injector."""
    virtual_time: ClassVar[bool] = False

    def subject(self) -> AbstractContextManager[Subject]:
        """A new target in good health, taken away on leaving whatever happened to it."""
        raise NotImplementedError

    # --- what can be said of the class alone

    def test_names_and_version_are_well_formed(self) -> None:
        """They stand in drills, in inventories and on disk for years."""
        with self.subject() as subject:
            cls = type(subject.injector)
            assert _is_key(cls.name), f"name must be lower case words joined by _, and is {cls.name!r}"
            assert type(cls.version) is int, f"version must be a whole number, and is {cls.version!r}"
            assert cls.version >= 1, f"version must count from 1, and is {cls.version}"
            known = addresses_of(cls)
            for address in known:
                assert is_dataclass(address), "address must be a dataclass"
                key = getattr(address, "name", None)
                assert _is_key(key), f"the address's name must be lower case words joined by _, and is {key!r}"
            assert isinstance(subject.address, known), f"the address tried is no {known[0].__name__}"

    def test_settings_are_frozen_named_and_explained(self) -> None:
        """Injector and address are frozen, keyword-only dataclasses of which each field carries its help."""
        with self.subject() as subject:
            for model in (type(subject.injector), *addresses_of(type(subject.injector))):
                _check_model(model)
            hints = get_type_hints(type(subject.injector))
            naming = [one.name for one in fields(type(subject.injector)) if hints[one.name] is TargetName]  # type: ignore[arg-type]
            assert len(naming) == 1, f"exactly one setting must be of the type TargetName, and there are {naming}"
            named = getattr(subject.injector, naming[0])
            assert subject.injector.target == named, f"`target` must give what its setting `{naming[0]}` names"

    def test_healing_needs_no_instance(self) -> None:
        """`heal` and `verify` run in a process that has never seen the drill."""
        with self.subject() as subject:
            cls = type(subject.injector)
            powers = {"residue": FindsResidue, "extend": Extends}
            for verb in ("heal", "verify", *(verb for verb, power in powers.items() if isinstance(cls, power))):
                assert isinstance(inspect.getattr_static(cls, verb), classmethod), f"{verb} must be a classmethod"
            for verb in ("preview", "inject", "heal", "verify"):
                assert inspect.iscoroutinefunction(getattr(cls, verb)), f"{verb} must be `async def`"

    # --- looking

    def test_preview_lists_the_target_and_touches_nothing(self) -> None:
        """The plan and its blast radius are made of it."""
        with self.subject() as subject:
            before = subject.world()
            first, second = (self._run(subject.injector.preview(subject.address)) for _ in range(2))
            assert first.touches, "preview lists nothing although the target is there"
            assert all(touch.what and touch.key for touch in first.touches), "each touch needs `what` and `key`"
            keys = [touch.key for touch in first.touches]
            assert len(set(keys)) == len(keys), f"two touches have the same key: {keys}"
            assert keys == [touch.key for touch in second.touches], "the same target has another key the second time"
            assert first.does, "`does` is empty"
            assert first.undo, "`undo` is empty, so no plan will ever take it"
            self._assert_unchanged(subject, before, "preview")

    def test_no_target_no_touches(self) -> None:
        """Where there is nothing, preview says so, and inject refuses instead of passing for done."""
        with self.subject() as subject:
            if subject.nowhere is None:
                raise SkipTest("its target is always there")
            before, stage = subject.world(), self._stage()
            preview = self._run(subject.injector.preview(subject.nowhere))
            assert not preview.touches, f"preview lists {preview.touches[0].what} where there is no target"
            error = self._inject(subject, stage, address=subject.nowhere)
            assert isinstance(error, InjectionFailed), f"inject must raise InjectionFailed without a target: {error!r}"
            assert not stage.acts, f"inject acts without a target: {stage.acts}"
            self._assert_unchanged(subject, before, "inject without a target")

    # --- the one law

    def test_no_act_before_its_undo_is_on_disk(self) -> None:
        """Whatever is remembered before the first act must be enough, and must be there."""
        with self.subject() as subject:
            error = self._inject(subject, self._stage())
            assert not isinstance(error, NothingRemembered), f"it acts before it remembers: {error}"
            assert error is None, f"inject failed: {error!r}"

    def test_acts_go_through_the_stage(self) -> None:
        """Nothing changes in the world before the first act that the stage is told of."""
        with self.subject() as subject:
            seen: list[object] = [subject.world()]

            def look(moment: str, n: int) -> None:
                if moment == "act" and n == 1:
                    time.sleep(self.shows_s)
                    seen.append(subject.world())

            stage = self._lenient_stage(look)
            self._inject(subject, stage)
            assert stage.acts, "inject does nothing through stage.act"
            assert seen[0] == seen[1], f"the world has changed before the first act: {seen[0]} became {seen[1]}"

    def test_a_full_disk_stops_it(self) -> None:
        """When something cannot be remembered nothing more is done, and what was done can be healed."""
        for n in range(1, self._tried().remembered + 1):
            with self.subject() as subject:
                before = subject.world()
                stage = self._lenient_stage()
                stage.fail_to_remember(n)
                error = self._inject(subject, stage)
                assert error is not None, f"inject goes on although remember {n} failed"
                assert stage.acts == stage.acts_when_full, f"it acts although remember {n} failed: {stage.acts[-1]}"
                if not stage.acts:
                    self._assert_unchanged(subject, before, "inject with a full disk")
                elif stage.remembered:
                    self._assert_heals(subject, stage, f"after remember {n} failed")

    def test_what_is_remembered_is_json(self) -> None:
        """It comes back from disk as it was: no tuples, no paths, no numbers as keys."""
        with self.subject() as subject:
            stage = self._lenient_stage()
            self._inject(subject, stage)
            assert stage.not_json == [], f"not JSON: {stage.not_json}"

    # --- healing

    def test_heals_from_disk_in_another_process(self) -> None:
        """The class is looked up anew there, and all that it gets is what was remembered."""
        with self._faulty() as (subject, stage):
            heal_elsewhere(type(subject.injector), _memory(subject, stage), self.budget_s)
            self._assert_normal(subject, "after healing in another process")

    def test_heal_is_safe_to_repeat(self) -> None:
        """Twice and thrice change nothing more."""
        with self._faulty() as (subject, stage):
            self._heal(subject, stage)
            self._assert_normal(subject, "after heal")
            world = subject.world()
            for time_ in ("second", "third"):
                self._heal(subject, stage)
                self._assert_unchanged(subject, world, f"the {time_} heal")

    def test_heal_without_any_effect_harms_nothing(self) -> None:
        """As after a run that died between remembering and acting."""
        with self.subject() as subject:
            stage = self._about_to_act(subject)
            before = subject.world()
            self._heal(subject, stage)
            self._assert_unchanged(subject, before, "heal without any effect")

    def test_heals_an_injection_interrupted_at_any_act(self) -> None:
        """Refused before each act and failing after it, as when a healer takes the run over."""
        for n in range(1, len(self._tried().acts) + 1):
            for moment in ("act", "acted"):
                self._check_interrupted(moment, n, _fail)

    def test_heals_an_injection_cancelled_at_any_point(self) -> None:
        """As by Ctrl-C, at each act and while it waits."""
        for n in range(1, len(self._tried().acts) + 1):
            for moment in ("act", "acted"):
                self._check_interrupted(moment, n, _cancel)
        self._check_interrupted("sleep", 1, _cancel)

    def test_heals_after_an_interrupted_heal(self) -> None:
        """Healing is itself killed, before and after each of its acts, and tried again."""
        with self._faulty() as (subject, stage):
            acts = len(self._heal(subject, stage).acts)
        for n in range(1, acts + 1):
            for moment in ("act", "acted"):
                with self._faulty() as (subject, stage):
                    self._heal(subject, stage, on=_Interrupt(moment, n, _cancel))
                    self._assert_heals(subject, stage, f"after a heal that was cancelled at {moment} {n}")

    # --- verifying

    def test_verify_says_no_before(self) -> None:
        """Remembered is not done."""
        with self.subject() as subject:
            stage = self._about_to_act(subject)
            self._assert_verified(subject, stage, False, "before the first act")

    def test_verify_says_yes_while_it_is_there(self) -> None:
        """T0 of the fault is when it says so."""
        with self._faulty() as (subject, stage):
            self._assert_verified(subject, stage, True, "after inject")

    def test_verify_says_no_after_heal(self) -> None:
        """The run is clean when it says so."""
        with self._faulty() as (subject, stage):
            self._heal(subject, stage)
            self._assert_verified(subject, stage, False, "after heal")

    def test_verify_says_no_after_an_interrupted_injection_was_healed(self) -> None:
        """Else a run that was stopped half way could never call itself clean."""
        for n in range(1, len(self._tried().acts) + 1):
            self._check_interrupted("acted", n, _fail, verified=True)

    def test_verify_looks_at_the_effect(self) -> None:
        """And not at what was asked for: the fault is taken away behind its back."""
        with self._faulty() as (subject, stage):
            if subject.mend is None:
                raise SkipTest("its fault cannot be taken away by anybody else")
            subject.mend()
            assert self._settled(lambda: not subject.is_faulty()), "the subject's `mend` does not mend"
            self._assert_verified(subject, stage, False, "after somebody else took the fault away")

    def test_verify_changes_nothing(self) -> None:
        """It is called again and again while the fault is there."""
        with self._faulty() as (subject, stage):
            if subject.momentary:
                assert self._settled(subject.is_well), "the target has not come back"
            world, judge = subject.world(), self._stage(injecting=False)
            self._run(type(subject.injector).verify(_memory(subject, stage), judge))
            assert not judge.acts, f"verify acts: {judge.acts}"
            self._assert_unchanged(subject, world, "verify")

    # --- leases

    def test_extending_says_how_long_and_the_fault_stays(self) -> None:
        """Asked soon after inject, and again and again."""
        with self._faulty() as (subject, stage):
            self._extends(subject)
            for _ in range(2):
                lasts_s = self._extend(subject, stage)
                assert lasts_s is None or lasts_s > 0, f"a lease of {lasts_s} s is none"
            if not subject.momentary:
                assert subject.is_faulty(), "extending has taken the fault away"

    def test_extending_brings_nothing_back(self) -> None:
        """A renewal may still be on its way when somebody else has healed."""
        with self._faulty() as (subject, stage):
            self._extends(subject)
            self._heal(subject, stage)
            self._assert_normal(subject, "after heal")
            world = subject.world()
            with suppress(InjectionFailed):  # rightly: there is nothing to renew
                self._extend(subject, stage)
            self._assert_unchanged(subject, world, "extending after heal")

    # --- residue

    def test_residue_is_found_and_healed_without_any_memory(self) -> None:
        """And nothing is found where nothing is left."""
        with self._faulty() as (subject, _):
            cls = type(subject.injector)
            if not isinstance(cls, FindsResidue):
                raise SkipTest("it does not look for residue")
            targets, world = [("it", subject.address)], subject.world()
            found = self._run(cls.residue(targets))
            assert found, "the injection is there, and no residue is found"
            assert all(one.target == "it" and one.what for one in found), "residue must say its target and what it is"
            self._assert_unchanged(subject, world, "looking for residue")
            for one in found:
                remembered = one.remembered
                data = json.loads(json.dumps(dict(remembered.data)))
                again = Remembered(id=remembered.id, fault=remembered.fault, target=remembered.target,
                                   version=remembered.version, data=data)  # fmt: skip
                self._run(cls.heal(again, self._stage(injecting=False)))
            self._assert_normal(subject, "after healing what was found")
            left = self._run(cls.residue(targets))
            assert not left, f"still found after it was healed: {left[0].what}"

    # --- how the claims are tried

    def _extends(self, subject: Subject) -> None:
        if not isinstance(type(subject.injector), Extends):
            raise SkipTest("its faults have no leases")

    def _extend(self, subject: Subject, stage: RecordingStage) -> float | None:
        kind = cast("type[Extends]", type(subject.injector))
        return self._run(kind.extend(_memory(subject, stage), self._stage(injecting=False)))

    def _stage(self, *, injecting: bool = True, on: Callable[[str, int], None] | None = None) -> RecordingStage:
        return RecordingStage(budget_s=self.budget_s, virtual=self.virtual_time, injecting=injecting, on=on)

    def _lenient_stage(self, on: Callable[[str, int], None] | None = None) -> RecordingStage:
        """One that lets an early act pass, so that one flaw fails one claim and not all of them."""
        return self._stage(injecting=False, on=on)

    def _run(self, call: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(self.budget_s):
                return await call

        return asyncio.run(bounded())

    def _inject(self, subject: Subject, stage: RecordingStage, address: Any = None) -> BaseException | None:
        """Inject, and return what it raised."""
        injection = Injection(id="trial-1", fault="trial", target=str(subject.injector.target),
                              address=subject.address if address is None else address, for_s=None)  # fmt: skip
        try:
            self._run(subject.injector.inject(injection, stage))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever it is, the claim judges it
            return error
        return None

    def _heal(
        self, subject: Subject, stage: RecordingStage, on: Callable[[str, int], None] | None = None
    ) -> RecordingStage:
        """Heal from what `stage` has kept; what heal remembers is kept there too."""
        healer = self._stage(injecting=False, on=on)
        try:
            self._run(type(subject.injector).heal(_memory(subject, stage), healer))
        except (InjectionFailed, asyncio.CancelledError):
            if on is None:
                raise
        stage.data.update(healer.data)
        return healer

    def _tried(self) -> RecordingStage:
        """An injection that nobody disturbs: how many acts it has, and how many remembers."""
        with self._faulty() as (_, stage):
            return stage

    @contextmanager
    def _faulty(self) -> Iterator[tuple[Subject, RecordingStage]]:
        """A subject with the fault in it."""
        with self.subject() as subject:
            assert subject.is_well(), "the subject is not well to begin with"
            assert not subject.is_faulty(), "the subject is faulty to begin with"
            stage = self._lenient_stage()
            error = self._inject(subject, stage)
            if error is not None:
                raise AssertionError("inject failed, and should not have") from error
            assert self._settled(subject.is_faulty), "nothing has become of inject"
            yield subject, stage

    def _about_to_act(self, subject: Subject) -> RecordingStage:
        """What is remembered just before the first act."""
        interrupt = _Interrupt("act", 1, _fail)
        stage = self._lenient_stage(interrupt)
        self._inject(subject, stage)
        if not interrupt.happened or not stage.remembered:
            raise SkipTest("it acts before it remembers or without the stage, which is another claim's business")
        return stage

    def _check_interrupted(self, moment: str, n: int, how: Callable[[], None], *, verified: bool = False) -> None:
        with self.subject() as subject:
            interrupt = _Interrupt(moment, n, how)
            stage = self._lenient_stage(interrupt)
            error = self._inject(subject, stage)
            when = f"after inject was {interrupt} at {moment} {n}"
            assert error or not interrupt.happened, f"inject passes for done {when}"
            if not stage.remembered:
                return  # nothing can heal that: it acts before it remembers, which is another claim's business
            self._assert_heals(subject, stage, when)
            if verified:
                self._assert_verified(subject, stage, False, f"{when}, and healed")

    def _assert_heals(self, subject: Subject, stage: RecordingStage, when: str) -> None:
        self._heal(subject, stage)
        self._assert_normal(subject, f"{when}, and healed")

    def _assert_normal(self, subject: Subject, when: str) -> None:
        if not subject.momentary:
            assert self._settled(lambda: not subject.is_faulty()), f"the fault is still there {when}"
        assert self._settled(subject.is_well), f"the target is not well {when}: {subject.world()}"

    def _assert_verified(self, subject: Subject, stage: RecordingStage, present: bool, when: str) -> None:
        effect = Effect(None, "")

        def agrees() -> bool:
            nonlocal effect
            judge = self._stage(injecting=False)
            effect = self._run(type(subject.injector).verify(_memory(subject, stage), judge))
            return effect.present is present

        assert self._settled(agrees), f"verify says {effect.present} {when}: {effect.why}"
        assert effect.why, f"verify says {effect.present} {when} and not why"

    def _assert_unchanged(self, subject: Subject, before: object, what: str) -> None:
        for wait_s in (0.0, self.shows_s):
            time.sleep(wait_s)
            now = subject.world()
            assert now == before, f"{what} changed the world: {before} became {now}"

    def _settled(self, holds: Callable[[], bool]) -> bool:
        until_s = time.monotonic() + self.settle_s
        while not holds():
            if time.monotonic() > until_s:
                return False
            time.sleep(0.01)
        return True


def _fail() -> None:
    raise InjectionFailed("the run was taken over")


def _cancel() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


class _Interrupt:
    """Ends what runs on a stage at one of its moments, once."""

    def __init__(self, moment: str, n: int, how: Callable[[], None]) -> None:
        self._at, self._how, self.happened = (moment, n), how, False

    def __call__(self, moment: str, n: int) -> None:
        if (moment, n) == self._at and not self.happened:
            self.happened = True
            self._how()

    def __str__(self) -> str:
        return "cancelled" if self._how is _cancel else "refused"


def _memory(subject: Subject, stage: RecordingStage) -> Remembered:
    return Remembered(id="trial-1", fault="trial", target=str(subject.injector.target),
                      version=subject.injector.version, data=json.loads(json.dumps(stage.data)))  # fmt: skip


def _is_key(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) is not None


def _check_model(model: type) -> None:
    assert is_dataclass(model), f"{model.__name__} must be a dataclass"
    assert model.__dataclass_params__.frozen, f"{model.__name__} must be frozen"  # type: ignore[attr-defined]
    hints = get_type_hints(model, include_extras=True)
    for field in fields(model):
        where = f"{model.__name__}.{field.name}"
        assert field.kw_only, f"{where} must be keyword-only"
        assert get_origin(hints[field.name]) is Annotated, f"{where} has no help: Annotated[…, 'help']"
        texts = [one.strip() for one in get_args(hints[field.name])[1:] if isinstance(one, str)]
        assert any(texts), f"{where} has no help text"


# --- healing in another process

_ELSEWHERE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from injectors import conformance
conformance._heal_here()
"""


def heal_elsewhere(cls: type[Injector], remembered: Remembered, budget_s: float = 30.0) -> None:
    """Heal in a new Python process that looks the class up by itself. Raises AssertionError with what it printed."""
    file = inspect.getsourcefile(cls)
    order = {
        "module": cls.__module__, "file": str(Path(file).absolute()) if file else "", "class": cls.__qualname__,
        "name": cls.name, "id": remembered.id, "fault": remembered.fault, "target": remembered.target,
        "version": remembered.version, "data": dict(remembered.data), "budget_s": budget_s,
    }  # fmt: skip
    path = json.dumps([str(Path(one).absolute()) for one in sys.path])
    done = subprocess.run([sys.executable, "-c", _ELSEWHERE, path], input=json.dumps(order), capture_output=True,
                          text=True, timeout=budget_s + 10, check=False)  # fmt: skip
    assert done.returncode == 0, f"healing in another process failed:\n{done.stderr}"


def _heal_here() -> None:
    """The other process's whole program."""
    order = json.load(sys.stdin)
    cls: Any = _module(order["module"], order["file"])
    for part in order["class"].split("."):
        cls = getattr(cls, part)
    assert cls.name == order["name"], f"{cls} is called {cls.name}, and {order['name']} was remembered"
    assert cls.version >= order["version"], f"{cls} cannot read version {order['version']}"
    remembered = Remembered(**{key: order[key] for key in ("id", "fault", "target", "version", "data")})
    asyncio.run(cls.heal(remembered, RecordingStage(budget_s=order["budget_s"], injecting=False)))


def _module(name: str, file: str) -> Any:
    """Import it by name, or from its file when it is a test's and in no package."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
