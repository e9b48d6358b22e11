"""The probe of a media stream, against reflectors on real sockets."""

import asyncio
import gc
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from checks import GOOD, CannotLook, Sample, Seen, TargetName, Watch
from checks.probes.udp_stream import UdpReflector, UdpStreamProbe
from drills.clock import SystemClock
from drills.sampling import Sampler
from tests.checks.probes.servers import comes
from tests.ports import free_port

CALL = TargetName("call")


class Reflector(asyncio.DatagramProtocol):
    """Keeps what it hears, and sends back what a test makes of it: nothing, the same, or several things."""

    def __init__(self, answers: Callable[[bytes], list[bytes]] = lambda heard: [heard]) -> None:
        self.answers = answers
        self.heard: list[bytes] = []
        self.caller: Any = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.append(data)
        self.caller = addr
        for answer in self.answers(data):
            self.say(answer)

    def say(self, answer: bytes) -> None:
        self.transport.sendto(answer, self.caller)


def call(reflector: Reflector, do: Callable[[Watch], Awaitable[None]], mark: str = "m", **settings: int) -> None:
    """Open the probe on a reflector, and see that its socket is gone afterwards."""

    async def main() -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: reflector, local_addr=("127.0.0.1", 0)
        )
        try:
            async with UdpStreamProbe(target=CALL, **settings).open(at(transport), mark) as watch:
                await do(watch)
                assert watch._waiting == {}  # type: ignore[attr-defined]
            assert watch.transport.get_extra_info("socket").fileno() == -1  # type: ignore[attr-defined]
        finally:
            transport.abort()

    asyncio.run(main())
    gc.collect()  # a socket or an error that nobody took would complain now


def at(transport: Any) -> UdpReflector:
    host, port = transport.get_extra_info("sockname")
    return UdpReflector(host=host, port=port)


def number(datagram: bytes) -> int:
    return int.from_bytes(datagram[16:24], "big")


async def looks(watch: Watch, *numbers: int, patience_s: float = 5.0) -> list[Any]:
    """What each of these looks, sent one right after the other, gave or raised."""
    tasks = [asyncio.create_task(watch.look(n)) for n in numbers]
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), patience_s)


async def is_lost(task: "asyncio.Task[Any]", patience_s: float = 0.1) -> bool:
    """Whether it is still waiting after a while; it is cancelled then, as the sampler does."""
    done, _ = await asyncio.wait([task], timeout=patience_s)
    task.cancel()
    await asyncio.wait([task])
    return not done and task.cancelled()


def test_each_look_is_a_datagram_with_the_mark_and_its_own_number() -> None:
    reflector = Reflector()

    async def do(watch: Watch) -> None:
        assert await looks(watch, 0, 1, 700) == [GOOD] * 3

    call(reflector, do, mark="3af2_media")
    assert [number(one) for one in reflector.heard] == [0, 1, 700]
    assert all(one.startswith(b"3af2_media\0") and len(one) == 160 for one in reflector.heard)


@pytest.mark.parametrize("size", [24, 1400])
def test_a_datagram_has_the_size_that_is_asked_for(size: int) -> None:
    reflector = Reflector()

    async def do(watch: Watch) -> None:
        assert await looks(watch, 2**40) == [GOOD]

    call(reflector, do, mark="a_mark_that_is_longer_than_its_place", size=size)
    assert [len(one) for one in reflector.heard] == [size]
    assert number(reflector.heard[0]) == 2**40


