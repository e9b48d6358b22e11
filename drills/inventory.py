"""The inventory: where the targets and links that a drill names are, through which engines, and in what environment.

The same drill runs on a laptop, on staging and on a game-day by changing the inventory. `${env.NAME}` takes a value
from the environment, for secrets; with a lab, its variables can be used too.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from checks import Observer
from drills.binding import Binding, settings
from drills.errors import Place, Problem, choices
from drills.lab import Lab, as_address
from drills.model import alone
from drills.people import Person
from drills.regions import as_targets
from drills.source import Node, Scalar, Table, substitute, texts
from injectors import CanBeServed

_NONE: Mapping[str, type] = {}
_VARIABLE = r"\$\$\{|\$\{\s*([^{}]*?)\s*\}"  # `$${` is no variable, and must not be taken for the begin of one
_SECRET_MIN = 4
"""Characters of a value that is worth hiding: shorter ones stand in every other text."""
LISTS = ("engines", "targets", "links", "regions", "observers")
"""What is read apart from the other settings, since what may stand in it depends on what is installed."""
_EXAMPLE = 'environment: lab\ntargets:\n  cache: {valkey: {url: "valkey://127.0.0.1:6379"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Targets and links by name, each with its addresses by engine or probe."""

    environment: str
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Links among them: a link is a target that is a way between two others."""
    observers: Mapping[str, Observer] = field(default_factory=dict)
    """Who is listened to during a run, by name."""
    people: Mapping[str, Person] = field(default_factory=dict)
    """Who takes part, by name."""
    looking: tuple[str, ...] = ()
    """Beginnings of commands that only look, beside those that are known to."""
    in_lab: frozenset[str] = frozenset()
    """Targets that exist only while the drill's lab, or a server that the run itself starts, is running."""
    observers_in_lab: frozenset[str] = frozenset()
    """Observers that listen to what runs only in the drill's lab, or in it."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What came from the environment, by the variable's name."""

    def address(self, target: str, kind: str) -> Any | None:
        """Where this target is for this engine or probe; None when the inventory does not say."""
        return self.targets.get(target, {}).get(kind)

    def having(self, kind: str) -> list[str]:
        """Names of the targets that this engine or probe can reach."""
        return [name for name, facets in self.targets.items() if kind in facets]

    def hidden(self, text: str) -> str:
        """The text with variables in the place of what came from the environment, for files and screens."""
        return _hidden(text, self.secrets)


def bind(node: Node, addresses: Mapping[str, type], lab: Lab | None, binding: Binding, *,
         environment: Mapping[str, str] | None = None,
         observers: Mapping[str, type] = _NONE) -> Inventory | None:  # fmt: skip
    """Read an inventory. Without `environment`, what comes from there is taken as given (for linting).

    `addresses` and `observers` are the kinds that there are.
    """
    known = _values(node, lab, environment)
    settled = substitute(node, known, binding.problems)
    if not (isinstance(node, Table) and isinstance(settled, Table)):
        binding.problems.append(Problem(node.place, "an inventory is a table", _EXAMPLE, "wrong-shape"))
        return None
    told = len(binding.problems)
    outer = binding.bind(InventoryFile, _without(settled, LISTS), kind="inventory", alone=False, also=LISTS)
    engines = _engines(settled.get("engines"), (addresses, observers), binding)
    targets = _targets(settled, engines, addresses, lab, binding)
    heard = _observers(settled.get("observers"), engines, observers, lab, binding)
    used = _variables(texts(node))
    given = environment or {}
    secrets = {name: given[name] for one in used if (name := _env_name(one)) in given}
    unknown = _places_of(node, {one for one in used if one not in known or (environment is None and _env_name(one))})
    # What is not known cannot be wrong: of a port that comes from a variable nobody can say here that it is no number.
    binding.problems[told:] = [one._replace(what=_hidden(one.what, secrets), fix=_hidden(one.fix, secrets))
                               for one in binding.problems[told:] if one.place not in unknown]  # fmt: skip
    if outer is None or targets is None:
        return None
    served = {name for name, facets in targets.items() if any(map(lacks_server, facets.values()))}
    in_lab = _in_lab_only(node, "targets", "links") | served
    return Inventory(environment=outer.environment, targets=targets, observers=heard, people=outer.people,
                     looking=outer.looking, in_lab=in_lab, observers_in_lab=_in_lab_only(node, "observers"),
                     secrets=secrets)  # fmt: skip


def lacks_server(address: Any) -> bool:
    """True for an address whose engine's server the run must start."""
    return isinstance(address, CanBeServed) and address.lacks_server


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFile:
    """Where the targets of a drill are, and the links between them."""

    environment: Annotated[str, "What it describes; a drill runs only in environments that its `safety` names"]
    people: Annotated[Mapping[str, Person], "Who takes part, by the name that they act under"] = field(
        default_factory=dict
    )
    looking: Annotated[tuple[str, ...], "Commands that only look and are not known to, by how they begin"] = ()


