"""Chat systems' webhooks, with real requests that are signed as those systems sign them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from checks.observers.chat import Chat
from checks.observers.chat_messages import Challenge, Message, NotAMessage, System, read
from tests.checks.observers.posting import Post, posted

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"

SLACK = {
    "token": "deprecated", "team_id": "T1", "api_app_id": "A1", "type": "event_callback", "event_id": "Ev1",
    "event_time": 1355517523,
    "event": {"type": "message", "channel": "C1", "user": "U1", "text": "/update &lt;b&gt; for <@U2> in <#C2|orders>",
              "ts": "1355517523.000005", "channel_type": "channel"},
}  # fmt: skip
FEISHU = {
    "schema": "2.0",
    "header": {"event_id": "e1", "event_type": "im.message.receive_v1", "create_time": "1608725989000", "token": SECRET,
               "app_id": "cli_1", "tenant_key": "t1"},
    "event": {
        "sender": {"sender_id": {"open_id": "ou_1", "user_id": "", "union_id": "on_1"}, "sender_type": "user"},
        "message": {"message_id": "om_1", "create_time": "1609073151345", "chat_id": "oc_1", "chat_type": "group",
                    "message_type": "text", "content": json.dumps({"text": "@_user_1 【进展】仍在排查"}),
                    "mentions": [{"key": "@_user_1", "id": {"open_id": "ou_9"}, "name": "drills"}]},
    },
}  # fmt: skip
DINGTALK = {
    "conversationId": "cid1", "conversationType": "2", "conversationTitle": "作战室", "msgId": "msg1", "senderNick": "林",
    "senderStaffId": "user123", "senderId": "$:LWCP_v1:$x", "createAt": 1613630252678, "msgtype": "text",
    "text": {"content": " 变更：c2 重启缓存"},
}  # fmt: skip
WECOM = {"msgid": "CAIQ1", "aibotid": "B1", "chatid": "war-room", "chattype": "group", "from": {"userid": "lin"},
         "msgtype": "text", "text": {"content": "@drills /approve c2"}}  # fmt: skip
GENERIC = {
    "id": "m-17",
    "channel": "war-room",
    "actor": "lin",
    "text": "/update c2 it is back",
    "at": "2026-03-01T10:00:00Z",
}


def chat(listen: str, **settings: Any) -> Chat:
    return Chat(listen=listen, **{"secret": SECRET, **settings})


def slack_signed(body: bytes, *, secret: str = SECRET, ago_s: float = 0.0) -> dict[str, str]:
    stamp = str(int(time.time() - ago_s))
    signed = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}


def dingtalk_signed(*, secret: str = SECRET, ago_s: float = 0.0) -> dict[str, str]:
    stamp = str(int((time.time() - ago_s) * 1000))
    signed = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    return {"timestamp": stamp, "sign": base64.b64encode(signed).decode()}


def body_of(payload: Any) -> bytes:
    return json.dumps(payload).encode()


# --- each system


def test_what_is_said_in_slack_is_told() -> None:
    body = body_of(SLACK)

    async def do(post: Post) -> None:
        assert await post.post(body, slack_signed(body)) == (200, "{}\n")

    post = posted(
        lambda at: chat(at, system="slack", channels={"C1": "war-room"}, people={"U1": "lin", "U2": "mei"}), do
    )
    assert post.told[0][1]["what"].startswith("webhook of slack chat at http://127.0.0.1:")
    assert post.acts == [{
        "trust": "attributed", "act": "chat", "id": "C1:1355517523.000005", "via": "webhook", "system": "slack",
        "channel": "war-room", "actor": "lin", "text": "/update <b> for @mei in #orders", "tag": "update",
        "at_unix": 1355517523.000005,
    }]  # fmt: skip


def test_slack_is_answered_when_it_asks_whether_we_are_here() -> None:
    body = body_of({"type": "url_verification", "challenge": "3eZbrw1a", "token": "deprecated"})

    async def do(post: Post) -> None:
        status, text = await post.post(body, slack_signed(body))
        assert (status, json.loads(text)) == (200, {"challenge": "3eZbrw1a"})
        assert (await post.post(body))[0] == 401, "but not whoever asks"

    assert posted(lambda at: chat(at, system="slack"), do).acts == []


def test_a_slash_command_of_slack_is_a_message() -> None:
    body = urlencode({"command": "/announce", "text": "c2 we restart", "user_id": "U1", "channel_name": "war-room",
                      "channel_id": "C1", "trigger_id": "13345224609.8534564800"}).encode()  # fmt: skip

    async def do(post: Post) -> None:
        headers = {**slack_signed(body), "Content-Type": "application/x-www-form-urlencoded"}
        assert (await post.post(body, headers))[0] == 200

    (act,) = posted(lambda at: chat(at, system="slack"), do).acts
    assert (act["text"], act["tag"], act["change_id"], act["channel"]) == (
        "/announce c2 we restart",
        "announce",
        "c2",
        "war-room",
    )


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"secret": "another"}, "sent with a wrong signature or token"),
        ({"ago_s": 301}, "sent with a signature that is not of the last 5 minutes, by our clock"),
        ({"ago_s": -320}, "sent with a signature that is not of the last 5 minutes, by our clock"),
        (None, "sent without a signature"),
    ],
)
def test_slack_without_its_signature_is_refused(how: dict[str, Any] | None, why: str) -> None:
    body = body_of(SLACK)

    async def do(post: Post) -> None:
        assert await post.post(body, {} if how is None else slack_signed(body, **how)) == (401, f"{why}\n")

    post = posted(lambda at: chat(at, system="slack"), do)
    assert (post.acts, post.refused) == ([], [(why, 401)])


def test_a_signature_is_for_one_body_alone() -> None:
    async def do(post: Post) -> None:
        assert (await post.post(body_of(SLACK), slack_signed(b"{}")))[0] == 401

    assert posted(lambda at: chat(at, system="slack"), do).acts == []


def test_what_is_said_in_feishu_is_told() -> None:
    async def do(post: Post) -> None:
        assert (await post.post(FEISHU))[0] == 200

    (act,) = posted(
        lambda at: chat(at, system="feishu", channels={"oc_1": "war-room"}, people={"ou_1": "lin"}), do
    ).acts
    assert (act["channel"], act["actor"], act["text"], act["tag"], act["at_unix"], act["id"]) == (
        "war-room", "lin", "@drills 【进展】仍在排查", "update", 1609073151.345, "om_1",
    )  # fmt: skip


def test_feishu_is_answered_when_it_asks_whether_we_are_here() -> None:
    async def do(post: Post) -> None:
        asked = {"challenge": "ajls384kdjx98XX", "token": SECRET, "type": "url_verification"}
        status, text = await post.post(asked)
        assert (status, json.loads(text)) == (200, {"challenge": "ajls384kdjx98XX"})
        assert (await post.post({**asked, "token": "x"}))[0] == 401
        assert (await post.post({"encrypt": "FIAf"}))[1].startswith("not a message of feishu: it is encrypted; turn")

    assert posted(lambda at: chat(at, system="feishu"), do).acts == []


@pytest.mark.parametrize("token", ["x", "", None, 3])
def test_feishu_without_its_token_is_refused(token: Any) -> None:
    async def do(post: Post) -> None:
        assert (await post.post({**FEISHU, "header": {**FEISHU["header"], "token": token}}))[0] == 401  # type: ignore[dict-item]

    assert len(posted(lambda at: chat(at, system="feishu"), do).refused) == 1


def test_what_is_said_in_dingtalk_is_told() -> None:
    async def do(post: Post) -> None:
        assert (await post.post(DINGTALK, dingtalk_signed()))[0] == 200
        assert (await post.post(DINGTALK, dingtalk_signed(secret="another")))[0] == 401
        assert (await post.post(DINGTALK, dingtalk_signed(ago_s=3700)))[0] == 401
        assert (await post.post(DINGTALK))[0] == 401

    post = posted(lambda at: chat(at, system="dingtalk", people={"user123": "lin"}), do)
    (act,) = post.acts
    assert (act["channel"], act["actor"], act["text"], act["tag"], act["change_id"], act["at_unix"]) == (
        "作战室", "lin", "变更：c2 重启缓存", "announce", "c2", 1613630252.678,
    )  # fmt: skip
    assert len(post.refused) == 3


@pytest.mark.parametrize(("system", "payload"), [("wecom", WECOM), ("generic", GENERIC)])
def test_others_give_a_token(system: System, payload: Any) -> None:
    async def do(post: Post) -> None:
        assert (await post.post(payload, {"Authorization": f"Bearer {SECRET}"}))[0] == 200
        assert (await post.post({**payload, "id": "x", "msgid": "x"}, path=f"/?token={SECRET}"))[0] == 200
        assert (await post.post(payload))[0] == 401
        assert (await post.post(payload, path="/?token=x"))[0] == 401

    post = posted(lambda at: chat(at, system=system), do)
    assert [(act["channel"], act["actor"], act["change_id"]) for act in post.acts] == [("war-room", "lin", "c2")] * 2
    assert post.refused == [("sent without a token", 401), ("sent with a wrong token", 401)]
    assert SECRET not in json.dumps(post.told)


# --- once, and bounded


def test_a_message_that_comes_again_is_taken_down_once() -> None:
    """As when our answer got lost, or when Slack tells of a mention besides."""
    mention = {**SLACK, "event_id": "Ev2", "event": {**SLACK["event"], "type": "app_mention"}}  # type: ignore[dict-item]

    async def do(post: Post) -> None:
        for payload in (SLACK, SLACK, mention):
            body = body_of(payload)
            assert (await post.post(body, slack_signed(body)))[0] == 200

    post = posted(lambda at: chat(at, system="slack"), do)
    assert len(post.acts) == 1
    assert [(one["id"], one["attempt"]) for one in post.of("act.repeated")] == [
        ("C1:1355517523.000005", 2), ("C1:1355517523.000005", 3),
    ]  # fmt: skip


def test_what_has_no_id_is_always_new() -> None:
    async def do(post: Post) -> None:
        for _ in range(2):
            assert (await post.post({"text": "still looking"}))[0] == 200

    assert len(posted(lambda at: chat(at, secret=""), do).acts) == 2


def test_a_long_message_is_cut() -> None:
    async def do(post: Post) -> None:
        assert (await post.post({"text": "x" * 4000, "id": "a"}))[0] == 200
        assert (await post.post({"text": "x" * 4001, "id": "i" * 400, "actor": "a" * 400}))[0] == 200

    first, second = posted(lambda at: chat(at, secret=""), do).acts
    assert (len(first["text"]), "cut" in first) == (4000, False)
    assert (len(second["text"]), second["cut"], len(second["id"]), len(second["actor"])) == (4000, True, 300, 300)


def test_halves_of_characters_do_not_break_anything() -> None:
    async def do(post: Post) -> None:
        assert (await post.post(b'{"text": "\\ud800 x", "actor": "\\udc00"}'))[0] == 200

    (act,) = posted(lambda at: chat(at, secret=""), do).acts
    assert act["text"] == "? x"


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"{}", b'{"text": 3}', b'{"text": ""}', b'{"text": "x", "at": "soon"}',
                                  b'{"text": "x", "actor": {}}', b"<xml></xml>"])  # fmt: skip
def test_what_is_no_message_is_refused_with_a_reason(body: bytes) -> None:
    async def do(post: Post) -> None:
        assert (await post.post(body))[0] == 400

    post = posted(lambda at: chat(at, secret=""), do)
    assert (post.acts, len(post.refused)) == ([], 1)


# --- payloads


def parsed(system: System, payload: Any) -> Message | Challenge | None:
    return read(system, b"", payload)


def test_what_happens_in_slack_besides_messages() -> None:
    def event(**event: Any) -> Any:
        return {**SLACK, "event": event}

    created = parsed("slack", event(type="channel_created", channel={"id": "C9", "name": "inc-42", "creator": "U1"}))
    joined = parsed("slack", event(type="member_joined_channel", user="U1", channel="C1"))
    edited = parsed("slack", event(type="message", subtype="message_changed", channel="C1", ts="2.0",
                                   message={"user": "U1", "text": "/update better", "ts": "1.0"}))  # fmt: skip
    bot = parsed("slack", event(type="message", subtype="bot_message", channel="C1", ts="3.0", bot_id="B1", text="x"))

    assert created == Message(act="chat.channel_created", id="Ev1", channel="inc-42", actor="U1", at_unix=1355517523.0)
    assert joined == Message(act="chat.joined", id="Ev1", channel="C1", actor="U1", at_unix=1355517523.0)
    assert edited == Message(
        act="chat.edited", id="C1:2.0", channel="C1", actor="U1", text="/update better", at_unix=2.0
    )
    assert bot == Message(id="C1:3.0", channel="C1", actor="B1", text="x", at_unix=3.0, is_bot=True)
    assert parsed("slack", event(type="reaction_added")) is None
    assert parsed("slack", event(type="message", subtype="channel_topic", channel="C1", ts="1", text="x")) is None


def test_an_edited_message_has_no_tag() -> None:
    """Else a message could become an update after the fact."""
    body = body_of({**SLACK, "event": {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "2.0",
                                       "message": {"user": "U1", "text": "/update x", "ts": "1.0"}}})  # fmt: skip

    async def do(post: Post) -> None:
        assert (await post.post(body, slack_signed(body)))[0] == 200

    (act,) = posted(lambda at: chat(at, system="slack"), do).acts
    assert (act["act"], "tag" in act) == ("chat.edited", False)


def test_a_post_of_feishu_is_its_words() -> None:
    content = {"title": "进展", "content": [[{"tag": "text", "text": "仍在排查 "}, {"tag": "at", "user_name": "lin"}],
                                          [{"tag": "a", "text": "面板", "href": "x"}]]}  # fmt: skip
    message = {**FEISHU["event"]["message"], "message_type": "post", "content": json.dumps(content), "mentions": None}  # type: ignore[index]
    payload = {**FEISHU, "event": {**FEISHU["event"], "message": message}}  # type: ignore[dict-item]
    found = parsed("feishu", payload)

    assert isinstance(found, Message)
    assert found.text == "进展\n仍在排查 lin\n面板"


@pytest.mark.parametrize(("system", "payload"), [
    ("slack", {"type": "event_callback"}), ("slack", {"type": "x"}), ("slack", {"type": "event_callback", "event": []}),
    ("feishu", {}), ("feishu", {"header": {"event_type": "im.message.receive_v1"}}),
    ("dingtalk", {"msgtype": "text"}), ("dingtalk", {"msgtype": "text", "text": {"content": 3}}),
    ("wecom", {"msgtype": "text", "text": {"content": "x"}}), ("wecom", {"encrypt": "x"}),
])  # fmt: skip
def test_what_does_not_fit_is_said_to_be_no_message(system: System, payload: Any) -> None:
    with pytest.raises(NotAMessage):
        parsed(system, payload)


@pytest.mark.parametrize("at", [None, -1, 0, 1e12, True and "2026-03-01T10:00:00"])
def test_an_instant_that_is_none_is_left_out(at: Any) -> None:
    found = parsed("generic", {"text": "x", "at": at})
    assert isinstance(found, Message)
    assert found.at_unix is None


# --- settings


@pytest.mark.parametrize("settings", [{}, {"secret": None}, {"secret": "", "listen": "0.0.0.0:9000"},
                                      {"secret": "x", "listen": "nowhere"}, {"secret": "x", "path": "chat"}])  # fmt: skip
def test_settings_that_would_let_anybody_in_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        Chat(**settings)
    assert len(refused.value.args) == 3


def test_what_is_not_known_yet_is_not_judged() -> None:
    assert Chat(listen="127.0.0.1:$PORT")
    assert SECRET not in repr(Chat(secret=SECRET))
