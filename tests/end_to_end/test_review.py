"""After a real drill with a person in it: its review is drafted, finished and found complete, and its events go elsewhere."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from drills.rundir import RunDir
from tests.end_to_end.ground import Ground, ground, wait_until

DRILL = """
drill: people
title: {en: A server dies, zh: 服务器宕机}
severity: P1
safety: {max_duration: 2m}
probes: {page: {tcp: a, every: 20ms}}
steady: [{probe: page, success: ">= 99%", hold: 500ms}]
faults: [{kill: a, for: 15s}]
checks:
  - failover: {probe: page, after: kill-a, within: 1s}
  - recovered: {probe: page, within: 5s, hold: 1s}
"""
FRONT = {"held": "2026-11-23", "over": "2026-11-21", "organised_by": "L3", "class": "capacity", "runbook": "runbook.md",
         "knowledge": "lost.md"}  # fmt: skip
PROSE = {"Why it made sense at the time": "The board was green.", "Five whys": "1. It died\n2. It was alone\n3. Nobody asked",
         "How to prevent it": "Two of them.", "How to find it faster": "A probe."}  # fmt: skip
ITEM = """- finding: failover
  what: Run two servers
  owner: mei
  due: 2026-12-05
  term: mid
  verified_by: drills run drill.yaml
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A drill that is over, in which somebody did what an incident asks."""
    with ground(tmp_path_factory.mktemp("review"), DRILL, "a") as made:
        drill = made.start("run", "drill.yaml")
        try:
            wait_until(lambda: has(made, "injection.verified"), "the fault is there")
            for words in (
                ["ack"],
                ["say", "/update I look, next: restart"],
                ["severity", "SEV2"],
                ["diagnose", "it is dead"],
            ):
                assert made.call(*words)[0] == 0
            wait_until(lambda: has(made, "steady.confirmed", times=2), "the service is back", 60)
        finally:
            said, _ = drill.communicate(timeout=60)
        assert drill.returncode == 1, said
        yield made


def has(here: Ground, kind: str, times: int = 1) -> bool:
    runs = here.all_runs()
    return bool(runs) and runs[0].journal.read_text(encoding="utf-8").count(f'"kind":"{kind}"') >= times


def only_run(here: Ground) -> RunDir:
    (run,) = here.all_runs()
    return run


def test_the_draft_tells_what_was_seen_and_what_was_not(here: Ground) -> None:
    path = here.folder / "draft.md"
    code, said = here.call("review", "last", "--file", "draft.md")
    text = path.read_text(encoding="utf-8")

    assert (code, "drafted   draft.md" in said) == (1, True), said
    assert re.search(r"\| \*\*MTTI\*\* \| [0-9.]+ m?s ", text)
    assert re.search(r"\| \*\*TTR\*\* \| 1[5-9](\.\d+)? s ", text)
    assert "| **MTTV** | not measured: nobody said that it was over |" in text
    assert "| **TTN** | not measured: nobody can say: no prometheus or alertmanager was listened to |" in text
    assert re.search(r"\| page \| \d+ of \d+ \| [+-]\d.* \| \+1[4-9]", text)  # it may fail before that is seen
    assert "severity: SEV2" in text
    assert "- finding: failover" in text


def test_one_in_chinese_is_finished_and_found_complete(here: Ground) -> None:
    path = here.folder / "复盘.md"
    assert here.call("review", "last", "--file", path.name, "--language", "zh")[0] == 1
    code, said = here.call("review", "last", "--file", path.name, "--today", "2026-11-24")
    assert (code, said.count("\n      | ^")) == (1, 0) or "[not-reviewed]" in said, said
    path.write_text(completed(path.read_text(encoding="utf-8")), encoding="utf-8")
    (here.folder / "runbook.md").write_text("[lost](lost.md)\n", encoding="utf-8")
    (here.folder / "lost.md").write_text("# Lost\n", encoding="utf-8")

    code, said = here.call("review", "last", "--file", path.name, "--today", "2026-11-24")
    assert (code, said) == (0, f"complete: {path.name}; 1 action items, 1 of them to be done\n")
    code, said = here.call("review", "last", "--file", path.name, "--today", "2026-12-06")
    assert code == 1
    assert "action item 1 was due on 2026-12-05 and is not closed" in said
    code, said = here.call("review", "last", "--file", path.name, "--export", "csv")
    assert [row["Summary"] for row in csv.DictReader(said.splitlines())] == ["Run two servers"]


def completed(text: str) -> str:
    """A draft as people would finish it, under English headings for once."""
    for name, value in FRONT.items():
        text = re.sub(rf"(?m)^{name}:.*$", f"{name}: {value}", text)
    text = text[: text.index("## 当时为什么")]
    prose = "".join(f"## {heading}\n\n{said}\n\n" for heading, said in PROSE.items())
    return f"{text}{prose}## 改进项\n\n```yaml\n{ITEM}```\n"


def test_the_event_log_has_what_people_and_machines_did(here: Ground) -> None:
    code, said = here.call("export", "last", "--format", "xes", "-o", "log.xes")
    assert code == 0, said
    log = ElementTree.parse(here.folder / "log.xes").getroot()
    names = [
        one.attrib["value"]
        for one in log.iter("{http://www.xes-standard.org/}string")
        if one.attrib["key"] == "concept:name"
    ]
    wanted = [
        "drill.start",
        "fault",
        "fault.injected",
        "page.acked",
        "chat.update",
        "incident.severity",
        "submit.diagnosis",
    ]
    assert [name for name in names if name in wanted][: len(wanted)] == wanted

    code, said = here.call("export", "last")
    rows = list(csv.DictReader(said.splitlines()))
    assert {row["case:concept:name"] for row in rows} == {only_run(here).id}
    assert len(rows) == len(list(log.iter("{http://www.xes-standard.org/}event")))


def test_slips_of_the_command_line_are_told(here: Ground) -> None:
    assert "[usage]" in here.call("review", "last", "--today", "soon")[1]
    assert "[no-file]" in here.call("export", "last", "-o", "no/such/folder/log.csv")[1]
    assert "[unknown-run]" in here.call("export", "last", "none")[1]
    assert "[no-file]" in here.call("review", "last", "--file", "none.md", "--export", "json")[1]
    assert not Path(here.folder / "none.md").exists()
