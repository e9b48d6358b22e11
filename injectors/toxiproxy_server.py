"""What a server of Toxiproxy can be asked, be it a real one (2.5 or newer) or the embedded one.

Everything here blocks: call it from a worker thread. What is asked of a server is read again before it counts as done.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from injectors.injector import InjectionFailed
from injectors.toxiproxy import host_port, is_loopback, normal

Stream = Literal["upstream", "downstream"]

_OLDEST = (2, 5)
_READ_S = 3.0
_ACT_S = 10.0
_ANSWER_MAX = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic:
    """One toxic, as asked for or as told."""

    name: str
    type: str
    stream: Stream
    attributes: Mapping[str, int | float] = field(default_factory=dict)
    toxicity: float = 1.0

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "type": self.type, "stream": self.stream, "attributes": dict(self.attributes),
                "toxicity": self.toxicity}  # fmt: skip

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Toxic":
        """From what `to_data` gave, or from what a server tells. Raises KeyError or ValueError for anything else."""
        stream: Stream = "upstream" if str(data["stream"]).lower() == "upstream" else "downstream"
        return cls(name=str(data["name"]), type=str(data["type"]), stream=stream,
                   attributes=dict(data.get("attributes") or {}), toxicity=float(data["toxicity"]))  # fmt: skip

    def unlike(self, told: "Toxic") -> str:
        """In what way the one that a server tells is not this one; empty when it is."""
        mine, theirs = ((one.type, one.stream) for one in (self, told))
        if mine != theirs:
            return f"is {' '.join(theirs)}, where {' '.join(mine)} was asked"
        # A server keeps toxicity as a float of 32 bits.
        figures = {"toxicity": self.toxicity, **self.attributes}
        for key, asked in figures.items():
            has = told.toxicity if key == "toxicity" else told.attributes.get(key)
            if not isinstance(has, int | float):
                return f"has no {key}, where {asked:g} was asked"
            if abs(has - asked) > 1e-6:
                return f"has {key} {has:g}, where {asked:g} was asked"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """What a server tells of a proxy."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    protocol: str
    toxics: tuple[Toxic, ...]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Proxy":
        """From a server's JSON. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(name=data["name"], listen=data["listen"], upstream=data["upstream"], enabled=data["enabled"] is True,
                   protocol=data.get("protocol", "tcp"), toxics=tuple(map(Toxic.from_data, data["toxics"])))  # fmt: skip

    def toxic(self, name: str) -> Toxic | None:
        """The one of this name."""
        return next((one for one in self.toxics if one.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a server can do beyond adding and removing the toxics of a released Toxiproxy."""

    server: str
    """For people: `Toxiproxy 2.12.0 at 127.0.0.1:8474`."""
    embedded: bool = False
    """True for ours: it has leases, UDP, and toxics of its own."""
    by_kernel: bool = False
    """Whether it loses TCP segments in the kernel, as a wire would, and not in a model."""
    toxics: frozenset[str] | None = None
    """Types it knows; None when it does not tell."""


