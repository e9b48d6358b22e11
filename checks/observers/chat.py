"""Listens to a chat: what people say there becomes acts of the run.

The chat system posts to a webhook of ours (`checks.observers.chat_messages` has the formats), and proves that it is it
as it does with anybody: Slack signs with its signing secret, DingTalk with the robot's secret, Feishu sends its
verification token along, and whatever else posts here gives a token. Who is behind an id is said under `people`, which
channel under `channels`.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from checks.observer import Tell
from checks.observers.chat_messages import Challenge, Message, NotAMessage, System, read
from checks.observers.pages import Recent
from checks.observers.sayings import read as read_saying
from checks.observers.webhook import (
    Answer,
    Head,
    Refused,
    check_token,
    is_here,
    is_same,
    json_of,
    listening,
    need_listening,
)

TEXT_MAX = 4_000
"""Characters of a message that are kept."""
_ID_MAX = 300
_KEPT = 100_000
"""Messages that are remembered, so that one that is sent again is not taken down twice."""
_SLACK_S = 300.0
"""How old a signature of Slack may be, and DingTalk's below: as their pages say."""
_DINGTALK_S = 3600.0
_NEVER: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Takes what a chat system, or anything that can post JSON, tells of what is said."""

    name: ClassVar[str] = "chat"
    is_told: ClassVar[bool] = True

    system: Annotated[System, "Who posts: generic, slack, feishu, dingtalk or wecom"] = "generic"
    listen: Annotated[str, "Where it is posted to, host:port; a port alone is one of this machine only"] = (
        "127.0.0.1:9098"
    )
    path: Annotated[str, "The path of the address that it is posted to"] = "/"
    secret: Annotated[
        str | None, "Slack's signing secret, DingTalk's app secret, Feishu's verification token, or a token: ${env.CHAT_SECRET}"
    ] = field(default=None, repr=False)  # fmt: skip
    channels: Annotated[Mapping[str, str], "What channels are called, by their ids: {C024BE91L: war-room}"] = field(
        default_factory=dict
    )
    people: Annotated[Mapping[str, str], "Who is behind an id: {U2147: lin}"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        host = need_listening(self.listen, self.path)
        if not host:
            return
        if self.secret is None:
            raise ValueError("secret", "anybody could say what was said", 'set it, as ${env.CHAT_SECRET}; `secret: ""` '
                             "lets anybody on this machine")  # fmt: skip
        if not self.secret and not is_here(host):
            raise ValueError("secret", f"without a secret it listens to this machine only, and not on `{host}`",
                             "set it, as ${env.CHAT_SECRET}, or listen on 127.0.0.1")  # fmt: skip

    @asynccontextmanager
    async def open(self, tell: Tell) -> AsyncIterator[None]:
        """See the contract."""
        async with listening(self.listen, self.path, _Listening(self, tell)) as address:
            tell("observer.opened", what=f"webhook of {self.system} chat at {address}")
            yield


class _Listening:
    """See `webhook.Hears`."""

    whose, what = "chat", "message"

    def __init__(self, settings: Chat, tell: Tell) -> None:
        self._settings, self._tell = settings, tell
        self._seen = Recent[int](_KEPT)

    def admit(self, head: Head) -> None:
        if self._settings.system in ("generic", "wecom"):
            check_token(head, self._settings.secret)

    def hear(self, head: Head, body: bytes) -> Answer:
        system = self._settings.system
        if self._settings.secret and system in _SIGNED:
            _SIGNED[system](self._settings.secret, head, body)
        is_form = head.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        payload = None if is_form and system == "slack" else json_of(body)
        if self._settings.secret and system == "feishu":
            _check_feishu(self._settings.secret, payload)
        try:
            message = read(system, body, payload)
        except NotAMessage as error:
            raise Refused(400, f"not a message of {system}: {error}") from None
        if isinstance(message, Challenge):
            return _json({"challenge": message.text})
        if message is not None:
            self._take(message)
        return _json({})

    def _take(self, message: Message) -> None:
        key = f"{message.act} {message.id}".encode()
        attempt = (self._seen.get(key) or 0) + 1 if message.id else 1
        if message.id:
            self._seen.put(key, attempt)
        if attempt > 1:
            self._tell("act.repeated", id=message.id[:_ID_MAX], attempt=attempt)
        else:
            self._tell("act.recorded", trust="attributed", **self._act(message))

    def _act(self, message: Message) -> dict[str, Any]:
        text = _named(message.text, self._settings.people)
        said = read_saying(text)
        more: dict[str, Any] = {
            "tag": message.tag or (said.tag if message.act == "chat" else ""),
            "change_id": message.change_id or (said.change_id if message.act == "chat" else ""),
            "at_unix": message.at_unix, "bot": message.is_bot, "cut": len(text) > TEXT_MAX,
        }  # fmt: skip
        return {
            "act": message.act, "id": message.id[:_ID_MAX], "via": "webhook", "system": self._settings.system,
            "channel": self._settings.channels.get(message.channel, message.channel)[:_ID_MAX],
            "actor": self._settings.people.get(message.actor, message.actor)[:_ID_MAX], "text": text[:TEXT_MAX],
            **{key: value for key, value in more.items() if value},
        }  # fmt: skip

    def rejected(self, why: str, from_: str, status: int | None) -> None:
        self._tell("act.refused", **{"act": "chat", "via": "webhook", "why": why, "from": from_, "answered": status})


def _named(text: str, people: Mapping[str, str]) -> str:
    """The text with names in the place of the ids of those who are mentioned."""
    return re.sub(r"@(\w+)", lambda match: f"@{people.get(match[1], match[1])}", text) if people else text


def _json(data: Mapping[str, str]) -> Answer:
    import json

    return Answer(json.dumps(data), type="application/json")


def _check_slack(secret: str, head: Head, body: bytes) -> None:
    """<https://docs.slack.dev/authentication/verifying-requests-from-slack>."""
    import hmac

    stamp = head.headers.get("X-Slack-Request-Timestamp", "")
    _check_age(stamp, 1, _SLACK_S)
    signed = hmac.new(_bytes(secret), f"v0:{stamp}:".encode() + body, "sha256").hexdigest()
    _check_same(head.headers.get("X-Slack-Signature", ""), f"v0={signed}")


