"""A web server that real Prometheus and Alertmanager watch, and a sink for their pages: the files of drills on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.checks.observers.monitoring import Generation, program
from tests.end_to_end.clocks import prometheus_with_a_clock_of_its_own

DOWN = 'up{job="web"} == 0'
SINK = "http://127.0.0.1:${port.sink}/"
NOBODY = "http://127.0.0.1:${port.nobody}/"
"""Where nobody listens."""
_FOLDER = Path(__file__).parent
_SCRAPED = """
import json, sys, urllib.request
ask = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
answers = [json.load(ask(f"http://127.0.0.1:{port}/api/v1/query?query=up==1", timeout=2)) for port in sys.argv[1:]]
sys.exit(not all(one["data"]["result"] for one in answers))
"""
"""Whether every Prometheus has scraped; the older ones take 5 s to begin."""


def rule(alert: str, expr: str = DOWN, wait: str = "0s") -> dict[str, Any]:
    """An alert that fires once its expression has been true for so long."""
    annotations = {"summary": "the page does not answer", "action": "restart it"}
    return {"alert": alert, "expr": expr, "for": wait, "labels": {"severity": "page"}, "annotations": annotations}


def route(alert: str, group_wait: str = "0s", receiver: str = "oncall") -> dict[str, Any]:
    """Where an alert of this name goes, and how long its group waits for others."""
    return {"matchers": [f'alertname="{alert}"'], "group_wait": group_wait, "receiver": receiver}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Who watches, and how. Everything is looked at twice a second."""

    generation: Generation
    rules: Sequence[Mapping[str, Any]]
    routes: Sequence[Mapping[str, Any]] = ()
    receivers: Mapping[str, str] = field(default_factory=lambda: {"oncall": SINK})
    """The address of each."""
    inhibit: Sequence[Mapping[str, Any]] = ()
    metrics: Mapping[str, int | None] = field(default_factory=lambda: {"metrics": None})
    """Each Prometheus, with how many seconds its clock is ahead; the file `NAME.ahead` sets it. None: it has no own clock."""
    resend: str = "1s"
    """How long Prometheus waits until it says again that an alert fires; four times that, and it is taken for over."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """More processes."""

    def write(self, folder: Path) -> None:
        """Put lab and inventory into a folder."""
        for name, content in (("lab", self._lab()), ("inventory", self._inventory())):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, width=1000), encoding="utf-8")

    def _lab(self) -> dict[str, Any]:
        files = {"metrics.txt": "early 0\n", "alertmanager.yml": self._alertmanager()}
        files |= {f"{name}.ahead": str(by_s) for name, by_s in self.metrics.items() if by_s is not None}
        files |= {f"{name}.yml": self._prometheus(name) for name in self.metrics}
        files["rules.yml"] = yaml.safe_dump({"groups": [{"name": "page", "rules": [*self.rules]}]})
        ports = ["web", "alertmanager", "sink", "nobody", *self.metrics, *self.more]
        scraped = ["${python}", "-c", _SCRAPED, *(f"${{port.{name}}}" for name in self.metrics)]
        ready = {"command": scraped, "within": "30s"}
        return {"lab": "watched", "ports": ports, "files": files, "processes": self._processes(), "ready": ready}

    def _processes(self) -> dict[str, Any]:
        web = ["${python}", "-m", "http.server", "${port.web}", "--bind", "127.0.0.1", "--directory", "${dir}"]
        routing = [str(program(self.generation, "alertmanager")), "--config.file=${dir}/alertmanager.yml",
                   "--storage.path=${dir}/am", "--cluster.listen-address=",
                   "--web.listen-address=127.0.0.1:${port.alertmanager}"]  # fmt: skip
        return {
            "web": {"run": web, "ready": {"tcp": "127.0.0.1:${port.web}"}},
            "alertmanager": {"run": routing, "ready": _answers("alertmanager")},
            **{name: self._watching(name) for name in self.metrics},
            **self.more,
        }

    def _watching(self, name: str) -> dict[str, Any]:
        own = self.metrics[name] is not None
        run = prometheus_with_a_clock_of_its_own(self.generation) if own else program(self.generation, "prometheus")
        words = [f"--config.file=${{dir}}/{name}.yml", f"--storage.tsdb.path=${{dir}}/tsdb-{name}",
                 f"--web.listen-address=127.0.0.1:${{port.{name}}}", f"--rules.alert.resend-delay={self.resend}",
                 "--scrape.discovery-reload-interval=100ms"]  # fmt: skip
        return {"run": [str(run), *words], "after": ["web", "alertmanager"], "ready": _answers(name),
                "env": {"CLOCK_AHEAD": f"${{dir}}/{name}.ahead"} if own else {}}  # fmt: skip

    def _prometheus(self, name: str) -> str:
        return yaml.safe_dump({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "500ms",
                       "external_labels": {"by": name}},
            "rule_files": ["${dir}/rules.yml"],
            "scrape_configs": [{"job_name": "web", "metrics_path": "/metrics.txt",
                                "static_configs": [{"targets": ["127.0.0.1:${port.web}"]}]}],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:${port.alertmanager}"]}]}]},
        })  # fmt: skip

    def _alertmanager(self) -> str:
        knows = {"authorization": {"credentials": "drill-token"}}
        receivers = [{"name": name, "webhook_configs": [{"url": url, "http_config": knows}]}
                     for name, url in self.receivers.items()]  # fmt: skip
        root = {"receiver": "oncall", "group_by": ["alertname", "by"], "group_wait": "0s", "group_interval": "1s",
                "repeat_interval": "1h", "routes": [*self.routes]}  # fmt: skip
        return yaml.safe_dump({"route": root, "receivers": receivers, "inhibit_rules": [*self.inhibit]}, width=1000)

    def _inventory(self) -> dict[str, Any]:
        watching = {name: {"process": {"lab": name}} for name in ("alertmanager", *self.metrics)}
        return {
            "environment": "lab",
            "targets": {"web": {"process": {"lab": "web"}, "tcp": {"host": "127.0.0.1", "port": "${port.web}"}}, **watching},
            "observers": {
                **{name: {"prometheus": {"url": f"http://127.0.0.1:${{port.{name}}}"}} for name in self.metrics},
                "routing": {"alertmanager": {"url": "http://127.0.0.1:${port.alertmanager}"}},
                "pages": {"sink": {"listen": "127.0.0.1:${port.sink}", "token": "drill-token"}},
            },
        }  # fmt: skip


def stubborn(seconds: float) -> dict[str, Any]:
    """A process that takes pages for the sink, and refuses them for so long after the first."""
    run = ["${python}", str(_FOLDER / "stubborn.py"), "${port.stubborn}", SINK, str(seconds)]
    return {"run": run, "ready": {"tcp": "127.0.0.1:${port.stubborn}"}}


def _answers(name: str) -> dict[str, str]:
    return {"http": f"http://127.0.0.1:${{port.{name}}}/-/ready"}
