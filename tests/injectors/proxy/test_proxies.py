"""The collection: what happens to proxies in which order, on stand-ins that take their time when told to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest

from injectors.proxy import proxies as module
from injectors.proxy.listen import ListenFailed
from injectors.proxy.proxies import Proxies, Refused
from injectors.proxy.toxic import Figure, Stream, Toxic
from injectors.proxy.wire import ProxyBody, read_proxies, read_proxy, read_toxic, read_toxic_update


class StandIn:
    """Listens nowhere; a port may be taken, and starting may take its time."""

    protocol: ClassVar[Any] = "tcp"
    taken: ClassVar[set[str]] = set()
    gate: ClassVar[asyncio.Event | None] = None
    journal: ClassVar[list[str]] = []

    def __init__(self, name: str, listen: str, upstream: str) -> None:
        self.name, self.listen, self.upstream = name, listen, upstream
        self.enabled = False
        self.toxics: list[Toxic] = []

    async def start(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.listen in self.taken:
            raise ListenFailed(f"listen tcp {self.listen}: bind: address already in use")
        assert not self.enabled
        self.enabled = True
        self.journal.append(f"start {self.name}")

    def stop(self) -> None:
        if self.enabled:
            self.journal.append(f"stop {self.name}")
        self.enabled = False

    def add(self, toxic: Toxic) -> None:
        self.toxics.append(toxic)

    def update(self, toxic: Toxic, attributes: dict[str, Figure], toxicity: float) -> None:
        toxic.attributes, toxic.toxicity = attributes, toxicity

    def remove(self, toxic: Toxic) -> None:
        self.toxics.remove(toxic)

    def connections(self) -> list[dict[str, object]]:
        return []

    def counters(self) -> dict[Stream, tuple[int, int]]:
        return {}


class StandInUdp(StandIn):
    """The same, for datagrams."""

    protocol: ClassVar[Any] = "udp"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("taken", set()), ("gate", None), ("journal", [])):
        monkeypatch.setattr(StandIn, name, value)


def drive(story: Callable[[Proxies], Awaitable[None]]) -> None:
    """Tell a story with an empty collection."""

    async def tell() -> None:
        made = {"tcp": StandIn, "udp": StandInUdp}
        proxies = Proxies(lambda protocol, *words: made[protocol](*words))
        try:
            await asyncio.wait_for(story(proxies), 10)
        finally:
            proxies.close()

    asyncio.run(tell())


async def refusal(doing: Awaitable[object]) -> str:
    """Status and message of what is refused."""
    with pytest.raises(Refused) as refused:
        await doing
    return f"{refused.value.status} {refused.value}"


def body(name: str, listen: str = "127.0.0.1:1", upstream: str = "127.0.0.1:2", **more: Any) -> ProxyBody:
    """What a request says."""
    return ProxyBody(name=name, listen=listen, upstream=upstream, **more)


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds; the story's deadline is its own."""
    while not holds():  # noqa: ASYNC110 - what is waited for knows of no event
        await asyncio.sleep(0.001)


# Creating.


def test_a_proxy_that_cannot_listen_is_not_there() -> None:
    async def story(proxies: Proxies) -> None:
        StandIn.taken.add("127.0.0.1:1")
        assert await refusal(proxies.create(body("a"))) == "500 listen tcp 127.0.0.1:1: bind: address already in use"
        assert proxies.all() == []
        assert (await proxies.create(body("a", enabled=False))).enabled is False

    drive(story)


def test_of_two_who_create_one_name_at_once_one_succeeds() -> None:
    async def story(proxies: Proxies) -> None:
        StandIn.gate = asyncio.Event()
        both = [asyncio.ensure_future(proxies.create(body("a", f"127.0.0.1:{port}"))) for port in (1, 2)]
        await asyncio.sleep(0)
        StandIn.gate.set()
        results = await asyncio.gather(*both, return_exceptions=True)
        assert [str(one) for one in results if isinstance(one, Refused)] == ["proxy already exists"]
        assert StandIn.journal == ["start a"]

    drive(story)


