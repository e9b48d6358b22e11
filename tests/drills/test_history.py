"""The history of runs: the same in SQLite and PostgreSQL, with many who write at once, and when it is locked, broken or full."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from checks import Measured
from drills import cli, history, history_tables, remarks
from drills.errors import DrillError
from drills.history import History, at, past_of
from drills.history_tables import HistoryTrouble
from reports.past import Figure, NoReport, PastRun
from tests.checks.probes.servers import Postgres, postgres
from tests.drills.kept import kept, report, write
from tests.drills.writing import refusal
from tests.ports import free_port
from tests.reports.runs import ACCEPTED, past, seconds, share

ROOT = Path(__file__).resolve().parent.parent.parent
WRITER = """
import sys
from drills.history import at
from pathlib import Path
from tests.reports.runs import past
history = at(Path(sys.argv[1]), sys.argv[2] or None)
for number in range(int(sys.argv[3]), int(sys.argv[4])):
    history.enter([past(number)])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One cluster for all tests here."""
    with postgres() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def _no_history_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(history.VARIABLE, raising=False)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("PostgreSQL"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> History:
    """An empty history of each kind."""
    if request.param == "sqlite":
        return History(file=tmp_path / "history.sqlite3")
    return empty(request.getfixturevalue("server"))


def empty(server: Postgres) -> History:
    """A database without any table."""
    tables = ", ".join(["drills_history", "drills_runs", "drills_dimensions", "drills_checks", "drills_figures"])
    server.sql(f"drop table if exists {tables}")
    return History(url=url(server))


def url(server: Postgres, password: str = "secret") -> str:
    return f"postgresql://owner:{password}@127.0.0.1:{server.port}/postgres"


def rich(number: int = 0) -> PastRun:
    """A run with one of each thing that can be kept."""
    figures = (
        Figure(name="RTO", of="orders", title="service outage", value=seconds(2.0)),
        Figure(name="TTR", title="time to restore", value=Measured(value=3.0, low=3.0, high=inf, unit="s")),
        Figure(name="TTA", title="time to acknowledge", value=None, why_not="nobody was paged"),
        Figure(name="availability", of="orders", title="good looks", value=share(0.993)),
    )
    made = past(number, limits=("failover.within=3s", "alert.within=1m"), accepted=ACCEPTED, suite="standard@1", score=59.0,
                note="mit TLS, 带证书", host="runner-7")  # fmt: skip
    return replace(made, figures=figures)


# what is kept


def test_a_run_is_read_back_as_it_was_put_in(place: History) -> None:
    one, bare = rich(), past(1, None, score=None, control=True, dimensions=(), checks=(), versions={})
    place.enter([bare, one])

    assert place.runs() == [one, bare]


def test_a_run_that_is_judged_again_takes_the_place_of_what_it_was(place: History) -> None:
    place.enter([rich(), past(1)])
    again = replace(past(0, 9.0), checks=(), outcome="failed")
    place.enter([again])

    assert place.runs() == [again, past(1)]


def test_the_runs_of_a_drill_are_told_without_those_of_others(place: History) -> None:
    place.enter([past(0), past(1, drill="alert-storm"), past(2)])

    assert [one.run for one in place.runs("lose-the-primary")] == [past(0).run, past(2).run]
    assert place.runs("alert-storm") == [past(1, drill="alert-storm")]
    assert place.runs("alert-stor") == []


def test_a_history_that_was_never_written_to_is_empty_and_stays_untouched(place: History) -> None:
    assert place.runs() == []
    assert place.file is None or not place.file.exists()


def test_what_no_database_takes_is_kept_as_far_as_it_can_be(place: History) -> None:
    place.enter([past(note="nul \0, half \ud800 and 缓存")])

    assert place.runs()[0].note == "nul \ufffd, half ? and 缓存"


def test_more_runs_than_are_put_in_together_are_all_put_in(place: History) -> None:
    runs = [past(number) for number in range(45)]
    place.enter(runs)

    assert place.runs() == runs


# several at once


def test_processes_that_write_at_once_lose_nothing_and_make_the_tables_once(place: History, tmp_path: Path) -> None:
    """Four of them, none of which finds any table; two and two write the same runs."""
    said = place.url or str(place.file)
    words = [[sys.executable, "-c", WRITER, str(tmp_path), "", first, last]
             for first, last in (("0", "15"), ("10", "25"), ("0", "15"), ("10", "25"))]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), history.VARIABLE: said}
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda argv: subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120,
                                                         check=False, cwd=ROOT), words))  # fmt: skip

    assert [one.stderr for one in done] == [""] * 4
    assert place.runs() == [past(number) for number in range(25)]


def test_whoever_reads_meanwhile_sees_whole_runs(place: History) -> None:
    """A run that is replaced again and again has either all of its figures or all of the others."""
    both = [replace(past(0, float(n)), figures=tuple(Figure(name=f"f{at}", value=seconds(float(n))) for at in range(40)))
            for n in (1, 2)]  # fmt: skip
    place.enter([both[0]])
    with ThreadPoolExecutor() as pool:
        written = pool.submit(lambda: [place.enter([both[number % 2]]) for number in range(30)])
        seen = []
        while not written.done():
            seen += place.runs()
        written.result()

    assert seen
    assert all(one in both for one in seen)


# trouble


def trouble(act: History, *runs: PastRun) -> str:
    """What is said when these cannot be put in."""
    with pytest.raises(HistoryTrouble) as told:
        act.enter(list(runs) or [past()])
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_history_that_somebody_holds_is_waited_for_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_WAIT_S", 0.2)
    place = History(file=tmp_path / "h")
    place.enter([past()])
    holder = sqlite3.connect(tmp_path / "h", isolation_level=None)
    try:
        holder.execute("begin exclusive")
        assert trouble(place, past(1)) == f"{place} cannot be written: database is locked"
        with pytest.raises(HistoryTrouble, match="cannot be read: database is locked"):
            place.runs()
    finally:
        holder.close()

    place.enter([past(1)])
    assert place.runs() == [past(), past(1)]


def test_a_file_that_is_no_history_is_told_with_its_cure_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_text("this is a letter, and not a database; " * 100, encoding="utf-8")
    before = path.read_bytes()

    said = trouble(History(file=path))

    assert "file is not a database" in said
    assert said.endswith("move it away, and make it again: drills history import")
    assert path.read_bytes() == before


def test_a_history_whose_pages_are_spoilt_is_told(tmp_path: Path) -> None:
    place = History(file=tmp_path / "h")
    place.enter([past(number) for number in range(40)])
    spoilt = bytearray((tmp_path / "h").read_bytes())
    spoilt[4096:] = b"\xff" * (len(spoilt) - 4096)
    (tmp_path / "h").write_bytes(spoilt)

    with pytest.raises(HistoryTrouble, match=r"malformed.*drills history import"):
        place.runs()


FILLS = """
import signal, sys
from pathlib import Path
from drills.history import History
from tests.reports.runs import past
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
History(file=Path(sys.argv[1])).enter([past(number) for number in range(1, 400)])
"""


def test_a_disk_without_room_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    """A file may not grow beyond what it has, in a process of its own: that is what a full disk is to SQLite."""
    place = History(file=tmp_path / "h")
    place.enter([past()])
    size = (tmp_path / "h").stat().st_size
    done = subprocess.run([sys.executable, "-c", FILLS, str(place.file)], cwd=ROOT, capture_output=True, text=True, timeout=60,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, size + 8192)))  # fmt: skip

    assert "HistoryTrouble" in done.stderr
    assert "cannot be written: " in done.stderr
    assert past() in place.runs()


def test_a_new_file_is_for_its_user_only_and_one_that_is_shared_stays_so(tmp_path: Path) -> None:
    place = History(file=tmp_path / "h")
    place.enter([past()])
    assert (tmp_path / "h").stat().st_mode & 0o777 == 0o600

    (tmp_path / "h").chmod(0o664)
    place.enter([past(1)])
    assert (tmp_path / "h").stat().st_mode & 0o777 == 0o664


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert "cannot be written: " in trouble(History(file=tmp_path / "file" / "h"))


def test_a_folder_instead_of_a_file_is_told(tmp_path: Path) -> None:
    assert "cannot be written: unable to open database file" in trouble(History(file=tmp_path))


READ_ONLY = """
import os, sqlite3, sys, urllib.parse
from pathlib import Path
from drills.history import History
from drills.history_tables import HistoryTrouble
from tests.reports.runs import past
if os.getuid() == 0:  # whom nothing keeps from writing
    os.setuid(65534)
