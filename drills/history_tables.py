"""The tables of the history, the same in SQLite and PostgreSQL: their versions, and how a run becomes rows and rows a run."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from math import inf, isfinite
from typing import Any, Protocol

from checks import Measured
from reports.past import Accepted, Figure, PastCheck, PastDimension, PastRun

MIGRATIONS: Sequence[Sequence[str]] = (
    (
        """create table drills_runs (
            run text primary key, drill text not null, drill_digest text not null, rubric text not null,
            rubric_digest text not null, suite text not null, environment text not null, limits text not null,
            control integer not null, opened_at text not null, duration_s double precision not null,
            outcome text not null, score double precision, rating text not null, letter text not null,
            confidence double precision not null, versions text not null, host text not null, note text not null,
            accepted_by text, accepted_at text, accepted_reason text, accepted_anew integer)""",
        "create index drills_runs_by_drill on drills_runs (drill, opened_at)",
        """create table drills_dimensions (
            run text not null, place integer not null, name text not null, title text not null,
            points double precision, rating text not null, primary key (run, place))""",
        """create table drills_checks (
            run text not null, place integer not null, id text not null, kind text not null, title text not null,
            limits text not null, outcome text not null, primary key (run, place))""",
        """create table drills_figures (
            run text not null, place integer not null, name text not null, of_what text not null, title text not null,
            value double precision, low double precision, high double precision, unit text not null,
            why_not text not null, primary key (run, place))""",
    ),
)
"""What brings the tables from each version to the next; the first makes version 1 of nothing."""
_TABLES = ("drills_dimensions", "drills_checks", "drills_figures")


class HistoryTrouble(Exception):
    """The history cannot be read or written; the message is one line, without secrets, and says how to mend it."""


class Connection(Protocol):
    """What both kinds of connection can do."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Any:
        """Send one statement."""

    def executemany(self, sql: str, values: Sequence[Sequence[Any]], /) -> Any:
        """Send it once for each of these."""

    def close(self) -> None:
        """Hang up."""


_LOCK = 0x6472_696C  # "dril"


