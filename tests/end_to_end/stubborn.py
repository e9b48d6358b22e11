"""`python stubborn.py PORT URL SECONDS`: answers 500 for so long after the first request; hands on to URL what comes then."""

import sys
import time
import urllib.request
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stubborn(BaseHTTPRequestHandler):
    """One request."""

    def __init__(self, url: str, refuse_s: float, first: list[float], *rest: object) -> None:
        self._url, self._refuse_s, self._first = url, refuse_s, first
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._first.append(time.monotonic())
        refused = time.monotonic() - self._first[0] < self._refuse_s
        self.send_response(500 if refused else self._hand_on(body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hand_on(self, body: bytes) -> int:
        knows = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        with urllib.request.urlopen(urllib.request.Request(self._url, body, knows), timeout=5) as answer:
            return int(answer.status)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


if __name__ == "__main__":
    handler = partial(Stubborn, sys.argv[2], float(sys.argv[3]), [])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()
