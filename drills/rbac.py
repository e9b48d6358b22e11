"""What a drill must be allowed to do in Kubernetes, or healing: as a ClusterRole, and whether whoever would run it may do it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from drills import registry
from drills.errors import mistake
from drills.load import Loaded
from injectors import FindsResidue, InjectionFailed, addresses_of
from injectors.kubernetes import WORKLOADS


class Right(NamedTuple):
    """To do something to a kind of objects."""

    group: str
    resource: str
    """With its part, as `pods/eviction`."""
    verb: str
    namespace: str = ""
    """Where; empty for all, and for what is in none."""

    def __str__(self) -> str:
        named = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {named}" + (f" in namespace {self.namespace}" if self.namespace else "")


class Use(NamedTuple):
    """Whoever of a drill works in a cluster."""

    who: str
    """`fault south-lost (zone_outage)`."""
    kubeconfig: str
    context: str
    rights: tuple[Right, ...]


def uses(loaded: Loaded) -> list[Use]:
    """Every fault, observer and probe of a drill that works in a cluster."""
    found: list[Use] = []
    for fault in loaded.drill.faults:
        for injector in (part.injector for part in loaded.parts(fault)):
            kind: Any = type(injector)
            address = loaded.address_of(injector.target, kind)
            if wanted := needs_of(kind, address):
                rights = tuple(_rights(_narrowed(kind, wanted, address), "" if address.of_nodes else address.namespace))
                found.append(Use(f"fault {fault.id} ({kind.name})", address.kubeconfig, address.context, rights))
    for name, observer in loaded.inventory.observers.items():
        given: Any = observer
        if needs := getattr(given, "needs", ()):
            spaces = [""] if "*" in given.namespace else [*given.namespace] or [""]
            rights = tuple(Right(group, resource, verb, space) for group, resource, verbs in needs for verb in verbs
                           for space in (spaces if resource not in _IN_NONE else [""]))  # fmt: skip
            found.append(Use(f"observer {name}", given.kubeconfig, given.context, rights))
    for one in loaded.drill.probes.values():
        probe: Any = one.probe
        if needs := getattr(probe, "needs", None):
            address = loaded.address(probe.target, type(probe).address.name)
            rights = tuple(Right(group, resource, verb, "" if resource in _IN_NONE else address.namespace)
                           for group, resource, verbs in needs(address) for verb in verbs)  # fmt: skip
            found.append(Use(f"probe {one.name}", address.kubeconfig, address.context, rights))
    return [*found, *_leftovers(loaded)]


def _leftovers(loaded: Loaded) -> Iterator[Use]:
    """Who looks, before anything is done and afterwards, whether something is left there by this drill or any other."""
    parts = [part.injector for fault in loaded.drill.faults for part in loaded.parts(fault)]
    injectors = registry.kinds("injectors", [type(one).name for one in parts]).values()
    for target in dict.fromkeys(one.target for one in parts if one.target not in loaded.inventory.in_lab):
        for address in loaded.inventory.targets[target].values():
            finding = [one for one in injectors if isinstance(address, addresses_of(one))]
            wrote = (need for one in finding if issubclass(one, FindsResidue) for need in _looked_for(one, address))
            if rights := tuple(dict.fromkeys(_rights(wrote, getattr(address, "namespace", "")))):
                yield Use(f"leftovers at {target}", address.kubeconfig, address.context, rights)


def _looked_for(kind: Any, address: Any) -> list[Any]:
    """What this kind of fault marks when it is brought to this address, to be found."""
    marked = [need for need in needs_of(kind, address) if not need.part and {"create", "patch"} & {*need.verbs}]
    of_nodes = any(need.kind.name == "node" for need in marked)
    is_there = of_nodes == getattr(address, "of_nodes", False)
    return [need._replace(verbs=("list",)) for need in marked] if is_there else []


def needs_of(kind: Any, address: Any) -> tuple[Any, ...]:
    """What must be allowed for this kind of fault where its address is, of a cluster; one of several engines may need less."""
    if not hasattr(address, "kubeconfig"):
        return ()
    own = getattr(kind, "needs_through", {}).get(address.name, getattr(kind, "needs", ()))
    return (*own, *getattr(address, "needs", ()))


def _narrowed(kind: Any, needs: Iterable[Any], address: Any) -> Iterator[Any]:
    """What of it this very address needs, as the kind itself knows by its `needs_at`.

    Of a target that is one workload, others may be listed, but none is asked for by its name.
    """
    own = getattr(address, "workload", None)
    for need in kind.needs_at(address) if hasattr(kind, "needs_at") else needs:
        other = own and need.kind.name in WORKLOADS and need.kind.name != own
        yield need._replace(verbs=tuple(verb for verb in need.verbs if verb == "list")) if other else need


_IN_NONE = frozenset({"nodes", "namespaces", "persistentvolumes"})


def _rights(needs: Iterable[Any], namespace: str) -> Iterator[Right]:
    for need in needs:
        resource = need.kind.plural + (f"/{need.part}" if need.part else "")
        for verb in need.verbs:
            yield Right(need.kind.group, resource, verb, namespace if need.kind.namespaced else "")


def role(loaded: Loaded) -> str:
    """The role that a drill needs, as YAML. Raises DrillError when none is needed."""
    found = uses(loaded)
    if not found:
        raise mistake(str(loaded.paths["drill"]), "nothing of this drill works in a Kubernetes cluster",
                      "a fault needs a target with `kubernetes:`, or an observer must be of that kind", "no-cluster")  # fmt: skip
    who = "\n".join(f"# {use.who}" for use in found)
    return f"{who}\n{_cluster_role(_named(loaded.drill.name), (right for use in found for right in use.rights))}"


def healing_role() -> str:
    """The role of whoever heals a cluster without any memory: to find what is ours, and to put it back or take it away."""
    return f"# drills heal --cluster\n{_cluster_role(_HEALING, _healing())}"


_HEALING = "chaos-drills:heal"
"""Not as the role of any drill can be called, whatever that is named."""


def _healing() -> Iterator[Right]:
    """To look where faults look, to put back what they change, to delete what they make; and what else one of them says."""
    injectors: list[Any] = list(registry.kinds("injectors", plugins=True).values())
    for need in (need for one in injectors for need in getattr(one, "needs", ()) if not need.part):
        undoing = {"get", "list", "patch", *(["delete"] if "create" in need.verbs else [])}
        yield from _rights([need._replace(verbs=tuple(verb for verb in need.verbs if verb in undoing))], "")
    yield from _rights((need for one in injectors for need in getattr(one, "heals", ())), "")


class Account(NamedTuple):
    """A service account, as `NAMESPACE/NAME`."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it. Raises DrillError."""
        namespace, slash, name = text.partition("/")
        if not (slash and _is_name(namespace) and _is_name(name)):
            raise mistake(f"--service-account {text}", f"`{text}` names no service account",
                          "write NAMESPACE/NAME, as chaos-drills/game-day", "usage")  # fmt: skip
        return cls(namespace, name)

    def bound_to(self, role: str) -> str:
        """This role as YAML with all that lets the account have it, to be applied as it is; the namespace must be there."""
        named = role.partition("\n  name: ")[2].partition("\n")[0]
        return (f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {self.name}\n  namespace: {self.namespace}\n"
                f"---\n{role}---\n"
                f"{_RBAC}kind: ClusterRoleBinding\nmetadata:\n  name: {named}.{self.namespace}.{self.name}\n"
                f"roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {named}\n"
                f"subjects:\n  - kind: ServiceAccount\n    name: {self.name}\n    namespace: {self.namespace}\n")  # fmt: skip


