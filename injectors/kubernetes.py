"""Where a target is in a Kubernetes cluster: which cluster, and which of its objects."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

Workload = Literal["deployment", "statefulset", "daemonset"]
WORKLOADS: tuple[Workload, ...] = ("deployment", "statefulset", "daemonset")
_PODS = (*WORKLOADS, "selector", "fields")
_NODES = ("node", "nodes")

KubeconfigHelp = Annotated[str, "The kubeconfig's file; left out, that of kubectl, or the pod's own service account"]
ContextHelp = Annotated[str, "Which of its contexts; left out, the current one"]
DeploymentHelp = Annotated[str, "The deployment's name"]
StatefulSetHelp = Annotated[str, "The stateful set's name"]
DaemonSetHelp = Annotated[str, "The daemon set's name"]
SelectorHelp = Annotated[str, "Labels that the pods must have, as `app=shop`"]
FieldsHelp = Annotated[str, "Fields that the pods must have, as `spec.nodeName=node-a`"]


class InCluster(Protocol):
    """Whatever says which cluster it is in."""

    @property
    def kubeconfig(self) -> str:
        """The file; empty for that of `kubectl`, or the account of the pod that it runs in."""
        ...

    @property
    def context(self) -> str:
        """Which of its contexts; empty for the current one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesAddress:
    """Objects of a cluster: a workload and its pods, pods by their labels or fields, or nodes."""

    name: ClassVar[str] = "kubernetes"

    kubeconfig: KubeconfigHelp = ""
    context: ContextHelp = ""
    namespace: Annotated[str, "Where the workload or the pods are; left out, the context's"] = ""
    deployment: DeploymentHelp = ""
    statefulset: StatefulSetHelp = ""
    daemonset: DaemonSetHelp = ""
    selector: SelectorHelp = ""
    fields: FieldsHelp = ""
    node: Annotated[str, "The node's name"] = ""
    nodes: Annotated[str, "Labels that the nodes must have, as `topology.kubernetes.io/zone=zone-b`"] = ""
    protected: Annotated[tuple[str, ...], "More namespaces of which nothing is ever touched"] = ()
    policy_engine: Annotated[
        str, "Who makes NetworkPolicies bite there, where no daemon set of the cluster shows it"
    ] = ""
    power_off: Annotated[
        tuple[str, ...], "The command that really stops the machine of a node, `{node}` being its name; no shell"
    ] = ()
    power_on: Annotated[tuple[str, ...], "The command that starts it again; nothing happens when it runs"] = ()
    cwd: Annotated[str, "The folder that those two are run in; left out, the one the drill was started in"] = ""

    def __post_init__(self) -> None:
        given = [key for key in (*WORKLOADS, *_NODES) if getattr(self, key)]
        by_labels = [key for key in ("selector", "fields") if getattr(self, key)]
        if not given and not by_labels:
            raise ValueError("deployment", "nothing says which objects it is",
                             f"give one of {', '.join((*_PODS, *_NODES))}")  # fmt: skip
        if len(given) + bool(by_labels) > 1:
            ways = [*given, *by_labels]
            raise ValueError(ways[-1], f"{' and '.join(ways)} each say which objects it is", "keep one of them")
        if self.of_nodes and self.namespace:
            raise ValueError("namespace", "a node is in no namespace", "leave namespace out")
        for key in ("power_off", "power_on"):
            if getattr(self, key) and not (self.of_nodes and self.power_off and self.power_on):
                raise ValueError(key, "a machine that is stopped must be started again, and only nodes are machines",
                                 "give power_off and power_on together, with node or nodes")  # fmt: skip

    @property
    def of_nodes(self) -> bool:
        """Whether it names nodes, and not pods."""
        return bool(self.node or self.nodes)

    @property
    def workload(self) -> Workload | None:
        """Of which kind the workload is; None where pods are named by what they have, or nodes."""
        return next((one for one in WORKLOADS if getattr(self, one)), None)

    @property
    def shown(self) -> str:
        """`deployment shop`, `pods app=shop`, `node a`."""
        for key in (*WORKLOADS, "node"):
            if getattr(self, key):
                return f"{key} {getattr(self, key)}"
        if self.nodes:
            return f"nodes {self.nodes}"
        return f"pods {','.join(one for one in (self.selector, self.fields) if one)}"
