"""Faults of pods by the real Chaos Mesh: their effect is seen in traffic and in containers, and is gone afterwards.

What needs programs or a kernel that the bed has not, as FUSE and stress-ng, is refused in Chaos Mesh's own words, and heals.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from injectors.amounts import Size
from injectors.chaos_mesh import ChaosMeshAddress, Pods
from injectors.chaos_mesh_inside import ClockSkew, DnsError, IoFault, IoLatency, Stress
from injectors.chaos_mesh_kinds import POD_CHAOS
from injectors.chaos_mesh_pods import ContainerKill
from injectors.conformance import RecordingStage
from injectors.injector import Effect, Injection, InjectionFailed, Preview, Ratio, Remembered, TargetName
from injectors.kubernetes_pods import PodFailure, PodKill
from injectors.kubernetes_sweep import sweep
from injectors.kubernetes_targets import ALL
from tests.kubernetes_bed.api import is_ready
from tests.kubernetes_bed.bed import Bed, Plan, bed
from tests.kubernetes_bed.chaos_mesh import ChaosMesh, chaos_mesh, need_chaos_mesh
from tests.kubernetes_bed.workloads import shell, web

IT = TargetName("web")
MESH = "/apis/chaos-mesh.org/v1alpha1"
KINDS = ("podchaos", "iochaos", "stresschaos", "timechaos", "dnschaos")
MOMENT = timedelta(milliseconds=50)


@pytest.fixture(scope="module")
def mesh() -> Iterator[ChaosMesh]:
    """A client and, for each test, two web servers."""
    need_chaos_mesh()
    with bed(Plan("a", "zone-a", "north")) as one:
        one.apply(shell())
        yield chaos_mesh(one)


@pytest.fixture
def shop(mesh: ChaosMesh) -> Iterator[Bed]:
    """Two web servers that answer, before and after."""
    one = mesh.bed
    one.apply(web(replicas=2))
    one.wait("two web servers", lambda: len(all_pods(one)) == 2 and all(map(is_ready, all_pods(one))))
    one.wait("the client is served", lambda: served(one))
    yield one
    one.wait("the client is served again", lambda: served(one))
    assert [item for kind in KINDS for item in one.plane.get(f"{MESH}/{kind}")["items"]] == []


@pytest.fixture
def hurt(shop: Bed) -> Iterator[Bed]:
    """The same, replaced afterwards: who has ended is kept waiting the next time."""
    yield shop
    shop.kubectl("delete", "pods", "--selector=app=web", "--wait=false", "--now")


def all_pods(one: Bed) -> list[Any]:
    found: list[Any] = one.plane.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dweb")["items"]
    return found


def served(one: Bed) -> bool:
    """Whether the client reaches a web server, three times in a row."""
    service = one.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
    ask = f"timeout 1 wget -qO- http://{service}/ >/dev/null"
    return (
        one.kubectl("exec", "shell", "--", "sh", "-c", f"{ask} && {ask} && {ask} && echo yes || echo no").strip()
        == "yes"
    )


def pods(one: Bed) -> list[Any]:
    return [pod for pod in all_pods(one) if not pod["metadata"].get("deletionTimestamp")]


def restarts(one: Bed) -> int:
    return sum(state["restartCount"] for pod in pods(one) for state in pod["status"]["containerStatuses"])


def address(one: Bed, **where: Any) -> ChaosMeshAddress:
    return ChaosMeshAddress(kubeconfig=str(one.kubeconfig), namespace="default", **(where or {"deployment": "web"}))


class NoError(IoFault):
    """What no settings of ours can ask for, and its webhook refuses."""

    def spec(self) -> Mapping[str, Any]:
        return {**IoFault.spec(self), "errno": 0}


class Run:
    """One injection, by hand."""

    def __init__(self, one: Bed, fault: Any, **where: Any) -> None:
        self.fault, self.where, self.data = fault, address(one, **where), dict[str, Any]()
        self.acts: list[str] = []

    def preview(self) -> Preview:
        return asyncio.run(self.fault.preview(self.where))

    def inject(self) -> None:
        id_ = f"7-{self.fault.name.replace('_', '-')}"
        injection = Injection(id=id_, fault="fault", target=str(IT), address=self.where, for_s=60.0)
        stage = RecordingStage(budget_s=60.0)
        try:
            asyncio.run(self.fault.inject(injection, stage))
        finally:
            self.data = stage.data

    @property
    def memory(self) -> Remembered:
        return Remembered(id=self.data["owner"][0], fault="fault", target=str(IT), version=1, data=self.data)

    def effect(self) -> Effect:
        return asyncio.run(type(self.fault).verify(self.memory, RecordingStage(injecting=False)))

    def heal(self) -> None:
        stage = RecordingStage(budget_s=30.0, injecting=False)
        try:
            asyncio.run(type(self.fault).heal(self.memory, stage))
        finally:
            self.data, self.acts = {**self.data, **stage.data}, stage.acts


def test_pods_are_killed_and_others_take_their_place(hurt: Bed) -> None:
    before = {pod["metadata"]["uid"] for pod in pods(hurt)}
    run = Run(hurt, PodKill(target=IT))
    assert len(run.preview().touches) == 1

    run.inject()
    hurt.wait("it shows", lambda: run.effect().present is True)
    assert len(before - {pod["metadata"]["uid"] for pod in pods(hurt)}) == 1, "one, and no more"

    run.heal()
    assert run.effect().present is False
    assert len(pods(hurt)) == 2


def test_pods_that_fail_answer_nobody_until_it_is_healed(hurt: Bed) -> None:
    run = Run(hurt, PodFailure(target=IT, take=ALL))
    run.inject()
    hurt.wait("it shows", lambda: run.effect().present is True)
    assert not served(hurt)

    run.heal()
    assert run.effect().present is False
    assert len(pods(hurt)) == 2


def test_a_killed_container_is_started_again_and_killed_once(hurt: Bed) -> None:
    run = Run(hurt, ContainerKill(target=IT, containers=("web",)))
    run.inject()
    assert run.effect().present is True

    run.heal()
    run.heal()
    assert run.effect().present is False
    assert restarts(hurt) == 1


@pytest.mark.parametrize("fault", [
    IoLatency(target=IT, volume="/www", delay=MOMENT, methods=("read", "write"), share=Ratio(0.5)),
    IoFault(target=IT, volume="/www", error="ENOSPC"),
    Stress(target=IT, memory=Size(10_000_000)),
    ClockSkew(target=IT, by=timedelta(hours=1), direction="behind"),
    DnsError(target=IT, names=("shop.*",)),
], ids=lambda fault: fault.name)  # fmt: skip
def test_what_is_asked_for_is_taken_and_what_fails_is_told_and_healed(shop: Bed, fault: Any) -> None:
    """The plan has it tried out by the webhooks; then its daemons fail, for want of what the bed has not."""
    run = Run(shop, fault)
    assert len(run.preview().touches) == 2

    with pytest.raises(InjectionFailed, match="Chaos Mesh could not inject it: "):
        run.inject()
    assert run.effect().present is False

    run.heal()
    assert run.effect().present is False


def test_a_resource_that_was_left_is_found_and_healed_without_any_memory(hurt: Bed) -> None:
    Run(hurt, ContainerKill(target=IT, containers=("web",))).inject()

    swept = asyncio.run(sweep(str(hurt.kubeconfig), "", [POD_CHAOS]))
    [(memory, by, _)] = swept.by_injection(swept.held)
    assert by == "container_kill"
    asyncio.run(ContainerKill.heal(memory, RecordingStage(injecting=False)))

    found = asyncio.run(ContainerKill.verify(memory, RecordingStage(injecting=False)))
    assert found.present is False


def test_what_cannot_be_the_plan_says(shop: Bed) -> None:
    ends = {"from_": Pods(selector="app=shell"), "to": Pods(deployment="web")}
    with pytest.raises(InjectionFailed, match="is a link; name the pods"):
        Run(shop, ContainerKill(target=IT, containers=("web",)), **ends).preview()
    with pytest.raises(InjectionFailed, match="has no container cache; it has web"):
        Run(shop, Stress(target=IT, cpu=1, containers=("cache",))).preview()
    with pytest.raises(InjectionFailed, match="all containers of a pod fail"):
        Run(shop, PodFailure(target=IT, containers=("web",))).preview()
    with pytest.raises(InjectionFailed, match="nobody who would make it again"):
        Run(shop, PodKill(target=IT), selector="app=shell").preview()
    with pytest.raises(InjectionFailed, match=r"refused to create .*validate.iochaos.*errno 0 is not supported"):
        Run(shop, NoError(target=IT, volume="/www")).preview()
    assert Run(shop, PodKill(target=IT), selector="app=none").preview().missing == "no pod of pods app=none runs"


@pytest.mark.parametrize(("make", "setting"), [
    (lambda: ContainerKill(target=IT, containers=()), "containers"),
    (lambda: Stress(target=IT), "cpu"),
    (lambda: Stress(target=IT, cpu=-1, memory=Size(1)), "cpu"),
    (lambda: IoFault(target=IT, volume="www"), "volume"),
    (lambda: IoFault(target=IT, volume="/www", share=Ratio(0.005)), "share"),
    (lambda: IoLatency(target=IT, volume="/www", delay=timedelta(0)), "delay"),
    (lambda: ClockSkew(target=IT, by=timedelta(0)), "by"),
    (lambda: DnsError(target=IT, names=("*.example.com",)), "names"),
])  # fmt: skip
def test_settings_that_ask_for_nothing_are_refused(make: Any, setting: str) -> None:
    with pytest.raises(ValueError, match=setting) as refused:
        make()
    assert refused.value.args[0] == setting
