"""Looks whether enough is ready in a cluster: pods of a workload, endpoints of a service, or nodes. By watch, not by polling.

One watch is open as long as the probe is. A look asks nobody: it reads what the API server told last.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from checks.check import CountLimit
from checks.probe import GOOD, CannotLook, Look, TargetName, Watch, bad, blind

if TYPE_CHECKING:
    from checks.observers.api_server import ApiServer
    from checks.observers.watching import Place
    from checks.observers.watching import Watch as Watching

_LASTS_S = 5
"""After so long the server ends the watch, and it is begun anew: a sign of life where nothing changes."""
_OLD_S = _LASTS_S + 1.0
"""What is known may be as old as this, and no older."""
_WORKLOADS = ("deployment", "statefulset", "daemonset")


class InCluster(Protocol):
    """What the probe reads of the address that injectors have too, so that an inventory says only once where things are."""

    name: ClassVar[str] = "kubernetes"

    kubeconfig: str
    context: str
    namespace: str
    deployment: str
    statefulset: str
    daemonset: str
    selector: str
    fields: str
    node: str
    nodes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesProbe:
    """Good while so many are ready, as the cluster says: pods, nodes, or endpoints of a service.

    What the cluster knows of a machine that has died is older than the look. While it cannot be heard, looks are blind.
    """

    name: ClassVar[str] = "kubernetes"
    address: ClassVar[type] = InCluster
    second_hand: ClassVar[bool] = True

    target: Annotated[TargetName, "The workload, the pods or the nodes to look at"]
    ready: Annotated[
        CountLimit | None, "How many must be ready, as `>= 2`; left out, as many as are wanted, and at least one"
    ] = None
    service: Annotated[str, "A service of the target's namespace, whose endpoints are counted instead of pods"] = ""

    def needs(self, address: InCluster) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """What it must be allowed to do: group, resource and verbs."""
        resource = _place(self, address, "").resource
        return ((resource.group, resource.plural, ("list", "watch")),)

    @asynccontextmanager
    async def open(self, address: InCluster, mark: str) -> AsyncIterator[Watch]:
        """One watch is opened. Nothing of ours is ever left."""
        from checks.observer import CannotObserve
        from checks.observers.api_server import ApiServer
        from checks.observers.kubernetes import following
        from checks.observers.listening import Unheard

        server, heard = ApiServer(address.kubeconfig, address.context), _Heard()
        try:
            watch = await self._begun(server, address)
            async with following(server, [watch], heard):
                yield _Reading(watch, heard, self)
        except (Unheard, CannotObserve) as error:
            raise CannotLook(f"Kubernetes at {server.place}: {error}") from None
        finally:
            await server.close()

    async def _begun(self, server: "ApiServer", address: InCluster) -> "Watching":
        """A watch that knows what there is. Raises Unheard."""
        from checks.observers.watching import Watch as Watching

        await server.connect()
        watch = Watching(server, _place(self, address, server.namespace), lasts_s=_LASTS_S)
        await watch.begin()
        return watch


def _place(probe: KubernetesProbe, address: InCluster, namespace: str) -> "Place":
    """What is to be watched: one object, or those of some labels."""
    from checks.observers.kubernetes_objects import KNOWN
    from checks.observers.watching import Place

    inside = address.namespace or namespace
    if address.node or address.nodes:
        if probe.service:
            raise CannotLook(f"`{probe.target}` is nodes, and a service has its endpoints in a namespace")
        return Place(KNOWN["nodes"], "", address.nodes, f"metadata.name={address.node}" if address.node else "")
    if probe.service:
        return Place(KNOWN["endpointslices"], inside, f"kubernetes.io/service-name={probe.service}")
    for kind in _WORKLOADS:
        if name := getattr(address, kind):
            return Place(KNOWN[f"{kind}s"], inside, "", f"metadata.name={name}")
    return Place(KNOWN["pods"], inside, address.selector, address.fields)


class _Heard:
    """Takes down why the cluster cannot be heard; nothing else of what is told is of interest."""

    def __init__(self) -> None:
        self.why = ""

    def __call__(self, kind: str, /, **data: Any) -> None:
        if kind in ("observer.lost", "observer.back"):
            self.why = str(data.get("why") or "")


class _Reading:
    """The probe at work."""

    def __init__(self, watch: "Watching", heard: _Heard, settings: KubernetesProbe) -> None:
        self._watch, self._heard, self._settings = watch, heard, settings

    async def look(self, n: int) -> Look:
        """See the contract."""
        age_s = self._watch.age_s
        if self._heard.why:
            return blind(self._heard.why)
        if age_s is None:
            return blind("the watch broke, and has not caught up yet")
        if age_s > _OLD_S:
            return blind(f"nothing was heard of the cluster for {age_s:.0f} s")
        kind, known = self._watch.place.resource.kind, self._watch.known.values()
        return judged(kind, [(one.state, one.now) for one in known], self._settings.ready)


def judged(kind: str, there: Sequence[tuple[str, Mapping[str, Any]]], limit: CountLimit | None) -> Look:
    """What is seen of objects of this kind, each by its state and summary. Pure."""
    ready, wanted = _counted(kind, there)
    well = ready >= max(1, wanted) if limit is None else limit.holds(ready)
    if well:
        return GOOD
    if not there:
        return bad(f"there is no such {kind}")
    return bad(f"{ready} of {wanted} ready" + ("" if limit is None else f", {limit} needed"))


def _counted(kind: str, there: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[int, int]:
    """How many are ready, and how many should be."""
    if kind in _WORKLOADS:
        return sum(int(now.get("ready") or 0) for _, now in there), sum(
            int(now.get("desired") or 0) for _, now in there
        )
    if kind == "endpointslice":  # an endpoint has an address of each family, each in slices of its own
        families: dict[str, tuple[int, int]] = {}
        for _, now in there:
            ready, lost = int(now.get("ready") or 0), int(now.get("not_ready") or 0)
            before = families.get(str(now.get("family")), (0, 0))
            families[str(now.get("family"))] = (before[0] + ready, before[1] + ready + lost)
        return max(families.values(), default=(0, 0))
    living = [state for state, _ in there if state != "ended"]
    return living.count("ready"), len(living)
