"""What makes faults. Exports the contract only; `injectors.catalog` alone names the implementations."""

from injectors.injector import (
    Effect,
    FindsResidue,
    Injection,
    InjectionFailed,
    Injector,
    NothingRemembered,
    Preview,
    Ratio,
    Remembered,
    Residue,
    Stage,
    TargetName,
    Touch,
)  # fmt: skip

__all__ = [
    "Effect", "FindsResidue", "Injection", "InjectionFailed", "Injector", "NothingRemembered", "Preview", "Ratio",
    "Remembered", "Residue", "Stage", "TargetName", "Touch",
]  # fmt: skip
