"""Reads a drill with everything it names: inventory, lab and rubric. All mistakes of all files, at once."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import reports
from checks import Check, Listens
from drills import drill as drills
from drills import inventory as inventories
from drills import lab as labs
from drills import registry, servers, source
from drills.binding import Binding
from drills.cast import Role, Run
from drills.drill import Drill, Fault
from drills.errors import DrillError, Problem, choices, mistake
from drills.inventory import Inventory
from drills.lab import Lab
from drills.people import Person, may_take
from drills.regions import engines_of
from drills.source import Node, Scalar, Table, substitute
from injectors import Bundle, Part, address_for, addresses_of
from reports.rubric import Rubric

T = TypeVar("T")
Look = Callable[[Drill, Mapping[str, str]], Iterable[Problem]]
"""Looks at a drill, as far as it could be read, and at the variables of its lab; says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A drill and its companions, read and found to fit together."""

    drill: Drill
    inventory: Inventory
    lab: Lab | None
    servers: Lab | None
    """Servers of engines that the run starts itself, before the lab."""
    rubric: Rubric
    limits: tuple[str, ...]
    """Limits that were set otherwise than in the drill, as `failover.within=3s`."""
    paths: Mapping[str, Path]
    """Where `drill`, `inventory`, `lab`, `rubric` and each `sop` were read from."""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The commands that the cast runs, by the act's id, with the lab's variables filled in."""

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {name: drills.digest(path.read_bytes()) for name, path in self.paths.items()}

    def address(self, target: str, kind: str) -> Any:
        """Where a target is for an engine or probe; that it is there was checked on reading."""
        return self.inventory.address(target, kind)

    def address_of(self, target: str, kind: type) -> Any:
        """Where a target is for this kind of fault, which may be able to reach it through several engines."""
        return address_for(kind, self.inventory.targets[target])

    def parts(self, fault: Fault) -> tuple[Part, ...]:
        """What a fault consists of: itself, or the parts of a bundle."""
        return _parts(fault, self.inventory)


def load(path: Path, *, inventory: Path | None = None, lab_folder: Path | None = None, limits: tuple[str, ...] = (),
         environment: Mapping[str, str] | None = None, also: Look | None = None) -> Loaded:  # fmt: skip
    """Read a drill and all it names. Raises DrillError with every mistake of every file.

    `inventory` stands in for the one the drill names. `lab_folder` is where a lab would keep its files. Without
    `environment`, `${env.NAME}` is taken as given and a lab's ports are any, so that a drill can be checked anywhere.
    `also` looks at what a run has no need of, once the drill could be read at all.
    """
    problems: list[Problem] = []
    binding = Binding()
    drill = _part(lambda: drills.bind(source.read(path), binding, limits=limits), problems)
    if drill is None:
        raise DrillError([*problems, *binding.problems])
    here = path.parent
    paths = {"drill": path, "inventory": inventory or here / drill.head.inventory}
    lab = None
    folder = lab_folder or here / "lab"
    if drill.head.lab:
        paths["lab"] = here / drill.head.lab
        lab = _part(lambda: labs.bind(source.read(paths["lab"]), paths["lab"].parent.absolute(), folder, binding,
                                      only_check=environment is None), problems)  # fmt: skip
    listed = None
    if lab is not None or not drill.head.lab:  # without its lab, an inventory would seem to be full of mistakes
        listed = _part(lambda: _inventory(source.read(paths["inventory"]), lab, binding, environment), problems)
    rubric = _part(lambda: _rubric(drill, here, binding, paths), problems)
    if drill.head.suite:
        _part(lambda: problems.extend(_of_suite(drill, here, paths, limits)), problems)
    judged = _part(lambda: with_sops(drill, partial(_sop_path, here, paths)), problems)
    if listed is not None:
        _check_targets(drill, listed, binding)
        _check_parts(drill, listed, binding)
        _check_observers(drill, listed, binding)
        _check_cast(drill, listed, lab, binding)
    commands = _commands(drill, lab, binding)
    if also:
        problems += also(drill, lab.values if lab else {})
    if problems or binding.problems or listed is None or rubric is None or judged is None:
        raise DrillError([*problems, *binding.problems])
    listed, started = servers.serve(listed, folder, lab.file.processes if lab else (), where=str(paths["inventory"]),
                                    only_check=environment is None)  # fmt: skip
    return Loaded(drill=judged, inventory=listed, lab=lab, servers=started, rubric=rubric, limits=limits, paths=paths,
                  commands=commands)  # fmt: skip


