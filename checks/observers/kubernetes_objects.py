"""What is told of a Kubernetes object: a small summary by its kind, its state in a word, and whose will changed it.

Pure. What an object holds is bounded here, and nothing of a secret but that it is there is ever read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from checks.observers.kubernetes_writes import Wrote, writer, writes_to
from checks.observers.loose_json import TEXT_MAX, Object, count, items, table, text

_LIST_MAX = 50
_LABELS_MAX = 100

Summary = dict[str, Any]


class Resource(NamedTuple):
    """One kind of objects, and where the API has it."""

    plural: str
    kind: str
    """As it is told: `deployment`."""
    group: str
    version: str
    namespaced: bool = True

    @property
    def path(self) -> str:
        """Where its group is."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def is_secret(self) -> bool:
        """Whether only its metadata may be read."""
        return self.plural == "secrets" and not self.group

    @property
    def named(self) -> str:
        """As a role has it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


KNOWN: Mapping[str, Resource] = {one.plural: one for one in (
    Resource("deployments", "deployment", "apps", "v1"),
    Resource("statefulsets", "statefulset", "apps", "v1"),
    Resource("daemonsets", "daemonset", "apps", "v1"),
    Resource("pods", "pod", "", "v1"),
    Resource("endpointslices", "endpointslice", "discovery.k8s.io", "v1"),
    Resource("configmaps", "configmap", "", "v1"),
    Resource("events", "event", "", "v1"),
    Resource("nodes", "node", "", "v1", namespaced=False),
)}  # fmt: skip
"""Kinds that have a name of their own; others are written as `group/version/plural`."""
UNLABELLED = frozenset({"nodes", "events"})
"""Kinds whose labels are not those of what a selector is for."""


class Known(NamedTuple):
    """What is kept of an object between two changes."""

    uid: str
    state: str
    now: Summary
    will: Summary
    """What only a write changes."""
    leaving: bool
    owned: bool
    """Whether another object made it."""
    writes: tuple[Wrote, ...]


def key_of(resource: Resource, thing: Object) -> tuple[str, str]:
    """Its namespace, and its kind and name as they are told: `deployment/shop`. Raises KeyError for what has no name."""
    meta = table(thing.get("metadata"))
    return str(meta.get("namespace") or ""), f"{resource.kind}/{meta['name']}"


def read(resource: Resource, thing: Object) -> Known:
    """What is kept of an object."""
    meta, spec = table(thing.get("metadata")), table(thing.get("spec"))
    summary = _SUMMARIES.get(resource.kind, _anything)
    now: Summary = {"revision": str(meta.get("resourceVersion"))} if resource.is_secret else summary(thing)
    if meta.get("deletionTimestamp"):
        now["leaving"] = True
    return Known(
        uid=str(meta.get("uid") or ""),
        state=state(resource.kind, now),
        now={key: value for key, value in now.items() if value not in (None, "", [], {})},
        will=_will(meta, spec, now),
        leaving=bool(meta.get("deletionTimestamp")),
        owned=bool(meta.get("ownerReferences")),
        writes=writes_to(meta),
    )


# --- what it is, by kind


def _workload(thing: Object) -> Summary:
    spec, status = table(thing.get("spec")), table(thing.get("status"))
    return {
        "desired": count(spec.get("replicas"), 1),
        "ready": count(status.get("readyReplicas")),
        "updated": count(status.get("updatedReplicas")),
        "available": count(status.get("availableReplicas")),
        "images": _images(table(table(spec.get("template")).get("spec"))),
        "paused": True if spec.get("paused") else None,
        **_generations(thing),
    }


def _daemonset(thing: Object) -> Summary:
    spec, status = table(thing.get("spec")), table(thing.get("status"))
    return {
        "desired": count(status.get("desiredNumberScheduled")),
        "ready": count(status.get("numberReady")),
        "updated": count(status.get("updatedNumberScheduled")),
        "available": count(status.get("numberAvailable")),
        "images": _images(table(table(spec.get("template")).get("spec"))),
        **_generations(thing),
    }


def _pod(thing: Object) -> Summary:
    spec, status = table(thing.get("spec")), table(thing.get("status"))
    containers = [table(one) for one in items(status.get("containerStatuses"))]
    conditions = _conditions(status)
    return {
        "phase": text(status.get("phase")),
        "ready": conditions.get("Ready") == "True",
        "since": text(_ready(status).get("lastTransitionTime")),
        "node": text(spec.get("nodeName")),
        "owner": _owner(table(thing.get("metadata"))),
        "images": _images(spec),
        "restarts": sum(count(one.get("restartCount")) for one in containers),
        "reason": text(status.get("reason")) or _why(containers) or _disruption(status),
    }


def _owner(meta: Object) -> str:
    """What it belongs to, as people name it: the deployment, and not the replica set that stands between."""
    owners = [table(one) for one in items(meta.get("ownerReferences"))]
    owner = next((one for one in owners if one.get("controller")), owners[0] if owners else None)
    if owner is None:
        return ""
    kind, name = text(owner.get("kind")).lower(), text(owner.get("name"))
    template = text(table(meta.get("labels")).get("pod-template-hash"))
    if kind == "replicaset" and template and name.endswith(f"-{template}"):
        return f"deployment/{name.removesuffix(f'-{template}')}"
    return f"{kind}/{name}"


def _why(containers: Iterable[Object]) -> str:
    """Why a container does not run: `CrashLoopBackOff`."""
    for one in containers:
        now = table(one.get("state"))
        for how in ("waiting", "terminated"):
            if not one.get("ready") and (reason := text(table(now.get(how)).get("reason"))):
                return reason
    return ""


def _disruption(status: Object) -> str:
    """Why it is made to go: `EvictionByEvictionAPI`, `DeletionByTaintManager`."""
    for one in map(table, items(status.get("conditions"))):
        if one.get("type") == "DisruptionTarget" and one.get("status") == "True":
            return text(one.get("reason"))
    return ""


def _node(thing: Object) -> Summary:
    meta, spec, status = (table(thing.get(key)) for key in ("metadata", "spec", "status"))
    labels = table(meta.get("labels"))
    ready = _ready(status)
    taints = [table(one) for one in items(spec.get("taints"))]
    return {
        "ready": {"True": True, "False": False}.get(str(ready.get("status")), "unknown"),
        "since": text(ready.get("lastTransitionTime")),
        "reason": text(ready.get("reason")),
        "conditions": _short(
            sorted(name for name, so in _conditions(status).items() if so == "True" and name != "Ready")
        ),
        "unschedulable": True if spec.get("unschedulable") else None,
        "taints": _short(sorted(f"{one.get('key')}={one.get('value') or ''}:{one.get('effect')}" for one in taints)),
        "zone": text(labels.get("topology.kubernetes.io/zone")),
        "region": text(labels.get("topology.kubernetes.io/region")),
    }


def _slice(thing: Object) -> Summary:
    nodes: dict[str, list[int]] = {}
    zones: dict[str, list[int]] = {}
    for one in map(table, items(thing.get("endpoints"))):
        lost = table(one.get("conditions")).get("ready") is False  # left out it means ready
        addresses = len(items(one.get("addresses")))
        for counts, key in ((nodes, "nodeName"), (zones, "zone")):
            counts.setdefault(text(one.get(key)) or "?", [0, 0])[lost] += addresses
    return {
        "service": text(table(table(thing.get("metadata")).get("labels")).get("kubernetes.io/service-name")),
        "family": text(thing.get("addressType")),
        "ready": sum(ready for ready, _ in nodes.values()),
        "not_ready": sum(lost for _, lost in nodes.values()),
        "by_node": dict(sorted(nodes.items())[:_LIST_MAX]),
        "by_zone": dict(sorted(zones.items())[:_LIST_MAX]),
    }


def _configmap(thing: Object) -> Summary:
    held = {key: table(thing.get(key)) for key in ("data", "binaryData")}
    return {"keys": _short(sorted(name for one in held.values() for name in one)), "digest": _digest(held)}


def _event(thing: Object) -> Summary:
    about = table(thing.get("involvedObject"))
    return {
        "type": text(thing.get("type")),
        "reason": text(thing.get("reason")),
        "about": f"{text(about.get('kind')).lower()}/{text(about.get('name'))}",
        "text": text(thing.get("message")),
        "count": count(thing.get("count"), 1),
    }


def _anything(thing: Object) -> Summary:
    """Of a kind that is not known here: what most have, and a digest of the rest."""
    spec, status = table(thing.get("spec")), table(thing.get("status"))
    counts = {key: status.get(f"{key}Replicas") for key in ("ready", "updated", "available")}
    own = {
        key: value for key, value in thing.items() if key not in ("metadata", "status", "spec", "kind", "apiVersion")
    }
    return {
        "desired": spec.get("replicas") if isinstance(spec.get("replicas"), int) else None,
        **{key: value for key, value in counts.items() if isinstance(value, int)},
        "phase": text(status.get("phase")),
        "conditions": dict(sorted(_conditions(status).items())[:_LIST_MAX]),
        "digest": _digest([spec, own]) if spec or own else None,
        **_generations(thing),
    }


_SUMMARIES: Mapping[str, Callable[[Object], Summary]] = {
    "deployment": _workload, "statefulset": _workload, "daemonset": _daemonset, "pod": _pod, "node": _node,
    "endpointslice": _slice, "configmap": _configmap, "event": _event,
}  # fmt: skip


def state(kind: str, now: Summary) -> str:
    """How it stands, in a word."""
    if now.get("leaving"):
        return "leaving"
    if kind in ("deployment", "statefulset", "daemonset") and not now["desired"]:
        return "empty"
    if kind == "pod" and now["phase"] in ("Succeeded", "Failed"):
        return "ended"
    well = _well(kind, now)
    return "there" if well is None else "ready" if well else "not_ready"


def _well(kind: str, now: Summary) -> bool | None:
    """Whether it is as it should be; None where that cannot be said of such a thing."""
    match kind:
        case "deployment" | "statefulset" | "daemonset":
            rolled = (now["observed"] or 0) >= (now["generation"] or 0)
            return bool(rolled and min(now["ready"], now["updated"]) >= now["desired"])
        case "pod" | "node":
            return now["ready"] is True
        case "endpointslice":
            return bool(now["ready"])
    conditions = now.get("conditions") or {}
    return conditions["Ready"] == "True" if "Ready" in conditions else None


# --- whose will changed it


def _will(meta: Object, spec: Object, now: Summary) -> Summary:
    labels = {str(key): text(value) for key, value in list(table(meta.get("labels")).items())[:_LABELS_MAX]}
    wished = {
        "generation": meta.get("generation"),
        "replicas": spec.get("replicas"),
        "images": now.get("images"),
        "paused": bool(spec.get("paused")),
        "unschedulable": bool(spec.get("unschedulable")),
        "taints": now.get("taints") or None,
        "digest": now.get("digest"),
        "revision": now.get("revision"),
    }
    return {**wished, **{f"label {key}": value for key, value in labels.items()}}


def wrote(was: Known | None, now: Known) -> tuple[Wrote | None, str, str] | None:
    """Who wrote, what sort of write it was and what it changed; None when nobody's will changed it.

    Who is None where several may have been it.
    """
    if was is None:
        return None if now.owned else (writer(now.writes, (), ()), "create", "")
    differ = [key for key in {**was.will, **now.will} if was.will.get(key) != now.will.get(key)]
    if not differ or (differ == ["generation"] and now.leaving and not was.leaving):
        return None
    shown = [key for key in differ if key not in ("generation", "digest", "revision")]
    who = writer(now.writes, was.writes, shown)
    verb = "scale" if shown == ["replicas"] else "apply" if who and who.operation == "Apply" else "update"
    said = ", ".join(f"{key} {_shown(was.will.get(key))}→{_shown(now.will.get(key))}" for key in shown)
    return who, verb, text(said or ("spec" if "generation" in differ else "data"))


# --- what may be missing, or wrong


def _generations(thing: Object) -> Summary:
    generation = table(thing.get("metadata")).get("generation")
    return {"generation": generation, "observed": table(thing.get("status")).get("observedGeneration")}


def _images(pod: Object) -> list[str]:
    containers = [table(one) for one in items(pod.get("containers"))]
    return _short([f"{one.get('name')}={one.get('image')}" for one in containers])


def _conditions(status: Object) -> dict[str, str]:
    return {str(one.get("type")): str(one.get("status")) for one in map(table, items(status.get("conditions")))}


def _ready(status: Object) -> Object:
    return next((table(one) for one in items(status.get("conditions")) if table(one).get("type") == "Ready"), {})


def _digest(held: object) -> str:
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:16]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _short(texts: Sequence[str]) -> list[str]:
    return [one[:TEXT_MAX] for one in texts[:_LIST_MAX]]
