"""The Valkey probe, against real servers and sentinels."""

import asyncio
import random
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from checks import CannotLook, LeftBehind, Look, ReadsBack, Seen, TargetName, Watch
from checks import valkey_service as service_module
from checks.probes import valkey as probing
from checks.probes.valkey import ValkeyProbe, ValkeyService, _numbers
from tests.checks.probes.servers import Server, Service, certificate, comes, sentinel, valkey, valkey_service, wait_for
from tests.ports import free_port

CACHE = TargetName("cache")
pytestmark = pytest.mark.real("Valkey")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentinel, or one of the servers that they name, is not given up because this machine has other things to do."""
    monkeypatch.setattr(service_module, "_SENTINEL_S", 3.0)
    monkeypatch.setattr(probing, "_SPLIT_S", 3.0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tests only read from, or write to under a mark of their own."""
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def at(server: Server, **other: object) -> ValkeyService:
    return ValkeyService(host="127.0.0.1", port=server.port, **other)  # type: ignore[arg-type]


def under(service: Service) -> ValkeyService:
    return ValkeyService(sentinels=tuple(f"127.0.0.1:{one.port}" for one in service.sentinels), service=service.name)


async def look(watch: Watch, n: int, timeout_s: float = 10.0) -> Look:
    """A look as the sampler does it: silence and an unreachable system are bad."""
    try:
        async with asyncio.timeout(timeout_s):
            return await watch.look(n)
    except OSError as error:
        return Look(Seen.BAD, str(error) or "no answer")


def looks(probe: ValkeyProbe, address: ValkeyService, *numbers: int) -> list[Look]:
    async def main() -> list[Look]:
        async with probe.open(address, "m") as watch:
            return [await look(watch, n) for n in numbers]

    return asyncio.run(main())


def test_a_primary_that_answers_is_good(shared: Server) -> None:
    assert [one.seen for one in looks(ValkeyProbe(target=CACHE), at(shared), 0, 1)] == [Seen.GOOD, Seen.GOOD]


def test_a_url_says_the_same_as_host_and_port(shared: Server) -> None:
    address = ValkeyService(url=f"valkey://127.0.0.1:{shared.port}/3")
    assert looks(ValkeyProbe(target=CACHE), address, 0)[0].seen is Seen.GOOD
    assert address.login()["db"] == 3


def test_a_server_that_is_not_there_is_unreachable() -> None:
    async def main() -> None:
        async with ValkeyProbe(target=CACHE).open(ValkeyService(host="127.0.0.1", port=free_port()), "m") as watch:
            with pytest.raises(ConnectionRefusedError):
                await watch.look(0)

    asyncio.run(main())


def test_numbers_are_read_back_as_they_were_acknowledged(shared: Server) -> None:
    """Edges of bytes, and far apart: the number of the millionth look."""
    numbers = [0, 1, 7, 8, 63, 64, 999_999]

    async def main() -> list[int]:
        async with ValkeyProbe(target=CACHE, write="numbered").open(at(shared), "numbers") as watch:
            assert isinstance(watch, ReadsBack)
            assert list(await watch.read_back()) == []
            for n in numbers:
                assert (await look(watch, n)).seen is Seen.GOOD
            return sorted(await watch.read_back())

    assert asyncio.run(main()) == numbers


