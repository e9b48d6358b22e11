"""What a model asks for: its settings and the form of each, told apart once for all who read, write or describe them.

A model is a dataclass whose fields are settings. Their types are the only description of them that there is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

from checks.units import write_duration, write_ratio


class Setting(NamedTuple):
    """One setting of a model."""

    name: str
    """As it is written: `for`, where the field must be called `for_`."""
    field: str
    type: Any
    """Without the help."""
    required: bool
    default: Any
    """None when it is required."""
    help: str


Sort = Literal["text", "whole", "number", "switch", "duration", "share", "reference", "choice", "parsed", "words",
               "optional", "list", "mapping", "model"]  # fmt: skip


class Form(NamedTuple):
    """What a type asks for."""

    sort: Sort
    type: Any
    """What makes the value; of a reference or share, its NewType."""
    of: Any = None
    """The type that an optional, list or mapping holds; for a choice, its values by their texts."""


@cache
def settings(model: type) -> list[Setting]:
    """The settings of a model, in the order of its fields. Raises TypeError when it is no dataclass.

    A field whose metadata has `setting: False` is not for authors: whoever makes the instance sets it.
    """
    hints = get_type_hints(model, include_extras=True)
    found: list[Setting] = []
    for field in fields(model):
        if field.init and field.metadata.get("setting", True):
            type_, help_ = _without_help(hints[field.name])
            default = field.default if field.default_factory is MISSING else field.default_factory()
            known = (field.name.rstrip("_"), field.name, type_)
            found.append(Setting(*known, default is MISSING, None if default is MISSING else default, help_))
    return found


@cache
def form(type_: Any) -> Form:
    """What this type asks for. Raises TypeError for one that no text can become, which is a bug of the model."""
    type_ = _without_help(type_)[0]
    origin: Any = get_origin(type_)
    args = get_args(type_)
    if isinstance(type_, NewType):
        return _form_of_new(type_)
    if origin in (Union, UnionType) and NoneType in args and len(args) == 2:
        return Form("optional", type_, args[args[0] is NoneType])
    if origin is Literal:
        return Form("choice", type_, {str(value): value for value in args})
    if origin is tuple and args[1:] == (Ellipsis,):
        return Form("list", type_, args[0])
    if origin in (Mapping, dict) and args[0] is str:
        return Form("mapping", type_, args[1])
    if isinstance(type_, type) and origin is None:
        return _form_of_class(type_)
    raise TypeError(f"no setting can be of the type {type_}")


def alone(known: Sequence[Setting]) -> Setting | None:
    """The setting that may stand for all of these: the only required one, or else the first.

    None when there is no setting, or when its value would be a model for which, in the end, the same might stand.
    """
    first, seen = _first(known), set[type]()
    type_ = first.type if first else None
    while type_ and (kind := form(type_)).sort in {"optional", "list", "model"}:
        if kind.type in seen:
            return None
        seen.add(kind.type)
        inner = _first(settings(kind.type)) if kind.sort == "model" else None
        type_ = kind.of or (inner.type if inner else None)
    return first


def _first(known: Sequence[Setting]) -> Setting | None:
    required = [one for one in known if one.required]
    return required[0] if len(required) == 1 else next(iter(known), None)


def settings_of(instance: Any, *, defaults: bool = False) -> dict[str, object]:
    """What an instance was made of, JSON-like; bound again, it gives an equal one.

    Without `defaults`, what has its default is left out.
    """
    model: type = type(instance)
    values = [(one, getattr(instance, one.field)) for one in settings(model)]
    return {one.name: written(one.type, value) for one, value in values
            if defaults or one.required or value != one.default}  # fmt: skip


def written(type_: Any, value: Any) -> object:
    """A value of this type as it would stand in a file, JSON-like."""
    kind = form(type_)
    match kind.sort:
        case "optional":
            return None if value is None else written(kind.of, value)
        case "list":
            return [written(kind.of, item) for item in value]
        case "mapping":
            return {key: written(kind.of, item) for key, item in value.items()}
        case "model":
            return settings_of(value)
        case "words":
            return {"en": value.en, "zh": value.zh} if value.zh else value.en  # an empty `en` is read back as one
        case _:
            return _WRITERS.get(kind.sort, str)(value)


def shown(value: object) -> str:
    """What `written` gave, as one would write it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(map(shown, value))
        case dict():
            return "{" + ", ".join(f"{name}: {shown(one)}" for name, one in value.items()) + "}"
        case _:
            return str(value)


def example(type_: Any) -> str:
    """What a value of this type may look like, in YAML."""
    kind = form(type_)
    match kind.sort:
        case "optional":
            return example(kind.of)
        case "list":
            return f"[{example(kind.of)}]"
        case "mapping":
            return f"{{name: {example(kind.of)}}}"
        case "model":
            needed = [one for one in settings(kind.type) if one.required]
            return f"{{{', '.join(f'{one.name}: {example(one.type)}' for one in needed) or '…'}}}"
        case "choice":
            return str(next(iter(kind.of)))
        case _:
            return _EXAMPLES.get(kind.sort) or str(getattr(kind.type, "example", "…"))


_WRITERS: Mapping[str, Callable[[Any], object]] = {
    "duration": write_duration, "share": write_ratio, "whole": int, "number": float, "switch": bool,
}  # fmt: skip
_EXAMPLES = {"whole": "5", "number": "0.5", "switch": "true", "duration": "5s", "share": "5%"}

_PLAIN: Mapping[Any, Sort] = {str: "text", bool: "switch", int: "whole", float: "number", timedelta: "duration"}


def _without_help(type_: Any) -> tuple[Any, str]:
    """The type inside of `Annotated`, and the first text beside it."""
    if get_origin(type_) is not Annotated:
        return type_, ""
    bare, *notes = get_args(type_)
    return bare, next((note for note in notes if isinstance(note, str)), "")


def _form_of_new(new: NewType) -> Form:
    """A share is known by its name, since injectors and checks each have a `Ratio` of their own."""
    base: Any = new
    while isinstance(base, NewType):
        base = base.__supertype__
    if base is str:
        return Form("reference", new)
    return Form("share", new) if base is float and new.__name__ == "Ratio" else form(base)


def _form_of_class(class_: type) -> Form:
    if class_ in _PLAIN:
        return Form(_PLAIN[class_], class_)
    if issubclass(class_, StrEnum):
        return Form("choice", class_, {str(member): member for member in class_})
    if callable(getattr(class_, "parse", None)):
        return Form("parsed", class_)
    if (class_.__module__, class_.__name__) == ("reports.words", "Words"):  # by name, so as not to import reports
        return Form("words", class_)
    if is_dataclass(class_):
        return Form("model", class_)
    raise TypeError(f"no setting can be of the type {class_}")
