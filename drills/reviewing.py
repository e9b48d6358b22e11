"""The review of a stored run, and the event log of one or of many: `drills review`, `drills export`."""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from checks import Evidence, Samples
from checks.incident import Incident
from checks.moments import incident
from drills import judging, review_file, review_rules
from drills.errors import DrillError, Exit, Problem, mistake
from drills.happenings import happenings
from drills.judging import Stored
from drills.review_file import ReviewFile, Written
from drills.rundir import RunDir
from reports import Report, looks
from reports.cells import table_text
from reports.event_log import Case, Happening, Value, to_csv, to_xes
from reports.review import Lived, People, draft, findings

NAME = judging.REVIEW
_GRADES = frozenset({"incident.severity", "chat.severity", "chat.sev", "chat.定级"})
_GRADE = re.compile(r"(?<![A-Z0-9])(?:P[0-4]|SEV-?[1-5])(?![A-Z0-9])")
_RUNBOOKS = ("runbook_url", "runbook")
_ITEMS = ("Summary", "Description", "Assignee", "Due Date", "Labels", "Status", "Term", "Verified by", "Finding", "Run")
"""As Jira's import calls them, and then our own."""


def review(run: RunDir, *, path: Path | None, today: date | None, language: str) -> int:
    """Draft the review of a run, or see what is still open in one that was drafted; pass the exit code."""
    path = path or run.path / NAME
    see_it_is_over(run, "drills review")
    kept = judging.stored(run)
    report = judging.judge_stored(run, kept)
    if not path.exists():
        _put_new(draft(_lived(kept, report), language), path)
        print(
            f"drafted   {path}\nfill it in, and see what is still open:   drills review {run.short}{_file_option(run, path)}"
        )
        return Exit.FAILED
    written = review_file.read(path)
    told = happenings(kept.evidence, kept.drill)
    asked = review_rules.Asked(run=run.id, findings=findings(report), names=People(told, language).names,
                               today=today or datetime.now().astimezone().date(), severity=_severity(told, report))  # fmt: skip
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
    nameless = [Problem(one.place("what"), f"action item {number} has no what", "say what will be done, or strike the item out",
                        "vague-item") for number, one in enumerate(written.items, 1)
                if not one.item.what or not review_file.says(one.item.what)]  # fmt: skip
    if written.problems or nameless:
        raise DrillError([*written.problems, *nameless])
    print(_items_csv(written) if form == "csv" else _items_json(written), end="")
    return Exit.PASSED


def export(runs: Sequence[RunDir], *, form: str, path: Path | None) -> int:
    """Write the event log of these runs, each of them a case, or all looks of their probes; or print it."""
    for run in runs:
        see_it_is_over(run, "drills export")
    counts: list[int] = []
    pieces = _PIECES[form](runs, counts)
    if path is None:
        _print_whole(pieces)
        return Exit.PASSED
    with written_whole(path) as beside:
        _put(pieces, beside)
        beside.replace(path)
    what = "looks" if form == "looks" else "events"
    print(f"{sum(counts)} {what} of {len(counts)} run{'' if len(counts) == 1 else 's'} in {path}")
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


def see_it_is_over(run: RunDir, command: str) -> None:
    """Raises DrillError while the run is under way."""
    if run.is_live:
        raise mistake(command, f"run {run.short} is under way", "wait until it has ended", "under-way")


def _file_option(run: RunDir, path: Path) -> str:
    return "" if path == run.path / NAME else f" --file {path}"


# --- files


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Where to write it, so that nobody ever sees half of it. Raises DrillError when it cannot be written."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        beside.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> DrillError:
    return mistake(
        str(path), f"the file cannot be written: {error.strerror}", "check the folder and its permissions", "no-file"
    )


def _put_new(text: str, path: Path) -> None:
    """Write a file that was not there when we looked; if somebody has written it meanwhile, it is theirs."""
    try:
        file = path.open("x", encoding="utf-8", newline="")
    except FileExistsError:
        raise mistake(str(path), "somebody wrote this file meanwhile", "see what is still open in it: do the same again",
                      "no-file") from None  # fmt: skip
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)  # half a draft is none
        raise _unwritable(path, error) from None


def _put(pieces: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def _print_whole(pieces: Iterable[str]) -> None:
    """Print all of it, or nothing when one of the runs does not read."""
    with tempfile.TemporaryFile() as file:
        file.writelines(piece.encode() for piece in pieces)
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)


# --- what a run gives


def _lived(kept: Stored, report: Report) -> Lived:
    told = happenings(kept.evidence, kept.drill)
    times = report.incident or incident(kept.evidence)
    return Lived(report=report, incident=times, happenings=told, severity=_severity(told, report),
                 over_at=_over_at(report, times), runbooks=_runbooks(kept.evidence))  # fmt: skip


def _severity(told: Sequence[Happening], report: Report) -> str:
    """As it was set last, or as the drill has it."""
    said = (str(one.data.get("severity") or "") if one.activity == "incident.severity" else one.text
            for one in told if one.activity in _GRADES)  # fmt: skip
    grades = [match[0].replace("-", "") for text in said if (match := _GRADE.search(text.upper()))]
    return (grades or [report.severity])[-1]


def _over_at(report: Report, times: Incident) -> datetime:
    known = [times.milestones[name].at_s for name in ("verified", "recovered")]
    t_s = next((at_s for at_s in known if at_s is not None), report.duration_s)
    return datetime.fromisoformat(report.opened_at).astimezone(UTC) + timedelta(seconds=t_s)


def _runbooks(evidence: Evidence) -> tuple[str, ...]:
    pages = (one for event in evidence.of("page.received") for one in event.data.get("alerts") or ())
    said = (one.get("annotations") or {} for one in pages)
    return tuple(dict.fromkeys(str(about[key]) for about in said for key in _RUNBOOKS if about.get(key)))


def _cases(runs: Iterable[RunDir], counts: list[int]) -> Iterator[Case]:
    """Run by run; of each it is noted how many events it has."""
    for run in runs:
        yield _counted(_case(run, judging.stored(run)), counts)


def _looks(runs: Iterable[RunDir], counts: list[int]) -> Iterator[tuple[str, list[Samples]]]:
    for run in runs:
        evidence = judging.stored(run).evidence
        probes = [evidence.samples(name) for name in evidence.probes]
        counts.append(sum(map(len, probes)))
        yield run.id, probes


_PIECES: Mapping[str, Callable[[Sequence[RunDir], list[int]], Iterator[str]]] = {
    "csv": lambda runs, counts: to_csv(_cases(runs, counts)),
    "xes": lambda runs, counts: to_xes(_cases(runs, counts)),
    "looks": lambda runs, counts: looks.to_csv(_looks(runs, counts)),
}
"""Each form, piece by piece; how much there is of each run is noted as it is written."""


def _counted(case: Case, counts: list[int]) -> Case:
    counts.append(len(case.happenings))
    return case


def _case(run: RunDir, kept: Stored) -> Case:
    opened = kept.evidence.events[0].data
    about: dict[str, Value] = {
        "drill": kept.drill.name,
        "environment": str(opened.get("environment") or ""),
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
