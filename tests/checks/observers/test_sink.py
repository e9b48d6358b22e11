"""The sink, with real requests, and with real Alertmanagers that send to it."""

import asyncio
import base64
import gc
import json
import logging
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks import CannotObserve
from checks.observers import sink as sinks
from checks.observers import webhook
from checks.observers.payloads import Page, fingerprint
from checks.observers.sink import Sink
from drills.binding import settings_of
from tests.checks.observers.monitoring import GENERATIONS, Generation, Server, alertmanager, ask
from tests.checks.observers.test_payloads import ALERTMANAGER, GENERIC, GRAFANA
from tests.checks.probes.servers import comes
from tests.ports import free_port

TOKEN = "open sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Desk:
    """A sink that listens, what it told, and a way to send to it."""

    port: int
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def tell(self, kind: str, /, **data: Any) -> None:
        assert json.loads(json.dumps(data)) == data
        self.told.append((kind, data))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for one, data in self.told if one == kind]

    @property
    def pages(self) -> list[dict[str, Any]]:
        return self.of("page.received")

    @property
    def rejected(self) -> list[tuple[str, int | None]]:
        found = self.of("page.rejected")
        assert {one["from"] for one in found} <= {"127.0.0.1"}
        return [(one["why"], one["answered"]) for one in found]

    async def send(self, payload: Any = GENERIC, headers: dict[str, str] = BEARER, **how: Any) -> int:
        return (await self.ask(payload, headers, **how))[0]

    async def ask(self, payload: Any = GENERIC, headers: dict[str, str] = BEARER, path: str = "/",
                  method: str = "POST") -> tuple[int, str, Any]:  # fmt: skip
        """Send in a thread; status, text and head of the answer."""
        return await asyncio.to_thread(self._ask, payload, headers, path, method)

    def _ask(self, payload: Any, headers: dict[str, str], path: str, method: str) -> tuple[int, str, Any]:
        body = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload).encode()
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.headers

    async def say(self, text: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send something that need not be HTTP; the connection stays until the end, or until the test closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        self.writers.append(writer)
        return reader, writer


def listening(do: Callable[[Desk], Awaitable[None]], **settings: Any) -> Desk:
    """Open a sink, and see that nothing of it is left afterwards."""
    desk = Desk(free_port())

    async def main() -> None:
        sink = Sink(**{"listen": f"127.0.0.1:{desk.port}", "token": TOKEN, **settings})
        left = 0.0
        async with sink.open(desk.tell):
            await do(desk)
            left = time.monotonic()
        assert time.monotonic() - left < 5  # and not as long as a sender may take
        for writer in desk.writers:
            writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", desk.port)

    asyncio.run(main())
    gc.collect()  # a socket or an error that nobody took would complain now
    return desk


# --- pages


def test_a_page_is_told_and_answered() -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(ALERTMANAGER) == 200

    desk = listening(do)
    ((opened, where), (received, page)) = desk.told
    assert (opened, where) == ("observer.opened", {"what": f"webhook sink at http://127.0.0.1:{desk.port}/"})
    assert received == "page.received"
    assert (page["receiver"], page["format"], page["answered"]) == ("team.oncall", "alertmanager", 200)
    assert (page["attempt"], page["new"], page["truncated"], page["reason"]) == (1, True, 3, "new alerts added")
    assert [one["alert"] for one in page["alerts"]] == ["CacheDown", "CacheSlow"]


def test_a_page_that_comes_slowly_says_how_long_it_took() -> None:
    body = json.dumps(GENERIC).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"

    async def do(desk: Desk) -> None:
        reader, writer = await desk.say(head.encode() + body[:10])
        await asyncio.sleep(0.2)
        writer.write(body[10:])
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        assert await desk.send(GRAFANA) == 200

    slow, fast = (page["took_s"] for page in listening(do).pages)
    assert slow > 0.1
    assert fast > 0


def test_each_attempt_is_told() -> None:
    async def do(desk: Desk) -> None:
        for payload in (GENERIC, GENERIC, GRAFANA, GENERIC):
            assert await desk.send(payload) == 200

    told = [(one["format"], one["attempt"], one["new"]) for one in listening(do).pages]
    assert told == [("generic", 1, True), ("generic", 2, False), ("grafana", 1, True), ("generic", 3, False)]


def test_many_at_once_are_all_told() -> None:
    async def do(desk: Desk) -> None:
        async def one(n: int) -> bytes:
            body = json.dumps({"name": f"A{n}"}).encode()
            head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
            reader, writer = await desk.say(head.encode() + body)
            answer = await reader.read()
            writer.close()
            return answer[:12]

        assert set(await asyncio.gather(*(one(n) for n in range(300)))) == {b"HTTP/1.1 200"}

    pages = listening(do).pages
    assert sorted(page["alerts"][0]["alert"] for page in pages) == sorted(f"A{n}" for n in range(300))


def test_it_has_a_path_of_its_own() -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(path="/pages/") == 404
        assert await desk.send(path="/") == 404
        assert await desk.send(path="/pages") == 200
        assert (await desk.ask(None, {}, path="/", method="GET"))[:2] == (404, "Pages are posted to /pages.\n")

    desk = listening(do, path="/pages")
    assert desk.rejected == [("posted to a path that is not the sink's", 404)] * 2
    assert len(desk.pages) == 1


def test_people_can_see_that_it_is_there() -> None:
    async def do(desk: Desk) -> None:
        status, text, _ = await desk.ask(None, {}, method="GET")
        assert status == 200
        assert text.endswith("\n")
        assert text.count("\n") == 1
        assert (await desk.ask(None, {}, method="HEAD"))[:2] == (200, "")

    assert [kind for kind, _ in listening(do).told] == ["observer.opened"]


def test_a_page_may_be_put() -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(method="PUT") == 200
        status, _, head = await desk.ask(method="PATCH")
        assert (status, head["Allow"]) == (405, "GET, HEAD, POST, PUT")
        assert (await desk.ask(None, {}, method="DELETE"))[0] == 405

    desk = listening(do)
    assert len(desk.pages) == 1
    assert [status for _, status in desk.rejected] == [405, 405]


# --- tokens


def basic(text: bytes) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (BEARER, ""),
        ({"Authorization": f"bearer  {TOKEN}"}, ""),
        (basic(f"anybody:{TOKEN}".encode()), ""),
        ({}, "?token=open%20sesame"),
        ({}, "?a=b&token=open+sesame"),
        ({"Authorization": "Bearer wrong"}, "?token=open%20sesame"),
    ],
)
def test_who_knows_the_token_is_heard(headers: dict[str, str], query: str) -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(headers=headers, path=f"/{query}") == 200

    desk = listening(do)
    assert len(desk.pages) == 1
    assert TOKEN not in json.dumps(desk.told)


