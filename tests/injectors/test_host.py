"""Processes are known by more than their number, and none that we start is ever lost."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from injectors import host
from injectors.host import Process, Start
from tests.injectors.processes import a_name, child, eventually, identity, named, python, spawned, swept

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(300)"
)


def test_no_process_has_a_number_out_of_range() -> None:
    assert host.identify(2**30) is None


def test_the_same_process_has_the_same_identity_through_json() -> None:
    me = host.identify(os.getpid())
    assert me is not None
    assert me == host.identify(os.getpid())
    assert Process.from_data(json.loads(json.dumps(me.to_data()))) == me


def test_a_zombie_is_gone_and_its_exit_status_is_left_to_its_parent() -> None:
    """Taking it would make `subprocess` report success for a child that failed."""
    with child("sh", "-c", "read go; exit 7") as popen:
        process = identity(popen)
        assert popen.stdin
        popen.stdin.close()
        assert eventually(lambda: psutil.Process(popen.pid).status() == psutil.STATUS_ZOMBIE)
        assert host.identify(popen.pid) is None
        assert host.state(process) == "gone"
        assert popen.wait() == 7


def test_a_dead_process_that_we_spawned_does_not_linger_as_a_zombie(tmp_path: Path) -> None:
    with spawned("true", folder=tmp_path) as process:
        assert eventually(lambda: host.state(process) == "gone")
        assert not psutil.pid_exists(process.pid)


def test_state_follows_stop_continue_and_death() -> None:
    with child("sleep", "300") as popen:
        process = identity(popen)
        assert host.state(process) == "running"
        host.send(process, signal.SIGSTOP)
        assert eventually(lambda: host.state(process) == "stopped")
        host.send(process, signal.SIGCONT)
        assert eventually(lambda: host.state(process) == "running")
        host.send(process, signal.SIGKILL)
        assert eventually(lambda: host.state(process) == "gone")


@linux_only
def test_a_process_whose_first_thread_has_ended_still_runs() -> None:
    """It looks like a zombie to whoever reads its state only."""
    code = (
        "import ctypes, threading, time, platform\n"
        "threading.Thread(target=time.sleep, args=(300,)).start()\n"
        "ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[platform.machine()], 0)"
    )
    with child(*python(code)) as popen:
        process = identity(popen)
        assert eventually(lambda: psutil.Process(popen.pid).status() == psutil.STATUS_ZOMBIE)
        assert host.identify(popen.pid) == process
        assert host.state(process) == "running"
        host.send(process, signal.SIGSTOP)
        assert eventually(lambda: host.state(process) == "stopped")
        assert not host.doomed(process)


def test_a_signal_does_not_reach_a_process_that_took_over_the_number() -> None:
    with child("sleep", "300") as popen:
        stranger = Process(popen.pid, "some other start")
        with pytest.raises(ProcessLookupError):
            host.send(stranger, signal.SIGKILL)
        assert host.state(stranger) == "gone"
        assert host.children(stranger) == []
        assert host.describe(stranger) == str(popen.pid)
        assert host.state(identity(popen)) == "running"


def test_signals_work_without_process_handles(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an older kernel, or in a sandbox."""

    def unknown_call(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", unknown_call, raising=False)
    with child("sleep", "300") as popen:
        with pytest.raises(ProcessLookupError):
            host.send(Process(popen.pid, "some other start"), signal.SIGKILL)
        host.send(identity(popen), signal.SIGKILL)
        assert popen.wait(5) == -signal.SIGKILL


def test_signal_0_only_tries() -> None:
    with child("sleep", "300") as popen:
        process = identity(popen)
        host.send(process, 0)
        popen.kill()
        popen.wait()
        with pytest.raises(ProcessLookupError):
            host.send(process, 0)


def test_a_process_that_runs_or_merely_ignores_us_is_not_doomed() -> None:
    with child(*python(STUBBORN)) as popen:
        assert popen.stdout
        popen.stdout.readline()
        process = identity(popen)
        host.send(process, signal.SIGTERM)
        assert not host.doomed(process)
        popen.kill()
        popen.wait()
        assert not host.doomed(process), "gone is more than doomed"


@linux_only
def test_a_process_is_doomed_when_all_of_its_threads_are_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    with child("sleep", "300") as popen:
        process = identity(popen)
        monkeypatch.setattr(host, "_ending", lambda task: True)
        assert host.doomed(process)
        assert not host.doomed(Process(popen.pid, "some other start"))
        assert not host.doomed(Process(2**30, process.started))


@linux_only
@pytest.mark.parametrize(
    ("letter", "flags", "pending", "ending"),
    [("S", 0x400000, 0, False), ("S", 0x400000, 1 << 14, False), ("D", 0x400000, 1 << 8, True),
     ("R", 0x400004, 0, True), ("Z", 0x400000, 0, True)],
)  # fmt: skip
def test_a_thread_is_ending_when_killed_or_exiting(
    tmp_path: Path, letter: str, flags: int, pending: int, ending: bool
) -> None:
    (tmp_path / "stat").write_text(f"5 (a) b) {letter} 1 1 1 0 -1 {flags} 0 0")
    (tmp_path / "status").write_text(f"Name:\ta\nSigPnd:\t{pending:016x}\nShdPnd:\t{0:016x}\n")
    assert host._ending(tmp_path) is ending


def test_find_reads_the_whole_command_line() -> None:
    name = a_name()
    with child("sleep", name) as popen:
        assert host.find(rf"^sleep {name}$") == [identity(popen)]
        assert host.find(rf"^{name}") == []


def test_find_passes_over_ourselves_and_our_ancestors() -> None:
    """Our own command line may well name the target."""
    name = a_name()
    look = f"from injectors import host; print(host.find('{name}'), flush=True); input()"
    with swept(name), child("sh", "-c", f'"{sys.executable}" -c "{look}" {name}; true') as popen:
        assert popen.stdout
        assert popen.stdout.readline() == "[]\n"
        assert len(named(name)) == 2, "the shell and the program, of which neither was found"


def test_find_passes_over_what_has_no_command_line() -> None:
    """The kernel's own threads have none, and would match any pattern that matches nothing."""
    with child("sleep", "300") as popen:
        found = host.find(".*")
        assert identity(popen) in found
        assert all(eventually(lambda one=one: has_words(one)) for one in found)  # type: ignore[misc]


def has_words(process: Process) -> bool:
    """Whether it has a command line; true of one that has ended meanwhile."""
    try:
        return host.state(process) == "gone" or bool(psutil.Process(process.pid).cmdline())
    except psutil.Error:
        return True


def test_a_protected_process_is_neither_found_nor_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_protected", set())
    name = a_name()
    with child("sleep", name) as popen:
        process = identity(popen)
        assert host.untouchable(process) == ""
        host.protect(process)
        assert host.find(name) == []
        assert host.untouchable(process) == "what heals when this program dies"


def test_we_our_ancestors_and_the_first_process_are_untouchable() -> None:
    assert host.untouchable(Process(1, "")) == "the first process of this system"
    assert host.untouchable(Process(os.getpid(), "")) == "this very program"
    look = "import os; from injectors import host; print(host.untouchable(host.identify(os.getppid())))"
    with child("sh", "-c", f'"{sys.executable}" -c "{look}"; true') as popen:
        assert popen.stdout
        assert popen.stdout.readline() == "an ancestor of this very program\n"


def test_children_are_found_at_any_depth() -> None:
    name = a_name()
    with swept(name), child("sh", "-c", f"sh -c 'sleep {name}; true'; true") as popen:
        assert eventually(lambda: any(one.name() == "sleep" for one in named(name)))
        found = {one.pid for one in host.children(identity(popen))}
        assert found == {one.pid for one in named(name)} - {popen.pid}
        assert len(found) == 2


def test_a_description_is_one_short_line() -> None:
    with child("/bin/sh", "-c", "sleep 300\n:\n", *["1"] * 60) as popen:
        described = host.describe(identity(popen))
        assert described.startswith(f"{popen.pid} (sh -c sleep 300 : 1 1")
        assert "\n" not in described
        assert len(described) < 80


# --- pidfiles


def test_no_pidfile_no_process(tmp_path: Path) -> None:
    assert host.read_pidfile(str(tmp_path / "pid")) is None
    assert not host.wrote_pidfile(str(tmp_path / "pid"))


def test_our_pidfile_of_another_process_with_the_same_number_is_stale(tmp_path: Path) -> None:
    with child("sleep", "300") as popen:
        process = identity(popen)
        (tmp_path / "pid").write_text(json.dumps(process.to_data()))
        assert host.read_pidfile(str(tmp_path / "pid")) == process
        assert host.wrote_pidfile(str(tmp_path / "pid"))
        (tmp_path / "pid").write_text(json.dumps({"pid": popen.pid, "started": "some other start"}))
        assert host.read_pidfile(str(tmp_path / "pid")) is None


@pytest.mark.parametrize("text", ["{pid}", "{pid}\n", "{pid}\n/var/lib/data\n5432\n"])
def test_a_servers_own_pidfile_is_read(tmp_path: Path, text: str) -> None:
    with child("sleep", "300") as popen:
        (tmp_path / "pid").write_text(text.format(pid=popen.pid))
        assert host.read_pidfile(str(tmp_path / "pid")) == identity(popen)
        assert not host.wrote_pidfile(str(tmp_path / "pid"))


@pytest.mark.parametrize(("after_s", "believed"), [(-1.9, True), (-2.1, False)])
def test_a_bare_number_is_believed_only_of_a_process_older_than_the_file(
    tmp_path: Path, after_s: float, believed: bool
) -> None:
    with child("sleep", "300") as popen:
        (tmp_path / "pid").write_text(str(popen.pid))
        written_s = psutil.Process(popen.pid).create_time() + after_s
        os.utime(tmp_path / "pid", (written_s, written_s))
        assert (host.read_pidfile(str(tmp_path / "pid")) is not None) is believed


def test_a_pidfile_of_a_dead_process_names_none(tmp_path: Path) -> None:
    with child("sleep", "300") as popen:
        (tmp_path / "pid").write_text(str(popen.pid))
        popen.kill()
        popen.wait()
        assert host.read_pidfile(str(tmp_path / "pid")) is None


@pytest.mark.parametrize("text", ["", "valkey", "-5", "{", '{"pid": 5}', "{}", '{"pid": "x", "started": "y"}', "\xff"])
def test_a_pidfile_that_names_nothing_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"pid does not hold|can't decode"):
        host.read_pidfile(str(tmp_path / "pid"))


