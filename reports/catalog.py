"""The only list of renderers: where each is. Nothing of it is loaded until it is used."""

from collections.abc import Mapping

RENDERERS: Mapping[str, str] = {
    "terminal": "reports.to_terminal:ToTerminal",
    "html": "reports.to_html:ToHtml",
    "markdown": "reports.to_markdown:ToMarkdown",
    "json": "reports.to_json:ToJson",
    "junit": "reports.to_junit:ToJunit",
    "github": "reports.to_github:ToGithub",
}
