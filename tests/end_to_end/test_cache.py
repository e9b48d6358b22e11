"""The main job, on the real thing: the example's Valkey cache with sentinels loses its primary."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from drills.judging import judge_run
from drills.rundir import RunDir
from reports import RunOutcome
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until
from tests.real import need

CACHE = ROOT / "examples" / "cache"
OBSERVER = Path(__file__).with_name("observer.py")


def sentinel_ports(run: RunDir) -> list[str]:
    """Read off the sentinels' command lines, as an outsider would."""
    pids = [json.loads((run.lab / f"sentinel-{n}.pid").read_text(encoding="utf-8"))["pid"] for n in (1, 2, 3)]
    return [psutil.Process(pid).cmdline()[0].rpartition(":")[2].split()[0] for pid in pids]


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run of the example, watched from outside at 1 ms."""
    desk = Desk(tmp_path_factory.mktemp("lost"))
    drill = desk.start("run", str(CACHE / "lose-the-primary.yaml"))
    try:
        wait_until(lambda: desk.has("reaper.armed"), "the lab is ready", 60)
        watching = subprocess.Popen([sys.executable, str(OBSERVER), *sentinel_ports(desk.run())], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)  # fmt: skip
        wait_until(lambda: desk.has("injection.gone"), "the primary was killed and healed", 60)
        outside, _ = watching.communicate(input="enough\n", timeout=30)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()
    return {"desk": desk, "code": drill.returncode, "said": said, "outside": json.loads(outside)}


def test_the_drill_passes_and_says_why(lost: dict[str, Any]) -> None:
    assert lost["code"] == 0, lost["said"]
    assert re.search(r"passed +failover +orders down for [2-4](\.\d+)? s ± \d", lost["said"])
    assert re.search(r"passed +data loss +all \d+ acknowledged orders are there", lost["said"])


def told_to_oncall(desk: Desk) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of the one alert that was paged, whichever server it was."""
    (alert,) = [one for page in desk.told("page.received") if page["status"] == "firing" for one in page["alerts"]]
    server = alert["labels"]["server"]
    labels, said = (
        {name: text.replace(server, "SERVER") for name, text in alert[of].items()} for of in ("labels", "annotations")
    )
    return {name: text for name, text in labels.items() if name not in ("instance", "job")}, said


def test_whoever_is_on_call_is_told_what_to_do_and_that_it_is_over(lost: dict[str, Any]) -> None:
    labels, said = told_to_oncall(lost["desk"])

    assert re.search(r"passed +alert +CachePrimaryDown reached oncall after \d", lost["said"])
    assert labels == {"alertname": "CachePrimaryDown", "service": "cache", "severity": "page", "role": "primary",
                      "server": "SERVER"}  # fmt: skip
    assert said["summary"] == "The cache's primary, SERVER, does not answer"
    assert sorted(said) == ["action", "cause", "impact", "summary"]
    assert [page["status"] for page in lost["desk"].told("page.received")] == ["firing", "resolved"]


def test_the_review_of_it_says_what_nobody_was_there_to_do(lost: dict[str, Any]) -> None:
    code, said = lost["desk"].call("review", "last")
    text = (lost["desk"].run().path / "review.md").read_text(encoding="utf-8")

    assert (code, "drafted " in said) == (1, True), said
    assert re.search(r"\| \*\*TTR\*\* \| [2-4](\.\d+)? s ", text)
    assert "| **MTTI** | not measured: nobody ran a command or wrote to the others |" in text
    assert re.search(r"\| a page about CachePrimaryDown reaches oncall \| \d+ \|", text)
    assert re.search(r"- data loss: all \d+ acknowledged orders are there", text)


def test_the_report_says_who_watched(lost: dict[str, Any]) -> None:
    need("Prometheus and Alertmanager", bool(shutil.which("prometheus") and shutil.which("prometheus-alertmanager")))
    versions = lost["desk"].report()["versions"]

    assert re.match(r"Prometheus \d", versions["observer metrics"])
    assert re.match(r"Alertmanager \d", versions["observer routing"])
    assert "stood in" not in lost["said"]


