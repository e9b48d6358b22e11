"""The history of runs: an index over their reports, in SQLite beside them, or in a PostgreSQL database that many share.

It is never the only place of anything: all of it is in the runs' directories, and can be made of them again. So nothing that
goes wrong with it may cost a run its report or its exit code.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from drills import remarks
from drills.errors import mistake
from drills.history_tables import Connection, HistoryTrouble, NothingYet, all_runs, migrate, put
from drills.redaction import redacted
from drills.rundir import RunDir
from reports.past import NoReport, PastRun
from reports.past import read as read_report

VARIABLE = "CHAOS_DRILLS_HISTORY"
FILE = "history.sqlite3"
"""In the folder of the runs: it moves, is cached and is thrown away with them, and runs of two projects never mix."""
NONE = "none"
_WAIT_S = 5.0
"""How long somebody else's writing is waited for, and how long a server's answer."""
_DEADLINE_S = 15.0
"""After this nothing is waited for any more, whatever it hangs on."""

_AT_ONCE = 20
"""Runs that are put in together."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class History:
    """Where it is: a SQLite file, or the address of a PostgreSQL database."""

    file: Path | None = None
    url: str = ""

    def __str__(self) -> str:
        return str(self.file) if self.file else redacted(self.url)

    def enter(self, runs: Sequence[PastRun]) -> None:
        """Put runs in, each instead of what was known of it. Raises HistoryTrouble."""
        for start in range(0, len(runs), _AT_ONCE):
            self._within(partial(put, runs=runs[start : start + _AT_ONCE]), write=True)

    def runs(self, drill: str = "") -> list[PastRun]:
        """Those of a drill, or all, oldest first; none where there is no history yet. Raises HistoryTrouble."""
        if self.file and not self.file.exists():
            return []
        try:
            return self._within(partial(all_runs, drill=drill), write=False)
        except NothingYet:
            return []

    def _within(self, act: Callable[[Connection], T], *, write: bool) -> T:
        """Do it in one transaction, in a thread that is left behind when it hangs: on a dead server, on a lost disk."""
        done: list[T] = []
        broke: list[BaseException] = []

        def work() -> None:
            try:
                with self._open(write=write) as connection:
                    done.append(act(connection))
            except BaseException as error:  # noqa: BLE001 - told by whoever waits
                broke.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(_DEADLINE_S)
        if broke:
            raise self._told(broke[0], write=write)
        if thread.is_alive() or not done:
            raise HistoryTrouble(f"{self} gave no answer within {_DEADLINE_S:g} s")
        return done[0]

    @contextmanager
    def _open(self, *, write: bool) -> "Iterator[Connection]":
        connection = _sqlite(self.file, write=write) if self.file else _postgres(self.url)
        try:
            begin = "begin immediate" if write else "begin"  # whoever writes waits at once, and not halfway
            connection.execute(begin if self.file else "begin" if write else "begin isolation level repeatable read")
            migrate(connection, shared=self.file is None, write=write)
            yield connection
            connection.execute("commit")
        finally:
            connection.close()  # what was not committed is taken back by that

    def _told(self, error: BaseException, *, write: bool) -> BaseException:
        """What is told of an error; a bug of ours stays one."""
        import sqlite3

        if isinstance(error, HistoryTrouble):
            return error
        if not isinstance(error, OSError | sqlite3.Error) and not _of_psycopg(error):
            return error
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]  # libpq never tells a password
        cure = ""
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            cure = "; move it away, and make it again: drills history import"
        return HistoryTrouble(f"{self} cannot be {'written' if write else 'read'}: {first}{cure}")


def at(root: Path, given: str | None = None) -> History | None:
    """The history that is meant: `--history`, or the variable, or the file beside the runs. None when none shall be kept.

    Raises DrillError when what was said is no place of one.
    """
    said = given or os.environ.get(VARIABLE, "")
    if not said:
        return History(file=root.absolute() / FILE)
    if said == NONE:
        return None
    if re.match(r"postgres(ql)?://", said):
        if given and re.match(r"\w+://[^/@]*:[^/@]+@|.*[?&]password=", given):
            raise mistake("--history", "a password on the command line can be read by everybody on this host",
                          f"put the address into ${VARIABLE}, or the password into ~/.pgpass", "bad-history")  # fmt: skip
        return History(url=said)
    path = said.removeprefix("sqlite:///")
    if "://" in path:
        raise mistake("--history" if given else VARIABLE, f"there is no history at `{redacted(said)}`",
                      f"give a file, postgresql://USER@HOST/NAME, or `{NONE}`", "bad-history")  # fmt: skip
    return History(file=Path(path).expanduser().absolute())


def past_of(run: RunDir) -> PastRun:
    """A run as its own directory tells of it. Raises NoReport, or DrillError when the remarks on it cannot be read."""
    try:
        data = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoReport(f"its report cannot be read: {error}") from error
    said = remarks.read(run)
    return read_report(data, host=_host(run), note=said.note, accepted=said.accepted)


def _host(run: RunDir) -> str:
    """As the first line of the journal has it; empty when it has none."""
    try:
        with run.journal.open(encoding="utf-8") as file:
            return str(json.loads(file.readline(1_000_000))["data"].get("host", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""


# --- the databases


def _sqlite(path: Path, *, write: bool) -> Connection:
    import sqlite3
    from urllib.parse import quote

    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # for its user only, as the runs' directories are
            os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o600))
    # With a journal file and no write-ahead log: that would leave two more files, and does not work on network disks.
    mode = "rwc" if write else "rw"  # a reader, too, must be able to take back what a writer that died had begun
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=_WAIT_S, isolation_level=None)


class _Postgres:
    """A connection to PostgreSQL that takes statements as SQLite does."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """Send one statement."""
        return self._connection.execute(sql.replace("?", "%s"), tuple(values) or None)

    def executemany(self, sql: str, values: Sequence[Sequence[Any]], /) -> Any:
        """Send it once for each of these, without waiting for each answer."""
        self._connection.cursor().executemany(sql.replace("?", "%s"), values)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _postgres(url: str) -> Connection:
    try:
        import psycopg
    except ImportError:
        raise HistoryTrouble('a history in PostgreSQL needs its client: pip install "chaos-drills[sql]"') from None
    from psycopg.conninfo import conninfo_to_dict

    try:
        told: dict[str, Any] = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:  # its message may hold the password
        raise HistoryTrouble("the address is not of the form postgresql://USER@HOST:5432/NAME") from None
    limits = f"-c statement_timeout={_WAIT_S * 1000:.0f} -c lock_timeout={_WAIT_S * 1000:.0f}"
    told["options"] = f"{told.get('options') or ''} {limits}".strip()
    told = {"connect_timeout": round(_WAIT_S), "application_name": "chaos-drills", **told}
    return _Postgres(psycopg.connect(**told, autocommit=True))


def _of_psycopg(error: BaseException) -> bool:
    import sys

    known: Any = sys.modules.get("psycopg")
    return known is not None and isinstance(error, known.Error)
