"""Nodes become settings: frozen dataclasses, with every mistake found at once, each where it stands.

What a text means is decided here, by the type of the setting that takes it: `no` is a text for one and a switch for
another. Nothing is guessed: a number without its unit, `010` and `1_000` are refused, with what to write instead.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from checks.units import parse_duration, parse_ratio
from drills import model as models
from drills.errors import Place, Problem, choices
from drills.model import Form, Setting, example, form, settings, settings_of
from drills.source import Items, Node, Scalar, Table

__all__ = ["Binding", "Reference", "Setting", "settings", "settings_of"]

T = TypeVar("T")


class Reference(NamedTuple):
    """A setting that names something else; whoever knows what there is must check that it is there."""

    kind: object
    """The NewType of the setting: `ProbeName`, `FaultName`, `TargetName`."""
    name: str
    place: Place


_BROKEN: Any = object()
"""Stands for a value that could not be had; the reason is among the problems."""
_NOTHING: Mapping[str, object] = MappingProxyType({})


class Binding:
    """Makes settings of nodes, and collects the problems and references of one file or of many."""

    def __init__(self, *, foreign: bool = False) -> None:
        """In a `foreign` file, whose form is another's, unknown and empty settings are passed over, and a list is a list."""
        self._foreign = foreign
        self.problems: list[Problem] = []
        self.references: list[Reference] = []
        """Of each setting that names something, also where the rest of its table is broken."""
        self._told: set[Problem] = set()

    def bind(self, model: type[T], node: Node, *, kind: str = "", given: Mapping[str, object] = _NOTHING,
             alone: bool = True, also: Iterable[str] = ()) -> T | None:  # fmt: skip
        """An instance of the model; None when there were problems, all of which are then in `problems`.

        `kind` is what messages call it. `given` are fields that come from elsewhere and are no settings here. With
        `alone`, a text or a list is the one setting that may stand alone. `also` are names that the caller reads
        from the same table itself, for the message that lists what may be written.
        """
        name = getattr(model, "name", None)
        kind = kind or (name if isinstance(name, str) else model.__name__)
        found = self._model(model, node, kind, node.place, given=given, alone=alone, also=also)
        return None if found is _BROKEN else cast("T", found)

    def bind_entry(self, node: Node, kinds: Mapping[str, type], common: type, *, what: str,
                   flat: bool = False) -> tuple[Any, Any] | None:  # fmt: skip
        """An entry whose kind is a key: an instance of that kind's model, and one of `common` of what stands beside it.

        When `flat`, the kind's value is the setting that may stand alone, and its other settings stand beside it.
        `what` is what messages call such an entry: `fault`.
        """
        if not isinstance(node, Table):
            self._tell(node.place, f"this {what} is {_SHAPES[type(node)]}, where a table is expected",
                       f"its kind is a key: `{next(iter(kinds), 'kind')}: …`", "wrong-shape")  # fmt: skip
            return None
        shared = [one.name for one in settings(common)]
        key = self._kind(node, kinds, shared, what, flat)
        if key is None:
            self._model(common, _only(node, shared), what, node.place)
            return None
        model, value = kinds[key.text], next(value for name, value in node.entries if name is key)
        own = [one.name for one in settings(model)]
        inside: list[str] = []
        if flat and (first := models.alone(settings(model))):
            inside = [name for name in own if name not in {first.name, key.text}]
            value = Table(((Scalar(first.name, key.place, False), value), *_only(node, inside).entries), node.place)
        strangers = [name for name, _ in node.entries if name is not key and name.text not in {*inside, *shared}]
        for name in strangers:
            fix = choices(name.text, [*inside, *shared], "settings")
            if name.text in own and not flat:
                fix = f"it belongs to {key.text}: write `{key.text}: {{…, {name.text}: …}}`"
            self._tell(name.place, f"{key.text if flat else f'a {what}'} has no setting `{name.text}`", fix,
                       "unknown-setting")  # fmt: skip
        made = self._model(model, value, key.text, key.place, alone=not flat or not own, beside=() if flat else shared)
        rest = self._model(common, _only(node, [name for name in shared if name not in inside]), what, key.place)
        return None if strangers or made is _BROKEN or rest is _BROKEN else (made, rest)

    def _kind(self, node: Table, kinds: Mapping[str, type], shared: Sequence[str], what: str,
              flat: bool) -> Scalar | None:  # fmt: skip
        """The key that says of which kind an entry is; None, and a problem, when there is not exactly one."""
        named = [key for key, _ in node.entries if key.text in kinds and key.text not in shared]
        if flat and len(named) > 1:  # a setting of one kind may bear the name of another kind
            inside = {one.name for key in named for one in settings(kinds[key.text]) if one.name != key.text}
            named = [key for key in named if key.text not in inside] or named
        if len(named) == 1:
            return named[0]
        strangers = [key for key, _ in node.entries if key.text not in shared]
        if named:
            self._tell(named[1].place, f"two {what}s in one entry: `{named[0].text}` and `{named[1].text}`",
                       "write each as an entry of its own", "two-kinds")  # fmt: skip
        elif strangers:
            from difflib import get_close_matches

            wrong = next((key for key in strangers if get_close_matches(key.text, kinds)), strangers[0])
            self._tell(wrong.place, f"no such {what} `{wrong.text}`", choices(wrong.text, list(kinds), f"{what}s"),
                       "unknown-kind")  # fmt: skip
        else:
            self._tell(node.place, f"this entry does not say which {what} it is", f"{what}s: {', '.join(kinds)}",
                       "unknown-kind")  # fmt: skip
        return None

    def _model(self, model: type, node: Node, kind: str, at: Place, *, given: Mapping[str, object] = _NOTHING,
               alone: bool = True, also: Iterable[str] = (), beside: Iterable[str] = ()) -> Any:  # fmt: skip
        """An instance, or _BROKEN. `at` is where to say that a setting is missing; `beside` are those of the entry."""
        known = {one.name: one for one in settings(model) if one.field not in given}
        table = self._table(node, list(known.values()), kind, alone and not self._foreign)
        if table is None:
            return _BROKEN
        values = dict(given)
        for key, value in table.entries:
            if self._foreign and (key.text not in known or _is_empty(value)):
                continue
            if key.text in known:
                setting = known[key.text]
                values[setting.field] = self._value(setting.type, value, setting.name, key.place)
            else:
                values[key.text] = _BROKEN
                fix = f"it stands beside `{kind}`, not in its value" if key.text in beside else ""
                self._tell(key.place, f"{kind} has no setting `{key.text}`",
                           fix or choices(key.text, [*known, *also], "settings"), "unknown-setting")  # fmt: skip
        for setting in known.values():
            if setting.required and setting.field not in values:
                values[setting.field] = _BROKEN
                self._tell(at, f"{kind} needs `{setting.name}`", _addition(setting), "missing-setting")
        if any(value is _BROKEN for value in values.values()):
            return _BROKEN
        try:
            return model(**values)
        except ValueError as error:
            return self._conflict(error, table, kind, at)

    def _table(self, node: Node, known: Sequence[Setting], kind: str, alone: bool) -> Table | None:
        """The table of settings that a node is or stands for; None, and a problem, when it is and does neither."""
        if isinstance(node, Table):
            return node
        if _is_empty(node):
            return Table((), node.place)
        first = models.alone(known) if alone else None
        if first:
            return Table(((Scalar(first.name, node.place, False), node),), node.place)
        fix = f"settings: {', '.join(one.name for one in known)}" if known else "it has no settings: write {}"
        self._tell(node.place, f"{kind} is {_SHAPES[type(node)]}, where a table is expected", fix, "wrong-shape")
        return None

    def _conflict(self, error: ValueError, table: Table, kind: str, at: Place) -> Any:
        """Tell what a model's `__post_init__` refused, at the setting that it names."""
        name, what, fix = map(str, error.args if len(error.args) == 3 else (kind, error, ""))
        name = name.rstrip("_")
        for key, value in table.entries:
            if key.text == name:
                at = value.place if isinstance(value, Scalar) else key.place
        self._tell(at, what if name in what else f"`{name}`: {what}", fix, "setting-conflict")
        return _BROKEN

    def _value(self, type_: Any, node: Node, name: str, at: Place) -> Any:
        """A value of this type, or _BROKEN. `name` is the setting's, `at` where it stands."""
        kind = form(type_)
        match kind.sort:
            case "optional":
                return None if _is_empty(node) else self._value(kind.of, node, name, at)
            case "model":
                return self._model(kind.type, node, name, at)
            case "list" if isinstance(node, Items) or not (self._foreign or _is_empty(node)):
                items = node.items if isinstance(node, Items) else (node,)
                values = [self._value(kind.of, item, name, item.place) for item in items]
                return _BROKEN if any(value is _BROKEN for value in values) else tuple(values)
            case "mapping" if isinstance(node, Table):
                found = {key.text: self._value(kind.of, value, key.text, key.place) for key, value in node.entries}
                return _BROKEN if any(value is _BROKEN for value in found.values()) else found
            case "words" if isinstance(node, Table):
                return self._words(kind.type, node, name)
            case _:
                return self._text(kind, node, name)

    def _words(self, words: Any, node: Table, name: str) -> Any:
        """A text in several languages."""
        languages = {one.field: "" for one in settings(words)}
        found: dict[str, Any] = dict(languages)
        for key, value in node.entries:
            found[key.text] = self._value(str, value, key.text, key.place) if key.text in languages else _BROKEN
            if key.text not in languages:
                self._tell(key.place, f"`{name}` cannot be in the language `{key.text}`",
                           choices(key.text, list(languages), "languages"), "unknown-language")  # fmt: skip
        return _BROKEN if any(value is _BROKEN for value in found.values()) else words(**found)

    def _text(self, kind: Form, node: Node, name: str) -> Any:
        """What a text stands for."""
        if _is_empty(node) or (isinstance(node, Scalar) and not node.text and kind.sort not in {"text", "words"}):
            self._tell(node.place, f"`{name}` has no value", f"write `{name}: {example(kind.type)}`; what has "
                       "a default may be left out", "empty-value")  # fmt: skip
            return _BROKEN
        if not isinstance(node, Scalar) or kind.sort in {"mapping", "list"}:
            wanted = _WANTED.get(kind.sort, "a text")
            self._tell(node.place, f"`{name}` is {_SHAPES[type(node)]}, where {wanted} is expected",
                       f"write `{name}: {example(kind.type)}`", "wrong-shape")  # fmt: skip
            return _BROKEN
        try:
            value = _READERS[kind.sort](kind, node.text)
        except _TextError as wrong:
            what = _cannot_be(node) if wrong.what == _CANNOT else wrong.what
            self._tell(node.place, f"`{name}` {what}", wrong.fix, wrong.slug)
            return _BROKEN
        if kind.sort == "reference":
            self.references.append(Reference(kind.type, node.text, node.place))
        return value

    def _tell(self, place: Place, what: str, fix: str, slug: str) -> None:
        """Note a problem, once: what an alias repeats is read again and again."""
        problem = Problem(place, what, fix, slug)
        if problem not in self._told:
            self._told.add(problem)
            self.problems.append(problem)


