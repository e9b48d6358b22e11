"""Says a report's words and sentences in English or Chinese.

English is what the code is written in and what stands where a translation is missing; so a check, ours or a plugin's,
can be written without knowing of any table. Texts of a drill's author are never translated.
"""

from collections.abc import Mapping

from checks import Sentence
from reports.printable import printable

LANGUAGES = ("en", "zh")

_TITLES = frozenset({"_check", "_others"})
"""Values of our headlines that are titles of checks, and so are words to translate."""


def say(text: str, language: str) -> str:
    """A fixed word. Of `steady before (orders)` what stands before the bracket is one. What is not known stays."""
    if language != "zh" or not text:
        return text
    from reports.chinese import WORDS

    if text in WORDS:
        return WORDS[text]
    word, bracket, rest = text.partition(" (")
    return f"{WORDS[word]}（{rest.removesuffix(')')}）" if bracket and word in WORDS else text


def phrase(pattern: str, language: str, /, **values: object) -> str:
    """A pattern with its values, translated."""
    return translate(Sentence.of(pattern, **values), language)


def translate(sentence: Sentence, language: str) -> str:
    """A sentence, on one line and safe to print; in English as far as there is no translation."""
    values = {key: printable(value) for key, value in sentence.values.items()}
    if language != "zh":
        return _fill(sentence.pattern, values)
    for key in _TITLES & values.keys():
        values[key] = "、".join(say(word, language) for word in values[key].split(", "))
    return _fill(_chinese(sentence.pattern), values)


def _chinese(pattern: str) -> str:
    """A pattern as a whole if it is known, else clause by clause, each clause that is not known as it is."""
    from reports.chinese import PATTERNS

    if pattern in PATTERNS:
        return PATTERNS[pattern]
    for mark, theirs in (("; ", "；"), (": ", "：")):
        first, found, rest = pattern.partition(mark)
        if found:
            translated = _chinese(first), _chinese(rest)
            return theirs.join(translated) if translated != (first, rest) else pattern
    return pattern


def _fill(pattern: str, values: Mapping[str, str]) -> str:
    """The pattern with its values. One that cannot be filled is shown as it is: a slip must not cost the report."""
    try:
        return printable(pattern.format_map(values))
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        return printable(" ".join([pattern, *(f"({key}: {value})" for key, value in values.items())]))
