"""Where Chaos Mesh is to do something in a Kubernetes cluster: to which pods, or on the way from which pods to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from injectors.kubernetes import (
    ContextHelp,
    DaemonSetHelp,
    DeploymentHelp,
    FieldsHelp,
    KubeconfigHelp,
    KubernetesAddress,
    SelectorHelp,
    StatefulSetHelp,
)

_WHICH = ("deployment", "statefulset", "daemonset", "selector", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """Pods at one end of a link: those of a workload, or by what they have."""

    deployment: DeploymentHelp = ""
    statefulset: StatefulSetHelp = ""
    daemonset: DaemonSetHelp = ""
    selector: SelectorHelp = ""
    fields: FieldsHelp = ""
    namespace: Annotated[str, "Where they are; left out, the namespace said beside this"] = ""

    def __post_init__(self) -> None:
        KubernetesAddress(**{key: getattr(self, key) for key in _WHICH})  # raises ValueError for what fits no pods


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosMeshAddress:
    """Pods of a cluster that has Chaos Mesh; or a link, which is the way of some pods to others."""

    name: ClassVar[str] = "chaos_mesh"

    kubeconfig: KubeconfigHelp = ""
    context: ContextHelp = ""
    namespace: Annotated[str, "Where the pods are; left out, the context's"] = ""
    deployment: DeploymentHelp = ""
    statefulset: StatefulSetHelp = ""
    daemonset: DaemonSetHelp = ""
    selector: SelectorHelp = ""
    fields: FieldsHelp = ""
    from_: Annotated[Pods | None, "Of a link: the pods that ask"] = None
    to: Annotated[Pods | None, "Of a link: the pods that answer; left out, everybody"] = None
    external: Annotated[tuple[str, ...], "Of a link: who answers outside of the cluster, by address or name"] = ()
    ping: Annotated[
        tuple[str, ...], "A harmless command for the pods of `from` that ends well once `to` has answered; with it, effects "
        "are measured; no shell"
    ] = ()  # fmt: skip
    protected: Annotated[tuple[str, ...], "More namespaces of which nothing is ever touched"] = ()

    def __post_init__(self) -> None:
        for key in ("to", "external", "ping"):
            if getattr(self, key) and not self.is_link:
                raise ValueError(key, "only a link has two ends", "give `from` too: the pods that ask")
        if not self.is_link:
            KubernetesAddress(**{key: getattr(self, key) for key in _WHICH})
        elif given := [key for key in _WHICH if getattr(self, key)]:
            raise ValueError(given[0], "a link is no pods", f"put `{given[0]}` into `from` or `to`")

    @property
    def is_link(self) -> bool:
        """Whether it is a way, and not pods."""
        return self.from_ is not None

    @property
    def of_nodes(self) -> bool:
        """Never."""
        return False

    @property
    def needs(self) -> tuple[Any, ...]:
        """What must be allowed besides what the fault itself needs."""
        from injectors.chaos_mesh_kinds import PING

        return PING if self.ping else ()

    @property
    def pods(self) -> KubernetesAddress:
        """Whom a fault befalls: the pods, or those of a link that ask."""
        return self._of(self if self.from_ is None else self.from_)

    @property
    def others(self) -> KubernetesAddress | None:
        """Those of a link that answer; None when it is everybody, or nobody of the cluster."""
        return None if self.to is None else self._of(self.to)

    @property
    def shown(self) -> str:
        """`deployment shop`, `deployment shop to pods app=cache`."""
        if not self.is_link:
            return self.pods.shown
        ends = [*([self.others.shown] if self.others else []), *self.external]
        return f"{self.pods.shown} to {' and '.join(ends) or 'everybody'}"

    def _of(self, which: "Pods | ChaosMeshAddress") -> KubernetesAddress:
        said: Mapping[str, Any] = {key: getattr(which, key) for key in _WHICH}
        return KubernetesAddress(kubeconfig=self.kubeconfig, context=self.context, protected=self.protected,
                                 namespace=which.namespace or self.namespace, **said)  # fmt: skip
