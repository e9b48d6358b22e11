"""The contract of a report: everything a renderer may show, compiled once and frozen, and what a renderer is.

A report is pure data: the same run directory, rubric and checks give an equal report, and each renderer the same
bytes. Times named `_s` are seconds since the run was opened; unmeasured is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from checks import Measured, Outcome, Samples, Sentence, Verdict
from checks.incident import Incident
from checks.rescheduling import Rescheduling
from reports.words import Words

FORMAT = 1
"""Of the report as JSON. 1: the first."""


class RunOutcome(StrEnum):
    """How a run ended, over all its verdicts."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ABORTED = "aborted"
    NOT_HEALED = "not healed"


EXIT_CODES: Mapping[RunOutcome, int] = {
    RunOutcome.PASSED: 0,
    RunOutcome.FAILED: 1,
    RunOutcome.INCONCLUSIVE: 3,
    RunOutcome.ABORTED: 4,
    RunOutcome.NOT_HEALED: 5,
}
"""2 is for usage and invalid drills, which never become a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check and what it said."""

    id: str
    """Unique in the run: `failover`, `failover-2`, or what the drill's author called it."""
    kind: str
    title: str
    """For a table's first column: `steady before`, `failover`, `data loss`."""
    limits: str
    """Its settings on one line: `probe orders, after primary-dies, within 5s`."""
    within_s: float | None = None
    """How long what it asks for may take, where it has such a limit."""
    verdict: Verdict
    line: int | None = None
    """Where the drill's file asks for it, counted from 1; None when that is not known."""
    harms: tuple[str, ...] = ()
    """What its failures may be called, so that it is known what not having looked may hide."""

    @property
    def outcome(self) -> Outcome:
        """The verdict's."""
        return self.verdict.outcome


