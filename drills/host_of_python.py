"""How to start another Python of ours, with the packages that we run with and none from the present directory."""

import os
import sys
from pathlib import Path


def argv(module: str) -> list[str]:
    """The command for `python -m module`. `-P` keeps the present directory, and a `checks/` in it, out of the way."""
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Our environment, with the folder that our packages are in put first among the places of modules."""
    ours = str(Path(__file__).resolve().parent.parent)
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{ours}{os.pathsep}{known}" if known else ours}