def migrate(connection: Connection, *, shared: bool, write: bool) -> None:
    """Bring the tables to this version; whoever only reads leaves them as they are, if this version can read them."""
    have = _version(connection, shared=shared)
    if shared and write and have < len(MIGRATIONS):
        connection.execute("select pg_advisory_xact_lock(?)", (_LOCK,))  # two that begin at once would both make them
        have = _version(connection, shared=shared)
    if have > len(MIGRATIONS):
        raise HistoryTrouble(
            f"the history has the version {have}, and this one of drills knows {len(MIGRATIONS)}: use a newer one"
        )
    if have == len(MIGRATIONS):
        return
    if not write:
        if have == 0:
            raise NothingYet
        raise HistoryTrouble(f"the history has the version {have}; the next run, or drills history import, brings it to "
                             f"{len(MIGRATIONS)}")  # fmt: skip
    if have == 0:
        connection.execute("create table drills_history (version integer not null)")
        connection.execute("insert into drills_history values (0)")
    for statements in MIGRATIONS[have:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("update drills_history set version = ?", (len(MIGRATIONS),))


class NothingYet(Exception):
    """There are no tables yet."""


def _version(connection: Connection, *, shared: bool) -> int:
    asked = "select count(*) from sqlite_master where type = 'table' and name = 'drills_history'"
    if shared:
        asked = "select count(*) from pg_catalog.pg_class where oid = to_regclass('drills_history')"
    if not connection.execute(asked).fetchone()[0]:
        return 0
    return int(connection.execute("select version from drills_history").fetchone()[0])


# --- rows


def put(connection: Connection, *, runs: Sequence[PastRun]) -> None:
    """Put these in, each instead of what was known of it."""
    for run in sorted(runs, key=lambda one: one.run):  # in one order, so that no two wait for each other
        _put_one(connection, run)


def _put_one(connection: Connection, run: PastRun) -> None:
    accepted = run.accepted
    values: dict[str, Any] = {
        "run": run.run, "drill": run.drill, "drill_digest": run.drill_digest, "rubric": run.rubric,
        "rubric_digest": run.rubric_digest, "suite": run.suite, "environment": run.environment, "limits": json.dumps(run.limits),
        "control": int(run.control), "opened_at": run.opened_at, "duration_s": run.duration_s, "outcome": run.outcome,
        "score": run.score, "rating": run.rating, "letter": run.letter, "confidence": run.confidence,
        "versions": json.dumps(dict(run.versions)), "host": run.host, "note": run.note,
        "accepted_by": accepted and accepted.by, "accepted_at": accepted and accepted.at,
        "accepted_reason": accepted and accepted.reason, "accepted_anew": accepted and int(accepted.anew),
    }  # fmt: skip
    update = ", ".join(f"{name} = excluded.{name}" for name in values)
    # First, since it keeps others from this run until all of it is there.
    _insert(connection, "drills_runs", [values], f" on conflict (run) do update set {update}")
    rows: dict[str, list[dict[str, Any]]] = {
        "drills_dimensions": [asdict(one) for one in run.dimensions],
        "drills_checks": [asdict(one) for one in run.checks],
        "drills_figures": [_figure_row(one) for one in run.figures],
    }
    for table, listed in rows.items():
        connection.execute(f"delete from {table} where run = ?", (run.run,))
        _insert(connection, table, [{"run": run.run, "place": place, **row} for place, row in enumerate(listed)])


def _figure_row(figure: Figure) -> dict[str, Any]:
    value = figure.value
    bounds = (
        {name: one if isfinite(one) else None for name, one in (("low", value.low), ("high", value.high))}
        if value
        else {}
    )
    return {"name": figure.name, "of_what": figure.of, "title": figure.title, "value": value and value.value, "low": None,
            "high": None, "unit": value.unit if value else "", "why_not": figure.why_not, **bounds}  # fmt: skip


def _insert(connection: Connection, table: str, rows: Sequence[dict[str, Any]], otherwise: str = "") -> None:
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        sql = f"insert into {table} ({', '.join(rows[0])}) values ({marks}){otherwise}"
        connection.executemany(sql, [[_storable(one) for one in row.values()] for row in rows])


def _storable(value: Any) -> Any:
    """PostgreSQL has no character of number 0 in a text, and neither database half of a pair."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def all_runs(connection: Connection, *, drill: str) -> list[PastRun]:
    """Those of a drill, or of all where it is empty, oldest first."""
    where, values = (" where drill = ?", [drill]) if drill else ("", [])
    runs = _rows(connection, f"select * from drills_runs{where} order by opened_at, run", values)
    parts = {table: defaultdict(list) for table in _TABLES}  # type: dict[str, defaultdict[str, list[dict[str, Any]]]]
    mine = f" where run in (select run from drills_runs{where})" if drill else ""
    for table in _TABLES:
        for row in _rows(connection, f"select * from {table}{mine} order by run, place", values):
            parts[table][row["run"]].append(row)
    return [_past(row, *(parts[table][row["run"]] for table in _TABLES)) for row in runs]


def _rows(connection: Connection, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    found = connection.execute(sql, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _past(row: dict[str, Any], dimensions: Sequence[dict[str, Any]], checks: Sequence[dict[str, Any]],
          figures: Sequence[dict[str, Any]]) -> PastRun:  # fmt: skip
    accepted = None
    if row["accepted_by"] is not None:
        accepted = Accepted(by=row["accepted_by"], at=row["accepted_at"], reason=row["accepted_reason"],
                            anew=bool(row["accepted_anew"]))  # fmt: skip
    own = {name: value for name, value in row.items() if not name.startswith("accepted_")}
    own |= {
        "limits": tuple(json.loads(row["limits"])),
        "versions": json.loads(row["versions"]),
        "control": bool(row["control"]),
    }
    return PastRun(**own, accepted=accepted, dimensions=tuple(PastDimension(**_without_place(one)) for one in dimensions),
                   checks=tuple(PastCheck(**_without_place(one)) for one in checks),
                   figures=tuple(_figure(one) for one in figures))  # fmt: skip


def _without_place(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("run", "place")}


def _figure(row: dict[str, Any]) -> Figure:
    value = None
    if row["value"] is not None:
        low, high = row["low"], row["high"]
        value = Measured(value=row["value"], low=-inf if low is None else low, high=inf if high is None else high,
                         unit=row["unit"])  # fmt: skip
    return Figure(name=row["name"], of=row["of_what"], title=row["title"], value=value, why_not=row["why_not"])
