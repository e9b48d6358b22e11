"""A make-believe engine of two files, an injector that serves it well, and many that each break one rule.

The engine is on disk so that a healer in another process meets the same world.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar

from injectors.conformance import Conformance, Subject
from injectors.injector import (
    Effect,
    Injection,
    InjectionFailed,
    Preview,
    Remembered,
    Residue,
    Stage,
    TargetName,
    Touch,
)

SWITCHES = ("light", "heat")


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseAddress:
    """Where a house with switches is."""

    name: ClassVar[str] = "house"
    folder: Annotated[str, "The folder that holds its switches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """Turns the light and the heat off; healed when both are as they were. It keeps every rule."""

    name: ClassVar[str] = "dark"
    version: ClassVar[int] = 1
    address: ClassVar[type] = HouseAddress
    target: Annotated[TargetName, "Whose switches"]

    async def preview(self, address: HouseAddress) -> Preview:
        there = [name for name in SWITCHES if is_there(address.folder, name)]
        touches = tuple(Touch(what=f"switch {name}", key=f"switch:{address.folder}/{name}") for name in there)
        return Preview(touches=touches, does=f"turns off {len(there)} switches", undo="turned on again")

    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        was = look(folder)
        stage.remember({"folder": folder, "was": was})
        for name in SWITCHES:
            await stage.act(f"turn the {name} off", turn, folder, name, "off")

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        for name, was in remembered.data["was"].items():
            await stage.act(f"turn the {name} {was}", turn, remembered.data["folder"], name, was)

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        now = look(remembered.data["folder"])
        return Effect("off" in now.values(), f"the switches are {now}")

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        if "off" not in look(remembered.data["folder"]).values():
            raise InjectionFailed("the switches are on")
        return 30.0

    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, Any]]) -> list[Residue]:
        return [found(name, address.folder) for name, address in targets if "off" in look(address.folder).values()]


def look(folder: str) -> dict[str, str]:
    """What each switch says."""
    try:
        return {name: Path(folder, name).read_text() for name in SWITCHES}
    except FileNotFoundError as error:
        raise InjectionFailed(f"no such switch: {error.filename}") from None


def is_there(folder: str, name: str = ".") -> bool:
    """True for a house, or a file in it."""
    return Path(folder, name).exists()


def turn(folder: str, name: str, to: str) -> None:
    """Turn one."""
    Path(folder, name).write_text(to)


def found(target: str, folder: str) -> Residue:
    """A house in which something is off."""
    data = {"folder": folder, "was": dict.fromkeys(SWITCHES, "on")}
    return Residue(target=target, what="switched off", remembered=Remembered(id="found", fault="", target=target,
                                                                            version=1, data=data))  # fmt: skip


class InTheHouse(Conformance):
    """The suite on the make-believe engine."""

    settle_s = 0.02
    shows_s = 0.0
    kind: ClassVar[Any] = Dark

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        with TemporaryDirectory() as folder:
            for name in SWITCHES:
                turn(folder, name, "on")

            def mend() -> None:
                for name in SWITCHES:
                    turn(folder, name, "on")

            yield Subject(
                injector=self.kind(target=TargetName("home")),
                address=self.kind.address(folder=folder),
                world=lambda: {path.name: path.read_text() for path in Path(folder).iterdir()},
                is_faulty=lambda: "off" in look(folder).values(),
                is_well=lambda: set(look(folder).values()) == {"on"},
                nowhere=self.kind.address(folder=f"{folder}/nowhere"),
                mend=mend,
            )


# --- those that break a rule, each with the claims that must catch it

NAUGHTY: dict[type, set[str]] = {}


def caught_by(*claims: str) -> Any:
    """Put a class among the naughty ones."""

    def put(cls: type) -> type:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        NAUGHTY[made] = {f"test_{claim}" for claim in claims}
        return made

    return put


@caught_by("no_act_before_its_undo_is_on_disk")
class ActsFirst(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        was = look(folder)
        for name in SWITCHES:
            await stage.act(f"turn the {name} off", turn, folder, name, "off")
        stage.remember({"folder": folder, "was": was})


@caught_by("acts_go_through_the_stage")
class ActsAroundTheStage(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        stage.remember({"folder": folder, "was": look(folder)})
        for name in SWITCHES:
            turn(folder, name, "off")


@caught_by("acts_go_through_the_stage", "heal_without_any_effect_harms_nothing", "verify_says_no_before")
class ActsBesidesTheStage(Dark):
    """The first act is hidden; so what should be a world without any effect has one."""

    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        stage.remember({"folder": folder, "was": look(folder)})
        turn(folder, "light", "off")
        await stage.act("turn the heat off", turn, folder, "heat", "off")


@caught_by("a_full_disk_stops_it")
class ActsAlthoughTheDiskIsFull(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        with suppress(OSError):
            stage.remember({"folder": folder, "was": look(folder)})
        for name in SWITCHES:
            await stage.act(f"turn the {name} off", turn, folder, name, "off")


@caught_by(
    "a_full_disk_stops_it",
    "heals_an_injection_interrupted_at_any_act",
    "heals_an_injection_cancelled_at_any_point",
    "verify_says_no_after_an_interrupted_injection_was_healed",
)
class RemembersEachUndoTooLate(Dark):
    """Something is on disk before the first act, and yet not what its undo needs."""

    async def inject(self, injection: Injection, stage: Stage) -> None:
        folder = injection.address.folder
        was = look(folder)
        stage.remember({"folder": folder, "was": {}})
        for name in SWITCHES:
            await stage.act(f"turn the {name} off", turn, folder, name, "off")
            stage.remember({"was": was})


@caught_by("what_is_remembered_is_json")
class RemembersAPath(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        stage.remember({"path": Path(injection.address.folder)})
        await Dark.inject(self, injection, stage)


@caught_by("what_is_remembered_is_json")
class RemembersATuple(Dark):
    """It comes back as a list."""

    async def inject(self, injection: Injection, stage: Stage) -> None:
        stage.remember({"switches": SWITCHES})
        await Dark.inject(self, injection, stage)


_WAS: dict[str, Any] = {}


@caught_by("heals_from_disk_in_another_process")
class RemembersInTheProcess(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        _WAS[injection.address.folder] = look(injection.address.folder)
        await Dark.inject(self, injection, stage)

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        for name, was in _WAS[remembered.data["folder"]].items():
            await stage.act(f"turn the {name} {was}", turn, remembered.data["folder"], name, was)


@caught_by("extending_says_how_long_and_the_fault_stays")
class ExtendsByNothing(Dark):
    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        return 0.0


@caught_by("extending_says_how_long_and_the_fault_stays")
class EndsWhatItShouldExtend(Dark):
    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        await Dark.heal(remembered, stage)
        return 30.0


@caught_by("extending_brings_nothing_back")
class BringsTheFaultBack(Dark):
    """As by a renewal that asks for the fault anew, and comes a moment after somebody else has healed."""

    @classmethod
    async def extend(cls, remembered: Remembered, stage: Stage) -> float | None:
        for name in SWITCHES:
            await stage.act(f"turn the {name} off", turn, remembered.data["folder"], name, "off")
        return 30.0


@caught_by("healing_needs_no_instance")
class HealsItself(Dark):
    """`heal` takes an instance; with a default, so that it can be called all the same."""

    @staticmethod
    async def heal(remembered: Remembered, stage: Stage, self: Any = None) -> None:
        await Dark.heal(remembered, stage)


@caught_by("heal_is_safe_to_repeat")
class HealsAnewEachTime(Dark):
    """It leaves something behind whenever it finds nothing to do, after the first time."""

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        folder = remembered.data["folder"]
        if is_there(folder, "healed"):
            await stage.act("leave a mark", turn, folder, "healed", "again")
        elif look(folder) != remembered.data["was"]:
            await Dark.heal(remembered, stage)
            await stage.act("leave a mark", turn, folder, "healed", "once")


@caught_by(
    "heal_is_safe_to_repeat",
    "heal_without_any_effect_harms_nothing",
    "heals_an_injection_interrupted_at_any_act",
    "heals_an_injection_cancelled_at_any_point",
    "heals_after_an_interrupted_heal",
    "verify_says_no_after_an_interrupted_injection_was_healed",
)
class HealPresumesTheEffect(Dark):
    """Healing turns each switch to what it is not."""

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        now = look(remembered.data["folder"])
        both = {name: "on" if said == "off" else "off" for name, said in now.items()}
        await stage.act("turn all over", turn_all, remembered.data["folder"], both)


def turn_all(folder: str, to: dict[str, str]) -> None:
    """Turn all at once."""
    for name, said in to.items():
        turn(folder, name, said)


@caught_by("heals_an_injection_interrupted_at_any_act", "heals_an_injection_cancelled_at_any_point",
           "heals_after_an_interrupted_heal", "verify_says_no_after_an_interrupted_injection_was_healed")  # fmt: skip
class HealsTheWholeOnly(Dark):
    """It gives up when the world is not in the state in which inject would have left it."""

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        if len(set(look(remembered.data["folder"]).values())) == 1:
            await Dark.heal(remembered, stage)


@caught_by("heals_an_injection_interrupted_at_any_act", "heals_an_injection_cancelled_at_any_point",
           "verify_says_no_after_an_interrupted_injection_was_healed")  # fmt: skip
class PassesForDone(Dark):
    """An act that was refused or cancelled is passed over in silence."""

    async def inject(self, injection: Injection, stage: Stage) -> None:
        look(injection.address.folder)
        with suppress(InjectionFailed, asyncio.CancelledError):
            await Dark.inject(self, injection, stage)


@caught_by("verify_says_no_before", "verify_says_no_after_heal", "verify_looks_at_the_effect",
           "verify_says_no_after_an_interrupted_injection_was_healed")  # fmt: skip
class SaysYes(Dark):
    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        return Effect(True, "surely")


@caught_by("verify_says_yes_while_it_is_there")
class SaysNo(Dark):
    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        return Effect(False, "surely not")


@caught_by("verify_says_no_before", "verify_says_yes_while_it_is_there", "verify_says_no_after_heal",
           "verify_looks_at_the_effect", "verify_says_no_after_an_interrupted_injection_was_healed")  # fmt: skip
class CannotSay(Dark):
    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        return Effect(None, "who knows")


@caught_by("verify_looks_at_the_effect")
class SaysWhatWasAskedFor(Dark):
    async def inject(self, injection: Injection, stage: Stage) -> None:
        await Dark.inject(self, injection, stage)
        stage.remember({"off": True})

    @classmethod
    async def heal(cls, remembered: Remembered, stage: Stage) -> None:
        await Dark.heal(remembered, stage)
        stage.remember({"off": False})

    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        return Effect(bool(remembered.data.get("off")), "by the book")


@caught_by("verify_changes_nothing")
class VerifyLeavesAMark(Dark):
    @classmethod
    async def verify(cls, remembered: Remembered, stage: Stage) -> Effect:
        turn(remembered.data["folder"], "verified", "yes")
        return await Dark.verify(remembered, stage)


@caught_by("preview_lists_the_target_and_touches_nothing")
class PreviewTouches(Dark):
    async def preview(self, address: HouseAddress) -> Preview:
        if is_there(address.folder):
            turn(address.folder, "light", "off")
        return await Dark.preview(self, address)


_COUNT = count()


@caught_by("preview_lists_the_target_and_touches_nothing")
class PreviewHasOtherKeysEachTime(Dark):
    async def preview(self, address: HouseAddress) -> Preview:
        touches = (Touch(what="switch", key=f"switch:{next(_COUNT)}"),)
        return Preview(touches=touches if is_there(address.folder) else (), does="off", undo="on")


@caught_by("no_target_no_touches")
class PreviewAlwaysFinds(Dark):
    async def preview(self, address: HouseAddress) -> Preview:
        return Preview(touches=(Touch(what="house", key=f"house:{address.folder}"),), does="off", undo="on")


@caught_by("residue_is_found_and_healed_without_any_memory")
class FindsNoResidue(Dark):
    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, Any]]) -> list[Residue]:
        return []


@caught_by("residue_is_found_and_healed_without_any_memory")
class AlwaysFindsResidue(Dark):
    @classmethod
    async def residue(cls, targets: Sequence[tuple[str, Any]]) -> list[Residue]:
        return [found(name, address.folder) for name, address in targets]


@caught_by("names_and_version_are_well_formed")
class HasNoVersion(Dark):
    version: ClassVar[int] = 0


@caught_by("names_and_version_are_well_formed")
class HasANameOfTwoWords(Dark):
    name: ClassVar[str] = "Dark House"


@caught_by("settings_are_frozen_named_and_explained")
class ExplainsNothing(Dark):
    how: str = "fully"


@dataclass(kw_only=True)
class LooseAddress:
    """One that can be changed after it was read."""

    name: ClassVar[str] = "house"
    folder: Annotated[str, "The folder that holds its switches"]


@caught_by("settings_are_frozen_named_and_explained")
class HasALooseAddress(Dark):
    address: ClassVar[type] = LooseAddress


@caught_by("settings_are_frozen_named_and_explained")
class HasAnUntypedTarget(Dark):
    target: Annotated[str, "Any text"]  # type: ignore[assignment]


@caught_by("settings_are_frozen_named_and_explained")
class NamesTwoTargets(Dark):
    other: Annotated[TargetName, "Whose switches as well"] = TargetName("")


@caught_by("settings_are_frozen_named_and_explained")
class NamesOneTargetAndMeansAnother(Dark):
    target: Annotated[str, "Any text"]  # type: ignore[assignment]
    other: Annotated[TargetName, "Whose switches"] = TargetName("elsewhere")
