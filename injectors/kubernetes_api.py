"""The API of a Kubernetes cluster, through the official client: read, changed and throttled, always within bounds.

What is written carries the field manager `chaos-drills`. A write that has begun is waited for also when its caller is
cancelled, so that none arrives after the healing. How busy the server is, it says itself (429, `Retry-After`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from injectors.injector import InjectionFailed
from injectors.kubernetes import InCluster
from injectors.kubernetes_turns import Turns

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

    from injectors.kubernetes_sockets import Sockets

T = TypeVar("T")
Object = Mapping[str, Any]

MANAGER = "chaos-drills"
"""Under which name we write."""
AT_ONCE = 16
"""Requests under way at a time."""
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, GONE = 400, 401, 403, 404, 409, 410
UNPROCESSABLE, THROTTLED = 422, 429
_UNAVAILABLE = 503
_PAGE = 500
_PAGES_MAX = 1_000
_ANSWER_S = 10.0
"""For one request, from connecting to the end of the answer."""
_CONNECT_S = 5.0
_PATIENCE_S = 20.0
"""So long a server may go on asking one request to come back later."""
_BODY_MAX = 64 << 20
_WHY_MAX = 300
_JSON = "application/json"
_META = f"{_JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1, {_JSON}"
_METAS = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, {_JSON}"


class Kind(NamedTuple):
    """A kind of objects."""

    name: str
    """As in `deployment`."""
    plural: str
    group: str = ""
    namespaced: bool = True
    version: str = "v1"
    proper: str = ""
    """As in `ChaosEngine`; the name with a capital when empty."""

    @property
    def api(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}".lstrip("/")

    def path(self, namespace: str = "", name: str = "") -> str:
        """Of one object; of all of them, in all namespaces unless one is given."""
        base = f"/apis/{self.api}" if self.group else f"/api/{self.api}"
        where = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{base}{where}/{self.plural}" + (f"/{name}" if name else "")


NAMESPACE = Kind("namespace", "namespaces", namespaced=False)
NODE = Kind("node", "nodes", namespaced=False)
POD = Kind("pod", "pods")
DEPLOYMENT = Kind("deployment", "deployments", "apps")
STATEFULSET = Kind("statefulset", "statefulsets", "apps")
DAEMONSET = Kind("daemonset", "daemonsets", "apps")
REPLICASET = Kind("replicaset", "replicasets", "apps")
ENDPOINTS = Kind("endpointslice", "endpointslices", "discovery.k8s.io")
BUDGET = Kind("poddisruptionbudget", "poddisruptionbudgets", "policy", proper="PodDisruptionBudget")
POLICY = Kind("networkpolicy", "networkpolicies", "networking.k8s.io", proper="NetworkPolicy")
LEASE = Kind("lease", "leases", "coordination.k8s.io")
KINDS: dict[str, Kind] = {
    one.name: one
    for one in (NAMESPACE, NODE, POD, DEPLOYMENT, STATEFULSET, DAEMONSET, REPLICASET, ENDPOINTS, BUDGET, POLICY, LEASE)
}
"""All that a `Ref` can name. Who has kinds of their own adds them where they are defined."""


class Need(NamedTuple):
    """What an injector must be allowed to do, for a role that allows no more."""

    kind: Kind
    verbs: tuple[str, ...]
    part: str = ""
    """A subresource, as `eviction`."""


OWNERS = tuple(Need(kind, ("get", "list")) for kind in (DEPLOYMENT, STATEFULSET, DAEMONSET, REPLICASET))
"""To find the pods of a workload, and whose a pod is."""
READS = (Need(NAMESPACE, ("get", "list")),)
"""Every injector looks at the cluster's identity, and at which namespaces are exempt."""


