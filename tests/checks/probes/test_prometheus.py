"""The Prometheus probe, against real ones of two generations, and against what answers like none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from checks import Look, Sample, SecondHand, Seen, TargetName
from checks.probes.prometheus import PrometheusProbe, PrometheusServer
from drills import sampling
from drills.clock import SystemClock
from drills.sampling import Sampler
from tests.checks.observers.monitoring import GENERATIONS, Generation, Server, gauges, prometheus
from tests.ports import free_port

IT = TargetName("monitoring")
RULES = "groups: []\n"
NODES = {f'rtt_seconds{{node="{node}"}}': value for node, value in (("sfu-1", 0.02), ("sfu-2", 0.31))}


@pytest.fixture(scope="module", params=GENERATIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A Prometheus that has scraped two nodes, of which one is slow."""
    generation: Generation = request.param
    with gauges(**NODES, load=3.0) as target, prometheus(generation, RULES, [target]) as running:
        yield running


def look(url: str, **settings: object) -> Look:
    async def once() -> Look:
        probe = PrometheusProbe(target=IT, **settings)  # type: ignore[arg-type]
        async with probe.open(PrometheusServer(url=url), "m") as watch:
            return await watch.look(0)

    return asyncio.run(once())


def test_a_query_that_finds_a_series_is_good_and_one_that_finds_none_is_bad(server: Server) -> None:
    assert look(server.url, query="rtt_seconds > 0.3") == Look(Seen.GOOD)
    assert look(server.url, query="rtt_seconds > 0.32") == Look(Seen.BAD, "the query finds nothing")
    assert look(server.url, query="sum(load) <= 3").seen is Seen.GOOD


def test_every_one_of_those_named_must_have_a_series_and_those_that_lack_one_are_named(server: Server) -> None:
    def watched(*nodes: str, query: str = "rtt_seconds") -> Look:
        return look(server.url, query=query, each={"node": nodes})

    assert watched("sfu-1", "sfu-2") == Look(Seen.GOOD)
    assert watched("sfu-1", "sfu-3") == Look(Seen.BAD, "nothing of node=sfu-3")
    assert watched("sfu-1", "sfu-2", query="rtt_seconds > 0.3") == Look(Seen.BAD, "nothing of node=sfu-1")
    assert watched("a", "b", "c", "d", "e").why == "nothing of node=a, node=b, node=c and 2 more"


def test_of_several_labels_each_combination_must_be_there(server: Server) -> None:
    query = '{__name__=~"rtt_seconds|up"}'
    assert (
        look(server.url, query=query, each={"__name__": ("rtt_seconds",), "node": ("sfu-1", "sfu-2")}).seen is Seen.GOOD
    )
    assert look(server.url, query=query, each={"__name__": ("rtt_seconds", "load"), "node": ("sfu-1",)}).why == (
        "nothing of __name__=load node=sfu-1"
    )


def test_a_query_that_is_wrong_or_gives_no_series_is_blind(server: Server) -> None:
    """Neither says anything of the system."""
    assert look(server.url, query="rtt_seconds >") == Look(Seen.BLIND, "Prometheus answered 400 to /api/v1/query")
    assert look(server.url, query="1").seen is Seen.BLIND
    assert (
        look(server.url, query="1").why == "the query gives a scalar, which is always there; compare series, as up == 1"
    )
    assert look(server.url, query="load[5m]").why.startswith("the query gives a matrix")


def test_a_prometheus_that_is_not_there_is_blind() -> None:
    found = look(f"http://127.0.0.1:{free_port()}", query="up")
    assert found == Look(Seen.BLIND, "Prometheus cannot be reached: Connection refused")


@pytest.mark.parametrize("body", ["[]", '{"data": 5}', '{"data": {"resultType": "vector", "result": [1]}}', "{", '"x"'])
def test_what_answers_like_no_prometheus_is_blind(body: str) -> None:
    async def main() -> Look:
        async with (
            _answering(body) as url,
            PrometheusProbe(target=IT, query="up").open(PrometheusServer(url=url), "m") as watch,
        ):
            return await watch.look(0)

    found = asyncio.run(main())
    assert found.seen is Seen.BLIND
    assert found.why.startswith("Prometheus")


def test_its_silence_is_blind_where_that_of_the_system_itself_would_be_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be swamped, or its disk full; that says nothing of those whom it watches."""
    monkeypatch.setattr(sampling, "HELD_UP_S_MAX", 10.0)  # how late we are ourselves is of no interest here
    probe = PrometheusProbe(target=IT, query="up")
    assert isinstance(probe, SecondHand)

    async def main(second_hand: bool) -> Look:
        clock, seen, told = SystemClock(), [], asyncio.Event()

        def record(sample: Sample) -> None:
            seen.append(sample)
            told.set()

        async with _answering(None) as url, probe.open(PrometheusServer(url=url), "m") as watch:
            sampler = Sampler("p", watch, every_s=10, timeout_s=0.05, clock=clock, origin_s=clock.monotonic_s(),
                              record=record, second_hand=second_hand)  # fmt: skip
            running = asyncio.create_task(sampler.run())
            await asyncio.wait_for(told.wait(), 10)
            sampler.stop()
            await running
        return Look(seen[0].seen, seen[0].why)

    assert asyncio.run(main(True)) == Look(Seen.BLIND, "no answer within 50 ms")
    assert asyncio.run(main(False)) == Look(Seen.BAD, "no answer within 50 ms")


@pytest.mark.parametrize(("settings", "named"), [
    ({"query": "  "}, "query"), ({"query": "up", "each": {"node": ()}}, "each"),
    ({"query": "up", "each": {"a": tuple(map(str, range(40))), "b": tuple(map(str, range(26)))}}, "each"),
])  # fmt: skip
def test_settings_that_can_never_be_good_are_refused(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        PrometheusProbe(target=IT, **settings)  # type: ignore[arg-type]
    assert refused.value.args[0] == named


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="http"):
        PrometheusServer(url="127.0.0.1:9090")


@asynccontextmanager
async def _answering(body: str | None) -> AsyncIterator[str]:
    """A server that says this to whoever asks, or nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if body is None:
                await reader.read()
            else:
                head = (
                    "HTTP/1.1 200 OK",
                    "Content-Type: application/json",
                    f"Content-Length: {len(body)}",
                    "Connection: close",
                )
                writer.write("\r\n".join((*head, "", body)).encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
