"""The UDP proxy on loopback, with real sockets at both ends."""

import asyncio
import errno
import gc
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from injectors.proxy import holding
from injectors.proxy.hub import Hub
from injectors.proxy.listen import ListenFailed
from injectors.proxy.toxic import KINDS, Toxic, attributes
from injectors.proxy.udp import UdpProxy

DEADLINE_S = 20.0


class Peer:
    """One UDP socket, at either end."""

    def __init__(self, to: tuple[str, int] | None = None, at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.sock = socket.socket(socket.AF_INET6 if ":" in (to or at)[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        if to:
            self.sock.connect(to)
        else:
            self.sock.bind(at)
        self.address = self.sock.getsockname()

    def send(self, data: bytes) -> None:
        self.sock.send(data)

    async def hear(self) -> bytes:
        """The next datagram."""
        return (await self.hear_from())[0]

    async def hear_from(self) -> tuple[bytes, Any]:
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.get_running_loop().sock_recvfrom(self.sock, 65_536)

    async def hear_until(self, last: bytes) -> list[bytes]:
        """All datagrams before this one."""
        heard = []
        while (data := await self.hear()) != last:
            heard.append(data)
        return heard

    def nothing_came(self) -> bool:
        try:
            return not self.sock.recv(65_536)
        except BlockingIOError:
            return True


class Bench:
    """A proxy, its upstream, and as many clients as asked for."""

    def __init__(self, proxy: UdpProxy, upstream: Peer) -> None:
        self.proxy = proxy
        self.upstream = upstream
        self.peers = [upstream]

    def client(self, host: str = "127.0.0.1") -> Peer:
        self.peers.append(Peer(to=(host, int(self.proxy.listen.rpartition(":")[2]))))
        return self.peers[-1]

    def toxic(
        self, kind: str, *, stream: str = "upstream", toxicity: float = 1.0, name: str = "", **given: object
    ) -> Toxic:
        """Make one and add it."""
        told = attributes(KINDS[kind], given)
        one = Toxic(name=name or f"{kind}_{stream}", type=kind, stream=stream, toxicity=toxicity, attributes=told)
        self.proxy.add(one)
        return one

    def update(self, toxic: Toxic, toxicity: float = 1.0, **given: object) -> None:
        self.proxy.update(toxic, attributes(toxic.kind, given, toxic.attributes), toxicity)


@asynccontextmanager
async def bench(
    *, listen: str = "127.0.0.1:0", upstream: str = "", seed: int | None = 1, **more: Any
) -> AsyncIterator[Bench]:
    server, hub = Peer(), Hub()
    proxy = UdpProxy(
        hub, name="link", listen=listen, upstream=upstream or f"127.0.0.1:{server.address[1]}", seed=seed, **more
    )
    here = Bench(proxy, server)
    await proxy.start()
    try:
        yield here
    finally:
        proxy.stop()
        hub.close()
        for peer in here.peers:
            peer.sock.close()


def on_a_bench(**settings: Any) -> Callable[[Callable[[Bench], Awaitable[None]]], Callable[[], None]]:
    """Run an asynchronous test with a started proxy, which is stopped afterwards."""

    def wrap(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
        async def run() -> None:
            async with bench(**settings) as here:
                await test(here)

        def sync() -> None:
            asyncio.run(run())

        sync.__name__, sync.__doc__ = test.__name__, test.__doc__
        return sync

    return wrap


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not true():  # noqa: ASYNC110 - what is waited for is a count, of which nobody tells
            await asyncio.sleep(0.005)


# -- relaying


@on_a_bench()
async def test_datagrams_go_both_ways_whole_and_in_order(here: Bench) -> None:
    client, sizes = here.client(), [0, 1, 1_400, 60_000, 0]
    sent = [os.urandom(size) for size in sizes]
    for data in sent:
        client.send(data)
        heard, sender = await here.upstream.hear_from()
        here.upstream.sock.sendto(heard, sender)

        assert await client.hear() == heard == data

    assert here.proxy.counters() == {"upstream": (61_401, 61_401), "downstream": (61_401, 61_401)}


@on_a_bench()
async def test_upstream_can_tell_clients_apart_and_each_hears_its_own_replies(here: Bench) -> None:
    clients = [here.client() for _ in range(5)]
    for number, client in enumerate(clients):
        client.send(b"%d" % number)
    came = [await here.upstream.hear_from() for _ in clients]
    assert len({sender for _, sender in came}) == len(clients)
    for data, sender in reversed(came):
        here.upstream.sock.sendto(b"reply to " + data, sender)

    assert [await client.hear() for client in clients] == [b"reply to %d" % number for number in range(5)]


@on_a_bench()
async def test_clients_are_listed_with_their_bytes_and_their_toxics(here: Bench) -> None:
    client = here.client()
    here.toxic("noop", name="quiet")
    here.toxic("partition", stream="downstream", name="deaf")
    client.send(b"12345")
    _, sender = await here.upstream.hear_from()
    here.upstream.sock.sendto(b"123", sender)
    await until(lambda: here.proxy.counters()["downstream"][0] == 3)

    (told,) = here.proxy.connections()

    assert told.pop("opened_s") >= 0
    assert told == {
        "client": f"127.0.0.1:{client.address[1]}",
        "upstream": here.proxy.upstream,
        "streams": {
            "upstream": {"received": 5, "sent": 5, "toxics": ["quiet"]},
            "downstream": {"received": 3, "sent": 0, "toxics": ["deaf"]},
        },
    }


@on_a_bench()
async def test_a_thousand_clients_at_once(here: Bench) -> None:
    clients = [here.client() for _ in range(1_000)]
    for start in range(0, 1_000, 100):  # no receive buffer need hold more
        for client in clients[start : start + 100]:
            client.send(b"%d" % client.address[1])
        for _ in range(100):
            data, sender = await here.upstream.hear_from()
            here.upstream.sock.sendto(data, sender)
        for client in clients[start : start + 100]:
            assert await client.hear() == b"%d" % client.address[1]

    assert len(here.proxy.connections()) == 1_000
    assert not here.proxy.dropped


@on_a_bench(clients_max=2)
async def test_one_client_too_many_is_not_served_and_the_others_are(here: Bench) -> None:
    first, second, third = (here.client() for _ in range(3))
    for client in (first, second, third, first):
        client.send(b"from %d" % client.address[1])

    assert [await here.upstream.hear() for _ in range(3)] == [
        b"from %d" % one.address[1] for one in (first, second, first)
    ]
    assert here.proxy.dropped == {"too many clients": 1}


@on_a_bench(idle_s=2.0)
async def test_an_idle_client_is_forgotten_and_welcome_again(here: Bench) -> None:
    client = here.client()
    client.send(b"hello")
    await here.upstream.hear()
    await until(lambda: not here.proxy.connections())
    client.send(b"hello again")
    data, other = await here.upstream.hear_from()

    assert data == b"hello again"
    here.upstream.sock.sendto(b"welcome", other)
    assert await client.hear() == b"welcome"


@on_a_bench(idle_s=0.2)
async def test_a_client_whose_datagram_is_held_back_is_not_idle(here: Bench) -> None:
    here.toxic("latency", latency=800)
    here.client().send(b"late")

    assert await here.upstream.hear() == b"late"


# -- addresses


def test_an_address_in_use_is_told_as_go_tells_it() -> None:
    async def run() -> None:
        async with bench() as here:
            with closing(Hub()) as hub:
                second = UdpProxy(hub, name="b", listen=here.proxy.listen, upstream="127.0.0.1:9", seed=1)
                with pytest.raises(ListenFailed) as failed:
                    await second.start()

            assert str(failed.value) == f"listen udp {here.proxy.listen}: bind: address already in use"
            assert not second.enabled

    asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_at_all_addresses_the_reply_comes_from_the_one_that_was_asked(host: str) -> None:
    """Each client has connected its socket, and so hears nobody else."""

    async def run() -> None:
        async with bench(listen="") as here:
            client = here.client(host)
            client.send(b"ping")
            data, sender = await here.upstream.hear_from()
            here.upstream.sock.sendto(data + b" pong", sender)

            assert here.proxy.listen.startswith("[::]:")
            assert await client.hear() == b"ping pong"
            assert (
                str(here.proxy.connections()[0]["client"]).strip("[").startswith(host.replace("127.0.0.2", "127.0.0."))
            )

    asyncio.run(run())


def test_datagrams_wait_until_the_upstreams_name_is_looked_up() -> None:
    async def run() -> None:
        server = Peer()
        async with bench(upstream=f"localhost:{server.address[1]}") as here:
            client = here.client()
            for number in range(10):
                client.send(b"%d" % number)

            assert [await server.hear() for _ in range(10)] == [b"%d" % number for number in range(10)]
            server.sock.close()

    asyncio.run(run())


@pytest.mark.parametrize("upstream", ["zzz", "no-such-host.invalid:9", "127.0.0.1:99999"])
def test_an_upstream_that_cannot_be_found_drops_datagrams_and_says_why(upstream: str) -> None:
    async def run() -> None:
        async with bench(upstream=upstream) as here:
            here.client().send(b"x")
            await until(lambda: bool(here.proxy.dropped))

            (why,) = here.proxy.dropped
            assert why.startswith("upstream: ")
            assert upstream.partition(":")[0] in why or "99999" in why

    asyncio.run(run())


# -- bad days


@on_a_bench()
async def test_an_upstream_that_refuses_is_served_again_when_it_is_back(here: Bench) -> None:
    client = here.client()
    here.upstream.sock.close()
    for _ in range(20):
        client.send(b"to nobody")
        await asyncio.sleep(0)
    await until(lambda: "upstream: Connection refused" in here.proxy.dropped)
    here.upstream = Peer(at=here.upstream.address)
    here.peers.append(here.upstream)
    for number in range(20):
        client.send(b"back %d" % number)
    client.send(b"end")

    heard = await here.upstream.hear_until(b"end")
    assert [data for data in heard if data != b"to nobody"] == [b"back %d" % number for number in range(20)]


@on_a_bench()
async def test_a_client_that_has_left_is_no_trouble_to_the_others(here: Bench) -> None:
    gone, stays = here.client(), here.client()
    gone.send(b"bye")
    _, sender = await here.upstream.hear_from()
    gone.sock.close()
    for _ in range(10):
        here.upstream.sock.sendto(b"too late", sender)
    stays.send(b"still here")

    assert await here.upstream.hear() == b"still here"


@on_a_bench()
async def test_what_cannot_be_sent_is_dropped_and_told(here: Bench) -> None:
    here.proxy.update(here.toxic("noop"), {}, 1.0)
    client = here.client()
    client.send(b"first")
    await here.upstream.hear()
    served = here.proxy._clients[client.address].sock
    served.shutdown(socket.SHUT_WR)  # stands for any error of sending
    client.send(b"second")
    why = f"upstream: {os.strerror(errno.EPIPE)}"
    await until(lambda: why in here.proxy.dropped)
    assert here.proxy.dropped[why] == 1


@on_a_bench()
async def test_nothing_is_left_of_a_proxy_that_was_stopped(here: Bench) -> None:
    gc.collect()  # else what others left to be collected could go in between
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all
    clients = [here.client() for _ in range(5)]
    here.toxic("latency", latency=60_000)
    for client in clients:
        client.send(b"held")
    await until(lambda: len(here.proxy.connections()) == 5)
    here.proxy.stop()
    gc.collect()

    assert not here.proxy.enabled
    assert here.proxy.connections() == []
    assert len(os.listdir("/proc/self/fd")) == before + len(clients) - 1  # noqa: PTH208 - theirs; the listener is gone
    clients[0].send(b"anybody?")  # this one meets the ICMP error, the next one tells of it
    with pytest.raises(ConnectionRefusedError):
        clients[0].send(b"anybody?")


@on_a_bench()
async def test_a_proxy_starts_again_at_its_address_and_with_its_toxics(here: Bench) -> None:
    here.toxic("duplicate", rate=1.0)
    client, listen = here.client(), here.proxy.listen
    here.proxy.stop()
    await here.proxy.start()
    await here.proxy.start()
    client.send(b"twice")

    assert (here.proxy.enabled, here.proxy.listen) == (True, listen)
    assert [await here.upstream.hear(), await here.upstream.hear()] == [b"twice", b"twice"]


# -- toxics


async def survivors(here: Bench, count: int = 300) -> list[int]:
    """The numbers that arrive, of so many sent by one new client."""
    client = here.client()
    for number in range(count):
        client.send(b"%d" % number)
        if number % 50 == 49:
            await asyncio.sleep(0.001)
    await until(lambda: here.proxy.counters()["upstream"][0] >= sum(len(b"%d" % one) for one in range(count)))
    for toxic in list(here.proxy.toxics):
        here.proxy.remove(toxic)
    client.send(b"end")
    return [int(data) for data in await here.upstream.hear_until(b"end")]


def lossy_run(seed: int | None, *, beside: bool = False, **given: float) -> list[int]:
    async def run() -> list[int]:
        async with bench(seed=seed) as here:
            if beside:
                here.toxic("duplicate", rate=0.0)  # draws for each datagram, and does nothing
            here.toxic("packet_loss", **given)
            return sorted(await survivors(here))

    return asyncio.run(run())


def test_the_same_seed_loses_the_same_datagrams() -> None:
    assert lossy_run(7, loss_rate=0.2, correlation=0.3) == lossy_run(7, loss_rate=0.2, correlation=0.3)
    assert lossy_run(7, loss_rate=0.2) != lossy_run(8, loss_rate=0.2)


def test_another_toxic_beside_it_changes_nothing_of_what_is_lost() -> None:
    assert lossy_run(7, loss_rate=0.2, beside=True) == lossy_run(7, loss_rate=0.2)


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0, 300, 300), (0.2, 200, 280), (1.0, 0, 0)])
def test_the_share_lost_is_the_share_asked(rate: float, least: int, most: int) -> None:
    assert least <= len(lossy_run(3, loss_rate=rate)) <= most


def test_toxicity_is_the_share_of_the_clients_and_drawn_once() -> None:
    async def run() -> list[bool]:
        async with bench(seed=5) as here:
            toxic = here.toxic("partition", toxicity=0.5)
            clients = [here.client() for _ in range(60)]
            for client in clients:
                client.send(b"%d" % client.address[1])
            await until(lambda: len(here.proxy.connections()) == 60)
            here.update(toxic, toxicity=0.5)
            here.toxic("noop", name="neighbour")
            for client in clients:
                client.send(b"%d" % client.address[1])
            clients.append(here.client())
            sent = 2 * sum(len(b"%d" % client.address[1]) for client in clients[:-1])
            await until(lambda: here.proxy.counters()["upstream"][0] == sent)
            here.proxy.remove(toxic)
            clients[-1].send(b"0")
            heard = await here.upstream.hear_until(b"0")
            reached = [heard.count(b"%d" % client.address[1]) for client in clients[:-1]]

            assert set(reached) == {0, 2}, "a client's fate must not change by an update or a neighbour"
            return [bool(count) for count in reached]

    first = asyncio.run(run())
    assert 15 <= sum(first) <= 45
    assert asyncio.run(run()) == first


@on_a_bench()
async def test_latency_delays_each_datagram_and_two_add_up(here: Bench) -> None:
    here.toxic("latency", latency=60)
    here.toxic("latency", latency=40, name="more")
    client, loop = here.client(), asyncio.get_running_loop()
    began = loop.time()
    for number in range(50):
        client.send(b"%d" % number)

    assert [await here.upstream.hear() for _ in range(50)] == [b"%d" % number for number in range(50)]
    assert loop.time() - began >= 0.1


@on_a_bench()
async def test_jitter_lets_datagrams_overtake_and_loses_none(here: Bench) -> None:
    here.toxic("latency", latency=50, jitter=50)
    client = here.client()
    for number in range(100):
        client.send(b"%d" % number)
    heard = [int(await here.upstream.hear()) for _ in range(100)]

    assert sorted(heard) == list(range(100))
    assert heard != sorted(heard)


@on_a_bench()
async def test_a_latency_below_zero_is_none(here: Bench) -> None:
    here.toxic("latency", latency=-50)
    here.client().send(b"x")

    assert await here.upstream.hear() == b"x"


@on_a_bench()
async def test_a_partition_spoils_its_own_direction_until_it_is_removed(here: Bench) -> None:
    client = here.client()
    partition = here.toxic("partition", stream="downstream")
    client.send(b"ping")
    data, sender = await here.upstream.hear_from()
    here.upstream.sock.sendto(b"lost", sender)
    await until(lambda: here.proxy.counters()["downstream"][0] == 4)
    here.proxy.remove(partition)
    here.upstream.sock.sendto(b"heard", sender)

    assert data == b"ping"
    assert await client.hear() == b"heard"


@pytest.mark.parametrize(("rate", "copies"), [(1.0, 2), (0.0, 1)])
def test_duplicates_come_twice(rate: float, copies: int) -> None:
    async def run() -> None:
        async with bench() as here:
            here.toxic("duplicate", rate=rate)
            assert await survivors(here, 20) == [number for number in range(20) for _ in range(copies)]

    asyncio.run(run())


@on_a_bench(seed=3)
async def test_the_copies_of_a_duplicate_have_fates_of_their_own_behind_it(here: Bench) -> None:
    here.toxic("duplicate", rate=1.0)
    here.toxic("packet_loss", loss_rate=0.5)
    heard = await survivors(here, 100)

    assert {heard.count(number) for number in range(100)} == {0, 1, 2}


@on_a_bench(seed=4)
async def test_reorder_holds_some_back_while_later_ones_pass(here: Bench) -> None:
    here.toxic("reorder", rate=0.3, delay=100)
    client = here.client()
    for number in range(60):
        client.send(b"%d" % number)
    heard = [int(await here.upstream.hear()) for _ in range(60)]

    falls = [here for here in range(1, 60) if heard[here] < heard[here - 1]]
    assert sorted(heard) == list(range(60))
    assert len(falls) == 1, "first those that passed in their order, then those held back in theirs"
    assert 5 <= 60 - falls[0] <= 35


@on_a_bench()
async def test_bandwidth_spreads_datagrams_and_drops_what_exceeds_a_second(here: Bench) -> None:
    """20 KB/s, and 30 datagrams of 1,050 B there before the proxy looks: 19 fill 0.9975 s, one more begins in time."""
    toxic = here.toxic("bandwidth", rate=20)
    client, loop = here.client(), asyncio.get_running_loop()
    began = loop.time()
    for number in range(30):
        client.send(b"%2d" % number + b" " * 1_048)
    heard = [int(await here.upstream.hear()) for _ in range(10)]
    assert loop.time() - began >= 0.5
    await until(lambda: here.proxy.counters()["upstream"][0] == 31_500)
    here.proxy.remove(toxic)
    client.send(b"end")
    heard += [int(data) for data in await here.upstream.hear_until(b"end")]

    assert heard == list(range(20))


@on_a_bench()
async def test_a_bandwidth_of_nothing_passes_nothing(here: Bench) -> None:
    here.toxic("bandwidth", rate=0)

    assert await survivors(here, 20) == []


@pytest.mark.parametrize(("kind", "least_s"), [("bandwidth", 0.25), ("shared_bandwidth", 0.5)])
def test_a_shared_bandwidth_is_that_of_all_clients_together(kind: str, least_s: float) -> None:
    async def run() -> float:
        async with bench() as here:
            here.toxic(kind, rate=40)
            clients, loop = [here.client(), here.client()], asyncio.get_running_loop()
            began = loop.time()
            for _ in range(10):
                for client in clients:
                    client.send(b" " * 1000)
            for _ in range(20):
                await here.upstream.hear()
            return loop.time() - began

    assert asyncio.run(run()) >= least_s


@pytest.mark.parametrize("change", ["remove", "update", "spare"])
def test_what_is_held_goes_on_at_once_when_its_toxic_changes(change: str) -> None:
    async def run() -> None:
        async with bench() as here:
            toxic, client = here.toxic("latency", latency=3_600_000, jitter=1_000_000), here.client()
            behind = here.toxic("duplicate", rate=1.0)
            for number in range(20):
                client.send(b"%02d" % number)
            await until(lambda: here.proxy.counters()["upstream"][0] == 40)
            assert here.upstream.nothing_came()
            if change == "remove":
                here.proxy.remove(toxic)
            else:
                here.update(toxic, latency=0, jitter=0, toxicity=1.0 if change == "update" else 0.0)
            here.proxy.remove(behind)
            client.send(b"new")

            heard = await here.upstream.hear_until(b"new")
            assert [int(data) for data in heard] == [number for number in range(20) for _ in range(2)]

    asyncio.run(run())


@on_a_bench()
async def test_no_more_is_held_than_there_is_room_for(here: Bench) -> None:
    kept, holding._MAX = holding._MAX, 5
    try:
        toxic, client = here.toxic("latency", latency=3_600_000), here.client()
        for number in range(8):
            client.send(b"%d" % number)
        await until(lambda: here.proxy.dropped["too many are held back"] == 3)
        here.proxy.remove(toxic)
        client.send(b"end")

        assert await here.upstream.hear_until(b"end") == [b"0", b"1", b"2", b"3", b"4"]
    finally:
        holding._MAX = kept


@on_a_bench()
async def test_toxics_come_to_clients_that_are_there_already(here: Bench) -> None:
    client = here.client()
    client.send(b"before")
    assert await here.upstream.hear() == b"before"
    toxic = here.toxic("duplicate", rate=1.0)
    client.send(b"during")
    assert [await here.upstream.hear(), await here.upstream.hear()] == [b"during", b"during"]
    here.proxy.remove(toxic)
    client.send(b"after")
    client.send(b"end")

    assert await here.upstream.hear_until(b"end") == [b"after"]


def test_every_toxic_for_udp_is_built() -> None:
    async def run() -> None:
        async with bench() as here:
            client = here.client()
            kinds = [kind.name for kind in KINDS.values() if "udp" in kind.carries]
            for count, kind in enumerate(kinds, 1):
                toxic = here.toxic(kind)
                client.send(b"x")
                await until(lambda count=count: here.proxy.counters()["upstream"][0] == count)  # type: ignore[misc]
                here.proxy.remove(toxic)
            client.send(b"end")
            await here.upstream.hear_until(b"end")

            assert not [why for why in here.proxy.dropped if "bug" in why]

    asyncio.run(run())