def test_one_who_waits_for_a_name_keeps_nobody_else_waiting() -> None:
    async def story(proxies: Proxies) -> None:
        StandIn.gate = asyncio.Event()
        slow = asyncio.ensure_future(proxies.create(body("slow")))
        await asyncio.sleep(0)
        await proxies.create(body("quick", enabled=False))
        await proxies.delete("quick")
        assert not slow.done()
        StandIn.gate.set()
        assert (await slow).enabled

    drive(story)


def test_a_deletion_during_a_start_waits_for_it_and_leaves_nothing() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a", enabled=False))
        StandIn.gate = asyncio.Event()
        update = asyncio.ensure_future(proxies.update("a", ProxyBody(enabled=True)))
        await asyncio.sleep(0)
        deletion = asyncio.ensure_future(proxies.delete("a"))
        await asyncio.sleep(0)
        StandIn.gate.set()
        await asyncio.gather(update, deletion)
        assert (proxies.all(), proxy.enabled) == ([], False)
        assert StandIn.journal == ["start a", "stop a"]

    drive(story)


def test_updates_at_once_happen_one_after_the_other() -> None:
    async def story(proxies: Proxies) -> None:
        await proxies.create(body("a"))
        moves = [proxies.update("a", ProxyBody(listen=f"127.0.0.1:{port}")) for port in range(2, 12)]
        await asyncio.gather(*moves)
        (proxy,) = proxies.all()
        assert (proxy.listen, proxy.enabled) == ("127.0.0.1:11", True)
        assert StandIn.journal == ["start a", *["stop a", "start a"] * 10]

    drive(story)


def test_who_gives_up_waiting_leaves_nothing_half_done() -> None:
    async def story(proxies: Proxies) -> None:
        StandIn.gate = asyncio.Event()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(proxies.create(body("a")), 0.01)
        StandIn.gate = None
        assert proxies.all() == []
        assert (await proxies.create(body("a"))).enabled

    drive(story)


def test_wrong_toxics_of_a_new_proxy_are_refused_before_it_listens() -> None:
    async def story(proxies: Proxies) -> None:
        wrong = read_proxy(b'{"name":"a","upstream":"u","toxics":[{"type":"noop"},{"type":"nope"}]}')
        assert await refusal(proxies.create(wrong)) == "400 invalid toxic type"
        assert StandIn.journal == []

    drive(story)


def test_udp_has_no_streams_to_slice() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a", protocol="udp"))
        slicer = read_toxic(b'{"type":"slicer","attributes":{"average_size":5}}')
        with pytest.raises(Refused, match="bad request body: slicer cannot spoil udp"):
            proxies.add_toxic(proxy, slicer)
        assert await refusal(proxies.create(body("b", protocol="sctp"))) == (
            "400 bad request body: protocol must be tcp or udp"
        )

    drive(story)


def test_datagrams_cannot_be_doubled_again_and_again() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a", protocol="udp"))
        for n in range(4):
            proxies.add_toxic(proxy, read_toxic(b'{"type":"duplicate","name":"d%d"}' % n))
        with pytest.raises(Refused, match="4 toxics that duplicate"):
            proxies.add_toxic(proxy, read_toxic(b'{"type":"duplicate","name":"d4"}'))
        assert len(proxy.toxics) == 4

    drive(story)


def test_a_move_to_a_port_that_is_taken_leaves_it_disabled_with_the_new_addresses() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        StandIn.taken.add("127.0.0.1:9")
        said = await refusal(proxies.update("a", ProxyBody(listen="127.0.0.1:9", upstream="new:1")))
        assert said == "500 listen tcp 127.0.0.1:9: bind: address already in use"
        assert (proxy.listen, proxy.upstream, proxy.enabled) == ("127.0.0.1:9", "new:1", False)

    drive(story)


def test_what_is_no_address_changes_nothing() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        assert await refusal(proxies.update("a", ProxyBody(listen="xx", enabled=False))) == (
            "500 address xx: missing port in address"
        )
        assert (proxy.listen, proxy.enabled) == ("127.0.0.1:1", True)

    drive(story)


