"""An evidence pack holds a run for an auditor: complete, the same bytes each time, and telling of every change made to it."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from drills import pack
from drills.clock import SystemClock
from drills.journal import Journal
from drills.rundir import RunDir
from tests.drills.test_judging import run_of, whole
from tests.drills.writing import refusal


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    made = run_of(tmp_path / "runs", whole())
    (made.path / "review.md").write_text("---\nrun: x\n---\n", encoding="utf-8")
    (made.path / "lab").mkdir()
    (made.path / "lab" / "server.log").write_text("much\n", encoding="utf-8")
    return made


@pytest.fixture
def packed(run: RunDir, tmp_path: Path) -> Path:
    return pack.pack(run, path=tmp_path / "evidence.zip", language="en")


Change = Callable[[Path], object]
"""Something done to the folder of an unpacked pack."""


def changed(packed: Path, change: Change) -> Path:
    """The pack with something in it changed, zipped again by another hand."""
    folder = packed.parent / "open"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    change(folder)
    return Path(shutil.make_archive(str(packed.parent / "again"), "zip", folder))


def told(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = pack.verify(path)
    return code, [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_a_pack_holds_all_that_the_run_was_made_of_and_what_was_made_of_it(packed: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()

    assert names[-2:] == ["manifest.json", "SHA256SUMS"]
    assert {"run/journal.jsonl", "run/drill.yaml", "run/rubric.yaml", "run/review.md"} <= {*names}
    assert {"reports/report.html", "reports/report.json", "reports/junit.xml", "after-action.md", "evaluation.csv"} <= {
        *names
    }
    assert not any("lab" in name for name in names)


def test_the_same_run_gives_the_same_bytes(run: RunDir, packed: Path, tmp_path: Path) -> None:
    assert pack.pack(run, path=tmp_path / "second.zip", language="en").read_bytes() == packed.read_bytes()


def test_reports_that_lie_in_the_run_are_made_anew_and_not_kept_twice(
    run: RunDir, packed: Path, tmp_path: Path
) -> None:
    (run.path / "report.html").write_text("forged", encoding="utf-8")

    assert pack.pack(run, path=tmp_path / "second.zip", language="en").read_bytes() == packed.read_bytes()


def test_an_untouched_pack_holds(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = told(packed, capsys)

    assert code == 0
    assert [line.split()[0] for line in lines] == ["holds", "holds", "holds", "sha256"]
    assert "judged again it ends as it did: passed, score 100.0" in lines[2]


def test_the_sums_are_those_that_every_system_checks(packed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "open")
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "open", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "run/journal.jsonl: OK" in done.stdout


def _edit(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (_edit("after-action.md", "passed", "perfect"), "after-action.md was changed after it was packed"),
        (lambda folder: (folder / "run/review.md").unlink(), "run/review.md is missing"),
        (lambda folder: (folder / "run/more.txt").write_text("x"), "run/more.txt was added after it was packed"),
        (_edit("SHA256SUMS", "README.md", "LIESME.md"), "SHA256SUMS does not say of README.md what the manifest says"),
        (_edit("manifest.json", '"score": 100.0', '"score": 90.0'), "it ends otherwise: passed, score 100.0, and not"),
        (_edit("run/journal.jsonl", '"steady"', '"stable"'), "does not follow from the line before it"),
        (_edit("run/drill.yaml", "5s", "9s"), "run/drill.yaml was changed after it was packed"),
    ],
)  # fmt: skip
def test_every_change_is_told(change: Change, broken: str, packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = told(changed(packed, change), capsys)

    assert code == 1
    assert any(line.startswith("BROKEN") and broken in line for line in lines), lines


def test_a_journal_written_anew_with_its_sums_no_longer_fits_the_manifest(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever makes all of it anew can only be found out by the pack's own hash."""
    other = run_of(tmp_path / "other", whole("+" * 220))

    def change(folder: Path) -> None:
        shutil.copy(other.journal, folder / "run/journal.jsonl")
        manifest = json.loads((folder / "manifest.json").read_text())
        digest = pack._digest(other.journal)
        was, manifest["files"]["run/journal.jsonl"] = manifest["files"]["run/journal.jsonl"], digest
        (folder / "manifest.json").write_text(json.dumps(manifest))
        sums = folder / "SHA256SUMS"
        sums.write_text(sums.read_text().replace(was, digest))

    code, lines = told(changed(packed, change), capsys)
    assert code == 1
    assert any(line.startswith("BROKEN") and "follow from one another, up to" in line for line in lines)


def test_a_run_that_cannot_be_judged_here_is_unknown_and_not_broken(
    packed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a plugin that the drill needs is not installed."""
    from checks.catalog import CHECKS

    monkeypatch.setattr("checks.catalog.CHECKS", {name: at for name, at in CHECKS.items() if name != "failover"})
    code, lines = told(packed, capsys)

    assert code == 3
    assert any(line.startswith("UNKNOWN") and "failover" in line for line in lines)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"no zip"),
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: zipfile.ZipFile(path, "w").close(),
        lambda path: path.unlink(),
    ],
)
def test_what_is_no_pack_is_refused(spoil: Callable[[Path], object], packed: Path) -> None:
    spoil(packed)
    (problem,) = refusal(lambda: pack.verify(packed))

    assert problem.slug == "no-pack"


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
def test_a_pack_that_reaches_out_of_its_folder_is_refused(name: str, packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(name, "x")
    (problem,) = refusal(lambda: pack.verify(packed))

    assert (problem.slug, f"it has a file `{name}`" in problem.what) == ("no-pack", True)


def test_a_pack_that_would_fill_the_disk_is_refused(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "_BYTES_MAX", 1000)
    (problem,) = refusal(lambda: pack.verify(packed))

    assert "too large" in problem.what


def test_no_pack_is_made_of_a_run_that_is_under_way(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "2026-11-21T09-41-03Z-x-3f2a")
    run.path.mkdir()
    journal = Journal.create(run.journal, SystemClock())
    try:
        (problem,) = refusal(lambda: pack.pack(run, path=tmp_path / "x.zip", language="en"))
    finally:
        journal.close()

    assert problem.slug == "under-way"


def test_a_pack_that_cannot_be_written_leaves_nothing(
    run: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, "_put", full)
    (tmp_path / "out").mkdir()
    (problem,) = refusal(lambda: pack.pack(run, path=tmp_path / "out" / "x.zip", language="en"))

    assert "No space left on device" in problem.what
    assert [*(tmp_path / "out").iterdir()] == []
