"""Runs' directories with a report in them, as `drills run` leaves them, without anything having been run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from checks import Measured
from drills.rundir import RunDir
from reports import Metric, Report, RunOutcome
from reports.to_json import ToJson
from tests.reports import specimen
from tests.reports.runs import START, seconds


def report(number: int = 0, rto: float | None = 2.0, **changed: Any) -> Report:
    """The report of the run of this number, with these `metrics` by their keys."""
    at = START + timedelta(minutes=10 * number)
    metrics: Mapping[str, Measured | None] = changed.pop(
        "metrics", {"RTO:orders": None if rto is None else seconds(rto)}
    )
    whole = replace(
        specimen.passing(),
        run=f"{at:%Y-%m-%dT%H-%M-%SZ}-lose-the-primary-{number:04x}",
        opened_at=f"{at:%Y-%m-%dT%H:%M:%S}.000000Z",
        metrics=tuple(metric(key, value) for key, value in metrics.items()),
    )
    return replace(whole, **changed)


def metric(key: str, value: Measured | None) -> Metric:
    """A figure by its key."""
    name, _, of = key.partition(":")
    return Metric(name=name, title=name, of=of, value=value)


def kept(root: Path, number: int = 0, rto: float | None = 2.0, **changed: Any) -> RunDir:
    """A run's directory below `root`."""
    made = report(number, rto, **changed)
    run = RunDir(root / made.run)
    run.path.mkdir(parents=True)
    run.journal.write_text(json.dumps({"seq": 0, "data": {"host": "here"}}) + "\n", encoding="utf-8")
    write(run, made)
    return run


def write(run: RunDir, made: Report) -> None:
    """Its report, anew."""
    (run.path / "report.json").write_text(ToJson().render(made), encoding="utf-8")


def failed(number: int = 0, **changed: Any) -> dict[str, Any]:
    """What makes `report` one of a run that lost data."""
    whole = specimen.failing()
    return {"outcome": RunOutcome.FAILED, "checks": whole.checks, "score": whole.score, "changed_limits": (), **changed}
