"""One watch of a Kubernetes API: a list, then every change from there on, through whatever happens to the server.

A watch that breaks goes on from where it was, and nothing is missed; only when things happened is less well known then.
Where the server has forgotten what happened since (410) all is listed anew: what is otherwise now is told, with the bounds
of when that may have come, and what came and went meanwhile is not known. That too is told.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from checks.observer import Tell
from checks.observers.api_server import (
    FORBIDDEN,
    GONE,
    NOT_FOUND,
    THROTTLED,
    UNAUTHORIZED,
    WATCH_S,
    ApiServer,
    Deaf,
    Refused,
)
from checks.observers.bounds import bounded
from checks.observers.kubernetes_objects import Known, Resource, key_of, read, wrote
from checks.observers.kubernetes_writes import by_whom
from checks.observers.listening import Unheard
from checks.observers.loose_json import Object
from checks.stalls import HELD_UP_S_MAX

_PAGE = 250
"""Objects of one page of a list."""
_BATCH = 100
"""Objects that stand in one event of what there was."""
OBJECTS_MAX = 20_000
"""Objects that one watch may be of."""
_TOLD_MAX = 100_000
"""Changes that one watch tells of; then it falls silent, which is told."""
_QUIET_S = 0.5
"""Once a watch that was resumed is silent for so long, what it had kept for us has all come."""
_SHORT_S = 1.0
_PAUSE_S, _PAUSE_MAX_S = 0.1, 1.0
_WAITS = 5
"""How often a page is asked for of a server that is asked too much."""
_LISTS = 3
"""How often a list is begun again whose next page the server has forgotten."""
_BARE = "application/json;as=PartialObjectMetadata{what};g=meta.k8s.io;v=v1"

_WORDS: Mapping[int, str] = {
    UNAUTHORIZED: "it does not know who we are (401): the credentials are wrong, or over",
    FORBIDDEN: "it does not let us (403): the role needs list and watch on {resource} {inside}",
    NOT_FOUND: "it has no {resource} of version {version} (404)",
    GONE: "it has forgotten what changed since it was last heard (410)",
    THROTTLED: "it is asked too much (429), and wants us to wait {wait}",
}
"""What it means, by the status of an answer."""

_Key = tuple[str, str]


class TooMuch(Unheard):
    """More than may be told, or kept. To try again is no use."""


class Place(NamedTuple):
    """What one watch is of."""

    resource: Resource
    namespace: str
    """Empty stands for all, or for what is in none."""
    selector: str
    fields: str = ""

    @property
    def path(self) -> str:
        """Where the API has it."""
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{self.resource.path}{inside}/{self.resource.plural}"

    @property
    def params(self) -> dict[str, str]:
        """What narrows it."""
        both = {"labelSelector": self.selector, "fieldSelector": self.fields}
        return {key: value for key, value in both.items() if value}

    def accept(self, *, listed: bool) -> str:
        """How it is to be told: of a secret nothing but its metadata."""
        return _BARE.format(what="List" if listed else "") if self.resource.is_secret else "application/json"

    def __str__(self) -> str:
        return f"{self.resource.plural} in {self.namespace}" if self.namespace else self.resource.plural


class Ears:
    """Whether all watches of one observer can be heard. That one cannot is told once."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._deaf: set[Watch] = set()
        self._since_s = 0.0
        self._missed = False

    def lost(self, watch: "Watch", why: str, since_s: float, now_s: float) -> None:
        """This one cannot be heard, since then."""
        if not self._deaf:
            self._since_s, self._missed = since_s, False
            self._tell("observer.lost", why=why, lost_s=round(max(0.0, now_s - since_s), 3))
        self._since_s = min(self._since_s, since_s)
        self._deaf.add(watch)

    def back(self, watch: "Watch", now_s: float, *, missed: bool) -> None:
        """This one can be heard again."""
        if watch not in self._deaf:
            return
        self._deaf.remove(watch)
        self._missed |= missed
        if not self._deaf:
            self._tell("observer.back", lost_s=round(now_s - self._since_s, 3), caught_up=not self._missed)


