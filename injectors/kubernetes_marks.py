"""Whose doing it is: every object that we change says so itself, with what it was, so that anybody can put it back.

The annotation `chaos-drills/held` is written in the same request as the change, and taken away in the same request that
puts the old value back. A value that somebody else has changed since is left alone. What we make bears the label
`chaos-drills/injection`. So everything of ours is found from any machine, without any memory.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from injectors.injector import InjectionFailed
from injectors.kubernetes import KubernetesAddress
from injectors.kubernetes_api import (
    CONFLICT,
    KINDS,
    NAMESPACE,
    NOT_FOUND,
    REPLICASET,
    Cluster,
    Kind,
    Object,
    Ref,
    Refused,
)
from injectors.kubernetes_paths import operations, value_at

HELD, INJECTION, EXEMPT = "chaos-drills/held", "chaos-drills/injection", "chaos-drills/exempt"
PROTECTED = ("kube-system", "kube-public", "kube-node-lease", "chaos-mesh")
"""Namespaces of which nothing is ever touched."""
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
LEASE_S = 300.0
"""So long after its last renewal a mark is past its time, and whoever finds it may heal."""
_MARK = "/metadata/annotations/chaos-drills~1held"
_TRIES = 20
"""For a change that others' changes of the same object keep overtaking."""
_LABEL_MAX = 63


class Owner(NamedTuple):
    """Who holds what is held."""

    injection: str
    by: str
    """The injector's name, by which whoever finds it knows how to heal."""


class Change(NamedTuple):
    """One value of an object, before and with the fault. None stands for not being there."""

    at: str
    """A JSON pointer; an item of a list is named by what it has: `/spec/taints/key=lost,effect=NoExecute`."""
    was: Any
    set: Any


@dataclass(frozen=True, slots=True)
class Held:
    """One object that is to be changed, was made by us (and has no changes), or is only marked."""

    ref: Ref
    changes: tuple[Change, ...] = ()
    made: bool = False

    def to_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"ref": list(self.ref), "changes": [list(one) for one in self.changes], "made": self.made}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Held":
        """From what `to_data` gave."""
        return cls(Ref(*data["ref"]), tuple(Change(*one) for one in data["changes"]), data["made"])


class Mark(NamedTuple):
    """What the annotation of a held object says."""

    injection: str
    by: str
    until: str
    """UTC; later than that nobody is renewing it."""
    kind: str
    """Of the object that was marked: controllers copy annotations to what they make."""
    was: Mapping[str, Any]
    set: Mapping[str, Any]
    made: bool = False

    @classmethod
    def on(cls, found: Object) -> "Mark | None":
        """Of this object; None when there is none, or none that anybody could read."""
        import json

        text = (found["metadata"].get("annotations") or {}).get(HELD)
        if text is None:
            return None
        try:
            said = json.loads(text)
            return cls(*(said.get(key, empty) for key, empty in zip(cls._fields, _EMPTY, strict=True)))
        except (ValueError, AttributeError):
            return cls(*_EMPTY)

    @property
    def is_over(self) -> bool:
        """Whether its time is past, or cannot be read."""
        from datetime import UTC, datetime

        try:
            return datetime.now(UTC) > datetime.fromisoformat(self.until)
        except (ValueError, TypeError):
            return True

    @property
    def text(self) -> str:
        """As it is written."""
        import json

        return json.dumps(self._asdict(), separators=(",", ":"))

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was changed, and from what."""
        return tuple(Change(at, self.was.get(at), value) for at, value in self.set.items())


_EMPTY: tuple[Any, ...] = ("", "", "", "", {}, {}, False)


def until(lease_s: float) -> str:
    """So long from now, as a mark says it."""
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) + timedelta(seconds=lease_s)).isoformat(timespec="seconds")


def label_for(injection: str) -> str:
    """An injection's id as the value of a label, which may be shorter than the id."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", injection)[:_LABEL_MAX].strip("_.-") or "drill"


# --- what may be touched at all


async def exempt_namespaces(cluster: Cluster, address: KubernetesAddress) -> set[str]:
    """Those of which nothing may be touched, by their name or by their own label or annotation."""
    spaces = await cluster.list(NAMESPACE.path(), meta=True)
    exempt = {str(one["metadata"]["name"]) for one in spaces if is_exempt(one)}
    return exempt | {*PROTECTED, *address.protected}


def is_exempt(found: Object) -> bool:
    """Whether an object says of itself that no drill may touch it, whatever value it gives that."""
    meta = found["metadata"]
    return EXEMPT in (meta.get("labels") or {}) or EXEMPT in (meta.get("annotations") or {})