class Toxiproxy:
    """One server. Reading goes straight to its API; acts on what any Toxiproxy can do go through toxiproxy-python.

    Every method raises InjectionFailed with what happened and what to do, and has a deadline.
    """

    def __init__(self, url: str, *, read_s: float = _READ_S, act_s: float = _ACT_S) -> None:
        self.url = url.rstrip("/")
        self.at = f"Toxiproxy at {normal(url)}"
        """For people."""
        self._read_s, self._act_s = read_s, act_s

    def prepare(self) -> None:
        """Load what acts will need, which takes longer than any of them."""
        import injectors.toxiproxy_python  # noqa: F401

    def abilities(self) -> Abilities:
        """What it can do. Raises InjectionFailed for what is no Toxiproxy, or one that is too old."""
        version = self._version()
        status, told = self._ask("GET", "/capabilities")
        server = f"Toxiproxy {version} at {normal(self.url)}"
        if status == 404:
            return Abilities(server=server)
        if status != 200 or not isinstance(told, dict) or not isinstance(told.get("toxics"), dict):
            raise self._stranger("GET /capabilities", status, told)
        return Abilities(server=server, embedded=bool(told.get("lease")), by_kernel=told.get("packet_loss") == "kernel",
                         toxics=frozenset(told["toxics"]))  # fmt: skip

    def _version(self) -> str:
        status, told = self._ask("GET", "/version")
        version = told if isinstance(told, str) else told.get("version") if isinstance(told, dict) else None
        # Before 2.5 it was told as bare text.
        if status != 200 or not isinstance(version, str) or not re.fullmatch(r"[\w.+-]{1,60}", version):
            raise self._stranger("GET /version", status, told)
        number = re.match(r"v?(\d+)\.(\d+)", version)  # `git` is what a build without a release calls itself
        if number and (int(number[1]), int(number[2])) < _OLDEST:
            raise InjectionFailed(f"{self.at} is version {version}, and 2.5 or newer is needed")
        return version

    def proxy(self, name: str) -> Proxy | None:
        """A proxy with its toxics; None when the server has none of this name."""
        path = _path(name)
        status, told = self._ask("GET", path)
        if status == 404 and isinstance(told, dict) and "error" in told:
            return None
        try:
            if status == 200 and isinstance(told, dict):
                return Proxy.from_data(told)
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # the same stranger as below
        raise self._stranger(f"GET {path}", status, told)

    def the_proxy(self, name: str) -> Proxy:
        """A proxy that must be there."""
        found = self.proxy(name)
        if found is None:
            raise InjectionFailed(f"{self.at} has no proxy {name}; create it there, or mend `proxy` in the inventory")
        return found

    def add(self, proxy: str, toxic: Toxic, lease_s: float | None) -> None:
        """Add a toxic, with a lease where the server has leases."""
        if lease_s is None:
            self._by_package(proxy, lambda it: it.add_toxic(**toxic.to_data()))
        else:
            self._extension(_toxics(proxy), {**toxic.to_data(), "lease_ms": round(lease_s * 1000)})
        told = self.the_proxy(proxy).toxic(toxic.name)
        if now := toxic.unlike(told) if told else "is not there":
            raise InjectionFailed(f"{self.at} was asked to add {toxic.type} to proxy {proxy}, and afterwards it {now}")

    def remove(self, proxy: str, toxic: str) -> None:
        """Remove a toxic; one that is gone is fine, and so is one whose proxy is gone."""
        from urllib.parse import quote

        self._by_package(proxy, lambda it: it.destroy_toxic(quote(toxic, safe="")), may_lack=True)
        now = self.proxy(proxy)
        if now and now.toxic(toxic):
            raise InjectionFailed(
                f"{self.at} was asked to remove toxic {toxic} of proxy {proxy}, and it is still there"
            )

    def enable(self, proxy: str) -> None:
        """Have a proxy listen again; one that is gone is fine."""
        self._by_package(proxy, lambda it: it.enable(), may_lack=True)
        now = self.proxy(proxy)
        if now and not now.enabled:
            raise InjectionFailed(f"{self.at} was asked to enable proxy {proxy}, and it is still disabled")

    def disable(self, proxy: str, lease_s: float | None) -> None:
        """Have a proxy end its connections and refuse new ones, with a lease where the server has leases."""
        if lease_s is None:
            self._by_package(proxy, lambda it: it.disable())
        else:
            self._extension(_path(proxy), {"enabled": False, "lease_ms": round(lease_s * 1000)})
        if self.the_proxy(proxy).enabled:
            raise InjectionFailed(f"{self.at} was asked to disable proxy {proxy}, and it is still enabled")

    def renew(self, proxy: str, toxic: str, lease_s: float) -> None:
        """Have a toxic's lease last so long from now on."""
        from urllib.parse import quote

        self._extension(f"{_toxics(proxy)}/{quote(toxic, safe='')}", {"lease_ms": round(lease_s * 1000)})

    def _by_package(self, proxy: str, do: Callable[[Any], object], *, may_lack: bool = False) -> None:
        from injectors import toxiproxy_python

        with self._told_apart(proxy, may_lack=may_lack):
            toxiproxy_python.call(self.url, proxy, do, within_s=self._act_s)

    @contextmanager
    def _told_apart(self, proxy: str, *, may_lack: bool) -> Iterator[None]:
        """What goes wrong with the package, in our words."""
        import requests

        from injectors.toxiproxy_python import Busy, Failed, NotFound, Refusals

        try:
            yield
        except NotFound as error:
            if not may_lack:
                raise InjectionFailed(f"{self.at}, proxy {proxy}: {_error_of(error)}") from None
        except Refusals as error:
            raise InjectionFailed(f"{self.at}, proxy {proxy}: {_error_of(error)}") from None
        except Failed as error:
            why = _error_of(error) if error.status != 503 else "see whether it hangs, and restart it then"
            raise InjectionFailed(f"{self.at} answered {error.status} to a change of proxy {proxy}: {why}") from None
        except Busy:
            raise InjectionFailed(f"{self.at} could not be asked for {self._act_s:g} s, since another server that was "
                                  "asked before does not answer") from None  # fmt: skip
        except requests.Timeout:
            raise self._silent(f"a change of proxy {proxy}", self._act_s) from None
        except requests.ConnectionError as error:
            raise self._unreachable(error) from None
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise InjectionFailed(f"{self.at} answered what no Toxiproxy would to a change of proxy {proxy}: "
                                  f"{error}") from None  # fmt: skip

    def _extension(self, path: str, body: Mapping[str, Any]) -> None:
        """Change something with what only ours understands, and the package therefore cannot say."""
        status, told = self._ask("POST", path, body)
        if status not in (200, 201):
            why = told.get("error") if isinstance(told, dict) else told
            raise InjectionFailed(f"{self.at} refused POST {path} with {status}: {why}")

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer; JSON where it is some, else text. Raises InjectionFailed when there is none."""
        import http.client

        within_s = self._read_s if body is None else self._act_s
        try:
            return _exchange(method, self.url + path, body, within_s)
        except TimeoutError:
            raise self._silent(f"{method} {path}", within_s) from None
        except http.client.HTTPException as error:
            raise InjectionFailed(f"what answers at {self.url} is no Toxiproxy, and does not even speak HTTP "
                                  f"({type(error).__name__}); mend `url`") from None  # fmt: skip
        except OSError as error:
            raise self._unreachable(error) from None

    def _silent(self, what: str, within_s: float) -> InjectionFailed:
        return InjectionFailed(f"{self.at} did not answer {what} within {within_s:g} s; see whether it hangs, or whether "
                               "`url` leads to something else")  # fmt: skip

    def _unreachable(self, error: Exception) -> InjectionFailed:
        reason = getattr(error, "reason", error)
        why = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        return InjectionFailed(f"{self.at} cannot be reached ({why}); see that it runs, and that `url` is right")

    def _stranger(self, asked: str, status: int, told: Any) -> InjectionFailed:
        if status in (408, 429) or status >= 500:
            return InjectionFailed(f"{self.at} answered {status} to {asked}; see whether it hangs, and restart it then")
        begin = " ".join(str(told).split())[:60]
        return InjectionFailed(f"what answers at {self.url} is no Toxiproxy: {status} to {asked}, with `{begin}`; "
                               "mend `url`")  # fmt: skip


def _path(proxy: str) -> str:
    from urllib.parse import quote

    return f"/proxies/{quote(proxy, safe='')}"


def _toxics(proxy: str) -> str:
    return f"{_path(proxy)}/toxics"


def _error_of(error: Exception) -> str:
    """The text in the raw body that was raised."""
    import json

    body = error.args[0] if error.args else b""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return " ".join(bytes(body).decode(errors="replace").split())[:60] if isinstance(body, bytes) else str(error)


def _exchange(method: str, url: str, body: Any, within_s: float) -> tuple[int, Any]:
    import json
    import time
    import urllib.error
    import urllib.request

    host = host_port(url[: url.index("/", 7)])[0]
    # A proxy of the environment is not asked for this host; for others, what the environment says holds.
    through = urllib.request.ProxyHandler({} if is_loopback(host) else None)
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"User-Agent": "chaos-drills"}, method=method)
    until_s = time.monotonic() + within_s
    try:
        with urllib.request.build_opener(through, _no_redirects()).open(request, timeout=within_s) as response:
            return response.status, _decoded(_read(response, until_s))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _decoded(_read(error, until_s))
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise TimeoutError from None
        raise


def _no_redirects() -> Any:
    """What takes a redirect for the answer: no Toxiproxy sends us elsewhere."""
    from urllib.request import HTTPRedirectHandler

    class Refusing(HTTPRedirectHandler):
        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    return Refusing()


def _read(response: Any, until_s: float) -> bytes:
    """The whole answer, unless it is endless or comes too slowly."""
    import time

    found = b""
    while part := response.read1(65536):
        found += part
        if time.monotonic() > until_s:
            raise TimeoutError
        if len(found) > _ANSWER_MAX:
            break
    return found


def _decoded(body: bytes) -> Any:
    import json

    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace").strip()
