"""What an act of a person is made of: its name, a text, and flat data beside it, all of bounded size. Pure."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from checks.units import show_duration

TEXT_MAX = 4_000
"""Characters of one text."""
_KEYS_MAX = 40
_NAME_MAX = 100
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SEVERITY = re.compile(r"(P[0-4]|SEV[1-5])")
_OURS = frozenset(
    {"id", "actor", "at_unix", "team", "via", "by", "from", "scripted", "observer", "trust", "source", "mutating"}
)
"""What the run itself says of an act."""
OF_MACHINES = frozenset({
    "alert.firing", "am.silence", "contained", "drill.end", "drill.start", "fault.injected", "fault.lapsed", "impact.again",
    "impact.start", "observe", "page.delivered", "recovered", "routes.changed", "rules.changed", "state", "webhook",
})  # fmt: skip
"""What only machines tell: no person may."""


class Refused(Exception):
    """This act is not taken down; the message says why."""


def checked(act: object) -> dict[str, Any]:
    """An act as it may be taken down. Raises Refused."""
    if not isinstance(act, Mapping):
        raise Refused("it is no act, which is a table with `act`, its name")
    name = act.get("act")
    if not (isinstance(name, str) and len(name) <= _NAME_MAX and _NAME.fullmatch(name)):
        raise Refused("its `act` is no name, such as `incident.declared`")
    if name in OF_MACHINES:
        raise Refused(f"only machines tell `{name}`")
    if len(act) > _KEYS_MAX:
        raise Refused(f"it has more than {_KEYS_MAX} settings")
    found = {key: _value(key, value) for key, value in act.items()}
    if name in _NEEDED and not found.get(_NEEDED[name]):
        raise Refused(f"`{name}` needs `{_NEEDED[name]}`")
    if name == "incident.severity":
        found["severity"] = _severity(str(found["severity"]))
    return found


_NEEDED: Mapping[str, str] = {"chat": "text", "incident.severity": "severity", "manual": "step", "note": "text",
                              "role.taken": "role", "submit.diagnosis": "text"}  # fmt: skip


def _value(key: object, value: object) -> object:
    if not (isinstance(key, str) and _KEY.fullmatch(key)) or key in _OURS:
        raise Refused(f"an act cannot have `{clean(str(key))[:_NAME_MAX]}`")
    if isinstance(value, str):
        if len(value) > TEXT_MAX:
            raise Refused(f"its `{key}` is longer than {TEXT_MAX} characters")
        return clean(value)
    if isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise Refused(f"its `{key}` is neither a text nor a figure")


def clean(text: str) -> str:
    """The text without what cannot be written as UTF-8: halves of characters, as JSON may bring them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _severity(text: str) -> str:
    level = text.upper().replace(" ", "").replace("-", "")
    if not _SEVERITY.fullmatch(level):
        raise Refused(f"`{text[:_NAME_MAX]}` is no severity: P0 to P4, or SEV1 to SEV5")
    return level


def said(data: Mapping[str, Any]) -> str:
    """An act in a few words: `severity P1`."""
    say = _SAY.get(str(data.get("act")))
    words = say(data) if say else f"{data.get('act')}: {data.get('text') or ''}"
    return words.removesuffix(": ")


def _chat(data: Mapping[str, Any]) -> str:
    marks = " ".join(str(data[key]) for key in ("tag", "change_id") if data.get(key))
    return f"said in {data.get('channel') or 'chat'}{f' ({marks})' if marks else ''}: {data.get('text', '')}"


def _cli(data: Mapping[str, Any]) -> str:
    does = "changes" if data.get("mutating") else "looks"
    ended = [f"exit {data['exit']}"] if "exit" in data else []
    ended += [f"after {show_duration(data['took_s'])}"] if "took_s" in data else []
    change = [f"change {data['change_id']}"] if data.get("change_id") else []
    what = f"ran `{data['cmd']}`" if data.get("cmd") else f"did: {data.get('text', '')}"
    return f"{what} ({', '.join([does, *ended, *change])})"


def _role(data: Mapping[str, Any]) -> str:
    given = f", handed over by {data['from']}" if data.get("from") else ""
    return f"role {data.get('role')} is held by {data.get('holder') or 'nobody'}{given}"


def _observe(data: Mapping[str, Any]) -> str:
    about = [value for key, value in data.items() if key not in _OF_OBSERVERS and isinstance(value, str) and value]
    return " ".join(["saw", *about, str(data.get("result") or "nothing")])


_OF_OBSERVERS = frozenset({"act", "actor", "before", "behind_bytes", "count", "id", "observer", "offset", "primary", "probe",
                           "result", "team", "text", "via", "was", "why"})  # fmt: skip
"""Data of an observation that one can do without in a few words."""
_SAY: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "page.acked": lambda data: f"page acknowledged: {data.get('page') or ''}",
    "incident.declared": lambda data: f"incident declared: {data.get('text') or ''}",
    "incident.severity": lambda data: f"severity {data.get('severity')}",
    "incident.resolved": lambda data: f"incident resolved: {data.get('text') or ''}",
    "role.taken": _role,
    "chat": _chat,
    "cli": _cli,
    "submit.diagnosis": lambda data: f"diagnosis: {data.get('text')}",
    "manual": lambda data: f"step {data.get('step')} done",
    "note": lambda data: f"note: {data.get('text')}",
    "observe": _observe,
}
