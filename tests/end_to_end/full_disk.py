"""`python -m tests.end_to_end.full_disk LINE ...`: the command line, with no line of the journal written after that one."""

import sys

from drills.cli import main
from drills.journal import Journal

if __name__ == "__main__":
    last = int(sys.argv[1])
    write = Journal._write

    def write_or_fail(self: Journal, line: bytes, *, sync: bool) -> None:
        if self._seq > last:
            raise OSError(28, "No space left on device")
        write(self, line, sync=sync)

    Journal._write = write_or_fail  # type: ignore[method-assign]
    sys.exit(main(sys.argv[2:]))
