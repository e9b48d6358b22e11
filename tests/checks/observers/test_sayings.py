"""Tags and changes, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.observers.sayings import TAGS, read


@pytest.mark.parametrize(
    ("text", "tag", "change"),
    [
        ("/update 进展：排查中，下一步：切换", "update", ""),
        ("#update nothing new", "update", ""),
        ("[update] nothing new", "update", ""),
        ("【进展】仍在排查", "update", ""),
        ("进展：仍在排查", "update", ""),
        ("Update: still looking", "update", ""),
        ("/announce c2 we restart the cache", "announce", "c2"),
        ("/announce C12: we restart", "announce", "c12"),
        ("#change #c2, we restart", "announce", "c2"),
        ("【变更】c3 重启缓存", "announce", "c3"),
        ("/approve c2", "approve", "c2"),
        ("同意：c2", "approve", "c2"),
        ("  /ack", "ack", ""),
        ("@drills /update x", "update", ""),
        ("@lin @mei 【批准】c1", "approve", "c1"),
        ("/hand-over to mei", "hand-over", ""),
        ("/announce cache restart", "announce", ""),
    ],
)
def test_a_tag_stands_first(text: str, tag: str, change: str) -> None:
    assert read(text) == (text, tag, change)


@pytest.mark.parametrize("text", ["we update the cache", "the /update came late", "cause: the cache", "[x] done", "【草稿】x",
                                  "http://update: x", "", "/", "#", "12:30 it began", "update the cache"])  # fmt: skip
def test_a_sentence_has_none(text: str) -> None:
    assert read(text) == (text, "", "")


@given(st.text())
def test_any_text_stays_as_it_is(text: str) -> None:
    assert read(text).text == text


def test_every_word_stands_for_one_of_a_few_tags() -> None:
    assert set(TAGS.values()) == {"update", "announce", "approve", "notice", "ack"}
