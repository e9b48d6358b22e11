"""A plane without nodes: it needs Go and nothing else."""

from collections.abc import Iterator

import pytest

from tests.kubernetes_bed.control_plane import ControlPlane, control_plane
from tests.kubernetes_bed.killed import pieces_before_and_after_a_kill
from tests.kubernetes_bed.leftovers import leftovers

NODE = """
apiVersion: v1
kind: Node
metadata: {name: somewhere, labels: {topology.kubernetes.io/zone: north}}
"""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with control_plane() as one:
        yield one


def names(plane: ControlPlane, kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in plane.get(f"/api/v1/{kind}")["items"]}


def test_the_api_answers_and_all_is_gone_afterwards() -> None:
    with control_plane() as plane:
        assert plane.kubectl("get", "--raw", "/readyz") == "ok"
        pieces = [str(piece) for piece in leftovers(plane.ground.number)]
        folder = plane.ground.folder

    assert [piece for piece in pieces if "etcd" in piece]
    assert [piece for piece in pieces if "kube-apiserver" in piece]
    assert [piece for piece in pieces if str(folder) in piece]
    assert leftovers(plane.ground.number) == []


def test_nothing_is_left_when_the_test_is_killed(plane: ControlPlane) -> None:
    before, after = pieces_before_and_after_a_kill(control_plane)

    assert len(before) == 3, before
    assert after == []
    assert plane.is_ready("kube-apiserver")  # another's is not touched


def test_two_planes_live_side_by_side(plane: ControlPlane) -> None:
    with control_plane() as other:
        other.apply(NODE)

        assert (names(other, "nodes"), names(plane, "nodes")) == ({"somewhere"}, set())


def test_an_api_server_that_was_killed_comes_back_with_what_it_knew(plane: ControlPlane) -> None:
    plane.kubectl("create", "namespace", "remembered")
    plane.kill("kube-apiserver")

    with pytest.raises(OSError, match="refused"):
        plane.get("/api/v1/namespaces")

    plane.start("kube-apiserver")
    assert "remembered" in names(plane, "namespaces")


def test_whoever_has_no_token_that_counts_is_turned_away(plane: ControlPlane) -> None:
    with pytest.raises(OSError, match="401"):
        plane.api_for("nobody").get("/api/v1/nodes")


def test_one_who_was_granted_little_may_do_little(plane: ControlPlane) -> None:
    plane.kubectl("create", "serviceaccount", "reader")
    plane.kubectl("create", "clusterrole", "reader", "--verb=list", "--resource=namespaces")
    plane.kubectl("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--serviceaccount=default:reader")
    token = plane.kubectl("create", "token", "reader").strip()

    assert plane.api_for(token).get("/api/v1/namespaces")["items"]
    with pytest.raises(OSError, match="403"):
        plane.api_for(token).get("/api/v1/nodes")
    with pytest.raises(AssertionError, match="forbidden"):
        plane.kubectl("--kubeconfig", plane.kubeconfig_for("reader", token), "get", "nodes")


def test_the_controllers_work_once_they_are_started(plane: ControlPlane) -> None:
    assert "default" not in names(plane, "serviceaccounts")

    plane.start("kube-controller-manager")
    plane.daemon("kube-controller-manager").wait(lambda: "default" in names(plane, "serviceaccounts"))