_SHAPES: Mapping[type, str] = {Scalar: "a text", Items: "a list", Table: "a table"}
_WANTED = {"whole": "a whole number", "number": "a number", "switch": "true or false", "duration": "a duration",
           "share": "a share", "reference": "a name", "choice": "one of its choices", "mapping": "a table",
           "list": "a list"}  # fmt: skip
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_FIGURE = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_BARE = r"[0-9]+(\.[0-9]+)?"


def _only(table: Table, names: Iterable[str]) -> Table:
    """The same table with no other settings than these."""
    wanted = set(names)
    return table._replace(entries=tuple(entry for entry in table.entries if entry[0].text in wanted))


def _is_empty(node: Node) -> bool:
    """True when nothing was written, or `~` or `null`."""
    return isinstance(node, Scalar) and not node.text and not node.quoted


def _addition(setting: Setting) -> str:
    return f"add `{setting.name}: {example(setting.type)}`" + (f"  ({setting.help})" if setting.help else "")


def _cannot_be(node: Scalar) -> str:
    """With the value, unless it is not in the file as it is: then it came from a variable and may be a secret."""
    if node.place.text and node.text not in node.place.text:
        return _CANNOT
    text = node.text if node.text.isprintable() else ascii(node.text)[1:-1]
    return f"cannot be `{text}`" if len(text) <= 60 else f"cannot be `{text[:59]}…`"


