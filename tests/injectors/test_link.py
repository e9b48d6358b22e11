"""Faults of links do to real traffic what they say, through a real Toxiproxy and through ours, and leave nothing."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from drills import registry
from injectors import (
    Effect,
    Extends,
    FindsResidue,
    Injection,
    InjectionFailed,
    Remembered,
    TargetName,
    host,
    link_effect,
)
from injectors.amounts import Rate, Size
from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.host import Start
from injectors.injector import CanBeServed, Ratio
from injectors.link import (
    Bandwidth,
    ConnectTimeout,
    Down,
    Duplicate,
    Latency,
    LimitData,
    PacketLoss,
    Partition,
    Reorder,
    Reset,
    Slice,
    SlowClose,
    Timeout,
)
from injectors.link_fault import LinkFault
from injectors.proxy.kernel import can_filter
from injectors.proxy.toxic import KINDS
from injectors.toxiproxy import ToxiproxyLink, same_place
from injectors.toxiproxy_server import Toxic, Toxiproxy
from tests.injectors.links import Link, ask, echo, link
from tests.injectors.processes import eventually
from tests.injectors.toxiproxies import embedded_toxiproxy, real_toxiproxy
from tests.ports import free_port

IT = TargetName("it")


def ms(number: float) -> timedelta:
    return timedelta(milliseconds=number)


# --- servers that all tests of this file share; each test has a proxy of its own

_open = ExitStack()
_shared: dict[str, str] = {}


@pytest.fixture(autouse=True, scope="module")
def _ended() -> Iterator[None]:
    with _open:
        yield
    _shared.clear()


def shared(what: str) -> str:
    """The URL of a server, or the place of an upstream, started when it is first asked for."""
    if what not in _shared:
        start: Callable[[], Any] = {"real": real_toxiproxy, "embedded": embedded_toxiproxy, "tcp": echo,
                                    "udp": lambda: echo("udp")}[what]  # fmt: skip
        made = _open.enter_context(start())
        _shared[what] = made if isinstance(made, str) else made.url
    return _shared[what]


@contextmanager
def a_link(server: str, protocol: str = "tcp") -> Iterator[Link]:
    with link(shared(server), shared(protocol), protocol) as made:
        yield made


both = pytest.mark.parametrize("server", ["real", "embedded"])


# --- the contract


def each(is_so: Callable[[], bool], times: int = 4) -> bool:
    """Whether it is so each time: what a busy machine keeps waiting once is not taken for the fault."""
    return all(is_so() for _ in range(times))


def once(is_so: Callable[[], bool], times: int = 4) -> bool:
    """Whether it is so at least one time: what comes apart may be read together, and what comes late be missed."""
    return any(is_so() for _ in range(times))


class OnALink(Conformance):
    """One fault at one server."""

    shows_s = 0.01
    server: ClassVar[str]
    protocol: ClassVar[str] = "tcp"

    def fault(self) -> LinkFault:
        raise NotImplementedError

    def shows(self, it: Link) -> bool:
        """True when traffic shows it."""
        raise NotImplementedError

    def subject(self) -> Any:
        return self._subject()

    @contextmanager
    def _subject(self) -> Iterator[Subject]:
        with a_link(self.server, self.protocol) as it:
            yield Subject(
                injector=self.fault(),
                address=it.address(),
                world=it.told,
                is_faulty=lambda: self.shows(it),
                is_well=it.is_well,
                nowhere=it.address(proxy="nowhere"),
                mend=it.mend,
            )


class TestLatencyReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Latency(link=IT, delay=ms(60), jitter=ms(10))

    def shows(self, it: Link) -> bool:
        return each(lambda: it.exchange(b"late")[1] >= 0.045)


class TestLatencyBothWaysEmbedded(TestLatencyReal):
    server = "embedded"

    def fault(self) -> LinkFault:
        return Latency(link=IT, delay=ms(30), direction="both")


class TestLatencyOfDatagrams(TestLatencyReal):
    server = "embedded"
    protocol = "udp"


class TestBandwidthReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Bandwidth(link=IT, rate=Rate.parse("100KB/s"))

    def shows(self, it: Link) -> bool:
        return each(lambda: it.exchange(b"x" * 15_000)[1] > 0.1, 3)


class TestBandwidthSharedEmbedded(TestBandwidthReal):
    server = "embedded"

    def fault(self) -> LinkFault:
        return Bandwidth(link=IT, rate=Rate.parse("100KB/s"), shared=True)


class TestTimeoutReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Timeout(link=IT, after=ms(500))

    def shows(self, it: Link) -> bool:
        return each(lambda: it.exchange(b"anyone?", 0.1)[2] == "silent")


class TestResetReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Reset(link=IT)

    def shows(self, it: Link) -> bool:
        return it.exchange(b"stay")[2] == "ConnectionResetError"


class TestSlowCloseReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return SlowClose(link=IT, delay=ms(80))

    def shows(self, it: Link) -> bool:
        return each(lambda: it.closing_s() > 0.06)


class TestSliceReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Slice(link=IT, size=Size.parse("64"), variation=Size.parse("16"), delay=ms(2))

    def shows(self, it: Link) -> bool:
        return once(lambda: it.pieces(b"x" * 512) >= 3)


class TestLimitDataReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return LimitData(link=IT, bytes=Size.parse("10"))

    def shows(self, it: Link) -> bool:
        found, _, _ = it.exchange(b"x" * 100)
        return len(found) == 10


class TestDownReal(OnALink):
    server = "real"

    def fault(self) -> LinkFault:
        return Down(link=IT)

    def shows(self, it: Link) -> bool:
        return it.exchange(b"?")[2] == "ConnectionRefusedError"


class TestDownEmbedded(TestDownReal):
    server = "embedded"

    def fault(self) -> LinkFault:
        return Down(link=IT)


class TestPartitionReal(TestTimeoutReal):
    def fault(self) -> LinkFault:
        return Partition(link=IT)


class TestPartitionEmbedded(OnALink):
    server = "embedded"

    def fault(self) -> LinkFault:
        return Partition(link=IT)

    def shows(self, it: Link) -> bool:
        return each(lambda: it.exchange(b"anyone?", 0.1)[2] == "silent")


class TestPacketLossEmbedded(TestPartitionEmbedded):
    def fault(self) -> LinkFault:
        return PacketLoss(link=IT, loss=Ratio(1.0), correlation=Ratio(0.25))


class TestConnectTimeoutEmbedded(TestPartitionEmbedded):
    def fault(self) -> LinkFault:
        return ConnectTimeout(link=IT)


class TestDuplicateEmbedded(OnALink):
    server = "embedded"
    protocol = "udp"

    def fault(self) -> LinkFault:
        return Duplicate(link=IT, share=Ratio(1.0))

    def shows(self, it: Link) -> bool:
        return once(lambda: it.answers(0.05) == 2)


class TestReorderEmbedded(OnALink):
    """What is held back when nothing overtakes it is merely late."""

    server = "embedded"
    protocol = "udp"

    def fault(self) -> LinkFault:
        return Reorder(link=IT, share=Ratio(1.0), delay=ms(60))

    def shows(self, it: Link) -> bool:
        return each(lambda: it.exchange(b"late")[1] > 0.045)


# --- one injection after the other, on a stage of its own


class Trial:
    """One fault at one link, from plan to healing."""

    def __init__(self, fault: LinkFault, address: ToxiproxyLink, id_: str = "3f2a-slow link") -> None:
        self.fault, self.address, self.id = fault, address, id_
        self.stage = RecordingStage()

    def inject(self) -> "Trial":
        injection = Injection(id=self.id, fault="f", target="it", address=self.address, for_s=None)
        asyncio.run(self.fault.inject(injection, self.stage))
        return self

    @property
    def remembered(self) -> Remembered:
        data = json.loads(json.dumps(self.stage.data))
        return Remembered(id=self.id, fault="f", target="it", version=self.fault.version, data=data)

    def heal(self) -> list[str]:
        healer = RecordingStage(injecting=False)
        asyncio.run(type(self.fault).heal(self.remembered, healer))
        self.stage.data.update(healer.data)
        return healer.acts

    def verify(self) -> Effect:
        return asyncio.run(type(self.fault).verify(self.remembered, RecordingStage(injecting=False)))

    def extend(self) -> float | None:
        return asyncio.run(type(self.fault).extend(self.remembered, RecordingStage(injecting=False)))


def preview(fault: LinkFault, address: ToxiproxyLink) -> Any:
    return asyncio.run(fault.preview(address))


def refusal(fault: LinkFault, address: ToxiproxyLink) -> str:
    with pytest.raises(InjectionFailed) as refused:
        preview(fault, address)
    return str(refused.value)


def residue(kind: Any, address: ToxiproxyLink) -> list[Any]:
    return asyncio.run(kind.residue([("it", address)]))


EVERY = (
    Latency(link=IT, delay=ms(40), jitter=ms(10)),
    Bandwidth(link=IT, rate=Rate(100_000), direction="both"),
    Bandwidth(link=IT, rate=Rate(100_000), shared=True),
    Timeout(link=IT, after=ms(2000)),
    Reset(link=IT, toxicity=Ratio(0.1)),
    SlowClose(link=IT, delay=ms(500)),
    Slice(link=IT, size=Size(64), variation=Size(32), delay=timedelta(microseconds=1500)),
    LimitData(link=IT, bytes=Size(10_000)),
    Down(link=IT),
    PacketLoss(link=IT, loss=Ratio(0.03), correlation=Ratio(0.25)),
    Partition(link=IT),
    ConnectTimeout(link=IT),
    Duplicate(link=IT, share=Ratio(0.05)),
    Reorder(link=IT, share=Ratio(0.05)),
)
OF_LINKS = [
    one for one in registry.kinds("injectors").values() if issubclass(one, LinkFault) and one.address is ToxiproxyLink
]


def test_every_fault_of_a_link_is_among_those_tried_here() -> None:
    assert {type(one) for one in EVERY} == set(OF_LINKS)


@pytest.mark.parametrize("fault", EVERY, ids=lambda fault: fault.name)
def test_every_fault_is_made_of_a_toxic_that_there_is(fault: LinkFault) -> None:
    """With exactly its attributes, and for no protocol that it does not carry."""
    able = Toxiproxy(shared("embedded")).abilities()
    type_, attributes = fault.wish(able)

    assert set(attributes) == {*KINDS[type_].whole, *KINDS[type_].shares}
    assert all(isinstance(attributes[name], int) for name in KINDS[type_].whole)
    assert fault.carries <= KINDS[type_].carries
    assert type_ in fault.types


@pytest.mark.parametrize("fault", EVERY, ids=lambda fault: fault.name)
def test_every_fault_comes_and_goes_at_the_embedded_server(fault: LinkFault) -> None:
    with a_link("embedded", "tcp" if "tcp" in fault.carries else "udp") as it:
        trial = Trial(fault, it.address()).inject()
        assert trial.verify().present is True
        assert trial.extend() == 30.0
        found = {(one.target, one.what) for kind in OF_LINKS for one in residue(kind, it.address())}
        assert len(found) == len(it.told()["toxics"])
        trial.heal()

        assert trial.verify().present is False
        assert it.is_well()


def test_each_power_is_known_by_its_protocol() -> None:
    assert all(issubclass(kind, FindsResidue) and issubclass(kind, Extends) for kind in OF_LINKS)
    assert isinstance(OWN, CanBeServed)


# --- planning

OWN = ToxiproxyLink(proxy="shop-cache", listen="localhost:16379", upstream="127.0.0.1:6379")


@pytest.mark.parametrize(
    ("fault", "does"),
    [
        (Latency(link=IT, delay=ms(40), jitter=ms(10)), "40 ms ± 10 ms on answers"),
        (Latency(link=IT, delay=ms(1500), direction="upstream"), "1500 ms on requests"),
        (Bandwidth(link=IT, rate=Rate(100_000)), "at most 100KB/s for each connection on answers"),
        (Bandwidth(link=IT, rate=Rate(10**7), shared=True, direction="both"),
         "at most 10MB/s for all connections together on requests and answers"),
        (Timeout(link=IT), "silence on answers"),
        (Reset(link=IT, toxicity=Ratio(0.1)), "a reset upon the first traffic on answers, for 10% of connections"),
        (LimitData(link=IT, bytes=Size(512)), "connections end after 512B on answers"),
        (Down(link=IT), "the proxy disabled: connections end, and new ones are refused"),
        (ConnectTimeout(link=IT), "connecting hangs"),
    ],
    ids=lambda one: one.name if isinstance(one, LinkFault) else "",
)  # fmt: skip
def test_the_plan_says_what_will_happen_before_the_runs_own_server_runs(fault: LinkFault, does: str) -> None:
    plan = preview(fault, OWN)

    assert plan.does == does
    assert [(one.what, one.key) for one in plan.touches] == [
        ("proxy shop-cache of the run's own Toxiproxy (localhost:16379 to 127.0.0.1:6379)",
         "toxiproxy:127.0.0.1:16379/shop-cache"),
    ]  # fmt: skip


def test_the_plan_says_whether_segments_are_lost_by_the_kernel_or_by_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    how = {True: "by the kernel", False: "modelled by stalls"}
    assert how[can_filter()] in preview(Partition(link=IT), OWN).does
    for can in (True, False):
        monkeypatch.setattr("injectors.proxy.kernel.can_filter", lambda can=can: can)
        assert preview(PacketLoss(link=IT, loss=Ratio(0.03)), OWN).does == f"3% of packets lost, {how[can]}, on answers"
    udp = ToxiproxyLink(proxy="media", listen="127.0.0.1:4000", upstream="127.0.0.1:5000", protocol="udp")
    assert preview(PacketLoss(link=IT, loss=Ratio(0.03)), udp).does == "3% of packets lost on answers"
    bursts = PacketLoss(link=IT, loss=Ratio(0.03), correlation=Ratio(0.25))
    assert preview(bursts, udp).does == "3% of packets lost, 25% correlated, on answers"


def test_a_partition_at_a_real_server_is_called_a_model() -> None:
    with a_link("real") as it:
        plan = preview(Partition(link=IT), it.address())

    assert "modelled (bytes are acknowledged and thrown away, and open connections close at its end)" in plan.does
    assert plan.undo == "the toxics are removed"


def test_the_same_proxy_has_the_same_key_however_it_is_written() -> None:
    with a_link("real") as it:
        port = it.url.rpartition(":")[2]
        plans = [preview(Down(link=IT), it.address(url=f"http://{host}:{port}{end}"))
                 for host in ("127.0.0.1", "localhost", "LOCALHOST") for end in ("", "/")]  # fmt: skip

    assert {plan.touches[0].key for plan in plans} == {f"toxiproxy:127.0.0.1:{port}/{it.name}"}
    assert plans[0].touches[0].what == (f"proxy {it.name} of Toxiproxy at 127.0.0.1:{port} "
                                        f"({it.listen} to {it.upstream})")  # fmt: skip


@pytest.mark.parametrize("fault", [PacketLoss(link=IT, loss=Ratio(0.03)), ConnectTimeout(link=IT), EVERY[2]],
                         ids=lambda fault: fault.name)  # fmt: skip
def test_what_a_real_server_cannot_do_is_refused_with_who_can(fault: LinkFault) -> None:
    with a_link("real") as it:
        why = refusal(fault, it.address())

    assert "Toxiproxy 2.12.0 at 127.0.0.1" in why
    assert "the embedded server can" in why


def test_a_reset_that_a_real_server_could_not_take_back_in_time_is_refused() -> None:
    """Until it comes, that server neither removes it nor answers anything else of the proxy."""
    with a_link("real") as it, a_link("embedded") as ours:
        late = Reset(link=IT, after=ms(5001))
        why = refusal(late, it.address())

        assert "could not be healed before 5001 ms are over; give `after` 5000 ms or less" in why
        assert preview(late, ours.address()).touches
        assert preview(Reset(link=IT, after=ms(5000)), it.address()).touches


def test_a_fault_that_does_not_go_with_what_the_link_carries_is_refused() -> None:
    udp = ToxiproxyLink(proxy="media", listen="127.0.0.1:4000", upstream="127.0.0.1:5000", protocol="udp")

    assert refusal(Reset(link=IT), udp) == "reset is a fault of TCP, and the link carries UDP"
    assert refusal(Duplicate(link=IT, share=Ratio(0.5)), OWN) == "duplicate is a fault of UDP, and the link carries TCP"
    with a_link("real") as it:
        assert "does not carry UDP" in refusal(Latency(link=IT, delay=ms(1)), it.address(protocol="udp"))


@pytest.mark.parametrize(("key", "said"), [("listen", "127.0.0.1:1"), ("upstream", "127.0.0.1:2")])
def test_an_inventory_that_contradicts_the_server_is_refused_with_both(key: str, said: str) -> None:
    with a_link("real") as it:
        why = refusal(Down(link=IT), it.address(**{key: said}))

        assert f"`{key}` is {said} in the inventory, and {getattr(it, key)} at the server" in why
        assert preview(Down(link=IT), it.address(listen="", upstream="")).touches


def test_the_same_place_in_other_words_is_no_contradiction() -> None:
    assert same_place("localhost:1", "127.0.0.1:1")
    assert same_place(":1", "[::]:1")
    assert same_place("0.0.0.0:1", "[::]:1")
    assert not same_place("127.0.0.1:1", "127.0.0.1:2")
    assert not same_place("127.0.0.1:1", "127.0.0.2:1")
    assert not same_place("127.0.0.1:1", "zzz")


@both
def test_a_proxy_that_somebody_else_has_disabled_is_refused_and_left_so(server: str) -> None:
    with a_link(server) as it:
        ask(it.url, it.path, "POST", {"enabled": False})
        trial = Trial(Down(link=IT), it.address())
        with pytest.raises(InjectionFailed, match="is disabled already"):
            trial.inject()

        assert "is disabled already" in refusal(Latency(link=IT, delay=ms(1)), it.address())
        assert (trial.stage.remembered, it.told()["toxics"]) == (0, [])


# --- settings


@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda: Latency(link=IT, delay=timedelta(microseconds=500)), "delay"),
        (lambda: Latency(link=IT, delay=timedelta(0)), "delay"),
        (lambda: Latency(link=IT, delay=timedelta(days=2)), "delay"),
        (lambda: Latency(link=IT, delay=ms(10), jitter=ms(11)), "jitter"),
        (lambda: Latency(link=IT, delay=ms(10), toxicity=Ratio(0.0)), "toxicity"),
        (lambda: Bandwidth(link=IT, rate=Rate(500)), "rate"),
        (lambda: Bandwidth(link=IT, rate=Rate(0)), "rate"),
        (lambda: Slice(link=IT, size=Size(0)), "size"),
        (lambda: Slice(link=IT, size=Size(64), variation=Size(65)), "variation"),
        (lambda: Slice(link=IT, size=Size(64), delay=timedelta(days=2)), "delay"),
        (lambda: PacketLoss(link=IT, loss=Ratio(0.0)), "loss"),
        (lambda: Reorder(link=IT, share=Ratio(0.5), delay=timedelta(0)), "delay"),
        (lambda: ToxiproxyLink(proxy="a/b", url="http://127.0.0.1:8474"), "proxy"),
        (lambda: ToxiproxyLink(proxy="..", url="http://127.0.0.1:8474"), "proxy"),
        (lambda: ToxiproxyLink(proxy="a", url="127.0.0.1:8474"), "url"),
        (lambda: ToxiproxyLink(proxy="a", url="http://user:word@127.0.0.1:8474"), "url"),
        (lambda: ToxiproxyLink(proxy="a"), "listen"),
        (lambda: ToxiproxyLink(proxy="a", listen="127.0.0.1:1"), "upstream"),
        (lambda: ToxiproxyLink(proxy="a", listen="127.0.0.1", upstream="127.0.0.1:1"), "listen"),
        (lambda: ToxiproxyLink(proxy="a", listen="127.0.0.1:70000", upstream="127.0.0.1:1"), "listen"),
        (lambda: ToxiproxyLink(proxy="a", listen="localhost:1", upstream="127.0.0.1:1"), "listen"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(make: Callable[[], object], setting: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        make()

    assert refused.value.args[0] == setting
    assert len(refused.value.args) == 3


def test_settings_at_the_edge_are_taken() -> None:
    assert Latency(link=IT, delay=ms(1), jitter=ms(1)).slower_s == 0
    assert Slice(link=IT, size=Size(64), variation=Size(64)).target == IT
    assert ToxiproxyLink(proxy="a", url="http://[::1]:8474").lacks_server is False
    assert ToxiproxyLink(proxy="a", listen=":1", upstream="cache.internal:65535").lacks_server


# --- effects


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that are sure to come are waited for on a busy machine, too."""
    monkeypatch.setattr("injectors.link_effect._BESIDE_S", 5.0)
    monkeypatch.setattr("injectors.link_effect._THROUGH_S", 5.0)
    monkeypatch.setattr("injectors.link_effect._SILENCE_S", 5.0)


