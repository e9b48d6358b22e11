"""Models with every type of setting there is, and a few that are like a drill's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from hypothesis import strategies as st

import checks
from checks import DurationLimit, FaultName, ProbeName, RatioLimit
from injectors import Ratio, TargetName
from reports import Words

HALF, ALL, NONE = Ratio(0.5), Ratio(1.0), Ratio(0.0)
MOSTLY = RatioLimit.parse(">= 99%")
HALF_CHECKED = checks.Ratio(0.5)
SILENT = Words("")


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark blue"


@dataclass(frozen=True)
class Rate:
    """So many a second."""

    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`50/s`."""
        match = re.fullmatch("([1-9][0-9]{0,5})/s", text)
        if match is None:
            raise ValueError("a rate such as 50/s")
        return cls(int(match[1]))

    def __str__(self) -> str:
        return f"{self.count}/s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Ends a process."""

    name: ClassVar[str] = "kill"
    target: Annotated[TargetName, "The process to end"]
    signal: Annotated[Literal["TERM", "KILL", "on"], "The signal"] = "KILL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Slows a link."""

    name: ClassVar[str] = "latency"
    link: TargetName
    delay: timedelta
    share: Ratio = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """Needs nothing."""

    name: ClassVar[str] = "clean"
    thorough: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    over: timedelta | None = None
    at_most: Ratio = NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """One of each."""

    text: Annotated[str, "Any text"] = ""
    maybe: str | None = None
    whole: int = 0
    number: float = 0.0
    switch: bool = False
    lasts: timedelta = timedelta(seconds=1)
    share: Ratio = HALF
    other_share: checks.Ratio = HALF_CHECKED
    within: Annotated[DurationLimit | None, "At most"] = None
    success: RatioLimit = MOSTLY
    rate: Rate = Rate(1)
    choice: Literal["one", "two", "no"] = "one"
    colour: Colour = Colour.RED
    probe: ProbeName | None = None
    faults: tuple[FaultName, ...] = ()
    limits: tuple[RatioLimit, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    shares: Mapping[str, tuple[Ratio, ...]] = field(default_factory=dict)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    title: Words = SILENT
    for_: Annotated[timedelta | None, "How long"] = None
    from_: str = "start"
    max_targets: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What every fault may have beside its kind."""

    id: str = ""
    at: timedelta | None = None
    for_: timedelta | None = None
    when: Inner | None = None

    def __post_init__(self) -> None:
        if self.at is not None and self.when is not None:
            raise ValueError("when", "a fault starts `at` a time or `when` something is so", "take one away")


KINDS: dict[str, type] = {"kill": Kill, "latency": Latency, "clean": Clean}


DURATIONS = st.timedeltas(timedelta(0), timedelta(days=3000))
SHARES = st.floats(0, 1).map(Ratio)
NAMES = st.text(min_size=1)
INNERS = st.builds(Inner, over=st.none() | DURATIONS, at_most=SHARES)
LIMITS = st.builds(RatioLimit, st.sampled_from([">", ">=", "<", "<="]), SHARES)
ANYTHING = st.builds(
    Everything,
    text=st.text(),
    maybe=st.none() | st.text(),
    whole=st.integers(-(10**18) + 1, 10**18 - 1),
    number=st.floats(allow_nan=False, allow_infinity=False),
    switch=st.booleans(),
    lasts=DURATIONS,
    share=SHARES,
    other_share=SHARES,
    within=st.none() | st.builds(DurationLimit, st.sampled_from(["<", "<="]), DURATIONS.map(timedelta.total_seconds)),
    success=LIMITS,
    rate=st.builds(Rate, st.integers(1, 999_999)),
    choice=st.sampled_from(["one", "two", "no"]),
    colour=st.sampled_from(Colour),
    probe=st.none() | NAMES.map(ProbeName),
    faults=st.lists(NAMES.map(FaultName)).map(tuple),
    limits=st.lists(LIMITS).map(tuple),
    labels=st.dictionaries(st.text(), st.text()),
    shares=st.dictionaries(st.text(), st.lists(SHARES).map(tuple)),
    inner=st.none() | INNERS,
    inners=st.lists(INNERS).map(tuple),
    by_name=st.dictionaries(st.text(), INNERS),
    title=st.builds(Words, st.text(), st.text()),
    for_=st.none() | DURATIONS,
    from_=st.text(),
    max_targets=st.integers(0, 9),
)
