"""Switches are thrown before they are needed, and a safe mode comes with the crashes and goes: on a small shop."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.desk import Desk
from tests.end_to_end.ground import ROOT, wait_until

SWITCHES = ROOT / "examples" / "switches"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    here = Desk(tmp_path)
    yield here
    wait_until(lambda: not here.left(), "nothing is left that has to do with the run")


def test_each_switch_is_thrown_seen_to_work_and_thrown_back(desk: Desk) -> None:
    code, said = desk.call("run", str(SWITCHES / "throw-each-switch.yaml"))

    assert code == 0, said
    assert [one["why"] for one in desk.told("injection.verified")] == ["order-limit is thrown", "no-coupons is thrown"]
    assert [one["why"] for one in desk.told("injection.gone")] == [
        "order-limit is not thrown",
        "no-coupons is not thrown",
    ]


def test_a_safe_mode_comes_with_the_third_start_and_goes(desk: Desk) -> None:
    code, said = desk.call("run", str(SWITCHES / "crash-loop.yaml"))

    assert code == 0, said


@pytest.mark.parametrize(("broken", "code", "reason"), [
    ("throws nothing", 3, "never took effect"), ("works on nobody", 1, "limited had not come"),
])  # fmt: skip
def test_a_switch_that_does_not_do_what_it_should_is_found_out(
    desk: Desk, tmp_path: Path, broken: str, code: int, reason: str
) -> None:
    """One whose command does nothing was never thrown; one that the shop does not know is thrown, and nobody notices."""
    copy = tmp_path / "switches"
    shutil.copytree(SWITCHES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    inventory = (copy / "inventory.yaml").read_text(encoding="utf-8")
    old, new = (
        (r"throw: .*throw, order-limit\]", "throw: ['true']")
        if broken == "throws nothing"
        else (r"order-limit\]", "renamed]")
    )
    inventory = re.sub(old, new, inventory)
    (copy / "inventory.yaml").write_text(inventory, encoding="utf-8")
    ended, said = desk.call("run", str(copy / "throw-each-switch.yaml"))

    assert ended == code, said
    assert reason in said