@pytest.mark.usefixtures("patient")
def test_a_ping_that_is_late_says_by_how_much() -> None:
    with a_link("real") as it:
        effect = Trial(Latency(link=IT, delay=ms(400)), it.address()).inject().verify()

    assert effect.present is True
    takes = r"([\d.]+) ms"
    told = re.fullmatch(f"toxic is there; a ping takes {takes} through the link and {takes} beside it", effect.why)
    assert told
    assert float(told[1]) >= 400
    assert float(told[2]) < 400


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Latency(link=IT, delay=ms(3000)), r"a ping is not answered within 1000\.0 ms through the link, and takes "),
        (Timeout(link=IT), r"a ping is not answered within (?:[2-9]\d\d|1000)\.\d ms through the link, and takes "),
        (Reset(link=IT), "a ping is answered by a reset through the link, and takes "),
        (Down(link=IT), "the proxy is disabled; connecting is refused"),
    ],
    ids=lambda one: one.name if isinstance(one, LinkFault) else "",
)
def test_effects_that_are_seen_are_told(fault: LinkFault, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("injectors.link_effect._BESIDE_S", 5.0)
    with a_link("real") as it:
        began_s = time.monotonic()
        effect = Trial(fault, it.address()).inject().verify()

        assert effect.present is True
        assert re.search(why, effect.why)
        assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("fault", [Latency(link=IT, delay=ms(5000)), Timeout(link=IT), Reset(link=IT), Down(link=IT)],
                         ids=lambda fault: fault.name)  # fmt: skip
@pytest.mark.usefixtures("patient")
def test_traffic_that_contradicts_the_server_is_believed(fault: LinkFault) -> None:
    """As where clients reach the upstream by another way: the server says one thing, and pings another."""
    with a_link("real") as it:
        trial = Trial(fault, it.address()).inject()
        trial.stage.data["seen"] = {**trial.stage.data["seen"], "listen": it.upstream}
        effect = trial.verify()

        assert effect.present is False
        assert "there; yet " in effect.why or "disabled; yet " in effect.why


@pytest.mark.parametrize(("after_ms", "agrees"), [((0.3, 0.3, 0.2), True), ((6.0, 6.3, 6.1), False)])
def test_a_moment_of_load_beside_the_link_makes_no_delay_too_short(
    after_ms: tuple[float, ...], agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    took_ms = iter((6.0, 6.1, 6.2, 41.1, *after_ms))
    monkeypatch.setattr(link_effect, "_look", lambda *_: link_effect.Look("answered", next(took_ms) / 1000))
    seen = {"sign": "slower", "listen": "a:1", "upstream": "b:2", "protocol": "tcp", "ping": "?", "at_least_s": 0.04}

    found, said = link_effect.measure(seen)

    least = min(6.0, *after_ms)
    assert found is agrees
    assert f"a ping takes 41.1 ms through the link and {least:.1f} ms beside it" in said


@both
def test_connecting_that_hangs_or_does_not_is_measured(server: str) -> None:
    """With the embedded server's fault, and at a real proxy where there is none."""
    with a_link("embedded") as it, a_link(server) as other:
        trial = Trial(ConnectTimeout(link=IT), it.address()).inject()
        if server == "embedded":
            assert trial.verify() == Effect(True, "toxic is there; connecting hangs")
        else:
            trial.stage.data["seen"] = {**trial.stage.data["seen"], "listen": other.listen}
            assert trial.verify() == Effect(False, "toxic is there; yet clients can connect")


@both
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"attributes": {"latency": 0, "jitter": 0}}, "has latency 0, where 40 was asked"),
        ({"attributes": {"latency": 40, "jitter": 0}, "toxicity": 0}, "has toxicity 0, where 1 was asked"),
        ({"type": "noop"}, "is noop downstream, where latency downstream was asked"),
    ],
)
def test_a_toxic_that_somebody_else_has_put_in_its_place_is_not_it(server: str, change: Any, why: str) -> None:
    with a_link(server) as it:
        trial = Trial(Latency(link=IT, delay=ms(40)), it.address()).inject()
        (ours,) = it.told()["toxics"]
        toxics = f"{it.path}/toxics"
        ask(it.url, f"{toxics}/{ours['name']}", "DELETE")
        ask(it.url, toxics, "POST", {"name": ours["name"], "type": "latency", "stream": "downstream", **change})
        effect = trial.verify()

        assert effect.present is False
        assert effect.why.endswith(why)
        trial.heal()
        assert it.is_well()


