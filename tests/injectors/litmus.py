"""A stand-in for LitmusChaos on a real API server: definitions of its resources, and somebody who plays its operator.

Litmus's own operator and experiments cannot be had as Go modules, so nothing here is theirs. What the stand-in does to its
resources was written after watching the real ones (chaos-operator, chaos-runner and pod-delete of 3.x): which fields, labels,
events and finalizers come when. What an experiment does is told by its name; see `EXPERIMENTS`.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.error import HTTPError

from tests.injectors import definitions
from tests.injectors.clusters import there
from tests.kubernetes_bed.control_plane import ControlPlane

EXPERIMENTS: Mapping[str, str] = {
    "pod-delete": "deletes a pod of the target once, and is done when its time is over",
    "pod-unlucky": "ends in an error before it has acted",
    "pod-skipped": "is passed over by the runner",
    "pod-probed": "acts, and at its end one of its two probes has failed",
    "pod-unable": "has a runner that cannot be started",
    "pod-unseen": "is of those on whose engines nobody works",
}
ACCOUNT = "litmus"
GROUP = "/apis/litmuschaos.io/v1alpha1"
FINALIZER = "chaosengine.litmuschaos.io/finalizer"
_NAMES = {"ChaosEngine": "chaosengines", "ChaosExperiment": "chaosexperiments", "ChaosResult": "chaosresults"}
_ROUND_S = 0.05


def define(plane: ControlPlane) -> None:
    """Make the API server know Litmus's kinds, by their real names; it takes any fields of them, as with the real ones."""
    definitions.make(plane, "litmuschaos.io", _NAMES)


def install(plane: ControlPlane, namespace: str) -> None:
    """The experiments and the account by which they work, in this namespace."""
    for name in EXPERIMENTS:
        plane.api.post(f"{GROUP}/namespaces/{namespace}/chaosexperiments", {
            "apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosExperiment", "metadata": {"name": name}, "spec": {},
        })  # fmt: skip
    plane.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": ACCOUNT}})


def all_of(plane: ControlPlane, namespace: str) -> list[str]:
    """What is there that comes of engines: kinds and names."""
    paths = {f"{GROUP}/namespaces/{namespace}/{plural}": plural for plural in ("chaosengines", "chaosresults")}
    paths[f"/apis/batch/v1/namespaces/{namespace}/jobs"] = "jobs"
    paths[f"/api/v1/namespaces/{namespace}/pods?labelSelector=chaosUID"] = "pods"
    return [f"{plural}/{one['metadata']['name']}" for path, plural in paths.items() for one in plane.get(path)["items"]]


@contextmanager
def operator(plane: ControlPlane) -> Iterator[None]:
    """Somebody who works on engines for as long as this lasts."""
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(plane, over))
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def _work(plane: ControlPlane, over: threading.Event) -> None:
    since: dict[str, float] = {}
    while not over.wait(_ROUND_S):
        with suppress(OSError):  # the server was not heard: the next round sees to that
            for engine in plane.get(f"{GROUP}/chaosengines")["items"]:
                with suppress(HTTPError):  # somebody was quicker, or it is gone
                    _step(plane, engine, since)


def _step(plane: ControlPlane, engine: Any, since: dict[str, float]) -> None:
    meta, state = engine["metadata"], engine["spec"]["engineState"]
    status = engine.get("status", {}).get("engineStatus", "")
    uid, name = meta["uid"], engine["spec"]["experiments"][0]["name"]
    if name == "pod-unseen":
        return
    if "deletionTimestamp" in meta or (state == "stop" and status == "initialized"):
        _end(plane, engine)
    elif state == "active" and not status:
        meta["finalizers"] = [FINALIZER]
        _put(plane, engine, {"engineStatus": "initialized"})
    elif state == "active" and uid not in since:
        since[uid] = time.monotonic()
        _begin(plane, engine, name)
    elif (
        state == "active" and name in ("pod-delete", "pod-probed") and time.monotonic() > since[uid] + _lasts_s(engine)
    ):
        _finish(plane, engine, name)


