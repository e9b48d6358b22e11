"""A run tells itself where GitHub Actions shows it, and nowhere else; what cannot be written costs nothing."""

from pathlib import Path

import pytest

from drills import github
from drills.running import render
from tests.reports import specimen


def told(report, capsys: pytest.CaptureFixture[str], **environment: str) -> tuple[str, str]:
    github.tell(report, "en", environment)
    return capsys.readouterr()


def test_elsewhere_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = tmp_path / "summary"

    assert told(specimen.failing(), capsys, GITHUB_STEP_SUMMARY=str(summary)) == ("", "")
    assert not summary.exists()


def test_annotations_are_printed_and_the_summary_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary"
    summary.write_text("# before\n", encoding="utf-8")
    report = specimen.failing()
    out, err = told(report, capsys, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert out.encode() == render(report, "github", "en")
    assert summary.read_bytes() == b"# before\n" + render(report, "markdown", "en")
    assert err == ""


@pytest.mark.parametrize("taken", [1024 * 1024 - 200, 1024 * 1024])
def test_a_summary_never_grows_beyond_what_github_takes(
    taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary"
    summary.write_text("x" * taken, encoding="utf-8")
    told(specimen.failing(), capsys, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    added = summary.read_bytes()[taken:]

    assert taken <= summary.stat().st_size <= 1024 * 1024
    assert added == b"" if taken == 1024 * 1024 else added.endswith("…\n".encode())


def test_a_summary_that_cannot_be_written_is_told_and_nothing_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = told(
        specimen.passing(), capsys, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path / "no" / "file")
    )

    assert out.startswith("::notice")
    assert err.startswith("drills: the step's summary could not be written: ")
