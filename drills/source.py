"""YAML as it stands in a file: texts, lists and tables, each with its line and column.

Nothing is converted here. `no`, `12:30`, `0o10` and `2026-11-21` stay the texts they are; the setting that takes a
text decides what it means. What is refused is what would surprise (two settings of one name, tags, a second document)
and what could hurt (files, depths and aliases without a bound).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from drills.errors import DrillError, Place, Problem, choices, mistake

SIZE_MAX = 1 << 20
"""Of a file, in bytes."""
NODES_MAX = 20_000
"""Of a file after every alias is replaced by what it stands for, so that a few lines cannot become billions."""
DEPTH_MAX = 40
"""Of lists and tables in each other; what reads them may call itself once a level."""


class Scalar(NamedTuple):
    """A text. Plain `~`, `null` and nothing at all are the empty text, not quoted."""

    text: str
    place: Place
    quoted: bool
    """True for quotes and for block texts (`|`, `>`)."""


class Items(NamedTuple):
    """A list."""

    items: tuple["Node", ...]
    place: Place
    """Where it begins."""


class Table(NamedTuple):
    """Names with values, in the file's order; each name once."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    place: Place
    """Where it begins."""

    def get(self, key: str) -> "Node | None":
        """The value of this name, or None when it is not there."""
        return next((value for name, value in self.entries if name.text == key), None)

    def keys(self) -> tuple[str, ...]:
        """The names."""
        return tuple(name.text for name, _ in self.entries)


Node = Scalar | Items | Table


def read(path: Path, shown_as: str | None = None) -> Node:
    """Read a file; messages call it `shown_as`. Raises DrillError with every mistake that can be found at once."""
    return parse(text_of(path, shown_as), shown_as or str(path))


