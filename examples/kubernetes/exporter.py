"""Says what the cluster has left of the shop, and whether users are served: `exporter.py PORT north=URL south=URL`.

Prometheus reads it, as it would read kube-state-metrics and a blackbox exporter.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import ProxyHandler, build_opener

from cluster import REGION, ZONE, listed, nodes

EVERY_S, SERVED_S, OLD_S = 0.25, 1.0, 10.0
OPENER = build_opener(ProxyHandler({}))


def of_users(users: str, url: str) -> str:
    """Whether a user who comes now gets an answer."""
    try:
        with OPENER.open(url, timeout=SERVED_S):
            served = 1
    except OSError:
        served = 0
    return f'users_served{{users="{users}"}} {served}'


def is_ready(node: dict) -> bool:
    """Whether the cluster hears of it."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])


def takes_pods(node: dict) -> bool:
    """Whether anything could start there."""
    closed = any(one["effect"] == "NoExecute" for one in node["spec"].get("taints", ()))
    return is_ready(node) and not closed and not node["spec"].get("unschedulable")


def of_nodes(found: list[dict]) -> Iterator[str]:
    """Each node, and how many that take pods are left of each zone and of each region."""
    in_zones: Counter[tuple[str, str]] = Counter()
    for one in found:
        zone, region = (one["metadata"]["labels"].get(key, "") for key in (ZONE, REGION))
        in_zones[zone, region] += takes_pods(one)
        yield f'node_ready{{node="{one["metadata"]["name"]}",zone="{zone}",region="{region}"}} {int(is_ready(one))}'
    for (zone, region), left in in_zones.items():
        yield f'zone_nodes{{zone="{zone}",region="{region}"}} {left}'
    for region in sorted({region for _, region in in_zones}):
        yield f'region_nodes{{region="{region}"}} {sum(left for (_, of), left in in_zones.items() if of == region)}'


def of_cluster() -> str:
    """What the cluster has, as it says itself. Raises OSError when it cannot be asked."""
    deployments = listed("/apis/apps/v1/namespaces/shop/deployments")
    missing = ((one, one["spec"]["replicas"] - one["status"].get("readyReplicas", 0)) for one in deployments)
    lines = [f'shop_pods_missing{{deployment="{one["metadata"]["name"]}"}} {many}' for one, many in missing]
    return "\n".join([*lines, *of_nodes(nodes())])


class Seen:
    """What a look has shown, kept up to date; what nobody could see for a while is not told any more."""

    def __init__(self, look: Callable[[], str]) -> None:
        self.look, self.text, self.at_s = look, "", 0.0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Look again and again."""
        while True:
            try:
                self.text, self.at_s = self.look(), time.monotonic()
            except OSError as error:
                print(f"the cluster cannot be asked: {error}", flush=True)
            time.sleep(EVERY_S)

    def told(self) -> str:
        """It, unless it is too old."""
        return f"{self.text}\n" if time.monotonic() - self.at_s < OLD_S else ""


class Metrics(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """Tell all that is known."""
        text = "".join(one.told() for one in SEEN)
        self.send_response(200 if text else 503)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    SEEN = [Seen(of_cluster), *(Seen(partial(of_users, *word.split("=", 1))) for word in sys.argv[2:])]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics).serve_forever()
