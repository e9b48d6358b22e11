"""Leads each request to where somebody is well: `balance.py PORT FIRST [NEXT]`, to the next when all of the first are ill.

Each is a URL, or `region:NAME`: the shop at every node of that region, by turns, and at another one when the first does
not answer. As any balancer does, it looks at all of them by itself, several times a second.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.request import ProxyHandler, build_opener

from cluster import REGION, address, nodes

NODE_PORT = 30090
EVERY_S = 0.25
NODE_S, URL_S = 0.4, 1.0
"""How long an answer may take: who leads to nodes may have to ask a second one."""
ILL_AFTER, WELL_AFTER = 2, 4
"""So many looks in a row, good or bad, change what is thought of a way."""
OPENER = build_opener(ProxyHandler({}))


class Way:
    """A URL to which requests may be led."""

    def __init__(self, url: str, within_s: float) -> None:
        self.url, self.within_s, self.is_well = url, within_s, False
        self._against = WELL_AFTER - 1  # at the very beginning one look is enough

    def ask(self) -> bytes:
        """What is said there. Raises OSError when that is not good."""
        with OPENER.open(self.url, timeout=self.within_s) as answer:
            return answer.read()

    def watch(self) -> None:
        """Look again and again; what is thought of it changes when several looks in a row say otherwise."""
        while True:
            try:
                good = bool(self.ask())
            except OSError:
                good = False
            self._against = 0 if good == self.is_well else self._against + 1
            if self._against >= (WELL_AFTER if good else ILL_AFTER):
                self.is_well, self._against = good, 0
            time.sleep(EVERY_S)


def ways(where: str) -> list[Way]:
    """Those that a word of the command line means."""
    kind, _, name = where.partition(":")
    if kind != "region":
        return [Way(where, URL_S)]
    found = [one for one in nodes() if one["metadata"]["labels"].get(REGION) == name]
    return [Way(f"http://{address(one)}:{NODE_PORT}/", NODE_S) for one in found]


GROUPS = [ways(word) for word in sys.argv[2:]]
TURNS = count()


class Balancer(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Lead it to one that is well, or to a second one of the same group."""
        well = next(filter(None, ([way for way in group if way.is_well] for group in GROUPS)), [])
        status, said, turn = 503, b"nobody is there\n", next(TURNS)
        for tried in range(min(2, len(well))):
            try:
                status, said = 200, well[(turn + tried) % len(well)].ask()
                break
            except OSError:
                continue
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing: the drill's journal has every look."""


class Server(ThreadingHTTPServer):
    """One that lets many wait at its door: who finds it full comes again only after a second."""

    request_queue_size = 128


if __name__ == "__main__":
    for way in (way for group in GROUPS for way in group):
        threading.Thread(target=way.watch, daemon=True).start()
    Server(("127.0.0.1", int(sys.argv[1])), Balancer).serve_forever()
