"""Stories of several requests, and traffic through proxies: each tells what a client sees, the same of every server.

Ports are told as P unless they are compared; times are held to bounds here and never told.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.injectors.proxy.asking import Reply, ask, echo, upstream
from tests.injectors.toxiproxies import Server
from tests.ports import free_port

Telling = list[object]
Story = Callable[["Stage"], Telling]
STORIES: dict[str, Story] = {}
SLACK_S = 3.0
"""How late things may be on a busy machine."""


def story(tell: Story) -> Story:
    """Enter it in the list, by its name."""
    STORIES[tell.__name__] = tell
    return tell


@dataclass(frozen=True, slots=True)
class Stage:
    """One server with no proxies."""

    server: Server
    cleanup: ExitStack

    def ask(self, method: str, path: str, body: object = None) -> Reply:
        """One request."""
        return ask(self.server.port, method, path, body)

    def proxy(self, name: str = "a", **more: object) -> Any:
        """A new proxy, as it is told."""
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1", **more}
        reply = self.ask("POST", "/proxies", body)
        assert reply.status == 201, reply
        return reply.json

    def toxic(
        self, type: str, stream: str = "downstream", toxicity: float = 1.0, name: str = "t", **attributes: int
    ) -> None:
        """One more toxic of proxy `a`."""
        body = {"name": name, "type": type, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        reply = self.ask("POST", "/proxies/a/toxics", body)
        assert reply.status == 200, reply

    def through(self, serve: Callable[[socket.socket], None] = echo) -> Callable[[], socket.socket]:
        """What connects to a server that does this, through a new proxy `a`."""
        port = self.cleanup.enter_context(upstream(serve))
        listen = port_of(self.proxy(upstream=f"127.0.0.1:{port}"))
        return lambda: self.cleanup.enter_context(closing(connected(listen)))


def port_of(proxy: Any) -> int:
    """Where it listens."""
    return int(proxy["listen"].rpartition(":")[2])


def connected(port: int) -> socket.socket:
    """A connection to this port."""
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def refuses(port: int) -> bool:
    """Whether nobody listens there."""
    with closing(socket.socket()) as client:
        client.settimeout(5)
        return client.connect_ex(("127.0.0.1", port)) != 0


def what_comes(client: socket.socket, size: int = 1 << 30, patience_s: float = 10) -> tuple[bytes, str]:
    """The bytes that come, up to so many, and why there are no more: `enough`, `EOF`, `RST`, or `silence`."""
    found = b""
    client.settimeout(patience_s)
    try:
        while len(found) < size:
            if not (piece := client.recv(65536)):
                return found, "EOF"
            found += piece
    except ConnectionResetError:
        return found, "RST"
    except TimeoutError:
        return found, "silence"
    return found, "enough"


def asked_back(client: socket.socket, said: bytes = b"hello") -> tuple[bytes, str]:
    """What an echo answers."""
    client.sendall(said)
    return what_comes(client, len(said))


@contextmanager
def takes(at_least_s: float, at_most_s: float | None = None) -> Iterator[None]:
    """What is done inside takes so long, no less."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    # The clocks of two processes and the rounding of timers to milliseconds are worth a little.
    assert at_least_s - 0.005 <= took <= (at_least_s if at_most_s is None else at_most_s) + SLACK_S


def sends_and_closes(client: socket.socket) -> None:
    """An upstream that says one thing."""
    client.sendall(b"bye")


def sends_when_asked(client: socket.socket) -> None:
    """An upstream that says one thing after the first byte, and closes."""
    client.recv(1)
    client.sendall(b"bye")


# Proxies.


@story
def disabling_ends_connections_and_enabling_takes_the_same_port_again(stage: Stage) -> Telling:
    connect = stage.through()
    client = connect()
    before = asked_back(client)
    port = port_of(stage.ask("GET", "/proxies/a").json)
    disabled = stage.ask("POST", "/proxies/a", {"enabled": False}).json
    tale = [before, what_comes(client), refuses(port), disabled["enabled"], port_of(disabled) == port]
    enabled = stage.ask("POST", "/proxies/a", {"enabled": True}).json
    return [*tale, enabled["enabled"], port_of(enabled) == port, asked_back(connect())]


