"""Segments lost by the kernel, and connecting that hangs: with the privilege, and without it in a child process."""

import errno
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from injectors.proxy import kernel
from tests.real import need

ROOT = Path(__file__).parents[3]
LISTENERS = [
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, "0.0.0.0"),
    (socket.AF_INET6, "::1"),
    (socket.AF_INET6, "::"),
]


def need_filters() -> None:
    need("CAP_NET_ADMIN for socket filters", kernel.can_filter())


def listening(family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
    """A listener of both families where the host is `::`, non-blocking as a proxy's is."""
    listener = socket.socket(family)
    if host == "::":
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, 0))
    listener.listen(128)
    listener.setblocking(False)
    return listener


def clients_of(listener: socket.socket) -> list[tuple[str, int]]:
    """Every address at which a client can reach it."""
    host, port = listener.getsockname()[:2]
    return [(one, port) for one in {"0.0.0.0": ["127.0.0.1"], "::": ["::1", "127.0.0.1"]}.get(host, [host])]


def try_to_connect(address: tuple[str, int], within_s: float) -> str:
    """`open`, or what connecting came to."""
    try:
        socket.create_connection(address, timeout=within_s).close()
    except TimeoutError:
        return "timed out"
    except OSError as problem:
        return errno.errorcode[problem.errno or 0]
    return "open"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and ours of one TCP connection."""
    with listening() as listener, socket.create_connection(listener.getsockname()[:2], timeout=30) as client:
        select.select([listener], [], [], 5)
        ours = listener.accept()[0]
        ours.settimeout(30)
        with ours:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield client, ours


def received(sock: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer when the peer is done."""
    got = bytearray()
    while len(got) < count and (piece := sock.recv(count - len(got))):
        got += piece
    return bytes(got)


def retransmitted(sock: socket.socket) -> int:
    """How many segments this socket has sent again (tcpi_total_retrans)."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int.from_bytes(info[100:104], sys.byteorder)


# -- losing


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_the_share_lost_is_the_share_asked(share: float) -> None:
    """Datagrams, since nobody sends those again. Six standard deviations: one run in 500 million is unlucky."""
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as peer:
        if sys.platform != "linux":
            pytest.skip("socket filters are Linux's")
        ours.bind(("127.0.0.1", 0))
        ours.setblocking(False)
        kernel.lose(ours, share)  # for datagrams no privilege is asked
        sent, got = 10_000, 0
        for _ in range(sent // 50):
            for _ in range(50):  # few enough to fit in the receive buffer whatever happens
                peer.sendto(b"x", ours.getsockname())
            while select.select([ours], [], [], 0)[0]:
                ours.recv(10)
                got += 1

        assert abs((sent - got) - sent * share) < 6 * (sent * share * (1 - share)) ** 0.5


def test_losing_everything_and_nothing_are_exact() -> None:
    if sys.platform != "linux":
        pytest.skip("socket filters are Linux's")
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as peer:
        ours.bind(("127.0.0.1", 0))
        ours.setblocking(False)
        kernel.lose(ours, 1.0)
        for _ in range(50):
            peer.sendto(b"lost", ours.getsockname())
        kernel.lose(ours, 0.0)
        kernel.lose(ours, 0.0)  # nothing to end is no error
        for _ in range(50):
            peer.sendto(b"x" * 900, ours.getsockname())

        assert [ours.recv(1000) for _ in range(50)] == [b"x" * 900] * 50, "filters must not cut what they pass"
        assert select.select([ours], [], [], 0) == ([], [], [])


def test_tcp_under_loss_keeps_every_byte(pair: tuple[socket.socket, socket.socket]) -> None:
    need_filters()
    client, ours = pair
    data = os.urandom(1_000_000)
    kernel.lose(ours, 0.3)
    sending = threading.Thread(target=client.sendall, args=(data,))
    sending.start()
    deadline = threading.Timer(25, kernel.lose, (ours, 0.0))  # 30 % can stall long; what then matters is the bytes
    deadline.start()

    got = received(ours, len(data))

    deadline.cancel()
    sending.join()
    assert got == data
    assert retransmitted(client) > 0


def test_a_partition_acknowledges_nothing_and_heals_with_nothing_lost(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    need_filters()
    client, ours = pair
    kernel.lose(ours, 1.0)
    client.sendall(b"said during the partition")
    while retransmitted(client) < 2:
        assert select.select([ours], [], [], 0.05)[0] == []
    kernel.lose(ours, 0.0)
    client.sendall(b", said after it")

    assert received(ours, 40) == b"said during the partition, said after it"


def test_a_partition_leaves_the_other_direction_its_way(pair: tuple[socket.socket, socket.socket]) -> None:
    """What we send arrives, though we never hear that it did."""
    need_filters()
    client, ours = pair
    kernel.lose(ours, 1.0)
    ours.sendall(b"to the client")

    assert received(client, 13) == b"to the client"


def test_a_peer_that_died_behind_a_partition_is_noticed_after_it(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its RST was eaten and it says nothing more; our keep-alive asks, and what answers is an RST."""
    need_filters()
    monkeypatch.setattr(kernel, "BRISK_S", (1, 1, 2))
    client, ours = pair
    kernel.lose(ours, 1.0)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, kernel._NO_LINGER)
    client.close()
    assert select.select([ours], [], [], 0.3)[0] == []
    kernel.lose(ours, 0.0)

    with pytest.raises(ConnectionResetError):
        ours.recv(1)


