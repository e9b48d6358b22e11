"""The shop's front: answers `/health` with 200 as long as it can read the cache, through whichever server is primary."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import valkey
from valkey.sentinel import Sentinel

PORT, *SENTINELS = (int(word) for word in sys.argv[1:])
CACHE = Sentinel(
    [("127.0.0.1", port) for port in SENTINELS], socket_timeout=0.5, sentinel_kwargs={"socket_timeout": 0.5}
).master_for("shop")


class Shop(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say whether customers could buy now."""
        try:
            CACHE.get("catalogue")
            status, text = 200, b"open\n"
        except valkey.ValkeyError as error:
            status, text = 503, f"closed: {error}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing: the drill's journal has every look."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