_CANNOT = "cannot be that"


class _TextError(Exception):
    """A text that is no value of its type. `what` is said after the setting's name."""

    def __init__(self, what: str, fix: str, slug: str) -> None:
        super().__init__(what, fix, slug)
        self.what, self.fix, self.slug = what, fix, slug


def _whole(_: Form, text: str) -> int:
    match = re.fullmatch("([+-]?)(0*)([0-9]{1,18})", text.strip())
    if match is None:
        digits = text.strip().replace("_", "")
        better = digits if "_" in text and re.fullmatch("[1-9][0-9]{0,17}", digits) else "a whole number such as 5"
        raise _TextError(_CANNOT, f"write {better}", "bad-number")
    if match[2]:
        raise _TextError("begins with 0, which some read as octal", f"write {match[1]}{match[3]}", "bad-number")
    return int(match[1] + match[3])


def _number(_: Form, text: str) -> float:
    match = re.fullmatch(_FIGURE, text.strip())
    if match is None or abs(float(text)) == float("inf"):
        raise _TextError(_CANNOT, "write a number such as 5 or 0.5", "bad-number")
    if re.match(r"[+-]?0\d", text.strip()):
        raise _TextError("begins with 0, which some read as octal", f"write {float(text)!r}", "bad-number")
    return float(text)


