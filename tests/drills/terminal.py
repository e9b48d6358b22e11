"""A terminal with somebody at it: starts a program on it, types, and reads what is shown."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


class Terminal:
    """One, with a program on it that is ended with it."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid, self._handle = pid, handle
        self.shown = b""
        self._seen = 0

    def type(self, text: str) -> None:
        """As if by hand."""
        os.write(self._handle, text.encode())

    def until(self, text: str, within_s: float = 20.0) -> str:
        """Read until this is shown, after what was read before; pass all that was shown up to there."""
        until_s = time.monotonic() + within_s
        while (at := self.shown.find(text.encode(), self._seen)) < 0:
            if not self._read(until_s - time.monotonic()):
                raise AssertionError(
                    f"{text!r} is not shown, but {self.shown[self._seen :].decode(errors='replace')!r}"
                )
        before, self._seen = self._seen, at + len(text.encode())
        return self.shown[before : self._seen].decode(errors="replace")

    def _read(self, within_s: float) -> bool:
        ready, _, _ = select.select([self._handle], [], [], max(0.0, within_s))
        try:
            text = os.read(self._handle, 1 << 16) if ready else b""
        except OSError:
            text = b""
        self.shown += text
        return bool(text)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def is_raw(self) -> bool:
        """Whether keys are passed through as they are typed."""
        return not termios.tcgetattr(self._handle)[3] & termios.ICANON

    def end(self, within_s: float = 20.0) -> int:
        """Read to the end of the program; its exit code."""
        until_s = time.monotonic() + within_s
        while time.monotonic() < until_s:
            self._read(0.05)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.pid = 0
                while self._read(0):  # what it showed between our last look and its end
                    pass
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it does not end: {self.shown[-500:]!r}")

    def close(self) -> None:
        os.close(self._handle)
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)


@contextmanager
def terminal(words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    """Start a program on a terminal of its own."""
    pid, handle = pty.fork()
    if pid == 0:
        try:
            os.chdir(folder)
            os.execvpe(words[0], list(words), dict(environment))
        finally:
            os._exit(127)
    one = Terminal(pid, handle)
    try:
        yield one
    finally:
        one.close()
