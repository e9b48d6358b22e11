"""A rubric, as it is written in a file: the weights and caps by which `reports.score` makes a score of verdicts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated

from checks import Ratio

OTHER = "other"
"""The dimension of checks whose kind the rubric does not list."""
_CONFIDENCE = Ratio(0.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One ability that a drill shows, and the kinds of check that show it."""

    title: Annotated[str, "For the report"]
    weight: Annotated[float, "Its share of the score, beside the other dimensions that the drill has checks for"]
    checks: Annotated[Mapping[str, float], "Kinds of check that count here, each with its weight beside the others"]

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
class Rubric:
    """Weights and caps: how verdicts become a score."""

    rubric: Annotated[str, "Its name, as printed in reports"]
    about: Annotated[str, "What it is for"] = ""
    dimensions: Annotated[Mapping[str, Dimension], "The abilities that are scored, by name"]
    caps: Annotated[Mapping[str, Cap], "The most a score can be, by the harm that a check found"] = field(
        default_factory=dict
    )
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
        if OTHER in self.dimensions:
            raise ValueError("dimensions", f"`{OTHER}` is the dimension of what no other lists", "give it another name")


def _at_least_0(setting: str, weight: float, what: str = "weight") -> None:
    if not (isfinite(weight) and weight >= 0):
        raise ValueError(setting, f"a {what} cannot be {weight:g}", "give 0 or more")
