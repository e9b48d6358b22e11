"""Score, report and renderers. Exports the contract only; `reports.catalog` alone names the renderers."""

from reports.report import (
    EXIT_CODES, FORMAT, CapHit, CheckResult, FaultResult, Moment, Phase, ProbeResult, Renderer, Report, RunOutcome,
    Score, ScoreLine, Words,
)  # fmt: skip

__all__ = [
    "EXIT_CODES", "FORMAT", "CapHit", "CheckResult", "FaultResult", "Moment", "Phase", "ProbeResult", "Renderer",
    "Report", "RunOutcome", "Score", "ScoreLine", "Words",
]  # fmt: skip