class Ref(NamedTuple):
    """Names one object of a cluster, and which one of those that may have borne the name."""

    kind: str
    namespace: str
    name: str
    uid: str = ""

    @classmethod
    def of(cls, kind: Kind, found: Object) -> "Ref":
        """To this object."""
        meta = found["metadata"]
        return cls(kind.name, str(meta.get("namespace", "")), str(meta["name"]), str(meta["uid"]))

    @property
    def path(self) -> str:
        """Where it is in the API."""
        return KINDS[self.kind].path(self.namespace, self.name)

    def key(self, cluster: str) -> str:
        """The same thing has the same key in every drill. `cluster` is its uid."""
        return f"kubernetes:{cluster}/{self.namespace}/{self.kind}/{self.name}"

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Refused(InjectionFailed):
    """The server answered, and not with what was asked for."""

    def __init__(self, status: int, words: str, said: Object) -> None:
        super().__init__(words)
        self.status, self.said = status, said

    @property
    def budget(self) -> str:
        """Why a disruption budget does not allow an eviction; empty when it was refused for another reason."""
        return _cause(self.said, "DisruptionBudget")

    @property
    def overtaken(self) -> bool:
        """Whether somebody else's change came first, so that it is worth another look."""
        return self.status == CONFLICT or (
            self.status == UNPROCESSABLE and not (self.said.get("details") or {}).get("causes")
        )


