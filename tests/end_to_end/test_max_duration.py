"""No fault stays longer than the drill allows; and taking it away, however long that takes, is no reason to break off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.ground import Ground, ground

DRILL = """
drill: limited
safety: {max_duration: 2s}
probes: {page: {tcp: a, every: 20ms}}
steady: [{probe: page, success: ">= 99%", hold: 500ms}]
faults: [{id: thrown, throw: limit, for: 2s}]
"""
THROW, UNDO = "touch thrown", "rm -f thrown"
SLOWLY = "sleep 2.5; "


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Ground]:
    with ground(tmp_path, DRILL, "a") as found:
        yield found


def a_switch(here: Ground, throw: str, undo: str) -> None:
    """It is thrown and thrown back by these."""
    commands = {"throw": ["sh", "-c", throw], "undo": ["sh", "-c", undo], "is_thrown": ["test", "-e", "thrown"]}
    with (here.folder / "inventory.yaml").open("a", encoding="utf-8") as file:
        file.write(f"  limit: {{switch: {commands}}}\n")


@pytest.mark.parametrize("attended", [False, True])
def test_healing_that_takes_long_is_not_broken_off(here: Ground, *, attended: bool) -> None:
    a_switch(here, THROW, SLOWLY + UNDO)
    if attended:  # it stays until somebody says that it is over, and nobody does
        here.drill.write_text(DRILL.replace(", for: 2s", ""), encoding="utf-8")

    code, said = here.call("run", "drill.yaml", *["--attended"] * attended)

    assert code == 0, said
    kinds = here.kinds()
    assert "run.aborted" not in kinds
    assert kinds.count("injection.healing") == 1


def test_a_fault_that_would_stay_longer_is_taken_away(here: Ground) -> None:
    a_switch(here, SLOWLY + THROW, UNDO)

    code, said = here.call("run", "drill.yaml")

    assert code == 4, said
    assert "the faults have lasted 2 s, the most they may" in said
    assert not (here.folder / "thrown").exists()
