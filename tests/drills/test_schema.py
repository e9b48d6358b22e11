"""The schema takes what the binder takes, as an editor sees it, and marks each kind of mistake that one can see."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

from checks import Ratio
from drills.binding import Binding, settings_of
from drills.schema import Schema, entry_schema, schema_of, table_of, value_schema
from drills.source import parse
from injectors import TargetName
from tests.drills.models import ANYTHING, KINDS, Beside, Clean, Everything, Inner, Kill, Latency


def whole(schema: Schema, definitions: Schema) -> Draft202012Validator:
    """A schema with its definitions, itself found valid."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(json.loads(json.dumps(document)))  # it must be JSON


def validator(model: type) -> Draft202012Validator:
    """Of one model."""
    definitions: Schema = {}
    return whole(schema_of(model, definitions=definitions), definitions)


def entries(*, flat: bool) -> Draft202012Validator:
    """Of entries whose kind is a key."""
    definitions: Schema = {}
    return whole(entry_schema(KINDS, Beside, flat=flat, definitions=definitions), definitions)


EVERYTHING, NESTED, FLAT = validator(Everything), entries(flat=False), entries(flat=True)


def takes(schema: Draft202012Validator, text: str) -> bool:
    """Whether an editor that reads YAML as most do finds nothing wrong."""
    return schema.is_valid(yaml.safe_load(text))


def binds(text: str) -> bool:
    """Whether the binder finds nothing wrong."""
    binding = Binding()
    binding.bind(Everything, parse(text, "x.yaml"))
    return not binding.problems


