"""Of everything that a fault changes: what somebody else has changed since is left as they want it, and that is said."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from injectors import Remembered
from injectors.kubernetes_isolate import Isolate
from injectors.kubernetes_isolation import ISOLATED
from injectors.kubernetes_marks import HELD, INJECTION
from injectors.kubernetes_nodes import NodeKill, Taint
from injectors.kubernetes_pods import PodFailure
from injectors.kubernetes_workloads import BadImage, Scale
from tests.injectors.clusters import IT, SPEC, a_node, a_stage, address, as_it_is, injection, owner, pod, policy, space
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

SHOP = {"app": "shop"}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Nobody but us and somebody else changes anything."""
    with control_plane() as one:
        yield one


@dataclass(frozen=True)
class Other:
    """What somebody else does to what a fault has changed, and what is then theirs."""

    injector: Any
    does: str
    """As words of kubectl."""
    where: str
    """The object, as words of kubectl, and where in it their value is."""
    theirs: Any
    said: str
    """How it begins what is told of it."""


CASES = {
    "replicas": Other(Scale(target=IT), "scale deployment/shop --replicas=7", "deployment/shop .spec.replicas", "7",
                      "/spec/replicas of deployment SPACE/shop is 7 now"),
    "image": Other(BadImage(target=IT), "set image deployment/shop web=shop:2",
                   "deployment/shop .spec.template.spec.containers[*].image", "shop:2 cache:1",
                   "/spec/template/spec/containers/name=web/image of deployment SPACE/shop is \"shop:2\" now"),
    "image of a pod": Other(PodFailure(target=IT), "set image pod/shop-1 main=shop:2", "pod/shop-1 .spec.containers[*].image",
                            "shop:2", "/spec/containers/name=main/image of pod SPACE/shop-1 is \"shop:2\" now"),
    "label": Other(Isolate(target=IT), f"label pod/shop-1 --overwrite {ISOLATED}=theirs",
                   r"pod/shop-1 .metadata.labels.chaos-drills/isolated", "theirs",
                   "/metadata/labels/chaos-drills~1isolated of pod SPACE/shop-1 is \"theirs\" now"),
    "policy": Other(Isolate(target=IT), "patch networkpolicy/friends --type=json --patch PATCH",
                    "networkpolicy/friends .spec.podSelector.matchExpressions[*].values[*]", "theirs",
                    "/spec/podSelector/matchExpressions/"),
    "taint": Other(Taint(target=IT, key="example.com/bad"), "taint node NODE example.com/bad=theirs:NoSchedule --overwrite",
                   "node/NODE .spec.taints[?(@.key==\"example.com/bad\")].value", "theirs",
                   "/spec/taints/key=example.com~1bad,effect=NoSchedule of node NODE is "),
    "taint of a lost node": Other(NodeKill(target=IT), "taint node NODE chaos-drills/lost=theirs:NoExecute --overwrite",
                                  "node/NODE .spec.taints[?(@.key==\"chaos-drills/lost\")].value", "theirs",
                                  "/spec/taints/key=chaos-drills~1lost,effect=NoExecute of node NODE is "),
}  # fmt: skip
ON_A_NODE: dict[str, str] = {}
WHICH: dict[type, dict[str, str]] = {
    Scale: {"deployment": "shop"}, BadImage: {"deployment": "shop"}, PodFailure: {"selector": "app=shop"},
    Isolate: {"selector": "app=shop", "policy_engine": "any"}, Taint: ON_A_NODE, NodeKill: ON_A_NODE,
}  # fmt: skip
PATCH = [{"op": "replace", "path": "/spec/podSelector/matchExpressions/0/values/0", "value": "theirs"}]


@pytest.mark.parametrize("what", CASES)
def test_what_somebody_else_has_changed_since_is_left_and_said_and_all_else_put_back(
    plane: ControlPlane, what: str
) -> None:
    case, namespace, node = CASES[what], space(plane), a_node(plane)
    shop(plane, namespace)

    def told(text: str) -> str:
        return text.replace("SPACE", namespace).replace("NODE", node)

    def kubectl(*words: str) -> str:
        return plane.kubectl("--namespace", namespace, *words)

    which = WHICH[type(case.injector)]
    where = address(plane, **which, **({"node": node} if which is ON_A_NODE else {"namespace": namespace}))
    before = everything(plane, namespace, node)
    stage = a_stage()
    asyncio.run(case.injector.inject(injection(where, f"7-{namespace}"), stage))
    kubectl(*(json.dumps(PATCH) if word == "PATCH" else word for word in told(case.does).split()))
    remembered = Remembered(id=f"7-{namespace}", fault="fault", target="it", version=1, data=stage.data)
    healing = a_stage(injecting=False)
    asyncio.run(type(case.injector).heal(remembered, healing))

    (left,) = healing.data["left"]
    assert left.startswith(told(case.said))
    assert left.endswith("somebody else has changed it, and it is left so")
    ref, at = told(case.where).split(" ", 1)
    assert kubectl("get", ref, "-o", f"jsonpath={{{escaped(at)}}}") == case.theirs
    after = everything(plane, namespace, node)
    assert HELD not in after
    assert INJECTION not in after
    assert "unschedulable" not in after
    assert after != before, "their change is there"
    again = Remembered(id=remembered.id, fault="fault", target="it", version=1, data={**stage.data, **healing.data})
    effect = asyncio.run(type(case.injector).verify(again, a_stage(injecting=False)))
    assert effect.present is False
    assert left in effect.why


def escaped(at: str) -> str:
    """A label's name has a dot or a slash in it, which jsonpath takes for more."""
    return at.replace(".chaos-drills/isolated", r"['chaos-drills/isolated']")


def shop(plane: ControlPlane, namespace: str) -> None:
    """A deployment that no controller carries out, a pod, and a policy that lets everybody through to it."""
    template = {"metadata": {"labels": SHOP}, "spec": SPEC}
    spec = {"replicas": 2, "selector": {"matchLabels": SHOP}, "template": template}
    plane.api.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", {"metadata": {"name": "shop"}, "spec": spec})
    pod(plane, namespace, "shop-1", SHOP, owner=owner())
    policy(plane, namespace, "friends", ingress=[{}])


def everything(plane: ControlPlane, namespace: str, node: str) -> str:
    inside = ("/apis/apps/v1/namespaces/{}/deployments", "/api/v1/namespaces/{}/pods",
              "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies")  # fmt: skip
    return as_it_is(plane, *(one.format(namespace) for one in inside), f"/api/v1/nodes?labelSelector=rack%3D{node}")
