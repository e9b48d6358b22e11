"""The report as a person sees it when a run ends: the answer first, then why, then where to look."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from checks import Outcome
from reports import measures, workloads
from reports.language import say, translate
from reports.printable import printable
from reports.report import Report, RunOutcome
from reports.wording import (
    abilities_words,
    commands,
    kept_together,
    notes,
    outcome_word,
    row_cells,
    run_word,
    summary_words,
)

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    "passed": "green",
    "failed": "bold red",
    "unknown": "yellow",
    "inconclusive": "bold yellow",
    "aborted": "bold yellow",
    "not healed": "bold white on red",
}
_NARROW = 64
"""Below this width a check's reason stands under its title instead of beside it."""
_TITLE_MAX = 28
"""Cells of the widest title that the others are padded to."""
_BREAKABLE = re.compile(r" +|[^ \u2e80-\u9fff\uff00-\uffef]+|[\u2e80-\u9fff\uff00-\uffef][，。；：、）]*")
"""Blanks, words, and single Chinese characters with the punctuation that must not begin a line."""


class ToTerminal:
    """Lines for a terminal; as a file, the same without colour and with one line a check."""

    name: ClassVar[str] = "terminal"
    file: ClassVar[str] = "report.txt"

    def render(self, report: Report, language: str = "en") -> str:
        """The lines, plain."""
        from rich.console import Console

        written = io.StringIO()
        # An empty environment: neither COLUMNS nor FORCE_COLOR of whoever renders may change the file.
        console = Console(file=written, color_system=None, force_terminal=False, legacy_windows=False, _environ={})
        render_to(report, console, language)
        return written.getvalue()


def render_to(report: Report, console: "Console", language: str = "en") -> None:
    """Print a report. On a terminal long reasons wrap under themselves; elsewhere each check stays on one line."""
    page = _Page(console)
    page.print_head(
        run_word(report, language).upper(),
        _STYLES[report.outcome],
        printable(report.drill),
        summary_words(report, language),
    )
    if report.outcome is not RunOutcome.PASSED and not any(one.outcome is Outcome.FAILED for one in report.checks):
        page.print_row("", "", translate(report.headline, language))  # no line below stands out as the reason
    if rated := abilities_words(report.score, language):
        page.print_row("", "", rated)
    console.print()
    titles = [printable(say(one.title, language)) for one in report.checks]
    widest = min(_TITLE_MAX, max(map(_cells, titles), default=0))
    for check, title in zip(report.checks, titles, strict=True):
        said = outcome_word(check.outcome, language)
        because = translate(check.verdict.because, language)
        page.print_row(said, _padded(title, widest), because, style=_STYLES[check.outcome])
    for check, title in zip(report.checks, titles, strict=True):
        if check.verdict.rows:
            console.print()
            page.print_table(title, [row_cells(row, language) for row in check.verdict.rows])
    hurt = workloads.lines(report, language)
    if hurt:
        console.print()
    widest = max((_cells(printable(name)) for name, _ in hurt), default=0)
    for name, text in hurt:
        page.print_row("", _padded(printable(name), widest), text)
    figures = measures.lines(report, language)
    if figures:
        console.print()
    for word, text in figures:
        page.print_row(word, "", text, style="dim")
    listed = notes(report, language)
    if listed:
        console.print()
    for note in listed:
        page.print_row(say("note", language), "", note, style="yellow")
    page.print_commands(commands(report, language))


class _Page:
    """Lays out lines: with hanging indents on a terminal, unbroken elsewhere."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._width = console.width if console.is_terminal else 0

    def print_head(self, word: str, style: str, drill: str, summary: list[str]) -> None:
        """All on one line if it fits, else each part on its own."""
        whole = f"{word}  {drill}   {summary[0]}      {summary[1]}"
        if not self._width or _cells(whole) <= self._width:
            self._print(whole, (word, style))
            return
        self._print(f"{word}  {drill}", (word, style))
        for part in summary:
            self.print_row("", "", part)

    def print_row(self, said: str, title: str, text: str, *, style: str = "") -> None:
        """An outcome, a title, and a text that hangs under itself."""
        lead = "  " + (_padded(said, 7) + "  " if said else "") + (title + "  " if title else "")
        text = printable(text)
        if not self._width:
            self._print(lead + text, (said, style))
            return
        if title and self._width < _NARROW:
            self._print(lead, (said, style))
            said, lead = "", " " * 4
        indent = _cells(lead)
        first, *others = _wrapped(text, max(16, self._width - indent)) or [""]
        self._print(lead + first, (said, style))
        for line in others:
            self._print(" " * indent + line)

    def print_table(self, title: str, rows: list[list[str]]) -> None:
        """A title, and rows whose cells stand under each other; the last one hangs under itself.

        Where it is narrow the times are left out, which what is said of a row tells too.
        """
        self._print(title)
        rows = [[printable(cell) for cell in row] for row in rows]
        widest = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
        for said, name, *times, text in rows:
            wanted = zip(times, widest[2:], strict=False) if not 0 < self._width < _NARROW else ()
            padded = [" " * (cells - _cells(time)) + time for time, cells in wanted if cells]
            self.print_row(_padded(said, widest[0]), "  ".join([_padded(name, widest[1]), *padded]), text)

    def print_commands(self, listed: list[tuple[str, str]]) -> None:
        """Each on a line of its own that is never wrapped: broken in two it could not be copied."""
        labels = [printable(label) for label, _ in listed]
        widest = max(map(_cells, labels), default=0)
        if listed:
            self._console.print()
        for label, (_, command) in zip(labels, listed, strict=True):
            self._print(f"{_padded(label, widest)}  {printable(command)}", (label, "dim"))

    def _print(self, line: str, *styled: tuple[str, str]) -> None:
        from rich.text import Text

        text = Text(line.rstrip())
        for part, style in styled:
            if part and style:
                start = line.index(part)
                text.stylize(style, start, start + len(part))
        self._console.print(text, soft_wrap=True, highlight=False)


def _wrapped(text: str, cells: int) -> list[str]:
    """Lines of at most so many cells. A figure stays with its unit; a word that is wider than a line is broken."""
    lines, line = [], ""
    for piece in _BREAKABLE.findall(kept_together(text)):
        for part in _broken(piece, cells):
            if _cells(line + part.rstrip(" ")) > cells:
                lines.append(line)
                line = ""
            line = (line + part).lstrip(" ")
    return [one.rstrip(" ").replace("\u00a0", " ") for one in (*lines, line) if one.strip(" ")]


def _broken(word: str, cells: int) -> Iterator[str]:
    """The word in parts that each fit on a line."""
    part = ""
    for char in word:
        if _cells(part + char) > cells:
            yield part
            part = ""
        part += char
    yield part


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _padded(text: str, cells: int) -> str:
    """Padded by what it takes on screen, where a Chinese character takes two cells."""
    return text + " " * max(0, cells - _cells(text))
