"""What people remark of a run that is over: that it was accepted, by whom and why, and a note. Kept in its directory."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from drills.errors import mistake
from drills.rundir import RunDir
from injectors.host import write_whole
from reports.past import Accepted

NAME = "remarks.json"


@dataclass(frozen=True, slots=True)
class Remarks:
    """All of them."""

    note: str = ""
    accepted: Accepted | None = None


def read(run: RunDir) -> Remarks:
    """Those of a run; none where there is no file. Raises DrillError when there is one that cannot be read."""
    path = run.path / NAME
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        accepted = data.get("accepted")
        return Remarks(str(data.get("note", "")), Accepted(**accepted) if accepted else None)
    except FileNotFoundError:
        return Remarks()
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise mistake(str(path), f"the remarks on the run cannot be read: {error}", "mend the file, or take it away",
                      "bad-remarks") from None  # fmt: skip


def accept(run: RunDir, accepted: Accepted | None) -> None:
    """Keep that a run was accepted; None takes that back."""
    _write(run, replace(read(run), accepted=accepted))


def note(run: RunDir, text: str) -> None:
    """Keep a note on a run, instead of the one there was."""
    _write(run, replace(read(run), note=text))


def _write(run: RunDir, remarks: Remarks) -> None:
    data = {"note": remarks.note, "accepted": asdict(remarks.accepted) if remarks.accepted else None}
    try:
        write_whole(run.path / NAME, json.dumps(data, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise mistake(str(run.path / NAME), f"the file cannot be written: {error.strerror}",
                      "check the folder and its permissions", "no-file") from None  # fmt: skip
