"""Which series a PromQL expression reads: its selectors, found without understanding the rest. Pure."""

import re
from collections.abc import Iterable, Mapping

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|\[[^\]]*\])          # also a range or a subquery: [5m:]
      | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
      | (?P<number>[0-9][0-9A-Za-z_.]*)            # also a duration: 5m
      | (?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
"""Of a label, as it can be written without quotes."""
_LABELS_FOLLOW = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_WORDS = frozenset({"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", "start", "end"})

_NO_METRIC = frozenset({"(", "by", "without", "BY", "WITHOUT"})
"""What stands behind a function's name, or an aggregation's."""


def selectors(expression: str) -> list[str]:
    """The instant selectors, each once, as they are written: `up`, `errors{job="shop"}`."""
    tokens = [(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(expression) if found.lastgroup != "skip"]
    found: dict[str, None] = {}
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        place += 1
        follows = tokens[place][1] if place < len(tokens) else ""
        if kind == "word" and text.lower() in _LABELS_FOLLOW:
            place = _behind(tokens, place, "(", ")")
        elif text == "{" or (kind == "word" and follows not in _NO_METRIC and text.lower() not in _WORDS):
            start = place - (text == "{")
            place = _behind(tokens, start, "{", "}")
            found["".join([text if kind == "word" else "", *(one for _, one in tokens[start:place])])] = None
    return list(found)


def counting(found: Iterable[str]) -> str:
    """The query for how many series these selectors give; empty without any."""
    return " + ".join(f"(count({one}) or vector(0))" for one in found)


def narrowed(selector: str, labels: Mapping[str, str]) -> str:
    """The same, but for series that have one of these labels with another value."""
    import json

    named = {name: value for name, value in labels.items() if _NAME.fullmatch(name)}
    more = ",".join(f"{name}=~{json.dumps('|' + re.escape(value))}" for name, value in named.items())
    if not more or not selector.endswith("}"):
        return f"{selector}{{{more}}}" if more else selector
    inside = selector[:-1].rstrip()
    return inside + ("" if inside.endswith(("{", ",")) else ",") + more + "}"


def _behind(tokens: list[tuple[str, str]], place: int, opens: str, closes: str) -> int:
    """The place behind the brackets that open here; the same place when none do."""
    if place == len(tokens) or tokens[place] != ("sign", opens):
        return place
    return next((n + 1 for n in range(place, len(tokens)) if tokens[n] == ("sign", closes)), len(tokens))
