"""The only list of renderers."""

from reports.to_html import ToHtml
from reports.to_json import ToJson
from reports.to_junit import ToJunit
from reports.to_markdown import ToMarkdown
from reports.to_terminal import ToTerminal

RENDERERS: tuple[type, ...] = (ToTerminal, ToHtml, ToMarkdown, ToJson, ToJunit)
