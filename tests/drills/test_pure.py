"""A kept run gives the same bytes to whoever judges and renders it: in another process, place, time zone, locale and mood."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from drills import registry
from drills.judging import judge_run
from drills.pack import pack
from drills.rundir import RunDir
from tests.drills import afterwards

ROOT = Path(__file__).parents[2]
MOODS = [
    {"PYTHONHASHSEED": "0", "TZ": "Asia/Shanghai", "LC_ALL": "C", "PYTHONUTF8": "0"},
    {"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "COLUMNS": "40", "FORCE_COLOR": "1", "LANG": "zh_CN.UTF-8"},
    {"PYTHONHASHSEED": "99", "TZ": "Pacific/Kiritimati", "NO_COLOR": "1", "GITHUB_ACTIONS": "true"},
]


def made(path: Path, room: Path) -> dict[str, str]:
    """The digest of everything that is made of the run in this directory, by its name and language."""
    report = judge_run(RunDir(path))
    found = {}
    for language in ("en", "zh"):
        for name, kind in registry.kinds("renderers").items():
            anything: Any = kind
            content = anything().render(report, language)
            found[f"{name} {language}"] = content if isinstance(content, bytes) else content.encode("utf-8")
        found[f"pack {language}"] = pack(RunDir(path), path=room / f"{language}.zip", language=language).read_bytes()
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


@pytest.mark.parametrize("mood", MOODS, ids=lambda mood: mood["TZ"])
def test_everything_that_is_made_of_a_run_is_the_same_wherever_it_is_made(tmp_path: Path, mood: dict[str, str]) -> None:
    run = afterwards.run(tmp_path, *afterwards.TEAM)
    elsewhere = tmp_path / "else where" / run.id
    shutil.copytree(run.path, elsewhere)
    code = ("import json, sys; from pathlib import Path; from tests.drills.test_pure import made; "
            "print(json.dumps(made(Path(sys.argv[1]), Path(sys.argv[2]))))")  # fmt: skip
    there = subprocess.run(
        [sys.executable, "-c", code, str(elsewhere), str(elsewhere.parent)], cwd=elsewhere.parent, check=True,
        capture_output=True, text=True, timeout=60, env={**os.environ, **mood, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    here = made(run.path, tmp_path)
    assert len(here) >= 14
    assert [name for name, digest in json.loads(there.stdout).items() if here.pop(name) != digest] == []
    assert here == {}
