"""The process that outlives a test bed and clears it away, also when the test was killed: the only way in which a bed ends.

It takes a free number, prints it, and waits until the other end of its standard input is closed, which is at the latest
when the test's process is no more. It is in a session of its own and ends itself.
"""

import signal
import socket
import sys

from tests.kubernetes_bed.leftovers import clear, folder

NUMBERS = range(16)
"""As many beds can live at once; the network has no room for more."""


def main() -> int:
    """Keep one bed; 0 when nothing of it is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # to end before the bed would be to leave it there
    claim = socket.socket(socket.AF_UNIX)
    taken = next((number for number in NUMBERS if _claims(claim, number)), None)
    if taken is None:
        sys.exit(f"{len(NUMBERS)} test beds live already")
    with claim:
        clear(taken)  # whoever had this number is no more; its keeper may have been killed as well
        folder(taken).mkdir()
        sys.stdout.write(f"{taken}\n")
        sys.stdout.flush()
        sys.stdin.read()
        left = clear(taken)
    if left:
        sys.exit("left behind: " + ", ".join(map(str, left)))
    return 0


def _claims(claim: socket.socket, number: int) -> bool:
    """Whether the number is ours from now on. The name is in no file system and goes with the process that holds it."""
    try:
        claim.bind(f"\0chaos-drills-bed-{number}")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
