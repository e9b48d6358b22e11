"""The review of a stored run, and the event log of one or of many: `drills review`, `drills export`."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from checks import Evidence
from checks.alerting import Alerting
from checks.incident import Incident
from checks.moments import incident
from drills import judging, review_file, review_rules
from drills.errors import DrillError, Exit, Problem, mistake
from drills.happenings import happenings
from drills.judging import Stored
from drills.review_file import ReviewFile, Written
from drills.rundir import RunDir
from injectors.host import write_whole
from reports import Report
from reports.cells import table_text
from reports.event_log import Case, Happening, Value, to_csv, to_xes
from reports.review import Lived, People, draft, findings

NAME = "review.md"
_RUNBOOKS = ("runbook_url", "runbook")
_ITEMS = ("Summary", "Description", "Assignee", "Due Date", "Labels", "Status", "Term", "Verified by", "Finding", "Run")
"""As Jira's import calls them, and then our own."""


def review(run: RunDir, *, path: Path | None, today: date | None, language: str) -> int:
    """Draft the review of a run, or see what is still open in one that was drafted; pass the exit code."""
    path = path or run.path / NAME
    _see_it_is_over(run, "drills review")
    kept = judging.stored(run)
    report = judging.judge_stored(run, kept)
    if not path.exists():
        _write(path, draft(_lived(kept, report), language).encode())
        print(
            f"drafted   {path}\nfill it in, and see what is still open:   drills review {run.short}{_file_option(run, path)}"
        )
        return Exit.FAILED
    written = review_file.read(path)
    names = People(happenings(kept.evidence, kept.drill), language).names
    asked = review_rules.Asked(run=run.id, findings=findings(report), names=names,
                               today=today or datetime.now().astimezone().date())  # fmt: skip
    return _tell(written, review_rules.judge(written, asked))


def day(text: str | None) -> date | None:
    """The day that `--today` names. Raises DrillError when it is none."""
    try:
        return review_file.Day.parse(text).day if text else None
    except ValueError as wanted:
        raise mistake("--today", f"`{text}` is no day", f"write {wanted}", "usage") from None


def items(run: RunDir, *, path: Path | None, form: str) -> int:
    """Print the action items of a review, for whatever tracks work."""
    written = review_file.read(path or run.path / NAME)
    if written.problems:
        raise DrillError(written.problems)
    print(_items_csv(written) if form == "csv" else _items_json(written), end="")
    return Exit.PASSED


def export(runs: Sequence[RunDir], *, form: str, path: Path | None) -> int:
    """Write the event log of these runs, each of them a case, or print it."""
    for run in runs:
        _see_it_is_over(run, "drills export")
    cases = [_case(run, judging.stored(run)) for run in runs]
    content = to_xes(cases) if form == "xes" else to_csv(cases).encode()
    if path is None:
        sys.stdout.buffer.write(content)
        return Exit.PASSED
    _write(path, content)
    count = sum(len(case.happenings) for case in cases)
    print(f"{count} events of {len(cases)} run{'' if len(cases) == 1 else 's'} in {path}")
    return Exit.PASSED


def _tell(written: ReviewFile, judged: review_rules.Judged) -> int:
    for remark in judged.remarks:
        print(f"note: {remark}")
    if judged.remarks:
        print()
    problems: list[Problem] = sorted(
        [*written.problems, *judged.open], key=lambda one: (one.place.line, one.place.column)
    )
    for problem in problems:
        print(f"{problem}\n")
    if problems:
        print(f"{len(problems)} still open in {written.file}")
        return Exit.USAGE if written.problems else Exit.FAILED
    todo = sum(not one.item.closed for one in written.items)
    print(f"complete: {written.file}; {len(written.items)} action items, {todo} of them to be done")
    return Exit.PASSED


def _see_it_is_over(run: RunDir, command: str) -> None:
    if run.is_live:
        raise mistake(command, f"run {run.short} is under way", "wait until it has ended", "under-way")


def _file_option(run: RunDir, path: Path) -> str:
    return "" if path == run.path / NAME else f" --file {path}"


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content.decode())
    except OSError as error:
        raise mistake(str(path), f"the file cannot be written: {error.strerror}", "check the folder and its permissions",
                      "no-file") from None  # fmt: skip


# --- what a run gives


def _lived(kept: Stored, report: Report) -> Lived:
    told = happenings(kept.evidence, kept.drill)
    times = incident(kept.evidence)
    return Lived(report=report, incident=times, happenings=told, severity=_severity(told, report),
                 over_at=_over_at(report, times), runbooks=_runbooks(kept.evidence))  # fmt: skip


def _severity(told: Sequence[Happening], report: Report) -> str:
    """As it was set last, or as the drill has it."""
    set_ = [str(one.data.get("severity")) for one in told if one.activity == "incident.severity"]
    return (set_ or [report.severity])[-1]


def _over_at(report: Report, times: Incident) -> datetime:
    known = [times.milestones[name].at_s for name in ("verified", "recovered")]
    t_s = next((at_s for at_s in known if at_s is not None), report.duration_s)
    return datetime.fromisoformat(report.opened_at).astimezone(UTC) + timedelta(seconds=t_s)


def _runbooks(evidence: Evidence) -> tuple[str, ...]:
    pages = Alerting(evidence).deliveries
    return tuple(dict.fromkeys(link for page in pages for key in _RUNBOOKS if (link := page.annotations.get(key))))


def _case(run: RunDir, kept: Stored) -> Case:
    opened = kept.evidence.events[0].data
    about: dict[str, Value] = {
        "drill": kept.drill.name,
        "environment": str(opened["environment"]),
        "severity": kept.drill.head.severity,
        "control": kept.evidence.control,
    }
    return Case(run=run.id, about=about, happenings=happenings(kept.evidence, kept.drill))


# --- action items elsewhere


def _items_csv(written: ReviewFile) -> str:
    rows = [(one.item.what, _description(written, one), one.item.owner, one.item.due, "drill",
             "Done" if one.item.closed else "To Do", one.item.term, one.item.verified_by, one.item.finding,
             written.head.run) for one in written.items]  # fmt: skip
    return table_text(_ITEMS, ([None if one is None else str(one) for one in row] for row in rows))


def _items_json(written: ReviewFile) -> str:
    """With the names that GitHub's and Gitea's issues have, as far as they have one."""
    listed: list[dict[str, Any]] = []
    for one in written.items:
        item = one.item
        listed.append({
            "title": item.what, "body": _description(written, one), "assignees": [item.owner] if item.owner else [],
            "labels": ["drill"], "state": "closed" if item.closed else "open", "due": item.due and str(item.due),
            "closed": item.closed and str(item.closed), "term": item.term, "verified_by": item.verified_by,
            "finding": item.finding, "run": written.head.run,
        })  # fmt: skip
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _description(written: ReviewFile, one: Written) -> str:
    finding = one.item.finding
    answers = f"Answers the finding {finding} of run {written.head.run}" if finding else f"Run {written.head.run}"
    shown = f"; shown to be done by: {one.item.verified_by}" if one.item.verified_by else ""
    return f"{answers}{shown}."
