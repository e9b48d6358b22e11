"""Looks at who is in a pool, as a load balancer, a registry or anything else tells it in JSON over HTTP.

So that it can be said when something was brought into rotation, and taken out of it, whoever did it and however.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from checks.observer import Tell
from checks.observers.bounds import LIST_MAX
from checks.observers.listening import Line, Unheard, need_address, need_period, open_line, polling

_NAME_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Asks for a list again and again, and tells who came into it and who left it."""

    name: ClassVar[str] = "members"

    url: Annotated[str, "What answers with the list, as JSON: http://127.0.0.1:8404/pools"] = field(repr=False)
    path: Annotated[str, "Where the list stands in the answer: backends.orders; empty, the answer is the list"] = ""
    member: Annotated[str, "What a member is known by, where members are objects"] = "name"
    where: Annotated[Mapping[str, str], "What a member must have to count: {status: UP}"] = field(default_factory=dict)
    what: Annotated[str, "What a member is; told as `replica_added`, `replica_removed`"] = "member"
    headers: Annotated[tuple[str, ...], "Sent with each request, each as `Name: value`"] = field(default=(), repr=False)
    verify: Annotated[bool, "Whether the certificate of an https:// address must be valid"] = True
    every: Annotated[timedelta, "How often it is asked"] = timedelta(milliseconds=500)

    def __post_init__(self) -> None:
        need_address(self.url, self.headers)
        need_period(self.every)
        if not self.what.isidentifier() and "$" not in self.what:
            raise ValueError("what", f"`{self.what}` is no name", "use letters, digits and _, as replica")

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract; who is there is told before it is entered."""
        async with (
            open_line(self.url, self.headers, verify=self.verify) as line,
            polling(f"the list of {self.what}s at {line.place}", tell, _Looking(self, line).poll, self.every),
        ):
            yield


class _Looking:
    """Who was there last."""

    def __init__(self, settings: Members, line: Line) -> None:
        self._settings, self._line = settings, line
        self._there: set[str] | None = None

    async def poll(self, tell: Tell, thorough: bool) -> None:
        """See `listening.Poll`."""
        there = members((await self._line.ask("")).data, self._settings)
        what, known = self._settings.what, self._there
        if known is None:
            tell("observer.opened", what=f"list of {what}s at {self._line.place}")
            tell("act.recorded", act="observe", result=f"{what}s_there", members=sorted(there), before=True)
        for name in sorted(there - (there if known is None else known)):
            tell("act.recorded", act="observe", result=f"{what}_added", count=len(there), **{what: name})
        for name in sorted((known or set()) - there):
            tell("act.recorded", act="observe", result=f"{what}_removed", count=len(there), **{what: name})
        self._there = there


def members(data: Any, settings: Members) -> set[str]:
    """Who is in the list of an answer. Raises Unheard when there is no list where it should be."""
    for key in filter(None, settings.path.split(".")):
        if isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            data = data[int(key)]
        elif isinstance(data, Mapping) and key in data:
            data = data[key]
        else:
            raise Unheard(f"the answer has no `{settings.path}`")
    listed = data
    if isinstance(data, Mapping) and all(isinstance(one, Mapping) for one in data.values()):
        listed = [{settings.member: key, **one} for key, one in data.items()]
    if not isinstance(listed, list) or len(listed) > LIST_MAX:
        raise Unheard(f"`{settings.path or 'the answer'}` is no list of at most {LIST_MAX} {settings.what}s")
    return {name for one in listed if (name := _name(one, settings))}


def _name(one: Any, settings: Members) -> str:
    """What a member is called; empty for one that does not count."""
    said = one if isinstance(one, Mapping) else {settings.member: one}
    if any(str(said.get(key, "")) != value for key, value in settings.where.items()):
        return ""
    return str(said.get(settings.member, ""))[:_NAME_MAX].encode("utf-8", "replace").decode("utf-8")