def test_a_refused_filter_says_so() -> None:
    closed = socket.socket()
    closed.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.lose(closed, 0.5)


# -- connecting that hangs


@pytest.mark.parametrize(("family", "host"), LISTENERS)
@pytest.mark.parametrize("allowed", [True, False], ids=["filter", "queue"])
def test_connecting_hangs_and_a_client_that_waits_gets_through_afterwards(
    allowed: bool, family: socket.AddressFamily, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if allowed:
        need_filters()
    monkeypatch.setattr(kernel, "can_filter", lambda: allowed)
    with listening(family, host) as listener, ExitStack() as waiting:
        silence = kernel.Silence(listener)
        assert silence.begin() == ("filter" if allowed else "queue")
        addresses = clients_of(listener)
        assert [try_to_connect(one, 0.2) for one in addresses] == ["timed out"] * len(addresses)

        clients = []
        for address in addresses:
            client = waiting.enter_context(socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET))
            client.setblocking(False)
            assert client.connect_ex(address) == errno.EINPROGRESS
            clients.append(client)
        assert select.select([], clients, [], 0.2)[1] == []
        assert silence.end() == []
        assert silence.how == "none"

        for client in clients:  # the next SYN is due 1 s after the first
            assert select.select([], [client], [], 20)[1] == [client]
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert try_to_connect(addresses[0], 20) == "open"
        peers = {client.getsockname()[1] for client in clients}
        accepted = set()
        while peers - accepted:
            assert select.select([listener], [], [], 5)[0]
            sock, address = listener.accept()
            sock.close()
            accepted.add(address[1])


