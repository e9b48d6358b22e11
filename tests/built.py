"""What tests have to build or install for themselves is kept in the user's cache and made once.

Under a lock, and put in place by one rename, so that two test runs never meet half a thing.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD_S = 600


def made_once(folder: str, what: str, make: Callable[[Path], None]) -> Path:
    """The file or folder `what` of this folder of the cache, made in a neighbour of it if it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chaos-drills"
    made = cache / folder / what
    made.parent.mkdir(parents=True, exist_ok=True)
    with (cache / f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=cache) as room:
                make(Path(room))
                (Path(room) / what).rename(made)
    return made


def call(words: Sequence[str], cwd: Path = ROOT, limit_s: float = BUILD_S, **environment: str) -> None:
    """Run a program that must succeed; what it printed stands in the failure."""
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
                          timeout=limit_s, check=False)  # fmt: skip
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
