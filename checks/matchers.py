"""Matchers of labels, as `severity=~"page|ticket"`, read as Alertmanager reads them. Pure."""

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_FORM = re.compile(r'\s*([a-zA-Z_:][a-zA-Z0-9_:]*|"(?:[^"\\]|\\.)+")\s*(=~|!~|!=|=)\s*(.*?)\s*', re.DOTALL | re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE = re.compile(r'((?:[^"\\]|\\.)*\\?)', re.DOTALL)


class Matcher(NamedTuple):
    """What one asks of a label."""

    name: str
    sign: str
    """`=`, `!=`, `=~` or `!~`."""
    value: str

    def fits(self, text: str) -> bool:
        """Whether a label of this value is meant. Raises ValueError where only Go can read the regular expression."""
        same = _expression(self.value).fullmatch(text) is not None if self.sign[-1] == "~" else text == self.value
        return same is not self.sign.startswith("!")


def listed(text: str) -> list[str]:
    """The single matchers in a text that may hold several, as `{a="b", c="d"}`. Raises ValueError for what is none."""
    parts, quoted, escaped = [""], False, False
    for char in text.removeprefix("{").removesuffix("}"):
        if char == "," and not quoted:
            parts.append("")
            continue
        quoted = quoted is not (char == '"' and not escaped)
        escaped = char == "\\" and not escaped
        parts[-1] += char
    found = parts if parts[-1].strip() else parts[:-1]  # a comma may stand behind the last
    for one in found:
        read(one)
    return [one.strip() for one in found]


def read(matcher: str | Mapping[str, Any]) -> Matcher:
    """One matcher, of a text or as the API writes it. Raises ValueError for a text that is none."""
    if not isinstance(matcher, str):
        sign = ("=" if matcher.get("isEqual", True) else "!") + ("~" if matcher.get("isRegex") else "=")
        return Matcher(matcher["name"], "=" if sign == "==" else sign, matcher["value"])
    found = _FORM.fullmatch(matcher)
    value = found and (_QUOTED if found[3].startswith('"') else _BARE).fullmatch(found[3])
    if not (found and value):
        raise ValueError(f"`{matcher}` is no matcher")
    name = found[1] if found[1][0] != '"' else _unescaped(found[1][1:-1])
    return Matcher(name, found[2], _unescaped(value[1]))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda one: {"n": "\n", '"': '"', "\\": "\\"}.get(one[1], one[0]), text, flags=re.DOTALL)


@lru_cache(512)
def _expression(text: str) -> "re.Pattern[str]":
    """Go's `\\d` and the like know ASCII alone. A class such as `[[:alpha:]]`, which Python reads otherwise, is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            return re.compile(text, re.ASCII)
    except (re.error, FutureWarning) as error:
        raise ValueError(f"`{text}` cannot be read here: {error}") from None
