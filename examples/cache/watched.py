"""Ends with 0 when Prometheus has read a metric and evaluated its rules: `watched.py PORT METRIC`."""

import json
import sys
from urllib.request import ProxyHandler, build_opener

PORT, METRIC = sys.argv[1:]


def ask(path: str) -> dict:
    """What Prometheus answers."""
    with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{PORT}/api/v1/{path}", timeout=2) as answer:
        return json.load(answer)["data"]


if __name__ == "__main__":
    rules = [rule for group in ask("rules")["groups"] for rule in group["rules"]]
    is_read = bool(ask(f"query?query={METRIC}")["result"])
    sys.exit(0 if is_read and all(rule["health"] == "ok" for rule in rules) else 1)
