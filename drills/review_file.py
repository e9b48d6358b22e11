"""Reads a review as people left it: the settings in front, the sections, and the action items, each with its place.

It is Markdown, so prose may stand anywhere and in any order; only headings, the table in front between two `---` and the
first YAML block under the action items have a form. Comments (`<!-- … -->`) are for the writer and count as nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Self, TypeVar

from drills import source
from drills.binding import Binding
from drills.errors import DrillError, Place, Problem, mistake
from drills.source import Items, Node, Scalar, Table
from reports.review import SECTIONS, headings

T = TypeVar("T")
_NEEDED = ("whys", "prevent", "faster", "items")
_COMMENT = re.compile(r"<!--.*?(-->|(?=<!--)|\Z)", re.DOTALL)
"""One that another begins in has lost its end."""
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*(\S*)")
_POINT = re.compile(r"\s*(?:\d+(?:[.)](?!\d)|[、．）])\s*|[-*+]\s+)(.*)")
"""Chinese is written with or without a space after the number."""
_NOTHING = re.compile(r"[\W_]*(?:(?:tbd|todo|n[/.]?a|none|待定|待补充|暂无|未定|无)[\W_]*)?", re.IGNORECASE)
_HEADING = re.compile(r"##?\s+(.*?)\s*#*\s*")
Severity = Literal["P0", "P1", "P2", "P3", "P4", "SEV1", "SEV2", "SEV3", "SEV4", "SEV5"]


@dataclass(frozen=True, slots=True)
class Day:
    """A day, also of a date with a time."""

    example: ClassVar[str] = "2026-12-05"

    day: date

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        try:
            if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?", text.strip()):
                raise ValueError
            return cls(date.fromisoformat(text.strip()[:10]))
        except ValueError:
            raise ValueError("a day, as 2026-12-05") from None

    def __str__(self) -> str:
        return self.day.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The settings in front."""

    run: Annotated[str | None, "The run that it is about"] = None
    severity: Annotated[Severity | None, "How grave it was"] = None
    over: Annotated[Day | None, "When it was over"] = None
    held: Annotated[Day | None, "The day of the review"] = None
    organised_by: Annotated[str | None, "The role that held it"] = None
    class_: Annotated[Literal["code", "config", "capacity", "external"] | None, "What was behind it"] = None
    runbook: Annotated[str | None, "Where the alert leads"] = None
    knowledge: Annotated[str | None, "The page that keeps it, linked from the runbook"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One action item."""

    what: Annotated[str | None, "What will be done"] = None
    owner: Annotated[str | None, "Who sees to it"] = None
    due: Annotated[Day | None, "Until when"] = None
    term: Annotated[Literal["short", "mid", "long"] | None, "How far off it is"] = None
    verified_by: Annotated[str | None, "The test or drill that will show it"] = None
    closed: Annotated[Day | None, "The day on which it was done"] = None
    finding: Annotated[str | None, "What it answers, by its name among the findings"] = None


class Written(NamedTuple):
    """One action item, and where it stands."""

    item: Item
    node: Node

    def place(self, name: str) -> Place:
        """Where this setting stands, or the item."""
        return place_of(self.node, name)


class Section(NamedTuple):
    """What stands under one heading."""

    heading: Place
    lines: tuple[Place, ...]
    """Each line, with comments blanked out; as wide as what is on it."""

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(line.text for line in self.lines).strip()

    @property
    def points(self) -> list[str]:
        """The entries of its lists that say something."""
        found = (_POINT.match(line.text) for line in self.lines)
        return [match[1].strip() for match in found if match and says(match[1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFile:
    """A review, read."""

    file: str
    folder: Path
    head: Head
    front: Node
    sections: Mapping[str, Section]
    """By the names of `reports.review.SECTIONS`; those that are there."""
    items: tuple[Written, ...]
    problems: tuple[Problem, ...]
    """What of it does not have its form."""


def read(path: Path) -> ReviewFile:
    """Read a review. Raises DrillError when it has no form at all; other mistakes are among its problems."""
    file, text = str(path), source.text_of(path).removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    if lines[0].strip() != "---" or not end:
        raise mistake(file, "the settings in front are missing",
                      "begin the file with `---`, `run: …` and what else the draft had, and `---`; or draft it anew "
                      "under another name", "review-form")  # fmt: skip
    binding = Binding()
    front = _yaml(file, lines, 1, end, binding)
    front = front or Table((), Place(file, 1))
    sections, blocks = _sections(file, lines, end + 1, binding)
    items = tuple(_items(file, lines, blocks, binding))
    head = _bound(Head, front, binding, "review")
    return ReviewFile(file=file, folder=path.parent, head=head, front=front,
                      sections=sections, items=items, problems=(*binding.problems, *_lacking(file, sections)))  # fmt: skip


def place_of(node: Node, name: str) -> Place:
    """Where the value of a setting stands, or its name where it has none, or else the table."""
    for key, value in node.entries if isinstance(node, Table) else ():
        if key.text == name:
            return key.place if isinstance(value, Scalar) and not value.text else value.place
    return node.place


def is_written(node: Node, name: str) -> bool:
    """Whether a setting has a value, right or wrong."""
    value = node.get(name) if isinstance(node, Table) else None
    return value is not None and not (isinstance(value, Scalar) and not value.text)


def says(text: str) -> bool:
    """Whether a text says anything, and does not only hold the place of what will be said."""
    return _NOTHING.fullmatch(text) is None


def _lacking(file: str, sections: Mapping[str, Section]) -> Iterator[Problem]:
    for key in _NEEDED:
        if key not in sections:
            known = " or ".join(f"`## {one}`" for one in headings(key))
            yield Problem(
                Place(file), f"the section `{SECTIONS[key]}` is missing", f"write a heading {known}", "review-form"
            )


def _yaml(file: str, lines: Sequence[str], start: int, end: int, binding: Binding) -> Node | None:
    """The nodes of some lines, with their places in the file; None when nothing is written there."""
    if not any(line.split("#")[0].strip() for line in lines[start:end]):
        return None
    try:
        return source.parse("\n" * start + "\n".join(lines[start:end]), file)
    except DrillError as error:
        binding.problems += error.problems
        return None


def _sections(file: str, lines: Sequence[str], start: int,
              binding: Binding) -> tuple[dict[str, Section], list[tuple[int, int]]]:  # fmt: skip
    """The known sections, and of the action items the lines of each YAML block."""
    names = {heading.casefold(): key for key in SECTIONS for heading in headings(key)}
    plain, unclosed = _uncommented(lines)
    found: dict[str, list[Place]] = {}
    blocks: list[tuple[int, int]] = []
    now, fence, opened, fenced = "", "", 0, 0
    for number in range(start, len(lines)):
        line, mark = plain[number], _FENCE.match(plain[number])
        heading = None if fence else _HEADING.fullmatch(line)
        if heading:
            now = names.get(heading[1].strip("*_ ").casefold(), "")
            found.setdefault(now, [_place(file, number, lines[number])])
            continue
        if mark and not fence:
            fence, opened = (mark[1], number + 1) if mark[2].lower() in ("yaml", "yml") else (mark[1], 0)
            fenced = number
        elif mark and mark[1].startswith(fence) and not mark[2]:
            blocks += [(opened, number)] if opened and now == "items" else []
            fence = ""
        found.setdefault(now, []).append(_place(file, number, line))
    endless = [(unclosed, "comment", "-->")] if unclosed is not None else []
    endless += [(fenced, "block", fence)] if fence and unclosed is None else []
    binding.problems += [
        Problem(_place(file, number, lines[number]), f"this {what} has no end, so what follows is taken for a part of it",
                f"write `{end}` where it ends", "review-form")
        for number, what, end in endless
    ]  # fmt: skip
    return {key: Section(places[0], tuple(places[1:])) for key, places in found.items() if key}, blocks


def _uncommented(lines: Sequence[str]) -> tuple[list[str], int | None]:
    """The lines with comments blanked out, so that everything stays in its place; and which line begins one without an end."""
    whole = "\n".join(lines)
    endless = next((match for match in _COMMENT.finditer(whole) if not match[1]), None)
    text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), whole)
    return text.split("\n"), whole.count("\n", 0, endless.start()) if endless else None


def _place(file: str, number: int, line: str) -> Place:
    start = len(line) - len(line.lstrip())
    return Place(file, number + 1, start + 1, max(1, len(line.strip())), line)


def _items(file: str, lines: Sequence[str], blocks: Sequence[tuple[int, int]], binding: Binding) -> Iterator[Written]:
    for start, end in blocks:
        node = _yaml(file, lines, start, end, binding)
        if node is None:
            continue
        if not isinstance(node, Items):
            binding.problems.append(Problem(node.place, "action items are a list", "each begins with `- what: …`",
                                            "wrong-shape"))  # fmt: skip
            continue
        for one in node.items:
            yield Written(_bound(Item, one, binding, "action item"), one)


def _bound(model: type[T], node: Node, binding: Binding, kind: str) -> T:
    """The settings of a table; where some of them are wrong, the others."""
    told = len(binding.problems)
    found = binding.bind(model, node, kind=kind, alone=False)
    if found is None and isinstance(node, Table):
        wrong = {problem.place for problem in binding.problems[told:]}
        right = tuple(entry for entry in node.entries if not {entry[0].place, entry[1].place} & wrong)
        found = Binding().bind(model, node._replace(entries=right), kind=kind, alone=False)
    return found or model()
