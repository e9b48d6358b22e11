"""Thirty branches of a shop that all need its stock, and the metrics of each: `branches.py PORT STOCK_PORT`."""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import ProxyHandler, build_opener

PORT, STOCK = sys.argv[1:]
OPENER = build_opener(ProxyHandler({}))
FAILING = {f"{number:02}": 0 for number in range(1, 31)}
"""Whether each branch could not sell when it last tried."""


def sell() -> None:
    """Every branch asks for the stock twice a second."""
    while True:
        for branch in FAILING:
            try:
                with OPENER.open(f"http://127.0.0.1:{STOCK}/", timeout=0.2):
                    FAILING[branch] = 0
            except OSError:
                FAILING[branch] = 1
        time.sleep(0.5)


class Metrics(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Tell of every branch."""
        text = "".join(f'branch_failing{{branch="{branch}"}} {failing}\n' for branch, failing in FAILING.items())
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    threading.Thread(target=sell, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(PORT)), Metrics).serve_forever()
