"""Alerts, on the real thing: a web server hangs, Prometheus notices, Alertmanager tells, and a sink takes the page."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.real import need

LAB = """
lab: watched
ports: [web, prometheus, alertmanager, sink]
files:
  metrics: "pages_served 1\\n"
  prometheus.yml: |
    global: {scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 500ms}
    rule_files: ["${dir}/rules.yml"]
    scrape_configs: [{job_name: web, static_configs: [{targets: ["127.0.0.1:${port.web}"]}]}]
    alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:${port.alertmanager}"]}]}]}
  rules.yml: |
    groups:
      - name: page
        rules:
          - alert: PageDown
            expr: up{job="web"} == 0
            for: 1s
            labels: {severity: page}
            annotations: {summary: "the page does not answer", action: "restart it"}
  alertmanager.yml: |
    route: {receiver: oncall, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
    receivers:
      - name: oncall
        webhook_configs:
          - url: "http://127.0.0.1:${port.sink}/"
            http_config: {authorization: {credentials: drill-token}}
processes:
  web:
    run: ["${python}", -m, http.server, "${port.web}", --bind, 127.0.0.1, --directory, "${dir}"]
    ready: {tcp: "127.0.0.1:${port.web}"}
  alertmanager:
    run: [prometheus-alertmanager, "--config.file=${dir}/alertmanager.yml", "--storage.path=${dir}/am", --cluster.listen-address=,
          "--web.listen-address=127.0.0.1:${port.alertmanager}"]
    ready: {http: "http://127.0.0.1:${port.alertmanager}/-/ready"}
  prometheus:
    run: [prometheus, "--config.file=${dir}/prometheus.yml", "--storage.tsdb.path=${dir}/tsdb",
          "--web.listen-address=127.0.0.1:${port.prometheus}"]
    after: alertmanager
    ready: {http: "http://127.0.0.1:${port.prometheus}/-/ready"}
"""
INVENTORY = """
environment: lab
targets:
  web: {process: {lab: web}, tcp: {host: 127.0.0.1, port: "${port.web}"}}
observers:
  metrics: {prometheus: {url: "http://127.0.0.1:${port.prometheus}"}}
  routing: {alertmanager: {url: "http://127.0.0.1:${port.alertmanager}"}}
  pages: {sink: {listen: "127.0.0.1:${port.sink}", token: drill-token}}
"""
DRILL = """
drill: nobody-answers
lab: lab.yaml
probes:
  page: {tcp: web, every: 200ms, timeout: 400ms}
steady:
  - {probe: page, success: ">= 99%", hold: 5s}
faults:
  - {id: hangs, pause: web, for: 8s}
checks:
  - alert:
      name: PageDown
      after: hangs
      within: WITHIN
      severity: page
      reaches: oncall
      annotations: [summary, action]
      resolves_within: 15s
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    need("Prometheus and Alertmanager", bool(shutil.which("prometheus") and shutil.which("prometheus-alertmanager")))
    (tmp_path / "lab.yaml").write_text(LAB, encoding="utf-8")
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def judged(desk: Desk, within: str) -> tuple[int, str, Any]:
    """Run the drill with this limit; pass the exit code, all that was printed and the verdict on the alert."""
    (desk.folder / "drill.yaml").write_text(DRILL.replace("WITHIN", within), encoding="utf-8")
    code, said = desk.call("run", "drill.yaml")
    (alert,) = [one for one in desk.report()["checks"] if one["kind"] == "alert"]
    return code, said, alert["verdict"]


def test_the_right_page_in_time_passes_and_says_where_the_time_went(desk: Desk) -> None:
    code, said, verdict = judged(desk, "20s")

    assert code == 0, said
    assert verdict["because"]["text"].startswith("PageDown reached oncall after ")
    assert "for 1.0" in verdict["because"]["text"]
    assert {one["status"] for one in desk.told("page.received")} == {"firing", "resolved"}


def test_a_page_that_comes_too_late_fails(desk: Desk) -> None:
    code, said, verdict = judged(desk, "500ms")

    assert code == 1, said
    assert verdict["outcome"] == "failed"


def test_a_sink_that_is_not_there_lets_nothing_pass(desk: Desk) -> None:
    """Somebody else has its port, so nobody can say whether a page was delivered."""
    inventory = (desk.folder / "inventory.yaml").read_text(encoding="utf-8")
    elsewhere = inventory.replace('listen: "127.0.0.1:${port.sink}"', 'listen: "127.0.0.1:${port.web}"')
    (desk.folder / "inventory.yaml").write_text(elsewhere, encoding="utf-8")
    code, said, verdict = judged(desk, "20s")

    assert code == 3, said
    assert verdict["outcome"] == "unknown"
    assert [one["kind"] for one in desk.told("observer.lost")] == ["sink"]
