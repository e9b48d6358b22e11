"""What happened in runs, as an event log that process-mining tools read: CSV, and XES as IEEE 1849-2016 has it. Pure.

A case is a run; an event is something that somebody did or that came about, with when, by whom and in which role.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from checks import Sentence, Trust
from reports.cells import table_text

Value = str | int | float | bool
MORE = ("alert", "receiver", "fault", "target", "probe", "result", "severity", "role", "holder", "channel", "tag", "change_id",
        "step", "cmd", "exit", "mutating", "took_s", "flag", "replica", "via", "scripted")  # fmt: skip
"""What events may hold besides, where it is a text or a figure."""
_COLUMNS = ("case:concept:name", "concept:name", "time:timestamp", "lifecycle:transition", "org:resource", "org:role",
            "org:group", "trust", "source", "t_s", "journal_line", "text", *MORE)  # fmt: skip
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
    """What is true of all of it: `drill`, `environment`."""
    happenings: Sequence[Happening]


def to_csv(cases: Iterable[Case]) -> str:
    """One line an event, with the same columns for every run."""
    rows = []
    for case in cases:
        for one in case.happenings:
            values = {"case:concept:name": case.run, **_values(one)}
            rows.append([values.get(column, "") for column in _COLUMNS])
    return table_text(_COLUMNS, rows)


def to_xes(cases: Iterable[Case]) -> bytes:
    """One trace a run, with the standard's extensions for names, times, resources and the life of an activity."""
    log = ElementTree.Element("log", {"xes.version": "1849.2016", "xes.features": "", "xmlns": _HOME})
    for name, prefix in _EXTENSIONS.items():
        ElementTree.SubElement(log, "extension", name=name, prefix=prefix, uri=f"{_HOME}{prefix}.xesext")
    _add(ElementTree.SubElement(log, "global", scope="trace"), "concept:name", "unknown")
    event = ElementTree.SubElement(log, "global", scope="event")
    for key, usual in (("concept:name", "unknown"), ("lifecycle:transition", "complete"), ("org:resource", "unknown")):
        _add(event, key, usual)
    _add(event, "time:timestamp", datetime.fromtimestamp(0, UTC))
    for name, keys in (("Activity", "concept:name"), ("Lifecycle", "concept:name lifecycle:transition"),
                       ("Resource", "org:resource")):  # fmt: skip
        ElementTree.SubElement(log, "classifier", name=name, scope="event", keys=keys)
    _add(log, "concept:name", "drills")
    for case in cases:
        trace = ElementTree.SubElement(log, "trace")
        for key, value in {"concept:name": case.run, **case.about}.items():
            _add(trace, key, value)
        for one in case.happenings:
            event = ElementTree.SubElement(trace, "event")
            for key, found in _values(one).items():
                if found != "":
                    _add(event, key, found)
    ElementTree.indent(log)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(log, encoding="unicode").encode() + b"\n"


def _values(one: Happening) -> dict[str, Value | datetime]:
    """An event by column, in their order."""
    return {
        "concept:name": one.activity,
        "time:timestamp": one.at,
        "lifecycle:transition": one.transition,
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


def _add(parent: ElementTree.Element, key: str, value: Value | datetime) -> None:
    kind, text = "string", str(value)
    match value:
        case bool():
            kind, text = "boolean", str(value).lower()
        case int() if -(1 << 63) <= value < 1 << 63:
            kind, text = "int", str(value)
        case float():
            kind, text = "float", repr(value)
        case datetime():
            kind, text = "date", value.astimezone(UTC).isoformat(timespec="milliseconds")
    ElementTree.SubElement(parent, kind, key=key, value=_NO_XML.sub("\ufffd", text))
