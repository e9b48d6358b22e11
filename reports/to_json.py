"""The report for programs: everything that is in it, under the names it has in the code, in a stable order.

`format` is raised when a key changes its meaning or goes away; new keys may come without. Single looks are not here:
they are in the journal. Sentences carry their text and, for translators, their pattern with its values.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any, ClassVar

from checks import Samples, Seen, Sentence
from checks.incident import Milestone
from reports.language import translate
from reports.report import FORMAT, ProbeResult, Report
from reports.timeline import stretches

_HALF = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair: Python can hold it and no UTF-8 file can."""


class ToJson:
    """One JSON object."""

    name: ClassVar[str] = "json"
    file: ClassVar[str] = "report.json"

    def render(self, report: Report, language: str = "en") -> str:
        """The object, indented, with its letters as they are."""
        data = {"format": FORMAT, **_plain(report, language), "exit_code": report.exit_code}
        text = json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False)
        return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"


def _plain(value: Any, language: str) -> Any:
    """Anything that a report holds, as JSON values."""
    match value:
        case Sentence():
            plain: Any = {"text": translate(value, language), "pattern": value.pattern, "values": dict(value.values)}
        case Milestone(at_s=None):
            plain = {**_fields(value, language), "low_s": None, "high_s": None}
        case ProbeResult():
            seen = [_plain(one, language) for one in stretches(value.samples, value.every_s)]
            plain = {**_fields(value, language), "samples": _sums(value.samples), "stretches": seen}
        case Mapping():
            plain = {str(key): _plain(one, language) for key, one in value.items()}
        case tuple():
            plain = [_plain(one, language) for one in value]
        case float():
            plain = value if isfinite(value) else None  # JSON has no word for the others; unmeasured is null
        case _:
            plain = _fields(value, language) if is_dataclass(value) else value
    return plain


def _fields(value: Any, language: str) -> dict[str, Any]:
    return {
        one.name: _plain(getattr(value, one.name), language)
        for one in fields(value)
        if not isinstance(getattr(value, one.name), Samples)
    }


def _sums(samples: Samples) -> dict[str, Any]:
    return {
        "looks": len(samples),
        "good": samples.count(Seen.GOOD),
        "bad": samples.count(Seen.BAD),
        "blind": samples.count(Seen.BLIND),
        "first_s": samples[0].sent_s if len(samples) else None,
        "last_s": samples[-1].sent_s if len(samples) else None,
    }
