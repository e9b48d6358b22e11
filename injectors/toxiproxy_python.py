"""The package toxiproxy-python, made safe: one server at a time, with deadlines, and no failure taken for success.

The package keeps its server's address in a class for the whole process, waits for ever, honours proxies of the environment
even for this host, and passes over answers of the kinds 3xx and 5xx. What it returns says nothing: read again.
"""

import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from injectors.toxiproxy import host_port, is_loopback


def _loaded_once_more() -> Any:
    """The package under a name of ours: whoever else uses it in this process is not led to our servers, nor we to his."""
    found = importlib.util.find_spec("toxiproxy")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("toxiproxy-python is not installed", name="toxiproxy")
    spec = importlib.util.spec_from_file_location("chaos_drills_toxiproxy", found.origin)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


_package = _loaded_once_more()
NotFound: type[Exception] = _package.api.NotFound
Refusals: tuple[type[Exception], ...] = (_package.api.InvalidToxic, _package.api.ProxyExists)
"""What the package raises for 404; and for 400 and 409."""

_one_at_a_time = threading.Lock()
_UNDERSTOOD = (400, 404, 409)
"""Statuses for which the package raises errors of its own."""
_BODY_MAX = 1_000_000


class Busy(Exception):
    """Another thread is talking to a server, and does not come to an end."""


class Failed(Exception):
    """An answer that the package would take for a success; the raw body is its argument."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(body)
        self.status = status


def call(url: str, proxy: str, do: Callable[[Any], Any], *, within_s: float) -> None:
    """Do something with a proxy of the server at this URL. Raises Busy, Failed, and what the package and requests raise."""
    until_s = time.monotonic() + within_s
    if not _one_at_a_time.acquire(timeout=within_s):
        raise Busy
    try:
        host, port = host_port(url)
        with _Session(until_s, direct=is_loopback(host)) as session:
            _package.api.requests = session
            _package.Toxiproxy().update_api_consumer(f"[{host}]" if ":" in host else host, port)
            # Its own `get_proxy` lists all proxies with all toxics; and it does not quote names.
            do(_package.Proxy(name=quote(proxy, safe=""), upstream="", enabled=True, listen=""))
    finally:
        _one_at_a_time.release()


class _Session(requests.Session):
    """What stands for the module `requests` in the package."""

    def __init__(self, until_s: float, *, direct: bool) -> None:
        super().__init__()
        self._until_s = until_s
        self.trust_env = not direct
        self.headers["Accept-Encoding"] = "identity"  # the body is read as it comes

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As ever, with a deadline for the whole, no redirects, and an error for what the package would overlook."""
        within_s = max(0.01, self._until_s - time.monotonic())
        response = super().request(*args, **{**kwargs, "timeout": within_s, "allow_redirects": False, "stream": True})
        with response:
            response._content = self._body(response)  # where `content` and `json()` look for it
        if not 200 <= response.status_code < 300 and response.status_code not in _UNDERSTOOD:
            raise Failed(response.status_code, response.content)
        return response

    def _body(self, response: requests.Response) -> bytes:
        """All of it; asked for in whatever comes, since a wait for more of it would begin anew with each byte."""
        body = b""
        read = getattr(response.raw, "read1", None) or (lambda _: response.raw.read(1))  # urllib3 1 has no read1
        try:
            while part := read(16_384):
                body += part
                if time.monotonic() > self._until_s:
                    raise requests.ReadTimeout(response=response)
                if len(body) > _BODY_MAX:
                    raise requests.RequestException("an answer without an end", response=response)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error, response=response) from None
        except HTTPError as error:
            raise requests.ConnectionError(error, response=response) from None
        return body
