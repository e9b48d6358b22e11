"""Ours against the real Toxiproxy 2.12.0: the same requests, stories and clients, and what each answers compared.

Where ours is to differ it is listed below with the reason. A difference that is not listed fails, and so does one that
is listed and is none any more.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.injectors.proxy.asking import Reply, ask
from tests.injectors.proxy.conformance_requests import CASES, Case
from tests.injectors.proxy.conformance_stories import STORIES, Stage, Story
from tests.injectors.toxiproxies import Server, embedded_toxiproxy, node_client, real_toxiproxy
from tests.real import need

KILLS = "the original is killed by such a toxic, or by the first byte through it; it is refused before it does anything"
OURS = "a toxic that no released Toxiproxy has"
TOXICS_TOO = "toxics are made together with their proxy, where the original passes them over"
DIFFERENCES: Mapping[str, str] = {
    "GET /version": "says that it is the embedded one, behind a dash that readers of versions know",
    """POST /proxies '{"toxics":5}'""": TOXICS_TOO,
    """POST /proxies '{"name":"z","upstream":"u","toxics":[{"type":"noop"}]}'""": TOXICS_TOO,
    """POST /populate '[{"name":"p","upstream":"u","toxics":[{"type":"noop"}]}]'""": TOXICS_TOO,
    """POST /proxies/a/toxics '{"type":"slicer"}'""": KILLS,
    """POST /proxies/a/toxics '{"type":"slicer","attributes":{"average_size":5,"size_variation":6}}'""": KILLS,
    """POST /proxies/a/toxics '{"type":"bandwidth","attributes":{"rate":-1}}'""": KILLS,
    """POST /proxies/a/toxics '{"type":"latency","attributes":{"jitter":4611686018427387904}}'""": KILLS,
    """POST /proxies/a/toxics '{"type":"packet_loss"}'""": OURS,
    """POST /proxies/a/toxics '{"type":"partition"}'""": OURS,
    "an_update_with_one_wrong_attribute_changes_nothing": "the original applies what precedes the wrong one, and answers 400",
    "reset_peer_on_an_open_connection_resets_it": "the original ends it with a plain FIN, since it sets the option too late",
    "reset_peer_with_toxicity_0_spoils_nothing": "the original resets connections that its toxicity spared",
}
"""What differs, and why."""


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Server, Server]]:
    """The real one and ours."""
    with real_toxiproxy() as real, embedded_toxiproxy() as ours:
        yield real, ours


def emptied(server: Server) -> Server:
    """One without proxies; what cannot be deleted by its name listens nowhere and is in nobody's way."""
    for name in ask(server.port, "GET", "/proxies").json:
        ask(server.port, "DELETE", "/proxies/" + quote(name))
    return server


def compare(name: str, real: object, ours: object) -> None:
    """They are equal, unless they are to differ."""
    if name in DIFFERENCES:
        assert real != ours, f"listed as a difference, and is none: {name}"
    else:
        assert ours == real


def test_a_difference_must_be_listed_and_a_listed_one_must_be_one() -> None:
    listed = next(iter(DIFFERENCES))
    compare(listed, 1, 2)
    compare("not listed", 1, 1)
    with pytest.raises(AssertionError, match="is none"):
        compare(listed, 1, 1)
    with pytest.raises(AssertionError):
        compare("not listed", 1, 2)


# Requests.

PORT = re.compile(rb"(127\.0\.0\.1|\[::\]|\[::1\]):\d{4,5}")
COMPARED = ("content-type", "x-content-type-options", "location", "allow", "content-encoding")


