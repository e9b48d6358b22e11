"""What LitmusChaos knows of one of its engines: read, stopped and deleted, and how it stands in words.

A ChaosEngine is what is asked for; Litmus's operator starts a runner for it, the runner a job, and the job writes a ChaosResult.
Everything that comes of an engine bears its uid as the label `chaosUID`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from injectors.injector import InjectionFailed
from injectors.kubernetes_api import KINDS, NOT_FOUND, POD, Cluster, Kind, Object, Ref, Refused

_GROUP, _VERSION = "litmuschaos.io", "v1alpha1"
ENGINE = Kind("chaosengine", "chaosengines", _GROUP, version=_VERSION, proper="ChaosEngine")
EXPERIMENT = Kind("chaosexperiment", "chaosexperiments", _GROUP, version=_VERSION, proper="ChaosExperiment")
RESULT = Kind("chaosresult", "chaosresults", _GROUP, version=_VERSION, proper="ChaosResult")
ACCOUNT = Kind("serviceaccount", "serviceaccounts", proper="ServiceAccount")
JOB = Kind("job", "jobs", "batch")
EVENT = Kind("event", "events")
KINDS.update({one.name: one for one in (ENGINE, RESULT, JOB)})

FINALIZER = "chaosengine.litmuschaos.io/finalizer"
"""Litmus's operator holds an engine by it until all that came of the engine is deleted."""
_INJECTED = "ChaosInject"
"""The event by which an experiment of Litmus says that it begins to act."""
_WHY_MAX = 200

Standing = Literal["waits", "acts", "over", "failed", "gone"]


@dataclass(frozen=True, slots=True)
class Seen:
    """An engine and what came of it, at one moment. Pure."""

    engine: Object | None
    result: Object | None = None
    events: Sequence[Object] = ()
    pods: Sequence[Object] = ()

    @property
    def standing(self) -> Standing:
        """How far it is."""
        if self.engine is None:
            return "gone"
        if self.verdict == "Error" or self.phase == "Error" or self._skipped:
            return "failed"
        if self.phase.startswith("Completed") or self.phase == "Stopped" or self.status in ("completed", "stopped"):
            return "over"
        return "acts" if self.injected else "waits"

    @property
    def status(self) -> str:
        """The engine's own: `initialized`, `completed`, `stopped`; empty when nobody has looked at it."""
        return str(_at(self.engine, "status", "engineStatus") or "")

    @property
    def phase(self) -> str:
        """The result's: `Running`, `Completed`, `Completed_With_Probe_Failure`, `Stopped`, `Error`."""
        return str(_at(self.result, "status", "experimentStatus", "phase") or "")

    @property
    def verdict(self) -> str:
        """The result's: `Awaited`, `Pass`, `Fail`, `Stopped`, `Error`."""
        return str(_at(self.result, "status", "experimentStatus", "verdict") or "")

    @property
    def injected(self) -> bool:
        """Whether Litmus has said that it acts: by an event, or of a target in its result."""
        said = any(one.get("reason") == _INJECTED and one.get("type") != "Warning" for one in self.events)
        marks = (_at(self.result, "metadata", "annotations") or {}).values()
        return said or bool(self._targets) or "injected" in marks

    @property
    def _targets(self) -> list[Mapping[str, str]]:
        return list(_at(self.result, "status", "history", "targets") or ())

    @property
    def _skipped(self) -> str:
        """What the runner has said of an experiment that it did not run."""
        told = (_at(self.engine, "status", "experiments") or ())[:1]
        status = str(told[0].get("status") or "") if told else ""
        return status if status in ("Skipped", "ChaosExperiment Not Found") else ""

    @property
    def says(self) -> str:
        """What Litmus says of it, as a clause; of a verdict what it is worth."""
        if not self.phase:
            bare = "there is no result, as when the account may not do what the experiment needs"
            about = self._skipped or (f"the engine is {self.status}, and {bare}" if self.status else "")
            return ": ".join(one for one in (about, self._trouble) if one)
        words = [f"phase {self.phase}", f"verdict {self.verdict or 'none'}{self._worth}"]
        if error := _at(self.result, "status", "experimentStatus", "errorOutput"):
            words.append(f"{error.get('errorCode') or 'error'}: {_reason(error)}")
        words += [f"{one.get('kind')}/{one.get('name')} {one.get('chaosStatus')}" for one in self._targets[:3]]
        return ", ".join(words)

    @property
    def _worth(self) -> str:
        if self.verdict in ("", "Awaited"):
            return ""
        probes = _at(self.result, "status", "probeStatuses") or ()
        if not probes:
            return " (without probes, which proves nothing)" if self.verdict == "Pass" else ""
        share = _at(self.result, "status", "experimentStatus", "probeSuccessPercentage")
        failed = [str(one.get("name")) for one in probes if _at(one, "status", "verdict") == "Failed"]
        lacking = f"; failed: {', '.join(failed[:3])}" if failed else ""
        return f" ({share} % of its {len(probes)} probes passed{lacking})"

    @property
    def hindrance(self) -> str:
        """Why it does not act yet, as far as can be seen."""
        if not self.status:
            return "nobody works on the ChaosEngine; is Litmus's operator running, and does it watch this namespace?"
        if self._trouble:
            return f"the ChaosEngine is {self.status}: {self._trouble}"
        if not self.pods:
            return f"the ChaosEngine is {self.status}, and no runner has been started"
        return f"the ChaosEngine is {self.status}, and Litmus has not said yet that it acts"

    @property
    def _trouble(self) -> str:
        """What can be seen to have gone wrong, of pods and in events; empty when nothing."""
        for pod in self.pods:
            if why := _stuck(pod):
                return f"pod {pod['metadata']['name']}: {why}"
        warned = [str(one.get("message")) for one in self.events if one.get("type") == "Warning"]
        return f"Litmus warns: {warned[-1][:_WHY_MAX]}" if warned else ""


