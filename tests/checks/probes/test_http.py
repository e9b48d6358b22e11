"""The HTTP probe, against a server that says exactly what a test wants it to say."""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from checks import CannotLook, Look, Seen, TargetName, Watch
from checks.probes.http import HttpProbe, HttpService
from tests.checks.probes.servers import certificate, comes
from tests.ports import free_port

SHOP = TargetName("shop")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Site:
    """Answers every request with the same bytes, and remembers requests and connections."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = self.open = 0
        self.silent = False
        self.hang_up_after = 1_000_000
        """Requests of one connection after which the next is answered by hanging up."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        served = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
                )
                self.requests.append(head + await reader.readexactly(body))
                if self.silent:
                    await reader.read()
                if served >= self.hang_up_after:
                    break
                served += 1
                writer.write(self.answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


def visit(site: Site, probe: HttpProbe, do: Callable[[Watch], Awaitable[object]], **address: object) -> None:
    async def main() -> None:
        async with await asyncio.start_server(site.serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with probe.open(HttpService(url=url, **address), "m") as watch:  # type: ignore[arg-type]
                await do(watch)
            await comes(lambda: site.open == 0, "the end of all connections")

    asyncio.run(main())


def look_at(site: Site, **settings: object) -> Look:
    seen: list[Look] = []

    async def do(watch: Watch) -> None:
        seen.append(await watch.look(0))

    visit(site, HttpProbe(target=SHOP, **settings), do)  # type: ignore[arg-type]
    return seen[0]


def answer(status: int, body: bytes = b"", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("status", "seen"), [(199 + 1, Seen.GOOD), (299, Seen.GOOD), (300, Seen.BAD), (404, Seen.BAD), (503, Seen.BAD)]
)
def test_any_2xx_is_good_unless_told_otherwise(status: int, seen: Seen) -> None:
    found = look_at(Site(answer(status)))
    assert found.seen is seen
    assert found.why == ("" if seen is Seen.GOOD else f"answered {status}")


def test_only_the_statuses_asked_for_are_good() -> None:
    assert look_at(Site(answer(503)), status=(503, 429)).seen is Seen.GOOD
    assert look_at(Site(answer(200)), status=(503, 429)) == Look(Seen.BAD, "answered 200")


def test_a_redirect_is_not_followed() -> None:
    site = Site(answer(302, b"", b"Location: /elsewhere"))
    assert look_at(site) == Look(Seen.BAD, "answered 302")
    assert len(site.requests) == 1


def test_the_body_must_hold_what_was_asked_for() -> None:
    assert look_at(Site(), contains="hell").seen is Seen.GOOD
    assert look_at(Site(), contains="heaven") == Look(Seen.BAD, "the body does not hold `heaven`")


def test_a_body_is_read_to_a_bound() -> None:
    site = Site(answer(200, b"x" * 3_000_000 + b"needle"))
    assert look_at(site).seen is Seen.GOOD
    assert look_at(site, contains="needle") == Look(Seen.BAD, "the body does not hold `needle` in its first 1 MiB")


def test_what_is_sent_is_what_was_written() -> None:
    site = Site()
    probe = HttpProbe(target=SHOP, path="/call/setup?x=1", method="POST", send='{"to": "li"}')
    visit(site, probe, lambda watch: watch.look(0), headers=("X-Token: abc", "Content-Type: application/json"))
    (request,) = site.requests
    assert request.startswith(b"POST /call/setup?x=1 HTTP/1.1\r\n")
    assert b"\r\nX-Token: abc\r\n" in request
    assert b"\r\nContent-Type: application/json\r\n" in request
    assert request.endswith(b'\r\n\r\n{"to": "li"}')


@pytest.mark.parametrize(("connection", "count"), [("reuse", 1), ("new", 5)])
def test_connections_are_used_again_or_made_anew(connection: str, count: int) -> None:
    site = Site()

    async def do(watch: Watch) -> None:
        for n in range(5):
            assert (await watch.look(n)).seen is Seen.GOOD

    visit(site, HttpProbe(target=SHOP, connection=connection), do)  # type: ignore[arg-type]
    assert site.connections == count


def test_a_kept_connection_that_breaks_under_a_request_is_bad_and_nothing_is_asked_twice() -> None:
    """The HTTP library would ask again by itself, and the broken request would be seen as good."""
    site = Site()
    site.hang_up_after = 1

    async def do(watch: Watch) -> None:
        assert (await watch.look(0)).seen is Seen.GOOD
        assert await watch.look(1) == Look(Seen.BAD, "connection closed before the answer")
        assert len(site.requests) == 2
        assert (await watch.look(2)).seen is Seen.GOOD

    visit(site, HttpProbe(target=SHOP), do)


def test_an_answer_that_breaks_off_is_bad() -> None:
    site = Site(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel")
    site.hang_up_after = 0

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(site.answer)
        writer.close()

    site.serve = half  # type: ignore[method-assign]
    assert look_at(site) == Look(Seen.BAD, "connection closed within the answer")


def test_what_is_no_http_is_bad() -> None:
    found = look_at(Site(b"SSH-2.0-hello\r\n\r\n"))
    assert found.seen is Seen.BAD
    assert found.why.startswith("not an HTTP answer")


def test_a_service_that_is_not_there_is_unreachable() -> None:
    async def main() -> None:
        async with HttpProbe(target=SHOP).open(HttpService(url=f"http://127.0.0.1:{free_port()}"), "m") as watch:
            with pytest.raises(ConnectionRefusedError):
                await watch.look(0)

    asyncio.run(main())


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert look_at(Site()).seen is Seen.GOOD


def test_a_certificate_that_nobody_vouches_for_is_bad_unless_told_otherwise(tmp_path: Path) -> None:
    async def main() -> None:
        site = Site()
        chain, key = certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, key)
        async with await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with HttpProbe(target=SHOP).open(HttpService(url=url), "m") as watch:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await watch.look(0)
            async with HttpProbe(target=SHOP).open(HttpService(url=url, verify=False), "m") as watch:
                assert await watch.look(0) == Look(Seen.GOOD)
            await comes(lambda: site.open == 0, "the end of all connections")

    asyncio.run(main())


def test_a_look_without_a_free_connection_is_blind() -> None:
    site = Site()
    site.silent = True

    async def do(watch: Watch) -> None:
        hanging = [asyncio.create_task(watch.look(n)) for n in range(2)]
        await comes(lambda: len(site.requests) == 2, "both requests")
        assert await watch.look(2) == Look(Seen.BLIND, "all 2 connections are busy")
        for one in hanging:
            one.cancel()
        await asyncio.wait(hanging)
        site.silent = False
        assert (await watch.look(3)).seen is Seen.GOOD

    visit(site, HttpProbe(target=SHOP, connections=2), do)


def test_cancelled_looks_leak_no_connection() -> None:
    site = Site()
    dice = random.Random(5)

    async def do(watch: Watch) -> None:
        for n in range(200):
            going = asyncio.create_task(watch.look(n))
            for _ in range(dice.randrange(14)):
                await asyncio.sleep(0)
            going.cancel()
            await asyncio.wait([going])
        assert {one.seen for one in await asyncio.gather(*(watch.look(200 + n) for n in range(4)))} == {Seen.GOOD}
        await comes(lambda: site.open <= 4, "the end of the cancelled ones")

    visit(site, HttpProbe(target=SHOP, connections=4), do)


def test_an_address_shows_neither_header_nor_password() -> None:
    assert "secret" not in repr(HttpService(url="http://u:secret@h", headers=("Authorization: secret",)))


def test_an_address_that_cannot_be_read_is_told_at_once() -> None:
    async def main() -> None:
        async with HttpProbe(target=SHOP).open(HttpService(url="http://h:port"), "m"):
            pass

    with pytest.raises(CannotLook, match="is not an address"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"path": "health"}, "path"),
        ({"send": "x"}, "send"),
        ({"method": "HEAD", "contains": "x"}, "contains"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        HttpProbe(target=SHOP, **settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
    assert len(caught.value.args) == 3


@pytest.mark.parametrize(
    ("settings", "setting"), [({"url": "h:80"}, "url"), ({"url": "http://h", "headers": ("x",)}, "headers")]
)
def test_addresses_that_are_none_are_refused(settings: dict[str, object], setting: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its parts are compared below
        HttpService(**settings)  # type: ignore[arg-type]
    assert caught.value.args[0] == setting
