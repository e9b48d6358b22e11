"""Kill, pause and restart do to real processes what they say, and healing brings each target back whoever heals."""

import asyncio
import json
import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest

from injectors import Effect, Injection, InjectionFailed, Remembered, TargetName, host, revival
from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.host import Process, Start
from injectors.process import Kill, Pause, ProcessAddress, Restart
from tests.injectors.processes import a_name, child, eventually, named, python, runs_its_program, swept

IT = TargetName("it")
SUPERVISOR = """
import os, subprocess, sys, time
pidfile, command = sys.argv[1], sys.argv[2:]
while True:
    one = subprocess.Popen(command)
    with open(pidfile + ".new", "w") as file:
        file.write(str(one.pid))
    os.rename(pidfile + ".new", pidfile)
    one.wait()
    time.sleep(0.02)
"""
"""Starts a command again whenever it ends."""
DAEMON = """
import os, sys, time
if os.path.exists("pid") and not open("pid").read().isdecimal():
    sys.exit("this is no pidfile of mine")
if os.fork():
    os._exit(0)
os.setsid()
with open("pid.new", "w") as file:
    file.write(str(os.getpid()))
os.rename("pid.new", "pid")
time.sleep(300)
"""
"""Goes into the background and writes its pidfile there; refuses to start when anybody else has written one."""
FAMILY = "sleep {name} & sleep {name} & wait"
"""A shell with two children."""


def seen(name: str) -> list[tuple[int, float, bool]]:
    """The processes with this name: pid, start and whether it is stopped, looked at without any code of ours."""
    found = []
    for one in named(name):
        with suppress(psutil.NoSuchProcess):
            found.append((one.pid, one.create_time(), one.status() == psutil.STATUS_STOPPED))
    return found


def sleeps(name: str) -> int:
    """How many processes are `sleep` with this name, and neither its shell nor about to become it."""
    return len(host.find(rf"^sleep {name}$"))


def at_the_gate(name: str) -> bool:
    """True while a process that `spawn` started is not yet its program."""
    return any("chaos_drills_gate" in word for one in named(name) for word in one.cmdline())


class OnAProcess(Conformance):
    """A `sleep` that `spawn` started, known by its pidfile or its command line."""

    shows_s = 0.02
    folder: Path

    def injector(self) -> Any:
        raise NotImplementedError

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"), start=self.command(name))

    def command(self, name: str) -> tuple[str, ...]:
        return ("sleep", name)

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=str(folder / "pid")))

    count = 1
    """How many processes there are in good health."""
    momentary = False
    can_mend = True

    def subject(self) -> Any:
        return self._subject()

    @contextmanager
    def _subject(self) -> Iterator[Subject]:
        name = a_name()
        with TemporaryDirectory() as made, swept(name):
            self.folder = folder = Path(made)
            self.start(folder, name)
            assert eventually(lambda: self.is_well(name) and not at_the_gate(name))
            first = seen(name)
            yield Subject(
                injector=self.injector(),
                address=self.address(folder, name),
                world=lambda: seen(name),
                is_faulty=lambda: self.is_faulty(name, first),
                is_well=lambda: self.is_well(name),
                nowhere=self.nowhere(folder, name),
                mend=(lambda: self.mend(folder, name)) if self.can_mend else None,
                momentary=self.momentary,
            )

    def nowhere(self, folder: Path, name: str) -> ProcessAddress:
        address = self.address(folder, name)
        if address.match:
            return replace(address, match=f"no such thing as {a_name()}")
        return replace(address, pidfile=str(folder / "none"))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not seen(name)

    def is_well(self, name: str) -> bool:
        now = seen(name)
        return len(now) == self.count and not any(stopped for _, _, stopped in now)

    def mend(self, folder: Path, name: str) -> None:
        self.start(folder, name)


class TestKill(OnAProcess):
    """Known by its pidfile, started again by its command."""

    def injector(self) -> Any:
        return Kill(target=IT)


class TestKillByCommandLine(OnAProcess):
    """Without any pidfile: what runs is found by its command line, before and after."""

    def injector(self) -> Any:
        return Kill(target=IT)

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(match=rf"^sleep {name}$", start=self.command(name))

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=""))


