"""Tiny histories, so that a test reads as a table: what a fault did and when, and what a probe saw, look by look.

    History().fault(acting=10, effect=10.001).looks("100+ 20- 50+").evidence

is a fault that acted after ten seconds, and a probe that looked every 100 ms from 0 s on: 100 good looks, 20 bad ones,
50 good ones. `?` is a blind look, `.` one that was not made.
"""

import re
from collections.abc import Iterable
from typing import Any, Self

from checks.check import Verdict
from checks.evidence import Event, Evidence, Sample, Seen, pack


class History:
    """Builds evidence, one journal line after the other."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def evidence(self) -> Evidence:
        """What was told so far."""
        return Evidence(self.events)

    def event(self, t_s: float, kind: str, **data: Any) -> Self:
        """One line."""
        self.events.append(Event(seq=len(self.events), t_s=t_s, at="", kind=kind, source="test", data=data))
        return self

    def fault(self, name: str = "kill", *, acting: float | None = 10.0, effect: float | None = 10.0,
              healing: float | None = None, gone: float | None = None, target: str = "primary") -> Self:  # fmt: skip
        """A fault on one target; what is None did not happen. Told again for another target, it has both."""
        if not any(event.kind == "fault.planned" and event.data["fault"] == name for event in self.events):
            self.event(0.0, "fault.planned", fault=name)
        names = {"injection": f"{name}-{target}", "fault": name}
        self.event(acting or 0.0, "injection.intended", **names, target=target)
        for t_s, kind, data in [
            (acting, "injection.acting", {"what": "do it"}),
            (effect, "injection.verified", {"in_effect": True}),
            (healing, "injection.healing", {}),
            (gone, "injection.gone", {}),
        ]:
            if t_s is not None:
                self.event(t_s, kind, **names, **data)
        return self

    def opened(
        self, probe: str = "orders", *, every_s: float = 0.1, timeout_s: float = 1.0, writes: bool = True
    ) -> Self:
        """How a probe was meant to look."""
        return self.event(0.0, "probe.opened", probe=probe, every_s=every_s, timeout_s=timeout_s, writes=writes)

    def looks(self, pattern: str, *, probe: str = "orders", from_s: float = 0.0, every_s: float = 0.1,
              took_s: float = 0.002, why: str = "refused", batch: int = 5) -> Self:  # fmt: skip
        """Looks of one probe: `3+ 2- + ? .`; several calls go on with the numbers."""
        first = sum(
            len(event.data["n"]) for event in self.events if event.data.get("probe") == probe and "n" in event.data
        )
        seen = "".join(kind * int(count or 1) for count, kind in re.findall(r"(\d*)([-+?.])", pattern))
        made = [
            Sample(n=first + place, planned_s=from_s + place * every_s, sent_s=from_s + place * every_s,
                   done_s=from_s + place * every_s + took_s, seen=Seen(kind), why="" if kind == "+" else why, seq=0)
            for place, kind in enumerate(seen) if kind != "."
        ]  # fmt: skip
        return self.samples(made, probe=probe, batch=batch)

    def samples(self, samples: Iterable[Sample], *, probe: str = "orders", batch: int = 5) -> Self:
        """Looks as they are given, a few to a line, in the order given."""
        listed = list(samples)
        for start in range(0, len(listed), batch):
            some = listed[start : start + batch]
            self.event(max(one.done_s for one in some), "probe.sampled", **pack(probe, some))
        return self

    def steady(self, from_s: float, to_s: float, *, phase: str = "before", reached: bool = True) -> Self:
        """The steady state was reached, or not."""
        data: dict[str, Any] = {"phase": phase, "from_s": from_s, "to_s": to_s}
        return (
            self.event(to_s, "steady.confirmed", **data)
            if reached
            else self.event(to_s, "steady.missed", why="?", **data)
        )

    def read_back(self, *present: tuple[int, int], probe: str = "orders", t_s: float = 100.0) -> Self:
        """What was found of a probe's writes: inclusive ranges."""
        return self.event(t_s, "probe.read_back", probe=probe, present=[list(one) for one in present])


def said(verdict: Verdict) -> str:
    """Outcome and reason on one line, as the end screen shows them."""
    return f"{verdict.outcome}: {verdict.because}"
