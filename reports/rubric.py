"""A rubric, as it is written in a file: the weights, curves and caps by which `reports.score` makes a score of verdicts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import isfinite
from typing import Annotated, Literal

from checks import Ratio

OTHER = "other"
"""The dimension of checks whose kind the rubric does not list."""
_CONFIDENCE = Ratio(0.8)
_HALF = Ratio(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One ability that a drill shows, and the kinds of check that show it."""

    title: Annotated[str, "For the report"]
    weight: Annotated[
        float,
        "Its share of the score, beside the other dimensions that the drill has checks for; 0: shown and not counted",
    ]
    checks: Annotated[
        Mapping[str, float], "Kinds of check that count here, or parts of one as sop.triage, each with its weight"
    ]

    def __post_init__(self) -> None:
        _at_least_0("weight", self.weight)
        for kind, weight in self.checks.items():
            _at_least_0("checks", weight, f"weight of `{kind}`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The most a score can be after a harm."""

    at_most: Annotated[float, "The score is at most this, from 0 to 100"]
    because: Annotated[str, "In a few words, for the report"]

    def __post_init__(self) -> None:
        if not 0 <= self.at_most <= 100:
            raise ValueError("at_most", f"a score cannot be {self.at_most:g}", "give a figure from 0 to 100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What is left of the credit of what came too late, or was lost meanwhile."""

    zero_at: Annotated[
        float,
        "At how many times its limit what is late is worth nothing; from the limit on it loses by as much a second",
    ] = 2.0
    par: Annotated[
        timedelta | None,
        "How much service a run may lose, in seconds of full outage; left out, only how long it took counts",
    ] = None
    area: Annotated[Ratio, "How much of a recovery's credit goes by the service lost, where there is a par"] = _HALF

    def __post_init__(self) -> None:
        if not (isfinite(self.zero_at) and self.zero_at >= 1):
            raise ValueError("zero_at", f"nothing can be worth nothing at {self.zero_at:g} times its limit and be in time",
                             "give 1 or more, as 2")  # fmt: skip
        if self.par is not None and self.par <= timedelta(0):
            raise ValueError("par", "a par of nothing cannot be missed by half", "give a time, as 5s, or leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """Weights, curves and caps: how verdicts become a score."""

    rubric: Annotated[str, "Its name, as printed in reports"]
    about: Annotated[str, "What it is for"] = ""
    dimensions: Annotated[Mapping[str, Dimension], "The abilities that are scored, by name"]
    curves: Annotated[Curves, "What is left of the credit of what came too late"] = Curves()
    caps: Annotated[Mapping[str, Cap], "The most a score can be, by the harm that a check found"] = field(
        default_factory=dict
    )
    unknown: Annotated[
        Literal["leaves", "earns nothing"],
        "What becomes of a check that is unknown: it leaves the score, or earns nothing, so that to hide something never pays",
    ] = "leaves"
    other: Annotated[float, "The weight, beside the dimensions, of checks whose kind none of them lists"] = 10.0
    confidence: Annotated[Ratio, "The share of the score that must be judged; with less the run is inconclusive"] = (
        _CONFIDENCE
    )

    def __post_init__(self) -> None:
        _at_least_0("other", self.other)
        listed = Counter(kind for dimension in self.dimensions.values() for kind in dimension.checks)
        for kind, times in listed.items():
            if times > 1:
                raise ValueError(
                    "dimensions", f"`{kind}` is listed in {times} dimensions", "list each kind of check once"
                )
            whole = kind.partition(".")[0]
            if whole != kind and whole in listed:
                raise ValueError("dimensions", f"`{whole}` is listed as a whole and by its part `{kind}`",
                                 "list the whole, or each of its parts")  # fmt: skip
        if OTHER in self.dimensions:
            raise ValueError("dimensions", f"`{OTHER}` is the dimension of what no other lists", "give it another name")

    @property
    def strict(self) -> bool:
        """Whether what nobody could see earns nothing."""
        return self.unknown == "earns nothing"

    def parts(self, kind: str) -> list[str]:
        """The parts of this kind of check that are listed, as `triage`; none where it counts as a whole."""
        listed = (one for dimension in self.dimensions.values() for one in dimension.checks)
        return [one.partition(".")[2] for one in listed if one.startswith(f"{kind}.")]


def _at_least_0(setting: str, weight: float, what: str = "weight") -> None:
    if not (isfinite(weight) and weight >= 0):
        raise ValueError(setting, f"a {what} cannot be {weight:g}", "give 0 or more")