def _targets(node: Table, engines: Mapping[str, Table], addresses: Mapping[str, type], lab: Lab | None,
             binding: Binding) -> dict[str, dict[str, Any]] | None:  # fmt: skip
    """Targets, links after them, and then regions. None when none of these is there, or when one is no table."""
    found: dict[str, dict[str, Any]] = {}
    lists = [listed for name in ("targets", "links") if (listed := node.get(name)) is not None]
    if (regions := node.get("regions")) is not None:
        taken = {name for listed in lists if isinstance(listed, Table) for name in listed.keys()}  # noqa: SIM118
        lists.append(as_targets(regions, addresses, taken, binding))
    if not lists or not all(isinstance(one, Table) for one in lists):
        wrong = next((one for one in lists if not isinstance(one, Table)), node)
        binding.problems.append(Problem(wrong.place, "an inventory needs `targets`, a table of names, `links` or "
                                        "`regions`", _EXAMPLE, "missing-setting"))  # fmt: skip
        return None
    for name, facets in (entry for listed in lists if isinstance(listed, Table) for entry in listed.entries):
        if name.text in found:
            is_region = isinstance(regions, Table) and name.text in regions.keys()  # noqa: SIM118
            what = "a region, and a target or link" if is_region else "a target and a link"
            binding.problems.append(Problem(name.place, f"`{name.text}` is {what}", "give one of the two "
                                            "another name", "two-of-a-name"))  # fmt: skip
        found[name.text] = _target(name, _with_engines(facets, engines, addresses), addresses, lab, binding)
    return found


def _engines(node: Node | None, kinds: Iterable[Mapping[str, type]], binding: Binding) -> dict[str, Table]:
    """What is said once of an engine, and holds for every address and observer of that kind which does not say otherwise."""
    if node is None:
        return {}
    models: dict[str, list[type]] = {}
    for name, model in (entry for mapping in kinds for entry in mapping.items()):
        models.setdefault(name, []).append(model)
    found: dict[str, Table] = {}
    for key, value in node.entries if isinstance(node, Table) else ():
        known = [one.name for model in models.get(key.text, ()) for one in settings(model)]
        if not known:
            binding.problems.append(Problem(key.place, f"no engine or probe is called `{key.text}`",
                                            choices(key.text, list(models), "engines, probes and observers"),
                                            "unknown-kind"))  # fmt: skip
        elif isinstance(value, Table):
            binding.problems += [Problem(name.place, f"{key.text} has no setting `{name.text}`",
                                         choices(name.text, list(dict.fromkeys(known)), "settings"), "unknown-setting")
                                 for name, _ in value.entries if name.text not in known]  # fmt: skip
            found[key.text] = value._replace(entries=tuple(one for one in value.entries if one[0].text in known))
        else:
            binding.problems.append(Problem(value.place, f"engine `{key.text}` needs a table of settings",
                                            f"as in `{key.text}: {{{known[0]}: …}}`",
                                            "wrong-shape"))  # fmt: skip
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, "`engines` must be a table of engines",
                                        'engines:\n  toxiproxy: {url: "http://127.0.0.1:8474"}', "wrong-shape"))  # fmt: skip
    return found


def _with_engines(node: Node, engines: Mapping[str, Table], models: Mapping[str, type]) -> Node:
    """A target, or an observer, with what its engines' entries say and it does not."""
    if not isinstance(node, Table):
        return node
    entries = [(key, _with_engine(value, models[key.text], engines[key.text])
                if key.text in engines and key.text in models else value) for key, value in node.entries]  # fmt: skip
    return node._replace(entries=tuple(entries))


def _with_engine(value: Node, model: type, engine: Table) -> Node:
    if isinstance(value, Scalar) and value.text and (first := alone(settings(model))):
        value = Table(((Scalar(first.name, value.place, False), value),), value.place)
    if isinstance(value, Scalar) and not (value.text or value.quoted):
        value = Table((), value.place)
    if not isinstance(value, Table):
        return value
    unsaid = {one.name for one in settings(model)} - {*value.keys()}
    return value._replace(entries=(*value.entries, *(one for one in engine.entries if one[0].text in unsaid)))


def _target(name: Scalar, node: Node, addresses: Mapping[str, type], lab: Lab | None,
            binding: Binding) -> dict[str, Any]:  # fmt: skip
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, f"target `{name.text}` needs to say where it is",
                                        f"one or more of: {', '.join(addresses)}", "wrong-shape"))  # fmt: skip
        return {}
    facets: dict[str, Any] = {}
    for key, value in node.entries:
        if key.text not in addresses:
            binding.problems.append(Problem(key.place, f"no engine or probe is called `{key.text}`",
                                            choices(key.text, list(addresses), "engines and probes"),
                                            "unknown-kind"))  # fmt: skip
            continue
        address = binding.bind(addresses[key.text], value, kind=key.text)
        facets[key.text] = None if address is None else _in_lab(address, value, lab, binding)
    return facets