def _check_dingtalk(secret: str, head: Head, _: bytes) -> None:
    """<https://open.dingtalk.com/document/isvapp/receive-message>: time and secret are signed, the body is not."""
    import base64
    import hmac

    stamp = head.headers.get("timestamp", "")
    _check_age(stamp, 1000, _DINGTALK_S)
    signed = hmac.new(_bytes(secret), f"{stamp}\n{secret}".encode("utf-8", "surrogateescape"), "sha256").digest()
    _check_same(head.headers.get("sign", ""), base64.b64encode(signed).decode())


_SIGNED = {"slack": _check_slack, "dingtalk": _check_dingtalk}


def _check_feishu(secret: str, payload: object) -> None:
    """<https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case>."""
    said = payload if isinstance(payload, Mapping) else _NEVER
    header = said.get("header")
    token = header.get("token") if isinstance(header, Mapping) else said.get("token")
    if "encrypt" not in said:  # which is refused for a reason of its own
        _check_same(token if isinstance(token, str) else "", secret)


def _check_age(stamp: str, per_second: int, most_s: float) -> None:
    import time

    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 20):
        raise Refused(401, "sent without a signature")
    if abs(time.time() - int(stamp) / per_second) > most_s:
        raise Refused(401, f"sent with a signature that is not of the last {most_s / 60:g} minutes, by our clock")


def _check_same(given: str, right: str) -> None:
    if not is_same(given, right):
        raise Refused(401, "sent with a wrong signature or token" if given else "sent without a signature or token")


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogateescape")
