"""The command probe."""

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from checks import Look, Seen, TargetName
from checks.probes.command import CommandPlace, CommandProbe
from tests.checks.probes.servers import comes, wait_for
from tests.injectors.processes import heard_late

HERE = TargetName("here")


def look_by(*run: str, n: int = 0, place: CommandPlace | None = None, **settings: object) -> Look:
    async def main() -> Look:
        probe = CommandProbe(target=HERE, run=run, **settings)  # type: ignore[arg-type]
        async with probe.open(place or CommandPlace(), "run_probe") as watch:
            return await watch.look(n)

    return asyncio.run(main())


def test_exit_0_is_good() -> None:
    assert look_by("true") == Look(Seen.GOOD)


def test_any_other_exit_is_bad_for_the_reason_printed_last() -> None:
    assert look_by("sh", "-c", "echo first; echo 'queue is full' >&2; exit 3") == Look(Seen.BAD, "queue is full")


def test_without_a_word_the_exit_code_is_the_reason() -> None:
    assert look_by("false") == Look(Seen.BAD, "exit 1")
    assert look_by("sh", "-c", "kill -SEGV $$") == Look(Seen.BAD, "killed by signal 11")


@pytest.mark.parametrize("run", [("/no/such/file",), ("sh", "-c", "no-such-command")])
def test_a_command_that_cannot_be_run_is_blind(run: tuple[str, ...]) -> None:
    assert look_by(*run).seen is Seen.BLIND


def test_an_exit_code_can_mean_that_it_could_not_look() -> None:
    assert look_by("sh", "-c", "echo no key; exit 7", blind=(7,)) == Look(Seen.BLIND, "no key")
    assert look_by("sh", "-c", "exit 6", blind=(7,)).seen is Seen.BAD


def test_no_shell_reads_its_arguments() -> None:
    assert look_by("test", "$HOME", "=", "$" + "HOME").seen is Seen.GOOD


def test_it_knows_its_number_its_mark_its_folder_and_its_variables(tmp_path: Path) -> None:
    place = CommandPlace(cwd=str(tmp_path), env=("CITY=Shenzhen",))
    script = 'echo "$CHAOS_DRILLS_LOOK $CHAOS_DRILLS_MARK $CITY $PWD"; exit 1'
    assert look_by("sh", "-c", script, n=41, place=place).why == f"41 run_probe Shenzhen {tmp_path}"


def test_output_is_taken_to_the_end_and_the_last_of_it_kept() -> None:
    assert look_by("sh", "-c", "yes | head -c 5000000; echo; echo the end; exit 1") == Look(Seen.BAD, "the end")


def test_a_reason_is_cut_to_a_length() -> None:
    assert len(look_by("sh", "-c", "printf 'x%.0s' $(seq 5000); exit 1").why) == 200


def test_the_whole_group_is_killed_when_the_time_is_up(tmp_path: Path) -> None:
    async def main() -> None:
        pids = tmp_path / "pids"
        run = ("sh", "-c", f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; trap '' TERM; wait")
        async with CommandProbe(target=HERE, run=run).open(CommandPlace(), "m") as watch:
            going = asyncio.create_task(watch.look(0))
            await comes(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the command")
            going.cancel()
            await asyncio.wait([going])
            assert going.cancelled()
            await comes(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), "the end of both")

    asyncio.run(main())


def test_nothing_is_left_when_the_time_is_up_while_it_is_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = tmp_path / "pids"
    heard_late(monkeypatch, lambda: wait_for(lambda: len(pids.read_text().split()) == 2, "the command"))

    async def main() -> None:
        run = ("sh", "-c", f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait")
        async with CommandProbe(target=HERE, run=run).open(CommandPlace(), "m") as watch:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await watch.look(0)

    asyncio.run(main())
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()), "the end of both")


def test_what_it_left_running_neither_holds_the_look_nor_stays(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert look_by("sh", "-c", f"sleep 60 & echo $! > {pid}").seen is Seen.GOOD

    async def gone() -> None:
        await comes(lambda: not alive(int(pid.read_text())), "its end")

    asyncio.run(gone())


def test_no_file_stays_open() -> None:
    async def main() -> None:
        async with CommandProbe(target=HERE, run=("sleep", "30")).open(CommandPlace(), "m") as watch:
            before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
            for ticks in range(12):
                going = asyncio.create_task(watch.look(ticks))
                for _ in range(ticks):
                    await asyncio.sleep(0)
                going.cancel()
                await asyncio.wait([going])
            await comes(lambda: len(os.listdir("/proc/self/fd")) <= before, "that all are closed")  # noqa: PTH208

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    asyncio.run(main())
    assert not [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("settings", "setting"), [({"run": ()}, "run"), ({"run": ("true",), "blind": (0,)}, "blind")])
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        CommandProbe(target=HERE, **settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
    assert len(caught.value.args) == 3


def test_a_variable_without_a_value_is_refused() -> None:
    with pytest.raises(ValueError, match="env"):
        CommandPlace(env=("CITY",))
