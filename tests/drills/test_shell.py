"""The recorded shell, on real terminals, with real shells; the run is played by the test."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

import psutil
import pytest

from checks import Event, Trust
from drills.inbox import Inbox
from drills.inventory import Inventory
from drills.journal import FORMAT, Journal, boot, read
from drills.people import Person
from drills.rundir import RunDir, list_open
from drills.shell import Marks
from tests.drills.terminal import Terminal, terminal
from tests.end_to_end.ground import ROOT, wait_until
from tests.fakes import StillClock
from tests.real import need

PROMPT = "ready> "
TOKEN = "lin-knows-this"


class Run:
    """A run under way that takes in acts and does nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dir = RunDir(folder / "runs" / "2026-01-01T00-00-00Z-people-1234")
        self.dir.acts.mkdir(parents=True)
        (self.dir.path / "inventory.yaml").write_text("token: ${env.DB_PASSWORD}\n", encoding="utf-8")
        self.journal = Journal.create(self.dir.journal, StillClock())
        self.journal.append("run.opened", {"format": FORMAT, "boot": boot(), "monotonic_s": 0.0})
        people = {"lin": Person(team="sre", token=TOKEN)}
        self._inbox = Inbox(self.dir, self.journal, Inventory(environment="lab", people=people))
        self._over = threading.Event()
        self._taking = threading.Thread(target=self._take)
        self._taking.start()
        list_open(self.dir)

    def _take(self) -> None:
        while not self._over.wait(0.01):
            self._inbox.take()

    def end(self) -> None:
        if not self._over.is_set():
            self._over.set()
            self._taking.join()
            self._inbox.close()
            self.journal.close()

    @property
    def events(self) -> list[Event]:
        return read(self.dir.journal)[1:]

    @property
    def commands(self) -> list[Event]:
        return [event for event in self.events if event.data.get("act") == "cli"]

    def environment(self, shell: str) -> dict[str, str]:
        """Of somebody with a home of their own, in it a `.bashrc` and a `.zshrc`."""
        kept = {name: os.environ[name] for name in ("PATH", "CHAOS_DRILLS_STATE", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.folder), "SHELL": shell, "PYTHONPATH": str(ROOT), "TERM": "dumb",
                "DB_PASSWORD": "hunter22", "CHAOS_DRILLS_RUNS": str(self.folder / "runs")}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    rc = f"PS1='{PROMPT}'\nalias greet='echo hello'\n"
    (tmp_path / ".bashrc").write_text(rc + "HISTCONTROL=ignoreboth\nHISTFILE=~/.history\n", encoding="utf-8")
    (tmp_path / ".zshrc").write_text(rc, encoding="utf-8")
    (tmp_path / ".history").write_text("echo from before\n", encoding="utf-8")
    whole = Run(tmp_path)
    try:
        yield whole
    finally:
        whole.end()
    wait_until(lambda: at_home(tmp_path) == [], "nothing of the shell runs")


def at_home(folder: Path) -> list[psutil.Process]:
    """All that runs of whoever has this home; what is hung up on takes a moment to end."""
    return [one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get("HOME") == str(folder)]


@contextmanager
def recorded(run: Run, *words: str, shell: str = "bash", **environment: str) -> Iterator[Terminal]:
    """Sit at a recorded shell that shows its prompt."""
    need(shell, which(shell) is not None)
    call = [sys.executable, "-m", "drills", "shell", *words]
    with terminal(call, {**run.environment(shell), **environment}, run.folder) as at:
        at.until(PROMPT)
        yield at


def do(at: Terminal, *commands: str) -> None:
    """Type commands, each when the prompt is there again."""
    for command in commands:
        at.type(f"{command}\n")
        at.until(PROMPT)


def leave(at: Terminal, how: str = "exit\n") -> int:
    at.type(how)
    return at.end()


def told(event: Event) -> tuple[Any, ...]:
    return event.data.get("cmd"), event.data.get("exit"), event.data["mutating"]


def test_each_command_is_recorded_with_its_exit_code_and_whether_it_changes(run: Run) -> None:
    with recorded(run) as at:
        do(at, "true", "ls /nowhere", "greet", "touch made", "(exit 7)", "   echo hidden by a blank", "true", "true")
        assert leave(at, "exit 3\n") == 3
        shown = at.shown.decode()

    assert [told(event) for event in run.commands] == [
        ("true", 0, False), ("ls /nowhere", 2, False), ("greet", 0, True), ("touch made", 0, True), ("(exit 7)", 7, False),
        ("   echo hidden by a blank", 0, False), ("true", 0, False), ("true", 0, False), ("exit 3", 3, False),
    ]  # fmt: skip
    assert {event.source for event in run.events} == {"shell:" + run.events[0].data["actor"]}
    assert [event.data["act"] for event in run.events if event.data["act"] != "cli"] == ["shell.opened", "shell.closed"]
    assert "run 1234 has taken down 10 of 10 acts of this shell" in shown
    assert "7077" not in shown, "the marks are taken out of what is shown"