def rubric_of(drill: Drill, path: Path) -> Rubric:
    """The rubric as kept in a run's directory. Raises DrillError when it does not read."""
    binding = Binding()
    rubric = binding.bind(Rubric, source.read(path, drill.head.rubric), kind="rubric", alone=False)
    if rubric is None or binding.problems:
        raise DrillError(binding.problems)
    return rubric


def with_sops(drill: Drill, file_of: Callable[[str, str], Path]) -> Drill:
    """The drill with the SOPs that it is judged by. Raises DrillError with the mistakes of all of them.

    `file_of` says where one is, by its name in a run's directory (`sop`, `sop-2`) and as the drill has it.
    """
    if not any(one.kind == "sop" for one in drill.checks):
        return drill
    from drills import sops  # here, since most drills name none

    return sops.attached(drill, file_of)


def _sop_path(here: Path, paths: dict[str, Path], name: str, file: str) -> Path:
    paths[name] = here / file
    return paths[name]


def rubric_path(name: str, here: Path) -> Path:
    """Where a rubric is: one of ours by name, or a file beside the drill."""
    built_in = Path(reports.__file__).parent / "rubrics" / f"{name}.yaml"
    return built_in if built_in.exists() else here / name


def _part(read: Callable[[], T | None], problems: list[Problem]) -> T | None:
    try:
        return read()
    except DrillError as error:
        problems.extend(error.problems)
        return None


def _inventory(node: Node, lab: Lab | None, binding: Binding,
               environment: Mapping[str, str] | None) -> Inventory | None:  # fmt: skip
    known = registry.addresses(_said_of_targets(node))  # perhaps by a plugin, though this drill may not use it
    observers = registry.kinds("observers", _below(node, "observers") - {"lab"})  # which stands beside the kind
    return inventories.bind(node, known, lab, binding, environment=environment, observers=observers)


def _said_of_targets(node: Node) -> set[str]:
    """The names of engines and probes in an inventory."""
    engines = node.get("engines") if isinstance(node, Table) else None
    said = {*engines.keys()} if isinstance(engines, Table) else set[str]()
    return said | _below(node, "targets") | _below(node, "links") | _of_regions(node)


def _of_regions(node: Node) -> set[str]:
    listed = node.get("regions") if isinstance(node, Table) else None
    return engines_of(listed, registry.addresses()["region"]) if listed is not None else set()


def _below(node: Node, name: str) -> set[str]:
    """The keys of all tables in the table of this name."""
    listed = node.get(name) if isinstance(node, Table) else None
    entries = listed.entries if isinstance(listed, Table) else ()
    return {key for _, one in entries if isinstance(one, Table) for key in one.keys()}  # noqa: SIM118


def _rubric(drill: Drill, here: Path, binding: Binding, paths: dict[str, Path]) -> Rubric | None:
    path = rubric_path(drill.head.rubric, here)
    if not path.exists():
        ours = sorted(one.stem for one in (Path(reports.__file__).parent / "rubrics").glob("*.yaml"))
        place = drill.places["head", "rubric"]  # it is written there, since the one that is not written is ours
        binding.problems.append(Problem(place, f"there is no rubric `{drill.head.rubric}`",
                                        choices(drill.head.rubric, ours, "rubrics") + ", or a file beside the drill",
                                        "unknown-rubric"))  # fmt: skip
        return None
    paths["rubric"] = path
    return binding.bind(Rubric, source.read(path), kind="rubric", alone=False)


def _of_suite(drill: Drill, here: Path, paths: dict[str, Path], limits: tuple[str, ...]) -> list[Problem]:
    """Whether the drill holds to the suite that it claims. Limits that are set for one run are told in its report."""
    from drills import suite  # here, since most drills claim none

    path = suite.path_of(drill.head.suite, here)
    if path.is_file():
        paths["suite"] = path
    return [one for one in suite.problems_of(drill, path) if not limits or one.slug != "suite-not-held"]


