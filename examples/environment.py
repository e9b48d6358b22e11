"""Sets up `.venv` in the checkout with all that the examples or the tests need. Needs Python 3.11 and nothing else.

`uv` is used where it is there; otherwise `venv` and `pip`, which come with Python. A second call does nothing unless
`pyproject.toml` has changed.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def prepare(extra: str) -> Path:
    """Make the environment hold the distribution with this extra; pass the folder of its programs."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this has not installed anything yet
        sys.exit(f"chaos-drills needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable})")
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    done = VENV / f"installed-{extra}"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        print(f"setting up {VENV} (once; later runs start at once)", file=sys.stderr, flush=True)
        _install(extra, shutil.which("uv"))
        done.write_text(wanted, encoding="utf-8")
    return VENV / "bin"


def _install(extra: str, uv: "str | None") -> None:
    python = VENV / "bin" / "python"
    if not python.exists():  # or points to an interpreter that is gone
        _make(uv)
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    if uv:
        pip = [uv, "pip", "install", "--python", python]
    _run(
        [*pip, "--quiet", "--editable", f"{ROOT}[{extra}]"],
        "see that the package index can be reached; if it can, delete .venv and try again",
    )


def _make(uv: "str | None") -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    made = [uv, "venv", "--quiet", "--python", sys.executable, VENV] if uv else [sys.executable, "-m", "venv", VENV]
    try:
        _run(made, "if `venv` is not there, install it (Debian: python3-venv) or install uv")
    except SystemExit:
        shutil.rmtree(VENV, ignore_errors=True)  # else the next call would take half an environment for a whole one
        raise


# Types in quotes: an older Python must come as far as the sentence that says so.
def _run(command: "list[str | Path]", fix: str) -> None:
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode:
        sys.exit(f"setting up failed: {' '.join(map(str, command))}\n  {fix}")
