"""What somebody says in a chat: its tag, the change that it is about, and the words. Pure.

A tag stands first, as people write it: `/update`, `#update`, `[update]`, `【进展】` or `update:`. A change is a letter c and
a number that follow it: `/announce c2 we fail over now`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

TAGS: Mapping[str, str] = {
    "update": "update", "progress": "update", "status": "update", "进展": "update", "通报": "update", "同步": "update",
    "announce": "announce", "change": "announce", "预告": "announce", "公告": "announce", "变更": "announce", "操作": "announce",
    "approve": "approve", "approved": "approve", "go": "approve", "批准": "approve", "同意": "approve", "决策": "approve",
    "notice": "notice", "通知": "notice", "对外通知": "notice",
    "ack": "ack", "收到": "ack", "认领": "ack",
}  # fmt: skip
"""Words that stand for a tag. Any other word after `/` or `#` is a tag of its own."""
_MARKED = re.compile(
    r"\s*(?:@\S+\s+)*(?:[/#](?P<marked>[\w-]{1,40})|\[(?P<square>[^\[\]]{1,40})\]|【(?P<black>[^【】]{1,40})】|(?P<plain>\w{1,40})\s*[:：])"
)
_CHANGE = re.compile(r"\s*[:：]?\s*#?(?P<id>c-?[0-9]{1,9})\b[\s:：,，]*", re.IGNORECASE)


class Saying(NamedTuple):
    """What was said."""

    text: str
    """All of it, tag and all, as it was written."""
    tag: str = ""
    change_id: str = ""


def read(text: str) -> Saying:
    """Tell the parts of a text apart; one without a tag is only a text."""
    match = _MARKED.match(text)
    if match is None:
        return Saying(text)
    word = next(one for one in match.groups() if one is not None).strip().lower()
    known = TAGS.get(word, "")
    if not known and match["marked"] is None:
        return Saying(text)  # any sentence may begin with `note:` or [brackets]
    change = _CHANGE.match(text, match.end())
    return Saying(text, known or word, change["id"].lower() if change else "")