def test_a_proxy_that_somebody_disables_has_no_late_answers() -> None:
    with a_link("real") as it:
        trial = Trial(Latency(link=IT, delay=ms(40)), it.address()).inject()
        ask(it.url, it.path, "POST", {"enabled": False})

        assert trial.verify() == Effect(False, f"proxy {it.name} is disabled, so nothing passes it")


def test_what_cannot_be_measured_counts_by_presence_and_says_why() -> None:
    with a_link("real") as it, a_link("embedded", "udp") as udp:
        without = Trial(Latency(link=IT, delay=ms(40)), it.address(ping=""), "1").inject().verify()
        some = Trial(Latency(link=IT, delay=ms(40), toxicity=Ratio(0.5)), it.address(), "2").inject().verify()
        bulk = Trial(Bandwidth(link=IT, rate=Rate(10**6)), it.address(), "3").inject().verify()
        datagrams = Trial(Down(link=IT), udp.address(ping=""), "4").inject().verify()

    assert without == Effect(
        True, "toxic is there; the effect was not measured: the inventory gives the link no `ping`"
    )
    assert some == Effect(True, "toxic is there; the effect was not measured: some connections are spared")
    assert bulk == Effect(True, "toxic is there; the effect was not measured: a rate shows only in bulk")
    assert datagrams.present is True
    assert "not measured" in datagrams.why


