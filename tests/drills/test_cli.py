"""The command line: what it answers, what it ends with, and that no mistake of a user ever shows a traceback."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from drills import __version__, cli, rundir
from drills.messages import MESSAGES
from tests.drills.writing import CACHE, Story, write
from tests.fakes import EPOCH

ROOT = Path(__file__).resolve().parent.parent.parent
INVENTORY = """
environment: lab
targets:
  cache: {tcp: {host: 127.0.0.1, port: 1}}
  cache-primary: {process: {match: "^no such process here$", supervised: true}}
"""
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAOS_DRILLS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("CHAOS_DRILLS_RUNS", str(tmp_path / "runs"))


def call(*words: str) -> int:
    """The command line, in this process; pass its exit code."""
    try:
        return cli.main(words)
    except SystemExit as ended:  # the way of argparse
        return int(str(ended.code))


def spawn(words: Sequence[str], **how: object) -> "subprocess.CompletedProcess[str]":
    """The command line, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run([sys.executable, "-m", "drills", *words], text=True, timeout=60, check=False, env=environment,
                          stderr=subprocess.PIPE, **how)  # type: ignore[call-overload,no-any-return]  # fmt: skip


# what is asked of it


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["-port", "1", "-help"]])
def test_the_words_after_proxy_are_the_proxys_own(words: list[str], capsys: Said) -> None:
    assert call("proxy", *words) == 0
    assert "-config string" in capsys.readouterr().out


def test_a_wrong_flag_of_the_proxy_is_told_in_the_manner_of_toxiproxy(capsys: Said) -> None:
    assert call("proxy", "--jitter") == 2
    assert capsys.readouterr().err.startswith("flag provided but not defined: -jitter\n")


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_it_says_its_version(word: str, capsys: Said) -> None:
    assert call(word) == 0
    assert capsys.readouterr().out == f"drills {__version__}\n"


def test_help_names_every_command_and_every_exit_code(capsys: Said) -> None:
    assert call("--help") == 0
    said = " ".join(capsys.readouterr().out.split())

    for command in ("lint", "schema", "plan", "run", "judge", "report", "runs", "heal", "abort", "explain", "proxy"):
        assert f" {command} " in said
    assert "0 passed, 1 failed, 2 usage or invalid drill, 3 inconclusive, 4 aborted and healed, 5 NOT healed" in said


