"""The shop's stock, which every branch asks before it sells: `stock.py PORT`. Prometheus scrapes it too."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stock(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Say how much is there, to whoever asks."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"stock_items 12\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Stock).serve_forever()