# --- starting


def test_the_pidfile_is_on_disk_before_the_program_runs(tmp_path: Path) -> None:
    with spawned("sh", "-c", "cat pid; echo; echo $$", folder=tmp_path) as process:
        assert eventually(lambda: (tmp_path / "log").read_text().count("\n") == 2)
        kept, pid = (tmp_path / "log").read_text().splitlines()
        assert Process.from_data(json.loads(kept)) == process
        assert int(pid) == process.pid, "the program took the place of the gate, and is no child of it"


def test_output_is_appended_and_the_folder_and_the_variables_are_as_asked(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    start = Start(argv=("sh", "-c", 'pwd; echo "$SHOP"; echo trouble >&2; cat'), cwd=str(tmp_path),
                  log=str(tmp_path / "log"), pidfile="", env={"SHOP": "eins zwei"})  # fmt: skip
    process = host.spawn(Start.from_data(json.loads(json.dumps(start.to_data()))))
    assert eventually(lambda: host.state(process) == "gone"), "its input is empty, so `cat` ends"
    assert (tmp_path / "log").read_text() == f"before\n{tmp_path}\neins zwei\ntrouble\n"


def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    with spawned("printf", "%s|", "two words", "$HOME", "*", "-n", "", "'", folder=tmp_path):
        assert eventually(lambda: (tmp_path / "log").read_text() == "two words|$HOME|*|-n||'|")


def test_a_program_that_is_not_there_shows_in_the_log(tmp_path: Path) -> None:
    with spawned("no-such-program", folder=tmp_path) as process:
        assert eventually(lambda: host.state(process) == "gone")
        assert "no-such-program: not found" in (tmp_path / "log").read_text()


def test_nothing_is_started_where_the_log_cannot_be(tmp_path: Path) -> None:
    name = a_name()
    with swept(name), pytest.raises(FileNotFoundError):
        host.spawn(Start(argv=("sleep", name), cwd="", log=str(tmp_path / "no" / "log"), pidfile=""))
    assert named(name) == []


def test_nothing_runs_and_nothing_stays_when_the_identity_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, pids, spawn = a_name(), list[int](), os.posix_spawn

    def noted(*args: Any, **more: Any) -> int:
        pids.append(spawn(*args, **more))
        return pids[-1]

    monkeypatch.setattr(os, "posix_spawn", noted)
    start = Start(argv=("sh", "-c", f"touch ran; sleep {name}"), cwd=str(tmp_path), log="",
                  pidfile=str(tmp_path / "no" / "pid"))  # fmt: skip
    with swept(name), pytest.raises(FileNotFoundError):
        host.spawn(start)
    assert named(name) == []
    assert not (tmp_path / "ran").exists()
    (pid,) = pids
    assert not psutil.pid_exists(pid), "nor is it left as a zombie"


def test_a_kill_of_ours_before_the_identity_is_on_disk_leaves_no_process(tmp_path: Path) -> None:
    """The parent is killed while it is writing the pidfile: the gate must end, and the program must never have run."""
    name = a_name()
    code = f"""
import time
from injectors import host
host.write_whole = lambda path, text: (print(text, flush=True), time.sleep(300))
host.spawn(host.Start(argv=("sh", "-c", "touch ran; sleep {name}"), cwd={str(tmp_path)!r}, log="", pidfile="pid"))
"""
    with swept(name), child(*python(code)) as popen:
        assert popen.stdout
        gate = Process.from_data(json.loads(popen.stdout.readline()))
        assert host.state(gate) == "running"
        assert os.getsid(gate.pid) == gate.pid, "killing our group does not reach it"
        popen.kill()
        popen.wait()
        assert eventually(lambda: host.state(gate) == "gone")
        assert [one for one in named(name) if one.pid != popen.pid] == []
    assert not (tmp_path / "ran").exists()


def test_a_process_outlives_our_death_and_is_found_by_its_pidfile(tmp_path: Path) -> None:
    name = a_name()
    code = f"""
import os, signal
from injectors import host
host.spawn(host.Start(argv=("sleep", "{name}"), cwd="", log="", pidfile={str(tmp_path / "pid")!r}))
os.killpg(0, signal.SIGKILL)
"""
    with swept(name), child(*python(code)) as popen:
        assert popen.wait(10) == -signal.SIGKILL
        process = host.read_pidfile(str(tmp_path / "pid"))
        assert process is not None
        assert eventually(lambda: host.find(rf"^sleep {name}$") == [process])
        assert os.getsid(process.pid) == process.pid


@linux_only
def test_a_process_inherits_no_handle_no_terminal_and_no_signal_setting(tmp_path: Path) -> None:
    """Started from a program that ignores and blocks signals, has a terminal and a handle open for its children."""
    code = f"""
import os, pty, signal
from injectors import host
pid, terminal = pty.fork()
if pid:
    os.waitpid(pid, 0)
else:
    os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    host.spawn(host.Start(argv=("sh", "-c", "ls /proc/$$/fd; exec cat /proc/self/status /proc/self/stat"),
                          cwd="", log={str(tmp_path / "log")!r}, pidfile=""))
"""
    with child(*python(code)) as popen:
        assert popen.wait(20) == 0
        assert eventually(lambda: "(cat)" in (tmp_path / "log").read_text())
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[: lines.index("2") + 1] == ["0", "1", "2"]
    assert not lines[3].isdecimal(), "no fourth handle"
    masks = dict(line.split(":\t") for line in lines if line.startswith(("SigIgn", "SigBlk")))
    own = 0x7FFFFFFF  # the C library ignores 32 and 33 in whatever it starts; nobody can send them
    assert (int(masks["SigIgn"], 16) & own, int(masks["SigBlk"], 16)) == (0, 0)
    assert lines[-1].rpartition(")")[2].split()[4] == "0", "no terminal"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_a_program_without_standard_handles_can_start_another(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """Its new handles have the numbers of the standard ones."""
    code = f"""
import os
for handle in {closed}:
    os.close(handle)
from injectors import host
host.spawn(host.Start(argv=("sh", "-c", "cat; echo said; echo cried >&2"), cwd="", pidfile="",
                      log={str(tmp_path / "log")!r}))
"""
    with child(*python(code)) as popen:
        assert popen.wait(10) == 0
        assert eventually(lambda: (tmp_path / "log").read_text() == "said\ncried\n")


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.write_whole(tmp_path / "pid", "old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        host.write_whole(tmp_path / "pid", "new")
    assert (tmp_path / "pid").read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["pid"]


# --- ending


def test_a_process_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    polite = "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.01; done"
    with spawned("sh", "-c", polite, folder=tmp_path) as process:
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
        assert host.end(process) == []
        assert (tmp_path / "log").read_text().endswith("bye\n")


def test_one_that_ignores_the_request_is_killed_when_patience_ends(tmp_path: Path) -> None:
    with spawned(*python(STUBBORN), folder=tmp_path) as process:
        assert eventually(lambda: (tmp_path / "log").read_text() == "ready\n")
        began_s = time.monotonic()
        assert host.end(process, patience_s=0.2) == []
        assert 0.2 <= time.monotonic() - began_s < 5, "and not when that ends which it has if nobody says"
        assert host.state(process) == "gone"


def test_a_stopped_process_can_be_ended_without_being_killed(tmp_path: Path) -> None:
    with spawned("sleep", "300", folder=tmp_path) as process:
        host.send(process, signal.SIGSTOP)
        assert eventually(lambda: host.state(process) == "stopped")
        began_s = time.monotonic()
        assert host.end(process, patience_s=10) == []
        assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("detached", ["", "setsid "], ids=["same session", "own session"])
def test_grandchildren_end_with_it(tmp_path: Path, detached: str) -> None:
    name = a_name()
    family = f"{detached}sh -c 'sleep {name} & sleep {name} & wait' & wait"
    with swept(name), spawned("sh", "-c", family, folder=tmp_path) as process:
        assert eventually(lambda: sum(one.name() == "sleep" for one in named(name)) == 2)
        assert host.end(process) == []
        assert named(name) == []


def test_orphans_of_its_session_end_although_it_is_gone_itself(tmp_path: Path) -> None:
    name = a_name()
    with swept(name), spawned("sh", "-c", f"sleep {name} & exit", folder=tmp_path) as process:
        assert eventually(lambda: host.state(process) == "gone" and len(named(name)) == 1)
        assert host.end(process) == []
        assert named(name) == []


def test_a_process_that_took_over_the_number_is_not_ended() -> None:
    with child("sleep", "300") as popen:
        assert host.end(Process(popen.pid, "some other start"), patience_s=0.0) == []
        assert host.state(identity(popen)) == "running"


def test_what_the_system_refuses_to_end_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: Process, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    with spawned("sleep", "300", folder=tmp_path) as process:
        with monkeypatch.context() as patch:
            patch.setattr(host, "send", refuse)
            patch.setattr(time, "monotonic", iter(range(10**6)).__next__)
            assert host.end(process) == [process]
        assert host.state(process) == "running"
