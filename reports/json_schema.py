"""The JSON Schema (2020-12) of the report for programs, made from the report's own classes and the words beside their fields.

Every key that is there today is required. New ones may come within a format, so others are let pass.
"""

import ast
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from checks import Samples, Sentence
from checks.incident import Milestone
from reports.report import EXIT_CODES, FORMAT, ProbeResult, Report
from reports.timeline import Stretch

Schema = dict[str, Any]
_SIMPLE: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer"}
_SUMS = ("looks", "good", "bad", "blind")


def json_schema() -> Schema:
    """Of what `reports.to_json` writes."""
    definitions: Schema = {}
    whole = _object(Report, definitions)
    own = {"format": {"const": FORMAT}, "exit_code": {"enum": sorted(EXIT_CODES.values())}}
    whole["properties"] = {**own, **whole["properties"]}
    whole["required"] = [*own, *whole["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Report of a drill, format {FORMAT}",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


def _object(model: type, definitions: Schema) -> Schema:
    hints, said = get_type_hints(model), _said(model)
    kept = [one.name for one in fields(model) if hints[one.name] is not Samples]
    properties = {name: {**_of(hints[name], definitions), **said.get(name, {})} for name in kept}
    properties |= _shown(model, definitions)
    return {"type": "object", "description": _first(model.__doc__), "properties": properties, "required": [*properties]}


def _shown(model: type, definitions: Schema) -> Schema:
    """What is written otherwise than the class has it."""
    if model is ProbeResult:
        sums = {name: {"type": "integer"} for name in _SUMS} | {name: _number() for name in ("first_s", "last_s")}
        looks = {"type": "object", "properties": sums, "required": [*sums]}
        return {"samples": looks, "stretches": {"type": "array", "items": _of(Stretch, definitions)}}
    if model is Sentence:
        return {"text": {"type": "string", "description": "The sentence, in the report's language."}}
    if model is Milestone:
        return {"low_s": _number(), "high_s": _number()}
    return {}


def _of(type_: Any, definitions: Schema) -> Schema:
    """The schema of what a value of this type is written as."""
    origin, args = get_origin(type_), get_args(type_)
    if origin in (Union, UnionType):
        ways = [_of(one, definitions) for one in args if one is not NoneType]
        return {"anyOf": [*ways, {"type": "null"}]} if NoneType in args else {"anyOf": ways}
    if origin is tuple:
        return _array(args, definitions)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(args[1], definitions)}
    if inspect.isclass(type_) and issubclass(type_, StrEnum):
        return {"enum": [one.value for one in type_]}
    if is_dataclass(type_):
        return _reference(type_, definitions)
    return _number() if type_ is float else {"type": _SIMPLE[type_]}


def _array(args: tuple[Any, ...], definitions: Schema) -> Schema:
    if args[-1] is Ellipsis:
        return {"type": "array", "items": _of(args[0], definitions)}
    return {"type": "array", "prefixItems": [_of(one, definitions) for one in args], "minItems": len(args),
            "maxItems": len(args)}  # fmt: skip


def _reference(model: Any, definitions: Schema) -> Schema:
    if model.__name__ not in definitions:
        definitions[model.__name__] = {}  # there before it is filled, for one that holds itself
        definitions[model.__name__] = _object(model, definitions)
    return {"$ref": f"#/$defs/{model.__name__}"}


def _number() -> Schema:
    """What has no figure in JSON, as an outage without an end, is null."""
    return {"type": ["number", "null"]}


@cache
def _said(model: type) -> Mapping[str, Schema]:
    """The words that stand below each field."""
    (body,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, Schema] = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[field.target.id] = {"description": " ".join(text.split())}
    return found


def _first(doc: str | None) -> str:
    return " ".join((doc or "").partition("\n\n")[0].split())