GOOD = [
    "text: no", "text: 5", "text: 1.5", "text: plain", "text: ''", "maybe: ~", "maybe: yes", "whole: 5",
    "whole: -5", "whole: '5'", "number: 5", "number: 0.5", "number: '1e-3'", "switch: true", "switch: yes",
    "switch: 'on'", "switch: 'FALSE'", "lasts: 5s", "lasts: 1m30s", "lasts: 1h 4m", "lasts: 0", "lasts: '0'",
    "lasts: 1.5d", "share: 5%", "share: 99.9 %", "share: 100.0%", "share: 0%", "within: <= 50ms", "within: '< 0'",
    "within: ~", 'success: ">= 99.9%"', "rate: 50/s", "choice: one", "choice: no", "colour: dark blue",
    "probe: orders", "probe: 5", "faults: a", "faults: [a, b]", "faults: []", "limits: '> 1%'",
    "limits: ['> 1%', '<=  2 %']", "labels: {}", "labels: {a: b, c: 5, d: yes}", "shares: {a: 1%, b: [2%]}",
    "inner: {}", "inner: {over: 1s}", "inner: 1s", "inner: ~", "inners: []", "inners: 1s",
    "inners: [{over: 1s}, {at_most: 1%}]",
    "by_name: {a: {over: 1s}}", "title: The cache", "title: {en: a, zh: b}", "title: {zh: b}", "for: 5s",
    "from: here", "max_targets: 3", "{}", "a simple text",
]  # fmt: skip
BAD = [
    "texd: x", "text: [a]", "text: {a: b}", "text:", "whole: 1e3", "whole: '010'", "whole: five", "whole: 1.5",
    "whole: '1_0'", "number: half", "number: '010'", "number: [1]", "switch: maybe", "switch: 1", "lasts: 5",
    "lasts: '5'", "lasts: 5 parsecs", "lasts: 5s1m", "lasts: -5s", "lasts: ''", "lasts: [5s]", "lasts:", "share: 5",
    "share: 0.05", "share: 101%", "share: -1%", "share:", "within: 50ms", "within: <= 50", "success: 99.9%",
    'success: ">= 999%"', "rate: [1]", "choice: three", "choice: ONE", "choice: true", "colour: blue", "probe: ''",
    "faults:", "faults: [[a]]", "faults: {a: b}", "limits: [1%]", "labels: a", "labels: {a: [b]}", "labels: {a: }",
    "shares: {a: 1}", "inner: {at_most: 5}", "inner: {att: 5%}", "inner: 5", "inners: [{ovr: 1s}]",
    "by_name: {a: {over: 1}}", "title: [a]", "title: {fr: x}", "title:", "for_: 5s", "[a]",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_is_right_passes_schema_and_binder(text: str) -> None:
    assert takes(EVERYTHING, text)
    assert binds(text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_passes_neither_schema_nor_binder(text: str) -> None:
    assert not takes(EVERYTHING, text)
    assert not binds(text)


@given(ANYTHING)
def test_whatever_is_written_back_passes(made: Everything) -> None:
    assert EVERYTHING.is_valid(json.loads(json.dumps(settings_of(made))))


@pytest.mark.parametrize(
    "name", ["lasts", "share", "whole", "number", "switch", "choice", "success", "probe", "rate", "text"]
)
def test_a_variable_may_stand_for_any_text(name: str) -> None:
    assert takes(EVERYTHING, f'{name}: "${{env.VALUE}}"')


def test_the_only_needed_setting_may_stand_alone() -> None:
    kill = validator(Kill)

    assert takes(kill, "cache-primary")
    assert takes(kill, "{target: cache-primary, signal: TERM}")
    assert takes(kill, "{target: db, signal: on}")  # which an editor sees as true
    assert not takes(kill, "{signal: TERM}")
    assert not takes(kill, "~")
    assert not takes(kill, "[a]")
    assert takes(validator(Clean), "~")


# Entries


@pytest.mark.parametrize(
    "text",
    ["kill: db", "{id: a, kill: {target: db, signal: TERM}, at: 5s}", "clean:", "clean: no",
     "{latency: {link: l, delay: 5ms}, when: {over: 1s}}"],
)  # fmt: skip
def test_a_right_entry_passes(text: str) -> None:
    assert takes(NESTED, text)


@pytest.mark.parametrize(
    "text",
    ["{}", "{at: 5s}", "{kil: db}", "{kill: db, latency: {link: l, delay: 5ms}}", "{kill: db, att: 5s}", "kill:",
     "kill", "{kill: db, signal: TERM}", "{kill: {target: db, at: 5s}}", "{kill: db, at: 5}", "[kill]"],
)  # fmt: skip
def test_a_wrong_entry_does_not(text: str) -> None:
    assert not takes(NESTED, text)


@pytest.mark.parametrize(
    "text",
    ["kill: db", "{kill: db, signal: TERM, id: x}", "{latency: users, delay: 5ms, share: 5%, at: 1s}", "clean: yes"],
)
def test_a_right_flat_entry_passes(text: str) -> None:
    assert takes(FLAT, text)


@pytest.mark.parametrize(
    "text",
    ["{}", "{at: 5s}", "{kil: db}", "{kill: a, latency: b, delay: 5s}", "{kill: db, delay: 5ms}", "{latency: users}",
     "kill:", "{kill: {target: db}}", "{kill: db, target: db}", "kill"],
)  # fmt: skip
def test_a_wrong_flat_entry_does_not(text: str) -> None:
    assert not takes(FLAT, text)


def test_an_entry_may_have_nothing_beside_it() -> None:
    definitions: Schema = {}
    schema = whole(entry_schema({"kill": Kill}, None, flat=False, definitions=definitions), definitions)

    assert takes(schema, "kill: db")
    assert not takes(schema, "{kill: db, at: 5s}")


# What an editor shows


def test_help_defaults_and_choices_are_shown() -> None:
    definitions: Schema = {}
    table = table_of(Kill, definitions=definitions)

    assert table["description"] == "Ends a process."
    assert table["properties"]["target"]["description"] == "The process to end"
    assert table["properties"]["signal"]["default"] == "KILL"
    assert table["properties"]["signal"]["anyOf"][0] == {"enum": ["TERM", "KILL", "on", True]}
    assert table["required"] == ["target"]
    assert table["additionalProperties"] is False


def test_defaults_are_written_as_in_a_file() -> None:
    properties = table_of(Everything, definitions={})["properties"]

    assert properties["lasts"]["default"] == "1s"
    assert properties["share"]["default"] == "50%"
    assert properties["success"]["default"] == ">= 99%"
    assert "default" not in properties["for"]
    assert properties["for"]["description"] == "How long"


def test_the_kinds_of_an_entry_are_described() -> None:
    nested: Any = NESTED.schema
    flat: Any = FLAT.schema

    assert nested["properties"]["latency"]["description"] == "Slows a link."
    assert flat["anyOf"][1]["properties"]["latency"]["description"] == "Slows a link."


def test_a_docstring_that_says_nothing_is_not_shown() -> None:
    assert Inner.__doc__
    assert "description" not in table_of(Inner, definitions={})


def test_only_the_first_paragraph_of_a_docstring_is_shown() -> None:
    @dataclass(frozen=True)
    class Long:
        """One line,
        and its rest.

        Then details.
        """

    assert table_of(Long, definitions={})["description"] == "One line, and its rest."


# How it is put together


def test_settings_that_somebody_else_reads_join_the_table() -> None:
    definitions: Schema = {}
    schema = whole(table_of(Clean, definitions=definitions, also={"probes": {"type": "object"}}), definitions)

    assert takes(schema, "{thorough: no, probes: {}}")
    assert not takes(schema, "{probes: 5}")


def test_models_of_one_name_do_not_displace_each_other() -> None:
    def made(type_: Any) -> type:
        @dataclass(frozen=True)
        class Same:
            value: type_

        Same.__qualname__ = f"of_{type_.__name__}.<locals>.Same"
        return Same

    definitions: Schema = {}
    one, other = (schema_of(made(type_), definitions=definitions)["$ref"] for type_ in (int, str))

    assert one != other
    assert len(definitions) == 2
    assert all(name.replace(".", "").replace("_", "").isalnum() for name in definitions)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A tree of conditions."""

    any: tuple["Condition", ...] = ()
    probe: str = ""


def test_a_model_may_hold_itself() -> None:
    tree = validator(Condition)

    assert takes(tree, "{any: [{probe: a}, {any: [{probe: b}]}]}")
    assert takes(tree, "{any: {probe: a}}")
    assert not takes(tree, "{any: [{prob: a}]}")
    binding = Binding()
    assert binding.bind(Condition, parse("{any: [{probe: a}, {any: {probe: b}}]}", "x")) == Condition(
        any=(Condition(probe="a"), Condition(any=(Condition(probe="b"),)))
    )


def test_nothing_stands_alone_for_a_model_that_would_stand_for_itself() -> None:
    """Its first setting is a list of its own kind; a text would be a list of a list of a list …"""
    binding = Binding()

    assert binding.bind(Condition, parse("orders", "x")) is None
    assert [problem.slug for problem in binding.problems] == ["wrong-shape"]
    assert not takes(validator(Condition), "orders")


def test_a_definition_is_made_once() -> None:
    definitions: Schema = {}
    schema_of(Everything, definitions=definitions)
    made = json.dumps(definitions)
    schema_of(Everything, definitions=definitions)

    assert json.dumps(definitions) == made


def test_the_schema_of_one_setting() -> None:
    share = whole(value_schema(Annotated[Ratio, "help"], definitions={}), {})
    target = whole(value_schema(TargetName, definitions={}), {})

    assert share.is_valid("5%")
    assert not share.is_valid(5)
    assert target.is_valid("db")
    assert not target.is_valid("")


def test_latency_needs_both_of_its_settings() -> None:
    assert not takes(validator(Latency), "{link: l}")
    assert takes(validator(Latency), "{link: l, delay: 1s}")