def _begin(plane: ControlPlane, engine: Any, name: str) -> None:
    meta = engine["metadata"]
    space, labels = f"namespaces/{meta['namespace']}", {"chaosUID": meta["uid"]}
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    runner = {"metadata": {"name": f"{meta['name']}-runner", "labels": labels},
              "spec": {"containers": [{"name": "chaos-runner", "image": "chaos-runner"}]}}  # fmt: skip
    made = plane.api.post(f"/api/v1/{space}/pods", runner)
    if name == "pod-unable":
        told = {"name": "chaos-runner", "state": waits, "ready": False, "restartCount": 0, "image": "", "imageID": ""}
        plane.api.put(f"/api/v1/{space}/pods/{meta['name']}-runner/status",
                      {**made, "status": {**made["status"], "containerStatuses": [told]}})  # fmt: skip
        return
    if name == "pod-skipped":
        _put(plane, engine, {"engineStatus": "initialized", "experiments": [{"name": name, "status": "Skipped"}]})
        return
    template = {"spec": {**runner["spec"], "restartPolicy": "Never"}}
    plane.api.post(f"/apis/batch/v1/{space}/jobs", {"metadata": {"name": f"{name}-{meta['uid'][:6]}", "labels": labels},
                                                    "spec": {"suspend": True, "template": template}})  # fmt: skip
    if name == "pod-unlucky":
        error = {
            "errorCode": "TARGET_SELECTION_ERROR",
            "reason": '{"phase": "PreChaos", "reason": "no target pods found"}',
        }
        _say(plane, engine, name, {"phase": "Error", "verdict": "Error", "errorOutput": error})
        return
    _say(plane, engine, name, {"phase": "Running", "verdict": "Awaited", "probeSuccessPercentage": "Awaited"})
    about = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosEngine", "uid": meta["uid"], "name": meta["name"],
             "namespace": meta["namespace"]}  # fmt: skip
    plane.api.post(f"/api/v1/{space}/events", {"metadata": {"name": f"{meta['name']}-{meta['uid'][:6]}"}, "type": "Normal",
                                               "involvedObject": about, "reason": "ChaosInject"})  # fmt: skip
    wanted = engine["spec"]["appinfo"]
    targets = plane.get(
        f"/api/v1/namespaces/{wanted['appns']}/pods?labelSelector={wanted['applabel'].replace('=', '%3D')}"
    )
    plane.api.delete(f"/api/v1/namespaces/{wanted['appns']}/pods/{targets['items'][0]['metadata']['name']}")


def _finish(plane: ControlPlane, engine: Any, name: str) -> None:
    passed = {"phase": "Completed", "verdict": "Pass", "probeSuccessPercentage": "100"}
    failed = {"phase": "Completed_With_Probe_Failure", "verdict": "Fail", "probeSuccessPercentage": "50"}
    _say(plane, engine, name, failed if name == "pod-probed" else passed)
    engine["spec"]["engineState"] = "stop"
    _put(plane, engine, {"engineStatus": "completed"})


def _end(plane: ControlPlane, engine: Any) -> None:
    """What came of it is deleted, and only then it is let go."""
    meta = engine["metadata"]
    space, by = f"namespaces/{meta['namespace']}", f"?labelSelector=chaosUID%3D{meta['uid']}"
    for path in (f"/apis/batch/v1/{space}/jobs", f"/api/v1/{space}/pods"):
        for one in plane.get(path + by)["items"]:
            plane.api.delete(f"{path}/{one['metadata']['name']}")
    for one in plane.get(f"{GROUP}/{space}/chaosresults{by}")["items"]:
        if one["status"]["experimentStatus"]["phase"] == "Running":
            _say(plane, engine, one["spec"]["experiment"], {"phase": "Stopped", "verdict": "Stopped"})
    meta["finalizers"] = []
    _put(plane, engine, {"engineStatus": "stopped"})


def _say(plane: ControlPlane, engine: Any, name: str, status: Mapping[str, Any]) -> None:
    """Write the result, new or once more."""
    meta = engine["metadata"]
    path = f"{GROUP}/namespaces/{meta['namespace']}/chaosresults"
    said: dict[str, Any] = {"experimentStatus": status}
    if status["phase"] != "Running":
        said["history"] = {"targets": [{"kind": "deployment", "name": "shop", "chaosStatus": "targeted"}]}
    if name == "pod-probed":
        verdicts = {"shop-answers": "Failed", "shop-runs": "Passed"}
        said["probeStatuses"] = [{"name": one, "status": {"verdict": verdict}} for one, verdict in verdicts.items()]
    body = {"apiVersion": "litmuschaos.io/v1alpha1", "kind": "ChaosResult", "status": said,
            "spec": {"engine": meta["name"], "experiment": name},
            "metadata": {"name": f"{meta['name']}-{name}", "labels": {"chaosUID": meta["uid"]}}}  # fmt: skip
    if found := there(plane, f"{path}/{meta['name']}-{name}"):
        plane.api.put(f"{path}/{meta['name']}-{name}", {**body, "metadata": found["metadata"]})
    else:
        plane.api.post(path, body)


def _put(plane: ControlPlane, engine: Any, status: Mapping[str, Any]) -> None:
    meta = engine["metadata"]
    path = f"{GROUP}/namespaces/{meta['namespace']}/chaosengines/{meta['name']}"
    plane.api.put(path, {**engine, "status": {**engine.get("status", {}), **status}})


def _lasts_s(engine: Any) -> float:
    env = engine["spec"]["experiments"][0]["spec"]["components"]["env"]
    return float(next(one["value"] for one in env if one["name"] == "TOTAL_CHAOS_DURATION"))
