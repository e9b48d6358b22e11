"""Pieces of Markdown, as GitHub has it and GitLab and Gitea read too."""

import re
from collections.abc import Sequence

from reports.printable import printable

_SPECIAL = re.compile(r"[\\`*_\[\]|~]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "@": "@&#8203;", "#": "#&#8203;"}
"""The last two would call people and other issues; a space of no width between takes that from them."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; nothing without rows. Cells are Markdown already."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def plain(text: str) -> str:
    """Text that reads in Markdown as it reads here, on one line."""
    escaped = _SPECIAL.sub(r"\\\g<0>", printable(text))
    return "".join(_ENTITIES.get(char, char) for char in escaped)