def _reason(error: Mapping[str, Any]) -> str:
    """Litmus gives it as text, or as JSON that holds the text."""
    import json
    from contextlib import suppress

    text = str(error.get("reason") or "?")
    with suppress(ValueError, TypeError, KeyError):
        text = str(json.loads(text)["reason"])
    return text[:_WHY_MAX]


def _stuck(pod: Object) -> str:
    """Why a pod of Litmus's does not run; empty when it does."""
    for one in _at(pod, "status", "containerStatuses") or ():
        waits = _at(one, "state", "waiting")
        if waits and waits.get("reason") not in ("ContainerCreating", "PodInitializing"):
            return f"{waits.get('reason')}: {str(waits.get('message') or '')[:_WHY_MAX]}".rstrip(": ")
        if (ended := _at(one, "state", "terminated")) and ended.get("exitCode"):
            return f"ended with status {ended['exitCode']}"
    return next((str(one.get("message"))[:_WHY_MAX] for one in _at(pod, "status", "conditions") or ()
                 if one.get("type") == "PodScheduled" and one.get("status") == "False"), "")  # fmt: skip


def _at(found: Any, *path: str) -> Any:
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


# --- asking and changing


async def see(cluster: Cluster, ref: Ref) -> Seen:
    """How the engine stands now. What is left of an earlier engine of the name is not taken for this one's."""
    engine = await cluster.get(ref.path)
    if engine is None:
        return Seen(None)
    uid = str(engine["metadata"]["uid"])
    result = await cluster.get(RESULT.path(ref.namespace, f"{ref.name}-{engine['spec']['experiments'][0]['name']}"))
    if result is not None and (result["metadata"].get("labels") or {}).get("chaosUID") != uid:
        result = None
    events = await cluster.list(EVENT.path(ref.namespace), fields=f"involvedObject.uid={uid}")
    return Seen(engine, result, events, await cluster.list(POD.path(ref.namespace), labels=f"chaosUID={uid}"))


async def need_litmus(cluster: Cluster, namespace: str, experiment: str, account: str) -> None:
    """Raise InjectionFailed for the first thing without which Litmus could not work there."""
    for kind in (ENGINE, RESULT, EXPERIMENT):
        try:
            await cluster.list(kind.path(namespace), meta=True)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            raise InjectionFailed(
                f"the cluster does not know {kind.plural}.{kind.group}: LitmusChaos is not installed"
            ) from None
    for kind, name, cure in ((EXPERIMENT, experiment, "install it there, from Litmus's hub"),
                             (ACCOUNT, account, "make it, with the role that the experiment's page lists")):  # fmt: skip
        if await cluster.get(kind.path(namespace, name)) is None:
            raise InjectionFailed(f"there is no {kind.proper} {name} in namespace {namespace}; {cure}")


async def stop(cluster: Cluster, ref: Ref) -> None:
    """Tell Litmus to end it."""
    await cluster.merge(ref.path, {"spec": {"engineState": "stop"}})


async def let_go(cluster: Cluster, engine: Object) -> None:
    """Take Litmus's finalizer away, once nothing is left of what it guards."""
    meta = engine["metadata"]
    others = [one for one in meta.get("finalizers") or () if one != FINALIZER]
    seen = {"resourceVersion": meta["resourceVersion"], "finalizers": others or None}
    await cluster.merge(Ref.of(ENGINE, engine).path, {"metadata": seen})


async def came_of(cluster: Cluster, namespace: str, uid: str, kinds: Sequence[Kind]) -> list[Ref]:
    """What is left of an engine, perhaps after the engine itself."""
    left: list[Ref] = []
    for kind in kinds if uid else ():
        try:
            left += [
                Ref.of(kind, one)
                for one in await cluster.list(kind.path(namespace), labels=f"chaosUID={uid}", meta=True)
            ]
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
    return left
