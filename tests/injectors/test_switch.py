"""A switch is thrown by the commands that people would type, seen by another one, and thrown back whoever heals."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from injectors import Effect, Injection, InjectionFailed, Remembered, TargetName
from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.switch import SwitchAddress, Throw
from tests.injectors.processes import a_name, eventually, named, swept

IT = TargetName("order-limit")


def switch(folder: Path, **more: object) -> SwitchAddress:
    """A file stands for it: there while it is thrown."""
    given: dict[str, object] = {
        "throw": ("touch", "thrown"), "undo": ("rm", "-f", "thrown"), "is_thrown": ("test", "-e", "thrown"), "cwd": str(folder),
    }  # fmt: skip
    return SwitchAddress(**{**given, **more})  # type: ignore[arg-type]


class TestThrow(Conformance):
    """Each claim gets a folder of its own."""

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        with TemporaryDirectory() as folder:
            thrown = Path(folder, "thrown")
            yield Subject(
                injector=Throw(target=IT),
                address=switch(Path(folder)),
                nowhere=switch(Path(folder), throw=("./no-such-program", "on")),
                world=thrown.exists,
                is_faulty=thrown.exists,
                is_well=Path(folder).is_dir,
                mend=thrown.unlink,
            )


def injection(address: SwitchAddress) -> Injection:
    return Injection(id="1", fault="f", target="order-limit", address=address, for_s=None)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_the_plan_shows_the_very_commands(tmp_path: Path) -> None:
    preview = asyncio.run(Throw(target=IT).preview(switch(tmp_path)))

    assert (preview.does, preview.undo) == ("touch thrown", "rm -f thrown")
    assert [one.what for one in preview.touches] == ["switch order-limit (touch thrown)"]


@pytest.mark.parametrize("which", ["throw", "undo", "is_thrown"])
def test_a_switch_whose_command_is_not_installed_is_none(tmp_path: Path, which: str) -> None:
    preview = asyncio.run(Throw(target=IT).preview(switch(tmp_path, **{which: ("flagctl-of-nobody", "x")})))

    assert preview.touches == ()
    assert preview.missing == "there is no program `flagctl-of-nobody`"


def test_one_that_is_thrown_already_is_somebodys_and_stays(tmp_path: Path) -> None:
    (tmp_path / "thrown").touch()
    stage = RecordingStage()
    for tried in (
        Throw(target=IT).preview(switch(tmp_path)),
        Throw(target=IT).inject(injection(switch(tmp_path)), stage),
    ):
        with pytest.raises(InjectionFailed, match="thrown already; to throw it back: rm -f thrown"):
            asyncio.run(tried)

    assert stage.remembered == 0
    assert (tmp_path / "thrown").exists()


@pytest.mark.parametrize(("is_thrown", "why"), [
    (("sh", "-c", "echo no such flag; exit 2"), "no such flag"),
    (("sh", "-c", "exit 3"), "exit 3"),
])  # fmt: skip
def test_whether_it_is_thrown_is_unknown_when_the_look_fails(
    tmp_path: Path, is_thrown: tuple[str, ...], why: str
) -> None:
    address = switch(tmp_path, is_thrown=is_thrown)
    with pytest.raises(InjectionFailed, match=f"nobody can say whether it is thrown: .*{why}"):
        asyncio.run(Throw(target=IT).preview(address))
    with pytest.raises(InjectionFailed, match=why):
        asyncio.run(Throw.residue([("order-limit", address)]))


def test_a_switch_that_does_nothing_is_not_in_effect(tmp_path: Path) -> None:
    """Its command says that all went well, and nobody sees it: that is what a rehearsal is to find out."""
    stage = RecordingStage()
    asyncio.run(Throw(target=IT).inject(injection(switch(tmp_path, throw=("true",))), stage))

    assert asyncio.run(Throw.verify(memory(stage), stage)) == Effect(False, "test -e thrown ended with 1")


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    address = switch(tmp_path, throw=("sh", "-c", "echo first; echo permission denied >&2; exit 1"))
    with pytest.raises(InjectionFailed, match=r"permission denied$"):
        asyncio.run(Throw(target=IT).inject(injection(address), RecordingStage()))


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    name = a_name()
    hangs = ("sh", "-c", f"(sleep {name}; :) & sleep {name}")
    address = switch(tmp_path, throw=hangs, within=timedelta(milliseconds=200))
    with swept(name):
        with pytest.raises(InjectionFailed, match=r"it was not done within 0\.2 s"):
            asyncio.run(Throw(target=IT).inject(injection(address), RecordingStage()))

        assert eventually(lambda: named(name) == [])


def test_one_that_leaves_somebody_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    stage = RecordingStage()
    name = a_name()
    address = switch(tmp_path, throw=("sh", "-c", f"touch thrown; sleep {name} &"), within=timedelta(seconds=5))
    with swept(name):
        asyncio.run(Throw(target=IT).inject(injection(address), stage))

        assert asyncio.run(Throw.verify(memory(stage), stage)).present is True


def test_what_it_prints_without_end_is_told_in_few_words(tmp_path: Path) -> None:
    address = switch(tmp_path, throw=python("print('x' * 5_000_000); raise SystemExit(1)"))
    with pytest.raises(InjectionFailed) as failed:
        asyncio.run(Throw(target=IT).inject(injection(address), RecordingStage()))

    assert str(failed.value).endswith("x" * 200)
    assert len(str(failed.value)) < 500


@pytest.mark.parametrize(("settings", "named"), [
    ({"throw": ()}, "throw"), ({"undo": ("",)}, "undo"), ({"is_thrown": ()}, "is_thrown"), ({"within": timedelta(0)}, "within"),
])  # fmt: skip
def test_a_switch_that_cannot_be_thrown_back_or_seen_is_refused(
    tmp_path: Path, settings: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        replace(switch(tmp_path), **settings)  # type: ignore[arg-type]
    assert refused.value.args[0] == named


def memory(stage: RecordingStage) -> Remembered:
    return Remembered(id="1", fault="f", target="order-limit", version=1, data=stage.data)
