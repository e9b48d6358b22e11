"""The condition that a fault, or an act of the cast, waits for. Settings only; whether it is met, `live` says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from checks import FaultName, ProbeName
from checks.ground import need_time
from drills.events import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition that starts a fault, or an act of the cast. Exactly one of `probe`, `fault`, `alert` and `event`."""

    probe: Annotated[ProbeName | None, "This probe is good, or bad, for a while"] = None
    good_for: Annotated[timedelta | None, "Good looks only, for this long"] = None
    bad_for: Annotated[timedelta | None, "Bad looks only, for this long"] = None
    fault: Annotated[FaultName | None, "This fault was verified in effect"] = None
    verified_for: Annotated[timedelta, "That long ago"] = timedelta(0)
    alert: Annotated[str | None, "This alert came into its state after the steady state, as an observer tells"] = None
    state: Annotated[Literal["pending", "firing"], "The state of the alert"] = "firing"
    event: Annotated[EventKind | None, "An event of this kind was written to the journal after the steady state"] = None
    deadline: Annotated[timedelta, "Counted from the steady state. After it a fault is skipped, and the run inconclusive; "
                        "an act of the cast is left out, and the report says so"] = timedelta(minutes=1)  # fmt: skip

    def __post_init__(self) -> None:
        ways = [way for way in ("probe", "fault", "alert", "event") if getattr(self, way)]
        if len(ways) != 1:
            raise ValueError(ways[-1] if ways else "", f"`when` waits for {len(ways) or 'none'} of probe, fault, alert, event",
                             "give exactly one of them")  # fmt: skip
        spans = {name: span for name in ("good_for", "bad_for") if (span := getattr(self, name)) is not None}
        if len(spans) != bool(self.probe):
            raise ValueError("probe", "`when` needs one of `good_for` and `bad_for` with `probe`, and only with it",
                             "as in {probe: orders, good_for: 3s}")  # fmt: skip
        for name, span in spans.items():
            need_time(name, span)
        if self.verified_for and not self.fault:
            raise ValueError("verified_for", "`verified_for` means nothing without `fault`",
                             "as in {fault: primary-dies, verified_for: 5s}")  # fmt: skip
        if self.state != "firing" and not self.alert:
            raise ValueError(
                "state", "`state` means nothing without `alert`", "as in {alert: RegionDown, state: pending}"
            )
