"""With which labels a rule could fire: those of all series that its comparisons choose from. Pure.

A comparison leaves out what does not satisfy it; with `bool` it says 0 or 1 of each instead. So a rule whose comparisons
all have it finds every series that it watches, before anything is wrong with one of them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

LISTED_MAX = 20
"""Of more label sets than so many only their number is told."""
_TEXT = r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`'
_COMPARISON = re.compile(
    rf"(?:{_TEXT}|\#[^\n]*|\[[^\]]*\]|\{{(?:{_TEXT}|[^}}\"'`])*\}})|(?P<sign>==|!=|>=|<=|>|<)(?!\s*bool\b)", re.DOTALL
)


def query(expression: str) -> str:
    """What to ask for: one sample without labels, which is the number of label sets, and then some of these."""
    every = _COMPARISON.sub(lambda found: f"{found['sign']} bool " if found["sign"] else found[0], expression)
    return f"count({every}\n) or topk({LISTED_MAX}, {every}\n)"


def answer(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What came back: `count`, and `labels`, which are all of them where there are as many."""
    count = next((int(float(row["value"][1])) for row in rows if not row["metric"]), 0)
    listed = sorted((dict(row["metric"]) for row in rows if row["metric"]), key=lambda one: sorted(one.items()))
    return {"count": count, "labels": listed if listed or count != 1 else [{}]}
