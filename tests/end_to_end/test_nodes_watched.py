"""No drill begins while a series of any of its nodes is missing: with a real Prometheus, and two nodes that it scrapes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.observers.monitoring import gauges, prometheus
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until

SWITCHES = ROOT / "examples" / "switches"
WATCHED = """
  nodes-watched:
    prometheus: metrics
    query: '{__name__=~"rtt_seconds|packets_lost_total|load|up_of_node"}'
    each: {__name__: [rtt_seconds, packets_lost_total, load, up_of_node], node: [sfu-1, NODE]}
    every: 500ms
    impact: false

steady_within: PATIENCE
steady:
  - {probe: nodes-watched, success: ">= 100%", hold: 1500ms, at_least: 3}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


@pytest.mark.parametrize(("node", "patience", "code"), [("sfu-2", "20s", 0), ("sfu-3", "4s", 3)])
def test_a_drill_begins_only_when_every_node_is_watched_in_every_way(
    desk: Desk, tmp_path: Path, node: str, patience: str, code: int
) -> None:
    names = ("rtt_seconds", "packets_lost_total", "load", "up_of_node")
    series = {f'{name}{{node="{one}"}}': 1.0 for name in names for one in ("sfu-1", "sfu-2")}
    copy = tmp_path / "switches"
    shutil.copytree(SWITCHES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / "throw-each-switch.yaml").read_text(encoding="utf-8")
    text = text.replace('steady:\n  - {probe: orders, success: ">= 99%", hold: 2s}\n', "")
    (copy / "throw-each-switch.yaml").write_text(
        text.replace("\nfaults:", WATCHED.replace("NODE", node).replace("PATIENCE", patience) + "\nfaults:"), "utf-8"
    )
    with gauges(**series) as target, prometheus("old", "groups: []\n", [target]) as server:
        inventory = (copy / "inventory.yaml").read_text(encoding="utf-8")
        (copy / "inventory.yaml").write_text(
            f'{inventory}  metrics: {{prometheus: {{url: "{server.url}"}}}}\n', "utf-8"
        )
        ended, said = desk.call("run", str(copy / "throw-each-switch.yaml"))

    assert ended == code, said
    opened = {one["probe"]: one["impact"] for one in desk.told("probe.opened")}
    assert opened == {
        "browsing": True,
        "orders": True,
        "limited": True,
        "without-coupons": True,
        "nodes-watched": False,
    }
    assert bool(desk.told("injection.acting")) is (code == 0)
    if code:
        assert "nodes-watched" in said
        assert "node=sfu-3" in str([one["why"] for one in desk.told("probe.sampled")])
