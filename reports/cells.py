"""Tables as CSV (RFC 4180), for spreadsheets and for programs.

A cell that begins with a sign by which spreadsheets know a formula gets a `'` before it, which they take for "this is text":
what somebody wrote into a chat must not run on the machine of whoever opens the file.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The whole file: a line of names, and one a row. Figures stay figures; None is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(one) for one in row] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case str():
            text = value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
            return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
        case _:
            return value