@story
def deleting_ends_connections_and_frees_port_and_name(stage: Stage) -> Telling:
    connect = stage.through()
    client = connect()
    before = asked_back(client)
    port = port_of(stage.ask("GET", "/proxies/a").json)
    status = stage.ask("DELETE", "/proxies/a").status
    tale = [before, status, what_comes(client), refuses(port)]
    return [*tale, port_of(stage.proxy("a", listen=f"127.0.0.1:{port}")) == port]


@story
def toxics_survive_disabling_and_moving(stage: Stage) -> Telling:
    stage.proxy()
    stage.toxic("latency", latency=5)
    before = stage.ask("GET", "/proxies/a/toxics").body
    for body in ({"enabled": False}, {"enabled": True}, {"listen": "127.0.0.1:0"}, {"upstream": "127.0.0.1:2"}):
        assert stage.ask("PATCH", "/proxies/a", body).status == 200
    return [stage.ask("GET", "/proxies/a/toxics").body == before]


@story
def the_same_address_by_its_name_is_no_move_and_port_0_always_is(stage: Stage) -> Telling:
    connect = stage.through()
    client = connect()
    told = stage.ask("GET", "/proxies/a").json
    same = stage.ask("PATCH", "/proxies/a", {"listen": f"localhost:{port_of(told)}"}).json
    tale = [asked_back(client), same == told]
    moved = stage.ask("PATCH", "/proxies/a", {"listen": "localhost:0"}).json
    return [*tale, what_comes(client), port_of(moved) != port_of(told), moved["listen"].startswith("127.0.0.1:")]


@story
def another_upstream_ends_connections(stage: Stage) -> Telling:
    connect = stage.through()
    client = connect()
    before = asked_back(client)
    stage.ask("PATCH", "/proxies/a", {"upstream": "127.0.0.1:1"})
    return [before, what_comes(client), what_comes(connect())]


@story
def a_move_to_a_taken_port_leaves_it_disabled_and_moved(stage: Stage) -> Telling:
    old = port_of(stage.proxy())
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        reply = stage.ask("PATCH", "/proxies/a", {"listen": f"127.0.0.1:{port}", "upstream": "new:1"})
    told = stage.ask("GET", "/proxies/a").json
    tale = [
        reply.status,
        reply.json["error"].replace(str(port), "P"),
        told["enabled"],
        port_of(told) == port,
        told["upstream"],
    ]
    back = stage.ask("PATCH", "/proxies/a", {"enabled": True}).json
    return [*tale, refuses(old), back["enabled"], port_of(back) == port]


@story
def a_proxy_on_a_taken_port_is_not_there(stage: Stage) -> Telling:
    port = port_of(stage.proxy("a"))
    body = {"name": "b", "listen": f"127.0.0.1:{port}", "upstream": "u"}
    reply = stage.ask("POST", "/proxies", body)
    return [reply.status, reply.json["error"].replace(str(port), "P"), stage.ask("GET", "/proxies/b").status]


@story
def populating_leaves_the_same_alone_whatever_else_it_says(stage: Stage) -> Telling:
    told = stage.proxy("a", upstream="127.0.0.1:1")
    stage.toxic("latency", latency=5)
    entry = {"name": "a", "listen": told["listen"], "upstream": "127.0.0.1:1"}
    reply = stage.ask("POST", "/populate", [{**entry, "enabled": False}])
    by_name = {**entry, "listen": entry["listen"].replace("127.0.0.1", "localhost")}
    again = stage.ask("POST", "/populate", [by_name])
    replaced = stage.ask("POST", "/populate", [{**entry, "upstream": "127.0.0.1:2"}])
    tale: Telling = []
    for one in (reply, again, replaced):
        (proxy,) = one.json["proxies"]
        tale.append((one.status, proxy["enabled"], len(proxy["toxics"]), port_of(proxy) == port_of(told)))
    return tale