class TestKillOfADaemon(OnAProcess):
    """The command that starts it ends at once, and the daemon that it leaves keeps a pidfile of its own."""

    def injector(self) -> Any:
        return Kill(target=IT)

    def command(self, name: str) -> tuple[str, ...]:
        return (*python(DAEMON), name)

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return replace(super().address(folder, name), cwd=str(folder))

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=self.command(name), cwd=str(folder), log="", pidfile=""))
        assert eventually(lambda: self.is_well(name))

    def is_well(self, name: str) -> bool:
        try:
            pidfile = (self.folder / "pid").read_text()
        except FileNotFoundError:
            return False
        return super().is_well(name) and [str(pid) for pid, _, _ in seen(name)] == [pidfile]


class TestKillOfASupervisedProcess(OnAProcess):
    """It is back within milliseconds, so its death is the effect."""

    momentary = True
    can_mend = False
    count = 2

    def injector(self) -> Any:
        return Kill(target=IT)

    def start(self, folder: Path, name: str) -> None:
        host.spawn(Start(argv=(*python(SUPERVISOR), str(folder / "pid"), "sleep", name), cwd="", log="", pidfile=""))

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"), supervised=True)

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not set(first) <= set(seen(name))

    def is_well(self, name: str) -> bool:
        """Its supervisor writes down who it is a moment after it was started."""
        kept = self.folder / "pid"
        found = [str(one.pid) for one in named(name) if one.name() == "sleep"]
        return super().is_well(name) and kept.exists() and [kept.read_text()] == found


class TestKillWithChildren(OnAProcess):
    """The parent and two children end together, and are there again together."""

    count = 3

    def injector(self) -> Any:
        return Kill(target=IT, with_children=True)

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", FAMILY.format(name=name))


class TestPause(OnAProcess):
    """Needs no command to start it again."""

    def injector(self) -> Any:
        return Pause(target=IT)

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(pidfile=str(folder / "pid"))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return any(stopped for _, _, stopped in seen(name))

    def mend(self, folder: Path, name: str) -> None:
        for one in named(name):
            one.resume()


class TestPauseOfAFamily(TestPause):
    """The children do not go on serving behind their parent's back."""

    count = 3

    def injector(self) -> Any:
        return Pause(target=IT, with_children=True)

    def command(self, name: str) -> tuple[str, ...]:
        return ("sh", "-c", FAMILY.format(name=name))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        now = seen(name)
        return len(now) == 3 and all(stopped for _, _, stopped in now)


class TestPauseOfSeveral(TestPause):
    """All that match are paused; no command could start them all again, and none is needed."""

    count = 2

    def start(self, folder: Path, name: str) -> None:
        for _ in range(2):
            host.spawn(Start(argv=("sleep", name), cwd="", log="", pidfile=""))

    def address(self, folder: Path, name: str) -> ProcessAddress:
        return ProcessAddress(match=rf"^sleep {name}$", start=("sleep", name))


class TestRestart(OnAProcess):
    """Gone and back in one act."""

    momentary = True
    can_mend = False

    def injector(self) -> Any:
        return Restart(target=IT, patience=timedelta(milliseconds=50))

    def is_faulty(self, name: str, first: list[tuple[int, float, bool]]) -> bool:
        return not set(first) & set(seen(name))


