"""Listens where notices to customers go: a status page, a push service, or whatever else calls a webhook for each.

A notice is any JSON object. Its words are looked for under the names that such systems use, also in what hangs below
`incident`, `page`, `notice`, `data` or `event`; Atlassian's Statuspage has them in `incident.incident_updates`:
<https://support.atlassian.com/statuspage/docs/enable-webhook-notifications/>.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from checks.observer import Tell
from checks.observers.pages import Recent
from checks.observers.webhook import Answer, Head, Refused, check_token, is_here, json_of, listening, need_listening

TEXT_MAX = 4_000
_ID_MAX = 300
_KEPT = 10_000
_BELOW = ("incident", "page", "notice", "data", "event", "incident_updates")
_WORDS = ("text", "body", "message", "content", "description", "title", "name", "summary")
_STATES = ("status", "state", "impact", "severity")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPage:
    """Takes every notice that is posted to it."""

    name: ClassVar[str] = "status_page"
    is_told: ClassVar[bool] = True

    listen: Annotated[str, "Where notices are posted to, host:port; a port alone is one of this machine only"] = (
        "127.0.0.1:9097"
    )
    token: Annotated[
        str | None, "What a sender must know, as ${env.NOTICE_TOKEN}; empty where only this machine can send and all may"
    ] = field(default=None, repr=False)  # fmt: skip
    path: Annotated[str, "The path of the address that notices are posted to"] = "/"
    target: Annotated[str, "What the channel is called in a SOP"] = "statuspage"

    def __post_init__(self) -> None:
        host = need_listening(self.listen, self.path)
        if not host:
            return
        if self.token is None:
            raise ValueError("token", "anybody could say that customers were told",
                             'set it, as ${env.NOTICE_TOKEN}; `token: ""` lets anybody on this machine')  # fmt: skip
        if not self.token and not is_here(host):
            raise ValueError("token", f"without a token it listens to this machine only, and not on `{host}`",
                             "set it, as ${env.NOTICE_TOKEN}, or listen on 127.0.0.1")  # fmt: skip

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract."""
        async with listening(self.listen, self.path, _Taking(self, tell)) as address:
            tell("observer.opened", what=f"webhook of {self.target} at {address}")
            yield


class _Taking:
    """See `webhook.Hears`."""

    whose, what = "status page", "notice"

    def __init__(self, settings: StatusPage, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._seen = Recent[int](_KEPT)

    def admit(self, head: Head) -> None:
        check_token(head, self._settings.token)

    def hear(self, head: Head, body: bytes) -> Answer:
        from hashlib import blake2b

        notice = json_of(body)
        if not isinstance(notice, Mapping):
            raise Refused(400, "not a notice: the payload is not an object")
        key = blake2b(body, digest_size=16).digest()
        attempt = (self._seen.get(key) or 0) + 1
        self._seen.put(key, attempt)
        id_ = (_first(notice, ("id",)) or key.hex())[:_ID_MAX]
        if attempt > 1:
            self._tell("act.repeated", id=id_, attempt=attempt)
        else:
            self._tell("act.recorded", trust="attributed", id=id_, **self._act(notice))
        return Answer("Taken down.")

    def _act(self, notice: Mapping[str, Any]) -> dict[str, Any]:
        words = "\n".join(dict.fromkeys(word for word in _found(notice, _WORDS) if word))
        actor = _first(notice, ("actor", "author", "user"))
        more = {"status": _first(notice, _STATES)[:_ID_MAX], "cut": len(words) > TEXT_MAX}
        return {"act": "webhook", "via": "webhook", "target": self._settings.target, "actor": actor[:_ID_MAX],
                "text": words[:TEXT_MAX], **{key: value for key, value in more.items() if value}}  # fmt: skip

    def rejected(self, why: str, from_: str, status: int | None) -> None:
        self._tell("act.refused", **{"act": "webhook", "via": "webhook", "why": why, "from": from_, "answered": status})


def _first(notice: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next(_found(notice, names), "")


def _found(notice: object, names: tuple[str, ...], depth: int = 3) -> Iterator[str]:
    """The texts under these names, and of what hangs below. Of a list of updates the first, which is the newest."""
    if isinstance(notice, list):
        notice = notice[0] if notice else None
    if not isinstance(notice, Mapping) or depth < 0:
        return
    for name in names:
        value = notice.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value).encode("utf-8", "replace").decode("utf-8")
    for name in _BELOW:
        yield from _found(notice.get(name), names, depth - 1)
