"""Regular expressions that the author of a SOP writes and that are held against what responders write."""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Self

TEXT_MAX = 4_000
"""Characters of a text that are looked through, from its beginning."""
_ENDLESS = re.compile(r"[*+]|\{[0-9]*,\}")
_REPEATED = re.compile(r"[*+]|\{[0-9]*,?[0-9]*\}")


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression, searched anywhere in a text."""

    example: ClassVar[str] = r"'(?i)\bnext\b|下一步'"

    text: str
    compiled: "re.Pattern[str]" = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        if _repeats_a_repetition(text):
            raise ValueError(
                "one without a repetition of a repetition, such as (a+)+: on some texts it would never end"
            )
        try:
            return cls(text, re.compile(text))
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"a regular expression, which this is not: {error}") from None

    def __str__(self) -> str:
        return self.text

    def search(self, text: str) -> str:
        """What of the text it matches first; empty when nothing."""
        found = self.compiled.search(text[:TEXT_MAX])
        return "" if found is None else found[0] or " "


def _repeats_a_repetition(text: str) -> bool:
    """Whether a group with `*`, `+` or `{n,}` in it is itself repeated, which takes time without any bound."""
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", text, flags=re.DOTALL)
    groups, repeated = [False], False
    for place, char in enumerate(plain):
        if char == "(":
            groups.append(False)
        elif char == ")" and len(groups) > 1:
            inside = groups.pop()
            repeated = repeated or (inside and _REPEATED.match(plain, place + 1) is not None)
            groups[-1] = groups[-1] or inside
        elif _ENDLESS.match(plain, place):
            groups[-1] = True
    return repeated