def test_where_they_are_not_installed_a_watcher_says_the_same_and_the_report_says_so(
    lost: dict[str, Any], tmp_path: Path
) -> None:
    nothing = tmp_path / "bin"
    nothing.mkdir()
    desk = Desk(tmp_path, programs=nothing)
    code, said = desk.call("run", str(CACHE / "lose-the-primary.yaml"))

    assert code == 0, said
    assert told_to_oncall(desk) == told_to_oncall(lost["desk"])
    assert [page["status"] for page in desk.told("page.received")] == ["firing", "resolved"]
    both = "prometheus, alertmanager"
    assert re.search(f"note +watcher stood in for {both}; not installed here: {both}", said)
    assert {name for name in desk.report()["versions"] if "observer" in name} == {"observer oncall"}
    assert "foreseen" not in said, "that nobody tells of rules is no news then"
    assert desk.left() == []


def test_nothing_of_it_is_left(lost: dict[str, Any]) -> None:
    desk = lost["desk"]

    assert desk.left() == []
    assert list((desk.folder / "state" / "open").iterdir()) == []
    assert not desk.run().is_live


def test_every_report_is_there(lost: dict[str, Any]) -> None:
    folder = lost["desk"].run().path

    assert "report.html" in lost["said"]
    assert all(
        (folder / name).stat().st_size > 500 for name in ("report.html", "report.md", "report.json", "junit.xml")
    )


def test_an_outsiders_figure_agrees_with_our_bounds(lost: dict[str, Any]) -> None:
    """It has bounds of its own, a few milliseconds apart unless the machine kept it waiting."""
    (failover,) = [one for one in lost["desk"].report()["checks"] if one["kind"] == "failover"]
    outage, outside = failover["verdict"]["measured"]["outage_s"], lost["outside"]

    assert max(outage["low"], outside["low"]) <= min(outage["high"], outside["high"]), (outage, outside)
    assert outage["high"] - outage["low"] < 0.5
    assert outside["high"] - outside["low"] < 1.5


def test_a_tighter_limit_fails_the_same_evidence(lost: dict[str, Any]) -> None:
    code, said = lost["desk"].call("judge", "last", "--set", "failover.within=1s")

    assert code == 1
    assert re.search(r"FAILED +failover +orders down for [2-4](\.\d+)? s ± [^;]+; limit 1 s", said)


def test_a_limit_inside_the_measuring_bounds_is_inconclusive(lost: dict[str, Any]) -> None:
    (failover,) = [one for one in lost["desk"].report()["checks"] if one["kind"] == "failover"]
    middle_us = round(failover["verdict"]["measured"]["outage_s"]["value"] * 1e6)
    code, said = lost["desk"].call("judge", "last", "--set", f"failover.within={middle_us}us")

    assert code == 3, said
    assert "unknown  failover" in said


def test_judging_again_gives_the_same_bytes(lost: dict[str, Any]) -> None:
    desk = lost["desk"]
    before = {name: (desk.run().path / name).read_bytes() for name in ("report.html", "report.json", "junit.xml")}
    code, _ = desk.call("report", "last")

    assert code == 0
    assert {name: (desk.run().path / name).read_bytes() for name in before} == before


