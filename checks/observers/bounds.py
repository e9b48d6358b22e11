"""How large what an observer tells may be: it must fit a line of the journal, whatever it was told."""

from collections.abc import Mapping
from typing import Any

TEXT_MAX = 2_000
"""Characters of one text."""
LIST_MAX = 500
"""Items of one list, and keys of one mapping."""


def bounded(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with long texts and long lists cut short; `cut` is true where something was."""
    cut = False

    def short(value: Any) -> Any:
        nonlocal cut
        if isinstance(value, str):
            cut = cut or len(value) > TEXT_MAX
            return value[:TEXT_MAX]
        if isinstance(value, Mapping):
            cut = cut or len(value) > LIST_MAX
            return {key[:TEXT_MAX]: short(one) for key, one in list(value.items())[:LIST_MAX]}
        if isinstance(value, list):
            cut = cut or len(value) > LIST_MAX
            return [short(one) for one in value[:LIST_MAX]]
        return value

    bound = {key: short(value) for key, value in data.items()}
    return {**bound, "cut": True} if cut else bound