def test_what_spans_lines_is_one_command_and_what_is_none_is_not_recorded(run: Run) -> None:
    with recorded(run) as at:
        at.type("for i in 1 2; do\necho $i\ndone\n")
        at.until(PROMPT)
        do(at, "", "# a remark", "ls )", "true")
        leave(at)

    assert [event.data["cmd"] for event in run.commands][:-1] == ["for i in 1 2; do echo $i; done", "true"]


def test_of_what_is_printed_a_digest_is_kept(run: Run) -> None:
    with recorded(run) as at:
        do(at, "echo one", "echo one", "echo two", "true")
        leave(at)

    digests = [(event.data["output_sha256"], event.data["output_bytes"]) for event in run.commands]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0] == (sha256(b"one\r\n").hexdigest()[:32], 5)
    assert digests[3][1] == 0
    assert all("one" not in str(event.data) or "echo one" in str(event.data["cmd"]) for event in run.commands)


def test_secrets_are_not_written(run: Run) -> None:
    with recorded(run) as at:
        do(at, "true --password opensesame", "true hunter22", "curl -s http://lin:opensesame@127.0.0.1:1/x")
        leave(at)

    text = run.dir.journal.read_text(encoding="utf-8")
    assert [event.data["cmd"] for event in run.commands][:3] == [
        "true --password ***", "true ***", "curl -s http://lin:***@127.0.0.1:1/x",
    ]  # fmt: skip
    assert "opensesame" not in text
    assert "hunter22" not in text


def test_ctrl_c_is_for_what_runs_in_the_shell(run: Run) -> None:
    with recorded(run) as at:
        at.type("echo begun; cat\n")
        at.until("\r\nbegun\r\n")
        at.type("typed into it\n")
        at.until("typed into it\r\ntyped into it")
        at.type("\x03")
        at.until(PROMPT)
        do(at, "true")
        assert leave(at, "\x04") == 0

    assert [told(event) for event in run.commands] == [("echo begun; cat", 130, False), ("true", 0, False)]


def test_what_is_typed_into_a_program_is_no_command(run: Run) -> None:
    with recorded(run) as at:
        at.type("echo begun; read -r answer\n")
        at.until("\r\nbegun\r\n")
        at.type("rm -rf everything\n")
        at.until(PROMPT)
        leave(at)

    assert [event.data["cmd"] for event in run.commands] == ["echo begun; read -r answer", "exit"]


def test_the_terminal_is_as_before_and_its_size_is_passed_on(run: Run) -> None:
    with recorded(run) as at:
        assert at.is_raw
        at.resize(17, 63)
        os.kill(at.pid, signal.SIGWINCH)
        at.type("until [[ $(stty size) == '17 63' ]]; do sleep 0.05; done\n")
        at.until(PROMPT)
        at.type("exit\n")
        at.until("acts of this shell")
        assert not at.is_raw
        assert at.end() == 0


def test_the_terminal_is_as_before_when_it_is_asked_to_end(run: Run) -> None:
    with recorded(run) as at:
        at.type("sleep 1000\n")
        at.until("sleep 1000")
        os.kill(at.pid, signal.SIGTERM)
        wait_until(lambda: not at.is_raw, "the terminal is as before")
        assert at.end() == 128 + signal.SIGTERM


def test_the_users_history_is_there_and_is_not_written_to(run: Run) -> None:
    with recorded(run) as at:
        at.type("history\n")
        assert "echo from before" in at.until(PROMPT)
        do(at, "   echo a secret")
        leave(at)

    assert (run.folder / ".history").read_text(encoding="utf-8") == "echo from before\n"


def test_hooks_that_were_taken_away_are_noticed(run: Run) -> None:
    with recorded(run) as at:
        do(at, "PS0=", "touch a", "set +o history", "touch b", "touch c")
        leave(at, "exec true\n")

    assert [told(event) for event in run.commands] == [
        ("PS0=", 0, False), ("touch a", 0, True), ("set +o history", 0, True), (None, 0, True), (None, 0, True),
        (None, 0, True),
    ]  # fmt: skip
    assert {event.trust for event in run.commands} == {Trust.ATTRIBUTED}