@both
def test_an_upstream_that_is_not_there_is_no_proof_against_the_fault(server: str) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with link(shared(server), nobody) as it:
        for number, fault in enumerate((Latency(link=IT, delay=ms(40)), Partition(link=IT), Reset(link=IT))):
            effect = Trial(fault, it.address(), f"{number}").inject().verify()
            assert effect.present is True
            assert f"not measured: {nobody} itself does not answer a ping from here" in effect.why


def test_datagrams_that_nobody_takes_are_refused_or_lost() -> None:
    with a_link("embedded", "udp") as it:
        assert Trial(Down(link=IT), it.address()).inject().verify().present is True


# --- leases


def leases(it: Link) -> list[int]:
    told = ask(it.url, it.path)
    return [one["lease_ms"] for one in [told, *told["toxics"]] if "lease_ms" in one]


def test_at_the_embedded_server_every_fault_has_a_lease_and_it_can_be_renewed() -> None:
    with a_link("embedded") as it:
        trial = Trial(Latency(link=IT, delay=ms(40), direction="both"), it.address()).inject()
        first = leases(it)
        for toxic in it.told()["toxics"]:  # as when most of its time is over
            ask(it.url, f"{it.path}/toxics/{toxic['name']}", "POST", {"lease_ms": 10_000})
        assert max(leases(it)) <= 10_000
        assert trial.extend() == 30

        assert len(first) == len(leases(it)) == 2
        assert max(first) <= 30_000
        assert all(10_000 < one <= 30_000 for one in leases(it))


