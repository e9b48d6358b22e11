"""A recorded shell: the user's own, on a terminal of its own, whose commands become acts of the run.

Recorded are each command as it was typed (secrets taken out), its exit code, how long it took and a digest of what it
printed; not what it printed, and not what is typed into programs such as editors. The shell itself tells when a command
begins and ends, as terminals of editors have it tell them (<https://code.visualstudio.com/docs/terminal/shell-integration>).
"""

import argparse
import fcntl
import hashlib
import os
import pty
import secrets
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from drills import inbox, responding
from drills.acts import TEXT_MAX
from drills.errors import DrillError, mistake
from drills.redaction import redacted, secrets_of
from drills.rundir import RunDir

_SHELLS = ("bash", "zsh")
_TICK_S = 0.2
"""How often it is seen whether the shell has ended, when nothing else happens."""
_READ = 1 << 16
_MARK_MAX = 1 << 16
"""Bytes of a mark; what is longer is none."""
_WAIT_S = 15.0
"""For all commands to be taken down, at the end."""
_ENDING = (signal.SIGHUP, signal.SIGTERM)


def shell(given: argparse.Namespace) -> int:
    """Run the user's shell until it ends; pass its exit code."""
    run = responding.the_run(given, "drills shell")
    program = _program(given.shell or os.environ.get("SHELL", ""))
    opened = responding.tell(run, given, {"act": "shell.opened", "text": Path(program).name}, via="shell")
    print(f"recorded for run {run.short}, by {opened.data['actor']} ({opened.trust}): commands, exit codes and times; of what "
          "they print a digest alone. `exit` ends it.", file=sys.stderr)  # fmt: skip
    recorder = Recorder(run, responding.who(given))
    with tempfile.TemporaryDirectory(prefix="drills-shell-") as folder:
        code = _run(program, Path(folder), recorder, _environment(run, given))
    recorder.record({"act": "shell.closed", "exit": code})
    print(recorder.ended(), file=sys.stderr)
    return code


def _program(wanted: str) -> str:
    """Where the shell is. Raises DrillError for one that cannot be recorded."""
    found = shutil.which(wanted) if wanted else shutil.which("bash")
    if found is None or Path(found).name not in _SHELLS:
        raise mistake("drills shell", f"the shell `{wanted}` cannot be recorded" if found else f"there is no shell `{wanted}`",
                      "name one that can: drills shell --shell bash", "unknown-shell")  # fmt: skip
    return found


def _environment(run: RunDir, given: argparse.Namespace) -> dict[str, str]:
    """What the shell is given, so that `drills say …` in it is in the same run, by the same person."""
    said = {responding.RUN: str(run.path), responding.ACTOR: given.actor, responding.TOKEN: given.token}
    return {**os.environ, **{name: value for name, value in said.items() if value}}


class Recorder:
    """Makes acts of commands."""

    def __init__(self, run: RunDir, who: Mapping[str, str]) -> None:
        self._run, self._who = run, who
        self._secrets = secrets_of(run)
        self._sent: list[tuple[str, int]] = []
        self._trouble: list[str] = []
        self._command: str | None = None
        self._began_s = 0.0
        self._printed = hashlib.sha256()
        self._bytes = 0

    def begun(self, command: str) -> None:
        """The shell has read a command and runs it now."""
        if self._command is not None:  # that it ended was not told, as by a prompt without its hook
            self._tell(self._command, None)
        self._command, self._began_s = command, time.monotonic()
        self._printed, self._bytes = hashlib.sha256(), 0

    def printed(self, text: bytes) -> None:
        """Something came out of the terminal."""
        if self._command is not None:
            self._printed.update(text)
            self._bytes += len(text)

    def ended_with(self, code: int | None) -> None:
        """The shell shows its prompt again, or is over."""
        if self._command is not None:
            self._tell(self._command, code)
            self._command = None

    def _tell(self, command: str, code: int | None) -> None:
        words = redacted(command, self._secrets)[:TEXT_MAX]
        told = {"cmd": words} if words else {"text": "a command that the shell did not tell"}
        exit_ = {} if code is None else {"exit": code}
        took_s = round(time.monotonic() - self._began_s, 3)
        output = {"output_sha256": self._printed.hexdigest()[:32], "output_bytes": self._bytes}
        self.record({"act": "cli", **told, **exit_, "took_s": took_s, **output})

    def record(self, act: Mapping[str, Any]) -> None:
        """Hand an act in; whether it is taken down is asked at the end, so that nobody waits for it at the prompt."""
        try:
            if not self._run.is_live:
                raise mistake(self._run.id, "the run is over", "", "act-not-taken")
            self._sent.append(inbox.send(self._run, act, via="shell", **self._who))
        except DrillError as error:
            if not self._trouble:
                sys.stderr.write(
                    "\r\ndrills: the run is over, or cannot be reached; from here on nothing is recorded\r\n"
                )
            self._trouble.append(error.problems[0].what)

    def ended(self) -> str:
        """What became of all of it, in a sentence."""
        until_s = time.monotonic() + _WAIT_S
        total = len(self._sent) + len(self._trouble)
        for sent in self._sent:
            try:
                inbox.wait(self._run, *sent, within_s=max(0.0, until_s - time.monotonic()))
            except DrillError as error:
                self._trouble.append(error.problems[0].what)
        why = f"; the others are not in it: {self._trouble[0]}" if self._trouble else ""
        return f"run {self._run.short} has taken down {total - len(self._trouble)} of {total} acts of this shell{why}"


