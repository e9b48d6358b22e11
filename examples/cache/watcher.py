"""Watches the cache where Prometheus and Alertmanager are not installed: `watcher.py METRICS_URL RULES ROUTES`.

It reads the very files that those two would read, and understands as much of them as stands in ours: rules such as
`metric{label="value"} == 0` with `for`, routes by labels, webhooks with a token. It groups and silences nothing.
"""

import hashlib
import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import yaml

EVERY_S = 0.5
OPENER = build_opener(ProxyHandler({}))
LABELS = r'(\w+)="([^"]*)"'
NEVER = "0001-01-01T00:00:00Z"
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda seen, limit: seen == limit,
    "<": lambda seen, limit: seen < limit,
    ">": lambda seen, limit: seen > limit,
}


@dataclass
class Rule:
    """One alerting rule, and what it holds against the series that it watches."""

    alert: str
    metric: str
    of: dict[str, str]
    is_bad: Callable[[float], bool]
    for_s: float
    labels: dict[str, str]
    annotations: dict[str, str]
    since: dict[str, float] = field(default_factory=dict)
    """Since when each series is bad, on a clock that never goes back."""
    told: dict[str, dict] = field(default_factory=dict)
    """The alert of each series that fires."""


def rule(said: dict) -> Rule:
    """A rule as it stands in the file. Ends the process when it is not one of those that are understood."""
    form = re.fullmatch(r"(\w+)(?:\{(.*)\})? (==|<|>) ([\d.]+)", said["expr"])
    after = re.fullmatch(r"(\d+)s", said.get("for", "0s"))
    if not (form and after):
        sys.exit(f"{said['alert']}: this watcher understands rules such as `up{{job=\"cache\"}} == 0` with `for: 1s`; for "
                 "others install Prometheus")  # fmt: skip
    sign, limit = SIGNS[form[3]], float(form[4])
    return Rule(alert=said["alert"], metric=form[1], of=dict(re.findall(LABELS, form[2] or "")), for_s=float(after[1]),
                is_bad=lambda seen: sign(seen, limit), labels=said["labels"], annotations=said["annotations"])  # fmt: skip


def series(url: str) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """Each series that the exporter tells: as it is written, its name, its labels, its value. None when it is silent."""
    try:
        with OPENER.open(url, timeout=0.4) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return
    for line in lines:
        if found := re.fullmatch(r"((\w+)(?:\{(.*)\})?) ([-+.\w]+)", line):
            yield found[1], found[2], dict(re.findall(LABELS, found[3] or "")), float(found[4])


def look(watched: Rule, seen: list[tuple[str, str, dict[str, str], float]]) -> Iterator[dict]:
    """Hold a rule against the series; pass the alerts that begin to fire, and those that are over."""
    bad = {text: labels for text, name, labels, value in seen
           if name == watched.metric and watched.of.items() <= labels.items() and watched.is_bad(value)}  # fmt: skip
    now = time.monotonic()
    watched.since = {text: watched.since.get(text, now) for text in bad}
    for text, since in watched.since.items():
        if text not in watched.told and now - since >= watched.for_s:
            watched.told[text] = fires(watched, bad[text])
            yield watched.told[text]
    for text in [text for text in watched.told if text not in bad]:
        yield watched.told.pop(text) | {"status": "resolved", "endsAt": utc()}


def fires(watched: Rule, series_labels: dict[str, str]) -> dict:
    """The alert, as Alertmanager writes it."""
    labels = {"alertname": watched.alert, **series_labels, **watched.labels}
    said = {name: re.sub(r"\{\{ *\$labels\.(\w+) *\}\}", lambda found: labels.get(found[1], ""), text)
            for name, text in watched.annotations.items()}  # fmt: skip
    fingerprint = hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16]
    return {"status": "firing", "labels": labels, "annotations": said, "startsAt": utc(), "endsAt": NEVER,
            "generatorURL": "", "fingerprint": fingerprint}  # fmt: skip


def pages(alert: dict, config: dict) -> Iterator[Request]:
    """What is to be posted: to each webhook of the receiver of the first route that fits, in Alertmanager's version 4."""
    labels, root = alert["labels"], config["route"]
    wanted = ((one, dict(re.findall(LABELS, ",".join(one["matchers"])))) for one in root["routes"])
    name = next((one for one, of in wanted if of.items() <= labels.items()), root)["receiver"]
    common = {name: labels[name] for name in root["group_by"] if name in labels}
    group = ", ".join(f'{label}="{value}"' for label, value in common.items())
    page = {"version": "4", "groupKey": f"{name}:{{{group}}}", "truncatedAlerts": 0, "status": alert["status"],
            "receiver": name, "groupLabels": common, "commonLabels": labels, "commonAnnotations": alert["annotations"],
            "externalURL": "", "alerts": [alert]}  # fmt: skip
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", ()) if receiver["name"] == name else ():
            token = webhook["http_config"]["authorization"]["credentials"]
            yield Request(webhook["url"], json.dumps(page).encode(),
                          {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})  # fmt: skip


def is_delivered(page: Request) -> bool:
    """Post it; one that was not taken is tried again at the next look, before all others."""
    try:
        with OPENER.open(page, timeout=2):
            return True
    except OSError as error:
        print(f"not delivered, and will be tried again: {error}", flush=True)
        return False


def utc() -> str:
    """Now, for people and for Alertmanager."""
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    metrics, rules_file, routes_file = sys.argv[1:]
    groups = yaml.safe_load(Path(rules_file).read_text(encoding="utf-8"))["groups"]
    routes = yaml.safe_load(Path(routes_file).read_text(encoding="utf-8"))
    rules = [rule(said) for group in groups for said in group["rules"]]
    outbox: deque[Request] = deque()
    while not list(series(metrics)):
        time.sleep(EVERY_S)
    print("watching", flush=True)
    while True:
        seen = list(series(metrics))
        outbox += [page for watched in rules for alert in look(watched, seen) for page in pages(alert, routes)]
        while outbox and is_delivered(outbox[0]):
            outbox.popleft()
        time.sleep(EVERY_S)