def test_a_mark_outlasts_what_it_marks() -> None:
    with a_link("embedded") as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        for lasts in (lambda: None, trial.extend):
            lasts()
            proxy, mark = leases(it)
            assert proxy <= 30_000
            assert 2_500 < mark - proxy <= 5_000, "less by what passes between the one and the other"


def test_a_real_server_has_no_leases() -> None:
    with a_link("real") as it:
        assert Trial(Down(link=IT), it.address()).inject().extend() is None


@pytest.mark.parametrize("fault", [Latency(link=IT, delay=ms(40)), Down(link=IT)], ids=lambda fault: fault.name)
@both
def test_a_fault_that_is_gone_is_not_renewed(server: str, fault: LinkFault) -> None:
    """Nor does it go unnoticed where there are no leases."""
    with a_link(server) as it:
        trial = Trial(fault, it.address()).inject()
        it.mend()
        with pytest.raises(InjectionFailed, match="no longer at proxy"):
            trial.extend()

        assert it.is_well()


@both
def test_a_proxy_that_is_enabled_again_is_not_taken_down_by_renewing(server: str) -> None:
    with a_link(server) as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        ask(it.url, it.path, "POST", {"enabled": True})
        with pytest.raises(InjectionFailed, match="is enabled again"):
            trial.extend()

        assert it.told()["enabled"]


# --- healing


@both
def test_two_faults_of_one_link_are_healed_one_by_one_in_any_order(server: str) -> None:
    with a_link(server) as it:
        slow = Trial(Latency(link=IT, delay=ms(40)), it.address(), "1").inject()
        down = Trial(Down(link=IT), it.address(), "2").inject()
        slow.heal()
        assert slow.verify().present is False
        assert down.verify().present is True
        down.heal()

        assert it.is_well()


@both
def test_a_proxy_that_was_deleted_has_taken_its_fault_along(server: str) -> None:
    with a_link(server) as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        ask(it.url, it.path, "DELETE")

        assert trial.heal() == []
        assert trial.verify().present is False
        assert "has no proxy" in trial.verify().why


@both
def test_a_proxy_that_somebody_else_disabled_meanwhile_is_left_disabled(server: str) -> None:
    with a_link(server) as it:
        trial = Trial(Latency(link=IT, delay=ms(40)), it.address()).inject()
        ask(it.url, it.path, "POST", {"enabled": False})
        trial.heal()

        assert (it.told()["enabled"], it.told()["toxics"]) == (False, [])


@both
def test_a_port_that_was_taken_meanwhile_is_told_and_the_mark_stays(server: str) -> None:
    """To enable is answered with 500, which the package takes for a success."""
    with a_link(server) as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        with socket.create_server(it.place()):
            with pytest.raises(InjectionFailed, match="address already in use"):
                trial.heal()
            assert len(it.told()["toxics"]) == 1
        trial.heal()

        assert it.is_well()


@both
def test_a_proxy_that_is_down_without_its_mark_is_not_called_healed(server: str) -> None:
    """Somebody has removed all toxics, and nobody can say any more whose doing it is that the proxy is disabled."""
    with a_link(server) as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        (mark,) = it.told()["toxics"]
        ask(it.url, f"{it.path}/toxics/{mark['name']}", "DELETE")
        trial.heal()
        effect = trial.verify()

        assert effect.present is None
        assert f"proxy {it.name} of Toxiproxy at 127.0.0.1:" in effect.why
        assert "enable it, and heal again" in effect.why
        ask(it.url, it.path, "POST", {"enabled": True})
        assert trial.heal() == []
        assert trial.verify().present is False


def test_heal_removes_nobody_elses_toxics() -> None:
    with a_link("real") as it:
        theirs = {"name": "theirs", "type": "latency", "attributes": {"latency": 1}}
        ask(it.url, f"{it.path}/toxics", "POST", theirs)
        trial = Trial(Latency(link=IT, delay=ms(40)), it.address()).inject()
        trial.heal()

        assert [one["name"] for one in it.told()["toxics"]] == ["theirs"]


