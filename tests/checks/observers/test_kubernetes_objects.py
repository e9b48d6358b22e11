"""What is told of objects as the API has them, kind by kind; whose will changed one; and that nothing is too strange."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.observers.kubernetes_objects import KNOWN, Known, Resource, key_of, read, wrote
from checks.observers.kubernetes_writes import by_whom

OTHER = Resource("jobs", "job", "batch", "v1")


def thing(name: str = "a", **parts: Any) -> dict[str, Any]:
    """An object with these parts, those of the metadata among them."""
    top = {key: parts.pop(key) for key in ("spec", "status", "data", "endpoints", "binaryData") if key in parts}
    return {"metadata": {"name": name, "namespace": "shop", "uid": "u", "resourceVersion": "7", **parts}, **top}


def workload(replicas: int, ready: int, *, updated: int | None = None, generation: int = 2, observed: int = 2,
             **spec: Any) -> Known:  # fmt: skip
    status = {
        "readyReplicas": ready,
        "updatedReplicas": ready if updated is None else updated,
        "observedGeneration": observed,
    }
    return read(KNOWN["deployments"], thing(spec={"replicas": replicas, **spec}, status=status, generation=generation))


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (workload(3, 3), "ready"),
        (workload(3, 4), "ready"),
        (workload(3, 2), "not_ready"),
        (workload(3, 3, updated=2), "not_ready"),
        (workload(3, 3, observed=1), "not_ready"),
        (workload(0, 0), "empty"),
    ],
)  # fmt: skip
def test_a_deployment_is_ready_when_all_it_wants_is_there_and_rolled_out(known: Known, state: str) -> None:
    assert known.state == state


def pod(*, owners: list[dict[str, Any]] | None = None, **status: Any) -> Known:
    labels = {"pod-template-hash": "7d9", "app": "shop"}
    return read(KNOWN["pods"], thing("shop-7d9-x", spec={"nodeName": "node-a", "containers": [{"name": "web", "image": "web:1"}]},
                                     status=status, labels=labels, ownerReferences=owners or []))  # fmt: skip


def ready(value: str) -> list[dict[str, str]]:
    return [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": value}]


def test_a_pod_is_told_with_where_it_is_whose_it_is_and_why_it_does_not_run() -> None:
    owner = {"kind": "ReplicaSet", "name": "shop-7d9", "controller": True}
    waiting = {"restartCount": 4, "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    fine = {"restartCount": 1, "ready": True, "state": {"running": {}}}
    one = pod(owners=[owner], phase="Running", conditions=ready("False"), containerStatuses=[fine, waiting])

    assert one.now == {"phase": "Running", "ready": False, "node": "node-a", "owner": "deployment/shop", "images": ["web=web:1"],
                       "restarts": 5, "reason": "CrashLoopBackOff"}  # fmt: skip
    assert (one.state, one.owned) == ("not_ready", True)
    assert pod(owners=[{"kind": "ReplicaSet", "name": "by-hand"}]).now["owner"] == "replicaset/by-hand"
    assert pod(owners=[{"kind": "StatefulSet", "name": "db"}]).now["owner"] == "statefulset/db"


def test_a_pods_state_follows_what_becomes_of_it() -> None:
    evicted = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}

    assert pod(phase="Running", conditions=ready("True")).state == "ready"
    assert pod(phase="Pending").state == "not_ready"
    assert pod(phase="Failed", reason="Evicted", conditions=ready("True")).state == "ended"
    assert pod(phase="Failed", reason="Evicted").now["reason"] == "Evicted"
    assert pod(phase="Running", conditions=[*ready("True"), evicted]).now["reason"] == "DeletionByTaintManager"
    leaving = read(
        KNOWN["pods"], thing(status={"phase": "Running", "conditions": ready("True")}, deletionTimestamp="2026")
    )
    assert (leaving.state, leaving.now["leaving"]) == ("leaving", True)


@pytest.mark.parametrize(
    ("status", "told", "state"),
    [
        ("True", True, "ready"),
        ("False", False, "not_ready"),
        ("Unknown", "unknown", "not_ready"),
        (None, "unknown", "not_ready"),
    ],
)
def test_a_node_of_which_nothing_is_known_is_not_ready(status: str | None, told: object, state: str) -> None:
    conditions = [{"type": "Ready", "status": status, "reason": "KubeletReady"}] if status else []
    labels = {"topology.kubernetes.io/zone": "sea-1", "topology.kubernetes.io/region": "sea"}
    taints = [{"key": "fire", "effect": "NoExecute"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]
    one = read(
        KNOWN["nodes"],
        thing(labels=labels, spec={"unschedulable": True, "taints": taints}, status={"conditions": conditions}),
    )

    assert (one.now["ready"], one.state) == (told, state)
    assert {key: one.now[key] for key in ("zone", "region", "unschedulable", "taints")} == {
        "zone": "sea-1", "region": "sea", "unschedulable": True, "taints": ["a=b:NoSchedule", "fire=:NoExecute"],
    }  # fmt: skip


def test_addresses_are_counted_by_node_and_zone() -> None:
    def endpoint(node: str, zone: str, conditions: dict[str, bool]) -> dict[str, Any]:
        return {"addresses": ["10.0.0.1"], "nodeName": node, "zone": zone, "conditions": conditions}

    endpoints = [
        endpoint("a", "sea-1", {}),
        endpoint("a", "sea-1", {"ready": False}),
        endpoint("b", "sea-2", {"ready": True}),
    ]
    one = read(KNOWN["endpointslices"], thing(endpoints=endpoints, labels={"kubernetes.io/service-name": "shop"}))

    assert one.now == {"service": "shop", "ready": 2, "not_ready": 1, "by_node": {"a": [1, 1], "b": [1, 0]},
                       "by_zone": {"sea-1": [1, 1], "sea-2": [1, 0]}}  # fmt: skip
    assert one.state == "ready"
    assert read(KNOWN["endpointslices"], thing(endpoints=None)).state == "not_ready"


def test_a_configmap_is_told_by_its_keys_and_a_digest() -> None:
    one, other = (read(KNOWN["configmaps"], thing(data={"a": value})) for value in ("1", "2"))

    assert one.now["keys"] == ["a"]
    assert one.now["digest"] != other.now["digest"]
    assert wrote(one, other) == (None, "update", "data")


def test_a_kind_that_is_not_known_is_told_by_what_most_have() -> None:
    done = [{"type": "Ready", "status": "True"}, {"type": "Complete", "status": "False"}]
    one = read(
        OTHER, thing(spec={"replicas": 2, "x": 1}, status={"conditions": done, "readyReplicas": 1}, generation=4)
    )

    assert {key: one.now[key] for key in ("desired", "ready", "conditions", "generation")} == {
        "desired": 2, "ready": 1, "conditions": {"Complete": "False", "Ready": "True"}, "generation": 4}  # fmt: skip
    assert one.state == "ready"
    assert read(OTHER, thing()).state == "there"


# --- whose will


def by(manager: str, at: str = "2026-01-01T00:00:00Z", *, fields: dict[str, Any] | None = None, operation: str = "Update",
       subresource: str = "") -> dict[str, Any]:  # fmt: skip
    return {
        "manager": manager,
        "operation": operation,
        "time": at,
        "subresource": subresource,
        "fieldsV1": fields or {},
    }


def deployment(replicas: int, generation: int, *writes: dict[str, Any], **meta: Any) -> Known:
    return read(
        KNOWN["deployments"], thing(spec={"replicas": replicas}, generation=generation, managedFields=[*writes], **meta)
    )


REPLICAS = {"f:spec": {"f:replicas": {}}}


def test_whoever_owns_what_changed_did_it_however_old_the_entry() -> None:
    """`kubectl scale` twice leaves the same entry, and another's may be newer."""
    writes = by("kubectl", "", fields=REPLICAS, subresource="scale"), by("helm", "2026-01-02T00:00:00Z")
    who, verb, change = wrote(deployment(3, 1, *writes), deployment(5, 2, *writes)) or (None, "", "")

    assert who
    assert (who.manager, verb, change) == ("kubectl", "scale", "replicas 3→5")
    assert who.told == {"manager": "kubectl", "operation": "Update", "subresource": "scale"}


