"""How moments, phases and pages of a run are told, on the screen and to whoever asks how it stands."""

import os
import shutil
import sys
from collections.abc import Mapping

from checks import Event

PHASES: Mapping[str, str] = {
    "preparing": "preparing",
    "steady": "waiting for the steady state",
    "faults": "bringing faults about",
    "healing": "healing",
    "recovery": "recovering",
    "closing": "closing",
}
_NAMES_MAX = 3
"""Alerts of one page that are named."""


def terminal_width() -> int | None:
    """Of the terminal, or as COLUMNS says; None where what is printed goes into a file or to another program."""
    known = "COLUMNS" in os.environ or sys.stdout.isatty()
    return shutil.get_terminal_size().columns if known else None


def clock(seconds: float) -> str:
    """`01:12`: minutes and seconds since the run was opened."""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def page(event: Event) -> str:
    """`CachePrimaryDown reached oncall (firing)`; empty for what is no page, reached nobody, or was told before."""
    data = event.data
    if event.kind != "page.received" or not data.get("new", True) or not 200 <= int(data.get("answered") or 200) < 300:
        return ""
    names = sorted({str(one.get("alert")) for one in data.get("alerts") or ()})
    more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
    about = f"{', '.join(names[:_NAMES_MAX])}{more}" if names else "a page"
    return f"{about} reached {data.get('receiver') or data.get('observer') or 'somebody'} ({data.get('status')})"
