"""Alerts, on the real thing: a web server hangs, Prometheus notices, Alertmanager tells, and a sink takes the page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.checks.observers.monitoring import GENERATIONS
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import wait_until
from tests.end_to_end.watched import Watched, route, rule

DRILL = """
drill: nobody-answers
lab: lab.yaml
safety: {preflight: tell}
probes:
  page: {tcp: web, every: 100ms, timeout: 400ms}
steady:
  - {probe: page, success: ">= 99%", hold: 2s}
faults:
  - {id: hangs, pause: web, for: 4s}
checks:
  - alert:
      name: PageDown
      after: hangs
      within: WITHIN
      severity: page
      reaches: oncall
      annotations: [summary, action]
      resolves_within: 6s
"""


@pytest.fixture(params=GENERATIONS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    watched = Watched(generation=request.param, rules=[rule("PageDown", wait="1s")], routes=[route("PageDown", "1s")])
    watched.write(tmp_path)
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
    code, said, verdict = judged(desk, "10s")

    assert code == 0, said
    assert verdict["because"]["text"].startswith("PageDown reached oncall after ")
    assert re.search(r"\bfor [1-9]\.\d", verdict["because"]["text"]), "an evaluation may be left out on a busy machine"
    assert {one["status"] for one in desk.told("page.received")} == {"firing", "resolved"}


def test_a_page_that_comes_too_late_fails(desk: Desk) -> None:
    code, said, verdict = judged(desk, "500ms")

    assert code == 1, said
    assert verdict["outcome"] == "failed"


def test_a_sink_that_is_not_there_lets_nothing_pass(desk: Desk) -> None:
    """Somebody else has its port, so nobody can say whether a page was delivered."""
    inventory = (desk.folder / "inventory.yaml").read_text(encoding="utf-8")
    elsewhere = inventory.replace("listen: 127.0.0.1:${port.sink}", "listen: 127.0.0.1:${port.web}")
    assert elsewhere != inventory
    (desk.folder / "inventory.yaml").write_text(elsewhere, encoding="utf-8")
    code, said, verdict = judged(desk, "5s")

    assert code == 3, said
    assert verdict["outcome"] == "unknown"
    assert [one["kind"] for one in desk.told("observer.lost")] == ["sink"]
