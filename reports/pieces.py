"""Pieces that several parts of the HTML page are made of: tables that become cards on a phone, and links to journal lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reports.language import say
from reports.markup import Html, el, join
from reports.wording import ranges

_PROOF_MAX = 6
"""Runs of journal lines that are shown of one proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of cells."""

    cells: Sequence[str]
    id: str = ""
    kind: str = ""


def cards(caption: str, columns: Mapping[str, str], groups: Iterable[Sequence[Line]], language: str, *,
          named: int = 0, class_: str = "") -> Html:  # fmt: skip
    """A table of these columns, each with its class, and which of them names its row; its rows in groups that belong together.

    On a phone each row is a card.
    Its roles are spelt out, since there it is laid out as no table.
    """
    names = [say(one, language) for one in columns]
    head = (el("th", name, scope="col", role="columnheader", class_=kind) if name else el("td", role="cell", class_=kind)
            for name, kind in zip(names, columns.values(), strict=True))  # fmt: skip
    kinds = list(columns.values())
    bodies = (_body(lines, names, kinds, named) for lines in groups)
    return el(
        "table",
        el("caption", say(caption, language)),
        el("thead", el("tr", *head, role="row"), role="rowgroup"),
        *bodies,
        role="table",
        class_=f"cards {class_}".rstrip(),
    )


def _body(lines: Sequence[Line], names: Sequence[str], kinds: Sequence[str], named: int) -> Html:
    rows = []
    for line in lines:
        cells = (
            el("th" if place == named else "td", cell, scope="row" if place == named else None,
               role="rowheader" if place == named else "cell", class_=kind, data_name=name if cell else None)
            for place, (cell, name, kind) in enumerate(zip(line.cells, names, kinds, strict=True))
        )  # fmt: skip
        rows.append(el("tr", *cells, role="row", id=line.id, class_=line.kind))
    return el("tbody", *rows, role="rowgroup")


def proof(lines: Iterable[int], known: set[int], most: int = _PROOF_MAX) -> Html:
    """Journal lines; those that the table of evidence has are links to it."""
    found = ranges(lines)

    def ref(line: int) -> str:
        return el("a", str(line), href=f"#line-{line}") if line in known else str(line)

    shown = [ref(first) if first == last else join(ref(first), "–", ref(last)) for first, last in found[:most]]
    rest = sum(last - first + 1 for first, last in found[most:])
    return join(*parted(", ", [*shown, f"+{rest}"] if rest else shown)) if shown else join("–")


def parted(mark: str, parts: Sequence[str]) -> list[str]:
    """The parts with a mark between each two."""
    return [one for part in parts for one in (mark, part)][1:]
