"""The contract of a check: evidence in, verdict out, purely, so that a stored run can be judged again.

Not having looked is *unknown*, never *failed* and never *passed*. A check that raises is unknown with the reason.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal, NewType, Protocol, Self, runtime_checkable

from checks.evidence import Evidence
from checks.units import parse_duration, parse_ratio, show_count, show_duration, show_ratio, write_duration, write_ratio

ProbeName = NewType("ProbeName", str)
"""A setting of this type must name a probe of the drill."""
FaultName = NewType("FaultName", str)
"""A setting of this type must name a fault of the drill."""
Ratio = NewType("Ratio", float)
"""A share from 0 to 1, written `99.9%`."""


class Outcome(StrEnum):
    """The three answers a check can give."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence for people: a pattern, which a translator knows, and the values that stand in it."""

    pattern: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.pattern.format_map(self.values)

    @classmethod
    def of(cls, pattern: str, **values: object) -> Self:
        """`Sentence.of("{n} of {all} missing", n=3, all=10)`."""
        return cls(pattern, {key: str(value) for key, value in values.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure with its bounds. Unmeasured is absent, never 0."""

    value: float
    low: float
    high: float
    unit: str
    """`s`, `ratio`, `count`, or `times` for how many times something is another."""

    @classmethod
    def between(cls, low_s: float, high_s: float) -> Self:
        """A duration of which only the bounds are known: the middle, give or take half their distance."""
        low_s, high_s = round(low_s, 6), round(high_s, 6)  # the journal's grain: beyond it is noise of arithmetic
        return cls(value=round((low_s + high_s) / 2, 7), low=low_s, high=high_s, unit="s")

    @classmethod
    def count(cls, figure: int) -> Self:
        """Something that was counted, exactly."""
        return cls(value=figure, low=figure, high=figure, unit="count")

    def __str__(self) -> str:
        if self.unit == "ratio":
            return show_ratio(self.value)
        if self.unit == "count":
            return show_count(round(self.value))
        return self.beside(None) if self.unit == "s" else f"{self.value:g}"

    def beside(self, limit_s: float | None) -> str:
        """A duration with its bounds, in digits that tell it from a limit printed beside it: `2.03 s ± 20 ms`."""
        half = (self.high - self.low) / 2
        if abs(self.value - (self.low + self.high) / 2) > 1e-6:
            return f"{show_duration(self.low, beside=limit_s)} to {show_duration(self.high, beside=limit_s)}"
        return show_duration(self.value, beside=limit_s) + (f" ± {show_duration(half)}" if half >= 0.5e-6 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time that a verdict speaks of, for the picture."""

    lane: str
    """What it belongs to: `probe:orders`, `fault:primary-dies`, `alert:PageDown`, `other pages`, or empty for the whole run."""
    label: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the time that something took, or several that nobody can tell apart."""

    name: str
    took: Measured
    knobs: Mapping[str, float] = field(default_factory=dict)
    """What would make it shorter, by name, in seconds as it is set; first the one that decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Where the time until something went, part after part, for the picture."""

    what: Sentence
    """What it was until: `CachePrimaryDown reached oncall`."""
    lane: str
    """As of a window."""
    from_s: float
    took: Measured
    limit_s: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCap:
    """The most that the whole score may be because of one verdict, whatever the rubric says of its harm."""

    at_most: float
    """From 0 to 100."""
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A cap of which nobody can say whether it is called for."""

    at_most: float
    because: Sentence
    """Why nobody can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table behind a verdict that is made of many things, such as the rules of a SOP."""

    status: str
    """A word: `satisfied`, `violated`, `n/a`."""
    name: str
    because: Sentence
    at_s: float | None = None
    """When it was done."""
    due_s: float | None = None
    """Until when it had to be."""
    remarks: tuple[str, ...] = ()
    """Words that one must know to weigh it: `must`, `declared`, `unsubstantiated`."""
    quote: str = ""
    """What somebody wrote, where that decides."""
    proof: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one part of a verdict is worth by itself, where a check shows several abilities: of a SOP, its triage."""

    credit: float | None
    """0 to 1, of what is known of it; None when too little is."""
    least: float
    """0 to 1, what it is worth at the least, whatever is still unknown of it."""
    because: Sentence
    proof: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check says, why, and which events prove it."""

    outcome: Outcome
    because: Sentence
    proof: tuple[int, ...] = ()
    """Journal lines, by sequence number."""
    credit: float | None = None
    """0 to 1, what a score may give for it; left out, 1 for passed, 0 for failed, nothing for unknown."""
    lateness: float | None = None
    """What it took, as a multiple of its limit, where it failed by being late: the rubric's curve makes credit of that."""
    harm: str = ""
    """What a rubric's cap is looked up by when the verdict is not a pass: `data_lost`, `not_recovered`, …"""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    spent: tuple[Spent, ...] = ()
    cap: ScoreCap | None = None
    """It counts where the verdict is not a pass."""
    rows: tuple[Row, ...] = ()
    shares: Mapping[str, Share] = field(default_factory=dict)
    """Its parts by name, for rubrics that list those: `sop.triage` is the part `triage` of the check `sop`."""
    doubt: Doubt | None = None
    """Of the caps of its own of which nobody can say whether they are called for, the lowest."""

    @property
    def points(self) -> float | None:
        """The credit, with its default, before any curve; None means that nothing can be said."""
        if self.outcome is Outcome.UNKNOWN:
            return None
        if self.credit is not None:
            return self.credit
        return 1.0 if self.outcome is Outcome.PASSED else 0.0


def passed(pattern: str, /, *, proof: tuple[int, ...] = (), measured: Mapping[str, Measured] | None = None,
           windows: tuple[Window, ...] = (), **values: object) -> Verdict:  # fmt: skip
    """A verdict of its name; `values` stand in the sentence's pattern."""
    return Verdict(outcome=Outcome.PASSED, because=Sentence.of(pattern, **values), proof=proof,
                   measured=measured or {}, windows=windows)  # fmt: skip


def failed(pattern: str, /, *, proof: tuple[int, ...] = (), harm: str = "", credit: float | None = None,
           lateness: float | None = None, measured: Mapping[str, Measured] | None = None,
           windows: tuple[Window, ...] = (), **values: object) -> Verdict:  # fmt: skip
    """A verdict of its name; `harm` is the key of the rubric's cap, if the failure deserves one."""
    return Verdict(outcome=Outcome.FAILED, because=Sentence.of(pattern, **values), proof=proof, harm=harm,
                   credit=credit, lateness=lateness, measured=measured or {}, windows=windows)  # fmt: skip


def unknown(pattern: str, /, *, proof: tuple[int, ...] = (), measured: Mapping[str, Measured] | None = None,
            windows: tuple[Window, ...] = (), **values: object) -> Verdict:  # fmt: skip
    """A verdict of its name: the check's own ground is missing, or a limit lies inside the measuring bounds."""
    return Verdict(outcome=Outcome.UNKNOWN, because=Sentence.of(pattern, **values), proof=proof,
                   measured=measured or {}, windows=windows)  # fmt: skip


class Check(Protocol):
    """Judges evidence. A frozen, keyword-only dataclass: its fields are its settings in the drill."""

    name: ClassVar[str]
    """The key it is written under in a drill."""

    def judge(self, evidence: Evidence) -> Verdict:
        """Say what the evidence shows. Pure: no clock, no file, no network."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How long a run must go on looking so that a check can be judged."""

    after: str | None
    """A fault's name: counted from its effect. None: counted from the moment all faults were healed."""
    for_s: float
    healed_s: float = 0.0
    """Of a check that waits after a fault: how long it waits besides, once all faults were healed."""
    first: "Check | None" = None
    """What of it can be judged while the fault is there, so that nobody waits then for what comes later; left out, all."""


@runtime_checkable
class Waits(Protocol):
    """An optional power of a check: it needs the run to go on for a while after something."""

    def horizon(self) -> Horizon:
        """What it waits for, and how long."""
        ...


@runtime_checkable
class Listens(Protocol):
    """An optional mark of a check: it judges what observers tell, and without any it could never say anything."""

    listens: ClassVar[bool | str]
    """True: whoever tells of alerts; else the kind of observer that it needs."""


@runtime_checkable
class FirstHand(Protocol):
    """An optional mark of a check: it measures by the looks of its `probe` how long something lasted.

    Of a probe that hears of both ends late that could come out too short.
    """

    first_hand: ClassVar[bool]


@runtime_checkable
class Harmful(Protocol):
    """An optional mark of a check: what its failures may be called, so that a score knows what not having looked may hide."""

    harms: ClassVar[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Something that can be said of a check's outcome before anything is injected."""

    grade: Literal["fine", "unknown", "doubtful", "wrong"]
    """`wrong`: it is sure to fail, or to prove nothing. `doubtful`: it may. `unknown`: that could not be looked at."""
    what: Sentence
    cure: Sentence | None = None
    """How to mend it; needed by all but what is fine."""
    proof: tuple[int, ...] = ()
    """Journal lines, by sequence number."""


@runtime_checkable
class Foresees(Protocol):
    """An optional power of a check: it sees coming what would make a drill a waste, before it breaks anything."""

    def foresee(self, evidence: Evidence) -> tuple[Foreseen, ...]:
        """What follows from what was told up to now, by observers or by the files they are set up by. Pure, as `judge`."""
        ...


@runtime_checkable
class Reacts(Protocol):
    """An optional power of a check whose expectation must be met because of the fault, and never without it."""

    def control(self, evidence: Evidence) -> Verdict:
        """Judge a run that withheld its faults: passed when what is expected did not come, failed when it came anyhow."""
        ...


def judge(check: Check, evidence: Evidence) -> Verdict:
    """Ask one check; of a control, one that reacts is asked whether it did so without the fault.

    A check that raises is unknown, with what it raised as the reason.
    """
    try:
        verdict = check.control(evidence) if evidence.control and isinstance(check, Reacts) else check.judge(evidence)
        if not isinstance(verdict, Verdict):
            raise TypeError(f"it gave {type(verdict).__name__} and no verdict")
        str(verdict.because)  # a sentence that lacks a value must show here, and not when the report is printed
        return verdict
    except Exception as error:  # noqa: BLE001 - any bug of a check, ours or a plugin's, must cost its verdict only
        return unknown("the check itself broke: {kind}: {error}", kind=type(error).__name__, error=error)


_LIMIT = re.compile(r"\s*(>=|<=|>|<)\s*(\S.*?)\s*")


@dataclass(frozen=True, slots=True)
class _Limit:
    """A comparison with a figure, as one writes it."""

    sign: str
    value: float

    def holds(self, measured: float) -> bool:
        """True when the measured figure keeps the limit."""
        return {
            ">=": measured >= self.value,
            "<=": measured <= self.value,
            ">": measured > self.value,
            "<": measured < self.value,
        }[self.sign]


def _split(text: str, example: str) -> tuple[str, str]:
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"a limit such as {example}")
    return match[1], match[2]


class RatioLimit(_Limit):
    """A limit on a share: `">= 99.9%"`."""

    example: ClassVar[str] = '">= 99.9%"'

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        sign, figure = _split(text, cls.example)
        try:
            return cls(sign, parse_ratio(figure))
        except ValueError:
            raise ValueError(f"a limit such as {cls.example}") from None

    def __str__(self) -> str:
        return f"{self.sign} {write_ratio(self.value)}"


class CountLimit(_Limit):
    """A limit on how many there are: `">= 3"`."""

    example: ClassVar[str] = '">= 3"'

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        sign, figure = _split(text, cls.example)
        if not figure.isdecimal():
            raise ValueError(f"a limit such as {cls.example}")
        return cls(sign, float(figure))

    def __str__(self) -> str:
        return f"{self.sign} {self.value:g}"


class DurationLimit(_Limit):
    """A limit on a duration: `"<= 50ms"`. Its value is in seconds."""

    example: ClassVar[str] = '"<= 50ms"'

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a ValueError says what was expected."""
        sign, figure = _split(text, cls.example)
        try:
            return cls(sign, parse_duration(figure).total_seconds())
        except ValueError:
            raise ValueError(f"a limit such as {cls.example}") from None

    def holds(self, measured: float) -> bool:
        """True when the measured figure keeps the limit; what lies below the journal's grain, 1 µs, does not count."""
        return super().holds(round(measured, 6))

    def __str__(self) -> str:
        from datetime import timedelta

        return f"{self.sign} {write_duration(timedelta(seconds=self.value))}"
