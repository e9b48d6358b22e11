"""Where what does not fit in memory is put aside: a file without a name, which the system takes away with the process.

So nothing is left behind however the process ends. Where there is no room for such a file, memory serves.
"""

import os
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path


class Aside:
    """Takes bytes, and gives them back. The file is made when the first come, in the first of the folders that has room."""

    def __init__(self, folders: Iterable[Path], *, tell: Callable[[str], None] = lambda _: None) -> None:
        """`tell` is called once, with the reason, when memory must serve instead."""
        self._folders, self._tell = tuple(folders), tell
        self._handle: int | None = None
        self._size = 0
        self.has_room = True
        """As far as anybody knows."""

    def put(self, content: bytes) -> int | None:
        """Keep it, and pass where it is; None when there is no room."""
        if not self.has_room:
            return None
        try:
            if self._handle is None:
                self._handle = self._opened()
            self._write(self._handle, content)
        except OSError as error:
            self.has_room = False
            self._tell(error.strerror or str(error))
            return None
        self._size += len(content)
        return self._size - len(content)

    def get(self, at: int, size: int) -> bytes:
        """What is there. Raises OSError when it cannot be read."""
        assert self._handle is not None  # somebody was told the place
        content = os.pread(self._handle, size, at)
        if len(content) < size:
            raise OSError(f"the file of what was put aside ends at {at + len(content)}, and not at {at + size}")
        return content

    def _opened(self) -> int:
        import tempfile  # it brings much along, and few runs need it

        why = OSError("there is no folder for it")
        for folder in self._folders:
            try:
                with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                    handle = os.dup(file.fileno())
            except OSError as error:
                why = error
            else:
                weakref.finalize(self, os.close, handle)
                return handle
        raise why

    def _write(self, handle: int, content: bytes) -> None:
        """Past what is there; half of it, where there is no room for more, is written over or never read."""
        written = 0
        while written < len(content):
            written += os.pwrite(handle, content[written:] if written else content, self._size + written)
