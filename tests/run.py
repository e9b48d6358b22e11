"""Sets everything up and runs all tests; words after it go to pytest, as in `python3 tests/run.py -k journal`."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))

from environment import prepare  # noqa: E402 - the examples' folder is no package

if __name__ == "__main__":
    python = prepare("test") / "python"
    os.chdir(ROOT)
    os.execv(python, [python, "-m", "pytest", *sys.argv[1:]])  # by its path, from which it knows its environment