def _is_name(text: str) -> bool:
    """Whether it can be the name of a namespace or an account."""
    return re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text) is not None


_RBAC = "apiVersion: rbac.authorization.k8s.io/v1\n"


def _cluster_role(name: str, rights: Iterable[Right]) -> str:
    """As YAML, each kind of objects once with all that is needed of it."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), set()).add(right.verb)
    rules = "".join(
        f'  - apiGroups: ["{group}"]\n    resources: ["{resource}"]\n    verbs: [{", ".join(sorted(allowed))}]\n'
        for (group, resource), allowed in sorted(verbs.items())
    )
    return f"{_RBAC}kind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n{rules}"


def _named(what: str) -> str:
    return f"chaos-drills-{re.sub('[^a-z0-9]+', '-', what.lower()).strip('-')}"


async def forbidden(loaded: Loaded) -> dict[str, list[str]]:
    """What whoever runs this may not do, by who of the drill needs it; asked of the cluster, and nothing is touched.

    Raises InjectionFailed when it cannot be asked.
    """
    from injectors.kubernetes_api import connect

    lacking: dict[str, list[str]] = {}
    for use in uses(loaded):
        async with connect(use.kubeconfig, use.context) as cluster:
            for right in dict.fromkeys(use.rights):
                if not await _may(cluster, right):
                    lacking.setdefault(use.who, []).append(str(right))
    return lacking


async def _may(cluster: Any, right: Right) -> bool:
    resource, _, part = right.resource.partition("/")
    wanted: Mapping[str, str] = {"group": right.group, "resource": resource, "verb": right.verb,
                                 "subresource": part, "namespace": right.namespace}  # fmt: skip
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in wanted.items() if value}}}  # fmt: skip
    answer = await cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    if "status" not in answer:
        raise InjectionFailed(f"{cluster.place} does not say what one may do")
    return bool(answer["status"].get("allowed"))