def _check_targets(drill: Drill, inventory: Inventory, binding: Binding) -> None:
    """Every target that a fault or probe names is in the inventory, with the address that is needed."""
    uses: list[tuple[str, str, str, type]] = [
        *(("fault", one.id, one.injector.target, type(one.injector)) for one in drill.faults),
        *(("fault", one.id, part.injector.target, type(part.injector)) for one in drill.faults
          if isinstance(one.injector, Bundle) for part in _parts(one, inventory)),
        *(("probe", one.name, one.probe.target, type(one.probe)) for one in drill.probes.values()),
    ]  # fmt: skip
    for what, name, target, kind in uses:
        engines: list[str] = [one.name for one in addresses_of(kind)]  # type: ignore[attr-defined]
        place = drill.places[what, name]
        if target not in inventory.targets:
            binding.problems.append(Problem(place, f"{what} `{name}` names `{target}`, which the inventory does not have",
                                            choices(target, list(inventory.targets), "targets"),
                                            "unknown-target"))  # fmt: skip
        elif not any(engine in inventory.targets[target] for engine in engines):
            having = ", ".join(dict.fromkeys(one for engine in engines for one in inventory.having(engine)))
            through = " or ".join(f"`{engine}`" for engine in engines)
            fix = f"give it {' or '.join(f'`{engine}:`' for engine in engines)} in the inventory"
            fix += f"; those that have it: {having}" if having else ""
            binding.problems.append(Problem(place, f"{what} `{name}` reaches `{target}` through {through}, and the "
                                            f"inventory gives it no such address", fix, "no-address"))  # fmt: skip


def _check_parts(drill: Drill, inventory: Inventory, binding: Binding) -> None:
    """A bundle consists of something."""
    for fault in drill.faults:
        given = inventory.targets.get(fault.injector.target, {})
        if type(fault.injector).address.name in given and not _parts(fault, inventory):  # type: ignore[attr-defined]
            place, target = drill.places["fault", fault.id], fault.injector.target
            binding.problems.append(Problem(place, f"{fault.kind} of `{target}` consists of nothing: the inventory does not say "
                                            f"what belongs to `{target}`", "for a region: `kubernetes`, `links` or "
                                            "`processes`", "no-parts"))  # fmt: skip


def _parts(fault: Fault, inventory: Inventory) -> tuple[Part, ...]:
    """None of a bundle whose target has mistakes, which are told elsewhere."""
    injector = fault.injector
    if not isinstance(injector, Bundle):
        return (Part(injector=injector),)
    addresses = inventory.targets.get(injector.target, {})
    return injector.expand(addresses) if addresses.get(injector.address.name) is not None else ()  # type: ignore[attr-defined]


def _check_observers(drill: Drill, inventory: Inventory, binding: Binding) -> None:
    """Whoever needs to hear of alerts has somebody to listen to."""
    waiting = [("fault", one.id) for one in drill.faults if one.when and one.when.alert]
    _check_kinds(drill, inventory, binding)
    judging = [("check", one.id) for one in drill.checks if _listens(one.check) is True]
    if inventory.observers or not (waiting or judging):
        return
    for what, name in (*waiting, *judging):
        place = drill.places.get((what, name)) or drill.places["head", "drill"]
        binding.problems.append(Problem(place, f"{what} `{name}` needs to hear of alerts, and the inventory names no "
                                        "`observers`", 'as in observers: {metrics: {prometheus: {url: "http://127.0.0.1:9090"}}, '
                                        'pages: {sink: {listen: "127.0.0.1:9099", token: …}}}', "nobody-listens"))  # fmt: skip


