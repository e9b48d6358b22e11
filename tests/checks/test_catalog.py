"""The lists of checks and probes, and what all of them have in common."""

import subprocess
import sys
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, get_origin, get_type_hints

import pytest

from checks.check import Outcome, judge
from checks.clean import Clean
from checks.evidence import Evidence
from checks.steady import Steady
from checks.took_effect import TookEffect
from drills import registry

CHECKS, PROBES = (tuple(registry.kinds(group).values()) for group in ("checks", "probes"))
OF_EVERY_DRILL = (Steady, TookEffect, Clean)


@pytest.mark.parametrize("group", [(*CHECKS, *OF_EVERY_DRILL), PROBES], ids=["checks", "probes"])
def test_names_are_there_once_each(group: tuple[type, ...]) -> None:
    names = [kind.name for kind in group]  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and name.replace("_", "").isalpha() for name in names)


def test_authors_have_these_checks_and_probes() -> None:
    assert [kind.name for kind in CHECKS] == [
        "failover",
        "data_loss",
        "unaffected",
        "media",
        "appears",
        "recovered",
        "alert",
        "alerts",
        "sop",
        "rescheduled",
    ]
    names = ["http", "tcp", "udp_stream", "valkey", "sql", "command", "prometheus", "kubernetes"]
    assert [kind.name for kind in PROBES] == names


@pytest.mark.parametrize("kind", [*CHECKS, *OF_EVERY_DRILL, *PROBES], ids=lambda kind: kind.__name__)
def test_each_is_a_frozen_keyword_only_model_whose_settings_carry_help(kind: Any) -> None:
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert all(field.kw_only for field in fields(kind))
    hints = get_type_hints(kind, include_extras=True)
    helped = {field.name: get_origin(hints[field.name]) is Annotated for field in fields(kind)}
    set_by_the_roof = {"phase", "book", "overruling"}  # and by no author
    assert {name for name, has in helped.items() if not has} <= set_by_the_roof


@pytest.mark.parametrize("kind", [*CHECKS, *OF_EVERY_DRILL], ids=lambda kind: kind.__name__)
def test_without_any_evidence_each_check_is_unknown(kind: Any) -> None:
    """No data never passes and never fails."""
    from datetime import timedelta

    from checks.check import RatioLimit

    known: dict[str, Any] = {"probe": "orders", "after": "kill", "during": "kill", "fault": "kill",
                             "name_": "Down", "workload": "deployment/shop",
                             "within": timedelta(seconds=5), "success": RatioLimit.parse(">= 99%"),
                             "file": "sop.yaml"}  # fmt: skip
    check = kind(**{field.name: known[field.name] for field in fields(kind) if field.name in known})
    verdict = judge(check, Evidence())
    assert verdict.outcome is Outcome.UNKNOWN
    assert "broke" not in str(verdict.because)


def test_no_check_and_no_probe_loads_a_client_library() -> None:
    """A drill is checked at once, whatever its probes will need when it runs."""
    heavy = ("asyncio", "aiohttp", "valkey", "psycopg", "psutil", "yaml", "rich", "ssl")
    modules = ", ".join(sorted({kind.__module__ for kind in (*CHECKS, *PROBES)}))
    program = f"import {modules}, sys; print(*[name for name in {heavy!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.split() == []
