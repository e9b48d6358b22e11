"""Where a run is kept on disk, and the list of runs on this host that may have left something behind.

A run's directory holds everything about it: the drill and its companions as they were, the plan, the journal, the
lab's logs, the reports. Each command can start from it. Beside that, every run that may touch anything is listed
in the user's state directory until it is clean, so that `drills heal` finds it from any directory.
"""

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drills import journal
from drills.errors import choices, mistake
from injectors.host import write_whole

_NAME_MAX = 60
"""Characters of a drill's name in its directory's name, which systems bound."""
_LISTED_MAX = 10


@dataclass(frozen=True, slots=True)
class RunDir:
    """The directory of one run."""

    path: Path

    @property
    def id(self) -> str:
        """`2026-11-21T09-41-03Z-lose-the-primary-3f2a`."""
        return self.path.name

    @property
    def short(self) -> str:
        """The last part of the id, enough to name a run by."""
        return self.id.rpartition("-")[2]

    @property
    def journal(self) -> Path:
        """The events."""
        return self.path / "journal.jsonl"

    @property
    def drill(self) -> Path:
        """The drill file as it was."""
        return self.path / "drill.yaml"

    @property
    def rubric(self) -> Path:
        """The rubric as it was."""
        return self.path / "rubric.yaml"

    @property
    def plan(self) -> Path:
        """The plan, as JSON."""
        return self.path / "plan.json"

    @property
    def lab(self) -> Path:
        """Pidfiles, logs and files of the lab's processes."""
        return self.path / "lab"

    @property
    def abort(self) -> Path:
        """Written by `drills abort`; the conductor looks for it."""
        return self.path / "abort.json"

    @property
    def acts(self) -> Path:
        """What people do is laid here by the commands of responders, and taken in by the conductor."""
        return self.path / "acts"

    @property
    def is_live(self) -> bool:
        """True while its conductor or a healer is writing its journal."""
        return journal.is_being_written(self.journal)


def default_root() -> Path:
    """`runs` below the present directory, or what `CHAOS_DRILLS_RUNS` says."""
    return Path(os.environ.get("CHAOS_DRILLS_RUNS", "runs"))


def create(root: Path, drill: str, now: datetime) -> RunDir:
    """Make a new run's directory, readable by its user only. No other run that is known here has the same short name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", drill).strip("-")[:_NAME_MAX] or "drill"
    taken = {run.short for run in known_runs(root)}
    short = next(token for token in iter(lambda: secrets.token_hex(2), "") if token not in taken)
    path = root.absolute() / f"{now:%Y-%m-%dT%H-%M-%SZ}-{name}-{short}"
    path.mkdir(parents=True, mode=0o700)
    (path / "lab").mkdir()
    (path / "acts").mkdir(mode=0o700)
    return RunDir(path)


def all_runs(root: Path) -> list[RunDir]:
    """The runs kept below `root`, oldest first."""
    if not root.is_dir():
        return []
    return [RunDir(path.absolute()) for path in sorted(root.iterdir()) if (path / "journal.jsonl").is_file()]


def known_runs(root: Path) -> list[RunDir]:
    """The runs kept below `root`, and those listed as open wherever they are, oldest first."""
    runs = {run.id: run for run in [*all_runs(root), *open_runs()]}
    return [runs[id_] for id_ in sorted(runs)]


def find(root: Path, name: str) -> RunDir:
    """A run by its directory, its id, the last part of its id, or `last`. Raises DrillError when there is none."""
    if (Path(name) / "journal.jsonl").is_file():
        return RunDir(Path(name).absolute())
    runs = known_runs(root)
    if name == "last" and runs:
        return runs[-1]
    found = [run for run in runs if name in (run.id, run.short)]
    if len(found) == 1:
        return found[0]
    if found:
        raise mistake(name, f"{len(found)} runs are called `{name}`", f"say which: {', '.join(one.id for one in found)}",
                      "ambiguous-run")  # fmt: skip
    newest = [run.short for run in runs[: -_LISTED_MAX - 1 : -1]]
    raise mistake(str(root), f"there is no run `{name}`", choices(name, newest, "newest runs" if newest else "runs"),
                  "unknown-run")  # fmt: skip


def state_dir() -> Path:
    """Where this user's list of open runs is: `CHAOS_DRILLS_STATE`, or below `XDG_STATE_HOME`."""
    given = os.environ.get("CHAOS_DRILLS_STATE")
    if given:
        return Path(given)
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "chaos-drills"


@contextmanager
def alone() -> Iterator[None]:
    """Hold off every other run of this user that is about to begin, from looking for overlaps until it is listed."""
    state_dir().mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(state_dir() / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # held for moments only, and let go by the system when its holder dies
        yield
    finally:
        os.close(handle)


def list_open(run: RunDir) -> None:
    """Put a run on the list, on disk before anything is touched."""
    folder = state_dir() / "open"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / run.id, json.dumps({"path": str(run.path)}))


def list_closed(run: RunDir) -> None:
    """Take a run off the list: it has left nothing behind."""
    (state_dir() / "open" / run.id).unlink(missing_ok=True)


def open_runs() -> list[RunDir]:
    """Runs on the list whose directory is still there, oldest first. Raises DrillError when the list cannot be read."""
    folder = state_dir() / "open"
    if not folder.is_dir():
        return []
    found = [RunDir(path) for entry in sorted(folder.glob("[!.]*")) if (path := _listed(entry))]
    return [run for run in found if run.journal.is_file()]


def _listed(entry: Path) -> Path | None:
    """The directory that an entry of the list names; None for what is no entry, or was just taken off."""
    try:
        return Path(json.loads(entry.read_text(encoding="utf-8"))["path"])
    except (FileNotFoundError, IsADirectoryError, ValueError, KeyError, TypeError):
        return None
    except OSError as error:  # it may well name a run that has left something behind
        raise mistake(str(entry), f"the list of open runs cannot be read: {error.strerror}",
                      "run this as the user who ran that drill", "no-file") from error  # fmt: skip