@story
def populating_what_cannot_listen_leaves_the_old_one_stopped(stage: Stage) -> Telling:
    stage.proxy("a", upstream="127.0.0.1:1")
    stage.proxy("z")
    taken = stage.ask("GET", "/proxies/z").json["listen"]
    bodies = [
        {"name": "b", "listen": "127.0.0.1:0", "upstream": "u"}, {"name": "a", "listen": taken, "upstream": "u"},
        {"name": "c", "listen": "127.0.0.1:0", "upstream": "u"},
    ]  # fmt: skip
    reply = stage.ask("POST", "/populate", bodies)
    told = stage.ask("GET", "/proxies").json
    return [
        reply.status, reply.json["error"].replace(taken, "taken"), [one["name"] for one in reply.json["proxies"]],
        sorted(told), told["a"]["enabled"], told["a"]["upstream"],
    ]  # fmt: skip


@story
def a_reset_enables_and_takes_every_toxic_away(stage: Stage) -> Telling:
    for name in "abc":
        stage.proxy(name, enabled=name != "b")
    stage.toxic("latency", latency=5)
    stage.toxic("timeout", stream="upstream", name="u")
    status = stage.ask("POST", "/reset").status
    return [
        status,
        [(one["name"], one["enabled"], one["toxics"]) for one in stage.ask("GET", "/proxies").json.values()],
    ]


@story
def names_with_a_slash_can_be_made_and_not_asked_for(stage: Stage) -> Telling:
    stage.proxy("x y")
    tale = [stage.ask("GET", "/proxies/x%20y").status, stage.ask("DELETE", "/proxies/x%20y").status]
    port = free_port()
    stage.proxy("x/y", listen=f"127.0.0.1:{port}")
    tale += [stage.ask("GET", "/proxies/x%2Fy").status, [*stage.ask("GET", "/proxies").json]]
    # It can never be deleted, yet replaced by one that listens nowhere.
    body = {"name": "x/y", "listen": "127.0.0.1:0", "upstream": "u", "enabled": False}
    return [*tale, stage.ask("POST", "/populate", [body]).status]


@story
def toxics_are_listed_upstream_first_each_in_order_of_creation(stage: Stage) -> Telling:
    stage.proxy()
    for number, stream in enumerate(("downstream", "upstream", "downstream", "UpStream", "downstream")):
        stage.toxic("noop", stream, name=f"t{number}")
    return [[one["name"] for one in stage.ask("GET", "/proxies/a/toxics").json]]


@story
def an_update_with_one_wrong_attribute_changes_nothing(stage: Stage) -> Telling:
    stage.proxy()
    stage.toxic("latency", latency=1)
    reply = stage.ask("PATCH", "/proxies/a/toxics/t", '{"attributes":{"latency":500,"jitter":"x"}}')
    return [reply.status, stage.ask("GET", "/proxies/a/toxics/t").json["attributes"]]


# Traffic, with no toxic.


@story
def bytes_pass_and_each_end_closes_the_other(stage: Stage) -> Telling:
    data = bytes(range(256)) * 2000
    client = stage.through()()
    tale = [asked_back(client, data)[0] == data]
    stage.ask("DELETE", "/proxies/a")
    return [*tale, what_comes(stage.through(sends_and_closes)())]


@story
def a_client_is_taken_in_although_upstream_is_down(stage: Stage) -> Telling:
    port = port_of(stage.proxy(upstream=f"127.0.0.1:{free_port()}"))
    with closing(connected(port)) as client:
        return [what_comes(client)]


@story
def what_upstream_says_after_the_client_closed_its_half_is_lost(stage: Stage) -> Telling:
    def late(client: socket.socket) -> None:
        while client.recv(100):
            pass
        time.sleep(0.1)
        client.sendall(b"late")

    client = stage.through(late)()
    client.sendall(b"x")
    client.shutdown(socket.SHUT_WR)
    return [what_comes(client)]


# Traffic, with each toxic.