@pytest.mark.parametrize(
    ("headers", "query", "why"),
    [
        ({}, "", "sent without a token"),
        ({"Authorization": TOKEN}, "", "sent without a token"),
        ({"Authorization": "Bearer"}, "", "sent with a wrong token"),
        ({"Authorization": "Bearer open sesam"}, "", "sent with a wrong token"),
        ({"Authorization": "Bearer \xe4"}, "", "sent with a wrong token"),
        (basic(f"{TOKEN}:wrong".encode()), "", "sent with a wrong token"),
        (basic(b"\xff"), "", "sent with a wrong token"),
        ({"Authorization": "Basic %%%"}, "", "sent without a token"),
        ({}, "?token=", "sent with a wrong token"),
        ({}, "?token=%ff%00", "sent with a wrong token"),
        ({}, "?Token=open%20sesame", "sent without a token"),
    ],
)
def test_who_does_not_is_refused_and_it_is_told(headers: dict[str, str], query: str, why: str) -> None:
    async def do(desk: Desk) -> None:
        status, _, head = await desk.ask(headers=headers, path=f"/{query}")
        assert (status, head["WWW-Authenticate"]) == (401, "Bearer")

    desk = listening(do)
    assert desk.pages == []
    assert desk.rejected == [(why, 401)]


def test_without_a_token_anybody_on_this_machine_is_heard() -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(headers={}) == 200
        assert await desk.send() == 200

    assert len(listening(do, token="").pages) == 2


# --- what is no page


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "its body is not JSON"),
        (b"{", "its body is not JSON"),
        (b"\xff\xfe\x00", "its body is not JSON"),
        (b'{"name": NaN}', "its body is not JSON"),
        (b"[" * 100_000, "its body is not JSON"),
        (b'{"name": ' + b"1" * 100_000 + b"}", "its body is not JSON"),
        (b"[]", "not a page: the payload is not an object"),
        (b'{"alerts": []}', "not a page: `alerts` is not a list with at least one alert"),
    ],
)
def test_what_is_no_page_is_refused_with_a_reason(body: bytes, why: str) -> None:
    async def do(desk: Desk) -> None:
        assert (await desk.ask(body))[:2] == (400, f"{why}\n")

    desk = listening(do)
    assert desk.pages == []
    assert desk.rejected == [(why, 400)]


