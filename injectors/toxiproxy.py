"""Where a link's proxy is: at which Toxiproxy, under which name, between which places."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, Self

from injectors.injector import InjectionFailed, Server

Transport = Literal["tcp", "udp"]

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})

_URL = r"http://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})/?"
_HOST_PORT = r"(\[[0-9A-Fa-f:.%A-Za-z]*\]|[^\[\]:/\s]*):([0-9]{1,5})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxiproxyLink:
    """A proxy of Toxiproxy that a link goes through. Without `url` the run starts an embedded server that has it."""

    name: ClassVar[str] = "toxiproxy"

    proxy: Annotated[str, "The proxy's name"]
    url: Annotated[str, "The server's API, such as http://127.0.0.1:8474; left out, the run starts its own"] = ""
    listen: Annotated[str, "Where clients reach the proxy, as host:port"] = ""
    upstream: Annotated[str, "Where the proxy leads to, as host:port"] = ""
    protocol: Annotated[Transport, "What the link carries; a real Toxiproxy carries only tcp"] = "tcp"
    ping: Annotated[str, 'A harmless request that is answered at once, such as "PING\\r\\n"; with it, effects are '
                         "measured"] = ""  # fmt: skip
    pidfile: Annotated[str, "Leads to the process of a server that the run has started"] = field(
        default="", metadata={"setting": False}
    )

    def __post_init__(self) -> None:
        if not self.proxy or self.proxy in {".", ".."} or "/" in self.proxy:
            what = f"Toxiproxy cannot be asked for a proxy called {self.proxy!r}"
            raise ValueError("proxy", what, "give it a name without /")
        if self.url and not _is_url(self.url):
            raise ValueError("url", f"{self.url!r} is no address of a Toxiproxy", "write http://host:port")
        for key in ("listen", "upstream"):
            written = getattr(self, key)
            if not written and not self.url:
                what = f"without a url the run starts a server of its own, which needs to know {key}"
                raise ValueError(key, what, f'add {key}: "127.0.0.1:16379", or the url of a server')
            if written and not _is_host_port(written):
                raise ValueError(key, f"{written!r} is no host:port", 'write it as in "127.0.0.1:16379"')
        if self.listen and self.upstream and normal(self.listen) == normal(self.upstream):
            what = f"the proxy would lead to itself: it listens on its upstream, {self.upstream}"
            raise ValueError("listen", what, "give it a port of its own, and have clients use that")

    @property
    def lacks_server(self) -> bool:
        """True when the inventory names none."""
        return not self.url

    def served(self, port: int, pidfile: str) -> Self:
        """The same link, through the server that listens at this port of the loopback address."""
        return replace(self, url=f"http://127.0.0.1:{port}", pidfile=pidfile)

    @classmethod
    def server(cls, addresses: Sequence[Self], port: int, folder: str) -> Server:
        """The embedded server, with every proxy of these links. Raises ValueError where it cannot have two of them."""
        import json
        from pathlib import Path
        from urllib.parse import quote

        links: dict[str, Self] = {}
        for one in addresses:
            for other in links.values():
                _see_that_both_can_be(other, one)
            links.setdefault(one.proxy, one)
        proxies = [{"name": one.proxy, "listen": one.listen, "upstream": one.upstream,
                    **({"protocol": "udp"} if one.protocol == "udp" else {})} for one in links.values()]  # fmt: skip
        # They are made in this order up to one that cannot be, so that where the last one is they all are.
        last = quote(list(links)[-1], safe="")
        file = "toxiproxy.json"
        arguments = ("-host", "127.0.0.1", "-port", str(port), "-config", str(Path(folder, file)))
        return Server(name="toxiproxy", module="injectors.proxy", arguments=arguments,
                      files={file: json.dumps(proxies, indent=2)},
                      ready=f"http://127.0.0.1:{port}/proxies/{last}")  # fmt: skip


def _see_that_both_can_be(one: ToxiproxyLink, other: ToxiproxyLink) -> None:
    """Raise ValueError for two links whose proxies cannot be at one server."""
    ours = f"the run's own Toxiproxy has proxy {one.proxy}"
    if one.proxy == other.proxy:
        for key, said, also in (("listen", normal(one.listen), normal(other.listen)),
                                ("upstream", normal(one.upstream), normal(other.upstream)),
                                ("protocol", one.protocol, other.protocol)):  # fmt: skip
            if said != also:
                what = f"{ours} for two links, with `{key}` {said} and {also}"
                raise ValueError(key, what, "give one of the links another `proxy`, or both the same places")
    elif one.protocol == other.protocol and _same_socket(one.listen, other.listen):
        what = f"{ours} listening on {one.listen}, and proxy {other.proxy} on {other.listen}"
        raise ValueError("listen", what, "give one of the two another port")


def _same_socket(one: str, other: str) -> bool:
    """True where nobody could listen on both; names are taken as they are written."""
    (host, port), (other_host, other_port) = host_port(one), host_port(other)
    return port == other_port and (host == other_host or bool(_EVERYWHERE & {host, other_host}))


def _is_url(url: str) -> bool:
    found = re.fullmatch(_URL, url)
    return found is not None and 0 < int(found[2]) < 65536


def _is_host_port(text: str) -> bool:
    found = re.fullmatch(_HOST_PORT, text)
    return found is not None and 0 < int(found[2]) < 65536


def host_port(text: str) -> tuple[str, int]:
    """The two parts of `host:port` or of a server's URL; the host without brackets, and `localhost` as its address."""
    found = re.fullmatch(_URL, text) or re.fullmatch(_HOST_PORT, text)
    if found is None:
        raise InjectionFailed(f"{text!r} is no host:port")
    host = found[1].strip("[]").lower()
    return "127.0.0.1" if host == "localhost" else host, int(found[2])


def normal(text: str) -> str:
    """The same place always in the same words: `localhost:8474` and `http://127.0.0.1:8474` are `127.0.0.1:8474`."""
    host, port = host_port(text)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def same_place(one: str, other: str) -> bool:
    """True when two `host:port` mean the same, a name being the same as its address."""
    if one == other:
        return True
    found, also = re.fullmatch(_HOST_PORT, one), re.fullmatch(_HOST_PORT, other)
    if found is None or also is None or int(found[2]) != int(also[2]):
        return False
    return bool(_addresses(found[1].strip("[]").lower()) & _addresses(also[1].strip("[]").lower()))


def _addresses(host: str) -> set[str]:
    if host in _EVERYWHERE:
        return {"*"}
    import socket

    try:
        return {host, *(str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))}
    except (OSError, UnicodeError):  # a name that means something only where the server is
        return {host}


def is_loopback(host: str) -> bool:
    """True for names and addresses of this host that are never to be asked for through anybody else."""
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
