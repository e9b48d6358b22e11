"""Tells a run where GitHub Actions shows it: annotations in the log, and the report as the step's summary."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from drills.running import render

if TYPE_CHECKING:
    from reports import Report

_SUMMARY_BYTES = 1024 * 1024
"""That the summary of one step may have, https://docs.github.com/en/actions (job summaries)."""
_CUT = "\n\n…\n"


def tell(report: "Report", language: str, environment: Mapping[str, str] = os.environ) -> None:
    """Say it where a runner of GitHub listens; anywhere else, nothing. What cannot be written costs no verdict."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    sys.stdout.write(render(report, "github", language).decode())
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("ab") as file:
            file.write(_fitting(render(report, "markdown", language), _SUMMARY_BYTES - file.tell()))
    except OSError as error:
        print(f"drills: the step's summary could not be written: {error}", file=sys.stderr)


def _fitting(content: bytes, most: int) -> bytes:
    """As much of it as there is room for, in whole lines."""
    if len(content) <= most:
        return content
    cut = content[: max(0, most - len(_CUT.encode()))]
    return cut[: cut.rfind(b"\n") + 1] + _CUT.encode() if cut else b""
