"""Cutting pods off: which policies and labels that takes, what it must leave closed, and that all is as it was afterwards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.injector import Injection, InjectionFailed, Preview, Remembered, TargetName
from injectors.kubernetes_isolate import Isolate
from injectors.kubernetes_isolation import ISOLATED, peer, selects
from tests.injectors.clusters import address, as_it_is, pod, policy, space
from tests.kubernetes_bed.bed import Bed, Plan, bed
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane
from tests.kubernetes_bed.workloads import WEB_PORT, shell, web

IT = TargetName("shop")
SHOP = {"app": "shop"}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


def policies_of(namespace: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"


def preview(plane: ControlPlane, namespace: str, injector: Isolate | None = None, **more: Any) -> Preview:
    where = address(plane, namespace=namespace, selector="app=shop", **{"policy_engine": "the bed's", **more})
    return asyncio.run((injector or Isolate(target=IT)).preview(where))


def injected(plane: ControlPlane, namespace: str, injector: Isolate | None = None, **more: Any) -> Remembered:
    """Cut the shop off, and pass what is remembered of it."""
    where = address(plane, namespace=namespace, selector="app=shop", policy_engine="the bed's", **more)
    stage = RecordingStage()
    injection = Injection(id="trial-1", fault="trial", target="shop", address=where, for_s=None)
    asyncio.run((injector or Isolate(target=IT)).inject(injection, stage))
    return Remembered(id="trial-1", fault="trial", target="shop", version=1, data=stage.data)


def healed(remembered: Remembered) -> Remembered:
    stage = RecordingStage(injecting=False)
    asyncio.run(Isolate.heal(remembered, stage))
    return replace(remembered, data={**remembered.data, **stage.data})


def present(remembered: Remembered) -> bool | None:
    return asyncio.run(Isolate.verify(remembered, RecordingStage(injecting=False))).present


class TestIsolate(Conformance):
    plane: ClassVar[ControlPlane]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _on(cls, plane: ControlPlane) -> None:
        cls.plane = plane

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane, namespace = self.plane, space(self.plane)
        pod(plane, namespace, "shop-1", SHOP)
        policy(plane, namespace, "friends", ingress=[{"from": [{"podSelector": {}}]}])
        paths = (f"/api/v1/namespaces/{namespace}/pods", policies_of(namespace))
        before = as_it_is(plane, *paths)

        def labelled() -> bool:
            return all(ISOLATED in one["metadata"]["labels"] for one in plane.get(paths[0])["items"])

        def mend() -> None:
            plane.kubectl("label", "pod", "--all", "--namespace", namespace, f"{ISOLATED}-")

        yield Subject(
            injector=Isolate(target=IT),
            address=address(plane, namespace=namespace, selector="app=shop", policy_engine="the bed's"),
            world=lambda: as_it_is(plane, *paths),
            is_faulty=labelled,
            is_well=lambda: as_it_is(plane, *paths) == before,
            nowhere=address(plane, namespace=namespace, selector="app=nobody", policy_engine="the bed's"),
            mend=mend,
        )


def test_where_no_engine_shows_nothing_is_begun(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)

    with pytest.raises(InjectionFailed, match="no policy engine shows"):
        preview(plane, namespace, policy_engine="")


def test_an_engine_is_known_by_its_daemon_set_and_the_preview_says_that_traffic_alone_shows(
    plane: ControlPlane,
) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    template = {"metadata": {"labels": SHOP}, "spec": {"containers": [{"name": "main", "image": "nothing"}]}}
    path = f"/apis/apps/v1/namespaces/{namespace}/daemonsets"
    plane.api.post(
        path, {"metadata": {"name": "cilium"}, "spec": {"selector": {"matchLabels": SHOP}, "template": template}}
    )
    try:
        said = preview(plane, namespace, policy_engine="")
    finally:
        plane.kubectl("delete", "daemonset", "cilium", "--namespace", namespace)

    assert "Cilium" in said.does
    assert "only traffic shows" in said.does


def test_pods_on_their_hosts_network_are_beyond_every_policy(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP, hostNetwork=True)

    with pytest.raises(InjectionFailed, match="on its host's network"):
        preview(plane, namespace)

    pod(plane, namespace, "shop-2", SHOP)
    said = preview(plane, namespace)
    assert [one.what for one in said.touches] == [f"pod {namespace}/shop-2"]
    assert "1 on the host's network are not" in said.does


def test_exempt_pods_and_protected_namespaces_are_refused_by_name(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", {**SHOP, "chaos-drills/exempt": ""})
    with pytest.raises(InjectionFailed, match="shop-1 is exempt"):
        preview(plane, namespace)

    guarded = space(plane)
    pod(plane, guarded, "shop-1", SHOP)
    with pytest.raises(InjectionFailed, match="protected namespace"):
        preview(plane, guarded, protected=(guarded,))


def test_every_policy_that_lets_something_through_leaves_the_pods_out_and_none_else(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    policy(plane, namespace, "everybody", ingress=[{}])
    policy(plane, namespace, "shops", podSelector={"matchLabels": SHOP}, ingress=[{}])
    policy(plane, namespace, "others", podSelector={"matchLabels": {"app": "books"}})
    before = as_it_is(plane, policies_of(namespace))
    left_out = {"key": ISOLATED, "operator": "NotIn", "values": ["trial-1"]}

    remembered = injected(plane, namespace)
    found = {one["metadata"]["name"]: one["spec"] for one in plane.get(policies_of(namespace))["items"]}

    assert found["drill-trial-1"] == {
        "podSelector": {"matchLabels": {ISOLATED: "trial-1"}}, "policyTypes": ["Ingress", "Egress"],
    }  # fmt: skip
    assert found["everybody"]["podSelector"] == {"matchExpressions": [left_out]}
    assert found["shops"]["podSelector"] == {"matchLabels": SHOP, "matchExpressions": [left_out]}
    assert found["others"]["podSelector"] == {"matchLabels": {"app": "books"}}
    healed(remembered)
    assert as_it_is(plane, policies_of(namespace)) == before


def test_a_policy_that_was_made_meanwhile_is_seen_and_taken_in(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    remembered = injected(plane, namespace)
    policy(plane, namespace, "late", ingress=[{}])
    before = plane.get(f"{policies_of(namespace)}/late")["spec"]

    assert present(remembered) is False
    asyncio.run(Isolate.extend(remembered, RecordingStage(injecting=False)))
    assert present(remembered) is True
    assert present(healed(remembered)) is False
    assert plane.get(f"{policies_of(namespace)}/late")["spec"] == before


def test_pods_born_meanwhile_are_cut_off_and_joined_again_too(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    remembered = injected(plane, namespace)
    pod(plane, namespace, "shop-2", SHOP)
    assert present(remembered) is False

    asyncio.run(Isolate.extend(remembered, RecordingStage(injecting=False)))
    assert present(remembered) is True

    healed(remembered)
    for one in plane.get(f"/api/v1/namespaces/{namespace}/pods")["items"]:
        assert one["metadata"]["labels"] == SHOP
        assert not one["metadata"].get("annotations")


def test_nobody_is_cut_off_once_somebody_has_deleted_the_policy(plane: ControlPlane) -> None:
    """A lease may be renewed by a run that does not know yet that it was healed from elsewhere."""
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    remembered = injected(plane, namespace)
    healed(remembered)
    pod(plane, namespace, "shop-2", SHOP)

    with pytest.raises(InjectionFailed, match="no longer"):
        asyncio.run(Isolate.extend(remembered, RecordingStage(injecting=False)))
    assert ISOLATED not in plane.get(f"/api/v1/namespaces/{namespace}/pods/shop-2")["metadata"]["labels"]


def test_those_named_may_still_talk_with_it(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    injected(plane, namespace, Isolate(target=IT, except_=("app=books", "10.0.0.0/8")))
    peers = [{"podSelector": {"matchLabels": {"app": "books"}}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]

    spec = plane.get(f"{policies_of(namespace)}/drill-trial-1")["spec"]

    assert spec["ingress"] == [{"from": peers}]
    assert spec["egress"] == [{"to": peers}]


def test_what_a_policy_forbids_is_never_opened_by_an_exception(plane: ControlPlane) -> None:
    namespace = space(plane)
    pod(plane, namespace, "shop-1", SHOP)
    policy(plane, namespace, "closed")

    with pytest.raises(InjectionFailed, match="limits these pods"):
        preview(plane, namespace, Isolate(target=IT, except_=("app=books",)))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("app=db", {"podSelector": {"matchLabels": {"app": "db"}}}),
        ("*", {"podSelector": {}}),
        ("dark/*", {"podSelector": {}, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "dark"}}}),
        ("10.1.2.3", {"ipBlock": {"cidr": "10.1.2.3/32"}}),
    ],
)
def test_a_peer_is_said_in_a_few_words(text: str, meant: dict[str, Any]) -> None:
    assert peer(text) == meant


@pytest.mark.parametrize("text", ["", "db", "10.0.0.1/8", "Dark/*", "a/b/c=d e"])
def test_a_peer_that_means_nobody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="except"):
        Isolate(target=IT, except_=(text,))


@pytest.mark.parametrize(
    ("selector", "labels", "meant"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
    ],
)
def test_selectors_are_read_as_kubernetes_does(selector: dict[str, Any], labels: dict[str, str], meant: bool) -> None:
    assert selects(selector, labels) is meant


def test_traffic_stops_both_ways_and_comes_back() -> None:
    """Real pods and a policy engine: the shop, a shell that calls it, and one that calls from within."""
    with bed(Plan("a", "zone-a", "north")) as one:
        one.enforce_policies()
        for manifest in (web(replicas=1), shell("friend"), shell("stranger")):
            one.apply(manifest)
        ip = one.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
        one.wait("both are served", lambda: served(one, "friend", ip) and served(one, "stranger", ip))
        where = address(one.plane, namespace="default", deployment="web", policy_engine="the bed's")
        injection = Injection(id="cut-1", fault="cut", target="shop", address=where, for_s=None)
        stage = RecordingStage()

        asyncio.run(Isolate(target=IT, except_=("app=friend",)).inject(injection, stage))

        one.wait("only the friend is served", lambda: served(one, "friend", ip) and not served(one, "stranger", ip))
        one.wait("the shop reaches nobody", lambda: not reaches_out(one))
        remembered = Remembered(id="cut-1", fault="cut", target="shop", version=1, data=stage.data)
        assert present(healed(remembered)) is False
        one.wait("both are served again", lambda: served(one, "friend", ip) and served(one, "stranger", ip))
        one.wait("the shop reaches others again", lambda: reaches_out(one))


def served(one: Bed, who: str, ip: str) -> bool:
    return _says(one, f"pod/{who}", f"timeout 1 wget -qO- http://{ip}/")


def reaches_out(one: Bed) -> bool:
    """Whether the shop's pod can call the shop, through a node's port."""
    return _says(one, "deployment/web", f"timeout 1 wget -qO- http://{one.node('a').address}:{WEB_PORT}/")


def _says(one: Bed, who: str, script: str) -> bool:
    try:
        said = one.kubectl("exec", who, "--", "sh", "-c", f"{script} >/dev/null && echo yes || echo no")
    except AssertionError:  # its container is still to be started
        return False
    return said.strip() == "yes"