@pytest.mark.parametrize("allowed", [True, False], ids=["filter", "queue"])
def test_clients_who_had_connected_before_are_not_lost(allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand in the accept queue when the silence begins; a filter leaves them there, the other way hands them over."""
    if allowed:
        need_filters()
    monkeypatch.setattr(kernel, "can_filter", lambda: allowed)
    with listening() as listener, ExitStack() as opened:
        early = [opened.enter_context(socket.create_connection(listener.getsockname())) for _ in range(3)]
        silence = kernel.Silence(listener)
        silence.begin()
        assert try_to_connect(listener.getsockname(), 0.2) == "timed out"

        handed = [(opened.enter_context(sock), address) for sock, address in silence.end()]
        if allowed:
            assert handed == []
            handed = [(opened.enter_context(sock), address) for sock, address in (listener.accept() for _ in early)]

        assert [address for _, address in handed] == [one.getsockname() for one in early]
        early[0].sendall(b"still here")
        select.select([handed[0][0]], [], [], 5)
        assert handed[0][0].recv(20) == b"still here"
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_fillers_leave_no_phantom_client_and_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "can_filter", lambda: False)
    descriptors = Path("/proc/self/fd")
    with listening() as listener:
        before = len(list(descriptors.iterdir()))
        silence = kernel.Silence(listener)
        for _ in range(20):
            assert silence.begin() == silence.begin() == "queue"
            assert silence.end() == silence.end() == []

        assert len(list(descriptors.iterdir())) == before
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert try_to_connect(listener.getsockname(), 5) == "open"


def test_no_descriptor_left_is_told_and_the_listener_serves_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "can_filter", lambda: False)
    with listening() as listener:
        silence = kernel.Silence(listener)
        with monkeypatch.context() as poor:
            poor.setattr(socket, "socket", _none_left)
            assert silence.begin() == "none"
        assert silence.end() == []

        waiting = [socket.create_connection(listener.getsockname(), timeout=5) for _ in range(20)]
        for one in waiting:
            one.close()


def _none_left(*_: object) -> socket.socket:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_listener_closed_under_a_silence_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "can_filter", lambda: False)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    listener = listening()
    silence = kernel.Silence(listener)
    silence.begin()
    listener.close()

    assert silence.end() == []
    assert len(list(descriptors.iterdir())) == before


def test_a_share_of_the_clients_is_silenced_by_port_and_salt() -> None:
    """The same ports meet the same fate as long as the salt is the same; the share of them is what was asked."""
    need_filters()
    with listening() as listener:
        silence = kernel.Silence(listener)
        ports = [port for port in range(20_000, 20_300) if _free(port)]
        silence.begin(0.3, salt=1)
        first = [_reaches(listener, port) for port in ports]
        again = [_reaches(listener, port) for port in ports[:50]]
        silence.begin(0.3, salt=12345)
        salted = [_reaches(listener, port) for port in ports]
        silence.end()

        assert again == first[:50]
        assert salted != first
        assert all(0.55 < sum(one) / len(ports) < 0.85 for one in (first, salted))
        assert all(_reaches(listener, port) for port in ports[:20])


def test_no_share_below_half_is_silenced_where_clients_cannot_be_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "can_filter", lambda: False)
    with listening() as listener:
        silence = kernel.Silence(listener)

        assert silence.begin(0.5) == "none"
        assert try_to_connect(listener.getsockname(), 5) == "open"


def _free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return trial.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def _reaches(listener: socket.socket, port: int) -> bool:
    """Whether a SYN from this port is answered; within a host that is known when `connect` returns."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, kernel._NO_LINGER)
        client.bind(("127.0.0.1", port))
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        through = bool(select.select([], [client], [], 0)[1])
        if through:  # or the queue would fill up, which silences too
            listener.accept()[0].close()
        return through


# -- without the privilege

UNPRIVILEGED = """
import os, socket, sys
from injectors.proxy import kernel
from tests.injectors.proxy.test_kernel import listening, try_to_connect
"".encode("idna")  # what resolving names loads, while the installation can still be read
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
assert not kernel.can_filter(), "filters are allowed"
trial = socket.socket()
try:
    kernel.lose(trial, 0.1)
except PermissionError:
    pass
else:
    raise AssertionError("a filter was taken")
kernel.lose(trial, 0)
listener = listening()
silence = kernel.Silence(listener)
assert silence.begin() == "queue"
assert try_to_connect(listener.getsockname(), 0.3) == "timed out"
assert silence.end() == []
assert try_to_connect(listener.getsockname(), 5) == "open"
print("silenced without privilege")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the accept queue's way is Linux's")
def test_without_the_privilege_filters_are_refused_and_the_queue_serves() -> None:
    child = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (child.returncode, child.stdout) == (0, "silenced without privilege\n"), child.stderr
