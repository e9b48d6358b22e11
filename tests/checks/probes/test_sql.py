"""The SQL probe, against a real PostgreSQL server."""

import asyncio
import random
import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from checks import CannotLook, LeftBehind, Look, ReadsBack, Seen, TargetName, Watch
from checks.probes.sql import SqlDatabase, SqlProbe, _table
from tests.checks.probes.servers import Postgres, comes, postgres, wait_for
from tests.ports import free_port

ORDERS = TargetName("orders-db")
pytestmark = pytest.mark.real("PostgreSQL")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One cluster for all tests here; each leaves it running as a primary."""
    with postgres() as cluster:
        yield cluster


def at(server: Postgres, **other: object) -> SqlDatabase:
    return SqlDatabase(**server.login(**other))


async def look(watch: Watch, n: int, timeout_s: float = 5.0) -> Look:
    """A look as the sampler does it."""
    try:
        async with asyncio.timeout(timeout_s):
            return await watch.look(n)
    except OSError as error:
        return Look(Seen.BAD, str(error) or "no answer")


def look_at(address: SqlDatabase, **settings: object) -> Look:
    async def main() -> Look:
        async with SqlProbe(target=ORDERS, **settings).open(address, "m") as watch:  # type: ignore[arg-type]
            return await look(watch, 0)

    return asyncio.run(main())


def tables(server: Postgres) -> list[str]:
    return [row[0] for row in server.sql("select tablename from pg_tables where tablename like 'chaos%' order by 1")]


def connections(server: Postgres) -> int:
    return int(server.sql("select count(*) from pg_stat_activity where application_name = 'chaos-drills'")[0][0])


def no_connection_is_left(server: Postgres) -> None:
    """We have hung up; the server's process of a connection takes note of it a moment later."""
    wait_for(lambda: connections(server) == 0, "the end of all connections")


def test_a_database_that_answers_is_good(server: Postgres) -> None:
    assert look_at(at(server)) == Look(Seen.GOOD)


def test_a_url_says_the_same_as_its_parts(server: Postgres) -> None:
    assert look_at(SqlDatabase(url=f"postgresql://owner:secret@127.0.0.1:{server.port}/postgres")).seen is Seen.GOOD


def test_the_query_is_the_one_asked_for(server: Postgres) -> None:
    found = look_at(at(server), query="select count(*) from no_such_table")
    assert found.seen is Seen.BLIND
    assert "no_such_table" in found.why


def test_a_query_that_the_server_gives_up_on_is_bad(server: Postgres) -> None:
    found = look_at(at(server), query="select pg_sleep(9)", statement_timeout=timedelta(milliseconds=50))
    assert found == Look(Seen.BAD, "canceling statement due to statement timeout")


@pytest.mark.parametrize(
    ("login", "word"),
    [
        ({"password": "wrong-secret"}, "password authentication failed"),
        ({"user": "nobody-i-know"}, "authentication failed"),
        ({"dbname": "no_such_database"}, "does not exist"),
    ],
)
def test_a_refused_login_is_blind_and_tells_no_password(server: Postgres, login: dict[str, str], word: str) -> None:
    found = look_at(at(server, **login))
    assert found.seen is Seen.BLIND
    assert word in found.why
    assert "secret" not in found.why


def test_neither_an_address_nor_an_error_shows_the_password() -> None:
    address = SqlDatabase(url="owner:secret@127.0.0.1")
    assert "secret" not in repr(address) + repr(SqlDatabase(host="h", password="secret"))
    with pytest.raises(CannotLook) as caught:
        look_at(address)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_bad() -> None:
    assert look_at(SqlDatabase(host="127.0.0.1", port=free_port())) == Look(Seen.BAD, "connection refused")


def test_numbers_are_read_back_and_nothing_is_left(server: Postgres) -> None:
    async def main() -> list[int]:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "run_orders") as watch:
            assert isinstance(watch, ReadsBack)
            for n in (0, 7, 3_000_000_000):
                assert (await look(watch, n)).seen is Seen.GOOD
            assert tables(server) == ["chaos_drills_run_orders"]
            return sorted(await watch.read_back())

    assert asyncio.run(main()) == [0, 7, 3_000_000_000]
    assert tables(server) == []
    no_connection_is_left(server)


