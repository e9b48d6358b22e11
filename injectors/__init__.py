"""What makes faults. Exports the contract only; `injectors.catalog` alone names the implementations."""

from injectors.injector import (
    Bundle,
    CanBeServed,
    Effect,
    Extends,
    FindsResidue,
    Injection,
    InjectionFailed,
    Injector,
    NothingRemembered,
    Part,
    Preview,
    Ratio,
    Remembered,
    Residue,
    Server,
    Side,
    Stage,
    TargetName,
    Touch,
    address_for,
    addresses_of,
)  # fmt: skip

__all__ = [
    "Bundle", "CanBeServed", "Effect", "Extends", "FindsResidue", "Injection", "InjectionFailed", "Injector", "NothingRemembered",
    "Part", "Preview", "Ratio", "Remembered", "Residue", "Server", "Side", "Stage", "TargetName", "Touch",
    "address_for", "addresses_of",
]  # fmt: skip