def text_of(path: Path, shown_as: str | None = None) -> str:
    """The text of a file, which must be small and UTF-8. Raises DrillError."""
    file = shown_as or str(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(SIZE_MAX + 1)
    except FileNotFoundError:
        beside = sorted(one.name for one in path.parent.glob("*.y*ml"))[:20]
        raise mistake(file, "there is no such file", choices(path.name, beside, "files beside it"), "no-file") from None
    except IsADirectoryError:
        raise mistake(file, "this is a directory", "name a YAML file in it", "no-file") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise mistake(file, f"the file cannot be read: {why}", "check its name and permissions", "no-file") from None
    _bounded(data, file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DrillError([_not_utf8(data, error.start, file)]) from None


def parse(text: str, file: str) -> Node:
    """Read a text; messages call it `file`. Raises DrillError, and nothing else, whatever the text is."""
    _bounded(text, file)
    text = text.removeprefix("\ufeff")
    composer = _Composer(file, re.split(_LINE_END, text))
    node = composer.document(text)
    if composer.problems:
        raise DrillError(composer.problems)
    return node


def from_data(data: object, file: str) -> Node:
    """Nodes for JSON-like data, for settings that were kept in a journal. Raises TypeError for anything else."""
    return _from_data(data, Place(file), 1)


def to_data(node: Node) -> object:
    """Texts, lists and dicts; None for an empty plain text. `from_data` makes equal settings of it again."""
    match node:
        case Scalar():
            return node.text if node.text or node.quoted else None
        case Items():
            return [to_data(item) for item in node.items]
        case Table():
            return {key.text: to_data(value) for key, value in node.entries}


def texts(node: Node | None) -> list[Scalar]:
    """Every text below a node, names of settings apart."""
    match node:
        case None:
            return []
        case Scalar():
            return [node]
        case Items():
            return [text for item in node.items for text in texts(item)]
        case Table():
            return [text for _, value in node.entries for text in texts(value)]


def substitute(node: Node, values: Mapping[str, str], problems: list[Problem]) -> Node:
    """Put values in for `${name}` in all texts; `$${` stands for `${` itself. Values are not looked into again."""
    found: list[Problem] = []
    filled = _filled(node, values, found)
    problems.extend(dict.fromkeys(found))  # what an alias repeats is told once
    return filled


# Compiled when first used, for most of them seldom are and compiling all would cost more than reading a drill.
_LINE_END = "\r\n|[\r\n\x85\u2028\u2029]"  # as YAML 1.1 has it, and so the parser counts
_FORBIDDEN = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]"
_PROPERTIES = r"(?:[&!]\S*[ \t]+)+"
_BLOCK = r"[|>][-+0-9]*"
_VARIABLE = r"\$\$\{|\$\{(?:([^{}]*)\})?"
_NAME = r"[A-Za-z_][\w.-]*"
_NULLS = frozenset({"~", "null", "Null", "NULL"})


def _bounded(content: bytes | str, file: str) -> None:
    if len(content) > SIZE_MAX:
        raise mistake(file, "the file is larger than 1 MiB", "split it, or take out what is no setting", "too-large")


def _not_utf8(data: bytes, start: int, file: str) -> Problem:
    before = re.split(_LINE_END, data[:start].decode("utf-8"))
    rest = re.split(b"[\r\n]", data[start:], maxsplit=1)[0].decode("utf-8", errors="replace")
    place = Place(file, len(before), len(before[-1]) + 1, 1, before[-1] + rest)
    return Problem(place, f"the byte 0x{data[start]:02x} is not UTF-8", "save the file as UTF-8", "not-utf8")


class _Anchor(NamedTuple):
    """What an alias stands for, and what it costs to repeat it."""

    node: Node
    size: int
    height: int


class _Composer:
    """Makes nodes of the parser's events, collecting problems; those after which nothing makes sense are raised."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchor] = {}
        self.open: set[str] = set()
        self.count = 0
        self.events: Iterator[Any] = iter(())

    def document(self, text: str) -> Node:
        """The first document; a second one is a problem."""
        self.refuse_forbidden()
        self.events = self.parsed(text)
        next(self.events)  # the stream begins
        if _kind(next(self.events)) == "StreamEndEvent":
            self.stop(Place(self.file), "the file is empty", "write some settings in it", "empty-file")
        node = self.node(next(self.events), 1)
        next(self.events)  # the document ends
        if _kind(event := next(self.events)) == "DocumentStartEvent":
            self.tell(self.place(event, event.end_mark), "a second document begins here",
                      "one file holds one document: move this to a file of its own", "second-document")  # fmt: skip
        if isinstance(node, Scalar) and not node.text and not node.quoted:
            self.stop(Place(self.file), "the file is empty", "write some settings in it", "empty-file")
        return node

    def refuse_forbidden(self) -> None:
        """Stop at a character that YAML does not allow, before the parser does so in other words."""
        for number, line in enumerate(self.lines, 1):
            match = None if line.isprintable() else re.search(_FORBIDDEN, line)
            if match:
                place = Place(self.file, number, match.start() + 1, 1, line)
                self.stop(place, f"the character U+{ord(match[0]):04X} may not stand in a YAML file",
                          r'take it out, or write it in double quotes as "\x1b"', "bad-character")  # fmt: skip

    def parsed(self, text: str) -> Iterator[Any]:
        """The parser's events, one by one. It is imported here, since it costs more than reading a drill does."""
        import yaml

        try:
            yield from yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        except yaml.MarkedYAMLError as error:
            from drills.syntax import explain

            raise DrillError([*self.problems, explain(error, self.file, self.lines)]) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # figures in escapes and directives out of range
            self.stop(Place(self.file), f"this is not YAML: {error}", "take it out", "yaml-syntax")

    def node(self, event: Any, depth: int) -> Node:
        """The node that begins with this event, `depth` levels down."""
        self.spend(1, event)
        if _kind(event) == "AliasEvent":
            return self.alias(event, depth)
        if event.tag is not None:
            self.tell(self.place(event), "tags have no meaning here",
                      "leave it out; a text that begins with `!` goes in quotes", "no-tags")  # fmt: skip
        if event.anchor is None:
            return self.content(event, depth)
        before = self.count
        self.open.add(event.anchor)
        node = self.content(event, depth)
        self.open.discard(event.anchor)
        self.anchors[event.anchor] = _Anchor(node, self.count - before + 1, _height(node))
        return node

    def content(self, event: Any, depth: int) -> Node:
        """A scalar, or a list or table with all that is in it."""
        if _kind(event) == "ScalarEvent":
            return self.scalar(event)
        if depth > DEPTH_MAX:
            self.too_deep(event)
        return self.items(event, depth) if _kind(event) == "SequenceStartEvent" else self.table(event, depth)

    def scalar(self, event: Any) -> Scalar:
        """A text."""
        quoted = event.style in {"'", '"', "|", ">"}
        text = event.value if quoted or event.value not in _NULLS else ""
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.tell(self.place(event), "an escape stands for half a character", "write the whole one", "bad-escape")
        return Scalar(text, self.place(event, event.end_mark), quoted)

    def items(self, start: Any, depth: int) -> Items:
        """A list."""
        items: list[Node] = []
        while _kind(event := next(self.events)) != "SequenceEndEvent":
            items.append(self.node(event, depth + 1))
        return Items(tuple(items), self.place(start, event.end_mark if start.flow_style else None))

    def table(self, start: Any, depth: int) -> Table:
        """A table, with what `<<` takes in."""
        own: dict[str, tuple[Scalar, Node]] = {}
        while _kind(event := next(self.events)) != "MappingEndEvent":
            key, value = self.node(event, depth + 1), self.node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                self.tell(key.place, "a list or a table cannot be a name",
                          "a text that begins with `{` or `[` goes in quotes", "bad-name")  # fmt: skip
            elif not key.text:
                self.tell(key.place, "a name is missing before the `:`",
                          "write one; the name null goes in quotes", "bad-name")  # fmt: skip
            else:
                _add(own, key, value, self.problems)
        first = next(iter(own.values()), None)
        if "<<" in own and not own["<<"][0].quoted:
            own = self.merged(own, own.pop("<<")[1])
        place = self.place(start, event.end_mark if start.flow_style else None)
        if first and not start.flow_style:
            place = place._replace(width=first[0].place.width)
        return Table(tuple(own.values()), place)

    def merged(self, own: dict[str, tuple[Scalar, Node]], more: Node) -> dict[str, tuple[Scalar, Node]]:
        """Own entries first and foremost, then those of each merged table whose names are still free."""
        for table in more.items if isinstance(more, Items) else (more,):
            if isinstance(table, Table):
                for key, value in table.entries:
                    own.setdefault(key.text, (key, value))
            else:
                self.tell(table.place, "`<<` takes in the settings of a table, and this is none",
                          "write `<<: *name` of a table that is marked `&name` before", "bad-merge")  # fmt: skip
        return own

    def alias(self, event: Any, depth: int) -> Node:
        """What the alias stands for; the same nodes, so that a problem in them shows where they are written."""
        place, name = self.place(event, event.end_mark), event.anchor
        if name in self.open:
            self.stop(place, f"`*{name}` stands inside of what it repeats", "write out what is meant", "endless-alias")
        if name not in self.anchors:
            self.tell(place, f"nothing before this is marked `&{name}`", choices(name, list(self.anchors), "marks"),
                      "unknown-alias")  # fmt: skip
            return Scalar(f"*{name}", place, True)
        anchor = self.anchors[name]
        self.spend(anchor.size, event)
        if depth - 1 + anchor.height > DEPTH_MAX:
            self.too_deep(event)
        return anchor.node

    def spend(self, nodes: int, event: Any) -> None:
        """Count nodes against the bound."""
        self.count += nodes
        if self.count > NODES_MAX:
            self.stop(self.place(event), f"the file has more than {NODES_MAX:,} values, counting what aliases repeat",
                      "split it, or repeat less", "too-large")  # fmt: skip

    def too_deep(self, event: Any) -> NoReturn:
        """Stop, since what reads the nodes calls itself once a level."""
        self.stop(self.place(event), f"lists and tables stand in each other more than {DEPTH_MAX} deep",
                  "no setting needs that", "too-deep")  # fmt: skip

    def place(self, event: Any, end: Any = None) -> Place:
        """Where an event's content begins, after its mark and tag, and how wide it is on that line."""
        row, column = event.start_mark.line, event.start_mark.column
        line = self.lines[row] if row < len(self.lines) else ""
        if getattr(event, "tag", None) is not None or (getattr(event, "anchor", None) and _kind(event) != "AliasEvent"):
            properties = re.match(_PROPERTIES, line[column:])
            column += properties.end() if properties else 0
        last = column + 1
        if getattr(event, "style", None) in {"|", ">"}:
            block = re.match(_BLOCK, line[column:])
            last = column + block.end() if block else last
        elif end is not None:
            last = end.column if end.line == row else len(line.rstrip())
        return Place(self.file, row + 1, column + 1, max(1, last - column), line)

    def tell(self, place: Place, what: str, fix: str, slug: str) -> None:
        """Note a problem and go on."""
        self.problems.append(Problem(place, what, fix, slug))

    def stop(self, place: Place, what: str, fix: str, slug: str) -> NoReturn:
        """Give up, with what was found until now."""
        raise DrillError([*self.problems, Problem(place, what, fix, slug)])


def _kind(event: Any) -> str:
    return type(event).__name__


def _height(node: Node) -> int:
    """How many levels of lists and tables a node has."""
    match node:
        case Scalar():
            return 0
        case Items():
            return 1 + max(map(_height, node.items), default=0)
        case Table():
            return 1 + max((_height(value) for _, value in node.entries), default=0)


def _add(entries: dict[str, tuple[Scalar, Node]], key: Scalar, value: Node, problems: list[Problem]) -> None:
    """Add an entry under its name; the first of a name counts, and a further one is a problem."""
    first = entries.setdefault(key.text, (key, value))[0]
    if first is not key:
        fix = "write one `<<: [*one, *other]`" if key.text == "<<" else "keep one of them"
        problems.append(Problem(key.place, f"`{key.text}` stands here a second time; the first is on line "
                                f"{first.place.line}", fix, "duplicate-setting"))  # fmt: skip


def _filled(node: Node, values: Mapping[str, str], problems: list[Problem]) -> Node:
    match node:
        case Scalar():
            return _filled_text(node, values, problems) if "${" in node.text else node
        case Items():
            return Items(tuple(_filled(item, values, problems) for item in node.items), node.place)
        case Table():
            entries: dict[str, tuple[Scalar, Node]] = {}
            for key, value in node.entries:
                name = _filled_text(key, values, problems) if "${" in key.text else key
                _add(entries, name, _filled(value, values, problems), problems)
            return Table(tuple(entries.values()), node.place)


def _filled_text(scalar: Scalar, values: Mapping[str, str], problems: list[Problem]) -> Scalar:
    def value(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = (match[1] or "").strip()
        if name in values:
            return values[name]
        place = _within(scalar.place, match[0])
        if re.fullmatch(_NAME, name):
            known = choices(name, _few(name, values), "variables")
            problems.append(Problem(place, f"there is no variable `{name}`", known, "unknown-variable"))
        else:
            problems.append(Problem(place, f"`{match[0]}` names no variable", "write ${name}, or $${ for a plain ${",
                                    "bad-variable"))  # fmt: skip
        return match[0]

    return scalar._replace(text=re.sub(_VARIABLE, value, scalar.text))


def _few(wrong: str, names: Iterable[str]) -> list[str]:
    """All names, or when they are many, as an environment's are, those that are like the wrong one."""
    from difflib import get_close_matches

    known = sorted(names)
    return known if len(known) <= 12 else get_close_matches(wrong, known, n=3)


def _within(place: Place, part: str) -> Place:
    """Where this part of a text stands, if it can be seen on the text's first line."""
    at = place.text.find(part, place.column - 1)
    return place._replace(column=at + 1, width=len(part)) if place.line and at >= 0 else place


def _from_data(data: object, place: Place, depth: int) -> Node:
    if depth > DEPTH_MAX + 1:
        raise mistake(place.file, f"lists and tables stand in each other more than {DEPTH_MAX} deep", "", "too-deep")
    match data:
        case None:
            return Scalar("", place, False)
        case str():
            return Scalar(data, place, True)
        case bool():
            return Scalar("true" if data else "false", place, False)
        case int() | float():
            return Scalar(repr(data), place, False)
        case list() | tuple():
            return Items(tuple(_from_data(item, place, depth + 1) for item in data), place)
        case Mapping():
            return Table(tuple((Scalar(str(key), place, True), _from_data(value, place, depth + 1))
                               for key, value in data.items()), place)  # fmt: skip
        case _:
            raise TypeError(f"not JSON-like: {type(data).__name__}")
