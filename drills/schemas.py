"""The whole JSON Schema of each kind of file: what an editor completes, explains and marks with while one writes.

`drills.schema` describes models; here they are put together as the files are. Kinds that installed plugins bring are
among them, so that an editor does not mark what `drills lint` accepts.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from checks.sop.book import FORMS, EventSeen, Pattern, RuleSettings, Said
from checks.sop.book import Head as SopHead
from drills import registry
from drills.cast import LINES, CueSettings
from drills.drill import CheckSettings, FaultSettings, Head, ProbeSettings
from drills.inventory import InventoryFile
from drills.lab_file import LabFile
from drills.schema import Schema, described, entry_schema, schema_of, table_of
from drills.suite import Suite
from reports.rubric import Rubric


def schema(what: str) -> dict[str, Any]:
    """The schema of a `drill`, `inventory`, `lab`, `rubric`, `sop` or `suite`, JSON-like.

    Raises KeyError for anything else, and DrillError when a plugin is broken.
    """
    title, make = FILES[what]
    definitions: Schema = {}
    file = make(definitions)
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": title, **file, "$defs": dict(sorted(definitions.items()))}


def _drill(definitions: Schema) -> Schema:
    """The head's settings, and the lists whose entries are told apart by their kinds."""
    definitions["probe"] = _entry("probes", ProbeSettings, definitions)
    faults = registry.faults(plugins=True)
    definitions["fault"] = entry_schema(faults, FaultSettings, flat=False, definitions=definitions)
    definitions["check"] = _entry("checks", CheckSettings, definitions)
    definitions["act"] = entry_schema(LINES, CueSettings, flat=False, definitions=definitions)
    lists: Mapping[str, Schema] = {
        "probes": _by_name("probe", "What looks at the system again and again, by name"),
        "faults": _list_of("fault", "What is brought about, to what and when"),
        "checks": _list_of("check", "What must then be so, besides the steady state"),
        "cast": _list_of("act", "What colleagues do by a script, and when; the report says that it was scripted"),
    }
    return _file(
        Head, definitions, lists, "What is broken on purpose, how the system is looked at, and what must be so."
    )


def _inventory(definitions: Schema) -> Schema:
    """Targets by name; each may have one address of each engine and probe."""
    known = registry.addresses(plugins=True)
    ways = {name: {**schema_of(model, definitions=definitions), **described(model)} for name, model in known.items()}
    definitions["target"] = {
        "type": "object",
        "description": "Where a target is, for each engine and probe that can reach it",
        "properties": ways,
        "additionalProperties": False,
    }
    heard = registry.kinds("observers", plugins=True)
    engines: Schema = {
        "type": "object",
        "description": "What holds for every address and observer of an engine that does not say otherwise, by engine",
        "properties": _engines((known, heard), definitions),
        "additionalProperties": False,
    }
    observer: Schema = {
        "type": "object",
        "properties": {
            "lab": {
                "type": "string",
                "description": "A process of the lab; where that does not run, nobody is listened to",
            },
            **{
                name: {**schema_of(model, definitions=definitions), **described(model)} for name, model in heard.items()
            },
        },
        "oneOf": [{"required": [name]} for name in heard],
        "additionalProperties": False,
    }
    lists: Mapping[str, Schema] = {
        "observers": {
            "type": "object",
            "description": "Who is listened to during a run, by name",
            "additionalProperties": observer,
        },
        "engines": engines,
        "targets": _by_name("target", "Where each target that a drill may name is"),
        "links": _by_name("target", "Ways between targets, which network faults are brought to"),
        "regions": {
            "type": "object",
            "description": "What goes down together in an outage of a region, by the region's name",
            "additionalProperties": {
                "type": "object",
                "properties": {**ways, **table_of(known["region"], definitions=definitions)["properties"]},
                "additionalProperties": False,
            },
        },
    }
    found = _file(InventoryFile, definitions, lists, "Where the targets of a drill are, and in what environment.")
    return {**found, "anyOf": [{"required": [one]} for one in ("targets", "links", "regions")]}


