"""Pages by a way of its own when no heartbeat has come for a while: `dead_mans_switch.py PORT PAGER_URL TOKEN`.

Alertmanager posts the heartbeat, an alert that always fires, every second or two; the first one arms the switch. A real
switch stands outside of what it watches, with another provider.
"""

import json
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import ProxyHandler, Request, build_opener

SILENT_S = 4.0
PORT, PAGER, TOKEN = sys.argv[1:]
OPENER = build_opener(ProxyHandler({}))
ALERT = {
    "name": "PipelineSilent",
    "labels": {"severity": "page"},
    "annotations": {
        "summary": f"No heartbeat of the alerting pipeline for {SILENT_S:g} s",
        "impact": "Whatever breaks now pages nobody",
        "cause": "Prometheus or Alertmanager is dead, or a way between them is cut",
        "action": "Mend the pipeline; until then look at the dashboards yourself",
    },
}
heard = threading.Event()


class Heartbeats(BaseHTTPRequestHandler):
    """One heartbeat."""

    def do_POST(self) -> None:
        """Take it down. Alertmanager also tells when it no longer hears it itself, which is none."""
        if json.loads(self.rfile.read(int(self.headers["Content-Length"])))["status"] == "firing":
            heard.set()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def page(status: str, since: str) -> None:
    """Tell whoever is on call, and try until it is taken."""
    alerts = [ALERT | {"starts_at": since}]
    body = json.dumps({"status": status, "receiver": "oncall", "group": "pipeline", "alerts": alerts}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    while True:
        try:
            with OPENER.open(Request(PAGER, body, headers), timeout=2):
                return
        except OSError as error:
            print(f"not delivered, and will be tried again: {error}", flush=True)
            time.sleep(1)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(PORT)), Heartbeats)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    heard.wait()
    print("armed", flush=True)
    while True:
        heard.clear()
        if not heard.wait(SILENT_S):
            since = datetime.now(UTC).isoformat()
            page("firing", since)
            heard.wait()
            page("resolved", since)