class TestRestartOfAStubbornProcess(TestRestart):
    """It ignores the request, so it is killed when patience ends."""

    def command(self, name: str) -> tuple[str, ...]:
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
        return (*python(code), name)

    def is_well(self, name: str) -> bool:
        return super().is_well(name) and self._ignores(name)

    def _ignores(self, name: str) -> bool:
        if not (here := named(name)):
            return False
        status = Path(f"/proc/{here[0].pid}/status")
        if not status.exists():
            return True
        mask = next(line for line in status.read_text().splitlines() if line.startswith("SigIgn"))
        return bool(int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


# --- what is special to processes


def inject(injector: Any, address: ProcessAddress, stage: RecordingStage | None = None) -> RecordingStage:
    """Inject, and pass what was remembered and done."""
    stage = stage or RecordingStage()
    asyncio.run(injector.inject(Injection(id="1", fault="f", target="it", address=address, for_s=None), stage))
    return stage


def memory(stage: RecordingStage) -> Remembered:
    """As it comes back from disk."""
    return Remembered(id="1", fault="f", target="it", version=1, data=json.loads(json.dumps(stage.data)))


def heal(kind: Any, stage: RecordingStage, budget_s: float = 30.0) -> list[str]:
    """Heal from what was remembered, and pass what was done."""
    healer = RecordingStage(injecting=False, budget_s=budget_s)
    try:
        asyncio.run(kind.heal(memory(stage), healer))
    finally:
        stage.data.update(healer.data)
    return healer.acts


def verify(kind: Any, stage: RecordingStage) -> Effect:
    """Look now."""
    effect: Effect = asyncio.run(kind.verify(memory(stage), RecordingStage(injecting=False)))
    return effect


def preview(injector: Any, address: ProcessAddress) -> Any:
    """Look before."""
    return asyncio.run(injector.preview(address))


@contextmanager
def running(folder: Path, name: str, *argv: str, pidfile: str = "pid") -> Iterator[Process]:
    """A process that has become its program and bears this name, with a pidfile; what bears the name is ended on leaving."""
    command = argv or ("sleep", name)
    with swept(name):
        start = Start(argv=command, cwd=str(folder), log=str(folder / "log"), pidfile=str(folder / pidfile))
        process = host.spawn(start)
        assert eventually(lambda: runs_its_program(process.pid))
        yield process


@pytest.mark.parametrize(
    ("settings", "at_fault"),
    [
        ({}, "pidfile"),
        ({"pidfile": "a", "match": "b"}, "match"),
        ({"pidfile": "a", "lab": "b"}, "lab"),
        ({"pidfile": ""}, "pidfile"),
        ({"match": "("}, "match"),
        ({"match": ".*"}, "match"),
        ({"match": "a|"}, "match"),
        ({"lab": "a", "start": ("b",)}, "start"),
        ({"lab": "a", "supervised": True}, "supervised"),
        ({"pidfile": "a", "start": ("b",), "supervised": True}, "supervised"),
        ({"pidfile": "a", "start": ("",)}, "start"),
        ({"pidfile": "a", "cwd": "b"}, "cwd"),
        ({"pidfile": "a", "log": "b", "supervised": True}, "log"),
        ({"match": "a", "env": {"b": "c"}}, "env"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused_by_name(settings: dict[str, Any], at_fault: str) -> None:
    with pytest.raises(ValueError, match=at_fault) as refused:
        ProcessAddress(**settings)
    setting, what, fix = refused.value.args
    assert setting == at_fault
    assert what
    assert fix


def test_impatience_has_a_limit() -> None:
    assert Restart(target=IT, patience=timedelta(0)).patience == timedelta(0)
    with pytest.raises(ValueError, match="patience"):
        Restart(target=IT, patience=timedelta(seconds=-1))


def test_reading_the_settings_loads_nothing_heavy() -> None:
    code = "import sys, injectors.process; print({'asyncio', 'psutil', 'subprocess'} & set(sys.modules))"
    with child(*python(code)) as popen:
        assert popen.communicate(timeout=20)[0] == "set()\n"


# preview


def test_preview_says_what_it_does_and_how_that_is_undone(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name) as process:
        alone = ProcessAddress(pidfile=str(tmp_path / "pid"))
        again = replace(alone, start=("sleep", "two words"))
        seen = preview(Kill(target=IT, signal="TERM"), again)
        assert (seen.does, seen.undo) == ("SIGTERM to 1 process", "started again with `sleep 'two words'`")
        assert [touch.what for touch in seen.touches] == [f"process {process.pid} (sleep {name})"]
        assert preview(Kill(target=IT), replace(alone, supervised=True)).undo == "its supervisor starts it again"
        assert preview(Kill(target=IT), alone).undo == "", "so the plan refuses it"
        assert preview(Restart(target=IT), alone).undo == ""
        assert preview(Restart(target=IT), again).does == "SIGTERM to 1 process, SIGKILL after 10 s, and a new start"
        assert preview(Pause(target=IT), alone).undo == "SIGCONT"


def test_preview_counts_the_children_it_would_touch(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name, "sh", "-c", FAMILY.format(name=name)):
        assert eventually(lambda: len(named(name)) == 3)
        address = ProcessAddress(pidfile=str(tmp_path / "pid"))
        for injector, does in ((Kill(target=IT, with_children=True), "SIGKILL to 1 process and 2 children"),
                               (Pause(target=IT, with_children=True), "SIGSTOP to 1 process and 2 children"),
                               (Pause(target=IT), "SIGSTOP to 1 process")):  # fmt: skip
            assert preview(injector, address).does == does
        assert len(preview(Pause(target=IT, with_children=True), address).touches) == 3


def test_a_target_has_one_key_over_all_of_its_lives(tmp_path: Path) -> None:
    """Else another run could take it up while this one has it restarted."""
    name = a_name()
    address = ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name))
    with running(tmp_path, name):
        (before,) = preview(Kill(target=IT), address).touches
        stage = inject(Kill(target=IT), address)
        heal(Kill, stage)
        (after,) = preview(Pause(target=IT), address).touches
        assert before.key == after.key
        assert before.what != after.what


@pytest.mark.parametrize("injector", [Kill(target=IT), Pause(target=IT), Restart(target=IT)], ids=lambda one: one.name)
def test_a_lab_that_does_not_run_has_no_processes(injector: Any) -> None:
    with pytest.raises(InjectionFailed, match="the lab is not running"):
        preview(injector, ProcessAddress(lab="primary"))


def test_residue_of_a_lab_that_does_not_run_cannot_be_looked_for() -> None:
    with pytest.raises(InjectionFailed, match="the lab is not running"):
        asyncio.run(Pause.residue([("it", ProcessAddress(lab="primary"))]))


@pytest.mark.parametrize(
    ("pid", "why"),
    [(1, "the first process"), (os.getpid(), "this very program"), (os.getppid(), "an ancestor")],
    ids=["first", "self", "ancestor"],
)
def test_we_are_never_our_own_target(tmp_path: Path, pid: int, why: str) -> None:
    (tmp_path / "pid").write_text(str(pid))
    for injector in (Kill(target=IT), Pause(target=IT), Restart(target=IT)):
        with pytest.raises(InjectionFailed, match=why):
            preview(injector, ProcessAddress(pidfile=str(tmp_path / "pid")))


def test_what_heals_after_us_is_never_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_protected", set())
    name = a_name()
    with running(tmp_path, name) as process:
        host.protect(process)
        with pytest.raises(InjectionFailed, match="what heals when this program dies"):
            preview(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid")))
        assert not preview(Kill(target=IT), ProcessAddress(match=name)).touches


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not")
def test_a_process_of_somebody_else_is_refused_in_words(tmp_path: Path) -> None:
    name = a_name()
    code = f"""
import asyncio, os, psutil
from injectors import InjectionFailed
from injectors.process import Kill, ProcessAddress
def preview():
    return asyncio.run(Kill(target="it").preview(ProcessAddress(match="^sleep {name}")))
assert preview().touches  # and loads what may not be read any more in a moment
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    preview()
except InjectionFailed as error:
    print(error)
"""
    with running(tmp_path, name) as process:
        assert eventually(lambda: host.find(f"^sleep {name}") == [process])
        with child(*python(code)) as popen:
            said = f"not allowed to signal process {process.pid} (sleep {name}): run as its user or root\n"
            assert popen.communicate(timeout=20)[0] == said


def test_what_cannot_be_done_is_refused_before_anything_is(tmp_path: Path) -> None:
    name = a_name()
    (tmp_path / "odd").write_text("valkey")
    two = ProcessAddress(match=f"sleep {name}", start=("sleep", name))
    refusals = [
        (Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "odd")), "does not hold a process number"),
        (Kill(target=IT), ProcessAddress(pidfile=str(tmp_path)), "cannot be read which process it is"),
        (
            Kill(target=IT),
            ProcessAddress(pidfile=str(tmp_path / "pid"), start=("no-such-program",)),
            "no program no-such",
        ),
        (
            Restart(target=IT),
            ProcessAddress(pidfile=str(tmp_path / "pid"), start=("./no-such",)),
            "no program ./no-such",
        ),
        (Kill(target=IT), two, "matches 2 processes"),
        (Restart(target=IT), two, "matches 2 processes"),
    ]
    with running(tmp_path, name), running(tmp_path, name, pidfile="second"):
        assert eventually(lambda: len(host.find(f"^sleep {name}")) == 2)
        before = seen(name)
        for injector, address, why in refusals:
            stage = RecordingStage()
            with pytest.raises(InjectionFailed, match=why):
                preview(injector, address)
            with pytest.raises(InjectionFailed, match=why):
                inject(injector, address, stage)
            assert (stage.acts, seen(name)) == ([], before)


def test_a_process_that_somebody_has_stopped_is_not_paused(tmp_path: Path) -> None:
    """Healing would undo what somebody else did."""
    name = a_name()
    address = ProcessAddress(pidfile=str(tmp_path / "pid"))
    with running(tmp_path, name) as process:
        host.send(process, signal.SIGSTOP)
        assert eventually(lambda: host.state(process) == "stopped")
        stage = RecordingStage()
        with pytest.raises(InjectionFailed, match=f"process {process.pid} is stopped already"):
            preview(Pause(target=IT), address)
        with pytest.raises(InjectionFailed, match="stopped already"):
            inject(Pause(target=IT), address, stage)
        assert (stage.acts, stage.data) == ([], {})
        assert preview(Kill(target=IT), address).touches, "killing it is another matter"


# kill


def test_the_journal_is_told_who_was_signalled_and_how_it_came_back(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name) as process:
        stage = inject(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name)))
        assert stage.acts == [f"send SIGKILL to process {process.pid} (sleep {name})"]
        effect = verify(Kill, stage)
        assert effect == Effect(True, f"process {process.pid} is gone, and the target does not run")
        assert heal(Kill, stage) == [f"start again with `sleep {name}`"]
        ((pid, _, _),) = seen(name)
        assert verify(Kill, stage) == Effect(False, f"process {pid} is there and running")


