"""JSON Schema (2020-12) of models, with which an editor completes settings, explains them and marks mistakes.

It accepts what the binder accepts, as an editor sees it: an unquoted `no` is a text to us and a boolean to many an
editor, so a setting that takes any text takes that too. A text with `${…}` passes everywhere; its value comes later.
"""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checks.check import CountLimit, DurationLimit, RatioLimit
from drills.model import Form, Setting, alone, form, settings, written

Schema = dict[str, Any]


def schema_of(model: type, *, definitions: Schema) -> Schema:
    """A reference to the model's schema, which is put into `definitions` (`$defs` of the whole) with all it needs.

    It takes a table of settings, or the one setting that may stand alone.
    """
    name = re.sub(r"[^\w.]", "", f"{model.__module__}.{model.__qualname__}".replace("<locals>.", ""))
    if name not in definitions:
        whole: Schema = {}
        definitions[name] = whole  # there before it is filled, for a model that holds itself
        known = settings(model)
        first = alone(known)
        ways = [_table(known, definitions)]
        if first:
            ways.append(value_schema(first.type, definitions=definitions))
        if not any(one.required for one in known):
            ways.append({"type": "null"})
        whole.update(described(model), anyOf=ways)
    return {"$ref": f"#/$defs/{name}"}


def table_of(model: type, *, definitions: Schema, also: Mapping[str, Schema] | None = None) -> Schema:
    """The schema of a table of the model's settings, and of `also`: settings that somebody else reads from it."""
    table = _table(settings(model), definitions)
    table["properties"].update(also or {})
    return {**described(model), **table}


def entry_schema(kinds: Mapping[str, type], common: type | None, *, flat: bool, definitions: Schema) -> Schema:
    """An entry whose kind is a key, with the settings of `common` beside it.

    When `flat`, the kind's value is the setting that may stand alone, and its other settings stand beside it.
    """
    shared = settings(common) if common else []
    if flat:
        return {"anyOf": [_flat(name, model, shared, definitions) for name, model in kinds.items()]}
    table = _table(shared, definitions)
    for name, model in kinds.items():
        table["properties"].setdefault(name, {**schema_of(model, definitions=definitions), **described(model)})
    return {**table, "oneOf": [{"required": [name]} for name in kinds]}


def value_schema(type_: Any, *, definitions: Schema) -> Schema:
    """The schema of a setting of this type."""
    kind = form(type_)
    match kind.sort:
        case "optional":
            return {"anyOf": [value_schema(kind.of, definitions=definitions), {"type": "null"}]}
        case "list":
            one = value_schema(kind.of, definitions=definitions)
            return {"anyOf": [{"type": "array", "items": one}, one]}
        case "mapping":
            return {"type": "object", "additionalProperties": value_schema(kind.of, definitions=definitions)}
        case "model":
            return schema_of(kind.type, definitions=definitions)
        case "words":
            languages = {one.name: {**_TEXT, "description": _LANGUAGES[one.name]} for one in settings(kind.type)}
            return {"anyOf": [_TEXT, {"type": "object", "properties": languages, "additionalProperties": False}]}
        case _:
            return _scalar(kind)


def _scalar(kind: Form) -> Schema:
    if kind.sort == "choice":
        return {"anyOf": [{"enum": [seen for text in kind.of for seen in _seen_as(text)]}, _VARIABLE]}
    if kind.sort == "parsed":
        sample = {"examples": [kind.type.example]} if hasattr(kind.type, "example") else {}
        return {**_LIMITS.get(kind.type, _TEXT), **sample}
    return _SCALARS[kind.sort]


def _text(pattern: str) -> Schema:
    """A text that is this as a whole, blanks around it aside, or that waits for a variable."""
    return {"type": "string", "pattern": rf"^\s*({pattern})\s*$|\$\{{"}


_VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
_TEXT: Schema = {"type": ["string", "number", "boolean"]}
_LANGUAGES = {"en": "In English", "zh": "In Chinese"}
_SHARE = r"0*(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)\s*%"
_DURATION = r"(?=[0-9])" + "".join(rf"([0-9]+(\.[0-9]+)?\s*{unit}\s*)?" for unit in ("d", "h", "m", "s", "ms", "us"))
_SIGN = r"(>=|<=|>|<)\s*"
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_ANY_CASE = "|".join("".join(f"[{char}{char.upper()}]" for char in word) for word in _WORDS)
_SCALARS: Mapping[str, Schema] = {
    "text": _TEXT,
    "reference": {**_TEXT, "minLength": 1},
    "whole": {**_text("[+-]?(0|[1-9][0-9]{0,17})"), "type": ["integer", "string"]},
    "number": {**_text(r"[+-]?(?!0[0-9])([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"), "type": ["number", "string"]},
    "switch": {**_text(_ANY_CASE), "type": ["boolean", "string"]},
    "share": _text(_SHARE),
    # The one figure that needs no unit is 0, which an editor sees as a number.
    "duration": {**_text(f"0|{_DURATION}"), "type": ["string", "integer"], "minimum": 0, "maximum": 0},
}
_LIMITS: Mapping[type, Schema] = {
    RatioLimit: _text(_SIGN + _SHARE), DurationLimit: _text(f"{_SIGN}(0|{_DURATION})"), CountLimit: _text(_SIGN + "[0-9]+"),
}  # fmt: skip


def _seen_as(text: str) -> list[object]:
    """A choice as its text, and as what an editor makes of it without quotes."""
    if text.lower() in _WORDS:
        return [text, _WORDS[text.lower()]]
    return [text, int(text)] if re.fullmatch("0|[1-9][0-9]{0,8}", text) else [text]


def _table(known: Iterable[Setting], definitions: Schema) -> Schema:
    """A table of these settings and no others."""
    properties = {one.name: _setting(one, definitions) for one in known}
    required = [one.name for one in known if one.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _flat(name: str, model: type, shared: Sequence[Setting], definitions: Schema) -> Schema:
    """An entry of this kind whose settings all stand beside each other."""
    known = settings(model)
    first = alone(known)
    inside = [one for one in known if one is not first]
    beside = [one for one in shared if one.name not in {other.name for other in inside}]
    table = _table([*inside, *beside], definitions)
    value = _setting(first, definitions) if first else schema_of(model, definitions=definitions)
    table["properties"] = {name: {**value, **described(model)}, **table["properties"]}
    return {**table, "required": [name, *table["required"]]}


def _setting(setting: Setting, definitions: Schema) -> Schema:
    """A setting's schema with its help and default, for whoever writes it."""
    found = dict(value_schema(setting.type, definitions=definitions))
    if setting.help:
        found["description"] = setting.help
    if not setting.required and setting.default is not None:
        found["default"] = written(setting.type, setting.default)
    return found


def described(model: type) -> Schema:
    """The first paragraph of the model's docstring; one that `dataclass` made up says nothing."""
    text = inspect.cleandoc(model.__doc__ or "")
    if not text or text.startswith(f"{model.__name__}("):
        return {}
    return {"description": " ".join(text.split("\n\n")[0].split())}