def _lab(definitions: Schema) -> Schema:
    return _file(LabFile, definitions, {}, "What a drill needs to have running; started for it and ended with it.")


def _rubric(definitions: Schema) -> Schema:
    return _file(Rubric, definitions, {}, "How verdicts become a score: weights and caps.")


def _suite(definitions: Schema) -> Schema:
    return _file(Suite, definitions, {}, "Checks with fixed limits, so that scores of several teams compare.")


def _sop(definitions: Schema) -> Schema:
    """The head's settings, the events by name, and the rules, whose form is a key."""
    event = table_of(EventSeen, definitions=definitions)
    for way in definitions[_name(Said, definitions)]["anyOf"]:
        if way.get("type") == "object":
            way["additionalProperties"] = {"type": "null"}  # what YAML makes of the part of a text after a comma
    text: Schema = {"type": ["string", "number", "boolean"]}
    pattern = _name(Pattern, definitions)
    definitions[pattern] = {
        "type": "object",
        "description": "An act of this kind whose data is like this; what stands under NAME_re is found in its NAME",
        "properties": {"kind": {**text, "description": "The kind of act: chat, cli, incident.declared, observe"}},
        "required": ["kind"],
        "additionalProperties": text,
    }
    one: Schema = {"$ref": f"#/$defs/{pattern}"}
    definitions["event"] = {"anyOf": [event, one, {"type": "array", "items": one}]}
    ways = [entry_schema(FORMS, RuleSettings, flat=flat, definitions=definitions) for flat in (False, True)]
    definitions["rule"] = {"anyOf": ways}
    lists: Mapping[str, Schema] = {
        "events": _by_name("event", "What the rules speak of, by name: each with the ways in which it shows"),
        "rules": _list_of("rule", "What must be done, and what must not"),
    }
    return _file(SopHead, definitions, lists, "What people must do when something is wrong, as rules.")


def _name(model: type, definitions: Schema) -> str:
    """What a model's schema is called among the definitions."""
    reference: str = schema_of(model, definitions=definitions)["$ref"]
    return reference.rpartition("/")[2]


FILES: Mapping[str, tuple[str, Callable[[Schema], Schema]]] = {
    "drill": ("Drill", _drill),
    "inventory": ("Inventory of a drill", _inventory),
    "lab": ("Lab of a drill", _lab),
    "rubric": ("Rubric of a drill", _rubric),
    "sop": ("SOP", _sop),
    "suite": ("Suite of drills", _suite),
}
"""Each kind of file: its title, and what puts its schema together."""


def _engines(kinds: Iterable[Mapping[str, type]], definitions: Schema) -> Schema:
    """Of each kind the settings of its address, and those of its observer."""
    found: Schema = {}
    for name, model in (entry for mapping in kinds for entry in mapping.items()):
        more = _settings_of(model, definitions)
        first = found.setdefault(name, more)
        first["properties"] = {**more["properties"], **first["properties"]}
    return found


def _settings_of(model: type, definitions: Schema) -> Schema:
    """Some of a model's settings, none of them needed."""
    whole = table_of(model, definitions=definitions)
    return {name: value for name, value in whole.items() if name != "required"}


def _file(model: type, definitions: Schema, also: Mapping[str, Schema], about: str) -> Schema:
    return {**table_of(model, definitions=definitions, also=also), "description": about}


def _entry(group: registry.Group, common: type, definitions: Schema) -> Schema:
    known = registry.kinds(group, plugins=True)
    return entry_schema(known, common, flat=group == "probes", definitions=definitions)


def _by_name(what: str, about: str) -> Schema:
    return {"type": "object", "description": about, "additionalProperties": {"$ref": f"#/$defs/{what}"}}


def _list_of(what: str, about: str) -> Schema:
    return {"type": "array", "description": about, "items": {"$ref": f"#/$defs/{what}"}}
