"""What a drill must be allowed to do in Kubernetes: as a ClusterRole, and whether whoever would run it may do all of that."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from drills.errors import mistake
from drills.load import Loaded
from injectors import InjectionFailed


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
    """Every fault and every observer of a drill that works in a cluster."""
    found: list[Use] = []
    for fault in loaded.drill.faults:
        for injector in (part.injector for part in loaded.parts(fault)):
            kind: Any = type(injector)
            if needs := getattr(kind, "needs", ()):
                address = loaded.address(injector.target, kind.address.name)
                rights = tuple(_rights(needs, "" if address.of_nodes else address.namespace))
                found.append(Use(f"fault {fault.id} ({kind.name})", address.kubeconfig, address.context, rights))
    for name, observer in loaded.inventory.observers.items():
        given: Any = observer
        if needs := getattr(given, "needs", ()):
            spaces = [""] if "*" in given.namespace else [*given.namespace] or [""]
            rights = tuple(Right(group, resource, verb, space) for group, resource, verbs in needs for verb in verbs
                           for space in (spaces if resource not in _IN_NONE else [""]))  # fmt: skip
            found.append(Use(f"observer {name}", given.kubeconfig, given.context, rights))
    return found


_IN_NONE = frozenset({"nodes", "namespaces", "persistentvolumes"})


def _rights(needs: Iterable[Any], namespace: str) -> Iterator[Right]:
    for need in needs:
        resource = need.kind.plural + (f"/{need.part}" if need.part else "")
        for verb in need.verbs:
            yield Right(need.kind.group, resource, verb, namespace if need.kind.namespaced else "")


def role(loaded: Loaded) -> str:
    """The role as YAML, each kind of objects once with all that is needed of it. Raises DrillError when none is needed."""
    found = uses(loaded)
    if not found:
        raise mistake(str(loaded.paths["drill"]), "nothing of this drill works in a Kubernetes cluster",
                      "a fault needs a target with `kubernetes:`, or an observer must be of that kind", "no-cluster")  # fmt: skip
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in (right for use in found for right in use.rights):
        known = verbs.setdefault((right.group, right.resource), [])
        known += [right.verb] if right.verb not in known else []
    who = "\n".join(f"# {use.who}" for use in found)
    rules = "".join(
        f'  - apiGroups: ["{group}"]\n    resources: ["{resource}"]\n    verbs: [{", ".join(sorted(allowed))}]\n'
        for (group, resource), allowed in sorted(verbs.items())
    )
    return (f"{who}\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n"
            f"  name: {_name(loaded.drill.name)}\nrules:\n{rules}")  # fmt: skip


def _name(drill: str) -> str:
    import re

    return f"chaos-drills-{re.sub('[^a-z0-9]+', '-', drill.lower()).strip('-')}"


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