def test_else_whose_entry_is_new_and_nobody_where_there_is_none() -> None:
    old, new = by("helm"), by("kubectl-rollout", "2026-01-02T00:00:00Z")
    of_new = wrote(deployment(3, 1, old), deployment(3, 2, old, new))
    of_none = wrote(deployment(3, 1, old), deployment(3, 2, old))
    of_two = wrote(deployment(3, 1), deployment(3, 2, old, by("lin")))

    assert of_new
    assert of_new[0]
    assert (of_new[0].manager, *of_new[1:]) == ("kubectl-rollout", "update", "spec")
    assert of_none == (None, "update", "spec")
    assert of_two == (None, "update", "spec")


def test_a_status_is_nobodys_will_and_a_deletion_is_no_write() -> None:
    status = by("kubelet", "2026-01-03T00:00:00Z", subresource="status")

    assert wrote(deployment(3, 1), deployment(3, 1, status)) is None
    assert wrote(deployment(3, 1), deployment(3, 2, deletionTimestamp="2026")) is None


def test_what_is_made_is_written_by_who_made_it_unless_it_belongs_to_another() -> None:
    made = wrote(None, deployment(3, 1, by("kubectl-create")))

    assert made
    assert made[0]
    assert (made[0].manager, made[1:]) == ("kubectl-create", ("create", ""))
    assert wrote(None, deployment(3, 1, by("kube-controller-manager"), ownerReferences=[{"kind": "X"}])) is None


