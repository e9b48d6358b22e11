"""Sets everything up and runs a real failover drill: a Valkey cache loses its primary while orders are being written."""

import os
import sys
from pathlib import Path

from environment import prepare

if __name__ == "__main__":
    drill = Path(__file__).resolve().parent / "cache" / "lose-the-primary.yaml"
    programs = prepare("examples")
    os.execv(programs / "drills", ["drills", "run", os.path.relpath(drill), *sys.argv[1:]])
