"""What a drill says of the service's objective: settings, and what they come to with what the drill says elsewhere."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from checks import ProbeName, Ratio, Sentence
from checks.ground import need_time
from checks.service_level import Objective
from checks.steady import Steady

_RATE = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*/\s*(s|m|h|d)\s*")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something comes: `1200/s`."""

    example: ClassVar[str] = "1200/s"

    text: str
    per_s: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        match = _RATE.fullmatch(text)
        if match is None or not float(match[1]):
            raise ValueError("a rate above 0, such as 1200/s, 50000/m or 8000000/d")
        return cls(f"{match[1]}/{match[2]}", float(match[1]) / _UNIT_S[match[2]])

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Slo:
    """What the service is to keep where it is used. The report reckons with it; no check does."""

    success: Annotated[
        Ratio | None, "The share of good requests; left out, the success limit of the probe's steady state"
    ] = None
    probe: Annotated[
        ProbeName | None, "The probe that the service is known by; left out, the first with a success limit in `steady`"
    ] = None
    period: Annotated[timedelta, "The time over which it must be kept"] = timedelta(days=30)
    rate: Annotated[
        Rate | None, "How much is asked of the service where it is used, to reckon failed requests from a lab's looks"
    ] = None

    def __post_init__(self) -> None:
        need_time("period", self.period)
        if self.success is not None and not self.success:
            raise ValueError("success", "an objective of 0% promises nothing", "give it as 99.9%")


def objective(slo: Slo | None, steady: Sequence[Steady], probes: Collection[str]) -> Objective | Sentence:
    """The objective, or why there is none."""
    limits: dict[str, float] = {}
    for one in steady:
        if one.success and one.success.sign.startswith(">"):
            limits.setdefault(one.probe, one.success.value)
    written = slo or Slo()
    named = [written.probe] if written.probe else [*limits, *(one.probe for one in steady), *probes]
    if not named or (len(probes) > 1 and not (written.probe or steady)):
        return Sentence("the drill does not say by which probe the service is known")
    probe = named[0]
    success = written.success or limits.get(probe)
    if not success:
        return Sentence.of("the drill says neither in `slo` nor in `steady` what {probe} is to keep", probe=probe)
    return Objective(probe=probe, success=success, period_s=written.period.total_seconds(),
                     rate_per_s=written.rate.per_s if written.rate else None, promised=written.success is not None)  # fmt: skip
