"""Tables as CSV (RFC 4180), for spreadsheets and for programs.

A cell that begins with a sign by which spreadsheets know a formula gets a `'` before it, which they take for "this is text":
what somebody wrote into a chat must not run on the machine of whoever opens the file. For the same reason no cell holds a
control character other than tabs and ends of lines.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]")


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The whole file."""
    return "".join(table_lines(columns, rows))


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A line of names, and one a row. Figures stay figures; None is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    yield out.getvalue()
    for cells in rows:
        out.seek(0)
        out.truncate()
        writer.writerow([_cell(one) for one in cells])
        yield out.getvalue()


def _cell(value: object) -> object:
    match value:
        case None | "":
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case str():
            text = value if value.isprintable() else _clean(value)
            return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
        case _:
            return value


def _clean(text: str) -> str:
    return _CONTROL.sub("\ufffd", text).encode("utf-8", "replace").decode("utf-8")
