"""Three real nodes, and what becomes of a web service on them when one is lost in this way or that."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.kubernetes_bed.bed import Bed, bed
from tests.kubernetes_bed.killed import pieces_before_and_after_a_kill
from tests.kubernetes_bed.leftovers import leftovers
from tests.kubernetes_bed.workloads import WEB_PORT, dns, shell, web


@pytest.fixture(scope="module")
def shop() -> Iterator[Bed]:
    """Three nodes with a web server on each, a pod to look around from, and DNS."""
    with bed() as one:
        one.apply(web())
        one.apply(shell(node="a"))
        one.apply(dns())
        one.kubectl("rollout", "status", "deployment/coredns", "--namespace=kube-system", "--timeout=60s", within_s=70)
        one.kubectl("wait", "--for=condition=Ready", "pod/shell", "--timeout=60s", within_s=70)
        one.wait("a web server on each node", lambda: endpoints(one) == {"a", "b", "c"})
        yield one
    assert leftovers(one.ground.number) == []


def endpoints(one: Bed) -> set[str]:
    """The nodes whose web servers are called."""
    labels = "labelSelector=kubernetes.io/service-name%3Dweb"
    slices = one.plane.get(f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?{labels}")["items"]
    ends = [end for slice_ in slices for end in slice_["endpoints"] or []]
    return {end["nodeName"] for end in ends if end["conditions"]["ready"]}


def answer(one: Bed, node: str) -> str:
    """What the web service says to one who calls it at this node: the node that served it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{one.node(node).address}:{WEB_PORT}/", timeout=2) as said:
        return str(said.read().decode().split()[1])


def wait_for_an_answer(one: Bed, node: str) -> None:
    """Until the web service is there for one who calls it at this node, to which the way is told a moment later."""

    def answers() -> bool:
        try:
            return answer(one, node) in one.nodes
        except OSError:
            return False

    one.wait(f"{node} answers", answers)


def spread_again(one: Bed) -> None:
    """New web servers, one on each node: those that fled stay where they are."""
    one.kubectl("rollout", "restart", "deployment/web")
    one.wait("a web server on each node", lambda: endpoints(one) == {"a", "b", "c"})


def test_every_node_serves_what_runs_on_all_and_pods_find_it_by_name(shop: Bed) -> None:
    zones = {name: shop.node(name).object()["metadata"]["labels"]["topology.kubernetes.io/zone"] for name in "abc"}
    assert zones == {"a": "zone-a", "b": "zone-b", "c": "zone-c"}

    until = time.monotonic() + 20
    served: set[str] = set()
    while served != {"a", "b", "c"} and time.monotonic() < until:
        with suppress(OSError):  # nothing came in time
            served.add(answer(shop, "a"))
    assert served == {"a", "b", "c"}

    ask = ("wget", "-qO-", "http://web.default.svc.cluster.local")
    assert shop.kubectl("exec", "shell", "--", "timeout", "5", *ask).split()[1] in "abc"


def test_a_node_without_power_leaves_the_endpoints_and_comes_back(shop: Bed) -> None:
    lost = shop.node("c")
    lost.power_off()

    shop.wait("c is out of the endpoints", lambda: "c" not in endpoints(shop))
    assert not lost.is_ready()
    shop.wait("a takes what b does not", lambda: endpoints(shop) == {"a", "b"})
    with pytest.raises(OSError, match=r"No route|timed out"):
        answer(shop, "c")

    lost.power_on()
    shop.wait_for_nodes("c")
    spread_again(shop)
    wait_for_an_answer(shop, "c")


def test_a_node_that_is_cut_off_runs_on_and_is_ready_again_when_it_is_joined(shop: Bed) -> None:
    lost = shop.node("b")
    kubelet = lost.daemon("kubelet").pid
    lost.cut()

    shop.wait("b is out of the endpoints", lambda: "b" not in endpoints(shop))

    lost.join()
    shop.wait_for_nodes("b")
    assert lost.daemon("kubelet").pid == kubelet
    spread_again(shop)


def test_a_node_whose_kubelet_is_dead_is_not_ready_though_what_is_on_it_still_serves(shop: Bed) -> None:
    kubelet = shop.node("a").daemon("kubelet")
    kubelet.kill()

    shop.wait("a is not ready", lambda: not shop.node("a").is_ready())
    wait_for_an_answer(shop, "a")
    assert not shop.node("a").is_ready()

    kubelet.start()
    shop.wait_for_nodes("a")


def test_of_a_second_bed_nothing_is_left_when_its_test_is_killed_and_the_first_is_not_touched(shop: Bed) -> None:
    before, after = pieces_before_and_after_a_kill(bed)

    kinds = {piece.split()[0] for piece in before}
    assert kinds == {"process", "control", "network", "folder"}
    assert sum("(kubelet)" in piece for piece in before) == 3
    assert after == []
    shop.wait_for_nodes()