def _run(program: str, folder: Path, recorder: Recorder, environment: dict[str, str]) -> int:
    """Run the shell on a terminal of its own; its exit code."""
    mark = secrets.token_hex(8)
    words = _set_up(program, folder, mark, environment)
    pid, master = pty.fork()
    if pid == 0:  # the child: nothing but the shell comes of it
        with suppress(OSError):
            os.execve(program, words, environment)
        os._exit(127)
    try:
        with _terminal(master):
            status = _copy(pid, master, Marks(mark, recorder))
    finally:
        os.close(master)
        _end(pid)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _set_up(program: str, folder: Path, mark: str, environment: dict[str, str]) -> list[str]:
    """Write what the shell reads first; pass how it is called."""
    name = Path(program).name
    text = Path(__file__).with_name(f"shell.{name}").read_text(encoding="utf-8").replace("@MARK@", mark)
    if name == "bash":
        (folder / "bashrc").write_text(text, encoding="utf-8")
        return [name, "--rcfile", str(folder / "bashrc"), "-i"]
    home = environment.get("ZDOTDIR") or environment.get("HOME", "")
    (folder / ".zshenv").write_text(f"ZDOTDIR={_quoted(home)}\n[[ -r $ZDOTDIR/.zshenv ]] && . $ZDOTDIR/.zshenv\n"
                                    f"__drills_home=$ZDOTDIR\nZDOTDIR={_quoted(str(folder))}\n", encoding="utf-8")  # fmt: skip
    (folder / ".zshrc").write_text(text, encoding="utf-8")
    environment["ZDOTDIR"] = str(folder)
    return [name, "-i"]


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


@contextmanager
def _terminal(master: int) -> Iterator[None]:
    """Our own terminal passes every key through, and the shell's has the same size; both as before afterwards."""
    ours = sys.stdin.fileno()
    is_one = os.isatty(ours)
    before = termios.tcgetattr(ours) if is_one else None

    def resize(*_: object) -> None:
        with suppress(OSError):
            fcntl.ioctl(
                master, termios.TIOCSWINSZ, fcntl.ioctl(ours, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            )

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    handlers: dict[int, Any] = {number: signal.signal(number, end) for number in _ENDING}
    if is_one:
        handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, resize)
        resize()
    try:
        if is_one:
            tty.setraw(ours)
        yield
    finally:
        if before is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(ours, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _copy(pid: int, master: int, marks: "Marks") -> int:
    """Carry keys in and text out until the shell ends; how it ended, as `waitpid` has it."""
    keys = sys.stdin.fileno()
    watched, waiting = [keys, master], bytearray()
    os.set_blocking(master, False)
    while True:
        readable, writable, _ = select.select(watched, [master] if waiting else [], [], _TICK_S)
        if keys in readable:
            typed = os.read(keys, _READ)
            waiting += typed or b"\x04"  # nobody types any more: as Ctrl-D does
            watched = watched if typed else [master]
        if writable:
            with suppress(OSError):
                del waiting[: os.write(master, waiting)]
        if master in readable and _show(master, marks) is False:
            watched = [one for one in watched if one != master]
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            while _show(master, marks):  # what it printed last
                pass
            marks.over(os.waitstatus_to_exitcode(status))
            return status


def _show(master: int, marks: "Marks") -> bool | None:
    """Print what has come from the shell's terminal; None when that is nothing yet, False when nothing will."""
    try:
        text = os.read(master, _READ)
    except BlockingIOError:
        return None
    except OSError:  # the other side is closed
        return False
    _write(marks.feed(text))
    return bool(text)


def _write(text: bytes) -> None:
    out = sys.stdout.fileno()
    while text:
        text = text[os.write(out, text) :]


def _end(pid: int) -> None:
    """See that the shell is gone: one that is not has lost its terminal, and is hung up on."""
    with suppress(ChildProcessError, ProcessLookupError):
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if not ended:
            os.kill(pid, signal.SIGHUP)
            os.kill(pid, signal.SIGCONT)
            for _ in range(20):
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Marks:
    """Takes the shell's marks out of what it prints, and tells the recorder of them."""

    def __init__(self, mark: str, recorder: Recorder) -> None:
        self._begin, self._recorder = f"\x1b]7077;{mark};".encode(), recorder
        self._held = b""

    def feed(self, text: bytes) -> bytes:
        """Take in what came; pass what is to be shown."""
        text, shown = self._held + text, b""
        self._held = b""
        while (at := text.find(self._begin)) >= 0:
            shown += self._plain(text[:at])
            end = text.find(b"\x07", at)
            if end < 0 and len(text) - at < _MARK_MAX:
                self._held = text[at:]
                return shown
            self._heed(text[at + len(self._begin) : end if end >= 0 else len(text)])
            text = text[end + 1 :] if end >= 0 else b""
        keep = next(
            (n for n in range(min(len(self._begin) - 1, len(text)), 0, -1) if self._begin.startswith(text[-n:])), 0
        )
        self._held = text[len(text) - keep :]
        return shown + self._plain(text[: len(text) - keep])

    def over(self, code: int) -> None:
        """The shell has ended, in the midst of a command as it may be: `exit` is one."""
        _write(self._plain(self._held))
        self._recorder.ended_with(code)

    def _plain(self, text: bytes) -> bytes:
        self._recorder.printed(text)
        return text

    def _heed(self, mark: bytes) -> None:
        kind, _, rest = mark.decode("utf-8", "replace").partition(";")
        if kind == "S":
            self._recorder.begun(rest.replace("\x1e", "\n"))
        elif kind == "E":
            self._recorder.ended_with(int(rest) if rest.isascii() and rest.isdigit() else None)
