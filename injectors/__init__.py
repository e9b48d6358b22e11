"""What makes faults. Exports the contract only; `injectors.catalog` alone names the implementations."""

from injectors.injector import (
    CanBeServed,
    Effect,
    Extends,
    FindsResidue,
    Injection,
    InjectionFailed,
    Injector,
    NothingRemembered,
    Preview,
    Ratio,
    Remembered,
    Residue,
    Server,
    Stage,
    TargetName,
    Touch,
)  # fmt: skip

__all__ = [
    "CanBeServed", "Effect", "Extends", "FindsResidue", "Injection", "InjectionFailed", "Injector", "NothingRemembered",
    "Preview", "Ratio", "Remembered", "Residue", "Server", "Stage", "TargetName", "Touch",
]  # fmt: skip
