"""A user's mistake: where it is, what it is, what was expected and how to mend it. And the exit codes.

A mistake never shows a traceback; a bug of ours always does.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class Exit(IntEnum):
    """What the command line ends with."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ABORTED = 4
    NOT_HEALED = 5
    OUR_BUG = 70
    """A traceback was printed. Not 1, which is what Python would end with and what a failed drill ends with."""


class Place(NamedTuple):
    """A stretch of one line of a file. Lines and columns count from 1."""

    file: str
    line: int = 0
    """0 when the file as a whole is meant."""
    column: int = 0
    width: int = 1
    text: str = ""
    """The whole line, as it stands in the file."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def around(self) -> tuple[str, str, str]:
        """What stands before, in and after the stretch; of an overlong line the part that is near it."""
        start, end = max(0, self.column - 1), max(0, self.column - 1) + self.width
        before, marked, after = self.text[:start], self.text[start:end], self.text[end:]
        if len(self.text) > _LINE_MAX:
            half = _LINE_MAX // 2
            before = f"…{before[-half:]}" if len(before) > half else before
            marked = f"{marked[:half]}…" if len(marked) > half else marked
            after = f"{after[:half]}…" if len(after) > half else after
        return before, marked, after


class Problem(NamedTuple):
    """One mistake."""

    place: Place
    what: str
    fix: str
    """What was expected and how to mend it."""
    slug: str
    """Its name in the catalogue of messages: `unknown-setting`."""

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.what}"]
        if self.place.text:
            before, marked, after = self.place.around()
            lines.append(f"{self.place.line:>5} | {before}{marked}{after}")
            lines.append(" " * 5 + " | " + " " * _cells(before) + "^" * max(1, _cells(marked)))
        *more, last = f"  {self.fix}".replace("\n", "\n  ").split("\n")
        lines += [*more, f"{last:<82} [{self.slug}]"]
        return "\n".join(map(_printable, "\n".join(lines).split("\n")))


class DrillError(Exception):
    """One or more mistakes of the user, all of them at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.place, one.what)))
        super().__init__("\n\n".join(str(problem) for problem in self.problems))


def mistake(where: str, what: str, fix: str, slug: str) -> DrillError:
    """A single mistake that is not on a line of a file; `where` is a file, an option or a run."""
    return DrillError([Problem(Place(where), what, fix, slug)])


def choices(wrong: str, names: Sequence[str], kind: str) -> str:
    """`did you mean `jitter`?  settings: delay, jitter`, for a name that is not among these."""
    from difflib import get_close_matches  # here, since it is needed only when something is wrong

    near = get_close_matches(wrong, names, n=1, cutoff=0.6)
    known = f"{kind}: {', '.join(names)}" if names else f"there are no {kind}"
    return (f"did you mean `{near[0]}`?  " if near else "") + known


_LINE_MAX = 160
"""Characters of a line that are shown whole: some editors write a whole file in one."""


def _printable(text: str) -> str:
    """A text that moves no cursor and breaks no stream: nothing in a file may steer the terminal that shows it."""
    if text.isprintable():
        return text
    from unicodedata import category

    unseen = {ord(char): "\ufffd" for char in text if category(char) in {"Cc", "Cf", "Cs"}}
    return text.translate({**unseen, ord("\t"): " "})


def _cells(text: str) -> int:
    """How many terminal cells a text takes: wide characters take two."""
    from unicodedata import combining, east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 0 if combining(char) else 1
               for char in text)  # fmt: skip
