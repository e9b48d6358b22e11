"""Notices to customers, with real requests."""

import json
from typing import Any

import pytest

from checks.observers.status_page import StatusPage
from tests.checks.observers.posting import Post, posted

TOKEN = "open sesame"
STATUSPAGE = {
    "meta": {"generated_at": "2026-03-01T10:00:00Z"},
    "page": {"id": "j2mfxwj97wnj", "status_indicator": "major"},
    "incident": {
        "name": "Orders cannot be paid", "status": "investigating", "impact": "major", "id": "lbkhbwn21v5q",
        "incident_updates": [{"body": "We are looking into it.", "status": "investigating", "id": "drfcwbnpxnr6"},
                             {"body": "older", "status": "x"}],
    },
}  # fmt: skip


def page(listen: str, **settings: Any) -> StatusPage:
    return StatusPage(listen=listen, **{"token": TOKEN, **settings})


def test_a_notice_is_told() -> None:
    async def do(post: Post) -> None:
        assert await post.post(STATUSPAGE, {"Authorization": f"Bearer {TOKEN}"}) == (200, "Taken down.\n")

    (act,) = posted(page, do).acts
    assert act == {
        "trust": "attributed", "act": "webhook", "via": "webhook", "target": "statuspage", "actor": "",
        "id": "lbkhbwn21v5q", "text": "Orders cannot be paid\nWe are looking into it.", "status": "investigating",
    }  # fmt: skip


def test_a_notice_that_comes_again_is_taken_down_once() -> None:
    async def do(post: Post) -> None:
        for number in (1, 1, 2):
            assert (await post.post({"text": f"notice {number}", "author": "mei"}, path="/?token=open+sesame"))[
                0
            ] == 200

    post = posted(page, do)
    assert [(act["text"], act["actor"]) for act in post.acts] == [("notice 1", "mei"), ("notice 2", "mei")]
    assert [(one["attempt"], one["id"] == post.acts[0]["id"]) for one in post.of("act.repeated")] == [(2, True)]


def test_who_does_not_know_the_token_is_refused() -> None:
    async def do(post: Post) -> None:
        assert (await post.post({"text": "all is well"}))[0] == 401
        assert (await post.post({"text": "all is well"}, path="/?token=x"))[0] == 401

    post = posted(page, do)
    assert (post.acts, [status for _, status in post.refused]) == ([], [401, 401])
    assert TOKEN not in json.dumps(post.told)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"[" * 1000])
def test_what_is_no_notice_is_refused(body: bytes) -> None:
    async def do(post: Post) -> None:
        assert (await post.post(body))[0] == 400

    assert len(posted(lambda at: page(at, token=""), do).refused) == 1


def test_whatever_it_holds_is_bounded() -> None:
    deep: Any = {"text": "bottom"}
    for _ in range(50):
        deep = {"data": deep}

    async def do(post: Post) -> None:
        assert (await post.post({"text": "x" * 5000, "id": 17, "status": True, "data": ["\ud800"]}))[0] == 200
        assert (await post.post(deep))[0] == 200

    first, second = posted(lambda at: page(at, token="", target="banner"), do).acts
    assert (len(first["text"]), first["cut"], first["id"], first["target"], "status" in first) == (
        4000,
        True,
        "17",
        "banner",
        False,
    )
    assert second["text"] == ""


@pytest.mark.parametrize("settings", [{}, {"token": "", "listen": "0.0.0.0:9000"}, {"token": "x", "path": "?"}])
def test_settings_that_would_let_anybody_in_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        StatusPage(**settings)
    assert len(refused.value.args) == 3