@pytest.mark.parametrize("listen", [None, "127.0.0.1:1", "localhost:1"])
def test_the_same_address_by_another_name_is_no_move(listen: str | None) -> None:
    async def story(proxies: Proxies) -> None:
        await proxies.create(body("a"))
        await proxies.update("a", ProxyBody(listen=listen, upstream="127.0.0.1:2", enabled=True))
        assert StandIn.journal == ["start a"]

    drive(story)


def test_a_wrong_attribute_changes_none_of_the_others() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        toxic = proxies.add_toxic(proxy, read_toxic(b'{"type":"slicer","attributes":{"average_size":9}}'))
        wrong = read_toxic_update(b'{"attributes":{"average_size":5,"size_variation":6},"toxicity":0.5}', toxic.kind)
        with pytest.raises(Refused, match="size_variation must be from 0 to average_size"):
            proxies.update_toxic(proxy, toxic, wrong)
        assert (toxic.attributes["average_size"], toxic.toxicity) == (9, 1.0)

    drive(story)


# Populating and resetting.


def test_populating_leaves_alone_what_is_the_same_and_replaces_what_is_not() -> None:
    async def story(proxies: Proxies) -> None:
        same, other = await proxies.create(body("same")), await proxies.create(body("other"))
        for proxy in (same, other):
            proxies.add_toxic(proxy, read_toxic(b'{"type":"noop"}'))
        made, refused = await proxies.populate(
            [body("same", enabled=False), body("other", upstream="new:1"), body("c")]
        )
        assert refused is None
        assert [one.name for one in made] == ["same", "other", "c"]
        assert (made[0] is same, made[1] is other) == (True, False)
        assert [len(one.toxics) for one in made] == [1, 0, 0]
        assert [one.enabled for one in made] == [True] * 3

    drive(story)


def test_populating_ends_at_the_first_that_cannot_be_and_keeps_those_before() -> None:
    async def story(proxies: Proxies) -> None:
        old = await proxies.create(body("b", upstream="old:1"))
        StandIn.taken.add("127.0.0.1:1")
        made, refused = await proxies.populate([body("a", "127.0.0.1:5"), body("b"), body("c", "127.0.0.1:6")])
        assert refused is not None
        assert [one.name for one in made] == ["a"]
        assert [one.name for one in proxies.all()] == ["a", "b"]
        assert (proxies.get("b") is old, old.enabled) == (True, False)

    drive(story)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (b'{"name":"b"}', "missing required field: upstream at proxy 2"),
        (b'{"upstream":"u"}', "missing required field: name at proxy 2"),
        (b'{"name":"b","upstream":"u","toxics":[{"type":"x"}]}', "invalid toxic type"),
    ],
)
def test_all_of_a_population_is_looked_at_before_any_of_it_is_made(second: bytes, why: str) -> None:
    async def story(proxies: Proxies) -> None:
        made, refused = await proxies.populate(read_proxies(b'[{"name":"a","upstream":"u"},' + second + b"]"))
        assert (made, str(refused), proxies.all()) == ([], why, [])

    drive(story)


def test_a_reset_heals_all_that_can_be_healed_and_tells_of_the_first_that_cannot() -> None:
    async def story(proxies: Proxies) -> None:
        for number, name in enumerate("abc", 1):
            proxy = await proxies.create(body(name, f"127.0.0.1:{number}"))
            proxies.add_toxic(proxy, read_toxic(b'{"type":"timeout"}'))
            proxy.stop()
        StandIn.taken.add("127.0.0.1:1")
        assert (await refusal(proxies.reset())).startswith("500 listen tcp 127.0.0.1:1")
        assert [(one.enabled, one.toxics) for one in proxies.all()] == [(False, []), (True, []), (True, [])]

    drive(story)


# Leases.


