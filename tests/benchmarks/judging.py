"""How long it takes to judge a long run and to write all its reports, beside reading its journal line by line as JSON.

    python -m tests.benchmarks.judging [--events 1000000] [--rounds 3]

The journal is that of a run of hours, in proportions as real ones have them: nine lines in ten hold the looks of a
probe, ten looks each, most of the others what Prometheus says of a rule, some a page or what somebody did. Each figure is
that of a whole process, both kinds in turn in each round; memory is the process's peak of resident pages, beside that for a
tenth of the events, which shows how it grows. Looks that are put aside are read and written and never mapped, so that what
of them is in memory counts; what the system keeps of their file in its cache does not, as it does not for the journal.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from drills.drill import digest
from drills.load import rubric_path
from drills.rundir import RunDir
from tests.drills.writing import Story
from tests.fakes import EPOCH, StillClock

GOAL = 5.0
"""Times the floor, at most."""
PROBES = ("orders", "storefront", "login", "search")
EVERY_S = 0.02
BATCH = 10
LOOKS_S = BATCH * EVERY_S
LABELS = {"alertname": "CachePrimaryDown"}
DRILL = """
drill: a-long-day
probes:
  orders: {tcp: cache, every: 20ms}
  storefront: {tcp: shop, every: 20ms}
  login: {tcp: login, every: 20ms}
  search: {tcp: search, every: 20ms}
steady: {probe: orders, success: ">= 90%", hold: 3s}
faults:
  - {id: dies, kill: cache-primary}
checks:
  - failover: {probe: orders, after: dies, within: 5s}
  - unaffected: {probe: login, during: dies, success: ">= 99%"}
  - alert: {name: CachePrimaryDown, after: dies, within: 30s, reaches: oncall}
  - recovered: {probe: storefront, within: 1m, hold: 1m}
