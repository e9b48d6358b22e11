"""A text for people, in the languages its author wrote it in. By itself, since a drill needs no more of the reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """A text in the languages its author wrote it in."""

    en: str
    zh: str = ""

    def __str__(self) -> str:
        return self.en or self.zh

    def in_(self, language: str) -> str:
        """In this language (`en` or `zh`), or in the one there is."""
        return (self.zh if language == "zh" else self.en) or self.en or self.zh