@story
def noop_changes_nothing(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("noop")
    return [asked_back(connect())]


@story
def latency_holds_data_and_the_end_behind_it(stage: Stage) -> Telling:
    connect = stage.through(sends_when_asked)
    stage.toxic("latency", latency=200)
    client = connect()
    client.sendall(b"?")
    with takes(0.2):
        return [what_comes(client)]


@story
def two_latencies_in_each_stream_add_up(stage: Stage) -> Telling:
    connect = stage.through()
    for number, stream in enumerate(("upstream", "upstream", "downstream", "downstream")):
        stage.toxic("latency", stream, name=f"t{number}", latency=100)
    client = connect()
    with takes(0.4):
        return [asked_back(client)]


@story
def latency_is_put_on_and_taken_off_an_open_connection(stage: Stage) -> Telling:
    client = stage.through()()
    tale = [asked_back(client)]
    stage.toxic("latency", latency=200)
    with takes(0.2):
        tale.append(asked_back(client))
    stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"latency": 400}})
    with takes(0.4):
        tale.append(asked_back(client))
    stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"latency": 9000}})
    stage.ask("DELETE", "/proxies/a/toxics/t")
    with takes(0.0):
        return [*tale, asked_back(client)]


@story
def taking_latency_off_lets_go_what_it_holds(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("latency", latency=8000)
    client = connect()
    for number in range(5):
        client.sendall(b"%d" % number)
        time.sleep(0.02)
    with takes(0.0):
        stage.ask("DELETE", "/proxies/a/toxics/t")
        return [what_comes(client, 5)]


@story
def bandwidth_takes_its_time(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("bandwidth", rate=100)
    client = connect()
    data = bytes(range(250)) * 200
    with takes(0.4, 0.5):
        return [asked_back(client, data)[0] == data]


@story
def bandwidth_of_0_lets_nothing_pass_until_it_is_raised(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("bandwidth")
    client = connect()
    client.sendall(b"hello")
    tale = [what_comes(client, patience_s=0.25)]
    stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"rate": 1000}})
    return [*tale, what_comes(client, 5)]


@story
def an_update_of_bandwidth_lets_go_what_is_under_way(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("bandwidth", rate=1)
    client = connect()
    client.sendall(bytes(8000))
    time.sleep(0.25)
    # At 2 KB/s the rest would take 4 s. No rate of which a tenth of a second is more than is there: told of it just when it
    # cuts off a piece, the original would cut more than is there, which ends it as a whole.
    with takes(0.0):
        stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"rate": 2}})
        return [what_comes(client, 8000)]


@story
def slow_close_delays_the_end_and_nothing_else(stage: Stage) -> Telling:
    connect = stage.through(sends_when_asked)
    stage.toxic("slow_close", delay=400)
    client = connect()
    client.sendall(b"?")
    with takes(0.4):
        return [what_comes(client)]


@story
def taking_slow_close_off_ends_it_at_once(stage: Stage) -> Telling:
    connect = stage.through(sends_and_closes)
    stage.toxic("slow_close", delay=9000)
    with takes(0.0):  # the data is not delayed
        client = connect()
        data = what_comes(client, 3)
    time.sleep(0.05)
    with takes(0.0):
        stage.ask("DELETE", "/proxies/a/toxics/t")
        return [data, what_comes(client)]