@pytest.mark.parametrize("size", [23, 1401, -1])
def test_no_other_size_can_be_asked_for(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes") as error:
        UdpStreamProbe(target=CALL, size=size)
    assert error.value.args[::2] == ("size", "give it 24 to 1400")


def test_order_does_not_matter() -> None:
    """The reflector keeps three, and sends them back in the opposite order, the last of them twice."""
    kept: list[bytes] = []

    def backwards(heard: bytes) -> list[bytes]:
        kept.append(heard)
        return [*reversed(kept), heard] if len(kept) == 3 else []

    async def do(watch: Watch) -> None:
        assert await looks(watch, 0, 1, 2) == [GOOD] * 3

    call(Reflector(backwards), do)


def test_what_comes_twice_answers_nobody_else() -> None:
    """The first datagram comes back three times, the second never."""

    async def do(watch: Watch) -> None:
        assert await looks(watch, 0) == [GOOD]
        assert await is_lost(asyncio.create_task(watch.look(1)))

    call(Reflector(lambda heard: [heard] * 3 if number(heard) == 0 else []), do)


def test_what_comes_back_twice_at_once_or_just_when_the_time_is_up_harms_nobody() -> None:
    """The look is told, or cancelled, and has had no turn yet."""
    reflector = Reflector(lambda heard: [])

    async def do(watch: Watch) -> None:
        going, over = (asyncio.create_task(watch.look(n)) for n in (0, 1))
        await comes(lambda: len(reflector.heard) == 2, "both datagrams")
        over.cancel()
        for datagram in reflector.heard * 2:
            watch.came(datagram)  # type: ignore[attr-defined]
        assert await asyncio.wait_for(going, 5) == GOOD
        await asyncio.wait([over])
        assert over.cancelled()

    call(reflector, do)


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda heard: b"",
        lambda heard: b"hello",
        lambda heard: heard[:-1],
        lambda heard: heard + b"\0",
        lambda heard: b"x" + heard[1:],
        lambda heard: heard[:23] + bytes([heard[23] + 1]) + heard[24:],
        lambda heard: heard[:-1] + b"!",
    ],
    ids=["nothing", "another", "cut", "longer", "mark", "number", "content"],
)
def test_only_what_was_sent_is_an_answer(spoiled: Callable[[bytes], bytes]) -> None:
    reflector = Reflector(lambda heard: [spoiled(heard)])

    async def do(watch: Watch) -> None:
        assert await is_lost(asyncio.create_task(watch.look(4)))

    call(reflector, do)
    assert reflector.heard


def test_what_another_sends_is_not_heard() -> None:
    """A stranger guesses the port, and says just the right thing."""
    reflector = Reflector(lambda heard: [])

    async def do(watch: Watch) -> None:
        going = asyncio.create_task(watch.look(0))
        await comes(lambda: reflector.heard, "the datagram")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(reflector.heard[0], reflector.caller)
        assert await is_lost(going)

    call(reflector, do)


def test_an_answer_after_the_time_is_up_is_lost_and_harms_nobody() -> None:
    reflector = Reflector(lambda heard: [])

    async def do(watch: Watch) -> None:
        assert await is_lost(asyncio.create_task(watch.look(0)), patience_s=0.02)
        reflector.answers = lambda heard: [reflector.heard[0], heard]
        assert await looks(watch, 1) == [GOOD]

    call(reflector, do)