def _check_kinds(drill: Drill, inventory: Inventory, binding: Binding) -> None:
    """Whoever judges what observers of one kind tell has one."""
    kinds = {observer.name for observer in inventory.observers.values()}
    for use in drill.checks:
        needed = _listens(use.check)
        if isinstance(needed, str) and needed not in kinds:
            binding.problems.append(Problem(drill.places["check", use.id], f"check `{use.id}` judges what an observer "
                                            f"`{needed}` tells, and the inventory names none",
                                            f"as in observers: {{cluster: {{{needed}: {{}}}}}}", "nobody-listens"))  # fmt: skip


def _listens(check: Check) -> bool | str:
    return check.listens if isinstance(check, Listens) else False


def _check_cast(drill: Drill, inventory: Inventory, lab: Lab | None, binding: Binding) -> None:
    """Nobody who takes part in person is played, a role is taken by those whose it is, and commands stay in the lab."""
    for cue in drill.cast:
        place = drill.places["act", cue.id]
        if inventory.people.get(cue.who, Person()).token:
            binding.problems.append(Problem(place, f"`{cue.who}` takes part in person, with a token, and the cast would act "
                                            "in their name", "give this colleague another name", "cast-in-person"))  # fmt: skip
        if isinstance(cue.line, Role) and not may_take(inventory.people, cue.line.role, cue.line.to or cue.who):
            binding.problems.append(Problem(place, f"the role {cue.line.role} is not {cue.line.to or cue.who}'s to take",
                                            "list it among their `roles` under `people`, or give it to somebody else",
                                            "role-not-theirs"))  # fmt: skip
        outside = [] if lab else ["the drill has no `lab:`"]
        named = _named(drill, inventory)
        outside += [f"`{name}` is not in the drill's lab" for name in named if name not in inventory.in_lab]
        if isinstance(cue.line, Run) and outside:
            binding.problems.append(Problem(place, f"the cast would run a command, and {outside[0]}", "the cast runs commands "
                                            "only where all that the drill touches is started for it and ended with it",
                                            "cast-outside-lab"))  # fmt: skip


def _named(drill: Drill, inventory: Inventory) -> list[str]:
    """Every target that a fault or probe reaches."""
    faults = [part.injector.target for one in drill.faults for part in _parts(one, inventory)]
    return [*faults, *(one.probe.target for one in drill.probes.values())]


def _commands(drill: Drill, lab: Lab | None, binding: Binding) -> dict[str, tuple[str, ...]]:
    """What the cast runs, with the lab's variables filled in."""
    known = lab.values if lab else {}

    def filled(word: str) -> str:
        node = substitute(Scalar(word, drill.places["word", word], True), known, binding.problems)
        return node.text if isinstance(node, Scalar) else word

    return {cue.id: tuple(map(filled, cue.line.command)) for cue in drill.cast if lab and isinstance(cue.line, Run)}


def drills_in(path: Path, *, may_lack: bool = False) -> list[Path]:
    """The file itself, or every drill below a folder: each YAML file with a `drill:` at the beginning of a line.

    What runs have kept, and folders whose name begins with a dot, are passed over. Raises DrillError where there is none,
    unless there need be none.
    """
    if not path.exists():
        raise mistake(str(path), "there is no such file or folder", "give the path of a drill, or of a folder of drills",
                      "no-file")  # fmt: skip
    if not path.is_dir():
        return [path]
    found = [file for file in sorted(path.rglob("*.y*ml")) if _is(_DRILL, file, path)]
    if not found and not may_lack:
        raise mistake(str(path), "there is no drill below this folder", "a drill is a .yaml file that begins with "
                      "`drill: NAME`", "no-file")  # fmt: skip
    return found


def sops_in(path: Path) -> list[Path]:
    """The file itself if it is a SOP, or every SOP below a folder, as for drills: a YAML file with `kind: SOP`."""
    files = sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]
    return [file for file in files if file.is_file() and _is(_SOP, file, path)]


_DRILL = rb"^drill\s*:"
_SOP = rb"^kind\s*:\s*[\"']?SOP\b"


def _is(what: bytes, file: Path, below: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(below).parts)
    if hidden or not file.is_file() or (file.parent / "journal.jsonl").exists():
        return False
    try:
        return re.search(what, file.read_bytes(), re.MULTILINE) is not None
    except OSError:
        return what is _DRILL  # reading it as a drill will tell what is wrong with it
