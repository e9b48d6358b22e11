"""Watches objects of a Kubernetes cluster: what they are, when that changes, and who changed what they should be.

By watch, and not by polling: each change is told when the API server tells it, with none between two looks left out.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, ClassVar

from checks.observer import CannotObserve, Tell
from checks.observers.api_server import NOT_FOUND, ApiServer, Refused
from checks.observers.bounds import TEXT_MAX
from checks.observers.kubernetes_objects import KNOWN, UNLABELLED, Resource
from checks.observers.listening import Unheard
from checks.observers.watching import Ears, Place, Watch

_AT_ONCE = 4
"""Lists that are asked for at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesObserver:
    """A cluster, found as kubectl finds it; inside one, by the service account of the pod."""

    name: ClassVar[str] = "kubernetes"

    kubeconfig: Annotated[str, "The kubeconfig's file; left out, that of kubectl, or the pod's own service account"] = (
        ""
    )
    context: Annotated[str, "Which of its contexts; left out, the current one"] = ""
    namespace: Annotated[tuple[str, ...], "Where to look, one or several, `*` for all; left out, the context's"] = ()
    kinds: Annotated[
        tuple[str, ...],
        "What to watch: deployments, statefulsets, daemonsets, pods, endpointslices, nodes, events, configmaps, or any as "
        "group/version/plural",
    ] = ("deployments", "statefulsets", "daemonsets", "pods", "endpointslices")
    selector: Annotated[str, "Labels that they must have, as app=shop; nodes and events are watched without"] = ""
    machinery: Annotated[
        tuple[str, ...], "Who writes only what others want, by field manager, as argocd-controller"
    ] = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("kinds", "nothing would be watched", "name some, as [deployments, pods]")
        for kind in self.kinds:
            if kind not in KNOWN and kind.count("/") not in (1, 2) and "$" not in kind:
                raise ValueError("kinds", f"no kind is called `{kind}`",
                                 f"one of {', '.join(KNOWN)}, or any as batch/v1/jobs")  # fmt: skip

    @property
    def needs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """What it must be allowed to do, for a role that allows no more: group, resource and verbs."""
        found: list[tuple[str, str, tuple[str, ...]]] = []
        for name in dict.fromkeys(self.kinds):
            group = KNOWN[name].group if name in KNOWN else "/".join(name.split("/")[:-2])
            found.append((group, name.rpartition("/")[2], ("list", "watch")))
        return tuple(found)

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; what there is, is told before it is entered."""
        server = ApiServer(self.kubeconfig, self.context)
        try:
            try:
                watches, version = await self._begun(server)
            except Unheard as error:
                raise CannotObserve(f"Kubernetes at {server.place}: {error}") from None
            what = ", ".join(str(one.place) for one in watches)
            tell("observer.opened", what=f"Kubernetes {version} at {server.place}: {what}"[:TEXT_MAX])
            for one in watches:
                one.tell_listed(tell)
            async with following(server, watches, tell):
                yield
        finally:
            await server.close()

    async def _begun(self, server: ApiServer) -> tuple[Sequence[Watch], str]:
        """All that is to be watched, each listed, and the server's version. Raises Unheard."""
        import asyncio

        turns = asyncio.Semaphore(_AT_ONCE)

        async def begin(watch: Watch) -> None:
            async with turns:
                await watch.begin()

        await server.connect()
        watches = [Watch(server, place, self.machinery) for place in await self._places(server)]
        done = await asyncio.gather(*map(begin, watches), return_exceptions=True)
        if trouble := next(filter(None, done), None):
            raise trouble
        return watches, await _version(server)

    async def _places(self, server: ApiServer) -> Sequence[Place]:
        """Each kind in each namespace."""
        namespaces = self.namespace or (server.namespace,)
        everywhere = ("",) if "*" in namespaces else namespaces
        found: list[Place] = []
        for name in dict.fromkeys(self.kinds):
            resource = KNOWN.get(name) or await _resource(server, name)
            selector = "" if name in UNLABELLED else self.selector
            found += [Place(resource, one, selector) for one in (everywhere if resource.namespaced else ("",))]
        return found


@asynccontextmanager
async def following(server: ApiServer, watches: Sequence[Watch], tell: Tell) -> AsyncIterator[None]:
    """Follow all of them until the context is left. Raises CannotObserve on entering when one cannot be watched."""
    import asyncio

    ears = Ears(tell)
    tasks = [asyncio.create_task(one.follow(tell, ears)) for one in watches]
    ended: list[object] = []
    try:
        opened = await asyncio.gather(*(one.opened for one in watches), return_exceptions=True)
        if trouble := next(filter(None, opened), None):
            raise CannotObserve(f"Kubernetes at {server.place}: {trouble}")
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended += await asyncio.gather(*tasks, return_exceptions=True)
    # Else they would end in silence when the journal they tell to has broken.
    for one in ended:
        if isinstance(one, Exception):
            raise one


async def _version(server: ApiServer) -> str:
    """As it calls itself; nobody need be allowed to ask."""
    import json

    try:
        return str(json.loads(await server.ask("/version"))["gitVersion"])
    except (Unheard, ValueError, KeyError, TypeError):
        return "of a version it does not tell"


async def _resource(server: ApiServer, name: str) -> Resource:
    """A kind that is written as `group/version/plural`, as the server knows it. Raises Unheard."""
    import json

    *group, version, plural = name.split("/")
    wanted = Resource(plural, plural, "/".join(group), version)
    try:
        listed = json.loads(await server.ask(wanted.path))["resources"]
        one = next(one for one in listed if one["name"] == plural)
        return wanted._replace(kind=str(one["kind"]).lower(), namespaced=bool(one["namespaced"]))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
    except (ValueError, KeyError, TypeError, StopIteration):
        pass
    raise Unheard(f"it has no {name}")
