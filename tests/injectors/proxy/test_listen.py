"""Addresses are read, and their errors worded, as Go does it; the texts were taken from the original."""

import asyncio
import socket
from contextlib import closing

import pytest

from injectors.proxy.listen import ListenFailed, WrongAddress, bound, listen, resolve, to_dial


def listened(text: str) -> str:
    """Where somebody ends up who listens there."""

    async def main() -> str:
        with closing(await listen(text)) as sock:
            assert not sock.getblocking()
            return bound(sock)

    return asyncio.run(main())


@pytest.mark.parametrize("text", ["", ":0", "0.0.0.0:0", "[::]:0", ":"])
def test_a_wildcard_listens_on_both_families(text: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("needs IPv6")

    async def main() -> None:
        with closing(await listen(text)) as sock:
            assert bound(sock).startswith("[::]:")
            port = sock.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), 5).close()
            assert sock.family == socket.AF_INET6
            assert not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost:0", "127.0.0.1"),
        ("127.0.0.1:", "127.0.0.1"),
        ("[127.0.0.1]:0", "127.0.0.1"),
        ("[localhost]:0", "127.0.0.1"),
        ("[::ffff:127.0.0.1]:0", "127.0.0.1"),
        ("127.0.0.1:-0", "127.0.0.1"),
    ],
)
def test_listens_where_the_text_says(text: str, host: str) -> None:
    found, _, port = listened(text).rpartition(":")
    assert found == host
    assert int(port) > 0


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", ":0"),
        (":80", ":80"),
        ("localhost:http-alt", "127.0.0.1:8080"),
        ("localhost:HTTP-ALT", "127.0.0.1:8080"),
        ("127.0.0.1:080", "127.0.0.1:80"),
        ("localhost:+7012", "127.0.0.1:7012"),
        ("0.0.0.0:5", "0.0.0.0:5"),
        ("[::1]:5", "[::1]:5"),
    ],
)
def test_resolves_to_the_text_that_updates_are_compared_with(text: str, place: str) -> None:
    assert str(asyncio.run(resolve(text))) == place


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nope", "address nope: missing port in address"),
        ("::1:0", "address ::1:0: too many colons in address"),
        ("127.0.0.1:1:2", "address 127.0.0.1:1:2: too many colons in address"),
        ("[::1", "address [::1: missing ']' in address"),
        ("[::1]", "address [::1]: missing port in address"),
        ("[::1]x:0", "address [::1]x:0: missing port in address"),
        ("]:0", "address ]:0: unexpected ']' in address"),
        ("a]b:0", "address a]b:0: unexpected ']' in address"),
        ("a[b:0", "address a[b:0: unexpected '[' in address"),
        ("localhost:99999", "address 99999: invalid port"),
        ("localhost:65536", "address 65536: invalid port"),
        ("localhost:-1", "address -1: invalid port"),
        ("localhost:nosuchservice", "lookup tcp/nosuchservice: unknown port"),
        ("localhost:1e3", "lookup tcp/1e3: unknown port"),
        ("localhost:００", "lookup tcp/００: unknown port"),
        ("127.1:0", "lookup 127.1: no such host"),
        ("0x7f.1:0", "lookup 0x7f.1: no such host"),
        ("256.1.1.1:0", "lookup 256.1.1.1: no such host"),
        ("*:0", "lookup *: no such host"),
        (" 127.0.0.1:0", "lookup  127.0.0.1: no such host"),
        ("a..b:0", "lookup a..b: no such host"),
        ("a\0b:0", "lookup a\0b: no such host"),
        ("localhost:\0", "lookup tcp/\0: unknown port"),
        ("localhost:" + "9" * 5000, f"address {'9' * 5000}: invalid port"),
    ],
)
def test_says_what_is_wrong_with_an_address(text: str, said: str) -> None:
    with pytest.raises(WrongAddress) as update:
        asyncio.run(resolve(text))
    assert str(update.value) == said
    with pytest.raises(ListenFailed) as create:
        listened(text)
    assert str(create.value) == f"listen tcp: {said}"


def test_says_that_the_port_is_taken() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        for text, told in (("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"), ("", ""), ("0.0.0.0", "0.0.0.0")):
            with pytest.raises(ListenFailed) as failed:
                listened(f"{text}:{port}")
            assert str(failed.value) == f"listen tcp {told}:{port}: bind: address already in use"


def test_says_that_the_address_is_not_ours() -> None:
    with pytest.raises(ListenFailed, match=r"^listen tcp 192\.0\.2\.1:0: bind: cannot assign requested address$"):
        listened("192.0.2.1:0")


def test_an_upstream_without_a_host_is_this_one() -> None:
    assert to_dial(":80") == [(socket.AF_INET, ("127.0.0.1", 80)), (socket.AF_INET6, ("::1", 80, 0, 0))]
    assert to_dial("localhost:80") is None
    with pytest.raises(WrongAddress):
        to_dial("zzz")
