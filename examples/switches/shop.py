"""A shop with two switches and a safe mode: `shop.py PORT FOLDER`.

Switches are files in the folder, as `flag.py` lays them there. Whoever was started three times within ten seconds has
crashed more than by chance, and comes up with less for five seconds: nobody can order, and all can look.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, FOLDER = int(sys.argv[1]), Path(sys.argv[2])
CRASHES, WITHIN_S, SAFE_S = 3, 10.0, 5.0
STARTED_S = time.time()


def starts() -> list[float]:
    """When it was started lately, this time among them."""
    book = FOLDER / "starts"
    told = book.read_text(encoding="utf-8").split() if book.exists() else []
    recent = [*(float(one) for one in told if STARTED_S - float(one) < WITHIN_S), STARTED_S]
    book.write_text("\n".join(map(str, recent)), encoding="utf-8")
    return recent


SAFE_UNTIL_S = STARTED_S + (SAFE_S if len(starts()) >= CRASHES else 0.0)


def status(path: str) -> int:
    """What it answers now."""
    safe = time.time() < SAFE_UNTIL_S
    return {
        "/browse": 200,
        "/orders": 503 if safe else 429 if (FOLDER / "order-limit").exists() else 200,
        "/coupons": 404 if (FOLDER / "no-coupons").exists() else 200,
        "/safe-mode": 200 if safe else 404,
    }.get(path, 404)


class Shop(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by status alone."""
        self.send_response(status(self.path))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: the drill's journal has every look."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
