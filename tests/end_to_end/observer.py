"""An outsider's stopwatch: `python observer.py SENTINEL-PORT...` writes every millisecond and prints its own outage.

It shares no code with the product. It speaks to the cache over bare sockets, finds the primary as any client would,
and prints, as JSON, each acknowledged write's time before and after the longest gap. Ends when its input closes.
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
    longest_s, last_ok, gap = 0.0, 0.0, (0.0, 0.0)
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            primary = primary or find_primary(sentinels)
            good = primary is not None and ask(primary, "SET", "observer", "x").startswith(b"+OK")
        except OSError:
            good = False
        now = time.monotonic()
        if good:
            if last_ok and now - last_ok > longest_s:
                longest_s, gap = now - last_ok, (last_ok, now)
            last_ok = now
        elif primary:
            primary.close()
            primary = None
        time.sleep(0.001)
    sys.stdout.write(json.dumps({"outage_s": longest_s, "from": gap[0], "to": gap[1]}))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