place = History(file=Path(sys.argv[1]))
print(len(place.runs()))
try:
    place.enter([past(1)])
except HistoryTrouble as told:
    print(told)
"""


def test_a_history_that_may_only_be_read_is_read_and_is_told_to_whoever_writes() -> None:
    """In a folder that any user can go into, as pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-drills-test-"))
    place = History(file=folder / "h")
    try:
        place.enter([past()])
        (folder / "h").chmod(0o444)
        folder.chmod(0o555)
        done = subprocess.run([sys.executable, "-c", READ_ONLY, str(place.file)], cwd=ROOT, capture_output=True, text=True,
                              timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)

    assert done.stdout.splitlines() == ["1", f"{place} cannot be written: attempt to write a readonly database"], (
        done.stderr
    )


@pytest.mark.real("PostgreSQL")
def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    said = trouble(History(url=f"postgresql://owner:sesame@127.0.0.1:{free_port()}/postgres"))

    assert "refused" in said
    assert "sesame" not in said


@pytest.mark.real("PostgreSQL")
def test_a_wrong_password_is_told_without_it(server: Postgres) -> None:
    said = trouble(History(url=url(server, "sesame")))

    assert "password authentication failed" in said
    assert "sesame" not in said


@pytest.mark.real("PostgreSQL")
def test_a_server_that_hangs_holds_nobody_up_for_long(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing more."""
    place = empty(server)
    monkeypatch.setattr(history, "_DEADLINE_S", 0.5)
    server.pause(signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert trouble(place).endswith("gave no answer within 0.5 s")
        assert time.monotonic() - began < 10
    finally:
        server.pause(signal.SIGCONT)


@pytest.mark.real("PostgreSQL")
def test_a_run_that_somebody_holds_is_waited_for_and_then_told(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    place = empty(server)
    place.enter([past()])
    monkeypatch.setattr(history, "_WAIT_S", 1)
    with psycopg.connect(**server.login()) as holder:
        holder.execute("select * from drills_runs for update")
        assert "timeout" in trouble(place, past())


@pytest.mark.parametrize("said", ["postgresql://[", "postgresql://host/name?no_such=1"])
def test_an_address_that_nobody_can_read_is_told(said: str) -> None:
    assert trouble(History(url=said)) == "the address is not of the form postgresql://USER@HOST:5432/NAME"


# versions


def test_the_tables_have_the_version_that_this_one_knows(place: History) -> None:
    place.enter([past()])
    place.enter([past(1)])

    assert version(place) == [(len(history_tables.MIGRATIONS),)]


def version(place: History) -> list[tuple[int]]:
    asked = "select version from drills_history"
    if place.file:
        connection = sqlite3.connect(place.file)
        try:
            return connection.execute(asked).fetchall()
        finally:
            connection.close()
    import psycopg

    with psycopg.connect(place.url) as shared:
        return shared.execute(asked).fetchall()


def test_version_1_is_brought_to_the_next_with_all_that_is_in_it(
    place: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever writes first; until then it is told, and not read wrongly."""
    monkeypatch.setattr(history_tables, "MIGRATIONS", history_tables.MIGRATIONS[:1])
    place.enter([past()])
    more = ("alter table drills_runs add column weather text", "update drills_runs set weather = 'fine'")
    monkeypatch.setattr(history_tables, "MIGRATIONS", (*history_tables.MIGRATIONS, more))

    with pytest.raises(
        HistoryTrouble, match="has the version 1; the next run, or drills history import, brings it to 2"
    ):
        place.runs()
    monkeypatch.setattr(history_tables, "_past", lambda row, *_: row)
    place.enter([past(1)])

    assert version(place) == [(2,)]
    assert [(row["run"], row["weather"]) for row in place.runs()] == [(past().run, "fine"), (past(1).run, None)]  # type: ignore[index]


def test_a_migration_that_breaks_off_leaves_the_version_before(place: History, monkeypatch: pytest.MonkeyPatch) -> None:
    place.enter([past()])
    one = history_tables.MIGRATIONS
    monkeypatch.setattr(
        history_tables, "MIGRATIONS", (*one, ("alter table drills_runs add column weather text", "nonsense"))
    )
    assert "nonsense" in trouble(place, past(1))
    monkeypatch.setattr(history_tables, "MIGRATIONS", one)

    assert version(place) == [(1,)]
    assert place.runs() == [past()]


def test_what_a_newer_version_made_is_left_alone(place: History, monkeypatch: pytest.MonkeyPatch) -> None:
    one = history_tables.MIGRATIONS
    monkeypatch.setattr(history_tables, "MIGRATIONS", (*one, ("alter table drills_runs add column weather text",)))
    place.enter([past()])
    monkeypatch.setattr(history_tables, "MIGRATIONS", one)

    assert "has the version 2, and this one of drills knows 1: use a newer one" in trouble(place, past(1))
    with pytest.raises(HistoryTrouble, match="use a newer one"):
        place.runs()


# where it is


def test_it_is_beside_the_runs_unless_one_says_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert at(tmp_path) == History(file=tmp_path / "history.sqlite3")
    monkeypatch.setenv(history.VARIABLE, "postgresql://ci@db/drills")
    assert at(tmp_path) == History(url="postgresql://ci@db/drills")
    assert at(tmp_path, "sqlite:////var/drills/h") == History(file=Path("/var/drills/h"))
    assert at(tmp_path, str(tmp_path / "h")) == History(file=tmp_path / "h")
    assert at(tmp_path, "none") is None


@pytest.mark.parametrize("said", ["postgresql://ci:sesame@db/drills", "postgresql://db/drills?user=ci&password=sesame"])
def test_a_password_belongs_into_the_variable_and_not_on_the_command_line(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = refusal(lambda: at(tmp_path, said))
    assert problem.slug == "bad-history"
    assert "sesame" not in str(problem)

    monkeypatch.setenv(history.VARIABLE, said)
    place = at(tmp_path)
    assert place is not None
    assert place.url == said
    assert "sesame" not in str(place)


def test_a_place_of_another_kind_is_refused(tmp_path: Path) -> None:
    (problem,) = refusal(lambda: at(tmp_path, "mysql://ci:sesame@db/drills"))

    assert problem.slug == "bad-history"
    assert "sesame" not in str(problem)


# what a directory tells


def test_a_directory_tells_all_that_the_history_keeps(tmp_path: Path) -> None:
    run = kept(tmp_path, 3, metrics={"RTO:orders": seconds(2.0), "TTA": None}, changed_limits=("failover.within=3s",))
    remarks.note(run, "with TLS")
    remarks.accept(run, ACCEPTED)

    found = past_of(run)

    assert (found.run, found.drill, found.host, found.note) == (run.id, "lose-the-primary", "here", "with TLS")
    assert found.accepted == ACCEPTED
    assert found.limits == ("failover.within=3s",)
    assert (found.figure("RTO:orders") or _none()).value == seconds(2.0)
    assert (found.figure("TTA") or _none()).value is None
    assert (found.figure("failover.outage") or _none()).value == Measured(value=2.03, low=2.01, high=2.05, unit="s")
    assert [one.outcome for one in found.checks] == ["passed"] * 7


def _none() -> Figure:
    raise AssertionError


def test_a_bound_that_there_is_none_of_stays_none(tmp_path: Path) -> None:
    endless = Measured(value=4.0, low=4.0, high=inf, unit="s")
    run = kept(tmp_path, metrics={"RTO:orders": endless})

    assert (past_of(run).figure("RTO:orders") or _none()).value == endless


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": "1"}', "null", '{"format": 1, "score": 3}']
)
def test_what_is_no_report_is_told_as_that(text: str, tmp_path: Path) -> None:
    run = kept(tmp_path)
    (run.path / "report.json").write_text(text, encoding="utf-8")

    with pytest.raises(NoReport):
        past_of(run)


def test_a_report_of_a_later_form_is_not_guessed_at(tmp_path: Path) -> None:
    run = kept(tmp_path)
    data = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    (run.path / "report.json").write_text(json.dumps({**data, "format": data["format"] + 1}), encoding="utf-8")

    with pytest.raises(NoReport, match="this version knows"):
        past_of(run)


def test_remarks_that_cannot_be_read_are_told_and_not_overwritten(tmp_path: Path) -> None:
    run = kept(tmp_path)
    (run.path / remarks.NAME).write_text('{"accepted": {"by": 1', encoding="utf-8")

    with pytest.raises(DrillError):
        remarks.note(run, "with TLS")
    assert (run.path / remarks.NAME).read_text(encoding="utf-8") == '{"accepted": {"by": 1'


def test_the_history_can_be_made_again_of_the_directories_alone(place: History, tmp_path: Path) -> None:
    runs = [kept(tmp_path / "runs", number, 2.0 + number / 10) for number in range(3)]
    remarks.accept(runs[1], ACCEPTED)
    place.enter([past_of(run) for run in runs])
    before = place.runs()
    write(runs[2], report(2, 9.0))
    place.enter([past_of(run) for run in runs])

    assert before[:2] == place.runs()[:2]
    assert (place.runs()[2].figure("RTO:orders") or _none()).value == seconds(9.0)


def test_the_commands_look_back_through_either_history(
    place: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Entered from one folder, looked at from another, where none of the runs is."""
    monkeypatch.setenv(history.VARIABLE, place.url or str(place.file))
    for number, rto in enumerate([2.0, 2.1, 1.9, 2.0, 2.0, 2.05, 3.0]):
        kept(tmp_path / "runs", number, rto)
    words = ["--runs", str(tmp_path / "runs")]
    assert cli.main(["history", "import", *words]) == 0
    assert cli.main(["accept", "0004", "--by", "mei", "--reason", "it is well", *words]) == 0
    monkeypatch.setenv("CHAOS_DRILLS_RUNS", str(tmp_path / "nowhere"))
    capsys.readouterr()

    assert [cli.main(["gate", one]) for one in ("0005", "0006")] == [0, 1]
    assert cli.main(["trend", "lose-the-primary", "--format", "json"]) == 0
    assert cli.main(["compare", "0000", "0006"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert '"by": "mei"' in said.out
    assert not (tmp_path / "nowhere").exists()
