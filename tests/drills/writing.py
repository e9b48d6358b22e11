"""What tests of the roof begin with: a drill's text, the mistakes in it, and a run's directory made by hand."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from checks import Seen
from checks.evidence import Sample, pack
from drills import drill as drills
from drills.binding import Binding
from drills.drill import Drill
from drills.errors import DrillError, Problem
from drills.journal import FORMAT, Journal, boot
from drills.source import parse
from tests.fakes import Flag, StillClock

CACHE = """
drill: lose-the-primary
probes:
  orders: {tcp: cache}
faults:
  - {id: primary-dies, kill: cache-primary, at: 2s}
checks:
  - failover: {probe: orders, after: primary-dies, within: 5s}
"""
"""The smallest drill that has one of each."""


def bound(text: str, *limits: str) -> tuple[Drill | None, list[Problem]]:
    """A drill's text, read, and the mistakes in it."""
    binding = Binding()
    drill = drills.bind(parse(textwrap.dedent(text), "drill.yaml"), binding, limits=limits)
    return drill, binding.problems


def good(text: str, *limits: str) -> Drill:
    """A drill's text, in which there must be no mistake."""
    drill, problems = bound(text, *limits)
    assert [str(one) for one in problems] == []
    assert drill is not None
    return drill


def slugs(text: str, *limits: str) -> list[str]:
    """The names of the mistakes in a drill's text."""
    return [one.slug for one in bound(text, *limits)[1]]


def only(text: str, *limits: str) -> Problem:
    """The one mistake in a drill's text."""
    (problem,) = bound(text, *limits)[1]
    return problem


def refusal(call: Callable[[], object]) -> list[Problem]:
    """The mistakes that a call is refused with."""
    with pytest.raises(DrillError) as refused:
        call()
    return list(refused.value.problems)


def write(folder: Path, **files: str) -> Path:
    """Write `drill.yaml` and its companions, by name; pass the drill's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return folder / "drill.yaml"


def add_flags(monkeypatch: pytest.MonkeyPatch, *kinds: type) -> None:
    """Let drills know the fault `flag`, and others of a test's own."""
    from injectors.catalog import ADDRESSES, INJECTORS

    def where(listed: Iterable[Any]) -> dict[str, str]:
        return {one.name: f"{one.__module__}:{one.__name__}" for one in listed}

    faults: tuple[Any, ...] = (Flag, *kinds)
    monkeypatch.setattr("injectors.catalog.INJECTORS", {**INJECTORS, **where(faults)})
    monkeypatch.setattr("injectors.catalog.ADDRESSES", {**ADDRESSES, **where(kind.address for kind in faults)})


def opening(**data: Any) -> Mapping[str, Any]:
    """What the first line of a journal holds."""
    return {"format": FORMAT, "boot": boot(), "monotonic_s": StillClock().now_s, "run": "run", "drill": "x",
            "path": "drill.yaml", "environment": "lab", "digests": {}, "versions": {}, "limits": [], **data}  # fmt: skip


def samples(probe: str, from_s: float, seen: str, *, every_s: float = 0.1, took_s: float = 0.01, n: int = 0,
            late_s: float = 0.0) -> dict[str, Any]:  # fmt: skip
    """The data of one event with looks that saw `seen`, one a letter: `++--?`."""
    return pack(probe, [
        Sample(n=n + place, planned_s=from_s + place * every_s, sent_s=from_s + place * every_s + late_s,
               done_s=from_s + place * every_s + late_s + took_s, seen=Seen(letter), seq=-1)
        for place, letter in enumerate(seen)
    ])  # fmt: skip


class Story:
    """A journal written by hand, each event at a time of one's choice."""

    def __init__(self, journal: Path, /, **data: Any) -> None:
        self._clock = StillClock()
        self._journal = Journal.create(journal, self._clock)
        self._journal.append("run.opened", opening(**data))

    def at(self, t_s: float, kind: str, /, **data: Any) -> "Story":
        """Write an event."""
        self._clock.now_s = StillClock().now_s + t_s
        self._journal.append(kind, data)
        return self

    def fault(self, fault: str, *, intended: float, effect: float | None = None, gone: float | None = None,
              target: str = "hill", injector: str = "flag", remembered: Mapping[str, Any] | None = None) -> "Story":  # fmt: skip
        """Write what becomes of a fault, as far as its times are given."""
        names = {"injection": f"run-{fault}", "fault": fault, "target": target}
        self.at(intended, "injection.intended", **names, injector=injector, version=1, does=f"raise a flag ({target})")
        if remembered is not None or effect is not None:
            self.at(intended, "injection.remembered", **names, data=dict(remembered or {}))
            self.at(intended, "injection.acting", **names, what="raise it")
        if effect is not None:
            self.at(effect, "injection.verified", **names, in_effect=True, why="it is there")
        if gone is not None:
            self.at(gone, "injection.healing", **names)
            self.at(gone, "injection.gone", **names, why="it is not there")
        return self

    def end(self) -> None:
        """Close the file."""
        self._journal.close()
