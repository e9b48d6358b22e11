"""An outsider's stopwatch: `python observer.py SENTINEL-PORT...` writes every millisecond and prints its own outage.

It shares no code with the product. It speaks to the cache over bare sockets, finds the primary as any client would,
and prints, as JSON, how long the longest gap between acknowledged writes was at most, and at least: by the writes before
and after it, and by those in it that failed. Ends when its input closes.
"""

import json
import select
import socket
import sys
import time


def ask(connection: socket.socket, *words: str) -> bytes:
    """One command, one answer of one segment."""
    connection.sendall(f"*{len(words)}\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
    return connection.recv(4096)


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=0.25)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def find_primary(sentinels: list[int]) -> socket.socket | None:
    """A connection to whom the first sentinel that answers calls primary."""
    for port in sentinels:
        try:
            with connect(port) as sentinel:
                lines = ask(sentinel, "SENTINEL", "get-master-addr-by-name", "shop").split(b"\r\n")
            return connect(int(lines[4]))
        except (OSError, IndexError, ValueError):
            continue
    return None


def main(sentinels: list[int]) -> None:
    primary: socket.socket | None = None
    low_s, high_s, last_ok = 0.0, 0.0, 0.0
    failed: list[float] = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.monotonic()
        try:
            primary = primary or find_primary(sentinels)
            good = primary is not None and ask(primary, "SET", "observer", "x").startswith(b"+OK")
        except OSError:
            good = False
        if good:
            gap_s = time.monotonic() - last_ok
            if last_ok and gap_s > high_s:
                low_s, high_s = failed[-1] - failed[0] if failed else 0.0, gap_s
            last_ok = began
            failed.clear()
        else:
            failed.append(began)
            if primary:
                primary.close()
                primary = None
        time.sleep(0.001)
    sys.stdout.write(json.dumps({"low": low_s, "high": high_s}))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