def answered(server: Server, case: Case) -> dict[str, Any]:
    """What is answered in a well-known state, ports and the request's number left out."""
    port = emptied(server).port
    body = {"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    assert ask(port, "POST", "/proxies", body).status == 201
    for toxic in (
        {"name": "lag", "type": "latency", "attributes": {"latency": 1}},
        {"name": "up", "type": "noop", "stream": "Upstream", "toxicity": 0.3},
    ):
        assert ask(port, "POST", "/proxies/a/toxics", toxic).status == 200
    return seen(ask(port, case.method, case.path, case.body, dict(case.headers)))


def seen(reply: Reply) -> dict[str, Any]:
    """What of an answer is compared."""
    return {
        "status": reply.status,
        "body": PORT.sub(rb"\1:P", reply.body).decode(),
        "headers": {name: reply.headers.get(name) for name in COMPARED},
        "numbered": bool(re.fullmatch("[0-9a-v]{20}", reply.headers.get("x-toxiproxy-request-id", ""))),
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_is_answered_alike(both: tuple[Server, Server], case: Case) -> None:
    real, ours = (answered(server, case) for server in both)
    assert real["status"] == case.status
    assert case.says in real["body"]
    if case.type:
        assert real["headers"]["content-type"] == case.type
    compare(case.name, real, ours)


def test_every_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in CASES] + list(STORIES)
    assert len(names) == len(set(names))
    assert not set(DIFFERENCES) - set(names)


# Stories.


@pytest.mark.parametrize("tell", STORIES.values(), ids=STORIES)
def test_a_story_goes_alike(both: tuple[Server, Server], tell: Story) -> None:
    tales = []
    for server in both:
        with ExitStack() as cleanup:
            tales.append(tell(Stage(emptied(server), cleanup)))
    compare(tell.__name__, *tales)


# Other people's clients.


def test_the_client_for_node_sees_no_difference(both: tuple[Server, Server]) -> None:
    script, folder = Path(__file__).with_name("node_drive.mjs"), node_client()
    tales = []
    for server in both:
        words = ["node", str(script), str(folder), emptied(server).url]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        tales.append(json.loads(done.stdout))
    real, ours = tales
    assert ours == real
    assert len(real) >= 20
    assert dict(real)["after reset"]["enabled"] is True


def test_the_client_for_python_sees_no_difference(both: tuple[Server, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    need("toxiproxy-python", find_spec("toxiproxy") is not None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    real, ours = (with_toxiproxy_python(emptied(server)) for server in both)
    assert ours == real
    assert len(real) >= 15


def with_toxiproxy_python(server: Server) -> list[object]:
    """What its user sees; ports left out."""
    from toxiproxy import Toxiproxy

    client = Toxiproxy()
    client.update_api_consumer("127.0.0.1", server.port)
    tale: list[object] = [client.running(), b'"version": "2.12.0' in client.version()]

    def attempt(doing: Any) -> Any:
        try:
            found = doing()
        except Exception as problem:  # noqa: BLE001 - which one is what is told
            found = (type(problem).__name__, *problem.args)
        tale.append(
            {**vars(found), "listen": ""}
            if hasattr(found, "listen")
            else vars(found)
            if hasattr(found, "stream")
            else found
        )
        return found

    proxy = attempt(lambda: client.create(name="a", upstream="127.0.0.1:1", listen="127.0.0.1:0"))
    attempt(lambda: client.create(name="a", upstream="127.0.0.1:1"))
    attempt(lambda: proxy.add_toxic(type="latency", attributes={"latency": 5}))
    attempt(lambda: proxy.add_toxic(type="latency", attributes={"latency": 5}))
    attempt(lambda: proxy.add_toxic(type="down"))
    attempt(lambda: proxy.add_toxic(type="latency", name="f", attributes={"latency": 1.5}))
    attempt(lambda: proxy.get_toxic("latency_downstream"))
    attempt(lambda: proxy.get_toxic("none"))
    attempt(lambda: proxy.destroy_toxic("none"))
    attempt(lambda: proxy.destroy_toxic("latency_downstream"))
    with proxy.down():
        attempt(lambda: client.get_proxy("a").enabled)
    attempt(lambda: client.get_proxy("a").enabled)
    attempt(
        lambda: sorted(one.name for one in client.populate([{"name": "b", "upstream": "u:1", "listen": "127.0.0.1:0"}]))
    )
    attempt(lambda: sorted(client.proxies()))
    attempt(client.reset)
    attempt(lambda: client.destroy(proxy))
    attempt(lambda: client.destroy(proxy))
    attempt(client.destroy_all)
    attempt(lambda: sorted(client.proxies()))
    return tale