def refuse(kind: Kind, objects: Iterable[Object], exempt: Iterable[str] = ()) -> None:
    """Raise InjectionFailed for the first of these that is protected, exempt, or held by an injection already."""
    spaces = set(exempt)
    for one in objects:
        ref = Ref.of(kind, one)
        if ref.namespace in spaces:
            raise InjectionFailed(f"{ref} is in a protected namespace, of which nothing is ever touched")
        if is_exempt(one):
            raise InjectionFailed(f"{ref} is exempt from drills, as its `{EXEMPT}` says")
        if any(role in (one["metadata"].get("labels") or {}) for role in CONTROL_PLANE):
            raise InjectionFailed(f"{ref} runs the control plane, which is never a target")
        if mark := Mark.on(one):
            raise InjectionFailed(_held_by(ref, mark))


def _held_by(ref: Ref, mark: Mark) -> str:
    return f"{ref} is held by injection {mark.injection or 'of an unreadable mark'} already (until {mark.until or '?'})"


# --- holding, renewing, releasing


async def change(cluster: Cluster, ref: Ref, decide: Callable[[Object], Sequence[tuple[str, Any]]],
                 seen: Object | None = None) -> Object | None:  # fmt: skip
    """Change an object as `decide` says of what it is: pointers and new values, None to take one away.

    Only what was seen is changed, `seen` being what it was a moment ago: when somebody was quicker, it is looked at again.
    None when the object is gone, or another one bears its name. What `decide` raises is passed on.
    """
    for attempt in range(_TRIES):
        found = seen if seen and not attempt else await cluster.get(ref.path)
        if found is None or (ref.uid and found["metadata"]["uid"] != ref.uid):
            return None
        wanted = decide(found)
        if not wanted:
            return found
        seen = {"op": "test", "path": "/metadata/resourceVersion", "value": found["metadata"]["resourceVersion"]}
        try:
            return await cluster.patch(ref.path, [seen, *operations(found, wanted)])
        except Refused as error:
            if not error.overtaken or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def hold(cluster: Cluster, held: Held, owner: Owner, seen: Object | None = None) -> None:
    """Mark an object and make its changes, in one request. Nothing when that is done already.

    Raises InjectionFailed when it is gone, is another's, or is no longer what it was.
    """

    def decide(found: Object) -> Sequence[tuple[str, Any]]:
        mark = Mark.on(found)
        if mark and (mark.injection, mark.by) == owner:
            return ()
        if mark:
            raise InjectionFailed(_held_by(held.ref, mark))
        for at, was, _ in held.changes:
            if value_at(found, at) != was:
                raise InjectionFailed(f"{at} of {held.ref} was changed by somebody just now")
        new = Mark(owner.injection, owner.by, until(LEASE_S), held.ref.kind, {one.at: one.was for one in held.changes},
                   {one.at: one.set for one in held.changes})  # fmt: skip
        return [(_MARK, new.text), *((one.at, one.set) for one in held.changes)]

    if await change(cluster, held.ref, decide, seen) is None:
        raise InjectionFailed(f"{held.ref} is gone")


async def make(cluster: Cluster, kind: Kind, body: Mapping[str, Any], owner: Owner) -> Ref:
    """Make an object of ours: `body` needs `metadata` with a name (and a namespace), `spec` and the like.

    Nothing when it is there already and ours. Raises InjectionFailed when somebody else's has its name.
    """
    meta = dict(body["metadata"])
    mark = Mark(owner.injection, owner.by, until(LEASE_S), kind.name, {}, {}, made=True)
    meta["labels"] = {**(meta.get("labels") or {}), INJECTION: label_for(owner.injection)}
    meta["annotations"] = {**(meta.get("annotations") or {}), HELD: mark.text}
    whole = {"apiVersion": kind.api, "kind": kind.proper or kind.name.capitalize(), **body, "metadata": meta}
    try:
        return Ref.of(kind, await cluster.create(kind.path(meta.get("namespace", "")), whole))
    except Refused as error:
        if error.status != CONFLICT:
            raise
    there = await cluster.get(kind.path(meta.get("namespace", ""), meta["name"]))
    if there and (theirs := Mark.on(there)) and (theirs.injection, theirs.by) == owner:
        return Ref.of(kind, there)
    raise InjectionFailed(f"there is a {kind.name} {meta['name']} already, and it is not ours")


async def renew(cluster: Cluster, held: Held, owner: Owner, seen: Object | None = None) -> bool:
    """See that it is still held and as we set it, and give its mark more time when half of it is over.

    Raises InjectionFailed when it is not; False when it is gone, and there is nothing to be renewed.
    """
    half = until(LEASE_S / 2)

    def decide(found: Object) -> Sequence[tuple[str, Any]]:
        mark = Mark.on(found)
        if mark is None or (mark.injection, mark.by) != owner:
            raise InjectionFailed(f"{held.ref} bears our mark no longer")
        for at, _, value in held.changes:
            if value_at(found, at) != value:
                raise InjectionFailed(f"{at} of {held.ref} was changed by somebody else")
        return [(_MARK, mark._replace(until=until(LEASE_S)).text)] if mark.until < half else ()

    return await change(cluster, held.ref, decide, seen) is not None