_UNSAID = Sentence("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """What one check, or one part of a check that is made of many things, gave or took."""

    check: str
    part: str = ""
    """Of what the check is made of; empty for the whole of it."""
    dimension: str
    """Its title, as the rubric has it."""
    weight: float
    """Points it could give, after renormalising to 100 over all checks that count in this drill."""
    points: float | None
    """Points it gave; None when it is unknown, and then it is in the coverage and not in the score."""
    credit: float | None = None
    """0 to 1, the share of its weight that it gave."""
    because: Sentence = _UNSAID
    """Why so much and no more."""
    curve: Sentence | None = None
    """The arithmetic of the rubric's curve, where one decided."""
    proof: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapHit:
    """A cap that a failure set on the score."""

    harm: str
    cap: float
    because: str
    check: str
    proof: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionScore:
    """What one ability was worth in this run."""

    name: str
    title: str
    written: float
    """Its weight as the rubric has it."""
    weight: float
    """Its share of 100, after the others that the drill has no check for dropped out."""
    points: float | None
    """0 to 100, of what was judged of it; None when nothing was."""
    rating: str
    """`P`, `S`, `M` or `U`: performed without challenges, with some, with major ones, unable to be performed (HSEEP
    2020); empty without points."""
    judged: int
    planned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a rubric makes of the verdicts."""

    points: float | None
    """0 to 100 after caps; None when nothing could be judged, which is neither 0 nor 100."""
    uncapped: float | None
    """The same before caps, and whether or not there was ground to judge on."""
    judged: int
    """How many checks gave an answer …"""
    planned: int
    """… of how many that count."""
    confidence: float
    """Share of the weight that was judged, 0 to 1."""
    confidence_needed: float = 0.8
    """Below this the run is inconclusive, as the rubric says."""
    lines: tuple[ScoreLine, ...]
    caps: tuple[CapHit, ...]
    """Those that apply, lowest first."""
    rubric: str
    rubric_digest: str
    """SHA-256 of the rubric; scores are compared only when it is the same."""
    dimensions: tuple[DimensionScore, ...] = ()
    """In the rubric's order, those that the drill has checks for."""
    rating: str = ""
    """Of the points, as a dimension's."""
    letter: str = ""
    """`A`, `B`, `C`, `D` or `F`, of the points; empty without points."""
    dropped: Mapping[str, float] = field(default_factory=dict)
    """The abilities that the drill has no check for, by title, each with its weight as the rubric has it; the others
    share those."""
    withheld: Sentence | None = None
    """Why there are no points although something was judged."""

    @property
    def confident(self) -> bool:
        """True when enough of the weight was judged."""
        return bool(self.lines) and self.confidence >= self.confidence_needed


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """One fault: what was meant, and what became of it."""

    id: str
    does: str
    """`SIGKILL to 1 process (cache-primary)`."""
    targets: tuple[str, ...]
    acting_s: float | None
    effect_s: float | None
    healing_s: float | None
    gone_s: float | None
    trouble: str
    note: str = ""
    withheld: tuple[float, float] | None = None
    """From when to when it would have been there, in a control; the other times are then None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """One probe: how it looked, and a summary of what it saw."""

    name: str
    does: str
    """`valkey cache, write numbered, every 20ms`."""
    samples: Samples
    success: float | None
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    blind: int
    late_p99_s: float | None
    every_s: float
    """The planned distance of its looks."""
    fell_behind: bool
    """True when its looks were sent so late that its figures are coarser than planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of the run, as people compare it between runs: `RTO`, `availability`."""

    name: str
    """`TTD`, `MTTI`, `RTO`, `RPO`, `availability`, …; unique but for `of`."""
    title: str
    """What it is, in a few words; translatable."""
    of: str = ""
    """The probe or alert that it is of, where there may be several."""
    value: Measured | None
    """None when it was not measured, which is never 0."""
    why_not: Sentence | None = None
    """Why it was not."""
    from_s: float | None = None
    to_s: float | None = None
    """The stretch of time that it is of."""
    note: Sentence | None = None
    """What one must know to read it."""
    proof: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A stretch of the run: `preparing`, `steady`, `faults`, `healing`, `recovery`, `closing`."""

    name: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An event worth showing to a person."""

    t_s: float
    at: str
    seq: int
    what: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What will be done about a finding, as the review beside the run has it."""

    finding: str
    """What it answers, by its name among the findings; empty where it says none."""
    what: str
    owner: str
    due: str
    """A day, as `2026-12-05`; empty where none is set."""
    closed: str = ""
    """The day on which it was done; empty while it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteHeld:
    """How a drill holds to the published suite that it claims."""

    name: str
    """`standard/losing-a-primary`."""
    version: str
    digest: str
    """SHA-256 of its file; scores of several teams are compared only when it is the same, and the rubric's too."""
    laxer: tuple[str, ...] = ()
    """Where the drill asks less, as when limits were set otherwise for this run."""
    otherwise: tuple[str, ...] = ()
    """Where it asks more, or something else besides."""

    @property
    def as_it_is(self) -> bool:
        """Whether the score can be compared with that of another team."""
        return not (self.laxer or self.otherwise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run, judged."""

    run: str
    """The run's id: `2026-11-21T09-41-03Z-lose-the-primary-3f2a`."""
    drill: str
    path: str = ""
    """The drill's file, as it was named to the run."""
    title: Words
    about: Words
    severity: str
    environment: str
    opened_at: str
    """UTC."""
    duration_s: float
    outcome: RunOutcome
    headline: Sentence
    """The answer in one sentence."""
    control: bool = False
    """True when nothing was injected, on purpose: the run says what comes without the faults, and proves nothing of them."""
    checks: tuple[CheckResult, ...]
    score: Score
    faults: tuple[FaultResult, ...]
    probes: tuple[ProbeResult, ...]
    phases: tuple[Phase, ...]
    moments: tuple[Moment, ...]
    findings: tuple[Sentence, ...]
    """What a reader must know to believe the figures: probes that fell behind, a torn journal, …"""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of drill, inventory, lab, and the journal's last link."""
    versions: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    """What to type next: `again`, `judge`."""
    changed_limits: tuple[str, ...] = ()
    """Limits that were set when judging, over those of the drill: `failover.within=3s`."""
    incident: Incident | None = None
    """When what happened, from the fault to the all-clear; None in reports made without a journal."""
    suite: SuiteHeld | None = None
    """The published checks that the drill holds to; None where it claims none."""
    metrics: tuple[Metric, ...] = ()
    """The figures by which runs are compared, in a fixed order."""
    rescheduled: tuple[Rescheduling, ...] = ()
    """The workloads and nodes of clusters that faults hurt, fault by fault; none where nobody watched any."""
    actions: tuple[Action, ...] = ()
    """Of the review that lies beside the run; none before there is one."""

    @property
    def exit_code(self) -> int:
        """Of the command that ran or judged it."""
        return EXIT_CODES[self.outcome]


class Renderer(Protocol):
    """Turns a report into one file, purely."""

    name: ClassVar[str]
    """What it is asked for by: `html`."""
    file: ClassVar[str]
    """What the file is called in the run's directory: `report.html`. Empty when it is made only where it is asked for."""

    def render(self, report: Report, language: str = "en") -> str | bytes:
        """The whole file. `language` is `en` or `zh`."""
        ...
