"""The API server of a Kubernetes cluster, asked through the official client: found as kubectl finds it, read, and watched.

Answers are read as they come and never as the client's models: a watch of thousands of objects would spend its time on
them. A watch is ended by the server itself after a while; one that does not even say so is deaf.
"""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from checks.observer import CannotObserve
from checks.observers.bounds import TEXT_MAX
from checks.observers.listening import Unheard

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientTimeout
    from kubernetes.aio.client import ApiClient, Configuration

WATCH_S = 15
"""After so long the server ends a watch, and it is begun again from where it was."""
_GRACE_S = 5.0
"""So much later than it should have ended, a watch is deaf."""
_ANSWER_S = 5.0
"""How long the answer to a question, or to the wish to watch, may take to begin."""
_PAGE_S = 30.0
"""How long a page of a list may take in all."""
_BODY_MAX = 64 << 20
"""Bytes of a page; a longer one is refused."""
_LINE_MAX = 8 << 20
"""Bytes of one line of a watch. No object is as large."""
_ERROR_MAX = 16 << 10
_AT_ONCE = 50
"""Lines of a watch that are read before others have their turn."""
_RELOAD_S = 5.0
"""A server that does not know us is asked with new credentials no more often than this."""
_RETRY_MAX_S = 30.0
_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE, THROTTLED = 401, 403, 404, 410, 429


class Refused(Unheard):
    """The server answered, and not with what was asked for."""

    def __init__(self, status: int, why: str, retry_s: float = 0.0) -> None:
        super().__init__(f"it answered {status}: {why}" if why else f"it answered {status}")
        self.status, self.why = status, why
        self.retry_s = retry_s
        """How long it asks us to wait; 0 when it does not say."""


class Deaf(Unheard):
    """A watch was silent for longer than any may be."""


class Found(NamedTuple):
    """Where a cluster is, as a kubeconfig or the pod's own service account says."""

    configuration: "Configuration"
    namespace: str
    """Of those who name none."""


