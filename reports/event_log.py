"""What happened in runs, as an event log that process-mining tools read: CSV, and XES as IEEE 1849-2016 has it. Pure.

A case is a run; an event is something that somebody did or that came about, with when, by whom and in which role. Both are
made piece by piece, since a log of many runs need not fit into memory.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isinf, isnan
from typing import Any
from xml.sax.saxutils import quoteattr

from checks import Sentence, Trust
from reports.cells import table_lines

Value = str | int | float | bool
MORE = ("alert", "receiver", "fault", "target", "probe", "result", "severity", "role", "holder", "channel", "tag", "change_id",
        "step", "cmd", "exit", "mutating", "took_s", "flag", "replica", "via", "scripted")  # fmt: skip
"""What events may hold besides, where it is a text or a figure."""
ABOUT = ("drill", "environment", "severity", "control")
"""What is true of a whole run."""
_COLUMNS = ("case:concept:name", "concept:name", "time:timestamp", "lifecycle:transition", "concept:instance", "org:resource",
            "org:role", "org:group", "trust", "source", "t_s", "journal_line", "text", *MORE,
            *(f"case:{name}" for name in ABOUT))  # fmt: skip
_EXTENSIONS = {"Concept": "concept", "Time": "time", "Organizational": "org", "Lifecycle": "lifecycle"}
_HOME = "http://www.xes-standard.org/"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that somebody did, or that came about."""

    t_s: float
    at: datetime
    seq: int
    """The journal line that shows it."""
    activity: str
    """What it is, in the words of a SOP: `incident.declared`, `fault.injected`."""
    said: Sentence
    """The same for people; `{who}` stands for whoever did it."""
    source: str
    trust: Trust = Trust.OBSERVED
    transition: str = "complete"
    """`start` or `complete`, for what takes time."""
    instance: str = ""
    """What a `start` and its `complete` have in common, and no others of this activity."""
    actor: str = ""
    roles: tuple[str, ...] = ()
    """What they held then."""
    team: str = ""
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run."""

    run: str
    about: Mapping[str, Value]
    """What is true of all of it, by the names of ABOUT."""
    happenings: Sequence[Happening]


def to_csv(cases: Iterable[Case]) -> Iterator[str]:
    """One line an event, with the same columns for every run."""
    return table_lines(_COLUMNS, (row for case in cases for row in _rows(case)))


def _rows(case: Case) -> Iterator[list[Value | datetime]]:
    about = {"case:concept:name": case.run, **{f"case:{key}": value for key, value in case.about.items()}}
    for one in case.happenings:
        values = about | _values(one)
        yield [values.get(column, "") for column in _COLUMNS]


def to_xes(cases: Iterable[Case]) -> Iterator[str]:
    """One trace a run, with the standard's extensions for names, times, resources and the life of an activity."""
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1849.2016" xes.features="" xmlns="{_HOME}">\n'
    for name, prefix in _EXTENSIONS.items():
        yield f'  <extension name="{name}" prefix="{prefix}" uri="{_HOME}{prefix}.xesext"/>\n'
    usual: dict[str, Value | datetime] = {
        "concept:name": "unknown",
        "lifecycle:transition": "complete",
        "org:resource": "unknown",
        "time:timestamp": datetime.fromtimestamp(0, UTC),
    }
    yield from _element('global scope="trace"', {"concept:name": "unknown"}, "  ")
    yield from _element('global scope="event"', usual, "  ")
    for name, keys in (("Activity", "concept:name"), ("Lifecycle", "concept:name lifecycle:transition"),
                       ("Resource", "org:resource")):  # fmt: skip
        yield f'  <classifier name="{name}" scope="event" keys="{keys}"/>\n'
    yield from _attributes({"concept:name": "drills", "lifecycle:model": "standard"}, "  ")
    for case in cases:
        yield "  <trace>\n"
        yield from _attributes({"concept:name": case.run, **case.about}, "    ")
        for one in case.happenings:
            yield from _element("event", _values(one), "    ")
        yield "  </trace>\n"
    yield "</log>\n"


def _values(one: Happening) -> dict[str, Value | datetime]:
    """An event by column, in their order."""
    return {
        "concept:name": one.activity,
        "time:timestamp": one.at,
        "lifecycle:transition": one.transition,
        "concept:instance": one.instance,
        "org:resource": one.actor or one.source,
        "org:role": "/".join(one.roles),
        "org:group": one.team,
        "trust": str(one.trust),
        "source": one.source,
        "t_s": float(one.t_s),
        "journal_line": one.seq,
        "text": one.text,
        **{key: value for key in MORE if isinstance(value := one.data.get(key), str | bool | int | float)},
    }


def _element(tag: str, holds: Mapping[str, Value | datetime], indent: str) -> Iterator[str]:
    yield f"{indent}<{tag}>\n"
    yield from _attributes(holds, f"{indent}  ")
    yield f"{indent}</{tag.partition(' ')[0]}>\n"


def _attributes(holds: Mapping[str, Value | datetime], indent: str) -> Iterator[str]:
    """What something holds, each by its type; what is empty is left out."""
    for key, value in holds.items():
        if value != "":
            kind, text = _typed(value)
            yield f'{indent}<{kind} key="{key}" value={quoteattr(text)}/>\n'


def _typed(value: Value | datetime) -> tuple[str, str]:
    """The standard's type of a value, and how that is written."""
    match value:
        case bool():
            return "boolean", str(value).lower()
        case int() if -(1 << 63) <= value < 1 << 63:
            return "int", str(value)
        case float():
            return "float", "NaN" if isnan(value) else f"{'-' * (value < 0)}INF" if isinf(value) else repr(value)
        case datetime():
            return "date", value.astimezone(UTC).isoformat(timespec="milliseconds")
        case _:
            return "string", _NO_XML.sub("\ufffd", str(value))