def test_a_process_that_ignores_the_signal_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("injectors.process._POLITE_S", 0.1)
    monkeypatch.setattr("injectors.process._SHOWS_S", 0.1)
    name = a_name()
    with running(tmp_path, name, "sh", "-c", f"trap '' TERM; echo ready; while :; do sleep {name}; done"):
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n" and len(named(name)) == 2)
        before = seen(name)
        address = ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name))
        stage = inject(Kill(target=IT, signal="TERM"), address)
        assert verify(Kill, stage) == Effect(False, f"process {before[0][0]} is still there")
        assert heal(Kill, stage) == []
        assert seen(name) == before


def test_a_process_that_is_slow_to_end_is_replaced_when_it_has(tmp_path: Path) -> None:
    """Healing comes right after the signal; to leave a process that is just shutting down would leave none."""
    name = a_name()
    ends = "until test -e end; do sleep 0.01; done; sleep 0.5; exit"
    slow = f"trap '{ends}' TERM; echo ready; while :; do sleep 0.01; done; : {name}"
    with running(tmp_path, name, "sh", "-c", slow) as process:
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
        stage = RecordingStage(on=lambda moment, n: _fail_at("acted", moment))
        address = ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name))
        with pytest.raises(InjectionFailed):
            inject(Kill(target=IT, signal="TERM"), address, stage)
        assert host.state(process) == "running"
        (tmp_path / "end").touch()
        assert heal(Kill, stage) == [f"start again with `sleep {name}`"]
        assert host.state(process) == "gone"
        assert eventually(lambda: sleeps(name) == len(named(name)) == 1)