class TestRefusals:
    def test_a_port_where_nobody_listens_is_unreachable_at_once(self) -> None:
        async def main() -> None:
            address = UdpReflector(host="127.0.0.1", port=free_port())
            async with UdpStreamProbe(target=CALL).open(address, "m") as watch:
                for n in range(3):
                    with pytest.raises(ConnectionRefusedError):
                        await asyncio.wait_for(watch.look(n), 5)

        asyncio.run(main())

    def test_a_reflector_that_comes_back_is_heard_again(self) -> None:
        async def main() -> None:
            loop, address = asyncio.get_running_loop(), UdpReflector(host="127.0.0.1", port=free_port())
            async with UdpStreamProbe(target=CALL).open(address, "m") as watch:
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.wait_for(watch.look(0), 5)
                transport, _ = await loop.create_datagram_endpoint(Reflector, local_addr=(address.host, address.port))
                assert await looks(watch, 1) == [GOOD]
                transport.abort()

        asyncio.run(main())

    def test_one_refusal_takes_one_look_with_it(self) -> None:
        """The reflector still owes two answers; one refusal comes, and then one of the two after all."""
        reflector = Reflector(lambda heard: [])

        async def do(watch: Watch) -> None:
            going = [asyncio.create_task(watch.look(n)) for n in (0, 1)]
            await comes(lambda: len(reflector.heard) == 2, "both datagrams")
            watch.refused(ConnectionRefusedError(111, "refused"))  # type: ignore[attr-defined]
            reflector.say(reflector.heard[1])
            refused, good = await asyncio.wait_for(asyncio.gather(*going, return_exceptions=True), 5)
            assert isinstance(refused, ConnectionRefusedError)
            assert good == GOOD

        call(reflector, do)

    def test_what_cannot_be_sent_is_told_of_that_datagram_and_of_no_other(self) -> None:
        """A datagram that no socket takes, while another one is on its way."""
        reflector = Reflector(lambda heard: [])

        async def do(watch: Watch) -> None:
            going = asyncio.create_task(watch.look(0))
            await comes(lambda: reflector.heard, "the datagram")
            watch._size = 70_000  # type: ignore[attr-defined]
            (error,) = await looks(watch, 1)
            assert isinstance(error, OSError)
            assert "too long" in str(error)
            reflector.say(reflector.heard[0])
            assert await asyncio.wait_for(going, 5) == GOOD

        call(reflector, do)

    def test_two_refusals_at_once_are_of_two_datagrams(self) -> None:
        reflector = Reflector(lambda heard: [])

        async def do(watch: Watch) -> None:
            going = [asyncio.create_task(watch.look(n)) for n in (0, 1, 2)]
            await comes(lambda: len(reflector.heard) == 3, "all datagrams")
            watch.refused(ConnectionRefusedError(111, "refused"))  # type: ignore[attr-defined]
            watch.refused(ConnectionRefusedError(111, "refused"))  # type: ignore[attr-defined]
            reflector.say(reflector.heard[2])
            *refused, good = await asyncio.wait_for(asyncio.gather(*going, return_exceptions=True), 5)
            assert [type(one) for one in refused] == [ConnectionRefusedError] * 2
            assert good == GOOD

        call(reflector, do)

    def test_a_refusal_that_nobody_waits_for_is_nothing(self) -> None:
        async def do(watch: Watch) -> None:
            watch.refused(ConnectionRefusedError(111, "refused"))  # type: ignore[attr-defined]
            assert await looks(watch, 0) == [GOOD]

        call(Reflector(), do)


def test_a_name_that_is_none_cannot_be_looked_at() -> None:
    async def main() -> None:
        async with UdpStreamProbe(target=CALL).open(UdpReflector(host="no.such.name.invalid", port=9), "m"):
            pass

    with pytest.raises(CannotLook, match=r"no way to no\.such\.name\.invalid:9: "):
        asyncio.run(main())


def test_cancelled_looks_leave_nothing() -> None:
    """Each is cancelled somewhere on its way, with answers and refusals coming in between; then one is good."""
    dice = random.Random(5)

    async def do(watch: Watch) -> None:
        for n in range(200):
            going = asyncio.create_task(watch.look(n))
            for _ in range(dice.randrange(5)):
                await asyncio.sleep(0)
            if n % 3 == 0:
                watch.refused(ConnectionRefusedError(111, "refused"))  # type: ignore[attr-defined]
            going.cancel()
            await asyncio.wait([going])
        assert await looks(watch, 200) == [GOOD]

    call(Reflector(), do)


def test_the_sampler_keeps_the_pace_and_the_time_of_each_is_there_and_back() -> None:
    """50 packets a second; each tenth is lost, and the rest come back 30 ms later."""
    samples: list[Sample] = []

    async def do(watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        reflector.answers = lambda heard: (
            [] if number(heard) % 10 == 0 else (loop.call_later(0.03, reflector.say, heard), [])[1]
        )
        clock = SystemClock()
        sampler = Sampler("call", watch, every_s=0.02, timeout_s=2.5, clock=clock, origin_s=clock.monotonic_s(),
                          record=samples.append)  # fmt: skip
        going = asyncio.create_task(sampler.run())
        await comes(lambda: len(reflector.heard) >= 25, "25 datagrams")
        await comes(lambda: sum(one.seen is Seen.BAD for one in samples) >= 3, "the third loss")
        sampler.stop()
        await going

    reflector = Reflector()
    call(reflector, do)
    lost = [one for one in samples if one.seen is Seen.BAD]
    good = [one for one in samples if one.seen is Seen.GOOD]
    assert {one.n % 10 for one in lost} == {0}
    assert {one.why for one in lost} == {"no answer within 2.5 s"}
    assert len(good) >= 20
    assert all(0.03 <= one.took_s < 2.5 for one in good)
    planned_s = sorted(one.planned_s for one in samples)
    assert planned_s == pytest.approx([planned_s[0] + n * 0.02 for n in range(len(samples))])