def _observers(node: Node | None, engines: Mapping[str, Table], kinds: Mapping[str, type], lab: Lab | None,
               binding: Binding) -> dict[str, Observer]:  # fmt: skip
    """Who is listened to: by name, and under the name the one kind with its settings.

    One that names a process of the lab beside its kind is listened to only where that process runs.
    """
    if node is None:
        return {}
    example = 'observers:\n  metrics: {prometheus: {url: "http://127.0.0.1:9090"}}'
    if not isinstance(node, Table):
        binding.problems.append(Problem(node.place, "`observers` must be a table of names", example, "wrong-shape"))
        return {}
    found: dict[str, Observer] = {}
    for name, value in ((name, _with_engines(value, engines, kinds)) for name, value in node.entries):
        rest = _without(value, ("lab",)) if isinstance(value, Table) else None
        if rest is None or len(rest.entries) != 1:
            binding.problems.append(Problem(name.place, f"observer `{name.text}` needs one kind, with its settings",
                                            example, "wrong-shape"))  # fmt: skip
            continue
        ((kind, settings_),) = rest.entries
        if kind.text not in kinds:
            binding.problems.append(Problem(kind.place, f"no observer is called `{kind.text}`",
                                            choices(kind.text, list(kinds), "observers"), "unknown-kind"))  # fmt: skip
            continue
        observer = binding.bind(kinds[kind.text], settings_, kind=kind.text)
        if observer is not None and _runs(value, lab, binding):
            found[name.text] = observer
    return found


def _runs(observer: Node, lab: Lab | None, binding: Binding) -> bool:
    """Whether the lab's process that this observer listens to runs; true of one that names none."""
    process = observer.get("lab") if isinstance(observer, Table) else None
    if process is None:
        return True
    name = process.text if isinstance(process, Scalar) else ""
    return _process_of(lab, name, process, binding) == name


def _in_lab(address: Any, node: Node, lab: Lab | None, binding: Binding) -> Any:
    """The address, led to the lab's process when it names one."""
    name = getattr(address, "lab", None)
    process = _process_of(lab, name, node, binding) if name else None
    return as_address(lab, process, address) if lab and process else address


def _process_of(lab: Lab | None, name: str, node: Node, binding: Binding) -> str | None:
    """The process of the lab that has this name, or runs instead of it; None when that is a mistake, which is told."""
    if lab is None:
        binding.problems.append(Problem(node.place, f"`lab: {name}` names a process of a lab, and the drill has none",
                                        "give the drill a `lab:`, or say here where it is without one",
                                        "no-lab"))  # fmt: skip
        return None
    process = lab.running(name)
    if process is None:
        binding.problems.append(Problem(node.place, f"the lab has no process `{name}`",
                                        choices(name, lab.names, "processes"), "unknown-process"))  # fmt: skip
    return process


def _values(node: Node, lab: Lab | None, environment: Mapping[str, str] | None) -> dict[str, str]:
    """What each variable stands for."""
    known = dict(lab.values) if lab else {}
    if environment is None:
        return known | {name: f"${env}" for name in _variables(texts(node)) if (env := _env_name(name))}
    return known | {f"env.{name}": value for name, value in environment.items()}


def _variables(scalars: Iterable[Scalar]) -> set[str]:
    """Names of the variables in these texts: `env.PASSWORD`, `port.primary`."""
    return {name for one in scalars for name in re.findall(_VARIABLE, one.text) if name}


def _env_name(variable: str) -> str:
    """The name in the environment; empty for a variable that is not from there."""
    return variable.removeprefix("env.") if variable.startswith("env.") else ""


def _places_of(node: Node, variables: set[str]) -> set[Place]:
    """Where any of these variables stands."""
    return {one.place for one in texts(node) if _variables([one]) & variables}


def _hidden(text: str, secrets: Mapping[str, str]) -> str:
    names = {value: f"${{env.{name}}}" for name, value in secrets.items() if len(value) >= _SECRET_MIN}
    if not names:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda match: names[match[0]], text)


def _in_lab_only(node: Table, *lists: str) -> frozenset[str]:
    """What in these lists names a process of the lab, or uses one of its ports or its folder."""
    tables = [node.get(name) for name in lists]
    entries = [entry for listed in tables if isinstance(listed, Table) for entry in listed.entries]
    return frozenset(
        name.text
        for name, facets in entries
        if any(one.startswith("port.") or one == "dir" for one in _variables(texts(facets)))
        or (isinstance(facets, Table) and any(isinstance(one, Table) and one.get("lab") for _, one in facets.entries))
    )


def _without(table: Table, names: Iterable[str]) -> Table:
    unwanted = set(names)
    return table._replace(entries=tuple(entry for entry in table.entries if entry[0].text not in unwanted))


def process_environment() -> Mapping[str, str]:
    """The environment's variables, for `${env.NAME}`."""
    return dict(os.environ)