@pytest.mark.parametrize(
    "words",
    [
        (), ("strike",), ("lint",), ("plan",), ("run",), ("judge",), ("report",), ("plan", "a", "b"), ("run", "--loud", "x"),
        ("schema", "house"), ("report", "x", "--language", "fr"), ("plan", "x", "--set"), ("explain", "a", "b"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_command_that_is_none_ends_with_2_and_its_usage(words: tuple[str, ...], capsys: Said) -> None:
    assert call(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: drills" in captured.err


def test_an_option_that_is_none_is_told_with_those_of_its_command(capsys: Said) -> None:
    assert call("heal", "--clutser") == 2
    said = capsys.readouterr().err
    assert said.startswith("usage: drills heal ")
    assert "drills heal: error: unrecognized arguments: --clutser" in said


@pytest.mark.parametrize("words", [("heal",), ("heal", "3f2a", "--all")])
def test_heal_wants_to_know_which(words: tuple[str, ...], capsys: Said) -> None:
    assert call(*words) == 2
    assert "[usage]" in capsys.readouterr().err


# mistakes


@pytest.mark.parametrize("command", ["judge", "report", "runs", "heal", "abort"])
@pytest.mark.parametrize("name", ["none", "last"])
def test_a_run_that_is_not_there_ends_with_2(command: str, name: str, capsys: Said) -> None:
    assert call(command, name) == 2
    assert f"there is no run `{name}`" in capsys.readouterr().err


def test_where_nothing_is_under_way_nothing_is_aborted(capsys: Said) -> None:
    assert call("abort") == 2
    assert "no runs are under way" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("lint", "none.yaml"), ("plan", "none.yaml"), ("run", "none.yaml"), ("lint", "empty")]
)
def test_a_file_that_is_not_there_ends_with_2(words: tuple[str, ...], tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "empty").mkdir()

    assert call(*words) == 2
    captured = capsys.readouterr()
    assert "[no-file]" in captured.out + captured.err
    assert not (tmp_path / "runs").exists(), "no run is kept"


def test_all_mistakes_of_all_drills_are_counted(tmp_path: Path, capsys: Said) -> None:
    """The mistake of an inventory that two drills share is one."""
    write(tmp_path, drill=CACHE + "severty: P1\n", inventory=INVENTORY + "  b: {tpc: 1}\n")
    (tmp_path / "other.yaml").write_text(CACHE + "rubric: none\n", encoding="utf-8")

    assert call("lint", ".") == 2
    said = capsys.readouterr().out
    assert said.endswith("\n3 problems in 3 files\n")
    assert said.count("[unknown-kind]") == 1


def test_what_has_no_mistakes_is_said_to_have_none(tmp_path: Path, capsys: Said) -> None:
    write(tmp_path, drill=CACHE, inventory=INVENTORY)

    assert call("lint", "drill.yaml") == 0
    assert capsys.readouterr().out == "1 drill, no problems\n"
    assert call("lint", ".", "drill.yaml") == 0
    assert capsys.readouterr().out == "2 drills, no problems\n"


def test_a_plan_that_cannot_be_is_told_and_ends_with_2(tmp_path: Path, capsys: Said) -> None:
    write(tmp_path, drill=CACHE, inventory=INVENTORY)

    assert call("plan", "drill.yaml") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("[no-target]\n\n1 problem\n")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_limit_with_a_mistake_is_told_at_its_option(tmp_path: Path, capsys: Said, command: str) -> None:
    write(tmp_path, drill=CACHE, inventory=INVENTORY)

    assert call(command, "drill.yaml", "--set", "failover.wihtin=3s") == 2
    assert "--set failover.wihtin=3s: failover has no setting `wihtin`" in capsys.readouterr().err


def test_a_bug_of_ours_shows_its_traceback_and_is_no_verdict(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    monkeypatch.setattr("drills.messages.explain", lambda _: 1 / 0)

    assert call("explain") == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_before_anything_was_done_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    def interrupted(_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("drills.messages.explain", interrupted)

    assert call("explain") == 4
    assert capsys.readouterr().err == "ended before anything was done\n"


# answers


def test_a_message_is_explained_by_its_name_with_or_without_brackets(capsys: Said) -> None:
    assert call("explain", "unknown-setting") == 0
    said = capsys.readouterr().out
    assert call("explain", "[unknown-setting]") == 0
    assert capsys.readouterr().out == said
    assert "No setting has this name" in said
    assert call("explain") == 0
    assert len(capsys.readouterr().out.splitlines()) == len(MESSAGES)
    assert call("explain", "unknwon-setting") == 2
    assert "did you mean `unknown-setting`?" in capsys.readouterr().err


def test_runs_are_listed_and_none_are_too(tmp_path: Path, capsys: Said) -> None:
    assert call("runs") == 0
    assert capsys.readouterr().out == "no runs are kept here\n"
    run = rundir.create(tmp_path / "runs", "x", EPOCH)
    Story(run.journal).end()
    assert call("runs") == 0
    assert capsys.readouterr().out.split() == [run.id, "died"]
    assert call("runs", "--runs", str(tmp_path / "elsewhere")) == 0
    assert capsys.readouterr().out == "no runs are kept here\n"


def test_healing_all_goes_on_after_one_that_cannot_be_healed(tmp_path: Path, capsys: Said) -> None:
    runs = []
    for n in range(3):
        run = rundir.create(tmp_path / "runs", f"x{n}", EPOCH)
        Story(run.journal).end()
        rundir.list_open(run)
        runs.append(run)
    runs[1].journal.write_bytes(b"edited\n")

    assert call("heal", "--all") == 5
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{runs[0].short}: nothing of it is left"
    assert said[1].startswith(f"{runs[1].short}: NOT healed")
    assert said[2] == f"{runs[2].short}: nothing of it is left"


def test_a_report_of_no_known_form_is_told(tmp_path: Path, capsys: Said) -> None:
    from tests.drills.test_judging import run_of, whole

    run = run_of(tmp_path / "runs", whole())

    assert call("report", run.short, "--format", "htm") == 2
    assert "did you mean `html`?" in capsys.readouterr().err


def test_a_stored_run_is_judged_shown_and_reported_with_its_exit_code(tmp_path: Path, capsys: Said) -> None:
    from tests.drills.test_judging import run_of, whole

    run = run_of(tmp_path / "runs", whole())

    assert call("judge", "3f2a") == 0
    assert "PASSED" in capsys.readouterr().out
    assert call("judge", "last", "--set", "failover.within=1s") == 1
    assert "FAILED" in capsys.readouterr().out
    assert call("runs", str(run.path)) == 0
    assert not (run.path / "report.html").exists()
    assert call("report", run.id) == 0
    assert {"report.html", "report.json", "report.md"} <= {path.name for path in run.path.iterdir()}
    assert "report.html" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["terminal", "html", "markdown", "json", "junit", "github"])
def test_to_print_a_report_writes_nothing(tmp_path: Path, capfd: Said, form: str) -> None:
    from tests.drills.test_judging import run_of, whole

    run = run_of(tmp_path / "runs", whole())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert call("report", run.short, "--format", form, "--language", "zh") == 0
    assert "通过" in capfd.readouterr().out
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_reports_that_cannot_be_written_are_told_and_can_be_printed(tmp_path: Path, capfd: Said) -> None:
    from tests.drills.test_judging import run_of, whole

    run = run_of(tmp_path / "runs", whole())
    (run.path / "report.html").mkdir()

    assert call("report", run.short) == 2
    assert "the reports cannot be written: Is a directory" in capfd.readouterr().err
    assert call("report", run.short, "--format", "terminal") == 0


# the terminal, and whoever reads


@pytest.mark.parametrize(
    "words", [("--version",), ("--help",), ("explain",), ("explain", "tab"), ("runs",), ("schema",), ("lint", "drill.yaml")],
    ids=" ".join,
)  # fmt: skip
def test_a_reader_who_has_gone_costs_no_traceback_and_no_verdict(tmp_path: Path, words: tuple[str, ...]) -> None:
    """As with `drills explain | head -1`."""
    write(tmp_path, drill=CACHE, inventory=INVENTORY)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = spawn(words, stdout=writing)
    finally:
        os.close(writing)

    assert done.stderr == ""
    assert done.returncode in (0, 2)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_a_terminal_that_lacks_a_sign_gets_its_number(encoding: str) -> None:
    code = ("import sys; from drills import cli; cli._schema = lambda _: print('缓存 · ▸ → 0') or 0; "
            "sys.exit(cli.main(['schema']))")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding})  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding) == "缓存 · ▸ → 0\n".encode(encoding, "backslashreplace").decode(encoding)


def test_nothing_heavy_is_imported_to_lint(tmp_path: Path) -> None:
    write(tmp_path, drill=CACHE, inventory=INVENTORY)
    code = ("import sys; from drills.cli import main; main(['lint', 'drill.yaml']); "
            "print([m for m in ('asyncio', 'rich', 'aiohttp', 'psutil', 'valkey', 'ssl') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip

    assert done.stdout.splitlines() == ["1 drill, no problems", "[]"], done.stderr


def test_a_package_that_stands_in_for_one_of_ours_is_told(tmp_path: Path) -> None:
    """Another distribution may bring one of the same name."""
    (tmp_path / "site" / "reports").mkdir(parents=True)
    (tmp_path / "site" / "reports" / "__init__.py").touch()
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from drills.cli import main; sys.exit(main(['runs']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip

    assert done.returncode == 2
    assert "[shadowed-package]" in done.stderr
    assert "Traceback" not in done.stderr