"""


class Took(NamedTuple):
    """What one process needed."""

    seconds: float
    peak_mb: float


def main() -> None:
    """Write the journals, measure, print."""
    parser = argparse.ArgumentParser(description="measure judging and rendering beside reading JSON")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--do", choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.do:
        WORK[given.do](RunDir(given.folder))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    room = Path(tempfile.mkdtemp(prefix="chaos-drills-judging-"))
    try:
        tell(room, given.events, given.rounds)
    finally:
        shutil.rmtree(room)


def tell(room: Path, events: int, rounds: int) -> None:
    """Measure, and print how both stand to each other, and a whole run to a tenth of it."""
    whole, tenth = (written(room / str(count), count) for count in (events, events // 10))
    print(f"{events:,} events, {whole.journal.stat().st_size / 1e6:.0f} MB; median of {rounds} rounds")
    measured: dict[str, list[Took]] = {name: [] for name in WORK}
    for _ in range(rounds):
        for name in WORK:
            measured[name].append(measure(name, whole))
    times, peaks = ({name: median(one[place] for one in tooks) for name, tooks in measured.items()} for place in (0, 1))
    small = {name: measure(name, tenth).peak_mb for name in WORK}
    for name in WORK:
        print(
            f"  {name:<6} {times[name]:6.1f} s {times[name] / times['floor']:5.2f} x   peak {peaks[name]:4.0f} MB "
            f"{peaks[name] / peaks['floor']:4.1f} x, of a tenth {small[name]:4.0f} MB {small[name] / small['floor']:4.1f} x"
        )
    print(f"  goal   under {GOAL:g} x in time; in memory as much for a tenth as for all")


def measure(name: str, run: RunDir) -> Took:
    """One process from nothing to its end."""
    began_s = time.perf_counter()
    words = [sys.executable, "-m", "tests.benchmarks.judging", "--do", name, "--in", str(run.path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return Took(time.perf_counter() - began_s, float(done.stdout.split()[-1]))


def floor(run: RunDir) -> None:
    """Read every line as JSON, and keep nothing."""
    with run.journal.open(encoding="utf-8") as lines:
        count = sum(json.loads(line)["seq"] >= 0 for line in lines)
    assert count


def judged(run: RunDir) -> None:
    """Judge the run and write every report, as `drills judge` does."""
    from drills.judging import judge_run
    from drills.running import write_reports

    report = judge_run(run)
    assert {one.outcome.value for one in report.checks} == {"passed"}, [
        str(one.verdict.because) for one in report.checks
    ]
    write_reports(report, run, "en")


WORK = {"floor": floor, "judged": judged}


def written(folder: Path, events: int) -> RunDir:
    """The directory of a run with about so many events."""
    run = RunDir(folder)
    folder.mkdir()
    run.drill.write_text(DRILL, encoding="utf-8")
    run.rubric.write_bytes(rubric_path("ci", folder).read_bytes())
    digests = {"drill": digest(run.drill.read_bytes()), "rubric": digest(run.rubric.read_bytes())}
    story = Story(run.journal, digests=digests, path="drill.yaml", versions={"chaos-drills": "0"})
    end_s = events * LOOKS_S / len(PROBES) * 0.9
    for t_s, kind, data in merge(milestones(end_s), rules(end_s), *(looks(name, end_s) for name in PROBES), key=_when):
        story.at(t_s, kind, **data)
    story.end()
    return run


Told = tuple[float, str, dict[str, Any]]


def milestones(end_s: float) -> list[Told]:
    """What happens but once: the run's stages, the fault, the alert and who was told."""
    fault_s, gone_s = end_s / 2, end_s / 2 + 20
    names = {"injection": "run-dies", "fault": "dies", "target": "cache-primary"}
    page = {"alert": "CachePrimaryDown", "fingerprint": "f", "labels": LABELS, "annotations": {}, "starts_unix": None,
            "ends_unix": None}  # fmt: skip
    about = {"observer": "pages", "receiver": "oncall", "group": "g", "truncated": 0, "attempt": 1, "new": True,
             "answered": 200, "format": "alertmanager", "reason": ""}  # fmt: skip
    return [
        (0, "fault.planned", {"fault": "dies", "does": "kill (cache-primary)", "target": "cache-primary"}),
        (0.5, "run.phase_entered", {"phase": "preparing"}),
        (0.6, "observer.opened", {"observer": "metrics", "kind": "prometheus", "what": "Prometheus"}),
        (0.6, "observer.opened", {"observer": "pages", "kind": "sink", "what": "a sink"}),
        *((0.9, "probe.opened", {"probe": name, "kind": "tcp", "target": name, "every_s": EVERY_S, "timeout_s": 1.0,
                                 "writes": False}) for name in PROBES),
        (1, "run.phase_entered", {"phase": "steady"}),
        (6, "steady.confirmed", {"phase": "before", "from_s": 2.0, "to_s": 6.0}),
        (6, "run.phase_entered", {"phase": "faults"}),
        (fault_s - 0.2, "injection.intended", {**names, "injector": "kill", "version": 1, "does": "kill"}),
        (fault_s - 0.1, "injection.acting", names),
        (fault_s, "injection.verified", {**names, "in_effect": True, "why": "it is dead"}),
        (fault_s + 5, "alert.state", {"observer": "metrics", "alert": "CachePrimaryDown", "labels": LABELS, "series": "s",
                                      "state": "firing", "since_unix": unix(fault_s + 5), "active_unix": None}),
        (fault_s + 6, "page.received", {**about, "status": "firing", "alerts": [{**page, "status": "firing"}]}),
        (gone_s - 1, "injection.healing", names),
        (gone_s, "injection.gone", {**names, "why": "it runs"}),
        (gone_s + 1, "run.phase_entered", {"phase": "recovery"}),
        (end_s - 5, "steady.confirmed", {"phase": "after", "from_s": end_s - 10, "to_s": end_s - 5}),
        (end_s - 2, "residue.scanned", {"when": "after", "found": []}),
        (end_s, "run.closed", {"by": "conductor"}),
    ]  # fmt: skip


def rules(end_s: float) -> Iterator[Told]:
    """What other alerts do, and what people say of them, every tenth line."""
    every_s = LOOKS_S / len(PROBES) * 9
    for number in range(int((end_s - 8) / every_s)):
        state = ("pending", "firing", "inactive")[number % 3]
        yield 7 + number * every_s, "alert.state", {
            "observer": "metrics", "alert": f"Other{number % 50}", "labels": {"alertname": f"Other{number % 50}"},
            "series": f"o{number % 50}", "state": state, "since_unix": unix(7 + number * every_s), "active_unix": None,
        }  # fmt: skip


def looks(probe: str, end_s: float) -> Iterator[Told]:
    """What one probe saw, a line for each batch."""
    for batch in range(int((end_s - 4) / LOOKS_S)):
        at_s, first = 1 + batch * LOOKS_S, batch * BATCH
        down = probe in ("orders", "storefront") and 0 <= at_s - end_s / 2 < 3
        planned = [round((at_s + place * EVERY_S) * 1e6) for place in range(BATCH)]
        yield (
            at_s + LOOKS_S,
            "probe.sampled",
            {
                "probe": probe,
                "n": list(range(first, first + BATCH)),
                "planned_us": planned,
                "sent_us": [us + 150 for us in planned],
                "took_us": [2_000 + (first + place) * 7919 % 1000 for place in range(BATCH)],
                "seen": ("-" if down else "+") * BATCH,
                "why": {str(first): "refused"} if down else {},
            },
        )


def unix(t_s: float) -> float:
    """A moment of the run by the clock of the world."""
    return EPOCH.timestamp() + StillClock().now_s + t_s


def _when(told: Told) -> float:
    return told[0]


if __name__ == "__main__":
    main()