def test_the_same_injection_twice_is_refused() -> None:
    with a_link("real") as it:
        Trial(Down(link=IT), it.address(), "1").inject()
        ask(it.url, it.path, "POST", {"enabled": True})
        again = Trial(Down(link=IT), it.address(), "1")
        with pytest.raises(InjectionFailed, match="has a toxic drill-1-down already"):
            again.inject()

        assert again.stage.remembered == 0


def test_toxics_bear_the_injections_name_made_safe_and_still_one_of_a_kind() -> None:
    with a_link("real") as it:
        for id_ in ("3f2a-slow-1.2", "3f2a-a b", "3f2a-a/b"):
            Trial(Latency(link=IT, delay=ms(1)), it.address(), id_).inject()
        names = [one["name"] for one in it.told()["toxics"]]

    assert names[0] == "drill-3f2a-slow-1.2-downstream"
    assert len(set(names)) == 3
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-._") for name in names)


# --- residue


@both
def test_what_is_not_ours_is_no_residue(server: str) -> None:
    with a_link(server) as it:
        for name, type_ in (("theirs", "latency"), ("latency_downstream", "latency"), ("drills", "noop")):
            ask(it.url, f"{it.path}/toxics", "POST", {"name": name, "type": type_})
        ask(it.url, it.path, "POST", {"enabled": False})

        assert [one for kind in OF_LINKS for one in residue(kind, it.address())] == []


def test_residue_of_a_server_that_does_not_answer_is_not_called_clean() -> None:
    address = OWN.served(free_port(), "")
    with pytest.raises(InjectionFailed, match="cannot be reached"):
        residue(Latency, address)

    assert residue(Latency, OWN) == []


# --- the server that a run starts itself


@contextmanager
def own_server(folder: Path, upstream: str) -> Iterator[tuple[ToxiproxyLink, host.Process]]:
    """As a run does it: from what the addresses say, with a pidfile."""
    bare = ToxiproxyLink(proxy="own link", listen=f"127.0.0.1:{free_port()}", upstream=upstream, ping="ping\n")
    port, pidfile = free_port(), str(folder / "toxiproxy.pid")
    server = ToxiproxyLink.server([bare, bare], port, str(folder))
    for name, text in server.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    address = bare.served(port, pidfile)
    before = preview(Latency(link=IT, delay=ms(40)), address)
    argv = (sys.executable, "-m", server.module, *server.arguments)
    root = str(Path(__file__).parents[2])
    process = host.spawn(Start(argv=argv, cwd=root, log=str(folder / "log"), pidfile=pidfile))
    try:
        assert eventually(lambda: _answers(server.ready), 20)
        during = preview(Latency(link=IT, delay=ms(40)), address)
        assert before.touches[0].key == during.touches[0].key == preview(Down(link=IT), bare).touches[0].key
        assert "the run's own Toxiproxy" in before.touches[0].what
        assert f"Toxiproxy at 127.0.0.1:{port}" in during.touches[0].what
        yield address, process
    finally:
        assert not host.end(process, patience_s=0.0)


def _answers(url: str) -> bool:
    try:
        return bool(ask(url, ""))
    except OSError:
        return False


def test_the_runs_own_server_has_the_proxies_of_its_links_and_dies_with_their_faults(tmp_path: Path) -> None:
    with own_server(tmp_path, shared("tcp")) as (address, process):
        trials = [Trial(fault, address, name).inject() for name, fault in
                  (("1", Latency(link=IT, delay=ms(40))), ("2", Down(link=IT)))]  # fmt: skip
        assert trials[1].verify().present is True
        assert residue(Latency, address)
        host.end(process, patience_s=0.0)
        for trial in trials:
            assert trial.heal() == []
            effect = trial.verify()
            assert effect.present is False
            assert "has ended, and the fault is gone with it" in effect.why

        assert residue(Latency, address) == []


def own(proxy: str = "a", listen: str = "127.0.0.1:1", upstream: str = "127.0.0.1:9", **more: Any) -> ToxiproxyLink:
    return ToxiproxyLink(proxy=proxy, listen=listen, upstream=upstream, **more)


