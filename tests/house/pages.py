"""The pages of the house, taken apart: fenced blocks, links, tables and commands, so that tests can hold them to the truth."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("injectors", "checks", "reports", "drills", "examples", "deploy")
PAGES = [ROOT / "README.md", *(ROOT / folder / "README.md" for folder in FOLDERS)]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.(?:py|yaml|md|toml))`")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    before: str
    """The paragraph that it follows."""

    @property
    def file(self) -> str:
        """The file that the page says this is: the first that the paragraph before it names."""
        found = _FILE.search(self.before)
        assert found, f"{self} does not say which file it is"
        return found[1]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks in these languages, in the page's order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2], before))
    return [block for block in found if block.language in languages]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where its links lead to."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """What a link can lead to within the page: its headings, as they are called in addresses."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def table(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    _, _, rest = f"\n{page.read_text(encoding='utf-8')}".partition(f"\n{heading}\n")
    assert rest, f"{page} has no heading {heading}"
    lines = rest.split("\n#", 1)[0].splitlines()
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("|")]
    assert len(rows) > 2, f"{page} has no table under {heading}"
    return rows[2:]


def code(cell: str) -> str:
    """What stands in backticks in a cell; the first, if there are several."""
    found = re.search(r"`([^`]+)`", cell)
    return found[1] if found else ""


def commands(page: Path) -> Iterator[str]:
    """Each `drills …` of a page, from its blocks and from its prose, without what follows two blanks, `>`, `|` or `#`."""
    lines = [line for block in blocks(page, "", "sh", "text", "console") for line in block.text.splitlines()]
    for text in [*lines, *re.findall(r"`([^`\n]+)`", prose(page))]:
        found = re.match(r"(?:\$ )?(?:\.venv/bin/)?(drills(?: [^ >|#]+)+)", text)
        if found:
            yield found[1]
