"""Observers that ask: what goes wrong while they listen is told, once, and never raised; clocks are compared."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from checks.observer import CannotObserve
from checks.observers import listening
from checks.observers.alertmanager import AlertmanagerObserver
from checks.observers.bounds import bounded
from checks.observers.listening import Answer, TheirClock, Unheard, by_header, seconds, unix
from checks.observers.prometheus import PrometheusObserver
from tests.checks.observers.hearing import Fake, Told, fake
from tests.checks.probes.servers import comes
from tests.ports import free_port

Kind = Callable[..., Any]
KINDS = [PrometheusObserver, AlertmanagerObserver]
SOON = timedelta(milliseconds=20)
TROUBLES = {
    "503": "answered 503",
    "garbage": "is no JSON",
    "wrong": "could not be understood",
    "silent": "no answer within 1 s",
    "hangs up": "the connection broke",
}

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@by_kind
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_told_once_with_its_reason_and_its_end_too(
    kind: Kind, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ANSWER_S", 1.0 if trouble == "silent" else 10.0)
    told = Told()

    async def main() -> None:
        async with fake() as system, kind(url=system.url, every=SOON).open(told):
            assert told.kinds("observer.lost") == []
            system.trouble = trouble
            lost = await told.comes("observer.lost")
            assert TROUBLES[trouble] in lost["why"]
            asked = len(system.requests)
            await comes(lambda: len(system.requests) >= asked + 3, "three more requests")
            system.trouble = ""
            assert (await told.comes("observer.back"))["lost_s"] > 0

    asyncio.run(main())
    changes = [kind for kind in told.kinds("observer.") if kind != "observer.clock"]
    assert changes == ["observer.opened", "observer.lost", "observer.back"]


@by_kind
@pytest.mark.parametrize("trouble", TROUBLES)
def test_who_cannot_begin_says_whom_it_asked_and_what_came(
    kind: Kind, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ANSWER_S", 1.0 if trouble == "silent" else 10.0)
    told = Told()

    async def main() -> None:
        async with fake() as system:
            system.trouble = trouble
            with pytest.raises(CannotObserve, match=TROUBLES[trouble]) as caught:
                async with kind(url=system.url).open(told):
                    pass
            assert f"127.0.0.1:{system.port}" in str(caught.value)

    asyncio.run(main())
    assert told.events == []


@by_kind
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}", "http://me:secret@127.0.0.1:{port}/x", "http://[", "http://"]
)
def test_nobody_there_is_no_beginning_and_gives_no_secret_away(kind: Kind, url: str) -> None:
    async def main() -> None:
        async with kind(url=url.format(port=free_port())).open(Told()):
            pass

    with pytest.raises(CannotObserve) as caught:
        asyncio.run(main())
    assert "secret" not in str(caught.value)


@by_kind
def test_a_clock_that_is_90_seconds_ahead_is_told_so(kind: Kind) -> None:
    told = Told()

    async def main(system: Fake) -> None:
        system.ahead_s = 90
        async with kind(url=system.url, every=SOON).open(told):
            pass

    _with_fake(main)
    [clock] = told.all("observer.clock")
    assert abs(clock["offset_s"] - 90) <= clock["error_s"] + 0.05
    assert clock["error_s"] < 1.5


def test_a_clock_of_whole_seconds_is_soon_known_better() -> None:
    told = Told()

    async def main(system: Fake) -> None:
        async with AlertmanagerObserver(url=system.url, every=SOON).open(told):
            await comes(lambda: told.all("observer.clock")[-1]["error_s"] < 0.126, "a better offset", 20)

    _with_fake(main)
    last = told.all("observer.clock")[-1]
    assert abs(last["offset_s"]) <= last["error_s"] + 0.05


@by_kind
def test_headers_are_sent(kind: Kind) -> None:
    async def main(system: Fake) -> None:
        async with kind(url=system.url, headers=("Authorization: Bearer x:y",)).open(Told()):
            assert {request.headers["Authorization"] for request in system.requests} == {"Bearer x:y"}

    _with_fake(main)


def test_what_the_journal_cannot_take_down_is_no_silence() -> None:
    kinds: list[str] = []

    def broken(kind: str, /, **data: Any) -> None:
        kinds.append(kind)
        if kind == "observer.lost":
            raise RuntimeError("the disk is full")

    async def main(system: Fake) -> None:
        async with PrometheusObserver(url=system.url, every=SOON).open(broken):
            system.trouble = "503"
            await comes(lambda: "observer.lost" in kinds, "the loss")

    with pytest.raises(RuntimeError, match="disk"):
        _with_fake(main)


@by_kind
@pytest.mark.parametrize(
    ("settings", "wrong"),
    [({"url": "127.0.0.1:9090"}, "url"), ({"headers": ("Bearer",)}, "headers"), ({"every": timedelta(0)}, "every")],
)
def test_settings_that_make_no_sense_are_refused(kind: Kind, settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as caught:
        kind(**{"url": "http://127.0.0.1:9090", **settings})
    assert caught.value.args[0] == wrong


def test_ranges_of_a_clock_are_cut_with_each_other_until_they_part() -> None:
    told, clock = Told(), TheirClock()
    for low_s, high_s in [(-0.5, 0.5), (-0.4, 0.6), (0.3, 1.3), (2.0, 3.0), (2.1, 3.1)]:
        clock.saw(low_s, high_s, told)

    offsets = [(data["offset_s"], data["error_s"]) for data in told.all("observer.clock")]
    assert offsets == [(0.0, 0.5), (0.4, 0.1), (2.5, 0.5)]


def test_a_date_says_no_more_than_its_second() -> None:
    answer = Answer(None, "Thu, 01 Jan 1970 00:01:40 GMT", sent_unix=9.5, came_unix=10.0)

    assert by_header(answer) == (90.0, 91.5)
    with pytest.raises(Unheard):
        by_header(Answer(None, "", 0, 0))


@pytest.mark.parametrize(
    ("text", "expected"), [("1m30s", 90), ("0s", 0), ("1w1d", 691_200), ("15ms", 0.015), ("2h", 7200)]
)
def test_durations_of_go(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "1.5s", "5 s", "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


def test_instants_of_go() -> None:
    assert unix("1970-01-01T00:01:40.123456789Z") == pytest.approx(100.123456)
    assert unix("1970-01-01T01:00:00.5+01:00") == 0.5
    assert unix("0001-01-01T00:00:00Z") == 0


def test_what_is_told_is_bounded_and_says_so() -> None:
    whole = {"text": "x" * 2000, "list": list(range(500)), "n": 1}
    long = {"text": "x" * 2001, "deep": {"list": list(range(501))}}

    assert bounded(whole) == whole
    assert bounded(long) == {"text": "x" * 2000, "deep": {"list": list(range(500))}, "cut": True}


def _with_fake(do: Callable[[Fake], Any]) -> None:
    async def main() -> None:
        async with fake() as system:
            await do(system)

    asyncio.run(main())