@pytest.mark.parametrize(
    ("other", "setting", "why"),
    [
        (own(listen="127.0.0.1:2"), "listen", "proxy a for two links, with `listen` 127.0.0.1:1 and 127.0.0.1:2"),
        (own(upstream="cache:9"), "upstream", "proxy a for two links, with `upstream` 127.0.0.1:9 and cache:9"),
        (own(protocol="udp"), "protocol", "proxy a for two links, with `protocol` tcp and udp"),
        (own("b"), "listen", "proxy a listening on 127.0.0.1:1, and proxy b on 127.0.0.1:1"),
        (own("b", "localhost:1"), "listen", "proxy b on localhost:1"),
        (own("b", ":1"), "listen", "proxy b on :1"),
        (own("b", "[::]:1"), "listen", "proxy b on [::]:1"),
    ],
)
def test_links_whose_proxies_one_server_cannot_have_are_refused(other: ToxiproxyLink, setting: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        ToxiproxyLink.server([own(), own("c", "127.0.0.1:3"), other], 8474, "/tmp")

    assert refused.value.args[0] == setting
    assert why in refused.value.args[1]
    assert len(refused.value.args) == 3


def test_links_that_one_server_can_have_are_taken_and_the_same_ones_once() -> None:
    alike = [
        own(),
        own(listen="localhost:1"),
        own("b", "127.0.0.1:2"),
        own("c", protocol="udp"),
        own("d", "127.0.0.2:1"),
    ]
    server = ToxiproxyLink.server(alike, 8474, "/tmp")

    assert [one["name"] for one in json.loads(server.files["toxiproxy.json"])] == ["a", "b", "c", "d"]
    assert server.ready == "http://127.0.0.1:8474/proxies/d", "it is there when all are"


def test_a_server_that_is_gone_and_is_not_the_runs_own_leaves_all_open() -> None:
    """It may be back any moment, with its toxics or without; and what cannot be seen is not called gone."""
    with real_toxiproxy() as server:
        with link(server.url, shared("tcp")) as it:
            trial = Trial(Latency(link=IT, delay=ms(40)), it.address()).inject()
            os.kill(server.pid, 9)
            assert eventually(lambda: not _answers(f"{server.url}/version"))

        with pytest.raises(InjectionFailed, match="cannot be reached"):
            trial.heal()
        assert trial.verify().present is None
        with pytest.raises(InjectionFailed, match="cannot be reached"):
            residue(Latency, it.address())


# --- servers that behave as real ones will not on demand


class _Fake(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if not self.server.by_path:  # type: ignore[attr-defined]
            self.server.answer(self)  # type: ignore[attr-defined]
            return
        status, body = self.server.answer(self.command, self.path)  # type: ignore[attr-defined]
        if status is None:
            self.server.released.wait(5)  # type: ignore[attr-defined]
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - as the library calls them

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def fake(answer: Callable[..., Any]) -> Iterator[str]:
    """A server of which each answer is made up, from method and path or by hand; a status of None is silence."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Fake)
    server.answer, server.released = answer, threading.Event()
    server.by_path = len(signature(answer).parameters) == 2
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.released.set()
        server.shutdown()
        thread.join(5)
        server.server_close()


def toxiproxy_but(**other: tuple[int | None, bytes]) -> Callable[[str, str], tuple[int | None, bytes]]:
    """What a Toxiproxy with one proxy answers, apart from `GET`, `POST`, `DELETE` or `version`."""
    proxy = {"name": "p", "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": True, "toxics": []}

    def answer(method: str, path: str) -> tuple[int | None, bytes]:
        if path == "/version":
            return other.get("version", (200, b'{"version": "2.12.0"}\n'))
        if path == "/capabilities":
            return 404, b"404 page not found\n"
        return other.get(method, (200, json.dumps(proxy).encode()))

    return answer


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (
            {"version": (200, b"<html>a shop</html>")},
            "is no Toxiproxy: 200 to GET /version, with `<html>a shop</html>`",
        ),
        ({"version": (404, b"no such page")}, "is no Toxiproxy"),
        ({"version": (200, b'{"version": 3}')}, "is no Toxiproxy"),
        ({"version": (200, b"2.1.4")}, "is version 2.1.4, and 2.5 or newer is needed"),
        ({"version": (200, b'{"version": "2.4.0"}')}, "is version 2.4.0, and 2.5 or newer is needed"),
        ({"version": (503, b"<html>Timeout</html>")}, "answered 503 to GET /version; see whether it hangs"),
        ({"GET": (200, b'{"name": "p"}')}, "is no Toxiproxy"),
        ({"GET": (200, b'{"name": "p", "listen": 1, "upstream": 2, "enabled": true, "toxics": 5}')}, "is no Toxiproxy"),
        ({"GET": (404, b"404 page not found")}, "is no Toxiproxy"),
        ({"GET": (302, b"elsewhere")}, "is no Toxiproxy"),
        ({"GET": (503, b"<html>Timeout</html>")}, "answered 503"),
    ],
)
def test_what_is_no_toxiproxy_or_cannot_serve_is_said_to_be_so(other: Any, why: str) -> None:
    with fake(toxiproxy_but(**other)) as url:
        said = refusal(Down(link=IT), ToxiproxyLink(proxy="p", url=url))

    assert why in said
    assert url.removeprefix("http://") in said


@pytest.mark.parametrize("version", [b'{"version": "git"}', b'{"version": "2.5.0"}', b'{"version": "3.0.0-rc1"}'])
def test_newer_versions_and_builds_without_one_are_taken(version: bytes) -> None:
    with fake(toxiproxy_but(version=(200, version))) as url:
        assert preview(Down(link=IT), ToxiproxyLink(proxy="p", url=url)).touches


def test_a_server_that_does_not_speak_http_is_said_to_be_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def chat() -> None:
            one, _ = listener.accept()
            with one:
                one.recv(4096)
                one.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=chat)
        thread.start()
        said = refusal(Down(link=IT), ToxiproxyLink(proxy="p", url=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join(5)

    assert "is no Toxiproxy, and does not even speak HTTP" in said


def test_a_silent_server_is_given_up() -> None:
    late = pytest.raises(InjectionFailed, match=r"did not answer GET /version within 0\.2 s")
    with fake(toxiproxy_but(version=(None, b""))) as url, late:
        Toxiproxy(url, read_s=0.2).abilities()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, b"<html>Timeout</html>"), "answered 503 to a change of proxy p: see whether it hangs"),
        ((500, b'{"error":"listen tcp: no","status":500}'), "answered 500 to a change of proxy p: listen tcp: no"),
        ((301, b""), "answered 301 to a change of proxy p"),
        ((403, b"User agent not allowed"), "answered 403 to a change of proxy p: User agent not allowed"),
        ((409, b'{"error":"toxic already exists","status":409}'), "proxy p: toxic already exists"),
        ((400, b'{"error":"bad request body: no","status":400}'), "proxy p: bad request body: no"),
        ((404, b'{"error":"proxy not found","status":404}'), "proxy p: proxy not found"),
        ((200, b"<html>welcome</html>"), "answered what no Toxiproxy would to a change of proxy p"),
        ((200, b"{}"), "was asked to add latency to proxy p, and afterwards it is not there"),
        ((None, b""), "did not answer a change of proxy p within 0.3 s"),
    ],
)
def test_an_act_that_was_not_done_is_never_taken_for_done(answer: tuple[int | None, bytes], why: str) -> None:
    toxic = Toxic(name="drill-1-downstream", type="latency", stream="downstream", attributes={"latency": 1})
    with fake(toxiproxy_but(POST=answer)) as url, pytest.raises(InjectionFailed) as failed:
        Toxiproxy(url, act_s=10 if answer[0] else 0.3).add("p", toxic, None)

    assert why in str(failed.value)


@pytest.mark.parametrize("answer", [(503, b"<html>"), (500, b""), (200, b"fine")])
def test_a_toxic_that_is_still_there_was_not_removed(answer: tuple[int, bytes]) -> None:
    toxic = {"name": "drill-1-downstream", "type": "noop", "stream": "downstream", "toxicity": 1, "attributes": {}}
    proxy = {"name": "p", "listen": "", "upstream": "", "enabled": True, "toxics": [toxic]}
    there = toxiproxy_but(DELETE=answer, GET=(200, json.dumps(proxy).encode()))
    with fake(there) as url, pytest.raises(InjectionFailed, match=r"answered 50|is still there"):
        Toxiproxy(url).remove("p", "drill-1-downstream")


def test_an_enabling_that_is_only_pretended_is_not_believed() -> None:
    proxy = {"name": "p", "listen": "", "upstream": "", "enabled": False, "toxics": []}
    there = toxiproxy_but(GET=(200, json.dumps(proxy).encode()))
    with fake(there) as url, pytest.raises(InjectionFailed, match="is still disabled"):
        Toxiproxy(url).enable("p")


@contextmanager
def slow_answer(tail: Callable[[socket.socket, threading.Event], object]) -> Iterator[str]:
    """A server that promises a thousand bytes; `tail` does with them what it likes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            one, _ = listener.accept()
            with one, suppress(OSError):
                one.recv(4096)
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                tail(one, over)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join(5)


def drip(one: socket.socket, over: threading.Event) -> None:
    """Each byte comes in time, and the whole never does."""
    while not over.wait(0.02):
        one.sendall(b" ")


@pytest.mark.parametrize(
    ("tail", "why", "within_s"),
    [
        (drip, "did not answer", 0.2),
        (lambda _, over: over.wait(10), "did not answer", 0.2),
        (lambda one, _: one.sendall(b"{"), "cannot be reached|is no Toxiproxy", 4.0),
    ],
    ids=["drips", "stalls", "breaks off"],
)
def test_an_answer_that_does_not_come_to_its_end_is_given_up(tail: Any, why: str, within_s: float) -> None:
    for ask_ in (lambda server: server.enable("p"), lambda server: server.abilities()):
        began_s = time.monotonic()
        with slow_answer(tail) as url, pytest.raises(InjectionFailed, match=why):
            ask_(Toxiproxy(url, read_s=within_s, act_s=within_s))
        assert time.monotonic() - began_s < 4, "and not as late as its end would come"


def test_a_redirect_is_not_followed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        place = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/version"
        elsewhere.settimeout(0.05)

        def move(one: BaseHTTPRequestHandler) -> None:
            one.send_response(301)
            one.send_header("Location", place)
            one.send_header("Content-Length", "0")
            one.end_headers()

        with fake(move) as url:
            for ask_ in (lambda server: server.enable("p"), lambda server: server.abilities()):
                with pytest.raises(InjectionFailed, match="301"):
                    ask_(Toxiproxy(url))
        with pytest.raises(TimeoutError):
            elsewhere.accept()


# --- the package's own traps, at real servers


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which all HTTP goes to nobody."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@both
@pytest.mark.usefixtures("dead_proxy")
def test_a_proxy_of_the_environment_is_not_asked_for_this_host(server: str) -> None:
    with a_link(server) as it:
        trial = Trial(Down(link=IT), it.address()).inject()
        trial.heal()
        assert it.is_well()


@pytest.mark.usefixtures("dead_proxy")
def test_for_other_hosts_the_environment_is_heeded() -> None:
    """The name is one that nobody has, and the answer comes from whoever was to be asked for it."""
    said = refusal(Down(link=IT), ToxiproxyLink(proxy="p", url="http://toxiproxy.invalid:8474"))

    assert "cannot be reached (Connection refused)" in said


def test_two_servers_are_driven_at_once_and_never_mixed_up() -> None:
    """The package has one address for the whole process."""
    with ExitStack() as open_:
        first, second = (open_.enter_context(real_toxiproxy()) for _ in range(2))
        links = [open_.enter_context(link(one.url, shared("tcp"))) for one in (first, second)]
        wrong: list[str] = []

        def drive(it: Link, delay: int) -> None:
            server = Toxiproxy(it.url)
            for number in range(25):
                toxic = Toxic(
                    name=f"drill-{delay}-{number}", type="latency", stream="upstream", attributes={"latency": delay}
                )
                try:
                    server.add(it.name, toxic, None)
                    server.remove(it.name, toxic.name)
                except InjectionFailed as error:
                    wrong.append(str(error))

        threads = [threading.Thread(target=drive, args=(it, delay)) for delay in (1, 2) for it in links]
        interval_s = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # so that threads meet in the middle of everything
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        finally:
            sys.setswitchinterval(interval_s)

        assert wrong == []
        assert all(it.is_well() for it in links)


def test_somebody_else_can_use_the_package_meanwhile() -> None:
    """His calls go to his server also in the middle of ours, and ours to ours when he turns to another server."""
    import toxiproxy

    from injectors import toxiproxy_python

    with a_link("real") as ours, a_link("embedded") as his, ExitStack() as after:
        after.callback(toxiproxy.Toxiproxy().update_api_consumer, "127.0.0.1", 8474)

        def meanwhile(proxy: Any) -> None:
            toxiproxy.Toxiproxy().update_api_consumer("127.0.0.1", int(his.url.rpartition(":")[2]))
            toxiproxy.Proxy(name=quote(his.name), upstream="", enabled=True, listen="").disable()
            proxy.disable()

        toxiproxy_python.call(ours.url, ours.name, meanwhile, within_s=5)

        assert (ours.told()["enabled"], his.told()["enabled"]) == (False, False)


def test_a_server_that_does_not_answer_holds_up_another_one_no_longer_than_its_deadline() -> None:
    with fake(toxiproxy_but(POST=(None, b""))) as url, a_link("real") as it:

        def hang() -> None:
            with pytest.raises(InjectionFailed):
                Toxiproxy(url, act_s=2).enable("p")

        slow = threading.Thread(target=hang)
        slow.start()
        assert eventually(_is_talking)
        with pytest.raises(InjectionFailed, match=r"could not be asked for 0\.1 s"):
            Toxiproxy(it.url, act_s=0.1).enable(it.name)
        Toxiproxy(it.url, act_s=10).enable(it.name)
        slow.join(10)

        assert it.is_well()


def _is_talking() -> bool:
    from injectors.toxiproxy_python import _one_at_a_time

    return _one_at_a_time.locked()


def test_a_server_is_reached_by_ipv6() -> None:
    with real_toxiproxy("-host", "::") as server:
        url = f"http://[::1]:{server.port}"
        with link(server.url, shared("tcp")) as it:
            trial = Trial(Latency(link=IT, delay=ms(40)), it.address(url=url)).inject()
            assert trial.verify().present is True
            assert (
                preview(Down(link=IT), it.address(url=url)).touches[0].key == f"toxiproxy:[::1]:{server.port}/{it.name}"
            )
            trial.heal()
            assert it.is_well()


def test_a_model_brings_no_client_along() -> None:
    """Linting a drill reads the models and nothing more."""
    heavy = ("requests", "toxiproxy", "urllib.request", "socket")
    code = f"import injectors.link, sys; print(*[one for one in {heavy} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True,
                          timeout=30, check=True)  # fmt: skip

    assert done.stdout.strip() == ""