def test_an_edited_journal_is_refused_by_its_line(lost: dict[str, Any], tmp_path: Path) -> None:
    desk = lost["desk"]
    copy = tmp_path / desk.run().id
    subprocess.run(["cp", "-r", str(desk.run().path), str(copy)], check=True)
    lines = (copy / "journal.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    number, line = next((number, line) for number, line in enumerate(lines, 1) if "injection.verified" in line)
    lines[number - 1] = line.replace('"in_effect":true', '"in_effect":false')
    (copy / "journal.jsonl").write_text("".join(lines), encoding="utf-8")
    code, said = desk.call("judge", str(copy))

    assert code == 2
    assert f"journal.jsonl:{number}:1: line {number} does not follow" in said


def test_no_beginning_of_the_journal_alone_ever_passes(lost: dict[str, Any], tmp_path: Path) -> None:
    """Whatever is missing at the end, even a single line, nobody may take the rest for a passed run."""
    run = lost["desk"].run()
    copy = RunDir(tmp_path / run.id)
    copy.path.mkdir()
    for path in (run.drill, run.rubric):
        (copy.path / path.name).write_bytes(path.read_bytes())
    lines = run.journal.read_bytes().splitlines(keepends=True)
    outcomes = []
    for kept in [*range(1, len(lines) - 8, 9), *range(len(lines) - 8, len(lines) + 1)]:
        copy.journal.write_bytes(b"".join(lines[:kept]))
        outcomes.append(judge_run(copy).outcome)

    assert outcomes.pop() is RunOutcome.PASSED
    assert set(outcomes) <= {RunOutcome.INCONCLUSIVE, RunOutcome.NOT_HEALED}
    assert RunOutcome.NOT_HEALED in outcomes


def test_a_changed_drill_beside_the_journal_is_refused(lost: dict[str, Any], tmp_path: Path) -> None:
    desk = lost["desk"]
    copy = tmp_path / desk.run().id
    subprocess.run(["cp", "-r", str(desk.run().path), str(copy)], check=True)
    kept = copy / "drill.yaml"
    kept.write_text(kept.read_text(encoding="utf-8").replace("within: 5s", "within: 1h"), encoding="utf-8")
    code, said = desk.call("judge", str(copy))

    assert code == 2
    assert "was changed after it" in said


def test_a_chinese_report_can_be_had(lost: dict[str, Any]) -> None:
    code, said = lost["desk"].call("report", "last", "--format", "markdown", "--language", "zh")

    assert code == 0
    assert "缓存主库宕机" in said


def test_runs_lists_it(lost: dict[str, Any]) -> None:
    code, said = lost["desk"].call("runs")

    assert code == 0
    assert re.search(r"lose-the-primary-[0-9a-f]{4} +passed +score 100", said)


def test_without_sentinels_nobody_takes_over_and_the_drill_fails(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    code, said = desk.call("run", str(CACHE / "sentinels-asleep.yaml"))

    assert code == 1, said
    assert re.search(r"FAILED +failover +orders came back only once primary-dies was healed", said)
    assert desk.left() == []


def test_a_primary_that_hangs_and_comes_back_is_replaced(tmp_path: Path) -> None:
    """Whether writes are lost is the cache's affair; that they are counted, and nothing is left, is ours."""
    desk = Desk(tmp_path)
    code, said = desk.call("run", str(CACHE / "two-primaries.yaml"))

    assert code in (0, 1), said
    assert re.search(r"(passed|FAILED) +data loss +(all )?\d+", said)
    assert desk.left() == []


def test_a_signal_while_the_lab_starts_leaves_no_process(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    drill = desk.start("run", str(CACHE / "lose-the-primary.yaml"))
    try:
        wait_until(lambda: desk.has("lab.process_started"), "the lab starts", 60)
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert desk.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_the_fault_heals_and_ends_with_4(tmp_path: Path, number: signal.Signals) -> None:
    desk = Desk(tmp_path)
    drill = desk.start("run", str(CACHE / "lose-the-primary.yaml"))
    try:
        wait_until(lambda: desk.has("injection.verified"), "the fault is in effect", 60)
        drill.send_signal(number)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert said.count("ABORTED") == 1
    assert desk.left() == []
    assert desk.has("injection.gone")


def test_run_twice_it_works_twice_at_the_same_time(tmp_path: Path) -> None:
    """Two labs on one machine find ports of their own."""
    desks = [Desk(tmp_path / "one"), Desk(tmp_path / "two")]
    for desk in desks:
        desk.folder.mkdir()
    roomy = ("--set", "failover.within=15s")  # how fast they fail over side by side is not what is asked here
    running = [desk.start("run", str(CACHE / "lose-the-primary.yaml"), *roomy) for desk in desks]
    said = [drill.communicate(timeout=120)[0] for drill in running]

    assert [drill.returncode for drill in running] == [0, 0], said
