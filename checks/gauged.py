"""A figure of a run, with what one must know to read it, or with why there is none. What is not measured is never 0."""

from dataclasses import dataclass, replace
from typing import Self

from checks.check import Measured, Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauged:
    """One figure. Either its value is there or the reason why it is not."""

    value: Measured | None = None
    why_not: Sentence | None = None
    from_s: float | None = None
    to_s: float | None = None
    """The stretch of time that it is of."""
    note: Sentence | None = None
    """In clauses with `; ` between them, so that each can be translated by itself."""
    proof: tuple[int, ...] = ()
    """Journal lines, by sequence number."""

    @classmethod
    def missing(cls, pattern: str, /, **values: object) -> Self:
        """None, and why."""
        return cls(why_not=Sentence.of(pattern, **values))

    def noted(self, pattern: str, /, **values: object) -> Self:
        """The same with one more clause to its note; one that was not measured needs none."""
        if self.value is None:
            return self
        more = Sentence.of(pattern, **values)
        if self.note:
            more = Sentence(f"{self.note.pattern}; {more.pattern}", {**self.note.values, **more.values})
        return replace(self, note=more)
