"""Faults of links, on the real thing: through the server that a run starts itself, and through a real Toxiproxy."""

import http.client
import json
import re
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from injectors import host
from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until
from tests.injectors.toxiproxies import OLDEST, VERSION, Server, embedded_toxiproxy, real_toxiproxy
from tests.signals import send

EXAMPLES = ROOT / "examples"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


# --- the examples


def test_every_fault_of_the_gallery_is_seen_in_effect_and_gone_afterwards(desk: Desk) -> None:
    code, said = desk.call("run", str(EXAMPLES / "network" / "gallery.yaml"))

    assert code == 0, said
    effects = {one["fault"]: one["why"] for one in desk.told("injection.verified")}
    assert len(effects) == 11
    for fault in ("slow", "reset", "silent", "cut"):
        assert "a ping " in effects[fault], f"the effect of {fault} was not measured: {effects[fault]}"
    assert "connecting hangs" in effects["nobody-answers"]
    assert "connecting is refused" in effects["down"]
    assert {one["fault"] for one in desk.told("injection.gone")} == set(effects)


def test_a_slow_link_is_slow_for_those_who_go_that_way_alone(desk: Desk) -> None:
    code, said = desk.call("run", str(EXAMPLES / "cache" / "slow-network.yaml"))

    assert code == 0, said
    (effect,) = desk.told("injection.verified")
    assert "a ping takes " in effect["why"]


@pytest.mark.parametrize(("drill", "code"), [("jittery-call", 0), ("hopeless-call", 1)])
def test_a_call_survives_jitter_and_loss_and_no_hopeless_delay(desk: Desk, drill: str, code: int) -> None:
    ended, said = desk.call("run", str(EXAMPLES / "media" / f"{drill}.yaml"))

    assert ended == code, said
    (media,) = [one for one in desk.report()["checks"] if one["kind"] == "media"]
    assert media["verdict"]["outcome"] == ("passed" if code == 0 else "failed")


# --- what ends before its time

CUT_OFF = """
drill: cut-off
lab: lab.yaml
inventory: inventory.yaml
probes:
  page: {http: page, every: 100ms, timeout: 300ms}
faults:
  - {id: cut, timeout: to-page, for: 60s}
"""


@pytest.fixture
def cut(desk: Desk) -> Desk:
    """A drill on the gallery's page that cuts it off for a minute."""
    for name in ("lab.yaml", "inventory.yaml"):
        (desk.folder / name).write_bytes((EXAMPLES / "network" / name).read_bytes())
    (desk.folder / "cut-off.yaml").write_text(CUT_OFF, encoding="utf-8")
    return desk


def test_a_killed_conductor_leaves_neither_fault_nor_server(cut: Desk) -> None:
    drill = cut.start("run", "cut-off.yaml")
    try:
        wait_until(lambda: cut.has("injection.verified"), "the link is cut")
        assert cut.left()
    finally:
        drill.kill()
        drill.communicate()
    wait_until(lambda: cut.has("run.closed"), "the reaper has closed the run")

    assert [one["fault"] for one in cut.told("injection.gone")] == ["cut"]


def test_a_run_that_is_interrupted_heals_the_link_first_and_ends_the_server_after_it(cut: Desk) -> None:
    drill = cut.start("run", "cut-off.yaml")
    try:
        wait_until(lambda: cut.has("injection.verified"), "the link is cut")
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    kinds = [one for one in ("injection.gone", "lab.ended", "run.closed") if cut.has(one)]
    assert kinds == ["injection.gone", "lab.ended", "run.closed"]


def test_a_server_that_dies_takes_its_faults_with_it_and_the_run_proves_nothing(cut: Desk) -> None:
    """Nothing is left, and nobody can say how long the fault was there."""
    drill = cut.start("run", "cut-off.yaml")
    try:
        wait_until(lambda: cut.has("injection.verified"), "the link is cut")
        (server,) = host.leaders(str(cut.run().lab / "toxiproxy.pid"))
        host.send(server, signal.SIGKILL)
        wait_until(lambda: cut.has("injection.lapsed"), "its lease was missed", 60)
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=60)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert "NOT" not in said
    (effect,) = [one for one in cut.report()["checks"] if one["kind"] == "fault_in_effect"]
    assert effect["verdict"]["outcome"] == "unknown"


