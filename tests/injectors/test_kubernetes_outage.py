"""A zone that is lost: who goes, who is cut off, who is spared, who follows later, and that all is as it was afterwards."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

import pytest

from injectors.conformance import Conformance, RecordingStage, Subject
from injectors.injector import Injection, InjectionFailed, Preview, Remembered, TargetName
from injectors.kubernetes_isolation import ISOLATED
from injectors.kubernetes_outage import ZoneOutage
from injectors.kubernetes_targets import Take
from injectors.region import ZONE
from tests.injectors.clusters import address, as_it_is, names, node, owner, pod, policy, space
from tests.injectors.test_kubernetes_on_nodes import Switchboard
from tests.kubernetes_bed.bed import Plan, bed
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane

IT = TargetName("zone")
EXEMPT = "chaos-drills/exempt"
TAINT = {"key": "chaos-drills/lost", "effect": "NoExecute"}
_zones = (f"zone-{number}" for number in count())


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


@pytest.fixture
def zone(plane: ControlPlane) -> Iterator[str]:
    """A zone with a namespace of its own name; its nodes and what we hold of them go with it."""
    name = next(_zones)
    plane.api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    plane.api.post(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    yield name
    clear(plane, name)


def clear(plane: ControlPlane, zone: str) -> None:
    """Away with it; pods that are on their way out for nobody, too."""
    plane.kubectl("delete", "nodes", "--selector", f"{ZONE}={zone}")
    plane.kubectl("delete", "pods,networkpolicies", "--all", "--namespace", zone, "--force", "--grace-period=0")


def node_in(plane: ControlPlane, zone: str, name: str, labels: dict[str, str] | None = None, **more: Any) -> str:
    node(plane, f"{zone}-{name}", labels={ZONE: zone, **(labels or {})}, **more)
    return f"{zone}-{name}"


def preview(plane: ControlPlane, zone: str, injector: ZoneOutage | None = None, **more: Any) -> Preview:
    return asyncio.run((injector or ZoneOutage(target=IT)).preview(where(plane, zone, **more)))


def where(plane: ControlPlane, zone: str, **more: Any) -> Any:
    return address(plane, nodes=f"{ZONE}={zone}", **{"policy_engine": "the bed's", **more})


def injected(plane: ControlPlane, zone: str, injector: ZoneOutage | None = None, **more: Any) -> Remembered:
    """Lose the zone, and pass what is remembered of it."""
    stage = RecordingStage()
    injection = Injection(
        id=f"trial-{zone}", fault="trial", target="zone", address=where(plane, zone, **more), for_s=None
    )
    asyncio.run((injector or ZoneOutage(target=IT)).inject(injection, stage))
    return Remembered(id=injection.id, fault="trial", target="zone", version=1, data=stage.data)


def healed(remembered: Remembered) -> Remembered:
    stage = RecordingStage(injecting=False)
    asyncio.run(ZoneOutage.heal(remembered, stage))
    return replace(remembered, data={**remembered.data, **stage.data})


def extended(remembered: Remembered) -> None:
    asyncio.run(ZoneOutage.extend(remembered, RecordingStage(injecting=False)))


def present(remembered: Remembered) -> bool | None:
    return asyncio.run(ZoneOutage.verify(remembered, RecordingStage(injecting=False))).present


def pods_of(zone: str) -> str:
    return f"/api/v1/namespaces/{zone}/pods"


def policies_of(zone: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{zone}/networkpolicies"


def taken(plane: ControlPlane, node: str) -> tuple[bool, bool]:
    """Whether a node is unschedulable, and whether it bears our taint beside that of one that never was ready."""
    spec = plane.get(f"/api/v1/nodes/{node}")["spec"]
    return bool(spec.get("unschedulable")), any(one == TAINT for one in spec.get("taints", ()))


def sides(said: Preview) -> dict[str, tuple[str, str]]:
    return {one.name: (one.engine, one.how) for one in said.sides}


class TestZoneOutage(Conformance):
    plane: ClassVar[ControlPlane]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _on(cls, plane: ControlPlane) -> None:
        cls.plane = plane

    @contextmanager
    def subject(self) -> Iterator[Subject]:
        plane, namespace, zone = self.plane, space(self.plane), next(_zones)
        only = node_in(plane, zone, "a")
        pod(plane, namespace, "shop-1", node=only, owner=owner())
        pod(plane, namespace, "bare", {"app": "bare"}, node=only)
        policy(plane, namespace, "friends", ingress=[{"from": [{"podSelector": {}}]}])
        ours = (pods_of(namespace), policies_of(namespace))

        def kept() -> str:
            """All but the pod that is deleted, which here nobody makes again."""
            pods = [one for one in json.loads(as_it_is(plane, ours[0])) if one["metadata"]["name"] != "shop-1"]
            return json.dumps(
                [pods, as_it_is(plane, ours[1]), plane.get(f"/api/v1/nodes/{only}")["spec"], taken(plane, only)]
            )

        def is_faulty() -> bool:
            return taken(plane, only) == (True, True) and "shop-1" not in names(plane.get(ours[0])["items"])

        def world() -> str:
            return json.dumps([names(plane.get(ours[0])["items"]), kept()])

        before = kept()
        try:
            yield Subject(
                injector=ZoneOutage(target=IT), address=where(plane, zone), world=world, is_faulty=is_faulty,
                is_well=lambda: kept() == before, nowhere=where(plane, "nowhere"),
                mend=lambda: plane.kubectl("uncordon", only) and None,
            )  # fmt: skip
        finally:
            clear(plane, zone)
            plane.kubectl(
                "delete", "pods,networkpolicies", "--all", "--namespace", namespace, "--force", "--grace-period=0"
            )


def test_all_nodes_of_the_zone_are_lost_together_and_no_other(plane: ControlPlane, zone: str) -> None:
    lost = [node_in(plane, zone, name) for name in "ab"]
    other = next(_zones)
    stays = node_in(plane, other, "a")
    for number, one in enumerate((*lost, stays)):
        pod(plane, zone, f"shop-{number}", node=one, owner=owner())
    before = as_it_is(plane, "/api/v1/nodes")

    remembered = injected(plane, zone)

    assert [taken(plane, one) for one in (*lost, stays)] == [(True, True), (True, True), (False, False)]
    assert names(plane.get(pods_of(zone))["items"]) == ["shop-2"]
    assert present(remembered) is True
    assert present(healed(remembered)) is False
    assert as_it_is(plane, "/api/v1/nodes") == before
    clear(plane, other)


def test_control_plane_exempt_and_protected_are_spared_and_listed(plane: ControlPlane, zone: str) -> None:
    lost = node_in(plane, zone, "a")
    master = node_in(plane, zone, "m", {"node-role.kubernetes.io/control-plane": ""})
    quiet = node_in(plane, zone, "q", {EXEMPT: ""})
    guarded = space(plane, **{EXEMPT: "yes"})
    pod(plane, zone, "guard", {EXEMPT: ""}, node=lost, owner=owner())
    pod(plane, zone, "shop", node=lost, owner=owner())
    pod(plane, zone, "static", node=lost, annotations={"kubernetes.io/config.mirror": "x"}, owner=owner("Node"))
    pod(plane, guarded, "shop", node=lost, owner=owner())

    said = preview(plane, zone)

    assert [one.what for one in said.touches] == [f"node {lost}"]
    for one in (f"node {master} (control plane)", f"node {quiet} (exempt)", f"pod {zone}/guard (exempt)",
                f"pod {zone}/static (protected, or the node's own)", f"pod {guarded}/shop (protected"):  # fmt: skip
        assert one in said.does
    injected(plane, zone)
    assert names(plane.get(pods_of(zone))["items"]) == ["guard", "static"]
    assert names(plane.get(pods_of(guarded))["items"]) == ["shop"]
    assert taken(plane, master) == taken(plane, quiet) == (False, False)


def test_where_all_nodes_are_spared_there_is_no_target_and_it_is_said_why(plane: ControlPlane, zone: str) -> None:
    quiet = node_in(plane, zone, "q", {EXEMPT: ""})

    said = preview(plane, zone)

    assert said.touches == ()
    assert f"but node {quiet} (exempt)" in said.missing


def test_what_nobody_would_make_again_and_daemons_that_bear_everything_stay_and_are_cut_off(
    plane: ControlPlane, zone: str
) -> None:
    lost = node_in(plane, zone, "a")
    pod(plane, zone, "bare", node=lost)
    pod(plane, zone, "daemon", node=lost, owner=owner("DaemonSet"), tolerates=True)
    pod(plane, zone, "weak-daemon", node=lost, owner=owner("DaemonSet"))
    pod(plane, zone, "on-the-host", node=lost, hostNetwork=True)
    policy(plane, zone, "everybody", ingress=[{}])
    before = as_it_is(plane, policies_of(zone))

    assert "1 pod deleted at once" in preview(plane, zone).does
    assert "on-the-host (on its host's network)" in preview(plane, zone).does
    remembered = injected(plane, zone)

    there = {one["metadata"]["name"]: one["metadata"].get("labels", {}) for one in plane.get(pods_of(zone))["items"]}
    assert {name: ISOLATED in labels for name, labels in there.items()} == {
        "bare": True, "daemon": True, "on-the-host": False,
    }  # fmt: skip
    assert names(plane.get(policies_of(zone))["items"]) == [f"drill-trial-{zone}", "everybody"]
    assert present(remembered) is True
    assert present(healed(remembered)) is False
    assert as_it_is(plane, policies_of(zone)) == before
    assert not any(ISOLATED in one["metadata"].get("labels", {}) for one in plane.get(pods_of(zone))["items"])


def test_who_is_born_on_a_lost_node_follows_and_is_joined_again_if_it_was_cut_off(
    plane: ControlPlane, zone: str
) -> None:
    lost = node_in(plane, zone, "a")
    remembered = injected(plane, zone)
    pod(plane, zone, "born", node=lost, owner=owner(), tolerates=True)
    pod(plane, zone, "born-bare", node=lost, tolerates=True)
    assert present(remembered) is False

    extended(remembered)

    (left,) = plane.get(pods_of(zone))["items"]
    assert left["metadata"]["name"] == "born-bare"
    assert ISOLATED in left["metadata"]["labels"]
    assert present(remembered) is True
    healed(remembered)
    (left,) = plane.get(pods_of(zone))["items"]
    assert ISOLATED not in left["metadata"]["labels"]
    assert not left["metadata"].get("annotations")
    assert plane.get(policies_of(zone))["items"] == []


def test_without_a_policy_engine_nothing_is_cut_off_and_the_preview_says_so(plane: ControlPlane, zone: str) -> None:
    lost = node_in(plane, zone, "a")
    pod(plane, zone, "bare", node=lost)

    said = preview(plane, zone, policy_engine="")
    remembered = injected(plane, zone, policy_engine="")

    assert sides(said)["network"] == ("", "1 pod left there, and within reach: no policy engine shows")
    assert plane.get(policies_of(zone))["items"] == []
    assert present(remembered) is True


def test_the_sides_of_an_outage_say_what_is_done_and_what_is_not(plane: ControlPlane, zone: str) -> None:
    lost = node_in(plane, zone, "a")
    pod(plane, zone, "shop", node=lost, owner=owner())
    pod(plane, zone, "bare", node=lost)

    said = sides(preview(plane, zone))

    assert [*said] == ["compute", "network", "capacity", "control-plane view"]
    assert said["compute"] == ("kubernetes", "1 pod of 1 node deleted without a grace")
    assert said["network"][0] == "kubernetes, the bed's"
    assert said["control-plane view"] == ("", "the nodes stay Ready, since their kubelets go on reporting")


def test_the_same_seed_takes_the_same_nodes(plane: ControlPlane, zone: str) -> None:
    for name in "abcdef":
        node_in(plane, zone, name)
    half = Take.parse("50%")

    first, again = (preview(plane, zone, ZoneOutage(target=IT, take=half, seed=4)).touches for _ in range(2))

    assert len(first) == 3
    assert first == again
    others = {preview(plane, zone, ZoneOutage(target=IT, take=half, seed=seed)).touches for seed in range(8)}
    assert len(others) > 1


def test_what_somebody_else_has_changed_since_is_left_and_said(plane: ControlPlane, zone: str) -> None:
    lost = node_in(plane, zone, "a")
    remembered = injected(plane, zone)
    plane.kubectl("taint", "node", lost, "chaos-drills/lost=mine:NoExecute", "--overwrite")

    after = healed(remembered)

    assert taken(plane, lost) == (False, False)
    assert {**TAINT, "value": "mine"} in plane.get(f"/api/v1/nodes/{lost}")["spec"]["taints"]
    effect = asyncio.run(ZoneOutage.verify(after, RecordingStage(injecting=False)))
    assert effect.present is False
    assert "somebody else has changed it" in effect.why


def test_a_node_that_was_unschedulable_before_stays_so(plane: ControlPlane, zone: str) -> None:
    lost = node_in(plane, zone, "a")
    plane.kubectl("cordon", lost)

    healed(injected(plane, zone))

    assert taken(plane, lost) == (True, False)


def test_a_zone_that_is_lost_already_is_not_lost_again(plane: ControlPlane, zone: str) -> None:
    node_in(plane, zone, "a")
    injected(plane, zone)

    with pytest.raises(InjectionFailed, match=f"held by injection trial-{zone} already"):
        preview(plane, zone)


def test_the_machines_of_a_zone_are_stopped_together_and_started_again() -> None:
    plans = (Plan("a", "zone-a", "north"), Plan("b", "zone-b", "south"), Plan("c", "zone-b", "south"))
    with bed(*plans) as one, Switchboard(one) as board:
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        one.wait("all have been heard of", lambda: names(one.plane.get(leases)["items"]) == ["a", "b", "c"])
        switch = {"power_off": board.words("off"), "power_on": board.words("on")}
        said = preview(one.plane, "zone-b", **switch)
        assert sides(said)["control-plane view"] == ("power_off", "the nodes are NotReady once they are missed")
        before = one.node("b").object()["spec"]

        remembered = injected(one.plane, "zone-b", **switch)

        assert board.off == {"b", "c"}
        assert present(remembered) is True
        one.wait("the cluster has found out", lambda: not (one.node("b").is_ready() or one.node("c").is_ready()))
        extended(remembered)
        after = healed(remembered)
        assert board.off == set()
        assert present(after) is False
        one.wait_for_nodes()
        one.wait("it is as it was", lambda: one.node("b").object()["spec"] == before)
