"""An evidence pack: one zip that holds a run, its reports and the hash of each file, to be handed over and verified anywhere.

The same run gives the same bytes. Verifying needs nothing but the pack: its files against their hashes, the journal link
by link, what the run was made of against what its first line says, and then the run is judged again and must end as it
did. What no pack can show by itself is that it was not made anew as a whole; for that, its own hash is handed over by
another way.
"""

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from drills import journal, judging
from drills.errors import DrillError, Exit, mistake
from drills.reviewing import see_it_is_over, written_whole
from drills.rundir import RunDir
from drills.running import files
from reports import Report
from reports.exercise import after_action, evaluation

FORMAT = 1
_MANIFEST, _SUMS, _README = "manifest.json", "SHA256SUMS", "README.md"
_KEPT_OUT = ("lab", "acts")
"""What the lab's processes wrote, and letters that were taken in long ago: no evidence, and perhaps large."""
_PIECE = 1 << 20
_BYTES_MAX = 8 << 30
"""Of all files together when unpacked, against a zip that is a bomb."""
_ABOUT = """# Evidence pack of {run}

{headline}

| file | what it is |
|---|---|
| after-action.md, evaluation.csv | the after-action report with its improvement plan, and the evaluation guide, filled in |
| reports/ | the report as a page, Markdown, JSON, JUnit and plain text |
| run/journal.jsonl | every event of the run; each line's `link` is the hash of the one before it and of its own text |
| run/ | what the run was made of: drill, inventory, rubric, SOPs, plan; and the review, where there was one |
| manifest.json, SHA256SUMS | the hash of each file |

`sha256sum -c SHA256SUMS` checks the files, `drills verify PACK.zip` these, the journal and the verdict.
"""


class Found(NamedTuple):
    """One thing that was verified."""

    holds: bool | None
    """None when it could not be looked at."""
    what: str


def pack(run: RunDir, *, path: Path | None, language: str) -> Path:
    """Write the pack of a run that is over; pass where it is. Raises DrillError when the run cannot be judged."""
    see_it_is_over(run, "drills pack")
    report = judging.judge_run(run)
    path = path or Path(f"{run.id}.zip")
    with written_whole(path) as beside:
        beside.touch(mode=0o600)  # as private as the run's directory
        with beside.open("wb") as room:
            _write(room, _members(run, report, language), report)
        beside.replace(path)
    return path


def _members(run: RunDir, report: Report, language: str) -> Iterator[tuple[str, bytes | Path]]:
    """What goes in: its name, and its content or where that is."""
    yield _README, _ABOUT.format(run=report.run, headline=report.headline).encode()
    yield "after-action.md", after_action(report, language).encode()
    yield "evaluation.csv", evaluation(report, language).encode()
    reports = dict(files(report, language))
    yield from ((f"reports/{name}", content) for name, content in reports.items())
    for file in run.path.rglob("*"):
        inside = file.relative_to(run.path)
        if file.is_file() and not file.is_symlink() and inside.parts[0] not in _KEPT_OUT and str(inside) not in reports:
            yield f"run/{inside.as_posix()}", file


def _write(room: IO[bytes], members: Iterable[tuple[str, bytes | Path]], report: Report) -> None:
    when = (*datetime.fromisoformat(report.opened_at).timetuple()[:6],)
    with zipfile.ZipFile(room, "w") as archive:
        hashes = {name: _put(archive, name, source, when) for name, source in sorted(members, key=_name)}
        manifest = json.dumps(_manifest(report, hashes), indent=1, ensure_ascii=False) + "\n"
        _put(archive, _MANIFEST, manifest.encode(), when)
        _put(archive, _SUMS, "".join(f"{digest}  {name}\n" for name, digest in hashes.items()).encode(), when)


def _put(archive: zipfile.ZipFile, name: str, source: bytes | Path, when: tuple[int, ...]) -> str:
    """Pass the SHA-256 of what was put there; a long journal goes through piece by piece."""
    info = zipfile.ZipInfo(name, when)  # type: ignore[arg-type]
    info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
    hashed = hashlib.sha256()
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file, \
            archive.open(info, "w", force_zip64=True) as into:  # fmt: skip
        while piece := file.read(_PIECE):
            hashed.update(piece)
            into.write(piece)
    return hashed.hexdigest()