class Watch:
    """Follows the objects of one kind in one place."""

    def __init__(
        self, server: ApiServer, place: Place, machinery: Iterable[str] = (), *, lasts_s: int = WATCH_S
    ) -> None:
        """After `lasts_s` the server ends the watch each time, which is a sign of life."""
        import asyncio

        self._server, self.place, self._machinery, self._lasts_s = server, place, frozenset(machinery), lasts_s
        self._clock = asyncio.get_running_loop().time
        self._known: dict[_Key, Known] = {}
        self._version = ""
        """Up to where it is known; empty when that is not known any more."""
        self._heard_s = self._clock()
        """Until when nothing can have been missed."""
        self._gap_s: float | None = None
        """Since when it may be late what is told now; None when it is told as it happens."""
        self._began_s: float | None = None
        """Since when it listens; None while it does not."""
        self._quiet: asyncio.TimerHandle | None = None
        self._told = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once it listens for the first time. An Unheard when it cannot."""

    @property
    def known(self) -> Mapping[_Key, Known]:
        """What there is, as far as it was told."""
        return self._known

    @property
    def age_s(self) -> float | None:
        """How old what is known may be; None while it cannot be heard, and until it has caught up."""
        if self._gap_s is not None or not self._version:
            return None
        return self._clock() - max(self._heard_s, self._began_s or 0.0)

    async def begin(self) -> None:
        """Learn what there is. Raises Unheard, with words for people."""
        try:
            self._known, self._version = await self._list()
        except Unheard as error:
            raise Unheard(self._words(error)) from None
        self._heard_s = self._clock()

    def tell_listed(self, tell: Tell) -> None:
        """Tell what there is, many in one event. What merely was said is not told again."""
        resource, namespace = self.place.resource, self.place.namespace or "*"
        shown = [] if resource.kind == "event" else list(self._known.items())
        for start in range(0, len(shown) or 1, _BATCH):
            objects = [
                {"object": name, "namespace": inside, "uid": known.uid, "state": known.state, "now": known.now}
                for (inside, name), known in shown[start : start + _BATCH]
            ]
            about = {"resource": resource.plural, "namespace": namespace, "n": len(self._known)}
            tell("kubernetes.listed", **about, objects=objects)

    async def follow(self, tell: Tell, ears: Ears) -> None:
        """Tell every change until cancelled. That it cannot be heard is told to `ears`."""
        import asyncio

        tries = 0
        try:
            while True:
                self._began_s = None
                try:
                    if not self._version:
                        await self._list_anew(tell, ears)
                    await self._stream(tell, ears)
                    tries = 0
                    await asyncio.sleep(0.0 if self._lasted() else _PAUSE_S)
                except TooMuch as error:
                    ears.lost(self, self._words(error), self._clock(), self._clock())
                    return
                except Unheard as error:
                    tries = 1 if self._lasted() else tries + 1
                    if self._fails(error, ears, tries):
                        return
                    await asyncio.sleep(_pause_s(error, tries))
        finally:
            self._be_quiet()

    def _lasted(self) -> bool:
        """Whether it was listening for a while, so that what ended it is news, and no more of the same trouble."""
        return self._began_s is not None and self._clock() - self._began_s > _SHORT_S

    def _fails(self, error: Unheard, ears: Ears, tries: int) -> bool:
        """Take down that it cannot be heard. True when that is so from the very beginning."""
        if not self.opened.done():
            self.opened.set_exception(Unheard(self._words(error)))
            return True
        self._be_quiet()
        self._gap_s = self._heard_s if self._gap_s is None else self._gap_s
        if isinstance(error, Refused) and error.status == GONE:
            self._version = ""
        if tries > 1 or isinstance(error, Refused | Deaf):  # a connection that is there again at once was no loss
            ears.lost(self, self._words(error), self._gap_s, self._clock())
        return False

    def _words(self, error: Unheard) -> str:
        """Why it cannot be heard, and what a role lacks."""
        if not isinstance(error, Refused) or error.status not in _WORDS:
            return f"{self.place}: {error}"
        inside = f"in namespace {self.place.namespace}" if self.place.namespace else "in the whole cluster"
        resource = self.place.resource
        words = _WORDS[error.status].format(resource=resource.named, inside=inside, wait=f"{error.retry_s:g} s",
                                            version=resource.version)  # fmt: skip
        return f"{self.place}: {words}"

    # --- listing

    async def _list(self) -> tuple[dict[_Key, Known], str]:
        """All there is, and up to where that is known. Raises Unheard."""
        for _ in range(_LISTS):
            try:
                return await self._pages()
            except Refused as error:
                if error.status != GONE:
                    raise
        raise Unheard("it forgets the next page of a list before it is asked for it")

    async def _pages(self) -> tuple[dict[_Key, Known], str]:
        import asyncio

        found: dict[_Key, Known] = {}
        params = {**self.place.params, "limit": str(_PAGE)}
        while True:
            body = await self._page(params)
            known, version, more = await asyncio.to_thread(_page, self.place.resource, body)
            found |= known
            if len(found) > OBJECTS_MAX:
                raise TooMuch(f"there are more than {OBJECTS_MAX:,}; name a namespace or a selector")
            if not more:
                return found, version
            params["continue"] = more

    async def _page(self, params: Mapping[str, str]) -> bytes:
        """One page, as soon as the server wants to give it. Raises Unheard."""
        import asyncio

        for left in reversed(range(_WAITS)):
            try:
                return await self._server.ask(self.place.path, params, self.place.accept(listed=True))
            except Refused as error:
                if error.status != THROTTLED or not left:
                    raise
                await asyncio.sleep(error.retry_s or 1.0)
        raise AssertionError("the last try either answers or raises")

    async def _list_anew(self, tell: Tell, ears: Ears) -> None:
        """Tell what is otherwise than it was last known to be."""
        found, version = await self._list()
        before, self._known, now_s = self._known, found, self._clock()
        within_s = now_s - (self._heard_s if self._gap_s is None else self._gap_s)
        self._version, self._heard_s, self._gap_s = version, now_s, None
        ears.back(self, now_s, missed=True)
        for key in sorted(before.keys() - found.keys()):
            self._tell(tell, key, before[key], None, within_s, relisted=True)
        for key, known in found.items():
            was = before.get(key)
            if was is not None and was.uid != known.uid:
                self._tell(tell, key, was, None, within_s, relisted=True)
                was = None
            self._tell(tell, key, was, known, within_s, relisted=True)

    # --- watching

    async def _stream(self, tell: Tell, ears: Ears) -> None:
        """Until the server ends the watch, as it does after a while. Raises Unheard."""
        params = {**self.place.params, "resourceVersion": self._version}
        accept = self.place.accept(listed=False)
        async with self._server.watch(self.place.path, params, accept, lasts_s=self._lasts_s) as lines:
            if not self.opened.done():
                self.opened.set_result(None)
            self._began_s = self._clock()
            self._wait_for_quiet(ears)
            try:
                async for line in lines:
                    self._take(line, tell, ears)
            except Deaf:
                raise  # nobody knows for how long there was nobody at the other end
            except Unheard:
                self._heard_s = self._clock()
                raise
        self._heard_s = self._clock()

    def _take(self, line: Mapping[str, Any], tell: Tell, ears: Ears) -> None:
        what, thing = line.get("type"), line["object"]
        if what == "ERROR":
            raise Refused(int(thing.get("code") or 0), str(thing.get("message") or ""))
        now_s = self._clock()
        ears.back(self, now_s, missed=False)
        self._heard_s = now_s
        self._version = _version(thing) or self._version
        if what == "BOOKMARK":
            self._gap_s = None
            return
        if self._gap_s is not None:
            self._wait_for_quiet(ears)
        key, now = _read(self.place.resource, thing)
        was = self._known.pop(key, None)
        if what != "DELETED":
            self._known[key] = now
            if len(self._known) > OBJECTS_MAX:
                raise TooMuch(f"there are more than {OBJECTS_MAX:,}")
        within_s = 0.0 if self._gap_s is None else now_s - self._gap_s
        known, is_now = (was or now, None) if what == "DELETED" else (was, now)
        self._tell(tell, key, known, is_now, within_s)

    def _wait_for_quiet(self, ears: Ears) -> None:
        """Once nothing came for a moment, all that was kept for us has come."""
        import asyncio

        self._be_quiet()
        until_s = self._clock() + _QUIET_S
        self._quiet = asyncio.get_running_loop().call_later(_QUIET_S, self._all_has_come, ears, until_s)

    def _all_has_come(self, ears: Ears, until_s: float) -> None:
        if self._clock() - until_s > HELD_UP_S_MAX:
            self._wait_for_quiet(ears)
            return
        self._gap_s = None
        ears.back(self, self._clock(), missed=False)

    def _be_quiet(self) -> None:
        if self._quiet:
            self._quiet.cancel()
            self._quiet = None

    # --- telling

    def _tell(self, tell: Tell, key: _Key, was: Known | None, now: Known | None, within_s: float, *,
              relisted: bool = False) -> None:  # fmt: skip
        """Tell of a change that is one: not of a heartbeat, and not of what others merely noted."""
        namespace, name = key
        write = wrote(was, now) if now else None
        if was and now and (was.now, was.state, was.leaving) == (now.now, now.state, now.leaving) and not write:
            return
        if now is None and self.place.resource.kind == "event":
            return  # it is forgotten after an hour, which is no news
        self._told += 1
        if self._told > _TOLD_MAX:
            raise TooMuch(f"more than {_TOLD_MAX:,} changes were told, and no more are")
        known = now or was
        assert known
        data: dict[str, Any] = {"object": name, "namespace": namespace, "uid": known.uid}
        data |= {"change": "gone" if now is None else "changed" if was else "born"}
        data |= {"state": now.state if now else "gone", "now": now.now if now else {}}
        if was:
            data |= {"was_state": was.state, "was": _other(was.now, now.now if now else {})}
        if write:
            who, verb, change = write
            by = by_whom(who, self._machinery)
            data["wrote"] = {**(who.told if who else {}), "by": by, "verb": verb, "change": change}
        if within_s:
            data["within_s"] = round(within_s, 3)
        if relisted:
            data["relisted"] = True
        tell("kubernetes.changed", **bounded(data))


def _page(resource: Resource, body: bytes) -> tuple[dict[_Key, Known], str, str]:
    """What a page of a list holds, up to where all of it is known, and what to ask for the next page with."""
    try:
        listed = json.loads(body)
        items, meta = listed.get("items") or [], listed["metadata"]
        version = str(meta["resourceVersion"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unheard("a list could not be understood") from None
    return dict(_read(resource, one) for one in items), version, str(meta.get("continue") or "")


def _version(thing: Object) -> str:
    meta = thing.get("metadata")
    return str(meta.get("resourceVersion") or "") if isinstance(meta, Mapping) else ""


def _read(resource: Resource, thing: Object) -> tuple[_Key, Known]:
    try:
        return key_of(resource, thing), read(resource, thing)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Unheard(f"an object could not be understood: {type(error).__name__}: {error}") from None


def _other(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What was otherwise."""
    return {key: value for key, value in was.items() if now.get(key) != value}


def _pause_s(error: Unheard, tries: int) -> float:
    """How long to wait before it is tried again: not at all the first time, and no shorter than the server asks for."""
    import random

    asked_s = error.retry_s if isinstance(error, Refused) else 0.0
    gone = isinstance(error, Refused) and error.status == GONE
    own_s = 0.0 if tries == 1 and (gone or not isinstance(error, Refused)) else min(_PAUSE_MAX_S, _PAUSE_S * 2**tries)
    return max(asked_s, own_s * random.uniform(0.7, 1.0))
