"""Faults of links by the real Chaos Mesh: seen in traffic and gone afterwards, also on its bad days."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from injectors import Effect, Injection, InjectionFailed, Remembered, TargetName, chaos_mesh_records
from injectors.amounts import Rate
from injectors.chaos_mesh import ChaosMeshAddress, Pods
from injectors.conformance import RecordingStage
from injectors.injector import Ratio
from injectors.link import Bandwidth, PacketLoss, Partition
from injectors.link_fault import LinkFault
from tests.kubernetes_bed.bed import Bed, Plan, bed
from tests.kubernetes_bed.chaos_mesh import ChaosMesh, chaos_mesh, need_chaos_mesh
from tests.kubernetes_bed.workloads import shell, web

LINK = TargetName("shop-to-web")
MESH = "/apis/chaos-mesh.org/v1alpha1"


@pytest.fixture(scope="module")
def mesh() -> Iterator[ChaosMesh]:
    """A client on one node, the web servers on the other."""
    need_chaos_mesh()
    with bed(Plan("a", "zone-a", "north"), Plan("b", "zone-b", "south")) as one:
        one.apply(shell(node="a"))
        one.apply(shell("beside", node="a"))
        one.apply(web(replicas=1).replace("      containers:", "      nodeName: b\n      containers:", 1))
        found = chaos_mesh(one)
        one.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s", within_s=70)
        yield found


@pytest.fixture
def one(mesh: ChaosMesh) -> Iterator[Bed]:
    """The bed with its traffic flowing, before and after."""
    mesh.bed.wait("the client is served", lambda: served(mesh.bed))
    yield mesh.bed
    mesh.bed.wait("the client is served again", lambda: served(mesh.bed))
    assert ours(mesh.bed) == []
    assert rules(mesh.bed) == []


def ping(one: Bed) -> tuple[str, ...]:
    service = one.plane.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
    return ("timeout", "1", "wget", "-qO-", f"http://{service}/")


def served(one: Bed, by: str = "shell") -> bool:
    """Whether a client reaches a web server."""
    said = one.kubectl("exec", by, "--", "sh", "-c", f"{' '.join(ping(one))} >/dev/null && echo yes || echo no")
    return said.strip() == "yes"


def ours(one: Bed) -> list[str]:
    return [item["metadata"]["name"] for item in one.plane.get(f"{MESH}/networkchaos")["items"]]


def rules(one: Bed) -> list[Any]:
    """What any pod is still asked for."""
    found = one.plane.get(f"{MESH}/podnetworkchaos")["items"]
    return [rule for item in found for part in ("iptables", "tcs") for rule in item["spec"].get(part) or ()]


def link(one: Bed, **more: Any) -> ChaosMeshAddress:
    which = {"from_": Pods(selector="app=shell"), "to": Pods(deployment="web"), **more}
    return ChaosMeshAddress(kubeconfig=str(one.kubeconfig), namespace="default", **which)


class Trial:
    """One injection of a fault, from this process."""

    def __init__(self, fault: LinkFault, address: ChaosMeshAddress, for_s: float | None = 30.0) -> None:
        self.fault, self.stage = fault, RecordingStage(budget_s=60.0)
        self.injection = Injection(id="7-cut", fault="cut", target=str(LINK), address=address, for_s=for_s)

    @property
    def remembered(self) -> Remembered:
        return Remembered(id="7-cut", fault="cut", target=str(LINK), version=1, data=self.stage.data)

    def inject(self) -> None:
        asyncio.run(self.fault.inject(self.injection, self.stage))

    def look(self) -> Effect:
        return asyncio.run(type(self.fault).verify(self.remembered, self.stage))

    def extend(self) -> None:
        asyncio.run(type(self.fault).extend(self.remembered, self.stage))

    def heal(self, within_s: float = 30.0) -> RecordingStage:
        stage = RecordingStage(budget_s=within_s, injecting=False)
        try:
            asyncio.run(type(self.fault).heal(self.remembered, stage))
        finally:
            self.stage.data.update(stage.data)
        return stage


def test_a_partition_cuts_this_link_alone_until_it_is_healed(one: Bed) -> None:
    trial = Trial(Partition(link=LINK), link(one, ping=ping(one)))
    plan = asyncio.run(trial.fault.preview(trial.injection.address))
    trial.inject()
    effect = trial.look()

    assert [touch.what.split("-")[0] for touch in plan.touches] == ["pod default/shell", "pod default/web"]
    assert effect.present, effect.why
    assert "a ping is not answered" in effect.why or "a ping fails" in effect.why
    assert not served(one)
    one.wait("who is beside it is served", lambda: served(one, by="beside"))

    trial.heal()
    assert trial.look().present is False, trial.look().why
    one.wait("the client is served again", lambda: served(one))


def test_without_a_ping_it_is_said_that_nobody_looked_at_traffic(one: Bed) -> None:
    trial = Trial(Partition(link=LINK), link(one))
    trial.inject()
    effect = trial.look()

    assert effect.present
    assert "says that it is injected" in effect.why
    assert "not measured" in effect.why
    trial.heal()
    assert "no look at traffic" in trial.look().why


def test_a_rate_holds_for_what_the_pods_send_until_it_is_healed(one: Bed) -> None:
    one.kubectl("exec", "shell", "--", "sh", "-c", "mkdir -p /tmp/www && head -c 600000 /dev/zero >/tmp/www/zeros && "
                "(pidof httpd || httpd -p 8080 -h /tmp/www)")  # fmt: skip
    source = one.plane.get("/api/v1/namespaces/default/pods/shell")["status"]["podIP"]

    def took_s() -> float:
        script = f"cat /proc/uptime; wget -qO/dev/null http://{source}:8080/zeros; cat /proc/uptime"
        began, ended = one.kubectl("exec", "beside", "--", "sh", "-c", script).splitlines()
        return float(ended.split()[0]) - float(began.split()[0])

    one.wait("it is quick", lambda: took_s() < 1.0)
    address = link(one, from_=Pods(selector="app=shell"), to=None)
    trial = Trial(Bandwidth(link=LINK, rate=Rate.parse("200KB/s"), direction="upstream"), address)
    trial.inject()
    slow_s = took_s()

    assert trial.look().present, trial.look().why
    assert slow_s > 2.0
    trial.heal()
    one.wait("it is quick again", lambda: took_s() < 1.0)


def test_where_no_pod_is_there_is_no_target(one: Bed) -> None:
    for address in (link(one, from_=Pods(selector="app=nobody")), link(one, to=Pods(deployment="nobody"))):
        trial = Trial(Partition(link=LINK), address)
        assert asyncio.run(trial.fault.preview(address)).touches == ()
        with pytest.raises(InjectionFailed, match=r"no pod of .*nobody runs"):
            trial.inject()
        assert trial.stage.acts == []


def test_it_ends_by_itself_when_nobody_heals_it(one: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_mesh_records, "MARGIN_S", 1.0)
    trial = Trial(Partition(link=LINK), link(one), for_s=9.0)
    trial.inject()
    assert not served(one)

    one.wait("it is over", lambda: trial.look().present is False)
    one.wait("the client is served", lambda: served(one))
    trial.heal()


def test_what_the_dead_controllers_leave_is_told_and_is_healed_when_they_are_back(mesh: ChaosMesh, one: Bed) -> None:
    trial = Trial(Partition(link=LINK), link(one, ping=ping(one)))
    trial.inject()
    mesh.controllers.kill()
    try:
        assert trial.look().present
        with pytest.raises(InjectionFailed, match="controllers of Chaos Mesh do not answer"):
            asyncio.run(trial.fault.preview(trial.injection.address))
        with pytest.raises(InjectionFailed, match=r"networkchaos default/drill-7-cut is still there.*controllers"):
            trial.heal(within_s=14.0)
        assert trial.look().present
        assert not served(one)
    finally:
        mesh.start_controllers()
    trial.heal()
    assert trial.look().present is False


def test_what_a_dead_daemon_leaves_is_told_and_is_healed_when_it_is_back(mesh: ChaosMesh, one: Bed) -> None:
    trial = Trial(Partition(link=LINK), link(one, ping=ping(one)))
    trial.inject()
    mesh.daemon("b").kill()
    try:
        with pytest.raises(InjectionFailed, match=r"drill-7-cut is still there: pod default/web-\S+ on node b"):
            trial.heal(within_s=16.0)
        assert trial.look().present
        assert not served(one)
    finally:
        mesh.daemon("b").start()
    one.wait("it is healed", lambda: healed(trial))
    assert trial.look().present is False


def healed(trial: Trial) -> bool:
    try:
        trial.heal()
    except InjectionFailed:
        return False
    return True


def test_what_outlived_its_resources_goes_when_they_are_made_once_more(mesh: ChaosMesh, one: Bed) -> None:
    """As when somebody else has deleted all that Chaos Mesh knows of while a daemon was dead."""
    trial = Trial(Partition(link=LINK, direction="upstream"), link(one, ping=ping(one)))
    trial.inject()
    mesh.daemon("b").kill()
    try:
        one.kubectl("delete", "networkchaos", "drill-7-cut", "--wait=false")
        one.kubectl("delete", "podnetworkchaos", "--all", "--timeout=30s")
        one.wait("nothing knows of it", lambda: ours(one) == [])
    finally:
        mesh.daemon("b").start()
    assert not served(one)

    one.wait("it is healed", lambda: healed(trial))
    assert trial.look().present is False


def test_a_loss_that_this_kernel_cannot_make_fails_and_its_deletion_does_not_hang(one: Bed) -> None:
    trial = Trial(PacketLoss(link=LINK, loss=Ratio(0.3), direction="upstream"), link(one))
    with pytest.raises(InjectionFailed, match=r"Chaos Mesh could not inject it: .*tc"):
        trial.inject()
    stage = trial.heal()

    assert any(act.startswith("take our traffic rules from default/shell") for act in stage.acts), stage.acts
    assert trial.look().present is False


def test_what_a_dead_node_leaves_is_told_and_is_healed_when_it_is_back(mesh: ChaosMesh, one: Bed) -> None:
    trial = Trial(Partition(link=LINK), link(one, ping=ping(one)))
    trial.inject()
    one.node("b").power_off()
    try:
        one.wait("the node is missed", lambda: not one.node("b").is_ready())
        with pytest.raises(InjectionFailed, match=r"drill-7-cut is still there: .*on node b, which is not Ready"):
            trial.heal(within_s=20.0)
    finally:
        one.node("b").power_on()
    one.wait("it is healed", lambda: healed(trial))
    one.wait("it is seen", lambda: trial.look().present is False)