def test_every_bitmap_gives_the_numbers_that_made_it() -> None:
    chosen = sorted(random.Random(7).sample(range(5000), 900))
    bits = bytearray(625)
    for n in chosen:
        bits[n // 8] |= 0x80 >> n % 8
    assert _numbers(bytes(bits)) == chosen


def test_a_million_numbers_are_read_back_within_a_second() -> None:
    began = time.thread_time()
    assert len(_numbers(b"\xff" * 125_000)) == 1_000_000
    assert time.thread_time() - began < 1


def test_a_probe_that_writes_nothing_reads_nothing_back(shared: Server) -> None:
    async def main() -> bool:
        async with ValkeyProbe(target=CACHE).open(at(shared), "m") as watch:
            return isinstance(watch, ReadsBack)

    assert asyncio.run(main()) is False


def test_what_it_writes_carries_the_mark_has_a_lease_and_is_gone_at_the_end(tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        async with ValkeyProbe(target=CACHE, write="numbered").open(at(server), "run_orders") as watch:
            await look(watch, 3)
            assert "chaos_drills:run_orders" in server.ask("KEYS", "*")
            assert 86_000 < int(server.ask("TTL", "chaos_drills:run_orders")[1:]) <= 86_400
        assert server.ask("KEYS", "*") == "*0\r\n"
        await comes(lambda: server.clients() == 0, "the end of all connections")

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        with pytest.raises(LeftBehind, match="chaos_drills:m stays for a day"):  # noqa: PT012 - leaving is the claim
            async with ValkeyProbe(target=CACHE, write="numbered").open(at(server), "m") as watch:
                await look(watch, 0)
                server.kill()

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


def test_an_error_of_the_run_is_not_hidden_by_what_stays(tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        with pytest.raises(KeyError) as caught:  # noqa: PT012 - leaving is the claim
            async with ValkeyProbe(target=CACHE, write="numbered").open(at(server), "m") as watch:
                await look(watch, 0)
                server.kill()
                raise KeyError("the run's own")
        assert "chaos_drills:m stays" in caught.value.__notes__[0]

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


def test_a_replica_is_no_primary(tmp_path: Path, shared: Server) -> None:
    with valkey(tmp_path, "--replicaof", f"127.0.0.1 {shared.port}") as replica:
        wait_for(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "the link")
        assert looks(ValkeyProbe(target=CACHE), at(replica), 0) == [Look(Seen.BAD, "this server is a replica")]
        assert looks(ValkeyProbe(target=CACHE, role="any"), at(replica), 0)[0].seen is Seen.GOOD


def test_a_write_to_a_replica_is_bad_and_says_readonly(tmp_path: Path, shared: Server) -> None:
    async def main(replica: Server) -> Look:
        with pytest.raises(LeftBehind):  # and the replica will not have the key removed either
            async with ValkeyProbe(target=CACHE, write="numbered").open(at(replica), "m") as watch:
                seen.append(await look(watch, 0))
        return seen[0]

    seen: list[Look] = []
    with valkey(tmp_path, "--replicaof", f"127.0.0.1 {shared.port}") as replica:
        wait_for(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "the link")
        assert asyncio.run(main(replica)) == Look(Seen.BAD, "READONLY: this server is a replica")


def test_a_replica_without_its_primary_is_bad_where_stale_data_is_refused(tmp_path: Path) -> None:
    with valkey(tmp_path, "--replicaof", f"127.0.0.1 {free_port()}", "--replica-serve-stale-data", "no") as replica:
        (seen,) = looks(ValkeyProbe(target=CACHE, role="any"), at(replica), 0)
    assert seen == Look(Seen.BAD, "MASTERDOWN: this replica has lost its primary")


def test_a_server_that_is_loading_is_bad(tmp_path: Path) -> None:
    slow = ("--key-load-delay", "100000", "--loading-process-events-interval-bytes", "1024")
    with valkey(tmp_path, "--rdbcompression", "no") as first:
        for n in range(60):
            first.ask("SET", f"k{n}", "x" * 200)
        first.ask("SAVE")
    with valkey(tmp_path, *slow) as server:
        assert looks(ValkeyProbe(target=CACHE), at(server), 0) == [
            Look(Seen.BAD, "LOADING: the server is loading its data")
        ]


@pytest.mark.parametrize("password", ["", "wrong-secret"])
def test_a_refused_login_is_blind_and_tells_no_password(tmp_path: Path, password: str) -> None:
    with valkey(tmp_path, "--requirepass", "right-secret") as server:
        (seen,) = looks(ValkeyProbe(target=CACHE), at(server, password=password), 0)
        assert seen.seen is Seen.BLIND
        assert "login" in seen.why
        assert "secret" not in seen.why
        assert looks(ValkeyProbe(target=CACHE), at(server, password="right-secret"), 0)[0].seen is Seen.GOOD


def test_an_address_shows_no_password() -> None:
    one = ValkeyService(url="valkey://u:secret@h:1")
    other = ValkeyService(host="h", password="secret", sentinel_password="secret")
    assert "secret" not in repr(one) + repr(other)


def test_a_user_that_may_not_look_is_blind(tmp_path: Path) -> None:
    with valkey(tmp_path) as server:
        server.ask("ACL", "SETUSER", "li", "on", ">pw", "~*", "+get")
        (seen,) = looks(ValkeyProbe(target=CACHE), at(server, username="li", password="pw"), 0)
        assert seen.seen is Seen.BLIND
        assert "may not look" in seen.why
        assert (
            looks(ValkeyProbe(target=CACHE, role="any"), at(server, username="li", password="pw"), 0)[0].seen
            is Seen.GOOD
        )


def test_a_write_that_too_few_replicas_have_is_bad(shared: Server) -> None:
    probe = ValkeyProbe(target=CACHE, write="numbered", replicas=9, replicas_within=timedelta(milliseconds=10))
    (seen,) = looks(probe, at(shared), 0)
    assert seen.seen is Seen.BAD
    assert seen.why.startswith("acknowledged by ")
    assert seen.why.endswith(" of 9 replicas")


def test_a_connection_that_was_closed_between_two_looks_costs_no_look(shared: Server) -> None:
    async def main() -> list[Look]:
        async with ValkeyProbe(target=CACHE).open(at(shared), "m") as watch:
            first = await look(watch, 0)
            shared.ask("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.05)  # until the hang-up has reached us
            return [first, await look(watch, 1)]

    assert [one.seen for one in asyncio.run(main())] == [Seen.GOOD, Seen.GOOD]


@pytest.mark.parametrize("write", ["none", "numbered"])
def test_one_look_is_one_try(write: str) -> None:
    """A server that hangs up on every command must be called exactly once a look."""
    calls = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read(100)
        writer.close()

    async def main() -> list[Look]:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            address = ValkeyService(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            watch_ = ValkeyProbe(target=CACHE, write=write).open(address, "m")  # type: ignore[arg-type]
            watch = await watch_.__aenter__()
            seen = [await look(watch, n) for n in range(5)]
            before = calls
            assert before == 5
            with pytest.raises(LeftBehind) if write == "numbered" else _nothing():
                await watch_.__aexit__(None, None, None)
            return seen

    assert {(one.seen, one.why) for one in asyncio.run(main())} == {(Seen.BAD, "connection closed by the server")}


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def test_a_server_that_speaks_something_else_is_bad() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-hello\r\n" * 5)
        try:
            await reader.read()
        finally:
            writer.close()

    async def main() -> Look:
        async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
            address = ValkeyService(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
            async with ValkeyProbe(target=CACHE).open(address, "m") as watch:
                return await look(watch, 0)

    assert asyncio.run(main()).seen is Seen.BAD


def test_tls_is_spoken_with_servers_that_can_be_trusted_only(tmp_path: Path) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"ROLE\r\n"):
                writer.write(b"$-1\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        writer.close()

    async def main() -> None:
        chain, key = certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, key)
        async with await asyncio.start_server(speak, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            trusting = ValkeyService(url=f"valkeys://127.0.0.1:{port}", ca=str(chain))
            async with ValkeyProbe(target=CACHE).open(trusting, "m") as watch:
                assert await look(watch, 0) == Look(Seen.GOOD)
            doubting = ValkeyService(host="127.0.0.1", port=port, tls=True)
            async with ValkeyProbe(target=CACHE).open(doubting, "m") as watch:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await watch.look(0)
            await asyncio.sleep(0.05)

    asyncio.run(main())


def test_a_look_without_a_free_connection_is_blind(tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        async with ValkeyProbe(target=CACHE, connections=3).open(at(server), "m") as watch:
            server.signal(signal.SIGSTOP)
            hanging = [asyncio.create_task(look(watch, n, 5)) for n in range(3)]
            await asyncio.sleep(0)
            assert await look(watch, 3) == Look(Seen.BLIND, "all 3 connections are busy")
            server.signal(signal.SIGCONT)
            assert {one.seen for one in await asyncio.gather(*hanging)} == {Seen.GOOD}
            assert (await look(watch, 4)).seen is Seen.GOOD

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("write", ["none", "numbered"])
def test_cancelled_looks_leak_no_connection(tmp_path: Path, write: str) -> None:
    """Looks are cancelled at whatever await they happen to be in; then all connections must be free again."""

    async def main(server: Server) -> None:
        dice = random.Random(3)
        probe = ValkeyProbe(target=CACHE, write=write, connections=8)  # type: ignore[arg-type]
        async with probe.open(at(server), "m") as watch:
            for n in range(300):
                going = asyncio.create_task(watch.look(n))
                for _ in range(dice.randrange(12)):
                    await asyncio.sleep(0)
                going.cancel()
                await asyncio.wait([going])
            together = await asyncio.gather(*(look(watch, 300 + n) for n in range(8)))
            assert {one.seen for one in together} == {Seen.GOOD}
            await comes(lambda: server.clients() == 8, "the end of the others")
        await comes(lambda: server.clients() == 0, "the end of all connections")

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


def test_a_stopped_server_leaves_looks_unanswered_and_no_connection_behind(tmp_path: Path) -> None:
    async def main(server: Server) -> None:
        async with ValkeyProbe(target=CACHE, write="numbered").open(at(server), "m") as watch:
            await look(watch, 0)
            server.signal(signal.SIGSTOP)
            assert {one.why for one in await asyncio.gather(*(look(watch, n, 0.2) for n in range(1, 9)))} == {
                "no answer"
            }
            server.signal(signal.SIGCONT)
            assert (await look(watch, 9)).seen is Seen.GOOD
            await comes(lambda: server.clients() == 1, "the end of the cancelled ones")

    with valkey(tmp_path) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("blow", ["kill", "pause", "hand over"])
def test_looks_go_on_at_the_new_primary_and_acknowledged_numbers_are_there(tmp_path: Path, blow: str) -> None:
    """Good, then bad, then good again at another server. Each good write was on a replica too, so none may be lost.

    The old primary that comes back after a pause believes for a while that it still is one; it must not be used. One
    that sentinels replace while it lives does go on taking writes for a while, and with a replica, and those are lost.
    """

    async def main(service: Service) -> None:
        old = next(one for one in service.servers if one.port == service.primary())
        acknowledged: list[int] = []
        outcome: list[Look] = []
        probe = ValkeyProbe(target=CACHE, write="numbered", replicas=1, replicas_within=timedelta(seconds=3))
        patience_s = 10.0
        async with probe.open(under(service), "orders") as watch:

            async def send(n: int) -> None:
                outcome.append(await look(watch, n, patience_s))
                if outcome[-1].seen is Seen.GOOD:
                    acknowledged.append(n)

            async def send_until(done: object, first: int) -> int:
                until = time.monotonic() + 60
                while not done():  # type: ignore[operator]
                    assert time.monotonic() < until, outcome[-5:]
                    await asyncio.gather(*(send(first + offset) for offset in range(4)))
                    await asyncio.sleep(0.02)
                    first += 4
                return first

            n = await send_until(lambda: len(acknowledged) > 40, 0)
            assert {one.seen for one in outcome} == {Seen.GOOD}
            patience_s = 0.5
            if blow == "hand over":
                wait_for(lambda: service.sentinels[0].ask("SENTINEL", "FAILOVER", "shop") == "+OK\r\n", "the order")
            else:
                old.signal(signal.SIGKILL if blow == "kill" else signal.SIGSTOP)
            n = await send_until(lambda: service.primary() != old.port, n)
            if blow == "pause":
                old.signal(signal.SIGCONT)
            before = len(acknowledged)
            await send_until(lambda: len(acknowledged) > before + 40, n)
            blind = [one.why for one in outcome if one.seen is Seen.BLIND]
            assert all(why.startswith("the sentinels disagree") for why in blind), blind
            if blow != "hand over":
                assert Seen.BAD in {one.seen for one in outcome}
                assert set(acknowledged) <= set(await watch.read_back())  # type: ignore[attr-defined]
        new = next(one for one in service.servers if one.port == service.primary())
        assert new is not old
        await comes(lambda: new.ask("KEYS", "*") == "*0\r\n", "the removal of the key")

    with valkey_service(tmp_path) as service:
        asyncio.run(main(service))


def test_an_idle_connection_to_a_replaced_primary_is_not_used(tmp_path: Path) -> None:
    """The old primary is told nothing, answers as ever, and nobody's look fails: only the sentinels know better."""

    async def main(service: Service, stack: ExitStack) -> None:
        old, new = service.servers[0], service.servers[1]
        async with ValkeyProbe(target=CACHE, write="numbered").open(under(service), "orders") as watch:
            await look(watch, 0)
            # The sentinels' new word without their usual doings: they are ended, and another speaks of another server.
            for one in service.sentinels:
                one.kill()
            new.ask("REPLICAOF", "NO", "ONE")
            stack.enter_context(sentinel(tmp_path / "other", new.port, "shop", 9, port=service.sentinels[0].port))
            await asyncio.sleep(1.1)  # what is known of the primary must have grown old
            await look(watch, 1)
            known: Any = watch._servers._sentinels  # type: ignore[attr-defined]
            await comes(lambda: known.known == ("127.0.0.1", new.port), "the sentinels' new word")
            assert (await look(watch, 2)).seen is Seen.GOOD
            assert 2 in await watch.read_back()  # type: ignore[attr-defined]
            assert old.ask("GETBIT", "chaos_drills:orders", "1") == ":1\r\n"
            assert old.ask("GETBIT", "chaos_drills:orders", "2") == ":0\r\n"

    with valkey_service(tmp_path) as service, ExitStack() as stack:
        asyncio.run(main(service, stack))


def test_while_sentinels_disagree_a_look_is_blind_if_anybody_is_served_and_bad_if_nobody_is(tmp_path: Path) -> None:
    """Then whether a client is served depends on the sentinel it asks; a figure that hides that would be false."""

    async def seen_with(service: ValkeyService) -> Look:
        async with ValkeyProbe(target=CACHE).open(service, "orders") as watch:
            return await look(watch, 0)

    with (
        valkey(tmp_path / "one") as one,
        valkey(tmp_path / "two") as two,
        sentinel(tmp_path / "s1", one.port, "shop", 1) as first,
        sentinel(tmp_path / "s2", two.port, "shop", 1) as second,
    ):
        service = ValkeyService(sentinels=(f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"), service="shop")
        one.kill()
        split = asyncio.run(seen_with(service))
        two.kill()
        dead = asyncio.run(seen_with(service))

    assert split.seen is Seen.BLIND
    assert f"1 say 127.0.0.1:{one.port}" in split.why
    assert dead.seen is Seen.BAD


def test_without_any_sentinel_the_service_is_unreachable() -> None:
    address = ValkeyService(sentinels=(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"), service="shop")
    assert looks(ValkeyProbe(target=CACHE), address, 0) == [Look(Seen.BAD, "no sentinel answers")]


def test_a_service_that_no_sentinel_knows_is_our_mistake(tmp_path: Path) -> None:
    with sentinel(tmp_path, free_port(), "shop", 1) as one:
        address = ValkeyService(sentinels=(f"127.0.0.1:{one.port}",), service="shpo")
        assert looks(ValkeyProbe(target=CACHE), address, 0) == [
            Look(Seen.BLIND, "the sentinels know no service `shpo`")
        ]


@pytest.mark.parametrize(
    ("room", "step"), [(service_module, "exchange"), (probing, "call")], ids=["while asking", "while they disagree"]
)
def test_who_could_not_answer_in_time_since_we_were_held_up_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: ModuleType, step: str
) -> None:
    monkeypatch.setattr(service_module, "_SENTINEL_S", 0.2)
    monkeypatch.setattr(probing, "_SPLIT_S", 0.2)
    whole, waits = getattr(room, step), iter((0.5, 0.5))

    async def held_up(*words: Any) -> Any:
        time.sleep(next(waits, 0.0))  # noqa: ASYNC251 - it is we who are held up here
        return await whole(*words)

    with (
        valkey(tmp_path / "one") as one,
        valkey(tmp_path / "two") as two,
        sentinel(tmp_path / "s1", one.port, "shop", 1) as first,
        sentinel(tmp_path / "s2", two.port if step == "call" else one.port, "shop", 1) as second,
    ):
        service = ValkeyService(sentinels=(f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"), service="shop")
        monkeypatch.setattr(room, step, held_up)
        [seen] = looks(ValkeyProbe(target=CACHE), service, 0)

    assert "the sentinels disagree" in seen.why if step == "call" else seen.seen is Seen.GOOD


def test_silent_sentinels_are_passed_over(tmp_path: Path, shared: Server) -> None:
    with (
        sentinel(tmp_path / "a", shared.port, "shop", 1) as silent,
        sentinel(tmp_path / "b", shared.port, "shop", 1) as other,
    ):
        silent.signal(signal.SIGSTOP)
        address = ValkeyService(sentinels=(f"127.0.0.1:{silent.port}", f"127.0.0.1:{other.port}"), service="shop")
        assert looks(ValkeyProbe(target=CACHE), address, 0)[0].seen is Seen.GOOD


def test_a_missing_client_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch, shared: Server) -> None:
    monkeypatch.setitem(__import__("sys").modules, "valkey.asyncio", None)
    with pytest.raises(CannotLook, match=r'pip install "chaos-drills\[valkey\]"'):
        ValkeyProbe(target=CACHE).open(at(shared), "m")


def test_a_url_that_cannot_be_read_tells_no_password() -> None:
    with pytest.raises(CannotLook) as caught:
        ValkeyProbe(target=CACHE).open(ValkeyService(url="valkey://u:sec/ret@h:1"), "m")
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"url": "valkey://h", "host": "h"}, "host"),
        ({}, ""),
        ({"sentinels": ("h:1",)}, "sentinels"),
        ({"host": "h", "service": "shop"}, "service"),
        ({"url": "http://h"}, "url"),
        ({"sentinels": ("h",), "service": "shop"}, "sentinels"),
    ],
)
def test_addresses_that_do_not_fit_together_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        ValkeyService(**settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
    assert len(caught.value.args) == 3


@pytest.mark.parametrize(
    ("settings", "setting"), [({"replicas": 1}, "replicas"), ({"write": "numbered", "role": "any"}, "role")]
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        ValkeyProbe(target=CACHE, **settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
    assert len(caught.value.args) == 3
