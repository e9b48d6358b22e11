"""Score, report and renderers. Exports the contract only; `reports.catalog` alone names the renderers.

The contract is loaded when something of it is first asked for: to check a drill, its words and rubric are enough.
"""

from typing import TYPE_CHECKING

__all__ = [
    "EXIT_CODES", "FORMAT", "CapHit", "CheckResult", "FaultResult", "Metric", "Moment", "Phase", "ProbeResult", "Renderer",
    "Report", "RunOutcome", "Score", "ScoreLine", "SuiteHeld", "Words",
]  # fmt: skip

if TYPE_CHECKING:
    from reports.report import (
        EXIT_CODES,
        FORMAT,
        CapHit,
        CheckResult,
        FaultResult,
        Metric,
        Moment,
        Phase,
        ProbeResult,
        Renderer,
        Report,
        RunOutcome,
        Score,
        ScoreLine,
        SuiteHeld,
    )
    from reports.words import Words
else:

    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import reports.report as contract

        return getattr(contract, name)