class Cluster:
    """A cluster that is connected to."""

    def __init__(self, client: "ApiClient", sockets: "Sockets", kubeconfig: str, context: str, namespace: str) -> None:
        self._client, self._sockets, self._turns = client, sockets, Turns(AT_ONCE)
        self.namespace = namespace
        """Of those who name none."""
        self.kubeconfig, self.context = kubeconfig, context
        """By which anybody finds the same cluster again; both empty inside one."""
        self.uid = ""
        self.place = client.configuration.host.partition("://")[2].rpartition("@")[2].rstrip("/")

    def to_data(self) -> dict[str, str]:
        """What finds it again, from another folder and another day."""
        return {"kubeconfig": self.kubeconfig, "context": self.context, "uid": self.uid}

    # --- reading

    async def get(self, path: str) -> Object | None:
        """One object; None when there is none of this name."""
        try:
            return await self._call("GET", path)
        except Refused as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def list(self, path: str, *, labels: str = "", fields: str = "", meta: bool = False,
                   keep: Callable[[Object], Object | None] | None = None) -> list[Object]:  # fmt: skip
        """All objects at this path, read page by page; with `meta` their metadata alone, which is less to send.

        `keep` says of each what of it is kept, None for nothing: of ten thousand pods few want all.
        """
        params = {"limit": str(_PAGE), "labelSelector": labels, "fieldSelector": fields}
        found: list[Object] = []
        for _ in range(_PAGES_MAX):
            given = {key: value for key, value in params.items() if value}
            page = await self._call("GET", path, given, accept=_METAS if meta else _JSON)
            for one in page.get("items") or ():
                one["metadata"].pop("managedFields", None)  # half of what is said of an object, and nobody asks for it
                if kept := keep(one) if keep else one:
                    found.append(kept)
            params["continue"] = str((page.get("metadata") or {}).get("continue") or "")
            if not params["continue"]:
                return found
        raise InjectionFailed(f"{self.place} has more than {_PAGE * _PAGES_MAX} objects at {path}")

    async def count(self, path: str) -> int:
        """How many objects there are at this path; a server that does not say so has one page at least."""
        page = await self._call("GET", path, {"limit": "1"}, accept=_METAS)
        return len(page.get("items") or ()) + int((page.get("metadata") or {}).get("remainingItemCount") or 0)

    # --- writing

    async def patch(self, path: str, operations: Sequence[Object]) -> Object:
        """Change by a JSON patch, whole or not at all. Pass the metadata it has then."""
        return await self._write("PATCH", path, list(operations), "application/json-patch+json", accept=_META)

    async def merge(self, path: str, change: Object) -> Object:
        """Change by a merge patch; with a `resourceVersion` in it, only what has not changed since. Pass its metadata."""
        return await self._write("PATCH", path, dict(change), "application/merge-patch+json", accept=_META)

    async def create(self, path: str, body: Object) -> Object:
        """Make an object; `path` is that of its kind."""
        return await self._write("POST", path, dict(body))

    async def try_out(self, path: str, body: Object) -> None:
        """Have the server say whether it would make this, with all who have a say in it; nothing is made."""
        await self._call("POST", path, {"dryRun": "All", "fieldManager": MANAGER}, dict(body))

    async def delete(self, ref: Ref, *, grace_s: int | None = None) -> None:
        """Delete this very object; nothing when it is gone, or another one bears its name."""
        options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if ref.uid:
            options["preconditions"] = {"uid": ref.uid}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        try:
            await self._write("DELETE", ref.path, options, accept=_META)
        except Refused as error:
            if error.status not in (NOT_FOUND, CONFLICT):
                raise

    async def evict(self, pod: Ref) -> str:
        """Ask a pod to go; pass why its disruption budget forbids that for now, empty when it goes."""
        options = {"preconditions": {"uid": pod.uid}} if pod.uid else {}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "deleteOptions": options,
                "metadata": {"name": pod.name, "namespace": pod.namespace}}  # fmt: skip
        try:
            await self._write("POST", f"{pod.path}/eviction", body)
        except Refused as error:
            if error.status in (NOT_FOUND, CONFLICT):
                return ""
            if error.budget:
                return error.budget
            raise
        return ""

    @asynccontextmanager
    async def channel(self, path: str, protocol: str) -> AsyncIterator[Any]:
        """A connection that stays open and carries messages both ways, by this protocol above WebSocket."""
        headers = {"User-Agent": MANAGER}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
        session: Any = self._client.rest_client.pool_manager
        url = "ws" + (self._client.configuration.host + path).removeprefix("http")
        async with self._turns, session.ws_connect(url, headers=headers, protocols=(protocol,)) as channel:
            yield channel

    async def hang_up(self) -> None:
        """End all connections, also of those who were cancelled while they asked."""
        await self._client.close()  # type: ignore[no-untyped-call]
        await self._sockets.hang_up()

    # --- how it is asked

    async def _write(self, method: str, path: str, body: Any, sort: str = _JSON, *, accept: str = _JSON) -> Object:
        """Ask for a change. One that may be on its way is waited for also when we are cancelled."""
        import asyncio

        manager = {} if method == "DELETE" else {"fieldManager": MANAGER}
        asking = asyncio.ensure_future(self._call(method, path, manager, body, sort=sort, accept=accept))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            await asyncio.wait([asking], timeout=_CONNECT_S)
            asking.cancel()
            raise

    async def _call(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None, *,
                    sort: str = _JSON, accept: str = _JSON) -> Object:  # fmt: skip
        """Ask, and come back later as long as the server is too busy. Raises Refused, or InjectionFailed without an answer."""
        import time

        until_s = time.monotonic() + _PATIENCE_S
        while True:
            async with self._turns:
                status, said, retry_s = await self._once(method, path, params or {}, body, sort=sort, accept=accept)
            if status < BAD_REQUEST:
                self._turns.answered()
                return said
            refused = Refused(status, self._words(method, path, status, said), said)
            busy = status == THROTTLED or (status == _UNAVAILABLE and retry_s > 0)
            if not busy or refused.budget or time.monotonic() + retry_s > until_s:
                raise refused
            self._turns.refused(max(retry_s, 1.0))

    async def _once(self, method: str, path: str, params: Mapping[str, str], body: Any, *, sort: str,
                    accept: str) -> tuple[int, Object, float]:  # fmt: skip
        """Status, answer, and for how long it wants to be left alone."""
        import asyncio
        from urllib.parse import urlencode

        import aiohttp

        headers = {"Accept": accept, "User-Agent": MANAGER, "Content-Type": sort}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path + (f"?{urlencode(params)}" if params else "")
        limit = aiohttp.ClientTimeout(total=_ANSWER_S, sock_connect=_CONNECT_S)
        try:
            got = await self._client.call_api(method, url, headers, body=body, _request_timeout=limit)
            async with asyncio.timeout(_ANSWER_S):
                text = await _read(got.response)
            retry = str(got.response.headers.get("Retry-After", "")).strip()
            return int(got.response.status), _said(text), float(retry) if retry.isdecimal() else 0.0
        except TimeoutError:
            raise InjectionFailed(f"{self.place} did not answer within {_ANSWER_S:g} s") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise InjectionFailed(f"the certificate of {self.place} is not valid: {error.certificate_error}") from None
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or error.os_error
            raise InjectionFailed(f"{self.place} cannot be reached: {why}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise InjectionFailed(f"the connection to {self.place} broke: {type(error).__name__}") from None

    def _words(self, method: str, path: str, status: int, said: Object) -> str:
        """Why, in one sentence; of what is forbidden, what would have to be allowed."""
        why = str(said.get("message") or f"it answered {status}")[:_WHY_MAX]
        if status == UNAUTHORIZED:
            of = self.kubeconfig or "the pod's own service account"
            return f"{self.place} does not know who we are (401): the credentials of {of} are wrong, or over; renew them there"
        if ending := _cause(said, "NamespaceTerminating"):
            return f"{ending}, and nothing new can be made in it"
        if status != FORBIDDEN or why.startswith("admission webhook "):
            return f"{self.place} refused to {_VERBS[method]} {path}: {why}"
        resource, where = _resource(path)
        lists = method == "GET" and path.endswith(f"/{resource.partition('.')[0]}")
        verb = "list" if lists else _VERBS[method]
        return f"the role lacks the verb `{verb}` on `{resource}`{where}: {why}"


_VERBS = {"GET": "get", "PATCH": "patch", "POST": "create", "DELETE": "delete"}


def _cause(said: Object, reason: str) -> str:
    """What the server says of this reason; empty when it was another."""
    causes = (said.get("details") or {}).get("causes") or []
    return next((str(one.get("message")) for one in causes if one.get("reason") == reason), "")


def _resource(path: str) -> tuple[str, str]:
    """`deployments.apps` and ` in namespace shop`, of a path of the API."""
    words = path.strip("/").split("/")
    group, rest = ("", words[2:]) if words[0] == "api" else (f".{words[1]}", words[3:])
    where = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:  # else it is the namespace itself that is asked for
        where, rest = f" in namespace {rest[1]}", rest[2:]
    part = f"/{rest[2]}" if len(rest) > 2 else ""
    return f"{rest[0]}{part}{group}", where


async def _read(response: Any) -> bytes:
    body = bytearray()
    while part := await response.content.readany():
        body += part
        if len(body) > _BODY_MAX:
            raise InjectionFailed(f"an answer is longer than {_BODY_MAX >> 20} MiB")
    return bytes(body)


def _said(text: bytes) -> Object:
    import json

    try:
        said = json.loads(text)
    except ValueError:
        return {"message": text[:_WHY_MAX].decode(errors="replace")}
    return said if isinstance(said, Mapping) else {}


@asynccontextmanager
async def reach(where: InCluster | Mapping[str, Any]) -> AsyncIterator[Cluster]:
    """Connect to an address's cluster, or to the one that was remembered by `Cluster.to_data`; hang up on leaving.

    Raises InjectionFailed, also when what is reached is another cluster than the one remembered.
    """
    if isinstance(where, Mapping):
        kubeconfig, context = str(where["kubeconfig"]), str(where["context"])
    else:
        kubeconfig, context = where.kubeconfig, where.context
    async with connect(kubeconfig, context) as cluster:
        system = await cluster.get(NAMESPACE.path(name="kube-system"))
        cluster.uid = str(system["metadata"]["uid"]) if system else ""
        if not cluster.uid:
            raise InjectionFailed(f"{cluster.place} has no namespace kube-system, by which a cluster is known")
        if isinstance(where, Mapping) and where["uid"] not in ("", cluster.uid):
            raise InjectionFailed(f"{cluster.place} is another cluster now than the one that was touched")
        yield cluster


@asynccontextmanager
async def connect(kubeconfig: str, context: str) -> AsyncIterator[Cluster]:
    """The same without asking which cluster it is, for who may not even do that."""
    from injectors.kubernetes_found import find

    cluster = await find(kubeconfig, context)
    try:
        yield cluster
    finally:
        await cluster.hang_up()


async def each(items: Iterable[T], do: Callable[[T], Awaitable[object]], *, stop: bool = False) -> None:
    """Do it for each, several at a time; one that fails keeps no other from being done, unless no more are to be begun then.

    Raises InjectionFailed at the end, with the first failure and how many there were. A cancellation waits for all.
    """
    import asyncio

    todo = list(items)
    left, wrong = iter(todo), list[BaseException]()

    async def hand() -> None:
        for item in left:
            if stop and wrong:
                return
            try:
                await do(item)
            except BaseException as error:
                wrong.append(error)
                if not isinstance(error, InjectionFailed):
                    raise

    await asyncio.gather(*(hand() for _ in range(min(AT_ONCE, len(todo)))), return_exceptions=True)
    for error in wrong:
        if not isinstance(error, InjectionFailed):
            raise error
    if len(wrong) > 1:
        raise InjectionFailed(f"{wrong[0]} (and {len(wrong) - 1} more of {len(todo)})")
    if wrong:
        raise wrong[0]