def _name(member: tuple[str, object]) -> str:
    return member[0]


def _manifest(report: Report, hashes: Mapping[str, str]) -> Mapping[str, object]:
    return {"format": FORMAT, "run": report.run, "drill": report.drill, "outcome": report.outcome,
            "score": report.score.points, "rubric_digest": report.score.rubric_digest, "versions": dict(report.versions),
            "journal": report.digests.get("journal", ""), "files": dict(hashes)}  # fmt: skip


def verify(path: Path) -> int:
    """Say what of a pack holds; 0 when all does, 1 when something does not, 3 when it could not be judged again.

    Raises DrillError when it is no pack.
    """
    found = list(_verified(path))
    for one in found:
        print(f"  {'holds' if one.holds else 'UNKNOWN' if one.holds is None else 'BROKEN':<8} {one.what}")
    print(f"sha256 of the pack   {_digest(path)}")
    if any(one.holds is False for one in found):
        return Exit.FAILED
    return Exit.PASSED if all(one.holds for one in found) else Exit.INCONCLUSIVE


def _verified(path: Path) -> Iterator[Found]:
    with tempfile.TemporaryDirectory(prefix="chaos-drills-pack-") as folder:
        manifest = _unpacked(path, Path(folder))
        broken = list(_broken_files(Path(folder), manifest["files"]))
        yield from (Found(False, one) for one in broken)
        if not broken:
            yield Found(True, f"{len(manifest['files'])} files are as they were packed")
        yield from _judged_again(RunDir(Path(folder) / "run"), manifest)


def _unpacked(path: Path, folder: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(one.file_size for one in archive.infolist()) > _BYTES_MAX:
                raise _no_pack(path, "it is too large when unpacked")
            for one in archive.infolist():
                inside = PurePosixPath(one.filename)
                if inside.is_absolute() or ".." in inside.parts:
                    raise _no_pack(path, f"it has a file `{one.filename}`")
                archive.extract(one, folder)
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise _no_pack(path, f"it has format {manifest['format']!r}, and this version reads {FORMAT}")
        return dict(manifest, files=dict(manifest["files"]))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise _no_pack(path, str(error) or type(error).__name__) from error


def _no_pack(path: Path, why: str) -> DrillError:
    return mistake(str(path), f"this is no evidence pack: {why}", "make one with drills pack RUN", "no-pack")


def _broken_files(folder: Path, hashes: Mapping[str, str]) -> Iterator[str]:
    there = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    sums = dict.fromkeys(there.pop(_SUMS).read_text(encoding="utf-8").splitlines()) if _SUMS in there else {}
    there.pop(_MANIFEST)
    for name, digest in hashes.items():
        if name not in there:
            yield f"{name} is missing"
        elif _digest(there[name]) != digest:
            yield f"{name} was changed after it was packed"
        if f"{digest}  {name}" not in sums:
            yield f"{_SUMS} does not say of {name} what the manifest says"
    yield from (f"{name} was added after it was packed" for name in there.keys() - hashes.keys())


def _judged_again(run: RunDir, manifest: Mapping[str, Any]) -> Iterator[Found]:
    try:
        last = journal.last_link(run.journal)
        count = sum(1 for _ in journal.events(run.journal))
        yield Found(last == manifest["journal"], f"the journal's {count} lines follow from one another, up to {last}")
        report = judging.judge_run(run)
    except DrillError as error:
        edited = any(one.slug == "journal-edited" for one in error.problems)
        yield Found(False if edited else None, "; ".join(one.what for one in error.problems))
        return
    except OSError as error:
        yield Found(False, f"the run cannot be read: {error}")
        return
    same = (report.outcome, report.score.points) == (manifest["outcome"], manifest["score"])
    then, now = (
        _ended(one) for one in ((manifest["outcome"], manifest["score"]), (report.outcome, report.score.points))
    )
    yield Found(
        same,
        f"judged again it ends as it did: {now}" if same else f"judged again it ends otherwise: {now}, and not {then}",
    )


def _ended(told: Sequence[object]) -> str:
    outcome, points = told
    return f"{outcome}, " + ("no score" if points is None else f"score {points}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