async def release(cluster: Cluster, held: Held, owner: Owner, seen: Object | None = None) -> str:
    """Put back what it was and take our mark away, in one request; delete what we made.

    Pass what was left alone since somebody else has changed it, as a sentence; empty when all was put back, there was
    nothing to put back, or the object is gone.
    """
    if held.made:
        return await _unmake(cluster, held.ref, owner)
    theirs: list[str] = []

    def decide(found: Object) -> Sequence[tuple[str, Any]]:
        theirs.clear()
        mark = Mark.on(found)
        if mark and mark.injection and (mark.injection, mark.by) != owner:
            theirs.append(f"{held.ref} is held by injection {mark.injection} now")
            return ()
        back: list[tuple[str, Any]] = []
        for at, was, value in held.changes:
            now = value_at(found, at)
            if now == value:
                back.append((at, was))
            elif now != was:
                theirs.append(
                    f"{at} of {held.ref} is {_shown(now)} now: somebody else has changed it, and it is left so"
                )
        return [*back, *([(_MARK, None)] if mark else [])]

    await change(cluster, held.ref, decide, seen)
    await strip_copies(cluster, held.ref, owner)
    return "; ".join(theirs)


def _shown(value: Any) -> str:
    import json

    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


async def _unmake(cluster: Cluster, ref: Ref, owner: Owner) -> str:
    there = await cluster.get(ref.path)
    if there is None or (ref.uid and there["metadata"]["uid"] != ref.uid):
        return ""
    mark = Mark.on(there)
    labels = there["metadata"].get("labels") or {}
    known = mark and mark.injection  # a label may have been shortened, so it counts only where nothing else is said
    ours = mark and (mark.injection, mark.by) == owner if known else labels.get(INJECTION) == label_for(owner.injection)
    if ours:
        await cluster.delete(Ref.of(KINDS[ref.kind], there))
        return ""
    return f"{ref} bears our mark no longer, and is left"


async def copies(cluster: Cluster, ref: Ref, owner: Owner) -> list[Ref]:
    """Replica sets that bear a copy of a deployment's mark: its controller gives them all of its annotations."""
    if ref.kind != "deployment":
        return []
    sets = await cluster.list(REPLICASET.path(ref.namespace), meta=True)
    own = [one for one in sets if any(by.get("uid") == ref.uid for by in one["metadata"].get("ownerReferences") or ())]
    return [Ref.of(REPLICASET, one) for one in own if (mark := Mark.on(one)) and mark[:2] == owner]


async def strip_copies(cluster: Cluster, ref: Ref, owner: Owner) -> None:
    """Take the mark from them."""
    for one in await copies(cluster, ref, owner):
        await change(cluster, one, lambda found: [(_MARK, None)] if Mark.on(found) else ())


# --- finding


class Found(NamedTuple):
    """An object of ours, or one that bears a copy of a mark."""

    held: Held
    owner: Owner
    is_over: bool
    """Whether nobody renews it any more."""
    until: str = ""
    """UTC, as its mark says it."""

    def __str__(self) -> str:
        doing = "was made by" if self.held.made else "is held by"
        return f"{self.held.ref} {doing} injection {self.owner.injection or '?'} ({self.owner.by or '?'})"


async def find(cluster: Cluster, kinds: Iterable[Kind], namespace: str = "") -> list[Found]:
    """All of these kinds that bear a mark or label of ours, in one namespace or in the whole cluster."""
    found: list[Found] = []
    for kind in dict.fromkeys(kinds):
        for one in await _listed(cluster, kind, namespace):
            mark, labels = Mark.on(one), one["metadata"].get("labels") or {}
            if mark is None and INJECTION not in labels:
                continue
            mark = mark or Mark(labels[INJECTION], "", "", kind.name, {}, {}, made=True)
            changes = mark.changes if mark.kind == kind.name else ()  # a copy has nothing to be put back
            held = Held(Ref.of(kind, one), changes, mark.made)
            found.append(Found(held, Owner(mark.injection, mark.by), mark.is_over, mark.until))
    return found


async def _listed(cluster: Cluster, kind: Kind, namespace: str) -> list[Object]:
    """Of a kind that the cluster has no definition of, there is nothing."""
    try:
        return await cluster.list(kind.path(namespace), meta=True)
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return []
