"""Says of each server of the cache whether it answers, and what it was when it last did: `exporter.py PORT SERVER_PORT …`.

Prometheus reads it, as it would read a real exporter.
"""

import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, *SERVERS = (int(word) for word in sys.argv[1:])
ROLES: dict[int, str] = {}
"""Of each server, as it last said. One that is dead cannot say, and one that was primary is missed most."""


def is_up(port: int) -> bool:
    """Whether it answers; its role is remembered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.1) as server:
            server.settimeout(0.1)
            server.sendall(b"ROLE\r\n")
            said = server.recv(256)
    except OSError:
        return False
    if said.startswith(b"*"):  # else it is still loading, or refuses
        ROLES[port] = "primary" if b"master" in said else "replica"
    return said.startswith(b"*")


class Metrics(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Look at all servers, and tell of those that were ever seen."""
        up = {port: is_up(port) for port in SERVERS}
        lines = [f'cache_server_up{{server="127.0.0.1:{port}",role="{ROLES[port]}"}} {int(up[port])}\n'
                 for port in SERVERS if port in ROLES]  # fmt: skip
        text = "# TYPE cache_server_up gauge\n" + "".join(lines)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Metrics).serve_forever()