def _fail_at(wanted: str, moment: str) -> None:
    if moment == wanted:
        raise InjectionFailed("the run was taken over")


def test_a_target_that_a_person_has_started_again_is_left_to_them(tmp_path: Path) -> None:
    """It is what a responder is there for; two of them would be worse than none."""
    name = a_name()
    with running(tmp_path, name):
        stage = inject(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name)))
        assert verify(Kill, stage).present is True
        with running(tmp_path, name) as theirs:
            assert verify(Kill, stage).present is False
            assert heal(Kill, stage) == []
            assert [pid for pid, _, _ in seen(name)] == [theirs.pid]


def test_a_supervised_target_was_killed_even_when_it_is_back_at_once(tmp_path: Path) -> None:
    name = a_name()
    address = ProcessAddress(pidfile=str(tmp_path / "pid"), supervised=True)
    supervisor = (*python(SUPERVISOR), str(tmp_path / "pid"), "sleep", name)
    with running(tmp_path, name, *supervisor, pidfile="supervisor.pid"):
        assert eventually(lambda: host.read_pidfile(str(tmp_path / "pid")) is not None)
        first = host.read_pidfile(str(tmp_path / "pid"))
        assert first
        stage = inject(Kill(target=IT), address)
        assert eventually(lambda: host.read_pidfile(str(tmp_path / "pid")) not in (None, first))
        assert verify(Kill, stage) == Effect(True, f"process {first.pid} is gone")
        assert heal(Kill, stage) == []
        assert verify(Kill, stage).present is False


def test_a_supervisor_that_does_nothing_is_told_of_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revival, "_MARGIN_S", 2.5)
    name = a_name()
    with running(tmp_path, name):
        stage = inject(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), supervised=True))
        began_s = time.monotonic()
        with pytest.raises(InjectionFailed, match="has not started the target again: 0 of 1 processes run"):
            heal(Kill, stage, budget_s=3.0)
        assert time.monotonic() - began_s < 3.0
        assert verify(Kill, stage).present is True


