"""How a cluster is found: as kubectl does, by the file given, `KUBECONFIG`, `~/.kube/config`, or the pod's own account."""

from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from injectors.injector import InjectionFailed

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientSession

    from injectors.kubernetes_api import Cluster
    from injectors.kubernetes_sockets import Sockets

instead: ContextVar[str] = ContextVar("instead", default="")
"""A kubeconfig that is used in place of any other, for who heals with credentials of their own; the cluster must be the same."""
_IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_WHY_MAX = 300
_BUFFER = 2 << 20
"""Bytes that are read ahead: an event of a watch may be as large."""


async def find(kubeconfig: str, context: str) -> "Cluster":
    """A client of the cluster; nothing is asked of it yet. Raises InjectionFailed."""
    import asyncio

    # The client's hundreds of models take half a second, which is not to make the looks of probes late.
    await asyncio.to_thread(_load)
    from kubernetes.aio.client import ApiClient, Configuration

    from injectors.kubernetes_api import Cluster
    from injectors.kubernetes_sockets import Sockets

    configuration = Configuration()
    if other := instead.get():
        kubeconfig, context = other, ""
    files, context, namespace = await _settle(configuration, kubeconfig, context)
    if token := configuration.api_key.get("BearerToken"):
        # Files of tokens end with a newline, which no header may have.
        configuration.api_key["BearerToken"] = token.strip()
    configuration.retries = None  # when to try again is decided here
    configuration.proxy = configuration.proxy or _proxy_to(configuration.host)
    client = await asyncio.to_thread(ApiClient, configuration)  # it reads certificates
    sockets = Sockets()
    client.rest_client.pool_manager = _session(sockets, client.rest_client.ssl_context)
    return Cluster(client, sockets, files, context, namespace)


def _session(sockets: "Sockets", tls: "SSLContext") -> "ClientSession":
    """As the client would make it, but without asking the environment for a proxy, and ~/.netrc for credentials, anew for
    each request, in threads: two thirds of what a request costs.
    """
    from aiohttp import ClientSession, TCPConnector

    return ClientSession(connector=TCPConnector(ssl=tls, socket_factory=sockets), read_bufsize=_BUFFER, trust_env=False)


async def _settle(configuration: Any, kubeconfig: str, context: str) -> tuple[str, str, str]:
    """Fill in the configuration; pass the files, absolute, the context and its namespace."""
    import os

    import yaml
    from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

    files = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    there = os.pathsep.join(_those_there(files.split(os.pathsep)))
    try:
        if there:
            loader = await load_kube_config(there, context or None, configuration, persist_config=False)  # type: ignore[no-untyped-call]
            if _is_nobody(loader, configuration):
                raise InjectionFailed(f"the program that {there} names gave no credentials; log in anew, and try again")
            current = loader.current_context
            return there, str(current["name"]), str(current["context"].get("namespace") or "default")
        if (_IN_CLUSTER / "token").is_file() and not (kubeconfig or context):
            load_incluster_config(configuration, try_refresh_token=False)  # type: ignore[no-untyped-call]
            return "", "", (_IN_CLUSTER / "namespace").read_text(encoding="utf-8").strip()
    except yaml.YAMLError:
        raise InjectionFailed("the kubeconfig cannot be used: it is no YAML") from None
    except (ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InjectionFailed(f"the kubeconfig cannot be used: {error}"[:_WHY_MAX]) from None
    raise InjectionFailed(f"there is no kubeconfig at {files}; say in the inventory, or in KUBECONFIG, where it is")


def _proxy_to(url: str) -> str | None:
    """The proxy that the environment names for this server."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _is_nobody(loader: Any, configuration: Any) -> bool:
    """Whether a program should have given credentials and has failed, which the client tells in its log alone."""
    user = loader._user
    return bool(user) and "exec" in user and not (configuration.api_key or configuration.cert_file)


def _those_there(files: Iterable[str]) -> list[str]:
    paths = [Path(one).expanduser().absolute() for one in files if one]
    return [str(one) for one in paths if one.is_file()]


def _load() -> None:
    try:
        import kubernetes.aio.config  # noqa: F401
    except ImportError:
        raise InjectionFailed('Kubernetes needs its client: pip install "chaos-drills[kubernetes]"') from None
