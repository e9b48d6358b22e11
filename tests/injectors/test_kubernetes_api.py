"""The API server as faults meet it: forbidding, too busy, dead and back, and asked by one who is cancelled."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import psutil
import pytest

from injectors import InjectionFailed, Remembered
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import NODE, Cluster, each, reach
from injectors.kubernetes_nodes import Cordon
from injectors.kubernetes_pods import PodKill
from tests.injectors.clusters import IT, a_namespace, a_node, a_pod, a_stage, address, injection, settled
from tests.kubernetes_bed.control_plane import ControlPlane, control_plane
from tests.ports import free_port
from tests.signals import send

T = TypeVar("T")
FEW = {
    "kube-apiserver": (
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=2",
        "--max-mutating-requests-inflight=1",
    )
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


def on(where: KubernetesAddress, do: Callable[[Cluster], Coroutine[Any, Any, T]]) -> T:
    async def connected() -> T:
        async with reach(where) as cluster:
            return await do(cluster)

    return asyncio.run(connected())


def remembered(data: Any) -> Remembered:
    return Remembered(id="7-fault", fault="fault", target="it", version=1, data=data)


def allowed(plane: ControlPlane, name: str, *rules: str) -> KubernetesAddress:
    """The cluster, for one who may do no more than these, as `get,list:nodes`."""
    plane.kubectl("create", "serviceaccount", name)
    for number, rule in enumerate(rules):
        verbs, _, resources = rule.partition(":")
        plane.kubectl("create", "clusterrole", f"{name}{number}", f"--verb={verbs}", f"--resource={resources}")
        plane.kubectl(
            "create",
            "clusterrolebinding",
            f"{name}{number}",
            f"--clusterrole={name}{number}",
            f"--serviceaccount=default:{name}",
        )
    token = plane.kubectl("create", "token", name).strip()
    return KubernetesAddress(kubeconfig=str(plane.kubeconfig_for(name, token)), nodes="any")


def test_what_is_forbidden_is_said_with_the_verb_that_would_have_to_be_allowed(plane: ControlPlane) -> None:
    where = allowed(plane, "reader", "get,list:nodes,namespaces")
    name = a_node(plane)
    before, mine = settled(plane.get(f"/api/v1/nodes/{name}")), replace(where, nodes="", node=name)

    assert asyncio.run(Cordon(target=IT).preview(mine)).touches
    with pytest.raises(InjectionFailed, match=r"the role lacks the verb `patch` on `nodes`: "):
        asyncio.run(Cordon(target=IT).inject(injection(mine), a_stage()))
    assert settled(plane.get(f"/api/v1/nodes/{name}")) == before
    pods = replace(where, nodes="", selector="app=shop", namespace="default")
    with pytest.raises(InjectionFailed, match=r"the role lacks the verb `list` on `pods` in namespace default: "):
        asyncio.run(PodKill(target=IT).preview(pods))
    deployment = replace(where, nodes="", deployment="shop", namespace="default")
    with pytest.raises(InjectionFailed, match=r"lacks the verb `get` on `deployments.apps` in namespace default: "):
        asyncio.run(PodKill(target=IT).preview(deployment))


def test_what_a_fault_says_it_needs_is_enough_and_no_verb_too_many(plane: ControlPlane) -> None:
    rules = [
        f"{','.join(one.verbs)}:{one.kind.plural}" + (f".{one.kind.group}" if one.kind.group else "")
        for one in Cordon.needs
    ]
    name = a_node(plane)
    where = replace(allowed(plane, "minimal", *rules), nodes="", node=name)
    stage = a_stage()
    asyncio.run(Cordon(target=IT).inject(injection(where), stage))
    asyncio.run(Cordon.extend(remembered(stage.data), a_stage(injecting=False)))
    assert asyncio.run(Cordon.verify(remembered(stage.data), a_stage())).present is True
    assert asyncio.run(Cordon.residue([("it", where)]))
    asyncio.run(Cordon.heal(remembered(stage.data), a_stage(injecting=False)))

    assert asyncio.run(Cordon.verify(remembered({**stage.data, "healing": True}), a_stage())).present is False


def test_a_server_that_is_too_busy_is_asked_again_when_it_wants_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses: list[int] = []
    once = Cluster._once

    async def counted(self: Cluster, *args: Any, **more: Any) -> Any:
        answer = await once(self, *args, **more)
        statuses.append(answer[0])
        return answer

    monkeypatch.setattr(Cluster, "_once", counted)
    with control_plane(flags=FEW) as busy:
        # Whoever is of the group system:masters is never asked to wait.
        where = allowed(busy, "many", "get,create:nodes,namespaces")

        async def many(cluster: Cluster) -> None:
            async def label(n: int) -> None:
                await cluster.create(NODE.path(), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"n{n}"}})

            await each(range(100), label)

        on(where, many)
        assert len(busy.get("/api/v1/nodes")["items"]) == 100
    assert statuses.count(201) == 100
    assert 429 in statuses


def test_of_many_that_are_done_at_once_all_are_tried_and_the_failures_counted() -> None:
    done: list[int] = []

    async def odd(n: int) -> None:
        done.append(n)
        if n % 2:
            raise InjectionFailed(f"{n} is odd")

    with pytest.raises(InjectionFailed, match=r"1 is odd \(and 49 more of 100\)"):
        asyncio.run(each(range(100), odd))
    assert sorted(done) == list(range(100))
    done.clear()
    with pytest.raises(InjectionFailed, match="1 is odd"):
        asyncio.run(each(range(100), odd, stop=True))
    assert len(done) < 100


def test_a_write_that_has_begun_is_over_when_the_cancelled_caller_goes_on(plane: ControlPlane) -> None:
    name = a_node(plane)

    async def cancelled(cluster: Cluster) -> None:
        path = NODE.path(name=name)
        for n in range(20):
            task = asyncio.ensure_future(cluster.merge(path, {"metadata": {"labels": {"n": str(n)}}}))
            await asyncio.sleep(0.002 * (n % 4))
            task.cancel()
            await asyncio.wait([task])
            found = await cluster.get(path)
            await asyncio.sleep(0.01)
            assert found == await cluster.get(path), "it came after the cancellation"

    on(address(plane, nodes="any"), cancelled)


def test_no_connection_outlives_one_who_hangs_up_on_a_server_that_hangs(plane: ControlPlane) -> None:
    server = plane.daemon("kube-apiserver").pid

    async def cancelled(cluster: Cluster) -> None:
        send(server, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await cluster.get(NODE.path())

    try:
        on(address(plane, nodes="any"), cancelled)
        here = psutil.Process().net_connections()
        assert [one for one in here if one.raddr and one.raddr.ip == plane.address] == []
    finally:
        psutil.Process(server).resume()


def test_a_proxy_that_the_environment_names_is_asked_unless_it_says_not_for_this_server(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = address(plane, node=a_node(plane))
    for name in ("https_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(InjectionFailed, match="cannot be reached"):
        asyncio.run(Cordon(target=IT).preview(where))
    monkeypatch.setenv("NO_PROXY", plane.address)
    assert asyncio.run(Cordon(target=IT).preview(where)).touches


def test_a_list_is_read_to_its_end_page_by_page(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("injectors.kubernetes_api._PAGE", 3)
    namespace = a_namespace(plane)
    names = {a_pod(plane, namespace) for _ in range(8)}

    async def listed(cluster: Cluster) -> list[str]:
        return [
            one["metadata"]["name"] for one in await cluster.list(f"/api/v1/namespaces/{namespace}/pods", meta=True)
        ]

    found = on(address(plane, nodes="any"), listed)
    assert len(found) == len(names)
    assert set(found) == names


def test_while_the_server_is_dead_nobody_can_say_and_afterwards_it_is_healed(plane: ControlPlane) -> None:
    name = a_node(plane)
    before, stage = settled(plane.get(f"/api/v1/nodes/{name}")), a_stage()
    asyncio.run(Cordon(target=IT).inject(injection(address(plane, node=name)), stage))
    plane.kill("kube-apiserver")
    try:
        seen = asyncio.run(Cordon.verify(remembered(stage.data), a_stage()))
        assert seen.present is None
        assert "cannot be reached" in seen.why
        with pytest.raises(InjectionFailed, match="cannot be reached"):
            asyncio.run(Cordon.heal(remembered(stage.data), a_stage(injecting=False)))
    finally:
        plane.start("kube-apiserver")

    asyncio.run(Cordon.heal(remembered(stage.data), a_stage(injecting=False)))
    assert settled(plane.get(f"/api/v1/nodes/{name}")) == before


@pytest.mark.parametrize(
    ("said", "why"), [(None, "there is no kubeconfig"), ("{", "no YAML"), ("a: 1", "cannot be used")]
)
def test_a_kubeconfig_that_cannot_be_used_is_said(tmp_path: Any, said: str | None, why: str) -> None:
    path = tmp_path / "kubeconfig"
    if said is not None:
        path.write_text(said, encoding="utf-8")
    with pytest.raises(InjectionFailed, match=why):
        asyncio.run(Cordon(target=IT).preview(KubernetesAddress(kubeconfig=str(path), node="a")))


@pytest.mark.parametrize(
    ("given", "setting"),
    [({}, "deployment"), ({"deployment": "a", "node": "b"}, "node"), ({"node": "a", "nodes": "b"}, "nodes"),
     ({"deployment": "a", "selector": "b"}, "selector"), ({"node": "a", "namespace": "b"}, "namespace"),
     ({"node": "a", "power_off": ("x",)}, "power_off"),
     ({"deployment": "a", "power_off": ("x",), "power_on": ("y",)}, "power_off")],
)  # fmt: skip
def test_an_address_names_its_objects_in_one_way(given: dict[str, Any], setting: str) -> None:
    with pytest.raises(ValueError, match=setting) as refused:
        KubernetesAddress(**given)
    assert refused.value.args[0] == setting