def test_a_probe_that_writes_nothing_makes_no_table(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS).open(at(server), "m") as watch:
            await look(watch, 0)
            assert not isinstance(watch, ReadsBack)
            assert tables(server) == []

    asyncio.run(main())


def test_what_dead_runs_left_is_dropped_after_a_day_and_not_before(server: Postgres) -> None:
    now_s = int(server.sql("select extract(epoch from now())::bigint")[0][0])
    for name, comment in {
        "old": f"chaos-drills since {now_s - 86_460}",
        "young": f"chaos-drills since {now_s - 86_000}",
        "strange": "not ours",
        "bare": None,
    }.items():
        server.sql(f"create table chaos_drills_{name} (n bigint)")
        if comment:
            server.sql(f"comment on table chaos_drills_{name} is '{comment}'")

    async def main() -> list[str]:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "new"):
            return tables(server)

    try:
        assert asyncio.run(main()) == [f"chaos_drills_{name}" for name in ("bare", "new", "strange", "young")]
    finally:
        for name in ("young", "strange", "bare"):
            server.sql(f"drop table chaos_drills_{name}")


def test_a_user_that_may_make_no_table_cannot_look(server: Postgres) -> None:
    server.sql("create role reader login password 'pw'")

    async def main() -> None:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server, user="reader", password="pw"), "m"):
            pass

    with pytest.raises(CannotLook, match="permission denied for schema public"):
        asyncio.run(main())
    assert look_at(at(server, user="reader", password="pw")).seen is Seen.GOOD


def test_a_lost_table_is_bad_and_holds_no_number(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "m") as watch:
            await look(watch, 0)
            server.sql("drop table chaos_drills_m")
            assert await look(watch, 1) == Look(Seen.BAD, "the table with the numbers is gone")
            assert list(await watch.read_back()) == []  # type: ignore[attr-defined]

    asyncio.run(main())


def test_names_of_tables_are_cut_by_nobody_else_and_stay_different() -> None:
    long = [_table("run_" + "x" * 60 + end) for end in ("a", "b")]
    assert long[0] != long[1]
    assert all(len(one) <= 63 for one in long)
    assert _table("3f2a_orders") == "chaos_drills_3f2a_orders"


def test_a_crash_is_bad_until_the_server_is_back_and_committed_numbers_are_there(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "crash") as watch:
            acknowledged = [n for n in range(20) if (await look(watch, n)).seen is Seen.GOOD]
            assert len(acknowledged) == 20
            together = [asyncio.create_task(look(watch, n)) for n in range(20, 28)]
            server.stop()
            assert {one.seen for one in await asyncio.gather(*together)} <= {Seen.GOOD, Seen.BAD}
            assert await look(watch, 30) == Look(Seen.BAD, "connection refused")
            await asyncio.to_thread(server.start)
            assert (await look(watch, 31)).seen is Seen.GOOD
            assert {*acknowledged, 31} <= set(await watch.read_back())  # type: ignore[attr-defined]

    asyncio.run(main())
    assert tables(server) == []


def test_what_cannot_be_removed_is_told(server: Postgres) -> None:
    async def main() -> None:
        with pytest.raises(LeftBehind, match="chaos_drills_stays stays until"):
            async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "stays"):
                server.stop()

    asyncio.run(main())
    server.start()
    server.sql("drop table chaos_drills_stays")


def test_a_server_in_recovery_is_bad_unless_any_will_do(server: Postgres) -> None:
    server.stop(signal.SIGINT)
    (server.folder / "data" / "standby.signal").touch()
    server.start()
    try:
        assert look_at(at(server)).seen is Seen.BAD
        assert "read-only" in look_at(at(server)).why
        assert look_at(at(server), role="any").seen is Seen.GOOD
    finally:
        server.sql("select pg_promote()")
    assert look_at(at(server)).seen is Seen.GOOD