def test_a_prompt_hook_of_the_users_own_goes_on_and_sees_the_exit_code(run: Run) -> None:
    with (run.folder / ".bashrc").open("a", encoding="utf-8") as file:
        file.write('mine() { echo "it was $?"; }\nPROMPT_COMMAND=mine\n')
    with recorded(run) as at:
        at.type("(exit 5)\n")
        assert "it was 5" in at.until(PROMPT)
        leave(at)

    assert told(run.commands[0]) == ("(exit 5)", 5, False)


def test_it_is_in_the_name_of_who_has_the_token_and_so_is_what_is_said_in_it(run: Run) -> None:
    with recorded(run, "--as", "lin", CHAOS_DRILLS_TOKEN=TOKEN) as at:
        at.type(f"{sys.executable} -m drills say /update nothing new\n")
        assert "by lin (attributed)" in at.until(PROMPT)
        leave(at)

    assert {(event.data["actor"], event.trust) for event in run.events} == {("lin", Trust.ATTRIBUTED)}
    assert TOKEN not in run.dir.journal.read_text(encoding="utf-8")


def test_a_wrong_token_is_refused_before_anything_is_done(run: Run) -> None:
    words = [sys.executable, "-m", "drills", "shell", "--as", "lin", "--token", "a guess"]
    with terminal(words, run.environment("bash"), run.folder) as at:
        at.until("the act was refused: the token is not lin's")
        assert at.end() == 2


def test_a_shell_that_outlives_the_run_says_that_nothing_is_recorded(run: Run) -> None:
    with recorded(run) as at:
        do(at, "true")
        wait_until(lambda: len(run.commands) == 1, "it is recorded")
        run.end()
        at.type("true\n")
        at.until("from here on nothing is recorded")
        at.until(PROMPT)
        leave(at)
        assert (
            "run 1234 has taken down 1 of 4 acts of this shell; the others are not in it: the run is over"
            in at.shown.decode()
        )


@pytest.mark.parametrize("shell", ["/bin/sh", "no-such-shell"])
def test_a_shell_that_cannot_be_recorded_is_refused(run: Run, shell: str) -> None:
    with terminal([sys.executable, "-m", "drills", "shell"], run.environment(shell), run.folder) as at:
        at.until("[unknown-shell]")
        assert at.end() == 2

    assert run.events == []


def test_zsh_is_recorded_as_well(run: Run) -> None:
    with recorded(run, shell="zsh") as at:
        do(at, "true", "   ls /nowhere", "greet", "touch made")
        at.type("for i in 1 2; do\necho $i\ndone\n")
        at.until("2\r\n")
        at.until(PROMPT)
        assert leave(at, "exit 4\n") == 4

    assert [told(event) for event in run.commands] == [
        ("true", 0, False), ("   ls /nowhere", 2, False), ("greet", 0, True), ("touch made", 0, True),
        ("for i in 1 2; do\necho $i\ndone", 0, False), ("exit 4", 4, False),
    ]  # fmt: skip


# --- marks


class Heard:
    """A recorder that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.text = b""

    def begun(self, command: str) -> None:
        self.told.append(command)

    def printed(self, text: bytes) -> None:
        self.text += text

    def ended_with(self, code: int | None) -> None:
        self.told.append(code)


STREAM = (
    b"a\x1b[1mb\x1b]7077;m;S;ls \xe8\xbf\x9b\x1ex\x07out\x1b]0;title\x07"
    b"\x1b]7077;other;E;1\x07\x1b]7077;m;E;2\x07$ \x1b]7077"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_marks_are_taken_out_wherever_the_stream_is_cut(size: int) -> None:
    heard = Heard()
    marks = Marks("m", heard)  # type: ignore[arg-type]
    shown = b"".join(marks.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size))

    assert heard.told == ["ls 进\nx", 2]
    assert shown == b"a\x1b[1mbout\x1b]0;title\x07\x1b]7077;other;E;1\x07$ "
    assert heard.text == shown, "what is held back at the end comes with what follows"


def test_a_mark_that_does_not_end_is_given_up() -> None:
    heard = Heard()
    marks = Marks("m", heard)  # type: ignore[arg-type]
    marks.feed(b"\x1b]7077;m;S;" + b"x" * 70_000)

    assert marks.feed(b"after") == b"after"


def test_no_mark_of_the_shells_comes_without_its_secret() -> None:
    texts = [Path(ROOT / "drills" / f"shell.{name}").read_text(encoding="utf-8") for name in ("bash", "zsh")]

    assert [re.findall(r"7077;(@MARK@;)", text) for text in texts] == [["@MARK@;"], ["@MARK@;"]]
