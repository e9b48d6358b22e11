"""Runs in which people act as they really would: by the commands of responders, in a chat, on a status page.

What they do goes through the readers of the product, so that a SOP that fits these runs fits what is recorded.

    desk = Desk().fault(1).page(2)
    desk.does(3, "lin", "drills severity P1").writes(4, "wang", "/进展 暂无;下一步:查索引")
"""

import json
import shlex
from typing import Any, Self

from multidict import CIMultiDict

from checks.evidence import Trust
from checks.observers.chat import Chat
from checks.observers.chat import _Listening as Chatting
from checks.observers.status_page import StatusPage
from checks.observers.status_page import _Taking as Noticing
from checks.observers.webhook import Head
from drills import acts, cli
from drills.inbox import believed, settled
from drills.people import Who
from tests.checks.sop.story import Story

OBSERVERS = {"replica_checksum": "query", "lb_pool": "members", "served_data": "query", "replication": "replication",
             "data_check": "query"}  # fmt: skip
"""Those that the SOPs of the library name, and what each is."""


class Desk(Story):
    """A run, and those who are drilled."""

    def __init__(self) -> None:
        super().__init__()
        for name, kind in OBSERVERS.items():
            self.history.told(0.0, name, "observer.opened", kind=kind, what="a system")

    def does(self, minute: float, actor: str, line: str, *, exit_: int = 0, team: str = "") -> Self:
        """Somebody gives a command, as they would type it."""
        who = Who(actor, team)
        act = settled(typed(line, exit_=exit_), who, {}, ())
        return self._record(minute, actor, {"team": team, **act}, believed(who, act, "command line").trust)

    def writes(self, minute: float, actor: str, text: str, *, channel: str = "war-room", team: str = "") -> Self:
        """Somebody writes in a chat that posts to us."""
        told: list[dict[str, Any]] = []
        body = {"text": text, "actor": actor, "channel": channel, "id": f"m-{minute}-{actor}"}
        listening = Chatting(Chat(secret=""), lambda kind, /, **data: told.append({"kind": kind, **data}))
        listening.hear(Head(CIMultiDict(), CIMultiDict(), 0.0), json.dumps(body).encode())
        return self._webhook(minute, told, team=team)

    def notice(self, minute: float, text: str, *, target: str = "statuspage", status: str = "investigating") -> Self:
        """A notice to customers, as a status page tells of it."""
        told: list[dict[str, Any]] = []
        noticing = Noticing(
            StatusPage(token="", target=target), lambda kind, /, **data: told.append({"kind": kind, **data})
        )
        body = {"incident": {"id": f"i-{minute}", "status": status, "incident_updates": [{"body": text}]}}
        noticing.hear(Head(CIMultiDict(), CIMultiDict(), 0.0), json.dumps(body).encode())
        return self._webhook(minute, told)

    def sees(self, minute: float, observer: str, result: str, **about: str) -> Self:
        """An observer tells of a change."""
        return self.act(minute, "observe", probe=observer, result=result, **about)

    def outage(self, from_minute: float, to_minute: float, end_minute: float) -> Self:
        """A fault at this minute that hurts from then on, and a page a minute later."""
        return self.fault(from_minute).bad(from_minute, to_minute, end_minute).page(from_minute + 1)

    def _webhook(self, minute: float, told: list[dict[str, Any]], **more: str) -> Self:
        (one,) = told
        assert one.pop("kind") == "act.recorded"
        trust = Trust(one.pop("trust"))
        return self._record(minute, one.pop("actor"), {**one, **more}, trust)

    def _record(self, minute: float, actor: str, data: dict[str, Any], trust: Trust) -> Self:
        return self.act(minute, data.pop("act"), actor, trust=trust, **data)


def typed(line: str, *, exit_: int = 0) -> dict[str, Any]:
    """What a command of a responder takes down. Raises SystemExit for what is no such command."""
    name, *words = shlex.split(line)
    assert name == "drills", line
    words, after = cli._apart(words)
    given = cli._parser().parse_args(words)
    act: dict[str, Any] = acts.checked(given.word.act(given))
    if after:
        act |= {"cmd": shlex.join(after), "exit": exit_, "took_s": 0.5}
    return act
