"""The conformance suite passes who keeps the contract, and catches who does not by the claim that is broken."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

from injectors import InjectionFailed, NothingRemembered
from injectors.conformance import Conformance, RecordingStage
from tests.injectors.switch import NAUGHTY, InTheHouse, Loose


def broken_claims(suite: Conformance) -> dict[str, str]:
    """Run a suite as pytest would, and say which claims fail and how."""
    broken: dict[str, str] = {}
    for name in (name for name in dir(suite) if name.startswith("test_")):
        try:
            getattr(suite, name)()
        except SkipTest:
            continue
        except Exception as error:  # noqa: BLE001 - whatever a naughty injector makes of it, it has not passed
            broken[name] = f"{type(error).__name__}: {error}"
    return broken


class TestAWellBehavedOne(InTheHouse):
    """Passes, and skips nothing."""


@pytest.mark.parametrize("naughty", NAUGHTY, ids=lambda cls: cls.__name__)
def test_a_broken_rule_is_caught_by_the_claims_that_speak_of_it(naughty: Any) -> None:
    class OfThisOne(InTheHouse):
        kind = naughty

    broken = broken_claims(OfThisOne())
    assert set(broken) == NAUGHTY[naughty], broken
