"""Faults of pods by other engines are written in drills as all others are: each setting is read, and mistakes are told."""

from pathlib import Path

import pytest

from tests.end_to_end.desk import Desk

INVENTORY = """
environment: lab
engines:
  chaos_mesh: {context: lab, namespace: shop}
targets:
  shop: {chaos_mesh: {deployment: shop}, command: {}}
  books: {kubernetes: {statefulset: books, namespace: shop}}
"""
DRILL = """
drill: faults-of-pods
title: What may befall the pods of a shop
probes:
  orders: {command: shop, run: [shop, order], every: 1s}
faults:
- {id: a, container_kill: {target: shop, containers: [web]}, at: 1s, for: 1s}
- {id: b, io_latency: {target: shop, volume: /var/lib/shop, delay: 100ms, methods: [read], share: 50%}, at: 3s, for: 1s}
- {id: c, io_fault: {target: shop, volume: /var/lib/shop, error: ENOSPC, path: /var/lib/shop/*.log}, at: 5s, for: 1s}
- {id: d, stress: {target: shop, take: one, cpu: 2, load: 80%, memory: 256MB}, at: 7s, for: 1s}
- {id: e, clock_skew: {target: shop, by: 10m, direction: behind}, at: 9s, for: 1s}
- {id: f, dns_error: {target: shop, names: [books.*], answer: random}, at: 11s, for: 1s}
- {id: g, pod_kill: {target: shop, take: 50%, seed: 7}, at: 13s, for: 1s}
- {id: h, pod_failure: {target: shop, take: all}, at: 15s, for: 1s}
- {id: i, litmus: {target: books, experiment: pod-delete, account: litmus, env: {PODS_AFFECTED_PERC: "50"}}, at: 17s, for: 30s}
checks:
- recovered: {probe: orders, within: 10s, hold: 1s}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    return Desk(tmp_path)


def lint(desk: Desk, text: str) -> tuple[int, str]:
    (desk.folder / "drill.yaml").write_text(text, encoding="utf-8")
    return desk.call("lint", str(desk.folder / "drill.yaml"))


def test_every_setting_is_read(desk: Desk) -> None:
    code, said = lint(desk, DRILL)

    assert code == 0, said


@pytest.mark.parametrize(("right", "wrong", "told"), [
    ("error: ENOSPC", "error: ENOROOM", "ENOROOM"),
    ("volume: /var/lib/shop, delay", "volume: shop, delay", "is no place in a container"),
    ("cpu: 2, load: 80%, memory: 256MB", "cpu: 0", "nothing says what is used up"),
    ("by: 10m", "by: 0s", "a clock that is right is no fault"),
    ("names: [books.*]", "names: ['*.books']", "has a star before its end"),
    ("account: litmus, ", "", "needs `account`"),
    ("{PODS_AFFECTED_PERC: \"50\"}", "{TOTAL_CHAOS_DURATION: 30s}", "is told in whole seconds"),
    ("litmus: {target: books", "litmus: {target: shop", "kubernetes"),
])  # fmt: skip
def test_a_mistake_is_told(desk: Desk, right: str, wrong: str, told: str) -> None:
    code, said = lint(desk, DRILL.replace(right, wrong, 1))

    assert code != 0
    assert told in said
