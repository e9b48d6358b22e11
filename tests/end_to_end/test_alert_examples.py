"""The examples of alerts, with real Prometheus and Alertmanager of both generations."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.observers.monitoring import GENERATIONS, Generation, program
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until

EXAMPLES = ROOT / "examples"


@pytest.fixture(params=GENERATIONS)
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Where one generation is all that is installed."""
    generation: Generation = request.param
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("prometheus", "alertmanager"):
        (programs / name).symlink_to(program(generation, name))
    here = Desk(tmp_path, programs=programs)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def test_of_a_storm_one_page_wakes_somebody_and_the_rest_is_a_ticket(desk: Desk) -> None:
    code, said = desk.call("run", str(EXAMPLES / "alerts" / "alert-storm.yaml"))
    fired = {one["series"] for one in desk.told("alert.state") if one["alert"] == "BranchFailing"}
    pages = [one for one in desk.told("page.received") if one["status"] == "firing"]

    assert code == 0, said
    assert re.search("passed +alerts +1 of 1 expected alerts came as they should, and 0 others", said)
    assert len(fired) == 30
    assert [alert["alert"] for page in pages if page["observer"] == "oncall" for alert in page["alerts"]] == [
        "StockDown"
    ]
    assert {alert["alert"] for page in pages if page["observer"] == "tickets" for alert in page["alerts"]} == {
        "BranchFailing"
    }


def test_the_same_storm_without_a_ticket_queue_fails(desk: Desk) -> None:
    """As the page of the examples says: one word is changed."""
    shutil.copytree(EXAMPLES, desk.folder / "examples")
    config = desk.folder / "examples" / "alerts" / "alertmanager.yml"
    text = config.read_text(encoding="utf-8")
    assert text.count("receiver: tickets") == 1
    config.write_text(text.replace("receiver: tickets", "receiver: oncall"), encoding="utf-8")
    code, said = desk.call("run", "examples/alerts/alert-storm.yaml")

    assert code == 1, said
    assert re.search(r"FAILED +alerts +noise after stock-dies \(BranchFailing\): 30; limit 0", said)


def test_a_dead_pipeline_pages_nobody_but_its_silence_is_heard(desk: Desk) -> None:
    code, said = desk.call("run", str(EXAMPLES / "alerts" / "dead-pipeline.yaml"))
    paged = [alert["alert"] for page in desk.told("page.received") for alert in page["alerts"]]

    assert code == 1, said
    assert re.search(r"FAILED +cause-told +StockDown fired after \S+ s .*and never reached oncall; limit 8 s", said)
    assert re.search(r"passed +silence-told +PipelineSilent reached oncall after ", said)
    assert paged == ["PipelineSilent", "PipelineSilent"], "once that it began, and once that it is over"


def test_where_the_pipeline_is_not_installed_nothing_is_done_and_it_is_said_what_to_install(tmp_path: Path) -> None:
    nothing = tmp_path / "bin"
    nothing.mkdir()
    desk = Desk(tmp_path, programs=nothing)
    code, said = desk.call("run", str(EXAMPLES / "alerts" / "alert-storm.yaml"))

    assert code == 2, said
    assert "process `prometheus` cannot run here: `prometheus` is not on PATH" in said
    assert "install prometheus, or " in said
    assert "install alertmanager or prometheus-alertmanager, or " in said
    assert list(desk.runs.glob("*")) == []
