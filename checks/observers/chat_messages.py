"""What chat systems post, brought into one shape: a message, or the reason why it is none. Pure.

- Slack's Events API, `message`, `channel_created` and `member_joined_channel`, and its slash commands:
  <https://docs.slack.dev/reference/events/message>, <https://docs.slack.dev/interactivity/implementing-slash-commands>;
- Feishu and Lark, `im.message.receive_v1` of schema 2.0, not encrypted:
  <https://open.feishu.cn/document/server-docs/im-v1/message/events/receive>;
- DingTalk's robots that are told what is said to them:
  <https://open.dingtalk.com/document/isvapp/receive-message>;
- WeCom's robots, the JSON that is inside of what they send encrypted; so something that decrypts must stand before us:
  <https://developer.work.weixin.qq.com/document/path/101033>;
- a generic one, for anything else that can post JSON; only `text` is needed:

      {"id": "m-17", "channel": "war-room", "actor": "lin", "text": "/update c2 it is back", "at": "2026-03-01T10:00:00Z"}

  with `tag` and `change_id` where the sender knows them better than the text says.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs

System = Literal["generic", "slack", "feishu", "dingtalk", "wecom"]


class NotAMessage(ValueError):
    """The payload is none that we know; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that was said, or that happened in a chat."""

    act: str = "chat"
    id: str = ""
    """The same for the same message, however often it is sent; empty where the sender gives none."""
    channel: str = ""
    actor: str = ""
    text: str = ""
    tag: str = ""
    change_id: str = ""
    at_unix: float | None = None
    """When it was said, by the chat system's clock."""
    is_bot: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """The system asks whether we are here; it wants this back."""

    text: str


def read(system: System, body: bytes, payload: object) -> Message | Challenge | None:
    """What came, None for what is nobody's business here, as a reaction. Raises NotAMessage.

    `payload` is the parsed body; None where that is a form, as with Slack's slash commands.
    """
    if payload is None:
        return _slash(body)
    if not isinstance(payload, Mapping):
        raise NotAMessage("the payload is not an object")
    if "encrypt" in payload:
        raise NotAMessage("it is encrypted; turn encryption off where the webhook is set up, or decrypt it on its way")
    if payload.get("type") == "url_verification":
        return Challenge(_text(payload, "challenge"))
    return _READERS[system](payload)


def _slash(body: bytes) -> Message:
    """`/update …`, which Slack does not send as a message but as a form."""
    form = {key: values[0] for key, values in parse_qs(body.decode("utf-8", "replace")).items()}
    if not form.get("command", "").startswith("/"):
        raise NotAMessage("it is neither JSON nor a slash command")
    return Message(id=form.get("trigger_id", ""), channel=form.get("channel_name") or form.get("channel_id", ""),
                   actor=form.get("user_id", ""), text=f"{form['command']} {form.get('text', '')}".strip())  # fmt: skip


def _slack(said: Mapping[str, Any]) -> Message | None:
    if said.get("type") != "event_callback":
        raise NotAMessage("its `type` is neither event_callback nor url_verification")
    event = _part(said, "event")
    kind = event.get("type")
    if kind == "channel_created":
        channel = _part(event, "channel")
        return Message(act="chat.channel_created", id=_text(said, "event_id"), channel=_text(channel, "name"),
                       actor=_text(channel, "creator"), at_unix=_seconds(said.get("event_time")))  # fmt: skip
    if kind == "member_joined_channel":
        return Message(act="chat.joined", id=_text(said, "event_id"), channel=_text(event, "channel"),
                       actor=_text(event, "user"), at_unix=_seconds(said.get("event_time")))  # fmt: skip
    return _slack_message(event) if kind in ("message", "app_mention") else None


def _slack_message(event: Mapping[str, Any]) -> Message | None:
    subtype, channel = event.get("subtype"), _text(event, "channel")
    if subtype == "message_changed":
        new = _slack_message({**_part(event, "message"), "channel": channel, "type": "message", "subtype": None})
        return None if new is None else Message(act="chat.edited", id=f"{channel}:{_text(event, 'ts')}", channel=channel,
                                                actor=new.actor, text=new.text, at_unix=_seconds(event.get("ts")))  # fmt: skip
    if subtype not in (None, "bot_message", "file_share", "me_message", "thread_broadcast"):
        return None  # that somebody came, left, or changed the topic
    ts, user = _text(event, "ts"), _text(event, "user")
    text = re.sub(
        r"<(?:#\w+\|([^>]*)|@(\w+)(?:\|[^>]*)?|!(\w+)[^>]*|([^|>]+)(?:\|([^>]*))?)>", _slack_link, _text(event, "text")
    )
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return Message(id=f"{channel}:{ts}", channel=channel, actor=user or _text(event, "bot_id"), text=text,
                   at_unix=_seconds(ts), is_bot=not user or bool(event.get("bot_id")))  # fmt: skip


