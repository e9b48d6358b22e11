"""Rows of a table for a terminal, as wide as it is: under each other where there is room, else each row on lines of its own."""

import re
from collections.abc import Iterator, Sequence

_UNITS = frozenset({"%", "d", "h", "m", "min", "ms", "pp", "s", "±", "µs", "×", "天"})
"""Words that are not parted from the figure before them."""


def rows_of(rows: Sequence[Sequence[str]], width: int | None = None, *, head: Sequence[str] = ()) -> Iterator[str]:
    """Cells under each other, by the cells that they take on a screen. `head` are their names.

    Where a row is wider than `width`, each begins with its first cell, and the others follow with their names.
    """
    from rich.cells import cell_len

    table = [*([head] if head else []), *rows]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    if width is None or sum(widths) + 2 * len(widths) <= width:
        for row in table:
            padded = [cell + " " * (wide - cell_len(cell)) for cell, wide in zip(row, widths, strict=True)]
            yield ("  " + "  ".join(padded)).rstrip()
        return
    for first, *others in rows:
        yield from folded(f"  {first}", width)
        names = head[1:] or [""] * len(others)
        named = (f"{name} {cell}".strip() for name, cell in zip(names, others, strict=True) if cell.strip())
        yield from _flowing(list(named), width)


def _flowing(cells: Sequence[str], width: int) -> Iterator[str]:
    """As many on a line as go there whole."""
    from rich.cells import cell_len

    line = ""
    for cell in cells:
        more = f"{line}   {cell}" if line else f"      {cell}"
        if line and cell_len(more) > width:
            yield from folded(line, width)
            more = f"      {cell}"
        line = more
    yield from folded(line, width) if line else ()


def folded(line: str, width: int | None) -> Iterator[str]:
    """The line, on several where it is too long; the others begin deeper. No word and no figure is cut."""
    from rich.cells import cell_len

    if width is None or cell_len(line) <= width:
        yield line
        return
    margin = " " * (len(line) - len(line.lstrip()))
    now, deeper = margin, margin + "    "
    for piece in _pieces(line.strip()):
        if now.strip() and cell_len(now + piece.rstrip()) > width:
            yield now.rstrip()
            now = deeper
        now += piece
    yield now.rstrip()


def _pieces(text: str) -> Iterator[str]:
    """What stays together: a word, a figure with its unit and its bounds, a Chinese character with the sign after it."""
    found = ""
    for word in re.findall(r"[\u3040-\u9fff][，。；：、）]?\s*|[^\s\u3040-\u9fff]+\s*|\s+", text):
        if found and not (word.rstrip(" ,;:.)，。；：、）") in _UNITS or found.rstrip().endswith("±")):
            yield found
            found = ""
        found += word
    yield found