def test_a_server_that_turns_read_only_is_bad(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS, write="numbered", connections=1).open(at(server), "m") as watch:
            await look(watch, 0)
            server.sql("alter system set default_transaction_read_only = on")
            server.sql("select pg_reload_conf()")
            try:
                await comes(lambda: server.sql("show default_transaction_read_only") == [("on",)], "the change")
                assert (await look(watch, 1)).seen is Seen.BAD
                assert (await look(watch, 2)).seen is Seen.BAD
            finally:
                writing = "-c default_transaction_read_only=off"
                server.sql("alter system reset default_transaction_read_only", options=writing)
                server.sql("select pg_reload_conf()")
            await comes(lambda: server.sql("show default_transaction_read_only") == [("off",)], "the change")
            assert (await look(watch, 3)).seen is Seen.GOOD

    asyncio.run(main())


def test_a_paused_server_leaves_looks_unanswered_and_giving_up_takes_no_time(server: Postgres) -> None:
    """The library would go on talking to the paused server for ten seconds when a query is cancelled."""

    async def main() -> None:
        async with SqlProbe(target=ORDERS, write="numbered").open(at(server), "m") as watch:
            await look(watch, 0)
            server.pause(signal.SIGSTOP)
            try:
                began = time.monotonic()
                together = await asyncio.gather(*(look(watch, n, 0.3) for n in range(1, 5)))
                assert {one.why for one in together} == {"no answer"}
                assert time.monotonic() - began < 5
            finally:
                server.pause(signal.SIGCONT)
            assert (await look(watch, 9)).seen is Seen.GOOD
            await comes(lambda: connections(server) == 1, "the end of the cancelled ones", 10)

    asyncio.run(main())
    no_connection_is_left(server)


def test_a_look_without_a_free_connection_is_blind(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS, query="select pg_sleep(0.3)", connections=2).open(at(server), "m") as watch:
            hanging = [asyncio.create_task(look(watch, n)) for n in range(2)]
            await asyncio.sleep(0)
            assert await look(watch, 2) == Look(Seen.BLIND, "all 2 connections are busy")
            assert {one.seen for one in await asyncio.gather(*hanging)} == {Seen.GOOD}

    asyncio.run(main())


def test_cancelled_looks_leak_no_connection(server: Postgres) -> None:
    async def main() -> None:
        dice = random.Random(3)
        async with SqlProbe(target=ORDERS, write="numbered", connections=4).open(at(server), "m") as watch:
            for n in range(60):
                going = asyncio.create_task(watch.look(n))
                for _ in range(dice.randrange(10)):
                    await asyncio.sleep(0)
                going.cancel()
                await asyncio.wait([going])
            together = await asyncio.gather(*(look(watch, 60 + n) for n in range(4)))
            assert {one.seen for one in together} == {Seen.GOOD}
            await comes(lambda: connections(server) == 4, "the end of the others", 10)

    asyncio.run(main())
    no_connection_is_left(server)


def test_a_connection_that_was_ended_between_two_looks_costs_no_look(server: Postgres) -> None:
    async def main() -> None:
        async with SqlProbe(target=ORDERS).open(at(server), "m") as watch:
            await look(watch, 0)
            server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chaos-drills'")
            await comes(lambda: connections(server) == 0, "the end of the connection")
            assert (await look(watch, 1)).seen is Seen.GOOD

    asyncio.run(main())


def test_a_missing_client_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(CannotLook, match=r'pip install "chaos-drills\[sql\]"'):
        look_at(SqlDatabase(host="127.0.0.1"))


@pytest.mark.parametrize(
    ("settings", "setting"),
    [({"write": "numbered", "query": "select 2"}, "query"), ({"write": "numbered", "role": "any"}, "role")],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        SqlProbe(target=ORDERS, **settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
    assert len(caught.value.args) == 3


@pytest.mark.parametrize("settings", [{}, {"url": "postgresql://h", "host": "h"}])
def test_an_address_is_found_in_one_way(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="found by"):
        SqlDatabase(**settings)