@story
def timeout_swallows_and_ends_after_silence(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("timeout", timeout=2500)
    client = connect()
    with takes(2.7):
        client.sendall(b"one")
        time.sleep(0.2)
        client.sendall(b"two")
        return [what_comes(client)]


@story
def timeout_of_0_swallows_for_ever_and_ends_when_it_is_taken_off(stage: Stage) -> Telling:
    tale: Telling = []
    for method, path in (("DELETE", "/proxies/a/toxics/t"), ("POST", "/reset")):
        connect = stage.through()
        stage.toxic("timeout")
        client = connect()
        client.sendall(b"hello")
        tale.append(what_comes(client, patience_s=0.2))
        stage.ask(method, path)
        tale.append(what_comes(client))
        stage.ask("DELETE", "/proxies/a")
    return tale


@story
def an_end_passes_a_timeout_at_once(stage: Stage) -> Telling:
    connect = stage.through(sends_and_closes)
    stage.toxic("timeout", timeout=9000)
    with takes(0.0):
        return [what_comes(connect())]


@story
def reset_peer_resets_at_the_first_byte(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("reset_peer")
    client = connect()
    idle = what_comes(client, patience_s=0.2)
    client.sendall(b"x")
    return [idle, what_comes(client)]


@story
def reset_peer_waits_for_its_timeout(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("reset_peer", "upstream", timeout=300)
    client = connect()
    client.sendall(b"x")
    with takes(0.3):
        return [what_comes(client)]


@story
def reset_peer_on_an_open_connection_resets_it(stage: Stage) -> Telling:
    client = stage.through()()
    before = asked_back(client)
    stage.toxic("reset_peer")
    client.sendall(b"x")
    return [before, what_comes(client)]


@story
def reset_peer_with_toxicity_0_spoils_nothing(stage: Stage) -> Telling:
    connect = stage.through(sends_when_asked)
    stage.toxic("reset_peer", toxicity=0.0)
    client = connect()
    client.sendall(b"?")
    return [what_comes(client)]


@story
def slicer_makes_pieces_and_loses_none(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("slicer", average_size=64, size_variation=32, delay=20_000)
    client = connect()
    data = bytes(range(256)) * 8
    began = time.monotonic()
    client.sendall(data)
    found = b""
    while len(found) < len(data):
        found += client.recv(4096)
    # At least 22 pieces, 20 ms apart; how many of them one read finds is the reader's affair.
    return [found == data, time.monotonic() - began >= 0.3]


@story
def limit_data_cuts_in_the_middle(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("limit_data", bytes=100)
    client = connect()
    client.sendall(bytes(1000))
    return [what_comes(client)]


@story
def limit_data_ends_when_it_is_reached_exactly(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("limit_data", bytes=10)
    client = connect()
    return [asked_back(client, b"12345"), asked_back(client, b"67890"), what_comes(client)]


@story
def limit_data_of_0_ends_at_the_first_byte_and_not_before(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("limit_data")
    client = connect()
    idle = what_comes(client, patience_s=0.2)
    client.sendall(b"x")
    return [idle, what_comes(client)]


@story
def limit_data_counts_from_when_it_was_added_and_goes_on_through_updates(stage: Stage) -> Telling:
    client = stage.through()()
    tale = [asked_back(client, b"before")]
    stage.toxic("limit_data", bytes=1000)
    tale.append(asked_back(client, b"12345"))
    stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"bytes": 8}})
    client.sendall(b"67890")
    return [*tale, what_comes(client)]


@story
def lowering_a_limit_below_what_passed_ends_at_the_next_byte(stage: Stage) -> Telling:
    connect = stage.through()
    stage.toxic("limit_data", bytes=1000)
    client = connect()
    tale = [asked_back(client, b"12345")]
    stage.ask("PATCH", "/proxies/a/toxics/t", {"attributes": {"bytes": 3}})
    tale.append(what_comes(client, patience_s=0.2))
    client.sendall(b"x")
    return [*tale, what_comes(client)]


@story
def toxicity_of_0_and_below_spares_everything_and_above_1_nothing(stage: Stage) -> Telling:
    tale: Telling = []
    for toxicity in (-3.0, 0.0, 7.0):
        connect = stage.through()
        stage.toxic("limit_data", toxicity=toxicity)
        client = connect()
        client.sendall(b"x")
        tale.append(what_comes(client, 1))
        stage.ask("DELETE", "/proxies/a")
    return tale


@story
def a_client_that_resets_ends_upstream_too(stage: Stage) -> Telling:
    ends: list[bytes] = []

    def listens(client: socket.socket) -> None:
        try:
            while client.recv(100):
                pass
            ends.append(b"EOF")
        except ConnectionResetError:
            ends.append(b"RST")

    client = stage.through(listens)()
    client.sendall(b"x")
    time.sleep(0.1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    until = time.monotonic() + 5
    while not ends and time.monotonic() < until:
        time.sleep(0.01)
    return [ends]
