"""What the YAML parser complains of, said so that it can be mended. Loaded only when there is something to say."""

import re
from dataclasses import dataclass
from typing import Any

from drills.errors import Place, Problem


@dataclass(frozen=True, slots=True)
class _Rule:
    """How to say what the parser complains of (either parser, C or Python) so that it can be mended."""

    complaint: str
    """A regular expression over its context and problem."""
    what: str
    fix: str
    slug: str
    at_start: bool = False
    """Point at where the thing began, and not at where the parser lost hope."""


_RULES = (
    _Rule("found a tab|cannot start any token\t", "a tab stands where only blanks may", "indent with blanks", "tab"),
    _Rule("cannot start any token", "a text cannot begin with `{char}`", "put it in quotes", "needs-quotes"),
    _Rule("block scalar.*(expected comment|chomping)", "`{char}` begins a text that starts on the next line",
          'a limit goes in quotes: ">= 99.9%"', "needs-quotes", at_start=True),
    _Rule("(alias|anchor).*alphabetic", "`{char}` needs a name after it",
          "a text that begins with `*` or `&` goes in quotes", "needs-quotes", at_start=True),
    _Rule("mapping values are not allowed", "a `:` stands where no setting can begin",
          "one setting a line, as deep as its neighbours, a blank after its `:`; a text that holds `: ` goes in quotes",
          "misplaced-colon"),
    _Rule("could not find expected ':'", "this line is no setting, for it has no `: `",
          "write `name: value`; the further lines of a text are indented deeper than its name", "no-colon",
          at_start=True),
    _Rule("quoted.*end of stream", "a quote opens here and is never closed", "close it", "not-closed", at_start=True),
    _Rule("expected ',' or.*\\$", "a variable between brackets needs quotes", 'write "${name}"', "needs-quotes"),
    _Rule("expected ',' or", "`{char}` is not closed, or a `,` is missing before line {line}",
          "close it; a text that holds `: `, `,` or a bracket goes in quotes", "not-closed", at_start=True),
    _Rule("expected key|expected <block end>|expected '-'", "this does not line up with what stands above",
          "indent it exactly as its neighbours; after a closing quote or bracket nothing may follow", "indentation"),
    _Rule("unexpected ':'", "a blank is missing after the `:`", "write `name: value`", "no-blank"),
    _Rule("sequence entries are not allowed", "a list cannot begin here", "begin it on a line of its own",
          "misplaced-list"),
    _Rule("escape|hexdecimal", "a backslash in double quotes begins an escape, and this is none",
          "write it twice, or use single quotes", "bad-escape"),
    _Rule("node content", "a value is missing before `{char}`", "write one, or put a text that begins so in quotes",
          "needs-quotes"),
    _Rule("mapping keys are not allowed", "`?` begins a name, which cannot stand here", "put the text in quotes",
          "needs-quotes"),
    _Rule("document start", "this stands after the document's end", "take it away, or the line `...` before it",
          "second-document"),
    _Rule("directive|YAML document", "a line that begins with `%` is for the parser, and nothing here needs one",
          "take it away; a text that begins with `%` goes in quotes", "yaml-syntax"),
    _Rule("tag", "tags have no meaning here", "leave it out; a text that begins with `!` goes in quotes", "no-tags"),
)  # fmt: skip


def explain(error: Any, file: str, lines: list[str]) -> Problem:
    """The parser's complaint in words that say what to do, with the parser's own where there are none."""
    mark, begun = error.problem_mark, error.context_mark
    row = mark.line - 1 if "mapping values" in error.problem else -1
    if begun and "not find expected ':'" in error.problem:
        row = begun.line
    if glued := _glued(file, lines, row):
        return glued
    line, char = _at(lines, mark)
    # Two signs that the parser does not name: a tab, and a variable's `${`.
    sign = "\t" if char == "\t" else "$" if char == "{" and line[mark.column - 1] == "$" else ""
    complaint = f"{error.context} {error.problem}{sign}"
    rule = next((rule for rule in _RULES if re.search(rule.complaint, complaint)), None)
    noticed = mark.line + 1
    if begun and rule and rule.at_start:
        mark = begun
    line, char = _at(lines, mark)
    place = Place(file, min(mark.line, len(lines) - 1) + 1, min(mark.column, len(line)) + 1, 1, line)
    if rule is None:
        fix = "put a text with special characters in quotes"
        return Problem(place, f"this is not YAML: {error.problem}", fix, "yaml-syntax")
    return Problem(place, rule.what.format(char=char, line=noticed), rule.fix, rule.slug)


def _glued(file: str, lines: list[str], row: int) -> Problem | None:
    """`name:value` without a blank, there or just above, which made one text of what should be two settings."""
    last = next((number for number in range(row, -1, -1) if lines[number].strip()), 0)
    match = re.match(r"\s*(?:- )*[\w.-]+:(?=[^\s/])", lines[last])
    if match is None or row < 0:
        return None
    place = Place(file, last + 1, match.end(), 1, lines[last])
    return Problem(place, "a blank is missing after the `:`", "write `name: value`", "no-blank")


def _at(lines: list[str], mark: Any) -> tuple[str, str]:
    """The line at a mark, and the character there; none at the end of a line."""
    line = lines[min(mark.line, len(lines) - 1)]
    return line, line[mark.column : mark.column + 1]