def _switch(_: Form, text: str) -> bool:
    if text.strip().lower() not in _SWITCH:
        raise _TextError(_CANNOT, "write true or false", "bad-switch")
    return _SWITCH[text.strip().lower()]


def _duration(_: Form, text: str) -> object:
    try:
        return parse_duration(text)
    except ValueError as expected:
        if bare := re.fullmatch(_BARE, text.strip()):
            fix = f"write {bare[0]}s, {bare[0]}ms or {bare[0]}m"
            raise _TextError("needs a unit", fix, "missing-unit") from None
        raise _TextError(_CANNOT, f"write {expected}", "bad-duration") from None


def _share(_: Form, text: str) -> float:
    try:
        return parse_ratio(text)
    except ValueError as expected:
        bare = re.fullmatch(_BARE, text.strip())
        if bare and float(bare[0]) <= 100:
            share = float(bare[0])
            fix = f"write {share * 100:g}%, or {bare[0]}% if that is meant" if 0 < share < 1 else f"write {bare[0]}%"
            raise _TextError("needs a percent sign", fix, "bad-share") from None
        raise _TextError(_CANNOT, f"write {expected}", "bad-share") from None


def _choice(kind: Form, text: str) -> object:
    if text in kind.of:
        return kind.of[text]
    same = next((one for one in kind.of if one.casefold() == text.casefold()), text)
    raise _TextError(_CANNOT, choices(same, list(kind.of), "choices"), "bad-choice")


def _parsed(kind: Form, text: str) -> object:
    try:
        return kind.type.parse(text)
    except ValueError as expected:
        if kind.type.__name__.endswith("Limit"):
            raise _TextError(_CANNOT, f"write {expected}", "bad-limit") from None
        raise _TextError(_CANNOT, f"write {expected}", "bad-value") from None


_READERS: Mapping[str, Callable[[Form, str], object]] = {
    "text": lambda _, text: text,
    "reference": lambda _, text: text,
    "words": lambda kind, text: kind.type(text),
    "whole": _whole,
    "number": _number,
    "switch": _switch,
    "duration": _duration,
    "share": _share,
    "choice": _choice,
    "parsed": _parsed,
}