def test_several_are_back_when_as_many_run_as_before(tmp_path: Path) -> None:
    name = a_name()
    address = ProcessAddress(match=rf"^sleep {name}$", supervised=True)
    with running(tmp_path, name), running(tmp_path, name, pidfile="second"):
        assert eventually(lambda: len(host.find(rf"^sleep {name}$")) == 2)
        stage = inject(Kill(target=IT), address)
        assert seen(name) == []
        with running(tmp_path, name):
            assert eventually(lambda: len(host.find(rf"^sleep {name}$")) == 1)
            with pytest.raises(InjectionFailed, match="1 of 2 processes run"):
                heal(Kill, stage, budget_s=0.6)
            assert verify(Kill, stage).present is True
            with running(tmp_path, name, pidfile="second"):
                assert heal(Kill, stage) == []
                assert verify(Kill, stage).present is False


def test_a_killed_process_that_takes_long_to_die_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that has much memory to give back: the system then says that it is doomed, and it is still there."""
    name = a_name()
    slow = f"trap 'sleep 0.7; exit' TERM; echo ready; while :; do sleep 0.01; done; : {name}"
    with running(tmp_path, name, "sh", "-c", slow) as process:
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
        stage = RecordingStage(on=lambda moment, n: _fail_at("act", moment))
        with pytest.raises(InjectionFailed):
            inject(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name)), stage)
        host.send(process, signal.SIGTERM)
        monkeypatch.setattr(host, "doomed", lambda one: host.state(one) != "gone")
        assert heal(Kill, stage) == [f"start again with `sleep {name}`"]
        assert host.state(process) == "gone"


def test_a_target_that_was_seen_for_an_instant_only_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def always(stage: RecordingStage, holds: object, within_s: float) -> bool:
        return True

    monkeypatch.setattr(revival, "until", always)
    gone = revival.Revival(processes=(Process(2**30, "never"),), children=(), pidfile="/none", match=None, start=None,
                           grace_s=0.0, by_death=False)  # fmt: skip
    assert asyncio.run(revival._steady(gone, RecordingStage(virtual=True))) is False


def test_a_command_that_does_not_start_it_is_told_of_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = a_name()
    program = tmp_path / "server"
    program.write_text(f"#!/bin/sh\nexec sleep {name}\n")
    program.chmod(0o755)
    address = ProcessAddress(
        pidfile=str(tmp_path / "pid"), start=("./server",), cwd=str(tmp_path), log=str(tmp_path / "log")
    )
    with running(tmp_path, name, "./server"):
        stage = inject(Kill(target=IT), address)
        program.write_text("#!/bin/sh\necho no such port >&2\nexit 1\n")
        with monkeypatch.context() as patch:
            patch.setattr(revival, "_STEADY_S", 1.5)  # so long it may take to end on a machine that is busy
            patch.setattr(revival, "_DAEMON_S", 0.1)
            with pytest.raises(InjectionFailed, match=r"does not run after `\./server`; its output is in .*log"):
                heal(Kill, stage)
        assert (tmp_path / "log").read_text() == "no such port\n"
        assert verify(Kill, stage).present is True
        program.write_text(f"#!/bin/sh\nexec sleep {name}\n")
        assert heal(Kill, stage) == ["start again with `./server`"]
        assert verify(Kill, stage).present is False
        assert eventually(lambda: [one.name() for one in named(name)] == ["sleep"])


@pytest.mark.parametrize("well", [True, False])
def test_a_launcher_that_takes_its_time_is_not_taken_for_what_it_starts(tmp_path: Path, *, well: bool) -> None:
    name = a_name()
    daemon, launcher = shlex.join((*python(DAEMON), name)), tmp_path / "launcher"
    launcher.write_text(f"#!/bin/sh\nexec {daemon}\n")
    launcher.chmod(0o755)
    pidfile = str(tmp_path / "pid")
    address = ProcessAddress(pidfile=pidfile, start=("./launcher",), cwd=str(tmp_path))
    with swept(name):
        host.spawn(Start(argv=("./launcher",), cwd=str(tmp_path), log="", pidfile=""))
        assert eventually(lambda: bool(seen(name)) and host.read_pidfile(pidfile) is not None)
        first = host.read_pidfile(pidfile)
        stage = inject(Kill(target=IT), address)
        launcher.write_text(f"#!/bin/sh\nsleep 0.7\nexec {daemon if well else 'false'}\n")
        if well:
            heal(Kill, stage)
            assert host.read_pidfile(pidfile) not in (None, first), "it is there, and not only on its way"
        else:
            with pytest.raises(InjectionFailed, match="does not run after"):
                heal(Kill, stage)
        assert verify(Kill, stage).present is not well


def test_a_daemon_that_an_interrupted_healer_started_is_waited_for_and_not_started_twice(tmp_path: Path) -> None:
    name = a_name()
    daemon, launcher = shlex.join((*python(DAEMON), name)), tmp_path / "launcher"
    launcher.write_text(f"#!/bin/sh\n{daemon}\n")
    launcher.chmod(0o755)
    pidfile = str(tmp_path / "pid")
    start = Start(argv=("./launcher",), cwd=str(tmp_path), log="", pidfile="")
    with swept(name):
        host.spawn(start)
        assert eventually(lambda: bool(seen(name)) and host.read_pidfile(pidfile) is not None)
        stage = inject(Kill(target=IT), ProcessAddress(pidfile=pidfile, start=("./launcher",), cwd=str(tmp_path)))
        launcher.write_text(f"#!/bin/sh\n(sleep 0.7; exec {daemon}) &\n")
        first = asyncio.run(revival.start_again(start, stage))  # as one who dies right afterwards
        assert eventually(lambda: host.state(first) == "gone")
        assert heal(Kill, stage) == []
        assert [str(pid) for pid, _, _ in seen(name)] == [Path(pidfile).read_text()]


def test_it_starts_again_as_it_was_whoever_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From relative paths, healed from another folder and with another PATH."""
    name = a_name()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "a-server"
    program.write_text(f'#!/bin/sh\necho "$PWD $SHOP"\nexec sleep {name}\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    with running(tmp_path, name):
        with monkeypatch.context() as patch:
            patch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
            address = ProcessAddress(
                pidfile="pid", start=("a-server",), cwd="bin", log="again.log", env={"SHOP": "eins"}
            )
            stage = inject(Kill(target=IT), address)
        monkeypatch.chdir("/")
        heal(Kill, stage)
        assert eventually(lambda: [one.name() for one in named(name)] == ["sleep"])
        assert (tmp_path / "again.log").read_text() == f"{tmp_path}/bin eins\n"
        assert host.read_pidfile(str(tmp_path / "pid")) is not None


def test_children_that_outlived_their_parent_do_not_stand_in_the_way_of_its_successor(tmp_path: Path) -> None:
    """As when we were killed between the two signals."""
    name = a_name()
    command = ("sh", "-c", FAMILY.format(name=name))
    with running(tmp_path, name, *command) as parent:
        assert eventually(lambda: len(named(name)) == 3 and sleeps(name) == 2)
        before = seen(name)
        stage = RecordingStage(on=lambda moment, n: _fail_at("act", moment))
        with pytest.raises(InjectionFailed):
            inject(Kill(target=IT, with_children=True),
                   ProcessAddress(pidfile=str(tmp_path / "pid"), start=command), stage)  # fmt: skip
        host.send(parent, signal.SIGKILL)
        assert eventually(lambda: host.state(parent) == "gone")
        killed, started = heal(Kill, stage)
        assert killed.count(f"(sleep {name})") == 2
        assert started == f"start again with `{shlex.join(command)}`"
        assert eventually(lambda: len(now := seen(name)) == 3 and not {*now} & {*before})


def test_the_healers_pidfile_still_knows_whose_children_were_left(tmp_path: Path) -> None:
    """A lab that is ended by its pidfiles must reach what the killed server had started."""
    name = a_name()
    command = ("sh", "-c", FAMILY.format(name=name))
    with running(tmp_path, name, *command) as first:
        assert eventually(lambda: len(named(name)) == 3)
        stage = inject(Kill(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=command))
        heal(Kill, stage)
        assert eventually(lambda: len(named(name)) == 5), "two orphans and a new family"
        second = host.read_pidfile(str(tmp_path / "pid"))
        assert host.leaders(str(tmp_path / "pid")) == [second, first]
        assert [left for leader in host.leaders(str(tmp_path / "pid")) for left in host.end(leader)] == []
        assert named(name) == []
        assert host.leaders(str(tmp_path / "pid")) == []


# pause


def test_a_process_that_died_while_paused_is_gone_and_needs_no_healing(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name) as process:
        stage = inject(Pause(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid")))
        assert verify(Pause, stage) == Effect(True, f"process {process.pid} is stopped")
        host.send(process, signal.SIGKILL)
        assert eventually(lambda: host.state(process) == "gone")
        assert verify(Pause, stage) == Effect(False, f"process {process.pid} is gone")
        assert heal(Pause, stage) == []


def test_healing_resumes_a_process_that_does_not_look_stopped_yet(tmp_path: Path) -> None:
    """The SIGSTOP may be on its way, and the SIGCONT takes it back."""
    name = a_name()
    with running(tmp_path, name) as process:
        stage = RecordingStage(on=lambda moment, n: _fail_at("act", moment))
        with pytest.raises(InjectionFailed):
            inject(Pause(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid")), stage)
        assert host.state(process) == "running"
        (sent,) = heal(Pause, stage)
        assert sent.startswith(f"send SIGCONT to process {process.pid} (")


def test_a_family_of_which_one_goes_on_is_not_paused_and_one_of_which_one_stands_is_not_healed(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name, "sh", "-c", FAMILY.format(name=name)):
        assert eventually(lambda: len(named(name)) == 3)
        stage = inject(Pause(target=IT, with_children=True), ProcessAddress(pidfile=str(tmp_path / "pid")))
        assert verify(Pause, stage).present is True
        last = named(name)[-1]
        last.resume()
        assert eventually(lambda: last.status() != psutil.STATUS_STOPPED)
        assert verify(Pause, stage) == Effect(False, f"process {last.pid} is running")
        heal(Pause, stage)
        last.suspend()
        assert eventually(lambda: last.status() == psutil.STATUS_STOPPED)
        assert verify(Pause, stage) == Effect(True, f"process {last.pid} is stopped")


def test_children_that_are_born_while_their_parent_is_being_paused_are_paused_too(tmp_path: Path) -> None:
    name = a_name()
    fertile = """
import os, time
for n in range(300):
    if not os.fork():
        time.sleep(20)
        os._exit(0)
    time.sleep(0.005)
time.sleep(300)
"""
    with running(tmp_path, name, *python(fertile), name):
        assert eventually(lambda: len(named(name)) > 5)
        inject(Pause(target=IT, with_children=True), ProcessAddress(pidfile=str(tmp_path / "pid")))
        now = seen(name)
        assert all(stopped for _, _, stopped in now)
        time.sleep(0.05)
        assert seen(name) == now


def test_residue_is_what_is_stopped_and_nothing_else(tmp_path: Path) -> None:
    name = a_name()
    address = ProcessAddress(pidfile=str(tmp_path / "pid"))
    with running(tmp_path, name, "sh", "-c", FAMILY.format(name=name)):
        assert eventually(lambda: len(named(name)) == 3 and sleeps(name) == 2)
        targets = [("it", address), ("none", ProcessAddress(pidfile=str(tmp_path / "none")))]
        assert asyncio.run(Pause.residue(targets)) == []
        last = next(one for one in named(name) if one.name() == "sleep")
        last.suspend()
        assert eventually(lambda: last.status() == psutil.STATUS_STOPPED)
        (found,) = asyncio.run(Pause.residue(targets))
        assert (found.target, found.what) == ("it", f"process {last.pid} (sleep {name}) is stopped")
        asyncio.run(Pause.heal(found.remembered, RecordingStage(injecting=False)))
        assert asyncio.run(Pause.residue(targets)) == []


# restart


def test_a_process_that_ends_when_asked_is_not_killed(tmp_path: Path) -> None:
    name = a_name()
    polite = f"trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done; : {name}"
    with running(tmp_path, name, "sh", "-c", polite) as process:
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
        stage = inject(Restart(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name)))
        assert [act.split()[1] for act in stage.acts] == ["SIGTERM", "again"]
        assert (tmp_path / "log").read_text().endswith("bye\n")
        assert verify(Restart, stage) == Effect(True, f"process {process.pid} is gone")
        assert eventually(lambda: [one.name() for one in named(name)] == ["sleep"])
        assert heal(Restart, stage) == []
        assert verify(Restart, stage).present is False


def test_a_restart_that_does_not_come_back_is_healed_by_another_start(tmp_path: Path) -> None:
    name = a_name()
    with running(tmp_path, name):
        stage = inject(Restart(target=IT), ProcessAddress(pidfile=str(tmp_path / "pid"), start=("sleep", name)))
        again = host.read_pidfile(str(tmp_path / "pid"))
        assert again
        host.send(again, signal.SIGKILL)
        assert eventually(lambda: host.state(again) == "gone")
        assert heal(Restart, stage) == [f"start again with `sleep {name}`"]
        assert verify(Restart, stage).present is False