class ApiServer:
    """One server, with connections of its own."""

    def __init__(self, kubeconfig: str, context: str) -> None:
        self._kubeconfig, self._context = kubeconfig, context
        self._client: ApiClient | None = None
        self._reloaded_s = 0.0
        self.namespace = ""
        self.place = "?"
        """Host and port."""

    async def connect(self) -> None:
        """Find it; nothing is asked yet. Raises Unheard."""
        import asyncio
        import time

        # The client's hundreds of models take half a second, which is not to make the looks of probes late.
        await asyncio.to_thread(_load)
        from kubernetes.aio.client import ApiClient

        found, old = await self._find(), self._client
        self._client = await asyncio.to_thread(ApiClient, found.configuration)  # it reads certificates
        self.namespace = found.namespace
        self.place = found.configuration.host.partition("://")[2].rpartition("@")[2].rstrip("/")
        self._reloaded_s = time.monotonic()
        if old:
            await old.close()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Hang up."""
        import asyncio

        if self._client:
            await self._client.close()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # then the sockets are closed

    async def ask(self, path: str, params: Mapping[str, str] | None = None, accept: str = "application/json") -> bytes:
        """What it answers. Raises Unheard."""
        import asyncio

        import aiohttp

        limit = aiohttp.ClientTimeout(total=_PAGE_S, sock_connect=_ANSWER_S, sock_read=_ANSWER_S)
        async with self._answer(path, params or {}, accept, limit) as answer:
            body = bytearray()
            while part := await _part(answer):
                body += part
                if len(body) > _BODY_MAX:
                    raise Unheard(f"an answer is longer than {_BODY_MAX >> 20} MiB")
                await asyncio.sleep(0)  # a large one comes in one go, and others are waiting
            return bytes(body)

    @asynccontextmanager
    async def watch(self, path: str, params: Mapping[str, str], accept: str = "application/json", *,
                    lasts_s: int = WATCH_S) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:  # fmt: skip
        """What it tells from now on, until it ends the watch after `lasts_s`. Raises Unheard, also while it is read."""
        import aiohttp

        more = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(lasts_s)}
        limit = aiohttp.ClientTimeout(total=lasts_s + _GRACE_S, sock_connect=_ANSWER_S)
        async with self._answer(path, {**params, **more}, accept, limit) as answer:
            yield _lines(answer)

    @asynccontextmanager
    async def _answer(self, path: str, params: Mapping[str, str], accept: str,
                      limit: "ClientTimeout") -> "AsyncIterator[ClientResponse]":  # fmt: skip
        """An answer that is well. What its reader breaks by is the reader's."""
        with _in_words():
            response = await self._send(path, params, accept, limit)
        try:
            if response.status != 200:
                raise await self._refused(response)
            yield response
        finally:
            if response.connection and response.connection.transport:
                response.connection.transport.abort()  # a watch has no end of its own that one could wait for
            response.close()

    async def _send(
        self, path: str, params: Mapping[str, str], accept: str, limit: "ClientTimeout"
    ) -> "ClientResponse":
        """The beginning of an answer, within `_ANSWER_S`."""
        import asyncio
        from urllib.parse import urlencode

        client = self._client
        if client is None:
            raise Unheard("it is not connected")
        headers = {"Accept": accept, "User-Agent": "chaos-drills"}
        await client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        url = client.configuration.host + path + (f"?{urlencode(params)}" if params else "")
        async with asyncio.timeout(_ANSWER_S):
            got = await client.call_api("GET", url, headers, _request_timeout=limit)
        response: ClientResponse = got.response
        return response

    async def _refused(self, response: "ClientResponse") -> Refused:
        """Why there is no answer. A token that is over is renewed for the next time."""
        import time

        with _in_words():
            body = await response.content.read(_ERROR_MAX)
        try:
            said = json.loads(body)
            why = str(said.get("message") or "") if isinstance(said, Mapping) else ""
        except ValueError:
            why = ""
        if response.status == UNAUTHORIZED and time.monotonic() - self._reloaded_s > _RELOAD_S:
            await self.connect()
        return Refused(response.status, why[:TEXT_MAX], _seconds(response.headers.get("Retry-After", "")))

    async def _find(self) -> Found:
        """As kubectl does: the file given, `KUBECONFIG`, `~/.kube/config`, or the service account of our own pod."""
        import os

        import yaml
        from kubernetes.aio.client import Configuration
        from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

        configuration = Configuration()
        files = self._kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        there = _those_there(files.split(os.pathsep))
        try:
            if there:
                loader = await load_kube_config(os.pathsep.join(there), self._context or None, configuration,
                                                persist_config=False)  # type: ignore[no-untyped-call] # fmt: skip
                namespace = loader.current_context["context"].get("namespace")
            elif (_IN_CLUSTER / "token").is_file() and not (self._kubeconfig or self._context):
                load_incluster_config(configuration, try_refresh_token=False)  # type: ignore[no-untyped-call]
                namespace = (_IN_CLUSTER / "namespace").read_text(encoding="utf-8").strip()
            else:
                raise Unheard(f"there is no kubeconfig at {files}; say in the inventory, or in KUBECONFIG, where it is")
        except yaml.YAMLError:
            raise Unheard("the kubeconfig cannot be used: it is no YAML") from None
        except (ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unheard(f"the kubeconfig cannot be used: {error}"[:TEXT_MAX]) from None
        if token := configuration.api_key.get("BearerToken"):
            # Files of tokens end with a newline, which no header may have.
            configuration.api_key["BearerToken"] = token.strip()
        configuration.retries = None  # when to try again is decided here, and what was missed meanwhile is told
        configuration.connection_pool_maxsize = 0  # each watch holds a connection
        return Found(configuration, namespace or "default")


def _those_there(files: Sequence[str]) -> list[str]:
    return [one for one in files if one and Path(one).expanduser().is_file()]


def _load() -> None:
    try:
        import kubernetes.aio.config  # noqa: F401
    except ImportError:
        raise CannotObserve(
            'the observer `kubernetes` needs its client: pip install "chaos-drills[kubernetes]"'
        ) from None


@contextmanager
def _in_words() -> Iterator[None]:
    """What goes wrong on the way, as why nothing was heard."""
    import os

    import aiohttp

    try:
        yield
    except TimeoutError:
        raise Deaf("it was silent for too long") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unheard(f"its certificate is not valid: {error.certificate_error}") from None
    except aiohttp.ClientConnectorError as error:
        number = error.os_error.errno or 0  # a name that is not found has one below 0, and words of its own
        why = os.strerror(number) if number > 0 else error.os_error.strerror or error.os_error
        raise Unheard(f"it cannot be reached: {why}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unheard(f"the connection broke: {type(error).__name__}") from None


async def _part(answer: "ClientResponse") -> bytes:
    """What has come since; empty at the end."""
    with _in_words():
        return await answer.content.readany()


async def _lines(answer: "ClientResponse") -> AsyncIterator[Mapping[str, Any]]:
    """Each line of a watch. One that was cut off by the end of the connection is left out: it comes again."""
    import asyncio

    rest, n = b"", 0
    while part := await _part(answer):
        *lines, rest = (rest + part).split(b"\n")
        for line in filter(bytes.strip, lines):
            yield _read(line)
            n += 1
            if n % _AT_ONCE == 0:
                await asyncio.sleep(0)  # thousands come in one go, and others are waiting
        if len(rest) > _LINE_MAX:
            raise Unheard(f"a line of a watch is longer than {_LINE_MAX >> 20} MiB")


def _read(line: bytes) -> Mapping[str, Any]:
    with suppress(ValueError, RecursionError):
        said = json.loads(line)
        if isinstance(said, Mapping) and isinstance(said.get("object"), Mapping):
            return said
    raise Unheard("a line of a watch could not be understood")


def _seconds(header: str) -> float:
    """What `Retry-After` asks for; 0 when that is no number of seconds."""
    return min(float(header), _RETRY_MAX_S) if header.strip().isdecimal() else 0.0
