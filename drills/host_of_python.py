"""How to start another Python of ours, with the packages that we run with and none from the present directory."""

import sys
from pathlib import Path


def argv(module: str) -> list[str]:
    """The command for `python -m module`, to which arguments may be added.

    `-P` keeps the present directory, and a `checks/` in it, out of the way. Where our packages are is said in the
    command and not in the environment, which processes that are started from there would inherit.
    """
    home = str(Path(__file__).resolve().parent.parent)
    code = f"import runpy, sys; sys.path.insert(0, {home!r}); runpy.run_module({module!r}, run_name='__main__')"
    return [sys.executable, "-P", "-c", code]