def _slack_link(match: re.Match[str]) -> str:
    """What Slack puts between angle brackets, as people see it."""
    channel, user, special, link, label = match.groups()
    if channel is not None:
        return f"#{channel}"
    return f"@{user or special}" if user or special else str(label or link)


def _feishu(said: Mapping[str, Any]) -> Message | None:
    header = _part(said, "header")
    if header.get("event_type") != "im.message.receive_v1":
        return None
    event = _part(said, "event")
    message, sender = _part(event, "message"), _part(event, "sender")
    who, is_bot = _part(sender, "sender_id"), sender.get("sender_type") not in (None, "user")
    return Message(id=_text(message, "message_id"), channel=_text(message, "chat_id"),
                   actor=_text(who, "user_id") or _text(who, "open_id"), text=_feishu_text(message),
                   at_unix=_milliseconds(message.get("create_time")), is_bot=is_bot)  # fmt: skip


def _feishu_text(message: Mapping[str, Any]) -> str:
    """The words: of a text, or of all paragraphs of a post; the names of those who are mentioned stand apart."""
    kind = _text(message, "message_type")
    try:
        content = json.loads(_text(message, "content") or "{}")
    except (ValueError, RecursionError):
        raise NotAMessage("its `content` is not JSON") from None
    if not isinstance(content, Mapping):
        raise NotAMessage("its `content` is not an object")
    if kind == "post":
        lines = content.get("content") if isinstance(content.get("content"), list) else []
        text = "\n".join([_text(content, "title"), *(_feishu_line(line) for line in lines or [])]).strip()
    else:
        text = _text(content, "text") if kind == "text" else f"[{kind}]"
    for one in message.get("mentions") or ():
        if isinstance(one, Mapping) and one.get("key"):
            text = text.replace(_text(one, "key"), f"@{_text(one, 'name')}")
    return text


def _feishu_line(line: object) -> str:
    parts = line if isinstance(line, list) else []
    return "".join(_text(one, "text") or _text(one, "user_name") for one in parts if isinstance(one, Mapping))


def _dingtalk(said: Mapping[str, Any]) -> Message:
    kind = _text(said, "msgtype")
    text = _text(_part(said, "text"), "content") if kind == "text" else f"[{kind}]"
    return Message(id=_text(said, "msgId"), channel=_text(said, "conversationTitle") or _text(said, "conversationId"),
                   actor=_text(said, "senderStaffId") or _text(said, "senderNick") or _text(said, "senderId"),
                   text=text.strip(), at_unix=_milliseconds(said.get("createAt")))  # fmt: skip


def _wecom(said: Mapping[str, Any]) -> Message | None:
    kind = _text(said, "msgtype")
    if kind == "event":
        return None
    text = _text(_part(said, "text"), "content") if kind == "text" else f"[{kind}]"
    return Message(id=_text(said, "msgid"), channel=_text(said, "chatid") or _text(said, "chattype"),
                   actor=_text(_part(said, "from"), "userid"), text=text)  # fmt: skip


def _generic(said: Mapping[str, Any]) -> Message:
    if not _text(said, "text"):
        raise NotAMessage("it has no `text`")
    return Message(id=_text(said, "id"), channel=_text(said, "channel"), actor=_text(said, "actor"),
                   text=_text(said, "text"), tag=_text(said, "tag"), change_id=_text(said, "change_id"),
                   at_unix=_moment(said.get("at")))  # fmt: skip


_READERS: Mapping[System, Callable[[Mapping[str, Any]], Message | None]] = {
    "generic": _generic, "slack": _slack, "feishu": _feishu, "dingtalk": _dingtalk, "wecom": _wecom,
}  # fmt: skip


def _part(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = said.get(key)
    if not isinstance(part, Mapping):
        raise NotAMessage(f"`{key}` is not an object")
    return part


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise NotAMessage(f"`{key}` is not a text")
    return value.encode("utf-8", "replace").decode("utf-8")


def _seconds(value: object) -> float | None:
    """An instant as a number, or as a text of one; None for what is none."""
    try:
        found = float(value) if isinstance(value, str | int | float) else -1.0
    except (ValueError, OverflowError):
        return None
    return round(found, 6) if 0 < found < 1e11 else None


def _milliseconds(value: object) -> float | None:
    found = _seconds(float(value) / 1000) if isinstance(value, int) else None
    return _seconds(int(value) / 1000) if isinstance(value, str) and value.isascii() and value.isdigit() else found


def _moment(value: object) -> float | None:
    """An instant in RFC 3339 with a zone, or in seconds since 1970."""
    if not isinstance(value, str):
        return _seconds(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise NotAMessage("`at` is not an instant, such as 2026-03-01T10:00:00Z") from None
    return _seconds(moment.timestamp()) if moment.tzinfo else None