def test_a_toxic_goes_when_its_lease_is_over_and_not_before_when_it_is_renewed() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        short, long, ever = (
            proxies.add_toxic(proxy, read_toxic(f'{{"type":"noop","name":"{name}","lease_ms":{lease}}}'.encode()))
            for name, lease in (("short", 20), ("long", 20), ("ever", 20))
        )
        proxies.update_toxic(proxy, long, read_toxic_update(b'{"lease_ms":100000}', long.kind))
        proxies.update_toxic(proxy, ever, read_toxic_update(b'{"lease_ms":0}', ever.kind))
        proxies.update_toxic(proxy, short, read_toxic_update(b'{"toxicity":0.5}', short.kind))
        await eventually(lambda: short not in proxy.toxics)
        await asyncio.sleep(0.02)
        assert proxy.toxics == [long, ever]
        assert (short.expires_s is None, long.expires_s is None, ever.expires_s) == (False, False, None)

    drive(story)


def test_a_lease_ends_with_its_toxic_so_that_the_next_of_its_name_stays() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        leased = read_toxic(b'{"type":"noop","name":"t","lease_ms":20}')
        proxies.add_toxic(proxy, leased)
        proxies.remove_toxic(proxy, "t")
        proxies.add_toxic(proxy, read_toxic(b'{"type":"noop","name":"t"}'))
        other = await proxies.create(body("b"))
        proxies.add_toxic(other, leased)
        await proxies.delete("b")
        await asyncio.sleep(0.05)
        assert [one.name for one in proxy.toxics] == ["t"]

    drive(story)


def test_a_proxy_comes_back_when_the_lease_on_its_absence_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)

    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        StandIn.taken.add("127.0.0.1:1")
        await proxies.update("a", ProxyBody(enabled=False, lease_ms=20))
        assert '"lease_ms":' in proxies.told(proxy)
        await asyncio.sleep(0.05)
        assert not proxy.enabled  # it cannot yet, and tries again
        StandIn.taken.clear()
        await eventually(lambda: proxy.enabled)
        assert '"lease_ms":' not in proxies.told(proxy)

    drive(story)


def test_a_proxy_that_was_enabled_and_disabled_by_hand_stays_away() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        await proxies.update("a", ProxyBody(enabled=False, lease_ms=20))
        await proxies.update("a", ProxyBody(enabled=True))
        await proxies.update("a", ProxyBody(enabled=False))
        await asyncio.sleep(0.05)
        assert not proxy.enabled

    drive(story)


def test_a_lease_is_told_although_all_else_is_as_it_was_told_before() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a", enabled=False))
        toxic = proxies.add_toxic(proxy, read_toxic(b'{"type":"noop"}'))
        for lease_ms, told in ((60_000, 1), (0, 0), (60_000, 1)):
            await proxies.update("a", ProxyBody(lease_ms=lease_ms))
            assert proxies.told(proxy).count('"lease_ms":') == told
        await proxies.update("a", ProxyBody(enabled=True))
        assert proxies.told(proxy).count('"lease_ms":') == 0
        proxies.update_toxic(proxy, toxic, read_toxic_update(b'{"lease_ms":60000}', toxic.kind))
        assert proxies.told(proxy).count('"lease_ms":') == 1
        proxies.remove_toxic(proxy, toxic.name)
        assert '"toxics":[]' in proxies.told(proxy)

    drive(story)


def test_a_lease_that_would_not_be_kept_is_refused() -> None:
    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        assert "needs enabled: false" in await refusal(proxies.update("a", ProxyBody(lease_ms=5)))
        assert "must not be negative" in await refusal(proxies.update("a", ProxyBody(enabled=False, lease_ms=-1)))
        with pytest.raises(Refused, match="must not be negative"):
            proxies.add_toxic(proxy, read_toxic(b'{"type":"noop","lease_ms":-1}'))
        assert (proxy.enabled, proxy.toxics) == (True, [])

    drive(story)


def test_a_name_of_the_host_is_looked_up_without_holding_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []
    real = socket.getaddrinfo

    def slow(*words: Any, **more: Any) -> Any:
        looked_up.append(words[0])
        return real("127.0.0.1", *words[1:], **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def story(proxies: Proxies) -> None:
        proxy = await proxies.create(body("a"))
        await proxies.update("a", ProxyBody(listen="some-name.invalid:7"))
        assert (looked_up, proxy.listen) == (["some-name.invalid"], "some-name.invalid:7")

    drive(story)
