"""What each renderer made of each specimen, as it was last looked at and found right.

`python -m tests.reports.golden` writes the files anew. Look at what changed before it is committed.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from reports.exercise import after_action, evaluation
from reports.json_schema import json_schema
from reports.to_html import ToHtml
from reports.to_json import ToJson
from reports.to_junit import ToJunit
from reports.to_markdown import ToMarkdown
from reports.to_terminal import ToTerminal
from tests.reports import specimen

HERE = Path(__file__).parent
PARTS = HERE.parents[2] / "reports" / "html"
_HTML = ("failed", "chinese", "paged", "rehearsed", "handled")
"""Specimens that are kept as HTML: five are enough to see what changes, and small enough to keep."""


def files() -> Iterator[tuple[Path, str]]:
    """Each golden file, and what it should hold now."""
    for name, make in specimen.ALL.items():
        report, language = make(), "zh" if name == "chinese" else "en"
        yield HERE / f"{name}.txt", ToTerminal().render(report, language)
        yield HERE / f"{name}.md", ToMarkdown().render(report, language)
        yield HERE / f"{name}.json", ToJson().render(report, language)
        yield HERE / f"{name}.xml", ToJunit().render(report, language)
        if name in _HTML:
            yield HERE / f"{name}.html", _bare(ToHtml().render(report, language))
    yield HERE / "failed.after-action.md", after_action(specimen.failing())
    yield HERE / "rehearsed.after-action.md", after_action(specimen.rehearsed(), "zh")
    yield HERE / "rehearsed.evaluation.csv", evaluation(specimen.rehearsed()).replace("\r\n", "\n")
    yield HERE / "schema.json", json.dumps(json_schema(), indent=1) + "\n"


def _bare(page: str) -> str:
    """The page without style and script, which are files of their own and the same in each."""
    for tag, name in (("style", "style.css"), ("script", "script.js")):
        whole = f"<{tag}>{(PARTS / name).read_text(encoding='utf-8')}</{tag}>"
        assert page.count(whole) == 1, f"the page holds {name} once, as it is"
        page = page.replace(whole, f"<{tag}>{name}</{tag}>")
    return page
