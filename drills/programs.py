"""Programs that a lab needs and that may not be installed here: where they are, and who runs instead of whom.

Names only; the lab makes its processes of what is said here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_VARIABLE = r"(?<!\$)\$\{\s*program\.([^{}\s]+)\s*\}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A process of a lab that is not started, since others run instead of it."""

    name: str
    missing: tuple[str, ...]
    """Programs for want of which it is left out; none for one that would have stood in for others."""
    instead: tuple[str, ...]
    """Those who run instead."""


def find(wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Where each program is: the first of its names that is on PATH. Those that are not here are not among them."""
    import shutil

    found = {name: next(filter(None, map(shutil.which, names)), None) for name, names in wanted.items()}
    return {name: path for name, path in found.items() if path}


def named_in(texts: Iterable[str]) -> set[str]:
    """The programs that these texts use: `${program.NAME}`."""
    return {name for text in texts for name in re.findall(_VARIABLE, text)}


def left_out(missing: Mapping[str, Sequence[str]], stand_ins: Mapping[str, Sequence[str]]) -> tuple[LeftOut, ...]:
    """Who does not run: all that a process stands in for when one of them cannot, and else the one that would stand in.

    `missing` are programs that are not here, by the process that needs them; `stand_ins` the processes that each would
    stand in for.
    """
    found: list[LeftOut] = []
    for name, others in stand_ins.items():
        lacking = tuple(dict.fromkeys(program for other in others for program in missing.get(other, ())))
        if lacking:
            found += [LeftOut(name=other, missing=lacking, instead=(name,)) for other in others]
        else:
            found.append(LeftOut(name=name, missing=(), instead=tuple(others)))
    return tuple(found)