def test_a_server_that_hangs_is_ended_and_its_faults_are_seen_to_be_gone_with_it(cut: Desk) -> None:
    """Nobody can heal at a server that does not answer; but the run ends it, and knows what that means."""
    drill = cut.start("run", "cut-off.yaml")
    try:
        wait_until(lambda: cut.has("injection.verified"), "the link is cut")
        (server,) = host.leaders(str(cut.run().lab / "toxiproxy.pid"))
        send(server.pid, signal.SIGSTOP)
        drill.send_signal(signal.SIGINT)
        said, _ = drill.communicate(timeout=120)
    finally:
        drill.kill()

    assert drill.returncode == 4, said
    assert cut.told("injection.heal_failed")
    assert [one["fault"] for one in cut.told("injection.gone")] == ["cut"]


# --- a server that was there before

STAYS = """
drill: through-a-server
inventory: inventory.yaml
probes:
  page: {tcp: page, send: "hello\\n", expect: hello, every: 50ms}
faults:
  - %s
checks:
  - recovered: {probe: page, within: 3s, hold: 500ms}
"""


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line)


@contextmanager
def behind(desk: Desk, server: Server, fault: str) -> Iterator[None]:
    """An echo server behind the proxy `page` of this Toxiproxy, and a drill of this fault on it."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        upstream = f"127.0.0.1:{echo.server_address[1]}"
        made = ask(server, "POST", "/proxies", {"name": "page", "listen": "127.0.0.1:0", "upstream": upstream})
        port = made["listen"].rpartition(":")[2]
        (desk.folder / "inventory.yaml").write_text(
            f"environment: lab\nengines: {{toxiproxy: {{url: '{server.url}'}}}}\n"
            f"targets: {{page: {{tcp: {{host: 127.0.0.1, port: {port}}}}}}}\n"
            'links: {to-page: {toxiproxy: {proxy: page, ping: "ping\\n"}}}\n', encoding="utf-8")  # fmt: skip
        (desk.folder / "drill.yaml").write_text(STAYS % fault, encoding="utf-8")
        try:
            yield
        finally:
            echo.shutdown()


def ask(server: Server, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        text = connection.getresponse().read()
        return json.loads(text) if text else None
    finally:
        connection.close()


def toxics(server: Server) -> list[str]:
    return [one["name"] for one in ask(server, "GET", "/proxies/page")["toxics"]]


SLOW = "{latency: {link: to-page, delay: 60ms}, for: 1s}"


@pytest.mark.parametrize("version", [VERSION, OLDEST])
@pytest.mark.parametrize("fault", [SLOW, "{partition: to-page, for: 1s}", "{down: to-page, for: 1s}"])
def test_a_real_toxiproxy_is_driven_and_left_as_it_was(desk: Desk, version: str, fault: str) -> None:
    with real_toxiproxy(version=version) as server, behind(desk, server, fault):
        code, said = desk.call("run", "drill.yaml")

        assert code == 0, said
        assert re.search("through the link|is refused", desk.told("injection.verified")[0]["why"])
        assert toxics(server) == []
        assert ask(server, "GET", "/proxies/page")["enabled"] is True


def test_what_a_real_toxiproxy_cannot_do_is_refused_before_anything_is_done(desk: Desk) -> None:
    with real_toxiproxy() as server, behind(desk, server, "{packet_loss: {link: to-page, loss: 5%}, for: 1s}"):
        code, said = desk.call("run", "drill.yaml")

        assert code == 2, said
        assert "embedded" in said, "it says who can"
        assert not desk.runs.exists() or not list(desk.runs.iterdir())


@pytest.mark.parametrize("start", [real_toxiproxy, embedded_toxiproxy])
def test_a_toxic_of_ours_that_was_left_is_in_the_way_until_it_is_healed(desk: Desk, start: Any) -> None:
    with start() as server, behind(desk, server, SLOW):
        ask(server, "POST", "/proxies/page/toxics", {"name": "drill-0000-slow-downstream", "type": "latency"})
        refused, why = desk.call("run", "drill.yaml")
        healed, said = desk.call("run", "drill.yaml", "--heal-first")

        assert refused == 5, "what is left is not healed: " + why
        assert "drill-0000-slow-downstream" in why
        assert healed == 0, said
        assert toxics(server) == []


def test_a_fault_that_somebody_else_takes_away_is_not_called_in_effect(desk: Desk) -> None:
    with real_toxiproxy() as server, behind(desk, server, "{latency: {link: to-page, delay: 60ms}, for: 60s}"):
        drill = desk.start("run", "drill.yaml")
        try:
            wait_until(lambda: desk.has("injection.verified"), "the fault is there")
            ask(server, "POST", "/reset")
            wait_until(lambda: desk.has("injection.lapsed"), "the run has seen it")
        finally:
            drill.send_signal(signal.SIGINT)
            drill.communicate(timeout=60)
        (effect,) = [one for one in desk.report()["checks"] if one["kind"] == "fault_in_effect"]

    assert effect["verdict"]["outcome"] == "unknown"
    assert "a toxic of ours is no longer at proxy page" in str(effect)


def test_two_runs_on_two_links_of_one_server_do_not_know_of_each_other(desk: Desk) -> None:
    with real_toxiproxy() as server, behind(desk, server, SLOW.replace("1s", "60s")):
        ask(server, "POST", "/proxies", {"name": "other", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"})
        inventory = desk.folder / "inventory.yaml"
        two = inventory.read_text(encoding="utf-8").replace("links: {", "links: {to-other: {toxiproxy: other}, ")
        inventory.write_text(two, encoding="utf-8")
        text = (desk.folder / "drill.yaml").read_text(encoding="utf-8")
        (desk.folder / "other.yaml").write_text(
            text.replace("to-page", "to-other").replace("60s", "1s"), encoding="utf-8"
        )
        drill = desk.start("run", "drill.yaml")
        try:
            wait_until(lambda: desk.has("injection.verified"), "the fault is there")
            code, said = desk.call("run", "other.yaml", "--heal-first")

            assert code == 0, said
            assert "nothing of ours is left" in said
            assert len(toxics(server)) == 1, "that of the other run, which is still there"
        finally:
            drill.send_signal(signal.SIGINT)
            drill.communicate(timeout=60)


def test_a_port_that_somebody_holds_is_told_by_the_runs_own_server(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        (desk.folder / "inventory.yaml").write_text(
            f"environment: lab\ntargets: {{page: {{tcp: {{host: 127.0.0.1, port: {port}}}}}}}\n"
            f"links: {{to-page: {{toxiproxy: {{proxy: page, listen: '127.0.0.1:{port}', upstream: '127.0.0.1:1'}}}}}}\n",
            encoding="utf-8")  # fmt: skip
        (desk.folder / "drill.yaml").write_text(STAYS % SLOW, encoding="utf-8")
        code, said = desk.call("run", "drill.yaml")

    assert code == 3, said
    assert "toxiproxy was not ready" in said
    assert "address already in use" in said


def test_on_a_server_with_leases_the_fault_has_one(desk: Desk) -> None:
    with embedded_toxiproxy() as server, behind(desk, server, "{latency: {link: to-page, delay: 60ms}, for: 30s}"):
        drill = desk.start("run", "drill.yaml")
        try:
            wait_until(lambda: desk.has("injection.verified"), "the fault is there")
            (toxic,) = ask(server, "GET", "/proxies/page")["toxics"]
            assert 0 < toxic["lease_ms"] <= 30_000
        finally:
            drill.send_signal(signal.SIGINT)
            drill.communicate(timeout=60)
        assert toxics(server) == []
