"""Real components that a test drives: there, or the test says which one was missing."""

import os

import pytest


def need(component: str, available: bool) -> None:
    """Go on when the component is there; else skip the test by its name, or fail it where nothing may be skipped."""
    if available:
        return
    if os.environ.get("CHAOS_DRILLS_REQUIRE_REAL") == "1":
        pytest.fail(f"{component} is needed here and is not there")
    pytest.skip(f"needs {component}")