def test_labels_and_images_are_told_as_they_change() -> None:
    def one(image: str, **labels: str) -> Known:
        template = {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}
        return read(KNOWN["deployments"], thing(spec=template, labels=labels, generation=1))

    change = wrote(one("web:1", app="a", old="x"), one("web:2", app="b"))

    assert change
    assert change[2] == "images [web=web:1]→[web=web:2], label app a→b, label old x→none"


@pytest.mark.parametrize(("manager", "whose"), [("chaos-drills", "drill"), ("kube-controller-manager", "machinery"),
                                                ("argocd", "machinery"), ("kubectl", "somebody"), ("", "unknown")])  # fmt: skip
def test_whose_a_write_is(manager: str, whose: str) -> None:
    assert by_whom(deployment(1, 1, by(manager)).writes[0], ("argocd",)) == whose
    assert by_whom(None, ()) == "unknown"


# --- what may come


KEYS = ["metadata", "spec", "status", "replicas", "conditions", "type", "template", "managedFields", "containers", "labels",
        "ownerReferences", "endpoints", "x"]  # fmt: skip
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(kind=st.sampled_from([*KNOWN.values(), OTHER]), spec=STRANGE, status=STRANGE, meta=STRANGE)
def test_no_object_is_too_strange_to_be_read(kind: Resource, spec: Any, status: Any, meta: Any) -> None:
    strange = {"metadata": meta, "spec": spec, "status": status, "endpoints": status, "data": spec}
    known = read(kind, strange)

    json.dumps([known.now, known.state])
    assert wrote(known, known) is None


def test_a_thing_without_a_name_is_none() -> None:
    with pytest.raises(KeyError):
        key_of(KNOWN["pods"], {"metadata": {}})


def test_what_is_told_of_an_object_is_bounded() -> None:
    many = [{"name": f"c{n}", "image": "x" * 5000} for n in range(500)]
    one = read(KNOWN["deployments"], thing(spec={"template": {"spec": {"containers": many}}},
                                           labels={f"l{n}": "y" * 5000 for n in range(500)}))  # fmt: skip

    assert len(json.dumps(one.now)) < 20_000
    assert len(json.dumps(one.will)) < 60_000