@given(st.binary(max_size=200) | st.text(st.sampled_from('{}[]":,alertsn0.e-')).map(str.encode))
@settings(max_examples=300)
def test_any_body_is_a_page_or_is_refused(body: bytes) -> None:
    try:
        found = sinks._page(body)
    except webhook.Refused as refused:
        assert refused.status == 400  # noqa: PT017 - both are right
    else:
        assert isinstance(found, Page)


def test_a_body_that_just_fits_is_taken_and_a_larger_one_is_not() -> None:
    def sized(size: int) -> bytes:
        return b'{"name": "A", "annotations": {"a": "' + b"x" * (size - 39) + b'"}}'

    assert len(sized(1 << 20)) == 1 << 20

    async def do(desk: Desk) -> None:
        assert await desk.send(sized(1 << 20)) == 200
        assert await desk.send(sized((1 << 20) + 1)) == 413
        reader, writer = await desk.say(
            f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        writer.write(b"".join(b"10000\r\n" + b" " * 0x10000 + b"\r\n" for _ in range(17)))
        assert (await reader.read()).startswith(b"HTTP/1.1 413")
        writer.close()

    desk = listening(do)
    assert [one["cut"] for one in desk.pages] == [True]
    assert desk.rejected == [("its body is larger than 1 MiB", 413)] * 2


def test_a_compressed_body_is_refused() -> None:
    async def do(desk: Desk) -> None:
        assert await desk.send(headers={**BEARER, "Content-Encoding": "gzip"}) == 415

    assert listening(do).rejected == [("its body is compressed", 415)]


def test_what_is_not_http_is_told_and_nothing_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    """As from a sender whose address begins with https://."""

    async def do(desk: Desk) -> None:
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncio.open_connection("127.0.0.1", desk.port, ssl=ssl.create_default_context())
        reader, _ = await desk.say(b"hello\r\n\r\n")
        assert b" 400 " in await reader.read()
        assert await desk.send() == 200

    with caplog.at_level(logging.INFO):
        desk = listening(do)
    assert desk.rejected == [("what came is not HTTP; the sink's address begins with http://", 400)] * 2
    assert [one for one in caplog.records if one.name != "asyncio"] == []


def test_a_journal_that_takes_nothing_is_no_accepted_page(caplog: pytest.LogCaptureFixture) -> None:
    """The sender shall try again, and the bug be seen."""

    async def main() -> None:
        desk, broken = Desk(free_port()), True

        def tell(kind: str, /, **data: Any) -> None:
            if broken and kind == "page.received":
                raise OSError("no space left")
            desk.tell(kind, **data)

        async with Sink(listen=f"127.0.0.1:{desk.port}", token=TOKEN).open(tell):
            assert await desk.send() == 500
            broken = False
            assert await desk.send() == 200
        assert len(desk.pages) == 1

    asyncio.run(main())
    assert "no space left" in caplog.text


# --- those who are slow, or many


def test_a_slow_head_and_a_slow_body_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_PATIENCE_S", 0.3)

    async def do(desk: Desk) -> None:
        began = time.monotonic()
        head, body = (
            await desk.say(b"POST / HTTP/1.1\r\nHo"),
            await desk.say(
                f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n{{".encode()
            ),
        )

        async def drip(writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)

        dripping = asyncio.ensure_future(drip(head[1]))
        with suppress(ConnectionError):
            assert await head[0].read() == b""
        assert (await body[0].read()).startswith(b"HTTP/1.1 408")
        assert 0.3 <= time.monotonic() - began < 5
        dripping.cancel()
        assert await desk.send() == 200

    desk = listening(do)
    assert desk.rejected == [("its body did not come within 0.3 s", 408)]
    assert len(desk.pages) == 1


def test_who_leaves_within_the_body_is_told() -> None:
    async def do(desk: Desk) -> None:
        _, writer = await desk.say(
            f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n{{".encode()
        )
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await comes(lambda: desk.rejected, "the refused page")

    assert listening(do).rejected == [("the connection was closed within its body", None)]


def test_those_who_say_nothing_do_not_keep_pages_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_CONNECTIONS_MAX", 10)

    async def do(desk: Desk) -> None:
        silent = [await desk.say(b"POST") for _ in range(40)]
        assert await desk.send() == 200
        closed = [reader for reader, _ in silent if reader.at_eof()]
        assert len(closed) >= 25
        for _, writer in silent:
            writer.close()

    assert len(listening(do).pages) == 1


def test_refused_pages_cannot_fill_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_REJECTED_MAX", 3)

    async def do(desk: Desk) -> None:
        for _ in range(6):
            assert await desk.send(headers={}) == 401

    why = "sent without a token"
    end = "too many pages were refused; from here on they are not told"
    assert listening(do).rejected == [(why, 401), (why, 401), (end, 401)]


# --- the end


def test_a_request_under_way_is_finished() -> None:
    desk = Desk(free_port())

    async def main() -> None:
        body = json.dumps(GENERIC).encode()
        async with Sink(listen=f"127.0.0.1:{desk.port}", token=TOKEN).open(desk.tell):
            reader, writer = await desk.say(
                f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
            )
            writer.write(body[:10])
            await asyncio.sleep(0.05)
            rest = asyncio.get_running_loop().call_later(0.1, writer.write, body[10:])
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        assert rest.when() < asyncio.get_running_loop().time()
        writer.close()

    asyncio.run(main())
    assert len(desk.pages) == 1


def test_one_that_does_not_come_to_an_end_keeps_nobody() -> None:
    async def do(desk: Desk) -> None:
        head = f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 9\r\n\r\n{{"
        for said in (head.encode(), b"POST / HTT", b""):
            await desk.say(said)
        await asyncio.sleep(0.05)

    assert listening(do).rejected == [("the sink was closed before it had come", None)]


def test_a_port_in_use_cannot_be_listened_on() -> None:
    async def main() -> None:
        sink, other = Sink(listen=f"127.0.0.1:{port}", token=TOKEN), Sink(listen=f"127.0.0.1:{port}", token=TOKEN)
        async with sink.open(Desk(port).tell):
            with pytest.raises(CannotObserve, match=rf"^port {port} of 127\.0\.0\.1 is in use; end what listens there"):
                async with other.open(Desk(port).tell):
                    pass
        async with other.open(Desk(port).tell):
            pass

    port = free_port()
    asyncio.run(main())


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_where_nobody_can_listen(host: str) -> None:
    async def main() -> None:
        with pytest.raises(CannotObserve, match=rf"^nobody can listen on {host}:9099: .*; see the sink's `listen`$"):
            async with Sink(listen=f"{host}:9099", token=TOKEN).open(Desk(0).tell):
                pass

    asyncio.run(main())


# --- settings


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({}, "token"),
        ({"token": None, "listen": "127.0.0.1:9099"}, "token"),
        ({"token": "", "listen": "0.0.0.0:9099"}, "token"),
        ({"token": "", "listen": "[::]:9099"}, "token"),
        ({"token": "", "listen": "pager.example:9099"}, "token"),
        ({"token": "t", "listen": "127.0.0.1"}, "listen"),
        ({"token": "t", "listen": "127.0.0.1:0"}, "listen"),
        ({"token": "t", "listen": "127.0.0.1:65536"}, "listen"),
        ({"token": "t", "listen": "::1:9099"}, "listen"),
        ({"token": "t", "listen": "http://127.0.0.1:9099"}, "listen"),
        ({"token": "t", "path": "pages"}, "path"),
        ({"token": "t", "path": "/?token=t"}, "path"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        Sink(**wrong)

    assert raised.value.args[0] == setting
    assert len(raised.value.args) == 3


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:9099", "127.8.8.8:9099", "localhost:9099", "[::1]:9099", ":9099", "9099"]
)
def test_without_a_token_this_machine_alone_may_send(listen: str) -> None:
    assert Sink(listen=listen, token="").token == ""


def test_a_token_is_shown_to_nobody() -> None:
    sink = Sink(token=TOKEN, listen="0.0.0.0:9099")

    assert TOKEN not in repr(sink)
    assert settings_of(sink) == {"listen": "0.0.0.0:9099", "token": TOKEN}
    assert Sink(listen="${port.sink}").token is None  # to be judged once it is known


# --- real Alertmanagers

BY_BEARER = {"authorization": {"credentials": TOKEN}}
each_generation = pytest.mark.parametrize("generation", GENERATIONS)


def paging(sink: int, login: dict[str, Any] = BY_BEARER, query: str = "") -> dict[str, Any]:
    """An Alertmanager's settings with which it pages the sink."""
    webhook = {"url": f"http://127.0.0.1:{sink}/{query}", "http_config": login}
    return {
        "route": {"receiver": "team.oncall", "group_by": ["alertname"], "group_wait": "100ms", "group_interval": "1s"},
        "receivers": [{"name": "team.oncall", "webhook_configs": [webhook]}],
    }


LABELS = {"service": "cart ü", "alertname": "CacheDown", "severity": "page"}
STARTED = datetime.now(UTC).replace(microsecond=123000) - timedelta(minutes=1)


def fire(server: Server, *, ended: bool = False) -> None:
    ends = datetime.now(UTC) + (timedelta() if ended else timedelta(hours=1))
    alert = {"labels": LABELS, "annotations": {"summary": "the cache is down"}, "startsAt": STARTED.isoformat(),
             "endsAt": ends.isoformat()}  # fmt: skip
    ask(f"{server.url}/api/v2/alerts", [alert])


@pytest.mark.real("Alertmanager")
@each_generation
def test_a_real_alertmanager_pages_and_says_when_it_is_over(generation: Generation) -> None:
    async def do(desk: Desk) -> None:
        with alertmanager(generation, paging(desk.port)) as server:
            await asyncio.to_thread(fire, server)
            await comes(lambda: len(desk.pages) == 1, "the page", 10)
            await asyncio.to_thread(fire, server, ended=True)
            await comes(lambda: len(desk.pages) == 2, "the end", 10)

    desk = listening(do)
    first, then = desk.pages
    assert (first["format"], first["receiver"]) == ("alertmanager", "team.oncall")
    assert first["group"] == '{}:{alertname="CacheDown"}'
    counted = [(one["status"], one["attempt"], one["new"], one["answered"]) for one in (first, then)]
    assert counted == [("firing", 1, True, 200), ("resolved", 1, True, 200)]
    (alert,) = first["alerts"]
    assert (alert["alert"], alert["labels"]) == ("CacheDown", LABELS)
    assert alert["fingerprint"] == fingerprint(LABELS)
    assert alert["starts_unix"] == pytest.approx(STARTED.timestamp(), abs=1e-6)
    assert alert["ends_unix"] is None
    assert then["alerts"][0]["ends_unix"] >= STARTED.timestamp() + 60
    assert desk.rejected == []


@pytest.mark.real("Alertmanager")
@each_generation
def test_what_a_real_alertmanager_sends_again_is_not_new(
    generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "ACCEPTED", 503)

    async def do(desk: Desk) -> None:
        with alertmanager(generation, paging(desk.port)) as server:
            await asyncio.to_thread(fire, server)
            await comes(lambda: len(desk.pages) == 2, "the second attempt", 10)
            monkeypatch.setattr(sinks, "ACCEPTED", 200)
            await comes(lambda: desk.pages[-1]["answered"] == 200, "the last attempt", 10)

    pages = listening(do).pages
    assert [one["attempt"] for one in pages] == list(range(1, len(pages) + 1))
    assert [one["new"] for one in pages] == [True] + [False] * (len(pages) - 1)
    assert [one["answered"] for one in pages] == [503] * (len(pages) - 1) + [200]


@pytest.mark.real("Alertmanager")
@pytest.mark.parametrize(
    ("login", "query"),
    [({"basic_auth": {"username": "drill", "password": TOKEN}}, ""), ({}, "?token=open%20sesame")],
)
def test_two_alertmanagers_that_send_the_same_page_once(login: dict[str, Any], query: str) -> None:
    """As a pair of them does when neither hears of the other; here they are of two generations too."""

    async def do(desk: Desk) -> None:
        with (
            alertmanager("old", paging(desk.port, login, query)) as one,
            alertmanager("new", paging(desk.port)) as other,
        ):
            await asyncio.gather(asyncio.to_thread(fire, one), asyncio.to_thread(fire, other))
            await comes(lambda: len(desk.pages) == 2, "both pages", 10)

    assert [(one["attempt"], one["new"]) for one in listening(do).pages] == [(1, True), (2, False)]


@pytest.mark.real("Alertmanager")
@each_generation
def test_a_real_alertmanager_with_a_wrong_token_is_seen(generation: Generation) -> None:
    async def do(desk: Desk) -> None:
        with alertmanager(generation, paging(desk.port, {"authorization": {"credentials": "wrong"}})) as server:
            await asyncio.to_thread(fire, server)
            await comes(lambda: desk.rejected, "the refused page", 10)

    desk = listening(do)
    assert desk.pages == []
    assert set(desk.rejected) == {("sent with a wrong token", 401)}


def test_the_program_is_small_until_it_listens() -> None:
    import sys

    code = (
        "import sys, checks.observers.sink; print([m for m in sys.modules if m in ('aiohttp', 'asyncio', 'logging')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "[]"
